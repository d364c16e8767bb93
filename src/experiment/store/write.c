/*
 * run.db, writing rows: one transaction per trace.
 *
 * A trace is never stored twice.  What belongs to one may lie there still when somebody removed the
 * trace's own row to have it sampled again.
 */
#include "experiment/store/write.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/blobs.h"
#include "experiment/store/given.h"
#include "experiment/store/keys.h"
#include "experiment/store/store.h"
#include "experiment/store/weighed.h"
#include "vocabulary/vocabulary.h"

enum { N_SEGMENTS = 3 * SC_N_METRICS }; /* metrics of the whole, of reasoning and answer */

enum sc_status sc_store_prepare_writing(struct sc_store *store, struct sc_error *error)
{
    const struct {
        const char *verb, *table;
        int n; /* columns but for the key */
        sqlite3_stmt **statement;
    } all[] = {
        {"INSERT", "trace", 10 + N_SEGMENTS, &store->put_trace},
        {"INSERT OR REPLACE", "token", 8, &store->put_tokens},
        {"INSERT OR REPLACE", "verdict", 7, &store->put_verdict},
        {"INSERT OR REPLACE", "harm", 4, &store->put_harm},
        {"INSERT OR REPLACE", "decision", 5, &store->put_decision},
        {"INSERT OR REPLACE", "cut", 12 + N_SEGMENTS, &store->put_cut},
        {"INSERT", "turn", 16 + N_SEGMENTS, &store->put_turn},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        SC_TRY(sc_keys_prepare_put(store, all[i].verb, all[i].table, all[i].n, all[i].statement,
                                   error));
    SC_TRY(sc_store_prepare(store, "DELETE FROM turn WHERE instance = ? AND trace = ?",
                            &store->drop_turns, error));
    SC_TRY(sc_weighed_prepare(store, error));
    return sc_given_prepare(store, error);
}

/* ---- traces ---------------------------------------------------------------------------------- */

/* A column of the table: the first of its values and how far they lie apart. */
struct column {
    bool known;
    const void *first;
    size_t step;
};

enum { N_COLUMNS = 6 };

/* Binds the columns of tokens, whose bytes are made in `blobs` [N_COLUMNS * n_tokens * 4]. */
static void bind_tokens(struct sc_binder *put, const struct sc_run_trace *trace,
                        unsigned char *blobs)
{
    const struct sc_token_stats *stats = trace->stats;
    const size_t step = sizeof *stats, bytes = 4 * trace->n_tokens;
    const unsigned figures = stats != NULL ? trace->figures : 0;
    const struct column columns[N_COLUMNS] = {
        {trace->ids != NULL, trace->ids, sizeof *trace->ids},
        {figures >> SC_FIGURE_LOGPROB & 1, stats != NULL ? &stats->logprob : NULL, step},
        {figures >> SC_FIGURE_SAMPLED_LOGPROB & 1, stats != NULL ? &stats->sampled_logprob : NULL,
         step},
        {figures >> SC_FIGURE_CONFIDENCE & 1, stats != NULL ? &stats->confidence : NULL, step},
        {figures >> SC_FIGURE_ENTROPY & 1, stats != NULL ? &stats->entropy : NULL, step},
        {trace->text_ends != NULL, trace->text_ends, sizeof *trace->text_ends},
    };
    for (size_t i = 0; i < N_COLUMNS; i++) {
        unsigned char *blob = blobs + i * bytes;
        if (columns[i].known)
            sc_blob_pack(blob, columns[i].first, columns[i].step, trace->n_tokens);
        sc_bind_blob(put, columns[i].known ? blob : NULL, bytes);
    }
}

static enum sc_status make_blobs(const struct sc_run_trace *trace, unsigned char **blobs,
                                 struct sc_error *error)
{
    *blobs = sc_alloc(sc_size_mul(sc_size_mul(trace->n_tokens, 4), N_COLUMNS));
    return *blobs != NULL ? SC_OK : sc_fail_nomem(error, "token figures of a trace");
}

static enum sc_status put_tokens(struct sc_store *store, size_t position,
                                 const struct sc_run_trace *trace, struct sc_error *error)
{
    unsigned char *blobs = NULL;
    SC_TRY(make_blobs(trace, &blobs, error));
    struct sc_binder put = {.statement = store->put_tokens};
    sc_bind_size(&put, position);
    sc_bind_int(&put, trace->index);
    bind_tokens(&put, trace, blobs);
    enum sc_status status = sc_store_run(store, &put, error);
    sc_free(blobs);
    return status;
}

/* Text, answer, lengths and metrics. */
static void bind_contents(struct sc_binder *put, const struct sc_run_trace *trace)
{
    const double *segments[] = {trace->metrics, trace->reasoning_metrics, trace->answer_metrics};
    const char *answer = strcmp(trace->answer, trace->text) ? trace->answer : NULL;
    sc_bind_text(put, trace->text);
    sc_bind_text(put, answer);
    if (trace->n_tokens_known) {
        sc_bind_size(put, trace->n_tokens);
        sc_bind_size(put, trace->n_reasoning);
    } else {
        sc_bind_null(put);
        sc_bind_null(put);
    }
    for (int s = 0; s < 3; s++)
        for (int m = 0; m < SC_N_METRICS; m++)
            sc_bind_real(put, segments[s][m]);
}

/* Tokens that were put in. */
static void bind_forced(struct sc_binder *put, const struct sc_run_trace *trace)
{
    if (trace->n_forced > 0) {
        sc_bind_size(put, trace->forced_begin);
        sc_bind_size(put, trace->n_forced);
    } else {
        sc_bind_null(put);
        sc_bind_null(put);
    }
}

/* Detector, verdict, rule and the bytes that decided. */
static void bind_verdict(struct sc_binder *put, const struct sc_run_trace *trace)
{
    sc_bind_text(put, trace->detector);
    sc_bind_text(put, sc_verdict_name(trace->verdict));
    sc_bind_text(put, trace->rule);
    sc_bind_size(put, trace->begin);
    sc_bind_size(put, trace->end);
}

static enum sc_status put_row(struct sc_store *store, size_t position,
                              const struct sc_run_trace *trace, struct sc_error *error)
{
    struct sc_binder put = {.statement = store->put_trace};
    sc_bind_size(&put, position);
    sc_bind_int(&put, trace->index);
    sc_bind_text(&put, sc_finish_name(trace->finish));
    sc_bind_text(&put, trace->failure);
    bind_contents(&put, trace);
    bind_forced(&put, trace);
    return sc_store_run(store, &put, error);
}

static enum sc_status put_turn(struct sc_store *store, size_t position,
                               const struct sc_run_trace *trace, size_t number,
                               struct sc_error *error)
{
    const struct sc_run_trace *turn = &trace->turns[number];
    unsigned char *blobs = NULL;
    SC_TRY(make_blobs(turn, &blobs, error));
    struct sc_binder put = {.statement = store->put_turn};
    sc_bind_size(&put, position);
    sc_bind_int(&put, trace->index);
    sc_bind_size(&put, number);
    sc_bind_text(&put, sc_finish_name(turn->finish));
    bind_contents(&put, turn);
    bind_tokens(&put, turn, blobs);
    bind_forced(&put, turn);
    enum sc_status status = sc_store_run(store, &put, error);
    sc_free(blobs);
    return status;
}

static enum sc_status put_turns(struct sc_store *store, size_t position,
                                const struct sc_run_trace *trace, struct sc_error *error)
{
    struct sc_binder drop = {.statement = store->drop_turns};
    sc_bind_size(&drop, position);
    sc_bind_int(&drop, trace->index);
    SC_TRY(sc_store_run(store, &drop, error));
    for (size_t i = 0; i < trace->n_turns; i++)
        SC_TRY(put_turn(store, position, trace, i, error));
    return SC_OK;
}

static enum sc_status put_verdict(struct sc_store *store, size_t position,
                                  const struct sc_run_trace *trace, struct sc_error *error)
{
    struct sc_binder put = {.statement = store->put_verdict};
    sc_bind_size(&put, position);
    sc_bind_int(&put, trace->index);
    bind_verdict(&put, trace);
    SC_TRY(sc_store_run(store, &put, error));
    SC_TRY(sc_weighed_drop(store, position, trace->index, error));
    return sc_weighed_put(store, &trace->weighed, position, trace->index, trace->detector, error);
}

static enum sc_status put_harm(struct sc_store *store, size_t position,
                               const struct sc_run_trace *trace, const char *judge,
                               struct sc_error *error)
{
    struct sc_binder put = {.statement = store->put_harm};
    sc_bind_size(&put, position);
    sc_bind_int(&put, trace->index);
    sc_bind_text(&put, judge);
    sc_bind_text(&put, sc_harm_name(trace->harm));
    return sc_store_run(store, &put, error);
}

static enum sc_status put_all(struct sc_store *store, size_t position,
                              const struct sc_store_trace *stored, struct sc_error *error)
{
    SC_TRY(put_row(store, position, stored->trace, error));
    SC_TRY(put_tokens(store, position, stored->trace, error));
    SC_TRY(put_turns(store, position, stored->trace, error));
    SC_TRY(sc_given_put(store, position, stored->trace, error));
    SC_TRY(put_verdict(store, position, stored->trace, error));
    SC_TRY(put_harm(store, position, stored->trace, stored->judge, error));
    for (size_t i = 0; i < stored->n_decisions; i++)
        SC_TRY(sc_store_add_decision(store, position, &stored->decisions[i], error));
    return SC_OK;
}

enum sc_status sc_store_put_trace(struct sc_store *store, size_t position,
                                  const struct sc_store_trace *stored, struct sc_error *error)
{
    assert(store->put_trace != NULL);
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin(store, error));
    return sc_store_commit(store, put_all(store, position, stored, error), error);
}

/* ---- decisions ------------------------------------------------------------------------------- */

static enum sc_status put_cut(struct sc_store *store, size_t position, size_t policy,
                              const struct sc_run_trace *cut, struct sc_error *error)
{
    struct sc_binder put = {.statement = store->put_cut};
    sc_bind_size(&put, position);
    sc_bind_size(&put, policy);
    sc_bind_int(&put, cut->index);
    bind_contents(&put, cut);
    bind_verdict(&put, cut);
    return sc_store_run(store, &put, error);
}

enum sc_status sc_store_add_decision(struct sc_store *store, size_t position,
                                     const struct sc_store_decision *decision,
                                     struct sc_error *error)
{
    struct sc_binder put = {.statement = store->put_decision};
    sc_bind_size(&put, position);
    sc_bind_size(&put, decision->policy);
    sc_bind_size(&put, decision->n_traces);
    sc_bind_text(&put, decision->stop_reason);
    sc_bind_real(&put, decision->bar);
    SC_TRY(sc_store_run(store, &put, error));
    for (size_t i = 0; i < decision->n_cuts; i++)
        SC_TRY(put_cut(store, position, decision->policy, &decision->cuts[i], error));
    return SC_OK;
}

enum sc_status sc_store_begin_decisions(struct sc_store *store, struct sc_error *error)
{
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin(store, error));
    enum sc_status status =
        sc_store_exec(store, "DELETE FROM decision; DELETE FROM cut", "write", error);
    return status == SC_OK ? SC_OK : sc_store_commit(store, status, error);
}

enum sc_status sc_store_end_decisions(struct sc_store *store, enum sc_status status,
                                      struct sc_error *error)
{
    return sc_store_commit(store, status, error);
}
