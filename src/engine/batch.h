/*
 * The scheduler's part of a session: places for traces, the book of prompts, requests that wait.
 * Laid out twice by the same code, once to be measured (sc_batch_plan) and once to be taken
 * (sc_session_open).
 */
#ifndef SC_ENGINE_BATCH_H
#define SC_ENGINE_BATCH_H

#include "engine/engine.h"
#include "engine/prompts.h"

/* Prompts whose last row may stand in one step: each needs a row of logits for a moment. */
#define SC_PROMPT_ENDS 8

/* A trace under way, or a free place (prompt NULL). */
struct sc_place {
    size_t number;
    struct sc_trace_request request;
    struct sc_prompt *prompt;
    struct sc_span *history;       /* [max_spans] the prompt's, then the place's own pages */
    double u;                      /* of the next draw */
    int32_t *ids;                  /* [max_new] */
    struct sc_token_stats *stats;  /* [max_new] */
    float *watched;                /* [max_new][max_watch] */
    size_t n, limit;               /* tokens so far; at most */
    bool reasons;                  /* under a budget that has not ended */
    size_t forced_begin, n_forced; /* tokens that were put in so far */
    size_t n_to_force;             /* tokens that are still to be put in */
};

/* A request that waits for a place or for its prompt. */
struct sc_waiting {
    struct sc_trace_request request;
    struct sc_prompt *prompt; /* NULL until there was room for it */
};

struct sc_batch_sizes {
    size_t parallel, look_ahead, prefill_rows;
    size_t max_prompt, max_new, n_positions; /* tokens; n_positions of a whole sequence */
    size_t max_watch;                        /* tokens watched by one request */
    size_t max_spans;                        /* of a history */
    size_t n_slots, n_pages;                 /* of the prompt cache */
    size_t n_own_pages;                      /* of each place, for its tokens */
    bool no_sharing;
};

/* Memory that the scheduler's book takes: for traces, for prompts, and the rest. */
struct sc_batch_bytes {
    size_t traces, prompts, scratch;
};

struct sc_batch {
    struct sc_place *places; /* [parallel] */
    struct sc_prompt_cache cache;
    struct sc_row *rows;        /* [parallel + prefill_rows] */
    struct sc_place **order;    /* [parallel] places that decode, side by side per prompt */
    struct sc_place **drawing;  /* [parallel] places that get a token */
    struct sc_draw *draws;      /* [parallel] theirs */
    struct sc_place **forcing;  /* [parallel] places that get a token of a closing */
    struct sc_prompt **ending;  /* [SC_PROMPT_ENDS] prompts whose last row is in the step */
    struct sc_waiting *waiting; /* [parallel + look_ahead], oldest first */
    struct sc_batch_bytes own;
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
