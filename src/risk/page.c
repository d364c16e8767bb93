/*
 * See page.h.  Texts of models and files are escaped where they are written, here and in
 * report/html; in the data of the trees they are JSON with every <, > and & escaped.
 */
#include "risk/page.h"

#include <math.h>
#include <string.h>

#include "analysis/document/document.h"
#include "base/embedded.h"
#include "base/json_writer.h"
#include "report/html/cells.h"
#include "report/html/still.h"
#include "report/html/tree.h"
#include "risk/fields.h"
#include "risk/tree.h"

/* Prompts whose trees are on the page: those that summary.largest names, else the first. */
enum { MOST_TREES = 20 };
#define LEAST_SHOWN 0.002 /* of a prompt's answers: smaller branches are in no picture */

static const json_t *part_of(const struct sc_node *root, const char *name)
{
    const struct sc_node *node = sc_node_at(root, name);
    return node->as.json;
}

/* ---- head ------------------------------------------------------------------------------------ */

static void put_title(struct sc_text *out, const struct sc_node *root)
{
    const json_t *configuration = part_of(root, "configuration");
    sc_html_name(out, sc_risk_text(configuration, "model.name"), 60);
    sc_text_puts(out, ": what it almost never says");
}

static void put_fact(struct sc_text *out, const char *name, double value, bool percent)
{
    sc_text_printf(out, "<div><dt>%s</dt><dd>", name);
    if (percent)
        sc_risk_put_percent(out, value);
    else
        sc_risk_put_number(out, value);
    sc_text_puts(out, percent ? " %</dd></div>" : "</dd></div>");
}

static void put_facts(struct sc_text *out, const struct sc_node *root)
{
    const json_t *summary = part_of(root, "summary");
    sc_text_puts(out, "<dl class=\"facts\">");
    put_fact(out, "prompts", sc_risk_number(summary, "n_prompts"), false);
    put_fact(out, "failed", sc_risk_number(summary, "n_failed"), false);
    put_fact(out, "rows computed", sc_risk_number(summary, "rows"), false);
    put_fact(out, "as many as plain traces", sc_risk_number(summary, "traces_spent"), false);
    put_fact(out, "mass known exactly (mean)", sc_risk_number(summary, "mean_mass_finished"), true);
    put_fact(out, "refuses (mean)", sc_risk_number(summary, "mean_p_refuse"), true);
    sc_text_puts(out, "</dl>\n");
}

/* ---- harm ------------------------------------------------------------------------------------ */

static bool is_proxy(const json_t *from)
{
    return strcmp(sc_risk_text(from, "harm_basis"), "proxy") == 0;
}

static void put_interval(struct sc_text *out, const json_t *from)
{
    sc_text_puts(out, "<td>");
    sc_risk_put_percent(out, sc_risk_number(from, "value"));
    sc_text_puts(out, " %<small>[");
    sc_risk_put_percent(out, sc_risk_number(from, "low"));
    sc_text_puts(out, ", ");
    sc_risk_put_percent(out, sc_risk_number(from, "high"));
    sc_text_puts(out, "]</small></td>");
}

/* Attacks on average over the prompts that somebody knows the harm of. */
static void put_attempts(struct sc_text *out, const struct sc_node *root)
{
    const json_t *rows = sc_risk_at(part_of(root, "summary"), "asr_at_k");
    if (json_array_size(rows) == 0)
        return;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>A harmful answer within k attempts, "
                      "mean over prompts; the bounds are means of the prompts&#8217; own</caption>"
                      "<thead><tr><th scope=\"col\">k</th>");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        sc_text_puts(out, "<th scope=\"col\">");
        sc_risk_put_number(out, sc_risk_number(json_array_get(rows, i), "k"));
        sc_text_puts(out, "</th>");
    }
    sc_text_puts(out, "</tr></thead><tbody><tr><th scope=\"row\">harm</th>");
    for (size_t i = 0; i < json_array_size(rows); i++)
        put_interval(out, json_array_get(rows, i));
    sc_text_puts(out, "</tr>\n");
    sc_html_close_table(out);
}

/* Extrapolated, and said to be. */
static void put_more_prompts(struct sc_text *out, const struct sc_node *root)
{
    const json_t *rows = sc_risk_at(part_of(root, "summary"), "tail.more_prompts");
    if (json_array_size(rows) == 0)
        return;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>More prompts of this kind, "
                      "extrapolated by the tail of a Gumbel distribution</caption><thead><tr>"
                      "<th scope=\"col\">prompts</th><th scope=\"col\">largest P(harmful), "
                      "extrapolated</th><th scope=\"col\">one attempt at each: any is harmful"
                      "</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        sc_text_puts(out, "<tr><th scope=\"row\">");
        sc_risk_put_number(out, sc_risk_number(row, "prompts"));
        sc_text_puts(out, "</th>");
        put_interval(out, json_object_get(row, "largest"));
        put_interval(out, json_object_get(row, "any"));
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
}

static void put_harm(struct sc_text *out, const struct sc_node *root)
{
    const json_t *summary = part_of(root, "summary");
    const json_t *rows = sc_risk_at(summary, "p_harm_above");
    if (sc_risk_number(json_array_get(rows, 0), "n") == 0) {
        sc_html_paragraph(out, "hint",
                          "Nobody says which answers are harmful: no judge read them, "
                          "and no prompt is labelled unsafe.");
        return;
    }
    if (is_proxy(summary))
        sc_html_paragraph(out, "note",
                          "Harm is a proxy: no judge read the answers, so compliance with a prompt "
                          "that is labelled unsafe counts as harmful, and so does a partial "
                          "answer.");
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Prompts whose probability of a "
                      "harmful answer is above a threshold</caption><thead><tr>"
                      "<th scope=\"col\">P(harmful) above</th><th scope=\"col\">certainly</th>"
                      "<th scope=\"col\">by the estimate</th><th scope=\"col\">possibly</th>"
                      "<th scope=\"col\">of</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        sc_text_printf(out,
                       "<tr><th scope=\"row\">%g</th><td>%.0f</td><td>%.0f</td><td>%.0f</td>"
                       "<td>%.0f</td></tr>\n",
                       sc_risk_number(row, "threshold"), sc_risk_number(row, "certainly"),
                       sc_risk_number(row, "estimated"), sc_risk_number(row, "possibly"),
                       sc_risk_number(row, "n"));
    }
    sc_html_close_table(out);
    put_attempts(out, root);
    put_more_prompts(out, root);
}

/* ---- prompts --------------------------------------------------------------------------------- */

/* Where a probability stands on a line of 200: in proportion, or by its power of ten down to 1e-6.
 */
static double place_of(double p, bool powers)
{
    if (!powers)
        return 200 * p;
    double power = p > 0 ? log10(p) : -6;
    return 200 * (fmax(power, -6) + 6) / 6;
}

static void put_line(struct sc_text *out, const char *class, double from, double to)
{
    sc_text_printf(out, "<line class=\"%s\" x1=\"%.2f\" y1=\"8\" x2=\"%.2f\" y2=\"8\"/>", class,
                   4 + from, 4 + fmax(to, from + 0.5));
}

/* The figure is in the words behind it; the drawing says nothing that they do not. */
static void put_drawing(struct sc_text *out, const json_t *share, bool powers)
{
    double low_exact = place_of(sc_risk_number(share, "low_exact"), powers);
    double high_exact = place_of(sc_risk_number(share, "high_exact"), powers);
    double low = place_of(sc_risk_number(share, "low"), powers);
    double high = place_of(sc_risk_number(share, "high"), powers);
    double value = place_of(sc_risk_number(share, "value"), powers);
    sc_text_puts(out, "<svg class=\"bounds\" viewBox=\"0 0 208 16\" aria-hidden=\"true\">");
    put_line(out, "all", 0, 200);
    put_line(out, "exact", low_exact, high_exact);
    put_line(out, "interval", low, high);
    sc_text_printf(out, "<circle cx=\"%.2f\" cy=\"8\" r=\"4\"/></svg>", 4 + value);
}

static void put_share(struct sc_text *out, const json_t *line, const char *key, bool powers)
{
    char reason[64];
    const json_t *share = json_object_get(line, key);
    if (!json_is_object(share)) {
        snprintf(reason, sizeof reason, "%s_reason", key);
        sc_text_puts(out, "<td>not known<small class=\"why\">");
        sc_html_text(out, sc_risk_text(line, reason));
        sc_text_puts(out, "</small></td>");
        return;
    }
    sc_text_puts(out, "<td>");
    put_drawing(out, share, powers);
    sc_risk_put_percent(out, sc_risk_number(share, "value"));
    sc_text_puts(out, " %<small>[");
    sc_risk_put_percent(out, sc_risk_number(share, "low"));
    sc_text_puts(out, ", ");
    sc_risk_put_percent(out, sc_risk_number(share, "high"));
    sc_text_puts(out, "]</small><small>certainly ");
    sc_risk_put_percent(out, sc_risk_number(share, "low_exact"));
    sc_text_puts(out, " to ");
    sc_risk_put_percent(out, sc_risk_number(share, "high_exact"));
    sc_text_puts(out, "</small></td>");
}

static void put_samples(struct sc_text *out, const json_t *line)
{
    double value = sc_risk_number(line, "expected_samples_to_first.harmful.value");
    double low = sc_risk_number(line, "expected_samples_to_first.harmful.low");
    double high = sc_risk_number(line, "expected_samples_to_first.harmful.high");
    sc_text_puts(out, "<td>");
    if (isfinite(value))
        sc_risk_put_number(out, value);
    else
        sc_text_puts(out, isfinite(low) ? "none seen" : "not known");
    if (isfinite(low)) {
        sc_text_puts(out, "<small>");
        sc_text_puts(out, isfinite(high) ? "[" : "at least ");
        sc_risk_put_number(out, low);
        if (isfinite(high)) {
            sc_text_puts(out, ", ");
            sc_risk_put_number(out, high);
            sc_text_putc(out, ']');
        }
        sc_text_puts(out, "</small>");
    }
    sc_text_puts(out, "</td>");
}

static void put_prompt(struct sc_text *out, const json_t *line)
{
    sc_text_puts(out, "<tr><th scope=\"row\">");
    sc_html_name(out, sc_risk_text(line, "instance_id"), 40);
    sc_text_puts(out, "<small class=\"why\">");
    sc_html_name(out, sc_risk_text(line, "prompt"), 160);
    sc_text_puts(out, "</small></th><td>");
    sc_html_text(out, sc_risk_text(line, "label"));
    sc_text_puts(out, "</td>");
    put_share(out, line, "p_refuse", false);
    put_share(out, line, "p_harm", true);
    put_samples(out, line);
    sc_text_puts(out, "<td>");
    sc_risk_put_percent(out, sc_risk_number(line, "mass_finished"));
    sc_text_puts(out, " %<small>");
    sc_risk_put_number(out, sc_risk_number(line, "answers"));
    sc_text_puts(out, " answers, stopped: ");
    sc_html_text(out, sc_risk_text(line, "stopped"));
    sc_text_puts(out, "</small></td></tr>\n");
}

static void put_prompts(struct sc_text *out, const struct sc_node *root)
{
    const json_t *lines = part_of(root, "lines");
    sc_text_printf(out,
                   "<div class=\"scroll\"><table><caption>%zu prompt%s: estimate, 95 %% interval, "
                   "and what holds without sampling error, in percent</caption><thead><tr>"
                   "<th scope=\"col\">prompt</th><th scope=\"col\">label</th>"
                   "<th scope=\"col\">refuses</th><th scope=\"col\">harmful%s</th>"
                   "<th scope=\"col\">samples until the first harmful answer</th>"
                   "<th scope=\"col\">known exactly</th></tr></thead><tbody>\n",
                   json_array_size(lines), json_array_size(lines) == 1 ? "" : "s",
                   is_proxy(part_of(root, "summary")) ? " (proxy)" : "");
    for (size_t i = 0; i < json_array_size(lines); i++)
        put_prompt(out, json_array_get(lines, i));
    sc_html_close_table(out);
}

/* ---- answers and trees ----------------------------------------------------------------------- */

static void put_answers(struct sc_text *out, const json_t *line)
{
    const json_t *answers = json_object_get(line, "likeliest");
    sc_text_puts(out,
                 "<div class=\"scroll\"><table><caption>The likeliest answer of each verdict"
                 "</caption><thead><tr><th scope=\"col\">verdict</th>"
                 "<th scope=\"col\">probability</th><th scope=\"col\" class=\"said\">answer</th>"
                 "</tr></thead>"
                 "<tbody>\n");
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *answer = json_array_get(answers, i);
        sc_text_puts(out, "<tr><th scope=\"row\">");
        sc_html_text(out, sc_risk_text(answer, "verdict"));
        sc_text_puts(out, "</th><td>");
        sc_risk_put_percent(out, sc_risk_number(answer, "probability"));
        sc_text_puts(out, " %</td><td class=\"said\">");
        sc_html_text(out, sc_risk_text(answer, "text"));
        sc_text_puts(out, "</td></tr>\n");
    }
    sc_html_close_table(out);
}

/* The tree as a picture and lists, for who runs no scripts. */
static void put_still_tree(struct sc_text *out, const json_t *line)
{
    struct sc_tree tree;
    enum sc_status status = sc_risk_take_tree(line, &tree, NULL);
    out->failed = out->failed || status == SC_ERR_NOMEM;
    if (status != SC_OK)
        return; /* a line that somebody else wrote: the page does without */
    sc_text_puts(out, "<noscript>");
    sc_html_tree(out, &tree, LEAST_SHOWN);
    sc_text_puts(out, "</noscript>\n");
    sc_tree_free(&tree);
}

/* place: of its data among those of all trees. */
static void put_tree(struct sc_text *out, const json_t *line, size_t place)
{
    sc_text_printf(out, "<details%s><summary>", place == 0 ? " open" : "");
    sc_html_name(out, sc_risk_text(line, "instance_id"), 40);
    sc_text_puts(out, ": ");
    sc_html_name(out, sc_risk_text(line, "prompt"), 100);
    sc_text_puts(out, "</summary>\n");
    put_answers(out, line);
    sc_text_printf(out, "<div data-tree=\"%zu\"></div>\n", place);
    put_still_tree(out, line);
    sc_text_puts(out, "</details>\n");
}

static void put_trees(struct sc_text *out, const struct sc_node *root)
{
    const json_t *trees = part_of(root, "trees"), *lines = part_of(root, "lines");
    if (json_array_size(trees) < json_array_size(lines))
        sc_text_printf(out,
                       "<p class=\"hint\">%zu of %zu prompts: those that lead to harm most "
                       "often.</p>\n",
                       json_array_size(trees), json_array_size(lines));
    for (size_t i = 0; i < json_array_size(trees); i++)
        put_tree(out, json_array_get(trees, i), i);
}

/* The trees' data, in a script element that runs nothing. */
static void put_data(struct sc_text *out, const struct sc_node *root)
{
    const json_t *trees = part_of(root, "trees");
    struct sc_text all = {0};
    sc_text_putc(&all, '[');
    for (size_t i = 0; i < json_array_size(trees); i++) {
        const json_t *tree = json_object_get(json_array_get(trees, i), "tree");
        sc_text_puts(&all, i > 0 ? "," : "");
        if (json_is_object(tree))
            sc_json_write(&all, tree);
        else
            sc_text_puts(&all, "null");
    }
    sc_text_putc(&all, ']');
    if (all.failed)
        out->failed = true;
    else
        sc_text_add_script_json(out, all.data, all.len);
    sc_text_free(&all);
}

static void put_notes(struct sc_text *out, const struct sc_node *root)
{
    const json_t *configuration = part_of(root, "configuration");
    const json_t *failed = sc_risk_at(part_of(root, "summary"), "failed");
    if (json_is_true(sc_risk_at(configuration, "model.demo")))
        sc_html_paragraph(out, "hint",
                          "The bundled model is a demonstration: nothing about real models follows "
                          "from its results.");
    for (size_t i = 0; i < json_array_size(failed); i++) {
        sc_text_puts(out, "<p class=\"hint\">Failed: ");
        sc_html_name(out, sc_risk_text(json_array_get(failed, i), "instance_id"), 40);
        sc_text_puts(out, ": ");
        sc_html_text(out, sc_risk_text(json_array_get(failed, i), "reason"));
        sc_text_puts(out, "</p>\n");
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Lines whose trees are shown, as they stand in the file. */
struct chosen {
    const json_t *summary;
    json_t *lines, *configuration;
};

static bool is_chosen(const struct chosen *chosen, const json_t *line)
{
    const json_t *largest = json_object_get(chosen->summary, "largest");
    const char *id = sc_risk_text(line, "instance_id");
    for (size_t i = 0; i < json_array_size(largest); i++)
        if (strcmp(sc_risk_text(json_array_get(largest, i), "instance_id"), id) == 0)
            return true;
    return sc_risk_number(chosen->summary, "n_prompts") <= MOST_TREES ||
           (json_array_size(largest) == 0 && json_array_size(chosen->lines) < MOST_TREES);
}

static enum sc_status choose(void *context, json_t *line, struct sc_error *error)
{
    struct chosen *chosen = context;
    if (!is_chosen(chosen, line))
        return SC_OK;
    return json_array_append(chosen->lines, line) == 0 ? SC_OK : sc_fail_nomem(error, "risk.html");
}

static enum sc_status put_page(const struct sc_risk_folder *folder, const struct chosen *chosen,
                               struct sc_text *out, struct sc_error *error)
{
    static const struct sc_html_part parts[] = {
        {"title", put_title, true}, {"facts", put_facts, false},
        {"harm", put_harm, false},  {"prompts", put_prompts, true},
        {"trees", put_trees, true}, {"notes", put_notes, true},
        {"data", put_data, true},   {0}};
    struct sc_document document = {0};
    sc_document_begin(&document);
    sc_document_put_json(&document, "configuration", chosen->configuration);
    sc_document_put_json(&document, "summary", chosen->summary);
    sc_document_put_json(&document, "lines", folder->lines);
    sc_document_put_json(&document, "trees", chosen->lines);
    sc_document_put_end(&document);
    enum sc_status status = document.failed
                                ? sc_fail_nomem(error, "risk.html")
                                : sc_html_page("risk.html", (const char *)sc_embedded_risk_html,
                                               parts, document.root, out, error);
    sc_document_free(&document);
    return status;
}

static enum sc_status choose_and_put(const struct sc_risk_folder *folder, struct chosen *chosen,
                                     struct sc_text *out, struct sc_error *error)
{
    const char *configuration = folder->configuration;
    if (chosen->lines == NULL)
        return sc_fail_nomem(error, "risk.html");
    SC_TRY(sc_risk_folder_read(folder, choose, chosen, error));
    SC_TRY(sc_json_parse(configuration, strlen(configuration), "configuration",
                         &chosen->configuration, error));
    return put_page(folder, chosen, out, error);
}

enum sc_status sc_risk_page(const struct sc_risk_folder *folder, const json_t *summary,
                            struct sc_text *out, struct sc_error *error)
{
    struct chosen chosen = {.summary = summary, .lines = json_array()};
    enum sc_status status = choose_and_put(folder, &chosen, out, error);
    json_decref(chosen.configuration);
    json_decref(chosen.lines);
    return status;
}
