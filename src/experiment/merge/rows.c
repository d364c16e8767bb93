/*
 * Rows from one run.db to another.  The tables are those that are listed here, and their columns
 * those that the file has: of an older version fewer, the others being NULL.  Values are copied as
 * they are: what stands in a file was checked when it was read (parts.c).
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/merge/merge.h"
#include "experiment/store/database.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"

enum rows_of {
    OF_THE_FILE, /* written when a file is made */
    OF_INSTANCES,
    OF_REPLIES, /* of instances where `labels` is "", else of the run */
    OF_THE_RUN,
    N_ROWS_OF
};

static const struct {
    const char *name;
    enum rows_of rows;
} tables[] = {
    {"configuration", OF_THE_FILE}, {"instance", OF_THE_FILE},   {"shard", OF_THE_FILE},
    {"trace", OF_INSTANCES},        {"token", OF_INSTANCES},     {"turn", OF_INSTANCES},
    {"verdict", OF_INSTANCES},      {"harm", OF_INSTANCES},      {"decision", OF_INSTANCES},
    {"cut", OF_INSTANCES},          {"judgement", OF_INSTANCES}, {"open_judgement", OF_INSTANCES},
    {"judge_score", OF_INSTANCES},  {"reply", OF_REPLIES},       {"repeats", OF_THE_RUN},
    {"reading", OF_THE_RUN},        {"labelled", OF_THE_RUN},    {"label_reading", OF_THE_RUN},
    {"calibration", OF_THE_RUN},    {"given", OF_INSTANCES},     {"weighed", OF_INSTANCES},
};

static enum rows_of rows_of(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strcmp(tables[i].name, name) == 0)
            return tables[i].rows;
    return N_ROWS_OF;
}

bool sc_merge_knows_table(const char *name)
{
    return rows_of(name) != N_ROWS_OF;
}

/* ---- a table under way ----------------------------------------------------------------------- */

enum { MOST_COLUMNS = 128 };

struct table {
    const struct sc_merge_rows *rows;
    const char *name;
    enum rows_of kind;
    char *columns[MOST_COLUMNS]; /* [n] */
    bool key[MOST_COLUMNS];      /* part of the primary key */
    size_t n;
    size_t instance, labels; /* columns; n: none */
    sqlite3_stmt *get, *put, *same;
};

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->n; i++)
        sc_free(table->columns[i]);
    sqlite3_finalize(table->get);
    sqlite3_finalize(table->put);
    sqlite3_finalize(table->same);
}

static enum sc_status add_column(struct table *table, const struct sc_row *row,
                                 struct sc_error *error)
{
    if (table->n == MOST_COLUMNS)
        return sc_fail(error, SC_ERR_FORMAT, "%s: table %s: expected at most %d columns",
                       row->store->path, table->name, MOST_COLUMNS);
    SC_TRY(sc_row_text(row, 0, false, &table->columns[table->n], error));
    table->key[table->n++] = sqlite3_column_int64(row->statement, 1) > 0;
    return SC_OK;
}

static enum sc_status read_columns(struct table *table, const struct sc_row *row,
                                   struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    sc_bind_text(&binder, table->name);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(add_column(table, row, error));
    }
}

static size_t column_of(const struct table *table, const char *name)
{
    size_t i = 0;
    while (i < table->n && strcmp(table->columns[i], name) != 0)
        i++;
    return i;
}

static enum sc_status find_columns(struct table *table, struct sc_error *error)
{
    struct sc_row row = {.store = table->rows->from, .where = table->name};
    SC_TRY(sc_store_prepare(row.store,
                            "SELECT name, pk FROM pragma_table_info(?) WHERE name <> 'row_key'",
                            &row.statement, error));
    enum sc_status status = read_columns(table, &row, error);
    sqlite3_finalize(row.statement);
    SC_TRY(status);
    table->instance = table->kind == OF_INSTANCES ? column_of(table, "instance")
                      : table->kind == OF_REPLIES ? column_of(table, "item")
                                                  : table->n;
    table->labels = table->kind == OF_REPLIES ? column_of(table, "labels") : table->n;
    assert(table->kind == OF_THE_RUN || table->instance < table->n);
    return SC_OK;
}

/* Appends the columns, those of the key alone with only_key, with text between and behind them. */
static void put_columns(struct sc_text *sql, const struct table *table, bool only_key,
                        const char *between, const char *behind)
{
    const char *before = "";
    for (size_t i = 0; i < table->n; i++) {
        if (only_key && !table->key[i])
            continue;
        sc_text_printf(sql, "%s\"%s\"%s", before, table->columns[i], behind);
        before = between;
    }
}

/* All columns of a table's rows. */
static enum sc_status prepare_get(struct table *table, struct sc_error *error)
{
    struct sc_text sql = {0};
    sc_text_puts(&sql, "SELECT ");
    put_columns(&sql, table, false, ", ", "");
    sc_text_printf(&sql, " FROM \"%s\"", table->name);
    return sc_store_prepare_text(table->rows->from, &sql, &table->get, error);
}

/* The places of the values, for each column of the new file: NULL for those that an older one does
 * not have, which are its last. */
static void put_places(struct sc_text *sql, const struct table *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (i < table->n)
            sc_text_printf(sql, "?%zu, ", i + 1);
        else
            sc_text_puts(sql, "NULL, ");
}

/* A row has another key where its instance has another position. */
static enum sc_status prepare_put(struct table *table, struct sc_error *error)
{
    struct sc_text columns = {0}, sql = {0}, places = {0};
    enum sc_status status = sc_keys_columns(table->rows->to, table->name, &columns, error);
    if (status != SC_OK) {
        sc_text_free(&columns);
        return status;
    }
    size_t n = 1;
    for (const char *at = columns.data; (at = strstr(at, "\", \"")) != NULL; at += 3)
        n++;
    put_places(&places, table, n);
    const char *verb =
        table->instance == table->n || table->labels < table->n ? "INSERT OR IGNORE" : "INSERT";
    if (places.data != NULL)
        sc_text_printf(&sql, "%s INTO \"%s\" VALUES (%ssc_row_key('%s', %.*s))", verb, table->name,
                       places.data, table->name, (int)places.len - 2, places.data);
    sql.failed = sql.failed || places.failed;
    sc_text_free(&columns);
    sc_text_free(&places);
    return sc_store_prepare_text(table->rows->to, &sql, &table->put, error);
}

/* All columns of the row with a key. */
static enum sc_status prepare_same(struct table *table, struct sc_error *error)
{
    struct sc_text sql = {0};
    sc_text_puts(&sql, "SELECT ");
    put_columns(&sql, table, false, ", ", "");
    sc_text_printf(&sql, " FROM \"%s\" WHERE ", table->name);
    put_columns(&sql, table, true, " AND ", " = ?");
    return sc_store_prepare_text(table->rows->to, &sql, &table->same, error);
}

/* Whether the row under way is one of an instance. */
static bool is_of_instance(const struct table *table)
{
    return table->instance < table->n &&
           (table->labels == table->n || sqlite3_column_bytes(table->get, (int)table->labels) == 0);
}

/* What a column of the row under way is in the other file.  `rank` is that of its instance. */
static int bind(const struct table *table, sqlite3_stmt *statement, int place, size_t column,
                const size_t *rank)
{
    return column == table->instance && rank != NULL
               ? sqlite3_bind_int64(statement, place, (int64_t)*rank)
               : sqlite3_bind_value(statement, place,
                                    sqlite3_column_value(table->get, (int)column));
}

static enum sc_status find_rank(const struct table *table, size_t *rank, struct sc_error *error)
{
    const struct sc_merge_rows *rows = table->rows;
    const struct sc_row row = {rows->from, table->get, table->name};
    int64_t position = 0;
    SC_TRY(sc_row_int(&row, (int)table->instance, 0, (int64_t)rows->n_ranks - 1, &position, error));
    *rank = rows->ranks[position];
    return SC_OK;
}

/* Binds the key of the row under way. */
static bool bind_key(const struct table *table, const size_t *rank)
{
    bool bound = true;
    int place = 0;
    for (size_t i = 0; i < table->n; i++)
        if (table->key[i])
            bound = bind(table, table->same, ++place, i, rank) == SQLITE_OK && bound;
    return bound;
}

/* ---- copying --------------------------------------------------------------------------------- */

/* A value for a message. */
static void show(sqlite3_stmt *row, int column, struct sc_text *out)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    if (text == NULL)
        sc_text_puts(out, "nothing");
    else
        sc_text_add_shortened(out, text, 60);
}

static bool equal(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int type = sqlite3_column_type(a, column);
    if (type != sqlite3_column_type(b, column))
        return false;
    if (type == SQLITE_INTEGER)
        return sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column);
    if (type == SQLITE_FLOAT)
        return sqlite3_column_double(a, column) == sqlite3_column_double(b, column);
    int n = sqlite3_column_bytes(a, column);
    return n == sqlite3_column_bytes(b, column) &&
           (n == 0 ||
            memcmp(sqlite3_column_blob(a, column), sqlite3_column_blob(b, column), (size_t)n) == 0);
}

static enum sc_status differ(const struct table *table, int column, struct sc_error *error)
{
    struct sc_text expected = {0}, found = {0};
    show(table->same, column, &expected);
    show(table->get, column, &found);
    enum sc_status status = sc_fail(
        error, SC_ERR_CONFLICT, "%s: table %s: %s: expected %s as in the shards before, found %s",
        table->rows->from->path, table->name, table->columns[column],
        expected.data != NULL ? expected.data : "?", found.data != NULL ? found.data : "?");
    sc_text_free(&expected);
    sc_text_free(&found);
    return status;
}

/* A row of the run that is there already must be the same. */
static enum sc_status compare_row(const struct table *table, struct sc_error *error)
{
    struct sc_store *to = table->rows->to;
    if (!bind_key(table, NULL) || sqlite3_step(table->same) != SQLITE_ROW)
        return sc_store_fail(to, "read", error);
    enum sc_status status = SC_OK;
    for (int i = 0; status == SC_OK && i < (int)table->n; i++)
        if (!equal(table->same, table->get, i))
            status = differ(table, i, error);
    sqlite3_reset(table->same);
    return status;
}

static enum sc_status copy_row(const struct table *table, struct sc_error *error)
{
    struct sc_store *to = table->rows->to;
    size_t rank = 0;
    const size_t *mapped = NULL;
    if (is_of_instance(table)) {
        SC_TRY(find_rank(table, &rank, error));
        mapped = &rank;
    }
    struct sc_binder put = {.statement = table->put};
    for (size_t i = 0; i < table->n; i++)
        put.failed = bind(table, table->put, ++put.place, i, mapped) != SQLITE_OK || put.failed;
    SC_TRY(sc_store_run(to, &put, error));
    if (sqlite3_changes(to->db) > 0)
        return SC_OK;
    if (mapped != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: table %s: expected a row once, found it twice",
                       table->rows->from->path, table->name);
    return compare_row(table, error);
}

/* ---- looking for rows ------------------------------------------------------------------------ */

static enum sc_status find_row(const struct table *table, struct sc_error *error)
{
    struct sc_store *to = table->rows->to;
    size_t rank = 0;
    bool of_instance = is_of_instance(table), there = true;
    if (of_instance)
        SC_TRY(find_rank(table, &rank, error));
    if (rank != SIZE_MAX) {
        if (!bind_key(table, of_instance ? &rank : NULL))
            return sc_store_fail(to, "read", error);
        int code = sqlite3_step(table->same);
        there = code == SQLITE_ROW;
        sqlite3_reset(table->same);
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            return sc_store_fail(to, "read", error);
    }
    return there && rank != SIZE_MAX
               ? SC_OK
               : sc_fail(error, SC_ERR_CONFLICT,
                         "%s: table %s holds rows that the shards do not have: name another "
                         "folder, or remove this one",
                         table->rows->from->path, table->name);
}

/* ---- all tables ------------------------------------------------------------------------------ */

enum { ROWS_BETWEEN_QUESTIONS = 256 };

static enum sc_status each_row(const struct table *table, bool copy, struct sc_error *error)
{
    const struct sc_merge_rows *rows = table->rows;
    const struct sc_merge_observer *observer = rows->observer;
    const struct sc_row row = {rows->from, table->get, table->name};
    for (size_t n = 0;; n++) {
        bool more = false;
        if (n % ROWS_BETWEEN_QUESTIONS == 0 && observer->keep_going != NULL &&
            !observer->keep_going(observer->context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        SC_TRY(sc_row_next(&row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(copy ? copy_row(table, error) : find_row(table, error));
    }
}

/* The table is there in both files, and is ours. */
static enum sc_status agree_on_table(const struct table *table, struct sc_error *error)
{
    const struct sc_merge_rows *rows = table->rows;
    const struct sc_table_made *made = sc_table_made_of(table->name);
    bool there = false;
    if (made == NULL) /* one that every file has, checked when it was opened */
        return SC_OK;
    SC_TRY(sc_store_check_table(rows->from, made, &there, error));
    return sc_store_make_table(rows->to, made, error);
}

static enum sc_status try_table(struct table *table, bool copy, struct sc_error *error)
{
    SC_TRY(agree_on_table(table, error));
    SC_TRY(find_columns(table, error));
    SC_TRY(prepare_get(table, error));
    SC_TRY(prepare_same(table, error));
    if (copy)
        SC_TRY(prepare_put(table, error));
    return each_row(table, copy, error);
}

static enum sc_status one_table(const struct sc_merge_rows *rows, const char *name, bool copy,
                                struct sc_error *error)
{
    struct table table = {.rows = rows, .name = name, .kind = rows_of(name)};
    if (table.kind == N_ROWS_OF)
        return sc_fail(error, SC_ERR_FORMAT, "%s: table %s: expected those of a run, found this",
                       rows->from->path, name);
    if (table.kind == OF_THE_FILE)
        return SC_OK;
    enum sc_status status = try_table(&table, copy, error);
    free_table(&table);
    return status;
}

static enum sc_status all_tables(const struct sc_merge_rows *rows, const struct sc_row *row,
                                 bool copy, struct sc_error *error)
{
    for (bool more;;) {
        char *name = NULL;
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(sc_row_text(row, 0, false, &name, error));
        enum sc_status status = one_table(rows, name, copy, error);
        sc_free(name);
        SC_TRY(status);
    }
}

static enum sc_status walk(const struct sc_merge_rows *rows, bool copy, struct sc_error *error)
{
    struct sc_row row = {.store = rows->from, .where = "sqlite_schema"};
    SC_TRY(sc_store_prepare(rows->from,
                            "SELECT name FROM sqlite_schema WHERE type = 'table'"
                            " AND substr(name, 1, 7) <> 'sqlite_'",
                            &row.statement, error));
    enum sc_status status = all_tables(rows, &row, copy, error);
    sqlite3_finalize(row.statement);
    return status;
}

enum sc_status sc_merge_copy(const struct sc_merge_rows *rows, struct sc_error *error)
{
    SC_TRY(sc_store_begin(rows->to, error));
    return sc_store_commit(rows->to, walk(rows, true, error), error);
}

enum sc_status sc_merge_contains(const struct sc_merge_rows *rows, struct sc_error *error)
{
    return walk(rows, false, error);
}
