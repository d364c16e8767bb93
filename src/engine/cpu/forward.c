/*
 * The network, one step at a time; docs/INFERENCE.md draws the way of a row.
 *
 * Each stage is one parallel loop: over slices of rows where rows are independent, over panels of
 * weights in a product, over (group of rows, kv head) in attention.  Nothing here depends on who
 * runs which task: a row's figures are a function of its token, position and history.
 * Next: attention.c, kv.c for where keys live, scheduler.c for who asks.
 */
#include "engine/cpu/forward.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/cpu/attention.h"
#include "engine/cpu/ffn.h"
#include "engine/cpu/heads.h"
#include "engine/cpu/rope.h"
#include "engine/cpu/rows.h"

#define SECONDS_BETWEEN_QUESTIONS 0.1

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* 0 where experts are in its place. */
static size_t dense_ffn(const struct sc_model_config *config)
{
    return config->layer.n_experts > 0 ? 0 : config->ffn;
}

static size_t widest_row(const struct sc_cpu *cpu)
{
    const struct sc_model_config *c = &cpu->config;
    return max_size(cpu->matmul->row_bytes(c->hidden),
                    max_size(cpu->matmul->row_bytes(c->n_heads * c->head_dim),
                             cpu->matmul->row_bytes(dense_ffn(c))));
}

struct sc_session_bytes sc_forward_layout(struct sc_forward *f, const struct sc_cpu *cpu,
                                          const struct sc_session_sizes *sizes,
                                          struct sc_arena *arena)
{
    const struct sc_model_config *c = &cpu->config;
    const size_t float_bytes = sizeof(float);
    struct sc_session_bytes bytes = {0};
    *f = (struct sc_forward){.cpu = cpu, .sizes = *sizes};
    size_t start = arena->used;
    f->page_bytes = sc_kv_bytes(cpu, SC_PAGE_POSITIONS);
    f->pages = sc_arena_take(arena, sizes->n_pages, f->page_bytes);
    bytes.pages = arena->used - start;
    start = arena->used;
    f->stored = sc_arena_take(arena, sizes->n_kept, cpu->n_vocab * float_bytes);
    bytes.kept = arena->used - start;
    start = arena->used;

    struct sc_arena worker = {0};
    size_t q_width = c->n_heads * c->head_dim, kv_width = c->n_kv_heads * c->head_dim;
    size_t max_rows = sizes->max_rows, ffn = dense_ffn(c);
    sc_attention_layout(f, &worker);
    f->normed_at = worker.used;
    sc_arena_take(&worker, c->hidden, float_bytes);
    f->worker_bytes = worker.used;
    sc_rope_layout(f, arena);
    f->x = sc_arena_take(arena, max_rows, c->hidden * float_bytes);
    f->branch = sc_arena_take(arena, max_rows, c->hidden * float_bytes);
    f->q = sc_arena_take(arena, max_rows, q_width * float_bytes);
    f->k = sc_arena_take(arena, max_rows, kv_width * float_bytes);
    f->v = sc_arena_take(arena, max_rows, kv_width * float_bytes);
    f->queries = sc_arena_take(arena, max_rows, q_width * float_bytes);
    f->gate = sc_arena_take(arena, max_rows, ffn * float_bytes);
    f->up = sc_arena_take(arena, max_rows, ffn * float_bytes);
    sc_experts_layout(&f->experts, cpu, max_rows, arena);
    f->prepared = sc_arena_take(arena, max_rows, widest_row(cpu));
    f->logits = sc_arena_take(arena, sizes->max_logit_rows, cpu->n_vocab * float_bytes);
    f->logit_rows = sc_arena_take(arena, sizes->max_logit_rows, sizeof *f->logit_rows);
    f->kept = sc_arena_take(arena, sizes->max_logit_rows, sizeof *f->kept);
    f->groups = sc_arena_take(arena, max_rows, sizeof *f->groups);
    f->late = sc_arena_take(arena, max_rows, sizeof *f->late);
    f->worker_memory = sc_arena_take(arena, cpu->n_threads, f->worker_bytes);
    bytes.scratch = arena->used - start;
    return bytes;
}

/* ---- stages over rows ------------------------------------------------------------------------ */

/* [hidden], for a row on its way. */
static float *normed_row(const struct sc_forward *f, size_t worker)
{
    return (float *)(void *)(f->worker_memory + worker * f->worker_bytes + f->normed_at);
}

static struct sc_stage output_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->branch, &f->cpu->layers[layer].o}}, 1};
}

static struct sc_stage output_matrix_stage(const struct sc_forward *f)
{
    return (struct sc_stage){{{f->logits, &f->cpu->output}}, 1};
}

static void embed_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    const struct sc_tensor *embedding = sc_model_embedding(f->cpu->model);
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    float scale = f->cpu->config.layer.embedding_scale;
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *x = f->x + r * f->cpu->config.hidden;
        sc_tensor_row(embedding, (size_t)f->rows[r].token, x);
        for (size_t i = 0; scale != 0 && i < f->cpu->config.hidden; i++)
            x[i] *= scale;
    }
}

/* What a block gave goes to the residual stream. */
static void add_branch(const struct sc_forward *f, size_t r, const float *bias, const float *gain)
{
    const struct sc_cpu *e = f->cpu;
    size_t hidden = e->config.hidden;
    float *branch = f->branch + r * hidden;
    if (bias != NULL)
        e->kernels->add(branch, bias, hidden);
    if (gain != NULL)
        e->kernels->rms_norm(branch, branch, gain, hidden, e->config.rms_eps);
    e->kernels->add(f->x + r * hidden, branch, hidden);
}

/* Prepares a row of the residual stream, normed where there is a gain, as the at-th for products.
 * Returns what was prepared. */
static const float *enter_block(const struct sc_forward *f, size_t r, size_t at, const float *gain,
                                float *normed)
{
    const struct sc_cpu *e = f->cpu;
    size_t hidden = e->config.hidden;
    const float *x = f->x + r * hidden;
    if (gain != NULL)
        e->kernels->rms_norm(normed, x, gain, hidden, e->config.rms_eps);
    const float *entered = gain != NULL ? normed : x;
    sc_rows_prepare(f, at, entered, hidden);
    return entered;
}

static void attention_enter_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_layer_weights *w = &f->cpu->layers[f->layer];
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        if (f->layer > 0)
            add_branch(f, r, NULL, w[-1].ffn_out_norm);
        enter_block(f, r, r, w->input_norm, normed_row(f, worker));
    }
}

static void ffn_enter_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_layer_weights *w = &f->cpu->layers[f->layer];
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        add_branch(f, r, w->o_bias, w->attention_out_norm);
        const float *entered = enter_block(f, r, r, w->ffn_norm, normed_row(f, worker));
        if (f->cpu->config.layer.n_experts > 0)
            sc_experts_prepare(f, r, entered);
    }
}

/* The rows that want logits, side by side. */
static void output_enter_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_cpu *e = f->cpu;
    struct sc_slice wanted = sc_rows_slice(f, f->n_logit_rows, task);
    for (size_t i = wanted.begin; i < wanted.end; i++) {
        add_branch(f, f->logit_rows[i], NULL, e->layers[e->config.n_layers - 1].ffn_out_norm);
        enter_block(f, f->logit_rows[i], i, e->final_norm, normed_row(f, worker));
    }
}

/* The logits are one array: whoever computes them, each is its own. */
static void softcap_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    struct sc_slice part = sc_rows_slice(f, f->n_logit_rows * f->cpu->n_vocab, task);
    f->cpu->kernels->softcap(f->logits + part.begin, part.end - part.begin,
                             f->cpu->config.layer.logit_softcap);
}

static void attended_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    size_t width = f->cpu->config.n_heads * f->cpu->config.head_dim;
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++)
        sc_rows_prepare(f, r, f->q + r * width, width);
}

/* ---- the step -------------------------------------------------------------------------------- */

/* Leaves the rows that want logits; the others have done all that is asked of them. */
static void keep_logit_rows(struct sc_forward *f)
{
    size_t hidden = f->cpu->config.hidden, row_bytes = f->cpu->matmul->row_bytes(hidden);

    for (size_t i = 0; i < f->n_logit_rows; i++) {
        size_t r = f->logit_rows[i];

        f->kept[i] = f->rows[r];
        memmove(f->x + i * hidden, f->x + r * hidden, hidden * sizeof *f->x);
        memmove(f->prepared + i * row_bytes, f->prepared + r * row_bytes, row_bytes);
        f->logit_rows[i] = i;
    }
    f->rows = f->kept;
    f->n_rows = f->n_logit_rows;
    sc_attention_group(f);
}

/* The last layer, where rows that want no logits leave it their keys and values. */
static void project_last(struct sc_forward *f)
{
    sc_heads_run_keys(f);
    keep_logit_rows(f);
    if (f->n_rows > 0)
        sc_heads_run_queries(f, output_stage(f, f->layer));
}

static void run_layer(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->cpu->config;
    bool is_last = f->layer + 1 == c->n_layers;

    sc_rows_run(f, f->n_rows, c->hidden, attention_enter_task);
    if (is_last && f->n_logit_rows < f->n_rows)
        project_last(f);
    else
        sc_heads_run(f, output_stage(f, f->layer));
    if (f->n_rows == 0)
        return;
    sc_attention_run(f);
    sc_rows_run(f, f->n_rows, c->n_heads * c->head_dim, attended_task);
    sc_rows_multiply(f, f->n_rows, output_stage(f, f->layer), sc_ffn_stage(f, f->layer));
    sc_rows_run(f, f->n_rows, c->hidden, ffn_enter_task);
    sc_ffn_run(f, is_last ? output_matrix_stage(f) : sc_heads_stage(f, f->layer + 1));
}

/* Logits of the rows that want them. */
static void run_output(struct sc_forward *f)
{
    const struct sc_cpu *e = f->cpu;
    if (f->n_logit_rows == 0)
        return;
    sc_rows_run(f, f->n_logit_rows, e->config.hidden, output_enter_task);
    sc_rows_multiply(f, f->n_logit_rows, output_matrix_stage(f), sc_heads_stage(f, 0));
    if (e->config.layer.logit_softcap != 0)
        sc_rows_run(f, f->n_logit_rows * e->n_vocab, 1, softcap_task);
}

/* Some times a second, which most steps never come to. */
static bool is_interrupted(const struct sc_forward *f, double *asked)
{
    if (f->interrupt == NULL || sc_seconds() - *asked < SECONDS_BETWEEN_QUESTIONS)
        return false;
    *asked = sc_seconds();
    return sc_interrupted(f->interrupt);
}

bool sc_forward_run(struct sc_forward *f, const struct sc_row *rows, size_t n_rows)
{
    const struct sc_model_config *c = &f->cpu->config;
    double start = sc_seconds(), asked = start;
    assert(n_rows <= f->sizes.max_rows);
    f->rows = rows;
    f->n_rows = n_rows;
    f->n_logit_rows = 0;
    for (size_t r = 0; r < n_rows; r++)
        if (rows[r].wants_logits)
            f->logit_rows[f->n_logit_rows++] = r;
    sc_attention_group(f);
    sc_rows_run(f, n_rows, c->hidden, embed_task);
    for (f->layer = 0; f->layer < c->n_layers; f->layer++) {
        if (is_interrupted(f, &asked))
            return false;
        run_layer(f);
    }
    double middle = sc_seconds();
    run_output(f);
    f->seconds_layers = middle - start;
    f->seconds_output = sc_seconds() - middle;
    return true;
}

const float *sc_forward_logits(const struct sc_forward *f, size_t handle)
{
    size_t n_rows = f->sizes.max_logit_rows, n_vocab = f->cpu->n_vocab;
    assert(handle < n_rows + f->sizes.n_kept);
    return handle < n_rows ? f->logits + handle * n_vocab : f->stored + (handle - n_rows) * n_vocab;
}
