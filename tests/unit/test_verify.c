/* Which folders are verified, and that one that is wrong is enough. */
#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/verify/folders.h"
#include "report/verify/verify.h"
#include "run_fixture.h"

static char root[] = "/tmp/safeconf-test-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) == NULL;
}

static int drop_root(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void make_folder(const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
}

/* A folder with what passes for a run where nobody opens it. */
static void make_run(const char *name)
{
    char path[200];
    make_folder(name);
    snprintf(path, sizeof path, "%s/%s/run.db", root, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fclose(file);
}

static void expect_folders(const char *const *names, size_t n)
{
    struct sc_folders folders = {0};
    struct sc_error error = {0};
    assert_int_equal(sc_folders_find(&folders, root, &error), SC_OK);
    for (size_t i = 0; i < folders.n && i < n; i++)
        assert_string_equal(folders.paths[i] + strlen(root) + 1, names[i]);
    assert_int_equal(folders.n, n);
    sc_folders_free(&folders);
}

/* Not a link, which may lead anywhere; not a merge under way, nor what is hidden. */
static void folders_of_runs_are_found_in_the_order_of_their_names(void **state)
{
    static const char *const expected[] = {"a", "a/shard", "b/one/two/run"};
    char elsewhere[200], link[200];
    struct sc_folders folders = {0};
    struct sc_error error = {0};
    (void)state;
    assert_int_equal(sc_folders_find(&folders, root, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "found no run.db"));
    sc_folders_free(&folders);
    make_folder("b");
    make_folder("b/one");
    make_folder("b/one/two");
    make_run("b/one/two/run");
    make_run("b/one/two/run/deeper");
    make_run("a");
    make_run("a/shard");
    make_run("a/merging");
    make_run("a/.hidden");
    snprintf(elsewhere, sizeof elsewhere, "%s/a", root);
    snprintf(link, sizeof link, "%s/link", root);
    assert_int_equal(symlink(elsewhere, link), 0);
    expect_folders(expected, sizeof expected / sizeof *expected);
}

static void damage(const char *folder)
{
    char path[100];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/run.db", folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE trace SET mean = mean + 1", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
}

/* Two runs, of which the first, the second, both or none are damaged. */
static void one_run_that_is_wrong_is_enough(void **state)
{
    (void)state;
    for (int damaged = 0; damaged < 4; damaged++) {
        const struct sc_verify_options options = {0};
        struct sc_verification found;
        struct sc_error error = {0};
        make_root(NULL);
        for (int r = 0; r < 2; r++) {
            struct run_fixture f;
            char path[100];
            assert_int_equal(fixture_make(&f, 3), 0);
            assert_int_equal(fixture_write(&f, false, NULL), SC_OK);
            if (damaged >> r & 1)
                damage(f.folder);
            snprintf(path, sizeof path, "%s/%d", root, r);
            char command[250];
            snprintf(command, sizeof command, "mv %s %s", f.folder, path);
            assert_int_equal(system(command), 0);
            sc_free(f.config);
        }
        if (sc_verify(root, &options, &found, &error) != SC_OK)
            fail_msg("%s", error.text);
        assert_int_equal(found.n, 2);
        assert_int_equal(found.whole, damaged == 0);
        for (int r = 0; r < 2; r++) {
            assert_int_equal(found.runs[r].checks[SC_CHECK_KEYS].result,
                             damaged >> r & 1 ? SC_CHECK_WRONG : SC_CHECK_OK);
            assert_true((found.runs[r].mends != NULL) == (damaged >> r & 1));
        }
        sc_verification_free(&found);
        drop_root(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folders_of_runs_are_found_in_the_order_of_their_names,
                                        make_root, drop_root),
        cmocka_unit_test(one_run_that_is_wrong_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
