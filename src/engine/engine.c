/*
 * Opening an engine: what is asked for is checked, a device is chosen, and it packs the weights.
 *
 * Refuses counts of tokens that do not fit the model, and networks that the device does not
 * compute.  Next: device.h, cpu/cpu.c, gpu/gpu.c.
 */
#include "engine/engine.h"

#include <stdint.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/options.h"
#include "engine/gpu/modules.h"
#include "vocabulary/device_name.h"

struct sc_engine_options sc_engine_options_default(void)
{
    return (struct sc_engine_options){
        .size = sizeof(struct sc_engine_options), .dtype = -1, .confidence_top_k = 20};
}

static enum sc_status choose_sizes(struct sc_engine *engine,
                                   const struct sc_engine_options *options, struct sc_error *error)
{
    size_t n_rows = engine->config.n_vocab;
    if (options->n_vocab < 0 || (size_t)options->n_vocab > n_rows)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "engine: tokens: expected 0 to %zu (rows of the embedding), found %d",
                       n_rows, options->n_vocab);
    engine->n_vocab = (size_t)options->n_vocab;
    if (options->n_vocab == 0)
        SC_TRY(sc_model_count_tokens(engine->model, &engine->n_vocab, error));
    if (options->confidence_top_k < 1)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "engine: k of the confidence: expected 1 or more, found %d",
                       options->confidence_top_k);
    if ((size_t)options->confidence_top_k > engine->n_vocab)
        return sc_fail(error, SC_ERR_LIMIT,
                       "engine: k of the confidence: expected at most the model's %zu tokens, "
                       "found %d",
                       engine->n_vocab, options->confidence_top_k);
    engine->confidence_top_k = (size_t)options->confidence_top_k;
    if (options->n_threads < 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "engine: threads: expected 0 or more, found %d",
                       options->n_threads);
    if (options->dtype < -1 || options->dtype > SC_DTYPE_INT8)
        return sc_fail(error, SC_ERR_ARGUMENT, "engine: dtype: expected -1 to %d, found %d",
                       (int)SC_DTYPE_INT8, options->dtype);
    return SC_OK;
}

static enum sc_status open_on(struct sc_engine *engine, const struct sc_device *device,
                              const struct sc_engine_options *options, struct sc_error *error)
{
    const char *refused = device->refused != NULL ? device->refused(&engine->config) : NULL;
    engine->device = device;
    if (refused != NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "the device %s: %s", device->name, refused);
    return device->open(engine, options, error);
}

/* A GPU that is there and does, or else the processor.  Who speaks of threads or of instruction
 * sets means the processor. */
static enum sc_status open_on_best(struct sc_engine *engine,
                                   const struct sc_engine_options *options, struct sc_error *error)
{
    struct sc_error why = {0};
    if (options->kernels != NULL || options->n_threads > 0)
        return open_on(engine, &sc_device_cpu, options, error);
    enum sc_status status = open_on(engine, &sc_device_gpu, options, &why);
    if (status == SC_ERR_INTERRUPTED)
        return sc_fail(error, status, "%s", why.text);
    if (engine->weights != NULL && status == SC_OK)
        return SC_OK;
    engine->device->close(engine->weights);
    engine->weights = NULL;
    if (sc_gpu_is_there())
        snprintf(engine->device_reason, sizeof engine->device_reason, "%s", why.text);
    return open_on(engine, &sc_device_cpu, options, error);
}

static enum sc_status open_engine(struct sc_engine *engine, const struct sc_engine_options *options,
                                  struct sc_error *error)
{
    struct sc_device_wish wish;
    SC_TRY(choose_sizes(engine, options, error));
    SC_TRY(sc_device_wish_read(&wish, options->device, error));
    if (wish.kind == SC_DEVICE_AUTO)
        return open_on_best(engine, options, error);
    return open_on(engine, wish.kind == SC_DEVICE_GPU ? &sc_device_gpu : &sc_device_cpu, options,
                   error);
}

enum sc_status sc_engine_open(struct sc_engine **out, const struct sc_model *model,
                              const struct sc_engine_options *options, struct sc_error *error)
{
    struct sc_engine_options all = sc_engine_options_default();
    if (out == NULL || model == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "engine: expected a model and where to put it");
    *out = NULL;
    if (options != NULL)
        SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "engine", error));
    struct sc_engine *engine = sc_alloc_zero(1, sizeof *engine);
    if (engine == NULL)
        return sc_fail_nomem(error, "engine");
    engine->model = model;
    engine->config = *sc_model_config(model);
    engine->device = &sc_device_cpu;
    enum sc_status status = open_engine(engine, &all, error);
    if (status == SC_OK)
        *out = engine;
    else
        sc_engine_close(engine);
    return status;
}

void sc_engine_close(struct sc_engine *engine)
{
    if (engine == NULL)
        return;
    engine->device->close(engine->weights);
    sc_free(engine);
}

const struct sc_model *sc_engine_model(const struct sc_engine *engine)
{
    return engine->model;
}

enum sc_dtype sc_engine_dtype(const struct sc_engine *engine)
{
    return engine != NULL ? engine->dtype : (enum sc_dtype)0;
}

const char *sc_engine_device(const struct sc_engine *engine)
{
    return engine != NULL ? engine->device_name : NULL;
}

const char *sc_engine_device_reason(const struct sc_engine *engine)
{
    return engine != NULL && engine->device_reason[0] != '\0' ? engine->device_reason : NULL;
}

const char *sc_engine_kernels(const struct sc_engine *engine)
{
    return engine != NULL ? engine->arithmetic : NULL;
}

size_t sc_engine_n_threads(const struct sc_engine *engine)
{
    return engine != NULL ? engine->n_threads : 0;
}

size_t sc_engine_weight_bytes(const struct sc_engine *engine)
{
    return engine != NULL ? engine->weight_bytes : 0;
}

size_t sc_engine_n_vocab(const struct sc_engine *engine)
{
    return engine != NULL ? engine->n_vocab : 0;
}

size_t sc_engine_confidence_top_k(const struct sc_engine *engine)
{
    return engine != NULL ? engine->confidence_top_k : 0;
}
