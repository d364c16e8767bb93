/*
 * How far detectors and judges of a run agree (docs/JUDGES.md): Cohen's kappa with an interval that
 * takes prompts as clusters, the table, and the traces they disagree on.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "detection/detection.h"
#include "report/detectors.h"

/* What a rating says as yes or no; 2: neither. */
static unsigned char binary_of(unsigned char rating, bool harm)
{
    if (harm)
        return rating == SC_HARMFUL || rating == SC_CONTROVERSIAL ? 1
               : rating == SC_HARMLESS                            ? 0
                                                                  : 2;
    if (rating >= SC_N_VERDICTS || !sc_verdict_is_judged((enum sc_verdict)rating))
        return 2;
    return sc_verdict_is_refused((enum sc_verdict)rating);
}

static enum sc_status compare(const struct sc_run *run, struct sc_detector_pair *pair,
                              unsigned char *scratch, const size_t *cluster,
                              struct sc_error *error)
{
    size_t n = run->n_opinion_traces;
    const unsigned char *a = pair->harm ? pair->a->harms : pair->a->verdicts;
    const unsigned char *b = pair->harm ? pair->b->harms : pair->b->verdicts;
    enum sc_status status = sc_agreement(
        a, b, cluster, n, pair->harm ? SC_N_HARMS : SC_N_VERDICTS, &pair->named, error);
    for (size_t i = 0; i < n; i++) {
        scratch[i] = binary_of(a[i], pair->harm);
        scratch[n + i] = binary_of(b[i], pair->harm);
    }
    if (status == SC_OK)
        status = sc_agreement(scratch, scratch + n, cluster, n, 2, &pair->binary, error);
    for (size_t i = 0; i < n; i++) {
        if (scratch[i] > 1 || scratch[n + i] > 1 || scratch[i] == scratch[n + i])
            continue;
        if (pair->n_disagreements < SC_MOST_DISAGREEMENTS)
            pair->disagreements[pair->n_disagreements] =
                (struct sc_disagreement){cluster[i], i - run->first_trace[cluster[i]]};
        pair->n_disagreements++;
    }
    return status;
}

enum sc_status sc_detectors_compare(const struct sc_run *run, struct sc_detector_comparison *out,
                                    struct sc_error *error)
{
    size_t n = run->n_opinions, n_traces = run->n_opinion_traces;
    *out = (struct sc_detector_comparison){0};
    if (n < 2)
        return SC_OK;
    unsigned char *scratch = sc_alloc_zero(n_traces, 2);
    size_t *cluster = sc_alloc_array(n_traces, sizeof *cluster);
    enum sc_status status = SC_OK;
    out->pairs = sc_alloc_zero(n * (n - 1), sizeof *out->pairs);
    if (scratch == NULL || cluster == NULL || out->pairs == NULL)
        status = sc_fail_nomem(error, "comparison of detectors");
    for (size_t i = 0; status == SC_OK && i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++)
            cluster[run->first_trace[i] + t] = i;
    for (int harm = 0; harm < 2; harm++)
        for (size_t i = 0; status == SC_OK && i < n; i++)
            for (size_t j = i + 1; status == SC_OK && j < n; j++) {
                const struct sc_run_opinion *a = &run->opinions[i], *b = &run->opinions[j];
                if (harm ? !a->n_harms || !b->n_harms : !a->n_verdicts || !b->n_verdicts)
                    continue;
                out->pairs[out->n_pairs] = (struct sc_detector_pair){.a = a, .b = b, .harm = harm};
                status = compare(run, &out->pairs[out->n_pairs++], scratch, cluster, error);
            }
    sc_free(scratch);
    sc_free(cluster);
    if (status)
        sc_detector_comparison_free(out);
    return status;
}

void sc_detector_comparison_free(struct sc_detector_comparison *comparison)
{
    sc_free(comparison->pairs);
    *comparison = (struct sc_detector_comparison){0};
}

/* ---- JSON ------------------------------------------------------------------------------------ */

const char *sc_detectors_rating(bool harm, size_t value)
{
    return harm ? sc_harm_name((enum sc_harm)value) : sc_verdict_name((enum sc_verdict)value);
}

const char *sc_detectors_said(const struct sc_detector_pair *pair,
                              const struct sc_run_opinion *rater, size_t at)
{
    return sc_detectors_rating(pair->harm, pair->harm ? rater->harms[at] : rater->verdicts[at]);
}

static void put_counts(struct sc_output *out, const char *key, const unsigned char *ratings,
                       size_t n, bool harm)
{
    size_t counts[SC_N_VERDICTS + 1] = {0}, n_values = harm ? SC_N_HARMS : SC_N_VERDICTS;
    for (size_t i = 0; i < n; i++)
        counts[ratings[i] < n_values ? ratings[i] : n_values]++;
    sc_put_object(out, key);
    for (size_t v = 0; v < n_values; v++)
        sc_put_count(out, sc_detectors_rating(harm, v), counts[v]);
    sc_put_count(out, "not_read", counts[n_values]);
    sc_put_end_object(out);
}

/* The guard's reading of the prompts against the benchmark's labels. */
static void put_prompts(struct sc_output *out, const struct sc_run *run,
                        const struct sc_run_opinion *opinion)
{
    size_t table[SC_N_LABELS][SC_N_HARMS] = {{0}};
    for (size_t i = 0; i < run->n_instances; i++)
        if (opinion->prompt_harms[i] < SC_N_HARMS)
            table[run->instances[i].label][opinion->prompt_harms[i]]++;
    sc_put_object(out, "prompts");
    for (size_t l = 0; l < SC_N_LABELS; l++) {
        sc_put_object(out, sc_label_name((enum sc_label)l));
        for (size_t h = 0; h < SC_N_HARMS; h++)
            sc_put_count(out, sc_harm_name((enum sc_harm)h), table[l][h]);
        sc_put_end_object(out);
    }
    sc_put_end_object(out);
}

static void put_rater(struct sc_output *out, const struct sc_run *run,
                      const struct sc_run_opinion *opinion)
{
    sc_put_object(out, NULL);
    sc_put_string(out, "name", opinion->name);
    if (opinion->n_verdicts)
        put_counts(out, "verdicts", opinion->verdicts, run->n_opinion_traces, false);
    if (opinion->n_harms)
        put_counts(out, "harms", opinion->harms, run->n_opinion_traces, true);
    if (opinion->n_prompts)
        put_prompts(out, run, opinion);
    sc_put_end_object(out);
}

struct sc_estimate sc_detectors_kappa(const struct sc_agreement *agreement)
{
    struct sc_estimate kappa = {.value = agreement->kappa,
                                .low = agreement->low,
                                .high = agreement->high,
                                .n = agreement->n};
    if (agreement->n == 0)
        kappa.reason = "no trace that both have judged";
    else if (isnan(kappa.value))
        kappa.reason = "both always say the same one thing, so chance agreement is complete";
    else if (isnan(kappa.low))
        kappa.reason = "no interval: leaving out any one prompt changes nothing, or too much";
    return kappa;
}

static void put_agreement(struct sc_output *out, const char *key,
                          const struct sc_agreement *agreement)
{
    struct sc_estimate kappa = sc_detectors_kappa(agreement);
    sc_put_object(out, key);
    sc_put_count(out, "n", agreement->n);
    sc_put_number(out, "observed", agreement->observed);
    sc_put_number(out, "expected", agreement->expected);
    sc_put_estimate(out, "kappa", &kappa);
    sc_put_end_object(out);
}

static void put_pair(struct sc_output *out, const struct sc_run *run,
                     const struct sc_detector_pair *pair)
{
    sc_put_object(out, NULL);
    sc_put_string(out, "first", pair->a->name);
    sc_put_string(out, "second", pair->b->name);
    sc_put_string(out, "of", pair->harm ? "harm" : "verdict");
    put_agreement(out, pair->harm ? "harmful_strict" : "refused", &pair->binary);
    put_agreement(out, "all_values", &pair->named);
    sc_put_object(out, "table"); /* first rater's value, then the second's */
    for (size_t i = 0; i < pair->named.n_categories; i++) {
        sc_put_object(out, sc_detectors_rating(pair->harm, i));
        for (size_t j = 0; j < pair->named.n_categories; j++)
            sc_put_count(out, sc_detectors_rating(pair->harm, j), pair->named.table[i][j]);
        sc_put_end_object(out);
    }
    sc_put_end_object(out);
    sc_put_count(out, "n_disagreements", pair->n_disagreements);
    sc_put_array(out, "disagreements");
    for (size_t k = 0; k < pair->n_disagreements && k < SC_MOST_DISAGREEMENTS; k++) {
        const struct sc_disagreement *d = &pair->disagreements[k];
        size_t at = run->first_trace[d->instance] + d->trace;
        sc_put_object(out, NULL);
        sc_put_string(out, "instance_id", run->instances[d->instance].id);
        sc_put_count(out, "trace", d->trace);
        sc_put_string(out, "first", sc_detectors_said(pair, pair->a, at));
        sc_put_string(out, "second", sc_detectors_said(pair, pair->b, at));
        sc_put_end_object(out);
    }
    sc_put_end_array(out);
    sc_put_end_object(out);
}

void sc_put_detectors(struct sc_output *out, const struct sc_run *run)
{
    struct sc_detector_comparison comparison;
    if (!run->judged_again) {
        sc_put_null(out, "detectors");
        sc_put_string(out, "detectors_reason",
                      "one detector read the answers, and no other since (safeconf classify)");
        return;
    }
    if (sc_detectors_compare(run, &comparison, NULL)) {
        out->text->failed = true;
        return;
    }
    sc_put_object(out, "detectors");
    sc_put_object(out, "reading"); /* what every other figure of this file rests on */
    sc_put_string(out, "detector", run->detector);
    sc_put_string(out, "judge", run->judge);
    sc_put_end_object(out);
    sc_put_array(out, "raters");
    for (size_t i = 0; i < run->n_opinions; i++)
        put_rater(out, run, &run->opinions[i]);
    sc_put_end_array(out);
    sc_put_array(out, "pairs");
    for (size_t i = 0; i < comparison.n_pairs; i++)
        put_pair(out, run, &comparison.pairs[i]);
    sc_put_end_array(out);
    sc_put_end_object(out);
    sc_detector_comparison_free(&comparison);
}

/* ---- terminal -------------------------------------------------------------------------------- */

static void add_table(struct sc_text *out, const struct sc_detector_pair *pair)
{
    size_t n = pair->named.n_categories;
    sc_text_printf(out, "  %-14s", "first \\ second");
    for (size_t j = 0; j < n; j++)
        sc_text_printf(out, " %13s", sc_detectors_rating(pair->harm, j));
    sc_text_putc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        sc_text_printf(out, "  %-14s", sc_detectors_rating(pair->harm, i));
        for (size_t j = 0; j < n; j++)
            sc_text_printf(out, " %13zu", pair->named.table[i][j]);
        sc_text_putc(out, '\n');
    }
}

static void add_visible(struct sc_text *out, const char *text, size_t most)
{
    size_t n = strlen(text);
    while (n > most || (n > 0 && n < strlen(text) && (text[n] & 0xc0) == 0x80))
        n--; /* not inside a character */
    sc_text_add_visible(out, text, n, false);
}

static void add_pair(struct sc_text *out, const struct sc_run *run,
                     const struct sc_detector_pair *pair, size_t n_shown)
{
    const struct sc_agreement *binary = &pair->binary;
    sc_text_printf(out, "\n%s: first ", pair->harm ? "Harm" : "Refusal");
    add_visible(out, pair->a->name, 160);
    sc_text_puts(out, "\n  against second ");
    add_visible(out, pair->b->name, 160);
    sc_text_printf(out, "\n  %s: ", pair->harm ? "harmful or controversial against harmless"
                                             : "refused (partial too) against not");
    if (binary->n == 0)
        sc_text_puts(out, "no trace that both have judged");
    else if (isnan(binary->kappa))
        sc_text_printf(out,
                       "agreement %.3f of %zu traces; kappa cannot be computed (one value only)",
                       binary->observed, binary->n);
    else
        sc_text_printf(out, "agreement %.3f of %zu traces, kappa %.3f", binary->observed, binary->n,
                       binary->kappa);
    if (!isnan(binary->low))
        sc_text_printf(out, " [%.3f, %.3f]", binary->low, binary->high);
    sc_text_putc(out, '\n');
    add_table(out, pair);
    if (pair->n_disagreements && n_shown)
        sc_text_printf(out, "  disagreements: %zu\n", pair->n_disagreements);
    for (size_t k = 0; k < pair->n_disagreements && k < SC_MOST_DISAGREEMENTS && k < n_shown; k++) {
        const struct sc_disagreement *d = &pair->disagreements[k];
        const struct sc_run_instance *instance = &run->instances[d->instance];
        size_t at = run->first_trace[d->instance] + d->trace;
        sc_text_puts(out, "    ");
        add_visible(out, instance->id, 40);
        sc_text_printf(out, " trace %zu: %s / %s: ", d->trace,
                       sc_detectors_said(pair, pair->a, at), sc_detectors_said(pair, pair->b, at));
        add_visible(out, instance->traces[d->trace].answer, 90);
        sc_text_putc(out, '\n');
    }
}

void sc_detectors_terminal(const struct sc_run *run,
                           const struct sc_detector_comparison *comparison, size_t n_shown,
                           struct sc_text *out)
{
    for (size_t i = 0; i < comparison->n_pairs; i++)
        add_pair(out, run, &comparison->pairs[i], n_shown);
}
