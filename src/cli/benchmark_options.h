/* Which prompts, and what stands around them: options of the commands that go through a benchmark.
 */
#ifndef SC_CLI_BENCHMARK_OPTIONS_H
#define SC_CLI_BENCHMARK_OPTIONS_H

#include <safeconf/experiment.h>

#include "cli/cli.h"

/* What is still words when the options are read; cli_free_prompts in any case. */
struct cli_prompts {
    struct cli_labels labels;
    const char *system, *prefill, *prompt_template; /* TEXT|@FILE, or NULL */
    char *texts[3];                                 /* what they give; owned */
};

void cli_add_benchmark(struct cli_options *options, struct sc_benchmark_options *benchmark,
                       struct cli_prompts *prompts);
/* Once the options are parsed: reads what they name and hands it on; *benchmark borrows it. */
enum sc_status cli_take_benchmark(struct cli_prompts *prompts,
                                  struct sc_benchmark_options *benchmark, struct sc_error *error);
void cli_free_prompts(struct cli_prompts *prompts);

#endif
