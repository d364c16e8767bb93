/*
 * bf16 products on AArch64 with FEAT_BF16: bfdot multiplies two bf16 by two, exactly, and rounds
 * twice: the sum of the two products, and their sum with what was there.  It rounds to odd, takes
 * denormals for zero and asks no control register as long as nobody set FPCR.EBF, which Linux
 * leaves off; so its results are the same on every processor.  Compiled for that instruction, so
 * nothing of it may run before dispatch.c has asked.  Where to read next: neon.c, the same without.
 */
#if defined(__aarch64__)
#include "kernels/arm/neon.h"

enum { PANEL = SC_NEON_PANEL, MAX_ROWS = SC_NEON_MAX_ROWS };

/* A pair of inputs, which stands in that lane of each row's register. */
#define STEP(lane)                                                                                 \
    UNROLL                                                                                         \
    for (size_t c = 0; c < PANEL / 4; c++) {                                                       \
        const void *from = w + (lane)*PANEL * 4 + c * 16;                                          \
        bfloat16x8_t weights = vreinterpretq_bf16_u16(vld1q_u16(from));                            \
        UNROLL                                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            sums[r][c] = vbfdotq_laneq_f32(sums[r][c], weights, x[r], lane);                       \
        }                                                                                          \
    }

/* Each output has one sum, to which pairs of inputs add in order.  n_rows is a constant. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_in, size_t n_valid)
{
    float32x4_t sums[MAX_ROWS][PANEL / 4];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        UNROLL
        for (size_t c = 0; c < PANEL / 4; c++) {
            sums[r][c] = vdupq_n_f32(0);
        }
    }
    for (size_t i = 0; i < n_in; i += SC_INPUT_STEP) {
        bfloat16x8_t x[MAX_ROWS];
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            const void *from = rows + r * row_bytes;
            x[r] = vreinterpretq_bf16_u16(vld1q_u16(from));
        }
        STEP(0)
        STEP(1)
        STEP(2)
        STEP(3)
        w += SC_INPUT_STEP * PANEL * 2;
        rows += SC_INPUT_STEP * 2;
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        sc_neon_store_outputs(y + r * y_stride, sums[r], n_valid);
    }
}

#define TILE(n)                                                                                    \
    static void tile_##n(float *y, size_t y_stride, const char *rows, size_t row_bytes,            \
                         const char *w, size_t n_in, size_t n_valid)                               \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n, w, n_in, n_valid);                          \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static size_t row_bytes(size_t n_in)
{
    return sc_row_bytes(n_in * 2);
}

static void prepare(void *row, const float *x, size_t n_in)
{
    sc_neon_store_bf16(row, x, n_in);
    memset((char *)row + n_in * 2, 0, row_bytes(n_in) - n_in * 2);
}

static void multiply(float *y, size_t y_stride, const void *rows, size_t n_rows,
                     const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    size_t n_in = sc_round_up(w->n_in, SC_INPUT_STEP);
    struct sc_neon_product product = {{tile_1, tile_2, tile_3, tile_4, tile_5, tile_6},
                                      MAX_ROWS,
                                      row_bytes(w->n_in),
                                      n_in * PANEL * 2,
                                      n_in};
    sc_neon_multiply(&product, y, y_stride, rows, n_rows, w, begin, end);
}

static double busy(size_t n_rounds, float *sink)
{
    enum { CHAINS = 16 };
    float32x4_t sums[CHAINS], all = vdupq_n_f32(0);
    /* (1, -1); not (1, 1), for which gcc 12 writes an instruction of half precision. */
    bfloat16x8_t signs = vreinterpretq_bf16_u32(vdupq_n_u32(0xbf803f80u));
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = vdupq_n_f32((float)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = vbfdotq_f32(sums[c], signs, signs);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = vaddq_f32(all, sums[c]);
    }
    *sink += vaddvq_f32(all);
    return (double)n_rounds * CHAINS * 8 * 2;
}

void sc_level_neon_bf16(struct sc_kernels *table)
{
    table->name = "neon_bf16";
    struct sc_matmul *bf16 = &table->matmul[SC_DTYPE_BF16];
    bf16->row_bytes = row_bytes;
    bf16->prepare = prepare;
    bf16->multiply = multiply;
    table->busy_bf16 = busy;
}
#else
typedef int sc_no_neon_bf16; /* a translation unit must not be empty */
#endif
