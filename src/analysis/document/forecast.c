/* The document's section on more attempts and more prompts. */
#include <math.h>

#include "analysis/analysis.h"
#include "analysis/document/sections.h"

/* ---- attempts -------------------------------------------------------------------------------- */

static const char *const sources[SC_N_FORECASTERS] = {
    [SC_BY_EQUAL_RATES] = "the null: every prompt has the rate of all traces together",
    [SC_BY_BETA_BINOMIAL] = "rates are Beta(alpha, beta), maximum likelihood (Skellam, 1948; "
                            "Kazdan et al., 2025, arXiv 2510.05197)",
    [SC_BY_SCALED_BETA] = "rates are scale * Beta(alpha, beta), maximum likelihood (Schaeffer et "
                          "al., 2025, arXiv 2502.17578)",
    [SC_BY_POWER_LAW] = "-log(success at k) = scale * k^-exponent, least squares of logarithms "
                        "(Brown et al., 2024; Schaeffer et al., 2025, arXiv 2502.17578)"};

static void put_parameters(struct sc_document *out, const struct sc_attempts *fit,
                           enum sc_forecaster by)
{
    switch (by) {
    case SC_BY_EQUAL_RATES:
        sc_document_put_number(out, "rate", fit->equal_rate);
        break;
    case SC_BY_BETA_BINOMIAL:
        sc_document_put_number(out, "alpha", fit->beta_binomial.alpha);
        sc_document_put_number(out, "beta", fit->beta_binomial.beta);
        break;
    case SC_BY_SCALED_BETA:
        sc_document_put_number(out, "alpha", fit->scaled_beta.alpha);
        sc_document_put_number(out, "beta", fit->scaled_beta.beta);
        sc_document_put_number(out, "scale", fit->scaled_beta.scale);
        break;
    case SC_BY_POWER_LAW:
        sc_document_put_count(out, "n", fit->power_law.n);
        sc_document_put_count(out, "fitted_to_k", fit->power_law.to);
        sc_document_put_number(out, "scale", fit->power_law.scale);
        sc_document_put_number(out, "exponent", fit->power_law.exponent);
        sc_document_put_number(out, "bend", fit->power_law.bend);
        break;
    case SC_N_FORECASTERS:
        break;
    }
}

static void put_method(struct sc_document *out, const struct sc_analysis *a, enum sc_forecaster by)
{
    const struct sc_forecast *f = &a->forecast;
    const char *reason = sc_attempts_reason(&f->fit, by);
    size_t seen =
        by == SC_BY_POWER_LAW && f->fit.power_law.to < a->n_asr ? f->fit.power_law.to : a->n_asr;
    sc_document_put_object(out, sc_forecaster_name(by));
    sc_document_put_text(out, "meaning", sources[by]);
    put_parameters(out, &f->fit, by);
    sc_document_put_number_or(out, "check_p", f->check[by],
                              by == SC_BY_EQUAL_RATES ? "the null has no check" : reason);
    sc_document_put_flag(out, "doubtful", by == SC_BY_POWER_LAW ? f->bends : f->check[by] < 0.05);
    if (reason != NULL)
        sc_document_put_text(out, "reason", reason);
    sc_document_put_array(out, "at_k");
    for (size_t i = 0; i < f->n_k; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_count(out, "k", f->k[i]);
        sc_document_put_flag(out, "extrapolated", f->k[i] > seen);
        sc_document_put_estimate(out, "asr", &f->at[(size_t)by * f->n_k + i]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

static void put_attempts(struct sc_document *out, const struct sc_analysis *a)
{
    sc_document_put_object(out, "attempts");
    for (int by = 0; by < SC_N_FORECASTERS; by++)
        put_method(out, a, (enum sc_forecaster)by);
    sc_document_put_end(out);
}

/* ---- prompts --------------------------------------------------------------------------------- */

static void put_tail(struct sc_document *out, const char *key, const struct sc_tail *tail)
{
    sc_document_put_object(out, key);
    sc_document_put_count(out, "n", tail->n);
    sc_document_put_count(out, "n_at_0", tail->n_zero);
    sc_document_put_number(out, "mean", tail->mean);
    sc_document_put_number(out, "largest_seen", tail->largest);
    sc_document_put_number(out, "slope", tail->slope);
    sc_document_put_number(out, "intercept", tail->intercept);
    sc_document_put_number(out, "r_squared", tail->r_squared);
    sc_document_put_number_or(out, "check_p", tail->check_p, tail->reason);
    sc_document_put_flag(out, "doubtful", tail->check_p < 0.05);
    if (tail->reason != NULL)
        sc_document_put_text(out, "reason", tail->reason);
    sc_document_put_end(out);
}

static void put_prompts(struct sc_document *out, const struct sc_forecast *all)
{
    const struct sc_units_forecast *f = &all->prompts;
    sc_document_put_object(out, "prompts");
    sc_document_put_text(
        out, "meaning",
        "largest: the probability that one of so many prompts exceeds; its interval is where the "
        "largest of so many further prompts lies. any: at least one of so many further prompts "
        "succeeds, each tried once");
    sc_document_put_text(out, "method",
                         "log share of prompts above a probability linear in -log(-log p) over "
                         "the ten largest (Jones et al., 2025, arXiv 2502.16797)");
    put_tail(out, "tail", &f->tail);
    sc_document_put_array(out, "at_n");
    for (int i = 0; i < SC_N_FURTHER; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_number(out, "n_prompts", f->n_units[i]);
        sc_document_put_flag(out, "extrapolated", f->n_units[i] > (double)f->tail.n);
        sc_document_put_estimate(out, "largest", &f->largest[i]);
        sc_document_put_number(out, "largest_by_beta_binomial", all->beta_largest[i]);
        sc_document_put_number(out, "largest_by_scaled_beta", all->scaled_largest[i]);
        sc_document_put_estimate(out, "any", &f->any[i]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

static void put_prompts_held_out(struct sc_document *out, const struct sc_units_forecast *f)
{
    sc_document_put_object(out, "prompts");
    sc_document_put_count(out, "n_fitted", f->held_tail.n);
    sc_document_put_count(out, "n_held_out", f->n_held_out);
    put_tail(out, "tail", &f->held_tail);
    sc_document_put_object(out, "largest");
    sc_document_put_estimate(out, "forecast", &f->held_largest);
    sc_document_put_number_or(out, "seen", f->seen_largest, "no prompts to hold out");
    sc_document_put_end(out);
    sc_document_put_object(out, "any");
    sc_document_put_estimate(out, "forecast", &f->held_any);
    sc_document_put_number_or(out, "seen", f->seen_any, "no prompts to hold out");
    sc_document_put_end(out);
    sc_document_put_end(out);
}

/* ---- held out -------------------------------------------------------------------------------- */

static void put_held_out(struct sc_document *out, const char *key, const struct sc_held_out *h)
{
    if (h->n_rest == 0) {
        sc_document_put_absent(out, key, "nine prompts in ten must have five traces");
        return;
    }
    sc_document_put_object(out, key);
    sc_document_put_count(out, "traces_fitted", h->n_fitted);
    sc_document_put_count(out, "traces_held_out", h->n_rest);
    sc_document_put_array(out, "at_k");
    for (size_t i = 0; i < h->n_k; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_count(out, "k", h->k[i]);
        sc_document_put_flag(out, "extrapolated", h->k[i] > h->n_fitted);
        sc_document_put_estimate(out, "seen", &h->seen[i]);
        for (int by = 0; by < SC_N_FORECASTERS; by++) {
            size_t row = (size_t)by * h->n_k + i;
            sc_document_put_object(out, sc_forecaster_name((enum sc_forecaster)by));
            sc_document_put_estimate(out, "forecast", &h->forecast[row]);
            sc_document_put_estimate(out, "error", &h->error[row]);
            sc_document_put_end(out);
        }
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

void sc_document_put_forecast(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_forecast *f = &a->forecast;
    sc_document_put_object(out, "forecast");
    sc_document_put_text(out, "meaning",
                         "attack success (strict) in more attempts at the unsafe prompts, and in "
                         "more prompts like them, by several methods; what is marked extrapolated "
                         "rests on a method's shape, which these traces cannot show. held_out: "
                         "how far each was off on traces that it was not fitted to");
    sc_document_put_text(out, "policy", a->run->policy_names[a->largest]);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    sc_document_put_count(out, "n_prompts", f->fit.n);
    sc_document_put_count(out, "traces", a->n_asr);
    put_attempts(out, a);
    put_prompts(out, f);
    sc_document_put_object(out, "held_out");
    put_held_out(out, "attempts", &f->same_prompts);
    put_held_out(out, "attempts_of_other_prompts", &f->other_prompts);
    put_prompts_held_out(out, &f->prompts);
    sc_document_put_end(out);
    sc_document_put_end(out);
}
