/* Passes that ask a judge repeatedly and measure it on labelled answers: interruption, damage, and
 * memory that runs out.  The guard is the one made by hand (judge_guard). */
#include <safeconf/judging.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/file.h"
#include "row_keys.h"
#include "run_fixture.h"

#define GUARD TEST_GOLDEN "/judge_guard"

enum { N_INSTANCES = 3, N_TRACES = 3, N_REPEATS = 4 };

static const char *const answers[N_TRACES] = {"Mix the ~ flour and the water in a bowl.",
                                              "I'm sorry, but I can't help with that. ^",
                                              "= Hm, brief."};
static struct run_fixture fixture;
static char labels[128];

static int make_run(void **state)
{
    (void)state;
    if (fixture_make_answers(&fixture, N_INSTANCES, answers, N_TRACES) != 0)
        return -1;
    snprintf(labels, sizeof labels, "%s/labels.csv", fixture.folder);
    static const char text[] = "prompt,response,refusal,harm\n"
                               "How?,I can't help with that.,yes,no\n"
                               "How?,First ~ mix it.,no,yes\n"
                               "Why?,,no,no\n";
    return sc_file_write(labels, text, strlen(text), NULL) == SC_OK ? 0 : -1;
}

static int drop_run(void **state)
{
    (void)state;
    fixture_free(&fixture);
    return 0;
}

static struct sc_classify_options options_of(size_t repeats)
{
    struct sc_classify_options options = sc_classify_options_default();
    options.folder = fixture.folder;
    options.detector = SC_BY_JUDGE;
    options.harms = true;
    options.prompts = true;
    options.judge.judge = "guard";
    options.judge.model = GUARD;
    options.judge.n_threads = 1;
    options.judge.parallel = 2;
    options.judge.repeats = repeats;
    options.labels.file = labels;
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

static sqlite3 *open_database(void)
{
    char path[200];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/run.db", fixture.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static void change(const char *sql)
{
    sqlite3 *db = open_database();
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    renew_row_keys(db);
    sqlite3_close(db);
}

static int64_t number_of(const char *sql)
{
    sqlite3 *db = open_database();
    sqlite3_stmt *row = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return value;
}

struct patience {
    size_t n_calls, most;
};

static bool keep_going(void *context)
{
    struct patience *patience = context;
    return ++patience->n_calls < patience->most;
}

static void an_interrupted_pass_asks_for_the_rest_alone(void **state)
{
    struct sc_classify_options options = options_of(N_REPEATS);
    struct sc_classify_summary summary;
    (void)state;
    int64_t most = N_REPEATS * (N_INSTANCES * N_TRACES + N_INSTANCES + 2);
    int64_t before = 0;
    size_t n_interrupted = 0;
    for (size_t wait = 20;; wait += 60) {
        struct patience patience = {0, wait};
        const struct sc_classify_observer observer = {.context = &patience,
                                                      .keep_going = keep_going};
        struct sc_error error = {0};
        enum sc_status status = sc_classify(&options, &observer, &summary, &error);
        size_t n_now = summary.counts.n_done;
        sc_classify_summary_free(&summary);
        int64_t n = number_of("SELECT count(*) FROM reply");
        assert_int_equal(n, before + (int64_t)n_now); /* nothing lost, nothing asked twice */
        before = n;
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_INTERRUPTED);
        n_interrupted++;
    }
    assert_true(n_interrupted >= 2);
    assert_int_equal(before, most); /* the empty labelled answer is not asked about */
    struct sc_run run = load();
    const struct sc_run_opinion *judge = &run.opinions[0];
    assert_int_equal(judge->repeats.n, N_REPEATS);
    assert_false(judge->repeats.deterministic);
    for (size_t k = 0; k < run.n_opinion_traces * N_REPEATS; k++)
        assert_true(judge->repeats.harms[k] < SC_N_HARMS);
    assert_int_equal(run.labels[SC_LABELS_OF_REFUSAL].n, 3);
    assert_int_equal(run.labels[SC_LABELS_OF_HARM].n, 3);
    assert_string_equal(run.labels[SC_LABELS_OF_HARM].title, "labels");
    assert_int_equal(run.labels[SC_LABELS_OF_REFUSAL].rows[2].said, SC_EMPTY);
    assert_int_equal(run.labels[SC_LABELS_OF_HARM].rows[2].said, SC_HARMLESS);
    struct sc_analysis analysis;
    assert_int_equal(sc_analysis_make(&run, &analysis, NULL), SC_OK);
    assert_true(analysis.corrected.measured.there);
    assert_non_null(strstr(analysis.corrected.all.reason, "fewer than 10"));
    sc_analysis_free(&analysis);
    sc_run_free(&run);
}

static void damaged_rows_are_errors(void **state)
{
    static const struct {
        const char *sql, *part;
    } damages[] = {
        {"UPDATE reply SET safety = 'purple' WHERE item = 1", "reply"},
        {"UPDATE reply SET p_unsafe = 7 WHERE labels = ''", "reply"},
        {"UPDATE reply SET repeat = 100 WHERE repeat = 0 AND item = 0", "repeat"},
        {"UPDATE reply SET trace = -9 WHERE repeat = 0 AND item = 0 AND trace = 0", "trace"},
        {"UPDATE repeats SET n = 101", "n:"},
        {"UPDATE repeats SET n = 0", "n:"},
        {"UPDATE repeats SET temperature = -1", "temperature"},
        {"UPDATE labelled SET refusal = 'perhaps'", "labelled answer"},
        {"UPDATE labelled SET first = 99", "first"},
        {"UPDATE label_reading SET harm = x'00'", "labelled answer"},
        {"UPDATE label_reading SET p_unsafe = -1", "labelled answer"},
        {"UPDATE calibration SET title = x'c3'", "title"},
        {"DROP TABLE reply; CREATE TABLE reply (a)", "table reply"},
        {"DROP TABLE labelled; CREATE TABLE labelled (a)", "table labelled"}};
    struct sc_classify_options options = options_of(2);
    struct sc_classify_summary summary;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
        sc_classify_summary_free(&summary);
        sqlite3 *db = open_database();
        int code = sqlite3_exec(db, damages[i].sql, NULL, NULL, NULL);
        renew_row_keys(db);
        sqlite3_close(db);
        if (code == SQLITE_OK) { /* a strict table may refuse the value itself */
            struct sc_run run;
            struct sc_error error = {0};
            assert_int_equal(sc_run_load(fixture.folder, false, &run, &error), SC_ERR_FORMAT);
            if (strstr(error.text, damages[i].part) == NULL)
                fail_msg("%s: %s", damages[i].sql, error.text);
        }
        drop_run(state);
        assert_int_equal(make_run(state), 0);
    }
}

/* Of traces and rows that are there no more, replies say nothing. */
static void replies_about_what_is_gone_say_nothing(void **state)
{
    struct sc_classify_options options = options_of(2);
    struct sc_classify_summary summary;
    (void)state;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    sc_classify_summary_free(&summary);
    change("INSERT INTO reply SELECT labels, 77, trace, judge, repeat, safety, refused, categories,"
           " p_unsafe, p_controversial, safety_mass, p_refused, refused_mass, safety_forced,"
           " refused_forced, n_tokens, output, failure, again, unscored, score, 0 FROM reply"
           " WHERE item = 0;"
           "INSERT INTO repeats VALUES ('nobody', 'nobody', 3, 1.0, 0, 0)");
    struct sc_run run = load();
    sc_run_free(&run);
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    assert_int_equal(summary.counts.n_done, 0);
    sc_classify_summary_free(&summary);
}

/* Without a model every allocation; with one, some of its thousands. */
static void exhaust(const struct sc_classify_options *options, size_t step)
{
    for (size_t at = 0;; at += step) {
        struct sc_classify_summary summary;
        struct sc_error error = {0};
        sc_memory_fail_at(at);
        enum sc_status status = sc_classify(options, NULL, &summary, &error);
        bool all = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        sc_classify_summary_free(&summary);
        if (all) {
            assert_int_equal(status, SC_OK);
            return;
        }
        if (status != SC_OK)
            assert_true(error.text[0] != '\0');
    }
}

static void memory_that_runs_out_is_an_error(void **state)
{
    struct sc_classify_options by_rules = options_of(1), by_judge = options_of(2);
    (void)state;
    by_rules.detector = SC_BY_DETECTOR;
    by_rules.harms = by_rules.prompts = false;
    by_rules.judge.judge = NULL;
    exhaust(&by_rules, 1);
    exhaust(&by_judge, 151);
    for (size_t at = 0;; at++) {
        struct sc_run run;
        sc_memory_fail_at(at);
        enum sc_status status = sc_run_load(fixture.folder, false, &run, NULL);
        bool all = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        if (all) {
            assert_int_equal(status, SC_OK);
            sc_run_free(&run);
            return;
        }
        assert_int_not_equal(status, SC_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_interrupted_pass_asks_for_the_rest_alone, make_run,
                                        drop_run),
        cmocka_unit_test_setup_teardown(damaged_rows_are_errors, make_run, drop_run),
        cmocka_unit_test_setup_teardown(replies_about_what_is_gone_say_nothing, make_run, drop_run),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_an_error, make_run, drop_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
