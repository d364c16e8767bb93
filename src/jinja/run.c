#include "jinja/run.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/memory.h"

struct arena_block {
    struct arena_block *before;
};

#define ALIGNMENT alignof(max_align_t)
#define FIRST_BLOCK 16384
#define HEAD ((sizeof(struct arena_block) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

static size_t rounded(size_t bytes)
{
    return bytes > SIZE_MAX - ALIGNMENT ? SIZE_MAX
                                        : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* A block with room for so many bytes: blocks double, so that there are few. */
static bool add_block(struct arena *arena, size_t bytes)
{
    size_t size = arena->n_taken < FIRST_BLOCK ? FIRST_BLOCK : arena->n_taken, room;

    room = arena->max_bytes > arena->n_taken ? arena->max_bytes - arena->n_taken : 0;
    if (room < HEAD || bytes > room - HEAD)
        return false;
    if (size > room)
        size = room;
    if (size < bytes + HEAD)
        size = bytes + HEAD;
    struct arena_block *block = sc_alloc(size);
    if (block == NULL)
        return false;
    block->before = arena->last;
    arena->last = block;
    arena->free = (char *)block + HEAD;
    arena->n_free = size - HEAD;
    arena->n_taken += size;
    return true;
}

void *sc_jinja_arena_take(struct arena *arena, size_t bytes)
{
    size_t n = rounded(bytes ? bytes : 1);

    if (n > arena->n_free && (n == SIZE_MAX || !add_block(arena, n)))
        return NULL;
    void *piece = arena->free;
    arena->free += n;
    arena->n_free -= n;
    return piece;
}

void sc_jinja_arena_free(struct arena *arena)
{
    while (arena->last != NULL) {
        struct arena_block *before = arena->last->before;
        sc_free(arena->last);
        arena->last = before;
    }
    *arena = (struct arena){.max_bytes = arena->max_bytes};
}

enum sc_status sc_jinja_fail(struct run *run, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return sc_fail(run->error, SC_ERR_FORMAT, "line %d: %s", run->line, text);
}

void *sc_jinja_take(struct run *run, size_t bytes)
{
    void *piece = sc_jinja_arena_take(&run->arena, bytes);

    if (piece == NULL) {
        bool bounded = bytes > run->arena.max_bytes ||
                       run->arena.n_taken + bytes + HEAD > run->arena.max_bytes;
        run->failed = bounded ? sc_fail(run->error, SC_ERR_LIMIT,
                                        "line %d: the template needs more than %zu bytes of memory",
                                        run->line, run->arena.max_bytes)
                              : sc_fail_nomem(run->error, "a chat template");
    }
    return piece;
}

void *sc_jinja_take_array(struct run *run, size_t count, size_t size)
{
    return sc_jinja_take(run, sc_size_mul(count, size));
}

enum sc_status sc_jinja_step(struct run *run, size_t n)
{
    assert(run->n_steps <= run->max_steps);
    if (n > run->max_steps - run->n_steps)
        return sc_fail(run->error, SC_ERR_LIMIT, "line %d: the template takes more than %zu steps",
                       run->line, run->max_steps);
    run->n_steps += n;
    return SC_OK;
}

enum sc_status sc_jinja_step_bytes(struct run *run, size_t n_bytes)
{
    return sc_jinja_step(run, 1 + n_bytes / 32);
}

enum sc_status sc_jinja_enter(struct run *run)
{
    if (run->depth >= run->max_depth)
        return sc_fail(run->error, SC_ERR_LIMIT, "line %d: the template nests deeper than %zu",
                       run->line, run->max_depth);
    run->depth++;
    return sc_jinja_step(run, 1);
}

void sc_jinja_leave(struct run *run)
{
    assert(run->depth > 0);
    run->depth--;
}
