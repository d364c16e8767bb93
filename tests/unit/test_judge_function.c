/* A caller's function as a judge: what it is asked and when, what its words become, what is
 * refused, and that a run is judged by it as by any other judge. */
#include <safeconf/judging.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "experiment/store/run_data.h"
#include "judge/judge.h"
#include "run_fixture.h"

/* ---- a judge that reads the first word ------------------------------------------------------- */

struct reader {
    size_t n_calls, n_texts, most, end_after; /* end_after: texts; 0: never */
    bool bad;                                 /* a label that is none */
    char failure[40];
};

static enum sc_status read_texts(void *context, const struct sc_judge_text *texts, size_t n,
                                 struct sc_judge_reply *replies, struct sc_error *error)
{
    struct reader *reader = context;
    reader->n_calls++;
    reader->most = n > reader->most ? n : reader->most;
    for (size_t i = 0; i < n; i++) {
        const char *answer = texts[i].answer;
        struct sc_judge_reply *reply = &replies[i];
        if (reader->end_after > 0 && reader->n_texts >= reader->end_after) {
            snprintf(error->text, sizeof error->text, "the function gave up");
            error->status = SC_ERR_LIMIT;
            return SC_ERR_LIMIT;
        }
        reader->n_texts++;
        if (answer == NULL) {
            reply->harm = SC_CONTROVERSIAL;
            continue;
        }
        if (strncmp(answer, "fail", 4) == 0) {
            snprintf(reader->failure, sizeof reader->failure, "not read\xff");
            reply->failure = reader->failure;
            reply->again = true;
            continue;
        }
        reply->harm = strncmp(answer, "bad", 3) == 0 ? SC_HARMFUL : SC_HARMLESS;
        reply->verdict = strncmp(answer, "no", 2) == 0 ? SC_REFUSAL : SC_COMPLIANCE;
        reply->p_harmful = reply->harm == SC_HARMFUL ? 0.75 : 0.125;
        reply->score = (double)strlen(answer) + (double)texts[i].repeat;
        reply->words = "read";
        if (reader->bad)
            reply->harm = (enum sc_harm)17;
    }
    return SC_OK;
}

static struct sc_judge_functions functions_of(struct reader *reader)
{
    return (struct sc_judge_functions){.size = sizeof(struct sc_judge_functions),
                                       .name = "first-word",
                                       .version = "1.0",
                                       .refusal = true,
                                       .harm = true,
                                       .prompts = true,
                                       .batch = 4,
                                       .context = reader,
                                       .judge = read_texts};
}

static struct sc_judge *open_with(const struct sc_judge_functions *functions, size_t repeats,
                                  double temperature)
{
    const struct sc_judge_options options = {.repeats = repeats, .temperature = temperature};
    struct sc_judge *judge = NULL;
    struct sc_error error = {0};
    if (sc_judge_open_function(&judge, functions, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return judge;
}

/* ---- single texts ---------------------------------------------------------------------------- */

enum { MOST_ITEMS = 20 };

struct said {
    struct sc_judgement judgements[MOST_ITEMS];
    char words[MOST_ITEMS][40];
    int n_done[MOST_ITEMS];
};

static enum sc_status take(void *context, size_t item, const struct sc_judgement *judgement,
                           struct sc_error *error)
{
    struct said *said = context;
    (void)error;
    said->n_done[item]++;
    said->judgements[item] = *judgement;
    snprintf(said->words[item], sizeof said->words[item], "%s",
             judgement->failure != NULL ? judgement->failure : judgement->output);
    return SC_OK;
}

static const struct sc_judge_item items[] = {
    {.prompt = "A?", .response = "bad words"},  {.prompt = "A?", .response = "no"},
    {.prompt = "A?", .response = "fail"},       {.prompt = "A?"},
    {.prompt = "A?", .response = "bad words"},  {.prompt = "B?", .response = "bad words"},
    {.prompt = "B?", .response = "fine words"},
};
enum { N_ITEMS = sizeof items / sizeof *items };

static void what_it_says_becomes_a_judgement(void **state)
{
    struct reader reader = {0};
    struct said said = {0};
    struct sc_judge_counts counts;
    (void)state;
    const struct sc_judge_functions functions = functions_of(&reader);
    struct sc_judge *judge = open_with(&functions, 1, NAN);
    const struct sc_judge_sink sink = {.context = &said, .done = take};
    assert_string_equal(sc_judge_name(judge), "first-word/1.0:function");
    assert_string_equal(sc_judge_family(judge), "first-word");
    assert_int_equal(sc_judge_run(judge, items, N_ITEMS, &sink, &counts, NULL), SC_OK);
    for (size_t i = 0; i < N_ITEMS; i++)
        assert_int_equal(said.n_done[i], 1);
    assert_int_equal(reader.n_texts, 6); /* the first and the fifth are one */
    assert_int_equal(reader.n_calls, 2);
    assert_int_equal(reader.most, 4);
    assert_int_equal(counts.n_done, N_ITEMS);
    assert_int_equal(counts.n_failed, 1);
    assert_int_equal(counts.n_same, 1);
    assert_int_equal(counts.n_unparsed, 0);
    assert_int_equal(said.judgements[0].safety, SC_SAFETY_UNSAFE);
    assert_int_equal(said.judgements[0].refused, SC_REFUSED_NO);
    assert_true(said.judgements[0].p_unsafe == 0.75 && said.judgements[0].score == 9);
    assert_true(isnan(said.judgements[0].p_refused));
    assert_string_equal(said.words[0], "read");
    assert_int_equal(said.judgements[1].refused, SC_REFUSED_YES);
    assert_string_equal(said.words[2], "not read\xef\xbf\xbd"); /* made valid UTF-8 */
    assert_true(said.judgements[2].again);
    assert_int_equal(said.judgements[3].safety, SC_SAFETY_CONTROVERSIAL);
    assert_int_equal(said.judgements[3].refused, SC_REFUSED_UNPARSED);
    sc_judge_close(judge);
}

static void what_it_cannot_say_is_not_asked(void **state)
{
    struct reader reader = {0};
    struct said said = {0};
    struct sc_judge_abilities can;
    (void)state;
    struct sc_judge_functions functions = functions_of(&reader);
    functions.refusal = functions.prompts = false;
    assert_int_equal(sc_judge_check_function(&functions, &can, NULL), SC_OK);
    assert_true(can.harm && !can.refusal && !can.prompts);
    struct sc_judge *judge = open_with(&functions, 3, 0.5);
    const struct sc_judge_sink sink = {.context = &said, .done = take};
    assert_string_equal(sc_judge_name(judge), "first-word/1.0:function+t0.5x3");
    assert_int_equal(sc_judge_repeats(judge).asked, 3);
    assert_false(sc_judge_repeats(judge).deterministic);
    assert_int_equal(sc_judge_run(judge, items, N_ITEMS, &sink, NULL, NULL), SC_OK);
    assert_int_equal(reader.n_texts, N_ITEMS); /* each is drawn anew */
    assert_int_equal(said.judgements[1].refused, SC_REFUSED_UNASKED);
    sc_judge_close(judge);
}

static bool stop_at_once(void *context, const struct sc_judge_counts *counts)
{
    (void)context;
    return counts->n_done == 0;
}

static void what_goes_wrong_ends_it(void **state)
{
    struct reader reader = {.bad = true};
    struct said said = {0};
    struct sc_error error = {0};
    (void)state;
    const struct sc_judge_functions functions = functions_of(&reader);
    struct sc_judge *judge = open_with(&functions, 1, 0);
    struct sc_judge_sink sink = {.context = &said, .done = take};
    assert_int_equal(sc_judge_run(judge, items, N_ITEMS, &sink, NULL, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "first-word"));
    assert_int_equal(said.n_done[0], 0);
    reader = (struct reader){.end_after = 5};
    error = (struct sc_error){0};
    assert_int_equal(sc_judge_run(judge, items, N_ITEMS, &sink, NULL, &error), SC_ERR_LIMIT);
    assert_string_equal(error.text, "the function gave up");
    assert_int_equal(said.n_done[0], 1); /* of the first batch */
    reader = (struct reader){0};
    sink.step = stop_at_once;
    assert_int_equal(sc_judge_run(judge, items, N_ITEMS, &sink, NULL, NULL), SC_ERR_INTERRUPTED);
    assert_int_equal(reader.n_calls, 1);
    sc_judge_close(judge);
}

static void names_that_mean_something_else_are_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"", "1"},     {"Mine", "1"},   {"a/b", "1"}, {"a", ""},   {"a", "1,2"}, {"hybrid", "1"},
        {"none", "1"}, {"reader", "1"}, {NULL, "1"},  {"a", NULL}, {"a b", "1"}, {"a", "(1)"}};
    struct sc_judge_abilities can;
    struct reader reader = {0};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sc_judge_functions functions = functions_of(&reader);
        functions.name = wrong[i][0];
        functions.version = wrong[i][1];
        assert_int_equal(sc_judge_check_function(&functions, &can, NULL), SC_ERR_ARGUMENT);
    }
    struct sc_judge_functions functions = functions_of(&reader);
    functions.judge = NULL;
    assert_int_equal(sc_judge_check_function(&functions, &can, NULL), SC_ERR_ARGUMENT);
    functions = functions_of(&reader);
    functions.size = 0;
    assert_int_equal(sc_judge_check_function(&functions, &can, NULL), SC_ERR_ARGUMENT);
    functions = functions_of(&reader);
    functions.harm = functions.refusal = false;
    assert_int_equal(sc_judge_check_function(&functions, &can, NULL), SC_ERR_ARGUMENT);
    functions.refusal = true; /* and it is to say of prompts whether they are harmful */
    assert_int_equal(sc_judge_check_function(&functions, &can, NULL), SC_ERR_ARGUMENT);
}

/* ---- a run ----------------------------------------------------------------------------------- */

enum { N_INSTANCES = 3, N_TRACES = 6 };
static const char *const answers[N_TRACES] = {"bad words about it",
                                              "no",
                                              "fail",
                                              "fine words",
                                              "I'm sorry, but I can't help with that.",
                                              "..."};
static struct run_fixture fixture;

static int make_run(void **state)
{
    (void)state;
    return fixture_make_answers(&fixture, N_INSTANCES, answers, N_TRACES);
}

static int drop_run(void **state)
{
    (void)state;
    fixture_free(&fixture);
    return 0;
}

static struct sc_classify_options options_of(const struct sc_judge_functions *functions,
                                             enum sc_classify_detector detector)
{
    struct sc_classify_options options = sc_classify_options_default();
    options.folder = fixture.folder;
    options.detector = detector;
    options.harms = true;
    options.kind = SC_DETECTOR_PATTERNS;
    options.judge_functions = functions;
    return options;
}

static struct sc_run load(void)
{
    struct sc_run run;
    struct sc_error error = {0};
    if (sc_run_load(fixture.folder, false, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    return run;
}

static void a_run_is_judged_and_goes_on(void **state)
{
    static const enum sc_harm harms[N_TRACES] = {SC_HARMFUL,  SC_HARMLESS, SC_UNJUDGED,
                                                 SC_HARMLESS, SC_HARMLESS, SC_HARMLESS};
    static const enum sc_verdict verdicts[N_TRACES] = {SC_COMPLIANCE, SC_REFUSAL,    SC_UNPARSED,
                                                       SC_COMPLIANCE, SC_COMPLIANCE, SC_EMPTY};
    struct reader reader = {.end_after = 6};
    struct sc_classify_summary summary;
    struct sc_error error = {0};
    (void)state;
    const struct sc_judge_functions functions = functions_of(&reader);
    struct sc_classify_options options = options_of(&functions, SC_BY_JUDGE);
    options.prompts = true;
    assert_int_equal(sc_classify(&options, NULL, &summary, &error), SC_ERR_LIMIT);
    sc_classify_summary_free(&summary);
    size_t n_before = reader.n_texts;
    reader.end_after = 0;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    assert_true(reader.n_texts - n_before < 6 * N_INSTANCES); /* what it had said was there */
    assert_string_equal(summary.judge, "first-word/1.0:function");
    assert_int_equal(summary.n_not_judged, N_INSTANCES);
    assert_int_equal(summary.n_again, N_INSTANCES);
    sc_classify_summary_free(&summary);
    struct sc_run run = load();
    for (size_t i = 0; i < N_INSTANCES; i++)
        for (size_t t = 0; t < N_TRACES; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            assert_int_equal(trace->harm, harms[t]);
            assert_int_equal(trace->verdict, verdicts[t]);
        }
    assert_string_equal(run.instances[0].traces[1].rule, "first-word-yes");
    sc_run_free(&run);
    n_before = reader.n_texts;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    assert_int_equal(reader.n_texts - n_before, N_INSTANCES); /* those to be asked again alone */
    sc_classify_summary_free(&summary);
}

static void a_hybrid_asks_it_where_rules_are_not_clear(void **state)
{
    struct reader reader = {0};
    struct sc_classify_summary summary;
    (void)state;
    const struct sc_judge_functions functions = functions_of(&reader);
    const struct sc_classify_options options = options_of(&functions, SC_BY_HYBRID);
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    assert_string_equal(summary.detector, "hybrid/1(patterns/2,first-word/1.0:function)");
    assert_int_equal(reader.n_texts,
                     4 * N_INSTANCES); /* not the clear refusal, nor what is empty */
    sc_classify_summary_free(&summary);
    struct sc_run run = load();
    assert_int_equal(run.instances[0].traces[4].verdict, SC_REFUSAL);
    sc_run_free(&run);
}

static void repeats_are_counted_apart(void **state)
{
    struct reader reader = {0};
    struct sc_classify_summary summary;
    (void)state;
    struct sc_judge_functions functions = functions_of(&reader);
    functions.refusal = false;
    struct sc_classify_options options = options_of(&functions, SC_BY_DETECTOR);
    options.judge.repeats = 2;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    assert_string_equal(summary.judge, "first-word/1.0:function+t0x2");
    assert_int_equal(reader.n_texts, 2 * 5 * N_INSTANCES);
    sc_classify_summary_free(&summary);
    options.detector = SC_BY_JUDGE; /* which it cannot */
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_ERR_ARGUMENT);
    sc_classify_summary_free(&summary);
}

/* A program that was built before there were functions gives a shorter struct. */
static void an_older_caller_gives_none(void **state)
{
    struct sc_classify_summary summary;
    struct sc_judge_functions trap = {0};
    (void)state;
    struct sc_classify_options options = options_of(&trap, SC_BY_DETECTOR);
    options.size = offsetof(struct sc_classify_options, judge_functions);
    options.harms = false;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    assert_string_equal(summary.judge, "none");
    sc_classify_summary_free(&summary);
}

/* Each allocation fails in turn: an error, and what is stored can be read. */
static void exhausted_memory_is_an_error(void **state)
{
    struct reader reader = {0};
    struct sc_classify_summary summary;
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;
    const struct sc_judge_functions functions = functions_of(&reader);
    const struct sc_classify_options options = options_of(&functions, SC_BY_JUDGE);
    for (size_t n = 0; status != SC_OK && n < 20000; n += 1 + n / 16) {
        sc_memory_fail_at(n);
        status = sc_classify(&options, NULL, &summary, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        sc_classify_summary_free(&summary);
        struct sc_run run = load();
        sc_run_free(&run);
    }
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_becomes_a_judgement),
        cmocka_unit_test(what_it_cannot_say_is_not_asked),
        cmocka_unit_test(what_goes_wrong_ends_it),
        cmocka_unit_test(names_that_mean_something_else_are_refused),
        cmocka_unit_test_setup_teardown(a_run_is_judged_and_goes_on, make_run, drop_run),
        cmocka_unit_test_setup_teardown(a_hybrid_asks_it_where_rules_are_not_clear, make_run,
                                        drop_run),
        cmocka_unit_test_setup_teardown(repeats_are_counted_apart, make_run, drop_run),
        cmocka_unit_test_setup_teardown(an_older_caller_gives_none, make_run, drop_run),
        cmocka_unit_test_setup_teardown(exhausted_memory_is_an_error, make_run, drop_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
