/* Server-sent events in pieces of any size, and the API key in whatever a server says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "remote/events.h"
#include "remote/mask.h"

/* ---- events ---------------------------------------------------------------------------------- */

struct taken {
    struct sc_text all; /* each event with '|' after it */
    size_t n, most;     /* events; after which it stops (0: never) */
};

static bool take(void *context, char *data, size_t n)
{
    struct taken *taken = context;
    sc_text_add(&taken->all, data, n);
    sc_text_putc(&taken->all, '|');
    taken->n++;
    return taken->n != taken->most;
}

/* Feeds a stream in pieces of `step` bytes and compares what came. */
static void feed(const char *stream, size_t n, size_t step, const char *expected)
{
    struct taken taken = {0};
    struct sc_events events = {.most = 100, .take = take, .context = &taken};
    for (size_t i = 0; i < n; i += step)
        assert_int_equal(sc_events_feed(&events, stream + i, step < n - i ? step : n - i),
                         SC_EVENTS_GO_ON);
    assert_int_equal(sc_events_end(&events), SC_EVENTS_GO_ON);
    assert_string_equal(taken.all.data != NULL ? taken.all.data : "", expected);
    sc_events_free(&events);
    sc_text_free(&taken.all);
}

static void events_come_whole_from_pieces_of_any_size(void **state)
{
    static const struct {
        const char *stream, *expected;
    } cases[] = {
        {"", ""},
        {"data: a\n\n", "a|"},
        {"data:a\n\ndata: b\n\n", "a|b|"},
        {"data: a\r\n\r\ndata: b\r\n\r\n", "a|b|"},
        {"data: a\r\rdata: b\r\r", "a|b|"},
        {"data: a\r\n\ndata: b\n\r\n", "a|b|"},
        {"data: one\ndata: two\ndata\ndata:\n\n", "one\ntwo\n\n|"},
        {"data:  two blanks\n\n", " two blanks|"},
        {": comment\n\n:\n\ndata: a\n: in between\nid: 7\nevent: x\nretry: 5\n\n", "a|"},
        {"datum: a\ndata : b\n data: c\n\n", ""},
        {"data: \n\n", "|"},
        {"data\n\n", "|"},
        {"\n\n\n", ""},
        {"data: no end", "no end|"},
        {"data: no empty line\n", "no empty line|"},
        {"data: [DONE]\n\n", "[DONE]|"},
        {"\xef\xbb\xbf"
         "data: after a mark\n\n",
         "after a mark|"},
        {"\n\xef\xbb\xbf"
         "data: the mark is too late\n\n",
         ""},
        {"data: {\"a\":\n\ndata: 1}\n\n", "{\"a\":|1}|"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].stream);
        for (size_t step = 1; step <= n + 1; step++)
            feed(cases[i].stream, n, step, cases[i].expected);
    }
}

static void lines_and_events_have_a_longest(void **state)
{
    char stream[400] = "data: ";
    struct taken taken = {0};
    struct sc_events events = {.most = 100, .take = take, .context = &taken};
    (void)state;

    memset(stream + 6, 'x', 300);
    assert_int_equal(sc_events_feed(&events, stream, 306), SC_EVENTS_TOO_LONG);
    sc_events_clear(&events); /* a line that comes in pieces */
    enum sc_events_result result = SC_EVENTS_GO_ON;
    size_t n = 0;
    for (; result == SC_EVENTS_GO_ON; n++)
        result = sc_events_feed(&events, "y", 1);
    assert_int_equal(result, SC_EVENTS_TOO_LONG);
    assert_int_equal(n, 100);
    sc_events_clear(&events); /* an event of many lines */
    result = SC_EVENTS_GO_ON;
    for (n = 0; result == SC_EVENTS_GO_ON; n++)
        result = sc_events_feed(&events, "data: 123456789\n", 16);
    assert_int_equal(result, SC_EVENTS_TOO_LONG);
    assert_int_equal(n, 11);
    sc_events_clear(&events); /* and it can be used again */
    assert_int_equal(sc_events_feed(&events, "data: a\n\n", 9), SC_EVENTS_GO_ON);
    assert_string_equal(taken.all.data, "a|");
    sc_events_free(&events);
    sc_text_free(&taken.all);
}

static void a_stream_stops_when_nothing_more_is_wanted(void **state)
{
    struct taken taken = {.most = 2};
    struct sc_events events = {.most = 100, .take = take, .context = &taken};
    (void)state;

    assert_int_equal(sc_events_feed(&events, "data: a\n\ndata: b\n\ndata: c\n\n", 27),
                     SC_EVENTS_STOPPED);
    assert_string_equal(taken.all.data, "a|b|");
    sc_events_free(&events);
    sc_text_free(&taken.all);
}

static void exhausted_memory_ends_a_stream(void **state)
{
    (void)state;

    for (size_t n = 0; n < 3; n++) {
        struct taken taken = {0};
        struct sc_events events = {.most = 100, .take = take, .context = &taken};
        sc_memory_fail_at(n);
        enum sc_events_result result = sc_events_feed(&events, "data: a", 7);
        if (result == SC_EVENTS_GO_ON)
            result = sc_events_feed(&events, "\n\n", 2);
        sc_memory_fail_at(SIZE_MAX);
        assert_int_equal(result, n < 2 ? SC_EVENTS_NO_MEMORY : SC_EVENTS_GO_ON);
        sc_events_free(&events);
        sc_text_free(&taken.all);
    }
}

/* ---- the key --------------------------------------------------------------------------------- */

static void expect_masked(const char *key, const char *text, bool at_end, const char *expected)
{
    struct sc_mask mask;
    char *copy = sc_strdup(text);
    assert_int_equal(sc_mask_open(&mask, key, NULL), SC_OK);
    sc_mask_apply(&mask, copy, strlen(copy), at_end);
    assert_string_equal(copy, expected);
    sc_free(copy);
    sc_mask_close(&mask);
}

static void a_key_is_masked_however_it_is_written(void **state)
{
    static const char key[] = "sk-Abc+/\"x";
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"sk-Abc+/\"x", "**********"},
        {"Bearer sk-Abc+/\"x!", "Bearer **********!"},
        {"ask-Abc+/\"xsk-Abc+/\"x", "a********************"},
        {"sk-sk-Abc+/\"x", "sk-**********"},
        {"sk-Abc+/\\\"x", "***********"},
        {"sk-Abc+\\/\\\"x", "************"},
        {"\\u0073k-Abc+/\"x", "***************"},
        {"\\u0073\\u006B\\u002d\\u0041bc+\\/\\u0022x", "************************************"},
        {"\\\\u0073k-Abc+/\\\\\\\"x", "*******************"},
        {"\\x73k-Abc+/\"x", "*************"},
        {"http://h/?key=sk-Abc%2B%2f%22x&more", "http://h/?key=****************&more"},
        {"%73%6b%2DAbc+/\"x", "****************"},
        {"&#115;k&#x2D;Abc+/&#34;x<", "************************<"},
        {"sk-Abc+/\"y", "sk-Abc+/\"y"},
        {"sk-Abc+/\"", "sk-Abc+/\""},
        {"SK-ABC+/\"X", "SK-ABC+/\"X"},
        {"\\u0073", "\\u0073"},
        {"\\", "\\"},
        {"%", "%"},
        {"&#", "&#"},
        {"", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_masked(key, cases[i].text, false, cases[i].expected);
    expect_masked("back\\slash", "back\\\\slash back\\slash", false, "*********** **********");
    expect_masked(NULL, "sk-Abc", true, "sk-Abc");
    /* Words and numbers that stand for no key, and short keys. */
    expect_masked("EMPTY", "EMPTY hands", true, "EMPTY hands");
    expect_masked("secret", "a secret", true, "a secret");
    expect_masked("1234", "x1234", true, "x1234");
    expect_masked("123456", "0.123456", true, "0.123456");
    expect_masked("a-12", "a-12", true, "a-12");
    expect_masked("sk-12", "Bearer sk-12!", true, "Bearer *****!");
    expect_masked("secrets1", "my secrets1", true, "my ********");
    expect_masked("sk-123", "sk-12", true, "sk-12");
    expect_masked("a-key-of-Oslo", "a-key%2Dof-%4Fsl%6F!", false, "*******************!");
    expect_masked("a-key-of-Oslo", "a-key%2dof-%4fsl%6f!", false, "*******************!");
}

static void a_key_is_masked_in_base64(void **state)
{
    /* "Bearer sk-0123456789abcdef", "x" and "xy" before it, and ">?>?" of another alphabet. */
    static const struct {
        const char *key, *text, *kept_before, *kept_after;
    } cases[] = {
        {"sk-0123456789abcdef", "QmVhcmVyIHNrLTAxMjM0NTY3ODlhYmNkZWY=", "QmVhcmVyIH", "Y="},
        {"sk-0123456789abcdef", "eHNrLTAxMjM0NTY3ODlhYmNkZWYh", "eH", "Yh"},
        {"sk-0123456789abcdef", "c2stMDEyMzQ1Njc4OWFiY2RlZg==", "", "g=="},
        {"sk->>>???", "c2stPj4+Pz8/", "", ""},
        {"sk->>>???", "c2stPj4-Pz8_", "", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_text expected = {0};
        size_t n =
            strlen(cases[i].text) - strlen(cases[i].kept_before) - strlen(cases[i].kept_after);
        sc_text_puts(&expected, cases[i].kept_before);
        for (size_t j = 0; j < n; j++)
            sc_text_putc(&expected, '*');
        sc_text_puts(&expected, cases[i].kept_after);
        expect_masked(cases[i].key, cases[i].text, false, expected.data);
        sc_text_free(&expected);
    }
}

static void a_key_that_a_text_ends_within_is_masked_where_that_is_asked(void **state)
{
    (void)state;

    expect_masked("sk-0123456789", "it is sk-01234", true, "it is ********");
    expect_masked("sk-0123456789", "it is sk-01234", false, "it is sk-01234");
    expect_masked("sk-0123456789", "it is sk-0123", true, "it is sk-0123");
    expect_masked("sk-0123456789", "it is sk-01234.", true, "it is sk-01234.");
}

/* Quadratic work would take minutes. */
static void masking_takes_time_in_proportion_to_the_text(void **state)
{
    enum { N = 4 << 20 };
    static const char *const fills[] = {"\\", "%", "&#", "a", "aaaaaaaaaaaaaaab"};
    char *text = sc_alloc(N + 1);
    (void)state;

    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        struct sc_mask mask;
        assert_int_equal(sc_mask_open(&mask, "aaaaaaaaaaaaaaaaaaaaaaaaaaaab", NULL), SC_OK);
        for (size_t j = 0; j < N; j++)
            text[j] = fills[i][j % strlen(fills[i])];
        sc_mask_apply(&mask, text, N, true);
        sc_mask_close(&mask);
    }
    sc_free(text);
}

static void exhausted_memory_makes_no_mask(void **state)
{
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    for (size_t n = 0; status != SC_OK && n < 100; n++) {
        struct sc_mask mask;
        sc_memory_fail_at(n);
        status = sc_mask_open(&mask, "sk-0123456789abcdef", NULL);
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        assert_true((mask.key != NULL) == (status == SC_OK));
        sc_mask_close(&mask);
    }
    assert_int_equal(status, SC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_whole_from_pieces_of_any_size),
        cmocka_unit_test(lines_and_events_have_a_longest),
        cmocka_unit_test(a_stream_stops_when_nothing_more_is_wanted),
        cmocka_unit_test(exhausted_memory_ends_a_stream),
        cmocka_unit_test(a_key_is_masked_however_it_is_written),
        cmocka_unit_test(a_key_is_masked_in_base64),
        cmocka_unit_test(a_key_that_a_text_ends_within_is_masked_where_that_is_asked),
        cmocka_unit_test(masking_takes_time_in_proportion_to_the_text),
        cmocka_unit_test(exhausted_memory_makes_no_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
