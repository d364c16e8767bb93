/*
 * Refusal rates with the detector's own errors carried in.
 *
 * The errors were measured on answers of two models that people had labelled (docs/DETECTION.md).
 * They say how often this detector is wrong about those models.  About another model they are a
 * guess, and every presentation says so.
 */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"

#define Z95 1.959963984540054

/* Both files together: Llama 2 (tp 271 fn 3 fp 10 tn 166), Mistral (68, 8, 3, 371).  Again with
 * `safeconf detect FILE --gold-column final_label`; a new version of a detector needs new figures.
 */
static const struct sc_detector_error measured[] = {
    {.detector = "patterns/1",
     .source = "answers to the 450 prompts of XSTest, labelled by people, two models together",
     .models = "Llama-2 (new system prompt) and Mistral-instruct",
     .tp = 339,
     .fn = 11,
     .fp = 13,
     .tn = 537},
};

/* Trials that would give the interval's width if they were independent: traces of a prompt are not.
 * Between the number of prompts and the number of judged traces. */
static double effective_trials(const struct sc_estimate *rate, const struct sc_group *group)
{
    double prompts = (double)(rate->n), traces = (double)group->n_judged;
    double error = (rate->high - rate->low) / (2 * Z95);
    double trials = rate->value * (1 - rate->value) / (error * error);
    if (!(trials > prompts) || !isfinite(trials))
        return prompts;
    return fmin(trials, fmax(traces, prompts));
}

static struct sc_estimate correct(const struct sc_detector_error *e, const struct sc_group *group)
{
    const struct sc_estimate *rate = &group->refusal_rate;
    if (!isfinite(rate->value))
        return sc_estimate_none(0, rate->reason != NULL ? rate->reason : "no trace was judged");
    struct sc_estimate out = sc_rogan_gladen(rate->value, effective_trials(rate, group), e->tp,
                                             e->tp + e->fn, e->tn, e->tn + e->fp);
    out.n = rate->n;
    if (isnan(rate->low)) {
        out.low = out.high = NAN;
        out.reason = out.reason != NULL ? out.reason : "too few prompts for an interval";
    }
    return out;
}

void sc_analyse_corrected(struct sc_analysis *a, struct sc_error *error)
{
    (void)error;
    struct sc_corrected *out = &a->corrected;
    const char *unknown = "the errors of this detector have not been measured";
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
        if (a->run->detector != NULL && strcmp(a->run->detector, measured[i].detector) == 0)
            out->error = &measured[i];
    const struct sc_detector_error *e = out->error;
    out->sensitivity = e != NULL ? sc_wilson(e->tp, e->tp + e->fn) : sc_estimate_none(0, unknown);
    out->specificity = e != NULL ? sc_wilson(e->tn, e->tn + e->fp) : sc_estimate_none(0, unknown);
    out->precision = e != NULL ? sc_wilson(e->tp, e->tp + e->fp) : sc_estimate_none(0, unknown);
    out->all = e != NULL ? correct(e, &a->overall) : sc_estimate_none(0, unknown);
    for (int l = 0; l < SC_N_LABELS; l++)
        out->labels[l] = e != NULL ? correct(e, &a->labels[l]) : sc_estimate_none(0, unknown);
}
