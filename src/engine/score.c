/*
 * Scoring a given text: the same network, the same statistics, no sampling.
 *
 * The text passes in steps of a few rows, so that logits never take more than that many rows of
 * memory.  Next: scheduler.c, for text that is sampled.
 */
#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "engine/engine.h"
#include "engine/prompts.h"

#define SCORE_ROWS 32

struct scoring {
    const struct sc_engine *engine;
    void *session;
    struct sc_row *rows;          /* [n_rows] */
    struct sc_description *wants; /* [n_rows] */
    struct sc_span *history;      /* of the text: all of the session's pages, in order */
    const int32_t *ids;
    size_t n, n_rows; /* tokens; at most in a step */
    struct sc_score_arrays out;
    struct sc_top top; /* of each token */
};

static enum sc_status check_ids(const struct sc_engine *engine, const int32_t *ids, size_t n,
                                struct sc_error *error)
{
    if (n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "score: tokens: expected at least one, found none");
    if (n > engine->config.max_positions)
        return sc_fail(error, SC_ERR_LIMIT,
                       "score: tokens: expected at most %zu (the model's context), found %zu",
                       engine->config.max_positions, n);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= engine->config.n_vocab)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "score: token %zu: expected an id from 0 to %zu, found %d", i,
                           engine->config.n_vocab - 1, (int)ids[i]);
    return SC_OK;
}

static enum sc_status score_step(struct scoring *s, size_t begin, size_t n_rows,
                                 struct sc_error *error)
{
    const struct sc_device *device = s->engine->device;
    size_t long_from = s->engine->config.long_from;
    bool is_long = long_from > 0 && s->n > long_from;
    for (size_t r = 0; r < n_rows; r++) {
        size_t at = begin + r;
        bool last = at + 1 == s->n;
        s->rows[r] = (struct sc_row){.token = s->ids[at],
                                     .position = at,
                                     .history = s->history,
                                     .is_long = is_long,
                                     .wants_logits = true};
        s->wants[r] = (struct sc_description){
            .logits = r,
            .next = last ? 0 : s->ids[at + 1],
            .logprob = s->out.logprob != NULL && !last ? &s->out.logprob[at + 1] : NULL,
            .confidence = s->out.confidence != NULL ? &s->out.confidence[at] : NULL,
            .entropy = s->out.entropy != NULL ? &s->out.entropy[at] : NULL};
        if (s->top.n > 0)
            s->wants[r].top = (struct sc_top){s->top.n, s->top.ids + at * s->top.n,
                                              s->top.logprobs + at * s->top.n};
    }
    struct sc_step_seconds unused;
    SC_TRY(device->forward(s->session, s->rows, n_rows, NULL, &unused, error));
    SC_TRY(device->describe(s->session, s->wants, n_rows, error));
    for (size_t r = 0; r < n_rows; r++)
        if (!s->wants[r].ok)
            return sc_fail(error, SC_ERR_NUMERIC,
                           "score: logits after token %zu: expected finite numbers", begin + r);
    return SC_OK;
}

static enum sc_status score(struct scoring *s, struct sc_error *error)
{
    size_t n_pages = sc_prompt_pages(s->n);
    const struct sc_session_sizes sizes = {.max_rows = s->n_rows,
                                           .max_logit_rows = s->n_rows,
                                           .n_positions = s->n,
                                           .max_spans = n_pages,
                                           .n_pages = n_pages};
    s->rows = sc_alloc_array(s->n_rows, sizeof *s->rows);
    s->wants = sc_alloc_array(s->n_rows, sizeof *s->wants);
    s->history = sc_alloc_array(n_pages, sizeof *s->history);
    if (s->rows == NULL || s->wants == NULL || s->history == NULL)
        return sc_fail_nomem(error, "score");
    SC_TRY(s->engine->device->session_open(&s->session, s->engine->weights, &sizes, error));
    for (size_t i = 0; i < n_pages; i++)
        s->history[i] = (struct sc_span){.page = (uint32_t)i, .n = SC_PAGE_POSITIONS};
    if (s->out.logprob != NULL)
        s->out.logprob[0] = NAN;
    for (size_t begin = 0; begin < s->n; begin += s->n_rows)
        SC_TRY(score_step(s, begin, s->n - begin < s->n_rows ? s->n - begin : s->n_rows, error));
    return SC_OK;
}

static enum sc_status score_all(struct scoring *s, struct sc_error *error)
{
    SC_TRY(check_ids(s->engine, s->ids, s->n, error));
    s->n_rows = s->n_rows < s->n ? s->n_rows : s->n;
    enum sc_status status = score(s, error);
    s->engine->device->session_close(s->session);
    sc_free(s->rows);
    sc_free(s->wants);
    sc_free(s->history);
    return status;
}

enum sc_status sc_score_in_steps(const struct sc_engine *engine, const int32_t *ids, size_t n,
                                 size_t n_rows, const struct sc_score_arrays *out,
                                 struct sc_error *error)
{
    struct scoring s = {.engine = engine, .ids = ids, .n = n, .n_rows = n_rows, .out = *out};
    return score_all(&s, error);
}

enum sc_status sc_score_listed(const struct sc_engine *engine, const int32_t *ids, size_t n,
                               const struct sc_score_arrays *out, const struct sc_top *top,
                               struct sc_error *error)
{
    assert(top->n <= engine->n_vocab);
    struct scoring s = {
        .engine = engine, .ids = ids, .n = n, .n_rows = SCORE_ROWS, .out = *out, .top = *top};
    return score_all(&s, error);
}

enum sc_status sc_engine_score(const struct sc_engine *engine, const int32_t *ids, size_t n,
                               const struct sc_score_arrays *out, struct sc_error *error)
{
    if (engine == NULL || out == NULL || (ids == NULL && n > 0))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "score: expected an engine, tokens and where to put the scores");
    return sc_score_in_steps(engine, ids, n, SCORE_ROWS, out, error);
}
