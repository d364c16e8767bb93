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
    while (prompt->n_pages > prompt->n_stem_pages)
        cache->free_pages[cache->n_free++] = prompt->pages[--prompt->n_pages];
    prompt->n_pages = prompt->n_stem_pages = 0;
    if (prompt->stem != NULL)
        prompt->stem->n_children--;
    prompt->stem = NULL;
}

/* Whether a prompt that is in use begins with this one. */
static bool is_begun_with(const struct sc_prompt_cache *cache, const struct sc_prompt *stem)
{
    for (size_t i = 0; stem->n_children && i < cache->n_prompts; i++)
        if (cache->prompts[i].stem == stem && cache->prompts[i].n_refs)
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
            within_reach += prompt->n_pages - prompt->n_stem_pages;
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

static struct sc_prompt *find(struct sc_prompt_cache *cache, uint64_t key, bool is_stem,
                              bool is_long)
{
    for (size_t i = 0; i < cache->n_prompts; i++) {
        struct sc_prompt *prompt = &cache->prompts[i];
        if (prompt->n_pages && prompt->key == key && prompt->is_stem == is_stem &&
            prompt->is_long == is_long)
            return prompt;
    }
    return NULL;
}

/* A slot with the prompt's pages, the stem's (NULL: none) first; NULL: no room. */
static struct sc_prompt *open_slot(struct sc_prompt_cache *cache, size_t n_pages,
                                   struct sc_prompt *stem)
{
    size_t n_stem_pages = stem != NULL ? stem->n_pages : 0;
    struct sc_prompt *prompt = make_room(cache, n_pages - n_stem_pages);
    if (prompt == NULL)
        return NULL;
    for (; prompt->n_pages < n_stem_pages; prompt->n_pages++)
        prompt->pages[prompt->n_pages] = stem->pages[prompt->n_pages];
    while (prompt->n_pages < n_pages)
        prompt->pages[prompt->n_pages++] = cache->free_pages[--cache->n_free];
    prompt->stem = stem;
    prompt->n_stem_pages = n_stem_pages;
    prompt->n_filled = n_stem_pages * SC_PAGE_POSITIONS;
    prompt->n_children = 0;
    prompt->n_refs = 0;
    prompt->mark = 0;
    if (stem != NULL)
        stem->n_children++;
    return prompt;
}

static enum sc_prompt_found use(struct sc_prompt_cache *cache, struct sc_prompt *prompt,
                                const int32_t *ids, struct sc_prompt **out)
{
    prompt->ids = ids;
    prompt->n_refs++;
    prompt->last_use = ++cache->clock;
    *out = prompt;
    return SC_PROMPT_READY;
}

/* Finds or opens the stem of the first n tokens, with one reference more. */
static enum sc_prompt_found acquire_stem(struct sc_prompt_cache *cache,
                                         const struct sc_prompt_wanted *wanted, size_t n,
                                         struct sc_prompt **out)
{
    struct sc_prompt *stem = find(cache, wanted->shared_key, true, wanted->is_long);
    if (stem != NULL && stem->n != n)
        return SC_PROMPT_OTHER;
    if (stem == NULL) {
        stem = open_slot(cache, sc_prompt_pages(n), NULL);
        if (stem == NULL)
            return SC_PROMPT_NO_ROOM;
        stem->key = wanted->shared_key;
        stem->n = n;
        stem->is_stem = true;
        stem->is_long = wanted->is_long;
    }
    return use(cache, stem, wanted->ids, out);
}

/* Opens the prompt, which is not kept yet. */
static enum sc_prompt_found open_prompt(struct sc_prompt_cache *cache,
                                        const struct sc_prompt_wanted *wanted,
                                        struct sc_prompt *stem, struct sc_prompt **out)
{
    struct sc_prompt *prompt = open_slot(cache, sc_prompt_pages(wanted->n), stem);
    if (prompt == NULL)
        return SC_PROMPT_NO_ROOM;
    prompt->key = wanted->key;
    prompt->n = wanted->n;
    prompt->is_stem = false;
    prompt->is_long = wanted->is_long;
    return use(cache, prompt, wanted->ids, out);
}

enum sc_prompt_found sc_prompt_acquire(struct sc_prompt_cache *cache,
                                       const struct sc_prompt_wanted *wanted,
                                       struct sc_prompt **out)
{
    assert(wanted->n > 0);
    *out = NULL;
    struct sc_prompt *prompt = find(cache, wanted->key, false, wanted->is_long);
    if (prompt != NULL)
        return prompt->n == wanted->n ? use(cache, prompt, wanted->ids, out) : SC_PROMPT_OTHER;
    size_t n_stem = wanted->n_shared - wanted->n_shared % SC_PAGE_POSITIONS;
    if (n_stem == 0 || n_stem >= wanted->n)
        return open_prompt(cache, wanted, NULL, out);
    struct sc_prompt *stem = NULL;
    enum sc_prompt_found found = acquire_stem(cache, wanted, n_stem, &stem);
    if (found != SC_PROMPT_READY)
        return found;
    found = open_prompt(cache, wanted, stem, out);
    sc_prompt_release(stem); /* the prompt itself keeps it */
    return found;
}

void sc_prompt_release(struct sc_prompt *prompt)
{
    assert(prompt->n_refs > 0);
    prompt->n_refs--;
}
