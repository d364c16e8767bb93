/* Cells and words of the page's tables. */
#include "report/html/cells.h"

#include <math.h>
#include <string.h>

void sc_html_text(struct sc_text *out, const char *untrusted)
{
    if (untrusted != NULL)
        sc_text_add_html(out, untrusted, strlen(untrusted));
}

/* ---- cells ------------------------------------------------------------------------------------
 */

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

/* <td> with the value in percent (scale 100) or as it is (scale 1) and its interval. */
void sc_html_cell(struct sc_text *out, const struct sc_estimate *e, double scale, int digits,
                  const char *unit)
{
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

void sc_html_percent_cell(struct sc_text *out, const struct sc_estimate *e)
{
    sc_html_cell(out, e, 100, 1, " %");
}

void sc_html_count_cell(struct sc_text *out, size_t n)
{
    sc_text_printf(out, "<td>%zu</td>", n);
}

/* "52.3 % (41.0 to 63.1)" in running text. */
void sc_html_percent(struct sc_text *out, const struct sc_estimate *e)
{
    if (!isfinite(e->value))
        sc_text_puts(out, "not known");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(out, "%.1f&nbsp;%% (%.1f to %.1f)", 100 * e->value, 100 * e->low,
                       100 * e->high);
    else
        sc_text_printf(out, "%.1f&nbsp;%%", 100 * e->value);
}

void sc_html_row(struct sc_text *out, const char *label, const struct sc_estimate *e)
{
    sc_text_printf(out, "<tr><th scope=\"row\">%s</th>", label);
    sc_html_percent_cell(out, e);
    sc_text_printf(out, "<td>%zu</td></tr>\n", e->n);
}

const char *sc_html_harm_word(const struct sc_analysis *a)
{
    return a->proxy ? "harm (proxy)" : "harm";
}

void sc_html_p_cell(struct sc_text *out, double p)
{
    if (!isfinite(p))
        sc_text_puts(out, "<td class=\"p\">none</td>");
    else if (p < 0.0001)
        sc_text_puts(out, "<td class=\"p\">&lt; 0.0001</td>");
    else
        sc_text_printf(out, "<td class=\"p\">%.4f</td>", p);
}
