/*
 * Arguments of attention (attention.h).  A task is some neighbouring rows and some tiles, which are
 * SC_GPU_TILE positions of the sequence from a multiple of SC_GPU_TILE on; attention.c makes them.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ATTENTION_ARGUMENTS_H
#define SC_ENGINE_GPU_KERNELS_ATTENTION_ARGUMENTS_H

#include "engine/gpu/kernels/row_arguments.h"

#define SC_GPU_TILE 32           /* positions: a lane each */
#define SC_GPU_TASK_QUERIES 8    /* of one kv head, that a warp takes at once */
#define SC_GPU_ATTENTION_WARPS 4 /* of a block: a task each */

/* Neighbouring positions of a history that lie side by side in a page. */
struct sc_gpu_attention_span {
    uint32_t history, before; /* which history, and how many of its positions are before these */
    uint32_t place, n;        /* page * SC_PAGE_POSITIONS + position in it, of the first */
};

struct sc_gpu_attention_row {
    uint32_t history;
    uint32_t end;   /* it sees positions up to this one, which is its own + 1; 0: no row */
    uint32_t alike; /* positions from 0 on that lie in the same places as the row's before it;
                     * UINT32_MAX: all that both see */
    uint32_t slot;  /* of the part of tile 0, the next tile's being the next one */
};

struct sc_gpu_attention_task {
    uint32_t row, n_rows; /* n_rows 0: nothing to do */
    uint32_t tile, n_tiles;
};

/* places[h * stride + p] = where position p of history h lies; a warp a span. */
struct sc_gpu_places {
    uint32_t *places;
    const struct sc_gpu_attention_span *spans; /* [n_spans] */
    uint32_t n_spans, stride;
};

/* A block's x is SC_GPU_ATTENTION_WARPS tasks, or as many as it has warps; its y a kv head and, of
 * more than SC_GPU_TASK_QUERIES heads to a kv head, so many of them. */
struct sc_gpu_attend {
    const float *qkv;                   /* [rows][qkv_stride], queries first */
    const unsigned char *keys, *values; /* of the layer's kv head 0 in page 0 */
    const uint32_t *places;             /* [histories][places_stride] */
    const struct sc_gpu_attention_row *rows;
    const struct sc_gpu_attention_task *tasks;
    struct sc_gpu_numbers out; /* [rows][all query heads], zeros up to its stride */
    float *parts;              /* [slots][n_heads][head_dim] sums of a tile, */
    float *marks;              /* [slots][n_heads][2] and its largest score and sum of weights */
    uint64_t page_bytes;
    uint32_t head_bytes, row_bytes; /* of a kv head in a page; of one position of it */
    uint32_t qkv_stride, places_stride;
    uint32_t n_heads, heads_per_kv, n_parts, head_dim; /* n_parts of a kv head's heads */
    uint32_t window;                                   /* 0: none */
    float scale, softcap;                              /* softcap 0: none */
    bool bf16;                                         /* keys and values */
    bool is_spread; /* each task is one tile, whose part is kept for attend_merge; else a task is
                     * all tiles of its rows and gives what comes out */
};

/* What comes out of the parts of all tiles; a warp a row and head. */
struct sc_gpu_attend_merge {
    const struct sc_gpu_attention_row *rows; /* [n_rows] */
    const float *parts, *marks;
    struct sc_gpu_numbers out;
    uint32_t n_rows, n_heads, head_dim, window;
};

/* attend_N: bf16, heads of up to N numbers, a multiple of 8; attend_plain: all others.
 * X(name, struct of its arguments) */
#define SC_GPU_ATTENTION_KERNELS(X)                                                                \
    X(places, struct sc_gpu_places)                                                                \
    X(attend_64, struct sc_gpu_attend)                                                             \
    X(attend_128, struct sc_gpu_attend)                                                            \
    X(attend_256, struct sc_gpu_attend)                                                            \
    X(attend_plain, struct sc_gpu_attend)                                                          \
    X(attend_merge, struct sc_gpu_attend_merge)

#endif
