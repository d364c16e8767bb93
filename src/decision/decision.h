/*
 * When to stop sampling an instance.  A policy is a pure function of the finished traces in the
 * order of their index, so the live run and a replay of stored traces decide alike.  Nothing here
 * allocates or fails.
 *
 * A failed trace is left out of every confidence and every vote, and still counts towards the
 * maximum; so does one whose confidence is not a finite number, as far as confidences go.
 *
 * single, fixed
 *     That many traces.
 * adaptive
 *     Decides after min_traces and then after each batch.  Bar: the percentile of the confidences
 *     of the first min_traces.  Rule mean: stop when the mean of all so far reaches the bar.  Rule
 *     last: when the last one's own does, the last being that of the highest index, so that of a
 *     batch only its last trace is looked at.  With no confidence among the first min_traces there
 *     is no bar, and nothing stops before max_traces.
 * curtailed
 *     Stops when the majority verdict at max_traces is settled.  risk 0: when no outcome of the
 *     traces still to come (refusal, compliance, not judged) can change it, so that the verdict is
 *     the one that all traces would give.  risk > 0: also when the present majority stays with
 *     probability >= 1 - risk, the traces to come being beta-binomial under a uniform prior on the
 *     refusal rate.  Decides after min_traces and then after each batch; with risk 0 it skips the
 *     points at which too few traces would be there to settle anything (of 10, it starts with 6).
 */
#ifndef SC_DECISION_DECISION_H
#define SC_DECISION_DECISION_H

#include "base/error.h"
#include "base/random.h"

enum sc_policy_kind {
    SC_POLICY_SINGLE,
    SC_POLICY_FIXED,
    SC_POLICY_ADAPTIVE,
    SC_POLICY_CURTAILED,
    SC_N_POLICIES
};
const char *sc_policy_name(enum sc_policy_kind kind);
int sc_policy_parse(const char *name); /* -1: unknown */

enum sc_adaptive_rule { SC_ADAPTIVE_MEAN, SC_ADAPTIVE_LAST, SC_N_ADAPTIVE_RULES };
const char *sc_adaptive_rule_name(enum sc_adaptive_rule rule); /* "mean", "last" */
int sc_adaptive_rule_parse(const char *name);                  /* -1: unknown */

struct sc_policy {
    enum sc_policy_kind kind;
    size_t min_traces, max_traces, batch_traces;
    double percentile; /* [0, 100] */
    enum sc_adaptive_rule adaptive_rule;
    enum sc_metric metric; /* which confidence the rule reads */
    double risk;           /* [0, 1); curtailed: of a verdict that all traces would not give */
};
/* adaptive 3 to 10 by 3 at percentile 90, rule mean, metric mean, risk 0. */
struct sc_policy sc_policy_default(void);
/* Checks the fields that the kind reads. */
enum sc_status sc_policy_check(const struct sc_policy *policy, struct sc_error *error);
/* Largest number of traces that the policy may ask for. */
size_t sc_policy_most(const struct sc_policy *policy);

/* What a policy reads of one finished trace. */
struct sc_policy_trace {
    double confidence; /* of the policy's metric, higher is more confident; NaN when failed */
    enum sc_verdict verdict;
    bool failed;
};

struct sc_policy_decision {
    bool stop;
    size_t n_more;           /* traces to sample now when not stop */
    const char *stop_reason; /* static: "single", "fixed", "confidence", "settled", "max_traces";
                                NULL when not stop */
    double bar;              /* the adaptive rule's bar; NaN when there is none */
};

/* Decides after the first n traces (all of them finished); n = 0 asks how many to start with.  At
 * an n between two decision points (a run resumed within a batch) it asks for what it lacks. */
void sc_policy_decide(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                      size_t n, struct sc_policy_decision *out);

/* How many traces the policy would have used of n stored ones, and its last decision (may be NULL).
 * When the stored ones do not suffice the result is n and last->stop is false. */
size_t sc_policy_replay(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                        size_t n, struct sc_policy_decision *last);

/* The null of a confidence-driven rule: shuffles the confidences between the traces of an instance
 * that did not fail; verdicts stay. */
void sc_policy_shuffle(struct sc_policy_trace *traces, size_t n, struct sc_random *random);

#endif
