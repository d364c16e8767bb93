/* JSON written as it goes.  Refuses nothing: what cannot be said is null. */
#include "base/json_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool on_own_line(const struct sc_json_writer *out)
{
    return out->pretty && out->depth <= out->pretty_depth;
}

static void new_line(struct sc_json_writer *out)
{
    if (!on_own_line(out))
        return;
    sc_text_putc(out->text, '\n');
    for (size_t i = 0; i < out->depth; i++)
        sc_text_puts(out->text, "  ");
}

/* ---- strings --------------------------------------------------------------------------------- */

static void add_escape(struct sc_text *text, uint32_t cp)
{
    if (cp >= 0x10000)
        sc_text_printf(text, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((cp - 0x10000) >> 10)),
                       (unsigned)(0xdc00 + ((cp - 0x10000) & 0x3ff)));
    else
        sc_text_printf(text, "\\u%04x", (unsigned)cp);
}

/* A code point that JSON or the reader needs escaped. */
static void add_escaped(struct sc_text *text, uint32_t cp)
{
    switch (cp) {
    case '"':
        sc_text_puts(text, "\\\"");
        break;
    case '\\':
        sc_text_puts(text, "\\\\");
        break;
    case '\n':
        sc_text_puts(text, "\\n");
        break;
    case '\t':
        sc_text_puts(text, "\\t");
        break;
    case '\r':
        sc_text_puts(text, "\\r");
        break;
    default:
        add_escape(text, cp);
    }
}

static bool needs_escape(uint32_t cp, bool canonical)
{
    if (cp == '"' || cp == '\\' || cp < 0x20 || cp == 0x7F)
        return true;
    return !canonical && sc_codepoint_is_hidden(cp);
}

/* n bytes of valid UTF-8. */
static void add_literal(struct sc_text *text, const char *string, size_t n, bool canonical)
{
    size_t plain = 0; /* start of what can be copied as it is */
    sc_text_putc(text, '"');
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(string + i, n - i, &cp);
        assert(length > 0);
        if (needs_escape(cp, canonical)) {
            sc_text_add(text, string + plain, i - plain);
            add_escaped(text, cp);
            plain = i + length;
        }
        i += length;
    }
    sc_text_add(text, string + plain, n - plain);
    sc_text_putc(text, '"');
}

void sc_text_add_json_string(struct sc_text *text, const char *string)
{
    add_literal(text, string, strlen(string), false);
}

static void put_literal(struct sc_json_writer *out, const char *value, size_t n)
{
    bool raw = out->canonical && !out->shown;
    bool whole = sc_utf8_valid(value, n) == n && memchr(value, '\0', n) == NULL;
    if (whole) {
        add_literal(out->text, value, n, raw);
        return;
    }
    struct sc_text repaired = {0};
    sc_text_add_repaired(&repaired, value, n);
    if (repaired.failed)
        out->text->failed = true;
    else
        add_literal(out->text, repaired.data, repaired.len, raw);
    sc_text_free(&repaired);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A host program's locale may write another decimal point. */
static void mend_point(char *digits)
{
    for (char *c = digits; *c; c++)
        if (strchr("0123456789+-e", *c) == NULL)
            *c = '.';
}

void sc_text_add_json_number(struct sc_text *text, double value)
{
    char digits[40];
    if (!isfinite(value)) {
        sc_text_puts(text, "null");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) /* exact on purpose: the text must read back the same */
            break;
    }
    mend_point(digits);
    sc_text_puts(text, digits);
}

/* %.17g, with a point or an exponent that shows a real number, and the exponent without a plus or
 * leading zeros. */
static void add_canonical_number(struct sc_text *text, double value)
{
    char digits[40];
    if (!isfinite(value)) {
        sc_text_puts(text, "null");
        return;
    }
    snprintf(digits, sizeof digits, "%.17g", value);
    mend_point(digits);
    const char *exponent = strchr(digits, 'e');
    if (exponent == NULL) {
        sc_text_puts(text, digits);
        if (strchr(digits, '.') == NULL)
            sc_text_puts(text, ".0");
        return;
    }
    sc_text_add(text, digits, (size_t)(exponent - digits));
    sc_text_printf(text, "e%ld", strtol(exponent + 1, NULL, 10));
}

/* ---- structure ------------------------------------------------------------------------------- */

static void put_key(struct sc_json_writer *out, const char *key)
{
    if (out->filled[out->depth])
        sc_text_putc(out->text, ',');
    if (out->depth > 0)
        new_line(out);
    out->filled[out->depth] = true;
    if (key == NULL)
        return;
    put_literal(out, key, strlen(key));
    sc_text_puts(out->text, out->pretty ? ": " : ":");
}

static void open_level(struct sc_json_writer *out, const char *key, char bracket)
{
    put_key(out, key);
    sc_text_putc(out->text, bracket);
    assert(out->depth + 1 < SC_JSON_MOST_DEPTH);
    out->depth++;
    out->filled[out->depth] = false;
}

static void close_level(struct sc_json_writer *out, char bracket)
{
    bool lines = on_own_line(out) && out->filled[out->depth];
    assert(out->depth > 0);
    out->depth--;
    if (lines)
        new_line(out);
    sc_text_putc(out->text, bracket);
}

void sc_json_put_object(struct sc_json_writer *out, const char *key)
{
    open_level(out, key, '{');
}

void sc_json_put_array(struct sc_json_writer *out, const char *key)
{
    open_level(out, key, '[');
}

void sc_json_put_end_object(struct sc_json_writer *out)
{
    close_level(out, '}');
}

void sc_json_put_end_array(struct sc_json_writer *out)
{
    close_level(out, ']');
}

void sc_json_put_string(struct sc_json_writer *out, const char *key, const char *value)
{
    put_key(out, key);
    if (value != NULL)
        put_literal(out, value, strlen(value));
    else
        sc_text_puts(out->text, "null");
}

void sc_json_put_count(struct sc_json_writer *out, const char *key, uint64_t value)
{
    put_key(out, key);
    sc_text_printf(out->text, "%" PRIu64, value);
}

void sc_json_put_integer(struct sc_json_writer *out, const char *key, int64_t value)
{
    put_key(out, key);
    sc_text_printf(out->text, "%" PRId64, value);
}

void sc_json_put_number(struct sc_json_writer *out, const char *key, double value)
{
    put_key(out, key);
    if (out->canonical)
        add_canonical_number(out->text, value);
    else
        sc_text_add_json_number(out->text, value);
}

void sc_json_put_bool(struct sc_json_writer *out, const char *key, bool value)
{
    put_key(out, key);
    sc_text_puts(out->text, value ? "true" : "false");
}

void sc_json_put_null(struct sc_json_writer *out, const char *key)
{
    put_key(out, key);
    sc_text_puts(out->text, "null");
}

/* JSON with what must not be raw as \uNNNN, which is the same text: such characters occur only
 * inside strings.  in_script: also what could end a <script>. */
static void add_json(struct sc_text *text, const char *json, size_t n, bool in_script)
{
    size_t plain = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(json + i, n - i, &cp);
        size_t step = length ? length : 1;
        bool markup = in_script && (cp == '<' || cp == '>' || cp == '&');
        if (length == 0 || markup || sc_codepoint_is_hidden(cp)) {
            sc_text_add(text, json + plain, i - plain);
            add_escape(text, length ? cp : 0xFFFD);
            plain = i + step;
        }
        i += step;
    }
    sc_text_add(text, json + plain, n - plain);
}

void sc_text_add_script_json(struct sc_text *text, const char *json, size_t n)
{
    add_json(text, json, n, true);
}

void sc_json_put_raw(struct sc_json_writer *out, const char *key, const char *json)
{
    put_key(out, key);
    add_json(out->text, json, strlen(json), false);
}
