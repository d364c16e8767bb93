/*
 * Gemma 2: RMSNorm before and after each block, with gains of 1 + w; grouped-query attention whose
 * scores are capped, every second layer beginning with the first over a window; GeGLU with the tanh
 * form of GELU; embeddings times sqrt(hidden); capped logits.
 *
 * In arithmetic other than f32 the scale of the embeddings is rounded to the dtype of the stored
 * weights, as in training.  Sources: the published configurations, arXiv:2408.00118.
 */
#include <math.h>
#include <stddef.h>

#include "base/json.h"
#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    struct sc_window_rule rule = {.period = 2};
    const double usual = 256;
    double scalar = 0;
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE_AND_AFTER,
        .gain_offset = 1,
        .activation = SC_ACTIVATION_GELU_TANH,
        .embedding_scale = sqrtf((float)config->hidden),
    };
    SC_TRY(sc_json_real(top, "query_pre_attn_scalar", (struct sc_json_reals){1e-3, 1e6}, &usual,
                        &scalar, error));
    config->layer.attention_scale = (float)(1 / sqrt(scalar));
    SC_TRY(
        sc_field_cap(top, "attn_logit_softcapping", 50, &config->layer.attention_softcap, error));
    SC_TRY(sc_field_cap(top, "final_logit_softcapping", 30, &config->layer.logit_softcap, error));
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    SC_TRY(sc_field_attention_bias(top, config, error));
    SC_TRY(sc_field_refuse_true(top, "use_bidirectional_attention", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_activation", "gelu_pytorch_tanh", error));
    SC_TRY(sc_field_window_size(top, 4096, &rule.window, error));
    return sc_field_windows(top, &rule, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_OUTPUT_BIAS,
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, attention_out_norm),
    SC_LAYER_TENSOR("pre_feedforward_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
    SC_LAYER_TENSOR("post_feedforward_layernorm.weight", NONE, HIDDEN, ffn_out_norm),
};

#define PUBLISHED(scalar)                                                                          \
    256000, 8192, true, 0.02, 0.05, 107, 1,                                                        \
        "\"bos_token_id\": 2, \"pad_token_id\": 0, \"attn_logit_softcapping\": 50.0, "             \
        "\"final_logit_softcapping\": 30.0, \"sliding_window\": 4096, "                            \
        "\"query_pre_attn_scalar\": " scalar

static const struct sc_family_shape shapes[] = {
    {"gemma-2-2b", 2304, 26, 8, 4, 256, 9216, PUBLISHED("256")},
    {"gemma-2-9b", 3584, 42, 16, 8, 256, 14336, PUBLISHED("256")},
    {"gemma-2-27b", 4608, 46, 32, 16, 128, 36864, PUBLISHED("144")},
    {"tiny-gemma2", 48, 4, 4, 2, 16, 88, 389, 256, true, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 2, \"pad_token_id\": 0, \"attn_logit_softcapping\": 50.0, "
     "\"final_logit_softcapping\": 30.0, \"sliding_window\": 9, \"query_pre_attn_scalar\": 24"},
    {"tiny-gemma2-b", 45, 3, 5, 1, 12, 70, 512, 128, false, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 2, \"pad_token_id\": 0, \"attn_logit_softcapping\": 1.5, "
     "\"final_logit_softcapping\": 4.0, \"sliding_window\": 13, \"query_pre_attn_scalar\": 16, "
     "\"attention_bias\": true, \"layer_types\": [\"full_attention\", \"sliding_attention\", "
     "\"sliding_attention\"]"},
};

const struct sc_family sc_family_gemma2 = {
    .model_type = "gemma2",
    .tied = true,
    .defaults = "{\"rope_theta\": 10000.0, \"head_dim\": 256}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "Gemma2ForCausalLM",
    .own = "\"hidden_act\": \"gelu_pytorch_tanh\", \"hidden_activation\": "
           "\"gelu_pytorch_tanh\", \"rms_norm_eps\": 1e-06, \"rope_theta\": 10000.0",
};
