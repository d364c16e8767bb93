/* Label tokens of a guard model and their probabilities.  Private to this room. */
#ifndef SC_JUDGE_LABELS_H
#define SC_JUDGE_LABELS_H

#include <safeconf/engine.h>

#include "base/error.h"

/* One question's labels as tokens: "Safety: Safe" and so on begin with the same tokens and differ
 * in the next one, whose probability is the label's. */
struct sc_labels {
    size_t n;         /* labels, in the order of the enum */
    int32_t first[3]; /* the token that tells a label from the others */
    int32_t lead[8];  /* the tokens before it */
    size_t n_lead;
    size_t lead_bytes; /* of text that the lead stands for */
};

/* Tokens that are watched at every place: those of both questions. */
struct sc_guard_labels {
    struct sc_labels safety, refused;
    int32_t watch[5]; /* safe, unsafe, controversial, no, yes */
};

enum { SC_WATCH_SAFETY = 0, SC_WATCH_REFUSED = 3, SC_N_WATCH = 5 };

enum sc_status sc_guard_labels_find(struct sc_guard_labels *labels,
                                    const struct sc_tokenizer *tokenizer, struct sc_error *error);

/* Shares of the labels' mass from their log-probabilities [n]; returns the mass. */
double sc_label_shares(const float *logprob, size_t n, double *shares);

#endif
