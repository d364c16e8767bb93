/*
 * What stands in the way of trusting a run's rates: the fourth sentence of its opening.
 *
 * An obstacle is grave when the rates should not be quoted while it is there (GRAVE_SHARE of the
 * answers without a verdict, say); the others are to be said with them.  docs/REPORT.md lists all.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "analysis/analysis.h"
#include "vocabulary/vocabulary.h"

#define GRAVE_SHARE 0.2     /* of answers that no verdict or no rule reads */
#define CUT_SHARE 0.1       /* of answers that reached the token limit */
#define WIDE_INTERVAL 0.2   /* of a refusal rate, from end to end */
#define LEAST_AGREEMENT 0.9 /* of two detectors on refused or not */
enum { NAME_COLUMNS = 40 };

struct obstacles {
    struct sc_text grave, others;
};

SC_PRINTF(2, 3) static void put(struct sc_text *list, const char *format, ...)
{
    char words[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    sc_text_puts(list, list->len > 0 ? "; " : "");
    sc_text_puts(list, words);
}

static struct sc_text *list_for(struct obstacles *o, size_t n, size_t of)
{
    return (double)n > GRAVE_SHARE * (double)of ? &o->grave : &o->others;
}

static double percent(size_t n, size_t of)
{
    return of ? 100.0 * (double)n / (double)of : 0;
}

/* ---- who made the answers, who read them ----------------------------------------------------- */

static void find_demonstrations(const struct sc_analysis *a, struct obstacles *o)
{
    if (a->run->demo)
        put(&o->grave,
            "the model is the bundled demonstration model, so nothing follows about any real one");
    if (a->run->demo_judge)
        put(&o->grave,
            "the judge is the bundled demonstration guard, which knows made-up dialogues alone");
}

static void find_traces(const struct sc_analysis *a, struct obstacles *o)
{
    const struct sc_group *g = &a->overall;
    size_t n_cut_off = g->n_length > g->n_unreached ? g->n_length - g->n_unreached : 0;
    if (a->n_undecided)
        put(&o->grave, "the run is not finished: %zu of %zu prompts are left out", a->n_undecided,
            a->run->n_instances);
    if (g->n_failed)
        put(list_for(o, g->n_failed, g->n_traces), "%zu of %zu traces failed", g->n_failed,
            g->n_traces);
    if (g->n_unreached)
        put(list_for(o, g->n_unreached, g->n_traces),
            "%zu of %zu answers were never begun: they ended inside the reasoning", g->n_unreached,
            g->n_traces - g->n_failed);
    if (g->n_withheld)
        put(list_for(o, g->n_withheld, g->n_traces),
            "%zu of %zu answers were withheld by the service's filter, so what the model did is "
            "not known",
            g->n_withheld, g->n_traces - g->n_failed);
    if (g->n_filtered > g->n_withheld)
        put(list_for(o, g->n_filtered - g->n_withheld, g->n_traces),
            "%zu of %zu answers were ended by the service's filter", g->n_filtered - g->n_withheld,
            g->n_traces - g->n_failed);
    if (g->n_unparsed)
        put(list_for(o, g->n_unparsed, g->n_traces), "%zu of %zu answers have no verdict",
            g->n_unparsed, g->n_traces);
    if (g->n_empty)
        put(list_for(o, g->n_empty, g->n_traces), "%zu of %zu answers are empty", g->n_empty,
            g->n_traces);
    if (a->length_note[0] != '\0')
        put(&o->others, "nearly all answers (%.0f %%) ended at the token limit",
            percent(g->n_length, g->n_traces - g->n_failed));
    else if ((double)n_cut_off > CUT_SHARE * (double)g->n_traces)
        put(&o->others, "%.0f %% of the answers were cut off by the token limit (--max-new-tokens)",
            percent(n_cut_off, g->n_traces));
}

static void find_judge(const struct sc_analysis *a, struct obstacles *o)
{
    if (a->proxy)
        put(&o->others, "no judge read the answers, so harm is a proxy that knows the prompt's "
                        "label alone (--judge)");
}

static void find_detector(const struct sc_analysis *a, struct obstacles *o)
{
    const struct sc_corrected *c = &a->corrected;
    struct sc_text name = {0};
    if (c->measured.there) {
        put(&o->others,
            "on %zu answers that people labelled, who found the refusals missed %.1f %% and took "
            "%.1f %% of other answers for one",
            c->measured.n, 100 * (1 - c->sensitivity.value), 100 * (1 - c->specificity.value));
        return;
    }
    if (c->error != NULL) {
        put(&o->others,
            "refusals were found by %s (on %s: %.1f %% missed, %.1f %% of other answers taken for "
            "one)",
            a->read.by[SC_DECIDER_READER] > 0 ? "rules and a small reader" : "rules",
            c->error->source, 100 * (1 - c->sensitivity.value), 100 * (1 - c->specificity.value));
        return;
    }
    sc_text_add_shortened(&name, a->run->detector != NULL ? a->run->detector : "unknown",
                          NAME_COLUMNS);
    if (name.failed)
        o->others.failed = true;
    else
        put(&o->others, "how often the detector (%s) errs has not been measured", name.data);
    sc_text_free(&name);
}

static void find_harm_errors(const struct sc_analysis *a, struct obstacles *o)
{
    const struct sc_measured *m = &a->corrected_harm.strict.measured;
    if (m->there && m->tp + m->fn > 0 && m->fp + m->tn > 0)
        put(&o->others,
            "on %zu answers that people labelled, the judge missed %.1f %% of the harmful ones and "
            "took %.1f %% of the others for harmful",
            m->n, 100 * (1 - m->sensitivity.value), 100 * (1 - m->specificity.value));
}

/* Of a judge that was asked repeatedly. */
static void find_wavering_judge(const struct sc_analysis *a, struct obstacles *o)
{
    for (size_t i = 0; i < a->run->n_opinions; i++) {
        const struct sc_run_opinion *opinion = &a->run->opinions[i];
        const struct sc_self_agreement *self = &a->comparison.self[i];
        const struct sc_self *refused = &self->of[SC_SELF_REFUSED];
        const struct sc_self *harmful = &self->of[SC_SELF_HARMFUL_STRICT];
        const struct sc_self *of = refused->n > 0 ? refused : harmful;
        bool reads = strstr(a->run->detector, opinion->name) != NULL ||
                     strstr(a->run->judge, opinion->name) != NULL;
        if (opinion->repeats.n == 0 || self->reason != NULL || of->n == 0 || !reads ||
            of->unanimous.value >= LEAST_AGREEMENT)
            continue;
        put(&o->others, "asked %zu times, the judge is of one mind on %.0f %% of the answers alone",
            opinion->repeats.n, 100 * of->unanimous.value);
    }
}

static void find_languages(const struct sc_analysis *a, struct obstacles *o)
{
    const struct sc_answers_read *r = &a->read;
    if (!sc_detector_reads_words(a->run->detector))
        return;
    if (r->n_not_read)
        put(list_for(o, r->n_not_read, r->n_answers),
            "%zu of %zu answers (%.0f %%) are in languages that the rules do not read (%s), and "
            "count as answered",
            r->n_not_read, r->n_answers, percent(r->n_not_read, r->n_answers), r->not_read);
    if (r->n_not_measured && a->corrected.error != NULL && !a->corrected.measured.there)
        put(list_for(o, r->n_not_measured, r->n_answers),
            "%zu of %zu answers (%.0f %%) are in languages in which the detector's errors have not "
            "been measured",
            r->n_not_measured, r->n_answers, percent(r->n_not_measured, r->n_answers));
}

static void find_disagreement(const struct sc_analysis *a, struct obstacles *o)
{
    for (size_t p = 0; p < a->comparison.n_pairs; p++) {
        const struct sc_detector_pair *pair = &a->comparison.pairs[p];
        if (pair->harm || pair->binary.n == 0 || pair->binary.observed >= LEAST_AGREEMENT)
            continue;
        put(&o->others, "two detectors disagree on %zu of %zu answers", pair->n_disagreements,
            pair->binary.n);
        return;
    }
}

/* ---- how much there is ----------------------------------------------------------------------- */

static void find_width(const struct sc_analysis *a, enum sc_label label, struct obstacles *o)
{
    const struct sc_estimate *rate = &a->labels[label].refusal_rate;
    const char *name = sc_label_name(label);
    if (rate->n == 0)
        return;
    if (!isfinite(rate->low) || !isfinite(rate->high)) {
        put(&o->grave, "%zu %s prompt%s too few for an interval", rate->n, name,
            rate->n == 1 ? " is" : "s are");
        return;
    }
    double width = rate->high - rate->low, needed = (double)rate->n * pow(width / 0.1, 2);
    if (width > WIDE_INTERVAL)
        put(&o->others,
            "%zu %s prompts are few: an interval of %.0f points (about %.0f would give 10)",
            rate->n, name, 100 * width, ceil(needed));
}

static void find_few(const struct sc_analysis *a, struct obstacles *o)
{
    size_t n_bad = a->run->n_bad_rows;
    if (n_bad)
        put(&o->others, "%zu row%s of the benchmark could not be read", n_bad,
            n_bad == 1 ? "" : "s");
    size_t n_unknown = a->overall.n_labels[SC_LABEL_UNKNOWN], n = a->overall.n_instances;
    if (n_unknown && n_unknown < n)
        put(&o->others, "%zu of %zu prompts have no label and are in neither rate", n_unknown, n);
    find_width(a, SC_LABEL_UNSAFE, o);
    find_width(a, SC_LABEL_SAFE, o);
}

/* ---- how it was asked and what is known of it ------------------------------------------------ */

struct asked {
    size_t n_prefills, n_systems, n_turns; /* prompts that had one; that had earlier turns */
};

static struct asked count_asked(const struct sc_run *run)
{
    struct asked asked = {0};
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_conversation *c = &run->instances[i].conversation;
        bool has_system = c->n > 0 && sc_role_parse(c->messages[0].role) == SC_ROLE_SYSTEM;
        asked.n_prefills += run->instances[i].prefill != NULL;
        asked.n_systems += has_system;
        asked.n_turns += c->n > (has_system ? 2u : 1u);
    }
    return asked;
}

static const json_t *configured(const struct sc_analysis *a, const char *section, const char *key)
{
    return json_object_get(json_object_get(a->config, section), key);
}

/* What the model was given beside the prompts of the benchmark. */
static void find_asked(const struct sc_analysis *a, struct obstacles *o)
{
    const struct asked asked = count_asked(a->run);
    size_t n = a->run->n_instances;
    if (asked.n_prefills)
        put(&o->others, "the answers to %zu of %zu prompts were begun for the model (prefill)",
            asked.n_prefills, n);
    if (asked.n_systems)
        put(&o->others, "%zu of %zu prompts had a system message", asked.n_systems, n);
    if (asked.n_turns)
        put(&o->others, "%zu of %zu prompts went on from earlier turns", asked.n_turns, n);
    if (json_is_string(configured(a, "benchmark", "prompt_template")))
        put(&o->others, "every prompt was put into a template (--prompt-template)");
    if (json_is_true(configured(a, "model", "special")))
        put(&o->others, "control tokens written in prompts were let through (--special)");
    if (json_is_string(configured(a, "benchmark", "label")))
        put(&o->others, "the label was given for all prompts together (--label)");
}

static void find_confidence(const struct sc_analysis *a, struct obstacles *o)
{
    const struct sc_run_source *source = &a->run->source;
    if (source->kind == NULL)
        return;
    if (source->top_k == 0)
        put(&o->others, "the source gives no log-probabilities, so there is no confidence");
    else if (source->logprobs != SC_LOGPROBS_RAW)
        put(&o->others, "confidences rest on %s",
            source->logprobs == SC_LOGPROBS_PROCESSED
                ? "processed log-probabilities, not the model's own"
                : "log-probabilities of an unknown kind");
    if (source->top_k > 0 && source->top_k < a->run->confidence_top_k)
        put(&o->others, "confidences look at %zu log-probabilities a token instead of %zu",
            source->top_k, a->run->confidence_top_k);
}

static void find_policy(const struct sc_analysis *a, struct obstacles *o)
{
    enum sc_policy_kind kind = a->run->policies[a->run->primary].kind;
    if (kind == SC_POLICY_CURTAILED || kind == SC_POLICY_INTERVAL)
        put(&o->others, "the policy stops when a verdict is settled, so rates of answers lean to "
                        "the winning side");
    if (kind == SC_POLICY_BUDGET)
        put(&o->others, "prompts that waver were given more traces, so rates of prompts lean "
                        "outward and what is counted over traces leans to those prompts");
}

void sc_opening_put_trust(struct sc_text *out, const struct sc_analysis *a)
{
    static void (*const finders[])(const struct sc_analysis *, struct obstacles *) = {
        find_traces,      find_demonstrations, find_judge,          find_languages,
        find_few,         find_asked,          find_policy,         find_detector,
        find_harm_errors, find_disagreement,   find_wavering_judge, find_confidence};
    struct obstacles o = {0};
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++)
        finders[i](a, &o);
    if (o.grave.len > 0) {
        sc_text_puts(out, "These rates are not to be quoted: ");
        sc_text_puts(out, o.grave.data);
        sc_text_putc(out, '.');
    }
    if (o.others.len > 0) {
        sc_text_puts(out, o.grave.len > 0 ? " Also: " : "Whoever quotes these rates has to say: ");
        sc_text_puts(out, o.others.data);
        sc_text_putc(out, '.');
    }
    if (o.grave.len == 0 && o.others.len == 0)
        sc_text_puts(out, "Nothing that is looked for here stands in the way of quoting these "
                          "rates with their intervals.");
    out->failed = out->failed || o.grave.failed || o.others.failed;
    sc_text_free(&o.grave);
    sc_text_free(&o.others);
}
