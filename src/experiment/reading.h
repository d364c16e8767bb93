/*
 * An answer as it is read by rules and judges: what it was made to begin with (the prefill) and
 * what was sampled after it, together.
 */
#ifndef SC_EXPERIMENT_READING_H
#define SC_EXPERIMENT_READING_H

#include <safeconf/analysis.h>

#include "base/error.h"

/* The part of a prefill that belongs to the answer: what follows a reasoning that it begins with.
 * "" for NULL. */
const char *sc_prefill_answer(const char *prefill);

/* Both together; *whole: sc_free it. */
enum sc_status sc_answer_whole(const char *prefill, const char *answer, char **whole,
                               struct sc_error *error);

/* The verdict of a detector (NULL: the default) on both.  An answer with nothing sampled in it is
 * empty whatever it was to begin with.  The range is that in the sampled answer: the part of what
 * decided that lies there, begin == end when none does. */
enum sc_status sc_answer_detect(const struct sc_detector *detector, const char *prompt,
                                const char *prefill, const char *answer, struct sc_detection *out,
                                struct sc_error *error);

#endif
