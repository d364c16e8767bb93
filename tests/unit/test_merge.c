/* Shards and merging from within: which shard a prompt belongs to, the configuration of a part,
 * tables that merge knows, and memory that runs out.  The program from outside:
 * tests/cli/test_cli_shards.py. */
#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "experiment/merge/merge.h"
#include "experiment/run/shard.h"
#include "experiment/store/config_shard.h"
#include "experiment/store/database.h"
#include "experiment/store/tables.h"
#include "row_keys.h"
#include "run_fixture.h"

/* ---- tables ---------------------------------------------------------------------------------- */

/* Reads the name behind CREATE TABLE in a source; false when there is none. */
static bool next_table(const char **text, char *name, size_t size)
{
    const char *at = strstr(*text, "CREATE TABLE ");
    if (at == NULL)
        return false;
    at += strlen("CREATE TABLE ");
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    assert_true(n > 0 && n < size);
    memcpy(name, at, n);
    name[n] = '\0';
    *text = at + n;
    return true;
}

/* Whoever adds a table to run.db says in merge/rows.c what its rows belong to. */
static void every_table_that_is_made_anywhere_is_known_to_merge(void **state)
{
    (void)state;
    static const char folder[] = TEST_GOLDEN "/../../src/experiment/store";
    size_t n_tables = 0;
    DIR *files = opendir(folder);
    if (files == NULL)
        skip();
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        char path[600], *text = NULL, name[64];
        size_t n = 0;
        if (strcmp(file->d_name + strlen(file->d_name) - 2, ".c") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        assert_int_equal(sc_file_read(path, 1 << 20, &text, &n, NULL), SC_OK);
        for (const char *at = text; next_table(&at, name, sizeof name); n_tables++)
            if (strncmp(name, "sqlite_", 7) != 0 && !sc_merge_knows_table(name))
                fail_msg("%s: table %s is not in merge/rows.c", path, name);
        sc_free(text);
    }
    closedir(files);
    assert_true(n_tables >= 19);
    assert_false(sc_merge_knows_table("another"));
    assert_null(sc_table_made_of("another"));
    assert_non_null(strstr(sc_table_made_of("judge_score")->sql, "CREATE TABLE judge_score"));
}

/* ---- which shard ----------------------------------------------------------------------------- */

static void the_shard_of_an_id_is_the_same_for_ever(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        size_t of_4, of_1000;
    } known[] = {/* XXH3-64 by Python's xxhash, which is not ours */
                 {"toxicchat_test_0", 4, 148},
                 {"synthetic_0001", 3, 191},
                 {"", 3, 139},
                 {"\xc3\xa9", 4, 796}};
    size_t n[7] = {0};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(sc_shard_of(known[i].id, 1), 1);
        assert_int_equal(sc_shard_of(known[i].id, 4), known[i].of_4);
        assert_int_equal(sc_shard_of(known[i].id, 1000), known[i].of_1000);
    }
    for (int i = 0; i < 7000; i++) {
        char id[32];
        snprintf(id, sizeof id, "toxicchat_test_%d", i);
        size_t shard = sc_shard_of(id, 7);
        assert_in_range(shard, 1, 7);
        n[shard - 1]++;
    }
    for (size_t i = 0; i < 7; i++)
        assert_in_range(n[i], 850, 1150);
}

/* ---- the configuration of a part ------------------------------------------------------------- */

static void the_configuration_of_a_part_is_that_of_the_whole_and_one_field(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":\",\\\"shard\\\":{}\",\"b\":0.59999999999999998}";
    static const char expected[] =
        "{\"a\":\",\\\"shard\\\":{}\",\"b\":0.59999999999999998,\"shard\":{\"of\":4,\"parts\":[1,3]"
        ",\"n_instances\":7,\"instances\":\"0123456789abcdef\"}}";
    size_t parts[] = {1, 3};
    const struct sc_run_shard shard = {
        .of = 4, .parts = parts, .n_parts = 2, .n_instances = 7, .instances = "0123456789abcdef"};
    struct sc_run_shard read;
    char *json = NULL, *again = NULL;
    assert_int_equal(sc_config_add_shard(whole, &shard, &json, NULL), SC_OK);
    assert_string_equal(json, expected);
    assert_int_equal(sc_config_split_shard(json, &again, &read, NULL), SC_OK);
    assert_string_equal(again, whole);
    assert_int_equal(read.of, 4);
    assert_int_equal(read.n_parts, 2);
    assert_int_equal(read.parts[1], 3);
    assert_int_equal(read.n_instances, 7);
    assert_string_equal(read.instances, "0123456789abcdef");
    sc_run_shard_free(&read);
    sc_free(again);
    assert_int_equal(sc_config_split_shard(whole, &again, &read, NULL), SC_OK);
    assert_null(again);
    assert_int_equal(read.of, 0);
    sc_free(json);
}

static void what_was_not_written_so_is_refused(void **state)
{
    (void)state;
#define SHARD(of, parts, n, hash)                                                                  \
    "{\"a\":1,\"shard\":{\"of\":" of ",\"parts\":" parts ",\"n_instances\":" n                     \
    ",\"instances\":" hash "}}"
    static const char *const bad[] = {SHARD("0", "[1]", "1", "\"0123456789abcdef\""),
                                      SHARD("1000001", "[1]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[0]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[5]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[2,2]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[3,2]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[\"1\"]", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "{}", "1", "\"0123456789abcdef\""),
                                      SHARD("4", "[1]", "-1", "\"0123456789abcdef\""),
                                      SHARD("4", "[1]", "1", "\"0123456789abcde\""),
                                      SHARD("4", "[1]", "1", "7"),
                                      SHARD("4", "[1]", "1", "\"0123456789abcdef\",\"more\":1"),
                                      SHARD("4.0", "[1]", "1", "\"0123456789abcdef\""),
                                      "{\"shard\":{\"of\":4,\"parts\":[1],\"n_instances\":1,"
                                      "\"instances\":\"0123456789abcdef\"}}",
                                      "{\"a\":1,\"shard\":1}",
                                      "{\"a\":1,\"shard\":null}",
                                      "{\"a\":1,\"shard\" :{\"of\":4,\"parts\":[1],"
                                      "\"n_instances\":1,\"instances\":\"0123456789abcdef\"}}",
                                      "{",
                                      ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sc_run_shard shard;
        struct sc_error error = {0};
        char *whole = NULL;
        if (sc_config_split_shard(bad[i], &whole, &shard, &error) == SC_OK)
            fail_msg("%s", bad[i]);
        assert_null(whole);
        assert_null(shard.parts);
        assert_true(error.text[0] != '\0');
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct rig {
    char folder[64], shards[2][80], merged[80];
    const char *folders[2];
    struct sc_merge_options options;
};

static void make_shard(struct rig *rig, size_t number)
{
    struct sc_policy policy = sc_policy_default();
    struct sc_error error = {0};
    struct sc_run_options options = sc_run_options_default();
    policy.kind = SC_POLICY_SINGLE;
    char folder[64];
    strcpy(folder, rig->folder);
    snprintf(rig->shards[number], sizeof rig->shards[number], "%s/%zu", folder, number + 1);
    rig->folders[number] = rig->shards[number];
    options.model = TEST_MODELS "/demo";
    options.policies = &policy;
    options.n_policies = 1;
    options.benchmark.n_instances = 4;
    options.max_new_tokens = 4;
    options.n_threads = 1;
    options.out = rig->shards[number];
    options.shard = number + 1;
    options.n_shards = 2;
    if (sc_run_execute(&options, NULL, NULL, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static int make_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    *state = rig;
    strcpy(rig->folder, "/tmp/safeconf-test-XXXXXX");
    if (mkdtemp(rig->folder) == NULL)
        return -1;
    char folder[64];
    strcpy(folder, rig->folder);
    snprintf(rig->merged, sizeof rig->merged, "%s/merged", folder);
    rig->options = sc_merge_options_default();
    rig->options.out = rig->merged;
    rig->options.folders = rig->folders;
    rig->options.n_folders = 2;
    return 0;
}

static int free_rig(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < 2; i++)
        fixture_remove_folder(rig->shards[i]);
    fixture_remove_folder(rig->merged);
    fixture_remove_folder(rig->folder);
    free(rig);
    return 0;
}

static void check_merged(const struct rig *rig)
{
    struct sc_run run;
    struct sc_error error = {0};
    if (sc_run_load(rig->merged, true, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(run.n_instances, 4);
    assert_int_equal(run.shard.of, 0);
    sc_run_free(&run);
}

static void memory_that_runs_out_anywhere_leaves_nothing_half_made(void **state)
{
    struct rig *rig = *state;
    char made[100], place[100];
    size_t n = 0;
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
    make_shard(rig, 0);
    make_shard(rig, 1);
    snprintf(made, sizeof made, "%s/run.db", rig->merged);
    snprintf(place, sizeof place, "%s/merging", rig->merged);
    for (bool reached = true; reached; n += n < 200 ? 1 : 3) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status = sc_merge(&rig->options, NULL, NULL, &error);
        reached = sc_memory_failed();
        sc_memory_fail_at(SIZE_MAX);
        assert_false(sc_is_folder(place));
        if (status != SC_OK && status != SC_ERR_NOMEM)
            fail_msg("allocation %zu: %s: %s", n, sc_status_text(status), error.text);
        if (status == SC_OK || sc_file_exists(made)) { /* in place, and not known to be on disk */
            check_merged(rig);
            assert_int_equal(unlink(made), 0);
        }
    }
    assert_true(n > 50);
}

/* ---- what the library says ------------------------------------------------------------------- */

static bool never(void *context)
{
    (void)context;
    return false;
}

static void a_merge_says_what_it_made_and_can_be_interrupted(void **state)
{
    struct rig *rig = *state;
    struct sc_error error = {0};
    struct sc_merge_summary summary;
    const struct sc_merge_observer observer = {.keep_going = never};
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
    make_shard(rig, 0);
    make_shard(rig, 1);
    assert_int_equal(sc_merge(&rig->options, &observer, NULL, &error), SC_ERR_INTERRUPTED);
    assert_false(sc_file_exists(rig->merged));
    rig->options.n_folders = 1;
    error = (struct sc_error){0};
    assert_int_equal(sc_merge(&rig->options, NULL, &summary, &error), SC_ERR_CONFLICT);
    assert_string_equal(summary.missing, "shard 2/2 is missing");
    rig->options.partial = true;
    error = (struct sc_error){0};
    assert_int_equal(sc_merge(&rig->options, NULL, &summary, &error), SC_OK);
    assert_int_equal(summary.n_parts_missing, 1);
    rig->options.n_folders = 2;
    assert_int_equal(sc_merge(&rig->options, NULL, &summary, &error), SC_OK);
    assert_int_equal(summary.n_parts, 2);
    assert_int_equal(summary.n_parts_missing, 0);
    assert_int_equal(summary.n_instances, 4);
    assert_int_equal(summary.n_instances_done, 4);
    assert_int_equal(summary.n_traces, 4);
    assert_int_equal(summary.n_unjudged, 0);
    assert_string_equal(summary.failures, "");
    assert_string_equal(summary.missing, "");
}

/* Another run comes to the folder of the second shard as soon as the first is copied. */
static void replace_second(void *context, size_t n_done, size_t n_folders)
{
    const struct rig *rig = context;
    char path[100];
    sqlite3 *db;
    assert_int_equal(n_folders, 2);
    snprintf(path, sizeof path, "%s/run.db", rig->shards[1]);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (n_done == 1) {
        assert_int_equal(
            sqlite3_exec(db, "UPDATE configuration SET json = json || ' '", NULL, NULL, NULL),
            SQLITE_OK);
        renew_row_keys(db);
    }
    sqlite3_close(db);
}

static void a_shard_that_is_replaced_meanwhile_is_not_merged(void **state)
{
    struct rig *rig = *state;
    struct sc_error error = {0};
    const struct sc_merge_observer observer = {.context = rig, .copied = replace_second};
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
    make_shard(rig, 0);
    make_shard(rig, 1);
    assert_int_equal(sc_merge(&rig->options, &observer, NULL, &error), SC_ERR_CONFLICT);
    assert_non_null(strstr(error.text, "replaced while it was being merged"));
}

static void keep_file(const char *folder, const char *name, char **bytes, size_t *n)
{
    char *path = sc_path_join(folder, name);
    assert_int_equal(sc_file_read(path, 1 << 26, bytes, n, NULL), SC_OK);
    sc_free(path);
}

static void put_file(const char *folder, const char *name, char *bytes, size_t n)
{
    char *path = sc_path_join(folder, name);
    assert_int_equal(sc_file_write(path, bytes, n, NULL), SC_OK);
    sc_free(path);
    sc_free(bytes);
}

/* The merged run as a process leaves it that is killed before its log is brought in. */
static void leave_log(const struct rig *rig)
{
    struct sc_store *store = NULL;
    char *file = NULL, *log = NULL;
    size_t n_file = 0, n_log = 0;
    assert_int_equal(sc_store_open_existing(&store, rig->merged, NULL), SC_OK);
    assert_int_equal(sc_store_exec(store, "DELETE FROM decision", "write", NULL), SC_OK);
    keep_file(rig->merged, "run.db", &file, &n_file);
    keep_file(rig->merged, "run.db-wal", &log, &n_log);
    sc_store_close(store);
    put_file(rig->merged, "run.db", file, n_file);
    put_file(rig->merged, "run.db-wal", log, n_log);
}

/* It would be read into the file that takes the old one's place. */
static void a_log_that_is_left_goes_with_the_run_that_is_replaced(void **state)
{
    struct rig *rig = *state;
    struct sc_run run;
    struct sc_error error = {0};
    char log[100];
    if (!sc_is_folder(TEST_MODELS "/demo"))
        skip();
    make_shard(rig, 0);
    make_shard(rig, 1);
    rig->options.n_folders = 1;
    rig->options.partial = true;
    assert_int_equal(sc_merge(&rig->options, NULL, NULL, &error), SC_OK);
    leave_log(rig);
    rig->options.n_folders = 2;
    if (sc_merge(&rig->options, NULL, NULL, &error) != SC_OK)
        fail_msg("%s", error.text);
    snprintf(log, sizeof log, "%s/run.db-wal", rig->merged);
    assert_false(sc_file_exists(log));
    if (sc_run_load(rig->merged, true, &run, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(run.n_instances, 4);
    assert_non_null(run.instances[3].decisions);
    sc_run_free(&run);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    struct sc_merge_options options = sc_merge_options_default();
    struct sc_error error = {0};
    const char *nowhere = "/tmp/safeconf-test-nowhere";
    assert_int_equal(sc_merge(NULL, NULL, NULL, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_merge(&(struct sc_merge_options){0}, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_merge(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options.out = nowhere;
    assert_int_equal(sc_merge(&options, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    options.folders = &nowhere;
    options.n_folders = 1;
    assert_int_equal(sc_merge(&options, NULL, NULL, NULL), SC_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_that_is_made_anywhere_is_known_to_merge),
        cmocka_unit_test(the_shard_of_an_id_is_the_same_for_ever),
        cmocka_unit_test(the_configuration_of_a_part_is_that_of_the_whole_and_one_field),
        cmocka_unit_test(what_was_not_written_so_is_refused),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_anywhere_leaves_nothing_half_made,
                                        make_rig, free_rig),
        cmocka_unit_test_setup_teardown(a_shard_that_is_replaced_meanwhile_is_not_merged, make_rig,
                                        free_rig),
        cmocka_unit_test_setup_teardown(a_merge_says_what_it_made_and_can_be_interrupted, make_rig,
                                        free_rig),
        cmocka_unit_test_setup_teardown(a_log_that_is_left_goes_with_the_run_that_is_replaced,
                                        make_rig, free_rig),
        cmocka_unit_test(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
