/* Refusal detection by rules: what the public header (sc_detect_refusal, sc_user_rules_read) and
 * the files of this room share.  Knows text, not models. */
#ifndef SC_DETECTION_DETECTION_H
#define SC_DETECTION_DETECTION_H

#include <safeconf/analysis.h>

#include "base/error.h"

#endif
