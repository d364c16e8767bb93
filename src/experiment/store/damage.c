/* See damage.h. */
#include "experiment/store/damage.h"

#include <stdlib.h>
#include <string.h>

#include "base/sqlite_reason.h"
#include "experiment/store/keys.h"
#include "experiment/store/schema.h"
#include "experiment/store/tables.h"

enum sc_status sc_store_each_table(struct sc_store *store, sc_table_visitor *visit, void *context,
                                   struct sc_error *error)
{
    const char *name = NULL;
    for (size_t i = 0; (name = sc_schema_table(i)) != NULL; i++)
        SC_TRY(visit(store, name, context, error));
    const struct sc_table_made *made = NULL;
    for (size_t i = 0; (made = sc_table_made_at(i)) != NULL; i++) {
        bool there = false;
        SC_TRY(sc_store_check_table(store, made, &there, error));
        if (there)
            SC_TRY(visit(store, made->name, context, error));
    }
    return SC_OK;
}

/* ---- looking through rows -------------------------------------------------------------------- */

struct scan {
    sc_row_damage_reader *reader;
    void *context;
    size_t n_rows;
};

enum { AT_GOOD, AT_ROW, AT_INSTANCE, AT_TRACE };

static enum sc_status look_at(const struct sc_row *row, bool of_instance, const struct scan *scan,
                              struct sc_error *error)
{
    sqlite3_stmt *s = row->statement;
    if (sqlite3_column_int(s, AT_GOOD))
        return SC_OK;
    const struct sc_row_damage damage = {.table = row->where,
                                         .row = sqlite3_column_int64(s, AT_ROW),
                                         .of_instance = of_instance,
                                         .instance = sqlite3_column_int64(s, AT_INSTANCE),
                                         .trace = sqlite3_column_type(s, AT_TRACE) == SQLITE_INTEGER
                                                      ? sqlite3_column_int64(s, AT_TRACE)
                                                      : -1};
    return scan->reader(scan->context, &damage, error);
}

static enum sc_status look_at_rows(const struct sc_row *row, bool of_instance, struct scan *scan,
                                   struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        scan->n_rows++;
        SC_TRY(look_at(row, of_instance, scan, error));
    }
}

/* The table itself is read, not its index, so that damage is found where it is. */
static enum sc_status prepare_scan(struct sc_store *store, const char *table, const char *columns,
                                   bool *of_instance, sqlite3_stmt **out, struct sc_error *error)
{
    struct sc_text sql = {0};
    const char *instance = strcmp(table, "instance") == 0                   ? "position"
                           : strstr(columns, "\"item\", \"trace\"") != NULL ? "item" /* replies */
                           : strstr(columns, "\"instance\"") != NULL        ? "instance"
                                                                            : "NULL";
    *of_instance = strcmp(instance, "NULL") != 0;
    sc_text_printf(&sql, "SELECT row_key = sc_row_key('%s', %s), rowid, %s, %s FROM %s NOT INDEXED",
                   table, columns, instance,
                   strstr(columns, "\"trace\"") != NULL ? "trace" : "NULL", table);
    return sc_store_prepare_text(store, &sql, out, error);
}

static enum sc_status scan_rows(struct sc_store *store, const char *table, const char *columns,
                                struct scan *scan, struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = table};
    bool of_instance = false;
    SC_TRY(prepare_scan(store, table, columns, &of_instance, &row.statement, error));
    enum sc_status status = look_at_rows(&row, of_instance, scan, error);
    sqlite3_finalize(row.statement);
    return status;
}

static enum sc_status scan_table(struct sc_store *store, const char *table, void *context,
                                 struct sc_error *error)
{
    struct sc_text columns = {0};
    enum sc_status status = sc_keys_columns(store, table, &columns, error);
    status = status != SC_OK ? status : scan_rows(store, table, columns.data, context, error);
    sc_text_free(&columns);
    return status;
}

enum sc_status sc_rows_scan(struct sc_store *store, const char *table, sc_row_damage_reader *reader,
                            void *context, size_t *n_rows, struct sc_error *error)
{
    struct scan scan = {reader, context, 0};
    enum sc_status status = SC_OK;
    if (store->version >= SC_SCHEMA_KEYS)
        status = table != NULL ? scan_table(store, table, &scan, error)
                               : sc_store_each_table(store, scan_table, &scan, error);
    if (n_rows != NULL)
        *n_rows = scan.n_rows;
    return status;
}

/* The prompt's id, or its position where there is none to be had. */
static void say_prompt(struct sc_store *store, int64_t instance, struct sc_text *out)
{
    sqlite3_stmt *statement = NULL;
    const char *id = NULL;
    if (sc_store_prepare(store, "SELECT id FROM instance WHERE position = ?", &statement, NULL) ==
            SC_OK &&
        sqlite3_bind_int64(statement, 1, instance) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        id = (const char *)sqlite3_column_text(statement, 0);
    if (id != NULL) {
        sc_text_puts(out, "prompt \"");
        sc_text_add_shortened(out, id, 60);
        sc_text_putc(out, '"');
    } else {
        sc_text_printf(out, "instance %lld", (long long)instance);
    }
    sqlite3_finalize(statement);
}

void sc_row_damage_say(struct sc_store *store, const struct sc_row_damage *damage,
                       struct sc_text *out)
{
    if (!damage->of_instance) {
        sc_text_printf(out, "row %lld of table %s", (long long)damage->row, damage->table);
        return;
    }
    if (damage->trace >= 0)
        sc_text_printf(out, "trace %lld of ", (long long)damage->trace);
    if (strcmp(damage->table, "instance") == 0) /* its id may be what is damaged */
        sc_text_printf(out, "instance %lld", (long long)damage->instance);
    else
        say_prompt(store, damage->instance, out);
    sc_text_printf(out, " (table %s)", damage->table);
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum sc_status read_sentences(const struct sc_row *row, sc_file_damage_reader *reader,
                                     void *context, struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        const char *said = (const char *)sqlite3_column_text(row->statement, 0);
        if (said == NULL)
            return sc_fail_nomem(error, row->store->path);
        if (strcmp(said, "ok") != 0)
            SC_TRY(reader(context, said, error));
    }
}

enum sc_status sc_file_scan(struct sc_store *store, int most, sc_file_damage_reader *reader,
                            void *context, struct sc_error *error)
{
    struct sc_text sql = {0};
    struct sc_row row = {.store = store, .where = "integrity_check"};
    sc_text_printf(&sql, "PRAGMA integrity_check(%d)", most);
    SC_TRY(sc_store_prepare_text(store, &sql, &row.statement, error));
    enum sc_status status = read_sentences(&row, reader, context, error);
    sqlite3_finalize(row.statement);
    return status;
}

static enum sc_status fail_at_file(void *context, const char *what, struct sc_error *error)
{
    const struct sc_store *store = context;
    /* what cannot be read, and memory that is wanting, are told as damage too */
    const int reason = sc_sqlite_reason();
    const char *code = strstr(what, "error code=");
    if (code != NULL && strtol(code + strlen("error code="), NULL, 10) == SQLITE_NOMEM)
        return sc_fail_nomem(error, store->path);
    if (reason != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot read: %s", store->path, strerror(reason));
    const char *line = strchr(what, '\n'); /* "*** in database main ***" and then what it is */
    struct sc_text said = {0};
    sc_text_add_shortened(&said, line != NULL ? line + 1 : what, 120);
    enum sc_status status = sc_fail(error, SC_ERR_FORMAT, "%s: the file is damaged: %s",
                                    store->path, said.data != NULL ? said.data : "?");
    sc_text_free(&said);
    return status;
}

static enum sc_status fail_at_row(void *context, const struct sc_row_damage *damage,
                                  struct sc_error *error)
{
    struct sc_store *store = context;
    struct sc_text said = {0};
    sc_row_damage_say(store, damage, &said);
    enum sc_status status = sc_fail(
        error, SC_ERR_FORMAT,
        "%s: %s is damaged: its key does not match what stands there (safeconf verify says more)",
        store->path, said.data != NULL ? said.data : "a row");
    sc_text_free(&said);
    return status;
}

enum sc_status sc_store_check(struct sc_store *store, struct sc_error *error)
{
    sc_sqlite_reason(); /* of what was tried before */
    SC_TRY(sc_file_scan(store, 1, fail_at_file, store, error));
    return sc_rows_scan(store, NULL, fail_at_row, store, NULL, error);
}
