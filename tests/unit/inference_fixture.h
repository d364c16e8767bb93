/* What the tests of the inference room share: the small models of tests/golden, opened. */
#ifndef TEST_INFERENCE_FIXTURE_H
#define TEST_INFERENCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/cpu/cpu.h"

struct fixture {
    struct sc_model *model;
    struct sc_engine *engine;
};

/* threads 0: two; kernels NULL: the best; dtype -1: the model's own. */
static inline struct fixture fixture_open(const char *name, int dtype, int threads,
                                          const char *kernels, int n_vocab, int top_k)
{
    struct sc_engine_options options = sc_engine_options_default();
    struct fixture f = {0};
    struct sc_error error = {0};
    char folder[1024];

    snprintf(folder, sizeof folder, "%s/inference_%s", TEST_GOLDEN, name);
    if (sc_model_open(&f.model, folder, &error) != SC_OK)
        fail_msg("%s", error.text);
    options.dtype = dtype;
    options.n_threads = threads ? threads : 2;
    options.kernels = kernels;
    options.n_vocab = n_vocab;
    options.confidence_top_k = top_k;
    if (sc_engine_open(&f.engine, f.model, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return f;
}

/* What the CPU has of it, to be tampered with. */
static inline struct sc_cpu *fixture_cpu(const struct fixture *f)
{
    return f->engine->weights;
}

static inline void fixture_close(struct fixture *f)
{
    sc_engine_close(f->engine);
    sc_model_close(f->model);
}

#endif
