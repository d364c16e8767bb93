/*
 * Inside the kernels room: what the files for AVX2 share.  They are compiled for AVX2, FMA and
 * F16C, so nothing of them may run before dispatch.c has asked the processor.
 *
 * Remainders are masked, never looped over in another order.
 */
#ifndef SC_KERNELS_X86_AVX2_H
#define SC_KERNELS_X86_AVX2_H

#if defined(__x86_64__)
#include <immintrin.h>

#include "kernels/levels.h"

INLINE __m256i mask_of(size_t n)
{
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n < 8 ? n : 8)), places);
}

/* The first n lanes of memory, zeros after them.  Only a remainder takes a mask:
 * masked stores are many times slower on some processors. */
INLINE __m256 load_first(const float *from, size_t n)
{
    return n >= 8 ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, mask_of(n));
}

INLINE void store_first(float *to, size_t n, __m256 x)
{
    if (n >= 8) {
        _mm256_storeu_ps(to, x);
    } else {
        _mm256_maskstore_ps(to, mask_of(n), x);
    }
}

/* a += u x, b += v x, here and now: left alone, gcc lets sums wander between registers. */
INLINE void add_products(__m256 *a, __m256 *b, __m256 u, __m256 v, __m256 x)
{
    __asm__ volatile("vfmadd231ps %4, %2, %0\n\tvfmadd231ps %4, %3, %1"
                     : "+&x"(*a), "+x"(*b)
                     : "x"(u), "x"(v), "x"(x));
}

/* To nearest even, as sc_bf16_from_f32 does: the bits of a bf16 in the upper half of each place. */
INLINE __m256i round_bf16(__m256 x)
{
    __m256i bits = _mm256_castps_si256(x), upper = _mm256_set1_epi32((int)0xffff0000u);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    __m256i rounded = _mm256_add_epi32(bits, half);
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    rounded = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(nan));
    return _mm256_and_si256(rounded, upper);
}

/* Fills in attention over stored f32 and bf16. */
void sc_attention_avx2(struct sc_attention *f32, struct sc_attention *bf16);
#endif

#endif
