/*
 * Loading a tokenizer: tokenizer.json, and what tokenizer_config.json adds to it.
 *
 * Supported is byte-level byte-pair encoding with one split pattern and NFC or no normalisation.
 * Whatever else a file asks for (other models, prefixes, dropout, templates that add tokens, added
 * tokens that swallow spaces) is refused by name, because ignoring it would give other ids than the
 * model was trained on.  Read next: encode.c (text to ids), chat.c (the prompt's frame).
 */
#include "model/tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/tokenizer/bpe.h"

#define TOKENIZER_BYTES_MAX ((size_t)64 << 20)
#define CONFIG_BYTES_MAX ((size_t)4 << 20)
#define ADDED_MAX 65536

struct loader {
    struct sc_tokenizer *t;
    const json_t *top, *model, *merges;
    json_t *vocab;        /* jansson walks no const object; nothing here changes it */
    const json_t *added;  /* array of tokenizer.json, may be NULL */
    json_t *decoder;      /* added_tokens_decoder of tokenizer_config.json, may be NULL */
    int16_t byte_of[512]; /* code point of the byte alphabet to byte, -1: none */
    char *key;            /* [key_cap], bytes of a vocabulary key */
    size_t key_cap, added_used;
};

static enum sc_status unsupported(struct sc_error *error, const char *field, const char *expected)
{
    return sc_fail(error, SC_ERR_UNSUPPORTED, "%s: expected %s", field, expected);
}

/* Missing, null, false or "". */
static bool is_off(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static bool has_type(const json_t *object, const char *type)
{
    const char *found = json_string_value(json_object_get(object, "type"));

    return found != NULL && strcmp(found, type) == 0;
}

/* ---- the byte alphabet ----------------------------------------------------------------------- */

/* Bytes that are printable in Latin-1 stand for themselves, the others for U+0100 and on.  Source:
 * GPT-2's encoder.py, bytes_to_unicode. */
static void fill_alphabet(struct loader *l)
{
    int next = 256;

    for (size_t i = 0; i < 512; i++)
        l->byte_of[i] = -1;
    for (int byte = 0; byte < 256; byte++) {
        bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;

        l->byte_of[itself ? byte : next++] = (int16_t)byte;
    }
}

/* Writes the bytes of a key to l->key; returns how many, or 0 when it is not in the alphabet. */
static size_t key_bytes(struct loader *l, const char *key, size_t n)
{
    size_t used = 0;

    for (size_t at = 0; at < n;) {
        uint32_t point = 0;
        size_t length = sc_utf8_decode(key + at, n - at, &point);

        if (length == 0 || point >= 512 || l->byte_of[point] < 0)
            return 0;
        l->key[used++] = (char)l->byte_of[point];
        at += length;
    }
    return used;
}

static int reserve_key(struct loader *l, size_t n)
{
    if (n <= l->key_cap)
        return 0;
    char *grown = sc_resize(l->key, n * 2, 1);
    if (grown == NULL)
        return -1;
    l->key = grown;
    l->key_cap = n * 2;
    return 0;
}

/* ---- vocabulary ------------------------------------------------------------------------------ */

static bool read_id(const json_t *value, int32_t *id)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number >= (json_int_t)SC_TOKENS_MAX)
        return false;
    *id = (int32_t)number;
    return true;
}

/* The ids of added_tokens_decoder are its keys. */
static bool read_key_id(const char *key, int32_t *id)
{
    size_t value = 0, n = strlen(key);

    if (n == 0 || n > 7 || strspn(key, "0123456789") != n)
        return false;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (size_t)(key[i] - '0');
    *id = (int32_t)value;
    return value < SC_TOKENS_MAX;
}

static void count_id(int32_t id, size_t *n_tokens)
{
    if ((size_t)id >= *n_tokens)
        *n_tokens = (size_t)id + 1;
}

/* Ids below *n_tokens exist. */
static enum sc_status count_tokens(const struct loader *l, size_t *n_tokens, struct sc_error *error)
{
    int32_t id;
    const char *key;
    json_t *value;
    *n_tokens = 0;
    json_object_foreach(l->vocab, key, value)
    {
        if (!read_id(value, &id)) {
            return sc_fail(error, SC_ERR_FORMAT,
                           "model.vocab: \"%.60s\": expected an id from 0 to %zu", key,
                           SC_TOKENS_MAX - 1);
        }
        count_id(id, n_tokens);
    }
    size_t i;
    json_array_foreach(l->added, i, value)
    {
        if (!read_id(json_object_get(value, "id"), &id)) {
            return sc_fail(error, SC_ERR_FORMAT,
                           "added_tokens[%zu]: id: expected a number from 0 to %zu", i,
                           SC_TOKENS_MAX - 1);
        }
        count_id(id, n_tokens);
    }
    json_object_foreach(l->decoder, key, value)
    {
        if (!read_key_id(key, &id)) {
            return sc_fail(error, SC_ERR_FORMAT,
                           "added_tokens_decoder: expected ids from 0 to %zu, found \"%.60s\"",
                           SC_TOKENS_MAX - 1, key);
        }
        count_id(id, n_tokens);
    }
    return SC_OK;
}

static enum sc_status load_vocabulary(struct loader *l, struct sc_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(l->vocab, key, value)
    {
        size_t n = strlen(key);
        if (reserve_key(l, n) != 0)
            return sc_fail_nomem(error, "vocabulary");
        size_t bytes = key_bytes(l, key, n);
        enum sc_status status =
            sc_bpe_add_token(&l->t->bpe, (int32_t)json_integer_value(value),
                             bytes > 0 ? SC_TOKEN_VOCABULARY : SC_TOKEN_LITERAL,
                             bytes > 0 ? l->key : key, bytes > 0 ? bytes : n, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "model.vocab");
            return status;
        }
    }
    return SC_OK;
}

static int32_t find_key(struct loader *l, const char *key, size_t n)
{
    size_t bytes = reserve_key(l, n) == 0 ? key_bytes(l, key, n) : 0;

    return bytes > 0 ? sc_bpe_find(&l->t->bpe, l->key, bytes) : -1;
}

/* "a b" or ["a", "b"]; an id of -1 for what is not in the vocabulary. */
static void read_merge(struct loader *l, const json_t *value, int32_t *left, int32_t *right)
{
    *left = *right = -1;
    if (json_is_string(value)) {
        const char *a = json_string_value(value), *space = strchr(a, ' ');
        if (space == NULL)
            return;
        *left = find_key(l, a, (size_t)(space - a));
        *right = find_key(l, space + 1, strlen(space + 1));
    } else if (json_array_size(value) == 2 && json_is_string(json_array_get(value, 0)) &&
               json_is_string(json_array_get(value, 1))) {
        const char *a = json_string_value(json_array_get(value, 0));
        const char *b = json_string_value(json_array_get(value, 1));
        *left = find_key(l, a, strlen(a));
        *right = find_key(l, b, strlen(b));
    }
}

static enum sc_status load_merges(struct loader *l, struct sc_error *error)
{
    size_t i;
    json_t *value;
    json_array_foreach(l->merges, i, value)
    {
        int32_t left, right;
        read_merge(l, value, &left, &right);
        if (left < 0 || right < 0)
            return sc_fail(error, SC_ERR_FORMAT,
                           "model.merges[%zu]: expected two entries of the vocabulary", i);
        enum sc_status status = sc_bpe_add_merge(&l->t->bpe, (uint32_t)i, left, right, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "model");
            return status;
        }
    }
    return SC_OK;
}

/* ---- added tokens ---------------------------------------------------------------------------- */

static enum sc_status check_added(const json_t *value, struct sc_error *error)
{
    static const char *const flags[] = {"lstrip", "rstrip", "single_word"};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (!is_off(json_object_get(value, flags[i])))
            return unsupported(error, flags[i], "false");
    if (!json_is_string(json_object_get(value, "content")) ||
        json_string_length(json_object_get(value, "content")) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "content: expected text");
    return SC_OK;
}

static enum sc_status add_to_set(struct sc_added_set *set, const struct sc_added *token,
                                 struct sc_error *error)
{
    if (set->n == ADDED_MAX)
        return sc_fail(error, SC_ERR_LIMIT, "expected at most %d added tokens", ADDED_MAX);
    if (sc_grow((void **)&set->tokens, set->n, &set->cap, sizeof *set->tokens) != 0)
        return sc_fail_nomem(error, "added tokens");
    set->tokens[set->n++] = *token;
    return SC_OK;
}

static bool is_added(const struct sc_tokenizer *t, int32_t id)
{
    for (size_t i = 0; i < t->raw.n + t->normalized.n; i++) {
        const struct sc_added *token =
            i < t->raw.n ? &t->raw.tokens[i] : &t->normalized.tokens[i - t->raw.n];

        if (token->id == id)
            return true;
    }
    return false;
}

/* A token that is matched in normalised text is written in normalised form. */
static enum sc_status normal_content(const struct loader *l, const struct sc_added *token,
                                     struct sc_error *error)
{
    if (!token->normalized || !l->t->nfc)
        return SC_OK;
    char *normal = NULL;
    size_t n = 0;
    SC_TRY(sc_nfc(token->text, token->n, &normal, &n, error));
    bool same = normal == NULL || (n == token->n && memcmp(normal, token->text, n) == 0);
    sc_free(normal);
    return same ? SC_OK : unsupported(error, "content", "text in normal form (NFC)");
}

/* `late`: from tokenizer_config.json, where a token known already may be repeated. */
static enum sc_status add_added(struct loader *l, int32_t id, const json_t *value, bool late,
                                struct sc_error *error)
{
    SC_TRY(check_added(value, error));
    const char *content = json_string_value(json_object_get(value, "content"));
    size_t n = strlen(content);
    struct sc_bpe *bpe = &l->t->bpe;
    if (bpe->tokens[id].kind == SC_TOKEN_NONE) {
        SC_TRY(sc_bpe_add_token(bpe, id, SC_TOKEN_ADDED, content, n, error));
    } else if (bpe->tokens[id].n != n ||
               memcmp(bpe->bytes + bpe->tokens[id].begin, content, n) != 0) {
        return sc_fail(error, SC_ERR_FORMAT, "id %d: the vocabulary has another text for it",
                       (int)id);
    } else if (is_added(l->t, id)) {
        return late ? SC_OK : sc_fail(error, SC_ERR_FORMAT, "id %d: expected one entry", (int)id);
    }
    bpe->tokens[id].special = json_is_true(json_object_get(value, "special"));
    char *text = l->t->added_text + l->added_used;
    memcpy(text, content, n);
    l->added_used += n;
    const struct sc_added token = {.text = text,
                                   .n = n,
                                   .id = id,
                                   .normalized =
                                       json_is_true(json_object_get(value, "normalized"))};
    SC_TRY(normal_content(l, &token, error));
    return add_to_set(token.normalized ? &l->t->normalized : &l->t->raw, &token, error);
}

static size_t content_bytes(const json_t *value)
{
    return json_string_length(json_object_get(value, "content"));
}

static enum sc_status load_added(struct loader *l, struct sc_error *error)
{
    size_t bytes = 1, i;
    const char *key;
    json_t *value;
    json_array_foreach(l->added, i, value)
    {
        bytes += content_bytes(value);
    }
    json_object_foreach(l->decoder, key, value)
    {
        bytes += content_bytes(value);
    }
    l->t->added_text = sc_alloc(bytes);
    if (l->t->added_text == NULL)
        return sc_fail_nomem(error, "added tokens");
    json_array_foreach(l->added, i, value)
    {
        enum sc_status status = add_added(
            l, (int32_t)json_integer_value(json_object_get(value, "id")), value, false, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "added_tokens[%zu]", i);
            return status;
        }
    }
    json_object_foreach(l->decoder, key, value)
    {
        int32_t id = 0;
        read_key_id(key, &id);
        enum sc_status status = add_added(l, id, value, true, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "added_tokens_decoder: %s", key);
            return status;
        }
    }
    return SC_OK;
}

static int compare_added(const void *a, const void *b)
{
    const struct sc_added *x = a, *y = b;
    unsigned char first_x = (unsigned char)x->text[0], first_y = (unsigned char)y->text[0];

    if (first_x != first_y)
        return first_x < first_y ? -1 : 1;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return memcmp(x->text, y->text, x->n);
}

static enum sc_status order_added(struct sc_added_set *set, struct sc_error *error)
{
    size_t at = 0;

    if (set->n > 0)
        qsort(set->tokens, set->n, sizeof *set->tokens, compare_added);
    for (size_t byte = 0; byte <= 256; byte++) {
        while (at < set->n && (unsigned char)set->tokens[at].text[0] < byte)
            at++;
        set->first[byte] = at;
    }
    for (size_t i = 1; i < set->n; i++) {
        if (compare_added(&set->tokens[i - 1], &set->tokens[i]) == 0) {
            return sc_fail(error, SC_ERR_FORMAT, "added_tokens: ids %d and %d have the same text",
                           (int)set->tokens[i - 1].id, (int)set->tokens[i].id);
        }
    }
    return SC_OK;
}

/* ---- what else the file asks for ------------------------------------------------------------- */

static enum sc_status read_model(struct loader *l, struct sc_error *error)
{
    static const char *const off[] = {"continuing_subword_prefix", "end_of_word_suffix",
                                      "byte_fallback", "ignore_merges"};

    l->model = json_object_get(l->top, "model");
    if (!json_is_object(l->model))
        return sc_fail(error, SC_ERR_FORMAT, "model: expected an object");
    if (json_object_get(l->model, "type") != NULL && !has_type(l->model, "BPE")) {
        const char *type = json_string_value(json_object_get(l->model, "type"));

        return sc_fail(error, SC_ERR_UNSUPPORTED, "model.type: expected \"BPE\", found \"%.60s\"",
                       type != NULL ? type : "something that is not text");
    }
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
        if (!is_off(json_object_get(l->model, off[i])))
            return sc_fail(error, SC_ERR_UNSUPPORTED, "model.%s: expected none or false", off[i]);
    const json_t *dropout = json_object_get(l->model, "dropout");
    if (!is_off(dropout) && !(json_is_number(dropout) && json_number_value(dropout) == 0))
        return unsupported(error, "model.dropout", "null or 0");
    l->vocab = json_object_get(l->model, "vocab");
    l->merges = json_object_get(l->model, "merges");
    if (!json_is_object(l->vocab) || json_object_size(l->vocab) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "model.vocab: expected an object that is not empty");
    if (!json_is_array(l->merges))
        return sc_fail(error, SC_ERR_FORMAT, "model.merges: expected an array");
    return SC_OK;
}

static enum sc_status read_normalizer(struct loader *l, const json_t *value, struct sc_error *error)
{
    const json_t *parts = json_object_get(value, "normalizers");

    if (value == NULL || json_is_null(value))
        return SC_OK;
    if (has_type(value, "NFC")) {
        l->t->nfc = true;
        return SC_OK;
    }
    if (!has_type(value, "Sequence") || !json_is_array(parts))
        return unsupported(error, "normalizer", "null, NFC or a Sequence of these");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        if (!has_type(json_array_get(parts, i), "NFC"))
            return unsupported(error, "normalizer", "nothing but NFC in the Sequence");
        l->t->nfc = true;
    }
    return SC_OK;
}

/* ByteLevel; *pattern is set when it splits by itself. */
static enum sc_status read_byte_level(const json_t *value, const char **pattern,
                                      struct sc_error *error)
{
    const json_t *use_regex = json_object_get(value, "use_regex");

    if (!has_type(value, "ByteLevel"))
        return unsupported(error, "pre_tokenizer", "ByteLevel, or Split and then ByteLevel");
    if (!is_off(json_object_get(value, "add_prefix_space")))
        return unsupported(error, "pre_tokenizer.add_prefix_space", "false");
    /* In files older than the field ByteLevel always splits. */
    *pattern = use_regex == NULL || json_is_true(use_regex) ? sc_gpt2_pattern : NULL;
    return SC_OK;
}

static enum sc_status read_split(const json_t *value, const char **pattern, struct sc_error *error)
{
    const char *behavior = json_string_value(json_object_get(value, "behavior"));

    if (!has_type(value, "Split") || behavior == NULL || strcmp(behavior, "Isolated") != 0 ||
        !is_off(json_object_get(value, "invert")))
        return unsupported(error, "pre_tokenizer", "Split, Isolated, not inverted");
    *pattern = json_string_value(json_object_get(json_object_get(value, "pattern"), "Regex"));
    return *pattern != NULL
               ? SC_OK
               : unsupported(error, "pre_tokenizer", "a Split pattern that is a Regex");
}

static enum sc_status read_pre_tokenizer(struct loader *l, const json_t *value,
                                         struct sc_error *error)
{
    const json_t *parts = json_object_get(value, "pretokenizers");
    const char *pattern = NULL, *own = NULL;
    if (!has_type(value, "Sequence")) {
        SC_TRY(read_byte_level(value, &pattern, error));
        if (pattern == NULL)
            return unsupported(error, "pre_tokenizer", "a split pattern");
    } else {
        if (json_array_size(parts) != 2)
            return unsupported(error, "pre_tokenizer", "a Sequence of Split and ByteLevel");
        SC_TRY(read_split(json_array_get(parts, 0), &pattern, error));
        SC_TRY(read_byte_level(json_array_get(parts, 1), &own, error));
        if (own != NULL)
            return unsupported(error, "pre_tokenizer", "use_regex false after a Split");
    }
    return sc_splitter_new(&l->t->splitter, pattern, error);
}

/* Neither may add tokens or change the text: ByteLevel, alone or in sequence, or nothing. */
static enum sc_status check_byte_level(const json_t *value, const char *field, const char *list,
                                       struct sc_error *error)
{
    const json_t *parts = json_object_get(value, list);

    if (value == NULL || json_is_null(value) || has_type(value, "ByteLevel"))
        return SC_OK;
    if (!has_type(value, "Sequence") || !json_is_array(parts))
        return unsupported(error, field, "null or ByteLevel");
    for (size_t i = 0; i < json_array_size(parts); i++)
        if (!has_type(json_array_get(parts, i), "ByteLevel"))
            return unsupported(error, field, "nothing but ByteLevel in the Sequence");
    return SC_OK;
}

static enum sc_status load(struct loader *l, struct sc_error *error)
{
    const json_t *top = l->top;
    l->added = json_object_get(top, "added_tokens");
    if (l->added != NULL && !json_is_null(l->added) && !json_is_array(l->added))
        return sc_fail(error, SC_ERR_FORMAT, "added_tokens: expected an array");
    SC_TRY(read_model(l, error));
    SC_TRY(read_normalizer(l, json_object_get(top, "normalizer"), error));
    SC_TRY(read_pre_tokenizer(l, json_object_get(top, "pre_tokenizer"), error));
    SC_TRY(check_byte_level(json_object_get(top, "post_processor"), "post_processor", "processors",
                            error));
    SC_TRY(check_byte_level(json_object_get(top, "decoder"), "decoder", "decoders", error));
    size_t n_tokens = 0;
    SC_TRY(count_tokens(l, &n_tokens, error));
    SC_TRY(sc_bpe_init(&l->t->bpe, n_tokens, json_object_size(l->vocab), json_array_size(l->merges),
                       error));
    SC_TRY(load_vocabulary(l, error));
    SC_TRY(load_merges(l, error));
    SC_TRY(sc_bpe_finish(&l->t->bpe, error));
    SC_TRY(load_added(l, error));
    SC_TRY(order_added(&l->t->raw, error));
    return order_added(&l->t->normalized, error);
}

/* ---- opening --------------------------------------------------------------------------------- */

struct tokenizer_texts {
    const char *text, *config; /* [n], [n_config]; config may be NULL */
    size_t n, n_config;
};

static enum sc_status parse_object(const char *text, size_t n, const char *what, json_t **out,
                                   struct sc_error *error)
{
    SC_TRY(sc_json_parse(text, n, what, out, error)); /* what was parsed is the caller's */
    if (!json_is_object(*out))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object at the top", what);
    return SC_OK;
}

/* Parses both texts and fills the tokenizer; the objects are the caller's in any case. */
static enum sc_status parse_both(struct loader *l, json_t **top, json_t **more,
                                 const struct tokenizer_texts *texts, struct sc_error *error)
{
    SC_TRY(parse_object(texts->text, texts->n, "tokenizer.json", top, error));
    if (texts->config != NULL)
        SC_TRY(parse_object(texts->config, texts->n_config, "tokenizer_config.json", more, error));
    fill_alphabet(l);
    l->top = *top;
    l->decoder = json_object_get(*more, "added_tokens_decoder");
    l->t->chat_template = sc_template_of_config(*more);
    enum sc_status status = load(l, error);
    if (status != SC_OK)
        sc_error_prefix(error, "tokenizer.json");
    return status;
}

enum sc_status sc_tokenizer_parse(struct sc_tokenizer **out, const char *text, size_t n,
                                  const char *config, size_t n_config, struct sc_error *error)
{
    *out = NULL;
    struct loader loader = {.t = sc_alloc_zero(1, sizeof *loader.t)};
    if (loader.t == NULL)
        return sc_fail_nomem(error, "tokenizer");
    const struct tokenizer_texts texts = {text, config, n, n_config};
    json_t *top = NULL, *more = NULL;
    enum sc_status status = parse_both(&loader, &top, &more, &texts, error);
    json_decref(top);
    json_decref(more);
    sc_free(loader.key);
    if (status != SC_OK) {
        sc_tokenizer_close(loader.t);
        return status;
    }
    *out = loader.t;
    return SC_OK;
}

enum sc_status sc_tokenizer_open(struct sc_tokenizer **out, const char *folder,
                                 struct sc_error *error)
{
    char *path = sc_path_join(folder, "tokenizer.json");
    char *config_path = sc_path_join(folder, "tokenizer_config.json");
    char *text = NULL, *config = NULL;
    size_t n = 0, n_config = 0;
    enum sc_status status;

    *out = NULL;
    if (path == NULL || config_path == NULL) {
        status = sc_fail_nomem(error, "tokenizer");
        goto done;
    }
    status = sc_file_read(path, TOKENIZER_BYTES_MAX, &text, &n, error);
    if (status != SC_OK)
        goto done;
    if (sc_file_exists(config_path) &&
        (status = sc_file_read(config_path, CONFIG_BYTES_MAX, &config, &n_config, error)) != SC_OK)
        goto done;
    status = sc_tokenizer_parse(out, text, n, config, n_config, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%.250s", folder);
        goto done;
    }
    status = sc_template_of_folder(folder, &(*out)->chat_template, error);
    if (status != SC_OK) {
        sc_tokenizer_close(*out);
        *out = NULL;
    }
done:
    sc_free(config);
    sc_free(text);
    sc_free(config_path);
    sc_free(path);
    return status;
}

void sc_tokenizer_close(struct sc_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    sc_bpe_free(&tokenizer->bpe);
    sc_splitter_free(tokenizer->splitter);
    sc_free(tokenizer->raw.tokens);
    sc_free(tokenizer->normalized.tokens);
    sc_free(tokenizer->added_text);
    sc_free(tokenizer);
}

/* ---- reading a tokenizer --------------------------------------------------------------------- */

const struct sc_template_facts *sc_tokenizer_template(const struct sc_tokenizer *tokenizer)
{
    return &tokenizer->chat_template;
}

size_t sc_tokenizer_n_tokens(const struct sc_tokenizer *tokenizer)
{
    return tokenizer->bpe.n_tokens;
}

int32_t sc_tokenizer_id(const struct sc_tokenizer *tokenizer, const char *token)
{
    const struct sc_added_set *sets[] = {&tokenizer->raw, &tokenizer->normalized};
    size_t n = strlen(token), byte = (unsigned char)token[0];

    for (size_t s = 0; s < 2; s++) {
        for (size_t i = sets[s]->first[byte]; i < sets[s]->first[byte + 1]; i++) {
            const struct sc_added *added = &sets[s]->tokens[i];

            if (added->n == n && memcmp(added->text, token, n) == 0)
                return added->id;
        }
    }
    return n > 0 ? sc_bpe_find(&tokenizer->bpe, token, n) : -1;
}

static const struct sc_token *token_of(const struct sc_tokenizer *tokenizer, int32_t id)
{
    if (id < 0 || (size_t)id >= tokenizer->bpe.n_tokens ||
        tokenizer->bpe.tokens[id].kind == SC_TOKEN_NONE)
        return NULL;
    return &tokenizer->bpe.tokens[id];
}

bool sc_tokenizer_is_special(const struct sc_tokenizer *tokenizer, int32_t id)
{
    const struct sc_token *token = token_of(tokenizer, id);

    return token != NULL && token->special;
}

const char *sc_tokenizer_bytes(const struct sc_tokenizer *tokenizer, int32_t id, size_t *n)
{
    const struct sc_token *token = token_of(tokenizer, id);

    *n = token != NULL ? token->n : 0;
    return token != NULL ? tokenizer->bpe.bytes + token->begin : NULL;
}
