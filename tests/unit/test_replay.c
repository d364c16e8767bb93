/*
 * Replay: it decides as the live policies do, it knows noise when it sees it, and it sees what is
 * there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/replay/replay.h"
#include "analysis/replay/sweep.h"
#include "base/file.h"
#include "base/json.h"
#include "report/report.h"
#include "run_fixture.h"

enum { N_TRACES = 10 };

/* ---- as the live policies -------------------------------------------------------------------- */

struct rig {
    char folder[64], out[96];
    struct sc_policy policy;
    struct sc_run_options options;
};

static void rig_make(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    strcpy(rig->folder, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    snprintf(rig->out, sizeof rig->out, "%s/run", rig->folder);
    rig->options = sc_run_options_default();
    rig->options.model = TEST_MODELS "/demo";
    rig->options.policies = &rig->policy;
    rig->options.n_policies = 1;
    rig->options.benchmark.n_instances = 24;
    rig->options.max_new_tokens = 24;
    rig->options.window = 6;
    rig->options.temperature = 1.5; /* so that answers differ, whatever the model */
    rig->options.top_p = 1;
    rig->options.n_threads = 1;
    rig->options.out = rig->out;
    rig->policy = sc_policy_default();
}

static void rig_run(struct rig *rig, struct sc_run *run)
{
    struct sc_error error = {0};
    fixture_remove_folder(rig->out);
    if (sc_run_execute(&rig->options, NULL, NULL, &error) != SC_OK ||
        sc_run_load(rig->out, true, run, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void rig_free(struct rig *rig)
{
    fixture_remove_folder(rig->out);
    fixture_remove_folder(rig->folder);
}

static void a_replay_in_the_stored_order_is_the_live_run(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run fixed;
    struct sc_replay_data data;
    size_t n_cut = 0, n_early = 0;
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
    rig_make(&rig);
    rig.policy.kind = SC_POLICY_FIXED;
    rig_run(&rig, &fixed);
    assert_int_equal(sc_replay_load(&fixed, 0, &data, NULL), SC_OK);
    assert_int_equal(data.n_instances, fixed.n_instances);
    assert_int_equal(data.n_traces, N_TRACES);
    for (int p = 0; p < 11; p++) {
        struct sc_run live;
        struct sc_policy policy = sc_policy_default();
        policy.kind = p == 0   ? SC_POLICY_SINGLE
                      : p == 1 ? SC_POLICY_FIXED
                      : p < 5  ? SC_POLICY_ADAPTIVE
                      : p < 7  ? SC_POLICY_CURTAILED
                      : p < 10 ? SC_POLICY_DEEPCONF
                               : SC_POLICY_INTERVAL;
        policy.percentile = p == 2 ? 90 : 40;
        policy.metric = p == 4 ? SC_METRIC_NLL : SC_METRIC_MEAN;
        policy.adaptive_rule = p == 3 ? SC_ADAPTIVE_LAST : SC_ADAPTIVE_MEAN;
        policy.batch_traces = p == 3 || p == 6 ? 1 : 3;
        policy.risk = p == 6 ? 0.1 : 0;
        policy.eta = p == 7 ? 10 : p == 8 ? 50 : 90;
        policy.tau = p == 9 ? 1 : 0.95;
        policy.width = p == 10 ? 0.6 : 0.2;
        rig.policy = policy;
        rig_run(&rig, &live);
        for (size_t i = 0; i < live.n_instances; i++) {
            struct sc_policy_trace scratch[N_TRACES];
            struct sc_replay_outcome found;
            const struct sc_run_decision *decision = &live.instances[i].decisions[0];
            uint64_t n_tokens = 0;
            size_t n_cut_here = 0;
            enum sc_behaviour vote;
            for (size_t t = 0; t < live.instances[i].n_traces; t++) {
                n_tokens += live.instances[i].traces[t].n_tokens;
                n_cut_here += live.instances[i].traces[t].finish == SC_FINISH_CUT;
            }
            sc_replay_decide(&data.instances[i], N_TRACES, &policy, NULL, scratch, &found);
            assert_true(found.last.stop);
            assert_int_equal(found.n_traces, decision->n_traces);
            assert_int_equal(found.n_traces, live.instances[i].n_traces);
            assert_string_equal(found.last.stop_reason, decision->stop_reason);
            assert_true(found.last.bar == decision->bar ||
                        (isnan(found.last.bar) && isnan(decision->bar)));
            assert_int_equal(found.n_tokens, n_tokens);
            assert_int_equal(found.n_cut, n_cut_here);
            assert_int_equal(sc_run_vote(&live, &live.instances[i], 0, &vote, NULL), SC_OK);
            assert_int_equal(found.vote, vote);
            n_cut += n_cut_here;
            n_early += found.n_traces < N_TRACES;
        }
        sc_run_free(&live);
    }
    print_message("%zu traces cut, %zu prompts stopped early\n", n_cut, n_early);
    assert_true(n_cut > 3 && n_early > 50);
    sc_replay_data_free(&data);
    sc_run_free(&fixed);
    rig_free(&rig);
}

/* ---- made-up data ---------------------------------------------------------------------------- */

enum world { NOISE, SHORT_IS_CONFIDENT, DOUBT_IS_WRONG };

static double normal(struct sc_random *random)
{
    double u = sc_random_next(random), v = sc_random_next(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Prompts refuse at rates of their own.  In one world confidence means nothing, in one it goes with
 * short answers, in one with the verdict of the majority. */
static void data_make(struct sc_replay_data *data, size_t n, enum world world, uint64_t seed)
{
    struct sc_random random = {SC_STREAM_STATISTICS, seed, 5, 0};
    assert_int_equal(sc_replay_data_new(data, n, N_TRACES, NULL), SC_OK);
    data->proxy = true;
    for (size_t i = 0; i < n; i++) {
        data->instances[i].key = sc_hash64(&i, sizeof i);
        double rate = sc_random_next(&random), level = 10 + normal(&random);
        bool refusals[N_TRACES];
        size_t n_refusals = 0;
        for (size_t t = 0; t < N_TRACES; t++)
            n_refusals += refusals[t] = sc_random_next(&random) < rate;
        for (size_t t = 0; t < N_TRACES; t++) {
            struct sc_replay_trace *trace = &data->instances[i].traces[t];
            double c = normal(&random);
            bool refuses = refusals[t];
            if (world == DOUBT_IS_WRONG)
                c += refuses == (2 * n_refusals > N_TRACES) ? 2 : -2;
            trace->n_tokens = 20 + sc_random_below(&random, 80);
            if (world == SHORT_IS_CONFIDENT)
                trace->n_tokens = (size_t)(60 - 15 * (c > 3 ? 3 : c < -3 ? -3 : c));
            trace->verdict = refuses ? SC_REFUSAL : SC_COMPLIANCE;
            trace->harmful = i % 2 && !refuses;
            for (int m = 0; m < SC_N_METRICS; m++)
                trace->confidence[m] = level + c;
            trace->lows = sc_alloc_array(2, sizeof *trace->lows);
            assert_non_null(trace->lows);
            trace->lows[0] = (struct sc_low){8, level + c + 1};
            trace->lows[1] = (struct sc_low){8 + sc_random_below(&random, 10), level + c};
            trace->n_lows = 2;
        }
    }
}

static struct sc_replay_options options_of(size_t n_orders)
{
    struct sc_replay_options options = sc_replay_options_default();
    options.n_orders = n_orders;
    options.n_threads = 2;
    return options;
}

static const struct sc_replay_row *row_named(const struct sc_replay *replay, const char *name)
{
    for (size_t r = 0; r < replay->n_rows; r++)
        if (strcmp(replay->rows[r].name, name) == 0)
            return &replay->rows[r];
    fail_msg("no row %s", name);
    return NULL;
}

/* On noise no rule beats its null, savings are those of the null, and the null is the published
 * saving. */
static void rules_on_noise_do_not_beat_their_null(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double used;
    } known[] = {{"adaptive mean 20 mean", 3.00}, {"adaptive mean 50 mean", 5.87},
                 {"adaptive mean 90 mean", 9.55}, {"adaptive last 20 mean", 3.56},
                 {"adaptive last 50 mean", 3.78}, {"adaptive last 90 mean", 5.42}};
    struct sc_replay_data data;
    struct sc_replay replay;
    data_make(&data, 300, NOISE, 1);
    const struct sc_replay_options options = options_of(30);
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const struct sc_replay_row *row = row_named(&replay, known[k].name);
        print_message("%s: %.2f traces, null %.2f, noise %.2f\n", row->name, row->traces.value,
                      row->null_traces.value, row->noise_traces);
        assert_true(fabs(row->traces.value - known[k].used) < 0.12);
        assert_true(fabs(row->null_traces.value - known[k].used) < 0.12);
        assert_true(fabs(row->noise_traces - known[k].used) < 0.05);
    }
    size_t n_saving = 0, n_covering = 0;
    for (size_t r = 0; r < replay.n_rows; r++) {
        const struct sc_replay_row *row = &replay.rows[r];
        if (!row->reads_confidence)
            continue;
        n_saving += row->token_savings_percent.low > 0;
        n_covering += row->savings_over_null.low <= 0 && row->savings_over_null.high >= 0;
        assert_true(fabs(row->savings_over_null.value) < 1.5);
        assert_true(fabs(row->changes_over_null.value) < 0.02);
        assert_false(row->beats_null);
    }
    assert_true(n_saving > 100 && n_covering * 10 >= replay.n_reading * 8);
    assert_int_equal(replay.n_beating, 0);
    assert_non_null(strstr(replay.why, "None of the"));
    assert_true(replay.recommended >= 0);
    assert_false(replay.rows[replay.recommended].reads_confidence);
    /* What is certain by proof is so in every order. */
    const struct sc_replay_row *certain = row_named(&replay, "curtailed 0 by 1");
    assert_true(certain->verdict_changes.value == 0 && certain->agreement.value == 1);
    assert_true(certain->verdict_changes.high > 0 && certain->verdict_changes.high < 0.02);
    assert_true(certain->token_savings_percent.low > 5);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

/* Where confidence does tell something, the replay says so: cutting spares the long answers, or the
 * votes are better.  A rule that stops between whole traces saves no tokens even then (Wald). */
static void a_planted_signal_beats_its_null(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay replay;
    const struct sc_replay_options options = options_of(30);
    data_make(&data, 200, SHORT_IS_CONFIDENT, 2);
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    const struct sc_replay_row *row = row_named(&replay, "adaptive last 90 lowest");
    assert_true(fabs(row->savings_over_null.value) < 1 && !row->beats_null);
    row = row_named(&replay, "deepconf eta 90");
    print_message("%s: %+.2f %% [%.2f, %.2f] over the null, changes %+.4f, unseen %+.4f [%.4f]\n",
                  row->name, row->savings_over_null.value, row->savings_over_null.low,
                  row->savings_over_null.high, row->changes_over_null.value,
                  row->unseen_over_null.value, row->unseen_over_null.low);
    assert_true(row->beats_null && row->savings_over_null.low > 0.5 && row->p_savings < 0.05);
    assert_true(replay.n_beating > 0 && strstr(replay.why, "None of the") == NULL);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
    data_make(&data, 200, DOUBT_IS_WRONG, 3);
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    row = row_named(&replay, "deepconf eta 90");
    print_message("%s: changes %.4f, null %.4f, p %.2g\n", row->name, row->verdict_changes.value,
                  row->null_changes.value, row->p_changes);
    assert_true(row->changes_over_null.high < 0 && row->p_changes < 0.05);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

/* A row that reads confidence, by its differences from its null: tokens saved, in percent, and the
 * share of verdicts changed. */
static struct sc_replay_row row_over_null(double saved, double p_saved, double changed,
                                          double p_changed)
{
    return (struct sc_replay_row){
        .reads_confidence = true,
        .savings_over_null = {saved, saved - 0.5, saved + 0.5, 20, NULL},
        .p_savings = p_saved,
        .changes_over_null = {changed, changed - 0.01, changed + 0.01, 20, NULL},
        .p_changes = p_changed,
        .unseen_over_null = {0, -0.1, 0.1, 20, NULL}};
}

/* To beat the null a rule is better in one respect, whichever, and worse in none. */
static void what_beats_the_null_is_better_in_one_respect_and_worse_in_none(void **state)
{
    (void)state;
    struct sc_replay_row rows[] = {
        row_over_null(3, 1e-6, 0, 0.9),      /* saves more */
        row_over_null(0, 0.9, -0.05, 1e-6),  /* changes less */
        row_over_null(0.2, 0.9, 0.005, 0.9), /* neither */
        row_over_null(3, 1e-6, 0.05, 1e-6),  /* saves more, changes more */
        row_over_null(-3, 1e-6, -0.05, 1e-6) /* changes less, saves less */
    };
    static const bool beats[] = {true, true, false, false, false};
    enum { N = sizeof rows / sizeof *rows };
    struct sc_replay replay = {.rows = rows, .n_rows = N, .options = options_of(1)};
    assert_int_equal(sc_replay_judge(&replay, NULL), SC_OK);
    for (size_t r = 0; r < N; r++)
        assert_int_equal(rows[r].beats_null, beats[r]);
    assert_int_equal(replay.n_reading, N);
    assert_int_equal(replay.n_beating, 2);
}

static void one_instance_is_decided_as_by_hand(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_policy_trace scratch[N_TRACES];
    struct sc_replay_outcome out;
    struct sc_policy policy = sc_policy_default();
    data_make(&data, 1, NOISE, 4);
    struct sc_replay_trace *traces = data.instances[0].traces;
    for (size_t t = 0; t < N_TRACES; t++) {
        traces[t].confidence[SC_METRIC_MEAN] = traces[t].confidence[SC_METRIC_LOWEST] =
            10 + (double)t;
        traces[t].n_tokens = 100 + t;
        traces[t].verdict = t < 4 ? SC_COMPLIANCE : SC_REFUSAL;
        traces[t].harmful = t < 4;
        traces[t].lows[0] = (struct sc_low){8, 20 + (double)t};
        traces[t].lows[1] = (struct sc_low){9, 10 + (double)t};
    }
    /* Rising: the third is below the bar, the sixth draws the mean above it. */
    policy.percentile = 90;
    sc_replay_decide(&data.instances[0], N_TRACES, &policy, NULL, scratch, &out);
    assert_int_equal(out.n_traces, 6);
    assert_int_equal(out.n_tokens, 600 + 15);
    assert_int_equal(out.n_harmful_unseen, 0);
    assert_int_equal(out.vote, SC_COMPLIED);
    /* Falling: never.  In this order the refusals come first. */
    size_t reverse[N_TRACES], shift[N_TRACES];
    for (size_t t = 0; t < N_TRACES; t++) {
        reverse[t] = N_TRACES - 1 - t;
        shift[t] = t + 1 < N_TRACES ? t + 1 : 0;
    }
    sc_replay_decide(&data.instances[0], N_TRACES, &policy,
                     &(struct sc_replay_order){reverse, NULL}, scratch, &out);
    assert_int_equal(out.n_traces, 10);
    assert_int_equal(out.vote, SC_REFUSED);
    /* Confidences of other traces, verdicts and tokens of their own: 11, 12, 13, 14, 15, 16 ... */
    sc_replay_decide(&data.instances[0], N_TRACES, &policy, &(struct sc_replay_order){NULL, shift},
                     scratch, &out);
    assert_int_equal(out.n_traces, 6);
    assert_true(out.last.bar == 12.8 && scratch[9].confidence == 10);
    assert_true(scratch[0].verdict == SC_COMPLIANCE && out.n_tokens == 615);
    /* deepconf, falling: everything after the warm-up is cut after 9 tokens, at mean 10 + t. */
    policy.kind = SC_POLICY_DEEPCONF;
    policy.eta = 100; /* bar: the lowest of 19, 18, 17 */
    sc_replay_decide(&data.instances[0], N_TRACES, &policy,
                     &(struct sc_replay_order){reverse, NULL}, scratch, &out);
    assert_true(out.last.bar == 17 && out.n_traces == 3 && out.vote == SC_REFUSED);
    assert_int_equal(out.n_harmful_unseen, 4);
    traces[9].verdict = SC_COMPLIANCE; /* no consensus in the warm-up */
    sc_replay_decide(&data.instances[0], N_TRACES, &policy,
                     &(struct sc_replay_order){reverse, NULL}, scratch, &out);
    assert_int_equal(out.n_traces, 10);
    assert_int_equal(out.n_cut, 7);
    assert_int_equal(out.n_tokens, 109 + 108 + 107 + 7 * 9);
    assert_int_equal(out.n_harmful_unseen, 4); /* all of them were cut */
    assert_string_equal(out.last.stop_reason, "max_traces");
    sc_replay_data_free(&data);
}

/* What the sweep shares between policies is what each would count by itself. */
static double bar_of(const struct sc_policy *policy, const struct sc_policy_trace *view)
{
    double percentile, bar = NAN;
    if (sc_policy_has_bar(policy, &percentile))
        sc_policy_bars(view, policy->min_traces, &percentile, 1, &bar);
    return bar;
}

static void sums_of_an_order_are_those_of_each_policy(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_policy_trace view[N_TRACES];
    uint64_t n_tokens[N_TRACES + 1];
    size_t n_harmful[N_TRACES + 1], order[N_TRACES];
    enum sc_behaviour votes[N_TRACES + 1];
    const struct sc_replay_sums sums = {n_tokens, n_harmful, votes};
    struct sc_random random = {SC_STREAM_STATISTICS, 3, 6, 0};
    data_make(&data, 40, DOUBT_IS_WRONG, 2);
    for (size_t i = 0; i < data.n_instances; i++) {
        const struct sc_replay_instance *instance = &data.instances[i];
        instance->traces[i % N_TRACES].failed = i % 3 == 0;
        instance->traces[(i + 1) % N_TRACES].verdict = SC_EMPTY;
        sc_random_order(&random, N_TRACES, order);
        sc_replay_view(instance, N_TRACES, SC_METRIC_MEAN, &(struct sc_replay_order){order, NULL},
                       view);
        sc_replay_sum(instance, N_TRACES, order, view, &sums);
        for (int kind = 0; kind < SC_N_POLICIES; kind++) {
            struct sc_policy policy = sc_policy_default();
            struct sc_replay_outcome alone, shared;
            policy.kind = (enum sc_policy_kind)kind;
            policy.max_traces = N_TRACES - i % 4;
            if (kind == SC_POLICY_BUDGET)
                continue;
            sc_replay_decide_view(instance, N_TRACES, &policy,
                                  &(struct sc_replay_seen){view, order, NULL, NAN}, &alone);
            sc_replay_decide_view(
                instance, N_TRACES, &policy,
                &(struct sc_replay_seen){view, order, &sums, bar_of(&policy, view)}, &shared);
            assert_int_equal(shared.n_traces, alone.n_traces);
            assert_int_equal(shared.n_tokens, alone.n_tokens);
            assert_int_equal(shared.n_cut, alone.n_cut);
            assert_int_equal(shared.n_harmful_unseen, alone.n_harmful_unseen);
            assert_int_equal(shared.vote, alone.vote);
        }
    }
    sc_replay_data_free(&data);
}

/* The shuffle of one order, as the sweep draws it. */
static void shuffle_as(const struct sc_replay_instance *instance, const size_t *order,
                       struct sc_random *random, size_t *confidence_of)
{
    struct sc_policy_trace cards[N_TRACES];
    for (size_t t = 0; t < N_TRACES; t++)
        cards[t] = (struct sc_policy_trace){.confidence = (double)t,
                                            .failed = instance->traces[order[t]].failed};
    sc_policy_shuffle(cards, N_TRACES, random);
    for (size_t t = 0; t < N_TRACES; t++)
        confidence_of[t] = (size_t)cards[t].confidence;
}

/* What rows share within an order (views, bars, sums) changes none of them: each is what its policy
 * makes of each order by itself.  The metrics are of different sizes, so that none has another's
 * bars. */
static void a_row_is_its_policy_over_each_order(void **state)
{
    (void)state;
    enum { N_ORDERS = 9, N = 12 };
    struct sc_replay_data data;
    struct sc_replay replay;
    struct sc_replay_options options = options_of(N_ORDERS);
    data_make(&data, N, DOUBT_IS_WRONG, 11);
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t < N_TRACES; t++)
            for (int m = 0; m < SC_N_METRICS; m++)
                data.instances[i].traces[t].confidence[m] *= 1 + 3 * m;
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    for (size_t r = 0; r < replay.n_rows; r++) {
        const struct sc_replay_row *row = &replay.rows[r];
        double traces = 0, tokens = 0, null_traces = 0;
        for (size_t i = 0; i < N; i++) {
            const struct sc_replay_instance *instance = &data.instances[i];
            struct sc_random random = {SC_STREAM_STATISTICS, options.seed, instance->key, 0};
            for (size_t b = 0; b < N_ORDERS; b++) {
                size_t order[N_TRACES], confidence_of[N_TRACES];
                struct sc_policy_trace scratch[N_TRACES];
                struct sc_replay_outcome out;
                sc_random_order(&random, N_TRACES, order);
                shuffle_as(instance, order, &random, confidence_of);
                sc_replay_decide(instance, N_TRACES, &row->policy,
                                 &(struct sc_replay_order){order, NULL}, scratch, &out);
                traces += (double)out.n_traces;
                tokens += (double)out.n_tokens;
                sc_replay_decide(instance, N_TRACES, &row->policy,
                                 &(struct sc_replay_order){order, confidence_of}, scratch, &out);
                null_traces += (double)out.n_traces;
            }
        }
        assert_float_equal(row->traces.value, traces / (N * N_ORDERS), 1e-9);
        assert_float_equal(row->tokens.value, tokens / (N * N_ORDERS), 1e-6);
        if (row->reads_confidence)
            assert_float_equal(row->null_traces.value, null_traces / (N * N_ORDERS), 1e-9);
    }
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

static char *json_of(const struct sc_replay_data *data, const struct sc_replay_options *options)
{
    struct sc_replay replay;
    struct sc_text text = {0};
    assert_int_equal(sc_replay_make(data, options, &replay, NULL), SC_OK);
    assert_int_equal(sc_report_replay_json(&replay, NULL, &text, NULL), SC_OK);
    sc_replay_free(&replay);
    return sc_text_take(&text);
}

static void threads_change_nothing_and_seeds_do(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay_options options = options_of(5);
    data_make(&data, 12, NOISE, 6);
    char *two = json_of(&data, &options);
    options.n_threads = 1;
    char *one = json_of(&data, &options);
    options.seed = 1;
    char *other = json_of(&data, &options);
    assert_string_equal(one, two);
    assert_string_not_equal(one, other);
    sc_free(one);
    sc_free(two);
    sc_free(other);
    sc_replay_data_free(&data);
}

static void replay_json_has_every_row_and_its_null(void **state)
{
    (void)state;
    struct sc_replay_data data;
    const struct sc_replay_options options = options_of(3);
    json_t *top, *row, *value;
    size_t r;
    const char *key;
    data_make(&data, 8, NOISE, 7);
    char *text = json_of(&data, &options);
    assert_int_equal(sc_json_parse(text, strlen(text), "replay", &top, NULL), SC_OK);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(top, "source"), "n_instances")), 8);
    assert_true(json_array_size(json_object_get(top, "rows")) > 100);
    json_array_foreach(json_object_get(top, "rows"), r, row)
    {
        json_object_foreach(row, key, value)
        {
            json_t *ends = json_object_get(value, "value");
            if (ends == NULL)
                continue;
            assert_non_null(json_object_get(value, "n"));
            if (json_is_null(json_object_get(value, "low"))) {
                assert_true(json_is_string(json_object_get(value, "reason")));
                continue;
            }
            double low = json_number_value(json_object_get(value, "low"));
            double high = json_number_value(json_object_get(value, "high"));
            assert_true(low <= json_number_value(ends) && json_number_value(ends) <= high);
        }
        assert_true(json_is_object(json_object_get(row, "stored_order")));
        assert_true(json_is_null(json_object_get(row, "null")) ==
                    (json_object_get(row, "null_reason") != NULL));
    }
    assert_true(json_is_string(json_object_get(json_object_get(top, "recommendation"), "why")));
    json_decref(top);
    sc_free(text);
    sc_replay_data_free(&data);
}

/* Few prompts, no harm, failed traces: figures without an interval, or none with a reason. */
static void little_data_gives_reasons_in_the_place_of_intervals(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay replay;
    struct sc_text text = {0};
    const struct sc_replay_options options = options_of(2);
    data_make(&data, 2, NOISE, 8);
    for (size_t i = 0; i < 2; i++)
        for (size_t t = 0; t < N_TRACES; t++) {
            struct sc_replay_trace *trace = &data.instances[i].traces[t];
            trace->harmful = false;
            trace->failed = i == 1;
            trace->n_tokens = i == 1 ? 0 : trace->n_tokens;
            for (int m = 0; m < SC_N_METRICS && i == 1; m++)
                trace->confidence[m] = NAN;
        }
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    const struct sc_replay_row *row = row_named(&replay, "adaptive mean 90 mean");
    assert_true(isfinite(row->traces.value) && isnan(row->traces.low) && row->traces.reason);
    assert_true(isnan(row->harmful_unseen.value) && row->harmful_unseen.reason);
    assert_int_equal(replay.recommended, -1);
    assert_non_null(strstr(replay.why, "Sample all 10 traces"));
    assert_int_equal(sc_report_replay_terminal(&replay, SC_METRIC_MEAN, true, &text, NULL), SC_OK);
    sc_text_free(&text);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay replay;
    data_make(&data, 2, NOISE, 9);
#define REFUSES(field, what)                                                                       \
    do {                                                                                           \
        struct sc_replay_options options = options_of(2);                                          \
        struct sc_error error = {0};                                                               \
        options.field = what;                                                                      \
        assert_int_equal(sc_replay_make(&data, &options, &replay, &error), SC_ERR_ARGUMENT);       \
        assert_true(error.text[0] != '\0' && replay.rows == NULL);                                 \
    } while (0)
    REFUSES(n_orders, 0);
    REFUSES(min_traces, 0);
    REFUSES(batch_traces, 0);
    REFUSES(tau, 0);
    REFUSES(tau, NAN);
    REFUSES(max_changes, 2);
    REFUSES(max_changes, NAN);
    sc_replay_data_free(&data);
    /* More traces met than a cell counts. */
    assert_int_equal(sc_replay_data_new(&data, 1, 5000, NULL), SC_OK);
    REFUSES(n_orders, 1000000);
#undef REFUSES
    sc_replay_data_free(&data);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay replay;
    struct sc_replay_options options = options_of(1);
    options.n_threads = 1;
    data_make(&data, 2, NOISE, 10);
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        enum sc_status status = sc_replay_make(&data, &options, &replay, NULL);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && !reached)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
        assert_null(replay.rows);
    }
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

/* ---- loading --------------------------------------------------------------------------------- */

static void cut_and_missing_traces_leave_their_prompt_out(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    struct sc_replay_data data;
    struct sc_error error = {0};
    assert_int_equal(fixture_make(&f, 20), 0);
    assert_int_equal(fixture_write(&f, true, &error), SC_OK);
    assert_int_equal(sc_run_load(f.folder, true, &run, &error), SC_OK);
    size_t n_ten = 0;
    for (size_t i = 0; i < 20; i++) {
        assert_true(run.instances[i].n_traces >= 5);
        n_ten += run.instances[i].n_traces == 10;
    }
    assert_true(n_ten > 0 && n_ten < 20);
    assert_int_equal(sc_replay_load(&run, 0, &data, &error), SC_OK);
    assert_true(data.n_traces == 10 && data.n_instances == n_ten && data.n_left_out == 20 - n_ten);
    sc_replay_data_free(&data);
    assert_int_equal(sc_replay_load(&run, 5, &data, &error), SC_OK);
    assert_true(data.n_instances == 20 && data.n_left_out == 0 && data.proxy);
    for (size_t i = 0; i < 20; i++)
        for (size_t t = 0; t < 5; t++) {
            const struct sc_replay_trace *trace = &data.instances[i].traces[t];
            const struct sc_run_trace *from = &run.instances[i].traces[t];
            assert_int_equal(trace->failed, from->failure != NULL);
            assert_true(trace->failed ||
                        trace->confidence[SC_METRIC_NLL] == -from->metrics[SC_METRIC_NLL]);
            assert_int_equal(trace->harmful,
                             i % 2 && !trace->failed && trace->verdict == SC_COMPLIANCE);
        }
    sc_replay_data_free(&data);
    assert_int_equal(sc_replay_load(&run, 11, &data, &error), SC_ERR_ARGUMENT);
    run.instances[3].traces[2].finish = SC_FINISH_CUT; /* what it would have said is not known */
    assert_int_equal(sc_replay_load(&run, 5, &data, &error), SC_OK);
    assert_true(data.n_instances == 19 && data.n_left_out == 1);
    sc_replay_data_free(&data);
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        enum sc_status status = sc_replay_load(&run, 5, &data, NULL);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && !reached)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    sc_replay_data_free(&data);
    sc_run_free(&run);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_in_the_stored_order_is_the_live_run),
        cmocka_unit_test(rules_on_noise_do_not_beat_their_null),
        cmocka_unit_test(a_planted_signal_beats_its_null),
        cmocka_unit_test(what_beats_the_null_is_better_in_one_respect_and_worse_in_none),
        cmocka_unit_test(one_instance_is_decided_as_by_hand),
        cmocka_unit_test(sums_of_an_order_are_those_of_each_policy),
        cmocka_unit_test(a_row_is_its_policy_over_each_order),
        cmocka_unit_test(threads_change_nothing_and_seeds_do),
        cmocka_unit_test(replay_json_has_every_row_and_its_null),
        cmocka_unit_test(little_data_gives_reasons_in_the_place_of_intervals),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(cut_and_missing_traces_leave_their_prompt_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
