/* See sampling.h. */
#include "engine/sampling.h"

#include <math.h>

const char *sc_sampling_refused(const struct sc_sampling *s)
{
    if (!(s->temperature >= 0) || !isfinite(s->temperature))
        return "temperature: expected a finite number >= 0";
    if (s->repetition_penalty != 0 &&
        !(s->repetition_penalty >= SC_LEAST_PENALTY && s->repetition_penalty <= SC_MOST_PENALTY))
        return "repetition_penalty: expected a number from 0.01 to 100";
    if (s->temperature == 0)
        return NULL;
    if (!(s->top_p > 0 && s->top_p <= 1))
        return "top_p: expected a number in (0, 1]";
    if (!(s->min_p >= 0 && s->min_p < 1))
        return "min_p: expected a number in [0, 1)";
    if (s->top_k < 0)
        return "top_k: expected 0 or more";
    return NULL;
}
