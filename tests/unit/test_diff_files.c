/* Runs side by side from their folders: what a program that uses the library gets, runs of older
 * versions, and what is written where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/diff.h"
#include "report/report.h"
#include "run_fixture.h"

/* A run written into a new folder. */
static void write_run(struct run_fixture *f, size_t n)
{
    assert_int_equal(fixture_make(f, n), 0);
    assert_int_equal(fixture_write(f, true, NULL), SC_OK);
}

static void files_are_written_and_read_by_others(void **state)
{
    (void)state;
    struct run_fixture f, g;
    char *json = NULL, *written = NULL, path[300];
    size_t n;
    write_run(&f, 8);
    write_run(&g, 6);
    const char *folders[] = {f.folder, g.folder};
    snprintf(path, sizeof path, "%s/new/one", f.folder);
    assert_int_equal(sc_diff_write(folders, 2, path, NULL), SC_OK);
    assert_int_equal(sc_diff_json(folders, 2, &json, NULL), SC_OK);
    snprintf(path, sizeof path, "%s/new/one/diff.json", f.folder);
    assert_int_equal(sc_file_read(path, 1 << 24, &written, &n, NULL), SC_OK);
    assert_string_equal(json, written);
    assert_non_null(strstr(json, "\"common\": 6"));
    assert_non_null(strstr(json, "\"only_a\": 2"));
    assert_null(strstr(json, "/safeconf-test")); /* names of folders, and no path */
    sc_free(written);
    snprintf(path, sizeof path, "%s/new/one/diff.html", f.folder);
    assert_int_equal(sc_file_read(path, 1 << 24, &written, &n, NULL), SC_OK);
    assert_null(strstr(written, "<that>")); /* what the answers hold */
    assert_null(strstr(written, "\xe2\x80\xae"));
    sc_free(written);
    sc_release(json);
    snprintf(path, sizeof path, "%s/new/one", f.folder);
    fixture_remove_folder(path);
    snprintf(path, sizeof path, "%s/new", f.folder);
    fixture_remove_folder(path);
    fixture_free(&g);
    fixture_free(&f);
}

static void runs_of_older_versions_are_compared(void **state)
{
    (void)state;
    char folders[3][80], path[160];
    const char *names[3];
    for (int v = 0; v < 3; v++) {
        char *bytes, from[300];
        size_t n;
        snprintf(folders[v], sizeof folders[v], "%s/safeconf-test-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(folders[v]));
        names[v] = folders[v];
        snprintf(from, sizeof from, TEST_GOLDEN "/run_db/version_%d.db", v + 1);
        assert_int_equal(sc_file_read(from, 1 << 24, &bytes, &n, NULL), SC_OK);
        snprintf(path, sizeof path, "%s/run.db", folders[v]);
        assert_int_equal(sc_file_write(path, bytes, n, NULL), SC_OK);
        sc_free(bytes);
    }
    for (int v = 0; v < 3; v++) {
        char *json = NULL;
        struct sc_error error = {0};
        const char *twice[2] = {names[v], names[v]};
        if (sc_diff_json(twice, 2, &json, &error) != SC_OK)
            fail_msg("version %d: %s", v + 1, error.text);
        assert_non_null(strstr(json, "\"verdict_changed\": {\n    \"n\": 0"));
        sc_release(json);
    }
    for (int v = 0; v < 3; v++)
        fixture_remove_folder(folders[v]);
}

static void bad_arguments_and_folders_are_refused(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    char *json = NULL;
    write_run(&f, 4);
    const char *folders[] = {f.folder, "/nowhere/at/all"}, *holes[] = {f.folder, NULL};
    const char *many[17];
    for (size_t i = 0; i < 17; i++)
        many[i] = f.folder;
    assert_int_equal(sc_diff_json(folders, 2, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_diff_json(NULL, 2, &json, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_diff_json(holes, 2, &json, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_diff_json(folders, 1, &json, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_diff_json(many, 17, &json, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_diff_write(folders, 2, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_diff_write(folders, 2, "", NULL), SC_ERR_ARGUMENT);
    assert_true(sc_diff_json(folders, 2, &json, &error) != SC_OK);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    assert_null(json);
    /* A folder that cannot be made. */
    char path[300];
    snprintf(path, sizeof path, "%s/run.db/below", f.folder);
    error = (struct sc_error){0};
    assert_true(sc_diff_write(many, 2, path, &error) != SC_OK);
    assert_int_not_equal(error.status, SC_OK);
    fixture_free(&f);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct run_fixture f;
    enum sc_status status = SC_ERR_NOMEM;
    write_run(&f, 2);
    const char *folders[] = {f.folder, f.folder};
    char *whole = NULL;
    assert_int_equal(sc_diff_json(folders, 2, &whole, NULL), SC_OK);
    for (size_t n = 0; status != SC_OK; n += n < 60 ? 1 : 41) {
        char *json = NULL;
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_diff_json(folders, 2, &json, &error);
        bool failed = sc_memory_failed();
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            assert_string_equal(json, whole);
        if (status == SC_OK && failed) /* which changed nothing: a cache of SQLite's */
            status = SC_ERR_NOMEM;
        sc_release(json);
    }
    sc_release(whole);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_and_read_by_others),
        cmocka_unit_test(runs_of_older_versions_are_compared),
        cmocka_unit_test(bad_arguments_and_folders_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
