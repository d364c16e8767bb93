/*
 * The page's tables on harm and confidence: low against high confidence, every metric, the length
 * of the answers, segments, outcomes.
 */
#include <math.h>
#include <stdio.h>

#include "report/html/parts.h"

/* ---- metrics, length, segments ----------------------------------------------------------------
 */

static void put_metrics(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_hypothesis *h = &a->hypothesis;
    const struct sc_risk *r = &a->risk;
    if (r->n == 0)
        return;
    sc_text_printf(
        out,
        "<div class=\"scroll\"><table><caption>How well each metric singles out harmful "
        "answers among %zu, of which %.1f %% are harmful%s. ROC area: 50 %% is chance. "
        "Precision-recall area (average precision): chance is the share of harmful ones. "
        "Risk-coverage area: mean harm when the most confident answers are kept first; "
        "chance is that share too, and lower is better. p is of the ROC area, adjusted "
        "over the metrics (Holm).</caption>",
        r->n, 100 * r->harmful_share, a->proxy ? " (proxy)" : "");
    sc_text_puts(out, "<thead><tr><th scope=\"col\">metric</th><th scope=\"col\">ROC area</th><th "
                      "scope=\"col\">p</th><th scope=\"col\">p (Holm)</th><th "
                      "scope=\"col\">precision-recall area</th><th scope=\"col\">risk-coverage "
                      "area</th></tr></thead><tbody>\n");
    for (int m = 0; m < SC_N_METRICS; m++) {
        sc_text_printf(out, "<tr%s><th scope=\"row\">%s</th>",
                       (enum sc_metric)m == a->run->metric ? " class=\"chosen\"" : "",
                       sc_metric_name((enum sc_metric)m));
        sc_html_percent_cell(out, &h->auroc[m]);
        sc_html_p_cell(out, h->auroc_p[m]);
        sc_html_p_cell(out, h->auroc_holm[m]);
        sc_html_percent_cell(out, &r->auprc[m]);
        sc_html_percent_cell(out, &r->aurc[m]);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void odds_row(struct sc_text *out, const char *name, const struct sc_odds *odds)
{
    sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", name);
    sc_html_cell(out, &odds->ratio, 1, 2, "");
    sc_html_p_cell(out, odds->p);
    sc_text_puts(out, "</tr>\n");
}

static void put_odds(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_risk *r = &a->risk;
    const struct sc_needed *n = &a->hypothesis.needed;
    sc_text_puts(out, "<div><h3>Is it the length of the answers?</h3><div class=\"scroll\"><table>"
                      "<caption>Odds of harm, logistic regression with errors robust to prompts"
                      "</caption><thead><tr><td></td><th scope=\"col\">odds ratio</th><th "
                      "scope=\"col\">p</th></tr></thead><tbody>\n");
    odds_row(out, "one standard deviation less confidence", &r->alone);
    odds_row(out, "the same, between answers of equal length", &r->at_length);
    odds_row(out, "twice the length, at equal confidence", &r->of_length);
    sc_text_puts(out, "</tbody></table></div>\n");
    if (isfinite(n->detectable)) {
        sc_text_printf(out,
                       "<p class=\"hint\">Power: with these %zu prompts a true difference of %.1f "
                       "points is found in %.0f %% of runs. ",
                       a->hypothesis.n_prompts, 100 * n->detectable, 100 * SC_WANTED_POWER);
        if (n->n_for_relevant != SIZE_MAX)
            sc_text_printf(out, "A difference of %.0f points needs about %zu prompts with answers.",
                           100 * SC_RELEVANT_DIFFERENCE, n->n_for_relevant);
        sc_text_puts(out, "</p>");
    }
    sc_text_puts(out, "</div>\n");
}

void sc_html_segments(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_risk *r = &a->risk;
    const struct sc_segment_risk *segments[] = {&r->reasoning, &r->answer};
    static const char *const names[] = {"reasoning", "answer"};
    if (!r->has_reasoning)
        return;
    sc_text_puts(out,
                 "<div class=\"scroll\"><table><caption>The model reasons before it answers: "
                 "the same by segment, over traces that reasoned</caption><thead><tr><td></td>"
                 "<th scope=\"col\">confidence of refusals</th><th scope=\"col\">confidence of "
                 "answers</th><th scope=\"col\">low confidence singles out harm (ROC area)"
                 "</th></tr></thead><tbody>\n");
    for (int s = 0; s < 2; s++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", names[s]);
        sc_html_cell(out, &segments[s]->confidence_refusals, 1, 3, "");
        sc_html_cell(out, &segments[s]->confidence_answers, 1, 3, "");
        sc_html_percent_cell(out, &segments[s]->auroc);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

/* ---- low against high
 * -------------------------------------------------------------------------------
 */

static void split_row(struct sc_text *out, const char *name, const struct sc_split *s)
{
    sc_text_printf(out, "<tr><th scope=\"row\">%s<small>", name);
    if (isfinite(s->threshold))
        sc_text_printf(out, "split at %.3f", s->threshold);
    sc_text_printf(out, "</small></th><td>%zu<small>%zu prompts</small></td>", s->n_low,
                   s->prompts_low);
    sc_html_percent_cell(out, &s->rate_low);
    sc_text_printf(out, "<td>%zu<small>%zu prompts</small></td>", s->n_high, s->prompts_high);
    sc_html_percent_cell(out, &s->rate_high);
    sc_html_cell(out, &s->difference, 100, 1, " points");
    sc_html_cell(out, &s->ratio, 1, 2, "");
    sc_text_puts(out, "</tr>\n");
}

static void split_head(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_printf(out,
                   "<thead><tr><td></td><th scope=\"col\">low confidence</th><th scope=\"col\">%s"
                   "</th><th scope=\"col\">high confidence</th><th scope=\"col\">%s</th><th "
                   "scope=\"col\">difference</th><th scope=\"col\">ratio</th></tr></thead>\n",
                   sc_html_harm_word(a), sc_html_harm_word(a));
}

static void put_p(struct sc_text *out, const char *name, double p)
{
    if (isfinite(p))
        sc_text_printf(out, "<li>%s: p = %.3g</li>\n", name, p);
    else
        sc_text_printf(out, "<li>%s: not computed, one side has no instance</li>\n", name);
}

void sc_html_hypothesis(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_hypothesis *h = &a->hypothesis;
    sc_text_puts(out, "<p class=\"finding\">");
    sc_html_text(out, h->text);
    sc_text_puts(out,
                 "</p>\n<div class=\"scroll\"><table><caption>Only what was not refused: single "
                 "answers, and whole prompts by quadrant.</caption>");
    split_head(out, a);
    sc_text_puts(out, "<tbody>");
    split_row(out, a->proxy ? "answers (proxy)" : "answers, controversial is harmful", &h->traces);
    if (!a->proxy)
        split_row(out, "answers, controversial is harmless", &h->traces_loose);
    split_row(out, "prompts: uncertain against confident compliance", &h->instances);
    sc_text_puts(out,
                 "</tbody></table></div>\n<div class=\"two\"><div><h3>Tests over prompts</h3><ul>");
    put_p(out, "Fisher's exact test, uncertain against confident compliance",
          h->instances.fisher_p);
    sc_text_printf(out, "<li>Permutation within category, %zu prompts: ", h->permutation_n);
    if (isfinite(h->permutation_p))
        sc_text_printf(out, "difference %+.1f points, p = %.3g</li>\n",
                       100 * h->permutation_difference, h->permutation_p);
    else
        sc_text_puts(out, "not computed, one side has no prompt</li>\n");
    sc_text_puts(out, "</ul></div>\n");
    put_odds(out, a);
    sc_text_puts(out, "</div>\n");
    put_metrics(out, a);
}

void sc_html_deciles(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_puts(out, "<details><summary>Figures of every split</summary><div "
                      "class=\"scroll\"><table>");
    split_head(out, a);
    sc_text_puts(out, "<tbody>");
    for (size_t d = 0; d < SC_N_DECILES; d++) {
        char name[32];
        snprintf(name, sizeof name, "lowest %d %%",
                 (int)(100 * a->hypothesis.deciles[d].quantile + 0.5));
        split_row(out, name, &a->hypothesis.deciles[d]);
    }
    sc_text_puts(out, "</tbody></table></div></details>\n");
}

void sc_html_outcomes(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_puts(out, "<div class=\"scroll\"><table><thead><tr><td></td><th "
                      "scope=\"col\">mean</th><th scope=\"col\">traces</th></tr></thead><tbody>\n"
                      "<tr><th scope=\"row\">confidence of refusals</th>");
    sc_html_cell(out, &a->confidence_refusals, 1, 3, "");
    sc_html_count_cell(out, a->confidence_refusals.n);
    sc_text_puts(out, "</tr>\n<tr><th scope=\"row\">confidence of answers</th>");
    sc_html_cell(out, &a->confidence_answers, 1, 3, "");
    sc_html_count_cell(out, a->confidence_answers.n);
    sc_text_puts(out, "</tr>\n");
    sc_html_row(out, "how well confidence tells refusals from answers (area under the curve)",
                &a->auroc_refusal);
    sc_text_puts(out, "</tbody></table></div>\n");
}
