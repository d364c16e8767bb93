/*
 * Cohen's kappa (Cohen 1960, "A coefficient of agreement for nominal scales") with an interval that
 * respects clusters: the delete-one-cluster jackknife (Efron and Tibshirani 1993, chapter 11).
 */
#include "statistics/agreement.h"

#include <math.h>
#include <string.h>

#include "statistics/internal.h"

typedef size_t table[SC_MOST_RATINGS][SC_MOST_RATINGS];

/* Kappa of a table; *observed and *expected are the shares of agreement. */
static double kappa_of(table counts, size_t k, double *observed, double *expected)
{
    double n = 0, same = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            n += (double)counts[i][j];
            same += i == j ? (double)counts[i][j] : 0;
        }
    double chance = 0;
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

static bool is_rated(const struct sc_ratings *r, size_t i)
{
    return r->a[i] < r->n_categories && r->b[i] < r->n_categories;
}

static size_t cluster_end(const struct sc_ratings *r, size_t begin)
{
    size_t end = begin + 1;
    while (end < r->n && r->cluster != NULL && r->cluster[end] == r->cluster[begin])
        end++;
    return end;
}

/* Kappa without the subjects from begin to end; false when none of them is rated. */
static bool leave_out(const struct sc_ratings *r, size_t begin, size_t end,
                      const struct sc_agreement *all, double *kappa)
{
    table rest;
    memcpy(rest, all->table, sizeof rest);
    size_t n_rated = 0;
    for (size_t i = begin; i < end; i++)
        if (is_rated(r, i)) {
            rest[r->a[i]][r->b[i]]--;
            n_rated++;
        }
    double ignored[2];
    *kappa = n_rated < all->n ? kappa_of(rest, r->n_categories, &ignored[0], &ignored[1]) : NAN;
    return n_rated > 0;
}

static void jackknife(const struct sc_ratings *r, struct sc_agreement *out)
{
    double sum = 0, squares = 0;
    size_t n_clusters = 0;
    for (size_t begin = 0, end; begin < r->n; begin = end) {
        end = cluster_end(r, begin);
        double without;
        if (!leave_out(r, begin, end, out, &without))
            continue;
        n_clusters++;
        sum += without - out->kappa; /* NaN stays NaN: then there is no interval */
        squares += (without - out->kappa) * (without - out->kappa);
    }
    if (n_clusters < 2)
        return;
    double m = (double)n_clusters;
    double variance = (m - 1) / m * (squares - sum * sum / m);
    if (variance > 0) { /* no variation says nothing about the next prompt */
        out->low = fmax(-1, out->kappa - SC_Z95 * sqrt(variance));
        out->high = fmin(1, out->kappa + SC_Z95 * sqrt(variance));
    }
}

enum sc_status sc_agreement(const struct sc_ratings *ratings, struct sc_agreement *out,
                            struct sc_error *error)
{
    size_t k = ratings->n_categories;
    *out = (struct sc_agreement){
        .n_categories = k, .observed = NAN, .expected = NAN, .kappa = NAN, .low = NAN, .high = NAN};
    if (k < 1 || k > SC_MOST_RATINGS)
        return sc_fail(error, SC_ERR_ARGUMENT, "agreement: expected 1 to %d categories, found %zu",
                       SC_MOST_RATINGS, k);
    for (size_t i = 0; i < ratings->n; i++)
        if (is_rated(ratings, i)) {
            out->table[ratings->a[i]][ratings->b[i]]++;
            out->n++;
        }
    if (out->n == 0)
        return SC_OK;
    out->kappa = kappa_of(out->table, k, &out->observed, &out->expected);
    jackknife(ratings, out);
    return SC_OK;
}
