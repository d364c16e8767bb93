/*
 * confidence.c - the confidence metrics of one trace (docs/DEFINITIONS.md, "Confidence of a
 * trace").
 *
 * Owns window sums and the selection of the lowest windows.  It allocates nothing, so it cannot
 * fail: the caller has no error to look at.  Knows nothing of models; the per-token figures come
 * from inference.  Source of the window metrics: Fu et al., "Deep Think with Confidence", 2025.
 */
#include "confidence/confidence.h"

#include <math.h>
#include <string.h>

#include "vocabulary/vocabulary.h"

/* A sum kept in two doubles: low collects exactly what high rounds away (Knuth's two-sum), so a
 * running sum that adds and drops a token 32,000 times is as good as a fresh sum per window, and
 * depends on nothing but the values. */
struct sum {
    double high, low;
};

static void sum_add(struct sum *sum, double x)
{
    double high = sum->high + x;
    double part = high - sum->high;
    sum->low += (sum->high - (high - part)) + (x - part);
    sum->high = high;
}

static double sum_over(const struct sum *sum, size_t n)
{
    return (sum->high + sum->low) / (double)n;
}

/* A window that slides over the tokens, one at a time. */
struct windows {
    const float *confidence;
    size_t width, next; /* next: the token that enters with the next step */
    struct sum sum;
};

static size_t windows_count(size_t n, size_t window)
{
    return n == 0 ? 0 : n <= window ? 1 : n - window + 1;
}

static void windows_start(struct windows *w, const float *confidence, size_t n, size_t window)
{
    *w = (struct windows){.confidence = confidence, .width = n < window ? n : window};
    while (w->next + 1 < w->width)
        sum_add(&w->sum, (double)confidence[w->next++]);
}

/* Mean of the next window. */
static double windows_next(struct windows *w)
{
    sum_add(&w->sum, (double)w->confidence[w->next++]);
    double mean = sum_over(&w->sum, w->width);
    sum_add(&w->sum, -(double)w->confidence[w->next - w->width]);
    return mean;
}

/* Numbers in the order of the doubles that they stand for; and back. */
static uint64_t key_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double value_of(uint64_t key)
{
    uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The n_lowest-th lowest window mean (from 1), exactly: a radix selection that recomputes the means
 * eight times instead of storing them.  *n_equal: how many of the n_lowest equal it. */
static double select_lowest(const float *confidence, size_t n, size_t window, size_t n_lowest,
                            size_t *n_equal)
{
    size_t n_windows = windows_count(n, window), left = n_lowest;
    uint64_t prefix = 0, mask = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        size_t counts[256] = {0};
        struct windows w;
        windows_start(&w, confidence, n, window);
        for (size_t i = 0; i < n_windows; i++) {
            uint64_t key = key_of(windows_next(&w));
            if ((key & mask) == prefix)
                counts[key >> shift & 255]++;
        }
        size_t digit = 0;
        while (left > counts[digit])
            left -= counts[digit++];
        prefix |= (uint64_t)digit << shift;
        mask |= UINT64_C(255) << shift;
    }
    *n_equal = left;
    return value_of(prefix);
}

/* Mean of the max(1, n_windows / 10) lowest window means. */
static double bottom10(const float *confidence, size_t n, size_t window, double lowest)
{
    size_t n_windows = windows_count(n, window), n_lowest = n_windows / 10, n_equal;
    if (n_lowest <= 1)
        return lowest;
    double bound = select_lowest(confidence, n, window, n_lowest, &n_equal);
    struct windows w;
    struct sum sum = {0};
    windows_start(&w, confidence, n, window);
    for (size_t i = 0; i < n_windows; i++) {
        double mean = windows_next(&w);
        if (mean < bound)
            sum_add(&sum, mean);
    }
    for (size_t i = 0; i < n_equal; i++)
        sum_add(&sum, bound);
    return sum_over(&sum, n_lowest);
}

static double mean_of(const float *x, size_t n)
{
    struct sum sum = {0};
    for (size_t i = 0; i < n; i++)
        sum_add(&sum, (double)x[i]);
    return sum_over(&sum, n);
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

void sc_trace_metrics(const float *confidence, const float *logprob, size_t n, size_t window,
                      double *metrics)
{
    for (int i = 0; i < SC_N_METRICS; i++)
        metrics[i] = NAN;
    if (n == 0)
        return;
    if (window == 0)
        window = 1;
    if (all_finite(confidence, n)) {
        size_t width = n < window ? n : window;
        struct windows w;
        windows_start(&w, confidence, n, window);
        double lowest = windows_next(&w);
        for (size_t i = windows_count(n, window); i > 1; i--) {
            double mean = windows_next(&w);
            if (mean < lowest)
                lowest = mean;
        }
        metrics[SC_METRIC_MEAN] = mean_of(confidence, n);
        metrics[SC_METRIC_LOWEST] = lowest;
        metrics[SC_METRIC_BOTTOM10] = bottom10(confidence, n, window, lowest);
        metrics[SC_METRIC_TAIL] = mean_of(confidence + (n - width), width);
        metrics[SC_METRIC_HEAD] = mean_of(confidence, width);
    }
    if (all_finite(logprob, n)) {
        double mean = mean_of(logprob, n);
        /* The float log-probability of a certain token may round to just above 0. */
        metrics[SC_METRIC_PROB] = exp(mean < 0 ? mean : 0);
        metrics[SC_METRIC_NLL] = 0.0 - mean;
    }
}

double sc_metric_as_confidence(enum sc_metric metric, double value)
{
    return sc_metric_info(metric)->sign < 0 ? 0.0 - value : value;
}
