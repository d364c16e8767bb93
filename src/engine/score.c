/*
 * Scoring a given text: the same network, the same statistics, no sampling.
 *
 * The text passes in steps of a few rows, so that logits never take more than that many rows of
 * memory.  Next: scheduler.c, for text that is sampled.
 */
#include <math.h>

#include "base/memory.h"
#include "engine/batch.h"

#define SCORE_ROWS 32

struct scoring {
    struct sc_engine *engine;
    struct sc_prompt_cache cache;
    struct sc_forward forward;
    struct sc_logit_scratch *scratch; /* [n_threads] */
    struct sc_row *rows;
    bool *ok; /* [rows] */
    const int32_t *ids;
    size_t n, begin; /* tokens; the first of the step */
    float *logprob, *confidence, *entropy;
};

static void layout(struct scoring *s, size_t n_rows, struct sc_arena *arena)
{
    const struct sc_engine *engine = s->engine;
    size_t n_pages = sc_kv_pages(s->n);

    sc_prompt_cache_layout(&s->cache, engine, 1, n_pages, s->n, arena);
    sc_forward_layout(&s->forward, engine, n_rows, n_rows, s->n, arena);
    s->scratch = sc_arena_take(arena, engine->n_threads, sizeof *s->scratch);
    for (size_t i = 0; i < engine->n_threads; i++) {
        struct sc_logit_scratch scratch;

        sc_logit_scratch_layout(&scratch, engine->n_vocab, arena);
        if (arena->base != NULL)
            s->scratch[i] = scratch;
    }
    s->rows = sc_arena_take(arena, n_rows, sizeof *s->rows);
    s->ok = sc_arena_take(arena, n_rows, sizeof *s->ok);
}

static void describe_task(void *context, size_t row, size_t worker)
{
    struct scoring *s = context;
    const struct sc_engine *e = s->engine;
    struct sc_logit_scratch *scratch = &s->scratch[worker];
    const float *z = sc_forward_logits(&s->forward, row);
    size_t at = s->begin + row;
    struct sc_logit_summary summary;

    s->ok[row] = sc_logits_summarise(e->kernels, z, e->n_vocab, &summary);
    if (!s->ok[row])
        return;
    if (s->confidence != NULL) {
        sc_logits_top(e->kernels, z, e->n_vocab, e->confidence_top_k, scratch);
        s->confidence[at] =
            (float)sc_logits_confidence(z, &summary, scratch->keys, e->confidence_top_k);
    }
    if (s->entropy != NULL)
        s->entropy[at] = (float)summary.entropy;
    if (s->logprob != NULL && at + 1 < s->n) {
        /* An id that is no token has no probability. */
        s->logprob[at + 1] = (size_t)s->ids[at + 1] < e->n_vocab
                                 ? (float)sc_logits_logprob(z, &summary, s->ids[at + 1])
                                 : -INFINITY;
    }
}

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

static enum sc_status score_step(struct scoring *s, struct sc_prompt *prompt, size_t n_rows,
                                 struct sc_error *error)
{
    for (size_t r = 0; r < n_rows; r++)
        s->rows[r] = (struct sc_row){.token = s->ids[s->begin + r],
                                     .position = s->begin + r,
                                     .prompt = prompt,
                                     .wants_logits = true};
    sc_forward_run(&s->forward, s->rows, n_rows);
    sc_pool_run(s->engine->pool, n_rows, describe_task, s);
    for (size_t r = 0; r < n_rows; r++)
        if (!s->ok[r])
            return sc_fail(error, SC_ERR_NUMERIC,
                           "score: logits after token %zu: expected finite numbers", s->begin + r);
    return SC_OK;
}

enum sc_status sc_score_in_steps(struct sc_engine *engine, const int32_t *ids, size_t n,
                                 size_t n_rows, float *logprob, float *confidence, float *entropy,
                                 struct sc_error *error)
{
    struct scoring s = {.engine = engine,
                        .ids = ids,
                        .n = n,
                        .logprob = logprob,
                        .confidence = confidence,
                        .entropy = entropy};
    struct sc_arena arena = {0};
    struct sc_prompt *prompt;
    enum sc_status status = check_ids(engine, ids, n, error);

    if (status != SC_OK)
        return status;
    if (n_rows > n)
        n_rows = n;
    layout(&s, n_rows, &arena);
    arena.base = sc_alloc_aligned(arena.used);
    if (arena.base == NULL)
        return sc_fail(error, SC_ERR_NOMEM, "score: %zu bytes for %zu tokens: not there",
                       arena.used, n);
    arena.used = 0;
    layout(&s, n_rows, &arena);
    if (sc_prompt_acquire(&s.cache, 0, ids, n, &prompt) != SC_PROMPT_READY) {
        status = sc_fail(error, SC_ERR_INTERNAL, "score: no room for %zu tokens", n);
        goto end;
    }
    if (logprob != NULL)
        logprob[0] = NAN;
    for (s.begin = 0; s.begin < n && status == SC_OK; s.begin += n_rows)
        status = score_step(&s, prompt, n - s.begin < n_rows ? n - s.begin : n_rows, error);
end:
    sc_free(arena.base);
    return status;
}

enum sc_status sc_engine_score(struct sc_engine *engine, const int32_t *ids, size_t n,
                               float *logprob, float *confidence, float *entropy,
                               struct sc_error *error)
{
    return sc_score_in_steps(engine, ids, n, SCORE_ROWS, logprob, confidence, entropy, error);
}
