/*
 * The AVX-512 level (F, BW, DQ, VL, BF16, VNNI): the only file compiled for these instructions, so
 * nothing of it may run before dispatch.c has asked the processor.
 *
 * Remainders are masked, never looped over in another order, so that an element's operations are
 * the same wherever it stands.  Where to read next: docs/KERNELS.md, dispatch.c.
 */
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/levels.h"

/* A panel is two registers wide; a tile of rows keeps 2 x MAX_ROWS sums and a pair of weights. */
enum { PANEL = 32, MAX_ROWS = 12, STEPS = 4, LINE = 64, STEP_BYTES = PANEL * 4 };

/* How far ahead of use weights are asked for when each is used once. */
enum { AHEAD_BYTES = 4096 };

static __mmask16 mask_of(size_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

/* The first n lanes.  Only a remainder takes a mask: masked stores are slower on some processors.
 */
INLINE void store_first(float *to, size_t n, __m512 x)
{
    if (n >= 16) {
        _mm512_storeu_ps(to, x);
    } else {
        _mm512_mask_storeu_ps(to, mask_of(n), x);
    }
}

/* ---- products -------------------------------------------------------------------------------- */

/* What one tile of rows does while it multiplies: reads the next panel towards the cache. */
struct ahead {
    const char *at;
    size_t n_lines; /* per STEPS steps */
};

/* One step takes four bytes of each row (an f32 or a pair of bf16) and 128 bytes of weights.  Each
 * output has one sum, to which steps add in order.  n_rows, bf16 and once are constants. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_steps, struct ahead ahead,
                          __mmask16 low, __mmask16 high, bool bf16, bool once)
{
    __m512 a[MAX_ROWS], b[MAX_ROWS];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        a[r] = _mm512_setzero_ps();
        b[r] = _mm512_setzero_ps();
    }
    for (size_t i = 0; i < n_steps; i += STEPS) {
        if (once) {
            UNROLL
            for (size_t j = 0; j < STEPS * STEP_BYTES / LINE; j++) {
                _mm_prefetch(w + AHEAD_BYTES + j * LINE, _MM_HINT_T0);
            }
        } else {
            for (size_t j = 0; j < ahead.n_lines; j++) {
                _mm_prefetch(ahead.at + j * LINE, _MM_HINT_T1);
            }
            ahead.at += ahead.n_lines * LINE;
        }
        UNROLL
        for (size_t s = 0; s < STEPS; s++) {
            __m512i wa = _mm512_load_si512(w + s * STEP_BYTES);
            __m512i wb = _mm512_load_si512(w + s * STEP_BYTES + LINE);
            UNROLL
            for (size_t r = 0; r < n_rows; r++) {
                int32_t pair;
                memcpy(&pair, rows + r * row_bytes + s * 4, sizeof pair);
                __m512i x = _mm512_set1_epi32(pair);
                if (bf16) {
                    a[r] = _mm512_dpbf16_ps(a[r], (__m512bh)wa, (__m512bh)x);
                    b[r] = _mm512_dpbf16_ps(b[r], (__m512bh)wb, (__m512bh)x);
                } else {
                    a[r] = _mm512_fmadd_ps((__m512)wa, (__m512)x, a[r]);
                    b[r] = _mm512_fmadd_ps((__m512)wb, (__m512)x, b[r]);
                }
            }
        }
        w += STEPS * STEP_BYTES;
        rows += STEPS * 4;
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        _mm512_mask_storeu_ps(y + r * y_stride, low, a[r]);
        _mm512_mask_storeu_ps(y + r * y_stride + 16, high, b[r]);
    }
}

#define TILE(name, n_rows, bf16, once)                                                             \
    static void name(float *y, size_t y_stride, const char *rows, size_t row_bytes, const char *w, \
                     size_t n_steps, struct ahead ahead, __mmask16 low, __mmask16 high)            \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n_rows, w, n_steps, ahead, low, high, bf16,    \
                      once);                                                                       \
    }
#define TILES(n)                                                                                   \
    TILE(f32_once_##n, n, false, true)                                                             \
    TILE(f32_##n, n, false, false)                                                                 \
    TILE(bf16_once_##n, n, true, true)                                                             \
    TILE(bf16_##n, n, true, false)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILES(7)
TILES(8)
TILES(9)
TILES(10)
TILES(11)
TILES(12)

typedef void tile_function(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                           const char *w, size_t n_steps, struct ahead ahead, __mmask16 low,
                           __mmask16 high);

#define LIST(p) p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9, p##10, p##11, p##12
/* [dtype is bf16][weights used once][rows - 1] */
static tile_function *const tiles[2][2][MAX_ROWS] = {{{LIST(f32_)}, {LIST(f32_once_)}},
                                                     {{LIST(bf16_)}, {LIST(bf16_once_)}}};

/* A panel comes from memory once: all tiles of rows pass over it while it is in the second cache,
 * and each asks for its share of the next panel. */
INLINE void multiply_panels(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                            size_t n_rows, const struct sc_packed *w, size_t n_steps, size_t begin,
                            size_t end, const char *next, bool bf16)
{
    size_t n_tiles = (n_rows + MAX_ROWS - 1) / MAX_ROWS;
    size_t panel_bytes = n_steps * STEP_BYTES;
    size_t n_lines = n_tiles ? (STEPS * STEP_BYTES / LINE + n_tiles - 1) / n_tiles : 0;
    size_t share_bytes = n_steps / STEPS * n_lines * LINE;
    for (size_t p = begin; p < end; p++) {
        const char *panel = (const char *)w->data + p * panel_bytes;
        const char *after = p + 1 < end ? panel + panel_bytes : next;
        size_t valid = w->n_out - p * PANEL;
        __mmask16 low = mask_of(valid), high = mask_of(valid > 16 ? valid - 16 : 0);
        size_t row = 0;
        for (size_t t = 0; t < n_tiles; t++) {
            size_t n = n_rows / n_tiles + (t < n_rows % n_tiles);
            bool some = after != NULL && t * share_bytes < panel_bytes;
            struct ahead ahead = {some ? after + t * share_bytes : panel, some ? n_lines : 0};
            tiles[bf16][n_tiles == 1][n - 1](y + row * y_stride + p * PANEL, y_stride,
                                             rows + row * row_bytes, row_bytes, panel, n_steps,
                                             ahead, low, high);
            row += n;
        }
    }
}

static size_t row_bytes_f32(size_t n_in)
{
    return sc_row_bytes(n_in * 4);
}

static size_t row_bytes_bf16(size_t n_in)
{
    return sc_row_bytes(n_in * 2);
}

static void multiply_f32(float *y, size_t y_stride, const void *rows, size_t n_rows,
                         const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    size_t n_steps = sc_round_up(w->n_in, SC_INPUT_STEP);
    multiply_panels(y, y_stride, rows, row_bytes_f32(w->n_in), n_rows, w, n_steps, begin, end, next,
                    false);
}

static void multiply_bf16(float *y, size_t y_stride, const void *rows, size_t n_rows,
                          const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    size_t n_steps = sc_round_up(w->n_in, SC_INPUT_STEP) / 2;
    multiply_panels(y, y_stride, rows, row_bytes_bf16(w->n_in), n_rows, w, n_steps, begin, end,
                    next, true);
}

#define SC_ENTRIES_PANEL PANEL
#include "kernels/panel_entries.h"

/* To nearest even, as sc_bf16_from_f32 does (the instruction for it would drop denormals). */
INLINE __m256i round_bf16(__m512 x)
{
    __m512i bits = _mm512_castps_si512(x);
    __m512i top = _mm512_srli_epi32(bits, 16);
    __m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
    __m512i half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half), 16);
    __m512i quiet = _mm512_or_si512(top, _mm512_set1_epi32(0x40));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet));
}

static void prepare_bf16(void *row, const float *x, size_t n_in)
{
    uint16_t *halves = row;
    for (size_t i = 0; i < n_in; i += 16) {
        __mmask16 mask = mask_of(n_in - i);
        __m256i rounded = round_bf16(_mm512_maskz_loadu_ps(mask, x + i));
        _mm256_mask_storeu_epi16(halves + i, mask, rounded);
    }
    memset((char *)row + n_in * 2, 0, row_bytes_bf16(n_in) - n_in * 2);
}

/* ---- attention ------------------------------------------------------------------------------- */

/* Rows of keys and values are read by pairs of registers.  Stored bf16 are words of two elements:
 * of each 2 LANES elements, word j has elements j and LANES + j, of a remainder of m elements (an
 * even number) j and m/2 + j; so a shift and a mask make of one register of words two of floats in
 * order. Stored f32 are in order. */
enum { LANES = 16 };

struct pair {
    __m512 low, high;
};

/* Where a pair stands in a row: its elements [at, at + half) and [at + half, at + 2 half). */
struct place {
    size_t at, half;
    __mmask16 mask; /* of half lanes */
};

INLINE struct place place_at(size_t at, size_t n)
{
    size_t half = n - at < 2 * LANES ? (n - at) / 2 : LANES;
    return (struct place){at, half, mask_of(half)};
}

/* The bits of a bf16 in the upper half of each place. */
INLINE __m512i upper_bf16(__m512 x)
{
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(round_bf16(x)), 16);
}

static void store_bf16(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i += 2 * LANES) {
        struct place p = place_at(i, n);
        __m256i low = round_bf16(_mm512_maskz_loadu_ps(p.mask, from + i));
        __m512i high = upper_bf16(_mm512_maskz_loadu_ps(p.mask, from + i + p.half));
        _mm512_mask_storeu_epi32((char *)to + i * 2, p.mask,
                                 _mm512_or_si512(_mm512_cvtepu16_epi32(low), high));
    }
}

/* whole: all lanes are in use (a constant). */
INLINE struct pair load_floats(const float *row, struct place p, bool whole)
{
    if (whole) {
        return (struct pair){_mm512_loadu_ps(row + p.at), _mm512_loadu_ps(row + p.at + LANES)};
    }
    return (struct pair){_mm512_maskz_loadu_ps(p.mask, row + p.at),
                         _mm512_maskz_loadu_ps(p.mask, row + p.at + p.half)};
}

INLINE struct pair load_stored(const char *row, struct place p, bool whole, bool bf16)
{
    if (!bf16) {
        return load_floats((const float *)(const void *)row, p, whole);
    }
    const void *from = row + p.at * 2;
    __m512i words = whole ? _mm512_loadu_si512(from) : _mm512_maskz_loadu_epi32(p.mask, from);
    __m512i high = _mm512_and_si512(words, _mm512_set1_epi32((int)0xffff0000u));
    return (struct pair){_mm512_castsi512_ps(_mm512_slli_epi32(words, 16)),
                         _mm512_castsi512_ps(high)};
}

/* The sums of sixteen registers in one: each by the same tree of additions. */
INLINE __m512 sum_each(const __m512 *x)
{
    __m512 u[4];
    UNROLL
    for (size_t i = 0; i < 4; i++) {
        const __m512 *v = x + 4 * i;
        __m512 s = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
        __m512 t = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
        __m512d a = _mm512_castps_pd(s), b = _mm512_castps_pd(t);
        u[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                             _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    __m512 s = _mm512_add_ps(_mm512_shuffle_f32x4(u[0], u[1], 0x88),
                             _mm512_shuffle_f32x4(u[0], u[1], 0xdd));
    __m512 t = _mm512_add_ps(_mm512_shuffle_f32x4(u[2], u[3], 0x88),
                             _mm512_shuffle_f32x4(u[2], u[3], 0xdd));
    return _mm512_add_ps(_mm512_shuffle_f32x4(s, t, 0x88), _mm512_shuffle_f32x4(s, t, 0xdd));
}

INLINE void scores_add(__m512 *sums, const float *queries, size_t n_q, const char *const *key,
                       size_t n_k, size_t head_dim, struct place at, bool whole, bool bf16)
{
    struct pair q[4];
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        q[j] = load_floats(queries + j * head_dim, at, whole);
    }
    UNROLL
    for (size_t k = 0; k < n_k; k++) {
        struct pair x = load_stored(key[k], at, whole, bf16);
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            __m512 *sum = &sums[j * n_k + k];
            *sum = _mm512_fmadd_ps(q[j].high, x.high, _mm512_fmadd_ps(q[j].low, x.low, *sum));
        }
    }
}

/* n_q queries with n_k keys, n_q n_k = 16; past the last key that key is taken again and its score
 * not stored. */
INLINE void scores_block(float *scores, size_t score_stride, const float *queries, size_t n_q,
                         const char *keys, size_t n_k, size_t n_left, size_t head_dim, float scale,
                         bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    const char *key[16];
    __m512 sums[16];
    UNROLL
    for (size_t k = 0; k < n_k; k++) {
        key[k] = keys + (k < n_left ? k : n_left - 1) * row_bytes;
    }
    UNROLL
    for (size_t j = 0; j < 16; j++) {
        sums[j] = _mm512_setzero_ps();
    }
    size_t i = 0;
    for (; i + 2 * LANES <= head_dim; i += 2 * LANES) {
        scores_add(sums, queries, n_q, key, n_k, head_dim, (struct place){.at = i}, true, bf16);
    }
    if (i < head_dim) {
        scores_add(sums, queries, n_q, key, n_k, head_dim, place_at(i, head_dim), false, bf16);
    }
    /* Not a masked store of a part of the register: compilers make one vextractf32x8 of it, which
     * faults on memory that its mask leaves out. */
    _Alignas(64) float all[16];
    _mm512_store_ps(all, _mm512_mul_ps(sum_each(sums), _mm512_set1_ps(scale)));
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        if (n_left >= n_k) {
            memcpy(scores + j * score_stride, all + j * n_k, n_k * sizeof *all);
        } else {
            memcpy(scores + j * score_stride, all + j * n_k, n_left * sizeof *all);
        }
    }
}

INLINE void scores_rows(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const char *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    size_t q = 0;
    for (; q + 4 <= n_queries; q += 4) {
        for (size_t p = 0; p < n_pos; p += 4) {
            sc_ask(ahead, 4 * row_bytes);
            scores_block(scores + q * score_stride + p, score_stride, queries + q * head_dim, 4,
                         keys + p * row_bytes, 4, n_pos - p, head_dim, scale, bf16);
        }
    }
    for (; q + 2 <= n_queries; q += 2) {
        for (size_t p = 0; p < n_pos; p += 8) {
            sc_ask(ahead, 8 * row_bytes);
            scores_block(scores + q * score_stride + p, score_stride, queries + q * head_dim, 2,
                         keys + p * row_bytes, 8, n_pos - p, head_dim, scale, bf16);
        }
    }
    for (; q < n_queries; q++) {
        for (size_t p = 0; p < n_pos; p += 16) {
            sc_ask(ahead, 16 * row_bytes);
            scores_block(scores + q * score_stride + p, score_stride, queries + q * head_dim, 1,
                         keys + p * row_bytes, 16, n_pos - p, head_dim, scale, bf16);
        }
    }
}

/* n_q queries, n_c pairs of registers of the values' columns from `at` on. */
INLINE void mix_block(float *out, const float *weights, size_t weight_stride, size_t n_q,
                      const char *values, size_t n_pos, size_t head_dim, struct place at,
                      size_t n_c, struct sc_ahead *ahead, bool whole, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    struct pair sums[8];
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            struct place p = {at.at + c * 2 * LANES, at.half, at.mask};
            sums[j * n_c + c] = load_floats(out + j * head_dim, p, whole);
        }
    }
    for (size_t i = 0; i < n_pos; i++) {
        if (i % 4 == 0) { /* seldom enough to cost nothing */
            sc_ask(ahead, 4 * n_c * 4 * LANES * (bf16 ? 1 : 2));
        }
        __m512 weight[4];
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            weight[j] = _mm512_set1_ps(weights[j * weight_stride + i]);
        }
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            struct place p = {at.at + c * 2 * LANES, at.half, at.mask};
            struct pair x = load_stored(values, p, whole, bf16);
            UNROLL
            for (size_t j = 0; j < n_q; j++) {
                struct pair *sum = &sums[j * n_c + c];
                sum->low = _mm512_fmadd_ps(weight[j], x.low, sum->low);
                sum->high = _mm512_fmadd_ps(weight[j], x.high, sum->high);
            }
        }
        values += row_bytes;
    }
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            float *to = out + j * head_dim + at.at + c * 2 * LANES;
            if (whole) {
                _mm512_storeu_ps(to, sums[j * n_c + c].low);
                _mm512_storeu_ps(to + LANES, sums[j * n_c + c].high);
            } else {
                _mm512_mask_storeu_ps(to, at.mask, sums[j * n_c + c].low);
                _mm512_mask_storeu_ps(to + at.half, at.mask, sums[j * n_c + c].high);
            }
        }
    }
}

/* n_q and n_c are constants; whole groups of n_c pairs, then one at a time. */
INLINE void mix_queries(float *out, const float *weights, size_t weight_stride, size_t n_q,
                        const char *values, size_t n_pos, size_t head_dim, size_t n_c,
                        struct sc_ahead *ahead, bool bf16)
{
    struct place at = {0};
    for (; at.at + n_c * 2 * LANES <= head_dim; at.at += n_c * 2 * LANES) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim, at, n_c, ahead, true,
                  bf16);
    }
    for (; at.at + 2 * LANES <= head_dim; at.at += 2 * LANES) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim, at, 1, ahead, true,
                  bf16);
    }
    if (at.at < head_dim) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim,
                  place_at(at.at, head_dim), 1, ahead, false, bf16);
    }
}

INLINE void mix_rows(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                     const char *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead,
                     bool bf16)
{
    size_t q = 0;
    for (; q + 4 <= n_queries; q += 4) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 4, values,
                    n_pos, head_dim, 2, ahead, bf16);
    }
    for (; q + 2 <= n_queries; q += 2) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 2, values,
                    n_pos, head_dim, 4, ahead, bf16);
    }
    for (; q < n_queries; q++) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 1, values,
                    n_pos, head_dim, 4, ahead, bf16);
    }
}

#include "kernels/attention_entries.h"

/* ---- rows of activations --------------------------------------------------------------------- */

INLINE __m512d low_half(__m512 x)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(x));
}

INLINE __m512d high_half(__m512 x)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1));
}

static void rms_norm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    __m512d a = _mm512_setzero_pd(), b = a;
    for (size_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(mask_of(n - i), x + i);
        __m512d v0 = low_half(v), v1 = high_half(v);
        a = _mm512_fmadd_pd(v0, v0, a);
        b = _mm512_fmadd_pd(v1, v1, b);
    }
    double sum = _mm512_reduce_add_pd(_mm512_add_pd(a, b));
    __m512 factor = _mm512_set1_ps((float)(1.0 / sqrt(sum / (double)n + (double)eps)));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor);
        v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, gain + i));
        store_first(y + i, n - i, v);
    }
}

static void rope(float *x, const float *cosines, const float *sines, size_t n)
{
    size_t half = n / 2;
    for (size_t i = 0; i < half; i += 16) {
        __mmask16 mask = mask_of(half - i);
        __m512 a = _mm512_maskz_loadu_ps(mask, x + i);
        __m512 b = _mm512_maskz_loadu_ps(mask, x + half + i);
        __m512 c = _mm512_maskz_loadu_ps(mask, cosines + i);
        __m512 s = _mm512_maskz_loadu_ps(mask, sines + i);
        __m512 first = _mm512_fnmadd_ps(b, s, _mm512_mul_ps(a, c));
        __m512 second = _mm512_fmadd_ps(a, s, _mm512_mul_ps(b, c));
        store_first(x + i, half - i, first);
        store_first(x + half + i, half - i, second);
    }
}

/* n = round(x / ln 2) and exp(r) - 1 of what is left, |r| <= ln(2) / 2, where the Taylor polynomial
 * of degree 7 leaves 6e-9. */
INLINE __m512 reduce16(__m512 x, __m512 *n)
{
    *n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p+0f)),
                              _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(*n, _mm512_set1_ps(0x1.62e430p-1f), x);
    r = _mm512_fnmadd_ps(*n, _mm512_set1_ps(-0x1.05c610p-29f), r);
    __m512 p = _mm512_set1_ps(1.0f / 5040);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    return _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
}

/* exp within 1e-7 relative: 2^n exp(r).  min and max give their second operand for a NaN. */
INLINE __m512 exp16(__m512 x)
{
    x = _mm512_max_ps(_mm512_set1_ps(SC_EXP_LOW), x);
    x = _mm512_min_ps(_mm512_set1_ps(SC_EXP_HIGH), x);
    __m512 n, p = reduce16(x, &n);
    return _mm512_scalef_ps(_mm512_add_ps(p, _mm512_set1_ps(1.0f)), n);
}

INLINE __m512 gate_exponent(__m512 g, bool gelu)
{
    if (!gelu) {
        return _mm512_sub_ps(_mm512_setzero_ps(), g);
    }
    __m512 cubic =
        _mm512_fmadd_ps(_mm512_mul_ps(g, g), _mm512_set1_ps(SC_GELU_CUBIC), _mm512_set1_ps(1.0f));
    return _mm512_mul_ps(_mm512_mul_ps(g, _mm512_set1_ps(SC_GELU_LINEAR)), cubic);
}

INLINE void gate_mul(float *y, const float *gate, const float *up, size_t n, bool gelu)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
        __m512 e = exp16(gate_exponent(g, gelu));
        __m512 v = _mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
        v = _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, up + i));
        store_first(y + i, n - i, v);
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
    const __m512 caps = _mm512_set1_ps(cap), one = _mm512_set1_ps(1.0f);
    const __m512 sign = _mm512_set1_ps(-0.0f);
    for (size_t i = 0; i < n; i += 16) {
        __m512 was = _mm512_maskz_loadu_ps(mask_of(n - i), x + i);
        __m512 a = _mm512_andnot_ps(sign, _mm512_div_ps(was, caps));
        a = _mm512_min_ps(a, _mm512_set1_ps(SC_TANH_ONE));
        __m512 whole, p = reduce16(_mm512_mul_ps(a, _mm512_set1_ps(-2.0f)), &whole);
        __m512 power = _mm512_scalef_ps(one, whole);
        __m512 e = _mm512_fmadd_ps(power, p, _mm512_sub_ps(power, one));
        __m512 t = _mm512_div_ps(_mm512_mul_ps(e, caps), _mm512_sub_ps(_mm512_set1_ps(-2.0f), e));
        t = _mm512_or_ps(t, _mm512_and_ps(was, sign));
        store_first(x + i, n - i, _mm512_fmadd_ps(was, _mm512_setzero_ps(), t));
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 sum =
            _mm512_add_ps(_mm512_maskz_loadu_ps(mask, x + i), _mm512_maskz_loadu_ps(mask, y + i));
        store_first(x + i, n - i, sum);
    }
}

static void softmax(float *x, size_t n)
{
    __m512 maxima = _mm512_set1_ps(x[0]);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        maxima = _mm512_mask_max_ps(maxima, mask, maxima, _mm512_maskz_loadu_ps(mask, x + i));
    }
    __m512 max = _mm512_set1_ps(_mm512_reduce_max_ps(maxima));
    __m512d a = _mm512_setzero_pd(), b = a;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 e = exp16(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), max));
        e = _mm512_maskz_mov_ps(mask, e);
        store_first(x + i, n - i, e);
        a = _mm512_add_pd(a, low_half(e));
        b = _mm512_add_pd(b, high_half(e));
    }
    __m512 factor = _mm512_set1_ps((float)(1.0 / _mm512_reduce_add_pd(_mm512_add_pd(a, b))));
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 e = _mm512_maskz_loadu_ps(mask, x + i);
        store_first(x + i, n - i, _mm512_mul_ps(e, factor));
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

static float logit_max(const float *z, size_t n)
{
    enum { NAN_OR_INFINITE = 0x01 | 0x80 | 0x08 | 0x10 };
    __m512 maxima = _mm512_set1_ps(z[0]);
    __mmask16 bad = 0;
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 v = _mm512_maskz_loadu_ps(mask, z + i);
        bad |= _mm512_fpclass_ps_mask(v, NAN_OR_INFINITE);
        maxima = _mm512_mask_max_ps(maxima, mask, maxima, v);
    }
    return bad ? NAN : _mm512_reduce_max_ps(maxima);
}

static void logit_sums(const float *z, size_t n, float max, double *sum_exp, double *sum_z_exp)
{
    __m512d a = _mm512_setzero_pd(), b = a, c = a, d = a;
    __m512 top = _mm512_set1_ps(max), low = _mm512_set1_ps(SC_EXP_LOW);
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, z + i), top);
        v = _mm512_max_ps(low, v);
        __m512 e = exp16(v);
        v = _mm512_maskz_mov_ps(mask, v);
        e = _mm512_maskz_mov_ps(mask, e);
        __m512d e0 = low_half(e), e1 = high_half(e);
        a = _mm512_add_pd(a, e0);
        b = _mm512_add_pd(b, e1);
        c = _mm512_fmadd_pd(low_half(v), e0, c);
        d = _mm512_fmadd_pd(high_half(v), e1, d);
    }
    *sum_exp = _mm512_reduce_add_pd(_mm512_add_pd(a, b));
    *sum_z_exp = _mm512_reduce_add_pd(_mm512_add_pd(c, d));
}

static size_t logit_above(const float *z, size_t n, float threshold, int32_t *indices, size_t most,
                          size_t *scanned)
{
    __m512 bar = _mm512_set1_ps(threshold);
    size_t n_found = 0;
    *scanned = n;
    if (most == 0) {
        *scanned = 0;
        return 0;
    }
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 mask = mask_of(n - i);
        __m512 v = _mm512_maskz_loadu_ps(mask, z + i);
        unsigned int above = _mm512_mask_cmp_ps_mask(mask, v, bar, _CMP_GT_OQ);
        for (; above; above &= above - 1) {
            size_t place = i + (size_t)__builtin_ctz(above);
            indices[n_found++] = (int32_t)place;
            if (n_found == most) {
                *scanned = place + 1;
                return n_found;
            }
        }
    }
    return n_found;
}

/* ---- loops at full speed, for machine.c ------------------------------------------------------ */

enum { CHAINS = 16 };

static double busy_f32(size_t n_rounds, float *sink)
{
    __m512 sums[CHAINS], factor = _mm512_set1_ps(0.999f), all = _mm512_setzero_ps();
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = _mm512_set1_ps((float)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = _mm512_fmadd_ps(sums[c], factor, factor);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = _mm512_add_ps(all, sums[c]);
    }
    *sink += _mm512_reduce_add_ps(all);
    return (double)n_rounds * CHAINS * 16 * 2;
}

static double busy_bf16(size_t n_rounds, float *sink)
{
    __m512 sums[CHAINS], all = _mm512_setzero_ps();
    __m512bh one = (__m512bh)_mm512_set1_epi32(0x3f803f80);         /* (1, 1) */
    __m512bh signs = (__m512bh)_mm512_set1_epi32((int)0xbf803f80u); /* (1, -1): sums stay */
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = _mm512_set1_ps((float)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = _mm512_dpbf16_ps(sums[c], one, signs);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = _mm512_add_ps(all, sums[c]);
    }
    *sink += _mm512_reduce_add_ps(all);
    return (double)n_rounds * CHAINS * 32 * 2;
}

static double busy_int8(size_t n_rounds, float *sink)
{
    __m512i sums[CHAINS], all = _mm512_setzero_si512();
    __m512i three = _mm512_set1_epi8(3), two = _mm512_set1_epi8(-2);
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = _mm512_set1_epi32((int)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = _mm512_dpbusd_epi32(sums[c], three, two);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = _mm512_xor_si512(all, sums[c]);
    }
    *sink += (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(all));
    return (double)n_rounds * CHAINS * 64 * 2;
}

static void read_memory(const void *from, size_t bytes, float *sink)
{
    const char *at = from;
    __m512i sums[4], all;
    UNROLL
    for (size_t c = 0; c < 4; c++) {
        sums[c] = _mm512_setzero_si512();
    }
    for (size_t i = 0; i + 4 * LINE <= bytes; i += 4 * LINE) {
        UNROLL
        for (size_t c = 0; c < 4; c++) {
            _mm_prefetch(at + i + c * LINE + AHEAD_BYTES, _MM_HINT_T0);
            sums[c] = _mm512_xor_si512(sums[c], _mm512_loadu_si512(at + i + c * LINE));
        }
    }
    all = _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]), _mm512_xor_si512(sums[2], sums[3]));
    *sink += (float)_mm_cvtsi128_si32(_mm512_castsi512_si128(all));
}

void sc_level_avx512(struct sc_kernels *table)
{
    table->name = "avx512";
    struct sc_matmul *f32 = &table->matmul[SC_DTYPE_F32];
    *f32 = (struct sc_matmul){PANEL,         packed_bytes_f32, pack_f32,
                              row_bytes_f32, f32->prepare,     multiply_f32};
    table->matmul[SC_DTYPE_BF16] = (struct sc_matmul){
        PANEL, packed_bytes_bf16, pack_bf16, row_bytes_bf16, prepare_bf16, multiply_bf16};
    table->attention[SC_DTYPE_F32].scores = scores_f32;
    table->attention[SC_DTYPE_F32].mix = mix_f32;
    table->attention[SC_DTYPE_BF16] = (struct sc_attention){2, store_bf16, scores_bf16, mix_bf16};
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
    table->busy_bf16 = busy_bf16;
    table->busy_int8 = busy_int8;
    sc_int8_avx512(&table->matmul[SC_DTYPE_INT8]);
    table->read_memory = read_memory;
}
#else
typedef int sc_no_avx512; /* a translation unit must not be empty */
#endif
