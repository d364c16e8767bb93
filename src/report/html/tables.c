/* The page's head, summary, quadrants, and its tables of policies, categories and right behaviour.
 */
#include <math.h>

#include "analysis/sentences.h"
#include "report/html/parts.h"

/* ---- head -------------------------------------------------------------------------------------
 */

void sc_html_title(struct sc_text *out, const struct sc_analysis *a)
{
    sc_html_text(out, a->run->model_name);
    sc_text_puts(out, " on ");
    sc_html_text(out, a->run->benchmark_name);
}

static void fact(struct sc_text *out, const char *name, const char *untrusted)
{
    sc_text_printf(out, "<div><dt>%s</dt><dd>", name);
    sc_html_text(out, untrusted != NULL ? untrusted : "unknown");
    sc_text_puts(out, "</dd></div>\n");
}

static void fact_count(struct sc_text *out, const char *name, uint64_t n)
{
    sc_text_printf(out, "<div><dt>%s</dt><dd>%llu</dd></div>\n", name, (unsigned long long)n);
}

void sc_html_facts(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_group *g = &a->overall;
    sc_text_puts(out, "<dl class=\"facts\">\n");
    fact(out, "Policy", a->run->policy_names[a->run->primary]);
    fact_count(out, "Prompts", g->n_instances);
    fact_count(out, "Traces", g->n_traces);
    if (g->n_uncounted > 0)
        fact(out, "Tokens", "not given");
    else
        fact_count(out, "Tokens", g->n_tokens);
    fact(out, "Arithmetic", a->dtype);
    fact_count(out, "Seed", a->run->seed);
    if (a->run->source.kind != NULL) {
        fact(out, "Source", a->run->source.kind);
        fact(out, "Log-probabilities", sc_logprob_kind_name(a->run->source.logprobs));
    }
    fact(out, "Confidence", sc_metric_name(a->run->metric));
    fact(out, "Judge", a->proxy ? "none (labels stand in: proxy)" : a->run->judge);
    if (g->n_failed)
        fact_count(out, "Failed traces", g->n_failed);
    if (g->n_unparsed)
        fact_count(out, "Unparsed traces", g->n_unparsed);
    if (g->n_empty)
        fact_count(out, "Empty answers", g->n_empty);
    if (g->n_length)
        fact_count(out, "At the token limit", g->n_length);
    sc_text_puts(out, "</dl>\n");
}

void sc_html_notes(struct sc_text *out, const struct sc_analysis *a)
{
    if (a->run->demo)
        sc_text_printf(out, "<p class=\"note\">%s</p>\n", sc_demo_sentence);
    if (a->run->demo_judge)
        sc_text_printf(out, "<p class=\"note\">%s</p>\n", sc_demo_judge_sentence);
    if (a->n_undecided)
        sc_text_printf(
            out, "<p class=\"note\">This run is not finished: %zu prompts are left out.</p>\n",
            a->n_undecided);
    if (a->proxy)
        sc_text_printf(out, "<p class=\"note\">%s</p>\n", sc_proxy_sentence);
    if (a->confidence_note[0] != '\0')
        sc_text_printf(out, "<p class=\"note\">%s</p>\n", a->confidence_note);
}

static void tile(struct sc_text *out, const char *label, const struct sc_estimate *e)
{
    sc_text_puts(out, "<div class=\"tile\"><b>");
    if (isfinite(e->value))
        sc_text_printf(out, "%.1f %%", 100 * e->value);
    else
        sc_text_puts(out, "none");
    sc_text_printf(out, "</b>%s", label);
    if (isfinite(e->value) && isfinite(e->low) && isfinite(e->high))
        sc_text_printf(out, "<span>95 %%: %.1f to %.1f, n = %zu</span>", 100 * e->low,
                       100 * e->high, e->n);
    else {
        sc_text_puts(out, "<span>");
        sc_html_text(out, e->reason);
        sc_text_puts(out, "</span>");
    }
    sc_text_puts(out, "</div>\n");
}

void sc_html_summary(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_confusion *c = &a->confusion;
    sc_text_puts(out, "<div class=\"tiles\">\n");
    tile(out, "of unsafe prompts' traces refuse", &a->labels[SC_LABEL_UNSAFE].refusal_rate);
    tile(out, "of safe prompts' traces refuse (over-refusal)",
         &a->labels[SC_LABEL_SAFE].refusal_rate);
    tile(out, a->proxy ? "of traces are harmful (proxy)" : "of traces are harmful",
         &a->overall.harm_rate);
    tile(out, "of traces agree with their prompt's majority", &a->overall.agreement);
    sc_text_puts(out, "</div>\n<p>");
    sc_text_printf(out,
                   "Of %zu prompts the model refused %zu, complied with %zu and was split on "
                   "%zu. ",
                   a->overall.n_instances, a->overall.n_behaviours[SC_REFUSED],
                   a->overall.n_behaviours[SC_COMPLIED], a->overall.n_behaviours[SC_SPLIT]);
    if (c->tp + c->fn + c->fp + c->tn) {
        sc_text_puts(out, "It did the right thing (refused unsafe, complied with safe) on ");
        sc_html_percent(out, &c->accuracy);
        sc_text_printf(out, " of the %zu labelled prompts that were not split. ",
                       c->tp + c->fn + c->fp + c->tn);
    }
    sc_text_puts(out, "</p>\n<p class=\"finding\">");
    sc_html_text(out, a->hypothesis.text);
    sc_text_puts(out, "</p>\n");
}

/* ---- quadrants --------------------------------------------------------------------------------
 */

static void quadrant_cell(struct sc_text *out, const struct sc_analysis *a, enum sc_quadrant q,
                          const char *meaning)
{
    const struct sc_group *g = &a->quadrants[q];
    sc_text_printf(out, "<td class=\"q%d\"><code>%s</code><br><b>%zu</b> prompts", (int)q,
                   sc_quadrant_name(q), g->n_instances);
    if (a->overall.n_instances)
        sc_text_printf(out, " (%.0f %%)",
                       100.0 * (double)g->n_instances / (double)a->overall.n_instances);
    sc_text_printf(out, "<br>%zu unsafe, %zu safe, %zu unknown<br>refuses ",
                   g->n_labels[SC_LABEL_UNSAFE], g->n_labels[SC_LABEL_SAFE],
                   g->n_labels[SC_LABEL_UNKNOWN]);
    sc_html_percent(out, &g->refusal_rate);
    sc_text_printf(out, "<br>%s ", sc_html_harm_word(a));
    sc_html_percent(out, &g->harm_rate);
    if (!a->proxy) {
        sc_text_puts(out, ", loose ");
        sc_html_percent(out, &g->harm_rate_loose);
    }
    if (isfinite(g->confidence.value))
        sc_text_printf(out, "<br>mean confidence %.2f", g->confidence.value);
    sc_text_printf(out, "<small>%s</small></td>", meaning);
}

void sc_html_quadrants(struct sc_text *out, const struct sc_analysis *a)
{
    double threshold = a->views[a->run->primary].threshold;
    sc_text_puts(out, "<div class=\"scroll\"><table class=\"quadrants\"><caption>");
    if (!isfinite(threshold))
        sc_text_puts(out, "No trace has a confidence.");
    else
        sc_text_printf(out, "Confident: a mean confidence of %.3f or more%s.", threshold,
                       isnan(a->run->confident_threshold) ? ", a quantile of this run" : "");
    sc_text_puts(out, "</caption><thead><tr><td></td><th scope=\"col\">refused</th><th "
                      "scope=\"col\">did not refuse (complied or split)</th></tr></thead>\n"
                      "<tbody><tr><th scope=\"row\">confident</th>");
    quadrant_cell(out, a, SC_CONFIDENT_REFUSAL, "a good boundary, where the prompt is unsafe");
    quadrant_cell(out, a, SC_CONFIDENT_COMPLIANCE, "check that it is really safe");
    sc_text_puts(out, "</tr>\n<tr><th scope=\"row\">uncertain</th>");
    quadrant_cell(out, a, SC_UNCERTAIN_REFUSAL, "over-cautious?");
    quadrant_cell(out, a, SC_UNCERTAIN_COMPLIANCE, "the hypothesis: the highest risk");
    sc_text_puts(out, "</tr></tbody></table></div>\n");
}

/* ---- attacks, policies, categories ------------------------------------------------------------
 */

void sc_html_proxy(struct sc_text *out, const struct sc_analysis *a)
{
    if (a->proxy)
        sc_text_puts(out, " (proxy: answered at all)");
}

void sc_html_attacks(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_puts(out, "<details><summary>Figures</summary><div class=\"scroll\"><table><caption>"
                      "Policy ");
    sc_html_text(out, a->run->policy_names[a->largest]);
    sc_text_puts(out, "</caption><thead><tr><th scope=\"col\">k</th><th scope=\"col\">attack "
                      "success</th>");
    if (!a->proxy)
        sc_text_puts(out, "<th scope=\"col\">loose</th>");
    sc_text_puts(out, "<th scope=\"col\">prompts</th></tr></thead><tbody>\n");
    for (size_t k = 0; k < a->n_asr; k++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%zu</th>", k + 1);
        sc_html_percent_cell(out, &a->asr[k]);
        if (!a->proxy)
            sc_html_percent_cell(out, &a->asr_loose[k]);
        sc_html_count_cell(out, a->asr[k].n);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div></details>\n");
}

static void policy_row(struct sc_text *out, const struct sc_policy_result *r)
{
    sc_text_printf(out, "<tr%s><th scope=\"row\">", r->primary ? " class=\"chosen\"" : "");
    sc_html_text(out, r->name);
    sc_text_printf(out, "%s%s</th>", r->primary ? "<small>this report</small>" : "",
                   r->largest ? "<small>reference</small>" : "");
    sc_html_cell(out, &r->group.traces, 1, 2, "");
    if (r->group.n_uncounted > 0)
        sc_text_puts(out, "<td>not given</td>");
    else
        sc_text_printf(out, "<td>%llu</td>", (unsigned long long)r->group.n_tokens);
    sc_html_cell(out, &r->token_savings_percent, 1, 1, " %");
    sc_html_cell(out, &r->trace_savings_percent, 1, 1, " %");
    if (r->largest)
        sc_text_puts(out, "<td></td>");
    else
        sc_html_cell(out, &r->token_difference_percent, 1, 1, " %");
    sc_html_percent_cell(out, &r->group.refusal_rate);
    if (r->largest) {
        sc_text_puts(out, "<td></td><td></td><td></td>");
    } else {
        sc_html_cell(out, &r->refusal_difference, 100, 1, " points");
        sc_text_printf(out, "<td>%zu<small>of %zu</small></td>", r->verdict_changes, r->n_common);
        sc_text_printf(out, "<td>%zu<small>%zu prompts wholly</small></td>", r->harmful_unseen,
                       r->harmful_prompts_unseen);
    }
    if (isfinite(r->null_traces.value))
        sc_html_cell(out, &r->null_traces, 1, 2, "");
    else
        sc_text_puts(out, "<td></td>");
    sc_text_puts(out, "</tr>\n");
}

void sc_html_policies(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_printf(out,
                   "<div class=\"scroll\"><table><caption>Savings against %zu traces for every "
                   "prompt. Reference: the policy that may sample most; differences, changes and "
                   "what was not seen are against it. Null: the traces that the adaptive rule uses "
                   "when each prompt's confidences are drawn from those of all prompts; a saving "
                   "no larger than the null's is noise.</caption>",
                   sc_policy_most(&a->run->policies[a->largest]));
    sc_text_puts(out, "<thead><tr><th scope=\"col\">policy</th><th scope=\"col\">traces per "
                      "prompt</th><th scope=\"col\">tokens</th><th scope=\"col\">tokens saved</th>"
                      "<th scope=\"col\">traces saved</th><th scope=\"col\">tokens below "
                      "reference</th><th scope=\"col\">refusal rate</th><th "
                      "scope=\"col\">difference</th><th scope=\"col\">verdicts changed</th><th "
                      "scope=\"col\">");
    sc_text_puts(out, a->proxy ? "harmful answers (proxy) unseen" : "harmful answers unseen");
    sc_text_puts(out, "</th><th scope=\"col\">null</th></tr></thead><tbody>\n");
    for (size_t p = 0; p < a->run->n_policies; p++)
        policy_row(out, &a->policies[p]);
    sc_text_puts(out, "</tbody></table></div>\n");
}

void sc_html_categories(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_printf(
        out,
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">category</th><th "
        "scope=\"col\">prompts</th><th scope=\"col\">unsafe</th><th "
        "scope=\"col\">refusal rate</th><th scope=\"col\">over-refusal<small>safe prompts"
        "</small></th><th scope=\"col\">under-refusal<small>unsafe prompts</small>"
        "</th><th scope=\"col\">%s</th><th "
        "scope=\"col\">right behaviour</th><th scope=\"col\">confidence</th><th "
        "scope=\"col\">uncertain compliance</th></tr></thead><tbody>\n",
        sc_html_harm_word(a));
    for (size_t c = 0; c < a->n_categories; c++) {
        const struct sc_group *g = &a->categories[c].group;
        sc_text_puts(out, "<tr><th scope=\"row\">");
        if (a->categories[c].name[0])
            sc_html_text(out, a->categories[c].name);
        else
            sc_text_puts(out, "<em>none</em>");
        sc_text_puts(out, "</th>");
        sc_html_count_cell(out, g->n_instances);
        sc_html_count_cell(out, g->n_labels[SC_LABEL_UNSAFE]);
        sc_html_percent_cell(out, &g->refusal_rate);
        sc_html_percent_cell(out, &a->categories[c].over_refusal);
        sc_html_percent_cell(out, &a->categories[c].under_refusal);
        sc_html_percent_cell(out, &g->harm_rate);
        sc_html_percent_cell(out, &g->accuracy);
        sc_html_cell(out, &g->confidence, 1, 2, "");
        sc_html_count_cell(out, g->n_quadrants[SC_UNCERTAIN_COMPLIANCE]);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

/* ---- confusion, calibration -------------------------------------------------------------------
 */

void sc_html_confusion(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_confusion *c = &a->confusion;
    sc_text_printf(
        out,
        "<div class=\"two\"><div class=\"scroll\"><table class=\"confusion\"><thead><tr>"
        "<td></td><th scope=\"col\">refused</th><th scope=\"col\">complied</th></tr>"
        "</thead><tbody><tr><th scope=\"row\">unsafe</th><td>%zu<small>true "
        "positive</small></td><td>%zu<small>false negative</small></td></tr><tr><th "
        "scope=\"row\">safe</th><td>%zu<small>false positive</small></td><td>%zu<small>"
        "true negative</small></td></tr></tbody></table>\n<p class=\"hint\">Left out: %zu "
        "split, %zu without a label, %zu without a judged trace.</p></div>\n",
        c->tp, c->fn, c->fp, c->tn, c->split, c->unknown, c->none);
    sc_text_puts(out,
                 "<div class=\"scroll\"><table><thead><tr><td></td><th scope=\"col\">value</th>"
                 "<th scope=\"col\">n</th></tr></thead><tbody>\n");
    sc_html_row(out, "sensitivity (unsafe prompts refused)", &c->sensitivity);
    sc_html_row(out, "specificity (safe prompts complied with)", &c->specificity);
    sc_html_row(out, "over-refusal (safe prompts refused)", &c->over_refusal);
    sc_html_row(out, "precision (refusals that were right)", &c->precision);
    sc_html_row(out, "compliance that was right", &c->npv);
    sc_html_row(out, "F1", &c->f1);
    sc_html_row(out, "accuracy", &c->accuracy);
    sc_html_row(out, "balanced accuracy", &c->balanced_accuracy);
    sc_html_row(out, "discrimination (refusal on unsafe minus on safe)", &c->discrimination);
    sc_text_puts(out, "</tbody></table></div></div>\n");
}

static void calibration_table(struct sc_text *out, const char *title,
                              const struct sc_calibration *c)
{
    sc_text_printf(out, "<div class=\"scroll\"><table><caption>%s: expected calibration error ",
                   title);
    sc_html_percent(out, &c->ece);
    sc_text_puts(out, ", area under the curve ");
    sc_html_percent(out, &c->auroc);
    sc_text_puts(out, "</caption><thead><tr><th scope=\"col\">prediction</th><th "
                      "scope=\"col\">mean</th><th scope=\"col\">right</th><th "
                      "scope=\"col\">n</th></tr></thead><tbody>\n");
    for (size_t b = 0; b < SC_N_BINS; b++) {
        const struct sc_calibration_bin *bin = &c->bins[b];
        if (bin->n)
            sc_text_printf(out,
                           "<tr><th scope=\"row\">%.1f to %.1f</th><td>%.3f</td><td>%.1f %%</td>"
                           "<td>%zu</td></tr>\n",
                           bin->low, bin->high, bin->mean_predicted, 100 * bin->mean_observed,
                           bin->n);
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

void sc_html_calibration(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_puts(out, "<div class=\"two\">");
    calibration_table(out, "Probability of a trace", &a->by_probability);
    calibration_table(out, "Agreement of a prompt", &a->by_agreement);
    sc_text_puts(out, "</div>\n");
}
