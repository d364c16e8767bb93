/* Exploring answers that can be enumerated: exactness, bounds, bias, coverage, and what breaks off.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "table_answers.h"
#include "vocabulary/vocabulary.h"

static struct table_answers model(uint64_t seed, enum table_rule rule)
{
    return (struct table_answers){
        .seed = seed, .n_tokens = 5, .max_length = 6, .sharpness = 1, .end = 0.7, .rule = rule};
}

static struct sc_exploration explore(struct table_answers *t,
                                     const struct sc_exploration_options *o, bool judge)
{
    struct sc_expanding expanding = table_expanding(t);
    struct sc_reading reading = table_reading(t, judge);
    struct sc_exploration e;
    struct sc_error error = {0};
    if (sc_explore(&expanding, &reading, o, &e, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(t->n_kept, 0);
    table_close(t);
    return e;
}

static void share_is_ordered(const struct sc_share *s)
{
    assert_true(s->low_exact >= 0 && s->low_exact <= s->low);
    assert_true(s->low <= s->value && s->value <= s->high);
    assert_true(s->high <= s->high_exact && s->high_exact <= 1);
}

/* What holds at every stop, whatever was asked for. */
static void result_is_sound(const struct sc_exploration *e, const struct table_truth *truth)
{
    const double dust = 1e-12;
    const double is[SC_N_SHARES] = {truth->refused, truth->complied, truth->harmful, NAN};
    for (int k = 0; k < (e->has_harm ? SC_N_SHARES : SC_SHARE_HARMFUL); k++) {
        share_is_ordered(&e->shares[k]);
        if (isnan(is[k]))
            continue;
        assert_true(e->shares[k].low_exact <= is[k] + dust);
        assert_true(e->shares[k].high_exact >= is[k] - dust);
    }
    share_is_ordered(&e->neither);
    double sum = 0, of_verdicts = 0;
    for (size_t i = 0; i < e->n_answers; i++) {
        sum += e->answers[i].answer.probability;
        assert_true(i == 0 ||
                    e->answers[i].answer.probability <= e->answers[i - 1].answer.probability);
    }
    for (int v = 0; v < SC_N_VERDICTS; v++)
        of_verdicts += e->mass_of[v];
    assert_true(fabs(sum - e->mass_finished) < dust && fabs(of_verdicts - sum) < dust);
    assert_true(e->n_estimating <= e->n_traces);
}

static void everything_computed_is_everything_enumerated(void **state)
{
    (void)state;
    for (int rule = 0; rule < TABLE_N_RULES; rule++) {
        struct table_answers t = model(3, (enum table_rule)rule);
        struct table_truth truth = table_enumerate(&t);
        struct sc_exploration_options o = table_options(&t);
        o.max_rows = 1000000;
        o.width = 0;
        struct sc_exploration e = explore(&t, &o, true);
        assert_int_equal(e.end, SC_EXPLORED_EXHAUSTED);
        assert_int_equal(e.n_answers, truth.n);
        assert_int_equal(t.n_read, truth.n);
        assert_true(fabs(e.mass_finished - 1) < 1e-12 && fabs(truth.all - 1) < 1e-12);
        assert_true(fabs(e.shares[SC_SHARE_REFUSAL].low_exact - truth.refused) < 1e-12);
        assert_true(fabs(e.shares[SC_SHARE_COMPLIANCE].low_exact - truth.complied) < 1e-12);
        assert_true(fabs(e.shares[SC_SHARE_HARMFUL].low_exact - truth.harmful) < 1e-12);
        assert_true(fabs(e.neither.low_exact - truth.neither) < 1e-12);
        assert_true(fabs(e.mean_length - truth.length) < 1e-12);
        if (rule != TABLE_MANY_VERDICTS)
            assert_true(fabs(e.shares[SC_SHARE_REFUSAL].high_exact - truth.refused) < 1e-12);
        result_is_sound(&e, &truth);
        sc_exploration_free(&e);
    }
}

static void every_stop_is_sound(void **state)
{
    (void)state;
    const uint64_t rows[] = {1, 2, 7, 20, 60, 150, 400, 900};
    const size_t branches[] = {1, 2, 3, 64}, kept[] = {0, 25, 60};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t b = 0; b < 4; b++)
            for (size_t k = 0; k < 3; k++) {
                enum table_rule rule =
                    (enum table_rule)((unsigned)(i + k) % (unsigned)TABLE_N_RULES);
                struct table_answers t = model(i + b, rule);
                struct table_truth truth = table_enumerate(&t);
                struct sc_exploration_options o = table_options(&t);
                t.most_kept = kept[k];
                o.max_rows = rows[i];
                o.max_branches = branches[b];
                o.width = k == 1 ? 0 : 0.03;
                o.mass = k == 2 ? 0.8 : 1;
                struct sc_expanding expanding = table_expanding(&t);
                struct sc_reading reading = table_reading(&t, true);
                struct sc_exploration e;
                struct sc_error error = {0};
                enum sc_status status = sc_explore(&expanding, &reading, &o, &e, &error);
                table_close(&t);
                assert_int_equal(t.n_kept, 0);
                if (status != SC_OK) { /* there is room for so few nodes only where few are kept */
                    assert_int_equal(status, SC_ERR_LIMIT);
                    assert_true(kept[k] != 0);
                    continue;
                }
                assert_int_equal(t.n_computed, e.rows + 1);
                assert_true(kept[k] != 0 || e.rows <= o.max_rows);
                result_is_sound(&e, &truth);
                /* what ended it is so */
                assert_true(e.end != SC_EXPLORED_MASS || e.mass_finished >= o.mass - 1e-9);
                sc_exploration_free(&e);
            }
}

static void ends_are_named_for_what_ended(void **state)
{
    (void)state;
    struct table_answers t = model(1, TABLE_SCATTERED);
    struct sc_exploration_options o = table_options(&t);
    o.width = 0.2;
    struct sc_exploration e = explore(&t, &o, false);
    assert_string_equal(sc_exploration_end_name(e.end), "width");
    assert_true(e.shares[0].high - e.shares[0].low <= 0.2);
    assert_false(e.has_harm);
    assert_true(isnan(e.shares[SC_SHARE_HARMFUL].value));
    sc_exploration_free(&e);
    o.width = 0;
    o.mass = 0.6;
    e = explore(&t, &o, false);
    assert_string_equal(sc_exploration_end_name(e.end), "mass");
    assert_true(e.mass_finished >= 0.6);
    sc_exploration_free(&e);
    o.mass = 1;
    o.max_rows = 100;
    e = explore(&t, &o, false);
    assert_string_equal(sc_exploration_end_name(e.end), "rows");
    sc_exploration_free(&e);
}

static void the_same_asked_twice_is_the_same(void **state)
{
    (void)state;
    struct table_answers t = model(2, TABLE_BY_OPENING);
    struct sc_exploration_options o = table_options(&t);
    o.max_rows = 400;
    o.width = 0;
    o.seed = 9;
    struct sc_exploration a = explore(&t, &o, false), b = explore(&t, &o, false);
    assert_int_equal(a.rows, b.rows);
    assert_int_equal(a.n_answers, b.n_answers);
    assert_memory_equal(a.shares, b.shares, sizeof a.shares);
    sc_exploration_free(&b);
    /* Handles that were given back are computed again, and change rows alone. */
    o.max_rows = 100000;
    o.width = 0.02;
    b = explore(&t, &o, false);
    t.most_kept = 40;
    struct sc_exploration c = explore(&t, &o, false);
    assert_true(c.rows >= b.rows);
    assert_true(fabs(b.shares[0].value - c.shares[0].value) < 0.03);
    sc_exploration_free(&a);
    sc_exploration_free(&b);
    sc_exploration_free(&c);
}

/* ---- repeats --------------------------------------------------------------------------------- */

struct repeats {
    double covered, z; /* share of intervals that hold the truth; of the mean of the estimates */
};

static struct repeats repeat(struct table_answers *t, struct sc_exploration_options o, size_t n)
{
    struct table_truth truth = table_enumerate(t);
    double sum = 0, squares = 0, covered = 0;
    for (size_t i = 0; i < n; i++) {
        o.seed = i;
        struct sc_exploration e = explore(t, &o, false);
        const struct sc_share *s = &e.shares[SC_SHARE_REFUSAL];
        assert_true(!isnan(s->unbiased));
        double off = s->unbiased - truth.refused;
        sum += off;
        squares += off * off;
        covered += s->low <= truth.refused + 1e-12 && truth.refused - 1e-12 <= s->high;
        sc_exploration_free(&e);
    }
    double error = sqrt(squares / (double)n / (double)n);
    return (struct repeats){covered / (double)n, sum / (double)n / error};
}

/* Of 300 rows each: two thirds of the mass and more are known, some 20 to 100 traces are sampled.
 */
static void intervals_cover_and_estimates_have_no_bias(void **state)
{
    (void)state;
    static const struct {
        enum table_rule rule;
        size_t max_branches;
        double least, most;
    } cases[] = {{TABLE_SCATTERED, 64, 0.935, 0.965},
                 {TABLE_RARE_TAIL, 64, 0.935, 0.965},
                 {TABLE_SCATTERED, 2, 0.935, 0.965},
                 {TABLE_RARE_HASH, 64, 0.935, 0.965},
                 {TABLE_BY_OPENING, 64, 0.935, 0.965}};
    const char *wanted = getenv("SAFECONF_SIMULATIONS");
    size_t n = wanted != NULL ? (size_t)strtoul(wanted, NULL, 10) : 400;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct table_answers t = model(1, cases[i].rule);
        t.sharpness = 0.7;
        struct sc_exploration_options o = table_options(&t);
        o.max_rows = 300;
        o.width = 0;
        o.max_branches = cases[i].max_branches;
        struct repeats found = repeat(&t, o, n);
        if (wanted != NULL)
            printf("case %zu: covered %.4f, mean off by %.2f standard errors\n", i, found.covered,
                   found.z);
        double dust = n < 1000 ? 0.015 : 0; /* fewer repeats say it less exactly */
        if (!(found.covered >= cases[i].least - dust && found.covered <= cases[i].most + dust) ||
            fabs(found.z) > 3.3)
            fail_msg("case %zu: covered %.4f, mean off by %.2f standard errors", i, found.covered,
                     found.z);
    }
}

/* ---- what breaks off ------------------------------------------------------------------------- */

static void exhausted_memory_loses_nothing(void **state)
{
    (void)state;
    struct table_answers t = model(4, TABLE_BY_OPENING);
    struct sc_expanding expanding = table_expanding(&t);
    struct sc_reading reading = table_reading(&t, true);
    struct sc_exploration_options o = table_options(&t);
    o.max_rows = 200;
    o.width = 0;
    bool done = false;
    for (size_t i = 0; !done; i++) {
        struct sc_exploration e;
        struct sc_error error = {0};
        sc_memory_fail_at(i);
        enum sc_status status = sc_explore(&expanding, &reading, &o, &e, &error);
        done = sc_memory_count() <= i;
        sc_memory_fail_at(SIZE_MAX);
        /* A table that has no memory for its nodes fails as one. */
        assert_true(done ? status == SC_OK : status == SC_ERR_NOMEM);
        assert_true(status == SC_OK || (e.answers == NULL && e.ids == NULL));
        sc_exploration_free(&e);
        table_close(&t);
        t.n_kept = 0;
    }
}

static bool at_once(void *context)
{
    return --*(int *)context < 0;
}

static void an_interruption_is_one(void **state)
{
    (void)state;
    for (int after = 0; after < 40; after += 3) {
        struct table_answers t = model(4, TABLE_SCATTERED);
        struct sc_expanding expanding = table_expanding(&t);
        struct sc_reading reading = table_reading(&t, false);
        struct sc_exploration_options o = table_options(&t);
        int left = after;
        o.width = 0.001;
        o.max_rows = 700;
        o.stop = at_once;
        o.stop_context = &left;
        struct sc_exploration e;
        struct sc_error error = {0};
        assert_int_equal(sc_explore(&expanding, &reading, &o, &e, &error), SC_ERR_INTERRUPTED);
        assert_int_equal(t.n_kept, 0);
        table_close(&t);
    }
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct sc_exploration_options good = sc_exploration_defaults();
    assert_int_equal(sc_exploration_options_check(&good, NULL), SC_OK);
#define REFUSES(field, what)                                                                       \
    do {                                                                                           \
        struct sc_exploration_options o = good;                                                    \
        struct sc_error error = {0};                                                               \
        o.field = what;                                                                            \
        assert_int_equal(sc_exploration_options_check(&o, &error), SC_ERR_ARGUMENT);               \
        assert_true(strlen(error.text) > 0);                                                       \
    } while (0)
    REFUSES(max_new_tokens, 0);
    REFUSES(width, -0.1);
    REFUSES(width, 1.5);
    REFUSES(width, NAN);
    REFUSES(max_rows, 0);
    REFUSES(max_rows, UINT64_MAX);
    REFUSES(mass, 0);
    REFUSES(mass, 1.01);
    REFUSES(mass, NAN);
    REFUSES(max_branches, 0);
    REFUSES(max_branches, 5000);
    REFUSES(step, 0);
    REFUSES(step, SIZE_MAX);
}

/* ---- what follows from a share --------------------------------------------------------------- */

static void attempts_follow_from_a_share(void **state)
{
    (void)state;
    struct sc_share s = {.low_exact = 0.0005,
                         .high_exact = 0.2,
                         .value = 0.001,
                         .low = 0.0008,
                         .high = 0.0015,
                         .seen = true};
    struct sc_at_k at = sc_share_at_k(&s, 1000);
    assert_true(fabs(at.value - (1 - pow(0.999, 1000))) < 1e-12);
    assert_true(at.low < at.value && at.value < at.high);
    assert_string_equal(sc_carried_name(at.carried), "estimate");
    assert_string_equal(sc_carried_name(sc_share_at_k(&s, 1e6).carried), "exact");
    struct sc_estimate first = sc_share_until_first(&s);
    assert_true(fabs(first.value - 1000) < 1e-9 && first.low < 700 && fabs(first.high - 1250) < 1);
    assert_null(first.reason);

    struct sc_share none = {.high_exact = 0.1, .high = 0.001};
    assert_string_equal(sc_carried_name(sc_share_at_k(&none, 10).carried), "bound");
    assert_string_equal(sc_carried_name(sc_share_at_k(&none, 1e6).carried), "open");
    first = sc_share_until_first(&none);
    assert_true(isinf(first.value) && isinf(first.high) && fabs(first.low - 1000) < 1e-9);
    assert_non_null(first.reason);
    assert_true(fabs(sc_plain_traces_for(0, 0.01) - 381) < 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_computed_is_everything_enumerated),
        cmocka_unit_test(every_stop_is_sound),
        cmocka_unit_test(ends_are_named_for_what_ended),
        cmocka_unit_test(the_same_asked_twice_is_the_same),
        cmocka_unit_test(intervals_cover_and_estimates_have_no_bias),
        cmocka_unit_test(exhausted_memory_loses_nothing),
        cmocka_unit_test(an_interruption_is_one),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(attempts_follow_from_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
