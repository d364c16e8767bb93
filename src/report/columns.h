/* The columns of the tidy tables: their names, and what columns.csv says of them. */
#ifndef SC_REPORT_COLUMNS_H
#define SC_REPORT_COLUMNS_H

#include <safeconf/analysis.h>

/* In which runs a column is there. */
enum sc_column_when {
    SC_WHEN_ALL,
    SC_WHEN_ALWAYS_VALID, /* the primary policy looks at the verdicts while it samples */
    SC_WHEN_PREFILLED,    /* answers begin with a given text */
    SC_WHEN_BASIS         /* confidences do not look at all of the model's log-probabilities */
};

struct sc_column {
    const char *name;
    const char *type; /* text, integer, number */
    const char *unit; /* NULL: none */
    const char *meaning;
    enum sc_column_when when;
};

/* In order; the last one has no name. */
const struct sc_column *sc_columns_of(enum sc_results_table table);

#endif
