/*
 * Inside the model room: the pieces that model.c puts together.  Each parses from memory, so that
 * tests and fuzzers reach it without files.
 */
#ifndef SC_MODEL_CHECKPOINT_CHECKPOINT_H
#define SC_MODEL_CHECKPOINT_CHECKPOINT_H

#include <jansson.h>

#include "base/file.h"
#include "model/arch/arch.h"

#define SC_CONFIG_BYTES_MAX ((size_t)1 << 20)
#define SC_SAFETENSORS_HEADER_MAX ((size_t)8 << 20)

/* config.json.  *dtype_given says whether it names the dtype of the weights. */
enum sc_status sc_config_parse(const char *text, size_t n, struct sc_model_config *config,
                               bool *dtype_given, struct sc_error *error);

/* generation_config.json; sampling holds where it says nothing. */
enum sc_status sc_generation_parse(const char *text, size_t n, const struct sc_sampling *sampling,
                                   struct sc_generation_config *generation, struct sc_error *error);

/* One safetensors file: its header and where its data lies. */
struct sc_shard {
    char *name;        /* of the file, for messages */
    struct sc_map map; /* empty when the bytes are the caller's */
    json_t *header;
    const unsigned char *data; /* [data_bytes] */
    size_t data_bytes;
};

/* Reads the header of n bytes that stay the caller's, and checks the offsets of every tensor in it.
 * On failure nothing is left to close. */
enum sc_status sc_shard_parse(struct sc_shard *shard, const char *name, const unsigned char *bytes,
                              size_t n, struct sc_error *error);
/* Maps the file `name` of the folder and parses it. */
enum sc_status sc_shard_open(struct sc_shard *shard, const char *folder, const char *name,
                             struct sc_error *error);
void sc_shard_close(struct sc_shard *shard);
/* Releases the header; the data stays mapped. */
void sc_shard_drop_header(struct sc_shard *shard);

/* Finds a tensor and checks its dtype and shape: [n_rows][n_cols], or [n_cols] when n_rows is 0.
 * One of 8-bit floats comes without its scales (quantization.h). */
enum sc_status sc_shard_tensor(const struct sc_shard *shard, const char *name, size_t n_rows,
                               size_t n_cols, struct sc_tensor *out, struct sc_error *error);
bool sc_shard_has(const struct sc_shard *shard, const char *name);
/* Finds a tensor of any shape, *n numbers of f32, bf16 or f16: fills out->data and out->dtype. */
enum sc_status sc_shard_numbers(const struct sc_shard *shard, const char *name,
                                struct sc_tensor *out, size_t *n, struct sc_error *error);

#endif
