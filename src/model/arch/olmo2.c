/*
 * OLMo 2: RMSNorm after each block and none before, attention whose queries and keys are normed as
 * whole rows before they turn, SwiGLU.  OLMo 3 is the same with windows in all but the last of each
 * four layers; in those nothing stretches positions.
 *
 * Sources: the published configurations, arXiv:2501.00656.
 */
#include <stddef.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

static enum sc_status read_shared(const json_t *top, const struct sc_rope_rules *rope,
                                  struct sc_model_config *config, struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_AFTER,
        .qk_norm = SC_QK_NORM_WHOLE,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_rope_read(top, rope, config, error));
    SC_TRY(sc_field_attention_bias(top, config, error));
    return sc_field_refuse_other(top, "hidden_act", "silu", error);
}

static enum sc_status read_olmo2(const json_t *top, struct sc_model_config *config,
                                 struct sc_error *error)
{
    SC_TRY(read_shared(top, &(struct sc_rope_rules){0}, config, error));
    return sc_field_windows(top, &(struct sc_window_rule){0}, config, error);
}

static enum sc_status read_olmo3(const json_t *top, struct sc_model_config *config,
                                 struct sc_error *error)
{
    struct sc_window_rule rule = {.period = 4};
    SC_TRY(read_shared(top, &(struct sc_rope_rules){.local_base = true}, config, error));
    SC_TRY(sc_field_window_size(top, 4096, &rule.window, error));
    return sc_field_windows(top, &rule, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_OUTPUT_BIAS,
    SC_LAYER_TENSOR("self_attn.q_norm.weight", NONE, HEADS, q_norm),
    SC_LAYER_TENSOR("self_attn.k_norm.weight", NONE, KV_HEADS, k_norm),
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, attention_out_norm),
    SC_FFN_TENSORS,
    SC_LAYER_TENSOR("post_feedforward_layernorm.weight", NONE, HIDDEN, ffn_out_norm),
};

#define PUBLISHED                                                                                  \
    100352, 4096, false, 0.02, 0.05, 100257, 100257,                                               \
        "\"pad_token_id\": 100277, \"rope_theta\": 500000, \"rope_scaling\": null"

static const struct sc_family_shape shapes[] = {
    {"olmo-2-1b", 2048, 16, 16, 16, 128, 8192, PUBLISHED},
    {"olmo-2-7b", 4096, 32, 32, 32, 128, 11008, PUBLISHED},
    {"olmo-2-13b", 5120, 40, 40, 40, 128, 13824, PUBLISHED},
    {"tiny-olmo2", 60, 3, 5, 5, 12, 88, 389, 256, false, 0.15, 0.2, 388, 387,
     "\"pad_token_id\": 387, \"rope_theta\": 500000, \"rope_scaling\": null"},
    {"tiny-olmo2-b", 48, 2, 6, 2, 8, 70, 512, 128, true, 0.15, 0.2, 511, 510,
     "\"pad_token_id\": 510, \"attention_bias\": true, \"rope_parameters\": {\"rope_type\": "
     "\"dynamic\", \"rope_theta\": 10000.0, \"factor\": 4.0}"},
};

#define PUBLISHED3                                                                                 \
    100278, 65536, false, 0.02, 0.05, 100257, 100257,                                              \
        "\"pad_token_id\": 100277, \"rope_theta\": 500000, \"sliding_window\": 4096, "             \
        "\"rope_scaling\": {\"attention_factor\": 1.2079441541679836, \"beta_fast\": 32.0, "       \
        "\"beta_slow\": 1.0, \"factor\": 8.0, \"original_max_position_embeddings\": 8192, "        \
        "\"rope_type\": \"yarn\"}"

static const struct sc_family_shape shapes3[] = {
    {"olmo-3-7b", 4096, 32, 32, 32, 128, 11008, PUBLISHED3},
    {"olmo-3-32b", 5120, 64, 40, 8, 128, 27648, PUBLISHED3},
    {"tiny-olmo3", 60, 5, 5, 5, 12, 88, 389, 256, false, 0.15, 0.2, 388, 387,
     "\"pad_token_id\": 387, \"sliding_window\": 10, \"rope_scaling\": {\"rope_type\": \"yarn\", "
     "\"factor\": 4.0, \"beta_fast\": 4.0, \"original_max_position_embeddings\": 64}"},
    {"tiny-olmo3-b", 48, 3, 6, 2, 8, 70, 512, 128, true, 0.15, 0.2, 511, 510,
     "\"pad_token_id\": 510, \"attention_bias\": true, \"sliding_window\": 15, \"layer_types\": "
     "[\"full_attention\", \"sliding_attention\", \"full_attention\"], \"rope_parameters\": "
     "{\"full_attention\": {\"rope_type\": \"linear\", \"factor\": 3.0, \"rope_theta\": 100.0}, "
     "\"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 5000.0}}"},
};

const struct sc_family sc_family_olmo2 = {
    .model_type = "olmo2",
    .heads_for_all = true,
    .defaults = "{\"rope_theta\": 10000.0}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read_olmo2,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "Olmo2ForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-06",
};

const struct sc_family sc_family_olmo3 = {
    .model_type = "olmo3",
    .heads_for_all = true,
    .defaults = "{\"rope_theta\": 500000.0, \"rope_local_base_freq\": 500000.0}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read_olmo3,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes3),
    .architecture = "Olmo3ForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-06",
};
