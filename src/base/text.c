/* See text.h. */
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/memory.h"

void sc_text_free(struct sc_text *text)
{
    sc_free(text->data);
    *text = (struct sc_text){0};
}

void sc_text_clear(struct sc_text *text)
{
    text->len = 0;
    if (text->data != NULL)
        text->data[0] = '\0';
}

/* Makes place for n more bytes and the final NUL. */
static bool reserve(struct sc_text *text, size_t n)
{
    if (text->failed)
        return false;
    size_t wanted = sc_size_add(sc_size_add(text->len, n), 1);
    if (wanted <= text->cap)
        return true;
    size_t cap = text->cap < 64 ? 64 : text->cap;
    while (cap < wanted)
        cap = sc_size_mul(cap, 2);
    char *grown = sc_resize(text->data, cap, 1);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->data = grown;
    text->cap = cap;
    return true;
}

void sc_text_add(struct sc_text *text, const char *bytes, size_t n)
{
    if (!reserve(text, n))
        return;
    if (n)
        memcpy(text->data + text->len, bytes, n);
    text->len += n;
    text->data[text->len] = '\0';
}

void sc_text_puts(struct sc_text *text, const char *string)
{
    sc_text_add(text, string, strlen(string));
}

void sc_text_putc(struct sc_text *text, char c)
{
    sc_text_add(text, &c, 1);
}

void sc_text_printf(struct sc_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0 || !reserve(text, (size_t)n)) {
        text->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->len, (size_t)n + 1, format, arguments);
    va_end(arguments);
    text->len += (size_t)n;
}

char *sc_text_take(struct sc_text *text)
{
    if (!text->failed && text->data == NULL)
        sc_text_add(text, "", 0);
    char *data = text->data;
    if (text->failed) {
        sc_free(data);
        data = NULL;
    }
    *text = (struct sc_text){0};
    return data;
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

size_t sc_utf8_decode(const char *s, size_t n, uint32_t *cp)
{
    const unsigned char *b = (const unsigned char *)s;
    if (b[0] < 0x80) {
        *cp = b[0];
        return 1;
    }
    size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (b[0] < 0xC2 || b[0] > 0xF4 || length > n)
        return 0;
    uint32_t value = b[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3Fu);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *cp = value;
    return length;
}

size_t sc_utf8_encode(uint32_t cp, char *out)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

size_t sc_utf8_valid(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint32_t cp;
        size_t length = sc_utf8_decode(s + i, n - i, &cp);
        if (length == 0)
            return i;
        i += length;
    }
    return n;
}

/* Length of the maximal part at s that begins a valid sequence but does not complete one, at least
 * 1: what one U+FFFD stands for (Unicode 15, section 3.9, "substitution of maximal subparts"). */
static size_t broken_length(const unsigned char *b, size_t n)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t length;
    if (b[0] >= 0xC2 && b[0] <= 0xDF)
        length = 2;
    else if (b[0] >= 0xE0 && b[0] <= 0xEF)
        length = 3;
    else if (b[0] >= 0xF0 && b[0] <= 0xF4)
        length = 4;
    else
        return 1;
    if (b[0] == 0xE0)
        low = 0xA0;
    else if (b[0] == 0xED)
        high = 0x9F;
    else if (b[0] == 0xF0)
        low = 0x90;
    else if (b[0] == 0xF4)
        high = 0x8F;
    size_t i = 1;
    while (i < length && i < n && b[i] >= low && b[i] <= high) {
        low = 0x80;
        high = 0xBF;
        i++;
    }
    return i;
}

void sc_text_add_repaired(struct sc_text *text, const char *bytes, size_t n)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t begin = 0, i = 0;
    while (i < n) {
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(bytes + i, n - i, &cp);
        if (length && cp != 0) {
            i += length;
            continue;
        }
        sc_text_add(text, bytes + begin, i - begin);
        sc_text_add(text, replacement, 3);
        i += length ? length : broken_length((const unsigned char *)bytes + i, n - i);
        begin = i;
    }
    sc_text_add(text, bytes + begin, n - begin);
}

/* ---- untrusted text -------------------------------------------------------------------------- */

/* Control characters and what acts on the order of a text (Unicode's Cc, Cf, Zl, Zp, but for signs
 * that are seen), what most fonts show as nothing (its Default_Ignorable_Code_Point, fillers and
 * selectors in which a text can be hidden; the two that choose between an emoji and a letter, FE0E
 * and FE0F, stay) and noncharacters.  In order; tree.js and python/safeconf/results.py have the
 * same list, which tests/content compares. */
static const struct {
    uint32_t first, last;
} hidden[] = {{0x00, 0x08},       {0x0B, 0x1F},      {0x7F, 0x9F},     {0xAD, 0xAD},
              {0x34F, 0x34F},     {0x61C, 0x61C},    {0x115F, 0x1160}, {0x17B4, 0x17B5},
              {0x180B, 0x180F},   {0x200B, 0x200F},  {0x2028, 0x202E}, {0x2060, 0x206F},
              {0x3164, 0x3164},   {0xFDD0, 0xFDEF},  {0xFE00, 0xFE0D}, {0xFEFF, 0xFEFF},
              {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},  {0xFFFE, 0xFFFF}, {0x1BCA0, 0x1BCA3},
              {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};

bool sc_codepoint_is_hidden(uint32_t cp)
{
    if (cp >= 0x20 && cp < 0x7F)
        return false;
    if ((cp & 0xFFFE) == 0xFFFE)
        return true;
    size_t i = 0;
    while (i < sizeof hidden / sizeof *hidden && cp > hidden[i].last)
        i++;
    return i < sizeof hidden / sizeof *hidden && cp >= hidden[i].first;
}

size_t sc_visible_char(const char *s, size_t n, bool keep_newlines, char *out, size_t size)
{
    uint32_t cp = 0;
    size_t length = sc_utf8_decode(s, n, &cp);
    if (length == 0) {
        snprintf(out, size, "\\x%02X", (unsigned)(unsigned char)s[0]);
        return 1;
    }
    if (cp == '\n' || cp == '\t') {
        snprintf(out, size, "%s",
                 keep_newlines ? (cp == '\n' ? "\n" : "\t") : (cp == '\n' ? "\\n" : "\\t"));
    } else if (!sc_codepoint_is_hidden(cp)) {
        memcpy(out, s, length);
        out[length] = '\0';
    } else if (cp < 0x100) {
        snprintf(out, size, "\\x%02X", (unsigned)cp);
    } else {
        snprintf(out, size, "\\u{%04X}", (unsigned)cp);
    }
    return length;
}

void sc_text_add_visible(struct sc_text *text, const char *untrusted, size_t n, bool keep_newlines)
{
    for (size_t i = 0; i < n;) {
        char piece[16];
        i += sc_visible_char(untrusted + i, n - i, keep_newlines, piece, sizeof piece);
        sc_text_puts(text, piece);
    }
}

size_t sc_text_columns(const char *s, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(s + i, n - i, &cp);
        int width = length ? utf8proc_charwidth((utf8proc_int32_t)cp) : 1;
        columns += width > 0 ? (size_t)width : 0;
        i += length ? length : 1;
    }
    return columns;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void sc_text_add_shortened(struct sc_text *text, const char *untrusted, size_t columns)
{
    assert(columns > 3);
    size_t n = strlen(untrusted), used = 0, i = 0;
    size_t kept = text->len; /* up to where "..." may follow */
    bool pending = false;    /* a blank, before what comes next */
    while (i < n && is_blank(untrusted[i]))
        i++;
    while (i < n && !text->failed) {
        char visible[16];
        if (is_blank(untrusted[i])) {
            pending = true;
            i++;
            continue;
        }
        i += sc_visible_char(untrusted + i, n - i, false, visible, sizeof visible);
        size_t width = sc_text_columns(visible, strlen(visible)) + pending;
        if (used + width > columns) {
            text->len = kept;
            sc_text_puts(text, "...");
            return;
        }
        if (pending)
            sc_text_putc(text, ' ');
        sc_text_puts(text, visible);
        pending = false;
        used += width;
        if (used + 3 <= columns)
            kept = text->len;
    }
}

void sc_text_add_html(struct sc_text *text, const char *untrusted, size_t n)
{
    for (size_t i = 0; i < n;) {
        char piece[16];
        size_t taken = sc_visible_char(untrusted + i, n - i, true, piece, sizeof piece);
        switch (untrusted[i]) {
        case '&':
            sc_text_puts(text, "&amp;");
            break;
        case '<':
            sc_text_puts(text, "&lt;");
            break;
        case '>':
            sc_text_puts(text, "&gt;");
            break;
        case '"':
            sc_text_puts(text, "&quot;");
            break;
        case '\'':
            sc_text_puts(text, "&#39;");
            break;
        default:
            sc_text_puts(text, piece);
        }
        i += taken;
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

/* A letter or digit of ASCII. */
static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool sc_is_name_char(char c)
{
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
}

bool sc_is_word_char(char c)
{
    return is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

bool sc_is_spelt_like(const char *name, const char *own)
{
    for (;; name++, own++) {
        while (*name == '-' || *name == '_')
            name++;
        if (strncasecmp(name, own, 1) != 0)
            return false;
        if (*name == '\0')
            return true;
    }
}

bool sc_text_add_name(struct sc_text *text, const char *name, size_t n, char instead)
{
    bool plain = true;
    for (size_t i = 0; i < n; i++) {
        bool keep = sc_is_name_char(name[i]);
        plain = plain && keep;
        sc_text_putc(text, keep ? name[i] : instead);
    }
    return plain;
}
