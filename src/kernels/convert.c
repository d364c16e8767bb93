/*
 * Conversions of single numbers between f32, bf16 and f16.  Where to read next: pack.c.
 */
#include <string.h>

#include "kernels/kernels.h"

/* The formats are packed as pairs and read as words; a file of weights is little-endian too. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written for little-endian machines");

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

uint16_t sc_bf16_from_f32(float x)
{
    uint32_t bits = bits_of(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u); /* a quiet NaN: rounding could make it infinite */
    }
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float sc_f32_from_bf16(uint16_t x)
{
    return float_of((uint32_t)x << 16);
}

float sc_f32_from_f16(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000u) << 16;
    uint32_t exponent = x >> 10 & 0x1fu;
    uint32_t fraction = x & 0x3ffu;
    if (exponent == 0x1fu) {
        uint32_t quiet = fraction ? 0x400000u : 0u;
        return float_of(sign | 0x7f800000u | quiet | fraction << 13);
    }
    if (exponent == 0) {
        float tiny = (float)fraction * 0x1p-24f; /* exact */
        return sign ? -tiny : tiny;
    }
    return float_of(sign | (exponent + 112u) << 23 | fraction << 13);
}

uint16_t sc_f16_from_f32(float x)
{
    uint32_t bits = bits_of(x);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    }
    if (magnitude >= 0x477ff000u) { /* 65520, half-way to what would be the next number */
        return (uint16_t)(sign | 0x7c00u);
    }
    if (magnitude < 0x38800000u) { /* below 2^-14: adding 1/2 leaves multiples of 2^-24, rounded */
        uint32_t shifted = bits_of(float_of(magnitude) + 0.5f);
        return (uint16_t)(sign | (shifted - 0x3f000000u));
    }
    uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

size_t sc_dtype_bytes(enum sc_dtype dtype)
{
    switch (dtype) {
    case SC_DTYPE_F32:
        return 4;
    case SC_DTYPE_BF16:
    case SC_DTYPE_F16:
        return 2;
    case SC_DTYPE_INT8:
        return 1;
    }
    return 0;
}
