/*
 * "decoder" and "post_processor" of tokenizer.json.
 *
 * A text is what its tokens say, one after another, so that a trace's text is known by each of its
 * tokens: what a decoder does to a text as a whole (the space that Strip takes off its beginning)
 * is not done, because an answer goes on where a prompt ended.  Decoders that are not known are
 * refused by name.  Read next: tokenizer.c.
 */
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/parts.h"

#define DEPTH_MAX 8 /* sequences in sequences */

/* ---- decoder --------------------------------------------------------------------------------- */

static enum sc_status set_replace(struct sc_decoder *out, const json_t *from, const json_t *to,
                                  struct sc_error *error)
{
    if (!json_is_string(from) || json_string_length(from) == 0 || !json_is_string(to))
        return sc_fail(error, SC_ERR_UNSUPPORTED, "expected a String that is replaced by a text");
    if (out->from != NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "expected one text that is replaced, found two");
    out->n_from = json_string_length(from);
    out->n_to = json_string_length(to);
    out->from = sc_strndup(json_string_value(from), out->n_from);
    out->to = sc_strndup(json_string_value(to), out->n_to);
    return out->from != NULL && out->to != NULL ? SC_OK : sc_fail_nomem(error, "decoder");
}

static enum sc_status read_metaspace(struct sc_decoder *out, const json_t *value,
                                     struct sc_error *error)
{
    json_t *space = json_string(" ");
    enum sc_status status =
        space == NULL ? sc_fail_nomem(error, "decoder")
                      : set_replace(out, json_object_get(value, "replacement"), space, error);
    json_decref(space);
    return status;
}

/* *fused: the tokens are one text by now, and what follows concerns its ends alone. */
static enum sc_status read_decoder(struct sc_decoder *out, const json_t *value, int depth,
                                   bool *fused, struct sc_error *error)
{
    if (sc_has_type(value, "Sequence")) {
        const json_t *parts = json_object_get(value, "decoders");
        if (!json_is_array(parts) || depth == DEPTH_MAX)
            return sc_fail(error, SC_ERR_FORMAT, "Sequence: decoders: expected a list");
        for (size_t i = 0; i < json_array_size(parts); i++)
            SC_TRY(read_decoder(out, json_array_get(parts, i), depth + 1, fused, error));
        return SC_OK;
    }
    if (sc_has_type(value, "Fuse")) {
        *fused = true;
        return SC_OK;
    }
    if (sc_has_type(value, "Strip") && *fused)
        return SC_OK;
    if (sc_has_type(value, "Replace") && !*fused)
        return set_replace(out, json_object_get(json_object_get(value, "pattern"), "String"),
                           json_object_get(value, "content"), error);
    if (sc_has_type(value, "Metaspace") && !*fused)
        return read_metaspace(out, value, error);
    if (sc_has_type(value, "ByteFallback") && !*fused) {
        out->bytes = true;
        return SC_OK;
    }
    return sc_unknown_type(value,
                           "Replace, ByteFallback, Metaspace, then Fuse, then Strip, or a Sequence "
                           "of these",
                           error);
}

/* Neither may change the text: ByteLevel, alone or in sequence, or nothing. */
static enum sc_status read_byte_level(const json_t *value, int depth, struct sc_error *error)
{
    const json_t *parts = json_object_get(value, "decoders");

    if (sc_has_type(value, "ByteLevel") || sc_has_type(value, "Fuse"))
        return SC_OK;
    if (!sc_has_type(value, "Sequence") || !json_is_array(parts) || depth == DEPTH_MAX)
        return sc_unknown_type(value, "ByteLevel, as the pre_tokenizer", error);
    for (size_t i = 0; i < json_array_size(parts); i++)
        SC_TRY(read_byte_level(json_array_get(parts, i), depth + 1, error));
    return SC_OK;
}

enum sc_status sc_decoder_parse(struct sc_decoder *out, const json_t *value, bool byte_level,
                                struct sc_error *error)
{
    bool fused = false;
    enum sc_status status;

    *out = (struct sc_decoder){0};
    if (value == NULL || json_is_null(value))
        return SC_OK;
    status =
        byte_level ? read_byte_level(value, 0, error) : read_decoder(out, value, 0, &fused, error);
    if (status != SC_OK)
        sc_error_prefix(error, "decoder");
    return status;
}

void sc_decoder_free(struct sc_decoder *decoder)
{
    sc_free(decoder->from);
    sc_free(decoder->to);
    *decoder = (struct sc_decoder){0};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sc_byte_token(const char *token, size_t n)
{
    if (n != 6 || memcmp(token, "<0x", 3) != 0 || token[5] != '>')
        return -1;
    int high = hex_value(token[3]), low = hex_value(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void sc_decoder_say(const struct sc_decoder *decoder, const char *token, size_t n,
                    struct sc_text *out)
{
    int byte = decoder->bytes ? sc_byte_token(token, n) : -1;

    sc_text_clear(out);
    sc_text_puts(out, "");
    if (byte >= 0) {
        sc_text_putc(out, (char)byte);
        return;
    }
    for (size_t at = 0; at < n;) {
        const char *found = decoder->from != NULL
                                ? memmem(token + at, n - at, decoder->from, decoder->n_from)
                                : NULL;
        size_t end = found != NULL ? (size_t)(found - token) : n;
        sc_text_add(out, token + at, end - at);
        if (found != NULL)
            sc_text_add(out, decoder->to, decoder->n_to);
        at = end + (found != NULL ? decoder->n_from : 0);
    }
}

/* ---- post-processor -------------------------------------------------------------------------- */

struct processing {
    struct sc_ids *before, *after;
    size_t n_tokens;
};

static enum sc_status read_id(const struct processing *p, const json_t *value, int32_t *id,
                              struct sc_error *error)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (size_t)number >= p->n_tokens)
        return sc_fail(error, SC_ERR_FORMAT, "expected an id below %zu", p->n_tokens);
    *id = (int32_t)number;
    return SC_OK;
}

static enum sc_status add_id(struct sc_ids *list, int32_t id, struct sc_error *error)
{
    return sc_ids_add(list, id) == 0 ? SC_OK : sc_fail_nomem(error, "post_processor");
}

/* What this processor puts before goes before what those behind it did. */
static enum sc_status put_before(struct processing *p, const struct sc_ids *own,
                                 struct sc_error *error)
{
    size_t n = p->before->n;

    for (size_t i = 0; i < own->n; i++)
        SC_TRY(add_id(p->before, own->ids[i], error));
    if (own->n == 0)
        return SC_OK;
    memmove(p->before->ids + own->n, p->before->ids, n * sizeof own->ids[0]);
    memcpy(p->before->ids, own->ids, own->n * sizeof own->ids[0]);
    return SC_OK;
}

static enum sc_status read_special(struct processing *p, const json_t *tokens, const json_t *piece,
                                   struct sc_ids *out, struct sc_error *error)
{
    const char *name = json_string_value(json_object_get(piece, "id"));
    const json_t *ids = name != NULL ? json_object_get(json_object_get(tokens, name), "ids") : NULL;

    if (!json_is_array(ids))
        return sc_fail(error, SC_ERR_FORMAT, "special_tokens: expected the ids of \"%.60s\"",
                       name != NULL ? name : "");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        int32_t id = 0;
        SC_TRY(read_id(p, json_array_get(ids, i), &id, error));
        SC_TRY(add_id(out, id, error));
    }
    return SC_OK;
}

static enum sc_status read_template(struct processing *p, const json_t *value, struct sc_ids *own,
                                    struct sc_error *error)
{
    const json_t *single = json_object_get(value, "single");
    const json_t *tokens = json_object_get(value, "special_tokens");
    bool has_text = false;

    if (!json_is_array(single))
        return sc_fail(error, SC_ERR_FORMAT, "single: expected a list");
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *piece = json_array_get(single, i);
        const json_t *sequence = json_object_get(piece, "Sequence");
        const char *which = json_string_value(json_object_get(sequence, "id"));
        if (sequence == NULL) {
            SC_TRY(read_special(p, tokens, json_object_get(piece, "SpecialToken"),
                                has_text ? p->after : own, error));
            continue;
        }
        if (has_text || which == NULL || strcmp(which, "A") != 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED, "single: expected the text once, as A");
        has_text = true;
    }
    return has_text ? SC_OK
                    : sc_fail(error, SC_ERR_UNSUPPORTED, "single: expected the text once, as A");
}

/* cls and sep, each [text, id]. */
static enum sc_status read_pair(struct processing *p, const json_t *value, struct sc_ids *own,
                                struct sc_error *error)
{
    int32_t cls = 0, sep = 0;

    SC_TRY(read_id(p, json_array_get(json_object_get(value, "cls"), 1), &cls, error));
    SC_TRY(read_id(p, json_array_get(json_object_get(value, "sep"), 1), &sep, error));
    SC_TRY(add_id(own, cls, error));
    return add_id(p->after, sep, error);
}

static enum sc_status read_processor(struct processing *p, const json_t *value, int depth,
                                     struct sc_error *error);

static enum sc_status read_processors(struct processing *p, const json_t *value, int depth,
                                      struct sc_error *error)
{
    const json_t *parts = json_object_get(value, "processors");
    if (!json_is_array(parts) || depth == DEPTH_MAX)
        return sc_fail(error, SC_ERR_FORMAT, "Sequence: processors: expected a list");
    for (size_t i = 0; i < json_array_size(parts); i++)
        SC_TRY(read_processor(p, json_array_get(parts, i), depth + 1, error));
    return SC_OK;
}

/* One that puts ids around; those before the text are put in `own` first. */
static enum sc_status read_around(struct processing *p, const json_t *value, struct sc_ids *own,
                                  struct sc_error *error)
{
    if (sc_has_type(value, "TemplateProcessing"))
        SC_TRY(read_template(p, value, own, error));
    else if (sc_has_type(value, "RobertaProcessing") || sc_has_type(value, "BertProcessing"))
        SC_TRY(read_pair(p, value, own, error));
    else
        return sc_unknown_type(value,
                               "ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing "
                               "or a Sequence of these",
                               error);
    return put_before(p, own, error);
}

static enum sc_status read_processor(struct processing *p, const json_t *value, int depth,
                                     struct sc_error *error)
{
    struct sc_ids own = {0};

    if (sc_has_type(value, "ByteLevel"))
        return SC_OK;
    if (sc_has_type(value, "Sequence"))
        return read_processors(p, value, depth, error);
    enum sc_status status = read_around(p, value, &own, error);
    sc_free(own.ids);
    return status;
}

enum sc_status sc_processor_parse(struct sc_ids *before, struct sc_ids *after, const json_t *value,
                                  size_t n_tokens, struct sc_error *error)
{
    struct processing p = {before, after, n_tokens};

    if (value == NULL || json_is_null(value))
        return SC_OK;
    enum sc_status status = read_processor(&p, value, 0, error);
    if (status != SC_OK)
        sc_error_prefix(error, "post_processor");
    return status;
}
