/*
 * Qwen3, dense: RMSNorm before each block, grouped-query attention whose queries and keys are
 * normed per head and then rotated by halves, SwiGLU; biases of attention where attention_bias says
 * so.  Tied and untied output matrices.
 *
 * Sources: the published configurations and their model cards.
 */
#include <stddef.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"
#include "model/arch/write.h"

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE,
        .qk_norm = SC_QK_NORM_PER_HEAD,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    SC_TRY(sc_field_attention_bias(top, config, error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return sc_field_qwen_windows(top, config, error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_ATTENTION_TENSORS,
    SC_QKV_BIASES,
    SC_OUTPUT_BIAS,
    SC_LAYER_TENSOR("self_attn.q_norm.weight", NONE, HEAD_DIM, q_norm),
    SC_LAYER_TENSOR("self_attn.k_norm.weight", NONE, HEAD_DIM, k_norm),
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_FFN_TENSORS,
};

#define PUBLISHED 151936, 40960
#define DRAWN 0.02, 0.05, 151645, 151643, NULL

static const struct sc_family_shape shapes[] = {
    {"qwen3-0.6b", 1024, 28, 16, 8, 128, 3072, PUBLISHED, true, DRAWN},
    {"qwen3-1.7b", 2048, 28, 16, 8, 128, 6144, PUBLISHED, true, DRAWN},
    {"qwen3-4b", 2560, 36, 32, 8, 128, 9728, PUBLISHED, true, DRAWN},
    {"qwen3-8b", 4096, 36, 32, 8, 128, 12288, PUBLISHED, false, DRAWN},
    {"qwen3-14b", 5120, 40, 40, 8, 128, 17408, PUBLISHED, false, DRAWN},
    {"qwen3-32b", 5120, 64, 64, 8, 128, 25600, PUBLISHED, false, DRAWN},
    {"tiny", 64, 2, 4, 2, 32, 128, 512, 4096, true, 0.15, 0.2, 511, 510, NULL},
    {"tiny-qwen3-b", 56, 3, 7, 1, 12, 88, 389, 256, false, 0.15, 0.2, 388, 387,
     "\"hidden_act\": \"silu\", \"rms_norm_eps\": 1e-06, \"rope_theta\": 10000.0, "
     "\"attention_bias\": true, \"use_sliding_window\": true, \"sliding_window\": 14, "
     "\"max_window_layers\": 1"},
};

static void write(struct sc_text *out, const struct sc_model_config *c,
                  const struct sc_family_shape *shape, const char *dtype_name)
{
    if (shape->more != NULL) { /* the published ones need nothing of their own */
        sc_family_write(out, c, shape, dtype_name, NULL);
        return;
    }
    sc_text_printf(out,
                   "{\n  \"architectures\": [\n    \"Qwen3ForCausalLM\"\n  ],\n"
                   "  \"attention_bias\": false,\n  \"attention_dropout\": 0.0,\n"
                   "  \"bos_token_id\": %d,\n  \"eos_token_id\": %d,\n  \"head_dim\": %zu,\n"
                   "  \"hidden_act\": \"silu\",\n  \"hidden_size\": %zu,\n"
                   "  \"initializer_range\": 0.02,\n  \"intermediate_size\": %zu,\n"
                   "  \"max_position_embeddings\": %zu,\n  \"max_window_layers\": %zu,\n"
                   "  \"model_type\": \"qwen3\",\n  \"num_attention_heads\": %zu,\n",
                   (int)shape->pad_id, (int)shape->end_id, c->head_dim, c->hidden, c->ffn,
                   c->max_positions, c->n_layers, c->n_heads);
    sc_text_printf(out,
                   "  \"num_hidden_layers\": %zu,\n  \"num_key_value_heads\": %zu,\n"
                   "  \"rms_norm_eps\": 1e-06,\n  \"rope_scaling\": null,\n"
                   "  \"rope_theta\": 1000000,\n  \"sliding_window\": null,\n"
                   "  \"tie_word_embeddings\": %s,\n  \"torch_dtype\": \"%s\",\n"
                   "  \"transformers_version\": \"4.51.0\",\n  \"use_cache\": true,\n"
                   "  \"use_sliding_window\": false,\n  \"vocab_size\": %zu\n}\n",
                   c->n_layers, c->n_kv_heads, c->tied ? "true" : "false", dtype_name, c->n_vocab);
}

const struct sc_family sc_family_qwen3 = {
    .model_type = "qwen3",
    .tied = false,
    .sampling = {.temperature = 0.6, .top_k = 20, .top_p = 0.95},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .write = write,
    .architecture = "Qwen3ForCausalLM",
};
