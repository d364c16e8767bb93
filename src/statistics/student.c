/*
 * student.c - Student's t distribution, by GSL.
 *
 * An error inside GSL calls a handler that the process has one of and that ends it unless somebody
 * turned it off.  So nothing is asked here that GSL might refuse (tests/unit/test_student.c).
 */
#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "statistics/internal.h"

double sc_t_quantile(double freedom)
{
    assert(freedom >= 1 && isfinite(freedom));
    return gsl_cdf_tdist_Pinv(0.975, freedom);
}

double sc_t_two_sided(double t, double freedom)
{
    assert(freedom >= 1 && isfinite(freedom));
    if (!isfinite(t))
        return isnan(t) ? NAN : 0;
    return 2 * gsl_cdf_tdist_Q(fabs(t), freedom);
}
