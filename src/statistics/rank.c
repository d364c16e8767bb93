/*
 * rank.c - what depends on the order of scores alone: ROC area, Mann-Whitney, risk-coverage.
 *
 * All three sort once and then walk groups of equal scores.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "statistics/internal.h"

struct scored {
    double score;
    bool positive;
};

static int compare_scored(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x > y) - (x < y);
}

/* A run of equal scores: how many of each class it holds, and how many come before it. */
struct tie {
    size_t end;
    double n_pos, n_neg, pos_before, neg_before;
};

/* Moves to the next run; start with {0}.  False at the end. */
static bool next_tie(const struct scored *sorted, size_t n, struct tie *tie)
{
    size_t begin = tie->end;
    if (begin >= n)
        return false;
    tie->pos_before += tie->n_pos;
    tie->neg_before += tie->n_neg;
    tie->n_pos = tie->n_neg = 0;
    for (; tie->end < n && sorted[tie->end].score == sorted[begin].score; tie->end++) {
        if (sorted[tie->end].positive)
            tie->n_pos++;
        else
            tie->n_neg++;
    }
    return true;
}

/* A sorted copy of x (positive) and y; NULL when out of memory. */
static struct scored *sorted_copy(size_t n, struct sc_error *error)
{
    struct scored *copy = sc_alloc_array(n, sizeof *copy);
    if (copy == NULL)
        sc_fail_nomem(error, "scores to be ranked");
    return copy;
}

/* Share of (positive, negative) pairs in which the positive scores higher, ties half. */
static double concordance(const struct scored *sorted, size_t n, double n_pos, double n_neg)
{
    struct tie tie = {0};
    double pairs = 0; /* multiples of 1/2: exact below 2^52 */
    while (next_tie(sorted, n, &tie))
        pairs += tie.n_pos * (tie.neg_before + tie.n_neg / 2);
    return pairs / (n_pos * n_neg);
}

/* DeLong, DeLong and Clarke-Pearson's variance of the area (1988).  The placements of a class are
 * the same within a tie, so one walk over sorted scores suffices (as with the midranks of Sun and
 * Xu, 2014).  NaN when a class has one member. */
static double delong_variance(const struct scored *sorted, size_t n, double n_pos, double n_neg,
                              double area)
{
    if (n_pos < 2 || n_neg < 2)
        return NAN;
    struct tie tie = {0};
    struct sc_sum pos = {0}, neg = {0};
    while (next_tie(sorted, n, &tie)) {
        double below = (tie.neg_before + tie.n_neg / 2) / n_neg;
        double above = (n_pos - tie.pos_before - tie.n_pos / 2) / n_pos;
        sc_sum_add(&pos, tie.n_pos * (below - area) * (below - area));
        sc_sum_add(&neg, tie.n_neg * (above - area) * (above - area));
    }
    return sc_sum_value(&pos) / (n_pos - 1) / n_pos + sc_sum_value(&neg) / (n_neg - 1) / n_neg;
}

struct sc_estimate sc_auroc(const double *score, const bool *outcome, size_t n,
                            struct sc_error *error)
{
    size_t n_pos = 0;
    for (size_t i = 0; i < n; i++)
        n_pos += outcome[i];
    size_t n_neg = n - n_pos;
    if (n_pos == 0 || n_neg == 0)
        return sc_estimate_none(n, "only one class is present");
    if (sc_has_nan(score, n))
        return sc_estimate_none(n, "a score is not a number");
    struct scored *sorted = sorted_copy(n, error);
    if (sorted == NULL)
        return sc_estimate_none(n, "out of memory");
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct scored){.score = score[i], .positive = outcome[i]};
    qsort(sorted, n, sizeof *sorted, compare_scored);

    double pos = (double)n_pos, neg = (double)n_neg;
    struct sc_estimate out = {.value = concordance(sorted, n, pos, neg), .n = n};
    double variance = delong_variance(sorted, n, pos, neg, out.value);
    sc_free(sorted);
    if (variance > 0) {
        double half = SC_Z95 * sqrt(variance);
        out.low = out.value - half < 0 ? 0 : out.value - half;
        out.high = out.value + half > 1 ? 1 : out.value + half;
    } else {
        sc_wilson_limits(out.value, pos < neg ? pos : neg, &out.low, &out.high);
    }
    return out;
}

double sc_mann_whitney(const double *x, size_t n_x, const double *y, size_t n_y, double *u,
                       struct sc_error *error)
{
    if (u != NULL)
        *u = NAN;
    if (n_x == 0 || n_y == 0 || sc_has_nan(x, n_x) || sc_has_nan(y, n_y))
        return NAN;
    size_t n = n_x + n_y;
    struct scored *sorted = sorted_copy(n, error);
    if (sorted == NULL)
        return NAN;
    for (size_t i = 0; i < n; i++)
        sorted[i] = i < n_x ? (struct scored){.score = x[i], .positive = true}
                            : (struct scored){.score = y[i - n_x], .positive = false};
    qsort(sorted, n, sizeof *sorted, compare_scored);

    double a = (double)n_x, b = (double)n_y, total = a + b;
    double observed = concordance(sorted, n, a, b) * (a * b), ties = 0;
    struct tie tie = {0};
    while (next_tie(sorted, n, &tie)) {
        double t = tie.n_pos + tie.n_neg;
        ties += t * (t * t - 1);
    }
    sc_free(sorted);
    if (u != NULL)
        *u = observed;
    double variance = a * b / 12 * (total + 1 - ties / (total * (total - 1)));
    double z = fabs(observed - a * b / 2) - 0.5;
    if (!(variance > 0) || z <= 0)
        return 1;
    return erfc(z / sqrt(2 * variance));
}

double sc_aurc(const double *score, const bool *harmful, size_t n, struct sc_error *error)
{
    if (n == 0 || sc_has_nan(score, n))
        return NAN;
    struct scored *sorted = sorted_copy(n, error);
    if (sorted == NULL)
        return NAN;
    for (size_t i = 0; i < n; i++) /* the highest score first */
        sorted[i] = (struct scored){.score = -score[i], .positive = harmful[i]};
    qsort(sorted, n, sizeof *sorted, compare_scored);
    struct tie tie = {0};
    struct sc_sum risk = {0};
    while (next_tie(sorted, n, &tie)) {
        double size = tie.n_pos + tie.n_neg, before = tie.pos_before + tie.neg_before;
        for (double i = 1; i <= size; i++)
            sc_sum_add(&risk, (tie.pos_before + tie.n_pos * (i / size)) / (before + i));
    }
    sc_free(sorted);
    return sc_sum_value(&risk) / (double)n;
}
