/* See unicode.h; the tables are in unicode_tables.c. */
#include "model/tokenizer/unicode.h"

#include <string.h>
#include <utf8proc.h>

#include "base/text.h"

static const struct sc_unicode_category *find_newer(uint32_t point)
{
    size_t low = 0, high = sc_n_unicode_newer;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sc_unicode_newer[middle].last < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sc_n_unicode_newer && sc_unicode_newer[low].first <= point ? &sc_unicode_newer[low]
                                                                            : NULL;
}

/* Of three bytes, few leads have any, and Hangul and most of Han are not looked up. */
static bool may_be_newer(uint32_t point)
{
    return (point >= 0x0897 && point < 0x3200) || (point >= 0xA700 && point < 0xA800) ||
           point >= 0x10000;
}

/* The first byte from `at` on that is not ASCII, eight bytes at a time, or n. */
static size_t skip_ascii(const char *text, size_t n, size_t at)
{
    uint64_t bytes;

    for (; n - at >= sizeof bytes; at += sizeof bytes) {
        memcpy(&bytes, text + at, sizeof bytes);
        if ((bytes & 0x8080808080808080U) != 0)
            break;
    }
    while (at < n && (unsigned char)text[at] < 0x80)
        at++;
    return at;
}

bool sc_unicode_has_newer(const char *text, size_t n)
{
    for (size_t at = skip_ascii(text, n, 0); at < n; at = skip_ascii(text, n, at)) {
        if ((unsigned char)text[at] < 0xE0) {
            at++;
            continue;
        }
        uint32_t point = 0;
        size_t length = sc_utf8_decode(text + at, n - at, &point);
        if (may_be_newer(point) && find_newer(point) != NULL)
            return true;
        at += length > 0 ? length : 1;
    }
    return false;
}

bool sc_unicode_is_left(uint32_t point)
{
    size_t low = 0, high = sc_n_unicode_not_normalized;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sc_unicode_not_normalized[middle].last < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sc_n_unicode_not_normalized && sc_unicode_not_normalized[low].first <= point;
}

bool sc_unicode_is_space(uint32_t point)
{
    return (point >= 0x9 && point <= 0xD) || point == 0x20 || point == 0x85 || point == 0xA0 ||
           point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
           point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
}

/* Alphabetic, marks, decimal digits, connectors and joiners.  Source: Unicode Technical Standard
 * 18, Annex C; what is alphabetic and neither a letter nor a mark is written out. */
bool sc_unicode_is_word(uint32_t point)
{
    const struct sc_unicode_category *newer = find_newer(point);
    const char *category =
        newer != NULL ? newer->category : utf8proc_category_string((utf8proc_int32_t)point);
    if (category[0] == 'L' || category[0] == 'M')
        return true;
    if (category[0] == 'N')
        return category[1] != 'o';
    if (category[0] == 'P')
        return category[1] == 'c';
    return (point >= 0x24B6 && point <= 0x24E9) || (point >= 0x1F130 && point <= 0x1F149) ||
           (point >= 0x1F150 && point <= 0x1F169) || (point >= 0x1F170 && point <= 0x1F189) ||
           point == 0x200C || point == 0x200D;
}
