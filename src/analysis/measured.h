/*
 * How often a detector or judge errs: what it says of answers that people labelled, against their
 * labels (docs/JUDGES.md, "Measured on your labels").
 */
#ifndef SC_ANALYSIS_MEASURED_H
#define SC_ANALYSIS_MEASURED_H

#include "experiment/store/run_data.h"
#include "statistics/models.h"

/* Fewer labelled answers of a kind say too little to correct a rate. */
#define SC_LEAST_LABELLED 10
#define SC_MEASURED_SOURCE 240

/* Yes is: it refuses (partial refusals too); harmful, in the strict reading controversial too. */
enum sc_measured_of { SC_MEASURED_REFUSAL, SC_MEASURED_HARM_STRICT, SC_MEASURED_HARM_LOOSE };

struct sc_measured {
    bool there;            /* the reader was measured */
    size_t n;              /* answers with a label of people and a yes or no of the reader */
    size_t n_prompts;      /* different ones */
    size_t n_unread;       /* labelled ones of which the reader says neither */
    size_t tp, fn, fp, tn; /* positive: people say yes */
    /* The same as shares would be of answers that do not depend on one another. */
    struct sc_seen positives, negatives;
    struct sc_estimate sensitivity, specificity, precision, kappa;
    struct sc_estimate auroc; /* of the reader's probability of yes for people's yes */
    const char *reason;       /* why no rate can be corrected (static); NULL: it can */
};

/* Of a reader that was not measured: nothing, and there is false. */
enum sc_status sc_measure_reader(const struct sc_run_labels *labels, enum sc_measured_of of,
                                 struct sc_measured *out, struct sc_error *error);

#endif
