/* run.db: what was asked beside the prompt (conversation, prefill, line), tokens that were put in,
 * and the earlier answers of a conversation. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "row_keys.h"
#include "run_fixture.h"

static char prefill[] = "Sure, here is <|im_end|>";

static void add(struct sc_instance *instance, enum sc_role role, const char *text)
{
    assert_int_equal(sc_conversation_add(&instance->conversation, role, text, NULL), SC_OK);
}

/* Three prompts: one alone, one with a conversation, one with a prefill as well. */
static void rig_make(struct run_fixture *f)
{
    assert_int_equal(fixture_make(f, 3), 0);
    add(&f->instances[1], SC_ROLE_SYSTEM, "Be \"brief\".");
    add(&f->instances[1], SC_ROLE_USER, f->instances[1].prompt);
    add(&f->instances[2], SC_ROLE_USER, "Hello");
    add(&f->instances[2], SC_ROLE_ASSISTANT, "");
    add(&f->instances[2], SC_ROLE_USER, f->instances[2].prompt);
    f->instances[2].prefill = prefill;
    f->instances[2].line = 17;
    assert_int_equal(fixture_configure(f), 0);
}

static void rig_free(struct run_fixture *f)
{
    for (size_t i = 0; i < 3; i++)
        sc_conversation_free(&f->instances[i].conversation);
    fixture_free(f);
}

static struct sc_store *open_store(struct run_fixture *f)
{
    struct sc_store *store = NULL;
    bool resumed = false;
    struct sc_error error = {0};
    if (sc_store_open(&store, f->folder, &(struct sc_store_run){f->config, f->instances, 3, NULL},
                      &resumed, &error) != SC_OK)
        fail_msg("%s", error.text);
    return store;
}

/* Trace `index` of the instance after n_turns earlier answers, some of whose tokens were put in. */
static enum sc_status put(struct sc_store *store, size_t position, uint32_t index, size_t n_turns)
{
    struct fixture_trace made, before[3];
    struct sc_run_trace turns[3];
    fixture_trace(&made, position, index);
    for (size_t i = 0; i < n_turns; i++) {
        fixture_trace(&before[i], position, 100 * (index + 1) + (uint32_t)i);
        turns[i] = before[i].trace;
        turns[i].forced_begin = i;
        turns[i].n_forced = i;
    }
    made.trace.turns = turns;
    made.trace.n_turns = n_turns;
    made.trace.forced_begin = 1;
    made.trace.n_forced = 2;
    return sc_store_put_trace(store, position,
                              &(struct sc_store_trace){&made.trace, "none", NULL, 0}, NULL);
}

static void alter(const struct run_fixture *f, const char *sql)
{
    char path[100], *why = NULL;
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/run.db", f->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    renew_row_keys(db);
    sqlite3_close(db);
}

static void what_was_asked_comes_back(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    rig_make(&f);
    sc_store_close(open_store(&f));
    assert_int_equal(sc_run_load(f.folder, true, &run, NULL), SC_OK);
    assert_int_equal(run.instances[0].conversation.n, 0);
    assert_null(run.instances[0].prefill);
    const struct sc_conversation *turns = &run.instances[1].conversation;
    assert_int_equal(turns->n, 2);
    assert_string_equal(turns->messages[0].role, "system");
    assert_string_equal(turns->messages[0].text, "Be \"brief\".");
    assert_string_equal(turns->messages[1].text, f.instances[1].prompt);
    assert_int_equal(run.instances[2].conversation.n, 3);
    assert_string_equal(run.instances[2].conversation.messages[1].text, "");
    assert_string_equal(run.instances[2].prefill, prefill);
    assert_int_equal(run.instances[2].line, 17);
    sc_run_free(&run);
    rig_free(&f);
}

static void a_key_of_instances_covers_all_that_is_sent(void **state)
{
    (void)state;
    struct run_fixture f;
    char plain[17], hash[6][17];
    static char other[] = "Yes, ";
    assert_int_equal(fixture_make(&f, 1), 0);
    struct sc_instance *instance = &f.instances[0];
    sc_instances_hash(instance, 1, plain);
    assert_string_equal(plain, "24c70d26fd9e8b8c"); /* as it was before there were conversations */
    instance->prefill = prefill;
    sc_instances_hash(instance, 1, hash[0]);
    instance->prefill = other;
    sc_instances_hash(instance, 1, hash[1]);
    instance->prefill = NULL;
    add(instance, SC_ROLE_USER, instance->prompt);
    sc_instances_hash(instance, 1, hash[2]);
    sc_conversation_free(&instance->conversation);
    add(instance, SC_ROLE_SYSTEM, "Be brief.");
    add(instance, SC_ROLE_USER, instance->prompt);
    sc_instances_hash(instance, 1, hash[3]);
    sc_conversation_free(&instance->conversation);
    add(instance, SC_ROLE_ASSISTANT, "Be brief.");
    add(instance, SC_ROLE_USER, instance->prompt);
    sc_instances_hash(instance, 1, hash[4]);
    instance->line = 5; /* where a row lies in its file changes nothing */
    sc_instances_hash(instance, 1, hash[5]);
    assert_string_equal(hash[4], hash[5]);
    for (size_t i = 0; i < 5; i++) {
        assert_string_not_equal(hash[i], plain);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(hash[i], hash[j]);
    }
    sc_conversation_free(&instance->conversation);
    fixture_free(&f);
}

static void earlier_answers_come_back_with_their_trace(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    rig_make(&f);
    struct sc_store *store = open_store(&f);
    static const size_t n_turns[3][2] = {{0, 3}, {2, 0}, {1, 1}};
    for (size_t i = 0; i < 3; i++)
        for (uint32_t t = 0; t < 2; t++)
            assert_int_equal(put(store, i, t, n_turns[i][t]), SC_OK);
    sc_store_close(store);
    for (int tokens = 0; tokens < 2; tokens++) {
        struct sc_error error = {0};
        if (sc_run_load(f.folder, tokens, &run, &error) != SC_OK)
            fail_msg("%s", error.text);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(run.instances[i].n_traces, 2);
            for (uint32_t t = 0; t < 2; t++) {
                const struct sc_run_trace *trace = &run.instances[i].traces[t];
                assert_int_equal(trace->n_turns, n_turns[i][t]);
                assert_int_equal(trace->forced_begin, 1);
                assert_int_equal(trace->n_forced, 2);
                for (size_t k = 0; k < trace->n_turns; k++) {
                    struct fixture_trace made;
                    const struct sc_run_trace *turn = &trace->turns[k];
                    fixture_trace(&made, i, 100 * (t + 1) + (uint32_t)k);
                    assert_string_equal(turn->text, made.text);
                    assert_int_equal(turn->finish, made.trace.finish);
                    assert_int_equal(turn->n_tokens, made.trace.n_tokens);
                    assert_int_equal(turn->n_forced, k);
                    assert_int_equal(turn->forced_begin, k);
                    assert_true(turn->metrics[SC_METRIC_MEAN] ==
                                made.trace.metrics[SC_METRIC_MEAN]);
                    assert_int_equal(turn->ids != NULL, tokens);
                    if (tokens)
                        assert_memory_equal(turn->stats, made.stats,
                                            turn->n_tokens * sizeof *turn->stats);
                }
            }
        }
        sc_run_free(&run);
    }
    rig_free(&f);
}

static void turns_of_a_trace_that_was_removed_are_replaced(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    rig_make(&f);
    struct sc_store *store = open_store(&f);
    assert_int_equal(put(store, 0, 0, 3), SC_OK);
    assert_int_equal(put(store, 1, 0, 2), SC_OK);
    sc_store_close(store);
    alter(&f, "DELETE FROM trace WHERE instance = 0");
    assert_int_equal(sc_run_load(f.folder, true, &run, NULL), SC_OK);
    assert_int_equal(run.instances[0].n_traces, 0);
    assert_int_equal(run.instances[1].traces[0].n_turns, 2);
    sc_run_free(&run);
    store = open_store(&f);
    assert_int_equal(put(store, 0, 0, 1), SC_OK);
    sc_store_close(store);
    assert_int_equal(sc_run_load(f.folder, true, &run, NULL), SC_OK);
    assert_int_equal(run.instances[0].traces[0].n_turns, 1);
    sc_run_free(&run);
    rig_free(&f);
}

static void damage_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE instance SET messages = '[' WHERE position = 1", "instance 1: conversation"},
        {"UPDATE instance SET messages = '[]' WHERE position = 0",
         "instance 0: messages: expected"},
        {"UPDATE instance SET messages = '[{\"role\":\"tool\",\"content\":\"\"}]'",
         "instance 0: conversation: turn 0"},
        {"UPDATE instance SET messages = '[{\"role\":\"assistant\",\"content\":\"\"}]'",
         "expected the user's turn as the last one"},
        {"UPDATE instance SET prefill = 'other' WHERE position = 2", "instances: expected 3"},
        {"UPDATE instance SET line = -1", "line"},
        {"UPDATE trace SET n_forced = NULL", "n_forced"},
        {"UPDATE trace SET n_forced = 0", "n_forced"},
        {"UPDATE trace SET forced_begin = n_tokens", "forced_begin"},
        {"UPDATE turn SET turn = 7 WHERE turn = 1", "turn 1 of instance 0 trace 0: turn"},
        {"UPDATE turn SET finish = 'failed'", "turn 0 of instance 0 trace 0: failure"},
        {"UPDATE turn SET ids = x'00'", "turn 0 of instance 0 trace 0: ids"},
        {"UPDATE turn SET instance = -1", "instance"},
        {"DROP TABLE turn", "table turn: expected that of a run, found none"},
        {"PRAGMA user_version = 3", "table configuration: expected that of a run"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_fixture f;
        struct sc_run run;
        struct sc_error error = {0};
        rig_make(&f);
        struct sc_store *store = open_store(&f);
        assert_int_equal(put(store, 0, 0, 2), SC_OK);
        sc_store_close(store);
        alter(&f, cases[i].sql);
        if (sc_run_load(f.folder, true, &run, &error) == SC_OK)
            fail_msg("%s was taken", cases[i].sql);
        if (strstr(error.text, cases[i].words) == NULL)
            fail_msg("expected \"%s\" in \"%s\"", cases[i].words, error.text);
        rig_free(&f);
    }
}

static void every_failure_of_memory_leaves_the_file_whole(void **state)
{
    (void)state;
    struct run_fixture f;
    struct sc_run run;
    rig_make(&f);
    struct sc_store *store = open_store(&f);
    enum sc_status status = SC_ERR_NOMEM;
    for (size_t k = 0; status != SC_OK; k++) {
        sc_memory_fail_at(k);
        status = put(store, 0, 0, 3);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
    }
    sc_store_close(store);
    status = SC_ERR_NOMEM;
    for (size_t k = 0; status != SC_OK; k++) {
        sc_memory_fail_at(k);
        status = sc_run_load(f.folder, true, &run, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
    }
    assert_int_equal(run.instances[0].traces[0].n_turns, 3);
    sc_run_free(&run);
    rig_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_comes_back),
        cmocka_unit_test(a_key_of_instances_covers_all_that_is_sent),
        cmocka_unit_test(earlier_answers_come_back_with_their_trace),
        cmocka_unit_test(turns_of_a_trace_that_was_removed_are_replaced),
        cmocka_unit_test(damage_is_refused_with_its_place),
        cmocka_unit_test(every_failure_of_memory_leaves_the_file_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
