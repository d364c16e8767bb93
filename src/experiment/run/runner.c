/*
 * The runner (runner.h): keeps the source supplied with the traces that the policies ask for, in
 * the order of the benchmark, and stores each one when it ends.
 *
 * A trace of a conversation is asked for turn by turn: when an answer ends that is not the last,
 * the trace waits for the request of its next turn, before any other is made (turns.h).
 *
 * An instance is opened only when no open one wants a trace, so there are never more open instances
 * than traces in flight, plus one.  What is known of each: state.h.
 */
#include "experiment/run/runner.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "experiment/run/limits.h"
#include "experiment/run/progress.h"
#include "experiment/run/state.h"

/* A trace whose next turn is to be asked. */
struct next_turn {
    size_t position;
    uint32_t index;
};

struct runner {
    struct sc_run_state state;
    size_t *open; /* positions of open instances, ascending */
    size_t n_open, cap_open, n_unopened_from, n_in_flight;
    struct next_turn *waiting; /* [n_waiting] traces whose next turn is to be asked, oldest first */
    size_t n_waiting, cap_waiting;
    struct sc_progress_meter meter;
    struct sc_run_limits limits;
    struct sc_error failure; /* what ended the run from within a callback that cannot say so */
};

/* ---- finished traces ------------------------------------------------------------------------- */

/* Decides and stores one trace that was made. */
static enum sc_status store_trace(struct sc_run_state *state, size_t position,
                                  const struct sc_run_trace *trace, struct sc_error *error)
{
    const struct sc_runner_setup *setup = state->setup;
    SC_TRY(sc_state_take_trace(state, position, trace, error));
    SC_TRY(sc_state_decide(state, position, error));
    for (size_t i = 0; i < state->n_fresh; i++)
        SC_TRY(sc_cuts_make(state, position, trace, &state->fresh[i], error));
    SC_TRY(sc_source_unchanged(setup->source, error));
    double before = sc_seconds();
    enum sc_status status = sc_store_put_trace(
        setup->store, position,
        &(struct sc_store_trace){trace, setup->options->judge, state->fresh, state->n_fresh},
        error);
    state->summary->seconds_storage += sc_seconds() - before;
    return status;
}

/* The answers so far become the trace's; the prompt of its last turn is let go. */
static void end_chain(const struct sc_run_state *state, struct sc_chain *chain,
                      struct sc_run_trace *trace)
{
    sc_chain_give(chain, trace);
    sc_chain_drop(chain, state->setup->source);
}

static enum sc_status keep_trace(struct sc_run_state *state, size_t position, uint32_t index,
                                 const struct sc_source_trace *given, struct sc_error *error)
{
    struct sc_run_trace trace;
    const struct sc_instance *instance = &state->setup->instances[position];
    SC_TRY(sc_trace_make(&state->maker, instance, index, given, &trace, error));
    struct sc_instance_state *of = &state->instances[position];
    if (index < of->n_traces)
        end_chain(state, &of->traces[index].chain, &trace);
    state->n_fresh = 0;
    enum sc_status status = store_trace(state, position, &trace, error);
    for (size_t i = 0; i < state->n_fresh; i++)
        sc_cuts_drop(&state->fresh[i]);
    sc_run_trace_free(&trace);
    SC_TRY(status);
    sc_state_count_trace(state, position, index);
    state->summary->progress.n_instances_done += state->instances[position].finished;
    return SC_OK;
}

/* Every trace of the instance fails for a reason that lies in its prompt. */
static enum sc_status fail_instance(struct sc_run_state *state, size_t position,
                                    struct sc_error *error)
{
    struct sc_instance_state *instance = &state->instances[position];
    const struct sc_source_trace failed = {.finish = SC_FINISH_FAILED,
                                           .failure = state->setup->prompts[position].failure,
                                           .text = "",
                                           .n_tokens_known = true};
    while (!instance->finished && !sc_state_is_waiting(state, instance)) {
        if (!sc_state_next_wanted(instance))
            return sc_fail(error, SC_ERR_INTERNAL, "instance %zu: nothing left to fail", position);
        SC_TRY(keep_trace(state, position, (uint32_t)instance->n_next, &failed, error));
    }
    return SC_OK;
}

/* ---- opening and closing instances ----------------------------------------------------------- */

/* Lets go of instances that have finished, and sets aside those that wait for the next phase. */
static void close_finished(struct runner *runner)
{
    size_t kept = 0;
    for (size_t i = 0; i < runner->n_open; i++) {
        struct sc_instance_state *instance = &runner->state.instances[runner->open[i]];
        if (instance->finished)
            sc_state_close_instance(&runner->state, instance);
        else if (!sc_state_is_waiting(&runner->state, instance))
            runner->open[kept++] = runner->open[i];
    }
    runner->n_open = kept;
}

/* Puts the instance among the open ones.  One whose prompt cannot be run is finished at once. */
static enum sc_status open_instance(struct runner *runner, size_t position, struct sc_error *error)
{
    if (sc_grow((void **)&runner->open, runner->n_open, &runner->cap_open, sizeof *runner->open))
        return sc_fail_nomem(error, "open instances");
    runner->open[runner->n_open++] = position;
    if (runner->state.setup->prompts[position].failure != NULL)
        return fail_instance(&runner->state, position, error);
    return SC_OK;
}

/* ---- conversations --------------------------------------------------------------------------- */

/* Ends a trace whose next turn cannot be asked, or failed. */
static enum sc_status fail_turn(struct sc_run_state *state, size_t position, uint32_t index,
                                const struct sc_source_trace *given, struct sc_error *error)
{
    const struct sc_instance_state *instance = &state->instances[position];
    struct sc_source_trace failed = *given;
    struct sc_text why = {0};
    sc_text_printf(&why, "turn %zu of %zu: %s", instance->traces[index].chain.n + 1,
                   instance->n_turns, given->failure != NULL ? given->failure : "no reason given");
    if (why.failed) {
        sc_text_free(&why);
        return sc_fail_nomem(error, "failure of a turn");
    }
    failed.failure = why.data;
    enum sc_status status = keep_trace(state, position, index, &failed, error);
    sc_text_free(&why);
    return status;
}

/* Keeps an answer that is not the last; the trace waits for its next turn. */
static enum sc_status add_answer(struct runner *runner, size_t position,
                                 struct sc_run_trace *answer, struct sc_error *error)
{
    struct sc_run_state *state = &runner->state;
    const uint32_t index = answer->index;
    if (sc_grow((void **)&runner->waiting, runner->n_waiting, &runner->cap_waiting,
                sizeof *runner->waiting) != 0)
        return sc_fail_nomem(error, "conversations");
    SC_TRY(sc_chain_add(&state->instances[position].traces[index].chain, state->setup->source,
                        answer, error));
    runner->waiting[runner->n_waiting++] = (struct next_turn){position, index};
    return SC_OK;
}

/* An answer that is not the last, and one that failed. */
static enum sc_status keep_answer(struct runner *runner, size_t position, uint32_t index,
                                  const struct sc_source_trace *given, struct sc_error *error)
{
    struct sc_run_state *state = &runner->state;
    struct sc_run_trace answer;
    SC_TRY(sc_trace_make(&state->maker, &state->setup->instances[position], index, given, &answer,
                         error));
    enum sc_status status;
    if (answer.finish == SC_FINISH_FAILED) {
        struct sc_source_trace failed = *given;
        failed.finish = SC_FINISH_FAILED;
        failed.failure = answer.failure;
        runner->n_in_flight--;
        status = fail_turn(state, position, index, &failed, error);
    } else {
        status = add_answer(runner, position, &answer, error);
    }
    sc_run_trace_free(&answer);
    return status;
}

/* Asks for the next turn of a trace; *asked is false where it failed instead. */
static enum sc_status ask_turn(struct runner *runner, const struct next_turn *next,
                               struct sc_source_request *request, bool *asked,
                               struct sc_error *error)
{
    const struct sc_runner_setup *setup = runner->state.setup;
    const struct sc_instance *of = &setup->instances[next->position];
    struct sc_instance_state *instance = &runner->state.instances[next->position];
    struct sc_chain *chain = &instance->traces[next->index].chain;
    const struct sc_turn turn = {of, true, chain->turns, chain->n};
    struct sc_error why = {0};
    *asked = false;
    enum sc_status status = sc_turn_prepare(setup->source, &turn, &chain->handle, &why);
    if (status == SC_ERR_NOMEM || status == SC_ERR_INTERRUPTED)
        return sc_fail(error, status, "%s", why.text);
    if (status != SC_OK) {
        const struct sc_source_trace failed = {
            .finish = SC_FINISH_FAILED,
            .failure = why.text[0] != '\0' ? why.text : sc_status_text(status),
            .text = "",
            .n_tokens_known = true};
        runner->n_in_flight--;
        return fail_turn(&runner->state, next->position, next->index, &failed, error);
    }
    *asked = true;
    *request = (struct sc_source_request){.prompt = chain->handle,
                                          .instance_key = sc_turn_key(of->id, chain->n),
                                          .trace_index = next->index,
                                          .n_traces = (uint64_t)next->index + 1,
                                          .user = instance};
    return SC_OK;
}

/* The request of the oldest trace that waits for its next turn: 1; 0: none waits; -1: the run ends
 * with runner->failure. */
static int next_of_conversations(struct runner *runner, struct sc_source_request *request)
{
    while (runner->n_waiting > 0) {
        const struct next_turn next = runner->waiting[0];
        bool asked = false;
        runner->n_waiting--;
        memmove(runner->waiting, runner->waiting + 1, runner->n_waiting * sizeof next);
        if (ask_turn(runner, &next, request, &asked, &runner->failure) != SC_OK)
            return -1;
        if (asked)
            return 1;
    }
    return 0;
}

/* ---- the feed -------------------------------------------------------------------------------- */

/* The next trace that an open instance wants. */
static bool next_of_instance(struct runner *runner, size_t position,
                             struct sc_source_request *request)
{
    const struct sc_runner_setup *setup = runner->state.setup;
    struct sc_instance_state *instance = &runner->state.instances[position];
    if (instance->finished || !sc_state_next_wanted(instance))
        return false;
    const char *id = setup->instances[position].id;
    instance->traces[instance->n_next].stage = SC_TRACE_IN_FLIGHT;
    runner->n_in_flight++;
    *request = (struct sc_source_request){.prompt = setup->prompts[position].handle,
                                          .instance_key = sc_hash64(id, strlen(id)),
                                          .trace_index = (uint32_t)instance->n_next,
                                          .n_traces = runner->state.most_traces,
                                          .user = instance};
    return true;
}

/* Once nothing is under way: all instances are opened anew for the next phase. */
static enum sc_status begin_phase(struct runner *runner, bool *begun, struct sc_error *error)
{
    struct sc_run_state *state = &runner->state;
    size_t n_finished = 0;
    SC_TRY(sc_state_next_phase(state, begun, &n_finished, error));
    if (!*begun)
        return SC_OK;
    runner->n_open = runner->n_unopened_from = 0;
    state->summary->progress.n_instances_done += n_finished;
    return n_finished > 0 ? sc_state_repair_decisions(state, error) : SC_OK;
}

/* The first trace that an instance wants, of those that are open or are opened for it: 1; 0: none
 * does now; -1: the run ends with runner->failure. */
static int next_of_instances(struct runner *runner, struct sc_source_request *request)
{
    for (size_t i = 0; i < runner->n_open; i++)
        if (next_of_instance(runner, runner->open[i], request))
            return 1;
    while (runner->n_unopened_from < runner->state.setup->n_instances) {
        size_t position = runner->n_unopened_from++;
        if (runner->state.instances[position].finished)
            continue;
        if (open_instance(runner, position, &runner->failure) != SC_OK)
            return -1;
        if (next_of_instance(runner, position, request))
            return 1;
    }
    return 0;
}

static int feed_next(void *context, struct sc_source_request *request)
{
    struct runner *runner = context;
    if (runner->failure.status != SC_OK)
        return -1;
    int more = next_of_conversations(runner, request);
    if (more != 0) /* what is under way goes on to its end */
        return sc_run_limits_begin(&runner->limits, more);
    close_finished(runner);
    if (!sc_run_limits_allow(&runner->limits))
        return runner->n_in_flight > 0 ? 0 : -1;
    for (bool begun = true; begun;) {
        more = next_of_instances(runner, request);
        if (more != 0)
            return sc_run_limits_begin(&runner->limits, more);
        if (runner->n_in_flight > 0)
            return 0;
        if (begin_phase(runner, &begun, &runner->failure) != SC_OK)
            return -1;
    }
    return -1;
}

static bool is_last_turn(const struct sc_instance_state *instance, uint32_t index)
{
    return instance->traces[index].chain.n + 1 >= instance->n_turns;
}

static enum sc_status feed_done(void *context, const struct sc_source_request *request,
                                const struct sc_source_trace *trace, struct sc_error *error)
{
    struct runner *runner = context;
    const struct sc_instance_state *instance = request->user;
    size_t position = (size_t)(instance - runner->state.instances);
    uint32_t index = request->trace_index;
    if (index >= instance->n_traces || instance->traces[index].stage != SC_TRACE_IN_FLIGHT)
        return sc_fail(error, SC_ERR_INTERNAL, "instance %zu: trace %u was not asked for", position,
                       index);
    if (!is_last_turn(instance, index) ||
        (instance->n_turns > 1 && trace->finish == SC_FINISH_FAILED))
        return keep_answer(runner, position, index, trace, error);
    runner->n_in_flight--;
    return keep_trace(&runner->state, position, index, trace, error);
}

/* Cuts a trace after the warm-up as soon as the mean of a full window is below the bar; of a
 * conversation the last answer alone. */
static bool feed_keep(void *context, const struct sc_source_request *request,
                      const struct sc_token_stats *stats, size_t n)
{
    const struct runner *runner = context;
    const struct sc_instance_state *instance = request->user;
    if (!is_last_turn(instance, request->trace_index))
        return true;
    struct sc_low_scan *scan = &instance->traces[request->trace_index].scan;
    if (n == 1) /* also of a trace that begins anew */
        *scan = (struct sc_low_scan){0};
    double mean = sc_low_scan_next(scan, stats, n, runner->state.setup->options->window);
    return request->trace_index < runner->state.policies[0].min_traces || !(mean < instance->bar);
}

/* Waits for the disk, then says how far the run is: what is said to be stored is. */
static enum sc_status report(struct runner *runner, struct sc_error *error)
{
    struct sc_run_summary *summary = runner->state.summary;
    const struct sc_runner_setup *setup = runner->state.setup;
    double before = sc_seconds();
    enum sc_status status = sc_store_settle(setup->store, error);
    runner->meter.settling = sc_seconds() - before;
    summary->seconds_storage += runner->meter.settling;
    SC_TRY(status);
    sc_progress_report(&runner->meter, &summary->progress, setup->observer);
    return SC_OK;
}

static bool feed_step(void *context, const struct sc_source_progress *now)
{
    struct runner *runner = context;
    struct sc_run_summary *summary = runner->state.summary;
    const struct sc_run_observer *observer = runner->state.setup->observer;
    sc_run_limits_note(&runner->limits, now);
    summary->progress.n_tokens = now->n_tokens;
    summary->progress.n_rows = now->n_rows;
    summary->progress.n_requests = now->n_requests;
    summary->progress.n_retries = now->n_retries;
    summary->progress.n_prompt_tokens = now->n_prompt_tokens;
    summary->progress.width = now->width;
    summary->progress.parallel = now->parallel;
    summary->progress.mean_width = now->mean_width;
    summary->seconds_prefill = now->seconds_prefill;
    summary->seconds_decode = now->seconds_decode;
    summary->seconds_sampling = now->seconds_sampling;
    if (runner->failure.status == SC_OK && sc_progress_is_due(&runner->meter))
        report(runner, &runner->failure);
    return runner->failure.status == SC_OK && (observer == NULL || observer->keep_going == NULL ||
                                               observer->keep_going(observer->context));
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status run(struct runner *runner, const struct sc_runner_setup *setup,
                          struct sc_run_summary *summary, struct sc_error *error)
{
    SC_TRY(sc_state_init(&runner->state, setup, summary, error));
    SC_TRY(sc_state_resume(&runner->state, error));
    const struct sc_feed feed = {.context = runner,
                                 .next = feed_next,
                                 .done = feed_done,
                                 .keep = runner->state.cuts_live ? feed_keep : NULL,
                                 .step = feed_step};
    enum sc_status status = setup->source->functions->sample(setup->source->context, &feed, error);
    if (runner->failure.status != SC_OK && (status == SC_OK || status == SC_ERR_INTERRUPTED)) {
        if (error != NULL)
            *error = runner->failure;
        return runner->failure.status;
    }
    SC_TRY(status);
    SC_TRY(sc_source_unchanged(setup->source, error));
    if (summary->progress.n_instances_done == setup->n_instances)
        return SC_OK;
    if (runner->limits.reached != SC_LIMIT_NONE)
        return sc_run_limits_say(&runner->limits, summary, error);
    return sc_fail(error, SC_ERR_INTERNAL, "run: expected %zu finished instances, found %zu",
                   setup->n_instances, summary->progress.n_instances_done);
}

/* In words, for the summary; without memory for them there are none. */
static void say_failures(struct sc_run_state *state)
{
    struct sc_text text = {0};
    sc_failures_sort(&state->failures);
    sc_failures_say(&state->failures, &text);
    if (!text.failed && text.data != NULL)
        snprintf(state->summary->failures, sizeof state->summary->failures, "%s", text.data);
    sc_text_free(&text);
}

enum sc_status sc_runner_run(const struct sc_runner_setup *setup, struct sc_run_summary *summary,
                             struct sc_error *error)
{
    struct runner runner = {.limits = {.options = setup->options, .started = setup->started}};
    assert(setup->store != NULL && setup->source != NULL && setup->prompts != NULL);
    summary->progress.n_instances = setup->n_instances;
    sc_progress_start(&runner.meter);
    enum sc_status status = run(&runner, setup, summary, error);
    if (status == SC_OK || status == SC_ERR_INTERRUPTED) {
        struct sc_error unsettled = {0};
        if (report(&runner, &unsettled) != SC_OK) {
            status = unsettled.status;
            if (error != NULL)
                *error = unsettled;
        }
    }
    say_failures(&runner.state);
    sc_state_free(&runner.state);
    sc_free(runner.open);
    sc_free(runner.waiting);
    return status;
}
