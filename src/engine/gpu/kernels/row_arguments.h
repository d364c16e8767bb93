/*
 * Arguments of the kernels that work on one row at a time (rows.h).  Pointers are the card's;
 * matrices begin on a multiple of 16 bytes and their strides are multiples of SC_GPU_ROUND, as the
 * lengths of gains and biases are, so that four numbers are read at once.  *n_rows is read on the
 * card: blocks of rows past it do nothing, so a launch for a rounded number of rows serves any
 * number below.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ROW_ARGUMENTS_H
#define SC_ENGINE_GPU_KERNELS_ROW_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A matrix of numbers that are f32 or bf16, rows `stride` numbers apart. */
struct sc_gpu_numbers {
    void *data;
    uint32_t stride;
    bool bf16;
};

/* x[r] = embedding[tokens[r]] * scale; a block a row. */
struct sc_gpu_embed {
    float *x; /* [rows][x_stride] */
    struct sc_gpu_numbers embedding;
    const int32_t *tokens; /* [*n_rows] */
    const uint32_t *n_rows;
    uint32_t x_stride, hidden;
    float scale; /* 1: as they are */
};

/*
 * What a block of the network gave goes to the residual stream, and a row of that is prepared for
 * the next; a block a row.  With s = rows[r]:
 *   b = branch[s] + bias; b = b / rms(b) * branch_gain; sum[r] = x[s] + b
 *   entered[r] = routed[r] = sum[r] / rms(sum[r]) * gain
 * where what is NULL is left out, and rms(y) = sqrt(mean(y^2) + eps), in double.  `sum` may be x
 * where rows is NULL.  What is past `hidden` becomes zero in all that is written.
 */
struct sc_gpu_enter {
    const float *x;       /* [.][stride] */
    const float *branch;  /* [.][stride] or NULL */
    const uint32_t *rows; /* [*n_rows] or NULL: s = r */
    float *sum;           /* [rows][stride] */
    struct sc_gpu_numbers entered;
    float *routed; /* [rows][stride] or NULL */
    const float *bias, *branch_gain, *gain;
    const uint32_t *n_rows;
    uint32_t stride, hidden;
    float eps;
};
/* Shared memory: sums of warps, and the row. */
#define SC_GPU_ENTER_SUMS 32
#define SC_GPU_ENTER_SHARED(stride)                                                                \
    ((uint32_t)(SC_GPU_ENTER_SUMS * sizeof(double) + (stride) * sizeof(float)))

/* Angles of a kind of positions: [positions][n]; numbers i and i + n of a head turn together, those
 * past 2 n stay. */
struct sc_gpu_turn {
    const float *cosines, *sines;
    uint32_t n;
};

/*
 * Heads of a row as the product left them: bias, norm of the whole row or of each head, rotation of
 * queries and keys; queries are written back, keys and values go to their page.  Blocks: rows, by
 * any number that share a row's heads; 1 where norms are over the whole row.  A warp does a head.
 */
struct sc_gpu_heads {
    float *qkv;                   /* [rows][stride]: queries, keys, values */
    const float *bias;            /* as a row, or NULL */
    const float *q_norm, *k_norm; /* gains, or NULL */
    struct sc_gpu_turn turn, turn_long;
    unsigned char *pages; /* the layer's keys in page 0: [keys, values][kv head][32][head_dim] */
    size_t page_bytes;    /* from page to page */
    const uint32_t *positions, *page, *place; /* [*n_rows]; place: in the page */
    const uint8_t *is_long;                   /* [*n_rows] */
    const uint32_t *n_rows;
    uint32_t stride, n_heads, n_kv_heads, head_dim;
    float eps;
    bool whole; /* norms are over all heads of a kind */
    bool bf16;  /* keys and values */
};
#define SC_GPU_HEADS_SHARED(threads, head_dim)                                                     \
    ((uint32_t)(SC_GPU_ENTER_SUMS * sizeof(double) +                                               \
                (threads) / 32 * (((head_dim) + 3) / 4 * 4) * sizeof(float)))

/* gated[r] = activation(gate) * up, zeros past ffn.  Blocks: rows, by as many as there are pieces
 * of 4 * threads numbers. */
struct sc_gpu_gate {
    const float *gate_up; /* [rows][stride]: gate [ffn], up [ffn] */
    struct sc_gpu_numbers gated;
    const uint32_t *n_rows;
    uint32_t stride, ffn;
    bool gelu; /* by tanh; else silu */
};

/* x = cap tanh(x / cap); what is infinite becomes NaN, so that it shows.  Blocks as gate. */
struct sc_gpu_softcap {
    float *logits; /* [rows][stride] */
    const uint32_t *n_rows;
    uint32_t stride, n_vocab;
    float cap;
};

/* X(name, struct of its arguments) */
#define SC_GPU_ROW_KERNELS(X)                                                                      \
    X(embed, struct sc_gpu_embed)                                                                  \
    X(enter, struct sc_gpu_enter)                                                                  \
    X(heads, struct sc_gpu_heads)                                                                  \
    X(gate, struct sc_gpu_gate)                                                                    \
    X(softcap, struct sc_gpu_softcap)

#endif
