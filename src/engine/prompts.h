/*
 * Which prompts' keys and values a session keeps, and in which pages.  A prompt's are computed once
 * and shared by all its traces; here is the book of them, the memory itself is the device's.
 *
 * A prompt is a list of pages of SC_PAGE_POSITIONS positions, which cannot fragment.  What nobody
 * uses stays until its room is needed.
 */
#ifndef SC_ENGINE_PROMPTS_H
#define SC_ENGINE_PROMPTS_H

#include <safeconf/core.h>

#include "engine/arena.h"

#define SC_PAGE_POSITIONS 32

/* Pages that hold so many positions. */
size_t sc_prompt_pages(size_t n_positions);

/* A prompt whose keys and values are kept. */
struct sc_prompt {
    uint64_t key;
    const int32_t *ids;     /* the requester's; read until filled */
    size_t n, n_filled;     /* tokens; those whose keys and values are there */
    size_t n_refs;          /* requests and traces that use it */
    size_t n_pages;         /* 0: this slot is free */
    uint64_t last_use;      /* for the choice of what to forget */
    uint32_t *pages;        /* [n_pages]; the first n_stem_pages are the stem's */
    bool is_stem;           /* whole pages with which other prompts begin; it has no logits */
    bool is_long;           /* its positions turn by the model's angles for long sequences */
    struct sc_prompt *stem; /* whose pages this prompt begins with; NULL: all are its own */
    size_t n_stem_pages;
    size_t n_children; /* prompts kept that begin with this one */
    size_t slot;       /* its number: also of the kept logits after its last token, once filled */
    size_t mark;       /* the scheduler's: the round that last looked at it */
};

struct sc_prompt_cache {
    struct sc_prompt *prompts; /* [n_prompts] slots */
    size_t n_prompts;
    uint32_t *free_pages; /* [n_free] */
    size_t n_free, n_pages;
    uint64_t clock;
};

enum sc_prompt_found { SC_PROMPT_READY, SC_PROMPT_NO_ROOM, SC_PROMPT_OTHER };

/* Cuts the cache out of the arena: n_slots prompts of at most max_prompt tokens, n_pages pages. */
void sc_prompt_cache_layout(struct sc_prompt_cache *cache, size_t n_slots, size_t n_pages,
                            size_t max_prompt, struct sc_arena *arena);

/* A prompt that is wanted.  Its first n_shared tokens begin all prompts of shared_key: the whole
 * pages of these are a prompt of their own, the stem, which must be filled before this one is.  A
 * stem stays as long as a prompt that begins with it. */
struct sc_prompt_wanted {
    uint64_t key;
    const int32_t *ids; /* [n] */
    size_t n;
    uint64_t shared_key;
    size_t n_shared; /* 0: none */
    bool is_long;    /* keys of both kinds are different prompts */
};

/* The prompt of that key, one reference more: found, or opened in place of prompts that nobody
 * uses, the longest unused first.  NO_ROOM: not while so much is in use.  OTHER: the key belongs to
 * a prompt of another length. */
enum sc_prompt_found sc_prompt_acquire(struct sc_prompt_cache *cache,
                                       const struct sc_prompt_wanted *wanted,
                                       struct sc_prompt **out);
/* Gives a reference back; the prompt is kept until its room is needed. */
void sc_prompt_release(struct sc_prompt *prompt);

#endif
