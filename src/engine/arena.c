/* Arena: see arena.h. */
#include "engine/arena.h"

#include "base/memory.h"

void *sc_arena_take(struct sc_arena *arena, size_t count, size_t size)
{
    size_t bytes = sc_size_add(sc_size_mul(count, size), 63);
    size_t offset = arena->used;

    if (bytes == SIZE_MAX) {
        arena->used = SIZE_MAX;
        return NULL;
    }
    arena->used = sc_size_add(offset, bytes & ~(size_t)63);
    return arena->base != NULL ? arena->base + offset : NULL;
}
