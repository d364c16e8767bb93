/* What one call may take: limits of requests, tokens and minutes stop a run softly, and the same
 * run goes on. */
#include "base/clock.h"
#include "runner_fixture.h"

static void assert_stopped(struct rig *rig, const char *words)
{
    assert_int_equal(rig_run(rig), SC_ERR_INTERRUPTED);
    assert_string_equal(rig->error.text, rig->summary.stopped);
    if (strstr(rig->summary.stopped, words) != rig->summary.stopped)
        fail_msg("expected %s, found %s", words, rig->summary.stopped);
    assert_in_range(rig->summary.progress.n_instances_done, 0, 11);
}

/* Goes on without limits, and all is as if nothing had stopped it. */
static void assert_goes_on(struct rig *rig)
{
    char *whole = undisturbed(12, false, false);
    rig->f.options.max_requests = rig->f.options.max_total_tokens = 0;
    rig->f.options.max_minutes = 0;
    assert_done(rig);
    assert_string_equal(rig->summary.stopped, "");
    assert_sampled_once(rig);
    char *found = describe(rig);
    assert_string_equal(found, whole);
    sc_free(found);
    sc_free(whole);
}

static void a_limit_of_requests_begins_so_many_traces_and_finishes_them(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 12);
    rig.f.options.max_requests = 10;
    assert_stopped(&rig, "stopped at --max-requests 10: ");
    assert_int_equal(rig.summary.progress.n_traces_done, 10);
    assert_int_equal(rig.source.n_sampled, 10);
    assert_stopped(&rig, "stopped at --max-requests 10: ");
    assert_int_equal(rig.summary.progress.n_traces_done, 20);
    assert_int_equal(rig.source.n_sampled, 20);
    assert_goes_on(&rig);
    fixture_free(&rig.f);
}

static void retries_are_requests_where_the_source_counts_them(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 12);
    rig.source.counts = true;
    rig.source.n_retries = 4;
    rig.f.options.max_requests = 50;
    assert_stopped(&rig, "stopped at --max-requests 50: ");
    /* five requests a trace, four traces in flight when the source last said so */
    assert_in_range(rig.source.n_sampled, 10, 14);
    assert_int_equal(rig.summary.progress.n_requests, 5 * rig.source.n_sampled);
    assert_int_equal(rig.summary.progress.n_retries, 4 * rig.source.n_sampled);
    assert_goes_on(&rig);
    fixture_free(&rig.f);
}

static void tokens_of_prompts_count_where_the_source_counts_them(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 12);
    rig.f.options.max_total_tokens = 300;
    assert_stopped(&rig, "stopped at --max-total-tokens 300: ");
    assert_in_range(rig.summary.progress.n_tokens, 300, 300 + 5 * FIXTURE_MOST_TOKENS);
    size_t n_alone = rig.source.n_sampled;
    fixture_free(&rig.f);
    rig_make(&rig, 12);
    rig.source.n_prompt_tokens = 100;
    rig.f.options.max_total_tokens = 300;
    assert_stopped(&rig, "stopped at --max-total-tokens 300: ");
    assert_true(rig.source.n_sampled < n_alone);
    assert_in_range(rig.summary.progress.n_prompt_tokens, 300, 800);
    assert_goes_on(&rig);
    fixture_free(&rig.f);
}

static void minutes_that_are_over_begin_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 12);
    rig.f.options.max_minutes = 1e-9; /* since 0 on the clock, which is long ago */
    assert_stopped(&rig, "stopped at --max-minutes 1e-09: 0 of 12 prompts are finished, 0 traces");
    assert_int_equal(rig.source.n_sampled, 0);
    assert_goes_on(&rig);
    fixture_free(&rig.f);
}

static void a_limit_that_all_fit_in_ends_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 3);
    assert_done(&rig);
    size_t n = rig.source.n_sampled;
    fixture_free(&rig.f);
    rig_make(&rig, 3);
    rig.f.options.max_requests = n;
    assert_done(&rig);
    assert_string_equal(rig.summary.stopped, "");
    rig.f.options.max_requests = 1; /* and nothing is left to ask for */
    assert_done(&rig);
    fixture_free(&rig.f);
}

static void minutes_are_a_number_of_0_or_more(void **state)
{
    (void)state;
    const double wrong[] = {-1, NAN, INFINITY};
    const struct sc_policy policy = sc_policy_default();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sc_run_options options = sc_run_options_default();
        struct sc_error error = {0};
        options.policies = &policy;
        options.n_policies = 1;
        options.out = "x";
        assert_int_equal(sc_run_options_check(&options, &error), SC_OK);
        options.max_minutes = wrong[i];
        assert_int_equal(sc_run_options_check(&options, &error), SC_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "max-minutes: expected a number of 0 or more"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_of_requests_begins_so_many_traces_and_finishes_them),
        cmocka_unit_test(retries_are_requests_where_the_source_counts_them),
        cmocka_unit_test(tokens_of_prompts_count_where_the_source_counts_them),
        cmocka_unit_test(minutes_that_are_over_begin_nothing),
        cmocka_unit_test(a_limit_that_all_fit_in_ends_nothing),
        cmocka_unit_test(minutes_are_a_number_of_0_or_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
