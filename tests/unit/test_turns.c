/* Conversations whose turns are asked one after another: what each turn is asked, that nothing
 * depends on the order in which answers come, and what becomes of a turn that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "experiment/run/turns.h"
#include "run_fixture.h"

/* ---- a source that says what it was told ------------------------------------------------------
 */

struct told {
    char *words; /* "role:text;" of each message */
    size_t n_answers;
};

struct talker {
    size_t parallel, n_turns, n_live, n_prepared, n_done, stop_after, n_planned_at;
    struct sc_random order;
    bool no_turns; /* knows nothing of conversations */
    bool falls;    /* confidence falls within each answer */
    size_t n_kept_early, n_cut;
    char longest[400]; /* words of the last prompt before the plan */
};

static enum sc_status talker_describe(void *context, const struct sc_source_wish *wish,
                                      struct sc_source_info *info, struct sc_error *error)
{
    struct talker *t = context;
    (void)error;
    t->n_turns = wish->n_turns;
    *info = (struct sc_source_info){.size = sizeof *info,
                                    .kind = "made-up",
                                    .name = "talker",
                                    .sampling = wish->sampling,
                                    .logprobs = SC_LOGPROBS_UNKNOWN,
                                    .top_k = 20,
                                    .reproducible = SC_REPRODUCIBLE_YES,
                                    .figures = SC_ALL_FIGURES,
                                    .text_ends = true,
                                    .n_turns = t->no_turns ? 0 : wish->n_turns};
    return SC_OK;
}

static enum sc_status talker_prepare(void *context, const struct sc_message *messages, size_t n,
                                     void **prompt, struct sc_error *error)
{
    struct talker *t = context;
    struct sc_text words = {0};
    struct told *told = sc_alloc_zero(1, sizeof *told);
    if (told == NULL)
        return sc_fail_nomem(error, "prompt");
    for (size_t i = 0; i < n; i++) {
        sc_text_printf(&words, "%c:%s;", messages[i].role[0], messages[i].text);
        told->n_answers += messages[i].role[0] == 'a';
    }
    bool answered =
        told->n_answers > 0 && strstr(words.data != NULL ? words.data : "", "a:;") == NULL;
    told->words = sc_text_take(&words);
    enum sc_status status = SC_OK;
    if (told->words == NULL)
        status = sc_fail_nomem(error, "prompt");
    else if (answered && strstr(told->words, "too long") != NULL)
        status = sc_fail(error, SC_ERR_LIMIT, "prompt: expected fewer tokens");
    if (status != SC_OK) {
        sc_free(told->words);
        sc_free(told);
        return status;
    }
    snprintf(t->longest, sizeof t->longest, "%s", told->words);
    t->n_live++;
    t->n_prepared++;
    *prompt = told;
    return SC_OK;
}

static void talker_drop(void *context, void *prompt)
{
    struct told *told = prompt;
    ((struct talker *)context)->n_live--;
    sc_free(told->words);
    sc_free(told);
}

static enum sc_status talker_plan(void *context, struct sc_source_plan *plan,
                                  struct sc_error *error)
{
    (void)plan;
    (void)error;
    struct talker *t = context;
    t->n_planned_at = t->n_prepared;
    return SC_OK;
}

enum { N_TOKENS = 4 };

static enum sc_status answer(struct talker *t, const struct sc_feed *feed,
                             const struct sc_source_request *request, struct sc_error *error)
{
    const struct told *told = request->prompt;
    struct sc_token_stats stats[N_TOKENS];
    char text[120], said[100];
    /* The first turn is asked for all traces alike, a later one for its own. */
    if (told->n_answers == 0)
        assert_true(request->trace_index < request->n_traces);
    else
        assert_int_equal(request->n_traces, request->trace_index + 1);
    double level = 5 + (double)(request->instance_key % 97) / 97 - 0.1 * request->trace_index;
    snprintf(said, sizeof said, "%04x/%u after %zu", (unsigned)(request->instance_key & 0xffff),
             request->trace_index, told->n_answers);
    bool refuses = t->falls && request->trace_index % 2 == 1;
    snprintf(text, sizeof text, "hm. %s",
             refuses ? "I'm sorry, but I can't help with that." : said);
    uint32_t end = (uint32_t)strlen(text), ends[N_TOKENS] = {1, 2, 4, end};
    for (size_t i = 0; i < N_TOKENS; i++) {
        float c = (float)(level - (t->falls ? 0.05 * (double)i : 0));
        stats[i] = (struct sc_token_stats){-0.5f, -0.5f, c, 1};
    }
    struct sc_source_trace trace = {.finish = SC_FINISH_STOP,
                                    .text = text,
                                    .answer = text + 4,
                                    .n_tokens_known = true,
                                    .n_tokens = N_TOKENS,
                                    .n_reasoning = 3,
                                    .figures = SC_ALL_FIGURES,
                                    .stats = stats,
                                    .text_ends = ends};
    for (size_t n = 1; feed->keep != NULL && n < N_TOKENS; n++) {
        bool kept = feed->keep(feed->context, request, stats, n);
        t->n_kept_early += kept && told->n_answers + 1 < t->n_turns;
        if (kept)
            continue;
        assert_int_equal(told->n_answers + 1, t->n_turns);
        t->n_cut++;
        text[ends[n - 1]] = '\0';
        trace.finish = SC_FINISH_CUT;
        trace.n_tokens = n;
        trace.n_reasoning = n < 3 ? n : 3;
        trace.answer = n < 3 ? "" : text + 4;
        break;
    }
    if (strstr(told->words, "numbers fail") != NULL && told->n_answers == 1) {
        trace.finish = SC_FINISH_FAILED;
        trace.failure = "logits: expected finite numbers";
        trace.text_ends = NULL;
    }
    if (strstr(told->words, "no number") != NULL && told->n_answers == 0)
        stats[1].confidence = NAN;
    return feed->done(feed->context, request, &trace, error);
}

static enum sc_status talker_sample(void *context, const struct sc_feed *feed,
                                    struct sc_error *error)
{
    struct talker *t = context;
    struct sc_source_request flight[16];
    const struct sc_source_progress progress = {.parallel = t->parallel};
    size_t n = 0;
    for (bool finished = false;;) {
        while (!finished && n < t->parallel) {
            int more = feed->next(feed->context, &flight[n]);
            finished = more < 0;
            if (more <= 0)
                break;
            n++;
        }
        if (n == 0)
            return finished ? SC_OK : sc_fail(error, SC_ERR_INTERNAL, "starved");
        size_t pick = sc_random_below(&t->order, n);
        struct sc_source_request request = flight[pick];
        memmove(&flight[pick], &flight[pick + 1], (--n - pick) * sizeof *flight);
        SC_TRY(answer(t, feed, &request, error));
        t->n_done++;
        if (!feed->step(feed->context, &progress) || (t->stop_after && t->n_done == t->stop_after))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
    }
}

static const struct sc_source_functions talker_functions = {.size = sizeof talker_functions,
                                                            .describe = talker_describe,
                                                            .prepare = talker_prepare,
                                                            .drop = talker_drop,
                                                            .plan = talker_plan,
                                                            .sample = talker_sample};

/* ---- runs -------------------------------------------------------------------------------------
 */

static const char rows[] =
    "{\"id\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},"
    "{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"user\",\"content\":\"two\"},"
    "{\"role\":\"user\",\"content\":\"three\"}]}\n"
    "{\"id\":\"b\",\"messages\":[\"only\"]}\n"
    "{\"id\":\"c\",\"messages\":[\"first\",\"second\"]}\n";

struct scene {
    char folder[64], file[100], out[100];
    struct talker talker;
    struct sc_source source;
    struct sc_policy policy;
    struct sc_run_options options;
    struct sc_run_summary summary;
    struct sc_error error;
};

static void scene_make(struct scene *s, const char *lines)
{
    memset(s, 0, sizeof *s);
    snprintf(s->folder, sizeof s->folder, "/tmp/safeconf-turns-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->file, sizeof s->file, "%s/rows.jsonl", s->folder);
    snprintf(s->out, sizeof s->out, "%s/out", s->folder);
    FILE *file = fopen(s->file, "w");
    assert_non_null(file);
    fputs(lines, file);
    fclose(file);
    s->talker.parallel = 1;
    s->talker.order = (struct sc_random){SC_STREAM_STATISTICS, 4, 4, 0};
    s->source = (struct sc_source){&talker_functions, &s->talker};
    s->policy = sc_policy_default();
    s->policy.kind = SC_POLICY_FIXED;
    s->policy.max_traces = 4;
    s->options = sc_run_options_default();
    s->options.source = &s->source;
    s->options.benchmark.name = s->file;
    s->options.benchmark.multi_turn = true;
    s->options.policies = &s->policy;
    s->options.n_policies = 1;
    s->options.out = s->out;
}

static void scene_free(struct scene *s)
{
    assert_int_equal(s->talker.n_live, 0);
    fixture_remove_folder(s->out);
    fixture_remove_folder(s->folder);
}

static enum sc_status scene_run(struct scene *s)
{
    s->error = (struct sc_error){0};
    s->talker.n_done = 0;
    return sc_run_execute(&s->options, NULL, &s->summary, &s->error);
}

static void scene_good(struct scene *s)
{
    if (scene_run(s) != SC_OK)
        fail_msg("%s", s->error.text);
}

static void add_trace(struct sc_text *out, const struct sc_run_trace *trace)
{
    sc_text_printf(out, "%s|%s|%s|%zu %zu|%a %a|", sc_finish_name(trace->finish), trace->text,
                   trace->answer, trace->n_tokens, trace->n_reasoning,
                   trace->metrics[SC_METRIC_MEAN], trace->answer_metrics[SC_METRIC_MEAN]);
    for (size_t i = 0; trace->stats != NULL && i < trace->n_tokens; i++)
        sc_text_printf(out, "%a,", (double)trace->stats[i].confidence);
    sc_text_puts(out, "\n");
}

/* All that a run holds, turn by turn. */
static char *describe(const struct scene *s)
{
    struct sc_run run = {0};
    struct sc_error error = {0};
    struct sc_text out = {0};
    if (sc_run_load(s->out, true, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_true(run.multi_turn);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            sc_text_printf(&out, "%s %zu %s %s %zu\n", run.instances[i].id, t,
                           sc_verdict_name(trace->verdict),
                           trace->failure != NULL ? trace->failure : "", sc_run_trace_cost(trace));
            for (size_t k = 0; k < trace->n_turns; k++)
                add_trace(&out, &trace->turns[k]);
            add_trace(&out, trace);
        }
    sc_run_free(&run);
    return sc_text_take(&out);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void a_trace_is_the_whole_conversation(void **state)
{
    struct scene s;
    struct sc_run run = {0};
    (void)state;
    scene_make(&s, rows);
    scene_good(&s);
    assert_int_equal(s.talker.n_turns, 3);
    assert_int_equal(sc_run_load(s.out, true, &run, NULL), SC_OK);
    const size_t n_turns[] = {3, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        const char *id = run.instances[i].id;
        assert_int_equal(run.instances[i].n_traces, 4);
        for (uint32_t t = 0; t < 4; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            assert_int_equal(trace->n_turns, n_turns[i] - 1);
            for (size_t k = 0; k < n_turns[i]; k++) {
                char said[100];
                const struct sc_run_trace *turn = k < trace->n_turns ? &trace->turns[k] : trace;
                snprintf(said, sizeof said, "%04x/%u after %zu",
                         (unsigned)(sc_turn_key(id, k) & 0xffff), t, k);
                assert_string_equal(turn->answer, said);
                assert_int_equal(turn->n_tokens, N_TOKENS);
                assert_non_null(turn->stats);
            }
            assert_int_equal(sc_run_trace_cost(trace), n_turns[i] * N_TOKENS);
        }
    }
    sc_run_free(&run);
    scene_free(&s);
}

static void what_is_asked_holds_the_answers_before_it(void **state)
{
    static char first[] = "A1", second[] = "A2";
    const struct sc_run_trace answers[] = {{.answer = first}, {.answer = second}};
    struct talker talker = {0};
    const struct sc_source source = {&talker_functions, &talker};
    struct sc_instance instance = {.prompt = "three", .prefill = "Sure"};
    const char *const expected[] = {"s:S;u:one;", "s:S;u:one;a:A1;u:two;",
                                    "s:S;u:one;a:A1;u:two;a:A2;u:three;a:Sure;"};
    const struct {
        enum sc_role role;
        const char *text;
    } said[] = {{SC_ROLE_SYSTEM, "S"},
                {SC_ROLE_USER, "one"},
                {SC_ROLE_USER, "two"},
                {SC_ROLE_USER, "three"}};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            sc_conversation_add(&instance.conversation, said[i].role, said[i].text, NULL), SC_OK);
    assert_int_equal(sc_turn_count(&instance, true), 3);
    assert_int_equal(sc_turn_count(&instance, false), 1);
    for (size_t k = 0; k < 3; k++) {
        void *prompt = NULL;
        const struct sc_turn turn = {&instance, true, answers, k};
        assert_int_equal(sc_turn_prepare(&source, &turn, &prompt, NULL), SC_OK);
        assert_string_equal(((struct told *)prompt)->words, expected[k]);
        talker_drop(&talker, prompt);
    }
    void *prompt = NULL;
    const struct sc_turn all = {.instance = &instance};
    assert_int_equal(sc_turn_prepare(&source, &all, &prompt, NULL), SC_OK);
    assert_string_equal(((struct told *)prompt)->words, "s:S;u:one;u:two;u:three;a:Sure;");
    talker_drop(&talker, prompt);
    assert_int_equal(sc_turn_foresee(&source, &instance, NULL), SC_OK);
    assert_string_equal(talker.longest, "s:S;u:one;a:;u:two;a:;u:three;a:Sure;");
    sc_conversation_free(&instance.conversation);
    assert_int_equal(sc_turn_count(&instance, true), 1);
    assert_int_equal(talker.n_live, 0);
}

static void each_turn_has_random_numbers_of_its_own(void **state)
{
    (void)state;
    assert_true(sc_turn_key("a", 0) == sc_hash64("a", 1)); /* as in runs of single prompts */
    for (size_t i = 0; i < 50; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(sc_turn_key("a", i) != sc_turn_key("a", j));
    assert_true(sc_turn_key("a", 1) != sc_turn_key("b", 1));
    /* Named by the key's and the number's bytes, the least first. */
    uint64_t key = sc_hash64("a", 1);
    unsigned char bytes[16] = {0};
    for (int b = 0; b < 8; b++)
        bytes[b] = (unsigned char)(key >> (8 * b));
    bytes[8] = 3;
    assert_true(sc_turn_key("a", 3) == sc_hash64(bytes, sizeof bytes));
}

static void order_and_width_change_nothing(void **state)
{
    char *first = NULL;
    (void)state;
    for (size_t parallel = 1; parallel <= 16; parallel += 5) {
        struct scene s;
        scene_make(&s, rows);
        s.talker.parallel = parallel;
        scene_good(&s);
        char *now = describe(&s);
        if (first == NULL)
            first = sc_strdup(now);
        assert_string_equal(now, first);
        sc_free(now);
        scene_free(&s);
    }
    sc_free(first);
}

static void an_interrupted_conversation_begins_anew(void **state)
{
    struct scene s;
    scene_make(&s, rows);
    scene_good(&s);
    char *whole = describe(&s);
    size_t n_answers = s.talker.n_done;
    (void)state;
    scene_free(&s);
    for (size_t stop = 1; stop < n_answers; stop += 3) {
        scene_make(&s, rows);
        s.talker.parallel = 3;
        s.talker.stop_after = stop;
        size_t n_runs = 0;
        while (scene_run(&s) == SC_ERR_INTERRUPTED) {
            assert_int_equal(s.talker.n_live, 0);
            s.talker.stop_after = stop + ++n_runs;
        }
        assert_int_equal(s.error.status, SC_OK);
        assert_true(n_runs > 0);
        char *now = describe(&s);
        assert_string_equal(now, whole);
        sc_free(now);
        scene_free(&s);
    }
    sc_free(whole);
}

static void a_turn_that_fails_fails_the_trace_by_its_number(void **state)
{
    const struct {
        const char *rows, *failure;
        size_t n_turns;
    } cases[] = {
        {"{\"id\":\"a\",\"messages\":[\"hello\",\"this is too long\",\"x\"]}\n"
         "{\"id\":\"b\",\"messages\":[\"hello\"]}\n",
         "turn 2 of 3: prompt: expected fewer tokens", 1},
        {"{\"id\":\"a\",\"messages\":[\"hello\",\"numbers fail\",\"x\"]}\n",
         "turn 2 of 3: logits: expected finite numbers", 1},
        {"{\"id\":\"a\",\"messages\":[\"hello\",\"numbers fail\"]}\n",
         "turn 2 of 2: logits: expected finite numbers", 1},
        {"{\"id\":\"a\",\"messages\":[\"no number\",\"y\",\"x\"]}\n",
         "turn 1 of 3: not a finite number: figures of token 1", 0},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct scene s;
        struct sc_run run = {0};
        scene_make(&s, cases[c].rows);
        s.talker.parallel = 3;
        scene_good(&s);
        assert_int_equal(s.summary.n_failed_traces, 4);
        assert_int_equal(sc_run_load(s.out, true, &run, NULL), SC_OK);
        for (size_t t = 0; t < 4; t++) {
            const struct sc_run_trace *trace = &run.instances[0].traces[t];
            assert_string_equal(trace->failure, cases[c].failure);
            assert_int_equal(trace->n_turns, cases[c].n_turns);
        }
        sc_run_free(&run);
        scene_free(&s);
    }
}

static void cuts_fall_in_the_last_answer_alone(void **state)
{
    struct scene s;
    (void)state;
    scene_make(&s, "{\"id\":\"a\",\"messages\":[\"one\",\"two\"]}\n"
                   "{\"id\":\"b\",\"messages\":[\"three\",\"four\"]}\n");
    s.policy.kind = SC_POLICY_DEEPCONF;
    s.policy.min_traces = 3;
    s.policy.max_traces = 9;
    s.policy.eta = 50;
    s.policy.tau = 1;
    s.options.window = 1;
    s.talker.falls = true;
    scene_good(&s);
    assert_true(s.talker.n_kept_early > 0);
    assert_true(s.talker.n_cut > 0);
    char *now = describe(&s);
    assert_non_null(strstr(now, "cut|"));
    sc_free(now);
    scene_free(&s);
}

static void a_source_that_takes_no_prompts_while_it_samples_is_refused(void **state)
{
    struct scene s;
    (void)state;
    scene_make(&s, rows);
    s.talker.no_turns = true;
    assert_int_equal(scene_run(&s), SC_ERR_UNSUPPORTED);
    assert_non_null(strstr(s.error.text, "multi-turn"));
    scene_free(&s);
    scene_make(&s, "{\"id\":\"b\",\"messages\":[\"only\"]}\n"); /* nothing of it is asked */
    s.talker.no_turns = true;
    scene_good(&s);
    scene_free(&s);
}

static void memory_that_runs_out_ends_the_run_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t at = 40, n_failed = 0;; at += 23) {
        struct scene s;
        scene_make(&s, rows);
        s.talker.parallel = 3;
        sc_memory_fail_at(at);
        enum sc_status status = scene_run(&s);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        bool done = status == SC_OK;
        if (!done)
            assert_int_equal(status, SC_ERR_NOMEM);
        n_failed += !done;
        scene_free(&s);
        if (done) {
            assert_true(n_failed > 5);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_is_the_whole_conversation),
        cmocka_unit_test(what_is_asked_holds_the_answers_before_it),
        cmocka_unit_test(each_turn_has_random_numbers_of_its_own),
        cmocka_unit_test(order_and_width_change_nothing),
        cmocka_unit_test(an_interrupted_conversation_begins_anew),
        cmocka_unit_test(a_turn_that_fails_fails_the_trace_by_its_number),
        cmocka_unit_test(cuts_fall_in_the_last_answer_alone),
        cmocka_unit_test(a_source_that_takes_no_prompts_while_it_samples_is_refused),
        cmocka_unit_test(memory_that_runs_out_ends_the_run_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
