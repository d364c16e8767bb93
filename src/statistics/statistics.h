/*
 * Statistics over arrays; knows nothing of models.  Every function names its source and is checked
 * against an independent implementation (tests/golden, docs/STATISTICS.md).  Intervals are
 * two-sided 95 % unless said.
 *
 * Common behaviour
 *   - A NaN among the inputs is never skipped: the result is NaN (an estimate with a reason).
 *   - Empty input gives NaN (an estimate with a reason).
 *   - Functions that take an error allocate and fail only when memory runs out; the result is then
 *     NaN too.  The others allocate nothing.
 *   - Results depend on the arguments alone; random ones on their seed (Philox, base/random.h).
 */
#ifndef SC_STATISTICS_STATISTICS_H
#define SC_STATISTICS_STATISTICS_H

#include <safeconf/vocabulary.h>

#include "base/error.h"

/* Reasons are static. */
struct sc_estimate sc_estimate_none(size_t n, const char *reason);

/* ---- summaries ------------------------------------------------------------------------------- */

double sc_mean(const double *x, size_t n);     /* NaN when n = 0 */
double sc_variance(const double *x, size_t n); /* unbiased; NaN when n < 2 */
/* Percentile q in [0, 100] with linear interpolation (Hyndman and Fan type 7). x need not be
 * sorted; scratch [n] (may be x itself, which is then sorted). NaN when q is outside. */
double sc_percentile(const double *x, size_t n, double q, double *scratch);
/* Entropy -sum p ln p of the shares of the counts, in nats (plug-in estimate; Shannon, 1948).  NaN
 * when all counts are 0. */
double sc_entropy_of_counts(const size_t *counts, size_t n);
/* Mean of n values with Student's t interval (low and high NaN when n = 1). */
struct sc_estimate sc_mean_t(const double *x, size_t n);

/* ---- proportions and tables ------------------------------------------------------------------ */

/* Wilson score interval of successes among n independent trials (Wilson, 1927). */
struct sc_estimate sc_wilson(size_t successes, size_t n);
/* The same of a share that was seen in as many trials, whole or not. */
struct sc_estimate sc_wilson_of(double share, double n);
/* Rate of independent trials that are looked at as often as one likes: of 100 sequences the
 * interval holds the rate at every look in 95 at least, so one may stop by it (beta-binomial
 * mixture of the uniform prior; Robbins, 1970; Howard et al., 2021).  It is wider than Wilson's,
 * which holds at one look that was fixed beforehand.  It depends on the counts alone, not on the
 * order nor on the looks before; [0, 1] without a trial, where the value is NaN. */
struct sc_estimate sc_always_valid(size_t successes, size_t n);
/* Difference of two proportions p1 - p2 (Newcombe, 1998, method 10); n is n1 + n2. */
struct sc_estimate sc_newcombe(size_t s1, size_t n1, size_t s2, size_t n2);
/* Ratio of two proportions p1 / p2 with the log-normal interval (Katz et al., 1978); n is n1 + n2.
 * None when s2 = 0; when s1 = 0 the value and low are 0 and high is NaN (the method has none). */
struct sc_estimate sc_risk_ratio(size_t s1, size_t n1, size_t s2, size_t n2);

/* Fisher's exact test, two-sided (sum of tables no more likely than the one seen, with a relative
 * tolerance of 1e-7), of the table {a, b; c, d}.  Returns p; 1 when a margin is 0, NaN when the
 * total exceeds 2^53, 0 below about 1e-308.  Takes time in proportion to the width of the
 * distribution, not to the counts. */
double sc_fisher_exact(size_t a, size_t b, size_t c, size_t d);

/* 1 - C(n-c, k) / C(n, k): unbiased probability that at least one of k samples is a success when c
 * of n were (Chen et al., 2021). NaN when k > n or c > n. */
double sc_at_k(size_t n, size_t c, size_t k);

/* ---- resampling ------------------------------------------------------------------------------ */

/* How often something is drawn, and the seed of the draws. */
struct sc_draws {
    size_t n; /* resamples, permutations or simulations, e.g. 2000 */
    uint64_t seed;
};

/* Ratio sum(numerator) / sum(denominator) over clusters (prompts), percentile bootstrap that
 * resamples clusters (Efron and Tibshirani, 1993, ch. 13); n_resamples e.g. 2000.  n in the
 * estimate is the sum of denominators, which are >= 0; resamples whose denominator is 0 are drawn
 * again.  With one cluster of a denominator above 0, low and high are NaN. */
struct sc_estimate sc_cluster_ratio(const double *numerator, const double *denominator,
                                    size_t n_clusters, size_t n_resamples, uint64_t seed,
                                    struct sc_error *error);
/* The same for a proportion: numerators count some of what denominators count, so that 0 <=
 * numerator <= denominator.  Where all clusters have the same proportion (none of 200 prompts had a
 * harmful answer) resampling sees no variation and would say [v, v]; the interval is then Wilson's
 * with the clusters as trials, which holds however strongly a cluster's members depend on one
 * another. */
struct sc_estimate sc_cluster_proportion(const double *numerator, const double *denominator,
                                         size_t n_clusters, size_t n_resamples, uint64_t seed,
                                         struct sc_error *error);
/* Several ratios and proportions at once, each with the numbers that it has by itself: those of as
 * many clusters are resampled together, which draws for one instead of for each. */
struct sc_ratio {
    const double *numerator, *denominator; /* [n] */
    size_t n;
    bool is_proportion;
};
enum { SC_MOST_RATIOS = 16 };
void sc_cluster_ratios(const struct sc_ratio *ratios, size_t n, struct sc_draws draws,
                       struct sc_estimate *out, struct sc_error *error);
/* Difference of two such proportions, first - second, over the same clusters: each resample draws
 * clusters once for both, so that pairing is kept; a cluster may have denominator 0 in either;
 * resamples in which a group is empty are drawn again.  n is the sum of all denominators.  Where
 * one of the two does not vary between clusters, the interval joins those of sc_cluster_proportion
 * by their squared distances (Newcombe, 1998; Zou and Donner, 2008). */
struct sc_proportions {
    const double *numerator, *denominator; /* [n_clusters] */
};
struct sc_estimate sc_cluster_proportion_difference(struct sc_proportions first,
                                                    struct sc_proportions second, size_t n_clusters,
                                                    struct sc_draws draws, struct sc_error *error);
/* Mean of paired differences a[i] - b[i], bootstrap over i (low and high NaN when n = 1). */
struct sc_estimate sc_paired_difference(const double *a, const double *b, size_t n,
                                        size_t n_resamples, uint64_t seed, struct sc_error *error);

/* Permutation test of the difference of means of outcome between group and not group, permuting
 * within strata (stratum[i] any integer; NULL: one stratum).  Two-sided p =
 * (1 + #{|t*| >= |t|}) / (1 + draws.n) (Phipson and Smyth, 2010), t being the difference
 * less its expectation under permutation (which is 0 with one stratum: then t is the difference
 * itself). *difference is the observed difference (may be NULL). NaN when a group is empty. */
struct sc_grouped {
    const double *outcome; /* [n] */
    const bool *group;     /* [n] */
    const size_t *stratum; /* [n], or NULL */
    size_t n;
};
double sc_permutation_test(const struct sc_grouped *data, struct sc_draws draws, double *difference,
                           struct sc_error *error);

/* ---- two runs on the same units -------------------------------------------------------------- */

/* Mean of b[i] - a[i], two shares in [0, 1] of each unit (prompt): percentile bootstrap that
 * resamples units.  Where all differences are the same v (nothing changed in any of 30 prompts)
 * resampling sees no variation: at most Wilson's upper limit W for 0 of n units may then differ
 * elsewhere, by anything, so that the interval is (1 - W) v -+ W.  n = 1: no interval. */
struct sc_estimate sc_paired_share_difference(const double *a, const double *b, size_t n,
                                              struct sc_draws draws, struct sc_error *error);

/* McNemar's exact test (1947), two-sided: `b` units changed one way and `c` the other; under no
 * difference each way is as likely, so p = 2 P(X <= min(b, c)), X binomial(b + c, 1/2), at most 1.
 * 1 when nothing changed; NaN when b + c exceeds 2^31; 0 below about 1e-308. */
double sc_mcnemar_exact(size_t b, size_t c);

/* Permutation test that the mean of paired differences is 0: under no difference each has either
 * sign with equal probability (Fisher, 1935, ch. 3).  Two-sided: the share of assignments of signs
 * whose sum is at least as far from 0 as the one seen.  With at most SC_MOST_EXACT_FLIPS
 * differences that are not 0 all assignments are counted (*exact, which may be NULL); else draws.n
 * are drawn and p = (1 + #) / (1 + draws.n) (Phipson and Smyth, 2010).  1 when all are 0; NaN when
 * n = 0 or a value is not finite. */
enum { SC_MOST_EXACT_FLIPS = 16 };
double sc_sign_flip_test(const double *differences, size_t n, struct sc_draws draws, bool *exact,
                         struct sc_error *error);

/* ---- calibration and multiplicity ------------------------------------------------------------ */

/* Expected calibration error over equal-width bins of [0, 1] (Guo et al., 2017), each closed below
 * and the last one above; also fills bins [n_bins] (means NaN in an empty bin).  NaN when n = 0,
 * n_bins = 0 or a prediction is outside [0, 1]; the bins are then empty. */
struct sc_calibration_bin {
    double low, high, mean_predicted, mean_observed;
    size_t n;
};
double sc_calibration(const double *predicted, const bool *observed, size_t n, size_t n_bins,
                      struct sc_calibration_bin *bins);

/* Holm's adjusted p-values (1979): adjusted [n], not p itself.  A NaN stays NaN and is not counted
 * as a test.  Quadratic in n. */
void sc_holm(const double *p, size_t n, double *adjusted);

#endif
