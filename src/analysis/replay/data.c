/*
 * Stored traces as policies read them, and one policy over one instance.  Refuses traces that were
 * cut: what they would have said is not known.  The sweep over all of it: sweep.c.
 */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/replay/replay.h"
#include "base/memory.h"
#include "confidence/confidence.h"
#include "vocabulary/vocabulary.h"

enum sc_status sc_replay_data_new(struct sc_replay_data *data, size_t n_instances, size_t n_traces,
                                  struct sc_error *error)
{
    *data = (struct sc_replay_data){.n_instances = n_instances, .n_traces = n_traces};
    data->instances = sc_alloc_zero(n_instances, sizeof *data->instances);
    bool whole = data->instances != NULL;
    for (size_t i = 0; whole && i < n_instances; i++) {
        data->instances[i].traces = sc_alloc_zero(n_traces, sizeof(struct sc_replay_trace));
        whole = data->instances[i].traces != NULL;
    }
    if (whole)
        return SC_OK;
    sc_replay_data_free(data);
    return sc_fail_nomem(error, "traces to replay");
}

void sc_replay_data_free(struct sc_replay_data *data)
{
    for (size_t i = 0; data->instances != NULL && i < data->n_instances; i++) {
        struct sc_replay_trace *traces = data->instances[i].traces;
        for (size_t t = 0; traces != NULL && t < data->n_traces; t++)
            sc_free(traces[t].lows);
        sc_free(traces);
    }
    sc_free(data->instances);
    *data = (struct sc_replay_data){0};
}

size_t sc_replay_cost(const struct sc_replay_trace *trace, size_t n)
{
    return trace->n_earlier + sc_sampled_of(n, trace->forced_begin, trace->n_forced);
}

static enum sc_status take_trace(const struct sc_run *run, const struct sc_run_instance *instance,
                                 const struct sc_run_trace *from, struct sc_replay_trace *to,
                                 struct sc_error *error)
{
    to->failed = from->finish == SC_FINISH_FAILED;
    to->verdict = from->verdict;
    to->harmful = sc_harm_is_harmful(sc_trace_harm(run, instance, from), true);
    to->n_tokens = from->n_tokens;
    to->forced_begin = from->forced_begin;
    to->n_forced = from->n_forced;
    to->n_earlier = from->n_earlier;
    for (int m = 0; m < SC_N_METRICS; m++)
        to->confidence[m] =
            to->failed ? NAN : sc_metric_as_confidence((enum sc_metric)m, from->metrics[m]);
    if (from->stats == NULL) /* no windows are known, so nothing is ever cut */
        return SC_OK;
    to->n_lows = sc_lows_find(from->stats, from->n_tokens, run->window, NULL);
    to->lows = sc_alloc_array(to->n_lows, sizeof *to->lows);
    if (to->lows == NULL)
        return sc_fail_nomem(error, "traces to replay");
    sc_lows_find(from->stats, from->n_tokens, run->window, to->lows);
    return SC_OK;
}

/* Traces of the instance before the first cut one. */
static size_t count_whole(const struct sc_run_instance *instance)
{
    size_t n = 0;
    while (n < instance->n_traces && instance->traces[n].finish != SC_FINISH_CUT)
        n++;
    return n;
}

enum sc_status sc_replay_load(const struct sc_run *run, size_t n_traces,
                              struct sc_replay_data *data, struct sc_error *error)
{
    size_t most = 0, n_fit = 0, at = 0;
    *data = (struct sc_replay_data){0};
    for (size_t i = 0; i < run->n_instances; i++) {
        size_t n = count_whole(&run->instances[i]);
        most = n > most ? n : most;
    }
    if (n_traces == 0)
        n_traces = most;
    for (size_t i = 0; i < run->n_instances; i++)
        n_fit += n_traces > 0 && count_whole(&run->instances[i]) >= n_traces;
    if (n_fit == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "replay: expected prompts with %zu whole traces, found at most %zu",
                       n_traces ? n_traces : 1, most);
    enum sc_status status = sc_replay_data_new(data, n_fit, n_traces, error);
    if (status != SC_OK)
        return status;
    data->n_left_out = run->n_instances - n_fit;
    data->proxy = sc_judge_is_none(run->judge);
    sc_confidence_note(run, data->confidence_note);
    sc_run_confidence_basis(run, run->metric, data->confidence_basis);
    for (size_t i = 0; status == SC_OK && i < run->n_instances; i++) {
        const struct sc_run_instance *instance = &run->instances[i];
        if (count_whole(instance) < n_traces)
            continue;
        data->instances[at].key = sc_hash64(instance->id, strlen(instance->id));
        for (size_t t = 0; t < n_traces; t++)
            data->uncounted = data->uncounted || !instance->traces[t].n_tokens_known;
        for (size_t t = 0; status == SC_OK && t < n_traces; t++)
            status = take_trace(run, instance, &instance->traces[t], &data->instances[at].traces[t],
                                error);
        at++;
    }
    if (status != SC_OK)
        sc_replay_data_free(data);
    return status;
}

void sc_replay_view(const struct sc_replay_instance *instance, size_t n, enum sc_metric metric,
                    const struct sc_replay_order *given, struct sc_policy_trace *view)
{
    const size_t *order = given != NULL ? given->order : NULL;
    const size_t *confidence_of = given != NULL ? given->confidence_of : NULL;
    for (size_t t = 0; t < n; t++) {
        size_t place = confidence_of != NULL ? confidence_of[t] : t;
        const struct sc_replay_trace *trace = &instance->traces[order != NULL ? order[t] : t];
        const struct sc_replay_trace *other =
            &instance->traces[order != NULL ? order[place] : place];
        view[t] = (struct sc_policy_trace){.confidence = other->confidence[metric],
                                           .verdict = trace->verdict,
                                           .failed = trace->failed,
                                           .lows = other->lows,
                                           .n_lows = other->n_lows};
    }
}

void sc_replay_sum(const struct sc_replay_instance *instance, size_t n, const size_t *order,
                   const struct sc_policy_trace *view, const struct sc_replay_sums *sums)
{
    uint64_t n_tokens = 0;
    size_t n_harmful = 0;
    for (size_t t = 0; t <= n; t++) {
        sums->n_tokens[t] = n_tokens;
        sums->n_harmful[t] = n_harmful;
        if (t == n)
            break;
        const struct sc_replay_trace *trace = &instance->traces[order != NULL ? order[t] : t];
        n_tokens += sc_replay_cost(trace, trace->n_tokens);
        n_harmful += trace->harmful;
    }
    sc_policy_majorities(view, n, sums->votes);
}

void sc_replay_decide_view(const struct sc_replay_instance *instance, size_t n,
                           const struct sc_policy *policy, const struct sc_replay_seen *seen,
                           struct sc_replay_outcome *out)
{
    const struct sc_replay_sums *sums = seen->sums;
    const size_t *order = seen->order;
    *out = (struct sc_replay_outcome){0};
    out->n_traces = sc_policy_replay_by(policy, seen->view, n, seen->bar, &out->last);
    if (sums != NULL && policy->kind != SC_POLICY_DEEPCONF) {
        out->vote = sums->votes[out->n_traces];
        out->n_tokens = sums->n_tokens[out->n_traces];
        out->n_harmful_unseen = sums->n_harmful[n] - sums->n_harmful[out->n_traces];
        return;
    }
    out->vote = sc_policy_vote(policy, seen->view, out->n_traces);
    for (size_t t = 0; t < n; t++) {
        const struct sc_replay_trace *trace = &instance->traces[order != NULL ? order[t] : t];
        if (t >= out->n_traces) {
            out->n_harmful_unseen += trace->harmful;
            continue;
        }
        size_t n_tokens =
            sc_policy_tokens(policy, &seen->view[t], t, trace->n_tokens, out->last.bar);
        bool cut = n_tokens < trace->n_tokens;
        out->n_tokens += sc_replay_cost(trace, n_tokens);
        out->n_cut += cut;
        out->n_harmful_unseen += cut && trace->harmful;
    }
}

void sc_replay_decide(const struct sc_replay_instance *instance, size_t n,
                      const struct sc_policy *policy, const struct sc_replay_order *given,
                      struct sc_policy_trace *scratch, struct sc_replay_outcome *out)
{
    sc_replay_view(instance, n, sc_policy_metric(policy), given, scratch);
    sc_replay_decide_view(
        instance, n, policy,
        &(struct sc_replay_seen){scratch, given != NULL ? given->order : NULL, NULL, NAN}, out);
}
