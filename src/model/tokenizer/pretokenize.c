/*
 * The split pattern of a tokenizer, run by PCRE2.
 *
 * The pattern comes from the file and was written for another engine (Oniguruma, or Rust's).  Only
 * what means the same in both is let through, so that a pattern either splits as its authors saw it
 * or is refused: literal characters, classes, groups, look-ahead, general categories such as \p{L},
 * \d \r \n \t, and quantifiers.  \s is written out, because PCRE2 counts U+180E as a space and
 * Unicode does not any longer.  Read next: encode.c.
 */
#include "model/tokenizer/bpe.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define PATTERN_BYTES_MAX 4096
#define MATCH_LIMIT 20000000 /* steps back in one match: 20 MB of spaces is refused */
#define HEAP_LIMIT_KIB 65536

/* Unicode's White_Space, and everything else. */
#define SPACES                                                                                     \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"                \
    "\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}"                         \
    "\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}"                                    \
    "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"

/* Source: the ByteLevel pre-tokenizer of Hugging Face tokenizers. */
const char sc_gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

struct sc_splitter {
    pcre2_general_context *general;
    pcre2_compile_context *compile;
    pcre2_match_context *limits;
    pcre2_code *code;
    bool jit;
};

/* ---- reading the pattern --------------------------------------------------------------------- */

struct translation {
    const char *pattern;
    size_t n, at;
    struct sc_text out;
};

static enum sc_status refuse(const struct translation *t, const char *what, struct sc_error *error)
{
    return sc_fail(error, SC_ERR_UNSUPPORTED, "pattern: character %zu: %s", t->at, what);
}

static char peek(const struct translation *t, size_t ahead)
{
    return t->at + ahead < t->n ? t->pattern[t->at + ahead] : '\0';
}

static void copy(struct translation *t, size_t n)
{
    sc_text_add(&t->out, t->pattern + t->at, n);
    t->at += n;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* \p{L}, \p{Lu}, \P{N}, \p{^N} is refused: general categories of one or two letters. */
static enum sc_status copy_property(struct translation *t, struct sc_error *error)
{
    size_t letters = 0;

    if (peek(t, 2) != '{')
        return refuse(t, "expected \\p{category}", error);
    while (letters < 3 && is_alnum(peek(t, 3 + letters)))
        letters++;
    if (letters < 1 || letters > 2 || peek(t, 3 + letters) != '}')
        return refuse(t, "only general categories such as \\p{L} are supported", error);
    copy(t, 4 + letters);
    return SC_OK;
}

static enum sc_status copy_escape(struct translation *t, bool in_class, struct sc_error *error)
{
    char c = peek(t, 1);

    if (c == 'p' || c == 'P')
        return copy_property(t, error);
    if (c == 's' || c == 'S') {
        const char *list = c == 's' ? SPACES : NO_SPACES;

        if (in_class && peek(t, 2) == '-' && peek(t, 3) != ']')
            return refuse(t, "a range from \\s is not supported", error);
        sc_text_puts(&t->out, in_class ? "" : "[");
        sc_text_puts(&t->out, list);
        sc_text_puts(&t->out, in_class ? "" : "]");
        t->at += 2;
        return SC_OK;
    }
    if (c != '\0' && (strchr("rntdD", c) != NULL || !is_alnum(c))) {
        copy(t, 2);
        return SC_OK;
    }
    return refuse(t, "an escape whose meaning differs between engines is not supported", error);
}

static enum sc_status copy_class(struct translation *t, struct sc_error *error)
{
    copy(t, 1);
    if (peek(t, 0) == '^')
        copy(t, 1);
    if (peek(t, 0) == ']')
        return refuse(t, "an unescaped ] first in a class is not supported", error);
    while (t->at < t->n && peek(t, 0) != ']') {
        if (peek(t, 0) == '[' || (peek(t, 0) == '&' && peek(t, 1) == '&'))
            return refuse(t, "classes in classes are not supported", error);
        if (peek(t, 0) == '\\')
            SC_TRY(copy_escape(t, true, error));
        else
            copy(t, 1);
    }
    if (t->at < t->n)
        copy(t, 1);
    return SC_OK;
}

static enum sc_status copy_group(struct translation *t, struct sc_error *error)
{
    static const char *const openings[] = {"(?:", "(?!", "(?=", "(?>", "(?i:", "(?i)"};

    if (peek(t, 1) == '*')
        return refuse(t, "verbs are not supported", error);
    if (peek(t, 1) != '?') {
        copy(t, 1);
        return SC_OK;
    }
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        size_t n = strlen(openings[i]);

        if (t->n - t->at >= n && memcmp(t->pattern + t->at, openings[i], n) == 0) {
            copy(t, n);
            return SC_OK;
        }
    }
    return refuse(t, "this kind of group is not supported", error);
}

/* {n}, {n,} or {n,m}; a + after it is possessive in one engine and a repetition in the other. */
static enum sc_status copy_counts(struct translation *t, struct sc_error *error)
{
    size_t n = 1;

    if (peek(t, n) < '0' || peek(t, n) > '9')
        return refuse(t, "expected {n}, {n,} or {n,m}", error);
    while ((peek(t, n) >= '0' && peek(t, n) <= '9') || peek(t, n) == ',')
        n++;
    if (peek(t, n) != '}' || peek(t, n + 1) == '+')
        return refuse(t, "expected {n}, {n,} or {n,m} with no + after it", error);
    copy(t, n + 1);
    return SC_OK;
}

static enum sc_status translate(struct translation *t, struct sc_error *error)
{
    while (t->at < t->n) {
        switch (peek(t, 0)) {
        case '\\':
            SC_TRY(copy_escape(t, false, error));
            break;
        case '[':
            SC_TRY(copy_class(t, error));
            break;
        case '(':
            SC_TRY(copy_group(t, error));
            break;
        case '{':
            SC_TRY(copy_counts(t, error));
            break;
        case '^':
        case '$':
            return refuse(t, "anchors are not supported", error);
        default:
            copy(t, 1);
        }
    }
    return SC_OK;
}

/* ---- compiling ------------------------------------------------------------------------------- */

static void *pcre_alloc(size_t n, void *unused)
{
    (void)unused;
    return sc_alloc(n);
}

static void pcre_free(void *memory, void *unused)
{
    (void)unused;
    sc_free(memory);
}

static enum sc_status compile(struct sc_splitter *s, const char *pattern, struct sc_error *error)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    uint32_t matches_empty = 0;

    s->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_CAPTURE,
                            &code, &at, s->compile);
    if (s->code == NULL) {
        PCRE2_UCHAR text[128];

        if (code == PCRE2_ERROR_HEAP_FAILED)
            return sc_fail_nomem(error, "pattern");
        pcre2_get_error_message(code, text, sizeof text);
        return sc_fail(error, SC_ERR_FORMAT, "pattern: %s", (const char *)text);
    }
    pcre2_pattern_info(s->code, PCRE2_INFO_MATCHEMPTY, &matches_empty);
    if (matches_empty)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "pattern: matches the empty text");
    /* Without a just-in-time compiler (a locked-down machine) the interpreter gives the same. */
    s->jit = pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE) == 0;
    return SC_OK;
}

static enum sc_status fill(struct sc_splitter *s, const char *pattern, struct sc_error *error)
{
    struct translation t = {pattern, strlen(pattern), 0, {NULL, 0, 0, false}};

    if (t.n == 0 || t.n > PATTERN_BYTES_MAX) {
        return sc_fail(error, SC_ERR_LIMIT, "pattern: expected 1 to %d bytes, found %zu",
                       PATTERN_BYTES_MAX, t.n);
    }
    s->general = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
    s->compile = s->general != NULL ? pcre2_compile_context_create(s->general) : NULL;
    s->limits = s->compile != NULL ? pcre2_match_context_create(s->general) : NULL;
    if (s->limits == NULL)
        return sc_fail_nomem(error, "pattern");
    pcre2_set_newline(s->compile, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(s->compile, 50);
    pcre2_set_match_limit(s->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(s->limits, HEAP_LIMIT_KIB);
    enum sc_status status = translate(&t, error);
    char *translated = sc_text_take(&t.out);
    if (status == SC_OK && translated == NULL)
        status = sc_fail_nomem(error, "pattern");
    if (status == SC_OK)
        status = compile(s, translated, error);
    sc_free(translated);
    return status;
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

void sc_splitter_free(struct sc_splitter *splitter)
{
    if (splitter == NULL)
        return;
    pcre2_code_free(splitter->code);
    pcre2_match_context_free(splitter->limits);
    pcre2_compile_context_free(splitter->compile);
    pcre2_general_context_free(splitter->general);
    sc_free(splitter);
}

/* ---- walking a text -------------------------------------------------------------------------- */

enum sc_status sc_pieces_start(struct sc_pieces *pieces, const struct sc_splitter *splitter,
                               struct sc_error *error)
{
    memset(pieces, 0, sizeof *pieces);
    pieces->splitter = splitter;
    pieces->match = pcre2_match_data_create(1, splitter->general);
    return pieces->match != NULL ? SC_OK : sc_fail_nomem(error, "pattern");
}

void sc_pieces_stop(struct sc_pieces *pieces)
{
    pcre2_match_data_free(pieces->match);
    pieces->match = NULL;
}

void sc_pieces_set(struct sc_pieces *pieces, const char *text, size_t n)
{
    pieces->text = text;
    pieces->n = n;
    pieces->begin = 0;
    pieces->match_begin = 0;
    pieces->match_end = 0;
}

/* Looks for the next match from the beginning of the next piece. */
static enum sc_status look(struct sc_pieces *p, struct sc_error *error)
{
    const struct sc_splitter *s = p->splitter;
    PCRE2_SPTR text = (PCRE2_SPTR)p->text;
    int found = PCRE2_ERROR_JIT_STACKLIMIT;

    if (s->jit) {
        found =
            pcre2_jit_match(s->code, text, p->n, p->begin, PCRE2_NO_UTF_CHECK, p->match, s->limits);
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        found = pcre2_match(s->code, text, p->n, p->begin, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            p->match, s->limits);
    }
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
                   p->begin, found);
}

enum sc_status sc_pieces_next(struct sc_pieces *pieces, const char **piece, size_t *n,
                              struct sc_error *error)
{
    *piece = pieces->text + pieces->begin;
    *n = 0;
    if (pieces->begin >= pieces->n)
        return SC_OK;
    if (pieces->begin >= pieces->match_end) {
        enum sc_status status = look(pieces, error);

        if (status != SC_OK)
            return status;
    }
    size_t end = pieces->begin < pieces->match_begin ? pieces->match_begin : pieces->match_end;
    *n = end - pieces->begin;
    pieces->begin = end;
    return SC_OK;
}
