/*
 * Inside the kernels room: what the levels share.  A level is one file compiled for one instruction
 * set; it fills the table's entries that it has a better version of.
 */
#ifndef SC_KERNELS_LEVELS_H
#define SC_KERNELS_LEVELS_H

#include "kernels/kernels.h"

/* Constants that a tile is called with shape its code only where it is inlined, and its arrays are
 * registers only where loops over them are unrolled. */
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

void sc_level_portable(struct sc_kernels *table); /* fills every entry */
void sc_int8_portable(struct sc_matmul *matmul);
#if defined(__x86_64__)
void sc_level_avx2(struct sc_kernels *table);   /* the processor must have AVX2, FMA and F16C */
void sc_level_avx512(struct sc_kernels *table); /* F, BW, DQ, VL, BF16 and VNNI */
/* Their int8 products. */
void sc_int8_avx2(struct sc_matmul *matmul);
void sc_int8_avx512(struct sc_matmul *matmul);
#elif defined(__aarch64__)
void sc_level_neon(struct sc_kernels *table);      /* every AArch64 processor */
void sc_level_neon_dot(struct sc_kernels *table);  /* DotProd; on top of neon */
void sc_level_neon_bf16(struct sc_kernels *table); /* BF16; on top of neon_dot */
#endif

/* Packed weights are padded with zeros to this many inputs, rows of activations at least as far,
 * so that products have no remainder loop over the inputs. */
enum { SC_INPUT_STEP = 8 };

/* Bytes of panels of that many outputs and elements of that many bytes; SIZE_MAX: too large. */
size_t sc_panels_bytes(size_t n_out, size_t n_in, size_t panel, size_t element_bytes);
/* f32 panels are [panel][input][output in panel]. */
void sc_panels_pack_f32(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                        size_t panel, size_t begin, size_t end);
/* bf16 panels are [panel][pair of inputs][output in panel][2]. */
void sc_panels_pack_bf16(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                         size_t panel, size_t begin, size_t end);

/* int8: inputs in groups, each group of an output (and of a row of activations) with one scale.  A
 * group's numbers are integers in [-127, 127] times scale = max |x| / 127, in f32, each the nearest
 * (ties to even) of x * (127 / max |x|).  A group with a number that is NaN or infinite has a NaN
 * for its scale, so that it shows in every output; one without anything above SC_INT8_LEAST is
 * zeros. (avx2_int8.c rounds activations to a scale of its own.) */
enum { SC_INT8_GROUP = 64 };
#define SC_INT8_LEAST 1e-30f
/* Panels are [panel][group]{[inputs / together][output in panel][together] bytes, [output] scales
 * in f32}; bytes are q + offset, `together` is 2 or 4. */
size_t sc_int8_panels_bytes(size_t n_out, size_t n_in, size_t panel);
void sc_int8_panels_pack(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                         size_t panel, size_t together, int offset, size_t begin, size_t end);

/* Exponents are taken of values clamped to these: below, exp is 0 in f32; above, it is infinite.
 * Clamping keeps (z - max) exp(z - max) from being infinity times zero. */
#define SC_EXP_LOW (-150.0f)
#define SC_EXP_HIGH 89.0f

/* The exponent -2v of gelu_mul is GELU_LINEAR g (1 + GELU_CUBIC g^2). */
#define SC_GELU_LINEAR (-0x1.9884540p+0f) /* -2 sqrt(2 / pi) */
#define SC_GELU_CUBIC 0.044715f

/* Beyond this tanh is 1 in f32. */
#define SC_TANH_ONE 10.0f

/* Asks for the next so many bytes, to the second cache: what is on the way may be as large as the
 * first. */
static inline void sc_ask(struct sc_ahead *ahead, size_t bytes)
{
    if (ahead == NULL) {
        return;
    }
    size_t n = bytes < ahead->left ? bytes : ahead->left;
    ahead->left -= n;
    while (n) {
        size_t here = ahead->next->bytes - ahead->at;
        here = n < here ? n : here;
        for (size_t i = 0; i < here; i += 64) {
            __builtin_prefetch((const char *)ahead->next->at + ahead->at + i, 0, 2);
        }
        n -= here;
        ahead->at += here;
        if (ahead->at == ahead->next->bytes) {
            ahead->next++;
            ahead->at = 0;
        }
    }
}

static inline size_t sc_int8_groups(size_t n_in)
{
    return n_in / SC_INT8_GROUP + (n_in % SC_INT8_GROUP != 0);
}

static inline size_t sc_round_up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

/* A prepared row of so many bytes: an odd number of cache lines, so that the same place in several
 * rows never competes for one set of the cache, as it would for rows of a power of two. */
static inline size_t sc_row_bytes(size_t bytes)
{
    return (sc_round_up(bytes, 64) / 64 | 1) * 64;
}

#endif
