/* See database.h. */
#include "experiment/store/database.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/sqlite_reason.h"
#include "base/text.h"
#include "experiment/store/row_key.h"
#include "experiment/store/schema.h"

/* ---- errors and small statements ------------------------------------------------------------- */

static enum sc_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return SC_ERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* our statements are right, so the file's tables are not */
        return SC_ERR_FORMAT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CONSTRAINT:
        return SC_ERR_CONFLICT;
    case SQLITE_TOOBIG:
        return SC_ERR_LIMIT;
    case SQLITE_MISUSE:
        return SC_ERR_INTERNAL;
    default:
        return SC_ERR_IO;
    }
}

/* What the system said last of the database's file or, first, of its journal: 0: nothing. */
static int reason_of_files(sqlite3 *db)
{
    static const int which[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        sqlite3_file *file = NULL;
        int reason = 0;
        if (sqlite3_file_control(db, "main", which[i], &file) == SQLITE_OK && file != NULL &&
            file->pMethods != NULL && file->pMethods->xFileControl != NULL &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &reason) == SQLITE_OK &&
            reason != 0)
            return reason;
    }
    return 0;
}

/* The system's reason for a failure, or 0.  SQLite's own account of it (sqlite3_system_errno) is
 * often lost or another's by the time it can be asked, as where a commit fails and is taken back. A
 * disk that cannot be read makes it speak of a malformed file. */
static int reason_of(sqlite3 *db, int code)
{
    int noted = sc_sqlite_reason(); /* asked each time: it is this failure's alone */
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
        int reason = noted != 0 ? noted : reason_of_files(db);
        return reason != 0 ? reason : sqlite3_system_errno(db);
    }
    default:
        return 0;
    }
}

enum sc_status sc_store_fail_with(struct sc_store *store, int code, const char *words,
                                  const char *doing, struct sc_error *error)
{
    int reason = reason_of(store->db, code);
    if ((code & 0xff) == SQLITE_NOMEM)
        words = sqlite3_errstr(code); /* the other ones may be of what it was doing */
    return sc_fail(error, status_of(code), "%s: cannot %s: %s%s%s", store->path, doing, words,
                   reason ? ": " : "", reason ? strerror(reason) : "");
}

enum sc_status sc_store_fail(struct sc_store *store, const char *doing, struct sc_error *error)
{
    return sc_store_fail_with(store, sqlite3_extended_errcode(store->db), sqlite3_errmsg(store->db),
                              doing, error);
}

enum sc_status sc_store_prepare(struct sc_store *store, const char *sql, sqlite3_stmt **out,
                                struct sc_error *error)
{
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
        return sc_store_fail(store, "read its tables", error);
    return SC_OK;
}

enum sc_status sc_store_exec(struct sc_store *store, const char *sql, const char *doing,
                             struct sc_error *error)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sc_store_fail(store, doing, error);
    return SC_OK;
}

enum sc_status sc_store_number(struct sc_store *store, const char *sql, int64_t *out,
                               struct sc_error *error)
{
    sqlite3_stmt *row = NULL;
    enum sc_status status = SC_OK;
    SC_TRY(sc_store_prepare(store, sql, &row, error));
    if (sqlite3_step(row) == SQLITE_ROW)
        *out = sqlite3_column_int64(row, 0);
    else
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    return status;
}

enum sc_status sc_store_table_sql(struct sc_store *store, const char *table, char **out,
                                  struct sc_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool more = false;
    *out = NULL;
    SC_TRY(sc_store_prepare(store,
                            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?",
                            &statement, error));
    struct sc_binder binder = {.statement = statement};
    sc_bind_text(&binder, table);
    const struct sc_row row = {store, statement, table};
    enum sc_status status =
        binder.failed ? sc_store_fail(store, "read", error) : sc_row_next(&row, &more, error);
    if (status == SC_OK && more) {
        const char *sql = (const char *)sqlite3_column_text(statement, 0);
        *out = sc_strdup(sql != NULL ? sql : "");
        if (*out == NULL)
            status = sc_fail_nomem(error, store->path);
    }
    sqlite3_finalize(statement);
    return status;
}

/* Whether a table was made with this text, in a file with keys with their column. */
static enum sc_status is_ours(const struct sc_store *store, const char *found, const char *sql,
                              bool *ours, struct sc_error *error)
{
    char *keyed = NULL;
    if (found != NULL && store->version >= SC_SCHEMA_KEYS) {
        keyed = sc_keyed_sql(sql);
        if (keyed == NULL)
            return sc_fail_nomem(error, store->path);
    }
    *ours = found == NULL || strcmp(found, keyed != NULL ? keyed : sql) == 0;
    sc_free(keyed);
    return SC_OK;
}

enum sc_status sc_store_check_table(struct sc_store *store, const struct sc_table_made *table,
                                    bool *there, struct sc_error *error)
{
    char *found = NULL;
    bool ours = false;
    SC_TRY(sc_store_table_sql(store, table->name, &found, error));
    *there = found != NULL;
    enum sc_status status = is_ours(store, found, table->sql, &ours, error);
    sc_free(found);
    SC_TRY(status);
    return ours ? SC_OK
                : sc_fail(error, SC_ERR_FORMAT,
                          "%s: table %s: expected that of a run, found another", store->path,
                          table->name);
}

const char sc_store_twin_sql[] = "CREATE INDEX reading_twin ON reading (detector, judge, row_key)";

enum sc_status sc_store_make_twin(struct sc_store *store, const char *table, struct sc_error *error)
{
    int64_t there = 0;
    if (strcmp(table, "reading") != 0)
        return SC_OK;
    SC_TRY(sc_store_number(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'reading_twin'",
                           &there, error));
    return there > 0 ? SC_OK : sc_store_exec(store, sc_store_twin_sql, "write", error);
}

enum sc_status sc_store_make_table(struct sc_store *store, const struct sc_table_made *table,
                                   struct sc_error *error)
{
    bool there = false;
    SC_TRY(sc_store_check_table(store, table, &there, error));
    if (there)
        return SC_OK;
    assert(store->version == SC_SCHEMA_VERSION);
    char *keyed = sc_keyed_sql(table->sql);
    if (keyed == NULL)
        return sc_fail_nomem(error, store->path);
    enum sc_status status = sc_store_exec(store, keyed, "write", error);
    sc_free(keyed);
    return status != SC_OK ? status : sc_store_make_twin(store, table->name, error);
}

enum sc_status sc_store_begin(struct sc_store *store, struct sc_error *error)
{
    return sc_store_exec(store, "BEGIN IMMEDIATE", "write", error);
}

enum sc_status sc_store_commit(struct sc_store *store, enum sc_status status,
                               struct sc_error *error)
{
    if (status == SC_OK)
        status = sc_store_exec(store, "COMMIT", "write", error);
    if (status != SC_OK && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static enum sc_status make_each(struct sc_store *store, const struct sc_table_made *list,
                                struct sc_error *error)
{
    for (const struct sc_table_made *table = list; table->name != NULL; table++)
        SC_TRY(sc_store_make_table(store, table, error));
    return SC_OK;
}

enum sc_status sc_store_make_tables(struct sc_store *store, const struct sc_table_made *list,
                                    struct sc_error *error)
{
    SC_TRY(sc_store_begin(store, error));
    return sc_store_commit(store, make_each(store, list, error), error);
}

/* ---- opening --------------------------------------------------------------------------------- */

static char *joined(const char *a, const char *b)
{
    struct sc_text text = {0};
    sc_text_puts(&text, a);
    sc_text_puts(&text, b);
    return sc_text_take(&text);
}

/* Whoever opens a pipe or a device may wait for ever, so that is found out before. */
static enum sc_status check_kind(const struct sc_store *store, const char *suffix,
                                 struct sc_error *error)
{
    struct stat found;
    char *path = joined(store->path, suffix);
    if (path == NULL)
        return sc_fail_nomem(error, store->path);
    enum sc_status status = SC_OK;
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode))
        status = sc_fail(error, SC_ERR_IO, "%s: expected a regular file", path);
    sc_free(path);
    return status;
}

static enum sc_status harden(struct sc_store *store, struct sc_error *error)
{
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, 10000);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, 256 << 20);
    sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    if (sc_row_key_install(store->db) != SQLITE_OK)
        return sc_store_fail(store, "open", error);
    return sc_store_exec(store, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", "open", error);
}

enum sc_status sc_database_open(struct sc_store *store, int flags, struct sc_error *error)
{
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    assert(store->path != NULL && store->db == NULL);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        SC_TRY(check_kind(store, suffixes[i], error));
    /* "./file:x" is a path where "file:x" may be a URI */
    char *path = joined(store->path[0] == '/' ? "" : "./", store->path);
    if (path == NULL)
        return sc_fail_nomem(error, store->path);
    int code = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    sc_free(path);
    if (code != SQLITE_OK)
        return store->db != NULL ? sc_store_fail(store, "open", error)
                                 : sc_fail_nomem(error, store->path);
    return harden(store, error);
}

enum sc_status sc_store_check_place(const struct sc_store *store, struct sc_error *error)
{
    struct stat found;
    int failed = stat(store->path, &found) != 0 ? errno : 0;
    if (failed && failed != ENOENT && failed != ENOTDIR)
        return sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", store->path,
                       strerror(failed));
    if (!failed && found.st_dev == store->device && found.st_ino == store->inode)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO, "%s: removed or replaced while the run was writing to it",
                   store->path);
}

/* ---- writing --------------------------------------------------------------------------------- */

void sc_bind_null(struct sc_binder *binder)
{
    if (sqlite3_bind_null(binder->statement, ++binder->place) != SQLITE_OK)
        binder->failed = true;
}

void sc_bind_text(struct sc_binder *binder, const char *text)
{
    if (text == NULL)
        sc_bind_null(binder);
    else if (sqlite3_bind_text64(binder->statement, ++binder->place, text, strlen(text),
                                 SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK)
        binder->failed = true;
}

void sc_bind_int(struct sc_binder *binder, int64_t value)
{
    if (sqlite3_bind_int64(binder->statement, ++binder->place, value) != SQLITE_OK)
        binder->failed = true;
}

void sc_bind_size(struct sc_binder *binder, size_t value)
{
    sc_bind_int(binder, (int64_t)value);
}

void sc_bind_real(struct sc_binder *binder, double value)
{
    if (sqlite3_bind_double(binder->statement, ++binder->place, value) != SQLITE_OK)
        binder->failed = true;
}

void sc_bind_blob(struct sc_binder *binder, const void *bytes, size_t size)
{
    if (bytes == NULL)
        sc_bind_null(binder);
    else if (sqlite3_bind_blob64(binder->statement, ++binder->place, bytes, size, SQLITE_STATIC) !=
             SQLITE_OK)
        binder->failed = true;
}

enum sc_status sc_store_run(struct sc_store *store, const struct sc_binder *binder,
                            struct sc_error *error)
{
    enum sc_status status = SC_OK;
    if (binder->failed || sqlite3_step(binder->statement) != SQLITE_DONE)
        status = sc_store_fail(store, "write", error);
    sqlite3_reset(binder->statement);
    sqlite3_clear_bindings(binder->statement);
    return status;
}

enum sc_status sc_store_begin_put(struct sc_store *store, const char *sql, struct sc_binder *put,
                                  struct sc_error *error)
{
    *put = (struct sc_binder){0};
    return sc_store_prepare(store, sql, &put->statement, error);
}

enum sc_status sc_store_end_put(struct sc_store *store, struct sc_binder *put,
                                struct sc_error *error)
{
    enum sc_status status = sc_store_run(store, put, error);
    sqlite3_finalize(put->statement);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

enum sc_status sc_row_next(const struct sc_row *row, bool *more, struct sc_error *error)
{
    int code = sqlite3_step(row->statement);
    *more = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? SC_OK
                                                     : sc_store_fail(row->store, "read", error);
}

bool sc_row_is_null(const struct sc_row *row, int column)
{
    return sqlite3_column_type(row->statement, column) == SQLITE_NULL;
}

enum sc_status sc_row_text(const struct sc_row *row, int column, bool may_be_null, char **out,
                           struct sc_error *error)
{
    const char *path = row->store->path, *name = sqlite3_column_name(row->statement, column);
    *out = NULL;
    if (sc_row_is_null(row, column) && may_be_null)
        return SC_OK;
    if (sqlite3_column_type(row->statement, column) != SQLITE_TEXT)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s: expected text", path, row->where, name);
    const char *text = (const char *)sqlite3_column_text(row->statement, column);
    size_t n = (size_t)sqlite3_column_bytes(row->statement, column);
    if (text == NULL)
        return sc_fail_nomem(error, path);
    if (memchr(text, '\0', n) != NULL || sc_utf8_valid(text, n) != n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s: expected UTF-8 text without NUL", path,
                       row->where, name);
    *out = sc_strndup(text, n);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, path);
}

enum sc_status sc_row_int(const struct sc_row *row, int column, int64_t low, int64_t high,
                          int64_t *out, struct sc_error *error)
{
    int64_t value = sqlite3_column_int64(row->statement, column);
    if (sqlite3_column_type(row->statement, column) != SQLITE_INTEGER || value < low ||
        value > high)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s: expected %lld to %lld, found %s",
                       row->store->path, row->where, sqlite3_column_name(row->statement, column),
                       (long long)low, (long long)high,
                       sc_row_is_null(row, column)
                           ? "nothing"
                           : (const char *)sqlite3_column_text(row->statement, column));
    *out = value;
    return SC_OK;
}

enum sc_status sc_row_name(const struct sc_row *row, int column, int (*parse)(const char *),
                           int *out, struct sc_error *error)
{
    const char *name = (const char *)sqlite3_column_text(row->statement, column);
    *out = name != NULL ? parse(name) : -1;
    if (*out < 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected a %s, found %s", row->store->path,
                       row->where, sqlite3_column_name(row->statement, column),
                       name != NULL ? name : "nothing");
    return SC_OK;
}

double sc_row_real(const struct sc_row *row, int column)
{
    return sc_row_is_null(row, column) ? NAN : sqlite3_column_double(row->statement, column);
}
