/* Several runs in one table: the order, the figures, what is said when rows differ in more than the
 * model.  Runs are made up in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/leaderboard.h"
#include "report/leaderboard.h"
#include "report/render.h"
#include "report_fixture.h"

static const char hostile[] = "=cmd|'x'!A1,\"<script>\x1b[31m\xe2\x80\xae\xff";

static struct sc_run made(const char *text, const char *judge)
{
    return fixture_run(&(struct fixture_options){
        .n_instances = 20, .n_traces = 3, .judge = judge, .hostile = text});
}

static void answer_all(struct sc_run *run, enum sc_verdict verdict, enum sc_harm harm)
{
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++) {
            run->instances[i].traces[t].verdict = verdict;
            run->instances[i].traces[t].harm = harm;
        }
}

/* Ranks runs that are taken over. */
static enum sc_status ranked(struct sc_board *board, struct sc_run *runs, size_t n,
                             struct sc_error *error)
{
    static const char *const names[] = {"a/one", "two/", "three"};
    enum sc_status status = sc_board_begin(board, n, error);
    for (size_t i = 0; status == SC_OK && i < n; i++)
        status = sc_board_add(board, &runs[i], names[i], error);
    return status == SC_OK ? sc_board_finish(board, error) : status;
}

static bool has_note(const struct sc_board *board, const char *words)
{
    for (size_t i = 0; i < board->n_notes; i++)
        if (strstr(board->notes[i], words) != NULL)
            return true;
    return false;
}

static void runs_stand_in_the_order_of_their_harm(void **state)
{
    (void)state;
    struct sc_board board;
    struct sc_run runs[3] = {made(NULL, "guard"), made(NULL, "guard"), made(NULL, "guard")};
    answer_all(&runs[0], SC_COMPLIANCE, SC_HARMFUL);
    answer_all(&runs[1], SC_UNPARSED, SC_UNJUDGED); /* nothing is known of it: last */
    answer_all(&runs[2], SC_REFUSAL, SC_HARMLESS);
    assert_int_equal(ranked(&board, runs, 3, NULL), SC_OK);
    assert_string_equal(board.ranked[0]->name, "three");
    assert_string_equal(board.ranked[1]->name, "one");
    assert_string_equal(board.ranked[2]->name, "two");
    const struct sc_node *root = board.document.root;
    assert_true(sc_number_at(root, "runs.0.harm_rate") <= 0);
    assert_true(sc_number_at(root, "runs.1.harm_rate") >= 1);
    assert_true(isnan(sc_number_at(root, "runs.2.harm_rate")));
    assert_true(sc_number_at(root, "runs.2.share_unparsed") >= 1);
    assert_true(sc_number_at(root, "runs.1.asr_at_1") >= 1);
    assert_int_equal(sc_count_at(root, "prompts.in_all"), 20);
    assert_true(board.same_prompts && !board.proxy);
    assert_false(has_note(&board, "same prompts"));
    sc_board_free(&board);
}

static void what_rows_do_not_share_is_said(void **state)
{
    (void)state;
    struct sc_board board;
    struct sc_run runs[2] = {made(NULL, NULL), made(NULL, "guard")};
    runs[1].instances[2].id[0] = 'q';
    runs[1].instances[3].decisions[0].n_traces = 0;
    runs[1].instances[4].prompt[0] = 'X';
    assert_int_equal(
        sc_conversation_add(&runs[1].instances[5].conversation, SC_ROLE_USER, "before", NULL),
        SC_OK);
    runs[1].detector = sc_strdup("patterns/2");
    assert_int_equal(ranked(&board, runs, 2, NULL), SC_OK);
    assert_int_equal(board.n_in_all, 17);
    assert_false(board.same_prompts);
    assert_true(has_note(&board, "do not have the same prompts"));
    assert_true(has_note(&board, "not judged the same way"));
    assert_true(has_note(&board, "detectors differ"));
    assert_true(has_note(&board, "not finished"));
    assert_true(has_note(&board, "demonstration"));
    assert_false(has_note(&board, "proxy in every run"));
    sc_board_free(&board);
}

static void tables_hold_text_as_text(void **state)
{
    (void)state;
    struct sc_board board;
    struct sc_text text = {0}, csv = {0}, json = {0};
    json_error_t why;
    struct sc_run runs[2] = {made(hostile, NULL), made(hostile, NULL)};
    assert_int_equal(ranked(&board, runs, 2, NULL), SC_OK);
    for (size_t width = 0; width < 200; width += 60) {
        sc_text_clear(&text);
        assert_int_equal(sc_render_leaderboard_terminal(&board.document, width, false, &text, NULL),
                         SC_OK);
        assert_null(memchr(text.data, '\x1b', text.len));
        assert_int_equal(sc_utf8_valid(text.data, text.len), text.len);
    }
    sc_render_leaderboard_csv(&board.document, &csv);
    assert_null(strstr(csv.data, ",=cmd")); /* a spreadsheet would run it */
    size_t lines = 0, columns[3] = {1, 1, 1};
    bool quoted = false;
    for (const char *c = csv.data; *c != '\0'; c++) {
        quoted = *c == '"' ? !quoted : quoted;
        lines += *c == '\n' && !quoted;
        if (*c == ',' && !quoted && lines < 3)
            columns[lines]++;
    }
    assert_int_equal(lines, 3);
    assert_int_equal(columns[0], columns[1]);
    assert_int_equal(columns[0], columns[2]);
    assert_int_equal(sc_render_json(&board.document, &json, NULL), SC_OK);
    json_t *parsed = json_loads(json.data, JSON_REJECT_DUPLICATES, &why);
    assert_non_null(parsed);
    json_decref(parsed);
    sc_text_free(&text);
    sc_text_free(&csv);
    sc_text_free(&json);
    sc_board_free(&board);
}

static void too_few_and_too_many_runs_are_refused(void **state)
{
    (void)state;
    struct sc_board board;
    struct sc_error error = {0};
    assert_int_equal(sc_board_begin(&board, 1, &error), SC_ERR_ARGUMENT);
    sc_board_free(&board);
    assert_int_equal(sc_board_begin(&board, SC_BOARD_MOST_RUNS + 1, NULL), SC_ERR_ARGUMENT);
    sc_board_free(&board);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t n = 0; status != SC_OK; n += n < 12 ? 1 : 23) {
        struct sc_board board;
        struct sc_error error = {0};
        struct sc_text text = {0};
        const struct fixture_options few = {.n_instances = 2, .n_traces = 2};
        struct sc_run runs[2] = {fixture_run(&few), fixture_run(&few)};
        sc_memory_fail_at(n);
        status = ranked(&board, runs, 2, &error);
        if (status == SC_OK)
            status = sc_render_leaderboard_terminal(&board.document, 80, true, &text, &error);
        bool was_whole = sc_memory_count() <= n;
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(status, was_whole ? SC_OK : SC_ERR_NOMEM);
        sc_text_free(&text);
        sc_board_free(&board);
        sc_run_free(&runs[0]);
        sc_run_free(&runs[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_stand_in_the_order_of_their_harm),
        cmocka_unit_test(what_rows_do_not_share_is_said),
        cmocka_unit_test(tables_hold_text_as_text),
        cmocka_unit_test(too_few_and_too_many_runs_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
