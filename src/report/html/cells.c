/* Cells, rows and words of the page's tables. */
#include "report/html/cells.h"

#include <math.h>
#include <string.h>

void sc_html_text(struct sc_text *out, const char *untrusted)
{
    if (untrusted != NULL)
        sc_text_add_html(out, untrusted, strlen(untrusted));
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void interval(struct sc_text *out, const struct sc_estimate *e, double scale, int digits)
{
    bool known = isfinite(e->low) && isfinite(e->high);
    sc_text_puts(out, known ? "<small>" : "<small class=\"why\">");
    if (known)
        sc_text_printf(out, "%.*f to %.*f", digits, scale * e->low, digits, scale * e->high);
    else
        sc_html_text(out, e->reason != NULL ? e->reason : "no interval");
    sc_text_puts(out, "</small>");
}

/* The value times `scale` (100: percent) with its interval. */
static void estimate_cell(struct sc_text *out, const struct sc_node *figure, double scale,
                          int digits, const char *unit)
{
    const struct sc_estimate *e = sc_node_estimate(figure);
    if (!isfinite(e->value)) {
        sc_text_puts(out, "<td>none<small class=\"why\">");
        sc_html_text(out, e->reason != NULL ? e->reason : "not computed");
        sc_text_puts(out, "</small></td>");
        return;
    }
    sc_text_printf(out, "<td>%.*f%s", digits, scale * e->value, unit);
    interval(out, e, scale, digits);
    sc_text_puts(out, "</td>");
}

void sc_html_percent_cell(struct sc_text *out, const struct sc_node *figure)
{
    estimate_cell(out, figure, 100, 1, " %");
}

void sc_html_points_cell(struct sc_text *out, const struct sc_node *figure)
{
    estimate_cell(out, figure, 100, 1, " points");
}

void sc_html_percents_cell(struct sc_text *out, const struct sc_node *figure)
{
    estimate_cell(out, figure, 1, 1, " %");
}

void sc_html_2_digits_cell(struct sc_text *out, const struct sc_node *figure)
{
    estimate_cell(out, figure, 1, 2, "");
}

void sc_html_3_digits_cell(struct sc_text *out, const struct sc_node *figure)
{
    estimate_cell(out, figure, 1, 3, "");
}

void sc_html_n_cell(struct sc_text *out, const struct sc_node *figure)
{
    sc_text_printf(out, "<td>%zu</td>", sc_node_estimate(figure)->n);
}

void sc_html_count_cell(struct sc_text *out, const struct sc_node *figure)
{
    if (figure->kind == SC_NODE_ABSENT)
        sc_text_puts(out, "<td>none</td>");
    else
        sc_text_printf(out, "<td>%zu</td>", sc_node_count(figure));
}

void sc_html_tokens_cell(struct sc_text *out, const struct sc_node *figure)
{
    if (figure->kind == SC_NODE_ABSENT)
        sc_text_puts(out, "<td>not given</td>");
    else
        sc_text_printf(out, "<td>%zu</td>", sc_node_count(figure));
}

void sc_html_p_cell(struct sc_text *out, const struct sc_node *figure)
{
    double p = sc_node_number(figure);
    if (!isfinite(p))
        sc_text_puts(out, "<td class=\"p\">none</td>");
    else if (p < 0.0001)
        sc_text_puts(out, "<td class=\"p\">&lt; 0.0001</td>");
    else
        sc_text_printf(out, "<td class=\"p\">%.4f</td>", p);
}

/* ---- tables ---------------------------------------------------------------------------------- */

void sc_html_heads(struct sc_text *out, const struct sc_html_column *columns, bool proxy)
{
    for (const struct sc_html_column *c = columns; c->form != NULL; c++)
        sc_text_printf(out, "<th scope=\"col\">%s</th>",
                       proxy && c->head_proxy != NULL ? c->head_proxy : c->head);
}

void sc_html_cells(struct sc_text *out, const struct sc_node *row,
                   const struct sc_html_column *columns)
{
    for (const struct sc_html_column *c = columns; c->form != NULL; c++)
        c->form(out, c->path != NULL ? sc_node_at(row, c->path) : row);
}

void sc_html_rows(struct sc_text *out, const struct sc_node *from, const struct sc_html_row *rows,
                  const struct sc_html_column *columns)
{
    for (const struct sc_html_row *row = rows; row->label != NULL; row++) {
        sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", row->label);
        sc_html_cells(out, sc_node_at(from, row->path), columns);
        sc_text_puts(out, "</tr>\n");
    }
}

/* ---- words ----------------------------------------------------------------------------------- */

/* "52.3 % (41.0 to 63.1)" */
void sc_html_fragment(struct sc_text *out, const char *untrusted)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    for (const char *c = untrusted; *c; c++) {
        if (strchr(plain, *c) != NULL)
            sc_text_putc(out, *c);
        else
            sc_text_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
    }
}

void sc_html_name(struct sc_text *out, const char *untrusted, size_t columns)
{
    struct sc_text name = {0};
    sc_text_add_shortened(&name, untrusted, columns);
    if (name.failed)
        out->failed = true;
    else
        sc_html_text(out, name.data);
    sc_text_free(&name);
}

void sc_html_percent(struct sc_text *out, const struct sc_node *from, const char *path)
{
    const struct sc_estimate *e = sc_estimate_at(from, path);
    if (!isfinite(e->value))
        sc_text_puts(out, "not known");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(out, "%.1f&nbsp;%% (%.1f to %.1f)", 100 * e->value, 100 * e->low,
                       100 * e->high);
    else
        sc_text_printf(out, "%.1f&nbsp;%%", 100 * e->value);
}

const char *sc_html_harm_word(const struct sc_node *root)
{
    return sc_document_is_proxy(root) ? "harm (proxy)" : "harm";
}

void sc_html_basis(struct sc_text *out, const struct sc_node *root)
{
    const char *basis = sc_node_text(sc_node_find(root, "run.confidence_basis"));
    if (basis != NULL)
        sc_text_printf(out, " (%s)", basis);
}

void sc_html_basis_sentence(struct sc_text *out, const struct sc_node *root)
{
    const char *basis = sc_node_text(sc_node_find(root, "run.confidence_basis"));
    if (basis != NULL)
        sc_text_printf(out, " Confidence is %s.", basis);
}

void sc_html_basis_caption(struct sc_text *out, const struct sc_node *root)
{
    const char *basis = sc_node_text(sc_node_find(root, "run.confidence_basis"));
    if (basis != NULL)
        sc_text_printf(out, "<caption>Confidence is %s.</caption>", basis);
}
