/*
 * The scheduler's part of a session: strands, the books of answers and of prompts, requests that
 * were taken.  Laid out twice by the same code, once to be measured (sc_batch_plan) and once to be
 * taken (sc_session_open).
 */
#ifndef SC_ENGINE_BATCH_H
#define SC_ENGINE_BATCH_H

#include "engine/engine.h"
#include "engine/path.h"
#include "engine/prompts.h"
#include "engine/tree.h"

/* Prompts whose last row may stand in one step: each needs a row of logits for a moment. */
#define SC_PROMPT_ENDS 8

/* A request that was taken. */
struct sc_seat {
    struct sc_trace_request request;
    uint64_t order; /* in which requests were taken */
    uint32_t next;  /* free seat */
};

/* A row of each step: a group of traces that have said the same, and what they said. */
struct sc_strand {
    uint32_t group;
    struct sc_path path;
    int32_t *ids;                 /* [max_new] */
    struct sc_token_stats *stats; /* [max_new] */
    float *watched;               /* [max_new][max_watch] */
    int32_t *top_ids;             /* [max_new][max_top] */
    float *top_logprobs;          /* likewise */
    struct sc_span *history;      /* [max_spans] n_spans of them: the prompt's, then the answer's */
    size_t n_spans;
    bool is_fed; /* its newest token has its place in this step */
};

/* Members of a group that drew the same token. */
struct sc_part {
    int32_t token;
    struct sc_token_stats stats;
    uint32_t first, last; /* a list of members */
    uint32_t group;       /* that they form now */
};

struct sc_batch_sizes {
    size_t parallel, look_ahead, prefill_rows;
    size_t max_prompt, max_new, n_positions; /* tokens; n_positions of a whole sequence */
    size_t max_watch;                        /* tokens watched by one request */
    size_t max_top;                          /* likeliest tokens listed for one request */
    size_t max_spans;                        /* of a history */
    size_t n_slots, n_pages;                 /* of the prompt cache */
    bool no_sharing;                         /* every trace has a tree to itself */
    struct sc_book_sizes book;               /* its pages come before those of prompts */
};

struct sc_batch {
    struct sc_book book;
    struct sc_prompt_cache cache;
    struct sc_seat *seats; /* [book.n_seats] */
    uint32_t free_seat;
    size_t n_seats;            /* taken */
    struct sc_strand *strands; /* [parallel] */
    uint32_t *order; /* [parallel] all strands: n_strands in use, side by side as in the trees */
    size_t n_strands;
    uint32_t *waiting; /* [n_trees] trees with traces that are to begin, oldest request first */
    size_t n_waiting;
    struct sc_row *rows;            /* [parallel + prefill_rows] */
    struct sc_strand **drawing;     /* [parallel] strands that get a token */
    struct sc_draw *draws;          /* [parallel] theirs */
    struct sc_strand **forcing;     /* [parallel] strands that get a token of a closing */
    struct sc_prompt **ending;      /* [SC_PROMPT_ENDS] prompts whose last row is in the step */
    double *u;                      /* [members] random numbers of the draws */
    int32_t *drawn;                 /* [members] tokens */
    struct sc_token_stats *figures; /* [members] theirs */
    struct sc_part *parts;          /* [members] of one strand */
    int32_t *path_ids;              /* [max_new] a path that is read again */
    struct sc_token_stats *path_stats;
    struct sc_session_bytes
        own; /* what of this is for answers, prompts (as `kept`), and the rest */
};

struct sc_session {
    const struct sc_engine *engine;
    struct sc_batch_sizes sizes;
    struct sc_batch batch;
    unsigned char *memory; /* of the batch */
    void *on_device;
    uint64_t round; /* number of the last round, from 1 */
    /* Of sc_session_sample: the last prompt, and the key by which the book has it. */
    int32_t *prompt; /* [n_prompt], room for max_prompt; NULL until there was one */
    size_t n_prompt;
    uint64_t prompt_key;
};

void sc_batch_layout(struct sc_batch *batch, const struct sc_batch_sizes *sizes,
                     struct sc_arena *arena);

/* The sizes that a plan stands for, and what they are to the device. */
struct sc_batch_sizes sc_batch_sizes_of(const struct sc_engine *engine,
                                        const struct sc_batch_plan *plan,
                                        const struct sc_batch_options *options);
struct sc_session_sizes sc_session_sizes_of(const struct sc_batch_sizes *sizes);

#endif
