/*
 * The portable level: the definition of every kernel in plain C, and what other levels are tested
 * against.  Vectors are the compiler's own (four floats, found on every 64-bit processor), because
 * a sum may be split into lanes only where the source says so.  Multiplies and adds are not fused.
 * Where to read next: avx512.c, the same with wider registers.
 */
#include <math.h>
#include <string.h>

#include "kernels/levels.h"

typedef float v4 __attribute__((vector_size(16)));
typedef uint32_t u4 __attribute__((vector_size(16)));

enum { PANEL = 8, TILE = 4 };

/* ---- products -------------------------------------------------------------------------------- */

INLINE v4 load4(const float *from)
{
    v4 x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void store4(float *to, v4 x)
{
    memcpy(to, &x, sizeof x);
}

/* sc_f32_from_bf16, where it can be inlined. */
INLINE float widened(uint32_t half)
{
    uint32_t bits = half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Four pairs of bf16: the first and the second elements as f32. */
INLINE void load_pairs(const uint32_t *from, v4 *first, v4 *second)
{
    u4 pairs;
    memcpy(&pairs, from, sizeof pairs);
    *first = (v4)(pairs << 16);
    *second = (v4)(pairs & 0xffff0000u);
}

/* n_rows is a constant at each call.  Both dtypes read activations as f32 (bf16's are rounded). */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t row_bytes,
                          size_t n_rows, const void *panel, size_t n_in, size_t n_valid, bool bf16)
{
    v4 sums[TILE][2] = {{{0}}};
    for (size_t i = 0; i < n_in; i += 2) {
        v4 first[2], second[2];
        if (bf16) {
            load_pairs((const uint32_t *)panel + i / 2 * PANEL, &first[0], &second[0]);
            load_pairs((const uint32_t *)panel + i / 2 * PANEL + 4, &first[1], &second[1]);
        } else {
            const float *w = (const float *)panel + i * PANEL;
            first[0] = load4(w), first[1] = load4(w + 4);
            second[0] = load4(w + 8), second[1] = load4(w + 12);
        }
        for (size_t r = 0; r < n_rows; r++) {
            float x[2];
            memcpy(x, rows + r * row_bytes + i * sizeof *x, sizeof x);
            sums[r][0] += first[0] * x[0];
            sums[r][1] += first[1] * x[0];
            sums[r][0] += second[0] * x[1];
            sums[r][1] += second[1] * x[1];
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        memcpy(y + r * y_stride, sums[r], n_valid * sizeof *y);
    }
}

INLINE void multiply_panels(float *y, size_t y_stride, const void *rows, size_t n_rows,
                            const struct sc_packed *w, size_t begin, size_t end, bool bf16)
{
    size_t row_bytes = sc_row_bytes(w->n_in * sizeof(float));
    size_t n_in = sc_round_up(w->n_in, SC_INPUT_STEP);
    size_t panel_bytes = n_in * PANEL * (bf16 ? 2 : 4);
    for (size_t p = begin; p < end; p++) {
        const char *panel = (const char *)w->data + p * panel_bytes;
        size_t valid = w->n_out - p * PANEL < PANEL ? w->n_out - p * PANEL : PANEL;
        float *to = y + p * PANEL;
        const char *from = rows;
        size_t left = n_rows;
        for (; left >= TILE; left -= TILE, from += TILE * row_bytes, to += TILE * y_stride) {
            multiply_tile(to, y_stride, from, row_bytes, TILE, panel, n_in, valid, bf16);
        }
        for (; left > 0; left--, from += row_bytes, to += y_stride) {
            multiply_tile(to, y_stride, from, row_bytes, 1, panel, n_in, valid, bf16);
        }
    }
}

static void multiply_f32(float *y, size_t y_stride, const void *rows, size_t n_rows,
                         const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    multiply_panels(y, y_stride, rows, n_rows, w, begin, end, false);
}

static void multiply_bf16(float *y, size_t y_stride, const void *rows, size_t n_rows,
                          const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    multiply_panels(y, y_stride, rows, n_rows, w, begin, end, true);
}

#define SC_ENTRIES_PANEL PANEL
#include "kernels/panel_entries.h"

static size_t row_bytes_f32(size_t n_in)
{
    return sc_row_bytes(n_in * sizeof(float));
}

static void prepare_f32(void *row, const float *x, size_t n_in)
{
    memcpy(row, x, n_in * sizeof *x);
    memset((char *)row + n_in * sizeof *x, 0, row_bytes_f32(n_in) - n_in * sizeof *x);
}

static void prepare_bf16(void *row, const float *x, size_t n_in)
{
    float *to = row;
    for (size_t i = 0; i < n_in; i++) {
        to[i] = widened(sc_bf16_from_f32(x[i]));
    }
    memset(to + n_in, 0, row_bytes_f32(n_in) - n_in * sizeof *x);
}

/* ---- attention ------------------------------------------------------------------------------- */

static void store_f32(void *to, const float *from, size_t n)
{
    memcpy(to, from, n * sizeof *from);
}

static void store_bf16(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t x = sc_bf16_from_f32(from[i]);
        memcpy((char *)to + i * sizeof x, &x, sizeof x);
    }
}

INLINE float element(const char *row, size_t i, bool bf16)
{
    if (bf16) {
        uint16_t half;
        memcpy(&half, row + i * sizeof half, sizeof half);
        return widened(half);
    }
    float x;
    memcpy(&x, row + i * sizeof x, sizeof x);
    return x;
}

INLINE v4 elements(const char *row, size_t i, bool bf16)
{
    if (bf16) {
        uint64_t halves;
        memcpy(&halves, row + i * 2, sizeof halves);
        u4 wide = {(uint32_t)halves << 16, (uint32_t)halves & 0xffff0000u,
                   (uint32_t)(halves >> 32) << 16, (uint32_t)(halves >> 32) & 0xffff0000u};
        return (v4)wide;
    }
    v4 x;
    memcpy(&x, row + i * 4, sizeof x);
    return x;
}

INLINE void scores_rows(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                        const char *keys, size_t n_pos, size_t head_dim, float scale,
                        struct sc_ahead *ahead, bool bf16)
{
    sc_ask(ahead, n_pos * head_dim * (bf16 ? 2 : 4));
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    for (size_t p = 0; p < n_pos; p++) {
        const char *key = keys + p * row_bytes;
        for (size_t q = 0; q < n_queries; q++) {
            const float *query = queries + q * head_dim;
            v4 lanes = {0};
            size_t i = 0;
            for (; i + 4 <= head_dim; i += 4) {
                lanes += load4(query + i) * elements(key, i, bf16);
            }
            float sum = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
            for (; i < head_dim; i++) {
                sum += query[i] * element(key, i, bf16);
            }
            scores[q * score_stride + p] = sum * scale;
        }
    }
}

INLINE void mix_rows(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                     const char *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead,
                     bool bf16)
{
    sc_ask(ahead, n_pos * head_dim * (bf16 ? 2 : 4));
    size_t row_bytes = head_dim * (bf16 ? 2 : 4);
    for (size_t p = 0; p < n_pos; p++) {
        const char *value = values + p * row_bytes;
        for (size_t q = 0; q < n_queries; q++) {
            float *to = out + q * head_dim;
            float weight = weights[q * weight_stride + p];
            size_t i = 0;
            for (; i + 4 <= head_dim; i += 4) {
                store4(to + i, load4(to + i) + elements(value, i, bf16) * weight);
            }
            for (; i < head_dim; i++) {
                to[i] += element(value, i, bf16) * weight;
            }
        }
    }
}

#include "kernels/attention_entries.h"

/* ---- rows of activations --------------------------------------------------------------------- */

static void rms_norm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    float factor = (float)(1.0 / sqrt(sum / (double)n + (double)eps));
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] * factor * gain[i];
    }
}

static void rope(float *x, const float *cosines, const float *sines, size_t n)
{
    size_t half = n / 2;
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * cosines[i] - b * sines[i];
        x[i + half] = b * cosines[i] + a * sines[i];
    }
}

/* A NaN stays one: no comparison with it holds. */
static float clamped_exp(float x)
{
    x = x < SC_EXP_LOW ? SC_EXP_LOW : x;
    x = x > SC_EXP_HIGH ? SC_EXP_HIGH : x;
    return expf(x);
}

static void silu_mul(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = gate[i] / (1.0f + clamped_exp(-gate[i])) * up[i];
    }
}

static void gelu_mul(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float g = gate[i], exponent = SC_GELU_LINEAR * g * (1.0f + SC_GELU_CUBIC * (g * g));
        y[i] = g / (1.0f + clamped_exp(exponent)) * up[i];
    }
}

static void softcap(float *x, size_t n, float cap)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = cap * tanhf(x[i] / cap) + x[i] * 0.0f; /* infinity times 0 is NaN */
    }
}

static void add(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] += y[i];
    }
}

static void softmax(float *x, size_t n)
{
    float max = x[0];
    for (size_t i = 1; i < n; i++) {
        max = x[i] > max ? x[i] : max;
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = clamped_exp(x[i] - max);
        sum += (double)x[i];
    }
    float factor = (float)(1.0 / sum);
    for (size_t i = 0; i < n; i++) {
        x[i] *= factor;
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

static float logit_max(const float *z, size_t n)
{
    float max = z[0];
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(z[i])) {
            return NAN;
        }
        max = z[i] > max ? z[i] : max;
    }
    return max;
}

static void logit_sums(const float *z, size_t n, float max, double *sum_exp, double *sum_z_exp)
{
    double sum = 0, weighted = 0;
    for (size_t i = 0; i < n; i++) {
        float below = z[i] - max;
        below = below < SC_EXP_LOW ? SC_EXP_LOW : below;
        double e = (double)clamped_exp(below);
        sum += e;
        weighted += (double)below * e;
    }
    *sum_exp = sum;
    *sum_z_exp = weighted;
}

static size_t logit_above(const float *z, size_t n, float threshold, int32_t *indices, size_t most,
                          size_t *scanned)
{
    size_t n_found = 0, i = 0;
    for (; i < n && n_found < most; i++) {
        if (z[i] > threshold) {
            indices[n_found++] = (int32_t)i;
        }
    }
    *scanned = i;
    return n_found;
}

/* ---- loops at full speed, for machine.c ------------------------------------------------------ */

static double busy_f32(size_t n_rounds, float *sink)
{
    enum { CHAINS = 8 };
    v4 sums[CHAINS], factor = {0.999f, 0.998f, 0.997f, 0.996f};
    for (size_t c = 0; c < CHAINS; c++) {
        sums[c] = (v4){(float)c, 1, 2, 3};
    }
    for (size_t i = 0; i < n_rounds; i++) {
        for (size_t c = 0; c < CHAINS; c++) {
            sums[c] = sums[c] * factor + factor;
        }
    }
    v4 all = {0};
    for (size_t c = 0; c < CHAINS; c++) {
        all += sums[c];
    }
    *sink += all[0] + all[1] + all[2] + all[3];
    return (double)n_rounds * CHAINS * 4 * 2;
}

static void read_memory(const void *from, size_t bytes, float *sink)
{
    const char *at = from;
    u4 sums[4] = {{0}};
    for (size_t i = 0; i + 64 <= bytes; i += 64) {
        for (size_t c = 0; c < 4; c++) {
            u4 x;
            memcpy(&x, at + i + c * 16, sizeof x);
            sums[c] ^= x;
        }
    }
    u4 all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    *sink += (float)(all[0] ^ all[1] ^ all[2] ^ all[3]);
}

void sc_level_portable(struct sc_kernels *table)
{
    *table = (struct sc_kernels){
        .name = "portable",
        .matmul[SC_DTYPE_F32] = {PANEL, packed_bytes_f32, pack_f32, row_bytes_f32, prepare_f32,
                                 multiply_f32},
        .matmul[SC_DTYPE_BF16] = {PANEL, packed_bytes_bf16, pack_bf16, row_bytes_f32, prepare_bf16,
                                  multiply_bf16},
        .attention[SC_DTYPE_F32] = {4, store_f32, scores_f32, mix_f32},
        .attention[SC_DTYPE_BF16] = {2, store_bf16, scores_bf16, mix_bf16},
        .rms_norm = rms_norm,
        .rope = rope,
        .silu_mul = silu_mul,
        .gelu_mul = gelu_mul,
        .softcap = softcap,
        .add = add,
        .softmax = softmax,
        .logit_max = logit_max,
        .logit_sums = logit_sums,
        .logit_above = logit_above,
        .busy_f32 = busy_f32,
        .read_memory = read_memory,
    };
    sc_int8_portable(&table->matmul[SC_DTYPE_INT8]);
}
