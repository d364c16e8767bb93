/*
 * The CPU's table for device.h, and what it keeps of a session: one block of memory, threads of its
 * own, logits in it.
 *
 * Rows of logits are read one by a thread; nothing is allocated after the session is open.
 * Next: weights.c, forward.c, sampler.c.
 */
#include "engine/cpu/cpu.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/cpu/forward.h"
#include "engine/cpu/sampler.h"

/* Rows of answers and of prompts in a step. */
#define PARALLEL 32
#define PREFILL_ROWS 128
/* Rows of a prompt take nearly all experts between them, however few they are: more rows for what a
 * step reads. */
#define PREFILL_ROWS_OF_EXPERTS 256

struct session {
    const struct sc_cpu *cpu;
    struct sc_pool *pool;
    struct sc_forward forward;
    struct sc_logit_scratch *scratch; /* [n_threads] */
    unsigned char *memory;
    struct sc_draw *draws;               /* that are under way */
    struct sc_description *descriptions; /* likewise */
    struct sc_branching *branchings;     /* likewise */
};

/* ---- memory ---------------------------------------------------------------------------------- */

static struct sc_session_bytes layout(struct session *s, const struct sc_session_sizes *sizes,
                                      struct sc_arena *arena)
{
    const struct sc_cpu *cpu = s->cpu;
    struct sc_session_bytes bytes = sc_forward_layout(&s->forward, cpu, sizes, arena);
    size_t start = arena->used;
    s->scratch = sc_arena_take(arena, cpu->n_threads, sizeof *s->scratch);
    for (size_t i = 0; i < cpu->n_threads; i++) {
        struct sc_logit_scratch scratch;
        sc_logit_scratch_layout(&scratch, cpu->n_vocab, sizes->max_draws > 1 ? sizes->max_draws : 1,
                                arena);
        if (arena->base != NULL)
            s->scratch[i] = scratch;
    }
    bytes.scratch = sc_size_add(bytes.scratch, arena->used - start);
    return bytes;
}

static struct sc_session_bytes measure(const void *weights, const struct sc_session_sizes *sizes)
{
    struct session s = {.cpu = weights};
    struct sc_arena arena = {0};
    struct sc_session_bytes bytes = layout(&s, sizes, &arena);
    if (arena.used == SIZE_MAX)
        bytes.pages = SIZE_MAX;
    return bytes;
}

static size_t page_bytes(const void *weights)
{
    return sc_kv_bytes(weights, SC_PAGE_POSITIONS);
}

static struct sc_device_room room(const void *weights)
{
    const struct sc_cpu *cpu = weights;
    const bool has_experts = cpu->config.layer.n_experts > 0;
    return (struct sc_device_room){
        .parallel = PARALLEL, .prefill_rows = has_experts ? PREFILL_ROWS_OF_EXPERTS : PREFILL_ROWS};
}

static void session_close(void *session)
{
    struct session *s = session;
    if (s == NULL)
        return;
    sc_pool_free(s->pool);
    sc_free(s->memory);
    sc_free(s);
}

static enum sc_status fill_session(struct session *s, const struct sc_session_sizes *sizes,
                                   struct sc_error *error)
{
    struct sc_arena arena = {0};
    struct sc_session_bytes bytes = layout(s, sizes, &arena);
    s->memory = sc_alloc_aligned(arena.used);
    if (s->memory == NULL)
        return sc_fail(error, SC_ERR_NOMEM,
                       "engine: %zu bytes for traces and their prompts: not available", arena.used);
    /* Dense pages come first in it.  Most of what is planned for others, prompts, is often not
     * used: on large pages of the system it would be touched. */
    if (sizes->n_dense_pages > 0)
        sc_prefer_large_pages(s->memory, bytes.pages / sizes->n_pages * sizes->n_dense_pages);
    arena = (struct sc_arena){.base = s->memory};
    layout(s, sizes, &arena);
    SC_TRY(sc_pool_new(&s->pool, (int)s->cpu->n_threads, error));
    s->forward.pool = s->pool;
    return SC_OK;
}

static enum sc_status session_open(void **session, const void *weights,
                                   const struct sc_session_sizes *sizes, struct sc_error *error)
{
    *session = NULL;
    struct session *s = sc_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return sc_fail_nomem(error, "session");
    s->cpu = weights;
    enum sc_status status = fill_session(s, sizes, error);
    if (status == SC_OK)
        *session = s;
    else
        session_close(s);
    return status;
}

/* ---- a step ---------------------------------------------------------------------------------- */

static enum sc_status forward(void *session, const struct sc_row *rows, size_t n_rows,
                              const struct sc_interrupt *interrupt, struct sc_step_seconds *seconds,
                              struct sc_error *error)
{
    struct session *s = session;
    s->forward.interrupt = interrupt;
    if (!sc_forward_run(&s->forward, rows, n_rows))
        return sc_fail(error, SC_ERR_INTERRUPTED, "engine: interrupted");
    *seconds = (struct sc_step_seconds){s->forward.seconds_layers, s->forward.seconds_output};
    return SC_OK;
}

static void keep(void *session, size_t logits, size_t kept)
{
    struct session *s = session;
    size_t n_vocab = s->cpu->n_vocab;
    assert(kept < s->forward.sizes.n_kept);
    memcpy(s->forward.stored + kept * n_vocab, sc_forward_logits(&s->forward, logits),
           n_vocab * sizeof(float));
}

/* The likeliest tokens of a row and their log P. */
static void list_top(const struct sc_cpu *cpu, const float *z,
                     const struct sc_logit_summary *summary, struct sc_logit_scratch *scratch,
                     const struct sc_top *out)
{
    if (out->n == 0)
        return;
    sc_logits_top(cpu->kernels, z, cpu->n_vocab, out->n, scratch);
    for (size_t i = 0; i < out->n; i++) {
        out->ids[i] = sc_key_id(scratch->keys[i]);
        out->logprobs[i] = (float)sc_logits_logprob(z, summary, out->ids[i]);
    }
}

static void draw_task(void *context, size_t task, size_t worker)
{
    struct session *s = context;
    const struct sc_cpu *cpu = s->cpu;
    struct sc_draw *d = &s->draws[task];
    const float *z = sc_forward_logits(&s->forward, d->logits);
    const struct sc_logit_row row = {cpu->kernels, z, cpu->n_vocab, cpu->confidence_top_k,
                                     &d->context};
    const struct sc_drawn draws = {d->u, d->n, d->ids, d->stats};
    d->ok = sc_draw_tokens(&row, d->sampling, &draws, &s->scratch[worker]);
    if (!d->ok || (d->n_watch == 0 && d->top.n == 0))
        return;
    struct sc_logit_summary summary;
    sc_logits_summarise(cpu->kernels, z, cpu->n_vocab, &summary);
    for (size_t i = 0; i < d->n_watch; i++)
        d->watched[i] = (float)sc_logits_logprob(z, &summary, d->watch[i]);
    list_top(cpu, z, &summary, &s->scratch[worker], &d->top);
}

static enum sc_status draw(void *session, struct sc_draw *draws, size_t n, struct sc_error *error)
{
    struct session *s = session;
    (void)error;
    s->draws = draws;
    sc_pool_run(s->pool, n, draw_task, s);
    return SC_OK;
}

static void describe_task(void *context, size_t task, size_t worker)
{
    struct session *s = context;
    const struct sc_cpu *cpu = s->cpu;
    struct sc_description *d = &s->descriptions[task];
    struct sc_logit_scratch *scratch = &s->scratch[worker];
    const float *z = sc_forward_logits(&s->forward, d->logits);
    struct sc_logit_summary summary;
    d->ok = sc_logits_summarise(cpu->kernels, z, cpu->n_vocab, &summary);
    if (!d->ok)
        return;
    if (d->confidence != NULL) {
        size_t k = cpu->confidence_top_k;
        sc_logits_top(cpu->kernels, z, cpu->n_vocab, k, scratch);
        *d->confidence = (float)sc_logits_confidence(z, &summary, scratch->keys, k);
    }
    if (d->entropy != NULL)
        *d->entropy = (float)summary.entropy;
    if (d->logprob != NULL) /* an id that is not a token has no probability */
        *d->logprob = d->next >= 0 && (size_t)d->next < cpu->n_vocab
                          ? (float)sc_logits_logprob(z, &summary, d->next)
                          : -INFINITY;
    list_top(cpu, z, &summary, scratch, &d->top);
    const struct sc_logit_row row = {cpu->kernels, z, cpu->n_vocab, cpu->confidence_top_k,
                                     &d->context};
    if (d->processed != NULL)
        d->ok = sc_processed_logprob(&row, d->sampling, d->next, scratch, d->processed);
}

static enum sc_status describe(void *session, struct sc_description *rows, size_t n,
                               struct sc_error *error)
{
    struct session *s = session;
    (void)error;
    s->descriptions = rows;
    sc_pool_run(s->pool, n, describe_task, s);
    return SC_OK;
}

static void branch_task(void *context, size_t task, size_t worker)
{
    struct session *s = context;
    const struct sc_cpu *cpu = s->cpu;
    struct sc_branching *b = &s->branchings[task];
    const struct sc_logit_row row = {cpu->kernels, sc_forward_logits(&s->forward, b->logits),
                                     cpu->n_vocab, cpu->confidence_top_k, &b->context};
    b->ok = sc_list_branches(&row, b->sampling, b->branches, &s->scratch[worker]);
}

static enum sc_status branch(void *session, struct sc_branching *rows, size_t n,
                             struct sc_error *error)
{
    struct session *s = session;
    (void)error;
    s->branchings = rows;
    sc_pool_run(s->pool, n, branch_task, s);
    return SC_OK;
}

const struct sc_device sc_device_cpu = {
    .name = "cpu",
    .open = sc_cpu_open,
    .close = sc_cpu_close,
    .measure = measure,
    .page_bytes = page_bytes,
    .room = room,
    .session_open = session_open,
    .session_close = session_close,
    .forward = forward,
    .keep = keep,
    .draw = draw,
    .describe = describe,
    .branch = branch,
};
