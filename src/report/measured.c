/* See detectors.h: who judges, against people's labels.  Names of files are made visible. */
#include <math.h>
#include <string.h>

#include "base/json_writer.h"
#include "report/detectors.h"
#include "report/json/estimate.h"

static const struct {
    enum sc_measured_of of;
    int labels;
    const char *words, *key;
} parts[] = {
    {SC_MEASURED_REFUSAL, SC_LABELS_OF_REFUSAL, "Refusal (partial refusals too)", "refused"},
    {SC_MEASURED_HARM_STRICT, SC_LABELS_OF_HARM, "Harm, controversial counted as harmful",
     "harmful_strict"},
    {SC_MEASURED_HARM_LOOSE, SC_LABELS_OF_HARM, "Harm, controversial counted as harmless",
     "harmful_loose"}};
enum { N_PARTS = sizeof parts / sizeof *parts };

static const char *reader_of(const struct sc_measured_readers *readers, int labels)
{
    const char *name = labels == SC_LABELS_OF_HARM ? readers->judge : readers->detector;
    return name != NULL ? name : "?";
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void add_estimate(struct sc_text *out, const char *words, const struct sc_estimate *e,
                         double scale, const char *unit)
{
    sc_text_printf(out, "%s ", words);
    if (isnan(e->value)) {
        sc_text_printf(out, "none (%s)", e->reason != NULL ? e->reason : "not known");
        return;
    }
    sc_text_printf(out, scale > 1 ? "%.1f%s" : "%.3f%s", scale * e->value, unit);
    if (!isnan(e->low))
        sc_text_printf(out, scale > 1 ? " [%.1f, %.1f]" : " [%.3f, %.3f]", scale * e->low,
                       scale * e->high);
}

static void add_part(struct sc_text *out, size_t part, const char *name,
                     const struct sc_measured *m)
{
    sc_text_printf(out, "%s: ", parts[part].words);
    sc_text_add_visible(out, name, strlen(name), false);
    add_estimate(out, "\n  finds", &m->sensitivity, 100, " %");
    add_estimate(out, ", leaves alone", &m->specificity, 100, " %");
    add_estimate(out, ", right where it says so", &m->precision, 100, " %");
    sc_text_printf(out, "\n  tp %zu, fn %zu, fp %zu, tn %zu", m->tp, m->fn, m->fp, m->tn);
    if (m->n_unread > 0)
        sc_text_printf(out, "; %zu more without a yes or no of it", m->n_unread);
    add_estimate(out, "\n  kappa", &m->kappa, 1, "");
    add_estimate(out, ", ROC area", &m->auroc, 1, "");
    if (m->reason != NULL)
        sc_text_printf(out, "\n  no rate is corrected by this: %s", m->reason);
    sc_text_putc(out, '\n');
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_part(struct sc_json_writer *out, const char *key, const char *name,
                     const struct sc_measured *m)
{
    const struct {
        const char *key;
        size_t n;
    } counts[] = {{"tp", m->tp},
                  {"fn", m->fn},
                  {"fp", m->fp},
                  {"tn", m->tn},
                  {"n_labelled", m->n},
                  {"n_labelled_prompts", m->n_prompts},
                  {"n_not_read", m->n_unread}};
    sc_json_put_object(out, key);
    sc_json_put_string(out, "name", name);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        sc_json_put_count(out, counts[i].key, counts[i].n);
    sc_json_put_estimate(out, "recall", &m->sensitivity);
    sc_json_put_estimate(out, "specificity", &m->specificity);
    sc_json_put_estimate(out, "precision", &m->precision);
    sc_json_put_estimate(out, "kappa", &m->kappa);
    sc_json_put_estimate(out, "auroc", &m->auroc);
    if (m->reason != NULL)
        sc_json_put_string(out, "not_corrected", m->reason);
    sc_json_put_end_object(out);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void begin(const struct sc_measured_readers *readers, const struct sc_run_labels *labels,
                  struct sc_json_writer *json, struct sc_text *out)
{
    if (readers->json) {
        sc_json_put_object(json, NULL);
        sc_json_put_string(json, "labels", labels->content);
        return;
    }
    sc_text_puts(out, "\nMeasured on answers that people labelled (");
    sc_text_add_visible(out, labels->title, strlen(labels->title), false);
    sc_text_printf(out, ", %s)\n", labels->content);
}

enum sc_status sc_measured_show(const struct sc_measured_readers *readers, struct sc_text *out,
                                struct sc_error *error)
{
    struct sc_json_writer json = {.text = out};
    bool begun = false;
    for (size_t i = 0; i < N_PARTS; i++) {
        const struct sc_run_labels *labels = &readers->labels[parts[i].labels];
        const char *name = reader_of(readers, parts[i].labels);
        struct sc_measured measured;
        SC_TRY(sc_measure_reader(labels, parts[i].of, &measured, error));
        if (!measured.there)
            continue;
        if (!begun)
            begin(readers, labels, &json, out);
        begun = true;
        if (readers->json)
            put_part(&json, parts[i].key, name, &measured);
        else
            add_part(out, i, name, &measured);
    }
    if (begun && readers->json) {
        sc_json_put_end_object(&json);
        sc_text_putc(out, '\n');
    }
    return out->failed ? sc_fail_nomem(error, "labelled answers") : SC_OK;
}
