/*
 * predictions.jsonl: one object per finished instance in benchmark order, as one policy saw it.
 * No times, no machine: two equal runs give the same bytes.  What was not measured is null.
 */
#include <math.h>

#include "analysis/analysis.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "report/report.h"
#include "vocabulary/vocabulary.h"

static void put_metrics(struct sc_json_writer *out, const struct sc_run_instance *instance,
                        size_t policy, size_t n)
{
    sc_json_put_object(out, "metrics");
    for (int m = 0; m < SC_N_METRICS; m++) {
        sc_json_put_array(out, sc_metric_name((enum sc_metric)m));
        for (size_t t = 0; t < n; t++) {
            const struct sc_run_trace *trace = sc_run_trace_seen(instance, policy, t);
            sc_json_put_number(out, NULL,
                               trace->finish == SC_FINISH_FAILED ? NAN : trace->metrics[m]);
        }
        sc_json_put_end_array(out);
    }
    sc_json_put_end_object(out);
}

/* NULL where nobody said it. */
static const char *finish_reason(const struct sc_run_trace *trace)
{
    return trace->finish == SC_FINISH_UNKNOWN ? NULL : sc_finish_name(trace->finish);
}

/* The answers of a conversation in their order; of a trace that was cut in the last one too. */
static void put_turns(struct sc_json_writer *out, const struct sc_run_trace *seen,
                      const struct sc_run_trace *stored)
{
    sc_json_put_array(out, NULL);
    for (size_t i = 0; i < stored->n_turns; i++)
        sc_json_put_string(out, NULL, stored->turns[i].text);
    sc_json_put_string(out, NULL, seen->text != NULL ? seen->text : "");
    sc_json_put_end_array(out);
}

/* Whether a source kept the reasoning of a trace apart from its text. */
static bool has_reasoning_apart(const struct sc_run_instance *instance, size_t n)
{
    for (size_t t = 0; t < n; t++)
        if (instance->traces[t].reasoning != NULL)
            return true;
    return false;
}

static void put_traces(struct sc_json_writer *out, const struct sc_run *run,
                       const struct sc_run_instance *instance, size_t policy,
                       const struct sc_summary *s)
{
    size_t n = s->n_traces;
#define SEEN sc_run_trace_seen(instance, policy, t)
#define EACH(key, put)                                                                             \
    sc_json_put_array(out, key);                                                                   \
    for (size_t t = 0; t < n; t++)                                                                 \
        put;                                                                                       \
    sc_json_put_end_array(out)

    EACH("traces", sc_json_put_string(out, NULL, SEEN->text != NULL ? SEEN->text : ""));
    if (run->multi_turn) {
        EACH("turns", put_turns(out, SEEN, &instance->traces[t]));
    }
    EACH("confidences", sc_json_put_number(out, NULL, sc_trace_confidence(SEEN, run->metric)));
    put_metrics(out, instance, policy, n);
    EACH("verdicts",
         sc_json_put_string(
             out, NULL, SEEN->finish == SC_FINISH_FAILED ? NULL : sc_verdict_name(SEEN->verdict)));
    sc_json_put_array(out, "refused");
    for (size_t t = 0; t < n; t++)
        if (sc_trace_is_judged(SEEN))
            sc_json_put_bool(out, NULL, sc_verdict_is_refused(SEEN->verdict));
        else
            sc_json_put_null(out, NULL);
    sc_json_put_end_array(out);
    EACH("harm",
         sc_json_put_string(out, NULL,
                            SEEN->finish == SC_FINISH_FAILED ? NULL : sc_harm_name(SEEN->harm)));
    EACH("finish_reasons", sc_json_put_string(out, NULL, finish_reason(SEEN)));
    if (has_reasoning_apart(instance, n)) {
        EACH("reasoning", sc_json_put_string(out, NULL, instance->traces[t].reasoning));
    }
    if (s->n_failed > 0) {
        EACH("failures", sc_json_put_string(out, NULL, SEEN->failure));
    }
    sc_json_put_array(out, "tokens_per_trace");
    for (size_t t = 0; t < n; t++)
        if (SEEN->n_tokens_known)
            sc_json_put_count(out, NULL, sc_run_trace_cost(SEEN));
        else
            sc_json_put_null(out, NULL);
    sc_json_put_end_array(out);
#undef EACH
#undef SEEN
}

/* What was asked and the answers' beginning, where that is more than a prompt. */
static void put_asked(struct sc_json_writer *out, const struct sc_run_instance *instance)
{
    const struct sc_conversation *turns = &instance->conversation;
    if (turns->n > 0)
        sc_conversation_put(out, "messages", turns->messages, turns->n);
    if (instance->prefill != NULL)
        sc_json_put_string(out, "prefill", instance->prefill);
}

/* Of a policy that looks at the verdicts while it samples. */
static void put_interval(struct sc_json_writer *out, const struct sc_policy *policy,
                         const struct sc_summary *s)
{
    if (!sc_policy_is_always_valid(policy))
        return;
    const struct sc_estimate rate = sc_summary_refusal(policy, s);
    sc_json_put_object(out, "refusal_interval");
    sc_json_put_string(out, "kind", SC_ALWAYS_VALID);
    sc_json_put_number(out, "low", rate.low);
    sc_json_put_number(out, "high", rate.high);
    sc_json_put_count(out, "n", s->n_judged);
    sc_json_put_end_object(out);
    if (policy->kind == SC_POLICY_BUDGET)
        sc_json_put_number(out, "refusal_rate_unbiased", s->refusal_unbiased);
}

static void put_instance(struct sc_json_writer *out, const struct sc_run *run,
                         const struct sc_run_instance *instance, size_t policy,
                         const struct sc_summary *s)
{
    const struct sc_run_decision *decision = &instance->decisions[policy];
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "instance_id", instance->id);
    sc_json_put_string(out, "prompt", instance->prompt);
    sc_json_put_string(out, "ground_truth_label", sc_label_name(instance->label));
    sc_json_put_string(out, "category", instance->category != NULL ? instance->category : "");
    put_traces(out, run, instance, policy, s);
    if (s->n_uncounted == 0)
        sc_json_put_count(out, "total_tokens", s->n_tokens);
    else
        sc_json_put_null(out, "total_tokens");
    sc_json_put_number(out, "avg_tokens_per_trace",
                       s->n_uncounted == 0 ? (double)s->n_tokens / (double)s->n_traces : NAN);
    sc_json_put_count(out, "num_traces_used", s->n_traces);
    sc_json_put_number(out, "refusal_rate", s->refusal_rate);
    put_interval(out, &run->policies[policy], s);
    sc_json_put_number(out, "avg_confidence", s->confidence);
    sc_json_put_number(out, "agreement", s->agreement);
    put_asked(out, instance);
    sc_json_put_string(out, "behaviour", sc_behaviour_name(s->behaviour));
    sc_json_put_string(out, "confidence_category", sc_quadrant_name(s->quadrant));
    sc_json_put_string(out, "stop_reason", decision->stop_reason);
    sc_json_put_string(out, "final_prediction", sc_prediction_name(s->prediction));
    sc_json_put_end_object(out);
    sc_text_putc(out->text, '\n');
}

enum sc_status sc_report_predictions(const struct sc_run *run, size_t policy, struct sc_text *out,
                                     struct sc_error *error)
{
    struct sc_view view;
    enum sc_status status = sc_view_make(run, policy, &view, error);
    if (status != SC_OK)
        return status;
    for (size_t i = 0; i < run->n_instances; i++) {
        struct sc_json_writer output = {.text = out};
        if (view.instances[i].decided)
            put_instance(&output, run, &run->instances[i], policy, &view.instances[i]);
    }
    sc_free(view.instances);
    return out->failed ? sc_fail_nomem(error, "predictions") : SC_OK;
}
