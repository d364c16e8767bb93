/* Who read the answers: what the reader found is kept, and errors are those of a language. */
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "analysis/detector_errors.h"
#include "experiment/store/judgements.h"
#include "experiment/store/weighed.h"
#include "row_keys.h"
#include "run_fixture.h"

static void make(struct run_fixture *f)
{
    struct sc_error error = {0};
    assert_int_equal(fixture_make(f, 4), 0);
    if (fixture_write(f, false, &error) != SC_OK)
        fail_msg("%s", error.text);
}

/* One SQL statement on the folder's database. */
static void run_sql(const struct run_fixture *f, const char *sql)
{
    char path[100];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/run.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    renew_row_keys(db);
    sqlite3_close(db);
}

/* The first trace is read again by the reader, the second by a judge behind it. */
static void read_again(const struct run_fixture *f)
{
    struct sc_store *store = NULL;
    struct sc_error error = {0};
    const struct sc_detection found = {
        .p_refusal = 0.75, .pieces = {{0, 4}, {6, 9}}, .n_pieces = 2};
    const struct sc_detection unread = sc_detection_plain(SC_REFUSAL, "refuses");
    struct sc_store_opinion opinion = {.detector = "reader/1",
                                       .verdict = SC_REFUSAL,
                                       .rule = SC_READER_RULE "refuses",
                                       .weighed = sc_weighed_of(&found)};
    assert_true(opinion.weighed.there && !sc_weighed_of(&unread).there);
    assert_int_equal(sc_store_open_existing(&store, f->folder, &error), SC_OK);
    assert_int_equal(sc_store_prepare_judging(store, &error), SC_OK);
    assert_int_equal(sc_store_put_opinion(store, &opinion, NULL, NULL, &error), SC_OK);
    opinion.trace = 1;
    opinion.rule = "refuses";
    opinion.weighed = sc_weighed_of(&unread);
    assert_int_equal(sc_store_put_opinion(store, &opinion, NULL, NULL, &error), SC_OK);
    assert_int_equal(sc_store_set_reading(store, "reader/1", "none", &error), SC_OK);
    sc_store_close(store);
}

static void what_the_reader_found_is_kept_beside_its_verdict(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    struct sc_error error = {0};
    make(&f);
    read_again(&f);
    if (sc_run_load(f.folder, false, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    const struct sc_run_trace *trace = &run.instances[0].traces[0];
    assert_true(trace->weighed.there && trace->weighed.p_refusal == 0.75);
    assert_int_equal(trace->weighed.n_pieces, 2);
    assert_int_equal(trace->weighed.pieces[1].begin, 6);
    assert_int_equal(trace->weighed.pieces[1].end, 9);
    assert_int_equal(sc_trace_decider(trace), SC_DECIDER_READER);
    assert_false(run.instances[0].traces[1].weighed.there);
    assert_int_equal(sc_trace_decider(&run.instances[0].traces[1]), SC_DECIDER_RULES);
    sc_run_free(&run);
    fixture_free(&f);
}

static void rows_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "UPDATE weighed SET pieces = '4-4'",  "UPDATE weighed SET pieces = '0-1 1-2 2-3 3-4'",
        "UPDATE weighed SET pieces = '-1-2'", "UPDATE weighed SET pieces = '0-1,1-2'",
        "UPDATE weighed SET pieces = 'x'",    "UPDATE weighed SET p_refusal = 1.5",
        "UPDATE weighed SET instance = 99"};
    struct run_fixture f;
    make(&f);
    read_again(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sc_run run;
        run_sql(&f, wrong[i]);
        if (sc_run_load(f.folder, false, &run, NULL) != SC_ERR_FORMAT)
            fail_msg("accepted: %s", wrong[i]);
        sc_run_free(&run);
        run_sql(&f, "UPDATE weighed SET pieces = '0-4', p_refusal = 0.5, instance = 0");
    }
    fixture_free(&f);
}

/* An answer may have been changed by whoever had the file. */
static void pieces_behind_the_answer_are_not_shown(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    make(&f);
    read_again(&f);
    run_sql(&f, "UPDATE weighed SET pieces = '0-4 6-900000'");
    assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
    size_t n = 0;
    for (size_t t = 0; t < run.instances[0].n_traces; t++)
        n += run.instances[0].traces[t].weighed.n_pieces;
    assert_int_equal(n, 1);
    sc_run_free(&run);
    fixture_free(&f);
}

static void a_decider_is_told_by_the_names_that_are_kept(void **state)
{
    (void)state;
    static char detectors[][40] = {"patterns/2",
                                   "reader/1",
                                   "reader/1",
                                   "patterns/2+rules@00",
                                   "hybrid/1(patterns/2,guard/1:x)",
                                   "hybrid/1(patterns/2,guard/1:x)",
                                   "guard/1:x",
                                   "none"};
    static char rules[][24] = {"refuses",   "refuses",   SC_READER_RULE "refuses",
                               "remit",     "refuses",   "guard-no",
                               "guard-yes", "not-judged"};
    static const enum sc_decider expected[] = {
        SC_DECIDER_RULES, SC_DECIDER_RULES, SC_DECIDER_READER, SC_DECIDER_OWN_RULES,
        SC_DECIDER_RULES, SC_DECIDER_JUDGE, SC_DECIDER_JUDGE,  SC_DECIDER_JUDGE};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const struct sc_run_trace trace = {.detector = detectors[i], .rule = rules[i]};
        assert_int_equal(sc_trace_decider(&trace), expected[i]);
    }
}

static void errors_are_those_of_a_detector_and_a_language(void **state)
{
    (void)state;
    struct sc_detector_counts all, english;
    assert_true(sc_detector_counts_of("patterns/1", "en", &english));
    assert_true(sc_detector_counts_of("patterns/1", NULL, &all));
    assert_int_equal(english.tp, 339);
    assert_int_equal(english.tn, 537);
    assert_int_equal(all.tp, english.tp);
    assert_int_equal(all.n_languages, 1);
    assert_false(sc_detector_counts_of("patterns/1", "ko", &all));
    assert_false(sc_detector_is_measured("patterns/0", "en"));
    assert_false(sc_detector_is_measured("patterns/1+rules@0123456789abcdef", NULL));
    assert_false(sc_detector_is_measured(NULL, "en"));
}

static void set_text(char **text, const char *words)
{
    sc_free(*text);
    *text = sc_strdup(words);
}

/* Of a run whose answers to every other prompt are in French no language has nine in ten. */
static void errors_in_two_languages_are_those_of_all(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        struct run_fixture f;
        struct sc_run run;
        struct sc_analysis a;
        make(&f);
        assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
        set_text(&run.detector, "patterns/2");
        for (size_t i = 0; i < run.n_instances; i++)
            for (size_t t = 0; t < run.instances[i].n_traces; t++)
                set_text(&run.instances[i].traces[t].answer,
                         half && i % 2 ? "Je ne peux pas vous aider avec cette demande."
                                       : "I cannot help you with this request of yours.");
        assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
        assert_int_equal(a.read.n_answers,
                         a.read.languages[SC_ENGLISH] + a.read.languages[SC_FRENCH]);
        assert_true((a.read.languages[SC_FRENCH] > 0) == half);
        assert_non_null(a.corrected.error);
        if (half)
            assert_null(a.corrected.error->language);
        else
            assert_string_equal(a.corrected.error->language, "en");
        assert_true((strstr(a.corrected.error->source, "together") != NULL) == half);
        sc_analysis_free(&a);
        sc_run_free(&run);
        fixture_free(&f);
    }
}

static void an_empty_answer_is_read_by_nobody(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    make(&f);
    assert_int_equal(sc_run_load(f.folder, false, &run, NULL), SC_OK);
    size_t n_read[2] = {0, 0};
    for (int empty = 0; empty < 2; empty++) {
        struct sc_analysis a;
        if (empty)
            run.instances[0].traces[0].verdict = SC_EMPTY;
        assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
        for (int by = 0; by < SC_N_DECIDERS; by++)
            n_read[empty] += a.read.by[by];
        sc_analysis_free(&a);
    }
    assert_true(n_read[0] > 1);
    assert_int_equal(n_read[1], n_read[0] - 1);
    sc_run_free(&run);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_reader_found_is_kept_beside_its_verdict),
        cmocka_unit_test(rows_that_do_not_fit_are_refused),
        cmocka_unit_test(pieces_behind_the_answer_are_not_shown),
        cmocka_unit_test(a_decider_is_told_by_the_names_that_are_kept),
        cmocka_unit_test(errors_are_those_of_a_detector_and_a_language),
        cmocka_unit_test(errors_in_two_languages_are_those_of_all),
        cmocka_unit_test(an_empty_answer_is_read_by_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
