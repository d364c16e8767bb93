/* Where each token's text ends (sc_token_text_ends): characters across tokens, bytes that are none,
 * special tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "source/text_ends.h"

enum { END_ID = 0, THINK_END_ID = 1 };

/* Token b is the byte b; bytes that are not text become U+FFFD, as in a tokenizer. */
static enum sc_status bytes_decode(void *context, const int32_t *ids, size_t n_ids, char **text,
                                   struct sc_error *error)
{
    char bytes[1200];
    size_t n = 0;
    struct sc_text out = {0};
    (void)context;
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] != END_ID && ids[i] != THINK_END_ID)
            bytes[n++] = (char)ids[i];
    sc_text_add_repaired(&out, bytes, n);
    *text = sc_text_take(&out);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "text");
}

static void the_text_of_a_token_ends_where_its_last_character_does(void **state)
{
    (void)state;
    const struct sc_decoder decoder = {.decode = bytes_decode};
    static const struct {
        const char *bytes;
        uint32_t ends[8];
    } cases[] = {
        {"ab", {1, 2}},
        {"a\xf0\x9f\x99\x82z", {1, 1, 1, 1, 5, 6}}, /* the last byte completes it */
        {"\x01"
         "a\x01",
         {0, 1, 1}},                  /* special tokens have no text */
        {"a\xe2\x82z", {1, 4, 4, 5}}, /* broken off: U+FFFD of three bytes */
        {"\x82\xc3\xa9", {3, 3, 5}},
    };
    uint32_t ends[1200];
    int32_t ids[1200];
    char *text;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t n = strlen(cases[c].bytes);
        for (size_t i = 0; i < n; i++)
            ids[i] = (unsigned char)cases[c].bytes[i];
        assert_int_equal(bytes_decode(NULL, ids, n, &text, NULL), SC_OK);
        assert_int_equal(sc_token_text_ends(&decoder, ids, n, text, ends, NULL), SC_OK);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(ends[i], cases[c].ends[i]);
        sc_free(text);
    }
    /* long, with characters across the borders of stretches; then 600 bytes of no text */
    for (size_t i = 0; i < 1200; i++)
        ids[i] = (unsigned char)"x\xe2\x82\xac"[i % 4];
    for (size_t i = 600; i < 1200; i++)
        ids[i] = 0xe2;
    assert_int_equal(bytes_decode(NULL, ids, 1200, &text, NULL), SC_OK);
    assert_int_equal(sc_token_text_ends(&decoder, ids, 1200, text, ends, NULL), SC_OK);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(ends[i], i % 4 == 3 ? i + 1 : i / 4 * 4 + 1);
    for (size_t i = 600; i < 1200; i++)
        assert_true(ends[i] >= ends[i - 1] && ends[i] <= strlen(text));
    assert_int_equal(ends[1199], strlen(text));
    sc_free(text);
    for (size_t k = 0; k < 3; k++) { /* memory runs out: said, nothing lost */
        sc_memory_fail_at(k);
        struct sc_error error = {0};
        enum sc_status status = sc_token_text_ends(&decoder, ids, 1, "x", ends, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        assert_true(k > 0 || status == SC_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_of_a_token_ends_where_its_last_character_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
