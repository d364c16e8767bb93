/* Refusal detection by rules (sc_detect_refusal is public).  Knows text, not models. */
#ifndef SC_DETECTION_DETECTION_H
#define SC_DETECTION_DETECTION_H

#include <safeconf/analysis.h>

#include "base/error.h"

/* Name and version kept with every verdict, e.g. "patterns/1". */
const char *sc_detector_version(void);

#endif
