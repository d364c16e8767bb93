/*
 * The configuration of a run as JSON, writing.
 *
 * Owns the names and the order of the fields.  What cannot change a result (threads, traces in
 * flight, memory) and what only names a place (folders, paths) is left out, so that a folder may
 * move to another machine.  A policy's fields that its kind does not read are left out too.
 * Reading back: config_read.c; two of them side by side: config_compare.c.
 */
#include "experiment/store/config.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "source/source.h"

/* The hash of what was hashed before and of one more field; NULL counts too. */
static uint64_t chain(uint64_t before, const char *text)
{
    unsigned char bytes[16];
    uint64_t field = text != NULL ? sc_hash64(text, strlen(text)) : 0;
    for (int b = 0; b < 8; b++) {
        bytes[b] = (unsigned char)(before >> (8 * b));
        bytes[8 + b] = (unsigned char)(field >> (8 * b));
    }
    return sc_hash64(bytes, sizeof bytes);
}

static uint64_t hash_instance(uint64_t before, const struct sc_instance *instance)
{
    const char *fields[] = {instance->id, instance->prompt, sc_label_name(instance->label),
                            instance->category, instance->extra};
    const struct sc_conversation *conversation = &instance->conversation;
    uint64_t hash = before;
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        hash = chain(hash, fields[f]);
    /* Only where there are any: keys of older files stay as they are. */
    for (size_t i = 0; i < conversation->n; i++)
        hash = chain(chain(hash, conversation->messages[i].role), conversation->messages[i].text);
    return instance->prefill != NULL ? chain(chain(hash, "prefill"), instance->prefill) : hash;
}

void sc_instances_hash(const struct sc_instance *instances, size_t n_instances, char *out)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < n_instances; i++)
        hash = hash_instance(hash, &instances[i]);
    snprintf(out, 17, "%016" PRIx64, hash);
}

/* 64 bits do not fit the numbers of many JSON readers. */
static void put_seed(struct sc_json_writer *out, const char *key, uint64_t seed)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, seed);
    sc_json_put_string(out, key, digits);
}

/* A number that is 0 where nobody knows it. */
static void put_known(struct sc_json_writer *out, const char *key, size_t value)
{
    if (value > 0)
        sc_json_put_count(out, key, value);
    else
        sc_json_put_null(out, key);
}

static bool is_in_process(const struct sc_source_info *source)
{
    return strcmp(source->kind, SC_SOURCE_IN_PROCESS) == 0;
}

static void put_model(struct sc_json_writer *out, const struct sc_run_options *options,
                      const struct sc_config_facts *facts)
{
    const struct sc_source_info *source = facts->source;
    const char *name = facts->answers != NULL ? facts->model : source->name;
    sc_json_put_object(out, "model");
    sc_json_put_string(out, "name", name != NULL ? name : "unknown");
    sc_json_put_bool(out, "demo", source->demo);
    if (source->revision != NULL && is_in_process(source))
        sc_json_put_string(out, "revision", source->revision);
    sc_json_put_string(out, "fingerprint", source->fingerprint);
    sc_json_put_string(out, "tokenizer", source->tokenizer);
    sc_json_put_string(out, "dtype", source->dtype);
    sc_json_put_string(out, "kernels", source->kernels);
    put_known(out, "n_vocab", source->n_vocab);
    sc_json_put_array(out, "end_ids");
    for (size_t i = 0; i < source->n_end_ids; i++)
        sc_json_put_integer(out, NULL, source->end_ids[i]);
    sc_json_put_end_array(out);
    sc_json_put_bool(out, "thinking", options->thinking);
    if (options->thinking_budget > 0)
        sc_json_put_count(out, "thinking_budget", options->thinking_budget);
    if (source->frame != NULL)
        sc_json_put_string(out, "frame", source->frame);
    if (options->special)
        sc_json_put_bool(out, "special", true);
    sc_json_put_end_object(out);
}

/* Runs of the model in this process say all of this by their model. */
static void put_source(struct sc_json_writer *out, const struct sc_config_facts *facts)
{
    const struct sc_source_info *source = facts->source;
    if (is_in_process(source))
        return;
    sc_json_put_object(out, "source");
    sc_json_put_string(out, "kind", source->kind);
    sc_json_put_string(out, "name", source->name != NULL ? source->name : "unknown");
    if (source->software != NULL)
        sc_json_put_string(out, "software", source->software);
    if (source->revision != NULL)
        sc_json_put_string(out, "revision", source->revision);
    sc_json_put_string(out, "logprobs", sc_logprob_kind_name(source->logprobs));
    sc_json_put_count(out, "top_k", source->top_k);
    sc_json_put_string(out, "reproducible", sc_reproducible_name(source->reproducible));
    if (facts->answers != NULL)
        sc_json_put_string(out, "answers", facts->answers);
    sc_json_put_end_object(out);
}

/* One value is a text, as there was only one once. */
static void put_values(struct sc_json_writer *out, const char *key, const char *const *values,
                       size_t n)
{
    if (n <= 1) {
        sc_json_put_string(out, key, n == 1 ? values[0] : NULL);
        return;
    }
    sc_json_put_array(out, key);
    for (size_t i = 0; i < n; i++)
        sc_json_put_string(out, NULL, values[i]);
    sc_json_put_end_array(out);
}

/* Fields that older runs do not have are there when they were given. */
static void put_labels(struct sc_json_writer *out, const struct sc_benchmark_options *asked)
{
    put_values(out, "unsafe_value", asked->unsafe_values, asked->n_unsafe_values);
    if (asked->n_safe_values > 0)
        put_values(out, "safe_value", asked->safe_values, asked->n_safe_values);
    if (asked->label != NULL)
        sc_json_put_string(out, "label", asked->label);
}

/* The same. */
static void put_columns(struct sc_json_writer *out, const struct sc_benchmark_options *asked)
{
    const struct {
        const char *key, *column;
    } columns[] = {{"messages_column", asked->messages_column},
                   {"system_column", asked->system_column},
                   {"prefill_column", asked->prefill_column}};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (columns[i].column != NULL)
            sc_json_put_string(out, columns[i].key, columns[i].column);
}

/* Bytes of a text that stand in the configuration; a longer one has its hash beside its beginning.
 */
enum { LONGEST_TEXT = 1000 };

/* A text that was given for all prompts; nothing where there is none. */
static void put_given(struct sc_json_writer *out, const char *key, const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    char hash_key[40], hash[17], begin[LONGEST_TEXT + 1];
    if (n <= LONGEST_TEXT) {
        if (text != NULL)
            sc_json_put_string(out, key, text);
        return;
    }
    size_t kept = LONGEST_TEXT;
    while (((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    memcpy(begin, text, kept);
    begin[kept] = '\0';
    snprintf(hash_key, sizeof hash_key, "%s_hash", key);
    snprintf(hash, sizeof hash, "%016" PRIx64, sc_hash64(text, n));
    sc_json_put_string(out, key, begin);
    sc_json_put_string(out, hash_key, hash);
}

/* What is put around every prompt. */
static void put_around(struct sc_json_writer *out, const struct sc_benchmark_options *asked)
{
    put_given(out, "system", asked->system);
    put_given(out, "prefill", asked->prefill);
    put_given(out, "prompt_template", asked->prompt_template);
}

static void put_benchmark(struct sc_json_writer *out, const struct sc_run_options *options,
                          const struct sc_benchmark *benchmark)
{
    const struct sc_benchmark_options *asked = &options->benchmark;
    char hash[17];
    sc_instances_hash(benchmark->instances, benchmark->n_instances, hash);
    sc_json_put_object(out, "benchmark");
    sc_json_put_string(out, "name", benchmark->name);
    sc_json_put_string(out, "split", asked->split);
    sc_json_put_string(out, "fingerprint", benchmark->fingerprint);
    sc_json_put_count(out, "n_instances", benchmark->n_instances);
    sc_json_put_bool(out, "first", asked->first);
    put_seed(out, "seed", asked->seed);
    sc_json_put_string(out, "prompt_column", asked->prompt_column);
    sc_json_put_string(out, "label_column", asked->label_column);
    put_labels(out, asked);
    sc_json_put_string(out, "category_column", asked->category_column);
    sc_json_put_string(out, "id_column", asked->id_column);
    put_columns(out, asked);
    put_around(out, asked);
    if (benchmark->bad_rows.n > 0)
        sc_json_put_count(out, "rows_failed", benchmark->bad_rows.n);
    if (asked->multi_turn)
        sc_json_put_bool(out, "multi_turn", true);
    sc_json_put_string(out, "instances", hash);
    sc_json_put_end_object(out);
}

static void put_sampling(struct sc_json_writer *out, const struct sc_run_options *options,
                         const struct sc_sampling *sampling)
{
    sc_json_put_object(out, "sampling");
    sc_json_put_number(out, "temperature", sampling->temperature);
    if (sampling->top_k >= 0)
        sc_json_put_integer(out, "top_k", sampling->top_k);
    else
        sc_json_put_null(out, "top_k");
    sc_json_put_number(out, "top_p", sampling->top_p);
    sc_json_put_number(out, "min_p", sampling->min_p);
    double penalty = sampling->repetition_penalty;
    if (!isnan(penalty) && penalty != 0 && penalty != 1)
        sc_json_put_number(out, "repetition_penalty", penalty);
    put_known(out, "max_new_tokens", options->max_new_tokens);
    put_seed(out, "seed", options->seed);
    sc_json_put_end_object(out);
}

/* The absolute threshold or the quantile; the other one is null. */
static void put_confidence(struct sc_json_writer *out, const struct sc_run_options *options)
{
    bool absolute = !isnan(options->confident_threshold);
    sc_json_put_object(out, "confidence");
    sc_json_put_string(out, "metric", sc_metric_name(options->metric));
    sc_json_put_count(out, "top_k", options->confidence_top_k);
    sc_json_put_count(out, "window", options->window);
    sc_json_put_number(out, "quantile", absolute ? NAN : options->confident_quantile);
    sc_json_put_number(out, "threshold", options->confident_threshold);
    sc_json_put_end_object(out);
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

static void put_policy(struct sc_json_writer *out, const struct sc_run_options *options, size_t i)
{
    const struct sc_policy *policy = &options->policies[i];
    char name[64];
    policy_name(options->policies, options->n_policies, i, name, sizeof name);
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "name", name);
    sc_json_put_string(out, "kind", sc_policy_name(policy->kind));
    if (policy->kind != SC_POLICY_SINGLE)
        sc_json_put_count(out, "max_traces", policy->max_traces);
    if (policy->kind != SC_POLICY_SINGLE && policy->kind != SC_POLICY_FIXED) {
        sc_json_put_count(out, "min_traces", policy->min_traces);
        if (policy->kind == SC_POLICY_BUDGET)
            sc_json_put_count(out, "traces_total", policy->traces_total);
        else
            sc_json_put_count(out, "batch_traces", policy->batch_traces);
    }
    if (policy->kind == SC_POLICY_ADAPTIVE) {
        sc_json_put_number(out, "percentile", policy->percentile);
        sc_json_put_string(out, "rule", sc_adaptive_rule_name(policy->adaptive_rule));
        sc_json_put_string(out, "metric", sc_metric_name(policy->metric));
    }
    if (policy->kind == SC_POLICY_CURTAILED)
        sc_json_put_number(out, "risk", policy->risk);
    if (policy->kind == SC_POLICY_DEEPCONF) {
        sc_json_put_number(out, "eta", policy->eta);
        sc_json_put_number(out, "tau", policy->tau);
    }
    if (policy->kind == SC_POLICY_INTERVAL)
        sc_json_put_number(out, "width", policy->width);
    sc_json_put_end_object(out);
}

enum sc_status sc_config_write(const struct sc_run_options *options,
                               const struct sc_config_facts *facts, char **json,
                               struct sc_error *error)
{
    assert(facts->source != NULL && facts->source->kind != NULL && facts->benchmark != NULL);
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text, .canonical = true};
    sc_json_put_object(&out, NULL);
    sc_json_put_string(&out, "program", SAFECONF_VERSION);
    put_model(&out, options, facts);
    put_source(&out, facts);
    put_benchmark(&out, options, facts->benchmark);
    put_sampling(&out, options, &facts->source->sampling);
    put_confidence(&out, options);
    sc_json_put_array(&out, "policies");
    for (size_t i = 0; i < options->n_policies; i++)
        put_policy(&out, options, i);
    sc_json_put_end_array(&out);
    sc_json_put_count(&out, "primary", options->primary);
    sc_json_put_string(&out, "detector", facts->detector);
    sc_json_put_string(&out, "judge", options->judge);
    sc_json_put_end_object(&out);
    *json = sc_text_take(&text);
    return *json != NULL ? SC_OK : sc_fail_nomem(error, "configuration of the run");
}
