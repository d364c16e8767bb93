/*
 * Two shares compared over strata (prompts), each stratum against itself.
 *
 * Difference: Mantel and Haenszel's weights n n' / (n + n') with Sato's variance (1989), which
 * holds both for few large strata and for many small ones.  Test: Mantel and Haenszel (1959), with
 * their correction for continuity.  Checked against tests/golden/mantel_haenszel.json.
 */
#ifndef SC_STATISTICS_MANTEL_HAENSZEL_H
#define SC_STATISTICS_MANTEL_HAENSZEL_H

#include "statistics/statistics.h"

/* One stratum: counts. */
struct sc_two_groups {
    size_t hits, n;             /* of the first group, n > 0 */
    size_t other_hits, n_other; /* of the second, n_other > 0 */
};

/* Begins as zeros. */
struct sc_mantel_haenszel {
    size_t n;             /* of both groups, all strata */
    double weight;        /* sum of n n' / (n + n') */
    double first, second; /* sums of the two shares by these weights */
    double p, q;          /* Sato's sums */
    double excess;        /* of hits in the first group over their expectation given the margins */
    double variance;      /* of that */
};
void sc_mantel_haenszel_add(struct sc_mantel_haenszel *sums, const struct sc_two_groups *stratum);

/* Share of the first group minus share of the second; none without a stratum. */
struct sc_estimate sc_mantel_haenszel_difference(const struct sc_mantel_haenszel *sums);
/* Two-sided p of no difference in any stratum; 1 where nothing varies. */
double sc_mantel_haenszel_test(const struct sc_mantel_haenszel *sums);

#endif
