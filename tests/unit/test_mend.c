/* What mending takes out of run.db: no row is left that rests on one that is gone, and what no
 * command makes again is not touched. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "experiment/store/damage.h"
#include "experiment/store/database.h"
#include "experiment/store/judgements.h"
#include "experiment/store/mend.h"
#include "experiment/store/positions.h"
#include "run_fixture.h"

enum { N_INSTANCES = 3, N_TRACES = 5 };

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

/* From outside, without new keys. */
static void change(const char *sql)
{
    char path[100], *why = NULL;
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/run.db", fixture.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

/* Opens the run, which looks for damage, and counts. */
static int64_t count(const char *sql)
{
    struct sc_store *store = NULL;
    struct sc_error error = {0};
    int64_t n = -1;
    if (sc_store_open_read(&store, fixture.folder, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(sc_store_number(store, sql, &n, NULL), SC_OK);
    sc_store_close(store);
    return n;
}

#define OF_IT " WHERE instance = 1 AND trace = 2"

/* Whichever of its rows is damaged or gone, a trace goes with all that hangs on it. */
static void a_trace_goes_with_all_of_its_rows(void **state)
{
    static const struct {
        const char *sql;
        size_t n_rows; /* that are damaged */
    } cases[] = {
        {"UPDATE trace SET row_key = row_key + 1" OF_IT, 1},
        {"UPDATE token SET row_key = row_key + 1" OF_IT, 1},
        {"UPDATE verdict SET row_key = row_key + 1" OF_IT, 1},
        {"UPDATE harm SET row_key = row_key + 1" OF_IT, 1},
        {"DELETE FROM token" OF_IT, 0},
        {"DELETE FROM verdict" OF_IT, 0},
        {"DELETE FROM harm" OF_IT, 0},
    };
    static const char *const all_rows =
        "SELECT (SELECT count(*) FROM trace" OF_IT ") + (SELECT count(*) FROM token" OF_IT
        ") + (SELECT count(*) FROM verdict" OF_IT ") + (SELECT count(*) FROM harm" OF_IT ")";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_mending mending;
        struct sc_error error = {0};
        make_run(NULL);
        assert_int_equal(count(all_rows), 4);
        const int64_t n_traces = count("SELECT count(*) FROM trace");
        change(cases[i].sql);
        if (sc_store_mend(fixture.folder, &mending, &error) != SC_OK)
            fail_msg("%s: %s", cases[i].sql, error.text);
        assert_int_equal(mending.n_rows, cases[i].n_rows);
        assert_int_equal(mending.n_traces, 1);
        assert_int_equal(mending.n_judged, 0);
        assert_false(mending.indices);
        if (count(all_rows) != 0)
            fail_msg("%s: something of the trace is left", cases[i].sql);
        assert_int_equal(count("SELECT count(*) FROM trace"), n_traces - 1);
        /* decisions rest on the traces */
        assert_int_equal(count("SELECT count(*) FROM decision"), 0);
        assert_int_equal(count("SELECT count(*) FROM cut"), 0);
        drop_run(NULL);
    }
}

static void a_whole_run_is_left_alone(void **state)
{
    struct sc_mending mending;
    (void)state;
    const int64_t n = count("SELECT count(*) FROM decision");
    assert_true(n > 0);
    assert_int_equal(sc_store_mend(fixture.folder, &mending, NULL), SC_OK);
    assert_int_equal(mending.n_rows + mending.n_traces + mending.n_judged, 0);
    assert_int_equal(count("SELECT count(*) FROM decision"), n);
}

static void make_shard(void)
{
    static const size_t positions[N_INSTANCES] = {1, 4, 7};
    struct sc_store *store = NULL;
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, NULL), SC_OK);
    assert_int_equal(sc_store_put_positions(store, positions, N_INSTANCES, NULL), SC_OK);
    sc_store_close(store);
}

/* Without its row of configuration, a prompt or a place in the whole run it would be another run.
 */
static void what_no_command_makes_again_is_not_touched(void **state)
{
    static const char *const tables[] = {"configuration", "instance", "shard"};
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct sc_mending mending;
        struct sc_error error = {0};
        char sql[100];
        make_run(NULL);
        make_shard();
        snprintf(sql, sizeof sql, "UPDATE %s SET row_key = row_key + 1 WHERE rowid = 1", tables[i]);
        change(sql);
        if (sc_store_mend(fixture.folder, &mending, &error) != SC_ERR_FORMAT)
            fail_msg("a damaged row of %s is mended", tables[i]);
        assert_non_null(strstr(error.text, "which no command makes again"));
        snprintf(sql, sizeof sql, "UPDATE %s SET row_key = row_key - 1 WHERE rowid = 1", tables[i]);
        change(sql);
        assert_int_equal(count("SELECT count(*) FROM shard"), N_INSTANCES);
        assert_true(count("SELECT count(*) FROM decision") > 0);
        drop_run(NULL);
    }
}

/* A key that changes behind the back of an index: what `first` makes of it both have, what `second`
 * makes of it the table alone. */
static void leave_index_behind(const char *first, const char *second)
{
    char sql[400];
    struct sc_store *store = NULL;
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, NULL), SC_OK);
    assert_int_equal(sc_store_prepare_judging(store, NULL), SC_OK);
    assert_int_equal(sc_store_set_reading(store, "guard/1:x", "guard/1:x", NULL), SC_OK);
    sc_store_close(store);
    snprintf(sql, sizeof sql,
             "UPDATE reading SET row_key = row_key %s; PRAGMA writable_schema = ON;"
             "CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'reading_twin';"
             "DELETE FROM sqlite_schema WHERE name = 'reading_twin'",
             first);
    change(sql);
    snprintf(sql, sizeof sql,
             "UPDATE reading SET row_key = row_key %s; PRAGMA writable_schema = ON;"
             "INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept",
             second);
    change(sql);
}

static void an_index_that_lies_is_made_again(void **state)
{
    struct sc_mending mending;
    struct sc_store *store = NULL;
    struct sc_error error = {0};
    (void)state;
    leave_index_behind("+ 1", "- 1");
    assert_int_equal(sc_store_open_read(&store, fixture.folder, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "the file is damaged"));
    error = (struct sc_error){0};
    if (sc_store_mend(fixture.folder, &mending, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_true(mending.indices);
    assert_int_equal(mending.n_rows + mending.n_traces, 0);
    assert_int_equal(count("SELECT count(*) FROM reading"), 1);
}

static enum sc_status count_row(void *context, const struct sc_row_damage *damage,
                                struct sc_error *error)
{
    size_t *n = context;
    (void)error;
    assert_string_equal(damage->table, "reading");
    ++*n;
    return SC_OK;
}

/* Where its index still has the right key, a row is damaged all the same: the table is what is
 * read. */
static void damage_is_looked_for_in_the_table(void **state)
{
    struct sc_store *store = NULL;
    struct sc_error error = {0};
    size_t n_rows = 0, n_damaged = 0;
    (void)state;
    leave_index_behind("+ 0", "+ 1");
    assert_int_equal(sc_store_open_unchecked(&store, fixture.folder, &error), SC_OK);
    assert_int_equal(sc_rows_scan(store, "reading", count_row, &n_damaged, &n_rows, &error), SC_OK);
    assert_int_equal(n_rows, 1);
    assert_int_equal(n_damaged, 1);
    sc_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_goes_with_all_of_its_rows),
        cmocka_unit_test_setup_teardown(a_whole_run_is_left_alone, make_run, drop_run),
        cmocka_unit_test(what_no_command_makes_again_is_not_touched),
        cmocka_unit_test_setup_teardown(an_index_that_lies_is_made_again, make_run, drop_run),
        cmocka_unit_test_setup_teardown(damage_is_looked_for_in_the_table, make_run, drop_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
