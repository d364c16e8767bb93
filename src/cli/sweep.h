/* One command at several temperatures: a folder for each below the folder of the results. */
#ifndef SC_CLI_SWEEP_H
#define SC_CLI_SWEEP_H

#include "cli/cli.h"

struct cli_sweep {
    const char *command, *out;
    const struct cli_reals *temperatures; /* two or more */
    /* Runs one of them in the folder; an exit status. */
    int (*run)(void *context, double temperature, const char *folder);
    void *context;
    bool quiet;
};

/* Runs each in "OUT/temperature-X", then compares them in pairs: diff.json and diff.html in the
 * folder of the results, tables on standard output.  Ends with the first run that does not come to
 * its end; the same command goes on from there. */
int cli_sweep(const struct cli_sweep *sweep);

#endif
