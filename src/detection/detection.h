/* Refusal detection: what the public header (sc_detect_with, sc_user_rules_read) and the files of
 * this room share.  Knows text, not models. */
#ifndef SC_DETECTION_DETECTION_H
#define SC_DETECTION_DETECTION_H

#include <safeconf/analysis.h>

#include "base/error.h"

/* How the names of the reader's verdicts begin, in place of a rule's. */
#define SC_READER_RULE "reader-"
/* In place of a rule's name: the output is reasoning to its end; and two voices differ. */
#define SC_UNREACHED_RULE "unreached"
#define SC_TWO_SPEAKERS_RULE "two-speakers"

/* SC_ERR_UNSUPPORTED where this program lacks what the kind needs. */
enum sc_status sc_detector_check(enum sc_detector_kind kind, struct sc_error *error);

/* A detector in use, and its name. */
struct sc_open_detector {
    struct sc_detector reads;
    char name[SC_DETECTOR_NAME_SIZE];
};
/* rules: a file of a user's own, or NULL. */
enum sc_status sc_detector_open(struct sc_open_detector *out, enum sc_detector_kind kind,
                                const char *rules, struct sc_error *error);
void sc_detector_close(struct sc_open_detector *detector); /* all zero is fine */

/* A verdict that follows without reading; the rule is static. */
struct sc_detection sc_detection_plain(enum sc_verdict verdict, const char *rule);

/* What decided, by the names that are kept: of the detector with its version, and of the rule. */
enum sc_detected_by sc_detected_by(const char *detector, const char *rule);
/* What a partial refusal is, by the name of the rule that found it. */
enum sc_partial_kind sc_partial_kind_of(const char *rule);
const char *sc_detected_by_name(enum sc_detected_by by);        /* "rules" ... */
const char *sc_partial_kind_name(enum sc_partial_kind partial); /* "refuses and helps" ... */

#endif
