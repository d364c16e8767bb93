/*
 * Gemma 3, the part that reads text: as Gemma 2, but queries and keys are normed per head where
 * scores were capped, and layers over a window turn by a base of their own.  Of each six layers the
 * last sees all positions.
 *
 * Models of more than text (model_type gemma3) hold the same network under text_config; what reads
 * pictures is left alone.  Sources: the published configurations, arXiv:2503.19786.
 */
#include <math.h>
#include <stddef.h>

#include "base/json.h"
#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

static enum sc_status read_windows(const json_t *top, struct sc_model_config *config,
                                   struct sc_error *error)
{
    struct sc_window_rule rule = {0};
    const int64_t six = 6;
    int64_t period = 0;
    SC_TRY(sc_field_window_size(top, 4096, &rule.window, error));
    SC_TRY(sc_json_int(top, "sliding_window_pattern", (struct sc_json_ints){1, SC_MOST_LAYERS},
                       &six, &period, error));
    rule.period = (size_t)period;
    return sc_field_windows(top, &rule, config, error);
}

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    const double usual = 256;
    double scalar = 0;
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE_AND_AFTER,
        .qk_norm = SC_QK_NORM_PER_HEAD,
        .gain_offset = 1,
        .activation = SC_ACTIVATION_GELU_TANH,
        .embedding_scale = sqrtf((float)config->hidden),
    };
    SC_TRY(sc_json_real(top, "query_pre_attn_scalar", (struct sc_json_reals){1e-3, 1e6}, &usual,
                        &scalar, error));
    config->layer.attention_scale = (float)(1 / sqrt(scalar));
    SC_TRY(sc_field_cap(top, "final_logit_softcapping", 0, &config->layer.logit_softcap, error));
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){.local_base = true}, config, error));
    SC_TRY(sc_field_attention_bias(top, config, error));
    SC_TRY(sc_field_refuse_true(top, "use_bidirectional_attention", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_activation", "gelu_pytorch_tanh", error));
    return read_windows(top, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_OUTPUT_BIAS,
    SC_LAYER_TENSOR("self_attn.q_norm.weight", NONE, HEAD_DIM, q_norm),
    SC_LAYER_TENSOR("self_attn.k_norm.weight", NONE, HEAD_DIM, k_norm),
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, attention_out_norm),
    SC_LAYER_TENSOR("pre_feedforward_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
    SC_LAYER_TENSOR("post_feedforward_layernorm.weight", NONE, HIDDEN, ffn_out_norm),
};

#define PUBLISHED(positions, scaling, scalar, window)                                              \
    positions, true, 0.02, 0.05, 106, 1,                                                           \
        "\"bos_token_id\": 2, \"pad_token_id\": 0, \"attn_logit_softcapping\": null, "             \
        "\"final_logit_softcapping\": null, \"rope_theta\": 1000000, "                             \
        "\"rope_local_base_freq\": 10000, \"sliding_window_pattern\": 6, "                         \
        "\"rope_scaling\": " scaling ", \"query_pre_attn_scalar\": " scalar                        \
        ", \"sliding_window\": " window
#define LARGE(scalar)                                                                              \
    PUBLISHED(131072, "{\"factor\": 8.0, \"rope_type\": \"linear\"}", scalar, "1024")

static const struct sc_family_shape shapes[] = {
    {"gemma-3-270m", 640, 18, 4, 1, 256, 2048, 262144, PUBLISHED(32768, "null", "256", "512")},
    {"gemma-3-1b", 1152, 26, 4, 1, 256, 6912, 262144, PUBLISHED(32768, "null", "256", "512")},
    {"gemma-3-4b", 2560, 34, 8, 4, 256, 10240, 262208, LARGE("256")},
    {"gemma-3-12b", 3840, 48, 16, 8, 256, 15360, 262208, LARGE("256")},
    {"gemma-3-27b", 5376, 62, 32, 16, 128, 21504, 262208, LARGE("168")},
    {"tiny-gemma3", 48, 7, 4, 1, 16, 88, 389, 256, true, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 2, \"pad_token_id\": 0, \"rope_theta\": 1000000, "
     "\"rope_local_base_freq\": 10000, \"sliding_window_pattern\": 6, \"rope_scaling\": "
     "{\"factor\": 8.0, \"rope_type\": \"linear\"}, \"query_pre_attn_scalar\": 24, "
     "\"sliding_window\": 10"},
    {"tiny-gemma3-b", 45, 3, 5, 5, 12, 70, 512, 128, false, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 2, \"pad_token_id\": 0, \"attention_bias\": true, "
     "\"final_logit_softcapping\": 5.0, \"query_pre_attn_scalar\": 9, \"sliding_window\": 7, "
     "\"layer_types\": [\"sliding_attention\", \"full_attention\", \"sliding_attention\"], "
     "\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"default\", \"rope_theta\": "
     "50000.0}, \"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 100.0}}"},
};

const struct sc_family sc_family_gemma3_text = {
    .model_type = "gemma3_text",
    .wrapper = "gemma3",
    .tied = true,
    .defaults = "{\"rope_theta\": 1000000, \"rope_local_base_freq\": 10000, \"head_dim\": 256, "
                "\"num_attention_heads\": 8, \"num_key_value_heads\": 4, \"rms_norm_eps\": 1e-06, "
                "\"max_position_embeddings\": 131072, \"vocab_size\": 262208}",
    .sampling = {.temperature = 1, .top_k = 64, .top_p = 0.95},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "Gemma3ForCausalLM",
    .own = "\"hidden_activation\": \"gelu_pytorch_tanh\", \"rms_norm_eps\": 1e-06",
};
