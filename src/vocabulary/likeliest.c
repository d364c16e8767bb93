/* See likeliest.h. */
#include "vocabulary/likeliest.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t sc_likeliest_put(float *largest, size_t n, size_t most, float logprob)
{
    size_t at = n;
    while (at > 0 && largest[at - 1] < logprob)
        at--;
    if (at == most)
        return n;
    size_t kept = n < most ? n : most - 1;
    memmove(largest + at + 1, largest + at, (kept - at) * sizeof *largest);
    largest[at] = logprob;
    return kept + 1;
}

float sc_likeliest_confidence(const float *largest, size_t k)
{
    assert(k > 0);
    double sum = 0;
    for (size_t i = 0; i < k; i++)
        sum += (double)largest[i];
    return (float)(-sum / (double)k);
}

/* -p log p, 0 at 0. */
static double surprise(double p)
{
    return p > 0 ? -p * log(p) : 0;
}

struct sc_entropy_bounds sc_likeliest_entropy(const float *largest, size_t k, size_t n_vocab)
{
    assert(k > 0);
    double sum = 0, known = 0;
    for (size_t i = 0; i < k; i++) {
        sum += exp((double)largest[i]);
        known += surprise(exp((double)largest[i]));
    }
    /* Rounded numbers may add up to a little more than 1. */
    double rest = sum < 1 ? 1 - sum : 0, least = exp((double)largest[k - 1]);
    double n_full = least > 0 ? floor(rest / least) : 0;
    double low = known + n_full * surprise(least) + surprise(rest - n_full * least);
    double high = NAN;
    if (n_vocab > k)
        high = known + (rest > 0 ? rest * log((double)(n_vocab - k) / rest) : 0);
    else if (n_vocab > 0)
        high = known;
    return (struct sc_entropy_bounds){(float)low, (float)(high < low ? low : high)};
}
