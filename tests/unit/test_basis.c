/*
 * A confidence that rests on processed log-probabilities, on some of an unknown kind or on fewer
 * than were asked for is named so wherever it is shown: analysis, terminal, page, CSV, comparison,
 * table of runs, replay.  The usual one is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/diff/diff.h"
#include "analysis/leaderboard.h"
#include "report/csv.h"
#include "report/diff.h"
#include "report/leaderboard.h"
#include "report/report.h"
#include "report_fixture.h"
#include "show_fixture.h"

static const char few[] = "of 5 processed log-probabilities";

static struct sc_run usual(void)
{
    struct sc_run run = fixture_run(&(struct fixture_options){.n_instances = 30, .n_traces = 4});
    run.confidence_top_k = run.source.top_k = 20;
    run.source.reproducible = SC_REPRODUCIBLE_YES;
    run.detector = sc_strdup("patterns/1");
    return run;
}

static struct sc_run of_server(enum sc_logprob_kind kind, size_t top_k)
{
    struct sc_run run = usual();
    run.source.kind = sc_strdup("server");
    run.source.name = sc_strdup("org/model");
    run.source.logprobs = kind;
    run.source.top_k = top_k;
    return run;
}

static void assert_basis(enum sc_logprob_kind kind, size_t top_k, enum sc_metric metric,
                         const char *expected)
{
    char basis[SC_CONFIDENCE_BASIS_SIZE];
    sc_confidence_basis(kind, top_k, 20, metric, basis);
    assert_string_equal(basis, expected);
}

static void the_words_say_kind_and_number(void **state)
{
    (void)state;
    assert_basis(SC_LOGPROBS_RAW, 20, SC_METRIC_MEAN, "");
    assert_basis(SC_LOGPROBS_RAW, 5, SC_METRIC_MEAN, "of 5 log-probabilities");
    assert_basis(SC_LOGPROBS_PROCESSED, 20, SC_METRIC_LOWEST, "of processed log-probabilities");
    assert_basis(SC_LOGPROBS_PROCESSED, 5, SC_METRIC_TAIL, few);
    assert_basis(SC_LOGPROBS_UNKNOWN, 20, SC_METRIC_MEAN,
                 "of log-probabilities of an unknown kind");
    assert_basis(SC_LOGPROBS_UNKNOWN, 1, SC_METRIC_MEAN,
                 "of 1 log-probabilities of an unknown kind");
    assert_basis(SC_LOGPROBS_UNKNOWN, 0, SC_METRIC_MEAN, "as the source gives it");
    /* those of chosen tokens need no likeliest ones */
    assert_basis(SC_LOGPROBS_RAW, 0, SC_METRIC_PROB, "");
    assert_basis(SC_LOGPROBS_RAW, 5, SC_METRIC_NLL, "");
    assert_basis(SC_LOGPROBS_PROCESSED, 0, SC_METRIC_PROB, "of processed log-probabilities");
}

/* How often the words stand in the text. */
static size_t count(const char *text, const char *words)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words))
        n++;
    return n;
}

static size_t count_shown(const struct sc_run *run, enum fixture_form form, const char *words)
{
    struct sc_text text = {0};
    struct sc_error error = {0};
    const struct fixture_view view = {.form = form, .width = 100};
    if (fixture_show(run, view, &text, &error) != SC_OK)
        fail_msg("%s", error.text);
    size_t n = count(text.data, words);
    sc_text_free(&text);
    return n;
}

static void the_analysis_says_it_beside_every_confidence(void **state)
{
    (void)state;
    static const char *const places[] = {"run",
                                         "overall",
                                         "confident_refusal",
                                         "uncertain_compliance",
                                         "hypothesis_test",
                                         "per_category.fraud"};
    struct sc_run run = of_server(SC_LOGPROBS_PROCESSED, 5);
    struct sc_analysis a;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        assert_string_equal(sc_text_at(sc_node_at(a.document.root, places[i]), "confidence_basis"),
                            few);
    assert_string_equal(
        sc_text_at(a.document.root, "calibration.trace_probability.confidence_basis"),
        "of processed log-probabilities");
    assert_null(sc_node_find(a.document.root, "calibration.agreement.confidence_basis"));
    assert_non_null(strstr(a.opening.confidence.data, "The confidence is of 5 processed"));
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void terminal_and_page_name_it(void **state)
{
    (void)state;
    struct sc_run run = of_server(SC_LOGPROBS_PROCESSED, 5);
    /* the quadrants, the means, the hypothesis; the third sentence may break there */
    assert_true(count_shown(&run, FIXTURE_TERMINAL, few) >= 3);
    assert_int_equal(count_shown(&run, FIXTURE_PAGE, "\"basis\":\"of 5 processed"), 1);
    /* facts, sentence, quadrants and their caption, hypothesis (4 tables), outcomes, categories */
    assert_true(count_shown(&run, FIXTURE_PAGE, few) >= 20);
    sc_run_free(&run);
}

static void the_usual_confidence_has_no_other_name(void **state)
{
    (void)state;
    struct sc_run runs[] = {usual(), of_server(SC_LOGPROBS_RAW, 20)};
    for (size_t i = 0; i < 2; i++) {
        for (int form = FIXTURE_JSON; form <= FIXTURE_PAGE; form++)
            assert_int_equal(count_shown(&runs[i], (enum fixture_form)form, "confidence_basis"), 0);
        assert_int_equal(count_shown(&runs[i], FIXTURE_PAGE, "\"basis\":"), 0);
        assert_int_equal(count_shown(&runs[i], FIXTURE_TERMINAL, "By confidence"), 0);
        sc_run_free(&runs[i]);
    }
}

static void a_run_without_any_confidence_names_none(void **state)
{
    (void)state;
    struct sc_run run = of_server(SC_LOGPROBS_UNKNOWN, 0);
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < run.instances[i].n_traces; t++)
            for (int m = 0; m < SC_N_METRICS; m++)
                run.instances[i].traces[t].metrics[m] = NAN;
    assert_int_equal(count_shown(&run, FIXTURE_JSON, "confidence_basis"), 0);
    sc_run_free(&run);
}

static void tables_have_a_column_of_it(void **state)
{
    (void)state;
    struct sc_run runs[] = {usual(), of_server(SC_LOGPROBS_PROCESSED, 5)};
    static const enum sc_results_table tables[] = {SC_TABLE_INSTANCES, SC_TABLE_TRACES};
    for (size_t r = 0; r < 2; r++) {
        struct sc_analysis a;
        assert_int_equal(sc_analysis_make(&runs[r], &a, NULL), SC_OK);
        for (size_t w = 0; w < 2; w++) {
            struct sc_text text = {0};
            sc_csv_table(&text, tables[w], &a, false);
            size_t n_lines = count(text.data, "\n");
            assert_int_equal(count(text.data, ",confidence_basis\n"), r);
            assert_int_equal(count(text.data, ",of 5 processed log-probabilities\n"),
                             r * (n_lines - 1));
            sc_text_free(&text);
        }
        sc_analysis_free(&a);
        sc_run_free(&runs[r]);
    }
}

/* ---- runs side by side ----------------------------------------------------------------------- */

static void compare(struct sc_run a, struct sc_run b, struct sc_diff *diff)
{
    struct sc_error error = {0};
    memset(diff, 0, sizeof *diff);
    if (sc_diff_add(diff, &a, "a", &error) != SC_OK ||
        sc_diff_add(diff, &b, "b", &error) != SC_OK || sc_diff_compute(diff, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void assert_withheld(const struct sc_diff *diff, const char *reason)
{
    const struct sc_estimate *difference =
        sc_estimate_at(diff->document.root, "confidence.difference");
    assert_true(isnan(difference->value));
    if (strstr(difference->reason, reason) == NULL)
        fail_msg("expected %s in: %s", reason, difference->reason);
}

static void confidences_of_different_kinds_are_not_subtracted(void **state)
{
    (void)state;
    struct sc_diff diff;
    compare(usual(), of_server(SC_LOGPROBS_PROCESSED, 20), &diff);
    assert_withheld(&diff, "log-probabilities are of different kinds");
    assert_string_equal(sc_text_at(diff.document.root, "confidence_basis"),
                        "A: of the model's own log-probabilities; B: of processed "
                        "log-probabilities");
    sc_diff_free(&diff);
    compare(usual(), of_server(SC_LOGPROBS_RAW, 5), &diff);
    assert_withheld(&diff, "different numbers of tokens");
    sc_diff_free(&diff);
    compare(of_server(SC_LOGPROBS_RAW, 5), of_server(SC_LOGPROBS_RAW, 20), &diff);
    assert_withheld(&diff, "different numbers of tokens");
    sc_diff_free(&diff);
}

static void two_of_one_kind_are_subtracted_under_its_name(void **state)
{
    (void)state;
    struct sc_diff diff;
    struct sc_text text = {0}, page = {0};
    compare(of_server(SC_LOGPROBS_PROCESSED, 5), of_server(SC_LOGPROBS_PROCESSED, 5), &diff);
    assert_true(isfinite(sc_estimate_at(diff.document.root, "confidence.difference")->value));
    assert_string_equal(sc_text_at(diff.document.root, "confidence_basis"), few);
    assert_string_equal(sc_text_at(diff.document.root, "runs.1.confidence_basis"), few);
    assert_int_equal(sc_render_diff_terminal(&diff.document, 80, false, &text, NULL), SC_OK);
    assert_int_equal(count(text.data, few), 1);
    assert_int_equal(sc_render_diff_html(&diff.document, &page, NULL), SC_OK);
    assert_true(count(page.data, few) >= 4);
    sc_text_free(&text);
    sc_text_free(&page);
    sc_diff_free(&diff);
    compare(of_server(SC_LOGPROBS_UNKNOWN, 20), of_server(SC_LOGPROBS_UNKNOWN, 20), &diff);
    assert_non_null(strstr(sc_text_at(diff.document.root, "confidence_note"), "is not known"));
    sc_diff_free(&diff);
}

static void the_table_of_runs_names_it(void **state)
{
    (void)state;
    struct sc_board board;
    struct sc_text text = {0}, csv = {0};
    struct sc_run a = usual(), b = of_server(SC_LOGPROBS_PROCESSED, 5);
    assert_int_equal(sc_board_begin(&board, 2, NULL), SC_OK);
    assert_int_equal(sc_board_add(&board, &a, "a", NULL), SC_OK);
    assert_int_equal(sc_board_add(&board, &b, "b", NULL), SC_OK);
    assert_int_equal(sc_board_finish(&board, NULL), SC_OK);
    assert_int_equal(sc_render_leaderboard_terminal(&board.document, 100, false, &text, NULL),
                     SC_OK);
    assert_int_equal(count(text.data, few), 1);
    assert_int_equal(count(text.data, "compare none of them"), 1);
    sc_render_leaderboard_csv(&board.document, &csv);
    assert_int_equal(count(csv.data, "confidence_basis"), 1);
    assert_int_equal(count(csv.data, few), 1);
    sc_text_free(&text);
    sc_text_free(&csv);
    sc_board_free(&board);
}

/* ---- other policies -------------------------------------------------------------------------- */

static void a_replay_names_it(void **state)
{
    (void)state;
    struct sc_run run = of_server(SC_LOGPROBS_PROCESSED, 5);
    struct sc_replay_options options = sc_replay_options_default();
    struct sc_replay_data data;
    struct sc_replay replay;
    struct sc_text json = {0}, terminal = {0};
    struct sc_error error = {0};
    options.n_orders = 2;
    if (sc_replay_load(&run, 0, &data, &error) != SC_OK ||
        sc_replay_make(&data, &options, &replay, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(sc_report_replay_json(&replay, &run, &json, NULL), SC_OK);
    assert_int_equal(count(json.data, few), 1);
    assert_int_equal(sc_report_replay_terminal(&replay, SC_METRIC_MEAN, false, &terminal, NULL),
                     SC_OK);
    assert_true(count(terminal.data, "processed") > 0);
    sc_text_free(&json);
    sc_text_free(&terminal);
    sc_replay_free(&replay);
    sc_replay_data_free(&data);
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_words_say_kind_and_number),
        cmocka_unit_test(the_analysis_says_it_beside_every_confidence),
        cmocka_unit_test(terminal_and_page_name_it),
        cmocka_unit_test(the_usual_confidence_has_no_other_name),
        cmocka_unit_test(a_run_without_any_confidence_names_none),
        cmocka_unit_test(tables_have_a_column_of_it),
        cmocka_unit_test(confidences_of_different_kinds_are_not_subtracted),
        cmocka_unit_test(two_of_one_kind_are_subtracted_under_its_name),
        cmocka_unit_test(the_table_of_runs_names_it),
        cmocka_unit_test(a_replay_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
