/* The page's tables and sentences, which are there without JavaScript. */
#ifndef SC_REPORT_HTML_TABLES_H
#define SC_REPORT_HTML_TABLES_H

#include "analysis/analysis.h"
#include "base/text.h"

typedef void sc_html_part(struct sc_text *out, const struct sc_analysis *analysis);

sc_html_part sc_html_title, sc_html_facts, sc_html_notes, sc_html_summary, sc_html_quadrants,
    sc_html_hypothesis, sc_html_deciles, sc_html_outcomes, sc_html_attacks, sc_html_policies,
    sc_html_categories, sc_html_confusion, sc_html_calibration, sc_html_proxy;

/* html_risk.c */
sc_html_part sc_html_metrics, sc_html_odds, sc_html_segments, sc_html_refusal, sc_html_extrapolated,
    sc_html_repeats, sc_html_frontier;

/* html_detectors.c: a section of its own and the link to it, or nothing */
sc_html_part sc_html_detectors, sc_html_detectors_link;

/* Cells, for the files that write tables.  An estimate is scaled (100: percent) and shown with its
 * interval, or with why there is none. */
void sc_html_text(struct sc_text *out, const char *untrusted);
void sc_html_cell(struct sc_text *out, const struct sc_estimate *e, double scale, int digits,
                  const char *unit);
void sc_html_percent_cell(struct sc_text *out, const struct sc_estimate *e);
void sc_html_count_cell(struct sc_text *out, size_t n);
void sc_html_percent(struct sc_text *out, const struct sc_estimate *e); /* in running text */
/* A row: label (not escaped), percent, n. */
void sc_html_row(struct sc_text *out, const char *label, const struct sc_estimate *e);
const char *sc_html_harm_word(const struct sc_analysis *a); /* "harm" or "harm (proxy)" */

#endif
