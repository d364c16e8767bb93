/*
 * Part of a level's file, which includes it once, behind its own scores_rows and mix_rows: these
 * for each dtype of stored rows, as entries of struct sc_attention.  A dtype is a constant, so each
 * entry has loops of its own.
 */
#ifndef SC_KERNELS_ATTENTION_ENTRIES_H
#define SC_KERNELS_ATTENTION_ENTRIES_H

#include "kernels/levels.h"

/* The last argument: the rows are bf16. */
INLINE void scores_rows(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const char *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead, bool bf16);
INLINE void mix_rows(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                     const char *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead,
                     bool bf16);

static void scores_f32(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                       const void *keys, size_t n_pos, size_t head_dim, float scale,
                       struct sc_ahead *ahead)
{
    scores_rows(scores, score_stride, queries, n_queries, keys, n_pos, head_dim, scale, ahead,
                false);
}

static void scores_bf16(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const void *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead)
{
    scores_rows(scores, score_stride, queries, n_queries, keys, n_pos, head_dim, scale, ahead,
                true);
}

static void mix_f32(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                    const void *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead)
{
    mix_rows(out, weights, weight_stride, n_queries, values, n_pos, head_dim, ahead, false);
}

static void mix_bf16(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                     const void *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead)
{
    mix_rows(out, weights, weight_stride, n_queries, values, n_pos, head_dim, ahead, true);
}

#endif
