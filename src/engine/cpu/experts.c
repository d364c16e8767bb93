/*
 * Mixtures of experts: see experts.h.
 *
 * A decoded row takes few experts, and rows of one step mostly different ones, so nearly all time
 * goes into reading weights: each expert that is taken by any row is read once, by whatever
 * threads, in one loop over the panels of all of them (products.c), and by the rows that take it
 * together.  Which ones those are is known only when the router has been read, so nothing can be
 * asked for before.
 *
 * The router multiplies in f32 in every dtype: it is small, and what it decides is not continuous.
 */
#include "engine/cpu/experts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/cpu/rows.h"

static const struct sc_matmul *router_matmul(const struct sc_cpu *cpu)
{
    return &cpu->kernels->matmul[SC_DTYPE_F32];
}

void sc_experts_layout(struct sc_experts *x, const struct sc_cpu *cpu, size_t max_rows,
                       struct sc_arena *arena)
{
    const struct sc_model_config *c = &cpu->config;
    const struct sc_layer_kind *layer = &c->layer;
    *x = (struct sc_experts){0};
    if (layer->n_experts == 0)
        return;
    const size_t n_pairs = sc_size_mul(max_rows, layer->n_experts_used);
    x->router_rows = sc_arena_take(arena, max_rows, router_matmul(cpu)->row_bytes(c->hidden));
    x->scores = sc_arena_take(arena, max_rows, layer->n_experts * sizeof *x->scores);
    x->chosen = sc_arena_take(arena, n_pairs, sizeof *x->chosen);
    x->shares = sc_arena_take(arena, n_pairs, sizeof *x->shares);
    x->pair_of = sc_arena_take(arena, n_pairs, sizeof *x->pair_of);
    x->begin = sc_arena_take(arena, layer->n_experts + 1, sizeof *x->begin);
    x->rows = sc_arena_take(arena, n_pairs, cpu->matmul->row_bytes(c->hidden));
    x->gate = sc_arena_take(arena, n_pairs, layer->expert_ffn * sizeof *x->gate);
    x->up = sc_arena_take(arena, n_pairs, layer->expert_ffn * sizeof *x->up);
    x->gated = sc_arena_take(arena, n_pairs, cpu->matmul->row_bytes(layer->expert_ffn));
    x->given = sc_arena_take(arena, n_pairs, c->hidden * sizeof *x->given);
    x->first = sc_arena_take(arena, 2 * layer->n_experts, sizeof *x->first);
    x->down = sc_arena_take(arena, layer->n_experts, sizeof *x->down);
}

/* ---- which experts --------------------------------------------------------------------------- */

/* The best n_used, best first; returns the best score, or NaN where any is. */
static double pick(const struct sc_expert_choice *choice, const float *scores, uint32_t *chosen)
{
    size_t n = 0;
    bool all_numbers = true;
    for (size_t e = 0; e < choice->n; e++) {
        all_numbers = all_numbers && !isnan(scores[e]);
        size_t at = n;
        while (at > 0 && scores[e] > scores[chosen[at - 1]])
            at--;
        if (at == choice->n_used)
            continue;
        if (n < choice->n_used)
            n++;
        memmove(chosen + at + 1, chosen + at, (n - at - 1) * sizeof *chosen);
        chosen[at] = (uint32_t)e;
    }
    return all_numbers ? (double)scores[chosen[0]] : NAN;
}

static void sort_ascending(uint32_t *chosen, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && chosen[k] < chosen[k - 1]; k--) {
            uint32_t lower = chosen[k];
            chosen[k] = chosen[k - 1];
            chosen[k - 1] = lower;
        }
}

void sc_experts_choose(const struct sc_expert_choice *choice, const float *scores, uint32_t *chosen,
                       float *shares)
{
    assert(choice->n_used > 0 && choice->n_used <= choice->n);
    const double best = pick(choice, scores, chosen);
    sort_ascending(chosen, choice->n_used);
    double sum = 0;
    for (size_t i = 0; i < (choice->among_used ? choice->n_used : choice->n); i++)
        sum += exp(scores[choice->among_used ? chosen[i] : i] - best);
    for (size_t i = 0; i < choice->n_used; i++)
        shares[i] = (float)(exp(scores[chosen[i]] - best) / sum);
}

static void choose_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    const struct sc_layer_kind *layer = &f->cpu->config.layer;
    const struct sc_expert_choice choice = {layer->n_experts, layer->n_experts_used,
                                            layer->share_among_used};
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++)
        sc_experts_choose(&choice, f->experts.scores + r * choice.n,
                          f->experts.chosen + r * choice.n_used,
                          f->experts.shares + r * choice.n_used);
}

/* Gives each pair its place: by expert, then by row. */
static void place_pairs(const struct sc_forward *f)
{
    const struct sc_experts *x = &f->experts;
    const size_t n_experts = f->cpu->config.layer.n_experts;
    const size_t n_pairs = f->n_rows * f->cpu->config.layer.n_experts_used;
    memset(x->begin, 0, (n_experts + 1) * sizeof *x->begin);
    for (size_t i = 0; i < n_pairs; i++)
        x->begin[x->chosen[i] + 1]++;
    for (size_t e = 0; e < n_experts; e++)
        x->begin[e + 1] += x->begin[e];
    for (size_t i = 0; i < n_pairs; i++)
        x->pair_of[i] = x->begin[x->chosen[i]]++;
    memmove(x->begin + 1, x->begin, n_experts * sizeof *x->begin);
    x->begin[0] = 0;
}

/* ---- what they give -------------------------------------------------------------------------- */

static void gather_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    const size_t n_used = f->cpu->config.layer.n_experts_used;
    const size_t row_bytes = f->cpu->matmul->row_bytes(f->cpu->config.hidden);
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t i = rows.begin * n_used; i < rows.end * n_used; i++)
        memcpy(f->experts.rows + f->experts.pair_of[i] * row_bytes,
               f->prepared + i / n_used * row_bytes, row_bytes);
}

static void gated_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    const struct sc_experts *x = &f->experts;
    const struct sc_matmul *matmul = f->cpu->matmul;
    const struct sc_layer_kind *layer = &f->cpu->config.layer;
    const size_t ffn = layer->expert_ffn, row_bytes = matmul->row_bytes(ffn);
    struct sc_slice pairs = sc_rows_slice(f, f->n_rows * layer->n_experts_used, task);
    for (size_t p = pairs.begin; p < pairs.end; p++) {
        float *gate = x->gate + p * ffn;
        sc_rows_gate(f, gate, x->up + p * ffn, ffn);
        matmul->prepare(x->gated + p * row_bytes, gate, ffn);
    }
}

/* Each row's sum over its experts, ascending. */
static void sum_task(void *context, size_t task, size_t worker)
{
    struct sc_forward *f = context;
    (void)worker;
    const struct sc_experts *x = &f->experts;
    const size_t n_used = f->cpu->config.layer.n_experts_used, hidden = f->cpu->config.hidden;
    struct sc_slice rows = sc_rows_slice(f, f->n_rows, task);
    for (size_t r = rows.begin; r < rows.end; r++) {
        float *restrict to = f->branch + r * hidden;
        memset(to, 0, hidden * sizeof *to);
        for (size_t i = r * n_used; i < (r + 1) * n_used; i++) {
            const float *restrict given = x->given + x->pair_of[i] * hidden;
            const float share = x->shares[i];
            for (size_t k = 0; k < hidden; k++)
                to[k] += share * given[k];
        }
    }
}

/* The products of all experts that any row takes. */
static void list_products(const struct sc_forward *f, struct sc_multiplications *first,
                          struct sc_multiplications *down)
{
    const struct sc_experts *x = &f->experts;
    const struct sc_matmul *matmul = f->cpu->matmul;
    const struct sc_model_config *c = &f->cpu->config;
    const size_t ffn = c->layer.expert_ffn, row_bytes = matmul->row_bytes(c->hidden);
    for (size_t e = 0; e < c->layer.n_experts; e++) {
        const struct sc_expert_weights *w = &f->cpu->layers[f->layer].experts[e];
        const size_t at = x->begin[e], n = x->begin[e + 1] - at;
        if (n == 0)
            continue;
        struct sc_multiplication product = {.rows = x->rows + at * row_bytes, .n_rows = n};
        product.y = x->gate + at * ffn;
        product.w = &w->gate;
        sc_multiplications_add(first, matmul, product);
        product.y = x->up + at * ffn;
        product.w = &w->up;
        sc_multiplications_add(first, matmul, product);
        product.y = x->given + at * c->hidden;
        product.w = &w->down;
        product.rows = x->gated + at * matmul->row_bytes(ffn);
        sc_multiplications_add(down, matmul, product);
    }
}

/* ---- the stage ------------------------------------------------------------------------------- */

void sc_experts_prepare(const struct sc_forward *f, size_t row, const float *normed)
{
    const struct sc_matmul *matmul = router_matmul(f->cpu);
    const size_t hidden = f->cpu->config.hidden;
    matmul->prepare(f->experts.router_rows + row * matmul->row_bytes(hidden), normed, hidden);
}

struct sc_stage sc_experts_stage(const struct sc_forward *f, size_t layer)
{
    return (struct sc_stage){{{f->experts.scores, &f->cpu->layers[layer].router}}, 1};
}

void sc_experts_run(struct sc_forward *f, const struct sc_stage *next)
{
    const struct sc_experts *x = &f->experts;
    const struct sc_model_config *c = &f->cpu->config;
    const struct sc_layer_kind *layer = &c->layer;
    const struct sc_matmul *matmul = f->cpu->matmul;
    const struct sc_stage router = sc_experts_stage(f, f->layer), none = {0};
    struct sc_multiplication after_items[SC_STAGE_MATRICES];
    struct sc_multiplications first = {.items = x->first}, down = {.items = x->down};
    struct sc_multiplications after = {.items = after_items};

    sc_stage_run(f->pool, router_matmul(f->cpu), &router, x->router_rows, f->n_rows, &none);
    sc_rows_run(f, f->n_rows, 4 * layer->n_experts, choose_task);
    place_pairs(f);
    sc_rows_run(f, f->n_rows, layer->n_experts_used * c->hidden / 4, gather_task);
    list_products(f, &first, &down);
    sc_multiplications_add_stage(&after, matmul, next, f->prepared, f->n_rows);
    sc_multiplications_run(f->pool, matmul, &first, &down);
    sc_rows_run(f, f->n_rows * layer->n_experts_used, layer->expert_ffn, gated_task);
    sc_multiplications_run(f->pool, matmul, &down, &after);
    sc_rows_run(f, f->n_rows, layer->n_experts_used * c->hidden, sum_task);
}
