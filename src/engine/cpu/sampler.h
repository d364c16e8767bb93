/*
 * Drawing the next token.  The order is repetition penalty, temperature, top-k, top-p, min-p, each
 * on what the one before left, and at least one candidate always stays.
 */
#ifndef SC_ENGINE_CPU_SAMPLER_H
#define SC_ENGINE_CPU_SAMPLER_H

#include "engine/cpu/logits.h"
#include "engine/sampling.h"

/* Logits of one position, and how many of the most likely tokens the confidence is a mean over. */
struct sc_logit_row {
    const struct sc_kernels *kernels;
    const float *z; /* [n] */
    size_t n, confidence_top_k;
    const struct sc_context *context; /* NULL: no token stands before */
};

/* All that is measured of one generated token, and the token, drawn with u in (0, 1): statistics
 * first, then the draw.  False when a logit is not a finite number. */
bool sc_draw_token(const struct sc_logit_row *row, const struct sc_sampling *sampling, double u,
                   struct sc_logit_scratch *scratch, int32_t *id, struct sc_token_stats *stats);

#endif
