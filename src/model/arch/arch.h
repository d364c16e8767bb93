/*
 * Families of networks.  A family is one file of this folder (qwen3.c): what its config.json may
 * say, which tensors follow from it and how they are called, what a layer computes, and the shapes
 * that its makers published.  Everything else of the program reads struct sc_model_config.
 *
 * To add one: its file, a line in arch.c's table, and its tests.  Where its layers compute
 * something new, struct sc_layer_kind (model.h) names that, and each device says by
 * what it refuses whether it can (engine/device.h).
 */
#ifndef SC_MODEL_ARCH_ARCH_H
#define SC_MODEL_ARCH_ARCH_H

#include <jansson.h>
#include <stddef.h>

#include "base/text.h"
#include "model/model.h"

/* A size that a tensor's shape is made of. */
enum sc_size {
    SC_SIZE_NONE, /* rows of a vector */
    SC_SIZE_HIDDEN,
    SC_SIZE_HEADS,    /* n_heads * head_dim */
    SC_SIZE_KV_HEADS, /* n_kv_heads * head_dim */
    SC_SIZE_HEAD_DIM,
    SC_SIZE_FFN,
    SC_SIZE_VOCAB,
    SC_SIZE_EXPERTS,
    SC_SIZE_EXPERT_FFN
};

/* Which configurations have a tensor. */
enum sc_tensor_when { SC_WHEN_ALWAYS, SC_WHEN_QKV_BIAS, SC_WHEN_OUTPUT_BIAS };

/* A tensor of a file that holds several of ours, one above the other. */
struct sc_fused {
    enum sc_size rows[4];
    size_t n;
};

struct sc_family_tensor {
    const char *name; /* of a layer's: what follows "model.layers.N."; of an expert's, what follows
                       * the family's experts_name and "E." */
    enum sc_size rows, cols;
    size_t at; /* offset in struct sc_layer_tensors, sc_top_tensors or sc_expert_tensors */
    enum sc_tensor_when when;
    const struct sc_fused *fused; /* NULL: alone under its name */
    size_t part;                  /* of fused; parts follow one another in the table */
};

/* An entry that every configuration has, alone under its name. */
#define SC_LAYER_TENSOR(name, rows, cols, field)                                                   \
    {                                                                                              \
        name, SC_SIZE_##rows, SC_SIZE_##cols, offsetof(struct sc_layer_tensors, field),            \
            SC_WHEN_ALWAYS, NULL, 0                                                                \
    }
/* A vector that configurations with the biases of WHEN have. */
#define SC_LAYER_BIAS(name, cols, field, when)                                                     \
    {                                                                                              \
        name, SC_SIZE_NONE, SC_SIZE_##cols, offsetof(struct sc_layer_tensors, field), when, NULL,  \
            0                                                                                      \
    }
/* The biases of attention, as all families call them: of q, k and v, and of what comes out. */
#define SC_QKV_BIASES                                                                              \
    SC_LAYER_BIAS("self_attn.q_proj.bias", HEADS, q_bias, SC_WHEN_QKV_BIAS),                       \
        SC_LAYER_BIAS("self_attn.k_proj.bias", KV_HEADS, k_bias, SC_WHEN_QKV_BIAS),                \
        SC_LAYER_BIAS("self_attn.v_proj.bias", KV_HEADS, v_bias, SC_WHEN_QKV_BIAS)
#define SC_OUTPUT_BIAS SC_LAYER_BIAS("self_attn.o_proj.bias", HIDDEN, o_bias, SC_WHEN_OUTPUT_BIAS)
/* The entries of most families. */
#define SC_ATTENTION_TENSORS                                                                       \
    SC_LAYER_TENSOR("self_attn.q_proj.weight", HEADS, HIDDEN, q),                                  \
        SC_LAYER_TENSOR("self_attn.k_proj.weight", KV_HEADS, HIDDEN, k),                           \
        SC_LAYER_TENSOR("self_attn.v_proj.weight", KV_HEADS, HIDDEN, v),                           \
        SC_LAYER_TENSOR("self_attn.o_proj.weight", HIDDEN, HEADS, o)
#define SC_FFN_TENSORS                                                                             \
    SC_LAYER_TENSOR("mlp.gate_proj.weight", FFN, HIDDEN, gate),                                    \
        SC_LAYER_TENSOR("mlp.up_proj.weight", FFN, HIDDEN, up),                                    \
        SC_LAYER_TENSOR("mlp.down_proj.weight", HIDDEN, FFN, down)
#define SC_EXPERT_TENSOR(name, rows, cols, field)                                                  \
    {                                                                                              \
        name, SC_SIZE_##rows, SC_SIZE_##cols, offsetof(struct sc_expert_tensors, field),           \
            SC_WHEN_ALWAYS, NULL, 0                                                                \
    }

/* A published shape, for models of random weights. */
struct sc_family_shape {
    const char *name;
    size_t hidden, n_layers, n_heads, n_kv_heads, head_dim, ffn, n_vocab, max_positions;
    bool tied;
    double sigma, norm_sigma; /* standard deviations of matrices, and of gains and biases around
                               * what they are where they do nothing */
    int32_t end_id, pad_id;   /* where no tokenizer says */
    const char *more;         /* members of config.json that are this shape's own, or NULL */
};

struct sc_family {
    const char *model_type; /* in config.json */
    const char *wrapper;    /* model_type of models of more than text, whose text_config is that of
                             * this family; or NULL */
    bool tied;              /* where config.json does not say */
    bool heads_for_all;     /* without num_key_value_heads each head has keys of its own */
    const char *defaults;   /* members that published files leave out, as a JSON object, or NULL */
    struct sc_sampling sampling; /* where generation_config.json does not */
    /* What is read the same way for all families stands in config already.  Fills config->layer and
     * the constants that belong to it; refuses what would change the numbers. */
    enum sc_status (*read)(const json_t *top, struct sc_model_config *config,
                           struct sc_error *error);
    const struct sc_family_tensor *layer; /* [n_layer], in the order of the fingerprint */
    size_t n_layer;
    const char *experts_name;              /* "mlp.experts." */
    const struct sc_family_tensor *expert; /* [n_expert] of each expert; n_expert 0: none */
    size_t n_expert;
    const struct sc_family_shape *shapes; /* [n_shapes] */
    size_t n_shapes;
    /* config.json of a model of random weights; dtype_name as torch spells it.  NULL: it is written
     * by sc_family_write (write.h). */
    void (*write)(struct sc_text *out, const struct sc_model_config *config,
                  const struct sc_family_shape *shape, const char *dtype_name);
    const char *architecture; /* for sc_family_write: the name of the class, */
    const char *own;          /* and members that all shapes have, "\"a\": 1, \"b\": 2" */
};

/* A table of a family and how many it has: .layer and .n_layer, say. */
#define SC_TABLE(field, table) .field = table, .n_##field = sizeof table / sizeof table[0]

/* What all families call the matrices that belong to no layer. */
#define SC_EMBEDDING_NAME "model.embed_tokens.weight"
#define SC_FINAL_NORM_NAME "model.norm.weight"
#define SC_OUTPUT_NAME "lm_head.weight"

/* The family of a model_type, or that whose wrapper it is, or NULL. */
const struct sc_family *sc_family_find(const char *model_type);
/* The shape of that name in any family, or NULL. */
const struct sc_family_shape *sc_family_find_shape(const char *name,
                                                   const struct sc_family **family);
/* Their names, for messages: "qwen3", and "qwen3-0.6b, qwen3-1.7b ..."; sc_text_free. */
struct sc_text sc_family_names(void);
struct sc_text sc_family_shape_names(void);

extern const struct sc_family sc_family_gemma2, sc_family_gemma3_text, sc_family_llama,
    sc_family_mistral, sc_family_olmo2, sc_family_olmo3, sc_family_phi3, sc_family_qwen2,
    sc_family_qwen3, sc_family_qwen3_moe, sc_family_smollm3;

/* A tensor that a network needs, and its offset: that of a struct sc_tensor in the struct
 * sc_expert_tensors of its expert, in the struct sc_layer_tensors of its layer when it belongs to
 * no expert, or in struct sc_top_tensors when it belongs to no layer. */
struct sc_tensor_slot {
    const char *name;      /* of the tensor in the files */
    size_t n_rows, n_cols; /* n_rows 0: a vector */
    size_t first_row;      /* ours are rows [first_row, first_row + n_rows) of */
    size_t all_rows;       /* the file's; 0 and n_rows where it is alone */
    size_t layer;          /* or SC_NO_LAYER */
    size_t expert;         /* or SC_NO_EXPERT */
    size_t at;
};
#define SC_NO_LAYER SIZE_MAX
#define SC_NO_EXPERT SIZE_MAX
struct sc_top_tensors {
    struct sc_tensor embedding, final_norm, output;
};
/* Calls visit for each of them, in the fixed order of the fingerprint; stops at the first failure.
 */
typedef enum sc_status sc_slot_visit(void *context, const struct sc_tensor_slot *slot,
                                     struct sc_error *error);
enum sc_status sc_config_visit(const struct sc_model_config *config, sc_slot_visit *visit,
                               void *context, struct sc_error *error);
/* Parameters that a network of these shapes needs; SIZE_MAX when that overflows. */
size_t sc_config_n_parameters(const struct sc_model_config *config);

#endif
