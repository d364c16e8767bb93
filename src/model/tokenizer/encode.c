/*
 * Text to ids and back.
 *
 * With `special`, all added tokens are recognised, control tokens such as <|im_end|> and others
 * such as <think> alike; without, every character of the text is text.  What lies between added
 * tokens is normalised and split on its own, as the tokenizers of Hugging Face do.  A byte of the
 * text is never dropped: what cannot be encoded is an error.  Read next: chat.c.
 */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/tokenizer.h"

#define TEXT_BYTES_MAX ((size_t)1 << 30)

struct encoder {
    const struct sc_tokenizer *tokenizer;
    struct sc_bpe_scratch scratch;
    struct sc_pieces pieces;
    struct sc_ids *out;
    bool special;
};

static enum sc_status add_id(struct encoder *e, int32_t id, struct sc_error *error)
{
    return sc_ids_add(e->out, id) == 0 ? SC_OK : sc_fail_nomem(error, "tokens");
}

/* Text in which nothing is special any more. */
static enum sc_status encode_plain(struct encoder *e, const char *text, size_t n,
                                   struct sc_error *error)
{
    sc_pieces_set(&e->pieces, text, n);
    for (;;) {
        const char *piece;
        size_t length;
        SC_TRY(sc_pieces_next(&e->pieces, &piece, &length, error));
        if (length == 0)
            return SC_OK;
        SC_TRY(sc_bpe_encode(&e->tokenizer->bpe, &e->scratch, piece, length, e->out, error));
    }
}

/* The longest added token at this position, or NULL. */
static const struct sc_added *added_at(const struct sc_added_set *set, const char *text, size_t n)
{
    size_t byte = (unsigned char)text[0];

    for (size_t i = set->first[byte]; i < set->first[byte + 1]; i++) {
        const struct sc_added *token = &set->tokens[i];

        if (token->n <= n && memcmp(token->text, text, token->n) == 0)
            return token;
    }
    return NULL;
}

typedef enum sc_status encode_text(struct encoder *e, const char *text, size_t n,
                                   struct sc_error *error);

/* Cuts the text at added tokens, leftmost and longest first; the rest goes to `each`. */
static enum sc_status cut_at_added(struct encoder *e, const struct sc_added_set *set,
                                   const char *text, size_t n, encode_text *each,
                                   struct sc_error *error)
{
    if (!e->special || set->n == 0)
        return each(e, text, n, error);
    size_t begin = 0;
    for (size_t at = 0; at < n;) {
        const struct sc_added *token = added_at(set, text + at, n - at);

        if (token == NULL) {
            at++;
            continue;
        }
        if (at > begin)
            SC_TRY(each(e, text + begin, at - begin, error));
        SC_TRY(add_id(e, token->id, error));
        at += token->n;
        begin = at;
    }
    return begin < n ? each(e, text + begin, n - begin, error) : SC_OK;
}

static enum sc_status encode_normalized(struct encoder *e, const char *text, size_t n,
                                        struct sc_error *error)
{
    const struct sc_added_set *added = &e->tokenizer->normalized;
    if (!e->tokenizer->nfc)
        return cut_at_added(e, added, text, n, encode_plain, error);
    char *normal = NULL; /* stays NULL where the text is in normal form already */
    size_t n_normal = 0;
    SC_TRY(sc_nfc(text, n, &normal, &n_normal, error));
    enum sc_status status = normal != NULL
                                ? cut_at_added(e, added, normal, n_normal, encode_plain, error)
                                : cut_at_added(e, added, text, n, encode_plain, error);
    sc_free(normal);
    return status;
}

enum sc_status sc_tokenizer_append(const struct sc_tokenizer *tokenizer, const char *text,
                                   size_t n_bytes, bool special, struct sc_ids *out,
                                   struct sc_error *error)
{
    struct encoder e = {.tokenizer = tokenizer, .out = out, .special = special};

    if (n_bytes > TEXT_BYTES_MAX) {
        return sc_fail(error, SC_ERR_LIMIT, "text: expected at most %zu bytes, found %zu",
                       TEXT_BYTES_MAX, n_bytes);
    }
    size_t valid = sc_utf8_valid(text, n_bytes);
    if (valid != n_bytes)
        return sc_fail(error, SC_ERR_ARGUMENT, "text: byte %zu: expected UTF-8", valid);
    enum sc_status status = sc_pieces_start(&e.pieces, tokenizer->splitter, error);
    if (status == SC_OK)
        status = cut_at_added(&e, &tokenizer->raw, text, n_bytes, encode_normalized, error);
    sc_pieces_stop(&e.pieces);
    sc_free(e.scratch.memory);
    return status;
}

enum sc_status sc_tokenizer_encode(const struct sc_tokenizer *tokenizer, const char *text,
                                   size_t n_bytes, bool special, int32_t **ids, size_t *n_ids,
                                   struct sc_error *error)
{
    *ids = NULL;
    *n_ids = 0;
    struct sc_ids list = {.cap = n_bytes / 4 + 16};
    list.ids = sc_alloc_array(list.cap, sizeof *list.ids);
    if (list.ids == NULL)
        return sc_fail_nomem(error, "tokens");
    enum sc_status status = sc_tokenizer_append(tokenizer, text, n_bytes, special, &list, error);
    if (status != SC_OK) {
        sc_free(list.ids);
        return status;
    }
    *ids = list.ids;
    *n_ids = list.n;
    return SC_OK;
}

enum sc_status sc_tokenizer_decode(const struct sc_tokenizer *tokenizer, const int32_t *ids,
                                   size_t n_ids, bool with_special, char **text,
                                   struct sc_error *error)
{
    struct sc_text bytes = {0};
    *text = NULL;
    for (size_t i = 0; i < n_ids; i++) {
        size_t n = 0;
        const char *token = sc_tokenizer_bytes(tokenizer, ids[i], &n);

        if (token == NULL) {
            sc_text_free(&bytes);
            return sc_fail(error, SC_ERR_ARGUMENT, "ids[%zu]: the tokenizer has no token %d", i,
                           (int)ids[i]);
        }
        if (with_special || !sc_tokenizer_is_special(tokenizer, ids[i]))
            sc_text_add(&bytes, token, n);
    }
    if (!bytes.failed) {
        struct sc_text repaired = {0};
        sc_text_add_repaired(&repaired, bytes.len > 0 ? bytes.data : "", bytes.len);
        *text = sc_text_take(&repaired);
    }
    sc_text_free(&bytes);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, "text");
}
