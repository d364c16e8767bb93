/*
 * Importance sampling: what a model almost never says is sampled from a proposal that says it more
 * often, and every trace counts with the ratio of its two probabilities.  This half is statistics
 * alone; importance_sampling.h samples the traces.
 *
 * Traces are drawn from two distributions over answers, both processed (temperature, top-k, top-p,
 * min-p, penalty): n_model from the model's own p and the rest from the proposal's q.  With a =
 * n_model / n each counts with
 *
 *     w = p / (a p + (1 - a) q)
 *
 * (deterministic mixture: Veach and Guibas, 1995; Owen and Zhou, 2000), so that the mean of w over
 * the traces of an event is unbiased for P(event), whatever the proposal.  A share a > 0 is a
 * defence (Hesterberg, 1995): no weight exceeds 1 / a, and what the proposal never says is counted
 * too.  With a = 0 the estimate is of what the proposal can say, and `covered` says how much of p
 * that is.
 */
#ifndef SC_EXPLORATION_IMPORTANCE_H
#define SC_EXPLORATION_IMPORTANCE_H

#include <safeconf/vocabulary.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Below so many effective traces, or this share of all, nothing is estimated. */
#define SC_IMPORTANCE_LEAST_EFFECTIVE 10
#define SC_IMPORTANCE_LEAST_SHARE 0.05

struct sc_importance_traces {
    /* [n] natural logarithms of a trace's probability under the two; -INFINITY: it has none.  The
     * first n_model were drawn from the model, the others from the proposal. */
    const double *log_model, *log_proposal;
    const bool *event; /* [n] */
    size_t n, n_model;
};

struct sc_importance {
    /* P(event); 95 % interval.  n: traces.  reason: why there is no estimate or no interval, or
     * that it is one of the covered part alone. */
    struct sc_estimate estimate;
    double normalised; /* sum of the event's weights / sum of all weights */
    double effective;  /* (sum w)^2 / sum w^2 (Kish, 1965) */
    /* The same of the traces of the event, or of the others where the event is the commoner: what
     * is estimated is the rarer one. */
    double effective_events;
    double largest_weight_share; /* of the sum of all weights, the largest */
    double covered;              /* estimate: of the model's answers, those that the proposal has */
    bool gap;                    /* covered is below 1 beyond chance */
};

/* The interval is that of a gamma distribution with the estimate's mean and variance, its upper end
 * with one event more of the usual weight (Fay and Feuer, 1997; Tiwari, Clegg and Zou, 2006):
 * unlike mean +- 1.96 errors it keeps its coverage for few events of unequal weights.  With fewer
 * than SC_IMPORTANCE_LEAST_EFFECTIVE effective events it has one event more of the largest weight
 * that there could be, 1 / a, which holds without any event (Fay and Feuer's own, conservative);
 * without traces of the model there is then none.  The error is for memory alone. */
enum sc_status sc_importance_estimate(const struct sc_importance_traces *traces,
                                      struct sc_importance *out, struct sc_error *error);

#endif
