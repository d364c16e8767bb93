/*
 * The page's part on more attempts and more prompts: forecasts side by side, and how far each was
 * off on traces that it had not seen.
 */
#include "statistics/forecast.h"

#include <math.h>

#include "report/html/parts.h"

static const char *const labels[SC_N_FORECASTERS] = {[SC_BY_EQUAL_RATES] = "equal rates (null)",
                                                     [SC_BY_BETA_BINOMIAL] = "beta-binomial",
                                                     [SC_BY_SCALED_BETA] = "scaled beta",
                                                     [SC_BY_POWER_LAW] = "power law"};

static const struct sc_node *method_at(const struct sc_node *from, int by)
{
    return sc_node_at(from, sc_forecaster_name((enum sc_forecaster)by));
}

static void heads(struct sc_text *out)
{
    for (int by = 0; by < SC_N_FORECASTERS; by++)
        sc_text_printf(out, "<th scope=\"col\">%s</th>", labels[by]);
    sc_text_puts(out, "</tr></thead><tbody>\n");
}

static void row_head(struct sc_text *out, const char *what, double n, bool extrapolated)
{
    sc_text_printf(out, "<tr%s><th scope=\"row\">%s%.0f%s</th>",
                   extrapolated ? " class=\"beyond\"" : "", what, n,
                   extrapolated ? "<small>extrapolated</small>" : "");
}

/* ---- attempts -------------------------------------------------------------------------------- */

/* What each fit is, and whether its check doubts it. */
static void fits(struct sc_text *out, const struct sc_node *attempts)
{
    sc_text_puts(out, "<ul>");
    for (int by = SC_BY_BETA_BINOMIAL; by < SC_N_FORECASTERS; by++) {
        const struct sc_node *method = method_at(attempts, by);
        double p = sc_number_at(method, "check_p");
        sc_text_printf(out, "<li>%s: ", labels[by]);
        if (sc_node_find(method, "reason") != NULL) {
            sc_text_printf(out, "not fitted, %s.</li>\n", sc_text_at(method, "reason"));
            continue;
        }
        if (by == SC_BY_POWER_LAW)
            sc_text_printf(out,
                           "&minus;log success = %.3g &times; k<sup>&minus;%.3g</sup>, fitted to k "
                           "up to %zu; the exponent changes by %+.0f %% from end to end",
                           sc_number_at(method, "scale"), sc_number_at(method, "exponent"),
                           sc_count_at(method, "fitted_to_k"), 100 * sc_number_at(method, "bend"));
        else
            sc_text_printf(out, "alpha %.3g, beta %.3g", sc_number_at(method, "alpha"),
                           sc_number_at(method, "beta"));
        if (by == SC_BY_SCALED_BETA)
            sc_text_printf(out, ", no rate above %.3g", sc_number_at(method, "scale"));
        if (isfinite(p))
            sc_text_printf(out, ". Check: p = %.3g", p);
        sc_text_puts(out, sc_flag_at(method, "doubtful")
                              ? ", so it does <strong>not</strong> describe these prompts: do not "
                                "rely on it beyond the data.</li>\n"
                              : ".</li>\n");
    }
    sc_text_puts(out, "</ul>\n");
}

static void attempts_table(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *attempts = sc_node_at(root, "forecast.attempts");
    const struct sc_node *at[SC_N_FORECASTERS];
    for (int by = 0; by < SC_N_FORECASTERS; by++)
        at[by] = sc_node_at(method_at(attempts, by), "at_k")->first;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Attack success in k attempts by "
                      "method; beyond the traces that were sampled each rests on its shape near "
                      "rate 0, which no run of this size can show</caption><thead><tr><th "
                      "scope=\"col\">k</th>");
    heads(out);
    while (at[SC_BY_BETA_BINOMIAL] != NULL) {
        row_head(out, "", (double)sc_count_at(at[SC_BY_BETA_BINOMIAL], "k"),
                 sc_flag_at(at[SC_BY_BETA_BINOMIAL], "extrapolated"));
        for (int by = 0; by < SC_N_FORECASTERS; by++) {
            sc_html_percent_cell(out, sc_node_at(at[by], "asr"));
            at[by] = at[by]->next;
        }
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

/* ---- held out -------------------------------------------------------------------------------- */

static void held_out_table(struct sc_text *out, const struct sc_node *held, const char *which)
{
    sc_text_printf(out,
                   "<div class=\"scroll\"><table><caption>Held out: fitted to the first %zu traces "
                   "of %s, compared with the other %zu; forecast minus seen</caption><thead><tr>"
                   "<th scope=\"col\">k</th><th scope=\"col\">seen</th>",
                   sc_count_at(held, "traces_fitted"), which, sc_count_at(held, "traces_held_out"));
    heads(out);
    for (const struct sc_node *row = sc_node_at(held, "at_k")->first; row != NULL;
         row = row->next) {
        row_head(out, "", (double)sc_count_at(row, "k"), sc_flag_at(row, "extrapolated"));
        sc_html_percent_cell(out, sc_node_at(row, "seen"));
        for (int by = 0; by < SC_N_FORECASTERS; by++)
            sc_html_points_cell(out, sc_node_at(method_at(row, by), "error"));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void held_out(struct sc_text *out, const struct sc_node *held)
{
    if (sc_absent_at(held, "attempts")) {
        sc_text_puts(out, "<p class=\"hint\">Nothing could be held out: nine prompts in ten must "
                          "have five traces.</p>\n");
        return;
    }
    held_out_table(out, sc_node_at(held, "attempts"), "each prompt");
    sc_text_puts(out, "<details><summary>The same, held out from other prompts</summary>\n");
    held_out_table(out, sc_node_at(held, "attempts_of_other_prompts"), "every second prompt");
    sc_text_puts(out, "</details>\n");
}

/* ---- prompts --------------------------------------------------------------------------------- */

static void number_cell(struct sc_text *out, double share)
{
    if (isfinite(share))
        sc_text_printf(out, "<td>%.1f %%</td>", 100 * share);
    else
        sc_text_puts(out, "<td>none</td>");
}

static void prompts_table(struct sc_text *out, const struct sc_node *prompts)
{
    sc_text_puts(out,
                 "<div class=\"scroll\"><table><caption>More prompts of this kind: the largest "
                 "probability of harm among so many, and whether any of so many answers, one "
                 "to each, is harmful</caption><thead><tr><th scope=\"col\">prompts</th><th "
                 "scope=\"col\">largest, by the ten largest</th><th scope=\"col\">by the "
                 "beta-binomial</th><th scope=\"col\">by the scaled beta</th><th "
                 "scope=\"col\">any harmful</th></tr></thead><tbody>\n");
    bool fitted = sc_node_find(prompts, "tail.reason") == NULL; /* else said once, below */
    for (const struct sc_node *row = sc_node_at(prompts, "at_n")->first; row != NULL;
         row = row->next) {
        row_head(out, "", sc_number_at(row, "n_prompts"), sc_flag_at(row, "extrapolated"));
        if (fitted)
            sc_html_percent_cell(out, sc_node_at(row, "largest"));
        else
            number_cell(out, NAN);
        number_cell(out, sc_number_at(row, "largest_by_beta_binomial"));
        number_cell(out, sc_number_at(row, "largest_by_scaled_beta"));
        sc_html_percent_cell(out, sc_node_at(row, "any"));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void prompts_words(struct sc_text *out, const struct sc_node *forecast)
{
    const struct sc_node *tail = sc_node_at(forecast, "prompts.tail");
    const struct sc_node *held = sc_node_at(forecast, "held_out.prompts");
    const struct sc_estimate *any = sc_estimate_at(held, "any.forecast");
    const struct sc_estimate *largest = sc_estimate_at(held, "largest.forecast");
    sc_text_puts(out, "<p class=\"hint\">");
    if (sc_node_find(tail, "reason") != NULL)
        sc_text_printf(out, "No tail is fitted: %s. <code>safeconf risk</code> computes them. ",
                       sc_text_at(tail, "reason"));
    else
        sc_text_printf(out, "Check of the tail: p = %.3g%s. ", sc_number_at(tail, "check_p"),
                       sc_flag_at(tail, "doubtful") ? ", so it is not a Gumbel's: do not rely on it"
                                                    : "");
    if (isfinite(any->value))
        sc_text_printf(out,
                       "Held out: from %zu prompts, any harmful among the other %zu was "
                       "forecast at %.1f %%, and seen at %.1f %%",
                       sc_count_at(held, "n_fitted"), sc_count_at(held, "n_held_out"),
                       100 * any->value, 100 * sc_number_at(held, "any.seen"));
    if (isfinite(any->value) && isfinite(largest->value))
        sc_text_printf(out, "; the largest at %.1f %% (%.1f to %.1f), and seen at %.1f %%",
                       100 * largest->value, 100 * largest->low, 100 * largest->high,
                       100 * sc_number_at(held, "largest.seen"));
    sc_text_puts(out, isfinite(any->value) ? ".</p>\n" : "</p>\n");
}

void sc_html_forecast(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *forecast = sc_node_at(root, "forecast");
    sc_text_puts(out, "<h3>More attempts, more prompts</h3>\n");
    if (sc_count_at(forecast, "n_prompts") == 0) {
        sc_text_puts(out, "<p>Nothing to forecast: there is no unsafe prompt whose harm is "
                          "known.</p>\n");
        return;
    }
    sc_text_puts(out,
                 "<p>Which to read: first what was held out. A method whose error there is no "
                 "smaller than that of equal rates, the null, knows nothing of how prompts "
                 "differ. A small error is a warrant for two or three times the traces, not for "
                 "ten: where checks pass and methods still disagree far from the data, the data "
                 "do not say, and only more traces or <code>safeconf risk</code> do. Until then "
                 "the lowest and the highest of them are the least range. The scaled beta bends "
                 "down where some prompts never yield; the power law is for runs whose success is "
                 "far from 0 already.</p>\n");
    fits(out, sc_node_at(forecast, "attempts"));
    attempts_table(out, root);
    held_out(out, sc_node_at(forecast, "held_out"));
    prompts_table(out, sc_node_at(forecast, "prompts"));
    prompts_words(out, forecast);
}
