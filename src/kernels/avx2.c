/*
 * The AVX2 level (with FMA and F16C): the only file compiled for these instructions, so nothing of
 * it may run before dispatch.c has asked the processor.  There is no bf16 multiplication here: bf16
 * is widened, which is exact, and multiplied in f32.
 *
 * Remainders are masked, never looped over in another order.  Where to read next: avx512.c, the
 * same with wider registers.
 */
#if defined(__x86_64__)
#include "kernels/levels.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Two registers wide; a tile of rows keeps 2 x MAX_ROWS sums, a pair of weights, one activation. */
enum { PANEL = 16, MAX_ROWS = 6, PAIRS = 4, LINE = 64, AHEAD_BYTES = 2048 };

static __m256i mask_of(size_t n)
{
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n < 8 ? n : 8)), places);
}

/* The first n lanes of memory or of a register, zeros after them.  Only a remainder takes a mask:
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

INLINE __m256 keep_first(__m256 x, size_t n)
{
    return n >= 8 ? x : _mm256_and_ps(x, _mm256_castsi256_ps(mask_of(n)));
}

/* ---- products -------------------------------------------------------------------------------- */

struct ahead {
    const char *at;
    size_t n_lines; /* per PAIRS pairs of inputs */
};

/* a += u x, b += v x, here and now: left alone, gcc lets sums wander between registers. */
INLINE void add_products(__m256 *a, __m256 *b, __m256 u, __m256 v, __m256 x)
{
    __asm__ volatile("vfmadd231ps %4, %2, %0\n\tvfmadd231ps %4, %3, %1"
                     : "+&x"(*a), "+x"(*b)
                     : "x"(u), "x"(v), "x"(x));
}

/* Each output has one sum, to which inputs add in order.  n_rows and bf16 are constants. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_in, struct ahead ahead,
                          size_t n_valid, bool bf16)
{
    __m256 a[MAX_ROWS], b[MAX_ROWS];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        a[r] = _mm256_setzero_ps();
        b[r] = _mm256_setzero_ps();
    }
    for (size_t i = 0; i < n_in; i += 2 * PAIRS) {
        for (size_t j = 0; j < ahead.n_lines; j++) {
            _mm_prefetch(ahead.at + j * LINE, _MM_HINT_T1);
        }
        ahead.at += ahead.n_lines * LINE;
        UNROLL
        for (size_t k = 0; k < 2 * PAIRS; k++) {
            __m256 wa, wb;
            if (bf16) {
                __m256i pa = _mm256_load_si256((const __m256i *)(w + k / 2 * LINE));
                __m256i pb = _mm256_load_si256((const __m256i *)(w + k / 2 * LINE + 32));
                __m256i upper = _mm256_set1_epi32((int)0xffff0000u);
                pa = k % 2 ? _mm256_and_si256(pa, upper) : _mm256_slli_epi32(pa, 16);
                pb = k % 2 ? _mm256_and_si256(pb, upper) : _mm256_slli_epi32(pb, 16);
                wa = _mm256_castsi256_ps(pa), wb = _mm256_castsi256_ps(pb);
            } else {
                wa = _mm256_load_ps((const float *)(w + k * LINE));
                wb = _mm256_load_ps((const float *)(w + k * LINE + 32));
            }
            UNROLL
            for (size_t r = 0; r < n_rows; r++) {
                float value;
                memcpy(&value, rows + r * row_bytes + k * 4, sizeof value);
                __m256 x = _mm256_set1_ps(value);
                add_products(&a[r], &b[r], wa, wb, x);
            }
        }
        w += PAIRS * LINE * (bf16 ? 1 : 2);
        rows += 2 * PAIRS * 4;
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        store_first(y + r * y_stride, n_valid, a[r]);
        store_first(y + r * y_stride + 8, n_valid > 8 ? n_valid - 8 : 0, b[r]);
    }
}

#define TILE(name, n_rows, bf16)                                                                   \
    static void name(float *y, size_t y_stride, const char *rows, size_t row_bytes, const char *w, \
                     size_t n_in, struct ahead ahead, size_t n_valid)                              \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n_rows, w, n_in, ahead, n_valid, bf16);        \
    }
#define TILES(n)                                                                                   \
    TILE(f32_##n, n, false)                                                                        \
    TILE(bf16_##n, n, true)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)

typedef void tile_function(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                           const char *w, size_t n_in, struct ahead ahead, size_t n_valid);

static tile_function *const tiles[2][MAX_ROWS] = {
    {f32_1, f32_2, f32_3, f32_4, f32_5, f32_6},
    {bf16_1, bf16_2, bf16_3, bf16_4, bf16_5, bf16_6},
};

/* A panel comes from memory once: all tiles of rows pass over it while it is in the second cache,
 * and each asks for its share of the next panel. */
INLINE void multiply_panels(float *y, size_t y_stride, const char *rows, size_t n_rows,
                            const struct sc_packed *w, size_t begin, size_t end, const char *next,
                            bool bf16)
{
    size_t row_bytes = sc_row_bytes(w->n_in * 4);
    size_t n_in = sc_round_up(w->n_in, SC_INPUT_STEP);
    size_t n_tiles = (n_rows + MAX_ROWS - 1) / MAX_ROWS;
    size_t panel_bytes = n_in * PANEL * (bf16 ? 2 : 4);
    size_t all_lines = PAIRS * (bf16 ? 1 : 2);
    size_t n_lines = n_tiles ? (all_lines + n_tiles - 1) / n_tiles : 0;
    size_t share_bytes = n_in / (2 * PAIRS) * n_lines * LINE;
    for (size_t p = begin; p < end; p++) {
        const char *panel = (const char *)w->data + p * panel_bytes;
        const char *after = p + 1 < end ? panel + panel_bytes : next;
        size_t row = 0;
        for (size_t t = 0; t < n_tiles; t++) {
            size_t n = n_rows / n_tiles + (t < n_rows % n_tiles);
            struct ahead ahead = {panel + AHEAD_BYTES, n_lines};
            if (n_tiles > 1) {
                bool some = after && t * share_bytes < panel_bytes;
                ahead.at = some ? after + t * share_bytes : panel;
                ahead.n_lines = some ? n_lines : 0;
            }
            tiles[bf16][n - 1](y + row * y_stride + p * PANEL, y_stride, rows + row * row_bytes,
                               row_bytes, panel, n_in, ahead, w->n_out - p * PANEL);
            row += n;
        }
    }
}

static void multiply_f32(float *y, size_t y_stride, const void *rows, size_t n_rows,
                         const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    multiply_panels(y, y_stride, rows, n_rows, w, begin, end, next, false);
}

static void multiply_bf16(float *y, size_t y_stride, const void *rows, size_t n_rows,
                          const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    multiply_panels(y, y_stride, rows, n_rows, w, begin, end, next, true);
}

static size_t packed_bytes_f32(size_t n_out, size_t n_in)
{
    return sc_panels_bytes(n_out, n_in, PANEL, 4);
}

static size_t packed_bytes_bf16(size_t n_out, size_t n_in)
{
    return sc_panels_bytes(n_out, n_in, PANEL, 2);
}

static void pack_f32(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                     size_t begin, size_t end)
{
    sc_panels_pack_f32(w, source, source_dtype, PANEL, begin, end);
}

static void pack_bf16(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                      size_t begin, size_t end)
{
    sc_panels_pack_bf16(w, source, source_dtype, PANEL, begin, end);
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

static void prepare_bf16(void *row, const float *x, size_t n_in)
{
    float *to = row;
    for (size_t i = 0; i < n_in; i += 8) {
        __m256i rounded = round_bf16(load_first(x + i, n_in - i));
        store_first(to + i, n_in - i, _mm256_castsi256_ps(rounded));
    }
    memset(to + n_in, 0, sc_row_bytes(n_in * 4) - n_in * 4);
}

/* ---- attention ------------------------------------------------------------------------------- */

/* Rows of keys and values are read by pairs of registers.  Stored bf16 are words of two elements:
 * of each 2 LANES elements, word j has elements j and LANES + j, of a remainder of m elements (an
 * even number) j and m/2 + j; so a shift and a mask make of one register of words two of floats in
 * order. Stored f32 are in order. */
enum { LANES = 8 };

struct pair {
    __m256 low, high;
};

/* Where a pair stands in a row: its elements [at, at + half) and [at + half, at + 2 half). */
struct place {
    size_t at, half;
};

INLINE struct place place_at(size_t at, size_t n)
{
    size_t half = n - at < 2 * LANES ? (n - at) / 2 : LANES;
    return (struct place){at, half};
}

static void store_bf16(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i += 2 * LANES) {
        struct place at = place_at(i, n);
        __m256i low = round_bf16(load_first(from + i, at.half));
        __m256i high = round_bf16(load_first(from + i + at.half, at.half));
        store_first((float *)(void *)((char *)to + i * 2), at.half,
                    _mm256_castsi256_ps(_mm256_or_si256(_mm256_srli_epi32(low, 16), high)));
    }
}

/* whole: all lanes are in use (a constant). */
INLINE struct pair load_floats(const float *row, struct place p, bool whole)
{
    if (whole) {
        return (struct pair){_mm256_loadu_ps(row + p.at), _mm256_loadu_ps(row + p.at + LANES)};
    }
    return (struct pair){load_first(row + p.at, p.half), load_first(row + p.at + p.half, p.half)};
}

INLINE struct pair load_stored(const char *row, struct place p, bool whole, bool bf16)
{
    if (!bf16) {
        return load_floats((const float *)(const void *)row, p, whole);
    }
    const float *from = (const float *)(const void *)(row + p.at * 2);
    __m256i words = _mm256_castps_si256(whole ? _mm256_loadu_ps(from) : load_first(from, p.half));
    __m256i high = _mm256_and_si256(words, _mm256_set1_epi32((int)0xffff0000u));
    return (struct pair){_mm256_castsi256_ps(_mm256_slli_epi32(words, 16)),
                         _mm256_castsi256_ps(high)};
}

/* The sums of four registers in one: each by the same tree of additions. */
INLINE __m128 sum_each(__m256 a, __m256 b, __m256 c, __m256 d)
{
    __m256 halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

/* One half of a pair of a stored row. */
INLINE __m256 load_half(const char *row, struct place p, bool high, bool whole, bool bf16)
{
    struct pair x = load_stored(row, p, whole, bf16);
    return high ? x.high : x.low;
}

/* Adds the products of a pair's low elements to all sums and then those of its high ones: so few
 * queries are at hand at a time that ten sums keep their registers. */
INLINE void scores_add(__m256 *sums, const float *queries, size_t n_q, const char *const *key,
                       size_t n_k, size_t head_dim, struct place at, bool whole, bool bf16)
{
    UNROLL
    for (size_t high = 0; high < 2; high++) {
        __m256 q[2];
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            struct pair both = load_floats(queries + j * head_dim, at, whole);
            q[j] = high ? both.high : both.low;
        }
        if (n_q == 1) {
            UNROLL
            for (size_t k = 0; k < n_k; k += 2) {
                add_products(&sums[k], &sums[k + 1], load_half(key[k], at, high, whole, bf16),
                             load_half(key[k + 1], at, high, whole, bf16), q[0]);
            }
        } else {
            UNROLL
            for (size_t k = 0; k < n_k; k++) {
                add_products(&sums[k], &sums[n_k + k], q[0], q[1],
                             load_half(key[k], at, high, whole, bf16));
            }
        }
    }
}

/* n_q queries with n_k keys: sums [n_q][n_k]. */
INLINE void scores_block(__m256 *sums, const float *queries, size_t n_q, const char *const *key,
                         size_t n_k, size_t head_dim, bool bf16)
{
    UNROLL
    for (size_t j = 0; j < n_q * n_k; j++) {
        sums[j] = _mm256_setzero_ps();
    }
    size_t i = 0;
    for (; i + 2 * LANES <= head_dim; i += 2 * LANES) {
        scores_add(sums, queries, n_q, key, n_k, head_dim, (struct place){.at = i}, true, bf16);
    }
    if (i < head_dim) {
        scores_add(sums, queries, n_q, key, n_k, head_dim, place_at(i, head_dim), false, bf16);
    }
}

/* Two queries with five keys: each addition waits for the one before it, so many sums are wanted,
 * and these are what the registers hold without moves. */
enum { KEYS_OF_TWO = 5 };
INLINE void scores_two(float *scores, size_t score_stride, const float *queries, const char *keys,
                       size_t head_dim, float scale, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    const char *key[KEYS_OF_TWO];
    __m256 s[2 * KEYS_OF_TWO];
    __m128 factor = _mm_set1_ps(scale);
    UNROLL
    for (size_t k = 0; k < KEYS_OF_TWO; k++) {
        key[k] = keys + k * row_bytes;
    }
    scores_block(s, queries, 2, key, KEYS_OF_TWO, head_dim, bf16);
    _mm_storeu_ps(scores, _mm_mul_ps(sum_each(s[0], s[1], s[2], s[3]), factor));
    _mm_storeu_ps(scores + score_stride, _mm_mul_ps(sum_each(s[5], s[6], s[7], s[8]), factor));
    __m128 last = _mm_mul_ps(sum_each(s[4], s[9], s[4], s[9]), factor);
    _mm_store_ss(scores + 4, last);
    _mm_store_ss(scores + score_stride + 4, _mm_movehdup_ps(last));
}

/* The same with what keys are left, fewer than five: past the last that key is taken again and its
 * score not stored. */
INLINE void scores_two_last(float *scores, size_t score_stride, const float *queries,
                            const char *keys, size_t n_left, size_t head_dim, float scale,
                            bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    const char *key[4];
    __m256 s[8];
    __m128 factor = _mm_set1_ps(scale);
    __m128i mask = _mm256_castsi256_si128(mask_of(n_left));
    UNROLL
    for (size_t k = 0; k < 4; k++) {
        key[k] = keys + (k < n_left ? k : n_left - 1) * row_bytes;
    }
    scores_block(s, queries, 2, key, 4, head_dim, bf16);
    _mm_maskstore_ps(scores, mask, _mm_mul_ps(sum_each(s[0], s[1], s[2], s[3]), factor));
    _mm_maskstore_ps(scores + score_stride, mask,
                     _mm_mul_ps(sum_each(s[4], s[5], s[6], s[7]), factor));
}

/* One query with up to eight keys; past the last key that key is taken again and its score not
 * stored. */
INLINE void scores_one(float *scores, const float *query, const char *keys, size_t n_left,
                       size_t head_dim, float scale, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    const char *key[8];
    __m256 s[8];
    UNROLL
    for (size_t k = 0; k < 8; k++) {
        key[k] = keys + (k < n_left ? k : n_left - 1) * row_bytes;
    }
    scores_block(s, query, 1, key, 8, head_dim, bf16);
    __m256 all =
        _mm256_set_m128(sum_each(s[4], s[5], s[6], s[7]), sum_each(s[0], s[1], s[2], s[3]));
    store_first(scores, n_left, _mm256_mul_ps(all, _mm256_set1_ps(scale)));
}

INLINE void scores_rows(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const char *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    size_t q = 0;
    for (; q + 2 <= n_queries; q += 2) {
        const float *two = queries + q * head_dim;
        float *to = scores + q * score_stride;
        size_t p = 0;
        for (; p + KEYS_OF_TWO <= n_pos; p += KEYS_OF_TWO) {
            sc_ask(ahead, KEYS_OF_TWO * row_bytes);
            scores_two(to + p, score_stride, two, keys + p * row_bytes, head_dim, scale, bf16);
        }
        if (p < n_pos) {
            sc_ask(ahead, KEYS_OF_TWO * row_bytes);
            scores_two_last(to + p, score_stride, two, keys + p * row_bytes, n_pos - p, head_dim,
                            scale, bf16);
        }
    }
    for (; q < n_queries; q++) {
        for (size_t p = 0; p < n_pos; p += 8) {
            sc_ask(ahead, 8 * row_bytes);
            scores_one(scores + q * score_stride + p, queries + q * head_dim, keys + p * row_bytes,
                       n_pos - p, head_dim, scale, bf16);
        }
    }
}

/* n_q queries, n_c pairs of registers of the values' columns from `at` on. */
INLINE void mix_block(float *out, const float *weights, size_t weight_stride, size_t n_q,
                      const char *values, size_t n_pos, size_t head_dim, struct place at,
                      size_t n_c, struct sc_ahead *ahead, bool whole, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    struct pair sums[4];
    UNROLL
    for (size_t j = 0; j < n_q; j++) {
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            struct place p = {at.at + c * 2 * LANES, at.half};
            sums[j * n_c + c] = load_floats(out + j * head_dim, p, whole);
        }
    }
    for (size_t i = 0; i < n_pos; i++) {
        if (i % 4 == 0) { /* seldom enough to cost nothing */
            sc_ask(ahead, 4 * n_c * 4 * LANES * (bf16 ? 1 : 2));
        }
        __m256 weight[2];
        UNROLL
        for (size_t j = 0; j < n_q; j++) {
            weight[j] = _mm256_set1_ps(weights[j * weight_stride + i]);
        }
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            struct place p = {at.at + c * 2 * LANES, at.half};
            struct pair x = load_stored(values, p, whole, bf16);
            UNROLL
            for (size_t j = 0; j < n_q; j++) {
                struct pair *sum = &sums[j * n_c + c];
                add_products(&sum->low, &sum->high, x.low, x.high, weight[j]);
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
                _mm256_storeu_ps(to, sums[j * n_c + c].low);
                _mm256_storeu_ps(to + LANES, sums[j * n_c + c].high);
            } else {
                store_first(to, at.half, sums[j * n_c + c].low);
                store_first(to + at.half, at.half, sums[j * n_c + c].high);
            }
        }
    }
}

/* n_q is a constant; two pairs at a time, then one. */
INLINE void mix_queries(float *out, const float *weights, size_t weight_stride, size_t n_q,
                        const char *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead,
                        bool bf16)
{
    struct place at = {0};
    for (; at.at + 4 * LANES <= head_dim; at.at += 4 * LANES) {
        mix_block(out, weights, weight_stride, n_q, values, n_pos, head_dim, at, 2, ahead, true,
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
    for (; q + 2 <= n_queries; q += 2) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 2, values,
                    n_pos, head_dim, ahead, bf16);
    }
    for (; q < n_queries; q++) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 1, values,
                    n_pos, head_dim, ahead, bf16);
    }
}

static void scores_f32(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                       const void *keys, size_t n_pos, size_t head_dim, float scale,
                       struct sc_ahead *ahead)
{
    scores_rows(scores, score_stride, queries, n_queries, keys, n_pos, head_dim, scale, ahead,
                false);
}

static void scores_bf16(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const void *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead)
{
    scores_rows(scores, score_stride, queries, n_queries, keys, n_pos, head_dim, scale, ahead,
                true);
}

static void mix_f32(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                    const void *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead)
{
    mix_rows(out, weights, weight_stride, n_queries, values, n_pos, head_dim, ahead, false);
}

static void mix_bf16(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                     const void *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead)
{
    mix_rows(out, weights, weight_stride, n_queries, values, n_pos, head_dim, ahead, true);
}

/* ---- rows of activations --------------------------------------------------------------------- */

INLINE __m256d low_half(__m256 x)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}

INLINE __m256d high_half(__m256 x)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}

INLINE double sum_of(__m256d x)
{
    __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

INLINE float max_of(__m256 x)
{
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* The largest of x; the first stands in for the places after the last. */
INLINE float largest(const float *x, size_t n)
{
    __m256 first = _mm256_set1_ps(x[0]), maxima = first;
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = load_first(x + i, n - i);
        if (n - i < 8) {
            v = _mm256_blendv_ps(first, v, _mm256_castsi256_ps(mask_of(n - i)));
        }
        maxima = _mm256_max_ps(maxima, v);
    }
    return max_of(maxima);
}

static void rms_norm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    __m256d a = _mm256_setzero_pd(), b = a;
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = load_first(x + i, n - i);
        __m256d v0 = low_half(v), v1 = high_half(v);
        a = _mm256_fmadd_pd(v0, v0, a);
        b = _mm256_fmadd_pd(v1, v1, b);
    }
    double sum = sum_of(_mm256_add_pd(a, b));
    __m256 factor = _mm256_set1_ps((float)(1.0 / sqrt(sum / (double)n + (double)eps)));
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(load_first(x + i, n - i), factor);
        store_first(y + i, n - i, _mm256_mul_ps(v, load_first(gain + i, n - i)));
    }
}

static void rope(float *x, const float *cosines, const float *sines, size_t head_dim)
{
    size_t half = head_dim / 2;
    for (size_t i = 0; i < half; i += 8) {
        __m256 a = load_first(x + i, half - i), b = load_first(x + half + i, half - i);
        __m256 c = load_first(cosines + i, half - i), s = load_first(sines + i, half - i);
        __m256 first = _mm256_fnmadd_ps(b, s, _mm256_mul_ps(a, c));
        __m256 second = _mm256_fmadd_ps(a, s, _mm256_mul_ps(b, c));
        store_first(x + i, half - i, first);
        store_first(x + half + i, half - i, second);
    }
}

INLINE __m256 power_of_two(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/* exp within 1e-7 relative: exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2, where the
 * Taylor polynomial of degree 7 leaves 6e-9.  2^n in two halves, as it may lie outside the normal
 * numbers.  min and max give their second operand for a NaN. */
INLINE __m256 exp8(__m256 x)
{
    x = _mm256_max_ps(_mm256_set1_ps(SC_EXP_LOW), x);
    x = _mm256_min_ps(_mm256_set1_ps(SC_EXP_HIGH), x);
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.62e430p-1f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-0x1.05c610p-29f), r);
    __m256 p = _mm256_set1_ps(1.0f / 5040);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));
    __m256i whole = _mm256_cvtps_epi32(n);
    __m256i half = _mm256_srai_epi32(whole, 1);
    p = _mm256_mul_ps(p, power_of_two(half));
    return _mm256_mul_ps(p, power_of_two(_mm256_sub_epi32(whole, half)));
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        __m256 g = load_first(gate + i, n - i);
        __m256 e = exp8(_mm256_sub_ps(_mm256_setzero_ps(), g));
        __m256 v = _mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1.0f), e));
        store_first(y + i, n - i, _mm256_mul_ps(v, load_first(up + i, n - i)));
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        __m256 sum = _mm256_add_ps(load_first(x + i, n - i), load_first(y + i, n - i));
        store_first(x + i, n - i, sum);
    }
}

static void softmax(float *x, size_t n)
{
    __m256 max = _mm256_set1_ps(largest(x, n));
    __m256d a = _mm256_setzero_pd(), b = a;
    for (size_t i = 0; i < n; i += 8) {
        __m256 e = exp8(_mm256_sub_ps(load_first(x + i, n - i), max));
        e = keep_first(e, n - i);
        store_first(x + i, n - i, e);
        a = _mm256_add_pd(a, low_half(e));
        b = _mm256_add_pd(b, high_half(e));
    }
    __m256 factor = _mm256_set1_ps((float)(1.0 / sum_of(_mm256_add_pd(a, b))));
    for (size_t i = 0; i < n; i += 8) {
        store_first(x + i, n - i, _mm256_mul_ps(load_first(x + i, n - i), factor));
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

static float logit_max(const float *z, size_t n)
{
    __m256i magnitude = _mm256_set1_epi32(0x7fffffff), limit = _mm256_set1_epi32(0x7f7fffff);
    __m256i bad = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = load_first(z + i, n - i);
        __m256i bits = _mm256_and_si256(_mm256_castps_si256(v), magnitude);
        bad = _mm256_or_si256(bad, _mm256_cmpgt_epi32(bits, limit));
    }
    return _mm256_testz_si256(bad, bad) ? largest(z, n) : NAN;
}

static void logit_sums(const float *z, size_t n, float max, double *sum_exp, double *sum_z_exp)
{
    __m256d a = _mm256_setzero_pd(), b = a, c = a, d = a;
    __m256 top = _mm256_set1_ps(max), low = _mm256_set1_ps(SC_EXP_LOW);
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_max_ps(low, _mm256_sub_ps(load_first(z + i, n - i), top));
        __m256 e = keep_first(exp8(v), n - i);
        v = keep_first(v, n - i);
        __m256d e0 = low_half(e), e1 = high_half(e);
        a = _mm256_add_pd(a, e0);
        b = _mm256_add_pd(b, e1);
        c = _mm256_fmadd_pd(low_half(v), e0, c);
        d = _mm256_fmadd_pd(high_half(v), e1, d);
    }
    *sum_exp = sum_of(_mm256_add_pd(a, b));
    *sum_z_exp = sum_of(_mm256_add_pd(c, d));
}

static size_t logit_above(const float *z, size_t n, float threshold, int32_t *places, size_t most,
                          size_t *scanned)
{
    __m256 bar = _mm256_set1_ps(threshold);
    size_t n_places = 0;
    *scanned = most > 0 ? n : 0;
    for (size_t i = 0; i < n && most > 0; i += 8) {
        __m256 is_above = _mm256_cmp_ps(load_first(z + i, n - i), bar, _CMP_GT_OQ);
        unsigned int above = (unsigned int)_mm256_movemask_ps(keep_first(is_above, n - i));
        for (; above; above &= above - 1) {
            size_t place = i + (size_t)__builtin_ctz(above);
            places[n_places++] = (int32_t)place;
            if (n_places == most) {
                *scanned = place + 1;
                return n_places;
            }
        }
    }
    return n_places;
}

/* ---- loops at full speed, for machine.c ------------------------------------------------------ */

enum { CHAINS = 10 };

static double busy_f32(size_t n_rounds, float *sink)
{
    __m256 sums[CHAINS], factor = _mm256_set1_ps(0.999f), all = _mm256_setzero_ps();
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = _mm256_set1_ps((float)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        UNROLL
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = _mm256_fmadd_ps(sums[c], factor, factor);
        }
    }
    UNROLL
    for (size_t c = 0; c < CHAINS; c++) {
        all = _mm256_add_ps(all, sums[c]);
    }
    *sink += max_of(all);
    return (double)n_rounds * CHAINS * 8 * 2;
}

/* The three instructions that a product of bytes takes without VNNI, each of six products before
 * the next: the order that kept the units busiest of those tried. */
static double busy_int8(size_t n_rounds, float *sink)
{
    enum { TOGETHER = 6 };
    __m256i sums[TOGETHER], all = _mm256_setzero_si256();
    __m256i one = _mm256_set1_epi16(1), bytes = _mm256_set1_epi8(2);
    UNROLL
    for (size_t c = 0; c < TOGETHER; c++) {
        sums[c] = _mm256_set1_epi32((int)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        __m256i pairs[TOGETHER];
        UNROLL
        for (size_t c = 0; c < TOGETHER; c++) {
            __asm__ volatile("vpmaddubsw %1, %1, %0" : "=x"(pairs[c]) : "x"(bytes));
        }
        UNROLL
        for (size_t c = 0; c < TOGETHER; c++) {
            __asm__ volatile("vpmaddwd %1, %0, %0" : "+x"(pairs[c]) : "x"(one));
        }
        UNROLL
        for (size_t c = 0; c < TOGETHER; c++) {
            __asm__ volatile("vpaddd %1, %0, %0" : "+x"(sums[c]) : "x"(pairs[c]));
        }
    }
    UNROLL
    for (size_t c = 0; c < TOGETHER; c++) {
        all = _mm256_xor_si256(all, sums[c]);
    }
    *sink += (float)_mm256_extract_epi32(all, 0);
    return (double)n_rounds * TOGETHER * 32 * 2;
}

static void read_memory(const void *from, size_t bytes, float *sink)
{
    const char *at = from;
    __m256i sums[4];
    UNROLL
    for (size_t c = 0; c < 4; c++) {
        sums[c] = _mm256_setzero_si256();
    }
    for (size_t i = 0; i + 2 * LINE <= bytes; i += 2 * LINE) {
        _mm_prefetch(at + i + AHEAD_BYTES, _MM_HINT_T0);
        _mm_prefetch(at + i + AHEAD_BYTES + LINE, _MM_HINT_T0);
        UNROLL
        for (size_t c = 0; c < 4; c++) {
            const void *place = at + i + c * 32;
            sums[c] = _mm256_xor_si256(sums[c], _mm256_loadu_si256((const __m256i *)place));
        }
    }
    __m256i all =
        _mm256_xor_si256(_mm256_xor_si256(sums[0], sums[1]), _mm256_xor_si256(sums[2], sums[3]));
    *sink += (float)_mm256_extract_epi32(all, 0);
}

void sc_level_avx2(struct sc_kernels *table)
{
    table->name = "avx2";
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
    table->attention[SC_DTYPE_BF16] = (struct sc_attention){2, store_bf16, scores_bf16, mix_bf16};
    table->rms_norm = rms_norm;
    table->rope = rope;
    table->silu_mul = silu_mul;
    table->add = add;
    table->softmax = softmax;
    table->logit_max = logit_max;
    table->logit_sums = logit_sums;
    table->logit_above = logit_above;
    table->busy_f32 = busy_f32;
    table->busy_int8 = busy_int8;
    sc_int8_avx2(&table->matmul[SC_DTYPE_INT8]);
    table->read_memory = read_memory;
}
#else
typedef int sc_no_avx2; /* a translation unit must not be empty */
#endif
