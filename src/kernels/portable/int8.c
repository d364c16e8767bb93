/*
 * int8 weights: how numbers become integers with scales, how matrices are packed, and the portable
 * product, which defines what the levels' products mean.
 *
 * Sums within a group are exact in int32; only the sums over groups, in f32 and in order, round.
 * Where to read next: avx512_int8.c, avx2_int8.c; docs/KERNELS.md for why scales stand where.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/levels.h"

enum { GROUP = SC_INT8_GROUP, PANEL = 8, TILE = 4, TOGETHER = 4 };

/* ---- rounding -------------------------------------------------------------------------------- */

/* n <= GROUP numbers to q [GROUP], zeros after them; returns the scale (levels.h). */
static float int8_round(int8_t *q, const float *x, size_t n)
{
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) { /* as integers: a NaN is above all */
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffffu;
        most = bits > most ? bits : most;
    }
    float max;
    memcpy(&max, &most, sizeof max);
    memset(q, 0, GROUP);
    if (!isfinite(max)) {
        return NAN;
    }
    if (max < SC_INT8_LEAST) {
        return 0;
    }
    float factor = 127.0f / max;
    for (size_t i = 0; i < n; i++) {
        /* Adding 1.5 * 2^23 rounds to an integer and leaves it in the lower bits. */
        float shifted = x[i] * factor + 0x1.8p23f;
        int32_t bits;
        memcpy(&bits, &shifted, sizeof bits);
        q[i] = (int8_t)(bits - 0x4b400000);
    }
    return max / 127.0f;
}

/* ---- packing --------------------------------------------------------------------------------- */

size_t sc_int8_panels_bytes(size_t n_out, size_t n_in, size_t panel)
{
    if (n_out > SIZE_MAX - panel) {
        return SIZE_MAX;
    }
    size_t bytes = sc_size_mul(sc_round_up(n_out, panel), sc_int8_groups(n_in));
    bytes = sc_size_mul(bytes, GROUP + sizeof(float));
    return bytes > SIZE_MAX - 63 ? SIZE_MAX : sc_round_up(bytes, 64);
}

/* n <= GROUP weights from index `at` of the source. */
static void read_weights(float *to, const void *source, enum sc_dtype dtype, size_t at, size_t n)
{
    const char *from = (const char *)source + at * sc_dtype_bytes(dtype);
    uint16_t half[GROUP];
    if (dtype == SC_DTYPE_F32) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    memcpy(half, from, n * sizeof *half);
    if (dtype == SC_DTYPE_BF16) {
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = (uint32_t)half[i] << 16;
            memcpy(&to[i], &bits, sizeof bits);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = sc_f32_from_f16(half[i]);
    }
}

/* An output's group to its places, `together` (2 or 4) bytes at a time. */
static void scatter(char *to, const int8_t *q, size_t panel, size_t together, int offset)
{
    int8_t bytes[GROUP];
    for (size_t i = 0; i < GROUP; i++) {
        bytes[i] = (int8_t)(q[i] + offset);
    }
    if (together == 4) {
        for (size_t i = 0; i < GROUP / 4; i++) {
            memcpy(to + i * panel * 4, bytes + i * 4, 4);
        }
        return;
    }
    for (size_t i = 0; i < GROUP / 2; i++) {
        memcpy(to + i * panel * 2, bytes + i * 2, 2);
    }
}

void sc_int8_panels_pack(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                         size_t panel, size_t together, int offset, size_t begin, size_t end)
{
    size_t n_groups = sc_int8_groups(w->n_in), group_bytes = panel * (GROUP + sizeof(float));
    for (size_t p = begin; p < end; p++) {
        for (size_t g = 0; g < n_groups; g++) {
            char *to = (char *)w->data + (p * n_groups + g) * group_bytes;
            size_t n = w->n_in - g * GROUP < GROUP ? w->n_in - g * GROUP : GROUP;
            for (size_t o = 0; o < panel; o++) {
                float x[GROUP], scale = 0;
                int8_t q[GROUP] = {0};
                size_t output = p * panel + o;
                if (output < w->n_out) {
                    read_weights(x, source, source_dtype, output * w->n_in + g * GROUP, n);
                    scale = int8_round(q, x, n);
                }
                scatter(to + o * together, q, panel, together, offset);
                memcpy(to + panel * GROUP + o * sizeof scale, &scale, sizeof scale);
            }
        }
    }
}

/* ---- the portable product -------------------------------------------------------------------- */

/* Whole numbers are multiplied and added as floats: a group's sum stays below 2^24, so this is as
 * exact as integers and most processors' plain instructions do it faster.
 * A prepared row: [group]{scale, [input]} in f32. */
enum { ROW_GROUP_BYTES = (1 + GROUP) * 4 };

typedef float v4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));
typedef uint32_t u4 __attribute__((vector_size(16)));

static size_t row_bytes(size_t n_in)
{
    return sc_row_bytes(sc_int8_groups(n_in) * ROW_GROUP_BYTES);
}

static void prepare(void *row, const float *x, size_t n_in)
{
    float *to = row;
    for (size_t i = 0; i < n_in; i += GROUP) {
        int8_t q[GROUP];
        *to++ = int8_round(q, x + i, n_in - i < GROUP ? n_in - i : GROUP);
        for (size_t j = 0; j < GROUP; j++) {
            *to++ = (float)q[j];
        }
    }
}

/* Byte j of each of four words, with its sign. */
INLINE v4 bytes_of(u4 words, int j)
{
    return __builtin_convertvector((i4)(words << (24 - 8 * j)) >> 24, v4);
}

/* n_rows is a constant at each call. */
INLINE void multiply_tile(float *y, size_t y_stride, const char *rows, size_t n_bytes,
                          size_t n_rows, const char *w, size_t n_groups, size_t n_valid)
{
    v4 sums[TILE][PANEL / 4] = {{{0}}};
    for (size_t g = 0; g < n_groups; g++) {
        v4 products[TILE][PANEL / 4] = {{{0}}};
        for (size_t i = 0; i < GROUP; i += TOGETHER) {
            u4 words[PANEL / 4];
            memcpy(words, w + i * PANEL, sizeof words);
            for (int j = 0; j < TOGETHER; j++) {
                v4 low = bytes_of(words[0], j), high = bytes_of(words[1], j);
                for (size_t r = 0; r < n_rows; r++) {
                    float x;
                    memcpy(&x, rows + r * n_bytes + (1 + i + (size_t)j) * sizeof x, sizeof x);
                    products[r][0] += low * x;
                    products[r][1] += high * x;
                }
            }
        }
        for (size_t r = 0; r < n_rows; r++) {
            float scale;
            memcpy(&scale, rows + r * n_bytes, sizeof scale);
            for (size_t j = 0; j < PANEL / 4; j++) {
                v4 scales;
                memcpy(&scales, w + PANEL * GROUP + j * sizeof scales, sizeof scales);
                sums[r][j] += products[r][j] * (scales * scale);
            }
        }
        w += PANEL * (GROUP + sizeof(float));
        rows += ROW_GROUP_BYTES;
    }
    for (size_t r = 0; r < n_rows; r++) {
        memcpy(y + r * y_stride, sums[r], n_valid * sizeof *y);
    }
}

static void multiply(float *y, size_t y_stride, const void *rows, size_t n_rows,
                     const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    (void)next;
    size_t n_bytes = row_bytes(w->n_in), n_groups = sc_int8_groups(w->n_in);
    size_t panel_bytes = n_groups * PANEL * (GROUP + sizeof(float));
    for (size_t p = begin; p < end; p++) {
        const char *panel = (const char *)w->data + p * panel_bytes, *from = rows;
        size_t valid = w->n_out - p * PANEL < PANEL ? w->n_out - p * PANEL : PANEL;
        float *to = y + p * PANEL;
        size_t left = n_rows;
        for (; left >= TILE; left -= TILE, from += TILE * n_bytes, to += TILE * y_stride) {
            multiply_tile(to, y_stride, from, n_bytes, TILE, panel, n_groups, valid);
        }
        for (; left > 0; left--, from += n_bytes, to += y_stride) {
            multiply_tile(to, y_stride, from, n_bytes, 1, panel, n_groups, valid);
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
    sc_int8_panels_pack(w, source, source_dtype, PANEL, TOGETHER, 0, begin, end);
}

void sc_int8_portable(struct sc_matmul *matmul)
{
    *matmul = (struct sc_matmul){PANEL, packed_bytes, pack, row_bytes, prepare, multiply};
}
