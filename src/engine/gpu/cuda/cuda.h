/*
 * The parts of the CUDA module.  Private to this folder, which is compiled only where a CUDA
 * compiler is (cmake/gpu.cmake).
 *
 *   module.c    cards, memory, queues: the table of module.h over the CUDA runtime
 *   library.c   products by cuBLASLt, which is loaded when a card is opened, where it is installed
 *   kernels.cu  all kernels, by number
 */
#ifndef SC_ENGINE_GPU_CUDA_CUDA_H
#define SC_ENGINE_GPU_CUDA_CUDA_H

#include <cuda_runtime_api.h>

#include "engine/gpu/module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Kernel by number (kernels.cu). */
struct sc_cuda_kernel {
    const void *function; /* what cudaLaunchKernel takes */
    size_t argument_bytes;
    const char *name;
};
extern const struct sc_cuda_kernel sc_cuda_kernels[SC_GPU_N_KERNELS];

#ifdef __cplusplus
}
#endif

/* The module's one symbol. */
const struct sc_gpu_module *sc_gpu_module(void);

/* Workspace of a queue, for ways of the library. */
#define SC_CUDA_WORKSPACE ((size_t)32 << 20)

struct sc_cuda_queue {
    int ordinal; /* of the card, as CUDA numbers it */
    cudaStream_t stream;
    cudaEvent_t marks[SC_GPU_MARKS];
    void *workspace;            /* [SC_CUDA_WORKSPACE], or NULL where there is no library */
    struct sc_cuda_lt *library; /* the card's, or NULL */
    bool is_recording, is_lost;
};

/* An error of the runtime as a status and a line: "cudaMalloc: out of memory".  What is not
 * forgotten is forgotten, so that the next call does not report it again. */
enum sc_status sc_cuda_failed(cudaError_t error, const char *what, char *why);

/* ---- library.c ------------------------------------------------------------------------------- */

/* cuBLASLt's name and version, "" where it is not installed.  SC_ERR_UNSUPPORTED where
 * SAFECONF_CUBLASLT names a file that cannot be used. */
enum sc_status sc_cuda_lt_name(char *out, size_t n, char *why);
/* For the current card; *out NULL where it is not installed. */
enum sc_status sc_cuda_lt_open(struct sc_cuda_lt **out, char *why);
void sc_cuda_lt_close(struct sc_cuda_lt *library); /* NULL is fine */

struct sc_cuda_way;
/* find_ways and multiply of module.h, with the card current. */
enum sc_status sc_cuda_lt_find_ways(struct sc_cuda_lt *library,
                                    const struct sc_gpu_product_shape *shape, uint32_t n_rows,
                                    void **ways, size_t most, size_t *n, char *why);
void sc_cuda_lt_forget_way(struct sc_cuda_way *way); /* NULL is fine */
enum sc_status sc_cuda_lt_multiply(const struct sc_cuda_queue *queue, const struct sc_cuda_way *way,
                                   const struct sc_gpu_operands *operands, char *why);

#endif
