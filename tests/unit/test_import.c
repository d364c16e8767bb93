/*
 * Imported answers: single cells and log-probabilities in all their forms, hostile ones too, and
 * what an import does when memory runs out.  Whole files: tests/cli/test_cli_import.py.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/import/answers.h"
#include "experiment/store/run_data.h"
#include "run_fixture.h"

/* ---- cells ----------------------------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void assert_texts(const char *json, const char *const *texts, size_t n)
{
    struct sc_import_answers answers = {0};
    struct sc_error error = {0};
    json_t *value = parse(json);
    if (sc_import_completions(value, &answers, &error) != SC_OK)
        fail_msg("%s: %s", json, error.text);
    assert_int_equal(answers.n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(answers.items[i].text, texts[i]);
    sc_import_answers_cut(&answers, 0);
    sc_free(answers.items);
    json_decref(value);
}

static void answers_are_found_in_whatever_holds_them(void **state)
{
    (void)state;
    static const char *const two[] = {"a", "b"}, *const thought[] = {"<think>\nt\n</think>\n\na"};
    static const char *const ab[] = {"ab"};
    assert_texts("\"a\"", two, 1);
    assert_texts("[\"a\", \"b\"]", two, 2);
    assert_texts("[[\"a\"], [\"b\"]]", two, 2);
    assert_texts("[{\"generated_text\": \"a\"}, {\"generated_text\": \"b\"}]", two, 2);
    assert_texts("{\"choices\": [{\"text\": \"a\"}, {\"message\": {\"content\": \"b\"}}]}", two, 2);
    assert_texts("{\"outputs\": [{\"text\": \"a\"}, {\"text\": \"b\"}]}", two, 2);
    assert_texts("{\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"a\"},"
                 "{\"type\": \"text\", \"text\": \"b\"}]}",
                 ab, 1);
    assert_texts("[{\"type\": \"text\", \"text\": \"ab\"}]", ab, 1);
    assert_texts(
        "{\"output\": [{\"type\": \"reasoning\", \"summary\": []}, {\"type\": \"message\","
        "\"role\": \"assistant\", \"content\": [{\"type\": \"output_text\", \"text\": \"a\"}]}]}",
        two, 1);
    assert_texts(
        "[{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": "
        "\"a\"}]",
        two, 1);
    assert_texts("{\"message\": {\"content\": \"a\", \"reasoning\": \"t\"}}", thought, 1);
    assert_texts("{\"message\": {\"content\": null, \"refusal\": \"a\"}}", two, 1);
    assert_texts("{\"choices\": [{\"text\": \"\"}]}", (const char *const[]){""}, 1);
    assert_texts("{\"choices\": [{\"finish_reason\": \"content_filter\", \"message\": "
                 "{\"content\": null}}]}",
                 (const char *const[]){""}, 1);
}

static void cells_without_an_answer_say_so_and_leave_nothing(void **state)
{
    (void)state;
    static const char *const cells[] = {
        "3",
        "true",
        "null",
        "[]",
        "{}",
        "[\"a\", 3]",
        "[null]",
        "{\"choices\": []}",
        "{\"choices\": [{\"text\": 3}]}",
        "{\"message\": {\"content\": null}}",
        "{\"message\": {\"content\": 3}}",
        "[{\"role\": \"assistant\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"q\"}]",
        "[[[[[[[[[[[[\"deep\"]]]]]]]]]]]]",
        ("{\"body\":{\"body\":{\"body\":{\"body\":{\"body\":{\"body\":{\"body\":{\"body\":{"
         "\"body\":"
         "{\"text\":\"a\"}}}}}}}}}}"),
        "{\"output\": [{\"type\": \"reasoning\", \"content\": []}]}",
    };
    struct sc_import_answers answers = {0};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct sc_error error = {0};
        json_t *value = parse(cells[i]);
        if (sc_import_completions(value, &answers, &error) != SC_ERR_FORMAT)
            fail_msg("%s: expected an error", cells[i]);
        assert_int_equal(answers.n, 0);
        assert_true(error.text[0] != '\0');
        json_decref(value);
    }
    sc_free(answers.items);
}

static void what_a_server_did_not_answer_failed_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *cell, *failure;
    } cells[] = {
        {"{\"error\": {\"code\": 429, \"message\": \"slow down\"}}", "slow down"},
        {"{\"error\": \"no\"}", "no"},
        {"{\"error\": {}}", "an error without a message"},
        {"{\"status_code\": 400, \"body\": {\"error\": {\"message\": \"bad\"}}}", "bad"},
        {"{\"type\": \"errored\", \"error\": {\"type\": \"error\", \"error\": {\"message\": "
         "\"e\"}}}",
         "e"},
        {"{\"choices\": [{\"message\": {\"content\": null, \"tool_calls\": [{}]}}]}",
         "calls of tools and no text"},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct sc_import_answers answers = {0};
        json_t *value = parse(cells[i].cell);
        assert_int_equal(sc_import_completions(value, &answers, NULL), SC_OK);
        assert_int_equal(answers.n, 1);
        assert_int_equal(answers.items[0].finish, SC_FINISH_FAILED);
        assert_string_equal(answers.items[0].failure, cells[i].failure);
        sc_import_answers_cut(&answers, 0);
        sc_free(answers.items);
        json_decref(value);
    }
}

/* ---- log-probabilities ----------------------------------------------------------------------- */

static void the_likeliest_tokens_stand_in_order_whatever_theirs_was(void **state)
{
    (void)state;
    json_t *value =
        parse("{\"content\": [{\"logprob\": -3, \"top_logprobs\": [{\"logprob\": -2}, "
              "{\"logprob\": -0.5}, {\"logprob\": -3}, {\"logprob\": -1}]},"
              "{\"logprob\": -1, \"top_logprobs\": [{\"logprob\": -4}, {\"logprob\": -2}, "
              "{\"logprob\": -9999.0}]}]}");
    struct sc_import_tokens tokens = {0};
    assert_int_equal(sc_import_logprobs(value, "x", 3, &tokens, NULL), SC_OK);
    assert_int_equal(tokens.n, 2);
    assert_int_equal(tokens.n_likeliest, 2); /* of the second token two are known */
    assert_float_equal(sc_import_confidence(&tokens, 0, 2), 0.75, 1e-6);
    assert_float_equal(sc_import_confidence(&tokens, 1, 2), 3, 1e-6);
    assert_float_equal(tokens.likeliest[2], -2, 0);
    assert_null(tokens.text_ends);
    sc_import_tokens_free(&tokens);
    json_decref(value);
}

/* The fewest count, whichever token has them. */
static void as_many_are_known_of_all_tokens_as_of_the_one_with_the_fewest(void **state)
{
    (void)state;
    json_t *value = parse("{\"content\": [{\"logprob\": -1, \"top_logprobs\": [{\"logprob\": -1}]},"
                          "{\"logprob\": -1, \"top_logprobs\": [{\"logprob\": -1}, "
                          "{\"logprob\": -2}]}]}");
    struct sc_import_tokens tokens = {0};
    assert_int_equal(sc_import_logprobs(value, "x", 3, &tokens, NULL), SC_OK);
    assert_int_equal(tokens.n_likeliest, 1);
    sc_import_tokens_free(&tokens);
    json_decref(value);
}

static void a_figure_that_one_token_lacks_is_absent(void **state)
{
    (void)state;
    static const char *const cells[] = {"[-1, null, -1]", "[-1, -99999, -1]",
                                        "{\"token_logprobs\": [null, -1, -2]}",
                                        "[{\"logprob\": -1}, {}, {\"logprob\": -1}]"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct sc_import_tokens tokens = {0};
        json_t *value = parse(cells[i]);
        assert_int_equal(sc_import_logprobs(value, "x", 20, &tokens, NULL), SC_OK);
        assert_int_equal(tokens.n, 3);
        assert_null(tokens.logprobs);
        assert_int_equal(tokens.n_likeliest, 0);
        sc_import_tokens_free(&tokens);
        json_decref(value);
    }
}

static void nothing_is_no_log_probabilities(void **state)
{
    (void)state;
    static const char *const cells[] = {"null", "[]", "{\"content\": null}", "{\"content\": []}",
                                        "{\"content\": null, \"refusal\": null}"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct sc_import_tokens tokens = {0};
        json_t *value = parse(cells[i]);
        assert_int_equal(sc_import_logprobs(value, "x", 20, &tokens, NULL), SC_OK);
        assert_int_equal(tokens.n, 0);
        json_decref(value);
    }
}

static void what_is_not_a_log_probability_is_refused(void **state)
{
    (void)state;
    static const char *const cells[] = {
        "[0.5]",
        "[\"-1\"]",
        "3",
        "\"text\"",
        "{\"tokens\": [\"a\"]}",
        "[-1, [-1]]",
        "[-1, {\"logprob\": 1}]",
        "[{\"logprob\": -1, \"top_logprobs\": [{\"logprob\": 2}]}]",
        "{\"token_logprobs\": [-1], \"top_logprobs\": [{\"a\": \"b\"}]}"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct sc_import_tokens tokens = {0};
        struct sc_error error = {0};
        json_t *value = parse(cells[i]);
        if (sc_import_logprobs(value, "x", 20, &tokens, &error) != SC_ERR_FORMAT)
            fail_msg("%s: expected an error", cells[i]);
        assert_true(tokens.logprobs == NULL && tokens.likeliest == NULL && tokens.n == 0);
        json_decref(value);
    }
}

/* The bytes of a character may come from two tokens. */
static void ends_of_tokens_lie_between_characters(void **state)
{
    (void)state;
    json_t *value =
        parse("[{\"logprob\": -1, \"bytes\": [97, 195]}, {\"logprob\": -1, \"bytes\": [188]},"
              "{\"logprob\": -1, \"token\": \"!\"}, {\"logprob\": -1, \"token\": \"<end>\"}]");
    struct sc_import_tokens tokens = {0};
    assert_int_equal(sc_import_logprobs(value, "a\xc3\xbc!", 20, &tokens, NULL), SC_OK);
    const uint32_t expected[] = {1, 3, 4, 4};
    assert_memory_equal(tokens.text_ends, expected, sizeof expected);
    sc_import_tokens_free(&tokens);
    static const char *const others[] = {"a\xc3\xbc", "a\xc3\xbc!?", "b", ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(sc_import_logprobs(value, others[i], 20, &tokens, NULL), SC_OK);
        assert_true((tokens.text_ends == NULL) == (i == 1 || i == 2));
        sc_import_tokens_free(&tokens);
    }
    json_decref(value);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct stage {
    char folder[64], file[96], requests[96], out[96];
    struct sc_import_options options;
};

static void write_text(const char *path, const char *text)
{
    assert_int_equal(sc_file_write(path, text, strlen(text), NULL), SC_OK);
}

static void stage_make(struct stage *stage)
{
    snprintf(stage->folder, sizeof stage->folder, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->file, sizeof stage->file, "%s/outputs.jsonl", stage->folder);
    snprintf(stage->requests, sizeof stage->requests, "%s/requests.jsonl", stage->folder);
    snprintf(stage->out, sizeof stage->out, "%s/run", stage->folder);
    write_text(stage->file,
               "{\"custom_id\": \"a\", \"response\": {\"body\": {\"model\": \"m\", \"choices\": ["
               "{\"text\": \"No.\", \"stop_reason\": \"stop\", \"logprobs\": {\"content\": ["
               "{\"token\": \"No\", \"logprob\": -1, \"top_logprobs\": [{\"logprob\": -1}]},"
               "{\"token\": \".\", \"logprob\": -2, \"top_logprobs\": [{\"logprob\": -2}]}]}},"
               "{\"text\": \"Yes.\"}]}}, \"error\": null, \"harm\": [true, false]}\n"
               "{\"custom_id\": \"b\", \"response\": null, \"error\": {\"message\": \"busy\"}}\n"
               "{\"custom_id\": \"z\", \"response\": {\"body\": {}}, \"error\": null}\n");
    write_text(stage->requests,
               "{\"custom_id\": \"b\", \"body\": {\"prompt\": \"second\"}}\n"
               "{\"custom_id\": \"a\", \"body\": {\"messages\": [{\"role\": \"user\", \"content\": "
               "\"first\"}]}}\n");
    stage->options = sc_import_options_default();
    stage->options.file = stage->file;
    stage->options.requests = stage->requests;
    stage->options.out = stage->out;
    stage->options.harm_column = "harm";
}

static void stage_free(struct stage *stage)
{
    fixture_remove_folder(stage->out);
    fixture_remove_folder(stage->folder);
}

static void an_import_becomes_a_run(void **state)
{
    (void)state;
    struct stage stage;
    struct sc_import_summary summary;
    struct sc_error error = {0};
    struct sc_run run;
    stage_make(&stage);
    for (int again = 0; again < 2; again++) {
        if (sc_import(&stage.options, NULL, &summary, &error) != SC_OK)
            fail_msg("%s", error.text);
        assert_int_equal(summary.n_rows_failed, 1);
        assert_int_equal(summary.n_traces, 3);
        assert_int_equal(summary.n_failed_traces, 1);
        assert_int_equal(summary.top_k, 1);
        assert_int_equal(summary.n_kept, again ? 3 : 0);
    }
    assert_int_equal(sc_run_load(stage.out, true, &run, &error), SC_OK);
    assert_int_equal(run.n_instances, 2);
    assert_string_equal(run.instances[0].prompt, "first");
    assert_string_equal(run.judge, "imported");
    assert_int_equal(run.policies[0].max_traces, 2);
    assert_int_equal(run.instances[1].decisions[0].n_traces, 1);
    const struct sc_run_trace *trace = &run.instances[0].traces[0];
    assert_int_equal(trace->harm, SC_HARMFUL);
    assert_int_equal(trace->n_tokens, 2);
    assert_float_equal(trace->stats[1].confidence, 2, 1e-6);
    assert_true(isnan(trace->stats[1].entropy) && isnan(trace->stats[1].sampled_logprob));
    assert_null(trace->ids);
    assert_int_equal(trace->text_ends[1], 3);
    assert_int_equal(run.instances[0].traces[1].finish, SC_FINISH_UNKNOWN);
    assert_false(run.instances[0].traces[1].n_tokens_known);
    assert_string_equal(run.instances[1].traces[0].failure, "busy");
    sc_run_free(&run);
    stage_free(&stage);
}

static void options_that_say_nothing_are_refused(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage);
    struct sc_import_options options = stage.options;
    assert_int_equal(sc_import(NULL, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options.size = 0;
    assert_int_equal(sc_import(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options = stage.options;
    options.file = NULL;
    assert_int_equal(sc_import(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options = stage.options;
    options.out = "";
    assert_int_equal(sc_import(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options = stage.options;
    options.window = 0;
    assert_int_equal(sc_import(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options = stage.options;
    options.logprobs = SC_N_LOGPROB_KINDS;
    assert_int_equal(sc_import(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    assert_false(sc_is_folder(stage.out));
    stage_free(&stage);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void an_interrupted_import_goes_on(void **state)
{
    (void)state;
    struct stage stage;
    struct sc_import_summary summary;
    const struct sc_import_observer observer = {.keep_going = never};
    stage_make(&stage);
    assert_int_equal(sc_import(&stage.options, &observer, NULL, NULL), SC_ERR_INTERRUPTED);
    assert_int_equal(sc_import(&stage.options, NULL, &summary, NULL), SC_OK);
    assert_int_equal(summary.n_traces, 3);
    stage_free(&stage);
}

/* Every allocation fails once: an error without a leak, and the next import completes the folder.
 */
static void memory_that_runs_out_leaves_a_folder_that_goes_on(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage);
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0, n_asked = 0;
    for (; status != SC_OK && n < 20000; n += n < 2000 ? 1 : 37) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_import(&stage.options, NULL, NULL, &error);
        n_asked = sc_memory_count();
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && n_asked > n)
            fail_msg("allocation %zu failed, and nobody said so", n);
        if (status != SC_OK && status != SC_ERR_NOMEM)
            fail_msg("allocation %zu: %s", n, error.text);
    }
    assert_int_equal(status, SC_OK);
    assert_true(n_asked > 100);
    stage_free(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_found_in_whatever_holds_them),
        cmocka_unit_test(cells_without_an_answer_say_so_and_leave_nothing),
        cmocka_unit_test(what_a_server_did_not_answer_failed_with_its_reason),
        cmocka_unit_test(the_likeliest_tokens_stand_in_order_whatever_theirs_was),
        cmocka_unit_test(as_many_are_known_of_all_tokens_as_of_the_one_with_the_fewest),
        cmocka_unit_test(a_figure_that_one_token_lacks_is_absent),
        cmocka_unit_test(nothing_is_no_log_probabilities),
        cmocka_unit_test(what_is_not_a_log_probability_is_refused),
        cmocka_unit_test(ends_of_tokens_lie_between_characters),
        cmocka_unit_test(an_import_becomes_a_run),
        cmocka_unit_test(options_that_say_nothing_are_refused),
        cmocka_unit_test(an_interrupted_import_goes_on),
        cmocka_unit_test(memory_that_runs_out_leaves_a_folder_that_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
