/* See rope.h. */
#include "engine/cpu/rope.h"

#include "engine/angles.h"

void sc_rope_layout(struct sc_forward *f, struct sc_arena *arena)
{
    const struct sc_model_config *c = &f->cpu->config;
    for (enum sc_rope_kind kind = 0; kind < SC_N_ROPES; kind++) {
        struct sc_angles *angles = &f->angles[kind];
        if (!sc_angles_needed(c, kind))
            continue;
        angles->n = c->rope[kind].n;
        angles->cosines = sc_arena_take(arena, f->sizes.n_positions, angles->n * sizeof(float));
        angles->sines = sc_arena_take(arena, f->sizes.n_positions, angles->n * sizeof(float));
        if (arena->base != NULL)
            sc_angles_fill(angles->cosines, angles->sines, &c->rope[kind], f->sizes.n_positions);
    }
}

/* A family that has angles of their own for local layers has none for long sequences. */
static const struct sc_angles *angles_of(const struct sc_forward *f, const struct sc_row *row)
{
    if (f->angles[SC_ROPE_LOCAL].n > 0 && sc_layer_is_local(&f->cpu->config, f->layer))
        return &f->angles[SC_ROPE_LOCAL];
    return &f->angles[row->is_long ? SC_ROPE_LONG : SC_ROPE_GLOBAL];
}

struct sc_turn sc_rope_of(const struct sc_forward *f, const struct sc_row *row)
{
    const struct sc_angles *angles = angles_of(f, row);
    size_t at = row->position * angles->n;
    return (struct sc_turn){angles->cosines + at, angles->sines + at, 2 * angles->n};
}
