/* The families, and the tensors that follow from a configuration: see arch.h. */
#include "model/arch/arch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const struct sc_family *const families[] = {
    &sc_family_qwen2,   &sc_family_qwen3,   &sc_family_qwen3_moe, &sc_family_llama,
    &sc_family_smollm3, &sc_family_mistral, &sc_family_gemma2,    &sc_family_gemma3_text,
    &sc_family_phi3,    &sc_family_olmo2,   &sc_family_olmo3};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

const struct sc_family *sc_family_find(const char *model_type)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (strcmp(families[i]->model_type, model_type) == 0 ||
            (families[i]->wrapper != NULL && strcmp(families[i]->wrapper, model_type) == 0))
            return families[i];
    return NULL;
}

const struct sc_family_shape *sc_family_find_shape(const char *name,
                                                   const struct sc_family **family)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        for (size_t k = 0; k < families[i]->n_shapes; k++)
            if (strcmp(families[i]->shapes[k].name, name) == 0) {
                *family = families[i];
                return &families[i]->shapes[k];
            }
    return NULL;
}

struct sc_text sc_family_names(void)
{
    struct sc_text names = {0};
    for (size_t i = 0; i < N_FAMILIES; i++)
        sc_text_printf(&names, "%s%s", i > 0 ? ", " : "", families[i]->model_type);
    return names;
}

struct sc_text sc_family_shape_names(void)
{
    struct sc_text names = {0};
    for (size_t i = 0; i < N_FAMILIES; i++)
        for (size_t k = 0; k < families[i]->n_shapes; k++)
            sc_text_printf(&names, "%s%s", names.len > 0 ? ", " : "", families[i]->shapes[k].name);
    return names;
}

/* ---- the tensors that follow from a configuration -------------------------------------------- */

static size_t size_of(const struct sc_model_config *c, enum sc_size size)
{
    switch (size) {
    case SC_SIZE_NONE:
        return 0;
    case SC_SIZE_HIDDEN:
        return c->hidden;
    case SC_SIZE_HEADS:
        return c->n_heads * c->head_dim;
    case SC_SIZE_KV_HEADS:
        return c->n_kv_heads * c->head_dim;
    case SC_SIZE_HEAD_DIM:
        return c->head_dim;
    case SC_SIZE_FFN:
        return c->ffn;
    case SC_SIZE_VOCAB:
        return c->n_vocab;
    case SC_SIZE_EXPERTS:
        return c->layer.n_experts;
    case SC_SIZE_EXPERT_FFN:
        return c->layer.expert_ffn;
    }
    return 0;
}

static bool is_present(const struct sc_model_config *config, const struct sc_family_tensor *tensor)
{
    switch (tensor->when) {
    case SC_WHEN_ALWAYS:
        return true;
    case SC_WHEN_QKV_BIAS:
        return config->layer.qkv_bias;
    case SC_WHEN_OUTPUT_BIAS:
        return config->layer.output_bias;
    }
    return false;
}

static struct sc_tensor_slot slot_of(const struct sc_model_config *config,
                                     const struct sc_family_tensor *tensor, const char *name,
                                     size_t layer, size_t expert)
{
    struct sc_tensor_slot slot = {.name = name,
                                  .n_rows = size_of(config, tensor->rows),
                                  .n_cols = size_of(config, tensor->cols),
                                  .layer = layer,
                                  .expert = expert,
                                  .at = tensor->at};
    slot.all_rows = slot.n_rows;
    if (tensor->fused != NULL) {
        slot.all_rows = 0;
        for (size_t i = 0; i < tensor->fused->n; i++) {
            if (i == tensor->part)
                slot.first_row = slot.all_rows;
            slot.all_rows += size_of(config, tensor->fused->rows[i]);
        }
    }
    return slot;
}

/* The tensors that belong to no layer, alike in all families. */
#define TOP(field) offsetof(struct sc_top_tensors, field)
static const struct sc_family_tensor embedding = {
    .name = SC_EMBEDDING_NAME, .rows = SC_SIZE_VOCAB, .cols = SC_SIZE_HIDDEN, .at = TOP(embedding)};
static const struct sc_family_tensor final_norm = {
    .name = SC_FINAL_NORM_NAME, .cols = SC_SIZE_HIDDEN, .at = TOP(final_norm)};
static const struct sc_family_tensor output = {
    .name = SC_OUTPUT_NAME, .rows = SC_SIZE_VOCAB, .cols = SC_SIZE_HIDDEN, .at = TOP(output)};

/* What a walk over the tensors carries. */
struct walk {
    const struct sc_model_config *config;
    sc_slot_visit *visit;
    void *context;
};

static enum sc_status visit_top(const struct walk *w, const struct sc_family_tensor *tensor,
                                struct sc_error *error)
{
    const struct sc_tensor_slot slot =
        slot_of(w->config, tensor, tensor->name, SC_NO_LAYER, SC_NO_EXPERT);
    return w->visit(w->context, &slot, error);
}

static enum sc_status visit_experts(const struct walk *w, size_t layer, struct sc_error *error)
{
    const struct sc_family *family = w->config->family;
    for (size_t e = 0; e < w->config->layer.n_experts; e++)
        for (size_t k = 0; k < family->n_expert; k++) {
            char name[128];
            snprintf(name, sizeof name, "model.layers.%zu.%s%zu.%s", layer, family->experts_name, e,
                     family->expert[k].name);
            const struct sc_tensor_slot slot =
                slot_of(w->config, &family->expert[k], name, layer, e);
            SC_TRY(w->visit(w->context, &slot, error));
        }
    return SC_OK;
}

static enum sc_status visit_layer(const struct walk *w, size_t layer, struct sc_error *error)
{
    const struct sc_family *family = w->config->family;
    for (size_t k = 0; k < family->n_layer; k++) {
        const struct sc_family_tensor *tensor = &family->layer[k];
        char name[96];
        if (!is_present(w->config, tensor))
            continue;
        snprintf(name, sizeof name, "model.layers.%zu.%s", layer, tensor->name);
        const struct sc_tensor_slot slot = slot_of(w->config, tensor, name, layer, SC_NO_EXPERT);
        SC_TRY(w->visit(w->context, &slot, error));
    }
    return visit_experts(w, layer, error);
}

enum sc_status sc_config_visit(const struct sc_model_config *config, sc_slot_visit *visit,
                               void *context, struct sc_error *error)
{
    const struct walk w = {config, visit, context};
    assert(config->family != NULL);
    SC_TRY(visit_top(&w, &embedding, error));
    for (size_t i = 0; i < config->n_layers; i++)
        SC_TRY(visit_layer(&w, i, error));
    SC_TRY(visit_top(&w, &final_norm, error));
    return config->tied ? SC_OK : visit_top(&w, &output, error);
}

static size_t n_numbers(const struct sc_model_config *config, const struct sc_family_tensor *tensor)
{
    if (!is_present(config, tensor))
        return 0;
    size_t rows = tensor->rows == SC_SIZE_NONE ? 1 : size_of(config, tensor->rows);
    return sc_size_mul(rows, size_of(config, tensor->cols));
}

size_t sc_config_n_parameters(const struct sc_model_config *config)
{
    const struct sc_family *family = config->family;
    assert(family != NULL);
    size_t layer = 0, expert = 0;
    for (size_t k = 0; k < family->n_layer; k++)
        layer = sc_size_add(layer, n_numbers(config, &family->layer[k]));
    for (size_t k = 0; k < family->n_expert; k++)
        expert = sc_size_add(expert, n_numbers(config, &family->expert[k]));
    layer = sc_size_add(layer, sc_size_mul(expert, config->layer.n_experts));
    size_t total = sc_size_add(n_numbers(config, &embedding), sc_size_mul(layer, config->n_layers));
    total = sc_size_add(total, n_numbers(config, &final_norm));
    return config->tied ? total : sc_size_add(total, n_numbers(config, &output));
}
