/* Tables of the angles by which queries and keys turn. */
#ifndef SC_ENGINE_CPU_ROPE_H
#define SC_ENGINE_CPU_ROPE_H

#include "engine/cpu/forward.h"

/* Cuts the tables that the network needs out of the arena; with memory, fills them. */
void sc_rope_layout(struct sc_forward *forward, struct sc_arena *arena);

/* How a row's heads turn in forward->layer: their first `width` numbers, by halves. */
struct sc_turn {
    const float *cosines, *sines; /* [width / 2] */
    size_t width;
};
struct sc_turn sc_rope_of(const struct sc_forward *forward, const struct sc_row *row);

#endif
