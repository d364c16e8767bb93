/* All kernels, by number; each file of kernels lists its own with the struct of its arguments. */
#ifndef SC_ENGINE_GPU_KERNELS_LIST_H
#define SC_ENGINE_GPU_KERNELS_LIST_H

#include "engine/gpu/kernels/attention_arguments.h"
#include "engine/gpu/kernels/ends_arguments.h"
#include "engine/gpu/kernels/expert_arguments.h"
#include "engine/gpu/kernels/product_arguments.h"
#include "engine/gpu/kernels/row_arguments.h"

#define SC_GPU_ALL_KERNELS(X)                                                                      \
    SC_GPU_ROW_KERNELS(X)                                                                          \
    SC_GPU_PRODUCT_KERNELS(X)                                                                      \
    SC_GPU_EXPERT_KERNELS(X)                                                                       \
    SC_GPU_ENDS_KERNELS(X)                                                                         \
    SC_GPU_ATTENTION_KERNELS(X)

enum sc_gpu_kernel {
#define SC_GPU_NUMBER(name, arguments) SC_GPU_##name,
    SC_GPU_ALL_KERNELS(SC_GPU_NUMBER)
#undef SC_GPU_NUMBER
        SC_GPU_N_KERNELS
};

#endif
