/* See still.h. */
#include "report/html/still.h"

#include <stdio.h>

#include "base/embedded.h"
#include "base/random.h"
#include "report/html/cells.h"
#include "report/html/template.h"

struct page {
    const struct sc_html_part *parts;
    const struct sc_node *root;
    char nonce[17];
};

static void fill(struct sc_text *out, const char *name, size_t n, const void *context)
{
    const struct page *page = context;
    for (const struct sc_html_part *part = page->parts; part->name != NULL; part++)
        if (sc_html_is_mark(part->name, name, n))
            part->put(out, page->root);
    if (sc_html_is_mark("nonce", name, n))
        sc_text_puts(out, page->nonce);
    if (sc_html_is_mark("style", name, n))
        sc_text_add(out, (const char *)sc_embedded_page_css, sc_embedded_page_css_size);
    if (sc_html_is_mark("tree-script", name, n))
        sc_text_add(out, (const char *)sc_embedded_tree_js, sc_embedded_tree_js_size);
}

static bool make_nonce(struct page *page)
{
    struct sc_text scratch = {0};
    for (const struct sc_html_part *part = page->parts; part->name != NULL; part++)
        if (part->foreign)
            part->put(&scratch, page->root);
    bool made = !scratch.failed;
    if (made)
        snprintf(page->nonce, sizeof page->nonce, "%016llx",
                 (unsigned long long)sc_hash64(scratch.data, scratch.len));
    sc_text_free(&scratch);
    return made;
}

enum sc_status sc_html_page(const char *name, const char *template,
                            const struct sc_html_part *parts, const struct sc_node *root,
                            struct sc_text *out, struct sc_error *error)
{
    struct page page = {.parts = parts, .root = root};
    if (!make_nonce(&page))
        return sc_fail_nomem(error, name);
    sc_html_fill(out, template, fill, &page);
    return out->failed ? sc_fail_nomem(error, name) : SC_OK;
}

enum sc_status sc_html_still_page(const char *name, const char *template,
                                  const struct sc_html_part *parts, const struct sc_node *root,
                                  struct sc_text *out, struct sc_error *error)
{
    struct sc_text whole = {0};
    sc_text_puts(&whole, (const char *)sc_embedded_head_html);
    sc_text_puts(&whole, template);
    enum sc_status status = whole.failed ? sc_fail_nomem(error, name)
                                         : sc_html_page(name, whole.data, parts, root, out, error);
    sc_text_free(&whole);
    return status;
}

void sc_html_paragraph(struct sc_text *out, const char *class, const char *untrusted)
{
    sc_text_printf(out, "<p class=\"%s\">", class);
    sc_html_text(out, untrusted);
    sc_text_puts(out, "</p>\n");
}

void sc_html_open_table(struct sc_text *out, const char *caption, const char *first,
                        const char *more, const struct sc_html_column *columns)
{
    sc_text_printf(out,
                   "<div class=\"scroll\"><table><caption>%s</caption><thead><tr>"
                   "<th scope=\"col\">%s</th>%s",
                   caption, first, more);
    sc_html_heads(out, columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
}

void sc_html_close_table(struct sc_text *out)
{
    sc_text_puts(out, "</tbody></table></div>\n");
}
