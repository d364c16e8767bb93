/* run.db between writes: what failed is taken back, a run at rest is one file, and what a killed
 * process left in a log is brought in before the file is replaced. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "experiment/store/database.h"
#include "run_fixture.h"

enum { N_INSTANCES = 4 };

static struct run_fixture fixture;

static int make_run(void **state)
{
    (void)state;
    return fixture_make(&fixture, N_INSTANCES) != 0 ||
           fixture_write(&fixture, false, NULL) != SC_OK;
}

static int drop_run(void **state)
{
    (void)state;
    fixture_free(&fixture);
    return 0;
}

static bool is_beside(const char *folder, const char *name)
{
    char *path = sc_path_join(folder, name);
    bool there = sc_file_exists(path);
    sc_free(path);
    return there;
}

static int64_t count(struct sc_store *store, const char *sql)
{
    int64_t n = -1;
    assert_int_equal(sc_store_number(store, sql, &n, NULL), SC_OK);
    return n;
}

/* A transaction whose middle failed leaves nothing, and does not stand in the next one's way. */
static void what_failed_is_taken_back(void **state)
{
    static const char n_decisions[] = "SELECT count(*) FROM decision";
    struct sc_store *store = NULL;
    struct sc_error error = {0};
    (void)state;
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, &error), SC_OK);
    int64_t n = count(store, n_decisions);
    assert_true(n > 0);
    assert_int_equal(sc_store_begin(store, &error), SC_OK);
    assert_int_equal(sc_store_exec(store, "DELETE FROM decision", "write", &error), SC_OK);
    assert_int_equal(sc_store_exec(store, "DELETE FROM nowhere", "write", &error), SC_ERR_FORMAT);
    assert_int_equal(sc_store_commit(store, SC_ERR_IO, &error), SC_ERR_IO);
    assert_int_equal(count(store, n_decisions), n);
    assert_int_equal(sc_store_begin(store, &error), SC_OK);
    assert_int_equal(sc_store_commit(store, SC_OK, &error), SC_OK);
    sc_store_close(store);
}

static void a_store_comes_to_rest_before_it_is_closed(void **state)
{
    struct sc_store *store = NULL, *reader = NULL;
    struct sc_error error = {0};
    (void)state;
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, &error), SC_OK);
    assert_int_equal(sc_store_exec(store, "DELETE FROM cut", "write", &error), SC_OK);
    assert_true(is_beside(fixture.folder, "run.db-wal"));
    /* somebody who reads is no reason to fail; the log then stays */
    assert_int_equal(sc_store_open_read(&reader, fixture.folder, &error), SC_OK);
    assert_int_equal(sc_store_rest(store, &error), SC_OK);
    assert_true(is_beside(fixture.folder, "run.db-wal"));
    sc_store_close(reader);
    assert_int_equal(sc_store_rest(store, &error), SC_OK);
    assert_false(is_beside(fixture.folder, "run.db-wal"));
    sc_store_close(store);
}

static void copy(const char *from, const char *to, const char *name)
{
    char *source = sc_path_join(from, name), *target = sc_path_join(to, name), *bytes = NULL;
    size_t n = 0;
    assert_int_equal(sc_file_read(source, 1 << 26, &bytes, &n, NULL), SC_OK);
    FILE *file = fopen(target, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    sc_free(bytes);
    sc_free(source);
    sc_free(target);
}

/* A folder as a process leaves it that is killed before its log is brought in. */
static void leave_log_in(const char *folder)
{
    struct sc_store *store = NULL;
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, NULL), SC_OK);
    assert_int_equal(sc_store_exec(store, "DELETE FROM decision", "write", NULL), SC_OK);
    copy(fixture.folder, folder, "run.db");
    copy(fixture.folder, folder, "run.db-wal");
    sc_store_close(store);
}

static void a_log_is_brought_in(void **state)
{
    char folder[] = "/tmp/safeconf-test-XXXXXX";
    struct sc_store *reader = NULL;
    struct sc_error error = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    leave_log_in(folder);
    /* while somebody reads, the log stays and that is an error: it would be read into another file
     */
    assert_int_equal(sc_store_open_read(&reader, folder, &error), SC_OK);
    assert_int_equal(sc_store_fold_log(folder, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "another process is reading this folder"));
    assert_true(is_beside(folder, "run.db-wal"));
    sc_store_close(reader);
    error = (struct sc_error){0};
    assert_int_equal(sc_store_fold_log(folder, &error), SC_OK);
    assert_false(is_beside(folder, "run.db-wal"));
    assert_int_equal(sc_store_open_read(&reader, folder, &error), SC_OK);
    assert_int_equal(count(reader, "SELECT count(*) FROM decision"), 0);
    assert_true(count(reader, "SELECT count(*) FROM trace") > 0);
    sc_store_close(reader);
    fixture_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_failed_is_taken_back, make_run, drop_run),
        cmocka_unit_test_setup_teardown(a_store_comes_to_rest_before_it_is_closed, make_run,
                                        drop_run),
        cmocka_unit_test_setup_teardown(a_log_is_brought_in, make_run, drop_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
