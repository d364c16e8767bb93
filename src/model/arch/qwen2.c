/*
 * Qwen2 and Qwen2.5, dense: RMSNorm before each block, grouped-query attention with biases of
 * queries, keys and values, SwiGLU.  Where use_sliding_window says so, layers from
 * max_window_layers on see a window.
 *
 * Refuses rotary positions of several axes (use_mrope).  Sources: the published configurations and
 * their model cards.
 */
#include <stddef.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE,
        .activation = SC_ACTIVATION_SILU,
        .qkv_bias = true,
    };
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    SC_TRY(sc_field_refuse_true(top, "use_mrope", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return sc_field_qwen_windows(top, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
};

#define PUBLISHED                                                                                  \
    0.02, 0.05, 151645, 151643,                                                                    \
        "\"bos_token_id\": 151643, \"rope_theta\": 1000000.0, \"sliding_window\": 32768, "         \
        "\"use_sliding_window\": false"

static const struct sc_family_shape shapes[] = {
    {"qwen2.5-0.5b", 896, 24, 14, 2, 64, 4864, 151936, 32768, true, PUBLISHED},
    {"qwen2.5-1.5b", 1536, 28, 12, 2, 128, 8960, 151936, 32768, true, PUBLISHED},
    {"qwen2.5-3b", 2048, 36, 16, 2, 128, 11008, 151936, 32768, true, PUBLISHED},
    {"qwen2.5-7b", 3584, 28, 28, 4, 128, 18944, 152064, 32768, false, PUBLISHED},
    {"qwen2.5-14b", 5120, 48, 40, 8, 128, 13824, 152064, 32768, false, PUBLISHED},
    {"qwen2.5-32b", 5120, 64, 40, 8, 128, 27648, 152064, 32768, false, PUBLISHED},
    {"tiny-qwen2", 60, 3, 6, 2, 10, 88, 389, 256, true, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 387, \"rope_theta\": 1000000.0, \"use_sliding_window\": false"},
    {"tiny-qwen2-b", 56, 4, 7, 1, 8, 100, 512, 64, false, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 510, \"rope_theta\": 10000.0, \"use_sliding_window\": true, "
     "\"sliding_window\": 16, \"max_window_layers\": 2, \"rope_scaling\": {\"type\": \"yarn\", "
     "\"factor\": 4.0, \"original_max_position_embeddings\": 64}"},
};

const struct sc_family sc_family_qwen2 = {
    .model_type = "qwen2",
    .defaults = "{\"rope_theta\": 10000.0}",
    .sampling = {.temperature = 0.7, .top_k = 20, .top_p = 0.8},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "Qwen2ForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-06",
};
