/* Pages of a document's parts in the places of a template; still ones run no script. */
#ifndef SC_REPORT_HTML_STILL_H
#define SC_REPORT_HTML_STILL_H

#include "analysis/document/document.h"
#include "base/text.h"

/* A list of parts ends with one that has no name. */
struct sc_html_part {
    const char *name; /* of its place */
    void (*put)(struct sc_text *out, const struct sc_node *root);
    bool foreign; /* it holds texts of others: the nonce is a hash of all such parts, which none of
                   * those texts can foresee */
};

/* template: what comes behind the head.  name: of the file, for messages.  Places "nonce", "style"
 * and "tree-script" (tree.h) are filled in any page. */
enum sc_status sc_html_still_page(const char *name, const char *template,
                                  const struct sc_html_part *parts, const struct sc_node *root,
                                  struct sc_text *out, struct sc_error *error);

/* The same of a page that may run scripts, those with its nonce. */
enum sc_status sc_html_page(const char *name, const char *template,
                            const struct sc_html_part *parts, const struct sc_node *root,
                            struct sc_text *out, struct sc_error *error);

/* A paragraph of a class, escaped. */
void sc_html_paragraph(struct sc_text *out, const char *class, const char *untrusted);

struct sc_html_column;
/* A table up to its rows: a head of the first column, more heads as HTML, those of the columns; and
 * its end. */
void sc_html_open_table(struct sc_text *out, const char *caption, const char *first,
                        const char *more, const struct sc_html_column *columns);
void sc_html_close_table(struct sc_text *out);

#endif
