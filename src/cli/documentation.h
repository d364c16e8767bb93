/*
 * Man pages and shell completions, made of the tables that --help shows.  The build calls
 *
 *   safeconf documentation DIR DATE
 *
 * which writes DIR/man/man1/safeconf.1 and safeconf-COMMAND.1, DIR/bash/safeconf, DIR/zsh/_safeconf
 * and DIR/fish/safeconf.fish.  DATE (YYYY-MM-DD) stands at the foot of the pages.
 */
#ifndef SC_CLI_DOCUMENTATION_H
#define SC_CLI_DOCUMENTATION_H

#include "cli/commands.h"

#define CLI_DOCUMENTATION "documentation"

/* commands: the table; argv[0] is the first word after the command. */
int cli_documentation(const struct cli_command *commands, int argc, char **argv);

#endif
