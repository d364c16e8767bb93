/*
 * The configuration of a run as JSON: writing, comparing, reading back.
 *
 * Owns the names and the order of the fields.  What cannot change a result (threads, traces in
 * flight, memory) and what only names a place (folders, paths) is left out, so that a folder may
 * move to another machine.  A policy's fields that its kind does not read are left out too.
 */
#include "experiment/run/config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

/* ---- writing --------------------------------------------------------------------------------- */

/* Collects fields in order; remembers that one could not be made. */
struct object {
    json_t *json;
    bool failed;
};

static void put(struct object *object, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(object->json, key, value) != 0)
        object->failed = true;
}

/* Text that may hold anything (a file's name): what is no UTF-8 is replaced. NULL is null. */
static void put_text(struct object *object, const char *key, const char *text)
{
    struct sc_text repaired = {0};
    if (text == NULL) {
        put(object, key, json_null());
        return;
    }
    sc_text_add_repaired(&repaired, text, strlen(text));
    put(object, key,
        repaired.failed ? NULL : json_string(repaired.data != NULL ? repaired.data : ""));
    sc_text_free(&repaired);
}

static void put_size(struct object *object, const char *key, size_t value)
{
    put(object, key, json_integer((json_int_t)value));
}

/* 64 bits do not fit the numbers of many JSON readers. */
static void put_seed(struct object *object, const char *key, uint64_t seed)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, seed);
    put_text(object, key, digits);
}

static void begin(struct object *object, json_t *json)
{
    object->json = json;
    object->failed = json == NULL;
}

/* Puts a finished object into another one. */
static void end(struct object *outer, const char *key, struct object *inner)
{
    if (inner->failed) {
        json_decref(inner->json);
        outer->failed = true;
    } else {
        put(outer, key, inner->json);
    }
}

void sc_instances_hash(const struct sc_instance *instances, size_t n_instances, char *out)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < n_instances; i++) {
        const char *fields[] = {instances[i].id, instances[i].prompt,
                                sc_label_name(instances[i].label), instances[i].category,
                                instances[i].extra};
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
            unsigned char chain[16];
            uint64_t field = fields[f] != NULL ? sc_hash64(fields[f], strlen(fields[f])) : 0;
            for (int b = 0; b < 8; b++) {
                chain[b] = (unsigned char)(hash >> (8 * b));
                chain[8 + b] = (unsigned char)(field >> (8 * b));
            }
            hash = sc_hash64(chain, sizeof chain);
        }
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

static void put_model(struct object *config, const struct sc_run_options *options,
                      const struct sc_config_facts *facts)
{
    struct object model;
    begin(&model, json_object());
    put_text(&model, "name", facts->model_name);
    put(&model, "demo", json_boolean(facts->demo));
    put_text(&model, "fingerprint", facts->model_fingerprint);
    put_text(&model, "tokenizer", facts->tokenizer_fingerprint);
    put_text(&model, "dtype", facts->dtype);
    put_text(&model, "kernels", facts->kernels);
    put_size(&model, "n_vocab", facts->n_vocab);
    json_t *ids = json_array();
    for (size_t i = 0; ids != NULL && i < facts->n_end_ids; i++)
        if (json_array_append_new(ids, json_integer(facts->end_ids[i])) != 0)
            model.failed = true;
    put(&model, "end_ids", ids);
    put(&model, "thinking", json_boolean(options->thinking));
    end(config, "model", &model);
}

static void put_benchmark(struct object *config, const struct sc_run_options *options,
                          const struct sc_benchmark *benchmark)
{
    const struct sc_benchmark_options *asked = &options->benchmark;
    char hash[17];
    struct object object;
    sc_instances_hash(benchmark->instances, benchmark->n_instances, hash);
    begin(&object, json_object());
    put_text(&object, "name", benchmark->name);
    put_text(&object, "split", asked->split);
    put_text(&object, "fingerprint", benchmark->fingerprint);
    put_size(&object, "n_instances", benchmark->n_instances);
    put(&object, "first", json_boolean(asked->first));
    put_seed(&object, "seed", asked->seed);
    put_text(&object, "prompt_column", asked->prompt_column);
    put_text(&object, "label_column", asked->label_column);
    put_text(&object, "unsafe_value", asked->unsafe_value);
    put_text(&object, "category_column", asked->category_column);
    put_text(&object, "id_column", asked->id_column);
    put_text(&object, "instances", hash);
    end(config, "benchmark", &object);
}

static void put_sampling(struct object *config, const struct sc_run_options *options,
                         const struct sc_sampling *sampling)
{
    struct object object;
    begin(&object, json_object());
    put(&object, "temperature", json_real(sampling->temperature));
    put(&object, "top_k", json_integer(sampling->top_k));
    put(&object, "top_p", json_real(sampling->top_p));
    put(&object, "min_p", json_real(sampling->min_p));
    put_size(&object, "max_new_tokens", options->max_new_tokens);
    put_seed(&object, "seed", options->seed);
    end(config, "sampling", &object);
}

static void put_confidence(struct object *config, const struct sc_run_options *options)
{
    struct object object;
    bool absolute = !isnan(options->confident_threshold);
    begin(&object, json_object());
    put_text(&object, "metric", sc_metric_name(options->metric));
    put_size(&object, "top_k", options->confidence_top_k);
    put_size(&object, "window", options->window);
    put(&object, "quantile", absolute ? json_null() : json_real(options->confident_quantile));
    put(&object, "threshold", absolute ? json_real(options->confident_threshold) : json_null());
    end(config, "confidence", &object);
}

/* A policy's name: its kind, with a number when the run has several of that kind. */
static void policy_name(const struct sc_policy *policies, size_t n, size_t i, char *out,
                        size_t size)
{
    size_t n_same = 0, number = 0;
    for (size_t j = 0; j < n; j++) {
        n_same += policies[j].kind == policies[i].kind;
        number += j <= i && policies[j].kind == policies[i].kind;
    }
    if (n_same > 1)
        snprintf(out, size, "%s-%zu", sc_policy_name(policies[i].kind), number);
    else
        snprintf(out, size, "%s", sc_policy_name(policies[i].kind));
}

static json_t *policy_json(const struct sc_run_options *options, size_t i)
{
    const struct sc_policy *policy = &options->policies[i];
    char name[64];
    struct object object;
    policy_name(options->policies, options->n_policies, i, name, sizeof name);
    begin(&object, json_object());
    put_text(&object, "name", name);
    put_text(&object, "kind", sc_policy_name(policy->kind));
    if (policy->kind != SC_POLICY_SINGLE)
        put_size(&object, "max_traces", policy->max_traces);
    if (policy->kind != SC_POLICY_SINGLE && policy->kind != SC_POLICY_FIXED) {
        put_size(&object, "min_traces", policy->min_traces);
        put_size(&object, "batch_traces", policy->batch_traces);
    }
    if (policy->kind == SC_POLICY_ADAPTIVE) {
        put(&object, "percentile", json_real(policy->percentile));
        put_text(&object, "rule", sc_adaptive_rule_name(policy->adaptive_rule));
        put_text(&object, "metric", sc_metric_name(policy->metric));
    }
    if (policy->kind == SC_POLICY_CURTAILED)
        put(&object, "risk", json_real(policy->risk));
    if (policy->kind == SC_POLICY_DEEPCONF) {
        put(&object, "eta", json_real(policy->eta));
        put(&object, "tau", json_real(policy->tau));
    }
    if (!object.failed)
        return object.json;
    json_decref(object.json);
    return NULL;
}

enum sc_status sc_config_write(const struct sc_run_options *options,
                               const struct sc_config_facts *facts, char **json,
                               struct sc_error *error)
{
    struct object config;
    struct sc_text text = {0};
    *json = NULL;
    begin(&config, json_object());
    put_text(&config, "program", SAFECONF_VERSION);
    put_model(&config, options, facts);
    put_benchmark(&config, options, facts->benchmark);
    put_sampling(&config, options, &facts->sampling);
    put_confidence(&config, options);
    json_t *policies = json_array();
    for (size_t i = 0; policies != NULL && i < options->n_policies; i++)
        if (json_array_append_new(policies, policy_json(options, i)) != 0)
            config.failed = true;
    put(&config, "policies", policies);
    put_size(&config, "primary", options->primary);
    put_text(&config, "detector", facts->detector);
    put_text(&config, "judge", options->judge);
    if (!config.failed) {
        sc_json_write(&text, config.json);
        *json = sc_text_take(&text);
    }
    json_decref(config.json);
    sc_text_free(&text);
    return *json != NULL ? SC_OK : sc_fail_nomem(error, "configuration of the run");
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Writes the value for a message, short. */
static void show(const json_t *value, char *out, size_t size)
{
    struct sc_text text = {0};
    if (json_is_real(value)) { /* as few digits as say it */
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(out, size, "%.*g", digits, json_real_value(value));
            if (strtod(out, NULL) == json_real_value(value))
                return;
        }
    }
    if (value != NULL)
        sc_json_write(&text, value);
    const char *shown = value == NULL                       ? "nothing"
                        : text.data != NULL && !text.failed ? text.data
                                                            : "?";
    if (snprintf(out, size, "%s", shown) >= (int)size)
        memcpy(out + size - 4, "...", 4);
    sc_text_free(&text);
}

/* Finds the first field that differs; puts its path and both values in place.  wanted is our own
 * text, so the depth is that of sc_config_write. */
static bool differs(const json_t *stored, const json_t *wanted, char *path, size_t size,
                    const json_t **found, const json_t **expected)
{
    if (stored != NULL && wanted != NULL && json_equal(stored, wanted))
        return false;
    size_t used = strlen(path);
    if (json_is_object(stored) && json_is_object(wanted)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)wanted, key, value)
        {
            snprintf(path + used, size - used, "%s%s", used ? "." : "", key);
            if (differs(json_object_get(stored, key), value, path, size, found, expected))
                return true;
        }
        json_object_foreach((json_t *)stored, key, value)
        {
            snprintf(path + used, size - used, "%s%s", used ? "." : "", key);
            if (json_object_get(wanted, key) == NULL)
                return differs(value, NULL, path, size, found, expected);
        }
    }
    if (json_is_array(stored) && json_is_array(wanted) &&
        json_array_size(stored) == json_array_size(wanted)) {
        for (size_t i = 0; i < json_array_size(wanted); i++) {
            snprintf(path + used, size - used, "[%zu]", i);
            if (differs(json_array_get(stored, i), json_array_get(wanted, i), path, size, found,
                        expected))
                return true;
        }
    }
    path[used] = '\0';
    *found = stored;
    *expected = wanted;
    return true;
}

enum sc_status sc_config_compare(const char *stored, const char *wanted, const char *path,
                                 struct sc_error *error)
{
    json_t *a = NULL, *b = NULL;
    const json_t *found = NULL, *expected = NULL;
    char field[120] = "", found_text[80], expected_text[80];
    if (strcmp(stored, wanted) == 0)
        return SC_OK;
    enum sc_status status = sc_json_parse(stored, strlen(stored), path, &a, error);
    if (status == SC_OK)
        status = sc_json_parse(wanted, strlen(wanted), "configuration", &b, error);
    if (status == SC_OK && differs(a, b, field, sizeof field, &found, &expected)) {
        show(found, found_text, sizeof found_text);
        show(expected, expected_text, sizeof expected_text);
        status = sc_fail(error, SC_ERR_CONFLICT,
                         "%s: the folder holds a run with another configuration: %s: expected %s, "
                         "found %s",
                         path, *field ? field : "all", expected_text, found_text);
    }
    json_decref(a);
    json_decref(b);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

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

static enum sc_status get_size(const json_t *object, const char *key, int64_t low, int64_t high,
                               const size_t *fallback, size_t *out, struct sc_error *error)
{
    int64_t value = 0, other = fallback != NULL ? (int64_t)*fallback : 0;
    enum sc_status status =
        sc_json_int(object, key, low, high, fallback != NULL ? &other : NULL, &value, error);
    *out = (size_t)value;
    return status;
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

static enum sc_status read_policy(const json_t *json, struct sc_policy *policy, char **name,
                                  struct sc_error *error)
{
    enum { MOST = 1 << 20 };
    int kind = 0, rule = 0, metric = 0;
    struct sc_policy preset = sc_policy_default();
    *policy = preset;
    enum sc_status status = get_text(json, "name", name, error);
    if (status == SC_OK)
        status = get_name(json, "kind", sc_policy_parse, &kind, error);
    if (status != SC_OK)
        return status;
    policy->kind = (enum sc_policy_kind)kind;
    status = get_size(json, "max_traces", 1, MOST, &preset.max_traces, &policy->max_traces, error);
    if (status == SC_OK)
        status =
            get_size(json, "min_traces", 1, MOST, &preset.min_traces, &policy->min_traces, error);
    if (status == SC_OK)
        status = get_size(json, "batch_traces", 1, MOST, &preset.batch_traces,
                          &policy->batch_traces, error);
    if (status == SC_OK)
        status = sc_json_real(json, "percentile", 0, 100, &preset.percentile, &policy->percentile,
                              error);
    if (status == SC_OK)
        status = sc_json_real(json, "risk", 0, 1, &preset.risk, &policy->risk, error);
    if (status == SC_OK)
        status = sc_json_real(json, "eta", 0, 100, &preset.eta, &policy->eta, error);
    if (status == SC_OK)
        status = sc_json_real(json, "tau", 0, 1, &preset.tau, &policy->tau, error);
    if (status == SC_OK && kind == SC_POLICY_ADAPTIVE) {
        status = get_name(json, "rule", sc_adaptive_rule_parse, &rule, error);
        if (status == SC_OK)
            status = get_name(json, "metric", sc_metric_parse, &metric, error);
        policy->adaptive_rule = (enum sc_adaptive_rule)rule;
        policy->metric = (enum sc_metric)metric;
    }
    return status != SC_OK ? status : sc_policy_check(policy, error);
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
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < n; i++) {
        status =
            read_policy(json_array_get(list, i), &run->policies[i], &run->policy_names[i], error);
        for (size_t j = 0; status == SC_OK && j < i; j++)
            if (strcmp(run->policy_names[i], run->policy_names[j]) == 0)
                status = sc_fail(error, SC_ERR_FORMAT, "expected different names, found %s twice",
                                 run->policy_names[i]);
        /* The names become part of file names. */
        const char *plain = "abcdefghijklmnopqrstuvwxyz0123456789-";
        if (status == SC_OK && (run->policy_names[i][0] == '\0' ||
                                run->policy_names[i][strspn(run->policy_names[i], plain)]))
            status = sc_fail(error, SC_ERR_FORMAT, "expected a name of a-z, 0-9 and -, found %s",
                             run->policy_names[i]);
        if (status != SC_OK)
            sc_error_prefix(error, "policies[%zu]", i);
    }
    if (status == SC_OK)
        status = get_size(config, "primary", 0, (int64_t)n - 1, NULL, &run->primary, error);
    return status;
}

static enum sc_status read_confidence(const json_t *object, struct sc_run *run,
                                      struct sc_error *error)
{
    const double none = NAN;
    int metric = 0;
    enum sc_status status = get_name(object, "metric", sc_metric_parse, &metric, error);
    run->metric = (enum sc_metric)metric;
    if (status == SC_OK)
        status = get_size(object, "window", 1, INT32_MAX, NULL, &run->window, error);
    if (status == SC_OK)
        status = sc_json_real(object, "quantile", 0, 1, &none, &run->confident_quantile, error);
    if (status == SC_OK)
        status = sc_json_real(object, "threshold", -1e308, 1e308, &none, &run->confident_threshold,
                              error);
    if (status == SC_OK && isnan(run->confident_quantile) == isnan(run->confident_threshold))
        status = sc_fail(error, SC_ERR_FORMAT, "expected either \"quantile\" or \"threshold\"");
    return status;
}

static enum sc_status read_all(const json_t *config, struct sc_run *run, char *instances_hash,
                               size_t *n_instances, struct sc_error *error)
{
    const json_t *model = json_object_get(config, "model");
    const json_t *benchmark = json_object_get(config, "benchmark");
    const char *hash = json_string_value(json_object_get(benchmark, "instances"));
    if (hash == NULL || strlen(hash) != 16)
        return sc_fail(error, SC_ERR_FORMAT, "\"benchmark.instances\": expected 16 digits");
    memcpy(instances_hash, hash, 17);
    enum sc_status status = get_text(model, "name", &run->model_name, error);
    if (status == SC_OK)
        status = sc_json_bool(model, "demo", NULL, &run->demo, error);
    if (status == SC_OK)
        status = get_text(benchmark, "name", &run->benchmark_name, error);
    if (status == SC_OK)
        status = get_size(benchmark, "n_instances", 0, INT32_MAX, NULL, n_instances, error);
    if (status == SC_OK)
        status = get_seed(json_object_get(config, "sampling"), "seed", &run->seed, error);
    if (status == SC_OK)
        status = read_confidence(json_object_get(config, "confidence"), run, error);
    if (status == SC_OK)
        status = read_policies(config, run, error);
    if (status == SC_OK)
        status = get_text(config, "detector", &run->detector, error);
    if (status == SC_OK)
        status = get_text(config, "judge", &run->judge, error);
    return status;
}

enum sc_status sc_config_read(const char *json, struct sc_run *run, char *instances_hash,
                              size_t *n_instances, struct sc_error *error)
{
    json_t *config = NULL;
    run->config_json = sc_strdup(json);
    if (run->config_json == NULL)
        return sc_fail_nomem(error, "configuration");
    enum sc_status status = sc_json_parse(json, strlen(json), "configuration", &config, error);
    if (status != SC_OK)
        return status;
    status = read_all(config, run, instances_hash, n_instances, error);
    if (status != SC_OK)
        sc_error_prefix(error, "configuration");
    json_decref(config);
    return status;
}
