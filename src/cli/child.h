/* The program itself as a child: a run of its own, whose lines are passed on with a name before
 * them, and which ends with us.  One is run to its end (cli_child_run), or several side by side. */
#ifndef SC_CLI_CHILD_H
#define SC_CLI_CHILD_H

#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

struct cli_child {
    char *const *words; /* [n_words] behind the program's name */
    size_t n_words;
    const char *name; /* stands before every line */
    bool quiet;       /* pass no lines on */
    double deadline;  /* of sc_seconds: then it is asked to stop, as Ctrl-C does; INFINITY: none */
    /* Gets each line, made visible, that it writes to standard error; true: it is not to be passed
     * on.  NULL: all are passed on. */
    bool (*take)(void *context, const char *line);
    void *context;
};

struct cli_child_result {
    int status;           /* exit status; 128 + signal where a signal ended it */
    bool out_of_time;     /* it was asked to stop at the deadline */
    double seconds;       /* that it took */
    char last_line[1000]; /* that it wrote to standard error and that was not taken */
};

/* Runs it to its end.  Its standard output goes nowhere, its standard input is empty.  An
 * interruption of ours is passed on once. */
enum sc_status cli_child_run(const struct cli_child *child, struct cli_child_result *result,
                             struct sc_error *error);

/* ---- several side by side -------------------------------------------------------------------- */

enum { CLI_MOST_CHILDREN = 64 };

struct cli_child_process {
    struct cli_child child; /* what it points at stays until the end */
    struct cli_child_result result;
    struct sc_text line; /* so far */
    pid_t pid;           /* 0: none, or it has ended */
    int output;          /* -1: none */
    bool asked;          /* to stop */
    double began;
};

enum sc_status cli_child_start(struct cli_child_process *process, const struct cli_child *child,
                               struct sc_error *error);
/* Waits a tenth of a second, or less where one of them writes something. */
void cli_child_wait(const struct cli_child_process *processes, size_t n);
/* Takes what it wrote, and passes an interruption on.  False: it has ended, and result says how. */
bool cli_child_step(struct cli_child_process *process);

#endif
