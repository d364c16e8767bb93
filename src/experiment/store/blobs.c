/* See blobs.h. */
#include "experiment/store/blobs.h"

#include <stdint.h>
#include <string.h>

void sc_blob_pack(unsigned char *out, const void *first, size_t step, size_t n)
{
    const char *from = first;
    unsigned char *to = out;
    for (size_t i = 0; i < n; i++, from += step) {
        uint32_t bits;
        memcpy(&bits, from, sizeof bits);
        for (int b = 0; b < 4; b++)
            *to++ = (unsigned char)(bits >> (8 * b));
    }
}

void sc_blob_unpack(void *first, size_t step, const unsigned char *from, size_t n)
{
    char *out = first;
    const unsigned char *at = from;
    for (size_t i = 0; i < n; i++, out += step, at += 4) {
        uint32_t bits =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        memcpy(out, &bits, sizeof bits);
    }
}
