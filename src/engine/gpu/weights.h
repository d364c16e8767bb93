/* The model's matrices on the card. */
#ifndef SC_ENGINE_GPU_WEIGHTS_H
#define SC_ENGINE_GPU_WEIGHTS_H

#include "engine/gpu/gpu.h"

/* open and close of engine/device.h for the card that options.device names (modules.h).
 * SC_ERR_LIMIT: the card has not the memory for the weights and a session of one trace. */
enum sc_status sc_gpu_weights_open(struct sc_engine *engine,
                                   const struct sc_engine_options *options, struct sc_error *error);
void sc_gpu_weights_close(void *weights); /* NULL is fine */

#endif
