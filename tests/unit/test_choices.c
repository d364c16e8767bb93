/* What servers answer, whole and in events: texts, ends, log-probabilities in both shapes. */
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
#include "remote/choices.h"

static void add_whole(struct sc_choices *choices, const char *body)
{
    struct sc_error error = {0};
    if (sc_choices_add(choices, body, strlen(body), &error) != SC_OK)
        fail_msg("%s: %s", body, error.text);
}

static void add_event(struct sc_choices *choices, const char *data)
{
    struct sc_error error = {0};
    if (sc_choices_add_event(choices, data, strlen(data), &error) != SC_OK)
        fail_msg("%s: %s", data, error.text);
}

static const char *text_of(const struct sc_text *text)
{
    return text->data != NULL ? text->data : "";
}

static void an_answer_says_all_that_it_says(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_whole(&choices, "{\"model\":\"m-2024\",\"system_fingerprint\":\"fp_1\",\"choices\":[{"
                        "\"index\":0,\"message\":{\"content\":\"Yes.\",\"reasoning_content\":"
                        "\"Hm.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,"
                        "\"completion_tokens\":3}}");
    const struct sc_choice *choice = &choices.choices[0];
    assert_string_equal(text_of(&choice->text), "Yes.");
    assert_string_equal(text_of(&choice->reasoning), "Hm.");
    assert_string_equal(choice->finish, "stop");
    assert_string_equal(choices.model, "m-2024");
    assert_string_equal(choices.fingerprint, "fp_1");
    assert_int_equal(choices.n_prompt_tokens, 7);
    assert_int_equal(choices.n_generated, 3);
    assert_false(choice->refused);
    assert_true(sc_choices_are_whole(&choices, false));
    sc_choices_clear(&choices);
    assert_null(choices.choices);
    assert_int_equal(choices.n, 1);
}

static void choices_go_by_their_index(void **state)
{
    struct sc_choices choices = {.n = 2};
    (void)state;

    add_whole(&choices, "{\"choices\":[{\"index\":1,\"text\":\"b\",\"finish_reason\":\"length\"},"
                        "{\"index\":0,\"text\":\"a\"}]}");
    assert_string_equal(text_of(&choices.choices[0].text), "a");
    assert_string_equal(text_of(&choices.choices[1].text), "b");
    assert_true(sc_choices_are_whole(&choices, false));
    sc_choices_clear(&choices);

    add_whole(&choices, "{\"choices\":[{\"index\":0,\"text\":\"a\"}]}");
    assert_false(sc_choices_are_whole(&choices, false));
    sc_choices_clear(&choices);
}

static void what_was_not_asked_for_is_no_answer(void **state)
{
    static const char *const bodies[] = {
        "{\"choices\":[{\"index\":2,\"text\":\"a\"}]}",
        "{\"choices\":[{\"index\":-1,\"text\":\"a\"}]}",
        "{\"choices\":[{\"index\":0,\"text\":\"a\"},{\"index\":0,\"text\":\"b\"}]}",
        "{\"choices\":[{\"text\":\"a\"},{\"text\":\"b\"},{\"text\":\"c\"}]}",
        "{\"choices\":[{\"message\":{}}]}",
        "{\"choices\":[]}",
        "{\"choices\":7}",
        "{\"choices\":[7]}",
        "{}",
        "[]",
        "<html>",
        "",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct sc_choices choices = {.n = 2};
        struct sc_error error = {0};
        assert_int_equal(sc_choices_add(&choices, bodies[i], strlen(bodies[i]), &error),
                         SC_ERR_FORMAT);
        assert_non_null(strstr(error.text, "the server's answer"));
        sc_choices_clear(&choices);
    }
}

static void events_make_one_answer(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_event(&choices, "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"
                        "\"assistant\",\"content\":\"\"}}]}");
    add_event(&choices, "{\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"Hm\"}}]}");
    add_event(&choices, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"logprobs\":{"
                        "\"content\":[{\"token\":\"Hi\",\"logprob\":-0.5,\"top_logprobs\":[{"
                        "\"token\":\"Hi\",\"logprob\":-0.5},{\"token\":\"Ho\",\"logprob\":-1}]}]}"
                        "}]}");
    assert_false(sc_choices_are_whole(&choices, true));
    add_event(&choices, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\" you\"},"
                        "\"finish_reason\":\"length\"}]}");
    assert_true(sc_choices_are_whole(&choices, true));
    add_event(&choices, "{\"choices\":[],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":5}}");
    add_event(&choices, "[DONE]");
    const struct sc_choice *choice = &choices.choices[0];
    assert_string_equal(text_of(&choice->text), "Hi you");
    assert_string_equal(text_of(&choice->reasoning), "Hm");
    assert_string_equal(choice->finish, "length");
    assert_int_equal(choice->n_tokens, 1);
    assert_int_equal(choice->tokens[0].n_candidates, 2);
    assert_true(choice->tokens[0].logprob == -0.5);
    assert_int_equal(choices.n_generated, 5);
    assert_true(choices.ended);
    sc_choices_clear(&choices);
}

static void a_stream_may_end_in_an_error(void **state)
{
    static const char *const events[] = {
        "{\"error\":{\"message\":\"out of memory\",\"code\":500}}",
        "not JSON",
        "{\"choices\":[{\"index\":4,\"delta\":{}}]}",
        "{\"choices\":[1]}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct sc_choices choices = {.n = 1};
        struct sc_error error = {0};
        assert_int_equal(sc_choices_add_event(&choices, events[i], strlen(events[i]), &error),
                         SC_ERR_FORMAT);
        if (i == 0)
            assert_non_null(strstr(error.text, "out of memory"));
        sc_choices_clear(&choices);
    }
}

/* Numbers of tokens: those of an infinity and those that are missing are not given. */
static void numbers_that_are_not_given(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_whole(&choices,
              "{\"choices\":[{\"text\":\"abcd\",\"logprobs\":{\"tokens\":[\"a\",\"b\",\"c\",\"d\"],"
              "\"token_logprobs\":[-1,null,-9999.0,0.0000001],\"top_logprobs\":[{\"a\":-1,\"x\":"
              "-9999},{\"b\":null,\"y\":-2},null,{\"d\":0}]}}]}");
    const struct sc_choice *choice = &choices.choices[0];
    assert_false(choice->strange);
    assert_int_equal(choice->n_tokens, 4);
    assert_true(choice->tokens[0].logprob == -1);
    assert_true(isnan(choice->tokens[1].logprob) && isnan(choice->tokens[2].logprob));
    assert_true(choice->tokens[3].logprob == 0);
    assert_int_equal(choice->tokens[0].n_candidates, 1);
    assert_int_equal(choice->tokens[1].n_candidates, 1);
    assert_int_equal(choice->tokens[2].n_candidates, 0);
    sc_choices_clear(&choices);
}

static void ids_in_the_place_of_texts(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_whole(&choices,
              "{\"choices\":[{\"text\":\"ab\",\"logprobs\":{\"tokens\":[\"token_id:17\",\"token_id:"
              "x\",\"token_id:99999999999\"],\"token_logprobs\":[-1,-1,-1],\"top_logprobs\":[{"
              "\"token_id:17\":-1,\"token_id:18\":-2},{},{}]}}]}");
    const struct sc_choice *choice = &choices.choices[0];
    assert_int_equal(choice->tokens[0].id, 17);
    assert_int_equal(choice->tokens[0].n, 0);
    assert_int_equal(choice->tokens[0].n_candidates, 2);
    assert_int_equal(choice->tokens[1].id, -1); /* a text that looks like it */
    assert_int_equal(choice->tokens[1].n, 10);
    assert_int_equal(choice->tokens[2].id, -1);
    sc_choices_clear(&choices);

    /* beside the text, as llama-server has it, and beside the choice, as vLLM */
    add_whole(&choices, "{\"choices\":[{\"text\":\"a\",\"token_ids\":[7,-2,\"x\"],\"logprobs\":{"
                        "\"content\":[{\"id\":7,\"token\":\"a\",\"logprob\":-1}]}}]}");
    choice = &choices.choices[0];
    assert_int_equal(choice->tokens[0].id, 7);
    assert_int_equal(choice->tokens[0].n, 1);
    assert_int_equal(choice->n_ids, 3);
    assert_int_equal(choice->ids[0], 7);
    assert_int_equal(choice->ids[1], -1);
    assert_int_equal(choice->ids[2], -1);
    sc_choices_clear(&choices);
}

static void numbers_that_are_none_make_the_list_strange(void **state)
{
    static const char *const lists[] = {
        "{\"tokens\":[\"a\"],\"token_logprobs\":[\"-1\"]}",
        "{\"tokens\":[\"a\"],\"token_logprobs\":[0.5]}",
        "{\"tokens\":[7],\"token_logprobs\":[-1]}",
        "{\"content\":[{\"token\":\"a\",\"logprob\":-1,\"bytes\":[300]}]}",
        "{\"content\":[{\"token\":\"a\",\"logprob\":-1,\"top_logprobs\":[{\"logprob\":2}]}]}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct sc_choices choices = {.n = 1};
        char body[300];
        snprintf(body, sizeof body, "{\"choices\":[{\"text\":\"a\",\"logprobs\":%s}]}", lists[i]);
        add_whole(&choices, body);
        assert_true(choices.choices[0].strange);
        assert_string_equal(text_of(&choices.choices[0].text), "a");
        sc_choices_clear(&choices);
    }
}

static void a_refusal_of_the_interface_is_marked(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_whole(&choices, "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"No.\"}}]}");
    assert_true(choices.choices[0].refused);
    assert_string_equal(text_of(&choices.choices[0].text), "No.");
    sc_choices_clear(&choices);
    add_whole(&choices, "{\"choices\":[{\"message\":{\"content\":\"x\",\"refusal\":null}}]}");
    assert_false(choices.choices[0].refused);
    sc_choices_clear(&choices);
}

static void texts_that_json_allows_and_no_text_holds(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_whole(&choices, "{\"choices\":[{\"text\":\"\\u0000\\ud83dx\xff\",\"finish_reason\":"
                        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9z\"}]}");
    assert_string_equal(text_of(&choices.choices[0].text), "\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd");
    assert_int_equal(strlen(choices.choices[0].finish), 46); /* whole characters alone */
    sc_choices_clear(&choices);
}

/* Python writes them, and they are no JSON. */
static void numbers_that_are_none_are_not_given(void **state)
{
    struct sc_choices choices = {.n = 1};
    (void)state;

    add_whole(&choices,
              "{\"choices\":[{\"text\":\"a \\\"NaN\",\"logprobs\":{\"tokens\":[\"a \\\"\",\"NaN\"],"
              "\"token_logprobs\":[NaN,-Infinity],\"top_logprobs\":[{\"x\":-1,\"y\":NaN},"
              "{\"x\":-Infinity}]}}]}");
    const struct sc_choice *choice = &choices.choices[0];
    assert_string_equal(text_of(&choice->text), "a \"NaN");
    assert_false(choice->strange);
    assert_true(isnan(choice->tokens[0].logprob) && isnan(choice->tokens[1].logprob));
    assert_int_equal(choice->tokens[0].n_candidates, 1);
    assert_int_equal(choice->tokens[1].n_candidates, 0);
    sc_choices_clear(&choices);
}

static void exhausted_memory_is_an_error(void **state)
{
    static const char body[] =
        "{\"model\":\"m\",\"system_fingerprint\":\"f\",\"choices\":[{\"index\":1,\"text\":\"Hi\xff"
        "\",\"logprobs\":{\"tokens\":[\"Hi\",\"\xff\"],\"token_logprobs\":[-1,-2],"
        "\"top_logprobs\":[{\"Hi\":-0.1,\"Ho\":-3},{\"x\":-1}]}},{\"index\":0,\"text\":\"\"}]}";
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    for (size_t n = 0; status != SC_OK && n < 500; n++) {
        struct sc_choices choices = {.n = 2};
        sc_memory_fail_at(n);
        status = sc_choices_add(&choices, body, sizeof body - 1, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        if (status == SC_OK)
            assert_int_equal(choices.choices[1].n_tokens, 2);
        sc_choices_clear(&choices);
    }
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_says_all_that_it_says),
        cmocka_unit_test(choices_go_by_their_index),
        cmocka_unit_test(what_was_not_asked_for_is_no_answer),
        cmocka_unit_test(events_make_one_answer),
        cmocka_unit_test(a_stream_may_end_in_an_error),
        cmocka_unit_test(numbers_that_are_not_given),
        cmocka_unit_test(ids_in_the_place_of_texts),
        cmocka_unit_test(numbers_that_are_none_make_the_list_strange),
        cmocka_unit_test(a_refusal_of_the_interface_is_marked),
        cmocka_unit_test(texts_that_json_allows_and_no_text_holds),
        cmocka_unit_test(numbers_that_are_none_are_not_given),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
