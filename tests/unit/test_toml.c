/* TOML: against Python's tomllib (golden/toml.json), and what is refused beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/toml.h"

static enum sc_status parse(const char *text, json_t **out, struct sc_error *error)
{
    return sc_toml_parse(text, strlen(text), "test", out, error);
}

static void texts_mean_what_tomllib_makes_of_them(void **state)
{
    (void)state;
    json_t *golden = NULL, *one;
    size_t i, n_good = 0;
    assert_int_equal(sc_json_read(TEST_GOLDEN "/toml.json", 1 << 20, &golden, NULL), SC_OK);
    json_array_foreach(json_object_get(golden, "cases"), i, one)
    {
        const char *toml = json_string_value(json_object_get(one, "toml"));
        const json_t *expected = json_object_get(one, "json");
        json_t *value = NULL;
        struct sc_error error = {0};
        enum sc_status status = parse(toml, &value, &error);
        bool same = json_is_null(expected) ? status == SC_ERR_FORMAT && value == NULL
                                           : status == SC_OK && json_equal(value, expected);
        if (!same)
            fail_msg("case %zu: %s\n%s", i, toml, status == SC_OK ? "accepted" : error.text);
        n_good += status == SC_OK;
        json_decref(value);
    }
    assert_true(n_good > 150 && i > 300);
    json_decref(golden);
}

static void an_error_has_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *toml, *error;
    } cases[] = {
        {"a = 1\nb = \xc3\xa9 x", "test: line 2, column 5: expected a value, found \"\xc3\xa9\""},
        {"a = 'x' 'y'", "test: line 1, column 9: expected the end of the line, found \"'\""},
        {"[a]\nb.c = 1\nb.c = 2", "test: line 3, column 1: \"b.c\" is given twice"},
        {"a = {}\n[a.b]", "test: line 2, column 2: \"a\" is a value, and nothing can be added"},
        {"a = [1", "test: line 1, column 7: expected , or ], found the end of the file"},
        {"a\n", "test: line 1, column 2: expected = behind the key, found the end of the line"},
        {"model = demo", "test: line 1, column 9: expected true, false, a number or a text in "
                         "quotes, found \"demo\""},
        {"a = 010", "test: line 1, column 5: expected a number (64 bits at most, no leading zero, "
                    "_ only between digits; texts stand in quotes), found \"010\""},
        {"a = \"\\d\"", "test: line 1, column 6: unknown escape (a backslash is written \"\\\\\", "
                        "or the text in 'single quotes')"},
        {"x = \"\\u0000\"", "test: line 1, column 6: a text holds U+0000"},
        {"\xef\xbb\xbfx = ]", "test: line 1, column 5: expected a value, found \"]\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = NULL;
        struct sc_error error = {0};
        assert_int_equal(parse(cases[i].toml, &value, &error), SC_ERR_FORMAT);
        assert_string_equal(error.text, cases[i].error);
    }
}

static void bytes_that_are_no_text_are_refused_where_they_stand(void **state)
{
    (void)state;
    json_t *value = NULL;
    struct sc_error error = {0};
    assert_int_equal(sc_toml_parse("a = 1\0", 6, "test", &value, &error), SC_ERR_FORMAT);
    assert_string_equal(error.text, "test: line 1, column 6: expected text, found a byte 0");
    error = (struct sc_error){0};
    assert_int_equal(parse("a = 1\nb = '\xff'", &value, &error), SC_ERR_FORMAT);
    assert_string_equal(error.text, "test: line 2, column 6: is not valid UTF-8");
}

static void a_mark_of_byte_order_is_passed_over(void **state)
{
    (void)state;
    json_t *value = NULL;
    assert_int_equal(parse("\xef\xbb\xbf"
                           "a = 1",
                           &value, NULL),
                     SC_OK);
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
}

static void fill(char *text, const char *piece, size_t n)
{
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(text, piece);
}

static void what_is_nested_too_deep_is_refused(void **state)
{
    (void)state;
    char text[1000], deep[500];
    for (size_t n = SC_TOML_MOST_DEPTH; n <= SC_TOML_MOST_DEPTH + 1; n++) {
        json_t *value = NULL;
        enum sc_status expected = n <= SC_TOML_MOST_DEPTH ? SC_OK : SC_ERR_FORMAT;
        fill(deep, "[", n);
        snprintf(text, sizeof text, "a = %s", deep);
        fill(deep, "]", n);
        strcat(text, deep);
        assert_int_equal(parse(text, &value, NULL), expected);
        json_decref(value);
        fill(deep, "b.", n - 1);
        snprintf(text, sizeof text, "[%sb]", deep);
        assert_int_equal(parse(text, &value, NULL), expected);
        json_decref(value);
    }
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    static const char source[] = "a.b = [1, {x = \"y\"}]\n[t.u]\nd = 07:00:00\n[[l]]\nm = '''n'''\n"
                                 "[[l]]\n";
    for (size_t n = 0;; n++) {
        json_t *value = NULL;
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status = parse(source, &value, &error);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (!reached) {
            assert_int_equal(status, SC_OK);
            json_decref(value);
            assert_true(n > 30);
            return;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
        assert_null(value);
        assert_true(error.text[0] != '\0');
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    json_t *value = NULL;
    struct sc_error error = {0};
    assert_int_equal(sc_toml_read("/nowhere/suite.toml", 1 << 20, &value, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "/nowhere/suite.toml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_mean_what_tomllib_makes_of_them),
        cmocka_unit_test(an_error_has_line_and_column),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_where_they_stand),
        cmocka_unit_test(a_mark_of_byte_order_is_passed_over),
        cmocka_unit_test(what_is_nested_too_deep_is_refused),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
