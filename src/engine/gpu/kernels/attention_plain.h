/*
 * Attention without tensor cores, for f32 and for heads of any size; see attention.h.
 *
 * A lane is a position while scores are computed, and a number of the head while values are mixed.
 * Sums of up to eight queries stand in the warp's part of the block's memory, [8][head_dim], with
 * their weights of a tile behind them, [8][32].
 */
#ifndef SC_ENGINE_GPU_KERNELS_ATTENTION_PLAIN_H
#define SC_ENGINE_GPU_KERNELS_ATTENTION_PLAIN_H

#include "engine/gpu/kernels/attention.h"

GPU_DEVICE float gpu_kv_number(const struct sc_gpu_attend *a, const unsigned char *row, uint32_t i)
{
    return a->bf16 ? gpu_f32_from_bf16(((const uint16_t *)(const void *)row)[i])
                   : ((const float *)(const void *)row)[i];
}

/* Numbers i .. + 3 of a key; zeros past its end, and unless wanted. */
GPU_DEVICE void gpu_four_of_key(const struct sc_gpu_attend *a, const unsigned char *key, uint32_t i,
                                bool wanted, float x[4])
{
    if (!a->bf16 && a->head_dim % 4 == 0) {
        uint32_t bits[4];
        gpu_load16(bits, key + 4 * (size_t)i, wanted);
        GPU_UNROLL
        for (uint32_t c = 0; c < 4; c++)
            x[c] = gpu_float_of(bits[c]);
        return;
    }
    GPU_UNROLL
    for (uint32_t c = 0; c < 4; c++)
        x[c] = wanted && i + c < a->head_dim ? gpu_kv_number(a, key, i + c) : 0;
}

/* What a warp has of its task: the same in all lanes. */
struct gpu_plain {
    struct gpu_query query[SC_GPU_TASK_QUERIES];
    struct gpu_mark mark[SC_GPU_TASK_QUERIES];
    float *o; /* [8][head_dim] */
    float *w; /* [8][32] */
    uint32_t row;
};

/* s[q]: product of query q with the key at position `lane`, those that read the tile. */
GPU_DEVICE void gpu_multiply_key(const struct sc_gpu_attend *a, const struct gpu_plain *p,
                                 const struct gpu_run *run, const bool *reads, float *s)
{
    const unsigned char *key = gpu_kv_at(a, a->keys, run->place);
    const bool is_read = gpu_lane() >= run->first && gpu_lane() < run->last;
    for (uint32_t i = 0; i < a->head_dim; i += 4) {
        float k[4];
        gpu_four_of_key(a, key, i, is_read, k);
        GPU_UNROLL
        for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++) {
            const struct gpu_query *query = &p->query[q];
            const float *x = a->qkv + (size_t)(p->row + query->row) * a->qkv_stride +
                             query->head * a->head_dim + i;
            if (!reads[q])
                continue;
            GPU_UNROLL
            for (uint32_t c = 0; c < 4; c++)
                if (i + c < a->head_dim)
                    s[q] = gpu_fma(x[c], k[c], s[q]);
        }
    }
}

/* Sums with the tile's, of number i of the head and those 32 apart. */
GPU_DEVICE void gpu_mix_plain(const struct sc_gpu_attend *a, const struct gpu_plain *p,
                              const struct gpu_run *run, const bool *reads,
                              const struct gpu_shares *shares)
{
    for (uint32_t i0 = 0; i0 < a->head_dim; i0 += GPU_WARP) {
        const uint32_t i = i0 + gpu_lane();
        float o[SC_GPU_TASK_QUERIES] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (uint32_t at = run->first; at < run->last; at++) {
            const unsigned char *value = gpu_kv_at(a, a->values, gpu_from_u(run->place, at));
            const float v = i < a->head_dim ? gpu_kv_number(a, value, i) : 0;
            GPU_UNROLL
            for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++)
                if (reads[q])
                    o[q] = gpu_fma(p->w[q * GPU_WARP + at], v, o[q]);
        }
        GPU_UNROLL
        for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++) {
            float *sum = &p->o[q * a->head_dim + i];
            if (reads[q] && i < a->head_dim)
                *sum = gpu_merged(*sum, o[q], shares[q]);
        }
    }
}

GPU_DEVICE void gpu_attend_plain_tile(const struct sc_gpu_attend *a, struct gpu_plain *p,
                                      const struct gpu_run *run, uint32_t tile)
{
    const uint32_t at = tile * SC_GPU_TILE + gpu_lane();
    struct gpu_shares shares[SC_GPU_TASK_QUERIES];
    bool reads[SC_GPU_TASK_QUERIES];
    float s[SC_GPU_TASK_QUERIES];
    GPU_UNROLL
    for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++) {
        reads[q] = gpu_reads(&p->query[q], run, tile);
        s[q] = 0;
    }
    gpu_multiply_key(a, p, run, reads, s);
    GPU_UNROLL
    for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++) {
        if (!reads[q])
            continue;
        const bool sees = gpu_sees(&p->query[q], at);
        const float score = sees ? gpu_score(a, s[q]) : GPU_MINUS_INFINITY;
        struct gpu_mark mark = {gpu_warp_max(score), 0};
        const float w = sees ? gpu_exp(score - mark.m) : 0;
        mark.l = gpu_warp_sum(w);
        p->w[q * GPU_WARP + gpu_lane()] = w;
        shares[q] = gpu_merge(&p->mark[q], mark);
    }
    gpu_warp_barrier();
    gpu_mix_plain(a, p, run, reads, shares);
    gpu_warp_barrier();
}

GPU_DEVICE void gpu_attend_plain_end(const struct sc_gpu_attend *a, const struct gpu_plain *p,
                                     const struct sc_gpu_attention_task *task)
{
    GPU_UNROLL
    for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++) {
        const struct gpu_query query = p->query[q];
        const float *o = p->o + q * a->head_dim;
        const uint32_t row = p->row + query.row;
        if (!gpu_ends(a, &query, task))
            continue;
        const size_t part =
            (size_t)((a->is_spread ? a->rows[row].slot : 0) + task->tile) * a->n_heads + query.head;
        for (uint32_t i = gpu_lane(); i < a->head_dim; i += GPU_WARP)
            if (a->is_spread)
                a->parts[part * a->head_dim + i] = o[i];
            else
                gpu_put(&a->out, (size_t)row * a->out.stride + query.head * a->head_dim + i,
                        o[i] / p->mark[q].l);
        if (a->is_spread && gpu_lane() == 0) {
            a->marks[2 * part] = p->mark[q].m;
            a->marks[2 * part + 1] = p->mark[q].l;
        }
    }
    if (!a->is_spread && gpu_block_y() == gpu_blocks_y() - 1)
        gpu_put_zeros(&a->out, task->row, task->n_rows, a->n_heads * a->head_dim);
}

GPU_KERNEL(attend_plain, struct sc_gpu_attend, SC_GPU_ATTENTION_WARPS *GPU_WARP)
{
    const struct sc_gpu_attention_task task =
        a.tasks[gpu_block_x() * (gpu_threads() / GPU_WARP) + gpu_warp()];
    if (task.n_rows == 0)
        return;
    const uint32_t n_o = SC_GPU_TASK_QUERIES * a.head_dim, n_w = SC_GPU_TASK_QUERIES * GPU_WARP;
    const struct gpu_seen seen = gpu_see(&a, &task);
    struct gpu_plain p;
    p.o = (float *)gpu_shared() + (size_t)gpu_warp() * (n_o + n_w);
    p.w = p.o + n_o;
    p.row = task.row;
    GPU_UNROLL
    for (uint32_t q = 0; q < SC_GPU_TASK_QUERIES; q++) {
        p.query[q] = gpu_query_of(&a, &seen, q);
        p.mark[q].m = GPU_MINUS_INFINITY;
        p.mark[q].l = 0;
    }
    for (uint32_t i = gpu_lane(); i < n_o; i += GPU_WARP)
        p.o[i] = 0;
    gpu_warp_barrier();
    const uint32_t end = task.tile + task.n_tiles;
    for (uint32_t tile = gpu_first_tile(&seen, &task); tile < end; tile++)
        for (uint32_t i = 0; i < task.n_rows;) {
            const struct gpu_run run = gpu_run_of(&a, &seen, task.n_rows, i, tile);
            if (run.first < run.last)
                gpu_attend_plain_tile(&a, &p, &run, tile);
            i = run.end;
        }
    gpu_attend_plain_end(&a, &p, &task);
}

#endif
