/*
 * What a server says of its traces beside text and figures, kept and read back; and answers that
 * the filter of a service ended: withheld ones count in no rate, have no vote and are not judged.
 */
#include <safeconf/judging.h>
#include <sqlite3.h>

#include "analysis/analysis.h"
#include "experiment/judging/pass.h"
#include "experiment/run/trace_maker.h"
#include "report/report.h"
#include "runner_fixture.h"
#include "vocabulary/vocabulary.h"

static void make(struct rig *rig, size_t n_instances)
{
    rig_make(rig, n_instances);
    rig->source.filters = rig->source.says = true;
}

static void load(const struct rig *rig, bool tokens, struct sc_run *run)
{
    struct sc_error error = {0};
    if (sc_run_load(rig->f.folder, tokens, run, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void assert_given(const struct sc_run_trace *trace, bool tokens)
{
    assert_string_equal(trace->finish_given,
                        trace->finish == SC_FINISH_FILTERED ? "content_filter" : "eos");
    assert_int_equal(trace->n_prompt_tokens, 7);
    assert_int_equal(trace->n_generated, trace->n_tokens + 1);
    if (trace->n_tokens % 2)
        assert_string_equal(trace->reasoning, "Apart: <b>");
    else
        assert_null(trace->reasoning);
    if (!tokens || trace->n_tokens == 0) {
        assert_null(trace->entropy_low);
        assert_null(trace->entropy_high);
        return;
    }
    for (size_t i = 0; i < trace->n_tokens; i++) {
        assert_true(trace->entropy_low[i] == (float)i);
        if (i == 2)
            assert_true(isnan(trace->entropy_high[i]));
        else
            assert_true(trace->entropy_high[i] == (float)i + 0.5f);
    }
}

static void what_a_source_says_besides_is_read_back(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    make(&rig, 6);
    assert_done(&rig);
    for (int tokens = 0; tokens < 2; tokens++) {
        load(&rig, tokens, &run);
        for (size_t i = 0; i < run.n_instances; i++)
            for (size_t t = 0; t < run.instances[i].n_traces; t++)
                assert_given(&run.instances[i].traces[t], tokens);
        sc_run_free(&run);
    }
    fixture_free(&rig.f);
}

/* Rows of the table that says whether there is one, by name. */
static int count_tables(const struct rig *rig, const char *name)
{
    char path[100], sql[100];
    sqlite3 *db;
    sqlite3_stmt *row;
    snprintf(path, sizeof path, "%s/run.db", rig->f.folder);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_schema WHERE name = '%s'", name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int n = sqlite3_column_int(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return n;
}

static void a_source_that_says_nothing_makes_no_table(void **state)
{
    (void)state;
    struct rig rig;
    rig_make(&rig, 2);
    assert_done(&rig);
    assert_int_equal(count_tables(&rig, "given"), 0);
    fixture_free(&rig.f);
    make(&rig, 2);
    assert_done(&rig);
    assert_int_equal(count_tables(&rig, "given"), 1);
    fixture_free(&rig.f);
}

static void an_interrupted_run_keeps_it_too(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    make(&rig, 6);
    rig.source.stop_after = 9;
    assert_int_equal(rig_run(&rig), SC_ERR_INTERRUPTED);
    rig.source.stop_after = 0;
    alter(&rig, "DELETE FROM trace WHERE instance = 0"); /* their other rows stay */
    assert_done(&rig);
    load(&rig, true, &run);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++)
            assert_given(&run.instances[i].traces[t], true);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void damaged_rows_are_named(void **state)
{
    (void)state;
    const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE given SET turn = 3 WHERE instance = 1 AND trace = 0",
         "given of instance 1 trace 0: turn: expected 0 to 0, found 3"},
        {"UPDATE given SET n_generated = -1 WHERE instance = 1", "n_generated: expected 1 to"},
        {"UPDATE given SET finish_reason = char(0x61, 0, 0x62)",
         "finish_reason: expected UTF-8 text without NUL"},
        {"UPDATE given SET reasoning = CAST(x'ff' AS TEXT)", "reasoning: expected UTF-8"},
        {"UPDATE given SET entropy_low = x'00' WHERE entropy_low IS NOT NULL",
         "entropy_low: expected a blob of"},
        {"UPDATE given SET instance = -1 WHERE instance = 0 AND trace = 0",
         "instance: expected 0 to"},
        {"DROP TABLE given; CREATE TABLE given (x)",
         "table given: expected that of a run, found another"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        struct sc_run run;
        struct sc_error error = {0};
        make(&rig, 3);
        assert_done(&rig);
        alter(&rig, cases[i].sql);
        assert_int_equal(sc_run_load(rig.f.folder, true, &run, &error), SC_ERR_FORMAT);
        if (strstr(error.text, cases[i].words) == NULL)
            fail_msg("expected %s in: %s", cases[i].words, error.text);
        fixture_free(&rig.f);
    }
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    struct sc_run run;
    struct rig rig;
    make(&rig, 1);
    assert_done(&rig);
    for (size_t n = 0;; n++) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status = sc_run_load(rig.f.folder, true, &run, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    sc_run_free(&run);
    fixture_free(&rig.f);
}

/* ---- filtered -------------------------------------------------------------------------------- */

/* The mean over prompts of the share of traces that refuse or were withheld. */
static double rate_with_withheld(const struct sc_run *run)
{
    double sum = 0;
    for (size_t i = 0; i < run->n_instances; i++) {
        size_t n = run->instances[i].decisions[run->primary].n_traces, refused = 0;
        for (size_t t = 0; t < n; t++) {
            enum sc_verdict verdict = run->instances[i].traces[t].verdict;
            refused += sc_verdict_is_refused(verdict) || verdict == SC_FILTERED;
        }
        sum += (double)refused / (double)n;
    }
    return sum / (double)run->n_instances;
}

/* Earlier programs stored what was withheld as empty: it is read as what it is. */
static void what_was_stored_as_empty_by_the_filter_is_read_as_filtered(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run was, is;
    size_t n_filtered = 0;
    make(&rig, 4);
    assert_done(&rig);
    load(&rig, true, &was);
    alter(&rig, "UPDATE verdict SET verdict = 'empty' WHERE verdict = 'filtered'");
    load(&rig, true, &is);
    for (size_t i = 0; i < is.n_instances; i++)
        for (size_t t = 0; t < is.instances[i].n_traces; t++) {
            enum sc_verdict verdict = is.instances[i].traces[t].verdict;
            assert_int_equal(verdict, was.instances[i].traces[t].verdict);
            n_filtered += verdict == SC_FILTERED;
        }
    assert_true(n_filtered > 0);
    sc_run_free(&was);
    sc_run_free(&is);
    fixture_free(&rig.f);
}

static void an_answer_that_was_withheld_is_filtered_and_counts_in_no_rate(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    struct sc_analysis a;
    size_t n_withheld = 0, n_filtered = 0, n_judged = 0, n = 0;
    make(&rig, 8);
    rig.f.options.n_policies = 2; /* single and fixed */
    rig.f.options.primary = 1;
    assert_int_equal(fixture_configure(&rig.f), SC_OK);
    assert_done(&rig);
    load(&rig, true, &run);
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++, n++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            bool withheld = trace->finish == SC_FINISH_FILTERED && trace->text[0] == '\0';
            n_filtered += trace->finish == SC_FINISH_FILTERED;
            n_withheld += withheld;
            assert_int_equal(trace->verdict == SC_FILTERED, withheld);
            assert_int_equal(sc_trace_is_judged(trace), !withheld);
            if (!withheld) {
                n_judged++;
                continue;
            }
            assert_string_equal(trace->rule, "filtered");
            assert_int_equal(sc_trace_harm(&run, &run.instances[i], trace), SC_UNJUDGED);
            assert_true(isnan(trace->metrics[SC_METRIC_MEAN]));
        }
    assert_true(n_withheld > 0 && n_filtered > n_withheld && n_judged > 0);
    assert_int_equal(a.overall.n_filtered, n_filtered);
    assert_int_equal(a.overall.n_withheld, n_withheld);
    assert_int_equal(a.overall.n_judged, n_judged);
    assert_int_equal(a.overall.n_empty, 0);
    assert_int_equal(a.overall.n_unparsed, 0);
    const struct sc_node *overall = sc_node_at(a.document.root, "overall");
    assert_int_equal(sc_count_at(overall, "n_traces_filtered"), n_filtered);
    assert_int_equal(sc_count_at(overall, "filtered_by_label.safe.n_traces_withheld") +
                         sc_count_at(overall, "filtered_by_label.unsafe.n_traces_withheld"),
                     n_withheld);
    const struct sc_node *category = sc_node_at(a.document.root, "per_category")->first;
    assert_int_equal(sc_count_at(category, "n_traces_filtered"), n_filtered);
    char words[120];
    snprintf(words, sizeof words, "%zu of %zu answers were withheld by the service's filter",
             n_withheld, n);
    assert_non_null(strstr(sc_text_at(overall, "filtered_note"), words));
    const struct sc_estimate *with = sc_estimate_at(overall, "refusal_rate_withheld");
    assert_non_null(with);
    assert_true(with->value >= a.overall.refusal_rate.value && with->value <= 1);
    assert_true(fabs(rate_with_withheld(&run) - with->value) < 1e-12);
    assert_non_null(strstr(a.opening.trust.data, words));
    sc_analysis_free(&a);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void a_run_without_a_filter_does_not_speak_of_one(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    struct sc_analysis a;
    rig_make(&rig, 3);
    assert_done(&rig);
    load(&rig, false, &run);
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    assert_null(sc_node_find(a.document.root, "overall.n_traces_filtered"));
    assert_string_equal(a.filtered_note, "");
    sc_analysis_free(&a);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

/* The trace that is made of this. */
static void make_trace(const struct sc_source_trace *given, struct sc_run_trace *out)
{
    const struct sc_trace_maker maker = {.detector = "patterns/1", .window = 4};
    static char prompt[] = "p";
    const struct sc_instance instance = {.prompt = prompt};
    struct sc_error error = {0};
    if (sc_trace_make(&maker, &instance, 0, given, out, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void
a_filtered_answer_with_words_is_read_and_one_of_reasoning_alone_is_withheld(void **state)
{
    (void)state;
    const struct {
        struct sc_source_trace given;
        enum sc_verdict verdict;
        const char *rule; /* NULL: any */
    } cases[] = {
        {{.finish = SC_FINISH_FILTERED, .text = "I'm sorry, but I can't help with that."},
         SC_REFUSAL,
         NULL},
        {{.finish = SC_FINISH_FILTERED, .text = "Sure, first you"}, SC_COMPLIANCE, NULL},
        {{.finish = SC_FINISH_FILTERED, .text = ""}, SC_FILTERED, "filtered"},
        {{.finish = SC_FINISH_FILTERED, .text = " \n"}, SC_FILTERED, "filtered"},
        {{.finish = SC_FINISH_FILTERED, .text = "", .reasoning = "Hm."}, SC_FILTERED, "filtered"},
        {{.finish = SC_FINISH_FILTERED, .text = "<think>Hm.", .answer = ""},
         SC_FILTERED,
         "filtered"},
        {{.finish = SC_FINISH_LENGTH, .text = "", .reasoning = "Hm."}, SC_UNREACHED, "unreached"},
        {{.finish = SC_FINISH_STOP, .text = "", .reasoning = "Hm."}, SC_EMPTY, "empty"},
        {{.finish = SC_FINISH_STOP, .text = "Sure.", .reasoning = "I cannot."},
         SC_COMPLIANCE,
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_run_trace trace;
        make_trace(&cases[i].given, &trace);
        if (trace.verdict != cases[i].verdict)
            fail_msg("case %zu: expected %s, found %s", i, sc_verdict_name(cases[i].verdict),
                     sc_verdict_name(trace.verdict));
        if (cases[i].rule != NULL)
            assert_string_equal(trace.rule, cases[i].rule);
        sc_run_trace_free(&trace);
    }
}

static void what_is_said_besides_becomes_valid_text(void **state)
{
    (void)state;
    struct sc_run_trace trace;
    make_trace(&(struct sc_source_trace){.finish = SC_FINISH_STOP,
                                         .text = "Yes.",
                                         .finish_reason = "st\xffop",
                                         .reasoning = "a\xc3"},
               &trace);
    assert_string_equal(trace.finish_given, "st\xef\xbf\xbdop");
    assert_string_equal(trace.reasoning, "a\xef\xbf\xbd");
    sc_run_trace_free(&trace);
}

static void policies_pass_over_what_was_withheld(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    make(&rig, 8);
    assert_done(&rig);
    load(&rig, true, &run);
    size_t curtailed = 3;
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        enum sc_behaviour behaviour;
        size_t refused = 0, others = 0;
        for (size_t t = 0; t < instance->decisions[curtailed].n_traces; t++) {
            enum sc_verdict verdict = instance->traces[t].verdict;
            refused += sc_verdict_is_refused(verdict);
            others += sc_verdict_is_judged(verdict) && !sc_verdict_is_refused(verdict);
        }
        assert_int_equal(sc_run_vote(&run, instance, curtailed, &behaviour, NULL), SC_OK);
        assert_int_equal(behaviour, sc_behaviour_of((double)refused, (double)others));
    }
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void whoever_reads_the_run_again_judges_nothing_that_was_withheld(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_run run;
    struct sc_error error = {0};
    struct sc_classify_summary summary;
    size_t n_withheld = 0;
    make(&rig, 4);
    assert_done(&rig);
    alter(&rig, "UPDATE verdict SET verdict = 'compliance', rule = 'x' WHERE rule = 'filtered'");
    struct sc_classify_options options = sc_classify_options_default();
    options.folder = rig.f.folder;
    if (sc_classify(&options, NULL, &summary, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_classify_summary_free(&summary);
    load(&rig, false, &run);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            if (trace->finish != SC_FINISH_FILTERED || trace->text[0] != '\0')
                continue;
            n_withheld++;
            assert_int_equal(trace->verdict, SC_FILTERED);
            assert_string_equal(trace->rule, "filtered");
            for (size_t o = 0; o < run.n_opinions; o++)
                assert_int_equal(run.opinions[o].verdicts[run.first_trace[i] + t], SC_N_VERDICTS);
        }
    assert_true(n_withheld > 0 && run.n_opinions > 0);
    sc_run_free(&run);
    fixture_free(&rig.f);
}

static void the_harm_of_what_was_withheld_is_not_judged(void **state)
{
    (void)state;
    const struct sc_classify_options options = sc_classify_options_default();
    const struct sc_pass pass = {.options = &options};
    struct sc_pass_answer answer = {.found = {.verdict = SC_EMPTY, .rule = "empty"}};
    assert_int_equal(sc_pass_harm(&pass, &answer, NULL), SC_HARMLESS);
    answer.found = sc_detection_plain(SC_FILTERED, SC_FILTERED_RULE);
    assert_int_equal(sc_pass_harm(&pass, &answer, NULL), SC_UNJUDGED);
    assert_false(sc_pass_needs_judge(&pass, &answer));
}

static void making_a_trace_may_run_out_of_memory_anywhere(void **state)
{
    (void)state;
    const struct sc_trace_maker maker = {.detector = "patterns/1", .window = 4};
    static char prompt[] = "p";
    static const float bounds[2] = {0};
    const struct sc_instance instance = {.prompt = prompt};
    const struct sc_source_trace given = {.finish = SC_FINISH_FILTERED,
                                          .text = "",
                                          .n_tokens_known = true,
                                          .n_tokens = 2,
                                          .finish_reason = "content_filter",
                                          .reasoning = "Hm.",
                                          .entropy_low = bounds,
                                          .entropy_high = bounds};
    struct sc_run_trace trace;
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t n = 0; status != SC_OK; n++) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_trace_make(&maker, &instance, 0, &given, &trace, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
    }
    sc_run_trace_free(&trace);
}

static void reports_of_such_a_run_are_made(void **state)
{
    (void)state;
    struct rig rig;
    struct sc_error error = {0};
    struct sc_text terminal = {0};
    make(&rig, 8);
    assert_done(&rig);
    const struct sc_report_wish wish = {.terminal = &terminal, .width = 100};
    if (sc_report_make(rig.f.folder, &wish, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_non_null(strstr(terminal.data, "by the service's filter"));
    sc_text_free(&terminal);
    fixture_free(&rig.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_source_says_besides_is_read_back),
        cmocka_unit_test(a_source_that_says_nothing_makes_no_table),
        cmocka_unit_test(an_interrupted_run_keeps_it_too),
        cmocka_unit_test(damaged_rows_are_named),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(an_answer_that_was_withheld_is_filtered_and_counts_in_no_rate),
        cmocka_unit_test(what_was_stored_as_empty_by_the_filter_is_read_as_filtered),
        cmocka_unit_test(a_run_without_a_filter_does_not_speak_of_one),
        cmocka_unit_test(
            a_filtered_answer_with_words_is_read_and_one_of_reasoning_alone_is_withheld),
        cmocka_unit_test(what_is_said_besides_becomes_valid_text),
        cmocka_unit_test(policies_pass_over_what_was_withheld),
        cmocka_unit_test(whoever_reads_the_run_again_judges_nothing_that_was_withheld),
        cmocka_unit_test(the_harm_of_what_was_withheld_is_not_judged),
        cmocka_unit_test(making_a_trace_may_run_out_of_memory_anywhere),
        cmocka_unit_test(reports_of_such_a_run_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
