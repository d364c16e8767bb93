/*
 * int8 products with AVX2.  Its product of bytes saturates, so bytes are widened to 16 bits, whose
 * products in pairs (vpmaddwd) are exact; activations are stored that wide.
 * Compiled for these instructions like avx2.c.  Where to read next: int8.c, the definition.
 */
#if defined(__x86_64__)
#include "kernels/levels.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_SOME _Pragma("clang loop unroll_count(8)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_SOME _Pragma("GCC unroll 8")
#endif

/* The sums of six rows fill the registers; their f32 sums wait in memory while a group is done. */
enum { PANEL = 16, GROUP = SC_INT8_GROUP, MAX_ROWS = 6, LINE = 64, AHEAD_BYTES = 2048 };
enum { GROUP_BYTES = PANEL * (GROUP + 4), PAIR_BYTES = PANEL * 2 };
/* A prepared row: [group]{scale in f32, int16s}. */
enum { ROW_GROUP_BYTES = 4 + GROUP * 2 };

static __m256i mask_of(size_t n)
{
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n < 8 ? n : 8)), places);
}

/* The first n lanes; only a remainder takes a masked store, which is slow on some processors. */
INLINE void store_first(float *to, size_t n, __m256 x)
{
    if (n >= 8) {
        _mm256_storeu_ps(to, x);
    } else {
        _mm256_maskstore_ps(to, mask_of(n), x);
    }
}

struct ahead {
    const char *at;
    size_t n_lines; /* per group */
};

INLINE __m256i words_at(const char *bytes)
{
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(const void *)bytes));
}

/* a += x, b += y, here and now: left alone, gcc gathers the products of several rows, which do not
 * fit the registers, or copies sums about.  Two products, then their two sums, is also the order
 * that ran fastest wherever the loop came to lie (docs/SPEED.md). */
INLINE void add_both(__m256i *a, __m256i *b, __m256i x, __m256i y)
{
    __asm__ volatile("vpaddd %2, %0, %0\n\tvpaddd %3, %1, %1"
                     : "+&x"(*a), "+x"(*b)
                     : "x"(x), "x"(y));
}

/* Each output has one exact sum per group and one f32 sum, to which groups add in order.  n_rows
 * is a constant. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_groups, struct ahead ahead,
                          size_t n_valid)
{
    __m256 sums_a[MAX_ROWS], sums_b[MAX_ROWS];
    UNROLL for (size_t r = 0; r < n_rows; r++) {
        sums_a[r] = sums_b[r] = _mm256_setzero_ps();
    }
    for (size_t g = 0; g < n_groups; g++) {
        __m256i a[MAX_ROWS], b[MAX_ROWS];
        UNROLL for (size_t r = 0; r < n_rows; r++) {
            a[r] = b[r] = _mm256_setzero_si256();
        }
        for (size_t j = 0; j < ahead.n_lines; j++) {
            _mm_prefetch(ahead.at + j * LINE, _MM_HINT_T0);
        }
        ahead.at += ahead.n_lines * LINE;
        UNROLL_SOME for (size_t k = 0; k < GROUP / 2; k++) {
            __m256i wa = words_at(w + k * PAIR_BYTES), wb = words_at(w + k * PAIR_BYTES + 16);
            UNROLL for (size_t r = 0; r < n_rows; r++) {
                int32_t pair;
                memcpy(&pair, rows + r * row_bytes + 4 + k * 4, sizeof pair);
                __m256i x = _mm256_set1_epi32(pair);
                add_both(&a[r], &b[r], _mm256_madd_epi16(wa, x), _mm256_madd_epi16(wb, x));
            }
        }
        __m256 scale_a = _mm256_load_ps((const float *)(const void *)(w + GROUP * PANEL));
        __m256 scale_b = _mm256_load_ps((const float *)(const void *)(w + GROUP * PANEL + 32));
        UNROLL for (size_t r = 0; r < n_rows; r++) {
            float value;
            memcpy(&value, rows + r * row_bytes, sizeof value);
            __m256 scale = _mm256_set1_ps(value);
            sums_a[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(a[r]), _mm256_mul_ps(scale_a, scale),
                                        sums_a[r]);
            sums_b[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(b[r]), _mm256_mul_ps(scale_b, scale),
                                        sums_b[r]);
        }
        w += GROUP_BYTES;
        rows += ROW_GROUP_BYTES;
    }
    UNROLL for (size_t r = 0; r < n_rows; r++) {
        store_first(y + r * y_stride, n_valid, sums_a[r]);
        store_first(y + r * y_stride + 8, n_valid > 8 ? n_valid - 8 : 0, sums_b[r]);
    }
}

#define TILE(name, n_rows)                                                                         \
    static void name(float *y, size_t y_stride, const char *rows, size_t row_bytes, const char *w, \
                     size_t n_groups, struct ahead ahead, size_t n_valid)                          \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n_rows, w, n_groups, ahead, n_valid);          \
    }
TILE(tile_1, 1) TILE(tile_2, 2) TILE(tile_3, 3) TILE(tile_4, 4) TILE(tile_5, 5) TILE(tile_6, 6)

typedef void tile_function(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                           const char *w, size_t n_groups, struct ahead ahead, size_t n_valid);

static tile_function *const tiles[MAX_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6};

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
            struct ahead ahead = {panel + AHEAD_BYTES, n_lines};
            if (n_tiles > 1) {
                bool some = after && t * share_bytes < panel_bytes;
                ahead.at = some ? after + t * share_bytes : panel;
                ahead.n_lines = some ? n_lines : 0;
            }
            tiles[n - 1](to, y_stride, from, bytes, panel, n_groups, ahead,
                         w->n_out - p * PANEL);
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
    sc_int8_panels_pack(w, source, source_dtype, PANEL, 2, 0, begin, end);
}

/* sc_int8_round of eight registers of numbers. */
INLINE void prepare_group(char *to, const float *x, size_t n)
{
    const __m256i no_sign = _mm256_set1_epi32(0x7fffffff);
    __m256 part[GROUP / 8];
    __m256i most = _mm256_setzero_si256();
    UNROLL for (size_t j = 0; j < GROUP / 8; j++) {
        size_t left = n > j * 8 ? n - j * 8 : 0;
        part[j] = _mm256_maskload_ps(x + (left ? j * 8 : 0), mask_of(left));
        most = _mm256_max_epu32(most, _mm256_and_si256(_mm256_castps_si256(part[j]), no_sign));
    }
    uint32_t lanes[8], bits = 0;
    _mm256_storeu_si256((__m256i *)(void *)lanes, most);
    UNROLL for (size_t i = 0; i < 8; i++) {
        bits = lanes[i] > bits ? lanes[i] : bits;
    }
    float max, scale = 0, factor = 0;
    memcpy(&max, &bits, sizeof max);
    if (bits >= 0x7f800000u) {
        scale = __builtin_nanf("");
        memset(to + sizeof scale, 0, GROUP * 2);
    } else {
        if (max >= SC_INT8_LEAST) {
            scale = max / 127.0f;
            factor = 127.0f / max;
        }
        UNROLL for (size_t j = 0; j < GROUP / 8; j++) {
            __m256 scaled = _mm256_mul_ps(part[j], _mm256_set1_ps(factor));
            __m256 whole =
                _mm256_round_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
            __m256i q = _mm256_cvtps_epi32(whole);
            __m128i narrow = _mm_packs_epi32(_mm256_castsi256_si128(q),
                                             _mm256_extracti128_si256(q, 1));
            _mm_storeu_si128((__m128i *)(void *)(to + sizeof scale + j * 16), narrow);
        }
    }
    memcpy(to, &scale, sizeof scale);
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
