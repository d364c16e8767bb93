/* Tables of the angles by which queries and keys turn, the same for all devices. */
#ifndef SC_ENGINE_ANGLES_H
#define SC_ENGINE_ANGLES_H

#include "model/model.h"

/* Whether rows of such a network turn by a table of this kind. */
bool sc_angles_needed(const struct sc_model_config *config, enum sc_rope_kind kind);

/* Cosines and sines [n_positions][rope->n] of position * step, taken in double, scaled, rounded. */
void sc_angles_fill(float *cosines, float *sines, const struct sc_rope *rope, size_t n_positions);

#endif
