/*
 * How far detectors and judges of a run agree (docs/JUDGES.md): Cohen's kappa with an interval that
 * takes prompts as clusters, the table, and the traces they disagree on.
 */
#include "analysis/detectors.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "vocabulary/vocabulary.h"

/* What a rating says as yes or no; 2: neither. */
static unsigned char binary_of(unsigned char rating, bool harm)
{
    if (harm)
        return sc_harm_is_harmful((enum sc_harm)rating, true) ? 1 : rating == SC_HARMLESS ? 0 : 2;
    if (rating >= SC_N_VERDICTS || !sc_verdict_is_judged((enum sc_verdict)rating))
        return 2;
    return sc_verdict_is_refused((enum sc_verdict)rating);
}

static enum sc_status compare(const struct sc_run *run, struct sc_detector_pair *pair,
                              unsigned char *scratch, const size_t *cluster, struct sc_error *error)
{
    size_t n = run->n_opinion_traces;
    const unsigned char *a = pair->harm ? pair->a->harms : pair->a->verdicts;
    const unsigned char *b = pair->harm ? pair->b->harms : pair->b->verdicts;
    enum sc_status status = sc_agreement(
        &(struct sc_ratings){a, b, cluster, n, pair->harm ? SC_N_HARMS : SC_N_VERDICTS},
        &pair->named, error);
    for (size_t i = 0; i < n; i++) {
        scratch[i] = binary_of(a[i], pair->harm);
        scratch[n + i] = binary_of(b[i], pair->harm);
    }
    if (status == SC_OK)
        status = sc_agreement(&(struct sc_ratings){scratch, scratch + n, cluster, n, 2},
                              &pair->binary, error);
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

static enum sc_status take_scores(const struct sc_run *run, struct sc_detector_comparison *out,
                                  struct sc_error *error)
{
    out->scores = sc_alloc_zero(run->n_opinions, sizeof *out->scores);
    if (out->scores == NULL)
        return sc_fail_nomem(error, "comparison of detectors");
    for (size_t i = 0; i < run->n_opinions; i++)
        SC_TRY(sc_detectors_mean_score(run, &run->opinions[i], &out->scores[i], error));
    return SC_OK;
}

static enum sc_status agree_with_self(const struct sc_run *run, struct sc_detector_comparison *out,
                                      struct sc_error *error)
{
    out->self = sc_alloc_zero(run->n_opinions, sizeof *out->self);
    if (out->self == NULL)
        return sc_fail_nomem(error, "repeated judgements");
    for (size_t i = 0; i < run->n_opinions; i++)
        if (run->opinions[i].repeats.n > 0)
            SC_TRY(sc_self_agreement(run, &run->opinions[i], &out->self[i], error));
    return SC_OK;
}

static enum sc_status compare_pairs(const struct sc_run *run, struct sc_detector_comparison *out,
                                    struct sc_error *error)
{
    size_t n = run->n_opinions, n_traces = run->n_opinion_traces;
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
    return status;
}

static enum sc_status compare_all(const struct sc_run *run, struct sc_detector_comparison *out,
                                  struct sc_error *error)
{
    SC_TRY(take_scores(run, out, error));
    SC_TRY(agree_with_self(run, out, error));
    return compare_pairs(run, out, error);
}

enum sc_status sc_detectors_compare(const struct sc_run *run, struct sc_detector_comparison *out,
                                    struct sc_error *error)
{
    *out = (struct sc_detector_comparison){0};
    enum sc_status status = compare_all(run, out, error);
    if (status != SC_OK)
        sc_detector_comparison_free(out);
    return status;
}

void sc_detector_comparison_free(struct sc_detector_comparison *comparison)
{
    sc_free(comparison->pairs);
    sc_free(comparison->scores);
    sc_free(comparison->self);
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
