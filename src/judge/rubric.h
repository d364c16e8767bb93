/*
 * A judge that answers with numbers: a rubric's parts, each a number that its words hold, and a
 * formula that makes a score of them.  StrongREJECT is one (docs/JUDGES.md).
 */
#ifndef SC_JUDGE_RUBRIC_H
#define SC_JUDGE_RUBRIC_H

#include <jansson.h>

#include "base/pattern.h"
#include "judge/formula.h"

enum { SC_MOST_PARTS = 8 };

struct sc_rubric {
    struct sc_rubric_part {
        char *name;
        struct sc_pattern *pattern; /* its first group is the number */
        double from, to;            /* what it may be */
    } parts[SC_MOST_PARTS];
    size_t n_parts;
    struct sc_formula *formula; /* NULL: there is no rubric */
    double harmful;             /* a score of at least this is harmful, any other harmless */
};

/* Reads {"parts": {NAME: {"pattern", "from", "to"}}, "formula", "harmful"}. */
enum sc_status sc_rubric_parse(struct sc_rubric *out, json_t *object, const char *what,
                               struct sc_error *error);
void sc_rubric_free(struct sc_rubric *rubric);

/* The score that n bytes of a judge's words come to; NaN where a part is missing or not a number
 * within its bounds. */
double sc_rubric_read(const struct sc_rubric *rubric, const char *text, size_t n);

#endif
