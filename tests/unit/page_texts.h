/* What lies packed in report.html, for tests that look for it. */
#ifndef PAGE_TEXTS_H
#define PAGE_TEXTS_H

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"

static inline unsigned page_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    return at != NULL && c != '\0' ? (unsigned)(at - digits) : 0;
}

/* Appends what one block holds. */
static inline void page_unpack_block(const char *packed, size_t n, struct sc_text *out)
{
    unsigned char *bytes = sc_alloc_array(n + 1, 1), piece[4096];
    size_t n_bytes = 0;
    for (size_t i = 0; bytes != NULL && i + 3 < n; i += 4) {
        unsigned three = page_digit(packed[i]) << 18 | page_digit(packed[i + 1]) << 12 |
                         page_digit(packed[i + 2]) << 6 | page_digit(packed[i + 3]);
        for (int shift = 16; shift >= 0; shift -= 8)
            bytes[n_bytes++] = (unsigned char)(three >> shift);
    }
    z_stream z = {.next_in = bytes, .avail_in = (uInt)n_bytes};
    int status = inflateInit2(&z, -MAX_WBITS);
    while (status == Z_OK) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        status = inflate(&z, Z_NO_FLUSH);
        sc_text_add(out, (const char *)piece, sizeof piece - z.avail_out);
    }
    inflateEnd(&z);
    sc_free(bytes);
}

/* All texts and traces of a page, one block after another; sc_text_free. */
static inline struct sc_text page_texts(const char *page)
{
    struct sc_text out = {0};
    const char *ends = strstr(page, "\"ends\":["), *packed = strstr(page, "\"packed\":\"");
    if (ends == NULL || packed == NULL)
        return out;
    ends += strlen("\"ends\":[");
    packed += strlen("\"packed\":\"");
    for (size_t begin = 0; *ends >= '0' && *ends <= '9';) {
        char *after;
        size_t end = (size_t)strtoull(ends, &after, 10);
        page_unpack_block(packed + begin, end - begin, &out);
        begin = end;
        ends = *after == ',' ? after + 1 : after;
    }
    return out;
}

#endif
