/*
 * A checkpoint in Hugging Face layout: configuration and memory-mapped weights, checked before use.
 */
#ifndef SC_MODEL_MODEL_H
#define SC_MODEL_MODEL_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "base/interrupt.h"

/* What a layer computes beyond what its shapes say.  A family sets it (arch/), a device refuses
 * what it does not compute (engine/device.h); whatever is all zero is the plainest case. */
enum sc_norms { SC_NORM_BEFORE, SC_NORM_AFTER, SC_NORM_BEFORE_AND_AFTER }; /* of a block */
enum sc_qk_norm { SC_QK_NORM_NONE, SC_QK_NORM_PER_HEAD, SC_QK_NORM_WHOLE };
enum sc_activation { SC_ACTIVATION_SILU, SC_ACTIVATION_GELU_TANH };
struct sc_layer_kind {
    enum sc_norms norms;
    enum sc_qk_norm qk_norm; /* of queries and keys, before they turn */
    float gain_offset;       /* a gain is this + what the file holds */
    bool qkv_bias, output_bias;
    enum sc_activation activation;
    size_t window;           /* positions that a row of a local layer sees, its own one of them;
                              * 0: all up to its own, in every layer */
    float attention_scale;   /* of the scores; 0: 1 / sqrt(head_dim) */
    float attention_softcap; /* scores become cap * tanh(score / cap); 0: off */
    float logit_softcap;
    float embedding_scale; /* of the embedding's rows; 0: as they are.  In arithmetic other than f32
                            * it is rounded to the dtype of the stored weights. */
    /* The FFN of a row is a sum over n_experts_used of n_experts (0: dense), the likeliest by the
     * softmax of the router's products, each times its share; with share_among_used the shares of
     * those used are divided by their sum. */
    size_t n_experts, n_experts_used, expert_ffn;
    bool share_among_used;
};

/* How queries and keys turn with their position: numbers i and i + n of a head together, i < n;
 * those past 2 n stay as they are. */
#define SC_MOST_ROPE_PAIRS 256
struct sc_rope {
    size_t n;
    double step[SC_MOST_ROPE_PAIRS]; /* [n] radians per position */
    double scale;                    /* of cosines and sines */
};
enum sc_rope_kind {
    SC_ROPE_GLOBAL,
    SC_ROPE_LOCAL, /* in local layers */
    SC_ROPE_LONG,  /* in sequences that may pass long_from positions */
    SC_N_ROPES
};

struct sc_family;
#define SC_MOST_LAYERS 4096

/* What config.json says of quantized weights; all zero: nothing. */
struct sc_quantization {
    bool is_f8;                    /* some weights are 8-bit floats */
    size_t block_rows, block_cols; /* of a scale; 0: a scale is for a row or for a tensor */
};

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
    size_t ffn;        /* width of the dense FFN */
    size_t max_positions;
    float rms_eps;
    double rope_theta;
    struct sc_rope rope[SC_N_ROPES]; /* LOCAL is that of GLOBAL where the family has one for all */
    size_t long_from;                /* 0: no sequence turns by SC_ROPE_LONG */
    uint64_t local_layers[SC_MOST_LAYERS / 64]; /* bit l % 64 of word l / 64: layer l is local */
    bool tied;                                  /* the output matrix is the embedding */
    bool is_part;                               /* of a model that reads more than text */
    struct sc_quantization quantization;
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

/* The scales of weights that are 8-bit floats (e4m3: 4 bits of exponent, 3 of mantissa, no
 * infinities): a weight is its number times the scale of its block. */
struct sc_f8_scales {
    const void *data;              /* [blocks of rows][n_cols] */
    enum sc_dtype dtype;           /* f32, bf16 or f16 */
    size_t block_rows, block_cols; /* weights that one scale is for */
    size_t n_cols;
    size_t first_row; /* of the tensor that the blocks cut, where ours is a part of it */
};

/* A tensor inside a map: row-major, f32, bf16 or f16, any alignment; or e4m3 with its scales, and
 * then dtype is f32, which its weights are widened to. */
struct sc_tensor {
    const void *data;
    enum sc_dtype dtype;
    size_t n_rows, n_cols; /* a vector has n_rows = 1 */
    bool is_f8;
    struct sc_f8_scales f8;
};
/* Bytes of a row as it is stored. */
size_t sc_tensor_row_bytes(const struct sc_tensor *tensor);
/* Row `row` as floats [n_cols]. */
void sc_tensor_row(const struct sc_tensor *tensor, size_t row, float *out);

struct sc_expert_tensors {
    struct sc_tensor gate, up; /* [expert_ffn][hidden] */
    struct sc_tensor down;     /* [hidden][expert_ffn] */
};

/* Those that the family's layers do not have are all zero. */
struct sc_layer_tensors {
    struct sc_tensor input_norm;             /* [hidden], before attention */
    struct sc_tensor q, k, v;                /* [heads * head_dim][hidden] */
    struct sc_tensor q_bias, k_bias, v_bias; /* [heads * head_dim] */
    struct sc_tensor o;                      /* [hidden][n_heads * head_dim] */
    struct sc_tensor o_bias;                 /* [hidden] */
    struct sc_tensor q_norm, k_norm;         /* [head_dim], or [heads * head_dim] when whole */
    struct sc_tensor attention_out_norm;     /* [hidden], of what attention adds */
    struct sc_tensor ffn_norm;               /* [hidden], before the FFN */
    struct sc_tensor ffn_out_norm;           /* [hidden], of what the FFN adds */
    struct sc_tensor gate, up;               /* [ffn][hidden] */
    struct sc_tensor down;                   /* [hidden][ffn] */
    struct sc_tensor router;                 /* [n_experts][hidden] */
    struct sc_expert_tensors *experts;       /* [n_experts] */
};

static inline bool sc_layer_is_local(const struct sc_model_config *config, size_t layer)
{
    return config->local_layers[layer / 64] >> (layer % 64) & 1;
}

const struct sc_model_config *sc_model_config(const struct sc_model *model);
const struct sc_generation_config *sc_model_generation(const struct sc_model *model);
const struct sc_tensor *sc_model_embedding(const struct sc_model *model); /* [n_vocab][hidden] */
const struct sc_tensor *sc_model_output(const struct sc_model *model); /* the embedding when tied */
/* The output matrix is the embedding, and the files have a separate one that is another. */
bool sc_model_output_differs(const struct sc_model *model);
const struct sc_tensor *sc_model_final_norm(const struct sc_model *model);
const struct sc_layer_tensors *sc_model_layer(const struct sc_model *model, size_t layer);
/* Tokens that exist: those of the tokenizer (NULL: all) that have a row in the embedding.  Further
 * rows are padding, which is not part of P. */
size_t sc_model_tokens_in(const struct sc_model *model, const struct sc_tokenizer *tokenizer);
/* The same with the tokenizer in the model's folder, if there is one: reads it. */
enum sc_status sc_model_count_tokens(const struct sc_model *model, size_t *n,
                                     struct sc_error *error);
/* Whether both were opened from the same files, as they then were. */
bool sc_model_same_files(const struct sc_model *a, const struct sc_model *b);
/* Content of the checkpoint (configuration and all weights) as 32 hexadecimal digits; reads every
 * byte once. */
void sc_model_fingerprint(const struct sc_model *model, char out[33]);
/* The same, which takes seconds where the files are large and not in memory. */
enum sc_status sc_model_fingerprint_while(const struct sc_model *model,
                                          const struct sc_interrupt *interrupt, char out[33],
                                          struct sc_error *error);
/* Fails when the weights no longer have that fingerprint: reads every byte again.  What stamps of
 * files do not show (sc_model_unchanged) is seen so: a disk or a memory that lies. */
enum sc_status sc_model_check_fingerprint(const struct sc_model *model,
                                          const struct sc_interrupt *interrupt,
                                          const char fingerprint[33], struct sc_error *error);

/* Writes a random-weight checkpoint.  shape: of any family (arch/), such as "qwen3-0.6b" or "tiny".
 */
struct sc_random_options {
    const char *tokenizer_folder; /* or NULL */
    enum sc_dtype dtype;          /* f32, bf16 or f16 */
    uint64_t seed;
    size_t n_layers; /* 0: as many as the shape has */
    /* By how much the logits are larger, through the gain of the last norm; 0: 1.  Where a network
     * caps them, before the cap. */
    double head_scale;
};
enum sc_status sc_model_write_random_as(const char *shape, const struct sc_random_options *options,
                                        const char *out_folder, struct sc_error *error);
/* The same with all layers. */
enum sc_status sc_model_write_random(const char *shape, const char *tokenizer_folder,
                                     enum sc_dtype dtype, uint64_t seed, const char *out_folder,
                                     struct sc_error *error);

#endif
