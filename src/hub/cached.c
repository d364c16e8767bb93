/* What of models lies in the cache of the hub (models.h), as its files alone say. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/models.h"

enum { MOST_INDEX = 16 << 20, MOST_REF = 256 };

/* ---- one snapshot ---------------------------------------------------------------------------- */

/* All files that the index names. */
static bool has_shards(const char *folder)
{
    const char *tensor;
    json_t *index = NULL, *file;
    char *path = sc_path_join(folder, "model.safetensors.index.json");
    bool whole = path != NULL && sc_json_read(path, MOST_INDEX, &index, NULL) == SC_OK;
    json_t *map = json_object_get(index, "weight_map");
    whole = whole && json_object_size(map) > 0;
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        whole = whole && name != NULL && sc_is_plain_name(name) && sc_file_exists_in(folder, name);
    }
    json_decref(index);
    sc_free(path);
    return whole;
}

bool sc_hub_snapshot_is_whole(const char *folder, enum sc_hub_part part)
{
    if (!sc_file_exists_in(folder, "tokenizer.json"))
        return false;
    return part == SC_HUB_TOKENIZER ||
           (sc_file_exists_in(folder, "config.json") &&
            (sc_file_exists_in(folder, "model.safetensors") || has_shards(folder)));
}

/* ---- the cache ------------------------------------------------------------------------------- */

static uint64_t count_bytes(const char *repository)
{
    struct stat info;
    uint64_t n = 0;
    char *folder = sc_path_join(repository, "blobs");
    DIR *entries = folder != NULL ? opendir(folder) : NULL;
    if (entries != NULL) {
        for (struct dirent *e = readdir(entries); e != NULL; e = readdir(entries))
            if (fstatat(dirfd(entries), e->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
                n += (uint64_t)info.st_size;
        closedir(entries);
    }
    sc_free(folder);
    return n;
}

/* "models--OWNER--MODEL" as OWNER/MODEL; NULL: another, or no memory. */
static char *name_of(const char *entry)
{
    static const char begin[] = "models--";
    if (strncmp(entry, begin, sizeof begin - 1) != 0)
        return NULL;
    char *name = sc_strdup(entry + sizeof begin - 1);
    char *between = name != NULL ? strstr(name, "--") : NULL;
    struct sc_hub_name parts;
    if (between != NULL) {
        *between = '/';
        memmove(between + 1, between + 2, strlen(between + 2) + 1);
    }
    if (between != NULL && sc_hub_name_read(name, &parts))
        return name;
    sc_free(name);
    return NULL;
}

/* The commit that refs/main names; NULL: none that is a name. */
static char *main_commit(const char *repository)
{
    char *path = sc_path_join(repository, "refs/main"), *text = NULL;
    size_t n;
    if (path != NULL && sc_file_read(path, MOST_REF, &text, &n, NULL) == SC_OK) {
        text[strcspn(text, " \t\r\n")] = '\0';
        if (!sc_is_plain_name(text)) {
            sc_free(text);
            text = NULL;
        }
    }
    sc_free(path);
    return text;
}

struct walk {
    const char *cache;
    enum sc_status (*take)(void *context, const struct sc_hub_cached *cached,
                           struct sc_error *error);
    void *context;
};

static enum sc_status visit(const struct walk *walk, const char *entry, struct sc_error *error)
{
    char *name = name_of(entry), *repository = NULL, *snapshot = NULL, *commit = NULL;
    enum sc_status status = SC_OK;
    if (name == NULL)
        return SC_OK;
    repository = sc_path_join(walk->cache, entry);
    if (repository == NULL) {
        status = sc_fail_nomem(error, "cache of the hub");
        goto done;
    }
    commit = main_commit(repository);
    struct sc_text path = {0};
    sc_text_printf(&path, "%s/snapshots/%s", repository, commit != NULL ? commit : "main");
    snapshot = sc_text_take(&path);
    if (snapshot == NULL) {
        status = sc_fail_nomem(error, "cache of the hub");
        goto done;
    }
    const struct sc_hub_cached cached = {.name = name,
                                         .commit = commit,
                                         .n_bytes = count_bytes(repository),
                                         .whole = commit != NULL &&
                                                  sc_hub_snapshot_is_whole(snapshot, SC_HUB_MODEL)};
    status = walk->take(walk->context, &cached, error);
done:
    sc_free(commit);
    sc_free(snapshot);
    sc_free(repository);
    sc_free(name);
    return status;
}

enum sc_status sc_hub_models_cached(const char *cache,
                                    enum sc_status (*take)(void *context,
                                                           const struct sc_hub_cached *cached,
                                                           struct sc_error *error),
                                    void *context, struct sc_error *error)
{
    const struct walk walk = {.cache = cache, .take = take, .context = context};
    struct dirent **entries = NULL;
    int n = scandir(cache, &entries, NULL, alphasort);
    enum sc_status status = SC_OK;
    for (int i = 0; i < n; i++) {
        status = status != SC_OK ? status : visit(&walk, entries[i]->d_name, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}
