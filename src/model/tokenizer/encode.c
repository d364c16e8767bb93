/*
 * Text to ids and back.
 *
 * All added tokens are recognised, control tokens such as <|im_end|> and others such as <think>
 * alike, but never where a byte of what spells one came from outside: that is text.  What lies
 * between added tokens is normalised and split on its own, as the tokenizers of Hugging Face do.  A
 * byte of the text is never dropped: what cannot be encoded is an error.  Read next: chat.c.
 */
#include <assert.h>
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
};

/* A text in which added tokens are looked for. */
struct part {
    const char *text; /* [n] */
    size_t n;
    const struct sc_jinja_span *outside; /* [n_outside], ascending, apart */
    size_t n_outside;
    size_t offset; /* of the text in what the spans count */
};

static enum sc_status add_id(struct encoder *e, int32_t id, struct sc_error *error)
{
    return sc_ids_add(e->out, id) == 0 ? SC_OK : sc_fail_nomem(error, "tokens");
}

/* Text in which nothing is special any more. */
static enum sc_status encode_plain(struct encoder *e, const struct part *part,
                                   struct sc_error *error)
{
    sc_pieces_set(&e->pieces, part->text, part->n);
    for (;;) {
        const char *piece;
        size_t length;
        SC_TRY(sc_pieces_next(&e->pieces, &piece, &length, error));
        if (length == 0)
            return SC_OK;
        SC_TRY(sc_bpe_encode(&e->tokenizer->bpe, &e->scratch, piece, length, e->out, error));
    }
}

/* The longest added token at this position, or NULL: its n bytes are trusted. */
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

typedef enum sc_status encode_part(struct encoder *e, const struct part *part,
                                   struct sc_error *error);

static enum sc_status encode_between(struct encoder *e, const struct part *part, size_t begin,
                                     size_t end, encode_part *each, struct sc_error *error)
{
    struct part between = *part;

    if (begin == end)
        return SC_OK;
    between.text += begin;
    between.n = end - begin;
    between.offset += begin;
    return each(e, &between, error);
}

/* Cuts the text at added tokens, leftmost and longest first, none of whose bytes came from outside;
 * the rest goes to `each`. */
static enum sc_status cut_at_added(struct encoder *e, const struct sc_added_set *set,
                                   const struct part *part, encode_part *each,
                                   struct sc_error *error)
{
    size_t begin = 0, span = 0;
    for (size_t at = 0; at < part->n && set->n > 0;) {
        size_t place = part->offset + at, end = part->n;
        while (span < part->n_outside && part->outside[span].end <= place)
            span++;
        if (span < part->n_outside && part->outside[span].begin <= place) {
            at = part->outside[span].end - part->offset;
            continue;
        }
        if (span < part->n_outside && part->outside[span].begin - part->offset < end)
            end = part->outside[span].begin - part->offset;
        const struct sc_added *token = added_at(set, part->text + at, end - at);
        if (token == NULL) {
            at++;
            continue;
        }
        SC_TRY(encode_between(e, part, begin, at, each, error));
        SC_TRY(add_id(e, token->id, error));
        at += token->n;
        begin = at;
    }
    return encode_between(e, part, begin, part->n, each, error);
}

static enum sc_status encode_normalized(struct encoder *e, const struct part *part,
                                        struct sc_error *error)
{
    const struct sc_added_set *added = &e->tokenizer->normalized;
    if (!e->tokenizer->nfc)
        return cut_at_added(e, added, part, encode_plain, error);
    char *normal = NULL; /* stays NULL where the text is in normal form already */
    size_t n_normal = 0;
    SC_TRY(sc_nfc(part->text, part->n, &normal, &n_normal, error));
    if (normal == NULL)
        return cut_at_added(e, added, part, encode_plain, error);
    /* Where the text changed, which of its bytes came from outside is not known any more. */
    const struct sc_jinja_span all = {0, n_normal};
    const struct part changed = {normal, n_normal, &all, part->n_outside > 0, 0};
    enum sc_status status = cut_at_added(e, added, &changed, encode_plain, error);
    sc_free(normal);
    return status;
}

enum sc_status sc_tokenizer_append_marked(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n, const struct sc_jinja_span *outside,
                                          size_t n_outside, struct sc_ids *out,
                                          struct sc_error *error)
{
    struct encoder e = {.tokenizer = tokenizer, .out = out};

    for (size_t i = 0; i < n_outside; i++) {
        assert(outside[i].begin < outside[i].end && outside[i].end <= n);
        assert(i == 0 || outside[i - 1].end <= outside[i].begin);
    }
    if (n > TEXT_BYTES_MAX) {
        return sc_fail(error, SC_ERR_LIMIT, "text: expected at most %zu bytes, found %zu",
                       TEXT_BYTES_MAX, n);
    }
    size_t valid = sc_utf8_valid(text, n);
    if (valid != n)
        return sc_fail(error, SC_ERR_ARGUMENT, "text: byte %zu: expected UTF-8", valid);
    const struct part whole = {text, n, outside, n_outside, 0};
    enum sc_status status = sc_pieces_start(&e.pieces, tokenizer->splitter, error);
    if (status == SC_OK)
        status = cut_at_added(&e, &tokenizer->raw, &whole, encode_normalized, error);
    sc_pieces_stop(&e.pieces);
    sc_free(e.scratch.memory);
    return status;
}

enum sc_status sc_tokenizer_append(const struct sc_tokenizer *tokenizer, const char *text,
                                   size_t n_bytes, bool special, struct sc_ids *out,
                                   struct sc_error *error)
{
    const struct sc_jinja_span all = {0, n_bytes};

    return sc_tokenizer_append_marked(tokenizer, text, n_bytes, &all, !special && n_bytes > 0, out,
                                      error);
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
