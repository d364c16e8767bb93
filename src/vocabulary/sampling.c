/* See sampling.h. */
#include "vocabulary/sampling.h"

#include <math.h>

struct sc_sampling sc_sampling_open(void)
{
    return (struct sc_sampling){
        .temperature = NAN, .top_p = NAN, .min_p = NAN, .top_k = -1, .repetition_penalty = NAN};
}

enum sc_status sc_sampling_check(const struct sc_sampling *wish, struct sc_error *error)
{
    double t = wish->temperature, top_p = wish->top_p, min_p = wish->min_p;
    if (!isnan(t) && !(t >= 0 && isfinite(t)))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "temperature: expected a number of 0 or more, found %g", t);
    if (!isnan(top_p) && !(top_p > 0 && top_p <= 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "top-p: expected above 0 and at most 1, found %g",
                       top_p);
    if (!isnan(min_p) && !(min_p >= 0 && min_p < 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "min-p: expected 0 or more and below 1, found %g",
                       min_p);
    double penalty = wish->repetition_penalty;
    if (!isnan(penalty) && penalty != 0 && !(penalty >= 0.01 && penalty <= 100))
        return sc_fail(error, SC_ERR_ARGUMENT, "repetition-penalty: expected 0.01 to 100, found %g",
                       penalty);
    if (wish->top_k < -1)
        return sc_fail(error, SC_ERR_ARGUMENT, "top-k: expected 0 or more, found %d",
                       (int)wish->top_k);
    return SC_OK;
}

struct sc_sampling sc_sampling_settle(const struct sc_sampling *wish, const struct sc_sampling *own)
{
    struct sc_sampling all = *own;
    if (!isnan(wish->temperature))
        all.temperature = wish->temperature;
    if (!isnan(wish->top_p))
        all.top_p = wish->top_p;
    if (!isnan(wish->min_p))
        all.min_p = wish->min_p;
    if (!isnan(wish->repetition_penalty))
        all.repetition_penalty = wish->repetition_penalty;
    if (wish->top_k >= 0)
        all.top_k = wish->top_k;
    return all;
}
