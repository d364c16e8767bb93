/* Conversations: owned turns, and the JSON in which files and databases keep them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "vocabulary/conversation.h"
#include "vocabulary/reasoning.h"

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct sc_conversation c = {0}, back = {0};
    char *json = NULL, *again = NULL;
    assert_int_equal(sc_conversation_add(&c, SC_ROLE_SYSTEM, "Be \"brief\".\n", NULL), SC_OK);
    assert_int_equal(sc_conversation_add(&c, SC_ROLE_USER, "", NULL), SC_OK);
    assert_int_equal(sc_conversation_add(&c, SC_ROLE_ASSISTANT, "<|im_end|>\xc3\xa9", NULL), SC_OK);
    assert_int_equal(sc_conversation_write(c.messages, c.n, &json, NULL), SC_OK);
    assert_string_equal(json, "[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\\n\"},"
                              "{\"role\":\"user\",\"content\":\"\"},"
                              "{\"role\":\"assistant\",\"content\":\"<|im_end|>\xc3\xa9\"}]");
    assert_int_equal(sc_conversation_read(json, &back, NULL), SC_OK);
    assert_int_equal(back.n, 3);
    assert_int_equal(sc_conversation_write(back.messages, back.n, &again, NULL), SC_OK);
    assert_string_equal(again, json);
    sc_free(json);
    sc_free(again);
    sc_conversation_free(&c);
    sc_conversation_free(&back);
}

static void what_is_not_a_conversation_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{}",
                                      "[1]",
                                      "[{\"role\":\"user\"}]",
                                      "[{\"role\":\"tool\",\"content\":\"x\"}]",
                                      "[{\"role\":\"user\",\"content\":[\"x\"]}]",
                                      "[{\"role\":\"user\",\"content\":\"x\"},7]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sc_conversation c = {0};
        struct sc_error error = {0};
        assert_int_equal(sc_conversation_read(bad[i], &c, &error), SC_ERR_FORMAT);
        assert_int_equal(c.n, 0);
        assert_null(c.messages);
    }
}

static void reading_survives_every_failure_of_memory(void **state)
{
    (void)state;
    struct sc_conversation c = {0};
    for (int i = 0; i < 9; i++)
        assert_int_equal(sc_conversation_add(&c, SC_ROLE_USER, "turn", NULL), SC_OK);
    char *json = NULL;
    assert_int_equal(sc_conversation_write(c.messages, c.n, &json, NULL), SC_OK);
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t k = 1; status != SC_OK; k++) {
        struct sc_conversation copy = {0};
        sc_memory_fail_at(k);
        status = sc_conversation_read(json, &copy, NULL);
        sc_memory_fail_at(0);
        assert_int_equal(copy.n, status == SC_OK ? 9 : 0);
        sc_conversation_free(&copy);
        assert_true(k < 1000);
    }
    sc_free(json);
    sc_conversation_free(&c);
}

static void a_text_is_divided_at_the_end_of_its_reasoning(void **state)
{
    (void)state;
    static const struct {
        const char *text, *after;
        size_t length;
    } texts[] = {
        {"", "", 0},
        {"Hi.", "Hi.", 0},
        {"<think>hm", "<think>hm", 9},
        {" \n<think>hm", " \n<think>hm", 11},
        {"a <think>", "a <think>", 0},
        {"<think>hm</think>\n\nHi.", "Hi.", 17},
        {"hm</think>Hi.", "Hi.", 10},
        {"a</think>b</think>\n c", " c", 9},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(sc_reasoning_length(texts[i].text), texts[i].length);
        assert_string_equal(sc_after_reasoning(texts[i].text), texts[i].after);
        assert_int_equal(sc_reasoning_is_closed(texts[i].text),
                         strstr(texts[i].text, "</think>") != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_is_not_a_conversation_is_refused),
        cmocka_unit_test(a_text_is_divided_at_the_end_of_its_reasoning),
        cmocka_unit_test(reading_survives_every_failure_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
