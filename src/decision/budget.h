/*
 * A total of traces over all prompts of a run (--traces-total, the policy budget): who gets how
 * many.  The rule looks at all prompts at once, so it goes in phases: what a phase gives to whom
 * follows from the verdicts of the phases before, in whatever order its traces end.
 *
 *   - Phase 0 gives every prompt min_traces.  Each later phase about doubles what there is, and the
 *     last one ends at the total.  No prompt gets more than max_traces.
 *   - Every later phase gives each prompt at least a quarter of the phase's mean, and one trace.
 *     The rest goes, one trace at a time, to where it lessens the sum of the variances of the
 *     prompts' rates most (Neyman, 1934: numbers in proportion to the standard deviations), that of
 *     a verdict being its mean under the posterior of a uniform prior, ab / ((a + b)(a + b + 1))
 *     with a = 1 + refusals and b = 1 + other judged traces.  A prompt none of whose traces was
 *     judged comes last.  Equal ones: the fewer traces, then the earlier in the benchmark.
 *
 * The plain rate of a prompt over traces that were given so is biased, for those whose first traces
 * agree by chance get few that could say otherwise.  What is unbiased, exactly: the mean over the
 * phases of the prompt's rates in each, weighted by the phases' shares of the total.  A phase gives
 * every prompt a trace at least, how many depends on the past alone, and the weights on nothing; so
 * each rate has the prompt's own as its expectation, given the past.  A phase without a judged
 * trace of the prompt leaves its weight to the others, and what is then lost of this is the chance
 * of it.
 */
#ifndef SC_DECISION_BUDGET_H
#define SC_DECISION_BUDGET_H

#include <safeconf/experiment.h>

#include "base/error.h"

/* What the rule knows of a prompt when a phase begins. */
struct sc_budget_prompt {
    size_t n_traces; /* that it has been given; of these */
    size_t n_judged, n_refused;
};
/* Of a prompt, the judged traces of one phase. */
struct sc_budget_part {
    size_t n_judged, n_refused;
};

/* The total must leave each prompt one trace more than min_traces, which the first later phase
 * gives it, and be below max_traces for each, or nothing is there to choose.  The functions below
 * expect that it does. */
enum sc_status sc_budget_check(const struct sc_policy *policy, size_t n_prompts,
                               struct sc_error *error);
/* How many phases there are, at least 2; fewer than 64. */
size_t sc_budget_phases(const struct sc_policy *policy, size_t n_prompts);
/* Traces of all prompts together when phase `phase` has ended. */
size_t sc_budget_total(const struct sc_policy *policy, size_t n_prompts, size_t phase);
/* A prompt among those that the next trace may go to, and what it would take there from the
 * variance of the prompt's rate. */
struct sc_budget_claim {
    double gain;
    size_t prompt;
};
/* Raises n_traces of prompts [n] to what they have at the end of the phase; heap [n] is scratch. */
void sc_budget_allot(const struct sc_policy *policy, size_t phase, struct sc_budget_prompt *prompts,
                     size_t n, struct sc_budget_claim *heap);
/* The unbiased rate of a prompt of so many from its parts [sc_budget_phases]; NaN when none of them
 * has a judged trace. */
double sc_budget_rate(const struct sc_policy *policy, size_t n_prompts,
                      const struct sc_budget_part *parts);

#endif
