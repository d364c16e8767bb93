/*
 * Estimates over clusters of traces.  Owns the bootstrap of a ratio of two shares and the
 * clustered ROC area; refuses to give an interval where there is too little to resample.
 */
#include "analysis/cluster.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

#define Z95 1.959963984540054
#define MIN_CLUSTERS 5
#define RATIO_KEY 0x7a710 /* keeps these draws apart from those of other estimates */

void sc_estimate_cover(struct sc_estimate *estimate)
{
    if (estimate->low > estimate->value)
        estimate->low = estimate->value;
    if (estimate->high < estimate->value)
        estimate->high = estimate->value;
}

/* At a share that does not vary sc_cluster_proportion does not resample: Wilson's holds for few
 * too, but for one cluster. */
static bool is_same_share(const double *numerator, const double *denominator, size_t n)
{
    double first = -1;
    size_t n_used = 0;
    for (size_t i = 0; i < n; i++) {
        if (denominator[i] <= 0)
            continue;
        double share = numerator[i] / denominator[i];
        if (n_used++ && fabs(share - first) > 0)
            return false;
        first = share;
    }
    return n_used > 1;
}

struct sc_estimate sc_cluster_share(const struct sc_shares *shares, struct sc_draws draws,
                                    const char *reason, struct sc_error *error)
{
    const double *numerator = shares->numerator, *denominator = shares->denominator;
    size_t n = shares->n, n_resamples = draws.n, n_used = 0;
    bool is_share = shares->is_share;
    for (size_t i = 0; i < n; i++)
        n_used += denominator[i] > 0;
    if (n_used == 0)
        return sc_estimate_none(0, reason);
    if (n_used < MIN_CLUSTERS)
        n_resamples = n_resamples < 100 ? n_resamples : 100; /* their interval is not used */
    struct sc_estimate estimate =
        is_share ? sc_cluster_proportion(numerator, denominator, n, n_resamples, draws.seed, error)
                 : sc_cluster_ratio(numerator, denominator, n, n_resamples, draws.seed, error);
    sc_estimate_cover(&estimate);
    if (n_used < MIN_CLUSTERS && !(is_share && is_same_share(numerator, denominator, n))) {
        estimate.low = estimate.high = NAN;
        if (estimate.reason == NULL)
            estimate.reason = n_used == 1 ? "one prompt gives no interval"
                                          : "fewer than 5 prompts give no interval";
    }
    return estimate;
}

void sc_cluster_shares(const struct sc_share_wish *wishes, size_t n, struct sc_draws draws,
                       struct sc_error *error)
{
    struct sc_ratio ratios[SC_MOST_RATIOS];
    struct sc_estimate estimates[SC_MOST_RATIOS];
    const struct sc_share_wish *together[SC_MOST_RATIOS];
    size_t n_together = 0;
    assert(n <= SC_MOST_RATIOS);
    for (size_t k = 0; k < n; k++) {
        const struct sc_shares *s = &wishes[k].shares;
        size_t n_used = 0;
        for (size_t i = 0; i < s->n; i++)
            n_used += s->denominator[i] > 0;
        if (n_used < MIN_CLUSTERS) {
            *wishes[k].out = sc_cluster_share(s, draws, wishes[k].reason, error);
            continue;
        }
        ratios[n_together] = (struct sc_ratio){s->numerator, s->denominator, s->n, s->is_share};
        together[n_together++] = &wishes[k];
    }
    if (n_together > 0)
        sc_cluster_ratios(ratios, n_together, draws, estimates, error);
    for (size_t k = 0; k < n_together; k++) {
        sc_estimate_cover(&estimates[k]);
        *together[k]->out = estimates[k];
    }
}

/* Sums of both shares over drawn clusters (random) or over all of them (NULL). */
struct pair_sum {
    double above1, below1, above2, below2;
};

static struct pair_sum sum_pairs(const struct sc_shares *first, const struct sc_shares *second,
                                 struct sc_random *random)
{
    enum { PICKS = 256 };
    uint32_t picks[PICKS];
    struct pair_sum sum = {0, 0, 0, 0};
    for (size_t i = 0; i < first->n; i++) {
        if (random != NULL && i % PICKS == 0)
            sc_random_fill_below(random, first->n, picks,
                                 first->n - i < PICKS ? first->n - i : PICKS);
        size_t k = random != NULL ? picks[i % PICKS] : i;
        sum.above1 += first->numerator[k];
        sum.below1 += first->denominator[k];
        sum.above2 += second->numerator[k];
        sum.below2 += second->denominator[k];
    }
    return sum;
}

struct sc_estimate sc_cluster_share_ratio(const struct sc_shares *first,
                                          const struct sc_shares *second, struct sc_draws wanted,
                                          struct sc_error *error)
{
    assert(first->n == second->n);
    struct pair_sum all = sum_pairs(first, second, NULL);
    size_t n_all = (size_t)(all.below1 + all.below2 + 0.5), n_draws = 0, n_resamples = wanted.n;
    if (all.below1 <= 0 || all.below2 <= 0)
        return sc_estimate_none(n_all, "one side of the split is empty");
    if (all.above2 <= 0)
        return sc_estimate_none(n_all, "no harmful one among the confident, so no finite ratio");
    struct sc_estimate out = {all.above1 / all.below1 / (all.above2 / all.below2), NAN, NAN, n_all,
                              "too few prompts on one side for an interval"};
    double *draws = sc_alloc_array(sc_size_mul(n_resamples, 2), sizeof *draws);
    if (draws == NULL) {
        sc_fail_nomem(error, "bootstrap of a ratio");
        return out;
    }
    struct sc_random random = {SC_STREAM_STATISTICS, wanted.seed, RATIO_KEY, 0};
    for (size_t b = 0; b < n_resamples; b++) {
        struct pair_sum x = sum_pairs(first, second, &random);
        if (x.below1 > 0 && x.below2 > 0 && (x.above1 > 0 || x.above2 > 0))
            draws[n_draws++] = x.above2 > 0 ? x.above1 / x.below1 / (x.above2 / x.below2) : DBL_MAX;
    }
    if (n_draws >= n_resamples - n_resamples / 20) { /* at most 5 % left out */
        out.low = sc_percentile(draws, n_draws, 2.5, draws + n_resamples);
        out.high = sc_percentile(draws, n_draws, 97.5, draws + n_resamples);
        out.reason = NULL;
        sc_estimate_cover(&out);
        if (out.high > DBL_MAX / 1e6) {
            out.high = NAN;
            out.reason = "the upper end is not bounded";
        }
    }
    sc_free(draws);
    return out;
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

/* Placement of each observation: for a positive the share of negatives that it beats, for a
 * negative the share of positives that beat it; ties count half. */
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

/* Variance of the area: equation 2 of Obuchowski (1997).  *rarer: clusters of the rarer outcome. */
static double obuchowski_variance(const struct cluster_sum *sums, size_t n_clusters, double n_pos,
                                  double n_neg, double *rarer)
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
    *rarer = fmin(i10, i01);
    if (*rarer < 2)
        return NAN;
    s10 *= i10 / ((i10 - 1) * n_pos);
    s01 *= i01 / ((i01 - 1) * n_neg);
    s11 *= all / (all - 1);
    return s10 / n_pos + s01 / n_neg + 2 * s11 / (n_pos * n_neg);
}

/* p of the area being 1/2 on the logit scale (Pepe, 2003, ch. 5), on which the estimate is nearer
 * to normal than by the area itself when that is close to 0 or 1. */
static double logit_test(double area, double variance)
{
    if (!(area > 0 && area < 1))
        return NAN;
    double z = log(area / (1 - area)) * area * (1 - area) / sqrt(variance);
    return erfc(fabs(z) / sqrt(2.0));
}

struct sc_estimate sc_cluster_auroc(const struct sc_scores *scores, struct sc_error *error)
{
    return sc_cluster_auroc_test(scores, NULL, error);
}

struct sc_estimate sc_cluster_auroc_test(const struct sc_scores *scores, double *p,
                                         struct sc_error *error)
{
    const double *score = scores->score;
    const bool *outcome = scores->outcome;
    const size_t *cluster = scores->cluster, n = scores->n, n_clusters = scores->n_clusters;
    double n_pos = 0, n_neg = 0;
    if (p != NULL)
        *p = NAN;
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
    if (points == NULL || placement == NULL || sums == NULL) {
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
    double rarer, variance = obuchowski_variance(sums, n_clusters, n_pos, n_neg, &rarer);
    if (variance > 1e-12) {
        double half = Z95 * sqrt(variance);
        out.low = fmax(0, area - half);
        out.high = fmin(1, area + half);
        if (p != NULL)
            *p = logit_test(area, variance);
    } else { /* none, NaN, or rounding below 0: the formula would pretend to certainty */
        struct sc_estimate wilson = sc_wilson((size_t)(area * rarer + 0.5), (size_t)rarer);
        out.low = wilson.low;
        out.high = wilson.high;
        sc_estimate_cover(&out);
    }
done:
    sc_free(points);
    sc_free(placement);
    sc_free(sums);
    return out;
}
