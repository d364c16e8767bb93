/*
 * Drawing the next token.  The order of the filters is temperature, top-k, top-p, min-p, each on
 * what the one before left, and at least one candidate always stays.
 */
#ifndef SC_ENGINE_CPU_SAMPLER_H
#define SC_ENGINE_CPU_SAMPLER_H

#include "engine/cpu/logits.h"

/* How many keys of sc_logits_top a draw wants to be given; 0: it finds candidates by itself. */
size_t sc_sampling_n_top(const struct sc_sampling *sampling, size_t n);

/* Draws from finite logits z [n] whose largest is max, with u in (0, 1).  The first
 * sc_sampling_n_top keys stand in scratch->keys, which is used up.  Gives the token and the log of
 * its probability in the distribution that it was drawn from. */
int32_t sc_sample(const struct sc_kernels *kernels, const float *z, size_t n, float max,
                  const struct sc_sampling *sampling, double u, struct sc_logit_scratch *scratch,
                  double *sampled_logprob);

/* All that is measured of one generated token, and the token: statistics first, then the draw.
 * False when a logit is not a finite number. */
bool sc_draw_token(const struct sc_kernels *kernels, const float *z, size_t n,
                   size_t confidence_top_k, const struct sc_sampling *sampling, double u,
                   struct sc_logit_scratch *scratch, int32_t *id, struct sc_token_stats *stats);

#endif
