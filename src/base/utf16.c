/* See utf16.h. */
#include "base/utf16.h"

#include <string.h>

/* Pairs of bytes that are looked at where there is no mark, at least and at most. */
enum { FEW_PAIRS = 4, MANY_PAIRS = 256 };

static enum sc_encoding guess(const char *data, size_t n)
{
    size_t pairs = n / 2 < MANY_PAIRS ? n / 2 : MANY_PAIRS, low = 0, high = 0;
    for (size_t i = 0; i < pairs; i++) {
        low += data[2 * i] == '\0';
        high += data[2 * i + 1] == '\0';
    }
    if (pairs < FEW_PAIRS || n % 2 != 0)
        return SC_ENCODING_UTF8;
    if (high * 10 >= pairs * 7 && low * 10 <= pairs)
        return SC_ENCODING_UTF16_LE;
    return low * 10 >= pairs * 7 && high * 10 <= pairs ? SC_ENCODING_UTF16_BE : SC_ENCODING_UTF8;
}

enum sc_encoding sc_encoding_of(const char *data, size_t n, size_t *mark)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum sc_encoding encoding;
    } marks[] = {{"\xff\xfe\0\0", 4, SC_ENCODING_UTF32},
                 {"\0\0\xfe\xff", 4, SC_ENCODING_UTF32},
                 {"\xef\xbb\xbf", 3, SC_ENCODING_UTF8},
                 {"\xff\xfe", 2, SC_ENCODING_UTF16_LE},
                 {"\xfe\xff", 2, SC_ENCODING_UTF16_BE}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (n >= marks[i].n && memcmp(data, marks[i].bytes, marks[i].n) == 0) {
            *mark = marks[i].n;
            return marks[i].encoding;
        }
    *mark = 0;
    return guess(data, n);
}

static uint32_t unit_at(const char *data, bool big_endian)
{
    const unsigned char *b = (const unsigned char *)data;
    return big_endian ? (uint32_t)b[0] << 8 | b[1] : (uint32_t)b[1] << 8 | b[0];
}

static void add_half(struct sc_text *text, uint32_t unit)
{
    const char bytes[] = {(char)(0xe0 | unit >> 12), (char)(0x80 | (unit >> 6 & 0x3f)),
                          (char)(0x80 | (unit & 0x3f))};
    sc_text_add(text, bytes, sizeof bytes);
}

void sc_text_add_utf16(struct sc_text *text, const char *data, size_t n, bool big_endian)
{
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint32_t unit = unit_at(data + i, big_endian);
        uint32_t next = i + 3 < n ? unit_at(data + i + 2, big_endian) : 0;
        if (unit >= 0xd800 && unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
            i += 2;
        } else if (unit >= 0xd800 && unit <= 0xdfff) {
            add_half(text, unit);
            continue;
        }
        char bytes[4];
        sc_text_add(text, bytes, sc_utf8_encode(unit, bytes));
    }
}
