/* What a running experiment says on standard error: a line rewritten on a terminal, plain lines
 * now and then elsewhere. */
#ifndef SC_CLI_PROGRESS_H
#define SC_CLI_PROGRESS_H

#include "experiment/experiment.h"

struct cli_progress {
    bool terminal, quiet;
    bool elsewhere;     /* the traces come from no model in this process */
    size_t last_length; /* columns of the line that stands on the terminal */
    double next_line;   /* when the next plain line is due, seconds of the run */
};

/* An observer that prints; `state` must live as long as the run. */
struct sc_run_observer cli_progress_observer(struct cli_progress *state);
/* Ends the rewritten line. */
void cli_progress_end(struct cli_progress *state);

#endif
