/* See random.h.  Philox 4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", 2011. */
#include "base/random.h"

#include <stdbool.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <Random123/philox.h>
#pragma GCC diagnostic pop
#include <xxhash.h>

uint64_t sc_random_bits(enum sc_stream stream, uint64_t seed, uint64_t a, uint32_t b, uint32_t c)
{
    /* Philox takes a key of 64 bits and a counter of 128: the seed is the key, and the stream joins
     * the top of the position, which never comes near 2^28. */
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter = {
        {(uint32_t)a, (uint32_t)(a >> 32), b, c ^ ((uint32_t)stream << 28)}};
    philox4x32_ctr_t bits = philox4x32(counter, key);
    return (uint64_t)bits.v[1] << 32 | bits.v[0];
}

/* 52 bits and a half: with 53 the largest value would round to 1. */
static double open_unit(uint64_t bits)
{
    return ((double)(int64_t)(bits >> 12) + 0.5) * 0x1p-52;
}

double sc_random_uniform(enum sc_stream stream, uint64_t seed, uint64_t a, uint32_t b, uint32_t c)
{
    return open_unit(sc_random_bits(stream, seed, a, b, c));
}

static uint64_t next_bits(struct sc_random *random)
{
    uint64_t counter = random->counter++;
    return sc_random_bits(random->stream, random->seed, random->key, (uint32_t)counter,
                          (uint32_t)(counter >> 32));
}

double sc_random_next(struct sc_random *random)
{
    return open_unit(next_bits(random));
}

size_t sc_random_below(struct sc_random *random, size_t n)
{
    /* Rejects the few values that would make the remainder uneven; there are fewer than n of them,
     * so that a division is spared for nearly all. */
    uint64_t bound = n;
    for (;;) {
        uint64_t bits = next_bits(random);
        if (bits >= bound || bits >= (UINT64_MAX - bound + 1) % bound)
            return (size_t)(bits % bound);
    }
}

void sc_random_order(struct sc_random *random, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; random != NULL && i > 1; i--) {
        size_t pick = sc_random_below(random, i), kept = order[i - 1];
        order[i - 1] = order[pick];
        order[pick] = kept;
    }
}

/* ---- many at once ---------------------------------------------------------------------------- */

/* Philox in lanes, for numbers that lie one after another: no lane waits for another, and compilers
 * make vectors of them.  Integers alone, so every instruction set gives the same. */
enum { LANES = 16 };

static inline __attribute__((always_inline)) void fill_block(const struct sc_random *random,
                                                             uint64_t counter, uint64_t *out)
{
    uint32_t a[LANES], b[LANES], c[LANES], d[LANES];
    for (int l = 0; l < LANES; l++) {
        uint64_t at = counter + (uint64_t)l;
        a[l] = (uint32_t)random->key;
        b[l] = (uint32_t)(random->key >> 32);
        c[l] = (uint32_t)at;
        d[l] = (uint32_t)(at >> 32) ^ ((uint32_t)random->stream << 28);
    }
    uint32_t first = (uint32_t)random->seed, second = (uint32_t)(random->seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < LANES; l++) {
            uint64_t x = (uint64_t)PHILOX_M4x32_0 * a[l], y = (uint64_t)PHILOX_M4x32_1 * c[l];
            a[l] = (uint32_t)(y >> 32) ^ b[l] ^ first;
            c[l] = (uint32_t)(x >> 32) ^ d[l] ^ second;
            b[l] = (uint32_t)y;
            d[l] = (uint32_t)x;
        }
        first += PHILOX_W32_0;
        second += PHILOX_W32_1;
    }
    for (int l = 0; l < LANES; l++)
        out[l] = (uint64_t)b[l] << 32 | a[l];
}

static void fill_plainly(const struct sc_random *random, uint64_t counter, uint64_t *out)
{
    fill_block(random, counter, out);
}

typedef void fill_function(const struct sc_random *random, uint64_t counter, uint64_t *out);

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void fill_avx2(const struct sc_random *random,
                                                      uint64_t counter, uint64_t *out)
{
    fill_block(random, counter, out);
}

__attribute__((target("avx512f,avx512vl,avx512dq"))) static void
fill_avx512(const struct sc_random *random, uint64_t counter, uint64_t *out)
{
    fill_block(random, counter, out);
}
#endif

static fill_function *best_fill(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return fill_avx512;
    if (__builtin_cpu_supports("avx2"))
        return fill_avx2;
#endif
    return fill_plainly;
}

void sc_random_fill(struct sc_random *random, double *out, size_t n)
{
    fill_function *fill = best_fill();
    uint64_t bits[LANES];
    size_t done = 0;
    for (; n - done >= LANES; done += LANES) {
        fill(random, random->counter + done, bits);
        for (size_t l = 0; l < LANES; l++)
            out[done + l] = open_unit(bits[l]);
    }
    random->counter += done;
    for (; done < n; done++)
        out[done] = sc_random_next(random);
}

void sc_random_fill_below(struct sc_random *random, size_t below, uint32_t *out, size_t n)
{
    fill_function *fill = best_fill();
    uint64_t bits[LANES];
    size_t done = 0;
    while (n - done >= LANES) {
        bool plain = true;
        fill(random, random->counter, bits);
        for (size_t l = 0; l < LANES; l++)
            plain = plain && bits[l] >= below; /* none that might have to be rejected */
        if (!plain) {
            out[done++] = (uint32_t)sc_random_below(random, below);
            continue;
        }
        for (size_t l = 0; l < LANES; l++)
            out[done + l] = (uint32_t)(bits[l] % below);
        done += LANES;
        random->counter += LANES;
    }
    while (done < n)
        out[done++] = (uint32_t)sc_random_below(random, below);
}

uint64_t sc_hash64(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}
