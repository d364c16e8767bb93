/*
 * What a server's log-probabilities are those of, found out from what it listed for the same next
 * token at two temperatures.  Pure functions over those lists; probe.c asks for them.
 *
 * Let a_j be the log-probability of candidate j that was listed at temperature 1 with filters off,
 * b_j the one listed at temperature t, r the likeliest candidate that both lists have, and s = 1/t.
 *
 *   raw        the lists agree: b_j = a_j
 *   processed  logits were divided by t: b_j - b_r = s (a_j - a_r), which holds whatever the
 *              normalisation, and so for lists that are cut off as well
 *
 * Both are judged by the median of what is left over (|b_j - a_j|, and |b_j - b_r - s (a_j - a_r)|)
 * over all candidates of all contexts.  A hypothesis fits when its median is within its tolerance
 * (servers compute in 16 bits and in changing batches: SC_RULE_TOLERANCE for a listed value, and s
 * times that, if s is above 1, for a difference at t), and is excluded when it is beyond twice its
 * tolerance. One that fits where the other is excluded is the answer; anything else is unknown.
 *
 * With fewer than SC_RULE_LEAST_DIFFERENCES differences (a server that lists one token or two) only
 * `raw` can be shown: the likeliest token has the same log-probability within half a tolerance in
 * SC_RULE_LEAST_CONTEXTS contexts in which it is neither nearly certain nor negligible (0.1 to
 * 0.9), where a temperature would have moved it.
 *
 * Lists whose probabilities sum to more than 1 (by more than the tolerance) are no natural
 * logarithms: unknown.
 */
#ifndef SC_SOURCE_SERVER_RULE_H
#define SC_SOURCE_SERVER_RULE_H

#include "base/error.h"
#include "remote/completion.h"
#include "vocabulary/vocabulary.h"

#define SC_RULE_TOLERANCE 0.1
enum { SC_RULE_LEAST_DIFFERENCES = 3, SC_RULE_LEAST_CONTEXTS = 3 };

/* The candidates of one place, in any order.  Values that are not finite or at most
 * SC_RULE_NOTHING stand for tokens that have been filtered out. */
#define SC_RULE_NOTHING (-1000.0)
struct sc_rule_list {
    const struct sc_candidate *items; /* [n] */
    size_t n;
};

/* What was listed after one context at temperature 1, and at the other temperature. */
struct sc_rule_pair {
    struct sc_rule_list neutral, other;
};

struct sc_rule_finding {
    enum sc_logprob_kind kind;
    const char *why;       /* of unknown: half a sentence (static); else NULL */
    double raw, processed; /* medians of what is left over; NaN: none */
    size_t n_values, n_differences;
};

/* t: the other temperature, above 0 and not 1. */
enum sc_status sc_rule_decide(const struct sc_rule_pair *pairs, size_t n, double t,
                              struct sc_rule_finding *out, struct sc_error *error);

enum sc_rule_change {
    SC_RULE_SAME, /* the lists agree within the tolerance */
    /* Fewer candidates have a probability (by more than the one that a server lists beyond the
     * likeliest because it was chosen), or all of them more of it. */
    SC_RULE_FILTERED,
    SC_RULE_OTHER,   /* they agree in no such way */
    SC_RULE_NO_LISTS /* nothing to compare */
};

/* How a list differs from another of the same place.  By values: for lists that should be equal
 * but for filters. */
enum sc_status sc_rule_compare(const struct sc_rule_list *before, const struct sc_rule_list *after,
                               enum sc_rule_change *out, struct sc_error *error);

#endif
