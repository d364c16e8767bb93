/*
 * Memory of emulated cards.  What a card has is out of the program's reach but while work is done,
 * as it is on a real one; a block ends where a page begins that nobody may touch, but for what its
 * length leaves of SC_GPU_ALIGNMENT, which is looked at when it is given back.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/gpu/emulated/card.h"
#include "engine/gpu/emulated/watched.h"

enum { UNWRITTEN = 0xff, BEHIND = 0xa5, MOST_BLOCKS = 1024 };

/* Whoever opened it: an address of a card is good for all of them, as on a real one. */
static struct card {
    struct block {
        unsigned char *memory;
        size_t bytes;
        unsigned char *mapped; /* with a page before and one behind that nobody may touch; NULL: */
        size_t mapped_bytes;   /* it is memory of the host */
    } blocks[MOST_BLOCKS];
    size_t n_blocks, taken;
    unsigned n_working;
} cards[SC_EMULATED_MOST_CARDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

size_t sc_emulated_taken(int card)
{
    pthread_mutex_lock(&lock);
    const size_t taken = cards[card].taken;
    pthread_mutex_unlock(&lock);
    return taken;
}

static bool count_bytes(const struct sc_emulated_gpu *gpu, size_t bytes)
{
    pthread_mutex_lock(&lock);
    size_t *taken = &cards[gpu->card].taken;
    const bool fits = *taken <= gpu->options.bytes && bytes <= gpu->options.bytes - *taken;
    if (fits)
        *taken += bytes;
    pthread_mutex_unlock(&lock);
    return fits;
}

static void uncount_bytes(const struct sc_emulated_gpu *gpu, size_t bytes)
{
    pthread_mutex_lock(&lock);
    cards[gpu->card].taken -= bytes;
    pthread_mutex_unlock(&lock);
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void protect(const struct block *block, int protection)
{
    const size_t page = page_bytes();
    if (block->mapped != NULL)
        mprotect(block->mapped + page, block->mapped_bytes - 2 * page, protection);
}

/* Bytes of a block with what is behind it. */
static size_t rounded(size_t bytes)
{
    return (bytes + SC_GPU_ALIGNMENT - 1) / SC_GPU_ALIGNMENT * SC_GPU_ALIGNMENT;
}

static bool map_block(size_t bytes, struct block *out)
{
    const size_t page = page_bytes(), most = SIZE_MAX - 3 * page - SC_GPU_ALIGNMENT;
    if (bytes > most)
        return false;
    const size_t inner = (rounded(bytes) + page - 1) / page * page;
    unsigned char *mapped =
        mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return false;
    *out = (struct block){mapped + page + inner - rounded(bytes), bytes, mapped, inner + 2 * page};
    protect(out, PROT_READ | PROT_WRITE);
    memset(out->memory, UNWRITTEN, bytes);
    memset(out->memory + bytes, BEHIND, rounded(bytes) - bytes);
    SC_FORBID(out->memory + bytes, rounded(bytes) - bytes);
    return true;
}

static void unmap_block(const struct block *block)
{
    SC_ALLOW(block->memory + block->bytes, rounded(block->bytes) - block->bytes);
    munmap(block->mapped, block->mapped_bytes);
}

static enum sc_status keep(struct sc_emulated_gpu *gpu, const struct block *block, char *why)
{
    struct card *card = &cards[gpu->card];
    pthread_mutex_lock(&lock);
    const bool fits = card->n_blocks < MOST_BLOCKS;
    if (fits) {
        card->blocks[card->n_blocks++] = *block;
        gpu->n_blocks++;
        if (card->n_working == 0)
            protect(block, PROT_NONE);
    }
    pthread_mutex_unlock(&lock);
    if (!fits)
        snprintf(why, SC_GPU_WHY, "emulated: more than %d blocks of memory", MOST_BLOCKS);
    return fits ? SC_OK : SC_ERR_NOMEM;
}

enum sc_status sc_emulated_take(void *opened, size_t bytes, void **memory, char *why)
{
    struct sc_emulated_gpu *gpu = opened;
    struct block block;
    *memory = NULL;
    if (sc_emulated_is_to_fail(&gpu->options, "memory of the card", why))
        return SC_ERR_NOMEM;
    const bool fits = count_bytes(gpu, bytes);
    if (!fits || !map_block(bytes, &block)) {
        snprintf(why, SC_GPU_WHY, "emulated: %zu bytes: the card has not so much left", bytes);
        if (fits)
            uncount_bytes(gpu, bytes);
        return SC_ERR_NOMEM;
    }
    const enum sc_status status = keep(gpu, &block, why);
    if (status != SC_OK) {
        unmap_block(&block);
        uncount_bytes(gpu, bytes);
        return status;
    }
    *memory = block.memory;
    return SC_OK;
}

/* Takes the block out of the list. */
static struct block drop(struct sc_emulated_gpu *gpu, const void *memory)
{
    struct card *card = &cards[gpu->card];
    struct block block = {0};
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < card->n_blocks; i++)
        if (card->blocks[i].memory == memory) {
            block = card->blocks[i];
            card->blocks[i] = card->blocks[--card->n_blocks];
            gpu->n_blocks--;
        }
    pthread_mutex_unlock(&lock);
    assert(block.memory != NULL && "what is given back is no memory of this card");
    return block;
}

void sc_emulated_release(void *opened, void *memory)
{
    struct sc_emulated_gpu *gpu = opened;
    if (memory == NULL)
        return;
    const struct block block = drop(gpu, memory);
    assert(block.mapped != NULL);
    protect(&block, PROT_READ);
    SC_ALLOW(block.memory + block.bytes, rounded(block.bytes) - block.bytes);
    for (size_t i = block.bytes; i < rounded(block.bytes); i++)
        assert(block.memory[i] == BEHIND && "something was written behind a block of the card");
    unmap_block(&block);
    uncount_bytes(gpu, block.bytes);
}

enum sc_status sc_emulated_take_host(void *opened, size_t bytes, void **memory, char *why)
{
    struct sc_emulated_gpu *gpu = opened;
    *memory = NULL;
    if (sc_emulated_is_to_fail(&gpu->options, "memory of the host", why))
        return SC_ERR_NOMEM;
    if (posix_memalign(memory, SC_GPU_ALIGNMENT, bytes > 0 ? bytes : 1) != 0) {
        *memory = NULL;
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    memset(*memory, UNWRITTEN, bytes);
    const enum sc_status status = keep(gpu, &(struct block){*memory, bytes, NULL, 0}, why);
    if (status != SC_OK) {
        free(*memory);
        *memory = NULL;
    }
    return status;
}

void sc_emulated_release_host(void *opened, void *memory)
{
    if (memory == NULL)
        return;
    const struct block block = drop(opened, memory);
    assert(block.mapped == NULL);
    free(block.memory);
}

enum sc_status sc_emulated_store(void *opened, void *to, const void *from, size_t bytes, char *why)
{
    struct sc_emulated_gpu *gpu = opened;
    if (sc_emulated_is_to_fail(&gpu->options, "a copy to the card", why))
        return SC_ERR_INTERNAL;
    if (bytes > 0 && sc_emulated_owner(gpu, to, bytes) != SC_OF_CARD) {
        snprintf(why, SC_GPU_WHY, "emulated: a copy to what is not the card's memory");
        return SC_ERR_INTERNAL;
    }
    sc_emulated_reach(gpu);
    memcpy(to, from, bytes);
    sc_emulated_leave(gpu);
    return SC_OK;
}

/* ---- reach ----------------------------------------------------------------------------------- */

static void protect_all(const struct card *card, int protection)
{
    for (size_t i = 0; i < card->n_blocks; i++)
        protect(&card->blocks[i], protection);
}

void sc_emulated_reach(const struct sc_emulated_gpu *gpu)
{
    struct card *card = &cards[gpu->card];
    pthread_mutex_lock(&lock);
    if (card->n_working++ == 0)
        protect_all(card, PROT_READ | PROT_WRITE);
    pthread_mutex_unlock(&lock);
}

void sc_emulated_leave(const struct sc_emulated_gpu *gpu)
{
    struct card *card = &cards[gpu->card];
    pthread_mutex_lock(&lock);
    if (--card->n_working == 0)
        protect_all(card, PROT_NONE);
    pthread_mutex_unlock(&lock);
}

enum sc_emulated_place_kind sc_emulated_owner(const struct sc_emulated_gpu *gpu, const void *at,
                                              size_t bytes)
{
    const struct card *card = &cards[gpu->card];
    enum sc_emulated_place_kind kind = SC_OF_NOBODY;
    const uintptr_t from = (uintptr_t)at;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < card->n_blocks && kind == SC_OF_NOBODY; i++) {
        const struct block *b = &card->blocks[i];
        const uintptr_t begin = (uintptr_t)b->memory;
        if (from >= begin && from - begin <= b->bytes && bytes <= b->bytes - (from - begin))
            kind = b->mapped != NULL ? SC_OF_CARD : SC_OF_HOST;
    }
    pthread_mutex_unlock(&lock);
    return kind;
}

/* What may be an address of a program or library, of its heap or a stack.  The bytes between the
 * members of a struct hold anything: an older address behind a bool is none, and where
 * AddressSanitizer's heap is they would often hit. */
static bool may_be_address(uintptr_t word)
{
#ifdef SC_WATCHED
    (void)word;
    return false;
#else
    return word >= (uintptr_t)0x5000 << 32 && word >> 48 == 0 && word % 256 > 1 &&
           (word & UINT32_MAX) >= (uintptr_t)1
                                      << 24; /* else a size, and behind it what was there */
#endif
}

bool sc_emulated_is_foreign(const struct sc_emulated_gpu *gpu, const void *arguments, size_t bytes)
{
    const uintptr_t page = page_bytes();
    for (size_t at = 0; at + sizeof(uintptr_t) <= bytes; at += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, (const unsigned char *)arguments + at, sizeof word);
        if (!may_be_address(word) || sc_emulated_owner(gpu, (const void *)word, 0) != SC_OF_NOBODY)
            continue;
        if (msync((void *)(word / page * page), page, MS_ASYNC) == 0)
            return true;
    }
    return false;
}
