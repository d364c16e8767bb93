/* Writing for a terminal: screen.h. */
#include "report/screen.h"

#include <math.h>
#include <string.h>

struct sc_screen sc_screen_of(struct sc_text *text, size_t width, bool colour)
{
    if (width < SC_SCREEN_LEAST_WIDTH)
        width = SC_SCREEN_LEAST_WIDTH;
    if (width > SC_SCREEN_MOST_WIDTH)
        width = SC_SCREEN_MOST_WIDTH;
    return (struct sc_screen){.text = text, .width = width, .colour = colour};
}

void sc_screen_style(struct sc_screen *s, const char *code)
{
    if (s->colour)
        sc_text_printf(s->text, "\x1b[%sm", code);
}

void sc_screen_heading(struct sc_screen *s, const char *title)
{
    sc_screen_style(s, "1");
    sc_text_puts(s->text, title);
    sc_screen_style(s, "0");
}

void sc_screen_name(struct sc_screen *s, const char *untrusted, size_t max)
{
    sc_text_add_shortened(s->text, untrusted != NULL ? untrusted : "?", max);
}

static void wrap(struct sc_screen *s, const char *words, size_t indent)
{
    size_t at = indent;
    bool first = true;
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        while (n > 0 && strncmp(words + n, " %", 2) == 0) /* a number keeps its percent sign */
            n += 1 + strcspn(words + n + 1, " ");
        size_t columns = sc_text_columns(words, n);
        if (n > 0) {
            if (!first && at + 1 + columns > s->width) {
                sc_text_printf(s->text, "\n%*s", (int)indent, "");
                at = indent;
            } else if (!first) {
                sc_text_putc(s->text, ' ');
                at++;
            }
            sc_text_add(s->text, words, n);
            at += columns;
            first = false;
        }
        words += n;
        words += strspn(words, " ");
    }
    sc_text_putc(s->text, '\n');
}

void sc_screen_say(struct sc_screen *s, const char *untrusted, size_t indent)
{
    struct sc_text visible = {0};
    sc_text_add_visible(&visible, untrusted, strlen(untrusted), false);
    if (visible.failed)
        s->text->failed = true;
    else
        wrap(s, visible.data != NULL ? visible.data : "", indent);
    sc_text_free(&visible);
}

void sc_screen_pad(struct sc_screen *s, size_t line_begin, size_t column)
{
    size_t at = s->text->failed
                    ? 0
                    : sc_text_columns(s->text->data != NULL ? s->text->data + line_begin : "",
                                      s->text->len - line_begin);
    do
        sc_text_putc(s->text, ' ');
    while (++at < column);
}

void sc_screen_points(struct sc_screen *s, const struct sc_estimate *e)
{
    if (!isfinite(e->value))
        sc_text_puts(s->text, "none");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(s->text, "%+.1f [%+.1f, %+.1f]", 100 * e->value, 100 * e->low,
                       100 * e->high);
    else
        sc_text_printf(s->text, "%+.1f", 100 * e->value);
}
