/* The program itself as a child: a run of its own, whose lines are passed on with a name before
 * them, and which ends with us. */
#ifndef SC_CLI_CHILD_H
#define SC_CLI_CHILD_H

#include "base/error.h"

struct cli_child {
    char *const *words; /* [n_words] behind the program's name */
    size_t n_words;
    const char *name; /* stands before every line */
    bool quiet;       /* pass no lines on */
    double deadline;  /* of sc_seconds: then it is asked to stop, as Ctrl-C does; INFINITY: none */
};

struct cli_child_result {
    int status;           /* exit status; 128 + signal where a signal ended it */
    bool out_of_time;     /* it was asked to stop at the deadline */
    double seconds;       /* that it took */
    char last_line[1000]; /* that it wrote to standard error */
};

/* Runs it to its end.  Its standard output goes nowhere, its standard input is empty.  An
 * interruption of ours is passed on once. */
enum sc_status cli_child_run(const struct cli_child *child, struct cli_child_result *result,
                             struct sc_error *error);

#endif
