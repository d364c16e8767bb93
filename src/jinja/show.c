#include "jinja/show.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/unicode.h"

/* "1.5e-07" from C's form of the digits. */
static void python_exponent(char *text)
{
    char *e = strchr(text, 'e');

    if (e == NULL && strpbrk(text, ".ni") == NULL)
        strcat(text, ".0");
}

/* Digits with a point from digits and an exponent of ten: repr writes no exponent from 1e-4 up to
 * 1e16. */
static void plain_digits(const char *digits, int exponent, bool negative, char *text, size_t size)
{
    int n = (int)strlen(digits);
    const char *sign = negative ? "-" : "";

    if (exponent < 0)
        snprintf(text, size, "%s0.%.*s%s", sign, -exponent - 1, "0000", digits);
    else if (exponent + 1 >= n)
        snprintf(text, size, "%s%s%.*s.0", sign, digits, exponent + 1 - n, "0000000000000000");
    else
        snprintf(text, size, "%s%.*s.%s", sign, exponent + 1, digits, digits + exponent + 1);
}

void sc_jinja_float_text(double real, char *text, size_t size)
{
    char shortest[40], digits[24];
    int n = 0;

    assert(size >= 32);
    if (isnan(real) || isinf(real)) {
        snprintf(text, size, "%s", isnan(real) ? "nan" : real > 0 ? "inf" : "-inf");
        return;
    }
    for (int precision = 0; precision < 17; precision++) {
        snprintf(shortest, sizeof shortest, "%.*e", precision, real);
        if (strtod(shortest, NULL) == real)
            break;
    }
    int exponent = atoi(strchr(shortest, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        snprintf(text, size, "%s", shortest);
        python_exponent(text);
        return;
    }
    for (const char *c = shortest; *c != 'e'; c++)
        if (*c >= '0' && *c <= '9')
            digits[n++] = *c;
    digits[n] = 0;
    plain_digits(digits, exponent, signbit(real), text, size);
}

static void add_number(struct builder *b, struct value value)
{
    char text[40];

    if (value.kind == VALUE_FLOAT)
        sc_jinja_float_text(value.real, text, sizeof text);
    else
        snprintf(text, sizeof text, "%lld", (long long)value.integer);
    sc_jinja_add_bytes(b, text, strlen(text), value.outside);
}

static void add_word(struct builder *b, const char *word, bool outside)
{
    sc_jinja_add_bytes(b, word, strlen(word), outside);
}

static void add_escape(struct builder *b, uint32_t cp, bool outside)
{
    char text[16];

    if (cp == '\n' || cp == '\r' || cp == '\t')
        snprintf(text, sizeof text, "\\%c", cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't');
    else
        snprintf(text, sizeof text,
                 cp < 0x100     ? "\\x%02x"
                 : cp < 0x10000 ? "\\u%04x"
                                : "\\U%08x",
                 (unsigned)cp);
    sc_jinja_add_bytes(b, text, strlen(text), outside);
}

static void add_string_repr(struct builder *b, const struct string *s)
{
    bool single = s->n && memchr(s->bytes, '\'', s->n) != NULL;
    bool both = single && memchr(s->bytes, '"', s->n) != NULL;
    char quote = single && !both ? '"' : '\'';
    size_t n, begin = 0;

    sc_jinja_add_bytes(b, &quote, 1, false);
    for (size_t at = 0; at < s->n; at += n) {
        uint32_t cp = sc_jinja_char_at(s, at, &n);
        bool quoted = cp == '\\' || cp == (unsigned char)quote;
        if (!quoted && sc_jinja_is_printable(cp))
            continue;
        bool outside = sc_jinja_part_outside(s, at, at + n);
        sc_jinja_add_part(b, s, begin, at);
        if (quoted)
            sc_jinja_add_bytes(b, "\\", 1, outside);
        else
            add_escape(b, cp, outside);
        begin = quoted ? at : at + n;
    }
    sc_jinja_add_part(b, s, begin, s->n);
    sc_jinja_add_bytes(b, &quote, 1, false);
}

static enum sc_status add_items(struct builder *b, const struct list *list, const char *open,
                                const char *close)
{
    add_word(b, open, false);
    for (size_t i = 0; i < list->n; i++) {
        if (i)
            add_word(b, ", ", false);
        SC_TRY(sc_jinja_add_repr(b, list->items[i]));
    }
    add_word(b, close, false);
    return SC_OK;
}

static enum sc_status add_dict(struct builder *b, const struct dict *dict)
{
    add_word(b, "{", false);
    for (size_t i = 0; i < dict->n; i++) {
        if (i)
            add_word(b, ", ", false);
        SC_TRY(sc_jinja_add_repr(b, dict->entries[i].key));
        add_word(b, ": ", false);
        SC_TRY(sc_jinja_add_repr(b, dict->entries[i].value));
    }
    add_word(b, "}", false);
    return SC_OK;
}

static void add_range(struct builder *b, const int64_t *range)
{
    char text[80];

    if (range[2] == 1)
        snprintf(text, sizeof text, "range(%lld, %lld)", (long long)range[0], (long long)range[1]);
    else
        snprintf(text, sizeof text, "range(%lld, %lld, %lld)", (long long)range[0],
                 (long long)range[1], (long long)range[2]);
    add_word(b, text, false);
}

static enum sc_status add_container(struct builder *b, struct value value)
{
    SC_TRY(sc_jinja_enter(b->run));
    switch (value.kind) {
    case VALUE_LIST:
        SC_TRY(add_items(b, value.list, "[", "]"));
        break;
    case VALUE_TUPLE:
        SC_TRY(add_items(b, value.list, "(", value.list->n == 1 ? ",)" : ")"));
        break;
    case VALUE_VIEW:
        add_word(b, value.list->view, false);
        SC_TRY(add_items(b, value.list, "([", "])"));
        break;
    case VALUE_NAMESPACE:
        add_word(b, "<Namespace ", false);
        SC_TRY(add_dict(b, value.dict));
        add_word(b, ">", false);
        break;
    default:
        SC_TRY(add_dict(b, value.dict));
        break;
    }
    sc_jinja_leave(b->run);
    return SC_OK;
}

enum sc_status sc_jinja_add_repr(struct builder *b, struct value value)
{
    SC_TRY(sc_jinja_step(b->run, 1));
    switch (value.kind) {
    case VALUE_STRING:
        if (value.string->markup)
            add_word(b, "Markup(", false);
        add_string_repr(b, value.string);
        if (value.string->markup)
            add_word(b, ")", false);
        return SC_OK;
    case VALUE_UNDEFINED:
        add_word(b, "Undefined", false);
        return SC_OK;
    case VALUE_NONE:
        add_word(b, "None", value.outside);
        return SC_OK;
    case VALUE_BOOL:
        add_word(b, value.truth ? "True" : "False", value.outside);
        return SC_OK;
    case VALUE_INT:
    case VALUE_FLOAT:
        add_number(b, value);
        return SC_OK;
    case VALUE_RANGE:
        add_range(b, value.list->range);
        return SC_OK;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_DICT:
    case VALUE_VIEW:
    case VALUE_NAMESPACE:
        return add_container(b, value);
    default:
        return sc_jinja_fail(b->run, "a %s has no text", sc_jinja_kind(value));
    }
}

enum sc_status sc_jinja_add_shown(struct builder *b, struct value value)
{
    if (value.kind == VALUE_UNDEFINED)
        return SC_OK;
    if (value.kind != VALUE_STRING)
        return sc_jinja_add_repr(b, value);
    sc_jinja_add(b, value.string);
    return SC_OK;
}

enum sc_status sc_jinja_show(struct run *run, struct value value, const struct string **out)
{
    struct builder b = sc_jinja_builder(run);

    if (value.kind == VALUE_STRING) {
        *out = value.string;
        return SC_OK;
    }
    SC_TRY(sc_jinja_add_shown(&b, value));
    return sc_jinja_built(&b, out);
}

/* ---- numbers from texts ---- */

/* The ASCII of a number without the blanks around it and the single '_' between digits; false when
 * it is none: empty, too long or with other characters. */
static bool number_text(const struct string *s, char *text, size_t size)
{
    size_t begin = 0, end = s->n, n = 0;

    sc_jinja_strip_blanks(s, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        char c = s->bytes[i];
        bool between = i > begin && i + 1 < end && s->bytes[i - 1] != '_';
        if (c == '_' && between)
            continue;
        if (n + 1 >= size || c == '_' || (unsigned char)c >= 0x80 || c <= ' ')
            return false;
        text[n++] = c;
    }
    text[n] = 0;
    return n > 0;
}

static int base_of_prefix(const char *text)
{
    switch (text[0] == '0' ? text[1] | 0x20 : 0) {
    case 'x':
        return 16;
    case 'o':
        return 8;
    case 'b':
        return 2;
    default:
        return 0;
    }
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

enum sc_status sc_jinja_parse_int(struct run *run, const struct string *s, int base, bool *valid,
                                  int64_t *out)
{
    char buffer[256];
    const char *text = buffer;
    int64_t value = 0;

    *valid = false;
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    if (!number_text(s, buffer, sizeof buffer))
        return SC_OK;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    int prefix = base_of_prefix(text);
    if (prefix != 0 && (base == 0 || base == prefix)) {
        text += 2;
        base = prefix;
    } else if (base == 0) {
        if (text[0] == '0' && strspn(text, "0") != strlen(text))
            return SC_OK;
        base = 10;
    }
    if (*text == 0)
        return SC_OK;
    for (; *text; text++) {
        int digit = digit_of(*text);
        if (digit >= base)
            return SC_OK;
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return sc_jinja_fail(run, "a whole number beyond 64 bits");
    }
    if (!negative && value == INT64_MIN)
        return sc_jinja_fail(run, "a whole number beyond 64 bits");
    *valid = true;
    *out = negative ? value : -value;
    return SC_OK;
}

bool sc_jinja_parse_float(const struct string *s, double *out)
{
    char text[512], *end;

    if (!number_text(s, text, sizeof text) || strpbrk(text, "xXpP(") != NULL)
        return false;
    *out = strtod(text, &end);
    return *end == 0;
}

/* ---- JSON ---- */

static void add_json_escape(struct builder *b, uint32_t cp, bool outside)
{
    static const char from[] = "\"\\\n\r\t\f\b", to[] = "\"\\nrtfb";
    const char *known = cp && cp < 0x80 ? strchr(from, (int)cp) : NULL;
    char text[16];

    if (known != NULL)
        snprintf(text, sizeof text, "\\%c", to[known - from]);
    else if (cp < 0x10000)
        snprintf(text, sizeof text, "\\u%04x", (unsigned)cp);
    else
        snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xD800 + (unsigned)((cp - 0x10000) >> 10),
                 0xDC00 + (unsigned)((cp - 0x10000) & 0x3FF));
    sc_jinja_add_bytes(b, text, strlen(text), outside);
}

static void add_json_string(struct builder *b, const struct string *s, bool ascii)
{
    size_t n, begin = 0;

    sc_jinja_add_bytes(b, "\"", 1, false);
    for (size_t at = 0; at < s->n; at += n) {
        uint32_t cp = sc_jinja_char_at(s, at, &n);
        if (cp >= ' ' && cp != '"' && cp != '\\' && (!ascii || cp < 0x7f))
            continue;
        sc_jinja_add_part(b, s, begin, at);
        add_json_escape(b, cp, sc_jinja_part_outside(s, at, at + n));
        begin = at + n;
    }
    sc_jinja_add_part(b, s, begin, s->n);
    sc_jinja_add_bytes(b, "\"", 1, false);
}

static void add_json_number(struct builder *b, struct value value)
{
    if (value.kind == VALUE_FLOAT && isnan(value.real))
        add_word(b, "NaN", value.outside);
    else if (value.kind == VALUE_FLOAT && isinf(value.real))
        add_word(b, value.real > 0 ? "Infinity" : "-Infinity", value.outside);
    else
        add_number(b, value);
}

static void add_line(struct builder *b, const struct json_style *style, size_t depth)
{
    if (style->indent == NULL)
        return;
    sc_jinja_add_bytes(b, "\n", 1, false);
    for (size_t i = 0; i < depth; i++)
        sc_jinja_add(b, style->indent);
}

static enum sc_status add_json_at(struct builder *b, struct value value,
                                  const struct json_style *style, size_t depth);

static enum sc_status add_json_list(struct builder *b, const struct list *list,
                                    const struct json_style *style, size_t depth)
{
    add_word(b, "[", false);
    for (size_t i = 0; i < list->n; i++) {
        if (i)
            sc_jinja_add(b, style->between);
        add_line(b, style, depth + 1);
        SC_TRY(add_json_at(b, list->items[i], style, depth + 1));
    }
    if (list->n)
        add_line(b, style, depth);
    add_word(b, "]", false);
    return SC_OK;
}

static enum sc_status add_json_key(struct builder *b, struct value key,
                                   const struct json_style *style)
{
    switch (key.kind) {
    case VALUE_STRING:
        add_json_string(b, key.string, style->ascii);
        return SC_OK;
    case VALUE_NONE:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
        add_word(b, "\"", false);
        SC_TRY(add_json_at(b, key, style, 0));
        add_word(b, "\"", false);
        return SC_OK;
    default:
        return sc_jinja_fail(b->run, "tojson: a %s cannot be a key", sc_jinja_kind(key));
    }
}

/* The numbers of entries by their keys; insertion keeps equal ones apart as they came. */
static enum sc_status sorted_entries(struct run *run, const struct dict *dict, size_t **out)
{
    size_t *order = sc_jinja_take_array(run, dict->n, sizeof *order);

    if (order == NULL)
        return run->failed;
    for (size_t i = 0; i < dict->n; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            int sign;
            SC_TRY(sc_jinja_step(run, 1));
            SC_TRY(sc_jinja_compare(run, dict->entries[order[at - 1]].key, dict->entries[i].key,
                                    &sign));
            if (sign != 1)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    *out = order;
    return SC_OK;
}

static enum sc_status add_json_dict(struct builder *b, const struct dict *dict,
                                    const struct json_style *style, size_t depth)
{
    size_t *order = NULL;

    if (style->sorted)
        SC_TRY(sorted_entries(b->run, dict, &order));
    add_word(b, "{", false);
    for (size_t i = 0; i < dict->n; i++) {
        const struct dict_entry *entry = &dict->entries[order != NULL ? order[i] : i];
        if (i)
            sc_jinja_add(b, style->between);
        add_line(b, style, depth + 1);
        SC_TRY(add_json_key(b, entry->key, style));
        sc_jinja_add(b, style->after_key);
        SC_TRY(add_json_at(b, entry->value, style, depth + 1));
    }
    if (dict->n)
        add_line(b, style, depth);
    add_word(b, "}", false);
    return SC_OK;
}

static enum sc_status add_json_at(struct builder *b, struct value value,
                                  const struct json_style *style, size_t depth)
{
    SC_TRY(sc_jinja_enter(b->run));
    switch (value.kind) {
    case VALUE_NONE:
        add_word(b, "null", value.outside);
        break;
    case VALUE_BOOL:
        add_word(b, value.truth ? "true" : "false", value.outside);
        break;
    case VALUE_INT:
    case VALUE_FLOAT:
        add_json_number(b, value);
        break;
    case VALUE_STRING:
        add_json_string(b, value.string, style->ascii);
        break;
    case VALUE_LIST:
    case VALUE_TUPLE:
        SC_TRY(add_json_list(b, value.list, style, depth));
        break;
    case VALUE_DICT:
        SC_TRY(add_json_dict(b, value.dict, style, depth));
        break;
    default:
        return sc_jinja_fail(b->run, "tojson: a %s cannot be written as JSON",
                             sc_jinja_kind(value));
    }
    sc_jinja_leave(b->run);
    return SC_OK;
}

enum sc_status sc_jinja_add_json(struct builder *b, struct value value,
                                 const struct json_style *style)
{
    return add_json_at(b, value, style, 0);
}
