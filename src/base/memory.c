/* See memory.h. */
#include "base/memory.h"

#include <safeconf/safeconf.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Allocations since sc_memory_fail_at, and the one that is to fail. */
static atomic_size_t n_asked;
static atomic_size_t fail_at = SIZE_MAX;

void sc_memory_fail_at(size_t n)
{
    atomic_store(&n_asked, 0);
    atomic_store(&fail_at, n);
}

size_t sc_memory_count(void)
{
    return atomic_load(&n_asked);
}

bool sc_memory_failed(void)
{
    return atomic_load(&n_asked) > atomic_load(&fail_at);
}

static int must_fail(void)
{
    size_t number = atomic_fetch_add_explicit(&n_asked, 1, memory_order_relaxed);
    return number == atomic_load_explicit(&fail_at, memory_order_relaxed);
}

size_t sc_size_mul(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

size_t sc_size_add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

void *sc_alloc(size_t bytes)
{
    if (must_fail() || bytes > PTRDIFF_MAX)
        return NULL;
    return malloc(bytes ? bytes : 1);
}

void *sc_alloc_array(size_t count, size_t size)
{
    return sc_alloc(sc_size_mul(count, size));
}

void *sc_alloc_zero(size_t count, size_t size)
{
    size_t bytes = sc_size_mul(count, size);
    if (must_fail() || bytes > PTRDIFF_MAX)
        return NULL;
    return calloc(1, bytes ? bytes : 1);
}

void *sc_resize(void *memory, size_t count, size_t size)
{
    size_t bytes = sc_size_mul(count, size);
    if (must_fail() || bytes > PTRDIFF_MAX)
        return NULL;
    return realloc(memory, bytes ? bytes : 1);
}

void *sc_alloc_aligned(size_t bytes)
{
    if (must_fail() || bytes > PTRDIFF_MAX - 64)
        return NULL;
    return aligned_alloc(64, (bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0));
}

void sc_prefer_large_pages(void *memory, size_t bytes)
{
    const size_t page = (size_t)2 << 20;
    size_t skip = (page - (uintptr_t)memory % page) % page;
    if (bytes >= skip + page)
        madvise((char *)memory + skip, (bytes - skip) / page * page, MADV_HUGEPAGE);
}

void sc_free(void *memory)
{
    free(memory);
}

void sc_release(void *memory)
{
    sc_free(memory);
}

char *sc_strndup(const char *text, size_t bytes)
{
    if (text == NULL)
        return NULL;
    char *copy = sc_alloc(sc_size_add(bytes, 1));
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

char *sc_strdup(const char *text)
{
    return text != NULL ? sc_strndup(text, strlen(text)) : NULL;
}

int sc_grow(void **array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return 0;
    size_t wanted = *cap < 8 ? 8 : sc_size_mul(*cap, 2);
    void *grown = sc_resize(*array, wanted, size);
    if (grown == NULL)
        return -1;
    *array = grown;
    *cap = wanted;
    return 0;
}
