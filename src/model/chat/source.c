/* See source.h. */
#include "model/chat/source.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#define MAP_BYTES_MAX ((size_t)1 << 20)

/* As templates know them; transformers has no others. */
static const char *const special_names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                            "pad_token", "cls_token", "mask_token"};

void sc_chat_source_free(struct sc_chat_source *source)
{
    sc_free(source->text);
    sc_free(source->fault);
    json_decref(source->special);
    *source = (struct sc_chat_source){0};
}

/* Puts a template or a fault in the place of what was there. */
static enum sc_status set(struct sc_chat_source *source, char *text, size_t n, const char *fault,
                          struct sc_error *error)
{
    sc_free(source->text);
    sc_free(source->fault);
    source->text = text;
    source->n = n;
    source->fault = sc_strdup(fault);
    return fault == NULL || source->fault != NULL ? SC_OK : sc_fail_nomem(error, "chat template");
}

/* ---- special tokens -------------------------------------------------------------------------- */

/* Adds those that are not there yet: a text, or an object with "content". */
static enum sc_status add_special(const json_t *given, struct sc_chat_source *out,
                                  struct sc_error *error)
{
    if (out->special == NULL && (out->special = json_object()) == NULL)
        return sc_fail_nomem(error, "special tokens");
    for (size_t i = 0; i < sizeof special_names / sizeof *special_names; i++) {
        json_t *value = json_object_get(given, special_names[i]);
        if (json_is_object(value))
            value = json_object_get(value, "content");
        if (!json_is_string(value) || json_object_get(out->special, special_names[i]) != NULL)
            continue;
        if (json_object_set(out->special, special_names[i], value) != 0)
            return sc_fail_nomem(error, "special tokens");
    }
    return SC_OK;
}

/* ---- templates ------------------------------------------------------------------------------- */

/* The template called "default" of a list, or its only one. */
static const json_t *choose(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (name != NULL && strcmp(name, "default") == 0)
            return json_object_get(entry, "template");
    }
    return json_array_size(list) == 1 ? json_object_get(json_array_get(list, 0), "template") : NULL;
}

static enum sc_status set_template(const json_t *given, struct sc_chat_source *out,
                                   struct sc_error *error)
{
    static const char fault[] = "tokenizer_config.json: chat_template: expected a text, or a list "
                                "of templates with one named \"default\"";
    const json_t *chosen = json_is_array(given) ? choose(given) : given;
    size_t n = json_string_length(chosen);
    if (given == NULL || json_is_null(given))
        return SC_OK;
    if (!json_is_string(chosen))
        return set(out, NULL, 0, fault, error);
    char *text = sc_strndup(json_string_value(chosen), n);
    return text != NULL ? set(out, text, n, NULL, error) : sc_fail_nomem(error, "chat template");
}

static enum sc_status take_config(const json_t *config, struct sc_chat_source *out,
                                  struct sc_error *error)
{
    const json_t *adds_bos = json_object_get(config, "add_bos_token");
    if (json_is_boolean(adds_bos))
        out->bos = json_is_true(adds_bos) ? SC_BOS_ADDED : SC_BOS_LEFT_OUT;
    SC_TRY(add_special(config, out, error));
    return set_template(json_object_get(config, "chat_template"), out, error);
}

enum sc_status sc_chat_source_of_config(const json_t *config, struct sc_chat_source *out,
                                        struct sc_error *error)
{
    *out = (struct sc_chat_source){0};
    enum sc_status status = take_config(config, out, error);
    if (status != SC_OK)
        sc_chat_source_free(out);
    return status;
}

enum sc_status sc_chat_source_read(const char *path, char **text, size_t *n, struct sc_error *error)
{
    SC_TRY(sc_file_read(path, SC_TEMPLATE_BYTES_MAX, text, n, error));
    const char *found = NULL;
    if (sc_is_lfs_pointer(*text, *n))
        found = "a pointer of Git LFS (git lfs pull fetches the file)";
    else if (sc_utf8_valid(*text, *n) != *n)
        found = "bytes that are not valid UTF-8";
    if (found == NULL)
        return SC_OK;
    sc_free(*text);
    *text = NULL;
    return sc_fail(error, SC_ERR_FORMAT, "%.300s: expected a chat template, found %s", path, found);
}

static enum sc_status read_jinja(const char *path, struct sc_chat_source *out,
                                 struct sc_error *error)
{
    struct sc_error why = {0};
    char *text = NULL;
    size_t n = 0;
    bool found;
    SC_TRY(sc_file_look(path, &found, error));
    if (!found)
        return SC_OK;
    enum sc_status status = sc_chat_source_read(path, &text, &n, &why);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "chat template");
    return set(out, text, n, status != SC_OK ? why.text : NULL, error);
}

static enum sc_status read_map(const char *path, struct sc_chat_source *out, struct sc_error *error)
{
    json_t *map = NULL;
    bool found;
    SC_TRY(sc_file_look(path, &found, error));
    if (!found)
        return SC_OK;
    /* One that says nothing of use is passed over; one that the disk holds back is not. */
    struct sc_error why = {0};
    enum sc_status status = sc_json_read(path, MAP_BYTES_MAX, &map, &why);
    if (status == SC_ERR_NOMEM || status == SC_ERR_IO)
        return sc_fail(error, status, "%s", why.text);
    status = add_special(map, out, error);
    json_decref(map);
    return status;
}

static enum sc_status read_both(const char *jinja, const char *map, struct sc_chat_source *out,
                                struct sc_error *error)
{
    if (jinja == NULL || map == NULL)
        return sc_fail_nomem(error, "chat template");
    SC_TRY(read_jinja(jinja, out, error));
    return read_map(map, out, error);
}

enum sc_status sc_chat_source_of_folder(const char *folder, struct sc_chat_source *out,
                                        struct sc_error *error)
{
    char *jinja = sc_path_join(folder, "chat_template.jinja");
    char *map = sc_path_join(folder, "special_tokens_map.json");
    enum sc_status status = read_both(jinja, map, out, error);
    sc_free(jinja);
    sc_free(map);
    return status;
}
