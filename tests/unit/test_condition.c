/* Conditions between phases: what they mean, what they leave undecided, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "suite/condition.h"

/* Phase "a" has one run, "m" two, "none" one that did not run. */
static const char *const one =
    "{\"overall\":{\"n\":10,\"rate\":{\"value\":0.5,\"low\":0.4,\"high\":0.6,\"n\":9},"
    "\"few\":{\"value\":0.5,\"low\":null,\"high\":null,\"n\":1,\"reason\":\"too few\"},"
    "\"saved\":null,\"saved_reason\":\"nothing to compare\",\"flag\":true,\"word\":\"not "
    "decided\"},"
    "\"hypothesis_test\":{\"answers_proxy\":{\"risk_difference\":{\"value\":0.2,\"low\":0.1,"
    "\"high\":0.3,\"n\":4}},\"permutation_within_category\":{\"p\":0.04}},"
    "\"policies\":[{\"name\":\"single\",\"x\":1},{\"name\":\"fixed\",\"x\":2}],"
    "\"per_category\":{\"a b.c\":{\"x\":7}}}";
static const char *const two = "{\"overall\":{\"n\":20,\"rate\":{\"value\":0.9,\"low\":0.8,"
                               "\"high\":1.0,\"n\":9},\"saved\":3}}";

static json_t *documents[2];

static size_t count(void *context, const char *phase, const char *run)
{
    (void)context;
    return strcmp(phase, "m") == 0 && run == NULL ? 2 : 1;
}

static const json_t *analysis(void *context, const char *phase, const char *run, size_t i,
                              const char **name, const char **why)
{
    (void)context;
    *why = "did not run";
    *name = run != NULL ? run : i == 0 ? "first" : "second";
    if (strcmp(phase, "none") == 0)
        return NULL;
    return run != NULL ? documents[strcmp(run, "second") == 0] : documents[i];
}

static const struct sc_condition_figures figures = {NULL, count, analysis};

static struct sc_condition_result evaluate(const char *text)
{
    struct sc_condition *condition = NULL;
    struct sc_condition_result result;
    struct sc_error error = {0};
    if (sc_condition_parse(text, &condition, &error) != SC_OK)
        fail_msg("%s: %s", text, error.text);
    assert_int_equal(sc_condition_evaluate(condition, &figures, &result, &error), SC_OK);
    sc_condition_free(condition);
    return result;
}

static int load(void **state)
{
    (void)state;
    return sc_json_parse(one, strlen(one), "one", &documents[0], NULL) == SC_OK &&
                   sc_json_parse(two, strlen(two), "two", &documents[1], NULL) == SC_OK
               ? 0
               : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(documents[0]);
    json_decref(documents[1]);
    return 0;
}

static void figures_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sc_truth truth;
    } cases[] = {
        {"a.overall.n > 9", SC_TRUTH_YES},
        {"a.overall.n>=10", SC_TRUTH_YES},
        {"a.overall.n < 10", SC_TRUTH_NO},
        {"a.overall.n <= 10.0", SC_TRUTH_YES},
        {"a.overall.n == 10", SC_TRUTH_YES},
        {"a.overall.n != 10", SC_TRUTH_NO},
        {"9 < a.overall.n", SC_TRUTH_YES},
        {"-1e2 < a.overall.n", SC_TRUTH_YES},
        {"a.overall.rate == 0.5", SC_TRUTH_YES},
        {"a.overall.rate.high < 0.9", SC_TRUTH_YES},
        {"a.overall.rate excludes 0", SC_TRUTH_YES},
        {"a.overall.rate excludes 0.4", SC_TRUTH_NO},
        {"a.overall.rate excludes 0.61", SC_TRUTH_YES},
        {"a.overall.rate includes 0.5", SC_TRUTH_YES},
        {"a.overall.rate includes 0", SC_TRUTH_NO},
        {"a.overall.flag", SC_TRUTH_YES},
        {"not a.overall.flag", SC_TRUTH_NO},
        {"a.overall.word == 'not decided'", SC_TRUTH_YES},
        {"a.overall.word != \"not decided\"", SC_TRUTH_NO},
        {"a.hypothesis_test.difference excludes 0", SC_TRUTH_YES},
        {"a.hypothesis_test.difference.low > 0.09", SC_TRUTH_YES},
        {"a.hypothesis_test.answers.risk_difference == 0.2", SC_TRUTH_YES},
        {"a.hypothesis_test.p < 0.05", SC_TRUTH_YES},
        {"a.policies.1.x == 2", SC_TRUTH_YES},
        {"a.policies.fixed.x == 2", SC_TRUTH_YES},
        {"a.per_category.\"a b.c\".x == 7", SC_TRUTH_YES},
        {"a.overall.n < m[second].overall.n", SC_TRUTH_YES},
        {"m[second].overall.n == 20", SC_TRUTH_YES},
        {"any m.overall.n > 15", SC_TRUTH_YES},
        {"all m.overall.n > 15", SC_TRUTH_NO},
        {"all m.overall.n > 5", SC_TRUTH_YES},
        {"any m.overall.n > 50", SC_TRUTH_NO},
        {"any m.overall.rate excludes 0.5", SC_TRUTH_YES},
        {"not (a.overall.n > 9 and a.overall.n > 10)", SC_TRUTH_YES},
        {"a.overall.n > 10 or a.overall.n > 9 and a.overall.n > 8", SC_TRUTH_YES},
        {"(a.overall.n > 9 or a.overall.n > 10) and a.overall.n > 10", SC_TRUTH_NO},
        {"  not not a.overall.flag ", SC_TRUTH_YES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_condition_result result = evaluate(cases[i].text);
        if (result.truth != cases[i].truth)
            fail_msg("%s: %d, %s", cases[i].text, result.truth, result.seen.data);
        assert_false(result.unknown_path);
        sc_condition_result_free(&result);
    }
}

static void what_is_not_known_decides_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sc_truth truth;
        bool unknown_path;
        const char *seen;
    } cases[] = {
        {"a.overall.few excludes 0", SC_TRUTH_UNDECIDED, false,
         "a.overall.few = 0.5, which has no interval"},
        {"a.overall.few.low > 0", SC_TRUTH_UNDECIDED, false,
         "a.overall.few.low is not known (too few)"},
        {"a.overall.saved > 0", SC_TRUTH_UNDECIDED, false,
         "a.overall.saved is not known (nothing to compare)"},
        {"a.overall.saved.high > 0", SC_TRUTH_UNDECIDED, false,
         "a.overall.saved.high is not known (nothing to compare)"},
        {"a.overall.n excludes 0", SC_TRUTH_UNDECIDED, false,
         "a.overall.n = 10, which has no interval"},
        {"none.overall.n > 0", SC_TRUTH_UNDECIDED, false, "none.overall.n: did not run"},
        {"a.overal.n > 0", SC_TRUTH_UNDECIDED, true, "a.overal.n is no field of analysis.json"},
        {"a.policies.2.x > 0", SC_TRUTH_UNDECIDED, true,
         "a.policies.2.x is no field of analysis.json"},
        {"a.overall > 0", SC_TRUTH_UNDECIDED, true, "a.overall is no single figure"},
        {"a.overall.word > 0", SC_TRUTH_UNDECIDED, false,
         "a.overall.word = \"not decided\", which cannot be compared so"},
        {"a.overall.n", SC_TRUTH_UNDECIDED, false,
         "a.overall.n = 10, which is neither true nor false: compare it"},
        {"a.overall.saved > 0 and a.overall.n > 50", SC_TRUTH_NO, false, NULL},
        {"a.overall.saved > 0 or a.overall.n > 5", SC_TRUTH_YES, false, NULL},
        {"a.overall.saved > 0 or a.overall.n > 50", SC_TRUTH_UNDECIDED, false, NULL},
        {"a.overall.n > 5 and a.overall.saved > 0", SC_TRUTH_UNDECIDED, false, NULL},
        {"not a.overall.saved > 0", SC_TRUTH_UNDECIDED, false, NULL},
        {"any m.overall.saved > 2", SC_TRUTH_YES, false, NULL},
        {"all m.overall.saved > 2", SC_TRUTH_UNDECIDED, false, NULL},
        {"all m.overall.saved > 5", SC_TRUTH_NO, false, NULL},
        {"all m.overall.n > 5", SC_TRUTH_YES, false,
         "m[first].overall.n = 10; m[second].overall.n = 20"},
        {"a.overall.rate excludes 0", SC_TRUTH_YES, false, "a.overall.rate = 0.5 [0.4, 0.6]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_condition_result result = evaluate(cases[i].text);
        if (result.truth != cases[i].truth || result.unknown_path != cases[i].unknown_path)
            fail_msg("%s: %d, %s", cases[i].text, result.truth, result.seen.data);
        if (cases[i].seen != NULL)
            assert_string_equal(result.seen.data, cases[i].seen);
        assert_int_equal(result.awaits, strstr(cases[i].text, "none.") != NULL);
        sc_condition_result_free(&result);
    }
}

static void a_proxy_is_noticed(void **state)
{
    (void)state;
    struct sc_condition_result result = evaluate("a.hypothesis_test.difference excludes 0");
    assert_true(result.proxy);
    assert_int_equal(result.n_compared, 1);
    sc_condition_result_free(&result);
    result = evaluate("a.hypothesis_test.p < 1 and a.overall.n > 1");
    assert_false(result.proxy);
    assert_int_equal(result.n_compared, 2);
    sc_condition_result_free(&result);
}

static void what_is_no_condition_is_refused_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "letter 1: expected a figure such as baseline.overall.refusal_rate.high, or a number, "
             "found the end"},
        {"a", "letter 2: expected a dot and the path of a figure behind the phase, found the end"},
        {"a.b >", "letter 6: expected a figure"},
        {"a.b > 1 and", "letter 12: expected a figure"},
        {"a.b > 1 xor a.c", "letter 9: expected and, or, or the end, found \"xor a.c\""},
        {"a.b = 1", "letter 5: expected and, or, or the end, found \"= 1\""},
        {"(a.b > 1", "letter 9: expected and, or, or ), found the end"},
        {"a.b > 1)", "letter 8: expected and, or, or the end, found \")\""},
        {"1", "letter 2: expected <, <=, >, >=, ==, !=, excludes or includes, found the end"},
        {"1 excludes 0", "letter 1: expected an estimate before excludes or includes"},
        {"a.b excludes c.d", "letter 14: expected a number behind excludes or includes"},
        {"a.b excludes 'x'", "letter 14: expected a number behind excludes or includes"},
        {"a.b > any c.d", "letter 7: expected any and all before the operator alone"},
        {"a[b.c > 1", "letter 1: expected ] behind the name of the run"},
        {"a[b] > 1", "letter 5: expected a dot and the path"},
        {"a.\"b > 1", "letter 1: expected a closing \""},
        {"a.b == 'x", "letter 8: expected a text between quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_condition *condition = NULL;
        struct sc_error error = {0};
        enum sc_status status = sc_condition_parse(cases[i].text, &condition, &error);
        if (status != SC_ERR_FORMAT || strstr(error.text, cases[i].error) == NULL)
            fail_msg("%s: %s", cases[i].text, error.text);
        assert_null(condition);
    }
}

static void long_and_deep_ones_are_refused(void **state)
{
    (void)state;
    static char text[SC_CONDITION_LONGEST + 20];
    struct sc_condition *condition = NULL;
    memset(text, '(', 100);
    assert_int_equal(sc_condition_parse(text, &condition, NULL), SC_ERR_FORMAT);
    memset(text, ' ', SC_CONDITION_LONGEST + 1);
    assert_int_equal(sc_condition_parse(text, &condition, NULL), SC_ERR_FORMAT);
    text[0] = '\0';
    for (int i = 0; i < 150; i++)
        strcat(text, "a.b and ");
    strcat(text, "a.b");
    assert_int_equal(sc_condition_parse(text, &condition, NULL), SC_ERR_FORMAT);
    text[0] = '\0';
    for (int i = 0; i < 100; i++)
        strcat(text, "not ");
    strcat(text, "a.b");
    assert_int_equal(sc_condition_parse(text, &condition, NULL), SC_ERR_FORMAT);
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct sc_condition *condition = NULL;
        struct sc_condition_result result = {.truth = SC_TRUTH_NO};
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status =
            sc_condition_parse("a.overall.n > 1 and a.overall.word == 'x'", &condition, &error);
        if (status == SC_OK)
            status = sc_condition_evaluate(condition, &figures, &result, &error);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        sc_condition_result_free(&result);
        sc_condition_free(condition);
        if (!reached) {
            assert_int_equal(status, SC_OK);
            return;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_compared),
        cmocka_unit_test(what_is_not_known_decides_nothing),
        cmocka_unit_test(a_proxy_is_noticed),
        cmocka_unit_test(what_is_no_condition_is_refused_where_it_stands),
        cmocka_unit_test(long_and_deep_ones_are_refused),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
