/* Requests to our own server as they are read, prompts that are told apart, and who may ask. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "serving/gate.h"
#include "serving/prompts.h"
#include "serving/request.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static enum sc_status read(struct sc_serving_request *out, bool chat, const char *body,
                           char field[64], struct sc_error *error)
{
    return sc_serving_request_read(out, chat, body, strlen(body), field, error);
}

static void all_fields_are_read(void **state)
{
    (void)state;
    struct sc_serving_request r;
    struct sc_error error = {0};
    char field[64];
    const char *body =
        "{" MESSAGES ",\"model\":\"m\",\"n\":3,\"max_completion_tokens\":9,\"temperature\":0.5,"
        "\"top_p\":0.9,\"top_k\":-1,\"min_p\":0.1,\"repetition_penalty\":1.1,\"seed\":-2,"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"logprobs\":true,"
        "\"top_logprobs\":4,\"stop\":\"x\",\"stop_token_ids\":[7],\"return_token_ids\":true,"
        "\"chat_template_kwargs\":{\"enable_thinking\":true,\"depth\":[1]}}";
    if (read(&r, true, body, field, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_string_equal(r.model, "m");
    assert_int_equal(r.n, 3);
    assert_int_equal(r.max_tokens, 9);
    assert_true(r.max_is_given && r.seed_is_given && r.stream && r.usage_in_stream && r.lists);
    assert_true(r.gives_ids && r.thinks && r.thinking_is_given);
    assert_int_equal(r.n_top, 4);
    assert_true(r.seed == (uint64_t)-2);
    assert_true(r.sampling.temperature == 0.5 && r.sampling.top_p == 0.9);
    assert_int_equal(r.sampling.top_k, 0);
    assert_string_equal(r.stops[0], "x");
    assert_int_equal(r.stop_ids[0], 7);
    assert_int_equal(r.n_arguments, 1);
    assert_string_equal(r.arguments[0], "depth=[1]");
    sc_serving_request_free(&r);
}

static void what_is_not_given_is_told_apart(void **state)
{
    (void)state;
    struct sc_serving_request r;
    char field[64];
    assert_int_equal(read(&r, true, "{" MESSAGES ",\"seed\":null,\"n\":null}", field, NULL), SC_OK);
    assert_true(isnan(r.sampling.temperature) && r.sampling.top_k == -1);
    assert_false(r.seed_is_given || r.max_is_given || r.stream || r.lists);
    assert_int_equal(r.n, 1);
    sc_serving_request_free(&r);
    assert_int_equal(read(&r, true, "{" MESSAGES ",\"top_k\":1}", field, NULL), SC_OK);
    assert_int_equal(r.sampling.top_k, 1); /* the likeliest, which is not "off" */
    sc_serving_request_free(&r);
    assert_int_equal(read(&r, false, "{\"prompt\":[[1,2],\"a\"],\"logprobs\":0}", field, NULL),
                     SC_OK);
    assert_int_equal(r.n_prompts, 2);
    assert_int_equal(r.prompts[0].n_ids, 2);
    assert_string_equal(r.prompts[1].text, "a");
    assert_true(r.lists && r.n_top == 0 && r.adds_special);
    sc_serving_request_free(&r);
}

/* Each body is refused with the name of what is wrong. */
static void refusals_name_the_field(void **state)
{
    (void)state;
    static const struct {
        bool chat;
        const char *body, *field;
    } cases[] = {
        {true, "{" MESSAGES ",\"prompt\":\"x\"}", "prompt"},
        {false, "{\"prompt\":\"x\",\"messages\":[]}", "messages"},
        {true, "{" MESSAGES ",\"max_tokens\":3,\"max_completion_tokens\":4}",
         "max_completion_tokens"},
        {true, "{" MESSAGES ",\"top_logprobs\":3}", "top_logprobs"},
        {true, "{" MESSAGES ",\"stream_options\":{\"include_usage\":1}}", "include_usage"},
        {true, "{" MESSAGES ",\"typical_p\":1}", "typical_p"},
        {true, "{" MESSAGES ",\"top_k\":1e3}", "top_k"},
        {false, "{\"prompt\":\"x\",\"echo\":true,\"stream\":true}", "echo"},
        {false, "{\"prompt\":[]}", "prompt"},
        {false, "{\"prompt\":[\"\"]}", "prompt"},
        {false, "{\"prompt\":[1,\"a\"]}", "prompt"},
        {false, "{\"prompt\":[\"a\",\"b\"],\"n\":65}", "n"},
        {true, "{\"messages\":[{\"role\":\"user\"}]}", "messages"},
        {true, "[1]", ""},
        {true, "{", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_serving_request r;
        struct sc_error error = {0};
        char field[64];
        assert_int_not_equal(read(&r, cases[i].chat, cases[i].body, field, &error), SC_OK);
        assert_string_equal(field, cases[i].field);
        assert_true(error.text[0] != '\0');
        sc_serving_request_free(&r);
    }
}

/* And with what is expected there. */
static void refusals_say_what_is_expected(void **state)
{
    (void)state;
#define ASSISTANT                                                                                  \
    "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":"     \
    "\"b\"}]"
    static const struct {
        bool chat;
        const char *body, *field, *said;
    } cases[] = {
        {true, "{" MESSAGES ",\"presence_penalty\":0.5}", "presence_penalty",
         "not supported: it may be left out, or one of [0]"},
        {true, "{" MESSAGES ",\"tools\":[{}]}", "tools",
         "not supported: it may be left out, or one of [[]]"},
        {true, "{" MESSAGES ",\"typical_p\":1}", "typical_p",
         "unknown field: what it asks for is not done here"},
        {true, "{" MESSAGES ",\"model\":5}", "model", "expected a name, found"},
        {true, "{" MESSAGES ",\"stream\":1}", "stream", "expected true or false, found"},
        {true, "{" MESSAGES ",\"stream_options\":[]}", "stream_options",
         "expected an object, found"},
        {true, "{" MESSAGES ",\"temperature\":-1}", "temperature",
         "expected a number from 0 to 100"},
        {true, "{" MESSAGES ",\"temperature\":\"1\"}", "temperature",
         "expected a number from 0 to 100"},
        {true, "{" MESSAGES ",\"n\":0}", "n", "expected a whole number from 1 to"},
        {true, "{" MESSAGES ",\"max_tokens\":0}", "max_tokens",
         "expected a whole number from 1 to"},
        {true, "{" MESSAGES ",\"stop\":5}", "stop", "expected texts of 1 to"},
        {true, "{" MESSAGES ",\"stop\":[\"\"]}", "stop", "expected texts of 1 to"},
        {true, "{" MESSAGES ",\"stop_token_ids\":5}", "stop_token_ids",
         "expected a list of at most"},
        {true, "{" MESSAGES ",\"stop_token_ids\":[-1]}", "stop_token_ids", "expected ids"},
        {true, "{" MESSAGES ",\"stop_token_ids\":[1.5]}", "stop_token_ids", "expected ids"},
        {true, "{" MESSAGES ",\"chat_template_kwargs\":[]}", "chat_template_kwargs",
         "expected an object, found"},
        {true, "{" MESSAGES ",\"chat_template_kwargs\":{\"a=b\":1}}", "chat_template_kwargs",
         "expected names of variables"},
        {true, "{" MESSAGES ",\"chat_template_kwargs\":{\"\":1}}", "chat_template_kwargs",
         "expected names of variables"},
        {true, "{" MESSAGES ",\"chat_template_kwargs\":{\"enable_thinking\":1}}",
         "chat_template_kwargs", "enable_thinking: expected true or false"},
        {true, "{\"messages\":5}", "messages", "expected a list of 1 to"},
        {true, "{\"messages\":[]}", "messages", "expected a list of 1 to"},
        {true, "{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}", "messages", "role"},
        {true, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[1]}]}",
         "messages", "tool_calls: tools are not supported"},
        {true, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
         "messages", "expected"},
        {true, "{" MESSAGES ",\"continue_final_message\":true}", "continue_final_message",
         "expected false, as the last message is the user's"},
        {true, "{" ASSISTANT "}", "continue_final_message",
         "expected true, as the last message is the assistant's"},
        {true, "{" ASSISTANT ",\"continue_final_message\":true,\"add_generation_prompt\":true}",
         "add_generation_prompt", "expected false, as the last message is the assistant's"},
        {true, "{" MESSAGES ",\"add_generation_prompt\":false}", "add_generation_prompt",
         "expected true, as the last message is the user's"},
        {false, "{\"prompt\":\"x\",\"max_tokens\":0}", "max_tokens",
         "expected at least 1, or echo beside 0"},
        {false, "{\"prompt\":\"x\",\"best_of\":2}", "best_of",
         "expected a whole number from 1 to 1"},
        {false, "{\"prompt\":[[1,\"a\"]]}", "prompt", "expected"},
        {false, "{\"prompt\":\"x\",\"echo\":true,\"stream\":true}", "echo",
         "expected no stream beside it"},
        {false, "{\"prompt\":{}}", "prompt", "expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_serving_request r;
        struct sc_error error = {0};
        char field[64];
        assert_int_equal(read(&r, cases[i].chat, cases[i].body, field, &error), SC_ERR_ARGUMENT);
        if (strcmp(field, cases[i].field) != 0 || strstr(error.text, cases[i].said) == NULL)
            fail_msg("%s: %s: %s", cases[i].body, field, error.text);
        sc_serving_request_free(&r);
    }
}

/* What changes nothing may be there; content may come in parts of text. */
static void what_changes_nothing_is_taken(void **state)
{
    (void)state;
    struct sc_serving_request r;
    struct sc_error error = {0};
    char field[64];
    static const char body[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
        "{\"type\":\"text\",\"text\":\"b\"}]}],\"user\":\"me\",\"tools\":[],\"presence_penalty\":0."
        "0,"
        "\"response_format\":{\"type\":\"text\"},\"tool_choice\":null,\"stop\":null,"
        "\"stop_token_ids\":[7,8],\"chat_template_kwargs\":{\"enable_thinking\":true,\"x\":[1]},"
        "\"max_tokens\":4,\"max_completion_tokens\":4}";
    if (read(&r, true, body, field, &error) != SC_OK)
        fail_msg("%s: %s", field, error.text);
    assert_string_equal(r.messages.messages[0].text, "ab");
    assert_int_equal(r.n_stop_ids, 2);
    assert_int_equal(r.stop_ids[1], 8);
    assert_true(r.thinks && r.thinking_is_given);
    assert_int_equal(r.n_arguments, 1);
    assert_string_equal(r.arguments[0], "x=[1]");
    assert_int_equal(r.max_tokens, 4);
    sc_serving_request_free(&r);
}

/* With each allocation failing in turn nothing is lost, and nothing is taken for what it is not. */
static void memory_runs_out(void **state)
{
    (void)state;
    const char *bodies[] = {"{" MESSAGES ",\"model\":\"m\",\"stop\":[\"a\",\"b\"],"
                            "\"chat_template_kwargs\":{\"x\":1}}",
                            "{\"prompt\":[[1,2],\"ab\"],\"n\":2,\"echo\":true}"};
    for (size_t b = 0; b < 2; b++)
        for (size_t n = 0;; n++) {
            struct sc_serving_request r;
            char field[64];
            struct sc_error error = {0};
            sc_memory_fail_at(n);
            enum sc_status status = read(&r, b == 0, bodies[b], field, &error);
            size_t count = sc_memory_count();
            sc_memory_fail_at(SIZE_MAX);
            sc_serving_request_free(&r);
            if (count <= n) {
                assert_int_equal(status, SC_OK);
                break;
            }
        }
}

static void equal_prompts_have_one_key(void **state)
{
    (void)state;
    struct sc_serving_prompts book = {0};
    const int32_t a[] = {1, 2, 3}, b[] = {1, 2, 4};
    struct sc_serving_prompt *first = sc_serving_prompts_take(&book, a, 3);
    struct sc_serving_prompt *same = sc_serving_prompts_take(&book, a, 3);
    struct sc_serving_prompt *other = sc_serving_prompts_take(&book, b, 3);
    struct sc_serving_prompt *shorter = sc_serving_prompts_take(&book, a, 2);
    assert_ptr_equal(first, same);
    assert_true(first->key != other->key && first->key != shorter->key);
    assert_int_equal(first->n_users, 2);
    sc_serving_prompts_leave(same);
    uint64_t key = first->key;
    /* One that is in hand stays, whatever comes; others are forgotten, and their keys with them. */
    sc_serving_prompts_leave(other);
    for (int32_t i = 0; i < 2 * SC_SERVING_KEPT_PROMPTS; i++)
        sc_serving_prompts_leave(sc_serving_prompts_take(&book, (const int32_t[]){10, i}, 2));
    assert_true(book.n <= SC_SERVING_KEPT_PROMPTS + 3);
    assert_true(sc_serving_prompts_take(&book, a, 3)->key == key);
    assert_true(sc_serving_prompts_take(&book, b, 3)->key > 2 * SC_SERVING_KEPT_PROMPTS);
    sc_serving_prompts_free(&book);
}

static void hosts_and_keys(void **state)
{
    (void)state;
    static const char *const good[] = {"localhost", "LocalHost:8000", "127.0.0.1",  "127.0.0.1:1",
                                       "[::1]",     "[::1]:80",       "10.0.0.5:99"};
    static const char *const bad[] = {"",
                                      "localhost.evil.example",
                                      "evil.example:8000",
                                      "localhost:",
                                      "localhost:80x",
                                      "127.0.0.1.nip.example",
                                      "[::1",
                                      "[::1]x",
                                      "[::2]",
                                      "localhost:123456",
                                      "127.0.0.1@evil"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(sc_serving_knows_host(good[i], "10.0.0.5"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sc_serving_knows_host(bad[i], "10.0.0.5"));
    assert_false(sc_serving_knows_host(NULL, "127.0.0.1"));
    assert_true(sc_serving_has_key("bearer abc", "abc"));
    assert_false(sc_serving_has_key("Bearer ", "abc"));
    assert_false(sc_serving_has_key("Bearer abcabc", "abc"));
    assert_false(sc_serving_has_key("Bearer ab", "abc"));
    assert_false(sc_serving_has_key("abc", "abc"));
    assert_true(sc_serving_is_json("application/JSON; charset=utf-8"));
    assert_false(sc_serving_is_json("application/jsonp"));
    assert_true(sc_serving_is_local("127.0.0.2") && !sc_serving_is_local("0.0.0.0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(what_is_not_given_is_told_apart),
        cmocka_unit_test(refusals_name_the_field),
        cmocka_unit_test(refusals_say_what_is_expected),
        cmocka_unit_test(what_changes_nothing_is_taken),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(equal_prompts_have_one_key),
        cmocka_unit_test(hosts_and_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
