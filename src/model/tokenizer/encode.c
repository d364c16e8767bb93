/*
 * Text to ids and back.
 *
 * Added tokens are recognised, control tokens such as <|im_end|> and others such as <think> alike,
 * but never where a byte of what spells one came from outside: that is text.  What lies between
 * added tokens is normalised and cut on its own, as the tokenizers of Hugging Face do.  A character
 * of the text is never dropped: what cannot be encoded is an error.  Read next: chat/frame.c.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"

#define TEXT_BYTES_MAX ((size_t)1 << 30)

struct encoder {
    const struct sc_tokenizer *tokenizer;
    struct sc_bpe_scratch scratch;
    struct sc_pre_run pre;
    struct sc_ids *out;
};

/* A text on its way: `first` where the whole text begins. */
struct part {
    const char *text; /* [n] */
    size_t n;
    const struct sc_jinja_span *outside; /* [n_outside], ascending, apart */
    size_t n_outside;
    size_t offset; /* of the text in what the spans count */
    bool first;
};

static enum sc_status take_piece(void *context, const char *piece, size_t n, struct sc_error *error)
{
    struct encoder *e = context;

    return sc_bpe_encode(&e->tokenizer->bpe, &e->scratch, piece, n, e->out, error);
}

typedef enum sc_status encode_part(struct encoder *e, const struct part *part,
                                   struct sc_error *error);

/* Text in which nothing is special any more. */
static enum sc_status encode_plain(struct encoder *e, const struct part *part,
                                   struct sc_error *error)
{
    return sc_pre_run_text(&e->pre, part->text, part->n, part->first, error);
}

/* Cuts the text at added tokens; the rest goes to `each`. */
static enum sc_status cut_at_added(struct encoder *e, const struct sc_added_set *set,
                                   const struct part *part, encode_part *each,
                                   struct sc_error *error)
{
    struct sc_added_scan scan = {.set = set,
                                 .text = part->text,
                                 .n = part->n,
                                 .outside = part->outside,
                                 .n_outside = part->n_outside,
                                 .offset = part->offset};
    const struct sc_added *token;
    do {
        struct part between = *part;
        size_t begin, end;
        token = sc_added_next(&scan, &begin, &end);
        if (scan.too_many)
            return sc_fail(
                error, SC_ERR_LIMIT,
                "text: byte %zu: looking for the tokenizer's added tokens needs too many steps",
                part->offset + scan.at);
        between.text += begin;
        between.n = end - begin;
        between.offset += begin;
        between.first = part->first && begin == 0;
        if (between.n > 0)
            SC_TRY(each(e, &between, error));
        if (token != NULL && sc_ids_add(e->out, token->id) != 0)
            return sc_fail_nomem(error, "tokens");
    } while (token != NULL);
    return SC_OK;
}

/* ---- what came from outside, of each byte and in spans --------------------------------------- */

/* Whether any, and whether all, of a part came from outside. */
static void outside_of(const struct part *part, bool *any, bool *all)
{
    size_t end = part->offset + part->n, n = 0;

    for (size_t i = 0; i < part->n_outside; i++) {
        const struct sc_jinja_span *span = &part->outside[i];
        size_t from = span->begin > part->offset ? span->begin : part->offset;
        size_t to = span->end < end ? span->end : end;
        n += from < to ? to - from : 0;
    }
    *any = n > 0;
    *all = n == part->n;
}

static char *new_flags(const struct part *part)
{
    char *flags = sc_alloc(part->n + 1);

    if (flags == NULL)
        return NULL;
    memset(flags, 0, part->n + 1);
    for (size_t i = 0; i < part->n_outside; i++) {
        const struct sc_jinja_span *span = &part->outside[i];
        size_t from = span->begin > part->offset ? span->begin - part->offset : 0;
        size_t to = span->end > part->offset ? span->end - part->offset : 0;
        to = to < part->n ? to : part->n;
        if (from < to)
            memset(flags + from, 1, to - from);
    }
    return flags;
}

/* The spans of flags [n]; *out is the caller's to free. */
static enum sc_status spans_of(const char *flags, size_t n, struct sc_jinja_span **out,
                               size_t *n_out, struct sc_error *error)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += flags[i] && (i == 0 || !flags[i - 1]);
    *n_out = 0;
    *out = sc_alloc_array(count + 1, sizeof **out);
    if (*out == NULL)
        return sc_fail_nomem(error, "text");
    for (size_t i = 0; i < n; i++) {
        if (flags[i] && (i == 0 || !flags[i - 1]))
            (*out)[(*n_out)++].begin = i;
        if (flags[i])
            (*out)[*n_out - 1].end = i + 1;
    }
    return SC_OK;
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* What the normalizer needs and makes; *flags: of each byte, whether it came from outside. */
struct normalized {
    struct sc_flagged text;
    struct sc_jinja_span *spans; /* of it */
    char *flags;
};

/* A part that the normalizer changed; `all` of it came from outside, or none, where no flags say.
 */
static enum sc_status encode_changed(struct encoder *e, struct normalized *normal,
                                     struct part *part, bool all, struct sc_error *error)
{
    const struct sc_flagged *made = &normal->text;
    const struct sc_jinja_span whole = {0, made->text.len};

    part->text = made->text.data;
    part->n = made->text.len;
    part->offset = 0;
    part->outside = &whole;
    part->n_outside = all;
    if (part->n == 0)
        return SC_OK;
    if (made->marked) {
        SC_TRY(
            spans_of(made->flags.data, made->flags.len, &normal->spans, &part->n_outside, error));
        part->outside = normal->spans;
    }
    return cut_at_added(e, &e->tokenizer->normalized, part, encode_plain, error);
}

static enum sc_status normalize_and_encode(struct encoder *e, const struct part *part,
                                           struct normalized *normal, struct sc_error *error)
{
    const struct sc_added_set *added = &e->tokenizer->normalized;
    bool any = false, all = false, same = true, moved = false;

    outside_of(part, &any, &all);
    if (any && !all && added->n > 0) {
        normal->flags = new_flags(part);
        if (normal->flags == NULL)
            return sc_fail_nomem(error, "text");
    }
    SC_TRY(sc_normalizer_run(&e->tokenizer->normalizer, part->text, normal->flags, part->n,
                             &normal->text, &same, &moved, error));
    if (same)
        return cut_at_added(e, added, part, encode_plain, error);
    struct part changed = *part;
    changed.first = part->first && !moved;
    return encode_changed(e, normal, &changed, all, error);
}

static enum sc_status encode_normalized(struct encoder *e, const struct part *part,
                                        struct sc_error *error)
{
    struct normalized normal = {0};

    if (e->tokenizer->normalizer.n == 0)
        return cut_at_added(e, &e->tokenizer->normalized, part, encode_plain, error);
    enum sc_status status = normalize_and_encode(e, part, &normal, error);
    sc_flagged_free(&normal.text);
    sc_free(normal.spans);
    sc_free(normal.flags);
    return status;
}

static enum sc_status encode_all(struct encoder *e, const struct part *whole,
                                 struct sc_error *error)
{
    SC_TRY(sc_pre_run_start(&e->pre, &e->tokenizer->pre, error));
    return cut_at_added(e, &e->tokenizer->raw, whole, encode_normalized, error);
}

enum sc_status sc_tokenizer_append_marked(const struct sc_tokenizer *tokenizer, const char *text,
                                          size_t n, const struct sc_jinja_span *outside,
                                          size_t n_outside, struct sc_ids *out,
                                          struct sc_error *error)
{
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
    struct encoder *e = sc_alloc_zero(1, sizeof *e);
    if (e == NULL)
        return sc_fail_nomem(error, "tokens");
    *e = (struct encoder){.tokenizer = tokenizer, .out = out};
    e->pre.take = take_piece;
    e->pre.context = e;
    const struct part whole = {text, n, outside, n_outside, 0, true};
    enum sc_status status = encode_all(e, &whole, error);
    sc_pre_run_stop(&e->pre);
    sc_free(e->scratch.memory);
    sc_free(e);
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
