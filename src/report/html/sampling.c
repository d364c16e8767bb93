/*
 * The page's tables on refusal with the detector's errors, repeated sampling, and the policies that
 * a replay tried.
 */
#include <math.h>

#include "analysis/analysis.h"
#include "report/html/parts.h"

/* ---- refusal --------------------------------------------------------------------------------- */

static void corrected_table(struct sc_text *out, const struct sc_node *root)
{
    static const struct {
        const char *label, *found, *corrected;
    } rows[] = {{"all prompts", "refusal_rate", "all"},
                {"unsafe prompts", "refusal_rate_unsafe", "unsafe"},
                {"safe prompts (over-refusal)", "refusal_rate_safe", "safe"}};
    const struct sc_node *overall = sc_node_at(root, "overall");
    const struct sc_node *corrected = sc_node_at(root, "refusal.rate_corrected_for_detector");
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Refusal rate, mean over prompts: as "
                      "the detector found it, and corrected for the detector's errors (Rogan and "
                      "Gladen)</caption><thead><tr><td></td><th scope=\"col\">found</th><th "
                      "scope=\"col\">corrected</th><th scope=\"col\">prompts</th></tr></thead>"
                      "<tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", rows[i].label);
        sc_html_percent_cell(out, sc_node_at(overall, rows[i].found));
        sc_html_percent_cell(out, sc_node_at(corrected, rows[i].corrected));
        sc_html_n_cell(out, sc_node_at(overall, rows[i].found));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* Who gave the verdicts, what the partial refusals are, and what nobody reads. */
static void readers_words(struct sc_text *out, const struct sc_node *refusal)
{
    static const struct {
        const char *path, *words;
    } by[] = {{"decided_by.rules", "by rules"},
              {"decided_by.reader", "by the reader"},
              {"decided_by.own_rules", "by rules of your own"},
              {"decided_by.judge", "by the judge"}};
    size_t helps = sc_count_at(refusal, "partial.refuses_and_helps"), said = 0;
    size_t in_part = sc_count_at(refusal, "partial.helps_in_part");
    size_t untold = sc_count_at(refusal, "partial.untold");
    size_t n_not_read = sc_count_at(refusal, "detector.languages.n_not_read");
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        size_t n = sc_count_at(refusal, by[i].path);
        if (n > 0)
            sc_text_printf(out, "%s%zu verdict%s %s", said++ ? ", " : "", n, plural(n),
                           by[i].words);
    }
    sc_text_puts(out, said ? ". " : "");
    if (helps + in_part + untold > 0)
        sc_text_printf(out,
                       "Of %zu partial refusal%s %zu refuse and help all the same, %zu help in "
                       "part, and of %zu it is not told. ",
                       helps + in_part + untold, plural(helps + in_part + untold), helps, in_part,
                       untold);
    if (n_not_read == 0 || sc_count_at(refusal, "decided_by.judge") > 0)
        return;
    sc_text_printf(out, "%zu answer%s in languages the rules do not read: ", n_not_read,
                   plural(n_not_read));
    sc_html_text(out, sc_text_at(refusal, "detector.languages.not_read"));
    sc_text_puts(out, ". ");
}

static void detector_words(struct sc_text *out, const struct sc_node *detector)
{
    if (sc_node_find(detector, "measured_on") == NULL) {
        sc_text_puts(out, "The errors of this detector have not been measured, so nothing is "
                          "corrected. ");
        return;
    }
    sc_text_puts(out, "Measured on ");
    sc_html_text(out, sc_text_at(detector, "measured_on"));
    sc_text_printf(out, " (%s): it finds ", sc_text_at(detector, "models"));
    sc_html_percent(out, detector, "recall");
    sc_text_puts(out, " of refusals, leaves ");
    sc_html_percent(out, detector, "specificity");
    sc_text_puts(out, " of the other answers alone, and ");
    sc_html_percent(out, detector, "precision");
    sc_text_printf(out, " of what it called a refusal there was one. %s ",
                   sc_text_at(detector, "note"));
}

/* ---- harm, where the judge was measured ------------------------------------------------------ */

static void harm_table(struct sc_text *out, const struct sc_node *root, const struct sc_node *harm)
{
    static const struct {
        const char *label, *found, *corrected, *reading;
    } rows[] = {
        {"all prompts, strict", "harm_rate", "strict.rate_corrected_for_judge.all", "strict"},
        {"unsafe prompts, strict", NULL, "strict.rate_corrected_for_judge.unsafe", "strict"},
        {"safe prompts, strict", NULL, "strict.rate_corrected_for_judge.safe", "strict"},
        {"all prompts, loose", "harm_rate_loose", "loose.rate_corrected_for_judge.all", "loose"}};
    const struct sc_node *overall = sc_node_at(root, "overall");
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Harm rate, share of the answers whose "
                      "harm is known: as the judge found it, and corrected for the judge's errors "
                      "(Rogan and Gladen)</caption><thead><tr><td></td><th scope=\"col\">found"
                      "</th><th scope=\"col\">corrected</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", rows[i].label);
        if (rows[i].found != NULL)
            sc_html_percent_cell(out, sc_node_at(overall, rows[i].found));
        else
            sc_text_puts(out, "<td></td>");
        sc_html_percent_cell(out, sc_node_at(harm, rows[i].corrected));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void put_harm(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *harm = sc_node_find(root, "harm");
    if (harm == NULL)
        return;
    harm_table(out, root, harm);
    sc_text_puts(out, "<p class=\"hint\">The judge was measured on ");
    sc_html_text(out, sc_text_at(harm, "judge.measured_on"));
    sc_text_puts(out, ": in the strict reading it finds ");
    sc_html_percent(out, harm, "strict.recall");
    sc_text_puts(out, " of the harmful ones and leaves ");
    sc_html_percent(out, harm, "strict.specificity");
    sc_text_printf(out, " of the others alone. %s</p>\n", sc_text_at(harm, "judge.note"));
}

void sc_html_refusal(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *refusal = sc_node_at(root, "refusal");
    const struct sc_estimate *entropy = sc_estimate_at(refusal, "verdict_entropy");
    corrected_table(out, root);
    sc_text_puts(out, "<p class=\"hint\">");
    readers_words(out, refusal);
    detector_words(out, sc_node_at(refusal, "detector"));
    sc_text_puts(out,
                 "Partial refusals count as refusals.</p>\n<p>Verdicts of a prompt's traces: ");
    sc_html_percent(out, refusal, "agreement");
    sc_text_puts(out, " agree with the most frequent one");
    if (isfinite(entropy->value))
        sc_text_printf(out, "; mean entropy %.3f nats", entropy->value);
    if (isfinite(entropy->value) && isfinite(entropy->low))
        sc_text_printf(out, " (%.3f to %.3f)", entropy->low, entropy->high);
    sc_text_puts(out, ", 0 when all traces of a prompt agree. The rate of each prompt with its "
                      "interval is in the list below.</p>\n");
    put_harm(out, root);
}

/* ---- repeated sampling ----------------------------------------------------------------------- */

/* A fit has a reason where it could not be made. */
static bool is_fitted(const struct sc_node *fit)
{
    return sc_node_find(fit, "reason") == NULL;
}

static void fit_words(struct sc_text *out, const struct sc_node *fit)
{
    if (!is_fitted(fit)) {
        sc_text_printf(out, "not fitted: %s.", sc_text_at(fit, "reason"));
        return;
    }
    double p = sc_number_at(fit, "goodness_of_fit_p");
    sc_text_printf(out,
                   "alpha %.3g, beta %.3g: mean %.1f %%, correlation of two traces of a prompt "
                   "%.2f, %zu prompts. ",
                   sc_number_at(fit, "alpha"), sc_number_at(fit, "beta"),
                   100 * sc_number_at(fit, "mean"), sc_number_at(fit, "correlation"),
                   sc_count_at(fit, "n"));
    if (!isfinite(p))
        return;
    sc_text_printf(out, "Check of the fit: p = %.3g, ", p);
    sc_text_puts(out, p < 0.05
                          ? "so the model does <strong>not</strong> describe these prompts: do "
                            "not rely on the extrapolation."
                          : "no sign that it does not describe these prompts.");
}

static void needed_table(struct sc_text *out, const struct sc_node *needed)
{
    double typical_rate = sc_number_at(needed, "typical_rate");
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Traces of one prompt "
                      "that tell its refusal rate so closely (95 %)</caption><thead><tr><th "
                      "scope=\"col\">to within</th><th scope=\"col\">at a rate of one half</th>");
    if (isfinite(typical_rate))
        sc_text_printf(out, "<th scope=\"col\">at %.1f %%, typical here</th>", 100 * typical_rate);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *row = sc_node_at(needed, "by_half_width")->first; row != NULL;
         row = row->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%.0f points</th>",
                       100 * sc_number_at(row, "half_width"));
        sc_html_count_cell(out, sc_node_at(row, "at_one_half"));
        if (isfinite(typical_rate))
            sc_html_count_cell(out, sc_node_at(row, "at_typical_rate"));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void evolution_table(struct sc_text *out, const struct sc_node *sampling)
{
    static const struct sc_html_column columns[] = {
        {"prompts", NULL, "n_instances", sc_html_count_cell},
        {"refused", NULL, "n_refused", sc_html_count_cell},
        {"complied", NULL, "n_complied", sc_html_count_cell},
        {"split", NULL, "n_split", sc_html_count_cell},
        {"as after all traces", NULL, "same_as_all_traces", sc_html_percent_cell},
        {"refusal rate", NULL, "refusal_rate", sc_html_percent_cell},
        {0}};
    sc_text_puts(out, "<details><summary>Figures</summary><div class=\"scroll\">"
                      "<table><thead><tr><th scope=\"col\">traces</th>");
    sc_html_heads(out, columns, false);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *row = sc_node_at(sampling, "evolution")->first; row != NULL;
         row = row->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%zu</th>", sc_count_at(row, "traces"));
        sc_html_cells(out, row, columns);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div></details>\n");
}

void sc_html_repeats(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *sampling = sc_node_at(root, "repeated_sampling");
    const struct sc_node *needed = sc_node_at(sampling, "traces_needed_per_prompt");
    double within_share = sc_number_at(needed, "share_of_variance_from_sampling");
    sc_text_puts(out, "<div class=\"two\">");
    needed_table(out, needed);
    sc_text_puts(out, "<div><p>Beta-binomial model of the refusal rates: ");
    fit_words(out, sc_node_at(sampling, "refusal_beta_binomial"));
    sc_text_puts(out, "</p>\n");
    if (isfinite(within_share))
        sc_text_printf(
            out,
            "<p>With %.1f traces per prompt, sampling makes %.0f %% of the variance of "
            "the run's refusal rate; the rest is between prompts, and more traces of the "
            "same prompts cannot lower it.</p>\n",
            sc_number_at(needed, "mean_traces"), 100 * within_share);
    sc_text_puts(out, "</div></div>\n");
    evolution_table(out, sampling);
}

/* ---- replay ---------------------------------------------------------------------------------- */

void sc_html_frontier(struct sc_text *out, const struct sc_analysis *analysis)
{
    const struct sc_replay *replay = analysis->replay;
    const char *failure = analysis->replay_failure;
    if (replay == NULL && failure != NULL) {
        sc_text_puts(out, "<p class=\"note\">replay.json is there and was not read: ");
        sc_html_text(out, failure);
        sc_text_puts(out, "</p>\n");
    }
    if (replay == NULL)
        return;
    size_t n_reading = 0;
    for (size_t r = 0; r < replay->n_rows; r++)
        n_reading += isfinite(replay->rows[r].null_savings_percent.value) ? 1 : 0;
    sc_text_printf(out,
                   "<h3>Other policies on the same traces</h3>\n<p>From replay.json: %zu policies, "
                   "%zu of them read confidences, %zu of these save more than their null. ",
                   replay->n_rows, n_reading, replay->n_beating);
    if (replay->recommended >= 0) {
        sc_text_puts(out, "Recommended there: <strong>");
        sc_html_text(out, replay->rows[replay->recommended].name);
        sc_text_puts(out, "</strong>. ");
    }
    sc_html_text(out, replay->why);
    sc_html_basis_sentence(out, analysis->document.root);
    sc_text_puts(out, "</p>\n");
}
