/*
 * The safetensors format: eight bytes of header length (little endian), a JSON header that names
 * each tensor's dtype, shape and offsets, and the data.
 *
 * Everything in the file is untrusted.  The header's length is bounded by the file and by
 * SC_SAFETENSORS_HEADER_MAX; every tensor's offsets must lie inside the data, in order, and hold
 * exactly the bytes of its shape.  Tensors that overlap or that are not aligned to their element
 * are accepted: nothing is ever written, and readers copy elements with memcpy.  Tensors of a dtype
 * unknown here are accepted as long as the network does not need them.  Read next: model.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/checkpoint/checkpoint.h"

/* Numbers of a kind that is read: what they are widened to, and their bytes. */
struct kind {
    const char *name;
    enum sc_dtype dtype;
    size_t bytes;
};

static const struct kind *kind_of(const char *name)
{
    static const struct kind kinds[] = {{"BF16", SC_DTYPE_BF16, 2},
                                        {"F16", SC_DTYPE_F16, 2},
                                        {"F32", SC_DTYPE_F32, 4},
                                        {"F8_E4M3", SC_DTYPE_F32, 1}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return &kinds[i];
    return NULL;
}

/* An array of `n` (at most 8) integers, none negative. */
static bool read_sizes(const json_t *array, uint64_t *out, size_t *n)
{
    if (!json_is_array(array) || json_array_size(array) > 8)
        return false;
    *n = json_array_size(array);
    for (size_t i = 0; i < *n; i++) {
        const json_t *value = json_array_get(array, i);

        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return false;
        out[i] = (uint64_t)json_integer_value(value);
    }
    return true;
}

struct entry {
    const char *dtype_name;
    const struct kind *kind; /* NULL: none that is read */
    uint64_t shape[8], offsets[8];
    size_t n_dims;
};

/* Reads one tensor's description and checks that its offsets lie inside the data. */
static enum sc_status read_entry(const struct sc_shard *shard, const char *name,
                                 const json_t *value, struct entry *entry, struct sc_error *error)
{
    size_t n_offsets = 0, bytes;

    entry->dtype_name = json_string_value(json_object_get(value, "dtype"));
    if (entry->dtype_name == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %.200s: dtype: expected text", shard->name, name);
    if (!read_sizes(json_object_get(value, "shape"), entry->shape, &entry->n_dims)) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %.200s: shape: expected up to 8 numbers, none negative", shard->name,
                       name);
    }
    if (!read_sizes(json_object_get(value, "data_offsets"), entry->offsets, &n_offsets) ||
        n_offsets != 2) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %.200s: data_offsets: expected two numbers, none negative", shard->name,
                       name);
    }
    if (entry->offsets[0] > entry->offsets[1] || entry->offsets[1] > shard->data_bytes) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %.200s: data_offsets: expected begin <= end <= %zu (the data that the "
                       "file holds), found %" PRIu64 " and %" PRIu64,
                       shard->name, name, shard->data_bytes, entry->offsets[0], entry->offsets[1]);
    }
    entry->kind = kind_of(entry->dtype_name);
    if (entry->kind == NULL)
        return SC_OK;
    bytes = entry->kind->bytes;
    for (size_t i = 0; i < entry->n_dims; i++)
        bytes = sc_size_mul(bytes, entry->shape[i]);
    if (bytes != entry->offsets[1] - entry->offsets[0]) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %.200s: data_offsets: expected the %zu bytes of its shape, found "
                       "%" PRIu64,
                       shard->name, name, bytes, entry->offsets[1] - entry->offsets[0]);
    }
    return SC_OK;
}

static enum sc_status check_all(const struct sc_shard *shard, struct sc_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach(shard->header, name, value)
    {
        struct entry entry;
        if (strcmp(name, "__metadata__") != 0)
            SC_TRY(read_entry(shard, name, value, &entry, error));
    }
    return SC_OK;
}

static enum sc_status parse(struct sc_shard *shard, const unsigned char *bytes, size_t n,
                            struct sc_error *error)
{
    uint64_t header_bytes = 0;

    if (sc_is_lfs_pointer(bytes, n))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: a Git LFS pointer, not the weights: git lfs pull fetches them",
                       shard->name);
    if (n < 8) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: expected a safetensors file of at least 8 bytes, found %zu",
                       shard->name, n);
    }
    for (size_t i = 0; i < 8; i++)
        header_bytes |= (uint64_t)bytes[i] << (8 * i);
    if (header_bytes > n - 8 || header_bytes > SC_SAFETENSORS_HEADER_MAX) {
        size_t most = n - 8 < SC_SAFETENSORS_HEADER_MAX ? n - 8 : SC_SAFETENSORS_HEADER_MAX;

        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: header length: expected at most %zu, found %" PRIu64, shard->name, most,
                       header_bytes);
    }
    enum sc_status status = sc_json_parse((const char *)bytes + 8, (size_t)header_bytes,
                                          shard->name, &shard->header, error);
    if (status != SC_OK)
        return status;
    if (!json_is_object(shard->header))
        return sc_fail(error, SC_ERR_FORMAT, "%s: header: expected an object", shard->name);
    shard->data = bytes + 8 + header_bytes;
    shard->data_bytes = n - 8 - (size_t)header_bytes;
    return check_all(shard, error);
}

enum sc_status sc_shard_parse(struct sc_shard *shard, const char *name, const unsigned char *bytes,
                              size_t n, struct sc_error *error)
{
    memset(shard, 0, sizeof *shard);
    shard->name = sc_strdup(name);
    if (shard->name == NULL)
        return sc_fail_nomem(error, name);
    enum sc_status status = parse(shard, bytes, n, error);
    if (status != SC_OK)
        sc_shard_close(shard);
    return status;
}

static enum sc_status open_path(struct sc_shard *shard, const char *path, struct sc_error *error)
{
    struct sc_map map = {0};
    SC_TRY(sc_map_open(&map, path, error));
    enum sc_status status = sc_shard_parse(shard, path, map.data, map.size, error);
    if (status == SC_OK)
        shard->map = map;
    else
        sc_map_close(&map);
    return status;
}

enum sc_status sc_shard_open(struct sc_shard *shard, const char *folder, const char *name,
                             struct sc_error *error)
{
    memset(shard, 0, sizeof *shard);
    char *path = sc_path_join(folder, name);
    if (path == NULL)
        return sc_fail_nomem(error, name);
    enum sc_status status = open_path(shard, path, error);
    sc_free(path);
    return status;
}

void sc_shard_drop_header(struct sc_shard *shard)
{
    json_decref(shard->header);
    shard->header = NULL;
}

void sc_shard_close(struct sc_shard *shard)
{
    sc_shard_drop_header(shard);
    sc_map_close(&shard->map);
    sc_free(shard->name);
    memset(shard, 0, sizeof *shard);
}

bool sc_shard_has(const struct sc_shard *shard, const char *name)
{
    return json_object_get(shard->header, name) != NULL;
}

static enum sc_status wrong_shape(const struct sc_shard *shard, const char *name, size_t n_rows,
                                  size_t n_cols, const struct entry *entry, struct sc_error *error)
{
    struct sc_text found = {NULL, 0, 0, false};

    for (size_t i = 0; i < entry->n_dims; i++)
        sc_text_printf(&found, "%s%" PRIu64, i == 0 ? "" : ", ", entry->shape[i]);
    char *text = sc_text_take(&found);
    if (n_rows == 0) {
        sc_fail(error, SC_ERR_FORMAT, "%s: %s: shape: expected [%zu], found [%s]", shard->name,
                name, n_cols, text != NULL ? text : "...");
    } else {
        sc_fail(error, SC_ERR_FORMAT, "%s: %s: shape: expected [%zu, %zu], found [%s]", shard->name,
                name, n_rows, n_cols, text != NULL ? text : "...");
    }
    sc_free(text);
    return SC_ERR_FORMAT;
}

/* What the header says of a tensor whose numbers can be read. */
static enum sc_status find_entry(const struct sc_shard *shard, const char *name,
                                 struct entry *entry, struct sc_error *error)
{
    const json_t *value = json_object_get(shard->header, name);
    if (value == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected the tensor %s, found none", shard->name,
                       name);
    SC_TRY(read_entry(shard, name, value, entry, error));
    if (entry->kind == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s: %s: dtype: expected F32, F16, BF16 or F8_E4M3, found \"%.40s\"",
                       shard->name, name, entry->dtype_name);
    return SC_OK;
}

enum sc_status sc_shard_numbers(const struct sc_shard *shard, const char *name,
                                struct sc_tensor *out, size_t *n, struct sc_error *error)
{
    struct entry entry;
    SC_TRY(find_entry(shard, name, &entry, error));
    if (entry.kind->bytes == 1)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s: %s: dtype: expected F32, F16 or BF16, found \"%.40s\"", shard->name,
                       name, entry.dtype_name);
    *out = (struct sc_tensor){.data = shard->data + entry.offsets[0], .dtype = entry.kind->dtype};
    *n = (size_t)(entry.offsets[1] - entry.offsets[0]) / entry.kind->bytes;
    return SC_OK;
}

enum sc_status sc_shard_tensor(const struct sc_shard *shard, const char *name, size_t n_rows,
                               size_t n_cols, struct sc_tensor *out, struct sc_error *error)
{
    struct entry entry;
    SC_TRY(find_entry(shard, name, &entry, error));
    bool fits = n_rows == 0
                    ? entry.n_dims == 1 && entry.shape[0] == n_cols
                    : entry.n_dims == 2 && entry.shape[0] == n_rows && entry.shape[1] == n_cols;
    if (!fits)
        return wrong_shape(shard, name, n_rows, n_cols, &entry, error);
    *out = (struct sc_tensor){.data = shard->data + entry.offsets[0],
                              .dtype = entry.kind->dtype,
                              .n_rows = n_rows == 0 ? 1 : n_rows,
                              .n_cols = n_cols,
                              .is_f8 = entry.kind->bytes == 1};
    return SC_OK;
}
