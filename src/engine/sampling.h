/*
 * How a token is drawn, whatever the device.  The order is repetition penalty, temperature, top-k,
 * top-p, min-p, each on what the one before left, and at least one candidate always stays;
 * cpu/sampler.c says it exactly.
 */
#ifndef SC_ENGINE_SAMPLING_H
#define SC_ENGINE_SAMPLING_H

#include <safeconf/vocabulary.h>

/* Penalties that are taken: outside, logits could leave the range of a float. */
#define SC_LEAST_PENALTY 0.01
#define SC_MOST_PENALTY 100.0

/* The tokens before the one that is drawn. */
struct sc_context {
    const int32_t *prompt; /* [n_prompt] */
    const int32_t *answer; /* [n_answer] so far */
    size_t n_prompt, n_answer;
};

/* Whether a repetition penalty changes anything. */
static inline bool sc_sampling_penalises(const struct sc_sampling *sampling)
{
    return sampling->repetition_penalty != 0 && sampling->repetition_penalty != 1;
}

/* Why these options cannot be sampled with, or NULL. */
const char *sc_sampling_refused(const struct sc_sampling *sampling);

#endif
