/* The CPU as a device: packed weights, and what was chosen for them.  Immutable once open. */
#ifndef SC_ENGINE_CPU_CPU_H
#define SC_ENGINE_CPU_CPU_H

#include "engine/engine.h"
#include "kernels/kernels.h"

struct sc_expert_weights {
    struct sc_packed gate, up; /* [expert_ffn][hidden] */
    struct sc_packed down;     /* [hidden][expert_ffn] */
};

/* Matrices packed; vectors in f32, gains with the family's offset, NULL where it has none. */
struct sc_layer_weights {
    struct sc_packed q;                    /* [n_heads * head_dim][hidden] */
    struct sc_packed k, v;                 /* [n_kv_heads * head_dim][hidden] */
    struct sc_packed o;                    /* [hidden][n_heads * head_dim] */
    struct sc_packed gate, up;             /* [ffn][hidden] */
    struct sc_packed down;                 /* [hidden][ffn] */
    struct sc_packed router;               /* [n_experts][hidden], in f32 */
    struct sc_expert_weights *experts;     /* [n_experts], in place of gate, up and down */
    const float *q_bias, *k_bias, *v_bias; /* [heads * head_dim] */
    const float *o_bias;                   /* [hidden] */
    const float *input_norm, *ffn_norm;    /* [hidden], before a block */
    const float *attention_out_norm;       /* [hidden], of what attention gives */
    const float *ffn_out_norm;             /* [hidden], of what the FFN gives */
    const float *q_norm, *k_norm;          /* [head_dim], or [heads * head_dim] */
};

struct sc_cpu {
    const struct sc_model *model;
    struct sc_model_config config;
    size_t n_vocab; /* tokens in P: the output matrix has this many rows */
    size_t confidence_top_k;
    const struct sc_kernels *kernels;
    enum sc_dtype dtype;
    const struct sc_matmul *matmul;       /* the kernels' of dtype */
    const struct sc_attention *attention; /* f32 for dtype f32, else bf16 */
    size_t n_threads;
    size_t weight_bytes;     /* of matrices, gains and biases */
    unsigned char *weights;  /* all packed matrices */
    float *norms;            /* all gains and biases */
    const float *final_norm; /* [hidden] */
    struct sc_layer_weights *layers;
    struct sc_expert_weights *experts; /* [n_layers][n_experts]; NULL where there are none */
    struct sc_packed output;           /* [n_vocab][hidden] */
};

enum sc_status sc_cpu_open(struct sc_engine *engine, const struct sc_engine_options *options,
                           struct sc_error *error);
void sc_cpu_close(void *weights);

#endif
