/* See schema.h. */
#include "experiment/store/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/keys.h"
#include "experiment/store/positions.h"
#include "experiment/store/row_key.h"
#include "experiment/store/tables.h"
#include "vocabulary/vocabulary.h"

#define APPLICATION_ID 0x73614366 /* "saCf" */

#define METRIC_REAL_FIRST(prefix, id, name, sign, unit, label) prefix name " REAL"
#define METRIC_REAL_NEXT(prefix, id, name, sign, unit, label) ", " prefix name " REAL"
#define METRICS_REAL(prefix) SC_METRIC_MAP(METRIC_REAL_FIRST, METRIC_REAL_NEXT, prefix) ",\n "
#define ALL_METRICS METRICS_REAL("") METRICS_REAL("reasoning_") METRICS_REAL("answer_")

#define INSTANCE_SQL(later)                                                                        \
    "CREATE TABLE instance (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,\n"              \
    " prompt TEXT NOT NULL, label TEXT NOT NULL, category TEXT NOT NULL,\n"                        \
    " extra TEXT" later ") STRICT"
#define INSTANCE_LATER ",\n messages TEXT, prefill TEXT, line INTEGER"
/* `null` is " NOT NULL" in the versions before 3. */
#define TRACE_SQL(null, forced)                                                                    \
    "CREATE TABLE trace (instance INTEGER NOT NULL REFERENCES instance (position),\n"              \
    " trace INTEGER NOT NULL, finish TEXT NOT NULL, failure TEXT,\n"                               \
    " text TEXT NOT NULL, answer TEXT,\n"                                                          \
    " n_tokens INTEGER" null ", n_reasoning INTEGER" null ",\n " ALL_METRICS forced                \
    "PRIMARY KEY (instance, trace)) STRICT"
#define FORCED "forced_begin INTEGER, n_forced INTEGER,\n "
#define TOKEN_SQL(null, text_end)                                                                  \
    "CREATE TABLE token (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"                     \
    " ids BLOB" null ", logprob BLOB" null ", sampled_logprob BLOB" null ",\n"                     \
    " confidence BLOB" null ", entropy BLOB" null text_end ",\n"                                   \
    " PRIMARY KEY (instance, trace)) STRICT"
#define CUT_SQL(null)                                                                              \
    "CREATE TABLE cut (instance INTEGER NOT NULL, policy INTEGER NOT NULL,\n"                      \
    " trace INTEGER NOT NULL, text TEXT NOT NULL, answer TEXT,\n"                                  \
    " n_tokens INTEGER" null ", n_reasoning INTEGER" null ",\n " ALL_METRICS                       \
    "detector TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT NOT NULL,\n"                         \
    " range_begin INTEGER NOT NULL, range_end INTEGER NOT NULL,\n"                                 \
    " PRIMARY KEY (instance, policy, trace)) STRICT"
#define TURN_SQL                                                                                   \
    "CREATE TABLE turn (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"                      \
    " turn INTEGER NOT NULL, finish TEXT NOT NULL, text TEXT NOT NULL, answer TEXT,\n"             \
    " n_tokens INTEGER, n_reasoning INTEGER,\n " ALL_METRICS                                       \
    "ids BLOB, logprob BLOB, sampled_logprob BLOB, confidence BLOB, entropy BLOB,\n"               \
    " text_end BLOB, forced_begin INTEGER, n_forced INTEGER,\n"                                    \
    " PRIMARY KEY (instance, trace, turn)) STRICT"

#define SAME(sql)                                                                                  \
    {                                                                                              \
        sql, sql, sql, sql                                                                         \
    }

/* The stored text of each table is compared with that of its version, so a change here needs a new
 * one.  NULL: the version has no such table. */
static const struct {
    const char *name;
    const char *sql[SC_SCHEMA_KEYS - 1]; /* later versions: the last one with the column of keys */
} tables[] = {
    {"configuration", SAME("CREATE TABLE configuration (id INTEGER PRIMARY KEY CHECK (id = 1),\n"
                           " json TEXT NOT NULL) STRICT")},
    {"instance",
     {INSTANCE_SQL(""), INSTANCE_SQL(""), INSTANCE_SQL(""), INSTANCE_SQL(INSTANCE_LATER)}},
    {"trace",
     {TRACE_SQL(" NOT NULL", ""), TRACE_SQL(" NOT NULL", ""), TRACE_SQL("", ""),
      TRACE_SQL("", FORCED)}},
    {"token",
     {TOKEN_SQL(" NOT NULL", ""), TOKEN_SQL(" NOT NULL", ", text_end BLOB NOT NULL"),
      TOKEN_SQL("", ", text_end BLOB"), TOKEN_SQL("", ", text_end BLOB")}},
    {"verdict", SAME("CREATE TABLE verdict (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
                     " detector TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT NOT NULL,\n"
                     " range_begin INTEGER NOT NULL, range_end INTEGER NOT NULL,\n"
                     " PRIMARY KEY (instance, trace, detector)) STRICT")},
    {"harm", SAME("CREATE TABLE harm (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
                  " judge TEXT NOT NULL, harm TEXT NOT NULL,\n"
                  " PRIMARY KEY (instance, trace, judge)) STRICT")},
    {"decision", SAME("CREATE TABLE decision (instance INTEGER NOT NULL, policy INTEGER NOT NULL,\n"
                      " n_traces INTEGER NOT NULL, stop_reason TEXT NOT NULL, bar REAL,\n"
                      " PRIMARY KEY (instance, policy)) STRICT")},
    {"cut", {CUT_SQL(" NOT NULL"), CUT_SQL(" NOT NULL"), CUT_SQL(""), CUT_SQL("")}},
    {"turn", {NULL, NULL, NULL, TURN_SQL}},
};
enum { N_TABLES = sizeof tables / sizeof *tables, CUT = N_TABLES - 2 };
enum { ALWAYS_CUTS = 3 }; /* the first version in which no file is without the table of cuts */

const char *sc_schema_table(size_t i)
{
    return i < N_TABLES ? tables[i].name : NULL;
}

/* The text of a table in a version, or NULL where it has none; sc_free it. */
static enum sc_status table_sql(size_t i, int version, char **out, struct sc_error *error)
{
    const char *plain =
        tables[i].sql[(version < SC_SCHEMA_KEYS ? version : SC_SCHEMA_KEYS - 1) - 1];
    *out = NULL;
    if (plain == NULL)
        return SC_OK;
    *out = version < SC_SCHEMA_KEYS ? sc_strdup(plain) : sc_keyed_sql(plain);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "tables of a run");
}

/* *same: the table is that of the file's version; *missing: there is none. */
static enum sc_status compare_table(struct sc_store *store, size_t i, bool *expected, bool *missing,
                                    bool *same, struct sc_error *error)
{
    char *sql = NULL, *wanted = NULL;
    SC_TRY(table_sql(i, store->version, &wanted, error));
    enum sc_status status = sc_store_table_sql(store, tables[i].name, &sql, error);
    *expected = wanted != NULL;
    *missing = sql == NULL;
    *same = *expected && !*missing ? strcmp(sql, wanted) == 0 : !*expected && *missing;
    sc_free(sql);
    sc_free(wanted);
    return status;
}

static enum sc_status check_table(struct sc_store *store, size_t i, struct sc_error *error)
{
    bool expected = false, missing = false, same = false;
    SC_TRY(compare_table(store, i, &expected, &missing, &same, error));
    if (i == CUT)
        store->has_cuts = !missing;
    if (same || (missing && i == CUT && store->version < ALWAYS_CUTS))
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT, "%s: table %s: expected %s, found %s", store->path,
                   tables[i].name, expected ? "that of a run" : "none",
                   missing ? "none" : "another");
}

/* What stands in a table that comes into being later must be that of the file's version. */
static enum sc_status check_made_tables(struct sc_store *store, struct sc_error *error)
{
    const struct sc_table_made *made = NULL;
    bool there = false;
    for (size_t i = 0; (made = sc_table_made_at(i)) != NULL; i++)
        SC_TRY(sc_store_check_table(store, made, &there, error));
    return SC_OK;
}

static bool is_table_of_run(const char *name)
{
    for (size_t i = 0; i < N_TABLES; i++)
        if (strcmp(tables[i].name, name) == 0)
            return true;
    return sc_table_made_of(name) != NULL;
}

/* What SQLite's ANALYZE leaves, by its text. */
static bool is_of_analyze(const char *sql)
{
    return strcmp(sql, "CREATE TABLE sqlite_stat1(tbl,idx,stat)") == 0 ||
           strcmp(sql, "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)") == 0;
}

/* Tables are compared by name later on; of an index without a text SQLite is the author. */
static bool is_object_of_run(const char *type, const char *name, const char *sql)
{
    if (sql == NULL)
        return strcmp(type, "index") == 0;
    if (strcmp(type, "index") == 0)
        return strcmp(sql, sc_store_twin_sql) == 0;
    return strcmp(type, "table") == 0 && (is_table_of_run(name) || is_of_analyze(sql));
}

static enum sc_status check_object(const struct sc_row *row, struct sc_error *error)
{
    const char *columns[3];
    for (int c = 0; c < 3; c++) {
        columns[c] = (const char *)sqlite3_column_text(row->statement, c);
        if (columns[c] == NULL && !sc_row_is_null(row, c))
            return sc_fail_nomem(error, row->store->path);
        if (columns[c] == NULL && c < 2)
            columns[c] = "";
    }
    if (is_object_of_run(columns[0], columns[1], columns[2]))
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: expected the tables of a run alone, found the %.20s %.80s",
                   row->store->path, columns[0], columns[1]);
}

static enum sc_status check_each(const struct sc_row *row, struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(check_object(row, error));
    }
}

/* Views, triggers, further indices and tables with conditions of their own are programs: looking
 * through the file would run what stands in them, for as long as they like. */
static enum sc_status check_objects(struct sc_store *store, struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = "sqlite_schema"};
    SC_TRY(sc_store_prepare(store, "SELECT type, name, sql FROM sqlite_schema", &row.statement,
                            error));
    enum sc_status status = check_each(&row, error);
    sqlite3_finalize(row.statement);
    return status;
}

enum sc_status sc_schema_check(struct sc_store *store, bool *empty, struct sc_error *error)
{
    int64_t id = 0, version = 0, n_objects = 0;
    SC_TRY(sc_store_number(store, "PRAGMA application_id", &id, error));
    SC_TRY(sc_store_number(store, "PRAGMA user_version", &version, error));
    SC_TRY(sc_store_number(store, "SELECT count(*) FROM sqlite_schema", &n_objects, error));
    *empty = n_objects == 0 && id == 0 && version == 0;
    if (*empty)
        return SC_OK;
    if (id != APPLICATION_ID)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected the database of a run, found another",
                       store->path);
    if (version < 1 || version > SC_SCHEMA_VERSION)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s: expected schema version 1 to %d, found %lld%s", store->path,
                       SC_SCHEMA_VERSION, (long long)version,
                       version > SC_SCHEMA_VERSION ? " (of a newer safeconf)" : "");
    store->version = (int)version;
    for (size_t i = 0; i < N_TABLES; i++)
        SC_TRY(check_table(store, i, error));
    SC_TRY(check_made_tables(store, error));
    return check_objects(store, error);
}

static enum sc_status insert_instance(struct sc_store *store, struct sc_binder *put,
                                      size_t position, const struct sc_instance *instance,
                                      struct sc_error *error)
{
    const struct sc_conversation *conversation = &instance->conversation;
    char *messages = NULL;
    if (conversation->n > 0)
        SC_TRY(sc_conversation_write(conversation->messages, conversation->n, &messages, error));
    put->place = 0;
    sc_bind_size(put, position);
    sc_bind_text(put, instance->id);
    sc_bind_text(put, instance->prompt);
    sc_bind_text(put, sc_label_name(instance->label));
    sc_bind_text(put, instance->category != NULL ? instance->category : "");
    sc_bind_text(put, instance->extra);
    sc_bind_text(put, messages);
    sc_bind_text(put, instance->prefill);
    if (instance->line > 0)
        sc_bind_size(put, instance->line);
    else
        sc_bind_null(put);
    enum sc_status status = sc_store_run(store, put, error);
    if (status != SC_OK)
        sc_error_prefix(error, "instance %s", instance->id);
    sc_free(messages);
    return status;
}

static enum sc_status insert_instances(struct sc_store *store, const struct sc_instance *instances,
                                       size_t n, struct sc_error *error)
{
    struct sc_binder put = {0};
    SC_TRY(sc_keys_prepare_put(store, "INSERT", "instance", 9, &put.statement, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < n; i++)
        status = insert_instance(store, &put, i, &instances[i], error);
    sqlite3_finalize(put.statement);
    return status;
}

static enum sc_status insert_config(struct sc_store *store, const char *config_json,
                                    struct sc_error *error)
{
    struct sc_binder put = {0};
    SC_TRY(sc_keys_prepare_put(store, "INSERT", "configuration", 2, &put.statement, error));
    sc_bind_int(&put, 1);
    sc_bind_text(&put, config_json);
    enum sc_status status = sc_store_run(store, &put, error);
    sqlite3_finalize(put.statement);
    return status;
}

static enum sc_status set_version(struct sc_store *store, struct sc_error *error)
{
    char marks[80];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SC_SCHEMA_VERSION);
    return sc_store_exec(store, marks, "write", error);
}

static enum sc_status make_table(struct sc_store *store, size_t i, struct sc_error *error)
{
    char *sql = NULL;
    SC_TRY(table_sql(i, SC_SCHEMA_VERSION, &sql, error));
    enum sc_status status = sc_store_exec(store, sql, "write", error);
    sc_free(sql);
    return status;
}

static enum sc_status fill(struct sc_store *store, const struct sc_store_run *run,
                           struct sc_error *error)
{
    for (size_t i = 0; i < N_TABLES; i++)
        SC_TRY(make_table(store, i, error));
    SC_TRY(set_version(store, error));
    store->version = SC_SCHEMA_VERSION;
    SC_TRY(insert_config(store, run->config_json, error));
    SC_TRY(insert_instances(store, run->instances, run->n_instances, error));
    return run->positions != NULL
               ? sc_store_put_positions(store, run->positions, run->n_instances, error)
               : SC_OK;
}

enum sc_status sc_schema_create(struct sc_store *store, const struct sc_store_run *run,
                                struct sc_error *error)
{
    SC_TRY(sc_store_begin(store, error));
    SC_TRY(sc_store_commit(store, fill(store, run, error), error));
    store->has_cuts = true;
    return SC_OK;
}

/* ---- migration ------------------------------------------------------------------------------- */

static enum sc_status rewrite(struct sc_store *store, struct sc_binder *put, const char *table,
                              const char *sql, struct sc_error *error)
{
    put->place = 0;
    sc_bind_text(put, sql);
    sc_bind_text(put, table);
    return sc_store_run(store, put, error);
}

static enum sc_status rewrite_all(struct sc_store *store, struct sc_binder *put,
                                  struct sc_error *error)
{
    const struct sc_table_made *made = NULL;
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < N_TABLES; i++) {
        char *sql = NULL;
        SC_TRY(table_sql(i, SC_SCHEMA_VERSION, &sql, error));
        status = rewrite(store, put, tables[i].name, sql, error);
        sc_free(sql);
    }
    for (size_t i = 0; status == SC_OK && (made = sc_table_made_at(i)) != NULL; i++) {
        char *sql = sc_keyed_sql(made->sql);
        if (sql == NULL)
            return sc_fail_nomem(error, store->path);
        status = rewrite(store, put, made->name, sql, error);
        sc_free(sql);
    }
    return status;
}

/* The versions differ in what may be NULL, in last columns that older rows lack, which read as
 * NULL, and in tables that are made empty.  So the rows are right as they are but for their keys,
 * and the text of the tables changes. */
static enum sc_status rewrite_tables(struct sc_store *store, struct sc_error *error)
{
    struct sc_binder put = {0};
    SC_TRY(sc_store_exec(store, "PRAGMA writable_schema = ON", "migrate", error));
    SC_TRY(sc_store_prepare(store,
                            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?",
                            &put.statement, error));
    enum sc_status status = rewrite_all(store, &put, error);
    sqlite3_finalize(put.statement);
    return status;
}

/* Other connections see by the number of the schema that they must read it again. */
static enum sc_status next_schema_number(struct sc_store *store, struct sc_error *error)
{
    int64_t number = 0;
    char sql[64];
    SC_TRY(sc_store_number(store, "PRAGMA schema_version", &number, error));
    snprintf(sql, sizeof sql, "PRAGMA schema_version = %lld", (long long)(number & 0x3fffffff) + 1);
    return sc_store_exec(store, sql, "migrate", error);
}

static enum sc_status renew_all(struct sc_store *store, struct sc_error *error)
{
    const struct sc_table_made *made = NULL;
    bool there = false;
    for (size_t i = 0; i < N_TABLES; i++)
        SC_TRY(sc_keys_renew(store, tables[i].name, NULL, error));
    for (size_t i = 0; (made = sc_table_made_at(i)) != NULL; i++) {
        SC_TRY(sc_store_check_table(store, made, &there, error));
        if (!there)
            continue;
        SC_TRY(sc_keys_renew(store, made->name, NULL, error));
        SC_TRY(sc_store_make_twin(store, made->name, error));
    }
    return SC_OK;
}

static enum sc_status migrate(struct sc_store *store, struct sc_error *error)
{
    int version = store->version;
    for (size_t i = 0; i < N_TABLES; i++)
        if (tables[i].sql[version - 1] == NULL || (i == CUT && !store->has_cuts))
            SC_TRY(make_table(store, i, error));
    SC_TRY(rewrite_tables(store, error));
    SC_TRY(next_schema_number(store, error));
    SC_TRY(sc_store_exec(store, "PRAGMA writable_schema = RESET", "migrate", error));
    store->version = SC_SCHEMA_VERSION;
    SC_TRY(renew_all(store, error));
    return set_version(store, error);
}

enum sc_status sc_schema_migrate(struct sc_store *store, struct sc_error *error)
{
    int version = store->version;
    assert(version >= 1 && version <= SC_SCHEMA_VERSION);
    if (version == SC_SCHEMA_VERSION)
        return SC_OK;
    SC_TRY(sc_store_begin(store, error));
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    enum sc_status status = sc_store_commit(store, migrate(store, error), error);
    sqlite3_exec(store->db, "PRAGMA writable_schema = RESET", NULL, NULL, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (status != SC_OK)
        store->version = version;
    SC_TRY(status);
    bool empty = false;
    return sc_schema_check(store, &empty, error);
}
