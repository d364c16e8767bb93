/* Where traces came from: what of it a run is bound to, and what its files say. */
#include "analysis/analysis.h"
#include "runner_fixture.h"

/* The configuration of a run of this source; sc_free it. */
static char *config_of(struct run_fixture *f, const struct sc_source_info *source)
{
    char *json = NULL;
    const struct sc_config_facts facts = {
        .source = source, .benchmark = &f->benchmark, .detector = "patterns/1"};
    assert_int_equal(sc_config_write(&f->options, &facts, &json, NULL), SC_OK);
    return json;
}

static struct sc_source_info server(void)
{
    return (struct sc_source_info){.size = sizeof(struct sc_source_info),
                                   .kind = "server",
                                   .name = "org/model",
                                   .software = "vllm 0.32.0",
                                   .revision = "abc",
                                   .fingerprint = "fp_1",
                                   .frame = "chat",
                                   .sampling = {.temperature = 0.6, .top_p = 1, .top_k = -1},
                                   .logprobs = SC_LOGPROBS_RAW,
                                   .top_k = 20,
                                   .reproducible = SC_REPRODUCIBLE_YES};
}

static void assert_conflict(struct run_fixture *f, const struct sc_source_info *now,
                            const char *words)
{
    const struct sc_source_info then = server();
    struct sc_error error = {0};
    char *stored = config_of(f, &then), *wanted = config_of(f, now);
    assert_int_equal(sc_config_compare(stored, wanted, "run.db", &error), SC_ERR_CONFLICT);
    if (strstr(error.text, words) == NULL)
        fail_msg("expected %s in: %s", words, error.text);
    sc_free(stored);
    sc_free(wanted);
}

static void a_server_that_is_another_one_is_refused_by_the_field(void **state)
{
    (void)state;
    struct run_fixture f;
    assert_int_equal(fixture_make(&f, 2), 0);
    struct sc_source_info now = server();
    now.software = "vllm 0.33.0";
    assert_conflict(&f, &now, "source.software: expected \"vllm 0.33.0\", found \"vllm 0.32.0\"");
    now = server();
    now.revision = NULL;
    assert_conflict(&f, &now, "source.revision: expected nothing, found \"abc\"");
    now = server();
    now.name = "org/other";
    assert_conflict(&f, &now, "model.name");
    now = server();
    now.fingerprint = "fp_2";
    assert_conflict(&f, &now, "model.fingerprint: expected \"fp_2\", found \"fp_1\"");
    now = server();
    now.logprobs = SC_LOGPROBS_PROCESSED;
    assert_conflict(&f, &now, "source.logprobs: expected \"processed\", found \"raw\"");
    now = server();
    now.top_k = 5;
    assert_conflict(&f, &now, "source.top_k: expected 5, found 20");
    now = server();
    now.frame = "completions";
    assert_conflict(&f, &now, "model.frame");
    fixture_free(&f);
}

static void assert_same(struct run_fixture *f, const struct sc_source_info *then,
                        const struct sc_source_info *now)
{
    struct sc_error error = {0};
    char *stored = config_of(f, then), *wanted = config_of(f, now);
    if (sc_config_compare(stored, wanted, "run.db", &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_free(stored);
    sc_free(wanted);
}

static void whether_it_repeats_itself_was_tried_once(void **state)
{
    (void)state;
    struct run_fixture f;
    assert_int_equal(fixture_make(&f, 2), 0);
    struct sc_source_info then = server(), now = server();
    now.reproducible = SC_REPRODUCIBLE_NO;
    assert_same(&f, &then, &now);
    fixture_free(&f);
}

static void a_model_here_is_what_its_fingerprint_says_whatever_its_revision(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run = {0};
    char hash[17];
    size_t n = 0;
    assert_int_equal(fixture_make(&f, 2), 0);
    struct sc_source_info then = f.source, now = f.source;
    now.revision = "0123abcd";
    assert_same(&f, &then, &now);
    assert_same(&f, &now, &then);
    char *json = config_of(&f, &now);
    assert_int_equal(sc_config_read(json, &run, hash, &n, NULL), SC_OK);
    assert_string_equal(run.source.revision, "0123abcd");
    assert_null(run.source.kind);
    sc_free(json);
    sc_run_free(&run);
    fixture_free(&f);
}

/* The analysis of a run of two prompts whose configuration says this of its source. */
static void analyse(struct run_fixture *f, struct sc_run *run, struct sc_analysis *a)
{
    struct sc_error error = {0};
    assert_int_equal(fixture_configure(f), SC_OK);
    if (fixture_write(f, false, &error) != SC_OK || sc_run_load(f->folder, false, run, &error) ||
        sc_analysis_make(run, a, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void assert_text(const struct sc_analysis *a, const char *path, const char *expected)
{
    const char *found = sc_node_text(sc_node_find(a->document.root, path));
    assert_non_null(found);
    assert_string_equal(found, expected);
}

static void the_analysis_says_of_every_run_where_its_traces_came_from(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    struct sc_analysis a;
    assert_int_equal(fixture_make(&f, 2), 0);
    analyse(&f, &run, &a);
    assert_text(&a, "run.source.kind", "in-process");
    assert_text(&a, "run.source.name", "demo");
    assert_text(&a, "run.source.logprobs", "raw");
    assert_text(&a, "run.source.reproducible", "yes");
    assert_int_equal(sc_count_at(a.document.root, "run.source.top_k"), 20);
    assert_null(sc_node_find(a.document.root, "run.source.software"));
    assert_null(sc_node_find(a.document.root, "run.source.revision"));
    sc_analysis_free(&a);
    sc_run_free(&run);
    fixture_free(&f);
    assert_int_equal(fixture_make(&f, 2), 0);
    f.source = server();
    analyse(&f, &run, &a);
    assert_text(&a, "run.source.kind", "server");
    assert_text(&a, "run.source.name", "org/model");
    assert_text(&a, "run.source.software", "vllm 0.32.0");
    assert_text(&a, "run.source.revision", "abc");
    sc_analysis_free(&a);
    sc_run_free(&run);
    fixture_free(&f);
}

static void a_source_without_a_name_has_that_of_an_unknown_model(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    struct sc_analysis a;
    assert_int_equal(fixture_make(&f, 2), 0);
    f.source = server();
    f.source.name = f.source.software = f.source.revision = NULL;
    analyse(&f, &run, &a);
    assert_text(&a, "run.source.name", "unknown");
    sc_analysis_free(&a);
    sc_run_free(&run);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_another_one_is_refused_by_the_field),
        cmocka_unit_test(whether_it_repeats_itself_was_tried_once),
        cmocka_unit_test(a_model_here_is_what_its_fingerprint_says_whatever_its_revision),
        cmocka_unit_test(the_analysis_says_of_every_run_where_its_traces_came_from),
        cmocka_unit_test(a_source_without_a_name_has_that_of_an_unknown_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
