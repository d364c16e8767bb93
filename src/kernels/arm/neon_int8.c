/*
 * int8 products on every AArch64 processor: products of bytes are 16 bits wide, two of them fit one
 * sum of 16 bits (weights and activations are in [-127, 127]), and such sums are added in pairs to
 * 32 bits, all of it exact.  Where to read next: int8.c, the definition; neon_dot.c.
 */
#if defined(__aarch64__)
#include "kernels/arm/neon.h"

/* A row's sums, its products and two pairs of activations, beside four registers of weights. */
enum { PANEL = SC_NEON_PANEL, GROUP = SC_INT8_GROUP, MAX_ROWS = 4 };
enum { GROUP_BYTES = PANEL * (GROUP + 4), PAIR_BYTES = PANEL * 2 };

INLINE int8x16_t bytes_at(const char *from)
{
    return vld1q_s8((const int8_t *)from);
}

/* Adds to the sums of eight outputs the products of two pairs of inputs each. */
INLINE void add_pairs(int32x4_t *sums, int8x16_t w0, int8x16_t x0, int8x16_t w1, int8x16_t x1)
{
    int16x8_t low = vmull_s8(vget_low_s8(w0), vget_low_s8(x0));
    int16x8_t high = vmull_high_s8(w0, x0);
    low = vmlal_s8(low, vget_low_s8(w1), vget_low_s8(x1));
    high = vmlal_high_s8(high, w1, x1);
    sums[0] = vpadalq_s16(sums[0], low);
    sums[1] = vpadalq_s16(sums[1], high);
}

/* Four inputs: two pairs, which stand in that lane of each row's register and the next. */
#define STEP(lane)                                                                                 \
    {                                                                                              \
        const char *at = w + (lane)*PAIR_BYTES;                                                    \
        int8x16_t a0 = bytes_at(at), b0 = bytes_at(at + 16);                                       \
        int8x16_t a1 = bytes_at(at + PAIR_BYTES), b1 = bytes_at(at + PAIR_BYTES + 16);             \
        UNROLL                                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            int8x16_t x0 = vreinterpretq_s8_s16(vdupq_lane_s16(x[r], lane));                       \
            int8x16_t x1 = vreinterpretq_s8_s16(vdupq_lane_s16(x[r], (lane) + 1));                 \
            add_pairs(exact[r], a0, x0, a1, x1);                                                   \
            add_pairs(exact[r] + 2, b0, x0, b1, x1);                                               \
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
        for (size_t i = 0; i < GROUP; i += 8) {
            int16x4_t x[MAX_ROWS];
            UNROLL
            for (size_t r = 0; r < n_rows; r++) {
                x[r] = vreinterpret_s16_s8(vld1_s8((const int8_t *)rows + r * row_bytes));
                /* Or gcc loads each pair by itself, by way of a general register. */
                __asm__("" : "+w"(x[r]));
            }
            STEP(0)
            STEP(2)
            w += 8 * PANEL;
            rows += 8;
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

static void multiply(float *y, size_t y_stride, const void *rows, size_t n_rows,
                     const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    size_t n_groups = sc_int8_groups(w->n_in);
    struct sc_neon_product product = {{tile_1, tile_2, tile_3, tile_4},
                                      MAX_ROWS,
                                      sc_neon_int8_row_bytes(w->n_in),
                                      n_groups * GROUP_BYTES,
                                      n_groups};
    sc_neon_multiply(&product, y, y_stride, rows, n_rows, w, begin, end);
}

static size_t row_bytes(size_t n_in)
{
    return sc_neon_int8_row_bytes(n_in);
}

static size_t packed_bytes(size_t n_out, size_t n_in)
{
    return sc_int8_panels_bytes(n_out, n_in, PANEL);
}

static void pack(struct sc_packed *w, const void *source, enum sc_dtype source_dtype, size_t begin,
                 size_t end)
{
    sc_int8_panels_pack(w, source, source_dtype, PANEL, 2, 0, begin, end);
}

/* int8_round by registers. */
static float round_group(int8_t *q, const float *x, size_t n)
{
    float padded[GROUP];
    if (n < GROUP) {
        memcpy(padded, x, n * sizeof *x);
        memset(padded + n, 0, (GROUP - n) * sizeof *x);
        x = padded;
    }
    /* As integers: a NaN is above all. */
    uint32x4_t most = vdupq_n_u32(0), no_sign = vdupq_n_u32(0x7fffffff);
    for (size_t i = 0; i < GROUP; i += 4) {
        most = vmaxq_u32(most, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + i)), no_sign));
    }
    uint32_t bits = vmaxvq_u32(most);
    float max, scale = 0, factor = 0;
    memcpy(&max, &bits, sizeof max);
    if (bits >= 0x7f800000u) {
        memset(q, 0, GROUP);
        return __builtin_nanf("");
    }
    if (max >= SC_INT8_LEAST) {
        scale = max / 127.0f;
        factor = 127.0f / max;
    }
    for (size_t i = 0; i < GROUP; i += 8) {
        int32x4_t low = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), factor));
        int32x4_t high = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), factor));
        vst1_s8(q + i, vmovn_s16(vcombine_s16(vmovn_s32(low), vmovn_s32(high))));
    }
    return scale;
}

static void prepare(void *row, const float *x, size_t n_in)
{
    size_t n_groups = sc_int8_groups(n_in);
    int8_t *q = row;
    char *scales = (char *)row + n_groups * GROUP;
    for (size_t g = 0; g < n_groups; g++) {
        size_t n = n_in - g * GROUP < GROUP ? n_in - g * GROUP : GROUP;
        float scale = round_group(q + g * GROUP, x + g * GROUP, n);
        memcpy(scales + g * sizeof scale, &scale, sizeof scale);
    }
}

/* The instructions of a product of bytes: two products, one sum. */
static double busy(size_t n_rounds, float *sink)
{
    enum { CHAINS = 12 };
    int32x4_t sums[CHAINS], all = vdupq_n_s32(0);
    int8x8_t two = vdup_n_s8(2), three = vdup_n_s8(-3);
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = vdupq_n_s32((int)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            __asm__ volatile("" : "+w"(two)); /* or it would be multiplied only once */
            sums[c] = vpadalq_s16(sums[c], vmlal_s8(vmull_s8(two, three), two, two));
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = veorq_s32(all, sums[c]);
    }
    *sink += (float)vaddvq_s32(all);
    return (double)n_rounds * CHAINS * 16 * 2;
}

void sc_level_neon_int8(struct sc_kernels *table)
{
    table->matmul[SC_DTYPE_INT8] =
        (struct sc_matmul){PANEL, packed_bytes, pack, row_bytes, prepare, multiply};
    table->busy_int8 = busy;
}
#else
typedef int sc_no_neon_int8; /* a translation unit must not be empty */
#endif
