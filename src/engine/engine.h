/*
 * The engine's inside: packed weights and what was chosen for them.  Immutable once open.
 */
#ifndef SC_ENGINE_ENGINE_H
#define SC_ENGINE_ENGINE_H

#include "base/pool.h"
#include "engine/inference.h"

struct sc_layer_weights {
    struct sc_packed q;                  /* [n_heads * head_dim][hidden] */
    struct sc_packed k, v;               /* [n_kv_heads * head_dim][hidden] */
    struct sc_packed o;                  /* [hidden][n_heads * head_dim] */
    struct sc_packed gate, up;           /* [ffn][hidden] */
    struct sc_packed down;               /* [hidden][ffn] */
    const float *input_norm, *post_norm; /* [hidden] */
    const float *q_norm, *k_norm;        /* [head_dim] */
};

struct sc_engine {
    const struct sc_model *model;
    struct sc_model_config config;
    const struct sc_kernels *kernels;
    enum sc_dtype dtype;
    const struct sc_matmul *matmul;       /* the kernels' of dtype */
    const struct sc_attention *attention; /* f32 for dtype f32, else bf16 */
    struct sc_pool *pool;
    size_t n_threads;
    size_t n_vocab; /* tokens in P: the head has this many outputs */
    size_t confidence_top_k;
    size_t weight_bytes;
    unsigned char *weights;  /* all packed matrices */
    float *norms;            /* all gains */
    const float *final_norm; /* [hidden] */
    struct sc_layer_weights *layers;
    struct sc_packed head; /* [n_vocab][hidden] */
};

/* Row `row` of a tensor as floats. */
void sc_tensor_row(const struct sc_tensor *tensor, size_t row, float *out);

/* Scores with n_rows positions a step: sc_engine_score with the step made visible for tests. */
enum sc_status sc_score_in_steps(struct sc_engine *engine, const int32_t *ids, size_t n,
                                 size_t n_rows, float *logprob, float *confidence, float *entropy,
                                 struct sc_error *error);

#endif
