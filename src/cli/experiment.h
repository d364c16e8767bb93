/* A suite with what is known of its runs before and while they happen: for the files of the command
 * experiment. */
#ifndef SC_CLI_EXPERIMENT_H
#define SC_CLI_EXPERIMENT_H

#include "cli/run.h"
#include "cli/suite_words.h"
#include "suite/journal.h"
#include "suite/summary.h"

/* A run of the suite. */
struct cli_planned {
    struct cli_words words;
    struct cli_run_facts facts;
    char *folder;     /* of its results */
    char *kind;       /* what makes its traces as long as they are: model, tokens, judge */
    bool asked_for;   /* by --only, or because nothing was said */
    json_t *analysis; /* while a condition is looked at, or NULL */
};

struct cli_plan {
    const char *file; /* as it was given */
    struct sc_suite suite;
    char *folder;                        /* of the file */
    char *out;                           /* of the suite's results */
    struct cli_planned *runs;            /* [suite.n_runs] */
    struct sc_suite_result *results;     /* [suite.n_runs] */
    struct sc_suite_decision *decisions; /* [suite.n_phases] */
    struct sc_suite_journal journal;
    struct sc_error unread; /* why figures of a condition could not be had, while it is looked at */
    double deadline;        /* of sc_seconds; INFINITY: none */
    bool quiet;
};

/* Reads the file, makes the words of all runs and sees which have finished.  out: NULL: as the file
 * says; only: names of phases and runs.  CLI_DONE, or after a line what to exit with.
 * cli_plan_free in any case. */
int cli_plan_make(struct cli_plan *plan, const char *file, const char *out,
                  const struct cli_list *only);
void cli_plan_free(struct cli_plan *plan);

/* Says of a phase's condition what it comes to on the runs that have finished. */
enum sc_status cli_plan_decide(struct cli_plan *plan, size_t phase, struct sc_error *error);
/* Seconds that a run will take, as those like it took; NaN: not known. */
double cli_plan_seconds(const struct cli_plan *plan, size_t run);
/* Traces of a run at most; 0: not known. */
size_t cli_plan_traces(const struct cli_plan *plan, size_t run);

/* The plan as a table: every run with its state and its command. */
void cli_plan_put(struct cli_plan *plan, struct sc_text *text);

#endif
