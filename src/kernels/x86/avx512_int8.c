/*
 * int8 products with AVX-512 VNNI.  vpdpbusd multiplies unsigned with signed bytes and adds four
 * products exactly; weights are the unsigned side, stored as q + 128, and what that adds to a sum,
 * 128 times the sum of the group's activations, is taken off where the sum begins.
 * Compiled for these instructions like avx512.c.  Where to read next: int8.c, the definition.
 */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "kernels/levels.h"

enum { PANEL = 32, GROUP = SC_INT8_GROUP, MAX_ROWS = 7, LINE = 64, OFFSET = 128 };
/* Four inputs of a panel; all of a group; ahead of use where weights are used once. */
enum { STEP_BYTES = PANEL * 4, GROUP_BYTES = PANEL * (GROUP + 4), AHEAD_BYTES = 4096 };
/* A prepared row: [group]{scale in f32, -128 times the sum of the group in int32, int8s}. */
enum { ROW_GROUP_BYTES = 8 + GROUP };

static __mmask16 mask_of(size_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

/* What one tile of rows does while it multiplies: asks for its share of the next panel.  Many tiles
 * have little to ask for and do it at once; one or two would fill the processor's places for reads
 * that are under way, and so hold up the weights in use, and ask at every step. */
struct ahead {
    const char *at;
    size_t n_lines; /* per group */
};
enum { N_STEPS = GROUP / 4, STEADY_TILES = 2 };

INLINE __m512i word_at(const char *from)
{
    int32_t word;
    memcpy(&word, from, sizeof word);
    return _mm512_set1_epi32(word);
}

/* Each output has one exact sum per group and one f32 sum, to which groups add in order.  n_rows,
 * once and n_asks (per step; 0: all lines at once) are constants. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const char *w, size_t n_groups, struct ahead ahead,
                          __mmask16 low, __mmask16 high, bool once, size_t n_asks)
{
    size_t ahead_bytes = ahead.n_lines * LINE;
    __m512 sums_a[MAX_ROWS], sums_b[MAX_ROWS];
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        sums_a[r] = sums_b[r] = _mm512_setzero_ps();
    }
    for (size_t g = 0; g < n_groups; g++) {
        __m512i a[MAX_ROWS], b[MAX_ROWS];
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            a[r] = b[r] = word_at(rows + r * row_bytes + 4);
        }
        for (size_t j = 0; !once && n_asks == 0 && j < ahead_bytes; j += LINE) {
            _mm_prefetch(ahead.at + j, _MM_HINT_T1);
        }
        UNROLL
        for (size_t s = 0; s < N_STEPS; s++) {
            UNROLL
            for (size_t j = 0; j < n_asks; j++) {
                _mm_prefetch(ahead.at + (s * n_asks + j) * (ahead_bytes / (N_STEPS * n_asks)),
                             _MM_HINT_T1);
            }
            __m512i wa = _mm512_load_si512(w + s * STEP_BYTES);
            __m512i wb = _mm512_load_si512(w + s * STEP_BYTES + LINE);
            if (once) {
                _mm_prefetch(w + AHEAD_BYTES + s * STEP_BYTES, _MM_HINT_T0);
                _mm_prefetch(w + AHEAD_BYTES + s * STEP_BYTES + LINE, _MM_HINT_T0);
            }
            UNROLL
            for (size_t r = 0; r < n_rows; r++) {
                __m512i x = word_at(rows + r * row_bytes + 8 + s * 4);
                a[r] = _mm512_dpbusd_epi32(a[r], wa, x);
                b[r] = _mm512_dpbusd_epi32(b[r], wb, x);
            }
        }
        if (once) {
            _mm_prefetch(w + AHEAD_BYTES + GROUP * PANEL, _MM_HINT_T0);
            _mm_prefetch(w + AHEAD_BYTES + GROUP * PANEL + LINE, _MM_HINT_T0);
        }
        __m512 scale_a = _mm512_load_ps(w + GROUP * PANEL);
        __m512 scale_b = _mm512_load_ps(w + GROUP * PANEL + LINE);
        UNROLL
        for (size_t r = 0; r < n_rows; r++) {
            __m512 scale = (__m512)word_at(rows + r * row_bytes);
            sums_a[r] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps(a[r]), _mm512_mul_ps(scale_a, scale), sums_a[r]);
            sums_b[r] =
                _mm512_fmadd_ps(_mm512_cvtepi32_ps(b[r]), _mm512_mul_ps(scale_b, scale), sums_b[r]);
        }
        ahead.at += ahead_bytes;
        w += GROUP_BYTES;
        rows += ROW_GROUP_BYTES;
    }
    UNROLL
    for (size_t r = 0; r < n_rows; r++) {
        _mm512_mask_storeu_ps(y + r * y_stride, low, sums_a[r]);
        _mm512_mask_storeu_ps(y + r * y_stride + 16, high, sums_b[r]);
    }
}

#define TILE(name, n_rows, once, n_asks)                                                           \
    static void name(float *y, size_t y_stride, const char *rows, size_t row_bytes, const char *w, \
                     size_t n_groups, struct ahead ahead, __mmask16 low, __mmask16 high)           \
    {                                                                                              \
        multiply_tile(y, y_stride, rows, row_bytes, n_rows, w, n_groups, ahead, low, high, once,   \
                      n_asks);                                                                     \
    }
TILE(once_1, 1, true, 0)
TILE(once_2, 2, true, 0)
TILE(only_3, 3, false, 2)
TILE(only_4, 4, false, 2)
TILE(only_5, 5, false, 2)
TILE(only_6, 6, false, 2)
TILE(only_7, 7, false, 2)
TILE(of_two_4, 4, false, 1)
TILE(of_two_5, 5, false, 1)
TILE(of_two_6, 6, false, 1)
TILE(of_two_7, 7, false, 1)
TILE(of_many_5, 5, false, 0)
TILE(of_many_6, 6, false, 0)
TILE(of_many_7, 7, false, 0)

typedef void tile_function(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                           const char *w, size_t n_groups, struct ahead ahead, __mmask16 low,
                           __mmask16 high);

/* By the number of tiles (as far as it matters) and rows - 1.  One or two rows alone are waiting
 * for memory and ask for weights a fixed distance ahead; more leave time to bring the whole next
 * panel nearer.  Of two tiles none has fewer than four rows, of more none fewer than five. */
static tile_function *const tiles[STEADY_TILES + 1][MAX_ROWS] = {
    {once_1, once_2, only_3, only_4, only_5, only_6, only_7},
    {NULL, NULL, NULL, of_two_4, of_two_5, of_two_6, of_two_7},
    {NULL, NULL, NULL, NULL, of_many_5, of_many_6, of_many_7},
};

static size_t row_bytes(size_t n_in)
{
    return sc_row_bytes(sc_int8_groups(n_in) * ROW_GROUP_BYTES);
}

/* A panel comes from memory once: all tiles of rows pass over it while it is in the second cache,
 * and each asks for its share of the next panel. */
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
        size_t valid = w->n_out - p * PANEL;
        __mmask16 low = mask_of(valid), high = mask_of(valid > 16 ? valid - 16 : 0);
        float *to = y + p * PANEL;
        for (size_t t = 0; t < n_tiles; t++) {
            size_t n = n_rows / n_tiles + (t < n_rows % n_tiles);
            bool some = after != NULL && t * share_bytes < panel_bytes;
            struct ahead ahead = {some ? after + t * share_bytes : panel, some ? n_lines : 0};
            size_t kind = n_tiles <= STEADY_TILES ? n_tiles - 1 : STEADY_TILES;
            tiles[kind][n - 1](to, y_stride, from, bytes, panel, n_groups, ahead, low, high);
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

/* int8_round of n <= GROUP numbers, and the sum. */
INLINE void prepare_group(char *to, const float *x, size_t n)
{
    __m512 part[GROUP / 16];
    __m512i most = _mm512_setzero_si512(), sum = _mm512_setzero_si512();
    UNROLL
    for (size_t j = 0; j < GROUP / 16; j++) {
        part[j] = _mm512_maskz_loadu_ps(mask_of(n > j * 16 ? n - j * 16 : 0), x + j * 16);
        most = _mm512_max_epu32(most,
                                _mm512_and_si512((__m512i)part[j], _mm512_set1_epi32(0x7fffffff)));
    }
    uint32_t bits = _mm512_reduce_max_epu32(most);
    float max, scale, factor;
    memcpy(&max, &bits, sizeof max);
    scale = max / 127.0f;
    factor = 127.0f / max;
    if (bits >= 0x7f800000u) {
        scale = __builtin_nanf("");
        factor = 0;
    } else if (max < SC_INT8_LEAST) {
        scale = factor = 0;
    }
    UNROLL
    for (size_t j = 0; j < GROUP / 16; j++) {
        __m512 scaled = _mm512_mul_ps(part[j], _mm512_set1_ps(factor));
        __m512i q = _mm512_maskz_cvt_roundps_epi32(bits >= 0x7f800000u ? 0 : 0xffff, scaled,
                                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        sum = _mm512_add_epi32(sum, q);
        _mm_storeu_si128((__m128i *)(void *)(to + 8 + j * 16), _mm512_cvtepi32_epi8(q));
    }
    int32_t start = -OFFSET * _mm512_reduce_add_epi32(sum);
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

void sc_int8_avx512(struct sc_matmul *matmul)
{
    *matmul = (struct sc_matmul){PANEL, packed_bytes, pack, row_bytes, prepare, multiply};
}
#else
typedef int sc_no_avx512_int8; /* a translation unit must not be empty */
#endif
