/* Figures of a run by their path through its analysis.json. */
#ifndef SC_SUITE_FIGURES_H
#define SC_SUITE_FIGURES_H

#include "base/json.h"

struct sc_suite_figure {
    const json_t *value; /* NULL: there is no such field */
    const char *reason;  /* why there is no number, where the analysis says so; or NULL */
    bool proxy;          /* the path leads through labels that stand in for harm */
};

/* The figure at a path: names with dots between, one with other letters in quotes; elements of
 * lists by their index from 0 or their "name".  Where the analysis has NAME_proxy for NAME, that is
 * found too, and two short names stand for long ones: hypothesis_test.difference and
 * hypothesis_test.p. */
struct sc_suite_figure sc_suite_figure_find(const json_t *analysis, const char *path);
/* Its number, the value of an estimate; NaN: none. */
double sc_suite_figure_number(const struct sc_suite_figure *figure);
/* One end of an estimate, "low" or "high"; NaN: none. */
double sc_suite_figure_end(const struct sc_suite_figure *figure, const char *end);

#endif
