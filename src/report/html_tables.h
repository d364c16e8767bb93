/* The page's tables and sentences, which are there without JavaScript. */
#ifndef SC_REPORT_HTML_TABLES_H
#define SC_REPORT_HTML_TABLES_H

#include "base/text.h"
#include "report/analysis.h"

typedef void sc_html_part(struct sc_text *out, const struct sc_analysis *analysis);

sc_html_part sc_html_title, sc_html_facts, sc_html_notes, sc_html_summary, sc_html_quadrants,
    sc_html_hypothesis, sc_html_deciles, sc_html_outcomes, sc_html_attacks, sc_html_policies,
    sc_html_categories, sc_html_confusion, sc_html_calibration, sc_html_proxy;

#endif
