/*
 * When to stop sampling an instance.  A policy is a pure function of the finished traces in the order
 * of their index, so the live run and a replay of stored traces decide alike.
 */
#ifndef SC_DECISION_DECISION_H
#define SC_DECISION_DECISION_H

#include "base/error.h"

enum sc_policy_kind { SC_POLICY_SINGLE, SC_POLICY_FIXED, SC_POLICY_ADAPTIVE, SC_N_POLICIES };
const char *sc_policy_name(enum sc_policy_kind kind);
int sc_policy_parse(const char *name); /* -1: unknown */

enum sc_adaptive_rule { SC_ADAPTIVE_MEAN, SC_ADAPTIVE_LAST };

struct sc_policy {
    enum sc_policy_kind kind;
    size_t min_traces, max_traces, batch_traces;
    double percentile; /* [0, 100] */
    enum sc_adaptive_rule adaptive_rule;
    enum sc_metric metric; /* which confidence the rule reads */
};
/* adaptive 3 to 10 by 3 at percentile 90, rule mean, metric mean. */
struct sc_policy sc_policy_default(void);
enum sc_status sc_policy_check(const struct sc_policy *policy, struct sc_error *error);
/* Largest number of traces that the policy may ask for. */
size_t sc_policy_most(const struct sc_policy *policy);

/* What a policy reads of one finished trace. */
struct sc_policy_trace {
    double confidence; /* of the policy's metric, higher is more confident; NaN for a failed trace */
    enum sc_verdict verdict;
    bool failed;
};

struct sc_policy_decision {
    bool stop;
    size_t n_more;            /* traces to sample now when not stop */
    const char *stop_reason;  /* static: "single", "fixed", "confidence", "max_traces" */
    double bar;               /* the adaptive rule's bar; NaN when there is none */
};

/* Decides after the first n traces (all of them finished); n = 0 asks how many to start with.
 * Failed traces count towards the maximum and are left out of confidences. */
void sc_policy_decide(const struct sc_policy *policy, const struct sc_policy_trace *traces, size_t n,
                      struct sc_policy_decision *out);

/* How many traces the policy would have used of n stored ones, and its last decision. */
size_t sc_policy_replay(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                        size_t n, struct sc_policy_decision *last);

#endif
