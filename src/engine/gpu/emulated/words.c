/*
 * What the lanes of a warp do together, and copies on their way (kernels/threads.h has the layouts
 * of the small matrices).
 */
#include <assert.h>
#include <string.h>

#include "engine/gpu/emulated/warps.h"

const unsigned char *sc_emulated_exchange(const void *gift, size_t n,
                                          struct sc_emulated_place place)
{
    struct sc_emulated_warp *warp = sc_emulated_own_warp();
    const uint32_t lane = sc_emulated_thread.thread % 32, turn = warp->turn[lane];
    assert(n <= SC_EMULATED_GIFT);
    memcpy(warp->given[turn] + (size_t)lane * SC_EMULATED_GIFT, gift, n);
    warp->turn[lane] ^= 1;
    warp->has_sums[turn] = false;
    sc_emulated_warp_barrier(place);
    return warp->given[turn];
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* The card may copy at once or as late as the wait: neither what was there nor what is to come can
 * be read until then. */
void sc_emulated_fetch16(void *to, const void *from, bool wanted)
{
    struct sc_fetches *f = sc_emulated_own_fetches();
    if (f->n == SC_MOST_FETCHES) {
        sc_emulated_wrong("more copies on their way than the emulation keeps");
        return;
    }
    if ((uintptr_t)to % 16 != 0 || (uintptr_t)from % 16 != 0) {
        sc_emulated_wrong("a copy of 16 bytes that is not aligned");
        return;
    }
    if (!sc_emulated_is_shared(to, 16)) {
        sc_emulated_wrong("a copy to what is not shared memory");
        return;
    }
    memset(to, 0xff, 16);
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

/* What all lanes gave; *sums are theirs, to be computed where it is said so. */
static const struct fragments *give(const uint32_t a[4], const uint32_t b[2],
                                    struct sc_emulated_place place, struct fragments all[32],
                                    unsigned *turn)
{
    struct sc_emulated_warp *warp = sc_emulated_own_warp();
    struct fragments own;
    memcpy(own.a, a, sizeof own.a);
    memcpy(own.b, b, sizeof own.b);
    *turn = warp->turn[sc_emulated_thread.thread % 32];
    const unsigned char *given = sc_emulated_exchange(&own, sizeof own, place);
    if (warp->has_sums[*turn])
        return NULL;
    for (size_t lane = 0; lane < 32; lane++)
        memcpy(&all[lane], given + lane * SC_EMULATED_GIFT, sizeof all[lane]);
    warp->has_sums[*turn] = true;
    return all;
}

static void sums_bf16(float sums[16][8], const struct fragments all[32])
{
    float a[16][16], b[16][8];
    for (unsigned lane = 0; lane < 32; lane++)
        for (unsigned i = 0; i < 2; i++) {
            const unsigned g = lane / 4, at = lane % 4 * 2 + i;
            for (unsigned j = 0; j < 4; j++)
                a[g + j % 2 * 8][at + j / 2 * 8] = half_of(all[lane].a[j], i);
            for (unsigned j = 0; j < 2; j++)
                b[at + j * 8][g] = half_of(all[lane].b[j], i);
        }
    memset(sums, 0, 16 * sizeof *sums);
    for (unsigned r = 0; r < 16; r++)
        for (unsigned k = 0; k < 16; k++)
            for (unsigned c = 0; c < 8; c++)
                sums[r][c] += a[r][k] * b[k][c];
}

static void sums_s8(int32_t sums[16][8], const struct fragments all[32])
{
    int8_t a[16][32], b[32][8];
    for (unsigned lane = 0; lane < 32; lane++)
        for (unsigned i = 0; i < 4; i++) {
            const unsigned g = lane / 4, at = lane % 4 * 4 + i;
            for (unsigned j = 0; j < 4; j++)
                a[g + j % 2 * 8][at + j / 2 * 16] = byte_of(all[lane].a[j], i);
            for (unsigned j = 0; j < 2; j++)
                b[at + j * 16][g] = byte_of(all[lane].b[j], i);
        }
    memset(sums, 0, 16 * sizeof *sums);
    for (unsigned r = 0; r < 16; r++)
        for (unsigned k = 0; k < 32; k++)
            for (unsigned c = 0; c < 8; c++)
                sums[r][c] += a[r][k] * b[k][c];
}

void sc_emulated_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2],
                          struct sc_emulated_place place)
{
    struct sc_emulated_warp *warp = sc_emulated_own_warp();
    struct fragments all[32];
    unsigned turn;
    if (give(a, b, place, all, &turn) != NULL)
        sums_bf16(warp->sums[turn].f, all);
    const unsigned lane = sc_emulated_thread.thread % 32, g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; i++)
        d[i] += warp->sums[turn].f[g + i / 2 * 8][2 * t + i % 2];
}

void sc_emulated_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2],
                        struct sc_emulated_place place)
{
    struct sc_emulated_warp *warp = sc_emulated_own_warp();
    struct fragments all[32];
    unsigned turn;
    if (give(a, b, place, all, &turn) != NULL)
        sums_s8(warp->sums[turn].s, all);
    const unsigned lane = sc_emulated_thread.thread % 32, g = lane / 4, t = lane % 4;
    for (unsigned i = 0; i < 4; i++)
        d[i] += warp->sums[turn].s[g + i / 2 * 8][2 * t + i % 2];
}

void sc_emulated_load_matrices(uint32_t r[4], const void *row, bool turned,
                               struct sc_emulated_place place)
{
    static const uint16_t none[8];
    if ((uintptr_t)row % 16 != 0 || !sc_emulated_is_shared(row, 16)) {
        sc_emulated_wrong("a row of a matrix that is not aligned, or not in shared memory");
        row = none;
    }
    const unsigned char *given = sc_emulated_exchange(&row, sizeof row, place);
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
