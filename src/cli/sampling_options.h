/* How tokens are drawn, as the commands that sample without a run are told it. */
#ifndef SC_CLI_SAMPLING_OPTIONS_H
#define SC_CLI_SAMPLING_OPTIONS_H

#include <safeconf/vocabulary.h>

#include "cli/cli.h"

/* Adds --temperature, --top-p, --top-k, --min-p and --repetition-penalty. */
void cli_add_sampling(struct cli_options *options, struct sc_sampling *sampling);
/* What was given, and the model's own where the options leave it open. */
struct sc_sampling cli_resolve_sampling(const struct cli_options *options,
                                        const struct sc_sampling *own,
                                        const struct sc_sampling *given);

#endif
