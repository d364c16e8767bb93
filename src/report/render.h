/* The presentations of an analysis that is there already, for the files of this room. */
#ifndef SC_REPORT_RENDER_H
#define SC_REPORT_RENDER_H

#include "analysis/analysis.h"
#include "base/text.h"

/* analysis.json; tables for a terminal; the page. */
enum sc_status sc_render_json(const struct sc_analysis *analysis, struct sc_text *out,
                              struct sc_error *error);
enum sc_status sc_render_terminal(const struct sc_analysis *analysis, size_t width, bool colour,
                                  struct sc_text *out, struct sc_error *error);
enum sc_status sc_render_html(const struct sc_analysis *analysis, struct sc_text *out,
                              struct sc_error *error);

#endif
