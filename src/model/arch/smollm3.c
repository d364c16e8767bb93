/*
 * SmolLM3: the network of Llama, of whose layers each fourth (or those that no_rope_layers marks
 * with 0) leaves queries and keys unturned.
 *
 * Such a layer is a local one without a window, whose steps are all 0.  Refuses windows, which the
 * published model does not have, and biases of the FFN.  Sources: the published configuration and
 * its model card.
 */
#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

/* 1: the layer turns; 0: it does not. */
static enum sc_status read_listed(const json_t *list, size_t n, bool *turns, struct sc_error *error)
{
    if (!json_is_array(list) || json_array_size(list) < n)
        return sc_fail(
            error, SC_ERR_FORMAT,
            "no_rope_layers: expected a list of %zu, one for each layer, found %s of %zu", n,
            sc_json_kind(list), json_array_size(list));
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, i);
        const json_int_t mark = json_integer_value(value);
        if (!json_is_integer(value) || mark < 0 || mark > 1)
            return sc_fail(error, SC_ERR_FORMAT, "no_rope_layers[%zu]: expected 0 or 1", i);
        turns[i] = mark == 1;
    }
    return SC_OK;
}

static enum sc_status read_unturned(const json_t *top, struct sc_model_config *config,
                                    struct sc_error *error)
{
    bool turns[SC_MOST_LAYERS];
    const int64_t usual = 4;
    int64_t interval = 0;
    SC_TRY(sc_json_int(top, "no_rope_layer_interval", (struct sc_json_ints){1, SC_MOST_LAYERS},
                       &usual, &interval, error));
    for (size_t i = 0; i < config->n_layers; i++)
        turns[i] = (i + 1) % (size_t)interval != 0;
    if (sc_field_is_set(top, "no_rope_layers"))
        SC_TRY(read_listed(json_object_get(top, "no_rope_layers"), config->n_layers, turns, error));
    for (size_t i = 0; i < config->n_layers; i++)
        if (!turns[i])
            config->local_layers[i / 64] |= (uint64_t)1 << (i % 64);
    struct sc_rope *none = &config->rope[SC_ROPE_LOCAL];
    memset(none->step, 0, sizeof none->step);
    none->scale = 1;
    return SC_OK;
}

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    if (config->long_from > 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "rope_scaling: \"longrope\" is not supported for this family");
    SC_TRY(sc_field_attention_bias(top, config, error));
    SC_TRY(sc_field_refuse_true(top, "mlp_bias", error));
    SC_TRY(sc_field_refuse_true(top, "use_sliding_window", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    SC_TRY(sc_field_windows(top, &(struct sc_window_rule){0}, config, error));
    return read_unturned(top, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_OUTPUT_BIAS,
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
};

static const struct sc_family_shape shapes[] = {
    {"smollm3-3b", 2048, 36, 16, 4, 128, 11008, 128256, 65536, true, 0.02, 0.05, 128012, 128001,
     "\"bos_token_id\": 128000, \"pad_token_id\": 128004, \"no_rope_layer_interval\": 4, "
     "\"rope_theta\": 5000000.0, \"rope_scaling\": null"},
    {"tiny-smollm3", 48, 5, 6, 2, 8, 88, 389, 256, true, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 387, \"pad_token_id\": 387, \"rope_theta\": 10000.0, "
     "\"rope_scaling\": null"},
    {"tiny-smollm3-b", 60, 3, 5, 5, 12, 70, 512, 256, false, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 510, \"pad_token_id\": 510, \"rope_theta\": 100.0, \"attention_bias\": "
     "true, \"no_rope_layers\": [0, 1, 1], \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": "
     "4.0, \"original_max_position_embeddings\": 64}"},
};

const struct sc_family sc_family_smollm3 = {
    .model_type = "smollm3",
    .tied = true,
    .heads_for_all = true,
    .defaults = "{\"rope_theta\": 2000000.0}",
    .sampling = {.temperature = 0.6, .top_p = 0.95},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "SmolLM3ForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"mlp_bias\": false, \"use_sliding_window\": false, "
           "\"rms_norm_eps\": 1e-06",
};
