/* What a log says of the whole run (eval.h): header.json, its beginning, and reductions.json. */
#include <math.h>

#include "base/json.h"
#include "report/eval/eval.h"
#include "vocabulary/vocabulary.h"

/* Of inspect_ai's log files. */
enum { FORMAT_VERSION = 2 };

/* ---- what was run ---------------------------------------------------------------------------- */

static void put_dataset(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_object(out, "dataset");
    sc_json_put_string(out, "name", log->run->benchmark_name);
    sc_json_put_count(out, "samples", log->run->n_instances);
    sc_json_put_array(out, "sample_ids");
    for (size_t i = 0; i < log->run->n_instances; i++)
        sc_json_put_string(out, NULL, log->ids[i]);
    sc_json_put_end_array(out);
    sc_json_put_bool(out, "shuffled", false);
    sc_json_put_end_object(out);
}

static void put_scorers(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_array(out, "scorers");
    for (int s = 0; s < SC_N_EVAL_SCORES; s++) {
        if (s == SC_EVAL_HARM && log->analysis->proxy)
            continue;
        sc_json_put_object(out, NULL);
        sc_json_put_string(out, "name", sc_eval_score_name((enum sc_eval_score)s));
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
}

static void put_metadata(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    const struct sc_run *run = log->run;
    sc_json_put_object(out, "metadata");
    sc_json_put_object(out, "safeconf");
    sc_json_put_string(out, "policy", run->policy_names[log->policy]);
    sc_json_put_string(out, "detector", run->detector);
    sc_json_put_string(out, "judge", run->judge);
    sc_json_put_string(out, "metric", sc_metric_name(run->metric));
    sc_json_put_string(out, "logprobs", sc_logprob_kind_name(run->source.logprobs));
    sc_json_put_raw(out, "configuration", run->config_json);
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

static void put_eval(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    const char *program = json_string_value(json_object_get(log->analysis->config, "program"));
    sc_json_put_object(out, "eval");
    sc_json_put_string(out, "eval_id", log->key);
    sc_json_put_string(out, "run_id", log->key);
    sc_json_put_string(out, "created", SC_EVAL_TIME);
    sc_json_put_string(out, "task", log->run->benchmark_name);
    sc_json_put_string(out, "task_id", log->key);
    sc_json_put_count(out, "task_version", 0);
    put_dataset(out, log);
    sc_json_put_string(out, "model", log->run->model_name);
    sc_json_put_object(out, "config");
    sc_json_put_count(out, "epochs", log->most_traces > 0 ? log->most_traces : 1);
    sc_json_put_array(out, "epochs_reducer");
    sc_json_put_string(out, NULL, "mean");
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
    sc_json_put_object(out, "packages");
    sc_json_put_string(out, "safeconf", program != NULL ? program : sc_version());
    sc_json_put_end_object(out);
    put_metadata(out, log);
    put_scorers(out, log);
    sc_json_put_end_object(out);
}

/* A number of the configuration, under the format's name; nothing where it has none. */
static void put_setting(struct sc_json_writer *out, const json_t *sampling, const char *from,
                        const char *name)
{
    const json_t *value = json_object_get(sampling, from);
    if (json_is_integer(value))
        sc_json_put_integer(out, name, json_integer_value(value));
    else if (json_is_real(value))
        sc_json_put_number(out, name, json_real_value(value));
}

static void put_plan(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    const json_t *sampling = json_object_get(log->analysis->config, "sampling");
    sc_json_put_object(out, "plan");
    sc_json_put_string(out, "name", "plan");
    sc_json_put_array(out, "steps");
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "solver", "generate");
    sc_json_put_end_object(out);
    sc_json_put_end_array(out);
    sc_json_put_object(out, "config");
    put_setting(out, sampling, "temperature", "temperature");
    put_setting(out, sampling, "top_p", "top_p");
    put_setting(out, sampling, "top_k", "top_k");
    put_setting(out, sampling, "max_new_tokens", "max_tokens");
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

void sc_eval_put_start(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_object(out, NULL);
    sc_json_put_count(out, "version", FORMAT_VERSION);
    put_eval(out, log);
    put_plan(out, log);
    sc_json_put_end_object(out);
}

/* ---- what came of it ------------------------------------------------------------------------- */

void sc_eval_put_header(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_object(out, NULL);
    sc_json_put_count(out, "version", FORMAT_VERSION);
    sc_json_put_string(out, "status", log->finished ? "success" : "cancelled");
    put_eval(out, log);
    put_plan(out, log);
    sc_json_put_object(out, "results");
    sc_json_put_count(out, "total_samples", log->n_samples);
    sc_json_put_count(out, "completed_samples", log->n_samples - log->n_failed);
    sc_eval_put_results(out, log);
    sc_json_put_end_object(out);
    sc_json_put_object(out, "stats");
    sc_json_put_string(out, "started_at", SC_EVAL_TIME);
    sc_json_put_string(out, "completed_at", SC_EVAL_TIME);
    sc_eval_put_usage(out, log, log->n_prompt_tokens, log->n_tokens);
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

void sc_eval_put_reductions(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_array(out, NULL);
    for (int s = 0; s < SC_N_EVAL_SCORES; s++) {
        if (s == SC_EVAL_HARM && log->analysis->proxy)
            continue;
        sc_json_put_object(out, NULL);
        sc_json_put_string(out, "scorer", sc_eval_score_name((enum sc_eval_score)s));
        sc_json_put_string(out, "reducer", "mean");
        sc_json_put_array(out, "samples");
        for (size_t i = 0; i < log->run->n_instances; i++) {
            double value = sc_eval_reduced(log, (enum sc_eval_score)s, i);
            if (!isfinite(value))
                continue;
            sc_json_put_object(out, NULL);
            sc_json_put_number(out, "value", value);
            sc_json_put_string(out, "sample_id", log->ids[i]);
            sc_json_put_end_object(out);
        }
        sc_json_put_end_array(out);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
}
