/* See template_check.h. */
#include "model/chat/template_check.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

#define TEMPLATE_BYTES_MAX ((size_t)1 << 20)

/* In a template's source the line end of a turn's head may be written as backslash and n. */
static const char *after_line_end(const char *at)
{
    if (at[0] == '\n')
        return at + 1;
    return at[0] == '\\' && at[1] == 'n' ? at + 2 : at;
}

/* A system turn that goes on with words, where others end their quotation and put a message. */
static bool has_own_system(const char *source)
{
    static const char head[] = "<|im_start|>system";
    for (const char *at = strstr(source, head); at != NULL; at = strstr(at + 1, head)) {
        const char *words = after_line_end(at + strlen(head));
        if (words != at + strlen(head) && *words != '\0' && strchr("'\"{", *words) == NULL)
            return true;
    }
    return false;
}

struct sc_template_facts sc_template_look(const char *source)
{
    bool switches = strstr(source, "enable_thinking") != NULL;
    return (struct sc_template_facts){.found = true,
                                      .chatml = strstr(source, "<|im_start|>") != NULL,
                                      .thinks = switches || strstr(source, "<think>") != NULL,
                                      .switches = switches,
                                      .own_system = has_own_system(source)};
}

/* The template called "default" of a list, or its first. */
static const json_t *choose(const json_t *list)
{
    const json_t *chosen = json_object_get(json_array_get(list, 0), "template");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (name != NULL && strcmp(name, "default") == 0)
            chosen = json_object_get(entry, "template");
    }
    return chosen;
}

struct sc_template_facts sc_template_of_config(const json_t *config)
{
    const json_t *given = json_object_get(config, "chat_template");
    if (given == NULL || json_is_null(given))
        return (struct sc_template_facts){0};
    const char *source = json_string_value(json_is_array(given) ? choose(given) : given);
    return source != NULL ? sc_template_look(source)
                          : (struct sc_template_facts){.found = true, .unreadable = true};
}

enum sc_status sc_template_of_folder(const char *folder, struct sc_template_facts *facts,
                                     struct sc_error *error)
{
    char *path = sc_path_join(folder, "chat_template.jinja"), *source = NULL;
    size_t n = 0;
    if (path == NULL)
        return sc_fail_nomem(error, "chat template");
    enum sc_status status = SC_OK;
    if (!sc_file_exists(path))
        goto done;
    status = sc_file_read(path, TEMPLATE_BYTES_MAX, &source, &n, NULL);
    if (status == SC_ERR_NOMEM) {
        sc_fail_nomem(error, "chat template");
        goto done;
    }
    *facts = status == SC_OK && strlen(source) == n && !sc_is_lfs_pointer(source, n)
                 ? sc_template_look(source)
                 : (struct sc_template_facts){.found = true, .unreadable = true};
    status = SC_OK;
done:
    sc_free(source);
    sc_free(path);
    return status;
}

bool sc_template_has_reasoning(const struct sc_template_facts *facts)
{
    return !facts->chatml || facts->thinks;
}

void sc_template_remarks(const struct sc_template_facts *facts, struct sc_text *out)
{
    if (!facts->found)
        return;
    if (facts->unreadable) {
        sc_text_puts(out, "the model's chat template cannot be read: prompts are framed as ChatML "
                          "(<|im_start|>)\n");
        return;
    }
    if (!facts->chatml) {
        sc_text_puts(out, "the chat template of this model is another one (it has no "
                          "<|im_start|>): prompts are framed as ChatML all the same, which the "
                          "model may never have seen\n");
        return;
    }
    if (!facts->thinks)
        sc_text_puts(out, "the chat template of this model has no think block: the empty one "
                          "before an answer is left out, and --thinking changes nothing\n");
    if (facts->thinks && !facts->switches)
        sc_text_puts(out, "the chat template of this model always lets it think: use --thinking; "
                          "the empty think block that is written without it is not the "
                          "template's\n");
    if (facts->own_system)
        sc_text_puts(out, "the chat template of this model has a system message of its own, which "
                          "is not sent: --system gives one\n");
}
