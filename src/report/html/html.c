/*
 * report.html: one page that opens from disk and loads nothing.
 *
 * The template page.html holds @@NAME@@ places.  Text of models and benchmarks enters in two ways
 * only: escaped as HTML (cells.c), and as JSON inside a script element of type
 * application/json with every <, >, & and hidden character escaped, which page.js puts on the page
 * as text, never as markup.  Scripts run only with a nonce that is a hash of the page's own data,
 * which no text inside that data can foresee.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "base/embedded.h"
#include "base/random.h"
#include "report/html/data.h"
#include "report/html/parts.h"
#include "report/html/template.h"
#include "report/render.h"

/* ---- the template ---------------------------------------------------------------------------- */

struct page {
    const struct sc_analysis *analysis;
    struct sc_text data; /* escaped for a script element */
    char nonce[40];
};

static void fill(struct sc_text *out, const char *name, size_t n, const void *context)
{
    const struct page *page = context;
    static const struct {
        const char *name;
        sc_html_part *part;
    } parts[] = {{"title", sc_html_title},
                 {"facts", sc_html_facts},
                 {"notes", sc_html_notes},
                 {"opening", sc_html_opening},
                 {"summary", sc_html_summary},
                 {"quadrants", sc_html_quadrants},
                 {"hypothesis", sc_html_hypothesis},
                 {"deciles", sc_html_deciles},
                 {"outcomes", sc_html_outcomes},
                 {"attacks", sc_html_attacks},
                 {"policies", sc_html_policies},
                 {"categories", sc_html_categories},
                 {"confusion", sc_html_confusion},
                 {"calibration", sc_html_calibration},
                 {"segments", sc_html_segments},
                 {"refusal", sc_html_refusal},
                 {"decided", sc_html_decided},
                 {"forecast", sc_html_forecast},
                 {"repeats", sc_html_repeats},
                 {"detectors-link", sc_html_detectors_link},
                 {"proxy", sc_html_proxy}};
    const struct {
        const char *name, *bytes;
        size_t n;
    } pieces[] = {
        {"nonce", page->nonce, strlen(page->nonce)},
        {"data", page->data.data, page->data.len},
        {"style", (const char *)sc_embedded_page_css, sc_embedded_page_css_size},
        {"script", (const char *)sc_embedded_tree_js, sc_embedded_tree_js_size},
        {"script", (const char *)sc_embedded_page_js, sc_embedded_page_js_size},
        {"chart", (const char *)sc_embedded_chart_js, sc_embedded_chart_js_size},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sc_html_is_mark(parts[i].name, name, n))
            parts[i].part(out, page->analysis->document.root);
    if (sc_html_is_mark("script-source", name, n))
        sc_html_script_source(out, page->nonce);
    if (sc_html_is_mark("frontier", name, n))
        sc_html_frontier(out, page->analysis);
    if (sc_html_is_mark("detectors", name, n))
        sc_html_detectors(out, page->analysis);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (sc_html_is_mark(pieces[i].name, name, n))
            sc_text_add(out, pieces[i].bytes, pieces[i].n);
}

enum sc_status sc_render_html(const struct sc_analysis *analysis, struct sc_text *out,
                              struct sc_error *error)
{
    struct page page = {.analysis = analysis};
    struct sc_text json = {0};
    enum sc_status status = sc_html_put_data(&json, analysis, error);
    if (status != SC_OK) {
        sc_text_free(&json);
        return status;
    }
    if (!json.failed)
        sc_text_add_script_json(&page.data, json.data, json.len);
    bool failed = json.failed || page.data.failed;
    sc_text_free(&json);
    if (!failed) {
        uint64_t first = sc_hash64(page.data.data, page.data.len);
        snprintf(page.nonce, sizeof page.nonce, "%016llx", (unsigned long long)first);
        sc_html_fill_page(out, (const char *)sc_embedded_page_html, fill, &page);
        failed = out->failed;
    }
    sc_text_free(&page.data);
    return failed ? sc_fail_nomem(error, "page") : SC_OK;
}
