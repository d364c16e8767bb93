/* run.db: what is put in comes out; nothing is lost by a kill or a full disk; damage is refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "experiment/store/lock.h"
#include "row_keys.h"
#include "run_fixture.h"

static void assert_ok(enum sc_status status, const struct sc_error *error)
{
    if (status != SC_OK)
        fail_msg("%s: %s", sc_status_text(status), error->text);
}

static void path_of(const struct run_fixture *f, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", f->folder, name);
}

static char *read_whole(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

static void write_whole(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

/* Writes a run of three prompts; the bytes of its file [*n], to be freed, and where that is. */
static char *written(struct run_fixture *f, char path[100], size_t *n)
{
    struct sc_error error = {0};
    assert_int_equal(fixture_make(f, 3), 0);
    assert_ok(fixture_write(f, false, &error), &error);
    path_of(f, "run.db", path, 100);
    return read_whole(path, n);
}

/* Changes the database from outside. */
static void alter(const struct run_fixture *f, const char *sql)
{
    char path[100], *why = NULL;
    sqlite3 *db;
    path_of(f, "run.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    renew_row_keys(db);
    sqlite3_close(db);
}

static void expect_load(const struct run_fixture *f, enum sc_status expected, const char *words)
{
    struct sc_run run;
    struct sc_error error = {0};
    enum sc_status status = sc_run_load(f->folder, true, &run, &error);
    if (status != expected)
        fail_msg("expected %s, found %s: %s", sc_status_text(expected), sc_status_text(status),
                 error.text);
    if (words != NULL && strstr(error.text, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, error.text);
    if (status == SC_OK)
        sc_run_free(&run);
}

static void assert_same_double(double a, double b)
{
    assert_true((isnan(a) && isnan(b)) || a == b);
}

static void assert_same_trace(const struct sc_run_trace *a, const struct sc_run_trace *b)
{
    assert_int_equal(a->index, b->index);
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->answer, b->answer);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_int_equal(a->n_reasoning, b->n_reasoning);
    assert_int_equal(a->finish, b->finish);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->harm, b->harm);
    assert_int_equal(a->begin, b->begin);
    assert_int_equal(a->end, b->end);
    assert_string_equal(a->rule, b->rule);
    assert_string_equal(a->detector, b->detector);
    for (int m = 0; m < SC_N_METRICS; m++) {
        assert_same_double(a->metrics[m], b->metrics[m]);
        assert_same_double(a->reasoning_metrics[m], b->reasoning_metrics[m]);
        assert_same_double(a->answer_metrics[m], b->answer_metrics[m]);
    }
    assert_int_equal(a->failure != NULL, b->failure != NULL);
    if (a->ids != NULL && b->ids != NULL) {
        assert_memory_equal(a->ids, b->ids, a->n_tokens * sizeof *a->ids);
        assert_memory_equal(a->stats, b->stats, a->n_tokens * sizeof *a->stats);
        assert_memory_equal(a->text_ends, b->text_ends, a->n_tokens * sizeof *a->text_ends);
    }
}

static void what_is_put_in_comes_out(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_run run;
    assert_int_equal(fixture_make(&f, 21), 0);
    assert_ok(fixture_write(&f, true, &error), &error);
    assert_ok(sc_run_load(f.folder, true, &run, &error), &error);
    assert_string_equal(run.config_json, f.config);
    assert_string_equal(run.model_name, "demo");
    assert_true(run.demo);
    assert_string_equal(run.benchmark_name, "synthetic");
    assert_string_equal(run.judge, "none");
    assert_string_equal(run.detector, "patterns/1");
    assert_int_equal(run.window, 32);
    assert_true(run.confident_quantile == 0.5 && isnan(run.confident_threshold));
    assert_int_equal(run.n_policies, 3);
    assert_int_equal(run.primary, 2);
    assert_string_equal(run.policy_names[1], "fixed");
    assert_int_equal(run.policies[1].max_traces, 5);
    assert_int_equal(run.n_instances, 21);
    for (size_t i = 0; i < run.n_instances; i++) {
        const struct sc_run_instance *instance = &run.instances[i];
        assert_string_equal(instance->id, f.instances[i].id);
        assert_string_equal(instance->prompt, f.instances[i].prompt);
        assert_int_equal(instance->label, f.instances[i].label);
        assert_null(instance->extra);
        assert_int_equal(instance->decisions[0].n_traces, 1);
        assert_int_equal(instance->decisions[1].n_traces, 5);
        assert_string_equal(instance->decisions[1].stop_reason, "fixed");
        assert_true(instance->n_traces >= 5);
        for (size_t t = 0; t < instance->n_traces; t++) {
            struct fixture_trace made;
            if (instance->traces[t].failure != NULL)
                continue;
            fixture_trace(&made, i, (uint32_t)t);
            assert_same_trace(&instance->traces[t], &made.trace);
        }
    }
    assert_string_equal(run.instances[10].traces[1].failure,
                        "not a finite number: logits at token 3");
    sc_run_free(&run);
    assert_ok(sc_run_load(f.folder, false, &run, &error), &error);
    assert_null(run.instances[0].traces[0].ids);
    assert_null(run.instances[0].traces[0].stats);
    sc_run_free(&run);
    fixture_free(&f);
}

/* As by a folder that was read-only for a moment; what one at work has is left to it. */
static void what_could_not_be_removed_at_the_end_is_swept_away(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_lock lock;
    struct sc_run run;
    char path[2][100];
    static const char *const left[] = {"run.lock", "run.db-shm"};
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_ok(fixture_write(&f, false, &error), &error);
    for (size_t i = 0; i < 2; i++)
        path_of(&f, left[i], path[i], sizeof path[i]);
    for (size_t i = 0; i < 2; i++) {
        write_whole(path[i], "", 0);
        sc_store_sweep(f.folder);
        assert_int_not_equal(access(path[i], F_OK), 0);
    }
    assert_ok(sc_lock_take(&lock, f.folder, &error), &error);
    sc_store_sweep(f.folder);
    assert_int_equal(access(path[0], F_OK), 0);
    sc_lock_release(&lock);
    assert_ok(sc_run_load(f.folder, true, &run, &error), &error);
    sc_run_free(&run);
    fixture_free(&f);
}

/* At rest a run is one file, in a form that a reader without the right to write can open. */
static void a_run_at_rest_is_one_file(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    char path[100], uri[140];
    sqlite3 *db;
    sqlite3_stmt *row;
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_ok(fixture_write(&f, false, &error), &error);
    static const char *const others[] = {"run.db-wal", "run.db-shm", "run.db-journal", "run.lock"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        path_of(&f, others[i], path, sizeof path);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    snprintf(uri, sizeof uri, "file:%s/run.db?mode=ro&immutable=1", f.folder);
    assert_int_equal(sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(row, 0), "ok");
    sqlite3_finalize(row);
    sqlite3_close(db);
    fixture_free(&f);
}

static void another_configuration_is_refused_by_its_first_field(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_store *store;
    bool resumed = true;
    char *other;
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_ok(sc_store_open(&store, f.folder,
                            &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                            &error),
              &error);
    assert_false(resumed);
    sc_store_close(store);
    assert_ok(sc_store_open(&store, f.folder,
                            &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                            &error),
              &error);
    assert_true(resumed);
    sc_store_close(store);

    f.source.sampling.temperature = 1.3;
    assert_ok(sc_config_write(&f.options, &f.facts, &other, &error), &error);
    assert_int_equal(sc_store_open(&store, f.folder,
                                   &(struct sc_store_run){other, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_CONFLICT);
    assert_null(store);
    assert_non_null(strstr(error.text, "sampling.temperature: expected 1.3"));
    assert_non_null(strstr(error.text, "found 0.6"));
    sc_free(other);

    f.source.sampling.temperature = 0.6;
    f.policies[2].percentile = 50;
    error = (struct sc_error){0};
    assert_ok(sc_config_write(&f.options, &f.facts, &other, &error), &error);
    assert_int_equal(sc_store_open(&store, f.folder,
                                   &(struct sc_store_run){other, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "policies[2].percentile: expected 50, found 90"));
    sc_free(other);

    /* One letter of one prompt. */
    f.policies[2].percentile = 90;
    f.texts[1][1][0] = 'p';
    error = (struct sc_error){0};
    assert_ok(sc_config_write(&f.options, &f.facts, &other, &error), &error);
    assert_int_equal(sc_store_open(&store, f.folder,
                                   &(struct sc_store_run){other, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "benchmark.instances"));
    sc_free(other);
    fixture_free(&f);
}

static void a_configuration_leaves_out_what_is_not_read(void **state)
{
    (void)state;
    struct run_fixture f;
    char *other;
    assert_int_equal(fixture_make(&f, 2), 0);
    f.policies[1].percentile = 20; /* fixed has none */
    f.policies[0].max_traces = 99; /* single has none */
    f.options.n_threads = 7;
    f.options.parallel = 3;
    f.options.no_batch = true;
    assert_int_equal(sc_config_write(&f.options, &f.facts, &other, NULL), SC_OK);
    assert_string_equal(other, f.config);
    sc_free(other);
    /* Two of a kind get numbers, so that each has a file of its own. */
    f.policies[0].kind = SC_POLICY_FIXED;
    f.options.seed = UINT64_MAX;
    f.source.name = "na\xffme";
    assert_int_equal(sc_config_write(&f.options, &f.facts, &other, NULL), SC_OK);
    struct sc_run run = {0};
    char hash[17];
    size_t n;
    assert_int_equal(sc_config_read(other, &run, hash, &n, NULL), SC_OK);
    assert_string_equal(run.policy_names[0], "fixed-1");
    assert_string_equal(run.policy_names[1], "fixed-2");
    assert_string_equal(run.policy_names[2], "adaptive");
    assert_string_equal(run.model_name, "na\xef\xbf\xbdme");
    assert_true(run.seed == UINT64_MAX);
    assert_int_equal(n, 2);
    sc_run_free(&run);
    sc_free(other);
    fixture_free(&f);
}

static void one_process_writes_at_a_time_and_others_may_read(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_store *store, *second;
    struct sc_run run;
    bool resumed;
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_ok(sc_store_open(&store, f.folder,
                            &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                            &error),
              &error);
    assert_int_equal(sc_store_open(&second, f.folder,
                                   &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "another process is running in this folder"));
    error = (struct sc_error){0};
    /* Reading while it runs is fine, and a reader does not stop the writer. */
    assert_ok(sc_run_load(f.folder, true, &run, &error), &error);
    assert_int_equal(run.instances[0].n_traces, 0);
    assert_int_equal(run.instances[0].decisions[0].n_traces, 0);
    sc_run_free(&run);
    assert_ok(sc_store_open_read(&second, f.folder, &error), &error);
    struct fixture_trace made;
    fixture_trace(&made, 0, 0);
    assert_ok(sc_store_put_trace(store, 0, &(struct sc_store_trace){&made.trace, "none", NULL, 0},
                                 &error),
              &error);
    sc_store_close(store);
    sc_store_close(second);
    assert_ok(sc_store_open(&store, f.folder,
                            &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                            &error),
              &error);
    sc_store_close(store);
    expect_load(&f, SC_OK, NULL);
    fixture_free(&f);
}

/* A child stores traces until it is killed; all that it reported must be there. */
static void nothing_is_lost_by_a_kill(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct run_fixture f;
        struct sc_error error = {0};
        struct sc_run run;
        int ends[2];
        assert_int_equal(fixture_make(&f, 40), 0);
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            struct sc_store *store;
            bool resumed;
            struct fixture_trace made;
            if (sc_store_open(&store, f.folder,
                              &(struct sc_store_run){f.config, f.instances, 40, NULL}, &resumed,
                              NULL) != SC_OK)
                _exit(1);
            for (size_t i = 0;; i = (i + 1) % 40) {
                static uint32_t next[40];
                fixture_trace(&made, i, next[i]++);
                if (sc_store_put_trace(store, i,
                                       &(struct sc_store_trace){&made.trace, "none", NULL, 0},
                                       NULL) != SC_OK ||
                    write(ends[1], "x", 1) != 1)
                    _exit(1);
            }
        }
        close(ends[1]);
        size_t n_told = 0, n_found = 0, n_wanted = 20 + 90 * (size_t)round;
        char byte;
        while (n_told < n_wanted && read(ends[0], &byte, 1) == 1)
            n_told++;
        kill(child, SIGKILL);
        while (read(ends[0], &byte, 1) == 1)
            n_told++;
        close(ends[0]);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_ok(sc_run_load(f.folder, true, &run, &error), &error);
        for (size_t i = 0; i < run.n_instances; i++)
            for (size_t t = 0; t < run.instances[i].n_traces; t++, n_found++) {
                struct fixture_trace made;
                fixture_trace(&made, i, (uint32_t)t);
                assert_same_trace(&run.instances[i].traces[t], &made.trace);
            }
        sc_run_free(&run);
        assert_in_range(n_found, n_told, n_told + 1);
        struct sc_store *store;
        bool resumed = false;
        assert_ok(sc_store_open(&store, f.folder,
                                &(struct sc_store_run){f.config, f.instances, 40, NULL}, &resumed,
                                &error),
                  &error);
        assert_true(resumed);
        sc_store_close(store);
        expect_load(&f, SC_OK, NULL);
        fixture_free(&f);
    }
}

/* Fills the database until it says no; returns how many traces went in. */
static size_t fill(struct sc_store *store, enum sc_status *status, struct sc_error *error)
{
    size_t n = 0;
    struct fixture_trace made;
    for (*status = SC_OK; n < 100000; n++) {
        fixture_trace(&made, n % 3, (uint32_t)(n / 3));
        *status = sc_store_put_trace(store, n % 3,
                                     &(struct sc_store_trace){&made.trace, "none", NULL, 0}, error);
        if (*status != SC_OK)
            break;
    }
    return n;
}

static size_t count_traces(const struct run_fixture *f)
{
    struct sc_run run;
    struct sc_error error = {0};
    size_t n = 0;
    assert_ok(sc_run_load(f->folder, true, &run, &error), &error);
    for (size_t i = 0; i < run.n_instances; i++)
        n += run.instances[i].n_traces;
    sc_run_free(&run);
    return n;
}

static void a_full_disk_loses_nothing_that_was_stored(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_store *store;
    enum sc_status status;
    bool resumed;
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_ok(sc_store_open(&store, f.folder,
                            &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                            &error),
              &error);
    assert_ok(sc_store_limit_pages(store, 60, &error), &error);
    size_t n = fill(store, &status, &error);
    assert_int_equal(status, SC_ERR_IO);
    assert_non_null(strstr(error.text, "full"));
    assert_true(n > 10);
    sc_store_close(store);
    assert_int_equal(count_traces(&f), n);
    /* With room again the run goes on. */
    error = (struct sc_error){0};
    struct fixture_trace made;
    assert_ok(sc_store_open(&store, f.folder,
                            &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                            &error),
              &error);
    fixture_trace(&made, n % 3, (uint32_t)(n / 3));
    assert_ok(sc_store_put_trace(store, n % 3,
                                 &(struct sc_store_trace){&made.trace, "none", NULL, 0}, &error),
              &error);
    sc_store_close(store);
    assert_int_equal(count_traces(&f), n + 1);
    fixture_free(&f);
}

/* The same with the system saying no, in a child whose files may not grow past a size. */
static void a_file_that_may_not_grow_loses_nothing_that_was_stored(void **state)
{
    (void)state;
    struct run_fixture f;
    int ends[2], status;
    size_t n = 0;
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sc_error error = {0};
        struct sc_store *store;
        enum sc_status why;
        bool resumed;
        struct rlimit limit = {300000, 300000};
        signal(SIGXFSZ, SIG_IGN);
        if (sc_store_open(&store, f.folder, &(struct sc_store_run){f.config, f.instances, 3, NULL},
                          &resumed, &error) != SC_OK ||
            setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(1);
        size_t stored = fill(store, &why, &error);
        sc_store_close(store);
        _exit(why != SC_ERR_IO || strstr(error.text, "run.db") == NULL ||
              write(ends[1], &stored, sizeof stored) != sizeof stored);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &n, sizeof n), sizeof n);
    close(ends[0]);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(n > 3);
    assert_int_equal(count_traces(&f), n);
    fixture_free(&f);
}

static void damage_is_refused_with_the_row_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum sc_status status;
        const char *words;
    } cases[] = {
        {"UPDATE trace SET n_tokens = 3 WHERE instance = 1 AND trace = 2", SC_ERR_FORMAT,
         "instance 1 trace 2: ids: expected a blob of 12 bytes"},
        {"UPDATE token SET entropy = zeroblob(3) WHERE instance = 2 AND trace = 0", SC_ERR_FORMAT,
         "instance 2 trace 0: entropy"},
        {"UPDATE token SET ids = cast(zeroblob(length(ids) - 4) || x'ffffffff' AS BLOB)"
         " WHERE instance = 0 AND trace = 0",
         SC_ERR_FORMAT, "expected an id"},
        {"UPDATE token SET text_end = cast(zeroblob(length(text_end) - 4) || x'ffffffff' AS BLOB)"
         " WHERE instance = 0 AND trace = 0",
         SC_ERR_FORMAT, "text_end"},
        {"UPDATE token SET text_end = cast(x'04000000' || zeroblob(length(text_end) - 4) AS BLOB)"
         " WHERE instance = 0 AND trace = 0",
         SC_ERR_FORMAT, "token 1: expected text_end 4 to"},
        {"DELETE FROM token WHERE instance = 0", SC_ERR_FORMAT,
         "instance 0 trace 0: expected its row of tokens, found none"},
        {"UPDATE trace SET n_tokens = 9000000000", SC_ERR_FORMAT, "n_tokens"},
        {"UPDATE trace SET n_tokens = -1", SC_ERR_FORMAT, "n_tokens"},
        {"UPDATE trace SET n_reasoning = n_tokens + 1", SC_ERR_FORMAT, "n_reasoning"},
        {"UPDATE trace SET finish = 'later'", SC_ERR_FORMAT, "expected a finish, found later"},
        {"UPDATE trace SET finish = 'failed'", SC_ERR_FORMAT, "failure"},
        {"UPDATE trace SET text = cast(x'41ff' AS TEXT)", SC_ERR_FORMAT, "UTF-8"},
        {"UPDATE trace SET text = cast(x'410042' AS TEXT)", SC_ERR_FORMAT, "NUL"},
        {"UPDATE trace SET instance = 77 WHERE instance = 2 AND trace = 0", SC_ERR_FORMAT,
         "expected 0 to 2, found 77"},
        {"UPDATE trace SET trace = -5 WHERE instance = 2 AND trace = 0", SC_ERR_FORMAT, "-5"},
        {"UPDATE trace SET mean = -5 WHERE instance = 1 AND trace = 2", SC_ERR_FORMAT,
         "instance 1 trace 2: mean: -5 is no such figure"},
        {"UPDATE trace SET answer_prob = 1.5", SC_ERR_FORMAT, "answer_prob: 1.5 is no"},
        {"UPDATE trace SET nll = -0.5", SC_ERR_FORMAT, "nll: -0.5 is no"},
        {"UPDATE trace SET tail = 9e999", SC_ERR_FORMAT, "tail: inf is no"},
        {"UPDATE token SET logprob = cast(x'0000803f' || substr(logprob, 5) AS BLOB)"
         " WHERE instance = 2 AND trace = 0",
         SC_ERR_FORMAT, "instance 2 trace 0: token 0: 1 is no logprob"},
        {"UPDATE token SET confidence = cast(x'000080bf' || substr(confidence, 5) AS BLOB)",
         SC_ERR_FORMAT, "token 0: -1 is no confidence"},
        {"UPDATE token SET entropy = cast(x'0000c841' || substr(entropy, 5) AS BLOB)",
         SC_ERR_FORMAT, "token 0: 25 is no entropy"},
        {"UPDATE token SET sampled_logprob = cast(x'0000c07f' || substr(sampled_logprob, 5) AS"
         " BLOB)",
         SC_ERR_FORMAT, "token 0: nan is no sampled_logprob"},
        {"UPDATE verdict SET verdict = 'maybe'", SC_ERR_FORMAT, "maybe"},
        {"UPDATE verdict SET range_end = 99999", SC_ERR_FORMAT, "range_end"},
        {"UPDATE verdict SET range_begin = -1", SC_ERR_FORMAT, "range_begin"},
        {"DELETE FROM verdict", SC_ERR_FORMAT, "expected a verdict, found nothing"},
        {"UPDATE harm SET harm = ''", SC_ERR_FORMAT, "harm"},
        {"UPDATE instance SET label = 'good'", SC_ERR_FORMAT, "expected a label, found good"},
        {"UPDATE instance SET prompt = 'other' WHERE position = 1", SC_ERR_FORMAT, "instances"},
        {"DELETE FROM instance WHERE position = 1", SC_ERR_FORMAT, "expected 1 to 1, found 2"},
        {"DELETE FROM instance", SC_ERR_FORMAT, "instances: expected 3"},
        {"UPDATE decision SET n_traces = 99", SC_ERR_FORMAT, "expected 1 to"},
        {"UPDATE decision SET n_traces = 0", SC_ERR_FORMAT, "expected 1 to"},
        {"UPDATE decision SET policy = 9 WHERE policy = 2", SC_ERR_FORMAT, "policy"},
        /* an index that gives two rows the same key */
        {"CREATE TABLE twin AS SELECT instance, 0 AS policy FROM decision ORDER BY rowid;"
         " CREATE INDEX twins ON twin (instance, policy); PRAGMA writable_schema = ON;"
         " UPDATE sqlite_schema SET rootpage ="
         " (SELECT rootpage FROM sqlite_schema WHERE name = 'twins')"
         " WHERE name = 'sqlite_autoindex_decision_1';"
         " DELETE FROM sqlite_schema WHERE tbl_name = 'twin'",
         SC_ERR_FORMAT, "the file is damaged"},
        {"DELETE FROM configuration", SC_ERR_FORMAT, "configuration"},
        {"UPDATE configuration SET json = '{'", SC_ERR_FORMAT, "JSON"},
        {"UPDATE configuration SET json = '[]'", SC_ERR_FORMAT, "configuration"},
        {"UPDATE configuration SET json = replace(json, '\"name\":\"single\"',"
         " '\"name\":\"../x\"')",
         SC_ERR_FORMAT, "a-z"},
        {"UPDATE configuration SET json = replace(json, '\"window\":32', '\"window\":0')",
         SC_ERR_FORMAT, "window"},
        {"UPDATE configuration SET json = replace(json, '\"primary\":2', '\"primary\":3')",
         SC_ERR_FORMAT, "primary"},
        {"PRAGMA user_version = 9", SC_ERR_UNSUPPORTED,
         "expected schema version 1 to 5, found 9 (of a newer safeconf)"},
        {"PRAGMA user_version = 2", SC_ERR_FORMAT, "table configuration: expected that of a run"},
        {"PRAGMA application_id = 5", SC_ERR_FORMAT, "expected the database of a run"},
        {"DROP TABLE harm", SC_ERR_FORMAT, "table harm: expected that of a run, found none"},
        {"ALTER TABLE harm ADD COLUMN more TEXT", SC_ERR_FORMAT, "found another"},
        {"DROP TABLE harm; CREATE VIEW harm AS WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL"
         " SELECT i FROM r) SELECT i AS instance, i AS trace, 'none' AS judge, 'x' AS harm FROM r",
         SC_ERR_FORMAT, "found none"},
    };
    struct run_fixture f;
    struct sc_error error = {0};
    char path[100];
    size_t n;
    char *good = written(&f, path, &n);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_whole(path, good, n);
        alter(&f, cases[i].sql);
        expect_load(&f, cases[i].status, cases[i].words);
    }
    /* A trace that is missing in the middle: what follows it is not shown. */
    write_whole(path, good, n);
    alter(&f, "DELETE FROM trace WHERE instance = 0 AND trace = 1;"
              "DELETE FROM decision WHERE instance = 0");
    struct sc_run run;
    assert_ok(sc_run_load(f.folder, true, &run, &error), &error);
    assert_int_equal(run.instances[0].n_traces, 1);
    sc_run_free(&run);
    free(good);
    fixture_free(&f);
}

/* Triggers, views, conditions and terms of indices are programs, which looking through a file would
 * run: a file that holds any is not looked through. */
static void what_others_put_beside_the_tables_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *found;
    } cases[] = {
        {"CREATE TRIGGER t AFTER INSERT ON trace BEGIN DELETE FROM instance; END", "trigger t"},
        {"CREATE VIEW v AS SELECT 1", "view v"},
        {"CREATE INDEX i ON trace (hex(zeroblob(10)))", "index i"},
        {"CREATE INDEX reading_twin ON trace (hex(zeroblob(10)))", "index reading_twin"},
        {"CREATE TABLE t (x CHECK (hex(zeroblob(10)) > ''))", "table t"},
        {"CREATE VIRTUAL TABLE f USING fts5 (x)", "table f"},
    };
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_store *store;
    bool resumed;
    char words[120], path[100];
    size_t n;
    char *good = written(&f, path, &n);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_whole(path, good, n);
        alter(&f, cases[i].sql);
        snprintf(words, sizeof words, "expected the tables of a run alone, found the %s",
                 cases[i].found);
        expect_load(&f, SC_ERR_FORMAT, words);
        error = (struct sc_error){0};
        assert_int_equal(sc_store_open_existing(&store, f.folder, &error), SC_ERR_FORMAT);
        assert_non_null(strstr(error.text, words));
        error = (struct sc_error){0};
        const struct sc_store_run run = {f.config, f.instances, 3, NULL};
        assert_int_equal(sc_store_open(&store, f.folder, &run, &resumed, &error), SC_ERR_FORMAT);
    }
    write_whole(path, good, n);
    alter(&f, "ANALYZE"); /* which a person may have asked for: tables, and no programs */
    struct sc_run run;
    error = (struct sc_error){0};
    assert_ok(sc_run_load(f.folder, false, &run, &error), &error);
    sc_run_free(&run);
    free(good);
    fixture_free(&f);
}

static void what_is_not_a_run_is_refused_and_left_alone(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_store *store;
    bool resumed;
    char path[100];
    size_t n;
    assert_int_equal(fixture_make(&f, 3), 0);
    path_of(&f, "run.db", path, sizeof path);
    expect_load(&f, SC_ERR_IO, "expected the folder of a run, found no run.db");
    write_whole(path, "", 0);
    expect_load(&f, SC_ERR_FORMAT, "expected a run, found an empty database");
    write_whole(path,
                "not a database, and longer than the header of one would be: "
                "0123456789012345678901234567890123456789",
                100);
    expect_load(&f, SC_ERR_FORMAT, "not a database");
    assert_int_equal(sc_store_open(&store, f.folder,
                                   &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_FORMAT);
    unlink(path);
    alter(&f, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    char *foreign = read_whole(path, &n);
    expect_load(&f, SC_ERR_FORMAT, "expected the database of a run, found another");
    error = (struct sc_error){0};
    assert_int_equal(sc_store_open(&store, f.folder,
                                   &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_FORMAT);
    size_t n_after;
    char *after = read_whole(path, &n_after);
    assert_int_equal(n, n_after); /* and it was left alone */
    assert_memory_equal(foreign, after, n);
    free(foreign);
    free(after);
    /* A folder in the place of the file, and a folder that is missing. */
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_load(&f, SC_ERR_IO, "run.db");
    rmdir(path);
    fixture_remove_folder(f.folder);
    expect_load(&f, SC_ERR_IO, NULL);
    error = (struct sc_error){0};
    assert_int_equal(sc_store_open(&store, f.folder,
                                   &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                                   &error),
                     SC_ERR_IO);
    fixture_free(&f);
}

/* Whatever is cut off or flipped, loading ends with a run or with an error. */
static void random_damage_ends_with_a_run_or_an_error(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    char path[100];
    size_t n, n_refused = 0;
    struct sc_random random = {SC_STREAM_STATISTICS, 3, 9, 0};
    assert_int_equal(fixture_make(&f, 6), 0);
    assert_ok(fixture_write(&f, true, &error), &error);
    path_of(&f, "run.db", path, sizeof path);
    char *good = read_whole(path, &n), *bad = malloc(n);
    for (int round = 0; round < 400; round++) {
        size_t length = n;
        memcpy(bad, good, n);
        if (round % 4 == 0) {
            length = sc_random_below(&random, n);
        } else if (round % 4 == 1) { /* a stretch of zeros */
            size_t at = sc_random_below(&random, n);
            memset(bad + at, 0, sc_random_below(&random, n - at) % 5000);
        } else {
            for (size_t k = 1 + sc_random_below(&random, 20); k-- > 0;) {
                /* half of them in the first page, where the schema is */
                size_t at = sc_random_below(&random, round % 4 == 2 ? 4096 : n);
                bad[at] = (char)sc_random_below(&random, 256);
            }
        }
        write_whole(path, bad, length);
        struct sc_run run;
        error = (struct sc_error){0};
        enum sc_status status = sc_run_load(f.folder, true, &run, &error);
        if (status == SC_OK)
            sc_run_free(&run);
        else
            assert_true(error.text[0] != '\0');
        n_refused += status != SC_OK;
        struct sc_store *store;
        bool resumed;
        if (sc_store_open(&store, f.folder, &(struct sc_store_run){f.config, f.instances, 6, NULL},
                          &resumed, NULL) == SC_OK)
            sc_store_close(store);
        static const char *const leftovers[] = {"run.db-wal", "run.db-shm", "run.db-journal"};
        for (int k = 0; k < 3; k++) {
            char other[100];
            path_of(&f, leftovers[k], other, sizeof other);
            unlink(other);
        }
    }
    assert_true(n_refused > 200);
    free(good);
    free(bad);
    fixture_free(&f);
}

/* The JSON library does not always say that memory was what it lacked. */
static void assert_refused_for_memory(enum sc_status status, struct sc_error *error)
{
    assert_true(status == SC_ERR_NOMEM || strstr(error->text, "JSON"));
    assert_int_equal(error->status, status);
    *error = (struct sc_error){0};
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_run run;
    struct sc_store *store;
    struct fixture_trace made;
    bool resumed;
    enum sc_status status;
    assert_int_equal(fixture_make(&f, 3), 0);
    assert_ok(fixture_write(&f, true, &error), &error);
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        status = sc_run_load(f.folder, true, &run, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            break;
        assert_refused_for_memory(status, &error);
    }
    sc_run_free(&run);
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        status =
            sc_store_open(&store, f.folder, &(struct sc_store_run){f.config, f.instances, 3, NULL},
                          &resumed, &error);
        if (status == SC_OK) {
            fixture_trace(&made, 0, 50);
            status = sc_store_put_trace(
                store, 0, &(struct sc_store_trace){&made.trace, "none", NULL, 0}, &error);
            sc_store_close(store);
        }
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            break;
        assert_refused_for_memory(status, &error);
    }
    for (size_t n = 0;; n++) {
        char *json;
        sc_memory_fail_at(n);
        status = sc_config_write(&f.options, &f.facts, &json, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK) {
            assert_string_equal(json, f.config);
            sc_free(json);
            break;
        }
        assert_refused_for_memory(status, &error);
    }
    expect_load(&f, SC_OK, NULL);
    fixture_free(&f);
}

/* A folder whose path SQLite could read as a URI with options. */
static void a_path_that_looks_like_a_uri_is_a_path(void **state)
{
    (void)state;
    static const char name[] = "file:x?mode=memory";
    struct run_fixture f;
    struct sc_error error = {0};
    char here[1000], where[128];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(fixture_make(&f, 3), 0);
    snprintf(where, sizeof where, "%s", f.folder);
    assert_int_equal(chdir(where), 0);
    assert_int_equal(mkdir(name, 0700), 0);
    snprintf(f.folder, sizeof f.folder, "%s", name);
    assert_ok(fixture_write(&f, false, &error), &error);
    assert_int_equal(access("file:x?mode=memory/run.db", F_OK), 0);
    expect_load(&f, SC_OK, NULL);
    assert_true(count_traces(&f) > 0);
    fixture_free(&f);
    assert_int_equal(chdir(here), 0);
    fixture_remove_folder(where);
}

/* A process that is killed within a transaction of a rollback journal leaves one that must be taken
 * back before anybody can read. */
static void what_a_killed_process_left_open_is_taken_back_by_a_reader(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_error error = {0};
    char path[100];
    int status;
    assert_int_equal(fixture_make(&f, 20), 0);
    assert_ok(fixture_write(&f, false, &error), &error);
    size_t n = count_traces(&f);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        path_of(&f, "run.db", path, sizeof path);
        if (sqlite3_open(path, &db) != SQLITE_OK ||
            sqlite3_exec(db,
                         "PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN IMMEDIATE;"
                         "UPDATE trace SET text = 'half', answer = NULL; DELETE FROM instance",
                         NULL, NULL, NULL) != SQLITE_OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    path_of(&f, "run.db-journal", path, sizeof path);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(count_traces(&f), n);
    struct sc_run run;
    assert_ok(sc_run_load(f.folder, true, &run, &error), &error);
    assert_string_not_equal(run.instances[0].traces[0].text, "half");
    sc_run_free(&run);
    fixture_free(&f);
}

/* Whoever opens a pipe waits for somebody who writes to it. */
static void a_pipe_in_the_place_of_a_file_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {"run.db", "run.db-journal", "run.db-wal"};
    struct run_fixture f;
    struct sc_error error = {0};
    struct sc_store *store;
    bool resumed;
    char path[100];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(fixture_make(&f, 3), 0);
        if (i > 0)
            assert_ok(fixture_write(&f, false, &error), &error);
        path_of(&f, names[i], path, sizeof path);
        assert_int_equal(mkfifo(path, 0600), 0);
        expect_load(&f, SC_ERR_IO, "expected a regular file");
        assert_int_equal(sc_store_open(&store, f.folder,
                                       &(struct sc_store_run){f.config, f.instances, 3, NULL},
                                       &resumed, NULL),
                         SC_ERR_IO);
        assert_int_equal(sc_store_open_existing(&store, f.folder, NULL), SC_ERR_IO);
        fixture_free(&f);
    }
}

static void a_folder_that_was_removed_is_noticed_by_the_next_trace(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        struct run_fixture f;
        struct sc_error error = {0};
        struct sc_store *store;
        struct fixture_trace made;
        bool resumed;
        assert_int_equal(fixture_make(&f, 3), 0);
        assert_ok(sc_store_open(&store, f.folder,
                                &(struct sc_store_run){f.config, f.instances, 3, NULL}, &resumed,
                                &error),
                  &error);
        fixture_trace(&made, 0, 0);
        assert_ok(sc_store_put_trace(
                      store, 0, &(struct sc_store_trace){&made.trace, "none", NULL, 0}, &error),
                  &error);
        fixture_remove_folder(f.folder);
        if (again) { /* made again, with another run in it */
            assert_int_equal(mkdir(f.folder, 0700), 0);
            char path[100];
            path_of(&f, "run.db", path, sizeof path);
            write_whole(path, "x", 1);
        }
        fixture_trace(&made, 1, 0);
        assert_int_equal(sc_store_put_trace(store, 1,
                                            &(struct sc_store_trace){&made.trace, "none", NULL, 0},
                                            &error),
                         SC_ERR_IO);
        assert_non_null(strstr(error.text, "removed or replaced while the run was writing"));
        sc_store_close(store);
        fixture_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_in_comes_out),
        cmocka_unit_test(a_run_at_rest_is_one_file),
        cmocka_unit_test(what_could_not_be_removed_at_the_end_is_swept_away),
        cmocka_unit_test(another_configuration_is_refused_by_its_first_field),
        cmocka_unit_test(a_configuration_leaves_out_what_is_not_read),
        cmocka_unit_test(one_process_writes_at_a_time_and_others_may_read),
        cmocka_unit_test(nothing_is_lost_by_a_kill),
        cmocka_unit_test(a_full_disk_loses_nothing_that_was_stored),
        cmocka_unit_test(a_file_that_may_not_grow_loses_nothing_that_was_stored),
        cmocka_unit_test(damage_is_refused_with_the_row_that_is_wrong),
        cmocka_unit_test(what_others_put_beside_the_tables_is_refused),
        cmocka_unit_test(what_is_not_a_run_is_refused_and_left_alone),
        cmocka_unit_test(random_damage_ends_with_a_run_or_an_error),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(a_path_that_looks_like_a_uri_is_a_path),
        cmocka_unit_test(what_a_killed_process_left_open_is_taken_back_by_a_reader),
        cmocka_unit_test(a_pipe_in_the_place_of_a_file_is_refused_at_once),
        cmocka_unit_test(a_folder_that_was_removed_is_noticed_by_the_next_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
