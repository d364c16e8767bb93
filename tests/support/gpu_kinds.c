/* See gpu_kinds.h. */
#include "gpu_kinds.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

static void expect(enum sc_status status, const char *why)
{
    if (status != SC_OK)
        fail_msg("%s", why);
}

/* As vectors lie on the card: as long as their stride, zeros behind. */
static const float *put(struct gpu_kinds *gpu, const float *const parts[], const size_t n[],
                        size_t n_parts)
{
    const struct sc_gpu_weights *w = gpu->weights;
    char why[SC_GPU_WHY] = "";
    size_t all = 0, at = 0;
    if (parts[0] == NULL)
        return NULL;
    for (size_t i = 0; i < n_parts; i++)
        all += n[i];
    const size_t bytes = sc_gpu_stride(all) * sizeof(float);
    float *host = calloc(1, bytes);
    void *card = NULL;
    assert_non_null(host);
    for (size_t i = 0; i < n_parts; at += n[i++])
        memcpy(host + at, parts[i], n[i] * sizeof *host);
    expect(w->module->take(w->gpu, bytes, &card, why), why);
    expect(w->module->store(w->gpu, card, host, bytes, why), why);
    free(host);
    assert_true(gpu->n_vectors < GPU_KINDS_VECTORS);
    gpu->vectors[gpu->n_vectors++] = card;
    return card;
}

static const float *put_one(struct gpu_kinds *gpu, const float *vector, size_t n)
{
    return put(gpu, &vector, &n, 1);
}

static void set_vectors(struct gpu_kinds *gpu, const struct sc_layer_weights *from,
                        struct sc_gpu_layer *to)
{
    const struct sc_model_config *c = &gpu->weights->config;
    const bool whole = c->layer.qk_norm == SC_QK_NORM_WHOLE;
    const size_t q = c->n_heads * c->head_dim, k = c->n_kv_heads * c->head_dim;
    const float *const biases[] = {from->q_bias, from->k_bias, from->v_bias};
    to->qkv_bias = put(gpu, biases, (const size_t[]){q, k, k}, 3);
    to->o_bias = put_one(gpu, from->o_bias, c->hidden);
    to->input_norm = put_one(gpu, from->input_norm, c->hidden);
    to->ffn_norm = put_one(gpu, from->ffn_norm, c->hidden);
    to->attention_out_norm = put_one(gpu, from->attention_out_norm, c->hidden);
    to->ffn_out_norm = put_one(gpu, from->ffn_out_norm, c->hidden);
    to->q_norm = put_one(gpu, from->q_norm, whole ? q : c->head_dim);
    to->k_norm = put_one(gpu, from->k_norm, whole ? k : c->head_dim);
}

struct gpu_kinds gpu_kinds_open(const struct kinds_fixture *cpu, const char *module,
                                const char *options)
{
    struct sc_engine_options wanted = sc_engine_options_default();
    struct sc_error error = {0};
    struct gpu_kinds gpu = {0};
    setenv("SAFECONF_GPU_MODULE", module, 1);
    setenv("SAFECONF_EMULATED_GPU", options != NULL ? options : "", 1);
    wanted.dtype = (int)cpu->engine->dtype;
    wanted.device = "cuda";
    expect(sc_engine_open(&gpu.engine, cpu->model, &wanted, &error), error.text);
    gpu.weights = gpu.engine->weights;
    gpu.weights->config = gpu.engine->config = cpu->engine->config;
    for (size_t l = 0; l < gpu.weights->config.n_layers; l++)
        set_vectors(&gpu, &kinds_cpu(cpu)->layers[l], &gpu.weights->layers[l]);
    return gpu;
}

void gpu_kinds_close(struct gpu_kinds *gpu)
{
    for (size_t i = 0; i < gpu->n_vectors; i++)
        gpu->weights->module->release(gpu->weights->gpu, gpu->vectors[i]);
    sc_engine_close(gpu->engine);
}

struct sc_gpu_session *gpu_kinds_session(const struct gpu_kinds *gpu,
                                         const struct sc_session_sizes *sizes)
{
    struct sc_error error = {0};
    void *session = NULL;
    expect(gpu->engine->device->session_open(&session, gpu->weights, sizes, &error), error.text);
    return session;
}

void gpu_kinds_end(const struct gpu_kinds *gpu, struct sc_gpu_session *session)
{
    gpu->engine->device->session_close(session);
}

void gpu_kinds_step(struct sc_gpu_session *session, const struct sc_row *rows, size_t n_rows)
{
    struct sc_step_seconds seconds = {0};
    struct sc_error error = {0};
    expect(sc_gpu_step(session, rows, n_rows, &seconds, &error), error.text);
}

void gpu_kinds_logits(struct sc_gpu_session *session, size_t handle, float *out)
{
    const struct sc_gpu_module *module = session->queue.module;
    char why[SC_GPU_WHY] = "";
    expect(module->download(session->queue.queue, out, sc_gpu_logits(session, handle),
                            session->weights->n_vocab * sizeof *out, why),
           why);
    expect(module->wait(session->queue.queue, why), why);
}
