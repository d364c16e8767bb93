/* summary.html: a suite's runs on one page that opens from disk, loads nothing and runs no script;
 * its style is that of report.html. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/embedded.h"
#include "report/html/cells.h"
#include "report/html/still.h"
#include "suite/summary_document.h"

static const struct sc_html_column said[] = {
    {"prompts", NULL, "n_prompts", sc_html_count_cell},
    {"traces", NULL, "n_traces", sc_html_count_cell},
    {"refuses", NULL, "refusal_rate", sc_html_percent_cell},
    {"over-refusal", NULL, "over_refusal", sc_html_percent_cell},
    {"harm, strict", NULL, "harm_rate", sc_html_percent_cell},
    {"confidence of answers", NULL, "confidence_of_answers", sc_html_2_digits_cell},
    {0}};
static const struct sc_html_column tested[] = {
    {"harm of low minus high confidence", NULL, "hypothesis_difference", sc_html_points_cell},
    {"p", NULL, "hypothesis_p", sc_html_p_cell},
    {"p (Holm)", NULL, "hypothesis_p_holm", sc_html_p_cell},
    {"tokens", NULL, "total_tokens", sc_html_tokens_cell},
    {"tokens saved", NULL, "token_savings_percent", sc_html_percents_cell},
    {"traces saved", NULL, "trace_savings_percent", sc_html_percents_cell},
    {0}};

static void put_title(struct sc_text *out, const struct sc_node *root)
{
    const char *name = sc_text_at(root, "suite");
    sc_html_text(out, name != NULL ? name : "A suite of runs");
}

static void put_counts(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *counts = sc_node_at(root, "counts");
    sc_text_puts(out, "<dl class=\"facts\">");
    for (const struct sc_node *count = counts->first; count != NULL; count = count->next) {
        if (count != counts->first && sc_node_count(count) == 0)
            continue;
        sc_text_puts(out, "<div><dt>");
        for (const char *c = count->key; *c != '\0'; c++)
            sc_text_putc(out, *c == '_' ? ' ' : *c);
        sc_text_printf(out, "</dt><dd>%zu</dd></div>", sc_node_count(count));
    }
    sc_text_puts(out, "</dl>\n");
}

static void put_notes(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *notes = sc_node_at(root, "notes");
    for (const struct sc_node *note = notes->first; note != NULL; note = note->next)
        sc_html_paragraph(out, "hint", sc_node_text(note));
}

/* ---- runs -------------------------------------------------------------------------------------
 */

static void put_small(struct sc_text *out, const char *untrusted)
{
    if (untrusted == NULL)
        return;
    sc_text_puts(out, "<small class=\"why\">");
    sc_html_text(out, untrusted);
    sc_text_puts(out, "</small>");
}

/* Model, benchmark, policy and who says what is harmful, one below the other. */
static void put_what(struct sc_text *out, const struct sc_node *run)
{
    static const char *const paths[] = {"model", "benchmark", "policy"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        sc_text_puts(out, i > 0 ? "<br>" : "<td>");
        sc_html_name(out, sc_text_at(run, paths[i]), 60);
    }
    sc_text_puts(out, "<small>harm: ");
    sc_html_name(out, sc_text_at(run, "harm_basis"), 40);
    sc_text_puts(out, "</small></td>");
}

/* Names of runs are letters, digits, "-", "_" and ".": they need no encoding in an address. */
static void put_name(struct sc_text *out, const struct sc_node *run)
{
    bool figures = sc_flag_at(run, "has_figures");
    const char *outcome = sc_text_at(run, "outcome");
    sc_text_puts(out, "<tr><th scope=\"row\">");
    if (figures) {
        sc_text_puts(out, "<a href=\"");
        sc_html_text(out, sc_text_at(run, "run"));
        sc_text_puts(out, "/report.html\">");
    }
    sc_html_text(out, sc_text_at(run, "run"));
    sc_text_puts(out, figures ? "</a>" : "");
    if (figures && strcmp(outcome, "finished") != 0)
        put_small(out, outcome);
    if (figures)
        put_small(out, sc_text_at(run, "why"));
    sc_text_puts(out, "</th>");
}

static void put_run(struct sc_text *out, const struct sc_node *run)
{
    put_name(out, run);
    if (sc_flag_at(run, "has_figures")) {
        put_what(out, run);
        sc_html_cells(out, run, said);
    } else {
        sc_text_printf(out, "<td colspan=\"%zu\">%s", sizeof said / sizeof *said,
                       sc_text_at(run, "outcome"));
        put_small(out, sc_text_at(run, "why"));
        sc_text_puts(out, "</td>");
    }
    sc_text_puts(out, "</tr>\n");
}

static void put_runs(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *runs = sc_node_at(root, "runs");
    sc_html_open_table(out, "Every run with its report", "run",
                       "<th scope=\"col\">model, benchmark, policy</th>", said);
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next)
        put_run(out, run);
    sc_html_close_table(out);
}

static void put_tests(struct sc_text *out, const struct sc_node *root)
{
    char caption[200];
    const struct sc_node *runs = sc_node_at(root, "runs");
    size_t n = sc_count_at(root, "n_tests");
    snprintf(caption, sizeof caption, "%zu test%s of the hypothesis; tokens, and what was saved", n,
             n == 1 ? "" : "s");
    sc_html_open_table(out, caption, "run", "", tested);
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next) {
        if (!sc_flag_at(run, "has_figures"))
            continue;
        put_name(out, run);
        sc_html_cells(out, run, tested);
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
}

/* ---- phases -----------------------------------------------------------------------------------
 */

static void put_phases(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *phases = sc_node_at(root, "phases");
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Phases in their order</caption><thead>"
                      "<tr><th scope=\"col\">phase</th><th scope=\"col\">runs</th>"
                      "<th scope=\"col\">condition</th><th scope=\"col\">came to</th>"
                      "<th scope=\"col\">seen</th></tr></thead><tbody>\n");
    for (const struct sc_node *phase = phases->first; phase != NULL; phase = phase->next) {
        sc_text_puts(out, "<tr><th scope=\"row\">");
        sc_html_text(out, sc_text_at(phase, "name"));
        sc_text_printf(out, "</th><td>%zu</td><td>", sc_count_at(phase, "n_runs"));
        sc_html_text(out, sc_text_at(phase, "when"));
        sc_text_puts(out, "</td><td>");
        sc_html_text(out, sc_text_at(phase, "condition"));
        sc_text_puts(out, "</td><td>");
        sc_html_text(out, sc_text_at(phase, "seen"));
        sc_text_puts(out, sc_flag_at(phase, "proxy") ? " (harm is a proxy)</td></tr>\n"
                                                     : "</td></tr>\n");
    }
    sc_html_close_table(out);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

enum sc_status sc_summary_html(const struct sc_document *document, struct sc_text *out,
                               struct sc_error *error)
{
    static const struct sc_html_part parts[] = {{"title", put_title, true},
                                                {"counts", put_counts, false},
                                                {"notes", put_notes, true},
                                                {"runs", put_runs, true},
                                                {"tests", put_tests, true},
                                                {"phases", put_phases, true},
                                                {0}};
    return sc_html_still_page("summary.html", (const char *)sc_embedded_summary_html, parts,
                              document->root, out, error);
}
