/*
 * See measured.h.  Labelled answers to the same prompt are alike, so shares among them are taken as
 * seen in fewer trials than there are answers: the number that gives their variance over prompts
 * (Kish, 1965, "Survey Sampling": the design effect), between the number of prompts and that of
 * answers.
 */
#include "analysis/measured.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/cluster.h"
#include "base/memory.h"
#include "statistics/agreement.h"
#include "vocabulary/vocabulary.h"

/* A labelled answer as yes or no; prompts are numbered from 0, in ascending order. */
struct seen {
    size_t cluster;
    bool yes, said;
    double score;
};

/* 1, 0, or 2: neither. */
static unsigned char binary_of(unsigned char value, enum sc_measured_of of)
{
    if (of == SC_MEASURED_REFUSAL)
        return value < SC_N_VERDICTS && sc_verdict_is_judged((enum sc_verdict)value)
                   ? sc_verdict_is_refused((enum sc_verdict)value)
                   : 2;
    if (value >= SC_N_HARMS || value == SC_UNJUDGED)
        return 2;
    return sc_harm_is_harmful((enum sc_harm)value, of == SC_MEASURED_HARM_STRICT);
}

static int by_prompt(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

/* Answers that both sides read; returns how many. */
static size_t collect(const struct sc_run_labels *labels, enum sc_measured_of of, struct seen *seen,
                      struct sc_measured *out)
{
    size_t n = 0, number = 0;
    for (size_t i = 0; i < labels->n; i++) {
        const struct sc_run_label *row = &labels->rows[i];
        unsigned char yes = binary_of(row->label, of), said = binary_of(row->said, of);
        out->n_unread += yes < 2 && said > 1;
        if (yes < 2 && said < 2)
            seen[n++] = (struct seen){row->first, yes == 1, said == 1, row->score};
    }
    qsort(seen, n, sizeof *seen, by_prompt);
    for (size_t i = 0, last = 0; i < n; i++) {
        size_t first = seen[i].cluster;
        number += i > 0 && first != last;
        last = first;
        seen[i].cluster = number;
    }
    out->n_prompts = n > 0 ? number + 1 : 0;
    return n;
}

/* Of the answers that people call `yes`, those about which the reader says the same. */
static struct sc_seen share_right(const struct seen *seen, size_t n, bool yes)
{
    double all = 0, right = 0, clusters = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        all += seen[i].yes == yes;
        right += seen[i].yes == yes && seen[i].said == yes;
    }
    if (all < 1)
        return (struct sc_seen){0, 0};
    double share = right / all;
    for (size_t begin = 0, end; begin < n; begin = end) {
        double of_prompt = 0, error = 0;
        for (end = begin; end < n && seen[end].cluster == seen[begin].cluster; end++)
            if (seen[end].yes == yes) {
                of_prompt++;
                error += (seen[end].said == yes ? 1 : 0) - share;
            }
        clusters += of_prompt > 0;
        squares += error * error;
    }
    double variance = clusters > 1 ? clusters / (clusters - 1) * squares / (all * all) : 0;
    double trials = variance > 0 ? share * (1 - share) / variance : clusters;
    trials = fmin(all, fmax(clusters, trials));
    return (struct sc_seen){share * trials, trials};
}

static struct sc_estimate share_of(struct sc_seen seen, size_t n, const char *none)
{
    if (n == 0)
        return sc_estimate_none(0, none);
    struct sc_estimate out = sc_wilson_of(seen.right / seen.n, seen.n);
    out.n = n;
    return out;
}

static enum sc_status add_agreement(const struct seen *seen, size_t n, struct sc_measured *out,
                                    struct sc_error *error)
{
    unsigned char *ratings = sc_alloc_zero(n, 2);
    size_t *cluster = sc_alloc_array(n, sizeof *cluster);
    struct sc_agreement agreement = {0};
    enum sc_status status = SC_OK;
    if (ratings == NULL || cluster == NULL)
        status = sc_fail_nomem(error, "labelled answers");
    for (size_t i = 0; status == SC_OK && i < n; i++) {
        ratings[i] = seen[i].yes;
        ratings[n + i] = seen[i].said;
        cluster[i] = seen[i].cluster;
    }
    if (ratings != NULL && cluster != NULL)
        status = sc_agreement(&(struct sc_ratings){ratings, ratings + n, cluster, n, 2}, &agreement,
                              error);
    out->kappa = (struct sc_estimate){
        .value = agreement.kappa, .low = agreement.low, .high = agreement.high, .n = agreement.n};
    if (isnan(out->kappa.value))
        out->kappa.reason = "people or the reader always say the same one thing";
    sc_free(ratings);
    sc_free(cluster);
    return status;
}

static enum sc_status add_auroc(const struct seen *seen, size_t n, struct sc_measured *out,
                                struct sc_error *error)
{
    double *score = sc_alloc_array(n, sizeof *score);
    bool *yes = sc_alloc_array(n, sizeof *yes);
    size_t *cluster = sc_alloc_array(n, sizeof *cluster), n_scores = 0;
    struct sc_error local = {SC_OK, ""};
    if (score == NULL || yes == NULL || cluster == NULL) {
        sc_fail_nomem(&local, "labelled answers");
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        if (isnan(seen[i].score))
            continue;
        score[n_scores] = seen[i].score;
        yes[n_scores] = seen[i].yes;
        cluster[n_scores++] = seen[i].cluster;
    }
    const struct sc_scores scores = {score, yes, cluster, n_scores, out->n_prompts};
    out->auroc = n_scores > 0
                     ? sc_cluster_auroc(&scores, &local)
                     : sc_estimate_none(0, "the reader gives no probability of its labels");
done:
    sc_free(score);
    sc_free(yes);
    sc_free(cluster);
    return local.status == SC_OK ? SC_OK : sc_fail(error, local.status, "%s", local.text);
}

/* Why a rate is not to be corrected by these errors. */
static const char *why_not(const struct sc_measured *m)
{
    if (m->tp + m->fn < SC_LEAST_LABELLED)
        return "fewer than 10 labelled answers that people call so: too few to measure by";
    if (m->fp + m->tn < SC_LEAST_LABELLED)
        return "fewer than 10 labelled answers that people do not call so: too few to measure by";
    struct sc_estimate sensitivity =
        sc_wilson_of(m->positives.right / m->positives.n, m->positives.n);
    struct sc_estimate specificity =
        sc_wilson_of(m->negatives.right / m->negatives.n, m->negatives.n);
    /* Youden's index with Newcombe's lower limit */
    double index = sensitivity.value + specificity.value - 1;
    double below = hypot(sensitivity.value - sensitivity.low, specificity.value - specificity.low);
    return index - below > 0 ? NULL
                             : "on the labelled answers it is not shown to be better than chance";
}

static enum sc_status measure(const struct seen *seen, size_t n, struct sc_measured *out,
                              struct sc_error *error)
{
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        if (seen[i].yes)
            *(seen[i].said ? &out->tp : &out->fn) += 1;
        else
            *(seen[i].said ? &out->fp : &out->tn) += 1;
    }
    out->positives = share_right(seen, n, true);
    out->negatives = share_right(seen, n, false);
    out->sensitivity =
        share_of(out->positives, out->tp + out->fn, "no labelled answer that people call so");
    out->specificity = share_of(out->negatives, out->fp + out->tn,
                                "no labelled answer that people do not call so");
    out->precision = out->tp + out->fp > 0 ? sc_wilson(out->tp, out->tp + out->fp)
                                           : sc_estimate_none(0, "it calls no labelled answer so");
    out->reason = why_not(out);
    SC_TRY(add_agreement(seen, n, out, error));
    return add_auroc(seen, n, out, error);
}

enum sc_status sc_measure_reader(const struct sc_run_labels *labels, enum sc_measured_of of,
                                 struct sc_measured *out, struct sc_error *error)
{
    *out = (struct sc_measured){0};
    if (labels->title == NULL)
        return SC_OK;
    out->there = true;
    struct seen *seen = sc_alloc_array(labels->n, sizeof *seen);
    if (seen == NULL)
        return sc_fail_nomem(error, "labelled answers");
    size_t n = collect(labels, of, seen, out);
    enum sc_status status = measure(seen, n, out, error);
    sc_free(seen);
    return status;
}
