/*
 * Counter-based random numbers (Philox 4x32-10 from Random123): a value is a function of its key
 * and counter, never of what was drawn before.
 */
#ifndef SC_BASE_RANDOM_H
#define SC_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Separate streams for separate uses, so that no two uses ever share a number. */
enum sc_stream {
    SC_STREAM_SAMPLING = 1,   /* tokens: (seed, instance, trace, position) */
    SC_STREAM_BENCHMARK = 2,  /* choosing and generating instances */
    SC_STREAM_STATISTICS = 3, /* bootstrap and permutations */
    SC_STREAM_WEIGHTS = 4,    /* random models */
    SC_STREAM_REMOTE = 5,     /* how long to wait before a request is tried again */
    SC_STREAM_JUDGING = 6,    /* seeds that a judge behind a server is given */
    SC_STREAM_SERVER = 7,     /* seeds that traces of a server are asked for with */
    SC_STREAM_EXPLORATION = 8 /* tokens of an exploration: (seed, instance, trace, position) */
};

/* 64 random bits of (stream, seed, a, b, c). */
uint64_t sc_random_bits(enum sc_stream stream, uint64_t seed, uint64_t a, uint32_t b, uint32_t c);
/* The same as a double in the open interval (0, 1), 52 bits. */
double sc_random_uniform(enum sc_stream stream, uint64_t seed, uint64_t a, uint32_t b, uint32_t c);

/* A sequence for shuffles and resampling: the stream's numbers at counters 0, 1, 2 ... */
struct sc_random {
    enum sc_stream stream;
    uint64_t seed, key, counter;
};
double sc_random_next(struct sc_random *random);            /* (0, 1) */
size_t sc_random_below(struct sc_random *random, size_t n); /* 0 .. n-1, unbiased; n > 0 */
/* 0 .. n-1 in an order of which each is as likely (Fisher and Yates), in order [n]; NULL: as they
 * come. */
void sc_random_order(struct sc_random *random, size_t n, size_t *order);
/* The next n of either: what n calls give, several times as fast; 0 < below <= 2^32. */
void sc_random_fill(struct sc_random *random, double *out, size_t n);
void sc_random_fill_below(struct sc_random *random, size_t below, uint32_t *out, size_t n);

/* A 64-bit key of a byte string (XXH3), the same on every machine. */
uint64_t sc_hash64(const void *bytes, size_t n);

#endif
