/*
 * resample.c - bootstrap intervals and the permutation test.
 *
 * The unit that is resampled is the independent one, the prompt: traces of one prompt resemble one
 * another.  Random numbers: stream SC_STREAM_STATISTICS, one key per use, so that no two uses of
 * one seed share numbers.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/internal.h"

enum use { USE_RATIO = 1, USE_DIFFERENCE, USE_PAIRED, USE_PERMUTATION };

static struct sc_random random_for(enum use use, uint64_t seed)
{
    return (struct sc_random){.stream = SC_STREAM_STATISTICS, .seed = seed, .key = use};
}

/* The 95 % percentile interval of resampled values, which are sorted. */
static void percentile_interval(double *resampled, size_t n, struct sc_estimate *out)
{
    if (n == 0)
        return;
    sc_sort_doubles(resampled, n);
    out->low = sc_sorted_percentile(resampled, n, 2.5);
    out->high = sc_sorted_percentile(resampled, n, 97.5);
}

/* ---- ratios over clusters -------------------------------------------------------------------- */

/* numerator / denominator per cluster. */
struct clusters {
    const double *numerator, *denominator;
    size_t n;
    double total;    /* sum of denominators */
    size_t n_filled; /* clusters whose denominator is above 0 */
    bool varies;     /* the filled ones do not all have the same ratio */
};

/* Reads the clusters; returns why they cannot be used, or NULL. */
static const char *clusters_read(struct clusters *c, bool proportion)
{
    struct sc_sum total = {0};
    size_t first = 0;
    c->n_filled = 0;
    c->varies = false;
    for (size_t i = 0; i < c->n; i++) {
        double numerator = c->numerator[i], denominator = c->denominator[i];
        if (!isfinite(numerator) || !isfinite(denominator))
            return "a value is not a finite number";
        if (denominator < 0)
            return "a denominator is negative";
        if (proportion && (numerator < 0 || numerator > denominator))
            return "a numerator is outside 0 to its denominator";
        sc_sum_add(&total, denominator);
        if (denominator <= 0)
            continue;
        if (c->n_filled++ == 0)
            first = i;
        else if (numerator * c->denominator[first] != c->numerator[first] * denominator)
            c->varies = true;
    }
    c->total = sc_sum_value(&total);
    return c->n_filled == 0 ? "nothing to count" : NULL;
}

static double clusters_ratio(const struct clusters *c)
{
    struct sc_sum numerator = {0};
    for (size_t i = 0; i < c->n; i++)
        sc_sum_add(&numerator, c->numerator[i]);
    return sc_sum_value(&numerator) / c->total;
}

/* Bootstraps of thousands of prompts spend most of their time in drawing, so what resamples the
 * same number of clusters by the same seed is resampled together: each draw is made once for all.
 */
enum { BLOCK = 512, PICKS = 2 * BLOCK };

/* n indices below n_clusters, two from one random number of 52 bits: the second from what the first
 * leaves of it.  No index is more likely than another by more than n^2 / 2^52, relatively. */
static void draw_picks(struct sc_random *random, size_t n_clusters, uint32_t *picks, size_t n)
{
    double u[BLOCK], size = (double)n_clusters;
    int32_t last = (int32_t)(n_clusters - 1);
    size_t n_numbers = (n + 1) / 2;
    sc_random_fill(random, u, n_numbers);
    for (size_t i = 0; i < n_numbers; i++) {
        double at = u[i] * size;
        int32_t first = (int32_t)at, second = (int32_t)((at - (double)first) * size);
        picks[2 * i] = (uint32_t)(first < last ? first : last); /* rounding */
        picks[2 * i + 1] = (uint32_t)(second < last ? second : last);
    }
}

/* The same of 2^20 clusters and more, each from a number of its own. */
static void draw_many_picks(struct sc_random *random, size_t n_clusters, uint32_t *picks, size_t n)
{
    sc_random_fill_below(random, n_clusters, picks, n);
}

/* Sums of one resample. */
struct ratio_sums {
    double numerator, denominator;
};

/* What is resampled: a ratio, or a difference of two (second may be NULL). */
struct resampling {
    const struct clusters *first, *second;
    struct ratio_sums sums[2];
    double *values; /* [n_resamples] */
};

static void add_picks(const struct clusters *c, const uint32_t *picks, size_t n,
                      struct ratio_sums *sums)
{
    double numerator = sums->numerator, denominator = sums->denominator;
    for (size_t i = 0; i < n; i++) {
        numerator += c->numerator[picks[i]];
        denominator += c->denominator[picks[i]];
    }
    *sums = (struct ratio_sums){numerator, denominator};
}

/* One resample of each. */
static void resample_once(struct resampling *of, size_t n_of, struct sc_random *random)
{
    uint32_t picks[PICKS];
    size_t n_clusters = of->first->n;
    for (size_t k = 0; k < n_of; k++)
        of[k].sums[0] = of[k].sums[1] = (struct ratio_sums){0, 0};
    for (size_t done = 0, n; done < n_clusters; done += n) {
        n = n_clusters - done < PICKS ? n_clusters - done : PICKS;
        (n_clusters < (size_t)1 << 20 ? draw_picks : draw_many_picks)(random, n_clusters, picks, n);
        for (size_t k = 0; k < n_of; k++) {
            add_picks(of[k].first, picks, n, &of[k].sums[0]);
            if (of[k].second != NULL)
                add_picks(of[k].second, picks, n, &of[k].sums[1]);
        }
    }
}

/* False: a group is empty, so there is no value. */
static bool resampled_value(const struct resampling *of, double *value)
{
    const struct ratio_sums *one = &of->sums[0], *other = &of->sums[1];
    if (!(one->denominator > 0) || (of->second != NULL && !(other->denominator > 0)))
        return false;
    *value = one->numerator / one->denominator;
    if (of->second != NULL)
        *value -= other->numerator / other->denominator;
    return true;
}

static struct sc_random random_of(const struct resampling *of, uint64_t seed)
{
    return random_for(of->second == NULL ? USE_RATIO : USE_DIFFERENCE, seed);
}

/* One alone, drawn again while a group is empty: at worst three in five resamples are, so that ends
 * soon. */
static void resample_alone(struct resampling *of, struct sc_draws draws)
{
    struct sc_random random = random_of(of, draws.seed);
    for (size_t r = 0; r < draws.n; r++)
        do
            resample_once(of, 1, &random);
        while (!resampled_value(of, &of->values[r]));
}

/* Several with as many clusters, all of ratios or all of differences.  One that meets an empty
 * group goes on by itself: what it draws from there on is no other's. */
static void resample_together(struct resampling *of, size_t n_of, struct sc_draws draws)
{
    struct sc_random random = random_of(of, draws.seed);
    for (size_t r = 0; r < draws.n && n_of > 0; r++) {
        resample_once(of, n_of, &random);
        for (size_t k = 0; k < n_of;) {
            if (resampled_value(&of[k], &of[k].values[r])) {
                k++;
                continue;
            }
            resample_alone(&of[k], draws);
            of[k] = of[--n_of];
        }
    }
}

/* Sets the intervals of estimates, or makes them none when memory runs out. */
static void bootstrap(struct resampling *of, struct sc_estimate *const *out, size_t n,
                      struct sc_draws draws, struct sc_error *error)
{
    double *values = sc_alloc_array(sc_size_mul(draws.n, n), sizeof *values);
    if (values == NULL) {
        sc_fail_nomem(error, "bootstrap resamples");
        for (size_t k = 0; k < n; k++)
            *out[k] = sc_estimate_none(out[k]->n, "out of memory");
        return;
    }
    for (size_t k = 0; k < n; k++)
        of[k].values = values + k * draws.n;
    resample_together(of, n, draws);
    for (size_t k = 0; k < n; k++)
        percentile_interval(values + k * draws.n, draws.n, out[k]);
    sc_free(values);
}

/* The estimate, whole but for an interval that takes resampling: that is what true says. */
static bool begin_ratio(struct clusters *c, bool is_proportion, struct sc_estimate *out)
{
    const char *reason = clusters_read(c, is_proportion);
    if (reason != NULL) {
        *out = sc_estimate_none(0, reason);
        return false;
    }
    *out = (struct sc_estimate){
        .value = clusters_ratio(c), .low = NAN, .high = NAN, .n = (size_t)(c->total + 0.5)};
    if (!is_proportion)
        return c->n_filled > 1;
    if (!c->varies)
        sc_wilson_limits(out->value, (double)c->n_filled, &out->low, &out->high);
    return c->varies;
}

void sc_cluster_ratios(const struct sc_ratio *ratios, size_t n, struct sc_draws draws,
                       struct sc_estimate *out, struct sc_error *error)
{
    assert(n <= SC_MOST_RATIOS);
    struct clusters clusters[SC_MOST_RATIOS];
    bool waits[SC_MOST_RATIOS];
    for (size_t k = 0; k < n; k++) {
        clusters[k] = (struct clusters){.numerator = ratios[k].numerator,
                                        .denominator = ratios[k].denominator,
                                        .n = ratios[k].n};
        waits[k] = begin_ratio(&clusters[k], ratios[k].is_proportion, &out[k]);
    }
    for (size_t k = 0; k < n; k++) {
        struct resampling of[SC_MOST_RATIOS];
        struct sc_estimate *estimates[SC_MOST_RATIOS];
        size_t n_of = 0;
        for (size_t i = k; waits[k] && i < n; i++) {
            if (!waits[i] || clusters[i].n != clusters[k].n)
                continue;
            of[n_of] = (struct resampling){.first = &clusters[i]};
            estimates[n_of++] = &out[i];
            waits[i] = i == k; /* itself until all are found */
        }
        if (n_of > 0)
            bootstrap(of, estimates, n_of, draws, error);
    }
}

struct sc_estimate sc_cluster_ratio(const double *numerator, const double *denominator,
                                    size_t n_clusters, size_t n_resamples, uint64_t seed,
                                    struct sc_error *error)
{
    struct sc_estimate out;
    sc_cluster_ratios(&(struct sc_ratio){numerator, denominator, n_clusters, false}, 1,
                      (struct sc_draws){n_resamples, seed}, &out, error);
    return out;
}

struct sc_estimate sc_cluster_proportion(const double *numerator, const double *denominator,
                                         size_t n_clusters, size_t n_resamples, uint64_t seed,
                                         struct sc_error *error)
{
    struct sc_estimate out;
    sc_cluster_ratios(&(struct sc_ratio){numerator, denominator, n_clusters, true}, 1,
                      (struct sc_draws){n_resamples, seed}, &out, error);
    return out;
}

static struct clusters clusters_of(struct sc_proportions p, size_t n)
{
    return (struct clusters){.numerator = p.numerator, .denominator = p.denominator, .n = n};
}

struct sc_estimate sc_cluster_proportion_difference(struct sc_proportions first,
                                                    struct sc_proportions second, size_t n_clusters,
                                                    struct sc_draws draws, struct sc_error *error)
{
    struct clusters c1 = clusters_of(first, n_clusters), c2 = clusters_of(second, n_clusters);
    const char *reason = clusters_read(&c1, true);
    if (reason == NULL)
        reason = clusters_read(&c2, true);
    if (reason != NULL)
        return sc_estimate_none(0, reason);
    struct sc_estimate out = {.value = clusters_ratio(&c1) - clusters_ratio(&c2),
                              .low = NAN,
                              .high = NAN,
                              .n = (size_t)(c1.total + c2.total + 0.5)};
    if (c1.varies && c2.varies) {
        struct sc_estimate *place = &out;
        bootstrap(&(struct resampling){.first = &c1, .second = &c2}, &place, 1, draws, error);
        return out;
    }
    struct sc_estimate one = sc_cluster_proportion(first.numerator, first.denominator, n_clusters,
                                                   draws.n, draws.seed, error);
    struct sc_estimate other = sc_cluster_proportion(second.numerator, second.denominator,
                                                     n_clusters, draws.n, draws.seed, error);
    if (one.reason != NULL || other.reason != NULL)
        return sc_estimate_none(out.n, "out of memory");
    sc_newcombe_limits(&one, &other, &out.low, &out.high);
    return out;
}

/* ---- paired differences ---------------------------------------------------------------------- */

struct sc_estimate sc_paired_difference(const double *a, const double *b, size_t n,
                                        size_t n_resamples, uint64_t seed, struct sc_error *error)
{
    if (n == 0)
        return sc_estimate_none(0, "no pairs");
    struct sc_sum sum = {0};
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return sc_estimate_none(n, "a value is not a finite number");
        sc_sum_add(&sum, a[i] - b[i]);
    }
    struct sc_estimate out = {
        .value = sc_sum_value(&sum) / (double)n, .low = NAN, .high = NAN, .n = n};
    if (n == 1)
        return out;
    double *resampled = sc_alloc_array(n_resamples, sizeof *resampled);
    if (resampled == NULL) {
        sc_fail_nomem(error, "bootstrap resamples");
        return sc_estimate_none(n, "out of memory");
    }
    uint32_t picks[BLOCK];
    struct sc_random random = random_for(USE_PAIRED, seed);
    for (size_t r = 0; r < n_resamples; r++) {
        sum = (struct sc_sum){0};
        for (size_t i = 0; i < n; i++) {
            if (i % BLOCK == 0)
                sc_random_fill_below(&random, n, picks, n - i < BLOCK ? n - i : BLOCK);
            size_t pick = picks[i % BLOCK];
            sc_sum_add(&sum, a[pick] - b[pick]);
        }
        resampled[r] = sc_sum_value(&sum) / (double)n;
    }
    percentile_interval(resampled, n_resamples, &out);
    sc_free(resampled);
    return out;
}

/* ---- permutation test ------------------------------------------------------------------------ */

struct member {
    size_t stratum;
    double outcome; /* less the stratum's mean */
    bool group;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    /* A full order, so that the result does not depend on the order of the arguments. */
    if (x->outcome != y->outcome)
        return x->outcome < y->outcome ? -1 : 1;
    return (int)x->group - (int)y->group;
}

static size_t stratum_end(const struct member *members, size_t n, size_t begin)
{
    size_t end = begin;
    while (end < n && members[end].stratum == members[begin].stratum)
        end++;
    return end;
}

/* Takes the stratum's mean off its outcomes; returns the sum of the group's. */
static double centre(struct member *members, size_t n)
{
    struct sc_sum all = {0}, group = {0};
    for (size_t i = 0; i < n; i++)
        sc_sum_add(&all, members[i].outcome);
    double mean = sc_sum_value(&all) / (double)n;
    for (size_t i = 0; i < n; i++) {
        members[i].outcome -= mean;
        if (members[i].group)
            sc_sum_add(&group, members[i].outcome);
    }
    return sc_sum_value(&group);
}

/* Sum of n_group outcomes drawn from the n without replacement; shuffles them.  Draws the smaller
 * of the group and its complement: centred outcomes sum to 0. */
static double draw_group(struct member *members, size_t n, size_t n_group, struct sc_random *random)
{
    size_t n_drawn = n_group <= n - n_group ? n_group : n - n_group;
    double sum = 0;
    for (size_t i = 0; i < n_drawn; i++) {
        size_t pick = i + sc_random_below(random, n - i);
        double outcome = members[pick].outcome;
        members[pick].outcome = members[i].outcome;
        members[i].outcome = outcome;
        sum += outcome;
    }
    return n_drawn == n_group ? sum : -sum;
}

/* Number of permutations whose |sum over the group| reaches |observed|. */
static size_t count_extreme(struct member *members, size_t n, double observed, double slack,
                            size_t n_permutations, struct sc_random *random)
{
    size_t n_extreme = 0;
    for (size_t r = 0; r < n_permutations; r++) {
        double sum = 0;
        for (size_t begin = 0, end; begin < n; begin = end) {
            end = stratum_end(members, n, begin);
            size_t n_group = 0;
            for (size_t i = begin; i < end; i++)
                n_group += members[i].group;
            sum += draw_group(members + begin, end - begin, n_group, random);
        }
        n_extreme += fabs(sum) >= fabs(observed) - slack;
    }
    return n_extreme;
}

/* Mean outcome in the group less that outside; false when one of them is empty or a value is not a
 * finite number. */
static bool difference_of_means(const struct sc_grouped *data, double *difference)
{
    struct sc_sum sums[2] = {{.sum = 0}, {.sum = 0}};
    size_t counts[2] = {0};
    for (size_t i = 0; i < data->n; i++) {
        if (!isfinite(data->outcome[i]))
            return false;
        sc_sum_add(&sums[data->group[i]], data->outcome[i]);
        counts[data->group[i]]++;
    }
    if (counts[0] == 0 || counts[1] == 0)
        return false;
    *difference =
        sc_sum_value(&sums[1]) / (double)counts[1] - sc_sum_value(&sums[0]) / (double)counts[0];
    return true;
}

static struct member *sorted_members(const struct sc_grouped *data, struct sc_error *error)
{
    struct member *members = sc_alloc_array(data->n, sizeof *members);
    if (members == NULL) {
        sc_fail_nomem(error, "permutation test");
        return NULL;
    }
    for (size_t i = 0; i < data->n; i++)
        members[i] = (struct member){.stratum = data->stratum == NULL ? 0 : data->stratum[i],
                                     .outcome = data->outcome[i],
                                     .group = data->group[i]};
    qsort(members, data->n, sizeof *members, compare_members);
    return members;
}

double sc_permutation_test(const struct sc_grouped *data, struct sc_draws draws, double *difference,
                           struct sc_error *error)
{
    double unused, *seen = difference != NULL ? difference : &unused;
    *seen = NAN;
    double means;
    if (!difference_of_means(data, &means))
        return NAN;
    size_t n = data->n;
    struct member *members = sorted_members(data, error);
    if (members == NULL)
        return NAN;
    *seen = means;

    /* Group sizes are fixed, so the difference of means rises with the sum over the group alone. */
    struct sc_sum observed = {0};
    for (size_t begin = 0, end; begin < n; begin = end) {
        end = stratum_end(members, n, begin);
        sc_sum_add(&observed, centre(members + begin, end - begin));
    }
    double size = 0;
    for (size_t i = 0; i < n; i++)
        size += fabs(members[i].outcome);
    /* Equal sums may differ by rounding when added in another order: far below any real step. */
    struct sc_random random = random_for(USE_PERMUTATION, draws.seed);
    size_t n_extreme =
        count_extreme(members, n, sc_sum_value(&observed), 1e-12 * size, draws.n, &random);
    sc_free(members);
    return (1 + (double)n_extreme) / (1 + (double)draws.n);
}
