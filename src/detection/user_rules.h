/*
 * A user's own rules for the detector: regular expressions that are tried before the built-in
 * rules, and built-in rules that are not to be used.  docs/DETECTION.md gives the file's format.
 */
#ifndef SC_DETECTION_USER_RULES_H
#define SC_DETECTION_USER_RULES_H

#include <safeconf/analysis.h>

#include "base/error.h"

/* ---- for detect.c and detector.c
 * ---------------------------------------------------------------------------- */

/* Of what the file says: other rules have another key. */
uint64_t sc_user_rules_key(const struct sc_user_rules *rules);
bool sc_user_rules_disable(const struct sc_user_rules *rules, const char *name);
/* Whether one of the added rules decides; *out is then filled. */
bool sc_user_rules_decide(struct sc_user_rules *rules, const char *answer, size_t n,
                          struct sc_detection *out);

#endif
