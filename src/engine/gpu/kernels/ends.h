/*
 * Rows of logits: figures, weights and the likeliest tokens (arguments in ends_arguments.h).
 *
 * The logits are read once: a block (piece, view) keeps 16 of them a thread in registers and leaves
 * three sums and the piece's likeliest; a block a view joins the pieces in ascending order.  At 512
 * rows of 151,936 that is 311 MB and some 2.6 billion instructions of threads, against a few MB of
 * what pieces leave.  Sums are f32 over a thread's 16 and double from there on.  The largest logits
 * are counted, not summed, so that what is beside a 1 keeps all its digits: a log of sums errs by
 * 3e-7 of itself at most.
 *
 * The k likeliest of a piece: at least k threads have a logit that reaches the k-th of the threads'
 * largest, so all that reach it are a few more than k.  Where they are too many for the room, as
 * with many equal ones, exactly k are found by halving.  Next: ends_lists.h.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ENDS_H
#define SC_ENGINE_GPU_KERNELS_ENDS_H

#include <assert.h>
#include <stdalign.h>

#include "engine/gpu/kernels/ends_arguments.h"
#include "engine/gpu/kernels/threads.h"

enum {
    GPU_ENDS_EACH = SC_GPU_ENDS_PIECE / SC_GPU_ENDS_THREADS, /* logits of a thread */
    GPU_ENDS_WARPS = SC_GPU_ENDS_THREADS / GPU_WARP,
    GPU_ENDS_CHOICE = 1024 /* keys that a view's list is chosen from, most often */
};
#define GPU_NO_LOGIT gpu_float_of(0xff800000u)    /* -infinity */
#define GPU_LEAST_LOGIT gpu_float_of(0xff7fffffu) /* of floats */
#define GPU_NOT_A_NUMBER gpu_float_of(0x7fc00000u)

struct gpu_ends_four {
    alignas(16) float z[4];
};

/* Larger for larger logits; -0 is 0; 0 is no number's. */
GPU_DEVICE uint32_t gpu_order_of(float z)
{
    const uint32_t bits = gpu_bits_of(z + 0.0f);
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

GPU_DEVICE uint64_t gpu_key_of(float z, uint32_t id)
{
    return (uint64_t)~gpu_order_of(z) << 32 | id;
}

GPU_DEVICE float gpu_logit_of_order(uint32_t order)
{
    return gpu_float_of(order >> 31 != 0 ? order & 0x7fffffffu : ~order);
}

GPU_DEVICE float gpu_logit_of_key(uint64_t key)
{
    return gpu_logit_of_order(~(uint32_t)(key >> 32));
}

GPU_DEVICE float gpu_penalised(float z, float by)
{
    return z < 0 ? z * by : z / by;
}

GPU_DEVICE float gpu_view_logit(const struct sc_gpu_view *v, uint32_t id)
{
    const float z = v->z[id];
    const bool seen = v->penalised != NULL && (v->penalised[id / 32] >> id % 32 & 1) != 0;
    return seen ? gpu_penalised(z, v->penalty) : z;
}

/* Four neighbouring logits from a multiple of 4 on; GPU_NO_LOGIT past n. */
GPU_DEVICE struct gpu_ends_four gpu_view_four(const struct sc_gpu_view *v, uint32_t id, uint32_t n)
{
    struct gpu_ends_four four = {{0, 0, 0, 0}};
    if (id < n)
        four = *(const struct gpu_ends_four *)(const void *)(v->z + id);
    GPU_UNROLL for (uint32_t c = 0; c < 4; c++) four.z[c] = id + c < n ? four.z[c] : GPU_NO_LOGIT;
    if (id < n && v->penalised != NULL) {
        const uint32_t seen = v->penalised[id / 32] >> id % 32;
        GPU_UNROLL for (uint32_t c = 0; c < 4; c++) if ((seen >> c & 1) != 0 && id + c < n)
            four.z[c] = gpu_penalised(four.z[c], v->penalty);
    }
    return four;
}

GPU_DEVICE uint32_t gpu_warp_sum_u(uint32_t n)
{
    for (unsigned d = GPU_WARP / 2; d > 0; d /= 2)
        n += gpu_swap_u(n, d);
    return n;
}

/* The sum over a block of SC_GPU_ENDS_THREADS; scratch [GPU_ENDS_WARPS] is free again after it. */
GPU_DEVICE uint32_t gpu_block_sum_u(uint32_t n, uint32_t *scratch)
{
    n = gpu_warp_sum_u(n);
    if (gpu_lane() == 0)
        scratch[gpu_warp()] = n;
    gpu_barrier();
    uint32_t sum = 0;
    for (uint32_t w = 0; w < GPU_ENDS_WARPS; w++)
        sum += scratch[w];
    gpu_barrier();
    return sum;
}

/* What at least k > 0 of the block's threads reach with their best, and not many more: their k-th,
 * with its last 12 bits 0; 0 where fewer have one.  scratch [SC_GPU_ENDS_THREADS + 1]. */
GPU_DEVICE uint32_t gpu_reached_by(uint32_t best, uint32_t k, uint32_t *scratch)
{
    scratch[gpu_thread()] = best;
    gpu_barrier();
    if (gpu_warp() == 0) {
        uint32_t own[GPU_ENDS_WARPS], reached = 0;
        GPU_UNROLL for (uint32_t i = 0; i < GPU_ENDS_WARPS; i++) own[i] =
            scratch[gpu_lane() + i * GPU_WARP];
        for (uint32_t bit = 0x80000000u; bit >= 0x1000u; bit >>= 1) {
            uint32_t n = 0;
            GPU_UNROLL for (uint32_t i = 0; i < GPU_ENDS_WARPS; i++) n +=
                own[i] >= (reached | bit) ? 1 : 0;
            if (gpu_warp_sum_u(n) >= k)
                reached |= bit;
        }
        if (gpu_lane() == 0)
            scratch[SC_GPU_ENDS_THREADS] = reached;
    }
    gpu_barrier();
    return scratch[SC_GPU_ENDS_THREADS];
}

/* ---- contexts -------------------------------------------------------------------------------- */

GPU_KERNEL(ends_mark, struct sc_gpu_ends_mark, SC_GPU_ENDS_THREADS)
{
    const struct sc_gpu_ends_context c = a.contexts[gpu_block_x()];
    uint32_t *bits = a.bits + (size_t)c.bits * a.n_words;
    for (uint32_t i = gpu_thread(); c.is_the_first != 0 && i < a.n_words; i += gpu_threads())
        bits[i] = 0;
    gpu_barrier();
    for (uint32_t i = gpu_thread(); i < c.n; i += gpu_threads()) {
        const int32_t id = a.ids[c.begin + i];
        if (id >= 0 && (uint32_t)id < a.n_vocab)
            gpu_or_u(&bits[(uint32_t)id / 32], 1u << (uint32_t)id % 32);
    }
}

/* ---- pieces ---------------------------------------------------------------------------------- */

struct gpu_ends_piece_shared {
    double sums[3][GPU_ENDS_WARPS];
    float highest[GPU_ENDS_WARPS];
    uint32_t counts[GPU_ENDS_WARPS], n_keys;
    uint32_t best[SC_GPU_ENDS_THREADS + 1];
};
static_assert(sizeof(struct gpu_ends_piece_shared) <= SC_GPU_ENDS_PIECES_BYTES, "shared memory");

/* A thread's logits: 4 neighbours, four times. */
struct gpu_ends_logits {
    float z[GPU_ENDS_EACH];
    uint32_t begin; /* of the piece */
};

GPU_DEVICE uint32_t gpu_ends_place(uint32_t i) /* in the piece, of the thread's i-th */
{
    return i / 4 * (4 * SC_GPU_ENDS_THREADS) + 4 * gpu_thread() + i % 4;
}

/* exp(d / temperature) for d < 0, whatever the temperature. */
GPU_DEVICE float gpu_ends_weight(const struct sc_gpu_view *v, float d)
{
    const float scaled = d * v->inverse;
    return scaled > -200.0f ? gpu_exp(gpu_fma(d, v->inverse, d * v->inverse_rest)) : 0.0f;
}

/* Sums into those of each warp: of exp(z - max) and (z - max) exp(z - max); n_largest: how many
 * logits are the maximum, which stand for themselves. */
GPU_DEVICE void gpu_ends_sum(const float *z, float max, float n_largest,
                             struct gpu_ends_piece_shared *s)
{
    float exp[4], z_exp[4];
    GPU_UNROLL for (uint32_t j = 0; j < 4; j++)
    {
        float e[4], x[4];
        GPU_UNROLL for (uint32_t c = 0; c < 4; c++)
        {
            const float d = z[4 * j + c] - max;
            e[c] = d == 0 ? 0.0f : gpu_exp(d);
            x[c] = e[c] > 0 ? d * e[c] : 0.0f;
        }
        exp[j] = (e[0] + e[1]) + (e[2] + e[3]);
        z_exp[j] = (x[0] + x[1]) + (x[2] + x[3]);
    }
    const double sum =
        gpu_warp_sum_d((double)n_largest + (double)((exp[0] + exp[1]) + (exp[2] + exp[3])));
    const double z_sum = gpu_warp_sum_d((double)((z_exp[0] + z_exp[1]) + (z_exp[2] + z_exp[3])));
    if (gpu_lane() == 0) {
        s->sums[0][gpu_warp()] = sum;
        s->sums[1][gpu_warp()] = z_sum;
    }
}

/* The same of exp((z - max) / temperature). */
GPU_DEVICE void gpu_ends_weigh(const struct sc_gpu_view *v, const float *z, float max,
                               float n_largest, struct gpu_ends_piece_shared *s)
{
    float weights[4];
    GPU_UNROLL for (uint32_t j = 0; j < 4; j++)
    {
        float w[4];
        GPU_UNROLL for (uint32_t c = 0; c < 4; c++)
        {
            const float d = z[4 * j + c] - max;
            w[c] = d == 0 ? 0.0f : gpu_ends_weight(v, d);
        }
        weights[j] = (w[0] + w[1]) + (w[2] + w[3]);
    }
    const double sum = gpu_warp_sum_d(
        (double)n_largest + (double)((weights[0] + weights[1]) + (weights[2] + weights[3])));
    if (gpu_lane() == 0)
        s->sums[2][gpu_warp()] = sum;
}

/* Leaves exactly k keys where more reach the bound than there is room for: those whose order and
 * place are at most the least number that k of them reach. */
GPU_DEVICE void gpu_ends_halve(const struct gpu_ends_logits *l, uint32_t k, uint64_t *keys,
                               struct gpu_ends_piece_shared *s)
{
    uint64_t most = 0;
    for (int bit = 43; bit >= 0; bit--) {
        const uint64_t tried = most | (((uint64_t)1 << bit) - 1);
        uint32_t n = 0;
        for (uint32_t i = 0; i < GPU_ENDS_EACH; i++) {
            const uint64_t own = (uint64_t)~gpu_order_of(l->z[i]) << 12 | gpu_ends_place(i);
            n += l->z[i] > GPU_NO_LOGIT && own <= tried ? 1 : 0;
        }
        if (gpu_block_sum_u(n, s->counts) < k)
            most |= (uint64_t)1 << bit;
    }
    if (gpu_thread() == 0)
        s->n_keys = 0;
    gpu_barrier();
    for (uint32_t i = 0; i < GPU_ENDS_EACH; i++) {
        const uint64_t own = (uint64_t)~gpu_order_of(l->z[i]) << 12 | gpu_ends_place(i);
        if (l->z[i] > GPU_NO_LOGIT && own <= most)
            keys[gpu_add_u(&s->n_keys, 1)] = gpu_key_of(l->z[i], l->begin + gpu_ends_place(i));
    }
    gpu_barrier();
}

/* The piece's likeliest into `keys`; how many. */
GPU_DEVICE uint32_t gpu_ends_choose(const struct sc_gpu_view *v, const struct gpu_ends_logits *l,
                                    uint64_t *keys, struct gpu_ends_piece_shared *s)
{
    float best = GPU_NO_LOGIT;
    GPU_UNROLL for (uint32_t i = 0; i < GPU_ENDS_EACH; i++) best = gpu_max(best, l->z[i]);
    const uint32_t reached =
        gpu_reached_by(best > GPU_NO_LOGIT ? gpu_order_of(best) : 0, v->n_best, s->best);
    const float bound = reached == 0 ? GPU_LEAST_LOGIT : gpu_logit_of_order(reached);
    GPU_UNROLL for (uint32_t i = 0; i < GPU_ENDS_EACH; i++) if (l->z[i] >= bound)
    {
        const uint32_t at = gpu_add_u(&s->n_keys, 1);
        if (at < v->room)
            keys[at] = gpu_key_of(l->z[i], l->begin + gpu_ends_place(i));
    }
    gpu_barrier();
    if (s->n_keys > v->room) {
        gpu_barrier();
        gpu_ends_halve(l, v->n_best, keys, s);
    }
    return s->n_keys;
}

GPU_KERNEL(ends_pieces, struct sc_gpu_ends_pieces, SC_GPU_ENDS_THREADS)
{
    struct gpu_ends_piece_shared *s = (struct gpu_ends_piece_shared *)gpu_shared();
    const struct sc_gpu_view *v = &a.room.views[gpu_block_y()];
    struct gpu_ends_logits l;
    float highest = GPU_NO_LOGIT, lowest = -GPU_NO_LOGIT;
    l.begin = gpu_block_x() * SC_GPU_ENDS_PIECE;
    GPU_UNROLL for (uint32_t j = 0; j < 4; j++)
    {
        const uint32_t id = l.begin + gpu_ends_place(4 * j);
        const struct gpu_ends_four four = gpu_view_four(v, id, a.room.n_vocab);
        GPU_UNROLL for (uint32_t c = 0; c < 4; c++)
        {
            l.z[4 * j + c] = four.z[c];
            highest = gpu_max(highest, four.z[c]);
            lowest = id + c < a.room.n_vocab ? gpu_min(lowest, four.z[c]) : lowest;
        }
    }
    highest = gpu_warp_max(highest);
    if (gpu_lane() == 0)
        s->highest[gpu_warp()] = highest;
    if (gpu_thread() == 0)
        s->n_keys = 0;
    gpu_barrier();
    for (uint32_t w = 0; w < GPU_ENDS_WARPS; w++)
        highest = gpu_max(highest, s->highest[w]);
    float n_largest = 0;
    GPU_UNROLL for (uint32_t i = 0; i < GPU_ENDS_EACH; i++) n_largest +=
        l.z[i] == highest ? 1.0f : 0.0f;
    /* NaN and +infinity make a NaN of the sum by themselves. */
    gpu_ends_sum(l.z, lowest > GPU_NO_LOGIT ? highest : GPU_NOT_A_NUMBER, n_largest, s);
    if (v->weigh != 0)
        gpu_ends_weigh(v, l.z, highest, n_largest, s);
    uint64_t *keys = a.room.keys + v->keys_at + (size_t)gpu_block_x() * v->room;
    const uint32_t n_keys = v->n_best > 0 ? gpu_ends_choose(v, &l, keys, s) : 0;
    gpu_barrier();
    if (gpu_thread() != 0)
        return;
    double sums[3] = {0, 0, 0};
    for (uint32_t i = 0; i < (v->weigh != 0 ? 3u : 2u); i++)
        for (uint32_t w = 0; w < GPU_ENDS_WARPS; w++)
            sums[i] += s->sums[i][w];
    struct sc_gpu_ends_sums out;
    out.exp = sums[0];
    out.z_exp = sums[1];
    out.weights = sums[2];
    out.max = highest;
    out.n_keys = n_keys;
    a.room.sums[(size_t)gpu_block_y() * a.room.n_pieces + gpu_block_x()] = out;
}

/* ---- views ----------------------------------------------------------------------------------- */

struct gpu_ends_view_shared {
    uint64_t chosen[GPU_ENDS_CHOICE];
    double scratch[GPU_ENDS_WARPS];
    float highest[GPU_ENDS_WARPS];
    uint32_t counts[GPU_ENDS_WARPS], n_chosen, ok;
    uint32_t best[SC_GPU_ENDS_THREADS + 1];
};
static_assert(sizeof(struct gpu_ends_view_shared) <= SC_GPU_ENDS_VIEWS_BYTES, "shared memory");

/* The keys that a view's pieces left. */
struct gpu_ends_keys {
    const uint64_t *keys;
    const struct sc_gpu_ends_sums *pieces;
    uint32_t n_pieces, room;
};

GPU_DEVICE uint64_t gpu_ends_best_key(const struct gpu_ends_keys *k)
{
    uint64_t best = ~(uint64_t)0;
    for (uint32_t p = gpu_warp(); p < k->n_pieces; p += GPU_ENDS_WARPS)
        for (uint32_t i = gpu_lane(); i < k->pieces[p].n_keys; i += GPU_WARP) {
            const uint64_t key = k->keys[(size_t)p * k->room + i];
            best = key < best ? key : best;
        }
    return best;
}

/* Puts the keys up to `most` into s->chosen, as far as there is room; how many the thread has. */
GPU_DEVICE uint32_t gpu_ends_take_keys(const struct gpu_ends_keys *k, uint64_t most, uint32_t room,
                                       struct gpu_ends_view_shared *s)
{
    uint32_t n = 0;
    for (uint32_t p = gpu_warp(); p < k->n_pieces; p += GPU_ENDS_WARPS)
        for (uint32_t i = gpu_lane(); i < k->pieces[p].n_keys; i += GPU_WARP) {
            const uint64_t key = k->keys[(size_t)p * k->room + i];
            if (key > most)
                continue;
            n++;
            const uint32_t at = room > 0 ? gpu_add_u(&s->n_chosen, 1) : 0;
            if (at < room)
                s->chosen[at] = key;
        }
    return n;
}

/* The view's likeliest, sorted; how many. */
GPU_DEVICE uint32_t gpu_ends_list(const struct sc_gpu_view *v, const struct gpu_ends_keys *k,
                                  uint64_t *out, struct gpu_ends_view_shared *s)
{
    const uint64_t best = gpu_ends_best_key(k);
    const uint32_t reached = gpu_reached_by(~(uint32_t)(best >> 32), v->n_best, s->best);
    gpu_ends_take_keys(k, (uint64_t)~reached << 32 | 0xffffffffu, GPU_ENDS_CHOICE, s);
    gpu_barrier();
    if (s->n_chosen > GPU_ENDS_CHOICE) {
        uint64_t most = 0;
        for (int bit = 63; bit >= 0; bit--) {
            const uint64_t tried = most | (((uint64_t)1 << bit) - 1);
            if (gpu_block_sum_u(gpu_ends_take_keys(k, tried, 0, s), s->counts) < v->n_best)
                most |= (uint64_t)1 << bit;
        }
        if (gpu_thread() == 0)
            s->n_chosen = 0;
        gpu_barrier();
        gpu_ends_take_keys(k, most, GPU_ENDS_CHOICE, s);
        gpu_barrier();
    }
    const uint32_t n = s->n_chosen;
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads()) {
        uint32_t rank = 0;
        for (uint32_t j = 0; j < n; j++)
            rank += s->chosen[j] < s->chosen[i] ? 1 : 0;
        if (rank < v->n_best)
            out[rank] = s->chosen[i];
    }
    return n < v->n_best ? n : v->n_best;
}

GPU_DEVICE bool gpu_is_finite_d(double x)
{
    return x - x == 0;
}

/* The figures of a view from the rebased sums of its pieces, by one thread. */
GPU_DEVICE struct sc_gpu_ends_figures gpu_ends_join(const double *exp, const double *z_exp,
                                                    const double *weights, uint32_t n, float max)
{
    struct sc_gpu_ends_figures f;
    double sums[3] = {0, 0, 0};
    for (uint32_t p = 0; p < n; p++) {
        sums[0] += exp[p];
        sums[1] += z_exp[p];
        sums[2] += weights[p];
    }
    f.max = max;
    f.ok = gpu_is_finite_d((double)max) && gpu_is_finite_d(sums[0]) ? 1 : 0;
    f.log_sum = f.ok != 0 ? gpu_log_d(sums[0]) : 0;
    f.entropy = f.ok != 0 ? f.log_sum - sums[1] / sums[0] : 0;
    f.entropy = f.entropy < 0 ? 0 : f.entropy;
    f.total = sums[2];
    f.n_listed = 0;
    return f;
}

/* Shared memory: the struct, then two doubles a piece. */
GPU_KERNEL(ends_views, struct sc_gpu_ends_views, SC_GPU_ENDS_THREADS)
{
    struct gpu_ends_view_shared *s = (struct gpu_ends_view_shared *)gpu_shared();
    double *exp = (double *)(void *)(s + 1), *z_exp = exp + a.room.n_pieces;
    const uint32_t at = gpu_block_x(), n = a.room.n_pieces;
    const struct sc_gpu_view v = a.room.views[at];
    const struct sc_gpu_ends_sums *pieces = a.room.sums + (size_t)at * n;
    double *weights = a.room.weights + (size_t)at * n;
    float max = GPU_NO_LOGIT;
    for (uint32_t p = gpu_thread(); p < n; p += gpu_threads())
        max = gpu_max(max, pieces[p].max);
    max = gpu_warp_max(max);
    if (gpu_lane() == 0)
        s->highest[gpu_warp()] = max;
    if (gpu_thread() == 0)
        s->n_chosen = 0;
    gpu_barrier();
    for (uint32_t w = 0; w < GPU_ENDS_WARPS; w++)
        max = gpu_max(max, s->highest[w]);
    /* With d = from - to <= 0: sum exp(z - to) = e^d sum exp(z - from), and
     * sum (z - to) exp(z - to) = e^d (sum (z - from) exp(z - from) + d sum exp(z - from)). */
    for (uint32_t p = gpu_thread(); p < n; p += gpu_threads()) {
        const double d = (double)pieces[p].max - (double)max, e = gpu_exp_d(d);
        exp[p] = e * pieces[p].exp;
        z_exp[p] = e > 0 ? e * (pieces[p].z_exp + d * pieces[p].exp) : 0;
        weights[p] = v.weigh == 0 ? 0
                     : d == 0     ? pieces[p].weights
                                  : pieces[p].weights * gpu_exp_d(d / v.temperature);
    }
    gpu_barrier();
    if (gpu_thread() == 0) {
        struct sc_gpu_ends_figures f = gpu_ends_join(exp, z_exp, weights, n, max);
        s->ok = f.ok;
        a.room.figures[at] = f;
    }
    gpu_barrier();
    if (s->ok == 0 || v.n_best == 0)
        return;
    struct gpu_ends_keys k;
    k.keys = a.room.keys + v.keys_at;
    k.pieces = pieces;
    k.n_pieces = n;
    k.room = v.room;
    const uint32_t n_listed =
        gpu_ends_list(&v, &k, a.room.lists + (size_t)at * SC_GPU_ENDS_LIST, s);
    if (gpu_thread() == 0)
        a.room.figures[at].n_listed = n_listed;
}

#endif
