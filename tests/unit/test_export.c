/*
 * A run as a log of inspect_ai: what stands in its entries, the same bytes each time, names of
 * entries that are none of the run's own, and what happens when memory runs out.  That inspect_ai's
 * own reader takes it: python/tests/test_exchange.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/archive.h"
#include "base/file.h"
#include "base/json.h"
#include "run_fixture.h"
#include "vocabulary/vocabulary.h"

struct stage {
    struct run_fixture run;
    char path[100];
    char *bytes;
    size_t n_bytes;
    struct sc_archive *archive;
};

static void stage_make(struct stage *stage, size_t n_instances, const char *first_id)
{
    struct sc_error error = {0};
    *stage = (struct stage){0};
    assert_int_equal(fixture_make(&stage->run, n_instances), 0);
    char *own = stage->run.instances[0].id;
    if (first_id != NULL) {
        stage->run.instances[0].id = sc_strdup(first_id);
        assert_int_equal(fixture_configure(&stage->run), 0);
    }
    if (fixture_write(&stage->run, true, &error) != SC_OK)
        fail_msg("%s", error.text);
    if (first_id != NULL) {
        sc_free(stage->run.instances[0].id);
        stage->run.instances[0].id = own;
    }
    snprintf(stage->path, sizeof stage->path, "%s/run.eval", stage->run.folder);
}

static void stage_free(struct stage *stage)
{
    sc_archive_close(stage->archive);
    sc_free(stage->bytes);
    fixture_remove_folder(stage->run.folder);
    fixture_free(&stage->run);
}

static struct sc_export_summary export_run(struct stage *stage, const char *policy)
{
    struct sc_error error = {0};
    struct sc_export_summary summary = {0};
    struct sc_export_options options = sc_export_options_default();
    options.policy = policy;
    if (sc_export_eval(stage->run.folder, &options, &summary, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_archive_close(stage->archive);
    sc_free(stage->bytes);
    assert_int_equal(
        sc_file_read(stage->path, (size_t)1 << 26, &stage->bytes, &stage->n_bytes, NULL), SC_OK);
    assert_int_equal(
        sc_archive_open(&stage->archive, stage->bytes, stage->n_bytes, stage->path, NULL), SC_OK);
    return summary;
}

/* json_decref it; NULL: no such entry. */
static json_t *entry(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < sc_archive_count(stage->archive); i++) {
        if (strcmp(sc_archive_name(stage->archive, i), name) != 0)
            continue;
        struct sc_text text = {0};
        assert_int_equal(sc_archive_read(stage->archive, i, &text, NULL), SC_OK);
        json_t *value = json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);
        sc_text_free(&text);
        assert_non_null(value);
        return value;
    }
    return NULL;
}

static const json_t *at(const json_t *value, const char *path)
{
    while (*path != '\0' && value != NULL) {
        size_t n = strcspn(path, ".");
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(path))
                                     : json_object_getn(value, path, n);
        path += n + (path[n] == '.');
    }
    return value;
}

static void samples_are_the_traces_that_the_policy_used(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage, 12, NULL);
    struct sc_export_summary adaptive = export_run(&stage, NULL);
    assert_int_equal(adaptive.n_prompts, 12);
    assert_true(adaptive.finished);
    json_t *header = entry(&stage, "header.json"), *start = entry(&stage, "_journal/start.json");
    json_t *summaries = entry(&stage, "summaries.json");
    assert_int_equal(json_array_size(summaries), adaptive.n_traces);
    assert_int_equal(sc_archive_count(stage.archive), adaptive.n_traces + 4);
    assert_string_equal(json_string_value(at(header, "status")), "success");
    assert_true(json_equal(at(header, "eval"), at(start, "eval")));
    assert_int_equal(json_integer_value(at(header, "results.total_samples")), adaptive.n_traces);
    assert_int_equal(json_integer_value(at(header, "results.completed_samples")),
                     adaptive.n_traces - adaptive.n_failed_traces);
    assert_true(adaptive.n_failed_traces > 0);
    assert_string_equal(json_string_value(at(header, "eval.metadata.safeconf.policy")), "adaptive");
    json_decref(header);
    json_decref(start);
    json_decref(summaries);
    assert_int_equal(export_run(&stage, "single").n_traces, 12);
    assert_int_equal(export_run(&stage, "fixed").n_traces, 60);
    header = entry(&stage, "header.json");
    assert_int_equal(json_integer_value(at(header, "eval.config.epochs")), 5);
    json_decref(header);
    stage_free(&stage);
}

/* Every figure is there and is the same number again. */
static void a_sample_says_what_its_trace_says(void **state)
{
    (void)state;
    struct stage stage;
    struct fixture_trace made;
    stage_make(&stage, 3, NULL);
    export_run(&stage, "fixed");
    fixture_trace(&made, 1, 2);
    char name[200];
    snprintf(name, sizeof name, "samples/%s_epoch_3.json", stage.run.instances[1].id);
    json_t *sample = entry(&stage, name);
    assert_non_null(sample);
    assert_string_equal(json_string_value(at(sample, "input")), stage.run.instances[1].prompt);
    assert_string_equal(json_string_value(at(sample, "output.choices.0.message.content")),
                        made.text);
    assert_string_equal(json_string_value(at(sample, "target")),
                        sc_label_name(stage.run.instances[1].label));
    assert_int_equal(json_integer_value(at(sample, "output.usage.output_tokens")),
                     made.trace.n_tokens);
    assert_int_equal(json_integer_value(at(sample, "scores.refusal.value")),
                     sc_verdict_is_refused(made.trace.verdict));
    const json_t *tokens = at(sample, "output.choices.0.logprobs.content");
    const json_t *confidences = at(sample, "output.metadata.safeconf.confidence");
    assert_int_equal(json_array_size(tokens), made.trace.n_tokens);
    assert_int_equal(json_array_size(confidences), made.trace.n_tokens);
    struct sc_text spelt = {0};
    for (size_t i = 0; i < made.trace.n_tokens; i++) {
        const json_t *token = json_array_get(tokens, i);
        sc_text_puts(&spelt, json_string_value(at(token, "token")));
        float logprob = (float)json_number_value(at(token, "logprob"));
        float confidence = (float)json_number_value(json_array_get(confidences, i));
        assert_true(logprob == made.stats[i].logprob);
        assert_true(confidence == made.stats[i].confidence);
    }
    assert_string_equal(spelt.data, made.text);
    sc_text_free(&spelt);
    json_decref(sample);
    stage_free(&stage);
}

static void a_failed_trace_has_its_reason_and_no_score(void **state)
{
    (void)state;
    struct stage stage;
    stage_make(&stage, 1, NULL);
    export_run(&stage, "fixed");
    char name[200];
    snprintf(name, sizeof name, "samples/%s_epoch_2.json", stage.run.instances[0].id);
    json_t *sample = entry(&stage, name);
    assert_true(json_is_string(at(sample, "error.message")));
    assert_null(at(sample, "scores"));
    assert_null(at(sample, "output.choices"));
    json_decref(sample);
    stage_free(&stage);
}

static void the_same_run_gives_the_same_bytes(void **state)
{
    (void)state;
    struct stage stage;
    char *first;
    size_t n;
    stage_make(&stage, 4, NULL);
    export_run(&stage, NULL);
    first = stage.bytes;
    n = stage.n_bytes;
    stage.bytes = NULL;
    export_run(&stage, NULL);
    assert_int_equal(n, stage.n_bytes);
    assert_memory_equal(first, stage.bytes, n);
    sc_free(first);
    stage_free(&stage);
}

static void no_id_becomes_a_path(void **state)
{
    (void)state;
    static const char *const hostile[] = {"../../x",  "/etc/passwd",      "a\\b", ".", "a:b",
                                          "q?x#y%2f", "\xe2\x80\xae-gpj", "a~b"};
    for (size_t h = 0; h < sizeof hostile / sizeof *hostile; h++) {
        struct stage stage;
        stage_make(&stage, 2, hostile[h]);
        export_run(&stage, NULL);
        size_t n_renamed = 0;
        for (size_t i = 0; i < sc_archive_count(stage.archive); i++) {
            const char *name = sc_archive_name(stage.archive, i);
            const char *rest = strncmp(name, "samples/", 8) == 0 ? name + 8 : "x";
            assert_null(strpbrk(rest, "/\\:%#?"));
            assert_true(*rest != '.');
            assert_null(strstr(name, "\xe2\x80\xae"));
            if (strstr(name, "-1~_epoch_1.json") == NULL)
                continue;
            json_t *sample = entry(&stage, name);
            assert_string_equal(json_string_value(at(sample, "metadata.instance_id")), hostile[h]);
            json_decref(sample);
            n_renamed++;
        }
        assert_int_equal(n_renamed, 1);
        stage_free(&stage);
    }
}

static void what_is_asked_wrongly_is_refused(void **state)
{
    (void)state;
    struct stage stage;
    struct sc_error error = {0};
    struct sc_export_options options = sc_export_options_default();
    stage_make(&stage, 2, NULL);
    options.policy = "nobody";
    assert_int_equal(sc_export_eval(stage.run.folder, &options, NULL, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "adaptive"));
    options = sc_export_options_default();
    options.out = "";
    assert_int_equal(sc_export_eval(stage.run.folder, &options, NULL, NULL), SC_ERR_ARGUMENT);
    options.size = 1;
    assert_int_equal(sc_export_eval(stage.run.folder, &options, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_export_eval(NULL, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    assert_false(sc_file_exists(stage.path));
    stage_free(&stage);
}

static void memory_that_runs_out_leaves_no_log(void **state)
{
    (void)state;
    struct stage stage;
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0;
    stage_make(&stage, 1, NULL);
    for (; status != SC_OK && n < 200000; n += n < 600 ? 1 : 97) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_export_eval(stage.run.folder, NULL, NULL, &error);
        size_t n_asked = sc_memory_count();
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && n_asked > n)
            fail_msg("allocation %zu failed, and nobody said so", n);
        if (status != SC_OK && status != SC_ERR_NOMEM)
            fail_msg("allocation %zu: %s", n, error.text);
        if (status != SC_OK && sc_file_exists(stage.path))
            fail_msg("allocation %zu failed, and there is a log", n);
    }
    assert_int_equal(status, SC_OK);
    stage_free(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_the_traces_that_the_policy_used),
        cmocka_unit_test(a_sample_says_what_its_trace_says),
        cmocka_unit_test(a_failed_trace_has_its_reason_and_no_score),
        cmocka_unit_test(the_same_run_gives_the_same_bytes),
        cmocka_unit_test(no_id_becomes_a_path),
        cmocka_unit_test(what_is_asked_wrongly_is_refused),
        cmocka_unit_test(memory_that_runs_out_leaves_no_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
