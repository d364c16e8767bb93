/* The section "detectors": how far those agree that have read the answers. */
#include "analysis/document/sections.h"

static void put_counts(struct sc_document *out, const char *key, const unsigned char *ratings,
                       size_t n, bool harm)
{
    size_t counts[SC_N_VERDICTS + 1] = {0}, n_values = harm ? SC_N_HARMS : SC_N_VERDICTS;
    for (size_t i = 0; i < n; i++)
        counts[ratings[i] < n_values ? ratings[i] : n_values]++;
    sc_document_put_object(out, key);
    for (size_t v = 0; v < n_values; v++)
        sc_document_put_count(out, sc_detectors_rating(harm, v), counts[v]);
    sc_document_put_count(out, "not_read", counts[n_values]);
    sc_document_put_end(out);
}

/* The guard's reading of the prompts against the benchmark's labels. */
static void put_prompts(struct sc_document *out, const struct sc_run *run,
                        const struct sc_run_opinion *opinion)
{
    size_t table[SC_N_LABELS][SC_N_HARMS] = {{0}};
    for (size_t i = 0; i < run->n_instances; i++)
        if (opinion->prompt_harms[i] < SC_N_HARMS)
            table[run->instances[i].label][opinion->prompt_harms[i]]++;
    sc_document_put_object(out, "prompts");
    for (size_t l = 0; l < SC_N_LABELS; l++) {
        sc_document_put_object(out, sc_label_name((enum sc_label)l));
        for (size_t h = 0; h < SC_N_HARMS; h++)
            sc_document_put_count(out, sc_harm_name((enum sc_harm)h), table[l][h]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

/* Of a judge that was asked repeatedly. */
static void put_repeats(struct sc_document *out, const struct sc_run_repeats *repeats,
                        const struct sc_self_agreement *self)
{
    static const char *const names[SC_N_SELF] = {"refused", "harmful_strict", "harmful_loose"};
    sc_document_put_object(out, "repeats");
    sc_document_put_count(out, "asked", repeats->n);
    sc_document_put_number(out, "temperature", repeats->temperature);
    sc_document_put_flag(out, "deterministic", repeats->deterministic);
    for (int of = 0; of < SC_N_SELF; of++) {
        const struct sc_self *s = &self->of[of];
        if (self->reason != NULL) {
            sc_document_put_absent(out, names[of], self->reason);
            continue;
        }
        sc_document_put_object(out, names[of]);
        sc_document_put_count(out, "n", s->n);
        sc_document_put_estimate(out, "unanimous", &s->unanimous);
        sc_document_put_estimate(out, "pairs_differing", &s->differing);
        sc_document_put_estimate(out, "alpha", &s->alpha);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

static void put_rater(struct sc_document *out, const struct sc_run *run,
                      const struct sc_run_opinion *opinion, const struct sc_estimate *score,
                      const struct sc_self_agreement *self)
{
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "name", opinion->name);
    if (opinion->n_verdicts)
        put_counts(out, "verdicts", opinion->verdicts, run->n_opinion_traces, false);
    if (opinion->n_harms)
        put_counts(out, "harms", opinion->harms, run->n_opinion_traces, true);
    if (opinion->n_prompts)
        put_prompts(out, run, opinion);
    if (opinion->n_rubric_scores > 0)
        sc_document_put_estimate(out, "score", score);
    if (opinion->repeats.n > 0)
        put_repeats(out, &opinion->repeats, self);
    sc_document_put_end(out);
}

static void put_agreement(struct sc_document *out, const char *key,
                          const struct sc_agreement *agreement)
{
    struct sc_estimate kappa = sc_detectors_kappa(agreement);
    sc_document_put_object(out, key);
    sc_document_put_count(out, "n", agreement->n);
    sc_document_put_number(out, "observed", agreement->observed);
    sc_document_put_number(out, "expected", agreement->expected);
    sc_document_put_estimate(out, "kappa", &kappa);
    sc_document_put_end(out);
}

static void put_pair(struct sc_document *out, const struct sc_run *run,
                     const struct sc_detector_pair *pair)
{
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "first", pair->a->name);
    sc_document_put_text(out, "second", pair->b->name);
    sc_document_put_text(out, "of", pair->harm ? "harm" : "verdict");
    put_agreement(out, pair->harm ? "harmful_strict" : "refused", &pair->binary);
    put_agreement(out, "all_values", &pair->named);
    sc_document_put_object(out, "table"); /* first rater's value, then the second's */
    for (size_t i = 0; i < pair->named.n_categories; i++) {
        sc_document_put_object(out, sc_detectors_rating(pair->harm, i));
        for (size_t j = 0; j < pair->named.n_categories; j++)
            sc_document_put_count(out, sc_detectors_rating(pair->harm, j), pair->named.table[i][j]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_count(out, "n_disagreements", pair->n_disagreements);
    sc_document_put_array(out, "disagreements");
    for (size_t k = 0; k < pair->n_disagreements && k < SC_MOST_DISAGREEMENTS; k++) {
        const struct sc_disagreement *d = &pair->disagreements[k];
        size_t at = run->first_trace[d->instance] + d->trace;
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "instance_id", run->instances[d->instance].id);
        sc_document_put_count(out, "trace", d->trace);
        sc_document_put_text(out, "first", sc_detectors_said(pair, pair->a, at));
        sc_document_put_text(out, "second", sc_detectors_said(pair, pair->b, at));
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

void sc_document_put_detectors(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_run *run = a->run;
    if (!run->judged_again) {
        sc_document_put_absent(
            out, "detectors",
            "one detector read the answers, and no other since (safeconf classify)");
        return;
    }
    sc_document_put_object(out, "detectors");
    sc_document_put_object(out, "reading"); /* what every other figure of this file rests on */
    sc_document_put_text(out, "detector", run->detector);
    sc_document_put_text(out, "judge", run->judge);
    sc_document_put_end(out);
    sc_document_put_array(out, "raters");
    for (size_t i = 0; i < run->n_opinions; i++)
        put_rater(out, run, &run->opinions[i], &a->comparison.scores[i], &a->comparison.self[i]);
    sc_document_put_end(out);
    sc_document_put_array(out, "pairs");
    for (size_t i = 0; i < a->comparison.n_pairs; i++)
        put_pair(out, run, &a->comparison.pairs[i]);
    sc_document_put_end(out);
    sc_document_put_end(out);
}
