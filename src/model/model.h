/*
 * A checkpoint in Hugging Face layout: configuration and memory-mapped weights, checked before use.
 */
#ifndef SC_MODEL_MODEL_H
#define SC_MODEL_MODEL_H

#include <safeconf/engine.h>

#include "base/error.h"

/* What a layer computes beyond what its shapes say.  A family sets it (arch/), a device refuses
 * what it does not compute (engine/device.h); whatever is all zero is the plainest case. */
enum sc_norms { SC_NORM_BEFORE, SC_NORM_AFTER, SC_NORM_BEFORE_AND_AFTER }; /* of a block */
enum sc_qk_norm { SC_QK_NORM_NONE, SC_QK_NORM_PER_HEAD, SC_QK_NORM_WHOLE };
enum sc_rotary {
    SC_ROTARY_HALVES,
    SC_ROTARY_PAIRS
}; /* numbers that turn together: i and i + d/2; 2i and 2i + 1 */
enum sc_activation { SC_ACTIVATION_SILU, SC_ACTIVATION_GELU_TANH };
struct sc_layer_kind {
    enum sc_norms norms;
    enum sc_qk_norm qk_norm; /* of queries and keys, before they turn */
    float gain_offset;       /* a gain is this + what the file holds */
    bool qkv_bias, output_bias;
    enum sc_rotary rotary;
    bool rope_scaled; /* the angles are not position * theta^(-2i / head_dim) */
    enum sc_activation activation;
    size_t window;           /* positions that a row sees; 0: all before it */
    float attention_softcap; /* scores become cap * tanh(score / cap); 0: off */
    float logit_softcap;
    float embedding_scale; /* of the embedding's rows; 0: as they are */
    size_t n_experts;      /* 0: dense */
};

struct sc_family;

/* Shapes and constants of a network. */
struct sc_model_config {
    const struct sc_family *family;
    struct sc_layer_kind layer;
    size_t n_vocab; /* rows of the embedding */
    size_t hidden;  /* width of the residual stream */
    size_t n_layers;
    size_t n_heads;    /* query heads */
    size_t n_kv_heads; /* divides n_heads */
    size_t head_dim;   /* even */
    size_t ffn;        /* width of the SwiGLU layer */
    size_t max_positions;
    float rms_eps;
    double rope_theta;
    bool tied;           /* the output matrix is the embedding */
    enum sc_dtype dtype; /* of the stored weights, as config.json says */
};

/* generation_config.json, with what the family's makers publish where the file or a field is
 * missing. */
#define SC_MOST_END_IDS 8
struct sc_generation_config {
    struct sc_sampling sampling;
    int32_t end_ids[SC_MOST_END_IDS];
    size_t n_end_ids;    /* 0 when no file says */
    bool greedy;         /* do_sample is false: the temperature is 0 */
    char unapplied[400]; /* what it asks for and nothing here does: "num_beams 4, ..."; else "" */
};

/* A tensor inside a map: row-major, f32, bf16 or f16, any alignment. */
struct sc_tensor {
    const void *data;
    enum sc_dtype dtype;
    size_t n_rows, n_cols; /* a vector has n_rows = 1 */
};

struct sc_layer_tensors {
    struct sc_tensor input_norm;     /* [hidden] */
    struct sc_tensor q, k, v;        /* [heads * head_dim][hidden] */
    struct sc_tensor o;              /* [hidden][n_heads * head_dim] */
    struct sc_tensor q_norm, k_norm; /* [head_dim] */
    struct sc_tensor post_norm;      /* [hidden] */
    struct sc_tensor gate, up;       /* [ffn][hidden] */
    struct sc_tensor down;           /* [hidden][ffn] */
};

const struct sc_model_config *sc_model_config(const struct sc_model *model);
const struct sc_generation_config *sc_model_generation(const struct sc_model *model);
const struct sc_tensor *sc_model_embedding(const struct sc_model *model); /* [n_vocab][hidden] */
const struct sc_tensor *sc_model_output(const struct sc_model *model); /* the embedding when tied */
const struct sc_tensor *sc_model_final_norm(const struct sc_model *model);
const struct sc_layer_tensors *sc_model_layer(const struct sc_model *model, size_t layer);
/* Tokens that exist: those of the tokenizer (NULL: all) that have a row in the embedding.  Further
 * rows are padding, which is not part of P. */
size_t sc_model_tokens_in(const struct sc_model *model, const struct sc_tokenizer *tokenizer);
/* The same with the tokenizer in the model's folder, if there is one: reads it. */
enum sc_status sc_model_count_tokens(const struct sc_model *model, size_t *n,
                                     struct sc_error *error);
/* Content of the checkpoint (configuration and all weights) as 32 hexadecimal digits; reads every
 * byte once. */
void sc_model_fingerprint(const struct sc_model *model, char out[33]);

/* Writes a random-weight checkpoint.  shape: of any family (arch/), such as "qwen3-0.6b" or "tiny".
 * tokenizer_folder may be NULL; dtype f32, bf16 or f16. */
enum sc_status sc_model_write_random(const char *shape, const char *tokenizer_folder,
                                     enum sc_dtype dtype, uint64_t seed, const char *out_folder,
                                     struct sc_error *error);

#endif
