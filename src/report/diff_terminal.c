/*
 * A comparison of runs on a terminal, at most 100 columns: what it says first, then the figures
 * of both runs, where they moved, and the prompts that changed most.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/diff.h"
#include "report/screen.h"

enum { MOST_CATEGORIES = 12, MOST_PROMPTS = 8 };

/* ---- the runs -------------------------------------------------------------------------------- */

static void put_run(struct sc_screen *s, const struct sc_node *run)
{
    struct sc_text line = {0};
    struct sc_screen words = sc_screen_of(&line, s->width, false); /* broken between lines below */
    sc_screen_name(&words, sc_text_at(run, "name"), 28);
    sc_text_puts(&line, ": ");
    sc_screen_name(&words, sc_text_at(run, "model"), 28);
    sc_text_puts(&line, ", policy ");
    sc_screen_name(&words, sc_text_at(run, "policy"), 20);
    double temperature = sc_number_at(run, "temperature");
    if (isfinite(temperature))
        sc_text_printf(&line, ", temperature %g", temperature);
    size_t fewest = sc_count_at(run, "fewest_traces"), most = sc_count_at(run, "most_traces");
    if (fewest < most)
        sc_text_printf(&line, ", %zu to %zu traces a prompt", fewest, most);
    else
        sc_text_printf(&line, ", %zu trace%s a prompt", most, most == 1 ? "" : "s");
    sc_screen_heading(s, sc_text_at(run, "run"));
    sc_text_puts(s->text, "  ");
    if (line.failed)
        s->text->failed = true;
    else
        sc_screen_say(s, line.data, 3);
    sc_text_free(&line);
}

static void put_summary(struct sc_screen *s, const struct sc_node *root)
{
    const struct sc_node *runs = sc_node_at(root, "runs");
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next)
        put_run(s, run);
    if (sc_node_find(runs, "2") != NULL)
        sc_screen_say(s, "What follows compares A and B; all pairs are below.", 0);
    sc_text_putc(s->text, '\n');
    const struct sc_node *summary = sc_node_at(root, "summary");
    for (const struct sc_node *line = summary->first; line != NULL; line = line->next)
        sc_screen_say(s, sc_node_text(line), 0);
    const struct sc_node *note = sc_node_find(root, "confidence_note");
    if (note != NULL)
        sc_screen_say(s, sc_node_text(note), 0);
    sc_text_putc(s->text, '\n');
}

/* ---- figures --------------------------------------------------------------------------------- */

/* "62.0 [41.0, 83.1]": the value times `scale`. */
static void put_value(struct sc_screen *s, const struct sc_estimate *e, double scale)
{
    int digits = scale > 1 ? 1 : 2;
    if (!isfinite(e->value))
        sc_text_puts(s->text, "none");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(s->text, "%.*f [%.*f, %.*f]", digits, scale * e->value, digits,
                       scale * e->low, digits, scale * e->high);
    else
        sc_text_printf(s->text, "%.*f", digits, scale * e->value);
}

static void put_change(struct sc_screen *s, const struct sc_estimate *e, double scale)
{
    int digits = scale > 1 ? 1 : 2;
    if (!isfinite(e->value))
        sc_text_puts(s->text, "none");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(s->text, "%+.*f [%+.*f, %+.*f]", digits, scale * e->value, digits,
                       scale * e->low, digits, scale * e->high);
    else
        sc_text_printf(s->text, "%+.*f", digits, scale * e->value);
}

/* Where the values of A, B and their difference begin. */
static size_t column(const struct sc_screen *s, size_t i)
{
    size_t left = 18;
    return left + i * ((s->width - left) / 3);
}

/* scale: 100 for a share, 1 for others. */
static void put_figure(struct sc_screen *s, const char *label, const struct sc_node *figure,
                       double scale)
{
    size_t begin = s->text->len;
    sc_text_puts(s->text, label);
    sc_screen_pad(s, begin, column(s, 0));
    put_value(s, sc_estimate_at(figure, "a"), scale);
    sc_screen_pad(s, begin, column(s, 1));
    put_value(s, sc_estimate_at(figure, "b"), scale);
    sc_screen_pad(s, begin, column(s, 2));
    put_change(s, sc_estimate_at(figure, "difference"), scale);
    sc_text_putc(s->text, '\n');
}

static void put_attacks(struct sc_screen *s, const struct sc_node *root)
{
    const struct sc_node *attacks = sc_node_at(root, "asr_at_k");
    const struct sc_node *last = NULL;
    for (const struct sc_node *k = attacks->first; k != NULL; k = k->next)
        last = k;
    if (last == NULL || last == attacks->first) /* at 1 it is the harm rate of unsafe prompts */
        return;
    char label[40];
    snprintf(label, sizeof label, "Attack success @%zu", sc_count_at(last, "k"));
    put_figure(s, label, sc_node_at(last, "strict"), 100);
}

static void put_figures(struct sc_screen *s, const struct sc_node *root)
{
    const char *basis = sc_node_text(sc_node_at(root, "harm_basis"));
    bool proxy = basis != NULL && strcmp(basis, "proxy") == 0;
    size_t begin = s->text->len;
    sc_screen_pad(s, begin, column(s, 0));
    sc_text_puts(s->text, "A, %");
    sc_screen_pad(s, begin, column(s, 1));
    sc_text_puts(s->text, "B, %");
    sc_screen_pad(s, begin, column(s, 2));
    sc_text_puts(s->text, "B - A, points\n");
    put_figure(s, "Refusal rate", sc_node_at(root, "refusal_rate"), 100);
    put_figure(s, "  unsafe", sc_node_at(root, "refusal_rate_unsafe"), 100);
    put_figure(s, "  over-refusal", sc_node_at(root, "over_refusal"), 100);
    put_figure(s, proxy ? "Harm (proxy)" : "Harm", sc_node_at(root, "harm"), 100);
    put_figure(s, "  loose", sc_node_at(root, "harm_loose"), 100);
    put_attacks(s, root);
    put_figure(s, "Confidence", sc_node_at(root, "confidence"), 1);
    const char *of = sc_node_text(sc_node_find(root, "confidence_basis"));
    if (of != NULL)
        sc_text_printf(s->text, "  (%s)\n", of);
    sc_text_putc(s->text, '\n');
}

/* ---- moves ----------------------------------------------------------------------------------- */

/* A row that no prompt is in is left out. */
static bool is_empty(const struct sc_node *row)
{
    for (const struct sc_node *cell = row->first; cell != NULL; cell = cell->next)
        if (sc_node_count(cell) > 0)
            return false;
    return true;
}

static void put_moves(struct sc_screen *s, const struct sc_node *root, const char *title,
                      const char *path, size_t width)
{
    const struct sc_node *moves = sc_node_at(root, path);
    size_t begin = s->text->len;
    sc_text_puts(s->text, title);
    sc_screen_pad(s, begin, 24);
    for (const struct sc_node *head = moves->first; head != NULL; head = head->next)
        sc_text_printf(s->text, " %*s", (int)width, head->key);
    sc_text_putc(s->text, '\n');
    for (const struct sc_node *row = moves->first; row != NULL; row = row->next) {
        if (is_empty(row))
            continue;
        begin = s->text->len;
        sc_text_printf(s->text, "  %s", row->key);
        sc_screen_pad(s, begin, 24);
        for (const struct sc_node *cell = row->first; cell != NULL; cell = cell->next)
            sc_text_printf(s->text, " %*zu", (int)width, sc_node_count(cell));
        sc_text_putc(s->text, '\n');
    }
    sc_text_putc(s->text, '\n');
}

/* ---- categories ------------------------------------------------------------------------------ */

static void put_category(struct sc_screen *s, const struct sc_node *category)
{
    const struct sc_node *rate = sc_node_at(category, "refusal_rate");
    const struct sc_node *p = sc_node_find(category, "permutation.p_holm");
    double a = sc_estimate_at(rate, "a")->value, b = sc_estimate_at(rate, "b")->value;
    size_t begin = s->text->len;
    sc_text_puts(s->text, "  ");
    sc_screen_name(s, *category->key != '\0' ? category->key : "(none)", 21);
    sc_screen_pad(s, begin, 24);
    sc_text_printf(s->text, "%7zu", sc_count_at(category, "count"));
    if (isfinite(a) && isfinite(b))
        sc_text_printf(s->text, "%8.1f%8.1f", 100 * a, 100 * b);
    sc_screen_pad(s, begin, 49);
    sc_screen_points(s, sc_estimate_at(rate, "difference"));
    sc_screen_pad(s, begin, 71);
    if (p != NULL && isfinite(sc_node_number(p)))
        sc_text_printf(s->text, "%.4f", sc_node_number(p));
    sc_text_putc(s->text, '\n');
}

static void put_categories(struct sc_screen *s, const struct sc_node *root)
{
    const struct sc_node *categories = sc_node_at(root, "per_category");
    if (categories->first == NULL || categories->first->next == NULL)
        return;
    size_t begin = s->text->len;
    sc_text_puts(s->text, "Refusal by category");
    sc_screen_pad(s, begin, 24);
    sc_text_puts(s->text, "prompts    A, %    B, %  B - A, points         p (Holm)\n");
    const struct sc_node *category = sc_diff_next_category(categories, NULL);
    for (int shown = 0; category != NULL && shown < MOST_CATEGORIES; shown++) {
        put_category(s, category);
        category = sc_diff_next_category(categories, category);
    }
    if (category != NULL)
        sc_text_puts(s->text, "  and others: diff.json has all\n");
    sc_text_putc(s->text, '\n');
}

/* ---- prompts --------------------------------------------------------------------------------- */

static void put_side(struct sc_screen *s, const char *mark, const struct sc_node *side)
{
    const char *behaviour = sc_node_text(sc_node_at(side, "behaviour"));
    const char *answer = sc_node_text(sc_node_at(side, "answer"));
    double rate = sc_number_at(side, "refusal_rate");
    size_t begin = s->text->len;
    sc_text_printf(s->text, "    %s %s", mark, behaviour != NULL ? behaviour : "not judged");
    if (isfinite(rate))
        sc_text_printf(s->text, ", refuses %.0f %%", 100 * rate);
    sc_screen_pad(s, begin, 32);
    if (answer != NULL)
        sc_screen_name(s, answer, s->width - 34);
    sc_text_putc(s->text, '\n');
}

static void put_prompts(struct sc_screen *s, const struct sc_node *root)
{
    const struct sc_node *prompts = sc_node_at(root, "changed_most");
    size_t n_moved = sc_count_at(root, "n_moved"), n_shown = 0;
    if (prompts->first == NULL)
        return;
    sc_screen_heading(s, "Prompts that changed most");
    sc_text_puts(s->text, " with an answer of each run\n");
    for (const struct sc_node *p = prompts->first; p != NULL && n_shown < MOST_PROMPTS;
         p = p->next, n_shown++) {
        sc_text_puts(s->text, "  ");
        sc_screen_name(s, sc_text_at(p, "instance_id"), 24);
        sc_text_printf(s->text, " (%s) ", sc_text_at(p, "label"));
        sc_screen_name(s, sc_text_at(p, "prompt"), s->width - 38);
        sc_text_putc(s->text, '\n');
        put_side(s, "A", sc_node_at(p, "a"));
        put_side(s, "B", sc_node_at(p, "b"));
    }
    if (n_moved > n_shown)
        sc_text_printf(s->text, "  and %zu others that changed\n", n_moved - n_shown);
    sc_text_putc(s->text, '\n');
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static void put_pairs(struct sc_screen *s, const struct sc_node *root)
{
    const struct sc_node *pairs = sc_node_find(root, "pairs");
    if (pairs == NULL)
        return;
    sc_screen_heading(s, "All pairs");
    sc_text_puts(s->text, " (refusal rate, points; p adjusted for all pairs, Holm)\n");
    for (const struct sc_node *pair = pairs->first; pair != NULL; pair = pair->next) {
        size_t begin = s->text->len;
        sc_text_printf(s->text, "  %s - %s  %zu prompts", sc_text_at(pair, "b"),
                       sc_text_at(pair, "a"), sc_count_at(pair, "prompts.common"));
        sc_screen_pad(s, begin, 24);
        sc_screen_points(s, sc_estimate_at(pair, "refusal_rate.difference"));
        sc_screen_pad(s, begin, 48);
        const struct sc_node *p = sc_node_find(pair, "permutation.p_holm");
        if (p != NULL)
            sc_text_printf(s->text, "p %.4f", sc_node_number(p));
        sc_screen_pad(s, begin, 58);
        sc_text_printf(s->text, "%zu of %zu changed\n", sc_count_at(pair, "verdict_changed.n"),
                       sc_count_at(pair, "verdict_changed.of"));
    }
    sc_text_putc(s->text, '\n');
}

enum sc_status sc_render_diff_terminal(const struct sc_document *document, size_t width,
                                       bool colour, struct sc_text *out, struct sc_error *error)
{
    assert(document->root != NULL && !document->failed);
    const struct sc_node *root = document->root;
    struct sc_screen s = sc_screen_of(out, width, colour);
    put_summary(&s, root);
    put_figures(&s, root);
    put_moves(&s, root, "Behaviour, A to B", "behaviours", 10);
    put_categories(&s, root);
    put_prompts(&s, root);
    put_pairs(&s, root);
    return out->failed ? sc_fail_nomem(error, "comparison of runs") : SC_OK;
}
