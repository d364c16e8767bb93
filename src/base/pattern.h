/*
 * Regular expressions that a user gives (PCRE2).  A match runs with a limit on its work, so a bad
 * expression is slow but ends, in time that grows with the text and no faster; a match that runs
 * into the limit counts as none.
 */
#ifndef SC_BASE_PATTERN_H
#define SC_BASE_PATTERN_H

#include "base/error.h"

struct sc_pattern; /* one thread at a time */

/* Compiles an expression for UTF-8 text that may hold invalid bytes.  The message of an
 * error says where in the expression and why. */
enum sc_status sc_pattern_new(struct sc_pattern **out, const char *expression, bool ignore_case,
                              struct sc_error *error);
void sc_pattern_free(struct sc_pattern *pattern); /* NULL is fine */
/* Capture groups, the whole match not counted. */
size_t sc_pattern_n_groups(const struct sc_pattern *pattern);
/* Finds the first match in n bytes; false: there is none, or its group is not set.  *begin and *end
 * are the bytes of that group (0: the whole match). */
bool sc_pattern_find(struct sc_pattern *pattern, const char *text, size_t n, size_t group,
                     size_t *begin, size_t *end);
/* Whether memory ran out while a match was looked for, ever since: what was not found then may be
 * there.  Whoever keeps what follows from a match asks this first.  NULL: false. */
bool sc_pattern_ran_out(const struct sc_pattern *pattern);

#endif
