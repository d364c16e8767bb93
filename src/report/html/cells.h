/*
 * Cells and words of the page's tables.  Every name that comes from a file or a model goes through
 * sc_html_text; labels, reasons and finding texts are this program's own words.
 */
#ifndef SC_REPORT_HTML_CELLS_H
#define SC_REPORT_HTML_CELLS_H

#include "analysis/analysis.h"
#include "base/text.h"

/* Escaped; NULL is nothing. */
void sc_html_text(struct sc_text *out, const char *untrusted);
/* An estimate times `scale` (100: percent) with its interval, or with why there is none. */
void sc_html_cell(struct sc_text *out, const struct sc_estimate *e, double scale, int digits,
                  const char *unit);
void sc_html_percent_cell(struct sc_text *out, const struct sc_estimate *e);
void sc_html_count_cell(struct sc_text *out, size_t n);
void sc_html_p_cell(struct sc_text *out, double p);
void sc_html_percent(struct sc_text *out, const struct sc_estimate *e); /* in running text */
/* A row: label (not escaped), percent, n. */
void sc_html_row(struct sc_text *out, const char *label, const struct sc_estimate *e);
const char *sc_html_harm_word(const struct sc_analysis *a); /* "harm" or "harm (proxy)" */

#endif
