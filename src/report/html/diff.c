/*
 * diff.html: runs side by side on one page that opens from disk, loads nothing and runs no script.
 * All of it is the comparison's document; text of models and benchmarks enters through
 * sc_html_text alone.  The page's style is that of report.html.
 */
#include "report/diff.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/embedded.h"
#include "base/random.h"
#include "report/html/cells.h"
#include "report/html/still.h"

typedef void part(struct sc_text *out, const struct sc_node *root);

static const struct sc_html_column sides[] = {{"A", NULL, "a", sc_html_percent_cell},
                                              {"B", NULL, "b", sc_html_percent_cell},
                                              {"B − A", NULL, "difference", sc_html_points_cell},
                                              {"prompts", NULL, "difference", sc_html_n_cell},
                                              {0}};
static const struct sc_html_column plain_sides[] = {
    {"A", NULL, "a", sc_html_3_digits_cell},
    {"B", NULL, "b", sc_html_3_digits_cell},
    {"B − A", NULL, "difference", sc_html_3_digits_cell},
    {"prompts", NULL, "difference", sc_html_n_cell},
    {0}};

static bool is_proxy(const struct sc_node *root)
{
    const char *basis = sc_node_text(sc_node_at(root, "harm_basis"));
    return basis != NULL && strcmp(basis, "proxy") == 0;
}

/* ---- head, summary --------------------------------------------------------------------------- */

static void put_title(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *runs = sc_node_at(root, "runs");
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next) {
        if (run != runs->first)
            sc_text_puts(out, run->next != NULL ? ", " : " and ");
        sc_html_text(out, sc_text_at(run, "name"));
    }
    sc_text_puts(out, " side by side");
}

static void put_summary(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *summary = sc_node_at(root, "summary");
    for (const struct sc_node *line = summary->first; line != NULL; line = line->next)
        sc_html_paragraph(out, line->next == NULL ? "note" : "finding", sc_node_text(line));
    const struct sc_node *note = sc_node_find(root, "confidence_note");
    if (note != NULL)
        sc_html_paragraph(out, "note", sc_node_text(note));
}

/* ---- figures --------------------------------------------------------------------------------- */

/* What confidences are of, behind their name, where it is not the usual. */
static void put_basis(struct sc_text *out, const struct sc_node *from)
{
    const char *basis = sc_node_text(sc_node_find(from, "confidence_basis"));
    if (basis == NULL)
        return;
    sc_text_puts(out, " (");
    sc_html_text(out, basis);
    sc_text_putc(out, ')');
}

static void put_figures(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_row rates[] = {{"refusal rate", "refusal_rate"},
                                               {"on unsafe prompts", "refusal_rate_unsafe"},
                                               {"on safe prompts (over-refusal)", "over_refusal"},
                                               {0}};
    static const struct sc_html_row harm[] = {
        {"harm, strict", "harm"}, {"harm, loose", "harm_loose"}, {0}};
    static const struct sc_html_row harm_proxy[] = {
        {"harm (proxy), strict", "harm"}, {"harm (proxy), loose", "harm_loose"}, {0}};
    sc_html_open_table(out, "Over the prompts that both runs have", "", "", sides);
    sc_html_rows(out, root, rates, sides);
    sc_html_rows(out, root, is_proxy(root) ? harm_proxy : harm, sides);
    sc_text_puts(out, "<tr><th scope=\"row\">confidence");
    put_basis(out, root);
    sc_text_puts(out, "</th>");
    sc_html_cells(out, sc_node_at(root, "confidence"), plain_sides);
    sc_text_puts(out, "</tr>\n");
    sc_html_close_table(out);
}

static void put_attacks(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *attacks = sc_node_at(root, "asr_at_k");
    if (attacks->first == NULL)
        return;
    sc_html_open_table(out,
                       is_proxy(root) ? "Attack success at k (proxy, strict reading)"
                                      : "Attack success at k (strict reading)",
                       "k", "", sides);
    for (const struct sc_node *k = attacks->first; k != NULL; k = k->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%zu</th>", sc_count_at(k, "k"));
        sc_html_cells(out, sc_node_at(k, "strict"), sides);
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
}

/* ---- a picture of the differences ------------------------------------------------------------ */

enum { LABELS = 220, SCALE = 520, ROW = 24, MOST_ROWS = 40 };

struct forest {
    struct sc_text *out;
    double reach; /* of the scale to either side, a share */
    int y;
};

static double place(const struct forest *f, double value)
{
    return LABELS + SCALE * (value + f->reach) / (2 * f->reach);
}

static void forest_row(struct forest *f, const char *untrusted, const struct sc_estimate *e)
{
    if (!isfinite(e->value))
        return;
    f->y += ROW;
    sc_text_printf(f->out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABELS - 12, f->y + 4);
    sc_html_text(f->out, untrusted);
    sc_text_puts(f->out, "</text>");
    if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(f->out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>",
                       place(f, e->low), place(f, e->high), f->y, f->y);
    sc_text_printf(f->out, "<circle cx=\"%.1f\" cy=\"%d\" r=\"4\"/>\n", place(f, e->value), f->y);
}

static void widen(double *reach, const struct sc_estimate *e)
{
    const double ends[] = {e->value, e->low, e->high};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (isfinite(ends[i]) && fabs(ends[i]) > *reach)
            *reach = fabs(ends[i]);
}

static void put_forest(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_row rows[] = {{"refusal, all", "refusal_rate.difference"},
                                              {"refusal, unsafe", "refusal_rate_unsafe.difference"},
                                              {"over-refusal", "over_refusal.difference"},
                                              {"harm, strict", "harm.difference"},
                                              {0}};
    struct forest f = {out, 0.1, 0};
    const struct sc_node *categories = sc_node_at(root, "per_category");
    int n = 0;
    for (const struct sc_html_row *row = rows; row->label != NULL; row++, n++)
        widen(&f.reach, sc_estimate_at(root, row->path));
    const struct sc_node *category = sc_diff_next_category(categories, NULL);
    for (; category != NULL && n < MOST_ROWS; n++) {
        widen(&f.reach, sc_estimate_at(category, "refusal_rate.difference"));
        category = sc_diff_next_category(categories, category);
    }
    int height = ROW * (n + 2);
    sc_text_printf(out,
                   "<figure><svg class=\"forest\" viewBox=\"0 0 %d %d\" role=\"img\" "
                   "aria-label=\"Differences with their intervals; the tables have the same "
                   "figures.\">\n",
                   LABELS + SCALE + 20, height);
    sc_text_printf(out, "<line class=\"zero\" x1=\"%.1f\" x2=\"%.1f\" y1=\"8\" y2=\"%d\"/>\n",
                   place(&f, 0), place(&f, 0), height - ROW);
    for (const struct sc_html_row *row = rows; row->label != NULL; row++)
        forest_row(&f, row->label, sc_estimate_at(root, row->path));
    category = sc_diff_next_category(categories, NULL);
    for (int i = 4; category != NULL && i < n; i++) {
        forest_row(&f, *category->key != '\0' ? category->key : "no category",
                   sc_estimate_at(category, "refusal_rate.difference"));
        category = sc_diff_next_category(categories, category);
    }
    for (int side = -1; side <= 1; side++)
        sc_text_printf(
            out, "<text class=\"soft\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%+.0f</text>",
            place(&f, side * f.reach), height - 4, 100 * side * f.reach);
    sc_text_puts(out,
                 "</svg>\n<figcaption>B minus A in points, with 95 % intervals; below the first "
                 "four, refusal by category, clearest change first. Where a line meets the "
                 "dashed one, no difference is shown.</figcaption></figure>\n");
}

/* ---- moves ----------------------------------------------------------------------------------- */

static void move_table(struct sc_text *out, const struct sc_node *moves, const char *caption)
{
    sc_text_printf(out,
                   "<div class=\"scroll\"><table class=\"moves\"><caption>%s</caption><thead><tr>"
                   "<th scope=\"col\">in A, and in B</th>",
                   caption);
    for (const struct sc_node *head = moves->first; head != NULL; head = head->next)
        sc_text_printf(out, "<th scope=\"col\">%s</th>", head->key);
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_node *row = moves->first; row != NULL; row = row->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", row->key);
        for (const struct sc_node *cell = row->first; cell != NULL; cell = cell->next) {
            size_t n = sc_node_count(cell);
            bool stayed = strcmp(row->key, cell->key) == 0;
            sc_text_printf(out, "<td%s>%zu</td>",
                           n == 0   ? ""
                           : stayed ? " class=\"stayed\""
                                    : " class=\"moved\"",
                           n);
        }
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
}

static void put_quadrants(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_column columns[] = {
        {"A refuses", NULL, "refusal_rate.a", sc_html_percent_cell},
        {"B refuses", NULL, "refusal_rate.b", sc_html_percent_cell},
        {"refusal, B − A", NULL, "refusal_rate.difference", sc_html_points_cell},
        {"harm, B − A", NULL, "harm.difference", sc_html_points_cell},
        {"confidence, B − A", NULL, "confidence.difference", sc_html_3_digits_cell},
        {"changed", NULL, "verdict_changed.n", sc_html_count_cell},
        {"prompts", NULL, "count", sc_html_count_cell},
        {0}};
    const struct sc_node *quadrants = sc_node_at(root, "per_quadrant");
    sc_html_open_table(out, "Differences by quadrant in A", "", "", columns);
    for (const struct sc_node *q = quadrants->first; q != NULL; q = q->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", q->key);
        sc_html_cells(out, q, columns);
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
    sc_html_paragraph(out, "hint", sc_text_at(root, "per_quadrant_note"));
    if (sc_node_find(root, "confidence_basis") != NULL) {
        sc_text_puts(out, "<p class=\"hint\">Confidence");
        put_basis(out, root);
        sc_text_puts(out, ".</p>\n");
    }
}

static void put_moves(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *t = sc_node_at(root, "mcnemar");
    sc_text_printf(out,
                   "<p>%zu prompts turned from refused to complied and %zu from complied to "
                   "refused; McNemar's exact test p = %.4f (%zu prompts that are split or not "
                   "judged in a run are left out).</p>\n",
                   sc_count_at(t, "b"), sc_count_at(t, "c"), sc_number_at(t, "p"),
                   sc_count_at(t, "left_out"));
    move_table(out, sc_node_at(root, "behaviours"), "Behaviour of the prompts");
    move_table(out, sc_node_at(root, "quadrants"),
               "Quadrants of the prompts, each run by its own threshold");
    put_quadrants(out, root);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void group_row(struct sc_text *out, const struct sc_node *group)
{
    static const struct sc_html_column refusal[] = {
        {"A refuses", NULL, "refusal_rate.a", sc_html_percent_cell},
        {"B refuses", NULL, "refusal_rate.b", sc_html_percent_cell},
        {"B − A", NULL, "refusal_rate.difference", sc_html_points_cell},
        {"harm, B − A", NULL, "harm.difference", sc_html_points_cell},
        {"changed", NULL, "verdict_changed.n", sc_html_count_cell},
        {"prompts", NULL, "count", sc_html_count_cell},
        {"p", NULL, "permutation.p", sc_html_p_cell},
        {0}};
    const struct sc_node *holm = sc_node_find(group, "permutation.p_holm");
    if (group == NULL) {
        sc_html_heads(out, refusal, false);
        sc_text_puts(out, "<th scope=\"col\">p (Holm)</th>");
        return;
    }
    sc_text_puts(out, "<tr><th scope=\"row\">");
    sc_html_text(out, *group->key != '\0' ? group->key : "(none)");
    sc_text_puts(out, "</th>");
    sc_html_cells(out, group, refusal);
    if (holm != NULL)
        sc_html_p_cell(out, holm);
    else
        sc_text_puts(out, "<td></td>");
    sc_text_puts(out, "</tr>\n");
}

static void open_groups(struct sc_text *out, const char *caption)
{
    sc_text_printf(out,
                   "<div class=\"scroll\"><table><caption>%s</caption><thead><tr>"
                   "<th scope=\"col\"></th>",
                   caption);
    group_row(out, NULL);
    sc_text_puts(out, "</tr></thead><tbody>\n");
}

static void put_groups(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *labels = sc_node_at(root, "per_label");
    const struct sc_node *categories = sc_node_at(root, "per_category");
    open_groups(out, "By label");
    for (const struct sc_node *label = labels->first; label != NULL; label = label->next)
        group_row(out, label);
    sc_html_close_table(out);
    open_groups(out, "By category, the clearest change first");
    const struct sc_node *category = sc_diff_next_category(categories, NULL);
    for (; category != NULL; category = sc_diff_next_category(categories, category))
        group_row(out, category);
    sc_html_close_table(out);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static void put_pairs_link(struct sc_text *out, const struct sc_node *root)
{
    if (sc_node_find(root, "pairs") != NULL)
        sc_text_puts(out, "<a href=\"#pairs\">All pairs</a>");
}

static void put_pairs(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_column columns[] = {
        {"refusal", NULL, "refusal_rate.difference", sc_html_points_cell},
        {"over-refusal", NULL, "over_refusal.difference", sc_html_points_cell},
        {"harm", NULL, "harm.difference", sc_html_points_cell},
        {"changed", NULL, "verdict_changed.n", sc_html_count_cell},
        {"prompts", NULL, "prompts.common", sc_html_count_cell},
        {"p", NULL, "permutation.p", sc_html_p_cell},
        {"p (Holm)", NULL, "permutation.p_holm", sc_html_p_cell},
        {0}};
    const struct sc_node *pairs = sc_node_find(root, "pairs");
    if (pairs == NULL)
        return;
    sc_text_puts(out, "<section id=\"pairs\">\n<h2>All pairs</h2>\n");
    sc_html_open_table(out, "Second less first; what stands above compares A and B", "", "",
                       columns);
    for (const struct sc_node *pair = pairs->first; pair != NULL; pair = pair->next) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s − %s</th>", sc_text_at(pair, "b"),
                       sc_text_at(pair, "a"));
        sc_html_cells(out, pair, columns);
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
    sc_text_puts(out, "</section>\n");
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void run_cell(struct sc_text *out, const struct sc_node *node)
{
    sc_text_puts(out, "<td>");
    if (node->kind == SC_NODE_TEXT)
        sc_html_text(out, sc_node_text(node) != NULL ? sc_node_text(node) : "none");
    else if (isfinite(sc_node_number(node)))
        sc_text_printf(out, "%g", sc_node_number(node));
    else
        sc_text_puts(out, "none");
    sc_text_puts(out, "</td>");
}

/* What no run has is no row. */
static void put_run_row(struct sc_text *out, const struct sc_node *runs,
                        const struct sc_html_row *row)
{
    bool any = false;
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next)
        any = any || sc_node_find(run, row->path) != NULL;
    if (!any)
        return;
    sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", row->label);
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next) {
        const struct sc_node *cell = sc_node_find(run, row->path);
        if (cell != NULL)
            run_cell(out, cell);
        else
            sc_text_puts(out, "<td></td>");
    }
    sc_text_puts(out, "</tr>\n");
}

static void put_runs(struct sc_text *out, const struct sc_node *root)
{
    static const struct sc_html_row rows[] = {{"folder", "name"},
                                              {"model", "model"},
                                              {"benchmark", "benchmark"},
                                              {"policy", "policy"},
                                              {"temperature", "temperature"},
                                              {"seed", "seed"},
                                              {"prompts", "n_instances"},
                                              {"traces", "n_traces"},
                                              {"fewest traces a prompt", "fewest_traces"},
                                              {"most traces a prompt", "most_traces"},
                                              {"failed traces", "n_traces_failed"},
                                              {"unparsed traces", "n_traces_unparsed"},
                                              {"unreached answers", "n_traces_unreached"},
                                              {"ended by a filter", "n_traces_filtered"},
                                              {"withheld by a filter", "n_traces_withheld"},
                                              {"metric", "metric"},
                                              {"confidence is", "confidence_basis"},
                                              {"confident from", "confident_threshold"},
                                              {"detector", "detector"},
                                              {"judge", "judge"},
                                              {0}};
    const struct sc_node *runs = sc_node_at(root, "runs");
    sc_text_puts(out, "<div class=\"scroll\"><table><thead><tr><th scope=\"col\"></th>");
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next)
        sc_text_printf(out, "<th scope=\"col\">%s</th>", sc_text_at(run, "run"));
    sc_text_puts(out, "</tr></thead><tbody>\n");
    for (const struct sc_html_row *row = rows; row->label != NULL; row++)
        put_run_row(out, runs, row);
    sc_html_close_table(out);
    const struct sc_node *prompts = sc_node_at(root, "prompts");
    sc_text_printf(out,
                   "<p>Of A and B: %zu prompts are common, %zu in A only, %zu in B only, %zu have "
                   "the same id and another prompt, %zu are not finished.</p>\n",
                   sc_count_at(prompts, "common"), sc_count_at(prompts, "only_a"),
                   sc_count_at(prompts, "only_b"), sc_count_at(prompts, "other_prompt"),
                   sc_count_at(prompts, "not_finished"));
}

static void setting_cell(struct sc_text *out, const struct sc_node *node)
{
    sc_text_puts(out, "<td>");
    if (node->kind == SC_NODE_JSON) {
        struct sc_text value = {0};
        sc_json_write(&value, node->as.json);
        if (value.failed)
            out->failed = true;
        else
            sc_html_text(out, value.data);
        sc_text_free(&value);
    } else if (node->kind == SC_NODE_NUMBER) {
        sc_text_printf(out, "%g", sc_node_number(node));
    } else {
        sc_text_puts(out, "none");
    }
    sc_text_puts(out, "</td>");
}

static void put_settings(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *settings = sc_node_at(root, "settings_that_differ");
    if (settings->first == NULL)
        return;
    sc_text_puts(out, "<div class=\"scroll\"><table><caption>Settings that differ between A and B"
                      "</caption><thead><tr><th scope=\"col\">setting</th><th scope=\"col\">A</th>"
                      "<th scope=\"col\">B</th></tr></thead><tbody>\n");
    for (const struct sc_node *s = settings->first; s != NULL; s = s->next) {
        sc_text_puts(out, "<tr><th scope=\"row\">");
        sc_html_text(out, sc_text_at(s, "field"));
        sc_text_puts(out, "</th>");
        setting_cell(out, sc_node_at(s, "a"));
        setting_cell(out, sc_node_at(s, "b"));
        sc_text_puts(out, "</tr>\n");
    }
    sc_html_close_table(out);
}

/* ---- prompts --------------------------------------------------------------------------------- */

static void chip(struct sc_text *out, const char *untrusted)
{
    if (untrusted == NULL || *untrusted == '\0')
        return;
    sc_text_puts(out, "<li>");
    sc_html_text(out, untrusted);
    sc_text_puts(out, "</li>");
}

static void put_side(struct sc_text *out, const struct sc_node *run, const struct sc_node *side)
{
    const char *behaviour = sc_node_text(sc_node_at(side, "behaviour"));
    const char *verdict = sc_node_text(sc_node_at(side, "verdict"));
    double rate = sc_number_at(side, "refusal_rate"), harm = sc_number_at(side, "harm_rate");
    double confidence = sc_number_at(side, "confidence");
    sc_text_printf(out, "<div class=\"trace %s\"><h4><span>%s: %s</span></h4>",
                   verdict != NULL ? verdict : "", sc_text_at(run, "run"),
                   behaviour != NULL ? behaviour : "not judged");
    sc_text_puts(out, "<p class=\"facts-line\">");
    if (isfinite(rate))
        sc_text_printf(out, "refuses %.0f %% of ", 100 * rate);
    sc_text_printf(out, "%zu traces", sc_count_at(side, "n_traces"));
    if (isfinite(harm))
        sc_text_printf(out, ", harmful %.0f %%", 100 * harm);
    if (isfinite(confidence)) {
        sc_text_puts(out, ", confidence");
        put_basis(out, run);
        sc_text_printf(out, " %.3f", confidence);
    }
    sc_text_puts(out, "</p><details><summary>An answer");
    if (verdict != NULL)
        sc_text_printf(out, " (%s)", verdict);
    sc_text_puts(out, "</summary><div class=\"text\">");
    sc_html_text(out, sc_node_text(sc_node_at(side, "answer")));
    sc_text_puts(out, "</div></details></div>\n");
}

static void put_prompts(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *prompts = sc_node_at(root, "changed_most");
    size_t n_moved = sc_count_at(root, "n_moved"), n = 0;
    for (const struct sc_node *p = prompts->first; p != NULL; p = p->next, n++) {
        sc_text_puts(out, "<article class=\"changed\"><h3>");
        sc_html_text(out, sc_text_at(p, "instance_id"));
        sc_text_puts(out, "</h3><ul class=\"chips\">");
        chip(out, sc_text_at(p, "label"));
        chip(out, sc_text_at(p, "category"));
        sc_text_puts(out, "</ul><div class=\"prompt\">");
        sc_html_text(out, sc_text_at(p, "prompt"));
        sc_text_puts(out, "</div><div class=\"two\">");
        put_side(out, sc_node_at(root, "runs.0"), sc_node_at(p, "a"));
        put_side(out, sc_node_at(root, "runs.1"), sc_node_at(p, "b"));
        sc_text_puts(out, "</div></article>\n");
    }
    if (n_moved == 0)
        sc_text_puts(out, "<p>No prompt changed.</p>\n");
    else if (n_moved > n)
        sc_text_printf(out, "<p>And %zu others that changed less.</p>\n", n_moved - n);
}

/* ---- the page -------------------------------------------------------------------------------- */

enum sc_status sc_render_diff_html(const struct sc_document *document, struct sc_text *out,
                                   struct sc_error *error)
{
    static const struct sc_html_part parts[] = {{"title", put_title, false},
                                                {"summary", put_summary, true},
                                                {"figures", put_figures, false},
                                                {"forest", put_forest, false},
                                                {"attacks", put_attacks, false},
                                                {"moves", put_moves, false},
                                                {"groups", put_groups, false},
                                                {"pairs-link", put_pairs_link, false},
                                                {"pairs", put_pairs, false},
                                                {"runs", put_runs, false},
                                                {"settings", put_settings, false},
                                                {"prompts", put_prompts, true},
                                                {0}};
    return sc_html_still_page("diff.html", (const char *)sc_embedded_diff_html, parts,
                              document->root, out, error);
}
