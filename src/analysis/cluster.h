/*
 * Estimates over prompts with several traces each, where traces of one prompt are alike.  They
 * resample or sum over whole prompts; statistics.h has the estimates for independent values.
 */
#ifndef SC_ANALYSIS_CLUSTER_H
#define SC_ANALYSIS_CLUSTER_H

#include "statistics/models.h"

/* One element a cluster; is_share: 0 <= numerator <= denominator. */
struct sc_shares {
    const double *numerator, *denominator; /* [n] */
    size_t n;
    bool is_share;
};

/* Sum(numerator) / sum(denominator) over clusters by bootstrap (sc_cluster_ratio), or for a share
 * by sc_cluster_proportion.  No cluster: none, for `reason`.  Fewer
 * than 5 clusters that differ have a value and no interval: resampling so few says too little. */
struct sc_estimate sc_cluster_share(const struct sc_shares *shares, struct sc_draws draws,
                                    const char *reason, struct sc_error *error);

/* Several of them, drawn together. */
struct sc_share_wish {
    struct sc_shares shares;
    const char *reason;
    struct sc_estimate *out;
};
void sc_cluster_shares(const struct sc_share_wish *wishes, size_t n, struct sc_draws draws,
                       struct sc_error *error);

/* Ratio of two shares, first over second, over the same clusters: percentile bootstrap that draws
 * clusters once for both.  Resamples with an empty side or 0/0 are left out; x/0 sorts last, and
 * when it reaches the upper end that end is NaN. */
struct sc_estimate sc_cluster_share_ratio(const struct sc_shares *first,
                                          const struct sc_shares *second, struct sc_draws wanted,
                                          struct sc_error *error);

/* Area under the ROC curve of score for outcome with clustered observations (Obuchowski, 1997,
 * which is DeLong's when every cluster has one).  Where the variance is 0 or unknown the interval
 * is Wilson's with as many trials as the rarer outcome has clusters. */
struct sc_estimate sc_cluster_auroc(const struct sc_scores *scores, struct sc_error *error);

/* The same; *p (may be NULL): two-sided, of the area being 1/2, from the same variance.  NaN where
 * there is none. */
struct sc_estimate sc_cluster_auroc_test(const struct sc_scores *scores, double *p,
                                         struct sc_error *error);

/* Puts low and high in order around value (a bootstrap may miss it by rounding). */
void sc_estimate_cover(struct sc_estimate *estimate);

#endif
