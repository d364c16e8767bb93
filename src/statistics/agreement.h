/* Agreement of two raters on the same subjects. */
#ifndef SC_STATISTICS_AGREEMENT_H
#define SC_STATISTICS_AGREEMENT_H

#include "base/error.h"

enum { SC_MOST_RATINGS = 8 };

struct sc_agreement {
    size_t n_categories;
    size_t table[SC_MOST_RATINGS][SC_MOST_RATINGS]; /* [first rater][second rater] */
    size_t n;                                       /* subjects that both rated */
    double observed, expected;                      /* shares of agreement; NaN when n is 0 */
    double kappa; /* (observed - expected) / (1 - expected); NaN when that is 0/0 */
    /* 95 % interval from the delete-one-cluster jackknife, normal; NaN with fewer than two
     * clusters, where a kappa without one cluster does not exist, or where no cluster changes it.
     */
    double low, high;
};

struct sc_ratings {
    /* [n] ratings below n_categories; a larger value is not a rating, and that subject is left out.
     */
    const unsigned char *a, *b;
    /* [n], ascending from any number on: what subjects belong together (traces of one prompt are
     * not independent); NULL: each is its own. */
    const size_t *cluster;
    size_t n, n_categories;
};

enum sc_status sc_agreement(const struct sc_ratings *ratings, struct sc_agreement *out,
                            struct sc_error *error);

#endif
