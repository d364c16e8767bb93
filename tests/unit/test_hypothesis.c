/*
 * The hypothesis test on made-up answers: it finds a planted effect as often as its stated power
 * says, and finds nothing where there is nothing; where only the length of the answers matters, the
 * odds at equal length see that.
 *
 * 15 runs by default; SAFECONF_SIMULATIONS=1000 gives the figures of docs/STATISTICS.md.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/memory.h"
#include "base/random.h"

enum { N_PROMPTS = 80, N_TRACES = 5 };

/* Log odds of harm = -1.6 + prompt + slope * (less confidence) + by_length * length. */
struct world {
    double slope, by_length, confidence_by_length;
};

struct figures {
    size_t n, supported, contradicted, at_length, alone;
    double difference, power; /* sums over runs */
};

static double normal(struct sc_random *random)
{
    double u = sc_random_next(random), v = sc_random_next(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static struct sc_run make_run(const struct world *world, size_t number)
{
    struct sc_random random = {SC_STREAM_WEIGHTS, number, 77, 0};
    static char judge[] = "guard", id[] = "prompt", category[] = "";
    static struct sc_policy policy;
    static char *names[] = {id};
    policy = sc_policy_default();
    policy.kind = SC_POLICY_FIXED;
    policy.max_traces = N_TRACES;
    struct sc_run run = {.judge = judge,
                         .metric = SC_METRIC_MEAN,
                         .confident_quantile = 0.5,
                         .confident_threshold = NAN,
                         .seed = number,
                         .policies = &policy,
                         .policy_names = names,
                         .n_policies = 1,
                         .n_instances = N_PROMPTS};
    run.instances = sc_alloc_zero(N_PROMPTS, sizeof *run.instances);
    for (size_t i = 0; i < N_PROMPTS; i++) {
        struct sc_run_instance *instance = &run.instances[i];
        double risk = 0.8 * normal(&random), level = 0.7 * normal(&random);
        *instance = (struct sc_run_instance){
            .id = id, .prompt = id, .category = category, .label = SC_LABEL_UNSAFE};
        instance->traces = sc_alloc_zero(N_TRACES, sizeof *instance->traces);
        instance->decisions = sc_alloc_zero(1, sizeof *instance->decisions);
        instance->decisions[0].n_traces = instance->n_traces = N_TRACES;
        for (size_t t = 0; t < N_TRACES; t++) {
            struct sc_run_trace *trace = &instance->traces[t];
            double length = normal(&random);
            double confidence =
                level + 0.7 * normal(&random) + world->confidence_by_length * length;
            double odds = -1.6 + risk - world->slope * confidence + world->by_length * length;
            trace->index = (uint32_t)t;
            trace->finish = SC_FINISH_STOP;
            trace->verdict = SC_COMPLIANCE;
            trace->n_tokens_known = true;
            trace->n_tokens = (size_t)(60 * exp2(length)) + 1;
            trace->harm = sc_random_next(&random) < 1 / (1 + exp(-odds)) ? SC_HARMFUL : SC_HARMLESS;
            for (int m = 0; m < SC_N_METRICS; m++)
                trace->metrics[m] = 12 + confidence;
            trace->metrics[SC_METRIC_NLL] = -confidence;
        }
    }
    return run;
}

static void free_run(struct sc_run *run)
{
    for (size_t i = 0; i < N_PROMPTS; i++) {
        sc_free(run->instances[i].traces);
        sc_free(run->instances[i].decisions);
    }
    sc_free(run->instances);
}

static struct figures simulate(const struct world *world, size_t n)
{
    struct figures f = {.n = n};
    for (size_t number = 0; number < n; number++) {
        struct sc_run run = make_run(world, number);
        struct sc_view view;
        struct sc_error error = {0};
        struct sc_analysis *a = sc_alloc_zero(1, sizeof *a);
        assert_int_equal(sc_view_make(&run, 0, &view, &error), SC_OK);
        a->run = &run;
        a->views = &view;
        a->overall.n_answers = (size_t)N_PROMPTS * N_TRACES;
        sc_analyse_hypothesis(a, &error);
        sc_analyse_risk(a, &error);
        assert_int_equal(error.status, SC_OK);
        f.supported += a->hypothesis.finding == SC_SUPPORTED;
        f.contradicted += a->hypothesis.finding == SC_CONTRADICTED;
        f.at_length += a->risk.at_length.p < 0.05;
        f.alone += a->risk.alone.p < 0.05;
        f.difference += a->hypothesis.traces.difference.value;
        f.power += a->hypothesis.needed.standard_error;
        sc_free(view.instances);
        sc_free(a);
        free_run(&run);
    }
    f.difference /= (double)n;
    f.power = sc_power(f.difference, f.power / (double)n);
    return f;
}

static double share(size_t count, const struct figures *f)
{
    return (double)count / (double)f->n;
}

/* Within five standard errors of the share that is expected. */
static void about(double found, double expected, const struct figures *f)
{
    double margin = 5 * sqrt(fmax(expected * (1 - expected), 0.02) / (double)f->n);
    if (fabs(found - expected) > margin)
        fail_msg("expected %.3f +- %.3f, found %.3f", expected, margin, found);
}

static void show(const char *name, const struct figures *f)
{
    print_message("%s: %zu runs, mean difference %+.3f; supported %.3f, contradicted %.3f (stated "
                  "power %.3f); odds p < 0.05: alone %.3f, at equal length %.3f\n",
                  name, f->n, f->difference, share(f->supported, f), share(f->contradicted, f),
                  f->power, share(f->alone, f), share(f->at_length, f));
}

static size_t n_runs(void)
{
    const char *wish = getenv("SAFECONF_SIMULATIONS");
    long n = wish != NULL ? strtol(wish, NULL, 10) : 15;
    return n > 0 && n <= 100000 ? (size_t)n : 15;
}

static void nothing_is_found_where_there_is_nothing(void **state)
{
    (void)state;
    struct figures f = simulate(&(struct world){0}, n_runs());
    show("no effect", &f);
    about(share(f.supported + f.contradicted, &f), 0.05, &f);
    about(share(f.alone, &f), 0.05, &f);
    about(share(f.at_length, &f), 0.05, &f);
}

static void a_planted_effect_is_found(void **state)
{
    (void)state;
    struct figures f = simulate(&(struct world){.slope = 0.5}, n_runs());
    show("planted", &f);
    about(share(f.supported, &f), f.power, &f);
    assert_int_equal(f.contradicted, 0);
    assert_true(f.power > 0.3 && f.power < 0.99); /* a test that can fail */
}

static void length_is_told_from_confidence(void **state)
{
    (void)state;
    struct figures f =
        simulate(&(struct world){.by_length = 0.9, .confidence_by_length = -0.8}, n_runs());
    show("length alone", &f);
    assert_true(share(f.supported, &f) > 0.5); /* the plain split cannot tell */
    about(share(f.at_length, &f), 0.05, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_where_there_is_nothing),
        cmocka_unit_test(a_planted_effect_is_found),
        cmocka_unit_test(length_is_told_from_confidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
