/* Patterns of a user's: bounded work, and memory that ends while one is looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/pattern.h"

static struct sc_pattern *made(const char *expression)
{
    struct sc_pattern *pattern = NULL;
    assert_int_equal(sc_pattern_new(&pattern, expression, false, NULL), SC_OK);
    return pattern;
}

static void a_match_is_found_with_its_group(void **state)
{
    (void)state;
    struct sc_pattern *pattern = made("score: (\\d+)");
    size_t begin = 0, end = 0;
    assert_int_equal(sc_pattern_n_groups(pattern), 1);
    assert_true(sc_pattern_find(pattern, "the score: 42.", 14, 1, &begin, &end));
    assert_int_equal(begin, 11);
    assert_int_equal(end, 13);
    assert_false(sc_pattern_find(pattern, "the score", 9, 1, &begin, &end));
    assert_false(sc_pattern_ran_out(pattern));
    assert_false(sc_pattern_ran_out(NULL));
    sc_pattern_free(pattern);
}

/* One that takes a frame of memory for each byte. */
static void a_match_for_which_memory_ends_is_not_told_as_none(void **state)
{
    (void)state;
    static char text[4000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 'b';
    bool reached = true;
    size_t n_failed = 0;
    for (size_t n = 0; reached; n++) {
        struct sc_error error = {0};
        struct sc_pattern *pattern;
        size_t begin, end;
        sc_memory_fail_at(n);
        enum sc_status status = sc_pattern_new(&pattern, "((a|c)+b)", false, &error);
        if (status == SC_OK) {
            bool found = sc_pattern_find(pattern, text, sizeof text, 1, &begin, &end);
            reached = sc_memory_failed();
            n_failed += reached;
            assert_int_equal(found, !reached);
            assert_int_equal(sc_pattern_ran_out(pattern), reached);
        }
        sc_memory_fail_at(SIZE_MAX);
        if (status != SC_OK)
            assert_int_equal(status, SC_ERR_NOMEM);
        /* memory that is there again does not undo it */
        if (status == SC_OK && reached)
            assert_true(sc_pattern_find(pattern, text, sizeof text, 1, &begin, &end) &&
                        sc_pattern_ran_out(pattern));
        sc_pattern_free(pattern);
    }
    assert_true(n_failed > 1);
}

static void what_is_no_expression_says_where(void **state)
{
    (void)state;
    struct sc_error error = {0};
    struct sc_pattern *pattern;
    assert_int_equal(sc_pattern_new(&pattern, "a(b", false, &error), SC_ERR_FORMAT);
    assert_null(pattern);
    assert_string_equal(error.text, "character 3: missing closing parenthesis");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_is_found_with_its_group),
        cmocka_unit_test(a_match_for_which_memory_ends_is_not_told_as_none),
        cmocka_unit_test(what_is_no_expression_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
