/*
 * int8 products on AArch64 with dot products (FEAT_DotProd): sdot multiplies four bytes by four and
 * adds the exact sum to 32 bits.  Compiled for that instruction, so nothing of it may run before
 * dispatch.c has asked.  Where to read next: int8.c, the definition; neon_int8.c, the same without.
 */
#if defined(__aarch64__)
#include "kernels/arm/neon.h"

/* The exact sums of six rows fill the registers; their f32 sums wait in memory meanwhile. */
enum { PANEL = SC_NEON_PANEL, GROUP = SC_INT8_GROUP, MAX_ROWS = SC_NEON_MAX_ROWS };
enum { GROUP_BYTES = PANEL * (GROUP + 4) };

/* Four inputs, which stand in that lane of each row's register. */
#define STEP(lane)                                                                                 \
    UNROLL                                                                                         \
    for (size_t c = 0; c < PANEL / 4; c++) {                                                       \
        int8x16_t weights = vld1q_s8((const int8_t *)w + (lane)*PANEL * 4 + c * 16);               \
        UNROLL                                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            exact[r][c] = vdotq_laneq_s32(exact[r][c], weights, x[r], lane);                       \
        }                                                                                          \
    }

/* Each output has one exact sum per group and one f32 sum, to which groups add in order.  n_rows
 * is a constant. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_groups, size_t n_valid)
{
    const char *row_scales = rows + n_groups * GROUP;
    float32x4_t sums[MAX_ROWS][PANEL / 4];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        UNROLL
        for (size_t c = 0; c < PANEL / 4; c++) {
            sums[r][c] = vdupq_n_f32(0);
        }
    }
    for (size_t g = 0; g < n_groups; g++) {
        int32x4_t exact[MAX_ROWS][PANEL / 4];
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            UNROLL
            for (size_t c = 0; c < PANEL / 4; c++) {
                exact[r][c] = vdupq_n_s32(0);
            }
        }
        for (size_t i = 0; i < GROUP; i += 16) {
            int8x16_t x[MAX_ROWS];
            UNROLL
            for (size_t r = 0; r < n_rows; r++) {
                x[r] = vld1q_s8((const int8_t *)rows + r * row_bytes);
            }
            STEP(0)
            STEP(1)
            STEP(2)
            STEP(3)
            w += 16 * PANEL;
            rows += 16;
        }
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            float scale;
            memcpy(&scale, row_scales + r * row_bytes, sizeof scale);
            sc_neon_int8_add_group(sums[r], exact[r], w, scale);
        }
        w += PANEL * sizeof(float);
        row_scales += sizeof(float);
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        sc_neon_store_outputs(y + r * y_stride, sums[r], n_valid);
    }
}

#define TILE(n)                                                                                    \
    static void tile_##n(float *y, size_t y_stride, const char *rows, size_t row_bytes,            \
                         const char *w, size_t n_groups, size_t n_valid)                           \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n, w, n_groups, n_valid);                      \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static void multiply(float *y, size_t y_stride, const void *rows, size_t n_rows,
                     const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    size_t n_groups = sc_int8_groups(w->n_in);
    struct sc_neon_product product = {{tile_1, tile_2, tile_3, tile_4, tile_5, tile_6},
                                      MAX_ROWS,
                                      sc_neon_int8_row_bytes(w->n_in),
                                      n_groups * GROUP_BYTES,
                                      n_groups};
    sc_neon_multiply(&product, y, y_stride, rows, n_rows, w, begin, end);
}

static void pack(struct sc_packed *w, const void *source, enum sc_dtype source_dtype, size_t begin,
                 size_t end)
{
    sc_int8_panels_pack(w, source, source_dtype, PANEL, 4, 0, begin, end);
}

static double busy(size_t n_rounds, float *sink)
{
    enum { CHAINS = 16 };
    int32x4_t sums[CHAINS], all = vdupq_n_s32(0);
    int8x16_t two = vdupq_n_s8(2), three = vdupq_n_s8(-3);
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = vdupq_n_s32((int)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = vdotq_s32(sums[c], two, three);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = veorq_s32(all, sums[c]);
    }
    *sink += (float)vaddvq_s32(all);
    return (double)n_rounds * CHAINS * 16 * 2;
}

void sc_level_neon_dot(struct sc_kernels *table)
{
    table->name = "neon_dot";
    table->matmul[SC_DTYPE_INT8].pack = pack;
    table->matmul[SC_DTYPE_INT8].multiply = multiply;
    table->busy_int8 = busy;
}
#else
typedef int sc_no_neon_dot; /* a translation unit must not be empty */
#endif
