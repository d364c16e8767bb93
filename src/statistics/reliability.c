/*
 * How far one rater agrees with itself: Krippendorff's alpha for nominal data, with an interval
 * that respects clusters (agreement.h).  Every sum is over whole numbers or over quotients of
 * them by a subject's number of ratings, so leaving out a cluster takes its terms away again.
 */
#include <math.h>
#include <string.h>

#include "statistics/agreement.h"
#include "statistics/internal.h"

/* Terms of alpha, additive over subjects. */
struct terms {
    double differing;               /* ordered pairs that differ, over ratings less one */
    double counts[SC_MOST_RATINGS]; /* ratings of each value */
    size_t n_subjects;
};

static size_t count_ratings(const struct sc_repeated *data, size_t subject, size_t *counts)
{
    size_t n = 0;
    memset(counts, 0, SC_MOST_RATINGS * sizeof *counts);
    for (size_t r = 0; r < data->n_repeats; r++) {
        unsigned char value = data->ratings[subject * data->n_repeats + r];
        if (value >= data->n_categories)
            continue;
        counts[value]++;
        n++;
    }
    return n;
}

bool sc_repeat_of(const struct sc_repeated *data, size_t subject, struct sc_repeat *out)
{
    size_t counts[SC_MOST_RATINGS], n = count_ratings(data, subject, counts), same = 0;
    *out = (struct sc_repeat){0};
    if (n < 2)
        return false;
    for (size_t c = 0; c < data->n_categories; c++)
        same += counts[c] > 1 ? counts[c] * (counts[c] - 1) / 2 : 0;
    out->n_pairs = n * (n - 1) / 2;
    out->n_differing = out->n_pairs - same;
    return true;
}

static void add_subject(const struct sc_repeated *data, size_t subject, struct terms *to)
{
    size_t counts[SC_MOST_RATINGS], n = count_ratings(data, subject, counts);
    struct sc_repeat repeat;
    if (!sc_repeat_of(data, subject, &repeat))
        return;
    to->differing += 2 * (double)repeat.n_differing / ((double)n - 1);
    for (size_t c = 0; c < data->n_categories; c++)
        to->counts[c] += (double)counts[c];
    to->n_subjects++;
}

static double alpha_of(const struct terms *terms, size_t n_categories)
{
    double n = 0, squares = 0;
    for (size_t c = 0; c < n_categories; c++) {
        n += terms->counts[c];
        squares += terms->counts[c] * terms->counts[c];
    }
    double between = n * n - squares; /* ordered pairs of all ratings that differ */
    return between > 0 ? 1 - (n - 1) * terms->differing / between : NAN;
}

static double without(const struct terms *all, const struct terms *cluster, size_t n_categories)
{
    struct terms rest = *all;
    rest.differing -= cluster->differing;
    rest.differing = rest.differing < 1e-9 ? 0 : rest.differing; /* what rounding leaves of none */
    for (size_t c = 0; c < n_categories; c++)
        rest.counts[c] -= cluster->counts[c];
    return alpha_of(&rest, n_categories);
}

static void jackknife(const struct sc_repeated *data, const struct terms *all,
                      struct sc_reliability *out)
{
    double sum = 0, squares = 0, m = 0;
    for (size_t begin = 0, end; begin < data->n; begin = end) {
        struct terms cluster = {0};
        for (end = begin; end < data->n; end++) {
            if (end > begin &&
                (data->cluster == NULL || data->cluster[end] != data->cluster[begin]))
                break;
            add_subject(data, end, &cluster);
        }
        if (cluster.n_subjects == 0)
            continue;
        double change = without(all, &cluster, data->n_categories) - out->alpha;
        m++;
        sum += change; /* NaN stays NaN: then there is no interval */
        squares += change * change;
    }
    double variance = m > 1 ? (m - 1) / m * (squares - sum * sum / m) : NAN;
    if (variance > 0) { /* no variation says nothing about the next prompt */
        out->low = out->alpha - SC_Z95 * sqrt(variance);
        out->high = fmin(1, out->alpha + SC_Z95 * sqrt(variance));
    }
}

enum sc_status sc_reliability(const struct sc_repeated *data, struct sc_reliability *out,
                              struct sc_error *error)
{
    struct terms all = {0};
    *out = (struct sc_reliability){.alpha = NAN, .low = NAN, .high = NAN};
    if (data->n_categories < 1 || data->n_categories > SC_MOST_RATINGS)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "reliability: expected 1 to %d categories, found %zu", SC_MOST_RATINGS,
                       data->n_categories);
    for (size_t i = 0; i < data->n; i++)
        add_subject(data, i, &all);
    out->n = all.n_subjects;
    for (size_t c = 0; c < data->n_categories; c++)
        out->n_ratings += (size_t)all.counts[c];
    out->alpha = alpha_of(&all, data->n_categories);
    if (!isnan(out->alpha))
        jackknife(data, &all, out);
    return SC_OK;
}
