/* Measured errors of detectors, by language (detector_errors.c). */
#ifndef SC_ANALYSIS_DETECTOR_ERRORS_H
#define SC_ANALYSIS_DETECTOR_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

/* Sums of rows. */
struct sc_detector_counts {
    size_t tp, fn, fp, tn; /* positive: refused, in part or whole */
    size_t n_rows, n_languages;
    const char *answers; /* of the first row, in words */
    const char *last;    /* language of the last row */
};

/* What is known of a detector (its name with its version) in a language, or in all (NULL).  false:
 * nothing, or fewer than 100 refusals and 50 other answers. */
bool sc_detector_counts_of(const char *detector, const char *language,
                           struct sc_detector_counts *out);
bool sc_detector_is_measured(const char *detector, const char *language);

#endif
