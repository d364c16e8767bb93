/* See limits.h. */
#include "experiment/run/limits.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"

void sc_run_limits_note(struct sc_run_limits *limits, const struct sc_source_progress *now)
{
    limits->n_requests = now->n_requests;
    limits->n_tokens = now->n_tokens + now->n_prompt_tokens;
    limits->n_begun_noted = limits->n_begun;
}

/* A source that counts requests may not have said yet what it was asked for last. */
static uint64_t count_requests(const struct sc_run_limits *limits)
{
    if (limits->n_requests == 0)
        return limits->n_begun;
    return limits->n_requests + (limits->n_begun - limits->n_begun_noted);
}

bool sc_run_limits_allow(struct sc_run_limits *limits)
{
    const struct sc_run_options *options = limits->options;
    if (limits->reached != SC_LIMIT_NONE)
        return false;
    if (options->max_requests > 0 && count_requests(limits) >= options->max_requests)
        limits->reached = SC_LIMIT_REQUESTS;
    else if (options->max_total_tokens > 0 && limits->n_tokens >= options->max_total_tokens)
        limits->reached = SC_LIMIT_TOKENS;
    else if (options->max_minutes > 0 &&
             sc_seconds() - limits->started >= 60 * options->max_minutes)
        limits->reached = SC_LIMIT_MINUTES;
    return limits->reached == SC_LIMIT_NONE;
}

int sc_run_limits_begin(struct sc_run_limits *limits, int next)
{
    limits->n_begun += next == 1;
    return next;
}

/* "--max-minutes 30" */
static void name_limit(const struct sc_run_limits *limits, char *out, size_t size)
{
    const struct sc_run_options *options = limits->options;
    switch (limits->reached) {
    case SC_LIMIT_REQUESTS:
        snprintf(out, size, "--max-requests %zu", options->max_requests);
        break;
    case SC_LIMIT_TOKENS:
        snprintf(out, size, "--max-total-tokens %zu", options->max_total_tokens);
        break;
    default:
        snprintf(out, size, "--max-minutes %g", options->max_minutes);
        break;
    }
}

enum sc_status sc_run_limits_say(const struct sc_run_limits *limits, struct sc_run_summary *summary,
                                 struct sc_error *error)
{
    const struct sc_run_progress *progress = &summary->progress;
    char limit[60];
    assert(limits->reached != SC_LIMIT_NONE);
    name_limit(limits, limit, sizeof limit);
    snprintf(summary->stopped, sizeof summary->stopped,
             "stopped at %s: %zu of %zu prompts are finished, %zu traces", limit,
             progress->n_instances_done, progress->n_instances, progress->n_traces_done);
    return sc_fail(error, SC_ERR_INTERRUPTED, "%s", summary->stopped);
}
