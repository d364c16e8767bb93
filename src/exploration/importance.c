/* See importance.h. */
#include "exploration/importance.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "base/memory.h"

#define Z99 2.5758293035489004 /* 99.5 % quantile of the standard normal distribution */

/* log(a e^x + b e^y); a or b may be 0. */
static double log_mixture(double a, double x, double b, double y)
{
    double of_x = a > 0 ? log(a) + x : -INFINITY, of_y = b > 0 ? log(b) + y : -INFINITY;
    double high = of_x > of_y ? of_x : of_y, low = of_x > of_y ? of_y : of_x;
    return isfinite(high) ? high + log1p(exp(low - high)) : high;
}

static void weigh(const struct sc_importance_traces *t, double *weights)
{
    double a = (double)t->n_model / (double)t->n;
    for (size_t i = 0; i < t->n; i++) {
        double p = t->log_model[i];
        /* A trace that the model cannot give counts for nothing. */
        weights[i] = isfinite(p) ? exp(p - log_mixture(a, p, 1 - a, t->log_proposal[i])) : 0;
    }
}

/* Whether trace i is counted. */
typedef bool counted(const struct sc_importance_traces *t, size_t i);

static bool is_any(const struct sc_importance_traces *t, size_t i)
{
    (void)t;
    (void)i;
    return true;
}

static bool is_event(const struct sc_importance_traces *t, size_t i)
{
    return t->event[i];
}

static bool is_no_event(const struct sc_importance_traces *t, size_t i)
{
    return !t->event[i];
}

static bool is_proposable(const struct sc_importance_traces *t, size_t i)
{
    return t->log_proposal[i] > -INFINITY;
}

/* Of the weights of those that are counted. */
struct moments {
    double mean, sum, squares, largest; /* mean: over all traces */
    double variance;                    /* of the mean */
};

/* The unbiased variance of the sum over traces [begin, end), drawn independently from one
 * distribution; 0 for fewer than two. */
static double sum_variance(const struct sc_importance_traces *t, const double *weights,
                           counted *counts, size_t begin, size_t end)
{
    if (end < begin + 2)
        return 0;
    double n = (double)(end - begin), mean = 0, squares = 0;
    for (size_t i = begin; i < end; i++)
        mean += counts(t, i) ? weights[i] / n : 0;
    for (size_t i = begin; i < end; i++) {
        double from_mean = (counts(t, i) ? weights[i] : 0) - mean;
        squares += from_mean * from_mean;
    }
    return squares * n / (n - 1);
}

static struct moments moments_of(const struct sc_importance_traces *t, const double *weights,
                                 counted *counts)
{
    struct moments m = {0};
    double n = (double)t->n;
    for (size_t i = 0; i < t->n; i++) {
        if (!counts(t, i))
            continue;
        m.sum += weights[i];
        m.squares += weights[i] * weights[i];
        m.largest = weights[i] > m.largest ? weights[i] : m.largest;
    }
    m.mean = m.sum / n;
    /* How many are drawn from each of the two is fixed: they are strata. */
    m.variance = (sum_variance(t, weights, counts, 0, t->n_model) +
                  sum_variance(t, weights, counts, t->n_model, t->n)) /
                 (n * n);
    return m;
}

static double effective(const struct moments *m)
{
    return m->squares > 0 ? m->sum * m->sum / m->squares : 0;
}

/* Quantile of the gamma distribution of this mean and variance. */
static double gamma_quantile(double q, double mean, double variance)
{
    if (!(mean > 0) || !(variance > 0))
        return mean;
    double shape = mean * mean / variance;
    if (shape > 1e6) /* as good as normal, and slow to be had otherwise */
        return mean + gsl_cdf_ugaussian_Pinv(q) * sqrt(variance);
    return gsl_cdf_gamma_Pinv(q, shape, variance / mean);
}

static void find_interval(const struct sc_importance_traces *t, const struct moments *event,
                          struct sc_estimate *estimate)
{
    double more;
    if (effective(event) >= SC_IMPORTANCE_LEAST_EFFECTIVE) {
        more = event->squares / event->sum / (double)t->n;
    } else if (t->n_model > 0) {
        more = 1 / (double)t->n_model; /* a weight of 1 / a among n */
    } else {
        estimate->reason = "too few traces of the event tell its probability";
        return;
    }
    estimate->low = gamma_quantile(0.025, event->mean, event->variance);
    estimate->high = gamma_quantile(0.975, event->mean + more, event->variance + more * more);
}

static double clip(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x; /* NaN stays */
}

static void find_estimate(const struct sc_importance_traces *t, const double *weights,
                          struct sc_importance *out)
{
    const struct moments all = moments_of(t, weights, is_any);
    const struct moments covered = moments_of(t, weights, is_proposable);
    struct sc_estimate *e = &out->estimate;
    out->effective = effective(&all);
    out->largest_weight_share = all.sum > 0 ? all.largest / all.sum : NAN;
    out->covered = clip(t->n_model > 0 ? covered.sum / all.sum : covered.mean);
    out->gap =
        t->n_model > 0 ? covered.sum < all.sum : covered.mean + Z99 * sqrt(covered.variance) < 1;
    if (out->effective < SC_IMPORTANCE_LEAST_EFFECTIVE ||
        out->effective < SC_IMPORTANCE_LEAST_SHARE * (double)t->n) {
        e->reason = "too few effective traces: the proposal is too far from the model";
        return;
    }
    struct moments event = moments_of(t, weights, is_event);
    out->normalised = event.sum / all.sum;
    /* Where nothing is left out, the two events' probabilities sum to 1: the rarer one is told. */
    bool complete = t->n_model > 0 || !out->gap, turned = complete && out->normalised > 0.5;
    if (turned)
        event = moments_of(t, weights, is_no_event);
    out->effective_events = effective(&event);
    e->value = event.mean;
    find_interval(t, &event, e);
    if (turned) {
        double low = 1 - e->high;
        e->value = 1 - e->value;
        e->high = 1 - e->low;
        e->low = low;
    }
    e->value = clip(e->value);
    e->low = clip(e->low);
    e->high = clip(e->high);
    if (!complete && e->reason == NULL)
        e->reason = "of the answers alone that the proposal gives";
}

enum sc_status sc_importance_estimate(const struct sc_importance_traces *traces,
                                      struct sc_importance *out, struct sc_error *error)
{
    assert(traces->n_model <= traces->n);
    *out = (struct sc_importance){.estimate = {NAN, NAN, NAN, traces->n, NULL},
                                  .normalised = NAN,
                                  .largest_weight_share = NAN,
                                  .covered = NAN};
    if (traces->n == 0) {
        out->estimate.reason = "no traces";
        return SC_OK;
    }
    double *weights = sc_alloc_array(traces->n, sizeof *weights);
    if (weights == NULL)
        return sc_fail_nomem(error, "importance sampling");
    weigh(traces, weights);
    find_estimate(traces, weights, out);
    sc_free(weights);
    return SC_OK;
}
