/*
 * A GPU as a device (engine/device.h): what lies on the card, and how the parts of this folder
 * speak of it.
 *
 *   modules.c     finds and loads a module (module.h), and says which card is taken
 *   weights.c     the model's matrices on the card
 *   gpu.c         the device's table; memory.c: a session's memory
 *   step.c        one pass of the network, as launches in a queue
 *   attention.c   which rows read what together
 *   products.c    rows by matrices, by ways whose sums do not depend on how many rows there are
 *   experts.c     mixtures of experts
 *   ends.c        the end of a step: figures and draws of rows of logits (ends_requests.c)
 *   kernels/      what runs on the card
 *
 * Numbers: the residual stream, sums and logits are f32.  With bf16 weights, keys, values and what
 * enters a product are bf16; else all is f32.  Rows of arrays lie `stride` numbers apart, which is
 * their length rounded up to SC_GPU_ROUND; what is past it is zero in weights and in what enters
 * products, and nobody's elsewhere.
 */
#ifndef SC_ENGINE_GPU_GPU_H
#define SC_ENGINE_GPU_GPU_H

#include "engine/arena.h"
#include "engine/engine.h"
#include "engine/gpu/module.h"

#define SC_GPU_ROUND 64 /* numbers of a row, so that tiles of matrices are whole */

static inline uint32_t sc_gpu_stride(size_t n)
{
    return (uint32_t)((n + SC_GPU_ROUND - 1) / SC_GPU_ROUND * SC_GPU_ROUND);
}

/* ---- weights: immutable once open ------------------------------------------------------------ */

struct sc_gpu_product; /* how rows are multiplied with matrices of one shape (products.h) */

/* W [n_out][n_in] on the card, rows `stride` numbers apart; data NULL: the network has none. */
struct sc_gpu_matrix {
    void *data;
    uint32_t n_out, n_in, stride;
    bool bf16;
    const struct sc_gpu_product *product;
};

/* Vectors are f32 and on the card, as long as their stride with zeros behind, gains with the
 * family's offset, NULL where it has none. */
struct sc_gpu_layer {
    struct sc_gpu_matrix qkv;     /* [(n_heads + 2 n_kv_heads) * head_dim][hidden]: queries, keys,
                                   * values */
    struct sc_gpu_matrix o;       /* [hidden][n_heads * head_dim] */
    struct sc_gpu_matrix gate_up; /* [2 ffn][hidden]: gate, then up */
    struct sc_gpu_matrix down;    /* [hidden][ffn] */
    struct sc_gpu_matrix router;  /* [n_experts][hidden], f32 */
    /* Of all experts, one behind the other: [n_experts * 2 expert_ffn][hidden], for each gate, then
     * up; and [n_experts * hidden][expert_ffn]. */
    struct sc_gpu_matrix experts_gate_up, experts_down;
    const float *qkv_bias, *o_bias;
    const float *input_norm, *ffn_norm, *attention_out_norm, *ffn_out_norm; /* [hidden] */
    const float *q_norm, *k_norm; /* [head_dim], or [heads * head_dim] */
};

struct sc_gpu_weights {
    const struct sc_gpu_module *module;
    void *gpu;
    struct sc_gpu_card card; /* as it was when it was opened */
    int card_number;
    char arithmetic[128]; /* name of what figures follow from, for the run's record */
    struct sc_model_config config;
    size_t n_vocab; /* tokens in P: the output matrix has this many rows */
    size_t confidence_top_k;
    bool bf16;
    struct sc_gpu_layer *layers;    /* [n_layers], on the host */
    struct sc_gpu_matrix embedding; /* [config.n_vocab][hidden], as precise as the files */
    struct sc_gpu_matrix output;    /* [n_vocab][hidden] */
    const float *final_norm;
    size_t weight_bytes;
    void *memory;                     /* of the card, that all this is in */
    struct sc_gpu_products *products; /* all shapes, owned */
};

/* ---- a session ------------------------------------------------------------------------------- */

/* Memory of the card, and memory of the host that the card can read; the same layout code runs
 * twice, first to measure (engine/arena.h). */
struct sc_gpu_arenas {
    struct sc_arena card, host;
};

/* An array that the host fills and sends, or that the card fills and the host fetches. */
struct sc_gpu_table {
    void *host, *card;
};

struct sc_gpu_session;

static inline struct sc_gpu_table sc_gpu_table_take(struct sc_gpu_arenas *arenas, size_t count,
                                                    size_t size)
{
    return (struct sc_gpu_table){sc_arena_take(&arenas->host, count, size),
                                 sc_arena_take(&arenas->card, count, size)};
}

#endif
