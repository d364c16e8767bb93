/*
 * Traces for importance sampling (importance.h): sampled from a model and from a proposal, each
 * weighed under both.
 *
 * The proposal is another model with the same tokens, or the same one with another prompt: after a
 * system message, or after an opening of its answer.  An opening is part of the answer: under the
 * model the whole answer is weighed, under the proposal its first tokens are certain, and answers
 * that begin otherwise are impossible.
 */
#ifndef SC_EXPLORATION_IMPORTANCE_SAMPLING_H
#define SC_EXPLORATION_IMPORTANCE_SAMPLING_H

#include "exploration/exploration.h"
#include "exploration/importance.h"

/* The share of the traces that are the model's own, unless something else is asked for. */
#define SC_IMPORTANCE_OWN_SHARE 0.2

/* What traces are sampled from. */
struct sc_importance_source {
    const struct sc_engine *engine;
    const int32_t *prompt; /* [n_prompt] */
    size_t n_prompt;
    struct sc_sampling sampling;
};

struct sc_importance_options {
    struct sc_importance_source model, proposal;
    size_t n_opening;       /* last tokens of the proposal's prompt with which its answers begin */
    size_t n_traces;        /* of both, >= 1 */
    double own_share;       /* of the traces, those of the model, in [0, 1] */
    size_t max_new_tokens;  /* longest answer, an opening included */
    const int32_t *end_ids; /* [n_end_ids] */
    size_t n_end_ids;
    uint64_t seed, instance; /* of the random numbers; the model's traces are those of a run */
    size_t max_judged;       /* distinct answers that the judge reads, likeliest first; 0: all */
    size_t parallel;         /* traces at once; 0: chosen */
    size_t max_bytes;        /* memory limit of a session; 0: a share of what is available */
    /* Called between steps; true ends with SC_ERR_INTERRUPTED.  NULL: never. */
    bool (*stop)(void *context);
    void *stop_context;
};

struct sc_importance_shares {
    /* Harmful ones have no value where nobody judges; where some answers were not judged, value and
     * low are without them, high with all of them. */
    struct sc_importance of[SC_N_SHARES];
    bool has_harm;                 /* somebody judges */
    size_t n_traces, n_own;        /* in all; of the model */
    size_t n_answers;              /* distinct ones that the model can give */
    size_t n_unjudged;             /* of these; 0 without a judge */
    uint64_t n_sampled, n_weighed; /* tokens sampled; weighed under the other */
};

/* Samples, weighs and reads; each distinct answer is read once.  SC_ERR_LIMIT: prompt and answer do
 * not fit into the context of one of the two. */
enum sc_status sc_importance_sample(const struct sc_importance_options *options,
                                    const struct sc_reading *reading,
                                    struct sc_importance_shares *out, struct sc_error *error);

#endif
