/* JSON: reading with typed fields, and writing as it goes. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"

static void fields_of_the_wrong_kind_or_size_are_named(void **state)
{
    (void)state;
    struct sc_error error = {0};
    json_t *object;
    static const char source[] = "{\"n\":3,\"x\":0.5,\"b\":true,\"s\":\"t\",\"big\":1e10}";
    assert_int_equal(sc_json_parse(source, sizeof source - 1, "test", &object, &error), SC_OK);
    int64_t n, fallback = 7;
    double x;
    bool b;
    assert_int_equal(sc_json_int(object, "n", (struct sc_json_ints){0, 5}, NULL, &n, &error),
                     SC_OK);
    assert_int_equal(n, 3);
    assert_int_equal(
        sc_json_int(object, "absent", (struct sc_json_ints){0, 5}, &fallback, &n, &error), SC_OK);
    assert_int_equal(n, 7);
    assert_int_equal(sc_json_int(object, "n", (struct sc_json_ints){4, 5}, NULL, &n, &error),
                     SC_ERR_FORMAT);
    assert_string_equal(error.text, "\"n\": expected 4 to 5, found 3");
    assert_int_equal(sc_json_int(object, "s", (struct sc_json_ints){4, 5}, NULL, &n, NULL),
                     SC_ERR_FORMAT);
    assert_int_equal(sc_json_int(object, "absent", (struct sc_json_ints){4, 5}, NULL, &n, NULL),
                     SC_ERR_FORMAT);
    assert_int_equal(sc_json_real(object, "x", (struct sc_json_reals){0, 1}, NULL, &x, NULL),
                     SC_OK);
    assert_int_equal(sc_json_real(object, "big", (struct sc_json_reals){0, 1}, NULL, &x, NULL),
                     SC_ERR_FORMAT);
    assert_int_equal(sc_json_bool(object, "b", NULL, &b, NULL), SC_OK);
    assert_int_equal(sc_json_bool(object, "n", NULL, &b, NULL), SC_ERR_FORMAT);
    struct sc_text text = {0};
    sc_json_write(&text, object);
    assert_string_equal(text.data,
                        "{\"n\":3,\"x\":0.5,\"b\":true,\"s\":\"t\",\"big\":10000000000.0}");
    sc_text_free(&text);
    json_decref(object);
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "[1] 2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sc_json_parse(bad[i], strlen(bad[i]), "bad", &object, NULL),
                         SC_ERR_FORMAT);
}

/* Whichever allocation fails, a parse says that memory ran out; it never returns less than was
 * there. */
/* A list of n times `item`, as text; sc_free it. */
static char *list_of(const char *item, size_t n)
{
    struct sc_text text = {0};
    sc_text_puts(&text, "[1");
    for (size_t i = 0; i < n; i++)
        sc_text_printf(&text, ",%s", item);
    sc_text_putc(&text, ']');
    return sc_text_take(&text);
}

/* Values take up to a hundred times their text. */
static void text_whose_values_take_much_memory_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        size_t n;
        bool parsed;
    } cases[] = {
        {"1", 1000000, true},
        {"{}", 500000, true},
        {"{}", 1000000, false},
        {"[]", 1500000, false},
        {"{\"a\":1}", 1000000, false},
        {"\"\"", 3000000, false},
        {"\"{,[:\\\",[{\"", 500000, true}, /* within a text these are nothing */
        {"\"{,[:\\\",[{\",[]", 1500000, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_error error = {0};
        json_t *value = NULL;
        char *text = list_of(cases[i].item, cases[i].n);
        enum sc_status status = sc_json_parse(text, strlen(text), "test", &value, &error);
        assert_int_equal(status, cases[i].parsed ? SC_OK : SC_ERR_LIMIT);
        if (!cases[i].parsed)
            assert_non_null(strstr(error.text, "test: expected JSON whose values take at most "));
        json_decref(value);
        sc_free(text);
    }
}

static void a_parse_says_when_memory_is_lost(void **state)
{
    (void)state;
    static const char source[] = "{\"key\":[\"a long enough string to need memory of its own\",1.5,"
                                 "{\"deeper\":\"x\\u00e9\"}]}";
    json_t *value;
    for (size_t n = 0;; n++) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status = sc_json_parse(source, sizeof source - 1, "test", &value, &error);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        if (!reached) {
            assert_int_equal(status, SC_OK);
            json_decref(value);
            assert_true(n > 5);
            return;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
        assert_null(value);
    }
}

/* Strings and numbers of every length, so that what collects one is full at each of its bytes, the
 * last included: there jansson asserts, or writes beyond the end, where memory is lost. */
static void a_token_that_cannot_grow_ends_the_parse(void **state)
{
    (void)state;
    static const char *const shapes[] = {"[\"%.*s\",\"next\"]", "[%.*s,7]", "[0.%.*se3]", "%.*s x",
                                         "{\"%.*s\":1}"};
    static const char digits[] = "1234567890123456789012345678901234567890123456789012345678901234"
                                 "12345678901234567890";
    char source[256];
    json_t *value;
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
        for (int length = 1; length < (int)sizeof digits; length++) {
            int n = snprintf(source, sizeof source, shapes[shape], length, digits);
            bool reached = true;
            for (size_t k = 0; reached; k++) {
                struct sc_error error = {0};
                sc_memory_fail_at(k);
                enum sc_status status =
                    sc_json_parse_any(source, (size_t)n, "test", &value, &error);
                reached = sc_memory_count() > k;
                sc_memory_fail_at(SIZE_MAX);
                assert_int_equal(status == SC_ERR_NOMEM, reached);
                json_decref(value);
            }
        }
}

static void a_number_is_the_shortest_text_that_reads_back_the_same(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},  {1.0 / 3, "0.3333333333333333"},
                 {NAN, "null"}, {INFINITY, "null"},
                 {-0.0, "-0"},  {1e300, "1e+300"},
                 {12, "12"},    {5e-324, "4.94065645841247e-324"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_text text = {0};
        sc_text_add_json_number(&text, cases[i].value);
        assert_string_equal(text.data, cases[i].text);
        sc_text_free(&text);
    }
}

static void json_in_a_script_cannot_end_it(void **state)
{
    (void)state;
    static const char json[] = "{\"a\":\"</script>&\xe2\x80\xae\xf3\xa0\x81\x81\x7f\xc3\xa9\"}";
    struct sc_text text = {0};
    sc_text_add_script_json(&text, json, sizeof json - 1);
    assert_string_equal(text.data, "{\"a\":\"\\u003c/script\\u003e\\u0026\\u202e"
                                   "\\udb40\\udc41\\u007f\xc3\xa9\"}");
    json_t *back = NULL;
    assert_int_equal(sc_json_parse(text.data, text.len, "test", &back, NULL), SC_OK);
    assert_string_equal(json_string_value(json_object_get(back, "a")),
                        "</script>&\xe2\x80\xae\xf3\xa0\x81\x81\x7f\xc3\xa9");
    json_decref(back);
    sc_text_free(&text);
}

/* What is hidden from a reader is written as \uNNNN, and reads back as it was. */
static void no_hidden_character_stands_raw_in_json(void **state)
{
    (void)state;
    static const uint32_t hidden[] = {0x01,   0x1b,   0x7f,   0x80,   0x85,   0x9b,    0x9f,
                                      0xad,   0x61c,  0x200b, 0x200f, 0x2028, 0x2029,  0x202e,
                                      0x2066, 0x2069, 0xfeff, 0xfff9, 0xfffe, 0xe0001, 0x10ffff};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        char raw[8] = "a", expected[32];
        size_t n = 1 + sc_utf8_encode(hidden[i], raw + 1);
        raw[n] = '\0';
        if (hidden[i] < 0x10000)
            snprintf(expected, sizeof expected, "{\"k\":\"a\\u%04x\"}", (unsigned)hidden[i]);
        else
            snprintf(expected, sizeof expected, "{\"k\":\"a\\u%04x\\u%04x\"}",
                     (unsigned)(0xd800 + ((hidden[i] - 0x10000) >> 10)),
                     (unsigned)(0xdc00 + ((hidden[i] - 0x10000) & 0x3ff)));
        struct sc_text text = {0};
        struct sc_json_writer out = {.text = &text};
        sc_json_put_object(&out, NULL);
        sc_json_put_string(&out, "k", raw);
        sc_json_put_end_object(&out);
        assert_string_equal(text.data, expected);
        json_t *back = NULL;
        assert_int_equal(sc_json_parse(text.data, text.len, "test", &back, NULL), SC_OK);
        assert_string_equal(json_string_value(json_object_get(back, "k")), raw);
        json_decref(back);
        sc_text_free(&text);
    }
}

static void strings_of_any_bytes_become_json(void **state)
{
    (void)state;
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text};
    sc_json_put_array(&out, NULL);
    sc_json_put_string(&out, NULL, "a\"\\\n\r\t\x01");
    sc_json_put_string(&out, NULL, "\xff\xc3\xa9");
    sc_json_put_string(&out, NULL, NULL);
    sc_json_put_string(&out, NULL, "");
    sc_json_put_end_array(&out);
    assert_string_equal(text.data, "[\"a\\\"\\\\\\n\\r\\t\\u0001\",\"\xef\xbf\xbd\xc3\xa9\",null,"
                                   "\"\"]");
    sc_text_free(&text);
}

static void json_written_before_keeps_nothing_hidden_raw(void **state)
{
    (void)state;
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text};
    sc_json_put_array(&out, NULL);
    sc_json_put_raw(&out, NULL, "{\"a\":\"<\xc2\x9b\xe2\x80\xa8\"}");
    sc_json_put_end_array(&out);
    assert_string_equal(text.data, "[{\"a\":\"<\\u009b\\u2028\"}]");
    sc_text_free(&text);
}

static void members_stand_on_lines_down_to_a_depth(void **state)
{
    (void)state;
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text, .pretty = true, .pretty_depth = 1};
    sc_json_put_object(&out, NULL);
    sc_json_put_integer(&out, "a", -3);
    sc_json_put_object(&out, "b");
    sc_json_put_bool(&out, "c", true);
    sc_json_put_count(&out, "d", UINT64_MAX);
    sc_json_put_end_object(&out);
    sc_json_put_array(&out, "e");
    sc_json_put_end_array(&out);
    sc_json_put_end_object(&out);
    assert_string_equal(text.data, "{\n  \"a\": -3,\n  \"b\": {\"c\": true,\"d\": "
                                   "18446744073709551615},\n  \"e\": []\n}");
    sc_text_free(&text);
}

/* The canonical text of a value is what sc_json_write says of the same value. */
static void canonical_text_is_that_of_a_parsed_value(void **state)
{
    (void)state;
    static const double numbers[] = {0,    -0.0,   1,     0.6,    1.0 / 3, 0.95, 20,
                                     1e16, 1e17,   1e300, 1e-7,   5e-324,  -2.5, 123456789.125,
                                     1e-5, 0.0001, 1e22,  -1e100, 1e15};
    struct sc_text ours = {0}, theirs = {0};
    struct sc_json_writer out = {.text = &ours, .canonical = true};
    json_t *values = json_array();
    sc_json_put_array(&out, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sc_json_put_number(&out, NULL, numbers[i]);
        json_array_append_new(values, json_real(numbers[i]));
    }
    sc_json_put_number(&out, NULL, NAN);
    json_array_append_new(values, json_null());
    static const char string[] = "a\"\\\n\xc2\x85\xe2\x80\xa8\xf0\x9f\x98\x80\x01/";
    sc_json_put_string(&out, NULL, string);
    json_array_append_new(values, json_string(string));
    sc_json_put_integer(&out, NULL, -7);
    json_array_append_new(values, json_integer(-7));
    sc_json_put_end_array(&out);
    sc_json_write(&theirs, values);
    assert_string_equal(ours.data, theirs.data);
    json_decref(values);
    sc_text_free(&ours);
    sc_text_free(&theirs);
}

static void a_writer_without_memory_says_so(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        struct sc_text text = {0};
        struct sc_json_writer out = {.text = &text};
        sc_memory_fail_at(n);
        sc_json_put_object(&out, NULL);
        for (int i = 0; i < 40; i++)
            sc_json_put_string(&out, "key", i % 2 ? "\xff broken" : "whole");
        sc_json_put_end_object(&out);
        bool reached = sc_memory_count() > n;
        sc_memory_fail_at(SIZE_MAX);
        bool failed = text.failed;
        sc_text_free(&text);
        assert_int_equal(failed, reached);
        if (!reached) {
            assert_true(n > 5);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_the_wrong_kind_or_size_are_named),
        cmocka_unit_test(text_whose_values_take_much_memory_is_refused),
        cmocka_unit_test(a_parse_says_when_memory_is_lost),
        cmocka_unit_test(a_token_that_cannot_grow_ends_the_parse),
        cmocka_unit_test(a_number_is_the_shortest_text_that_reads_back_the_same),
        cmocka_unit_test(json_in_a_script_cannot_end_it),
        cmocka_unit_test(no_hidden_character_stands_raw_in_json),
        cmocka_unit_test(strings_of_any_bytes_become_json),
        cmocka_unit_test(json_written_before_keeps_nothing_hidden_raw),
        cmocka_unit_test(members_stand_on_lines_down_to_a_depth),
        cmocka_unit_test(canonical_text_is_that_of_a_parsed_value),
        cmocka_unit_test(a_writer_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
