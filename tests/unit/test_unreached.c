/* An answer that the token limit kept from being begun: who says so, and that it counts in no rate,
 * neither at once nor when stored traces are judged again. */
#include <safeconf/judging.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "experiment/run/trace_maker.h"
#include "report/report.h"
#include "run_fixture.h"
#define fixture_trace shown_trace /* both fixtures have one */
#include "report_fixture.h"
#undef fixture_trace
#include "show_fixture.h"

#define GUARD TEST_GOLDEN "/judge_guard"

/* ---- who says so ----------------------------------------------------------------------------- */

static void a_limit_before_the_answer_is_unreached_and_silence_is_empty(void **state)
{
    static const struct {
        enum sc_finish finish;
        const char *text, *answer; /* answer NULL: all of text */
        size_t n_reasoning;        /* of 4 tokens; SIZE_MAX: tokens are not counted */
        enum sc_verdict verdict;
    } cases[] = {
        {SC_FINISH_LENGTH, "I think of it", "", 4, SC_UNREACHED},
        {SC_FINISH_CUT, "I think of it", "", 4, SC_UNREACHED},
        {SC_FINISH_STOP, "I think of it", "", 4, SC_EMPTY},
        {SC_FINISH_LENGTH, "I think of it\n\n", "\n\n", 3, SC_UNREACHED},
        {SC_FINISH_STOP, "I think of it\n\n", "\n\n", 3, SC_EMPTY},
        {SC_FINISH_LENGTH, "I think. Sure", "Sure", 3, SC_COMPLIANCE},
        {SC_FINISH_LENGTH, "\n\n", NULL, 0, SC_EMPTY},
        {SC_FINISH_LENGTH, "", NULL, 0, SC_EMPTY},
        {SC_FINISH_LENGTH, "Sure, first", NULL, 0, SC_COMPLIANCE},
        {SC_FINISH_LENGTH, "I think of it", "", SIZE_MAX, SC_UNREACHED},
        {SC_FINISH_STOP, "I think of it", "", SIZE_MAX, SC_EMPTY},
        {SC_FINISH_LENGTH, "", "", SIZE_MAX, SC_EMPTY},
    };
    const struct sc_trace_maker maker = {.detector = "patterns/1", .window = 32};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool counted = cases[i].n_reasoning != SIZE_MAX;
        const struct sc_source_trace given = {.finish = cases[i].finish,
                                              .text = cases[i].text,
                                              .answer = cases[i].answer,
                                              .n_tokens_known = counted,
                                              .n_tokens = counted ? 4 : 0,
                                              .n_reasoning = counted ? cases[i].n_reasoning : 0};
        struct sc_run_trace made;
        static char prompt[] = "prompt";
        const struct sc_instance instance = {.prompt = prompt};
        assert_int_equal(sc_trace_make(&maker, &instance, 0, &given, &made, NULL), SC_OK);
        if (made.verdict != cases[i].verdict)
            fail_msg("case %zu: %s", i, sc_verdict_name(made.verdict));
        if (made.verdict == SC_UNREACHED)
            assert_string_equal(made.rule, "unreached");
        sc_run_trace_free(&made);
    }
}

/* ---- what counts ----------------------------------------------------------------------------- */

static void no_policy_waits_for_answers_that_are_unreached(void **state)
{
    static const enum sc_policy_kind kinds[] = {SC_POLICY_SINGLE, SC_POLICY_FIXED,
                                                SC_POLICY_ADAPTIVE, SC_POLICY_CURTAILED,
                                                SC_POLICY_DEEPCONF};
    struct sc_policy_trace traces[10];
    (void)state;
    for (size_t t = 0; t < 10; t++)
        traces[t] = (struct sc_policy_trace){.confidence = (double)t, .verdict = SC_UNREACHED};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct sc_policy policy = sc_policy_default();
        struct sc_policy_decision last;
        policy.kind = kinds[k];
        size_t n = sc_policy_replay(&policy, traces, 10, &last);
        assert_true(last.stop && n >= 1 && n <= 10);
        assert_int_equal(sc_policy_vote(&policy, traces, n), SC_BEHAVIOUR_NONE);
    }
}

static void make_unreached(struct sc_run *run, size_t n_of_each)
{
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < n_of_each; t++) {
            struct sc_run_trace *trace = &run->instances[i].traces[t];
            trace->verdict = SC_UNREACHED;
            trace->finish = SC_FINISH_LENGTH;
            trace->n_reasoning = trace->n_tokens;
            trace->answer[0] = '\0';
        }
}

static char *shown(const struct sc_run *run, enum fixture_form form)
{
    struct sc_text text = {0};
    assert_int_equal(fixture_show(run, (struct fixture_view){form, 100, false}, &text, NULL),
                     SC_OK);
    return sc_text_take(&text);
}

static void where_nothing_is_judged_every_rate_is_none_and_the_limit_is_named(void **state)
{
    static const char note[] =
        "36 of 36 answers ended inside the reasoning: raise --max-new-tokens.";
    struct fixture_options o = {.n_instances = 12, .n_traces = 3};
    struct sc_run run = fixture_run(&o);
    struct sc_analysis a;
    (void)state;
    make_unreached(&run, 3);
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    assert_int_equal(a.overall.n_unreached, 36);
    assert_int_equal(a.overall.n_unparsed, 0);
    assert_int_equal(a.overall.n_judged, 0);
    assert_int_equal(a.overall.n_known, 0);
    assert_int_equal(a.overall.n_behaviours[SC_BEHAVIOUR_NONE], 12);
    const struct sc_estimate *rates[] = {&a.overall.refusal_rate,  &a.overall.harm_rate,
                                         &a.overall.agreement,     &a.overall.accuracy,
                                         &a.confusion.sensitivity, &a.confusion.specificity,
                                         &a.confusion.f1,          &a.by_agreement.ece,
                                         &a.by_probability.ece,    &a.asr[0],
                                         &a.confidence_refusals,   &a.confidence_answers};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        assert_true(isnan(rates[i]->value));
        assert_non_null(rates[i]->reason);
    }
    for (int q = 0; q < SC_N_QUADRANTS; q++)
        assert_int_equal(a.quadrants[q].n_instances, 0);
    for (size_t i = 0; i < run.n_instances; i++)
        assert_int_equal(a.views[0].instances[i].prediction, SC_PREDICT_NONE);
    sc_analysis_free(&a);

    for (int form = FIXTURE_JSON; form <= FIXTURE_PAGE; form++) {
        char *text = shown(&run, (enum fixture_form)form);
        assert_non_null(strstr(text, note));
        sc_free(text);
    }
    struct sc_text lines = {0};
    assert_int_equal(sc_report_predictions(&run, 0, &lines, NULL), SC_OK);
    assert_non_null(strstr(lines.data, "\"unreached\""));
    assert_non_null(strstr(lines.data, "\"refused\":[null,null,null]"));
    assert_non_null(strstr(lines.data, "\"behaviour\":null,\"confidence_category\":null"));
    assert_non_null(strstr(lines.data, "\"final_prediction\":null"));
    sc_text_free(&lines);
    sc_run_free(&run);
}

/* Unreached traces change nothing but their own count: the rates are those of the traces left. */
static void rates_are_those_of_the_answers_that_were_reached(void **state)
{
    struct fixture_options o = {.n_instances = 20, .n_traces = 4};
    struct sc_run some = fixture_run(&o), failed = fixture_run(&o);
    struct sc_analysis a, b;
    (void)state;
    make_unreached(&some, 1);
    for (size_t i = 0; i < failed.n_instances; i++)
        failed.instances[i].traces[0].finish = SC_FINISH_FAILED;
    assert_int_equal(sc_analysis_make(&some, &a, NULL), SC_OK);
    assert_int_equal(sc_analysis_make(&failed, &b, NULL), SC_OK);
    assert_int_equal(a.overall.n_unreached, 20);
    assert_int_equal(a.overall.n_judged, 60);
    assert_true(a.overall.refusal_rate.value == b.overall.refusal_rate.value);
    assert_true(a.overall.harm_rate.value == b.overall.harm_rate.value);
    assert_true(a.overall.agreement.value == b.overall.agreement.value);
    assert_true(a.confusion.accuracy.value == b.confusion.accuracy.value);
    assert_true(a.hypothesis.n_answers == b.hypothesis.n_answers);
    sc_analysis_free(&a);
    sc_analysis_free(&b);
    sc_run_free(&some);
    sc_run_free(&failed);
}

static void traces_that_nearly_all_end_by_length_are_warned_of(void **state)
{
    static const char words[] = "traces ended at the token limit";
    struct fixture_options o = {.n_instances = 10, .n_traces = 2};
    (void)state;
    for (size_t n_stopped = 0; n_stopped <= 3; n_stopped++) {
        struct sc_run run = fixture_run(&o);
        for (size_t i = 0; i < 20; i++)
            run.instances[i / 2].traces[i % 2].finish =
                i < n_stopped ? SC_FINISH_STOP : SC_FINISH_LENGTH;
        char *text = shown(&run, FIXTURE_TERMINAL);
        assert_int_equal(strstr(text, words) != NULL, n_stopped <= 2); /* of 20: 90 % are 18 */
        sc_free(text);
        sc_run_free(&run);
    }
    o = (struct fixture_options){.n_instances = 4, .n_traces = 1}; /* too few to say so */
    struct sc_run run = fixture_run(&o);
    for (size_t i = 0; i < 4; i++)
        run.instances[i].traces[0].finish = SC_FINISH_LENGTH;
    char *text = shown(&run, FIXTURE_TERMINAL);
    assert_null(strstr(text, words));
    sc_free(text);
    sc_run_free(&run);
}

/* ---- judged again ---------------------------------------------------------------------------- */

enum { N_STORED = 3 };

/* Trace t of one prompt: an answer, an empty one, one that was never begun. */
static void store_traces(const struct run_fixture *f)
{
    static const char *const answers[N_STORED] = {"= Hm ~, brief.", "", ""};
    static char rules[] = "patterns/1", rule[] = "empty";
    struct sc_store *store = NULL;
    bool resumed;
    assert_int_equal(sc_store_open(&store, f->folder,
                                   &(struct sc_store_run){f->config, f->instances, 1, NULL},
                                   &resumed, NULL),
                     SC_OK);
    for (uint32_t t = 0; t < N_STORED; t++) {
        struct fixture_trace made;
        static char nothing[1];
        fixture_trace(&made, 0, t);
        snprintf(made.text, sizeof made.text, "%s", t == 0 ? answers[0] : "I think of it");
        made.trace.answer = t == 0 ? made.text : nothing;
        made.trace.text_ends = NULL;
        made.trace.n_reasoning = t == 0 ? 0 : made.trace.n_tokens;
        made.trace.finish = t == 2 ? SC_FINISH_LENGTH : SC_FINISH_STOP;
        made.trace.verdict = t == 0 ? SC_COMPLIANCE : SC_EMPTY; /* as an older program said */
        made.trace.begin = made.trace.end = 0;
        made.trace.detector = rules;
        made.trace.rule = rule;
        assert_int_equal(sc_store_put_trace(store, 0,
                                            &(struct sc_store_trace){&made.trace, "none", NULL, 0},
                                            NULL),
                         SC_OK);
    }
    sc_store_close(store);
}

static void stored_traces_judged_again_know_it_and_no_judge_is_asked(void **state)
{
    struct run_fixture f;
    (void)state;
    assert_int_equal(fixture_make(&f, 1), 0);
    store_traces(&f);
    for (int by_judge = 0; by_judge < 2; by_judge++) {
        const struct sc_classify_options options = {
            .size = sizeof options,
            .folder = f.folder,
            .detector = by_judge ? SC_BY_JUDGE : SC_BY_DETECTOR,
            .harms = by_judge,
            .judge = {
                .judge = by_judge ? "guard" : NULL, .model = GUARD, .dtype = -1, .n_threads = 1}};
        struct sc_classify_summary summary;
        struct sc_error error = {0};
        if (sc_classify(&options, NULL, &summary, &error) != SC_OK)
            fail_msg("%s", error.text);
        assert_int_equal(summary.verdicts[SC_UNREACHED], 1);
        assert_int_equal(summary.verdicts[SC_EMPTY], 1);
        assert_int_equal(summary.n_empty, 2);
        assert_int_equal(summary.n_asked, by_judge);
        if (by_judge)
            assert_int_equal(summary.harms[SC_UNJUDGED], 1); /* nobody knows what it would say */
        sc_classify_summary_free(&summary);
    }
    struct sc_run run;
    assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
    assert_int_equal(run.instances[0].traces[1].verdict, SC_EMPTY);
    assert_int_equal(run.instances[0].traces[2].verdict, SC_UNREACHED);
    assert_string_equal(run.instances[0].traces[2].rule, "unreached");
    sc_run_free(&run);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_before_the_answer_is_unreached_and_silence_is_empty),
        cmocka_unit_test(no_policy_waits_for_answers_that_are_unreached),
        cmocka_unit_test(where_nothing_is_judged_every_rate_is_none_and_the_limit_is_named),
        cmocka_unit_test(rates_are_those_of_the_answers_that_were_reached),
        cmocka_unit_test(traces_that_nearly_all_end_by_length_are_warned_of),
        cmocka_unit_test(stored_traces_judged_again_know_it_and_no_judge_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
