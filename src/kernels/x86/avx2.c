/*
 * The AVX2 level: products in f32 and bf16, rows of activations, logits.  There is no bf16
 * multiplication here: bf16 is widened, which is exact, and multiplied in f32.
 * Where to read next: avx2_attention.c, avx2_int8.c; avx512.c, the same with wider registers.
 */
#if defined(__x86_64__)
#include "kernels/x86/avx2.h"

#include <math.h>
#include <string.h>

/* Two registers wide; a tile of rows keeps 2 x MAX_ROWS sums, a pair of weights, one activation. */
enum { PANEL = 16, MAX_ROWS = 6, PAIRS = 4, LINE = 64, AHEAD_BYTES = 2048 };

INLINE __m256 keep_first(__m256 x, size_t n)
{
    return n >= 8 ? x : _mm256_and_ps(x, _mm256_castsi256_ps(mask_of(n)));
}

/* ---- products -------------------------------------------------------------------------------- */

struct ahead {
    const char *at;
    size_t n_lines; /* per PAIRS pairs of inputs */
};

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
                bool some = after != NULL && t * share_bytes < panel_bytes;
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

#define SC_ENTRIES_PANEL PANEL
#include "kernels/panel_entries.h"

static void prepare_bf16(void *row, const float *x, size_t n_in)
{
    float *to = row;
    for (size_t i = 0; i < n_in; i += 8) {
        __m256i rounded = round_bf16(load_first(x + i, n_in - i));
        store_first(to + i, n_in - i, _mm256_castsi256_ps(rounded));
    }
    memset(to + n_in, 0, sc_row_bytes(n_in * 4) - n_in * 4);
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

/* The next 8 of n numbers; `other` in the places after the last. */
INLINE __m256 load_or(const float *x, size_t n, __m256 other)
{
    __m256 v = load_first(x, n);
    return n >= 8 ? v : _mm256_blendv_ps(other, v, _mm256_castsi256_ps(mask_of(n)));
}

INLINE float largest(const float *x, size_t n)
{
    __m256 first = _mm256_set1_ps(x[0]), maxima = first;
    for (size_t i = 0; i < n; i += 8) {
        maxima = _mm256_max_ps(maxima, load_or(x + i, n - i, first));
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

static void rope(float *x, const float *cosines, const float *sines, size_t n)
{
    size_t half = n / 2;
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

/* One exp is a chain of some twenty instructions that wait for each other; of a few side by side,
 * one works while the others wait. */
enum { TOGETHER = 4 };

/* Of n_v registers, n = round(x / ln 2) and exp(r) - 1 of what is left, |r| <= ln(2) / 2, where the
 * Taylor polynomial of degree 7 leaves 6e-9.  n_v is a constant. */
INLINE void reduce_each(const __m256 *x, size_t n_v, __m256 *n, __m256 *p)
{
    static const float terms[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f};
    __m256 r[TOGETHER];
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        n[v] = _mm256_round_ps(_mm256_mul_ps(x[v], _mm256_set1_ps(0x1.715476p+0f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        r[v] = _mm256_fnmadd_ps(n[v], _mm256_set1_ps(0x1.62e430p-1f), x[v]);
        r[v] = _mm256_fnmadd_ps(n[v], _mm256_set1_ps(-0x1.05c610p-29f), r[v]);
        p[v] = _mm256_set1_ps(1.0f / 5040);
    }
    UNROLL
    for (size_t t = 0; t < sizeof terms / sizeof *terms; t++) {
        UNROLL
        for (size_t v = 0; v < n_v; v++) {
            p[v] = _mm256_fmadd_ps(p[v], r[v], _mm256_set1_ps(terms[t]));
        }
    }
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        p[v] = _mm256_fmadd_ps(p[v], _mm256_mul_ps(r[v], r[v]), r[v]);
    }
}

/* n_v registers to their exp, within 1e-7 relative: 2^n exp(r).  2^n in two halves, as it may lie
 * outside the normal numbers.  min and max give their second operand for a NaN. */
INLINE void exp_each(__m256 *x, size_t n_v)
{
    __m256 n[TOGETHER], p[TOGETHER];
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        x[v] = _mm256_max_ps(_mm256_set1_ps(SC_EXP_LOW), x[v]);
        x[v] = _mm256_min_ps(_mm256_set1_ps(SC_EXP_HIGH), x[v]);
    }
    reduce_each(x, n_v, n, p);
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        p[v] = _mm256_add_ps(p[v], _mm256_set1_ps(1.0f));
        __m256i whole = _mm256_cvtps_epi32(n[v]), half = _mm256_srai_epi32(whole, 1);
        p[v] = _mm256_mul_ps(p[v], power_of_two(half));
        x[v] = _mm256_mul_ps(p[v], power_of_two(_mm256_sub_epi32(whole, half)));
    }
}

INLINE __m256 gate_exponent(__m256 g, bool gelu)
{
    if (!gelu) {
        return _mm256_sub_ps(_mm256_setzero_ps(), g);
    }
    __m256 cubic =
        _mm256_fmadd_ps(_mm256_mul_ps(g, g), _mm256_set1_ps(SC_GELU_CUBIC), _mm256_set1_ps(1.0f));
    return _mm256_mul_ps(_mm256_mul_ps(g, _mm256_set1_ps(SC_GELU_LINEAR)), cubic);
}

/* The parts of the loops below take n_v (a constant) registers of what is left: one of them, with
 * n_left that may be less than 8, or several whole ones. */
INLINE void gate_part(float *y, const float *gate, const float *up, size_t n_left, size_t n_v,
                      bool gelu)
{
    __m256 e[TOGETHER];
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        e[v] = gate_exponent(load_first(gate + 8 * v, n_left), gelu);
    }
    exp_each(e, n_v);
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        __m256 g = load_first(gate + 8 * v, n_left);
        __m256 s = _mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1.0f), e[v]));
        store_first(y + 8 * v, n_left, _mm256_mul_ps(s, load_first(up + 8 * v, n_left)));
    }
}

INLINE void gate_mul(float *y, const float *gate, const float *up, size_t n, bool gelu)
{
    size_t i = 0;
    for (; i + 8 * TOGETHER <= n; i += 8 * TOGETHER) {
        gate_part(y + i, gate + i, up + i, 8, TOGETHER, gelu);
    }
    for (; i < n; i += 8) {
        gate_part(y + i, gate + i, up + i, n - i, 1, gelu);
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
INLINE void softcap_part(float *x, size_t n_left, size_t n_v, __m256 cap)
{
    const __m256 sign = _mm256_set1_ps(-0.0f), one = _mm256_set1_ps(1.0f);
    __m256 u[TOGETHER], n[TOGETHER], p[TOGETHER];
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        u[v] = _mm256_andnot_ps(sign, _mm256_div_ps(load_first(x + 8 * v, n_left), cap));
        u[v] = _mm256_min_ps(u[v], _mm256_set1_ps(SC_TANH_ONE));
        u[v] = _mm256_mul_ps(u[v], _mm256_set1_ps(-2.0f));
    }
    reduce_each(u, n_v, n, p);
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        __m256 was = load_first(x + 8 * v, n_left);
        __m256 power = power_of_two(_mm256_cvtps_epi32(n[v]));
        __m256 e = _mm256_fmadd_ps(power, p[v], _mm256_sub_ps(power, one));
        __m256 t = _mm256_div_ps(_mm256_mul_ps(e, cap), _mm256_sub_ps(_mm256_set1_ps(-2.0f), e));
        t = _mm256_or_ps(t, _mm256_and_ps(was, sign));
        store_first(x + 8 * v, n_left, _mm256_fmadd_ps(was, _mm256_setzero_ps(), t));
    }
}

static void softcap(float *x, size_t n, float cap)
{
    const __m256 caps = _mm256_set1_ps(cap);
    size_t i = 0;
    for (; i + 8 * TOGETHER <= n; i += 8 * TOGETHER) {
        softcap_part(x + i, 8, TOGETHER, caps);
    }
    for (; i < n; i += 8) {
        softcap_part(x + i, n - i, 1, caps);
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        __m256 sum = _mm256_add_ps(load_first(x + i, n - i), load_first(y + i, n - i));
        store_first(x + i, n - i, sum);
    }
}

INLINE void softmax_part(float *x, size_t n_left, size_t n_v, __m256 max, __m256d *a, __m256d *b)
{
    __m256 e[TOGETHER];
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        e[v] = _mm256_sub_ps(load_first(x + 8 * v, n_left), max);
    }
    exp_each(e, n_v);
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        e[v] = keep_first(e[v], n_left);
        store_first(x + 8 * v, n_left, e[v]);
        *a = _mm256_add_pd(*a, low_half(e[v]));
        *b = _mm256_add_pd(*b, high_half(e[v]));
    }
}

static void softmax(float *x, size_t n)
{
    __m256 max = _mm256_set1_ps(largest(x, n));
    __m256d a = _mm256_setzero_pd(), b = a;
    size_t i = 0;
    for (; i + 8 * TOGETHER <= n; i += 8 * TOGETHER) {
        softmax_part(x + i, 8, TOGETHER, max, &a, &b);
    }
    for (; i < n; i += 8) {
        softmax_part(x + i, n - i, 1, max, &a, &b);
    }
    __m256 factor = _mm256_set1_ps((float)(1.0 / sum_of(_mm256_add_pd(a, b))));
    for (i = 0; i < n; i += 8) {
        store_first(x + i, n - i, _mm256_mul_ps(load_first(x + i, n - i), factor));
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

static float logit_max(const float *z, size_t n)
{
    __m256i magnitude = _mm256_set1_epi32(0x7fffffff), limit = _mm256_set1_epi32(0x7f7fffff);
    __m256i bad = _mm256_setzero_si256();
    __m256 first = _mm256_set1_ps(z[0]), maxima = first;
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = load_or(z + i, n - i, first);
        __m256i bits = _mm256_and_si256(_mm256_castps_si256(v), magnitude);
        bad = _mm256_or_si256(bad, _mm256_cmpgt_epi32(bits, limit));
        maxima = _mm256_max_ps(maxima, v);
    }
    return _mm256_testz_si256(bad, bad) ? max_of(maxima) : NAN;
}

/* s: sums of exp of the low and the high halves, then of z exp. */
INLINE void logit_part(const float *z, size_t n_left, size_t n_v, __m256 top, __m256d *s)
{
    __m256 x[TOGETHER], e[TOGETHER];
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        x[v] = _mm256_sub_ps(load_first(z + 8 * v, n_left), top);
        x[v] = e[v] = _mm256_max_ps(_mm256_set1_ps(SC_EXP_LOW), x[v]);
    }
    exp_each(e, n_v);
    UNROLL
    for (size_t v = 0; v < n_v; v++) {
        __m256 kept = keep_first(e[v], n_left), of_z = keep_first(x[v], n_left);
        s[0] = _mm256_add_pd(s[0], low_half(kept));
        s[1] = _mm256_add_pd(s[1], high_half(kept));
        s[2] = _mm256_fmadd_pd(low_half(of_z), low_half(kept), s[2]);
        s[3] = _mm256_fmadd_pd(high_half(of_z), high_half(kept), s[3]);
    }
}

static void logit_sums(const float *z, size_t n, float max, double *sum_exp, double *sum_z_exp)
{
    __m256 top = _mm256_set1_ps(max);
    __m256d s[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(),
                    _mm256_setzero_pd()};
    size_t i = 0;
    for (; i + 8 * TOGETHER <= n; i += 8 * TOGETHER) {
        logit_part(z + i, 8, TOGETHER, top, s);
    }
    for (; i < n; i += 8) {
        logit_part(z + i, n - i, 1, top, s);
    }
    *sum_exp = sum_of(_mm256_add_pd(s[0], s[1]));
    *sum_z_exp = sum_of(_mm256_add_pd(s[2], s[3]));
}

static size_t logit_above(const float *z, size_t n, float threshold, int32_t *indices, size_t most,
                          size_t *scanned)
{
    __m256 bar = _mm256_set1_ps(threshold);
    size_t n_found = 0;
    *scanned = most > 0 ? n : 0;
    for (size_t i = 0; i < n && most > 0; i += 8) {
        __m256 is_above = _mm256_cmp_ps(load_first(z + i, n - i), bar, _CMP_GT_OQ);
        unsigned int above = (unsigned int)_mm256_movemask_ps(keep_first(is_above, n - i));
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
    enum { PRODUCTS = 6 };
    __m256i sums[PRODUCTS], all = _mm256_setzero_si256();
    __m256i one = _mm256_set1_epi16(1), bytes = _mm256_set1_epi8(2);
    UNROLL
    for (size_t c = 0; c < PRODUCTS; c++) {
        sums[c] = _mm256_set1_epi32((int)c);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        __m256i pairs[PRODUCTS];
        UNROLL
        for (size_t c = 0; c < PRODUCTS; c++) {
            __asm__ volatile("vpmaddubsw %1, %1, %0" : "=x"(pairs[c]) : "x"(bytes));
        }
        UNROLL
        for (size_t c = 0; c < PRODUCTS; c++) {
            __asm__ volatile("vpmaddwd %1, %0, %0" : "+x"(pairs[c]) : "x"(one));
        }
        UNROLL
        for (size_t c = 0; c < PRODUCTS; c++) {
            __asm__ volatile("vpaddd %1, %0, %0" : "+x"(sums[c]) : "x"(pairs[c]));
        }
    }
    UNROLL
    for (size_t c = 0; c < PRODUCTS; c++) {
        all = _mm256_xor_si256(all, sums[c]);
    }
    *sink += (float)_mm256_extract_epi32(all, 0);
    return (double)n_rounds * PRODUCTS * 32 * 2;
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
    sc_attention_avx2(&table->attention[SC_DTYPE_F32], &table->attention[SC_DTYPE_BF16]);
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
    table->busy_int8 = busy_int8;
    sc_int8_avx2(&table->matmul[SC_DTYPE_INT8]);
    table->read_memory = read_memory;
}
#else
typedef int sc_no_avx2; /* a translation unit must not be empty */
#endif
