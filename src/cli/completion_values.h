/* What a shell can offer where a value is expected. */
#ifndef SC_CLI_COMPLETION_VALUES_H
#define SC_CLI_COMPLETION_VALUES_H

#include "base/text.h"
#include "cli/cli.h"

struct cli_values {
    struct sc_text words; /* separated by blanks; small letters, digits and -_.+ alone */
    bool files, folders;
};
void cli_values_free(struct cli_values *values);

/* Of an option, from what --help shows of its argument, and from its name where that says more. */
struct cli_values cli_values_of_option(const struct cli_option *option);
/* Of what stands without an option, from the synopsis. */
struct cli_values cli_values_of_positionals(const struct cli_options *options);
/* Whether there is anything to offer. */
bool cli_values_any(const struct cli_values *values);

#endif
