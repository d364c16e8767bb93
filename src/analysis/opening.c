/*
 * What a report opens with: how often prompts were refused, how many waver, whether low confidence
 * went with harm, and what stands in the way of trusting that (obstacles.c).  Plain text without
 * line ends, the same for the same run; a name from a file or a model is made visible and cut
 * short.  All figures are those of the analysis: nothing is computed here.
 *
 * Percentages of prompts with several answers each are means over prompts, as everywhere.
 */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "vocabulary/vocabulary.h"

enum { ID_COLUMNS = 32, QUOTE_COLUMNS = 36, NAME_COLUMNS = 32, N_NAMED = 3, MOST_OTHERS = 4 };

static void put_n(struct sc_text *out, size_t n, const char *thing)
{
    sc_text_printf(out, "%zu %s%s", n, thing, n == 1 ? "" : "s");
}

/* ---- how often prompts were refused ---------------------------------------------------------- */

/* "84.9 % of the time (between 73.9 and 94.3 % at 95 % confidence; 20 prompts, 190 answers)" */
static void put_rate(struct sc_text *out, const struct sc_group *group, bool says_level)
{
    const struct sc_estimate *rate = &group->refusal_rate;
    sc_text_printf(out, "%.1f %% of the time (", 100 * rate->value);
    if (isfinite(rate->low) && isfinite(rate->high))
        sc_text_printf(out, "between %.1f and %.1f %%%s; ", 100 * rate->low, 100 * rate->high,
                       says_level ? " at 95 % confidence" : "");
    else
        sc_text_puts(out, "too few for an interval; ");
    put_n(out, rate->n, "prompt");
    sc_text_puts(out, ", ");
    put_n(out, group->n_judged, "answer");
    sc_text_putc(out, ')');
}

static size_t count_never_refused(const struct sc_analysis *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *s = &a->views[a->run->primary].instances[i];
        n += a->run->instances[i].label == SC_LABEL_UNSAFE && s->n_judged && s->n_refused == 0;
    }
    return n;
}

/* Prompts, where the rates above are of answers. */
static void put_prompts(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_group *unsafe = &a->labels[SC_LABEL_UNSAFE], *safe = &a->labels[SC_LABEL_SAFE];
    size_t n_never = count_never_refused(a);
    if (a->overall.n_judged <= a->overall.refusal_rate.n)
        return; /* one answer a prompt: the rates say it */
    sc_text_puts(out, " By majority");
    if (unsafe->n_judged)
        sc_text_printf(out, " %zu of %zu unsafe", unsafe->n_behaviours[SC_REFUSED],
                       unsafe->refusal_rate.n);
    if (safe->n_judged)
        sc_text_printf(out, "%s %zu of %zu safe", unsafe->n_judged ? " and" : "",
                       safe->n_behaviours[SC_REFUSED], safe->refusal_rate.n);
    sc_text_puts(out, " prompts were refused");
    if (unsafe->n_judged && n_never)
        sc_text_printf(out, ", and %zu unsafe never", n_never);
    else if (unsafe->n_judged)
        sc_text_puts(out, ", every unsafe one at least once");
    sc_text_putc(out, '.');
}

static void put_other_policies(struct sc_text *out, const struct sc_analysis *a)
{
    size_t n_said = 0;
    for (size_t p = 0; p < a->run->n_policies && n_said < MOST_OTHERS; p++) {
        const struct sc_policy_result *r = &a->policies[p];
        if (r->largest || r->n_common == 0)
            continue;
        if (n_said++ == 0) {
            sc_text_puts(out, " Against the policy ");
            sc_text_add_shortened(out, a->run->policy_names[a->largest], NAME_COLUMNS);
            sc_text_puts(out, ", the verdict on a prompt changes under ");
        } else {
            sc_text_puts(out, ", under ");
        }
        sc_text_add_shortened(out, r->name, NAME_COLUMNS);
        sc_text_printf(out, " for %zu of %zu", r->verdict_changes, r->n_common);
    }
    if (n_said)
        sc_text_putc(out, '.');
}

static void say_refusal(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_group *unsafe = &a->labels[SC_LABEL_UNSAFE], *safe = &a->labels[SC_LABEL_SAFE];
    if (a->overall.n_judged == 0) {
        sc_text_puts(out, "How often prompts are refused is not known: no answer has a verdict.");
        return;
    }
    if (unsafe->n_judged && safe->n_judged) {
        sc_text_puts(out, "Unsafe prompts were refused ");
        put_rate(out, unsafe, true);
        sc_text_puts(out, ", safe ones ");
        put_rate(out, safe, false);
        sc_text_putc(out, '.');
    } else if (unsafe->n_judged) {
        sc_text_puts(out, "Unsafe prompts were refused ");
        put_rate(out, unsafe, true);
        sc_text_puts(out, "; no answer to a safe prompt is there to show over-refusal.");
    } else if (safe->n_judged) {
        sc_text_puts(out, "Safe prompts were refused ");
        put_rate(out, safe, true);
        sc_text_puts(out, "; no answer to an unsafe prompt is there to show whether those are.");
    } else {
        sc_text_puts(out, "Prompts were refused ");
        put_rate(out, &a->overall, true);
        sc_text_puts(out, "; none has a label, so whether that was right is not known "
                          "(--label-column reads labels).");
    }
    if (unsafe->n_judged || safe->n_judged)
        put_prompts(out, a);
    put_other_policies(out, a);
}

/* ---- how many prompts waver ------------------------------------------------------------------ */

/* toxicchat_7 "How do I ..." (unsafe, refused 4 of 10, 6 harmful) */
static void put_prompt(struct sc_text *out, const struct sc_analysis *a, size_t i)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    const struct sc_summary *s = &a->views[a->run->primary].instances[i];
    sc_text_add_shortened(out, instance->id, ID_COLUMNS);
    sc_text_puts(out, " \"");
    sc_text_add_shortened(out, instance->prompt, QUOTE_COLUMNS);
    sc_text_printf(out, "\" (%s, refused %zu of %zu",
                   instance->label == SC_LABEL_UNKNOWN ? "no label"
                                                       : sc_label_name(instance->label),
                   s->n_refused, s->n_judged);
    if (!a->proxy)
        sc_text_printf(out, ", harmful %zu", s->n_harmful);
    sc_text_putc(out, ')');
}

/* Fewer prompts than this do not show how much of the spread is chance. */
#define LEAST_REPEATED 10

static void put_what_would_help(struct sc_text *out, const struct sc_analysis *a)
{
    double share = a->repeats.within_share;
    if (a->wavering.n_repeated < LEAST_REPEATED)
        sc_text_puts(out, " More prompts would sharpen the rates; what more answers of each would "
                          "do, so few do not show.");
    else if (isfinite(share))
        sc_text_puts(
            out, share < 0.5 ? " More prompts would sharpen the rates, more answers of each hardly."
                             : " More answers of each prompt would sharpen the rates, and more "
                               "prompts too.");
}

static void say_wavering(struct sc_text *out, const struct sc_analysis *a)
{
    const struct sc_wavering *w = &a->wavering;
    if (w->n_repeated == 0) {
        bool samples = a->run->source.kind == NULL || strcmp(a->run->source.kind, "import") != 0;
        if (a->overall.n_judged == 0)
            sc_text_puts(out, "Whether prompts waver is not known: no answer has a verdict.");
        else
            sc_text_printf(out,
                           "Whether prompts waver cannot be seen, because none has two answers "
                           "with a verdict%s.",
                           samples ? ": --policy fixed --max-traces 10 samples ten of each" : "");
        return;
    }
    if (w->n_wavering == 0) {
        sc_text_printf(out,
                       "None of %zu prompts with several answers wavers (refused in some answers, "
                       "not in others); at 95 %% confidence at most %.1f %% of such prompts do.",
                       w->n_repeated, 100 * w->share.high);
    } else {
        sc_text_printf(
            out,
            "%zu of %zu prompt%s with several answers waver%s: some answers refuse, others do not "
            "(%.1f %%, between %.1f and %.1f). Read first: ",
            w->n_wavering, w->n_repeated, w->n_repeated == 1 ? "" : "s",
            w->n_wavering == 1 ? "s" : "", 100 * w->share.value, 100 * w->share.low,
            100 * w->share.high);
        for (size_t k = 0; k < w->n_first && k < N_NAMED; k++) {
            sc_text_puts(out, k ? "; " : "");
            put_prompt(out, a, w->first[k]);
        }
        sc_text_putc(out, '.');
    }
    if (w->n_alike == w->n_repeated)
        sc_text_puts(out, " All answers of a prompt are word for word the same, so asking again "
                          "shows nothing: a higher --temperature would.");
    else
        put_what_would_help(out, a);
}

/* ---- whether low confidence went with harm --------------------------------------------------- */

/* What is counted: without a judge, only to which prompts answers went is known. */
static const char *harmful_words(const struct sc_analysis *a)
{
    return a->proxy ? "went to unsafe prompts (a proxy: no judge read them)" : "were harmful";
}

/* Of prompts, not of answers. */
static void put_null(struct sc_text *out, const struct sc_hypothesis *h)
{
    if (isnan(h->permutation_p))
        return;
    if (h->permutation_p > 0.9995)
        sc_text_puts(out, " Within categories prompts show no difference (null: p = 1).");
    else
        sc_text_printf(
            out,
            " Null: shuffled among the prompts of a category, confidences give as large a "
            "difference in %.1f %% of shuffles.",
            100 * h->permutation_p);
}

static void put_prompts_needed(struct sc_text *out, const struct sc_hypothesis *h)
{
    if (h->needed.n_for_relevant == SIZE_MAX || isnan(h->needed.detectable))
        return;
    sc_text_printf(out, " About %zu prompts with answers would show %.0f points; here are %zu.",
                   h->needed.n_for_relevant, 100 * SC_RELEVANT_DIFFERENCE, h->n_prompts);
}

static void say_confidence(struct sc_text *out, const struct sc_analysis *a)
{
    static const char *const findings[] = {
        [SC_SUPPORTED] = "Low confidence went with harm",
        [SC_CONTRADICTED] = "Low confidence went with less harm, not more",
        [SC_NOT_DECIDED] = "Whether low confidence goes with harm is not decided"};
    const struct sc_hypothesis *h = &a->hypothesis;
    const struct sc_split *s = &h->traces;
    const struct sc_estimate *d = &s->difference;
    sc_text_printf(out, "%s: ", findings[h->finding]);
    if (h->n_answers == 0) {
        sc_text_puts(out, a->overall.n_answers > 0 && a->overall.n_known > 0 &&
                                  isnan(a->overall.confidence.value)
                              ? "no confidence is given of any answer."
                              : "there is no answer whose harm is known.");
        return;
    }
    if (!isfinite(d->value)) {
        sc_text_printf(out,
                       "%zu of %zu answers %s, but their confidences do not differ, so none is "
                       "low.",
                       h->n_harmful, h->n_answers, harmful_words(a));
        return;
    }
    sc_text_printf(out,
                   "of %zu answers with low confidence %.1f %% %s, of %zu with high confidence "
                   "%.1f %%: %+.1f points",
                   s->n_low, 100 * s->rate_low.value, harmful_words(a), s->n_high,
                   100 * s->rate_high.value, 100 * d->value);
    if (isfinite(d->low) && isfinite(d->high))
        sc_text_printf(out, " (between %+.1f and %+.1f at 95 %% confidence).", 100 * d->low,
                       100 * d->high);
    else
        sc_text_puts(out, ", with too few prompts for an interval.");
    if (a->confidence_basis[0] != '\0')
        sc_text_printf(out, " The confidence is %s.", a->confidence_basis);
    put_null(out, h);
    if (h->finding == SC_NOT_DECIDED)
        put_prompts_needed(out, h);
}

/* ---- all four -------------------------------------------------------------------------------- */

void sc_analyse_opening(struct sc_analysis *a, struct sc_error *error)
{
    struct sc_opening *o = &a->opening;
    say_refusal(&o->refusal, a);
    say_wavering(&o->wavering, a);
    say_confidence(&o->confidence, a);
    sc_opening_put_trust(&o->trust, a);
    if (o->refusal.failed || o->wavering.failed || o->confidence.failed || o->trust.failed)
        sc_fail_nomem(error, "the sentences that a report opens with");
}
