/* A whole run with the bundled model: what is refused before a folder is made, interruption,
 * batches, prompts that do not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "run_fixture.h"

struct rig {
    char folder[64], out[80];
    struct sc_policy policies[2];
    struct sc_run_options options;
    struct sc_run_summary summary;
    struct sc_error error;
};

static int rig_make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    strcpy(rig->folder, "/tmp/safeconf-test-XXXXXX");
    if (mkdtemp(rig->folder) == NULL)
        return -1;
    snprintf(rig->out, sizeof rig->out, "%s/run", rig->folder);
    rig->policies[0] = rig->policies[1] = sc_policy_default();
    rig->policies[1].kind = SC_POLICY_FIXED;
    rig->policies[1].max_traces = 4;
    rig->options = sc_run_options_default();
    rig->options.model = TEST_MODELS "/demo";
    rig->options.policies = rig->policies;
    rig->options.n_policies = 2;
    rig->options.benchmark.n_instances = 5;
    rig->options.max_new_tokens = 12;
    rig->options.n_threads = 1;
    rig->options.out = rig->out;
    *state = rig;
    return 0;
}

static int rig_free(void **state)
{
    struct rig *rig = *state;
    fixture_remove_folder(rig->out);
    fixture_remove_folder(rig->folder);
    free(rig);
    return 0;
}

static void need_model(void)
{
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
}

static enum sc_status execute(struct rig *rig, const struct sc_run_observer *observer)
{
    rig->error = (struct sc_error){0};
    return sc_run_execute(&rig->options, observer, &rig->summary, &rig->error);
}

static void assert_done(struct rig *rig)
{
    enum sc_status status = execute(rig, NULL);
    if (status != SC_OK)
        fail_msg("%s: %s", sc_status_text(status), rig->error.text);
}

static char *describe(const struct rig *rig)
{
    struct sc_run run;
    struct sc_error error = {0};
    struct sc_text out = {0};
    if (sc_run_load(rig->out, true, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < run.n_instances; i++) {
        sc_text_printf(&out, "%s %zu %zu\n", run.instances[i].id,
                       run.instances[i].decisions[0].n_traces, run.instances[i].n_traces);
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            sc_text_printf(&out, "%s|%s|%s|", trace->text, sc_finish_name(trace->finish),
                           sc_verdict_name(trace->verdict));
            for (size_t k = 0; k < trace->n_tokens; k++)
                sc_text_printf(&out, "%d %.9g %.9g %.9g %.9g,", trace->ids[k],
                               trace->stats[k].logprob, trace->stats[k].sampled_logprob,
                               trace->stats[k].confidence, trace->stats[k].entropy);
            sc_text_putc(&out, '\n');
        }
    }
    sc_run_free(&run);
    return sc_text_take(&out);
}

static void nothing_is_made_for_bad_input(void **state)
{
    struct rig *rig = *state;
    need_model();
    const struct sc_run_options good = rig->options;
    struct sc_policy backwards = sc_policy_default();
    backwards.min_traces = 20;
#define REFUSES(change, expected)                                                                  \
    do {                                                                                           \
        rig->options = good;                                                                       \
        change;                                                                                    \
        assert_int_equal(execute(rig, NULL), expected);                                            \
        assert_true(rig->error.text[0] != '\0');                                                   \
        assert_false(sc_file_exists(rig->out) || sc_is_folder(rig->out));                          \
    } while (0)
    REFUSES(rig->options.temperature = -1, SC_ERR_ARGUMENT);
    REFUSES(rig->options.policies = &backwards, SC_ERR_ARGUMENT);
    REFUSES(rig->options.judge = "somebody", SC_ERR_UNSUPPORTED);
    REFUSES(rig->options.max_new_tokens = 1 << 23, SC_ERR_LIMIT);
    rig->options = good;
    rig->options.benchmark.name = "/nowhere/prompts.csv";
    assert_int_not_equal(execute(rig, NULL), SC_OK);
    assert_false(sc_is_folder(rig->out));
    rig->options = good;
    rig->options.model = "/nowhere";
    assert_int_not_equal(execute(rig, NULL), SC_OK);
    assert_false(sc_is_folder(rig->out));
#undef REFUSES
    /* A folder that cannot be made. */
    rig->options = good;
    rig->options.out = "/proc/nothing/here";
    assert_int_equal(execute(rig, NULL), SC_ERR_IO);
}

static bool stop_now(void *context)
{
    size_t *left = context;
    return (*left)-- > 0;
}

static void note_facts(void *context, const struct sc_run_facts *facts)
{
    struct sc_run_facts *out = context;
    *out = *facts;
}

static void interruptions_and_batches_change_nothing(void **state)
{
    struct rig *rig = *state;
    struct sc_run_facts facts = {0};
    need_model();
    const struct sc_run_observer first = {.context = &facts, .started = note_facts};
    assert_int_equal(execute(rig, &first), SC_OK);
    assert_true(facts.demo && !facts.resumed);
    assert_int_equal(facts.n_instances, 5);
    assert_int_equal(rig->summary.progress.n_instances_done, 5);
    assert_true(rig->summary.progress.n_tokens > 0);
    char *expected = describe(rig);
    assert_int_equal(execute(rig, &first), SC_OK);
    assert_true(facts.resumed);
    assert_true(rig->summary.progress.n_tokens == 0);

    for (int round = 0; round < 3; round++) {
        fixture_remove_folder(rig->out);
        rig->options.no_batch = round == 0;
        rig->options.parallel = round == 1 ? 3 : 0;
        rig->options.n_threads = 1 + round;
        for (size_t tries = 0;; tries++) {
            size_t left = 20 + 13 * tries;
            const struct sc_run_observer observer = {.context = &left, .keep_going = stop_now};
            enum sc_status status = execute(rig, &observer);
            if (status == SC_OK)
                break;
            assert_int_equal(status, SC_ERR_INTERRUPTED);
        }
        char *found = describe(rig);
        assert_string_equal(found, expected);
        sc_free(found);
    }
    sc_free(expected);
    rig->options.temperature = 1.3;
    assert_int_equal(execute(rig, NULL), SC_ERR_CONFLICT);
    assert_non_null(strstr(rig->error.text, "sampling.temperature: expected 1.3"));
}

static void a_prompt_too_long_fails_its_traces_alone(void **state)
{
    struct rig *rig = *state;
    char path[100];
    struct sc_text csv = {0};
    struct sc_run run;
    need_model();
    sc_text_puts(&csv, "question,kind\nHow do I bake bread?,ok\n\"");
    for (int i = 0; i < 60000; i++)
        sc_text_puts(&csv, "many words ");
    sc_text_puts(&csv, "\",bad\nWhat is a lock?,\n");
    snprintf(path, sizeof path, "%s/prompts.csv", rig->folder);
    assert_int_equal(sc_file_write(path, csv.data, csv.len, NULL), SC_OK);
    sc_text_free(&csv);
    rig->options.benchmark =
        (struct sc_benchmark_options){.name = path,
                                      .prompt_column = "question",
                                      .label_column = "kind",
                                      .unsafe_values = (const char *const[]){"bad"},
                                      .n_unsafe_values = 1};
    rig->options.n_policies = 1;
    assert_done(rig);
    assert_int_equal(rig->summary.n_failed_traces, 10);
    assert_int_equal(sc_run_load(rig->out, false, &run, NULL), SC_OK);
    assert_int_equal(run.n_instances, 3);
    assert_string_equal(run.benchmark_name, "prompts");
    assert_int_equal(run.instances[1].decisions[0].n_traces, 10);
    assert_string_equal(run.instances[1].decisions[0].stop_reason, "max_traces");
    assert_non_null(strstr(run.instances[1].traces[0].failure, "prompt: expected 1 to"));
    assert_null(run.instances[0].traces[0].failure);
    assert_true(run.instances[2].n_traces >= 3);
    sc_run_free(&run);
}

/* A prompt that fits is answered; where the context ends the answer does, with the finish length.
 */
static void answers_end_with_the_context(void **state)
{
    struct rig *rig = *state;
    enum { CONTEXT = 2048, PLACES = 5 };
    char path[100];
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_chat_format *format = NULL;
    struct sc_run run;
    size_t n_at_end = 0, n_ids = 0, n_words = 0;
    need_model();
    assert_int_equal(sc_tokenizer_open(&tokenizer, TEST_MODELS "/demo", NULL), SC_OK);
    assert_int_equal(sc_chat_format_open(&format, tokenizer, NULL, NULL), SC_OK);
    struct sc_text prompt = {0}, csv = {0};
    while (n_ids < CONTEXT - PLACES) { /* one word more at a time near the end */
        int32_t *ids = NULL;
        for (size_t k = n_ids + 60 < CONTEXT - PLACES ? 20 : 1; k > 0; k--, n_words++)
            sc_text_puts(&prompt, " why");
        const struct sc_message message = {"user", prompt.data};
        assert_int_equal(sc_chat_frame(format, &message, 1, &ids, &n_ids, NULL), SC_OK);
        sc_free(ids);
    }
    sc_chat_format_close(format);
    sc_tokenizer_close(tokenizer);
    assert_int_equal(n_ids, CONTEXT - PLACES);
    sc_text_printf(&csv, "question\n%s\n%s why why why why\n%s why why why why why\n", prompt.data,
                   prompt.data, prompt.data);
    snprintf(path, sizeof path, "%s/prompts.csv", rig->folder);
    assert_int_equal(sc_file_write(path, csv.data, csv.len, NULL), SC_OK);
    sc_text_free(&csv);
    sc_text_free(&prompt);
    rig->options.benchmark =
        (struct sc_benchmark_options){.name = path, .prompt_column = "question"};
    rig->options.policies = &rig->policies[1]; /* fixed 4 */
    rig->options.n_policies = 1;
    rig->options.temperature = 2;
    assert_done(rig);
    assert_int_equal(sc_run_load(rig->out, false, &run, NULL), SC_OK);
    assert_int_equal(run.n_instances, 3);
    for (size_t i = 0; i < 3; i++)
        for (size_t t = 0; t < 4; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            size_t places = i == 0 ? PLACES : i == 1 ? 1 : 0;
            assert_true(trace->n_tokens <= places);
            assert_int_equal(trace->finish == SC_FINISH_FAILED, i == 2);
            if (trace->finish == SC_FINISH_LENGTH)
                assert_int_equal(trace->n_tokens, places);
            n_at_end += trace->finish == SC_FINISH_LENGTH;
        }
    assert_true(n_at_end > 0);
    assert_non_null(strstr(run.instances[2].traces[0].failure, "prompt: expected 1 to 2047"));
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_made_for_bad_input, rig_make, rig_free),
        cmocka_unit_test_setup_teardown(interruptions_and_batches_change_nothing, rig_make,
                                        rig_free),
        cmocka_unit_test_setup_teardown(a_prompt_too_long_fails_its_traces_alone, rig_make,
                                        rig_free),
        cmocka_unit_test_setup_teardown(answers_end_with_the_context, rig_make, rig_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
