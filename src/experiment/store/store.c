/*
 * run.db, opening and writing: the schema and its version, the lock, one transaction per trace.
 *
 * Journal: a write-ahead log with synchronous=NORMAL.  A process that is killed at any moment loses
 * no transaction that was committed; a machine that loses power may lose the last ones but never
 * the file's consistency, and a lost trace is sampled again to the same bits, so a wait for the
 * disk at each trace would buy nothing.  When the run closes the file goes back to a rollback
 * journal, so that a run at rest is one file that can be read from a read-only medium.
 *
 * A file that is not exactly what this version writes is refused.  Reading rows: store_read.c.
 */
#include "experiment/store/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "experiment/run/config.h"
#include "experiment/store/store_internal.h"
#include "vocabulary/vocabulary.h"

#define APPLICATION_ID 0x73614366 /* "saCf" */
#define SCHEMA_VERSION 2

#define METRIC_REAL_FIRST(prefix, id, name, sign, unit, label) prefix name " REAL"
#define METRIC_REAL_NEXT(prefix, id, name, sign, unit, label) ", " prefix name " REAL"
#define METRICS_REAL(prefix) SC_METRIC_MAP(METRIC_REAL_FIRST, METRIC_REAL_NEXT, prefix) ",\n "

/* The stored text of each table is compared with these, so a change here needs a new version. */
static const struct {
    const char *name, *sql;
} tables[] = {
    {"configuration", "CREATE TABLE configuration (id INTEGER PRIMARY KEY CHECK (id = 1),\n"
                      " json TEXT NOT NULL) STRICT"},
    {"instance", "CREATE TABLE instance (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,\n"
                 " prompt TEXT NOT NULL, label TEXT NOT NULL, category TEXT NOT NULL,\n"
                 " extra TEXT) STRICT"},
    {"trace", "CREATE TABLE trace (instance INTEGER NOT NULL REFERENCES instance (position),\n"
              " trace INTEGER NOT NULL, finish TEXT NOT NULL, failure TEXT,\n"
              " text TEXT NOT NULL, answer TEXT,\n"
              " n_tokens INTEGER NOT NULL, n_reasoning INTEGER NOT NULL,\n " METRICS_REAL("")
                  METRICS_REAL("reasoning_")
                      METRICS_REAL("answer_") "PRIMARY KEY (instance, trace)) STRICT"},
    {"token", "CREATE TABLE token (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
              " ids BLOB NOT NULL, logprob BLOB NOT NULL, sampled_logprob BLOB NOT NULL,\n"
              " confidence BLOB NOT NULL, entropy BLOB NOT NULL, text_end BLOB NOT NULL,\n"
              " PRIMARY KEY (instance, trace)) STRICT"},
    {"verdict", "CREATE TABLE verdict (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
                " detector TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT NOT NULL,\n"
                " range_begin INTEGER NOT NULL, range_end INTEGER NOT NULL,\n"
                " PRIMARY KEY (instance, trace, detector)) STRICT"},
    {"harm", "CREATE TABLE harm (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
             " judge TEXT NOT NULL, harm TEXT NOT NULL,\n"
             " PRIMARY KEY (instance, trace, judge)) STRICT"},
    {"decision", "CREATE TABLE decision (instance INTEGER NOT NULL, policy INTEGER NOT NULL,\n"
                 " n_traces INTEGER NOT NULL, stop_reason TEXT NOT NULL, bar REAL,\n"
                 " PRIMARY KEY (instance, policy)) STRICT"},
    {"cut",
     "CREATE TABLE cut (instance INTEGER NOT NULL, policy INTEGER NOT NULL,\n"
     " trace INTEGER NOT NULL, text TEXT NOT NULL, answer TEXT,\n"
     " n_tokens INTEGER NOT NULL, n_reasoning INTEGER NOT NULL,\n " METRICS_REAL("")
         METRICS_REAL("reasoning_") METRICS_REAL(
             "answer_") "detector TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT NOT NULL,\n"
                        " range_begin INTEGER NOT NULL, range_end INTEGER NOT NULL,\n"
                        " PRIMARY KEY (instance, policy, trace)) STRICT"},
};
#define N_TABLES (sizeof tables / sizeof *tables)

/* ---- errors and small statements ------------------------------------------------------------ */

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
        return SC_ERR_CONFLICT;
    case SQLITE_TOOBIG:
        return SC_ERR_LIMIT;
    case SQLITE_CONSTRAINT:
        return SC_ERR_CONFLICT;
    case SQLITE_MISUSE:
        return SC_ERR_INTERNAL;
    default:
        return SC_ERR_IO;
    }
}

enum sc_status sc_store_fail(struct sc_store *store, const char *doing, struct sc_error *error)
{
    int code = sqlite3_extended_errcode(store->db);
    int reason = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN
                     ? sqlite3_system_errno(store->db)
                     : 0;
    return sc_fail(error, status_of(code), "%s: cannot %s: %s%s%s", store->path, doing,
                   sqlite3_errmsg(store->db), reason ? ": " : "", reason ? strerror(reason) : "");
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
    enum sc_status status = sc_store_prepare(store, sql, &row, error);
    if (status != SC_OK)
        return status;
    if (sqlite3_step(row) == SQLITE_ROW)
        *out = sqlite3_column_int64(row, 0);
    else
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    return status;
}

/* Runs a statement that gives no rows and makes it ready for the next time. */
static enum sc_status finish(struct sc_store *store, sqlite3_stmt *statement, bool bound,
                             struct sc_error *error)
{
    enum sc_status status = SC_OK;
    if (!bound || sqlite3_step(statement) != SQLITE_DONE)
        status = sc_store_fail(store, "write", error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

static bool bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    return text == NULL ? sqlite3_bind_null(statement, place) == SQLITE_OK
                        : sqlite3_bind_text64(statement, place, text, strlen(text), SQLITE_STATIC,
                                              SQLITE_UTF8) == SQLITE_OK;
}

static bool bind_size(sqlite3_stmt *statement, int place, size_t value)
{
    return sqlite3_bind_int64(statement, place, (sqlite3_int64)value) == SQLITE_OK;
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

/* ---- opening --------------------------------------------------------------------------------- */

/* Nothing in the file may make SQLite run code or touch other files. */
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
    return sc_store_exec(store, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", "open", error);
}

/* Whether the tables are exactly those that this version writes; *empty: there are none at all. */
static enum sc_status check_schema(struct sc_store *store, bool *empty, struct sc_error *error)
{
    int64_t id = 0, version = 0, n_objects = 0;
    sqlite3_stmt *row = NULL;
    enum sc_status status = sc_store_number(store, "PRAGMA application_id", &id, error);
    if (status == SC_OK)
        status = sc_store_number(store, "PRAGMA user_version", &version, error);
    if (status == SC_OK)
        status = sc_store_number(store, "SELECT count(*) FROM sqlite_schema", &n_objects, error);
    if (status != SC_OK)
        return status;
    *empty = n_objects == 0 && id == 0 && version == 0;
    if (*empty)
        return SC_OK;
    if (id != APPLICATION_ID)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected the database of a run, found another",
                       store->path);
    if (version != SCHEMA_VERSION)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected schema version %d, found %lld",
                       store->path, SCHEMA_VERSION, (long long)version);
    status = sc_store_prepare(
        store, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", &row, error);
    for (size_t i = 0; status == SC_OK && i < N_TABLES; i++) {
        if (!bind_text(row, 1, tables[i].name)) {
            status = sc_store_fail(store, "read", error);
            break;
        }
        int code = sqlite3_step(row);
        const char *sql = code == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            status = sc_store_fail(store, "read", error);
        else if (sql == NULL || strcmp(sql, tables[i].sql) != 0)
            status = sc_fail(error, SC_ERR_FORMAT, "%s: table %s: expected that of a run, found %s",
                             store->path, tables[i].name, sql != NULL ? "another" : "none");
        sqlite3_reset(row);
    }
    sqlite3_finalize(row);
    return status;
}

static enum sc_status insert_instances(struct sc_store *store, const struct sc_instance *instances,
                                       size_t n, struct sc_error *error)
{
    sqlite3_stmt *put = NULL;
    enum sc_status status =
        sc_store_prepare(store, "INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?)", &put, error);
    for (size_t i = 0; status == SC_OK && i < n; i++) {
        const struct sc_instance *instance = &instances[i];
        bool bound = bind_size(put, 1, i) && bind_text(put, 2, instance->id) &&
                     bind_text(put, 3, instance->prompt) &&
                     bind_text(put, 4, sc_label_name(instance->label)) &&
                     bind_text(put, 5, instance->category != NULL ? instance->category : "") &&
                     bind_text(put, 6, instance->extra);
        status = finish(store, put, bound, error);
        if (status != SC_OK)
            sc_error_prefix(error, "instance %s", instance->id);
    }
    sqlite3_finalize(put);
    return status;
}

/* Writes tables, configuration and instances: all or nothing. */
static enum sc_status create(struct sc_store *store, const char *config_json,
                             const struct sc_instance *instances, size_t n_instances,
                             struct sc_error *error)
{
    char marks[80];
    sqlite3_stmt *put = NULL;
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SCHEMA_VERSION);
    enum sc_status status = sc_store_begin(store, error);
    if (status != SC_OK)
        return status;
    for (size_t i = 0; status == SC_OK && i < N_TABLES; i++)
        status = sc_store_exec(store, tables[i].sql, "write", error);
    if (status == SC_OK)
        status = sc_store_exec(store, marks, "write", error);
    if (status == SC_OK)
        status = sc_store_prepare(store, "INSERT INTO configuration VALUES (1, ?)", &put, error);
    if (status == SC_OK)
        status = finish(store, put, bind_text(put, 1, config_json), error);
    if (status == SC_OK)
        status = insert_instances(store, instances, n_instances, error);
    sqlite3_finalize(put);
    return sc_store_commit(store, status, error);
}

/* A trace is never stored twice.  What belongs to one may lie there still when somebody removed the
 * trace's own row to have it sampled again. */
static enum sc_status prepare_writing(struct sc_store *store, struct sc_error *error)
{
    static const char trace_sql[] =
        "INSERT INTO trace VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    static const char cut_sql[] =
        "INSERT OR REPLACE INTO cut VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    enum sc_status status = sc_store_prepare(store, trace_sql, &store->put_trace, error);
    if (status == SC_OK)
        status =
            sc_store_prepare(store, "INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                             &store->put_tokens, error);
    if (status == SC_OK)
        status =
            sc_store_prepare(store, "INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?)",
                             &store->put_verdict, error);
    if (status == SC_OK)
        status = sc_store_prepare(store, "INSERT OR REPLACE INTO harm VALUES (?, ?, ?, ?)",
                                  &store->put_harm, error);
    if (status == SC_OK)
        status = sc_store_prepare(store, "INSERT OR REPLACE INTO decision VALUES (?, ?, ?, ?, ?)",
                                  &store->put_decision, error);
    if (status == SC_OK)
        status = sc_store_prepare(store, cut_sql, &store->put_cut, error);
    return status;
}

/* Makes the object and opens the file with SQLite's flags. */
static enum sc_status connect(struct sc_store **out, const char *folder, int flags,
                              struct sc_error *error)
{
    struct sc_store *store = sc_alloc_zero(1, sizeof *store);
    *out = store;
    if (store == NULL)
        return sc_fail_nomem(error, folder);
    store->lock.descriptor = -1;
    store->path = sc_path_join(folder, "run.db");
    if (store->path == NULL)
        return sc_fail_nomem(error, folder);
    if (!(flags & SQLITE_OPEN_CREATE) && !sc_file_exists(store->path))
        return sc_fail(error, SC_ERR_IO, "%s: expected the folder of a run, found no run.db",
                       folder);
    if (flags & SQLITE_OPEN_READWRITE) {
        enum sc_status status = sc_lock_take(&store->lock, folder, error);
        if (status != SC_OK)
            return status;
    }
    if (sqlite3_open_v2(store->path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return store->db != NULL ? sc_store_fail(store, "open", error)
                                 : sc_fail_nomem(error, store->path);
    return harden(store, error);
}

enum sc_status sc_store_open(struct sc_store **out, const char *folder, const char *config_json,
                             const struct sc_instance *instances, size_t n_instances, bool *resumed,
                             struct sc_error *error)
{
    bool empty = false;
    const char *stored = NULL;
    enum sc_status status = connect(out, folder, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (status == SC_OK)
        status = check_schema(*out, &empty, error);
    if (status == SC_OK) /* where a write-ahead log cannot be had, a rollback journal will do */
        status = sc_store_exec(*out, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
                               "write", error);
    if (status == SC_OK && empty)
        status = create(*out, config_json, instances, n_instances, error);
    if (status == SC_OK)
        status = sc_store_config(*out, &stored, error);
    if (status == SC_OK)
        status = sc_config_compare(stored, config_json, (*out)->path, error);
    if (status == SC_OK)
        status = prepare_writing(*out, error);
    if (status != SC_OK) {
        sc_store_close(*out);
        *out = NULL;
        return status;
    }
    *resumed = !empty;
    return SC_OK;
}

enum sc_status sc_store_open_existing(struct sc_store **out, const char *folder,
                                      struct sc_error *error)
{
    bool empty = false;
    enum sc_status status = connect(out, folder, SQLITE_OPEN_READWRITE, error);
    if (status == SC_OK)
        status = check_schema(*out, &empty, error);
    if (status == SC_OK && empty)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: expected a run, found an empty database",
                         (*out)->path);
    if (status == SC_OK)
        status = sc_store_exec(*out, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
                               "write", error);
    if (status == SC_OK)
        status = prepare_writing(*out, error);
    if (status != SC_OK) {
        sc_store_close(*out);
        *out = NULL;
    }
    return status;
}

enum sc_status sc_store_open_read(struct sc_store **out, const char *folder, struct sc_error *error)
{
    bool empty = false;
    enum sc_status status = connect(out, folder, SQLITE_OPEN_READONLY, error);
    if (status == SC_OK) /* one view of the file, even while a run is writing to it */
        status = sc_store_exec(*out, "BEGIN", "read", error);
    if (status == SC_OK)
        status = check_schema(*out, &empty, error);
    if (status == SC_OK && empty)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: expected a run, found an empty database",
                         (*out)->path);
    if (status != SC_OK) {
        sc_store_close(*out);
        *out = NULL;
    }
    return status;
}

void sc_store_close(struct sc_store *store)
{
    if (store == NULL)
        return;
    sqlite3_finalize(store->put_trace);
    sqlite3_finalize(store->put_tokens);
    sqlite3_finalize(store->put_verdict);
    sqlite3_finalize(store->put_harm);
    sqlite3_finalize(store->put_decision);
    sqlite3_finalize(store->put_cut);
    if (store->db != NULL &&
        store->lock.descriptor >= 0) /* refused while somebody reads: no harm */
        sqlite3_exec(store->db, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE", NULL, NULL,
                     NULL);
    sqlite3_close(store->db);
    sc_lock_release(&store->lock);
    sc_free(store->path);
    sc_free(store->config_json);
    sc_free(store);
}

enum sc_status sc_store_limit_pages(struct sc_store *store, size_t n_pages, struct sc_error *error)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %zu", n_pages);
    return sc_store_exec(store, sql, "limit", error);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* n 32-bit values, `step` bytes apart, as a little-endian array. */
static void pack_column(unsigned char *out, const void *first, size_t step, size_t n)
{
    const char *from = first;
    for (size_t i = 0; i < n; i++, from += step) {
        uint32_t bits;
        memcpy(&bits, from, sizeof bits);
        for (int b = 0; b < 4; b++)
            *out++ = (unsigned char)(bits >> (8 * b));
    }
}

static enum sc_status put_tokens(struct sc_store *store, size_t position,
                                 const struct sc_run_trace *trace, struct sc_error *error)
{
    size_t n = trace->n_tokens, bytes = sc_size_mul(n, 4);
    unsigned char *blobs = sc_alloc(sc_size_mul(bytes, 6));
    if (blobs == NULL)
        return sc_fail_nomem(error, "token figures of a trace");
    if (n > 0) {
        const size_t step = sizeof *trace->stats;
        pack_column(blobs, trace->ids, sizeof *trace->ids, n);
        pack_column(blobs + bytes, &trace->stats->logprob, step, n);
        pack_column(blobs + 2 * bytes, &trace->stats->sampled_logprob, step, n);
        pack_column(blobs + 3 * bytes, &trace->stats->confidence, step, n);
        pack_column(blobs + 4 * bytes, &trace->stats->entropy, step, n);
        pack_column(blobs + 5 * bytes, trace->text_ends, sizeof *trace->text_ends, n);
    }
    bool bound =
        bind_size(store->put_tokens, 1, position) && bind_size(store->put_tokens, 2, trace->index);
    for (int i = 0; bound && i < 6; i++)
        bound = sqlite3_bind_blob64(store->put_tokens, 3 + i, blobs + (size_t)i * bytes, bytes,
                                    SQLITE_STATIC) == SQLITE_OK;
    enum sc_status status = finish(store, store->put_tokens, bound, error);
    sc_free(blobs);
    return status;
}

/* Binds text, answer, lengths and metrics of a trace from `place` on.  SQLite keeps NaN as NULL. */
static bool bind_contents(sqlite3_stmt *put, int place, const struct sc_run_trace *trace)
{
    const double *segments[] = {trace->metrics, trace->reasoning_metrics, trace->answer_metrics};
    const char *answer = strcmp(trace->answer, trace->text) ? trace->answer : NULL;
    bool bound = bind_text(put, place, trace->text) && bind_text(put, place + 1, answer) &&
                 bind_size(put, place + 2, trace->n_tokens) &&
                 bind_size(put, place + 3, trace->n_reasoning);
    for (int s = 0; s < 3; s++)
        for (int m = 0; bound && m < SC_N_METRICS; m++)
            bound = sqlite3_bind_double(put, place + 4 + s * SC_N_METRICS + m, segments[s][m]) ==
                    SQLITE_OK;
    return bound;
}

/* Binds verdict, rule and the bytes that decided from `place` on. */
static bool bind_verdict(sqlite3_stmt *put, int place, const struct sc_run_trace *trace)
{
    return bind_text(put, place, trace->detector) &&
           bind_text(put, place + 1, sc_verdict_name(trace->verdict)) &&
           bind_text(put, place + 2, trace->rule) && bind_size(put, place + 3, trace->begin) &&
           bind_size(put, place + 4, trace->end);
}

static enum sc_status put_row(struct sc_store *store, size_t position,
                              const struct sc_run_trace *trace, struct sc_error *error)
{
    sqlite3_stmt *put = store->put_trace;
    bool bound = bind_size(put, 1, position) && bind_size(put, 2, trace->index) &&
                 bind_text(put, 3, sc_finish_name(trace->finish)) &&
                 bind_text(put, 4, trace->failure) && bind_contents(put, 5, trace);
    return finish(store, put, bound, error);
}

static enum sc_status put_judgements(struct sc_store *store, size_t position,
                                     const struct sc_run_trace *trace, const char *judge,
                                     struct sc_error *error)
{
    sqlite3_stmt *put = store->put_verdict;
    bool bound = bind_size(put, 1, position) && bind_size(put, 2, trace->index) &&
                 bind_verdict(put, 3, trace);
    enum sc_status status = finish(store, put, bound, error);
    if (status != SC_OK)
        return status;
    put = store->put_harm;
    bound = bind_size(put, 1, position) && bind_size(put, 2, trace->index) &&
            bind_text(put, 3, judge) && bind_text(put, 4, sc_harm_name(trace->harm));
    return finish(store, put, bound, error);
}

enum sc_status sc_store_add_decision(struct sc_store *store, size_t position,
                                     const struct sc_store_decision *decision,
                                     struct sc_error *error)
{
    sqlite3_stmt *put = store->put_decision;
    bool bound = bind_size(put, 1, position) && bind_size(put, 2, decision->policy) &&
                 bind_size(put, 3, decision->n_traces) &&
                 bind_text(put, 4, decision->stop_reason) &&
                 sqlite3_bind_double(put, 5, decision->bar) == SQLITE_OK;
    enum sc_status status = finish(store, put, bound, error);
    put = store->put_cut;
    for (size_t i = 0; status == SC_OK && i < decision->n_cuts; i++) {
        const struct sc_run_trace *cut = &decision->cuts[i];
        bound = bind_size(put, 1, position) && bind_size(put, 2, decision->policy) &&
                bind_size(put, 3, cut->index) && bind_contents(put, 4, cut) &&
                bind_verdict(put, 8 + 3 * SC_N_METRICS, cut);
        status = finish(store, put, bound, error);
    }
    return status;
}

enum sc_status sc_store_put_trace(struct sc_store *store, size_t position,
                                  const struct sc_run_trace *trace, const char *judge,
                                  const struct sc_store_decision *decisions, size_t n_decisions,
                                  struct sc_error *error)
{
    enum sc_status status = sc_store_begin(store, error);
    if (status != SC_OK)
        return status;
    status = put_row(store, position, trace, error);
    if (status == SC_OK)
        status = put_tokens(store, position, trace, error);
    if (status == SC_OK)
        status = put_judgements(store, position, trace, judge, error);
    for (size_t i = 0; status == SC_OK && i < n_decisions; i++)
        status = sc_store_add_decision(store, position, &decisions[i], error);
    return sc_store_commit(store, status, error);
}

enum sc_status sc_store_begin_decisions(struct sc_store *store, struct sc_error *error)
{
    enum sc_status status = sc_store_begin(store, error);
    if (status == SC_OK)
        status = sc_store_exec(store, "DELETE FROM decision; DELETE FROM cut", "write", error);
    return status;
}

enum sc_status sc_store_end_decisions(struct sc_store *store, enum sc_status status,
                                      struct sc_error *error)
{
    return sc_store_commit(store, status, error);
}
