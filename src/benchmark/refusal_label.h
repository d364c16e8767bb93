/* What people's labels of answers say about refusing: docs/DETECTION.md. */
#ifndef SC_BENCHMARK_REFUSAL_LABEL_H
#define SC_BENCHMARK_REFUSAL_LABEL_H

#include <safeconf/vocabulary.h>

/* 1 and true in a column called "complied" or "compliance" say that the model complied. */
bool sc_refusal_label_is_compliance(const char *column);
/* A word within a short label decides: "2_full_refusal", "partial", "complied"; yes and no alone
 * say whether it refused, or with yes_is_compliance whether it complied.  SC_REFUSAL, SC_PARTIAL or
 * SC_COMPLIANCE; -1: none. */
int sc_refusal_label_read(const char *label, bool yes_is_compliance);

#endif
