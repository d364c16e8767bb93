/* Templates of pages: HTML with @@NAME@@ places. */
#ifndef SC_REPORT_HTML_TEMPLATE_H
#define SC_REPORT_HTML_TEMPLATE_H

#include "base/text.h"

/* Appends what belongs to the place with a name of n bytes; nothing where it knows none. */
typedef void sc_html_filler(struct sc_text *out, const char *name, size_t n, const void *context);

/* The template, which ends with NUL, with its places filled.  It alone is searched for places,
 * never what was put into them. */
void sc_html_fill(struct sc_text *out, const char *template, sc_html_filler *fill,
                  const void *context);
/* The same of a page: the head that all pages have, then the template, which is its body. */
void sc_html_fill_page(struct sc_text *out, const char *template, sc_html_filler *fill,
                       const void *context);
/* What belongs to the head's place "script-source" in a page whose scripts carry the nonce; in one
 * that runs none the place stays empty. */
void sc_html_script_source(struct sc_text *out, const char *nonce);
bool sc_html_is_mark(const char *wanted, const char *name, size_t n);

#endif
