/* What pictures of a page show of single traces, counted here: a page of a million traces opens
 * without reading them. */
#ifndef SC_REPORT_HTML_PICTURES_H
#define SC_REPORT_HTML_PICTURES_H

#include "analysis/analysis.h"
#include "base/json_writer.h"

/* "histogram", "curves" and "confidences" into an open object. */
enum sc_status sc_html_put_pictures(struct sc_json_writer *out, const struct sc_analysis *analysis,
                                    struct sc_error *error);

#endif
