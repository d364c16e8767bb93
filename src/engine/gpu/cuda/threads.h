/* The words of kernels/threads.h for CUDA, sm_80 or later. */
#ifndef SC_ENGINE_GPU_CUDA_THREADS_H
#define SC_ENGINE_GPU_CUDA_THREADS_H

#define GPU_DEVICE static __device__ __forceinline__
#define GPU_KERNEL(name, arguments, most_threads)                                                  \
    extern "C" __global__ void __launch_bounds__(most_threads)                                     \
        sc_gpu_kernel_##name(const arguments a)
#define GPU_EVERY_LANE 0xffffffffu

GPU_DEVICE uint32_t gpu_thread(void)
{
    return threadIdx.x;
}
GPU_DEVICE uint32_t gpu_threads(void)
{
    return blockDim.x;
}
GPU_DEVICE uint32_t gpu_lane(void)
{
    return threadIdx.x % GPU_WARP;
}
GPU_DEVICE uint32_t gpu_warp(void)
{
    return threadIdx.x / GPU_WARP;
}
GPU_DEVICE uint32_t gpu_block_x(void)
{
    return blockIdx.x;
}
GPU_DEVICE uint32_t gpu_block_y(void)
{
    return blockIdx.y;
}
GPU_DEVICE uint32_t gpu_block_z(void)
{
    return blockIdx.z;
}
GPU_DEVICE uint32_t gpu_blocks_x(void)
{
    return gridDim.x;
}
GPU_DEVICE uint32_t gpu_blocks_y(void)
{
    return gridDim.y;
}
GPU_DEVICE void *gpu_shared(void)
{
    extern __shared__ __align__(256) unsigned char sc_gpu_shared_memory[];
    return sc_gpu_shared_memory;
}
GPU_DEVICE void gpu_barrier(void)
{
    __syncthreads();
}
GPU_DEVICE void gpu_warp_barrier(void)
{
    __syncwarp();
}
GPU_DEVICE float gpu_swap_f(float x, unsigned d)
{
    return __shfl_xor_sync(GPU_EVERY_LANE, x, (int)d);
}
GPU_DEVICE double gpu_swap_d(double x, unsigned d)
{
    return __shfl_xor_sync(GPU_EVERY_LANE, x, (int)d);
}
GPU_DEVICE uint32_t gpu_swap_u(uint32_t x, unsigned d)
{
    return __shfl_xor_sync(GPU_EVERY_LANE, x, (int)d);
}
GPU_DEVICE float gpu_from_f(float x, unsigned lane)
{
    return __shfl_sync(GPU_EVERY_LANE, x, (int)lane);
}
GPU_DEVICE uint32_t gpu_from_u(uint32_t x, unsigned lane)
{
    return __shfl_sync(GPU_EVERY_LANE, x, (int)lane);
}
GPU_DEVICE uint32_t gpu_ballot(bool b)
{
    return __ballot_sync(GPU_EVERY_LANE, b);
}
GPU_DEVICE uint32_t gpu_add_u(uint32_t *p, uint32_t n)
{
    return atomicAdd(p, n);
}
GPU_DEVICE void gpu_or_u(uint32_t *p, uint32_t n)
{
    atomicOr(p, n);
}
GPU_DEVICE uint32_t gpu_n_bits(uint32_t n)
{
    return (uint32_t)__popc(n);
}
GPU_DEVICE uint32_t gpu_bits_of(float x)
{
    return __float_as_uint(x);
}
GPU_DEVICE float gpu_float_of(uint32_t bits)
{
    return __uint_as_float(bits);
}
GPU_DEVICE float gpu_fma(float x, float y, float z)
{
    return __fmaf_rn(x, y, z);
}
GPU_DEVICE double gpu_fma_d(double x, double y, double z)
{
    return __fma_rn(x, y, z);
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
    return __fsqrt_rn(x);
}
GPU_DEVICE double gpu_sqrt_d(double x)
{
    return __dsqrt_rn(x);
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
GPU_DEVICE void gpu_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
                 "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GPU_DEVICE void gpu_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, "
                 "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
GPU_DEVICE void gpu_load_matrices(uint32_t r[4], const void *row)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}
GPU_DEVICE void gpu_load_matrices_turned(uint32_t r[4], const void *row)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}
GPU_DEVICE void gpu_load16(uint32_t r[4], const void *from, bool wanted)
{
    uint4 x = make_uint4(0, 0, 0, 0);
    if (wanted)
        x = *(const uint4 *)from;
    r[0] = x.x;
    r[1] = x.y;
    r[2] = x.z;
    r[3] = x.w;
}
GPU_DEVICE void gpu_store16(void *to, const uint32_t r[4])
{
    *(uint4 *)to = make_uint4(r[0], r[1], r[2], r[3]);
}
GPU_DEVICE void gpu_fetch16(void *to, const void *from, bool wanted)
{
    const uint32_t at = (uint32_t)__cvta_generic_to_shared(to);
    const int n = wanted ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at), "l"(from), "r"(n)
                 : "memory");
}
GPU_DEVICE void gpu_fetch_group(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}
/* n is a constant where it is called. */
#define gpu_fetch_wait(n) asm volatile("cp.async.wait_group %0;" ::"n"(n) : "memory")

#endif
