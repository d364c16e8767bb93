/* Running a template over a conversation, with the variables that transformers gives it. */
#include <assert.h>

#include "base/memory.h"
#include "model/chat/format.h"

const char *const sc_thinking_switches[SC_N_SWITCHES] = {"enable_thinking", "thinking"};

/* Texts of messages come from prompts, whatever else they are. */
static const char *const outside[] = {"content"};

static json_t *message_of(const struct sc_message *message)
{
    json_t *out = json_object();
    if (json_object_set_new(out, "role", json_string(message->role)) != 0 ||
        json_object_set_new(out, "content", json_string(message->text)) != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static json_t *messages_of(const struct sc_message *messages, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(out, message_of(&messages[i])) != 0) {
            json_decref(out);
            return NULL;
        }
    return out;
}

/* NULL without memory. */
static json_t *variables_of(const struct sc_chat_format *format, const struct sc_message *messages,
                            size_t n, enum sc_prompt_end end)
{
    json_t *out = json_object();
    /* not a copy: those of the JSON library lose members in silence without memory */
    bool failed = json_object_update(out, format->variables) != 0;
    failed |= json_object_set_new(out, "messages", messages_of(messages, n)) != 0;
    failed |= json_object_set_new(out, "add_generation_prompt",
                                  json_boolean(end != SC_PROMPT_LEFT_OPEN)) != 0;
    for (size_t i = 0; end == SC_PROMPT_ASKS_TO_THINK && i < SC_N_SWITCHES; i++)
        if (json_object_get(out, sc_thinking_switches[i]) != NULL)
            failed |= json_object_set_new(out, sc_thinking_switches[i], json_true()) != 0;
    if (failed) {
        json_decref(out);
        return NULL;
    }
    return out;
}

enum sc_status sc_format_render(const struct sc_chat_format *format,
                                const struct sc_message *messages, size_t n, enum sc_prompt_end end,
                                struct sc_jinja_output *out, struct sc_error *error)
{
    assert(format->template != NULL);
    json_t *variables = variables_of(format, messages, n, end);
    if (variables == NULL)
        return sc_fail_nomem(error, "chat prompt");
    const struct sc_jinja_input input = {.variables = variables,
                                         .outside = outside,
                                         .n_outside = sizeof outside / sizeof *outside,
                                         .year = format->year,
                                         .month = format->month,
                                         .day = format->day};
    struct sc_error why = {0};
    enum sc_status status = sc_jinja_render(format->template, &input, out, &why);
    json_decref(variables);
    if (status != SC_OK) /* what a template refuses is no fault of the program's words */
        return sc_fail(error, status == SC_ERR_ARGUMENT ? SC_ERR_UNSUPPORTED : status,
                       "chat template: %s", why.text);
    return SC_OK;
}
