/* See sampling_options.h. */
#include "cli/sampling_options.h"

#include "vocabulary/sampling.h"

void cli_add_sampling(struct cli_options *options, struct sc_sampling *sampling)
{
    *sampling = sc_sampling_open();
    cli_add_real(options, "temperature", &sampling->temperature, 0, 100,
                 "0 is greedy (the model's own)");
    cli_add_real(options, "top-p", &sampling->top_p, 1e-9, 1, "(the model's own)");
    cli_add_int32(options, "top-k", &sampling->top_k, 0, INT32_MAX, "(the model's own; 0: off)");
    cli_add_real(options, "min-p", &sampling->min_p, 0, 0.999999, "(the model's own; 0: off)");
    cli_add_real(options, "repetition-penalty", &sampling->repetition_penalty, 0.01, 100,
                 "(the model's own; 1: off)");
}
