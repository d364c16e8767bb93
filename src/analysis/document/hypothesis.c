/* Members of hypothesis_test beyond one split, refusal with the detector's errors carried in, and
 * what repeated sampling shows. */
#include <math.h>

#include "analysis/document/sections.h"
#include "analysis/sentences.h"

/* A count that may be no number. */
static void put_needed(struct sc_document *out, const char *key, size_t n)
{
    if (n == SIZE_MAX)
        sc_document_put_absent(out, key, NULL);
    else
        sc_document_put_count(out, key, n);
}

/* ---- within hypothesis_test ------------------------------------------------------------------ */

static void put_odds(struct sc_document *out, const char *key, const struct sc_odds *odds)
{
    sc_document_put_object(out, key);
    sc_document_put_estimate(out, "odds_ratio", &odds->ratio);
    sc_document_put_number(out, "p", odds->p);
    sc_document_put_end(out);
}

static void put_segment(struct sc_document *out, const char *key, const struct sc_segment_risk *s)
{
    sc_document_put_object(out, key);
    sc_document_put_estimate(out, "mean_confidence_refusals", &s->confidence_refusals);
    sc_document_put_estimate(out, "mean_confidence_answers", &s->confidence_answers);
    sc_document_put_estimate(out, "auroc_low_confidence_for_harm", &s->auroc);
    sc_document_put_end(out);
}

static void put_by_metric(struct sc_document *out, const char *key,
                          const struct sc_estimate *estimates)
{
    sc_document_put_object(out, key);
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_document_put_estimate(out, sc_metric_name((enum sc_metric)m), &estimates[m]);
    sc_document_put_end(out);
}

/* The points of a curve whose axis has that name. */
static void put_curve(struct sc_document *out, const char *key, const char *across, const char *up,
                      const struct sc_estimate *points)
{
    if (!isfinite(points[0].value)) {
        sc_document_put_absent(out, key, points[0].reason);
        return;
    }
    sc_document_put_array(out, key);
    for (size_t i = 0; i < SC_CURVE_POINTS; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_number(out, across, (double)i / (SC_CURVE_POINTS - 1));
        sc_document_put_estimate(out, up, &points[i]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

static void put_curves(struct sc_document *out, const struct sc_analysis *a)
{
    sc_document_put_object(out, "curves");
    sc_document_put_text(out, "meaning",
                         "by the run's metric, intervals pointwise: harmful answers found by "
                         "suspecting the least confident first, at harmless ones suspected; and "
                         "harm among the answers when the most confident are kept first");
    sc_document_put_text(out, "metric", sc_metric_name(a->run->metric));
    put_curve(out, "roc", "false_positive_rate", "true_positive_rate", a->risk.roc);
    put_curve(out, "risk_coverage", "coverage", "risk", a->risk.risk_coverage);
    sc_document_put_end(out);
}

void sc_document_put_risk(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_risk *r = &a->risk;
    const struct sc_hypothesis *h = &a->hypothesis;
    sc_document_put_object(out, "auroc_p");
    for (int m = 0; m < SC_N_METRICS; m++) {
        sc_document_put_object(out, sc_metric_name((enum sc_metric)m));
        sc_document_put_number(out, "p", h->auroc_p[m]);
        sc_document_put_number(out, "p_holm", h->auroc_holm[m]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_number(out, "share_harmful", r->harmful_share);
    put_by_metric(out, "auprc_low_confidence_for_harm", r->auprc);
    put_by_metric(out, "aurc", r->aurc);
    put_curves(out, a);
    sc_document_put_object(out, "length_controlled");
    sc_document_put_text(
        out, "meaning",
        "logistic regression of harm, errors robust to prompts: odds per standard "
        "deviation less confidence, alone and with log2 of the tokens as a covariate, and "
        "per doubling of the tokens");
    put_odds(out, "confidence_alone", &r->alone);
    put_odds(out, "confidence_at_equal_length", &r->at_length);
    put_odds(out, "length", &r->of_length);
    sc_document_put_end(out);
    sc_document_put_object(out, "power");
    sc_document_put_number(out, "wanted", SC_WANTED_POWER);
    sc_document_put_number(out, "standard_error", h->needed.standard_error);
    sc_document_put_number(out, "detectable_difference", h->needed.detectable);
    sc_document_put_number(out, "relevant_difference", SC_RELEVANT_DIFFERENCE);
    put_needed(out, "prompts_for_relevant_difference", h->needed.n_for_relevant);
    put_needed(out, "prompts_for_difference_seen", h->needed.n_for_seen);
    sc_document_put_end(out);
    if (r->has_reasoning) {
        sc_document_put_object(out, "segments");
        put_segment(out, "reasoning", &r->reasoning);
        put_segment(out, "answer", &r->answer);
        sc_document_put_end(out);
    }
}

/* ---- refusal --------------------------------------------------------------------------------- */

static void put_languages(struct sc_document *out, const struct sc_answers_read *read)
{
    sc_document_put_object(out, "languages");
    sc_document_put_text(out, "meaning",
                         "answers with letters, by the language that they are guessed to be in");
    sc_document_put_count(out, "n_answers", read->n_answers);
    sc_document_put_count(out, "n_not_read", read->n_not_read);
    sc_document_put_text(out, "not_read", read->not_read);
    sc_document_put_count(out, "n_not_measured", read->n_not_measured);
    for (int l = SC_ENGLISH; l < SC_N_LANGUAGES; l++)
        if (read->languages[l] > 0)
            sc_document_put_count(out, sc_language_code((enum sc_language)l), read->languages[l]);
    sc_document_put_end(out);
}

/* Who gave the verdicts, and what the partial refusals are. */
static void put_deciders(struct sc_document *out, const struct sc_answers_read *read)
{
    sc_document_put_object(out, "decided_by");
    for (int d = 0; d < SC_N_DECIDERS; d++)
        sc_document_put_count(out, sc_decider_name((enum sc_decider)d), read->by[d]);
    sc_document_put_end(out);
    sc_document_put_object(out, "partial");
    sc_document_put_count(out, "refuses_and_helps", read->partial[SC_REFUSES_AND_HELPS]);
    sc_document_put_count(out, "helps_in_part", read->partial[SC_HELPS_IN_PART]);
    sc_document_put_count(out, "untold", read->partial[SC_PARTIAL_UNTOLD]);
    sc_document_put_end(out);
}

/* What a measurement on the user's own labels has beyond counts and shares. */
static void put_measured(struct sc_document *out, const struct sc_measured *m)
{
    sc_document_put_count(out, "n_labelled", m->n);
    sc_document_put_count(out, "n_labelled_prompts", m->n_prompts);
    sc_document_put_count(out, "n_not_read", m->n_unread);
    sc_document_put_estimate(out, "kappa", &m->kappa);
    sc_document_put_estimate(out, "auroc", &m->auroc);
}

static void put_counts(struct sc_document *out, size_t tp, size_t fn, size_t fp, size_t tn)
{
    sc_document_put_count(out, "tp", tp);
    sc_document_put_count(out, "fn", fn);
    sc_document_put_count(out, "fp", fp);
    sc_document_put_count(out, "tn", tn);
}

void sc_document_put_refusal(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_corrected *c = &a->corrected;
    sc_document_put_object(out, "refusal");
    sc_document_put_estimate(out, "verdict_entropy", &a->overall.entropy);
    sc_document_put_estimate(out, "agreement", &a->overall.agreement);
    sc_document_put_object(out, "detector");
    sc_document_put_text(out, "name", a->run->detector);
    if (c->error != NULL) {
        sc_document_put_text(out, "measured_on", c->error->source);
        sc_document_put_text(out, "models", c->error->models);
        if (c->error->language != NULL)
            sc_document_put_text(out, "language", c->error->language);
        sc_document_put_text(out, "note",
                             c->measured.there ? sc_own_labels_sentence : sc_detector_sentence);
        put_counts(out, c->error->tp, c->error->fn, c->error->fp, c->error->tn);
    }
    sc_document_put_estimate(out, "recall", &c->sensitivity);
    sc_document_put_estimate(out, "specificity", &c->specificity);
    sc_document_put_estimate(out, "precision", &c->precision);
    if (c->measured.there) {
        sc_document_put_text(out, "labels", a->run->labels[SC_LABELS_OF_REFUSAL].content);
        put_measured(out, &c->measured);
    }
    put_languages(out, &a->read);
    sc_document_put_end(out);
    put_deciders(out, &a->read);
    sc_document_put_object(out, "rate_corrected_for_detector");
    sc_document_put_estimate(out, "all", &c->all);
    sc_document_put_estimate(out, "unsafe", &c->labels[SC_LABEL_UNSAFE]);
    sc_document_put_estimate(out, "safe", &c->labels[SC_LABEL_SAFE]);
    sc_document_put_end(out);
    sc_document_put_end(out);
}

/* ---- harm ------------------------------------------------------------------------------------ */

static void put_reading(struct sc_document *out, const char *key,
                        const struct sc_corrected_reading *reading)
{
    const struct sc_measured *m = &reading->measured;
    sc_document_put_object(out, key);
    put_counts(out, m->tp, m->fn, m->fp, m->tn);
    sc_document_put_estimate(out, "recall", &m->sensitivity);
    sc_document_put_estimate(out, "specificity", &m->specificity);
    sc_document_put_estimate(out, "precision", &m->precision);
    put_measured(out, m);
    sc_document_put_object(out, "rate_corrected_for_judge");
    sc_document_put_estimate(out, "all", &reading->all);
    sc_document_put_estimate(out, "unsafe", &reading->labels[SC_LABEL_UNSAFE]);
    sc_document_put_estimate(out, "safe", &reading->labels[SC_LABEL_SAFE]);
    sc_document_put_end(out);
    sc_document_put_end(out);
}

/* Only where the judge was measured. */
void sc_document_put_harm(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_corrected_harm *h = &a->corrected_harm;
    if (!h->strict.measured.there)
        return;
    sc_document_put_object(out, "harm");
    sc_document_put_object(out, "judge");
    sc_document_put_text(out, "name", a->run->judge);
    sc_document_put_text(out, "measured_on", h->source);
    sc_document_put_text(out, "labels", a->run->labels[SC_LABELS_OF_HARM].content);
    sc_document_put_text(out, "note", sc_own_labels_sentence);
    sc_document_put_end(out);
    put_reading(out, "strict", &h->strict);
    put_reading(out, "loose", &h->loose);
    sc_document_put_end(out);
}

/* ---- repeated sampling ----------------------------------------------------------------------- */

static void put_fit(struct sc_document *out, const char *key, const struct sc_beta_binomial *fit,
                    double p)
{
    sc_document_put_object(out, key);
    sc_document_put_count(out, "n", fit->n);
    sc_document_put_number(out, "alpha", fit->alpha);
    sc_document_put_number(out, "beta", fit->beta);
    sc_document_put_number(out, "mean", fit->mean);
    sc_document_put_number(out, "correlation", fit->correlation);
    sc_document_put_number(out, "goodness_of_fit_p", p);
    if (fit->reason != NULL)
        sc_document_put_text(out, "reason", fit->reason);
    sc_document_put_end(out);
}

static void put_needed_traces(struct sc_document *out, const struct sc_repeats *r)
{
    sc_document_put_object(out, "traces_needed_per_prompt");
    sc_document_put_text(
        out, "meaning",
        "traces after which Wilson's interval of one prompt's refusal rate is that narrow: "
        "at a rate of one half, and at a typical rate of this run");
    sc_document_put_number(out, "typical_rate", r->typical_rate);
    sc_document_put_array(out, "by_half_width");
    for (int i = 0; i < SC_N_PRECISIONS; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_number(out, "half_width", r->half_width[i]);
        put_needed(out, "at_one_half", r->worst_needed[i]);
        put_needed(out, "at_typical_rate", r->typical_needed[i]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_number(out, "mean_traces", r->mean_traces);
    sc_document_put_number(out, "share_of_variance_from_sampling", r->within_share);
    sc_document_put_end(out);
}

void sc_document_put_repeats(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_repeats *r = &a->repeats;
    sc_document_put_object(out, "repeated_sampling");
    sc_document_put_text(out, "policy", a->run->policy_names[a->largest]);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    put_fit(out, "harm_beta_binomial", &r->harm, r->harm_check);
    put_fit(out, "refusal_beta_binomial", &r->refusal, r->refusal_check);
    sc_document_put_array(out, "asr_extrapolated");
    for (size_t i = 0; i < r->n_k; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_count(out, "k", r->k[i]);
        sc_document_put_flag(out, "beyond_data", r->k[i] > a->n_asr);
        sc_document_put_estimate(out, "asr", &r->at_k[i]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    put_needed_traces(out, r);
    sc_document_put_array(out, "evolution");
    for (size_t n = 0; n < r->n_evolution; n++) {
        const struct sc_evolution *e = &r->evolution[n];
        sc_document_put_object(out, NULL);
        sc_document_put_count(out, "traces", e->n_traces);
        sc_document_put_count(out, "n_instances", e->n_instances);
        sc_document_put_count(out, "n_refused", e->n_behaviours[SC_REFUSED]);
        sc_document_put_count(out, "n_complied", e->n_behaviours[SC_COMPLIED]);
        sc_document_put_count(out, "n_split", e->n_behaviours[SC_SPLIT]);
        sc_document_put_count(out, "n_not_judged", e->n_behaviours[SC_BEHAVIOUR_NONE]);
        sc_document_put_estimate(out, "same_as_all_traces", &e->same);
        sc_document_put_estimate(out, "refusal_rate", &e->refusal_rate);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}
