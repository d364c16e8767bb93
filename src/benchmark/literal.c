/* See literal.h.  Two values with a blank and no comma between them are two, as NumPy means it. */
#include "benchmark/literal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MOST_DEPTH = 32, LONGEST_NUMBER = 40 };

struct scanner {
    const char *text;
    size_t n, at;
    struct sc_error *error;
};

static enum sc_status fail(const struct scanner *s, const char *expected)
{
    return sc_fail(s->error, SC_ERR_FORMAT, "byte %zu: expected %s", s->at, expected);
}

static char peek(const struct scanner *s)
{
    return s->at < s->n ? s->text[s->at] : '\0';
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->n && strchr(" \t\r\n", s->text[s->at]) != NULL)
        s->at++;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* \xHH, \uHHHH and \UHHHHHHHH, whose digits begin at the place. */
static enum sc_status read_code_point(struct scanner *s, size_t n_digits, struct sc_text *out)
{
    uint32_t cp = 0;
    for (size_t i = 0; i < n_digits; i++, s->at++) {
        char c = peek(s);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return fail(s, "a hexadecimal digit");
        cp = cp << 4 | digit;
    }
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return fail(s, "a character");
    char bytes[4];
    sc_text_add(out, bytes, sc_utf8_encode(cp, bytes));
    return SC_OK;
}

static enum sc_status read_escape(struct scanner *s, struct sc_text *out)
{
    static const char letters[] = "nrt\\'\"abfv", meant[] = "\n\r\t\\'\"\a\b\f\v";
    char c = peek(s);
    const char *known = c != '\0' ? strchr(letters, c) : NULL;
    s->at++;
    if (known != NULL) {
        sc_text_putc(out, meant[known - letters]);
        return SC_OK;
    }
    if (c == 'x' || c == 'u' || c == 'U')
        return read_code_point(s, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
    s->at--;
    return fail(s, "an escape that Python prints");
}

static enum sc_status read_text(struct scanner *s, struct sc_text *out)
{
    char quote = s->text[s->at++];
    sc_text_puts(out, "");
    for (;;) {
        if (s->at >= s->n)
            return fail(s, "the end of a text");
        char c = s->text[s->at++];
        if (c == quote)
            return out->failed ? sc_fail_nomem(s->error, "a list") : SC_OK;
        if (c == '\\')
            SC_TRY(read_escape(s, out));
        else
            sc_text_putc(out, c);
    }
}

static enum sc_status read_string(struct scanner *s, json_t **out)
{
    struct sc_text text = {0};
    enum sc_status status = read_text(s, &text);
    if (status != SC_OK)
        goto done;
    *out = json_stringn(text.data, text.len);
    if (*out == NULL)
        status = sc_utf8_valid(text.data, text.len) == text.len ? sc_fail_nomem(s->error, "a list")
                                                                : fail(s, "UTF-8");
done:
    sc_text_free(&text);
    return status;
}

/* ---- values ---------------------------------------------------------------------------------- */

static enum sc_status read_value(struct scanner *s, int depth, json_t **out);

/* True, False, None, or a number; read to its end, so that "Truex" is none. */
static enum sc_status read_word(struct scanner *s, json_t **out)
{
    char word[LONGEST_NUMBER + 1], *end;
    size_t n = 0;
    while (s->at + n < s->n && (sc_is_name_char(s->text[s->at + n]) || s->text[s->at + n] == '+'))
        n++;
    if (n == 0 || n > LONGEST_NUMBER)
        return fail(s, "a list, a dictionary or a text as Python prints them");
    memcpy(word, s->text + s->at, n);
    word[n] = '\0';
    bool is_number = strspn(word, "0123456789+-.eE") == n;
    if (strcmp(word, "True") == 0 || strcmp(word, "False") == 0)
        *out = json_boolean(word[0] == 'T');
    else if (strcmp(word, "None") == 0)
        *out = json_null();
    else if (is_number)
        *out = json_real(strtod(word, &end));
    else
        return fail(s, "a list, a dictionary or a text as Python prints them");
    if (is_number && (*out == NULL || *end != '\0')) {
        json_decref(*out);
        *out = NULL;
        return fail(s, "a number");
    }
    s->at += n;
    return SC_OK;
}

/* What stands between two elements, or the bracket that ends them: *ended.  before: where the last
 * element ended. */
static enum sc_status read_between(struct scanner *s, char bracket, bool blank_is_enough,
                                   bool *ended)
{
    size_t before = s->at;
    skip_blanks(s);
    if (peek(s) == ',') {
        s->at++;
        skip_blanks(s);
    } else if (peek(s) != bracket && (!blank_is_enough || s->at == before)) {
        return fail(s, "a comma");
    }
    *ended = peek(s) == bracket;
    return SC_OK;
}

static enum sc_status read_elements(struct scanner *s, char bracket, int depth, json_t *list)
{
    bool ended = peek(s) == bracket;
    while (!ended) {
        json_t *element = NULL;
        SC_TRY(read_value(s, depth + 1, &element));
        if (json_array_append_new(list, element) != 0)
            return sc_fail_nomem(s->error, "a list");
        SC_TRY(read_between(s, bracket, true, &ended));
    }
    s->at++;
    return SC_OK;
}

static enum sc_status read_entry(struct scanner *s, int depth, struct sc_text *key, json_t *object)
{
    json_t *value = NULL;
    if (peek(s) != '\'' && peek(s) != '"')
        return fail(s, "a text as key");
    SC_TRY(read_text(s, key));
    if (sc_utf8_valid(key->data, key->len) != key->len)
        return fail(s, "UTF-8");
    if (json_object_get(object, key->data) != NULL)
        return fail(s, "no key twice");
    skip_blanks(s);
    if (peek(s) != ':')
        return fail(s, "a colon");
    s->at++;
    skip_blanks(s);
    SC_TRY(read_value(s, depth + 1, &value));
    return json_object_set_new(object, key->data, value) == 0 ? SC_OK
                                                              : sc_fail_nomem(s->error, "a list");
}

static enum sc_status read_entries(struct scanner *s, int depth, json_t *object)
{
    bool ended = peek(s) == '}';
    while (!ended) {
        struct sc_text key = {0};
        enum sc_status status = read_entry(s, depth, &key, object);
        sc_text_free(&key);
        SC_TRY(status);
        SC_TRY(read_between(s, '}', false, &ended));
    }
    s->at++;
    return SC_OK;
}

static enum sc_status read_value(struct scanner *s, int depth, json_t **out)
{
    char c = peek(s);
    if (depth > MOST_DEPTH)
        return fail(s, "fewer lists within lists");
    if (c == '\'' || c == '"')
        return read_string(s, out);
    if (c != '[' && c != '(' && c != '{')
        return read_word(s, out);
    json_t *value = c == '{' ? json_object() : json_array();
    if (value == NULL)
        return sc_fail_nomem(s->error, "a list");
    s->at++;
    skip_blanks(s);
    enum sc_status status = c == '{' ? read_entries(s, depth, value)
                                     : read_elements(s, c == '[' ? ']' : ')', depth, value);
    if (status != SC_OK) {
        json_decref(value);
        return status;
    }
    *out = value;
    return SC_OK;
}

enum sc_status sc_literal_parse(const char *text, size_t n, json_t **out, struct sc_error *error)
{
    assert(text != NULL);
    struct scanner s = {.text = text, .n = n, .error = error};
    *out = NULL;
    skip_blanks(&s);
    SC_TRY(read_value(&s, 0, out));
    skip_blanks(&s);
    if (s.at == n)
        return SC_OK;
    json_decref(*out);
    *out = NULL;
    return fail(&s, "nothing behind it");
}
