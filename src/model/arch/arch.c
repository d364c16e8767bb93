/* The families, and the tensors that follow from a configuration: see arch.h. */
#include "model/arch/arch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const struct sc_family *const families[] = {&sc_family_qwen3};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

const struct sc_family *sc_family_find(const char *model_type)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (strcmp(families[i]->model_type, model_type) == 0)
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
    }
    return 0;
}

static struct sc_tensor_slot slot_of(const struct sc_model_config *config,
                                     const struct sc_family_tensor *tensor, const char *name,
                                     size_t layer)
{
    return (struct sc_tensor_slot){.name = name,
                                   .n_rows = size_of(config, tensor->rows),
                                   .n_cols = size_of(config, tensor->cols),
                                   .layer = layer,
                                   .at = tensor->at};
}

static enum sc_status visit_top(const struct sc_model_config *config,
                                const struct sc_family_tensor *tensor, sc_slot_visit *visit,
                                void *context, struct sc_error *error)
{
    const struct sc_tensor_slot slot = slot_of(config, tensor, tensor->name, SC_NO_LAYER);
    return visit(context, &slot, error);
}

enum sc_status sc_config_visit(const struct sc_model_config *config, sc_slot_visit *visit,
                               void *context, struct sc_error *error)
{
    const struct sc_family *family = config->family;
    assert(family != NULL);
    SC_TRY(visit_top(config, &family->embedding, visit, context, error));
    for (size_t i = 0; i < config->n_layers; i++) {
        for (size_t k = 0; k < family->n_layer; k++) {
            char name[96];
            snprintf(name, sizeof name, "model.layers.%zu.%s.weight", i, family->layer[k].name);
            const struct sc_tensor_slot slot = slot_of(config, &family->layer[k], name, i);
            SC_TRY(visit(context, &slot, error));
        }
    }
    SC_TRY(visit_top(config, &family->final_norm, visit, context, error));
    return config->tied ? SC_OK : visit_top(config, &family->output, visit, context, error);
}

static size_t n_numbers(const struct sc_model_config *config, const struct sc_family_tensor *tensor)
{
    size_t rows = tensor->rows == SC_SIZE_NONE ? 1 : size_of(config, tensor->rows);
    return sc_size_mul(rows, size_of(config, tensor->cols));
}

size_t sc_config_n_parameters(const struct sc_model_config *config)
{
    const struct sc_family *family = config->family;
    assert(family != NULL);
    size_t layer = 0;
    for (size_t k = 0; k < family->n_layer; k++)
        layer = sc_size_add(layer, n_numbers(config, &family->layer[k]));
    size_t total =
        sc_size_add(n_numbers(config, &family->embedding), sc_size_mul(layer, config->n_layers));
    total = sc_size_add(total, n_numbers(config, &family->final_norm));
    return config->tied ? total : sc_size_add(total, n_numbers(config, &family->output));
}
