/*
 * int8 products with AVX2.  vpmaddubsw multiplies unsigned with signed bytes and adds two products
 * in 16 bits, where the sum of two may not fit; so a group of activations takes a scale that keeps
 * the absolute values of each pair of neighbours at 128 together, and weights, stored as q + 128,
 * are at most 255: 255 * 128 fits, every sum is exact.  What the 128 adds to a sum, 128 times the
 * sum of the group's activations, is taken off where the sum begins.
 * Where to read next: int8.c, the definition.
 */
#if defined(__x86_64__)
#include <string.h>

#include "kernels/x86/avx2.h"

/* Four rows leave registers for what is being multiplied, and keep the units busy. */
enum { PANEL = 16, GROUP = SC_INT8_GROUP, MAX_ROWS = 4, LINE = 64, OFFSET = 128 };
/* Four inputs of a panel; all of a group. */
enum { STEP_BYTES = PANEL * 4, GROUP_BYTES = PANEL * (GROUP + 4) };
/* A prepared row: [group]{scale in f32, -128 times the sum of the group in int32, int8s}. */
enum { ROW_GROUP_BYTES = 8 + GROUP };

/* What one tile of rows asks for while it multiplies: so many lines per group, all at once when
 * there are few.  Few tiles ask for many, which would fill the processor's places for reads that
 * are under way and so hold up the weights in use: those ask at every step, and twice for some
 * lines.  One row waits for memory and needs its weights at once, so it asks for them closely; with
 * more, they come to the second cache, since in the first they would push out this panel's. */
struct ahead {
    const char *at;
    size_t n_lines;
};
enum { N_STEPS = GROUP / 4, STEADY_TILES = 2, AHEAD_BYTES = 2048, AHEAD_BYTES_OF_ONE = 512 };

INLINE void ask(const char *at, size_t n_rows)
{
    if (n_rows == 1) {
        _mm_prefetch(at, _MM_HINT_T0);
    } else {
        _mm_prefetch(at, _MM_HINT_T1);
    }
}

INLINE __m256i word_at(const char *from)
{
    int32_t word;
    memcpy(&word, from, sizeof word);
    return _mm256_set1_epi32(word);
}

/* a += x, b += y, here and now: left alone, gcc gathers the products of several rows, which do not
 * fit the registers, or copies sums about. */
INLINE void add_both(__m256i *a, __m256i *b, __m256i x, __m256i y)
{
    __asm__ volatile("vpaddd %2, %0, %0\n\tvpaddd %3, %1, %1"
                     : "+&x"(*a), "+x"(*b)
                     : "x"(x), "x"(y));
}

/* Each output has one exact sum per group and one f32 sum, to which groups add in order.  n_rows
 * and steady are constants. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_groups, struct ahead ahead,
                          size_t n_valid, bool steady)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sums_a[MAX_ROWS], sums_b[MAX_ROWS];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        sums_a[r] = sums_b[r] = _mm256_setzero_ps();
    }
    for (size_t g = 0; g < n_groups; g++) {
        __m256i a[MAX_ROWS], b[MAX_ROWS];
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            a[r] = b[r] = word_at(rows + r * row_bytes + 4);
        }
        size_t ahead_bytes = ahead.n_lines * LINE;
        for (size_t j = 0; !steady && j < ahead_bytes; j += LINE) {
            ask(ahead.at + j, n_rows);
        }
        UNROLL
        for (size_t s = 0; s < N_STEPS; s++) {
            if (steady) {
                ask(ahead.at + s * (ahead_bytes / N_STEPS), n_rows);
            }
            __m256i wa = _mm256_load_si256((const __m256i *)(const void *)(w + s * STEP_BYTES));
            __m256i wb =
                _mm256_load_si256((const __m256i *)(const void *)(w + s * STEP_BYTES + 32));
            UNROLL
            for (size_t r = 0; r < n_rows; r++) {
                __m256i x = word_at(rows + r * row_bytes + 8 + s * 4);
                add_both(&a[r], &b[r], _mm256_madd_epi16(_mm256_maddubs_epi16(wa, x), ones),
                         _mm256_madd_epi16(_mm256_maddubs_epi16(wb, x), ones));
            }
        }
        __m256 scale_a = _mm256_load_ps((const float *)(const void *)(w + GROUP * PANEL));
        __m256 scale_b = _mm256_load_ps((const float *)(const void *)(w + GROUP * PANEL + 32));
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            __m256 scale = _mm256_castsi256_ps(word_at(rows + r * row_bytes));
            sums_a[r] =
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(a[r]), _mm256_mul_ps(scale_a, scale), sums_a[r]);
            sums_b[r] =
                _mm256_fmadd_ps(_mm256_cvtepi32_ps(b[r]), _mm256_mul_ps(scale_b, scale), sums_b[r]);
        }
        ahead.at += ahead_bytes;
        w += GROUP_BYTES;
        rows += ROW_GROUP_BYTES;
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        store_first(y + r * y_stride, n_valid, sums_a[r]);
        store_first(y + r * y_stride + 8, n_valid > 8 ? n_valid - 8 : 0, sums_b[r]);
    }
}

#define TILE(name, n_rows, steady)                                                                 \
    static void name(float *y, size_t y_stride, const char *rows, size_t row_bytes, const char *w, \
                     size_t n_groups, struct ahead ahead, size_t n_valid)                          \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n_rows, w, n_groups, ahead, n_valid, steady);  \
    }
TILE(tile_1, 1, true)
TILE(tile_2, 2, true)
TILE(tile_3, 3, true)
TILE(tile_4, 4, true)
TILE(one_of_many_3, 3, false)
TILE(one_of_many_4, 4, false)

typedef void tile_function(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                           const char *w, size_t n_groups, struct ahead ahead, size_t n_valid);

/* By rows - 1; one of many tiles has never fewer than three rows. */
static tile_function *const tiles[MAX_ROWS] = {tile_1, tile_2, tile_3, tile_4};
static tile_function *const tiles_of_many[MAX_ROWS] = {NULL, NULL, one_of_many_3, one_of_many_4};

static size_t row_bytes(size_t n_in)
{
    return sc_row_bytes(sc_int8_groups(n_in) * ROW_GROUP_BYTES);
}

/* As in avx2.c: a panel comes from memory once for all tiles of rows. */
static void multiply(float *y, size_t y_stride, const void *rows, size_t n_rows,
                     const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    size_t n_groups = sc_int8_groups(w->n_in), panel_bytes = n_groups * GROUP_BYTES;
    size_t n_tiles = (n_rows + MAX_ROWS - 1) / MAX_ROWS, bytes = row_bytes(w->n_in);
    size_t n_lines = n_tiles ? (GROUP_BYTES / LINE + n_tiles - 1) / n_tiles : 0;
    size_t share_bytes = n_groups * n_lines * LINE;
    for (size_t p = begin; p < end; p++) {
        const char *panel = (const char *)w->data + p * panel_bytes, *from = rows;
        const char *after = p + 1 < end ? panel + panel_bytes : next;
        float *to = y + p * PANEL;
        for (size_t t = 0; t < n_tiles; t++) {
            size_t n = n_rows / n_tiles + (t < n_rows % n_tiles);
            struct ahead ahead = {panel + (n_rows == 1 ? AHEAD_BYTES_OF_ONE : AHEAD_BYTES),
                                  n_lines};
            if (n_tiles > 1) {
                bool some = after != NULL && t * share_bytes < panel_bytes;
                ahead.at = some ? after + t * share_bytes : panel;
                ahead.n_lines = some ? n_lines : 0;
            }
            tile_function *tile = n_tiles > STEADY_TILES ? tiles_of_many[n - 1] : tiles[n - 1];
            tile(to, y_stride, from, bytes, panel, n_groups, ahead, w->n_out - p * PANEL);
            from += n * bytes;
            to += n * y_stride;
        }
    }
}

static size_t packed_bytes(size_t n_out, size_t n_in)
{
    return sc_int8_panels_bytes(n_out, n_in, PANEL);
}

static void pack(struct sc_packed *w, const void *source, enum sc_dtype source_dtype, size_t begin,
                 size_t end)
{
    sc_int8_panels_pack(w, source, source_dtype, PANEL, 4, OFFSET, begin, end);
}

/* The bits of the largest of the eight, which are not negative. */
INLINE uint32_t largest(__m256i x)
{
    uint32_t lanes[8], bits = 0;
    _mm256_storeu_si256((__m256i *)(void *)lanes, x);
    UNROLL
    for (size_t i = 0; i < 8; i++) {
        bits = lanes[i] > bits ? lanes[i] : bits;
    }
    return bits;
}

/* n <= GROUP numbers and their sum.  Like int8_round, but for the scale: with m the largest mean
 * of the absolute values of two neighbours (2i, 2i + 1) it is m / 63.5, integers are nearest to
 * x * (63.5 / m).  Two neighbours are at most 127 together before rounding and 128 after it. */
INLINE void prepare_group(char *to, const float *x, size_t n)
{
    const __m256i no_sign = _mm256_set1_epi32(0x7fffffff);
    __m256 part[GROUP / 8];
    __m256i most = _mm256_setzero_si256(), most_of_two = most, sum = most;
    UNROLL
    for (size_t j = 0; j < GROUP / 8; j++) {
        size_t left = n > j * 8 ? n - j * 8 : 0;
        part[j] = _mm256_maskload_ps(x + (left ? j * 8 : 0), mask_of(left));
        __m256i size = _mm256_and_si256(_mm256_castps_si256(part[j]), no_sign);
        __m256 half = _mm256_mul_ps(_mm256_castsi256_ps(size), _mm256_set1_ps(0.5f));
        __m256 two = _mm256_add_ps(half, _mm256_permute_ps(half, 0xb1));
        most = _mm256_max_epu32(most, size);
        most_of_two = _mm256_max_epu32(most_of_two, _mm256_castps_si256(two));
    }
    uint32_t bits = largest(most), bits_of_two = largest(most_of_two);
    float max, mean, scale, factor;
    memcpy(&max, &bits, sizeof max);
    memcpy(&mean, &bits_of_two, sizeof mean);
    bool finite = bits < 0x7f800000u;
    scale = mean / 63.5f;
    factor = 63.5f / mean;
    if (!finite) {
        scale = __builtin_nanf("");
    } else if (max < SC_INT8_LEAST) {
        scale = factor = 0;
    }
    UNROLL
    for (size_t j = 0; j < GROUP / 8; j += 2) {
        __m256i q[2];
        UNROLL
        for (size_t i = 0; i < 2; i++) {
            __m256 scaled = _mm256_mul_ps(part[j + i], _mm256_set1_ps(factor));
            q[i] = _mm256_cvtps_epi32(
                _mm256_round_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
            q[i] = finite ? q[i] : _mm256_setzero_si256();
            sum = _mm256_add_epi32(sum, q[i]);
        }
        __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[0], q[1]), 0xd8);
        __m128i bytes =
            _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        _mm_storeu_si128((__m128i *)(void *)(to + 8 + j * 8), bytes);
    }
    int32_t sums[8], start = 0;
    _mm256_storeu_si256((__m256i *)(void *)sums, sum);
    UNROLL
    for (size_t i = 0; i < 8; i++) {
        start -= OFFSET * sums[i];
    }
    memcpy(to, &scale, sizeof scale);
    memcpy(to + 4, &start, sizeof start);
}

static void prepare(void *row, const float *x, size_t n_in)
{
    char *to = row;
    for (size_t i = 0; i < n_in; i += GROUP, to += ROW_GROUP_BYTES) {
        prepare_group(to, x + i, n_in - i < GROUP ? n_in - i : GROUP);
    }
}

void sc_int8_avx2(struct sc_matmul *matmul)
{
    *matmul = (struct sc_matmul){PANEL, packed_bytes, pack, row_bytes, prepare, multiply};
}
#else
typedef int sc_no_avx2_int8; /* a translation unit must not be empty */
#endif
