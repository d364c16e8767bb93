/* A module that another program would understand, for test_gpu_modules.c. */
#include "engine/gpu/module.h"

const struct sc_gpu_module *sc_gpu_module(void);

__attribute__((visibility("default"))) const struct sc_gpu_module *sc_gpu_module(void)
{
    static const struct sc_gpu_module module = {.version = SC_GPU_MODULE_VERSION + 1,
                                                .bytes = sizeof(struct sc_gpu_module),
                                                .name = "other"};
    return &module;
}
