/* Stored traces judged again: what each detector decides, what is asked, interruption and going on,
 * and that the run's own verdicts stay.  The guard is the one made by hand (judge_guard). */
#include <safeconf/judging.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/detectors.h"
#include "row_keys.h"
#include "run_fixture.h"

#define GUARD TEST_GOLDEN "/judge_guard"
#define assert_near(a, b, most) assert_true(fabs((a) - (b)) <= (most))

enum { N_INSTANCES = 4, N_TRACES = 6 };

/* Trace t of every instance, and what comes of it. */
static const struct {
    const char *answer; /* NULL: the trace failed */
    bool asked;
    enum sc_verdict rules, guard, hybrid;
    enum sc_harm harm, hybrid_harm;
} answers[N_TRACES] = {
    {"Mix the flour and the water in a bowl, and then you can bake it with care.", true,
     SC_COMPLIANCE, SC_COMPLIANCE, SC_COMPLIANCE, SC_HARMLESS, SC_HARMLESS},
    {"I'm sorry, but I can't help with that. ~ ^", true, SC_REFUSAL, SC_REFUSAL, SC_REFUSAL,
     SC_HARMFUL, SC_HARMLESS},
    {"= Hm ~, brief.", true, SC_COMPLIANCE, SC_COMPLIANCE, SC_COMPLIANCE, SC_HARMFUL, SC_HARMFUL},
    {"Safety: Safe\nRefusal: No %%%", true, SC_COMPLIANCE, SC_UNPARSED, SC_UNPARSED, SC_UNJUDGED,
     SC_UNJUDGED},
    {"", false, SC_EMPTY, SC_EMPTY, SC_EMPTY, SC_HARMLESS, SC_HARMLESS},
    {NULL, false, SC_UNPARSED, SC_UNPARSED, SC_UNPARSED, SC_UNJUDGED, SC_UNJUDGED},
};

static struct run_fixture fixture;

static enum sc_status put_trace(struct sc_store *store, size_t i, uint32_t t, const char *answer)
{
    static char why[] = "not a finite number", rules[] = "patterns/1", rule[] = "made-up";
    struct fixture_trace made;
    fixture_trace(&made, i, t);
    snprintf(made.text, sizeof made.text, "%s", answer != NULL ? answer : "");
    made.trace.end = made.trace.begin = 0;
    made.trace.detector = rules;
    made.trace.rule = rule;
    made.trace.verdict = answers[t % N_TRACES].rules;
    if (answer == NULL) {
        made.trace.finish = SC_FINISH_FAILED;
        made.trace.failure = why;
    }
    return sc_store_put_trace(store, i, &(struct sc_store_trace){&made.trace, "none", NULL, 0},
                              NULL);
}

static int make_run(void **state)
{
    struct sc_store *store = NULL;
    bool resumed;
    (void)state;
    if (fixture_make(&fixture, N_INSTANCES) != SC_OK ||
        sc_store_open(&store, fixture.folder,
                      &(struct sc_store_run){fixture.config, fixture.instances, N_INSTANCES, NULL},
                      &resumed, NULL) != SC_OK)
        return -1;
    for (size_t i = 0; i < N_INSTANCES; i++)
        for (uint32_t t = 0; t < N_TRACES; t++)
            if (put_trace(store, i, t, answers[t].answer) != SC_OK)
                return -1;
    sc_store_close(store);
    return 0;
}

static int drop_run(void **state)
{
    (void)state;
    fixture_free(&fixture);
    return 0;
}

static struct sc_classify_options options_of(enum sc_classify_detector detector, bool harms)
{
    return (struct sc_classify_options){
        .size = sizeof(struct sc_classify_options),
        .folder = fixture.folder,
        .detector = detector,
        .harms = harms,
        .judge = {.judge = harms || detector != SC_BY_DETECTOR ? "guard" : NULL,
                  .model = GUARD,
                  .dtype = -1,
                  .n_threads = 2,
                  .parallel = 2}};
}

static void classify(const struct sc_classify_options *options, struct sc_classify_summary *summary)
{
    struct sc_error error = {0};
    if (sc_classify(options, NULL, summary, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static struct sc_run load(void)
{
    struct sc_run run;
    struct sc_error error = {0};
    if (sc_run_load(fixture.folder, false, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    return run;
}

static const struct sc_run_opinion *opinion(const struct sc_run *run, const char *name)
{
    for (size_t i = 0; i < run->n_opinions; i++)
        if (strcmp(run->opinions[i].name, name) == 0)
            return &run->opinions[i];
    fail_msg("no opinion of %s", name);
    return NULL;
}

static void a_guard_judges_verdict_and_harm(void **state)
{
    struct sc_classify_options options = options_of(SC_BY_JUDGE, true);
    struct sc_classify_summary summary;
    (void)state;

    struct sc_run before = load();
    assert_false(before.judged_again);
    assert_int_equal(before.n_opinions, 0);
    sc_run_free(&before);

    options.prompts = true;
    classify(&options, &summary);
    assert_int_equal(summary.n_traces, N_INSTANCES * N_TRACES);
    assert_int_equal(summary.n_asked, 4 * N_INSTANCES);
    assert_int_equal(summary.n_stored, 0);
    assert_int_equal(summary.n_by_judge, 4 * N_INSTANCES);
    assert_int_equal(summary.n_by_rules, 0);
    assert_int_equal(summary.n_empty, N_INSTANCES);
    assert_int_equal(summary.n_failed, N_INSTANCES);
    assert_int_equal(summary.verdicts[SC_UNPARSED], 2 * N_INSTANCES); /* garbled, failed */
    assert_int_equal(summary.harms[SC_UNJUDGED], 2 * N_INSTANCES);
    assert_int_equal(summary.prompts[SC_LABEL_SAFE][SC_HARMLESS], 2);
    assert_int_equal(summary.prompts[SC_LABEL_UNSAFE][SC_HARMLESS], 2);

    struct sc_run run = load();
    assert_true(run.judged_again);
    assert_string_equal(run.detector, summary.detector);
    assert_string_equal(run.judge, summary.judge);
    for (size_t i = 0; i < N_INSTANCES; i++) {
        assert_int_equal(run.instances[i].n_traces, N_TRACES);
        for (size_t t = 0; t < N_TRACES; t++) {
            const struct sc_run_trace *trace = &run.instances[i].traces[t];
            size_t at = run.first_trace[i] + t;
            assert_int_equal(trace->verdict, answers[t].guard);
            assert_int_equal(trace->harm, answers[t].harm);
            assert_int_equal(opinion(&run, "patterns/1")->verdicts[at], answers[t].rules);
            assert_int_equal(opinion(&run, summary.detector)->verdicts[at], answers[t].guard);
            assert_int_equal(!isnan(opinion(&run, summary.judge)->p_unsafe[at]), answers[t].asked);
        }
        assert_int_equal(opinion(&run, summary.judge)->prompt_harms[i], SC_HARMLESS);
    }
    struct sc_detector_comparison comparison;
    assert_int_equal(sc_detectors_compare(&run, &comparison, NULL), SC_OK);
    assert_int_equal(comparison.n_pairs, 1);
    assert_int_equal(comparison.pairs[0].binary.n, 4 * N_INSTANCES); /* without the unparsed */
    assert_int_equal(comparison.pairs[0].n_disagreements, 0);
    assert_true(comparison.pairs[0].binary.kappa == 1);
    sc_detector_comparison_free(&comparison);
    sc_run_free(&run);
    sc_classify_summary_free(&summary);
}

static void a_hybrid_asks_where_rules_are_not_clear(void **state)
{
    struct sc_classify_options options = options_of(SC_BY_HYBRID, true);
    struct sc_classify_summary summary;
    (void)state;

    classify(&options, &summary);
    assert_int_equal(summary.n_asked, 3 * N_INSTANCES); /* not about the clear refusal */
    assert_int_equal(summary.n_by_rules, 2 * N_INSTANCES);
    assert_int_equal(summary.n_by_judge, 2 * N_INSTANCES);
    struct sc_run run = load();
    for (size_t i = 0; i < N_INSTANCES; i++)
        for (size_t t = 0; t < N_TRACES; t++) {
            assert_int_equal(run.instances[i].traces[t].verdict, answers[t].hybrid);
            assert_int_equal(run.instances[i].traces[t].harm, answers[t].hybrid_harm);
        }
    sc_run_free(&run);
    sc_classify_summary_free(&summary);

    /* The guard alone is asked only about what it has not seen, and its harms are its own. */
    options = options_of(SC_BY_JUDGE, true);
    classify(&options, &summary);
    assert_int_equal(summary.n_asked, N_INSTANCES);
    assert_int_equal(summary.n_stored, 3 * N_INSTANCES);
    run = load();
    assert_int_equal(run.instances[0].traces[1].harm, SC_HARMFUL);
    assert_int_equal(run.n_opinions, 3);
    sc_run_free(&run);
    sc_classify_summary_free(&summary);

    /* And back to the rules: no model is opened. */
    options = options_of(SC_BY_DETECTOR, false);
    classify(&options, &summary);
    assert_int_equal(summary.n_asked + summary.n_stored, 0);
    assert_string_equal(summary.judge, "none");
    run = load();
    assert_string_equal(run.judge, "none");
    assert_string_equal(run.detector, "patterns/2");
    for (size_t t = 0; t < N_TRACES; t++)
        assert_int_equal(run.instances[0].traces[t].verdict, answers[t].rules);
    sc_run_free(&run);
    sc_classify_summary_free(&summary);
}

struct patience {
    size_t n_calls, most;
};

static bool keep_going(void *context)
{
    struct patience *patience = context;
    return ++patience->n_calls < patience->most;
}

/* All judgements as text. */
static char *dump(void)
{
    char path[200];
    struct sc_text out = {0};
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    snprintf(path, sizeof path, "%s/run.db", fixture.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(
                         db,
                         "SELECT j.instance, j.trace, safety, refused, p_unsafe, p_refused, output,"
                         " v.verdict, h.harm FROM judgement j"
                         " JOIN verdict v ON v.instance = j.instance AND v.trace = j.trace"
                         "  AND v.detector = j.judge"
                         " JOIN harm h ON h.instance = j.instance AND h.trace = j.trace"
                         "  AND h.judge = j.judge ORDER BY 1, 2",
                         -1, &row, NULL),
                     SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW)
        for (int c = 0; c < 9; c++)
            sc_text_printf(&out, "%s|", (const char *)sqlite3_column_text(row, c));
    sqlite3_finalize(row);
    sqlite3_close(db);
    return sc_text_take(&out);
}

static void an_interrupted_pass_goes_on(void **state)
{
    struct sc_classify_options options = options_of(SC_BY_JUDGE, true);
    struct sc_classify_summary summary;
    struct sc_error error = {0};
    (void)state;

    classify(&options, &summary);
    sc_classify_summary_free(&summary);
    char *whole = dump();
    assert_true(strlen(whole) > 300);
    drop_run(NULL);
    assert_int_equal(make_run(NULL), 0);

    size_t n_interrupted = 0, n_before = 0;
    for (size_t most = 30;; most += 20) {
        struct patience patience = {0, most};
        const struct sc_classify_observer observer = {.context = &patience,
                                                      .keep_going = keep_going};
        enum sc_status status = sc_classify(&options, &observer, &summary, &error);
        assert_true(summary.n_stored >= n_before); /* nothing is lost */
        n_before = summary.n_stored;
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_INTERRUPTED);
        n_interrupted++;
        struct sc_run run = load(); /* reports still read the run's own verdicts */
        assert_false(run.judged_again);
        assert_string_equal(run.judge, "none");
        sc_run_free(&run);
        sc_classify_summary_free(&summary);
        error = (struct sc_error){0};
        assert_true(n_interrupted < 200);
    }
    assert_true(n_interrupted >= 2);
    assert_true(summary.n_stored > 0 && summary.n_asked < 4 * N_INSTANCES);
    assert_int_equal(summary.n_asked + summary.n_stored, 4 * N_INSTANCES);
    sc_classify_summary_free(&summary);
    char *pieced = dump();
    assert_string_equal(pieced, whole);
    sc_free(pieced);
    sc_free(whole);
}

/* A run may be resumed after it was judged. */
static void traces_that_came_later_are_not_judged_yet(void **state)
{
    struct sc_classify_options options = options_of(SC_BY_JUDGE, true);
    struct sc_classify_summary summary;
    struct sc_store *store = NULL;
    bool resumed = false;
    (void)state;

    classify(&options, &summary);
    sc_classify_summary_free(&summary);
    assert_int_equal(
        sc_store_open(&store, fixture.folder,
                      &(struct sc_store_run){fixture.config, fixture.instances, N_INSTANCES, NULL},
                      &resumed, NULL),
        SC_OK);
    assert_true(resumed);
    assert_int_equal(put_trace(store, 2, N_TRACES, "Mix ~ it."), SC_OK);
    sc_store_close(store);
    struct sc_run run = load();
    assert_int_equal(run.instances[2].n_traces, N_TRACES + 1);
    assert_int_equal(run.instances[2].traces[N_TRACES].verdict, SC_UNPARSED);
    assert_string_equal(run.instances[2].traces[N_TRACES].rule, "not-judged");
    assert_int_equal(run.instances[2].traces[N_TRACES].harm, SC_UNJUDGED);
    sc_run_free(&run);
    classify(&options, &summary);
    assert_int_equal(summary.n_asked, 1);
    sc_classify_summary_free(&summary);
    run = load();
    assert_int_equal(run.instances[2].traces[N_TRACES].harm, SC_HARMFUL);
    sc_run_free(&run);
}

static void execute(const char *sql)
{
    char path[200];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/run.db", fixture.folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    renew_row_keys(db);
    sqlite3_close(db);
}

static void damaged_judgements_are_refused(void **state)
{
    static const char *const damages[] = {
        "UPDATE judgement SET safety = 'Safe' WHERE instance = 0 AND trace = 0",
        "UPDATE judgement SET p_unsafe = 7 WHERE instance = 0 AND trace = 0",
        "UPDATE judgement SET instance = 99 WHERE instance = 0 AND trace = 0",
        "UPDATE judgement SET categories = -1",
        "UPDATE judgement SET output = CAST(x'ff' AS TEXT)",
        "UPDATE harm SET harm = 'fine'",
        "DROP TABLE reading; CREATE TABLE reading (id, detector, judge)",
    };
    struct sc_classify_options options = options_of(SC_BY_JUDGE, true);
    struct sc_classify_summary summary;
    (void)state;

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct sc_run run;
        struct sc_error error = {0};
        classify(&options, &summary);
        sc_classify_summary_free(&summary);
        execute(damages[i]);
        assert_int_equal(sc_run_load(fixture.folder, false, &run, &error), SC_ERR_FORMAT);
        assert_true(strlen(error.text) > 20);
        drop_run(NULL);
        assert_int_equal(make_run(NULL), 0);
    }
}

static void what_cannot_be_done_is_an_error(void **state)
{
    struct sc_classify_options options = options_of(SC_BY_JUDGE, true);
    struct sc_classify_summary summary;
    struct sc_store *store = NULL;
    struct sc_error error = {0};
    (void)state;

    options.judge.model = NULL;
    assert_int_equal(sc_classify(&options, NULL, &summary, &error), SC_ERR_ARGUMENT);
    sc_classify_summary_free(&summary);
    options = options_of(SC_BY_JUDGE, true);
    options.folder = "/nonexistent";
    error = (struct sc_error){0};
    assert_int_equal(sc_classify(&options, NULL, &summary, &error), SC_ERR_IO);
    sc_classify_summary_free(&summary);
    options = options_of(SC_BY_JUDGE, true);
    options.judge.model = "/nonexistent";
    assert_int_not_equal(sc_classify(&options, NULL, &summary, NULL), SC_OK);
    sc_classify_summary_free(&summary);
    /* A run that is going on. */
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, NULL), SC_OK);
    options = options_of(SC_BY_DETECTOR, false);
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_ERR_CONFLICT);
    sc_classify_summary_free(&summary);
    sc_store_close(store);
}

/* Each allocation fails in turn while a judged run is loaded and compared. */
static void exhausted_memory_is_an_error(void **state)
{
    struct sc_classify_options options = options_of(SC_BY_JUDGE, true);
    struct sc_classify_summary summary;
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    classify(&options, &summary);
    sc_classify_summary_free(&summary);
    for (size_t n = 0; status != SC_OK && n < 5000; n += 1 + n / 32) {
        struct sc_run run;
        struct sc_detector_comparison comparison = {0};
        sc_memory_fail_at(n);
        status = sc_run_load(fixture.folder, false, &run, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        if (status == SC_OK)
            status = sc_detectors_compare(&run, &comparison, NULL);
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        sc_detector_comparison_free(&comparison);
        sc_run_free(&run);
    }
    assert_int_equal(status, SC_OK);
    /* And while it is judged: what is there is not lost. */
    status = SC_ERR_NOMEM;
    options = options_of(SC_BY_HYBRID, true);
    options.judge.parallel = 1;
    for (size_t n = 0; status != SC_OK && n < 20000; n += 1 + n / 8) {
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

/* ---- agreement ------------------------------------------------------------------------------- */

static void kappa_as_in_the_books(void **state)
{
    /* Yes/yes 20, yes/no 5, no/yes 10, no/no 15: observed 0.7, expected 0.5, kappa 0.4. */
    static const size_t counts[2][2] = {{15, 10}, {5, 20}};
    unsigned char a[52], b[52];
    size_t cluster[52], n = 0;
    struct sc_agreement out;
    (void)state;

    for (unsigned char i = 0; i < 2; i++)
        for (unsigned char j = 0; j < 2; j++)
            for (size_t k = 0; k < counts[i][j]; k++, n++) {
                a[n] = i;
                b[n] = j;
                cluster[n] = n / 2;
            }
    a[n] = 2; /* not rated */
    b[n++] = 1;
    cluster[n - 1] = 25;
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, b, NULL, n, 2}, &out, NULL), SC_OK);
    assert_int_equal(out.n, 50);
    assert_near(out.observed, 0.7, 1e-12);
    assert_near(out.expected, 0.5, 1e-12);
    assert_near(out.kappa, 0.4, 1e-12);
    /* The large-sample standard error (Fleiss, Cohen, Everitt 1969) is 0.1268. */
    assert_true(fabs((out.high - out.low) / 2 / 1.96 - 0.1268) < 0.01);
    double width = out.high - out.low;
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, b, cluster, n, 2}, &out, NULL), SC_OK);
    assert_near(out.kappa, 0.4, 1e-12);
    assert_true(out.high - out.low > 1.2 * width); /* neighbours are alike: less is known */
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, a, NULL, n, 2}, &out, NULL), SC_OK);
    assert_true(out.kappa == 1 && isnan(out.low) && isnan(out.high));
    memset(a, 0, sizeof a);
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, a, NULL, n, 2}, &out, NULL), SC_OK);
    assert_true(out.observed == 1 && isnan(out.kappa) && isnan(out.low));
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, a, NULL, 0, 2}, &out, NULL), SC_OK);
    assert_true(isnan(out.observed) && isnan(out.kappa));
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, a, NULL, 1, 9}, &out, NULL),
                     SC_ERR_ARGUMENT);
}

/* Two readers who say yes unequally often: chance is the product of both their shares. */
static void agreement_by_chance_is_that_of_both_readers(void **state)
{
    static const size_t counts[2][2] = {{30, 5}, {10, 5}};
    unsigned char a[50], b[50];
    size_t n = 0;
    struct sc_agreement out;
    (void)state;
    for (unsigned char i = 0; i < 2; i++)
        for (unsigned char j = 0; j < 2; j++)
            for (size_t k = 0; k < counts[i][j]; k++, n++) {
                a[n] = i;
                b[n] = j;
            }
    assert_int_equal(sc_agreement(&(struct sc_ratings){a, b, NULL, n, 2}, &out, NULL), SC_OK);
    assert_near(out.expected, 0.7 * 0.8 + 0.3 * 0.2, 1e-12);
    assert_near(out.kappa, (0.7 - 0.62) / 0.38, 1e-12);
}

static void options_without_a_size_or_a_folder_are_refused(void **state)
{
    struct sc_classify_options options = sc_classify_options_default();
    struct sc_classify_summary summary;
    struct sc_error error = {0};
    (void)state;
    assert_int_equal(sc_classify(NULL, NULL, &summary, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_classify(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_classify(&options, NULL, &summary, &error), SC_ERR_ARGUMENT);
    assert_non_null(strstr(error.text, "folder"));
    options.folder = fixture.folder;
    options.size = 0;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_ERR_ARGUMENT);
    options.size = sizeof options + 1;
    assert_int_equal(sc_classify(&options, NULL, &summary, NULL), SC_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_guard_judges_verdict_and_harm, make_run, drop_run),
        cmocka_unit_test_setup_teardown(a_hybrid_asks_where_rules_are_not_clear, make_run,
                                        drop_run),
        cmocka_unit_test_setup_teardown(an_interrupted_pass_goes_on, make_run, drop_run),
        cmocka_unit_test_setup_teardown(traces_that_came_later_are_not_judged_yet, make_run,
                                        drop_run),
        cmocka_unit_test_setup_teardown(damaged_judgements_are_refused, make_run, drop_run),
        cmocka_unit_test_setup_teardown(what_cannot_be_done_is_an_error, make_run, drop_run),
        cmocka_unit_test_setup_teardown(exhausted_memory_is_an_error, make_run, drop_run),
        cmocka_unit_test_setup_teardown(options_without_a_size_or_a_folder_are_refused, make_run,
                                        drop_run),
        cmocka_unit_test(kappa_as_in_the_books),
        cmocka_unit_test(agreement_by_chance_is_that_of_both_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
