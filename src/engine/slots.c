/* See slots.h. */
#include "engine/slots.h"

#include <assert.h>
#include <string.h>

/* Slots of a run, a divisor of SC_PAGE_POSITIONS. */
#define RUN 4
#define RUN_BITS (((uint32_t)1 << RUN) - 1)
_Static_assert(SC_PAGE_POSITIONS == 32, "a page's slots are the bits of a word");

void sc_slots_layout(struct sc_slots *slots, size_t n_pages, struct sc_arena *arena)
{
    assert(n_pages < SC_NO_SLOT / SC_PAGE_POSITIONS);
    *slots = (struct sc_slots){.n_pages = n_pages};
    slots->taken = sc_arena_take(arena, n_pages, sizeof *slots->taken);
    if (arena->base != NULL)
        sc_slots_clear(slots);
}

void sc_slots_clear(struct sc_slots *slots)
{
    memset(slots->taken, 0, slots->n_pages * sizeof *slots->taken);
    slots->n_free = slots->n_pages * SC_PAGE_POSITIONS;
    slots->next = 0;
}

static uint32_t take(struct sc_slots *slots, size_t page, unsigned at)
{
    slots->taken[page] |= (uint32_t)1 << at;
    slots->n_free--;
    return (uint32_t)(page * SC_PAGE_POSITIONS + at);
}

/* The first slot from page `next` on at which a run begins that is free, of `width` slots. */
static uint32_t find(struct sc_slots *slots, unsigned width, uint32_t bits)
{
    for (size_t i = 0; i < slots->n_pages; i++) {
        size_t page = slots->next;
        for (unsigned at = 0; at < SC_PAGE_POSITIONS; at += width)
            if ((slots->taken[page] >> at & bits) == 0)
                return take(slots, page, at);
        slots->next = page + 1 < slots->n_pages ? page + 1 : 0;
    }
    return SC_NO_SLOT;
}

uint32_t sc_slots_take(struct sc_slots *slots, uint32_t before)
{
    if (slots->n_free == 0)
        return SC_NO_SLOT;
    if (before != SC_NO_SLOT) {
        size_t page = before / SC_PAGE_POSITIONS;
        unsigned at = before % SC_PAGE_POSITIONS + 1;
        if (at < SC_PAGE_POSITIONS && (slots->taken[page] >> at & 1) == 0)
            return take(slots, page, at);
    }
    if (slots->n_free > slots->n_pages * SC_PAGE_POSITIONS / 2) {
        uint32_t slot = find(slots, RUN, RUN_BITS);
        if (slot != SC_NO_SLOT)
            return slot;
    }
    return find(slots, 1, 1);
}

void sc_slots_give_back(struct sc_slots *slots, uint32_t slot)
{
    size_t page = slot / SC_PAGE_POSITIONS;
    uint32_t bit = (uint32_t)1 << slot % SC_PAGE_POSITIONS;
    assert((slots->taken[page] & bit) != 0);
    slots->taken[page] &= ~bit;
    slots->n_free++;
    /* Few pages stay in use, and warm. */
    if (page < slots->next)
        slots->next = page;
}

size_t sc_slots_append(struct sc_span *spans, size_t n, uint32_t slot, size_t first_page)
{
    uint32_t page = (uint32_t)(first_page + slot / SC_PAGE_POSITIONS);
    uint16_t at = slot % SC_PAGE_POSITIONS;
    if (n > 0 && spans[n - 1].page == page && spans[n - 1].begin + spans[n - 1].n == at) {
        spans[n - 1].n++;
        return n;
    }
    spans[n] = (struct sc_span){.page = page, .begin = at, .n = 1};
    return n + 1;
}
