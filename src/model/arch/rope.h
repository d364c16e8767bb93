/*
 * Rotary positions as config.json describes them: `rope_scaling` (as published), or
 * `rope_parameters` (newer), which may hold an object for each type of layer.  The steps are those
 * of transformers' modeling_rope_utils, computed in double where it computes them in float32: for
 * the first ten thousand positions the angles differ by less than 1e-3 radians.
 */
#ifndef SC_MODEL_ARCH_ROPE_H
#define SC_MODEL_ARCH_ROPE_H

#include <jansson.h>

#include "model/model.h"

/* What a family takes for granted. */
struct sc_rope_rules {
    bool local_base;  /* local layers turn by rope_local_base_freq, without scaling */
    bool may_be_part; /* partial_rotary_factor may be below 1 */
    bool always_long; /* "su" and "yarn" are older names of "longrope" (Phi-3) */
};

/* Fills rope, rope_theta and long_from of the configuration and, where a scaling says that more
 * positions may be used than max_position_embeddings, max_positions.  n_heads, head_dim and
 * max_positions are known already. */
enum sc_status sc_rope_read(const json_t *top, const struct sc_rope_rules *rules,
                            struct sc_model_config *config, struct sc_error *error);

#endif
