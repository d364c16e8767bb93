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
 * deepconf (Fu et al., "Deep Think with Confidence", 2025, online)
 *     Bar: the percentile 100 - eta of the `lowest` of the first min_traces, which are whole.  A
 *     later trace is cut at the first token at which the mean of a full window is below the bar.
 *     Refusing or not is voted on with `lowest` as the weight; a trace that was cut, or whose
 *     `lowest` is below the bar, has no vote.  Decides after min_traces and then after each batch:
 *     stops when the winning side has at least tau of the votes.  What a trace says after its cut
 *     changes nothing, so a whole trace and its cut beginning lead to the same decision.
 * interval
 *     Stops when the interval of the refusal rate that holds at every look (sc_always_valid) is
 *     narrower than width, or does not hold one half: then the side is settled.  Judged traces
 *     alone count, an empty answer as one that does not refuse.  Decides after min_traces and then
 *     after each batch.  The interval is that of the counts where it stops, not the intersection
 *     with those of the looks before, so that anybody can compute it from what is reported.
 * budget
 *     Shares a total among all prompts of a run, so no function of one prompt's traces: budget.h.
 *     sc_policy_decide and sc_policy_replay are not asked about it.
 */
#ifndef SC_DECISION_DECISION_H
#define SC_DECISION_DECISION_H

#include <safeconf/experiment.h>

#include "base/error.h"
#include "base/random.h"

const char *sc_adaptive_rule_name(enum sc_adaptive_rule rule); /* "mean", "last" */
int sc_adaptive_rule_parse(const char *name);                  /* -1: unknown */

/* The metric that the policy reads as a trace's confidence: `lowest` for deepconf. */
enum sc_metric sc_policy_metric(const struct sc_policy *policy);
/* Whether what it does depends on confidences. */
bool sc_policy_reads_confidence(const struct sc_policy *policy);
/* Largest number of traces that the policy may ask for. */
size_t sc_policy_most(const struct sc_policy *policy);

/* ---- where a trace's confidence falls -------------------------------------------------------- */

/* A full window whose mean is below those of all windows before it. */
struct sc_low {
    size_t n_tokens; /* the window ends with this many tokens */
    double mean;
};

/* Mean of the newest full window, token by token, from the trace's first one; start with zeros.
 * Live cutting and lists of lows use it alike, so they agree to the last bit.  Tokens that were put
 * in, which have no figure at all, are in no window. */
struct sc_low_scan {
    double sum, rest;         /* rest: what sum rounds away */
    size_t n_looked;          /* tokens seen so far, whether sampled or not */
    size_t n_sampled, oldest; /* of these the sampled ones; where the newest window begins */
};
/* After n tokens, stats [n]; call it for a rising n, the last of them sampled.  NaN when there is
 * no full window yet. */
double sc_low_scan_next(struct sc_low_scan *scan, const struct sc_token_stats *stats, size_t n,
                        size_t window);
/* The lows of a trace in order: positions rise, means fall.  Returns how many there are, at most
 * n; lows may be NULL to count. */
size_t sc_lows_find(const struct sc_token_stats *stats, size_t n, size_t window,
                    struct sc_low *lows);
/* Tokens after which a trace with these lows falls below the bar; SIZE_MAX: never, or no bar
 * (NaN).  A trace that ends with that very token was not cut: compare with its length. */
size_t sc_lows_cut(const struct sc_low *lows, size_t n_lows, double bar);

/* ---- deciding -------------------------------------------------------------------------------- */

/* What a policy reads of one finished trace. */
struct sc_policy_trace {
    double confidence; /* of sc_policy_metric, higher is more confident; NaN when failed */
    enum sc_verdict verdict;
    bool failed;
    const struct sc_low *lows; /* [n_lows]; read by deepconf alone */
    size_t n_lows;
};

struct sc_policy_decision {
    bool stop;
    size_t n_more;           /* traces to sample now when not stop */
    const char *stop_reason; /* static: "single", "fixed", "confidence", "settled", "consensus",
                                "width", "max_traces"; NULL when not stop */
    double bar;              /* of adaptive and deepconf; NaN when there is none */
};

/* Decides after the first n traces (all of them finished); n = 0 asks how many to start with.  At
 * an n between two decision points (a run resumed within a batch) it asks for what it lacks. */
void sc_policy_decide(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                      size_t n, struct sc_policy_decision *out);

/* How many traces the policy would have used of n stored ones, and its last decision (may be NULL).
 * When the stored ones do not suffice the result is n and last->stop is false. */
size_t sc_policy_replay(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                        size_t n, struct sc_policy_decision *last);

/* The same where the policy's bar is known (sc_policy_bars); NaN: it is not, or it has none. */
size_t sc_policy_replay_by(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                           size_t n, double bar, struct sc_policy_decision *last);
/* Whether the policy compares with a bar, and then with which percentile of the confidences of its
 * first min_traces. */
bool sc_policy_has_bar(const struct sc_policy *policy, double *percentile);
/* Percentiles, in bars [n_bars], of the known confidences among n traces, with linear interpolation
 * between order statistics (Hyndman and Fan's type 7, NumPy's default); NaN where there is none. */
void sc_policy_bars(const struct sc_policy_trace *traces, size_t n, const double *percentiles,
                    size_t n_bars, double *bars);

/* What the first n traces say under the policy: the majority of the judged ones, under deepconf the
 * weighted vote. */
enum sc_behaviour sc_policy_vote(const struct sc_policy *policy,
                                 const struct sc_policy_trace *traces, size_t n);
/* The majorities of the judged among the first 0, 1, ... n traces, in votes [n + 1]: what
 * sc_policy_vote says under every policy but deepconf. */
void sc_policy_majorities(const struct sc_policy_trace *traces, size_t n, enum sc_behaviour *votes);
/* Tokens of trace i that the policy generates: n_tokens, or under deepconf fewer when the trace is
 * cut.  bar is that of the decision. */
size_t sc_policy_tokens(const struct sc_policy *policy, const struct sc_policy_trace *trace,
                        size_t i, size_t n_tokens, double bar);

/* The null of a confidence-driven rule: shuffles the confidences between the traces of an instance
 * that did not fail, with their lows; verdicts stay. */
void sc_policy_shuffle(struct sc_policy_trace *traces, size_t n, struct sc_random *random);

#endif
