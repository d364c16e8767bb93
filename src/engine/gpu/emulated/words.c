/*
 * What the lanes of a warp do together, and copies on their way (kernels/threads.h has the layouts
 * of the small matrices).
 */
#include <assert.h>
#include <string.h>

#include "engine/gpu/emulated/warps.h"

const unsigned char *sc_emulated_exchange(const void *gift, size_t n)
{
    struct sc_emulated_warp *warp = sc_emulated_own_warp();
    const uint32_t lane = sc_emulated_thread.thread % 32;
    unsigned char *given = warp->given[warp->turn[lane]];
    assert(n <= SC_EMULATED_GIFT);
    memcpy(given + (size_t)lane * SC_EMULATED_GIFT, gift, n);
    warp->turn[lane] ^= 1;
    sc_emulated_warp_barrier();
    return given;
}

/* ---- copies ---------------------------------------------------------------------------------- */

void sc_emulated_fetch16(void *to, const void *from, bool wanted)
{
    struct sc_fetches *f = sc_emulated_own_fetches();
    assert(f->n < SC_MOST_FETCHES && "more copies on their way than the emulation keeps");
    assert((uintptr_t)to % 16 == 0 && (!wanted || (uintptr_t)from % 16 == 0));
    f->item[f->n++] = (struct sc_fetch){to, wanted ? from : NULL, f->n_groups};
}

void sc_emulated_fetch_group(void)
{
    sc_emulated_own_fetches()->n_groups++;
}

void sc_emulated_fetch_wait(unsigned n)
{
    struct sc_fetches *f = sc_emulated_own_fetches();
    uint32_t left = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct sc_fetch *item = &f->item[i];
        if (item->group + n >= f->n_groups) {
            f->item[left++] = *item;
            continue;
        }
        if (item->from != NULL)
            memcpy(item->to, item->from, 16);
        else
            memset(item->to, 0, 16);
    }
    f->n = left;
}

/* ---- small matrices -------------------------------------------------------------------------- */

static float half_of(uint32_t two, unsigned i)
{
    uint32_t bits = (i != 0 ? two >> 16 : two & 0xffffu) << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int8_t byte_of(uint32_t four, unsigned i)
{
    return (int8_t)(uint8_t)(four >> 8 * i);
}

struct fragments {
    uint32_t a[4], b[2];
};

static struct fragments fragments_of(const unsigned char *given, unsigned lane)
{
    struct fragments f;
    memcpy(&f, given + (size_t)lane * SC_EMULATED_GIFT, sizeof f);
    return f;
}

static const unsigned char *give_fragments(const uint32_t a[4], const uint32_t b[2])
{
    struct fragments f;
    memcpy(f.a, a, sizeof f.a);
    memcpy(f.b, b, sizeof f.b);
    return sc_emulated_exchange(&f, sizeof f);
}

void sc_emulated_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    const unsigned char *given = give_fragments(a, b);
    const unsigned lane = sc_emulated_thread.thread % 32, g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned upper = i / 2, column = 2 * t + i % 2;
        double sum = 0;
        for (unsigned q = 0; q < 4; q++) { /* the lanes that hold four elements of the row each */
            const struct fragments row = fragments_of(given, 4 * g + q);
            const struct fragments col = fragments_of(given, 4 * column + q);
            for (unsigned k = 0; k < 4; k++)
                sum += (double)half_of(row.a[upper + k / 2 * 2], k % 2) *
                       (double)half_of(col.b[k / 2], k % 2);
        }
        d[i] = (float)((double)d[i] + sum);
    }
}

void sc_emulated_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2])
{
    const unsigned char *given = give_fragments(a, b);
    const unsigned lane = sc_emulated_thread.thread % 32, g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned upper = i / 2, column = 2 * t + i % 2;
        for (unsigned q = 0; q < 4; q++) {
            const struct fragments row = fragments_of(given, 4 * g + q);
            const struct fragments col = fragments_of(given, 4 * column + q);
            for (unsigned k = 0; k < 8; k++)
                d[i] += byte_of(row.a[upper + k / 4 * 2], k % 4) * byte_of(col.b[k / 4], k % 4);
        }
    }
}

void sc_emulated_load_matrices(uint32_t r[4], const void *row, bool turned)
{
    assert((uintptr_t)row % 16 == 0);
    const unsigned char *given = sc_emulated_exchange(&row, sizeof row);
    const unsigned lane = sc_emulated_thread.thread % 32, g = lane / 4, t = lane % 4;
    for (unsigned j = 0; j < 4; j++) {
        uint16_t two[2];
        for (unsigned i = 0; i < 2; i++) {
            const unsigned from = turned ? 2 * t + i : g, at = turned ? g : 2 * t + i;
            const unsigned char *matrix_row;
            memcpy(&matrix_row, given + (size_t)(8 * j + from) * SC_EMULATED_GIFT,
                   sizeof matrix_row);
            memcpy(&two[i], matrix_row + 2 * at, sizeof two[i]);
        }
        r[j] = (uint32_t)two[1] << 16 | two[0];
    }
}
