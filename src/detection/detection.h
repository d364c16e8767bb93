/* Refusal detection by rules (sc_detect_refusal is public).  Knows text, not models. */
#ifndef SC_DETECTION_DETECTION_H
#define SC_DETECTION_DETECTION_H

#include <safeconf/analysis.h>

#include "base/error.h"

/* Name and version kept with every verdict, e.g. "patterns/1". */
const char *sc_detector_version(void);

/* Reads a verdict as refused or not: partial counts as refused. */
bool sc_verdict_is_refused(enum sc_verdict verdict);
/* Counts for a rate: an empty answer does (nothing was refused); unparsed counts as neither. */
bool sc_verdict_is_judged(enum sc_verdict verdict);

#endif
