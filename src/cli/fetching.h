/* What is said while files are fetched, and asking whether they are to be. */
#ifndef SC_CLI_FETCHING_H
#define SC_CLI_FETCHING_H

#include "hub/hub.h"

struct cli_fetching {
    bool quiet;
    bool terminal;      /* set by cli_fetching_begin */
    size_t last_length; /* columns of the line that stands on the terminal */
    double began, next_line;
};

/* To be given as context of cli_fetching_step, a download's step: bytes, speed and time left, on a
 * terminal in one line, elsewhere now and then; false after an interruption. */
void cli_fetching_begin(struct cli_fetching *state, bool quiet);
bool cli_fetching_step(void *state, const struct sc_download_progress *progress);
/* Ends the rewritten line. */
void cli_fetching_end(struct cli_fetching *state);

/* Whether a person can be asked: standard input and error are terminals. */
bool cli_can_ask(void);
/* Asks on standard error; whether the answer begins with "y". */
bool cli_confirm(const char *question);

#endif
