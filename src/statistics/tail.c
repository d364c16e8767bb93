/*
 * tail.c - the largest of many probabilities: a Gumbel's tail through the largest seen.
 *
 * Where the tail is a Gumbel's, the share of units above a score is uniform on (0, 1), so that the
 * fit, in units of its own slope, errs by an amount whose distribution depends on n and the number
 * of points alone: intervals and the check come from drawing it, and are exact there.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/forecast.h"
#include "statistics/internal.h"

#define CHECK_KEY 0xfc2
#define LARGEST_KEY 0xfc3
#define ANY_KEY 0xfc4

static double score_of(double p)
{
    return -log(-log(p));
}

static double probability_of(double score)
{
    return exp(-exp(-score));
}

/* Least squares of log(i / n) on the scores, largest first. */
struct line {
    double slope, intercept, r_squared;
};

static struct line fit_line(const double *score, double n)
{
    double share[SC_TAIL_TOP];
    for (int i = 0; i < SC_TAIL_TOP; i++)
        share[i] = log((i + 1) / n);
    double x = sc_mean(score, SC_TAIL_TOP), y = sc_mean(share, SC_TAIL_TOP);
    double xx = 0, xy = 0, yy = 0;
    for (int i = 0; i < SC_TAIL_TOP; i++) {
        xx += (score[i] - x) * (score[i] - x);
        xy += (score[i] - x) * (share[i] - y);
        yy += (share[i] - y) * (share[i] - y);
    }
    struct line out = {.slope = xy / xx, .r_squared = xy * xy / (xx * yy)};
    out.intercept = y - out.slope * x;
    return out;
}

/* -log of the shares above the largest of n units: the scores where the tail is log share =
 * -score. Each share is the last times the largest of as many uniform numbers as are left. */
static void draw_scores(struct sc_random *random, double n, double *score)
{
    double below = 0; /* log of 1 - share */
    for (int i = 0; i < SC_TAIL_TOP; i++) {
        below += log(sc_random_next(random)) / (n - i);
        score[i] = -log(-expm1(below));
    }
}

/* The SC_TAIL_TOP largest of n, largest first. */
static void find_largest(const double *p, size_t n, double *top)
{
    size_t held = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = held < SC_TAIL_TOP ? held++ : SC_TAIL_TOP;
        for (; at > 0 && p[i] > top[at - 1]; at--)
            if (at < SC_TAIL_TOP)
                top[at] = top[at - 1];
        if (at < SC_TAIL_TOP)
            top[at] = p[i];
    }
}

static const char *why_not(const struct sc_probabilities *data, const double *top)
{
    int n_distinct = 1;
    if (data->n < SC_TAIL_LEAST)
        return "fewer than 30 prompts";
    if (top[SC_TAIL_TOP - 1] <= 0)
        return data->counted ? "fewer than ten prompts have a harmful answer: the others' "
                               "probabilities are not known from so few traces"
                             : "fewer than ten prompts have a probability above 0";
    if (top[0] >= 1)
        return data->counted ? "all answers to some prompt are harmful, so the largest "
                               "probability is not known from so few traces"
                             : "the largest probability is 1 already";
    for (int i = 1; i < SC_TAIL_TOP; i++)
        n_distinct += top[i] < top[i - 1];
    if (n_distinct < 5)
        return data->counted
                   ? "the largest rates take fewer than five values: too few traces to tell them "
                     "apart"
                   : "the largest probabilities are the same";
    return NULL;
}

enum sc_status sc_tail_fit(const struct sc_probabilities *data, struct sc_draws draws,
                           struct sc_tail *out, struct sc_error *error)
{
    double top[SC_TAIL_TOP] = {0}, score[SC_TAIL_TOP], n = (double)data->n;
    *out = (struct sc_tail){.n = data->n,
                            .mean = sc_mean(data->p, data->n),
                            .largest = NAN,
                            .slope = NAN,
                            .intercept = NAN,
                            .r_squared = NAN,
                            .check_p = NAN};
    for (size_t i = 0; i < data->n; i++) {
        if (!(data->p[i] >= 0 && data->p[i] <= 1))
            return sc_fail(error, SC_ERR_ARGUMENT, "tail: %g is no probability", data->p[i]);
        out->n_zero += data->p[i] <= 0;
    }
    find_largest(data->p, data->n, top);
    out->largest = data->n > 0 ? top[0] : NAN;
    out->reason = why_not(data, top);
    if (out->reason != NULL)
        return SC_OK;
    for (int i = 0; i < SC_TAIL_TOP; i++)
        score[i] = score_of(top[i]);
    struct line line = fit_line(score, n);
    out->slope = line.slope;
    out->intercept = line.intercept;
    out->r_squared = line.r_squared;
    size_t as_low = 0;
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, CHECK_KEY, 0};
    for (size_t r = 0; r < draws.n; r++) {
        draw_scores(&random, n, score);
        as_low += fit_line(score, n).r_squared <= line.r_squared;
    }
    out->check_p = (1 + (double)as_low) / (1 + (double)draws.n);
    return SC_OK;
}

struct sc_estimate sc_tail_largest(const struct sc_tail *fit, double n_units, struct sc_draws draws,
                                   struct sc_error *error)
{
    if (fit->reason != NULL)
        return sc_estimate_none(fit->n, fit->reason);
    double score[SC_TAIL_TOP], n = (double)fit->n;
    double at = -(log(n_units) + fit->intercept) / fit->slope;
    double *off = sc_alloc_array(draws.n ? draws.n : 1, sizeof *off);
    struct sc_estimate out = {probability_of(at), NAN, NAN, fit->n, "no resamples"};
    if (off == NULL) {
        sc_fail_nomem(error, "interval of the largest probability");
        return sc_estimate_none(fit->n, "out of memory");
    }
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, LARGEST_KEY, 0};
    for (size_t r = 0; r < draws.n; r++) {
        draw_scores(&random, n, score);
        struct line line = fit_line(score, n);
        /* the largest of further units: the least share, of a tail with slope -1 */
        double truth = -log(-expm1(log(sc_random_next(&random)) / n_units));
        off[r] = (truth + (log(n_units) + line.intercept) / line.slope) * -line.slope;
    }
    if (draws.n > 0) {
        sc_sort_doubles(off, draws.n);
        double low = at - sc_sorted_percentile(off, draws.n, 2.5) / fit->slope;
        double high = at - sc_sorted_percentile(off, draws.n, 97.5) / fit->slope;
        out.low = probability_of(low);
        out.high = probability_of(high);
        out.reason = NULL;
    }
    sc_free(off);
    return out;
}

/* Mean over units, each value between 0 and 1. */
static struct sc_estimate mean_over_units(const double *value, size_t n, struct sc_draws draws,
                                          struct sc_error *error)
{
    double *one = sc_alloc_array(n ? n : 1, sizeof *one);
    if (one == NULL) {
        sc_fail_nomem(error, "mean of the probabilities");
        return sc_estimate_none(n, "out of memory");
    }
    for (size_t i = 0; i < n; i++)
        one[i] = 1;
    struct sc_estimate mean =
        sc_cluster_proportion(value, one, n, draws.n, draws.seed ^ ANY_KEY, error);
    sc_free(one);
    return mean;
}

/* At least one of so many units, from the mean. */
static struct sc_estimate any_of(struct sc_estimate mean, double n_units)
{
    mean.value = -expm1(n_units * log1p(-mean.value));
    mean.low = -expm1(n_units * log1p(-mean.low));
    mean.high = -expm1(n_units * log1p(-mean.high));
    return mean;
}

struct sc_estimate sc_any_of_units(const struct sc_probabilities *data, double n_units,
                                   struct sc_draws draws, struct sc_error *error)
{
    return any_of(mean_over_units(data->p, data->n, draws, error), n_units);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Every third unit in `fitted`, the others' largest and the probability of any in out. */
static size_t split(const struct sc_probabilities *data, double *fitted,
                    struct sc_units_forecast *out)
{
    double none = 0; /* log of the probability that no unit that is held out succeeds */
    size_t n_fitted = 0;
    for (size_t i = 0; i < data->n; i++) {
        if (i % 3 == 0) {
            fitted[n_fitted++] = data->p[i];
            continue;
        }
        out->n_held_out++;
        none += log1p(-data->p[i]);
        out->seen_largest = fmax(out->seen_largest, data->p[i]); /* not NaN */
    }
    out->seen_any = out->n_held_out > 0 ? -expm1(none) : NAN;
    return n_fitted;
}

static enum sc_status forecast_held_out(const struct sc_probabilities *data, struct sc_draws draws,
                                        double *fitted, struct sc_units_forecast *out,
                                        struct sc_error *error)
{
    struct sc_probabilities part = {fitted, split(data, fitted, out), data->counted};
    double n = (double)out->n_held_out;
    SC_TRY(sc_tail_fit(&part, draws, &out->held_tail, error));
    if (out->n_held_out == 0)
        return SC_OK;
    out->held_largest = sc_tail_largest(&out->held_tail, n, draws, error);
    out->held_any = sc_any_of_units(&part, n, draws, error);
    return SC_OK;
}

enum sc_status sc_units_forecast(const struct sc_probabilities *data, struct sc_draws draws,
                                 struct sc_units_forecast *out, struct sc_error *error)
{
    *out = (struct sc_units_forecast){.seen_largest = NAN, .seen_any = NAN};
    out->held_largest = out->held_any = sc_estimate_none(0, "no prompts to hold out");
    SC_TRY(sc_tail_fit(data, draws, &out->tail, error));
    struct sc_estimate mean = mean_over_units(data->p, data->n, draws, error);
    for (int i = 0; i < SC_N_FURTHER; i++) {
        out->n_units[i] = (double)data->n * pow(10, i);
        out->largest[i] = sc_tail_largest(&out->tail, out->n_units[i], draws, error);
        out->any[i] = any_of(mean, out->n_units[i]);
    }
    double *fitted = sc_alloc_array(data->n ? data->n : 1, sizeof *fitted);
    if (fitted == NULL)
        return sc_fail_nomem(error, "prompts that are held out");
    enum sc_status status = forecast_held_out(data, draws, fitted, out, error);
    sc_free(fitted);
    return status;
}
