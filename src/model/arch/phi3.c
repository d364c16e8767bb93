/*
 * Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: RMSNorm before each block, grouped-query attention, SwiGLU,
 * no biases.  Queries, keys and values come from one tensor, gate and up from another.  Part of a
 * head may stay unturned; long models have two sets of steps, for sequences up to and beyond the
 * positions that they were first trained on.
 *
 * The published lists of steps are not needed for benchmarks: models of random weights have lists
 * of the same length.  Sources: the published configurations and their model cards.
 */
#include <stddef.h>
#include <string.h>

#include "model/arch/arch.h"
#include "model/arch/fields.h"
#include "model/arch/rope.h"
#include "model/arch/write.h"

static enum sc_status read(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error)
{
    struct sc_window_rule rule = {0};
    const struct sc_rope_rules rope = {.may_be_part = true, .always_long = true};
    config->layer = (struct sc_layer_kind){
        .norms = SC_NORM_BEFORE,
        .activation = SC_ACTIVATION_SILU,
    };
    SC_TRY(sc_rope_read(top, &rope, config, error));
    SC_TRY(sc_field_refuse_true(top, "attention_bias", error));
    SC_TRY(sc_field_refuse_true(top, "mlp_bias", error));
    SC_TRY(sc_field_refuse_other(top, "hidden_act", "silu", error));
    SC_TRY(sc_field_window_size(top, 0, &rule.window, error));
    return sc_field_windows(top, &rule, config, error);
}

static const struct sc_fused qkv = {{SC_SIZE_HEADS, SC_SIZE_KV_HEADS, SC_SIZE_KV_HEADS}, 3};
static const struct sc_fused gate_up = {{SC_SIZE_FFN, SC_SIZE_FFN}, 2};

#define PART(name, rows, field, of, part)                                                          \
    {                                                                                              \
        name, SC_SIZE_##rows, SC_SIZE_HIDDEN, offsetof(struct sc_layer_tensors, field),            \
            SC_WHEN_ALWAYS, of, part                                                               \
    }

static const struct sc_family_tensor layer[] = {
    SC_LAYER_TENSOR("input_layernorm.weight", NONE, HIDDEN, input_norm),
    PART("self_attn.qkv_proj.weight", HEADS, q, &qkv, 0),
    PART("self_attn.qkv_proj.weight", KV_HEADS, k, &qkv, 1),
    PART("self_attn.qkv_proj.weight", KV_HEADS, v, &qkv, 2),
    SC_LAYER_TENSOR("self_attn.o_proj.weight", HIDDEN, HEADS, o),
    SC_LAYER_TENSOR("post_attention_layernorm.weight", NONE, HIDDEN, ffn_norm),
    PART("mlp.gate_up_proj.weight", FFN, gate, &gate_up, 0),
    PART("mlp.gate_up_proj.weight", FFN, up, &gate_up, 1),
    SC_LAYER_TENSOR("mlp.down_proj.weight", HIDDEN, FFN, down),
};

#define LONG(part)                                                                                 \
    "\"rope_theta\": 10000.0, \"sliding_window\": 262144, \"partial_rotary_factor\": " part        \
    ", \"original_max_position_embeddings\": 4096"

static const struct sc_family_shape shapes[] = {
    {"phi-3-mini", 3072, 32, 32, 32, 96, 8192, 32064, 4096, false, 0.02, 0.05, 32007, 32000,
     "\"bos_token_id\": 1, \"pad_token_id\": 32000, \"rope_theta\": 10000.0, \"rope_scaling\": "
     "null, \"sliding_window\": 2047"},
    {"phi-3-mini-128k", 3072, 32, 32, 32, 96, 8192, 32064, 131072, false, 0.02, 0.05, 32007, 32000,
     "\"bos_token_id\": 1, \"pad_token_id\": 32000, " LONG("1.0")},
    {"phi-4-mini", 3072, 32, 24, 8, 128, 8192, 200064, 131072, true, 0.02, 0.05, 200020, 199999,
     "\"bos_token_id\": 199999, \"pad_token_id\": 199999, " LONG("0.75")},
    {"phi-4", 5120, 40, 40, 10, 128, 17920, 100352, 16384, false, 0.02, 0.05, 100265, 100257,
     "\"bos_token_id\": 100257, \"pad_token_id\": 100349, \"rope_theta\": 250000, "
     "\"rope_scaling\": null, \"sliding_window\": null"},
    {"tiny-phi3", 64, 3, 4, 2, 16, 88, 389, 256, false, 0.15, 0.2, 388, 387,
     "\"bos_token_id\": 387, \"pad_token_id\": 387, \"rope_theta\": 10000.0, \"sliding_window\": "
     "null, \"partial_rotary_factor\": 0.75, \"original_max_position_embeddings\": 48"},
    {"tiny-phi3-b", 60, 2, 6, 6, 10, 70, 512, 128, true, 0.15, 0.2, 511, 510,
     "\"bos_token_id\": 510, \"pad_token_id\": 510, \"rope_theta\": 10000.0, \"rope_scaling\": "
     "null, \"sliding_window\": 11"},
};

/* "[1.0, 1.5, ...]": n factors from 1 to `last`. */
static void write_factors(struct sc_text *out, size_t n, double last)
{
    for (size_t i = 0; i < n; i++)
        sc_text_printf(out, "%s%.4f", i > 0 ? ", " : "[",
                       1 + (last - 1) * (double)i / (double)(n > 1 ? n - 1 : 1));
    sc_text_puts(out, "]");
}

static void write(struct sc_text *out, const struct sc_model_config *config,
                  const struct sc_family_shape *shape, const char *dtype_name)
{
    struct sc_text scaling = {0};
    if (strstr(shape->more, "\"original_max_position_embeddings\"") != NULL) {
        const bool whole = strstr(shape->more, "0.75") == NULL;
        const size_t n = config->head_dim * (whole ? 4 : 3) / 8;
        sc_text_puts(&scaling, "\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": ");
        write_factors(&scaling, n, 1.5);
        sc_text_puts(&scaling, ", \"long_factor\": ");
        write_factors(&scaling, n, 48);
        sc_text_puts(&scaling, "}");
    }
    out->failed = out->failed || scaling.failed;
    sc_family_write(out, config, shape, dtype_name, scaling.data);
    sc_text_free(&scaling);
}

const struct sc_family sc_family_phi3 = {
    .model_type = "phi3",
    .heads_for_all = true,
    .defaults = "{\"rope_theta\": 10000.0, \"original_max_position_embeddings\": 4096}",
    .sampling = {.temperature = 1, .top_p = 1},
    .read = read,
    SC_TABLE(layer, layer),
    SC_TABLE(shapes, shapes),
    .write = write,
    .architecture = "Phi3ForCausalLM",
    .own = "\"hidden_act\": \"silu\", \"embd_pdrop\": 0.0, \"resid_pdrop\": 0.0, "
           "\"rms_norm_eps\": 1e-05",
};
