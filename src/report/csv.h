/* Tidy tables for R, pandas and spreadsheets: instances.csv, traces.csv, estimates.csv. */
#ifndef SC_REPORT_CSV_H
#define SC_REPORT_CSV_H

#include "analysis/analysis.h"
#include "base/text.h"

/* One row per finished instance, as the primary policy saw it. */
void sc_csv_instances(struct sc_text *out, const struct sc_analysis *analysis);
/* One row per stored trace of these; `used` says whether the primary policy saw it. */
void sc_csv_traces(struct sc_text *out, const struct sc_analysis *analysis);
/* One row per figure of the document but those of its run: path, value, low, high, n, reason. */
void sc_csv_estimates(struct sc_text *out, const struct sc_document *document);

/* A field: quoted when it holds a comma, a quote, a line end or a blank at an end, quotes doubled
 * (RFC 4180).  A text that a spreadsheet would take for a formula (it begins with = + - @, their
 * full-width forms, a tab or a line end) gets an apostrophe before it. */
void sc_csv_text(struct sc_text *out, const char *untrusted);

#endif
