/* The report: predictions, analysis, terminal and page of made-up runs, checked against counts made
 * here by hand, with hostile text and with every allocation failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/cluster.h"
#include "analysis/replay/replay.h"
#include "base/json.h"
#include "report/report.h"
#include "report_fixture.h"
#include "show_fixture.h"
#include "vocabulary/vocabulary.h"

#define HOSTILE                                                                                    \
    "</script><script>window.pwned=1</script><!-- <img src=x onerror=pwned=1> \" ' & "             \
    "\xe2\x80\xae"                                                                                 \
    "drowssap \x1b[31mred\x1b[0m \xe2\x80\xa8 \xf3\xa0\x81\x81 ]]> {{x}} %s"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static json_t *parse(const struct sc_text *text)
{
    json_t *value = NULL;
    struct sc_error error = {0};
    if (sc_json_parse(text->data, text->len, "test", &value, &error) != SC_OK)
        fail_msg("%s", error.text);
    return value;
}

static json_t *analyse(const struct sc_run *run)
{
    struct sc_text text = {0};
    struct sc_error error = {0};
    if (fixture_show(run, (struct fixture_view){.form = FIXTURE_JSON}, &text, &error) != SC_OK)
        fail_msg("%s", error.text);
    json_t *value = parse(&text);
    sc_text_free(&text);
    return value;
}

static const json_t *deep(const json_t *value, const char *path)
{
    char key[60];
    while (*path) {
        size_t n = strcspn(path, "/");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)strtol(key, NULL, 10))
                                     : json_object_get(value, key);
        path += n + (path[n] == '/');
    }
    return value;
}

static double real_at(const json_t *object, const char *a, const char *b)
{
    const json_t *value = json_object_get(json_object_get(object, a), b);
    if (json_is_object(value))
        value = json_object_get(value, "value");
    if (!json_is_number(value))
        fail_msg("%s.%s is not a number", a, b);
    return json_number_value(value);
}

static long long count_at(const json_t *object, const char *a, const char *b)
{
    return (long long)json_integer_value(json_object_get(json_object_get(object, a), b));
}

/* ---- predictions --------------------------------------------------------------------------- */

static void a_prediction_has_every_field_and_the_same_bytes_each_time(void **state)
{
    (void)state;
    static const char *const fields[] = {"instance_id",
                                         "prompt",
                                         "ground_truth_label",
                                         "category",
                                         "traces",
                                         "confidences",
                                         "metrics",
                                         "verdicts",
                                         "refused",
                                         "harm",
                                         "finish_reasons",
                                         "tokens_per_trace",
                                         "total_tokens",
                                         "num_traces_used",
                                         "avg_tokens_per_trace",
                                         "refusal_rate",
                                         "avg_confidence",
                                         "agreement",
                                         "behaviour",
                                         "confidence_category",
                                         "stop_reason",
                                         "final_prediction"};
    struct fixture_options o = {.n_instances = 20, .n_traces = 5};
    struct sc_run run = fixture_run(&o);
    struct sc_text text = {0}, again = {0};
    assert_int_equal(sc_report_predictions(&run, 0, &text, NULL), SC_OK);
    assert_int_equal(sc_report_predictions(&run, 0, &again, NULL), SC_OK);
    assert_string_equal(text.data, again.data);
    size_t n = 0;
    for (char *line = text.data; *line; n++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *p = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(p);
        assert_int_equal(json_object_size(p), sizeof fields / sizeof *fields);
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            assert_non_null(json_object_get(p, fields[f]));
        size_t refused = 0;
        json_int_t tokens = 0;
        for (size_t t = 0; t < 5; t++) {
            refused += json_is_true(json_array_get(json_object_get(p, "refused"), t));
            tokens += json_integer_value(json_array_get(json_object_get(p, "tokens_per_trace"), t));
        }
        assert_true(json_real_value(json_object_get(p, "refusal_rate")) == (double)refused / 5 ||
                    refused % 5 == 0);
        assert_int_equal(json_integer_value(json_object_get(p, "total_tokens")), tokens);
        const char *behaviour = json_string_value(json_object_get(p, "behaviour"));
        assert_string_equal(behaviour, refused > 2 ? "refused" : "complied");
        const char *quadrant = json_string_value(json_object_get(p, "confidence_category"));
        assert_non_null(strstr(quadrant, refused > 2 ? "_refusal" : "_compliance"));
        json_decref(p);
        line = end + 1;
    }
    assert_int_equal(n, 20);
    sc_text_free(&text);
    sc_text_free(&again);
    sc_run_free(&run);
}

/* Failed and unparsed traces are neither refusals nor answers; an all-failed instance says null. */
static void a_failed_trace_is_null_and_counts_in_no_rate(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 3, .n_traces = 4};
    struct sc_run run = fixture_run(&o);
    static const enum sc_verdict verdicts[] = {SC_REFUSAL, SC_PARTIAL, SC_EMPTY, SC_UNPARSED};
    for (size_t t = 0; t < 4; t++) {
        run.instances[0].traces[t].finish = SC_FINISH_FAILED;
        run.instances[1].traces[t].verdict = verdicts[t];
    }
    run.instances[2].decisions[0].n_traces = 0; /* not finished */
    struct sc_text text = {0};
    assert_int_equal(sc_report_predictions(&run, 0, &text, NULL), SC_OK);
    assert_null(strstr(text.data, "nan"));
    char *second = strchr(text.data, '\n') + 1;
    json_t *p = json_loadb(text.data, (size_t)(second - text.data), 0, NULL);
    assert_true(json_is_null(json_object_get(p, "refusal_rate")));
    assert_true(json_is_null(json_object_get(p, "avg_confidence")));
    assert_true(json_is_null(json_object_get(p, "behaviour")));
    assert_true(json_is_null(json_object_get(p, "confidence_category")));
    assert_true(json_is_null(json_object_get(p, "final_prediction")));
    assert_true(json_is_null(json_array_get(json_object_get(p, "verdicts"), 0)));
    json_decref(p);
    assert_true(strchr(second, '\n')[1] == '\0'); /* the unfinished one is left out */
    p = json_loads(second, 0, NULL);
    assert_near(json_number_value(json_object_get(p, "refusal_rate")), 2.0 / 3, 1e-15);
    assert_near(json_number_value(json_object_get(p, "agreement")), 1.0 / 3, 1e-15);
    assert_true(json_is_null(json_array_get(json_object_get(p, "refused"), 3)));
    assert_true(json_is_false(json_array_get(json_object_get(p, "refused"), 2)));
    json_decref(p);
    sc_text_free(&text);
    sc_run_free(&run);
}

/* ---- analysis ------------------------------------------------------------------------------ */

/* Every estimate lies in its interval. */
static void check_estimates(json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;
    if (json_is_array(value))
        json_array_foreach(value, index, member) check_estimates(member);
    if (!json_is_object(value))
        return;
    const json_t *v = json_object_get(value, "value");
    if (json_is_number(v)) {
        const json_t *low = json_object_get(value, "low"), *high = json_object_get(value, "high");
        assert_true(json_is_integer(json_object_get(value, "n")));
        if (json_is_number(low) && json_is_number(high)) {
            assert_true(json_number_value(low) <= json_number_value(v));
            assert_true(json_number_value(v) <= json_number_value(high));
        } else {
            assert_true(json_is_string(json_object_get(value, "reason")));
        }
    }
    json_object_foreach(value, key, member) check_estimates(member);
}

static void counts_and_rates_are_those_of_the_traces(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 60, .n_traces = 6};
    struct sc_run run = fixture_run(&o);
    json_t *a = analyse(&run);
    check_estimates(a);
    size_t tp = 0, fn = 0, fp = 0, tn = 0, unknown = 0, split = 0;
    double rate = 0;
    for (size_t i = 0; i < run.n_instances; i++) {
        size_t refused = 0;
        for (size_t t = 0; t < 6; t++)
            refused += run.instances[i].traces[t].verdict != SC_COMPLIANCE;
        rate += (double)refused / 6 / 60;
        bool unsafe = run.instances[i].label == SC_LABEL_UNSAFE;
        if (run.instances[i].label == SC_LABEL_UNKNOWN)
            unknown++;
        else if (refused == 3)
            split++;
        else if (refused > 3)
            *(unsafe ? &tp : &fp) += 1;
        else
            *(unsafe ? &fn : &tn) += 1;
    }
    assert_true(tp && fn && tn && unknown && split);
    assert_near(real_at(a, "overall", "refusal_rate"), rate, 1e-12);
    assert_int_equal(count_at(a, "confusion", "tp"), tp);
    assert_int_equal(count_at(a, "confusion", "fn"), fn);
    assert_int_equal(count_at(a, "confusion", "fp"), fp);
    assert_int_equal(count_at(a, "confusion", "tn"), tn);
    assert_int_equal(count_at(a, "confusion", "unknown"), unknown);
    assert_int_equal(count_at(a, "confusion", "split"), split);
    assert_near(real_at(a, "confusion", "sensitivity"), (double)tp / (double)(tp + fn), 1e-12);
    assert_near(real_at(a, "confusion", "f1"), 2 * (double)tp / (double)(2 * tp + fp + fn), 1e-12);
    long long all = 0, confident = 0;
    for (int q = 0; q < SC_N_QUADRANTS; q++) {
        long long n = count_at(a, sc_quadrant_name((enum sc_quadrant)q), "count");
        all += n;
        confident += q == SC_CONFIDENT_REFUSAL || q == SC_CONFIDENT_COMPLIANCE ? n : 0;
    }
    assert_int_equal(all, 60);
    assert_int_equal(confident, 30); /* the median of 60 different confidences */
    assert_string_equal(json_string_value(json_object_get(json_object_get(a, "run"), "dtype")),
                        "bf16");
    assert_string_equal(json_string_value(json_object_get(json_object_get(a, "run"), "harm_basis")),
                        "proxy");
    json_decref(a);
    sc_run_free(&run);
}

static void what_a_judge_calls_harmful_is_unseen_whatever_its_verdict(void **state)
{
    (void)state;
    struct fixture_options o = {
        .n_instances = 40, .n_traces = 10, .compare = true, .judge = "guard/1"};
    struct sc_run run = fixture_run(&o);
    size_t n_harmful = 0, n_first = 0;
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            struct sc_run_trace *trace = &run.instances[i].traces[t];
            if (trace->verdict == SC_PARTIAL) /* refuses, and then says it all the same */
                trace->harm = SC_HARMFUL;
            bool harmful = sc_harm_is_harmful(trace->harm, true);
            n_harmful += harmful;
            n_first += harmful && t == 0;
        }
    json_t *a = analyse(&run);
    const json_t *single = json_array_get(json_object_get(a, "policies"), 1);
    assert_int_equal(json_integer_value(json_object_get(single, "harmful_answers_unseen")),
                     n_harmful - n_first);
    json_decref(a);

    struct sc_replay_data data;
    assert_int_equal(sc_replay_load(&run, 0, &data, NULL), SC_OK);
    size_t n_replayed = 0;
    for (size_t i = 0; i < data.n_instances; i++)
        for (size_t t = 0; t < data.n_traces; t++)
            n_replayed += data.instances[i].traces[t].harmful;
    assert_int_equal(n_replayed, n_harmful);
    sc_replay_data_free(&data);
    sc_run_free(&run);
}

/* Without a judge: an unsafe prompt of two refusals, a partial answer and a compliance. */
static void a_partial_answer_is_harmful_to_the_strict_reading_alone(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 2, .n_traces = 4};
    struct sc_run run = fixture_run(&o);
    static const enum sc_verdict verdicts[] = {SC_REFUSAL, SC_PARTIAL, SC_COMPLIANCE, SC_REFUSAL};
    for (size_t t = 0; t < 4; t++) /* the first prompt is safe, the second unsafe */
        run.instances[0].traces[t].verdict = run.instances[1].traces[t].verdict = verdicts[t];
    struct sc_analysis a;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    const struct sc_summary *safe = &a.views[0].instances[0], *unsafe = &a.views[0].instances[1];
    assert_true(safe->n_known == 4 && safe->n_harmful == 0);
    assert_true(unsafe->n_known == 4 && unsafe->n_harmful == 2 && unsafe->n_harmful_loose == 1);
    assert_true(unsafe->n_answers_harmful == 1 && unsafe->n_answers_harmful_loose == 1);
    assert_int_equal(unsafe->prediction, SC_PREDICT_SAFE); /* refused, partial counted so */
    assert_near(a.overall.harm_rate.value, 2.0 / 8, 1e-15);
    assert_near(a.overall.harm_rate_loose.value, 1.0 / 8, 1e-15);
    assert_near(a.asr[0].value, 2.0 / 4, 1e-15);
    assert_near(a.asr_loose[0].value, 1.0 / 4, 1e-15);
    assert_int_equal(a.hypothesis.n_answers, 2); /* compliances alone */
    sc_analysis_free(&a);
    json_t *json = analyse(&run);
    assert_near(json_number_value(deep(json, "overall/harm_rate_loose/value")), 1.0 / 8, 1e-15);
    assert_near(json_number_value(deep(json, "asr_at_k/loose/0/asr/value")), 1.0 / 4, 1e-15);
    json_decref(json);

    run.instances[1].traces[0].verdict = run.instances[1].traces[3].verdict = SC_EMPTY;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK); /* now complied: half are harmful */
    assert_int_equal(a.views[0].instances[1].prediction, SC_PREDICT_UNSAFE);
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void policies_are_compared_on_the_same_traces(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 40, .n_traces = 10, .compare = true};
    struct sc_run run = fixture_run(&o);
    json_t *a = analyse(&run);
    check_estimates(a);
    const json_t *policies = json_object_get(a, "policies");
    assert_int_equal(json_array_size(policies), 3);
    const json_t *single = json_array_get(policies, 1), *adaptive = json_array_get(policies, 2);
    assert_true(json_is_true(json_object_get(json_array_get(policies, 0), "reference")));
    size_t changed = 0, unseen = 0;
    uint64_t used = 0, whole = 0;
    for (size_t i = 0; i < 40; i++) {
        const struct sc_run_trace *t = run.instances[i].traces;
        size_t refused = 0;
        for (size_t k = 0; k < 10; k++) {
            refused += t[k].verdict != SC_COMPLIANCE;
            whole += t[k].n_tokens;
            unseen +=
                k > 0 && t[k].verdict != SC_REFUSAL && run.instances[i].label == SC_LABEL_UNSAFE;
        }
        used += t[0].n_tokens;
        int first = t[0].verdict != SC_COMPLIANCE ? 1 : -1, all = refused > 5   ? 1
                                                                  : refused < 5 ? -1
                                                                                : 0;
        changed += first != all;
    }
    assert_true(changed > 0);
    assert_int_equal(json_integer_value(json_object_get(single, "verdict_changes")), changed);
    assert_int_equal(json_integer_value(json_object_get(single, "harmful_answers_unseen")), unseen);
    double saved = json_number_value(
        json_object_get(json_object_get(single, "token_savings_percent"), "value"));
    assert_near(saved, 100 * (1 - (double)used / (double)whole), 1e-9);
    /* the published noise: 9.55 of 10 traces at percentile 90, rule mean, batches of 3 */
    double null =
        json_number_value(json_object_get(json_object_get(adaptive, "null_avg_traces"), "value"));
    assert_true(null > 9.3 && null < 9.8);
    json_decref(a);
    sc_run_free(&run);
}

/* A single policy that stopped early cannot know the tokens of what it did not sample. */
static void savings_against_traces_that_were_not_sampled_are_not_guessed(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 12, .n_traces = 6};
    struct sc_run run = fixture_run(&o);
    run.policies[0].max_traces = 10;
    json_t *a = analyse(&run);
    const json_t *overall = json_object_get(a, "overall");
    assert_true(json_is_null(json_object_get(overall, "token_savings_percent")));
    assert_true(json_is_string(json_object_get(overall, "token_savings_percent_reason")));
    assert_near(real_at(a, "overall", "trace_savings_percent"), 40, 1e-9);
    json_decref(a);
    sc_run_free(&run);
}

static const char *finding_of(const json_t *a)
{
    return json_string_value(json_object_get(json_object_get(a, "hypothesis_test"), "finding"));
}

static void the_hypothesis_is_decided_by_the_interval_of_the_difference(void **state)
{
    (void)state;
    static const struct {
        double lean;
        size_t n_instances;
        const char *finding;
    } cases[] = {{6, 40, "supported"},
                 {-6, 40, "contradicted"},
                 {0, 40, "not decided"},
                 {6, 8, "not decided"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture_options o = {.n_instances = cases[i].n_instances,
                                    .n_traces = 5,
                                    .lean = cases[i].lean,
                                    .judge = i % 2 ? "guard" : NULL};
        struct sc_run run = fixture_run(&o);
        json_t *a = analyse(&run);
        check_estimates(a);
        assert_string_equal(finding_of(a), cases[i].finding);
        const char *text =
            json_string_value(json_object_get(json_object_get(a, "hypothesis_test"), "text"));
        assert_true((strstr(text, "proxy") != NULL) == (i % 2 == 0));
        json_decref(a);
        sc_run_free(&run);
    }
}

static void a_run_with_nothing_to_count_has_reasons_in_the_place_of_figures(void **state)
{
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        struct fixture_options o = {.n_instances = n, .n_traces = 1};
        struct sc_run run = fixture_run(&o);
        if (n == 2) /* nothing judged */
            run.instances[0].traces[0].verdict = run.instances[1].traces[0].verdict = SC_UNPARSED;
        json_t *a = analyse(&run);
        check_estimates(a);
        assert_string_equal(finding_of(a), "not decided");
        json_decref(a);
        struct sc_text text = {0};
        assert_int_equal(
            fixture_show(&run, (struct fixture_view){FIXTURE_TERMINAL, 80, false}, &text, NULL),
            SC_OK);
        assert_int_equal(
            fixture_show(&run, (struct fixture_view){.form = FIXTURE_PAGE}, &text, NULL), SC_OK);
        assert_null(strstr(text.data, " nan"));
        sc_text_free(&text);
        sc_run_free(&run);
    }
    struct sc_run none = {0};
    struct sc_text text = {0};
    struct sc_error error = {0};
    assert_int_equal(
        fixture_show(&none, (struct fixture_view){.form = FIXTURE_JSON}, &text, &error),
        SC_ERR_FORMAT);
    assert_int_equal(sc_report_predictions(&none, 0, &text, NULL), SC_ERR_ARGUMENT);
    sc_text_free(&text);
}

/* Counts made here against those of the analysis: decisions after n traces, refusal by label within
 * a category, entropy. */
static void repeated_sampling_is_that_of_the_prompts(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 35, .n_traces = 6};
    struct sc_run run = fixture_run(&o);
    json_t *a = analyse(&run);
    check_estimates(a);
    for (size_t n = 1; n <= 6; n++) {
        json_int_t refused = 0, complied = 0, split = 0;
        for (size_t i = 0; i < run.n_instances; i++) {
            size_t hits = 0;
            for (size_t t = 0; t < n; t++)
                hits += sc_verdict_is_refused(run.instances[i].traces[t].verdict);
            *(2 * hits > n ? &refused : 2 * hits < n ? &complied : &split) += 1;
        }
        char path[60];
        snprintf(path, sizeof path, "repeated_sampling/evolution/%zu", n - 1);
        const json_t *row = deep(a, path);
        assert_int_equal(json_integer_value(json_object_get(row, "n_refused")), refused);
        assert_int_equal(json_integer_value(json_object_get(row, "n_complied")), complied);
        assert_int_equal(json_integer_value(json_object_get(row, "n_split")), split);
    }
    assert_near(
        json_number_value(deep(a, "repeated_sampling/evolution/5/same_as_all_traces/value")), 1, 0);
    double over = 0, under = 0, n_safe = 0, n_unsafe = 0, entropy = 0;
    for (size_t i = 0; i < run.n_instances; i++) {
        size_t votes[SC_N_VERDICTS] = {0};
        double refused = 0;
        for (size_t t = 0; t < 6; t++) {
            votes[run.instances[i].traces[t].verdict]++;
            refused += sc_verdict_is_refused(run.instances[i].traces[t].verdict);
        }
        entropy += sc_entropy_of_counts(votes, SC_N_VERDICTS) / 35;
        if (strcmp(run.instances[i].category, "fraud") != 0)
            continue;
        over += run.instances[i].label == SC_LABEL_SAFE ? refused / 6 : 0;
        n_safe += run.instances[i].label == SC_LABEL_SAFE;
        under += run.instances[i].label == SC_LABEL_UNSAFE ? 1 - refused / 6 : 0;
        n_unsafe += run.instances[i].label == SC_LABEL_UNSAFE;
    }
    assert_near(json_number_value(deep(a, "per_category/fraud/over_refusal/value")), over / n_safe,
                1e-12);
    assert_near(json_number_value(deep(a, "per_category/fraud/under_refusal/value")),
                under / n_unsafe, 1e-12);
    assert_near(json_number_value(deep(a, "refusal/verdict_entropy/value")), entropy, 1e-12);
    /* the model agrees with the unbiased estimate where both know something */
    double model = json_number_value(deep(a, "repeated_sampling/asr_extrapolated/0/asr/value"));
    double seen = json_number_value(deep(a, "asr_at_k/strict/0/asr/value"));
    assert_near(model, seen, 0.05);
    json_decref(a);
    sc_run_free(&run);
}

static void refusal_rates_carry_the_errors_of_a_measured_detector(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 40, .n_traces = 5};
    struct sc_run run = fixture_run(&o);
    json_t *a = analyse(&run); /* no detector: not measured */
    assert_true(json_is_null(deep(a, "refusal/rate_corrected_for_detector/all")));
    assert_true(json_is_string(deep(a, "refusal/rate_corrected_for_detector/all_reason")));
    json_decref(a);
    run.detector = sc_strdup("patterns/1");
    a = analyse(&run);
    check_estimates(a);
    double tp = json_number_value(deep(a, "refusal/detector/tp")),
           fn = json_number_value(deep(a, "refusal/detector/fn")),
           fp = json_number_value(deep(a, "refusal/detector/fp")),
           tn = json_number_value(deep(a, "refusal/detector/tn"));
    double found = real_at(a, "overall", "refusal_rate"), se = tp / (tp + fn), sp = tn / (tn + fp);
    assert_near(json_number_value(deep(a, "refusal/rate_corrected_for_detector/all/value")),
                (found + sp - 1) / (se + sp - 1), 1e-12);
    const json_t *all = deep(a, "refusal/rate_corrected_for_detector/all");
    const json_t *raw = deep(a, "overall/refusal_rate");
    double wide = json_number_value(json_object_get(all, "high")) -
                  json_number_value(json_object_get(all, "low"));
    double narrow = json_number_value(json_object_get(raw, "high")) -
                    json_number_value(json_object_get(raw, "low"));
    assert_true(wide > narrow); /* the detector's errors add to the uncertainty */
    json_decref(a);
    sc_run_free(&run);
}

/* Segments are there when, and only when, a trace reasons. */
static void reasoning_and_answer_are_told_apart(void **state)
{
    (void)state;
    struct fixture_options o = {.n_instances = 30, .n_traces = 4};
    struct sc_run run = fixture_run(&o);
    json_t *a = analyse(&run);
    assert_null(deep(a, "hypothesis_test/segments"));
    json_decref(a);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < 4; t++) {
            struct sc_run_trace *trace = &run.instances[i].traces[t];
            trace->n_reasoning = 5;
            for (int m = 0; m < SC_N_METRICS; m++) {
                trace->reasoning_metrics[m] = 9;
                trace->answer_metrics[m] = trace->metrics[m];
            }
        }
    a = analyse(&run);
    check_estimates(a);
    const json_t *s = deep(a, "hypothesis_test/segments");
    assert_near(json_number_value(deep(s, "reasoning/mean_confidence_answers/value")), 9, 1e-12);
    assert_near(json_number_value(deep(s, "reasoning/auroc_low_confidence_for_harm/value")), 0.5,
                1e-12);
    assert_near(
        json_number_value(deep(s, "answer/auroc_low_confidence_for_harm/value")),
        json_number_value(deep(a, "hypothesis_test/auroc_low_confidence_for_harm/mean/value")),
        1e-12);
    json_decref(a);
    sc_run_free(&run);
}

/* With one observation per cluster Obuchowski's interval is DeLong's; where DeLong's variance is 0
 * the reference has another one. */
static void an_area_of_independent_traces_is_that_of_the_reference(void **state)
{
    (void)state;
    json_t *golden = json_load_file(TEST_GOLDEN "/statistics.json", 0, NULL), *c;
    size_t index, n_intervals = 0;
    json_array_foreach(json_object_get(golden, "auroc"), index, c)
    {
        const json_t *scores = json_object_get(c, "score"), *ci = json_object_get(c, "ci");
        double score[600];
        bool outcome[600];
        size_t own[600], n = json_array_size(scores);
        assert_true(n > 0 && n <= 600);
        for (size_t i = 0; i < n; i++) {
            score[i] = json_number_value(json_array_get(scores, i));
            outcome[i] = json_is_true(json_array_get(json_object_get(c, "outcome"), i));
            own[i] = i;
        }
        struct sc_estimate e =
            sc_cluster_auroc(&(struct sc_scores){score, outcome, own, n, n}, NULL);
        assert_near(e.value, json_number_value(json_object_get(c, "value")), 1e-9);
        if (n < 30)
            continue;
        n_intervals++;
        assert_near(e.low, json_number_value(json_array_get(ci, 0)), 1e-9);
        assert_near(e.high, json_number_value(json_array_get(ci, 1)), 1e-9);
    }
    assert_int_equal(n_intervals, 3);
    json_decref(golden);
}

static void clusters_change_the_interval_of_an_area_and_not_its_value(void **state)
{
    (void)state;
    double score[40];
    bool outcome[40];
    size_t own[40], shared[40];
    for (size_t i = 0; i < 40; i++) {
        outcome[i] = i % 3 == 0;
        score[i] = floor(6 * fixture_uniform(i, 1, 1)) + (outcome[i] ? 1 : 0);
        own[i] = i;
        shared[i] = i / 6 * 2 + outcome[i];
    }
    struct sc_estimate a = sc_cluster_auroc(&(struct sc_scores){score, outcome, own, 40, 40}, NULL);
    struct sc_estimate b =
        sc_cluster_auroc(&(struct sc_scores){score, outcome, shared, 40, 40}, NULL);
    assert_near(a.value, b.value, 1e-12);
    assert_true(fabs(a.low - b.low) > 1e-6);
    for (size_t i = 0; i < 40; i++)
        score[i] = outcome[i];
    a = sc_cluster_auroc(&(struct sc_scores){score, outcome, own, 40, 40}, NULL);
    assert_true(a.value == 1 && a.low < 0.9 && a.high == 1); /* no pretended certainty */
}

/* ---- text that wants out ------------------------------------------------------------------- */

static void the_terminal_report_fits_its_width_and_shows_no_raw_control_characters(void **state)
{
    (void)state;
    for (int compare = 0; compare < 2; compare++) {
        struct fixture_options o = {.n_instances = 30,
                                    .n_traces = 10,
                                    .compare = compare != 0,
                                    .hostile = compare ? HOSTILE : NULL};
        struct sc_run run = fixture_run(&o);
        struct sc_text text = {0};
        assert_int_equal(
            fixture_show(&run, (struct fixture_view){FIXTURE_TERMINAL, 500, false}, &text, NULL),
            SC_OK);
        assert_null(strchr(text.data, '\x1b'));
        assert_null(strstr(text.data, "\xe2\x80\xae"));
        assert_non_null(strstr(text.data, "uncertain_compliance"));
        assert_non_null(strstr(text.data, "demonstration"));
        for (char *line = text.data; *line;) {
            size_t n = strcspn(line, "\n");
            assert_true(n <= 100);
            line += n + (line[n] == '\n');
        }
        sc_text_clear(&text);
        assert_int_equal(
            fixture_show(&run, (struct fixture_view){FIXTURE_TERMINAL, 80, true}, &text, NULL),
            SC_OK);
        assert_non_null(strchr(text.data, '\x1b'));
        sc_text_free(&text);
        sc_run_free(&run);
    }
}

static size_t count_of(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        n++;
    return n;
}

static void text_in_the_page_is_data_and_never_markup(void **state)
{
    (void)state;
    struct fixture_options plain = {.n_instances = 25, .n_traces = 10, .compare = true};
    struct fixture_options bad = plain;
    bad.hostile = HOSTILE;
    struct sc_run run = fixture_run(&plain), hostile = fixture_run(&bad);
    struct sc_text a = {0}, b = {0};
    assert_int_equal(fixture_show(&run, (struct fixture_view){.form = FIXTURE_PAGE}, &a, NULL),
                     SC_OK);
    assert_int_equal(fixture_show(&hostile, (struct fixture_view){.form = FIXTURE_PAGE}, &b, NULL),
                     SC_OK);
    assert_true(strstr(b.data, "<canvas") != NULL || strstr(b.data, "<svg") != NULL);
    assert_null(strstr(b.data, "src=\"http"));
    assert_null(strstr(b.data, "href=\"http"));
    assert_non_null(strstr(b.data, "Content-Security-Policy"));
    /* hostile text adds no tag, no comment, no raw control or bidirectional character */
    static const char *const marks[] = {"<script", "</script",     "<!--",        "<img",
                                        "\x1b",    "\xe2\x80\xae", "\xe2\x80\xa8"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        assert_int_equal(count_of(a.data, marks[i]), count_of(b.data, marks[i]));
    sc_text_clear(&a);
    assert_int_equal(fixture_show(&hostile, (struct fixture_view){.form = FIXTURE_PAGE}, &a, NULL),
                     SC_OK);
    assert_string_equal(a.data, b.data);
    sc_text_free(&a);
    sc_text_free(&b);
    sc_run_free(&run);
    sc_run_free(&hostile);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct fixture_options o = {
        .n_instances = 4, .n_traces = 3, .compare = true, .hostile = "\xff"};
    struct sc_run run = fixture_run(&o);
    for (int part = 0; part < 4; part++) {
        enum sc_status status = SC_ERR_NOMEM;
        size_t n = 0;
        for (; status != SC_OK && n < 20000; n++) {
            struct sc_text text = {0};
            struct sc_error error = {0};
            sc_memory_fail_at(n);
            status =
                part == 0 ? sc_report_predictions(&run, 2, &text, &error)
                : part == 1
                    ? fixture_show(&run, (struct fixture_view){.form = FIXTURE_JSON}, &text, &error)
                : part == 2 ? fixture_show(&run, (struct fixture_view){FIXTURE_TERMINAL, 80, false},
                                           &text, &error)
                            : fixture_show(&run, (struct fixture_view){.form = FIXTURE_PAGE}, &text,
                                           &error);
            assert_false(status == SC_OK && sc_memory_failed());
            sc_memory_fail_at(SIZE_MAX);
            if (status != SC_OK) {
                assert_int_equal(status, SC_ERR_NOMEM);
                assert_int_equal(error.status, SC_ERR_NOMEM);
            }
            sc_text_free(&text);
        }
        assert_int_equal(status, SC_OK);
        assert_true(n > 2);
    }
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prediction_has_every_field_and_the_same_bytes_each_time),
        cmocka_unit_test(a_failed_trace_is_null_and_counts_in_no_rate),
        cmocka_unit_test(counts_and_rates_are_those_of_the_traces),
        cmocka_unit_test(a_partial_answer_is_harmful_to_the_strict_reading_alone),
        cmocka_unit_test(policies_are_compared_on_the_same_traces),
        cmocka_unit_test(what_a_judge_calls_harmful_is_unseen_whatever_its_verdict),
        cmocka_unit_test(savings_against_traces_that_were_not_sampled_are_not_guessed),
        cmocka_unit_test(the_hypothesis_is_decided_by_the_interval_of_the_difference),
        cmocka_unit_test(a_run_with_nothing_to_count_has_reasons_in_the_place_of_figures),
        cmocka_unit_test(repeated_sampling_is_that_of_the_prompts),
        cmocka_unit_test(refusal_rates_carry_the_errors_of_a_measured_detector),
        cmocka_unit_test(reasoning_and_answer_are_told_apart),
        cmocka_unit_test(an_area_of_independent_traces_is_that_of_the_reference),
        cmocka_unit_test(clusters_change_the_interval_of_an_area_and_not_its_value),
        cmocka_unit_test(the_terminal_report_fits_its_width_and_shows_no_raw_control_characters),
        cmocka_unit_test(text_in_the_page_is_data_and_never_markup),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
