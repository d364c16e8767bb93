/* Man pages in the macros of man(7). */
#ifndef SC_CLI_MANUAL_H
#define SC_CLI_MANUAL_H

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* The page of one command. */
void cli_manual_command(struct sc_text *out, const struct cli_command *command,
                        const struct cli_options *options, const char *date);
/* The page of the program: its commands, files and variables of the environment. */
void cli_manual_program(struct sc_text *out, const struct cli_command *commands, const char *date);

#endif
