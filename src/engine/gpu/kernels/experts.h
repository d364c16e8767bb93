/*
 * Mixtures of experts: which rows take which, and the sum of what they give (expert_arguments.h);
 * between them the products of product.h over the tiles that `place` lists.
 *
 * These move little: a row's scores are 4 bytes an expert, and `place` reads each pair's expert
 * twice in every block, from the second cache.  Counts are added in whole numbers, so their order
 * is of no consequence; places follow from the order of the pairs.
 */
#ifndef SC_ENGINE_GPU_KERNELS_EXPERTS_H
#define SC_ENGINE_GPU_KERNELS_EXPERTS_H

#include "engine/gpu/kernels/expert_arguments.h"
#include "engine/gpu/kernels/rows.h"
#include "engine/gpu/kernels/threads.h"

/* A number that is larger when the score is; 0: not a number. */
GPU_DEVICE uint32_t gpu_score_key(float score)
{
    if (!(score == score))
        return 0;
    const uint32_t bits = gpu_bits_of(score + 0.0f); /* one zero */
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}

GPU_DEVICE uint32_t gpu_ones(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555u;
    bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
    return ((bits + (bits >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

/* Of the experts that are not taken the one with the largest score, of equal ones the first; bit j
 * of `taken` is this lane's expert 32 j + lane. */
GPU_DEVICE uint32_t gpu_best_left(const float *scores, uint32_t n, uint32_t taken)
{
    uint32_t key = 0, best = SC_GPU_MOST_EXPERTS;
    for (uint32_t e = gpu_lane(); e < n; e += GPU_WARP) {
        const uint32_t own = gpu_score_key(scores[e]);
        if ((taken >> e / GPU_WARP & 1) == 0 && (best == SC_GPU_MOST_EXPERTS || own > key)) {
            key = own;
            best = e;
        }
    }
    for (uint32_t d = GPU_WARP / 2; d > 0; d /= 2) {
        const uint32_t other_key = gpu_swap_u(key, d), other = gpu_swap_u(best, d);
        if (other_key > key || (other_key == key && other < best)) {
            key = other_key;
            best = other;
        }
    }
    return best;
}

/* Each score's part of the softmax, in double; NaN where any score is. */
GPU_DEVICE double gpu_sum_scores(const struct sc_gpu_choose *a, const float *scores, uint32_t taken,
                                 double best)
{
    double sum = 0;
    for (uint32_t e = gpu_lane(); e < a->n_experts; e += GPU_WARP)
        if (!a->among_used || (taken >> e / GPU_WARP & 1) != 0)
            sum += gpu_exp_d((double)scores[e] - best);
    return gpu_warp_sum_d(sum);
}

GPU_KERNEL(choose, struct sc_gpu_choose, 128)
{
    const uint32_t r = gpu_block_x() * (gpu_threads() / GPU_WARP) + gpu_warp();
    if (r >= *a.n_rows)
        return;
    const float *scores = a.scores + (size_t)r * a.stride;
    uint32_t taken = 0, first = 0;
    bool is_number = true;
    for (uint32_t e = gpu_lane(); e < a.n_experts; e += GPU_WARP)
        is_number = is_number && scores[e] == scores[e];
    for (uint32_t i = 0; i < a.n_used; i++) {
        const uint32_t best = gpu_best_left(scores, a.n_experts, taken);
        if (best % GPU_WARP == gpu_lane())
            taken |= 1u << best / GPU_WARP;
        first = i == 0 ? best : first;
    }
    const bool all_numbers = gpu_ballot(!is_number) == 0;
    const double best = all_numbers ? (double)scores[first] : (double)gpu_float_of(0x7fc00000u);
    const double sum = gpu_sum_scores(&a, scores, taken, best);
    size_t at = (size_t)r * a.n_used; /* where those of this 32 go */
    for (uint32_t j = 0; j * GPU_WARP < a.n_experts; j++) {
        const bool is_taken = (taken >> j & 1) != 0;
        const uint32_t all = gpu_ballot(is_taken);
        if (is_taken) {
            const uint32_t e = j * GPU_WARP + gpu_lane();
            const size_t to = at + gpu_ones(all & ((1u << gpu_lane()) - 1));
            a.chosen[to] = e;
            a.shares[to] = (float)(gpu_exp_d((double)scores[e] - best) / sum);
        }
        at += gpu_ones(all);
    }
}

/* Gives this expert's pairs their places from `begin` on, in the order in which they stand; before
 * [warps] is shared. */
GPU_DEVICE void gpu_place_pairs(const struct sc_gpu_place *a, uint32_t begin, uint32_t *before)
{
    const uint32_t n = *a->n_rows * a->n_used, n_warps = gpu_threads() / GPU_WARP;
    for (uint32_t from = 0; from < n; from += gpu_threads()) {
        const uint32_t i = from + gpu_thread();
        const bool is_own = i < n && a->chosen[i] == gpu_block_x();
        const uint32_t all = gpu_ballot(is_own);
        if (gpu_lane() == 0)
            before[gpu_warp()] = gpu_ones(all);
        gpu_barrier();
        uint32_t place = begin + gpu_ones(all & ((1u << gpu_lane()) - 1));
        for (uint32_t w = 0; w < n_warps; w++) {
            place += w < gpu_warp() ? before[w] : 0;
            begin += before[w];
        }
        if (is_own) {
            a->pair_of[i] = place;
            a->sources[place] = i / a->n_used;
        }
        gpu_barrier();
    }
}

GPU_KERNEL(place, struct sc_gpu_place, SC_GPU_PLACE_THREADS)
{
    uint32_t *count = (uint32_t *)gpu_shared(); /* [n_experts] pairs */
    uint32_t *lower = count + a.n_experts;      /* pairs and tiles of those before this one */
    const uint32_t own = gpu_block_x(), n = *a.n_rows * a.n_used;
    for (uint32_t e = gpu_thread(); e < a.n_experts + 2; e += gpu_threads())
        count[e] = 0;
    gpu_barrier();
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads())
        gpu_add_u(&count[a.chosen[i]], 1);
    gpu_barrier();
    for (uint32_t e = gpu_thread(); e < own; e += gpu_threads()) {
        gpu_add_u(&lower[0], count[e]);
        gpu_add_u(&lower[1], (count[e] + a.tile_rows - 1) / a.tile_rows);
    }
    gpu_barrier();
    const uint32_t begin = lower[0], first = lower[1];
    const uint32_t n_tiles = (count[own] + a.tile_rows - 1) / a.tile_rows;
    for (uint32_t t = gpu_thread(); t < n_tiles; t += gpu_threads()) {
        const uint32_t done = t * a.tile_rows, left = count[own] - done;
        struct sc_gpu_tile *tile = &a.tiles[first + t];
        tile->matrix = own;
        tile->first = begin + done;
        tile->n = left < a.tile_rows ? left : a.tile_rows;
    }
    if (own == a.n_experts - 1 && gpu_thread() == 0) {
        *a.n_pairs = n;
        *a.n_tiles = first + n_tiles;
    }
    gpu_place_pairs(&a, begin, lower + 2);
}

GPU_KERNEL(sum_pairs, struct sc_gpu_sum_pairs, 512)
{
    const uint32_t r = gpu_block_x(), i = gpu_block_y() * gpu_threads() + gpu_thread();
    if (r >= *a.n_rows || 4 * i >= a.hidden)
        return;
    struct gpu_four sum;
    for (int k = 0; k < 4; k++)
        sum.v[k] = 0;
    for (size_t p = (size_t)r * a.n_used; p < (size_t)(r + 1) * a.n_used; p++) {
        const struct gpu_four given = gpu_four_at(a.given + (size_t)a.pair_of[p] * a.stride, i);
        for (int k = 0; k < 4; k++)
            sum.v[k] += a.shares[p] * given.v[k];
    }
    gpu_put_four(a.branch + (size_t)r * a.stride, i, sum);
}

#endif
