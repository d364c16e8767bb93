/* See listing.h.  What a hub says is untrusted: names that could leave the snapshot's folder are an
 * error, and so are hashes that are none. */
#include "hub/listing.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/json.h"
#include "base/memory.h"

enum { MOST_FILES = 100000, MOST_CHOSEN = 4096, LONGEST_COMMIT = 64 };

static bool is_hex(const char *text, size_t n)
{
    return text != NULL && strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

enum sc_status sc_hub_file_set_etag(struct sc_hub_file *file, const char *etag,
                                    struct sc_error *error)
{
    size_t n = strlen(etag);
    bool fits = n > 0 && n < sizeof file->etag && etag[0] != '.';
    for (size_t i = 0; fits && i < n; i++)
        fits = sc_is_name_char(etag[i]);
    if (!fits)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%.100s: expected an ETag of letters and digits, found \"%.100s\"",
                       file->name, etag);
    memcpy(file->etag, etag, n + 1);
    if (is_hex(etag, 64))
        memcpy(file->sha256, etag, n + 1);
    if (is_hex(etag, 40))
        memcpy(file->git_sha1, etag, n + 1);
    return SC_OK;
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* A name below the top folder is left out: nothing that is read here lies there. */
static enum sc_status read_name(const json_t *entry, const char **name, struct sc_error *error)
{
    *name = json_string_value(json_object_get(entry, "rfilename"));
    if (*name == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "siblings: expected the name of each file, found %s",
                       sc_json_kind(json_object_get(entry, "rfilename")));
    if (sc_is_plain_name(*name))
        return SC_OK;
    if (**name == '/' || strstr(*name, "..") != NULL || strchr(*name, '\\') != NULL)
        return sc_fail(error, SC_ERR_FORMAT,
                       "siblings: expected names inside the repository, found \"%.200s\"", *name);
    *name = NULL;
    return SC_OK;
}

/* Size and hash, where the listing has them.  What is kept in large-file storage is known by its
 * SHA-256, the rest by Git's hash. */
static enum sc_status read_content(const json_t *entry, struct sc_hub_file *file,
                                   struct sc_error *error)
{
    const json_t *lfs = json_object_get(entry, "lfs");
    const json_t *size = json_object_get(json_is_object(lfs) ? lfs : entry, "size");
    const char *sha256 = json_string_value(json_object_get(lfs, "sha256"));
    const char *blob = json_string_value(json_object_get(entry, "blobId"));
    if (sha256 == NULL)
        sha256 = json_string_value(json_object_get(lfs, "oid"));
    if (size == NULL)
        size = json_object_get(entry, "size");
    if (json_is_integer(size) && json_integer_value(size) < 0)
        return sc_fail(error, SC_ERR_FORMAT, "%.100s: size: expected at least 0, found %lld",
                       file->name, (long long)json_integer_value(size));
    if (json_is_integer(size))
        file->size = (uint64_t)json_integer_value(size);
    if (json_is_object(lfs) && sha256 != NULL && !is_hex(sha256, 64))
        return sc_fail(error, SC_ERR_FORMAT, "%.100s: expected a SHA-256, found \"%.100s\"",
                       file->name, sha256);
    if (json_is_object(lfs))
        return sha256 != NULL ? sc_hub_file_set_etag(file, sha256, error) : SC_OK;
    return is_hex(blob, 40) ? sc_hub_file_set_etag(file, blob, error) : SC_OK;
}

static enum sc_status read_entry(const json_t *entry, struct sc_hub_listing *listing,
                                 struct sc_error *error)
{
    const char *name;
    SC_TRY(read_name(entry, &name, error));
    if (name == NULL)
        return SC_OK;
    if (sc_grow((void **)&listing->files, listing->n, &listing->cap, sizeof *listing->files) != 0)
        return sc_fail_nomem(error, "listing of a model");
    struct sc_hub_file *file = &listing->files[listing->n];
    *file = (struct sc_hub_file){.name = sc_strdup(name)};
    if (file->name == NULL)
        return sc_fail_nomem(error, "listing of a model");
    listing->n++;
    return read_content(entry, file, error);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct sc_hub_file *)a)->name, ((const struct sc_hub_file *)b)->name);
}

static enum sc_status sort(struct sc_hub_listing *listing, struct sc_error *error)
{
    if (listing->n > 1)
        qsort(listing->files, listing->n, sizeof *listing->files, compare_names);
    for (size_t i = 1; i < listing->n; i++)
        if (strcmp(listing->files[i - 1].name, listing->files[i].name) == 0)
            return sc_fail(error, SC_ERR_FORMAT, "siblings: \"%.200s\" stands there twice",
                           listing->files[i].name);
    return SC_OK;
}

/* "gated" is false, or how access is granted. */
static bool is_gated(const json_t *value)
{
    return json_is_string(value) || json_is_true(value);
}

static enum sc_status read_listing(json_t *top, struct sc_hub_listing *out, struct sc_error *error)
{
    const char *commit = json_string_value(json_object_get(top, "sha"));
    json_t *files = json_object_get(top, "siblings"), *entry;
    size_t i;
    if (commit == NULL || *commit == '\0' || strlen(commit) > LONGEST_COMMIT || commit[0] == '.' ||
        !sc_hub_revision_fits(commit) || strchr(commit, '/') != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "sha: expected a commit, found %s%.80s%s",
                       commit != NULL ? "\"" : "", commit != NULL ? commit : "nothing",
                       commit != NULL ? "\"" : "");
    memcpy(out->commit, commit, strlen(commit) + 1);
    out->gated = is_gated(json_object_get(top, "gated"));
    if (!json_is_array(files) || json_array_size(files) > MOST_FILES)
        return sc_fail(error, SC_ERR_FORMAT,
                       "siblings: expected a list of at most %d files, found %s", MOST_FILES,
                       sc_json_kind(files));
    json_array_foreach(files, i, entry)
    {
        SC_TRY(read_entry(entry, out, error));
    }
    return sort(out, error);
}

enum sc_status sc_hub_listing_parse(const char *json, size_t n, struct sc_hub_listing *out,
                                    struct sc_error *error)
{
    json_t *top = NULL;
    *out = (struct sc_hub_listing){0};
    SC_TRY(sc_json_parse_foreign(json, n, "listing", &top, error));
    enum sc_status status = read_listing(top, out, error);
    json_decref(top);
    if (status != SC_OK)
        sc_hub_listing_free(out);
    return status;
}

void sc_hub_listing_free(struct sc_hub_listing *listing)
{
    for (size_t i = 0; i < listing->n; i++)
        sc_free(listing->files[i].name);
    sc_free(listing->files);
    *listing = (struct sc_hub_listing){0};
}

/* ---- choosing -------------------------------------------------------------------------------- */

static int compare_to_name(const void *name, const void *file)
{
    return strcmp(name, ((const struct sc_hub_file *)file)->name);
}

static bool has(const struct sc_hub_listing *listing, const char *name)
{
    return listing->n > 0 && bsearch(name, listing->files, listing->n, sizeof *listing->files,
                                     compare_to_name) != NULL;
}

static bool is_like(const char *name, const char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    return false;
}

static bool is_setting(const char *name)
{
    static const char *const patterns[] = {
        "config.json",      "generation_config.json",  "tokenizer*.json", "tokenizer*.model",
        "chat_template*",   "special_tokens_map.json", "vocab.json",      "merges.txt",
        "added_tokens.json"};
    return is_like(name, patterns, sizeof patterns / sizeof *patterns);
}

/* One file, or an index and the shards beside it. */
static bool is_weight(const struct sc_hub_listing *listing, const char *name)
{
    static const char *const shards[] = {"model-*-of-*.safetensors",
                                         "model.safetensors.index.json"};
    if (has(listing, "model.safetensors"))
        return strcmp(name, "model.safetensors") == 0;
    return has(listing, shards[1]) && is_like(name, shards, 2);
}

/* Weights that are not read here; NULL: none at all. */
static const char *find_other_weights(const struct sc_hub_listing *listing)
{
    static const char *const patterns[] = {"*.gguf", "*.safetensors", "*.bin",     "*.pt",
                                           "*.pth",  "*.h5",          "*.msgpack", "*.onnx"};
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++)
        for (size_t i = 0; i < listing->n; i++)
            if (fnmatch(patterns[p], listing->files[i].name, 0) == 0)
                return listing->files[i].name;
    return NULL;
}

static enum sc_status refuse(const struct sc_hub_listing *listing, struct sc_error *error)
{
    static const char needed[] = "expected model.safetensors, whole or in shards";
    const char *other = find_other_weights(listing);
    if (has(listing, "adapter_config.json"))
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s, found an adapter (adapter_config.json): merge it into its model and "
                       "name the folder of that",
                       needed);
    if (other == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%s, found no weights", needed);
    if (fnmatch("*.gguf", other, 0) == 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s, found GGUF files (%.100s): pull the repository that they were made of",
                       needed, other);
    return sc_fail(error, SC_ERR_UNSUPPORTED,
                   "%s, found %.100s: look for a repository or a revision with safetensors, or "
                   "convert it (save_pretrained of transformers writes them)",
                   needed, other);
}

enum sc_status sc_hub_listing_choose(struct sc_hub_listing *listing, enum sc_hub_part part,
                                     struct sc_error *error)
{
    const bool single = has(listing, "model.safetensors");
    const bool sharded = has(listing, "model.safetensors.index.json");
    size_t n = 0;
    if (part == SC_HUB_MODEL && !single && !sharded)
        return refuse(listing, error);
    bool *kept = sc_alloc_zero(listing->n + 1, sizeof *kept);
    if (kept == NULL)
        return sc_fail_nomem(error, "listing of a model");
    for (size_t i = 0; i < listing->n; i++) {
        const char *name = listing->files[i].name;
        kept[i] = is_setting(name) || (part == SC_HUB_MODEL && is_weight(listing, name));
    }
    for (size_t i = 0; i < listing->n; i++) {
        if (kept[i])
            listing->files[n++] = listing->files[i];
        else
            sc_free(listing->files[i].name);
    }
    listing->n = n;
    sc_free(kept);
    if (n > MOST_CHOSEN)
        return sc_fail(error, SC_ERR_LIMIT,
                       "siblings: expected at most %d files of a model, found %zu", MOST_CHOSEN, n);
    return SC_OK;
}
