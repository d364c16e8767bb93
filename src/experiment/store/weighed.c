/* See weighed.h.  What is read back is untrusted like the rest of the file. */
#include "experiment/store/weighed.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"

/* pieces: "12-40 55-61", bytes of the answer; "" for none. */
const struct sc_table_made sc_weighed_tables[] = {
    {"weighed", "CREATE TABLE weighed (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
                " detector TEXT NOT NULL, p_refusal REAL NOT NULL, pieces TEXT NOT NULL,\n"
                " PRIMARY KEY (instance, trace, detector)) STRICT"},
    {NULL, NULL},
};

struct sc_weighed sc_weighed_of(const struct sc_detection *found)
{
    struct sc_weighed out = {.there = isfinite(found->p_refusal), .p_refusal = found->p_refusal};
    assert(found->n_pieces <= SC_MOST_PIECES);
    for (size_t i = 0; out.there && i < found->n_pieces; i++)
        out.pieces[out.n_pieces++] = found->pieces[i];
    return out;
}

/* ---- writing --------------------------------------------------------------------------------- */

enum sc_status sc_weighed_prepare(struct sc_store *store, struct sc_error *error)
{
    return sc_store_check_table(store, sc_weighed_tables, &store->has_weighed, error);
}

enum sc_status sc_weighed_put(struct sc_store *store, const struct sc_weighed *weighed,
                              size_t position, uint32_t trace, const char *detector,
                              struct sc_error *error)
{
    char pieces[SC_MOST_PIECES * 48] = "";
    size_t n = 0;
    struct sc_binder put;
    if (!weighed->there)
        return SC_OK;
    for (size_t i = 0; i < weighed->n_pieces; i++)
        n += (size_t)snprintf(pieces + n, sizeof pieces - n, "%s%zu-%zu", i > 0 ? " " : "",
                              weighed->pieces[i].begin, weighed->pieces[i].end);
    SC_TRY(sc_store_make_table(store, sc_weighed_tables, error));
    store->has_weighed = true;
    SC_TRY(sc_store_begin_row(store, "weighed", 5, &put, error));
    sc_bind_size(&put, position);
    sc_bind_int(&put, trace);
    sc_bind_text(&put, detector);
    sc_bind_real(&put, weighed->p_refusal);
    sc_bind_text(&put, pieces);
    return sc_store_end_put(store, &put, error);
}

enum sc_status sc_weighed_drop(struct sc_store *store, size_t position, uint32_t trace,
                               struct sc_error *error)
{
    struct sc_binder drop;
    if (!store->has_weighed)
        return SC_OK;
    SC_TRY(sc_store_begin_put(store, "DELETE FROM weighed WHERE instance = ? AND trace = ?", &drop,
                              error));
    sc_bind_size(&drop, position);
    sc_bind_int(&drop, trace);
    return sc_store_end_put(store, &drop, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Each ends behind its beginning.  Those that lie in an answer of the length are kept: the answer
 * may have been changed by whoever had the file. */
static bool parse_pieces(const char *text, size_t length, struct sc_weighed *out)
{
    while (*text != '\0') {
        struct sc_piece piece;
        int n = 0;
        if (out->n_pieces == SC_MOST_PIECES || *text < '0' || *text > '9' ||
            sscanf(text, "%zu-%zu%n", &piece.begin, &piece.end, &n) != 2 ||
            piece.begin >= piece.end)
            return false;
        if (piece.end <= length)
            out->pieces[out->n_pieces++] = piece;
        text += n;
        if (*text == ' ')
            text++;
        else if (*text != '\0')
            return false;
    }
    return true;
}

static enum sc_status damaged(const struct sc_row *row, struct sc_error *error)
{
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: %s of instance %lld trace %lld: expected a row of a run, found another",
                   row->store->path, row->where, (long long)sqlite3_column_int64(row->statement, 0),
                   (long long)sqlite3_column_int64(row->statement, 1));
}

static enum sc_status take_row(const struct sc_row *row, struct sc_run *run, struct sc_error *error)
{
    int64_t position = sqlite3_column_int64(row->statement, 0);
    int64_t index = sqlite3_column_int64(row->statement, 1);
    struct sc_weighed weighed = {.there = true, .p_refusal = sc_row_real(row, 2)};
    char *pieces = NULL;
    if (position < 0 || (uint64_t)position >= run->n_instances || index < 0 ||
        !(weighed.p_refusal >= 0 && weighed.p_refusal <= 1))
        return damaged(row, error);
    const struct sc_run_instance *instance = &run->instances[position];
    if ((uint64_t)index >= instance->n_traces)
        return SC_OK; /* of a trace behind a gap, or that somebody removed */
    struct sc_run_trace *trace = &instance->traces[index];
    SC_TRY(sc_row_text(row, 3, false, &pieces, error));
    bool fits = parse_pieces(pieces, strlen(trace->answer), &weighed);
    sc_free(pieces);
    if (!fits)
        return damaged(row, error);
    if (strcmp(trace->detector, run->detector) == 0)
        trace->weighed = weighed;
    return SC_OK;
}

static enum sc_status take_rows(const struct sc_row *row, struct sc_run *run,
                                struct sc_error *error)
{
    struct sc_binder bind = {.statement = row->statement};
    sc_bind_text(&bind, run->detector);
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(take_row(row, run, error));
    }
}

enum sc_status sc_weighed_load(struct sc_store *store, struct sc_run *run, struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = sc_weighed_tables[0].name};
    bool there = false;
    SC_TRY(sc_store_check_table(store, sc_weighed_tables, &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_prepare(store,
                            "SELECT instance, trace, p_refusal, pieces FROM weighed"
                            " WHERE detector = ? ORDER BY instance, trace",
                            &row.statement, error));
    enum sc_status status = take_rows(&row, run, error);
    sqlite3_finalize(row.statement);
    return status;
}
