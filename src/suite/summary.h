/*
 * What came of a suite: summary.json and summary.html in its folder and a table for a terminal, all
 * from one document.  A row per run, its figures from the run's own analysis.json; conditions and
 * what was left out, with the reason.  Text of files enters the page through sc_html_text alone.
 */
#ifndef SC_SUITE_SUMMARY_H
#define SC_SUITE_SUMMARY_H

#include "suite/suite.h"

enum sc_outcome {
    SC_OUTCOME_OPEN, /* not begun */
    SC_OUTCOME_FINISHED,
    SC_OUTCOME_SOME_FAILED, /* finished; some traces or judgements failed */
    SC_OUTCOME_UNFINISHED,  /* begun, and resumable */
    SC_OUTCOME_FAILED,
    SC_OUTCOME_SKIPPED, /* its phase's condition does not hold */
    SC_N_OUTCOMES
};
const char *sc_outcome_name(enum sc_outcome outcome); /* "finished" ... */

struct sc_suite_result {
    enum sc_outcome outcome;
    bool earlier; /* finished before this start */
    char *why;    /* owned; NULL: nothing to say */
};

/* Of a phase's condition. */
struct sc_suite_decision {
    bool made; /* there is a condition, and it was looked at */
    struct sc_condition_result result;
};

struct sc_suite_summary {
    const struct sc_suite *suite;
    const char *out;                           /* the folder of the suite */
    const struct sc_suite_result *results;     /* [n_runs] */
    const struct sc_suite_decision *decisions; /* [n_phases] */
    /* for the terminal's table */
    size_t width;
    bool colour;
};

/* Whether figures of the run can be shown and compared. */
bool sc_outcome_has_figures(enum sc_outcome outcome);

/* Writes both files and appends the table.  A run whose analysis.json cannot be read has no figures
 * and says why; when all is written, the first of these is the error. */
enum sc_status sc_suite_summary_write(const struct sc_suite_summary *summary,
                                      struct sc_text *terminal, struct sc_error *error);

#endif
