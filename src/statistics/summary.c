/*
 * summary.c - means, percentiles, entropy; and what the other files of this room share.
 *
 * Owns the compensated sum and sorting.  Refuses NaN by returning NaN.  Read next: proportion.c.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "statistics/internal.h"

struct sc_estimate sc_estimate_none(size_t n, const char *reason)
{
    return (struct sc_estimate){.value = NAN, .low = NAN, .high = NAN, .n = n, .reason = reason};
}

void sc_sum_add(struct sc_sum *sum, double x)
{
    double total = sum->sum + x;
    if (fabs(sum->sum) >= fabs(x))
        sum->rest += (sum->sum - total) + x;
    else
        sum->rest += (x - total) + sum->sum;
    sum->sum = total;
}

double sc_sum_value(const struct sc_sum *sum)
{
    /* An infinite sum has no remainder (inf - inf). */
    return isfinite(sum->sum) ? sum->sum + sum->rest : sum->sum;
}

bool sc_has_nan(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return true;
    return false;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sc_sort_doubles(double *x, size_t n)
{
    if (n > 1)
        qsort(x, n, sizeof *x, compare_doubles);
}

double sc_mean(const double *x, size_t n)
{
    struct sc_sum sum = {0};
    for (size_t i = 0; i < n; i++)
        sc_sum_add(&sum, x[i]);
    return n == 0 ? NAN : sc_sum_value(&sum) / (double)n;
}

double sc_variance(const double *x, size_t n)
{
    if (n < 2)
        return NAN;
    double mean = sc_mean(x, n);
    struct sc_sum squares = {0};
    for (size_t i = 0; i < n; i++)
        sc_sum_add(&squares, (x[i] - mean) * (x[i] - mean));
    return sc_sum_value(&squares) / (double)(n - 1);
}

double sc_sorted_percentile(const double *x, size_t n, double q)
{
    double position = q / 100 * (double)(n - 1);
    size_t below = (size_t)position;
    if (below >= n - 1)
        return x[n - 1];
    double fraction = position - (double)below;
    if (x[below] == x[below + 1]) /* also where both are infinite */
        return x[below];
    return x[below] + fraction * (x[below + 1] - x[below]);
}

double sc_percentile(const double *x, size_t n, double q, double *scratch)
{
    if (n == 0 || !(q >= 0 && q <= 100) || sc_has_nan(x, n))
        return NAN;
    memmove(scratch, x, n * sizeof *x);
    sc_sort_doubles(scratch, n);
    return sc_sorted_percentile(scratch, n, q);
}

double sc_entropy_of_counts(const size_t *counts, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (double)counts[i];
    if (total <= 0)
        return NAN;
    struct sc_sum sum = {0};
    for (size_t i = 0; i < n; i++)
        if (counts[i] > 0)
            sc_sum_add(&sum, (double)counts[i] / total * log(total / (double)counts[i]));
    return sc_sum_value(&sum);
}

struct sc_estimate sc_mean_t(const double *x, size_t n)
{
    if (n == 0)
        return sc_estimate_none(0, "no values");
    if (sc_has_nan(x, n))
        return sc_estimate_none(n, "a value is not a number");
    struct sc_estimate out = {.value = sc_mean(x, n), .low = NAN, .high = NAN, .n = n};
    if (n == 1)
        return out;
    double half = sc_t_quantile((double)(n - 1)) * sqrt(sc_variance(x, n) / (double)n);
    out.low = out.value - half;
    out.high = out.value + half;
    return out;
}
