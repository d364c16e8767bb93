/* What a program reads of a run through the library: figures and texts by path, whole files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/report.h"
#include "run_fixture.h"

static void figures_and_texts_are_found_by_path(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_results *results = NULL;
    struct sc_error error = {0};
    struct sc_estimate e;
    assert_int_equal(fixture_make(&f, 4), 0);
    assert_int_equal(fixture_write(&f, true, NULL), SC_OK);
    assert_int_equal(sc_results_open(&results, f.folder, &error), SC_OK);
    assert_int_equal(sc_results_estimate(results, "overall.refusal_rate", &e, &error), SC_OK);
    assert_true(e.value >= 0 && e.value <= 1 && e.n > 0);
    assert_int_equal(sc_results_estimate(results, "overall.n_instances", &e, &error), SC_OK);
    assert_true(e.value == 4 && isnan(e.low) && e.reason == NULL);
    assert_int_equal(sc_results_estimate(results, "detectors", &e, &error), SC_OK);
    assert_true(isnan(e.value) && e.reason != NULL);
    assert_non_null(sc_results_text(results, "hypothesis_test.text"));
    assert_null(sc_results_text(results, "overall.refusal_rate"));
    assert_int_equal(sc_results_estimate(results, "overall.luck", &e, &error), SC_ERR_ARGUMENT);
    assert_true(isnan(e.value) && e.reason != NULL);
    sc_results_close(results);
    fixture_free(&f);
}

static void whole_files_are_those_of_the_report(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_results *results = NULL;
    char *json = NULL, *lines = NULL, *written = NULL;
    char path[300];
    size_t n;
    assert_int_equal(fixture_make(&f, 4), 0);
    assert_int_equal(fixture_write(&f, true, NULL), SC_OK);
    assert_int_equal(sc_report_write(f.folder, NULL), SC_OK);
    assert_int_equal(sc_results_open(&results, f.folder, NULL), SC_OK);
    assert_int_equal(sc_results_json(results, &json, NULL), SC_OK);
    assert_int_equal(sc_results_predictions(results, &lines, NULL), SC_OK);
    snprintf(path, sizeof path, "%s/analysis.json", f.folder);
    assert_int_equal(sc_file_read(path, 1 << 24, &written, &n, NULL), SC_OK);
    assert_string_equal(json, written);
    sc_free(written);
    snprintf(path, sizeof path, "%s/predictions.jsonl", f.folder);
    assert_int_equal(sc_file_read(path, 1 << 24, &written, &n, NULL), SC_OK);
    assert_string_equal(lines, written);
    sc_free(written);
    sc_release(json);
    sc_release(lines);
    sc_results_close(results);
    fixture_free(&f);
}

static void bad_arguments_and_folders_are_refused(void **state)
{
    (void)state;
    struct sc_results *results = NULL;
    struct sc_estimate e;
    char *text = NULL;
    assert_int_equal(sc_results_open(NULL, "x", NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_results_open(&results, NULL, NULL), SC_ERR_ARGUMENT);
    assert_true(sc_results_open(&results, "/nowhere/at/all", NULL) != SC_OK);
    assert_null(results);
    assert_int_equal(sc_results_estimate(NULL, "a", &e, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_results_json(NULL, &text, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_results_predictions(NULL, &text, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_report_write(NULL, NULL), SC_ERR_ARGUMENT);
    assert_null(sc_results_text(NULL, "a"));
    sc_results_close(NULL);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct run_fixture f;
    enum sc_status status = SC_ERR_NOMEM;
    assert_int_equal(fixture_make(&f, 2), 0);
    assert_int_equal(fixture_write(&f, true, NULL), SC_OK);
    for (size_t n = 0; status != SC_OK; n += n < 200 ? 1 : 97) {
        struct sc_results *results = NULL;
        char *json = NULL;
        sc_memory_fail_at(n);
        status = sc_results_open(&results, f.folder, NULL);
        if (status == SC_OK)
            status = sc_results_json(results, &json, NULL);
        if (sc_memory_count() > n) /* SQLite's and jansson's own cannot all be seen */
            status = status == SC_OK ? SC_ERR_NOMEM : status;
        sc_memory_fail_at(SIZE_MAX);
        sc_release(json);
        sc_results_close(results);
    }
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_and_texts_are_found_by_path),
        cmocka_unit_test(whole_files_are_those_of_the_report),
        cmocka_unit_test(bad_arguments_and_folders_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
