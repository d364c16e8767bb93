/* See given.h.  What is read back is untrusted like the rest of the file. */
#include "experiment/store/given.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/blobs.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"

/* Of a conversation, turn is the number of the answer, from 0; the last one is the trace's own. */
const struct sc_table_made sc_given_tables[] = {
    {"given",
     "CREATE TABLE given (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
     " turn INTEGER NOT NULL, finish_reason TEXT, reasoning TEXT,\n"
     " n_prompt_tokens INTEGER, n_generated INTEGER, entropy_low BLOB, entropy_high BLOB,\n"
     " PRIMARY KEY (instance, trace, turn)) STRICT"},
    {NULL, NULL},
};

enum { MOST_COUNTED = INT32_MAX }; /* tokens, as a server counts them */

/* ---- writing --------------------------------------------------------------------------------- */

enum sc_status sc_given_prepare(struct sc_store *store, struct sc_error *error)
{
    return sc_store_check_table(store, sc_given_tables, &store->has_given, error);
}

static bool says_anything(const struct sc_run_trace *trace)
{
    return trace->finish_given != NULL || trace->reasoning != NULL || trace->n_prompt_tokens > 0 ||
           trace->n_generated > 0 || trace->entropy_low != NULL || trace->entropy_high != NULL;
}

/* 0 is what nobody said. */
static void bind_count(struct sc_binder *put, size_t count)
{
    if (count > 0)
        sc_bind_size(put, count < MOST_COUNTED ? count : MOST_COUNTED);
    else
        sc_bind_null(put);
}

/* The bytes are made in blobs [8 * n_tokens]. */
static void bind_bounds(struct sc_binder *put, const struct sc_run_trace *trace,
                        unsigned char *blobs)
{
    const float *bounds[] = {trace->entropy_low, trace->entropy_high};
    for (size_t b = 0; b < 2; b++) {
        unsigned char *blob = blobs + b * 4 * trace->n_tokens;
        if (bounds[b] != NULL)
            sc_blob_pack(blob, bounds[b], sizeof *bounds[b], trace->n_tokens);
        sc_bind_blob(put, bounds[b] != NULL ? blob : NULL, 4 * trace->n_tokens);
    }
}

static enum sc_status put_row(struct sc_store *store, size_t position, size_t turn,
                              const struct sc_run_trace *said, struct sc_error *error)
{
    struct sc_binder put;
    if (!says_anything(said))
        return SC_OK;
    unsigned char *blobs = sc_alloc(sc_size_mul(said->n_tokens, 8));
    if (blobs == NULL)
        return sc_fail_nomem(error, "bounds of a trace");
    enum sc_status status = sc_store_begin_row(store, "given", 9, &put, error);
    if (status != SC_OK)
        goto done;
    sc_bind_size(&put, position);
    sc_bind_int(&put, said->index);
    sc_bind_size(&put, turn);
    sc_bind_text(&put, said->finish_given);
    sc_bind_text(&put, said->reasoning);
    bind_count(&put, said->n_prompt_tokens);
    bind_count(&put, said->n_generated);
    bind_bounds(&put, said, blobs);
    status = sc_store_end_put(store, &put, error);
done:
    sc_free(blobs);
    return status;
}

/* Rows may lie there of a trace that somebody removed to have it sampled again. */
static enum sc_status drop_rows(struct sc_store *store, size_t position, uint32_t index,
                                struct sc_error *error)
{
    struct sc_binder drop;
    SC_TRY(sc_store_begin_put(store, "DELETE FROM given WHERE instance = ? AND trace = ?", &drop,
                              error));
    sc_bind_size(&drop, position);
    sc_bind_int(&drop, index);
    return sc_store_end_put(store, &drop, error);
}

enum sc_status sc_given_put(struct sc_store *store, size_t position,
                            const struct sc_run_trace *trace, struct sc_error *error)
{
    bool any = says_anything(trace);
    for (size_t i = 0; i < trace->n_turns; i++)
        any = any || says_anything(&trace->turns[i]);
    if (!any && !store->has_given)
        return SC_OK;
    SC_TRY(sc_store_make_table(store, sc_given_tables, error));
    store->has_given = true;
    SC_TRY(drop_rows(store, position, trace->index, error));
    for (size_t i = 0; i < trace->n_turns; i++)
        SC_TRY(put_row(store, position, i, &trace->turns[i], error));
    return put_row(store, position, trace->n_turns, trace, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

enum {
    AT_INSTANCE,
    AT_TRACE,
    AT_TURN,
    AT_FINISH,
    AT_REASONING,
    AT_N_PROMPT_TOKENS,
    AT_N_GENERATED,
    AT_ENTROPY_LOW,
    AT_ENTROPY_HIGH
};

static enum sc_status next(struct sc_given_cursor *cursor, struct sc_error *error)
{
    SC_TRY(sc_row_next(&cursor->row, &cursor->more, error));
    if (!cursor->more)
        return SC_OK;
    SC_TRY(sc_row_int(&cursor->row, AT_INSTANCE, 0, INT64_MAX, &cursor->instance, error));
    return sc_row_int(&cursor->row, AT_TRACE, 0, INT32_MAX, &cursor->trace, error);
}

enum sc_status sc_given_open(struct sc_store *store, struct sc_given_cursor *cursor,
                             struct sc_error *error)
{
    bool there = false;
    *cursor = (struct sc_given_cursor){.row = {.store = store, .where = sc_given_tables[0].name}};
    SC_TRY(sc_store_check_table(store, sc_given_tables, &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_prepare(store,
                            "SELECT instance, trace, turn, finish_reason, reasoning,"
                            " n_prompt_tokens, n_generated, entropy_low, entropy_high"
                            " FROM given ORDER BY instance, trace, turn",
                            &cursor->row.statement, error));
    return next(cursor, error);
}

void sc_given_close(struct sc_given_cursor *cursor)
{
    sqlite3_finalize(cursor->row.statement);
    cursor->row.statement = NULL;
}

static enum sc_status read_count(const struct sc_row *row, int column, size_t *out,
                                 struct sc_error *error)
{
    int64_t count = 0;
    if (sc_row_is_null(row, column))
        return SC_OK;
    SC_TRY(sc_row_int(row, column, 1, MOST_COUNTED, &count, error));
    *out = (size_t)count;
    return SC_OK;
}

/* A blob with a number for each token of the trace. */
static enum sc_status read_bound(const struct sc_row *row, int column,
                                 const struct sc_run_trace *said, float **out,
                                 struct sc_error *error)
{
    size_t bytes = (size_t)sqlite3_column_bytes(row->statement, column);
    if (sc_row_is_null(row, column))
        return SC_OK;
    if (sqlite3_column_type(row->statement, column) != SQLITE_BLOB || !said->n_tokens_known ||
        bytes != 4 * said->n_tokens)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %s: %s: expected a blob of %zu bytes for %zu tokens, found %zu",
                       row->store->path, row->where, sqlite3_column_name(row->statement, column),
                       4 * said->n_tokens, said->n_tokens, bytes);
    *out = sc_alloc_array(said->n_tokens, sizeof **out);
    if (*out == NULL)
        return sc_fail_nomem(error, row->store->path);
    sc_blob_unpack(*out, sizeof **out, sqlite3_column_blob(row->statement, column), said->n_tokens);
    return SC_OK;
}

static enum sc_status read_row(const struct sc_row *row, bool tokens, struct sc_run_trace *said,
                               struct sc_error *error)
{
    if (said->finish_given != NULL || said->reasoning != NULL || said->n_prompt_tokens > 0 ||
        said->n_generated > 0) /* a damaged index can give a row twice */
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected one row, found two",
                       row->store->path, row->where);
    SC_TRY(sc_row_text(row, AT_FINISH, true, &said->finish_given, error));
    SC_TRY(sc_row_text(row, AT_REASONING, true, &said->reasoning, error));
    SC_TRY(read_count(row, AT_N_PROMPT_TOKENS, &said->n_prompt_tokens, error));
    SC_TRY(read_count(row, AT_N_GENERATED, &said->n_generated, error));
    if (!tokens || said->entropy_low != NULL || said->entropy_high != NULL)
        return SC_OK;
    SC_TRY(read_bound(row, AT_ENTROPY_LOW, said, &said->entropy_low, error));
    return read_bound(row, AT_ENTROPY_HIGH, said, &said->entropy_high, error);
}

enum sc_status sc_given_take(struct sc_given_cursor *cursor, size_t position, bool tokens,
                             struct sc_run_trace *trace, struct sc_error *error)
{
    int64_t instance = (int64_t)position, index = (int64_t)trace->index, turn = 0;
    char where[80];
    while (cursor->more && (cursor->instance < instance ||
                            (cursor->instance == instance && cursor->trace <= index))) {
        if (cursor->instance == instance && cursor->trace == index) {
            snprintf(where, sizeof where, "given of instance %zu trace %u", position, trace->index);
            cursor->row.where = where;
            SC_TRY(sc_row_int(&cursor->row, AT_TURN, 0, (int64_t)trace->n_turns, &turn, error));
            bool last = (size_t)turn == trace->n_turns;
            SC_TRY(read_row(&cursor->row, tokens, last ? trace : &trace->turns[turn], error));
            cursor->row.where = sc_given_tables[0].name;
        }
        SC_TRY(next(cursor, error));
    }
    return SC_OK;
}
