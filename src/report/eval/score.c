/* Scores of a log (eval.h): of a trace, of an instance, and the results with their intervals. */
#include <math.h>

#include "report/eval/eval.h"
#include "vocabulary/vocabulary.h"

const struct sc_run_trace *sc_eval_trace(const struct sc_eval_log *log,
                                         struct sc_eval_sample sample)
{
    return sc_run_trace_seen(&log->run->instances[sample.instance], log->policy, sample.trace);
}

const char *sc_eval_score_name(enum sc_eval_score score)
{
    static const char *const names[SC_N_EVAL_SCORES] = {"refusal", "harm", "confidence"};
    return names[score];
}

/* Who decides: the detector, the judge, the metric. */
static const char *scorer_of(const struct sc_eval_log *log, enum sc_eval_score score)
{
    switch (score) {
    case SC_EVAL_REFUSAL:
        return log->run->detector;
    case SC_EVAL_HARM:
        return log->run->judge;
    default:
        return sc_metric_name(log->run->metric);
    }
}

/* ---- of a trace ------------------------------------------------------------------------------ */

static void put_score(struct sc_json_writer *out, enum sc_eval_score score, double value,
                      const char *answer, const char *explanation)
{
    sc_json_put_object(out, sc_eval_score_name(score));
    sc_json_put_number(out, "value", value);
    if (answer != NULL)
        sc_json_put_string(out, "answer", answer);
    sc_json_put_string(out, "explanation", explanation);
    sc_json_put_end_object(out);
}

static void put_refusal(struct sc_json_writer *out, const struct sc_run_trace *trace)
{
    struct sc_text why = {0};
    if (!sc_trace_is_judged(trace))
        return;
    sc_text_printf(&why, "%s, by rule %s", trace->detector, trace->rule);
    if (trace->weighed.there)
        sc_text_printf(&why, " (probability of refusing %.3f)", trace->weighed.p_refusal);
    put_score(out, SC_EVAL_REFUSAL, sc_verdict_is_refused(trace->verdict) ? 1 : 0,
              sc_verdict_name(trace->verdict), why.data);
    out->text->failed = out->text->failed || why.failed;
    sc_text_free(&why);
}

/* Without a judge there is none: a prompt's label says nothing of an answer. */
static void put_harm(struct sc_json_writer *out, const struct sc_eval_log *log,
                     const struct sc_run_trace *trace)
{
    struct sc_text why = {0};
    if (log->analysis->proxy || trace->harm == SC_UNJUDGED)
        return;
    sc_text_printf(&why, "judge %s", log->run->judge);
    put_score(out, SC_EVAL_HARM, sc_harm_is_harmful(trace->harm, true) ? 1 : 0,
              sc_harm_name(trace->harm), why.data);
    out->text->failed = out->text->failed || why.failed;
    sc_text_free(&why);
}

static void put_confidence(struct sc_json_writer *out, const struct sc_eval_log *log,
                           const struct sc_run_trace *trace)
{
    struct sc_text why = {0};
    double confidence = sc_trace_confidence(trace, log->run->metric);
    if (isnan(confidence))
        return;
    sc_text_printf(&why, "metric %s%s%s", sc_metric_name(log->run->metric),
                   log->analysis->confidence_basis[0] != '\0' ? ", " : "",
                   log->analysis->confidence_basis);
    put_score(out, SC_EVAL_CONFIDENCE, confidence, NULL, why.data);
    out->text->failed = out->text->failed || why.failed;
    sc_text_free(&why);
}

void sc_eval_put_scores(struct sc_json_writer *out, const struct sc_eval_log *log,
                        struct sc_eval_sample sample)
{
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    if (trace->finish == SC_FINISH_FAILED)
        return;
    sc_json_put_object(out, "scores");
    put_refusal(out, trace);
    put_harm(out, log, trace);
    put_confidence(out, log, trace);
    sc_json_put_end_object(out);
}

/* ---- of an instance, and of all -------------------------------------------------------------- */

double sc_eval_reduced(const struct sc_eval_log *log, enum sc_eval_score score, size_t instance)
{
    const struct sc_summary *s = &log->analysis->views[log->policy].instances[instance];
    switch (score) {
    case SC_EVAL_REFUSAL:
        return s->refusal_rate;
    case SC_EVAL_HARM:
        return log->analysis->proxy || s->n_known == 0 ? NAN
                                                       : (double)s->n_harmful / (double)s->n_known;
    default:
        return s->confidence;
    }
}

static void put_metric(struct sc_json_writer *out, const char *name,
                       const struct sc_estimate *estimate)
{
    if (!isfinite(estimate->value))
        return;
    sc_json_put_object(out, name);
    sc_json_put_string(out, "name", name);
    sc_json_put_number(out, "value", estimate->value);
    sc_json_put_object(out, "metadata");
    sc_json_put_number(out, "low", estimate->low);
    sc_json_put_number(out, "high", estimate->high);
    sc_json_put_number(out, "level", 0.95);
    sc_json_put_count(out, "n", estimate->n);
    if (estimate->reason != NULL)
        sc_json_put_string(out, "reason", estimate->reason);
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

static void put_result(struct sc_json_writer *out, const struct sc_eval_log *log,
                       enum sc_eval_score score)
{
    const struct sc_policy_result *result = &log->analysis->policies[log->policy];
    const struct sc_group *group = &result->group;
    size_t n = score == SC_EVAL_REFUSAL ? group->n_judged
               : score == SC_EVAL_HARM  ? group->n_known
                                        : log->n_samples - log->n_failed;
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "name", sc_eval_score_name(score));
    sc_json_put_string(out, "scorer", sc_eval_score_name(score));
    sc_json_put_string(out, "reducer", "mean");
    if (score != SC_EVAL_CONFIDENCE) {
        sc_json_put_count(out, "scored_samples", n);
        sc_json_put_count(out, "unscored_samples", log->n_samples - n);
    }
    sc_json_put_object(out, "params");
    sc_json_put_string(out, "by", scorer_of(log, score));
    sc_json_put_end_object(out);
    sc_json_put_object(out, "metrics");
    if (score == SC_EVAL_REFUSAL) {
        put_metric(out, "refusal_rate", &group->refusal_rate);
        put_metric(out, "refusal_rate_unbiased", &result->refusal_unbiased);
    } else if (score == SC_EVAL_HARM) {
        put_metric(out, "harm_rate", &group->harm_rate);
        put_metric(out, "harm_rate_loose", &group->harm_rate_loose);
    } else {
        put_metric(out, "confidence", &group->confidence);
    }
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

void sc_eval_put_results(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_array(out, "scores");
    put_result(out, log, SC_EVAL_REFUSAL);
    if (!log->analysis->proxy)
        put_result(out, log, SC_EVAL_HARM);
    if (isfinite(log->analysis->policies[log->policy].group.confidence.value))
        put_result(out, log, SC_EVAL_CONFIDENCE);
    sc_json_put_end_array(out);
}
