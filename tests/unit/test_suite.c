/* Suites of runs: the file's form, its runs multiplied out, and what is refused by name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "suite/suite.h"

static enum sc_status parse(const char *text, struct sc_suite *suite, struct sc_error *error)
{
    return sc_suite_parse(text, strlen(text), "suite.toml", suite, error);
}

static void assert_run(const struct sc_suite *suite, size_t i, const char *place,
                       const char *options)
{
    struct sc_text text = {0};
    assert_true(i < suite->n_runs);
    assert_string_equal(suite->runs[i].place, place);
    sc_json_write(&text, suite->runs[i].options);
    assert_string_equal(text.data, options);
    sc_text_free(&text);
}

static void a_matrix_multiplies_and_the_nearer_option_counts(void **state)
{
    (void)state;
    static const char text[] = "name = 'first'\nout = 'results'\nhours = 2\n"
                               "[defaults]\nmodel = 'demo'\nmax_new_tokens = 8\n"
                               "[[phase]]\nname = 'base'\nmax-new-tokens = 4\n"
                               "[phase.matrix]\npolicy = ['single', 'fixed']\nseed = [0, 1]\n"
                               "[[phase]]\nname = 'more'\nwhen = 'all base.overall.n_traces > 1'\n"
                               "[[phase.run]]\nname = 'a'\nmodel = 'x/y'\n"
                               "[[phase.run]]\nname = 'b'\nthinking = true\n";
    struct sc_suite suite;
    struct sc_error error = {0};
    if (parse(text, &suite, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_string_equal(suite.name, "first");
    assert_string_equal(suite.out, "results");
    assert_true(suite.hours == 2 && suite.n_phases == 2 && suite.n_runs == 6);
    static const char *const places[] = {"base/single-seed0", "base/single-seed1",
                                         "base/fixed-seed0", "base/fixed-seed1"};
    for (size_t i = 0; i < 4; i++) {
        char options[200];
        snprintf(options, sizeof options,
                 "{\"model\":\"demo\",\"max-new-tokens\":4,\"policy\":\"%s\",\"seed\":%zu}",
                 i < 2 ? "single" : "fixed", i % 2);
        assert_run(&suite, i, places[i], options);
    }
    assert_run(&suite, 4, "more/a", "{\"model\":\"x/y\",\"max-new-tokens\":8}");
    assert_run(&suite, 5, "more/b", "{\"model\":\"demo\",\"max-new-tokens\":8,\"thinking\":true}");
    assert_null(suite.phases[0].condition);
    assert_non_null(suite.phases[1].condition);
    assert_int_equal(suite.phases[1].first, 4);
    sc_suite_free(&suite);
}

static void names_come_from_values(void **state)
{
    (void)state;
    static const char text[] =
        "[[phase]]\nname = 'a'\n[phase.matrix]\n"
        "model = ['m/one', 'm/two/', '../n/one']\nthinking = [true, false]\n"
        "temperature = [0.5]\n"
        "[[phase]]\nname = 'b'\n"
        "[[phase]]\nname = 'c'\n[phase.matrix]\ntop_p = [0.5, 1]\nshard = ['1/2', '2/2']\n"
        "[[phase.run]]\nname = 'x.y'\n"
        "[[phase]]\nname = 'd'\n[phase.matrix]\ntemplate-arg = [[], ['a=1', 'b=2']]\n";
    static const char *const places[] = {"a/m-one-thinking",
                                         "a/m-one-no-thinking",
                                         "a/two-thinking",
                                         "a/two-no-thinking",
                                         "a/n-one-thinking",
                                         "a/n-one-no-thinking",
                                         "b/run",
                                         "c/x.y-top_p0.5-shard1-2",
                                         "c/x.y-top_p0.5-shard2-2",
                                         "c/x.y-top_p1-shard1-2",
                                         "c/x.y-top_p1-shard2-2",
                                         "d/no-template-arg",
                                         "d/a-1-b-2"};
    struct sc_suite suite;
    struct sc_error error = {0};
    if (parse(text, &suite, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(suite.n_runs, sizeof places / sizeof *places);
    for (size_t i = 0; i < suite.n_runs; i++)
        assert_string_equal(suite.runs[i].place, places[i]);
    assert_true(isnan(suite.hours) && suite.name == NULL && suite.out == NULL);
    sc_suite_free(&suite);
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "suite.toml: expected 1 to 256 phases, each under [[phase]], found 0"},
        {"phase = 1", "suite.toml: phase: expected tables, each under [[phase]], found a number"},
        {"[phase]\nname='a'", "phase: expected tables, each under [[phase]], found an object"},
        {"seed = 1", "suite.toml: unknown field \"seed\" (name, out, hours, [defaults] and "
                     "[[phase]] are known; options stand in [defaults] or in a phase)"},
        {"hours = -1\n[[phase]]", "\"hours\": expected 0 to 1e+06, found -1"},
        {"hours = 'x'\n[[phase]]", "\"hours\""},
        {"name = 1\n[[phase]]", "name: expected a text"},
        {"out = ''\n[[phase]]", "out: expected a text, found \"\""},
        {"defaults = 1\n[[phase]]", "defaults: expected a table, found a number"},
        {"[[phase]]", "phase 1: name: expected a name of letters, digits, - and _, missing"},
        {"[[phase]]\nname='a/b'", "phase 1: name: expected a name"},
        {"[[phase]]\nname='a.b'", "phase 1: name: expected a name"},
        {"[[phase]]\nname='..'", "phase 1: name: expected a name"},
        {"[[phase]]\nname='and'", "phase 1: name: expected a name"},
        {"[[phase]]\nname='a'\n[[phase]]\nname='a'", "phase \"a\": expected a name of its own"},
        {"[[phase]]\nname='a'\nseed={x=1}", "phase \"a\": seed: expected a text, a number"},
        {"[[phase]]\nname='a'\nseed=[[1]]", "phase \"a\": seed: expected a list of texts"},
        {"[[phase]]\nname='a'\ntop_p=1\ntop-p=1", "expected top_p once, found it as top-p too"},
        {"[[phase]]\nname='a'\nmatrix=1", "phase \"a\": matrix: expected a table"},
        {"[[phase]]\nname='a'\n[phase.matrix]\nseed=1", "matrix: seed: expected a list of values"},
        {"[[phase]]\nname='a'\n[phase.matrix]\nseed=[]", "matrix: seed: expected values, found no"},
        {"[[phase]]\nname='a'\n[phase.matrix]\nseed=[{}]", "seed: expected a text, a number"},
        {"[[phase]]\nname='a'\n[phase.matrix]\nseed=[1,1]", "two runs are named \"seed1\""},
        {"[[phase]]\nname='a'\n[phase.matrix]\nseed=[1,1.0]", "two runs are named \"seed1\""},
        {"[[phase]]\nname='a'\n[[phase.run]]", "phase \"a\": name: expected a name"},
        {"[[phase]]\nname='a'\n[[phase.run]]\nname='b'\n[[phase.run]]\nname='b'",
         "two runs are named \"b\""},
        {"[[phase]]\nname='a'\nrun='b'",
         "run: expected tables, each under [[phase.run]], found text"},
        {"[[phase]]\nname='a'\nwhen='b.x > 1'", "when: expected an earlier phase, found \"b\""},
        {"[[phase]]\nname='a'\nwhen='a.x > 1'", "when: expected an earlier phase, found \"a\""},
        {"[[phase]]\nname='a'\nwhen=''", "when: expected a text, found \"\""},
        {"[[phase]]\nname='a'\nwhen='a >'", "when: letter 2: expected a dot and the path of a "
                                            "figure behind the phase, found \" >\""},
        {"[[phase]]\nname='a'\n[[phase]]\nname='b'\nwhen='a[x].y > 1'",
         "phase \"b\": when: phase \"a\" has no run \"x\""},
        {"[[phase]]\nname='a'\nmatrix={seed=[1,2]}\n[[phase]]\nname='b'\nwhen='a.y > 1'",
         "phase \"a\" has 2 runs: expected any a..., all a... or a[seed1]..."},
        {"[[phase]]\nname='a'\n\"x\xc3\xa9\" = [1]\n", ""},
        {"[[phase]\n", "suite.toml: line 1, column 8: expected ]] behind the name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_suite suite;
        struct sc_error error = {0};
        enum sc_status status = parse(cases[i].text, &suite, &error);
        bool wanted = cases[i].error[0] != '\0' ? status == SC_ERR_FORMAT : status == SC_OK;
        if (!wanted || strstr(error.text, cases[i].error) == NULL)
            fail_msg("case %zu: %s", i, error.text);
        sc_suite_free(&suite);
    }
}

static void too_many_runs_are_refused(void **state)
{
    (void)state;
    struct sc_text text = {0};
    struct sc_suite suite;
    struct sc_error error = {0};
    sc_text_puts(&text, "[[phase]]\nname='a'\n[phase.matrix]\n");
    for (int key = 0; key < 13; key++)
        sc_text_printf(&text, "k%d = [0, 1]\n", key);
    assert_int_equal(parse(text.data, &suite, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "expected at most 4096 runs in a suite"));
    sc_suite_free(&suite);
    sc_text_free(&text);
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    static const char text[] = "[[phase]]\nname='a'\n[phase.matrix]\nseed=[1,2]\n"
                               "[[phase]]\nname='b'\nwhen='any a.x > 1 and \"t\" == a[seed1].y'\n"
                               "[[phase.run]]\nname='c'\npolicy='single'\n";
    for (size_t n = 0;; n++) {
        struct sc_suite suite;
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status = parse(text, &suite, &error);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        sc_suite_free(&suite);
        if (!reached) {
            assert_int_equal(status, SC_OK);
            assert_true(n > 50);
            return;
        }
        if (status != SC_ERR_NOMEM)
            fail_msg("allocation %zu: %s", n, error.text);
    }
}

static void a_file_is_read_by_its_path(void **state)
{
    (void)state;
    struct sc_suite suite;
    struct sc_error error = {0};
    assert_int_equal(sc_suite_read("/nowhere/suite.toml", &suite, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "/nowhere/suite.toml"));
    sc_suite_free(&suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_multiplies_and_the_nearer_option_counts),
        cmocka_unit_test(names_come_from_values),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(too_many_runs_are_refused),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(a_file_is_read_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
