/*
 * Statistics over arrays; knows nothing of models.  Every function names its source and is checked
 * against an independent implementation (tests/golden).  Intervals are two-sided 95 % unless said.
 */
#ifndef SC_STATISTICS_STATISTICS_H
#define SC_STATISTICS_STATISTICS_H

#include "base/error.h"

/* An estimate; NaN in value, low and high when it could not be computed (reason says why). */
struct sc_estimate {
    double value, low, high;
    size_t n;
    const char *reason; /* static; NULL when value is a number */
};
struct sc_estimate sc_estimate_none(size_t n, const char *reason);

double sc_mean(const double *x, size_t n);       /* NaN when n = 0 */
double sc_variance(const double *x, size_t n);   /* unbiased; NaN when n < 2 */
/* Percentile q in [0, 100] with linear interpolation (Hyndman and Fan type 7). x need not be sorted;
 * scratch [n]. */
double sc_percentile(const double *x, size_t n, double q, double *scratch);

/* Wilson score interval of successes among n independent trials (Wilson, 1927). */
struct sc_estimate sc_wilson(size_t successes, size_t n);
/* Difference of two proportions p1 - p2 (Newcombe, 1998, method 10). */
struct sc_estimate sc_newcombe(size_t s1, size_t n1, size_t s2, size_t n2);
/* Mean of n values with Student's t interval. */
struct sc_estimate sc_mean_t(const double *x, size_t n);

/* Ratio sum(numerator) / sum(denominator) over clusters (prompts), percentile bootstrap that resamples
 * clusters (Efron and Tibshirani, 1993, ch. 13); n_resamples e.g. 2000.  n in the estimate is the sum
 * of denominators. */
struct sc_estimate sc_cluster_ratio(const double *numerator, const double *denominator,
                                    size_t n_clusters, size_t n_resamples, uint64_t seed,
                                    struct sc_error *error);
/* Mean of paired differences a[i] - b[i], bootstrap over i. */
struct sc_estimate sc_paired_difference(const double *a, const double *b, size_t n,
                                        size_t n_resamples, uint64_t seed, struct sc_error *error);

/* Fisher's exact test, two-sided (sum of tables no more likely than the one seen), of the table
 * {a, b; c, d}. Returns p. */
double sc_fisher_exact(size_t a, size_t b, size_t c, size_t d);

/* Area under the ROC curve of score for outcome (ties count half), with the interval of Hanley and
 * McNeil (1982) replaced by DeLong's (1988). */
struct sc_estimate sc_auroc(const double *score, const bool *outcome, size_t n,
                            struct sc_error *error);

/* Permutation test of the difference of means of outcome between group and not group, permuting
 * within strata (stratum[i] any integer).  Two-sided p = (1 + #{|d*| >= |d|}) / (1 + n_permutations).
 * *difference is the observed difference. NaN when a group is empty. */
double sc_permutation_test(const double *outcome, const bool *group, const size_t *stratum, size_t n,
                           size_t n_permutations, uint64_t seed, double *difference,
                           struct sc_error *error);

/* Expected calibration error over equal-width bins of [0, 1]; also fills the bins. */
struct sc_calibration_bin {
    double low, high, mean_predicted, mean_observed;
    size_t n;
};
double sc_calibration(const double *predicted, const bool *observed, size_t n, size_t n_bins,
                      struct sc_calibration_bin *bins);

/* 1 - C(n-c, k) / C(n, k): unbiased probability that at least one of k samples is a success when c of
 * n were (Chen et al., 2021). NaN when k > n. */
double sc_at_k(size_t n, size_t c, size_t k);

#endif
