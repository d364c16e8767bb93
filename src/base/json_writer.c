/* JSON written as it goes.  Refuses nothing: what cannot be said is null. */
#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static bool on_own_line(const struct sc_output *out)
{
    return out->pretty && out->depth <= out->pretty_depth;
}

static void new_line(struct sc_output *out)
{
    if (!on_own_line(out))
        return;
    sc_text_putc(out->text, '\n');
    for (size_t i = 0; i < out->depth; i++)
        sc_text_puts(out->text, "  ");
}

static void put_string_literal(struct sc_text *text, const char *value)
{
    size_t n = strlen(value);
    if (sc_utf8_valid(value, n) == n) {
        sc_json_write_string(text, value);
        return;
    }
    struct sc_text repaired = {0};
    sc_text_add_repaired(&repaired, value, n);
    if (repaired.failed)
        text->failed = true;
    else
        sc_json_write_string(text, repaired.data != NULL ? repaired.data : "");
    sc_text_free(&repaired);
}

static void put_key(struct sc_output *out, const char *key)
{
    if (out->filled[out->depth])
        sc_text_putc(out->text, ',');
    if (out->depth > 0)
        new_line(out);
    out->filled[out->depth] = true;
    if (key == NULL)
        return;
    put_string_literal(out->text, key);
    sc_text_puts(out->text, out->pretty ? ": " : ":");
}

static void open_level(struct sc_output *out, const char *key, char bracket)
{
    put_key(out, key);
    sc_text_putc(out->text, bracket);
    if (out->depth + 1 < SC_OUTPUT_DEPTH)
        out->depth++;
    out->filled[out->depth] = false;
}

static void close_level(struct sc_output *out, char bracket)
{
    bool lines = on_own_line(out) && out->filled[out->depth];
    if (out->depth > 0)
        out->depth--;
    if (lines)
        new_line(out);
    sc_text_putc(out->text, bracket);
}

void sc_put_object(struct sc_output *out, const char *key)
{
    open_level(out, key, '{');
}

void sc_put_array(struct sc_output *out, const char *key)
{
    open_level(out, key, '[');
}

void sc_put_end_object(struct sc_output *out)
{
    close_level(out, '}');
}

void sc_put_end_array(struct sc_output *out)
{
    close_level(out, ']');
}

void sc_put_string(struct sc_output *out, const char *key, const char *value)
{
    put_key(out, key);
    if (value != NULL)
        put_string_literal(out->text, value);
    else
        sc_text_puts(out->text, "null");
}

void sc_put_count(struct sc_output *out, const char *key, uint64_t value)
{
    put_key(out, key);
    sc_text_printf(out->text, "%llu", (unsigned long long)value);
}

void sc_put_number(struct sc_output *out, const char *key, double value)
{
    put_key(out, key);
    sc_text_add_number(out->text, value);
}

void sc_put_bool(struct sc_output *out, const char *key, bool value)
{
    put_key(out, key);
    sc_text_puts(out->text, value ? "true" : "false");
}

void sc_put_null(struct sc_output *out, const char *key)
{
    put_key(out, key);
    sc_text_puts(out->text, "null");
}

void sc_put_json(struct sc_output *out, const char *key, const char *json)
{
    put_key(out, key);
    sc_text_puts(out->text, json);
}

void sc_text_add_number(struct sc_text *text, double value)
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
    /* a host program's locale may write another decimal point */
    for (char *c = digits; *c; c++)
        if (strchr("0123456789+-e", *c) == NULL)
            *c = '.';
    sc_text_puts(text, digits);
}

void sc_text_add_script_json(struct sc_text *text, const char *json, size_t n)
{
    size_t plain = 0; /* start of what can be copied as it is */
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(json + i, n - i, &cp);
        size_t step = length ? length : 1;
        bool escape = !length || cp == '<' || cp == '>' || cp == '&' || sc_codepoint_is_hidden(cp);
        if (escape) {
            sc_text_add(text, json + plain, i - plain);
            if (!length)
                sc_text_puts(text, "\\ufffd");
            else if (cp >= 0x10000)
                sc_text_printf(text, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((cp - 0x10000) >> 10)),
                               (unsigned)(0xdc00 + ((cp - 0x10000) & 0x3ff)));
            else
                sc_text_printf(text, "\\u%04x", (unsigned)cp);
            plain = i + step;
        }
        i += step;
    }
    sc_text_add(text, json + plain, n - plain);
}
