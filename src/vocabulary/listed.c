/* Figures of a whole trace from the likeliest tokens of each of its places (likeliest.h). */
#include <math.h>
#include <safeconf/vocabulary.h>

#include "vocabulary/likeliest.h"

enum { MOST_LIKELIEST = 1024 };

static void put(float *array, size_t i, float value)
{
    if (array != NULL)
        array[i] = value;
}

static void measure_place(const struct sc_listed_logprobs *listed, size_t place,
                          const struct sc_listed_figures *out)
{
    const float *logprobs = listed->logprobs + place * listed->n_listed;
    float largest[MOST_LIKELIEST];
    size_t n = 0;
    for (size_t i = 0; listed->k > 0 && listed->k <= MOST_LIKELIEST && i < listed->n_listed; i++)
        if (isfinite(logprobs[i]))
            n = sc_likeliest_put(largest, n, listed->k, logprobs[i]);
    bool known = n > 0 && n == listed->k;
    struct sc_entropy_bounds bounds = {NAN, NAN};
    if (known)
        bounds = sc_likeliest_entropy(largest, n, listed->n_vocab);
    put(out->confidence, place, known ? sc_likeliest_confidence(largest, n) : NAN);
    put(out->entropy_low, place, bounds.low);
    put(out->entropy_high, place, bounds.high);
}

void sc_listed_measure(const struct sc_listed_logprobs *listed, const struct sc_listed_figures *out)
{
    if (listed == NULL || out == NULL || listed->logprobs == NULL)
        return;
    for (size_t i = 0; i < listed->n_tokens; i++)
        measure_place(listed, i, out);
}
