/* What a running experiment says on standard error: a line rewritten on a terminal, plain lines
 * now and then elsewhere. */
#ifndef SC_CLI_PROGRESS_H
#define SC_CLI_PROGRESS_H

#include "experiment/experiment.h"

struct cli_progress {
    bool terminal, quiet;
    bool elsewhere;     /* the traces come from no model in this process */
    size_t last_length; /* columns of the line that stands on the terminal */
    double interval;    /* seconds between plain lines */
    double next_line;   /* when the next one is due, seconds of the run */
};

/* Of the environment: seconds between plain lines. */
#define CLI_PROGRESS_VARIABLE "SAFECONF_PROGRESS"

/* An observer that prints; `state` must live as long as the run. */
struct sc_run_observer cli_progress_observer(struct cli_progress *state);
/* Writes a line over the one that stands there, or on a line of its own where there is no terminal.
 */
void cli_progress_put(struct cli_progress *state, const char *line);
/* Whether a line is one of progress, of another process of ours, and what it says of prompts,
 * traces and tokens per second. */
bool cli_progress_read(const char *line, struct sc_run_progress *out);
/* Ends the rewritten line. */
void cli_progress_end(struct cli_progress *state);

#endif
