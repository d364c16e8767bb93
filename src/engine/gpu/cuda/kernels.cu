/* All kernels, compiled for CUDA. */
#include "engine/gpu/cuda/cuda.h"
#include "engine/gpu/kernels/ends_finish.h"
#include "engine/gpu/kernels/experts.h"
#include "engine/gpu/kernels/product.h"
#include "engine/gpu/kernels/attention_plain.h"
#include "engine/gpu/kernels/rows.h"

const struct sc_cuda_kernel sc_cuda_kernels[SC_GPU_N_KERNELS] = {
#define KERNEL(name, arguments) {(const void *)sc_gpu_kernel_##name, sizeof(arguments), #name},
    SC_GPU_ALL_KERNELS(KERNEL)
#undef KERNEL
};
