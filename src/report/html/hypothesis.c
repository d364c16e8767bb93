/*
 * The page's tables on harm and confidence: low against high confidence, every metric, the length
 * of the answers, segments, outcomes.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/html/parts.h"

/* ---- metrics, length, segments --------------------------------------------------------------- */

static void put_metrics(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *test = sc_node_at(root, "hypothesis_test");
    const struct sc_node *p = sc_node_at(test, "auroc_p");
    const struct sc_node *auprc = sc_node_at(test, "auprc_low_confidence_for_harm");
    const struct sc_node *aurc = sc_node_at(test, "aurc");
    size_t n_answers = sc_count_at(test, "n_answers");
    if (n_answers == 0)
        return;
    sc_text_printf(
        out,
        "<div class=\"scroll\"><table><caption>How well each metric singles out harmful "
        "answers among %zu, of which %.1f %% are harmful%s. ROC area: 50 %% is chance. "
        "Precision-recall area (average precision): chance is the share of harmful ones. "
        "Risk-coverage area: mean harm when the most confident answers are kept first; "
        "chance is that share too, and lower is better. p is of the ROC area, adjusted "
        "over the metrics (Holm).",
        n_answers, 100 * sc_number_at(test, "share_harmful"),
        sc_document_is_proxy(root) ? " (proxy)" : "");
    sc_html_basis_sentence(out, root);
    sc_text_puts(
        out, "</caption><thead><tr><th scope=\"col\">metric</th><th scope=\"col\">ROC area</th><th "
             "scope=\"col\">p</th><th scope=\"col\">p (Holm)</th><th "
             "scope=\"col\">precision-recall area</th><th scope=\"col\">risk-coverage "
             "area</th></tr></thead><tbody>\n");
    for (const struct sc_node *auroc = sc_node_at(test, "auroc_low_confidence_for_harm")->first;
         auroc != NULL; auroc = auroc->next) {
        const char *metric = auroc->key;
        bool chosen = strcmp(metric, sc_text_at(root, "run.metric")) == 0;
        sc_text_printf(out, "<tr%s><th scope=\"row\">%s</th>", chosen ? " class=\"chosen\"" : "",
                       metric);
        sc_html_percent_cell(out, auroc);
        sc_html_p_cell(out, sc_node_at(sc_node_at(p, metric), "p"));
        sc_html_p_cell(out, sc_node_at(sc_node_at(p, metric), "p_holm"));
        sc_html_percent_cell(out, sc_node_at(auprc, metric));
        sc_html_percent_cell(out, sc_node_at(aurc, metric));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void put_power(struct sc_text *out, const struct sc_node *test)
{
    const struct sc_node *power = sc_node_at(test, "power");
    double detectable = sc_number_at(power, "detectable_difference");
    if (!isfinite(detectable))
        return;
    sc_text_printf(out,
                   "<p class=\"hint\">Power: with these %zu prompts a true difference of %.1f "
                   "points is found in %.0f %% of runs. ",
                   sc_count_at(test, "n_prompts"), 100 * detectable,
                   100 * sc_number_at(power, "wanted"));
    if (!sc_absent_at(power, "prompts_for_relevant_difference"))
        sc_text_printf(out, "A difference of %.0f points needs about %zu prompts with answers.",
                       100 * sc_number_at(power, "relevant_difference"),
                       sc_count_at(power, "prompts_for_relevant_difference"));
    sc_text_puts(out, "</p>");
}

static void put_odds(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *test = sc_node_at(root, "hypothesis_test");
    static const struct sc_html_column columns[] = {
        {"odds ratio", NULL, "odds_ratio", sc_html_2_digits_cell},
        {"p", NULL, "p", sc_html_p_cell},
        {0}};
    static const struct sc_html_row rows[] = {
        {"one standard deviation less confidence", "confidence_alone"},
        {"the same, between answers of equal length", "confidence_at_equal_length"},
        {"twice the length, at equal confidence", "length"},
        {0}};
    sc_text_puts(out, "<div><h3>Is it the length of the answers?</h3><div class=\"scroll\"><table>"
                      "<caption>Odds of harm, logistic regression with errors robust to prompts");
    sc_html_basis(out, root);
    sc_text_puts(out, "</caption><thead><tr><td></td>");
    sc_html_heads(out, columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    sc_html_rows(out, sc_node_at(test, "length_controlled"), rows, columns);
    sc_text_puts(out, "</tbody></table></div>\n");
    put_power(out, test);
    sc_text_puts(out, "</div>\n");
}

void sc_html_segments(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_column columns[] = {
        {"confidence of refusals", NULL, "mean_confidence_refusals", sc_html_3_digits_cell},
        {"confidence of answers", NULL, "mean_confidence_answers", sc_html_3_digits_cell},
        {"low confidence singles out harm (ROC area)", NULL, "auroc_low_confidence_for_harm",
         sc_html_percent_cell},
        {0}};
    static const struct sc_html_row rows[] = {
        {"reasoning", "reasoning"}, {"answer", "answer"}, {0}};
    const struct sc_node *segments = sc_node_find(root, "hypothesis_test.segments");
    if (segments == NULL)
        return;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>The model reasons before it answers: "
                      "the same by segment, over traces that reasoned");
    sc_html_basis(out, root);
    sc_text_puts(out, "</caption><thead><tr><td></td>");
    sc_html_heads(out, columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    sc_html_rows(out, segments, rows, columns);
    sc_text_puts(out, "</tbody></table></div>\n");
}

/* ---- low against high ------------------------------------------------------------------------ */

static void low_cell(struct sc_text *out, const struct sc_node *split)
{
    sc_text_printf(out, "<td>%zu<small>%zu prompts</small></td>", sc_count_at(split, "n_low"),
                   sc_count_at(split, "prompts_low"));
}

static void high_cell(struct sc_text *out, const struct sc_node *split)
{
    sc_text_printf(out, "<td>%zu<small>%zu prompts</small></td>", sc_count_at(split, "n_high"),
                   sc_count_at(split, "prompts_high"));
}

static const struct sc_html_column split_columns[] = {
    {"low confidence", NULL, NULL, low_cell},
    {"harm", "harm (proxy)", "harm_rate_low", sc_html_percent_cell},
    {"high confidence", NULL, NULL, high_cell},
    {"harm", "harm (proxy)", "harm_rate_high", sc_html_percent_cell},
    {"difference", NULL, "risk_difference", sc_html_points_cell},
    {"ratio", NULL, "risk_ratio", sc_html_2_digits_cell},
    {0}};

static void split_row(struct sc_text *out, const char *name, const struct sc_node *split)
{
    double threshold = sc_number_at(split, "threshold");
    sc_text_printf(out, "<tr><th scope=\"row\">%s<small>", name);
    if (isfinite(threshold))
        sc_text_printf(out, "split at %.3f", threshold);
    sc_text_puts(out, "</small></th>");
    sc_html_cells(out, split, split_columns);
    sc_text_puts(out, "</tr>\n");
}

static void split_head(struct sc_text *out, const struct sc_node *root)
{
    sc_text_puts(out, "<thead><tr><td></td>");
    sc_html_heads(out, split_columns, sc_document_is_proxy(root));
    sc_text_puts(out, "</tr></thead>\n<tbody>");
}

/* fisher_p is in the document where it could be computed. */
static void put_tests(struct sc_text *out, const struct sc_node *test,
                      const struct sc_node *instances)
{
    static const char fisher[] = "Fisher's exact test, uncertain against confident compliance";
    const struct sc_node *permutation = sc_node_at(test, "permutation_within_category");
    double fisher_p = sc_node_number(sc_node_find(instances, "fisher_p"));
    double p = sc_number_at(permutation, "p");
    sc_text_puts(out, "<div><h3>Tests over prompts</h3><ul>");
    if (isfinite(fisher_p))
        sc_text_printf(out, "<li>%s: p = %.3g</li>\n", fisher, fisher_p);
    else
        sc_text_printf(out, "<li>%s: not computed, one side has no instance</li>\n", fisher);
    sc_text_printf(out,
                   "<li>Permutation within category, %zu prompts: ", sc_count_at(permutation, "n"));
    if (isfinite(p))
        sc_text_printf(out, "difference %+.1f points, p = %.3g</li>\n",
                       100 * sc_number_at(permutation, "difference"), p);
    else
        sc_text_puts(out, "not computed, one side has no prompt</li>\n");
    sc_text_puts(out, "</ul></div>\n");
}

void sc_html_hypothesis(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *test = sc_node_at(root, "hypothesis_test");
    bool proxy = sc_document_is_proxy(root);
    const struct sc_node *instances = sc_node_at(test, proxy ? "instances_proxy" : "instances");
    sc_text_puts(out, "<p class=\"finding\">");
    sc_html_text(out, sc_text_at(test, "text"));
    sc_text_puts(out,
                 "</p>\n<div class=\"scroll\"><table><caption>Only what was not refused: single "
                 "answers, and whole prompts by quadrant.");
    sc_html_basis_sentence(out, root);
    sc_text_puts(out, "</caption>");
    split_head(out, root);
    if (proxy) {
        split_row(out, "answers (proxy)", sc_node_at(test, "answers_proxy"));
    } else {
        split_row(out, "answers, controversial is harmful", sc_node_at(test, "answers"));
        split_row(out, "answers, controversial is harmless", sc_node_at(test, "answers_loose"));
    }
    split_row(out, "prompts: uncertain against confident compliance", instances);
    sc_text_puts(out, "</tbody></table></div>\n<div class=\"two\">");
    put_tests(out, test, instances);
    put_odds(out, root);
    sc_text_puts(out, "</div>\n");
    put_metrics(out, root);
}

void sc_html_deciles(struct sc_text *out, const struct sc_node *root)
{
    sc_text_puts(out, "<details><summary>Figures of every split</summary><div "
                      "class=\"scroll\"><table>");
    sc_html_basis_caption(out, root);
    split_head(out, root);
    for (const struct sc_node *split = sc_node_at(root, "hypothesis_test.by_decile")->first;
         split != NULL; split = split->next) {
        char name[32];
        snprintf(name, sizeof name, "lowest %d %%",
                 (int)(100 * sc_number_at(split, "quantile") + 0.5));
        split_row(out, name, split);
    }
    sc_text_puts(out, "</tbody></table></div></details>\n");
}

void sc_html_outcomes(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_column means[] = {
        {"mean", NULL, NULL, sc_html_3_digits_cell}, {"traces", NULL, NULL, sc_html_n_cell}, {0}};
    static const struct sc_html_column areas[] = {
        {"mean", NULL, NULL, sc_html_percent_cell}, {"traces", NULL, NULL, sc_html_n_cell}, {0}};
    static const struct sc_html_row of_means[] = {
        {"confidence of refusals", "avg_confidence_refusals"},
        {"confidence of answers", "avg_confidence_answers"},
        {0}};
    static const struct sc_html_row of_areas[] = {
        {"how well confidence tells refusals from answers (area under the curve)",
         "auroc_confidence_for_refusal"},
        {0}};
    const struct sc_node *overall = sc_node_at(root, "overall");
    sc_text_puts(out, "<div class=\"scroll\"><table>");
    sc_html_basis_caption(out, root);
    sc_text_puts(out, "<thead><tr><td></td>");
    sc_html_heads(out, means, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    sc_html_rows(out, overall, of_means, means);
    sc_html_rows(out, overall, of_areas, areas);
    sc_text_puts(out, "</tbody></table></div>\n");
}
