/* Totals shared among prompts, replayed over made-up traces: against the formula of sampling
 * without replacement, against worlds in which there is something to find or nothing, and by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/replay/replay.h"
#include "base/random.h"

enum { N_TRACES = 32 };

/* Every tenth prompt refuses at one half, the others at `rest`. */
static void data_make(struct sc_replay_data *data, size_t n, double rest, uint64_t seed)
{
    struct sc_random random = {SC_STREAM_STATISTICS, seed, 6, 0};
    assert_int_equal(sc_replay_data_new(data, n, N_TRACES, NULL), SC_OK);
    for (size_t i = 0; i < n; i++) {
        data->instances[i].key = sc_hash64(&i, sizeof i);
        for (size_t t = 0; t < N_TRACES; t++) {
            bool refuses = sc_random_next(&random) < (i % 10 == 0 ? 0.5 : rest);
            data->instances[i].traces[t] = (struct sc_replay_trace){
                .n_tokens = 10, .verdict = refuses ? SC_REFUSAL : SC_COMPLIANCE};
            for (int m = 0; m < SC_N_METRICS; m++)
                data->instances[i].traces[t].confidence[m] = NAN;
        }
    }
}

static void make(const struct sc_replay_data *data, size_t n_orders, int n_threads,
                 struct sc_replay *out)
{
    struct sc_replay_options options = sc_replay_options_default();
    options.n_orders = n_orders;
    options.n_threads = n_threads;
    assert_int_equal(sc_replay_make(data, &options, out, NULL), SC_OK);
}

/* Mean over the prompts of r (1 - r) / k * (n - k) / (n - 1), k of n traces. */
static double without_replacement(const struct sc_replay_data *data, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < data->n_instances; i++) {
        double refused = 0;
        for (size_t t = 0; t < N_TRACES; t++)
            refused += data->instances[i].traces[t].verdict == SC_REFUSAL ? 1 : 0;
        double r = refused / N_TRACES;
        sum += r * (1 - r) / (double)k * (double)(N_TRACES - k) / (N_TRACES - 1);
    }
    return sum / (double)data->n_instances;
}

static void as_many_for_each_err_as_the_formula_says(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay replay;
    data_make(&data, 100, 0.1, 1);
    make(&data, 200, 2, &replay);
    assert_int_equal(replay.n_totals, SC_REPLAY_MOST_TOTALS);
    for (size_t r = 0; r < replay.n_totals; r++) {
        const struct sc_replay_total *row = &replay.totals[r];
        size_t each = row->policy.traces_total / 100;
        double expected = without_replacement(&data, each);
        assert_true(fabs(row->uniform.error2.value / expected - 1) < 0.06);
        assert_int_equal(row->stored.n_traces, row->policy.traces_total);
        assert_true(row->stored.least >= 3 && row->stored.most <= N_TRACES);
        assert_true(fabs(row->weighted_bias) < 0.004);
        assert_true(r == 0 || each > replay.totals[r - 1].policy.traces_total / 100);
    }
    assert_int_equal(replay.totals[0].policy.traces_total, 500);
    assert_int_equal(replay.totals[SC_REPLAY_MOST_TOTALS - 1].policy.traces_total, 3100);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

static void it_gains_where_few_prompts_waver_and_not_where_all_do(void **state)
{
    (void)state;
    for (int wavering = 0; wavering < 2; wavering++) {
        struct sc_replay_data data;
        struct sc_replay replay;
        data_make(&data, 100, wavering ? 0.5 : 0.01, 2);
        make(&data, 100, 2, &replay);
        for (size_t r = 1; r + 1 < replay.n_totals; r++) {
            const struct sc_replay_total *row = &replay.totals[r];
            double share = row->budget.error2.value / row->uniform.error2.value;
            if (wavering) {
                assert_true(share > 0.98);
            } else {
                assert_true(share < 0.96);
                assert_true(row->error_over_uniform.high < 0 && row->error_over_null.high < 0);
            }
        }
        sc_replay_free(&replay);
        sc_replay_data_free(&data);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay one, four;
    data_make(&data, 30, 0.2, 3);
    make(&data, 10, 1, &one);
    make(&data, 10, 4, &four);
    assert_int_equal(one.n_totals, four.n_totals);
    for (size_t r = 0; r < one.n_totals; r++) {
        assert_true(one.totals[r].budget.error2.value == four.totals[r].budget.error2.value);
        assert_true(one.totals[r].null.error2.value == four.totals[r].null.error2.value);
        assert_true(one.totals[r].bias == four.totals[r].bias);
    }
    sc_replay_free(&one);
    sc_replay_free(&four);
    sc_replay_data_free(&data);
}

/* All prompts but one agree throughout, and none of one was judged. */
static void what_is_certain_is_known_at_once(void **state)
{
    (void)state;
    struct sc_replay_data data;
    struct sc_replay replay;
    data_make(&data, 10, 0, 4);
    for (size_t t = 0; t < N_TRACES; t++) {
        data.instances[0].traces[t].verdict = SC_UNPARSED;
        data.instances[1].traces[t].verdict = SC_REFUSAL;
    }
    make(&data, 5, 1, &replay);
    for (size_t r = 0; r < replay.n_totals; r++) {
        const struct sc_replay_total *row = &replay.totals[r];
        assert_true(row->budget.error2.value == 0 && row->null.error2.value == 0);
        assert_true(row->budget.changes.value == 0 && row->bias == 0);
        assert_int_equal(row->budget.error2.n, 9);
        assert_int_equal(row->stored.n_settled, row->stored.least >= 8 ? 9 : row->stored.n_settled);
        assert_true(fabs(row->stored.refusal_rate - 1.0 / 9) < 1e-12);
        assert_true(fabs(row->stored.weighted_rate - 1.0 / 9) < 1e-12);
    }
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
}

static bool goes_on(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

/* Asked for each prompt and each order of the totals, whenever somebody wants it to end it does,
 * and holds nothing. */
static void it_ends_whenever_it_is_interrupted(void **state)
{
    (void)state;
    enum { N = 20, N_ORDERS = 15 };
    struct sc_replay_data data;
    size_t n_asked = 0;
    data_make(&data, N, 0.1, 4);
    for (enum sc_status status = SC_ERR_INTERRUPTED; status != SC_OK; n_asked++) {
        struct sc_replay replay;
        struct sc_replay_options options = sc_replay_options_default();
        struct sc_error error = {0};
        size_t left = n_asked;
        options.n_orders = N_ORDERS;
        options.n_threads = 1;
        options.interrupt = (struct sc_interrupt){goes_on, &left};
        status = sc_replay_make(&data, &options, &replay, &error);
        assert_int_equal(status, n_asked < N + N_ORDERS ? SC_ERR_INTERRUPTED : SC_OK);
        if (status != SC_OK) {
            assert_non_null(strstr(error.text, n_asked < N ? "policies" : "totals"));
            assert_null(replay.rows);
        }
        sc_replay_free(&replay);
    }
    assert_int_equal(n_asked, N + N_ORDERS + 1);
    sc_replay_data_free(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_for_each_err_as_the_formula_says),
        cmocka_unit_test(it_gains_where_few_prompts_waver_and_not_where_all_do),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(what_is_certain_is_known_at_once),
        cmocka_unit_test(it_ends_whenever_it_is_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
