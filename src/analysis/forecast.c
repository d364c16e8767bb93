/*
 * What more attempts at the unsafe prompts, and more prompts like them, would show: the forecasts
 * of statistics/forecast.h from the traces of the policy that samples most, and how far they were
 * off where the first traces of each prompt foretell the others.
 */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/cluster.h"
#include "base/memory.h"

#define N_DRAWS 200
#define N_DRAWS_HELD_OUT 100
#define N_DRAWS_OF_TAILS 400
#define N_CHECKS 59
#define BENDS_BY 0.25

/* Counts by prompt: of all traces whose harm is known, and of the first and the other ones. */
struct counts {
    size_t n;
    size_t *trials, *harmful;             /* [n] each */
    size_t *first_trials, *first_harmful; /* of the first `n_fitted` */
    size_t *rest_trials, *rest_harmful;
    double *share; /* harmful / trials */
};

static bool counts_alloc(struct counts *c, size_t n)
{
    c->trials = sc_alloc_array(sc_size_mul(n ? n : 1, 6), sizeof *c->trials);
    c->share = sc_alloc_array(sc_size_mul(n ? n : 1, 2), sizeof *c->share);
    if (c->trials == NULL || c->share == NULL)
        return false;
    c->harmful = c->trials + n;
    c->first_trials = c->harmful + n;
    c->first_harmful = c->first_trials + n;
    c->rest_trials = c->first_harmful + n;
    c->rest_harmful = c->rest_trials + n;
    return true;
}

static bool belongs(const struct sc_analysis *a, size_t i)
{
    const struct sc_summary *s = &a->views[a->largest].instances[i];
    return a->run->instances[i].label == SC_LABEL_UNSAFE && s->decided && s->n_known > 0;
}

/* The first n_fitted traces whose harm is known, by index, and the others. */
static void count_first(const struct sc_analysis *a, size_t i, size_t n_fitted, struct counts *c)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    size_t first = 0, first_harmful = 0, rest = 0, rest_harmful = 0;
    for (size_t t = 0; t < a->views[a->largest].instances[i].n_traces; t++) {
        const struct sc_run_trace *trace = sc_run_trace_seen(instance, a->largest, t);
        enum sc_harm harm = sc_trace_harm(a->run, instance, trace);
        if (harm == SC_UNJUDGED)
            continue;
        size_t harmful = sc_harm_is_harmful(harm, true);
        if (first < n_fitted) {
            first++;
            first_harmful += harmful;
        } else {
            rest++;
            rest_harmful += harmful;
        }
    }
    c->first_trials[c->n] = first;
    c->first_harmful[c->n] = first_harmful;
    c->rest_trials[c->n] = rest;
    c->rest_harmful[c->n] = rest_harmful;
}

static void count_all(const struct sc_analysis *a, size_t n_fitted, struct counts *c)
{
    c->n = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *s = &a->views[a->largest].instances[i];
        if (!belongs(a, i))
            continue;
        count_first(a, i, n_fitted, c);
        c->trials[c->n] = s->n_known;
        c->harmful[c->n] = s->n_harmful;
        c->share[c->n++] = (double)s->n_harmful / (double)s->n_known;
    }
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void forecast_attempts(struct sc_analysis *a, const struct counts *c, struct sc_error *error)
{
    struct sc_forecast *f = &a->forecast;
    struct sc_trials data = {c->trials, c->harmful, c->n};
    struct sc_draws draws = {N_DRAWS, a->run->seed};
    f->n_k = a->repeats.n_k;
    memcpy(f->k, a->repeats.k, f->n_k * sizeof *f->k);
    struct sc_attempts_forecast out = {.k = f->k, .n_k = f->n_k, .forecast = f->at};
    if (sc_attempts_forecast(&data, NULL, draws, &out, error) != SC_OK)
        return;
    f->fit = out.fit;
    /* one figure, wherever it is shown */
    memcpy(f->at + SC_BY_BETA_BINOMIAL * f->n_k, a->repeats.at_k, f->n_k * sizeof *f->at);
    f->check[SC_BY_EQUAL_RATES] = NAN;
    f->check[SC_BY_BETA_BINOMIAL] = a->repeats.harm_check;
    f->check[SC_BY_SCALED_BETA] = sc_scaled_beta_check(
        &data, &f->fit.scaled_beta, (struct sc_draws){N_CHECKS, a->run->seed}, NULL, error);
    f->check[SC_BY_POWER_LAW] = f->fit.power_law.bend_p;
    f->bends = f->fit.power_law.bend_p < 0.05 && fabs(f->fit.power_law.bend) > BENDS_BY;
    for (size_t i = 0; f->bends && i < f->n_k; i++)
        if (f->k[i] > a->n_asr)
            f->at[SC_BY_POWER_LAW * f->n_k + i] =
                sc_estimate_none(f->fit.power_law.n, "it bends within the data: no power law");
}

/* ---- attempts held out ----------------------------------------------------------------------- */

/* A third of the traces, at least three, so that there is a curve to fit and k beyond it to see;
 * of five or six, two. */
static size_t choose_fitted(size_t n_traces)
{
    if (n_traces < 5)
        return 0;
    return n_traces < 7 ? 2 : n_traces < 12 ? 3 : n_traces / 3;
}

/* The k beyond what was fitted to, up to all that is held out. */
static void choose_points(struct sc_held_out *h)
{
    size_t points[SC_POWER_LAW_MOST_POINTS], n = sc_power_law_points(h->n_rest, points);
    size_t first = 0;
    while (first < n && points[first] <= h->n_fitted)
        first++;
    if (n - first > SC_MOST_FORECAST - 1)
        first = n - (SC_MOST_FORECAST - 1);
    for (size_t i = first; i < n; i++)
        h->k[h->n_k++] = points[i];
    if (h->n_k == 0 || h->k[h->n_k - 1] < h->n_rest)
        h->k[h->n_k++] = h->n_rest;
}

/* Forecast - seen, of independent prompts: squared distances add (Zou and Donner, 2008). */
static struct sc_estimate difference(const struct sc_estimate *forecast,
                                     const struct sc_estimate *seen)
{
    if (!isfinite(forecast->value) || !isfinite(seen->value))
        return sc_estimate_none(seen->n,
                                forecast->reason != NULL ? forecast->reason : seen->reason);
    struct sc_estimate out = {.value = forecast->value - seen->value, .n = seen->n};
    out.low = out.value - hypot(forecast->value - forecast->low, seen->high - seen->value);
    out.high = out.value + hypot(forecast->high - forecast->value, seen->value - seen->low);
    out.reason = isfinite(out.low) ? NULL : "too few prompts for an interval";
    return out;
}

/* The prompts that have all those traces: the fits are to see the same ones as the comparison. */
static void keep_whole(struct counts *c, size_t n_rest)
{
    size_t n = 0;
    for (size_t p = 0; p < c->n; p++) {
        if (c->rest_trials[p] < n_rest)
            continue;
        c->first_trials[n] = c->first_trials[p];
        c->first_harmful[n] = c->first_harmful[p];
        c->rest_trials[n] = c->rest_trials[p];
        c->rest_harmful[n++] = c->rest_harmful[p];
    }
    c->n = n;
}

static void see_others(const struct sc_analysis *a, const struct counts *c, struct sc_held_out *h,
                       struct sc_error *error)
{
    double *one = c->share, *value = one + c->n; /* shares are used no more */
    for (size_t i = 0; i < h->n_k; i++) {
        size_t n = 0;
        for (size_t p = 1; p < c->n; p += 2) {
            one[n] = 1;
            value[n++] = sc_at_k(c->rest_trials[p], c->rest_harmful[p], h->k[i]);
        }
        h->seen[i] = sc_cluster_share(&(struct sc_shares){value, one, n, true},
                                      (struct sc_draws){N_DRAWS_HELD_OUT, a->run->seed},
                                      "no prompt has so many traces that are held out", error);
    }
}

/* Fitted to the first traces of every second prompt, compared with the other traces of the others.
 */
static void hold_out_prompts(struct sc_analysis *a, const struct counts *c, struct sc_error *error)
{
    struct sc_held_out *h = &a->forecast.other_prompts;
    size_t *trials = c->trials, *harmful = c->harmful, n = 0; /* used no more */
    for (size_t p = 0; p < c->n; p += 2) {
        trials[n] = c->first_trials[p];
        harmful[n++] = c->first_harmful[p];
    }
    struct sc_attempts_forecast out = {.k = h->k, .n_k = h->n_k, .forecast = h->forecast};
    if (sc_attempts_forecast(&(struct sc_trials){trials, harmful, n}, NULL,
                             (struct sc_draws){N_DRAWS_HELD_OUT, a->run->seed}, &out,
                             error) != SC_OK)
        return;
    see_others(a, c, h, error);
    for (size_t row = 0; row < SC_N_FORECASTERS * h->n_k; row++)
        h->error[row] = difference(&h->forecast[row], &h->seen[row % h->n_k]);
}

static void hold_out_attempts(struct sc_analysis *a, struct counts *c, size_t n_traces,
                              struct sc_error *error)
{
    struct sc_held_out *h = &a->forecast.same_prompts;
    h->n_fitted = choose_fitted(n_traces);
    h->n_rest = h->n_fitted > 0 ? n_traces - h->n_fitted : 0;
    if (h->n_rest == 0)
        return;
    choose_points(h);
    keep_whole(c, h->n_rest);
    a->forecast.other_prompts = *h;
    struct sc_attempts_forecast out = {
        .k = h->k, .n_k = h->n_k, .forecast = h->forecast, .seen = h->seen, .error = h->error};
    struct sc_trials first = {c->first_trials, c->first_harmful, c->n};
    struct sc_trials rest = {c->rest_trials, c->rest_harmful, c->n};
    if (sc_attempts_forecast(&first, &rest, (struct sc_draws){N_DRAWS_HELD_OUT, a->run->seed}, &out,
                             error) == SC_OK)
        hold_out_prompts(a, c, error);
}

/* ---- prompts --------------------------------------------------------------------------------- */

static void forecast_prompts(struct sc_analysis *a, const struct counts *c, struct sc_error *error)
{
    struct sc_forecast *f = &a->forecast;
    struct sc_probabilities data = {c->share, c->n, true};
    if (sc_units_forecast(&data, (struct sc_draws){N_DRAWS_OF_TAILS, a->run->seed}, &f->prompts,
                          error) != SC_OK)
        return;
    const struct sc_beta_binomial *two = &f->fit.beta_binomial;
    struct sc_scaled_beta full = {two->n, two->alpha, two->beta, 1, NAN, two->reason};
    for (int i = 0; i < SC_N_FURTHER; i++) {
        f->beta_largest[i] = sc_scaled_beta_largest(&full, f->prompts.n_units[i]);
        f->scaled_largest[i] = sc_scaled_beta_largest(&f->fit.scaled_beta, f->prompts.n_units[i]);
    }
}

/* The number of traces whose harm is known that nine prompts in ten have. */
static size_t common_traces(const struct sc_analysis *a)
{
    size_t n = 0, most = a->n_asr, with = 0;
    for (size_t i = 0; i < a->run->n_instances; i++)
        n += belongs(a, i);
    for (; most > 0; most--) {
        with = 0;
        for (size_t i = 0; i < a->run->n_instances; i++)
            with += belongs(a, i) && a->views[a->largest].instances[i].n_known >= most;
        if (n > 0 && 10 * with >= 9 * n)
            break;
    }
    return most;
}

void sc_analyse_forecast(struct sc_analysis *a, struct sc_error *error)
{
    struct counts c = {0};
    size_t n_traces = common_traces(a);
    if (!counts_alloc(&c, a->run->n_instances)) {
        sc_fail_nomem(error, "harm by prompt");
        goto done;
    }
    count_all(a, choose_fitted(n_traces), &c);
    forecast_attempts(a, &c, error);
    forecast_prompts(a, &c, error);
    hold_out_attempts(a, &c, n_traces, error);
done:
    sc_free(c.trials);
    sc_free(c.share);
}
