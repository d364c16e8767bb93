/*
 * Arguments of the kernels for the end of a step: what is read from rows of logits (ends.h,
 * ends_lists.h, ends_finish.h).  Pointers are the card's.
 *
 * A row is looked at as a view: as it is, or with repetitions penalised.  Keys are those of
 * cpu/logits.h: ascending keys are descending logits, equal ones by ascending id; the id is the low
 * half.
 */
#ifndef SC_ENGINE_GPU_KERNELS_ENDS_ARGUMENTS_H
#define SC_ENGINE_GPU_KERNELS_ENDS_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SC_GPU_ENDS_PIECE = 4096,  /* tokens that a block reads; cpu/logits.h has the same */
    SC_GPU_ENDS_LIST = 64,     /* tokens of a view's short list, at most */
    SC_GPU_ENDS_ROOM = 256,    /* keys of a piece, at most */
    SC_GPU_ENDS_THREADS = 256, /* of all of these but the sort */
    SC_GPU_ENDS_SORT_THREADS = 1024,
    /* Shared memory of a block; beside it two doubles a piece for views and one for finish. */
    SC_GPU_ENDS_PIECES_BYTES = 2048,
    SC_GPU_ENDS_VIEWS_BYTES = 9728,
    SC_GPU_ENDS_SORT_BYTES = 37120,
    SC_GPU_ENDS_FINISH_BYTES = 7424
};
#define SC_GPU_NO_SLOT 0xffffffffu

struct sc_gpu_view {
    const float *z;              /* [n_vocab], 16-byte aligned, read to the next multiple of 4 */
    const uint32_t *penalised;   /* a bit a token: its logit is penalised; NULL: none */
    double temperature;          /* of weights */
    float inverse, inverse_rest; /* whose sum is 1 / temperature */
    float penalty;
    uint32_t n_best;  /* of its short list */
    uint32_t room;    /* keys that a piece may leave: 4 n_best at least, so that few are too many */
    uint32_t weigh;   /* whether exp((z - max) / temperature) is summed */
    uint64_t keys_at; /* its first key among all */
};

/* Of one piece of a view, relative to its own maximum. */
struct sc_gpu_ends_sums {
    double exp, z_exp, weights;
    float max;
    uint32_t n_keys;
};

/* Of a view: figures as in struct sc_logit_summary. */
struct sc_gpu_ends_figures {
    double log_sum, entropy;
    double total; /* of the weights, where they were wanted */
    float max;
    uint32_t n_listed;
    uint32_t ok; /* all logits are finite */
};

/* What all of these kernels read and write; [views] each unless said otherwise. */
struct sc_gpu_ends_room {
    const struct sc_gpu_view *views;
    struct sc_gpu_ends_sums *sums;       /* [views][n_pieces] */
    double *weights;                     /* [views][n_pieces]: relative to the view's maximum */
    uint64_t *keys;                      /* of pieces, views[].room each, in no order */
    uint64_t *lists;                     /* [views][SC_GPU_ENDS_LIST], sorted */
    struct sc_gpu_ends_figures *figures; /* */
    uint64_t *slots; /* [slots][3][slot_stride] long lists: by id, sorted, and one for sorting */
    uint32_t *slot_counts; /* [slots] */
    uint32_t n_vocab, n_pieces, slot_stride;
};

/* A context, or a part of one, that penalises tokens; a block each. */
struct sc_gpu_ends_mark {
    const struct sc_gpu_ends_context *contexts;
    const int32_t *ids;
    uint32_t *bits; /* [..][n_words] */
    uint32_t n_vocab, n_words;
};
struct sc_gpu_ends_context {
    uint32_t bits;         /* which */
    uint32_t begin, n;     /* of ids */
    uint32_t is_the_first; /* bits are cleared before */
};

/* Blocks (pieces, views). */
struct sc_gpu_ends_pieces {
    struct sc_gpu_ends_room room;
};
/* A block a view. */
struct sc_gpu_ends_views {
    struct sc_gpu_ends_room room;
};

/* A long list of a view's likeliest tokens; a block each.  bounded: only those that top_p and min_p
 * can keep. */
struct sc_gpu_ends_job {
    double top_p, min_p;
    uint32_t view, slot, bounded;
};
struct sc_gpu_ends_sort {
    struct sc_gpu_ends_room room;
    const struct sc_gpu_ends_job *jobs;
};

/* What is wanted of a row, a block each; ends_draw, ends_describe, ends_branch. */
struct sc_gpu_ends_task {
    double top_p, min_p;
    uint32_t raw, drawn;           /* views: as it is; what is drawn from */
    uint32_t raw_slot, drawn_slot; /* long lists of them, or SC_GPU_NO_SLOT */
    uint32_t top_k;                /* 0: off; less than n_vocab */
    uint32_t is_sampled;           /* else options are not read */
    uint32_t is_greedy;
    int32_t next;               /* of a description: whose logits its one draw gives */
    uint32_t draws_at, n_draws; /* its numbers u and what they draw */
    uint32_t watch_at, n_watch;
    uint32_t keys_at, n_keys; /* the likeliest, of branches those that may be drawn */
};

enum { SC_GPU_END_NOT_FINITE = 1, SC_GPU_END_DONE, SC_GPU_END_UNFINISHED /* for want of a list */ };
struct sc_gpu_end {
    double log_sum, entropy, confidence;
    double total; /* of the weights of what may be drawn */
    double rest;  /* branches: of those that are not listed */
    float max, drawn_max;
    uint32_t state, n_listed;
    uint32_t is_possible; /* `next` may be drawn */
};
struct sc_gpu_ends_draw {
    int32_t id;
    float z, drawn_z; /* its logit, and that in the view that was drawn from */
};

struct sc_gpu_ends_finish {
    struct sc_gpu_ends_room room;
    const struct sc_gpu_ends_task *tasks;
    const uint32_t *order; /* which tasks; NULL: all */
    const double *u;
    const int32_t *watch;
    struct sc_gpu_end *ends;        /* [tasks] out */
    struct sc_gpu_ends_draw *draws; /* out */
    float *watched;                 /* out */
    uint64_t *listed;               /* out */
    uint32_t confidence_top_k;
};

/* X(name, struct of its arguments) */
#define SC_GPU_ENDS_KERNELS(X)                                                                     \
    X(ends_mark, struct sc_gpu_ends_mark)                                                          \
    X(ends_pieces, struct sc_gpu_ends_pieces)                                                      \
    X(ends_views, struct sc_gpu_ends_views)                                                        \
    X(ends_sort, struct sc_gpu_ends_sort)                                                          \
    X(ends_draw, struct sc_gpu_ends_finish)                                                        \
    X(ends_describe, struct sc_gpu_ends_finish)                                                    \
    X(ends_branch, struct sc_gpu_ends_finish)

#endif
