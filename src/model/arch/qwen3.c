/*
 * Qwen3, dense: RMSNorm before each block, grouped-query attention whose queries and keys are
 * normed per head and then rotated by halves, SwiGLU; no biases.  Tied and untied output matrices.
 *
 * Refuses sliding windows, biases and scaled positions, which published models of this family do
 * not use.  Sources: the published configurations and their model cards.
 */
#include <stddef.h>
#include <string.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"

static enum sc_status check_layer_types(const json_t *types, struct sc_error *error)
{
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = sc_field_text(json_array_get(types, i));
        if (strcmp(type, "full_attention") != 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "layer_types[%zu]: expected \"full_attention\", found \"%.60s\"", i,
                           type);
    }
    return SC_OK;
}

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE,
        .qk_norm = SC_QK_NORM_PER_HEAD,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_field_plain_rope(top, config, error));
    SC_TRY(sc_field_refuse_true(top, "attention_bias", error));
    SC_TRY(sc_field_refuse_true(top, "use_sliding_window", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return check_layer_types(json_object_get(top, "layer_types"), error);
}

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    SC_LAYER_TENSOR("self_attn.q_proj.weight", HEADS, HIDDEN, q),
    SC_LAYER_TENSOR("self_attn.k_proj.weight", KV_HEADS, HIDDEN, k),
    SC_LAYER_TENSOR("self_attn.v_proj.weight", KV_HEADS, HIDDEN, v),
    SC_LAYER_TENSOR("self_attn.o_proj.weight", HIDDEN, HEADS, o),
    SC_LAYER_TENSOR("self_attn.q_norm.weight", NONE, HEAD_DIM, q_norm),
    SC_LAYER_TENSOR("self_attn.k_norm.weight", NONE, HEAD_DIM, k_norm),
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    SC_LAYER_TENSOR("mlp.gate_proj.weight", FFN, HIDDEN, gate),
    SC_LAYER_TENSOR("mlp.up_proj.weight", FFN, HIDDEN, up),
    SC_LAYER_TENSOR("mlp.down_proj.weight", HIDDEN, FFN, down),
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
};

static void write(struct sc_text *out, const struct sc_model_config *c,
                  const struct sc_family_shape *shape, const char *dtype_name)
{
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
    .embedding = SC_TOP_TENSOR("model.embed_tokens.weight", VOCAB, HIDDEN, embedding),
    .final_norm = SC_TOP_TENSOR("model.norm.weight", NONE, HIDDEN, final_norm),
    .output = SC_TOP_TENSOR("lm_head.weight", VOCAB, HIDDEN, output),
    .layer = layer,
    .n_layer = sizeof layer / sizeof layer[0],
    .shapes = shapes,
    .n_shapes = sizeof shapes / sizeof shapes[0],
    .write = write,
};
