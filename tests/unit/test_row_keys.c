/* Damage in run.db is named: rows that were changed without their keys, bits that flip anywhere. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "experiment/store/judgements.h"
#include "run_fixture.h"

enum { N_FLIPS = 400, N_FLIPS_LONG = 20000, N_INSTANCES = 3 }; /* long: SAFECONF_TEST_LONG */

static struct run_fixture fixture;
static char path[100];
static char *good;
static size_t n_good;

static void read_good(void)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    n_good = (size_t)ftell(file);
    rewind(file);
    good = malloc(n_good);
    assert_non_null(good);
    assert_int_equal(fread(good, 1, n_good, file), n_good);
    fclose(file);
}

static void put_file(const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

/* A run, and what a later pass says of its first trace. */
static int make_run(void **state)
{
    static const struct sc_judgement judgement = {.safety = SC_SAFETY_UNSAFE,
                                                  .refused = SC_REFUSED_YES,
                                                  .p_unsafe = 0.5,
                                                  .safety_mass = 1,
                                                  .output = "Safety: Unsafe"};
    const struct sc_store_opinion opinion = {.detector = "guard/1:x",
                                             .verdict = SC_REFUSAL,
                                             .rule = "guard-yes",
                                             .judge = "guard/1:x",
                                             .harm = SC_HARMFUL};
    struct sc_store *store = NULL;
    (void)state;
    assert_int_equal(fixture_make(&fixture, N_INSTANCES), 0);
    assert_int_equal(fixture_write(&fixture, true, NULL), SC_OK);
    assert_int_equal(sc_store_open_existing(&store, fixture.folder, NULL), SC_OK);
    assert_int_equal(sc_store_prepare_judging(store, NULL), SC_OK);
    assert_int_equal(sc_store_put_opinion(store, &opinion, &judgement, "guard/1:x", NULL), SC_OK);
    assert_int_equal(sc_store_set_reading(store, "guard/1:x", "guard/1:x", NULL), SC_OK);
    sc_store_close(store);
    snprintf(path, sizeof path, "%s/run.db", fixture.folder);
    read_good();
    return 0;
}

static int drop_run(void **state)
{
    (void)state;
    free(good);
    fixture_free(&fixture);
    return 0;
}

static void execute(const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

static void a_row_without_its_key_is_named(void **state)
{
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE trace SET mean = mean + 0.25 WHERE instance = 1 AND trace = 2",
         "trace 2 of prompt \"synthetic_1\" (table trace) is damaged"},
        {"UPDATE trace SET text = text || ' ' WHERE instance = 0 AND trace = 0",
         "trace 0 of prompt \"synthetic_0\" (table trace)"},
        {"UPDATE token SET confidence = cast(x'00000041' || substr(confidence, 5) AS BLOB)"
         " WHERE instance = 2 AND trace = 1",
         "trace 1 of prompt \"synthetic_2\" (table token)"},
        {"UPDATE verdict SET verdict = 'partial' WHERE instance = 1 AND trace = 0",
         "trace 0 of prompt \"synthetic_1\" (table verdict)"},
        {"UPDATE harm SET harm = 'unjudged' WHERE instance = 0 AND trace = 0",
         "trace 0 of prompt \"synthetic_0\" (table harm)"},
        {"UPDATE decision SET bar = 17.5 WHERE instance = 2",
         "prompt \"synthetic_2\" (table decision)"},
        {"UPDATE instance SET category = category || 'x' WHERE position = 1",
         "instance 1 (table instance)"},
        {"UPDATE configuration SET json = replace(json, '\"window\":32', '\"window\":31')",
         "row 1 of table configuration"},
        {"UPDATE judgement SET p_unsafe = 0.25",
         "trace 0 of prompt \"synthetic_0\" (table judgement)"},
        {"UPDATE reading SET judge = 'none'", "row 1 of table reading"},
        {"UPDATE trace SET row_key = row_key + 1 WHERE instance = 0 AND trace = 1",
         "trace 1 of prompt \"synthetic_0\" (table trace)"},
        /* bytes that move from one text into the next; the upper half of a number */
        {"UPDATE instance SET id = id || substr(prompt, 1, 1), prompt = substr(prompt, 2)"
         " WHERE position = 2",
         "instance 2 (table instance)"},
        {"UPDATE decision SET n_traces = n_traces + 4294967296 WHERE instance = 1",
         "prompt \"synthetic_1\" (table decision)"},
        /* a row that takes another's place */
        {"UPDATE token SET trace = 70 WHERE instance = 0 AND trace = 1;"
         "UPDATE token SET trace = 1 WHERE instance = 0 AND trace = 2",
         "of prompt \"synthetic_0\" (table token)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_run run;
        struct sc_store *store = NULL;
        struct sc_error error = {0};
        put_file(good, n_good);
        execute(cases[i].sql);
        if (sc_run_load(fixture.folder, false, &run, &error) != SC_ERR_FORMAT)
            fail_msg("%s was taken: %s", cases[i].sql, error.text);
        if (strstr(error.text, cases[i].words) == NULL)
            fail_msg("%s: %s", cases[i].sql, error.text);
        assert_int_equal(sc_store_open_existing(&store, fixture.folder, NULL), SC_ERR_FORMAT);
        assert_null(store);
    }
}

static void a_run_does_not_go_on_where_it_is_damaged(void **state)
{
    const struct sc_store_run run = {
        .config_json = fixture.config, .instances = fixture.instances, .n_instances = N_INSTANCES};
    (void)state;
    for (int damaged = 0; damaged < 2; damaged++) {
        struct sc_store *store = NULL;
        struct sc_error error = {0};
        bool resumed = false;
        put_file(good, n_good);
        if (damaged)
            execute("UPDATE trace SET mean = mean + 0.25 WHERE instance = 1 AND trace = 2");
        assert_int_equal(sc_store_open(&store, fixture.folder, &run, &resumed, &error),
                         damaged ? SC_ERR_FORMAT : SC_OK);
        assert_true(damaged || resumed);
        sc_store_close(store);
    }
}

static void rows_may_be_removed(void **state)
{
    struct sc_run run;
    (void)state;
    put_file(good, n_good);
    execute("DELETE FROM trace WHERE instance = 1 AND trace > 0; DELETE FROM decision");
    assert_int_equal(sc_run_load(fixture.folder, true, &run, NULL), SC_OK);
    assert_int_equal(run.instances[1].n_traces, 1);
    sc_run_free(&run);
}

static int64_t number_of(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return value;
}

/* The page of an empty table in the place of that of a table with one row, which no other row
 * speaks of: found by the damages below, as number 3289. */
static void a_row_that_vanishes_with_its_page_is_missed(void **state)
{
    struct sc_run run;
    struct sc_error error = {0};
    (void)state;
    put_file(good, n_good);
    int64_t to = number_of("SELECT rootpage FROM sqlite_schema WHERE name = 'reading'");
    int64_t from = number_of("SELECT rootpage FROM sqlite_schema WHERE name = 'cut'");
    assert_int_equal(number_of("SELECT count(*) FROM cut"), 0);
    char *bytes = malloc(n_good);
    assert_non_null(bytes);
    memcpy(bytes, good, n_good);
    memcpy(bytes + 4096 * (to - 1), good + 4096 * (from - 1), 4096);
    put_file(bytes, n_good);
    free(bytes);
    assert_int_equal(sc_run_load(fixture.folder, false, &run, &error), SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "the file is damaged"));
}

static void say_trace(struct sc_text *out, const struct sc_run_trace *trace)
{
    sc_text_printf(out, "%u %d %s %s %s %s %d %d %zu %zu", trace->index, (int)trace->finish,
                   trace->text, trace->answer, trace->detector, trace->rule, (int)trace->verdict,
                   (int)trace->harm, trace->begin, trace->end);
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_text_printf(out, " %a", trace->metrics[m]);
    for (size_t i = 0; i < trace->n_tokens; i++)
        sc_text_printf(out, " %d:%u:%a:%a:%a:%a", trace->ids[i], trace->text_ends[i],
                       (double)trace->stats[i].logprob, (double)trace->stats[i].sampled_logprob,
                       (double)trace->stats[i].confidence, (double)trace->stats[i].entropy);
    sc_text_putc(out, '\n');
}

/* All that is loaded of the run as text, or NULL where it is refused. */
static char *everything(struct sc_error *error)
{
    struct sc_run run;
    struct sc_text out = {0};
    if (sc_run_load(fixture.folder, true, &run, error) != SC_OK)
        return NULL;
    sc_text_printf(&out, "%s %s %s %d\n", run.config_json, run.detector, run.judge,
                   (int)run.judged_again);
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        sc_text_printf(&out, "%s %s %s %d %zu\n", instance->id, instance->prompt,
                       instance->category, (int)instance->label, instance->n_traces);
        for (size_t t = 0; t < instance->n_traces; t++)
            say_trace(&out, &instance->traces[t]);
        for (size_t p = 0; p < run.n_policies; p++)
            sc_text_printf(&out, "%zu %s %a\n", instance->decisions[p].n_traces,
                           instance->decisions[p].stop_reason, instance->decisions[p].bar);
    }
    sc_run_free(&run);
    return sc_text_take(&out);
}

/* One bit, one byte, or a page that is zeroes, or another's. */
static void damage(uint64_t seed, char *bytes)
{
    uint64_t a = sc_hash64(&seed, sizeof seed), b = sc_hash64(&a, sizeof a);
    size_t n_pages = n_good / 4096;
    if (seed % 10 < 7)
        bytes[a % n_good] ^= (char)(1u << (b % 8));
    else if (seed % 10 == 7)
        bytes[a % n_good] = (char)b;
    else if (seed % 10 == 8)
        memset(bytes + 4096 * (a % n_pages), 0, 4096);
    else
        memcpy(bytes + 4096 * (a % n_pages), good + 4096 * (b % n_pages), 4096);
}

static void flipped_bits_change_no_result(void **state)
{
    struct sc_error error = {0};
    char *bytes = malloc(n_good);
    size_t n_named = 0, n_flips = getenv("SAFECONF_TEST_LONG") != NULL ? N_FLIPS_LONG : N_FLIPS;
    (void)state;
    assert_non_null(bytes);
    put_file(good, n_good);
    char *expected = everything(&error);
    assert_non_null(expected);
    for (uint64_t seed = 0; seed < n_flips; seed++) {
        memcpy(bytes, good, n_good);
        damage(seed, bytes);
        put_file(bytes, n_good);
        error = (struct sc_error){0};
        char *found = everything(&error);
        if (found == NULL && strstr(error.text, "run.db") == NULL)
            fail_msg("damage %d: %s", (int)seed, error.text);
        if (found != NULL && strcmp(found, expected) != 0)
            fail_msg("damage %d gives another result", (int)seed);
        n_named += found == NULL;
        sc_free(found);
    }
    printf("%zu of %zu damages named, the others without effect\n", n_named, n_flips);
    assert_in_range(n_named, n_flips / 4, n_flips);
    sc_free(expected);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_without_its_key_is_named),
        cmocka_unit_test(a_run_does_not_go_on_where_it_is_damaged),
        cmocka_unit_test(rows_may_be_removed),
        cmocka_unit_test(a_row_that_vanishes_with_its_page_is_missed),
        cmocka_unit_test(flipped_bits_change_no_result),
    };
    return cmocka_run_group_tests(tests, make_run, drop_run);
}
