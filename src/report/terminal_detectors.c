/* The comparison of detectors and judges as lines for a terminal. */
#include <math.h>
#include <string.h>

#include "report/detectors.h"

static void add_table(struct sc_text *out, const struct sc_detector_pair *pair)
{
    size_t n = pair->named.n_categories;
    sc_text_printf(out, "  %-14s", "first \\ second");
    for (size_t j = 0; j < n; j++)
        sc_text_printf(out, " %13s", sc_detectors_rating(pair->harm, j));
    sc_text_putc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        sc_text_printf(out, "  %-14s", sc_detectors_rating(pair->harm, i));
        for (size_t j = 0; j < n; j++)
            sc_text_printf(out, " %13zu", pair->named.table[i][j]);
        sc_text_putc(out, '\n');
    }
}

static void add_visible(struct sc_text *out, const char *text, size_t most)
{
    size_t n = strlen(text);
    while (n > most || (n > 0 && n < strlen(text) && (text[n] & 0xc0) == 0x80))
        n--; /* not inside a character */
    sc_text_add_visible(out, text, n, false);
}

static void add_pair(struct sc_text *out, const struct sc_run *run,
                     const struct sc_detector_pair *pair, size_t n_shown)
{
    const struct sc_agreement *binary = &pair->binary;
    sc_text_printf(out, "\n%s: first ", pair->harm ? "Harm" : "Refusal");
    add_visible(out, pair->a->name, 160);
    sc_text_puts(out, "\n  against second ");
    add_visible(out, pair->b->name, 160);
    sc_text_printf(out, "\n  %s: ",
                   pair->harm ? "harmful or controversial against harmless"
                              : "refused (partial too) against not");
    if (binary->n == 0)
        sc_text_puts(out, "no trace that both have judged");
    else if (isnan(binary->kappa))
        sc_text_printf(out,
                       "agreement %.3f of %zu traces; kappa cannot be computed (one value only)",
                       binary->observed, binary->n);
    else
        sc_text_printf(out, "agreement %.3f of %zu traces, kappa %.3f", binary->observed, binary->n,
                       binary->kappa);
    if (!isnan(binary->low))
        sc_text_printf(out, " [%.3f, %.3f]", binary->low, binary->high);
    sc_text_putc(out, '\n');
    add_table(out, pair);
    if (pair->n_disagreements && n_shown)
        sc_text_printf(out, "  disagreements: %zu\n", pair->n_disagreements);
    for (size_t k = 0; k < pair->n_disagreements && k < SC_MOST_DISAGREEMENTS && k < n_shown; k++) {
        const struct sc_disagreement *d = &pair->disagreements[k];
        const struct sc_run_instance *instance = &run->instances[d->instance];
        size_t at = run->first_trace[d->instance] + d->trace;
        sc_text_puts(out, "    ");
        add_visible(out, instance->id, 40);
        sc_text_printf(out, " trace %zu: %s / %s: ", d->trace, sc_detectors_said(pair, pair->a, at),
                       sc_detectors_said(pair, pair->b, at));
        add_visible(out, instance->traces[d->trace].answer, 90);
        sc_text_putc(out, '\n');
    }
}

static void add_score(struct sc_text *out, const struct sc_run_opinion *rater,
                      const struct sc_estimate *score)
{
    sc_text_puts(out, "\nScore by ");
    add_visible(out, rater->name, 160);
    sc_text_printf(out, "\n  mean %.3f", score->value);
    if (!isnan(score->low))
        sc_text_printf(out, " [%.3f, %.3f]", score->low, score->high);
    sc_text_printf(out, " of %zu answers\n", score->n);
}

static void add_estimate(struct sc_text *out, const struct sc_estimate *e, double scale)
{
    sc_text_printf(out, scale > 1 ? "%.1f %%" : "%.3f", scale * e->value);
    if (!isnan(e->low))
        sc_text_printf(out, scale > 1 ? " [%.1f, %.1f]" : " [%.3f, %.3f]", scale * e->low,
                       scale * e->high);
}

/* A judge that was asked repeatedly, against itself. */
static void add_self(struct sc_text *out, const struct sc_run_opinion *opinion,
                     const struct sc_self_agreement *self)
{
    static const char *const words[SC_N_SELF] = {
        "refused (partial too) or not", "harmful or controversial, or not", "harmful, or not"};
    sc_text_puts(out, "\nThe judge against itself: ");
    add_visible(out, opinion->name, 160);
    sc_text_printf(out, "\n  asked %zu times about each answer, at temperature %g\n",
                   opinion->repeats.n, opinion->repeats.temperature);
    if (self->reason != NULL)
        sc_text_printf(out, "  %s\n", self->reason);
    for (int of = 0; self->reason == NULL && of < SC_N_SELF; of++) {
        const struct sc_self *s = &self->of[of];
        if (s->n == 0)
            continue;
        sc_text_printf(out, "  %s: one mind on ", words[of]);
        add_estimate(out, &s->unanimous, 100);
        sc_text_printf(out, " of %zu answers, pairs differ in ", s->n);
        add_estimate(out, &s->differing, 100);
        sc_text_puts(out, ", alpha ");
        if (isnan(s->alpha.value))
            sc_text_printf(out, "none (%s)", s->alpha.reason);
        else
            add_estimate(out, &s->alpha, 1);
        sc_text_putc(out, '\n');
    }
}

void sc_detectors_terminal(const struct sc_run *run,
                           const struct sc_detector_comparison *comparison, size_t n_shown,
                           struct sc_text *out)
{
    for (size_t i = 0; i < run->n_opinions; i++)
        if (comparison->scores[i].n > 0)
            add_score(out, &run->opinions[i], &comparison->scores[i]);
    for (size_t i = 0; i < comparison->n_pairs; i++)
        add_pair(out, run, &comparison->pairs[i], n_shown);
    for (size_t i = 0; i < run->n_opinions; i++)
        if (run->opinions[i].repeats.n > 0)
            add_self(out, &run->opinions[i], &comparison->self[i]);
}
