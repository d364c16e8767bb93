/* See sampling_options.h. */
#include "cli/sampling_options.h"

void cli_add_sampling(struct cli_options *options, struct sc_sampling *sampling)
{
    cli_add_real(options, "temperature", &sampling->temperature, 0, 100,
                 "0 is greedy (the model's own)");
    cli_add_real(options, "top-p", &sampling->top_p, 1e-9, 1, "(the model's own)");
    cli_add_int32(options, "top-k", &sampling->top_k, 0, INT32_MAX, "(the model's own; 0: off)");
    cli_add_real(options, "min-p", &sampling->min_p, 0, 0.999999, "(the model's own; 0: off)");
    cli_add_real(options, "repetition-penalty", &sampling->repetition_penalty, 0.01, 100,
                 "(the model's own; 1: off)");
}

struct sc_sampling cli_resolve_sampling(const struct cli_options *options,
                                        const struct sc_sampling *own,
                                        const struct sc_sampling *given)
{
    struct sc_sampling all = *own;
    if (cli_given(options, "temperature"))
        all.temperature = given->temperature;
    if (cli_given(options, "top-p"))
        all.top_p = given->top_p;
    if (cli_given(options, "top-k"))
        all.top_k = given->top_k;
    if (cli_given(options, "min-p"))
        all.min_p = given->min_p;
    if (cli_given(options, "repetition-penalty"))
        all.repetition_penalty = given->repetition_penalty;
    return all;
}
