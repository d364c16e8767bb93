/* Traces of a source that gives less than the model in this process: what is absent is null, empty
 * or "not given", with its reason, and never 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "page_texts.h"
#include "report/csv.h"
#include "report/report.h"
#include "report_fixture.h"
#include "show_fixture.h"

/* A run of such a source.  text_alone: neither figures nor token counts; else as fixture_run. */
static struct sc_run source_run(bool text_alone, enum sc_logprob_kind kind, size_t top_k)
{
    struct fixture_options o = {.n_instances = 30, .n_traces = 10, .compare = true};
    struct sc_run run = fixture_run(&o);
    run.source = (struct sc_run_source){.kind = sc_strdup("server"),
                                        .name = sc_strdup("some-model"),
                                        .logprobs = kind,
                                        .top_k = top_k,
                                        .reproducible = SC_REPRODUCIBLE_UNKNOWN};
    run.confidence_top_k = 20;
    for (size_t i = 0; text_alone && i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            struct sc_run_trace *trace = &run.instances[i].traces[t];
            trace->n_tokens_known = false;
            trace->n_tokens = 0;
            trace->figures = 0;
            for (int m = 0; m < SC_N_METRICS; m++)
                trace->metrics[m] = NAN;
        }
    return run;
}

static char *show(const struct sc_run *run, enum fixture_form form)
{
    struct sc_text text = {0};
    assert_int_equal(fixture_show(run, (struct fixture_view){form, 100, false}, &text, NULL),
                     SC_OK);
    return sc_text_take(&text);
}

static const struct sc_estimate *estimate_at(const struct sc_analysis *a, const char *path)
{
    const struct sc_node *node = sc_node_find(a->document.root, path);
    assert_non_null(node);
    assert_int_equal(node->kind, SC_NODE_ESTIMATE);
    return &node->as.estimate;
}

static void what_a_source_does_not_give_is_absent_with_its_reason(void **state)
{
    (void)state;
    struct sc_run run = source_run(true, SC_LOGPROBS_UNKNOWN, 0);
    struct sc_analysis a;
    static const char *const absent[] = {
        "overall.avg_confidence",
        "overall.avg_confidence_refusals",
        "overall.avg_tokens_per_trace",
        "overall.token_savings_percent",
        "policies.1.token_savings_percent",
        "policies.1.tokens_below_reference_percent",
        "hypothesis_test.auroc_low_confidence_for_harm.mean",
        "calibration.trace_probability.expected_calibration_error"};
    static const char *const known[] = {"overall.refusal_rate", "overall.harm_rate",
                                        "overall.accuracy", "confusion.sensitivity",
                                        "policies.1.trace_savings_percent"};
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_true(isnan(estimate_at(&a, absent[i])->value));
        assert_non_null(estimate_at(&a, absent[i])->reason);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(isfinite(estimate_at(&a, known[i])->value));
    assert_int_equal(sc_node_find(a.document.root, "overall.total_tokens")->kind, SC_NODE_ABSENT);
    assert_non_null(strstr(a.hypothesis.text, "no confidence is given"));
    struct sc_text csv = {0};
    sc_csv_table(&csv, SC_TABLE_TRACES, &a, false);
    assert_non_null(strstr(csv.data, ",stop,,,,")); /* n_tokens, n_reasoning, confidence */
    assert_null(strstr(csv.data, ",stop,0,"));
    sc_text_free(&csv);
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void predictions_have_null_for_what_is_absent(void **state)
{
    (void)state;
    struct sc_run run = source_run(true, SC_LOGPROBS_UNKNOWN, 0);
    struct sc_text text = {0};
    json_t *line = NULL;
    assert_int_equal(sc_report_predictions(&run, 0, &text, NULL), SC_OK);
    size_t n = strcspn(text.data, "\n");
    assert_int_equal(sc_json_parse(text.data, n, "line", &line, NULL), SC_OK);
    assert_true(json_is_null(json_object_get(line, "total_tokens")));
    assert_true(json_is_null(json_object_get(line, "avg_tokens_per_trace")));
    assert_true(json_is_null(json_object_get(line, "avg_confidence")));
    assert_true(json_is_null(json_array_get(json_object_get(line, "tokens_per_trace"), 0)));
    assert_true(json_is_null(json_array_get(json_object_get(line, "confidences"), 0)));
    assert_true(json_is_number(json_object_get(line, "refusal_rate")));
    json_decref(line);
    sc_text_free(&text);
    sc_run_free(&run);
}

static void terminal_and_page_say_not_given(void **state)
{
    (void)state;
    struct sc_run run = source_run(true, SC_LOGPROBS_UNKNOWN, 0);
    char *terminal = show(&run, FIXTURE_TERMINAL), *page = show(&run, FIXTURE_PAGE);
    assert_non_null(strstr(terminal, "tokens not given"));
    assert_non_null(strstr(terminal, "refusals not given, answers not given"));
    assert_non_null(strstr(terminal, "there are no quadrants"));
    assert_non_null(strstr(terminal, "no log-probabilities"));
    assert_null(strstr(terminal, " 0 tokens"));
    assert_non_null(strstr(page, "<dt>Tokens</dt><dd>not given</dd>"));
    assert_non_null(strstr(page, "no log-probabilities, so there is no confidence."));
    struct sc_text texts = page_texts(page);
    assert_non_null(strstr(texts.data, "\"tokens\":null"));
    sc_text_free(&texts);
    sc_free(terminal);
    sc_free(page);
    sc_run_free(&run);
}

static void a_confidence_that_is_not_the_models_own_is_named_so(void **state)
{
    (void)state;
    static const struct {
        enum sc_logprob_kind kind;
        size_t top_k;
        const char *says, *says_not;
    } cases[] = {
        {SC_LOGPROBS_PROCESSED, 20, "rest on processed", "where 20 were"},
        {SC_LOGPROBS_UNKNOWN, 20, "an unknown kind", "processed"},
        {SC_LOGPROBS_RAW, 5, "rest on 5 log-probabilities", "processed"},
        {SC_LOGPROBS_PROCESSED, 5, "where 20 were", "unknown kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_run run = source_run(false, cases[i].kind, cases[i].top_k);
        struct sc_replay_data data;
        struct sc_analysis a;
        assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
        assert_non_null(strstr(a.confidence_note, cases[i].says));
        assert_null(strstr(a.confidence_note, cases[i].says_not));
        assert_string_equal(sc_node_text(sc_node_find(a.document.root, "run.source.logprobs")),
                            sc_logprob_kind_name(cases[i].kind));
        assert_string_equal(sc_node_text(sc_node_find(a.document.root, "run.source.reproducible")),
                            "unknown");
        char *page = show(&run, FIXTURE_PAGE);
        assert_non_null(strstr(page, a.confidence_note));
        assert_int_equal(sc_replay_load(&run, 0, &data, NULL), SC_OK);
        assert_string_equal(data.confidence_note, a.confidence_note);
        sc_replay_data_free(&data);
        sc_free(page);
        sc_analysis_free(&a);
        sc_run_free(&run);
    }
    struct sc_run run = source_run(false, SC_LOGPROBS_RAW, 20);
    char *page = show(&run, FIXTURE_PAGE);
    assert_null(strstr(page, "Confidences rest on"));
    sc_free(page);
    sc_run_free(&run);
}

static void replay_leaves_out_rules_whose_confidence_is_absent(void **state)
{
    (void)state;
    struct sc_run run = source_run(true, SC_LOGPROBS_UNKNOWN, 0);
    struct sc_replay_options options = sc_replay_options_default();
    struct sc_replay_data data;
    struct sc_replay replay;
    struct sc_text json = {0}, terminal = {0};
    options.n_orders = 5;
    options.n_threads = 1;
    assert_int_equal(sc_replay_load(&run, 0, &data, NULL), SC_OK);
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    assert_true(replay.n_without_confidence > 100 && replay.n_reading == 0);
    for (size_t r = 0; r < replay.n_rows; r++) {
        assert_false(replay.rows[r].reads_confidence);
        assert_true(isfinite(replay.rows[r].traces.value));
        assert_true(isnan(replay.rows[r].token_savings_percent.value));
        assert_true(isnan(replay.rows[r].tokens.value));
    }
    assert_int_equal(replay.recommended, -1);
    assert_non_null(strstr(replay.why, "how many tokens"));
    assert_int_equal(sc_report_replay_json(&replay, &run, &json, NULL), SC_OK);
    assert_non_null(strstr(json.data, "\"n_tokens\":null"));
    assert_null(strstr(json.data, "\"n_tokens\":0"));
    assert_non_null(strstr(json.data, "\"rules_left_out_reason\""));
    assert_int_equal(sc_report_replay_terminal(&replay, SC_METRIC_MEAN, true, &terminal, NULL),
                     SC_OK);
    assert_non_null(strstr(terminal.data, "tokens not given"));
    assert_non_null(strstr(terminal.data, "Left out:"));
    sc_text_free(&json);
    sc_text_free(&terminal);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
    sc_run_free(&run);
}

static void replay_of_one_metric_keeps_the_rules_that_read_it(void **state)
{
    (void)state;
    struct sc_run run = source_run(false, SC_LOGPROBS_RAW, 20);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++)
            for (int m = 0; m < SC_N_METRICS; m++)
                if (m != SC_METRIC_PROB)
                    run.instances[i].traces[t].metrics[m] = NAN;
    struct sc_replay_options options = sc_replay_options_default();
    struct sc_replay_data data;
    struct sc_replay replay;
    options.n_orders = 5;
    options.n_threads = 1;
    assert_int_equal(sc_replay_load(&run, 0, &data, NULL), SC_OK);
    assert_int_equal(sc_replay_make(&data, &options, &replay, NULL), SC_OK);
    assert_int_equal(replay.n_reading, 16); /* two rules at eight percentiles */
    for (size_t r = 0; r < replay.n_rows; r++)
        if (replay.rows[r].reads_confidence) {
            assert_int_equal(replay.rows[r].policy.metric, SC_METRIC_PROB);
            assert_true(replay.rows[r].noise_traces > 1); /* its own, not of the row before */
        }
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_source_does_not_give_is_absent_with_its_reason),
        cmocka_unit_test(predictions_have_null_for_what_is_absent),
        cmocka_unit_test(terminal_and_page_say_not_given),
        cmocka_unit_test(a_confidence_that_is_not_the_models_own_is_named_so),
        cmocka_unit_test(replay_leaves_out_rules_whose_confidence_is_absent),
        cmocka_unit_test(replay_of_one_metric_keeps_the_rules_that_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
