/*
 * precision.c - areas that need an order of scores and nothing else, over clusters: average
 * precision and the area under the risk-coverage curve.
 *
 * Scores are sorted once; a resample gives each cluster a weight, and one walk over groups of equal
 * scores gives the area.
 */
#include <assert.h>
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

/* Within a group of equal scores, the expectation over its order. */
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
        sorted[i] = (struct ranked){score[i], cluster[i], outcome[i]};
    qsort(sorted, n, sizeof *sorted, highest_first);
    return sorted;
}

/* Area of sorted scores under the weights of their clusters (NULL: all 1). */
typedef double area_function(const struct ranked *sorted, size_t n, const uint32_t *weight);

/* Percentile interval; resamples that have no area (no positive, nothing at all) are left out, and
 * when they are many so is the interval. */
static void resample(area_function *area, const struct ranked *sorted, const struct sc_scores *data,
                     struct sc_draws draws, struct sc_estimate *out, struct sc_error *error)
{
    size_t n_kept = 0, n_clusters = data->n_clusters;
    uint32_t *weight = sc_alloc_array(n_clusters, sizeof *weight);
    double *kept = sc_alloc_array(draws.n, sizeof *kept);
    if (weight == NULL || kept == NULL) {
        sc_fail_nomem(error, "bootstrap of an area");
        *out = sc_estimate_none(out->n, "out of memory");
        goto done;
    }
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, RANK_AREA_KEY, 0};
    for (size_t b = 0; b < draws.n; b++) {
        for (size_t c = 0; c < n_clusters; c++)
            weight[c] = 0;
        for (size_t c = 0; c < n_clusters; c++)
            weight[sc_random_below(&random, n_clusters)]++;
        double draw = area(sorted, data->n, weight);
        if (!isnan(draw))
            kept[n_kept++] = draw;
    }
    if (n_kept > 0 && n_kept >= draws.n - draws.n / 20) {
        sc_sort_doubles(kept, n_kept);
        out->low = fmin(out->value, sc_sorted_percentile(kept, n_kept, 2.5));
        out->high = fmax(out->value, sc_sorted_percentile(kept, n_kept, 97.5));
    } else {
        out->reason = "too few prompts with such an outcome for an interval";
    }
done:
    sc_free(weight);
    sc_free(kept);
}

/* Why resampling would say too little, or NULL; *enough_memory false: it could not be found out. */
static const char *too_little(const struct sc_scores *data, bool *enough_memory)
{
    bool *filled = sc_alloc_zero(data->n_clusters, sizeof *filled);
    *enough_memory = filled != NULL;
    if (filled == NULL)
        return "out of memory";
    size_t n_filled = 0, n_positive = 0;
    for (size_t i = 0; i < data->n; i++) {
        assert(data->cluster[i] < data->n_clusters);
        n_filled += !filled[data->cluster[i]];
        filled[data->cluster[i]] = true;
        n_positive += data->outcome[i];
    }
    sc_free(filled);
    if (n_filled < 5)
        return "too few prompts for an interval";
    if (n_positive == 0 || n_positive == data->n) /* no resample would differ */
        return "all outcomes are the same, so resampling shows no variation";
    return NULL;
}

static struct sc_estimate estimate_area(area_function *area, const struct ranked *sorted,
                                        const struct sc_scores *data, struct sc_draws draws,
                                        struct sc_error *error)
{
    struct sc_estimate out = {
        .value = area(sorted, data->n, NULL), .low = NAN, .high = NAN, .n = data->n};
    bool enough_memory;
    const char *reason = too_little(data, &enough_memory);
    if (!enough_memory) {
        sc_fail_nomem(error, "clusters of an area");
        return sc_estimate_none(data->n, reason);
    }
    if (isnan(out.value))
        return sc_estimate_none(data->n, "no positive outcome");
    out.reason = reason;
    if (reason == NULL)
        resample(area, sorted, data, draws, &out, error);
    return out;
}

struct sc_estimate sc_cluster_rank_area(enum sc_rank_area area, const struct sc_scores *data,
                                        struct sc_draws draws, struct sc_error *error)
{
    if (data->n == 0)
        return sc_estimate_none(0, "nothing to rank");
    if (sc_has_nan(data->score, data->n))
        return sc_estimate_none(data->n, "a score is not a number");
    struct ranked *sorted = sort_scores(data->score, data->outcome, data->cluster, data->n, error);
    if (sorted == NULL)
        return sc_estimate_none(data->n, "out of memory");
    struct sc_estimate out =
        estimate_area(area == SC_AVERAGE_PRECISION ? average_precision : risk_coverage, sorted,
                      data, draws, error);
    sc_free(sorted);
    return out;
}
