/*
 * Two or more runs side by side: diff.json, diff.html and the tables of a terminal, all from one
 * document (analysis/diff/diff.h).  sc_diff_write and sc_diff_json are public
 * (safeconf/analysis.h).
 */
#ifndef SC_REPORT_DIFF_H
#define SC_REPORT_DIFF_H

#include "analysis/document/document.h"
#include "base/text.h"

/* What is written, and what else is asked for. */
struct sc_diff_wish {
    const char *out;          /* folder of the files, which is made; "." is the current one */
    bool by_id;               /* prompts of one id are the same, whatever their text */
    struct sc_text *terminal; /* gets the tables; or NULL */
    size_t width;             /* of them */
    bool colour;
    struct sc_text *json; /* gets diff.json; or NULL */
};
enum sc_status sc_report_diff(const char *const *folders, size_t n, const struct sc_diff_wish *wish,
                              struct sc_error *error);

/* The document of a comparison as tables for a terminal; as a page. */
enum sc_status sc_render_diff_terminal(const struct sc_document *document, size_t width,
                                       bool colour, struct sc_text *out, struct sc_error *error);
enum sc_status sc_render_diff_html(const struct sc_document *document, struct sc_text *out,
                                   struct sc_error *error);

/* Categories by how clearly they changed (p of the permutation, then the size of the change, then
 * their own order): the one after `after`, or the first for NULL; NULL at the end. */
const struct sc_node *sc_diff_next_category(const struct sc_node *categories,
                                            const struct sc_node *after);

#endif
