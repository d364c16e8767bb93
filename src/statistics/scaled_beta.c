/*
 * scaled_beta.c - rates that are a beta variable times a scale.
 *
 * With X ~ Beta(a, b) and rate c X, 1 - c X = (1 - c) + c (1 - X), so that every moment
 * E[(c X)^s (1 - c X)^f] is a sum of positive terms: over j, binomial(f, c) at j times
 * c^s E[X^s (1 - X)^j].  No cancellation, whatever the counts.
 */
#include <assert.h>
#include <gsl/gsl_multimin.h>
#include <math.h>

#include "base/memory.h"
#include "statistics/forecast.h"
#include "statistics/internal.h"

#define LEAST_SHAPE 1e-4
#define MOST_SHAPE 1e6
#define WORTH 1e-4 /* of log likelihood: less is the simplex's own error */
#define MOST_STEPS 600

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
