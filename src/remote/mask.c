/* See mask.h. */
#include "remote/mask.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { SHORTEST = 8, SHORTEST_MIXED = 5, MOST_BACKSLASHES = 8 };

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The characters of base64 that the key alone decides when it stands `shift` bytes after a group's
 * beginning. */
static char *encode(const char *key, size_t n, size_t shift, bool for_urls)
{
    struct sc_text out = {0};
    size_t n_bits = 8 * (n + shift);
    for (size_t bit = 8 * shift + (6 - 8 * shift % 6) % 6; bit + 6 <= n_bits; bit += 6) {
        size_t at = bit / 8 - shift, offset = bit % 8;
        unsigned two = (unsigned)(unsigned char)key[at] << 8;
        two |= at + 1 < n ? (unsigned char)key[at + 1] : 0;
        char c = standard[two >> (10 - offset) & 63];
        sc_text_putc(&out, !for_urls ? c : c == '+' ? '-' : c == '/' ? '_' : c);
    }
    return sc_text_take(&out);
}

/* A short word, such as the "EMPTY" that stands for no key, and a short number are what any text
 * may hold. */
static bool is_anybodys(const char *key, size_t n)
{
    size_t n_letters = 0, n_digits = 0;
    for (size_t i = 0; i < n; i++) {
        n_letters += (key[i] | 0x20) >= 'a' && (key[i] | 0x20) <= 'z';
        n_digits += key[i] >= '0' && key[i] <= '9';
    }
    return n < SHORTEST_MIXED || (n < SHORTEST && (n_letters == n || n_digits == n));
}

enum sc_status sc_mask_open(struct sc_mask *mask, const char *key, struct sc_error *error)
{
    *mask = (struct sc_mask){0};
    size_t n = key != NULL ? strlen(key) : 0;
    if (is_anybodys(key, n))
        return SC_OK;
    mask->n = n;
    mask->key = sc_strdup(key);
    bool made = mask->key != NULL;
    for (size_t i = 0; made && i < SC_MASK_BASE64; i++) {
        mask->encoded[i] = encode(key, n, i % 3, i >= 3);
        made = mask->encoded[i] != NULL;
    }
    if (made)
        return SC_OK;
    sc_mask_close(mask);
    return sc_fail_nomem(error, "a server's client");
}

static void forget(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    sc_free(*text);
    *text = NULL;
}

void sc_mask_close(struct sc_mask *mask)
{
    forget(&mask->key);
    for (size_t i = 0; i < SC_MASK_BASE64; i++)
        forget(&mask->encoded[i]);
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The number of n_digits hexadecimal digits at text, or -1. */
static int hexadecimal(const char *text, size_t n, size_t n_digits)
{
    int value = 0;
    for (size_t i = 0; i < n_digits; i++) {
        int d = i < n ? digit(text[i]) : -1;
        if (d < 0)
            return -1;
        value = value * 16 + d;
    }
    return value;
}

/* "&#107;", "&#x6b;": sets *length. */
static int html_reference(const char *text, size_t n, size_t *length)
{
    bool hex = n > 2 && (text[2] == 'x' || text[2] == 'X');
    size_t i = hex ? 3 : 2;
    int value = 0;
    if (n < 4 || text[1] != '#')
        return -1;
    for (; i < n && i < 12 && text[i] != ';'; i++) {
        int d = digit(text[i]);
        if (d < 0 || (!hex && d > 9))
            return -1;
        value = value > 4096 ? value : value * (hex ? 16 : 10) + d;
    }
    *length = i + 1;
    return i < n && text[i] == ';' ? value : -1;
}

/* "\u006b", "\x6b", "\/": behind one backslash or several.  Sets *length. */
static int backslashed(const char *text, size_t n, size_t *length)
{
    size_t i = 0;
    while (i < n && i < MOST_BACKSLASHES && text[i] == '\\')
        i++;
    size_t n_digits = i < n && text[i] == 'u' ? 4 : i < n && text[i] == 'x' ? 2 : 0;
    if (n_digits > 0) {
        *length = i + 1 + n_digits;
        return hexadecimal(text + i + 1, n - i - 1, n_digits);
    }
    *length = i + 1;
    return i < n ? (unsigned char)text[i] : -1;
}

/* Whether text [n] begins with the character c, in whichever form; sets *length. */
static bool stands_at(const char *text, size_t n, char c, size_t *length)
{
    int value = -1;
    *length = 1;
    if (text[0] == c && c != '\\')
        return true;
    if (text[0] == '\\')
        value = backslashed(text, n, length);
    else if (text[0] == '%') {
        *length = 3;
        value = hexadecimal(text + 1, n - 1, 2);
    } else if (text[0] == '&')
        value = html_reference(text, n, length);
    if (value == c)
        return true;
    *length = 1;
    return text[0] == c;
}

/* Bytes of text that spell the key from its beginning; *whole: all of it, else the text ended. */
static size_t match(const struct sc_mask *mask, const char *text, size_t n, bool *whole)
{
    size_t at = 0, i = 0, length;
    while (i < mask->n && at < n && stands_at(text + at, n - at, mask->key[i], &length)) {
        at += length;
        i++;
    }
    *whole = i == mask->n;
    return *whole || (at >= n && i >= SHORTEST) ? at : 0;
}

static void mask_encoded(const char *needle, char *text, size_t n)
{
    size_t n_needle = strlen(needle);
    char *end = text + n;
    while ((text = memmem(text, (size_t)(end - text), needle, n_needle)) != NULL) {
        memset(text, '*', n_needle);
        text += n_needle;
    }
}

void sc_mask_apply(const struct sc_mask *mask, char *text, size_t n, bool at_end)
{
    if (mask->key == NULL || n < SHORTEST_MIXED)
        return;
    for (size_t i = 0; i < n; i++) {
        bool whole;
        char c = text[i];
        if (c != mask->key[0] && c != '\\' && c != '%' && c != '&')
            continue;
        size_t length = match(mask, text + i, n - i, &whole);
        if (length == 0 || (!whole && !at_end))
            continue;
        memset(text + i, '*', length);
        i += length - 1;
    }
    for (size_t i = 0; i < SC_MASK_BASE64; i++)
        mask_encoded(mask->encoded[i], text, n);
}
