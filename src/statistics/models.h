/*
 * Models fitted to arrays, and what follows from them: precision-recall and risk-coverage areas
 * and curves over clusters, logistic regression, the beta-binomial, prevalence under a test that
 * errs, power. The common behaviour is that of statistics.h.
 */
#ifndef SC_STATISTICS_MODELS_H
#define SC_STATISTICS_MODELS_H

#include "statistics/statistics.h"

/* ---- areas ----------------------------------------------------------------------------------- */

/* Average precision: sum over distinct scores, highest first, of the precision at or above it times
 * the gain in recall (scikit-learn's average_precision_score; no interpolation, since that
 * flatters: Davis and Goadrich, 2006).  A score that knows nothing gives the share of positives.
 * None without a positive.
 * Risk-coverage area: mean over i of the share of positives (harmful ones) among the i highest
 * scores (Geifman et al., 2019); among equal scores, the expectation over their order.  Lower is
 * better; a score that knows nothing gives the overall share. */
enum sc_rank_area { SC_AVERAGE_PRECISION, SC_RISK_COVERAGE };
/* An area with a percentile bootstrap over clusters, cluster[i] < n_clusters. */
struct sc_scores {
    const double *score;   /* [n] */
    const bool *outcome;   /* [n] */
    const size_t *cluster; /* [n] */
    size_t n, n_clusters;
};
struct sc_estimate sc_cluster_rank_area(enum sc_rank_area area, const struct sc_scores *data,
                                        struct sc_draws draws, struct sc_error *error);
/* Several of the same observations by other scores, each with the numbers that it has by itself:
 * clusters are drawn once for all.  data->score is not read. */
struct sc_rank_wish {
    enum sc_rank_area area;
    bool lowest_first;   /* by minus the score */
    const double *score; /* [n] */
    struct sc_estimate *out;
};
void sc_cluster_rank_areas(const struct sc_scores *data, const struct sc_rank_wish *wishes,
                           size_t n, struct sc_draws draws, struct sc_error *error);

/* The curves behind such areas.  ROC: of the highest scores, the share of the positives (the value)
 * at a share of the negatives, straight between distinct scores (Fawcett, 2006), the upper end
 * where it rises straight up.  Risk: the share of positives among the highest scores that make up a
 * share of all; among equal scores the expectation over their order; at 0 that of the highest
 * score. */
enum sc_rank_curve { SC_ROC_CURVE, SC_RISK_CURVE };
/* out [n_points]: point i at i / (n_points - 1), each with a percentile bootstrap over clusters,
 * pointwise; n is data->n.  Where there is no curve, none, with one reason for all. */
enum sc_status sc_cluster_rank_curve(enum sc_rank_curve curve, const struct sc_scores *data,
                                     struct sc_draws draws, size_t n_points,
                                     struct sc_estimate *out, struct sc_error *error);

/* ---- logistic regression --------------------------------------------------------------------- */

enum { SC_LOGISTIC_MOST = 6 };
struct sc_logistic {
    size_t n, n_clusters, n_coefficients;
    double coefficient[SC_LOGISTIC_MOST];
    double error[SC_LOGISTIC_MOST]; /* standard errors, robust to clusters */
    double log_likelihood;
    const char *reason; /* static; NULL when it was fitted */
};

/* Maximum likelihood of log odds(outcome) = x b, x [n * n_coefficients] row by row (a column of
 * ones is the caller's), by Newton's method with halved steps.  Errors: the sandwich over clusters
 * (Liang and Zeger, 1986) times g / (g - 1) * (n - 1) / (n - n_coefficients), as statsmodels and
 * Stata. No fit, with the reason, when outcomes are perfectly separated or covariates are
 * collinear. */
struct sc_logistic_data {
    const double *x;       /* [n * n_coefficients] */
    const bool *outcome;   /* [n] */
    const size_t *cluster; /* [n], each below n_clusters */
    size_t n, n_coefficients, n_clusters;
};
enum sc_status sc_logistic_fit(const struct sc_logistic_data *data, struct sc_logistic *out,
                               struct sc_error *error);
/* exp(coefficient) with Student's t interval of g - 1 degrees of freedom (Cameron and Miller,
 * 2015), and its two-sided p (may be NULL). */
struct sc_estimate sc_logistic_odds_ratio(const struct sc_logistic *fit, size_t coefficient,
                                          double *p);

/* ---- beta-binomial --------------------------------------------------------------------------- */

/* Trials of units and how many of each unit's succeeded. */
struct sc_trials {
    const size_t *trials, *successes; /* [n] */
    size_t n;
};

/* Successes of unit i are binomial in its trials with a rate of its own, and the rates are
 * Beta(alpha, beta) (Skellam, 1948). */
struct sc_beta_binomial {
    size_t n; /* units with a trial */
    double alpha, beta;
    double mean;           /* alpha / (alpha + beta) */
    double correlation;    /* 1 / (alpha + beta + 1): 0 all rates equal, 1 each 0 or 1 */
    double log_likelihood; /* without the binomial coefficients */
    const char *reason;    /* static; NULL when it was fitted */
};
/* Maximum likelihood.  Not fitted when all trials agree or no unit has two trials.  Where the
 * likelihood grows without end towards equal rates (or towards rates of 0 and 1 only), alpha + beta
 * stops at 1e6 (or 1e-4). */
enum sc_status sc_beta_binomial_fit(const struct sc_trials *data, struct sc_beta_binomial *out,
                                    struct sc_error *error);
/* 1 - E[(1 - rate)^k]: probability of at least one success in k trials of a new unit. */
double sc_beta_binomial_at_k(const struct sc_beta_binomial *fit, double k);
/* The same at n_k values of k with a percentile bootstrap over units; out [n_k]. */
enum sc_status sc_beta_binomial_extrapolate(const struct sc_trials *data, const size_t *k,
                                            size_t n_k, struct sc_draws draws,
                                            struct sc_estimate *out, struct sc_error *error);
/* Whether the numbers of successes look as the fit says: p of the likelihood ratio against free
 * cells, by parametric bootstrap with the fit repeated (Davison and Hinkley, 1997, ch. 4).  Small:
 * they do not. *statistic may be NULL. NaN when there is no fit. */
double sc_beta_binomial_check(const struct sc_trials *data, const struct sc_beta_binomial *fit,
                              struct sc_draws draws, double *statistic, struct sc_error *error);

/* ---- a detector that errs -------------------------------------------------------------------- */

/* True share from the share that a detector finds (Rogan and Gladen, 1978), with the interval of
 * Lang and Reiczigel (2014), which carries the uncertainty of the detector's own rates.  found is
 * seen in n_found effective trials; of n_positive labelled positives the detector finds
 * true_positive, of n_negative labelled negatives it leaves true_negative alone.  n is
 * round(n_found).  None when the detector is no better than chance. */
struct sc_seen {
    double right, n; /* of n labelled answers, the detector was right about so many */
};
/* The counts may be effective ones: labelled answers to one prompt are alike. */
struct sc_estimate sc_rogan_gladen_of(double found, double n_found, struct sc_seen positives,
                                      struct sc_seen negatives);
struct sc_estimate sc_rogan_gladen(double found, double n_found, size_t true_positive,
                                   size_t n_positive, size_t true_negative, size_t n_negative);

/* ---- power ----------------------------------------------------------------------------------- */

/* Probability that a two-sided test at 5 % rejects when the truth is `effect` and the estimate is
 * normal with standard error `error`. */
double sc_power(double effect, double standard_error);
/* The least effect with that power (0.8). */
double sc_detectable_effect(double standard_error, double power);
/* Units needed for that power when n units give this standard error, which falls as 1/sqrt(n).
 * SIZE_MAX: no number would do (effect 0) or more than 2^53. */
size_t sc_units_needed(double effect, double standard_error, size_t n, double power);
/* Trials of one unit for which Wilson's interval at this rate is no wider than +- half_width, in
 * (0, 0.5). */
size_t sc_trials_needed(double rate, double half_width);

#endif
