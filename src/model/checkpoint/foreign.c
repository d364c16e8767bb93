/* See foreign.h. */
#include "model/checkpoint/foreign.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "model/checkpoint/checkpoint.h"

#define NEEDED "a folder in Hugging Face layout is needed (config.json, model.safetensors)"
#define NAME_SIZE 128

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), n_end = strlen(end);
    return n > n_end && strcmp(name + n - n_end, end) == 0;
}

/* Kinds of files that hold weights, by how their names end. */
enum kind { GGUF, OTHER, SHARD, N_KINDS };
static int kind_of(const char *name)
{
    static const char *const others[] = {".bin", ".pt",      ".pth", ".ckpt",
                                         ".h5",  ".msgpack", ".onnx"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (ends_with(name, others[i]))
            return OTHER;
    return ends_with(name, ".gguf") ? GGUF : ends_with(name, ".safetensors") ? SHARD : -1;
}

/* What a folder holds: of each kind the first name, "" where there is none. */
struct content {
    char names[N_KINDS][NAME_SIZE];
    size_t n; /* files and folders that are not hidden */
};

static struct content look_into(const char *folder)
{
    struct content content = {.n = 0};
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return content;
    for (struct dirent *e = readdir(entries); e != NULL; e = readdir(entries)) {
        int kind = kind_of(e->d_name);
        if (e->d_name[0] == '.')
            continue;
        content.n++;
        if (kind < 0)
            continue;
        char *name = content.names[kind];
        if (name[0] == '\0' || strncmp(e->d_name, name, NAME_SIZE - 1) < 0)
            snprintf(name, NAME_SIZE, "%.*s", NAME_SIZE - 1, e->d_name);
    }
    closedir(entries);
    return content;
}

/* Fails when the folder is an adapter's. */
static enum sc_status refuse_adapter(const char *folder, struct sc_error *error)
{
    char *path = sc_path_join(folder, "adapter_config.json");
    json_t *config = NULL;
    if (path == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = SC_OK;
    if (!sc_file_exists(path))
        goto done;
    status = sc_json_read(path, SC_CONFIG_BYTES_MAX, &config, NULL);
    if (status == SC_ERR_NOMEM) {
        sc_fail_nomem(error, "model");
        goto done;
    }
    const char *base = json_string_value(json_object_get(config, "base_model_name_or_path"));
    status = sc_fail(error, SC_ERR_UNSUPPORTED,
                     "%.250s: a LoRA adapter of %.120s: merge it first (merge_and_unload of peft)",
                     folder, base != NULL ? base : "another model");
done:
    json_decref(config);
    sc_free(path);
    return status;
}

/* Fails for weights as their makers keep them, beside a params.json. */
static enum sc_status refuse_makers_layout(const char *folder, struct sc_error *error)
{
    char *path = sc_path_join(folder, "params.json");
    if (path == NULL)
        return sc_fail_nomem(error, "model");
    const bool found = sc_file_exists(path);
    sc_free(path);
    if (found)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%.250s: weights in the makers' own layout (params.json): " NEEDED, folder);
    return SC_OK;
}

enum sc_status sc_foreign_folder(const char *folder, const char *missing, struct sc_error *error)
{
    SC_TRY(refuse_adapter(folder, error));
    struct content content = look_into(folder);
    if (content.names[GGUF][0] != '\0')
        return sc_fail(error, SC_ERR_UNSUPPORTED, "%.250s: %s: a GGUF file: " NEEDED, folder,
                       content.names[GGUF]);
    if (content.names[OTHER][0] != '\0' && content.names[SHARD][0] == '\0')
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%.250s: %s: weights in another form: convert them to safetensors "
                       "(save_pretrained of transformers writes them)",
                       folder, content.names[OTHER]);
    SC_TRY(refuse_makers_layout(folder, error));
    if (content.n == 0)
        return sc_fail(error, SC_ERR_IO, "%.250s: expected %s, found an empty folder", folder,
                       missing);
    if (content.names[SHARD][0] != '\0')
        return sc_fail(error, SC_ERR_IO, "%.250s: expected %s, found none beside %s", folder,
                       missing, content.names[SHARD]);
    return sc_fail(error, SC_ERR_IO,
                   "%.250s: expected %s, found none: is it the folder of a model?", folder,
                   missing);
}

enum sc_status sc_foreign_file(const char *path, struct sc_error *error)
{
    if (kind_of(path) == GGUF)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "model \"%.300s\": a GGUF file: " NEEDED, path);
    return sc_fail(error, SC_ERR_IO, "model \"%.300s\": a file: " NEEDED, path);
}
