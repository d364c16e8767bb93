/*
 * Weights packed for the CPU: which arithmetic, which instruction set, and the panels of it.
 *
 * Refuses an arithmetic that the instruction set has no product for.  Gains and biases stay f32;
 * the embedding is read from the model's map row by row.  Next: forward.c, which computes with
 * these weights.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/system.h"
#include "engine/arithmetic.h"
#include "engine/cpu/cpu.h"

#define MOST_TASK_BYTES ((size_t)16 << 20) /* of packed weights, in milliseconds */

struct packing {
    const struct sc_matmul *matmul;
    const struct sc_tensor *source;
    struct sc_packed *packed;
    size_t n_panels;
};

/* All matrices of the model, for one parallel loop over their panels. */
struct packing_list {
    struct sc_interrupt interrupt; /* asked by the caller's thread, which is worker 0 */
    atomic_bool interrupted;
    struct packing *items;
    size_t n_items, n_panels, n_tasks;
    float *wide;   /* [worker][n_wide] for a panel of 8-bit floats; NULL where there are none */
    size_t n_wide; /* of the largest panel of them */
};

/* Panels of 8-bit floats, each widened to floats by itself: wide [panel][n_cols]. */
static void pack_widened(const struct packing *item, size_t from, size_t to, float *wide)
{
    const struct sc_matmul *matmul = item->matmul;
    const struct sc_tensor *source = item->source;
    const struct sc_packed *whole = item->packed;
    const size_t panel_bytes = matmul->packed_bytes(matmul->panel, whole->n_in);
    for (size_t p = from; p < to; p++) {
        const size_t first = p * matmul->panel, left = whole->n_out - first;
        struct sc_packed one = *whole;
        one.n_out = left < matmul->panel ? left : matmul->panel;
        one.data = (unsigned char *)whole->data + p * panel_bytes;
        one.bytes = panel_bytes;
        for (size_t r = 0; r < one.n_out; r++)
            sc_tensor_row(source, first + r, wide + r * source->n_cols);
        matmul->pack(&one, wide, SC_DTYPE_F32, 0, 1);
    }
}

/* Packs panels [from, to) and gives the pages of their source back to the system, so that the
 * weights are not in memory twice.  (Rows of the embedding that are needed later are read again.)
 */
static void pack_panels(const struct packing *item, size_t from, size_t to, float *wide)
{
    const struct sc_matmul *matmul = item->matmul;
    const struct sc_tensor *source = item->source;
    size_t panel = matmul->panel, row_bytes = sc_tensor_row_bytes(source);
    size_t last = to * panel < item->packed->n_out ? to * panel : item->packed->n_out;
    if (source->is_f8)
        pack_widened(item, from, to, wide);
    else
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
    float *wide = list->wide != NULL ? list->wide + worker * list->n_wide : NULL;
    if (worker == 0 && sc_interrupted(&list->interrupt))
        atomic_store_explicit(&list->interrupted, true, memory_order_relaxed);
    if (atomic_load_explicit(&list->interrupted, memory_order_relaxed))
        return;
    for (size_t i = 0; i < list->n_items && first < end; i++) {
        struct packing *item = &list->items[i];
        size_t from = begin > first ? begin - first : 0;
        size_t to = end - first < item->n_panels ? end - first : item->n_panels;
        if (from < to)
            pack_panels(item, from, to, wide);
        first += item->n_panels;
    }
}

static void add_packing(const struct sc_cpu *cpu, struct packing_list *list,
                        struct sc_packed *packed, const struct sc_tensor *source, size_t n_out,
                        enum sc_dtype dtype)
{
    const struct sc_matmul *matmul = &cpu->kernels->matmul[dtype];
    struct packing *item = &list->items[list->n_items++];
    *packed = (struct sc_packed){.dtype = dtype, .n_out = n_out, .n_in = source->n_cols};
    packed->bytes = matmul->packed_bytes(n_out, source->n_cols);
    *item = (struct packing){matmul, source, packed, (n_out + matmul->panel - 1) / matmul->panel};
    list->n_panels += item->n_panels;
    if (source->is_f8 && matmul->panel * source->n_cols > list->n_wide)
        list->n_wide = matmul->panel * source->n_cols;
}

/* One that is packed as a whole in the engine's arithmetic. */
static void add_matrix(const struct sc_cpu *cpu, struct packing_list *list,
                       struct sc_packed *packed, const struct sc_tensor *source)
{
    add_packing(cpu, list, packed, source, source->n_rows, cpu->dtype);
}

/* The router multiplies in f32 (experts.c). */
static void list_experts(const struct sc_cpu *cpu, struct packing_list *list,
                         const struct sc_layer_tensors *t, struct sc_layer_weights *w)
{
    add_packing(cpu, list, &w->router, &t->router, t->router.n_rows, SC_DTYPE_F32);
    for (size_t e = 0; e < cpu->config.layer.n_experts; e++) {
        add_matrix(cpu, list, &w->experts[e].gate, &t->experts[e].gate);
        add_matrix(cpu, list, &w->experts[e].up, &t->experts[e].up);
        add_matrix(cpu, list, &w->experts[e].down, &t->experts[e].down);
    }
}

static void list_weights(struct sc_cpu *cpu, struct packing_list *list)
{
    for (size_t l = 0; l < cpu->config.n_layers; l++) {
        const struct sc_layer_tensors *t = sc_model_layer(cpu->model, l);
        struct sc_layer_weights *w = &cpu->layers[l];
        add_matrix(cpu, list, &w->q, &t->q);
        add_matrix(cpu, list, &w->k, &t->k);
        add_matrix(cpu, list, &w->v, &t->v);
        add_matrix(cpu, list, &w->o, &t->o);
        if (cpu->config.layer.n_experts > 0) {
            list_experts(cpu, list, t, w);
            continue;
        }
        add_matrix(cpu, list, &w->gate, &t->gate);
        add_matrix(cpu, list, &w->up, &t->up);
        add_matrix(cpu, list, &w->down, &t->down);
    }
    /* Rows past n_vocab are not tokens: they are not even computed. */
    add_packing(cpu, list, &cpu->output, sc_model_output(cpu->model), cpu->n_vocab, cpu->dtype);
}

static size_t matrices_of_a_layer(const struct sc_cpu *cpu)
{
    const size_t n_experts = cpu->config.layer.n_experts;
    return 4 + (n_experts > 0 ? 1 + 3 * n_experts : 3);
}

/* Some for each thread, so that all end together, and none so large that a caller who wants to end
 * it waits. */
static size_t number_of_tasks(const struct packing_list *list, size_t bytes, size_t n_threads)
{
    size_t n = bytes / MOST_TASK_BYTES < 32 * n_threads ? 32 * n_threads : bytes / MOST_TASK_BYTES;
    return list->n_panels < n ? 1 : n;
}

static enum sc_status pack_listed(struct sc_cpu *cpu, struct packing_list *list,
                                  struct sc_pool *pool, struct sc_error *error)
{
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < list->n_items; i++)
        bytes = sc_size_add(bytes, sc_size_add(list->items[i].packed->bytes, 63) & ~(size_t)63);
    cpu->weights = sc_alloc_aligned(bytes);
    if (cpu->weights == NULL)
        return sc_fail(error, SC_ERR_NOMEM,
                       "engine: %zu bytes for the packed weights: not available", bytes);
    sc_prefer_large_pages(cpu->weights, bytes); /* every step reads them all */
    cpu->weight_bytes += bytes;
    for (size_t i = 0; i < list->n_items; i++) {
        list->items[i].packed->data = cpu->weights + at;
        at += (list->items[i].packed->bytes + 63) & ~(size_t)63;
    }
    if (list->n_wide > 0) {
        list->wide = sc_alloc_array(sc_size_mul(cpu->n_threads, list->n_wide), sizeof *list->wide);
        if (list->wide == NULL)
            return sc_fail_nomem(error, "weights of 8 bits on their way");
    }
    list->n_tasks = number_of_tasks(list, bytes, cpu->n_threads);
    sc_pool_run(pool, list->n_tasks, pack_task, list);
    if (atomic_load_explicit(&list->interrupted, memory_order_relaxed))
        return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted while the weights were packed");
    return SC_OK;
}

static enum sc_status pack_weights(struct sc_cpu *cpu, const struct sc_interrupt *interrupt,
                                   struct sc_pool *pool, struct sc_error *error)
{
    struct packing_list list = {.interrupt = *interrupt};
    list.items =
        sc_alloc_array(cpu->config.n_layers * matrices_of_a_layer(cpu) + 1, sizeof *list.items);
    if (list.items == NULL)
        return sc_fail_nomem(error, "list of weights");
    list_weights(cpu, &list);
    enum sc_status status = pack_listed(cpu, &list, pool, error);
    sc_free(list.items);
    sc_free(list.wide);
    return status;
}

/* Vectors one behind the other; while there is no memory for them, they are only counted. */
struct vectors {
    float *all;
    size_t n;
};

/* offset is added to what the tensor holds; NULL for a tensor that the model does not have. */
static const float *add_vector(struct vectors *v, const struct sc_tensor *tensor, float offset)
{
    if (tensor->data == NULL)
        return NULL;
    float *vector = v->all != NULL ? v->all + v->n : NULL;
    v->n += tensor->n_cols;
    if (vector == NULL)
        return NULL;
    sc_tensor_row(tensor, 0, vector);
    for (size_t i = 0; offset != 0 && i < tensor->n_cols; i++)
        vector[i] += offset;
    return vector;
}

static void add_layer_vectors(struct vectors *v, const struct sc_layer_tensors *t, float offset,
                              struct sc_layer_weights *w)
{
    w->input_norm = add_vector(v, &t->input_norm, offset);
    w->ffn_norm = add_vector(v, &t->ffn_norm, offset);
    w->q_norm = add_vector(v, &t->q_norm, offset);
    w->k_norm = add_vector(v, &t->k_norm, offset);
    w->attention_out_norm = add_vector(v, &t->attention_out_norm, offset);
    w->ffn_out_norm = add_vector(v, &t->ffn_out_norm, offset);
    w->q_bias = add_vector(v, &t->q_bias, 0);
    w->k_bias = add_vector(v, &t->k_bias, 0);
    w->v_bias = add_vector(v, &t->v_bias, 0);
    w->o_bias = add_vector(v, &t->o_bias, 0);
}

static size_t add_vectors(struct sc_cpu *cpu)
{
    struct vectors v = {.all = cpu->norms};
    float offset = cpu->config.layer.gain_offset;
    for (size_t l = 0; l < cpu->config.n_layers; l++)
        add_layer_vectors(&v, sc_model_layer(cpu->model, l), offset, &cpu->layers[l]);
    cpu->final_norm = add_vector(&v, sc_model_final_norm(cpu->model), offset);
    return v.n;
}

static enum sc_status convert_vectors(struct sc_cpu *cpu, struct sc_error *error)
{
    size_t n = add_vectors(cpu);
    cpu->norms = sc_alloc_array(n, sizeof *cpu->norms);
    if (cpu->norms == NULL)
        return sc_fail_nomem(error, "gains and biases");
    cpu->weight_bytes += n * sizeof *cpu->norms;
    add_vectors(cpu);
    return SC_OK;
}

static enum sc_status choose_arithmetic(struct sc_cpu *cpu, const struct sc_engine_options *options,
                                        struct sc_error *error)
{
    cpu->kernels = sc_kernels_find(options->kernels);
    if (cpu->kernels == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "engine: instruction set '%s': unknown or not supported by this processor",
                       options->kernels != NULL ? options->kernels : "best");
    cpu->dtype =
        options->dtype < 0 ? sc_own_arithmetic(&cpu->config) : (enum sc_dtype)options->dtype;
    cpu->matmul = &cpu->kernels->matmul[cpu->dtype];
    if (cpu->matmul->multiply == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "engine: dtype %s: the instruction set '%s' has no product for it",
                       sc_dtype_name(cpu->dtype), cpu->kernels->name);
    cpu->attention =
        &cpu->kernels->attention[cpu->dtype == SC_DTYPE_F32 ? SC_DTYPE_F32 : SC_DTYPE_BF16];
    if (cpu->attention->scores == NULL)
        cpu->attention = &cpu->kernels->attention[SC_DTYPE_F32];
    return SC_OK;
}

static enum sc_status make_layers(struct sc_cpu *cpu, struct sc_error *error)
{
    const size_t n_layers = cpu->config.n_layers, n_experts = cpu->config.layer.n_experts;
    cpu->layers = sc_alloc_zero(n_layers, sizeof *cpu->layers);
    if (cpu->layers == NULL)
        return sc_fail_nomem(error, "layers");
    if (n_experts == 0)
        return SC_OK;
    cpu->experts = sc_alloc_zero(n_layers * n_experts, sizeof *cpu->experts);
    if (cpu->experts == NULL)
        return sc_fail_nomem(error, "layers");
    for (size_t l = 0; l < n_layers; l++)
        cpu->layers[l].experts = cpu->experts + l * n_experts;
    return SC_OK;
}

static enum sc_status open_cpu(struct sc_cpu *cpu, const struct sc_engine_options *options,
                               struct sc_error *error)
{
    SC_TRY(choose_arithmetic(cpu, options, error));
    sc_round_embedding_scale(&cpu->config, cpu->dtype);
    SC_TRY(make_layers(cpu, error));
    SC_TRY(convert_vectors(cpu, error));
    struct sc_pool *pool = NULL;
    SC_TRY(
        sc_pool_new(&pool, options->n_threads ? options->n_threads : sc_available_cores(), error));
    cpu->n_threads = (size_t)sc_pool_n_threads(pool);
    const struct sc_interrupt interrupt = {options->keep_going, options->context};
    enum sc_status status = pack_weights(cpu, &interrupt, pool, error);
    sc_pool_free(pool);
    return status;
}

enum sc_status sc_cpu_open(struct sc_engine *engine, const struct sc_engine_options *options,
                           struct sc_error *error)
{
    struct sc_cpu *cpu = sc_alloc_zero(1, sizeof *cpu);
    if (cpu == NULL)
        return sc_fail_nomem(error, "engine");
    engine->weights = cpu;
    cpu->model = engine->model;
    cpu->config = engine->config;
    cpu->n_vocab = engine->n_vocab;
    cpu->confidence_top_k = engine->confidence_top_k;
    SC_TRY(open_cpu(cpu, options, error)); /* what is there is the engine's to close */
    engine->dtype = cpu->dtype;
    engine->arithmetic = cpu->kernels->name;
    engine->n_threads = cpu->n_threads;
    engine->weight_bytes = cpu->weight_bytes;
    snprintf(engine->device_name, sizeof engine->device_name, "cpu");
    return SC_OK;
}

void sc_cpu_close(void *weights)
{
    struct sc_cpu *cpu = weights;
    if (cpu == NULL)
        return;
    sc_free(cpu->weights);
    sc_free(cpu->norms);
    sc_free(cpu->layers);
    sc_free(cpu->experts);
    sc_free(cpu);
}
