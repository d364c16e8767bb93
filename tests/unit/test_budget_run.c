/*
 * A total of traces shared among the prompts of a run, as the runner does it: who gets how many
 * follows from the verdicts alone, whatever the order in which traces end, whatever fails and
 * wherever it is interrupted.
 */
#include "base/memory.h"
#include "decision/budget.h"
#include "runner_fixture.h"
#include "vocabulary/vocabulary.h"

enum { TOTAL = 90, MOST = 14 };

static void rig_budget(struct rig *rig, size_t n_instances, size_t total)
{
    rig_make(rig, n_instances);
    rig->f.options.n_policies = 1;
    rig->f.options.primary = 0;
    rig->f.policies[0] = sc_policy_default();
    rig->f.policies[0].kind = SC_POLICY_BUDGET;
    rig->f.policies[0].min_traces = 2;
    rig->f.policies[0].max_traces = MOST;
    rig->f.policies[0].traces_total = total;
    rig->source.fails = true;
    assert_int_equal(fixture_configure(&rig->f), SC_OK);
}

static char *one_at_a_time(size_t n_instances, size_t total)
{
    struct rig rig;
    rig_budget(&rig, n_instances, total);
    rig.source.parallel = 1;
    assert_done(&rig);
    char *text = describe(&rig);
    fixture_free(&rig.f);
    return text;
}

/* The stored verdicts, shared out again phase by phase, give the numbers of traces that are there.
 */
static void who_gets_how_many_follows_from_the_verdicts(void **state)
{
    (void)state;
    enum { N = 15 };
    struct rig rig;
    struct sc_run run;
    struct sc_budget_prompt prompts[N] = {{0}};
    struct sc_budget_claim heap[N];
    size_t sum = 0, least = MOST, most = 0;
    rig_budget(&rig, N, TOTAL);
    const struct sc_policy *policy = &rig.f.policies[0];
    assert_done(&rig);
    assert_sampled_once(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    assert_int_equal(run.policies[0].traces_total, TOTAL);
    for (size_t k = 0; k < sc_budget_phases(policy, N); k++) {
        for (size_t i = 0; i < N; i++) {
            prompts[i].n_judged = prompts[i].n_refused = 0;
            for (size_t t = 0; t < prompts[i].n_traces; t++) {
                const struct sc_run_trace *trace = &run.instances[i].traces[t];
                bool judged =
                    trace->finish != SC_FINISH_FAILED && sc_verdict_is_judged(trace->verdict);
                prompts[i].n_judged += judged;
                prompts[i].n_refused += judged && sc_verdict_is_refused(trace->verdict);
            }
        }
        sc_budget_allot(policy, k, prompts, N, heap);
    }
    for (size_t i = 0; i < N; i++) {
        size_t n = run.instances[i].n_traces;
        assert_int_equal(n, prompts[i].n_traces);
        assert_int_equal(run.instances[i].decisions[0].n_traces, n);
        assert_string_equal(run.instances[i].decisions[0].stop_reason,
                            n == MOST ? "max_traces" : "budget");
        sum += n;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_int_equal(sum, TOTAL);
    assert_int_equal(rig.summary.progress.n_traces_done, TOTAL);
    assert_int_equal(rig.summary.progress.n_instances_done, N);
    assert_true(most > least + 1);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void the_order_in_which_traces_end_does_not_matter(void **state)
{
    (void)state;
    char *expected = one_at_a_time(15, TOTAL);
    for (size_t round = 0; round < 8; round++) {
        struct rig rig;
        rig_budget(&rig, 15, TOTAL);
        rig.source.parallel = 1 + 9 * round > MOST_PARALLEL ? MOST_PARALLEL : 1 + 9 * round;
        rig.source.order.key = round;
        assert_done(&rig);
        assert_sampled_once(&rig);
        assert_ends_as(&rig, expected);
    }
    sc_free(expected);
}

static void a_run_interrupted_anywhere_ends_the_same(void **state)
{
    (void)state;
    char *expected = one_at_a_time(6, 50);
    for (size_t step = 1; step < 50; step += 2) {
        struct rig rig;
        enum sc_status status = SC_ERR_INTERRUPTED;
        rig_budget(&rig, 6, 50);
        rig.source.stop_after = step;
        for (size_t attempt = 0; status == SC_ERR_INTERRUPTED; attempt++) {
            rig.source.order.key = step + attempt;
            rig.source.parallel = 1 + (step + attempt) % 9;
            status = rig_run(&rig);
        }
        assert_int_equal(status, SC_OK);
        assert_int_equal(rig.summary.progress.n_instances_done, 6);
        assert_sampled_once(&rig); /* over all attempts */
        assert_ends_as(&rig, expected);
    }
    sc_free(expected);
}

/* What was removed is sampled again, and what is there of later phases is not. */
static void removed_traces_come_back_the_same(void **state)
{
    (void)state;
    static const char *const removals[] = {
        "DELETE FROM trace WHERE trace = 1", "DELETE FROM trace WHERE instance = 3",
        "DELETE FROM trace WHERE finish = 'failed' OR trace = 5", "DELETE FROM decision",
        "UPDATE decision SET n_traces = 1"};
    struct rig rig;
    rig_budget(&rig, 8, 60);
    assert_done(&rig);
    char *expected = describe(&rig);
    for (size_t i = 0; i < sizeof removals / sizeof *removals; i++) {
        alter(&rig, removals[i]);
        assert_done(&rig);
        assert_int_equal(rig.summary.progress.n_instances_done, 8);
        char *found = describe(&rig);
        assert_string_equal(found, expected);
        sc_free(found);
    }
    sc_free(expected);
    fixture_free(&rig.f);
}

static void a_prompt_that_cannot_be_run_has_its_share_of_failures(void **state)
{
    (void)state;
    static char refused[] = "refuse to encode this";
    struct rig rig;
    struct sc_run run;
    size_t sum = 0;
    rig_budget(&rig, 6, 40);
    rig.f.instances[2].prompt = refused;
    rig.source.fails = false;
    assert_int_equal(fixture_configure(&rig.f), SC_OK);
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < 6; i++) {
        sum += run.instances[i].n_traces;
        assert_true(run.instances[i].n_traces >= run.instances[2].n_traces);
    }
    assert_int_equal(sum, 40);
    assert_string_equal(run.instances[2].traces[0].failure, "prompt: cannot be encoded");
    assert_int_equal(rig.summary.n_failed_traces, run.instances[2].n_traces);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

/* Each attempt runs out of memory one allocation later and is taken up again. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    char *expected = one_at_a_time(3, 15);
    struct rig rig;
    rig_budget(&rig, 3, 15);
    rig_run_short_of_memory(&rig);
    assert_ends_as(&rig, expected);
    sc_free(expected);
}

static void options_are_refused_by_name(void **state)
{
    (void)state;
    struct sc_policy policies[2] = {sc_policy_default(), sc_policy_default()};
    struct sc_run_options o = sc_run_options_default();
    struct sc_error error = {0};
    policies[0].kind = SC_POLICY_BUDGET;
    policies[0].traces_total = 100;
    o.policies = policies;
    o.n_policies = 1;
    o.out = "/tmp/x";
    assert_int_equal(sc_run_options_check(&o, NULL), SC_OK);
    o.n_policies = 2;
    assert_int_equal(sc_run_options_check(&o, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "no other policies beside it"));
    o.n_policies = 1;
    o.shard = 1;
    o.n_shards = 2;
    error = (struct sc_error){0};
    assert_int_equal(sc_run_options_check(&o, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "shard"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_gets_how_many_follows_from_the_verdicts),
        cmocka_unit_test(the_order_in_which_traces_end_does_not_matter),
        cmocka_unit_test(a_run_interrupted_anywhere_ends_the_same),
        cmocka_unit_test(removed_traces_come_back_the_same),
        cmocka_unit_test(a_prompt_that_cannot_be_run_has_its_share_of_failures),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(options_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
