/* All kernels, compiled for the processor. */
#include "engine/gpu/emulated/emulated.h"
#include "engine/gpu/kernels/attention_plain.h"
#include "engine/gpu/kernels/ends_finish.h"
#include "engine/gpu/kernels/experts.h"
#include "engine/gpu/kernels/product.h"
#include "engine/gpu/kernels/rows.h"

const struct sc_emulated_kernel sc_emulated_kernels[SC_GPU_N_KERNELS] = {
#define KERNEL(name, arguments)                                                                    \
    [SC_GPU_##name] = {sc_gpu_run_##name, sizeof(arguments), SC_GPU_MOST_THREADS_##name},
    SC_GPU_ALL_KERNELS(KERNEL)
#undef KERNEL
};
