/* The tokens that may come next, each with its probability. */
#ifndef SC_ENGINE_BRANCHES_H
#define SC_ENGINE_BRANCHES_H

#include <stddef.h>
#include <stdint.h>

/* What a node is to give, and what it gave.  Probabilities are natural logarithms, in double, under
 * the processed distribution (temperature, top-k, top-p, min-p, penalty); those that these leave
 * out are no branches. */
struct sc_branches {
    size_t max;       /* in: most that are listed */
    int32_t *ids;     /* [max] out: likeliest first, of equal ones the lower id */
    double *logprobs; /* [max] out */
    size_t n;         /* out: that are listed */
    double rest;      /* out: the probability of all that are not; 0 where all are listed */
    /* Draws from those that are not listed, given that it is one of them; for each a number in
     * (0, 1). */
    const double *u;           /* in: [n_drawn] */
    size_t n_drawn;            /* in: not read where rest is 0 */
    int32_t *drawn;            /* [n_drawn] out */
    double *drawn_logprobs;    /* [n_drawn] out: in the whole processed distribution */
    float confidence, entropy; /* out: of the raw distribution, as in struct sc_token_stats */
};

#endif
