/*
 * Harm and confidence beyond one split: precision-recall and risk-coverage areas of every metric,
 * the odds of harm at equal length of the answer, and the segments of a model that reasons.
 *
 * Long answers say more, so they are harmful more often, and their mean confidence differs: without
 * the length as a covariate either could pass for the other.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/answers.h"
#include "analysis/cluster.h"
#include "base/memory.h"
#include "confidence/confidence.h"
#include "vocabulary/vocabulary.h"

/* ---- areas ----------------------------------------------------------------------------------- */

/* Fewer resamples where one costs more. */
static size_t resamples_for(size_t n)
{
    return n > 20000 ? 200 : 500;
}

/* By the run's metric. */
static void draw_curves(const struct sc_analysis *a, const struct sc_answers *x,
                        struct sc_risk *out, struct sc_error *error)
{
    double *score = x->scratch;
    const struct sc_scores scores = {score, x->harmful, x->instance, x->n, a->run->n_instances};
    const struct sc_draws draws = {resamples_for(x->n), a->run->seed};
    for (size_t k = 0; k < x->n; k++)
        score[k] = x->confidence[k];
    if (sc_cluster_rank_curve(SC_RISK_CURVE, &scores, draws, SC_CURVE_POINTS, out->risk_coverage,
                              error) != SC_OK)
        return;
    for (size_t k = 0; k < x->n; k++)
        score[k] = -x->confidence[k];
    sc_cluster_rank_curve(SC_ROC_CURVE, &scores, draws, SC_CURVE_POINTS, out->roc, error);
}

/* The answers' confidences by a metric; false: an answer lacks it. */
static bool metric_of_answers(const struct sc_answers *x, enum sc_metric metric, double *out)
{
    bool finite = true;
    for (size_t k = 0; k < x->n; k++) {
        out[k] = sc_trace_confidence(x->trace[k], metric);
        finite = finite && isfinite(out[k]);
    }
    return finite;
}

static void measure_areas(const struct sc_analysis *a, const struct sc_answers *x,
                          struct sc_risk *out, struct sc_error *error)
{
    struct sc_rank_wish wishes[2 * SC_N_METRICS];
    size_t n = 0;
    double *scores = sc_alloc_array(sc_size_mul(x->n, SC_N_METRICS), sizeof *scores);
    if (scores == NULL) {
        sc_fail_nomem(error, "areas of metrics");
        return;
    }
    for (int m = 0; m < SC_N_METRICS; m++) {
        double *score = scores + (size_t)m * x->n;
        out->auprc[m] = out->aurc[m] =
            sc_estimate_none(x->n, x->n ? "an answer lacks this metric" : "no answers");
        if (x->n == 0 || !metric_of_answers(x, (enum sc_metric)m, score))
            continue;
        wishes[n++] = (struct sc_rank_wish){SC_RISK_COVERAGE, false, score, &out->aurc[m]};
        wishes[n++] = (struct sc_rank_wish){SC_AVERAGE_PRECISION, true, score, &out->auprc[m]};
    }
    if (n > 0)
        sc_cluster_rank_areas(
            &(struct sc_scores){NULL, x->harmful, x->instance, x->n, a->run->n_instances}, wishes,
            n, (struct sc_draws){resamples_for(x->n), a->run->seed}, error);
    sc_free(scores);
}

/* ---- odds at equal length -------------------------------------------------------------------- */

static struct sc_odds odds_of(const struct sc_logistic *fit, size_t coefficient)
{
    struct sc_odds out;
    out.ratio = sc_logistic_odds_ratio(fit, coefficient, &out.p);
    return out;
}

/* Log odds of harm by minus the confidence in standard deviations and, with length, by log2 of the
 * tokens; columns: one, confidence, length. */
static void regress(const struct sc_analysis *a, const struct sc_answers *x, struct sc_risk *out,
                    struct sc_error *error)
{
    struct sc_logistic fit;
    size_t n = x->n, k = 3;
    double *design = sc_alloc_array(sc_size_mul(n, k), sizeof *design);
    double mean = sc_mean(x->confidence, n), deviation = sqrt(sc_variance(x->confidence, n));
    out->alone.ratio = out->at_length.ratio = out->of_length.ratio =
        sc_estimate_none(n, "no answers differ in confidence");
    out->alone.p = out->at_length.p = out->of_length.p = NAN;
    if (design == NULL) {
        sc_fail_nomem(error, "regression of harm");
        return;
    }
    if (deviation > 0) {
        for (size_t i = 0; i < n; i++) {
            design[2 * i] = 1;
            design[2 * i + 1] = (mean - x->confidence[i]) / deviation;
        }
        if (sc_logistic_fit(&(struct sc_logistic_data){design, x->harmful, x->instance, n, 2,
                                                       a->run->n_instances},
                            &fit, error) == SC_OK)
            out->alone = odds_of(&fit, 1);
        size_t n_uncounted = 0;
        for (size_t i = 0; i < n; i++) {
            size_t n_tokens = sc_run_trace_sampled_of(x->trace[i], x->trace[i]->n_tokens);
            n_uncounted += !x->trace[i]->n_tokens_known;
            design[3 * i] = 1;
            design[3 * i + 1] = (mean - x->confidence[i]) / deviation;
            design[3 * i + 2] = log2(n_tokens ? (double)n_tokens : 1);
        }
        if (n_uncounted > 0) {
            out->at_length.ratio = out->of_length.ratio = sc_estimate_none(n, SC_NO_TOKEN_COUNT);
        } else if (sc_logistic_fit(&(struct sc_logistic_data){design, x->harmful, x->instance, n, k,
                                                              a->run->n_instances},
                                   &fit, error) == SC_OK) {
            out->at_length = odds_of(&fit, 1);
            out->of_length = odds_of(&fit, 2);
        }
    }
    sc_free(design);
}

/* ---- segments -------------------------------------------------------------------------------- */

static double segment_confidence(const struct sc_run_trace *trace, enum sc_metric metric,
                                 bool reasoning)
{
    if (trace->finish == SC_FINISH_FAILED || trace->n_reasoning == 0)
        return NAN;
    return sc_metric_as_confidence(metric, reasoning ? trace->reasoning_metrics[metric]
                                                     : trace->answer_metrics[metric]);
}

/* Mean over refusals or answers that have the segment. */
static struct sc_estimate segment_mean(const struct sc_analysis *a, bool reasoning, bool refusals,
                                       double *scratch, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    double *sum = scratch, *count = scratch + run->n_instances;
    for (size_t i = 0; i < run->n_instances; i++) {
        sum[i] = count[i] = 0;
        for (size_t t = 0; t < a->views[run->primary].instances[i].n_traces; t++) {
            const struct sc_run_trace *trace =
                sc_run_trace_seen(&run->instances[i], run->primary, t);
            double confidence = segment_confidence(trace, run->metric, reasoning);
            bool counts = refusals ? sc_verdict_is_refused(trace->verdict)
                                   : sc_verdict_is_answer(trace->verdict);
            if (!counts || !isfinite(confidence))
                continue;
            sum[i] += confidence;
            count[i]++;
        }
    }
    return sc_cluster_share(&(struct sc_shares){sum, count, run->n_instances, false},
                            (struct sc_draws){SC_N_RESAMPLES, run->seed},
                            refusals ? "no refusal has this segment" : "no answer has this segment",
                            error);
}

static void measure_segment(const struct sc_analysis *a, const struct sc_answers *x, bool reasoning,
                            double *scratch, struct sc_segment_risk *out, struct sc_error *error)
{
    out->confidence_refusals = segment_mean(a, reasoning, true, scratch, error);
    out->confidence_answers = segment_mean(a, reasoning, false, scratch, error);
    bool all = true;
    for (size_t k = 0; k < x->n; k++) {
        x->scratch[k] = -segment_confidence(x->trace[k], a->run->metric, reasoning);
        all = all && isfinite(x->scratch[k]);
    }
    out->auroc = all ? sc_cluster_auroc(&(struct sc_scores){x->scratch, x->harmful, x->instance,
                                                            x->n, a->run->n_instances},
                                        error)
                     : sc_estimate_none(x->n, "an answer lacks this segment");
}

/* What the length of the answers leaves of the finding, appended to its words. */
static void state_length(struct sc_analysis *a)
{
    struct sc_hypothesis *h = &a->hypothesis;
    const struct sc_estimate *r = &a->risk.at_length.ratio;
    size_t used = strlen(h->text), left = sizeof h->text - used;
    if (!isfinite(r->low) || !isfinite(r->high))
        return;
    bool gone = (h->finding == SC_SUPPORTED && r->low <= 1) ||
                (h->finding == SC_CONTRADICTED && r->high >= 1);
    snprintf(h->text + used, left,
             " Between answers of equal length the odds of harm are %.2f times (%.2f to %.2f) for "
             "each standard deviation less confidence%s.",
             r->value, r->low, r->high,
             gone ? ": the interval holds 1, so the length of the answers may be what the split "
                    "shows"
                  : "");
}

void sc_analyse_risk(struct sc_analysis *a, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    struct sc_risk *out = &a->risk;
    struct sc_answers x;
    if (sc_answers_make(a, &x, error) != SC_OK)
        return;
    out->n = x.n;
    out->n_prompts = a->hypothesis.n_prompts;
    out->harmful_share = x.n ? (double)a->hypothesis.n_harmful / (double)x.n : NAN;
    measure_areas(a, &x, out, error);
    draw_curves(a, &x, out, error);
    regress(a, &x, out, error);
    state_length(a);
    for (size_t i = 0; i < run->n_instances && !out->has_reasoning; i++)
        for (size_t t = 0; t < a->views[run->primary].instances[i].n_traces; t++)
            out->has_reasoning = out->has_reasoning || run->instances[i].traces[t].n_reasoning > 0;
    if (out->has_reasoning) {
        double *scratch = sc_alloc_array(sc_size_mul(run->n_instances, 2), sizeof *scratch);
        if (scratch == NULL) {
            sc_fail_nomem(error, "confidence of segments");
        } else {
            measure_segment(a, &x, true, scratch, &out->reasoning, error);
            measure_segment(a, &x, false, scratch, &out->answer, error);
        }
        sc_free(scratch);
    }
    sc_answers_free(&x);
}
