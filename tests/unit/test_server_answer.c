/* From what a server lists to a trace: figures, ends of tokens, reasoning, cuts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "source/server/align.h"
#include "source/server/answer.h"

/* One choice, its trace and what they rest on. */
struct reading {
    struct sc_server_rules rules;
    struct sc_choices choices;
    struct sc_server_trace trace;
    struct sc_source_trace out;
};

static void add(struct reading *r, const char *choice)
{
    char body[4000];
    struct sc_error error = {0};
    snprintf(body, sizeof body, "{\"choices\":[%s]}", choice);
    r->choices.n = 1;
    if (sc_choices_add(&r->choices, body, strlen(body), &error) != SC_OK)
        fail_msg("%s: %s", body, error.text);
}

static void finish(struct reading *r, enum sc_reasoning_state state, size_t n_generated)
{
    struct sc_error error = {0};
    if (sc_server_trace_finish(&r->rules, &r->choices.choices[0], state, n_generated, &r->trace,
                               &r->out, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void drop(struct reading *r)
{
    sc_server_trace_free(&r->trace);
    sc_choices_clear(&r->choices);
}

static void close_to(float found, double expected)
{
    assert_true(fabs((double)found - expected) < 1e-5);
}

#define TWO_TOKENS                                                                                 \
    "{\"text\":\"Hi you\",\"finish_reason\":\"stop\",\"logprobs\":{\"tokens\":[\"Hi\",\" you\","   \
    "\"<end>\"],\"token_logprobs\":[-1.5,-0.5,-0.1],\"top_logprobs\":[{\"Ho\":-1,\"Hi\":-1.5,"     \
    "\"Ha\":-2},{\" you\":-0.5,\" me\":-1},{\"<end>\":-0.1,\"x\":-3}]}}"

static void figures_of_raw_log_probabilities(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW, .k = 2}};
    (void)state;

    add(&r, TWO_TOKENS);
    finish(&r, SC_REASONING_AHEAD, 3);
    assert_int_equal(r.out.finish, SC_FINISH_STOP);
    assert_string_equal(r.out.finish_reason, "stop");
    assert_int_equal(r.out.n_tokens, 3);
    assert_int_equal(r.out.n_generated, 3);
    assert_int_equal(r.out.figures, 1u << SC_FIGURE_LOGPROB | 1u << SC_FIGURE_CONFIDENCE);
    /* of the two likeliest: what is listed because it was chosen, or beyond them, does not count */
    close_to(r.out.stats[0].confidence, 1.25);
    close_to(r.out.stats[1].confidence, 0.75);
    close_to(r.out.stats[0].logprob, -1.5);
    assert_true(isnan(r.out.stats[0].sampled_logprob) && isnan(r.out.stats[0].entropy));
    assert_non_null(r.out.entropy_low);
    assert_null(r.out.entropy_high); /* nobody knows the vocabulary */
    assert_int_equal(r.out.text_ends[0], 2);
    assert_int_equal(r.out.text_ends[1], 6);
    assert_int_equal(r.out.text_ends[2], 6);
    drop(&r);
}

static void figures_of_processed_ones(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_PROCESSED, .k = 2}};
    (void)state;

    add(&r, TWO_TOKENS);
    finish(&r, SC_REASONING_AHEAD, 0);
    assert_int_equal(r.out.figures, 1u << SC_FIGURE_SAMPLED_LOGPROB | 1u << SC_FIGURE_CONFIDENCE);
    close_to(r.out.stats[0].sampled_logprob, -1.5);
    assert_true(isnan(r.out.stats[0].logprob));
    assert_null(r.out.entropy_low);
    drop(&r);
}

static void an_undistorted_draw_has_both(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW, .k = 2, .undistorted = true}};
    (void)state;

    add(&r, TWO_TOKENS);
    finish(&r, SC_REASONING_AHEAD, 0);
    close_to(r.out.stats[0].sampled_logprob, -1.5);
    close_to(r.out.stats[0].logprob, -1.5);
    drop(&r);
}

/* A figure that one token lacks is absent in the whole trace, never 0. */
static void what_one_token_lacks_is_absent(void **state)
{
    static const struct {
        const char *tokens, *chosen, *top;
        unsigned figures;
    } cases[] = {
        {"\"a\",\"b\"", "-1,null", "{\"a\":-1,\"x\":-2},{\"b\":-1,\"x\":-2}",
         1u << SC_FIGURE_CONFIDENCE},
        {"\"a\",\"b\"", "-1,-1", "{\"a\":-1,\"x\":-2},{\"b\":-1}", 1u << SC_FIGURE_LOGPROB},
        {"\"a\",\"b\"", "-1,-9999.0", "{\"a\":-1,\"x\":-2},{\"b\":-1,\"x\":-9999.0}", 0},
        /* a 0 in the place of a number: the likeliest has less */
        {"\"a\",\"b\"", "-1,0.0", "{\"a\":-1,\"x\":-2},{\"b\":-1,\"x\":-2}",
         1u << SC_FIGURE_CONFIDENCE},
        {"\"a\",\"b\"", "-1,-1", "{\"a\":-1,\"x\":-2},null", 1u << SC_FIGURE_LOGPROB},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW, .k = 2}};
        char choice[500];
        snprintf(choice, sizeof choice,
                 "{\"text\":\"ab\",\"logprobs\":{\"tokens\":[%s],\"token_logprobs\":[%s],"
                 "\"top_logprobs\":[%s]}}",
                 cases[i].tokens, cases[i].chosen, cases[i].top);
        add(&r, choice);
        finish(&r, SC_REASONING_AHEAD, 0);
        assert_int_equal(r.out.figures, cases[i].figures);
        assert_int_equal(r.out.n_tokens, 2);
        drop(&r);
    }
}

static void without_log_probabilities_there_are_counts_at_most(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_UNKNOWN}};
    (void)state;

    add(&r, "{\"message\":{\"content\":\"Hi\"},\"logprobs\":null}");
    finish(&r, SC_REASONING_AHEAD, 0);
    assert_false(r.out.n_tokens_known);
    assert_int_equal(r.out.finish, SC_FINISH_UNKNOWN);
    assert_null(r.out.finish_reason);
    assert_null(r.out.stats);
    drop(&r);

    struct reading counted = {.rules = {.logprobs = SC_LOGPROBS_UNKNOWN}};
    add(&counted, "{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"weird\"}");
    finish(&counted, SC_REASONING_AHEAD, 9);
    assert_true(counted.out.n_tokens_known);
    assert_int_equal(counted.out.n_tokens, 9);
    assert_int_equal(counted.out.finish, SC_FINISH_UNKNOWN);
    assert_string_equal(counted.out.finish_reason, "weird");
    drop(&counted);
}

static void a_refusal_of_the_interface_is_filtered(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_UNKNOWN}};
    (void)state;

    add(&r, "{\"message\":{\"content\":null,\"refusal\":\"No.\"},\"finish_reason\":\"stop\"}");
    finish(&r, SC_REASONING_AHEAD, 0);
    assert_int_equal(r.out.finish, SC_FINISH_FILTERED);
    assert_string_equal(r.out.finish_reason, "stop");
    assert_string_equal(r.out.text, "No.");
    drop(&r);
}

/* ---- which bytes a token stands for ---------------------------------------------------------- */

static void expect_ends(const char *text, const char *tokens, const char *ends)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW}};
    char choice[1000], found[200] = "none";
    snprintf(choice, sizeof choice, "{\"text\":\"%s\",\"logprobs\":{\"content\":[%s]}}", text,
             tokens);
    add(&r, choice);
    finish(&r, SC_REASONING_AHEAD, 0);
    for (size_t i = 0, n = 0; r.out.text_ends != NULL && i < r.out.n_tokens; i++)
        n += (size_t)snprintf(found + n, sizeof found - n, "%s%u", i > 0 ? "," : "",
                              r.out.text_ends[i]);
    assert_string_equal(found, ends);
    drop(&r);
}

#define T(text) "{\"token\":\"" text "\",\"logprob\":-1}"
#define B(bytes) "{\"token\":\"?\",\"bytes\":[" bytes "],\"logprob\":-1}"
#define PART "\\ufffd"

static void tokens_are_found_in_the_text(void **state)
{
    (void)state;

    expect_ends("Hi you", T("Hi") "," T(" you"), "2,6");
    expect_ends("Hi", T("Hi") "," T("<|im_end|>"), "2,2");
    expect_ends("Hi", T("Hi") "," T(""), "2,2");
    expect_ends("", T("<end>"), "0");
    /* a character of several tokens belongs to the one that completes it */
    expect_ends("a\xc3\xa9z", B("97") "," B("195") "," B("169") "," B("122"), "1,1,3,4");
    expect_ends("\xf0\x9f\x99\x82!", T(PART) "," T(PART) "," T("!"), "0,4,5");
    expect_ends("\xf0\x9f\x99\x82", T(PART) "," T(PART), "0,4");
    expect_ends("a\xc3\xa9", T("a" PART) "," T(PART), "1,3");
    /* vLLM writes the whole character for the last of its tokens, and nothing before */
    expect_ends("\xc3\xa9z", T("") "," T("\xc3\xa9") "," T("z"), "0,2,3");
    /* what is not the text is said nowhere */
    expect_ends("Hi you", T("Hi"), "none");
    expect_ends("Hi you", T("Ho") "," T(" you"), "none");
    expect_ends("Hi", T("Hi") "," T("Hi") "," T("Hi"), "2,2,2");
}

/* ---- reasoning ------------------------------------------------------------------------------- */

static void reasoning_in_the_text(void **state)
{
    static const struct {
        const char *text, *finish;
        enum sc_reasoning_state state;
        bool thinking;
        const char *answer; /* NULL: all of the text */
    } cases[] = {
        {"<think>hm</think>\\n\\nYes", "stop", SC_REASONING_AHEAD, false, "\n\nYes"},
        {"hm</think>Yes", "stop", SC_REASONING_BEGUN, false, "Yes"},
        {"hm</think>Yes", "stop", SC_REASONING_OVER, false, NULL},
        {"hm</think>Yes", "stop", SC_REASONING_AHEAD, true, "Yes"},
        {"<think>hm", "length", SC_REASONING_AHEAD, false, ""},
        {"hm", "length", SC_REASONING_BEGUN, false, ""},
        {"hm", "length", SC_REASONING_AHEAD, true, ""},
        {"hm", "length", SC_REASONING_AHEAD, false, NULL},
        {"Yes", "stop", SC_REASONING_AHEAD, true, NULL},
        {"Yes", "stop", SC_REASONING_OVER, true, NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r = {.rules = {.thinking = cases[i].thinking}};
        char choice[200];
        snprintf(choice, sizeof choice, "{\"text\":\"%s\",\"finish_reason\":\"%s\"}", cases[i].text,
                 cases[i].finish);
        add(&r, choice);
        finish(&r, cases[i].state, 0);
        if (cases[i].answer == NULL)
            assert_null(r.out.answer);
        else
            assert_string_equal(r.out.answer, cases[i].answer);
        drop(&r);
    }
}

static void tokens_of_a_reasoning_are_told_apart(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW}};
    (void)state;

    add(&r,
        "{\"text\":\"<think>hm</think>Yes\",\"finish_reason\":\"stop\",\"logprobs\":{"
        "\"content\":[" T("<think>") "," T("hm") "," T("</think>") "," T("Yes") "," T("<e>") "]}}");
    finish(&r, SC_REASONING_AHEAD, 0);
    assert_int_equal(r.out.n_reasoning, 3);
    assert_string_equal(r.out.answer, "Yes");
    drop(&r);
}

static void reasoning_said_apart(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW}};
    (void)state;

    add(&r,
        "{\"message\":{\"content\":\"Yes.\",\"reasoning_content\":\"hm so\"},"
        "\"finish_reason\":\"stop\",\"logprobs\":{\"content\":[" T("<think>") "," T("\\nhm") "," T(
            " so\\n") "," T("</think>") "," T("Yes") "," T(".") "," T("<e>") "]}}");
    finish(&r, SC_REASONING_AHEAD, 0);
    assert_string_equal(r.out.text, "Yes.");
    assert_null(r.out.answer);
    assert_string_equal(r.out.reasoning, "hm so");
    assert_int_equal(r.out.n_reasoning, 4);
    assert_int_equal(r.out.text_ends[3], 0);
    assert_int_equal(r.out.text_ends[4], 3);
    assert_int_equal(r.out.text_ends[6], 4);
    drop(&r);

    /* tokens of the text alone: nothing tells where a reasoning was */
    struct reading apart = {.rules = {.logprobs = SC_LOGPROBS_RAW}};
    add(&apart, "{\"message\":{\"content\":\"Yes.\",\"reasoning\":\"hm so\"},\"logprobs\":{"
                "\"content\":[" T("Yes") "," T(".") "]}}");
    finish(&apart, SC_REASONING_AHEAD, 0);
    assert_string_equal(apart.out.reasoning, "hm so");
    assert_int_equal(apart.out.n_reasoning, 0);
    drop(&apart);

    /* no answer was reached: all tokens are the reasoning's */
    struct reading none = {.rules = {.logprobs = SC_LOGPROBS_RAW}};
    add(&none, "{\"message\":{\"content\":null,\"reasoning\":\"hm so\"},\"finish_reason\":"
               "\"length\",\"logprobs\":{\"content\":[" T("hm") "," T(" so") "]}}");
    finish(&none, SC_REASONING_AHEAD, 0);
    assert_int_equal(none.out.n_reasoning, 2);
    assert_string_equal(none.out.text, "");
    drop(&none);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

static void a_cut_trace_ends_with_its_last_token(void **state)
{
    struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW, .k = 1}};
    (void)state;

    add(&r, TWO_TOKENS);
    assert_int_equal(sc_server_trace_measure(&r.rules, &r.choices.choices[0], &r.trace, NULL),
                     SC_OK);
    r.trace.n_cut = 1;
    finish(&r, SC_REASONING_AHEAD, 0);
    assert_int_equal(r.out.finish, SC_FINISH_CUT);
    assert_int_equal(r.out.n_tokens, 1);
    assert_string_equal(r.out.text, "Hi");
    drop(&r);
}

/* Whose place in the bytes of all tokens is none. */
static void tokens_of_no_bytes_have_no_id(void **state)
{
    struct sc_server_framing framing = {0};
    struct sc_chat_options chat = sc_chat_options_default();
    struct sc_error error = {0};
    (void)state;

    if (sc_server_framing_open(&framing, TEST_MODELS "/demo", &chat, &error) != SC_OK)
        fail_msg("%s", error.text);
    struct reading r = {.rules = {.framing = &framing, .k = 1, .wants_ids = true}};
    add(&r, "{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"\"},\"logprobs\":{"
            "\"content\":[{\"token\":\"\",\"logprob\":-0.5,\"bytes\":[]}]}}");
    finish(&r, SC_REASONING_AHEAD, 1);
    assert_null(r.out.ids);
    drop(&r);
    sc_server_framing_close(&framing);
}

static void exhausted_memory_is_an_error(void **state)
{
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    for (size_t n = 0; status != SC_OK && n < 100; n++) {
        struct reading r = {.rules = {.logprobs = SC_LOGPROBS_RAW, .k = 1}};
        add(&r, "{\"text\":\"<think>hm</think>Yes\",\"logprobs\":{\"content\":[" T("<think>") "," T(
                    "hm") "," T("</think>") "," T("Yes") "]}}");
        sc_memory_fail_at(n);
        status = sc_server_trace_finish(&r.rules, &r.choices.choices[0], SC_REASONING_AHEAD, 0,
                                        &r.trace, &r.out, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        drop(&r);
    }
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_raw_log_probabilities),
        cmocka_unit_test(figures_of_processed_ones),
        cmocka_unit_test(an_undistorted_draw_has_both),
        cmocka_unit_test(what_one_token_lacks_is_absent),
        cmocka_unit_test(without_log_probabilities_there_are_counts_at_most),
        cmocka_unit_test(a_refusal_of_the_interface_is_filtered),
        cmocka_unit_test(tokens_are_found_in_the_text),
        cmocka_unit_test(reasoning_in_the_text),
        cmocka_unit_test(tokens_of_a_reasoning_are_told_apart),
        cmocka_unit_test(reasoning_said_apart),
        cmocka_unit_test(a_cut_trace_ends_with_its_last_token),
        cmocka_unit_test(tokens_of_no_bytes_have_no_id),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
