/*
 * Logs of inspect_ai as imported answers: which samples are traces of which prompt, what is left
 * out and why, our own logs' figures, hostile archives, and memory that runs out.  A real log:
 * tests/cli/test_cli_import_log.py.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/archive.h"
#include "base/file.h"
#include "base/memory.h"
#include "experiment/import/answers.h"
#include "experiment/import/log.h"
#include "experiment/store/run_data.h"
#include "run_fixture.h"

/* ---- one log --------------------------------------------------------------------------------- */

#define EVAL "\"version\":2,\"eval\":{\"model\":\"m\",\"dataset\":{\"sample_ids\":[\"b\",\"a\",7]}}"

static void parse_log(const char *samples, struct sc_table *table, struct sc_import_log *log)
{
    struct sc_text text = {0};
    struct sc_error error = {0};
    const struct sc_table_options how = {0};
    sc_text_printf(&text, "{" EVAL ",\"samples\":[%s]}", samples);
    if (sc_import_table_parse("t.json", text.data, text.len, &how, table, log, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_text_free(&text);
}

/* The cell of a row, "" where it is missing. */
static const char *cell(const struct sc_table *table, size_t row, const char *column)
{
    int at = sc_table_column(table, column);
    const char *text = at >= 0 ? table->cells[row * table->n_columns + (size_t)at] : NULL;
    return text != NULL ? text : "";
}

/* One sample alone; the column of its row. */
static void assert_cell(const char *sample, const char *column, const char *expected)
{
    struct sc_table table = {0};
    struct sc_import_log log = {0};
    parse_log(sample, &table, &log);
    assert_int_equal(table.n_rows, 1);
    if (strstr(cell(&table, 0, column), expected) == NULL)
        fail_msg("%s: %s: expected '%s', found '%s'", sample, column, expected,
                 cell(&table, 0, column));
    sc_table_free(&table);
    sc_import_log_free(&log);
}

#define ANSWER "\"output\":{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"x\"}}]}"
#define SAMPLE(id, epoch, more) "{\"id\":" id ",\"epoch\":" epoch "," ANSWER more "}"

static void samples_stand_in_the_order_of_the_data_set(void **state)
{
    (void)state;
    static const char *const ids[] = {"b", "b", "a", "7", "c"};
    struct sc_table table = {0};
    struct sc_import_log log = {0};
    parse_log(SAMPLE("\"c\"", "1", "") "," SAMPLE("7", "1", "") "," SAMPLE(
                  "\"b\"", "2", "") "," SAMPLE("\"a\"", "1", "") "," SAMPLE("\"b\"", "1", ""),
              &table, &log);
    assert_int_equal(log.kind, SC_LOG_INSPECT);
    assert_false(log.own);
    assert_string_equal(log.model, "m");
    assert_int_equal(table.n_rows, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(cell(&table, i, "id"), ids[i]);
    assert_string_equal(cell(&table, 0, "epoch"), "1");
    assert_string_equal(cell(&table, 1, "epoch"), "2");
    sc_table_free(&table);
    sc_import_log_free(&log);
}

static void what_was_sent_is_the_prompt(void **state)
{
    (void)state;
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\",\"source\":\"input\"}"
#define SAID(text) "{\"role\":\"assistant\",\"content\":\"" text "\",\"source\":\"generate\"}"
#define GIVEN(text) "{\"role\":\"assistant\",\"content\":\"" text "\",\"source\":\"input\"}"
#define SYSTEM(text) "{\"role\":\"system\",\"content\":\"" text "\"}"
#define MESSAGES(list) SAMPLE("1", "1", ",\"input\":\"q\",\"messages\":[" list "]")
    assert_cell(SAMPLE("1", "1", ",\"input\":\"q\""), "prompt", "q");
    assert_cell(MESSAGES(USER("as asked") "," SAID("x")), "prompt", "as asked");
    assert_cell(MESSAGES(USER("as asked") "," SAID("x")), "input", "q");
    assert_cell(MESSAGES(SYSTEM("s") "," USER("u") "," SAID("x")), "prompt",
                "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\"}]");
    assert_cell(MESSAGES(USER("u") "," GIVEN("Sure,") "," SAID("x")), "prefill", "Sure,");
    assert_cell(MESSAGES(USER("u") "," GIVEN("Sure,") "," SAID("x")), "prompt", "u");
    assert_cell(MESSAGES(USER("u") "," GIVEN("a") "," USER("v") "," SAID("x")), "prompt",
                "assistant");
    assert_cell(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
                         "{\"type\":\"text\",\"text\":\"b\"}]}," SAID("x")),
                "prompt", "ab");
    assert_cell(SAMPLE("1", "1", ",\"input\":[" SYSTEM("s") "," USER("u") "]"), "prompt", "system");
}

static void what_is_no_trace_says_why(void **state)
{
    (void)state;
    assert_cell(MESSAGES(USER("u") "," SAID("a") "," USER("v") "," SAID("x")), "fault",
                "several calls of the model");
    assert_cell(MESSAGES(USER("u") ",{\"role\":\"tool\",\"content\":\"1\"}," SAID("x")), "fault",
                "calls of tools");
    assert_cell(
        MESSAGES(
            "{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"image\":\"d\"}]}," SAID("x")),
        "fault", "image");
    assert_cell(MESSAGES("{\"role\":\"user\",\"content\":7}," SAID("x")), "fault", "expected text");
    assert_cell(MESSAGES("{\"content\":\"u\"}," SAID("x")), "fault", "role");
    assert_cell("{\"id\":1,\"epoch\":1,\"input\":\"q\",\"error\":{\"message\":\"no luck\"}}",
                "output", "no luck");
    assert_cell("{\"id\":1,\"epoch\":1,\"input\":\"q\",\"limit\":{\"type\":\"token\"}}", "output",
                "a limit was reached");
    assert_cell("{\"id\":1,\"epoch\":1,\"input\":\"q\",\"output\":{}}", "output", "no answer");
}

static void attachments_stand_where_they_are_named(void **state)
{
    (void)state;
#define ATTACHED ",\"attachments\":{\"h1\":\"long text\"}"
    assert_cell(SAMPLE("1", "1", ",\"input\":\"attachment://h1\"" ATTACHED), "prompt", "long text");
    assert_cell(SAMPLE("1", "1", ",\"messages\":[" USER("attachment://h1") "]" ATTACHED), "prompt",
                "long text");
    assert_cell(SAMPLE("1", "1", ",\"input\":\"attachment://h2\"" ATTACHED), "prompt",
                "attachment://h2");
    assert_cell(
        "{\"id\":1,\"epoch\":1,\"input\":\"q\",\"output\":{\"choices\":[{\"message\":{\"role\":"
        "\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"attachment://h1\"}]}}]}" ATTACHED
        "}",
        "output", "long text");
}

static void numbers_that_json_has_not_are_null(void **state)
{
    (void)state;
    assert_cell(
        SAMPLE("1", "1", ",\"scores\":{\"s\":{\"value\":NaN,\"v\":[-Infinity,Infinity,-1]}}"),
        "scores", "{\"s\":{\"value\":null,\"v\":[null,null,-1]}}");
    assert_cell(SAMPLE("1", "1", ",\"input\":\"NaN \\\" Infinity\""), "prompt", "NaN \" Infinity");
}

static void a_damaged_sample_fails_alone(void **state)
{
    (void)state;
    struct sc_table table = {0};
    struct sc_import_log log = {0};
    parse_log("7," SAMPLE("\"a\"", "1", "") ",{\"epoch\":1},{\"id\":\"b\"}", &table, &log);
    assert_int_equal(table.n_rows, 4);
    assert_int_equal(table.n_faults, 3);
    assert_null(table.faults[0]);
    assert_non_null(strstr(table.faults[1], "expected"));
    assert_non_null(strstr(table.faults[2], "expected an id"));
    assert_non_null(strstr(table.faults[3], "expected an epoch"));
    sc_table_free(&table);
    sc_import_log_free(&log);
}

/* ---- archives -------------------------------------------------------------------------------- */

struct content {
    const char *const (*entries)[2]; /* [n] name, text */
    size_t n;
};

static enum sc_status name_entry(void *context, size_t i, struct sc_text *out,
                                 struct sc_error *error)
{
    const struct content *content = context;
    (void)error;
    sc_text_puts(out, content->entries[i][0]);
    return SC_OK;
}

static enum sc_status make_entry(void *context, size_t i, struct sc_text *out,
                                 struct sc_error *error)
{
    const struct content *content = context;
    (void)error;
    sc_text_puts(out, content->entries[i][1]);
    return SC_OK;
}

/* A folder with the log in it. */
struct stage {
    char folder[64], file[80], out[80];
};

static void stage_make(struct stage *stage, const char *const (*entries)[2], size_t n)
{
    struct content content = {entries, n};
    const struct sc_archive_content what = {
        .n = n, .context = &content, .name = name_entry, .make = make_entry};
    snprintf(stage->folder, sizeof stage->folder, "/tmp/safeconf-test-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(stage->file, sizeof stage->file, "%s/t.eval", stage->folder);
    snprintf(stage->out, sizeof stage->out, "%s/out", stage->folder);
    assert_int_equal(sc_archive_write(stage->file, &what, NULL), SC_OK);
}

static void stage_free(struct stage *stage)
{
    unlink(stage->file);
    fixture_remove_folder(stage->out);
    rmdir(stage->folder);
}

static enum sc_status import(const struct stage *stage, struct sc_import_summary *summary,
                             struct sc_error *error)
{
    struct sc_import_options options = sc_import_options_default();
    options.file = stage->file;
    options.out = stage->out;
    return sc_import(&options, NULL, summary, error);
}

#define HEADER "{\"version\":2,\"eval\":{\"model\":\"m\"}}"
#define OWN_FACTS                                                                                  \
    "\"safeconf\":{\"logprobs\":\"raw\",\"configuration\":{\"confidence\":{\"top_k\":20}}}"
#define OWN                                                                                        \
    "{\"version\":2,\"eval\":{\"model\":\"m\",\"packages\":{\"safeconf\":\"1\"},\"metadata\":"     \
    "{" OWN_FACTS "}}}"

static void an_unfinished_log_is_read_and_other_archives_are_not(void **state)
{
    (void)state;
    static const char *const begun[][2] = {
        {"_journal/start.json", HEADER},
        {"samples/a_epoch_1.json", SAMPLE("\"a\"", "1", ",\"input\":\"q\"")},
        {"samples/../../x.json", SAMPLE("\"b\"", "1", ",\"input\":\"r\"")}};
    static const char *const other[][2] = {{"word/document.xml", "<a/>"}};
    static const char *const empty[][2] = {{"header.json", HEADER}};
    static const char *const broken[][2] = {{"header.json", "{"}};
    struct stage stage;
    struct sc_import_summary summary;
    struct sc_error error = {0};
    stage_make(&stage, begun, 3);
    if (import(&stage, &summary, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(summary.n_traces, 2);
    stage_free(&stage);
    const struct {
        const char *const (*entries)[2];
        enum sc_status status;
        const char *why;
    } cases[] = {{other, SC_ERR_UNSUPPORTED, "no log of inspect_ai"},
                 {empty, SC_ERR_FORMAT, "none of 0 samples"},
                 {broken, SC_ERR_FORMAT, "expected JSON"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error = (struct sc_error){0};
        stage_make(&stage, cases[i].entries, 1);
        assert_int_equal(import(&stage, NULL, &error), cases[i].status);
        if (strstr(error.text, cases[i].why) == NULL)
            fail_msg("%s", error.text);
        assert_false(sc_is_folder(stage.out));
        stage_free(&stage);
    }
}

/* ---- our own figures ------------------------------------------------------------------------- */

static enum sc_status read_tokens(const char *json, struct sc_import_tokens *tokens,
                                  struct sc_error *error)
{
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    *tokens = (struct sc_import_tokens){0};
    enum sc_status status = sc_import_logprobs(value, "ab", 3, tokens, error);
    json_decref(value);
    return status;
}

static void own_figures_are_taken_as_they_are(void **state)
{
    (void)state;
    struct sc_import_tokens tokens;
    assert_int_equal(
        read_tokens(
            "{\"content\":[{\"token\":\"a\",\"logprob\":-1},{\"token\":\"b\",\"logprob\":-2}],"
            "\"safeconf\":{\"n_reasoning\":1,\"confidence\":[3,4],\"entropy\":[0.5,null]}}",
            &tokens, NULL),
        SC_OK);
    assert_int_equal(tokens.n, 2);
    assert_int_equal(tokens.n_reasoning, 1);
    assert_int_equal(tokens.figures, 1u << SC_FIGURE_LOGPROB | 1u << SC_FIGURE_CONFIDENCE);
    assert_true(tokens.given[1].confidence == 4 && tokens.given[1].logprob == -2);
    assert_int_equal(tokens.text_ends[0], 1);
    sc_import_tokens_free(&tokens);
    assert_int_equal(read_tokens("{\"safeconf\":{\"logprob\":[-1,null],\"forced_begin\":1,"
                                 "\"n_forced\":1}}",
                                 &tokens, NULL),
                     SC_OK);
    assert_int_equal(tokens.n, 2);
    assert_int_equal(tokens.figures, 1u << SC_FIGURE_LOGPROB);
    sc_import_tokens_free(&tokens);
}

static void own_figures_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"content\":[{\"logprob\":-1}],\"safeconf\":{\"confidence\":[1,2]}}",
        "{\"safeconf\":{\"confidence\":[1,2],\"entropy\":[1]}}",
        "{\"safeconf\":{\"confidence\":[1,2],\"n_reasoning\":3}}",
        "{\"safeconf\":{\"confidence\":[1,2],\"n_reasoning\":\"x\"}}",
        "{\"safeconf\":{\"confidence\":[1,2],\"forced_begin\":1,\"n_forced\":2}}",
        "{\"safeconf\":{\"confidence\":[-1]}}",
        "{\"safeconf\":{\"logprob\":[1]}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sc_import_tokens tokens;
        assert_int_equal(read_tokens(bad[i], &tokens, NULL), SC_ERR_FORMAT);
        assert_null(tokens.given);
        assert_int_equal(tokens.n, 0);
    }
}

/* ---- reports of garak ------------------------------------------------------------------------ */

#define ATTEMPT(more) "{\"entry_type\":\"attempt\",\"probe_classname\":\"p.P\"," more "}\n"

static void parse_report(const char *lines, struct sc_table *table, struct sc_import_log *log)
{
    struct sc_error error = {0};
    const struct sc_table_options how = {0};
    *table = (struct sc_table){0};
    *log = (struct sc_import_log){0};
    if (sc_import_table_parse("t.jsonl", lines, strlen(lines), &how, table, log, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(log->kind, SC_LOG_GARAK);
}

static void assert_attempt(const char *line, const char *column, const char *expected)
{
    struct sc_table table;
    struct sc_import_log log;
    parse_report(line, &table, &log);
    if (strcmp(cell(&table, 0, column), expected) != 0)
        fail_msg("%s: %s: expected '%s', found '%s'", line, column, expected,
                 cell(&table, 0, column));
    sc_table_free(&table);
    sc_import_log_free(&log);
}

static void attempts_of_all_versions_are_rows(void **state)
{
    (void)state;
#define TURN(role, text) "{\"role\":\"" role "\",\"content\":{\"text\":\"" text "\"}}"
    assert_attempt(ATTEMPT("\"prompt\":\"q\",\"outputs\":[\"a\",null]"), "prompt", "q");
    assert_attempt(ATTEMPT("\"prompt\":\"q\",\"outputs\":[\"a\",null]"), "output",
                   "[{\"text\":\"a\"},{\"error\":\"no output\"}]");
    assert_attempt(ATTEMPT("\"prompt\":{\"text\":\"q\"},\"outputs\":[{\"text\":\"a\"}]"), "prompt",
                   "q");
    assert_attempt(ATTEMPT("\"prompt\":{\"turns\":[" TURN("user", "q") "]},\"outputs\":[]"),
                   "prompt", "q");
    assert_attempt(
        ATTEMPT("\"prompt\":{\"turns\":[" TURN("system", "s") "," TURN("user", "q") "]}"), "prompt",
        "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q\"}]");
    assert_attempt(ATTEMPT("\"prompt\":\"q\",\"goal\":\"g\""), "category", "p.P");
    assert_attempt(ATTEMPT("\"prompt\":\"q\",\"goal\":\"g\""), "goal", "g");
    assert_attempt(ATTEMPT("\"prompt\":{\"turns\":[]}"), "fault", "the prompt has no text");
    assert_attempt(
        ATTEMPT("\"prompt\":{\"turns\":[" TURN(
            "user", "q") "]},\"conversations\":[{"
                         "\"turns\":[" TURN("user", "q") "," TURN("assistant", "a") "," TURN(
                             "user", "r") "," TURN("assistant", "b") "]}]"),
        "prompt", "");
}

static void scores_are_hits_by_the_reports_threshold(void **state)
{
    (void)state;
#define SCORES "\"prompt\":\"q\",\"detector_results\":{\"m.D\":[0.5,0.49,null],\"old\":[1]}"
    assert_attempt(ATTEMPT(SCORES), "detector_results",
                   "{\"m\":{\"D\":[true,false,null]},\"old\":[true]}");
    assert_attempt(
        "{\"entry_type\":\"start_run setup\",\"run.eval_threshold\":0.9}\n" ATTEMPT(SCORES),
        "detector_results", "{\"m\":{\"D\":[false,false,null]},\"old\":[true]}");
}

static void an_attempt_counts_as_it_stood_last(void **state)
{
    (void)state;
    struct sc_table table;
    struct sc_import_log log;
    parse_report("{\"entry_type\":\"start_run setup\",\"plugins.model_name\":\"m\"}\n" ATTEMPT(
                     "\"uuid\":\"1\",\"prompt\":\"a\"")
                     ATTEMPT("\"uuid\":\"2\",\"prompt\":\"b\"") "broken\n" ATTEMPT(
                         "\"uuid\":\"2\",\"prompt\":\"b\",\"goal\":\"g\""),
                 &table, &log);
    assert_int_equal(table.n_rows, 2);
    assert_string_equal(cell(&table, 0, "prompt"), "a");
    assert_string_equal(cell(&table, 1, "goal"), "g");
    assert_string_equal(log.model, "m");
    assert_int_equal(log.n_damaged, 1);
    sc_table_free(&table);
    sc_import_log_free(&log);
}

static void files_without_the_answers_say_where_those_are(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"{\"attempt_id\":\"1\",\"attempt_idx\":0,\"detector\":\"d\",\"prompt\":\"q\"}",
         ".report.jsonl"},
        {"{\"results\":{},\"configs\":{},\"n-samples\":{}}", "samples_*.jsonl"},
        {"{\"entry_type\":\"init\"}", "without an attempt"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct sc_table table = {0};
        struct sc_import_log log = {0};
        struct sc_error error = {0};
        const struct sc_table_options how = {0};
        assert_int_not_equal(sc_import_table_parse("t", files[i][0], strlen(files[i][0]), &how,
                                                   &table, &log, &error),
                             SC_OK);
        if (strstr(error.text, files[i][1]) == NULL)
            fail_msg("%s", error.text);
        sc_table_free(&table);
        sc_import_log_free(&log);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    static const char *const entries[][2] = {
        {"header.json", OWN},
        {"samples/a_epoch_1.json",
         SAMPLE("\"a\"", "1", ",\"input\":\"attachment://\",\"attachments\":{\"\":\"hi\"}")},
        {"samples/a_epoch_2.json",
         "{\"id\":\"a\",\"epoch\":2,\"input\":\"hi, and more than a first buffer "
         "holds\",\"metadata\":{\"label\":\"safe\"},\"output\":{"
         "\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"ab\"},\"logprobs\":{"
         "\"content\":[{\"token\":\"ab\",\"logprob\":-1}]}}],\"metadata\":{\"safeconf\":{"
         "\"confidence\":[3]}}}}"}};
    struct stage stage;
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0, n_asked = 0;
    stage_make(&stage, entries, 3);
    for (; status != SC_OK && n < 20000; n += n < 2000 ? 1 : 37) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = import(&stage, NULL, &error);
        n_asked = sc_memory_count();
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && n_asked > n)
            fail_msg("allocation %zu failed, and nobody said so", n);
        if (status != SC_OK && status != SC_ERR_NOMEM)
            fail_msg("allocation %zu: %s", n, error.text);
    }
    assert_int_equal(status, SC_OK);
    stage_free(&stage);
}

/* Of a report of garak, as a table. */
static void memory_that_runs_out_in_a_report_is_said(void **state)
{
    (void)state;
    static const char report[] = ATTEMPT("\"uuid\":\"1\",\"prompt\":\"a\",\"outputs\":[\"x\"],"
                                         "\"detector_results\":{\"m.D\":[1]}")
        ATTEMPT("\"uuid\":\"1\",\"prompt\":\"a\",\"outputs\":[\"x\",null]");
    const struct sc_table_options how = {0};
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0;
    for (; status != SC_OK && n < 5000; n++) {
        struct sc_table table = {0};
        struct sc_import_log log = {0};
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_import_table_parse("t", report, strlen(report), &how, &table, &log, &error);
        size_t n_asked = sc_memory_count();
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK && n_asked > n)
            fail_msg("allocation %zu failed, and nobody said so", n);
        if (status != SC_OK && status != SC_ERR_NOMEM)
            fail_msg("allocation %zu: %s", n, error.text);
        sc_table_free(&table);
        sc_import_log_free(&log);
    }
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_stand_in_the_order_of_the_data_set),
        cmocka_unit_test(what_was_sent_is_the_prompt),
        cmocka_unit_test(what_is_no_trace_says_why),
        cmocka_unit_test(attachments_stand_where_they_are_named),
        cmocka_unit_test(numbers_that_json_has_not_are_null),
        cmocka_unit_test(a_damaged_sample_fails_alone),
        cmocka_unit_test(an_unfinished_log_is_read_and_other_archives_are_not),
        cmocka_unit_test(own_figures_are_taken_as_they_are),
        cmocka_unit_test(own_figures_that_do_not_fit_are_refused),
        cmocka_unit_test(attempts_of_all_versions_are_rows),
        cmocka_unit_test(scores_are_hits_by_the_reports_threshold),
        cmocka_unit_test(an_attempt_counts_as_it_stood_last),
        cmocka_unit_test(files_without_the_answers_say_where_those_are),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(memory_that_runs_out_in_a_report_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
