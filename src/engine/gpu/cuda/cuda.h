/* The parts of the CUDA module.  Private to this folder; compiled by nvcc alone. */
#ifndef SC_ENGINE_GPU_CUDA_CUDA_H
#define SC_ENGINE_GPU_CUDA_CUDA_H

#include "engine/gpu/module.h"

/* Kernel by number (kernels.cu). */
struct sc_cuda_kernel {
    const void *function; /* what cudaLaunchKernel takes */
    size_t argument_bytes;
    const char *name;
};
extern const struct sc_cuda_kernel sc_cuda_kernels[SC_GPU_N_KERNELS];

#endif
