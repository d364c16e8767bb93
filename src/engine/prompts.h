/*
 * Which prompts' keys and values a session keeps, and in which pages.  A prompt's are computed once
 * and shared by all its traces; here is the book of them, the memory itself is the device's.
 *
 * A prompt is a list of pages of SC_PAGE_POSITIONS positions, which cannot fragment.  The whole
 * pages with which it begins as another kept prompt does are that prompt's pages: whichever of them
 * comes first computes them.  What nobody uses stays until its room is needed.
 */
#ifndef SC_ENGINE_PROMPTS_H
#define SC_ENGINE_PROMPTS_H

#include <safeconf/core.h>

#include "engine/arena.h"
#include "engine/device.h"

/* Pages that hold so many positions. */
size_t sc_prompt_pages(size_t n_positions);

/* A prompt whose keys and values are kept. */
struct sc_prompt {
    uint64_t key;
    const int32_t *ids;    /* the requester's; read until filled */
    size_t n, n_filled;    /* tokens; those whose keys and values are known to be there */
    size_t n_refs;         /* requests and traces that use it */
    size_t n_pages;        /* 0: this slot is free */
    uint64_t last_use;     /* for the choice of what to forget */
    struct sc_span *spans; /* [n_pages], each the beginning of a page */
    bool is_long;          /* its positions turn by the model's angles for long sequences */
    size_t slot; /* its number: also of the kept logits after its last token, once filled */
    size_t mark; /* the scheduler's: the round that last looked at it */
};

/* A page of one or several kept prompts. */
struct sc_prompt_page {
    int32_t ids[SC_PAGE_POSITIONS]; /* the tokens at its positions */
    uint32_t n_holders;             /* prompts that have it; 0: it is free */
    uint32_t n_idle;                /* while room is sought: holders that nobody uses */
    uint32_t n_filled;              /* positions whose keys and values are there */
};

struct sc_prompt_cache {
    struct sc_prompt *prompts; /* [n_prompts] slots */
    size_t n_prompts;
    struct sc_prompt_page *pages; /* [n_pages] */
    uint32_t *free_pages;         /* [n_free] */
    size_t n_free, n_pages;
    bool no_sharing;     /* prompts that begin alike have all pages to themselves */
    uint32_t first_page; /* the session's pages from here on are the cache's */
    uint64_t clock;
};

enum sc_prompt_found { SC_PROMPT_READY, SC_PROMPT_NO_ROOM, SC_PROMPT_OTHER };

/* What a cache is to hold: n_slots prompts of at most max_prompt tokens, in the n_pages pages of
 * the session from first_page on. */
struct sc_prompt_cache_sizes {
    size_t n_slots, max_prompt, n_pages, first_page;
};
/* Cuts the cache out of the arena. */
void sc_prompt_cache_layout(struct sc_prompt_cache *cache,
                            const struct sc_prompt_cache_sizes *sizes, struct sc_arena *arena);

/* A prompt that is wanted. */
struct sc_prompt_wanted {
    uint64_t key;
    const int32_t *ids; /* [n] */
    size_t n;
    bool is_long; /* keys of both kinds are different prompts */
};

/* The prompt of that key, one reference more: found, or opened in place of prompts that nobody
 * uses, the longest unused first.  NO_ROOM: not while so much is in use.  OTHER: the key belongs to
 * a prompt of another length. */
enum sc_prompt_found sc_prompt_acquire(struct sc_prompt_cache *cache,
                                       const struct sc_prompt_wanted *wanted,
                                       struct sc_prompt **out);
/* Gives a reference back; the prompt is kept until its room is needed. */
void sc_prompt_release(struct sc_prompt *prompt);

/* Tokens of the prompt whose keys and values are still to be computed: none that a prompt that
 * begins alike has filled since. */
size_t sc_prompt_left(struct sc_prompt_cache *cache, struct sc_prompt *prompt);
/* The next of these, right after sc_prompt_left; its position.  Its keys and values are there from
 * the coming step on, in which rows of all prompts may read them. */
size_t sc_prompt_fill(struct sc_prompt_cache *cache, struct sc_prompt *prompt);

#endif
