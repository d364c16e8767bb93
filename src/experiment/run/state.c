/* See state.h. */
#include "experiment/run/state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "confidence/confidence.h"
#include "vocabulary/vocabulary.h"

static enum sc_status init_phase(struct sc_run_state *state, struct sc_error *error)
{
    struct sc_run_phase *phase = &state->phase;
    size_t n = state->setup->n_instances;
    phase->on = state->policies[0].kind == SC_POLICY_BUDGET;
    if (!phase->on)
        return SC_OK;
    assert(state->n_policies == 1);
    phase->n_phases = sc_budget_phases(&state->policies[0], n);
    phase->prompts = sc_alloc_zero(n, sizeof *phase->prompts);
    phase->heap = sc_alloc_array(n, sizeof *phase->heap);
    if (phase->prompts == NULL || phase->heap == NULL)
        return sc_fail_nomem(error, "phases of the run");
    sc_budget_allot(&state->policies[0], 0, phase->prompts, n, phase->heap);
    return SC_OK;
}

enum sc_status sc_state_init(struct sc_run_state *state, const struct sc_runner_setup *setup,
                             struct sc_run_summary *summary, struct sc_error *error)
{
    const struct sc_run_options *options = setup->options;
    *state = (struct sc_run_state){
        .setup = setup,
        .policies = options->policies,
        .n_policies = options->n_policies,
        .maker = {.detector = setup->detector, .window = options->window, .reads = setup->reads},
        .summary = summary,
    };
    for (size_t p = 0; p < state->n_policies; p++) {
        size_t most = sc_policy_most(&state->policies[p]);
        if (most > state->most_traces)
            state->most_traces = most;
        if (state->policies[p].kind == SC_POLICY_DEEPCONF)
            state->has_deepconf = true;
    }
    SC_TRY(init_phase(state, error));
    state->cuts_live = state->has_deepconf && state->n_policies == 1;
    state->instances = sc_alloc_zero(setup->n_instances, sizeof *state->instances);
    state->view = sc_alloc_array(state->most_traces, sizeof *state->view);
    state->fresh = sc_alloc_array(state->n_policies, sizeof *state->fresh);
    if (state->instances == NULL || state->view == NULL || state->fresh == NULL)
        return sc_fail_nomem(error, "state of the run");
    for (size_t i = 0; i < setup->n_instances; i++) {
        struct sc_instance_state *instance = &state->instances[i];
        instance->stops = sc_alloc_zero(state->n_policies, sizeof *instance->stops);
        if (instance->stops == NULL)
            return sc_fail_nomem(error, "decisions of the run");
        instance->bar = NAN;
        instance->n_turns = sc_turn_count(&setup->instances[i], options->benchmark.multi_turn);
    }
    return SC_OK;
}

void sc_state_free(struct sc_run_state *state)
{
    for (size_t i = 0; state->instances != NULL && i < state->setup->n_instances; i++) {
        sc_state_close_instance(state, &state->instances[i]);
        sc_free(state->instances[i].stops);
    }
    sc_free(state->instances);
    sc_free(state->view);
    sc_free(state->fresh);
    sc_free(state->phase.prompts);
    sc_free(state->phase.heap);
    sc_failures_free(&state->failures);
}

void sc_state_close_instance(struct sc_run_state *state, struct sc_instance_state *instance)
{
    for (size_t t = 0; t < instance->n_traces; t++) {
        sc_free(instance->traces[t].lows);
        sc_chain_drop(&instance->traces[t].chain, state->setup->source);
    }
    sc_free(instance->traces);
    instance->traces = NULL;
    instance->n_traces = 0;
}

enum sc_status sc_state_make_place(struct sc_instance_state *instance, size_t n,
                                   struct sc_error *error)
{
    if (n <= instance->n_traces)
        return SC_OK;
    struct sc_trace_state *more = sc_resize(instance->traces, n, sizeof *more);
    if (more == NULL)
        return sc_fail_nomem(error, "traces of an instance");
    memset(more + instance->n_traces, 0, (n - instance->n_traces) * sizeof *more);
    instance->traces = more;
    instance->n_traces = n;
    return SC_OK;
}

/* ---- traces ---------------------------------------------------------------------------------- */

void sc_state_count_trace(struct sc_run_state *state, size_t position, uint32_t index)
{
    const struct sc_trace_state *trace = &state->instances[position].traces[index];
    struct sc_run_progress *progress = &state->summary->progress;
    progress->n_traces_done++;
    if (trace->failed) {
        progress->n_traces_failed++;
        state->summary->n_failed_traces++;
    } else if (sc_verdict_is_judged(trace->verdict)) {
        progress->n_judged++;
        progress->n_refused += sc_verdict_is_refused(trace->verdict);
    }
}

static enum sc_status find_lows(const struct sc_run_trace *trace, size_t window,
                                struct sc_trace_state *out, struct sc_error *error)
{
    size_t n = trace->stats != NULL ? trace->n_tokens : 0;
    out->n_lows = sc_lows_find(trace->stats, n, window, NULL);
    out->lows = sc_alloc_array(out->n_lows, sizeof *out->lows);
    if (out->lows == NULL)
        return sc_fail_nomem(error, "windows of a trace");
    sc_lows_find(trace->stats, n, window, out->lows);
    return SC_OK;
}

enum sc_status sc_state_take_trace(struct sc_run_state *state, size_t position,
                                   const struct sc_run_trace *trace, struct sc_error *error)
{
    struct sc_instance_state *instance = &state->instances[position];
    assert(trace->index < instance->n_traces);
    struct sc_trace_state *taken = &instance->traces[trace->index];
    if (state->has_deepconf)
        SC_TRY(find_lows(trace, state->setup->options->window, taken, error));
    taken->n_tokens = trace->n_tokens;
    taken->stage = SC_TRACE_DONE;
    taken->failed = trace->finish == SC_FINISH_FAILED;
    if (taken->failed)
        SC_TRY(sc_failures_add(&state->failures, trace->failure, error));
    taken->verdict = trace->verdict;
    memcpy(taken->metrics, trace->metrics, sizeof taken->metrics);
    return SC_OK;
}

bool sc_state_next_wanted(struct sc_instance_state *instance)
{
    while (instance->n_next < instance->n_wanted &&
           instance->traces[instance->n_next].stage != SC_TRACE_WANTED)
        instance->n_next++;
    return instance->n_next < instance->n_wanted;
}

/* ---- decisions ------------------------------------------------------------------------------- */

/* Asks one policy; remembers a new decision in state->fresh. */
static enum sc_status ask_policy(struct sc_run_state *state, struct sc_instance_state *instance,
                                 size_t p, struct sc_error *error)
{
    const struct sc_policy *policy = &state->policies[p];
    enum sc_metric metric = sc_policy_metric(policy);
    struct sc_policy_decision last;
    for (size_t t = 0; t < instance->n_prefix; t++) {
        const struct sc_trace_state *trace = &instance->traces[t];
        state->view[t] = (struct sc_policy_trace){
            .confidence =
                trace->failed ? NAN : sc_metric_as_confidence(metric, trace->metrics[metric]),
            .verdict = trace->verdict,
            .failed = trace->failed,
            .lows = trace->lows,
            .n_lows = trace->n_lows};
    }
    size_t used = sc_policy_replay(policy, state->view, instance->n_prefix, &last);
    if (state->cuts_live)
        instance->bar = last.bar;
    if (last.stop) {
        instance->stops[p] = (struct sc_stop){true, used, last.stop_reason, last.bar};
        state->fresh[state->n_fresh++] = (struct sc_store_decision){
            .policy = p, .n_traces = used, .stop_reason = last.stop_reason, .bar = last.bar};
        return SC_OK;
    }
    instance->finished = false;
    size_t target = instance->n_prefix + last.n_more;
    if (last.n_more == 0 || target > state->most_traces)
        return sc_fail(error, SC_ERR_INTERNAL, "policy %s: asked for %zu traces more after %zu",
                       sc_policy_name(policy->kind), last.n_more, instance->n_prefix);
    if (target > instance->n_wanted)
        instance->n_wanted = target;
    return SC_OK;
}

/* The same of a policy that looks at all instances together: what the phase gives this one. */
static void ask_phase(struct sc_run_state *state, size_t position)
{
    struct sc_instance_state *instance = &state->instances[position];
    struct sc_run_phase *phase = &state->phase;
    size_t given = phase->prompts[position].n_traces;
    bool ready = instance->n_prefix >= given;
    if (ready && instance->n_phases_ready <= phase->phase) {
        instance->n_phases_ready = phase->phase + 1;
        phase->n_ready++;
    }
    instance->n_wanted = given;
    instance->finished = ready && phase->phase + 1 == phase->n_phases;
    if (!instance->finished || instance->stops[0].stopped)
        return;
    const char *reason = given == state->most_traces ? "max_traces" : "budget";
    instance->stops[0] = (struct sc_stop){true, given, reason, NAN};
    state->fresh[state->n_fresh++] = (struct sc_store_decision){
        .policy = 0, .n_traces = given, .stop_reason = reason, .bar = NAN};
}

enum sc_status sc_state_decide(struct sc_run_state *state, size_t position, struct sc_error *error)
{
    struct sc_instance_state *instance = &state->instances[position];
    state->n_fresh = 0;
    while (instance->n_prefix < instance->n_traces &&
           instance->traces[instance->n_prefix].stage == SC_TRACE_DONE)
        instance->n_prefix++;
    instance->finished = true;
    if (state->phase.on)
        ask_phase(state, position);
    for (size_t p = 0; !state->phase.on && p < state->n_policies; p++)
        if (!instance->stops[p].stopped)
            SC_TRY(ask_policy(state, instance, p, error));
    return sc_state_make_place(instance, instance->n_wanted, error);
}

bool sc_state_is_waiting(const struct sc_run_state *state, const struct sc_instance_state *instance)
{
    return state->phase.on && !instance->finished &&
           instance->n_phases_ready == state->phase.phase + 1;
}

/* What the traces that the instance has been given say. */
static void count_verdicts(const struct sc_instance_state *instance,
                           struct sc_budget_prompt *prompt)
{
    prompt->n_judged = prompt->n_refused = 0;
    for (size_t t = 0; t < prompt->n_traces; t++) {
        const struct sc_trace_state *trace = &instance->traces[t];
        bool judged = !trace->failed && sc_verdict_is_judged(trace->verdict);
        prompt->n_judged += judged;
        prompt->n_refused += judged && sc_verdict_is_refused(trace->verdict);
    }
}

enum sc_status sc_state_next_phase(struct sc_run_state *state, bool *begun, size_t *n_finished,
                                   struct sc_error *error)
{
    struct sc_run_phase *phase = &state->phase;
    size_t n = state->setup->n_instances;
    *begun = phase->on && phase->n_ready == n && phase->phase + 1 < phase->n_phases;
    *n_finished = 0;
    if (!*begun)
        return SC_OK;
    for (size_t i = 0; i < n; i++)
        count_verdicts(&state->instances[i], &phase->prompts[i]);
    phase->phase++;
    phase->n_ready = 0;
    sc_budget_allot(&state->policies[0], phase->phase, phase->prompts, n, phase->heap);
    for (size_t i = 0; i < n; i++) {
        SC_TRY(sc_state_decide(state, i, error));
        *n_finished += state->instances[i].finished;
    }
    return SC_OK;
}
