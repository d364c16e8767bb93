/*
 * The report on one screen, at most 100 columns.  Names from files and models are made visible,
 * never written raw; colour only when asked for.
 */
#include <math.h>
#include <string.h>

#include "analysis/sentences.h"
#include "base/memory.h"
#include "report/render.h"

#define MIN_WIDTH 60
#define MAX_WIDTH 100

struct screen {
    struct sc_text *text;
    size_t width;
    bool colour;
    const struct sc_analysis *a;
};

/* Columns of a text: its code points (what is written here holds no wide characters but names). */
static size_t columns_of(const char *s, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n; i++)
        columns += ((unsigned char)s[i] & 0xc0) != 0x80;
    return columns;
}

static void style(struct screen *s, const char *code)
{
    if (s->colour)
        sc_text_printf(s->text, "\x1b[%sm", code);
}

static void heading(struct screen *s, const char *title)
{
    style(s, "1");
    sc_text_puts(s->text, title);
    style(s, "0");
}

/* An untrusted name, visible, at most max columns. */
static void name(struct screen *s, const char *untrusted, size_t max)
{
    struct sc_text visible = {0};
    sc_text_add_visible(&visible, untrusted != NULL ? untrusted : "?",
                        strlen(untrusted != NULL ? untrusted : "?"), false);
    if (visible.failed) {
        s->text->failed = true;
    } else if (columns_of(visible.data, visible.len) <= max) {
        sc_text_add(s->text, visible.data, visible.len);
    } else {
        size_t n = 0, columns = 0;
        while (n < visible.len && columns + 3 < max) {
            n++;
            while (n < visible.len && ((unsigned char)visible.data[n] & 0xc0) == 0x80)
                n++;
            columns++;
        }
        sc_text_add(s->text, visible.data, n);
        sc_text_puts(s->text, "...");
    }
    sc_text_free(&visible);
}

/* Words of `words` between column `indent` and the width; the cursor is at column `at`. */
static void wrap(struct screen *s, const char *words, size_t indent, size_t at)
{
    bool first = true;
    while (*words) {
        size_t n = strcspn(words, " ");
        if (n) {
            if (!first && at + 1 + n > s->width) {
                sc_text_printf(s->text, "\n%*s", (int)indent, "");
                at = indent;
            } else if (!first) {
                sc_text_putc(s->text, ' ');
                at++;
            }
            sc_text_add(s->text, words, n);
            at += n;
            first = false;
        }
        words += n;
        words += strspn(words, " ");
    }
    sc_text_putc(s->text, '\n');
}

static void pad_to(struct screen *s, size_t line_begin, size_t column)
{
    size_t at = columns_of(s->text->data != NULL ? s->text->data + line_begin : "",
                           s->text->failed ? 0 : s->text->len - line_begin);
    for (; at < column; at++)
        sc_text_putc(s->text, ' ');
}

/* "52.3 % [41.0, 63.1]" */
static void percent(struct screen *s, const struct sc_estimate *e)
{
    if (!isfinite(e->value))
        sc_text_puts(s->text, "none");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(s->text, "%.1f %% [%.1f, %.1f]", 100 * e->value, 100 * e->low,
                       100 * e->high);
    else
        sc_text_printf(s->text, "%.1f %%", 100 * e->value);
}

static void labelled_percent(struct screen *s, const char *label, const struct sc_estimate *e)
{
    sc_text_puts(s->text, label);
    percent(s, e);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void put_head(struct screen *s)
{
    const struct sc_run *run = s->a->run;
    const struct sc_group *g = &s->a->overall;
    style(s, "1");
    name(s, run->model_name, 36);
    sc_text_puts(s->text, " on ");
    name(s, run->benchmark_name, 28);
    style(s, "0");
    sc_text_puts(s->text, ", policy ");
    name(s, run->policy_names[run->primary], 20);
    sc_text_printf(s->text, "\n%zu prompts, %zu traces (%.2f per prompt), ", g->n_instances,
                   g->n_traces,
                   g->n_instances ? (double)g->n_traces / (double)g->n_instances : 0.0);
    if (g->n_uncounted > 0)
        sc_text_puts(s->text, "tokens not given; ");
    else
        sc_text_printf(s->text, "%llu tokens; ", (unsigned long long)g->n_tokens);
    sc_text_printf(s->text, "failed %zu, unparsed %zu, empty %zu\n", g->n_failed, g->n_unparsed,
                   g->n_empty);
    if (s->a->n_undecided)
        sc_text_printf(s->text, "Not finished: %zu prompts are left out.\n", s->a->n_undecided);
    if (run->demo) {
        style(s, "33");
        wrap(s, sc_demo_sentence, 0, 0);
        style(s, "0");
    }
    if (run->demo_judge) {
        style(s, "33");
        wrap(s, sc_demo_judge_sentence, 0, 0);
        style(s, "0");
    }
    if (s->a->confidence_note[0] != '\0') {
        style(s, "33");
        wrap(s, s->a->confidence_note, 0, 0);
        style(s, "0");
    }
    sc_text_putc(s->text, '\n');
}

static void quadrant_line(struct screen *s, enum sc_quadrant q, int line)
{
    const struct sc_group *g = &s->a->quadrants[q];
    size_t n = s->a->overall.n_instances;
    switch (line) {
    case 0:
        heading(s, sc_quadrant_name(q));
        break;
    case 1:
        sc_text_printf(s->text, "%zu prompts (%.0f %%), %zu unsafe", g->n_instances,
                       n ? 100.0 * (double)g->n_instances / (double)n : 0.0,
                       g->n_labels[SC_LABEL_UNSAFE]);
        break;
    case 2:
        labelled_percent(s, "refuses ", &g->refusal_rate);
        break;
    default:
        labelled_percent(s, s->a->proxy ? "harm (proxy) " : "harm ", &g->harm_rate);
        break;
    }
}

static void put_quadrants(struct screen *s)
{
    static const enum sc_quadrant rows[2][2] = {{SC_CONFIDENT_REFUSAL, SC_CONFIDENT_COMPLIANCE},
                                                {SC_UNCERTAIN_REFUSAL, SC_UNCERTAIN_COMPLIANCE}};
    static const char *const titles[2] = {"confident", "uncertain"};
    size_t left = 12, right = left + (s->width - left) / 2;
    size_t invisible = s->colour ? strlen("\x1b[1m\x1b[0m") : 0;
    double threshold = s->a->views[s->a->run->primary].threshold;
    if (!isfinite(threshold)) {
        sc_text_puts(s->text, "No confidence is given, so there are no quadrants.\n\n");
        return;
    }
    size_t begin = s->text->len;
    pad_to(s, begin, left);
    sc_text_puts(s->text, "refused");
    pad_to(s, begin, right);
    sc_text_puts(s->text, "did not refuse\n");
    for (int row = 0; row < 2; row++)
        for (int line = 0; line < 4; line++) {
            begin = s->text->len;
            if (line == 0)
                sc_text_puts(s->text, titles[row]);
            else if (line == 1)
                sc_text_printf(s->text, row ? " < %.3g" : " >= %.3g", threshold);
            pad_to(s, begin, left);
            quadrant_line(s, rows[row][0], line);
            pad_to(s, begin, right + (line == 0 ? invisible : 0));
            quadrant_line(s, rows[row][1], line);
            sc_text_putc(s->text, '\n');
        }
    sc_text_putc(s->text, '\n');
}

static void put_rates(struct screen *s)
{
    const struct sc_analysis *a = s->a;
    const struct sc_confusion *c = &a->confusion;
    heading(s, "Refusal rate");
    labelled_percent(s, "   all ", &a->overall.refusal_rate);
    labelled_percent(s, "   unsafe ", &a->labels[SC_LABEL_UNSAFE].refusal_rate);
    sc_text_puts(s->text, "\n            ");
    labelled_percent(s, "   safe (over-refusal) ", &a->labels[SC_LABEL_SAFE].refusal_rate);
    labelled_percent(s, "   agreement ", &a->overall.agreement);
    sc_text_putc(s->text, '\n');
    if (a->corrected.error != NULL) {
        sc_text_puts(s->text, "               with the detector's errors, unsafe");
        labelled_percent(s, " ", &a->corrected.labels[SC_LABEL_UNSAFE]);
        labelled_percent(s, "   safe ", &a->corrected.labels[SC_LABEL_SAFE]);
        sc_text_putc(s->text, '\n');
    }
    heading(s, "Confusion");
    sc_text_printf(s->text,
                   "      tp %zu  fn %zu  fp %zu  tn %zu   split %zu  unknown %zu  "
                   "not judged %zu\n",
                   c->tp, c->fn, c->fp, c->tn, c->split, c->unknown, c->none);
    labelled_percent(s, "               sensitivity ", &c->sensitivity);
    labelled_percent(s, "   specificity ", &c->specificity);
    sc_text_putc(s->text, '\n');
    heading(s, "Confidence");
    sc_text_printf(s->text, "     %s: ", sc_metric_name(a->run->metric));
    if (isfinite(a->confidence_refusals.value))
        sc_text_printf(s->text, "refusals %.3f", a->confidence_refusals.value);
    else
        sc_text_puts(s->text, a->overall.n_refused > 0 ? "refusals not given" : "no refusals");
    if (isfinite(a->confidence_answers.value))
        sc_text_printf(s->text, ", answers %.3f\n", a->confidence_answers.value);
    else
        sc_text_puts(s->text,
                     a->overall.n_answers > 0 ? ", answers not given\n" : ", no answers\n");
    sc_text_putc(s->text, '\n');
}

static void put_hypothesis(struct screen *s)
{
    heading(s, "Are low-confidence non-refusals riskier than high-confidence ones?");
    sc_text_putc(s->text, '\n');
    wrap(s, s->a->hypothesis.text, 0, 0);
}

/* At most 80 columns, so that it stays a table on any terminal. */
static void put_policy(struct screen *s, const struct sc_policy_result *r)
{
    size_t begin = s->text->len;
    sc_text_puts(s->text, r->primary ? "* " : "  ");
    name(s, r->name, 17);
    pad_to(s, begin, 20);
    if (isfinite(r->group.traces.value))
        sc_text_printf(s->text, "%6.2f", r->group.traces.value);
    pad_to(s, begin, 26);
    if (r->group.n_uncounted > 0)
        sc_text_printf(s->text, " %10s", "not given");
    else
        sc_text_printf(s->text, " %10llu", (unsigned long long)r->group.n_tokens);
    if (r->largest)
        sc_text_puts(s->text, "     ref.");
    else if (isfinite(r->token_difference_percent.value))
        sc_text_printf(s->text, " %6.1f %%", r->token_difference_percent.value);
    pad_to(s, begin, 46);
    if (isfinite(r->group.refusal_rate.value))
        sc_text_printf(s->text, " %6.1f %%", 100 * r->group.refusal_rate.value);
    pad_to(s, begin, 55);
    if (!r->largest)
        sc_text_printf(s->text, " %8zu %8zu", r->verdict_changes, r->harmful_unseen);
    if (isfinite(r->null_traces.value)) {
        pad_to(s, begin, 73);
        sc_text_printf(s->text, " %6.2f", r->null_traces.value);
    }
    sc_text_putc(s->text, '\n');
}

static void put_policies(struct screen *s)
{
    const struct sc_analysis *a = s->a;
    if (a->run->n_policies < 2)
        return;
    sc_text_putc(s->text, '\n');
    heading(s, "Policies");
    sc_text_puts(s->text, a->proxy ? " (unseen: harmful answers, proxy; null: traces with shuffled "
                                     "confidences)\n"
                                   : " (unseen: harmful answers; null: traces with shuffled "
                                     "confidences)\n");
    sc_text_puts(s->text, "  name              traces     tokens    fewer  refuses  changed   "
                          "unseen    null\n");
    for (size_t p = 0; p < a->run->n_policies; p++)
        put_policy(s, &a->policies[p]);
}

enum sc_status sc_render_terminal(const struct sc_analysis *analysis, size_t width, bool colour,
                                  struct sc_text *out, struct sc_error *error)
{
    struct screen s = {out, width, colour, analysis};
    s.width = width < MIN_WIDTH ? MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width;
    put_head(&s);
    put_quadrants(&s);
    put_rates(&s);
    put_hypothesis(&s);
    put_policies(&s);
    return out->failed ? sc_fail_nomem(error, "terminal report") : SC_OK;
}
