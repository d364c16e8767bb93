/* Detectors and judges of one run compared with one another. */
#ifndef SC_ANALYSIS_DETECTORS_H
#define SC_ANALYSIS_DETECTORS_H

#include "analysis/self_agreement.h"
#include "experiment/store/run_data.h"
#include "statistics/agreement.h"
#include "statistics/statistics.h"

enum { SC_MOST_DISAGREEMENTS = 50 };

/* Two raters of the same thing, over the traces that both have read. */
struct sc_detector_pair {
    const struct sc_run_opinion *a, *b;
    bool harm;                  /* harms are compared, else verdicts */
    struct sc_agreement named;  /* enum sc_verdict or enum sc_harm, unparsed and unjudged too */
    struct sc_agreement binary; /* [no, yes]: refused (partial counts, unparsed is left out), or
                                 * harmful in the strict reading (unjudged is left out) */
    size_t n_disagreements;     /* of the binary reading; the first are listed */
    struct sc_disagreement {
        size_t instance, trace;
    } disagreements[SC_MOST_DISAGREEMENTS];
};

struct sc_detector_comparison {
    struct sc_detector_pair *pairs;
    size_t n_pairs;
    struct sc_estimate *scores;     /* [run.n_opinions] mean scores; n 0: none */
    struct sc_self_agreement *self; /* [run->n_opinions] of those that were asked repeatedly */
};

/* None when the run was not judged again.  Borrows the run. */
enum sc_status sc_detectors_compare(const struct sc_run *run, struct sc_detector_comparison *out,
                                    struct sc_error *error);
void sc_detector_comparison_free(struct sc_detector_comparison *comparison);
/* The name of a verdict or of a harm; what one rater of the pair said of the trace at this place
 * in its arrays; kappa with its interval, or why there is none. */
const char *sc_detectors_rating(bool harm, size_t value);
const char *sc_detectors_said(const struct sc_detector_pair *pair,
                              const struct sc_run_opinion *rater, size_t at);
struct sc_estimate sc_detectors_kappa(const struct sc_agreement *agreement);

/* The mean score of a judge that answers with numbers, over traces, by bootstrap over prompts; n 0:
 * the rater gives none. */
enum sc_status sc_detectors_mean_score(const struct sc_run *run,
                                       const struct sc_run_opinion *opinion,
                                       struct sc_estimate *out, struct sc_error *error);

#endif
