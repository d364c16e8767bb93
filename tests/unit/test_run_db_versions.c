/* Folders of earlier versions open, report, replay, resume and classify; tests/golden/run_db holds
 * one of each (make_run_db_golden.py). */
#include <safeconf/judging.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/replay/replay.h"
#include "base/file.h"
#include "report/report.h"
#include "row_keys.h"
#include "run_fixture.h"

enum { OLDEST = 1, NEWEST_BEFORE = 4, NEWEST = 5 };

static const char *const policies[] = {"fixed", "deepconf"};

static void path_of(const char *folder, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", folder, name);
}

static char *read_whole(const char *path, size_t *n)
{
    char *bytes = NULL;
    struct sc_error error = {0};
    if (sc_file_read(path, 1 << 20, &bytes, n, &error) != SC_OK)
        fail_msg("%s", error.text);
    return bytes;
}

/* A new folder with a copy of the database of that version. */
static void folder_make(int version, char *folder, size_t size)
{
    char from[200], to[200];
    size_t n = 0;
    snprintf(folder, size, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, TEST_GOLDEN "/run_db/version_%d.db", version);
    path_of(folder, "run.db", to, sizeof to);
    char *bytes = read_whole(from, &n);
    assert_int_equal(sc_file_write(to, bytes, n, NULL), SC_OK);
    sc_free(bytes);
}

static int64_t number_of(const char *folder, const char *sql)
{
    char path[200];
    sqlite3 *db;
    sqlite3_stmt *row;
    path_of(folder, "run.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return value;
}

static void change(const char *folder, const char *sql)
{
    char path[200];
    sqlite3 *db;
    path_of(folder, "run.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    renew_row_keys(db);
    sqlite3_close(db);
}

/* The predictions are those that the program of the time made.  Version 1 knew no cuts, so what
 * deepconf saw of its traces is whole there. */
static void assert_predictions(const char *folder, int version)
{
    for (size_t p = 0; p < (version == OLDEST ? 1 : 2); p++) {
        char name[64], path[200], expected_path[200];
        size_t n_found = 0, n_expected = 0;
        snprintf(name, sizeof name, "predictions-%s.jsonl", policies[p]);
        path_of(folder, name, path, sizeof path);
        path_of(TEST_GOLDEN "/run_db", name, expected_path, sizeof expected_path);
        char *found = read_whole(path, &n_found),
             *expected = read_whole(expected_path, &n_expected);
        assert_string_equal(found, expected);
        sc_free(found);
        sc_free(expected);
    }
}

static void an_older_folder_is_reported_and_not_written_to(void **state)
{
    (void)state;
    for (int version = OLDEST; version <= NEWEST_BEFORE; version++) {
        char folder[64], path[200];
        size_t n_before = 0, n_after = 0;
        struct sc_error error = {0};
        folder_make(version, folder, sizeof folder);
        path_of(folder, "run.db", path, sizeof path);
        char *before = read_whole(path, &n_before);
        if (sc_report_write(folder, &error) != SC_OK)
            fail_msg("version %d: %s", version, error.text);
        assert_predictions(folder, version);
        char *after = read_whole(path, &n_after);
        assert_int_equal(n_before, n_after);
        assert_memory_equal(before, after, n_before);
        sc_free(before);
        sc_free(after);
        fixture_remove_folder(folder);
    }
}

static void an_older_folder_is_replayed(void **state)
{
    (void)state;
    for (int version = OLDEST; version <= NEWEST_BEFORE; version++) {
        char folder[64];
        struct sc_run run;
        struct sc_replay_data data;
        struct sc_replay replay;
        struct sc_replay_options options = sc_replay_options_default();
        options.n_orders = 3;
        folder_make(version, folder, sizeof folder);
        assert_int_equal(sc_run_load(folder, true, &run, NULL), SC_OK);
        const struct sc_run_trace *trace = &run.instances[0].traces[0];
        assert_int_equal(trace->figures, SC_ALL_FIGURES);
        assert_int_equal(trace->text_ends != NULL, version >= 2);
        assert_int_equal(trace->n_forced + trace->n_turns, 0);
        assert_int_equal(run.instances[0].conversation.n, 0);
        assert_null(run.instances[0].prefill);
        assert_int_equal(run.instances[0].line, 0);
        assert_int_equal(sc_replay_load(&run, 0, &data, NULL), SC_OK);
        assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
        assert_int_equal(replay.n_traces, 5);
        sc_replay_free(&replay);
        sc_replay_data_free(&data);
        sc_run_free(&run);
        fixture_remove_folder(folder);
    }
}

static void an_older_folder_goes_on_where_it_stopped(void **state)
{
    (void)state;
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
    for (int version = OLDEST; version <= NEWEST_BEFORE; version++) {
        char folder[64];
        struct sc_error error = {0};
        struct sc_run_summary summary;
        struct sc_policy both[2] = {sc_policy_default(), sc_policy_default()};
        struct sc_run_options options = sc_run_options_default();
        both[0].kind = SC_POLICY_FIXED;
        both[0].max_traces = both[1].max_traces = 5;
        both[1].kind = SC_POLICY_DEEPCONF;
        both[1].min_traces = 2;
        both[1].eta = 100;
        both[1].tau = 1;
        options.policies = both;
        options.n_policies = 2;
        options.primary = 1;
        options.model = TEST_MODELS "/demo";
        options.dtype = SC_DTYPE_F32;
        options.kernels = "portable";
        options.n_threads = 1;
        options.benchmark.n_instances = 2;
        options.seed = options.benchmark.seed = 3;
        options.temperature = 1.5;
        options.max_new_tokens = 12;
        options.window = 3;
        folder_make(version, folder, sizeof folder);
        options.out = folder;
        /* A new version of the program or of its detector is another configuration; here only the
         * file is older. */
        change(folder, "UPDATE configuration SET json = replace(json, '\"program\":\"0.2.0\"',"
                       " '\"program\":\"" SAFECONF_VERSION "\"')");
        change(folder, "UPDATE configuration SET json = replace(json, 'patterns/1', 'reader/1');"
                       "UPDATE verdict SET detector = replace(detector, 'patterns/1', 'reader/1')");
        change(folder, "DELETE FROM trace WHERE trace = 4 OR (instance = 1 AND trace = 1)");
        if (sc_run_execute(&options, NULL, &summary, &error) != SC_OK)
            fail_msg("version %d: %s", version, error.text);
        assert_true(summary.progress.n_tokens > 0);
        assert_int_equal(number_of(folder, "PRAGMA user_version"), NEWEST);
        assert_int_equal(number_of(folder, "SELECT count(*) FROM pragma_integrity_check"
                                           " WHERE integrity_check <> 'ok'"),
                         0);
        assert_int_equal(number_of(folder, "SELECT count(*) FROM trace"), 10);
        assert_int_equal(sc_report_write(folder, &error), SC_OK);
        assert_predictions(folder, version);
        fixture_remove_folder(folder);
    }
}

static void an_older_folder_is_classified(void **state)
{
    (void)state;
    for (int version = OLDEST; version <= NEWEST_BEFORE; version++) {
        char folder[64];
        struct sc_error error = {0};
        struct sc_classify_summary summary;
        folder_make(version, folder, sizeof folder);
        struct sc_classify_options options = sc_classify_options_default();
        options.folder = folder;
        if (sc_classify(&options, NULL, &summary, &error) != SC_OK)
            fail_msg("version %d: %s", version, error.text);
        assert_int_equal(summary.n_traces, 10);
        sc_classify_summary_free(&summary);
        assert_int_equal(number_of(folder, "PRAGMA user_version"), NEWEST);
        assert_int_equal(sc_report_write(folder, &error), SC_OK);
        fixture_remove_folder(folder);
    }
}

/* Wherever memory runs out, the file is of one version or of the other, and whole. */
static void a_migration_is_done_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        char folder[64];
        struct sc_store *store = NULL;
        folder_make(OLDEST, folder, sizeof folder);
        sc_memory_fail_at(n);
        enum sc_status status = sc_store_open_existing(&store, folder, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        sc_store_close(store);
        int64_t version = number_of(folder, "PRAGMA user_version");
        assert_true(status == SC_OK ? version == NEWEST : version == 1 || version == NEWEST);
        struct sc_run run;
        assert_int_equal(sc_run_load(folder, true, &run, NULL), SC_OK);
        assert_int_equal(run.instances[1].n_traces, 5);
        sc_run_free(&run);
        fixture_remove_folder(folder);
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
    }
}

static void a_newer_version_is_refused_by_name(void **state)
{
    (void)state;
    char folder[64];
    struct sc_run run;
    struct sc_store *store;
    struct sc_error error = {0}, again = {0};
    folder_make(NEWEST_BEFORE, folder, sizeof folder);
    change(folder, "PRAGMA user_version = 6");
    assert_int_equal(sc_run_load(folder, true, &run, &error), SC_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "expected schema version 1 to 5, found 6 (of a newer"));
    assert_int_equal(sc_store_open_existing(&store, folder, &again), SC_ERR_UNSUPPORTED);
    assert_int_equal(number_of(folder, "PRAGMA user_version"), 6);
    fixture_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_folder_is_reported_and_not_written_to),
        cmocka_unit_test(an_older_folder_is_replayed),
        cmocka_unit_test(an_older_folder_goes_on_where_it_stopped),
        cmocka_unit_test(an_older_folder_is_classified),
        cmocka_unit_test(a_migration_is_done_whole_or_not_at_all),
        cmocka_unit_test(a_newer_version_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
