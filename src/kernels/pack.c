/*
 * Packing of weight matrices into panels, the same for all levels but for the width of a panel.
 * Refuses nothing: sizes were checked where the weights were loaded.  Sources may be unaligned
 * (they lie in mapped files).  Where to read next: levels.h for the layouts, portable.c for their
 * use.
 */
#include <string.h>

#include "base/memory.h"
#include "kernels/levels.h"

/* Inputs taken at a time: short rows of a tile that stays in the first cache. */
enum { CHUNK = 16 };

size_t sc_panels_bytes(size_t n_out, size_t n_in, size_t panel, size_t element_bytes)
{
    if (n_out > SIZE_MAX - panel || n_in > SIZE_MAX - SC_INPUT_STEP) {
        return SIZE_MAX;
    }
    size_t outputs = sc_round_up(n_out, panel);
    size_t inputs = sc_round_up(n_in, SC_INPUT_STEP);
    return sc_size_mul(sc_size_mul(outputs, inputs), element_bytes);
}

/* n <= CHUNK weights from place `at`; zeros after them. */
static void read_f32(float *to, const void *source, enum sc_dtype dtype, size_t at, size_t n)
{
    const char *from = (const char *)source + at * sc_dtype_bytes(dtype);
    memset(to, 0, CHUNK * sizeof *to);
    if (dtype == SC_DTYPE_F32) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    uint16_t half[CHUNK];
    memcpy(half, from, n * sizeof *half);
    for (size_t i = 0; i < n; i++) {
        to[i] = dtype == SC_DTYPE_BF16 ? sc_f32_from_bf16(half[i]) : sc_f32_from_f16(half[i]);
    }
}

static void read_bf16(uint16_t *to, const void *source, enum sc_dtype dtype, size_t at, size_t n)
{
    memset(to, 0, CHUNK * sizeof *to);
    if (dtype == SC_DTYPE_BF16) {
        memcpy(to, (const char *)source + at * sizeof *to, n * sizeof *to);
        return;
    }
    float wide[CHUNK];
    read_f32(wide, source, dtype, at, n);
    for (size_t i = 0; i < n; i++) {
        to[i] = sc_bf16_from_f32(wide[i]);
    }
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void sc_panels_pack_f32(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                        size_t panel, size_t begin, size_t end)
{
    size_t inputs = sc_round_up(w->n_in, SC_INPUT_STEP);
    for (size_t p = begin; p < end; p++) {
        float *to = (float *)w->data + p * panel * inputs;
        for (size_t i = 0; i < inputs; i += CHUNK) {
            size_t n_read = i < w->n_in ? min_size(CHUNK, w->n_in - i) : 0;
            size_t n_write = min_size(CHUNK, inputs - i);
            for (size_t o = 0; o < panel; o++) {
                float chunk[CHUNK] = {0};
                size_t output = p * panel + o;
                if (output < w->n_out) {
                    read_f32(chunk, source, source_dtype, output * w->n_in + i, n_read);
                }
                for (size_t j = 0; j < n_write; j++) {
                    to[(i + j) * panel + o] = chunk[j];
                }
            }
        }
    }
}

void sc_panels_pack_bf16(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                         size_t panel, size_t begin, size_t end)
{
    size_t inputs = sc_round_up(w->n_in, SC_INPUT_STEP);
    for (size_t p = begin; p < end; p++) {
        uint32_t *to = (uint32_t *)w->data + p * panel * inputs / 2;
        for (size_t i = 0; i < inputs; i += CHUNK) {
            size_t n_read = i < w->n_in ? min_size(CHUNK, w->n_in - i) : 0;
            size_t n_write = min_size(CHUNK, inputs - i);
            for (size_t o = 0; o < panel; o++) {
                uint16_t chunk[CHUNK] = {0};
                size_t output = p * panel + o;
                if (output < w->n_out) {
                    read_bf16(chunk, source, source_dtype, output * w->n_in + i, n_read);
                }
                for (size_t j = 0; j < n_write; j += 2) {
                    uint32_t pair = (uint32_t)chunk[j] | (uint32_t)chunk[j + 1] << 16;
                    to[(i + j) / 2 * panel + o] = pair;
                }
            }
        }
    }
}
