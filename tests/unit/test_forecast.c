/* src/statistics/forecast.h against tests/golden/forecast.json (SciPy, mpmath, NumPy; see
 * make_forecast_golden.py there), identities, and made-up prompts whose truth is known:
 * SAFECONF_SIMULATIONS says how many runs of those. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "golden.h"
#include "statistics/forecast.h"

#define MOST 4000

static json_t *golden;
static double values[MOST];
static size_t sizes[MOST], others[MOST], more[MOST], found[MOST];

static int load(void **state)
{
    (void)state;
    golden = golden_load(TEST_GOLDEN "/forecast.json");
    return golden == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
        fail_msg("%.12g is not %.12g", a, b);
}

/* ---- more attempts --------------------------------------------------------------------------- */

static void the_scaled_beta_is_that_of_the_reference(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "scaled_beta"), index, c)
    {
        size_t n = golden_sizes(c, "trials", MOST, sizes);
        golden_sizes(c, "successes", MOST, others);
        struct sc_trials data = {sizes, others, n};
        double a = golden_number(c, "a"), b = golden_number(c, "b"), scale = golden_number(c, "c");
        near(sc_scaled_beta_log_likelihood(&data, a, b, scale, NULL),
             golden_number(c, "log_likelihood"), 1e-10);
        struct sc_scaled_beta truth = {.n = n, .alpha = a, .beta = b, .scale = scale};
        for (size_t k = 0; k < 6; k++)
            near(sc_scaled_beta_at_k(&truth, golden_element(c, "k", k)),
                 golden_element(c, "at_k", k), 1e-10);
        struct sc_attempts fit;
        assert_int_equal(sc_attempts_fit(&data, &fit, NULL), SC_OK);
        assert_null(fit.scaled_beta.reason);
        near(fit.beta_binomial.log_likelihood, golden_number(c, "best_two"), 1e-8);
        /* the top is flat: where it is is not asked, only how high */
        assert_true(fit.scaled_beta.log_likelihood > golden_number(c, "best") - 2e-4);
        assert_true(fit.scaled_beta.log_likelihood < golden_number(c, "best") + 2e-3);
        assert_true(fit.scaled_beta.scale > 0 && fit.scaled_beta.scale <= 1);
        double deviance, p;
        p = sc_scaled_beta_check(&data, &truth, (struct sc_draws){5, 1}, &deviance, NULL);
        near(deviance, golden_number(c, "deviance"), 1e-9);
        p = sc_scaled_beta_check(&data, &fit.scaled_beta, (struct sc_draws){59, 1}, NULL, NULL);
        assert_true(p > 0.01); /* drawn from the model */
        near(sc_scaled_beta_largest(&truth, 1000), golden_number(c, "largest_of_1000"), 1e-9);
    }
}

static void a_scale_of_one_is_the_beta_binomial(void **state)
{
    (void)state;
    struct sc_beta_binomial two = {.n = 9, .alpha = 0.3, .beta = 1.7};
    struct sc_scaled_beta three = {.n = 9, .alpha = 0.3, .beta = 1.7, .scale = 1};
    struct sc_scaled_beta nearly = {.n = 9, .alpha = 0.3, .beta = 1.7, .scale = 1 - 1e-12};
    for (double k = 1; k <= 1000; k *= 10) {
        near(sc_scaled_beta_at_k(&three, k), sc_beta_binomial_at_k(&two, k), 1e-11);
        near(sc_scaled_beta_at_k(&nearly, k), sc_beta_binomial_at_k(&two, k), 1e-9);
    }
    /* one attempt: the mean; equal rates: a binomial */
    three.scale = 0.2;
    near(sc_scaled_beta_at_k(&three, 1), 0.2 * 0.15, 1e-12);
    struct sc_scaled_beta equal = {.n = 9, .alpha = 5e5, .beta = 5e5, .scale = 0.02};
    near(sc_scaled_beta_at_k(&equal, 50), 1 - pow(0.99, 50), 1e-6);
    /* the failures left fall as k^-alpha */
    double a = 1 - sc_scaled_beta_at_k(&three, 1e6), b = 1 - sc_scaled_beta_at_k(&three, 1e7);
    near(log10(a / b), 0.3, 1e-4);
    three.reason = "none";
    assert_true(isnan(sc_scaled_beta_at_k(&three, 1)));
}

static void a_power_law_is_that_of_the_reference(void **state)
{
    (void)state;
    size_t index, k[SC_POWER_LAW_MOST_POINTS];
    json_t *c;
    json_array_foreach(golden_cases(golden, "power_law"), index, c)
    {
        size_t n = golden_sizes(c, "k", MOST, sizes);
        assert_int_equal(sc_power_law_points(sizes[n - 1], k), n);
        assert_memory_equal(k, sizes, n * sizeof *k);
        for (size_t i = 0; i < n; i++)
            values[i] = golden_element(c, "success", i);
        struct sc_power_law fit = {.n = 3};
        sc_power_law_fit(k, values, n, &fit);
        assert_null(fit.reason);
        assert_int_equal(fit.n, 3);
        near(fit.exponent, golden_number(c, "exponent"), 1e-9);
        near(fit.scale, golden_number(c, "scale"), 1e-9);
        near(fit.bend, golden_number(c, "bend"), 1e-8);
        for (size_t i = 0; i < 2; i++)
            near(sc_power_law_at_k(&fit, golden_element(c, "at", i)), golden_element(c, "at_k", i),
                 1e-9);
    }
    c = json_array_get(golden_cases(golden, "law_of_counts"), 0);
    size_t n = golden_sizes(c, "trials", MOST, sizes);
    golden_sizes(c, "successes", MOST, others);
    struct sc_attempts fit;
    assert_int_equal(sc_attempts_fit(&(struct sc_trials){sizes, others, n}, &fit, NULL), SC_OK);
    assert_int_equal(fit.power_law.n, (size_t)golden_number(c, "n"));
    assert_int_equal(fit.power_law.to, (size_t)golden_number(c, "to"));
    near(fit.power_law.exponent, golden_number(c, "exponent"), 1e-9);
    near(fit.power_law.scale, golden_number(c, "scale"), 1e-9);
}

static void an_exact_power_law_does_not_bend(void **state)
{
    (void)state;
    size_t k[SC_POWER_LAW_MOST_POINTS], n = sc_power_law_points(50, k);
    for (size_t i = 0; i < n; i++)
        values[i] = exp(-2 * pow((double)k[i], -0.35));
    struct sc_power_law fit = {.n = 30};
    sc_power_law_fit(k, values, n, &fit);
    near(fit.exponent, 0.35, 1e-10);
    near(fit.scale, 2, 1e-10);
    near(fit.bend, 0, 1e-8);
    sc_power_law_fit(k, values, 2, &fit);
    assert_non_null(strstr(fit.reason, "three"));
    values[0] = 0;
    sc_power_law_fit(k, values, n, &fit);
    assert_non_null(strstr(fit.reason, "no trial"));
    values[0] = 1;
    sc_power_law_fit(k, values, n, &fit);
    assert_non_null(strstr(fit.reason, "every"));
    for (size_t i = 0; i < n; i++)
        values[i] = 0.5 - 0.001 * (double)i;
    sc_power_law_fit(k, values, n, &fit);
    assert_non_null(strstr(fit.reason, "rise"));
    assert_true(isnan(sc_power_law_at_k(&fit, 2)));
}

/* ---- made-up prompts ------------------------------------------------------------------------- */

static size_t n_simulations(size_t usual)
{
    const char *wanted = getenv("SAFECONF_SIMULATIONS");
    return wanted != NULL ? (size_t)strtoul(wanted, NULL, 10) : usual;
}

/* Rates of prompts: how they lie, and what the truth is at k. */
struct world {
    const char *name;
    double (*rate)(double u); /* u uniform on (0, 1) */
    enum sc_forecaster right; /* whose shape it is; SC_N_FORECASTERS: nobody's */
};

static double rate_equal(double u)
{
    return u < 0 ? 0 : 0.08;
}
static double rate_beta(double u) /* Beta(0.4, 1): a beta-binomial */
{
    return pow(u, 1 / 0.4);
}
static double rate_scaled(double u) /* 0.3 Beta(0.6, 1) */
{
    return 0.3 * pow(u, 1 / 0.6);
}
static double rate_two(double u) /* seven in ten never, the others one in five */
{
    return u < 0.7 ? 0 : 0.2;
}
static double rate_log_normal(double u) /* of a logistic: heavy on both sides */
{
    return 1 / (1 + exp(4 - 1.2 * log(u / (1 - u))));
}

static const struct world worlds[] = {{"equal rates 0.08", rate_equal, SC_BY_EQUAL_RATES},
                                      {"Beta(0.4, 1)", rate_beta, SC_BY_BETA_BINOMIAL},
                                      {"0.3 Beta(0.6, 1)", rate_scaled, SC_BY_SCALED_BETA},
                                      {"0 or 0.2", rate_two, SC_N_FORECASTERS},
                                      {"logistic", rate_log_normal, SC_N_FORECASTERS}};

static double truth_at(const struct world *world, double k)
{
    double sum = 0;
    for (int i = 0; i < 20000; i++)
        sum += 1 - pow(1 - world->rate((i + 0.5) / 20000), k);
    return sum / 20000;
}

static size_t count_of(struct sc_random *random, double rate, size_t trials)
{
    size_t out = 0;
    for (size_t t = 0; t < trials; t++)
        out += sc_random_next(random) < rate;
    return out;
}

/* 200 prompts of 10 attempts, forecast to 100; and the first 3 against the other 7. */
static void forecasts_hold_where_their_shape_is_true(void **state)
{
    enum { N = 200, N_K = 3 };
    static const size_t k[N_K] = {10, 50, 100}, held_k[2] = {5, 7};
    (void)state;
    size_t runs = n_simulations(12);
    for (size_t w = 0; w < sizeof worlds / sizeof *worlds; w++) {
        const struct world *world = &worlds[w];
        double off[SC_N_FORECASTERS] = {0}, covers[SC_N_FORECASTERS] = {0};
        double zero[SC_N_FORECASTERS] = {0}, miss[SC_N_FORECASTERS] = {0}, truth[N_K];
        double n_off[SC_N_FORECASTERS] = {0}, bends = 0;
        for (size_t i = 0; i < N_K; i++)
            truth[i] = truth_at(world, (double)k[i]);
        for (size_t run = 0; run < runs; run++) {
            struct sc_random random = {SC_STREAM_STATISTICS, 77 + run, w, 0};
            struct sc_estimate at[SC_N_FORECASTERS * N_K], ahead[SC_N_FORECASTERS * 2], seen[2];
            struct sc_estimate error[SC_N_FORECASTERS * 2];
            for (size_t i = 0; i < N; i++) {
                double rate = world->rate(sc_random_next(&random));
                found[i] = count_of(&random, rate, 3);
                more[i] = count_of(&random, rate, 7);
                others[i] = found[i] + more[i];
                sizes[i] = 10;
            }
            struct sc_draws draws = {199, run};
            struct sc_attempts_forecast out = {.k = k, .n_k = N_K, .forecast = at};
            assert_int_equal(sc_attempts_forecast(&(struct sc_trials){sizes, others, N}, NULL,
                                                  draws, &out, NULL),
                             SC_OK);
            static size_t three[N], seven[N];
            for (size_t i = 0; i < N; i++) {
                three[i] = 3;
                seven[i] = 7;
            }
            struct sc_attempts_forecast held = {
                .k = held_k, .n_k = 2, .forecast = ahead, .seen = seen, .error = error};
            assert_int_equal(sc_attempts_forecast(&(struct sc_trials){three, found, N},
                                                  &(struct sc_trials){seven, more, N}, draws, &held,
                                                  NULL),
                             SC_OK);
            bends += out.fit.power_law.bend_p < 0.05;
            for (int by = 0; by < SC_N_FORECASTERS; by++) {
                const struct sc_estimate *last = &at[by * N_K + N_K - 1], *e = &error[by * 2 + 1];
                if (last->reason == NULL) {
                    n_off[by]++;
                    off[by] += last->value - truth[N_K - 1];
                    covers[by] +=
                        last->low <= truth[N_K - 1] && truth[N_K - 1] <= last->high ? 1 : 0;
                }
                if (e->reason == NULL) {
                    zero[by] += e->low <= 0 && 0 <= e->high ? 1 : 0;
                    miss[by] += fabs(e->value);
                }
            }
        }
        if (runs > 100)
            print_message("%-18s truth at 100: %.3f, bends %.3f\n", world->name, truth[N_K - 1],
                          bends / (double)runs);
        for (int by = 0; by < SC_N_FORECASTERS; by++) {
            if (runs > 100)
                print_message("    %-14s off %+.3f covers %.3f   held out: off %.3f, 0 in %.3f\n",
                              sc_forecaster_name((enum sc_forecaster)by), off[by] / n_off[by],
                              covers[by] / n_off[by], miss[by] / (double)runs,
                              zero[by] / (double)runs);
            if ((enum sc_forecaster)by == world->right) {
                assert_true(covers[by] / n_off[by] > 0.6);
                assert_true(fabs(off[by]) / n_off[by] < 0.05);
                assert_true(zero[by] / (double)runs > 0.7);
            }
        }
    }
}

static void what_cannot_be_forecast_says_why(void **state)
{
    static const size_t k[2] = {3, 30};
    struct sc_estimate at[SC_N_FORECASTERS * 2];
    struct sc_attempts_forecast out = {.k = k, .n_k = 2, .forecast = at};
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        sizes[i] = 2;
        others[i] = i % 3;
    }
    struct sc_trials data = {sizes, others, 40};
    assert_int_equal(sc_attempts_forecast(&data, NULL, (struct sc_draws){50, 1}, &out, NULL),
                     SC_OK);
    assert_non_null(strstr(at[SC_BY_POWER_LAW * 2].reason, "three traces"));
    assert_null(at[SC_BY_BETA_BINOMIAL * 2].reason);
    memset(others, 0, sizeof others);
    assert_int_equal(sc_attempts_forecast(&data, NULL, (struct sc_draws){50, 1}, &out, NULL),
                     SC_OK);
    for (int by = SC_BY_BETA_BINOMIAL; by < SC_N_FORECASTERS; by++)
        assert_true(isnan(at[by * 2].value) && at[by * 2].reason != NULL);
    data.n = 0;
    assert_int_equal(sc_attempts_forecast(&data, NULL, (struct sc_draws){50, 1}, &out, NULL),
                     SC_OK);
    assert_non_null(at[0].reason);
    data.n = 4; /* a value, no interval */
    for (size_t i = 0; i < 4; i++)
        others[i] = i % 3;
    assert_int_equal(sc_attempts_forecast(&data, NULL, (struct sc_draws){50, 1}, &out, NULL),
                     SC_OK);
    assert_true(isfinite(at[SC_BY_BETA_BINOMIAL * 2].value) &&
                isnan(at[SC_BY_BETA_BINOMIAL * 2].low));
    others[0] = 3;
    assert_int_equal(sc_attempts_forecast(&data, NULL, (struct sc_draws){50, 1}, &out, NULL),
                     SC_ERR_ARGUMENT);
}

static void a_shape_that_is_wrong_is_noticed(void **state)
{
    (void)state;
    struct sc_attempts fit;
    for (size_t i = 0; i < 300; i++) { /* never, or always the same: no beta has so sharp an edge */
        sizes[i] = 20;
        others[i] = i % 2 ? 0 : 9 + i % 3;
    }
    struct sc_trials data = {sizes, others, 300};
    assert_int_equal(sc_attempts_fit(&data, &fit, NULL), SC_OK);
    assert_true(
        sc_scaled_beta_check(&data, &fit.scaled_beta, (struct sc_draws){59, 1}, NULL, NULL) < 0.05);
}

/* ---- more prompts ---------------------------------------------------------------------------- */

static void a_tail_is_that_of_the_reference(void **state)
{
    (void)state;
    size_t index;
    json_t *c;
    json_array_foreach(golden_cases(golden, "tail"), index, c)
    {
        size_t n = json_array_size(json_object_get(c, "p"));
        for (size_t i = 0; i < n; i++)
            values[i] = golden_element(c, "p", i);
        struct sc_probabilities data = {values, n, false};
        struct sc_draws draws = {20000, 5};
        struct sc_tail fit;
        assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_OK);
        assert_null(fit.reason);
        near(fit.slope, golden_number(c, "slope"), 1e-9);
        near(fit.intercept, golden_number(c, "intercept"), 1e-9);
        near(fit.r_squared, golden_number(c, "r_squared"), 1e-9);
        near(fit.check_p, golden_number(c, "check_p"), 0.02);
        double further = golden_number(c, "further");
        struct sc_estimate largest = sc_tail_largest(&fit, further, draws, NULL);
        near(largest.value, golden_number(c, "largest"), 1e-9);
        /* both are drawn: compared as scores */
        near(-log(-log(largest.low)), -log(-log(golden_number(c, "low"))), 0.03);
        near(-log(-log(largest.high)), -log(-log(golden_number(c, "high"))), 0.06);
        struct sc_estimate any = sc_any_of_units(&data, further, draws, NULL);
        near(any.value, golden_number(c, "any"), 1e-9);
        assert_true(any.low <= any.value && any.value <= any.high);
    }
}

/* Of a Gumbel's tail the interval holds the largest of further prompts, the check passes; of
 * probabilities that end (none above one half) it overshoots, which is the cautious side. */
static void the_largest_of_more_prompts_is_foreseen(void **state)
{
    enum { N = 200, FURTHER = 2000 };
    (void)state;
    size_t runs = n_simulations(60);
    double holds[3] = {0}, doubted[3] = {0}, below[3] = {0};
    for (size_t run = 0; run < runs; run++)
        for (int kind = 0; kind < 3; kind++) {
            struct sc_random random = {SC_STREAM_STATISTICS, run, (uint64_t)(900 + kind), 0};
            double largest = 0;
            for (size_t i = 0; i < N + FURTHER; i++) {
                double u = sc_random_next(&random), p;
                if (kind == 0)
                    p = exp(-exp(1.2 + 0.4 * log(-log(u)))); /* scores of a Gumbel */
                else if (kind == 1)
                    p = 0.5 * pow(u, 3);
                else
                    p = 1 / (1 + exp(5 - log(u / (1 - u)))); /* logistic */
                if (i < N)
                    values[i] = p;
                else
                    largest = fmax(largest, p);
            }
            struct sc_tail fit;
            struct sc_draws draws = {199, run};
            assert_int_equal(
                sc_tail_fit(&(struct sc_probabilities){values, N, false}, draws, &fit, NULL),
                SC_OK);
            struct sc_estimate e = sc_tail_largest(&fit, FURTHER, draws, NULL);
            assert_null(e.reason);
            holds[kind] += e.low <= largest && largest <= e.high ? 1 : 0;
            below[kind] += e.value < largest ? 1 : 0;
            doubted[kind] += fit.check_p < 0.05 ? 1 : 0;
        }
    for (int kind = 0; kind < 3 && runs > 100; kind++)
        print_message("tail %d: holds %.3f, too low %.3f, doubted %.3f\n", kind,
                      holds[kind] / (double)runs, below[kind] / (double)runs,
                      doubted[kind] / (double)runs);
    assert_true(holds[0] > 0.86 * (double)runs);
    assert_true(doubted[0] < 0.15 * (double)runs);
}

static void units_are_held_out(void **state)
{
    (void)state;
    struct sc_units_forecast out;
    struct sc_draws draws = {50, 1};
    struct sc_random random = {SC_STREAM_STATISTICS, 3, 1, 0};
    double largest = 0, none = 1;
    for (size_t i = 0; i < 120; i++) {
        values[i] = pow(sc_random_next(&random), 6) * 0.2;
        if (i % 3 != 0) {
            largest = fmax(largest, values[i]);
            none *= 1 - values[i];
        }
    }
    struct sc_probabilities data = {values, 120, false};
    assert_int_equal(sc_units_forecast(&data, draws, &out, NULL), SC_OK);
    assert_int_equal(out.n_held_out, 80);
    near(out.seen_largest, largest, 1e-15);
    near(out.seen_any, 1 - none, 1e-12);
    assert_int_equal(out.held_tail.n, 40);
    near(out.n_units[3], 120000, 1e-12);
    for (int i = 1; i < SC_N_FURTHER; i++)
        assert_true(out.largest[i].value > out.largest[i - 1].value &&
                    out.any[i].value >= out.any[i - 1].value);
    near(sc_any_of_units(&data, 1, draws, NULL).value, out.tail.mean, 1e-12);
    data.n = 0;
    assert_int_equal(sc_units_forecast(&data, draws, &out, NULL), SC_OK);
    assert_true(out.held_largest.reason != NULL && isnan(out.seen_any));
}

static void a_tail_that_is_not_known_says_why(void **state)
{
    (void)state;
    struct sc_tail fit;
    struct sc_draws draws = {20, 1};
    struct sc_probabilities data = {values, 29, false};
    for (size_t i = 0; i < 100; i++)
        values[i] = (double)i / 200;
    assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_OK);
    assert_non_null(strstr(fit.reason, "30"));
    near(fit.mean, 14.0 / 200, 1e-12);
    near(fit.largest, 28.0 / 200, 1e-12);
    assert_int_equal(fit.n_zero, 1);
    assert_non_null(sc_tail_largest(&fit, 10, draws, NULL).reason);
    data.n = 100;
    values[4] = 1;
    assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_OK);
    assert_non_null(strstr(fit.reason, "is 1"));
    values[4] = 1.5;
    assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_ERR_ARGUMENT);
    values[4] = 0;
    data.counted = true;
    for (size_t i = 0; i < 100; i++)
        values[i] = i % 3 == 0 ? 0.2 : 0.1;
    assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_OK);
    assert_non_null(strstr(fit.reason, "five values"));
    for (size_t i = 9; i < 100; i++)
        values[i] = 0;
    assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_OK);
    assert_non_null(strstr(fit.reason, "fewer than ten prompts"));
    data.n = 0;
    assert_int_equal(sc_tail_fit(&data, draws, &fit, NULL), SC_OK);
    assert_non_null(fit.reason);
    assert_true(isnan(sc_any_of_units(&data, 5, draws, NULL).value));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void exhausted_memory_is_an_error(void **state)
{
    static const size_t k[1] = {9};
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        values[i] = 0.01 * (double)(i + 1);
        sizes[i] = 4;
        others[i] = i % 5;
    }
    struct sc_trials data = {sizes, others, 40};
    for (int part = 0; part < 5; part++) {
        enum sc_status status = SC_ERR_NOMEM;
        size_t n = 0;
        for (; status != SC_OK && n < 200; n++) {
            struct sc_error error = {0};
            struct sc_estimate at[SC_N_FORECASTERS], seen[1], off[SC_N_FORECASTERS];
            struct sc_attempts_forecast out = {k, 1, at, seen, off, {0}};
            struct sc_tail fit = {.n = 40, .slope = -1};
            struct sc_units_forecast all;
            struct sc_scaled_beta known = {.n = 40, .alpha = 1, .beta = 1, .scale = 0.9};
            sc_memory_fail_at(n);
            if (part == 0)
                sc_attempts_forecast(&data, &data, (struct sc_draws){3, 1}, &out, &error);
            else if (part == 1)
                sc_tail_largest(&fit, 9, (struct sc_draws){3, 1}, &error);
            else if (part == 2)
                sc_any_of_units(&(struct sc_probabilities){values, 40, false}, 9,
                                (struct sc_draws){3, 1}, &error);
            else if (part == 3)
                sc_units_forecast(&(struct sc_probabilities){values, 40, false},
                                  (struct sc_draws){3, 1}, &all, &error);
            else
                sc_scaled_beta_check(&data, &known, (struct sc_draws){3, 1}, NULL, &error);
            assert_false(status == SC_OK && sc_memory_failed());
            sc_memory_fail_at(SIZE_MAX);
            status = error.status;
            assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        }
        assert_int_equal(status, SC_OK);
        assert_true(n > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scaled_beta_is_that_of_the_reference),
        cmocka_unit_test(a_scale_of_one_is_the_beta_binomial),
        cmocka_unit_test(a_power_law_is_that_of_the_reference),
        cmocka_unit_test(an_exact_power_law_does_not_bend),
        cmocka_unit_test(forecasts_hold_where_their_shape_is_true),
        cmocka_unit_test(what_cannot_be_forecast_says_why),
        cmocka_unit_test(a_shape_that_is_wrong_is_noticed),
        cmocka_unit_test(a_tail_is_that_of_the_reference),
        cmocka_unit_test(the_largest_of_more_prompts_is_foreseen),
        cmocka_unit_test(units_are_held_out),
        cmocka_unit_test(a_tail_that_is_not_known_says_why),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
