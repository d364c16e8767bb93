/*
 * Qwen3, mixtures of experts (30B-A3B, 235B-A22B, Coder): the layers of qwen3.c, whose FFN is a
 * router and many small SwiGLU FFNs, of which each token takes a few.
 *
 * Refuses layers with a dense FFN between those with experts, sliding windows and biases, none of
 * which published models of this family have.  Sources: the published configurations and their
 * model cards; Yang et al., "Qwen3 Technical Report", 2025.
 */
#include <stddef.h>

#include "base/json.h"
#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"

enum { MOST_EXPERTS = 4096 };

/* Every layer has experts: none is named as dense, and no step leaves some out. */
static enum sc_status refuse_dense_layers(const json_t *top, struct sc_error *error)
{
    const int64_t one = 1;
    int64_t step = 1;
    const json_t *dense = json_object_get(top, "mlp_only_layers");
    SC_TRY(sc_json_int(top, "decoder_sparse_step", (struct sc_json_ints){1, SC_MOST_LAYERS}, &one,
                       &step, error));
    if (step != 1)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "decoder_sparse_step: expected 1, found %d: layers without experts are not "
                       "supported",
                       (int)step);
    if (sc_field_is_set(top, "mlp_only_layers") && !json_is_array(dense))
        return sc_fail(error, SC_ERR_FORMAT, "mlp_only_layers: expected a list, found %s",
                       sc_json_kind(dense));
    if (json_array_size(dense) != 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "mlp_only_layers: expected none, found %zu: layers without experts are not "
                       "supported",
                       json_array_size(dense));
    return SC_OK;
}

/* num_local_experts is how newer files spell num_experts. */
static enum sc_status read_experts(const json_t *top, struct sc_layer_kind *layer,
                                   struct sc_error *error)
{
    const bool off = false;
    const char *n_experts =
        sc_field_is_set(top, "num_experts") ? "num_experts" : "num_local_experts";
    SC_TRY(sc_field_size(top, n_experts, MOST_EXPERTS, &layer->n_experts, error));
    SC_TRY(
        sc_field_size(top, "num_experts_per_tok", layer->n_experts, &layer->n_experts_used, error));
    SC_TRY(sc_field_size(top, "moe_intermediate_size", (size_t)1 << 20, &layer->expert_ffn, error));
    SC_TRY(sc_json_bool(top, "norm_topk_prob", &off, &layer->share_among_used, error));
    return refuse_dense_layers(top, error);
}

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE,
        .qk_norm = SC_QK_NORM_PER_HEAD,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_rope_read(top, &(struct sc_rope_rules){0}, config, error));
    SC_TRY(sc_field_refuse_true(top, "attention_bias", error));
    SC_TRY(sc_field_refuse_true(top, "use_sliding_window", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    return read_experts(top, &config->layer, error);
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
    SC_LAYER_TENSOR("mlp.gate.weight", EXPERTS, HIDDEN, router),
};

static const struct sc_family_tensor expert[] = {
    SC_EXPERT_TENSOR("gate_proj.weight", EXPERT_FFN, HIDDEN, gate),
    SC_EXPERT_TENSOR("up_proj.weight", EXPERT_FFN, HIDDEN, up),
    SC_EXPERT_TENSOR("down_proj.weight", HIDDEN, EXPERT_FFN, down),
};

#define EXPERTS(n, used, ffn, among_used)                                                          \
    "  \"moe_intermediate_size\": " #ffn ",\n  \"norm_topk_prob\": " #among_used                   \
    ",\n  \"num_experts\": " #n ",\n  \"num_experts_per_tok\": " #used ",\n"
#define PUBLISHED 151936, 40960
#define DRAWN 0.02, 0.05, 151645, 151643, EXPERTS(128, 8, 768, true)
#define TINY 512, 4096
#define TINY_DRAWN 0.15, 0.2, 511, 510

static const struct sc_family_shape shapes[] = {
    {"qwen3-30b-a3b", 2048, 48, 32, 4, 128, 6144, PUBLISHED, false, DRAWN},
    {"tiny-qwen3-moe", 64, 3, 4, 2, 32, 128, TINY, false, TINY_DRAWN, EXPERTS(8, 2, 48, true)},
    {"tiny-qwen3-moe-b", 80, 2, 6, 3, 16, 96, TINY, true, TINY_DRAWN, EXPERTS(11, 3, 40, false)},
};

static void write(struct sc_text *out, const struct sc_model_config *c,
                  const struct sc_family_shape *shape, const char *dtype_name)
{
    sc_text_printf(out,
                   "{\n  \"architectures\": [\n    \"Qwen3MoeForCausalLM\"\n  ],\n"
                   "  \"attention_bias\": false,\n  \"attention_dropout\": 0.0,\n"
                   "  \"bos_token_id\": %d,\n  \"decoder_sparse_step\": 1,\n"
                   "  \"eos_token_id\": %d,\n  \"head_dim\": %zu,\n"
                   "  \"hidden_act\": \"silu\",\n  \"hidden_size\": %zu,\n"
                   "  \"initializer_range\": 0.02,\n  \"intermediate_size\": %zu,\n"
                   "  \"max_position_embeddings\": %zu,\n  \"max_window_layers\": %zu,\n"
                   "  \"mlp_only_layers\": [],\n  \"model_type\": \"qwen3_moe\",\n%s",
                   (int)shape->pad_id, (int)shape->end_id, c->head_dim, c->hidden, c->ffn,
                   c->max_positions, c->n_layers, shape->more);
    sc_text_printf(out,
                   "  \"num_attention_heads\": %zu,\n  \"num_hidden_layers\": %zu,\n"
                   "  \"num_key_value_heads\": %zu,\n  \"output_router_logits\": false,\n"
                   "  \"rms_norm_eps\": 1e-06,\n  \"rope_scaling\": null,\n"
                   "  \"rope_theta\": 1000000.0,\n  \"router_aux_loss_coef\": 0.001,\n"
                   "  \"sliding_window\": null,\n  \"tie_word_embeddings\": %s,\n"
                   "  \"torch_dtype\": \"%s\",\n  \"transformers_version\": \"4.51.0\",\n"
                   "  \"use_cache\": true,\n  \"use_sliding_window\": false,\n"
                   "  \"vocab_size\": %zu\n}\n",
                   c->n_heads, c->n_layers, c->n_kv_heads, c->tied ? "true" : "false", dtype_name,
                   c->n_vocab);
}

const struct sc_family sc_family_qwen3_moe = {
    .model_type = "qwen3_moe",
    .tied = false,
    .sampling = {.temperature = 0.6, .top_k = 20, .top_p = 0.95},
    .read = read,
    SC_TABLE(layer, layer),
    .experts_name = "mlp.experts.",
    SC_TABLE(expert, expert),
    SC_TABLE(shapes, shapes),
    .write = write,
};
