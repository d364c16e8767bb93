/*
 * Inside the model room: the pieces that model.c puts together.  Each parses from memory, so that
 * tests and fuzzers reach it without files.
 */
#ifndef SC_MODEL_CHECKPOINT_CHECKPOINT_H
#define SC_MODEL_CHECKPOINT_CHECKPOINT_H

#include <jansson.h>

#include "base/file.h"
#include "model/model.h"

#define SC_CONFIG_BYTES_MAX ((size_t)1 << 20)
#define SC_SAFETENSORS_HEADER_MAX ((size_t)8 << 20)

/* config.json.  *dtype_given says whether it names the dtype of the weights. */
enum sc_status sc_config_parse(const char *text, size_t n, struct sc_model_config *config,
                               bool *dtype_given, struct sc_error *error);
/* Parameters that a network of these shapes needs; SIZE_MAX when that overflows. */
size_t sc_config_n_parameters(const struct sc_model_config *config);

/* What holds without a generation_config.json. */
void sc_generation_default(struct sc_generation_config *generation);
enum sc_status sc_generation_parse(const char *text, size_t n,
                                   struct sc_generation_config *generation, struct sc_error *error);

/* One safetensors file: its header and where its data lies. */
struct sc_shard {
    char *name;        /* of the file, for messages */
    struct sc_map map; /* empty when the bytes are the caller's */
    json_t *header;
    const unsigned char *data; /* [data_bytes] */
    size_t data_bytes;
};

/* Reads the header of n bytes that stay the caller's, and checks the place of every tensor in it.
 * On failure nothing is left to close. */
enum sc_status sc_shard_parse(struct sc_shard *shard, const char *name, const unsigned char *bytes,
                              size_t n, struct sc_error *error);
/* Maps the file `name` of the folder and parses it. */
enum sc_status sc_shard_open(struct sc_shard *shard, const char *folder, const char *name,
                             struct sc_error *error);
void sc_shard_close(struct sc_shard *shard);
/* Releases the header; the data stays mapped. */
void sc_shard_drop_header(struct sc_shard *shard);

/* Finds a tensor and checks its dtype and shape: [n_rows][n_cols], or [n_cols] when n_rows is 0. */
enum sc_status sc_shard_tensor(const struct sc_shard *shard, const char *name, size_t n_rows,
                               size_t n_cols, struct sc_tensor *out, struct sc_error *error);
bool sc_shard_has(const struct sc_shard *shard, const char *name);

/* A tensor that the network needs, and its place: the offset of a struct sc_tensor in the struct
 * sc_layer_tensors of its layer, or in struct sc_top_tensors when it belongs to none. */
struct sc_tensor_slot {
    const char *name;
    size_t n_rows, n_cols; /* n_rows 0: a vector */
    size_t layer;          /* or SC_NO_LAYER */
    size_t at;
};
#define SC_NO_LAYER SIZE_MAX
struct sc_top_tensors {
    struct sc_tensor embedding, final_norm, head;
};
/* Calls visit for each of them, in the fixed order of the fingerprint; stops at the first failure.
 */
typedef enum sc_status sc_slot_visit(void *context, const struct sc_tensor_slot *slot,
                                     struct sc_error *error);
enum sc_status sc_config_visit(const struct sc_model_config *config, sc_slot_visit *visit,
                               void *context, struct sc_error *error);

/* A name of one file or folder: not empty, no '/', not hidden, no control characters. */
bool sc_is_plain_name(const char *name);

#endif
