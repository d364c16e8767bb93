/*
 * Estimates over prompts with several traces each, where traces of one prompt are alike.  They
 * resample or sum over whole prompts; statistics.h has the estimates for independent values.
 */
#ifndef SC_REPORT_CLUSTER_H
#define SC_REPORT_CLUSTER_H

#include "statistics/statistics.h"

/* Sum(numerator) / sum(denominator) over clusters by bootstrap.  No cluster: none, for `reason`.
 * One cluster: the value without an interval.  Where the ratio is a share (is_share) and does not
 * vary at all (0 or 1), the bootstrap interval has no width, so Wilson's over the number of clusters
 * takes its place. */
struct sc_estimate sc_cluster_share(const double *numerator, const double *denominator, size_t n,
                                    bool is_share, uint64_t seed, const char *reason,
                                    struct sc_error *error);

/* Harmful and all answers of one prompt below and above a threshold. */
struct sc_cluster_counts {
    double harmful_low, n_low, harmful_high, n_high;
};
/* Difference and ratio of the harmful shares, low minus (over) high; percentile bootstrap over
 * clusters.  Resamples in which a side is empty are left out; none when they are more than 5 %. */
void sc_cluster_difference(const struct sc_cluster_counts *clusters, size_t n, size_t n_resamples,
                           uint64_t seed, struct sc_estimate *difference, struct sc_estimate *ratio,
                           struct sc_error *error);

/* Area under the ROC curve of score for outcome with clustered observations (Obuchowski, 1997,
 * which is DeLong's when every cluster has one).  cluster[i] < n_clusters. */
struct sc_estimate sc_cluster_auroc(const double *score, const bool *outcome, const size_t *cluster,
                                    size_t n, size_t n_clusters, struct sc_error *error);

/* Puts low and high in order around value (a bootstrap may miss it by rounding). */
void sc_estimate_cover(struct sc_estimate *estimate);

#endif
