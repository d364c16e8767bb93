/* Packed bytes: pack.h. */
#include "base/pack.h"

#include <limits.h>
#include <zlib.h>

#include "base/memory.h"

enum { LEVEL = 3 }; /* twice as fast as zlib's own choice, for a tenth more bytes */

static void *alloc(void *context, unsigned count, unsigned size)
{
    (void)context;
    return sc_alloc_array(count, size);
}

static void release(void *context, void *memory)
{
    (void)context;
    sc_free(memory);
}

static void add_base64(struct sc_text *text, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned long three = (unsigned long)bytes[i] << 16;
        three |= i + 1 < n ? (unsigned long)bytes[i + 1] << 8 : 0;
        three |= i + 2 < n ? bytes[i + 2] : 0;
        const char four[] = {digits[three >> 18], digits[three >> 12 & 63],
                             i + 1 < n ? digits[three >> 6 & 63] : '=',
                             i + 2 < n ? digits[three & 63] : '='};
        sc_text_add(text, four, sizeof four);
    }
}

void sc_text_add_packed(struct sc_text *text, const char *bytes, size_t n)
{
    z_stream z = {.zalloc = alloc, .zfree = release};
    if (n > UINT_MAX / 2 ||
        deflateInit2(&z, LEVEL, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        text->failed = true;
        return;
    }
    size_t most = deflateBound(&z, (uLong)n);
    unsigned char *packed = sc_alloc_array(most, 1);
    z.next_in = (z_const Bytef *)bytes;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)most;
    if (packed != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END)
        add_base64(text, packed, z.total_out);
    else
        text->failed = true;
    deflateEnd(&z);
    sc_free(packed);
}
