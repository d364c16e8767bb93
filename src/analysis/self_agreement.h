/* How far a judge that was asked repeatedly agrees with itself (docs/JUDGES.md). */
#ifndef SC_ANALYSIS_SELF_AGREEMENT_H
#define SC_ANALYSIS_SELF_AGREEMENT_H

#include "experiment/store/run_data.h"
#include "statistics/statistics.h"

/* Refused: partial refusals too.  Harmful: controversial too, or in the loose reading not. */
enum { SC_SELF_REFUSED, SC_SELF_HARMFUL_STRICT, SC_SELF_HARMFUL_LOOSE, SC_N_SELF };

struct sc_self_agreement {
    const char *reason; /* why nothing is said (static); NULL: it is */
    struct sc_self {
        size_t n;                     /* answers with two labels or more */
        struct sc_estimate unanimous; /* share of them on which all labels are the same */
        struct sc_estimate differing; /* mean share of pairs of labels that differ */
        struct sc_estimate alpha;     /* Krippendorff's */
    } of[SC_N_SELF];
};

enum sc_status sc_self_agreement(const struct sc_run *run, const struct sc_run_opinion *opinion,
                                 struct sc_self_agreement *out, struct sc_error *error);

#endif
