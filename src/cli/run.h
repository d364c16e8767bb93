/* The options of `run`, for a command that writes its words. */
#ifndef SC_CLI_RUN_H
#define SC_CLI_RUN_H

#include "cli/cli.h"

/* The option of a name without dashes: its kind, and its argument as --help shows it.  False: there
 * is none. */
bool cli_run_option(const char *name, struct cli_option *option);

/* What can be said of a run before its model is opened. */
struct cli_run_facts {
    size_t n_prompts;   /* 0: not known, for `why` */
    size_t most_traces; /* of a prompt */
    bool several_temperatures;
    char why[600];
};

/* Reads words as `safeconf run` does and checks all that it would check before it opens anything.
 * -1 and the facts, or after a line "safeconf SPEAKER: ..." the exit status of what is wrong. */
int cli_run_examine(const char *speaker, int argc, char **argv, struct cli_run_facts *facts);

#endif
