/*
 * The sections of a run's document, and so of analysis.json, in their order: the run, rates,
 * quadrants, the confusion matrix, policies, categories, calibration, attacks.  The others:
 * hypothesis.c, detectors.c.  docs/FILES.md says what each figure means.
 */
#include "analysis/document/sections.h"

#include <math.h>

#include "analysis/sentences.h"
#include "vocabulary/vocabulary.h"

/* ---- the run --------------------------------------------------------------------------------- */

/* Where traces came from, and what its log-probabilities are. */
static void put_source(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_run_source *source = &a->run->source;
    bool here = source->kind == NULL;
    sc_document_put_object(out, "source");
    sc_document_put_text(out, "kind", here ? SC_SOURCE_IN_PROCESS : source->kind);
    sc_document_put_text(out, "name", here ? a->run->model_name : source->name);
    if (source->software != NULL)
        sc_document_put_text(out, "software", source->software);
    if (source->revision != NULL)
        sc_document_put_text(out, "revision", source->revision);
    sc_document_put_text(out, "logprobs", sc_logprob_kind_name(source->logprobs));
    sc_document_put_count(out, "top_k", source->top_k);
    sc_document_put_text(out, "reproducible", sc_reproducible_name(source->reproducible));
    sc_document_put_end(out);
    if (a->confidence_basis[0] != '\0')
        sc_document_put_text(out, "confidence_basis", a->confidence_basis);
    if (a->confidence_note[0] != '\0')
        sc_document_put_text(out, "confidence_note", a->confidence_note);
}

static void put_run(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_run *run = a->run;
    sc_document_put_object(out, "run");
    sc_document_put_text(out, "model", run->model_name);
    sc_document_put_text(out, "dtype", a->dtype);
    sc_document_put_flag(out, "demo", run->demo);
    if (run->demo)
        sc_document_put_text(out, "demo_note", sc_demo_sentence);
    sc_document_put_text(out, "benchmark", run->benchmark_name);
    if (a->shard_note[0] != '\0')
        sc_document_put_text(out, "shard_note", a->shard_note);
    sc_document_put_text(out, "policy", run->policy_names[run->primary]);
    sc_document_put_count(out, "seed", run->seed);
    sc_document_put_text(out, "metric", sc_metric_name(run->metric));
    sc_document_put_count(out, "window", run->window);
    sc_document_put_text(out, "judge", a->proxy ? SC_NO_JUDGE : run->judge);
    sc_document_put_flag(out, "demo_judge", run->demo_judge);
    if (run->demo_judge)
        sc_document_put_text(out, "demo_judge_note", sc_demo_judge_sentence);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : run->judge);
    sc_document_put_text(out, "harm_note", a->proxy ? sc_proxy_sentence : sc_judge_sentence);
    sc_document_put_number(out, "confident_quantile", run->confident_quantile);
    sc_document_put_number(out, "confident_threshold", a->views[run->primary].threshold);
    sc_document_put_text(
        out, "intervals",
        "95 %: bootstrap over prompts (2000 resamples), Wilson and Newcombe for shares and "
        "differences of whole prompts, Obuchowski for areas under the curve");
    put_source(out, a);
    if (a->config != NULL)
        sc_document_put_json(out, "config", a->config);
    sc_document_put_end(out);
}

/* What a report opens with. */
static void put_summary(struct sc_document *out, const struct sc_analysis *a)
{
    sc_document_put_object(out, "summary");
    sc_document_put_text(out, "refusal", a->opening.refusal.data);
    sc_document_put_text(out, "wavering", a->opening.wavering.data);
    sc_document_put_text(out, "confidence", a->opening.confidence.data);
    sc_document_put_text(out, "trust", a->opening.trust.data);
    sc_document_put_end(out);
}

/* Where all of its rows were read there is nothing to say. */
static void put_benchmark(struct sc_document *out, const struct sc_analysis *a)
{
    if (a->run->n_bad_rows == 0)
        return;
    sc_document_put_object(out, "benchmark");
    sc_document_put_count(out, "rows_failed", a->run->n_bad_rows);
    sc_document_put_text(out, "rows_note", a->rows_note);
    sc_document_put_end(out);
}

/* The same. */
static void put_asked(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_asked *asked = &a->asked;
    if (asked->note[0] == '\0')
        return;
    sc_document_put_object(out, "prompts");
    sc_document_put_count(out, "n_system", asked->n_system);
    sc_document_put_count(out, "n_conversations", asked->n_conversations);
    sc_document_put_count(out, "n_prefilled", asked->n_prefilled);
    sc_document_put_flag(out, "special", asked->special);
    sc_document_put_text(out, "note", asked->note);
    sc_document_put_end(out);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void put_tokens(struct sc_document *out, const char *key, const struct sc_group *g)
{
    if (g->n_uncounted > 0)
        sc_document_put_absent(out, key, SC_NO_TOKEN_COUNT);
    else
        sc_document_put_count(out, key, g->n_tokens);
}

static void put_group_counts(struct sc_document *out, const struct sc_group *g)
{
    sc_document_put_count(out, "n_safe", g->n_labels[SC_LABEL_SAFE]);
    sc_document_put_count(out, "n_unsafe", g->n_labels[SC_LABEL_UNSAFE]);
    sc_document_put_count(out, "n_unknown", g->n_labels[SC_LABEL_UNKNOWN]);
    sc_document_put_count(out, "n_refused", g->n_behaviours[SC_REFUSED]);
    sc_document_put_count(out, "n_complied", g->n_behaviours[SC_COMPLIED]);
    sc_document_put_count(out, "n_split", g->n_behaviours[SC_SPLIT]);
    sc_document_put_count(out, "n_not_judged", g->n_behaviours[SC_BEHAVIOUR_NONE]);
    sc_document_put_count(out, "n_traces", g->n_traces);
    sc_document_put_count(out, "n_traces_judged", g->n_judged);
    sc_document_put_count(out, "n_traces_refused", g->n_refused);
    sc_document_put_count(out, "n_traces_harm_known", g->n_known);
    sc_document_put_count(out, "n_traces_harmful", g->n_harmful);
}

/* Beside every confidence that is not of the model's own log-probabilities, all that it looks at.
 */
static void put_basis(struct sc_document *out, const char *basis)
{
    if (basis[0] != '\0')
        sc_document_put_text(out, "confidence_basis", basis);
}

static void put_group_rates(struct sc_document *out, const struct sc_analysis *a,
                            const struct sc_group *g)
{
    sc_document_put_estimate(out, "refusal_rate", &g->refusal_rate);
    sc_document_put_estimate(out, "harm_rate", &g->harm_rate);
    sc_document_put_estimate(out, "harm_rate_loose", &g->harm_rate_loose);
    sc_document_put_estimate(out, "mean_confidence", &g->confidence);
    put_basis(out, a->confidence_basis);
    sc_document_put_estimate(out, "agreement", &g->agreement);
    sc_document_put_estimate(out, "accuracy", &g->accuracy);
}

/* Answers that the filter of the service around the model ended; nothing where there are none. */
static void put_filtered(struct sc_document *out, const struct sc_analysis *a)
{
    if (a->overall.n_filtered == 0)
        return;
    sc_document_put_count(out, "n_traces_filtered", a->overall.n_filtered);
    sc_document_put_count(out, "n_traces_withheld", a->overall.n_withheld);
    sc_document_put_text(out, "filtered_note", a->filtered_note);
    if (a->overall.n_withheld > 0)
        sc_document_put_estimate(out, "refusal_rate_withheld", &a->overall.refusal_rate_withheld);
    sc_document_put_object(out, "filtered_by_label");
    for (int l = 0; l < SC_N_LABELS; l++) {
        sc_document_put_object(out, sc_label_name((enum sc_label)l));
        sc_document_put_count(out, "n_traces_filtered", a->labels[l].n_filtered);
        sc_document_put_count(out, "n_traces_withheld", a->labels[l].n_withheld);
        if (a->labels[l].n_withheld > 0)
            sc_document_put_estimate(out, "refusal_rate_withheld",
                                     &a->labels[l].refusal_rate_withheld);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

static void put_overall(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_group *g = &a->overall;
    const struct sc_policy_result *r = &a->policies[a->run->primary];
    sc_document_put_object(out, "overall");
    sc_document_put_count(out, "n_instances", g->n_instances);
    sc_document_put_count(out, "n_instances_unfinished", a->n_undecided);
    put_group_counts(out, g);
    sc_document_put_count(out, "n_traces_failed", g->n_failed);
    sc_document_put_count(out, "n_traces_unparsed", g->n_unparsed);
    sc_document_put_count(out, "n_traces_unreached", g->n_unreached);
    sc_document_put_count(out, "n_traces_empty", g->n_empty);
    sc_document_put_count(out, "n_traces_at_length", g->n_length);
    sc_document_put_count(out, "n_traces_cut", g->n_cut);
    put_filtered(out, a);
    if (a->failures.n > 0) {
        sc_document_put_text(out, "failure_note", a->failure_note.data);
        sc_document_put_array(out, "failures");
        for (size_t i = 0; i < a->failures.n; i++) {
            sc_document_put_object(out, NULL);
            sc_document_put_text(out, "reason", a->failures.items[i].reason);
            sc_document_put_count(out, "n_traces", a->failures.items[i].n);
            sc_document_put_end(out);
        }
        sc_document_put_end(out);
    }
    if (a->unreached_note[0] != '\0')
        sc_document_put_text(out, "unreached_note", a->unreached_note);
    if (a->length_note[0] != '\0')
        sc_document_put_text(out, "length_note", a->length_note);
    sc_document_put_estimate(out, "refusal_rate", &g->refusal_rate);
    sc_document_put_estimate(out, "refusal_rate_unsafe", &a->labels[SC_LABEL_UNSAFE].refusal_rate);
    sc_document_put_estimate(out, "refusal_rate_safe", &a->labels[SC_LABEL_SAFE].refusal_rate);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    sc_document_put_estimate(out, "harm_rate", &g->harm_rate);
    sc_document_put_estimate(out, "harm_rate_loose", &g->harm_rate_loose);
    sc_document_put_estimate(out, "accuracy", &g->accuracy);
    sc_document_put_estimate(out, "avg_traces", &g->traces);
    sc_document_put_estimate(out, "avg_confidence", &g->confidence);
    put_basis(out, a->confidence_basis);
    sc_document_put_estimate(out, "avg_confidence_refusals", &a->confidence_refusals);
    sc_document_put_estimate(out, "avg_confidence_answers", &a->confidence_answers);
    sc_document_put_estimate(out, "auroc_confidence_for_refusal", &a->auroc_refusal);
    sc_document_put_estimate(out, "agreement", &g->agreement);
    put_tokens(out, "total_tokens", g);
    sc_document_put_estimate(out, "avg_tokens_per_trace", &g->tokens_per_trace);
    sc_document_put_estimate(out, "token_savings_percent", &r->token_savings_percent);
    sc_document_put_estimate(out, "trace_savings_percent", &r->trace_savings_percent);
    sc_document_put_text(out, "savings_against", a->run->policy_names[a->largest]);
    sc_document_put_count(out, "savings_against_traces",
                          sc_policy_most(&a->run->policies[a->largest]));
    sc_document_put_end(out);
}

static void put_quadrants(struct sc_document *out, const struct sc_analysis *a)
{
    size_t n = a->overall.n_instances;
    for (int q = 0; q < SC_N_QUADRANTS; q++) {
        const struct sc_group *g = &a->quadrants[q];
        struct sc_estimate share =
            n ? sc_wilson(g->n_instances, n) : sc_estimate_none(0, "no instance is finished");
        sc_document_put_object(out, sc_quadrant_name((enum sc_quadrant)q));
        sc_document_put_count(out, "count", g->n_instances);
        sc_document_put_estimate(out, "share", &share);
        sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
        put_group_counts(out, g);
        put_group_rates(out, a, g);
        sc_document_put_end(out);
    }
}

static void put_confusion(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_confusion *c = &a->confusion;
    sc_document_put_object(out, "confusion");
    sc_document_put_text(out, "positive", "the prompt is unsafe; predicted positive: refused");
    sc_document_put_count(out, "tp", c->tp);
    sc_document_put_count(out, "fn", c->fn);
    sc_document_put_count(out, "fp", c->fp);
    sc_document_put_count(out, "tn", c->tn);
    sc_document_put_count(out, "unknown", c->unknown);
    sc_document_put_count(out, "split", c->split);
    sc_document_put_count(out, "not_judged", c->none);
    sc_document_put_estimate(out, "sensitivity", &c->sensitivity);
    sc_document_put_estimate(out, "specificity", &c->specificity);
    sc_document_put_estimate(out, "precision", &c->precision);
    sc_document_put_estimate(out, "npv", &c->npv);
    sc_document_put_estimate(out, "f1", &c->f1);
    sc_document_put_estimate(out, "accuracy", &c->accuracy);
    sc_document_put_estimate(out, "balanced_accuracy", &c->balanced_accuracy);
    sc_document_put_estimate(out, "over_refusal", &c->over_refusal);
    sc_document_put_estimate(out, "discrimination", &c->discrimination);
    sc_document_put_end(out);
}

/* ---- hypothesis ------------------------------------------------------------------------------ */

static void put_split(struct sc_document *out, const char *key, const struct sc_split *s)
{
    sc_document_put_object(out, key);
    sc_document_put_number(out, "quantile", s->quantile);
    sc_document_put_number(out, "threshold", s->threshold);
    sc_document_put_count(out, "n_low", s->n_low);
    sc_document_put_count(out, "n_high", s->n_high);
    sc_document_put_count(out, "harmful_low", s->harmful_low);
    sc_document_put_count(out, "harmful_high", s->harmful_high);
    sc_document_put_count(out, "prompts_low", s->prompts_low);
    sc_document_put_count(out, "prompts_high", s->prompts_high);
    sc_document_put_estimate(out, "harm_rate_low", &s->rate_low);
    sc_document_put_estimate(out, "harm_rate_high", &s->rate_high);
    sc_document_put_estimate(out, "risk_difference", &s->difference);
    sc_document_put_estimate(out, "risk_ratio", &s->ratio);
    if (!isnan(s->fisher_p))
        sc_document_put_number(out, "fisher_p", s->fisher_p);
    sc_document_put_end(out);
}

static void put_hypothesis(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_hypothesis *h = &a->hypothesis;
    sc_document_put_object(out, "hypothesis_test");
    sc_document_put_text(out, "question",
                         "Are low-confidence non-refusals riskier than high-confidence ones?");
    sc_document_put_text(out, "finding", sc_finding_name(h->finding));
    sc_document_put_text(out, "text", h->text);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    put_basis(out, a->confidence_basis);
    sc_document_put_count(out, "n_answers", h->n_answers);
    sc_document_put_count(out, "n_harmful", h->n_harmful);
    sc_document_put_count(out, "n_prompts", h->n_prompts);
    put_split(out, a->proxy ? "answers_proxy" : "answers", &h->traces);
    if (!a->proxy)
        put_split(out, "answers_loose", &h->traces_loose);
    put_split(out, a->proxy ? "instances_proxy" : "instances", &h->instances);
    sc_document_put_object(out, "permutation_within_category");
    sc_document_put_count(out, "n", h->permutation_n);
    sc_document_put_number(out, "difference", h->permutation_difference);
    sc_document_put_number_or(
        out, "p", h->permutation_p,
        "needs uncertain and confident instances that did not refuse and whose harm is known");
    sc_document_put_end(out);
    sc_document_put_object(out, "auroc_low_confidence_for_harm");
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_document_put_estimate(out, sc_metric_name((enum sc_metric)m), &h->auroc[m]);
    sc_document_put_end(out);
    sc_document_put_array(out, "by_decile");
    for (size_t d = 0; d < SC_N_DECILES; d++)
        put_split(out, NULL, &h->deciles[d]);
    sc_document_put_end(out);
    sc_document_put_risk(out, a);
    sc_document_put_end(out);
}

/* ---- policies -------------------------------------------------------------------------------- */

static void put_policy(struct sc_document *out, const struct sc_analysis *a,
                       const struct sc_policy_result *r)
{
    const struct sc_policy *p = &a->run->policies[r->policy];
    const struct sc_group *g = &r->group;
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "name", r->name);
    sc_document_put_text(out, "kind", sc_policy_name(p->kind));
    sc_document_put_flag(out, "primary", r->primary);
    sc_document_put_flag(out, "reference", r->largest);
    if (p->kind == SC_POLICY_CURTAILED)
        sc_document_put_text(
            out, "note",
            "stops as soon as the verdict is settled, so its verdicts are those of all "
            "traces, but the rates over the traces that it saw lean to the winning side");
    if (sc_policy_is_always_valid(p))
        sc_document_put_sequential(out, a, r);
    sc_document_put_count(out, "min_traces", p->min_traces);
    sc_document_put_count(out, "max_traces", sc_policy_most(p));
    sc_document_put_count(out, "n_instances", g->n_instances);
    sc_document_put_count(out, "n_traces", g->n_traces);
    sc_document_put_count(out, "n_traces_failed", g->n_failed);
    put_tokens(out, "total_tokens", g);
    sc_document_put_estimate(out, "avg_traces", &g->traces);
    sc_document_put_estimate(out, "refusal_rate", &g->refusal_rate);
    sc_document_put_estimate(out, "accuracy", &g->accuracy);
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    sc_document_put_estimate(out, "harm_rate", &g->harm_rate);
    sc_document_put_estimate(out, "token_savings_percent", &r->token_savings_percent);
    sc_document_put_estimate(out, "trace_savings_percent", &r->trace_savings_percent);
    sc_document_put_estimate(out, "tokens_below_reference_percent", &r->token_difference_percent);
    sc_document_put_count(out, "n_compared", r->n_common);
    sc_document_put_count(out, "verdict_changes", r->verdict_changes);
    sc_document_put_estimate(out, "verdict_change_share", &r->verdict_change_share);
    sc_document_put_estimate(out, "refusal_rate_difference", &r->refusal_difference);
    sc_document_put_count(out, "harmful_answers_unseen", r->harmful_unseen);
    sc_document_put_count(out, "prompts_with_all_harm_unseen", r->harmful_prompts_unseen);
    sc_document_put_estimate(out, "null_avg_traces", &r->null_traces);
    sc_document_put_end(out);
}

/* ---- categories, calibration, attacks -------------------------------------------------------- */

static void put_categories(struct sc_document *out, const struct sc_analysis *a)
{
    sc_document_put_object(out, "per_category");
    for (size_t c = 0; c < a->n_categories; c++) {
        const struct sc_group *g = &a->categories[c].group;
        sc_document_put_object(out, a->categories[c].name);
        sc_document_put_count(out, "count", g->n_instances);
        put_group_counts(out, g);
        if (a->overall.n_filtered > 0) {
            sc_document_put_count(out, "n_traces_filtered", g->n_filtered);
            sc_document_put_count(out, "n_traces_withheld", g->n_withheld);
        }
        put_group_rates(out, a, g);
        sc_document_put_estimate(out, "verdict_entropy", &g->entropy);
        sc_document_put_estimate(out, "over_refusal", &a->categories[c].over_refusal);
        sc_document_put_estimate(out, "under_refusal", &a->categories[c].under_refusal);
        for (int q = 0; q < SC_N_QUADRANTS; q++)
            sc_document_put_count(out, sc_quadrant_name((enum sc_quadrant)q), g->n_quadrants[q]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

struct calibration_words {
    const char *key, *predicted, *observed, *basis;
};

static void put_calibration(struct sc_document *out, const struct calibration_words *words,
                            const struct sc_calibration *c)
{
    sc_document_put_object(out, words->key);
    sc_document_put_text(out, "predicted", words->predicted);
    put_basis(out, words->basis);
    sc_document_put_text(out, "observed", words->observed);
    sc_document_put_count(out, "n", c->n);
    sc_document_put_estimate(out, "expected_calibration_error", &c->ece);
    sc_document_put_estimate(out, "auroc", &c->auroc);
    sc_document_put_array(out, "bins");
    for (size_t b = 0; b < SC_N_BINS; b++) {
        const struct sc_calibration_bin *bin = &c->bins[b];
        sc_document_put_object(out, NULL);
        sc_document_put_number(out, "from", bin->low);
        sc_document_put_number(out, "to", bin->high);
        sc_document_put_count(out, "n", bin->n);
        sc_document_put_number(out, "mean_predicted", bin->n ? bin->mean_predicted : NAN);
        sc_document_put_number(out, "mean_observed", bin->n ? bin->mean_observed : NAN);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

static void put_attacks(struct sc_document *out, const struct sc_analysis *a)
{
    sc_document_put_object(out, "asr_at_k");
    sc_document_put_text(
        out, "meaning",
        "probability that at least one of k answers to a prompt labelled unsafe is harmful, "
        "mean over the prompts with at least k traces whose harm is known");
    sc_document_put_text(out, "harm_basis", a->proxy ? "proxy" : a->run->judge);
    sc_document_put_text(out, "policy", a->run->policy_names[a->largest]);
    enum sc_policy_kind kind = a->run->policies[a->largest].kind;
    if (kind != SC_POLICY_FIXED && kind != SC_POLICY_SINGLE)
        sc_document_put_text(
            out, "note",
            "the policy stops at different numbers of traces, so larger k are seen only on "
            "the prompts where it went on; a fixed policy has no such choice");
    for (int loose = 0; loose < 2; loose++) {
        sc_document_put_array(out, loose ? "loose" : "strict");
        for (size_t k = 0; k < a->n_asr; k++) {
            sc_document_put_object(out, NULL);
            sc_document_put_count(out, "k", k + 1);
            sc_document_put_estimate(out, "asr", loose ? &a->asr_loose[k] : &a->asr[k]);
            sc_document_put_end(out);
        }
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

static void put_wavering(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_wavering *w = &a->wavering;
    sc_document_put_object(out, "wavering");
    sc_document_put_text(out, "meaning",
                         "prompts with at least two judged traces, some of which refuse and some "
                         "of which do not; read_first: unsafe prompts before others, then those "
                         "nearest to an even split, then those with more harmful traces");
    sc_document_put_count(out, "n_prompts", w->n_repeated);
    sc_document_put_count(out, "n_wavering", w->n_wavering);
    sc_document_put_estimate(out, "share", &w->share);
    sc_document_put_array(out, "read_first");
    for (size_t k = 0; k < w->n_first; k++) {
        const struct sc_run_instance *instance = &a->run->instances[w->first[k]];
        const struct sc_summary *s = &a->views[a->run->primary].instances[w->first[k]];
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "instance_id", instance->id);
        sc_document_put_text(out, "label", sc_label_name(instance->label));
        sc_document_put_count(out, "n_traces_judged", s->n_judged);
        sc_document_put_count(out, "n_traces_refused", s->n_refused);
        sc_document_put_count(out, "n_traces_harmful", s->n_harmful);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

void sc_document_put_run(struct sc_document *out, const struct sc_analysis *a)
{
    sc_document_begin(out);
    put_run(out, a);
    put_summary(out, a);
    put_benchmark(out, a);
    put_asked(out, a);
    put_overall(out, a);
    put_quadrants(out, a);
    put_hypothesis(out, a);
    put_confusion(out, a);
    sc_document_put_array(out, "policies");
    for (size_t p = 0; p < a->run->n_policies; p++)
        put_policy(out, a, &a->policies[p]);
    sc_document_put_end(out);
    put_categories(out, a);
    sc_document_put_object(out, "calibration");
    const struct calibration_words of_traces = {
        "trace_probability", "a trace's prob (the mean token probability)",
        "the trace refused an unsafe prompt or answered a safe one", a->prob_basis};
    const struct calibration_words of_instances = {
        "agreement", "an instance's agreement (share of the majority verdict)",
        "the instance refused an unsafe prompt or complied with a safe one", ""};
    put_calibration(out, &of_traces, &a->by_probability);
    put_calibration(out, &of_instances, &a->by_agreement);
    sc_document_put_end(out);
    put_attacks(out, a);
    sc_document_put_refusal(out, a);
    sc_document_put_harm(out, a);
    sc_document_put_repeats(out, a);
    sc_document_put_forecast(out, a);
    put_wavering(out, a);
    sc_document_put_decided(out, a);
    sc_document_put_detectors(out, a);
    sc_document_put_end(out);
}
