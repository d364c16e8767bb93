/* Samples of a log (eval.h), whole and as a viewer lists them. */
#include <math.h>
#include <string.h>

#include "report/eval/eval.h"
#include "vocabulary/vocabulary.h"

/* Bytes of a text in the list of samples. */
#define SUMMARY_BYTES 1000

static void put_metrics(struct sc_json_writer *out, const char *key, const double *metrics)
{
    bool any = false;
    for (int m = 0; m < SC_N_METRICS; m++)
        any = any || isfinite(metrics[m]);
    if (!any)
        return;
    sc_json_put_object(out, key);
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_json_put_number(out, sc_metric_name((enum sc_metric)m), metrics[m]);
    sc_json_put_end_object(out);
}

/* What is said of an instance and of the trace.  whole false: for a list. */
static void put_metadata(struct sc_json_writer *out, const struct sc_eval_log *log,
                         struct sc_eval_sample sample, bool whole)
{
    const struct sc_run_instance *instance = &log->run->instances[sample.instance];
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    bool failed = trace->finish == SC_FINISH_FAILED;
    sc_json_put_object(out, "metadata");
    sc_json_put_string(out, "label", sc_label_name(instance->label));
    sc_json_put_string(out, "category", instance->category != NULL ? instance->category : "");
    if (strcmp(instance->id, log->ids[sample.instance]) != 0)
        sc_json_put_string(out, "instance_id", instance->id);
    sc_json_put_string(out, "verdict", failed ? NULL : sc_verdict_name(trace->verdict));
    sc_json_put_string(out, "rule", failed ? NULL : trace->rule);
    if (!log->analysis->proxy)
        sc_json_put_string(out, "harm", failed ? NULL : sc_harm_name(trace->harm));
    sc_json_put_string(out, "finish", sc_finish_name(trace->finish));
    if (trace->n_tokens_known)
        sc_json_put_count(out, "n_tokens", sc_run_trace_cost(trace));
    if (whole && !failed) {
        put_metrics(out, "metrics", trace->metrics);
        put_metrics(out, "reasoning_metrics", trace->reasoning_metrics);
        put_metrics(out, "answer_metrics", trace->answer_metrics);
    }
    if (whole && instance->extra != NULL)
        sc_json_put_raw(out, "extra", instance->extra);
    sc_json_put_end_object(out);
}

static void put_head(struct sc_json_writer *out, const struct sc_eval_log *log,
                     struct sc_eval_sample sample, size_t most)
{
    const struct sc_run_instance *instance = &log->run->instances[sample.instance];
    sc_json_put_string(out, "id", log->ids[sample.instance]);
    sc_json_put_count(out, "epoch", sample.trace + 1);
    sc_eval_put_input(out, instance, most);
    sc_json_put_string(out, "target",
                       instance->label == SC_LABEL_UNKNOWN ? "" : sc_label_name(instance->label));
}

static void put_cost(struct sc_json_writer *out, const struct sc_eval_log *log,
                     const struct sc_run_trace *trace)
{
    if (trace->n_tokens_known)
        sc_eval_put_usage(out, log, trace->n_prompt_tokens, sc_run_trace_cost(trace));
}

/* Stable and of the log alone. */
static void put_uuid(struct sc_json_writer *out, const struct sc_eval_log *log,
                     struct sc_eval_sample sample)
{
    struct sc_text text = {0};
    sc_text_printf(&text, "%s-%zu-%zu", log->key, sample.instance + 1, sample.trace + 1);
    if (text.failed)
        out->text->failed = true;
    else
        sc_json_put_string(out, "uuid", text.data);
    sc_text_free(&text);
}

static const char *failure_of(const struct sc_run_trace *trace)
{
    return trace->failure != NULL ? trace->failure : "no reason given";
}

void sc_eval_put_sample(struct sc_json_writer *out, const struct sc_eval_log *log,
                        struct sc_eval_sample sample)
{
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    sc_json_put_object(out, NULL);
    put_head(out, log, sample, SIZE_MAX);
    sc_eval_put_answer(out, log, sample);
    sc_eval_put_scores(out, log, sample);
    put_metadata(out, log, sample, true);
    sc_eval_put_call(out, log, sample);
    put_cost(out, log, trace);
    put_uuid(out, log, sample);
    if (trace->finish == SC_FINISH_FAILED) {
        sc_json_put_object(out, "error");
        sc_json_put_string(out, "message", failure_of(trace));
        sc_json_put_string(out, "traceback", "");
        sc_json_put_string(out, "traceback_ansi", "");
        sc_json_put_end_object(out);
    }
    sc_json_put_end_object(out);
}

void sc_eval_put_summary(struct sc_json_writer *out, const struct sc_eval_log *log,
                         struct sc_eval_sample sample)
{
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    const struct sc_run_instance *instance = &log->run->instances[sample.instance];
    size_t n_asked = instance->conversation.n > 0 ? instance->conversation.n : 1;
    sc_json_put_object(out, NULL);
    put_head(out, log, sample, SUMMARY_BYTES);
    put_metadata(out, log, sample, false);
    sc_eval_put_scores(out, log, sample);
    put_cost(out, log, trace);
    put_uuid(out, log, sample);
    if (trace->finish == SC_FINISH_FAILED)
        sc_json_put_string(out, "error", failure_of(trace));
    sc_json_put_bool(out, "completed", true);
    sc_json_put_count(out, "message_count",
                      n_asked + (instance->prefill != NULL) + trace->n_turns +
                          (trace->finish != SC_FINISH_FAILED));
    sc_json_put_end_object(out);
}
