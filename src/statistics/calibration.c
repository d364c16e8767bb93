/*
 * calibration.c - does a predicted probability mean what it says; and several tests at once.
 */
#include <math.h>

#include "statistics/internal.h"

static void bins_clear(struct sc_calibration_bin *bins, size_t n_bins)
{
    for (size_t i = 0; i < n_bins; i++)
        bins[i] = (struct sc_calibration_bin){.low = (double)i / (double)n_bins,
                                              .high = (double)(i + 1) / (double)n_bins,
                                              .mean_predicted = NAN,
                                              .mean_observed = NAN};
}

/* The bin whose printed edges hold p: the product may round to the neighbour's side of an edge. */
static size_t bin_of(const struct sc_calibration_bin *bins, size_t n_bins, double p)
{
    size_t i = (size_t)(p * (double)n_bins);
    if (i >= n_bins)
        i = n_bins - 1;
    if (p < bins[i].low)
        i--;
    else if (i + 1 < n_bins && p >= bins[i].high)
        i++;
    return i;
}

double sc_calibration(const double *predicted, const bool *observed, size_t n, size_t n_bins,
                      struct sc_calibration_bin *bins)
{
    bins_clear(bins, n_bins);
    for (size_t i = 0; i < n; i++)
        if (!(predicted[i] >= 0 && predicted[i] <= 1))
            return NAN;
    if (n == 0 || n_bins == 0)
        return NAN;
    for (size_t i = 0; i < n; i++) {
        struct sc_calibration_bin *bin = &bins[bin_of(bins, n_bins, predicted[i])];
        if (bin->n++ == 0)
            bin->mean_predicted = bin->mean_observed = 0;
        bin->mean_predicted += predicted[i];
        bin->mean_observed += observed[i];
    }
    struct sc_sum error = {0};
    for (size_t i = 0; i < n_bins; i++) {
        if (bins[i].n == 0)
            continue;
        bins[i].mean_predicted /= (double)bins[i].n;
        bins[i].mean_observed /= (double)bins[i].n;
        double gap = fabs(bins[i].mean_predicted - bins[i].mean_observed);
        sc_sum_add(&error, gap * (double)bins[i].n / (double)n);
    }
    return sc_sum_value(&error);
}

void sc_holm(const double *p, size_t n, double *adjusted)
{
    size_t n_tests = 0;
    for (size_t i = 0; i < n; i++)
        n_tests += p[i] == p[i]; /* not NaN */
    for (size_t i = 0; i < n; i++) {
        size_t n_lower = 0;
        for (size_t j = 0; j < n; j++)
            n_lower += p[j] < p[i];
        double scaled = (double)(n_tests - n_lower) * p[i];
        adjusted[i] = isnan(p[i]) ? NAN : scaled > 1 ? 1 : scaled;
    }
    /* No p-value may end below a lower one's.  Raising in place is safe: what adjusted[j] has been
     * raised to comes from a p-value that is no higher than p[j] either. */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (p[j] <= p[i] && adjusted[j] > adjusted[i])
                adjusted[i] = adjusted[j];
}
