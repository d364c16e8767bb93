/*
 * What more attempts and more prompts would show, by published methods beside the beta-binomial of
 * models.h: scaled_beta.c and attempts.c (more attempts at prompts of this kind), tail.c (more
 * prompts).  All extrapolate a shape that the data cannot show; each comes with a check, and
 * sc_attempts_forecast measures its error on attempts that it was not fitted to.  The common
 * behaviour is that of statistics.h.
 */
#ifndef SC_STATISTICS_FORECAST_H
#define SC_STATISTICS_FORECAST_H

#include "statistics/models.h"

/* ---- a beta distribution that ends below 1 --------------------------------------------------- */

/* The rate of a unit is scale * Beta(alpha, beta): the distribution of Schaeffer et al. (2025,
 * arXiv 2502.17578) for rates none of which comes near 1.  For many attempts 1 - P(success) falls
 * as attempts^-alpha, whatever the scale. */
struct sc_scaled_beta {
    size_t n;                  /* units with a trial */
    double alpha, beta, scale; /* 0 < scale <= 1; 1 is the beta-binomial */
    double log_likelihood;     /* without the binomial coefficients */
    const char *reason;        /* static; NULL when it was fitted */
};
/* Log likelihood of the counts, without the binomial coefficients; -inf where a parameter is out of
 * its range.  NaN when memory runs out. */
double sc_scaled_beta_log_likelihood(const struct sc_trials *data, double alpha, double beta,
                                     double scale, struct sc_error *error);
/* Maximum likelihood, by GSL's simplex from the beta-binomial fit `start`, which it keeps where no
 * scale below 1 says more (by 1e-4).  alpha and beta stay within 1e-4 .. 1e6. */
enum sc_status sc_scaled_beta_fit(const struct sc_trials *data,
                                  const struct sc_beta_binomial *start, struct sc_scaled_beta *out,
                                  struct sc_error *error);
/* The same of a resample: one walk from near, the fit to all units. */
enum sc_status sc_scaled_beta_refit(const struct sc_trials *data,
                                    const struct sc_beta_binomial *start,
                                    const struct sc_scaled_beta *near, struct sc_scaled_beta *out,
                                    struct sc_error *error);
/* 1 - E[(1 - rate)^k], k whole, at most 1e9. */
double sc_scaled_beta_at_k(const struct sc_scaled_beta *fit, double k);
/* Whether the numbers of successes look as the fit says, as sc_beta_binomial_check. */
double sc_scaled_beta_check(const struct sc_trials *data, const struct sc_scaled_beta *fit,
                            struct sc_draws draws, double *statistic, struct sc_error *error);
/* The rate that one unit in n_units exceeds. */
double sc_scaled_beta_largest(const struct sc_scaled_beta *fit, double n_units);

/* ---- a power law ----------------------------------------------------------------------------- */

/* -log(success at k, mean over units) = scale * k^-exponent (Brown et al., 2024; Hughes et al.,
 * 2024; Schaeffer et al., 2025): least squares of the logarithm of the left side on log k, over
 * k = 1, 2, 3, 4, 5, 6, 8, 10 and ten to each further factor of ten. */
struct sc_power_law {
    size_t n;        /* units that it was fitted to */
    size_t from, to; /* k that it was fitted to */
    double scale, exponent;
    double bend; /* relative change of the local exponent from one end to the other */
    double
        bend_p; /* two-sided, that it does not bend; NaN: not known, of a fit without resamples */
    const char *reason; /* static; NULL when it was fitted */
};
enum { SC_POWER_LAW_MOST_POINTS = 60 };
/* The k from 1 to `most` that a power law is fitted to: how many, in out
 * [SC_POWER_LAW_MOST_POINTS]. */
size_t sc_power_law_points(size_t most, size_t *out);
/* Fit to success at n values of k, rising.  Not fitted with fewer than three, or where one is
 * not between 0 and 1.  n in *out is the caller's. */
void sc_power_law_fit(const size_t *k, const double *success, size_t n, struct sc_power_law *out);
double sc_power_law_at_k(const struct sc_power_law *fit, double k);

/* ---- more attempts, by all methods ----------------------------------------------------------- */

enum sc_forecaster {
    SC_BY_EQUAL_RATES, /* the null: every unit has the rate of all trials together */
    SC_BY_BETA_BINOMIAL,
    SC_BY_SCALED_BETA,
    SC_BY_POWER_LAW,
    SC_N_FORECASTERS
};
const char *sc_forecaster_name(enum sc_forecaster forecaster); /* "power_law" ... */

struct sc_attempts {
    size_t n; /* units with a trial */
    double equal_rate;
    struct sc_beta_binomial beta_binomial;
    struct sc_scaled_beta scaled_beta;
    struct sc_power_law power_law;
};
/* All of them.  The power law sees the units with as many trials as nine in ten have, at k up to
 * that number. */
enum sc_status sc_attempts_fit(const struct sc_trials *data, struct sc_attempts *out,
                               struct sc_error *error);
/* NaN when that one was not fitted. */
double sc_attempts_at_k(const struct sc_attempts *fit, enum sc_forecaster by, double k);
const char *sc_attempts_reason(const struct sc_attempts *fit, enum sc_forecaster by);

/* Success at k = k[0 .. n_k - 1] as forecast from `data`, percentile bootstrap over units; and,
 * with `rest` (further trials of the same units in the same order, which the fits do not see), what
 * those show (mean over units of the unbiased estimate; units with too few are left out) and
 * forecast minus that, resampled together.  Fills fit, with power_law.bend_p. */
struct sc_attempts_forecast {
    const size_t *k;
    size_t n_k;                   /* at most SC_MOST_FORECAST */
    struct sc_estimate *forecast; /* [SC_N_FORECASTERS * n_k] */
    struct sc_estimate *seen;     /* [n_k]; with rest */
    struct sc_estimate *error;    /* [SC_N_FORECASTERS * n_k]; with rest */
    struct sc_attempts fit;
};
enum { SC_MOST_FORECAST = 16 };
enum sc_status sc_attempts_forecast(const struct sc_trials *data, const struct sc_trials *rest,
                                    struct sc_draws draws, struct sc_attempts_forecast *out,
                                    struct sc_error *error);

/* ---- more prompts ---------------------------------------------------------------------------- */

/* Jones et al. (2025, arXiv 2502.16797): with score = -log(-log p), the logarithm of the share of
 * units above a score is linear in it for the largest ones (the tail of a Gumbel distribution):
 * log share = intercept + slope * score, least squares over the SC_TAIL_TOP largest, the i-th of n
 * having share i / n.
 * Probabilities from counts are coarse and, among the largest, too large by their own luck: they
 * are taken only where the largest ones are neither all nor none of their trials and differ. */
enum { SC_TAIL_TOP = 10, SC_TAIL_LEAST = 30 };
struct sc_probabilities {
    const double *p; /* [n], within 0 .. 1 */
    size_t n;
    bool counted; /* shares of counted trials; false: exact, or with negligible error */
};
struct sc_tail {
    size_t n, n_zero;
    double mean, largest; /* of the probabilities */
    double slope, intercept, r_squared;
    double check_p;     /* of an r_squared so low where the tail is a Gumbel's; small: it is not */
    const char *reason; /* static; NULL when it was fitted */
};
enum sc_status sc_tail_fit(const struct sc_probabilities *data, struct sc_draws draws,
                           struct sc_tail *out, struct sc_error *error);
/* The probability that one unit in n_units exceeds (the paper's worst-query risk); low and high:
 * the largest of n_units further units lies between them with probability 0.95, the tail being a
 * Gumbel's, the error of slope and intercept included. */
struct sc_estimate sc_tail_largest(const struct sc_tail *fit, double n_units, struct sc_draws draws,
                                   struct sc_error *error);
/* Probability that at least one of n_units further units succeeds when each is tried once (the
 * paper's aggregate risk, in expectation over units): 1 - (1 - mean)^n_units, percentile bootstrap
 * of the mean over units; it needs no tail. */
struct sc_estimate sc_any_of_units(const struct sc_probabilities *data, double n_units,
                                   struct sc_draws draws, struct sc_error *error);

/* All of it: for as many units again and 10, 100, 1000 times as many; and, from every third unit,
 * for the others, beside what those have. */
enum { SC_N_FURTHER = 4 };
struct sc_units_forecast {
    struct sc_tail tail;
    double n_units[SC_N_FURTHER];
    struct sc_estimate largest[SC_N_FURTHER], any[SC_N_FURTHER];
    size_t n_held_out; /* units; the others were fitted to */
    struct sc_tail held_tail;
    struct sc_estimate held_largest, held_any; /* forecast for those held out */
    double seen_largest, seen_any;             /* NaN: nothing is held out */
};
enum sc_status sc_units_forecast(const struct sc_probabilities *data, struct sc_draws draws,
                                 struct sc_units_forecast *out, struct sc_error *error);

#endif
