/*
 * paired.c - two runs on the same units (prompts): how far apart, and whether that is chance.
 *
 * The unit is the prompt, whatever the number of its traces: two traces of one prompt are no two
 * observations of a difference between runs.
 */
#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/internal.h"

#define MOST_TURNED 2147483648.0 /* more would take long, and no benchmark has them */
#define SIGNS_KEY 0x51695        /* keeps these draws apart from those of other uses */
#define SIGNS_OF_A_DRAW 64       /* bits of a random number */

/* ---- the difference -------------------------------------------------------------------------- */

struct sc_estimate sc_paired_share_difference(const double *a, const double *b, size_t n,
                                              struct sc_draws draws, struct sc_error *error)
{
    struct sc_estimate out = sc_paired_difference(b, a, n, draws.n, draws.seed, error);
    if (n < 2 || !isfinite(out.value))
        return out;
    for (size_t i = 1; i < n; i++)
        if (fabs((b[i] - a[i]) - (b[0] - a[0])) > 0)
            return out;
    double low, high;
    sc_wilson_limits(0, (double)n, &low, &high);
    out.low = (1 - high) * out.value - high;
    out.high = (1 - high) * out.value + high;
    return out;
}

/* ---- McNemar's test -------------------------------------------------------------------------- */

double sc_mcnemar_exact(size_t b, size_t c)
{
    double n = (double)b + (double)c, least = (double)(b < c ? b : c);
    if (n > MOST_TURNED)
        return NAN;
    /* Probabilities relative to that of the middle, from there downwards, so that no logarithm of a
     * factorial is needed and nothing cancels. */
    double middle = floor(n / 2), p = 1;
    struct sc_sum below = {0}, tail = {0};
    for (double x = middle; x >= 0 && p >= DBL_MIN; x--) {
        sc_sum_add(&below, p);
        if (x <= least)
            sc_sum_add(&tail, p);
        p *= x / (n - x + 1);
    }
    /* The other side mirrors this one; an even n has one middle. */
    bool even = n - 2 * middle < 0.5;
    double total = 2 * sc_sum_value(&below) - (even ? 1 : 0);
    double two_sided = 2 * sc_sum_value(&tail) / total;
    return two_sided > 1 ? 1 : two_sided;
}

/* ---- permutation by signs -------------------------------------------------------------------- */

/* The differences that are not 0 (the others have no sign to flip). */
struct flips {
    double *size; /* [n] */
    size_t n;
    double observed, slack; /* sums this much smaller count as equal: rounding */
};

static size_t count_all(const struct flips *f)
{
    size_t n_extreme = 0, n_all = (size_t)1 << f->n;
    for (size_t signs = 0; signs < n_all; signs++) {
        double sum = 0;
        for (size_t i = 0; i < f->n; i++)
            sum += signs >> i & 1 ? -f->size[i] : f->size[i];
        n_extreme += fabs(sum) >= f->observed - f->slack;
    }
    return n_extreme;
}

static size_t count_drawn(const struct flips *f, struct sc_draws draws)
{
    size_t n_extreme = 0;
    for (size_t r = 0; r < draws.n; r++) {
        double sum = 0;
        uint64_t signs = 0;
        for (size_t i = 0; i < f->n; i++) {
            if (i % SIGNS_OF_A_DRAW == 0)
                signs = sc_random_bits(SC_STREAM_STATISTICS, draws.seed, SIGNS_KEY, (uint32_t)r,
                                       (uint32_t)(i / SIGNS_OF_A_DRAW));
            sum += signs & 1 ? -f->size[i] : f->size[i];
            signs >>= 1;
        }
        n_extreme += fabs(sum) >= f->observed - f->slack;
    }
    return n_extreme;
}

double sc_sign_flip_test(const double *differences, size_t n, struct sc_draws draws, bool *exact,
                         struct sc_error *error)
{
    if (exact != NULL)
        *exact = false;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(differences[i]))
            return NAN;
    if (n == 0)
        return NAN;
    struct flips f = {.size = sc_alloc_array(n, sizeof *f.size)};
    if (f.size == NULL) {
        sc_fail_nomem(error, "permutation test");
        return NAN;
    }
    struct sc_sum sum = {0};
    for (size_t i = 0; i < n; i++) {
        if (fabs(differences[i]) <= 0)
            continue;
        f.size[f.n++] = differences[i];
        f.slack += 1e-12 * fabs(differences[i]);
        sc_sum_add(&sum, differences[i]);
    }
    f.observed = fabs(sc_sum_value(&sum));
    bool all = f.n <= SC_MOST_EXACT_FLIPS;
    double p = all ? (double)count_all(&f) / (double)((size_t)1 << f.n)
                   : (1 + (double)count_drawn(&f, draws)) / (1 + (double)draws.n);
    if (exact != NULL)
        *exact = all;
    sc_free(f.size);
    return p;
}
