/* Agreement of two raters on the same subjects, and of one rater with itself. */
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

/* ---- one rater, asked several times ---------------------------------------------------------- */

struct sc_repeated {
    /* [n * n_repeats] ratings below n_categories, subject by subject; a larger value is none. */
    const unsigned char *ratings;
    const size_t
        *cluster; /* [n], ascending: subjects that belong together; NULL: each is its own */
    size_t n, n_repeats, n_categories;
};

/* How one subject's ratings agree: of its pairs, and whether all are the same.  False: fewer than
 * two ratings. */
struct sc_repeat {
    size_t n_pairs, n_differing;
};
bool sc_repeat_of(const struct sc_repeated *data, size_t subject, struct sc_repeat *out);

struct sc_reliability {
    size_t n;         /* subjects with two ratings or more */
    size_t n_ratings; /* theirs */
    double alpha, low, high;
};
/* Krippendorff's alpha for nominal data (2004, "Content Analysis", chapter 11): 1 - the
 * disagreement within subjects over that between all ratings; ratings may be missing.  Interval:
 * the delete-one-cluster jackknife, normal (Efron and Tibshirani, 1993, chapter 11).  NaN: no two
 * ratings of a subject, or only one value throughout; the interval as in sc_agreement. */
enum sc_status sc_reliability(const struct sc_repeated *data, struct sc_reliability *out,
                              struct sc_error *error);

#endif
