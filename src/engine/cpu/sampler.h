/*
 * Drawing the next token, or listing those that may come.  The order is repetition penalty,
 * temperature, top-k, top-p, min-p, each on what the one before left, and at least one candidate
 * always stays.
 */
#ifndef SC_ENGINE_CPU_SAMPLER_H
#define SC_ENGINE_CPU_SAMPLER_H

#include "engine/branches.h"
#include "engine/cpu/logits.h"
#include "engine/sampling.h"

/* Logits of one position, and how many of the most likely tokens the confidence is a mean over. */
struct sc_logit_row {
    const struct sc_kernels *kernels;
    const float *z; /* [n] */
    size_t n, confidence_top_k;
    const struct sc_context *context; /* NULL: no token stands before */
};

/* Tokens drawn from a row, each with a number u in (0, 1). */
struct sc_drawn {
    const double *u;              /* [n] */
    size_t n;                     /* at least 1, at most the scratch's max_draws */
    int32_t *ids;                 /* [n] out */
    struct sc_token_stats *stats; /* [n] out: all that is measured of each */
};

/* Statistics first, then the draws.  What one draws does not depend on the others.  This and what
 * follows: false when a logit is not a finite number. */
bool sc_draw_tokens(const struct sc_logit_row *row, const struct sc_sampling *sampling,
                    const struct sc_drawn *draws, struct sc_logit_scratch *scratch);

/* All branches under the options (engine/branches.h); sums of probabilities in double. */
bool sc_list_branches(const struct sc_logit_row *row, const struct sc_sampling *sampling,
                      struct sc_branches *out, struct sc_logit_scratch *scratch);

/* Log of the probability with which id is drawn; -INFINITY where the options leave it out. */
bool sc_processed_logprob(const struct sc_logit_row *row, const struct sc_sampling *sampling,
                          int32_t id, struct sc_logit_scratch *scratch, double *out);

#endif
