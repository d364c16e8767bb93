/* Why traces failed, by reason: what counts as one reason, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "experiment/store/failures.h"

static void says(const struct sc_failures *failures, const char *expected)
{
    struct sc_text text = {0};
    sc_failures_say(failures, &text);
    assert_string_equal(text.data != NULL ? text.data : "", expected);
    sc_text_free(&text);
}

static void add(struct sc_failures *failures, const char *reason)
{
    assert_int_equal(sc_failures_add(failures, reason, NULL), SC_OK);
}

static void reasons_are_counted_and_the_most_frequent_come_first(void **state)
{
    struct sc_failures failures = {0};
    (void)state;
    says(&failures, "");
    add(&failures, "lost");
    says(&failures, "1 trace failed: lost (1)");
    add(&failures, "full");
    add(&failures, "full");
    add(&failures, NULL);
    sc_failures_sort(&failures);
    says(&failures, "4 traces failed: full (2); lost (1); no reason given (1)");
    add(&failures, "other");
    add(&failures, "another");
    says(&failures,
         "6 traces failed: full (2); lost (1); no reason given (1); for other reasons (2)");
    sc_failures_free(&failures);
    says(&failures, "");
}

static void what_was_found_makes_no_other_reason(void **state)
{
    struct sc_failures failures = {0};
    (void)state;
    add(&failures, "expected 1, found 2, found late");
    add(&failures, "expected 1, found 2, found late");
    says(&failures, "2 traces failed: expected 1, found 2, found late (2)");
    add(&failures, "expected 1, found 3");
    add(&failures, "expected 1, found 4");
    add(&failures, "expected 2, found 4");
    sc_failures_sort(&failures);
    says(&failures, "5 traces failed: expected 1 (4); expected 2, found 4 (1)");
    sc_failures_free(&failures);
}

static void hostile_and_long_reasons_are_visible_and_cut_between_characters(void **state)
{
    struct sc_failures failures = {0};
    char text[2 * SC_REASON_SIZE];
    (void)state;
    add(&failures, "\x1b[31m<b>\n");
    assert_string_equal(failures.items[0].reason, "\\x1B[31m<b>\\n");
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    add(&failures, text);
    size_t n = strlen(failures.items[1].reason);
    assert_true(n < SC_REASON_SIZE && n >= SC_REASON_SIZE - 4);
    assert_int_equal(sc_utf8_valid(failures.items[1].reason, n), n);
    sc_failures_free(&failures);
}

static void many_reasons_take_no_more_room(void **state)
{
    struct sc_failures failures = {0};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char reason[40];
        snprintf(reason, sizeof reason, "reason %d", i);
        add(&failures, reason);
    }
    assert_int_equal(failures.n_traces, 1000);
    assert_true(failures.n <= 64);
    says(&failures, "1000 traces failed: reason 0 (1); reason 1 (1); reason 2 (1); for other "
                    "reasons (997)");
    sc_failures_free(&failures);
}

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    bool done = false;
    for (size_t nth = 0; !done; nth++) {
        struct sc_failures failures = {0};
        struct sc_error error = {0};
        sc_memory_fail_at(nth);
        enum sc_status status = sc_failures_add(&failures, "lost", &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        done = status == SC_OK;
        if (!done)
            assert_int_equal(status, SC_ERR_NOMEM);
        sc_failures_free(&failures);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_are_counted_and_the_most_frequent_come_first),
        cmocka_unit_test(what_was_found_makes_no_other_reason),
        cmocka_unit_test(hostile_and_long_reasons_are_visible_and_cut_between_characters),
        cmocka_unit_test(many_reasons_take_no_more_room),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
