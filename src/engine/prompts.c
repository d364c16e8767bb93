/*
 * The book of prompts: by key, reference counted, forgotten least recently used; and of their
 * pages, which go back when the last prompt that has them is forgotten.
 *
 * Takes no memory after its layout.  Next: scheduler.c, which opens and releases prompts.
 */
#include "engine/prompts.h"

#include <assert.h>
#include <string.h>

size_t sc_prompt_pages(size_t n_positions)
{
    return n_positions / SC_PAGE_POSITIONS + (n_positions % SC_PAGE_POSITIONS != 0);
}

void sc_prompt_cache_layout(struct sc_prompt_cache *cache,
                            const struct sc_prompt_cache_sizes *sizes, struct sc_arena *arena)
{
    *cache = (struct sc_prompt_cache){.n_prompts = sizes->n_slots,
                                      .n_pages = sizes->n_pages,
                                      .first_page = (uint32_t)sizes->first_page};
    cache->prompts = sc_arena_take(arena, sizes->n_slots, sizeof *cache->prompts);
    cache->free_pages = sc_arena_take(arena, sizes->n_pages, sizeof *cache->free_pages);
    cache->pages = sc_arena_take(arena, sizes->n_pages, sizeof *cache->pages);
    for (size_t i = 0; i < sizes->n_slots; i++) {
        struct sc_span *spans =
            sc_arena_take(arena, sc_prompt_pages(sizes->max_prompt), sizeof *spans);
        if (arena->base != NULL)
            cache->prompts[i] = (struct sc_prompt){.spans = spans, .slot = i};
    }
    if (arena->base == NULL)
        return;
    memset(cache->pages, 0, sizes->n_pages * sizeof *cache->pages);
    assert(sizes->first_page + sizes->n_pages <= UINT32_MAX);
    /* Last in, first out: the same few pages stay warm. */
    for (size_t i = 0; i < sizes->n_pages; i++)
        cache->free_pages[i] = (uint32_t)(sizes->first_page + sizes->n_pages - 1 - i);
    cache->n_free = sizes->n_pages;
}

static struct sc_prompt_page *page_of(struct sc_prompt_cache *cache, const struct sc_prompt *prompt,
                                      size_t i)
{
    return &cache->pages[prompt->spans[i].page - cache->first_page];
}

/* ---- room ------------------------------------------------------------------------------------ */

static bool is_idle(const struct sc_prompt *prompt)
{
    return prompt->n_pages > 0 && prompt->n_refs == 0;
}

/* The numbers of the prompt's pages stay readable. */
static void forget(struct sc_prompt_cache *cache, struct sc_prompt *prompt)
{
    for (; prompt->n_pages > 0; prompt->n_pages--)
        if (--page_of(cache, prompt, prompt->n_pages - 1)->n_holders == 0)
            cache->free_pages[cache->n_free++] = prompt->spans[prompt->n_pages - 1].page;
}

/* Pages that are free, or would be if all prompts that nobody uses were forgotten. */
static size_t count_within_reach(struct sc_prompt_cache *cache)
{
    size_t n = cache->n_free;
    for (size_t i = 0; i < cache->n_pages; i++)
        cache->pages[i].n_idle = 0;
    for (size_t p = 0; p < cache->n_prompts; p++) {
        const struct sc_prompt *prompt = &cache->prompts[p];
        for (size_t i = 0; is_idle(prompt) && i < prompt->n_pages; i++) {
            struct sc_prompt_page *page = page_of(cache, prompt, i);
            n += ++page->n_idle == page->n_holders;
        }
    }
    return n;
}

/* The one of those that nobody uses, the longest; NULL: none. */
static struct sc_prompt *find_oldest(struct sc_prompt_cache *cache)
{
    struct sc_prompt *oldest = NULL;
    for (size_t i = 0; i < cache->n_prompts; i++) {
        struct sc_prompt *prompt = &cache->prompts[i];
        if (is_idle(prompt) && (oldest == NULL || prompt->last_use < oldest->last_use))
            oldest = prompt;
    }
    return oldest;
}

static struct sc_prompt *find_empty(struct sc_prompt_cache *cache)
{
    for (size_t i = cache->n_prompts; i > 0; i--)
        if (cache->prompts[i - 1].n_pages == 0)
            return &cache->prompts[i - 1];
    return NULL;
}

/* A slot, and n_pages free pages, after forgetting what must go for it; NULL: no room. */
static struct sc_prompt *make_room(struct sc_prompt_cache *cache, size_t n_pages)
{
    struct sc_prompt *slot = find_empty(cache);
    if (slot != NULL && cache->n_free >= n_pages)
        return slot;
    if (count_within_reach(cache) < n_pages)
        return NULL;
    while (slot == NULL || cache->n_free < n_pages) {
        struct sc_prompt *oldest = find_oldest(cache);
        if (oldest == NULL)
            return NULL; /* every slot is in use; nothing was forgotten */
        forget(cache, oldest);
        slot = oldest;
    }
    return slot;
}

/* ---- prompts that begin alike ---------------------------------------------------------------- */

/* Whole pages with which both begin; the last token of the one that is wanted is not among them,
 * since its logits are asked for. */
static size_t count_alike(struct sc_prompt_cache *cache, const struct sc_prompt *prompt,
                          const struct sc_prompt_wanted *wanted)
{
    size_t most = (wanted->n - 1) / SC_PAGE_POSITIONS, n = 0;
    if (most > prompt->n / SC_PAGE_POSITIONS)
        most = prompt->n / SC_PAGE_POSITIONS;
    while (n < most && memcmp(page_of(cache, prompt, n)->ids, wanted->ids + n * SC_PAGE_POSITIONS,
                              SC_PAGE_POSITIONS * sizeof *wanted->ids) == 0)
        n++;
    return n;
}

/* Positions of the prompt's first n pages that are filled. */
static size_t count_filled(struct sc_prompt_cache *cache, const struct sc_prompt *prompt, size_t n)
{
    size_t n_filled = 0;
    for (size_t i = 0; i < n; i++)
        n_filled += page_of(cache, prompt, i)->n_filled;
    return n_filled;
}

/* The kept prompt that begins with the most of the wanted one's whole pages, and how many; of equal
 * ones that of which the most is there. */
static const struct sc_prompt *find_alike(struct sc_prompt_cache *cache,
                                          const struct sc_prompt_wanted *wanted, size_t *n_alike)
{
    const struct sc_prompt *best = NULL;
    size_t n_filled = 0;
    *n_alike = 0;
    for (size_t i = 0; !cache->no_sharing && i < cache->n_prompts; i++) {
        const struct sc_prompt *prompt = &cache->prompts[i];
        if (prompt->n_pages == 0 || prompt->is_long != wanted->is_long)
            continue;
        size_t n = count_alike(cache, prompt, wanted), there = count_filled(cache, prompt, n);
        if (n > *n_alike || (n == *n_alike && there > n_filled)) {
            best = prompt;
            *n_alike = n;
            n_filled = there;
        }
    }
    return best;
}

/* ---- prompts --------------------------------------------------------------------------------- */

static struct sc_prompt *find(struct sc_prompt_cache *cache, uint64_t key, bool is_long)
{
    for (size_t i = 0; i < cache->n_prompts; i++) {
        struct sc_prompt *prompt = &cache->prompts[i];
        if (prompt->n_pages && prompt->key == key && prompt->is_long == is_long)
            return prompt;
    }
    return NULL;
}

static void add_page(struct sc_prompt_cache *cache, struct sc_prompt *prompt,
                     const struct sc_prompt_wanted *wanted)
{
    size_t begin = prompt->n_pages * SC_PAGE_POSITIONS, n = wanted->n - begin;
    if (n > SC_PAGE_POSITIONS)
        n = SC_PAGE_POSITIONS;
    prompt->spans[prompt->n_pages++] =
        (struct sc_span){.page = cache->free_pages[--cache->n_free], .n = (uint16_t)n};
    struct sc_prompt_page *page = page_of(cache, prompt, prompt->n_pages - 1);
    page->n_holders = 1;
    page->n_filled = 0;
    memcpy(page->ids, wanted->ids + begin, n * sizeof *page->ids);
}

/* Opens the prompt, which is not kept yet; NULL: no room. */
static struct sc_prompt *open_prompt(struct sc_prompt_cache *cache,
                                     const struct sc_prompt_wanted *wanted)
{
    size_t n_alike, n_pages = sc_prompt_pages(wanted->n);
    const struct sc_prompt *alike = find_alike(cache, wanted, &n_alike);
    for (size_t i = 0; i < n_alike; i++) /* held before anything is forgotten */
        page_of(cache, alike, i)->n_holders++;
    struct sc_prompt *prompt = make_room(cache, n_pages - n_alike);
    if (prompt == NULL) {
        for (size_t i = 0; i < n_alike; i++)
            page_of(cache, alike, i)->n_holders--;
        return NULL;
    }
    for (size_t i = 0; i < n_alike; i++) /* alike may have been forgotten, and be this very slot */
        prompt->spans[i] = alike->spans[i];
    prompt->n_pages = n_alike;
    while (prompt->n_pages < n_pages)
        add_page(cache, prompt, wanted);
    prompt->key = wanted->key;
    prompt->n = wanted->n;
    prompt->is_long = wanted->is_long;
    prompt->n_filled = prompt->n_refs = 0;
    prompt->mark = 0;
    return prompt;
}

enum sc_prompt_found sc_prompt_acquire(struct sc_prompt_cache *cache,
                                       const struct sc_prompt_wanted *wanted,
                                       struct sc_prompt **out)
{
    assert(wanted->n > 0);
    *out = NULL;
    struct sc_prompt *prompt = find(cache, wanted->key, wanted->is_long);
    if (prompt != NULL && prompt->n != wanted->n)
        return SC_PROMPT_OTHER;
    if (prompt == NULL)
        prompt = open_prompt(cache, wanted);
    if (prompt == NULL)
        return SC_PROMPT_NO_ROOM;
    prompt->ids = wanted->ids;
    prompt->n_refs++;
    prompt->last_use = ++cache->clock;
    *out = prompt;
    return SC_PROMPT_READY;
}

void sc_prompt_release(struct sc_prompt *prompt)
{
    assert(prompt->n_refs > 0);
    prompt->n_refs--;
}

/* ---- filling --------------------------------------------------------------------------------- */

size_t sc_prompt_left(struct sc_prompt_cache *cache, struct sc_prompt *prompt)
{
    while (prompt->n_filled < prompt->n &&
           prompt->n_filled % SC_PAGE_POSITIONS <
               page_of(cache, prompt, prompt->n_filled / SC_PAGE_POSITIONS)->n_filled)
        prompt->n_filled++;
    return prompt->n - prompt->n_filled;
}

size_t sc_prompt_fill(struct sc_prompt_cache *cache, struct sc_prompt *prompt)
{
    struct sc_prompt_page *page = page_of(cache, prompt, prompt->n_filled / SC_PAGE_POSITIONS);
    assert(page->n_filled == prompt->n_filled % SC_PAGE_POSITIONS);
    page->n_filled++;
    return prompt->n_filled++;
}
