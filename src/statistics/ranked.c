/*
 * ranked.c - scores are sorted once; a resample gives each cluster a weight, and one walk over
 * groups of equal scores gives the areas or the curves of SC_LANES resamples.
 *
 * The lanes do the same additions in the same order as one resample by itself would, so that what
 * comes out does not depend on how many are walked together, nor on the instruction set.
 */
#include "statistics/ranked.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { POSITIVE = 1, ENDS_GROUP = 2, CLUSTER_SHIFT = 2 };

/* ---- the order ------------------------------------------------------------------------------- */

struct scored {
    double score;
    uint32_t cluster;
    bool positive;
};

static int highest_first(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x < y) - (x > y);
}

enum sc_status sc_ranked_make(const struct sc_scores *data, bool lowest_first,
                              struct sc_ranked *out, struct sc_error *error)
{
    assert(data->n_clusters <= SC_MOST_RANKED_CLUSTERS);
    size_t n = data->n;
    struct scored *sorted = sc_alloc_array(n, sizeof *sorted);
    *out = (struct sc_ranked){sc_alloc_array(n, sizeof *out->members), n};
    if (sorted == NULL || out->members == NULL) {
        sc_free(sorted);
        sc_ranked_free(out);
        return sc_fail_nomem(error, "scores to be ranked");
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct scored){lowest_first ? -data->score[i] : data->score[i],
                                    (uint32_t)data->cluster[i], data->outcome[i]};
    qsort(sorted, n, sizeof *sorted, highest_first);
    for (size_t i = 0; i < n; i++) {
        bool ends = i + 1 == n || sorted[i + 1].score != sorted[i].score;
        out->members[i] = sorted[i].cluster << CLUSTER_SHIFT | (ends ? ENDS_GROUP : 0) |
                          (sorted[i].positive ? POSITIVE : 0);
    }
    sc_free(sorted);
    return SC_OK;
}

void sc_ranked_free(struct sc_ranked *ranked)
{
    sc_free(ranked->members);
    *ranked = (struct sc_ranked){NULL, 0};
}

/* ---- weights --------------------------------------------------------------------------------- */

enum sc_status sc_weights_make(size_t n_clusters, struct sc_weights *out, struct sc_error *error)
{
    *out = (struct sc_weights){
        sc_alloc_aligned(sc_size_mul(n_clusters, SC_LANES * sizeof *out->of)), n_clusters};
    return out->of != NULL ? SC_OK : sc_fail_nomem(error, "weights of resampled prompts");
}

void sc_weights_free(struct sc_weights *weights)
{
    sc_free(weights->of);
}

void sc_weights_set_ones(struct sc_weights *weights)
{
    for (size_t i = 0; i < weights->n_clusters * SC_LANES; i++)
        weights->of[i] = 1;
}

void sc_weights_draw(struct sc_weights *weights, struct sc_random *random, size_t n)
{
    enum { PICKS = 256 };
    uint32_t picks[PICKS];
    size_t n_clusters = weights->n_clusters;
    assert(n <= SC_LANES);
    memset(weights->of, 0, n_clusters * SC_LANES * sizeof *weights->of);
    for (size_t lane = 0; lane < n; lane++)
        for (size_t done = 0, now; done < n_clusters; done += now) {
            now = n_clusters - done < PICKS ? n_clusters - done : PICKS;
            sc_random_fill_below(random, n_clusters, picks, now);
            for (size_t i = 0; i < now; i++)
                weights->of[picks[i] * (size_t)SC_LANES + lane]++;
        }
}

/* ---- lanes ----------------------------------------------------------------------------------- */

typedef double lanes __attribute__((vector_size(SC_LANES * sizeof(double))));
typedef int64_t masks __attribute__((vector_size(SC_LANES * sizeof(int64_t))));
typedef int32_t counts __attribute__((vector_size(SC_LANES * sizeof(int32_t))));

#define INLINE static inline __attribute__((always_inline))

/* Vectors go by address: how they are passed by value depends on the instruction set. */
INLINE void load_weight(const struct sc_weights *weights, uint32_t member, lanes *out)
{
    counts w;
    memcpy(&w, weights->of + (size_t)(member >> CLUSTER_SHIFT) * SC_LANES, sizeof w);
    *out = __builtin_convertvector(w, lanes);
}

/* The weight where the member is positive, else 0. */
INLINE void load_positive(const lanes *weight, uint32_t member, lanes *out)
{
    *out = (lanes)((masks)*weight & -(int64_t)(member & POSITIVE));
}

/* Sums with compensation, as sc_sum_add makes them: what is lost is exact in both (Knuth's way
 * takes no decision), so the bits are the same. */
struct lane_sums {
    lanes sum, rest;
};

INLINE void add(struct lane_sums *sums, const lanes *x)
{
    lanes total = sums->sum + *x, kept = total - sums->sum;
    sums->rest += (sums->sum - (total - kept)) + (*x - kept);
    sums->sum = total;
}

/* Of weights, whole numbers all, which is why the order of their additions does not matter. */
struct passed {
    lanes positive, all;
};

INLINE void walk_precision(const struct sc_ranked *ranked, const struct sc_weights *weights,
                           double *areas)
{
    const lanes zero = {0}, one = zero + 1;
    struct lane_sums area = {zero, zero};
    struct passed before = {zero, zero}, group = {zero, zero};
    for (size_t i = 0; i < ranked->n; i++) {
        lanes weight, positive;
        load_weight(weights, ranked->members[i], &weight);
        load_positive(&weight, ranked->members[i], &positive);
        before.all += weight;
        group.positive += positive;
        if (!(ranked->members[i] & ENDS_GROUP))
            continue;
        before.positive += group.positive;
        /* Where nothing was drawn yet there is no positive either: 0 is added, not 0 / 0. */
        lanes all = before.all + (lanes)((before.all == zero) & (masks)one);
        lanes gain = group.positive * (before.positive / all);
        add(&area, &gain);
        group.positive = zero;
    }
    for (int l = 0; l < SC_LANES; l++)
        areas[l] = before.positive[l] > 0 ? (area.sum[l] + area.rest[l]) / before.positive[l] : NAN;
}

/* The greatest of them, which is a whole number. */
INLINE double greatest(const lanes *x)
{
    double most = 0;
    for (int l = 0; l < SC_LANES; l++)
        most = (*x)[l] > most ? (*x)[l] : most;
    return most;
}

/* Within a group of equal scores, the expectation over its order. */
INLINE void walk_risk(const struct sc_ranked *ranked, const struct sc_weights *weights,
                      double *areas)
{
    const lanes zero = {0};
    struct lane_sums risk = {zero, zero};
    struct passed before = {zero, zero}, group = {zero, zero};
    for (size_t i = 0; i < ranked->n; i++) {
        lanes weight, positive;
        load_weight(weights, ranked->members[i], &weight);
        load_positive(&weight, ranked->members[i], &positive);
        group.all += weight;
        group.positive += positive;
        if (!(ranked->members[i] & ENDS_GROUP))
            continue;
        double steps = greatest(&group.all);
        for (double step = 1; step <= steps; step++) {
            lanes taken = zero + step;
            lanes share =
                (before.positive + group.positive * (taken / group.all)) / (before.all + taken);
            share = (lanes)((taken <= group.all) & (masks)share); /* a lane that is done adds 0 */
            add(&risk, &share);
        }
        before.positive += group.positive;
        before.all += group.all;
        group = (struct passed){zero, zero};
    }
    for (int l = 0; l < SC_LANES; l++)
        areas[l] = before.all[l] > 0 ? (risk.sum[l] + risk.rest[l]) / before.all[l] : NAN;
}

/* A curve that is walked: what its axis counts is all members, or those that are not positive. */
struct walk {
    enum sc_rank_curve kind;
    size_t n_points;
    struct passed total;
    lanes across;           /* of the axis, all in all */
    lanes next;             /* where on it the next point lies; infinite after the last */
    size_t point[SC_LANES]; /* the next one */
    double *y;
};

static double point_at(const struct walk *walk, int l)
{
    if (walk->point[l] == walk->n_points)
        return (double)INFINITY;
    return walk->across[l] * (double)walk->point[l] / (double)(walk->n_points - 1);
}

/* The points of one lane that lie within a group of equal scores. */
static void put_points(struct walk *walk, int l, double before_across, double before_up,
                       double group_across, double group_up)
{
    while (walk->next[l] < before_across + group_across) {
        double target = walk->next[l], value;
        if (walk->kind == SC_RISK_CURVE && target <= 0) {
            value = group_up / group_across;
        } else {
            double up = before_up + group_up * ((target - before_across) / group_across);
            value = walk->kind == SC_RISK_CURVE ? up / target : up / walk->total.positive[l];
        }
        walk->y[(size_t)l * walk->n_points + walk->point[l]++] = value;
        walk->next[l] = point_at(walk, l);
    }
}

INLINE void total_weights(const struct sc_ranked *ranked, const struct sc_weights *weights,
                          struct passed *total)
{
    for (size_t i = 0; i < ranked->n; i++) {
        lanes weight, positive;
        load_weight(weights, ranked->members[i], &weight);
        load_positive(&weight, ranked->members[i], &positive);
        total->all += weight;
        total->positive += positive;
    }
}

INLINE bool any(const masks *x)
{
    int64_t found = 0;
    for (int l = 0; l < SC_LANES; l++)
        found |= (*x)[l];
    return found != 0;
}

/* From total weights and the first points on. */
INLINE void walk_curve(const struct sc_ranked *ranked, const struct sc_weights *weights,
                       struct walk *walk)
{
    const lanes zero = {0};
    bool roc = walk->kind == SC_ROC_CURVE;
    lanes before_across = zero, before_up = zero;
    struct passed group = {zero, zero};
    for (size_t i = 0; i < ranked->n; i++) {
        lanes weight, positive;
        load_weight(weights, ranked->members[i], &weight);
        load_positive(&weight, ranked->members[i], &positive);
        group.all += weight;
        group.positive += positive;
        if (!(ranked->members[i] & ENDS_GROUP))
            continue;
        lanes across = group.all;
        if (roc)
            across -= group.positive;
        masks reached = walk->next < before_across + across;
        if (any(&reached))
            for (int l = 0; l < SC_LANES; l++)
                put_points(walk, l, before_across[l], before_up[l], across[l], group.positive[l]);
        before_across += across;
        before_up += group.positive;
        group = (struct passed){zero, zero};
    }
}

INLINE void walk_curves(const struct sc_ranked *ranked, const struct sc_weights *weights,
                        struct walk *walk, bool *exists)
{
    const lanes zero = {0};
    walk->total = (struct passed){zero, zero};
    total_weights(ranked, weights, &walk->total);
    walk->across = walk->total.all;
    if (walk->kind == SC_ROC_CURVE)
        walk->across -= walk->total.positive;
    for (int l = 0; l < SC_LANES; l++) {
        exists[l] =
            walk->across[l] > 0 && (walk->kind != SC_ROC_CURVE || walk->total.positive[l] > 0);
        walk->point[l] = exists[l] ? 0 : walk->n_points;
        walk->next[l] = point_at(walk, l);
    }
    walk_curve(ranked, weights, walk);
    for (int l = 0; l < SC_LANES; l++)
        for (; walk->point[l] < walk->n_points; walk->point[l]++)
            walk->y[(size_t)l * walk->n_points + walk->point[l]] =
                walk->kind == SC_ROC_CURVE ? 1 : walk->total.positive[l] / walk->total.all[l];
}

/* ---- for each instruction set ---------------------------------------------------------------- */

struct walks {
    void (*precision)(const struct sc_ranked *ranked, const struct sc_weights *weights,
                      double *areas);
    void (*risk)(const struct sc_ranked *ranked, const struct sc_weights *weights, double *areas);
    void (*curves)(const struct sc_ranked *ranked, const struct sc_weights *weights,
                   struct walk *walk, bool *exists);
};

#define WALKS(level, attribute)                                                                    \
    attribute static void precision_##level(const struct sc_ranked *ranked,                        \
                                            const struct sc_weights *weights, double *areas)       \
    {                                                                                              \
        walk_precision(ranked, weights, areas);                                                    \
    }                                                                                              \
    attribute static void risk_##level(const struct sc_ranked *ranked,                             \
                                       const struct sc_weights *weights, double *areas)            \
    {                                                                                              \
        walk_risk(ranked, weights, areas);                                                         \
    }                                                                                              \
    attribute static void curves_##level(const struct sc_ranked *ranked,                           \
                                         const struct sc_weights *weights, struct walk *walk,      \
                                         bool *exists)                                             \
    {                                                                                              \
        walk_curves(ranked, weights, walk, exists);                                                \
    }                                                                                              \
    static const struct walks walks_##level = {precision_##level, risk_##level, curves_##level};

WALKS(plain, )
#if defined(__x86_64__)
WALKS(avx2, __attribute__((target("avx2"))))
WALKS(avx512, __attribute__((target("avx512f,avx512vl,avx512dq"))))
#endif

static const struct walks *best_walks(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return &walks_avx512;
    if (__builtin_cpu_supports("avx2"))
        return &walks_avx2;
#endif
    return &walks_plain;
}

void sc_ranked_areas(enum sc_rank_area area, const struct sc_ranked *ranked,
                     const struct sc_weights *weights, double areas[SC_LANES])
{
    const struct walks *walks = best_walks();
    (area == SC_AVERAGE_PRECISION ? walks->precision : walks->risk)(ranked, weights, areas);
}

void sc_ranked_curves(enum sc_rank_curve curve, const struct sc_ranked *ranked,
                      const struct sc_weights *weights, size_t n_points, double *y,
                      bool exists[SC_LANES])
{
    struct walk walk = {.kind = curve, .n_points = n_points, .y = y};
    best_walks()->curves(ranked, weights, &walk, exists);
}
