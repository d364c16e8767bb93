/* Two shares over strata: mantel_haenszel.h. */
#include "statistics/mantel_haenszel.h"

#include <assert.h>
#include <math.h>

#include "statistics/internal.h"

void sc_mantel_haenszel_add(struct sc_mantel_haenszel *sums, const struct sc_two_groups *stratum)
{
    assert(stratum->n > 0 && stratum->n_other > 0);
    double n1 = (double)stratum->n, n0 = (double)stratum->n_other, n = n1 + n0;
    double a = (double)stratum->hits, c = (double)stratum->other_hits, hits = a + c;
    sums->n += stratum->n + stratum->n_other;
    sums->weight += n1 * n0 / n;
    sums->first += a * n0 / n;
    sums->second += c * n1 / n;
    sums->p += (n1 * n1 * c - n0 * n0 * a + n1 * n0 * (n0 - n1) / 2) / (n * n);
    sums->q += (a * (n0 - c) + c * (n1 - a)) / (2 * n);
    sums->excess += a - n1 * hits / n;
    sums->variance += n1 * n0 * hits * (n - hits) / (n * n * (n - 1));
}

struct sc_estimate sc_mantel_haenszel_difference(const struct sc_mantel_haenszel *sums)
{
    if (!(sums->weight > 0))
        return sc_estimate_none(sums->n, "no stratum has both groups");
    double difference = (sums->first - sums->second) / sums->weight;
    double variance = (difference * sums->p + sums->q) / (sums->weight * sums->weight);
    double half = SC_Z95 * sqrt(fmax(0, variance));
    return (struct sc_estimate){difference, fmax(-1, difference - half), fmin(1, difference + half),
                                sums->n, NULL};
}

double sc_mantel_haenszel_test(const struct sc_mantel_haenszel *sums)
{
    double beyond = fmax(0, fabs(sums->excess) - 0.5);
    return sums->variance > 0 ? erfc(beyond / sqrt(2 * sums->variance)) : 1;
}
