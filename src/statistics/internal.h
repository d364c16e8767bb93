/* What the files of this room share. */
#ifndef SC_STATISTICS_INTERNAL_H
#define SC_STATISTICS_INTERNAL_H

#include "statistics/statistics.h"

#define SC_Z95 1.959963984540054 /* 97.5 % quantile of the standard normal distribution */
#define SC_ALPHA 0.05            /* what a 95 % interval may miss */

/* A sum with Neumaier's compensation (1974): the error does not grow with the number of terms. */
struct sc_sum {
    double sum, rest;
};
void sc_sum_add(struct sc_sum *sum, double x);
double sc_sum_value(const struct sc_sum *sum);

/* Wilson's limits of a proportion (any value in [0, 1]) seen in n > 0 trials. */
void sc_wilson_limits(double proportion, double n, double *low, double *high);
/* Newcombe's limits of first - second from the limits of each. */
void sc_newcombe_limits(const struct sc_estimate *first, const struct sc_estimate *second,
                        double *low, double *high);

void sc_sort_doubles(double *x, size_t n);                        /* none of them NaN */
double sc_sorted_percentile(const double *x, size_t n, double q); /* n > 0, sorted */
bool sc_has_nan(const double *x, size_t n);

/* Student's t with `freedom` >= 1 degrees of freedom: its 97.5 % quantile, and the probability of a
 * value at least as far from 0 as t (0 for an infinite t, NaN for NaN). */
double sc_t_quantile(double freedom);
double sc_t_two_sided(double t, double freedom);

#endif
