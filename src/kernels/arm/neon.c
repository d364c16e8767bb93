/*
 * The NEON level: what every AArch64 processor has (vectors of four floats, fused multiply-add).
 * There is no bf16 multiplication here: bf16 is widened, which is exact, and multiplied in f32.
 *
 * Remainders are loaded into whole registers, so that an element's operations are the same wherever
 * it stands.  Where to read next: neon.h; neon_panels.c; neon_int8.c, neon_dot.c and neon_bf16.c
 * for the products that better processors have.
 */
#if defined(__aarch64__)
#include "kernels/arm/neon.h"

#include <math.h>

enum { PANEL = SC_NEON_PANEL, MAX_ROWS = SC_NEON_MAX_ROWS };

/* Widened weights and a mask take registers that a sixth row would need. */
enum { MAX_ROWS_BF16 = 5 };

/* ---- products -------------------------------------------------------------------------------- */

/* One input, whose activation stands in that lane of each row's register. */
#define STEP_F32(lane)                                                                             \
    UNROLL                                                                                         \
    for (size_t c = 0; c < PANEL / 4; c++) {                                                       \
        float32x4_t weights = vld1q_f32((const float *)(const void *)w + (lane)*PANEL + c * 4);    \
        UNROLL                                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            sums[r][c] = vfmaq_laneq_f32(sums[r][c], weights, x[r], lane);                         \
        }                                                                                          \
    }

/* Two inputs, a pair of bf16 in each place of a register of weights. */
#define STEP_BF16(lane)                                                                            \
    UNROLL                                                                                         \
    for (size_t c = 0; c < PANEL / 4; c++) {                                                       \
        uint32x4_t pairs =                                                                         \
            vld1q_u32((const uint32_t *)(const void *)w + (lane) / 2 * PANEL + c * 4);             \
        float32x4_t first = vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16));                         \
        float32x4_t second = vreinterpretq_f32_u32(vandq_u32(pairs, upper));                       \
        UNROLL                                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            sums[r][c] = vfmaq_laneq_f32(sums[r][c], first, x[r], lane);                           \
        }                                                                                          \
        UNROLL                                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            sums[r][c] = vfmaq_laneq_f32(sums[r][c], second, x[r], (lane) + 1);                    \
        }                                                                                          \
    }

/* Each output has one sum, to which inputs add in order.  n_rows and bf16 are constants. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_in, size_t n_valid, bool bf16)
{
    const uint32x4_t upper = vdupq_n_u32(0xffff0000u);
    float32x4_t sums[MAX_ROWS][PANEL / 4];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        UNROLL
        for (size_t c = 0; c < PANEL / 4; c++) {
            sums[r][c] = vdupq_n_f32(0);
        }
    }
    for (size_t i = 0; i < n_in; i += 4) {
        float32x4_t x[MAX_ROWS];
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            x[r] = vld1q_f32((const float *)(const void *)(rows + r * row_bytes));
        }
        if (bf16) {
            STEP_BF16(0)
            STEP_BF16(2)
        } else {
            STEP_F32(0)
            STEP_F32(1)
            STEP_F32(2)
            STEP_F32(3)
        }
        w += 4 * PANEL * (bf16 ? 2 : 4);
        rows += 4 * sizeof(float);
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        sc_neon_store_outputs(y + r * y_stride, sums[r], n_valid);
    }
}

#define TILE(name, n_rows, bf16)                                                                   \
    static void name(float *y, size_t y_stride, const char *rows, size_t row_bytes, const char *w, \
                     size_t n_in, size_t n_valid)                                                  \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n_rows, w, n_in, n_valid, bf16);               \
    }
#define TILES(n)                                                                                   \
    TILE(f32_##n, n, false)                                                                        \
    TILE(bf16_##n, n, true)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILE(f32_6, 6, false)

static void multiply_f32(float *y, size_t y_stride, const void *rows, size_t n_rows,
                         const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    size_t n_in = sc_round_up(w->n_in, SC_INPUT_STEP);
    struct sc_neon_product product = {{f32_1, f32_2, f32_3, f32_4, f32_5, f32_6},
                                      MAX_ROWS,
                                      sc_row_bytes(w->n_in * 4),
                                      n_in * PANEL * 4,
                                      n_in};
    sc_neon_multiply(&product, y, y_stride, rows, n_rows, w, begin, end);
}

static void multiply_bf16(float *y, size_t y_stride, const void *rows, size_t n_rows,
                          const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    size_t n_in = sc_round_up(w->n_in, SC_INPUT_STEP);
    struct sc_neon_product product = {{bf16_1, bf16_2, bf16_3, bf16_4, bf16_5},
                                      MAX_ROWS_BF16,
                                      sc_row_bytes(w->n_in * 4),
                                      n_in * PANEL * 2,
                                      n_in};
    sc_neon_multiply(&product, y, y_stride, rows, n_rows, w, begin, end);
}

#define SC_ENTRIES_PANEL PANEL
#include "kernels/panel_entries.h"

static void prepare_bf16(void *row, const float *x, size_t n_in)
{
    float *to = row;
    for (size_t i = 0; i < n_in; i += 4) {
        uint32x4_t rounded = sc_neon_round_bf16(sc_neon_load(x + i, n_in - i));
        sc_neon_store(to + i, vreinterpretq_f32_u32(rounded), n_in - i);
    }
    memset(to + n_in, 0, sc_row_bytes(n_in * 4) - n_in * 4);
}

/* ---- attention ------------------------------------------------------------------------------- */

/* Four elements from place i of a row, zeros after the first n. */
INLINE float32x4_t load_element(const char *row, size_t i, size_t n, bool bf16)
{
    if (!bf16) {
        return sc_neon_load((const float *)(const void *)row + i, n);
    }
    uint16x4_t half = vdup_n_u16(0);
    if (n >= 4) {
        half = vld1_u16((const uint16_t *)(const void *)row + i);
    } else {
        memcpy(&half, row + i * 2, n * 2);
    }
    return vreinterpretq_f32_u32(vshll_n_u16(half, 16));
}

/* The sums of four registers in one: each by the same tree of additions. */
INLINE float32x4_t sum_each(const float32x4_t *x)
{
    return vpaddq_f32(vpaddq_f32(x[0], x[1]), vpaddq_f32(x[2], x[3]));
}

/* n <= 4 elements of the head from i: their products with all keys' to the sums [n_q][n_k]. */
INLINE void scores_step(float32x4_t *sums, const float *queries, size_t n_q, const char *const *key,
                        size_t n_k, size_t head_dim, size_t i, size_t n, bool bf16)
{
    float32x4_t q[4];
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        q[j] = sc_neon_load(queries + j * head_dim + i, n);
    }
    UNROLL
    for (size_t k = 0; k < n_k; k++) {
        float32x4_t x = load_element(key[k], i, n, bf16);
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            sums[j * n_k + k] = vfmaq_f32(sums[j * n_k + k], q[j], x);
        }
    }
}

/* n_q queries with n_k keys, at most 16 sums; past the last key that key is taken again and its
 * score not stored. */
INLINE void scores_block(float *scores, size_t score_stride, const float *queries, size_t n_q,
                         const char *keys, size_t n_k, size_t n_left, size_t head_dim, float scale,
                         bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4), i = 0;
    const char *key[8];
    float32x4_t sums[16];
    UNROLL
    for (size_t k = 0; k < n_k; k++) {
        key[k] = keys + (k < n_left ? k : n_left - 1) * row_bytes;
    }
    UNROLL
    for (size_t j = 0; j < n_q * n_k; j++) {
        sums[j] = vdupq_n_f32(0);
    }
    for (; i + 4 <= head_dim; i += 4) {
        scores_step(sums, queries, n_q, key, n_k, head_dim, i, 4, bf16);
    }
    if (i < head_dim) {
        scores_step(sums, queries, n_q, key, n_k, head_dim, i, head_dim - i, bf16);
    }
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        UNROLL
        for (size_t k = 0; k < n_k; k += 4) {
            float32x4_t four = vmulq_n_f32(sum_each(sums + j * n_k + k), scale);
            sc_neon_store(scores + j * score_stride + k, four, n_left > k ? n_left - k : 0);
        }
    }
}

INLINE void scores_rows(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const char *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead, bool bf16)
{
    sc_ask(ahead, n_pos * head_dim * (bf16 ? 2 : 4));
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    size_t q = 0;
    for (; q + 4 <= n_queries; q += 4) {
        for (size_t p = 0; p < n_pos; p += 4) {
            scores_block(scores + q * score_stride + p, score_stride, queries + q * head_dim, 4,
                         keys + p * row_bytes, 4, n_pos - p, head_dim, scale, bf16);
        }
    }
    for (; q + 2 <= n_queries; q += 2) {
        for (size_t p = 0; p < n_pos; p += 8) {
            scores_block(scores + q * score_stride + p, score_stride, queries + q * head_dim, 2,
                         keys + p * row_bytes, 8, n_pos - p, head_dim, scale, bf16);
        }
    }
    for (; q < n_queries; q++) {
        for (size_t p = 0; p < n_pos; p += 8) {
            scores_block(scores + q * score_stride + p, score_stride, queries + q * head_dim, 1,
                         keys + p * row_bytes, 8, n_pos - p, head_dim, scale, bf16);
        }
    }
}

/* The position whose weights stand in that lane. */
#define MIX(lane)                                                                                  \
    UNROLL                                                                                         \
    for (size_t c = 0; c < n_c; c++) {                                                             \
        size_t n = c + 1 == n_c ? n_last : 4;                                                      \
        float32x4_t x = load_element(values + (lane)*row_bytes, c * 4, n, bf16);                   \
        UNROLL                                                                                     \
        for (size_t j = 0; j < n_q; j++) {                                                         \
            sums[j * n_c + c] = vfmaq_laneq_f32(sums[j * n_c + c], x, weight[j], lane);            \
        }                                                                                          \
    }

/* n_q queries, n_c registers of the values' columns; n_last are in use of the last one. */
INLINE void mix_block(float *out, const float *weights, size_t weight_stride, size_t n_q,
                      const char *values, size_t n_pos, size_t head_dim, size_t column, size_t n_c,
                      size_t n_last, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4), p = 0;
    float32x4_t sums[16], weight[4];
    values += column * (bf16 ? 2 : 4);
    out += column;
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            size_t n = c + 1 == n_c ? n_last : 4;
            sums[j * n_c + c] = sc_neon_load(out + j * head_dim + c * 4, n);
        }
    }
    for (; p + 4 <= n_pos; p += 4) {
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            weight[j] = vld1q_f32(weights + j * weight_stride + p);
        }
        MIX(0)
        MIX(1)
        MIX(2)
        MIX(3)
        values += 4 * row_bytes;
    }
    for (; p < n_pos; p++) {
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            weight[j] = vdupq_n_f32(weights[j * weight_stride + p]);
        }
        MIX(0)
        values += row_bytes;
    }
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            size_t n = c + 1 == n_c ? n_last : 4;
            sc_neon_store(out + j * head_dim + c * 4, sums[j * n_c + c], n);
        }
    }
}

/* n_q is a constant; whole groups of n_c registers, then one at a time. */
INLINE void mix_queries(float *out, const float *weights, size_t weight_stride, size_t n_q,
                        const char *values, size_t n_pos, size_t head_dim, size_t n_c, bool bf16)
{
    size_t column = 0;
    for (; column + n_c * 4 <= head_dim; column += n_c * 4) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim, column, n_c, 4, bf16);
    }
    for (; column + 4 <= head_dim; column += 4) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim, column, 1, 4, bf16);
    }
    if (column < head_dim) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim, column, 1,
                  head_dim - column, bf16);
    }
}

INLINE void mix_rows(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                     const char *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead,
                     bool bf16)
{
    sc_ask(ahead, n_pos * head_dim * (bf16 ? 2 : 4));
    size_t q = 0;
    for (; q + 4 <= n_queries; q += 4) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 4, values,
                    n_pos, head_dim, 4, bf16);
    }
    for (; q + 2 <= n_queries; q += 2) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 2, values,
                    n_pos, head_dim, 8, bf16);
    }
    for (; q < n_queries; q++) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 1, values,
                    n_pos, head_dim, 8, bf16);
    }
}

#include "kernels/attention_entries.h"

/* ---- rows of activations --------------------------------------------------------------------- */

INLINE float64x2_t low_half(float32x4_t x)
{
    return vcvt_f64_f32(vget_low_f32(x));
}

INLINE float64x2_t high_half(float32x4_t x)
{
    return vcvt_high_f64_f32(x);
}

static void rms_norm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    float64x2_t a = vdupq_n_f64(0), b = a;
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t v = sc_neon_load(x + i, n - i);
        a = vfmaq_f64(a, low_half(v), low_half(v));
        b = vfmaq_f64(b, high_half(v), high_half(v));
    }
    double sum = vaddvq_f64(vaddq_f64(a, b));
    float factor = (float)(1.0 / sqrt(sum / (double)n + (double)eps));
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t v = vmulq_n_f32(sc_neon_load(x + i, n - i), factor);
        sc_neon_store(y + i, vmulq_f32(v, sc_neon_load(gain + i, n - i)), n - i);
    }
}

static void rope(float *x, const float *cosines, const float *sines, size_t n)
{
    size_t half = n / 2;
    for (size_t i = 0; i < half; i += 4) {
        size_t left = half - i;
        float32x4_t a = sc_neon_load(x + i, left), b = sc_neon_load(x + half + i, left);
        float32x4_t c = sc_neon_load(cosines + i, left), s = sc_neon_load(sines + i, left);
        sc_neon_store(x + i, vfmsq_f32(vmulq_f32(a, c), b, s), left);
        sc_neon_store(x + half + i, vfmaq_f32(vmulq_f32(b, c), a, s), left);
    }
}

INLINE float32x4_t power_of_two(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/* n = round(x / ln 2) and exp(r) - 1 of what is left, |r| <= ln(2) / 2, where the Taylor polynomial
 * of degree 7 leaves 6e-9. */
INLINE float32x4_t reduce4(float32x4_t x, float32x4_t *n)
{
    *n = vrndnq_f32(vmulq_f32(x, vdupq_n_f32(0x1.715476p+0f)));
    float32x4_t r = vfmsq_f32(x, *n, vdupq_n_f32(0x1.62e430p-1f));
    r = vfmsq_f32(r, *n, vdupq_n_f32(-0x1.05c610p-29f));
    float32x4_t p = vdupq_n_f32(1.0f / 5040);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 720), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 120), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 24), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.0f / 6), p, r);
    p = vfmaq_f32(vdupq_n_f32(0.5f), p, r);
    return vfmaq_f32(r, p, vmulq_f32(r, r));
}

/* exp within 1e-7 relative: 2^n exp(r).  2^n in two halves, as it may lie outside the normal
 * numbers.  min and max give a NaN for a NaN. */
INLINE float32x4_t exp4(float32x4_t x)
{
    x = vmaxq_f32(x, vdupq_n_f32(SC_EXP_LOW));
    x = vminq_f32(x, vdupq_n_f32(SC_EXP_HIGH));
    float32x4_t n, p = vaddq_f32(reduce4(x, &n), vdupq_n_f32(1.0f));
    int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    p = vmulq_f32(p, power_of_two(half));
    return vmulq_f32(p, power_of_two(vsubq_s32(whole, half)));
}

INLINE float32x4_t gate_exponent(float32x4_t g, bool gelu)
{
    if (!gelu) {
        return vnegq_f32(g);
    }
    float32x4_t cubic = vfmaq_n_f32(vdupq_n_f32(1.0f), vmulq_f32(g, g), SC_GELU_CUBIC);
    return vmulq_f32(vmulq_n_f32(g, SC_GELU_LINEAR), cubic);
}

INLINE void gate_mul(float *y, const float *gate, const float *up, size_t n, bool gelu)
{
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t g = sc_neon_load(gate + i, n - i);
        float32x4_t e = exp4(gate_exponent(g, gelu));
        float32x4_t v = vdivq_f32(g, vaddq_f32(vdupq_n_f32(1.0f), e));
        sc_neon_store(y + i, vmulq_f32(v, sc_neon_load(up + i, n - i)), n - i);
    }
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    gate_mul(y, gate, up, n, false);
}

static void gelu_mul(float *y, const float *gate, const float *up, size_t n)
{
    gate_mul(y, gate, up, n, true);
}

/* tanh(a) = -e / (2 + e) with e = exp(-2a) - 1 = 2^n (exp(r) - 1) + 2^n - 1, which is exact enough
 * however small a is.  Infinity times 0 is NaN. */
static void softcap(float *x, size_t n, float cap)
{
    const float32x4_t caps = vdupq_n_f32(cap), one = vdupq_n_f32(1.0f), two = vdupq_n_f32(2.0f);
    const uint32x4_t sign = vdupq_n_u32(0x80000000u);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t was = sc_neon_load(x + i, n - i);
        float32x4_t a = vminq_f32(vabsq_f32(vdivq_f32(was, caps)), vdupq_n_f32(SC_TANH_ONE));
        float32x4_t whole, p = reduce4(vmulq_n_f32(a, -2.0f), &whole);
        float32x4_t power = power_of_two(vcvtq_s32_f32(whole));
        float32x4_t e = vfmaq_f32(vsubq_f32(power, one), power, p);
        float32x4_t t = vdivq_f32(vmulq_f32(e, caps), vaddq_f32(two, e)); /* not positive */
        t = vbslq_f32(sign, was, t);
        sc_neon_store(x + i, vfmaq_f32(t, was, vdupq_n_f32(0)), n - i);
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t sum = vaddq_f32(sc_neon_load(x + i, n - i), sc_neon_load(y + i, n - i));
        sc_neon_store(x + i, sum, n - i);
    }
}

/* A NaN is the largest of all. */
INLINE float largest(const float *x, size_t n)
{
    float32x4_t first = vdupq_n_f32(x[0]), maxima = first;
    for (size_t i = 0; i < n; i += 4) {
        maxima = vmaxq_f32(maxima, sc_neon_load_some(x + i, n - i, first));
    }
    return vmaxvq_f32(maxima);
}

static void softmax(float *x, size_t n)
{
    const float32x4_t max = vdupq_n_f32(largest(x, n)), below_all = vdupq_n_f32(-INFINITY);
    float64x2_t a = vdupq_n_f64(0), b = a;
    for (size_t i = 0; i < n; i += 4) { /* exp is 0 in the places after the last */
        float32x4_t e = exp4(vsubq_f32(sc_neon_load_some(x + i, n - i, below_all), max));
        sc_neon_store(x + i, e, n - i);
        a = vaddq_f64(a, low_half(e));
        b = vaddq_f64(b, high_half(e));
    }
    float factor = (float)(1.0 / vaddvq_f64(vaddq_f64(a, b)));
    for (size_t i = 0; i < n; i += 4) {
        sc_neon_store(x + i, vmulq_n_f32(sc_neon_load(x + i, n - i), factor), n - i);
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

static float logit_max(const float *z, size_t n)
{
    float32x4_t first = vdupq_n_f32(z[0]), maxima = first, sizes = vdupq_n_f32(0);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t v = sc_neon_load_some(z + i, n - i, first);
        maxima = vmaxq_f32(maxima, v);
        sizes = vmaxq_f32(sizes, vabsq_f32(v));
    }
    return isfinite(vmaxvq_f32(sizes)) ? vmaxvq_f32(maxima) : NAN;
}

static void logit_sums(const float *z, size_t n, float max, double *sum_exp, double *sum_z_exp)
{
    const float32x4_t top = vdupq_n_f32(max), low = vdupq_n_f32(SC_EXP_LOW);
    float64x2_t a = vdupq_n_f64(0), b = a, c = a, d = a;
    for (size_t i = 0; i < n; i += 4) { /* exp is 0 in the places after the last */
        float32x4_t v = sc_neon_load_some(z + i, n - i, vdupq_n_f32(-INFINITY));
        v = vmaxq_f32(vsubq_f32(v, top), low);
        float32x4_t e = exp4(v);
        a = vaddq_f64(a, low_half(e));
        b = vaddq_f64(b, high_half(e));
        c = vfmaq_f64(c, low_half(v), low_half(e));
        d = vfmaq_f64(d, high_half(v), high_half(e));
    }
    *sum_exp = vaddvq_f64(vaddq_f64(a, b));
    *sum_z_exp = vaddvq_f64(vaddq_f64(c, d));
}

/* Most pieces have nothing above: sixteen comparisons at a time, and a look at each where one held.
 */
static size_t logit_above(const float *z, size_t n, float threshold, int32_t *indices, size_t most,
                          size_t *scanned)
{
    enum { PIECE = 16 };
    const float32x4_t bar = vdupq_n_f32(threshold);
    size_t n_found = 0, i = 0;
    while (i < n && n_found < most) {
        if (n - i >= PIECE) {
            uint32x4_t a =
                vorrq_u32(vcgtq_f32(vld1q_f32(z + i), bar), vcgtq_f32(vld1q_f32(z + i + 4), bar));
            uint32x4_t b = vorrq_u32(vcgtq_f32(vld1q_f32(z + i + 8), bar),
                                     vcgtq_f32(vld1q_f32(z + i + 12), bar));
            if (vmaxvq_u32(vorrq_u32(a, b)) == 0) {
                i += PIECE;
                continue;
            }
        }
        size_t end = n - i < PIECE ? n : i + PIECE;
        for (; i < end && n_found < most; i++) {
            if (z[i] > threshold) {
                indices[n_found++] = (int32_t)i;
            }
        }
    }
    *scanned = i;
    return n_found;
}

/* ---- loops at full speed, for machine.c ------------------------------------------------------ */

enum { CHAINS = 16 };

static double busy_f32(size_t n_rounds, float *sink)
{
    float32x4_t sums[CHAINS], factor = vdupq_n_f32(0.999f), all = vdupq_n_f32(0);
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = vdupq_n_f32((float)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = vfmaq_f32(sums[c], factor, factor);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = vaddq_f32(all, sums[c]);
    }
    *sink += vaddvq_f32(all);
    return (double)n_rounds * CHAINS * 4 * 2;
}

static void read_memory(const void *from, size_t bytes, float *sink)
{
    const unsigned char *at = from;
    uint8x16_t sums[4];
    UNROLL
    for (size_t c = 0; c < 4; c++) {
        sums[c] = vdupq_n_u8(0);
    }
    for (size_t i = 0; i + 64 <= bytes; i += 64) {
        UNROLL
        for (size_t c = 0; c < 4; c++) {
            sums[c] = veorq_u8(sums[c], vld1q_u8(at + i + c * 16));
        }
    }
    uint8x16_t all = veorq_u8(veorq_u8(sums[0], sums[1]), veorq_u8(sums[2], sums[3]));
    *sink += (float)vaddlvq_u8(all);
}

void sc_level_neon(struct sc_kernels *table)
{
    table->name = "neon";
    struct sc_matmul *f32 = &table->matmul[SC_DTYPE_F32], *bf16 = &table->matmul[SC_DTYPE_BF16];
    f32->panel = bf16->panel = PANEL;
    f32->packed_bytes = packed_bytes_f32;
    f32->pack = pack_f32;
    f32->multiply = multiply_f32;
    bf16->packed_bytes = packed_bytes_bf16;
    bf16->pack = pack_bf16;
    bf16->prepare = prepare_bf16;
    bf16->multiply = multiply_bf16;
    table->attention[SC_DTYPE_F32].scores = scores_f32;
    table->attention[SC_DTYPE_F32].mix = mix_f32;
    table->attention[SC_DTYPE_BF16] =
        (struct sc_attention){2, sc_neon_store_bf16, scores_bf16, mix_bf16};
    table->rms_norm = rms_norm;
    table->rope = rope;
    table->silu_mul = silu_mul;
    table->gelu_mul = gelu_mul;
    table->softcap = softcap;
    table->add = add;
    table->softmax = softmax;
    table->logit_max = logit_max;
    table->logit_sums = logit_sums;
    table->logit_above = logit_above;
    table->busy_f32 = busy_f32;
    table->read_memory = read_memory;
    sc_level_neon_int8(table);
}
#else
typedef int sc_no_neon; /* a translation unit must not be empty */
#endif
