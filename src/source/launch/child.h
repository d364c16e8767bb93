/*
 * Another program that ends when this process ends, however it ends: a keeper, forked from this
 * process, starts the program in a group of its own and holds one end of a pipe.  When the other
 * end is closed, by sc_child_end or because this process is gone (killed, crashed), the keeper asks
 * the program to end and then kills what is left of it: the keeper adopts its orphans, so workers
 * that moved to other groups are found too.  A program that ends by itself takes its workers along.
 * Private to this folder.
 */
#ifndef SC_SOURCE_LAUNCH_CHILD_H
#define SC_SOURCE_LAUNCH_CHILD_H

#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

struct sc_child {
    pid_t keeper, program; /* 0: none */
    int control;           /* this end of the pipe */
    bool ended;
    int status; /* when it ended: 0 to 127 its exit status, 128 + S when signal S ended it */
};

struct sc_child_program {
    char *const *words; /* the program and its arguments, NULL at their end; found on PATH */
    bool keys;          /* it has the keys of this environment (base/keys.h), else none of them */
};

/* What it prints is appended to the file `log`, which exists. */
enum sc_status sc_child_start(struct sc_child *child, const struct sc_child_program *start,
                              const char *log, struct sc_error *error);
/* Whether the program runs; fills ended and status when it no longer does. */
bool sc_child_runs(struct sc_child *child);
/* Ends it with all that it started, and waits for that: some seconds at most.  Zeros are fine. */
void sc_child_end(struct sc_child *child);

/* Seconds that a program has to end when it is asked to. */
#define SC_CHILD_GRACE 10

/* Whether a program of that name would be found: on PATH, or at a path. */
bool sc_program_exists(const char *name);

/* Runs a short program to its end and takes what it prints, at most 64 KiB; one that takes longer
 * than `seconds` is killed.  It gets no keys.  *status as above, 127: it could not be started. */
enum sc_status sc_child_read(char *const *words, double seconds, struct sc_text *out, int *status,
                             struct sc_error *error);

#endif
