/*
 * precision.c - areas that need an order of scores and nothing else, over clusters: average
 * precision and the area under the risk-coverage curve.
 *
 * Scores are sorted once; a resample gives each cluster a weight, and one walk over groups of equal
 * scores gives the area.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/internal.h"
#include "statistics/models.h"

#define RANK_AREA_KEY 0xa2ea /* keeps these draws apart from those of other estimates */

struct ranked {
    double score;
    size_t cluster;
    bool positive;
};

static int highest_first(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->score, y = ((const struct ranked *)b)->score;
    return (x < y) - (x > y);
}

/* The weights of the next group of equal scores; weight NULL: all 1.  Returns where it ends. */
static size_t next_group(const struct ranked *sorted, size_t n, size_t begin,
                         const uint32_t *weight, double *positive, double *all)
{
    size_t end = begin;
    *positive = *all = 0;
    for (; end < n && sorted[end].score == sorted[begin].score; end++) {
        double w = weight != NULL ? weight[sorted[end].cluster] : 1;
        *all += w;
        *positive += sorted[end].positive ? w : 0;
    }
    return end;
}

static double average_precision(const struct ranked *sorted, size_t n, const uint32_t *weight)
{
    struct sc_sum area = {0};
    double positive, all, n_positive = 0, n_all = 0;
    for (size_t at = 0; at < n;) {
        at = next_group(sorted, n, at, weight, &positive, &all);
        n_positive += positive;
        n_all += all;
        if (positive > 0)
            sc_sum_add(&area, positive * (n_positive / n_all));
    }
    return n_positive > 0 ? sc_sum_value(&area) / n_positive : NAN;
}

/* As sc_aurc: within a group of equal scores, the expectation over its order. */
static double risk_coverage(const struct ranked *sorted, size_t n, const uint32_t *weight)
{
    struct sc_sum risk = {0};
    double positive, all, n_positive = 0, n_all = 0;
    for (size_t at = 0; at < n;) {
        at = next_group(sorted, n, at, weight, &positive, &all);
        for (double i = 1; i <= all; i++)
            sc_sum_add(&risk, (n_positive + positive * (i / all)) / (n_all + i));
        n_positive += positive;
        n_all += all;
    }
    return n_all > 0 ? sc_sum_value(&risk) / n_all : NAN;
}

static struct ranked *sort_scores(const double *score, const bool *outcome, const size_t *cluster,
                                  size_t n, struct sc_error *error)
{
    struct ranked *sorted = sc_alloc_array(n, sizeof *sorted);
    if (sorted == NULL) {
        sc_fail_nomem(error, "scores to be ranked");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct ranked){score[i], cluster != NULL ? cluster[i] : 0, outcome[i]};
    qsort(sorted, n, sizeof *sorted, highest_first);
    return sorted;
}

double sc_average_precision(const double *score, const bool *outcome, size_t n,
                            struct sc_error *error)
{
    if (n == 0 || sc_has_nan(score, n))
        return NAN;
    struct ranked *sorted = sort_scores(score, outcome, NULL, n, error);
    double area = sorted != NULL ? average_precision(sorted, n, NULL) : NAN;
    sc_free(sorted);
    return area;
}

/* Percentile interval; resamples that have no area (no positive, nothing at all) are left out, and
 * when they are many so is the interval. */
static void resample(double (*area)(const struct ranked *, size_t, const uint32_t *),
                     const struct ranked *sorted, size_t n, size_t n_clusters, size_t n_resamples,
                     uint64_t seed, struct sc_estimate *out, struct sc_error *error)
{
    size_t n_draws = 0;
    uint32_t *weight = sc_alloc_array(n_clusters, sizeof *weight);
    double *draws = sc_alloc_array(n_resamples, sizeof *draws);
    if (weight == NULL || draws == NULL) {
        sc_fail_nomem(error, "bootstrap of an area");
        *out = sc_estimate_none(out->n, "out of memory");
        goto done;
    }
    struct sc_random random = {SC_STREAM_STATISTICS, seed, RANK_AREA_KEY, 0};
    for (size_t b = 0; b < n_resamples; b++) {
        for (size_t c = 0; c < n_clusters; c++)
            weight[c] = 0;
        for (size_t c = 0; c < n_clusters; c++)
            weight[sc_random_below(&random, n_clusters)]++;
        double draw = area(sorted, n, weight);
        if (!isnan(draw))
            draws[n_draws++] = draw;
    }
    if (n_draws > 0 && n_draws >= n_resamples - n_resamples / 20) {
        sc_sort_doubles(draws, n_draws);
        out->low = fmin(out->value, sc_sorted_percentile(draws, n_draws, 2.5));
        out->high = fmax(out->value, sc_sorted_percentile(draws, n_draws, 97.5));
    } else {
        out->reason = "too few prompts with such an outcome for an interval";
    }
done:
    sc_free(weight);
    sc_free(draws);
}

struct sc_estimate sc_cluster_rank_area(enum sc_rank_area area, const double *score,
                                        const bool *outcome, const size_t *cluster, size_t n,
                                        size_t n_clusters, size_t n_resamples, uint64_t seed,
                                        struct sc_error *error)
{
    double (*function)(const struct ranked *, size_t, const uint32_t *) =
        area == SC_AVERAGE_PRECISION ? average_precision : risk_coverage;
    if (n == 0)
        return sc_estimate_none(0, "nothing to rank");
    if (sc_has_nan(score, n))
        return sc_estimate_none(n, "a score is not a number");
    struct ranked *sorted = sort_scores(score, outcome, cluster, n, error);
    if (sorted == NULL)
        return sc_estimate_none(n, "out of memory");
    struct sc_estimate out = {.value = function(sorted, n, NULL), .low = NAN, .high = NAN, .n = n};
    size_t n_filled = 0, n_positive = 0;
    bool *filled = sc_alloc_zero(n_clusters, sizeof *filled);
    if (filled == NULL) {
        sc_fail_nomem(error, "clusters of an area");
        out = sc_estimate_none(n, "out of memory");
    } else if (isnan(out.value)) {
        out = sc_estimate_none(n, "no positive outcome");
    } else {
        for (size_t i = 0; i < n; i++) {
            n_filled += !filled[cluster[i]];
            filled[cluster[i]] = true;
            n_positive += outcome[i];
        }
        if (n_filled < 5) /* resampling so few says too little */
            out.reason = "too few prompts for an interval";
        else if (n_positive == 0 || n_positive == n) /* no resample would differ */
            out.reason = "all outcomes are the same, so resampling shows no variation";
        else
            resample(function, sorted, n, n_clusters, n_resamples, seed, &out, error);
    }
    sc_free(filled);
    sc_free(sorted);
    return out;
}
