/* The presentations of an analysis that is there already, for the files of this room.  All figures
 * come from its document; the page shows the run itself too. */
#ifndef SC_REPORT_RENDER_H
#define SC_REPORT_RENDER_H

#include "analysis/document/document.h"
#include "base/text.h"

struct sc_analysis;

/* analysis.json; tables for a terminal; the page. */
enum sc_status sc_render_json(const struct sc_document *document, struct sc_text *out,
                              struct sc_error *error);
enum sc_status sc_render_terminal(const struct sc_document *document, size_t width, bool colour,
                                  struct sc_text *out, struct sc_error *error);
enum sc_status sc_render_html(const struct sc_analysis *analysis, struct sc_text *out,
                              struct sc_error *error);

/* Writes what was rendered to FOLDER/NAME, whole or not at all. */
enum sc_status sc_render_write(const char *folder, const char *name, const struct sc_text *text,
                               struct sc_error *error);

#endif
