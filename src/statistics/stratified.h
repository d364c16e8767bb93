/*
 * A share of a whole that is cut into strata of known weight, from independent trials in each; and
 * how many plain trials say as much.
 */
#ifndef SC_STATISTICS_STRATIFIED_H
#define SC_STATISTICS_STRATIFIED_H

#include "base/error.h"

/* Successes among independent trials of one stratum, n >= 1. */
struct sc_stratum_trials {
    double weight; /* >= 0 */
    double successes, n;
};

/* Equal-tailed limits of Beta(x + 1/2, n - x + 1/2), with 0 where x = 0 and 1 where x = n:
 * Jeffreys' interval as Brown, Cai and DasGupta (2001) give it. */
void sc_jeffreys_limits(double x, double n, double *low, double *high);

/* Sum of weight * rate over n_strata: value, and the 95 % limits that recover each stratum's
 * variance from its Jeffreys limits (MOVER: Zou and Donner, 2008; of proportions, Zou, Huang and
 * Zhang, 2009).  A stratum without successes adds nothing below and its own upper limit above, so
 * that few events give no normal interval. */
struct sc_stratified {
    double value, low, high;
};
struct sc_stratified sc_stratified_share(const struct sc_stratum_trials *strata, size_t n_strata);

/* Width of Wilson's interval that n > 0 trials of a rate p will have, expected over the binomial.
 */
double sc_wilson_expected_width(double p, double n);
/* The n, >= 1, whose expected width that is; NaN where p is no probability or width not in (0, 1);
 * 1 where one trial is as narrow. */
double sc_wilson_trials_for_width(double p, double width);

#endif
