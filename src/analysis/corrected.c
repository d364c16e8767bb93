/*
 * Refusal and harm rates with the errors of who read the answers carried in.
 *
 * Where the user had them measured on labelled answers (measured.c), those count.  Else there are
 * the errors that the detector made on other models' answers (detector_errors.c), in the language
 * of nearly all of the run's answers where enough were measured in it, else in all languages
 * together.  About another model they are a guess, and every presentation says so.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/detector_errors.h"
#include "base/text.h"

#define Z95 1.959963984540054

/* A rate that was found, and what it rests on. */
struct found {
    const struct sc_estimate *rate;
    size_t n_prompts, n_traces;
    const char *none; /* why there is no rate, where it has no reason of its own */
};

/* Trials that would give the interval's width if they were independent: traces of a prompt are not.
 * Between the number of prompts and the number of judged traces. */
static double effective_trials(const struct found *found)
{
    const struct sc_estimate *rate = found->rate;
    double prompts = (double)found->n_prompts, traces = (double)found->n_traces;
    double error = (rate->high - rate->low) / (2 * Z95);
    double trials = rate->value * (1 - rate->value) / (error * error);
    if (!(trials > prompts) || !isfinite(trials))
        return prompts;
    return fmin(trials, fmax(traces, prompts));
}

static struct sc_estimate correct(struct sc_seen positives, struct sc_seen negatives,
                                  const struct found *found)
{
    const struct sc_estimate *rate = found->rate;
    if (!isfinite(rate->value))
        return sc_estimate_none(0, rate->reason != NULL ? rate->reason : found->none);
    struct sc_estimate out =
        sc_rogan_gladen_of(rate->value, effective_trials(found), positives, negatives);
    out.n = rate->n;
    if (isnan(rate->low)) {
        out.low = out.high = NAN;
        out.reason = out.reason != NULL ? out.reason : "too few prompts for an interval";
    }
    return out;
}

static struct sc_estimate correct_refusal(const struct sc_corrected *c,
                                          const struct sc_group *group)
{
    const struct sc_detector_error *e = c->error;
    const struct found found = {&group->refusal_rate, group->refusal_rate.n, group->n_judged,
                                "no trace was judged"};
    if (e == NULL)
        return sc_estimate_none(0, "the errors of this detector have not been measured");
    if (c->measured.there)
        return c->measured.reason != NULL
                   ? sc_estimate_none(0, c->measured.reason)
                   : correct(c->measured.positives, c->measured.negatives, &found);
    return correct((struct sc_seen){(double)e->tp, (double)(e->tp + e->fn)},
                   (struct sc_seen){(double)e->tn, (double)(e->tn + e->fp)}, &found);
}

/* ---- measured by the user -------------------------------------------------------------------- */

static void describe(const struct sc_run_labels *labels, const struct sc_measured *m,
                     char source[SC_MEASURED_SOURCE])
{
    struct sc_text title = {0};
    sc_text_add_shortened(&title, labels->title, 60);
    snprintf(source, SC_MEASURED_SOURCE, "%zu answers to %zu prompts that people labelled (%s, %s)",
             m->n, m->n_prompts, title.failed || title.data == NULL ? "" : title.data,
             labels->content);
    sc_text_free(&title);
}

/* The detector on the user's own labels, which come before ours. */
static void take_own(struct sc_analysis *a, struct sc_error *error)
{
    const struct sc_run_labels *labels = &a->run->labels[SC_LABELS_OF_REFUSAL];
    struct sc_corrected *out = &a->corrected;
    struct sc_measured *m = &out->measured;
    if (sc_measure_reader(labels, SC_MEASURED_REFUSAL, m, error) != SC_OK || !m->there)
        return;
    describe(labels, m, out->source);
    out->own = (struct sc_detector_error){.detector = a->run->detector,
                                          .source = out->source,
                                          .models = "given with --judge-labels",
                                          .tp = m->tp,
                                          .fn = m->fn,
                                          .fp = m->fp,
                                          .tn = m->tn};
    out->error = &out->own;
    out->sensitivity = m->sensitivity;
    out->specificity = m->specificity;
    out->precision = m->precision;
}

/* The language of nine answers in ten, of those with letters; SC_LANGUAGE_NONE: there is none. */
static enum sc_language main_language(const struct sc_answers_read *read)
{
    for (int l = SC_ENGLISH; l < SC_N_LANGUAGES; l++)
        if (read->n_answers > 0 && 10 * read->languages[l] >= 9 * read->n_answers)
            return (enum sc_language)l;
    return SC_LANGUAGE_NONE;
}

/* What the detector did on other models' answers. */
static void take_measured(struct sc_analysis *a)
{
    struct sc_corrected *out = &a->corrected;
    struct sc_detector_counts counts;
    enum sc_language language = main_language(&a->read);
    bool of_language = language != SC_LANGUAGE_NONE &&
                       sc_detector_counts_of(a->run->detector, sc_language_code(language), &counts);
    if (!of_language && !sc_detector_counts_of(a->run->detector, NULL, &counts))
        return;
    size_t n = counts.tp + counts.fn + counts.fp + counts.tn;
    if (of_language)
        snprintf(out->source, sizeof out->source,
                 "%zu answers in %s of other models, labelled by people or a strong judge", n,
                 sc_language_word(language));
    else
        snprintf(out->source, sizeof out->source,
                 "%zu answers in %zu language%s together, of other models, labelled by people or a "
                 "strong judge",
                 n, counts.n_languages, counts.n_languages == 1 ? "" : "s");
    snprintf(out->models, sizeof out->models, "%s%s", counts.answers,
             counts.n_rows > 1 ? " and others" : "");
    out->own =
        (struct sc_detector_error){.detector = a->run->detector,
                                   .source = out->source,
                                   .models = out->models,
                                   .language = of_language ? sc_language_code(language) : NULL,
                                   .tp = counts.tp,
                                   .fn = counts.fn,
                                   .fp = counts.fp,
                                   .tn = counts.tn};
    out->error = &out->own;
}

/* Prompts of a label (-1: any) with a trace whose harm is known. */
static size_t count_prompts(const struct sc_analysis *a, int label)
{
    size_t n = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *s = &a->views[a->run->primary].instances[i];
        n +=
            s->decided && s->n_known > 0 && (label < 0 || (int)a->run->instances[i].label == label);
    }
    return n;
}

static struct sc_estimate correct_harm(const struct sc_measured *m, const struct sc_group *group,
                                       bool strict, size_t n_prompts)
{
    const struct found found = {strict ? &group->harm_rate : &group->harm_rate_loose, n_prompts,
                                group->n_known, "no trace's harm is known"};
    return m->reason != NULL ? sc_estimate_none(0, m->reason)
                             : correct(m->positives, m->negatives, &found);
}

static void correct_harms(struct sc_analysis *a, struct sc_error *error)
{
    const struct sc_run_labels *labels = &a->run->labels[SC_LABELS_OF_HARM];
    struct sc_corrected_harm *out = &a->corrected_harm;
    for (int loose = 0; loose < 2; loose++) {
        struct sc_corrected_reading *reading = loose ? &out->loose : &out->strict;
        struct sc_measured *m = &reading->measured;
        enum sc_measured_of of = loose ? SC_MEASURED_HARM_LOOSE : SC_MEASURED_HARM_STRICT;
        if (sc_measure_reader(labels, of, m, error) != SC_OK || !m->there)
            return;
        describe(labels, m, out->source);
        reading->all = correct_harm(m, &a->overall, !loose, count_prompts(a, -1));
        for (int l = 0; l < SC_N_LABELS; l++)
            reading->labels[l] = correct_harm(m, &a->labels[l], !loose, count_prompts(a, l));
    }
}

void sc_analyse_corrected(struct sc_analysis *a, struct sc_error *error)
{
    struct sc_corrected *out = &a->corrected;
    const char *unknown = "the errors of this detector have not been measured";
    take_measured(a);
    const struct sc_detector_error *e = out->error;
    out->sensitivity = e != NULL ? sc_wilson(e->tp, e->tp + e->fn) : sc_estimate_none(0, unknown);
    out->specificity = e != NULL ? sc_wilson(e->tn, e->tn + e->fp) : sc_estimate_none(0, unknown);
    out->precision = e != NULL ? sc_wilson(e->tp, e->tp + e->fp) : sc_estimate_none(0, unknown);
    take_own(a, error);
    correct_harms(a, error);
    out->all = correct_refusal(out, &a->overall);
    for (int l = 0; l < SC_N_LABELS; l++)
        out->labels[l] = correct_refusal(out, &a->labels[l]);
}
