/*
 * Rates corrected by a judge's measured errors, on made-up runs whose true rates are known: how
 * often the interval holds the truth.  Each is the whole of sc_group_make and
 * sc_analyse_corrected, as a report runs them, on a run and a file of labelled answers that are
 * both drawn anew.
 *
 * 15 runs of each world by default; SAFECONF_SIMULATIONS=1000 gives the figures of
 * docs/STATISTICS.md.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/memory.h"
#include "base/random.h"

enum { MOST_PROMPTS = 200, MOST_LABELLED = 1000 };

/* Prompts of 5 answers with a log odds of harm of their own, normal with this mean and deviation;
 * a judge that finds so much of the harmful and leaves so much of the others alone, with log odds
 * that move by `fooled` from prompt to prompt; and labelled answers of such prompts. */
struct world {
    const char *name;
    double mean, deviation, sensitivity, specificity, fooled;
    size_t n_prompts, n_labelled, per_prompt;
    double prevalence; /* of harm among the labelled answers */
};
enum { N_TRACES = 5 };

struct figures {
    size_t n, none, covers, found_covers;
    double value, found, width;
};

static double normal(struct sc_random *random)
{
    double u = sc_random_next(random), v = sc_random_next(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double expit(double x)
{
    return 1 / (1 + exp(-x));
}

/* The mean of expit(mean + deviation z) over all z. */
static double mean_rate(double mean, double deviation)
{
    double sum = 0, weights = 0;
    for (int i = -800; i <= 800; i++) {
        double z = i / 100.0, weight = exp(-z * z / 2);
        sum += weight * expit(mean + deviation * z);
        weights += weight;
    }
    return sum / weights;
}

/* Log odds whose mean rate, moved from prompt to prompt, is p. */
static double centre_of(double p, double fooled)
{
    double low = -20, high = 20;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (mean_rate(middle, fooled) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* How a judge reads the answers to one prompt. */
struct reader {
    double sensitivity, specificity;
};

static struct reader reader_of(const struct world *w, double se, double sp,
                               struct sc_random *random)
{
    if (w->fooled <= 0)
        return (struct reader){w->sensitivity, w->specificity};
    return (struct reader){expit(se + w->fooled * normal(random)),
                           expit(sp + w->fooled * normal(random))};
}

static bool says(struct reader reader, bool harmful, struct sc_random *random)
{
    double u = sc_random_next(random);
    return harmful ? u < reader.sensitivity : u >= reader.specificity;
}

struct made {
    struct sc_run run;
    struct sc_run_instance instances[MOST_PROMPTS];
    struct sc_run_trace traces[MOST_PROMPTS][N_TRACES];
    struct sc_run_decision decisions[MOST_PROMPTS];
    struct sc_policy policy;
    struct sc_run_label rows[MOST_LABELLED];
};

static void make_run(const struct world *w, double se, double sp, struct made *made,
                     struct sc_random *random)
{
    static char judge[] = "judge/1", detector[] = "patterns/1";
    made->policy = sc_policy_default();
    made->policy.kind = SC_POLICY_FIXED;
    made->run = (struct sc_run){.judge = judge,
                                .detector = detector,
                                .metric = SC_METRIC_MEAN,
                                .confident_quantile = 0.5,
                                .confident_threshold = NAN,
                                .seed = random->seed,
                                .policies = &made->policy,
                                .n_policies = 1,
                                .instances = made->instances,
                                .n_instances = w->n_prompts};
    for (size_t i = 0; i < w->n_prompts; i++) {
        double rate = expit(w->mean + w->deviation * normal(random));
        struct reader reader = reader_of(w, se, sp, random);
        made->decisions[i] = (struct sc_run_decision){.n_traces = N_TRACES};
        made->instances[i] = (struct sc_run_instance){.label = SC_LABEL_UNSAFE,
                                                      .traces = made->traces[i],
                                                      .n_traces = N_TRACES,
                                                      .decisions = &made->decisions[i]};
        for (size_t t = 0; t < N_TRACES; t++) {
            bool harmful = sc_random_next(random) < rate;
            struct sc_run_trace *trace = &made->traces[i][t];
            *trace = (struct sc_run_trace){.index = (uint32_t)t, .verdict = SC_COMPLIANCE};
            trace->harm = says(reader, harmful, random) ? SC_HARMFUL : SC_HARMLESS;
            for (int m = 0; m < SC_N_METRICS; m++)
                trace->metrics[m] = NAN;
        }
    }
}

static void make_labels(const struct world *w, double se, double sp, struct made *made,
                        struct sc_random *random)
{
    static char title[] = "labels", content[] = "0123456789abcdef";
    struct reader reader = {0, 0};
    for (size_t i = 0; i < w->n_labelled; i++) {
        if (i % w->per_prompt == 0)
            reader = reader_of(w, se, sp, random);
        bool harmful = sc_random_next(random) < w->prevalence;
        made->rows[i] =
            (struct sc_run_label){.first = i - i % w->per_prompt,
                                  .label = harmful ? SC_HARMFUL : SC_HARMLESS,
                                  .said = says(reader, harmful, random) ? SC_HARMFUL : SC_HARMLESS,
                                  .score = NAN};
    }
    made->run.labels[SC_LABELS_OF_HARM] = (struct sc_run_labels){
        .title = title, .content = content, .rows = made->rows, .n = w->n_labelled};
}

static void correct(struct made *made, struct sc_analysis *a)
{
    size_t members[MOST_PROMPTS];
    struct sc_error error = {SC_OK, ""};
    for (size_t i = 0; i < made->run.n_instances; i++)
        members[i] = i;
    memset(a, 0, sizeof *a);
    a->run = &made->run;
    a->views = sc_alloc_zero(1, sizeof *a->views);
    assert_non_null(a->views);
    assert_int_equal(sc_view_make(&made->run, 0, &a->views[0], &error), SC_OK);
    sc_group_make(&made->run, &a->views[0], (struct sc_members){members, made->run.n_instances},
                  &a->overall, &error);
    sc_analyse_corrected(a, &error);
    assert_int_equal(error.status, SC_OK);
}

static struct figures simulate(const struct world *w, size_t n)
{
    struct figures f = {.n = n};
    struct made *made = sc_alloc_zero(1, sizeof *made);
    struct sc_analysis *a = sc_alloc_zero(1, sizeof *a);
    assert_true(made != NULL && a != NULL);
    double truth = mean_rate(w->mean, w->deviation);
    double se = centre_of(w->sensitivity, w->fooled), sp = centre_of(w->specificity, w->fooled);
    for (size_t number = 0; number < n; number++) {
        struct sc_random random = {SC_STREAM_WEIGHTS, number, 79, 0};
        make_run(w, se, sp, made, &random);
        make_labels(w, se, sp, made, &random);
        correct(made, a);
        const struct sc_estimate *e = &a->corrected_harm.strict.all;
        f.found += a->overall.harm_rate.value;
        f.found_covers += a->overall.harm_rate.low <= truth && truth <= a->overall.harm_rate.high;
        if (isnan(e->value) || isnan(e->low)) {
            f.none++;
        } else {
            f.value += e->value;
            f.width += e->high - e->low;
            f.covers += e->low <= truth && truth <= e->high;
        }
        sc_free(a->views[0].instances);
        sc_free(a->views);
    }
    sc_free(made);
    sc_free(a);
    double given = (double)(n - f.none);
    f.value /= given;
    f.width /= given;
    f.found /= (double)n;
    if (n > 100)
        printf(
            "%-34s truth %.3f found %.3f (holds %.1f %%) corrected %.3f width %.3f holds %.1f %% "
            "none %.1f %%\n",
            w->name, truth, f.found, 100 * (double)f.found_covers / (double)n, f.value, f.width,
            100 * (double)f.covers / given, 100 * (double)f.none / (double)n);
    return f;
}

static const struct world worlds[] = {
    {"a good judge, 300 labels", -1, 2, 0.9, 0.95, 0, 100, 300, 1, 0.4},
    {"little harm", -5, 2, 0.85, 0.98, 0, 100, 300, 1, 0.3},
    {"a poor judge, 150 labels", -1, 2, 0.7, 0.8, 0, 100, 150, 1, 0.4},
    {"much harm, few labels", 2, 2, 0.8, 0.9, 0, 100, 80, 1, 0.5},
    {"few prompts", -1, 2, 0.9, 0.95, 0, 30, 300, 1, 0.4},
    {"prompts that fool the judge, 5 each", -1, 2, 0.85, 0.9, 1.5, 100, 400, 5, 0.4},
};

static size_t n_simulations(void)
{
    const char *given = getenv("SAFECONF_SIMULATIONS");
    return given != NULL ? (size_t)strtoul(given, NULL, 10) : 15;
}

static void intervals_hold_the_truth(void **state)
{
    size_t n = n_simulations(), covers = 0, given = 0;
    (void)state;
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        struct figures f = simulate(&worlds[i], n);
        covers += f.covers;
        given += n - f.none;
        double share = (double)f.covers / (double)(n - f.none);
        assert_true(share >= (n > 100 ? 0.93 : 0.6));
        assert_true(fabs(f.value - mean_rate(worlds[i].mean, worlds[i].deviation)) < 0.1);
    }
    assert_true((double)covers / (double)given >= (n > 100 ? 0.94 : 0.88));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(intervals_hold_the_truth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
