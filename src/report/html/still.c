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
    bool runs_scripts;
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
    if (sc_html_is_mark("script-source", name, n) && page->runs_scripts)
        sc_html_script_source(out, page->nonce);
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

static enum sc_status put_page(const char *name, const char *template, struct page *page,
                               struct sc_text *out, struct sc_error *error)
{
    if (!make_nonce(page))
        return sc_fail_nomem(error, name);
    sc_html_fill_page(out, template, fill, page);
    return out->failed ? sc_fail_nomem(error, name) : SC_OK;
}

enum sc_status sc_html_page(const char *name, const char *template,
                            const struct sc_html_part *parts, const struct sc_node *root,
                            struct sc_text *out, struct sc_error *error)
{
    struct page page = {.parts = parts, .root = root, .runs_scripts = true};
    return put_page(name, template, &page, out, error);
}

enum sc_status sc_html_still_page(const char *name, const char *template,
                                  const struct sc_html_part *parts, const struct sc_node *root,
                                  struct sc_text *out, struct sc_error *error)
{
    struct page page = {.parts = parts, .root = root};
    return put_page(name, template, &page, out, error);
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
