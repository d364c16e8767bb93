/*
 * One step of the network over rows.  A row is one token at one position of one sequence: prompt
 * rows and generated rows of many sequences go through every product together.
 */
#ifndef SC_ENGINE_CPU_FORWARD_H
#define SC_ENGINE_CPU_FORWARD_H

#include "base/pool.h"
#include "engine/cpu/experts.h"
#include "engine/cpu/kv.h"

/* Rows that read the same keys together. */
struct sc_row_group {
    size_t begin, n;   /* rows */
    size_t common;     /* positions, from the first on, of which all read the same keys */
    bool one_sequence; /* rows of one history: nothing is a row's own */
};

/* A row's span that holds the first position behind what its group sees together. */
struct sc_late {
    const struct sc_span *span;
    size_t before; /* positions before that span */
};

/* Angles of a struct sc_rope at each position. */
struct sc_angles {
    size_t n;               /* 0: not needed */
    float *cosines, *sines; /* [n_positions][n] */
};

struct sc_forward {
    const struct sc_cpu *cpu;
    struct sc_pool *pool; /* the session's; set after the layout */
    struct sc_session_sizes sizes;
    unsigned char *pages; /* [n_pages][page_bytes] keys and values */
    size_t page_bytes;
    float *stored;       /* [n_kept][n_vocab] logits kept between steps */
    size_t group_rows;   /* rows of one attention task, at most */
    size_t score_stride; /* floats of one query's scores */
    float score_scale;
    struct sc_angles angles[SC_N_ROPES];
    float *x;         /* [rows][hidden], the residual stream */
    float *branch;    /* [rows][hidden], what a block adds to it */
    float *q;         /* [rows][n_heads * head_dim]; then what attention gave */
    float *k, *v;     /* [rows][n_kv_heads * head_dim] */
    float *queries;   /* [kv head][row][heads of it][head_dim] */
    float *gate, *up; /* [rows][ffn] */
    struct sc_experts experts;
    unsigned char *prepared; /* [rows][row_bytes] */
    float *logits;           /* [logit rows][n_vocab] */
    size_t *logit_rows;      /* [logit rows] their row */
    struct sc_row *kept; /* [logit rows] the rows that pass the last layer, where others do not */
    struct sc_row_group *groups;
    struct sc_late *late; /* [rows] */
    unsigned char *worker_memory;
    size_t worker_bytes, scores_at, out_at, stretches_at, normed_at;

    /* The step that is running. */
    const struct sc_interrupt *interrupt; /* NULL: nobody is asked */
    const struct sc_row *rows;
    size_t n_rows, n_logit_rows, n_groups, n_slices, layer;
    double seconds_layers, seconds_output; /* of the last step */
};

/* Cuts all of a session's memory out of the arena, pages first; with memory, also fills the tables
 * of angles.  Says how much of it is of what. */
struct sc_session_bytes sc_forward_layout(struct sc_forward *forward, const struct sc_cpu *cpu,
                                          const struct sc_session_sizes *sizes,
                                          struct sc_arena *arena);

/* Computes the rows and stores their keys and values (forward in engine/device.h).  Takes no memory
 * and makes no system call of its own.  false: interrupted. */
bool sc_forward_run(struct sc_forward *forward, const struct sc_row *rows, size_t n_rows);

/* Logits [n_vocab] by their handle (engine/device.h). */
const float *sc_forward_logits(const struct sc_forward *forward, size_t handle);

#endif
