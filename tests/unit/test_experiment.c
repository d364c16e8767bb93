/*
 * The runner against a made-up backend: whatever the order in which traces end, whatever fails and
 * wherever it is interrupted, the loaded run is the same.
 */
#include <signal.h>
#include <sys/wait.h>

#include "confidence/confidence.h"
#include "runner_fixture.h"

static void decisions_are_those_of_a_replay(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_stopped_early = 0, n_traces = 0, n_refused = 0;
    rig_make(&rig, 30);
    rig.f.policies[2].metric = SC_METRIC_NLL; /* of which less is more confident */
    assert_done(&rig);
    assert_sampled_once(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++) {
        struct sc_policy_trace all[10];
        double metrics[10][SC_N_METRICS];
        size_t most = 0;
        for (uint32_t t = 0; t < 10; t++) {
            struct made_trace made;
            uint64_t key = sc_hash64(run.instances[i].id, strlen(run.instances[i].id));
            float confidence[FIXTURE_MOST_TOKENS], logprob[FIXTURE_MOST_TOKENS];
            made_trace_sample(&rig.source, key, t, &made);
            size_t n = made.trace.n_tokens;
            for (size_t k = 0; k < n; k++) {
                confidence[k] = made.stats[k].confidence;
                logprob[k] = made.stats[k].logprob;
            }
            sc_trace_metrics(confidence, logprob, n, 32, metrics[t]);
            struct sc_detection found;
            assert_int_equal(made_source_functions.decode(NULL, made.ids, n, &made.words, NULL),
                             SC_OK);
            sc_detect_refusal(run.instances[i].prompt, made.words.text, &found);
            made_trace_free(&made);
            all[t] = (struct sc_policy_trace){.verdict = found.verdict};
        }
        for (size_t p = 0; p < 4; p++) {
            struct sc_policy_decision last;
            enum sc_metric metric = sc_policy_metric(&rig.f.policies[p]);
            for (size_t t = 0; t < 10; t++)
                all[t].confidence = sc_metric_as_confidence(metric, metrics[t][metric]);
            size_t used = sc_policy_replay(&rig.f.policies[p], all, 10, &last);
            assert_int_equal(run.instances[i].decisions[p].n_traces, used);
            assert_string_equal(run.instances[i].decisions[p].stop_reason, last.stop_reason);
            most = used > most ? used : most;
        }
        /* No more is sampled than the policy that wants most. */
        assert_int_equal(run.instances[i].n_traces, most);
        n_traces += most;
        for (size_t t = 0; t < most; t++)
            n_refused += sc_verdict_is_refused(all[t].verdict);
        n_stopped_early += most < 10;
    }
    assert_int_equal(rig.summary.progress.n_traces_done, n_traces);
    assert_int_equal(rig.summary.progress.n_refused, n_refused);
    assert_true(n_refused < n_traces);
    assert_int_equal(rig.summary.progress.n_instances_done, 30);
    assert_int_equal(rig.summary.n_failed_traces, 0);
    assert_true(n_stopped_early > 0);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void the_order_in_which_traces_end_does_not_matter(void **state)
{
    (void)state;
    char *expected = undisturbed(25, true, true);
    for (size_t round = 0; round < 8; round++) {
        struct rig rig;
        rig_make(&rig, 25);
        rig.source.fails = rig.source.thinks = true;
        rig.source.parallel = 1 + 9 * round;
        rig.source.order.key = round;
        if (rig.source.parallel > MOST_PARALLEL)
            rig.source.parallel = MOST_PARALLEL;
        assert_done(&rig);
        assert_sampled_once(&rig);
        assert_ends_as(&rig, expected);
    }
    sc_free(expected);
}

static void a_run_interrupted_anywhere_ends_the_same(void **state)
{
    (void)state;
    enum { N = 6 };
    char *expected = undisturbed(N, true, true);
    for (size_t step = 1; step < 60; step += 2) {
        struct rig rig;
        size_t n_before = 0;
        rig_make(&rig, N);
        rig.source.fails = rig.source.thinks = true;
        rig.source.parallel = 1 + step % 7;
        rig.source.order.key = step;
        rig.source.stop_after = step;
        for (;;) {
            enum sc_status status = rig_run(&rig);
            assert_true(status == SC_OK || status == SC_ERR_INTERRUPTED);
            assert_true(rig.summary.progress.n_traces_done >= n_before);
            n_before = rig.summary.progress.n_traces_done;
            rig.source.order.key++; /* next time in another order */
            rig.source.parallel = 1 + rig.source.order.key % 9;
            if (status == SC_OK)
                break;
        }
        assert_sampled_once(&rig); /* over all attempts */
        char *found = describe(&rig);
        assert_string_equal(found, expected);
        sc_free(found);
        /* Once more: there is nothing to do. */
        size_t n_sampled = rig.source.n_sampled;
        assert_done(&rig);
        assert_int_equal(rig.source.n_sampled, n_sampled);
        assert_int_equal(rig.summary.progress.n_instances_resumed, N);
        assert_int_equal(rig.summary.progress.n_traces_done, n_before);
        fixture_free(&rig.f);
    }
    sc_free(expected);
}

static bool stop_now(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

static void note_progress(void *context, const struct sc_run_progress *progress)
{
    struct rig *rig = context;
    rig->n_reports++;
    assert_true(progress->n_instances_done <= progress->n_instances);
    assert_true(progress->seconds >= 0);
}

static void an_observer_sees_progress_and_can_stop_the_run(void **state)
{
    (void)state;
    struct rig rig;
    size_t left = 7;
    rig_make(&rig, 20);
    rig.observer = (struct sc_run_observer){.context = &left, .keep_going = stop_now};
    assert_int_equal(rig_run(&rig), SC_ERR_INTERRUPTED);
    assert_int_equal(rig.summary.progress.n_traces_done, 8);
    rig.observer = (struct sc_run_observer){.context = &rig, .progress = note_progress};
    assert_done(&rig);
    assert_in_range(rig.n_reports, 1, 20); /* by time, not by trace */
    assert_int_equal(rig.summary.progress.n_instances_done, 20);
    assert_true(rig.summary.progress.mean_width > 1);
    fixture_free(&rig.f);
}

static void failed_traces_are_kept_with_their_reason(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_failed = 0, n_not_finite = 0;
    rig_make(&rig, 30);
    rig.source.fails = true;
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            if (trace->finish != SC_FINISH_FAILED) {
                assert_true(isfinite(trace->metrics[SC_METRIC_MEAN]));
                continue;
            }
            n_failed++;
            n_not_finite += strstr(trace->failure, "figures of token 4") != NULL;
            assert_int_equal(trace->verdict, SC_UNPARSED);
            for (int m = 0; m < SC_N_METRICS; m++)
                assert_true(isnan(trace->metrics[m]) && isnan(trace->answer_metrics[m]));
        }
    assert_true(n_failed > 10 && n_not_finite > 2);
    assert_int_equal(rig.summary.n_failed_traces, n_failed);
    sc_run_free(&run);
    /* Not tried again; counted again. */
    size_t n_sampled = rig.source.n_sampled;
    assert_done(&rig);
    assert_int_equal(rig.source.n_sampled, n_sampled);
    assert_int_equal(rig.summary.n_failed_traces, n_failed);
    fixture_free(&rig.f);
}

static void a_prompt_too_long_fails_its_traces_alone(void **state)
{
    (void)state;
    static char refused[] = "refuse to encode this";
    struct rig rig;
    struct sc_run run;
    rig_make(&rig, 5);
    rig.source.max_prompt = strlen(rig.f.instances[0].prompt);
    rig.f.instances[2].prompt = refused;
    strcat(rig.f.texts[4][1], " and a good deal more");
    rig.source.max_prompt = 30;
    assert_int_equal(fixture_configure(&rig.f), SC_OK);
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    assert_string_equal(run.instances[2].traces[0].failure, "prompt: cannot be encoded");
    assert_non_null(strstr(run.instances[4].traces[9].failure, "expected 1 to 30 tokens"));
    assert_int_equal(run.instances[4].n_traces, 10);
    assert_int_equal(run.instances[4].decisions[0].n_traces, 1);
    assert_int_equal(rig.summary.n_failed_traces,
                     run.instances[2].n_traces + run.instances[4].n_traces);
    assert_null(run.instances[1].traces[0].failure);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void reasoning_is_apart_from_the_answer(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_empty = 0, n_thought = 0, n_blank = 0;
    rig_make(&rig, 20);
    rig.source.thinks = true;
    assert_done(&rig);
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            if (strcmp(trace->text, "<think of it") == 0) { /* never came to an answer */
                n_empty++;
                assert_string_equal(trace->answer, "");
                assert_int_equal(trace->verdict, SC_EMPTY);
                assert_int_equal(trace->n_reasoning, trace->n_tokens);
                assert_true(isnan(trace->answer_metrics[SC_METRIC_MEAN]));
                assert_true(trace->reasoning_metrics[SC_METRIC_MEAN] ==
                            trace->metrics[SC_METRIC_MEAN]);
            } else if (trace->n_reasoning > 0) {
                n_thought++;
                assert_string_equal(trace->answer, "Sure, go.");
                assert_string_equal(trace->text, "<hmSure, go.");
                assert_true(isfinite(trace->reasoning_metrics[SC_METRIC_MEAN]));
                assert_true(isfinite(trace->answer_metrics[SC_METRIC_MEAN]));
            } else {
                n_blank += trace->verdict == SC_EMPTY;
                assert_string_equal(trace->answer, trace->text);
                assert_true(isnan(trace->reasoning_metrics[SC_METRIC_MEAN]));
                assert_true(trace->answer_metrics[SC_METRIC_TAIL] ==
                            trace->metrics[SC_METRIC_TAIL]);
            }
        }
    assert_true(n_empty > 0 && n_thought > 0 && n_blank > 0);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

/* Rows of `trace` that somebody removed are sampled again, to the same. */
static void removed_traces_come_back_the_same(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 8);
    rig.source.fails = true;
    assert_done(&rig);
    char *expected = describe(&rig);
    alter(&rig, "DELETE FROM trace WHERE finish = 'failed' OR instance = 3 OR trace = 1");
    assert_done(&rig);
    char *found = describe(&rig);
    assert_string_equal(found, expected);
    sc_free(found);
    static const char *const wrong[] = {
        /* too few of them, and as many as there are to be */
        "DELETE FROM decision WHERE policy = 2; UPDATE decision SET n_traces = 1",
        "UPDATE decision SET n_traces = 1"};
    for (size_t i = 0; i < 2; i++) {
        alter(&rig, wrong[i]);
        assert_done(&rig);
        found = describe(&rig);
        assert_string_equal(found, expected);
        sc_free(found);
    }
    alter(&rig, "UPDATE trace SET trace = 10 WHERE trace = 9; UPDATE verdict SET trace = 10"
                " WHERE trace = 9; UPDATE harm SET trace = 10 WHERE trace = 9");
    assert_int_equal(rig_run(&rig), SC_ERR_FORMAT);
    assert_non_null(strstr(rig.error.text, "at most 10 traces"));
    sc_free(expected);
    fixture_free(&rig.f);
}

static void a_run_goes_on_after_a_full_disk(void **state)
{
    (void)state;
    char *expected = undisturbed(12, false, true);
    struct rig rig;
    size_t n_kept = 0;
    rig_make(&rig, 12);
    rig.source.thinks = true;
    for (rig.limit_pages = 30;; rig.limit_pages += 7) {
        enum sc_status status = rig_run(&rig);
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_IO);
        assert_non_null(strstr(rig.error.text, "full"));
        assert_true(rig.summary.progress.n_traces_done > n_kept);
        n_kept = rig.summary.progress.n_traces_done;
    }
    assert_true(n_kept > 0);
    assert_ends_as(&rig, expected);
    sc_free(expected);
}

/* The disk is full while an instance whose prompt is too long is failed, inside next(). */
static void an_error_while_a_prompt_is_failed_ends_the_run(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 40);
    rig.source.max_prompt = 3;
    rig.limit_pages = 30;
    assert_int_equal(rig_run(&rig), SC_ERR_IO);
    assert_non_null(strstr(rig.error.text, "full"));
    assert_int_equal(rig.error.status, SC_ERR_IO);
    fixture_free(&rig.f);
}

static void a_source_that_breaks_its_promises_is_an_internal_error(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 10);
    rig.source.wrong = 1;
    assert_int_equal(rig_run(&rig), SC_ERR_INTERNAL);
    assert_non_null(strstr(rig.error.text, "was not asked for"));
    rig.source.wrong = 2;
    assert_int_equal(rig_run(&rig), SC_ERR_INTERNAL);
    assert_non_null(strstr(rig.error.text, "expected 10 finished instances"));
    rig.source.wrong = 0;
    assert_done(&rig);
    char *found = describe(&rig), *expected = undisturbed(10, false, false);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

/* Each attempt runs out of memory one allocation later and is taken up again. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    char *expected = undisturbed(3, true, true);
    struct rig rig;
    rig_make(&rig, 3);
    rig.source.fails = rig.source.thinks = true;
    rig_run_short_of_memory(&rig);
    assert_ends_as(&rig, expected);
    sc_free(expected);
}

static void a_killed_run_ends_the_same(void **state)
{
    (void)state;
    char *expected = undisturbed(20, true, true);
    struct rig rig;
    rig_make(&rig, 20);
    rig.source.fails = rig.source.thinks = true;
    for (useconds_t pause = 500; pause < 40000; pause = pause * 2) {
        pid_t child = fork();
        if (child == 0)
            _exit(rig_run(&rig) != SC_OK);
        usleep(pause);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    assert_done(&rig);
    assert_ends_as(&rig, expected);
    sc_free(expected);
}

/* What was given after a model's file changed is not stored. */
static void a_source_that_changed_ends_the_run_before_more_is_stored(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    size_t n_stored = 0;
    rig_make(&rig, 10);
    rig.source.changes_after = 7;
    assert_int_equal(rig_run(&rig), SC_ERR_CONFLICT);
    assert_non_null(strstr(rig.error.text, "the model has changed"));
    assert_int_equal(sc_run_load(rig.f.folder, true, &run, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        n_stored += run.instances[i].n_traces;
    assert_in_range(n_stored, 1, 7);
    sc_run_free(&run);
    rig.source.changes_after = 0;
    assert_done(&rig);
    char *found = describe(&rig), *expected = undisturbed(10, false, false);
    assert_string_equal(found, expected);
    sc_free(found);
    sc_free(expected);
    fixture_free(&rig.f);
}

static void options_are_refused_by_name(void **state)
{
    (void)state;
    struct sc_policy policy = sc_policy_default();
    struct sc_run_options good = sc_run_options_default();
    good.policies = &policy;
    good.n_policies = 1;
    good.out = "/tmp/x";
    assert_int_equal(sc_run_options_check(&good, NULL), SC_OK);
    assert_int_equal(sc_run_options_check(NULL, NULL), SC_ERR_ARGUMENT);
#define REFUSES(change, words)                                                                     \
    do {                                                                                           \
        struct sc_run_options o = good;                                                            \
        struct sc_error why = {0};                                                                 \
        change;                                                                                    \
        enum sc_status status = sc_run_options_check(&o, &why);                                    \
        assert_true(status == SC_ERR_ARGUMENT || status == SC_ERR_UNSUPPORTED);                    \
        if (strstr(why.text, words) == NULL)                                                       \
            fail_msg("expected \"%s\" in \"%s\"", words, why.text);                                \
    } while (0)
    REFUSES(o.size = 0, "size of the options");
    REFUSES(o.size++, "size of the options");
    REFUSES(o.temperature = -0.1, "temperature");
    REFUSES(o.temperature = INFINITY, "temperature");
    REFUSES(o.top_p = 0, "top-p");
    REFUSES(o.top_p = 1.01, "top-p");
    REFUSES(o.min_p = 1, "min-p");
    REFUSES(o.repetition_penalty = -1, "repetition-penalty");
    REFUSES(o.repetition_penalty = INFINITY, "repetition-penalty");
    REFUSES(o.min_p = -1, "min-p");
    REFUSES(o.top_k = -2, "top-k");
    REFUSES(o.max_new_tokens = SIZE_MAX, "max-new-tokens");
    REFUSES(o.window = 0, "window");
    REFUSES(o.confidence_top_k = 0, "confidence-top-k");
    REFUSES(o.confident_quantile = 1.5, "confident-quantile");
    REFUSES(o.confident_quantile = NAN, "confident-quantile");
    REFUSES(o.confident_threshold = INFINITY, "confident-threshold");
    REFUSES(o.metric = SC_N_METRICS, "metric");
    REFUSES(o.n_policies = 0, "policies");
    REFUSES(o.policies = NULL, "policies");
    REFUSES(o.primary = 1, "primary");
    REFUSES(o.detector = "guard", "detector: expected patterns or reader, found guard");
    REFUSES(o.judge = "guard", "judge: expected none, found guard");
    REFUSES(o.judge = NULL, "judge");
    REFUSES(o.dtype = 9, "dtype");
    REFUSES(o.n_threads = -1, "threads");
    REFUSES(o.model = "", "model");
    REFUSES(o.benchmark.name = NULL, "benchmark");
    REFUSES(o.out = NULL, "out");
    policy.min_traces = 11;
    REFUSES(o.seed = 1, "min traces");
#undef REFUSES
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_those_of_a_replay),
        cmocka_unit_test(the_order_in_which_traces_end_does_not_matter),
        cmocka_unit_test(a_run_interrupted_anywhere_ends_the_same),
        cmocka_unit_test(an_observer_sees_progress_and_can_stop_the_run),
        cmocka_unit_test(failed_traces_are_kept_with_their_reason),
        cmocka_unit_test(a_prompt_too_long_fails_its_traces_alone),
        cmocka_unit_test(reasoning_is_apart_from_the_answer),
        cmocka_unit_test(removed_traces_come_back_the_same),
        cmocka_unit_test(a_run_goes_on_after_a_full_disk),
        cmocka_unit_test(an_error_while_a_prompt_is_failed_ends_the_run),
        cmocka_unit_test(a_source_that_breaks_its_promises_is_an_internal_error),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(a_killed_run_ends_the_same),
        cmocka_unit_test(a_source_that_changed_ends_the_run_before_more_is_stored),
        cmocka_unit_test(options_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
