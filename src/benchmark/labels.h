/*
 * What the cells of a label column say: unsafe, safe, or nothing that is understood.  The words,
 * numbers and names of columns are those of docs/BENCHMARKS.md, "Labels".  Private to this room.
 */
#ifndef SC_BENCHMARK_LABELS_H
#define SC_BENCHMARK_LABELS_H

#include <safeconf/experiment.h>

#include "base/text.h"

/* What "true", "yes" and 1 mean, which the name of the column says. */
enum label_sense { LABEL_TRUE_IS_UNSAFE, LABEL_TRUE_IS_SAFE, LABEL_TRUE_SAYS_NOTHING };

/* "is_safe", "harmless", "promptIsSafe": safe; "not_safe" and all others, such as "label": unsafe;
 * "safety" and "safe_or_unsafe" leave it open. */
enum label_sense sc_label_sense(const char *column);

/* The name in small letters and digits alone ("Is_Safe", "isSafe": "issafe") is one of the columns
 * that labels usually have. */
bool sc_label_column_known(const char *column);

/* SC_LABEL_UNKNOWN for NULL, blanks, and what is not understood.  Values that the options name come
 * before the usual words; compared without case and outer blanks. */
enum sc_label sc_label_read(const char *text, enum label_sense sense,
                            const struct sc_benchmark_options *options);
/* Whether two values are the same but for case and outer blanks. */
bool sc_label_equal(const char *a, const char *b);
/* NULL, blanks, and what programs write for a missing value: nan, null, n/a. */
bool sc_label_blank(const char *text);

/* ---- values that were found ------------------------------------------------------------------ */

#define LABEL_VALUES_KEPT 16

/* The first different values with the rows that have them.  Texts are borrowed. */
struct label_values {
    const char *texts[LABEL_VALUES_KEPT];
    size_t counts[LABEL_VALUES_KEPT];
    size_t n, n_beyond; /* n_beyond: rows with values past the first few */
};
void sc_label_values_add(struct label_values *values, const char *text);
/* Appends `"purple" (1), "x" (2) and 3 rows with others`, made visible, at most `most` values. */
void sc_label_values_describe(const struct label_values *values, size_t most, struct sc_text *out);

#endif
