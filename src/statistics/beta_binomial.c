/*
 * beta_binomial.c - success rates that differ between units (prompts): fit, extrapolation to more
 * trials, and whether the fit describes what was seen.
 *
 * The likelihood needs only how many units have more than j successes, more than j failures and
 * more than j trials (Griffiths, 1973): sums of logarithms, no gamma functions and no cancellation.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/internal.h"
#include "statistics/models.h"

#define EXTRAPOLATE_KEY 0xbb1 /* keep these draws apart from those of other estimates */
#define CHECK_KEY 0xbb2
#define MOST_TOTAL 1e6 /* of alpha + beta: rates are then equal for all that trials can show */
#define LEAST_TOTAL 1e-4

/* Units with more than j successes, failures, trials; each [most]. */
struct counts {
    size_t most;
    double *successes, *failures, *trials;
};

static bool counts_alloc(struct counts *c, size_t most)
{
    c->most = most;
    c->successes = sc_alloc_zero(sc_size_mul(most ? most : 1, 3), sizeof *c->successes);
    if (c->successes == NULL)
        return false;
    c->failures = c->successes + most;
    c->trials = c->failures + most;
    return true;
}

static void counts_clear(struct counts *c)
{
    memset(c->successes, 0, 3 * c->most * sizeof *c->successes);
}

static void counts_add(struct counts *c, size_t trials, size_t successes)
{
    for (size_t j = 0; j < successes; j++)
        c->successes[j]++;
    for (size_t j = 0; j < trials - successes; j++)
        c->failures[j]++;
    for (size_t j = 0; j < trials; j++)
        c->trials[j]++;
}

static double log_likelihood(const struct counts *c, double a, double b)
{
    struct sc_sum sum = {0};
    for (size_t j = 0; j < c->most && c->trials[j] > 0; j++) {
        double at = (double)j;
        if (c->successes[j] > 0)
            sc_sum_add(&sum, c->successes[j] * log(a + at));
        if (c->failures[j] > 0)
            sc_sum_add(&sum, c->failures[j] * log(b + at));
        sc_sum_add(&sum, -c->trials[j] * log(a + b + at));
    }
    return sc_sum_value(&sum);
}

/* First and second derivatives by log a and log b. */
struct slope {
    double a, b, aa, ab, bb;
};

static struct slope derive(const struct counts *c, double a, double b)
{
    double first_a = 0, first_b = 0, first_t = 0, second_a = 0, second_b = 0, second_t = 0;
    for (size_t j = 0; j < c->most && c->trials[j] > 0; j++) {
        double at = (double)j, s = c->successes[j], f = c->failures[j], t = c->trials[j];
        first_a += s / (a + at);
        second_a += s / ((a + at) * (a + at));
        first_b += f / (b + at);
        second_b += f / ((b + at) * (b + at));
        first_t += t / (a + b + at);
        second_t += t / ((a + b + at) * (a + b + at));
    }
    struct slope out = {.a = a * (first_a - first_t), .b = b * (first_b - first_t)};
    out.aa = out.a + a * a * (second_t - second_a);
    out.bb = out.b + b * b * (second_t - second_b);
    out.ab = a * b * second_t;
    return out;
}

/* One damped Newton step of (log a, log b); false when none gains anything. */
static bool climb(const struct counts *c, double *a, double *b, double *best, double *damping)
{
    struct slope s = derive(c, *a, *b);
    for (int attempt = 0; attempt < 40; attempt++) {
        double m11 = -s.aa + *damping, m22 = -s.bb + *damping, m12 = -s.ab;
        double determinant = m11 * m22 - m12 * m12;
        if (m11 > 0 && determinant > 0) {
            double da = (m22 * s.a - m12 * s.b) / determinant;
            double db = (m11 * s.b - m12 * s.a) / determinant;
            double size = fmax(fabs(da), fabs(db)), scale = size > 2 ? 2 / size : 1;
            double next_a = *a * exp(scale * da), next_b = *b * exp(scale * db);
            double found = log_likelihood(c, next_a, next_b);
            if (found > *best) {
                *a = next_a;
                *b = next_b;
                *best = found;
                *damping = *damping / 10;
                return true;
            }
            if (size < 1e-12)
                return false;
        }
        *damping = fmax(*damping * 10, 1e-8 * (fabs(s.aa) + fabs(s.bb) + 1));
    }
    return false;
}

/* Where the sum a + b has run away, only the mean is left: that of all trials together. */
static void hold_total(const struct counts *c, double total, struct sc_beta_binomial *fit)
{
    double successes = 0, trials = 0;
    for (size_t j = 0; j < c->most; j++) {
        successes += c->successes[j];
        trials += c->trials[j];
    }
    double mean = successes / trials;
    if (total < 1) { /* each unit all or nothing: its first trial says which */
        mean = (c->successes[0]) / (c->successes[0] + c->failures[0]);
    }
    fit->alpha = total * mean;
    fit->beta = total * (1 - mean);
}

static void fit_counts(const struct counts *c, struct sc_beta_binomial *fit)
{
    double successes = 0, failures = 0, damping = 0;
    fit->alpha = fit->beta = fit->mean = fit->correlation = fit->log_likelihood = NAN;
    for (size_t j = 0; j < c->most; j++) {
        successes += c->successes[j];
        failures += c->failures[j];
    }
    fit->reason = successes <= 0  ? "no trial succeeded"
                  : failures <= 0 ? "every trial succeeded"
                  : c->most < 2 || c->trials[1] <= 0
                      ? "no prompt has two traces, so rates cannot be told apart"
                      : NULL;
    if (fit->reason != NULL)
        return;
    double mean = successes / (successes + failures), a = 2 * mean, b = 2 - a;
    double best = log_likelihood(c, a, b);
    for (int step = 0; step < 500; step++)
        if (!climb(c, &a, &b, &best, &damping) || a + b > MOST_TOTAL || a + b < LEAST_TOTAL)
            break;
    fit->alpha = a;
    fit->beta = b;
    if (a + b > MOST_TOTAL || a + b < LEAST_TOTAL)
        hold_total(c, a + b > MOST_TOTAL ? MOST_TOTAL : LEAST_TOTAL, fit);
    fit->mean = fit->alpha / (fit->alpha + fit->beta);
    fit->correlation = 1 / (fit->alpha + fit->beta + 1);
    fit->log_likelihood = log_likelihood(c, fit->alpha, fit->beta);
}

static size_t most_trials(const size_t *trials, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = trials[i] > most ? trials[i] : most;
    return most;
}

enum sc_status sc_beta_binomial_fit(const struct sc_trials *data, struct sc_beta_binomial *out,
                                    struct sc_error *error)
{
    const size_t *trials = data->trials, *successes = data->successes;
    *out = (struct sc_beta_binomial){.reason = "no trials"};
    for (size_t i = 0; i < data->n; i++) {
        if (successes[i] > trials[i])
            return sc_fail(error, SC_ERR_ARGUMENT, "beta-binomial: %zu successes in %zu trials",
                           successes[i], trials[i]);
        out->n += trials[i] > 0;
    }
    struct counts c;
    if (!counts_alloc(&c, most_trials(trials, data->n)))
        return sc_fail_nomem(error, "counts of a beta-binomial");
    for (size_t i = 0; i < data->n; i++)
        counts_add(&c, trials[i], successes[i]);
    if (out->n > 0)
        fit_counts(&c, out);
    else
        out->alpha = out->beta = out->mean = out->correlation = out->log_likelihood = NAN;
    sc_free(c.successes);
    return SC_OK;
}

double sc_beta_binomial_at_k(const struct sc_beta_binomial *fit, double k)
{
    double none = 0; /* log of the probability of no success */
    if (fit->reason != NULL)
        return NAN;
    for (double j = 0; j < k; j++)
        none += log1p(-fit->alpha / (fit->alpha + fit->beta + j));
    return -expm1(none);
}

/* Of a resample, also where there is nothing to fit because all trials agree. */
static double resampled_at_k(const struct counts *c, const struct sc_beta_binomial *fit, double k)
{
    if (fit->reason == NULL)
        return sc_beta_binomial_at_k(fit, k);
    return c->most && c->trials[0] > 0 && c->successes[0] <= 0 ? 0 : 1;
}

/* The counts of as many units as the fit had, drawn with replacement. */
static void resample(const struct sc_trials *data, size_t n_units, struct counts *c,
                     struct sc_random *random)
{
    counts_clear(c);
    for (size_t drawn = 0; drawn < n_units;) {
        size_t i = sc_random_below(random, data->n);
        counts_add(c, data->trials[i], data->successes[i]);
        drawn += data->trials[i] > 0;
    }
}

/* Where the fit is extrapolated to. */
struct points {
    const size_t *k;         /* [n] */
    struct sc_estimate *out; /* [n] */
    size_t n;
};

/* Percentile intervals of the points from what is drawn, [points->n * draws.n]. */
static void bootstrap(const struct sc_trials *data, const struct points *points,
                      struct sc_draws draws, struct counts *c, double *drawn)
{
    size_t n_units = points->out[0].n;
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, EXTRAPOLATE_KEY, 0};
    for (size_t r = 0; r < draws.n; r++) {
        resample(data, n_units, c, &random);
        struct sc_beta_binomial again = {.n = n_units};
        fit_counts(c, &again);
        for (size_t i = 0; i < points->n; i++)
            drawn[i * draws.n + r] = resampled_at_k(c, &again, (double)points->k[i]);
    }
    for (size_t i = 0; i < points->n; i++) {
        struct sc_estimate *out = &points->out[i];
        double *mine = drawn + i * draws.n;
        sc_sort_doubles(mine, draws.n);
        out->low = fmin(out->value, sc_sorted_percentile(mine, draws.n, 2.5));
        out->high = fmax(out->value, sc_sorted_percentile(mine, draws.n, 97.5));
        out->reason = NULL;
    }
}

enum sc_status sc_beta_binomial_extrapolate(const struct sc_trials *data, const size_t *k,
                                            size_t n_k, struct sc_draws draws,
                                            struct sc_estimate *out, struct sc_error *error)
{
    struct sc_beta_binomial fit;
    enum sc_status status = sc_beta_binomial_fit(data, &fit, error);
    for (size_t i = 0; i < n_k; i++)
        out[i] = status != SC_OK || fit.reason != NULL
                     ? sc_estimate_none(fit.n, fit.reason != NULL ? fit.reason : "out of memory")
                     : (struct sc_estimate){sc_beta_binomial_at_k(&fit, (double)k[i]), NAN, NAN,
                                            fit.n, "too few prompts for an interval"};
    if (status != SC_OK || fit.reason != NULL || fit.n < 5 || n_k == 0)
        return status;
    struct counts c = {0};
    double *drawn = sc_alloc_array(sc_size_mul(draws.n, n_k), sizeof *drawn);
    if (!counts_alloc(&c, most_trials(data->trials, data->n)) || drawn == NULL)
        status = sc_fail_nomem(error, "bootstrap of a beta-binomial");
    else
        bootstrap(data, &(struct points){k, out, n_k}, draws, &c, drawn);
    sc_free(drawn);
    sc_free(c.successes);
    return status;
}

/* ---- does it fit? ---------------------------------------------------------------------------- */

/* Units by trials and successes: cells [(most + 1) * (most + 1)]. */
struct table {
    size_t most;
    double *units;       /* with so many trials; [most + 1] */
    double *seen;        /* [trials * (most + 1) + successes] */
    double *probability; /* of so many successes, [most + 1] */
};

/* P(successes = s), s = 0 .. trials. */
static void fill_probabilities(const struct sc_beta_binomial *fit, size_t trials, double *p)
{
    double a = fit->alpha, b = fit->beta, log_p = 0;
    for (size_t j = 0; j < trials; j++) /* no success at all */
        log_p += log((b + (double)j) / (a + b + (double)j));
    p[0] = exp(log_p);
    for (size_t s = 0; s < trials; s++) {
        double rest = (double)(trials - s);
        log_p += log(rest / (double)(s + 1) * ((a + (double)s) / (b + rest - 1)));
        p[s + 1] = exp(log_p);
    }
}

/* 2 sum seen log(seen / expected). */
static double deviance(const struct table *t, const struct sc_beta_binomial *fit)
{
    double sum = 0;
    for (size_t trials = 1; trials <= t->most; trials++) {
        if (t->units[trials] <= 0)
            continue;
        fill_probabilities(fit, trials, t->probability);
        for (size_t s = 0; s <= trials; s++) {
            double seen = t->seen[trials * (t->most + 1) + s];
            if (seen > 0)
                sum += 2 * seen * log(seen / (t->units[trials] * t->probability[s]));
        }
    }
    return sum;
}

/* Draws every unit's successes anew from the fit. */
static void simulate(struct table *t, const struct sc_beta_binomial *fit, struct counts *c,
                     struct sc_random *random)
{
    memset(t->seen, 0, (t->most + 1) * (t->most + 1) * sizeof *t->seen);
    counts_clear(c);
    for (size_t trials = 1; trials <= t->most; trials++) {
        if (t->units[trials] <= 0)
            continue;
        fill_probabilities(fit, trials, t->probability);
        for (double u = 0; u < t->units[trials]; u++) {
            double left = sc_random_next(random);
            size_t s = 0;
            while (s < trials && left >= t->probability[s])
                left -= t->probability[s++];
            t->seen[trials * (t->most + 1) + s]++;
            counts_add(c, trials, s);
        }
    }
}

/* Deviance of what was seen in t, and p of it among simulations. */
static double compare(struct table *t, const struct sc_beta_binomial *fit, struct sc_draws draws,
                      struct counts *c, double *observed)
{
    *observed = deviance(t, fit);
    size_t n_extreme = 0;
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, CHECK_KEY, 0};
    for (size_t r = 0; r < draws.n; r++) {
        struct sc_beta_binomial again = {.n = fit->n};
        simulate(t, fit, c, &random);
        fit_counts(c, &again); /* nothing to fit: all agree, and the deviance is 0 */
        n_extreme += again.reason == NULL && deviance(t, &again) >= *observed - 1e-9;
    }
    return (1 + (double)n_extreme) / (1 + (double)draws.n);
}

double sc_beta_binomial_check(const struct sc_trials *data, const struct sc_beta_binomial *fit,
                              struct sc_draws draws, double *statistic, struct sc_error *error)
{
    double p = NAN, unused, *observed = statistic != NULL ? statistic : &unused;
    *observed = NAN;
    if (fit->reason != NULL)
        return NAN;
    struct counts c = {0};
    struct table t = {.most = most_trials(data->trials, data->n)};
    t.units = sc_alloc_zero(t.most + 1, sizeof *t.units);
    t.seen = sc_alloc_zero(sc_size_mul(t.most + 1, t.most + 1), sizeof *t.seen);
    t.probability = sc_alloc_array(t.most + 1, sizeof *t.probability);
    if (!counts_alloc(&c, t.most) || t.units == NULL || t.seen == NULL || t.probability == NULL) {
        sc_fail_nomem(error, "check of a beta-binomial");
        goto done;
    }
    for (size_t i = 0; i < data->n; i++) {
        t.units[data->trials[i]]++;
        t.seen[data->trials[i] * (t.most + 1) + data->successes[i]]++;
    }
    p = compare(&t, fit, draws, &c, observed);
done:
    sc_free(c.successes);
    sc_free(t.units);
    sc_free(t.seen);
    sc_free(t.probability);
    return p;
}
