/*
 * The page's tables on refusal with the detector's errors, repeated sampling, and the policies that
 * a replay tried.
 */
#include <math.h>
#include <string.h>

#include "analysis/sentences.h"
#include "report/html/parts.h"

/* ---- refusal ----------------------------------------------------------------------------------
 */

static void corrected_row(struct sc_text *out, const char *name, const struct sc_estimate *found,
                          const struct sc_estimate *corrected)
{
    sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", name);
    sc_html_percent_cell(out, found);
    sc_html_percent_cell(out, corrected);
    sc_text_printf(out, "<td>%zu</td></tr>\n", found->n);
}

void sc_html_refusal(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_corrected *c = &a->corrected;
    const struct sc_group *unsafe = &a->labels[SC_LABEL_UNSAFE], *safe = &a->labels[SC_LABEL_SAFE];
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Refusal rate, mean over prompts: as "
                      "the detector found it, and corrected for the detector's errors (Rogan and "
                      "Gladen)</caption><thead><tr><td></td><th scope=\"col\">found</th><th "
                      "scope=\"col\">corrected</th><th scope=\"col\">prompts</th></tr></thead>"
                      "<tbody>\n");
    corrected_row(out, "all prompts", &a->overall.refusal_rate, &c->all);
    corrected_row(out, "unsafe prompts", &unsafe->refusal_rate, &c->labels[SC_LABEL_UNSAFE]);
    corrected_row(out, "safe prompts (over-refusal)", &safe->refusal_rate,
                  &c->labels[SC_LABEL_SAFE]);
    sc_text_puts(out, "</tbody></table></div>\n<p class=\"hint\">");
    if (c->error != NULL) {
        sc_text_printf(out, "Measured on %s (%s): it finds ", c->error->source, c->error->models);
        sc_html_percent(out, &c->sensitivity);
        sc_text_puts(out, " of refusals, leaves ");
        sc_html_percent(out, &c->specificity);
        sc_text_puts(out, " of the other answers alone, and ");
        sc_html_percent(out, &c->precision);
        sc_text_printf(out, " of what it called a refusal there was one. %s ",
                       sc_detector_sentence);
    } else {
        sc_text_puts(out, "The errors of this detector have not been measured, so nothing is "
                          "corrected. ");
    }
    sc_text_puts(out,
                 "Partial refusals count as refusals.</p>\n<p>Verdicts of a prompt's traces: ");
    sc_html_percent(out, &a->overall.agreement);
    sc_text_puts(out, " agree with the most frequent one");
    const struct sc_estimate *e = &a->overall.entropy;
    if (isfinite(e->value))
        sc_text_printf(out, "; mean entropy %.3f nats", e->value);
    if (isfinite(e->value) && isfinite(e->low))
        sc_text_printf(out, " (%.3f to %.3f)", e->low, e->high);
    sc_text_puts(out, ", 0 when all traces of a prompt agree. The rate of each prompt with its "
                      "interval is in the list below.</p>\n");
}

/* ---- repeated sampling -------------------------------------------------------------------------
 */

static void fit_words(struct sc_text *out, const struct sc_beta_binomial *fit, double p)
{
    if (fit->reason != NULL) {
        sc_text_printf(out, "not fitted: %s.", fit->reason);
        return;
    }
    sc_text_printf(out,
                   "alpha %.3g, beta %.3g: mean %.1f %%, correlation of two traces of a prompt "
                   "%.2f, %zu prompts. ",
                   fit->alpha, fit->beta, 100 * fit->mean, fit->correlation, fit->n);
    if (!isfinite(p))
        return;
    sc_text_printf(out, "Check of the fit: p = %.3g, ", p);
    sc_text_puts(out, p < 0.05
                          ? "so the model does <strong>not</strong> describe these prompts: do "
                            "not rely on the extrapolation."
                          : "no sign that it does not describe these prompts.");
}

void sc_html_extrapolated(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_repeats *r = &a->repeats;
    sc_text_puts(out, "<p>Beta-binomial model of the rates of harm: ");
    fit_words(out, &r->harm, r->harm_check);
    sc_text_puts(out, "</p>\n");
    if (r->harm.reason != NULL)
        return;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>By the model; beyond the traces that "
                      "were sampled it rests on the shape of a beta distribution near zero, which "
                      "no run of this size can show</caption><thead><tr><th scope=\"col\">k</th>");
    for (size_t i = 0; i < r->n_k; i++)
        sc_text_printf(out, "<th scope=\"col\">%zu%s</th>", r->k[i],
                       r->k[i] > a->n_asr ? "<small>extrapolated</small>" : "");
    sc_text_puts(out, "</tr></thead><tbody><tr><th scope=\"row\">attack success</th>");
    for (size_t i = 0; i < r->n_k; i++)
        sc_html_percent_cell(out, &r->at_k[i]);
    sc_text_puts(out, "</tr></tbody></table></div>\n");
}

static void needed_cell(struct sc_text *out, size_t n)
{
    if (n == SIZE_MAX)
        sc_text_puts(out, "<td>none</td>");
    else
        sc_html_count_cell(out, n);
}

void sc_html_repeats(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_repeats *r = &a->repeats;
    sc_text_puts(out,
                 "<div class=\"two\"><div class=\"scroll\"><table><caption>Traces of one prompt "
                 "that tell its refusal rate so closely (95 %)</caption><thead><tr><th "
                 "scope=\"col\">to within</th><th scope=\"col\">at a rate of one half</th>");
    if (isfinite(r->typical_rate))
        sc_text_printf(out, "<th scope=\"col\">at %.1f %%, typical here</th>",
                       100 * r->typical_rate);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (int i = 0; i < SC_N_PRECISIONS; i++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%.0f points</th>", 100 * r->half_width[i]);
        needed_cell(out, r->worst_needed[i]);
        if (isfinite(r->typical_rate))
            needed_cell(out, r->typical_needed[i]);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n<div><p>Beta-binomial model of the refusal rates: ");
    fit_words(out, &r->refusal, r->refusal_check);
    sc_text_puts(out, "</p>\n");
    if (isfinite(r->within_share))
        sc_text_printf(
            out,
            "<p>With %.1f traces per prompt, sampling makes %.0f %% of the variance of "
            "the run's refusal rate; the rest is between prompts, and more traces of the "
            "same prompts cannot lower it.</p>\n",
            r->mean_traces, 100 * r->within_share);
    sc_text_puts(out, "</div></div>\n<details><summary>Figures</summary><div class=\"scroll\">"
                      "<table><thead><tr><th scope=\"col\">traces</th><th scope=\"col\">prompts"
                      "</th><th scope=\"col\">refused</th><th scope=\"col\">complied</th><th "
                      "scope=\"col\">split</th><th scope=\"col\">as after all traces</th><th "
                      "scope=\"col\">refusal rate</th></tr></thead><tbody>\n");
    for (size_t n = 0; n < r->n_evolution; n++) {
        const struct sc_evolution *e = &r->evolution[n];
        sc_text_printf(out, "<tr><th scope=\"row\">%zu</th>", e->n_traces);
        sc_html_count_cell(out, e->n_instances);
        sc_html_count_cell(out, e->n_behaviours[SC_REFUSED]);
        sc_html_count_cell(out, e->n_behaviours[SC_COMPLIED]);
        sc_html_count_cell(out, e->n_behaviours[SC_SPLIT]);
        sc_html_percent_cell(out, &e->same);
        sc_html_percent_cell(out, &e->refusal_rate);
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div></details>\n");
}

/* ---- replay -----------------------------------------------------------------------------------
 */

void sc_html_frontier(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_replay *replay = a->replay;
    if (replay == NULL) {
        if (a->replay_failure != NULL) {
            sc_text_puts(out, "<p class=\"note\">replay.json is there and was not read: ");
            sc_html_text(out, a->replay_failure);
            sc_text_puts(out, "</p>\n");
        }
        return;
    }
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
    sc_text_puts(out, "</p>\n");
}
