/*
 * The Qwen3 network, one step at a time; docs/INFERENCE.md draws the way of a row.
 *
 * Each stage is one parallel loop: over slices of rows where rows are independent, over panels of
 * weights in a product, over (group of rows, kv head) in attention.  Nothing here depends on who
 * runs which task: a row's figures are a function of its token, position and history.
 * Next: kv.c for where keys live, scheduler.c for who asks.
 */
#include "inference/forward.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "inference/products.h"

/* Scores of one attention task are kept within this, so that they stay in the cache. */
#define SCORE_BYTES ((size_t)1 << 20)
#define MOST_GROUP_ROWS 16

static size_t heads_per_kv(const struct sc_model_config *c)
{
    return c->n_heads / c->n_kv_heads;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t widest_row(const struct sc_engine *engine)
{
    const struct sc_model_config *c = &engine->config;

    return max_size(engine->matmul->row_bytes(c->hidden),
                    max_size(engine->matmul->row_bytes(c->n_heads * c->head_dim),
                             engine->matmul->row_bytes(c->ffn)));
}

/* Angles position * theta^(-2i / head_dim), in double and then rounded. */
static void fill_angles(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->engine->config;
    size_t half = c->head_dim / 2;

    for (size_t i = 0; i < half; i++) {
        double step = pow(c->rope_theta, -2.0 * (double)i / (double)c->head_dim);

        for (size_t position = 0; position < f->n_positions; position++) {
            f->cosines[position * half + i] = (float)cos((double)position * step);
            f->sines[position * half + i] = (float)sin((double)position * step);
        }
    }
}

void sc_forward_layout(struct sc_forward *f, const struct sc_engine *engine, size_t max_rows,
                       size_t max_logit_rows, size_t n_positions, struct sc_arena *arena)
{
    const struct sc_model_config *c = &engine->config;
    size_t q_width = c->n_heads * c->head_dim, kv_width = c->n_kv_heads * c->head_dim;
    size_t float_bytes = sizeof(float), queries_of_row = heads_per_kv(c), row_scores;
    struct sc_arena worker = {0};

    *f = (struct sc_forward){.engine = engine,
                             .max_rows = max_rows,
                             .max_logit_rows = max_logit_rows,
                             .n_positions = n_positions};
    f->score_stride = sc_size_add(n_positions, 15) & ~(size_t)15;
    row_scores = sc_size_mul(queries_of_row * float_bytes, f->score_stride);
    f->group_rows = max_size(1, SCORE_BYTES / row_scores);
    if (f->group_rows > MOST_GROUP_ROWS)
        f->group_rows = MOST_GROUP_ROWS;
    sc_arena_take(&worker, f->group_rows, row_scores);
    f->scores_bytes = worker.used;
    sc_arena_take(&worker, f->group_rows * queries_of_row * c->head_dim, float_bytes);
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
    f->prepared = sc_arena_take(arena, max_rows, widest_row(engine));
    f->logits = sc_arena_take(arena, max_logit_rows, engine->n_vocab * float_bytes);
    f->logit_rows = sc_arena_take(arena, max_logit_rows, sizeof *f->logit_rows);
    f->kept = sc_arena_take(arena, max_logit_rows, sizeof *f->kept);
    f->groups = sc_arena_take(arena, max_rows, sizeof *f->groups);
    f->worker_memory = sc_arena_take(arena, engine->n_threads, f->worker_bytes);
    if (arena->base)
        fill_angles(f);
}

/* ---- slices of rows -------------------------------------------------------------------------- */

static void run_slices(struct sc_forward *f, size_t n_rows, size_t row_work, sc_pool_task *task)
{
    f->n_slices = n_rows * row_work < SC_SMALL_WORK ? 1 : 4 * f->engine->n_threads;
    if (f->n_slices > n_rows)
        f->n_slices = n_rows;
    sc_pool_run(f->engine->pool, f->n_slices, task, f);
}

static void slice(const struct sc_forward *f, size_t n, size_t task, size_t *begin, size_t *end)
{
    *begin = n * task / f->n_slices;
    *end = n * (task + 1) / f->n_slices;
}

static float *norm_memory(const struct sc_forward *f, size_t worker)
{
    const struct sc_engine *e = f->engine;
    size_t out = f->group_rows * heads_per_kv(&e->config) * e->config.head_dim * sizeof(float);

    return (float *)(void *)(f->worker_memory + worker * f->worker_bytes + f->scores_bytes +
                             ((out + 63) & ~(size_t)63));
}

/* ---- products -------------------------------------------------------------------------------- */

static struct sc_stage heads_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->engine->layers[layer];

    return (struct sc_stage){{{f->q, &w->q}, {f->k, &w->k}, {f->v, &w->v}}, 3};
}

static struct sc_stage keys_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->engine->layers[layer];

    return (struct sc_stage){{{f->k, &w->k}, {f->v, &w->v}}, 2};
}

static struct sc_stage queries_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->q, &f->engine->layers[layer].q}}, 1};
}

static struct sc_stage output_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->branch, &f->engine->layers[layer].o}}, 1};
}

static struct sc_stage gate_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->engine->layers[layer];

    return (struct sc_stage){{{f->gate, &w->gate}, {f->up, &w->up}}, 2};
}

static struct sc_stage down_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->branch, &f->engine->layers[layer].down}}, 1};
}

static struct sc_stage head_stage(const struct sc_forward *f)
{
    return (struct sc_stage){{{f->logits, &f->engine->head}}, 1};
}

/* Multiplies the n_rows prepared rows. */
static void multiply(struct sc_forward *f, size_t n_rows, struct sc_stage stage,
                     struct sc_stage next)
{
    sc_stage_run(f->engine->pool, f->engine->matmul, &stage, f->prepared, n_rows, &next);
}

static void prepare_row(struct sc_forward *f, size_t row, const float *x, size_t n)
{
    const struct sc_matmul *matmul = f->engine->matmul;

    matmul->prepare(f->prepared + row * matmul->row_bytes(n), x, n);
}

/* ---- stages over rows ------------------------------------------------------------------------ */

static void embed_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_tensor *embedding = sc_model_embedding(f->engine->model);
    size_t begin, end;

    (void)worker;
    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++)
        sc_tensor_row(embedding, (size_t)f->rows[r].token, f->x + r * f->engine->config.hidden);
}

/* x (+ the branch of the block before), normed and prepared for the next products. */
static void norm_rows(struct sc_forward *f, size_t task, size_t worker, const float *gain, bool add)
{
    const struct sc_kernels *kernels = f->engine->kernels;
    size_t hidden = f->engine->config.hidden, begin, end;
    float *normed = norm_memory(f, worker);

    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        float *x = f->x + r * hidden;

        if (add)
            kernels->add(x, f->branch + r * hidden, hidden);
        kernels->rms_norm(normed, x, gain, hidden, f->engine->config.rms_eps);
        prepare_row(f, r, normed, hidden);
    }
}

static void input_norm_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;

    norm_rows(f, task, worker, f->engine->layers[f->layer].input_norm, f->layer > 0);
}

static void post_norm_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;

    norm_rows(f, task, worker, f->engine->layers[f->layer].post_norm, true);
}

/* The rows that want logits: the last branch added, normed, prepared side by side. */
static void final_norm_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_engine *e = f->engine;
    size_t hidden = e->config.hidden, begin, end;
    float *normed = norm_memory(f, worker);

    slice(f, f->n_logit_rows, task, &begin, &end);
    for (size_t i = begin; i < end; i++) {
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
    const struct sc_engine *e = f->engine;
    size_t n = SC_PAGE_POSITIONS, at = row->position % SC_PAGE_POSITIONS;
    unsigned char *block;

    if (row->own) {
        block = row->own;
        n = row->own_positions;
        at = row->position - row->prompt->n;
    } else {
        block = row->prompt->pages[row->position / SC_PAGE_POSITIONS];
    }
    return block + sc_kv_offset(e, n, f->layer, kind, head) +
           at * e->config.head_dim * e->attention->element_bytes;
}

/* Norms and rotates a row's keys head by head; keys and values go into their store. */
static void store_keys(const struct sc_forward *f, size_t r)
{
    const struct sc_engine *e = f->engine;
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
    const struct sc_engine *e = f->engine;
    size_t d = e->config.head_dim, per_kv = heads_per_kv(&e->config);
    size_t angles = f->rows[r].position * (d / 2);

    for (size_t i = 0; i < e->config.n_heads; i++) {
        size_t h = i / per_kv, g = i % per_kv;
        float *q = f->queries + ((h * f->n_rows + r) * per_kv + g) * d;

        e->kernels->rms_norm(q, f->q + (r * e->config.n_heads + i) * d,
                             e->layers[f->layer].q_norm, d, e->config.rms_eps);
        e->kernels->rope(q, f->cosines + angles, f->sines + angles, d);
    }
}

static void heads_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    size_t begin, end;

    (void)worker;
    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        store_keys(f, r);
        turn_queries(f, r);
    }
}

static void keys_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    size_t begin, end;

    (void)worker;
    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++)
        store_keys(f, r);
}

static void queries_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    size_t begin, end;

    (void)worker;
    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++)
        turn_queries(f, r);
}

static void attended_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    size_t width = f->engine->config.n_heads * f->engine->config.head_dim, begin, end;

    (void)worker;
    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++)
        prepare_row(f, r, f->q + r * width, width);
}

static void gated_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    size_t ffn = f->engine->config.ffn, begin, end;

    (void)worker;
    slice(f, f->n_rows, task, &begin, &end);
    for (size_t r = begin; r < end; r++) {
        float *gate = f->gate + r * ffn;

        f->engine->kernels->silu_mul(gate, gate, f->up + r * ffn, ffn);
        prepare_row(f, r, gate, ffn);
    }
}

/* ---- attention ------------------------------------------------------------------------------- */

/* Queries of one kv head with their scores and sums. */
struct queries {
    const float *q; /* [n][head_dim] */
    float *scores;  /* [n][score_stride] */
    float *out;     /* [n][head_dim] */
    size_t n;
};

/* Scores of (or mixes, when mix) the prompt's positions [from, to), page by page. */
static void over_prompt(struct sc_forward *f, const struct queries *q, size_t head,
                        const struct sc_prompt *prompt, size_t from, size_t to, bool mix,
                        struct sc_ahead next)
{
    const struct sc_engine *e = f->engine;
    size_t d = e->config.head_dim;
    size_t run =
        sc_kv_offset(e, SC_PAGE_POSITIONS, f->layer, mix ? SC_KV_VALUES : SC_KV_KEYS, head);
    float scale = (float)(1.0 / sqrt((double)d));

    for (size_t at = from; at < to;) {
        size_t in_page = at % SC_PAGE_POSITIONS, n = SC_PAGE_POSITIONS - in_page;
        const unsigned char *data =
            prompt->pages[at / SC_PAGE_POSITIONS] + run + in_page * d * e->attention->element_bytes;

        if (n > to - at)
            n = to - at;
        if (mix)
            e->attention->mix(q->out, q->scores + at, f->score_stride, q->n, data, n, d, next);
        else
            e->attention->scores(q->scores + at, f->score_stride, q->q, q->n, data, n, d, scale,
                                 next);
        next = (struct sc_ahead){0};
        at += n;
    }
}

/* A row's own keys or values, to be asked for while those of another are read: each is a short run
 * of memory, over before the processor has noticed that it is one. */
static struct sc_ahead own_of(const struct sc_forward *f, size_t head, const struct sc_row *row,
                              enum sc_kv_kind kind)
{
    size_t position_bytes = f->engine->config.head_dim * f->engine->attention->element_bytes;

    if (!row->own)
        return (struct sc_ahead){0};
    return (struct sc_ahead){row->own +
                                 sc_kv_offset(f->engine, row->own_positions, f->layer, kind, head),
                             (row->position + 1 - row->prompt->n) * position_bytes};
}

/* The part of a row's history that it does not share with its group. */
static void over_rest(struct sc_forward *f, const struct queries *q, size_t head,
                      const struct sc_row *row, size_t common, bool mix, struct sc_ahead next)
{
    const struct sc_engine *e = f->engine;
    size_t d = e->config.head_dim;
    float scale = (float)(1.0 / sqrt((double)d));
    const unsigned char *data;
    size_t n;

    if (!row->own) {
        over_prompt(f, q, head, row->prompt, common, row->position + 1, mix, next);
        return;
    }
    n = row->position + 1 - row->prompt->n;
    data = row->own +
           sc_kv_offset(e, row->own_positions, f->layer, mix ? SC_KV_VALUES : SC_KV_KEYS, head);
    if (mix)
        e->attention->mix(q->out, q->scores + common, f->score_stride, q->n, data, n, d, next);
    else
        e->attention->scores(q->scores + common, f->score_stride, q->q, q->n, data, n, d, scale,
                             next);
}

/* One kv head of one group.  Scores, softmax and sums of a row run over its positions in order, so
 * they do not show where the prompt ends and the trace's own tokens begin. */
static void attention_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    const struct sc_engine *e = f->engine;
    const struct sc_row_group *group = &f->groups[task / e->config.n_kv_heads];
    size_t head = task % e->config.n_kv_heads, per_kv = heads_per_kv(&e->config);
    size_t d = e->config.head_dim, width = e->config.n_heads * d;
    unsigned char *memory = f->worker_memory + worker * f->worker_bytes;
    const struct sc_row *rows = f->rows + group->begin;
    struct queries all = {
        .q = f->queries + (head * f->n_rows + group->begin) * per_kv * d,
        .scores = (float *)(void *)memory,
        .out = (float *)(void *)(memory + f->scores_bytes),
        .n = group->n * per_kv,
    };

    over_prompt(f, &all, head, rows[0].prompt, 0, group->common, false,
                own_of(f, head, &rows[0], SC_KV_KEYS));
    for (size_t r = 0; r < group->n; r++) {
        struct queries one = {all.q + r * per_kv * d, all.scores + r * per_kv * f->score_stride,
                              NULL, per_kv};

        bool last = r + 1 == group->n;

        over_rest(f, &one, head, &rows[r], group->common, false,
                  own_of(f, head, &rows[last ? 0 : r + 1], last ? SC_KV_VALUES : SC_KV_KEYS));
        for (size_t g = 0; g < per_kv; g++)
            e->kernels->softmax(one.scores + g * f->score_stride, rows[r].position + 1);
    }
    memset(all.out, 0, all.n * d * sizeof *all.out);
    over_prompt(f, &all, head, rows[0].prompt, 0, group->common, true, (struct sc_ahead){0});
    for (size_t r = 0; r < group->n; r++) {
        struct queries one = {NULL, all.scores + r * per_kv * f->score_stride,
                              all.out + r * per_kv * d, per_kv};

        struct sc_ahead next = {0};

        if (r + 1 < group->n)
            next = own_of(f, head, &rows[r + 1], SC_KV_VALUES);
        over_rest(f, &one, head, &rows[r], group->common, true, next);
        memcpy(f->q + (group->begin + r) * width + head * per_kv * d, one.out,
               per_kv * d * sizeof(float));
    }
}

/* Rows side by side that share a prompt: traces see all of it; rows of the prompt itself see it up
 * to the first of them, and each a little more. */
static void find_groups(struct sc_forward *f)
{
    f->n_groups = 0;
    for (size_t r = 0; r < f->n_rows;) {
        struct sc_row_group *group = &f->groups[f->n_groups++];
        const struct sc_row *first = &f->rows[r];

        *group = (struct sc_row_group){r, 1, first->own ? first->prompt->n : first->position + 1};
        for (r++; r < f->n_rows && group->n < f->group_rows; r++, group->n++)
            if (f->rows[r].prompt != first->prompt || !f->rows[r].own != !first->own)
                break;
    }
}

/* ---- the step -------------------------------------------------------------------------------- */

/* What a layer computes before attention: keys and values in their store, queries. */
static void project(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->engine->config;

    multiply(f, f->n_rows, heads_stage(f, f->layer), output_stage(f, f->layer));
    run_slices(f, f->n_rows, c->n_heads * c->head_dim, heads_task);
}

/* Leaves the rows that want logits; the others have done all that is asked of them. */
static void keep_logit_rows(struct sc_forward *f)
{
    size_t hidden = f->engine->config.hidden, row_bytes = f->engine->matmul->row_bytes(hidden);

    for (size_t i = 0; i < f->n_logit_rows; i++) {
        size_t r = f->logit_rows[i];

        f->kept[i] = f->rows[r];
        memmove(f->x + i * hidden, f->x + r * hidden, hidden * sizeof *f->x);
        memmove(f->prepared + i * row_bytes, f->prepared + r * row_bytes, row_bytes);
        f->logit_rows[i] = i;
    }
    f->rows = f->kept;
    f->n_rows = f->n_logit_rows;
    find_groups(f);
}

/* The same in the last layer: rows that want no logits leave it their keys and values. */
static void project_last(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->engine->config;

    multiply(f, f->n_rows, keys_stage(f, f->layer), queries_stage(f, f->layer));
    run_slices(f, f->n_rows, c->n_kv_heads * c->head_dim, keys_task);
    keep_logit_rows(f);
    if (f->n_rows == 0)
        return;
    multiply(f, f->n_rows, queries_stage(f, f->layer), output_stage(f, f->layer));
    run_slices(f, f->n_rows, c->n_heads * c->head_dim, queries_task);
}

static void run_layer(struct sc_forward *f)
{
    const struct sc_engine *e = f->engine;
    const struct sc_model_config *c = &e->config;

    run_slices(f, f->n_rows, c->hidden, input_norm_task);
    if (f->layer + 1 == c->n_layers && f->n_logit_rows < f->n_rows)
        project_last(f);
    else
        project(f);
    if (f->n_rows == 0)
        return;
    sc_pool_run(e->pool, f->n_groups * c->n_kv_heads, attention_task, f);
    run_slices(f, f->n_rows, c->n_heads * c->head_dim, attended_task);
    multiply(f, f->n_rows, output_stage(f, f->layer), gate_stage(f, f->layer));
    run_slices(f, f->n_rows, c->hidden, post_norm_task);
    multiply(f, f->n_rows, gate_stage(f, f->layer), down_stage(f, f->layer));
    run_slices(f, f->n_rows, 8 * c->ffn, gated_task);
    multiply(f, f->n_rows, down_stage(f, f->layer),
             f->layer + 1 < c->n_layers ? heads_stage(f, f->layer + 1) : head_stage(f));
}

void sc_forward_run(struct sc_forward *f, const struct sc_row *rows, size_t n_rows)
{
    const struct sc_model_config *c = &f->engine->config;
    double start = sc_seconds(), middle;

    f->rows = rows;
    f->n_rows = n_rows;
    f->n_logit_rows = 0;
    for (size_t r = 0; r < n_rows; r++)
        if (rows[r].wants_logits)
            f->logit_rows[f->n_logit_rows++] = r;
    find_groups(f);
    run_slices(f, n_rows, c->hidden, embed_task);
    for (f->layer = 0; f->layer < c->n_layers; f->layer++)
        run_layer(f);
    middle = sc_seconds();
    if (f->n_logit_rows) {
        run_slices(f, f->n_logit_rows, c->hidden, final_norm_task);
        multiply(f, f->n_logit_rows, head_stage(f), heads_stage(f, 0));
    }
    f->seconds_layers = middle - start;
    f->seconds_head = sc_seconds() - middle;
}

const float *sc_forward_logits(const struct sc_forward *f, size_t i)
{
    return f->logits + i * f->engine->n_vocab;
}
