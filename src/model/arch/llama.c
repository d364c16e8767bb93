/*
 * Llama 2 and 3, and what shares their network (TinyLlama, SmolLM, SmolLM2, DeepSeek's distills):
 * RMSNorm before each block, grouped-query attention, SwiGLU.  attention_bias gives queries, keys,
 * values and what comes out of attention a bias.
 *
 * Refuses biases of the FFN.  pretraining_tp, which only asks for another order of sums, is
 * ignored.  Sources: the published configurations and their model cards.
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
    };
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    SC_TRY(sc_field_attention_bias(top, config, error));
    SC_TRY(sc_field_refuse_true(top, "mlp_bias", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return sc_field_windows(top, &(struct sc_window_rule){0}, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_OUTPUT_BIAS,
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
};

#define LLAMA3(factor)                                                                             \
    128256, 131072, false, 0.02, 0.05, 128009, 128001,                                             \
        "\"bos_token_id\": 128000, \"rope_theta\": 500000.0, \"rope_scaling\": "                   \
        "{\"factor\": " factor ", \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0, "           \
        "\"original_max_position_embeddings\": 8192, \"rope_type\": \"llama3\"}"
#define LLAMA32                                                                                    \
    128256, 131072, true, 0.02, 0.05, 128009, 128001,                                              \
        "\"bos_token_id\": 128000, \"rope_theta\": 500000.0, \"rope_scaling\": {\"factor\": "      \
        "32.0, \"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0, "                              \
        "\"original_max_position_embeddings\": 8192, \"rope_type\": \"llama3\"}"
#define LLAMA2(positions)                                                                          \
    32000, positions, false, 0.02, 0.05, 2, 2,                                                     \
        "\"bos_token_id\": 1, \"rope_theta\": 10000.0, \"rope_scaling\": null"
#define SMOLLM2(theta)                                                                             \
    49152, 8192, true, 0.02, 0.05, 2, 0,                                                           \
        "\"bos_token_id\": 1, \"pad_token_id\": 2, \"rope_theta\": " theta                         \
        ", \"rope_scaling\": null"

static const struct sc_family_shape shapes[] = {
    {"llama-3.2-1b", 2048, 16, 32, 8, 64, 8192, LLAMA32},
    {"llama-3.2-3b", 3072, 28, 24, 8, 128, 8192, LLAMA32},
    {"llama-3.1-8b", 4096, 32, 32, 8, 128, 14336, LLAMA3("8.0")},
    {"llama-3.3-70b", 8192, 80, 64, 8, 128, 28672, LLAMA3("8.0")},
    {"llama-2-7b", 4096, 32, 32, 32, 128, 11008, LLAMA2(4096)},
    {"llama-2-13b", 5120, 40, 40, 40, 128, 13824, LLAMA2(4096)},
    {"tinyllama-1.1b", 2048, 22, 32, 4, 64, 5632, LLAMA2(2048)},
    {"smollm2-135m", 576, 30, 9, 3, 64, 1536, SMOLLM2("100000")},
    {"smollm2-360m", 960, 32, 15, 5, 64, 2560, SMOLLM2("100000")},
    {"smollm2-1.7b", 2048, 24, 32, 32, 64, 8192, SMOLLM2("130000")},
    {"tiny-llama", 72, 3, 9, 3, 8, 104, 389, 256, true, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 387, \"rope_theta\": 10000.0, \"rope_scaling\": {\"factor\": 8.0, "
     "\"high_freq_factor\": 4.0, \"low_freq_factor\": 1.0, "
     "\"original_max_position_embeddings\": 64, \"rope_type\": \"llama3\"}"},
    {"tiny-llama-b", 64, 2, 4, 4, 20, 90, 512, 128, false, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 510, \"rope_theta\": 10000.0, \"attention_bias\": true, "
     "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}"},
};

const struct sc_family sc_family_llama = {
    .model_type = "llama",
    .heads_for_all = true,
    .defaults = "{\"rope_theta\": 10000.0}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .architecture = "LlamaForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"mlp_bias\": false, \"pretraining_tp\": 1, "
           "\"rms_norm_eps\": 1e-05",
};
