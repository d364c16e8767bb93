/* Stopping policies: by hand, against exhaustive search, and on pure noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "decision/decision.h"
#include "statistics/statistics.h"
#include "vocabulary/vocabulary.h"

#define MOST 10

static struct sc_policy adaptive(double percentile, enum sc_adaptive_rule rule, size_t batch)
{
    struct sc_policy policy = sc_policy_default();
    policy.percentile = percentile;
    policy.adaptive_rule = rule;
    policy.batch_traces = batch;
    return policy;
}

static void fill(struct sc_policy_trace *traces, const double *confidence, size_t n)
{
    for (size_t i = 0; i < n; i++)
        traces[i] = (struct sc_policy_trace){
            .confidence = confidence[i], .verdict = SC_COMPLIANCE, .failed = isnan(confidence[i])};
}

static size_t replay(const struct sc_policy *policy, const double *confidence, size_t n,
                     struct sc_policy_decision *last)
{
    struct sc_policy_trace traces[MOST];
    fill(traces, confidence, n);
    return sc_policy_replay(policy, traces, n, last);
}

static void names_are_read_as_they_are_written(void **state)
{
    (void)state;
    for (int i = 0; i < SC_N_POLICIES; i++)
        assert_int_equal(sc_policy_parse(sc_policy_name((enum sc_policy_kind)i)), i);
    for (int i = 0; i < SC_N_ADAPTIVE_RULES; i++)
        assert_int_equal(sc_adaptive_rule_parse(sc_adaptive_rule_name((enum sc_adaptive_rule)i)),
                         i);
    assert_int_equal(sc_policy_parse("Fixed"), -1);
    assert_int_equal(sc_policy_parse(""), -1);
    assert_int_equal(sc_policy_parse(NULL), -1);
    assert_int_equal(sc_adaptive_rule_parse("mode"), -1);
    assert_string_equal(sc_policy_name((enum sc_policy_kind)99), "unknown");
}

static void figures_out_of_range_are_refused(void **state)
{
    (void)state;
    struct sc_policy good = sc_policy_default(), p;
    assert_int_equal(sc_policy_check(&good, NULL), SC_OK);
#define REFUSES(field, what)                                                                       \
    do {                                                                                           \
        struct sc_error error = {0};                                                               \
        p = good;                                                                                  \
        p.field = what;                                                                            \
        assert_int_equal(sc_policy_check(&p, &error), SC_ERR_ARGUMENT);                            \
        assert_true(strlen(error.text) > 0);                                                       \
    } while (0)
    REFUSES(kind, (enum sc_policy_kind)77);
    REFUSES(min_traces, 0);
    REFUSES(min_traces, 11);
    REFUSES(max_traces, 0);
    REFUSES(max_traces, SIZE_MAX);
    REFUSES(batch_traces, 0);
    REFUSES(batch_traces, SIZE_MAX);
    REFUSES(percentile, -1);
    REFUSES(percentile, 100.5);
    REFUSES(percentile, NAN);
    REFUSES(adaptive_rule, (enum sc_adaptive_rule)5);
    REFUSES(metric, (enum sc_metric)50);
    good.kind = SC_POLICY_CURTAILED;
    assert_int_equal(sc_policy_check(&good, NULL), SC_OK);
    REFUSES(risk, 1);
    REFUSES(risk, -0.1);
    REFUSES(risk, NAN);
    good.kind = SC_POLICY_DEEPCONF;
    assert_int_equal(sc_policy_check(&good, NULL), SC_OK);
    REFUSES(eta, -1);
    REFUSES(eta, 101);
    REFUSES(eta, NAN);
    REFUSES(tau, 0);
    REFUSES(tau, 1.01);
    REFUSES(tau, NAN);
    good.kind = SC_POLICY_INTERVAL;
    assert_int_equal(sc_policy_check(&good, NULL), SC_OK);
    REFUSES(width, 0);
    REFUSES(width, 1.01);
    REFUSES(width, NAN);
    good.kind = SC_POLICY_SINGLE; /* reads none of these */
    good.max_traces = good.min_traces = 0;
    assert_int_equal(sc_policy_check(&good, NULL), SC_OK);
}

static void single_and_fixed_take_that_many_traces(void **state)
{
    struct sc_policy policy = sc_policy_default();
    struct sc_policy_decision d;
    struct sc_policy_trace traces[MOST] = {{.failed = true, .confidence = NAN}};
    (void)state;
    policy.kind = SC_POLICY_SINGLE;
    assert_int_equal(sc_policy_most(&policy), 1);
    sc_policy_decide(&policy, NULL, 0, &d);
    assert_true(!d.stop && d.n_more == 1 && isnan(d.bar) && d.stop_reason == NULL);
    sc_policy_decide(&policy, traces, 1, &d); /* a failed trace is a trace */
    assert_true(d.stop && strcmp(d.stop_reason, "single") == 0);

    policy.kind = SC_POLICY_FIXED;
    policy.max_traces = 5;
    assert_int_equal(sc_policy_most(&policy), 5);
    sc_policy_decide(&policy, NULL, 0, &d);
    assert_true(!d.stop && d.n_more == 5);
    sc_policy_decide(&policy, traces, 3, &d); /* resumed */
    assert_true(!d.stop && d.n_more == 2);
    sc_policy_decide(&policy, traces, 5, &d);
    assert_true(d.stop && strcmp(d.stop_reason, "fixed") == 0);
    assert_int_equal(sc_policy_replay(&policy, traces, 10, NULL), 5);
    assert_int_equal(sc_policy_replay(&policy, traces, 4, &d), 4); /* not enough stored */
    assert_true(!d.stop && d.n_more == 1);
}

static void adaptive_stops_where_it_does_by_hand(void **state)
{
    struct sc_policy policy = adaptive(50, SC_ADAPTIVE_MEAN, 3);
    struct sc_policy_decision d;
    (void)state;
    /* bar 5; mean of three (4 + 5 + 7) / 3 = 5.33 */
    assert_int_equal(replay(&policy, (double[]){5, 4, 7}, 3, &d), 3);
    assert_true(d.stop && d.bar == 5 && strcmp(d.stop_reason, "confidence") == 0);
    /* bar 5; 4.67, then 29 / 6 = 4.83, then 46 / 9 = 5.1 */
    const double rise[] = {4, 5, 5, 5, 5, 5, 5, 5, 7, 0};
    assert_int_equal(replay(&policy, rise, 10, &d), 9);
    assert_true(d.stop && d.bar == 5 && strcmp(d.stop_reason, "confidence") == 0);
    const double never[] = {1, 5, 5, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(replay(&policy, never, 10, &d), 10);
    assert_true(d.stop && strcmp(d.stop_reason, "max_traces") == 0);
    /* interpolation: 90th percentile of 1, 2, 4 = 2 + 0.8 * 2 */
    policy.percentile = 90;
    replay(&policy, (double[]){4, 1, 2, 0, 0, 0}, 6, &d);
    assert_true(!d.stop && fabs(d.bar - 3.6) < 1e-15 && d.n_more == 3);
    policy.percentile = 0;
    replay(&policy, (double[]){4, 1, 2}, 3, &d);
    assert_true(d.stop && d.bar == 1);
    policy.percentile = 100; /* only equal confidences reach their own maximum */
    replay(&policy, (double[]){4, 1, 2}, 3, &d);
    assert_true(!d.stop && d.bar == 4);
}

/* Greedy traces are all alike: their mean reaches the bar exactly, whatever rounds. */
static void equal_confidences_reach_their_own_bar(void **state)
{
    (void)state;
    for (size_t min = 1; min <= MOST; min++)
        for (int c = 1; c < 300; c++) {
            struct sc_policy policy = adaptive(90, SC_ADAPTIVE_MEAN, 3);
            double x = 0.1 * c, confidence[MOST] = {x, x, x, x, x, x, x, x, x, x};
            policy.min_traces = min;
            assert_int_equal(replay(&policy, confidence, MOST, NULL), min);
        }
}

static void the_rule_last_looks_at_the_last_of_a_batch(void **state)
{
    struct sc_policy policy = adaptive(90, SC_ADAPTIVE_LAST, 1);
    struct sc_policy_decision d;
    (void)state;
    /* bar 3.6; the last of the first three counts */
    assert_int_equal(replay(&policy, (double[]){1, 2, 4}, 3, NULL), 3);
    assert_int_equal(replay(&policy, (double[]){4, 2, 1, 3, 3.6, 0}, 6, &d), 5);
    assert_true(d.stop && strcmp(d.stop_reason, "confidence") == 0);
    /* of a batch, only the last trace is looked at */
    policy.batch_traces = 3;
    assert_int_equal(replay(&policy, (double[]){4, 2, 1, 9, 9, 0, 0, 0, 5, 0}, 10, NULL), 9);
    assert_int_equal(replay(&policy, (double[]){4, 2, 1, 0, 0, 0, 0, 0, 0, 9}, 10, &d), 10);
    assert_string_equal(d.stop_reason, "confidence");
    assert_int_equal(replay(&policy, (double[]){4, 2, 1, 0, 0, 0, 0, 0, 9, 0}, 10, NULL), 9);
}

static void failed_traces_have_no_part_in_the_bar(void **state)
{
    struct sc_policy policy = adaptive(50, SC_ADAPTIVE_MEAN, 3);
    struct sc_policy_decision d;
    (void)state;
    /* the bar comes from those of the first three that did not fail */
    assert_int_equal(replay(&policy, (double[]){NAN, 3, 5}, 3, &d), 3);
    assert_true(d.stop && d.bar == 4);
    /* all of them failed: nothing to compare with, so all traces */
    const double late[] = {NAN, NAN, NAN, 9, 9, 9, 9, 9, 9, 9};
    assert_int_equal(replay(&policy, late, 10, &d), 10);
    assert_true(d.stop && isnan(d.bar) && strcmp(d.stop_reason, "max_traces") == 0);
    replay(&policy, late, 3, &d);
    assert_true(!d.stop && d.n_more == 7);
    replay(&policy, late, 6, &d); /* resumed on the way */
    assert_true(!d.stop && d.n_more == 4);
    /* a failed last trace: the one before it is the last */
    policy.adaptive_rule = SC_ADAPTIVE_LAST;
    assert_int_equal(replay(&policy, (double[]){1, 5, NAN}, 3, &d), 3);
    assert_true(d.stop && d.bar == 3);
    /* a confidence that is not a number without a failure (a trace of no tokens) is left out too */
    struct sc_policy_trace traces[3] = {
        {.confidence = 1}, {.confidence = INFINITY}, {.confidence = 3}};
    policy.adaptive_rule = SC_ADAPTIVE_MEAN;
    assert_int_equal(sc_policy_replay(&policy, traces, 3, &d), 3);
    assert_true(d.bar == 2 && d.stop);
    /* what a failed trace had reached before it failed is not a confidence */
    traces[1] = (struct sc_policy_trace){.confidence = 100, .failed = true};
    assert_int_equal(sc_policy_replay(&policy, traces, 3, &d), 3);
    assert_true(d.bar == 2 && d.stop);
}

/* At every n, also between decision points, live and replay agree and never pass the maximum. */
static void a_run_resumed_anywhere_comes_to_the_same_end(void **state)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 2};
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct sc_policy policy = sc_policy_default();
        struct sc_policy_trace traces[MOST] = {{0}};
        struct sc_policy_decision d, last;
        policy.kind = (enum sc_policy_kind)sc_random_below(&random, SC_POLICY_BUDGET);
        policy.max_traces = 1 + sc_random_below(&random, MOST);
        policy.min_traces = 1 + sc_random_below(&random, policy.max_traces);
        policy.batch_traces = 1 + sc_random_below(&random, 4);
        policy.percentile = 100 * sc_random_next(&random);
        policy.adaptive_rule = (enum sc_adaptive_rule)sc_random_below(&random, 2);
        policy.risk = round % 2 ? 0 : 0.3 * sc_random_next(&random);
        policy.eta = 100 * sc_random_next(&random);
        policy.tau = 0.5 + 0.5 * sc_random_next(&random);
        policy.width = 0.3 + 0.7 * sc_random_next(&random);
        assert_int_equal(sc_policy_check(&policy, NULL), SC_OK);
        for (size_t i = 0; i < MOST; i++) {
            traces[i].failed = sc_random_below(&random, 6) == 0;
            traces[i].confidence = traces[i].failed ? NAN : sc_random_next(&random);
            traces[i].verdict = (enum sc_verdict)sc_random_below(&random, SC_N_VERDICTS);
        }
        size_t n_used = sc_policy_replay(&policy, traces, MOST, &last);
        assert_true(last.stop && n_used >= 1 && n_used <= sc_policy_most(&policy));
        for (size_t n = 0; n < n_used; n++) { /* resumed anywhere, it comes to the same end */
            size_t at = n;
            for (;;) {
                sc_policy_decide(&policy, traces, at, &d);
                if (d.stop)
                    break;
                assert_true(d.n_more >= 1 && at + d.n_more <= n_used);
                at += d.n_more;
            }
            assert_int_equal(at, n_used);
            assert_int_equal(sc_policy_replay(&policy, traces, n, &d), n);
            assert_false(d.stop);
        }
    }
}

/* ---- curtailed ------------------------------------------------------------------------------- */

/* 1 refused, -1 complied, 0 split. */
static int verdict_of(const struct sc_policy_trace *traces, size_t n)
{
    int lead = 0;
    for (size_t i = 0; i < n; i++) {
        if (traces[i].failed || traces[i].verdict == SC_UNPARSED)
            continue;
        lead += traces[i].verdict == SC_REFUSAL || traces[i].verdict == SC_PARTIAL ? 1 : -1;
    }
    return (lead > 0) - (lead < 0);
}

/* Every sequence of refusal, compliance and nothing judged of each length: the verdict is that of
 * all traces, and with batches of 1 not one trace is taken that could have been spared. */
static void without_risk_the_verdict_is_that_of_all_traces(void **state)
{
    static const enum sc_verdict verdicts[] = {SC_PARTIAL, SC_EMPTY, SC_UNPARSED};
    struct sc_policy policy = sc_policy_default();
    (void)state;
    policy.kind = SC_POLICY_CURTAILED;
    for (size_t max = 1; max <= 8; max++) {
        size_t n_sequences = 1;
        for (size_t i = 0; i < max; i++)
            n_sequences *= 3;
        for (size_t code = 0; code < n_sequences; code++)
            for (size_t batch = 1; batch <= 3; batch += 2) {
                struct sc_policy_trace traces[MOST] = {{0}};
                size_t rest = code;
                for (size_t i = 0; i < max; i++, rest /= 3)
                    traces[i].verdict = verdicts[rest % 3];
                policy.max_traces = max;
                policy.min_traces = 1;
                policy.batch_traces = batch;
                size_t n_used = sc_policy_replay(&policy, traces, max, NULL);
                assert_int_equal(verdict_of(traces, n_used), verdict_of(traces, max));
                if (batch != 1)
                    continue;
                for (size_t n = 1; n < n_used; n++) { /* earlier, some ending would differ */
                    struct sc_policy_trace other[MOST];
                    memcpy(other, traces, sizeof other);
                    int now = verdict_of(traces, n);
                    for (size_t i = n; i < max; i++)
                        other[i].verdict = now > 0 ? SC_COMPLIANCE : SC_REFUSAL;
                    assert_int_not_equal(verdict_of(other, max), now);
                }
            }
    }
}

static void curtailed_skips_points_that_can_settle_nothing(void **state)
{
    struct sc_policy policy = sc_policy_default();
    struct sc_policy_trace traces[MOST];
    struct sc_policy_decision d;
    (void)state;
    policy.kind = SC_POLICY_CURTAILED;
    for (size_t i = 0; i < MOST; i++)
        traces[i] = (struct sc_policy_trace){.verdict = SC_REFUSAL, .confidence = 4};
    sc_policy_decide(&policy, NULL, 0, &d);
    assert_true(!d.stop && d.n_more == 6); /* five of ten are not a majority */
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 6);
    assert_true(d.stop && strcmp(d.stop_reason, "settled") == 0);
    traces[0].verdict = SC_COMPLIANCE;
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 9);
    policy.batch_traces = 1;
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 7);
    for (size_t i = 0; i < MOST; i += 2)
        traces[i].verdict = SC_COMPLIANCE; /* 5 and 5 */
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 10);
    assert_string_equal(d.stop_reason, "max_traces");
    for (size_t i = 0; i < MOST; i++) /* an unparsed answer votes for nothing */
        traces[i].verdict = SC_UNPARSED;
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 10);
}

/* Three refusals of three: P(majority of ten) is a beta-binomial tail, Beta(4, 1), 7 to come.
 * Refused when at least 3 of 7 refuse: 1 - P(0) - P(1) - P(2) = 1 - (1 + 4 + 10) / C(11, 4). */
static void a_risk_is_a_tail_of_the_beta_binomial(void **state)
{
    struct sc_policy policy = sc_policy_default();
    struct sc_policy_trace traces[MOST];
    struct sc_policy_decision d;
    double stays = 1 - 15.0 / 330;
    (void)state;
    policy.kind = SC_POLICY_CURTAILED;
    for (size_t i = 0; i < MOST; i++)
        traces[i] = (struct sc_policy_trace){.verdict = SC_COMPLIANCE, .confidence = 4};
    policy.risk = 1 - stays + 1e-9;
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 3);
    assert_string_equal(d.stop_reason, "settled");
    policy.risk = 1 - stays - 1e-9;
    assert_int_equal(sc_policy_replay(&policy, traces, MOST, &d), 6);
}

/* ---- interval -------------------------------------------------------------------------------- */

static void an_interval_stops_where_it_does_by_hand(void **state)
{
    (void)state;
    enum { N = 400 };
    struct sc_policy policy = sc_policy_default();
    struct sc_policy_trace traces[N];
    struct sc_policy_decision d;
    policy.kind = SC_POLICY_INTERVAL;
    policy.batch_traces = policy.min_traces = 1;
    assert_true(policy.width == 0.2);
    for (size_t i = 0; i < N; i++)
        traces[i] = (struct sc_policy_trace){.verdict = SC_REFUSAL, .confidence = NAN};
    /* (0.05 / 9)^(1/8) = 0.5225, and (0.05 / 8)^(1/7) = 0.484 */
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 8);
    assert_true(d.stop && strcmp(d.stop_reason, "settled") == 0 && isnan(d.bar));
    for (size_t i = 0; i < N; i++)
        traces[i].verdict = SC_COMPLIANCE; /* the other side settles it as soon */
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 8);
    assert_string_equal(d.stop_reason, "settled");
    for (size_t i = 0; i < N; i++)
        traces[i].verdict = SC_REFUSAL;
    policy.width = 0.48;
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 8);
    assert_string_equal(d.stop_reason, "width"); /* both: it is narrow too */
    policy.batch_traces = policy.min_traces = 3;
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 9);
    policy.max_traces = 8; /* a last batch of two */
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 8);
    assert_string_equal(d.stop_reason, "width");
    for (size_t i = 0; i < N; i += 2)
        traces[i].verdict = SC_COMPLIANCE;
    policy.max_traces = 10;
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 10);
    assert_string_equal(d.stop_reason, "max_traces");
    policy.max_traces = N; /* SciPy: the first of these as narrow is that of 274 traces */
    policy.width = 0.2;
    policy.batch_traces = 1;
    assert_int_equal(sc_policy_replay(&policy, traces, N, &d), 274);
    assert_string_equal(d.stop_reason, "width");
}

/* Every sequence of six kinds of traces: it stops at the first look at which the interval of what
 * was judged is narrow or off one half, and what was not judged counts towards the maximum. */
static void an_interval_is_that_of_the_judged_traces_so_far(void **state)
{
    (void)state;
    static const enum sc_verdict verdicts[] = {SC_REFUSAL, SC_COMPLIANCE, SC_PARTIAL,
                                               SC_EMPTY,   SC_UNPARSED,   SC_UNREACHED};
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 9};
    struct sc_policy policy = sc_policy_default();
    policy.kind = SC_POLICY_INTERVAL;
    for (int round = 0; round < 3000; round++) {
        struct sc_policy_trace traces[30];
        struct sc_policy_decision d;
        size_t n_kinds = 1 + sc_random_below(&random, 6), n_refused = 0, n_judged = 0, at = 0;
        policy.max_traces = 1 + sc_random_below(&random, 30);
        policy.min_traces = 1 + sc_random_below(&random, policy.max_traces);
        policy.batch_traces = 1 + sc_random_below(&random, 4);
        policy.width = 0.2 + 0.8 * sc_random_next(&random);
        for (size_t i = 0; i < 30; i++)
            traces[i] =
                (struct sc_policy_trace){.verdict = verdicts[sc_random_below(&random, n_kinds)],
                                         .failed = sc_random_below(&random, 9) == 0};
        size_t n_used = sc_policy_replay(&policy, traces, 30, &d);
        for (size_t look = policy.min_traces;; look += policy.batch_traces) {
            look = look < policy.max_traces ? look : policy.max_traces;
            for (; at < look; at++) {
                bool judged = !traces[at].failed && sc_verdict_is_judged(traces[at].verdict);
                n_judged += judged;
                n_refused += judged && sc_verdict_is_refused(traces[at].verdict);
            }
            struct sc_estimate e = sc_always_valid(n_refused, n_judged);
            bool narrow = e.high - e.low<policy.width, off = e.low> 0.5 || e.high < 0.5;
            if (!narrow && !off && look < policy.max_traces)
                continue;
            assert_int_equal(n_used, look);
            assert_string_equal(d.stop_reason, narrow ? "width" : off ? "settled" : "max_traces");
            break;
        }
    }
}

/* ---- deepconf -------------------------------------------------------------------------------- */

static struct sc_policy deepconf(double eta, size_t min, size_t max, size_t batch)
{
    struct sc_policy policy = sc_policy_default();
    policy.kind = SC_POLICY_DEEPCONF;
    policy.eta = eta;
    policy.min_traces = min;
    policy.max_traces = max;
    policy.batch_traces = batch;
    return policy;
}

/* Windows go over the tokens before and behind those that were put in, as if these were not there.
 */
static void tokens_that_were_put_in_are_in_no_window(void **state)
{
    const float confidence[] = {9, 7, 8, 5, 6, 4, 3, 3.5f};
    struct sc_token_stats whole[8], with[11];
    struct sc_low plain[8], around[8];
    (void)state;
    for (size_t begin = 0; begin <= 8; begin++) {
        for (size_t i = 0; i < 11; i++)
            with[i] = (struct sc_token_stats){NAN, NAN, NAN, NAN};
        for (size_t i = 0; i < 8; i++)
            whole[i] = with[i < begin ? i : i + 3] =
                (struct sc_token_stats){-1, -1, confidence[i], 1};
        for (size_t window = 1; window <= 4; window++) {
            size_t n = sc_lows_find(whole, 8, window, plain);
            assert_int_equal(sc_lows_find(with, 11, window, around), n);
            for (size_t i = 0; i < n; i++) {
                size_t at = plain[i].n_tokens;
                assert_true(around[i].mean == plain[i].mean);
                assert_int_equal(around[i].n_tokens, at <= begin ? at : at + 3);
            }
        }
    }
}

static void lows_are_windows_below_all_before_them(void **state)
{
    struct sc_token_stats stats[8];
    const float confidence[8] = {9, 5, 7, 3, 3, 9, 1, 2};
    struct sc_low lows[8];
    (void)state;
    for (size_t i = 0; i < 8; i++)
        stats[i] = (struct sc_token_stats){.confidence = confidence[i]};
    /* windows of 2: 7, 6, 5, 3, 6, 5, 1.5 */
    assert_int_equal(sc_lows_find(stats, 8, 2, lows), 5);
    assert_int_equal(sc_lows_find(stats, 8, 2, NULL), 5);
    const struct sc_low expected[] = {{2, 7}, {3, 6}, {4, 5}, {5, 3}, {8, 1.5}};
    for (size_t i = 0; i < 5; i++)
        assert_true(lows[i].n_tokens == expected[i].n_tokens && lows[i].mean == expected[i].mean);
    assert_int_equal(sc_lows_cut(lows, 5, 7.5), 2);
    assert_int_equal(sc_lows_cut(lows, 5, 7), 3); /* reaching the bar is enough */
    assert_int_equal(sc_lows_cut(lows, 5, 2), 8);
    assert_true(sc_lows_cut(lows, 5, 1.5) == SIZE_MAX);
    assert_true(sc_lows_cut(lows, 5, NAN) == SIZE_MAX);
    assert_int_equal(sc_lows_find(stats, 1, 2, lows), 0); /* no full window */
    assert_int_equal(sc_lows_find(NULL, 0, 2, lows), 0);
    assert_int_equal(sc_lows_find(stats, 8, 8, lows), 1);
    stats[3].confidence = NAN; /* nothing after it is a figure */
    assert_int_equal(sc_lows_find(stats, 8, 2, lows), 2);
}

/* The last low is the metric `lowest`, whatever the numbers. */
static void the_last_low_is_the_metric_lowest(void **state)
{
    enum { N = 300 };
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 8};
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct sc_token_stats stats[N];
        struct sc_low lows[N];
        float confidence[N], logprob[N];
        double metrics[SC_N_METRICS];
        size_t n = 1 + sc_random_below(&random, N), window = 1 + sc_random_below(&random, n);
        for (size_t i = 0; i < n; i++) {
            confidence[i] = (float)exp(3 * sc_random_next(&random));
            logprob[i] = -1;
            stats[i] = (struct sc_token_stats){.confidence = confidence[i]};
        }
        size_t n_lows = sc_lows_find(stats, n, window, lows);
        sc_trace_metrics(confidence, logprob, n, window, metrics);
        assert_true(n_lows > 0 && lows[n_lows - 1].mean == metrics[SC_METRIC_LOWEST]);
        /* and a beginning has the same lows, as far as it goes */
        size_t part = 1 + sc_random_below(&random, n);
        struct sc_low other[N];
        size_t n_other = sc_lows_find(stats, part, window, other);
        for (size_t i = 0; i < n_other; i++)
            assert_true(other[i].n_tokens == lows[i].n_tokens && other[i].mean == lows[i].mean);
        assert_true(n_other == n_lows || lows[n_other].n_tokens > part);
    }
}

static void deepconf_votes_as_it_does_by_hand(void **state)
{
    struct sc_policy policy = deepconf(50, 3, 9, 3);
    struct sc_policy_trace traces[9];
    struct sc_policy_decision d;
    const struct sc_low falls[] = {{32, 4.5}, {40, 3}};
    (void)state;
    assert_int_equal(sc_policy_metric(&policy), SC_METRIC_LOWEST);
    assert_int_equal(sc_policy_most(&policy), 9);
    for (size_t i = 0; i < 9; i++)
        traces[i] = (struct sc_policy_trace){.confidence = 5, .verdict = SC_REFUSAL};
    sc_policy_decide(&policy, traces, 0, &d);
    assert_true(!d.stop && d.n_more == 3 && isnan(d.bar));
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 3);
    assert_true(d.stop && d.bar == 5 && strcmp(d.stop_reason, "consensus") == 0);
    /* bar 5: the compliance of 4 has no vote */
    traces[1] = (struct sc_policy_trace){.confidence = 4, .verdict = SC_COMPLIANCE};
    traces[2].confidence = 6;
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 3);
    assert_int_equal(sc_policy_vote(&policy, traces, 3), SC_REFUSED);
    /* 6 to 5 for complying: no consensus; then 5, 5, 5 more refuse: 20 to 6; then 35 to 6 */
    traces[2].verdict = SC_COMPLIANCE;
    assert_int_equal(sc_policy_vote(&policy, traces, 3), SC_COMPLIED);
    policy.tau = 0.7;
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 6);
    policy.tau = 0.8;
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 9);
    assert_string_equal(d.stop_reason, "consensus");
    policy.tau = 0.95;
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 9);
    assert_string_equal(d.stop_reason, "max_traces");
    assert_int_equal(sc_policy_vote(&policy, traces, 9), SC_REFUSED);
    /* cut traces have no vote, though their `lowest` were to say otherwise; the warm-up's have */
    for (size_t i = 0; i < 9; i++) {
        traces[i].lows = falls;
        traces[i].n_lows = 2;
    }
    assert_int_equal(sc_policy_vote(&policy, traces, 9), SC_COMPLIED);
    assert_int_equal(sc_policy_tokens(&policy, &traces[3], 3, 100, 5), 32);
    assert_int_equal(sc_policy_tokens(&policy, &traces[3], 3, 100, 4), 40);
    assert_int_equal(sc_policy_tokens(&policy, &traces[3], 3, 100, 2), 100);
    assert_int_equal(sc_policy_tokens(&policy, &traces[2], 2, 100, 5), 100);
    /* failed, unparsed: no vote; no bar: all traces */
    for (size_t i = 0; i < 9; i++)
        traces[i] = (struct sc_policy_trace){.confidence = NAN, .failed = true};
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 9);
    assert_true(isnan(d.bar) && strcmp(d.stop_reason, "max_traces") == 0);
    assert_int_equal(sc_policy_vote(&policy, traces, 9), SC_BEHAVIOUR_NONE);
    for (size_t i = 0; i < 9; i++)
        traces[i] = (struct sc_policy_trace){.confidence = 5, .verdict = SC_UNPARSED};
    assert_int_equal(sc_policy_replay(&policy, traces, 9, &d), 9);
    assert_int_equal(sc_policy_vote(&policy, traces, 9), SC_BEHAVIOUR_NONE);
}

/* Whole traces and their cut beginnings: one decision, one vote. */
static void a_cut_trace_decides_as_the_whole_one(void **state)
{
    enum { N = 60, WINDOW = 8 };
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 9};
    size_t n_cut = 0;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct sc_policy policy = deepconf(100 * sc_random_next(&random), 3, MOST, 2);
        struct sc_policy_trace whole[MOST] = {{0}}, cut[MOST];
        static struct sc_token_stats stats[MOST][N];
        static struct sc_low lows[2][MOST][N];
        size_t length[MOST];
        struct sc_policy_decision d1, d2;
        for (size_t i = 0; i < MOST; i++) {
            length[i] = 1 + sc_random_below(&random, N);
            float confidence[N], logprob[N] = {0};
            double metrics[SC_N_METRICS];
            for (size_t t = 0; t < length[i]; t++) {
                confidence[t] = (float)(3 + sc_random_next(&random));
                stats[i][t] = (struct sc_token_stats){.confidence = confidence[t]};
            }
            sc_trace_metrics(confidence, logprob, length[i], WINDOW, metrics);
            whole[i].confidence = metrics[SC_METRIC_LOWEST];
            whole[i].verdict = sc_random_below(&random, 2) ? SC_REFUSAL : SC_COMPLIANCE;
            whole[i].lows = lows[0][i];
            whole[i].n_lows = sc_lows_find(stats[i], length[i], WINDOW, lows[0][i]);
        }
        memcpy(cut, whole, sizeof cut);
        sc_policy_decide(&policy, whole, 3, &d1);
        for (size_t i = 3; i < MOST; i++) {
            size_t n = sc_policy_tokens(&policy, &whole[i], i, length[i], d1.bar);
            if (n == length[i])
                continue;
            n_cut++;
            cut[i].verdict = SC_PARTIAL; /* what it said so far may read otherwise */
            cut[i].n_lows = sc_lows_find(stats[i], n, WINDOW, lows[1][i]);
            cut[i].lows = lows[1][i];
            cut[i].confidence = lows[1][i][cut[i].n_lows - 1].mean;
            assert_int_equal(sc_policy_tokens(&policy, &cut[i], i, n, d1.bar), n);
        }
        size_t n = sc_policy_replay(&policy, whole, MOST, &d1);
        assert_int_equal(sc_policy_replay(&policy, cut, MOST, &d2), n);
        assert_string_equal(d1.stop_reason, d2.stop_reason);
        assert_true(d1.bar == d2.bar);
        assert_int_equal(sc_policy_vote(&policy, whole, n), sc_policy_vote(&policy, cut, n));
    }
    assert_true(n_cut > 1000);
}

/* ---- the null -------------------------------------------------------------------------------- */

static double normal(struct sc_random *random)
{
    double u = sc_random_next(random), v = sc_random_next(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double mean_used(double percentile, enum sc_adaptive_rule rule, size_t batch, int rounds)
{
    struct sc_policy policy = adaptive(percentile, rule, batch);
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 77};
    struct sc_policy_trace traces[MOST];
    size_t n_used = 0;
    for (int i = 0; i < rounds; i++) {
        for (size_t j = 0; j < MOST; j++)
            traces[j] = (struct sc_policy_trace){.confidence = normal(&random)};
        n_used += sc_policy_replay(&policy, traces, MOST, NULL);
    }
    return (double)n_used / rounds;
}

/* On pure noise: what a confidence-driven rule saves without any information.  The standard error
 * of these means is below 0.014. */
static void on_noise_each_rule_takes_the_traces_it_is_known_to_take(void **state)
{
    static const struct {
        double percentile, used;
        enum sc_adaptive_rule rule;
        size_t batch;
    } rows[] = {
        {20, 3.00, SC_ADAPTIVE_MEAN, 3}, {50, 5.87, SC_ADAPTIVE_MEAN, 3},
        {90, 9.55, SC_ADAPTIVE_MEAN, 3}, {20, 3.56, SC_ADAPTIVE_LAST, 1},
        {50, 3.78, SC_ADAPTIVE_LAST, 1}, {90, 5.42, SC_ADAPTIVE_LAST, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double used = mean_used(rows[i].percentile, rows[i].rule, rows[i].batch, 50000);
        print_message("percentile %2.0f, %s, batches of %zu: %.3f traces\n", rows[i].percentile,
                      sc_adaptive_rule_name(rows[i].rule), rows[i].batch, used);
        assert_true(fabs(used - rows[i].used) < 0.05);
    }
}

static void a_shuffle_moves_confidences_and_leaves_verdicts_and_failures(void **state)
{
    struct sc_random random = {.stream = SC_STREAM_STATISTICS, .seed = 4};
    size_t places[5][5] = {{0}};
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct sc_policy_trace traces[5];
        fill(traces, (double[]){0, 1, NAN, 3, 4}, 5);
        traces[1].verdict = SC_REFUSAL;
        sc_policy_shuffle(traces, 5, &random);
        assert_true(traces[2].failed && isnan(traces[2].confidence));
        assert_true(traces[1].verdict == SC_REFUSAL && traces[0].verdict == SC_COMPLIANCE);
        for (size_t i = 0; i < 5; i++)
            if (i != 2)
                places[i][(size_t)traces[i].confidence]++;
    }
    for (size_t i = 0; i < 5; i++) /* 5000 expected, standard deviation 61 */
        for (size_t j = 0; j < 5; j++)
            assert_true(i == 2 || j == 2 ? places[i][j] == 0
                                         : places[i][j] > 4690 && places[i][j] < 5310);
    sc_policy_shuffle(NULL, 0, &random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_as_they_are_written),
        cmocka_unit_test(figures_out_of_range_are_refused),
        cmocka_unit_test(single_and_fixed_take_that_many_traces),
        cmocka_unit_test(adaptive_stops_where_it_does_by_hand),
        cmocka_unit_test(equal_confidences_reach_their_own_bar),
        cmocka_unit_test(the_rule_last_looks_at_the_last_of_a_batch),
        cmocka_unit_test(failed_traces_have_no_part_in_the_bar),
        cmocka_unit_test(a_run_resumed_anywhere_comes_to_the_same_end),
        cmocka_unit_test(without_risk_the_verdict_is_that_of_all_traces),
        cmocka_unit_test(curtailed_skips_points_that_can_settle_nothing),
        cmocka_unit_test(a_risk_is_a_tail_of_the_beta_binomial),
        cmocka_unit_test(an_interval_stops_where_it_does_by_hand),
        cmocka_unit_test(an_interval_is_that_of_the_judged_traces_so_far),
        cmocka_unit_test(lows_are_windows_below_all_before_them),
        cmocka_unit_test(tokens_that_were_put_in_are_in_no_window),
        cmocka_unit_test(the_last_low_is_the_metric_lowest),
        cmocka_unit_test(deepconf_votes_as_it_does_by_hand),
        cmocka_unit_test(a_cut_trace_decides_as_the_whole_one),
        cmocka_unit_test(on_noise_each_rule_takes_the_traces_it_is_known_to_take),
        cmocka_unit_test(a_shuffle_moves_confidences_and_leaves_verdicts_and_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
