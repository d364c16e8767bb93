/* See toml_words.h. */
#include "base/toml_words.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/toml_numbers.h"

/* ---- errors ---------------------------------------------------------------------------------- */

enum sc_status sc_toml_fail(const struct sc_toml_cursor *cursor, const char *at, const char *format,
                            ...)
{
    size_t line = 1, column = 1;
    char text[400];
    va_list arguments;
    for (const char *p = cursor->begin; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            column++;
        }
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sc_fail(cursor->error, SC_ERR_FORMAT, "%s: line %zu, column %zu: %s", cursor->what, line,
                   column, text);
}

enum sc_status sc_toml_fail_nomem(const struct sc_toml_cursor *cursor)
{
    return sc_fail_nomem(cursor->error, cursor->what);
}

enum sc_status sc_toml_unexpected(const struct sc_toml_cursor *cursor, const char *expected)
{
    const char *at = cursor->at;
    uint32_t code_point;
    if (at == cursor->end)
        return sc_toml_fail(cursor, at, "expected %s, found the end of the file", expected);
    if (*at == '\n' || (*at == '\r' && at[1] == '\n'))
        return sc_toml_fail(cursor, at, "expected %s, found the end of the line", expected);
    size_t length = sc_utf8_decode(at, (size_t)(cursor->end - at), &code_point);
    return sc_toml_fail(cursor, at, "expected %s, found \"%.*s\"", expected, (int)length, at);
}

/* ---- between words --------------------------------------------------------------------------- */

void sc_toml_blanks(struct sc_toml_cursor *cursor)
{
    while (*cursor->at == ' ' || *cursor->at == '\t')
        cursor->at++;
}

/* Whether the standard lets a character stand in comments and texts as it is. */
static bool is_plain(char c)
{
    unsigned char byte = (unsigned char)c;
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

static enum sc_status skip_comment(struct sc_toml_cursor *cursor)
{
    if (*cursor->at != '#')
        return SC_OK;
    while (cursor->at < cursor->end && is_plain(*cursor->at))
        cursor->at++;
    if (cursor->at < cursor->end && *cursor->at != '\n' && *cursor->at != '\r')
        return sc_toml_fail(cursor, cursor->at, "a comment holds a control character");
    return SC_OK;
}

/* Past one end of a line; false where there is none. */
static bool skip_newline(struct sc_toml_cursor *cursor)
{
    size_t n = *cursor->at == '\n' ? 1 : cursor->at[0] == '\r' && cursor->at[1] == '\n' ? 2 : 0;
    cursor->at += n;
    return n > 0;
}

enum sc_status sc_toml_line_end(struct sc_toml_cursor *cursor)
{
    sc_toml_blanks(cursor);
    SC_TRY(skip_comment(cursor));
    if (cursor->at == cursor->end || skip_newline(cursor))
        return SC_OK;
    return sc_toml_unexpected(cursor, "the end of the line");
}

enum sc_status sc_toml_space(struct sc_toml_cursor *cursor)
{
    do {
        sc_toml_blanks(cursor);
        SC_TRY(skip_comment(cursor));
    } while (skip_newline(cursor));
    return SC_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* \uXXXX and \UXXXXXXXX; the cursor is behind the letter. */
static enum sc_status read_code_point(struct sc_toml_cursor *cursor, int n_digits,
                                      struct sc_text *out)
{
    const char *begin = cursor->at - 2;
    uint32_t code_point = 0;
    char bytes[4];
    for (int i = 0; i < n_digits; i++, cursor->at++) {
        int digit = hex_digit(*cursor->at);
        if (digit < 0)
            return sc_toml_fail(cursor, begin, "expected %d hexadecimal digits behind \"\\%c\"",
                                n_digits, begin[1]);
        code_point = code_point << 4 | (uint32_t)digit;
    }
    if (code_point == 0)
        return sc_toml_fail(cursor, begin, "a text holds U+0000");
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000))
        return sc_toml_fail(cursor, begin, "expected a character, found U+%04lX",
                            (unsigned long)code_point);
    sc_text_add(out, bytes, sc_utf8_encode(code_point, bytes));
    return SC_OK;
}

static enum sc_status read_escape(struct sc_toml_cursor *cursor, struct sc_text *out)
{
    static const char letters[] = "btnfr\"\\", meant[] = "\b\t\n\f\r\"\\";
    char letter = *++cursor->at;
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found != NULL)
        sc_text_putc(out, meant[found - letters]);
    else if (letter != 'u' && letter != 'U')
        return sc_toml_fail(cursor, cursor->at - 1,
                            "unknown escape (a backslash is written \"\\\\\", or the text in "
                            "'single quotes')");
    cursor->at++;
    return found != NULL ? SC_OK : read_code_point(cursor, letter == 'u' ? 4 : 8, out);
}

/* A backslash at the end of a line: blanks and line ends up to the next character are no text. */
static bool skip_continuation(struct sc_toml_cursor *cursor)
{
    struct sc_toml_cursor ahead = *cursor;
    ahead.at++;
    sc_toml_blanks(&ahead);
    if (!skip_newline(&ahead))
        return false;
    do
        sc_toml_blanks(&ahead);
    while (skip_newline(&ahead));
    *cursor = ahead;
    return true;
}

/* One character, or one escape, of a text in these quotes. */
static enum sc_status read_character(struct sc_toml_cursor *cursor, char quote, bool many_lines,
                                     struct sc_text *out)
{
    if (many_lines && (*cursor->at == '\n' || *cursor->at == '\r')) {
        if (!skip_newline(cursor))
            return sc_toml_fail(cursor, cursor->at, "a text holds a control character");
        sc_text_putc(out, '\n');
        return SC_OK;
    }
    if (*cursor->at == '\\' && quote == '"')
        return many_lines && skip_continuation(cursor) ? SC_OK : read_escape(cursor, out);
    if (cursor->at == cursor->end || *cursor->at == '\n' || *cursor->at == '\r')
        return sc_toml_unexpected(cursor, quote == '"' ? "\" at the end of the text"
                                                       : "' at the end of the text");
    if (!is_plain(*cursor->at))
        return sc_toml_fail(cursor, cursor->at, "a text holds a control character");
    sc_text_putc(out, *cursor->at++);
    return SC_OK;
}

static size_t count_quotes(const char *at, char quote)
{
    size_t n = 0;
    while (at[n] == quote)
        n++;
    return n;
}

static enum sc_status read_line_text(struct sc_toml_cursor *cursor, struct sc_text *out)
{
    char quote = *cursor->at++;
    while (*cursor->at != quote)
        SC_TRY(read_character(cursor, quote, false, out));
    cursor->at++;
    return SC_OK;
}

/* Three quotes end it; up to two before them belong to it. */
static enum sc_status read_long_text(struct sc_toml_cursor *cursor, struct sc_text *out)
{
    char quote = *cursor->at;
    cursor->at += 3;
    skip_newline(cursor);
    for (;;) {
        size_t n = count_quotes(cursor->at, quote);
        if (n > 5)
            n = 5;
        if (n >= 3) {
            sc_text_add(out, cursor->at, n - 3);
            cursor->at += n;
            return SC_OK;
        }
        SC_TRY(read_character(cursor, quote, true, out));
    }
}

static enum sc_status read_text(struct sc_toml_cursor *cursor, bool may_be_long,
                                struct sc_text *out)
{
    bool is_long = may_be_long && count_quotes(cursor->at, *cursor->at) >= 3;
    SC_TRY(is_long ? read_long_text(cursor, out) : read_line_text(cursor, out));
    return out->failed ? sc_toml_fail_nomem(cursor) : SC_OK;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool is_bare(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static enum sc_status read_part(struct sc_toml_cursor *cursor, struct sc_text *out)
{
    const char *begin = cursor->at;
    if (*begin == '"' || *begin == '\'')
        return read_text(cursor, false, out);
    while (is_bare(*cursor->at))
        cursor->at++;
    if (cursor->at == begin)
        return sc_toml_unexpected(cursor, "a key (letters, digits, - and _, or a text in quotes)");
    sc_text_add(out, begin, (size_t)(cursor->at - begin));
    return SC_OK;
}

static enum sc_status add_part(struct sc_toml_cursor *cursor, struct sc_toml_key *key)
{
    struct sc_text part = {0};
    if (key->n == SC_TOML_MOST_PARTS)
        return sc_toml_fail(cursor, cursor->at, "expected a key of at most %d parts",
                            SC_TOML_MOST_PARTS);
    enum sc_status status = read_part(cursor, &part);
    if (status != SC_OK) {
        sc_text_free(&part);
        return status;
    }
    key->parts[key->n] = sc_text_take(&part);
    return key->parts[key->n] != NULL ? (key->n++, SC_OK) : sc_toml_fail_nomem(cursor);
}

enum sc_status sc_toml_read_key(struct sc_toml_cursor *cursor, struct sc_toml_key *key)
{
    *key = (struct sc_toml_key){.at = cursor->at};
    for (;;) {
        SC_TRY(add_part(cursor, key));
        sc_toml_blanks(cursor);
        if (*cursor->at != '.')
            return SC_OK;
        cursor->at++;
        sc_toml_blanks(cursor);
    }
}

void sc_toml_key_free(struct sc_toml_key *key)
{
    for (size_t i = 0; i < key->n; i++)
        sc_free(key->parts[i]);
    key->n = 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A date and a time with a blank between them are one word. */
static size_t bare_length(const char *at)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "0123456789_+-.:";
    char both[sizeof letters + sizeof others];
    snprintf(both, sizeof both, "%s%s", letters, others);
    size_t n = strspn(at, both);
    if (n == 10 && at[4] == '-' && at[7] == '-' && at[n] == ' ' &&
        strspn(at + n + 1, "0123456789") == 2 && at[n + 3] == ':')
        n += 1 + strspn(at + n + 1, both);
    return n;
}

static enum sc_status read_bare(struct sc_toml_cursor *cursor, json_t **out)
{
    char word[128];
    const char *why = NULL;
    size_t n = bare_length(cursor->at);
    if (n == 0)
        return sc_toml_unexpected(cursor, "a value");
    if (n >= sizeof word)
        return sc_toml_fail(cursor, cursor->at, "expected a value, found a word of %zu letters", n);
    memcpy(word, cursor->at, n);
    word[n] = '\0';
    bool known = sc_toml_bare_value(word, out, &why);
    if (!known)
        return sc_toml_fail(cursor, cursor->at, "expected %s, found \"%s\"", why, word);
    cursor->at += n;
    return *out != NULL ? SC_OK : sc_toml_fail_nomem(cursor);
}

enum sc_status sc_toml_read_scalar(struct sc_toml_cursor *cursor, json_t **out)
{
    struct sc_text text = {0};
    *out = NULL;
    if (*cursor->at != '"' && *cursor->at != '\'')
        return read_bare(cursor, out);
    enum sc_status status = read_text(cursor, true, &text);
    if (status != SC_OK)
        goto done;
    *out = json_stringn(text.data != NULL ? text.data : "", text.len);
    if (*out == NULL)
        status = sc_toml_fail_nomem(cursor);
done:
    sc_text_free(&text);
    return status;
}
