/*
 * Opening an engine: which arithmetic, which instruction set, and the weights packed for it.
 *
 * Refuses an arithmetic that the instruction set has no product for, and counts of tokens that do
 * not fit the model.  Norm gains stay f32; the embedding is read from the model's map row by row.
 * Next: forward.c, which computes with these weights.
 */
#include "engine/engine.h"

#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/system.h"

struct packing {
    const struct sc_tensor *source;
    struct sc_packed *packed;
    size_t n_panels;
};

/* All matrices of the model, for one parallel loop over their panels. */
struct packing_list {
    const struct sc_matmul *matmul;
    struct packing *items;
    size_t n_items, n_panels, n_tasks;
};

void sc_tensor_row(const struct sc_tensor *tensor, size_t row, float *out)
{
    size_t n = tensor->n_cols, size = sc_dtype_bytes(tensor->dtype);
    const unsigned char *from = (const unsigned char *)tensor->data + row * n * size;
    uint16_t half;

    /* memcpy: a tensor may stand at any address. */
    if (tensor->dtype == SC_DTYPE_F32) {
        memcpy(out, from, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(&half, from + 2 * i, sizeof half);
        out[i] = tensor->dtype == SC_DTYPE_BF16 ? sc_f32_from_bf16(half) : sc_f32_from_f16(half);
    }
}

struct sc_engine_options sc_engine_options_default(void)
{
    return (struct sc_engine_options){.dtype = -1, .confidence_top_k = 20};
}

/* Packs panels [from, to) and gives the pages of their source back to the system, so that the
 * weights are not in memory twice.  (Rows of the embedding that are needed later are read again.)
 */
static void pack_panels(const struct sc_matmul *matmul, const struct packing *item, size_t from,
                        size_t to)
{
    const struct sc_tensor *source = item->source;
    size_t panel = matmul->panel, row_bytes = source->n_cols * sc_dtype_bytes(source->dtype);
    size_t last = to * panel < item->packed->n_out ? to * panel : item->packed->n_out;

    matmul->pack(item->packed, source->data, source->dtype, from, to);
    sc_map_forget((const unsigned char *)source->data + from * panel * row_bytes,
                  (last - from * panel) * row_bytes);
}

static void pack_task(void *context, size_t task, size_t worker)
{
    struct packing_list *list = context;
    size_t begin = list->n_panels * task / list->n_tasks;
    size_t end = list->n_panels * (task + 1) / list->n_tasks;
    size_t first = 0;

    (void)worker;
    for (size_t i = 0; i < list->n_items && first < end; i++) {
        struct packing *item = &list->items[i];
        size_t from = begin > first ? begin - first : 0;
        size_t to = end - first < item->n_panels ? end - first : item->n_panels;

        if (from < to)
            pack_panels(list->matmul, item, from, to);
        first += item->n_panels;
    }
}

static void add_packing(struct packing_list *list, struct sc_packed *packed,
                        const struct sc_tensor *source, size_t n_out, enum sc_dtype dtype)
{
    struct packing *item = &list->items[list->n_items++];
    size_t panel = list->matmul->panel;

    *packed = (struct sc_packed){.dtype = dtype, .n_out = n_out, .n_in = source->n_cols};
    packed->bytes = list->matmul->packed_bytes(n_out, source->n_cols);
    *item = (struct packing){source, packed, (n_out + panel - 1) / panel};
    list->n_panels += item->n_panels;
}

static enum sc_status pack_weights(struct sc_engine *engine, struct sc_error *error)
{
    const struct sc_model *model = engine->model;
    size_t n_layers = engine->config.n_layers, bytes = 0;
    struct packing_list list = {.matmul = engine->matmul};
    enum sc_status status = SC_OK;

    list.items = sc_alloc_array(7 * n_layers + 1, sizeof *list.items);
    if (list.items == NULL)
        return sc_fail_nomem(error, "list of weights");
    for (size_t l = 0; l < n_layers; l++) {
        const struct sc_layer_tensors *t = sc_model_layer(model, l);
        struct sc_layer_weights *w = &engine->layers[l];

        add_packing(&list, &w->q, &t->q, t->q.n_rows, engine->dtype);
        add_packing(&list, &w->k, &t->k, t->k.n_rows, engine->dtype);
        add_packing(&list, &w->v, &t->v, t->v.n_rows, engine->dtype);
        add_packing(&list, &w->o, &t->o, t->o.n_rows, engine->dtype);
        add_packing(&list, &w->gate, &t->gate, t->gate.n_rows, engine->dtype);
        add_packing(&list, &w->up, &t->up, t->up.n_rows, engine->dtype);
        add_packing(&list, &w->down, &t->down, t->down.n_rows, engine->dtype);
    }
    /* Rows past n_vocab are no tokens: they are not even computed. */
    add_packing(&list, &engine->head, sc_model_head(model), engine->n_vocab, engine->dtype);

    for (size_t i = 0; i < list.n_items; i++)
        bytes = sc_size_add(bytes, sc_size_add(list.items[i].packed->bytes, 63) & ~(size_t)63);
    engine->weights = sc_alloc_aligned(bytes);
    if (engine->weights == NULL) {
        status = sc_fail(error, SC_ERR_NOMEM, "engine: %zu bytes for the packed weights: not there",
                         bytes);
        goto end;
    }
    sc_prefer_large_pages(engine->weights, bytes); /* every step reads them all */
    engine->weight_bytes = bytes;
    bytes = 0;
    for (size_t i = 0; i < list.n_items; i++) {
        list.items[i].packed->data = engine->weights + bytes;
        bytes += (list.items[i].packed->bytes + 63) & ~(size_t)63;
    }
    list.n_tasks = list.n_panels < 32 * engine->n_threads ? 1 : 32 * engine->n_threads;
    sc_pool_run(engine->pool, list.n_tasks, pack_task, &list);
end:
    sc_free(list.items);
    return status;
}

static const float *next_gain(float **to, const struct sc_tensor *tensor)
{
    const float *gain = *to;

    sc_tensor_row(tensor, 0, *to);
    *to += tensor->n_cols;
    return gain;
}

static enum sc_status convert_norms(struct sc_engine *engine, struct sc_error *error)
{
    const struct sc_model_config *c = &engine->config;
    size_t n = c->n_layers * 2 * (c->hidden + c->head_dim) + c->hidden;
    float *to = engine->norms = sc_alloc_array(n, sizeof *to);

    if (to == NULL)
        return sc_fail_nomem(error, "norm gains");
    for (size_t l = 0; l < c->n_layers; l++) {
        const struct sc_layer_tensors *t = sc_model_layer(engine->model, l);
        struct sc_layer_weights *w = &engine->layers[l];

        w->input_norm = next_gain(&to, &t->input_norm);
        w->post_norm = next_gain(&to, &t->post_norm);
        w->q_norm = next_gain(&to, &t->q_norm);
        w->k_norm = next_gain(&to, &t->k_norm);
    }
    engine->final_norm = next_gain(&to, sc_model_final_norm(engine->model));
    return SC_OK;
}

/* The model's own arithmetic, with f16 computed in f32 (a wider type loses nothing of it). */
static enum sc_dtype own_dtype(const struct sc_model_config *config)
{
    return config->dtype == SC_DTYPE_BF16 ? SC_DTYPE_BF16 : SC_DTYPE_F32;
}

static enum sc_status choose_arithmetic(struct sc_engine *engine, int dtype, const char *name,
                                        struct sc_error *error)
{
    engine->kernels = sc_kernels_find(name);
    if (engine->kernels == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "engine: instruction set '%s': unknown or not supported by this processor",
                       name != NULL ? name : "best");
    if (dtype < -1 || dtype > SC_DTYPE_INT8)
        return sc_fail(error, SC_ERR_ARGUMENT, "engine: dtype: expected -1 to %d, found %d",
                       (int)SC_DTYPE_INT8, dtype);
    engine->dtype = dtype < 0 ? own_dtype(&engine->config) : (enum sc_dtype)dtype;
    engine->matmul = &engine->kernels->matmul[engine->dtype];
    if (engine->matmul->multiply == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "engine: dtype %s: the instruction set '%s' has no product for it",
                       sc_dtype_name(engine->dtype), engine->kernels->name);
    engine->attention =
        &engine->kernels->attention[engine->dtype == SC_DTYPE_F32 ? SC_DTYPE_F32 : SC_DTYPE_BF16];
    if (engine->attention->scores == NULL)
        engine->attention = &engine->kernels->attention[SC_DTYPE_F32];
    return SC_OK;
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
    return SC_OK;
}

enum sc_status sc_engine_open(struct sc_engine **out, const struct sc_model *model,
                              const struct sc_engine_options *options, struct sc_error *error)
{
    struct sc_engine_options defaults = sc_engine_options_default();
    struct sc_engine *engine;
    enum sc_status status;

    *out = NULL;
    if (options == NULL)
        options = &defaults;
    engine = sc_alloc_zero(1, sizeof *engine);
    if (engine == NULL)
        return sc_fail_nomem(error, "engine");
    engine->model = model;
    engine->config = *sc_model_config(model);
    status = choose_arithmetic(engine, options->dtype, options->kernels, error);
    if (status == SC_OK)
        status = choose_sizes(engine, options, error);
    if (status == SC_OK)
        status = sc_pool_new(&engine->pool,
                             options->n_threads ? options->n_threads : sc_available_cores(), error);
    if (status != SC_OK)
        goto fail;
    engine->n_threads = (size_t)sc_pool_n_threads(engine->pool);
    engine->layers = sc_alloc_zero(engine->config.n_layers, sizeof *engine->layers);
    if (engine->layers == NULL) {
        status = sc_fail_nomem(error, "layers");
        goto fail;
    }
    status = convert_norms(engine, error);
    if (status == SC_OK)
        status = pack_weights(engine, error);
    if (status != SC_OK)
        goto fail;
    *out = engine;
    return SC_OK;
fail:
    sc_engine_close(engine);
    return status;
}

void sc_engine_close(struct sc_engine *engine)
{
    if (engine == NULL)
        return;
    sc_pool_free(engine->pool);
    sc_free(engine->weights);
    sc_free(engine->norms);
    sc_free(engine->layers);
    sc_free(engine);
}

enum sc_dtype sc_engine_dtype(const struct sc_engine *engine)
{
    return engine->dtype;
}

const char *sc_engine_kernels(const struct sc_engine *engine)
{
    return engine->kernels->name;
}

const struct sc_model *sc_engine_model(const struct sc_engine *engine)
{
    return engine->model;
}

size_t sc_engine_weight_bytes(const struct sc_engine *engine)
{
    return engine->weight_bytes;
}

struct sc_pool *sc_engine_pool(const struct sc_engine *engine)
{
    return engine->pool;
}

size_t sc_engine_n_vocab(const struct sc_engine *engine)
{
    return engine->n_vocab;
}
