/*
 * "normalizer" of tokenizer.json: the steps that change a text before it is cut into pieces.
 *
 * Which bytes came from outside is kept through each step, because added tokens may be looked for
 * after it.  Steps that are not known are refused by name.  Read next: pretokenizer.c.
 */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/tokenizer/normalize.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/split.h"
#include "model/tokenizer/unicode.h"

/* What normalising may make of a text: a character of three bytes becomes 33 at most in Unicode's
 * own forms, and a Replace in each of several steps could multiply without end. */
#define GROWTH_MAX 32
#define GROWTH_ANYWAY 65536
#define DEPTH_MAX 8 /* sequences in sequences */

void sc_flagged_free(struct sc_flagged *text)
{
    sc_text_free(&text->text);
    sc_text_free(&text->flags);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum sc_status read_replace(struct sc_normal_step *step, const json_t *value,
                                   struct sc_error *error)
{
    const json_t *content = json_object_get(value, "content");

    if (!json_is_string(content))
        return sc_fail(error, SC_ERR_FORMAT, "Replace: content: expected text");
    step->kind = SC_STEP_REPLACE;
    step->n = json_string_length(content);
    step->text = sc_strndup(json_string_value(content), step->n);
    if (step->text == NULL)
        return sc_fail_nomem(error, "normalizer");
    return sc_pattern_parse(&step->what, json_object_get(value, "pattern"), error);
}

static enum sc_status read_prepend(struct sc_normal_step *step, const json_t *value,
                                   struct sc_error *error)
{
    const json_t *prepend = json_object_get(value, "prepend");

    if (!json_is_string(prepend))
        return sc_fail(error, SC_ERR_FORMAT, "Prepend: prepend: expected text");
    step->kind = SC_STEP_PREPEND;
    step->n = json_string_length(prepend);
    step->text = sc_strndup(json_string_value(prepend), step->n);
    return step->text != NULL ? SC_OK : sc_fail_nomem(error, "normalizer");
}

static enum sc_status read_step(struct sc_normal_step *step, const json_t *value,
                                struct sc_error *error)
{
    static const char *const forms[] = {
        [SC_NFC] = "NFC", [SC_NFD] = "NFD", [SC_NFKC] = "NFKC", [SC_NFKD] = "NFKD"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (sc_has_type(value, forms[i])) {
            *step = (struct sc_normal_step){.kind = SC_STEP_FORM, .form = (enum sc_normal_form)i};
            return SC_OK;
        }
    }
    if (sc_has_type(value, "Prepend"))
        return read_prepend(step, value, error);
    if (sc_has_type(value, "Replace"))
        return read_replace(step, value, error);
    if (sc_has_type(value, "Strip")) {
        step->kind = SC_STEP_STRIP;
        step->left = json_is_true(json_object_get(value, "strip_left"));
        step->right = json_is_true(json_object_get(value, "strip_right"));
        return SC_OK;
    }
    return sc_unknown_type(
        value, "NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip or a Sequence of these", error);
}

static enum sc_status read_steps(struct sc_normalizer *out, const json_t *value, int depth,
                                 struct sc_error *error)
{
    if (!sc_has_type(value, "Sequence")) {
        if (out->n == SC_NORMAL_STEPS_MAX)
            return sc_fail(error, SC_ERR_LIMIT, "expected at most %d steps", SC_NORMAL_STEPS_MAX);
        return read_step(&out->steps[out->n++], value, error);
    }
    const json_t *parts = json_object_get(value, "normalizers");
    if (!json_is_array(parts) || depth == DEPTH_MAX)
        return sc_fail(error, SC_ERR_FORMAT, "Sequence: normalizers: expected a list");
    for (size_t i = 0; i < json_array_size(parts); i++)
        SC_TRY(read_steps(out, json_array_get(parts, i), depth + 1, error));
    return SC_OK;
}

enum sc_status sc_normalizer_parse(struct sc_normalizer *out, const json_t *value,
                                   struct sc_error *error)
{
    *out = (struct sc_normalizer){0};
    if (value == NULL || json_is_null(value))
        return SC_OK;
    enum sc_status status = read_steps(out, value, 0, error);
    if (status != SC_OK)
        sc_error_prefix(error, "normalizer");
    return status;
}

void sc_normalizer_free(struct sc_normalizer *normalizer)
{
    for (size_t i = 0; i < normalizer->n; i++) {
        sc_free(normalizer->steps[i].text);
        sc_splitter_free(normalizer->steps[i].what);
    }
    normalizer->n = 0;
}

/* ---- running --------------------------------------------------------------------------------- */

/* The text before a step: flags are NULL where nothing in it came from outside. */
struct before {
    const char *text, *flags; /* [n] */
    size_t n;
    bool spaced; /* the text began with a space before all steps */
    size_t most; /* bytes that a step may make of it */
};

static void add(struct sc_flagged *out, const char *text, const char *flags, size_t n)
{
    sc_text_add(&out->text, text, n);
    if (flags != NULL)
        sc_text_add(&out->flags, flags, n);
}

/* Adds what the file puts in, with one flag for all of it. */
static void add_own(struct sc_flagged *out, const struct before *in,
                    const struct sc_normal_step *step, char flag)
{
    sc_text_add(&out->text, step->text, step->n);
    for (size_t i = 0; in->flags != NULL && i < step->n; i++)
        sc_text_putc(&out->flags, flag);
}

static size_t characters_in(const char *text, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static enum sc_status replace(const struct sc_normal_step *step, const struct before *in,
                              struct sc_flagged *out, bool *moved, struct sc_error *error)
{
    struct sc_pieces pieces;
    enum sc_status status = sc_pieces_start(&pieces, step->what, error);
    if (status != SC_OK)
        return status;
    sc_pieces_set(&pieces, in->text, in->n);
    for (;;) {
        const char *piece;
        size_t n;
        status = sc_pieces_next(&pieces, &piece, &n, error);
        if (status != SC_OK || n == 0)
            break;
        const char *flags = in->flags != NULL ? in->flags + (piece - in->text) : NULL;
        if (!pieces.matched) {
            add(out, piece, flags, n);
            continue;
        }
        add_own(out, in, step, flags != NULL && memchr(flags, 1, n) != NULL);
        if (out->text.len > in->most)
            break; /* its length is what the caller looks at */
        if (piece == in->text && (step->n == 0 || characters_in(piece, n) > 1))
            *moved = true;
    }
    sc_pieces_stop(&pieces);
    return status;
}

static size_t space_at(const char *text, size_t n)
{
    uint32_t point = 0;
    size_t length = n > 0 ? sc_utf8_decode(text, n, &point) : 0;

    return length > 0 && sc_unicode_is_space(point) ? length : 0;
}

static void strip(const struct sc_normal_step *step, const struct before *in,
                  struct sc_flagged *out, bool *moved)
{
    size_t begin = 0, end = in->n;

    for (size_t n = 1; step->left && begin < end && n > 0; begin += n)
        n = space_at(in->text + begin, end - begin);
    /* A space that a normal form made of the first character leaves the rest of that where it was.
     */
    *moved = *moved || (begin > 0 && in->spaced);
    while (step->right && end > begin) {
        size_t at = end - 1;
        while (at > begin && ((unsigned char)in->text[at] & 0xC0) == 0x80)
            at--;
        if (space_at(in->text + at, end - at) == 0)
            break;
        end = at;
    }
    add(out, in->text + begin, in->flags != NULL ? in->flags + begin : NULL, end - begin);
}

/* Whether a step would plainly leave the text as it is. */
static bool leaves(const struct sc_normal_step *step, const struct before *in)
{
    switch (step->kind) {
    case SC_STEP_FORM:
        return sc_is_plainly_normal(step->form, in->text, in->n);
    case SC_STEP_PREPEND:
        return in->n == 0 || step->n == 0;
    default:
        return in->n == 0;
    }
}

static enum sc_status run_step(const struct sc_normal_step *step, const struct before *in,
                               struct sc_flagged *out, bool *moved, struct sc_error *error)
{
    sc_text_clear(&out->text);
    sc_text_clear(&out->flags);
    sc_text_puts(&out->text, "");
    switch (step->kind) {
    case SC_STEP_FORM:
        SC_TRY(sc_normal_form(step->form, in->text, in->flags, in->n, out, error));
        break;
    case SC_STEP_PREPEND:
        add_own(out, in, step, 0);
        add(out, in->text, in->flags, in->n);
        break;
    case SC_STEP_REPLACE:
        SC_TRY(replace(step, in, out, moved, error));
        break;
    case SC_STEP_STRIP:
        strip(step, in, out, moved);
        break;
    }
    if (out->text.failed || out->flags.failed)
        return sc_fail_nomem(error, "normalised text");
    if (out->text.len > in->most)
        return sc_fail(error, SC_ERR_LIMIT,
                       "text: the tokenizer's normalizer makes more than %zu bytes of it",
                       in->most);
    return SC_OK;
}

enum sc_status sc_normalizer_run(const struct sc_normalizer *normalizer, const char *text,
                                 const char *flags, size_t n, struct sc_flagged *out, bool *same,
                                 bool *moved, struct sc_error *error)
{
    struct sc_flagged other = {0};
    const bool spaced = space_at(text, n) > 0;
    const size_t most = GROWTH_ANYWAY + sc_size_mul(n, GROWTH_MAX);
    struct before now = {text, flags, n, spaced, most};
    enum sc_status status = SC_OK;

    *same = true;
    out->marked = flags != NULL;
    for (size_t i = 0; status == SC_OK && i < normalizer->n; i++) {
        if (leaves(&normalizer->steps[i], &now))
            continue;
        /* What the last step wrote is read while this one writes. */
        struct sc_flagged written = *out;
        *out = other;
        other = written;
        status = run_step(&normalizer->steps[i], &now, out, moved, error);
        now = (struct before){out->text.data, flags != NULL ? out->flags.data : NULL, out->text.len,
                              spaced, most};
        if (flags != NULL && now.n == 0)
            now.flags = "";
        *same = false;
    }
    out->marked = flags != NULL;
    sc_flagged_free(&other);
    return status;
}
