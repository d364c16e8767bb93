/*
 * What all levels of AArch64 do with panels and rows, below their files: neon.h has the contracts.
 */
#if defined(__aarch64__)
#include "kernels/arm/neon.h"

void sc_neon_multiply(const struct sc_neon_product *product, float *y, size_t y_stride,
                      const void *rows, size_t n_rows, const struct sc_packed *w, size_t begin,
                      size_t end)
{
    size_t n_tiles = (n_rows + product->max_rows - 1) / product->max_rows;
    for (size_t p = begin; p < end; p++) {
        const char *panel = (const char *)w->data + p * product->panel_bytes, *from = rows;
        float *to = y + p * SC_NEON_PANEL;
        for (size_t t = 0; t < n_tiles; t++) {
            size_t n = n_rows / n_tiles + (t < n_rows % n_tiles);
            product->tiles[n - 1](to, y_stride, from, product->row_bytes, panel, product->n_steps,
                                  w->n_out - p * SC_NEON_PANEL);
            from += n * product->row_bytes;
            to += n * y_stride;
        }
    }
}

void sc_neon_store_bf16(void *to, const float *from, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        size_t left = n - i < 4 ? n - i : 4;
        uint32x4_t rounded = sc_neon_round_bf16(sc_neon_load(from + i, left));
        uint16x4_t halves = vshrn_n_u32(rounded, 16);
        memcpy((char *)to + i * 2, &halves, left * 2);
    }
}
#else
typedef int sc_no_neon_panels; /* a translation unit must not be empty */
#endif
