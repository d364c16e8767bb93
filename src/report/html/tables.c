/*
 * The page's head, summary, quadrants, and its tables of policies, categories and right behaviour.
 */
#include <math.h>
#include <safeconf/source.h>
#include <string.h>

#include "report/html/parts.h"

/* ---- head ------------------------------------------------------------------------------------ */

void sc_html_title(struct sc_text *out, const struct sc_node *root)
{
    sc_html_text(out, sc_text_at(root, "run.model"));
    sc_text_puts(out, " on ");
    sc_html_text(out, sc_text_at(root, "run.benchmark"));
}

static void fact(struct sc_text *out, const char *name, const char *untrusted)
{
    sc_text_printf(out, "<div><dt>%s</dt><dd>", name);
    sc_html_text(out, untrusted != NULL ? untrusted : "unknown");
    sc_text_puts(out, "</dd></div>\n");
}

static void fact_of(struct sc_text *out, const char *name, const struct sc_node *node)
{
    if (node->kind == SC_NODE_COUNT)
        sc_text_printf(out, "<div><dt>%s</dt><dd>%llu</dd></div>\n", name,
                       (unsigned long long)node->as.count);
    else
        fact(out, name, node->kind == SC_NODE_ABSENT ? "not given" : sc_node_text(node));
}

void sc_html_facts(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_row facts[] = {{"Policy", "run.policy"},
                                               {"Prompts", "overall.n_instances"},
                                               {"Traces", "overall.n_traces"},
                                               {"Tokens", "overall.total_tokens"},
                                               {"Arithmetic", "run.dtype"},
                                               {"Seed", "run.seed"},
                                               {0}};
    static const struct sc_html_row of_source[] = {
        {"Source", "run.source.kind"},
        {"Software", "run.source.software"},
        {"Log-probabilities", "run.source.logprobs"},
        {"Log-probabilities a token", "run.source.top_k"},
        {"Repeats itself", "run.source.reproducible"},
        {0}};
    static const struct sc_html_row troubles[] = {
        {"Failed traces", "overall.n_traces_failed"},
        {"Unparsed traces", "overall.n_traces_unparsed"},
        {"Unreached answers", "overall.n_traces_unreached"},
        {"Empty answers", "overall.n_traces_empty"},
        {"At the token limit", "overall.n_traces_at_length"},
        {"Ended by the service's filter", "overall.n_traces_filtered"},
        {"Withheld by the service's filter", "overall.n_traces_withheld"},
        {0}};
    sc_text_puts(out, "<dl class=\"facts\">\n");
    for (const struct sc_html_row *row = facts; row->label != NULL; row++)
        fact_of(out, row->label, sc_node_at(root, row->path));
    if (strcmp(sc_text_at(root, "run.source.kind"), SC_SOURCE_IN_PROCESS) != 0)
        for (const struct sc_html_row *row = of_source; row->label != NULL; row++)
            if (sc_node_find(root, row->path) != NULL)
                fact_of(out, row->label, sc_node_at(root, row->path));
    if (sc_node_find(root, "run.source.revision") != NULL)
        fact(out, "Revision", sc_text_at(root, "run.source.revision"));
    fact(out, "Confidence", sc_text_at(root, "run.metric"));
    if (sc_node_find(root, "run.confidence_basis") != NULL)
        fact(out, "Confidence is", sc_text_at(root, "run.confidence_basis"));
    fact(out, "Judge",
         sc_document_is_proxy(root) ? "none (labels stand in: proxy)"
                                    : sc_text_at(root, "run.judge"));
    for (const struct sc_html_row *row = troubles; row->label != NULL; row++)
        if (sc_node_number(sc_node_find(root, row->path)) > 0)
            fact_of(out, row->label, sc_node_at(root, row->path));
    sc_text_puts(out, "</dl>\n");
}

/* Nothing when the document does not have it. */
static void note(struct sc_text *out, const struct sc_node *root, const char *style,
                 const char *path)
{
    const struct sc_node *text = sc_node_find(root, path);
    if (text == NULL)
        return;
    sc_text_printf(out, "<p class=\"%s\">", style);
    sc_html_text(out, sc_node_text(text));
    sc_text_puts(out, "</p>\n");
}

void sc_html_notes(struct sc_text *out, const struct sc_node *root)
{
    if (sc_document_is_proxy(root))
        note(out, root, "hint", "run.harm_note");
    note(out, root, "hint", "run.confidence_note");
    note(out, root, "note", "run.shard_note");
    note(out, root, "note", "benchmark.rows_note");
    note(out, root, "note", "overall.failure_note");
    note(out, root, "note", "prompts.note");
}

/* ---- summary --------------------------------------------------------------------------------- */

/* Links to the prompts that waver, those to be read first before the others. */
static void put_wavering_links(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *prompt = sc_node_at(root, "wavering.read_first")->first;
    if (prompt == NULL)
        return;
    sc_text_puts(out, "<span class=\"links\">Read them:");
    for (; prompt != NULL; prompt = prompt->next) {
        sc_text_puts(out, " <a href=\"#prompt=");
        sc_html_fragment(out, sc_text_at(prompt, "instance_id"));
        sc_text_puts(out, "\">");
        sc_html_name(out, sc_text_at(prompt, "instance_id"), 40);
        sc_text_puts(out, "</a>");
    }
    sc_text_puts(out, "</span>");
}

void sc_html_opening(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_row sentences[] = {{"Refusal", "refusal"},
                                                   {"Wavering", "wavering"},
                                                   {"Confidence", "confidence"},
                                                   {"Trust", "trust"},
                                                   {0}};
    const struct sc_node *summary = sc_node_at(root, "summary");
    note(out, root, "note", "overall.filtered_note");
    note(out, root, "note", "overall.unreached_note");
    note(out, root, "note", "overall.length_note");
    sc_text_puts(out, "<dl class=\"opening\">\n");
    for (const struct sc_html_row *row = sentences; row->label != NULL; row++) {
        sc_text_printf(out, "<div class=\"%s\"><dt>%s</dt><dd>", row->path, row->label);
        sc_html_text(out, sc_text_at(summary, row->path));
        if (strcmp(row->path, "wavering") == 0)
            put_wavering_links(out, root);
        sc_text_puts(out, "</dd></div>\n");
    }
    sc_text_puts(out, "</dl>\n");
}

static void tile(struct sc_text *out, const char *label, const struct sc_estimate *e)
{
    sc_text_puts(out, "<div class=\"tile\"><b>");
    if (isfinite(e->value))
        sc_text_printf(out, "%.1f %%", 100 * e->value);
    else
        sc_text_puts(out, "none");
    sc_text_printf(out, "</b>%s<span>", label);
    if (isfinite(e->value) && isfinite(e->low) && isfinite(e->high))
        sc_text_printf(out, "95 %%: %.1f to %.1f, n = %zu", 100 * e->low, 100 * e->high, e->n);
    else
        sc_html_text(out, e->reason);
    sc_text_puts(out, "</span></div>\n");
}

void sc_html_summary(struct sc_text *out, const struct sc_node *root)
{
    static const struct {
        const char *label, *label_proxy, *path;
    } tiles[] = {
        {"of unsafe prompts' traces refuse", NULL, "refusal_rate_unsafe"},
        {"of safe prompts' traces refuse (over-refusal)", NULL, "refusal_rate_safe"},
        {"of traces are harmful", "of traces are harmful (proxy)", "harm_rate"},
        {"of traces agree with their prompt's majority", NULL, "agreement"},
    };
    const struct sc_node *overall = sc_node_at(root, "overall");
    const struct sc_node *confusion = sc_node_at(root, "confusion");
    bool proxy = sc_document_is_proxy(root);
    sc_text_puts(out, "<div class=\"tiles\">\n");
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
        tile(out, proxy && tiles[i].label_proxy != NULL ? tiles[i].label_proxy : tiles[i].label,
             sc_estimate_at(overall, tiles[i].path));
    sc_text_puts(out, "</div>\n<p>");
    sc_text_printf(out,
                   "Of %zu prompts the model refused %zu, complied with %zu and was split on "
                   "%zu. ",
                   sc_count_at(overall, "n_instances"), sc_count_at(overall, "n_refused"),
                   sc_count_at(overall, "n_complied"), sc_count_at(overall, "n_split"));
    size_t n_labelled = sc_count_at(confusion, "tp") + sc_count_at(confusion, "fn") +
                        sc_count_at(confusion, "fp") + sc_count_at(confusion, "tn");
    if (n_labelled) {
        sc_text_puts(out, "It did the right thing (refused unsafe, complied with safe) on ");
        sc_html_percent(out, confusion, "accuracy");
        sc_text_printf(out, " of the %zu labelled prompts that were not split. ", n_labelled);
    }
    sc_text_puts(out, "</p>\n");
}

/* ---- quadrants ------------------------------------------------------------------------------- */

static void quadrant_cell(struct sc_text *out, const struct sc_node *root, size_t index)
{
    static const struct {
        const char *key, *meaning;
    } quadrants[] = {{"confident_refusal", "a good boundary, where the prompt is unsafe"},
                     {"confident_compliance", "check that it is really safe"},
                     {"uncertain_refusal", "over-cautious?"},
                     {"uncertain_compliance", "the hypothesis: the highest risk"}};
    const struct sc_node *group = sc_node_at(root, quadrants[index].key);
    size_t n = sc_count_at(root, "overall.n_instances"), count = sc_count_at(group, "count");
    double confidence = sc_number_at(group, "mean_confidence");
    sc_text_printf(out, "<td class=\"q%zu\"><code>%s</code><br><b>%zu</b> prompts", index,
                   quadrants[index].key, count);
    if (n)
        sc_text_printf(out, " (%.0f %%)", 100.0 * (double)count / (double)n);
    sc_text_printf(out, "<br>%zu unsafe, %zu safe, %zu unknown<br>refuses ",
                   sc_count_at(group, "n_unsafe"), sc_count_at(group, "n_safe"),
                   sc_count_at(group, "n_unknown"));
    sc_html_percent(out, group, "refusal_rate");
    sc_text_printf(out, "<br>%s ", sc_html_harm_word(root));
    sc_html_percent(out, group, "harm_rate");
    sc_text_puts(out, ", loose ");
    sc_html_percent(out, group, "harm_rate_loose");
    if (isfinite(confidence)) {
        sc_text_puts(out, "<br>mean confidence");
        sc_html_basis(out, root);
        sc_text_printf(out, " %.2f", confidence);
    }
    sc_text_printf(out, "<small>%s</small></td>", quadrants[index].meaning);
}

void sc_html_quadrants(struct sc_text *out, const struct sc_node *root)
{
    double threshold = sc_number_at(root, "run.confident_threshold");
    bool by_quantile = isfinite(sc_number_at(root, "run.confident_quantile"));
    sc_text_puts(out, "<div class=\"scroll\"><table class=\"quadrants\"><caption>");
    if (!isfinite(threshold))
        sc_text_puts(out, "No trace has a confidence.");
    else
        sc_text_printf(out, "Confident: a mean confidence of %.3f or more%s.", threshold,
                       by_quantile ? ", a quantile of this run" : "");
    sc_html_basis_sentence(out, root);
    sc_text_puts(out, "</caption><thead><tr><td></td><th scope=\"col\">refused</th><th "
                      "scope=\"col\">did not refuse (complied or split)</th></tr></thead>\n"
                      "<tbody><tr><th scope=\"row\">confident</th>");
    quadrant_cell(out, root, 0);
    quadrant_cell(out, root, 1);
    sc_text_puts(out, "</tr>\n<tr><th scope=\"row\">uncertain</th>");
    quadrant_cell(out, root, 2);
    quadrant_cell(out, root, 3);
    sc_text_puts(out, "</tr></tbody></table></div>\n");
}

/* ---- attacks, policies, categories ----------------------------------------------------------- */

void sc_html_proxy(struct sc_text *out, const struct sc_node *root)
{
    if (sc_document_is_proxy(root))
        sc_text_puts(out, " (proxy: answered, at least in part)");
}

void sc_html_attacks(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *attacks = sc_node_at(root, "asr_at_k");
    const struct sc_node *loose = sc_node_at(attacks, "loose")->first;
    sc_text_puts(out, "<details><summary>Figures</summary><div class=\"scroll\"><table><caption>"
                      "Policy ");
    sc_html_text(out, sc_text_at(attacks, "policy"));
    sc_text_puts(out, "</caption><thead><tr><th scope=\"col\">k</th><th scope=\"col\">attack "
                      "success</th><th scope=\"col\">loose</th><th scope=\"col\">prompts</th></tr>"
                      "</thead><tbody>\n");
    for (const struct sc_node *strict = sc_node_at(attacks, "strict")->first; strict != NULL;
         strict = strict->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%zu</th>", sc_count_at(strict, "k"));
        sc_html_percent_cell(out, sc_node_at(strict, "asr"));
        sc_html_percent_cell(out, sc_node_at(loose, "asr"));
        loose = loose->next;
        sc_html_n_cell(out, sc_node_at(strict, "asr"));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div></details>\n");
}

/* Whether the policy is what the others are held against; its cell is then empty. */
static bool is_reference(struct sc_text *out, const struct sc_node *policy)
{
    bool reference = sc_flag_at(policy, "reference");
    if (reference)
        sc_text_puts(out, "<td></td>");
    return reference;
}

static void below_reference_cell(struct sc_text *out, const struct sc_node *policy)
{
    if (!is_reference(out, policy))
        sc_html_percents_cell(out, sc_node_at(policy, "tokens_below_reference_percent"));
}

static void difference_cell(struct sc_text *out, const struct sc_node *policy)
{
    if (!is_reference(out, policy))
        sc_html_points_cell(out, sc_node_at(policy, "refusal_rate_difference"));
}

static void changed_cell(struct sc_text *out, const struct sc_node *policy)
{
    if (!is_reference(out, policy))
        sc_text_printf(out, "<td>%zu<small>of %zu</small></td>",
                       sc_count_at(policy, "verdict_changes"), sc_count_at(policy, "n_compared"));
}

static void unseen_cell(struct sc_text *out, const struct sc_node *policy)
{
    if (!is_reference(out, policy))
        sc_text_printf(out, "<td>%zu<small>%zu prompts wholly</small></td>",
                       sc_count_at(policy, "harmful_answers_unseen"),
                       sc_count_at(policy, "prompts_with_all_harm_unseen"));
}

static void null_cell(struct sc_text *out, const struct sc_node *figure)
{
    if (isfinite(sc_node_number(figure)))
        sc_html_2_digits_cell(out, figure);
    else
        sc_text_puts(out, "<td></td>");
}

static const struct sc_html_column policy_columns[] = {
    {"traces per prompt", NULL, "avg_traces", sc_html_2_digits_cell},
    {"tokens", NULL, "total_tokens", sc_html_tokens_cell},
    {"tokens saved", NULL, "token_savings_percent", sc_html_percents_cell},
    {"traces saved", NULL, "trace_savings_percent", sc_html_percents_cell},
    {"tokens below reference", NULL, NULL, below_reference_cell},
    {"refusal rate", NULL, "refusal_rate", sc_html_percent_cell},
    {"difference", NULL, NULL, difference_cell},
    {"verdicts changed", NULL, NULL, changed_cell},
    {"harmful answers unseen", "harmful answers (proxy) unseen", NULL, unseen_cell},
    {"null", NULL, "null_avg_traces", null_cell},
    {0}};

static void policy_row(struct sc_text *out, const struct sc_node *policy)
{
    bool primary = sc_flag_at(policy, "primary");
    sc_text_printf(out, "<tr%s><th scope=\"row\">", primary ? " class=\"chosen\"" : "");
    sc_html_text(out, sc_text_at(policy, "name"));
    sc_text_printf(out, "%s%s</th>", primary ? "<small>this report</small>" : "",
                   sc_flag_at(policy, "reference") ? "<small>reference</small>" : "");
    sc_html_cells(out, policy, policy_columns);
    sc_text_puts(out, "</tr>\n");
}

/* What is to be said of a policy that looks at verdicts, and what it says of its intervals. */
static void policy_note(struct sc_text *out, const struct sc_node *policy)
{
    const struct sc_node *text = sc_node_find(policy, "note");
    if (text == NULL)
        return;
    sc_text_puts(out, "<p class=\"note\">");
    sc_html_text(out, sc_text_at(policy, "name"));
    sc_text_puts(out, ": ");
    sc_html_text(out, sc_node_text(text));
    if (sc_node_find(policy, "refusal_rate_unbiased") != NULL) {
        sc_text_puts(out, ": ");
        sc_html_percent(out, policy, "refusal_rate_unbiased");
    }
    if (sc_node_find(policy, "mean_width") != NULL && isfinite(sc_number_at(policy, "mean_width")))
        sc_text_printf(
            out,
            ". The always-valid intervals of %zu of %zu prompts leave one half out; mean "
            "width %.2f",
            sc_count_at(policy, "n_settled"), sc_count_at(policy, "n_instances"),
            sc_number_at(policy, "mean_width"));
    sc_text_puts(out, ".</p>\n");
}

void sc_html_policies(struct sc_text *out, const struct sc_node *root)
{
    sc_text_printf(out,
                   "<div class=\"scroll\"><table><caption>Savings against %zu traces for every "
                   "prompt. Reference: the policy that may sample most; differences, changes and "
                   "what was not seen are against it. Null: the traces that the adaptive rule uses "
                   "when each prompt's confidences are drawn from those of all prompts; a saving "
                   "no larger than the null's is noise.</caption>",
                   sc_count_at(root, "overall.savings_against_traces"));
    sc_text_puts(out, "<thead><tr><th scope=\"col\">policy</th>");
    sc_html_heads(out, policy_columns, sc_document_is_proxy(root));
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *policy = sc_node_at(root, "policies")->first; policy != NULL;
         policy = policy->next)
        policy_row(out, policy);
    sc_text_puts(out, "</tbody></table></div>\n");
    for (const struct sc_node *policy = sc_node_at(root, "policies")->first; policy != NULL;
         policy = policy->next)
        policy_note(out, policy);
}

void sc_html_categories(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_column columns[] = {
        {"prompts", NULL, "count", sc_html_count_cell},
        {"unsafe", NULL, "n_unsafe", sc_html_count_cell},
        {"refusal rate", NULL, "refusal_rate", sc_html_percent_cell},
        {"over-refusal<small>safe prompts</small>", NULL, "over_refusal", sc_html_percent_cell},
        {"under-refusal<small>unsafe prompts</small>", NULL, "under_refusal", sc_html_percent_cell},
        {"harm", "harm (proxy)", "harm_rate", sc_html_percent_cell},
        {"right behaviour", NULL, "accuracy", sc_html_percent_cell},
        {"confidence", NULL, "mean_confidence", sc_html_2_digits_cell},
        {"uncertain compliance", NULL, "uncertain_compliance", sc_html_count_cell},
        {0}};
    sc_text_puts(out, "<div class=\"scroll\"><table>");
    sc_html_basis_caption(out, root);
    sc_text_puts(out, "<thead><tr><th scope=\"col\">category</th>");
    sc_html_heads(out, columns, sc_document_is_proxy(root));
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *category = sc_node_at(root, "per_category")->first; category != NULL;
         category = category->next) {
        sc_text_puts(out, "<tr><th scope=\"row\">");
        if (category->key[0] != '\0')
            sc_html_text(out, category->key);
        else
            sc_text_puts(out, "<em>none</em>");
        sc_text_puts(out, "</th>");
        sc_html_cells(out, category, columns);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

/* ---- confusion, calibration ------------------------------------------------------------------ */

void sc_html_confusion(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_column columns[] = {
        {"value", NULL, NULL, sc_html_percent_cell}, {"n", NULL, NULL, sc_html_n_cell}, {0}};
    static const struct sc_html_row rows[] = {
        {"sensitivity (unsafe prompts refused)", "sensitivity"},
        {"specificity (safe prompts complied with)", "specificity"},
        {"over-refusal (safe prompts refused)", "over_refusal"},
        {"precision (refusals that were right)", "precision"},
        {"compliance that was right", "npv"},
        {"F1", "f1"},
        {"accuracy", "accuracy"},
        {"balanced accuracy", "balanced_accuracy"},
        {"discrimination (refusal on unsafe minus on safe)", "discrimination"},
        {0}};
    const struct sc_node *confusion = sc_node_at(root, "confusion");
    sc_text_printf(
        out,
        "<div class=\"two\"><div class=\"scroll\"><table class=\"confusion\"><thead><tr>"
        "<td></td><th scope=\"col\">refused</th><th scope=\"col\">complied</th></tr>"
        "</thead><tbody><tr><th scope=\"row\">unsafe</th><td>%zu<small>true "
        "positive</small></td><td>%zu<small>false negative</small></td></tr><tr><th "
        "scope=\"row\">safe</th><td>%zu<small>false positive</small></td><td>%zu<small>"
        "true negative</small></td></tr></tbody></table>\n<p class=\"hint\">Left out: %zu "
        "split, %zu without a label, %zu without a judged trace.</p></div>\n",
        sc_count_at(confusion, "tp"), sc_count_at(confusion, "fn"), sc_count_at(confusion, "fp"),
        sc_count_at(confusion, "tn"), sc_count_at(confusion, "split"),
        sc_count_at(confusion, "unknown"), sc_count_at(confusion, "not_judged"));
    sc_text_puts(out, "<div class=\"scroll\"><table><thead><tr><td></td>");
    sc_html_heads(out, columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    sc_html_rows(out, confusion, rows, columns);
    sc_text_puts(out, "</tbody></table></div></div>\n");
}

static void calibration_table(struct sc_text *out, const char *title,
                              const struct sc_node *calibration)
{
    sc_text_printf(out, "<div class=\"scroll\"><table><caption>%s: expected calibration error ",
                   title);
    sc_html_percent(out, calibration, "expected_calibration_error");
    sc_text_puts(out, ", area under the curve ");
    sc_html_percent(out, calibration, "auroc");
    sc_text_puts(out, "</caption><thead><tr><th scope=\"col\">prediction</th><th "
                      "scope=\"col\">mean</th><th scope=\"col\">right</th><th "
                      "scope=\"col\">n</th></tr></thead><tbody>\n");
    for (const struct sc_node *bin = sc_node_at(calibration, "bins")->first; bin != NULL;
         bin = bin->next)
        if (sc_count_at(bin, "n"))
            sc_text_printf(out,
                           "<tr><th scope=\"row\">%.1f to %.1f</th><td>%.3f</td><td>%.1f %%</td>"
                           "<td>%zu</td></tr>\n",
                           sc_number_at(bin, "from"), sc_number_at(bin, "to"),
                           sc_number_at(bin, "mean_predicted"),
                           100 * sc_number_at(bin, "mean_observed"), sc_count_at(bin, "n"));
    sc_text_puts(out, "</tbody></table></div>\n");
}

void sc_html_calibration(struct sc_text *out, const struct sc_node *root)
{
    sc_text_puts(out, "<div class=\"two\">");
    calibration_table(out, "Probability of a trace",
                      sc_node_at(root, "calibration.trace_probability"));
    calibration_table(out, "Agreement of a prompt", sc_node_at(root, "calibration.agreement"));
    sc_text_puts(out, "</div>\n");
}
