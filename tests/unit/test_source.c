/*
 * Sources of traces that do not give everything: text with log-probabilities of the likeliest
 * tokens, and text alone, from the run to its report.  What is not given is absent everywhere,
 * never 0.
 */
#include "analysis/replay/replay.h"
#include "base/file.h"
#include "base/json.h"
#include "report/report.h"
#include "runner_fixture.h"

struct stage {
    char folder[64], out[80];
    struct made_source made;
    struct sc_source source;
    struct sc_policy policies[2];
    struct sc_run_options options;
    struct sc_run_summary summary;
    struct sc_error error;
};

static void stage_make(struct stage *stage, enum made_gives gives)
{
    memset(stage, 0, sizeof *stage);
    snprintf(stage->folder, sizeof stage->folder, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->out, sizeof stage->out, "%s/run", stage->folder);
    stage->made = (struct made_source){
        .gives = gives, .parallel = 5, .order = {SC_STREAM_STATISTICS, 1, 2, 0}, .thinks = true};
    stage->source = (struct sc_source){&made_source_functions, &stage->made};
    stage->policies[0] = stage->policies[1] = sc_policy_default();
    stage->policies[1].kind = SC_POLICY_FIXED;
    stage->options = sc_run_options_default();
    stage->options.source = &stage->source;
    stage->options.benchmark.n_instances = 24;
    stage->options.policies = stage->policies;
    stage->options.n_policies = 2;
    stage->options.window = 4;
    stage->options.out = stage->out;
}

static void stage_free(struct stage *stage)
{
    fixture_remove_folder(stage->out);
    fixture_remove_folder(stage->folder);
}

static void stage_run(struct stage *stage)
{
    stage->made.n_prepared = 0;
    if (sc_run_execute(&stage->options, NULL, &stage->summary, &stage->error) != SC_OK)
        fail_msg("%s", stage->error.text);
}

static void stage_load(struct stage *stage, struct sc_run *run)
{
    if (sc_run_load(stage->out, true, run, &stage->error) != SC_OK)
        fail_msg("%s", stage->error.text);
}

static json_t *read_json(const struct stage *stage, const char *name)
{
    char path[200];
    json_t *json = NULL;
    struct sc_error error = {0};
    snprintf(path, sizeof path, "%s/%s", stage->out, name);
    if (sc_json_read(path, 1 << 24, &json, &error) != SC_OK)
        fail_msg("%s", error.text);
    return json;
}

/* The first line of predictions.jsonl. */
static json_t *read_prediction(const struct stage *stage)
{
    char path[200], *lines = NULL;
    size_t n = 0;
    json_t *json = NULL;
    snprintf(path, sizeof path, "%s/predictions-fixed.jsonl", stage->out);
    assert_int_equal(sc_file_read(path, 1 << 24, &lines, &n, NULL), SC_OK);
    assert_int_equal(sc_json_parse(lines, strcspn(lines, "\n"), path, &json, NULL), SC_OK);
    sc_free(lines);
    return json;
}

static void assert_page_says(const struct stage *stage, const char *words)
{
    char path[200], *page = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/report.html", stage->out);
    assert_int_equal(sc_file_read(path, 1 << 24, &page, &n, NULL), SC_OK);
    if (strstr(page, words) == NULL)
        fail_msg("report.html: expected \"%s\"", words);
    sc_free(page);
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void assert_source(const json_t *source, const char *logprobs, int top_k)
{
    assert_string_equal(text_at(source, "kind"), "made-up");
    assert_string_equal(text_at(source, "name"), "bytes");
    assert_string_equal(text_at(source, "logprobs"), logprobs);
    assert_int_equal(json_integer_value(json_object_get(source, "top_k")), top_k);
    assert_string_equal(text_at(source, "reproducible"), "unknown");
}

static void top_log_probabilities_alone_reach_the_report(void **state)
{
    (void)state;
    struct stage stage;
    struct sc_run run;
    size_t n_reasoning = 0;
    stage_make(&stage, GIVES_TOP_K);
    stage_run(&stage);
    assert_int_equal(stage.summary.n_failed_traces, 0);
    stage_load(&stage, &run);
    assert_string_equal(run.source.kind, "made-up");
    assert_int_equal(run.source.logprobs, SC_LOGPROBS_UNKNOWN);
    assert_int_equal(run.source.top_k, 20);
    for (size_t i = 0; i < run.n_instances; i++) {
        assert_int_equal(run.instances[i].n_traces, 10);
        for (size_t t = 0; t < 10; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            assert_int_equal(trace->figures, 1u << SC_FIGURE_LOGPROB | 1u << SC_FIGURE_CONFIDENCE);
            assert_null(trace->ids);
            assert_non_null(trace->text_ends);
            assert_true(isfinite(trace->metrics[SC_METRIC_MEAN]));
            assert_true(isfinite(trace->metrics[SC_METRIC_PROB]));
            for (size_t k = 0; k < trace->n_tokens; k++) {
                assert_true(isfinite(trace->stats[k].logprob) &&
                            isfinite(trace->stats[k].confidence));
                assert_true(isnan(trace->stats[k].entropy) &&
                            isnan(trace->stats[k].sampled_logprob));
            }
            n_reasoning += trace->n_reasoning > 0;
        }
    }
    assert_true(n_reasoning > 0);
    sc_run_free(&run);
    if (sc_report_write(stage.out, &stage.error) != SC_OK)
        fail_msg("%s", stage.error.text);
    json_t *analysis = read_json(&stage, "analysis.json");
    const json_t *about = json_object_get(analysis, "run");
    assert_source(json_object_get(json_object_get(about, "config"), "source"), "unknown", 20);
    assert_source(json_object_get(about, "source"), "unknown", 20);
    json_decref(analysis);
    stage_free(&stage);
}

static void text_alone_reaches_the_report_without_a_figure(void **state)
{
    (void)state;
    struct stage stage;
    struct sc_run run;
    stage_make(&stage, GIVES_TEXT);
    stage_run(&stage);
    assert_int_equal(stage.summary.n_failed_traces, 0);
    stage_load(&stage, &run);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            assert_false(trace->n_tokens_known);
            assert_true(trace->ids == NULL && trace->stats == NULL && trace->text_ends == NULL);
            for (int m = 0; m < SC_N_METRICS; m++)
                assert_true(isnan(trace->metrics[m]) && isnan(trace->answer_metrics[m]));
        }
    /* There is no bar without confidences, so adaptive stops nowhere before its maximum. */
    assert_int_equal(run.instances[0].decisions[0].n_traces, 10);
    assert_string_equal(run.instances[0].decisions[0].stop_reason, "max_traces");
    sc_run_free(&run);
    if (sc_report_write(stage.out, &stage.error) != SC_OK)
        fail_msg("%s", stage.error.text);
    assert_page_says(&stage, "not given");
    json_t *prediction = read_prediction(&stage);
    const json_t *metrics = json_object_get(prediction, "metrics");
    const char *name;
    json_t *values;
    json_object_foreach(json_object_get(prediction, "metrics"), name, values)
        assert_true(json_is_null(json_array_get(values, 0)));
    assert_int_equal(json_object_size(metrics), SC_N_METRICS);
    assert_true(json_is_null(json_array_get(json_object_get(prediction, "confidences"), 0)));
    assert_true(json_is_null(json_array_get(json_object_get(prediction, "tokens_per_trace"), 0)));
    assert_true(json_is_null(json_object_get(prediction, "total_tokens")));
    assert_true(json_is_null(json_object_get(prediction, "avg_confidence")));
    json_decref(prediction);
    json_t *analysis = read_json(&stage, "analysis.json");
    const json_t *overall = json_object_get(analysis, "overall");
    assert_source(json_object_get(json_object_get(analysis, "run"), "source"), "unknown", 0);
    assert_true(json_is_null(json_object_get(overall, "total_tokens")));
    json_decref(analysis);
    stage_free(&stage);
}

/* The beginnings of traces without ids come from where the text of their tokens ends. */
static void cuts_are_the_same_with_ids_and_without(void **state)
{
    (void)state;
    struct sc_run runs[2];
    struct stage stages[2];
    size_t n_cut = 0;
    for (int i = 0; i < 2; i++) {
        struct stage *stage = &stages[i];
        stage_make(stage, i ? GIVES_TOP_K : GIVES_ALL);
        stage->policies[0].kind = SC_POLICY_DEEPCONF;
        stage->policies[0].eta = 50;
        stage->policies[0].tau = 0.9;
        stage_run(stage);
        stage_load(stage, &runs[i]);
    }
    for (size_t i = 0; i < runs[0].n_instances; i++) {
        const struct sc_run_decision *a = &runs[0].instances[i].decisions[0];
        const struct sc_run_decision *b = &runs[1].instances[i].decisions[0];
        assert_int_equal(a->n_cuts, b->n_cuts);
        n_cut += a->n_cuts;
        for (size_t c = 0; c < a->n_cuts; c++) {
            assert_string_equal(a->cuts[c].text, b->cuts[c].text);
            assert_string_equal(a->cuts[c].answer, b->cuts[c].answer);
            assert_int_equal(a->cuts[c].n_reasoning, b->cuts[c].n_reasoning);
            assert_int_equal(a->cuts[c].verdict, b->cuts[c].verdict);
        }
    }
    assert_true(n_cut >= 5);
    for (int i = 0; i < 2; i++) {
        sc_run_free(&runs[i]);
        stage_free(&stages[i]);
    }
}

static void a_run_without_figures_resumes(void **state)
{
    (void)state;
    for (int gives = GIVES_TOP_K; gives <= GIVES_TEXT; gives++) {
        struct stage stage;
        stage_make(&stage, (enum made_gives)gives);
        stage.made.stop_after = 30;
        for (int tries = 0;; tries++) {
            stage.made.n_prepared = 0;
            stage.error = (struct sc_error){0};
            enum sc_status status =
                sc_run_execute(&stage.options, NULL, &stage.summary, &stage.error);
            if (status == SC_OK)
                break;
            assert_int_equal(status, SC_ERR_INTERRUPTED);
            assert_true(tries < 20);
        }
        assert_int_equal(stage.summary.progress.n_instances_done, 24);
        stage_free(&stage);
    }
}

static void deepconf_needs_a_source_with_confidences(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage, GIVES_TEXT);
    stage.policies[0].kind = SC_POLICY_DEEPCONF;
    assert_int_equal(sc_run_execute(&stage.options, NULL, NULL, &stage.error), SC_ERR_UNSUPPORTED);
    assert_non_null(strstr(stage.error.text, "deepconf: expected a source that gives"));
    assert_false(sc_is_folder(stage.out));
    stage_free(&stage);
}

static void a_source_that_lacks_functions_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage, GIVES_ALL);
    struct sc_source_functions few = made_source_functions;
    stage.source.functions = &few;
    few.sample = NULL;
    assert_int_equal(sc_run_execute(&stage.options, NULL, NULL, &stage.error), SC_ERR_ARGUMENT);
    few = made_source_functions;
    few.size = 8; /* nothing but its size */
    stage.error = (struct sc_error){0};
    assert_int_equal(sc_run_execute(&stage.options, NULL, NULL, &stage.error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(stage.error.text, "to describe, prepare and sample"));
    stage_free(&stage);
}

static void a_source_of_another_version_runs_when_it_is_older(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage, GIVES_ALL);
    struct sc_source_functions other = made_source_functions;
    stage.source.functions = &other;
    other.size = sizeof other + 1;
    assert_int_equal(sc_run_execute(&stage.options, NULL, NULL, &stage.error), SC_ERR_ARGUMENT);
    stage.error = (struct sc_error){0};
    /* Where its table ended before `close` came, what lies there is not a function of it. */
    other.size = offsetof(struct sc_source_functions, close);
    memset(&other.close, 0xff, sizeof other.close);
    stage_run(&stage);
    assert_int_equal(stage.summary.progress.n_instances_done, 24);
    stage_free(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_log_probabilities_alone_reach_the_report),
        cmocka_unit_test(text_alone_reaches_the_report_without_a_figure),
        cmocka_unit_test(cuts_are_the_same_with_ids_and_without),
        cmocka_unit_test(a_run_without_figures_resumes),
        cmocka_unit_test(deepconf_needs_a_source_with_confidences),
        cmocka_unit_test(a_source_that_lacks_functions_is_refused),
        cmocka_unit_test(a_source_of_another_version_runs_when_it_is_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
