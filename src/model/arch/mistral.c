/*
 * Mistral (7B, Nemo, Small): RMSNorm before each block, grouped-query attention, SwiGLU, no biases.
 * Where sliding_window is a number every layer sees that window.
 *
 * Models of more than text (model_type mistral3) hold the same network under text_config.
 *
 * Refuses layer_types that say otherwise: alternating layers belong to other families of the same
 * makers.  Sources: the published configurations and their model cards.
 */
#include <stddef.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

static enum sc_status read_windows(const json_t *top, struct sc_model_config *config,
                                   struct sc_error *error)
{
    struct sc_window_rule rule = {0};
    SC_TRY(sc_field_window_size(top, 4096, &rule.window, error));
    SC_TRY(sc_field_windows(top, &rule, config, error));
    for (size_t i = 0; i < config->n_layers; i++)
        if (sc_layer_is_local(config, i) != (rule.window > 0))
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "layer_types[%zu]: expected %s, as sliding_window says", i,
                           rule.window > 0 ? "\"sliding_attention\"" : "\"full_attention\"");
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
    SC_TRY(sc_field_refuse_true(top, "attention_bias", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return read_windows(top, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
};

#define PUBLISHED(theta, window)                                                                   \
    false, 0.02, 0.05, 2, 2,                                                                       \
        "\"bos_token_id\": 1, \"rope_theta\": " theta ", \"sliding_window\": " window

static const struct sc_family_shape shapes[] = {
    {"mistral-7b-v0.1", 4096, 32, 32, 8, 128, 14336, 32000, 32768, PUBLISHED("10000.0", "4096")},
    {"mistral-7b-v0.3", 4096, 32, 32, 8, 128, 14336, 32768, 32768, PUBLISHED("1000000.0", "null")},
    {"mistral-nemo-12b", 5120, 40, 32, 8, 128, 14336, 131072, 131072,
     PUBLISHED("1000000.0", "null")},
    {"mistral-small-24b", 5120, 40, 32, 8, 128, 32768, 131072, 32768,
     PUBLISHED("100000000.0", "null")},
    {"tiny-mistral", 60, 3, 5, 1, 16, 88, 389, 256, false, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 387, \"rope_theta\": 10000.0, \"sliding_window\": 12"},
    {"tiny-mistral-b", 48, 3, 6, 3, 8, 100, 512, 256, true, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 510, \"sliding_window\": null, \"rope_parameters\": {\"rope_type\": "
     "\"yarn\", \"rope_theta\": 1000.0, \"factor\": 4.0, "
     "\"original_max_position_embeddings\": 64, \"beta_fast\": 8.0, \"beta_slow\": 1.0, "
     "\"mscale\": 1.0, \"mscale_all_dim\": 0.5, \"truncate\": false}"},
};

const struct sc_family sc_family_mistral = {
    .model_type = "mistral",
    .wrapper = "mistral3",
    .defaults = "{\"rope_theta\": 10000.0}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "MistralForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-05",
};
