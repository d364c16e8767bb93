/* See folder_template.h. */
#include "judge/folder_template.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum { MOST_BYTES = 1 << 20 };

/* The text of a field, or of its member "content". */
static const char *text_of(const json_t *value)
{
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

static const char *template_in(const json_t *config)
{
    const json_t *value = json_object_get(config, "chat_template");
    size_t i;
    const json_t *one;
    json_array_foreach(value, i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name != NULL && strcmp(name, "default") == 0)
            return json_string_value(json_object_get(one, "template"));
    }
    return json_string_value(value);
}

static enum sc_status take_special(const json_t *config, json_t *special, struct sc_error *error)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = text_of(json_object_get(config, names[i]));
        if (text != NULL && json_object_set_new(special, names[i], json_string(text)) != 0)
            return sc_fail_nomem(error, "special tokens");
    }
    return SC_OK;
}

static enum sc_status take_fields(const json_t *config, struct sc_folder_template *out,
                                  struct sc_error *error)
{
    const char *text = template_in(config);
    SC_TRY(take_special(config, out->special, error));
    if (text == NULL || out->text != NULL)
        return SC_OK;
    out->n = strlen(text);
    out->text = sc_strdup(text);
    return out->text != NULL ? SC_OK : sc_fail_nomem(error, "chat template");
}

static enum sc_status take_config(const char *path, struct sc_folder_template *out,
                                  struct sc_error *error)
{
    json_t *config = NULL;
    SC_TRY(sc_json_read(path, (size_t)64 << 20, &config, error));
    enum sc_status status = take_fields(config, out, error);
    json_decref(config);
    return status;
}

static enum sc_status read_file(const char *path, struct sc_folder_template *out,
                                struct sc_error *error)
{
    return sc_file_exists(path) ? sc_file_read(path, MOST_BYTES, &out->text, &out->n, error)
                                : SC_OK;
}

static enum sc_status read_both(const char *file, const char *config,
                                struct sc_folder_template *out, struct sc_error *error)
{
    if (file == NULL || config == NULL || out->special == NULL)
        return sc_fail_nomem(error, "chat template");
    SC_TRY(read_file(file, out, error));
    return sc_file_exists(config) ? take_config(config, out, error) : SC_OK;
}

enum sc_status sc_folder_template_read(const char *folder, struct sc_folder_template *out,
                                       struct sc_error *error)
{
    *out = (struct sc_folder_template){.special = json_object()};
    char *file = sc_path_join(folder, "chat_template.jinja");
    char *config = sc_path_join(folder, "tokenizer_config.json");
    enum sc_status status = read_both(file, config, out, error);
    sc_free(file);
    sc_free(config);
    if (status != SC_OK)
        sc_folder_template_free(out);
    return status;
}

void sc_folder_template_free(struct sc_folder_template *template)
{
    sc_free(template->text);
    json_decref(template->special);
    *template = (struct sc_folder_template){0};
}
