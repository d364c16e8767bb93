/*
 * attempts.c - success in more attempts: the power law, and all methods side by side with their
 * error on trials that they have not seen.
 *
 * A resample draws units; every method is fitted to it anew, so that all intervals carry what the
 * choice of these units did.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/forecast.h"
#include "statistics/internal.h"

#define FORECAST_KEY 0xfc1 /* keep these draws apart from those of other estimates */
#define LEAST_UNITS 5      /* for an interval */
#define LEAST_UNITS_LAW 10 /* for a power law */

const char *sc_forecaster_name(enum sc_forecaster forecaster)
{
    static const char *const names[] = {[SC_BY_EQUAL_RATES] = "equal_rates",
                                        [SC_BY_BETA_BINOMIAL] = "beta_binomial",
                                        [SC_BY_SCALED_BETA] = "scaled_beta",
                                        [SC_BY_POWER_LAW] = "power_law"};
    return names[forecaster];
}

/* ---- the power law --------------------------------------------------------------------------- */

size_t sc_power_law_points(size_t most, size_t *out)
{
    size_t n = 0;
    for (int i = 0; n < SC_POWER_LAW_MOST_POINTS; i++) {
        size_t k = (size_t)(pow(10, i / 10.0) + 0.5);
        if (k > most)
            break;
        if (n == 0 || k > out[n - 1])
            out[n++] = k;
    }
    return n;
}

/* Sums of a parabola through (x, y), in polynomials that are orthogonal over the x. */
struct parabola {
    double middle, height, slope, curvature;
};

static struct parabola fit_parabola(const double *x, const double *y, size_t n)
{
    struct parabola out = {sc_mean(x, n), sc_mean(y, n), 0, 0};
    double xx = 0, xy = 0, xxx = 0, qq = 0, qy = 0, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - out.middle;
        xx += d * d;
        xxx += d * d * d;
        xy += d * y[i];
    }
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - out.middle, q = d * d - xx / count - d * xxx / xx;
        qq += q * q;
        qy += q * y[i];
    }
    out.slope = xy / xx;
    out.curvature = qq > 0 ? qy / qq : 0;
    return out;
}

void sc_power_law_fit(const size_t *k, const double *success, size_t n, struct sc_power_law *out)
{
    double x[SC_POWER_LAW_MOST_POINTS], y[SC_POWER_LAW_MOST_POINTS];
    assert(n <= SC_POWER_LAW_MOST_POINTS);
    *out = (struct sc_power_law){.n = out->n,
                                 .from = n ? k[0] : 0,
                                 .to = n ? k[n - 1] : 0,
                                 .scale = NAN,
                                 .exponent = NAN,
                                 .bend = NAN,
                                 .bend_p = NAN};
    if (n < 3) {
        out->reason = "fewer than three traces per prompt";
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!(success[i] > 0 && success[i] < 1)) {
            out->reason = success[i] <= 0 ? "no trial succeeded" : "every prompt succeeded";
            return;
        }
        x[i] = log((double)k[i]);
        y[i] = log(-log(success[i]));
    }
    struct parabola p = fit_parabola(x, y, n);
    out->exponent = -p.slope;
    out->scale = exp(p.height - p.slope * p.middle);
    out->bend = -2 * p.curvature * (x[n - 1] - x[0]) / out->exponent;
    if (!(out->exponent > 0))
        out->reason = "success does not rise with k";
}

double sc_power_law_at_k(const struct sc_power_law *fit, double k)
{
    return fit->reason != NULL ? NAN : exp(-fit->scale * pow(k, -fit->exponent));
}

/* ---- what units show at k -------------------------------------------------------------------- */

/* The unbiased success at each k of each unit, NaN where it has too few trials. */
struct curves {
    size_t k[SC_POWER_LAW_MOST_POINTS], n_k, n;
    double *at; /* [n * n_k] */
};

static bool curves_make(const struct sc_trials *data, struct curves *out)
{
    out->n = data->n;
    out->at = sc_alloc_array(sc_size_mul(data->n ? data->n : 1, out->n_k ? out->n_k : 1),
                             sizeof *out->at);
    for (size_t i = 0; out->at != NULL && i < data->n; i++)
        for (size_t j = 0; j < out->n_k; j++)
            out->at[i * out->n_k + j] =
                data->trials[i] == 0 ? NAN
                                     : sc_at_k(data->trials[i], data->successes[i], out->k[j]);
    return out->at != NULL;
}

/* Mean at each k over the units that are chosen (all, where chosen is NULL) and have all k that the
 * last has. Returns how many those are. */
static size_t curves_mean(const struct curves *c, const size_t *chosen, size_t n_chosen,
                          double *mean)
{
    size_t n = 0;
    memset(mean, 0, c->n_k * sizeof *mean);
    for (size_t d = 0; d < n_chosen && c->n_k > 0; d++) {
        const double *at = c->at + (chosen != NULL ? chosen[d] : d) * c->n_k;
        if (isnan(at[c->n_k - 1]))
            continue;
        n++;
        for (size_t j = 0; j < c->n_k; j++)
            mean[j] += at[j];
    }
    for (size_t j = 0; j < c->n_k; j++)
        mean[j] = n > 0 ? mean[j] / (double)n : NAN;
    return n;
}

static int compare_sizes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* The number of trials that nine units in ten have, of those that have any. */
static size_t common_trials(const struct sc_trials *data, size_t *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++)
        if (data->trials[i] > 0)
            scratch[n++] = data->trials[i];
    qsort(scratch, n, sizeof *scratch, compare_sizes);
    return n > 0 ? scratch[n / 10] : 0;
}

/* ---- all methods ----------------------------------------------------------------------------- */

double sc_attempts_at_k(const struct sc_attempts *fit, enum sc_forecaster by, double k)
{
    switch (by) {
    case SC_BY_EQUAL_RATES:
        return -expm1(k * log1p(-fit->equal_rate));
    case SC_BY_BETA_BINOMIAL:
        return sc_beta_binomial_at_k(&fit->beta_binomial, k);
    case SC_BY_SCALED_BETA:
        return sc_scaled_beta_at_k(&fit->scaled_beta, k);
    case SC_BY_POWER_LAW:
        return sc_power_law_at_k(&fit->power_law, k);
    case SC_N_FORECASTERS:
        break;
    }
    return NAN;
}

const char *sc_attempts_reason(const struct sc_attempts *fit, enum sc_forecaster by)
{
    switch (by) {
    case SC_BY_EQUAL_RATES:
        return fit->n > 0 ? NULL : "no trials";
    case SC_BY_BETA_BINOMIAL:
        return fit->beta_binomial.reason;
    case SC_BY_SCALED_BETA:
        return fit->scaled_beta.reason;
    case SC_BY_POWER_LAW:
        return fit->power_law.reason;
    case SC_N_FORECASTERS:
        break;
    }
    return NULL;
}

static double pooled_rate(const struct sc_trials *data)
{
    double trials = 0, successes = 0;
    for (size_t i = 0; i < data->n; i++) {
        trials += (double)data->trials[i];
        successes += (double)data->successes[i];
    }
    return successes / trials;
}

static void fit_law(const struct curves *curves, const size_t *chosen, size_t n_chosen,
                    struct sc_power_law *out)
{
    double mean[SC_POWER_LAW_MOST_POINTS];
    out->n = curves_mean(curves, chosen, n_chosen, mean);
    sc_power_law_fit(curves->k, mean, out->n > 0 ? curves->n_k : 0, out);
}

/* Of a resample the simplex starts from `near`, the fit to all units, where there is one. */
static enum sc_status fit_all(const struct sc_trials *data, const struct curves *curves,
                              const size_t *chosen, const struct sc_scaled_beta *near,
                              struct sc_attempts *out, struct sc_error *error)
{
    *out = (struct sc_attempts){.equal_rate = pooled_rate(data)};
    SC_TRY(sc_beta_binomial_fit(data, &out->beta_binomial, error));
    out->n = out->beta_binomial.n;
    if (near != NULL)
        SC_TRY(sc_scaled_beta_refit(data, &out->beta_binomial, near, &out->scaled_beta, error));
    else
        SC_TRY(sc_scaled_beta_fit(data, &out->beta_binomial, &out->scaled_beta, error));
    fit_law(curves, chosen, data->n, &out->power_law);
    return SC_OK;
}

static enum sc_status make_curves(const struct sc_trials *data, struct curves *curves,
                                  struct sc_error *error)
{
    size_t *scratch = sc_alloc_array(data->n ? data->n : 1, sizeof *scratch);
    if (scratch != NULL)
        curves->n_k = sc_power_law_points(common_trials(data, scratch), curves->k);
    bool made = scratch != NULL && curves_make(data, curves);
    sc_free(scratch);
    return made ? SC_OK : sc_fail_nomem(error, "success at k by prompt");
}

/* The fits to all units, which say why there is none. */
static enum sc_status fit_first(const struct sc_trials *data, struct curves *curves,
                                struct sc_attempts *out, struct sc_error *error)
{
    SC_TRY(make_curves(data, curves, error));
    SC_TRY(fit_all(data, curves, NULL, NULL, out, error));
    if (out->power_law.n < LEAST_UNITS_LAW && out->power_law.reason == NULL)
        out->power_law.reason = "too few prompts";
    return SC_OK;
}

enum sc_status sc_attempts_fit(const struct sc_trials *data, struct sc_attempts *out,
                               struct sc_error *error)
{
    struct curves curves = {0};
    enum sc_status status = fit_first(data, &curves, out, error);
    sc_free(curves.at);
    return status;
}

/* ---- resampling ------------------------------------------------------------------------------ */

struct bootstrap {
    const struct sc_trials *data;
    struct curves fitted, seen; /* seen: at the k that are forecast, of trials not fitted to */
    size_t *chosen, *trials, *successes; /* [data->n] each */
    double *forecast, *truth;            /* by method and k, by k: [.. * draws.n] */
    double *bend, *error;                /* [draws.n] */
    struct sc_draws draws;
};

static bool bootstrap_alloc(struct bootstrap *b, const struct sc_attempts_forecast *out)
{
    size_t n = b->data->n ? b->data->n : 1, rows = SC_N_FORECASTERS * out->n_k;
    b->chosen = sc_alloc_array(sc_size_mul(n, 3), sizeof *b->chosen);
    b->forecast = sc_alloc_array(sc_size_mul(rows + out->n_k + 2, b->draws.n), sizeof *b->forecast);
    if (b->chosen == NULL || b->forecast == NULL)
        return false;
    b->trials = b->chosen + n;
    b->successes = b->trials + n;
    b->truth = b->forecast + rows * b->draws.n;
    b->bend = b->truth + out->n_k * b->draws.n;
    b->error = b->bend + b->draws.n;
    return true;
}

static void bootstrap_free(struct bootstrap *b)
{
    sc_free(b->chosen);
    sc_free(b->forecast);
    sc_free(b->fitted.at);
    sc_free(b->seen.at);
}

/* As many units as have a trial, with replacement. */
static void choose(struct bootstrap *b, struct sc_random *random)
{
    for (size_t i = 0; i < b->data->n; i++) {
        size_t at = sc_random_below(random, b->data->n);
        b->chosen[i] = at;
        b->trials[i] = b->data->trials[at];
        b->successes[i] = b->data->successes[at];
    }
}

/* A resample in which all trials agree says 0 or 1 by every method. */
static double resampled(const struct sc_attempts *fit, enum sc_forecaster by, double k)
{
    double found = sc_attempts_at_k(fit, by, k);
    return isnan(found) ? (fit->equal_rate > 0.5 ? 1 : 0) : found;
}

static enum sc_status draw_all(struct bootstrap *b, const struct sc_attempts_forecast *out,
                               struct sc_error *error)
{
    struct sc_random random = {SC_STREAM_STATISTICS, b->draws.seed, FORECAST_KEY, 0};
    for (size_t r = 0; r < b->draws.n; r++) {
        struct sc_attempts again;
        choose(b, &random);
        SC_TRY(fit_all(&(struct sc_trials){b->trials, b->successes, b->data->n}, &b->fitted,
                       b->chosen, &out->fit.scaled_beta, &again, error));
        b->bend[r] = again.power_law.reason == NULL ? again.power_law.bend : 0;
        for (int by = 0; by < SC_N_FORECASTERS; by++)
            for (size_t i = 0; i < out->n_k; i++)
                b->forecast[((size_t)by * out->n_k + i) * b->draws.n + r] =
                    resampled(&again, (enum sc_forecaster)by, (double)out->k[i]);
        if (b->seen.at == NULL)
            continue;
        double mean[SC_MOST_FORECAST];
        curves_mean(&b->seen, b->chosen, b->data->n, mean);
        for (size_t i = 0; i < out->n_k; i++)
            b->truth[i * b->draws.n + r] = mean[i];
    }
    return SC_OK;
}

/* The percentile interval of what is drawn, [n], which it sorts. */
static void put_interval(struct sc_estimate *out, double *drawn, size_t n)
{
    if (sc_has_nan(drawn, n)) /* a resample without a unit that has so many trials */
        return;
    sc_sort_doubles(drawn, n);
    out->low = fmin(out->value, sc_sorted_percentile(drawn, n, 2.5));
    out->high = fmax(out->value, sc_sorted_percentile(drawn, n, 97.5));
    out->reason = NULL;
}

static double two_sided(const double *drawn, size_t n)
{
    double below = 1, above = 1, total = (double)n + 1;
    for (size_t i = 0; i < n; i++) {
        below += drawn[i] <= 0;
        above += drawn[i] >= 0;
    }
    return fmin(1, 2 * fmin(below, above) / total);
}

/* Errors first: intervals sort what was drawn. */
static void put_intervals(struct bootstrap *b, struct sc_attempts_forecast *out)
{
    size_t n = b->draws.n, rows = SC_N_FORECASTERS * out->n_k;
    for (size_t row = 0; row < rows; row++) {
        double *drawn = b->forecast + row * n, *truth = b->truth + row % out->n_k * n;
        if (out->forecast[row].n == 0 || isnan(out->forecast[row].value))
            continue;
        if (b->seen.at != NULL) {
            for (size_t r = 0; r < n; r++)
                b->error[r] = drawn[r] - truth[r];
            put_interval(&out->error[row], b->error, n);
        }
        put_interval(&out->forecast[row], drawn, n);
    }
    for (size_t i = 0; b->seen.at != NULL && i < out->n_k; i++)
        put_interval(&out->seen[i], b->truth + i * n, n);
    out->fit.power_law.bend_p = two_sided(b->bend, n);
}

/* ---- forecasts ------------------------------------------------------------------------------- */

#define NO_INTERVAL "too few prompts for an interval"

static void put_values(const struct bootstrap *b, struct sc_attempts_forecast *out)
{
    double mean[SC_MOST_FORECAST] = {0};
    size_t n_seen = b->seen.at != NULL ? curves_mean(&b->seen, NULL, b->data->n, mean) : 0;
    for (size_t i = 0; b->seen.at != NULL && i < out->n_k; i++)
        out->seen[i] = n_seen > 0
                           ? (struct sc_estimate){mean[i], NAN, NAN, n_seen, NO_INTERVAL}
                           : sc_estimate_none(0, "no prompt has so many traces that are held out");
    for (int by = 0; by < SC_N_FORECASTERS; by++)
        for (size_t i = 0; i < out->n_k; i++) {
            size_t row = (size_t)by * out->n_k + i;
            const char *reason = sc_attempts_reason(&out->fit, (enum sc_forecaster)by);
            double value = sc_attempts_at_k(&out->fit, (enum sc_forecaster)by, (double)out->k[i]);
            out->forecast[row] =
                reason != NULL ? sc_estimate_none(out->fit.n, reason)
                               : (struct sc_estimate){value, NAN, NAN, out->fit.n, NO_INTERVAL};
            if (b->seen.at == NULL)
                continue;
            if (reason == NULL && n_seen == 0)
                reason = out->seen[i].reason;
            out->error[row] = reason != NULL ? sc_estimate_none(n_seen, reason)
                                             : (struct sc_estimate){value - mean[i], NAN, NAN,
                                                                    n_seen, NO_INTERVAL};
        }
}

static enum sc_status forecast(struct bootstrap *b, const struct sc_trials *rest,
                               struct sc_attempts_forecast *out, struct sc_error *error)
{
    SC_TRY(fit_first(b->data, &b->fitted, &out->fit, error));
    if (rest != NULL) {
        b->seen.n_k = out->n_k;
        memcpy(b->seen.k, out->k, out->n_k * sizeof *out->k);
        if (!curves_make(rest, &b->seen))
            return sc_fail_nomem(error, "success at k of what is held out");
    }
    put_values(b, out);
    if (out->fit.n < LEAST_UNITS || b->draws.n == 0)
        return SC_OK;
    if (!bootstrap_alloc(b, out))
        return sc_fail_nomem(error, "bootstrap of forecasts");
    SC_TRY(draw_all(b, out, error));
    put_intervals(b, out);
    return SC_OK;
}

enum sc_status sc_attempts_forecast(const struct sc_trials *data, const struct sc_trials *rest,
                                    struct sc_draws draws, struct sc_attempts_forecast *out,
                                    struct sc_error *error)
{
    assert(out->n_k <= SC_MOST_FORECAST);
    assert(rest == NULL || (rest->n == data->n && out->seen != NULL && out->error != NULL));
    struct bootstrap b = {.data = data, .draws = draws};
    enum sc_status status = forecast(&b, rest, out, error);
    bootstrap_free(&b);
    return status;
}
