/* The configuration of a run, read back from its JSON (config.h), which is not trusted. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "experiment/store/config.h"
#include "experiment/store/config_shard.h"
#include "source/source.h"

/* Copies a string field. */
static enum sc_status get_text(const json_t *object, const char *key, char **out,
                               struct sc_error *error)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected text", key);
    *out = sc_strdup(text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, key);
}

static enum sc_status get_name(const json_t *object, const char *key, int (*parse)(const char *),
                               int *out, struct sc_error *error)
{
    const char *name = json_string_value(json_object_get(object, key));
    *out = name != NULL ? parse(name) : -1;
    if (*out < 0)
        return sc_fail(error, SC_ERR_FORMAT, "\"%s\": unknown value %s", key,
                       name != NULL ? name : "(no text)");
    return SC_OK;
}

static enum sc_status get_size(const json_t *object, const char *key, struct sc_json_ints range,
                               const size_t *fallback, size_t *out, struct sc_error *error)
{
    int64_t value = 0, other = fallback != NULL ? (int64_t)*fallback : 0;
    SC_TRY(sc_json_int(object, key, range, fallback != NULL ? &other : NULL, &value, error));
    *out = (size_t)value;
    return SC_OK;
}

static enum sc_status get_seed(const json_t *object, const char *key, uint64_t *out,
                               struct sc_error *error)
{
    const char *digits = json_string_value(json_object_get(object, key));
    char again[24];
    if (digits != NULL) {
        *out = strtoull(digits, NULL, 10);
        snprintf(again, sizeof again, "%" PRIu64, *out);
        if (strcmp(again, digits) == 0)
            return SC_OK;
    }
    return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected decimal digits of 64 bits", key);
}

enum { MOST_TRACES = 1 << 20 };

static enum sc_status read_adaptive(const json_t *json, struct sc_policy *policy,
                                    struct sc_error *error)
{
    int rule = 0, metric = 0;
    SC_TRY(get_name(json, "rule", sc_adaptive_rule_parse, &rule, error));
    SC_TRY(get_name(json, "metric", sc_metric_parse, &metric, error));
    policy->adaptive_rule = (enum sc_adaptive_rule)rule;
    policy->metric = (enum sc_metric)metric;
    return SC_OK;
}

static enum sc_status read_policy(const json_t *json, struct sc_policy *policy, char **name,
                                  struct sc_error *error)
{
    const struct sc_policy preset = sc_policy_default();
    const struct {
        const char *key;
        const size_t *preset;
        size_t *out;
    } counts[] = {{"max_traces", &preset.max_traces, &policy->max_traces},
                  {"min_traces", &preset.min_traces, &policy->min_traces},
                  {"batch_traces", &preset.batch_traces, &policy->batch_traces}};
    const struct {
        const char *key;
        double high;
        const double *preset;
        double *out;
    } numbers[] = {{"percentile", 100, &preset.percentile, &policy->percentile},
                   {"risk", 1, &preset.risk, &policy->risk},
                   {"eta", 100, &preset.eta, &policy->eta},
                   {"tau", 1, &preset.tau, &policy->tau},
                   {"width", 1, &preset.width, &policy->width}};
    int kind = 0;
    *policy = preset;
    SC_TRY(get_text(json, "name", name, error));
    SC_TRY(get_name(json, "kind", sc_policy_parse, &kind, error));
    policy->kind = (enum sc_policy_kind)kind;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        SC_TRY(get_size(json, counts[i].key, (struct sc_json_ints){1, MOST_TRACES},
                        counts[i].preset, counts[i].out, error));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        SC_TRY(sc_json_real(json, numbers[i].key, (struct sc_json_reals){0, numbers[i].high},
                            numbers[i].preset, numbers[i].out, error));
    if (kind == SC_POLICY_BUDGET)
        SC_TRY(get_size(json, "traces_total", (struct sc_json_ints){1, INT64_MAX}, NULL,
                        &policy->traces_total, error));
    if (kind == SC_POLICY_ADAPTIVE)
        SC_TRY(read_adaptive(json, policy, error));
    return sc_policy_check(policy, error);
}

/* The names become part of file names. */
static enum sc_status check_policy_name(const struct sc_run *run, size_t i, struct sc_error *error)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const char *name = run->policy_names[i];
    for (size_t j = 0; j < i; j++)
        if (strcmp(name, run->policy_names[j]) == 0)
            return sc_fail(error, SC_ERR_FORMAT, "expected different names, found %s twice", name);
    if (name[0] == '\0' || name[strspn(name, plain)])
        return sc_fail(error, SC_ERR_FORMAT, "expected a name of a-z, 0-9 and -, found %s", name);
    return SC_OK;
}

static enum sc_status read_policies(const json_t *config, struct sc_run *run,
                                    struct sc_error *error)
{
    const json_t *list = json_object_get(config, "policies");
    size_t n = json_array_size(list);
    if (n == 0 || n > 1000)
        return sc_fail(error, SC_ERR_FORMAT, "\"policies\": expected 1 to 1000, found %zu", n);
    run->policies = sc_alloc_zero(n, sizeof *run->policies);
    run->policy_names = sc_alloc_zero(n, sizeof *run->policy_names);
    if (run->policies == NULL || run->policy_names == NULL)
        return sc_fail_nomem(error, "policies");
    run->n_policies = n;
    for (size_t i = 0; i < n; i++) {
        enum sc_status status =
            read_policy(json_array_get(list, i), &run->policies[i], &run->policy_names[i], error);
        if (status == SC_OK)
            status = check_policy_name(run, i, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "policies[%zu]", i);
            return status;
        }
    }
    return get_size(config, "primary", (struct sc_json_ints){0, (int64_t)n - 1}, NULL,
                    &run->primary, error);
}

static enum sc_status read_confidence(const json_t *object, struct sc_run *run,
                                      struct sc_error *error)
{
    const double none = NAN;
    const size_t usual = 20;
    int metric = 0;
    SC_TRY(get_name(object, "metric", sc_metric_parse, &metric, error));
    run->metric = (enum sc_metric)metric;
    SC_TRY(get_size(object, "top_k", (struct sc_json_ints){1, INT32_MAX}, &usual,
                    &run->confidence_top_k, error));
    SC_TRY(
        get_size(object, "window", (struct sc_json_ints){1, INT32_MAX}, NULL, &run->window, error));
    SC_TRY(sc_json_real(object, "quantile", (struct sc_json_reals){0, 1}, &none,
                        &run->confident_quantile, error));
    SC_TRY(sc_json_real(object, "threshold", (struct sc_json_reals){-1e308, 1e308}, &none,
                        &run->confident_threshold, error));
    if (isnan(run->confident_quantile) == isnan(run->confident_threshold))
        return sc_fail(error, SC_ERR_FORMAT, "expected either \"quantile\" or \"threshold\"");
    return SC_OK;
}

/* A string field that may be missing. */
static enum sc_status get_optional_text(const json_t *object, const char *key, char **out,
                                        struct sc_error *error)
{
    return json_object_get(object, key) != NULL ? get_text(object, key, out, error) : SC_OK;
}

/* Without the object the run is one of the model in this process. */
static enum sc_status read_source(const json_t *object, struct sc_run *run, struct sc_error *error)
{
    int logprobs = 0, reproducible = 0;
    run->source = (struct sc_run_source){.logprobs = SC_LOGPROBS_RAW,
                                         .top_k = run->confidence_top_k,
                                         .reproducible = SC_REPRODUCIBLE_YES};
    if (object == NULL)
        return SC_OK;
    SC_TRY(get_text(object, "kind", &run->source.kind, error));
    SC_TRY(get_text(object, "name", &run->source.name, error));
    SC_TRY(get_optional_text(object, "software", &run->source.software, error));
    SC_TRY(get_optional_text(object, "revision", &run->source.revision, error));
    SC_TRY(get_name(object, "logprobs", sc_logprob_kind_parse, &logprobs, error));
    SC_TRY(get_size(object, "top_k", (struct sc_json_ints){0, INT32_MAX}, NULL, &run->source.top_k,
                    error));
    SC_TRY(get_name(object, "reproducible", sc_reproducible_parse, &reproducible, error));
    run->source.logprobs = (enum sc_logprob_kind)logprobs;
    run->source.reproducible = (enum sc_reproducible)reproducible;
    return SC_OK;
}

/* Of a shard, what the folder holds is less than what the configuration says of the benchmark. */
static enum sc_status read_shard(const json_t *object, struct sc_run_shard *shard,
                                 char *instances_hash, size_t *n_instances, struct sc_error *error)
{
    if (object == NULL)
        return SC_OK;
    SC_TRY(sc_config_read_shard(object, shard, error));
    shard->n_all = *n_instances;
    *n_instances = shard->n_instances;
    memcpy(instances_hash, shard->instances, sizeof shard->instances);
    return SC_OK;
}

static enum sc_status read_all(const json_t *config, struct sc_run *run, char *instances_hash,
                               size_t *n_instances, struct sc_error *error)
{
    const json_t *model = json_object_get(config, "model");
    const json_t *benchmark = json_object_get(config, "benchmark");
    const char *hash = json_string_value(json_object_get(benchmark, "instances"));
    const size_t none = 0;
    if (hash == NULL || strlen(hash) != 16)
        return sc_fail(error, SC_ERR_FORMAT, "\"benchmark.instances\": expected 16 digits");
    memcpy(instances_hash, hash, 17);
    SC_TRY(get_text(model, "name", &run->model_name, error));
    SC_TRY(sc_json_bool(model, "demo", NULL, &run->demo, error));
    SC_TRY(get_text(benchmark, "name", &run->benchmark_name, error));
    const bool no = false;
    SC_TRY(sc_json_bool(benchmark, "multi_turn", &no, &run->multi_turn, error));
    SC_TRY(get_size(benchmark, "n_instances", (struct sc_json_ints){0, INT32_MAX}, NULL,
                    n_instances, error));
    SC_TRY(read_shard(json_object_get(config, "shard"), &run->shard, instances_hash, n_instances,
                      error));
    SC_TRY(get_size(benchmark, "rows_failed", (struct sc_json_ints){0, INT32_MAX}, &none,
                    &run->n_bad_rows, error));
    SC_TRY(get_seed(json_object_get(config, "sampling"), "seed", &run->seed, error));
    SC_TRY(read_confidence(json_object_get(config, "confidence"), run, error));
    SC_TRY(read_source(json_object_get(config, "source"), run, error));
    if (run->source.kind == NULL)
        SC_TRY(get_optional_text(model, "revision", &run->source.revision, error));
    SC_TRY(read_policies(config, run, error));
    SC_TRY(get_text(config, "detector", &run->detector, error));
    return get_text(config, "judge", &run->judge, error);
}

enum sc_status sc_config_read(const char *json, struct sc_run *run, char *instances_hash,
                              size_t *n_instances, struct sc_error *error)
{
    json_t *config = NULL;
    run->config_json = sc_strdup(json);
    if (run->config_json == NULL)
        return sc_fail_nomem(error, "configuration");
    SC_TRY(sc_json_parse(json, strlen(json), "configuration", &config, error));
    enum sc_status status = read_all(config, run, instances_hash, n_instances, error);
    if (status != SC_OK)
        sc_error_prefix(error, "configuration");
    json_decref(config);
    return status;
}
