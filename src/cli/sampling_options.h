/* How tokens are drawn, as the commands that sample without a run are told it. */
#ifndef SC_CLI_SAMPLING_OPTIONS_H
#define SC_CLI_SAMPLING_OPTIONS_H

#include <safeconf/vocabulary.h>

#include "cli/cli.h"

/* Adds --temperature, --top-p, --top-k, --min-p and --repetition-penalty; what is not given is left
 * open (vocabulary/sampling.h). */
void cli_add_sampling(struct cli_options *options, struct sc_sampling *sampling);

#endif
