/* A total of traces shared among prompts: who gets how many, against what must hold of any sharing
 * and by exchange of single traces; and what of the estimates is unbiased, by simulation.
 *
 * 400 runs of each world by default; SAFECONF_SIMULATIONS=5000 gives the figures of
 * docs/STATISTICS.md. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "decision/budget.h"
#include "decision/decision.h"

enum { MOST_PROMPTS = 200, MOST_PHASES = 12 };

static struct sc_policy make(size_t min, size_t max, size_t total)
{
    struct sc_policy policy = sc_policy_default();
    policy.kind = SC_POLICY_BUDGET;
    policy.min_traces = min;
    policy.max_traces = max;
    policy.traces_total = total;
    return policy;
}

static void phases_double_and_end_at_the_total(void **state)
{
    (void)state;
    struct sc_policy policy = make(3, 64, 1000);
    static const size_t totals[] = {30, 60, 120, 240, 480, 1000};
    size_t n = sizeof totals / sizeof *totals;
    policy.max_traces = 200;
    assert_int_equal(sc_budget_phases(&policy, 10), n);
    for (size_t k = 0; k < n; k++)
        assert_int_equal(sc_budget_total(&policy, 10, k), totals[k]);
    policy.max_traces = 10;
    struct sc_error most = {0};
    assert_int_equal(sc_budget_check(&policy, 100, &most), SC_ERR_ARGUMENT);
    assert_non_null(strstr(most.text, "less than 1000"));
    policy.traces_total = 40;
    assert_int_equal(sc_budget_phases(&policy, 10), 2);
    assert_int_equal(sc_budget_total(&policy, 10, 1), 40);
    assert_int_equal(sc_budget_check(&policy, 10, NULL), SC_OK);
    struct sc_error error = {0};
    assert_int_equal(sc_budget_check(&policy, 11, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "at least 44, 4 for each of 11 prompts"));
}

static void what_cannot_be_shared_is_refused(void **state)
{
    (void)state;
    struct sc_policy policy = make(3, 10, 100);
    assert_int_equal(sc_policy_check(&policy, NULL), SC_OK);
    assert_int_equal(sc_policy_most(&policy), 10);
    assert_false(sc_policy_reads_confidence(&policy));
    static const struct sc_policy none[] = {
        {.min_traces = 3, .max_traces = 3, .traces_total = 9},
        {.min_traces = 3, .max_traces = 10, .traces_total = 0},
        {.min_traces = 0, .max_traces = 10, .traces_total = 50},
        {.min_traces = 1, .max_traces = 20000, .traces_total = 9},
        {.min_traces = 1, .max_traces = 2, .traces_total = SIZE_MAX}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        policy = make(none[i].min_traces, none[i].max_traces, none[i].traces_total);
        assert_int_equal(sc_policy_check(&policy, NULL), SC_ERR_ARGUMENT);
    }
}

/* ---- made-up runs ---------------------------------------------------------------------------- */

struct world {
    struct sc_policy policy;
    size_t n;
    double rates[MOST_PROMPTS], judged; /* judged: probability that a trace is */
    struct sc_random random;
    /* of the last run */
    struct sc_budget_prompt prompts[MOST_PROMPTS];
    struct sc_budget_part parts[MOST_PROMPTS][MOST_PHASES];
    size_t first_of_phase[MOST_PROMPTS][MOST_PHASES + 1];
};

static double variance_of(const struct sc_budget_prompt *p)
{
    double a = 1 + (double)p->n_refused, b = 1 + (double)(p->n_judged - p->n_refused);
    return a * b / ((a + b) * (a + b + 1));
}

/* What must hold of a phase's sharing, `before` being the prompts as the rule saw them. */
static void check_phase(const struct world *w, const struct sc_budget_prompt *before, size_t phase)
{
    size_t sum = 0, total = sc_budget_total(&w->policy, w->n, phase), least = 1, later = 0;
    size_t n_phases = sc_budget_phases(&w->policy, w->n);
    for (size_t k = phase; k < n_phases && phase > 0; k++) {
        size_t mean =
            (sc_budget_total(&w->policy, w->n, k) - sc_budget_total(&w->policy, w->n, k - 1)) /
            (4 * w->n);
        mean = mean > 1 ? mean : 1;
        least = k == phase ? mean : least;
        later += k == phase ? 0 : mean;
    }
    for (size_t i = 0; i < w->n; i++) {
        sum += w->prompts[i].n_traces;
        assert_true(w->prompts[i].n_traces <= w->policy.max_traces);
        if (phase > 0)
            assert_true(w->prompts[i].n_traces >= before[i].n_traces + least);
    }
    assert_int_equal(sum, total);
    for (size_t i = 0; i < w->n && phase > 0; i++) /* no trace would do more elsewhere */
        for (size_t j = 0; j < w->n; j++) {
            double from = (double)w->prompts[i].n_traces, to = (double)w->prompts[j].n_traces;
            if (w->prompts[i].n_traces == before[i].n_traces + least || before[j].n_judged == 0 ||
                w->prompts[j].n_traces + later >= w->policy.max_traces)
                continue;
            double lost =
                before[i].n_judged > 0 ? variance_of(&before[i]) / (from * (from - 1)) : 0;
            assert_true(variance_of(&before[j]) / (to * (to + 1)) <= lost * (1 + 1e-12));
        }
}

static void run_world(struct world *w, bool checked)
{
    static struct sc_budget_prompt before[MOST_PROMPTS];
    static struct sc_budget_claim heap[MOST_PROMPTS];
    size_t n_phases = sc_budget_phases(&w->policy, w->n);
    assert_true(n_phases >= 2 && n_phases <= MOST_PHASES);
    memset(w->prompts, 0, sizeof w->prompts);
    memset(w->parts, 0, sizeof w->parts);
    for (size_t k = 0; k < n_phases; k++) {
        memcpy(before, w->prompts, sizeof before);
        sc_budget_allot(&w->policy, k, w->prompts, w->n, heap);
        if (checked)
            check_phase(w, before, k);
        for (size_t i = 0; i < w->n; i++)
            for (size_t t = before[i].n_traces; t < w->prompts[i].n_traces; t++) {
                bool refused = sc_random_next(&w->random) < w->rates[i];
                if (sc_random_next(&w->random) >= w->judged)
                    continue;
                w->parts[i][k].n_judged++;
                w->parts[i][k].n_refused += refused;
                w->prompts[i].n_judged++;
                w->prompts[i].n_refused += refused;
            }
    }
    assert_int_equal(sc_budget_total(&w->policy, w->n, n_phases - 1), w->policy.traces_total);
}

static void traces_go_where_they_lessen_the_variance_most(void **state)
{
    (void)state;
    static struct world w = {.random = {SC_STREAM_STATISTICS, 11, 0, 0}};
    for (int round = 0; round < 400; round++) {
        size_t min = 1 + sc_random_below(&w.random, 4);
        size_t max = min + 2 + sc_random_below(&w.random, 40);
        w.n = 1 + sc_random_below(&w.random, 25);
        size_t least = w.n * (min + 1);
        w.policy = make(min, max, least + sc_random_below(&w.random, w.n * max - least));
        w.judged = round % 3 == 0 ? 0.5 : 1;
        for (size_t i = 0; i < w.n; i++)
            w.rates[i] = sc_random_below(&w.random, 3) == 0 ? 0 : sc_random_next(&w.random);
        assert_int_equal(sc_budget_check(&w.policy, w.n, NULL), SC_OK);
        run_world(&w, true);
    }
}

static void a_prompt_that_wavers_gets_more(void **state)
{
    (void)state;
    struct sc_policy policy = make(4, 40, 40);
    struct sc_budget_claim heap[4];
    struct sc_budget_prompt prompts[4] = {{4, 4, 0}, {4, 4, 2}, {4, 0, 0}, {4, 4, 4}};
    sc_budget_allot(&policy, 1, prompts, 4, heap);
    /* 24 traces, one for each at least; by v / (n (n + 1)), v = 5/42, 9/42 and 5/42, the third of
     * which nothing is known the least: n in the ratio sqrt 5 : 3 : sqrt 5 */
    assert_int_equal(prompts[0].n_traces, 11);
    assert_int_equal(prompts[1].n_traces, 14);
    assert_int_equal(prompts[2].n_traces, 5);
    assert_int_equal(prompts[3].n_traces, 10);
}

static void the_rate_is_weighted_by_phases(void **state)
{
    (void)state;
    struct sc_policy policy = make(3, 10, 100); /* of 10 prompts: 30, 30, 40 */
    struct sc_budget_part parts[] = {{3, 3}, {1, 0}, {8, 2}};
    assert_true(fabs(sc_budget_rate(&policy, 10, parts) - (0.3 + 0 + 0.4 * 0.25)) < 1e-15);
    parts[1].n_judged = 0; /* leaves its weight to the others */
    assert_true(fabs(sc_budget_rate(&policy, 10, parts) - (0.3 + 0.4 * 0.25) / 0.7) < 1e-15);
    assert_true(isnan(sc_budget_rate(&policy, 10, (struct sc_budget_part[3]){{0, 0}})));
}

/* ---- bias and error -------------------------------------------------------------------------- */

struct sums {
    double plain, plain2, fair, fair2; /* errors of the rates of the prompts with the rate */
    size_t n;
};

static size_t count_runs(void)
{
    const char *wish = getenv("SAFECONF_SIMULATIONS");
    return wish != NULL ? (size_t)atoi(wish) : 400;
}

/* Error of sums' mean in its standard errors. */
static double in_errors(double sum, double sum2, size_t n)
{
    double mean = sum / (double)n, variance = sum2 / (double)n - mean * mean;
    return mean / sqrt(variance / (double)n);
}

static void the_weighted_rate_is_unbiased_and_the_plain_one_is_not(void **state)
{
    (void)state;
    static const double rates[] = {0.02, 0.1, 0.3, 0.5, 0.8};
    enum { N_RATES = sizeof rates / sizeof *rates };
    static struct world w = {.n = 50, .judged = 1, .random = {SC_STREAM_STATISTICS, 12, 0, 0}};
    struct sums sums[N_RATES] = {{0}}, mean = {0};
    size_t n_runs = count_runs();
    w.policy = make(3, 60, 500);
    for (size_t i = 0; i < w.n; i++)
        w.rates[i] = rates[i % N_RATES];
    for (size_t r = 0; r < n_runs; r++) {
        double plain_sum = 0, fair_sum = 0;
        run_world(&w, false);
        for (size_t i = 0; i < w.n; i++) {
            struct sums *s = &sums[i % N_RATES];
            double plain = (double)w.prompts[i].n_refused / (double)w.prompts[i].n_judged;
            double fair = sc_budget_rate(&w.policy, w.n, w.parts[i]);
            plain -= w.rates[i];
            fair -= w.rates[i];
            s->plain += plain;
            s->plain2 += plain * plain;
            s->fair += fair;
            s->fair2 += fair * fair;
            s->n++;
            plain_sum += plain / (double)w.n;
            fair_sum += fair / (double)w.n;
        }
        mean.plain += plain_sum;
        mean.plain2 += plain_sum * plain_sum;
        mean.fair += fair_sum;
        mean.fair2 += fair_sum * fair_sum;
        mean.n++;
    }
    for (size_t k = 0; k < N_RATES; k++) {
        const struct sums *s = &sums[k];
        if (n_runs > 400)
            print_message("rate %.2f: bias plain %+.4f (%+.1f se), weighted %+.4f (%+.1f se)\n",
                          rates[k], s->plain / (double)s->n, in_errors(s->plain, s->plain2, s->n),
                          s->fair / (double)s->n, in_errors(s->fair, s->fair2, s->n));
        assert_true(fabs(in_errors(s->fair, s->fair2, s->n)) < 4);
    }
    if (n_runs > 400)
        print_message("mean: bias plain %+.5f (%+.1f se), weighted %+.5f (%+.1f se)\n",
                      mean.plain / (double)mean.n, in_errors(mean.plain, mean.plain2, mean.n),
                      mean.fair / (double)mean.n, in_errors(mean.fair, mean.fair2, mean.n));
    assert_true(fabs(in_errors(mean.fair, mean.fair2, mean.n)) < 4);
    assert_true(in_errors(sums[1].plain, sums[1].plain2, sums[1].n) < -4); /* leans outward */
}

/* Root mean squared errors of the prompts' rates and of their mean, as ratios to those of as many
 * traces for each. */
static void it_errs_less_where_most_prompts_agree(void **state)
{
    (void)state;
    static const double shapes[][2] = {{0.3, 0.3}, {1, 1}, {0.2, 2}};
    static const size_t per_prompt[] = {6, 10, 32};
    size_t n_runs = count_runs();
    for (size_t s = 0; s < 3; s++)
        for (size_t k = 0; k < 3; k++) {
            static struct world w = {.n = MOST_PROMPTS, .judged = 1};
            double plain2 = 0, fair2 = 0, even2 = 0, mean2 = 0, even_mean2 = 0;
            w.random = (struct sc_random){SC_STREAM_STATISTICS, 13, 10 * s + k, 0};
            w.policy = make(3, 4 * per_prompt[k], per_prompt[k] * w.n);
            for (size_t r = 0; r < n_runs / 4; r++) {
                double mean = 0;
                for (size_t i = 0; i < w.n; i++) { /* Johnk's beta variates */
                    double x, y;
                    do {
                        x = pow(sc_random_next(&w.random), 1 / shapes[s][0]);
                        y = pow(sc_random_next(&w.random), 1 / shapes[s][1]);
                    } while (x + y > 1 || x + y <= 0);
                    w.rates[i] = x / (x + y);
                }
                run_world(&w, false);
                for (size_t i = 0; i < w.n; i++) {
                    double p = w.rates[i], even = p * (1 - p) / (double)per_prompt[k];
                    double plain = (double)w.prompts[i].n_refused / (double)w.prompts[i].n_judged;
                    double fair = sc_budget_rate(&w.policy, w.n, w.parts[i]);
                    plain2 += (plain - p) * (plain - p);
                    fair2 += (fair - p) * (fair - p);
                    even2 += even;
                    mean += (fair - p) / (double)w.n;
                    even_mean2 += even / (double)(w.n * w.n);
                }
                mean2 += mean * mean;
            }
            if (n_runs > 400)
                print_message("beta(%g, %g), %zu traces: plain %.3f, weighted %.3f, mean %.3f\n",
                              shapes[s][0], shapes[s][1], per_prompt[k], sqrt(plain2 / even2),
                              sqrt(fair2 / even2), sqrt(mean2 / even_mean2));
            assert_true((s == 1 || k < 2) || fair2 < even2);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_double_and_end_at_the_total),
        cmocka_unit_test(what_cannot_be_shared_is_refused),
        cmocka_unit_test(traces_go_where_they_lessen_the_variance_most),
        cmocka_unit_test(a_prompt_that_wavers_gets_more),
        cmocka_unit_test(the_rate_is_weighted_by_phases),
        cmocka_unit_test(the_weighted_rate_is_unbiased_and_the_plain_one_is_not),
        cmocka_unit_test(it_errs_less_where_most_prompts_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
