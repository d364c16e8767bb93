/* Stopping policies at the edges of what they compare: exactly at a bar, and one step of a double
 * beside it.  Figures are chosen so that sums and shares are exact; test_decision.c has the rest.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "decision/decision.h"

#define MOST 12

static double below(double x)
{
    return nextafter(x, -INFINITY);
}

static double above(double x)
{
    return nextafter(x, INFINITY);
}

static struct sc_policy make(enum sc_policy_kind kind, size_t min, size_t max, size_t batch)
{
    struct sc_policy policy = sc_policy_default();
    policy.kind = kind;
    policy.min_traces = min;
    policy.max_traces = max;
    policy.batch_traces = batch;
    return policy;
}

/* One trace for each letter: r refuses, c complies, u was not judged. */
static void fill(struct sc_policy_trace *traces, const char *verdicts, const double *confidence)
{
    for (size_t i = 0; verdicts[i] != '\0'; i++)
        traces[i] = (struct sc_policy_trace){
            .confidence = confidence != NULL ? confidence[i] : 1,
            .verdict = verdicts[i] == 'r'   ? SC_REFUSAL
                       : verdicts[i] == 'c' ? SC_COMPLIANCE
                                            : SC_UNPARSED,
        };
}

static size_t used(const struct sc_policy *policy, const char *verdicts, const double *confidence)
{
    struct sc_policy_trace traces[MOST];
    fill(traces, verdicts, confidence);
    return sc_policy_replay(policy, traces, strlen(verdicts), NULL);
}

static void assert_taken(struct sc_policy policy, bool taken)
{
    assert_int_equal(sc_policy_check(&policy, NULL), taken ? SC_OK : SC_ERR_ARGUMENT);
}

/* ---- what is accepted ------------------------------------------------------------------------ */

static void defaults_are_those_of_the_header(void **state)
{
    (void)state;
    struct sc_policy policy = sc_policy_default();
    assert_int_equal(policy.kind, SC_POLICY_ADAPTIVE);
    assert_true(policy.min_traces == 3 && policy.max_traces == 10 && policy.batch_traces == 3);
    assert_true(policy.percentile == 90 && policy.eta == 90 && policy.tau == 0.95);
    assert_true(policy.width == 0.2);
    assert_true(policy.risk == 0 && policy.adaptive_rule == SC_ADAPTIVE_MEAN);
    assert_int_equal(policy.metric, SC_METRIC_MEAN);
}

static void figures_are_taken_up_to_their_ends_and_not_beyond(void **state)
{
    (void)state;
    struct sc_policy adaptive = make(SC_POLICY_ADAPTIVE, 3, 10, 3);
    struct sc_policy deepconf = make(SC_POLICY_DEEPCONF, 3, 10, 3);
    struct sc_policy curtailed = make(SC_POLICY_CURTAILED, 3, 10, 3);
    struct sc_policy interval = make(SC_POLICY_INTERVAL, 3, 10, 3);
    const struct {
        struct sc_policy *policy;
        double *field, least, most;
    } rows[] = {
        {&adaptive, &adaptive.percentile, 0, 100}, {&deepconf, &deepconf.eta, 0, 100},
        {&deepconf, &deepconf.tau, above(0), 1},   {&curtailed, &curtailed.risk, 0, below(1)},
        {&interval, &interval.width, above(0), 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double inside[] = {rows[i].least, rows[i].most};
        const double outside[] = {below(rows[i].least), above(rows[i].most)};
        double kept = *rows[i].field;
        for (size_t j = 0; j < 2; j++) {
            *rows[i].field = inside[j];
            assert_taken(*rows[i].policy, true);
            *rows[i].field = outside[j];
            assert_taken(*rows[i].policy, false);
        }
        *rows[i].field = kept;
    }
}

static void numbers_of_traces_are_taken_up_to_their_ends_and_not_beyond(void **state)
{
    (void)state;
    assert_taken(make(SC_POLICY_ADAPTIVE, 1, 1, 1), true);
    assert_taken(make(SC_POLICY_ADAPTIVE, 10000, 10000, 10000), true);
    assert_taken(make(SC_POLICY_ADAPTIVE, 2, 1, 1), false);
    assert_taken(make(SC_POLICY_ADAPTIVE, 1, 10001, 1), false);
    assert_taken(make(SC_POLICY_ADAPTIVE, 1, 10, 10001), false);
}

/* ---- adaptive -------------------------------------------------------------------------------- */

static void a_mean_exactly_at_the_bar_stops(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_ADAPTIVE, 3, 4, 1);
    policy.percentile = 50; /* bar 5 */
    assert_int_equal(used(&policy, "rrrr", (double[]){4, 5, 6, 0}), 3);
    assert_int_equal(used(&policy, "rrrr", (double[]){4, 5, below(6), 0}), 4);
}

static void a_last_confidence_exactly_at_the_bar_stops(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_ADAPTIVE, 3, 5, 1);
    policy.percentile = 50;
    policy.adaptive_rule = SC_ADAPTIVE_LAST;
    assert_int_equal(used(&policy, "rrrrr", (double[]){5, 6, 4, 5, 0}), 4);
    assert_int_equal(used(&policy, "rrrrr", (double[]){5, 6, 4, below(5), 0}), 5);
}

static void a_percentile_at_an_order_statistic_is_that_one(void **state)
{
    (void)state;
    struct sc_policy adaptive = make(SC_POLICY_ADAPTIVE, 11, 12, 1);
    struct sc_policy deepconf = make(SC_POLICY_DEEPCONF, 11, 12, 1);
    struct sc_policy_trace traces[MOST];
    struct sc_policy_decision d;
    fill(traces, "rrrrrrrrrrr", (double[]){11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6});
    for (int i = 1; i < 10; i++) {
        adaptive.percentile = 10.0 * i;
        sc_policy_decide(&adaptive, traces, 11, &d);
        assert_true(fabs(d.bar - (1 + i)) < 1e-14);
        deepconf.eta = 10.0 * i; /* so many percent reach it */
        sc_policy_decide(&deepconf, traces, 11, &d);
        assert_true(fabs(d.bar - (11 - i)) < 1e-14);
    }
}

/* ---- deepconf -------------------------------------------------------------------------------- */

static void a_share_of_exactly_tau_is_consensus_for_either_side(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_DEEPCONF, 2, 3, 1);
    policy.eta = 100; /* all reach the bar, 1 */
    const double weights[] = {3, 1, 1};
    const char *const sides[] = {"rcu", "cru"};
    for (size_t i = 0; i < 2; i++) {
        policy.tau = 0.75;
        assert_int_equal(used(&policy, sides[i], weights), 2);
        policy.tau = below(0.75);
        assert_int_equal(used(&policy, sides[i], weights), 2);
        policy.tau = above(0.75);
        assert_int_equal(used(&policy, sides[i], weights), 3);
    }
}

static void a_trace_exactly_at_the_bar_has_a_vote(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_DEEPCONF, 2, 3, 1);
    policy.eta = 0; /* bar: the larger of two */
    struct sc_policy_trace traces[MOST];
    fill(traces, "ruc", (double[]){1, 1, 1});
    assert_int_equal(sc_policy_vote(&policy, traces, 3), SC_SPLIT);
    traces[2].confidence = below(1);
    assert_int_equal(sc_policy_vote(&policy, traces, 3), SC_REFUSED);
    traces[1].confidence = above(1); /* now the first is below it */
    assert_int_equal(sc_policy_vote(&policy, traces, 3), SC_BEHAVIOUR_NONE);
}

static void the_vote_has_the_bar_of_the_decision(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_DEEPCONF, 11, 12, 1);
    policy.eta = 20;
    struct sc_policy_trace traces[MOST];
    fill(traces, "uuuuuuuurcu", (double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}); /* bar 9 */
    assert_int_equal(sc_policy_vote(&policy, traces, 11), SC_COMPLIED);
    traces[9].verdict = SC_UNPARSED;
    assert_int_equal(sc_policy_vote(&policy, traces, 11), SC_REFUSED); /* by the 9 alone */
    traces[8].verdict = SC_UNPARSED;
    traces[11] = (struct sc_policy_trace){.confidence = below(9), .verdict = SC_REFUSAL};
    assert_int_equal(sc_policy_vote(&policy, traces, 12), SC_BEHAVIOUR_NONE);
}

static void a_small_confidence_is_a_vote_and_none_at_all_is_not(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_DEEPCONF, 2, 3, 1);
    const double small[] = {1e-300, 1e-300, 1e-300}, zero[] = {0, 0, 0}, negative[] = {-1, -1, -1};
    assert_int_equal(used(&policy, "rrr", small), 2);
    assert_int_equal(used(&policy, "rrr", zero), 3);
    assert_int_equal(used(&policy, "rrr", negative), 3);
}

static void a_window_exactly_at_the_bar_is_not_cut(void **state)
{
    (void)state;
    const struct sc_low lows[] = {{4, 2}, {7, below(2)}};
    assert_int_equal(sc_lows_cut(lows, 2, above(2)), 4);
    assert_int_equal(sc_lows_cut(lows, 2, 2), 7);
    assert_true(sc_lows_cut(lows, 2, below(2)) == SIZE_MAX);
}

static void a_window_as_low_as_one_before_it_is_no_new_low(void **state)
{
    (void)state;
    struct sc_low lows[4];
    struct sc_token_stats stats[4] = {
        {.confidence = 5}, {.confidence = 5}, {.confidence = 4}, {.confidence = 5}};
    assert_int_equal(sc_lows_find(stats, 4, 1, lows), 2);
    assert_true(lows[0].n_tokens == 1 && lows[1].n_tokens == 3);
}

/* ---- curtailed ------------------------------------------------------------------------------- */

/* One of two refused: the other does with probability 2/3, Beta(2, 1). */
static void a_probability_of_exactly_one_less_risk_settles(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_CURTAILED, 1, 2, 1);
    policy.risk = 1 - 2.0 / 3;
    assert_int_equal(used(&policy, "rr", NULL), 1);
    policy.risk = below(policy.risk);
    assert_int_equal(used(&policy, "rr", NULL), 2);
}

/* Beta-binomial tails: of ten, 1 - 120 / 55440 after five alike and 0.987 after four. */
static void the_least_risk_is_still_a_risk(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_CURTAILED, 1, 10, 1);
    policy.risk = 0.005;
    assert_int_equal(used(&policy, "cccccccccc", NULL), 5);
    policy.risk = 120.0 / 55440 + 1e-12;
    assert_int_equal(used(&policy, "cccccccccc", NULL), 5);
    policy.risk = 120.0 / 55440 - 1e-12;
    assert_int_equal(used(&policy, "cccccccccc", NULL), 6);
    policy.risk = 0;
    assert_int_equal(used(&policy, "cccccccccc", NULL), 6);
}

/* Of nine, five left after four alike: one more suffices, 1 - 120 / 30240. */
static void of_an_odd_number_a_lead_of_one_is_a_majority(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_CURTAILED, 4, 9, 1);
    policy.risk = 120.0 / 30240 + 1e-12;
    assert_int_equal(used(&policy, "rrrrrrrrr", NULL), 4);
    policy.risk = 120.0 / 30240 - 1e-12;
    assert_int_equal(used(&policy, "rrrrrrrrr", NULL), 5);
}

/* One each, two left: one each again with probability 2 B(3, 3) / B(2, 2) = 0.4. */
static void a_split_stays_when_it_is_one_at_the_end(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_CURTAILED, 2, 4, 1);
    policy.risk = 0.6 + 1e-12;
    assert_int_equal(used(&policy, "rcrc", NULL), 2);
    policy.risk = 0.6 - 1e-12;
    assert_int_equal(used(&policy, "rcrc", NULL), 3);
}

static void nothing_is_settled_before_the_least_number_of_traces(void **state)
{
    (void)state;
    struct sc_policy policy = make(SC_POLICY_CURTAILED, 4, 10, 1);
    policy.risk = 0.9;
    assert_int_equal(used(&policy, "rrrrrrrrrr", NULL), 4);
}

/* The probability that none of 9000 sides with it is below the least double. */
static void many_traces_to_come_are_counted_too(void **state)
{
    (void)state;
    enum { N = 10000 };
    static struct sc_policy_trace traces[N];
    struct sc_policy policy = make(SC_POLICY_CURTAILED, 1000, N, 1);
    policy.risk = 0.01;
    for (size_t i = 0; i < N; i++)
        traces[i].verdict = SC_REFUSAL;
    assert_int_equal(sc_policy_replay(&policy, traces, N, NULL), 1000);
}

/* Beta-binomial, term by term from none that sides with the majority; long doubles hold the first
 * term also where a double does not. */
static double chance_to_stay(size_t ahead, size_t behind, size_t n_left)
{
    long double a = 1 + (long double)ahead, b = 1 + (long double)behind, n = (long double)n_left;
    long double p = 1, stays = 0;
    for (size_t i = 0; i < n_left; i++)
        p *= (b + (long double)i) / (a + b + (long double)i);
    for (size_t k = 0; k <= n_left; k++) {
        size_t for_it = ahead + k, against = behind + n_left - k;
        stays += (ahead == behind ? for_it == against : for_it > against) ? p : 0;
        if (k < n_left)
            p *= (n - (long double)k) * ((long double)k + a) /
                 (((long double)k + 1) * (n - (long double)k - 1 + b));
    }
    return (double)stays;
}

/* Of few traces to come and of many, which are summed in another way: the risk from which on the
 * majority counts as settled is that it does not stay. */
static void a_majority_is_settled_from_its_risk_on(void **state)
{
    (void)state;
    static const struct {
        size_t ahead, behind, n_left;
    } cases[] = {{40, 20, 60},    {40, 20, 100},  {40, 20, 101},  {40, 20, 540},
                 {5, 0, 300},     {1, 0, 2000},   {30, 30, 400},  {30, 30, 401},
                 {200, 190, 391}, {120, 20, 150}, {300, 299, 900}};
    static struct sc_policy_trace traces[600];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].ahead + cases[i].behind;
        struct sc_policy policy = make(SC_POLICY_CURTAILED, n, n + cases[i].n_left, 1);
        double never = 0, always = 1;
        for (size_t t = 0; t < n; t++)
            traces[t].verdict = t < cases[i].ahead ? SC_REFUSAL : SC_COMPLIANCE;
        for (int step = 0; step < 60; step++) {
            struct sc_policy_decision decision;
            policy.risk = (never + always) / 2;
            sc_policy_decide(&policy, traces, n, &decision);
            *(decision.stop ? &always : &never) = policy.risk;
        }
        double stays = chance_to_stay(cases[i].ahead, cases[i].behind, cases[i].n_left);
        assert_true(fabs(1 - always - stays) < 1e-10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(figures_are_taken_up_to_their_ends_and_not_beyond),
        cmocka_unit_test(numbers_of_traces_are_taken_up_to_their_ends_and_not_beyond),
        cmocka_unit_test(a_mean_exactly_at_the_bar_stops),
        cmocka_unit_test(a_last_confidence_exactly_at_the_bar_stops),
        cmocka_unit_test(a_percentile_at_an_order_statistic_is_that_one),
        cmocka_unit_test(a_share_of_exactly_tau_is_consensus_for_either_side),
        cmocka_unit_test(a_trace_exactly_at_the_bar_has_a_vote),
        cmocka_unit_test(the_vote_has_the_bar_of_the_decision),
        cmocka_unit_test(a_small_confidence_is_a_vote_and_none_at_all_is_not),
        cmocka_unit_test(a_window_exactly_at_the_bar_is_not_cut),
        cmocka_unit_test(a_window_as_low_as_one_before_it_is_no_new_low),
        cmocka_unit_test(a_probability_of_exactly_one_less_risk_settles),
        cmocka_unit_test(the_least_risk_is_still_a_risk),
        cmocka_unit_test(of_an_odd_number_a_lead_of_one_is_a_majority),
        cmocka_unit_test(a_split_stays_when_it_is_one_at_the_end),
        cmocka_unit_test(nothing_is_settled_before_the_least_number_of_traces),
        cmocka_unit_test(many_traces_to_come_are_counted_too),
        cmocka_unit_test(a_majority_is_settled_from_its_risk_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
