/*
 * The page's section on detectors, there only when a run was judged again (safeconf classify): how
 * far they agree, where they differ, and links to the traces (page.js, "links").  Names of
 * detectors come from run.db and are escaped.  Figures: analysis/detectors.c.
 */
#include "report/detectors.h"

#include <math.h>
#include <string.h>

#include "report/html/parts.h"

void sc_html_detectors_link(struct sc_text *out, const struct sc_analysis *a)
{
    if (a->run->judged_again)
        sc_text_puts(out, "<a href=\"#detectors\">Detectors</a>");
}

/* Percent-encoded, so that any id is one value in the fragment of an address. */
static void add_fragment(struct sc_text *out, const char *untrusted)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    for (const char *c = untrusted; *c; c++) {
        if (strchr(plain, *c) != NULL)
            sc_text_putc(out, *c);
        else
            sc_text_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

static const char *word(const struct sc_detector_pair *pair)
{
    return pair->harm ? "harm" : "refusal";
}

static void names_of(struct sc_text *out, const struct sc_detector_pair *pair)
{
    sc_html_text(out, pair->a->name);
    sc_text_puts(out, " against ");
    sc_html_text(out, pair->b->name);
}

static void share_cell(struct sc_text *out, double share)
{
    if (isfinite(share))
        sc_text_printf(out, "<td class=\"p\">%.1f %%</td>", 100 * share);
    else
        sc_text_puts(out, "<td>none</td>");
}

static void agreement_row(struct sc_text *out, const struct sc_detector_pair *pair)
{
    struct sc_estimate kappa = sc_detectors_kappa(&pair->binary);
    struct sc_estimate named = sc_detectors_kappa(&pair->named);
    sc_text_puts(out, "<tr><th scope=\"row\">");
    names_of(out, pair);
    sc_text_printf(out, "</th><td>%s</td>", word(pair));
    sc_html_cell(out, &kappa, 1, 3, "");
    share_cell(out, pair->binary.observed);
    sc_html_count_cell(out, pair->binary.n);
    sc_html_count_cell(out, pair->n_disagreements);
    sc_html_cell(out, &named, 1, 3, "");
    sc_text_puts(out, "</tr>\n");
}

static void confusion_table(struct sc_text *out, const struct sc_detector_pair *pair)
{
    const struct sc_agreement *named = &pair->named;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Traces by what each says. Rows: ");
    sc_html_text(out, pair->a->name);
    sc_text_puts(out, "; columns: ");
    sc_html_text(out, pair->b->name);
    sc_text_puts(out, "</caption><thead><tr><td></td>");
    for (size_t j = 0; j < named->n_categories; j++)
        sc_text_printf(out, "<th scope=\"col\">%s</th>", sc_detectors_rating(pair->harm, j));
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < named->n_categories; i++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", sc_detectors_rating(pair->harm, i));
        for (size_t j = 0; j < named->n_categories; j++)
            sc_text_printf(out, "<td%s>%zu</td>", i == j ? " class=\"same\"" : "",
                           named->table[i][j]);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void disagreement(struct sc_text *out, const struct sc_analysis *a,
                         const struct sc_detector_pair *pair, const struct sc_disagreement *d)
{
    const struct sc_run *run = a->run;
    size_t at = run->first_trace[d->instance] + d->trace;
    /* the list of prompts holds those that the primary policy has decided */
    bool listed = a->views[run->primary].instances[d->instance].decided;
    sc_text_puts(out, "<li>");
    if (listed) {
        sc_text_puts(out, "<a href=\"#prompt=");
        add_fragment(out, run->instances[d->instance].id);
        sc_text_printf(out, "&amp;trace=%zu\">", d->trace + 1);
    }
    sc_html_text(out, run->instances[d->instance].id);
    sc_text_printf(out, ", trace %zu%s: %s / %s</li>\n", d->trace + 1, listed ? "</a>" : "",
                   sc_detectors_said(pair, pair->a, at), sc_detectors_said(pair, pair->b, at));
}

static void pair_details(struct sc_text *out, const struct sc_analysis *a,
                         const struct sc_detector_pair *pair)
{
    size_t n = pair->n_disagreements;
    size_t n_shown = n < SC_MOST_DISAGREEMENTS ? n : SC_MOST_DISAGREEMENTS;
    sc_text_printf(out, "<details><summary>%s: ", pair->harm ? "Harm" : "Refusal");
    names_of(out, pair);
    sc_text_puts(out, "</summary>\n");
    confusion_table(out, pair);
    if (n == 0) {
        sc_text_puts(out, "<p>No disagreement.</p></details>\n");
        return;
    }
    sc_text_printf(out, "<p>%zu disagreement%s on %s", n, n == 1 ? "" : "s", word(pair));
    if (n_shown < n)
        sc_text_printf(out, ", the first %zu", n_shown);
    sc_text_puts(out, " (first / second):</p>\n<ul class=\"disagreements\">\n");
    for (size_t k = 0; k < n_shown; k++)
        disagreement(out, a, pair, &pair->disagreements[k]);
    sc_text_puts(out, "</ul></details>\n");
}

static void comparison_tables(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_detector_comparison *comparison = &a->comparison;
    if (comparison->n_pairs == 0) {
        sc_text_puts(out, "<p>No two of them have read the same thing, so there is nothing to "
                          "compare.</p>\n");
        return;
    }
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Agreement beyond chance (Cohen's "
                      "kappa, 1 is complete, 0 is chance), over traces that both have read; 95 % "
                      "intervals by jackknife over prompts. It says how alike two readings are, "
                      "not which of them is right.</caption><thead><tr><th scope=\"col\">first "
                      "against second</th><th scope=\"col\">of</th><th scope=\"col\">kappa, yes or "
                      "no</th><th scope=\"col\">agree</th><th scope=\"col\">traces</th><th "
                      "scope=\"col\">disagree</th><th scope=\"col\">kappa, all values</th></tr>"
                      "</thead><tbody>\n");
    for (size_t i = 0; i < comparison->n_pairs; i++)
        agreement_row(out, &comparison->pairs[i]);
    sc_text_puts(out, "</tbody></table></div>\n<p class=\"hint\">Yes or no: refused (a partial "
                      "refusal counts, unparsed is left out); harmful or controversial (unjudged "
                      "is left out).</p>\n");
    for (size_t i = 0; i < comparison->n_pairs; i++)
        pair_details(out, a, &comparison->pairs[i]);
}

void sc_html_detectors(struct sc_text *out, const struct sc_analysis *a)
{
    if (!a->run->judged_again)
        return;
    sc_text_puts(out, "<section id=\"detectors\">\n<h2>Agreement between detectors</h2>\n<p>The "
                      "answers were read again. Every other figure of this page rests on "
                      "<strong>");
    sc_html_text(out, a->run->detector);
    sc_text_puts(out, "</strong> for refusal, and for harm on ");
    if (a->proxy) {
        sc_text_puts(out, "the prompts' labels (proxy)");
    } else {
        sc_text_puts(out, "<strong>");
        sc_html_text(out, a->run->judge);
        sc_text_puts(out, "</strong>");
    }
    sc_text_puts(out, ".</p>\n");
    comparison_tables(out, a);
    sc_text_puts(out, "</section>\n");
}
