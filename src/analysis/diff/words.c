/*
 * What a comparison of runs says first, in words that can be read aloud: what changed, how sure
 * that is, where most, and what stands in the way of it.  Names in them are as the runs have them:
 * whoever shows them makes them visible.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/diff/diff.h"
#include "base/memory.h"

/* ---- pieces ---------------------------------------------------------------------------------- */

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

static bool differ(const char *a, const char *b)
{
    return strcmp(text_of(a), text_of(b)) != 0;
}

static enum sc_status take(struct sc_text *text, char **out, struct sc_error *error)
{
    *out = sc_text_take(text);
    sc_text_free(text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "sentences of a comparison");
}

static void put_p(struct sc_text *out, double p)
{
    if (p < 0.0001)
        sc_text_puts(out, "p < 0.0001");
    else
        sc_text_printf(out, "p = %.4f", p);
}

/* "-20.8 points (95 % interval -31.0 to -10.5)" */
static void put_difference(struct sc_text *out, const struct sc_estimate *e)
{
    sc_text_printf(out, "%+.1f points", 100 * e->value);
    if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(out, " (95 %% interval %+.1f to %+.1f)", 100 * e->low, 100 * e->high);
    else
        sc_text_puts(out, " (too few prompts for an interval)");
}

/* "over-refusal (safe prompts) -3.0 points" after ", "; nothing where there is no difference to
 * say. */
static void put_more(struct sc_text *out, const char *what, const struct sc_diff_figure *figure)
{
    if (isfinite(figure->difference.value))
        sc_text_printf(out, "; %s %+.1f points", what, 100 * figure->difference.value);
}

/* ---- what changed ---------------------------------------------------------------------------- */

static void say_change(struct sc_text *out, const struct sc_diff_pair *pair)
{
    const struct sc_diff_figure *rate = &pair->all.refusal_rate;
    sc_text_printf(out, "On %zu common prompts ", pair->n_common);
    if (isfinite(rate->difference.value)) {
        sc_text_printf(out,
                       "B (%s) refused %.1f %% of the time and A (%s) %.1f %%: ", pair->b->name,
                       100 * rate->b.value, pair->a->name, 100 * rate->a.value);
        put_difference(out, &rate->difference);
    } else {
        sc_text_puts(out, "the two runs share no judged answer");
    }
    put_more(out, "on unsafe prompts", &pair->labels[SC_LABEL_UNSAFE].refusal_rate);
    put_more(out, "on safe prompts (over-refusal)", &pair->labels[SC_LABEL_SAFE].refusal_rate);
    bool proxy = pair->harm_basis != NULL && strcmp(pair->harm_basis, "proxy") == 0;
    put_more(out, proxy ? "harm (proxy)" : "harm", &pair->all.harm);
    sc_text_printf(out, ". %zu of %zu prompts changed their behaviour", pair->all.n_changed,
                   pair->n_common);
    size_t b = pair->mcnemar.b, c = pair->mcnemar.c, others = pair->all.n_changed - b - c;
    if (pair->all.n_changed > 0)
        sc_text_printf(out, " (%zu from refused to complied, %zu from complied to refused", b, c);
    if (others > 0)
        sc_text_printf(out, ", %zu to or from split or not judged", others);
    if (pair->all.n_changed > 0)
        sc_text_putc(out, ')');
    sc_text_putc(out, '.');
}

/* ---- how sure -------------------------------------------------------------------------------- */

static bool leaves_zero_out(const struct sc_estimate *e)
{
    return isfinite(e->low) && isfinite(e->high) && (e->low > 0 || e->high < 0);
}

/* Of several runs: how many pairs differ, which most, and how many prompts waver between them. */
static void say_pairs(struct sc_text *out, const struct sc_diff *diff)
{
    const struct sc_diff_pair *most = NULL;
    size_t n_apart = 0;
    if (diff->n_pairs < 2)
        return;
    for (size_t i = 0; i < diff->n_pairs; i++) {
        const struct sc_diff_pair *pair = &diff->pairs[i];
        double size = fabs(pair->all.refusal_rate.difference.value);
        n_apart += pair->all.permutation.holm < 0.05;
        if (isfinite(size) &&
            (most == NULL || size > fabs(most->all.refusal_rate.difference.value)))
            most = pair;
    }
    sc_text_printf(out, " Of all %zu pairs of runs %zu differ (Holm)", diff->n_pairs, n_apart);
    if (most != NULL)
        sc_text_printf(out, "; furthest apart are %s and %s, %+.1f points", most->a->mark,
                       most->b->mark, 100 * most->all.refusal_rate.difference.value);
    sc_text_printf(out, ". %zu of the %zu prompts of all runs do not behave the same in all.",
                   diff->n_changed_in_any, diff->n_in_all);
}

static void say_certainty(struct sc_text *out, const struct sc_diff_pair *pair)
{
    double p = pair->all.permutation.p, holm = pair->all.permutation.holm;
    const struct sc_estimate *difference = &pair->all.refusal_rate.difference;
    if (isnan(p)) {
        sc_text_puts(out, "How sure that is cannot be said: no prompt is judged in both runs.");
        return;
    }
    bool adjusted = !isnan(holm) && (holm > p || holm < p);
    bool unlikely = (adjusted ? holm : p) < 0.05, apart = leaves_zero_out(difference);
    sc_text_puts(out, unlikely ? "Chance alone would hardly make the refusal rates differ as much: "
                      : apart  ? "Whether the refusal rates differ is not settled: the interval "
                                 "leaves 0 out, the test does not: "
                               : "A difference of the refusal rates is not shown: ");
    put_p(out, p);
    if (adjusted) {
        sc_text_puts(out, ", adjusted for all pairs of runs ");
        put_p(out, holm);
    }
    sc_text_puts(out, " (permutation over prompts); ");
    put_p(out, pair->mcnemar.p);
    sc_text_puts(out, " for the prompts that turned (McNemar)");
    if (!unlikely && !apart && isfinite(difference->low) && isfinite(difference->high))
        sc_text_printf(out,
                       ". That does not make them the same: anything from %+.1f to %+.1f points "
                       "fits",
                       100 * difference->low, 100 * difference->high);
    sc_text_putc(out, '.');
}

/* ---- where most ------------------------------------------------------------------------------ */

static const struct sc_diff_group *clearest_category(const struct sc_diff_pair *pair)
{
    const struct sc_diff_group *best = NULL;
    for (size_t k = 0; k < pair->n_categories; k++) {
        const struct sc_diff_group *g = &pair->categories[k];
        if (!isfinite(g->refusal_rate.difference.value) || isnan(g->permutation.p))
            continue;
        double size = fabs(g->refusal_rate.difference.value);
        if (best == NULL || g->permutation.p < best->permutation.p ||
            (g->permutation.p <= best->permutation.p &&
             size > fabs(best->refusal_rate.difference.value)))
            best = g;
    }
    return best;
}

static void say_where(struct sc_text *out, const struct sc_diff_pair *pair)
{
    const struct sc_diff_group *g = clearest_category(pair);
    if (pair->n_moved == 0) {
        sc_text_puts(out, "No prompt changed at all.");
        return;
    }
    if (pair->n_categories > 1 && g != NULL) {
        bool clear = g->permutation.holm < 0.05;
        sc_text_printf(out,
                       clear ? "Of %zu categories \"%s\" changed most clearly: "
                             : "None of %zu categories stands out; clearest is \"%s\" with ",
                       pair->n_categories, *g->name != '\0' ? g->name : "none");
        sc_text_printf(out, "%+.1f points on %zu prompts (", 100 * g->refusal_rate.difference.value,
                       g->permutation.n);
        put_p(out, g->permutation.holm);
        sc_text_puts(out, " after Holm's adjustment for their number). ");
    }
    sc_text_printf(out, "The prompt%s that changed most: ", pair->n_most > 1 ? "s" : "");
    for (size_t i = 0; i < pair->n_most && i < 3; i++) {
        const struct sc_summary *a = sc_diff_in_a(pair, pair->most[i]);
        const struct sc_summary *b = sc_diff_in_b(pair, pair->most[i]);
        const char *id = pair->a->run.instances[pair->matches[pair->most[i]].a].id;
        sc_text_printf(out, "%s%s", i > 0 ? ", " : "", text_of(id));
        if (isfinite(a->refusal_rate) && isfinite(b->refusal_rate))
            sc_text_printf(out, " (refused %.0f %%, then %.0f %%)", 100 * a->refusal_rate,
                           100 * b->refusal_rate);
    }
    sc_text_putc(out, '.');
}

/* ---- what stands in the way ------------------------------------------------------------------ */

static enum sc_status note(struct sc_diff *diff, struct sc_error *error, const char *format, ...)
    SC_PRINTF(3, 4);
static enum sc_status note(struct sc_diff *diff, struct sc_error *error, const char *format, ...)
{
    if (diff->n_notes == SC_DIFF_MOST_NOTES)
        return SC_OK;
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    struct sc_text text = {0};
    sc_text_add_repaired(&text, line, strlen(line)); /* a name may have been cut inside */
    SC_TRY(take(&text, &diff->notes[diff->n_notes], error));
    diff->n_notes++;
    return SC_OK;
}

static enum sc_status note_prompts(struct sc_diff *diff, const struct sc_diff_pair *pair,
                                   struct sc_error *error)
{
    if (pair->n_other_prompt > 0)
        SC_TRY(note(diff, error, "%zu prompts have the same id and another text: they are %s",
                    pair->n_other_prompt,
                    pair->by_id ? "compared all the same, as was asked" : "left out"));
    if (pair->n_only_a > 0 || pair->n_only_b > 0)
        SC_TRY(note(diff, error, "%zu prompts are in %s only and %zu in %s only: they are left out",
                    pair->n_only_a, pair->a->mark, pair->n_only_b, pair->b->mark));
    if (pair->n_unfinished > 0)
        SC_TRY(note(diff, error, "%zu prompts are not finished in both runs: they are left out",
                    pair->n_unfinished));
    if (pair->n_other_label > 0)
        SC_TRY(note(diff, error,
                    "%zu prompts are labelled differently: they are in no figure of a "
                    "label",
                    pair->n_other_label));
    if (pair->n_other_frame > 0)
        SC_TRY(note(diff, error,
                    "%zu prompts were sent with another system message or prefill, which may be "
                    "what differs",
                    pair->n_other_frame));
    return SC_OK;
}

static enum sc_status note_answers(struct sc_diff *diff, const struct sc_diff_run *r,
                                   struct sc_error *error)
{
    if (r->n_unreached > 0)
        SC_TRY(note(diff, error,
                    "%zu of %zu answers of %s ended inside the reasoning and are not "
                    "judged: raise --max-new-tokens",
                    r->n_unreached, r->n_traces, r->mark));
    if (r->n_withheld > 0)
        SC_TRY(note(diff, error,
                    "%zu of %zu answers of %s were withheld by the service's filter and are not "
                    "judged",
                    r->n_withheld, r->n_traces, r->mark));
    if (r->n_filtered > r->n_withheld)
        SC_TRY(note(diff, error, "%zu of %zu answers of %s were ended by the service's filter",
                    r->n_filtered - r->n_withheld, r->n_traces, r->mark));
    if (r->n_failed > 0)
        SC_TRY(
            note(diff, error, "%zu of %zu traces of %s failed", r->n_failed, r->n_traces, r->mark));
    if (r->n_unparsed > 0)
        SC_TRY(note(diff, error, "%zu of %zu answers of %s have no verdict (unparsed)",
                    r->n_unparsed, r->n_traces, r->mark));
    return SC_OK;
}

static enum sc_status note_sampling(struct sc_diff *diff, const struct sc_diff_pair *pair,
                                    struct sc_error *error)
{
    const struct sc_diff_run *a = pair->a, *b = pair->b;
    const char *policy_a = a->run.policy_names[a->run.primary];
    const char *policy_b = b->run.policy_names[b->run.primary];
    if (differ(policy_a, policy_b))
        SC_TRY(note(diff, error, "the policies differ (%s, %s)", text_of(policy_a),
                    text_of(policy_b)));
    if (a->fewest_traces != b->fewest_traces || a->most_traces != b->most_traces)
        SC_TRY(note(diff, error, "the numbers of traces a prompt differ (%zu to %zu, %zu to %zu)",
                    a->fewest_traces, a->most_traces, b->fewest_traces, b->most_traces));
    else if (a->most_traces == 1)
        SC_TRY(note(diff, error, "one trace a prompt: chance decides what a prompt did"));
    if (pair->n_common < 20)
        SC_TRY(note(diff, error, "%zu prompts are few for an interval", pair->n_common));
    return SC_OK;
}

static enum sc_status note_readers(struct sc_diff *diff, const struct sc_diff_pair *pair,
                                   struct sc_error *error)
{
    const struct sc_run *a = &pair->a->run, *b = &pair->b->run;
    if (differ(a->detector, b->detector))
        SC_TRY(note(diff, error,
                    "the detectors differ (%s, %s): what counts as a refusal is not "
                    "the same",
                    text_of(a->detector), text_of(b->detector)));
    if (pair->harm_basis == NULL)
        SC_TRY(note(diff, error, "harm is not judged the same way (%s, %s)",
                    pair->a->proxy ? "proxy" : a->judge, pair->b->proxy ? "proxy" : b->judge));
    else if (strcmp(pair->harm_basis, "proxy") == 0)
        SC_TRY(note(diff, error,
                    "harm is a proxy: no judge read the answers, labels of the "
                    "prompts stand in"));
    return SC_OK;
}

/* Settings that differ; what only follows from another model is one. */
static enum sc_status note_settings(struct sc_diff *diff, struct sc_error *error)
{
    struct sc_text names = {0};
    size_t n = 0;
    bool model = false;
    for (size_t i = 0; i < diff->n_settings; i++) {
        const char *field = diff->settings[i].field;
        bool of_model = strncmp(field, "model.", 6) == 0;
        if (of_model && model)
            continue;
        model = model || of_model;
        sc_text_printf(&names, "%s%s", n++ > 0 ? ", " : "", of_model ? "model" : field);
    }
    enum sc_status status = SC_OK;
    if (names.failed)
        status = sc_fail_nomem(error, "settings of the runs");
    else if (n > 1)
        status = note(diff, error,
                      "%zu settings differ, so that the difference has no one cause "
                      "(%s)",
                      n, names.data);
    sc_text_free(&names);
    return status;
}

static enum sc_status make_notes(struct sc_diff *diff, struct sc_error *error)
{
    const struct sc_diff_pair *pair = &diff->pairs[0];
    if (pair->a->run.demo || pair->b->run.demo)
        SC_TRY(note(diff, error,
                    "the demonstration model is in it: nothing about any real model "
                    "follows"));
    SC_TRY(note_prompts(diff, pair, error));
    SC_TRY(note_answers(diff, pair->a, error));
    SC_TRY(note_answers(diff, pair->b, error));
    SC_TRY(note_readers(diff, pair, error));
    SC_TRY(note_sampling(diff, pair, error));
    SC_TRY(note_settings(diff, error));
    const struct sc_run *a = &pair->a->run, *b = &pair->b->run;
    if (pair->n_moved == 0 && a->config_json != NULL && !differ(a->config_json, b->config_json))
        SC_TRY(note(diff, error, "both folders hold the same run"));
    return SC_OK;
}

static void say_notes(struct sc_text *out, const struct sc_diff *diff)
{
    if (diff->n_notes == 0) {
        sc_text_puts(out, "Nothing was found that stands in the way of comparing the two runs.");
        return;
    }
    sc_text_puts(out, "Before it is quoted: ");
    for (size_t i = 0; i < diff->n_notes; i++)
        sc_text_printf(out, "%s%s", i > 0 ? "; " : "", diff->notes[i]);
    sc_text_putc(out, '.');
}

enum sc_status sc_diff_say(struct sc_diff *diff, struct sc_error *error)
{
    const struct sc_diff_pair *pair = &diff->pairs[0];
    SC_TRY(make_notes(diff, error));
    struct sc_text text = {0};
    say_change(&text, pair);
    SC_TRY(take(&text, &diff->sentences[0], error));
    say_certainty(&text, pair);
    say_pairs(&text, diff);
    SC_TRY(take(&text, &diff->sentences[1], error));
    say_where(&text, pair);
    SC_TRY(take(&text, &diff->sentences[2], error));
    say_notes(&text, diff);
    return take(&text, &diff->sentences[3], error);
}
