/*
 * The network, one step at a time; docs/INFERENCE.md draws the way of a row, and sc_cpu_refused
 * says which kinds of layers it does not compute.
 *
 * Each stage is one parallel loop: over slices of rows where rows are independent, over panels of
 * weights in a product, over (group of rows, kv head) in attention.  Nothing here depends on who
 * runs which task: a row's figures are a function of its token, position and history.
 * Next: attention.c, kv.c for where keys live, scheduler.c for who asks.
 */
#include "engine/cpu/forward.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/cpu/attention.h"
#include "engine/cpu/products.h"

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t widest_row(const struct sc_cpu *cpu)
{
    const struct sc_model_config *c = &cpu->config;
    return max_size(
        cpu->matmul->row_bytes(c->hidden),
        max_size(cpu->matmul->row_bytes(c->n_heads * c->head_dim), cpu->matmul->row_bytes(c->ffn)));
}

/* Angles position * step, in double and then rounded. */
static void fill_angles(struct sc_forward *f)
{
    const struct sc_rope *rope = &f->cpu->config.rope[SC_ROPE_GLOBAL];
    size_t half = rope->n;

    for (size_t i = 0; i < half; i++) {
        double step = rope->step[i];

        for (size_t position = 0; position < f->sizes.n_positions; position++) {
            f->cosines[position * half + i] = (float)cos((double)position * step);
            f->sines[position * half + i] = (float)sin((double)position * step);
        }
    }
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
    f->place_bytes = sc_kv_bytes(cpu, sizes->max_new);
    f->place_bytes = sc_size_add(f->place_bytes, 63) & ~(size_t)63;
    f->places = sc_arena_take(arena, sizes->n_places, f->place_bytes);
    bytes.traces = arena->used - start;
    start = arena->used;
    f->page_bytes = sc_kv_bytes(cpu, SC_PAGE_POSITIONS);
    f->pages = sc_arena_take(arena, sizes->n_pages, f->page_bytes);
    f->stored = sc_arena_take(arena, sizes->n_kept, cpu->n_vocab * float_bytes);
    bytes.prompts = arena->used - start;
    start = arena->used;

    struct sc_arena worker = {0};
    size_t q_width = c->n_heads * c->head_dim, kv_width = c->n_kv_heads * c->head_dim;
    size_t max_rows = sizes->max_rows, n_positions = sizes->n_positions;
    sc_attention_layout(f, &worker);
    f->normed_at = worker.used;
    sc_arena_take(&worker, c->hidden, float_bytes);
    f->worker_bytes = worker.used;
    f->cosines = sc_arena_take(arena, n_positions, c->head_dim / 2 * float_bytes);
    f->sines = sc_arena_take(arena, n_positions, c->head_dim / 2 * float_bytes);
    f->x = sc_arena_take(arena, max_rows, c->hidden * float_bytes);
    f->branch = sc_arena_take(arena, max_rows, c->hidden * float_bytes);
    f->q = sc_arena_take(arena, max_rows, q_width * float_bytes);
    f->k = sc_arena_take(arena, max_rows, kv_width * float_bytes);
    f->v = sc_arena_take(arena, max_rows, kv_width * float_bytes);
    f->queries = sc_arena_take(arena, max_rows, q_width * float_bytes);
    f->gate = sc_arena_take(arena, max_rows, c->ffn * float_bytes);
    f->up = sc_arena_take(arena, max_rows, c->ffn * float_bytes);
    f->prepared = sc_arena_take(arena, max_rows, widest_row(cpu));
    f->logits = sc_arena_take(arena, sizes->max_logit_rows, cpu->n_vocab * float_bytes);
    f->logit_rows = sc_arena_take(arena, sizes->max_logit_rows, sizeof *f->logit_rows);
    f->kept = sc_arena_take(arena, sizes->max_logit_rows, sizeof *f->kept);
    f->groups = sc_arena_take(arena, max_rows, sizeof *f->groups);
    f->worker_memory = sc_arena_take(arena, cpu->n_threads, f->worker_bytes);
    bytes.scratch = arena->used - start;
    if (arena->base != NULL)
        fill_angles(f);
    return bytes;
}

/* ---- slices of rows -------------------------------------------------------------------------- */

/* A number of a row takes about a nanosecond here, another thread's help about two microseconds. */
enum { SMALL_ROWS = 6000 };

/* row_size: numbers of a row that the task works on. */
static void run_slices(struct sc_forward *f, size_t n_rows, size_t row_size, sc_pool_task *task)
{
    f->n_slices = n_rows * row_size < SMALL_ROWS ? 1 : 4 * f->cpu->n_threads;
    if (f->n_slices > n_rows)
        f->n_slices = n_rows;
    sc_pool_run(f->pool, f->n_slices, task, f);
}

/* Rows [begin, end) of n. */
struct slice {
    size_t begin, end;
};

static struct slice slice_of(const struct sc_forward *f, size_t n, size_t task)
{
    return (struct slice){n * task / f->n_slices, n * (task + 1) / f->n_slices};
}

/* [hidden], for a row on its way. */
static float *normed_row(const struct sc_forward *f, size_t worker)
{
    return (float *)(void *)(f->worker_memory + worker * f->worker_bytes + f->normed_at);
}

/* ---- products -------------------------------------------------------------------------------- */

static struct sc_stage heads_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->cpu->layers[layer];

    return (struct sc_stage){{{f->q, &w->q}, {f->k, &w->k}, {f->v, &w->v}}, 3};
}

static struct sc_stage keys_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->cpu->layers[layer];

    return (struct sc_stage){{{f->k, &w->k}, {f->v, &w->v}}, 2};
}

static struct sc_stage queries_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->q, &f->cpu->layers[layer].q}}, 1};
}

static struct sc_stage output_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->branch, &f->cpu->layers[layer].o}}, 1};
}

static struct sc_stage gate_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->cpu->layers[layer];

    return (struct sc_stage){{{f->gate, &w->gate}, {f->up, &w->up}}, 2};
}

static struct sc_stage down_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->branch, &f->cpu->layers[layer].down}}, 1};
}

static struct sc_stage output_matrix_stage(const struct sc_forward *f)
{
    return (struct sc_stage){{{f->logits, &f->cpu->output}}, 1};
}

/* Multiplies the n_rows prepared rows. */
static void multiply(struct sc_forward *f, size_t n_rows, struct sc_stage stage,
                     struct sc_stage next)
{
    sc_stage_run(f->pool, f->cpu->matmul, &stage, f->prepared, n_rows, &next);
}

static void prepare_row(struct sc_forward *f, size_t row, const float *x, size_t n)
{
    const struct sc_matmul *matmul = f->cpu->matmul;

    matmul->prepare(f->prepared + row * matmul->row_bytes(n), x, n);
}

/* ---- stages over rows ------------------------------------------------------------------------ */

static void embed_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    const struct sc_tensor *embedding = sc_model_embedding(f->cpu->model);
    struct slice rows = slice_of(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++)
        sc_tensor_row(embedding, (size_t)f->rows[r].token, f->x + r * f->cpu->config.hidden);
}

/* x (+ the branch of the block before), normed and prepared for the next products. */
static void norm_rows(struct sc_forward *f, size_t task, size_t worker, const float *gain, bool add)
{
    const struct sc_kernels *kernels = f->cpu->kernels;
    size_t hidden = f->cpu->config.hidden;
    float *normed = normed_row(f, worker);
    struct slice rows = slice_of(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *x = f->x + r * hidden;

        if (add)
            kernels->add(x, f->branch + r * hidden, hidden);
        kernels->rms_norm(normed, x, gain, hidden, f->cpu->config.rms_eps);
        prepare_row(f, r, normed, hidden);
    }
}

static void input_norm_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;

    norm_rows(f, task, worker, f->cpu->layers[f->layer].input_norm, f->layer > 0);
}

static void ffn_norm_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;

    norm_rows(f, task, worker, f->cpu->layers[f->layer].ffn_norm, true);
}

/* The rows that want logits: the last branch added, normed, prepared side by side. */
static void final_norm_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_cpu *e = f->cpu;
    size_t hidden = e->config.hidden;
    float *normed = normed_row(f, worker);
    struct slice wanted = slice_of(f, f->n_logit_rows, task);
    for (size_t i = wanted.begin; i < wanted.end; i++) {
        size_t r = f->logit_rows[i];
        float *x = f->x + r * hidden;

        e->kernels->add(x, f->branch + r * hidden, hidden);
        e->kernels->rms_norm(normed, x, e->final_norm, hidden, e->config.rms_eps);
        prepare_row(f, i, normed, hidden);
    }
}

/* Where the keys or values of a row's own position go. */
static unsigned char *row_store(const struct sc_forward *f, const struct sc_row *row,
                                enum sc_kv_kind kind, size_t head)
{
    const struct sc_cpu *e = f->cpu;
    size_t position_bytes = e->config.head_dim * e->attention->element_bytes;
    if (row->place != SC_NO_PLACE)
        return f->places + row->place * f->place_bytes +
               sc_kv_offset(e, f->sizes.max_new, f->layer, kind, head) +
               (row->position - row->prompt->n) * position_bytes;
    uint32_t page = row->prompt->pages[row->position / SC_PAGE_POSITIONS];
    return f->pages + page * f->page_bytes +
           sc_kv_offset(e, SC_PAGE_POSITIONS, f->layer, kind, head) +
           row->position % SC_PAGE_POSITIONS * position_bytes;
}

/* A row's part of the store is memory that nothing has read before, in as many lines as there are
 * heads; stores wait for one after the other, unless all were asked for. */
static void ask_for_store(const struct sc_forward *f, size_t r)
{
    const struct sc_cpu *e = f->cpu;
    size_t bytes = e->config.head_dim * e->attention->element_bytes;

    for (size_t h = 0; h < e->config.n_kv_heads; h++) {
        const unsigned char *keys = row_store(f, &f->rows[r], SC_KV_KEYS, h);
        const unsigned char *values = row_store(f, &f->rows[r], SC_KV_VALUES, h);

        for (size_t i = 0; i < bytes; i += 64) {
            __builtin_prefetch(keys + i, 1);
            __builtin_prefetch(values + i, 1);
        }
    }
}

/* Norms and rotates a row's keys head by head; keys and values go into their store. */
static void store_keys(const struct sc_forward *f, size_t r)
{
    const struct sc_cpu *e = f->cpu;
    size_t d = e->config.head_dim, n_kv = e->config.n_kv_heads;
    size_t angles = f->rows[r].position * (d / 2);

    for (size_t h = 0; h < n_kv; h++) {
        float *k = f->k + (r * n_kv + h) * d;

        e->kernels->rms_norm(k, k, e->layers[f->layer].k_norm, d, e->config.rms_eps);
        e->kernels->rope(k, f->cosines + angles, f->sines + angles, d);
        e->attention->store(row_store(f, &f->rows[r], SC_KV_KEYS, h), k, d);
        e->attention->store(row_store(f, &f->rows[r], SC_KV_VALUES, h), f->v + (r * n_kv + h) * d,
                            d);
    }
}

/* Norms and rotates a row's queries, which go side by side per kv head. */
static void turn_queries(const struct sc_forward *f, size_t r)
{
    const struct sc_cpu *e = f->cpu;
    size_t d = e->config.head_dim, per_kv = sc_heads_per_kv(&e->config);
    size_t angles = f->rows[r].position * (d / 2);

    for (size_t i = 0; i < e->config.n_heads; i++) {
        size_t h = i / per_kv, g = i % per_kv;
        float *q = f->queries + ((h * f->n_rows + r) * per_kv + g) * d;

        e->kernels->rms_norm(q, f->q + (r * e->config.n_heads + i) * d, e->layers[f->layer].q_norm,
                             d, e->config.rms_eps);
        e->kernels->rope(q, f->cosines + angles, f->sines + angles, d);
    }
}

static void heads_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    struct slice rows = slice_of(f, f->n_rows, task);
    ask_for_store(f, rows.begin);
    for (size_t r = rows.begin; r < rows.end; r++) {
        turn_queries(f, r);
        store_keys(f, r);
        if (r + 1 < rows.end)
            ask_for_store(f, r + 1);
    }
}

static void keys_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    struct slice rows = slice_of(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        ask_for_store(f, r);
        store_keys(f, r);
    }
}

static void queries_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    struct slice rows = slice_of(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++)
        turn_queries(f, r);
}

static void attended_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    size_t width = f->cpu->config.n_heads * f->cpu->config.head_dim;
    struct slice rows = slice_of(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++)
        prepare_row(f, r, f->q + r * width, width);
}

static void gated_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    size_t ffn = f->cpu->config.ffn;
    struct slice rows = slice_of(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *gate = f->gate + r * ffn;

        f->cpu->kernels->silu_mul(gate, gate, f->up + r * ffn, ffn);
        prepare_row(f, r, gate, ffn);
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

/* What a layer computes before attention: keys and values in their store, queries. */
static void project(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->cpu->config;

    multiply(f, f->n_rows, heads_stage(f, f->layer), output_stage(f, f->layer));
    run_slices(f, f->n_rows, (c->n_heads + 2 * c->n_kv_heads) * c->head_dim, heads_task);
}

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

/* The same in the last layer: rows that want no logits leave it their keys and values. */
static void project_last(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->cpu->config;

    multiply(f, f->n_rows, keys_stage(f, f->layer), queries_stage(f, f->layer));
    run_slices(f, f->n_rows, 2 * c->n_kv_heads * c->head_dim, keys_task);
    keep_logit_rows(f);
    if (f->n_rows == 0)
        return;
    multiply(f, f->n_rows, queries_stage(f, f->layer), output_stage(f, f->layer));
    run_slices(f, f->n_rows, c->n_heads * c->head_dim, queries_task);
}

static void run_layer(struct sc_forward *f)
{
    const struct sc_cpu *e = f->cpu;
    const struct sc_model_config *c = &e->config;

    run_slices(f, f->n_rows, c->hidden, input_norm_task);
    if (f->layer + 1 == c->n_layers && f->n_logit_rows < f->n_rows)
        project_last(f);
    else
        project(f);
    if (f->n_rows == 0)
        return;
    sc_attention_run(f);
    run_slices(f, f->n_rows, c->n_heads * c->head_dim, attended_task);
    multiply(f, f->n_rows, output_stage(f, f->layer), gate_stage(f, f->layer));
    run_slices(f, f->n_rows, c->hidden, ffn_norm_task);
    multiply(f, f->n_rows, gate_stage(f, f->layer), down_stage(f, f->layer));
    run_slices(f, f->n_rows, c->ffn, gated_task);
    multiply(f, f->n_rows, down_stage(f, f->layer),
             f->layer + 1 < c->n_layers ? heads_stage(f, f->layer + 1) : output_matrix_stage(f));
}

void sc_forward_run(struct sc_forward *f, const struct sc_row *rows, size_t n_rows)
{
    const struct sc_model_config *c = &f->cpu->config;
    double start = sc_seconds();
    assert(n_rows <= f->sizes.max_rows);
    f->rows = rows;
    f->n_rows = n_rows;
    f->n_logit_rows = 0;
    for (size_t r = 0; r < n_rows; r++)
        if (rows[r].wants_logits)
            f->logit_rows[f->n_logit_rows++] = r;
    sc_attention_group(f);
    run_slices(f, n_rows, c->hidden, embed_task);
    for (f->layer = 0; f->layer < c->n_layers; f->layer++)
        run_layer(f);
    double middle = sc_seconds();
    if (f->n_logit_rows) {
        run_slices(f, f->n_logit_rows, c->hidden, final_norm_task);
        multiply(f, f->n_logit_rows, output_matrix_stage(f), heads_stage(f, 0));
    }
    f->seconds_layers = middle - start;
    f->seconds_output = sc_seconds() - middle;
}

const float *sc_forward_logits(const struct sc_forward *f, size_t handle)
{
    size_t n_rows = f->sizes.max_logit_rows, n_vocab = f->cpu->n_vocab;
    assert(handle < n_rows + f->sizes.n_kept);
    return handle < n_rows ? f->logits + handle * n_vocab : f->stored + (handle - n_rows) * n_vocab;
}
