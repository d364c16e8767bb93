/*
 * Mixtures of experts (engine/cpu/experts.c has their arithmetic).  Which experts the rows take is
 * known on the card alone: `place` lists tiles of pairs there, the products' blocks read the list,
 * and those past its end do nothing, so what is launched follows from the number of rows.
 *
 * A row's result is a function of the row: its products sum in the same order in every tile
 * (kernels/product.h), and what its experts give is added in their order.
 */
#include <assert.h>

#include "base/error.h"
#include "base/memory.h"
#include "engine/gpu/own_products.h"
#include "engine/gpu/products.h"
#include "engine/gpu/session.h"

struct sc_gpu_experts {
    float *scores;             /* [rows][stride of n_experts] */
    uint32_t *chosen;          /* [rows][n_used], ascending */
    float *shares;             /* [rows][n_used] */
    uint32_t *pair_of;         /* [rows][n_used] */
    uint32_t *sources;         /* [pairs] */
    struct sc_gpu_tile *tiles; /* [tiles] */
    uint32_t *counts;          /* [2]: pairs, tiles */
    float *gate_up;            /* [pairs][stride of 2 expert_ffn] */
    void *gated;               /* [pairs][stride of expert_ffn] */
    float *given;              /* [pairs][stride of hidden] */
};

enum { CHOOSE_WARPS = 4, PIECE_THREADS = 128, LEAST_TILE = 8 };

enum sc_status sc_gpu_experts_open(struct sc_gpu_session *session, struct sc_error *error)
{
    const struct sc_layer_kind *layer = &session->weights->config.layer;
    if (layer->n_experts == 0)
        return SC_OK;
    if (layer->n_experts > SC_GPU_MOST_EXPERTS)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%zu experts, at most %d on a GPU",
                       layer->n_experts, SC_GPU_MOST_EXPERTS);
    session->experts = sc_alloc_zero(1, sizeof *session->experts);
    return session->experts != NULL ? SC_OK : sc_fail_nomem(error, "experts of a session");
}

void sc_gpu_experts_close(struct sc_gpu_session *session)
{
    sc_free(session->experts);
    session->experts = NULL;
}

/* Tiles that n_pairs pairs make at most: one that is not full for each expert. */
static size_t most_tiles(size_t n_experts, size_t n_pairs, size_t tile_rows)
{
    return sc_size_add(n_experts < n_pairs ? n_experts : n_pairs, n_pairs / tile_rows);
}

void sc_gpu_experts_layout(struct sc_gpu_session *session, struct sc_gpu_arenas *arenas)
{
    const struct sc_gpu_weights *w = session->weights;
    const struct sc_layer_kind *layer = &w->config.layer;
    struct sc_gpu_experts measured, *x = session->experts != NULL ? session->experts : &measured;
    struct sc_arena *card = &arenas->card;
    if (layer->n_experts == 0)
        return;
    const size_t rows = session->max_rows, pairs = sc_size_mul(rows, layer->n_experts_used);
    x->scores = sc_arena_take(card, rows, sc_gpu_stride(layer->n_experts) * sizeof *x->scores);
    x->chosen = sc_arena_take(card, pairs, sizeof *x->chosen);
    x->shares = sc_arena_take(card, pairs, sizeof *x->shares);
    x->pair_of = sc_arena_take(card, pairs, sizeof *x->pair_of);
    x->sources = sc_arena_take(card, pairs, sizeof *x->sources);
    x->tiles =
        sc_arena_take(card, most_tiles(layer->n_experts, pairs, LEAST_TILE), sizeof *x->tiles);
    x->counts = sc_arena_take(card, 2, sizeof *x->counts);
    x->gate_up =
        sc_arena_take(card, pairs, sc_gpu_stride(2 * layer->expert_ffn) * sizeof *x->gate_up);
    x->gated = sc_arena_take(card, pairs, sc_gpu_stride(layer->expert_ffn) * (w->bf16 ? 2 : 4));
    x->given = sc_arena_take(card, pairs, sc_gpu_stride(w->config.hidden) * sizeof *x->given);
}

/* ---- a stage --------------------------------------------------------------------------------- */

/* What a stage's launches have in common. */
struct stage {
    struct sc_gpu_session *session;
    const struct sc_gpu_layer *layer;
    const struct sc_gpu_own_kernel *kernel; /* of both products */
    uint32_t n_rows, n_pairs, n_experts, n_used, n_tiles;
    const uint32_t *n_valid; /* of the card: rows that are there */
};

static enum sc_status launch(const struct stage *s, struct sc_gpu_launch launch,
                             const void *arguments, size_t bytes, struct sc_error *error)
{
    launch.arguments = arguments;
    launch.argument_bytes = bytes;
    return sc_gpu_launch(&s->session->queue, &launch, error);
}

/* Rows, by pieces of n numbers, four to a thread. */
static struct sc_gpu_launch by_pieces(enum sc_gpu_kernel kernel, uint32_t n_rows, uint32_t n)
{
    const uint32_t piece = 4 * PIECE_THREADS;
    return (struct sc_gpu_launch){
        .kernel = kernel, .blocks = {n_rows, (n + piece - 1) / piece, 1}, .threads = PIECE_THREADS};
}

static enum sc_status choose(const struct stage *s, struct sc_error *error)
{
    const struct sc_gpu_experts *x = s->session->experts;
    const struct sc_layer_kind *layer = &s->session->weights->config.layer;
    const struct sc_gpu_choose a = {x->scores,
                                    x->chosen,
                                    x->shares,
                                    s->n_valid,
                                    sc_gpu_stride(s->n_experts),
                                    s->n_experts,
                                    s->n_used,
                                    layer->share_among_used};
    const struct sc_gpu_place b = {x->chosen,     x->pair_of,     x->sources, x->tiles,
                                   &x->counts[0], &x->counts[1],  s->n_valid, s->n_experts,
                                   s->n_used,     s->kernel->rows};
    SC_TRY(launch(
        s,
        (struct sc_gpu_launch){.kernel = SC_GPU_choose,
                               .blocks = {(s->n_rows + CHOOSE_WARPS - 1) / CHOOSE_WARPS, 1, 1},
                               .threads = CHOOSE_WARPS * 32},
        &a, sizeof a, error));
    return launch(s,
                  (struct sc_gpu_launch){.kernel = SC_GPU_place,
                                         .blocks = {s->n_experts, 1, 1},
                                         .threads = SC_GPU_PLACE_THREADS,
                                         .shared_bytes = SC_GPU_PLACE_SHARED(s->n_experts)},
                  &b, sizeof b, error);
}

/* Pairs by their experts' matrices; sources NULL: x has a row a pair. */
static enum sc_status multiply(const struct stage *s, const struct sc_gpu_matrix *matrix,
                               const void *x, const uint32_t *sources, float *y,
                               struct sc_error *error)
{
    const struct sc_gpu_experts *e = s->session->experts;
    struct sc_gpu_product_run run = {
        .y = y, .x = x, .tiles = e->tiles, .n_tiles = &e->counts[1], .sources = sources};
    sc_gpu_own_prepare(&run, matrix);
    run.n_out = matrix->n_out / s->n_experts;
    run.y_stride = sc_gpu_stride(run.n_out);
    return sc_gpu_own_launch(&s->session->queue, s->kernel, &run, s->n_tiles, error);
}

static enum sc_status gate(const struct stage *s, struct sc_error *error)
{
    const struct sc_gpu_experts *x = s->session->experts;
    const struct sc_gpu_weights *w = s->session->weights;
    const uint32_t ffn = (uint32_t)w->config.layer.expert_ffn;
    const struct sc_gpu_gate a = {.gate_up = x->gate_up,
                                  .gated = {x->gated, sc_gpu_stride(ffn), w->bf16},
                                  .n_rows = &x->counts[0],
                                  .stride = sc_gpu_stride(2 * (size_t)ffn),
                                  .ffn = ffn,
                                  .gelu = w->config.layer.activation == SC_ACTIVATION_GELU_TANH};
    return launch(s, by_pieces(SC_GPU_gate, s->n_pairs, a.gated.stride), &a, sizeof a, error);
}

static enum sc_status sum(const struct stage *s, struct sc_error *error)
{
    const struct sc_gpu_experts *x = s->session->experts;
    const uint32_t hidden = (uint32_t)s->session->weights->config.hidden;
    const struct sc_gpu_sum_pairs a = {
        s->session->branch,    x->given, x->shares, x->pair_of, s->n_valid,
        sc_gpu_stride(hidden), hidden,   s->n_used,
    };
    return launch(s, by_pieces(SC_GPU_sum_pairs, s->n_rows, hidden), &a, sizeof a, error);
}

/* Tiles for as many rows as an expert has on average. */
static struct stage stage_of(struct sc_gpu_session *session, size_t layer, size_t n_rows,
                             const uint32_t *n_valid)
{
    const struct sc_gpu_weights *w = session->weights;
    const uint32_t n_experts = (uint32_t)w->config.layer.n_experts;
    const uint32_t n_used = (uint32_t)w->config.layer.n_experts_used;
    struct stage s = {.session = session,
                      .layer = &w->layers[layer],
                      .n_rows = (uint32_t)n_rows,
                      .n_pairs = (uint32_t)n_rows * n_used,
                      .n_experts = n_experts,
                      .n_used = n_used,
                      .n_valid = n_valid};
    const uint32_t n_out =
        s.layer->experts_gate_up.n_out; /* of all: their blocks are side by side */
    s.kernel = sc_gpu_own_kernel(w->bf16, n_out, (s.n_pairs + n_experts - 1) / n_experts,
                                 w->card.n_processors);
    assert(s.kernel->rows >= LEAST_TILE);
    s.n_tiles = (uint32_t)most_tiles(n_experts, s.n_pairs, s.kernel->rows);
    return s;
}

enum sc_status sc_gpu_experts_run(struct sc_gpu_session *session, size_t layer, size_t n_rows,
                                  const uint32_t *n_valid, struct sc_error *error)
{
    const struct stage s = stage_of(session, layer, n_rows, n_valid);
    const struct sc_gpu_experts *x = session->experts;
    SC_TRY(sc_gpu_multiply(&session->queue, &s.layer->router, session->routed, x->scores, n_rows,
                           error));
    SC_TRY(choose(&s, error));
    SC_TRY(
        multiply(&s, &s.layer->experts_gate_up, session->entered, x->sources, x->gate_up, error));
    SC_TRY(gate(&s, error));
    SC_TRY(multiply(&s, &s.layer->experts_down, x->gated, NULL, x->given, error));
    return sum(&s, error);
}
