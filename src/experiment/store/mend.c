/* See mend.h. */
#include "experiment/store/mend.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/damage.h"
#include "experiment/store/keys.h"
#include "experiment/store/store.h"

/* The damaged rows, in a table that lives as long as the connection. */
static const char make_list[] =
    "CREATE TEMP TABLE damaged (name TEXT, row INTEGER, instance INTEGER, trace INTEGER)";

/* A trace goes where one of its own rows is damaged or gone; what hangs on it goes with it. */
static const char list_traces[] =
    "CREATE TEMP TABLE lost AS SELECT instance, trace FROM trace t"
    " WHERE EXISTS (SELECT 1 FROM damaged d WHERE d.instance = t.instance AND d.trace = t.trace"
    "  AND d.name IN ('trace', 'token', 'turn', 'given', 'verdict', 'harm', 'weighed'))"
    " OR NOT EXISTS (SELECT 1 FROM token k WHERE k.instance = t.instance AND k.trace = t.trace)"
    " OR NOT EXISTS (SELECT 1 FROM verdict v WHERE v.instance = t.instance AND v.trace = t.trace)"
    " OR NOT EXISTS (SELECT 1 FROM harm h WHERE h.instance = t.instance AND h.trace = t.trace)";

/* Tables that no command writes again, or of which a row that is missing would be another run. */
bool sc_store_is_beyond_mending(const char *table)
{
    static const char *const beyond[] = {"configuration", "instance", "shard"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        if (strcmp(table, beyond[i]) == 0)
            return true;
    return false;
}

struct mending {
    struct sc_store *store;
    struct sc_binder put;
    struct sc_mending *out;
};

static enum sc_status list_row(void *context, const struct sc_row_damage *damage,
                               struct sc_error *error)
{
    struct mending *mending = context;
    if (sc_store_is_beyond_mending(damage->table))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: row %lld of table %s is damaged, which no command makes again: "
                       "take the file from a copy, or start the run in another folder",
                       mending->store->path, (long long)damage->row, damage->table);
    mending->put.place = 0;
    sc_bind_text(&mending->put, damage->table);
    sc_bind_int(&mending->put, damage->row);
    if (damage->of_instance) {
        sc_bind_int(&mending->put, damage->instance);
        sc_bind_int(&mending->put, damage->trace);
    } else {
        sc_bind_null(&mending->put);
        sc_bind_null(&mending->put);
    }
    mending->out->n_rows++;
    return sc_store_run(mending->store, &mending->put, error);
}

static enum sc_status list_damage(struct mending *mending, struct sc_error *error)
{
    struct sc_store *store = mending->store;
    SC_TRY(sc_store_exec(store, make_list, "mend", error));
    SC_TRY(
        sc_store_begin_put(store, "INSERT INTO damaged VALUES (?, ?, ?, ?)", &mending->put, error));
    enum sc_status status = sc_rows_scan(store, NULL, list_row, mending, NULL, error);
    sqlite3_finalize(mending->put.statement);
    SC_TRY(status);
    SC_TRY(sc_store_exec(store, list_traces, "mend", error));
    int64_t n_traces = 0, n_judged = 0;
    SC_TRY(sc_store_number(store, "SELECT count(*) FROM lost", &n_traces, error));
    SC_TRY(sc_store_number(store,
                           "SELECT count(*) FROM damaged WHERE name IN ('judgement',"
                           " 'open_judgement', 'judge_score', 'reply')",
                           &n_judged, error));
    mending->out->n_traces = (size_t)n_traces;
    mending->out->n_judged = (size_t)n_judged;
    return SC_OK;
}

static enum sc_status drop_from(struct sc_store *store, const char *table, const char *columns,
                                struct sc_error *error)
{
    struct sc_text sql = {0};
    sqlite3_stmt *statement = NULL;
    bool of_trace =
        strncmp(columns, "\"instance\", ", 12) == 0 && strstr(columns, "\"trace\"") != NULL;
    sc_text_printf(
        &sql, "DELETE FROM %s WHERE rowid IN (SELECT row FROM damaged WHERE name = '%s')%s", table,
        table, of_trace ? " OR (instance, trace) IN (SELECT instance, trace FROM lost)" : "");
    SC_TRY(sc_store_prepare_text(store, &sql, &statement, error));
    struct sc_binder put = {.statement = statement};
    return sc_store_end_put(store, &put, error);
}

static enum sc_status drop_rows(struct sc_store *store, const char *table, void *context,
                                struct sc_error *error)
{
    struct sc_text columns = {0};
    (void)context;
    enum sc_status status = sc_keys_columns(store, table, &columns, error);
    status = status != SC_OK ? status : drop_from(store, table, columns.data, error);
    sc_text_free(&columns);
    return status;
}

/* Decisions follow from the traces and are made again with them. */
static enum sc_status mend_rows(struct mending *mending, struct sc_error *error)
{
    SC_TRY(list_damage(mending, error));
    if (mending->out->n_rows == 0 && mending->out->n_traces == 0)
        return SC_OK;
    SC_TRY(sc_store_each_table(mending->store, drop_rows, NULL, error));
    return sc_store_exec(mending->store, "DELETE FROM decision; DELETE FROM cut", "mend", error);
}

struct sentences {
    const struct sc_store *store;
    size_t n;
};

static enum sc_status count_sentence(void *context, const char *what, struct sc_error *error)
{
    struct sentences *sentences = context;
    (void)what;
    (void)error;
    sentences->n++;
    return SC_OK;
}

/* Indices can be made from their tables; that is tried, and looked at again. */
static enum sc_status mend_file(struct mending *mending, struct sc_error *error)
{
    struct sentences sentences = {mending->store, 0};
    SC_TRY(sc_file_scan(mending->store, 1, count_sentence, &sentences, error));
    if (sentences.n == 0)
        return SC_OK;
    SC_TRY(sc_store_exec(mending->store, "REINDEX", "mend", error));
    sentences.n = 0;
    SC_TRY(sc_file_scan(mending->store, 1, count_sentence, &sentences, error));
    mending->out->indices = sentences.n == 0;
    return sentences.n == 0
               ? SC_OK
               : sc_fail(error, SC_ERR_FORMAT,
                         "%s: the file's pages are damaged, which cannot be mended here: take it "
                         "from a copy, or start the run in another folder",
                         mending->store->path);
}

static enum sc_status mend_all(struct mending *mending, struct sc_error *error)
{
    SC_TRY(mend_file(mending, error));
    return mend_rows(mending, error);
}

enum sc_status sc_store_mend(const char *folder, struct sc_mending *out, struct sc_error *error)
{
    struct mending mending = {.out = out};
    *out = (struct sc_mending){0};
    SC_TRY(sc_store_open_damaged(&mending.store, folder, error));
    enum sc_status status = sc_store_begin(mending.store, error);
    status =
        status != SC_OK ? status : sc_store_commit(mending.store, mend_all(&mending, error), error);
    sc_store_close(mending.store);
    return status;
}
