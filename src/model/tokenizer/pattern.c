/*
 * The pattern of a tokenizer file, written anew for PCRE2.
 *
 * It was written for another engine (Oniguruma with Ruby's syntax).  Only what can be made to mean
 * the same is let through, so that a pattern either splits as its authors saw it or is refused:
 * literal characters, classes, groups, look-around, general categories such as \p{L}, \s \w \d and
 * their kin, lines' ends, and quantifiers, possessive ones too.  Code points that PCRE2's tables
 * may lack are named one by one.  Read next: split.c.
 */
#include <string.h>

#include "model/tokenizer/split.h"
#include "model/tokenizer/unicode.h"

#define DEPTH_MAX 50       /* groups in groups */
#define COUNT_DIGITS_MAX 3 /* {n}: as far as a match goes before its steps are counted */

/* Unicode's White_Space, because PCRE2 also counts U+180E, and everything else. */
#define SPACES                                                                                     \
    "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"                \
    "\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}"                         \
    "\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}"                                    \
    "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
/* What \w has in Oniguruma beside letters, marks, digits, letter numbers and connectors; the Latin
 * ones outside classes only. */
#define MORE_WORDS                                                                                 \
    "\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
#define LATIN_WORDS "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

/* Source: the ByteLevel pre-tokenizer of Hugging Face tokenizers. */
const char sc_gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

struct translation {
    const char *pattern;
    size_t n, at;
    struct sc_text *out;
    bool newer, differs;
    size_t atom;              /* where in `out` what a quantifier would repeat begins */
    size_t groups[DEPTH_MAX]; /* where the open ones begin */
    size_t depth;
};

static enum sc_status refuse(const struct translation *t, const char *what, struct sc_error *error)
{
    return sc_fail(error, SC_ERR_UNSUPPORTED, "pattern: character %zu: %s", t->at, what);
}

static char peek(const struct translation *t, size_t ahead)
{
    return t->at + ahead < t->n ? t->pattern[t->at + ahead] : '\0';
}

static bool ahead_is(const struct translation *t, const char *text)
{
    size_t n = strlen(text);
    return t->n - t->at >= n && memcmp(t->pattern + t->at, text, n) == 0;
}

static void copy(struct translation *t, size_t n)
{
    sc_text_add(t->out, t->pattern + t->at, n);
    t->at += n;
}

static void put(struct translation *t, const char *text, size_t taken)
{
    sc_text_puts(t->out, text);
    t->at += taken;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* ---- categories ------------------------------------------------------------------------------ */

/* Whether `name` is a general category: "L", "Lu", ...; Cn is what no other is. */
static bool is_category(const char *name, size_t n)
{
    static const char *const all = "LLuLlLtLmLo MMnMcMe NNdNlNo PPcPdPsPePiPfPo SSmScSkSo ZZsZlZp "
                                   "CCcCfCoCn";
    char second = n == 2 ? name[1] : '\0';

    for (const char *at = all; *at != '\0'; at++) {
        if (*at != name[0] || (at > all && at[-1] != ' '))
            continue;
        for (at++; *at != ' ' && *at != '\0'; at += 2)
            if (second == '\0' || (at[0] == name[0] && at[1] == second))
                return true;
        return false;
    }
    return false;
}

/* The ranges of those newer code points that are of a category, or (not) of any other. */
static void put_newer(struct translation *t, const char *name, size_t n, bool others)
{
    for (size_t i = 0; i < sc_n_unicode_newer; i++) {
        const struct sc_unicode_category *row = &sc_unicode_newer[i];
        if ((memcmp(row->category, name, n) == 0) != others)
            sc_text_printf(t->out, "\\x{%x}-\\x{%x}", (unsigned)row->first, (unsigned)row->last);
    }
}

/* Unassigned code points become fewer, and one mark changed: PCRE2's own class says too much. */
static bool may_shrink(const char *name, size_t n)
{
    return name[0] == 'C' ? n == 1 || name[1] == 'n' : n == 2 && memcmp(name, "Mn", 2) == 0;
}

static void put_class(struct translation *t, const char *before, const char *name, size_t n,
                      bool others)
{
    sc_text_puts(t->out, before);
    put_newer(t, name, n, others);
    sc_text_puts(t->out, "]");
}

/* \p{name} or \P{name} outside a class, of a category that shrinks. */
static void put_shrinking(struct translation *t, const char *name, size_t n, bool negated)
{
    bool grows = n == 1 || name[1] != 'n' || name[0] == 'M'; /* to Cn nothing was added */

    sc_text_puts(t->out, "(?:");
    if (negated) {
        if (grows)
            put_class(t, "(?![", name, n, false);
        sc_text_puts(t->out, grows ? ")(?:" : "(?:");
        put_class(t, "[", name, n, true);
        sc_text_printf(t->out, "|\\P{%.*s})", (int)n, name);
    } else {
        if (grows)
            put_class(t, "[", name, n, false);
        put_class(t, grows ? "|(?![" : "(?![", name, n, true);
        sc_text_printf(t->out, ")\\p{%.*s}", (int)n, name);
    }
    sc_text_puts(t->out, ")");
}

/* \p{L}, \p{Lu}, \P{N}: general categories of one or two letters. */
static enum sc_status copy_property(struct translation *t, bool in_class, struct sc_error *error)
{
    bool negated = peek(t, 1) == 'P';
    const char *name = t->pattern + t->at + 3;
    size_t n = 0;

    if (peek(t, 2) != '{')
        return refuse(t, "expected \\p{category}", error);
    while (n < 3 && is_alnum(peek(t, 3 + n)))
        n++;
    if (n < 1 || n > 2 || peek(t, 3 + n) != '}' || !is_category(name, n))
        return refuse(t, "only general categories such as \\p{L} are supported", error);
    bool shrinks = may_shrink(name, n);
    if (in_class && (negated || (shrinks && name[0] == 'C')))
        return refuse(t, "\\P and \\p{C} inside a class are not supported", error);
    t->differs = true;
    if (!t->newer) {
        copy(t, 4 + n);
        return SC_OK;
    }
    if (!in_class && shrinks) {
        put_shrinking(t, name, n, negated);
    } else {
        sc_text_puts(t->out, in_class ? "" : negated ? "[^" : "[");
        sc_text_printf(t->out, "\\p{%.*s}", (int)n, name);
        put_newer(t, name, n, false);
        sc_text_puts(t->out, in_class ? "" : "]");
    }
    t->at += 4 + n;
    return SC_OK;
}

static void put_words(struct translation *t, bool in_class)
{
    static const char *const names[] = {"L", "M", "Nd", "Nl", "Pc"};

    t->differs = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        sc_text_printf(t->out, "\\p{%s}", names[i]);
        if (t->newer)
            put_newer(t, names[i], strlen(names[i]), false);
    }
    sc_text_puts(t->out, MORE_WORDS);
    sc_text_puts(t->out, in_class ? "" : LATIN_WORDS);
}

/* ---- escapes and classes --------------------------------------------------------------------- */

/* \s \S \w \W \d \D, as classes. */
static enum sc_status copy_kind(struct translation *t, bool in_class, struct sc_error *error)
{
    char c = peek(t, 1);
    bool negated = c == 'W' || c == 'D';

    if (in_class && peek(t, 2) == '-' && peek(t, 3) != ']')
        return refuse(t, "a range from \\s and its kin is not supported", error);
    if (in_class && negated)
        return refuse(t, "\\W and \\D inside a class are not supported", error);
    sc_text_puts(t->out, in_class ? "" : negated ? "[^" : "[");
    if (c == 's' || c == 'S') {
        sc_text_puts(t->out, c == 's' ? SPACES : NO_SPACES);
    } else if (c == 'w' || c == 'W') {
        put_words(t, in_class);
    } else {
        t->differs = true;
        sc_text_puts(t->out, "\\p{Nd}");
        if (t->newer)
            put_newer(t, "Nd", 2, false);
    }
    sc_text_puts(t->out, in_class ? "" : "]");
    t->at += 2;
    return SC_OK;
}

static enum sc_status copy_escape(struct translation *t, bool in_class, struct sc_error *error)
{
    char c = peek(t, 1);

    if (c == 'p' || c == 'P')
        return copy_property(t, in_class, error);
    if (c != '\0' && strchr("sSwWdD", c) != NULL)
        return copy_kind(t, in_class, error);
    if (c != '\0' && (strchr("rnt", c) != NULL || (!is_alnum(c) && (unsigned char)c < 0x80))) {
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

/* ---- groups ---------------------------------------------------------------------------------- */

static enum sc_status copy_group(struct translation *t, struct sc_error *error)
{
    static const char *const openings[] = {"(?:", "(?!", "(?=", "(?>", "(?i:", "(?<!", "(?<="};
    const char *opening = peek(t, 1) == '?' ? NULL : "(";

    if (peek(t, 1) == '*')
        return refuse(t, "verbs are not supported", error);
    if (ahead_is(t, "(?i)")) {
        /* Elsewhere it would gather the alternatives behind it in Ruby and not in Perl. */
        if (t->at > 0 && t->pattern[t->at - 1] != '|' && t->pattern[t->at - 1] != '(')
            return refuse(t, "(?i) not at the beginning is not supported", error);
        copy(t, 4);
        return SC_OK;
    }
    for (size_t i = 0; opening == NULL && i < sizeof openings / sizeof openings[0]; i++)
        if (ahead_is(t, openings[i]))
            opening = openings[i];
    if (opening == NULL)
        return refuse(t, "this kind of group is not supported", error);
    if (t->depth == DEPTH_MAX)
        return refuse(t, "too many groups in groups", error);
    t->groups[t->depth++] = t->out->len;
    copy(t, strlen(opening));
    return SC_OK;
}

static enum sc_status close_group(struct translation *t, struct sc_error *error)
{
    if (t->depth == 0)
        return refuse(t, "expected no ) without a (", error);
    t->atom = t->groups[--t->depth];
    copy(t, 1);
    return SC_OK;
}

/* ---- quantifiers ----------------------------------------------------------------------------- */

/* Makes what was written from the last atom on one group. */
static void wrap_atom(struct translation *t)
{
    static const char open[] = "(?:";
    const size_t n = sizeof open - 1;

    sc_text_puts(t->out, ")))"); /* room */
    if (t->out->failed)
        return;
    memmove(t->out->data + t->atom + n, t->out->data + t->atom, t->out->len - n - t->atom);
    memcpy(t->out->data + t->atom, open, n);
    sc_text_puts(t->out, ")");
}

/* {n}, {n,} or {n,m}.  In Ruby's syntax a + after it repeats the whole, and a ? after {n} makes it
 * optional; in Perl's the one is possessive and the other lazy. */
static enum sc_status copy_counts(struct translation *t, struct sc_error *error)
{
    size_t n = 1, digits = 0;
    bool exact = true;

    if (!is_digit(peek(t, n)))
        return refuse(t, "expected {n}, {n,} or {n,m}", error);
    for (; is_digit(peek(t, n)) || peek(t, n) == ','; n++) {
        exact = exact && peek(t, n) != ',';
        digits = peek(t, n) == ',' ? 0 : digits + 1;
        if (digits > COUNT_DIGITS_MAX)
            return refuse(t, "a count above 999 is not supported", error);
    }
    if (peek(t, n) != '}')
        return refuse(t, "expected {n}, {n,} or {n,m}", error);
    copy(t, n + 1);
    if (peek(t, 0) == '+' || (peek(t, 0) == '?' && exact))
        wrap_atom(t);
    return SC_OK;
}

/* The ends of lines, as Ruby has them. */
static enum sc_status copy_anchor(struct translation *t, struct sc_error *error)
{
    if (peek(t, 0) == '^')
        put(t, "(?:\\A|(?<=\\n)(?!\\z))", 1);
    else
        put(t, "(?:(?=\\n)|(?<!\\n)\\z|\\A\\z)", 1);
    if (strchr("*+?{", peek(t, 0)) != NULL && peek(t, 0) != '\0')
        return refuse(t, "a repeated anchor is not supported", error);
    return SC_OK;
}

static size_t character_bytes(const struct translation *t)
{
    uint32_t point;
    size_t n = sc_utf8_decode(t->pattern + t->at, t->n - t->at, &point);
    return n > 0 ? n : 1;
}

static enum sc_status translate_one(struct translation *t, struct sc_error *error)
{
    char c = peek(t, 0);

    if (c == '{')
        return copy_counts(t, error);
    if (c == ')')
        return close_group(t, error);
    if (c == '*' || c == '+' || c == '?' || c == '|') {
        copy(t, 1);
        return SC_OK;
    }
    t->atom = t->out->len;
    switch (c) {
    case '\\':
        return copy_escape(t, false, error);
    case '[':
        return copy_class(t, error);
    case '(':
        return copy_group(t, error);
    case '^':
    case '$':
        return copy_anchor(t, error);
    default:
        copy(t, character_bytes(t));
        return SC_OK;
    }
}

enum sc_status sc_pattern_translate(const char *pattern, size_t n, bool newer, struct sc_text *out,
                                    bool *differs, struct sc_error *error)
{
    struct translation t = {.pattern = pattern, .n = n, .out = out, .newer = newer};

    if (memchr(pattern, 0, n) != NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "pattern: expected no U+0000");
    while (t.at < t.n)
        SC_TRY(translate_one(&t, error));
    *differs = t.differs;
    return SC_OK;
}
