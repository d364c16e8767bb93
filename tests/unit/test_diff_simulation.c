/*
 * Runs side by side on made-up answers: the tests find nothing where there is nothing, a planted
 * difference about as often as its size says, and the category in which it was planted.  Each is
 * the whole of sc_diff_compute, as safeconf diff runs it.
 *
 * 15 comparisons by default; SAFECONF_SIMULATIONS=1000 gives the figures of docs/STATISTICS.md.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/diff/diff.h"
#include "base/memory.h"
#include "base/random.h"
#include "statistics/models.h"

enum { N_PROMPTS = 60, N_TRACES = 5, N_CATEGORIES = 4 };

/* Log odds of refusing: in A prompt's own, normal with deviation 2; in B that and `shift`, or
 * `in_one` in the first category alone, and a move of the prompt's own, normal with deviation
 * `moves`, whose mean is 0. */
struct world {
    double shift, in_one, moves;
};

struct figures {
    size_t n, permutation, mcnemar, interval, covers, pooled; /* comparisons that say so */
    size_t right_category, wrong_category;
    double difference, standard_error; /* means over comparisons */
};

static double normal(struct sc_random *random)
{
    double u = sc_random_next(random), v = sc_random_next(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static struct sc_run make_run(size_t number, const double *odds, struct sc_random *random)
{
    static const char *const categories[N_CATEGORIES] = {"a", "b", "c", "d"};
    struct sc_run run = {.judge = sc_strdup("none"),
                         .model_name = sc_strdup("model"),
                         .metric = SC_METRIC_MEAN,
                         .confident_quantile = 0.5,
                         .confident_threshold = NAN,
                         .seed = number,
                         .policies = sc_alloc_zero(1, sizeof *run.policies),
                         .policy_names = sc_alloc_zero(1, sizeof *run.policy_names),
                         .n_policies = 1,
                         .n_instances = N_PROMPTS};
    run.policies[0] = sc_policy_default();
    run.policies[0].kind = SC_POLICY_FIXED;
    run.policies[0].max_traces = N_TRACES;
    run.policy_names[0] = sc_strdup("fixed");
    run.instances = sc_alloc_zero(N_PROMPTS, sizeof *run.instances);
    for (size_t i = 0; i < N_PROMPTS; i++) {
        struct sc_run_instance *instance = &run.instances[i];
        char id[24];
        snprintf(id, sizeof id, "prompt_%zu", i);
        instance->id = sc_strdup(id);
        instance->prompt = sc_strdup(id);
        instance->category = sc_strdup(categories[i % N_CATEGORIES]);
        instance->label = SC_LABEL_UNKNOWN;
        instance->traces = sc_alloc_zero(N_TRACES, sizeof *instance->traces);
        instance->decisions = sc_alloc_zero(1, sizeof *instance->decisions);
        instance->decisions[0].n_traces = instance->n_traces = N_TRACES;
        for (size_t t = 0; t < N_TRACES; t++) {
            struct sc_run_trace *trace = &instance->traces[t];
            bool refuses = sc_random_next(random) < 1 / (1 + exp(-odds[i]));
            trace->index = (uint32_t)t;
            trace->verdict = refuses ? SC_REFUSAL : SC_COMPLIANCE;
            for (int m = 0; m < SC_N_METRICS; m++)
                trace->metrics[m] = NAN;
        }
    }
    return run;
}

/* The mean over prompts of the chance to refuse: log odds normal with this mean and deviation. */
static double mean_rate(double mean, double deviation)
{
    double sum = 0, weights = 0;
    for (int i = -800; i <= 800; i++) {
        double z = i / 100.0, weight = exp(-z * z / 2);
        sum += weight / (1 + exp(-mean - deviation * z));
        weights += weight;
    }
    return sum / weights;
}

/* The mean difference of a world, over all prompts that there might be. */
static double truth_of(const struct world *world)
{
    double deviation = hypot(2, world->moves), others = mean_rate(world->shift, deviation);
    double one = mean_rate(world->shift + world->in_one, deviation);
    return (one + (N_CATEGORIES - 1) * others) / N_CATEGORIES - mean_rate(0, 2);
}

/* What a test says that takes traces for independent. */
static double pooled_p(const struct sc_diff_pair *pair)
{
    size_t a = 0, b = 0, n = pair->n_common * N_TRACES;
    for (size_t m = 0; m < pair->n_common; m++) {
        a += sc_diff_in_a(pair, m)->n_refused;
        b += sc_diff_in_b(pair, m)->n_refused;
    }
    return sc_fisher_exact(a, n - a, b, n - b);
}

static void count(struct figures *f, const struct sc_diff_pair *pair, double truth)
{
    const struct sc_estimate *e = &pair->all.refusal_rate.difference;
    f->permutation += pair->all.permutation.p < 0.05;
    f->mcnemar += pair->mcnemar.p < 0.05;
    f->interval += e->low > 0 || e->high < 0;
    f->covers += e->low <= truth && truth <= e->high;
    f->pooled += pooled_p(pair) < 0.05;
    f->right_category += pair->categories[0].permutation.holm < 0.05;
    bool wrong = false;
    for (size_t k = 1; k < pair->n_categories; k++)
        wrong = wrong || pair->categories[k].permutation.holm < 0.05;
    f->wrong_category += wrong;
    f->difference += e->value;
    f->standard_error += (e->high - e->low) / (2 * 1.959963984540054);
}

static struct figures simulate(const struct world *world, size_t n)
{
    struct figures f = {.n = n};
    for (size_t number = 0; number < n; number++) {
        struct sc_random random = {SC_STREAM_WEIGHTS, number, 78, 0};
        struct sc_diff *diff = sc_alloc_zero(1, sizeof *diff);
        double before[N_PROMPTS], after[N_PROMPTS];
        for (size_t i = 0; i < N_PROMPTS; i++) {
            before[i] = 2 * normal(&random);
            after[i] = before[i] + world->shift + world->moves * normal(&random) +
                       (i % N_CATEGORIES == 0 ? world->in_one : 0);
        }
        struct sc_run a = make_run(number, before, &random), b = make_run(number, after, &random);
        assert_int_equal(sc_diff_add(diff, &a, "a", NULL), SC_OK);
        assert_int_equal(sc_diff_add(diff, &b, "b", NULL), SC_OK);
        assert_int_equal(sc_diff_compute(diff, NULL), SC_OK);
        count(&f, &diff->pairs[0], truth_of(world));
        sc_diff_free(diff);
        sc_free(diff);
    }
    f.difference /= (double)n;
    f.standard_error /= (double)n;
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

static void at_most(double found, double expected, const struct figures *f)
{
    if (found > expected)
        about(found, expected, f);
}

static void show(const char *name, const struct figures *f)
{
    print_message("%s: %zu comparisons, mean difference %+.3f; permutation p < 0.05 %.3f (normal "
                  "power %.3f), McNemar %.3f, interval without 0 %.3f, interval holds the truth "
                  "%.3f, Fisher over traces %.3f; category: right %.3f, wrong %.3f\n",
                  name, f->n, f->difference, share(f->permutation, f),
                  sc_power(f->difference, f->standard_error), share(f->mcnemar, f),
                  share(f->interval, f), share(f->covers, f), share(f->pooled, f),
                  share(f->right_category, f), share(f->wrong_category, f));
}

static size_t n_runs(void)
{
    const char *wish = getenv("SAFECONF_SIMULATIONS");
    long n = wish != NULL ? strtol(wish, NULL, 10) : 15;
    return n > 0 && n <= 100000 ? (size_t)n : 15;
}

static void nothing_is_found_where_nothing_changed(void **state)
{
    (void)state;
    struct figures f = simulate(&(struct world){0}, n_runs());
    show("no difference", &f);
    at_most(share(f.permutation, &f), 0.05, &f);
    at_most(share(f.mcnemar, &f), 0.05, &f); /* few prompts turn, so it says less than it may */
    at_most(share(f.right_category + f.wrong_category, &f), 0.05, &f);
    at_most(1 - share(f.covers, &f), 0.06, &f);
}

static void prompts_that_move_at_random_are_no_difference_of_the_runs(void **state)
{
    (void)state;
    struct figures f = simulate(&(struct world){.moves = 2}, n_runs());
    show("prompts move, mean 0", &f);
    at_most(share(f.permutation, &f), 0.05, &f);
    at_most(share(f.mcnemar, &f), 0.05, &f);
}

static void a_planted_difference_is_found(void **state)
{
    (void)state;
    struct figures f = simulate(&(struct world){.shift = -0.6}, n_runs());
    show("planted everywhere", &f);
    /* Rates of 5 traces lie on a grid, and assignments as far from 0 as the one seen all count: the
     * test says a little less than a normal approximation. */
    double power = sc_power(f.difference, f.standard_error);
    at_most(share(f.permutation, &f), power, &f);
    at_most(power - 0.1, share(f.permutation, &f), &f);
    assert_true(share(f.permutation, &f) > 0.3);
    assert_true(f.permutation >= f.mcnemar); /* which knows less */
}

static void the_category_that_changed_is_found(void **state)
{
    (void)state;
    struct figures f = simulate(&(struct world){.in_one = -3}, n_runs());
    show("planted in one category", &f);
    assert_true(share(f.right_category, &f) > 0.5);
    at_most(share(f.wrong_category, &f), 0.05, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_where_nothing_changed),
        cmocka_unit_test(prompts_that_move_at_random_are_no_difference_of_the_runs),
        cmocka_unit_test(a_planted_difference_is_found),
        cmocka_unit_test(the_category_that_changed_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
