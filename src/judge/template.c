/*
 * Prompts of judge models, as text and as tokens.
 *
 * A frame is cut at its control tokens; what lies between two of them, inserted text included, is
 * one text for the tokenizer, encoded without recognising any control token.  So a prompt can
 * neither end its turn nor change how the frame is split, and the tokens are those of the whole
 * rendered text.  Next: parse.c, for what comes back.
 */
#include "judge/template.h"

#include <assert.h>
#include <string.h>

#include "base/embedded.h"
#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"

const char *sc_template_text(enum sc_template which, size_t *n)
{
    const unsigned char *text = NULL;
    size_t size = 0;
    switch (which) {
    case SC_TEMPLATE_GUARD_PROMPT:
        text = sc_embedded_qwen3guard_prompt;
        size = sc_embedded_qwen3guard_prompt_size;
        break;
    case SC_TEMPLATE_GUARD_RESPONSE:
        text = sc_embedded_qwen3guard_response;
        size = sc_embedded_qwen3guard_response_size;
        break;
    case SC_TEMPLATE_WILDGUARD:
        text = sc_embedded_wildguard;
        size = sc_embedded_wildguard_size;
        break;
    case SC_N_TEMPLATES:
        break;
    }
    if (n != NULL)
        *n = size;
    return (const char *)text;
}

/* Parts of a frame. */
enum part { PART_TEXT, PART_CONTROL, PART_PROMPT, PART_RESPONSE };

static const struct {
    const char *mark;
    enum part part;
} marks[] = {
    {"{prompt}", PART_PROMPT},    {"{response}", PART_RESPONSE}, {"<|im_start|>", PART_CONTROL},
    {"<|im_end|>", PART_CONTROL}, {"<think>", PART_CONTROL},     {"</think>", PART_CONTROL},
};

/* The part that begins at frame[at] and its length. */
static enum part next_part(const char *frame, size_t n, size_t at, size_t *length)
{
    for (size_t end = at; end < n; end++) {
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            size_t mark = strlen(marks[i].mark);
            if (mark > n - end || memcmp(frame + end, marks[i].mark, mark) != 0)
                continue;
            *length = end == at ? mark : end - at;
            return end == at ? marks[i].part : PART_TEXT;
        }
    }
    *length = n - at;
    return PART_TEXT;
}

/* What a part of a frame stands for. */
static void add_part(struct sc_text *out, enum part part, const char *bytes, size_t n,
                     struct sc_template_texts texts)
{
    if (part == PART_PROMPT)
        sc_text_puts(out, texts.prompt);
    else if (part == PART_RESPONSE)
        sc_text_puts(out, texts.response != NULL ? texts.response : "");
    else
        sc_text_add(out, bytes, n);
}

void sc_frame_render(const char *frame, size_t n, const char *prompt, const char *response,
                     struct sc_text *out)
{
    size_t length;
    for (size_t at = 0; at < n; at += length) {
        enum part part = next_part(frame, n, at, &length);
        add_part(out, part, frame + at, length, (struct sc_template_texts){prompt, response});
    }
}

/* ---- as tokens ------------------------------------------------------------------------------- */

struct encoding {
    const struct sc_tokenizer *tokenizer;
    int32_t *ids;
    size_t n, cap;
    struct sc_text text; /* since the last control token */
};

static enum sc_status add_ids(struct encoding *e, const int32_t *ids, size_t n,
                              struct sc_error *error)
{
    if (n > e->cap - e->n) {
        size_t cap = sc_size_add(2 * e->cap, n);
        int32_t *more = sc_resize(e->ids, cap, sizeof *more);
        if (more == NULL)
            return sc_fail_nomem(error, "tokens of a judge's prompt");
        e->ids = more;
        e->cap = cap;
    }
    if (n > 0)
        memcpy(e->ids + e->n, ids, n * sizeof *ids);
    e->n += n;
    return SC_OK;
}

/* Encodes the text since the last control token. */
static enum sc_status flush(struct encoding *e, struct sc_error *error)
{
    if (e->text.failed)
        return sc_fail_nomem(error, "a judge's prompt");
    if (e->text.len == 0)
        return SC_OK;
    int32_t *ids = NULL;
    size_t n = 0;
    SC_TRY(sc_tokenizer_encode(e->tokenizer, e->text.data, e->text.len, false, &ids, &n, error));
    enum sc_status status = add_ids(e, ids, n, error);
    sc_release(ids);
    sc_text_clear(&e->text);
    return status;
}

static enum sc_status add_control(struct encoding *e, const char *mark, size_t length,
                                  struct sc_error *error)
{
    SC_TRY(flush(e, error));
    char name[16] = {0};
    assert(length < sizeof name);
    memcpy(name, mark, length);
    int32_t id = sc_tokenizer_id(e->tokenizer, name);
    if (id < 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "a judge's prompt: the tokenizer has no token \"%s\"", name);
    return add_ids(e, &id, 1, error);
}

static enum sc_status encode(struct encoding *e, enum sc_template which,
                             struct sc_template_texts texts, struct sc_error *error)
{
    size_t n, length;
    const char *frame = sc_template_text(which, &n);
    for (size_t at = 0; at < n; at += length) {
        enum part part = next_part(frame, n, at, &length);
        if (part == PART_CONTROL)
            SC_TRY(add_control(e, frame + at, length, error));
        else
            add_part(&e->text, part, frame + at, length, texts);
    }
    return flush(e, error);
}

enum sc_status sc_template_encode(const struct sc_tokenizer *tokenizer, enum sc_template which,
                                  struct sc_template_texts texts, int32_t **ids, size_t *n_ids,
                                  struct sc_error *error)
{
    assert(texts.prompt != NULL);
    *ids = NULL;
    *n_ids = 0;
    struct encoding e = {.tokenizer = tokenizer};
    enum sc_status status = encode(&e, which, texts, error);
    sc_text_free(&e.text);
    if (status != SC_OK) {
        sc_free(e.ids);
        return status;
    }
    *ids = e.ids;
    *n_ids = e.n;
    return SC_OK;
}
