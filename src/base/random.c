/* See random.h.  Philox 4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", 2011. */
#include "base/random.h"

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
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
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
    /* Rejects the few values that would make the remainder uneven. */
    uint64_t bound = n, reject = (UINT64_MAX - bound + 1) % bound;
    for (;;) {
        uint64_t bits = next_bits(random);
        if (bits >= reject)
            return (size_t)(bits % bound);
    }
}

uint64_t sc_hash64(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}
