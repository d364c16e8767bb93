/* See angles.h. */
#include "engine/angles.h"

#include <math.h>
#include <string.h>

static bool is_same(const struct sc_rope *a, const struct sc_rope *b)
{
    return a->n == b->n && memcmp(&a->scale, &b->scale, sizeof a->scale) == 0 &&
           memcmp(a->step, b->step, a->n * sizeof *a->step) == 0;
}

bool sc_angles_needed(const struct sc_model_config *config, enum sc_rope_kind kind)
{
    switch (kind) {
    case SC_ROPE_LOCAL: /* of their own */
        return !is_same(&config->rope[SC_ROPE_LOCAL], &config->rope[SC_ROPE_GLOBAL]);
    case SC_ROPE_LONG:
        return config->long_from != 0;
    default:
        return true;
    }
}

void sc_angles_fill(float *cosines, float *sines, const struct sc_rope *rope, size_t n_positions)
{
    for (size_t i = 0; i < rope->n; i++) {
        double step = rope->step[i];

        for (size_t position = 0; position < n_positions; position++) {
            size_t at = position * rope->n + i;
            cosines[at] = (float)(cos((double)position * step) * rope->scale);
            sines[at] = (float)(sin((double)position * step) * rope->scale);
        }
    }
}
