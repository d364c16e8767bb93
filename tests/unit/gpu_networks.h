/* Networks on the processor and on the emulated GPU, for the tests that put one beside the other.
 */
#ifndef TEST_GPU_NETWORKS_H
#define TEST_GPU_NETWORKS_H

#include <stdlib.h>

#include "engine/engine.h"
#include "model_fixture.h"

struct gpu_network {
    struct sc_model *model;
    struct sc_engine *engine;
};

/* gpu: words of SAFECONF_EMULATED_GPU; NULL: the processor, by portable C. */
static inline struct gpu_network open_network(const char *path, enum sc_dtype dtype,
                                              const char *gpu)
{
    struct sc_engine_options options = sc_engine_options_default();
    struct gpu_network o = {0};
    struct sc_error error = {0};
    options.dtype = (int)dtype;
    options.device = gpu != NULL ? "cuda" : "cpu";
    options.kernels = gpu != NULL ? NULL : "portable";
    setenv("SAFECONF_GPU_MODULE", TEST_GPU_MODULE, 1);
    setenv("SAFECONF_EMULATED_GPU", gpu != NULL ? gpu : "", 1);
    if (sc_model_open(&o.model, path, &error) != SC_OK ||
        sc_engine_open(&o.engine, o.model, &options, &error) != SC_OK)
        fail_msg("%s: %s", path, error.text);
    return o;
}

static inline void close_network(struct gpu_network *o)
{
    sc_engine_close(o->engine);
    sc_model_close(o->model);
}

/* What the emulated GPU is like in turn i. */
static inline const char *gpu_manner(size_t i)
{
    static const char *const manners[] = {"order=ascending", "order=descending,work=early",
                                          "order=shuffled,ways=none", "order=shuffled,ways=other",
                                          "order=descending,ways=none"};
    return manners[i % (sizeof manners / sizeof *manners)];
}

#endif
