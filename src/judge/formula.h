/*
 * Arithmetic that a configuration gives: numbers, names, + - * /, signs and parentheses.  Nothing
 * else: it can neither loop nor call.
 */
#ifndef SC_JUDGE_FORMULA_H
#define SC_JUDGE_FORMULA_H

#include "base/error.h"

struct sc_formula;

/* names [n_names]: what may stand in it; all of them must. */
enum sc_status sc_formula_parse(struct sc_formula **out, const char *text, const char *const *names,
                                size_t n_names, struct sc_error *error);
void sc_formula_free(struct sc_formula *formula); /* NULL is fine */
/* Its value where the names have these values; NaN where that is not a finite number. */
double sc_formula_value(const struct sc_formula *formula, const double *values);

#endif
