/*
 * Scripts with which shells complete the program's words: text that is complete in itself, so that
 * nothing is run while somebody types.
 */
#ifndef SC_CLI_COMPLETION_H
#define SC_CLI_COMPLETION_H

#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* How a shell's script is made: begin, then each command's options, then end. */
struct cli_completion {
    const char *folder, *file; /* below the folder of documents */
    void (*begin)(struct sc_text *out, const struct cli_command *commands);
    void (*command)(struct sc_text *out, const struct cli_options *options);
    void (*end)(struct sc_text *out);
};
extern const struct cli_completion cli_completion_bash, cli_completion_zsh, cli_completion_fish;

#endif
