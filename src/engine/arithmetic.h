/* What follows from the arithmetic of an engine, whatever its device. */
#ifndef SC_ENGINE_ARITHMETIC_H
#define SC_ENGINE_ARITHMETIC_H

#include "model/model.h"

/* The one in which a model is computed where nothing else is asked for: its own, with f16 computed
 * in f32 (a wider type loses nothing of it). */
enum sc_dtype sc_own_arithmetic(const struct sc_model_config *config);

/* With the scale of the embedding as a number of the weights' own dtype the network was trained,
 * and others run it so in that dtype; in f32 they do not round it. */
void sc_round_embedding_scale(struct sc_model_config *config, enum sc_dtype arithmetic);

#endif
