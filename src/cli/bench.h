/* The two halves of the bench command. */
#ifndef SC_CLI_BENCH_H
#define SC_CLI_BENCH_H

#include "cli/asked.h"

struct bench_experiment {
    size_t n_instances, n_traces, new_tokens;
    size_t parallel; /* 0: chosen */
    bool json, no_sharing;
    struct cli_template template;
};

/* A whole run with all its parts; appends what it took to out. */
enum sc_status cli_bench_experiment(const struct cli_model_options *model,
                                    const struct bench_experiment *wanted, struct sc_text *out,
                                    struct sc_error *error);

#endif
