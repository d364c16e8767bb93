/*
 * stratified.c - shares from trials in strata, and the plain trials that would say as much.
 */
#include "statistics/stratified.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "statistics/internal.h"

/* The value below which Beta(a, b) lies with this probability, by halving: the distribution
 * function is monotone, and its inverse in the library may fail to converge for a of 1/2 and b in
 * thousands. */
static double beta_quantile(double probability, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 60 && high - low > 1e-13 * high; i++) {
        double middle = (low + high) / 2;
        if (gsl_cdf_beta_P(middle, a, b) < probability)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

void sc_jeffreys_limits(double x, double n, double *low, double *high)
{
    assert(n > 0 && x >= 0 && x <= n);
    *low = x <= 0 ? 0 : beta_quantile(0.025, x + 0.5, n - x + 0.5);
    *high = x >= n ? 1 : beta_quantile(0.975, x + 0.5, n - x + 0.5);
}

struct sc_stratified sc_stratified_share(const struct sc_stratum_trials *strata, size_t n_strata)
{
    struct sc_sum value = {0}, below = {0}, above = {0};
    for (size_t i = 0; i < n_strata; i++) {
        const struct sc_stratum_trials *s = &strata[i];
        double rate = s->successes / s->n, low, high;
        sc_jeffreys_limits(s->successes, s->n, &low, &high);
        sc_sum_add(&value, s->weight * rate);
        sc_sum_add(&below, s->weight * s->weight * (rate - low) * (rate - low));
        sc_sum_add(&above, s->weight * s->weight * (high - rate) * (high - rate));
    }
    double v = sc_sum_value(&value);
    return (struct sc_stratified){
        .value = v, .low = v - sqrt(sc_sum_value(&below)), .high = v + sqrt(sc_sum_value(&above))};
}

/* ---- plain trials ---------------------------------------------------------------------------- */

/* From here on the width at the rate itself is the expectation to four digits. */
#define MANY_EVENTS 1000.0
/* Terms of a binomial that are summed on either side of its middle, in standard deviations. */
#define REACH 9.0

static double width_at(double share, double n)
{
    double low, high;
    sc_wilson_limits(share, n, &low, &high);
    return high - low;
}

double sc_wilson_expected_width(double p, double n)
{
    assert(n > 0 && p >= 0 && p <= 1);
    double variance = n * p * (1 - p);
    if (p > 0.5) /* the width is the same, and the odds below stay small */
        return sc_wilson_expected_width(1 - p, n);
    if (variance > MANY_EVENTS || n < 1)
        return width_at(p, n);
    n = floor(n + 0.5);
    if (p <= 0)
        return width_at(p, n);
    double reach = REACH * sqrt(variance) + 20;
    double first = fmax(0, floor(n * p - reach)), last = fmin(n, ceil(n * p + reach));
    double total = 0, sum = 0, odds = p / (1 - p);
    double weight = 1; /* of k successes, relative to the first that is summed */
    for (double k = first; k <= last; k++) {
        total += weight;
        sum += weight * width_at(k / n, n);
        weight *= (n - k) / (k + 1) * odds;
    }
    return sum / total;
}

double sc_wilson_trials_for_width(double p, double width)
{
    if (!(p >= 0 && p <= 1) || !(width > 0 && width < 1))
        return NAN;
    double low = 1, high = 2;
    if (sc_wilson_expected_width(p, low) <= width)
        return 1;
    while (sc_wilson_expected_width(p, high) > width && high < 1e18)
        high *= 2;
    while (high - low > fmax(1, 1e-4 * low)) {
        double middle = floor((low + high) / 2);
        if (sc_wilson_expected_width(p, middle) > width)
            low = middle;
        else
            high = middle;
    }
    return high;
}
