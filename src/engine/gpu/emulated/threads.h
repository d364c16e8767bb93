/*
 * The words of kernels/threads.h on the processor: the threads of a block are coroutines that run
 * one after the other from barrier to barrier (fibers.h), so what differs between two orders of
 * them is a race, and a barrier that not all come to is seen.
 */
#ifndef SC_ENGINE_GPU_EMULATED_THREADS_H
#define SC_ENGINE_GPU_EMULATED_THREADS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GPU_DEVICE static inline
#define GPU_KERNEL(name, arguments, most_threads)                                                  \
    static void sc_gpu_kernel_##name(const arguments a);                                           \
    enum { SC_GPU_MOST_THREADS_##name = (most_threads) };                                          \
    static void sc_gpu_run_##name(const void *arguments_at)                                        \
    {                                                                                              \
        arguments copy;                                                                            \
        memcpy(&copy, arguments_at, sizeof copy);                                                  \
        sc_gpu_kernel_##name(copy);                                                                \
    }                                                                                              \
    static void sc_gpu_kernel_##name(const arguments a)

/* Of a module that is loaded it is otherwise asked for by a call, each time. */
#define SC_EMULATED_OWN _Thread_local __attribute__((tls_model("initial-exec")))

/* The thread that runs, of the block that runs on this thread of the processor. */
struct sc_emulated_thread {
    uint32_t thread, threads, block[3], blocks[3];
    void *shared;
};
extern SC_EMULATED_OWN struct sc_emulated_thread sc_emulated_thread;

/* Of a word in a kernel: all that wait for each other must wait at the same one. */
struct sc_emulated_place {
    const char *file;
    uint32_t line;
};
#define SC_EMULATED_HERE ((struct sc_emulated_place){__FILE__, __LINE__})

void sc_emulated_barrier(struct sc_emulated_place place);
void sc_emulated_warp_barrier(struct sc_emulated_place place);
/* Gives n bytes to the lanes of the warp and returns what all gave: [32][SC_EMULATED_GIFT], until
 * the next call. */
enum { SC_EMULATED_GIFT = 32 };
const unsigned char *sc_emulated_exchange(const void *gift, size_t n,
                                          struct sc_emulated_place place);
/* Says that a kernel did what it may not; it fails at its next barrier. */
void sc_emulated_wrong(const char *what);
void sc_emulated_fetch16(void *to, const void *from, bool wanted);
void sc_emulated_fetch_group(void);
void sc_emulated_fetch_wait(unsigned n);
void sc_emulated_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2],
                          struct sc_emulated_place place);
void sc_emulated_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2],
                        struct sc_emulated_place place);
void sc_emulated_load_matrices(uint32_t r[4], const void *row, bool turned,
                               struct sc_emulated_place place);

GPU_DEVICE uint32_t gpu_thread(void)
{
    return sc_emulated_thread.thread;
}
GPU_DEVICE uint32_t gpu_threads(void)
{
    return sc_emulated_thread.threads;
}
GPU_DEVICE uint32_t gpu_lane(void)
{
    return sc_emulated_thread.thread % 32;
}
GPU_DEVICE uint32_t gpu_warp(void)
{
    return sc_emulated_thread.thread / 32;
}
GPU_DEVICE uint32_t gpu_block_x(void)
{
    return sc_emulated_thread.block[0];
}
GPU_DEVICE uint32_t gpu_block_y(void)
{
    return sc_emulated_thread.block[1];
}
GPU_DEVICE uint32_t gpu_block_z(void)
{
    return sc_emulated_thread.block[2];
}
GPU_DEVICE uint32_t gpu_blocks_x(void)
{
    return sc_emulated_thread.blocks[0];
}
GPU_DEVICE uint32_t gpu_blocks_y(void)
{
    return sc_emulated_thread.blocks[1];
}
GPU_DEVICE void *gpu_shared(void)
{
    return sc_emulated_thread.shared;
}
#define gpu_barrier() sc_emulated_barrier(SC_EMULATED_HERE)
#define gpu_warp_barrier() sc_emulated_warp_barrier(SC_EMULATED_HERE)

#define SC_EMULATED_LANES(name, type, lane)                                                        \
    GPU_DEVICE type sc_emulated_##name(type x, unsigned d, struct sc_emulated_place place)         \
    {                                                                                              \
        const unsigned char *given = sc_emulated_exchange(&x, sizeof x, place);                    \
        type y;                                                                                    \
        if (d >= 32)                                                                               \
            sc_emulated_wrong("a lane past the warp");                                             \
        memcpy(&y, given + (size_t)(lane) % 32 * SC_EMULATED_GIFT, sizeof y);                      \
        return y;                                                                                  \
    }
SC_EMULATED_LANES(swap_f, float, gpu_lane() ^ d)
SC_EMULATED_LANES(swap_d, double, gpu_lane() ^ d)
SC_EMULATED_LANES(swap_u, uint32_t, gpu_lane() ^ d)
SC_EMULATED_LANES(from_f, float, d)
SC_EMULATED_LANES(from_u, uint32_t, d)
#define gpu_swap_f(x, d) sc_emulated_swap_f((x), (d), SC_EMULATED_HERE)
#define gpu_swap_d(x, d) sc_emulated_swap_d((x), (d), SC_EMULATED_HERE)
#define gpu_swap_u(x, d) sc_emulated_swap_u((x), (d), SC_EMULATED_HERE)
#define gpu_from_f(x, lane) sc_emulated_from_f((x), (lane), SC_EMULATED_HERE)
#define gpu_from_u(x, lane) sc_emulated_from_u((x), (lane), SC_EMULATED_HERE)

GPU_DEVICE uint32_t sc_emulated_ballot(bool b, struct sc_emulated_place place)
{
    const unsigned char *given = sc_emulated_exchange(&b, sizeof b, place);
    uint32_t bits = 0;
    for (uint32_t i = 0; i < 32; i++)
        bits |= (uint32_t)(given[i * SC_EMULATED_GIFT] != 0) << i;
    return bits;
}
#define gpu_ballot(b) sc_emulated_ballot((b), SC_EMULATED_HERE)
GPU_DEVICE uint32_t gpu_add_u(uint32_t *p, uint32_t n)
{
    uint32_t was = *p;
    *p = was + n;
    return was;
}
GPU_DEVICE void gpu_or_u(uint32_t *p, uint32_t n)
{
    *p |= n;
}
GPU_DEVICE uint32_t gpu_n_bits(uint32_t n)
{
    return (uint32_t)__builtin_popcount(n);
}
GPU_DEVICE uint32_t gpu_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
GPU_DEVICE float gpu_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
GPU_DEVICE float gpu_fma(float x, float y, float z)
{
    return fmaf(x, y, z);
}
GPU_DEVICE double gpu_fma_d(double x, double y, double z)
{
    return fma(x, y, z);
}
GPU_DEVICE float gpu_exp(float x)
{
    return expf(x);
}
GPU_DEVICE float gpu_tanh(float x)
{
    return tanhf(x);
}
GPU_DEVICE float gpu_sqrt(float x)
{
    return sqrtf(x);
}
GPU_DEVICE double gpu_sqrt_d(double x)
{
    return sqrt(x);
}
GPU_DEVICE double gpu_exp_d(double x)
{
    return exp(x);
}
GPU_DEVICE double gpu_log_d(double x)
{
    return log(x);
}
GPU_DEVICE float gpu_max(float x, float y)
{
    return fmaxf(x, y);
}
GPU_DEVICE float gpu_min(float x, float y)
{
    return fminf(x, y);
}
#define gpu_mma_bf16(d, a, b) sc_emulated_mma_bf16((d), (a), (b), SC_EMULATED_HERE)
#define gpu_mma_s8(d, a, b) sc_emulated_mma_s8((d), (a), (b), SC_EMULATED_HERE)
#define gpu_load_matrices(r, row) sc_emulated_load_matrices((r), (row), false, SC_EMULATED_HERE)
#define gpu_load_matrices_turned(r, row)                                                           \
    sc_emulated_load_matrices((r), (row), true, SC_EMULATED_HERE)
GPU_DEVICE void gpu_load16(uint32_t r[4], const void *from, bool wanted)
{
    if (wanted && (uintptr_t)from % 16 != 0)
        sc_emulated_wrong("a read of 16 bytes that is not aligned");
    for (int i = 0; i < 4; i++)
        r[i] = 0;
    if (wanted)
        memcpy(r, from, 16);
}
GPU_DEVICE void gpu_store16(void *to, const uint32_t r[4])
{
    if ((uintptr_t)to % 16 != 0)
        sc_emulated_wrong("a write of 16 bytes that is not aligned");
    memcpy(to, r, 16);
}
GPU_DEVICE void gpu_fetch16(void *to, const void *from, bool wanted)
{
    sc_emulated_fetch16(to, from, wanted);
}
GPU_DEVICE void gpu_fetch_group(void)
{
    sc_emulated_fetch_group();
}
GPU_DEVICE void gpu_fetch_wait(unsigned n)
{
    sc_emulated_fetch_wait(n);
}

#endif
