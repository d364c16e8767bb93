/*
 * A checkpoint: configuration, generation settings and memory-mapped weights.
 *
 * The weights lie in one model.safetensors or in shards that model.safetensors.index.json names.
 * Every tensor that the network needs must be there with its exact shape; further tensors are no
 * error (the published Qwen3 0.6B carries an lm_head.weight although its output matrix is its
 * embedding). Nothing is converted or copied here.  Read next: config.c and arch/ (what follows
 * from config.json), safetensors.c (one file), then engine/ (what is computed).
 */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/chat/chat.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/foreign.h"
#include "model/checkpoint/quantization.h"
#include "model/tokenizer/tokenizer.h"

#define XXH_STATIC_LINKING_ONLY /* a hash state on the stack */
#include <xxhash.h>

#define INDEX_NAME "model.safetensors.index.json"
#define INDEX_BYTES_MAX ((size_t)16 << 20)
#define N_SHARDS_MAX 1024

struct sc_model {
    char *folder;
    struct sc_model_config config;
    struct sc_generation_config generation;
    char *config_text; /* [config_bytes], for the fingerprint */
    size_t config_bytes;
    struct sc_shard *shards; /* [n_shards] */
    size_t n_shards, shards_cap;
    const char *prefix;        /* of the files' names, in place of "model." */
    const char *output_prefix; /* the same before the output matrix */
    struct sc_top_tensors top;
    bool output_differs;             /* a separate output matrix that is not used is another one */
    struct sc_layer_tensors *layers; /* [n_layers] */
    struct sc_expert_tensors *experts; /* [n_layers][n_experts]; NULL where there are none */
};

/* ---- configuration --------------------------------------------------------------------------- */

static enum sc_status read_config(struct sc_model *model, bool *dtype_given, struct sc_error *error)
{
    char *path = sc_path_join(model->folder, "config.json");
    if (path == NULL)
        return sc_fail_nomem(error, "config.json");
    bool found;
    enum sc_status status = sc_file_look(path, &found, error);
    if (found)
        status = sc_file_read(path, SC_CONFIG_BYTES_MAX, &model->config_text, &model->config_bytes,
                              error);
    sc_free(path);
    if (!found && status == SC_OK)
        return sc_foreign_folder(model->folder, "config.json", error);
    SC_TRY(status);
    status = sc_config_parse(model->config_text, model->config_bytes, &model->config, dtype_given,
                             error);
    if (status != SC_OK)
        sc_error_prefix(error, "%.250s", model->folder);
    return status;
}

static enum sc_status read_generation(struct sc_model *model, struct sc_error *error)
{
    char *path = sc_path_join(model->folder, "generation_config.json"), *text = NULL;
    if (path == NULL)
        return sc_fail_nomem(error, "generation_config.json");
    enum sc_status status = SC_OK;
    const struct sc_sampling *sampling = &model->config.family->sampling;
    model->generation.sampling = *sampling;
    bool found;
    status = sc_file_look(path, &found, error);
    if (!found)
        goto done;
    size_t n = 0;
    status = sc_file_read(path, SC_CONFIG_BYTES_MAX, &text, &n, error);
    if (status != SC_OK)
        goto done;
    status = sc_generation_parse(text, n, sampling, &model->generation, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%.250s", model->folder);
done:
    sc_free(text);
    sc_free(path);
    return status;
}

/* ---- weights --------------------------------------------------------------------------------- */

static enum sc_status add_shard(struct sc_model *model, const char *name, struct sc_error *error)
{
    if (model->n_shards == N_SHARDS_MAX)
        return sc_fail(error, SC_ERR_LIMIT, "%.250s: expected at most %d weight files",
                       model->folder, N_SHARDS_MAX);
    if (sc_grow((void **)&model->shards, model->n_shards, &model->shards_cap,
                sizeof *model->shards) != 0)
        return sc_fail_nomem(error, name);
    SC_TRY(sc_shard_open(&model->shards[model->n_shards], model->folder, name, error));
    model->n_shards++;
    return SC_OK;
}

/* Opens the file that the index names for one tensor, unless it is among those that were seen. */
static enum sc_status open_listed(struct sc_model *model, const char *tensor, const json_t *value,
                                  json_t *seen, struct sc_error *error)
{
    const char *name = json_string_value(value);
    if (name == NULL || !sc_is_plain_name(name))
        return sc_fail(error, SC_ERR_FORMAT,
                       "weight_map: %.120s: expected the plain name of a file in the folder, "
                       "found \"%.120s\"",
                       tensor, name != NULL ? name : "something that is not text");
    if (json_object_get(seen, name) != NULL)
        return SC_OK;
    SC_TRY(add_shard(model, name, error));
    if (json_object_set_new(seen, name, json_true()) != 0)
        return sc_fail_nomem(error, INDEX_NAME);
    return SC_OK;
}

static enum sc_status open_all_listed(struct sc_model *model, json_t *map, struct sc_error *error)
{
    json_t *seen = json_object(), *value;
    if (seen == NULL)
        return sc_fail_nomem(error, INDEX_NAME);
    const char *tensor;
    enum sc_status status = SC_OK;
    json_object_foreach(map, tensor, value)
    {
        status = open_listed(model, tensor, value, seen, error);
        if (status != SC_OK)
            break;
    }
    json_decref(seen);
    return status;
}

static enum sc_status open_index(struct sc_model *model, const char *path, struct sc_error *error)
{
    json_t *index = NULL;
    SC_TRY(sc_json_read(path, INDEX_BYTES_MAX, &index, error));
    json_t *map = json_object_get(index, "weight_map");
    enum sc_status status;
    if (!json_is_object(map) || json_object_size(map) == 0) {
        status = sc_fail(error, SC_ERR_FORMAT,
                         "%s: weight_map: expected an object that names files", path);
    } else {
        status = open_all_listed(model, map, error);
        if (status != SC_OK)
            sc_error_prefix(error, INDEX_NAME);
    }
    json_decref(index);
    return status;
}

static enum sc_status open_either(struct sc_model *model, const char *single, const char *index,
                                  struct sc_error *error)
{
    bool found;
    SC_TRY(sc_file_look(single, &found, error));
    if (found)
        return add_shard(model, "model.safetensors", error);
    SC_TRY(sc_file_look(index, &found, error));
    if (found)
        return open_index(model, index, error);
    return sc_foreign_folder(model->folder, "model.safetensors or " INDEX_NAME, error);
}

static enum sc_status open_weights(struct sc_model *model, struct sc_error *error)
{
    char *single = sc_path_join(model->folder, "model.safetensors");
    char *index = sc_path_join(model->folder, INDEX_NAME);
    enum sc_status status = single == NULL || index == NULL
                                ? sc_fail_nomem(error, "model.safetensors")
                                : open_either(model, single, index, error);
    sc_free(index);
    sc_free(single);
    return status;
}

/* top: of the model, or a copy where the model may not change. */
static struct sc_tensor *tensor_at(struct sc_top_tensors *top, const struct sc_model *model,
                                   const struct sc_tensor_slot *slot)
{
    char *base = slot->layer == SC_NO_LAYER ? (char *)top
                 : slot->expert == SC_NO_EXPERT
                     ? (char *)&model->layers[slot->layer]
                     : (char *)&model->layers[slot->layer].experts[slot->expert];
    return (struct sc_tensor *)(void *)(base + slot->at);
}

/* The shapes in config.json cannot ask for more than the files hold; two bytes are the smallest
 * number, one where some are 8-bit floats. */
static enum sc_status check_size(const struct sc_model *model, struct sc_error *error)
{
    size_t n_parameters = sc_config_n_parameters(&model->config), bytes = 0;
    for (size_t i = 0; i < model->n_shards; i++)
        bytes = sc_size_add(bytes, model->shards[i].data_bytes);
    const size_t most = model->config.quantization.is_f8 ? bytes : bytes / 2;
    if (n_parameters > most)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: config.json asks for %zu parameters, the weight files hold at most %zu",
                       model->shards[0].name, n_parameters, most);
    return SC_OK;
}

/* The file that has a tensor; the last of them where none has. */
static const struct sc_shard *shard_of(const struct sc_model *model, const char *name)
{
    size_t i = 0;
    while (i + 1 < model->n_shards && !sc_shard_has(&model->shards[i], name))
        i++;
    return &model->shards[i];
}

static bool has_tensor(const struct sc_model *model, const char *name)
{
    return sc_shard_has(shard_of(model, name), name);
}

#define OWN_PREFIX "model."
enum { NAME_SIZE = 192 };

/* What a tensor of the family's table is called in the files. */
static void name_in_files(const struct sc_model *model, const char *name, char out[NAME_SIZE])
{
    const size_t own = sizeof OWN_PREFIX - 1;
    const bool inside = strncmp(name, OWN_PREFIX, own) == 0;
    snprintf(out, NAME_SIZE, "%s%s", inside ? model->prefix : model->output_prefix,
             inside ? name + own : name);
}

/* Models of more than text call the part that reads text by longer names, of which there are an
 * older and a newer kind; a network exported without its output matrix has none before them. */
static void find_prefixes(struct sc_model *model)
{
    static const char *const kinds[][2] = {{OWN_PREFIX, ""},
                                           {"language_model.model.", "language_model."},
                                           {"model.language_model.", ""},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char name[NAME_SIZE];
        model->prefix = kinds[i][0];
        model->output_prefix = kinds[i][1];
        name_in_files(model, SC_EMBEDDING_NAME, name);
        if (has_tensor(model, name))
            return;
    }
    model->prefix = OWN_PREFIX;
    model->output_prefix = "";
}

/* What there is in a missing tensor's place. */
static enum sc_status fail_missing(const struct sc_model *model, const struct sc_tensor_slot *slot,
                                   const char *name, struct sc_error *error)
{
    const char *kind = sc_quantization_guess(model->shards, model->n_shards, name);
    if (kind != NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s: %s: found the tensors of %s in its place: quantized weights are read "
                       "in 8-bit floats (FP8) alone",
                       model->shards[0].name, name, kind);
    if (slot->layer == SC_NO_LAYER && slot->at == offsetof(struct sc_top_tensors, output))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: expected the tensor %s, found none: config.json has "
                       "tie_word_embeddings false",
                       shard_of(model, name)->name, name);
    return SC_OK;
}

static enum sc_status find_tensor(void *context, const struct sc_tensor_slot *slot,
                                  struct sc_error *error)
{
    struct sc_model *model = context;
    struct sc_tensor *tensor = tensor_at(&model->top, model, slot);
    char name[NAME_SIZE];
    name_in_files(model, slot->name, name);
    const struct sc_shard *shard = shard_of(model, name);
    if (!sc_shard_has(shard, name))
        SC_TRY(fail_missing(model, slot, name, error));
    SC_TRY(sc_shard_tensor(shard, name, slot->all_rows, slot->n_cols, tensor, error));
    if (tensor->is_f8)
        SC_TRY(sc_quantization_scales(&model->config.quantization, model->shards, model->n_shards,
                                      name, tensor, error));
    if (slot->all_rows == slot->n_rows)
        return SC_OK;
    tensor->data = (const char *)tensor->data + slot->first_row * sc_tensor_row_bytes(tensor);
    tensor->n_rows = slot->n_rows;
    tensor->f8.first_row = slot->first_row;
    return SC_OK;
}

/* Rows that are looked at to tell a separate output matrix from the embedding: one that was trained
 * apart differs in every row. */
enum { COMPARED_ROWS = 512 };

/* Some published checkpoints carry an output matrix although config.json says that the embedding is
 * it.  Equal, it is no news. */
static void compare_output(struct sc_model *model)
{
    char name[NAME_SIZE];
    name_in_files(model, SC_OUTPUT_NAME, name);
    const struct sc_shard *shard = shard_of(model, name);
    const struct sc_tensor *embedding = &model->top.embedding;
    struct sc_tensor output;
    if (!sc_shard_has(shard, name) ||
        sc_shard_tensor(shard, name, embedding->n_rows, embedding->n_cols, &output, NULL) != SC_OK)
        return;
    const size_t bytes = sc_tensor_row_bytes(embedding);
    bool same = output.dtype == embedding->dtype && output.is_f8 == embedding->is_f8;
    for (size_t i = 0; same && i < COMPARED_ROWS; i++) {
        const size_t at = embedding->n_rows * i / COMPARED_ROWS * bytes;
        same =
            memcmp((const char *)output.data + at, (const char *)embedding->data + at, bytes) == 0;
    }
    model->output_differs = !same;
}

static enum sc_status make_layers(struct sc_model *model, struct sc_error *error)
{
    const size_t n_layers = model->config.n_layers, n_experts = model->config.layer.n_experts;
    model->layers = sc_alloc_zero(n_layers, sizeof *model->layers);
    if (model->layers == NULL)
        return sc_fail_nomem(error, "layers");
    if (n_experts == 0)
        return SC_OK;
    model->experts = sc_alloc_zero(sc_size_mul(n_layers, n_experts), sizeof *model->experts);
    if (model->experts == NULL)
        return sc_fail_nomem(error, "layers");
    for (size_t i = 0; i < n_layers; i++)
        model->layers[i].experts = model->experts + i * n_experts;
    return SC_OK;
}

static enum sc_status fill_model(struct sc_model *model, const char *folder, struct sc_error *error)
{
    bool dtype_given = false, found;
    SC_TRY(sc_folder_look(folder, &found, error));
    if (!found)
        return sc_fail(error, SC_ERR_IO, "%.250s: expected the folder of a model, found none",
                       folder);
    model->folder = sc_strdup(folder);
    if (model->folder == NULL)
        return sc_fail_nomem(error, "model");
    SC_TRY(read_config(model, &dtype_given, error));
    SC_TRY(read_generation(model, error));
    SC_TRY(open_weights(model, error));
    SC_TRY(check_size(model, error));
    SC_TRY(make_layers(model, error));
    find_prefixes(model);
    SC_TRY(sc_config_visit(&model->config, find_tensor, model, error));
    if (model->config.tied) {
        compare_output(model);
        model->top.output = model->top.embedding;
    }
    if (!dtype_given)
        model->config.dtype = model->top.embedding.dtype;
    for (size_t i = 0; i < model->n_shards; i++)
        sc_shard_drop_header(&model->shards[i]);
    return SC_OK;
}

enum sc_status sc_model_open(struct sc_model **out, const char *folder, struct sc_error *error)
{
    if (out == NULL || folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected a folder and where to put it");
    *out = NULL;
    struct sc_model *model = sc_alloc_zero(1, sizeof *model);
    if (model == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = fill_model(model, folder, error);
    if (status == SC_OK)
        *out = model;
    else
        sc_model_close(model);
    return status;
}

void sc_model_close(struct sc_model *model)
{
    if (model == NULL)
        return;
    for (size_t i = 0; i < model->n_shards; i++)
        sc_shard_close(&model->shards[i]);
    sc_free(model->shards);
    sc_free(model->layers);
    sc_free(model->experts);
    sc_free(model->config_text);
    sc_free(model->folder);
    sc_free(model);
}

/* ---- the files later on ---------------------------------------------------------------------- */

enum sc_status sc_model_unchanged(const struct sc_model *model, struct sc_error *error)
{
    if (model == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected one, found none");
    for (size_t i = 0; i < model->n_shards; i++) {
        const struct sc_shard *shard = &model->shards[i];
        struct sc_file_stamp now;
        SC_TRY(sc_file_stamp(shard->name, &now, error));
        if (now.size != shard->map.stamp.size)
            return sc_fail(error, SC_ERR_CONFLICT,
                           "%s: changed while it was in use: expected %llu bytes, found %llu",
                           shard->name, (unsigned long long)shard->map.stamp.size,
                           (unsigned long long)now.size);
        if (!sc_file_stamp_same(&now, &shard->map.stamp))
            return sc_fail(error, SC_ERR_CONFLICT,
                           "%s: changed while it was in use: expected the file that was opened, "
                           "found another or one written to since",
                           shard->name);
    }
    return SC_OK;
}

bool sc_model_same_files(const struct sc_model *a, const struct sc_model *b)
{
    if (a->n_shards != b->n_shards || a->config_bytes != b->config_bytes ||
        memcmp(a->config_text, b->config_text, a->config_bytes) != 0)
        return false;
    for (size_t i = 0; i < a->n_shards; i++)
        if (!sc_file_stamp_same(&a->shards[i].map.stamp, &b->shards[i].map.stamp))
            return false;
    return true;
}

size_t sc_model_tokens_in(const struct sc_model *model, const struct sc_tokenizer *tokenizer)
{
    size_t n_rows = model->config.n_vocab;
    size_t n_tokens = tokenizer != NULL ? sc_tokenizer_n_tokens(tokenizer) : n_rows;
    return n_tokens < n_rows ? n_tokens : n_rows;
}

enum sc_status sc_model_count_tokens(const struct sc_model *model, size_t *n,
                                     struct sc_error *error)
{
    char *path = sc_path_join(model->folder, "tokenizer.json");
    if (path == NULL)
        return sc_fail_nomem(error, "path of the tokenizer");
    struct sc_tokenizer *tokenizer = NULL;
    enum sc_status status =
        sc_file_exists(path) ? sc_tokenizer_open(&tokenizer, model->folder, error) : SC_OK;
    sc_free(path);
    if (status == SC_OK)
        *n = sc_model_tokens_in(model, tokenizer);
    sc_tokenizer_close(tokenizer);
    return status;
}

/* ---- reading a model ------------------------------------------------------------------------- */

const struct sc_model_config *sc_model_config(const struct sc_model *model)
{
    return &model->config;
}

const struct sc_generation_config *sc_model_generation(const struct sc_model *model)
{
    return &model->generation;
}

struct sc_sampling sc_model_sampling(const struct sc_model *model)
{
    return model->generation.sampling;
}

size_t sc_model_end_ids(const struct sc_model *model, const struct sc_tokenizer *tokenizer,
                        const struct sc_chat_format *format, int32_t *ids)
{
    const struct sc_generation_config *generation = &model->generation;
    if (tokenizer != NULL)
        return sc_chat_end_ids(tokenizer, format, generation, ids);
    memcpy(ids, generation->end_ids, generation->n_end_ids * sizeof ids[0]);
    return generation->n_end_ids;
}

bool sc_model_output_differs(const struct sc_model *model)
{
    return model->output_differs;
}

const struct sc_tensor *sc_model_embedding(const struct sc_model *model)
{
    return &model->top.embedding;
}

const struct sc_tensor *sc_model_output(const struct sc_model *model)
{
    return &model->top.output;
}

const struct sc_tensor *sc_model_final_norm(const struct sc_model *model)
{
    return &model->top.final_norm;
}

const struct sc_layer_tensors *sc_model_layer(const struct sc_model *model, size_t layer)
{
    return &model->layers[layer];
}

/* ---- fingerprint ----------------------------------------------------------------------------- */

struct hashing {
    const struct sc_model *model;
    struct sc_top_tensors top; /* the model's */
    const struct sc_interrupt *interrupt;
    XXH3_state_t state;
};

static enum sc_status hash_bytes(struct hashing *hashing, const char *data, size_t n,
                                 struct sc_error *error)
{
    const size_t piece = (size_t)16 << 20;
    for (size_t i = 0; i < n; i += piece) {
        if (sc_interrupted(hashing->interrupt))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted while the model was read");
        size_t length = n - i < piece ? n - i : piece;
        XXH3_128bits_update(&hashing->state, data + i, length);
        sc_map_forget(data + i, length); /* so that the weights are not in memory twice */
    }
    return SC_OK;
}

/* The dtype joins the hash because equal bytes of another dtype are other weights; the shapes
 * follow from config.json. */
static enum sc_status hash_tensor(void *context, const struct sc_tensor_slot *slot,
                                  struct sc_error *error)
{
    struct hashing *hashing = context;
    const struct sc_tensor *tensor = tensor_at(&hashing->top, hashing->model, slot);
    const struct sc_f8_scales *f8 = &tensor->f8;
    const char *name = tensor->is_f8 ? "e4m3" : sc_dtype_name(tensor->dtype);
    XXH3_128bits_update(&hashing->state, name, strlen(name));
    SC_TRY(hash_bytes(hashing, tensor->data, tensor->n_rows * sc_tensor_row_bytes(tensor), error));
    if (tensor->is_f8) {
        const size_t first = f8->first_row / f8->block_rows;
        const size_t last = (f8->first_row + tensor->n_rows - 1) / f8->block_rows;
        const size_t bytes = f8->n_cols * (f8->dtype == SC_DTYPE_F32 ? 4 : 2);
        SC_TRY(hash_bytes(hashing, (const char *)f8->data + first * bytes,
                          (last + 1 - first) * bytes, error));
    }
    return SC_OK;
}

enum sc_status sc_model_fingerprint_while(const struct sc_model *model,
                                          const struct sc_interrupt *interrupt, char out[33],
                                          struct sc_error *error)
{
    static const char digits[] = "0123456789abcdef";
    struct hashing hashing = {.model = model, .top = model->top, .interrupt = interrupt};
    XXH3_INITSTATE(&hashing.state);
    XXH3_128bits_reset(&hashing.state);
    XXH3_128bits_update(&hashing.state, model->config_text, model->config_bytes);
    SC_TRY(sc_config_visit(&model->config, hash_tensor, &hashing, error));
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&hashing.state));
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = digits[canonical.digest[i] >> 4];
        out[2 * i + 1] = digits[canonical.digest[i] & 15];
    }
    out[32] = '\0';
    return SC_OK;
}

void sc_model_fingerprint(const struct sc_model *model, char out[33])
{
    (void)sc_model_fingerprint_while(model, &(struct sc_interrupt){0}, out, NULL);
}

enum sc_status sc_model_check_fingerprint(const struct sc_model *model,
                                          const struct sc_interrupt *interrupt,
                                          const char fingerprint[33], struct sc_error *error)
{
    char now[33];
    SC_TRY(sc_model_fingerprint_while(model, interrupt, now, error));
    if (strcmp(now, fingerprint) == 0)
        return SC_OK;
    return sc_fail(error, SC_ERR_CONFLICT,
                   "%.250s: the weights are not those of the beginning: expected the fingerprint "
                   "%s, found %s; what was sampled since may be of either",
                   model->folder, fingerprint, now);
}
