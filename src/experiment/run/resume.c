/* Taking up a run where it stopped: traces and decisions from the store. */
#include <math.h>
#include <string.h>

#include "experiment/run/state.h"

static enum sc_status take_trace(void *context, size_t position, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    struct sc_run_state *state = context;
    if (trace->index >= state->most_traces)
        return sc_fail(error, SC_ERR_FORMAT,
                       "run.db: instance %zu: expected at most %zu traces, found trace %u",
                       position, state->most_traces, trace->index);
    SC_TRY(sc_state_make_place(&state->instances[position], (size_t)trace->index + 1, error));
    SC_TRY(sc_state_take_trace(state, position, trace, error));
    sc_state_count_trace(state, position, trace->index);
    return SC_OK;
}

struct stored_decisions {
    const struct sc_run_state *state;
    size_t n_rows, n_right;
};

static enum sc_status compare_decision(void *context, size_t position,
                                       const struct sc_store_decision *stored,
                                       struct sc_error *error)
{
    struct stored_decisions *seen = context;
    const struct sc_stop *ours = &seen->state->instances[position].stops[stored->policy];
    (void)error;
    seen->n_rows++;
    seen->n_right += ours->stopped && ours->n_traces == stored->n_traces &&
                     strcmp(ours->reason, stored->stop_reason) == 0 &&
                     (ours->bar == stored->bar || (isnan(ours->bar) && isnan(stored->bar)));
    return SC_OK;
}

static enum sc_status store_decisions_of(struct sc_run_state *state, size_t position,
                                         struct sc_error *error)
{
    for (size_t p = 0; p < state->n_policies; p++) {
        const struct sc_stop *ours = &state->instances[position].stops[p];
        if (!ours->stopped)
            continue;
        struct sc_store_decision decision = {
            .policy = p, .n_traces = ours->n_traces, .stop_reason = ours->reason, .bar = ours->bar};
        enum sc_status status = sc_cuts_make(state, position, NULL, &decision, error);
        if (status == SC_OK)
            status = sc_store_add_decision(state->setup->store, position, &decision, error);
        sc_cuts_drop(&decision);
        SC_TRY(status);
    }
    return SC_OK;
}

/* The decisions follow from the traces.  They are stored together, so a difference means that
 * somebody removed traces to have them sampled again. */
enum sc_status sc_state_repair_decisions(struct sc_run_state *state, struct sc_error *error)
{
    const struct sc_runner_setup *setup = state->setup;
    struct stored_decisions seen = {.state = state};
    size_t n_stopped = 0;
    for (size_t i = 0; i < setup->n_instances; i++)
        for (size_t p = 0; p < state->n_policies; p++)
            n_stopped += state->instances[i].stops[p].stopped;
    SC_TRY(sc_store_read_decisions(setup->store, setup->n_instances, state->n_policies,
                                   compare_decision, &seen, error));
    if (seen.n_rows == n_stopped && seen.n_right == n_stopped)
        return SC_OK;
    SC_TRY(sc_store_begin_decisions(setup->store, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < setup->n_instances; i++)
        status = store_decisions_of(state, i, error);
    return sc_store_end_decisions(setup->store, status, error);
}

/* Repairing needs the windows of instances that have finished, so those are closed after it. */
enum sc_status sc_state_resume(struct sc_run_state *state, struct sc_error *error)
{
    const struct sc_runner_setup *setup = state->setup;
    struct sc_run_progress *progress = &state->summary->progress;
    const struct sc_store_traces traces = {.detector = setup->detector,
                                           .judge = setup->options->judge,
                                           .tokens = state->has_deepconf,
                                           .n_instances = setup->n_instances};
    SC_TRY(sc_store_read_traces(setup->store, &traces, take_trace, state, error));
    for (size_t i = 0; i < setup->n_instances; i++)
        SC_TRY(sc_state_decide(state, i, error));
    bool begun = true;
    for (size_t n_finished = 0; begun;)
        SC_TRY(sc_state_next_phase(state, &begun, &n_finished, error));
    SC_TRY(sc_state_repair_decisions(state, error));
    for (size_t i = 0; i < setup->n_instances; i++) {
        if (!state->instances[i].finished)
            continue;
        sc_state_close_instance(state, &state->instances[i]);
        progress->n_instances_done++;
        progress->n_instances_resumed++;
    }
    return SC_OK;
}
