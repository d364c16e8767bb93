/*
 * One block of memory cut into pieces.  The same layout code runs twice: with base NULL it only
 * counts, so that a plan can be computed without taking anything; with memory it hands out.
 */
#ifndef SC_ENGINE_ARENA_H
#define SC_ENGINE_ARENA_H

#include <stddef.h>

struct sc_arena {
    unsigned char *base; /* 64-byte aligned, or NULL while measuring */
    size_t used;         /* SIZE_MAX once a sum overflowed */
};

/* count * size bytes on a 64-byte boundary; NULL while measuring. */
void *sc_arena_take(struct sc_arena *arena, size_t count, size_t size);

#endif
