/* run.db, the table of judges' scores (scores.h).  What is read back is untrusted like the rest. */
#include "experiment/store/scores.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/database.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"

const struct sc_table_made sc_score_tables[] = {
    {"judge_score",
     "CREATE TABLE judge_score (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
     " judge TEXT NOT NULL, score REAL NOT NULL, PRIMARY KEY (instance, trace, judge)) STRICT"},
    {NULL, NULL},
};

enum sc_status sc_store_put_score(struct sc_store *store, const struct sc_store_score *score,
                                  struct sc_error *error)
{
    struct sc_binder put = {0};
    SC_TRY(sc_store_make_table(store, sc_score_tables, error));
    SC_TRY(sc_store_begin_row(store, "judge_score", 4, &put, error));
    sc_bind_size(&put, score->position);
    sc_bind_int(&put, score->trace);
    sc_bind_text(&put, score->by);
    sc_bind_real(&put, score->score);
    enum sc_status status = sc_store_run(store, &put, error);
    sqlite3_finalize(put.statement);
    return status;
}

struct query {
    size_t n_instances;
    sc_store_score_reader *reader;
    void *context;
};

static enum sc_status read_row(const struct sc_row *row, const struct query *query,
                               struct sc_error *error)
{
    int64_t position = sqlite3_column_int64(row->statement, 0);
    int64_t trace = sqlite3_column_int64(row->statement, 1);
    double value = sc_row_real(row, 3);
    if (position < 0 || (uint64_t)position >= query->n_instances || trace < -1 ||
        trace > INT32_MAX || !isfinite(value))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %s of instance %lld trace %lld: expected a row of a run, found another",
                       row->store->path, row->where, (long long)position, (long long)trace);
    char *by = NULL;
    SC_TRY(sc_row_text(row, 2, false, &by, error));
    const struct sc_store_score score = {by, (size_t)position, trace, value};
    enum sc_status status = query->reader(query->context, &score, error);
    sc_free(by);
    return status;
}

static enum sc_status read_rows(const struct sc_row *row, const struct query *query,
                                struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(read_row(row, query, error));
    }
}

enum sc_status sc_store_read_scores(struct sc_store *store, size_t n_instances,
                                    sc_store_score_reader *reader, void *context,
                                    struct sc_error *error)
{
    const struct query query = {n_instances, reader, context};
    struct sc_row row = {.store = store, .where = sc_score_tables[0].name};
    bool there = false;
    SC_TRY(sc_store_check_table(store, sc_score_tables, &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_prepare(store,
                            "SELECT instance, trace, judge, score FROM judge_score"
                            " ORDER BY judge, instance, trace",
                            &row.statement, error));
    enum sc_status status = read_rows(&row, &query, error);
    sqlite3_finalize(row.statement);
    return status;
}
