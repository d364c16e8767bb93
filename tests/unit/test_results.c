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

static void the_columns_of_tables_are_explained(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_results *results = NULL;
    char *columns = NULL, *csv = NULL;
    assert_int_equal(fixture_make(&f, 4), 0);
    assert_int_equal(fixture_write(&f, true, NULL), SC_OK);
    assert_int_equal(sc_results_open(&results, f.folder, NULL), SC_OK);
    assert_int_equal(sc_results_table(results, SC_TABLE_COLUMNS, &columns, NULL), SC_OK);
    for (int t = 0; t < SC_N_RESULTS_TABLES; t++) {
        const char *name = sc_results_table_name((enum sc_results_table)t);
        assert_int_equal(sc_results_table(results, (enum sc_results_table)t, &csv, NULL), SC_OK);
        char *end = strchr(csv, '\n');
        assert_non_null(end);
        *end = '\0';
        for (char *head = strtok(csv, ","); head != NULL; head = strtok(NULL, ",")) {
            char row[100];
            snprintf(row, sizeof row, "\n%s,%s,", name, head);
            assert_non_null(strstr(columns, row));
        }
        sc_release(csv);
    }
    sc_release(columns);
    assert_int_equal(sc_results_table(NULL, SC_TABLE_TRACES, &csv, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_results_table(results, SC_N_RESULTS_TABLES, &csv, NULL), SC_ERR_ARGUMENT);
    assert_string_equal(sc_results_table_name(SC_N_RESULTS_TABLES), "");
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
    struct sc_results *undisturbed = NULL;
    char *whole = NULL;
    assert_int_equal(sc_results_open(&undisturbed, f.folder, NULL), SC_OK);
    assert_int_equal(sc_results_json(undisturbed, &whole, NULL), SC_OK);
    sc_results_close(undisturbed);
    for (size_t n = 0; status != SC_OK; n++) {
        struct sc_results *results = NULL;
        char *json = NULL;
        sc_memory_fail_at(n);
        status = sc_results_open(&results, f.folder, NULL);
        if (status == SC_OK)
            status = sc_results_json(results, &json, NULL);
        bool failed = sc_memory_failed();
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            assert_string_equal(json, whole);
        if (status == SC_OK && failed) /* which changed nothing: a cache of SQLite's */
            status = SC_ERR_NOMEM;
        sc_release(json);
        sc_results_close(results);
    }
    sc_release(whole);
    fixture_free(&f);
}

static void the_summary_is_plain_text_of_80_columns(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_results *results = NULL;
    char *summary = NULL;
    assert_int_equal(fixture_make(&f, 4), 0);
    assert_int_equal(fixture_write(&f, true, NULL), SC_OK);
    assert_int_equal(sc_results_open(&results, f.folder, NULL), SC_OK);
    assert_int_equal(sc_results_summary(results, &summary, NULL), SC_OK);
    struct sc_text shown = {0};
    const struct sc_report_wish wish = {.terminal = &shown, .width = 80};
    assert_int_equal(sc_report_make(f.folder, &wish, NULL), SC_OK);
    assert_string_equal(summary, shown.data);
    assert_null(strchr(summary, '\x1b'));
    sc_text_free(&shown);
    sc_release(summary);
    assert_int_equal(sc_results_summary(NULL, &summary, NULL), SC_ERR_ARGUMENT);
    sc_results_close(results);
    fixture_free(&f);
}

static void a_replay_is_text_and_writes_nothing(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    char *json = NULL, *again = NULL;
    char path[300];
    assert_int_equal(fixture_make(&f, 6), 0);
    assert_int_equal(fixture_write(&f, false, NULL), SC_OK);
    struct sc_replay_run_options options = sc_replay_run_options_default();
    options.n_orders = 20;
    options.n_threads = 1;
    options.max_traces = 5;
    if (sc_replay_json(f.folder, &options, &json, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_non_null(strstr(json, "\"rows\""));
    options.n_threads = 2;
    assert_int_equal(sc_replay_json(f.folder, &options, &again, &error), SC_OK);
    assert_string_equal(json, again);
    sc_release(again);
    sc_release(json);
    snprintf(path, sizeof path, "%s/replay.json", f.folder);
    assert_false(sc_file_exists(path));

    options.n_orders = 0;
    assert_int_equal(sc_replay_json(f.folder, &options, &json, &error), SC_ERR_ARGUMENT);
    assert_null(json);
    options = sc_replay_run_options_default();
    options.max_traces = 50;
    assert_int_equal(sc_replay_json(f.folder, &options, &json, &error), SC_ERR_ARGUMENT);
    options.size = 0;
    assert_int_equal(sc_replay_json(f.folder, &options, &json, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_replay_json(NULL, NULL, &json, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_replay_json("/nowhere", NULL, &json, &error), SC_ERR_IO);
    fixture_free(&f);
}

static bool count_down(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

enum { OPENING, WRITING, REPLAYING, N_WORKS };

/* Interrupted at the question of that number: the status. */
static enum sc_status interrupt(int work, const struct run_fixture *f, size_t number)
{
    size_t left = number;
    const struct sc_report_observer observer = {.context = &left, .keep_going = count_down};
    struct sc_replay_run_options options = sc_replay_run_options_default();
    struct sc_results *results = NULL;
    struct sc_error error = {0};
    char *json = NULL;
    options.n_orders = 2;
    options.n_threads = 1;
    options.keep_going = count_down;
    options.context = &left;
    enum sc_status status = work == OPENING
                                ? sc_results_open_while(&results, f->folder, &observer, &error)
                            : work == WRITING ? sc_report_write_while(f->folder, &observer, &error)
                                              : sc_replay_json(f->folder, &options, &json, &error);
    assert_true(status == SC_OK || (results == NULL && json == NULL && error.text[0] != '\0'));
    sc_results_close(results);
    sc_release(json);
    return status;
}

static void long_work_can_be_interrupted(void **state)
{
    (void)state;
    struct run_fixture f;
    assert_int_equal(fixture_make(&f, 6), 0);
    assert_int_equal(fixture_write(&f, false, NULL), SC_OK);
    for (int work = 0; work < N_WORKS; work++) {
        size_t n = 0;
        enum sc_status status = SC_ERR_INTERRUPTED;
        for (; status == SC_ERR_INTERRUPTED; n++)
            status = interrupt(work, &f, n);
        assert_int_equal(status, SC_OK);
        assert_true(n > 3);
    }
    fixture_free(&f);
}

/* Whatever allocation fails: an error with words, or the text. */
static void texts_survive_failing_allocations(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_results *results = NULL;
    char *whole = NULL;
    assert_int_equal(fixture_make(&f, 2), 0);
    assert_int_equal(fixture_write(&f, false, NULL), SC_OK);
    struct sc_replay_run_options options = sc_replay_run_options_default();
    options.n_orders = 1;
    options.n_threads = 1;
    assert_int_equal(sc_results_open(&results, f.folder, NULL), SC_OK);
    assert_int_equal(sc_replay_json(f.folder, &options, &whole, NULL), SC_OK);
    bool done = false;
    for (size_t at = 0; !done; at += 1 + at / 32) {
        char *texts[2] = {NULL, NULL};
        struct sc_error error = {0};
        sc_memory_fail_at(at);
        enum sc_status status = sc_replay_json(f.folder, &options, &texts[0], &error);
        if (status == SC_OK)
            status = sc_results_summary(results, &texts[1], &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || (error.text[0] != '\0' && texts[1] == NULL));
        if (texts[0] != NULL)
            assert_string_equal(texts[0], whole);
        sc_release(texts[0]);
        sc_release(texts[1]);
    }
    sc_release(whole);
    sc_results_close(results);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_and_texts_are_found_by_path),
        cmocka_unit_test(whole_files_are_those_of_the_report),
        cmocka_unit_test(the_columns_of_tables_are_explained),
        cmocka_unit_test(bad_arguments_and_folders_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_summary_is_plain_text_of_80_columns),
        cmocka_unit_test(a_replay_is_text_and_writes_nothing),
        cmocka_unit_test(long_work_can_be_interrupted),
        cmocka_unit_test(texts_survive_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
