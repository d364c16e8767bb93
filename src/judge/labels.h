/* Tokens of a judge's labels and their probabilities.  Private to this room. */
#ifndef SC_JUDGE_LABELS_H
#define SC_JUDGE_LABELS_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "judge/kinds.h"

enum { SC_MOST_LEAD = 24, SC_MOST_WATCHED = SC_MOST_LINES * SC_MOST_LABELS * SC_MOST_VARIANTS };

/* A way to begin a label: the token that tells it from the other labels. */
struct sc_label_token {
    int32_t id;
    int offset; /* where the token begins, in bytes from the label's own beginning: 0 or less where
                 * a blank before it is part of the token */
    size_t watch; /* its place among the watched tokens */
};

/* One line's labels as tokens: "Safety: Safe" and so on begin with the same tokens and differ in
 * the next one, whose probability is the label's. */
struct sc_labels {
    size_t n; /* labels, in the order of the line; 0: the line is no question */
    struct sc_label_token tokens[SC_MOST_LABELS][SC_MOST_VARIANTS];
    size_t n_tokens[SC_MOST_LABELS];
    int32_t lead[SC_MOST_LEAD]; /* the tokens before them */
    size_t n_lead;
};

/* Those of all lines of a kind, and the tokens to be watched at every place. */
struct sc_kind_labels {
    struct sc_labels lines[SC_MOST_LINES];
    int32_t watch[SC_MOST_WATCHED];
    size_t n_watch;
};

enum sc_status sc_kind_labels_find(struct sc_kind_labels *labels, const struct sc_judge_kind *kind,
                                   const struct sc_tokenizer *tokenizer, struct sc_error *error);

/* The tokens of a text as it stands at the beginning of a line within another.  *ids:
 * sc_release it, after moving back by *skip. */
struct sc_line_tokens {
    int32_t *all;       /* sc_release it */
    const int32_t *ids; /* [n] */
    size_t n;
};
enum sc_status sc_line_encode(const struct sc_tokenizer *tokenizer, const char *text,
                              struct sc_line_tokens *out, struct sc_error *error);

/* Shares of the labels' mass where the watched tokens have these log-probabilities; returns the
 * mass. */
double sc_label_shares(const struct sc_labels *labels, const float *watched, double *shares);

#endif
