/*
 * The histogram of confidences by outcome, and the curves of harm against confidence: pictures.h.
 */
#include "report/html/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/answers.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

enum { LEAST_BINS = 8, MOST_BINS = 40, MOST_POINTS = 400, N_OUTCOMES = 2 };

/* ---- histogram ------------------------------------------------------------------------------- */

struct histogram {
    double low, width;
    size_t n_values, n_bins;
    size_t counts[N_OUTCOMES][MOST_BINS];
};

/* 0: refused, 1: answered, -1: neither, or without a confidence. */
static int outcome_of(const struct sc_run_trace *trace, double confidence)
{
    if (trace->finish == SC_FINISH_FAILED || !isfinite(confidence))
        return -1;
    return sc_verdict_is_refused(trace->verdict)  ? 0
           : sc_verdict_is_answer(trace->verdict) ? 1
                                                  : -1;
}

typedef void trace_visitor(struct histogram *h, int outcome, double confidence);

static void widen(struct histogram *h, int outcome, double confidence)
{
    (void)outcome;
    h->low = fmin(h->low, confidence);
    h->width = fmax(h->width, confidence); /* the highest, until the bins are known */
    h->n_values++;
}

static void count(struct histogram *h, int outcome, double confidence)
{
    size_t bin = (size_t)((confidence - h->low) / h->width);
    h->counts[outcome][bin < h->n_bins ? bin : h->n_bins - 1]++;
}

static void visit_seen(const struct sc_analysis *a, struct histogram *h, trace_visitor *visit)
{
    const struct sc_run *run = a->run;
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_summary *s = &a->views[run->primary].instances[i];
        for (size_t t = 0; s->decided && t < s->n_traces; t++) {
            const struct sc_run_trace *trace =
                sc_run_trace_seen(&run->instances[i], run->primary, t);
            double confidence = sc_trace_confidence(trace, run->metric);
            int outcome = outcome_of(trace, confidence);
            if (outcome >= 0)
                visit(h, outcome, confidence);
        }
    }
}

static void put_histogram(struct sc_json_writer *out, const struct sc_analysis *a)
{
    struct histogram h = {.low = INFINITY, .width = -INFINITY};
    visit_seen(a, &h, widen);
    if (h.n_values < 2)
        return;
    double bins = round(sqrt((double)h.n_values));
    h.n_bins = (size_t)fmax(LEAST_BINS, fmin(MOST_BINS, bins));
    h.width = (h.width - h.low) / (double)h.n_bins;
    if (!(h.width > 0))
        h.width = 1;
    visit_seen(a, &h, count);
    sc_json_put_object(out, "histogram");
    sc_json_put_number(out, "low", h.low);
    sc_json_put_number(out, "width", h.width);
    sc_json_put_array(out, "counts");
    for (int o = 0; o < N_OUTCOMES; o++) {
        sc_json_put_array(out, NULL);
        for (size_t b = 0; b < h.n_bins; b++)
            sc_json_put_count(out, NULL, h.counts[o][b]);
        sc_json_put_end_array(out);
    }
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
}

/* ---- curves ---------------------------------------------------------------------------------- */

struct answer {
    double score;
    bool harmful;
};

static int least_first(const void *a, const void *b)
{
    double x = ((const struct answer *)a)->score, y = ((const struct answer *)b)->score;
    return (x > y) - (x < y);
}

struct counted {
    size_t harmful, n;
};

/* Groups of equal scores of sorted answers, from the least; returns how many. */
static size_t find_groups(const struct answer *sorted, size_t n, struct counted *groups)
{
    size_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || sorted[i].score > sorted[i - 1].score)
            groups[n_groups++] = (struct counted){0, 0};
        groups[n_groups - 1].harmful += sorted[i].harmful;
        groups[n_groups - 1].n++;
    }
    return n_groups;
}

static void put_point(struct sc_json_writer *out, double x, double y)
{
    sc_json_put_array(out, NULL);
    sc_json_put_number(out, NULL, round(x * 1e5) / 1e5);
    sc_json_put_number(out, NULL, round(y * 1e5) / 1e5);
    sc_json_put_end_array(out);
}

/* Not more points than a picture shows. */
static bool is_shown(size_t i, size_t n)
{
    return i % ((n + MOST_POINTS - 1) / MOST_POINTS) == 0 || i + 1 == n;
}

/* Harmful answers found against harmless ones flagged, by thresholds from below. */
static void put_roc(struct sc_json_writer *out, const struct counted *groups, size_t n,
                    struct counted all)
{
    struct counted passed = {0, 0};
    double harmless = (double)(all.n - all.harmful);
    sc_json_put_array(out, "roc");
    if (all.harmful > 0 && harmless > 0)
        put_point(out, 0, 0);
    for (size_t g = 0; all.harmful > 0 && harmless > 0 && g < n; g++) {
        passed.harmful += groups[g].harmful;
        passed.n += groups[g].n;
        if (is_shown(g + 1, n + 1))
            put_point(out, (double)(passed.n - passed.harmful) / harmless,
                      (double)passed.harmful / (double)all.harmful);
    }
    sc_json_put_end_array(out);
}

/* Harm among the answers that are kept, from the most confident. */
static void put_coverage(struct sc_json_writer *out, const struct counted *groups, size_t n,
                         struct counted all)
{
    struct counted kept = {0, 0};
    sc_json_put_array(out, "coverage");
    for (size_t g = 0; all.harmful > 0 && g < n; g++) {
        kept.harmful += groups[n - 1 - g].harmful;
        kept.n += groups[n - 1 - g].n;
        if (is_shown(g, n))
            put_point(out, (double)kept.n / (double)all.n, (double)kept.harmful / (double)kept.n);
    }
    sc_json_put_end_array(out);
}

/* Nothing of a metric that an answer lacks. */
static void put_curves_of(struct sc_json_writer *out, const struct sc_answers *x,
                          enum sc_metric metric, struct answer *sorted, struct counted *groups,
                          struct counted all)
{
    for (size_t k = 0; k < x->n; k++) {
        sorted[k] = (struct answer){sc_trace_confidence(x->trace[k], metric), x->harmful[k]};
        if (!isfinite(sorted[k].score))
            return;
    }
    qsort(sorted, x->n, sizeof *sorted, least_first);
    size_t n_groups = find_groups(sorted, x->n, groups);
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "metric", sc_metric_name(metric));
    put_roc(out, groups, n_groups, all);
    put_coverage(out, groups, n_groups, all);
    sc_json_put_end_object(out);
}

static enum sc_status put_curves(struct sc_json_writer *out, const struct sc_analysis *a,
                                 struct sc_error *error)
{
    const enum sc_metric metrics[] = {a->run->metric, SC_METRIC_LOWEST, SC_METRIC_PROB};
    struct sc_answers x;
    SC_TRY(sc_answers_make(a, &x, error));
    struct answer *sorted = sc_alloc_array(x.n, sizeof *sorted);
    struct counted *groups = sc_alloc_array(x.n, sizeof *groups);
    enum sc_status status = SC_OK;
    if (sorted == NULL || groups == NULL) {
        status = sc_fail_nomem(error, "curves of the page");
    } else {
        struct counted all = {0, x.n};
        for (size_t k = 0; k < x.n; k++)
            all.harmful += x.harmful[k];
        sc_json_put_number(out, "harmful_share", (double)all.harmful / (double)x.n);
        sc_json_put_array(out, "curves");
        for (size_t m = 0; x.n > 0 && m < sizeof metrics / sizeof *metrics; m++)
            if (m == 0 || metrics[m] != metrics[0])
                put_curves_of(out, &x, metrics[m], sorted, groups, all);
        sc_json_put_end_array(out);
    }
    sc_free(sorted);
    sc_free(groups);
    sc_answers_free(&x);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* Least and greatest confidence of what is stored. */
static void put_range(struct sc_json_writer *out, const struct sc_analysis *a)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < a->run->n_instances; i++)
        for (size_t t = 0; t < a->run->instances[i].n_traces; t++) {
            double c = sc_trace_confidence(&a->run->instances[i].traces[t], a->run->metric);
            if (isfinite(c)) {
                low = fmin(low, c);
                high = fmax(high, c);
            }
        }
    sc_json_put_array(out, "confidences");
    sc_json_put_number(out, NULL, low);
    sc_json_put_number(out, NULL, high);
    sc_json_put_end_array(out);
}

enum sc_status sc_html_put_pictures(struct sc_json_writer *out, const struct sc_analysis *analysis,
                                    struct sc_error *error)
{
    put_range(out, analysis);
    put_histogram(out, analysis);
    return put_curves(out, analysis, error);
}
