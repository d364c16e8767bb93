/*
 * OLMo 2: RMSNorm after each block and none before, attention whose queries and keys are normed as
 * whole rows before they turn, SwiGLU.
 *
 * Sources: the published configurations, arXiv:2501.00656.
 */
#include <stddef.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_AFTER,
        .qk_norm = SC_QK_NORM_WHOLE,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    SC_TRY(sc_field_attention_bias(top, config, error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return sc_field_windows(top, &(struct sc_window_rule){0}, config, error);
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

const struct sc_family sc_family_olmo2 = {
    .model_type = "olmo2",
    .heads_for_all = true,
    .defaults = "{\"rope_theta\": 10000.0}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read,
    .embedding = SC_TOP_TENSOR("model.embed_tokens.weight", VOCAB, HIDDEN, embedding),
    .final_norm = SC_TOP_TENSOR("model.norm.weight", NONE, HIDDEN, final_norm),
    .output = SC_TOP_TENSOR("lm_head.weight", VOCAB, HIDDEN, output),
    .layer = layer,
    .n_layer = sizeof layer / sizeof layer[0],
    .shapes = shapes,
    .n_shapes = sizeof shapes / sizeof shapes[0],
    .architecture = "Olmo2ForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-06",
};
