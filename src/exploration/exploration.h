/*
 * What a model answers to one prompt, as probabilities instead of counts.
 *
 * The answers are a tree under the distribution that is sampled from; an answer that is finished
 * has a probability that is known exactly.  An exploration computes the heaviest beginnings first,
 * which bounds every share without sampling error, and samples what is left by strata, which gives
 * an unbiased estimate with an interval.  It sees the model through struct sc_expanding alone, and
 * what answers mean through struct sc_reading; docs/RISK.md describes the method and names its
 * sources.
 *
 * A result is a function of the table's answers, the options and nothing else: random numbers are
 * those of (seed, instance, trace, position).
 */
#ifndef SC_EXPLORATION_EXPLORATION_H
#define SC_EXPLORATION_EXPLORATION_H

#include <safeconf/vocabulary.h>

#include "engine/expand.h"
#include "tree/shape.h"

/* ---- what is asked --------------------------------------------------------------------------- */

/* A finished answer. */
struct sc_answer {
    const int32_t *ids; /* [n], the end token included where it has one */
    size_t n;
    bool stopped;       /* with an end token; else at the length limit */
    double probability; /* exact */
};

/* What answers mean.  Each distinct answer is read once. */
struct sc_reading {
    void *context;
    /* The verdict on one answer. */
    enum sc_status (*read)(void *context, const struct sc_answer *answer, enum sc_verdict *verdict,
                           struct sc_error *error);
    /* NULL: nobody judges harm.  Harm of n answers with their verdicts, likeliest first;
     * SC_UNJUDGED where the judge failed. */
    enum sc_status (*judge)(void *context, const struct sc_answer *answers,
                            const enum sc_verdict *verdicts, size_t n, enum sc_harm *harms,
                            struct sc_error *error);
};

struct sc_exploration_options {
    size_t max_new_tokens;  /* longest answer, >= 1 */
    const int32_t *end_ids; /* [n_end_ids], borrowed */
    size_t n_end_ids;
    double width; /* of the wanted interval of P(refusal), in (0, 1]; 0: not asked for */
    /* Nodes computed, at most; > 0.  Where the table has no room for the nodes that are kept, paths
     * that are computed again may go beyond it. */
    uint64_t max_rows;
    double mass;         /* ends when finished answers have so much, in (0, 1] */
    size_t max_branches; /* listed at a node, 1 to 4096 */
    size_t step;         /* nodes computed at once, 1 to 4096 */
    size_t max_judged;   /* finished answers that the judge reads, at most; 0: no limit */
    uint64_t seed;
    uint64_t instance; /* key of the prompt: sc_hash64 of its id */
    /* Called between steps; true ends with SC_ERR_INTERRUPTED.  NULL: never. */
    bool (*stop)(void *context);
    void *stop_context;
};

struct sc_exploration_options sc_exploration_defaults(void);
enum sc_status sc_exploration_options_check(const struct sc_exploration_options *options,
                                            struct sc_error *error);

/* ---- what is known then ---------------------------------------------------------------------- */

/* low_exact <= low <= value <= high <= high_exact, in [0, 1].  The exact bounds hold without
 * sampling error; low and high are the 95 % interval of the estimate, cut at them. */
struct sc_share {
    double low_exact, high_exact;
    double value, low, high;
    double unbiased;   /* the estimate before it was cut at the bounds */
    bool seen;         /* an answer that counts was found: low_exact > 0 */
    uint64_t n_events; /* sampled traces of the estimate that count */
};

enum sc_share_kind {
    SC_SHARE_REFUSAL,        /* refused; partial answers count */
    SC_SHARE_COMPLIANCE,     /* answered */
    SC_SHARE_HARMFUL,        /* judged harmful (loose: controversial does not count) */
    SC_SHARE_HARMFUL_STRICT, /* controversial counts */
    SC_N_SHARES
};

enum sc_exploration_end {
    SC_EXPLORED_WIDTH,     /* the interval is as narrow as wanted */
    SC_EXPLORED_ROWS,      /* the rows are spent */
    SC_EXPLORED_MASS,      /* so much is finished */
    SC_EXPLORED_EXHAUSTED, /* every answer is known */
    SC_N_EXPLORED
};
const char *sc_exploration_end_name(enum sc_exploration_end end); /* "width" ... */

/* A finished answer that was found. */
struct sc_found_answer {
    struct sc_answer answer; /* its ids lie in the result */
    enum sc_verdict verdict;
    enum sc_harm harm; /* SC_UNJUDGED without a judge */
};

struct sc_exploration {
    enum sc_exploration_end end;
    /* Of finished answers: exact, each distinct one once. */
    double mass_finished;
    double mass_of[SC_N_VERDICTS];   /* by verdict */
    double mass_of_harm[SC_N_HARMS]; /* by harm; unjudged with what nobody judged */
    double mass_length;              /* cut by the length limit */

    struct sc_share shares[SC_N_SHARES]; /* harmful ones: NaN where has_harm is false */
    bool has_harm;                       /* a judge was there */
    /* Of the estimate, all answers: verdicts that are neither refusal, partial nor compliance.
     * Value and interval as above. */
    struct sc_share neither;

    uint64_t rows;         /* nodes computed, the beginning left out */
    size_t n_answers;      /* distinct finished ones */
    uint64_t n_traces;     /* sampled, those of the pilot included */
    uint64_t n_estimating; /* of these, those that the estimate rests on */
    size_t n_strata;
    double mean_rows;   /* of a plain trace behind the prompt: its tokens less one, estimated */
    double mean_length; /* tokens of an answer, estimated */
    /* What the rows amount to in plain traces, and how many of these would give an interval of
     * P(refusal) of the same width (Wilson's, expected at the estimate); NaN where the width is 0.
     */
    double traces_spent, plain_traces_for_same_width;

    /* Distinct finished answers, likeliest first. */
    struct sc_found_answer *answers;                          /* [n_answers] */
    int32_t *ids;                                             /* where their ids lie */
    const struct sc_found_answer *likeliest[SC_N_VERDICTS];   /* of each verdict, or NULL */
    const struct sc_found_answer *likeliest_harm[SC_N_HARMS]; /* of each harm, or NULL */
};

/* Explores one prompt's answers.  reading->read is called for each distinct finished answer. */
enum sc_status sc_explore(const struct sc_expanding *expanding, const struct sc_reading *reading,
                          const struct sc_exploration_options *options, struct sc_exploration *out,
                          struct sc_error *error);
void sc_exploration_free(struct sc_exploration *exploration); /* zeros are fine */

/* ---- what follows from a share --------------------------------------------------------------- */

enum sc_carried {
    SC_CARRIED_EXACT,    /* the exact bounds alone place it within 0.01 */
    SC_CARRIED_ESTIMATE, /* such answers were seen */
    SC_CARRIED_BOUND,    /* none was seen: high alone says something, value is the best guess */
    SC_CARRIED_NOT,      /* the interval covers more than 0.9 of what is possible */
    SC_N_CARRIED
};
const char *sc_carried_name(enum sc_carried carried); /* "exact" "estimate" "bound" "open" */

/* 1 - (1 - p)^k: at least one such answer in k traces, which are independent given the prompt. */
struct sc_at_k {
    double k, value, low, high;
    enum sc_carried carried;
};
struct sc_at_k sc_share_at_k(const struct sc_share *share, double k);

/* Expected traces until the first such answer, 1 / p.  high is infinite where low of the share is
 * 0. */
struct sc_estimate sc_share_until_first(const struct sc_share *share);

/* Plain traces n for which Wilson's interval of a rate p has this width, expected over the
 * binomial; NaN where no n does or the width is 0 or less. */
double sc_plain_traces_for(double p, double width);

#endif
