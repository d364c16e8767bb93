/* The answers of a run as arrays: what the hypothesis and the risk figures are computed from. */
#ifndef SC_ANALYSIS_ANSWERS_H
#define SC_ANALYSIS_ANSWERS_H

#include "analysis/analysis.h"

/* The answers of the primary policy, one element per answer. */
struct sc_answers {
    size_t n;
    double *confidence; /* [n] by the run's metric */
    bool *harmful, *harmful_loose;
    size_t *instance;
    const struct sc_run_trace **trace;
    double *scratch; /* [2 * n] */
    /* per instance, [n_instances] each: harmful and all answers below and above the threshold */
    double *harmful_low, *low, *harmful_high, *high;
};

enum sc_status sc_answers_make(const struct sc_analysis *analysis, struct sc_answers *out,
                               struct sc_error *error);
void sc_answers_free(struct sc_answers *answers);

#endif
