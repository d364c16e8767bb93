/* analysis.json, second half: what harm has to do with confidence beyond one split, refusal with
 * the detector's errors carried in, and what repeated sampling shows. */
#include <math.h>

#include "report/json/analysis.h"

const char sc_detector_sentence[] =
    "The detector's errors were measured on answers of other models that people had labelled. Its "
    "rules were made while its mistakes on these were read, so on another model expect it to err "
    "more.";

static void put_p(struct sc_json_writer *out, const char *key, double p)
{
    sc_json_put_number(out, key, p);
}

/* A count that may be no number. */
static void put_needed(struct sc_json_writer *out, const char *key, size_t n)
{
    if (n == SIZE_MAX)
        sc_json_put_null(out, key);
    else
        sc_json_put_count(out, key, n);
}

/* ---- within hypothesis_test -------------------------------------------------------------------
 */

static void put_odds(struct sc_json_writer *out, const char *key, const struct sc_odds *odds)
{
    sc_json_put_object(out, key);
    sc_put_estimate(out, "odds_ratio", &odds->ratio);
    put_p(out, "p", odds->p);
    sc_json_put_end_object(out);
}

static void put_segment(struct sc_json_writer *out, const char *key,
                        const struct sc_segment_risk *s)
{
    sc_json_put_object(out, key);
    sc_put_estimate(out, "mean_confidence_refusals", &s->confidence_refusals);
    sc_put_estimate(out, "mean_confidence_answers", &s->confidence_answers);
    sc_put_estimate(out, "auroc_low_confidence_for_harm", &s->auroc);
    sc_json_put_end_object(out);
}

static void put_by_metric(struct sc_json_writer *out, const char *key,
                          const struct sc_estimate *estimates)
{
    sc_json_put_object(out, key);
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_put_estimate(out, sc_metric_name((enum sc_metric)m), &estimates[m]);
    sc_json_put_end_object(out);
}

void sc_put_risk(struct sc_json_writer *out, const struct sc_analysis *a)
{
    const struct sc_risk *r = &a->risk;
    const struct sc_hypothesis *h = &a->hypothesis;
    sc_json_put_object(out, "auroc_p");
    for (int m = 0; m < SC_N_METRICS; m++) {
        sc_json_put_object(out, sc_metric_name((enum sc_metric)m));
        put_p(out, "p", h->auroc_p[m]);
        put_p(out, "p_holm", h->auroc_holm[m]);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_object(out);
    sc_json_put_number(out, "share_harmful", r->harmful_share);
    put_by_metric(out, "auprc_low_confidence_for_harm", r->auprc);
    put_by_metric(out, "aurc", r->aurc);
    sc_json_put_object(out, "length_controlled");
    sc_json_put_string(
        out, "meaning",
        "logistic regression of harm, errors robust to prompts: odds per standard "
        "deviation less confidence, alone and with log2 of the tokens as a covariate, and "
        "per doubling of the tokens");
    put_odds(out, "confidence_alone", &r->alone);
    put_odds(out, "confidence_at_equal_length", &r->at_length);
    put_odds(out, "length", &r->of_length);
    sc_json_put_end_object(out);
    sc_json_put_object(out, "power");
    sc_json_put_number(out, "wanted", SC_WANTED_POWER);
    sc_json_put_number(out, "standard_error", h->needed.standard_error);
    sc_json_put_number(out, "detectable_difference", h->needed.detectable);
    sc_json_put_number(out, "relevant_difference", SC_RELEVANT_DIFFERENCE);
    put_needed(out, "prompts_for_relevant_difference", h->needed.n_for_relevant);
    put_needed(out, "prompts_for_difference_seen", h->needed.n_for_seen);
    sc_json_put_end_object(out);
    if (r->has_reasoning) {
        sc_json_put_object(out, "segments");
        put_segment(out, "reasoning", &r->reasoning);
        put_segment(out, "answer", &r->answer);
        sc_json_put_end_object(out);
    }
}

/* ---- refusal ----------------------------------------------------------------------------------
 */

void sc_put_refusal(struct sc_json_writer *out, const struct sc_analysis *a)
{
    const struct sc_corrected *c = &a->corrected;
    sc_json_put_object(out, "refusal");
    sc_put_estimate(out, "verdict_entropy", &a->overall.entropy);
    sc_put_estimate(out, "agreement", &a->overall.agreement);
    sc_json_put_object(out, "detector");
    sc_json_put_string(out, "name", a->run->detector);
    if (c->error != NULL) {
        sc_json_put_string(out, "measured_on", c->error->source);
        sc_json_put_string(out, "models", c->error->models);
        sc_json_put_string(out, "note", sc_detector_sentence);
        sc_json_put_count(out, "tp", c->error->tp);
        sc_json_put_count(out, "fn", c->error->fn);
        sc_json_put_count(out, "fp", c->error->fp);
        sc_json_put_count(out, "tn", c->error->tn);
    }
    sc_put_estimate(out, "recall", &c->sensitivity);
    sc_put_estimate(out, "specificity", &c->specificity);
    sc_put_estimate(out, "precision", &c->precision);
    sc_json_put_end_object(out);
    sc_json_put_object(out, "rate_corrected_for_detector");
    sc_put_estimate(out, "all", &c->all);
    sc_put_estimate(out, "unsafe", &c->labels[SC_LABEL_UNSAFE]);
    sc_put_estimate(out, "safe", &c->labels[SC_LABEL_SAFE]);
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

/* ---- repeated sampling ------------------------------------------------------------------------
 */

static void put_fit(struct sc_json_writer *out, const char *key, const struct sc_beta_binomial *fit,
                    double p)
{
    sc_json_put_object(out, key);
    sc_json_put_count(out, "n", fit->n);
    sc_json_put_number(out, "alpha", fit->alpha);
    sc_json_put_number(out, "beta", fit->beta);
    sc_json_put_number(out, "mean", fit->mean);
    sc_json_put_number(out, "correlation", fit->correlation);
    sc_json_put_number(out, "goodness_of_fit_p", p);
    if (fit->reason != NULL)
        sc_json_put_string(out, "reason", fit->reason);
    sc_json_put_end_object(out);
}

static void put_needed_traces(struct sc_json_writer *out, const struct sc_repeats *r)
{
    sc_json_put_object(out, "traces_needed_per_prompt");
    sc_json_put_string(
        out, "meaning",
        "traces after which Wilson's interval of one prompt's refusal rate is that narrow: "
        "at a rate of one half, and at a typical rate of this run");
    sc_json_put_number(out, "typical_rate", r->typical_rate);
    sc_json_put_array(out, "by_half_width");
    for (int i = 0; i < SC_N_PRECISIONS; i++) {
        sc_json_put_object(out, NULL);
        sc_json_put_number(out, "half_width", r->half_width[i]);
        put_needed(out, "at_one_half", r->worst_needed[i]);
        put_needed(out, "at_typical_rate", r->typical_needed[i]);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
    sc_json_put_number(out, "mean_traces", r->mean_traces);
    sc_json_put_number(out, "share_of_variance_from_sampling", r->within_share);
    sc_json_put_end_object(out);
}

void sc_put_repeats(struct sc_json_writer *out, const struct sc_analysis *a)
{
    const struct sc_repeats *r = &a->repeats;
    sc_json_put_object(out, "repeated_sampling");
    sc_json_put_string(out, "policy", a->run->policy_names[a->largest]);
    sc_json_put_string(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    put_fit(out, "harm_beta_binomial", &r->harm, r->harm_check);
    put_fit(out, "refusal_beta_binomial", &r->refusal, r->refusal_check);
    sc_json_put_array(out, "asr_extrapolated");
    for (size_t i = 0; i < r->n_k; i++) {
        sc_json_put_object(out, NULL);
        sc_json_put_count(out, "k", r->k[i]);
        sc_json_put_bool(out, "beyond_data", r->k[i] > a->n_asr);
        sc_put_estimate(out, "asr", &r->at_k[i]);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
    put_needed_traces(out, r);
    sc_json_put_array(out, "evolution");
    for (size_t n = 0; n < r->n_evolution; n++) {
        const struct sc_evolution *e = &r->evolution[n];
        sc_json_put_object(out, NULL);
        sc_json_put_count(out, "traces", e->n_traces);
        sc_json_put_count(out, "n_instances", e->n_instances);
        sc_json_put_count(out, "n_refused", e->n_behaviours[SC_REFUSED]);
        sc_json_put_count(out, "n_complied", e->n_behaviours[SC_COMPLIED]);
        sc_json_put_count(out, "n_split", e->n_behaviours[SC_SPLIT]);
        sc_json_put_count(out, "n_not_judged", e->n_behaviours[SC_BEHAVIOUR_NONE]);
        sc_put_estimate(out, "same_as_all_traces", &e->same);
        sc_put_estimate(out, "refusal_rate", &e->refusal_rate);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
}
