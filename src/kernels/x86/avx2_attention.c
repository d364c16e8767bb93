/*
 * Attention with AVX2: queries with keys, and sums of values by weight.  Stored bf16 are widened,
 * which is exact, and multiplied in f32.
 */
#if defined(__x86_64__)
#include "kernels/x86/avx2.h"

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

/* Neighbours added, as vhaddps does, which takes longer. */
INLINE __m256 add_neighbours(__m256 a, __m256 b)
{
    return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd));
}

/* The sums of four registers in one: each by the same tree of additions. */
INLINE __m128 sum_each(__m256 a, __m256 b, __m256 c, __m256 d)
{
    __m256 halves = add_neighbours(add_neighbours(a, b), add_neighbours(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

INLINE __m256 half_of(struct pair x, bool high)
{
    return high ? x.high : x.low;
}

/* Adds the products of a pair's low elements to all sums and then those of its high ones: so few
 * numbers are at hand at a time that ten or twelve sums keep their registers. */
INLINE void scores_add(__m256 *sums, const float *queries, size_t n_q, const char *const *key,
                       size_t n_k, size_t head_dim, struct place at, bool whole, bool bf16)
{
    UNROLL
    for (size_t high = 0; high < 2; high++) {
        if (n_q == 2) {
            __m256 q[2];
            UNROLL
            for (size_t j = 0; j < 2; j++) {
                q[j] = half_of(load_floats(queries + j * head_dim, at, whole), high);
            }
            UNROLL
            for (size_t k = 0; k < n_k; k++) {
                add_products(&sums[k], &sums[n_k + k], q[0], q[1],
                             half_of(load_stored(key[k], at, whole, bf16), high));
            }
            continue;
        }
        UNROLL
        for (size_t k = 0; k < n_k; k += 2) {
            __m256 first = half_of(load_stored(key[k], at, whole, bf16), high);
            __m256 second = half_of(load_stored(key[k + 1], at, whole, bf16), high);
            UNROLL
            for (size_t j = 0; j < n_q; j++) {
                add_products(&sums[j * n_k + k], &sums[j * n_k + k + 1], first, second,
                             half_of(load_floats(queries + j * head_dim, at, whole), high));
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

/* Six queries with two keys: a key is widened once for six.  alone: the first key is the last. */
enum { MANY = 6, KEYS_OF_MANY = 2 };
INLINE void scores_many(float *scores, size_t score_stride, const float *queries, const char *keys,
                        bool alone, size_t head_dim, float scale, bool bf16)
{
    const char *key[KEYS_OF_MANY] = {keys, keys + (alone ? 0 : head_dim * (bf16 ? 2 : 4))};
    __m256 s[MANY * KEYS_OF_MANY];
    scores_block(s, queries, MANY, key, KEYS_OF_MANY, head_dim, bf16);
    UNROLL
    for (size_t j = 0; j < MANY; j += 2) {
        __m256 *of_two = s + j * KEYS_OF_MANY;
        __m128 sums =
            _mm_mul_ps(sum_each(of_two[0], of_two[1], of_two[2], of_two[3]), _mm_set1_ps(scale));
        float *to = scores + j * score_stride;
        if (alone) {
            _mm_store_ss(to, sums);
            _mm_store_ss(to + score_stride, _mm_movehl_ps(sums, sums));
        } else {
            _mm_storel_pi((__m64 *)(void *)to, sums);
            _mm_storeh_pi((__m64 *)(void *)(to + score_stride), sums);
        }
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
    for (; q + MANY <= n_queries; q += MANY) {
        for (size_t p = 0; p < n_pos; p += KEYS_OF_MANY) {
            sc_ask(ahead, KEYS_OF_MANY * row_bytes);
            scores_many(scores + q * score_stride + p, score_stride, queries + q * head_dim,
                        keys + p * row_bytes, p + 1 == n_pos, head_dim, scale, bf16);
        }
    }
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

/* Of six queries gcc keeps one of twelve sums in memory, which halves the speed. */
enum { MIX_MANY = 4 };

/* n_q queries, n_c pairs of registers of the values' columns from `at` on: at most MIX_MANY pairs
 * of sums. */
INLINE void mix_block(float *out, const float *weights, size_t weight_stride, size_t n_q,
                      const char *values, size_t n_pos, size_t head_dim, struct place at,
                      size_t n_c, struct sc_ahead *ahead, bool whole, bool bf16)
{
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    struct pair sums[MIX_MANY];
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
        UNROLL
        for (size_t c = 0; c < n_c; c++) {
            struct place p = {at.at + c * 2 * LANES, at.half};
            struct pair x = load_stored(values, p, whole, bf16);
            UNROLL
            for (size_t j = 0; j < n_q; j++) {
                struct pair *sum = &sums[j * n_c + c];
                add_products(&sum->low, &sum->high, x.low, x.high,
                             _mm256_set1_ps(weights[j * weight_stride + i]));
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

/* n_q is a constant; two pairs at a time, when there are sums enough for them, then one. */
INLINE void mix_queries(float *out, const float *weights, size_t weight_stride, size_t n_q,
                        const char *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead,
                        bool bf16)
{
    struct place at = {0};
    for (; n_q <= 2 && at.at + 4 * LANES <= head_dim; at.at += 4 * LANES) {
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
    for (; q + MIX_MANY <= n_queries; q += MIX_MANY) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, MIX_MANY,
                    values, n_pos, head_dim, ahead, bf16);
    }
    for (; q + 2 <= n_queries; q += 2) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 2, values,
                    n_pos, head_dim, ahead, bf16);
    }
    for (; q < n_queries; q++) {
        mix_queries(out + q * head_dim, weights + q * weight_stride, weight_stride, 1, values,
                    n_pos, head_dim, ahead, bf16);
    }
}

#include "kernels/attention_entries.h"

void sc_attention_avx2(struct sc_attention *f32, struct sc_attention *bf16)
{
    f32->scores = scores_f32;
    f32->mix = mix_f32;
    *bf16 = (struct sc_attention){2, store_bf16, scores_bf16, mix_bf16};
}
#else
typedef int sc_no_avx2_attention; /* a translation unit must not be empty */
#endif
