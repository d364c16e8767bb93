/*
 * The runner (runner.h): keeps the backend supplied with the traces that the policies ask for, in
 * the order of the benchmark, and stores each one when it ends.
 *
 * Every policy sees the same traces (common random numbers): an instance needs the largest prefix
 * that any policy asks for and is finished when all have stopped.  deepconf alone cuts its traces
 * as they are sampled; beside other policies, which need them whole, it sees their beginnings, and
 * those are stored with its decision.  Policies read prefixes of
 * finished traces in the order of their index, so neither the order in which traces end nor a
 * restart in between can change a decision.  An instance is opened (its prompt encoded) only when
 * no open one wants a trace, so there are never more open instances than traces in flight, plus
 * one.
 */
#include "experiment/run/runner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "confidence/confidence.h"
#include "vocabulary/vocabulary.h"

enum slot_state { SLOT_FREE, SLOT_IN_FLIGHT, SLOT_DONE };

/* One trace of an instance, as far as policies look at it. */
struct slot {
    enum slot_state state;
    bool failed;
    enum sc_verdict verdict;
    double metrics[SC_N_METRICS];
    size_t n_tokens;
    struct sc_low *lows; /* [n_lows], when a policy of the run reads them */
    size_t n_lows;
    struct sc_low_scan scan; /* in flight */
};

/* What a policy decided, once it has stopped. */
struct verdict_of_policy {
    bool stopped;
    size_t n_traces;
    const char *stop_reason;
    double bar;
};

struct unit { /* an instance */
    struct slot *slots;
    size_t n_slots;
    size_t n_prefix;                     /* finished traces from 0 on, without a gap */
    size_t n_wanted;                     /* the largest prefix that a policy asks for */
    size_t n_next;                       /* no free slot below */
    struct verdict_of_policy *decisions; /* [n_policies] */
    int32_t *prompt;                     /* while open */
    size_t n_prompt;
    double bar; /* below which the traces after the warm-up are cut as they are sampled, or NaN */
    bool finished;
};

struct runner {
    const struct sc_runner_setup *setup;
    const struct sc_policy *policies;
    size_t n_policies, most_traces;
    bool has_deepconf, cuts_live; /* a policy of the run reads lows; it is the only one */
    struct unit *units;           /* [n_instances] */
    size_t *open;                 /* positions of open instances, ascending */
    size_t n_open, cap_open, n_unopened_from, n_in_flight;
    struct sc_trace_maker maker, cut_maker;
    struct sc_policy_trace *view;    /* [most_traces]: the prefix as one policy sees it */
    struct sc_store_decision *fresh; /* [n_policies] */
    size_t n_fresh;
    struct sc_progress_meter meter;
    struct sc_run_summary *summary;
    struct sc_error failure; /* what ended the run from within a callback that cannot say so */
};

/* ---- decisions ------------------------------------------------------------------------------- */

/* Makes place for traces [0, n). */
static enum sc_status ensure_slots(struct unit *unit, size_t n, struct sc_error *error)
{
    if (n <= unit->n_slots)
        return SC_OK;
    struct slot *more = sc_resize(unit->slots, n, sizeof *more);
    if (more == NULL)
        return sc_fail_nomem(error, "traces of an instance");
    memset(more + unit->n_slots, 0, (n - unit->n_slots) * sizeof *more);
    unit->slots = more;
    unit->n_slots = n;
    return SC_OK;
}

/* Asks one policy; remembers a new decision in runner->fresh. */
static enum sc_status ask_policy(struct runner *runner, struct unit *unit, size_t p,
                                 struct sc_error *error)
{
    const struct sc_policy *policy = &runner->policies[p];
    enum sc_metric metric = sc_policy_metric(policy);
    struct sc_policy_decision last;
    for (size_t t = 0; t < unit->n_prefix; t++) {
        const struct slot *slot = &unit->slots[t];
        runner->view[t] = (struct sc_policy_trace){
            .confidence =
                slot->failed ? NAN : sc_metric_as_confidence(metric, slot->metrics[metric]),
            .verdict = slot->verdict,
            .failed = slot->failed,
            .lows = slot->lows,
            .n_lows = slot->n_lows};
    }
    size_t used = sc_policy_replay(policy, runner->view, unit->n_prefix, &last);
    if (runner->cuts_live)
        unit->bar = last.bar;
    if (last.stop) {
        unit->decisions[p] = (struct verdict_of_policy){true, used, last.stop_reason, last.bar};
        runner->fresh[runner->n_fresh++] =
            (struct sc_store_decision){p, used, last.stop_reason, last.bar, NULL, 0};
        return SC_OK;
    }
    unit->finished = false;
    size_t target = unit->n_prefix + last.n_more;
    if (last.n_more == 0 || target > runner->most_traces)
        return sc_fail(error, SC_ERR_INTERNAL, "policy %s: asked for %zu traces more after %zu",
                       sc_policy_name(policy->kind), last.n_more, unit->n_prefix);
    if (target > unit->n_wanted)
        unit->n_wanted = target;
    return SC_OK;
}

/* After traces have been finished: extends the prefix and asks every policy that has not stopped.
 */
static enum sc_status decide(struct runner *runner, struct unit *unit, struct sc_error *error)
{
    enum sc_status status = SC_OK;
    runner->n_fresh = 0;
    while (unit->n_prefix < unit->n_slots && unit->slots[unit->n_prefix].state == SLOT_DONE)
        unit->n_prefix++;
    unit->finished = true;
    for (size_t p = 0; status == SC_OK && p < runner->n_policies; p++)
        if (!unit->decisions[p].stopped)
            status = ask_policy(runner, unit, p, error);
    if (status == SC_OK)
        status = ensure_slots(unit, unit->n_wanted, error);
    return status;
}

/* ---- cuts ------------------------------------------------------------------------------------ */

static void drop_cuts(struct sc_store_decision *decision)
{
    struct sc_run_trace *cuts = (struct sc_run_trace *)(uintptr_t)decision->cuts;
    for (size_t i = 0; i < decision->n_cuts; i++)
        sc_trace_maker_drop(&cuts[i]);
    sc_free(cuts);
    decision->cuts = NULL;
    decision->n_cuts = 0;
}

/* Tokens after which the policy cut the trace, or 0 when it did not.  A trace that ends by itself
 * with that token was not cut; one that failed afterwards was, for it would not have come so far.
 */
static size_t cut_of(const struct sc_policy *policy, const struct slot *slot, size_t t, double bar)
{
    size_t n = sc_lows_cut(slot->lows, slot->n_lows, bar);
    bool cut = slot->failed ? n <= slot->n_tokens : n < slot->n_tokens;
    return cut && t >= policy->min_traces ? n : 0;
}

/* One beginning of a trace, from its tokens. */
static enum sc_status make_cut(struct runner *runner, size_t position, uint32_t t, size_t n,
                               const struct sc_run_trace *whole, struct sc_run_trace *out,
                               struct sc_error *error)
{
    const struct sc_trace_result result = {
        .finish = SC_FINISH_CUT, .ids = whole->ids, .stats = whole->stats, .n = n};
    enum sc_status status = sc_trace_make(
        &runner->cut_maker, runner->setup->instances[position].prompt, t, &result, out, error);
    out->ids = NULL;
    out->stats = NULL;
    out->text_ends = NULL;
    return status;
}

/* What a deepconf policy that has stopped saw of the traces that it cut.  `now` is the trace that
 * has just ended and is not stored yet (may be NULL); the tokens of others are in the store. */
static enum sc_status make_cuts(struct runner *runner, size_t position,
                                const struct sc_run_trace *now, struct sc_store_decision *decision,
                                struct sc_error *error)
{
    const struct sc_policy *policy = &runner->policies[decision->policy];
    const struct unit *unit = &runner->units[position];
    enum sc_status status = SC_OK;
    if (policy->kind != SC_POLICY_DEEPCONF || runner->cuts_live)
        return SC_OK;
    struct sc_run_trace *cuts = sc_alloc_zero(decision->n_traces, sizeof *cuts);
    if (cuts == NULL)
        return sc_fail_nomem(error, "cut traces");
    decision->cuts = cuts;
    for (uint32_t t = 0; status == SC_OK && t < decision->n_traces; t++) {
        size_t n = cut_of(policy, &unit->slots[t], t, decision->bar);
        struct sc_run_trace stored = {0};
        if (n == 0)
            continue;
        bool is_now = now != NULL && now->index == t;
        if (!is_now)
            status = sc_store_read_tokens(runner->setup->store, position, t, &stored, error);
        if (status == SC_OK)
            status = make_cut(runner, position, t, n, is_now ? now : &stored,
                              &cuts[decision->n_cuts], error);
        decision->n_cuts += status == SC_OK;
        sc_run_trace_free(&stored);
    }
    return status;
}

/* ---- finished traces ------------------------------------------------------------------------- */

static void count_trace(struct runner *runner, const struct slot *slot)
{
    struct sc_run_progress *progress = &runner->summary->progress;
    progress->n_traces_done++;
    if (slot->failed) {
        progress->n_traces_failed++;
        runner->summary->n_failed_traces++;
    } else if (sc_verdict_is_judged(slot->verdict)) {
        progress->n_judged++;
        progress->n_refused += sc_verdict_is_refused(slot->verdict);
    }
}

static enum sc_status fill_slot(const struct runner *runner, struct slot *slot,
                                const struct sc_run_trace *trace, struct sc_error *error)
{
    size_t window = runner->setup->options->window;
    if (runner->has_deepconf) {
        slot->n_lows = sc_lows_find(trace->stats, trace->n_tokens, window, NULL);
        slot->lows = sc_alloc_array(slot->n_lows, sizeof *slot->lows);
        if (slot->lows == NULL)
            return sc_fail_nomem(error, "windows of a trace");
        sc_lows_find(trace->stats, trace->n_tokens, window, slot->lows);
    }
    slot->n_tokens = trace->n_tokens;
    slot->state = SLOT_DONE;
    slot->failed = trace->finish == SC_FINISH_FAILED;
    slot->verdict = trace->verdict;
    memcpy(slot->metrics, trace->metrics, sizeof slot->metrics);
    return SC_OK;
}

/* Judges, decides and stores one trace that ended. */
static enum sc_status keep_trace(struct runner *runner, size_t position, uint32_t index,
                                 const struct sc_trace_result *result, struct sc_error *error)
{
    struct unit *unit = &runner->units[position];
    const struct sc_runner_setup *setup = runner->setup;
    struct sc_run_trace trace;
    enum sc_status status = sc_trace_make(&runner->maker, setup->instances[position].prompt, index,
                                          result, &trace, error);
    if (status != SC_OK)
        return status;
    runner->n_fresh = 0;
    status = fill_slot(runner, &unit->slots[index], &trace, error);
    if (status == SC_OK)
        status = decide(runner, unit, error);
    for (size_t i = 0; status == SC_OK && i < runner->n_fresh; i++)
        status = make_cuts(runner, position, &trace, &runner->fresh[i], error);
    double before = sc_seconds();
    if (status == SC_OK)
        status = sc_store_put_trace(setup->store, position, &trace, setup->options->judge,
                                    runner->fresh, runner->n_fresh, error);
    runner->summary->seconds_storage += sc_seconds() - before;
    for (size_t i = 0; i < runner->n_fresh; i++)
        drop_cuts(&runner->fresh[i]);
    sc_trace_maker_drop(&trace);
    if (status != SC_OK)
        return status;
    count_trace(runner, &unit->slots[index]);
    runner->summary->progress.n_instances_done += unit->finished;
    return SC_OK;
}

/* Every trace of the instance fails for a reason that lies in its prompt. */
static enum sc_status fail_instance(struct runner *runner, size_t position, const char *why,
                                    struct sc_error *error)
{
    struct unit *unit = &runner->units[position];
    struct sc_trace_result result = {.finish = SC_FINISH_FAILED, .failure = why};
    enum sc_status status = SC_OK;
    while (status == SC_OK && !unit->finished) {
        while (unit->n_next < unit->n_wanted && unit->slots[unit->n_next].state != SLOT_FREE)
            unit->n_next++;
        if (unit->n_next == unit->n_wanted)
            return sc_fail(error, SC_ERR_INTERNAL, "instance %zu: nothing left to fail", position);
        status = keep_trace(runner, position, (uint32_t)unit->n_next, &result, error);
    }
    return status;
}

/* ---- opening and closing instances ----------------------------------------------------------- */

static void close_unit(struct unit *unit)
{
    for (size_t t = 0; t < unit->n_slots; t++)
        sc_free(unit->slots[t].lows);
    sc_free(unit->prompt);
    sc_free(unit->slots);
    unit->prompt = NULL;
    unit->slots = NULL;
    unit->n_slots = 0;
}

/* Lets go of instances that have finished; not from within done(), whose caller may still look at
 * the prompt. */
static void close_finished(struct runner *runner)
{
    size_t kept = 0;
    for (size_t i = 0; i < runner->n_open; i++) {
        struct unit *unit = &runner->units[runner->open[i]];
        if (unit->finished)
            close_unit(unit);
        else
            runner->open[kept++] = runner->open[i];
    }
    runner->n_open = kept;
}

/* Encodes the prompt and puts the instance among the open ones.  A prompt that cannot be run fails
 * its traces, and the instance is then finished. */
static enum sc_status open_unit(struct runner *runner, size_t position, struct sc_error *error)
{
    const struct sc_language *language = &runner->setup->language;
    struct unit *unit = &runner->units[position];
    struct sc_error why = {0};
    char too_long[120];
    if (sc_grow((void **)&runner->open, runner->n_open, &runner->cap_open, sizeof *runner->open))
        return sc_fail_nomem(error, "open instances");
    runner->open[runner->n_open++] = position;
    enum sc_status status =
        language->encode(language->context, runner->setup->instances[position].prompt,
                         &unit->prompt, &unit->n_prompt, &why);
    if (status == SC_ERR_NOMEM)
        return sc_fail(error, status, "%s", why.text);
    if (status != SC_OK)
        return fail_instance(runner, position, why.text, error);
    if (unit->n_prompt > runner->setup->max_prompt || unit->n_prompt == 0) {
        snprintf(
            too_long, sizeof too_long,
            "prompt: expected 1 to %zu tokens (the context less one for the answer), found %zu",
            runner->setup->max_prompt, unit->n_prompt);
        return fail_instance(runner, position, too_long, error);
    }
    return SC_OK;
}

/* ---- the source ------------------------------------------------------------------------------ */

/* The next trace that an open instance wants. */
static bool next_of_unit(struct runner *runner, size_t position, struct sc_trace_request *request)
{
    const struct sc_runner_setup *setup = runner->setup;
    struct unit *unit = &runner->units[position];
    while (unit->n_next < unit->n_wanted && unit->slots[unit->n_next].state != SLOT_FREE)
        unit->n_next++;
    if (unit->finished || unit->n_next >= unit->n_wanted)
        return false;
    const char *id = setup->instances[position].id;
    unit->slots[unit->n_next].state = SLOT_IN_FLIGHT;
    runner->n_in_flight++;
    *request = (struct sc_trace_request){.prompt_key = position + 1,
                                         .prompt = unit->prompt,
                                         .n_prompt = unit->n_prompt,
                                         .instance_key = sc_hash64(id, strlen(id)),
                                         .trace_index = (uint32_t)unit->n_next,
                                         .seed = setup->options->seed,
                                         .sampling = setup->sampling,
                                         .max_new_tokens = setup->options->max_new_tokens,
                                         .end_ids = setup->end_ids,
                                         .n_end_ids = setup->n_end_ids,
                                         .user = unit};
    return true;
}

static int source_next(void *context, struct sc_trace_request *request)
{
    struct runner *runner = context;
    if (runner->failure.status != SC_OK)
        return -1;
    close_finished(runner);
    for (size_t i = 0; i < runner->n_open; i++)
        if (next_of_unit(runner, runner->open[i], request))
            return 1;
    while (runner->n_unopened_from < runner->setup->n_instances) {
        size_t position = runner->n_unopened_from++;
        if (runner->units[position].finished)
            continue;
        if (open_unit(runner, position, &runner->failure) != SC_OK)
            return -1;
        if (next_of_unit(runner, position, request))
            return 1;
    }
    return runner->n_in_flight > 0 ? 0 : -1;
}

static enum sc_status source_done(void *context, const struct sc_trace_result *result,
                                  struct sc_error *error)
{
    struct runner *runner = context;
    const struct unit *unit = result->request->user;
    size_t position = (size_t)(unit - runner->units);
    uint32_t index = result->request->trace_index;
    runner->n_in_flight--;
    if (index >= unit->n_slots || unit->slots[index].state != SLOT_IN_FLIGHT)
        return sc_fail(error, SC_ERR_INTERNAL, "instance %zu: trace %u was not asked for", position,
                       index);
    return keep_trace(runner, position, index, result, error);
}

/* Cuts a trace after the warm-up as soon as the mean of a full window is below the bar. */
static bool source_keep(void *context, const struct sc_trace_request *request,
                        const struct sc_token_stats *stats, size_t n)
{
    const struct runner *runner = context;
    const struct unit *unit = request->user;
    double mean = sc_low_scan_next(&unit->slots[request->trace_index].scan, stats, n,
                                   runner->setup->options->window);
    return request->trace_index < runner->policies[0].min_traces || !(mean < unit->bar);
}

static bool source_step(void *context, const struct sc_step_report *report)
{
    struct runner *runner = context;
    struct sc_run_summary *summary = runner->summary;
    const struct sc_run_observer *observer = runner->setup->observer;
    summary->progress.n_tokens = report->n_generated;
    summary->progress.width = report->width;
    summary->progress.parallel = report->parallel;
    summary->progress.mean_width =
        report->n_steps ? report->width_sum / (double)report->n_steps : 0;
    summary->seconds_prefill = report->seconds_prefill;
    summary->seconds_decode = report->seconds_decode;
    summary->seconds_sampling = report->seconds_sampling;
    sc_progress_report(&runner->meter, &summary->progress, observer, false);
    return runner->failure.status == SC_OK && (observer == NULL || observer->keep_going == NULL ||
                                               observer->keep_going(observer->context));
}

/* ---- taking up what is stored ---------------------------------------------------------------- */

static enum sc_status take_trace(void *context, size_t position, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    struct runner *runner = context;
    struct unit *unit = &runner->units[position];
    if (trace->index >= runner->most_traces)
        return sc_fail(error, SC_ERR_FORMAT,
                       "run.db: instance %zu: expected at most %zu traces, found trace %u",
                       position, runner->most_traces, trace->index);
    enum sc_status status = ensure_slots(unit, (size_t)trace->index + 1, error);
    if (status != SC_OK)
        return status;
    status = fill_slot(runner, &unit->slots[trace->index], trace, error);
    if (status != SC_OK)
        return status;
    count_trace(runner, &unit->slots[trace->index]);
    return SC_OK;
}

struct stored_decisions {
    struct runner *runner;
    size_t n_rows, n_right;
};

static enum sc_status compare_decision(void *context, size_t position,
                                       const struct sc_store_decision *stored,
                                       struct sc_error *error)
{
    struct stored_decisions *seen = context;
    const struct verdict_of_policy *ours = &seen->runner->units[position].decisions[stored->policy];
    (void)error;
    seen->n_rows++;
    seen->n_right += ours->stopped && ours->n_traces == stored->n_traces &&
                     strcmp(ours->stop_reason, stored->stop_reason) == 0 &&
                     (ours->bar == stored->bar || (isnan(ours->bar) && isnan(stored->bar)));
    return SC_OK;
}

/* The decisions follow from the traces.  They are stored together, so a difference means that
 * somebody removed traces to have them sampled again. */
static enum sc_status repair_decisions(struct runner *runner, struct sc_error *error)
{
    const struct sc_runner_setup *setup = runner->setup;
    struct stored_decisions seen = {.runner = runner};
    size_t n_stopped = 0;
    for (size_t i = 0; i < setup->n_instances; i++)
        for (size_t p = 0; p < runner->n_policies; p++)
            n_stopped += runner->units[i].decisions[p].stopped;
    enum sc_status status = sc_store_read_decisions(
        setup->store, setup->n_instances, runner->n_policies, compare_decision, &seen, error);
    if (status != SC_OK || (seen.n_rows == n_stopped && seen.n_right == n_stopped))
        return status;
    status = sc_store_begin_decisions(setup->store, error);
    for (size_t i = 0; status == SC_OK && i < setup->n_instances; i++)
        for (size_t p = 0; status == SC_OK && p < runner->n_policies; p++) {
            const struct verdict_of_policy *ours = &runner->units[i].decisions[p];
            struct sc_store_decision decision = {p,         ours->n_traces, ours->stop_reason,
                                                 ours->bar, NULL,           0};
            if (!ours->stopped)
                continue;
            status = make_cuts(runner, i, NULL, &decision, error);
            if (status == SC_OK)
                status = sc_store_add_decision(setup->store, i, &decision, error);
            drop_cuts(&decision);
        }
    return sc_store_end_decisions(setup->store, status, error);
}

/* Repairing needs the windows of instances that have finished, so those are closed after it. */
static enum sc_status take_up(struct runner *runner, struct sc_error *error)
{
    const struct sc_runner_setup *setup = runner->setup;
    struct sc_run_progress *progress = &runner->summary->progress;
    enum sc_status status =
        sc_store_read_traces(setup->store, setup->detector, setup->options->judge,
                             runner->has_deepconf, setup->n_instances, take_trace, runner, error);
    for (size_t i = 0; status == SC_OK && i < setup->n_instances; i++)
        status = decide(runner, &runner->units[i], error);
    if (status == SC_OK)
        status = repair_decisions(runner, error);
    for (size_t i = 0; status == SC_OK && i < setup->n_instances; i++) {
        struct unit *unit = &runner->units[i];
        if (!unit->finished)
            continue;
        close_unit(unit);
        progress->n_instances_done++;
        progress->n_instances_resumed++;
    }
    return status;
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status prepare(struct runner *runner, struct sc_error *error)
{
    const struct sc_runner_setup *setup = runner->setup;
    size_t n = setup->n_instances;
    for (size_t p = 0; p < runner->n_policies; p++) {
        size_t most = sc_policy_most(&runner->policies[p]);
        if (most > runner->most_traces)
            runner->most_traces = most;
        if (runner->policies[p].kind == SC_POLICY_DEEPCONF)
            runner->has_deepconf = true;
    }
    runner->cuts_live = runner->has_deepconf && runner->n_policies == 1;
    runner->units = sc_alloc_zero(n, sizeof *runner->units);
    runner->view = sc_alloc_array(runner->most_traces, sizeof *runner->view);
    runner->fresh = sc_alloc_array(runner->n_policies, sizeof *runner->fresh);
    if (runner->units == NULL || runner->view == NULL || runner->fresh == NULL)
        return sc_fail_nomem(error, "state of the run");
    for (size_t i = 0; i < n; i++) {
        struct unit *unit = &runner->units[i];
        unit->decisions = sc_alloc_zero(runner->n_policies, sizeof *unit->decisions);
        if (unit->decisions == NULL)
            return sc_fail_nomem(error, "decisions of the run");
        unit->bar = NAN;
    }
    if (runner->has_deepconf && !runner->cuts_live) {
        enum sc_status status = sc_trace_maker_init(&runner->cut_maker, &setup->language,
                                                    setup->options, setup->detector, error);
        if (status != SC_OK)
            return status;
    }
    return sc_trace_maker_init(&runner->maker, &setup->language, setup->options, setup->detector,
                               error);
}

static void release(struct runner *runner)
{
    for (size_t i = 0; runner->units != NULL && i < runner->setup->n_instances; i++) {
        close_unit(&runner->units[i]);
        sc_free(runner->units[i].decisions);
    }
    sc_free(runner->units);
    sc_free(runner->open);
    sc_free(runner->view);
    sc_free(runner->fresh);
    sc_trace_maker_free(&runner->maker);
    sc_trace_maker_free(&runner->cut_maker);
}

enum sc_status sc_runner_run(const struct sc_runner_setup *setup, struct sc_run_summary *summary,
                             struct sc_error *error)
{
    struct runner runner = {.setup = setup,
                            .policies = setup->options->policies,
                            .n_policies = setup->options->n_policies,
                            .summary = summary};
    struct sc_trace_source source = {
        .context = &runner, .next = source_next, .done = source_done, .step = source_step};
    summary->progress.n_instances = setup->n_instances;
    sc_progress_start(&runner.meter);
    enum sc_status status = prepare(&runner, error);
    if (status == SC_OK)
        status = take_up(&runner, error);
    if (runner.cuts_live)
        source.keep = source_keep;
    if (status == SC_OK)
        status = setup->backend.run(setup->backend.context, &source, error);
    if (runner.failure.status != SC_OK && (status == SC_OK || status == SC_ERR_INTERRUPTED)) {
        status = runner.failure.status;
        if (error != NULL)
            *error = runner.failure;
    }
    if (status == SC_OK && summary->progress.n_instances_done != setup->n_instances)
        status = sc_fail(error, SC_ERR_INTERNAL, "run: expected %zu finished instances, found %zu",
                         setup->n_instances, summary->progress.n_instances_done);
    if (status == SC_OK || status == SC_ERR_INTERRUPTED)
        sc_progress_report(&runner.meter, &summary->progress, setup->observer, true);
    release(&runner);
    return status;
}
