/* What a suite writes: its journal, and the summary of its runs. */
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

#include "base/file.h"
#include "base/memory.h"
#include "suite/journal.h"
#include "suite/summary.h"

static char folder[] = "/tmp/safeconf-suite-XXXXXX";

static char *in_folder(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(sc_file_write(in_folder(name), text, strlen(text), NULL), SC_OK);
}

static char *read_text(const char *name)
{
    char *text = NULL;
    size_t n;
    assert_int_equal(sc_file_read(in_folder(name), 1 << 20, &text, &n, NULL), SC_OK);
    return text;
}

/* ---- the journal ------------------------------------------------------------------------------
 */

static void a_journal_remembers_runs_and_how_long_they_took(void **state)
{
    (void)state;
    struct sc_suite_journal journal;
    struct sc_suite_entry entry;
    unlink(in_folder("suite.json"));
    assert_int_equal(sc_suite_journal_open(&journal, folder, NULL), SC_OK);
    assert_false(sc_suite_journal_find(&journal, "a/b", &entry));
    assert_true(isnan(sc_suite_journal_rate(&journal, "m")));
    const struct sc_suite_entry one = {"key1", "m", 0, 10, 5}, two = {"key2", "m", 3, 20, 15},
                                other = {"key3", "n", 0, 1, 0};
    assert_int_equal(sc_suite_journal_put(&journal, "a/b", &one, NULL), SC_OK);
    assert_int_equal(sc_suite_journal_put(&journal, "a/c", &two, NULL), SC_OK);
    assert_int_equal(sc_suite_journal_put(&journal, "a/d", &other, NULL), SC_OK);
    sc_suite_journal_close(&journal);
    assert_int_equal(sc_suite_journal_open(&journal, folder, NULL), SC_OK);
    assert_true(sc_suite_journal_find(&journal, "a/c", &entry));
    assert_string_equal(entry.key, "key2");
    assert_true(entry.status == 3 && entry.seconds == 20 && entry.traces == 15);
    assert_true(sc_suite_journal_rate(&journal, "m") == 1.5);
    assert_true(isnan(sc_suite_journal_rate(&journal, "n")));
    sc_suite_journal_close(&journal);
}

static void a_journal_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{\"a/b\":1}",
        "{\"a/b\":{}}",
        "{\"a/b\":{\"status\":-1}}",
        "{\"a/b\":{\"status\":0,\"key\":\"k\"}}",
        "{\"a/b\":{\"status\":0,\"key\":1,\"model\":\"m\"}}",
        "{\"a/b\":{\"status\":0,\"key\":\"k\",\"model\":\"m\",\"traces\":-1}}",
        "{\"a/b\":{\"status\":0,\"key\":\"k\",\"model\":\"m\",\"seconds\":\"x\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sc_suite_journal journal;
        struct sc_error error = {0};
        write_text("suite.json", bad[i]);
        assert_int_equal(sc_suite_journal_open(&journal, folder, &error), SC_ERR_FORMAT);
        assert_non_null(strstr(error.text, "suite.json"));
        sc_suite_journal_close(&journal);
    }
    unlink(in_folder("suite.json"));
}

/* ---- the summary ------------------------------------------------------------------------------
 */

static const char suite_text[] =
    "name = '<b>&'\n[[phase]]\nname='a'\n[phase.matrix]\nseed=[1,2,3,4]\n"
    "[[phase]]\nname='b'\nwhen='all a.overall.n_traces > 1'\n";

#define ESTIMATE(value) "{\"value\":" value ",\"low\":0.1,\"high\":0.9,\"n\":7}"

static void write_analysis(const char *name, const char *model, double p)
{
    struct sc_text text = {0};
    sc_text_printf(
        &text,
        "{\"run\":{\"model\":\"%s\",\"policy\":\"single\",\"benchmark\":\"synthetic\","
        "\"judge\":\"none\"},"
        "\"overall\":{\"n_instances\":7,\"n_instances_unfinished\":0,\"n_traces\":9,"
        "\"refusal_rate\":" ESTIMATE(
            "0.5") ",\"harm_basis\":\"proxy\","
                   "\"total_tokens\":123,\"token_savings_percent\":null,"
                   "\"token_savings_percent_reason\":\"nothing <i>to</i> count\"},"
                   "\"hypothesis_test\":{\"answers_proxy\":{\"risk_difference\":" ESTIMATE(
                       "0.25") "},\"permutation_within_category\":{\"p\":%g}}}",
        model, p);
    char path[100];
    snprintf(path, sizeof path, "a/%s", name);
    assert_int_equal(sc_make_folders(in_folder(path), NULL), SC_OK);
    snprintf(path, sizeof path, "a/%s/analysis.json", name);
    write_text(path, text.data);
    sc_text_free(&text);
}

/* Three runs with figures, one whose file is broken, one that was left out. */
static enum sc_status summarise(struct sc_text *terminal, struct sc_error *error)
{
    struct sc_suite suite;
    char hostile[] = "seen \xe2\x80\xae<script>";
    struct sc_suite_result results[] = {{SC_OUTCOME_FINISHED, false, NULL},
                                        {SC_OUTCOME_FINISHED, true, NULL},
                                        {SC_OUTCOME_SOME_FAILED, false, hostile},
                                        {SC_OUTCOME_FINISHED, false, NULL},
                                        {SC_OUTCOME_SKIPPED, false, hostile}};
    struct sc_suite_decision decisions[2] = {
        {.made = false},
        {.made = true, .result = {.truth = SC_TRUTH_NO, .seen = {.data = hostile}}}};
    assert_int_equal(sc_suite_parse(suite_text, sizeof suite_text - 1, "suite.toml", &suite, NULL),
                     SC_OK);
    struct sc_suite_summary summary = {
        .suite = &suite, .out = folder, .results = results, .decisions = decisions, .width = 100};
    enum sc_status status = sc_suite_summary_write(&summary, terminal, error);
    sc_suite_free(&suite);
    return status;
}

static void write_runs(void)
{
    write_analysis("seed1", "one", 0.01);
    write_analysis("seed2", "</td><script>", 0.04);
    write_analysis("seed3", "one", 0.5);
    write_analysis("seed4", "one", 0.5);
    write_text("a/seed4/analysis.json", "{");
}

static void a_summary_has_a_row_for_each_run(void **state)
{
    (void)state;
    struct sc_text terminal = {0};
    struct sc_error error = {0};
    json_t *summary = NULL;
    write_runs();
    assert_int_equal(summarise(&terminal, &error), SC_ERR_IO); /* all written, but for one */
    assert_non_null(strstr(error.text, "seed4/analysis.json: "));
    assert_int_equal(sc_json_read(in_folder("summary.json"), 1 << 20, &summary, NULL), SC_OK);
    const json_t *runs = json_object_get(summary, "runs");
    assert_int_equal(json_array_size(runs), 5);
    assert_int_equal(json_integer_value(json_object_get(summary, "n_tests")), 3);
    static const double holm[] = {0.03, 0.08, 0.5};
    for (size_t i = 0; i < 3; i++) {
        const json_t *run = json_array_get(runs, i);
        const json_t *p = json_object_get(run, "hypothesis_p_holm");
        assert_true(fabs(json_number_value(p) - holm[i]) < 1e-12);
        const json_t *difference = json_object_get(run, "hypothesis_difference");
        assert_true(json_number_value(json_object_get(difference, "value")) == 0.25);
        assert_int_equal(json_integer_value(json_object_get(run, "total_tokens")), 123);
    }
    const json_t *broken = json_array_get(runs, 3);
    assert_true(json_is_false(json_object_get(broken, "has_figures")));
    assert_non_null(strstr(json_string_value(json_object_get(broken, "why")), "analysis.json"));
    assert_non_null(strstr(terminal.data, "50.0 [10.0, 90.0]"));
    assert_null(strstr(terminal.data, "\xe2\x80\xae"));
    json_decref(summary);
    sc_text_free(&terminal);
}

static void a_page_holds_no_markup_of_others(void **state)
{
    (void)state;
    struct sc_text terminal = {0};
    write_runs();
    assert_int_equal(summarise(&terminal, NULL), SC_ERR_IO);
    char *page = read_text("summary.html");
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<b>"));
    assert_null(strstr(page, "<i>"));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_non_null(strstr(page, "&lt;b&gt;&amp;"));
    assert_non_null(strstr(page, "nothing &lt;i&gt;to&lt;/i&gt; count"));
    assert_non_null(strstr(page, "href=\"a/seed1/report.html\""));
    assert_null(strstr(page, "href=\"a/seed4/report.html\""));
    assert_null(strstr(page, "@@"));
    sc_free(page);
    sc_text_free(&terminal);
}

/* What cannot be read for want of memory has no figures; nothing else may be missing. */
static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    write_runs();
    for (size_t n = 0;; n += n < 2000 ? 1 : 97) {
        struct sc_suite suite;
        struct sc_text terminal = {0};
        struct sc_error error = {0};
        struct sc_suite_result results[5] = {{SC_OUTCOME_FINISHED, false, NULL}};
        struct sc_suite_decision decisions[2] = {{.made = false}};
        assert_int_equal(
            sc_suite_parse(suite_text, sizeof suite_text - 1, "suite.toml", &suite, NULL), SC_OK);
        struct sc_suite_summary summary = {.suite = &suite,
                                           .out = folder,
                                           .results = results,
                                           .decisions = decisions,
                                           .width = 100};
        sc_memory_fail_at(n);
        enum sc_status status = sc_suite_summary_write(&summary, &terminal, &error);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        sc_text_free(&terminal);
        sc_suite_free(&suite);
        if (!reached) {
            assert_int_equal(status, SC_OK);
            assert_true(n > 100);
            return;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
    }
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_remembers_runs_and_how_long_they_took),
        cmocka_unit_test(a_journal_that_is_none_is_refused),
        cmocka_unit_test(a_summary_has_a_row_for_each_run),
        cmocka_unit_test(a_page_holds_no_markup_of_others),
        cmocka_unit_test(memory_that_runs_out_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
