/*
 * scaled_beta.c - rates that are a beta variable times a scale.
 *
 * With X ~ Beta(a, b) and rate c X, 1 - c X = (1 - c) + c (1 - X), so that every moment
 * E[(c X)^s (1 - c X)^f] is a sum of positive terms: over j, binomial(f, c) at j times
 * c^s E[X^s (1 - X)^j].  No cancellation, whatever the counts.
 */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/forecast.h"
#include "statistics/internal.h"

#define LEAST_SHAPE 1e-4
#define MOST_SHAPE 1e6
#define WORTH 1e-4 /* of log likelihood: less is the simplex's own error */
#define MOST_STEPS 600
#define CHECK_KEY 0xfc5 /* keep these draws apart from those of other estimates */

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign); /* lgamma has a global */
}

/* log E[X^s (1 - X)^j] */
static double log_moment(double a, double b, double s, double j)
{
    return log_gamma(a + s) - log_gamma(a) + log_gamma(b + j) - log_gamma(b) + log_gamma(a + b) -
           log_gamma(a + b + s + j);
}

/* log sum_j binomial(f, c)(j) E[X^s (1 - X)^j], from the largest weight both ways. */
static double log_mixture(double a, double b, double c, double s, double f)
{
    if (c >= 1)
        return log_moment(a, b, s, f);
    double at = floor((f + 1) * c);
    at = at > f ? f : at;
    double log_top = log_gamma(f + 1) - log_gamma(at + 1) - log_gamma(f - at + 1) + at * log(c) +
                     (f - at) * log1p(-c) + log_moment(a, b, s, at);
    double sum = 1, term = 1, odds = c / (1 - c);
    for (double j = at; j < f && term > 1e-18 * sum; j++) {
        term *= (f - j) / (j + 1) * odds * ((b + j) / (a + b + s + j));
        sum += term;
    }
    term = 1;
    for (double j = at; j > 0 && term > 1e-18 * sum; j--) {
        term *= j / (f - j + 1) / odds * ((a + b + s + j - 1) / (b + j - 1));
        sum += term;
    }
    return log_top + log(sum);
}

double sc_scaled_beta_at_k(const struct sc_scaled_beta *fit, double k)
{
    if (fit->reason != NULL)
        return NAN;
    return -expm1(log_mixture(fit->alpha, fit->beta, fit->scale, 0, k));
}

/* ---- fit ------------------------------------------------------------------------------------- */

/* Units that have the same counts. */
struct cell {
    double successes, failures, units;
};
struct cells {
    struct cell *all; /* [n] */
    size_t n;
};

static bool cells_make(const struct sc_trials *data, struct cells *out)
{
    size_t most = 0;
    *out = (struct cells){0};
    for (size_t i = 0; i < data->n; i++)
        most = data->trials[i] > most ? data->trials[i] : most;
    size_t width = most + 1, *units = sc_alloc_zero(sc_size_mul(width, width), sizeof *units);
    if (units == NULL)
        return false;
    for (size_t i = 0; i < data->n; i++)
        if (data->trials[i] > 0)
            out->n += units[data->trials[i] * width + data->successes[i]]++ == 0;
    out->all = sc_alloc_array(out->n ? out->n : 1, sizeof *out->all);
    size_t filled = 0;
    for (size_t t = 1; out->all != NULL && t <= most; t++)
        for (size_t s = 0; s <= t; s++)
            if (units[t * width + s] > 0)
                out->all[filled++] =
                    (struct cell){(double)s, (double)(t - s), (double)units[t * width + s]};
    sc_free(units);
    return out->all != NULL;
}

static double log_likelihood(const struct cells *cells, double a, double b, double c)
{
    if (!(a >= LEAST_SHAPE && a <= MOST_SHAPE && b >= LEAST_SHAPE && b <= MOST_SHAPE && c > 0 &&
          c <= 1))
        return -INFINITY;
    struct sc_sum sum = {0};
    double log_c = log(c);
    for (size_t i = 0; i < cells->n; i++) {
        const struct cell *x = &cells->all[i];
        sc_sum_add(&sum, x->units * (x->successes * log_c +
                                     log_mixture(a, b, c, x->successes, x->failures)));
    }
    return sc_sum_value(&sum);
}

double sc_scaled_beta_log_likelihood(const struct sc_trials *data, double alpha, double beta,
                                     double scale, struct sc_error *error)
{
    struct cells cells;
    double out = NAN;
    if (cells_make(data, &cells))
        out = log_likelihood(&cells, alpha, beta, scale);
    else
        sc_fail_nomem(error, "counts of a scaled beta");
    sc_free(cells.all);
    return out;
}

/* The simplex moves in log a, log b and the log odds of c. */
static double minus_log_likelihood(const gsl_vector *x, void *cells)
{
    double found = log_likelihood(cells, exp(gsl_vector_get(x, 0)), exp(gsl_vector_get(x, 1)),
                                  1 / (1 + exp(-gsl_vector_get(x, 2))));
    return isfinite(found) ? -found : 1e300;
}

/* Goes on from *best with a simplex of this size until it is that small. */
static void walk(struct cells *cells, gsl_multimin_fminimizer *simplex, double size, double small,
                 struct sc_scaled_beta *best)
{
    double start[3] = {log(best->alpha), log(best->beta), log(best->scale / (1 - best->scale))};
    double steps[3] = {size, size, 2 * size};
    gsl_vector_view from = gsl_vector_view_array(start, 3), by = gsl_vector_view_array(steps, 3);
    gsl_multimin_function f = {minus_log_likelihood, 3, cells};
    gsl_multimin_fminimizer_set(simplex, &f, &from.vector, &by.vector);
    for (int step = 0; step < MOST_STEPS; step++)
        if (gsl_multimin_fminimizer_iterate(simplex) != 0 ||
            gsl_multimin_fminimizer_size(simplex) < small)
            break;
    const gsl_vector *x = gsl_multimin_fminimizer_x(simplex);
    best->alpha = exp(gsl_vector_get(x, 0));
    best->beta = exp(gsl_vector_get(x, 1));
    best->scale = 1 / (1 + exp(-gsl_vector_get(x, 2)));
    best->log_likelihood = -gsl_multimin_fminimizer_minimum(simplex);
}

/* From the beta-binomial with its scale lowered, its mean kept. */
static void search(struct cells *cells, gsl_multimin_fminimizer *simplex,
                   struct sc_scaled_beta *out)
{
    static const double scales[] = {0.9, 0.4};
    struct sc_scaled_beta full = *out;
    double mean = full.alpha / (full.alpha + full.beta);
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        struct sc_scaled_beta trial = full;
        trial.scale = mean + (1 - mean) * scales[i];
        trial.beta = full.alpha * (trial.scale / mean - 1);
        if (!(trial.beta > LEAST_SHAPE))
            continue;
        walk(cells, simplex, 0.5, 1e-6, &trial);
        if (trial.log_likelihood > out->log_likelihood + WORTH && trial.scale < 1)
            *out = trial;
    }
}

/* A step away from the edge, where the log odds of the scale have no end. */
static void search_near(struct cells *cells, gsl_multimin_fminimizer *simplex,
                        const struct sc_scaled_beta *near, struct sc_scaled_beta *out)
{
    struct sc_scaled_beta trial = *near;
    trial.scale = fmin(trial.scale, 0.95);
    walk(cells, simplex, 0.3, 1e-3, &trial);
    if (trial.log_likelihood > out->log_likelihood + WORTH && trial.scale < 1)
        *out = trial;
}

enum sc_status sc_scaled_beta_refit(const struct sc_trials *data,
                                    const struct sc_beta_binomial *start,
                                    const struct sc_scaled_beta *near, struct sc_scaled_beta *out,
                                    struct sc_error *error)
{
    *out = (struct sc_scaled_beta){start->n, start->alpha, start->beta, 1, NAN, start->reason};
    if (start->reason != NULL) {
        out->scale = NAN;
        return SC_OK;
    }
    struct cells cells;
    enum sc_status status = SC_OK;
    gsl_multimin_fminimizer *simplex =
        gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, 3);
    if (!cells_make(data, &cells) || simplex == NULL) {
        status = sc_fail_nomem(error, "fit of a scaled beta");
        out->reason = "out of memory";
        goto done;
    }
    out->log_likelihood = log_likelihood(&cells, out->alpha, out->beta, 1);
    if (!isfinite(out->log_likelihood))
        out->reason = "the rates are all alike or all apart";
    else if (near != NULL && near->reason == NULL)
        search_near(&cells, simplex, near, out);
    else
        search(&cells, simplex, out);
done:
    if (simplex != NULL)
        gsl_multimin_fminimizer_free(simplex);
    sc_free(cells.all);
    return status;
}

enum sc_status sc_scaled_beta_fit(const struct sc_trials *data,
                                  const struct sc_beta_binomial *start, struct sc_scaled_beta *out,
                                  struct sc_error *error)
{
    return sc_scaled_beta_refit(data, start, NULL, out, error);
}

/* ---- does it fit? ---------------------------------------------------------------------------- */

/* Units by trials and successes, [(most + 1) * (most + 1)]; what a fit expects of them, and what
 * the fit to what was seen does. */
struct table {
    size_t most;
    double *seen, *expected, *first;
    double *units;     /* with so many trials, [most + 1] */
    size_t *successes; /* of each unit, as drawn, [n] */
};

static bool table_make(const struct sc_trials *data, struct table *t)
{
    for (size_t i = 0; i < data->n; i++)
        t->most = data->trials[i] > t->most ? data->trials[i] : t->most;
    size_t width = t->most + 1, cells = sc_size_mul(width, width);
    t->seen = sc_alloc_zero(sc_size_mul(cells, 3), sizeof *t->seen);
    t->units = sc_alloc_zero(width, sizeof *t->units);
    t->successes = sc_alloc_array(data->n ? data->n : 1, sizeof *t->successes);
    if (t->seen == NULL || t->units == NULL || t->successes == NULL)
        return false;
    t->expected = t->seen + cells;
    t->first = t->expected + cells;
    for (size_t i = 0; i < data->n; i++) {
        t->units[data->trials[i]]++;
        t->seen[data->trials[i] * width + data->successes[i]]++;
    }
    return true;
}

/* 2 sum seen log(seen / expected); fills expected where there are units. */
static double deviance(const struct table *t, const struct sc_scaled_beta *fit)
{
    double sum = 0, log_scale = log(fit->scale);
    for (size_t n = 1; n <= t->most; n++) {
        for (size_t s = 0; t->units[n] > 0 && s <= n; s++) {
            double successes = (double)s, failures = (double)(n - s);
            double choose =
                log_gamma((double)n + 1) - log_gamma(successes + 1) - log_gamma(failures + 1);
            double seen = t->seen[n * (t->most + 1) + s];
            double expected = t->units[n] * exp(choose + successes * log_scale +
                                                log_mixture(fit->alpha, fit->beta, fit->scale,
                                                            successes, failures));
            t->expected[n * (t->most + 1) + s] = expected;
            sum += seen > 0 ? 2 * seen * log(seen / expected) : 0;
        }
    }
    return sum;
}

/* Successes of every unit drawn from the first fit, into seen and successes. */
static void simulate(const struct sc_trials *data, struct table *t, struct sc_random *random)
{
    memset(t->seen, 0, (t->most + 1) * (t->most + 1) * sizeof *t->seen);
    for (size_t i = 0; i < data->n; i++) {
        size_t n = data->trials[i], s = 0;
        const double *row = t->first + n * (t->most + 1);
        double left = sc_random_next(random) * t->units[n];
        while (s < n && left >= row[s])
            left -= row[s++];
        t->successes[i] = s;
        t->seen[n * (t->most + 1) + s]++;
    }
}

/* p of what was seen among simulations, each with its own fit. */
static double compare(const struct sc_trials *data, const struct sc_scaled_beta *fit,
                      struct table *t, struct sc_draws draws, double *statistic,
                      struct sc_error *error)
{
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, CHECK_KEY, 0};
    struct sc_trials again = {data->trials, t->successes, data->n};
    size_t n_extreme = 0;
    *statistic = deviance(t, fit);
    memcpy(t->first, t->expected, (t->most + 1) * (t->most + 1) * sizeof *t->first);
    for (size_t r = 0; r < draws.n; r++) {
        struct sc_beta_binomial two;
        struct sc_scaled_beta three;
        simulate(data, t, &random);
        if (sc_beta_binomial_fit(&again, &two, error) != SC_OK ||
            sc_scaled_beta_refit(&again, &two, fit, &three, error) != SC_OK)
            return NAN;
        n_extreme += three.reason == NULL && deviance(t, &three) >= *statistic - 1e-9;
    }
    return (1 + (double)n_extreme) / (1 + (double)draws.n);
}

double sc_scaled_beta_check(const struct sc_trials *data, const struct sc_scaled_beta *fit,
                            struct sc_draws draws, double *statistic, struct sc_error *error)
{
    struct table t = {0};
    double p = NAN, unused, *observed = statistic != NULL ? statistic : &unused;
    *observed = NAN;
    if (fit->reason != NULL)
        return NAN;
    if (table_make(data, &t))
        p = compare(data, fit, &t, draws, observed, error);
    else
        sc_fail_nomem(error, "check of a scaled beta");
    sc_free(t.seen);
    sc_free(t.units);
    sc_free(t.successes);
    return p;
}

/* The quantile, by halving in the log odds: GSL's inverse may fail where a shape is small. */
double sc_scaled_beta_largest(const struct sc_scaled_beta *fit, double n_units)
{
    double low = -700, high = 36; /* of the rate over its scale: 1e-304 to 1 - 2e-16 */
    if (fit->reason != NULL)
        return NAN;
    for (int step = 0; step < 80; step++) {
        double middle = (low + high) / 2;
        double above = gsl_cdf_beta_Q(1 / (1 + exp(-middle)), fit->alpha, fit->beta);
        *(above > 1 / n_units ? &low : &high) = middle;
    }
    return fit->scale / (1 + exp(-low));
}
