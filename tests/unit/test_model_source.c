/* What a caller brings along: the model in this process as a source, also on weights that are
 * packed already and two runs at a time; prompts of its own.  The runs are those without. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "changing_model.h"
#include "report/report.h"
#include "run_fixture.h"

/* A run in a folder of its own. */
struct place {
    char folder[64], out[80];
    struct sc_policy policy;
    struct sc_run_options options;
    struct sc_run_summary summary;
    struct sc_error error;
};

static void place_make(struct place *place)
{
    memset(place, 0, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->out, sizeof place->out, "%s/run", place->folder);
    place->policy = sc_policy_default();
    place->options = sc_run_options_default();
    place->options.model = TEST_MODELS "/demo";
    place->options.policies = &place->policy;
    place->options.n_policies = 1;
    place->options.benchmark.n_instances = 8;
    place->options.max_new_tokens = 12;
    place->options.n_threads = 1;
    place->options.out = place->out;
}

static void place_free(struct place *place)
{
    fixture_remove_folder(place->out);
    fixture_remove_folder(place->folder);
}

static void place_run(struct place *place)
{
    if (sc_run_execute(&place->options, NULL, &place->summary, &place->error) != SC_OK ||
        sc_report_write(place->out, &place->error) != SC_OK)
        fail_msg("%s", place->error.text);
}

static void assert_same_file(const struct place *a, const struct place *b, const char *name)
{
    char *texts[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        char *path = sc_path_join(i == 0 ? a->out : b->out, name);
        size_t n;
        struct sc_error error = {0};
        if (sc_file_read(path, SIZE_MAX / 2, &texts[i], &n, &error) != SC_OK)
            fail_msg("%s", error.text);
        sc_free(path);
    }
    assert_string_equal(texts[0], texts[1]);
    sc_free(texts[0]);
    sc_free(texts[1]);
}

static char *configuration_of(const struct place *place)
{
    struct sc_run run;
    struct sc_error error = {0};
    if (sc_run_load(place->out, false, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    char *config = sc_strdup(run.config_json);
    sc_run_free(&run);
    return config;
}

static void assert_same_run(const struct place *a, const struct place *b)
{
    assert_same_file(a, b, "predictions.jsonl");
    assert_same_file(a, b, "analysis.json");
    char *configs[2] = {configuration_of(a), configuration_of(b)};
    assert_string_equal(configs[0], configs[1]);
    sc_free(configs[0]);
    sc_free(configs[1]);
}

/* The demonstration model, packed once for all tests. */
static struct sc_model *model;
static struct sc_engine *engine;

static int pack(void **state)
{
    struct sc_error error = {0};
    (void)state;
    if (!sc_is_folder(TEST_MODELS "/demo"))
        return 0;
    struct sc_engine_options options = sc_engine_options_default();
    options.n_threads = 1;
    return sc_model_open(&model, TEST_MODELS "/demo", &error) != SC_OK ||
           sc_engine_open(&engine, model, &options, &error) != SC_OK;
}

static int unpack(void **state)
{
    (void)state;
    sc_engine_close(engine);
    sc_model_close(model);
    return 0;
}

static void need_model(void)
{
    if (engine == NULL)
        skip();
}

static struct sc_source open_source(const struct sc_engine *packed, size_t parallel)
{
    struct sc_source source;
    struct sc_error error = {0};
    struct sc_model_source_options options = sc_model_source_options_default();
    options.model = TEST_MODELS "/demo";
    options.engine = packed;
    options.n_threads = 1;
    options.parallel = parallel;
    if (sc_source_open_model(&options, &source, &error) != SC_OK)
        fail_msg("%s", error.text);
    return source;
}

static void a_run_through_it_is_the_run_without_a_source(void **state)
{
    (void)state;
    need_model();
    struct place plain;
    place_make(&plain);
    place_run(&plain);
    const struct {
        const struct sc_engine *engine;
        size_t parallel;
    } ways[] = {{NULL, 0}, {engine, 0}, {engine, 1}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct place through;
        struct sc_source source = open_source(ways[i].engine, ways[i].parallel);
        place_make(&through);
        through.options.source = &source;
        place_run(&through);
        assert_true(through.summary.progress.n_rows > 0);
        assert_same_run(&plain, &through);
        sc_source_close(&source);
        place_free(&through);
    }
    place_free(&plain);
}

static void *run_place(void *context)
{
    struct place *place = context;
    struct sc_source source = open_source(engine, 0);
    place->options.source = &source;
    (void)sc_run_execute(&place->options, NULL, &place->summary, &place->error);
    sc_source_close(&source);
    return NULL;
}

static void two_runs_share_an_engine_at_the_same_time(void **state)
{
    (void)state;
    need_model();
    struct place places[2], alone;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        place_make(&places[i]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_place, &places[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    place_make(&alone);
    place_run(&alone);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(places[i].error.text, "");
        assert_int_equal(sc_report_write(places[i].out, &places[i].error), SC_OK);
        assert_same_run(&alone, &places[i]);
        place_free(&places[i]);
    }
    place_free(&alone);
}

/* The prompts of a benchmark, handed back. */
struct handed {
    struct sc_prompts *prompts;
    struct sc_prompt list[8];
};

static void hand_back(struct handed *handed, struct place *place)
{
    struct sc_benchmark_options *benchmark = &place->options.benchmark;
    struct sc_error error = {0};
    if (sc_prompts_load(&handed->prompts, benchmark, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(sc_prompts_count(handed->prompts), 8);
    for (size_t i = 0; i < 8; i++)
        handed->list[i] = sc_prompts_at(handed->prompts, i);
    *benchmark = sc_benchmark_options_default();
    benchmark->name = sc_prompts_name(handed->prompts);
    benchmark->prompts = handed->list;
    benchmark->n_prompts = 8;
}

static void a_run_of_prompts_handed_back_is_the_benchmarks(void **state)
{
    (void)state;
    need_model();
    struct place plain, mine;
    struct handed handed;
    place_make(&plain);
    place_run(&plain);
    place_make(&mine);
    hand_back(&handed, &mine);
    place_run(&mine);
    assert_same_run(&plain, &mine);
    place_run(&mine); /* the same run, which is finished */
    assert_int_equal(mine.summary.progress.n_instances_resumed, 8);
    handed.list[3].prompt = "Another one?";
    assert_int_equal(sc_run_execute(&mine.options, NULL, NULL, &mine.error), SC_ERR_CONFLICT);
    sc_prompts_free(handed.prompts);
    place_free(&mine);
    place_free(&plain);
}

static void shards_of_own_prompts_are_merged(void **state)
{
    (void)state;
    need_model();
    struct place parts[2], whole, merged;
    struct handed handed[3];
    const char *folders[2];
    struct sc_merge_options merge = sc_merge_options_default();
    place_make(&whole);
    place_make(&merged);
    hand_back(&handed[2], &whole);
    place_run(&whole);
    for (size_t i = 0; i < 2; i++) {
        place_make(&parts[i]);
        hand_back(&handed[i], &parts[i]);
        parts[i].options.shard = i + 1;
        parts[i].options.n_shards = 2;
        place_run(&parts[i]);
        folders[i] = parts[i].out;
    }
    merge.out = merged.out;
    merge.folders = folders;
    merge.n_folders = 2;
    if (sc_merge(&merge, NULL, NULL, &merged.error) != SC_OK ||
        sc_report_write(merged.out, &merged.error) != SC_OK)
        fail_msg("%s", merged.error.text);
    assert_same_run(&whole, &merged);
    for (size_t i = 0; i < 2; i++)
        place_free(&parts[i]);
    for (size_t i = 0; i < 3; i++)
        sc_prompts_free(handed[i].prompts);
    place_free(&merged);
    place_free(&whole);
}

static void bad_own_prompts_make_no_folder(void **state)
{
    (void)state;
    struct place place;
    const struct sc_prompt prompts[] = {{.prompt = "One"}, {.prompt = "\xff"}};
    place_make(&place);
    place.options.benchmark.name = "mine";
    place.options.benchmark.prompts = prompts;
    place.options.benchmark.n_prompts = 2;
    assert_int_equal(sc_run_execute(&place.options, NULL, NULL, &place.error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(place.error.text, "prompt 1: prompt: is not valid UTF-8"));
    assert_false(sc_is_folder(place.out));
    place_free(&place);
}

/* What comes of a run through the source that is opened so. */
static void refuses(struct place *place, const struct sc_model_source_options *options,
                    const char *part)
{
    struct sc_source source;
    place->error = (struct sc_error){0};
    assert_int_equal(sc_source_open_model(options, &source, &place->error), SC_OK);
    place->options.source = &source;
    assert_int_not_equal(sc_run_execute(&place->options, NULL, NULL, &place->error), SC_OK);
    sc_source_close(&source);
    if (strstr(place->error.text, part) == NULL)
        fail_msg("expected '%s' in '%s'", part, place->error.text);
    assert_false(sc_is_folder(place->out));
}

static void an_engine_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    need_model();
    struct place place;
    struct sc_error error = {0};
    place_make(&place);
    struct sc_model_source_options options = sc_model_source_options_default();
    options.model = TEST_MODELS "/demo-guard";
    options.engine = engine;
    refuses(&place, &options, "engine: expected one of the model demo-guard");
    options.model = TEST_MODELS "/demo";
    place.options.confidence_top_k = 5;
    refuses(&place, &options, "confidence-top-k: expected that of the engine, 20, found 5");
    struct sc_engine_options few = sc_engine_options_default();
    struct sc_engine *narrow = NULL;
    few.n_vocab = 100;
    assert_int_equal(sc_engine_open(&narrow, model, &few, &error), SC_OK);
    options.engine = narrow;
    place.options.confidence_top_k = 20;
    refuses(&place, &options, "tokens, found 100");
    sc_engine_close(narrow);
    place_free(&place);
}

static bool count_down(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

static void opening_an_engine_can_be_interrupted(void **state)
{
    (void)state;
    need_model();
    struct sc_engine_options options = sc_engine_options_default();
    size_t n_refused = 0;
    options.keep_going = count_down;
    options.n_threads = 2;
    for (bool done = false; !done; n_refused++) {
        size_t left = n_refused;
        struct sc_engine *opened = NULL;
        struct sc_error error = {0};
        options.context = &left;
        enum sc_status status = sc_engine_open(&opened, model, &options, &error);
        done = status == SC_OK;
        assert_true(done == (opened != NULL));
        assert_true(done || status == SC_ERR_INTERRUPTED);
        sc_engine_close(opened);
    }
    assert_true(n_refused > 1);
}

/* Interrupted at every question that is asked before sampling begins: nothing is made, and the
 * same options do it then. */
static void a_run_can_be_interrupted_before_it_samples(void **state)
{
    (void)state;
    need_model();
    struct place place, plain;
    place_make(&place);
    place_make(&plain);
    place_run(&plain);
    size_t n = 0;
    for (; !sc_is_folder(place.out); n++) {
        size_t left = n;
        const struct sc_run_observer observer = {.context = &left, .keep_going = count_down};
        enum sc_status status = sc_run_execute(&place.options, &observer, NULL, &place.error);
        assert_int_equal(status, SC_ERR_INTERRUPTED);
    }
    assert_true(n > 10); /* weights, the model's bytes, eight prompts */
    place_run(&place);
    assert_same_run(&plain, &place);
    place_free(&place);
    place_free(&plain);
}

static void turn_a_bit(void *context, const struct sc_run_facts *facts)
{
    (void)facts;
    changing_model_turn_a_bit(context);
}

static void weights_that_are_others_at_the_end_are_named_and_nothing_is_lost(void **state)
{
    (void)state;
    need_model();
    struct place place;
    struct sc_run run;
    place_make(&place);
    char *copied = sc_path_join(place.folder, "model");
    changing_model_copy(TEST_MODELS "/demo", copied);
    place.options.model = copied;
    const struct sc_run_observer observer = {.context = copied, .started = turn_a_bit};
    enum sc_status status = sc_run_execute(&place.options, &observer, &place.summary, &place.error);
    if (status != SC_ERR_CONFLICT)
        fail_msg("%s", place.error.text);
    assert_non_null(strstr(place.error.text, "the weights are not those of the beginning"));
    assert_non_null(strstr(place.error.text, copied));
    if (sc_run_load(place.out, false, &run, &place.error) != SC_OK)
        fail_msg("%s", place.error.text);
    size_t n_traces = 0;
    for (size_t i = 0; i < run.n_instances; i++)
        n_traces += run.instances[i].n_traces;
    assert_true(n_traces > 0);
    assert_int_equal(n_traces, place.summary.progress.n_traces_done);
    sc_run_free(&run);
    place.error = (struct sc_error){0};
    place_run(&place); /* the file is as it was: nothing is left to sample */
    fixture_remove_folder(copied);
    sc_free(copied);
    place_free(&place);
}

static void a_source_serves_one_run(void **state)
{
    (void)state;
    need_model();
    struct place place;
    struct sc_source source = open_source(engine, 0);
    place_make(&place);
    place.options.source = &source;
    place_run(&place);
    assert_int_equal(sc_run_execute(&place.options, NULL, NULL, &place.error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(place.error.text, "serves one run"));
    sc_source_close(&source);
    place_free(&place);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct sc_source source;
    struct sc_error error = {0};
    struct sc_model_source_options options = sc_model_source_options_default();
    assert_int_equal(sc_source_open_model(NULL, &source, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_source_open_model(&options, NULL, &error), SC_ERR_ARGUMENT);
    options.model = "";
    assert_int_equal(sc_source_open_model(&options, &source, &error), SC_ERR_ARGUMENT);
    options = sc_model_source_options_default();
    options.size = 0;
    assert_int_equal(sc_source_open_model(&options, &source, &error), SC_ERR_ARGUMENT);
    assert_null(source.functions);
    assert_int_equal(sc_engine_weight_bytes(NULL), 0);
    assert_null(sc_engine_kernels(NULL));
}

/* Sampling as the model wishes it. */
static const struct sc_source_wish wish = {.size = sizeof wish,
                                           .sampling = {.temperature = NAN,
                                                        .top_p = NAN,
                                                        .min_p = NAN,
                                                        .top_k = -1,
                                                        .repetition_penalty = NAN},
                                           .max_new_tokens = 12,
                                           .confidence_top_k = 20,
                                           .n_turns = 1};

/* Whatever allocation fails while the source is asked what it is, it says so and can be closed. */
static void it_survives_failing_allocations(void **state)
{
    (void)state;
    need_model();
    bool done = false;
    /* Reading a tokenizer takes thousands; every one early on, and then some. */
    for (size_t at = 0; !done; at += at < 200 ? 1 : 1 + at / 16) {
        struct sc_source source = open_source(engine, 0);
        struct sc_source_info info = {.size = sizeof info};
        struct sc_error error = {0};
        sc_memory_fail_at(at);
        enum sc_status status = source.functions->describe(source.context, &wish, &info, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        if (done)
            assert_int_equal(status, SC_OK);
        else if (status != SC_OK)
            assert_true(error.text[0] != '\0');
        sc_source_close(&source);
    }
}

/* The first prompt that is too long has the context's tokens and no fewer, since one is the
 * answer's. */
static void a_prompt_leaves_room_for_a_token(void **state)
{
    (void)state;
    need_model();
    struct sc_source source = open_source(engine, 0);
    struct sc_source_info info = {.size = sizeof info};
    struct sc_error error = {0};
    struct sc_text text = {0};
    size_t allowed = 0, found = 0;
    enum { CONTEXT = 2048 }; /* of the demonstration model */
    assert_int_equal(source.functions->describe(source.context, &wish, &info, &error), SC_OK);
    for (size_t n = 0; n < 8 * CONTEXT && error.text[0] == '\0'; n++) {
        void *prompt = NULL;
        sc_text_puts(&text, " a");
        const struct sc_message message = {.role = "user", .text = text.data};
        if (source.functions->prepare(source.context, &message, 1, &prompt, &error) == SC_OK)
            source.functions->drop(source.context, prompt);
    }
    assert_int_equal(sscanf(error.text,
                            "prompt: expected 1 to %zu tokens (the context less one for "
                            "the answer), found %zu",
                            &allowed, &found),
                     2);
    assert_int_equal(allowed, CONTEXT - 1);
    assert_int_equal(found, CONTEXT);
    sc_text_free(&text);
    sc_source_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_through_it_is_the_run_without_a_source),
        cmocka_unit_test(two_runs_share_an_engine_at_the_same_time),
        cmocka_unit_test(a_run_of_prompts_handed_back_is_the_benchmarks),
        cmocka_unit_test(shards_of_own_prompts_are_merged),
        cmocka_unit_test(bad_own_prompts_make_no_folder),
        cmocka_unit_test(an_engine_that_does_not_fit_is_refused),
        cmocka_unit_test(opening_an_engine_can_be_interrupted),
        cmocka_unit_test(a_run_can_be_interrupted_before_it_samples),
        cmocka_unit_test(weights_that_are_others_at_the_end_are_named_and_nothing_is_lost),
        cmocka_unit_test(a_source_serves_one_run),
        cmocka_unit_test(a_prompt_leaves_room_for_a_token),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(it_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, pack, unpack);
}
