/* Tidy tables for R, pandas and spreadsheets: instances.csv, traces.csv, estimates.csv, and
 * columns.csv, which says what their columns mean. */
#ifndef SC_REPORT_CSV_H
#define SC_REPORT_CSV_H

#include "analysis/analysis.h"
#include "base/text.h"

/* Instances: one row per finished instance, as the primary policy saw it.  Traces: one row per
 * stored trace of these; `used` says whether the primary policy saw it.  Estimates: one row per
 * figure of the document but those of its run.  Columns: what those of all tables mean.
 * exact: texts are as they were, and an empty one stands in quotes, a missing one does not; else
 * they cannot act as formulas (below). */
void sc_csv_table(struct sc_text *out, enum sc_results_table table,
                  const struct sc_analysis *analysis, bool exact);

/* A field: quoted when it holds a comma, a quote, a line end or a blank at an end, quotes doubled
 * (RFC 4180).  A text that a spreadsheet would take for a formula (it begins with = + - @, their
 * full-width forms, a tab or a line end) gets an apostrophe before it. */
void sc_csv_text(struct sc_text *out, const char *untrusted);

#endif
