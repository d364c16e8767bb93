/*
 * Loading a tokenizer: tokenizer.json, and what tokenizer_config.json adds to it.
 *
 * Supported is byte-pair encoding, of bytes or of characters, with the normalizers, pre-tokenizers,
 * decoders and post-processors that the readers of these know.  Whatever else a file asks for
 * (other models, prefixes, dropout) is refused by name, because ignoring it would give other ids
 * than the model was trained on.  Read next: vocabulary.c, encode.c.
 */
#include "model/tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/vocabulary.h"

#define TOKENIZER_BYTES_MAX ((size_t)64 << 20)
#define CONFIG_BYTES_MAX ((size_t)4 << 20)

struct loader {
    struct sc_tokenizer *t;
    const json_t *top;
    const json_t *added;   /* array of tokenizer.json, may be NULL */
    json_t *added_decoder; /* added_tokens_decoder of tokenizer_config.json, may be NULL */
    struct sc_vocabulary vocabulary;
    struct sc_decoder decoder;
};

/* ---- ids ------------------------------------------------------------------------------------- */

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
    size_t i;
    const char *key;
    json_t *value;
    *n_tokens = 0;
    SC_TRY(sc_vocabulary_count(&l->vocabulary, n_tokens, error));
    json_array_foreach(l->added, i, value)
    {
        if (!sc_read_id(json_object_get(value, "id"), &id)) {
            return sc_fail(error, SC_ERR_FORMAT,
                           "added_tokens[%zu]: id: expected a number from 0 to %zu", i,
                           SC_TOKENS_MAX - 1);
        }
        count_id(id, n_tokens);
    }
    json_object_foreach(l->added_decoder, key, value)
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

/* ---- added tokens ---------------------------------------------------------------------------- */

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

/* What is looked for: a token that is matched in normalised text is so in normalised form. */
static enum sc_status look_for(const struct loader *l, const char *content,
                               struct sc_flagged *normal, struct sc_added *token,
                               struct sc_error *error)
{
    bool same = true, moved = false;

    if (token->normalized)
        SC_TRY(sc_normalizer_run(&l->t->normalizer, content, NULL, token->n, normal, &same, &moved,
                                 error));
    token->n = same ? token->n : normal->text.len;
    if (token->n == 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "content: nothing is left when normalised");
    token->text = sc_strndup(same ? content : normal->text.data, token->n);
    if (token->text == NULL)
        return sc_fail_nomem(error, "added tokens");
    return sc_added_set_add(token->normalized ? &l->t->normalized : &l->t->raw, token, error);
}

/* Gives the id its text, or checks the one that it has; *known: it is an added token already. */
static enum sc_status name_token(struct loader *l, int32_t id, const char *content, size_t n,
                                 bool *known, struct sc_error *error)
{
    struct sc_bpe *bpe = &l->t->bpe;
    const struct sc_token *token = &bpe->tokens[id];

    *known = false;
    if (token->kind == SC_TOKEN_NONE)
        return sc_bpe_add_token(bpe, id, SC_TOKEN_ADDED, content, n, error);
    if (token->n != n || memcmp(bpe->bytes + token->begin, content, n) != 0)
        return sc_fail(error, SC_ERR_FORMAT, "id %d: the vocabulary has another text for it",
                       (int)id);
    *known = is_added(l->t, id);
    return SC_OK;
}

/* `late`: from tokenizer_config.json, where a token known already may be repeated. */
static enum sc_status add_added(struct loader *l, int32_t id, const json_t *value, bool late,
                                struct sc_error *error)
{
    const json_t *content = json_object_get(value, "content");
    const char *text = json_string_value(content);
    size_t n = json_string_length(content);
    bool known, special = json_is_true(json_object_get(value, "special"));
    if (n == 0 || strlen(text) != n)
        return sc_fail(error, SC_ERR_FORMAT, "content: expected text");
    SC_TRY(name_token(l, id, text, n, &known, error));
    if (known)
        return late ? SC_OK : sc_fail(error, SC_ERR_FORMAT, "id %d: expected one entry", (int)id);
    l->t->bpe.tokens[id].special = special;
    struct sc_added token = {.n = n,
                             .id = id,
                             .normalized = json_is_true(json_object_get(value, "normalized")),
                             .left = json_is_true(json_object_get(value, "lstrip")),
                             .right = json_is_true(json_object_get(value, "rstrip")),
                             .single_word = json_is_true(json_object_get(value, "single_word")),
                             .is_text = !special && sc_added_is_text(text, n)};
    struct sc_flagged normal = {0};
    enum sc_status status = look_for(l, text, &normal, &token, error);
    sc_flagged_free(&normal);
    return status;
}

static enum sc_status load_added(struct loader *l, struct sc_error *error)
{
    size_t i;
    const char *key;
    json_t *value;
    json_array_foreach(l->added, i, value)
    {
        enum sc_status status = add_added(
            l, (int32_t)json_integer_value(json_object_get(value, "id")), value, false, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "added_tokens[%zu]", i);
            return status;
        }
    }
    json_object_foreach(l->added_decoder, key, value)
    {
        int32_t id = 0;
        read_key_id(key, &id);
        enum sc_status status = add_added(l, id, value, true, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "added_tokens_decoder: %s", key);
            return status;
        }
    }
    SC_TRY(sc_added_set_order(&l->t->raw, error));
    return sc_added_set_order(&l->t->normalized, error);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* What the tokens of a vocabulary of text say. */
static enum sc_status say_tokens(struct loader *l, struct sc_error *error)
{
    struct sc_bpe *bpe = &l->t->bpe;
    struct sc_text said = {0};
    enum sc_status status = SC_OK;

    for (size_t id = 0; status == SC_OK && id < bpe->n_tokens; id++) {
        const struct sc_token *token = &bpe->tokens[id];
        if (token->kind == SC_TOKEN_NONE)
            continue;
        sc_decoder_say(&l->decoder, bpe->bytes + token->begin, token->n, &said);
        status = said.failed ? sc_fail_nomem(error, "vocabulary")
                             : sc_bpe_set_said(bpe, (int32_t)id, said.data, said.len, error);
    }
    sc_text_free(&said);
    return status;
}

static enum sc_status load(struct loader *l, struct sc_error *error)
{
    const json_t *top = l->top;
    struct sc_tokenizer *t = l->t;
    l->added = json_object_get(top, "added_tokens");
    if (l->added != NULL && !json_is_null(l->added) && !json_is_array(l->added))
        return sc_fail(error, SC_ERR_FORMAT, "added_tokens: expected an array");
    SC_TRY(sc_vocabulary_find(&l->vocabulary, top, error));
    SC_TRY(sc_normalizer_parse(&t->normalizer, json_object_get(top, "normalizer"), error));
    SC_TRY(sc_pre_tokenizer_parse(&t->pre, json_object_get(top, "pre_tokenizer"), error));
    SC_TRY(
        sc_decoder_parse(&l->decoder, json_object_get(top, "decoder"), t->pre.byte_level, error));
    size_t n_tokens = 0;
    SC_TRY(count_tokens(l, &n_tokens, error));
    SC_TRY(sc_processor_parse(&t->before, &t->after, json_object_get(top, "post_processor"),
                              n_tokens, error));
    SC_TRY(sc_vocabulary_load(&l->vocabulary, t->pre.byte_level, n_tokens, &t->bpe, error));
    SC_TRY(load_added(l, error));
    return t->pre.byte_level ? SC_OK : say_tokens(l, error);
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
    l->top = *top;
    l->added_decoder = json_object_get(*more, "added_tokens_decoder");
    SC_TRY(sc_chat_source_of_config(*more, &l->t->chat_source, error));
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
    sc_vocabulary_free(&loader.vocabulary);
    sc_decoder_free(&loader.decoder);
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
    bool found;
    status = sc_file_look(config_path, &found, error);
    if (found)
        status = sc_file_read(config_path, CONFIG_BYTES_MAX, &config, &n_config, error);
    if (status != SC_OK)
        goto done;
    status = sc_tokenizer_parse(out, text, n, config, n_config, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%.250s", folder);
        goto done;
    }
    status = sc_chat_source_of_folder(folder, &(*out)->chat_source, error);
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
    sc_normalizer_free(&tokenizer->normalizer);
    sc_pre_tokenizer_free(&tokenizer->pre);
    sc_added_set_free(&tokenizer->raw);
    sc_added_set_free(&tokenizer->normalized);
    sc_free(tokenizer->before.ids);
    sc_free(tokenizer->after.ids);
    sc_chat_source_free(&tokenizer->chat_source);
    sc_free(tokenizer);
}

/* ---- reading a tokenizer --------------------------------------------------------------------- */

const struct sc_chat_source *sc_tokenizer_chat_source(const struct sc_tokenizer *tokenizer)
{
    return &tokenizer->chat_source;
}

size_t sc_tokenizer_n_tokens(const struct sc_tokenizer *tokenizer)
{
    return tokenizer->bpe.n_tokens;
}

/* Whether an added token is written so: what is looked for may be its normal form. */
static bool is_written(const struct sc_bpe *bpe, const struct sc_added *added, const char *token,
                       size_t n)
{
    const struct sc_token *entry = &bpe->tokens[added->id];
    return entry->n == n && memcmp(bpe->bytes + entry->begin, token, n) == 0;
}

int32_t sc_tokenizer_id(const struct sc_tokenizer *tokenizer, const char *token)
{
    const struct sc_added_set *raw = &tokenizer->raw, *normalized = &tokenizer->normalized;
    size_t n = strlen(token), byte = (unsigned char)token[0];

    for (size_t i = raw->first[byte]; i < raw->first[byte + 1]; i++)
        if (is_written(&tokenizer->bpe, &raw->tokens[i], token, n))
            return raw->tokens[i].id;
    for (size_t i = 0; i < normalized->n; i++)
        if (is_written(&tokenizer->bpe, &normalized->tokens[i], token, n))
            return normalized->tokens[i].id;
    return n > 0 ? sc_bpe_find(&tokenizer->bpe, token, n) : -1;
}

struct sc_tokenizer_around sc_tokenizer_around(const struct sc_tokenizer *tokenizer)
{
    return (struct sc_tokenizer_around){tokenizer->before.ids, tokenizer->before.n,
                                        tokenizer->after.ids, tokenizer->after.n};
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

    *n = token != NULL ? token->said_n : 0;
    return token != NULL ? tokenizer->bpe.bytes + token->said_begin : NULL;
}
