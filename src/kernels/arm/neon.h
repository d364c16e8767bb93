/*
 * Inside the kernels room: what the files for AArch64 share.  Panels are four registers (sixteen
 * outputs) wide and a tile's rows fill most of the 32 registers with sums; one weight register and
 * one lane of a row's register make a multiply-add.
 *
 * Weights are not asked for ahead: the processors' own look-ahead follows a panel from front to
 * back.
 */
#ifndef SC_KERNELS_ARM_NEON_H
#define SC_KERNELS_ARM_NEON_H

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#include "kernels/levels.h"

enum { SC_NEON_PANEL = 16, SC_NEON_MAX_ROWS = 6 };

/* One panel with a number of rows that is the tile's own: y [n_rows][n_valid <= SC_NEON_PANEL],
 * rows row_bytes apart.  A step is an input, or a group of inputs for int8. */
typedef void sc_neon_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          const char *w, size_t n_steps, size_t n_valid);

/* A product by tiles of as equal a number of rows as possible. */
struct sc_neon_product {
    sc_neon_tile *tiles[SC_NEON_MAX_ROWS]; /* by rows - 1 */
    size_t max_rows, row_bytes, panel_bytes, n_steps;
};

/* As sc_matmul's multiply. */
void sc_neon_multiply(const struct sc_neon_product *product, float *y, size_t y_stride,
                      const void *rows, size_t n_rows, const struct sc_packed *w, size_t begin,
                      size_t end);

/* The first n of four floats; the others are the fill's. */
INLINE float32x4_t sc_neon_load_some(const float *from, size_t n, float32x4_t fill)
{
    if (n >= 4) {
        return vld1q_f32(from);
    }
    float all[4];
    vst1q_f32(all, fill);
    memcpy(all, from, n * sizeof *all);
    return vld1q_f32(all);
}

/* The same with zeros. */
INLINE float32x4_t sc_neon_load(const float *from, size_t n)
{
    return sc_neon_load_some(from, n, vdupq_n_f32(0));
}

/* The first n of four floats. */
INLINE void sc_neon_store(float *to, float32x4_t x, size_t n)
{
    if (n >= 4) {
        vst1q_f32(to, x);
    } else {
        float all[4];
        vst1q_f32(all, x);
        memcpy(to, all, n * sizeof *to);
    }
}

/* A tile's row of sums to the outputs that exist. */
INLINE void sc_neon_store_outputs(float *y, const float32x4_t *sums, size_t n_valid)
{
    if (n_valid >= SC_NEON_PANEL) {
        UNROLL
        for (size_t c = 0; c < SC_NEON_PANEL / 4; c++) {
            vst1q_f32(y + c * 4, sums[c]);
        }
        return;
    }
    float all[SC_NEON_PANEL];
    UNROLL
    for (size_t c = 0; c < SC_NEON_PANEL / 4; c++) {
        vst1q_f32(all + c * 4, sums[c]);
    }
    memcpy(y, all, n_valid * sizeof *y);
}

/* To bf16, nearest even as sc_bf16_from_f32: in the upper half of each place, zeros below. */
INLINE uint32x4_t sc_neon_round_bf16(float32x4_t x)
{
    uint32x4_t bits = vreinterpretq_u32_f32(x), upper = vdupq_n_u32(0xffff0000u);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vandq_u32(vbslq_u32(vceqq_f32(x, x), rounded, quiet), upper);
}

/* n numbers to bf16; `to` needs no alignment. */
void sc_neon_store_bf16(void *to, const float *from, size_t n);

/* How a group's exact sums are scaled and added to a row's outputs. */
INLINE void sc_neon_int8_add_group(float32x4_t *sums, const int32x4_t *exact, const char *scales,
                                   float scale)
{
    UNROLL
    for (size_t c = 0; c < SC_NEON_PANEL / 4; c++) {
        float32x4_t factor =
            vmulq_n_f32(vld1q_f32((const float *)(const void *)scales + c * 4), scale);
        sums[c] = vfmaq_f32(sums[c], vcvtq_f32_s32(exact[c]), factor);
    }
}

/* An int8 row, for all levels: {[group][SC_INT8_GROUP] int8, [group] scales in f32}. */
INLINE size_t sc_neon_int8_row_bytes(size_t n_in)
{
    return sc_row_bytes(sc_int8_groups(n_in) * (SC_INT8_GROUP + sizeof(float)));
}

/* The int8 entries of the table. */
void sc_level_neon_int8(struct sc_kernels *table);

#endif
#endif
