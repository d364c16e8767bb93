/*
 * Stands in for the compiler's <immintrin.h> where the AVX-512 kernels are tested on a processor
 * without AVX-512 (tools/check-avx512): SIMDe's portable versions of the intrinsics, and below those
 * that SIMDe lacks or rounds differently.  For tests alone: slow, and as plain as can be.
 */
#ifndef TESTS_EMULATION_IMMINTRIN_H
#define TESTS_EMULATION_IMMINTRIN_H

#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t __mmask16;

typedef union {
    simde__m512 v;
    float f[16];
} sim_floats;
typedef union {
    simde__m512d v;
    double d[8];
} sim_doubles;
typedef union {
    simde__m512i v;
    int32_t i[16];
    uint32_t u[16];
} sim_words;
typedef union {
    simde__m256i v;
    uint16_t h[16];
} sim_halves;
typedef union {
    simde__m256 v;
    float f[8];
} sim_half_floats;
typedef union {
    simde__m128i v;
    int8_t b[16];
} sim_bytes;

/* A function over the lanes j of its result. */
#define SIM_LANES(n) for (int j = 0; j < (n); j++)

#undef _mm_prefetch
#define _mm_prefetch(at, hint) ((void)(at))
#define _MM_FROUND_NO_EXC SIMDE_MM_FROUND_NO_EXC
#ifndef _MM_FROUND_TO_NEAREST_INT
#define _MM_FROUND_TO_NEAREST_INT SIMDE_MM_FROUND_TO_NEAREST_INT
#endif

/* ---- masked memory: no byte outside the mask is touched --------------------------------------- */

static inline void sim_store(void *to, const void *from, __mmask16 mask, size_t size)
{
    SIM_LANES(16)
    {
        if (mask >> j & 1) {
            memcpy((char *)to + (size_t)j * size, (const char *)from + (size_t)j * size, size);
        }
    }
}

static inline void _mm512_mask_storeu_ps(void *to, __mmask16 mask, simde__m512 x)
{
    sim_store(to, &x, mask, 4);
}

static inline void _mm512_mask_storeu_epi32(void *to, __mmask16 mask, simde__m512i x)
{
    sim_store(to, &x, mask, 4);
}

static inline void _mm256_mask_storeu_epi16(void *to, __mmask16 mask, simde__m256i x)
{
    sim_store(to, &x, mask, 2);
}

static inline simde__m512 _mm512_maskz_loadu_ps(__mmask16 mask, const void *from)
{
    sim_floats out;
    memset(&out, 0, sizeof out);
    sim_store(&out, from, mask, 4);
    return out.v;
}

static inline simde__m512i _mm512_maskz_loadu_epi32(__mmask16 mask, const void *from)
{
    sim_words out;
    memset(&out, 0, sizeof out);
    sim_store(&out, from, mask, 4);
    return out.v;
}

/* ---- conversions ------------------------------------------------------------------------------ */

static inline simde__m256i _mm512_cvtepi32_epi16(simde__m512i x)
{
    sim_words in = {x};
    sim_halves out;
    SIM_LANES(16) out.h[j] = (uint16_t)in.u[j];
    return out.v;
}

static inline simde__m128i _mm512_cvtepi32_epi8(simde__m512i x)
{
    sim_words in = {x};
    sim_bytes out;
    SIM_LANES(16) out.b[j] = (int8_t)in.i[j];
    return out.v;
}

static inline simde__m512i _mm512_cvtepu16_epi32(simde__m256i x)
{
    sim_halves in = {x};
    sim_words out;
    SIM_LANES(16) out.u[j] = in.h[j];
    return out.v;
}

static inline simde__m512 _mm512_cvtepi32_ps(simde__m512i x)
{
    sim_words in = {x};
    sim_floats out;
    SIM_LANES(16) out.f[j] = (float)in.i[j];
    return out.v;
}

static inline simde__m512i _mm512_maskz_cvt_roundps_epi32(__mmask16 mask, simde__m512 x, int mode)
{
    sim_floats in = {x};
    sim_words out;
    (void)mode; /* to nearest */
    SIM_LANES(16) out.i[j] = mask >> j & 1 ? (int32_t)rintf(in.f[j]) : 0;
    return out.v;
}

static inline simde__m512d _mm512_cvtps_pd(simde__m256 x)
{
    sim_half_floats in = {x};
    sim_doubles out;
    SIM_LANES(8) out.d[j] = in.f[j];
    return out.v;
}

static inline simde__m256 _mm512_extractf32x8_ps(simde__m512 x, int half)
{
    sim_floats in = {x};
    sim_half_floats out;
    SIM_LANES(8) out.f[j] = in.f[half * 8 + j];
    return out.v;
}

/* ---- arithmetic: fused, as the instructions are ------------------------------------------------ */

#undef _mm512_fmadd_ps
#undef _mm512_fnmadd_ps
#undef _mm512_fmadd_pd
#undef _mm512_scalef_ps
#undef _mm512_roundscale_ps

static inline simde__m512 _mm512_fmadd_ps(simde__m512 a, simde__m512 b, simde__m512 c)
{
    sim_floats x = {a}, y = {b}, z = {c};
    SIM_LANES(16) z.f[j] = fmaf(x.f[j], y.f[j], z.f[j]);
    return z.v;
}

static inline simde__m512 _mm512_fnmadd_ps(simde__m512 a, simde__m512 b, simde__m512 c)
{
    sim_floats x = {a}, y = {b}, z = {c};
    SIM_LANES(16) z.f[j] = fmaf(-x.f[j], y.f[j], z.f[j]);
    return z.v;
}

static inline simde__m512d _mm512_fmadd_pd(simde__m512d a, simde__m512d b, simde__m512d c)
{
    sim_doubles x = {a}, y = {b}, z = {c};
    SIM_LANES(8) z.d[j] = fma(x.d[j], y.d[j], z.d[j]);
    return z.v;
}

static inline simde__m512 _mm512_scalef_ps(simde__m512 a, simde__m512 b)
{
    sim_floats x = {a}, y = {b};
    SIM_LANES(16) x.f[j] = scalbnf(x.f[j], (int)floorf(y.f[j]));
    return x.v;
}

static inline simde__m512 _mm512_roundscale_ps(simde__m512 a, int mode)
{
    sim_floats x = {a};
    (void)mode; /* to nearest */
    SIM_LANES(16) x.f[j] = rintf(x.f[j]);
    return x.v;
}

/* ---- questions, sums, order -------------------------------------------------------------------- */

static inline __mmask16 _mm512_fpclass_ps_mask(simde__m512 x, int classes)
{
    sim_floats in = {x};
    __mmask16 mask = 0;
    (void)classes; /* NaN or infinite */
    SIM_LANES(16) mask = (__mmask16)(mask | !isfinite(in.f[j]) << j);
    return mask;
}

/* The one comparison that the kernels make: greater, false for a NaN. */
#define _mm512_mask_cmp_ps_mask(mask, a, b, relation) sim_greater(mask, a, b)
static inline __mmask16 sim_greater(__mmask16 mask, simde__m512 a, simde__m512 b)
{
    sim_floats x = {a}, y = {b};
    __mmask16 out = 0;
    SIM_LANES(16) out = (__mmask16)(out | ((mask >> j & 1) && x.f[j] > y.f[j]) << j);
    return out;
}

/* Halves are added to one another, as compilers do it. */
static inline double _mm512_reduce_add_pd(simde__m512d x)
{
    sim_doubles in = {x};
    SIM_LANES(4) in.d[j] += in.d[j + 4];
    return (in.d[0] + in.d[2]) + (in.d[1] + in.d[3]);
}

static inline float _mm512_reduce_add_ps(simde__m512 x)
{
    sim_floats in = {x};
    for (int half = 8; half; half /= 2) {
        SIM_LANES(half) in.f[j] += in.f[j + half];
    }
    return in.f[0];
}

static inline float _mm512_reduce_max_ps(simde__m512 x)
{
    sim_floats in = {x};
    SIM_LANES(16) in.f[0] = in.f[j] > in.f[0] ? in.f[j] : in.f[0];
    return in.f[0];
}

static inline int32_t _mm512_reduce_add_epi32(simde__m512i x)
{
    sim_words in = {x};
    uint32_t sum = 0;
    SIM_LANES(16) sum += in.u[j];
    return (int32_t)sum;
}

static inline uint32_t _mm512_reduce_max_epu32(simde__m512i x)
{
    sim_words in = {x};
    SIM_LANES(16) in.u[0] = in.u[j] > in.u[0] ? in.u[j] : in.u[0];
    return in.u[0];
}

static inline simde__m512 _mm512_shuffle_f32x4(simde__m512 a, simde__m512 b, int choice)
{
    sim_floats x = {a}, y = {b}, out;
    SIM_LANES(16)
    {
        int quarter = j / 4, from = choice >> 2 * quarter & 3;
        out.f[j] = (quarter < 2 ? x.f : y.f)[from * 4 + j % 4];
    }
    return out.v;
}

#endif
