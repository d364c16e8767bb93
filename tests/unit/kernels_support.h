/*
 * What the tests of the kernels share: random numbers, and arrays that end at a page which may not
 * be touched, so that a kernel which reads or writes past an array is stopped on the spot.
 */
#ifndef KERNELS_SUPPORT_H
#define KERNELS_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/kernels.h"

enum { CANARY = 64, CANARY_BYTE = 0x5a };

/* Half the distance between 1 and the next f32: the largest relative error of one operation. */
static const double UNIT = 0x1p-24;

static uint64_t random_state = 1;

static inline uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static inline size_t random_below(size_t n)
{
    return (size_t)(random_bits() >> 11) % n;
}

/* In (-1, 1), of many magnitudes. */
static inline float random_float(void)
{
    float x = (float)((double)(random_bits() >> 11) * 0x1p-53);
    x = random_bits() & 1 ? x : -x;
    return random_bits() % 4 ? x : x * 0.01f;
}

/* Whether SAFECONF_TEST_SHORT is set: fewer batches, for processors that are emulated. */
static inline bool test_short(void)
{
    return getenv("SAFECONF_TEST_SHORT") != NULL;
}

struct guarded {
    char *map;
    size_t map_bytes, bytes;
    void *data; /* ends where a forbidden page begins; CANARY bytes before it are watched */
};

static inline struct guarded guarded_new(size_t bytes)
{
    struct guarded g = {.bytes = bytes};
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used = (bytes + CANARY + page - 1) / page * page;
    g.map_bytes = used + page;
    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(g.map != MAP_FAILED);
    assert_int_equal(mprotect(g.map + used, page, PROT_NONE), 0);
    g.data = g.map + used - bytes;
    memset((char *)g.data - CANARY, CANARY_BYTE, CANARY);
    memset(g.data, 0xff, bytes); /* NaN, should anybody read it before it is written */
    return g;
}

static inline void guarded_free(struct guarded *g)
{
    for (size_t i = 1; i <= CANARY; i++) {
        assert_int_equal(((unsigned char *)g->data)[-(ptrdiff_t)i], CANARY_BYTE);
    }
    munmap(g->map, g->map_bytes);
    *g = (struct guarded){0};
}

static inline struct guarded guarded_floats(size_t n)
{
    struct guarded g = guarded_new(n * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        ((float *)g.data)[i] = random_float();
    }
    return g;
}

static inline void check_near(const char *what, double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance)) {
        fail_msg("%s: expected %.9g, found %.9g, apart %.3g, allowed %.3g", what, expected, found,
                 fabs(found - expected), tolerance);
    }
}

static inline void check_same(const char *what, const void *a, const void *b, size_t bytes)
{
    if (memcmp(a, b, bytes) != 0) {
        fail_msg("%s: results differ in their bits", what);
    }
}

#endif
