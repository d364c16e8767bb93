/* See prompt_fields.h. */
#include "serving/prompt_fields.h"

#include <string.h>

#include "base/memory.h"

/* ---- messages -------------------------------------------------------------------------------- */

/* Appends a content: a text, or a list of parts that are texts. */
static enum sc_status add_content(const json_t *content, struct sc_text *out,
                                  struct sc_error *error)
{
    sc_text_puts(out, "");
    if (json_is_string(content)) {
        sc_text_add(out, json_string_value(content), json_string_length(content));
        return SC_OK;
    }
    if (!json_is_array(content))
        return sc_fail(error, SC_ERR_ARGUMENT, "content: expected a text or a list, found %s",
                       sc_json_kind(content));
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *part = json_array_get(content, i), *text = json_object_get(part, "text");
        const char *type = json_string_value(json_object_get(part, "type"));
        if (type == NULL || strcmp(type, "text") != 0 || !json_is_string(text))
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "content: part %zu: expected {\"type\": \"text\", \"text\": ...}: "
                           "nothing else is read here",
                           i);
        sc_text_add(out, json_string_value(text), json_string_length(text));
    }
    return SC_OK;
}

/* "developer" is what newer clients call the system. */
static int role_of(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    if (role == NULL)
        return -1;
    return strcmp(role, "developer") == 0 ? SC_ROLE_SYSTEM : sc_role_parse(role);
}

static enum sc_status add_message(const json_t *message, struct sc_conversation *out,
                                  struct sc_text *content, struct sc_error *error)
{
    int role = role_of(message);
    const json_t *calls = json_object_get(message, "tool_calls");
    if (role < 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "role: expected system, developer, user or assistant");
    if (calls != NULL && !json_is_null(calls) && json_array_size(calls) != 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "tool_calls: tools are not supported");
    sc_text_clear(content);
    SC_TRY(add_content(json_object_get(message, "content"), content, error));
    if (content->failed)
        return sc_fail_nomem(error, "messages");
    return sc_conversation_add(out, (enum sc_role)role, content->data, error);
}

enum sc_status sc_serving_read_messages(const json_t *value, struct sc_serving_request *out,
                                        struct sc_error *error)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value) || n == 0 || n > SC_SERVING_MOST_MESSAGES)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected a list of 1 to %d messages, found %s%s",
                       SC_SERVING_MOST_MESSAGES, sc_json_kind(value),
                       n > SC_SERVING_MOST_MESSAGES ? " of more" : "");
    struct sc_text content = {0};
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < n && status == SC_OK; i++) {
        status = add_message(json_array_get(value, i), &out->messages, &content, error);
        if (status != SC_OK)
            sc_error_prefix(error, "%zu", i);
    }
    sc_text_free(&content);
    return status;
}

/* ---- prompts --------------------------------------------------------------------------------- */

static enum sc_status copy_ids(const json_t *list, struct sc_serving_prompt_text *out,
                               struct sc_error *error)
{
    size_t n = json_array_size(list);
    out->ids = sc_alloc_array(n, sizeof *out->ids);
    if (out->ids == NULL)
        return sc_fail_nomem(error, "a prompt");
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(list, i);
        json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
        if (value < 0 || value > INT32_MAX)
            return sc_fail(error, SC_ERR_ARGUMENT, "token %zu: expected an id", i);
        out->ids[out->n_ids++] = (int32_t)value;
    }
    return SC_OK;
}

static enum sc_status copy_prompt(const json_t *value, struct sc_serving_prompt_text *out,
                                  struct sc_error *error)
{
    if (json_is_array(value) && json_array_size(value) > 0)
        return copy_ids(value, out, error);
    if (!json_is_string(value) || json_string_length(value) == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "expected a text or a list of token ids, not empty, found %s",
                       sc_json_kind(value));
    out->n_text = json_string_length(value);
    out->text = sc_strndup(json_string_value(value), out->n_text);
    return out->text != NULL ? SC_OK : sc_fail_nomem(error, "a prompt");
}

/* One prompt, or a list of several: a list of numbers is one. */
enum sc_status sc_serving_read_prompt(const json_t *value, struct sc_serving_request *out,
                                      struct sc_error *error)
{
    bool several = json_is_array(value) && !json_is_integer(json_array_get(value, 0));
    size_t n = several ? json_array_size(value) : 1;
    if (n == 0 || n > SC_SERVING_MOST_CHOICES)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected 1 to %d prompts, found %zu",
                       SC_SERVING_MOST_CHOICES, n);
    out->prompts = sc_alloc_zero(n, sizeof *out->prompts);
    if (out->prompts == NULL)
        return sc_fail_nomem(error, "prompts");
    out->n_prompts = n;
    for (size_t i = 0; i < n; i++)
        SC_TRY(copy_prompt(several ? json_array_get(value, i) : value, &out->prompts[i], error));
    return SC_OK;
}

/* ---- stops ----------------------------------------------------------------------------------- */

static enum sc_status add_stop(const json_t *value, struct sc_serving_request *out,
                               struct sc_error *error)
{
    size_t n = json_string_length(value);
    if (!json_is_string(value) || n == 0 || n > SC_SERVING_MOST_STOP_BYTES)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected texts of 1 to %d bytes",
                       SC_SERVING_MOST_STOP_BYTES);
    if (out->n_stops == SC_SERVING_MOST_STOPS)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected at most %d texts", SC_SERVING_MOST_STOPS);
    char *stop = sc_strndup(json_string_value(value), n);
    if (stop == NULL)
        return sc_fail_nomem(error, "stops");
    out->stops[out->n_stops++] = stop;
    return SC_OK;
}

enum sc_status sc_serving_read_stop(const json_t *value, struct sc_serving_request *out,
                                    struct sc_error *error)
{
    if (value == NULL || json_is_null(value))
        return SC_OK;
    if (!json_is_array(value))
        return add_stop(value, out, error);
    for (size_t i = 0; i < json_array_size(value); i++)
        SC_TRY(add_stop(json_array_get(value, i), out, error));
    return SC_OK;
}

enum sc_status sc_serving_read_stop_ids(const json_t *value, struct sc_serving_request *out,
                                        struct sc_error *error)
{
    if (value == NULL || json_is_null(value))
        return SC_OK;
    if (!json_is_array(value) || json_array_size(value) > SC_SERVING_MOST_STOP_IDS)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected a list of at most %d ids",
                       SC_SERVING_MOST_STOP_IDS);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *id = json_array_get(value, i);
        json_int_t number = json_is_integer(id) ? json_integer_value(id) : -1;
        if (number < 0 || number > INT32_MAX)
            return sc_fail(error, SC_ERR_ARGUMENT, "expected ids");
        out->stop_ids[out->n_stop_ids++] = (int32_t)number;
    }
    return SC_OK;
}

/* ---- arguments of the template --------------------------------------------------------------- */

static enum sc_status add_argument(const char *name, const json_t *value,
                                   struct sc_serving_request *out, struct sc_error *error)
{
    if (strcmp(name, "enable_thinking") == 0) {
        if (!json_is_boolean(value))
            return sc_fail(error, SC_ERR_ARGUMENT, "enable_thinking: expected true or false");
        out->thinks = json_is_true(value);
        out->thinking_is_given = true;
        return SC_OK;
    }
    if (*name == '\0' || strlen(name) > 64 || strchr(name, '=') != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected names of variables");
    if (out->n_arguments == SC_SERVING_MOST_ARGUMENTS)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected at most %d arguments",
                       SC_SERVING_MOST_ARGUMENTS);
    struct sc_text text = {0};
    sc_text_printf(&text, "%s=", name);
    sc_json_write(&text, value);
    char *argument = sc_text_take(&text);
    if (argument == NULL)
        return sc_fail_nomem(error, "arguments of the chat template");
    out->arguments[out->n_arguments++] = argument;
    return SC_OK;
}

enum sc_status sc_serving_read_arguments(json_t *value, struct sc_serving_request *out,
                                         struct sc_error *error)
{
    const char *name;
    json_t *argument;
    if (value == NULL || json_is_null(value))
        return SC_OK;
    if (!json_is_object(value))
        return sc_fail(error, SC_ERR_ARGUMENT, "expected an object, found %s", sc_json_kind(value));
    json_object_foreach(value, name, argument) SC_TRY(add_argument(name, argument, out, error));
    return SC_OK;
}
