/*
 * Memory.  Every allocation of the library goes through here, so that tests can make each fail in
 * turn.  All functions return NULL when memory is exhausted; none of them exits.
 */
#ifndef SC_BASE_MEMORY_H
#define SC_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *sc_alloc(size_t bytes);                    /* uninitialised; bytes 0 gives a valid pointer */
void *sc_alloc_zero(size_t count, size_t size);  /* zeroed; checks count * size for overflow */
void *sc_alloc_array(size_t count, size_t size); /* uninitialised; the same check */
void *sc_resize(void *memory, size_t count, size_t size); /* realloc with the same check */
void *sc_alloc_aligned(size_t bytes); /* 64-byte aligned, uninitialised; sc_free */
void sc_free(void *memory);
/* Asks for pages of 2 MiB under memory that is about to be touched for the first time: looking up
 * small ones costs whoever reads a lot of memory.  A wish; no harm when it is not granted. */
void sc_prefer_large_pages(void *memory, size_t bytes);
char *sc_strdup(const char *text); /* NULL for NULL */
char *sc_strndup(const char *text, size_t bytes);

/* Makes place for one more element in *array of n elements of the given size and capacity *cap;
 * returns 0, or -1 when memory is exhausted (the array stays valid). */
int sc_grow(void **array, size_t n, size_t *cap, size_t size);

/* a * b, or SIZE_MAX when that overflows (which no allocation can satisfy). */
size_t sc_size_mul(size_t a, size_t b);
size_t sc_size_add(size_t a, size_t b);

/* Test hooks: the allocation number n (from 0) after this call fails, and once only; SIZE_MAX turns
 * it off.  sc_memory_count says how many were asked for since. */
void sc_memory_fail_at(size_t n);
size_t sc_memory_count(void);
bool sc_memory_failed(void); /* whether it came to that allocation */

#endif
