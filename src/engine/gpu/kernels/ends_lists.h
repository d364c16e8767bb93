/*
 * Long lists: all of a view's tokens, or those that filters can keep, sorted; a block each.  They
 * are gathered in ascending id and sorted by logit, 8 bits at a time from the lowest, equal ones
 * staying as they are.  Right for any length; fast where the filters' bound leaves thousands.
 * Next: ends_finish.h.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ENDS_LISTS_H
#define SC_ENGINE_GPU_KERNELS_ENDS_LISTS_H

#include "engine/gpu/kernels/ends.h"

enum { GPU_SORT_WARPS = SC_GPU_ENDS_SORT_THREADS / GPU_WARP, GPU_DIGITS = 256 };

struct gpu_sort_shared {
    uint32_t starts[4][GPU_DIGITS]; /* how many of each digit; then where the next one goes */
    uint32_t of_warp[GPU_SORT_WARPS][GPU_DIGITS];
    uint32_t sums[GPU_SORT_WARPS];
};
static_assert(sizeof(struct gpu_sort_shared) <= SC_GPU_ENDS_SORT_BYTES, "shared memory");

/* The sum of x over the threads before this one, and over all; sums is free again after it. */
GPU_DEVICE uint32_t gpu_block_scan(uint32_t x, uint32_t *sums, uint32_t *all)
{
    uint32_t until = x, before = 0;
    for (uint32_t d = 1; d < GPU_WARP; d *= 2) {
        const uint32_t other = gpu_from_u(until, (gpu_lane() - d) % GPU_WARP);
        until += gpu_lane() >= d ? other : 0;
    }
    if (gpu_lane() == GPU_WARP - 1)
        sums[gpu_warp()] = until;
    gpu_barrier();
    *all = 0;
    for (uint32_t w = 0; w < gpu_threads() / GPU_WARP; w++) {
        before += w < gpu_warp() ? sums[w] : 0;
        *all += sums[w];
    }
    gpu_barrier();
    return before + until - x;
}

/* The least logit that filters may keep, and a hair less: what min_p leaves out has w < min_p; and
 * where the tokens of less than w together have less than half of the 1 - p that top_p leaves out,
 * it cuts before them. */
GPU_DEVICE double gpu_sort_bound(const struct sc_gpu_ends_job *job, const struct sc_gpu_view *v,
                                 const struct sc_gpu_ends_figures *f, uint32_t n)
{
    double bound = (double)GPU_LEAST_LOGIT;
    if (job->bounded == 0)
        return bound;
    const double cut = (1 - job->top_p) * 0.5 * f->total / (double)n;
    const double least = job->top_p < 0.9999 && cut > job->min_p ? cut : job->min_p;
    if (least > 0) {
        const double below = v->temperature * gpu_log_d(least);
        const double at = (double)f->max + below + below * 1e-9;
        bound = at > bound ? at : bound;
    }
    return bound;
}

/* Keys of the tokens that reach the bound, in ascending id; how many.  Counts their digits. */
GPU_DEVICE uint32_t gpu_sort_gather(const struct sc_gpu_view *v, uint32_t n_vocab, double bound,
                                    uint64_t *out, struct gpu_sort_shared *s)
{
    uint32_t n = 0;
    for (uint32_t begin = 0; begin < n_vocab; begin += 4 * gpu_threads()) {
        const uint32_t id = begin + 4 * gpu_thread();
        const struct gpu_ends_four four = gpu_view_four(v, id, n_vocab);
        uint32_t own = 0, all;
        GPU_UNROLL for (uint32_t c = 0; c < 4; c++) own += (double)four.z[c] >= bound ? 1 : 0;
        uint32_t at = n + gpu_block_scan(own, s->sums, &all);
        GPU_UNROLL for (uint32_t c = 0; c < 4; c++) if ((double)four.z[c] >= bound)
        {
            const uint64_t key = gpu_key_of(four.z[c], id + c);
            out[at++] = key;
            for (uint32_t p = 0; p < 4; p++)
                gpu_add_u(&s->starts[p][key >> (32 + 8 * p) & 0xff], 1);
        }
        n += all;
    }
    return n;
}

/* One pass: by the digit of 8 bits from bit `shift` on. */
GPU_DEVICE void gpu_sort_pass(const uint64_t *from, uint64_t *to, uint32_t n, uint32_t shift,
                              uint32_t *starts, struct gpu_sort_shared *s)
{
    uint32_t all;
    const uint32_t start =
        gpu_block_scan(gpu_thread() < GPU_DIGITS ? starts[gpu_thread()] : 0, s->sums, &all);
    if (gpu_thread() < GPU_DIGITS)
        starts[gpu_thread()] = start;
    for (uint32_t begin = 0; begin < n; begin += gpu_threads()) {
        const uint32_t i = begin + gpu_thread();
        const bool is_there = i < n;
        const uint64_t key = is_there ? from[i] : 0;
        const uint32_t digit = (uint32_t)(key >> shift) & 0xff;
        for (uint32_t d = gpu_lane(); d < GPU_DIGITS; d += GPU_WARP)
            s->of_warp[gpu_warp()][d] = 0;
        gpu_warp_barrier();
        uint32_t alike = gpu_ballot(is_there); /* lanes with the same digit */
        for (uint32_t bit = 0; bit < 8; bit++) {
            const bool is_set = (digit >> bit & 1) != 0;
            const uint32_t set = gpu_ballot(is_set);
            alike &= is_set ? set : ~set;
        }
        const uint32_t rank = gpu_n_bits(alike & ((1u << gpu_lane()) - 1));
        if (is_there && rank == 0)
            s->of_warp[gpu_warp()][digit] = gpu_n_bits(alike);
        gpu_barrier();
        if (gpu_thread() < GPU_DIGITS) {
            uint32_t at = starts[gpu_thread()];
            for (uint32_t w = 0; w < gpu_threads() / GPU_WARP; w++) {
                const uint32_t own = s->of_warp[w][gpu_thread()];
                s->of_warp[w][gpu_thread()] = at;
                at += own;
            }
            starts[gpu_thread()] = at;
        }
        gpu_barrier();
        if (is_there)
            to[s->of_warp[gpu_warp()][digit] + rank] = key;
        gpu_barrier();
    }
}

GPU_KERNEL(ends_sort, struct sc_gpu_ends_sort, SC_GPU_ENDS_SORT_THREADS)
{
    struct gpu_sort_shared *s = (struct gpu_sort_shared *)gpu_shared();
    const struct sc_gpu_ends_job job = a.jobs[gpu_block_x()];
    const struct sc_gpu_view v = a.room.views[job.view];
    const struct sc_gpu_ends_figures f = a.room.figures[job.view];
    uint64_t *by_id = a.room.slots + (size_t)job.slot * 3 * a.room.slot_stride;
    uint64_t *sorted = by_id + a.room.slot_stride, *other = sorted + a.room.slot_stride;
    if (f.ok == 0)
        return;
    for (uint32_t i = gpu_thread(); i < 4 * GPU_DIGITS; i += gpu_threads())
        s->starts[i / GPU_DIGITS][i % GPU_DIGITS] = 0;
    gpu_barrier();
    const uint32_t n =
        gpu_sort_gather(&v, a.room.n_vocab, gpu_sort_bound(&job, &v, &f, a.room.n_vocab), by_id, s);
    gpu_barrier();
    gpu_sort_pass(by_id, other, n, 32, s->starts[0], s);
    gpu_sort_pass(other, sorted, n, 40, s->starts[1], s);
    gpu_sort_pass(sorted, other, n, 48, s->starts[2], s);
    gpu_sort_pass(other, sorted, n, 56, s->starts[3], s);
    if (gpu_thread() == 0)
        a.room.slot_counts[job.slot] = n;
}

#endif
