/* What a warp and a thread keep between the words of threads.h.  Private to this folder. */
#ifndef SC_ENGINE_GPU_EMULATED_WARPS_H
#define SC_ENGINE_GPU_EMULATED_WARPS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/gpu/emulated/threads.h"

/* What the lanes of a warp gave each other: two halves by turns, so that one barrier is enough; and
 * of a product of small matrices the sums, which the first lane that goes on computes for all. */
struct sc_emulated_warp {
    unsigned char given[2][32 * SC_EMULATED_GIFT];
    uint8_t turn[32]; /* of each lane */
    bool has_sums[2];
    union {
        float f[16][8];
        int32_t s[16][8];
    } sums[2];
};
struct sc_emulated_warp *sc_emulated_own_warp(void);

/* Copies to shared memory that are on their way: done only when they are waited for, until when
 * NaN is there. */
enum { SC_MOST_FETCHES = 128 };
struct sc_fetches {
    struct sc_fetch {
        void *to;
        const void *from; /* NULL: zeros */
        uint32_t group;
    } item[SC_MOST_FETCHES];
    uint32_t n, n_groups;
};
struct sc_fetches *sc_emulated_own_fetches(void);

bool sc_emulated_is_shared(const void *at, size_t bytes);

#endif
