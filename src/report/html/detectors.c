/*
 * The page's section on detectors, there only when a run was judged again (safeconf classify): how
 * far they agree, where they differ, and links to the traces (page.js, "links").  Names of
 * detectors come from run.db and are escaped.  Figures: section "detectors" of the document.
 */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "report/html/parts.h"

void sc_html_detectors_link(struct sc_text *out, const struct sc_node *root)
{
    if (!sc_absent_at(root, "detectors"))
        sc_text_puts(out, "<a href=\"#detectors\">Detectors</a>");
}

static bool is_of_harm(const struct sc_node *pair)
{
    return strcmp(sc_text_at(pair, "of"), "harm") == 0;
}

static const char *word(const struct sc_node *pair)
{
    return is_of_harm(pair) ? "harm" : "refusal";
}

static void names_of(struct sc_text *out, const struct sc_node *pair)
{
    sc_html_text(out, sc_text_at(pair, "first"));
    sc_text_puts(out, " against ");
    sc_html_text(out, sc_text_at(pair, "second"));
}

/* ---- agreement of each pair ------------------------------------------------------------------ */

static const struct sc_node *yes_or_no(const struct sc_node *pair)
{
    return sc_node_at(pair, is_of_harm(pair) ? "harmful_strict" : "refused");
}

static void of_cell(struct sc_text *out, const struct sc_node *pair)
{
    sc_text_printf(out, "<td>%s</td>", word(pair));
}

static void kappa_cell(struct sc_text *out, const struct sc_node *pair)
{
    sc_html_3_digits_cell(out, sc_node_at(yes_or_no(pair), "kappa"));
}

static void agree_cell(struct sc_text *out, const struct sc_node *pair)
{
    double share = sc_number_at(yes_or_no(pair), "observed");
    if (isfinite(share))
        sc_text_printf(out, "<td class=\"p\">%.1f %%</td>", 100 * share);
    else
        sc_text_puts(out, "<td>none</td>");
}

static void traces_cell(struct sc_text *out, const struct sc_node *pair)
{
    sc_html_count_cell(out, sc_node_at(yes_or_no(pair), "n"));
}

static const struct sc_html_column agreement_columns[] = {
    {"of", NULL, NULL, of_cell},
    {"kappa, yes or no", NULL, NULL, kappa_cell},
    {"agree", NULL, NULL, agree_cell},
    {"traces", NULL, NULL, traces_cell},
    {"disagree", NULL, "n_disagreements", sc_html_count_cell},
    {"kappa, all values", NULL, "all_values.kappa", sc_html_3_digits_cell},
    {0}};

static void agreement_row(struct sc_text *out, const struct sc_node *pair)
{
    sc_text_puts(out, "<tr><th scope=\"row\">");
    names_of(out, pair);
    sc_text_puts(out, "</th>");
    sc_html_cells(out, pair, agreement_columns);
    sc_text_puts(out, "</tr>\n");
}

/* ---- one pair -------------------------------------------------------------------------------- */

static void confusion_table(struct sc_text *out, const struct sc_node *pair)
{
    const struct sc_node *table = sc_node_at(pair, "table");
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Traces by what each says. Rows: ");
    sc_html_text(out, sc_text_at(pair, "first"));
    sc_text_puts(out, "; columns: ");
    sc_html_text(out, sc_text_at(pair, "second"));
    sc_text_puts(out, "</caption><thead><tr><td></td>");
    for (const struct sc_node *row = table->first; row != NULL; row = row->next)
        sc_text_printf(out, "<th scope=\"col\">%s</th>", row->key);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *row = table->first; row != NULL; row = row->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", row->key);
        for (const struct sc_node *cell = row->first; cell != NULL; cell = cell->next)
            sc_text_printf(out, "<td%s>%zu</td>",
                           strcmp(cell->key, row->key) == 0 ? " class=\"same\"" : "",
                           sc_node_count(cell));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

/* listed: the list of prompts has it, so that a link leads there. */
static void disagreement_item(struct sc_text *out, const struct sc_node *disagreement, bool listed)
{
    const char *id = sc_text_at(disagreement, "instance_id");
    size_t trace = sc_count_at(disagreement, "trace") + 1;
    sc_text_puts(out, "<li>");
    if (listed) {
        sc_text_puts(out, "<a href=\"#prompt=");
        sc_html_fragment(out, id);
        sc_text_printf(out, "&amp;trace=%zu\">", trace);
    }
    sc_html_text(out, id);
    sc_text_printf(out, ", trace %zu%s: %s / %s</li>\n", trace, listed ? "</a>" : "",
                   sc_text_at(disagreement, "first"), sc_text_at(disagreement, "second"));
}

/* The list of prompts holds those that the primary policy has decided. */
static void disagreement_list(struct sc_text *out, const struct sc_node *pair,
                              const struct sc_analysis *a, const struct sc_disagreement *found)
{
    const struct sc_summary *prompts = a->views[a->run->primary].instances;
    sc_text_puts(out, "<ul class=\"disagreements\">\n");
    for (const struct sc_node *node = sc_node_at(pair, "disagreements")->first; node != NULL;
         node = node->next, found++)
        disagreement_item(out, node, prompts[found->instance].decided);
    sc_text_puts(out, "</ul>");
}

static void pair_details(struct sc_text *out, const struct sc_node *pair,
                         const struct sc_analysis *a, const struct sc_disagreement *found)
{
    size_t n = sc_count_at(pair, "n_disagreements");
    sc_text_printf(out, "<details><summary>%s: ", is_of_harm(pair) ? "Harm" : "Refusal");
    names_of(out, pair);
    sc_text_puts(out, "</summary>\n");
    confusion_table(out, pair);
    if (n == 0) {
        sc_text_puts(out, "<p>No disagreement.</p></details>\n");
        return;
    }
    sc_text_printf(out, "<p>%zu disagreement%s on %s", n, n == 1 ? "" : "s", word(pair));
    if (n > SC_MOST_DISAGREEMENTS)
        sc_text_printf(out, ", the first %d", SC_MOST_DISAGREEMENTS);
    sc_text_puts(out, " (first / second):</p>\n");
    disagreement_list(out, pair, a, found);
    sc_text_puts(out, "</details>\n");
}

static void comparison_tables(struct sc_text *out, const struct sc_node *first,
                              const struct sc_analysis *a)
{
    if (first == NULL) {
        sc_text_puts(out, "<p>No two of them have read the same thing, so there is nothing to "
                          "compare.</p>\n");
        return;
    }
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Agreement beyond chance (Cohen's "
                      "kappa, 1 is complete, 0 is chance), over traces that both have read; 95 % "
                      "intervals by jackknife over prompts. It says how alike two readings are, "
                      "not which of them is right.</caption><thead><tr><th scope=\"col\">first "
                      "against second</th>");
    sc_html_heads(out, agreement_columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *pair = first; pair != NULL; pair = pair->next)
        agreement_row(out, pair);
    sc_text_puts(
        out,
        "</tbody></table></div>\n<p class=\"hint\">Yes or no: refused (a partial "
        "refusal counts, unparsed and unreached are left out); harmful or controversial (unjudged "
        "is left out).</p>\n");
    size_t i = 0;
    for (const struct sc_node *pair = first; pair != NULL; pair = pair->next)
        pair_details(out, pair, a, a->comparison.pairs[i++].disagreements);
}

/* Judges that answer with numbers. */
static void score_lines(struct sc_text *out, const struct sc_node *detectors)
{
    for (const struct sc_node *rater = sc_node_at(detectors, "raters")->first; rater != NULL;
         rater = rater->next) {
        if (sc_node_find(rater, "score") == NULL)
            continue;
        const struct sc_estimate *score = sc_estimate_at(rater, "score");
        sc_text_puts(out, "<p>Mean score by <strong>");
        sc_html_text(out, sc_text_at(rater, "name"));
        sc_text_printf(out, "</strong>: %.3f", score->value);
        if (isfinite(score->low))
            sc_text_printf(out, " [%.3f, %.3f]", score->low, score->high);
        sc_text_printf(out, ", of %zu answers; intervals by bootstrap over prompts.</p>\n",
                       score->n);
    }
}

/* ---- a judge against itself ------------------------------------------------------------------ */

static const struct sc_html_column self_columns[] = {
    {"answers", NULL, "n", sc_html_count_cell},
    {"of one mind", NULL, "unanimous", sc_html_percent_cell},
    {"pairs that differ", NULL, "pairs_differing", sc_html_percent_cell},
    {"alpha", NULL, "alpha", sc_html_3_digits_cell},
    {0}};

static void self_table(struct sc_text *out, const struct sc_node *rater,
                       const struct sc_node *repeats)
{
    static const struct sc_html_row rows[] = {
        {"refused (partial too) or not", "refused"},
        {"harmful or controversial, or not", "harmful_strict"},
        {"harmful, or not", "harmful_loose"},
        {0}};
    sc_text_puts(out, "<h3>A judge asked repeatedly</h3>\n<p><strong>");
    sc_html_text(out, sc_text_at(rater, "name"));
    sc_text_printf(out, "</strong> was asked %zu times about each answer, at temperature %g. ",
                   sc_count_at(repeats, "asked"), sc_number_at(repeats, "temperature"));
    const struct sc_node *first = sc_node_at(repeats, "refused");
    if (first->kind == SC_NODE_ABSENT) {
        sc_text_printf(out, "No figure of its agreement: %s.</p>\n", first->reason);
        return;
    }
    sc_text_puts(out, "Its majority counts.</p>\n<div class=\"scroll\"><table><caption>How far it "
                      "agrees with itself (Krippendorff's alpha: 1 is complete, 0 is chance); 95 % "
                      "intervals over prompts</caption><thead><tr><td></td>");
    sc_html_heads(out, self_columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    sc_html_rows(out, repeats, rows, self_columns);
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void self_tables(struct sc_text *out, const struct sc_node *detectors)
{
    for (const struct sc_node *rater = sc_node_at(detectors, "raters")->first; rater != NULL;
         rater = rater->next) {
        const struct sc_node *repeats = sc_node_find(rater, "repeats");
        if (repeats != NULL)
            self_table(out, rater, repeats);
    }
}

void sc_html_detectors(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_node *root = a->document.root, *detectors = sc_node_at(root, "detectors");
    if (detectors->kind == SC_NODE_ABSENT)
        return;
    sc_text_puts(out, "<section id=\"detectors\">\n<h2>Agreement between detectors</h2>\n<p>The "
                      "answers were read again. Every other figure of this page rests on "
                      "<strong>");
    sc_html_text(out, sc_text_at(detectors, "reading.detector"));
    sc_text_puts(out, "</strong> for refusal, and for harm on ");
    if (sc_document_is_proxy(root)) {
        sc_text_puts(out, "the prompts' labels (proxy)");
    } else {
        sc_text_puts(out, "<strong>");
        sc_html_text(out, sc_text_at(detectors, "reading.judge"));
        sc_text_puts(out, "</strong>");
    }
    sc_text_puts(out, ".</p>\n");
    score_lines(out, detectors);
    comparison_tables(out, sc_node_at(detectors, "pairs")->first, a);
    self_tables(out, detectors);
    sc_text_puts(out, "</section>\n");
}
