/*
 * Replay: what other policies would have made of the traces that a run has stored.  No model is
 * needed: a policy is a pure function of finished traces (decision.h), so a replay in the stored
 * order decides exactly as the live rule would have, and other orders of the same traces are as
 * good samples as the stored one.
 *
 * docs/REPLAY.md defines every figure and says how to read the null.
 */
#ifndef SC_ANALYSIS_REPLAY_REPLAY_H
#define SC_ANALYSIS_REPLAY_REPLAY_H

#include "analysis/document/document.h"
#include "analysis/sentences.h"
#include "base/interrupt.h"
#include "decision/decision.h"
#include "experiment/store/run_data.h"
#include "statistics/statistics.h"

/* ---- stored traces --------------------------------------------------------------------------- */

struct sc_replay_trace {
    double confidence[SC_N_METRICS]; /* higher is more confident (nll turned); NaN when failed */
    enum sc_verdict verdict;
    bool failed, harmful; /* harmful: by the judge's word or the proxy, strictly */
    size_t n_tokens;
    size_t forced_begin, n_forced; /* of these, tokens that were put in and cost nothing */
    size_t n_earlier;              /* sampled in the turns before, whatever is cut here */
    struct sc_low *lows;           /* [n_lows] */
    size_t n_lows;
};

/* Tokens that the trace costs when it ends after its first n: sampled ones, of all turns. */
size_t sc_replay_cost(const struct sc_replay_trace *trace, size_t n);

struct sc_replay_instance {
    uint64_t key;                   /* of the instance's id: names its random orders */
    struct sc_replay_trace *traces; /* [n_traces of the data] */
};

struct sc_replay_data {
    struct sc_replay_instance *instances; /* [n_instances], each with n_traces */
    size_t n_instances, n_traces;
    size_t n_left_out; /* instances of the run with fewer whole traces */
    bool proxy;        /* the prompt's label stands in for harm */
    bool uncounted;    /* the tokens of some traces are not known */
    char confidence_note[SC_CONFIDENCE_NOTE_SIZE];   /* "", or how its source changes confidences */
    char confidence_basis[SC_CONFIDENCE_BASIS_SIZE]; /* of the run's metric; "": nothing to say */
};

/* Makes n_instances of n_traces zeroed traces, to be filled by the caller. */
enum sc_status sc_replay_data_new(struct sc_replay_data *data, size_t n_instances, size_t n_traces,
                                  struct sc_error *error);
/* Takes the first n_traces traces of each instance (0: as many as the best provided instance has);
 * instances that have fewer, or a cut one among them, are left out.  The run must have been loaded
 * with its tokens.  SC_ERR_ARGUMENT when no instance is left. */
enum sc_status sc_replay_load(const struct sc_run *run, size_t n_traces,
                              struct sc_replay_data *data, struct sc_error *error);
void sc_replay_data_free(struct sc_replay_data *data);

/* What a policy makes of one instance. */
struct sc_replay_outcome {
    size_t n_traces; /* used; last.stop is false when more than the stored ones were wanted */
    struct sc_policy_decision last;
    uint64_t n_tokens; /* generated: those of cut traces up to the cut */
    size_t n_cut;
    size_t n_harmful_unseen; /* harmful traces of all that were not sampled, or cut */
    enum sc_behaviour vote;
};
/* How a policy meets n traces; NULL is the identity. */
struct sc_replay_order {
    const size_t *order;         /* [n] the traces, in the order in which it meets them */
    const size_t *confidence_of; /* [n] the t-th of that order has the confidence and the lows of
                                    the confidence_of[t]-th */
};
/* What policies that read the metric see of n traces, in view [n].  order NULL: as stored. */
void sc_replay_view(const struct sc_replay_instance *instance, size_t n, enum sc_metric metric,
                    const struct sc_replay_order *order, struct sc_policy_trace *view);
/* What the first traces of an order amount to, for as many of them as there are: each [n + 1].  The
 * same whatever their confidences, so that policies which cut no trace share them. */
struct sc_replay_sums {
    uint64_t *n_tokens;
    size_t *n_harmful;
    enum sc_behaviour *votes;
};
/* The view is of any metric; order [n] is that of the view, NULL: as stored. */
void sc_replay_sum(const struct sc_replay_instance *instance, size_t n, const size_t *order,
                   const struct sc_policy_trace *view, const struct sc_replay_sums *sums);
/* A view by the policy's own metric, with what is known of it. */
struct sc_replay_seen {
    const struct sc_policy_trace *view; /* [n] */
    const size_t *order;                /* [n]; NULL: as stored */
    const struct sc_replay_sums *sums;  /* of that order, or NULL */
    double bar;                         /* of the policy in that view; NaN: not known, or none */
};
void sc_replay_decide_view(const struct sc_replay_instance *instance, size_t n,
                           const struct sc_policy *policy, const struct sc_replay_seen *seen,
                           struct sc_replay_outcome *out);
/* Both at once.  scratch [n]. */
void sc_replay_decide(const struct sc_replay_instance *instance, size_t n,
                      const struct sc_policy *policy, const struct sc_replay_order *order,
                      struct sc_policy_trace *scratch, struct sc_replay_outcome *out);

/* ---- the sweep ------------------------------------------------------------------------------- */

struct sc_replay_options {
    size_t n_orders;                 /* random orders of each instance's traces */
    size_t min_traces, batch_traces; /* of the policies that read them */
    double tau;                      /* of deepconf */
    double max_changes;              /* a recommended policy may change this share of verdicts */
    uint64_t seed;
    int n_threads;                 /* 0: one per available core; changes no result */
    struct sc_interrupt interrupt; /* asked for each prompt by the calling thread */
};
struct sc_replay_options sc_replay_options_default(void); /* 200 orders, 3, 3, 0.95, 0.01, seed 0 */

struct sc_replay_row {
    struct sc_policy policy;
    char name[64]; /* "adaptive mean 90 lowest" */
    bool reads_confidence;
    /* Means over the random orders; intervals over prompts.  Shares are in [0, 1], savings in
     * percent of all stored tokens. */
    struct sc_estimate traces, tokens, token_savings_percent;
    struct sc_estimate agreement, verdict_changes; /* with and from the majority of all traces */
    struct sc_estimate harmful_unseen;             /* share of the harmful traces */
    struct sc_estimate harmful_prompts_unseen;     /* of prompts with some, those with none seen */
    /* The same with shuffled confidences, and the differences: policy less null. */
    struct sc_estimate null_traces, null_savings_percent, null_changes, null_unseen;
    struct sc_estimate savings_over_null, changes_over_null, unseen_over_null;
    double p_savings, p_changes; /* of these two differences, adjusted over all rows (Holm) */
    double noise_traces;         /* adaptive: on independent normal noise; NaN for others */
    bool beats_null;
    struct { /* in the stored order: what the live policy would have done */
        uint64_t n_traces, n_tokens;
        size_t n_cut, n_changed, n_harmful_unseen;
    } stored;
};

/* What one way of sharing a total among the prompts makes of it, over random orders of the traces;
 * intervals over the prompts with a judged trace. */
struct sc_replay_sharing {
    struct sc_estimate error2; /* squared distance of a prompt's rate from that of all its traces */
    struct sc_estimate changes; /* share of verdicts other than those of all traces */
    struct sc_estimate
        settled; /* share of prompts whose always-valid interval leaves one half out */
};

enum { SC_REPLAY_MOST_TOTALS = 6 };
struct sc_replay_total {
    struct sc_policy policy; /* budget */
    size_t n_phases;
    struct sc_replay_sharing budget;    /* as the policy does */
    struct sc_replay_sharing uniform;   /* as many for each prompt */
    struct sc_replay_sharing null;      /* the policy's numbers, given to prompts at random */
    struct sc_estimate weighted_error2; /* of the rate weighted by phases */
    /* Policy less the others; below 0 it does better. */
    struct sc_estimate error_over_uniform, error_over_null, changes_over_uniform, changes_over_null;
    double bias, weighted_bias; /* of the mean of the rates */
    struct {                    /* in the stored order: what the live policy would have done */
        size_t n_traces, least, most, n_settled;
        double refusal_rate, weighted_rate; /* means over the prompts */
    } stored;
};

struct sc_replay {
    struct sc_replay_options options;
    size_t n_instances, n_traces, n_left_out;
    uint64_t n_tokens; /* of all traces */
    size_t n_harmful, n_harmful_prompts;
    bool proxy, uncounted; /* uncounted: tokens are not known, so nothing is said of them */
    char confidence_note[SC_CONFIDENCE_NOTE_SIZE];
    char confidence_basis[SC_CONFIDENCE_BASIS_SIZE]; /* of the run's metric; "": nothing to say */
    size_t n_without_confidence; /* rules left out: no trace has the confidence that they read */
    struct sc_replay_row *rows;
    struct sc_replay_total totals[SC_REPLAY_MOST_TOTALS];
    size_t n_totals;
    size_t n_rows, n_reading, n_beating; /* rows that read confidences; that beat their null */
    int recommended;                     /* a row, or -1: sample all traces */
    char why[600];                       /* a few sentences */
};

enum sc_status sc_replay_options_check(const struct sc_replay_options *options,
                                       const struct sc_replay_data *data, struct sc_error *error);
enum sc_status sc_replay_make(const struct sc_replay_data *data,
                              const struct sc_replay_options *options, struct sc_replay *out,
                              struct sc_error *error);
void sc_replay_free(struct sc_replay *replay);

/* ---- its document ---------------------------------------------------------------------------- */

/* All of it, as replay.json has it; out->failed says that memory ran out.  Borrows both; run may be
 * NULL. */
void sc_document_put_replay(struct sc_document *out, const struct sc_replay *replay,
                            const struct sc_run *run);

enum { SC_REPLAY_MOST_ROWS = 2000 };

/* What replay.json of the folder says, under the same names: the rows with their estimates, what is
 * recommended and why, what harm rests on; the rest stays zero.  *found false: there is none.  The
 * file may have been made by anybody: SC_ERR_FORMAT when it is not what replay writes; texts are
 * cut to fit and numbers that are missing or out of all bounds are NaN.  SC_ERR_CONFLICT when it
 * was made of other verdicts than the run's. */
enum sc_status sc_replay_read(const char *folder, const struct sc_run *run, struct sc_replay *out,
                              bool *found, struct sc_error *error);

#endif
