/*
 * precision.c - areas and curves that need an order of scores and nothing else, over clusters:
 * average precision, the area under the risk-coverage curve, that curve and the ROC curve.
 *
 * Scores are sorted once; a resample gives each cluster a weight, and one walk over groups of equal
 * scores gives the area or the curve.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/internal.h"
#include "statistics/models.h"

/* They keep these draws apart from those of other estimates. */
#define RANK_AREA_KEY 0xa2ea
#define RANK_CURVE_KEY 0xc42e

struct ranked {
    double score;
    uint32_t cluster;
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
        sorted[i] = (struct ranked){score[i], (uint32_t)cluster[i], outcome[i]};
    qsort(sorted, n, sizeof *sorted, highest_first);
    return sorted;
}

/* Area of sorted scores under the weights of their clusters (NULL: all 1). */
typedef double area_function(const struct ranked *sorted, size_t n, const uint32_t *weight);

static void draw_clusters(struct sc_random *random, size_t n, uint32_t *weight)
{
    enum { PICKS = 256 };
    uint32_t picks[PICKS];
    for (size_t c = 0; c < n; c++)
        weight[c] = 0;
    for (size_t done = 0, now; done < n; done += now) {
        now = n - done < PICKS ? n - done : PICKS;
        sc_random_fill_below(random, n, picks, now);
        for (size_t i = 0; i < now; i++)
            weight[picks[i]]++;
    }
}

static const char too_few_outcomes[] = "too few prompts with such an outcome for an interval";

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
        draw_clusters(&random, n_clusters, weight);
        double draw = area(sorted, data->n, weight);
        if (!isnan(draw))
            kept[n_kept++] = draw;
    }
    if (n_kept > 0 && n_kept >= draws.n - draws.n / 20) {
        sc_sort_doubles(kept, n_kept);
        out->low = fmin(out->value, sc_sorted_percentile(kept, n_kept, 2.5));
        out->high = fmax(out->value, sc_sorted_percentile(kept, n_kept, 97.5));
    } else {
        out->reason = too_few_outcomes;
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

/* ---- curves ---------------------------------------------------------------------------------- */

/* Scores in order and the places where a curve is wanted. */
struct curve {
    enum sc_rank_curve kind;
    const struct ranked *sorted;
    const struct sc_scores *data;
    size_t n_points;
};

/* The highest scores seen so far: what the axis counts, and what the curve counts. */
struct passed {
    double across, up;
};

/* One value of the curve, `target` of the axis's count having been passed somewhere within a group
 * of equal scores. */
static double curve_value(const struct curve *curve, struct passed before, struct passed group,
                          double target, double all_positive)
{
    if (curve->kind == SC_RISK_CURVE && target <= 0)
        return group.up / group.across;
    double up = before.up + group.up * ((target - before.across) / group.across);
    return curve->kind == SC_RISK_CURVE ? up / target : up / all_positive;
}

/* Fills y [n_points]; false: there is no such curve under these weights. */
static bool walk_curve(const struct curve *curve, const uint32_t *weight, double *y)
{
    size_t n = curve->data->n, point = 0;
    double positive, all, n_positive = 0, n_all = 0;
    for (size_t at = 0; at < n;) {
        at = next_group(curve->sorted, n, at, weight, &positive, &all);
        n_positive += positive;
        n_all += all;
    }
    bool roc = curve->kind == SC_ROC_CURVE;
    double across = roc ? n_all - n_positive : n_all;
    if (across <= 0 || (roc && n_positive <= 0))
        return false;
    struct passed before = {0};
    for (size_t at = 0; at < n;) {
        at = next_group(curve->sorted, n, at, weight, &positive, &all);
        struct passed group = {roc ? all - positive : all, positive};
        for (; point < curve->n_points && group.across > 0; point++) {
            double target = across * (double)point / (double)(curve->n_points - 1);
            if (target >= before.across + group.across)
                break;
            y[point] = curve_value(curve, before, group, target, n_positive);
        }
        before.across += group.across;
        before.up += group.up;
    }
    for (; point < curve->n_points; point++)
        y[point] = roc ? 1 : n_positive / n_all;
    return true;
}

/* kept [draws.n * n_points], column [draws.n] and weight [n_clusters] are scratch. */
static void resample_curve(const struct curve *curve, struct sc_draws draws, double *kept,
                           double *column, uint32_t *weight, struct sc_estimate *out)
{
    size_t n_points = curve->n_points, n_kept = 0;
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, RANK_CURVE_KEY, 0};
    for (size_t b = 0; b < draws.n; b++) {
        draw_clusters(&random, curve->data->n_clusters, weight);
        n_kept += walk_curve(curve, weight, kept + n_kept * n_points);
    }
    bool enough = n_kept > 0 && n_kept >= draws.n - draws.n / 20;
    for (size_t i = 0; i < n_points; i++) {
        if (!enough || (i == 0 && curve->kind == SC_RISK_CURVE)) {
            out[i].reason = enough ? "the highest score alone" : too_few_outcomes;
            continue;
        }
        for (size_t b = 0; b < n_kept; b++)
            column[b] = kept[b * n_points + i];
        sc_sort_doubles(column, n_kept);
        out[i].low = fmin(out[i].value, sc_sorted_percentile(column, n_kept, 2.5));
        out[i].high = fmax(out[i].value, sc_sorted_percentile(column, n_kept, 97.5));
    }
}

static enum sc_status estimate_curve(const struct curve *curve, struct sc_draws draws,
                                     struct sc_estimate *out, struct sc_error *error)
{
    size_t n_points = curve->n_points;
    enum sc_status status = SC_OK;
    double *kept = sc_alloc_array(sc_size_mul(draws.n + 1, n_points), sizeof *kept);
    double *column = sc_alloc_array(draws.n + 1, sizeof *column);
    uint32_t *weight = sc_alloc_array(curve->data->n_clusters, sizeof *weight);
    if (kept == NULL || column == NULL || weight == NULL) {
        status = sc_fail_nomem(error, "bootstrap of a curve");
        goto done;
    }
    if (!walk_curve(curve, NULL, kept))
        goto done;
    bool enough_memory;
    const char *reason = too_little(curve->data, &enough_memory);
    if (!enough_memory) {
        status = sc_fail_nomem(error, "clusters of a curve");
        goto done;
    }
    for (size_t i = 0; i < n_points; i++)
        out[i] = (struct sc_estimate){kept[i], NAN, NAN, curve->data->n, reason};
    if (reason == NULL)
        resample_curve(curve, draws, kept, column, weight, out);
done:
    sc_free(kept);
    sc_free(column);
    sc_free(weight);
    return status;
}

enum sc_status sc_cluster_rank_curve(enum sc_rank_curve kind, const struct sc_scores *data,
                                     struct sc_draws draws, size_t n_points,
                                     struct sc_estimate *out, struct sc_error *error)
{
    assert(n_points >= 2 && out != NULL);
    const char *none = data->n == 0                       ? "nothing to rank"
                       : sc_has_nan(data->score, data->n) ? "a score is not a number"
                                                          : NULL;
    for (size_t i = 0; i < n_points; i++)
        out[i] = sc_estimate_none(data->n, none != NULL ? none : "all outcomes are the same");
    if (none != NULL)
        return SC_OK;
    struct ranked *sorted = sort_scores(data->score, data->outcome, data->cluster, data->n, error);
    if (sorted == NULL)
        return SC_ERR_NOMEM;
    enum sc_status status =
        estimate_curve(&(struct curve){kind, sorted, data, n_points}, draws, out, error);
    sc_free(sorted);
    return status;
}
