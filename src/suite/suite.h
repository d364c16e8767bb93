/*
 * A suite of runs, from a file in TOML (docs/SUITE.md): phases one after another, each with runs
 * that are spelt out, multiplied by a matrix, or both; and what must hold for a phase to begin.
 *
 * This room knows the form of the file and no option of a run by name: options are words and values
 * here, and who runs them says whether they are any.
 */
#ifndef SC_SUITE_SUITE_H
#define SC_SUITE_SUITE_H

#include "base/json.h"
#include "suite/condition.h"

enum { SC_SUITE_MOST_RUNS = 4096, SC_SUITE_MOST_PHASES = 256, SC_SUITE_LONGEST_NAME = 100 };

struct sc_suite_run {
    char *name;      /* unique in its phase; the name of a folder */
    char *place;     /* "PHASE/NAME" */
    json_t *options; /* object: names as on the command line without dashes -> text, number, truth
                      * value, or a list of those */
    size_t phase;
};

struct sc_suite_phase {
    const char *name;
    const char *when;               /* NULL: it always begins */
    struct sc_condition *condition; /* of when */
    size_t first, n_runs;           /* in runs */
};

struct sc_suite {
    json_t *file;                  /* as read; what is const char above lies in it */
    const char *name;              /* NULL: not given */
    const char *out;               /* relative to the file; NULL: not given */
    double hours;                  /* NaN: no budget */
    struct sc_suite_phase *phases; /* [n_phases] in order */
    struct sc_suite_run *runs;     /* [n_runs] in order */
    size_t n_phases, n_runs;
};

/* Reads and multiplies out.  Whatever does not fit the form is an error that names phase and key.
 * sc_suite_free in any case. */
enum sc_status sc_suite_read(const char *path, struct sc_suite *suite, struct sc_error *error);
/* The same of a text; what: its name in messages. */
enum sc_status sc_suite_parse(const char *text, size_t n, const char *what, struct sc_suite *suite,
                              struct sc_error *error);
void sc_suite_free(struct sc_suite *suite);

/* The position of a phase by its name, of a run by its name in the phase; SIZE_MAX: none. */
size_t sc_suite_phase_at(const struct sc_suite *suite, const char *name);
size_t sc_suite_run_at(const struct sc_suite *suite, size_t phase, const char *name);

#endif
