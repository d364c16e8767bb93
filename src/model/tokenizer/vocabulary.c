/*
 * "model" of tokenizer.json: the vocabulary and the merges of byte-pair encoding.
 *
 * A vocabulary is written in the byte alphabet where the pre-tokenizer is ByteLevel, else as text.
 * Read next: bpe.c.
 */
#include "model/tokenizer/vocabulary.h"

#include <string.h>

#include "base/memory.h"

/* ---- how keys are written -------------------------------------------------------------------- */

/* Bytes that are printable in Latin-1 stand for themselves, the others for U+0100 and on.  Source:
 * GPT-2's encoder.py, bytes_to_unicode. */
static void fill_alphabet(struct sc_alphabet *a)
{
    int next = 256;

    for (size_t i = 0; i < 512; i++)
        a->byte_of[i] = -1;
    for (int byte = 0; byte < 256; byte++) {
        bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;

        a->byte_of[itself ? byte : next++] = (int16_t)byte;
    }
}

/* Room for n bytes, of which there may be none. */
static int reserve_key(struct sc_alphabet *a, size_t n)
{
    if (a->key != NULL && n <= a->cap)
        return 0;
    char *grown = sc_resize(a->key, n > 0 ? n * 2 : 1, 1);
    if (grown == NULL)
        return -1;
    a->key = grown;
    a->cap = n > 0 ? n * 2 : 1;
    return 0;
}

/* Writes the bytes of a key to a->key, which has room; returns how many, or 0 when it is not in the
 * alphabet. */
static size_t key_bytes(struct sc_alphabet *a, const char *key, size_t n)
{
    size_t used = 0;

    if (!a->bytes) {
        memcpy(a->key, key, n);
        return n;
    }
    for (size_t at = 0; at < n;) {
        uint32_t point = 0;
        size_t length = sc_utf8_decode(key + at, n - at, &point);

        if (length == 0 || point >= 512 || a->byte_of[point] < 0)
            return 0;
        a->key[used++] = (char)a->byte_of[point];
        at += length;
    }
    return used;
}

/* ---- vocabulary ------------------------------------------------------------------------------ */

bool sc_read_id(const json_t *value, int32_t *id)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number >= (json_int_t)SC_TOKENS_MAX)
        return false;
    *id = (int32_t)number;
    return true;
}

enum sc_status sc_vocabulary_count(const struct sc_vocabulary *v, size_t *n_tokens,
                                   struct sc_error *error)
{
    int32_t id;
    const char *key;
    json_t *value;
    json_object_foreach(v->vocab, key, value)
    {
        if (!sc_read_id(value, &id)) {
            return sc_fail(error, SC_ERR_FORMAT,
                           "model.vocab: \"%.60s\": expected an id from 0 to %zu", key,
                           SC_TOKENS_MAX - 1);
        }
        if ((size_t)id >= *n_tokens)
            *n_tokens = (size_t)id + 1;
    }
    return SC_OK;
}

static enum sc_status load_tokens(struct sc_vocabulary *v, struct sc_bpe *bpe,
                                  struct sc_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(v->vocab, key, value)
    {
        size_t n = strlen(key);
        if (reserve_key(&v->alphabet, n) != 0)
            return sc_fail_nomem(error, "vocabulary");
        size_t bytes = key_bytes(&v->alphabet, key, n);
        enum sc_status status =
            sc_bpe_add_token(bpe, (int32_t)json_integer_value(value),
                             bytes > 0 ? SC_TOKEN_VOCABULARY : SC_TOKEN_LITERAL,
                             bytes > 0 ? v->alphabet.key : key, bytes > 0 ? bytes : n, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "model.vocab");
            return status;
        }
    }
    return SC_OK;
}

/* ---- merges ---------------------------------------------------------------------------------- */

static int32_t find_key(struct sc_vocabulary *v, const struct sc_bpe *bpe, const char *key,
                        size_t n)
{
    size_t bytes = reserve_key(&v->alphabet, n) == 0 ? key_bytes(&v->alphabet, key, n) : 0;

    return bytes > 0 ? sc_bpe_find(bpe, v->alphabet.key, bytes) : -1;
}

/* "a b" or ["a", "b"]; an id of -1 for what is not in the vocabulary. */
static void read_merge(struct sc_vocabulary *v, const struct sc_bpe *bpe, const json_t *value,
                       int32_t *left, int32_t *right)
{
    *left = *right = -1;
    if (json_is_string(value)) {
        const char *a = json_string_value(value), *space = strchr(a, ' ');
        if (space == NULL || strchr(space + 1, ' ') != NULL)
            return;
        *left = find_key(v, bpe, a, (size_t)(space - a));
        *right = find_key(v, bpe, space + 1, strlen(space + 1));
    } else if (json_array_size(value) == 2 && json_is_string(json_array_get(value, 0)) &&
               json_is_string(json_array_get(value, 1))) {
        const char *a = json_string_value(json_array_get(value, 0));
        const char *b = json_string_value(json_array_get(value, 1));
        *left = find_key(v, bpe, a, strlen(a));
        *right = find_key(v, bpe, b, strlen(b));
    }
}

/* A line that older files of merges begin with. */
static bool is_version(const json_t *value)
{
    const char *line = json_string_value(value);
    return line != NULL && strncmp(line, "#version", 8) == 0;
}

static enum sc_status load_merges(struct sc_vocabulary *v, struct sc_bpe *bpe,
                                  struct sc_error *error)
{
    size_t i;
    json_t *value;
    json_array_foreach(v->merges, i, value)
    {
        int32_t left, right;
        if (is_version(value))
            continue;
        read_merge(v, bpe, value, &left, &right);
        if (left < 0 || right < 0)
            return sc_fail(error, SC_ERR_FORMAT,
                           "model.merges[%zu]: expected two entries of the vocabulary", i);
        enum sc_status status = sc_bpe_add_merge(bpe, (uint32_t)i, left, right, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "model");
            return status;
        }
    }
    return SC_OK;
}

/* ---- the model ------------------------------------------------------------------------------- */

enum sc_status sc_vocabulary_find(struct sc_vocabulary *v, const json_t *top,
                                  struct sc_error *error)
{
    static const char *const off[] = {"continuing_subword_prefix", "end_of_word_suffix"};

    *v = (struct sc_vocabulary){.model = json_object_get(top, "model")};
    if (!json_is_object(v->model))
        return sc_fail(error, SC_ERR_FORMAT, "model: expected an object");
    const json_t *type = json_object_get(v->model, "type");
    if (type != NULL && !sc_has_type(v->model, "BPE")) {
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "model.type: expected \"BPE\" (of bytes or of characters), found \"%.60s\"",
                       json_is_string(type) ? json_string_value(type)
                                            : "something that is not text");
    }
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
        if (!sc_is_off(json_object_get(v->model, off[i])))
            return sc_fail(error, SC_ERR_UNSUPPORTED, "model.%s: expected none or false", off[i]);
    const json_t *dropout = json_object_get(v->model, "dropout");
    if (!sc_is_off(dropout) && !(json_is_number(dropout) && json_number_value(dropout) == 0))
        return sc_fail(error, SC_ERR_UNSUPPORTED, "model.dropout: expected null or 0");
    v->vocab = json_object_get(v->model, "vocab");
    v->merges = json_object_get(v->model, "merges");
    if (!json_is_object(v->vocab) || json_object_size(v->vocab) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "model.vocab: expected an object that is not empty");
    if (!json_is_array(v->merges))
        return sc_fail(error, SC_ERR_FORMAT, "model.merges: expected an array");
    return SC_OK;
}

void sc_vocabulary_free(struct sc_vocabulary *v)
{
    sc_free(v->alphabet.key);
    v->alphabet.key = NULL;
}

/* The tokens of bytes and the one of what is unknown, where the vocabulary has them. */
static enum sc_status read_rules(struct sc_vocabulary *v, const struct sc_bpe *bpe,
                                 struct sc_bpe_rules *rules, struct sc_error *error)
{
    const json_t *unknown = json_object_get(v->model, "unk_token");

    *rules = (struct sc_bpe_rules){
        .characters = !v->alphabet.bytes,
        .byte_fallback = json_is_true(json_object_get(v->model, "byte_fallback")),
        .fuse_unknown = json_is_true(json_object_get(v->model, "fuse_unk")),
        .ignore_merges = json_is_true(json_object_get(v->model, "ignore_merges")),
        .unknown_id = -1,
    };
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", byte);
        rules->byte_id[byte] = find_key(v, bpe, name, 6);
    }
    if (!sc_is_off(unknown) && !json_is_string(unknown))
        return sc_fail(error, SC_ERR_FORMAT, "model.unk_token: expected text");
    if (!sc_is_off(unknown))
        rules->unknown_id =
            find_key(v, bpe, json_string_value(unknown), json_string_length(unknown));
    return SC_OK;
}

/* In the byte alphabet a fallback would spell the letters that stand for bytes. */
static enum sc_status check_bytes(const struct sc_bpe *bpe, const struct sc_bpe_rules *rules,
                                  struct sc_error *error)
{
    for (int byte = 0; !rules->characters && rules->byte_fallback && byte < 256; byte++) {
        char c = (char)byte;
        if (sc_bpe_find(bpe, &c, 1) < 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "model.byte_fallback: expected tokens for all bytes, or false, with "
                           "ByteLevel");
    }
    return SC_OK;
}

enum sc_status sc_vocabulary_load(struct sc_vocabulary *v, bool bytes, size_t n_tokens,
                                  struct sc_bpe *bpe, struct sc_error *error)
{
    struct sc_bpe_rules rules;

    v->alphabet.bytes = bytes;
    fill_alphabet(&v->alphabet);
    SC_TRY(
        sc_bpe_init(bpe, n_tokens, json_object_size(v->vocab), json_array_size(v->merges), error));
    SC_TRY(load_tokens(v, bpe, error));
    SC_TRY(load_merges(v, bpe, error));
    SC_TRY(read_rules(v, bpe, &rules, error));
    SC_TRY(check_bytes(bpe, &rules, error));
    return sc_bpe_finish(bpe, &rules, error);
}
