/* For the tests of the model room: folders that vanish, files, and a small tokenizer. */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#define REAL_TOKENIZER TEST_SHARED "/models/qwen3-tokenizer"
#define GOLDEN_TOKENIZER TEST_SHARED "/golden/tokenizer_qwen3.jsonl"

static __attribute__((unused)) void make_folder(char *path, size_t size)
{
    snprintf(path, size, "/tmp/safeconf-model-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static __attribute__((unused)) void remove_folder(const char *path)
{
    char command[512];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static __attribute__((unused)) void put_file(const char *folder, const char *name,
                                             const void *bytes, size_t n)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static __attribute__((unused)) void put_string(const char *folder, const char *name,
                                               const char *text)
{
    put_file(folder, name, text, strlen(text));
}

/* One line that says something. */
static __attribute__((unused)) void assert_clear(const struct sc_error *error)
{
    assert_int_not_equal(error->status, SC_OK);
    assert_true(strlen(error->text) > 10);
    assert_null(strchr(error->text, '\n'));
}

/* A parsed JSON text; the caller's to json_decref. */
static __attribute__((unused)) json_t *parse_json(const char *text)
{
    json_t *value = NULL;
    struct sc_error error = {0};

    assert_int_equal(sc_json_parse(text, strlen(text), "test", &value, &error), SC_OK);
    return value;
}

/* The text of a value, released with it; free with sc_free. */
static __attribute__((unused)) char *json_text(const json_t *value)
{
    struct sc_text text = {0};

    sc_json_write(&text, value);
    return sc_text_take(&text);
}

/* The pattern of the published tokenizer. */
#define SPLIT_PATTERN                                                                              \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+"      \
    "[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* A tokenizer of the 256 bytes (id = byte), a few merges from id 256, and control tokens from 270:
 * <|endoftext|> 270, <|im_start|> 271, <|im_end|> 272, <think> 273, </think> 274.  The caller's to
 * json_decref. */
static __attribute__((unused)) json_t *small_tokenizer(void)
{
    static const char *const merges[][2] = {
        {"a", "a"},          {"aa", "aa"}, {"h", "e"},   {"l", "l"}, {"he", "ll"}, {"hell", "o"},
        {"\u0120", "hello"}, {"u", "s"},   {"us", "er"}, {"e", "r"}, {"x", "y"}};
    static const char *const controls[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>",
                                           "</think>"};
    json_t *top = parse_json("{\"normalizer\":{\"type\":\"NFC\"}}"), *model = json_object();
    json_t *vocab = json_object(), *list = json_array(), *added = json_array();
    int next = 256;

    for (int byte = 0; byte < 256; byte++) {
        bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        char key[5] = {0};

        key[sc_utf8_encode((uint32_t)(itself ? byte : next++), key)] = '\0';
        json_object_set_new(vocab, key, json_integer(byte));
    }
    /* The vocabulary names "user" before "er", which it is made of: ranks need not be in order. */
    for (size_t i = 0; i < sizeof merges / sizeof merges[0]; i++) {
        char made[32];

        snprintf(made, sizeof made, "%s%s", merges[i][0], merges[i][1]);
        json_object_set_new(vocab, made, json_integer(256 + (json_int_t)i));
        json_array_append_new(list, json_pack("[ss]", merges[i][0], merges[i][1]));
    }
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        json_array_append_new(added, json_pack("{s:I,s:s,s:b,s:b,s:b,s:b,s:b}", "id",
                                               (json_int_t)(270 + i), "content", controls[i],
                                               "special", i < 3, "normalized", 0, "lstrip", 0,
                                               "rstrip", 0, "single_word", 0));
    }
    json_object_set_new(model, "type", json_string("BPE"));
    json_object_set_new(model, "vocab", vocab);
    json_object_set_new(model, "merges", list);
    json_object_set_new(top, "model", model);
    json_object_set_new(top, "added_tokens", added);
    json_object_set_new(top, "pre_tokenizer",
                        json_pack("{s:s,s:[{s:s,s:{s:s},s:s,s:b},{s:s,s:b,s:b}]}", "type",
                                  "Sequence", "pretokenizers", "type", "Split", "pattern", "Regex",
                                  SPLIT_PATTERN, "behavior", "Isolated", "invert", 0, "type",
                                  "ByteLevel", "add_prefix_space", 0, "use_regex", 0));
    return top;
}

#endif
