/*
 * What one call may take (--max-requests, --max-total-tokens, --max-minutes): when a limit is
 * reached nothing new is begun, and what is under way is finished.  Knows no traces: the runner
 * asks before it begins one.
 */
#ifndef SC_EXPERIMENT_RUN_LIMITS_H
#define SC_EXPERIMENT_RUN_LIMITS_H

#include "base/error.h"
#include "experiment/experiment.h"

enum sc_run_limit {
    SC_LIMIT_NONE,
    SC_LIMIT_REQUESTS,
    SC_LIMIT_TOKENS,
    SC_LIMIT_MINUTES,
};

/* All but options and started is 0 at first. */
struct sc_run_limits {
    const struct sc_run_options *options; /* max_requests, max_total_tokens, max_minutes */
    double started;                       /* sc_seconds() of the call */
    uint64_t n_begun, n_begun_noted;      /* traces and turns; when the source last said */
    uint64_t n_requests, n_tokens;        /* as the source last said */
    enum sc_run_limit reached;
};

/* Takes what the source says of itself. */
void sc_run_limits_note(struct sc_run_limits *limits, const struct sc_source_progress *now);
/* Whether something new may begin; once not, never again. */
bool sc_run_limits_allow(struct sc_run_limits *limits);
/* Counts what begins where next is 1, and gives it back. */
int sc_run_limits_begin(struct sc_run_limits *limits, int next);
/* Fills summary->stopped and fails with the same words. */
enum sc_status sc_run_limits_say(const struct sc_run_limits *limits, struct sc_run_summary *summary,
                                 struct sc_error *error);

#endif
