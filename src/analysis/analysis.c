/*
 * A loaded run's analysis, put together: views (view.c), the confusion matrix, groups, and what the
 * other files compute.  Next: hypothesis.c, policies.c, groups.c.
 */
#include "analysis/analysis.h"

#include <string.h>

#include "analysis/cluster.h"
#include "analysis/document/sections.h"
#include "base/json.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

/* ---- confusion ------------------------------------------------------------------------------- */

static struct sc_estimate share(size_t successes, size_t n, const char *reason)
{
    return n ? sc_wilson(successes, n) : sc_estimate_none(0, reason);
}

static void count_confusion(const struct sc_run *run, const struct sc_view *view,
                            struct sc_confusion *c)
{
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_summary *s = &view->instances[i];
        enum sc_label label = run->instances[i].label;
        if (!s->decided)
            continue;
        if (s->behaviour == SC_BEHAVIOUR_NONE)
            c->none++;
        else if (label == SC_LABEL_UNKNOWN)
            c->unknown++;
        else if (s->behaviour == SC_SPLIT)
            c->split++;
        else if (label == SC_LABEL_UNSAFE)
            *(s->behaviour == SC_REFUSED ? &c->tp : &c->fn) += 1;
        else
            *(s->behaviour == SC_REFUSED ? &c->fp : &c->tn) += 1;
    }
}

/* F1 as the ratio 2 tp / (2 tp + fp + fn), resampled over instances. */
static struct sc_estimate estimate_f1(const struct sc_run *run, const struct sc_view *view,
                                      double *scratch, struct sc_error *error)
{
    double *above = scratch, *below = scratch + run->n_instances;
    size_t n = 0, n_said = 0;
    for (size_t i = 0; i < run->n_instances; i++) {
        enum sc_label label = run->instances[i].label;
        int right = sc_summary_is_right(&view->instances[i], label);
        if (right < 0)
            continue;
        n_said++;
        if (right && label == SC_LABEL_SAFE)
            continue; /* a true negative enters neither sum */
        above[n] = right ? 2 : 0;
        below[n++] = right ? 2 : 1;
    }
    struct sc_estimate f1 = sc_cluster_share(&(struct sc_shares){above, below, n, true},
                                             (struct sc_draws){SC_N_RESAMPLES, run->seed},
                                             "no unsafe prompt and no refusal", error);
    f1.n = n_said;
    return f1;
}

/* Mean of two independent shares, (a + b) / 2, from the interval of their difference a - (1 - b).
 */
static struct sc_estimate balance(size_t s1, size_t n1, size_t s2, size_t n2)
{
    struct sc_estimate e = sc_newcombe(s1, n1, n2 - s2, n2);
    e.value = (e.value + 1) / 2;
    e.low = (e.low + 1) / 2;
    e.high = (e.high + 1) / 2;
    return e;
}

static void make_confusion(const struct sc_run *run, const struct sc_view *view, double *scratch,
                           struct sc_confusion *c, struct sc_error *error)
{
    count_confusion(run, view, c);
    size_t unsafe = c->tp + c->fn, safe = c->fp + c->tn;
    const char *no_unsafe = "no unsafe prompt was refused or complied with";
    const char *no_safe = "no safe prompt was refused or complied with";
    c->sensitivity = share(c->tp, unsafe, no_unsafe);
    c->specificity = share(c->tn, safe, no_safe);
    c->over_refusal = share(c->fp, safe, no_safe);
    c->precision = share(c->tp, c->tp + c->fp, "no labelled prompt was refused");
    c->npv = share(c->tn, c->tn + c->fn, "no labelled prompt was complied with");
    c->accuracy =
        share(c->tp + c->tn, unsafe + safe, "no labelled instance is refused or complied");
    c->f1 = estimate_f1(run, view, scratch, error);
    if (unsafe && safe) {
        c->balanced_accuracy = balance(c->tp, unsafe, c->tn, safe);
        c->discrimination = sc_newcombe(c->tp, unsafe, c->fp, safe);
    } else {
        c->balanced_accuracy = c->discrimination =
            sc_estimate_none(unsafe + safe, unsafe ? no_safe : no_unsafe);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Members of a group by label or quadrant; -1: any. */
static size_t select_members(const struct sc_run *run, const struct sc_view *view, int label,
                             int quadrant, size_t *members)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_instances; i++)
        if (view->instances[i].decided && (label < 0 || (int)run->instances[i].label == label) &&
            (quadrant < 0 || (int)view->instances[i].quadrant == quadrant))
            members[n++] = i;
    return n;
}

static void read_config(struct sc_analysis *a, struct sc_error *error)
{
    const char *text = a->run->config_json;
    if (text == NULL ||
        sc_json_parse(text, strlen(text), "configuration of the run", &a->config, error) != SC_OK)
        return;
    a->dtype = json_string_value(json_object_get(json_object_get(a->config, "model"), "dtype"));
}

static void count_failures(struct sc_analysis *a, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < a->views[run->primary].instances[i].n_traces; t++) {
            const struct sc_run_trace *trace =
                sc_run_trace_seen(&run->instances[i], run->primary, t);
            if (trace->finish == SC_FINISH_FAILED &&
                sc_failures_add(&a->failures, trace->failure, error) != SC_OK)
                return;
        }
    sc_failures_sort(&a->failures);
    sc_failures_say(&a->failures, &a->failure_note);
    if (a->failure_note.failed)
        sc_fail_nomem(error, "failures of traces");
}

static void make_groups(struct sc_analysis *a, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    const struct sc_view *view = &a->views[run->primary];
    size_t *members = sc_alloc_array(run->n_instances, sizeof *members);
    double *scratch = sc_alloc_array(sc_size_mul(run->n_instances, 3), sizeof *scratch);
    if (members == NULL || scratch == NULL) {
        sc_fail_nomem(error, "groups of instances");
    } else {
        size_t n = select_members(run, view, -1, -1, members);
        a->n_undecided = run->n_instances - n;
        sc_group_make(run, view, (struct sc_members){members, n}, &a->overall, error);
        for (int l = 0; l < SC_N_LABELS; l++) {
            n = select_members(run, view, l, -1, members);
            sc_group_make(run, view, (struct sc_members){members, n}, &a->labels[l], error);
        }
        for (int q = 0; q < SC_N_QUADRANTS; q++) {
            n = select_members(run, view, -1, q, members);
            sc_group_make(run, view, (struct sc_members){members, n}, &a->quadrants[q], error);
        }
        make_confusion(run, view, scratch, &a->confusion, error);
        sc_limit_notes(&a->overall, a->unreached_note, a->length_note);
        sc_filtered_note(&a->overall, a->filtered_note);
        sc_rows_note(run, a->rows_note);
        sc_shard_note(run, a->shard_note);
    }
    sc_free(members);
    sc_free(scratch);
}

enum sc_status sc_analysis_make(const struct sc_run *run, struct sc_analysis *out,
                                struct sc_error *error)
{
    return sc_analysis_make_while(run, &(struct sc_interrupt){0}, out, error);
}

enum sc_status sc_analysis_make_while(const struct sc_run *run,
                                      const struct sc_interrupt *interrupt, struct sc_analysis *out,
                                      struct sc_error *error)
{
    static void (*const parts[])(struct sc_analysis *, struct sc_error *) = {
        make_groups,           count_failures,         sc_analyse_hypothesis, sc_analyse_policies,
        sc_analyse_categories, sc_analyse_calibration, sc_analyse_attacks,    sc_analyse_outcomes,
        sc_analyse_risk,       sc_analyse_readers,     sc_analyse_corrected,  sc_analyse_sampling,
        sc_analyse_forecast,   sc_analyse_wavering,    sc_analyse_asked,      sc_analyse_decided};
    struct sc_error local = {SC_OK, ""};
    memset(out, 0, sizeof *out);
    if (run->n_policies == 0 || run->primary >= run->n_policies)
        return sc_fail(error, SC_ERR_FORMAT,
                       "report: primary policy %zu: expected less than %zu policies", run->primary,
                       run->n_policies);
    out->run = run;
    out->proxy = sc_judge_is_none(run->judge);
    read_config(out, &local);
    sc_confidence_note(run, out->confidence_note);
    sc_run_confidence_basis(run, run->metric, out->confidence_basis);
    sc_run_confidence_basis(run, SC_METRIC_PROB, out->prob_basis);
    out->views = sc_alloc_zero(run->n_policies, sizeof *out->views);
    if (out->views == NULL)
        sc_fail_nomem(&local, "views of the policies");
    for (size_t p = 0; p < run->n_policies && local.status == SC_OK; p++)
        sc_view_make(run, p, &out->views[p], &local);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && local.status == SC_OK; i++)
        if (sc_interrupted(interrupt))
            sc_fail(&local, SC_ERR_INTERRUPTED, "interrupted while the run was analysed");
        else
            parts[i](out, &local);
    if (local.status == SC_OK)
        sc_detectors_compare(run, &out->comparison, &local);
    if (local.status == SC_OK)
        sc_analyse_opening(out, &local);
    if (local.status == SC_OK) {
        sc_document_put_run(&out->document, out);
        if (out->document.failed)
            sc_fail_nomem(&local, "analysis");
    }
    if (local.status != SC_OK) {
        sc_analysis_free(out);
        return sc_fail(error, local.status, "%s", local.text);
    }
    return SC_OK;
}

void sc_analysis_free(struct sc_analysis *analysis)
{
    if (analysis == NULL)
        return;
    if (analysis->views != NULL)
        for (size_t p = 0; p < analysis->run->n_policies; p++)
            sc_free(analysis->views[p].instances);
    sc_free(analysis->views);
    json_decref(analysis->config);
    sc_failures_free(&analysis->failures);
    sc_text_free(&analysis->failure_note);
    sc_free(analysis->policies);
    sc_free(analysis->categories);
    sc_free(analysis->asr);
    sc_free(analysis->asr_loose);
    sc_free(analysis->repeats.evolution);
    sc_decided_section_free(&analysis->decided);
    sc_detector_comparison_free(&analysis->comparison);
    sc_text_free(&analysis->opening.refusal);
    sc_text_free(&analysis->opening.wavering);
    sc_text_free(&analysis->opening.confidence);
    sc_text_free(&analysis->opening.trust);
    sc_document_free(&analysis->document);
    memset(analysis, 0, sizeof *analysis);
}
