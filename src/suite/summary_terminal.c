/* A suite's summary as a table for a terminal. */
#include <math.h>
#include <string.h>

#include "report/screen.h"
#include "suite/summary_document.h"

/* A figure of a row; estimates in percent have their interval where there is room for it. */
struct column {
    const char *head, *below, *path;
    double scale;
    size_t width;
    bool interval, of_harm;
    const char *form;
};

static const struct column columns[] = {
    {"refuses, %", "", "refusal_rate", 100, 21, true, false, "%.1f"},
    {"over-", "ref. %", "over_refusal", 100, 7, false, false, "%.1f"},
    {"harm", "%", "harm_rate", 100, 7, false, true, "%.1f"},
    {"confid.", "answers", "confidence_of_answers", 1, 8, false, false, "%.2f"},
    {"low-hi", "points", "hypothesis_difference", 100, 8, false, true, "%+.1f"},
    {"p", "Holm", "hypothesis_p_holm", 1, 7, false, false, "%.3f"},
    {"tokens", "", "total_tokens", 1, 10, false, false, "%.0f"},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns, LEAST_NAME = 22 };

/* What is left for names beside the figures, the last one of which gives way to them. */
static size_t name_width(const struct sc_screen *s, const struct sc_node *runs)
{
    size_t longest = 0, others = 0;
    for (size_t i = 0; i + 1 < N_COLUMNS; i++)
        others += columns[i].width;
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next) {
        size_t n = strlen(sc_text_at(run, "name")) + 4;
        longest = n > longest ? n : longest;
    }
    size_t room = s->width > others ? s->width - others : 0;
    size_t width = longest < room ? longest : room;
    return width > LEAST_NAME ? width : LEAST_NAME;
}

static void put_head(struct sc_screen *s, size_t name)
{
    for (int line = 0; line < 2; line++) {
        size_t begin = s->text->len, at = name;
        sc_text_puts(s->text, line == 0 ? "run" : " ");
        for (size_t i = 0; i < N_COLUMNS && at + columns[i].width <= s->width; i++) {
            sc_screen_pad(s, begin, at);
            sc_text_puts(s->text, line == 0 ? columns[i].head : columns[i].below);
            at += columns[i].width;
        }
        sc_text_putc(s->text, '\n');
    }
}

static bool is_proxy(const struct sc_node *run)
{
    const char *basis = sc_text_at(run, "harm_basis");
    return basis != NULL && strcmp(basis, "proxy") == 0;
}

/* proxy: the figure rests on the prompts' labels in place of harm. */
static void put_value(struct sc_screen *s, const struct column *column, const struct sc_node *node,
                      bool proxy)
{
    double value = sc_node_number(node);
    if (!isfinite(value)) {
        sc_text_putc(s->text, '-');
        return;
    }
    sc_text_printf(s->text, column->form, column->scale * value);
    if (proxy)
        sc_text_putc(s->text, '*');
    if (!column->interval)
        return;
    const struct sc_estimate *e = sc_node_estimate(node);
    if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(s->text, " [%.1f, %.1f]", column->scale * e->low, column->scale * e->high);
}

static void put_run(struct sc_screen *s, const struct sc_node *run, size_t name)
{
    size_t begin = s->text->len, at = name;
    bool figures = sc_flag_at(run, "has_figures");
    sc_text_puts(s->text, "  ");
    sc_screen_name(s, sc_text_at(run, "name"), name - 3);
    for (size_t i = 0; figures && i < N_COLUMNS && at + columns[i].width <= s->width; i++) {
        sc_screen_pad(s, begin, at);
        put_value(s, &columns[i], sc_node_at(run, columns[i].path),
                  columns[i].of_harm && is_proxy(run));
        at += columns[i].width;
    }
    const char *why = sc_text_at(run, "why"), *outcome = sc_text_at(run, "outcome");
    if (figures && why == NULL) {
        sc_text_putc(s->text, '\n');
        return;
    }
    if (figures) {
        sc_text_putc(s->text, '\n');
        begin = s->text->len;
    }
    sc_screen_pad(s, begin, name);
    struct sc_text words = {0};
    sc_text_printf(&words, "%s%s%s", outcome, why != NULL ? ": " : "", why != NULL ? why : "");
    sc_screen_say(s, words.data != NULL ? words.data : "", name);
    s->text->failed = s->text->failed || words.failed;
    sc_text_free(&words);
}

static void put_phase(struct sc_screen *s, const struct sc_node *phase)
{
    const char *when = sc_text_at(phase, "when"), *seen = sc_text_at(phase, "seen");
    struct sc_text words = {0};
    if (when == NULL)
        return;
    sc_text_printf(&words, "%s: %s: %s%s%s", sc_text_at(phase, "name"), when,
                   sc_text_at(phase, "condition"), seen != NULL && *seen != '\0' ? ": " : "",
                   seen != NULL ? seen : "");
    sc_screen_say(s, words.data != NULL ? words.data : "", 0);
    s->text->failed = s->text->failed || words.failed;
    sc_text_free(&words);
}

void sc_summary_terminal(const struct sc_document *document, size_t width, bool colour,
                         struct sc_text *out)
{
    struct sc_screen s = sc_screen_of(out, width, colour);
    const struct sc_node *root = document->root, *runs = sc_node_at(root, "runs");
    const struct sc_node *phases = sc_node_at(root, "phases"), *notes = sc_node_at(root, "notes");
    size_t name = name_width(&s, runs);
    put_head(&s, name);
    const char *phase_name = "";
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next) {
        if (strcmp(phase_name, sc_text_at(run, "phase")) != 0) {
            phase_name = sc_text_at(run, "phase");
            sc_text_printf(out, "%s\n", phase_name);
        }
        put_run(&s, run, name);
    }
    sc_text_putc(out, '\n');
    for (const struct sc_node *phase = phases->first; phase != NULL; phase = phase->next)
        put_phase(&s, phase);
    for (const struct sc_node *note = notes->first; note != NULL; note = note->next)
        sc_screen_say(&s, sc_node_text(note), 0);
    sc_text_putc(out, '\n');
}
