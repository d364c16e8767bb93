/*
 * Estimates over clusters of traces.  Owns the bootstrap of a difference of two shares and the
 * clustered ROC area; refuses to give an interval where there is too little to resample.
 */
#include "report/cluster.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

#define Z95 1.959963984540054
#define N_RESAMPLES 2000

void sc_estimate_cover(struct sc_estimate *estimate)
{
    if (estimate->low > estimate->value)
        estimate->low = estimate->value;
    if (estimate->high < estimate->value)
        estimate->high = estimate->value;
}

struct sc_estimate sc_cluster_share(const double *numerator, const double *denominator, size_t n,
                                    bool is_share, uint64_t seed, const char *reason,
                                    struct sc_error *error)
{
    double above = 0, below = 0;
    size_t n_used = 0;
    for (size_t i = 0; i < n; i++) {
        above += numerator[i];
        below += denominator[i];
        n_used += denominator[i] > 0;
    }
    if (!(below > 0))
        return sc_estimate_none(0, reason);
    if (n_used == 1) {
        struct sc_estimate one = {above / below, NAN, NAN, (size_t)(below + 0.5),
                                  "one prompt gives no interval"};
        return one;
    }
    if (is_share && (above <= 0 || above >= below)) {
        struct sc_estimate edge = sc_wilson(above > 0 ? n_used : 0, n_used);
        edge.value = above > 0 ? 1 : 0;
        edge.n = (size_t)(below + 0.5);
        sc_estimate_cover(&edge);
        return edge;
    }
    struct sc_estimate estimate =
        sc_cluster_ratio(numerator, denominator, n, N_RESAMPLES, seed, error);
    sc_estimate_cover(&estimate);
    return estimate;
}

/* One draw of n clusters with replacement; false when a side has no answers. */
static bool draw_shares(const struct sc_cluster_counts *clusters, size_t n,
                        struct sc_random *random, double *low, double *high)
{
    struct sc_cluster_counts sum = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        const struct sc_cluster_counts *c = &clusters[sc_random_below(random, n)];
        sum.harmful_low += c->harmful_low;
        sum.n_low += c->n_low;
        sum.harmful_high += c->harmful_high;
        sum.n_high += c->n_high;
    }
    if (sum.n_low <= 0 || sum.n_high <= 0)
        return false;
    *low = sum.harmful_low / sum.n_low;
    *high = sum.harmful_high / sum.n_high;
    return true;
}

void sc_cluster_difference(const struct sc_cluster_counts *clusters, size_t n, size_t n_resamples,
                           uint64_t seed, struct sc_estimate *difference, struct sc_estimate *ratio,
                           struct sc_error *error)
{
    struct sc_cluster_counts sum = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        sum.harmful_low += clusters[i].harmful_low;
        sum.n_low += clusters[i].n_low;
        sum.harmful_high += clusters[i].harmful_high;
        sum.n_high += clusters[i].n_high;
    }
    size_t n_all = (size_t)(sum.n_low + sum.n_high + 0.5);
    const char *reason = NULL;
    double harmful = sum.harmful_low + sum.harmful_high;
    if (sum.n_low <= 0 || sum.n_high <= 0)
        reason = "one side of the split has no answers";
    else if (harmful <= 0)
        reason = "no answer is harmful, so there is nothing to compare";
    else if (harmful >= sum.n_low + sum.n_high)
        reason = "every answer is harmful, so there is nothing to compare";
    else if (n < 2)
        reason = "one prompt gives no interval";
    *difference = *ratio = sc_estimate_none(n_all, reason);
    if (reason)
        return;

    double *draws = sc_alloc_array(sc_size_mul(n_resamples, 3), sizeof *draws);
    if (!draws) {
        sc_fail_nomem(error, "bootstrap of a difference");
        return;
    }
    double *ratios = draws + n_resamples, *scratch = ratios + n_resamples;
    struct sc_random random = {SC_STREAM_STATISTICS, seed, 0xd1ffe4e5ce, 0};
    size_t n_draws = 0, n_ratios = 0;
    for (size_t b = 0; b < n_resamples; b++) {
        double low, high;
        if (!draw_shares(clusters, n, &random, &low, &high))
            continue;
        draws[n_draws++] = low - high;
        if (low > 0 || high > 0) /* 0/0 is left out; x/0 is infinite and sorts last */
            ratios[n_ratios++] = high > 0 ? low / high : INFINITY;
    }
    double low = sum.harmful_low / sum.n_low, high = sum.harmful_high / sum.n_high;
    if (n_draws < n_resamples - n_resamples / 20) {
        difference->value = low - high;
        difference->reason = "too few prompts on one side for an interval";
        if (high > 0)
            ratio->value = low / high;
        ratio->reason = difference->reason;
    } else {
        difference->value = low - high;
        difference->low = sc_percentile(draws, n_draws, 2.5, scratch);
        difference->high = sc_percentile(draws, n_draws, 97.5, scratch);
        difference->reason = NULL;
        sc_estimate_cover(difference);
        if (high > 0) {
            /* infinite draws make the upper end unknown (JSON has no infinity) */
            double bottom = sc_percentile(ratios, n_ratios, 2.5, scratch);
            double top = sc_percentile(ratios, n_ratios, 97.5, scratch);
            ratio->value = low / high;
            ratio->low = isfinite(bottom) && bottom < low / high ? bottom : low / high;
            ratio->high = isfinite(top) ? fmax(top, low / high) : NAN;
            ratio->reason = isfinite(top) ? NULL : "the upper end is not bounded";
        } else {
            ratio->reason = "no confident answer is harmful, so the ratio is infinite";
        }
    }
    sc_free(draws);
}

struct point {
    double score;
    size_t i;
};

static int by_score(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->score < y->score)
        return -1;
    if (x->score > y->score)
        return 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

/* Placement of each observation: for a positive the share of negatives that it beats, for a negative
 * the share of positives that beat it; ties count half. */
static void find_placements(const struct point *points, const bool *outcome, size_t n, double n_pos,
                            double n_neg, double *placement)
{
    double pos_below = 0, neg_below = 0;
    for (size_t begin = 0; begin < n;) {
        size_t end = begin;
        double pos = 0, neg = 0;
        while (end < n && points[end].score <= points[begin].score) {
            if (outcome[points[end].i])
                pos++;
            else
                neg++;
            end++;
        }
        for (size_t k = begin; k < end; k++) {
            size_t i = points[k].i;
            placement[i] = outcome[i] ? (neg_below + neg / 2) / n_neg
                                      : (n_pos - pos_below - pos + pos / 2) / n_pos;
        }
        pos_below += pos;
        neg_below += neg;
        begin = end;
    }
}

/* Sums over clusters of placements minus their expectation, and how many of each kind. */
struct cluster_sum {
    double pos, neg;
    size_t n_pos, n_neg;
};

/* Variance of the area: equation 2 of Obuchowski (1997). */
static double obuchowski_variance(const struct cluster_sum *sums, size_t n_clusters, double n_pos,
                                  double n_neg)
{
    double s10 = 0, s01 = 0, s11 = 0, i10 = 0, i01 = 0, all = 0;
    for (size_t c = 0; c < n_clusters; c++) {
        if (sums[c].n_pos + sums[c].n_neg == 0)
            continue;
        all++;
        i10 += sums[c].n_pos > 0;
        i01 += sums[c].n_neg > 0;
        s10 += sums[c].pos * sums[c].pos;
        s01 += sums[c].neg * sums[c].neg;
        s11 += sums[c].pos * sums[c].neg;
    }
    if (i10 < 2 || i01 < 2)
        return NAN;
    s10 *= i10 / ((i10 - 1) * n_pos);
    s01 *= i01 / ((i01 - 1) * n_neg);
    s11 *= all / (all - 1);
    return s10 / n_pos + s01 / n_neg + 2 * s11 / (n_pos * n_neg);
}

struct sc_estimate sc_cluster_auroc(const double *score, const bool *outcome, const size_t *cluster,
                                    size_t n, size_t n_clusters, struct sc_error *error)
{
    double n_pos = 0, n_neg = 0;
    for (size_t i = 0; i < n; i++) {
        if (outcome[i])
            n_pos++;
        else
            n_neg++;
    }
    if (n_pos < 1 || n_neg < 1)
        return sc_estimate_none(n, "needs traces of both outcomes");
    struct sc_estimate out = sc_estimate_none(n, "out of memory");
    struct point *points = sc_alloc_array(n, sizeof *points);
    double *placement = sc_alloc_array(n, sizeof *placement);
    struct cluster_sum *sums = sc_alloc_zero(n_clusters, sizeof *sums);
    if (!points || !placement || !sums) {
        sc_fail_nomem(error, "area under the curve");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        points[i] = (struct point){score[i], i};
    qsort(points, n, sizeof *points, by_score);
    find_placements(points, outcome, n, n_pos, n_neg, placement);
    double area = 0;
    for (size_t i = 0; i < n; i++)
        area += outcome[i] ? placement[i] : 0;
    area /= n_pos;
    for (size_t i = 0; i < n; i++) {
        struct cluster_sum *s = &sums[cluster[i]];
        if (outcome[i]) {
            s->pos += placement[i] - area;
            s->n_pos++;
        } else {
            s->neg += placement[i] - area;
            s->n_neg++;
        }
    }
    out = (struct sc_estimate){area, NAN, NAN, n, NULL};
    double variance = obuchowski_variance(sums, n_clusters, n_pos, n_neg);
    if (isnan(variance)) {
        out.reason = "too few prompts of one outcome for an interval";
    } else {
        double half = Z95 * sqrt(fmax(variance, 0));
        out.low = fmax(0, area - half);
        out.high = fmin(1, area + half);
    }
done:
    sc_free(points);
    sc_free(placement);
    sc_free(sums);
    return out;
}
