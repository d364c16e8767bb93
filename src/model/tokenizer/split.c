/*
 * Cutting a text at what a pattern matches, by PCRE2, or at a text as it is written.
 *
 * A pattern with categories is compiled twice: as PCRE2 knows them, which is fast, and with the
 * code points named that it may not know, for the rare text that has some.
 *
 * A pattern is as untrusted as the file that it comes from, and PCRE2's own limits hold for one
 * place where a match may begin, not for a text.  So PCRE2 calls us before each item of the
 * pattern, and we count how far it went since: steps of all matches of a text, which may be so many
 * for each of its bytes.  Published patterns take about five.  Read next: pretokenizer.c.
 */
#include "model/tokenizer/split.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/pattern_steps.h"
#include "model/tokenizer/unicode.h"

#define PATTERN_BYTES_MAX 4096
#define MATCH_LIMIT 20000000 /* steps back in one match: 20 MB of spaces is refused */
#define HEAP_LIMIT_KIB 65536
#define STEPS_ANYWAY 65536 /* however short the text */

struct code {
    pcre2_code *code;
    bool jit;
};

struct sc_splitter {
    pcre2_general_context *general;
    pcre2_compile_context *compile;
    pcre2_match_context *limits;
    struct code known, newer; /* newer.code NULL: known serves for all texts */
    char *literal;            /* [n_literal], or NULL: a pattern */
    size_t n_literal;
};

/* ---- compiling ------------------------------------------------------------------------------- */

static enum sc_status compile(const struct sc_splitter *s, const struct sc_text *pattern,
                              struct code *out, struct sc_error *error)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    uint32_t matches_empty = 0;

    out->code = pcre2_compile((PCRE2_SPTR)pattern->data, pattern->len,
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C |
                                  PCRE2_NO_AUTO_CAPTURE | PCRE2_AUTO_CALLOUT,
                              &code, &at, s->compile);
    if (out->code == NULL) {
        PCRE2_UCHAR text[128];

        if (code == PCRE2_ERROR_HEAP_FAILED)
            return sc_fail_nomem(error, "pattern");
        pcre2_get_error_message(code, text, sizeof text);
        return sc_fail(error, SC_ERR_FORMAT, "pattern: %s", (const char *)text);
    }
    pcre2_pattern_info(out->code, PCRE2_INFO_MATCHEMPTY, &matches_empty);
    if (matches_empty)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "pattern: matches the empty text");
    /* Without a just-in-time compiler (a locked-down machine) the interpreter gives the same. */
    out->jit = pcre2_jit_compile(out->code, PCRE2_JIT_COMPLETE) == 0;
    return SC_OK;
}

static enum sc_status compile_translated(struct sc_splitter *s, const char *pattern, bool newer,
                                         struct sc_text *translated, bool *differs,
                                         struct sc_error *error)
{
    SC_TRY(sc_pattern_translate(pattern, strlen(pattern), newer, translated, differs, error));
    return translated->failed ? sc_fail_nomem(error, "pattern")
                              : compile(s, translated, newer ? &s->newer : &s->known, error);
}

/* Into s->known, or with `newer` into s->newer. */
static enum sc_status compile_for(struct sc_splitter *s, const char *pattern, bool newer,
                                  bool *differs, struct sc_error *error)
{
    struct sc_text translated = {0};
    enum sc_status status = compile_translated(s, pattern, newer, &translated, differs, error);
    sc_text_free(&translated);
    return status;
}

static enum sc_status fill(struct sc_splitter *s, const char *pattern, struct sc_error *error)
{
    size_t n = strlen(pattern);
    bool differs = false;

    if (n == 0 || n > PATTERN_BYTES_MAX) {
        return sc_fail(error, SC_ERR_LIMIT, "pattern: expected 1 to %d bytes, found %zu",
                       PATTERN_BYTES_MAX, n);
    }
    s->general = sc_pattern_memory();
    s->compile = s->general != NULL ? pcre2_compile_context_create(s->general) : NULL;
    s->limits = s->compile != NULL ? pcre2_match_context_create(s->general) : NULL;
    if (s->limits == NULL)
        return sc_fail_nomem(error, "pattern");
    pcre2_set_newline(s->compile, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(s->compile, 100);
    pcre2_set_match_limit(s->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(s->limits, HEAP_LIMIT_KIB);
    SC_TRY(compile_for(s, pattern, false, &differs, error));
    if (!differs)
        return SC_OK;
    return compile_for(s, pattern, true, &differs, error);
}

enum sc_status sc_splitter_new(struct sc_splitter **out, const char *pattern,
                               struct sc_error *error)
{
    struct sc_splitter *s = sc_alloc_zero(1, sizeof *s);

    *out = NULL;
    if (s == NULL)
        return sc_fail_nomem(error, "pattern");
    enum sc_status status = fill(s, pattern, error);
    if (status != SC_OK) {
        sc_splitter_free(s);
        return status;
    }
    *out = s;
    return SC_OK;
}

enum sc_status sc_splitter_new_literal(struct sc_splitter **out, const char *text, size_t n,
                                       struct sc_error *error)
{
    struct sc_splitter *s = NULL;

    *out = NULL;
    if (n == 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "pattern: matches the empty text");
    s = sc_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return sc_fail_nomem(error, "pattern");
    s->literal = sc_strndup(text, n);
    s->n_literal = n;
    if (s->literal == NULL) {
        sc_splitter_free(s);
        return sc_fail_nomem(error, "pattern");
    }
    *out = s;
    return SC_OK;
}

void sc_splitter_free(struct sc_splitter *splitter)
{
    if (splitter == NULL)
        return;
    pcre2_code_free(splitter->known.code);
    pcre2_code_free(splitter->newer.code);
    pcre2_match_context_free(splitter->limits);
    pcre2_compile_context_free(splitter->compile);
    pcre2_general_context_free(splitter->general);
    sc_free(splitter->literal);
    sc_free(splitter);
}

/* ---- walking a text -------------------------------------------------------------------------- */

enum sc_status sc_pieces_start(struct sc_pieces *pieces, const struct sc_splitter *splitter,
                               struct sc_error *error)
{
    memset(pieces, 0, sizeof *pieces);
    pieces->splitter = splitter;
    if (splitter->literal != NULL)
        return SC_OK;
    pieces->match = pcre2_match_data_create(1, splitter->general);
    pieces->limits = pcre2_match_context_copy(splitter->limits);
    pieces->steps_left = STEPS_ANYWAY;
    if (pieces->match == NULL || pieces->limits == NULL) {
        sc_pieces_stop(pieces);
        return sc_fail_nomem(error, "pattern");
    }
    return SC_OK;
}

void sc_pieces_stop(struct sc_pieces *pieces)
{
    pcre2_match_data_free(pieces->match);
    pcre2_match_context_free(pieces->limits);
    pieces->match = NULL;
    pieces->limits = NULL;
}

void sc_pieces_set(struct sc_pieces *pieces, const char *text, size_t n)
{
    pieces->text = text;
    pieces->n = n;
    pieces->begin = 0;
    pieces->match_begin = 0;
    pieces->match_end = 0;
    pieces->matched = false;
    pieces->steps_left += n * SC_STEPS_PER_BYTE; /* n is at most a GiB */
    pieces->newer = pieces->splitter->newer.code != NULL && sc_unicode_has_newer(text, n);
}

static void look_literal(struct sc_pieces *p)
{
    const struct sc_splitter *s = p->splitter;
    const char *found = memmem(p->text + p->begin, p->n - p->begin, s->literal, s->n_literal);

    p->match_begin = found != NULL ? (size_t)(found - p->text) : p->n;
    p->match_end = found != NULL ? p->match_begin + s->n_literal : p->n;
}

static int match(struct sc_pieces *p)
{
    const struct sc_splitter *s = p->splitter;
    const struct code *code = p->newer ? &s->newer : &s->known;
    PCRE2_SPTR text = (PCRE2_SPTR)p->text;
    struct sc_pattern_steps steps = {p->begin, p->steps_left};
    int found = PCRE2_ERROR_JIT_STACKLIMIT;

    pcre2_set_callout(p->limits, sc_pattern_count_steps, &steps);
    if (code->jit) {
        found = pcre2_jit_match(code->code, text, p->n, p->begin, PCRE2_NO_UTF_CHECK, p->match,
                                p->limits);
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        found = pcre2_match(code->code, text, p->n, p->begin, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            p->match, p->limits);
    }
    p->steps_left = steps.left;
    return found;
}

/* Looks for the next match from the beginning of the next piece. */
static enum sc_status look(struct sc_pieces *p, struct sc_error *error)
{
    int found = match(p);

    if (found >= 0) {
        const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(p->match);

        p->match_begin = ovector[0];
        p->match_end = ovector[1];
        if (p->match_begin >= p->begin && p->match_end > p->match_begin)
            return SC_OK;
        return sc_fail(error, SC_ERR_INTERNAL, "pattern: an empty match at byte %zu", p->begin);
    }
    if (found == PCRE2_ERROR_NOMATCH) {
        p->match_begin = p->match_end = p->n;
        return SC_OK;
    }
    if (found == PCRE2_ERROR_NOMEMORY)
        return sc_fail_nomem(error, "splitting text");
    return sc_fail(error, SC_ERR_LIMIT,
                   "text: byte %zu: the tokenizer's pattern needs too many steps (PCRE2 error %d)",
                   p->begin, found); /* PCRE2_ERROR_CALLOUT: what we count */
}

enum sc_status sc_pieces_next(struct sc_pieces *pieces, const char **piece, size_t *n,
                              struct sc_error *error)
{
    *piece = pieces->text + pieces->begin;
    *n = 0;
    if (pieces->begin >= pieces->n)
        return SC_OK;
    if (pieces->begin >= pieces->match_end) {
        if (pieces->splitter->literal != NULL)
            look_literal(pieces);
        else
            SC_TRY(look(pieces, error));
    }
    pieces->matched = pieces->begin >= pieces->match_begin;
    size_t end = pieces->matched ? pieces->match_end : pieces->match_begin;
    *n = end - pieces->begin;
    pieces->begin = end;
    return SC_OK;
}
