/* The data of report.html: page.js reads it. */
#ifndef SC_REPORT_HTML_DATA_H
#define SC_REPORT_HTML_DATA_H

#include "analysis/analysis.h"
#include "base/text.h"

/* One JSON object, not yet escaped for a page. */
enum sc_status sc_html_put_data(struct sc_text *text, const struct sc_analysis *analysis,
                                struct sc_error *error);

#endif
