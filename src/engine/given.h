/*
 * How likely given answers to a prompt are under the distribution that would be sampled: what an
 * answer that came from elsewhere weighs (exploration/importance_sampling.h).  score.c is for texts
 * under the model's own distribution.
 */
#ifndef SC_ENGINE_GIVEN_H
#define SC_ENGINE_GIVEN_H

#include "engine/inference.h"

struct sc_given_prompt {
    const struct sc_engine *engine;
    const int32_t *ids; /* [n] */
    size_t n;
    struct sc_sampling sampling;
    size_t
        max_new_tokens; /* longest answer that would be sampled, as the engine may need to know */
};

struct sc_given_answer {
    const int32_t *ids; /* [n]; the end token, if it has one, is one of them */
    size_t n;
    double *logprobs; /* [n] out, or NULL: log P(ids[i] | prompt, ids[0..i-1]), -INFINITY: never */
    double logprob;   /* out: their sum */
};

/* In steps of a few rows, the prompt once.  Fails where an answer is longer than max_new_tokens or
 * the context, or an id is none. */
enum sc_status sc_score_answers(const struct sc_given_prompt *prompt,
                                struct sc_given_answer *answers, size_t n, struct sc_error *error);

#endif
