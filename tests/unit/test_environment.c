/* What this process gives on and what it is told: variables with keys, and why SQLite failed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/keys.h"
#include "base/memory.h"
#include "base/sqlite_reason.h"

/* By the ends of names, however they are written; what a value says is no matter. */
static void variables_with_keys_are_known_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *setting;
        bool key;
    } cases[] = {{"OPENAI_API_KEY=x", true},
                 {"hf_token=x", true},
                 {"CLIENT_SECRET=x", true},
                 {"DbPassword=x", true},
                 {"TOKEN", true},
                 {"KEY=", true},
                 {"KEYBOARD=us", false},
                 {"PATH=/KEY", false},
                 {"TOKENS=3", false},
                 {"EY=x", false},
                 {"X=MY_KEY", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (sc_is_key_variable(cases[i].setting) != cases[i].key)
            fail_msg("%s", cases[i].setting);
    setenv("safeconf_test_secret", "x", 1);
    setenv("SAFECONF_TEST_PLAIN", "x", 1);
    char **kept = sc_environment_without_keys();
    bool plain = false;
    assert_non_null(kept);
    for (size_t i = 0; kept[i] != NULL; i++) {
        assert_false(sc_is_key_variable(kept[i]));
        plain = plain || strcmp(kept[i], "SAFECONF_TEST_PLAIN=x") == 0;
    }
    assert_true(plain);
    sc_free(kept);
    unsetenv("safeconf_test_secret");
    unsetenv("SAFECONF_TEST_PLAIN");
}

typedef int open_call(const char *path, int flags, int mode);

/* SQLite tries otherwise when a call fails, and what comes of that is not the reason. */
static void the_first_reason_of_sqlite_is_kept(void **state)
{
    (void)state;
    sqlite3_vfs *files = sqlite3_vfs_find(NULL);
    assert_non_null(files);
    open_call *open_file = (open_call *)files->xGetSystemCall(files, "open");
    sc_sqlite_reason();
    assert_true(open_file("/nowhere/at/all", O_RDONLY, 0) <
                0); /* what is not there is no failure */
    assert_int_equal(sc_sqlite_reason(), 0);
    assert_true(open_file("/proc/self/status/x", O_RDONLY, 0) < 0);
    assert_true(open_file("/", O_RDWR, 0) < 0);
    assert_int_equal(sc_sqlite_reason(), ENOTDIR);
    assert_int_equal(sc_sqlite_reason(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_with_keys_are_known_by_their_names),
        cmocka_unit_test(the_first_reason_of_sqlite_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
