/*
 * The words in which kernels are written, so that the same source compiles for CUDA and for the
 * processor (emulated/).  Kernels keep to what C and CUDA C++ have in common, all memory that the
 * threads of a block share is what the launch asked for, and nothing is fused that does not say so
 * (gpu_fma): then two places that compute the same figure give the same bits.
 *
 *   GPU_KERNEL(name, struct args, most_threads)   begins a kernel; its arguments are `a`
 *   GPU_DEVICE       before a function that kernels call
 *   gpu_thread()     the thread in its block, of gpu_threads(); lane gpu_lane() of warp gpu_warp()
 *   gpu_block_x() .. the block among gpu_blocks_x(), likewise y
 *   gpu_shared()     the block's memory, 16-byte aligned, undefined at first
 *   gpu_barrier()    waits for all threads of the block; gpu_warp_barrier() for those of the warp.
 *                    What was written before is read after it.  All threads must come to the same
 *                    barriers, by the same lines, and none may end before others come to one.
 *   gpu_swap_f(x, d), gpu_swap_d, gpu_swap_u   what lane (lane ^ d) gave; all lanes call it
 *   gpu_from_f(x, l), gpu_from_u               what lane l gave; likewise
 *   gpu_ballot(b)    bit i: what lane i gave; likewise
 *   gpu_add_u(p, n)  adds to *p at once, returns what it was; its order is nobody's to rely on
 *   gpu_or_u(p, n)   sets bits of *p at once;   gpu_n_bits(n)   how many bits are set
 *   gpu_mma_bf16, gpu_mma_s8, gpu_load_matrices, gpu_load_matrices_turned   see below
 *   gpu_fetch16(to, from, wanted)   16 bytes on their way to shared memory, zeros unless wanted,
 *                    both aligned by 16; gpu_fetch_group() ends a group of them, gpu_fetch_wait(n)
 *                    waits until at most n groups of this thread are on their way; others see them
 *                    after a barrier.  Until then nobody may read or write there, and none may be
 *                    on its way when a thread ends
 *   gpu_load16(r, from, wanted), gpu_store16(to, r)   16 bytes, 16-byte aligned, of registers r[4];
 *                    zeros unless wanted
 *   GPU_UNROLL       before a loop whose array is to be registers: its turns are written out
 *   gpu_fma, gpu_exp, gpu_tanh, gpu_sqrt, gpu_max, gpu_min; gpu_fma_d, gpu_exp_d, gpu_log_d,
 *   gpu_sqrt_d
 */
#ifndef SC_ENGINE_GPU_KERNELS_THREADS_H
#define SC_ENGINE_GPU_KERNELS_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_WARP 32

#ifdef __CUDACC__
#define GPU_UNROLL _Pragma("unroll")
#include "engine/gpu/cuda/threads.h"
#else
#define GPU_UNROLL
#include "engine/gpu/emulated/threads.h"
#endif

/*
 * Products of small matrices by the 32 lanes of a warp, each of which holds some elements.  With
 * g = lane / 4 and t = lane % 4:
 *
 * gpu_mma_bf16(d, a, b): D [16][8] += A [16][16] B [16][8], bf16 in, f32 sums.
 *   a[0]: A[g][2t, 2t+1], a[1]: A[g+8][2t, 2t+1], a[2]: A[g][2t+8, 2t+9], a[3]: A[g+8][2t+8, 2t+9]
 *   b[0]: B[2t, 2t+1][g], b[1]: B[2t+8, 2t+9][g]      (two numbers, the first in the low half)
 *   d[0], d[1]: D[g][2t, 2t+1]; d[2], d[3]: D[g+8][2t, 2t+1]
 * gpu_mma_s8(d, a, b): D [16][8] += A [16][32] B [32][8], 8-bit integers in, 32-bit sums.
 *   a[0]: A[g][4t .. 4t+3], a[1]: A[g+8][4t ..], a[2]: A[g][4t+16 ..], a[3]: A[g+8][4t+16 ..]
 *   b[0]: B[4t .. 4t+3][g], b[1]: B[4t+16 ..][g]; d as above
 * gpu_load_matrices(r, row): four 8 x 8 matrices of 16-bit numbers from shared memory; lane i says
 *   where row i % 8 of matrix i / 8 is (16 bytes, 16-byte aligned); r[j]: matrix j [g][2t, 2t+1].
 * gpu_load_matrices_turned: the same transposed, r[j]: matrix j [2t, 2t+1][g].
 */

GPU_DEVICE float gpu_f32_from_bf16(uint16_t x)
{
    return gpu_float_of((uint32_t)x << 16);
}

/* Rounds to nearest even; NaN stays NaN. */
GPU_DEVICE uint16_t gpu_bf16_from_f32(float x)
{
    uint32_t bits = gpu_bits_of(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* Sums and maxima over a warp, which all lanes get; in one order, whoever asks. */
GPU_DEVICE float gpu_warp_sum(float x)
{
    for (unsigned d = GPU_WARP / 2; d > 0; d /= 2)
        x += gpu_swap_f(x, d);
    return x;
}

GPU_DEVICE double gpu_warp_sum_d(double x)
{
    for (unsigned d = GPU_WARP / 2; d > 0; d /= 2)
        x += gpu_swap_d(x, d);
    return x;
}

GPU_DEVICE float gpu_warp_max(float x)
{
    for (unsigned d = GPU_WARP / 2; d > 0; d /= 2)
        x = gpu_max(x, gpu_swap_f(x, d));
    return x;
}

/* The sum over a block; scratch [gpu_threads() / 32] is shared and free again after it. */
GPU_DEVICE double gpu_block_sum_d(double x, double *scratch)
{
    x = gpu_warp_sum_d(x);
    if (gpu_lane() == 0)
        scratch[gpu_warp()] = x;
    gpu_barrier();
    double sum = 0;
    for (uint32_t w = 0; w < gpu_threads() / GPU_WARP; w++)
        sum += scratch[w];
    gpu_barrier();
    return sum;
}

#endif
