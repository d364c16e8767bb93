/*
 * The book of prompts: by key, reference counted, forgotten least recently used.
 *
 * Takes no memory after its layout.  Next: scheduler.c, which opens and releases prompts.
 */
#include "engine/prompts.h"

#include <assert.h>

size_t sc_prompt_pages(size_t n_positions)
{
    return n_positions / SC_PAGE_POSITIONS + (n_positions % SC_PAGE_POSITIONS != 0);
}

void sc_prompt_cache_layout(struct sc_prompt_cache *cache, size_t n_slots, size_t n_pages,
                            size_t max_prompt, struct sc_arena *arena)
{
    *cache = (struct sc_prompt_cache){.n_prompts = n_slots, .n_pages = n_pages};
    cache->prompts = sc_arena_take(arena, n_slots, sizeof *cache->prompts);
    cache->free_pages = sc_arena_take(arena, n_pages, sizeof *cache->free_pages);
    for (size_t i = 0; i < n_slots; i++) {
        uint32_t *pages = sc_arena_take(arena, sc_prompt_pages(max_prompt), sizeof *pages);
        if (arena->base != NULL)
            cache->prompts[i] = (struct sc_prompt){.pages = pages, .slot = i};
    }
    if (arena->base == NULL)
        return;
    assert(n_pages <= UINT32_MAX);
    /* Last in, first out: the same few pages stay warm. */
    for (size_t i = 0; i < n_pages; i++)
        cache->free_pages[i] = (uint32_t)(n_pages - 1 - i);
    cache->n_free = n_pages;
}

static void forget(struct sc_prompt_cache *cache, struct sc_prompt *prompt)
{
    while (prompt->n_pages > prompt->n_head_pages)
        cache->free_pages[cache->n_free++] = prompt->pages[--prompt->n_pages];
    prompt->n_pages = prompt->n_head_pages = 0;
    if (prompt->head != NULL)
        prompt->head->n_children--;
    prompt->head = NULL;
}

/* Whether a prompt that is in use begins with this one. */
static bool is_begun_with(const struct sc_prompt_cache *cache, const struct sc_prompt *head)
{
    for (size_t i = 0; head->n_children && i < cache->n_prompts; i++)
        if (cache->prompts[i].head == head && cache->prompts[i].n_refs)
            return true;
    return false;
}

/* A slot for a prompt of n_pages pages, after forgetting what must go for it; NULL: no room. */
static struct sc_prompt *make_room(struct sc_prompt_cache *cache, size_t n_pages)
{
    size_t within_reach = cache->n_free;
    struct sc_prompt *slot = NULL;
    for (size_t i = 0; i < cache->n_prompts; i++) {
        struct sc_prompt *prompt = &cache->prompts[i];
        if (prompt->n_pages && !prompt->n_refs && !is_begun_with(cache, prompt))
            within_reach += prompt->n_pages - prompt->n_head_pages;
        if (!prompt->n_pages)
            slot = prompt;
    }
    if (within_reach < n_pages)
        return NULL;
    while (slot == NULL || cache->n_free < n_pages) {
        struct sc_prompt *oldest = NULL;
        for (size_t i = 0; i < cache->n_prompts; i++) {
            struct sc_prompt *prompt = &cache->prompts[i];
            if (prompt->n_pages && !prompt->n_refs && !prompt->n_children &&
                (oldest == NULL || prompt->last_use < oldest->last_use))
                oldest = prompt;
        }
        if (oldest == NULL)
            return NULL;
        forget(cache, oldest);
        slot = oldest;
    }
    return slot;
}

static struct sc_prompt *find(struct sc_prompt_cache *cache, uint64_t key, bool is_head)
{
    for (size_t i = 0; i < cache->n_prompts; i++) {
        struct sc_prompt *prompt = &cache->prompts[i];
        if (prompt->n_pages && prompt->key == key && prompt->is_head == is_head)
            return prompt;
    }
    return NULL;
}

/* Finds or opens, with one reference more; a new prompt begins with the head's pages. */
static enum sc_prompt_found acquire(struct sc_prompt_cache *cache, uint64_t key, const int32_t *ids,
                                    size_t n, bool is_head, struct sc_prompt *head,
                                    struct sc_prompt **out)
{
    size_t n_pages = sc_prompt_pages(n), n_head_pages = head != NULL ? head->n_pages : 0;
    struct sc_prompt *prompt = find(cache, key, is_head);
    *out = NULL;
    if (prompt != NULL && prompt->n != n)
        return SC_PROMPT_OTHER;
    if (prompt == NULL) {
        prompt = make_room(cache, n_pages - n_head_pages);
        if (prompt == NULL)
            return SC_PROMPT_NO_ROOM;
        for (; prompt->n_pages < n_head_pages; prompt->n_pages++)
            prompt->pages[prompt->n_pages] = head->pages[prompt->n_pages];
        while (prompt->n_pages < n_pages)
            prompt->pages[prompt->n_pages++] = cache->free_pages[--cache->n_free];
        prompt->key = key;
        prompt->n = n;
        prompt->is_head = is_head;
        prompt->head = head;
        prompt->n_head_pages = n_head_pages;
        prompt->n_filled = n_head_pages * SC_PAGE_POSITIONS;
        prompt->n_children = 0;
        prompt->n_refs = 0;
        prompt->mark = 0;
        if (head != NULL)
            head->n_children++;
    }
    prompt->ids = ids;
    prompt->n_refs++;
    prompt->last_use = ++cache->clock;
    *out = prompt;
    return SC_PROMPT_READY;
}

enum sc_prompt_found sc_prompt_acquire(struct sc_prompt_cache *cache, uint64_t key,
                                       const int32_t *ids, size_t n, struct sc_prompt **out)
{
    return acquire(cache, key, ids, n, false, NULL, out);
}

enum sc_prompt_found sc_prompt_acquire_shared(struct sc_prompt_cache *cache, uint64_t key,
                                              const int32_t *ids, size_t n, uint64_t shared_key,
                                              size_t n_shared, struct sc_prompt **out)
{
    size_t n_head = n_shared - n_shared % SC_PAGE_POSITIONS;
    /* A prompt that is there needs no head, and one that is refused must not leave its tokens with
     * a head that waits to be filled. */
    if (n_head == 0 || n_head >= n || find(cache, key, false) != NULL)
        return acquire(cache, key, ids, n, false, NULL, out);
    struct sc_prompt *head = NULL;
    enum sc_prompt_found found = acquire(cache, shared_key, ids, n_head, true, NULL, &head);
    if (found != SC_PROMPT_READY) {
        *out = NULL;
        return found;
    }
    found = acquire(cache, key, ids, n, false, head, out);
    sc_prompt_release(head); /* the prompt itself keeps it */
    return found;
}

void sc_prompt_release(struct sc_prompt *prompt)
{
    assert(prompt->n_refs > 0);
    prompt->n_refs--;
}
