/*
 * How a checkpoint's weights are quantized.  8-bit floats (e4m3) with a scale per tensor, per row
 * or per block are read: they are widened as the weights are packed.  Every other way is refused by
 * its name, with what to do.
 */
#ifndef SC_MODEL_CHECKPOINT_QUANTIZATION_H
#define SC_MODEL_CHECKPOINT_QUANTIZATION_H

#include <jansson.h>

#include "model/checkpoint/checkpoint.h"

/* Reads what config.json says of it (quantization_config, compression_config, MLX's quantization).
 * *quantization is all zero where it says nothing. */
enum sc_status sc_quantization_read(const json_t *top, struct sc_quantization *quantization,
                                    struct sc_error *error);

/* Finds the scales of an e4m3 tensor, `name`_scale_inv or `name`_scale, and puts them into
 * tensor->f8.  tensor is the whole one of the file.  Sources: the published checkpoints' layouts.
 */
enum sc_status sc_quantization_scales(const struct sc_quantization *quantization,
                                      const struct sc_shard *shards, size_t n_shards,
                                      const char *name, struct sc_tensor *tensor,
                                      struct sc_error *error);

/* What tensors beside a missing one say of it: "GPTQ or AWQ", or NULL. */
const char *sc_quantization_guess(const struct sc_shard *shards, size_t n_shards, const char *name);

#endif
