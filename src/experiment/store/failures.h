/* Why traces failed, counted by reason, so that many of them are said in one line. */
#ifndef SC_EXPERIMENT_STORE_FAILURES_H
#define SC_EXPERIMENT_STORE_FAILURES_H

#include "base/error.h"
#include "base/text.h"

enum { SC_REASON_SIZE = 240 };

struct sc_failure {
    char reason[SC_REASON_SIZE]; /* visible text; what was found is left out where it differs */
    size_t n;                    /* traces */
};
struct sc_failures {
    struct sc_failure *items; /* [n], most frequent first after sc_failures_sort */
    size_t n, cap, n_traces;
};

/* Counts one more; reason NULL: none was given. */
enum sc_status sc_failures_add(struct sc_failures *failures, const char *reason,
                               struct sc_error *error);
/* Equal counts stay in the order in which the reasons came. */
void sc_failures_sort(struct sc_failures *failures);
/* "3 traces failed: REASON (2); REASON (1)": the first three reasons, and how many traces failed
 * for others.  Nothing where none failed. */
void sc_failures_say(const struct sc_failures *failures, struct sc_text *out);
void sc_failures_free(struct sc_failures *failures);

#endif
