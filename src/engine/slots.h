/*
 * Where the nodes of a tree of answers keep their keys and values: a slot is one position of one
 * page, number page * SC_PAGE_POSITIONS + position.
 *
 * Nodes come and go one by one and in no order that is known before, so that pages are shared by
 * all paths.  While there is plenty of room a path begins a short run of slots of its own, so that
 * those of its next nodes lie side by side; when room gets short every free slot is used.
 */
#ifndef SC_ENGINE_SLOTS_H
#define SC_ENGINE_SLOTS_H

#include "engine/arena.h"
#include "engine/device.h"

#define SC_NO_SLOT UINT32_MAX

struct sc_slots {
    uint32_t *taken; /* [n_pages] a bit per position */
    size_t n_pages, n_free;
    size_t next; /* page at which the search for a slot begins */
};

void sc_slots_layout(struct sc_slots *slots, size_t n_pages, struct sc_arena *arena);
void sc_slots_clear(struct sc_slots *slots); /* all are free */

/* A free slot, the one behind `before` if that is free; SC_NO_SLOT where none is, and for before:
 * nothing stands before. */
uint32_t sc_slots_take(struct sc_slots *slots, uint32_t before);
void sc_slots_give_back(struct sc_slots *slots, uint32_t slot);

/* Appends a slot to a history of n spans: joins the last one, or adds one.  Returns how many there
 * are then.  The pages of slots begin at page `first_page` of the device. */
size_t sc_slots_append(struct sc_span *spans, size_t n, uint32_t slot, size_t first_page);

#endif
