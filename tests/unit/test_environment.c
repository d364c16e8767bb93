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
                 {"DB_PASSWD=x", true},
                 {"ssh_passphrase=x", true},
                 {"CLOUD_CREDENTIALS=x", true},
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

/* What a person gave in the wrong place may be a key, and is not said again. */
static void what_may_be_a_secret_is_not_shown(void **state)
{
    (void)state;
    static const struct {
        const char *given, *shown;
    } urls[] = {{"http://host:8000/v1", "http://host:8000/v1"},
                {"http://u:secret@host/v1", "http://...@host/v1"},
                {"http://u:se@cr?et@host/v1?key=secret", "http://...@host/v1?..."},
                {"u:secret@host", "...@host"},
                {"host/v1#secret", "host/v1?..."},
                {"ftp://u@host?a://b", "ftp://...@host?..."},
                {"@", "...@"},
                {"", ""}};
    static char longest[5000];
    char shown[SC_LONGEST_SHOWN_URL];
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_string_equal(sc_url_shown(urls[i].given, shown), urls[i].shown);
    memset(longest, 'x', sizeof longest - 1);
    assert_true(strlen(sc_url_shown(longest, shown)) < sizeof shown);
    memcpy(longest + 2000, "://", 3);
    longest[3000] = '@';
    longest[4000] = '?';
    assert_true(strlen(sc_url_shown(longest, shown)) < sizeof shown);
    assert_string_equal(sc_name_shown("owner/model@main", shown), "owner/model@main");
    assert_string_equal(sc_name_shown("https://t:secret@hub/a/b", shown), "https://...@hub/a/b");
    assert_string_equal(sc_key_variable_shown("MY_KEY_2"), "MY_KEY_2");
    static const char *const keys[] = {"sk-0123456789", "hf_abcDEF", "AKIAIOSFODNN7EXAMPLE", ""};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_string_not_equal(sc_key_variable_shown(keys[i]), keys[i]);
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
        cmocka_unit_test(what_may_be_a_secret_is_not_shown),
        cmocka_unit_test(the_first_reason_of_sqlite_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
