/*
 * See heads.h.  A row's products of one kind (queries, keys, values) stand side by side: biases are
 * added and norms of whole rows taken there, then each head is normed, turned and put in its place.
 */
#include "engine/cpu/heads.h"

#include <string.h>

#include "engine/cpu/attention.h"
#include "engine/cpu/rope.h"
#include "engine/cpu/rows.h"

struct sc_stage sc_heads_stage(const struct sc_forward *f, size_t layer)
{
    const struct sc_layer_weights *w = &f->cpu->layers[layer];
    return (struct sc_stage){{{f->q, &w->q}, {f->k, &w->k}, {f->v, &w->v}}, 3};
}

static struct sc_stage keys_stage(const struct sc_forward *f)
{
    const struct sc_layer_weights *w = &f->cpu->layers[f->layer];
    return (struct sc_stage){{{f->k, &w->k}, {f->v, &w->v}}, 2};
}

static struct sc_stage queries_stage(const struct sc_forward *f)
{
    return (struct sc_stage){{{f->q, &f->cpu->layers[f->layer].q}}, 1};
}

/* ---- the store ------------------------------------------------------------------------------- */

/* Where the keys or values of a position go. */
static unsigned char *store_at(const struct sc_forward *f, struct sc_place place,
                               enum sc_kv_kind kind, size_t head)
{
    const struct sc_cpu *e = f->cpu;
    return f->pages + place.page * f->page_bytes +
           sc_kv_offset(e, SC_PAGE_POSITIONS, f->layer, kind, head) +
           place.at * e->config.head_dim * e->attention->element_bytes;
}

/* A row's part of the store is memory that nothing has read before, in as many lines as there are
 * heads; stores wait for one after the other, unless all were asked for. */
static void ask_for_store(const struct sc_forward *f, size_t r)
{
    const struct sc_cpu *e = f->cpu;
    size_t bytes = e->config.head_dim * e->attention->element_bytes;
    const struct sc_place place = sc_row_place(&f->rows[r]);

    for (size_t h = 0; h < e->config.n_kv_heads; h++) {
        const unsigned char *keys = store_at(f, place, SC_KV_KEYS, h);
        const unsigned char *values = store_at(f, place, SC_KV_VALUES, h);

        for (size_t i = 0; i < bytes; i += 64) {
            __builtin_prefetch(keys + i, 1);
            __builtin_prefetch(values + i, 1);
        }
    }
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* A row's heads x [n][head_dim] of one kind as the product left them: bias and, where it is over
 * the whole row, norm. */
static void finish_product(const struct sc_cpu *e, float *x, size_t n, const float *bias,
                           const float *gain)
{
    size_t width = n * e->config.head_dim;
    if (bias != NULL)
        e->kernels->add(x, bias, width);
    if (gain != NULL && e->config.layer.qk_norm == SC_QK_NORM_WHOLE)
        e->kernels->rms_norm(x, x, gain, width, e->config.rms_eps);
}

static bool norms_heads(const struct sc_cpu *e)
{
    return e->config.layer.qk_norm == SC_QK_NORM_PER_HEAD;
}

/* Keys and values go into their store. */
static void store_keys(const struct sc_forward *f, size_t r)
{
    const struct sc_cpu *e = f->cpu;
    const struct sc_layer_weights *w = &e->layers[f->layer];
    const struct sc_turn turn = sc_rope_of(f, &f->rows[r]);
    const struct sc_place place = sc_row_place(&f->rows[r]);
    size_t d = e->config.head_dim, n_kv = e->config.n_kv_heads;
    float *keys = f->k + r * n_kv * d, *values = f->v + r * n_kv * d;

    finish_product(e, keys, n_kv, w->k_bias, w->k_norm);
    finish_product(e, values, n_kv, w->v_bias, NULL);
    for (size_t h = 0; h < n_kv; h++) {
        float *k = keys + h * d;

        if (norms_heads(e))
            e->kernels->rms_norm(k, k, w->k_norm, d, e->config.rms_eps);
        e->kernels->rope(k, turn.cosines, turn.sines, turn.width);
        e->attention->store(store_at(f, place, SC_KV_KEYS, h), k, d);
        e->attention->store(store_at(f, place, SC_KV_VALUES, h), values + h * d, d);
    }
}

/* Queries go side by side per kv head. */
static void turn_queries(const struct sc_forward *f, size_t r)
{
    const struct sc_cpu *e = f->cpu;
    const struct sc_layer_weights *w = &e->layers[f->layer];
    const struct sc_turn turn = sc_rope_of(f, &f->rows[r]);
    size_t d = e->config.head_dim, per_kv = sc_heads_per_kv(&e->config);
    float *queries = f->q + r * e->config.n_heads * d;

    finish_product(e, queries, e->config.n_heads, w->q_bias, w->q_norm);
    for (size_t i = 0; i < e->config.n_heads; i++) {
        size_t h = i / per_kv, g = i % per_kv;
        float *q = f->queries + ((h * f->n_rows + r) * per_kv + g) * d;

        if (norms_heads(e))
            e->kernels->rms_norm(q, queries + i * d, w->q_norm, d, e->config.rms_eps);
        else
            memcpy(q, queries + i * d, d * sizeof *q);
        e->kernels->rope(q, turn.cosines, turn.sines, turn.width);
    }
}

static void heads_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
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
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        ask_for_store(f, r);
        store_keys(f, r);
    }
}

static void queries_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++)
        turn_queries(f, r);
}

void sc_heads_run(struct sc_forward *f, struct sc_stage next)
{
    const struct sc_model_config *c = &f->cpu->config;
    sc_rows_multiply(f, f->n_rows, sc_heads_stage(f, f->layer), next);
    sc_rows_run(f, f->n_rows, (c->n_heads + 2 * c->n_kv_heads) * c->head_dim, heads_task);
}

void sc_heads_run_keys(struct sc_forward *f)
{
    const struct sc_model_config *c = &f->cpu->config;
    sc_rows_multiply(f, f->n_rows, keys_stage(f), queries_stage(f));
    sc_rows_run(f, f->n_rows, 2 * c->n_kv_heads * c->head_dim, keys_task);
}

void sc_heads_run_queries(struct sc_forward *f, struct sc_stage next)
{
    const struct sc_model_config *c = &f->cpu->config;
    sc_rows_multiply(f, f->n_rows, queries_stage(f), next);
    sc_rows_run(f, f->n_rows, c->n_heads * c->head_dim, queries_task);
}
