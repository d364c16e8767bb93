/*
 * Cohen's kappa (Cohen 1960, "A coefficient of agreement for nominal scales") with an interval that
 * respects clusters: the delete-one-cluster jackknife (Efron and Tibshirani 1993, chapter 11).
 */
#include "statistics/agreement.h"

#include <math.h>
#include <string.h>

#define Z95 1.959963984540054

typedef size_t table[SC_MOST_RATINGS][SC_MOST_RATINGS];

static double kappa_of(const table counts, size_t k, double *observed, double *expected)
{
    double n = 0, same = 0, chance = 0;

    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            n += (double)counts[i][j];
            same += i == j ? (double)counts[i][j] : 0;
        }
    for (size_t i = 0; i < k; i++) {
        double row = 0, column = 0;

        for (size_t j = 0; j < k; j++) {
            row += (double)counts[i][j];
            column += (double)counts[j][i];
        }
        chance += row / n * (column / n);
    }
    *observed = same / n;
    *expected = chance;
    return chance < 1 ? (same / n - chance) / (1 - chance) : NAN;
}

enum sc_status sc_agreement(const unsigned char *a, const unsigned char *b, const size_t *cluster,
                            size_t n, size_t n_categories, struct sc_agreement *out,
                            struct sc_error *error)
{
    double sum = 0, squares = 0, ignored[2];
    size_t n_clusters = 0;

    *out = (struct sc_agreement){.n_categories = n_categories, .low = NAN, .high = NAN};
    if (n_categories < 1 || n_categories > SC_MOST_RATINGS)
        return sc_fail(error, SC_ERR_ARGUMENT, "agreement: expected 1 to %d categories, found %zu",
                       SC_MOST_RATINGS, n_categories);
    for (size_t i = 0; i < n; i++)
        if (a[i] < n_categories && b[i] < n_categories) {
            out->table[a[i]][b[i]]++;
            out->n++;
        }
    out->observed = out->expected = out->kappa = NAN;
    if (out->n == 0)
        return SC_OK;
    out->kappa = kappa_of((const size_t(*)[SC_MOST_RATINGS])out->table, n_categories,
                          &out->observed, &out->expected);
    for (size_t begin = 0, end; begin < n; begin = end) {
        table rest;
        size_t n_rated = 0;
        double without;

        memcpy(rest, out->table, sizeof rest);
        for (end = begin;
             end < n && (end == begin || (cluster != NULL && cluster[end] == cluster[begin]));
             end++)
            if (a[end] < n_categories && b[end] < n_categories) {
                rest[a[end]][b[end]]--;
                n_rated++;
            }
        if (n_rated == 0)
            continue;
        without = n_rated < out->n ? kappa_of((const size_t(*)[SC_MOST_RATINGS])rest, n_categories,
                                              &ignored[0], &ignored[1])
                                   : NAN;
        n_clusters++;
        sum += without - out->kappa; /* NaN stays NaN: then there is no interval */
        squares += (without - out->kappa) * (without - out->kappa);
    }
    if (n_clusters > 1) {
        double m = (double)n_clusters;
        double variance = (m - 1) / m * (squares - sum * sum / m);

        if (variance > 0) { /* no variation says nothing about the next prompt */
            out->low = fmax(-1, out->kappa - Z95 * sqrt(variance));
            out->high = fmin(1, out->kappa + Z95 * sqrt(variance));
        }
    }
    return SC_OK;
}
