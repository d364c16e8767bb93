#include "jinja/lexer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "jinja/unicode.h"

enum sc_status sc_jinja_fail_at(struct run *run, int line, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sc_fail(run->error, SC_ERR_FORMAT, "line %d: %s", line, text);
}

enum sc_status sc_jinja_lexer_init(struct lexer *lexer, struct run *run, const char *source,
                                   size_t n)
{
    char *copy = sc_jinja_take(run, n + 1);
    size_t kept = 0;

    if (copy == NULL)
        return run->failed;
    for (size_t i = 0; i < n; i++) {
        if (source[i] == '\r' && i + 1 < n && source[i + 1] == '\n')
            continue;
        copy[kept++] = source[i] == '\r' ? '\n' : source[i];
    }
    if (kept && copy[kept - 1] == '\n')
        kept--;
    copy[kept] = 0;
    *lexer = (struct lexer){.source = copy,
                            .n = kept,
                            .line = 1,
                            .mode = IN_TEXT,
                            .line_starting = true,
                            .pending = TOKEN_END,
                            .run = run};
    return SC_OK;
}

static bool is_at(const struct lexer *l, size_t at, const char *text)
{
    size_t n = strlen(text);

    return at <= l->n && n <= l->n - at && memcmp(l->source + at, text, n) == 0;
}

static size_t skip_blanks(const struct lexer *l, size_t at)
{
    uint32_t cp;
    size_t n;

    while (at < l->n && (n = sc_utf8_decode(l->source + at, l->n - at, &cp)) > 0 &&
           sc_jinja_is_blank(cp))
        at += n;
    return at;
}

/* Moves to a place further on, counting its lines. */
static void move(struct lexer *l, size_t to)
{
    assert(to <= l->n);
    if (to > l->at)
        l->line_starting = l->source[to - 1] == '\n';
    for (; l->at < to; l->at++)
        l->line += l->source[l->at] == '\n';
}

/* The end of a "%}" or "#}" at `at` with its sign and the blanks that belong to it, 0 where there
 * is none: "-" takes all blanks behind it, "+" nothing, otherwise a line end goes. */
static size_t closing(const struct lexer *l, size_t at, const char *close)
{
    char sign = at < l->n && (l->source[at] == '-' || l->source[at] == '+') ? l->source[at] : 0;

    if (sign)
        at++;
    if (!is_at(l, at, close))
        return 0;
    at += 2;
    if (sign == '-')
        return skip_blanks(l, at);
    return sign == 0 && is_at(l, at, "\n") ? at + 1 : at;
}

/* The end of "{% raw %}" that begins at `at`, 0 where it is none. */
static size_t raw_opening(const struct lexer *l, size_t at)
{
    at += 2;
    if (is_at(l, at, "-") || is_at(l, at, "+"))
        at++;
    at = skip_blanks(l, at);
    if (!is_at(l, at, "raw"))
        return 0;
    at = skip_blanks(l, at + 3);
    if (is_at(l, at, "-%}"))
        return skip_blanks(l, at + 3);
    return is_at(l, at, "%}") ? at + 2 : 0;
}

/* The end of "{% endraw %}" that begins at `at`, 0 where it is none. */
static size_t raw_closing(const struct lexer *l, size_t at)
{
    at += 2;
    if (is_at(l, at, "-") || is_at(l, at, "+"))
        at++;
    at = skip_blanks(l, at);
    if (!is_at(l, at, "endraw"))
        return 0;
    return closing(l, skip_blanks(l, at + 6), "%}");
}

/* The next of "{{", "{%" and "{#" at or after `at`; the source's end where there is none. */
static size_t next_opening(const struct lexer *l, size_t at)
{
    for (;; at++) {
        const char *brace = at < l->n ? memchr(l->source + at, '{', l->n - at) : NULL;
        if (brace == NULL)
            return l->n;
        at = (size_t)(brace - l->source);
        if (at + 1 < l->n && strchr("{%#", l->source[at + 1]) != NULL && l->source[at + 1])
            return at;
    }
}

/* The text before a tag without what the tag's sign takes, or what stands on its line before it. */
static size_t text_end(const struct lexer *l, size_t begin, size_t tag)
{
    struct string text = {.bytes = l->source + begin, .n = tag - begin};
    char sign = tag + 2 < l->n ? l->source[tag + 2] : 0;
    size_t from = 0, end = text.n;

    if (sign == '-') {
        sc_jinja_strip_blanks(&text, &from, &end);
        return begin + (from < end ? end : 0);
    }
    if (sign == '+' || l->source[tag + 1] == '{')
        return tag;
    size_t line = tag;
    while (line > begin && l->source[line - 1] != '\n')
        line--;
    if (line == begin && !l->line_starting)
        return tag;
    return skip_blanks(l, line) >= tag ? line : tag;
}

static struct token token_at(const struct lexer *l, enum token_kind kind)
{
    return (struct token){.kind = kind, .line = l->line, .bytes = ""};
}

static void enter_tag(struct lexer *l, enum token_kind kind, size_t to, struct token *out)
{
    move(l, to);
    *out = token_at(l, kind);
    l->mode = kind == TOKEN_BLOCK_BEGIN ? IN_BLOCK : IN_PRINT;
    l->n_open = 0;
}

/* The text of a raw block, which ends at the next endraw. */
static enum sc_status raw_text(struct lexer *l, size_t begin, struct token *out)
{
    move(l, begin);
    *out = token_at(l, TOKEN_TEXT);
    for (size_t at = begin;; at++) {
        at = next_opening(l, at);
        if (at == l->n && begin == l->n) /* nothing is behind it */
            return SC_OK;
        if (at == l->n)
            return sc_jinja_fail_at(l->run, out->line, "{%% raw %%} is not closed");
        size_t end = l->source[at + 1] == '%' ? raw_closing(l, at) : 0;
        if (end == 0)
            continue;
        out->bytes = l->source + begin;
        out->n = text_end(l, begin, at) - begin;
        move(l, end);
        return SC_OK;
    }
}

static enum sc_status skip_comment(struct lexer *l, size_t begin)
{
    if (begin == l->n) { /* nothing is behind its beginning */
        move(l, begin);
        return SC_OK;
    }
    for (size_t at = begin; at < l->n; at++) {
        if (l->source[at] != '#' && l->source[at] != '-' && l->source[at] != '+')
            continue;
        size_t end = closing(l, at, "#}");
        if (end) {
            move(l, end);
            return SC_OK;
        }
    }
    return sc_jinja_fail_at(l->run, l->line, "a comment is not closed");
}

/* What the tag at l->at is; *out is set and *done true where it is a token. */
static enum sc_status read_tag(struct lexer *l, struct token *out, bool *done)
{
    size_t at = l->at, sign;

    *done = true;
    sign = is_at(l, at + 2, "-") || is_at(l, at + 2, "+");
    if (l->source[at + 1] == '{') {
        enter_tag(l, TOKEN_PRINT_BEGIN, at + 2 + sign, out);
        return SC_OK;
    }
    if (l->source[at + 1] == '%') {
        size_t raw = raw_opening(l, at);
        if (raw)
            return raw_text(l, raw, out);
        enter_tag(l, TOKEN_BLOCK_BEGIN, at + 2 + sign, out);
        return SC_OK;
    }
    *done = false;
    return skip_comment(l, at + 2 + sign);
}

static enum sc_status read_text(struct lexer *l, struct token *out)
{
    bool done = false;

    while (!done) {
        size_t tag = next_opening(l, l->at), begin = l->at;
        *out = token_at(l, tag == l->n && begin == l->n ? TOKEN_END : TOKEN_TEXT);
        if (out->kind == TOKEN_END)
            return SC_OK;
        size_t end = tag == l->n ? tag : text_end(l, begin, tag);
        /* line_starting is that of the last token, also for a tag right behind it */
        if (tag > begin)
            move(l, tag);
        if (end > begin) {
            out->bytes = l->source + begin;
            out->n = end - begin;
            return SC_OK;
        }
        if (tag < l->n)
            SC_TRY(read_tag(l, out, &done));
    }
    return SC_OK;
}

/* ---- inside of tags ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with single '_' between them: how many bytes. */
static size_t digits(const char *s, bool (*is)(char))
{
    size_t n = 0;

    while (is(s[n]) || (s[n] == '_' && n > 0 && is(s[n - 1]) && is(s[n + 1])))
        n++;
    return n;
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}
static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}
static bool is_binary(char c)
{
    return c == '0' || c == '1';
}
static bool is_zero(char c)
{
    return c == '0';
}

/* The length of a float at s ("1.5", "1e5", "1.5e-3"), 0 where there is none. */
static size_t float_length(const char *s)
{
    size_t n = digits(s, is_digit), fraction = 0, exponent = 0;

    if (n == 0)
        return 0;
    if (s[n] == '.')
        fraction = digits(s + n + 1, is_digit);
    size_t end = n + (fraction ? fraction + 1 : 0);
    if ((s[end] | 0x20) == 'e') {
        size_t sign = s[end + 1] == '-' || s[end + 1] == '+';
        exponent = digits(s + end + 1 + sign, is_digit);
        if (exponent)
            exponent += 1 + sign;
    }
    return fraction || exponent ? end + exponent : 0;
}

static size_t integer_length(const char *s)
{
    if (s[0] == '0' && s[1]) {
        static const struct {
            char letter;
            bool (*is)(char);
        } bases[] = {{'b', is_binary}, {'o', is_octal}, {'x', is_hex}};
        for (int i = 0; i < 3; i++) {
            size_t skip = s[2] == '_' ? 3 : 2, n;
            if ((s[1] | 0x20) == bases[i].letter && (n = digits(s + skip, bases[i].is)) > 0)
                return n + skip;
        }
    }
    return s[0] == '0' ? digits(s, is_zero) : digits(s, is_digit);
}

/* The value of digits that were found valid, in a base of 2 to 16. */
static enum sc_status integer_value(struct lexer *l, size_t n, struct value *out)
{
    const char *s = l->source + l->at;
    int64_t value = 0;
    size_t i = 0;
    int base = 10;

    if (n > 2 && s[0] == '0' && !is_digit(s[1]) && s[1] != '_') {
        base = (s[1] | 0x20) == 'x' ? 16 : (s[1] | 0x20) == 'o' ? 8 : 2;
        i = 2;
    }
    for (; i < n; i++) {
        if (s[i] == '_')
            continue;
        int digit = is_digit(s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return sc_jinja_fail_at(l->run, l->line, "a whole number beyond 64 bits");
    }
    *out = (struct value){.kind = VALUE_INT, .integer = value};
    return SC_OK;
}

static double float_value(const char *s, size_t n)
{
    char text[128];
    size_t kept = 0;

    for (size_t i = 0; i < n && kept + 1 < sizeof text; i++)
        if (s[i] != '_')
            text[kept++] = s[i];
    text[kept] = 0;
    return strtod(text, NULL);
}

/* Reads `count` hexadecimal digits; false where there are fewer. */
static bool hex_digits(const char *s, size_t n, size_t count, uint32_t *out)
{
    *out = 0;
    if (n < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_hex(s[i]))
            return false;
        *out = *out * 16 + (uint32_t)(is_digit(s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    }
    return true;
}

/* An escape that Python's texts do not know stays as it is written; of a character beyond ASCII
 * that is its own escape. */
static size_t unknown_escape(struct builder *b, const char *s, size_t n)
{
    uint32_t cp = 0;
    size_t length = sc_utf8_decode(s + 1, n - 1, &cp);
    char text[16] = "";

    sc_jinja_add_bytes(b, "\\", 1, false);
    if (cp >= 0x80)
        snprintf(text, sizeof text,
                 cp < 0x100     ? "x%02x"
                 : cp < 0x10000 ? "u%04x"
                                : "U%08x",
                 (unsigned)cp);
    else
        sc_jinja_add_bytes(b, s + 1, length, false);
    sc_jinja_add_text(b, text);
    return 1 + length;
}

/* The escape at s (a backslash and at least one byte); *used: its bytes. */
static enum sc_status add_escape(struct lexer *l, struct builder *b, const char *s, size_t n,
                                 size_t *used)
{
    static const char letters[] = "\\'\"abfnrtv", means[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = s[1] ? strchr(letters, s[1]) : NULL;
    size_t count = s[1] == 'x' ? 2 : s[1] == 'u' ? 4 : s[1] == 'U' ? 8 : 0;
    uint32_t cp = 0;

    *used = 2;
    if (known != NULL) {
        sc_jinja_add_bytes(b, &means[known - letters], 1, false);
    } else if (count) {
        bool valid = hex_digits(s + 2, n - 2, count, &cp) && cp < 0x110000;
        if (!valid || (cp >= 0xD800 && cp < 0xE000))
            return sc_jinja_fail_at(l->run, l->line,
                                    "\\%c in a text: expected %zu hexadecimal "
                                    "digits of a character",
                                    s[1], count);
        sc_jinja_add_char(b, cp, false);
        *used = 2 + count;
    } else if (is_octal(s[1])) {
        for (*used = 1; *used < n && *used < 4 && is_octal(s[*used]); ++*used)
            cp = cp * 8 + (uint32_t)(s[*used] - '0');
        sc_jinja_add_char(b, cp, false);
    } else if (s[1] == 'N') {
        return sc_jinja_fail_at(l->run, l->line, "\\N in a text is not known here");
    } else if (s[1] != '\n') {
        *used = unknown_escape(b, s, n);
    }
    return SC_OK;
}

/* The text between quotes; the closing one is at s + n. */
static enum sc_status string_value(struct lexer *l, const char *s, size_t n, struct value *out)
{
    struct builder b = sc_jinja_builder(l->run);
    size_t used;

    for (size_t i = 0; i < n; i += used) {
        const char *backslash = memchr(s + i, '\\', n - i);
        used = backslash != NULL ? (size_t)(backslash - s) - i : n - i;
        sc_jinja_add_bytes(&b, s + i, used, false);
        if (used == 0)
            SC_TRY(add_escape(l, &b, s + i, n - i, &used));
    }
    return sc_jinja_built_value(&b, out);
}

static enum sc_status read_string(struct lexer *l, struct token *out)
{
    const char *s = l->source + l->at;
    size_t n = 1, left = l->n - l->at;

    while (n < left && s[n] != s[0])
        n += s[n] == '\\' && n + 1 < left ? 2 : 1;
    if (n >= left)
        return sc_jinja_fail_at(l->run, l->line, "a text is not closed");
    out->kind = TOKEN_STRING;
    SC_TRY(string_value(l, s + 1, n - 1, &out->value));
    move(l, l->at + n + 1);
    return SC_OK;
}

/* Letters, digits and '_' of any script, the first no digit: how many bytes. */
static size_t name_length(const char *s, size_t n)
{
    size_t at = 0;

    while (at < n) {
        uint32_t cp;
        size_t length = sc_utf8_decode(s + at, n - at, &cp);
        if (length == 0 || !sc_jinja_is_word(cp) || (at == 0 && cp < 0x80 && is_digit(s[0])))
            break;
        at += length;
    }
    return at;
}

static enum sc_status track_brackets(struct lexer *l, char c)
{
    if (strchr("([{", c) != NULL) {
        if (l->n_open == MAX_OPEN_BRACKETS)
            return sc_jinja_fail_at(l->run, l->line, "brackets nest deeper than %d",
                                    MAX_OPEN_BRACKETS);
        l->open[l->n_open++] = c == '(' ? ')' : c == '[' ? ']' : '}';
        return SC_OK;
    }
    if (l->n_open == 0)
        return sc_jinja_fail_at(l->run, l->line, "unexpected \"%c\"", c);
    if (l->open[--l->n_open] != c)
        return sc_jinja_fail_at(l->run, l->line, "unexpected \"%c\", expected \"%c\"", c,
                                l->open[l->n_open]);
    return SC_OK;
}

static enum sc_status read_operator(struct lexer *l, struct token *out)
{
    static const char *const doubles[] = {"//", "**", "==", "!=", ">=", "<="};
    char c = l->source[l->at];

    out->kind = TOKEN_OPERATOR;
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        if (is_at(l, l->at, doubles[i])) {
            out->op = (unsigned char)doubles[i][0] + 256u * (unsigned char)doubles[i][1];
            l->at += 2;
            l->line_starting = false;
            return SC_OK;
        }
    if (c == 0 || strchr("+-/*%~[](){}><=.:|,;", c) == NULL)
        return sc_jinja_fail_at(l->run, l->line, "unexpected character \"%.*s\"",
                                (int)(l->n - l->at < 4 ? l->n - l->at : 4), l->source + l->at);
    if (strchr("()[]{}", c) != NULL)
        SC_TRY(track_brackets(l, c));
    out->op = (unsigned char)c;
    l->at++;
    l->line_starting = false;
    return SC_OK;
}

/* The end of "}}" or "-}}" with its blanks, or of a block, at l->at; 0 where there is none. */
static size_t tag_closing(const struct lexer *l)
{
    if (l->n_open)
        return 0;
    if (l->mode == IN_BLOCK)
        return closing(l, l->at, "%}");
    if (is_at(l, l->at, "-}}"))
        return skip_blanks(l, l->at + 3);
    return is_at(l, l->at, "}}") ? l->at + 2 : 0;
}

static enum sc_status read_number_or_name(struct lexer *l, struct token *out, bool *done)
{
    const char *s = l->source + l->at;
    bool behind_point = l->at > 0 && s[-1] == '.';
    size_t n = is_digit(*s) && !behind_point ? float_length(s) : 0;

    *done = true;
    if (n) {
        out->kind = TOKEN_FLOAT;
        out->value = (struct value){.kind = VALUE_FLOAT, .real = float_value(s, n)};
        move(l, l->at + n);
        return SC_OK;
    }
    if (is_digit(*s)) {
        n = integer_length(s);
        out->kind = TOKEN_INTEGER;
        SC_TRY(integer_value(l, n, &out->value));
        move(l, l->at + n);
        return SC_OK;
    }
    n = name_length(s, l->n - l->at);
    *done = n > 0;
    if (n) {
        out->kind = TOKEN_NAME;
        out->bytes = s;
        out->n = n;
        move(l, l->at + n);
    }
    return SC_OK;
}

enum sc_status sc_jinja_next_token(struct lexer *l, struct token *out)
{
    bool done;

    if (l->mode == IN_TEXT)
        return read_text(l, out);
    move(l, skip_blanks(l, l->at));
    size_t end = tag_closing(l);
    *out = token_at(l, l->mode == IN_BLOCK ? TOKEN_BLOCK_END : TOKEN_PRINT_END);
    if (end) {
        move(l, end);
        l->mode = IN_TEXT;
        return SC_OK;
    }
    if (l->at >= l->n)
        return sc_jinja_fail_at(l->run, l->line, "a tag is not closed");
    SC_TRY(read_number_or_name(l, out, &done));
    if (done)
        return SC_OK;
    if (l->source[l->at] == '\'' || l->source[l->at] == '"')
        return read_string(l, out);
    return read_operator(l, out);
}
