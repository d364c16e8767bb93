/*
 * A run on several GPUs of this machine: for each card a process of its own, this program with a
 * shard of the prompts (run --shard) in a folder below the run's, and in the end the shards made
 * one run (docs/GPU.md).
 */
#ifndef SC_CLI_CARDS_H
#define SC_CLI_CARDS_H

#include <safeconf/experiment.h>

#include "cli/cli.h"

/* How many cards a run takes that asks for so many (0: --gpus is not given; CLI_ALL_GPUS).  More
 * than one only where the device names none of them and they are of one kind; all of none is 1, and
 * what the device then says holds. */
enum sc_status cli_cards_count(int32_t asked, const char *device, size_t *n,
                               struct sc_error *error);

struct cli_cards {
    size_t n;            /* 2 or more */
    const char *command; /* "run" or "compare" */
    char *const *words;  /* [n_words] of the command line behind the command */
    size_t n_words;
    const struct cli_options *given; /* which read them */
    const struct sc_run_options *run;
    bool is_sweep; /* run->temperature is one of several */
    bool quiet;
};

/* Whether the folder holds shards of cards that are not yet made one run. */
enum sc_status cli_cards_left(const char *folder, bool *left, struct sc_error *error);

/* Runs them, or goes on with them.  CLI_DONE: the whole run is in run->out as if one process had
 * sampled it, and the summary says what failed in it; else what to exit with, after a line. */
int cli_cards_run(const struct cli_cards *cards, struct sc_run_summary *summary);

#endif
