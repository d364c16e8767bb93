/* Refusal detection by rules (sc_detect_refusal is public).  Knows text, not models. */
#ifndef SC_DETECTION_DETECTION_H
#define SC_DETECTION_DETECTION_H

#include <safeconf/analysis.h>

#include "base/error.h"

/* Name and version kept with every verdict, e.g. "patterns/1". */
const char *sc_detector_version(void);

struct sc_user_rules;

/* As sc_detect_refusal, with a user's own rules (user_rules.h) before the built-in ones; rules
 * NULL: these alone.  The rule's name in *out lives as long as the rules, which serve one thread at
 * a time. */
void sc_detect_refusal_with(struct sc_user_rules *rules, const char *prompt, const char *answer,
                            struct sc_detection *out);

#endif
