/*
 * The memory of a run: places for traces, prompts, scratch.  Laid out twice by the same code, once
 * to be measured (sc_batch_plan) and once to be taken (sc_engine_run).
 */
#ifndef SC_ENGINE_BATCH_H
#define SC_ENGINE_BATCH_H

#include "engine/cpu/forward.h"
#include "engine/sampler.h"

/* Prompts whose last row may stand in one step: each needs a row of logits for a moment. */
#define SC_PROMPT_ENDS 8

/* A trace under way, or a free place (prompt NULL). */
struct sc_place {
    struct sc_trace_request request;
    struct sc_prompt *prompt;
    unsigned char *own;           /* keys and values of the generated tokens */
    int32_t *ids;                 /* [max_new] */
    struct sc_token_stats *stats; /* [max_new] */
    float *watched;               /* [max_new][max_watch] */
    size_t n, limit;              /* tokens so far; at most */
    bool ok;                      /* the last logits were finite */
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
    size_t n_slots, n_pages;                 /* of the prompt cache */
};

struct sc_batch {
    struct sc_batch_sizes sizes;
    struct sc_place *places; /* [parallel] */
    struct sc_prompt_cache cache;
    struct sc_forward forward;
    struct sc_logit_scratch *scratch; /* [n_threads] */
    struct sc_row *rows;              /* [parallel + prefill_rows] */
    struct sc_place **order;          /* [parallel] places that decode, side by side per prompt */
    struct sc_place **drawing;        /* [parallel] places that get a token */
    const float **drawing_logits;     /* [parallel] */
    struct sc_prompt **ending;        /* [SC_PROMPT_ENDS] prompts whose last row is in the step */
    struct sc_waiting *waiting;       /* [parallel + look_ahead], oldest first */
    size_t trace_bytes, prompt_bytes, scratch_bytes; /* of the three parts */
};

void sc_batch_layout(struct sc_batch *batch, const struct sc_engine *engine,
                     const struct sc_batch_sizes *sizes, struct sc_arena *arena);

/* The sizes that a plan stands for. */
struct sc_batch_sizes sc_batch_sizes_of(const struct sc_engine *engine,
                                        const struct sc_batch_plan *plan,
                                        const struct sc_batch_options *options);

#endif
