/*
 * A run in memory, from run.db: configuration, instances, traces, decisions, checked against one
 * another.  Reads only; analysis and reports start here.  Rows: read.c.
 */
#include "experiment/store/run_data.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "confidence/confidence.h"
#include "experiment/store/config.h"
#include "experiment/store/config_shard.h"
#include "experiment/store/judgements.h"
#include "experiment/store/labels.h"
#include "experiment/store/store.h"
#include "experiment/store/weighed.h"

/* Takes the prompts out of the instances. */
static enum sc_status take_instances(struct sc_run *run, struct sc_instance *instances, size_t n,
                                     struct sc_error *error)
{
    run->instances = sc_alloc_zero(n, sizeof *run->instances);
    if (run->instances == NULL)
        return sc_fail_nomem(error, "instances of a run");
    run->n_instances = n;
    for (size_t i = 0; i < n; i++) {
        struct sc_run_instance *instance = &run->instances[i];
        instance->decisions = sc_alloc_zero(run->n_policies, sizeof *instance->decisions);
        if (instance->decisions == NULL)
            return sc_fail_nomem(error, "decisions of a run");
        instance->id = instances[i].id;
        instance->prompt = instances[i].prompt;
        instance->category = instances[i].category;
        instance->extra = instances[i].extra;
        instance->label = instances[i].label;
        instance->conversation = instances[i].conversation;
        instance->prefill = instances[i].prefill;
        instance->line = instances[i].line;
        instances[i] = (struct sc_instance){0};
    }
    return SC_OK;
}

/* Moves a trace to the end of an array, whose capacity is the next power of two. */
static enum sc_status append_trace(struct sc_run_trace **traces, size_t *n,
                                   struct sc_run_trace *trace, struct sc_error *error)
{
    if ((*n & (*n - 1)) == 0) {
        struct sc_run_trace *more = sc_resize(*traces, *n ? 2 * *n : 1, sizeof *more);
        if (more == NULL)
            return sc_fail_nomem(error, "traces of a run");
        *traces = more;
    }
    (*traces)[(*n)++] = *trace;
    *trace = (struct sc_run_trace){0};
    return SC_OK;
}

/* Keeps the traces that follow one another from 0: in a run that was interrupted a later one may
 * have finished before an earlier one. */
static enum sc_status take_trace(void *context, size_t position, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    struct sc_run *run = context;
    struct sc_run_instance *instance = &run->instances[position];
    if (trace->index != instance->n_traces)
        return SC_OK;
    trace->n_earlier = 0;
    for (size_t i = 0; i < trace->n_turns; i++)
        trace->n_earlier += sc_run_trace_cost(&trace->turns[i]);
    return append_trace(&instance->traces, &instance->n_traces, trace, error);
}

static enum sc_status take_cut(void *context, size_t position, size_t policy,
                               struct sc_run_trace *trace, struct sc_error *error)
{
    struct sc_run *run = context;
    struct sc_run_instance *instance = &run->instances[position];
    struct sc_run_decision *decision = &instance->decisions[policy];
    if (decision->n_cuts > 0 && trace->index <= decision->cuts[decision->n_cuts - 1].index)
        return sc_fail(error, SC_ERR_FORMAT,
                       "instance %zu: expected one cut of %s for trace %u, found two", position,
                       run->policy_names[policy], trace->index);
    if (trace->index >= decision->n_traces ||
        trace->n_tokens > instance->traces[trace->index].n_tokens)
        return sc_fail(error, SC_ERR_FORMAT,
                       "instance %zu: cut of %s: expected the beginning of a trace that it used, "
                       "found %zu tokens of trace %u",
                       position, run->policy_names[policy], trace->n_tokens, trace->index);
    const struct sc_run_trace *whole = &instance->traces[trace->index];
    trace->n_earlier = whole->n_earlier;
    trace->n_forced = trace->n_tokens - sc_run_trace_sampled_of(whole, trace->n_tokens);
    trace->forced_begin = trace->n_forced > 0 ? whole->forced_begin : 0;
    return append_trace(&decision->cuts, &decision->n_cuts, trace, error);
}

static enum sc_status take_decision(void *context, size_t position,
                                    const struct sc_store_decision *decision,
                                    struct sc_error *error)
{
    struct sc_run *run = context;
    struct sc_run_instance *instance = &run->instances[position];
    struct sc_run_decision *out = &instance->decisions[decision->policy];
    if (decision->n_traces < 1 || decision->n_traces > instance->n_traces)
        return sc_fail(error, SC_ERR_FORMAT,
                       "instance %zu: decision of %s: expected 1 to %zu traces, found %zu",
                       position, run->policy_names[decision->policy], instance->n_traces,
                       decision->n_traces);
    if (out->stop_reason != NULL) /* a damaged index can give a row under another's key */
        return sc_fail(error, SC_ERR_FORMAT, "instance %zu: expected one decision of %s, found two",
                       position, run->policy_names[decision->policy]);
    out->stop_reason = sc_strdup(decision->stop_reason);
    if (out->stop_reason == NULL)
        return sc_fail_nomem(error, "decisions of a run");
    out->n_traces = decision->n_traces;
    out->bar = decision->bar;
    return SC_OK;
}

/* Whether a detector's or judge's name is that of the bundled demonstration guard, alone or inside
 * a hybrid's.  Any guard in a folder of that name counts: rather a warning too many. */
static bool rests_on_demo_guard(const char *name)
{
    return name != NULL && strstr(name, "guard/1:demo-guard:") != NULL;
}

/* Instances, checked against the key that the configuration holds of them. */
static enum sc_status load_instances(struct sc_store *store, struct sc_run *run,
                                     struct sc_error *error)
{
    const char *config = NULL;
    char expected[17], found[17];
    struct sc_instance *instances = NULL;
    size_t n_expected = 0, n = 0;
    SC_TRY(sc_store_config(store, &config, error));
    SC_TRY(sc_config_read(config, run, expected, &n_expected, error));
    SC_TRY(sc_store_read_instances(store, &instances, &n, error));
    sc_instances_hash(instances, n, found);
    enum sc_status status = n == n_expected && strcmp(found, expected) == 0
                                ? take_instances(run, instances, n, error)
                                : sc_fail(error, SC_ERR_FORMAT,
                                          "instances: expected %zu with the key %s, found %zu with "
                                          "%s",
                                          n_expected, expected, n, found);
    sc_store_free_instances(instances, n);
    return status;
}

static enum sc_status load(struct sc_store *store, bool tokens, struct sc_run *run,
                           struct sc_error *error)
{
    SC_TRY(load_instances(store, run, error));
    SC_TRY(sc_store_apply_reading(store, &run->detector, &run->judge, &run->judged_again, error));
    run->demo_judge = rests_on_demo_guard(run->detector) || rests_on_demo_guard(run->judge);
    size_t n = run->n_instances;
    const struct sc_store_traces traces = {
        .detector = run->detector, .judge = run->judge, .tokens = tokens, .n_instances = n};
    SC_TRY(sc_store_read_traces(store, &traces, take_trace, run, error));
    SC_TRY(sc_weighed_load(store, run, error));
    if (run->judged_again) {
        SC_TRY(sc_run_load_opinions(store, run, error));
        SC_TRY(sc_run_load_labels(store, run, error));
    }
    SC_TRY(sc_store_read_decisions(store, n, run->n_policies, take_decision, run, error));
    return sc_store_read_cuts(store, n, run->n_policies, take_cut, run, error);
}

enum sc_status sc_run_load(const char *folder, bool tokens, struct sc_run *out,
                           struct sc_error *error)
{
    struct sc_store *store = NULL;
    *out = (struct sc_run){0};
    SC_TRY(sc_store_open_read(&store, folder, error));
    enum sc_status status = load(store, tokens, out, error);
    sc_store_close(store);
    if (status != SC_OK) {
        if (error != NULL && strncmp(error->text, folder, strlen(folder)) != 0)
            sc_error_prefix(error, "%s/run.db", folder);
        sc_run_free(out);
    }
    return status;
}

void sc_run_free(struct sc_run *run)
{
    for (size_t i = 0; i < run->n_instances; i++) {
        struct sc_run_instance *instance = &run->instances[i];
        for (size_t t = 0; t < instance->n_traces; t++)
            sc_run_trace_free(&instance->traces[t]);
        for (size_t p = 0; instance->decisions != NULL && p < run->n_policies; p++) {
            struct sc_run_decision *decision = &instance->decisions[p];
            for (size_t c = 0; c < decision->n_cuts; c++)
                sc_run_trace_free(&decision->cuts[c]);
            sc_free(decision->cuts);
            sc_free(decision->stop_reason);
        }
        sc_free(instance->traces);
        sc_free(instance->decisions);
        sc_free(instance->id);
        sc_free(instance->prompt);
        sc_free(instance->category);
        sc_free(instance->extra);
        sc_conversation_free(&instance->conversation);
        sc_free(instance->prefill);
    }
    for (size_t p = 0; run->policy_names != NULL && p < run->n_policies; p++)
        sc_free(run->policy_names[p]);
    sc_run_free_opinions(run);
    for (int of = 0; of < SC_N_LABELS_OF; of++)
        sc_run_labels_free(&run->labels[of]);
    sc_free(run->instances);
    sc_free(run->policies);
    sc_free(run->policy_names);
    sc_free(run->config_json);
    sc_free(run->model_name);
    sc_free(run->benchmark_name);
    sc_free(run->detector);
    sc_free(run->judge);
    sc_free(run->source.kind);
    sc_free(run->source.name);
    sc_free(run->source.software);
    sc_free(run->source.revision);
    sc_run_shard_free(&run->shard);
    *run = (struct sc_run){0};
}

const struct sc_run_trace *sc_run_trace_seen(const struct sc_run_instance *instance, size_t policy,
                                             size_t t)
{
    const struct sc_run_decision *decision = &instance->decisions[policy];
    for (size_t c = 0; c < decision->n_cuts; c++)
        if (decision->cuts[c].index == t)
            return &decision->cuts[c];
    return &instance->traces[t];
}

enum sc_status sc_run_vote(const struct sc_run *run, const struct sc_run_instance *instance,
                           size_t policy, enum sc_behaviour *out, struct sc_error *error)
{
    size_t n = instance->decisions[policy].n_traces;
    enum sc_metric metric = sc_policy_metric(&run->policies[policy]);
    struct sc_policy_trace *seen = sc_alloc_zero(n, sizeof *seen);
    if (seen == NULL)
        return sc_fail_nomem(error, "vote of a policy");
    for (size_t t = 0; t < n; t++) {
        const struct sc_run_trace *trace = sc_run_trace_seen(instance, policy, t);
        /* A cut trace's `lowest` is below the bar, so its lows need not be looked at. */
        seen[t].failed = trace->finish == SC_FINISH_FAILED;
        seen[t].verdict = trace->verdict;
        seen[t].confidence =
            seen[t].failed ? NAN : sc_metric_as_confidence(metric, trace->metrics[metric]);
    }
    *out = sc_policy_vote(&run->policies[policy], seen, n);
    sc_free(seen);
    return SC_OK;
}
