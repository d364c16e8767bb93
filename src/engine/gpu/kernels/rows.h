/*
 * Kernels that work on one row at a time; arguments in row_arguments.h.  Their arithmetic is that
 * of kernels/portable/portable.c, but for the order of sums of squares, which are in double.
 *
 * All are bounded by memory.  A number of the residual stream is read and written once between two
 * products (enter: 4 bytes of x, 4 of the branch, 4 back, 2 to the product), since the row waits in
 * shared memory while its norm is summed.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ROWS_H
#define SC_ENGINE_GPU_KERNELS_ROWS_H

#include "engine/gpu/kernels/row_arguments.h"
#include "engine/gpu/kernels/threads.h"

/* Four neighbours, read and written at once. */
struct gpu_four {
    float v[4];
} __attribute__((aligned(16)));
struct gpu_four_bf16 {
    uint16_t v[4];
} __attribute__((aligned(8)));

/* Numbers 4 i to 4 i + 3. */
GPU_DEVICE struct gpu_four gpu_four_at(const float *from, size_t i)
{
    return ((const struct gpu_four *)(const void *)from)[i];
}

GPU_DEVICE void gpu_put_four(float *to, size_t i, struct gpu_four x)
{
    ((struct gpu_four *)(void *)to)[i] = x;
}

GPU_DEVICE struct gpu_four gpu_four_numbers(const struct sc_gpu_numbers *from, size_t i)
{
    if (!from->bf16)
        return gpu_four_at((const float *)from->data, i);
    const struct gpu_four_bf16 y = ((const struct gpu_four_bf16 *)from->data)[i];
    struct gpu_four x;
    for (int k = 0; k < 4; k++)
        x.v[k] = gpu_f32_from_bf16(y.v[k]);
    return x;
}

GPU_DEVICE void gpu_put_four_numbers(const struct sc_gpu_numbers *to, size_t i, struct gpu_four x)
{
    if (!to->bf16) {
        gpu_put_four((float *)to->data, i, x);
        return;
    }
    struct gpu_four_bf16 y;
    for (int k = 0; k < 4; k++)
        y.v[k] = gpu_bf16_from_f32(x.v[k]);
    ((struct gpu_four_bf16 *)to->data)[i] = y;
}

GPU_KERNEL(embed, struct sc_gpu_embed, 512)
{
    const uint32_t r = gpu_block_x();
    if (r >= *a.n_rows)
        return;
    const size_t from = (size_t)a.tokens[r] * (a.embedding.stride / 4);
    float *x = a.x + (size_t)r * a.x_stride;
    for (uint32_t i = gpu_thread(); 4 * i < a.hidden; i += gpu_threads()) {
        struct gpu_four y = gpu_four_numbers(&a.embedding, from + i);
        for (int k = 0; k < 4; k++)
            y.v[k] *= a.scale;
        gpu_put_four(x, i, y);
    }
}

/* ---- enter ----------------------------------------------------------------------------------- */

/* What a row is multiplied with so that the mean of its squares is 1. */
GPU_DEVICE float gpu_norm_factor(double squares, uint32_t n, float eps)
{
    return (float)(1.0 / gpu_sqrt_d(squares / (double)n + (double)eps));
}

/* Leaves what is within n of numbers 4 i to 4 i + 3; the others become 0. */
GPU_DEVICE struct gpu_four gpu_first(struct gpu_four x, uint32_t i, uint32_t n)
{
    for (uint32_t k = 0; k < 4; k++)
        x.v[k] = 4 * i + k < n ? x.v[k] : 0;
    return x;
}

GPU_DEVICE struct gpu_four gpu_plus(struct gpu_four x, struct gpu_four y)
{
    for (int k = 0; k < 4; k++)
        x.v[k] += y.v[k];
    return x;
}

GPU_DEVICE struct gpu_four gpu_normed(struct gpu_four x, float factor, struct gpu_four gain)
{
    for (int k = 0; k < 4; k++)
        x.v[k] = x.v[k] * factor * gain.v[k];
    return x;
}

GPU_DEVICE double gpu_add_squares(double sum, struct gpu_four x)
{
    for (int k = 0; k < 4; k++)
        sum += (double)x.v[k] * (double)x.v[k];
    return sum;
}

/* What the block of the network gave, with its bias and norm, into `row`: of each thread its own
 * numbers. */
GPU_DEVICE void gpu_finish_branch(const struct sc_gpu_enter *a, const float *branch,
                                  struct gpu_four *row, double *sums)
{
    const uint32_t n = a->stride / 4;
    double squares = 0;
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads()) {
        struct gpu_four b = gpu_four_at(branch, i);
        if (a->bias != NULL)
            b = gpu_plus(b, gpu_four_at(a->bias, i));
        row[i] = gpu_first(b, i, a->hidden);
        squares = gpu_add_squares(squares, row[i]);
    }
    if (a->branch_gain == NULL)
        return;
    const float factor = gpu_norm_factor(gpu_block_sum_d(squares, sums), a->hidden, a->eps);
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads())
        row[i] = gpu_normed(row[i], factor, gpu_four_at(a->branch_gain, i));
}

GPU_KERNEL(enter, struct sc_gpu_enter, 512)
{
    const uint32_t r = gpu_block_x(), n = a.stride / 4;
    if (r >= *a.n_rows)
        return;
    const size_t from = (size_t)(a.rows != NULL ? a.rows[r] : r) * a.stride;
    const size_t to = (size_t)r * n;
    double *sums = (double *)gpu_shared();
    struct gpu_four *row = (struct gpu_four *)(void *)(sums + SC_GPU_ENTER_SUMS);
    double squares = 0;
    if (a.branch != NULL)
        gpu_finish_branch(&a, a.branch + from, row, sums);
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads()) {
        struct gpu_four x = gpu_four_at(a.x + from, i);
        if (a.branch != NULL)
            x = gpu_plus(x, row[i]);
        x = gpu_first(x, i, a.hidden);
        squares = gpu_add_squares(squares, x);
        row[i] = x;
        gpu_put_four(a.sum, to + i, x);
    }
    float factor = 1;
    if (a.gain != NULL)
        factor = gpu_norm_factor(gpu_block_sum_d(squares, sums), a.hidden, a.eps);
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads()) {
        struct gpu_four x = row[i];
        if (a.gain != NULL)
            x = gpu_normed(x, factor, gpu_four_at(a.gain, i));
        gpu_put_four_numbers(&a.entered, (size_t)r * (a.entered.stride / 4) + i, x);
        if (a.routed != NULL)
            gpu_put_four(a.routed, to + i, x);
    }
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* The norm's factor of n numbers of a row, over the whole block. */
GPU_DEVICE float gpu_whole_factor(const float *x, const float *bias, uint32_t n, float eps,
                                  double *sums)
{
    double squares = 0;
    for (uint32_t i = gpu_thread(); i < n; i += gpu_threads()) {
        const float y = bias != NULL ? x[i] + bias[i] : x[i];
        squares += (double)y * (double)y;
    }
    return gpu_norm_factor(gpu_block_sum_d(squares, sums), n, eps);
}

/* A head with its bias into `head`, and its norm: by `factor` where that is not 0, else by its own.
 * gain NULL: none. */
GPU_DEVICE void gpu_norm_head(const struct sc_gpu_heads *a, const float *x, const float *bias,
                              const float *gain, float factor, float *head)
{
    double squares = 0;
    for (uint32_t i = gpu_lane(); i < a->head_dim; i += GPU_WARP) {
        head[i] = bias != NULL ? x[i] + bias[i] : x[i];
        squares += (double)head[i] * (double)head[i];
    }
    if (gain != NULL) {
        if (factor == 0)
            factor = gpu_norm_factor(gpu_warp_sum_d(squares), a->head_dim, a->eps);
        for (uint32_t i = gpu_lane(); i < a->head_dim; i += GPU_WARP)
            head[i] = head[i] * factor * gain[i];
    }
    gpu_warp_barrier();
}

GPU_DEVICE void gpu_turn_head(float *head, const float *cosines, const float *sines, uint32_t n)
{
    for (uint32_t i = gpu_lane(); i < n; i += GPU_WARP) {
        const float x = head[i], y = head[i + n], c = cosines[i], s = sines[i];
        head[i] = x * c - y * s;
        head[i + n] = y * c + x * s;
    }
    gpu_warp_barrier();
}

/* To its place in a page, two numbers at once. */
GPU_DEVICE void gpu_store_head(const struct sc_gpu_heads *a, const float *head, unsigned char *to)
{
    for (uint32_t i = 2 * gpu_lane(); i < a->head_dim; i += 2 * GPU_WARP)
        if (a->bf16) {
            ((uint32_t *)(void *)to)[i / 2] =
                (uint32_t)gpu_bf16_from_f32(head[i + 1]) << 16 | gpu_bf16_from_f32(head[i]);
        } else {
            ((float *)(void *)to)[i] = head[i];
            ((float *)(void *)to)[i + 1] = head[i + 1];
        }
}

GPU_KERNEL(heads, struct sc_gpu_heads, 512)
{
    const uint32_t r = gpu_block_x(), n_warps = gpu_threads() / GPU_WARP;
    if (r >= *a.n_rows)
        return;
    float *row = a.qkv + (size_t)r * a.stride;
    double *sums = (double *)gpu_shared();
    float *head =
        (float *)(void *)(sums + SC_GPU_ENTER_SUMS) + gpu_warp() * ((a.head_dim + 3) / 4 * 4);
    const uint32_t n_keys = a.n_kv_heads, d = a.head_dim, position = a.positions[r];
    const struct sc_gpu_turn turn = a.is_long[r] != 0 ? a.turn_long : a.turn;
    float factor_q = 0, factor_k = 0;
    if (a.whole && a.q_norm != NULL) { /* before any query is written back */
        const float *bias_k = a.bias != NULL ? a.bias + a.n_heads * d : NULL;
        factor_q = gpu_whole_factor(row, a.bias, a.n_heads * d, a.eps, sums);
        factor_k = gpu_whole_factor(row + a.n_heads * d, bias_k, n_keys * d, a.eps, sums);
    }
    for (uint32_t h = gpu_block_y() * n_warps + gpu_warp(); h < a.n_heads + 2 * n_keys;
         h += gpu_blocks_y() * n_warps) {
        const bool is_query = h < a.n_heads, is_value = h >= a.n_heads + n_keys;
        const uint32_t of_kind = is_query ? h : h - a.n_heads;
        const float *gain = is_query ? a.q_norm : is_value ? NULL : a.k_norm;
        if (gain != NULL && a.whole)
            gain += of_kind * d;
        gpu_norm_head(&a, row + h * d, a.bias != NULL ? a.bias + h * d : NULL, gain,
                      is_query ? factor_q : factor_k, head);
        if (!is_value)
            gpu_turn_head(head, turn.cosines + (size_t)position * turn.n,
                          turn.sines + (size_t)position * turn.n, turn.n);
        if (is_query) {
            for (uint32_t i = gpu_lane(); i < d; i += GPU_WARP)
                row[h * d + i] = head[i];
        } else {
            const size_t at = ((size_t)of_kind * 32 + a.place[r]) * d * (a.bf16 ? 2 : 4);
            gpu_store_head(&a, head, a.pages + (size_t)a.page[r] * a.page_bytes + at);
        }
        gpu_warp_barrier();
    }
}

/* ---- activation and cap ---------------------------------------------------------------------- */

/* Of what is clamped as on the processor (kernels/levels.h): below, exp is 0; above, infinite.  NaN
 * stays. */
GPU_DEVICE float gpu_bounded_exp(float x)
{
    x = x < -150.0f ? -150.0f : x;
    x = x > 89.0f ? 89.0f : x;
    return gpu_exp(x);
}

/* Of a gate g: g / (1 + exp(-g)), or with -2 sqrt(2 / pi) g (1 + 0.044715 g^2) in place of -g. */
GPU_DEVICE float gpu_activation(float g, bool gelu)
{
    const float exponent = gelu ? -0x1.9884540p+0f * g * (1.0f + 0.044715f * (g * g)) : -g;
    return g / (1.0f + gpu_bounded_exp(exponent));
}

GPU_KERNEL(gate, struct sc_gpu_gate, 512)
{
    const uint32_t r = gpu_block_x(), i = gpu_block_y() * gpu_threads() + gpu_thread();
    if (r >= *a.n_rows || 4 * i >= a.gated.stride)
        return;
    const float *gate = a.gate_up + (size_t)r * a.stride, *up = gate + a.ffn;
    struct gpu_four g, u;
    if (a.ffn % 4 == 0 && 4 * i < a.ffn) {
        g = gpu_four_at(gate, i);
        u = gpu_four_at(up, i);
    } else {
        for (uint32_t k = 0; k < 4; k++) {
            const bool is_there = 4 * i + k < a.ffn;
            g.v[k] = is_there ? gate[4 * i + k] : 0;
            u.v[k] = is_there ? up[4 * i + k] : 0;
        }
    }
    for (int k = 0; k < 4; k++)
        g.v[k] = gpu_activation(g.v[k], a.gelu) * u.v[k];
    gpu_put_four_numbers(&a.gated, (size_t)r * (a.gated.stride / 4) + i, g);
}

GPU_KERNEL(softcap, struct sc_gpu_softcap, 512)
{
    const uint32_t r = gpu_block_x(), i = gpu_block_y() * gpu_threads() + gpu_thread();
    if (r >= *a.n_rows || 4 * i >= a.n_vocab)
        return;
    float *row = a.logits + (size_t)r * a.stride;
    struct gpu_four x = gpu_four_at(row, i);
    for (int k = 0; k < 4; k++) /* infinity times 0 is NaN */
        x.v[k] = a.cap * gpu_tanh(x.v[k] / a.cap) + x.v[k] * 0.0f;
    gpu_put_four(row, i, x);
}

#endif
