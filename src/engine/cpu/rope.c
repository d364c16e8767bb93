/* See rope.h. */
#include "engine/cpu/rope.h"

#include <math.h>
#include <string.h>

static bool is_same(const struct sc_rope *a, const struct sc_rope *b)
{
    return a->n == b->n && memcmp(&a->scale, &b->scale, sizeof a->scale) == 0 &&
           memcmp(a->step, b->step, a->n * sizeof *a->step) == 0;
}

/* Whether the local layers turn by angles of their own. */
static bool has_local(const struct sc_model_config *config)
{
    return !is_same(&config->rope[SC_ROPE_LOCAL], &config->rope[SC_ROPE_GLOBAL]);
}

/* Angles position * step, their cosines and sines in double and then rounded. */
static void fill(struct sc_angles *angles, const struct sc_rope *rope, size_t n_positions)
{
    for (size_t i = 0; i < rope->n; i++) {
        double step = rope->step[i];

        for (size_t position = 0; position < n_positions; position++) {
            size_t at = position * rope->n + i;
            angles->cosines[at] = (float)(cos((double)position * step) * rope->scale);
            angles->sines[at] = (float)(sin((double)position * step) * rope->scale);
        }
    }
}

void sc_rope_layout(struct sc_forward *f, struct sc_arena *arena)
{
    const struct sc_model_config *c = &f->cpu->config;
    const bool needed[SC_N_ROPES] = {
        [SC_ROPE_GLOBAL] = true,
        [SC_ROPE_LOCAL] = has_local(c),
        [SC_ROPE_LONG] = c->long_from != 0,
    };
    for (enum sc_rope_kind kind = 0; kind < SC_N_ROPES; kind++) {
        struct sc_angles *angles = &f->angles[kind];
        if (!needed[kind])
            continue;
        angles->n = c->rope[kind].n;
        angles->cosines = sc_arena_take(arena, f->sizes.n_positions, angles->n * sizeof(float));
        angles->sines = sc_arena_take(arena, f->sizes.n_positions, angles->n * sizeof(float));
        if (arena->base != NULL)
            fill(angles, &c->rope[kind], f->sizes.n_positions);
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
