/*
 * proportion.c - proportions of independent trials, and two-by-two tables.
 *
 * Trials that depend on one another (several traces of one prompt) belong to resample.c: the
 * intervals here would be too narrow for them.
 */
#include <float.h>
#include <math.h>

#include "statistics/internal.h"

#define MOST_COUNTED 9007199254740992.0 /* 2^53: counts are exact in a double */

void sc_wilson_limits(double proportion, double n, double *low, double *high)
{
    double z2 = SC_Z95 * SC_Z95;
    double centre = (proportion + z2 / (2 * n)) / (1 + z2 / n);
    double spread = proportion * (1 - proportion) / n + z2 / (4 * n * n);
    double half = SC_Z95 / (1 + z2 / n) * sqrt(spread < 0 ? 0 : spread);
    /* Exact at the ends, where the difference of two equal terms leaves dust. */
    *low = proportion <= 0 || centre - half < 0 ? 0 : centre - half;
    *high = proportion >= 1 || centre + half > 1 ? 1 : centre + half;
}

struct sc_estimate sc_wilson(size_t successes, size_t n)
{
    if (n == 0)
        return sc_estimate_none(0, "no trials");
    if (successes > n)
        return sc_estimate_none(n, "more successes than trials");
    struct sc_estimate out = {.value = (double)successes / (double)n, .n = n};
    sc_wilson_limits(out.value, (double)n, &out.low, &out.high);
    return out;
}

struct sc_estimate sc_wilson_of(double share, double n)
{
    if (!(n > 0) || !(share >= 0 && share <= 1))
        return sc_estimate_none(0, "no trials");
    struct sc_estimate out = {.value = share, .n = n < 1e15 ? (size_t)(n + 0.5) : 0};
    sc_wilson_limits(share, n, &out.low, &out.high);
    return out;
}

void sc_newcombe_limits(const struct sc_estimate *first, const struct sc_estimate *second,
                        double *low, double *high)
{
    double difference = first->value - second->value;
    *low = difference - hypot(first->value - first->low, second->high - second->value);
    *high = difference + hypot(first->high - first->value, second->value - second->low);
    *low = *low < -1 ? -1 : *low;
    *high = *high > 1 ? 1 : *high;
}

struct sc_estimate sc_newcombe(size_t s1, size_t n1, size_t s2, size_t n2)
{
    struct sc_estimate first = sc_wilson(s1, n1), second = sc_wilson(s2, n2);
    if (first.reason != NULL || second.reason != NULL)
        return sc_estimate_none(n1 + n2, first.reason != NULL ? first.reason : second.reason);
    struct sc_estimate out = {.value = first.value - second.value, .n = n1 + n2};
    sc_newcombe_limits(&first, &second, &out.low, &out.high);
    return out;
}

struct sc_estimate sc_risk_ratio(size_t s1, size_t n1, size_t s2, size_t n2)
{
    if (n1 == 0 || n2 == 0)
        return sc_estimate_none(n1 + n2, "no trials");
    if (s1 > n1 || s2 > n2)
        return sc_estimate_none(n1 + n2, "more successes than trials");
    if (s2 == 0)
        return sc_estimate_none(n1 + n2, "no event in the group of comparison");
    double a = (double)s1, b = (double)s2;
    struct sc_estimate out = {.value = a / (double)n1 / (b / (double)n2), .n = n1 + n2};
    if (s1 == 0) {
        out.high = NAN;
        return out;
    }
    double variance = 1 / a - 1 / (double)n1 + 1 / b - 1 / (double)n2;
    double half = SC_Z95 * sqrt(variance < 0 ? 0 : variance);
    out.low = out.value * exp(-half);
    out.high = out.value * exp(half);
    return out;
}

/* ---- Fisher's exact test --------------------------------------------------------------------- */

/* Below the normal range a product with a factor near 1 rounds back to itself: it would never reach
 * 0, and the walk would never end. */
#define VANISHED DBL_MIN

/* The first cell x of a table with fixed margins: rows r1 and r2, first column c1. */
struct margins {
    double r1, r2, c1, low, high, mode;
};

/* Probability of x + 1 relative to x. */
static double step_up(const struct margins *m, double x)
{
    return (m->r1 - x) * (m->c1 - x) / ((x + 1) * (m->r2 - m->c1 + x + 1));
}

/* Walks from the mode to one end.  Probabilities are relative to the mode's, so no logarithm of a
 * factorial is needed and nothing cancels; those that vanish beside the mode's end the walk.
 * Adds all to total, and those of at most `bound` to tail. */
static void walk(const struct margins *m, bool up, double bound, struct sc_sum *total,
                 struct sc_sum *tail)
{
    double p = 1;
    for (double x = m->mode; up ? x < m->high : x > m->low;) {
        p = up ? p * step_up(m, x) : p / step_up(m, x - 1);
        x += up ? 1 : -1;
        if (p < VANISHED)
            return;
        sc_sum_add(total, p);
        if (p <= bound)
            sc_sum_add(tail, p);
    }
}

static double relative_probability(const struct margins *m, double x)
{
    double p = 1;
    for (double at = m->mode; at < x && p >= VANISHED; at++)
        p *= step_up(m, at);
    for (double at = m->mode; at > x && p >= VANISHED; at--)
        p /= step_up(m, at - 1);
    return p < VANISHED ? 0 : p;
}

double sc_fisher_exact(size_t a, size_t b, size_t c, size_t d)
{
    double r1 = (double)a + (double)b, r2 = (double)c + (double)d, c1 = (double)a + (double)c;
    if (r1 + r2 > MOST_COUNTED)
        return NAN;
    if (r1 <= 0 || r2 <= 0 || c1 <= 0 || c1 >= r1 + r2)
        return 1;
    struct margins m = {.r1 = r1, .r2 = r2, .c1 = c1};
    m.low = c1 > r2 ? c1 - r2 : 0;
    m.high = r1 < c1 ? r1 : c1;
    m.mode = floor((r1 + 1) * ((c1 + 1) / (r1 + r2 + 2)));
    m.mode = m.mode < m.low ? m.low : m.mode > m.high ? m.high : m.mode;

    double bound = relative_probability(&m, (double)a) * (1 + 1e-7);
    struct sc_sum total = {.sum = 1}, tail = {.sum = bound >= 1 ? 1 : 0};
    walk(&m, true, bound, &total, &tail);
    walk(&m, false, bound, &total, &tail);
    double p = sc_sum_value(&tail) / sc_sum_value(&total);
    return p > 1 ? 1 : p;
}

double sc_at_k(size_t n, size_t c, size_t k)
{
    if (k > n || c > n)
        return NAN;
    if (k > n - c)
        return 1;
    /* C(n-c, k) / C(n, k) is symmetric in c and k: take the shorter product. */
    size_t n_factors = c < k ? c : k, other = c < k ? k : c;
    double none = 1;
    for (size_t i = 0; i < n_factors && none > 0; i++)
        none *= (double)(n - other - i) / (double)(n - i);
    return 1 - none;
}
