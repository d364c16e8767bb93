/*
 * deepconf in a run: traces cut as they are sampled, or their beginnings beside the whole traces
 * that other policies need, and both come to the same.  Its rule alone: test_decision.c.
 */
#include "runner_fixture.h"

/* What one policy saw and made of a run, as text; *n_cut counts the cut traces. */
static char *describe_seen(const struct rig *rig, size_t policy, size_t *n_cut)
{
    struct sc_run run;
    struct sc_error error = {0};
    struct sc_text out = {0};
    if (sc_run_load(rig->f.folder, true, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        const struct sc_run_decision *decision = &instance->decisions[policy];
        enum sc_behaviour vote;
        assert_int_equal(sc_run_vote(&run, instance, policy, &vote, NULL), SC_OK);
        sc_text_printf(&out, "%s %zu %s %.17g %s\n", instance->id, decision->n_traces,
                       decision->stop_reason, decision->bar, sc_behaviour_name(vote));
        for (size_t t = 0; t < decision->n_traces; t++) {
            const struct sc_run_trace *seen = sc_run_trace_seen(instance, policy, t);
            const struct sc_run_trace *whole = &instance->traces[t];
            *n_cut += seen->finish == SC_FINISH_CUT;
            assert_true(seen->n_tokens <= whole->n_tokens);
            sc_text_printf(
                &out, "%u|%s|%s|%zu %zu %s %s %s %s %zu %zu %s\n", seen->index, seen->text,
                seen->answer, seen->n_tokens, seen->n_reasoning, sc_finish_name(seen->finish),
                seen->failure != NULL ? seen->failure : "-", sc_verdict_name(seen->verdict),
                seen->rule, seen->begin, seen->end, sc_harm_name(seen->harm));
            for (int m = 0; m < SC_N_METRICS; m++)
                sc_text_printf(&out, "%.17g %.17g %.17g\n", seen->metrics[m],
                               seen->reasoning_metrics[m], seen->answer_metrics[m]);
            put_bytes(&out, whole->ids, seen->n_tokens * sizeof *whole->ids);
            put_bytes(&out, whole->stats, seen->n_tokens * sizeof *whole->stats);
        }
    }
    sc_run_free(&run);
    char *text = sc_text_take(&out);
    assert_non_null(text);
    return text;
}

/* A run of deepconf, alone or beside a policy that needs whole traces. */
static void rig_deepconf(struct rig *rig, size_t n_instances, bool alone, double eta)
{
    rig_make(rig, n_instances);
    rig->f.options.n_policies = alone ? 1 : 2;
    rig->f.options.primary = 0;
    rig->f.options.window = 4;
    struct sc_policy deepconf = sc_policy_default(), fixed = deepconf;
    deepconf.kind = SC_POLICY_DEEPCONF;
    deepconf.eta = eta;
    deepconf.tau = 0.9;
    deepconf.batch_traces = 2;
    fixed.kind = SC_POLICY_FIXED;
    rig->f.policies[0] = deepconf;
    rig->f.policies[1] = fixed;
    rig->source.fails = rig->source.thinks = true;
    assert_int_equal(fixture_configure(&rig->f), SC_OK);
}

/* Cutting live and seeing the beginnings of whole traces: the same decisions, the same cuts, the
 * same texts, verdicts and figures to the last bit. */
static void cut_live_or_beside_whole_traces_a_run_is_the_same(void **state)
{
    (void)state;
    for (double eta = 10; eta < 100; eta += 40) {
        struct rig live, beside;
        size_t n_cut = 0, n_cut_beside = 0;
        rig_deepconf(&live, 40, true, eta);
        rig_deepconf(&beside, 40, false, eta);
        assert_done(&live);
        assert_done(&beside);
        char *a = describe_seen(&live, 0, &n_cut), *b = describe_seen(&beside, 0, &n_cut_beside);
        assert_string_equal(a, b);
        assert_int_equal(n_cut, n_cut_beside);
        assert_true(eta < 50 || n_cut > (eta < 60 ? 10 : 0)); /* 10: stops after the warm-up */
        assert_true(live.summary.progress.n_tokens < beside.summary.progress.n_tokens);
        sc_free(a);
        sc_free(b);
        fixture_free(&live.f);
        fixture_free(&beside.f);
    }
}

static void a_run_interrupted_anywhere_comes_to_the_same_end(void **state)
{
    (void)state;
    enum { N = 6 };
    for (int alone = 0; alone < 2; alone++) {
        struct rig rig;
        size_t n_cut = 0, n_again;
        rig_deepconf(&rig, N, alone, 50);
        rig.source.parallel = 1;
        assert_done(&rig);
        char *expected = describe_seen(&rig, 0, &n_cut);
        assert_true(n_cut > 0);
        fixture_free(&rig.f);
        for (size_t step = 1; step < 40; step += 3) {
            rig_deepconf(&rig, N, alone, 50);
            rig.source.stop_after = step;
            enum sc_status status;
            do {
                rig.source.order.key++;
                rig.source.parallel = 1 + (step + rig.source.order.key) % 9;
                status = rig_run(&rig);
                assert_true(status == SC_OK || status == SC_ERR_INTERRUPTED);
            } while (status != SC_OK);
            assert_sampled_once(&rig);
            char *found = describe_seen(&rig, 0, &n_again);
            assert_string_equal(found, expected);
            sc_free(found);
            fixture_free(&rig.f);
        }
        sc_free(expected);
    }
}

/* The beginnings that deepconf saw are made again from the stored tokens. */
static void removed_cuts_come_back_from_stored_tokens(void **state)
{
    (void)state;
    struct rig rig;
    size_t n_cut = 0;
    rig_deepconf(&rig, 12, false, 50);
    assert_done(&rig);
    char *expected = describe_seen(&rig, 0, &n_cut);
    const char *const removals[] = {"DELETE FROM decision", "DELETE FROM decision; DELETE FROM cut",
                                    "DELETE FROM trace WHERE trace IN (0, 5)"};
    for (size_t i = 0; i < 3; i++) {
        alter(&rig, removals[i]);
        assert_done(&rig);
        char *found = describe_seen(&rig, 0, &n_cut);
        assert_string_equal(found, expected);
        sc_free(found);
    }
    struct sc_run run;
    struct sc_error error = {0};
    char path[160], kept[160], sql[240];
    snprintf(path, sizeof path, "%s/run.db", rig.f.folder);
    snprintf(kept, sizeof kept, "%s/kept.db", rig.f.folder);
    snprintf(sql, sizeof sql, "VACUUM INTO '%s'", kept);
    alter(&rig, sql);
    alter(&rig, "CREATE TABLE twin AS SELECT instance, policy,"
                " (SELECT min(trace) FROM cut) AS trace FROM cut ORDER BY rowid;"
                " CREATE INDEX twins ON twin (instance, policy, trace);"
                " PRAGMA writable_schema = ON;"
                " UPDATE sqlite_schema SET rootpage ="
                " (SELECT rootpage FROM sqlite_schema WHERE name = 'twins')"
                " WHERE name = 'sqlite_autoindex_cut_1';"
                " DELETE FROM sqlite_schema WHERE tbl_name = 'twin'");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, &error), SC_ERR_FORMAT);
    if (strstr(error.text, "the file is damaged") == NULL)
        fail_msg("%s", error.text);
    assert_int_equal(rename(kept, path), 0);
    alter(&rig, "UPDATE cut SET n_tokens = 1000");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, NULL), SC_ERR_FORMAT);
    alter(&rig, "UPDATE cut SET n_tokens = 4, trace = 10 + trace");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, NULL), SC_ERR_FORMAT);
    alter(&rig, "UPDATE cut SET trace = trace - 10, policy = 7");
    assert_int_equal(sc_run_load(rig.f.folder, false, &run, NULL), SC_ERR_FORMAT);
    sc_free(expected);
    fixture_free(&rig.f);
}

static void memory_that_runs_out_anywhere_is_an_error_and_no_loss(void **state)
{
    (void)state;
    struct rig rig;
    size_t n_cut = 0;
    rig_deepconf(&rig, 3, false, 50);
    assert_done(&rig);
    char *expected = describe_seen(&rig, 0, &n_cut);
    assert_true(n_cut > 0);
    fixture_free(&rig.f);
    rig_deepconf(&rig, 3, false, 50);
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        enum sc_status status = rig_run(&rig);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && !reached)
            break;
        if (status != SC_OK && status != SC_ERR_NOMEM && strstr(rig.error.text, "JSON") == NULL)
            fail_msg("%zu: %s: %s", n, sc_status_text(status), rig.error.text);
    }
    char *found = describe_seen(&rig, 0, &n_cut);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_live_or_beside_whole_traces_a_run_is_the_same),
        cmocka_unit_test(a_run_interrupted_anywhere_comes_to_the_same_end),
        cmocka_unit_test(removed_cuts_come_back_from_stored_tokens),
        cmocka_unit_test(memory_that_runs_out_anywhere_is_an_error_and_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
