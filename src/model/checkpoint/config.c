/*
 * config.json of a Qwen3 dense network: reading it, refusing what this program does not compute,
 * and listing the tensors that follow from it.
 *
 * The bounds below lie far above every published Qwen3 model.  They keep each product of two sizes
 * inside 64 bits and refuse an absurd file before anything is allocated; whether the weights
 * really have these shapes is checked against the files in model.c.  Read next: model.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/checkpoint/checkpoint.h"

#define WHERE "config.json"

static enum sc_status read_size(const json_t *top, const char *key, size_t high, size_t *out,
                                struct sc_error *error)
{
    int64_t value = 0;
    enum sc_status status = sc_json_int(top, key, 1, (int64_t)high, NULL, &value, error);

    if (status != SC_OK) {
        return status;
    }
    *out = (size_t)value;
    return SC_OK;
}

/* A field that is there and not null. */
static bool is_set(const json_t *top, const char *key)
{
    const json_t *value = json_object_get(top, key);

    return value != NULL && !json_is_null(value);
}

static const char *string_or(const json_t *value, const char *fallback)
{
    const char *string = json_string_value(value);

    return string != NULL ? string : fallback;
}

static enum sc_status check_kind(const json_t *top, struct sc_error *error)
{
    const char *kind = json_string_value(json_object_get(top, "model_type"));

    if (kind == NULL) {
        return sc_fail(error, SC_ERR_FORMAT, "model_type: expected \"qwen3\", found none");
    }
    if (strcmp(kind, "qwen3") != 0) {
        return sc_fail(error, SC_ERR_UNSUPPORTED, "model_type: expected \"qwen3\", found \"%.60s\"",
                       kind);
    }
    return SC_OK;
}

static enum sc_status check_layer_types(const json_t *types, struct sc_error *error)
{
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = string_or(json_array_get(types, i), "something that is no text");

        if (strcmp(type, "full_attention") != 0) {
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "layer_types[%zu]: expected \"full_attention\", found \"%.60s\"", i,
                           type);
        }
    }
    return SC_OK;
}

/* Variants of the architecture that would change the numbers. */
static enum sc_status check_variants(const json_t *top, struct sc_error *error)
{
    static const char *const flags[] = {"attention_bias", "use_sliding_window"};
    const bool off = false;
    enum sc_status status;

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        bool on = false;

        if ((status = sc_json_bool(top, flags[i], &off, &on, error)) != SC_OK) {
            return status;
        }
        if (on) {
            return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected false, found true", flags[i]);
        }
    }
    if (is_set(top, "hidden_act")) {
        const char *act = string_or(json_object_get(top, "hidden_act"), "no text");

        if (strcmp(act, "silu") != 0) {
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "hidden_act: expected \"silu\", found \"%.60s\"", act);
        }
    }
    if (is_set(top, "quantization_config")) {
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "quantization_config: quantized checkpoints are not supported");
    }
    return check_layer_types(json_object_get(top, "layer_types"), error);
}

/* rope_type "default" in either spelling; anything else stretches the angles. */
static enum sc_status check_rope_type(const json_t *rope, const char *field, struct sc_error *error)
{
    const json_t *type;

    if (!json_is_object(rope)) {
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object or null", field);
    }
    type = json_object_get(rope, "rope_type");
    if (type == NULL) {
        type = json_object_get(rope, "type");
    }
    if (type != NULL && strcmp(string_or(type, ""), "default") != 0) {
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected \"default\", found \"%.60s\"",
                       field, string_or(type, "no text"));
    }
    if (type == NULL && is_set(rope, "factor")) {
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: scaled positions are not supported", field);
    }
    return SC_OK;
}

/* rope_theta stands at the top (as published) or in the newer rope_parameters. */
static enum sc_status read_rope(const json_t *top, struct sc_model_config *config,
                                struct sc_error *error)
{
    const json_t *owner = top;
    enum sc_status status = SC_OK;

    if (is_set(top, "rope_scaling")) {
        status = check_rope_type(json_object_get(top, "rope_scaling"), "rope_scaling", error);
    }
    if (status == SC_OK && is_set(top, "rope_parameters")) {
        const json_t *rope = json_object_get(top, "rope_parameters");

        status = check_rope_type(rope, "rope_parameters", error);
        if (status == SC_OK && is_set(rope, "rope_theta")) {
            owner = rope;
        }
    }
    if (status != SC_OK) {
        return status;
    }
    return sc_json_real(owner, "rope_theta", 1.0, 1e12, NULL, &config->rope_theta, error);
}

static enum sc_status read_dtype(const json_t *top, struct sc_model_config *config, bool *given,
                                 struct sc_error *error)
{
    static const struct {
        const char *name;
        enum sc_dtype dtype;
    } names[] = {{"bfloat16", SC_DTYPE_BF16}, {"float16", SC_DTYPE_F16}, {"float32", SC_DTYPE_F32}};
    const char *key = is_set(top, "torch_dtype") ? "torch_dtype" : "dtype";
    const char *name;

    *given = false;
    config->dtype = SC_DTYPE_BF16;
    if (!is_set(top, key)) {
        return SC_OK;
    }
    name = string_or(json_object_get(top, key), "no text");
    if (strncmp(name, "torch.", 6) == 0) {
        name += 6;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i].name) == 0) {
            config->dtype = names[i].dtype;
            *given = true;
            return SC_OK;
        }
    }
    return sc_fail(error, SC_ERR_UNSUPPORTED,
                   "%s: expected bfloat16, float16 or float32, found \"%.60s\"", key, name);
}

static enum sc_status read_heads(const json_t *top, struct sc_model_config *config,
                                 struct sc_error *error)
{
    enum sc_status status;

    if ((status = read_size(top, "num_attention_heads", 4096, &config->n_heads, error)) != SC_OK ||
        (status = read_size(top, "num_key_value_heads", 4096, &config->n_kv_heads, error)) !=
            SC_OK) {
        return status;
    }
    if (config->n_heads % config->n_kv_heads != 0) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "num_attention_heads: expected a multiple of num_key_value_heads %zu, "
                       "found %zu",
                       config->n_kv_heads, config->n_heads);
    }
    if (is_set(top, "head_dim")) {
        if ((status = read_size(top, "head_dim", 4096, &config->head_dim, error)) != SC_OK) {
            return status;
        }
    } else if (config->hidden % config->n_heads != 0) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "head_dim: missing, and hidden_size %zu is no multiple of %zu heads",
                       config->hidden, config->n_heads);
    } else {
        config->head_dim = config->hidden / config->n_heads;
    }
    if (config->head_dim % 2 != 0) {
        return sc_fail(error, SC_ERR_FORMAT, "head_dim: expected an even number, found %zu",
                       config->head_dim);
    }
    return SC_OK;
}

static enum sc_status read_fields(const json_t *top, struct sc_model_config *config,
                                  bool *dtype_given, struct sc_error *error)
{
    const bool untied = false;
    double eps = 0;
    enum sc_status status;

    if ((status = check_kind(top, error)) != SC_OK ||
        (status = read_size(top, "vocab_size", (size_t)1 << 22, &config->n_vocab, error)) !=
            SC_OK ||
        (status = read_size(top, "hidden_size", (size_t)1 << 18, &config->hidden, error)) !=
            SC_OK ||
        (status = read_size(top, "num_hidden_layers", 4096, &config->n_layers, error)) != SC_OK ||
        (status = read_heads(top, config, error)) != SC_OK ||
        (status = read_size(top, "intermediate_size", (size_t)1 << 22, &config->ffn, error)) !=
            SC_OK ||
        (status = read_size(top, "max_position_embeddings", (size_t)1 << 28, &config->max_positions,
                            error)) != SC_OK ||
        (status = sc_json_real(top, "rms_norm_eps", 0.0, 1.0, NULL, &eps, error)) != SC_OK ||
        (status = sc_json_bool(top, "tie_word_embeddings", &untied, &config->tied, error)) !=
            SC_OK ||
        (status = read_rope(top, config, error)) != SC_OK ||
        (status = read_dtype(top, config, dtype_given, error)) != SC_OK) {
        return status;
    }
    config->rms_eps = (float)eps;
    return check_variants(top, error);
}

enum sc_status sc_config_parse(const char *text, size_t n, struct sc_model_config *config,
                               bool *dtype_given, struct sc_error *error)
{
    json_t *top = NULL;
    enum sc_status status = sc_json_parse(text, n, WHERE, &top, error);

    memset(config, 0, sizeof *config);
    *dtype_given = false;
    if (status != SC_OK) {
        return status;
    }
    if (!json_is_object(top)) {
        status = sc_fail(error, SC_ERR_FORMAT, "expected an object at the top");
    } else {
        status = read_fields(top, config, dtype_given, error);
    }
    if (status != SC_OK) {
        sc_error_prefix(error, WHERE);
    }
    json_decref(top);
    return status;
}

/* ---- the tensors that follow from a configuration -------------------------------------------- */

enum { N_LAYER_TENSORS = 11 };

static void layer_slots(const struct sc_model_config *c, struct sc_tensor_slot *slots)
{
    size_t q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
#define AT(field) 0, offsetof(struct sc_layer_tensors, field)
    const struct sc_tensor_slot all[N_LAYER_TENSORS] = {
        {"input_layernorm", 0, c->hidden, AT(input_norm)},
        {"self_attn.q_proj", q, c->hidden, AT(q)},
        {"self_attn.k_proj", kv, c->hidden, AT(k)},
        {"self_attn.v_proj", kv, c->hidden, AT(v)},
        {"self_attn.o_proj", c->hidden, q, AT(o)},
        {"self_attn.q_norm", 0, c->head_dim, AT(q_norm)},
        {"self_attn.k_norm", 0, c->head_dim, AT(k_norm)},
        {"post_attention_layernorm", 0, c->hidden, AT(post_norm)},
        {"mlp.gate_proj", c->ffn, c->hidden, AT(gate)},
        {"mlp.up_proj", c->ffn, c->hidden, AT(up)},
        {"mlp.down_proj", c->hidden, c->ffn, AT(down)},
    };
#undef AT
    memcpy(slots, all, sizeof all);
}

enum sc_status sc_config_visit(const struct sc_model_config *config, sc_slot_visit *visit,
                               void *context, struct sc_error *error)
{
#define AT(field) SC_NO_LAYER, offsetof(struct sc_top_tensors, field)
    const struct sc_tensor_slot first = {"model.embed_tokens.weight", config->n_vocab,
                                         config->hidden, AT(embedding)};
    const struct sc_tensor_slot norm = {"model.norm.weight", 0, config->hidden, AT(final_norm)};
    const struct sc_tensor_slot last = {"lm_head.weight", config->n_vocab, config->hidden,
                                        AT(head)};
#undef AT
    SC_TRY(visit(context, &first, error));
    for (size_t i = 0; i < config->n_layers; i++) {
        struct sc_tensor_slot slots[N_LAYER_TENSORS];
        layer_slots(config, slots);
        for (size_t k = 0; k < N_LAYER_TENSORS; k++) {
            char name[96];
            snprintf(name, sizeof name, "model.layers.%zu.%s.weight", i, slots[k].name);
            slots[k].name = name;
            slots[k].layer = i;
            SC_TRY(visit(context, &slots[k], error));
        }
    }
    SC_TRY(visit(context, &norm, error));
    return config->tied ? SC_OK : visit(context, &last, error);
}

size_t sc_config_n_parameters(const struct sc_model_config *config)
{
    const struct sc_model_config *c = config;
    struct sc_tensor_slot slots[N_LAYER_TENSORS];
    size_t layer = 0;
    layer_slots(c, slots);
    for (size_t k = 0; k < N_LAYER_TENSORS; k++) {
        size_t rows = slots[k].n_rows == 0 ? 1 : slots[k].n_rows;
        layer = sc_size_add(layer, sc_size_mul(rows, slots[k].n_cols));
    }
    size_t total = sc_size_mul(sc_size_mul(c->n_vocab, c->hidden), c->tied ? 1 : 2);
    total = sc_size_add(total, sc_size_mul(layer, c->n_layers));
    return sc_size_add(total, c->hidden);
}
