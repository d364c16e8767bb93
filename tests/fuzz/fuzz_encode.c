/* Any bytes as text: broken UTF-8 is refused, and ids give the text back that gives the ids, with a
 * vocabulary of bytes and with one of text. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All bytes and a few merges, with the published split pattern. */
static struct sc_tokenizer *make_tokenizer(void)
{
    static const char *const merges[][2] = {{"a", "a"}, {"aa", "aa"}, {"e", "r"},
                                            {"t", "h"}, {"th", "e"},  {"\xc4\xa0", "the"},
                                            {"1", "2"}};
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_text json = {0};
    int next = 256;

    sc_text_puts(&json, "{\"normalizer\":{\"type\":\"NFC\"},\"model\":{\"vocab\":{");
    for (int byte = 0; byte < 256; byte++) {
        bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        char key[5] = {0};

        key[sc_utf8_encode((uint32_t)(itself ? byte : next++), key)] = '\0';
        sc_text_puts(&json, byte > 0 ? "," : "");
        sc_text_add_json_string(&json, key);
        sc_text_printf(&json, ":%d", byte);
    }
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        sc_text_printf(&json, ",\"%s%s\":%zu", merges[i][0], merges[i][1], 256 + i);
    }
    sc_text_puts(&json, "},\"merges\":[");
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        sc_text_printf(&json, "%s\"%s %s\"", i > 0 ? "," : "", merges[i][0], merges[i][1]);
    }
    sc_text_puts(&json,
                 "]},\"added_tokens\":[{\"id\":300,\"content\":\"<|im_end|>\",\"special\":true},"
                 "{\"id\":301,\"content\":\"<think>\"}],\"pre_tokenizer\":{\"type\":\"Sequence\","
                 "\"pretokenizers\":[{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":"
                 "{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?"
                 "\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|"
                 "\\\\s+(?!\\\\S)|\\\\s+\"}},{\"type\":\"ByteLevel\",\"use_regex\":false}]}}");
    if (json.failed ||
        sc_tokenizer_parse(&tokenizer, json.data, json.len, NULL, 0, NULL) != SC_OK) {
        abort();
    }
    sc_text_free(&json);
    return tokenizer;
}

/* A vocabulary of text: bytes, a few letters and merges, and a mark before each text. */
static struct sc_tokenizer *make_text_tokenizer(void)
{
    static const char *const more[] = {
        "a", "b", "e", "th", "t", "h", "the", "\xe2\x96\x81", "\xe2\x96\x81the"};
    static const char *const merges[] = {"t h", "th e", "\xe2\x96\x81 the"};
    struct sc_tokenizer *tokenizer = NULL;
    struct sc_text json = {0};

    sc_text_puts(&json, "{\"model\":{\"byte_fallback\":true,\"vocab\":{");
    for (unsigned byte = 0; byte < 256; byte++) {
        sc_text_printf(&json, "\"<0x%02X>\":%u,", byte, byte);
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        sc_text_printf(&json, "%s\"%s\":%zu", i > 0 ? "," : "", more[i], 256 + i);
    }
    sc_text_puts(&json, "},\"merges\":[");
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        sc_text_printf(&json, "%s\"%s\"", i > 0 ? "," : "", merges[i]);
    }
    sc_text_puts(&json, "]},\"added_tokens\":[{\"id\":300,\"content\":\"<s>\",\"special\":true,"
                        "\"rstrip\":true,\"lstrip\":true}],\"normalizer\":{\"type\":\"Sequence\","
                        "\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\xe2\x96\x81\"},"
                        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":"
                        "\"\xe2\x96\x81\"}]},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{"
                        "\"type\":\"Replace\",\"pattern\":{\"String\":\"\xe2\x96\x81\"},"
                        "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}}");
    if (json.failed ||
        sc_tokenizer_parse(&tokenizer, json.data, json.len, NULL, 0, NULL) != SC_OK) {
        abort();
    }
    sc_text_free(&json);
    return tokenizer;
}

/* The text comes back behind a space. */
static void check_text(const struct sc_tokenizer *tokenizer, const char *text, size_t size)
{
    int32_t *ids = NULL;
    size_t n = 0;
    char *back = NULL, *copy;

    if (sc_tokenizer_encode(tokenizer, text, size, true, &ids, &n, NULL) != SC_OK) {
        abort();
    }
    sc_release(ids);
    if (sc_tokenizer_encode(tokenizer, text, size, false, &ids, &n, NULL) != SC_OK ||
        sc_tokenizer_decode(tokenizer, ids, n, true, &back, NULL) != SC_OK) {
        abort();
    }
    copy = sc_strndup(text, size);
    if (size > 0 && memchr(text, 0, size) == NULL && strstr(copy, "\xe2\x96\x81") == NULL &&
        (back[0] != ' ' || strcmp(back + 1, copy) != 0)) {
        abort();
    }
    sc_free(copy);
    sc_release(back);
    sc_release(ids);
}

static void check_round_trip(const struct sc_tokenizer *tokenizer, const int32_t *ids, size_t n)
{
    char *text = NULL;
    int32_t *again = NULL;
    size_t n_again = 0;

    if (sc_tokenizer_decode(tokenizer, ids, n, true, &text, NULL) != SC_OK ||
        sc_tokenizer_encode(tokenizer, text, strlen(text), false, &again, &n_again, NULL) !=
            SC_OK ||
        n_again != n || (n > 0 && memcmp(ids, again, n * sizeof *ids) != 0)) {
        abort();
    }
    sc_release(again);
    sc_release(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sc_tokenizer *tokenizer, *of_text;
    const char *text = (const char *)data;
    bool valid = sc_utf8_valid(text, size) == size;

    if (tokenizer == NULL) {
        tokenizer = make_tokenizer();
        of_text = make_text_tokenizer();
    }
    if (valid) {
        check_text(of_text, text, size);
    }
    for (int special = 0; special < 2; special++) {
        int32_t *ids = NULL;
        size_t n = 0;

        if ((sc_tokenizer_encode(tokenizer, text, size, special, &ids, &n, NULL) == SC_OK) !=
            valid) {
            abort();
        }
        /* NUL is shown as another character, so such a text does not come back. */
        if (valid && !special && (size == 0 || memchr(text, 0, size) == NULL)) {
            check_round_trip(tokenizer, ids, n);
        }
        sc_release(ids);
    }
    return 0;
}
