/*
 * Part of a level's file, which includes it once, behind its own enum PANEL: how weights in f32 and
 * bf16 are packed, as entries of struct sc_matmul.
 */
#ifndef SC_KERNELS_PANEL_ENTRIES_H
#define SC_KERNELS_PANEL_ENTRIES_H

#include "kernels/levels.h"

#if !defined(SC_ENTRIES_PANEL)
#define SC_ENTRIES_PANEL 8 /* for one who reads this header alone */
#endif

static size_t packed_bytes_f32(size_t n_out, size_t n_in)
{
    return sc_panels_bytes(n_out, n_in, SC_ENTRIES_PANEL, 4);
}

static size_t packed_bytes_bf16(size_t n_out, size_t n_in)
{
    return sc_panels_bytes(n_out, n_in, SC_ENTRIES_PANEL, 2);
}

static void pack_f32(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                     size_t begin, size_t end)
{
    sc_panels_pack_f32(w, source, source_dtype, SC_ENTRIES_PANEL, begin, end);
}

static void pack_bf16(struct sc_packed *w, const void *source, enum sc_dtype source_dtype,
                      size_t begin, size_t end)
{
    sc_panels_pack_bf16(w, source, source_dtype, SC_ENTRIES_PANEL, begin, end);
}

#endif
