/* See messages.h.  Refuses what no chat format frames: tools, functions, images, missing content.
 */
#include "benchmark/messages.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "benchmark/literal.h"

#define BLANKS " \t\r\n"

static bool is_blank(const char *text)
{
    return text[strspn(text, BLANKS)] == '\0';
}

/* ---- source ---------------------------------------------------------------------------------- */

enum sc_status sc_messages_parse(const char *source, json_t **out, struct sc_error *error)
{
    size_t n = strlen(source);
    struct sc_error as_json = {0}, as_python = {0};
    enum sc_status status = sc_json_parse(source, n, "", out, &as_json);
    if (status == SC_ERR_FORMAT)
        status = sc_literal_parse(source, n, out, &as_python);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "messages");
    if (status != SC_ERR_FORMAT)
        return status;
    return sc_fail(error, SC_ERR_FORMAT,
                   "begins as a list but is none, in JSON or as Python prints it (%s)",
                   as_python.text);
}

static bool has_role_and_content(const json_t *message)
{
    return (json_is_string(json_object_get(message, "role")) &&
            json_object_get(message, "content") != NULL) ||
           (json_is_string(json_object_get(message, "from")) &&
            json_object_get(message, "value") != NULL);
}

enum sc_status sc_messages_are(const char *text, bool texts_too, bool *are, struct sc_error *error)
{
    json_t *value = NULL;
    *are = false;
    if (text[strspn(text, BLANKS)] != '[')
        return SC_OK;
    enum sc_status status = sc_messages_parse(text, &value, NULL);
    if (status != SC_OK)
        return status == SC_ERR_NOMEM ? sc_fail_nomem(error, "messages") : SC_OK;
    bool all = json_array_size(value) > 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        all = all && (has_role_and_content(element) || (texts_too && json_is_string(element)));
    }
    json_decref(value);
    *are = all;
    return SC_OK;
}

/* ---- one message ----------------------------------------------------------------------------- */

static const char *kind_of(const json_t *value)
{
    return value == NULL || json_is_null(value) ? "nothing"
           : json_is_object(value)              ? "an object"
           : json_is_array(value)               ? "a list"
           : json_is_string(value)              ? "a text"
           : json_is_boolean(value)             ? "true or false"
                                                : "a number";
}

/* -1: none that can be framed. */
static int role_of(const char *name)
{
    static const struct {
        const char *name;
        enum sc_role role;
    } names[] = {{"system", SC_ROLE_SYSTEM},     {"developer", SC_ROLE_SYSTEM},
                 {"user", SC_ROLE_USER},         {"human", SC_ROLE_USER},
                 {"prompter", SC_ROLE_USER},     {"assistant", SC_ROLE_ASSISTANT},
                 {"gpt", SC_ROLE_ASSISTANT},     {"model", SC_ROLE_ASSISTANT},
                 {"chatgpt", SC_ROLE_ASSISTANT}, {"bot", SC_ROLE_ASSISTANT}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i].name) == 0)
            return (int)names[i].role;
    return -1;
}

/* The first of two fields that is there. */
static const json_t *field(const json_t *object, const char *key, const char *other)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL ? value : json_object_get(object, other);
}

/* Bytes of untrusted text in a message; cli makes them visible. */
#define SHOWN(text) (int)sc_utf8_valid(text, strnlen(text, 40)), text

static enum sc_status find_role(const char *name, size_t number, enum sc_role *role,
                                struct sc_error *error)
{
    int found = role_of(name);
    if (found < 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "message %zu: role \"%.*s\": expected system, user or assistant", number,
                       SHOWN(name));
    *role = (enum sc_role)found;
    return SC_OK;
}

static enum sc_status read_role(const json_t *message, size_t number, enum sc_role *role,
                                struct sc_error *error)
{
    static const char *const calls[] = {"tool_calls", "function_call"};
    const json_t *name = field(message, "role", "from");
    if (!json_is_string(name))
        return sc_fail(error, SC_ERR_FORMAT, "message %zu: expected a role, found %s", number,
                       kind_of(name));
    SC_TRY(find_role(json_string_value(name), number, role, error));
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const json_t *call = json_object_get(message, calls[i]);
        if (call != NULL && !json_is_null(call) &&
            (!json_is_array(call) || json_array_size(call) > 0))
            return sc_fail(error, SC_ERR_FORMAT, "message %zu: %s: calls cannot be framed", number,
                           calls[i]);
    }
    return SC_OK;
}

static enum sc_status add_part(const json_t *part, size_t number, size_t index,
                               struct sc_text *content, struct sc_error *error)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    const char *text = json_is_string(part) ? json_string_value(part)
                                            : json_string_value(json_object_get(part, "text"));
    bool is_text = json_is_string(part) || type == NULL || strcmp(type, "text") == 0 ||
                   strcmp(type, "input_text") == 0 || strcmp(type, "output_text") == 0;
    if (!is_text)
        return sc_fail(error, SC_ERR_FORMAT,
                       "message %zu: part %zu is \"%.*s\": expected text alone", number, index + 1,
                       SHOWN(type));
    if (text == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "message %zu: part %zu: expected a text, found %s",
                       number, index + 1, kind_of(part));
    sc_text_puts(content, text);
    return SC_OK;
}

static enum sc_status add_content(const json_t *message, size_t number, struct sc_text *content,
                                  struct sc_error *error)
{
    const json_t *value = field(message, "content", "value");
    sc_text_puts(content, "");
    if (json_is_string(value))
        sc_text_puts(content, json_string_value(value));
    else if (!json_is_array(value))
        return sc_fail(error, SC_ERR_FORMAT,
                       "message %zu: content: expected a text or a list of texts, found %s", number,
                       kind_of(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        SC_TRY(add_part(json_array_get(value, i), number, i, content, error));
    return content->failed ? sc_fail_nomem(error, "messages") : SC_OK;
}

static enum sc_status add_turn(struct sc_conversation *turns, enum sc_role role, const char *text,
                               size_t number, struct sc_error *error)
{
    if (is_blank(text) && role == SC_ROLE_USER)
        return sc_fail(error, SC_ERR_FORMAT, "message %zu: a user's turn without text", number);
    if (is_blank(text) && role == SC_ROLE_SYSTEM)
        return SC_OK; /* data sets write none in this way */
    return sc_conversation_add(turns, role, text, error);
}

static enum sc_status add_framed(const json_t *message, size_t number, struct sc_text *content,
                                 struct sc_conversation *turns, struct sc_error *error)
{
    enum sc_role role = SC_ROLE_USER;
    SC_TRY(read_role(message, number, &role, error));
    SC_TRY(add_content(message, number, content, error));
    return add_turn(turns, role, content->data, number, error);
}

static enum sc_status add_message(const json_t *message, size_t number,
                                  struct sc_conversation *turns, struct sc_error *error)
{
    struct sc_text content = {0};
    enum sc_status status = add_framed(message, number, &content, turns, error);
    sc_text_free(&content);
    return status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static enum sc_status add_list(const json_t *list, struct sc_conversation *turns,
                               struct sc_error *error)
{
    if (json_array_size(list) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "a list without messages");
    bool texts = json_is_string(json_array_get(list, 0));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);
        if (texts ? !json_is_string(element) : !json_is_object(element))
            return sc_fail(error, SC_ERR_FORMAT, "message %zu: expected %s, found %s", i + 1,
                           texts ? "a text as before" : "a text or an object with role and content",
                           kind_of(element));
        SC_TRY(texts ? add_turn(turns, SC_ROLE_USER, json_string_value(element), i + 1, error)
                     : add_message(element, i + 1, turns, error));
    }
    return SC_OK;
}

static enum sc_status add_value(const json_t *value, struct sc_conversation *turns,
                                struct sc_error *error)
{
    static const char *const keys[] = {"messages", "conversations", "conversation", "turns"};
    if (json_is_string(value))
        return add_turn(turns, SC_ROLE_USER, json_string_value(value), 1, error);
    if (json_is_array(value))
        return add_list(value, turns, error);
    if (json_is_object(value) && field(value, "role", "from") != NULL)
        return add_message(value, 1, turns, error);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_is_array(json_object_get(value, keys[i])))
            return add_list(json_object_get(value, keys[i]), turns, error);
    return sc_fail(error, SC_ERR_FORMAT,
                   "expected a text, a list of texts or of messages, found %s%s", kind_of(value),
                   json_is_object(value) ? " without role and content" : "");
}

static bool is_role(const struct sc_message *message, enum sc_role role)
{
    return strcmp(message->role, sc_role_name(role)) == 0;
}

/* The assistant's turns from `begin` on; NULL without *status failing: they are blank. */
static enum sc_status take_reference(const struct sc_conversation *turns, size_t begin,
                                     char **reference, struct sc_error *error)
{
    struct sc_text text = {0};
    for (size_t i = begin; i < turns->n; i++) {
        sc_text_puts(&text, text.len > 0 ? "\n\n" : "");
        sc_text_puts(&text, turns->messages[i].text);
    }
    bool any = text.len > 0 && !is_blank(text.data);
    if (text.failed) {
        sc_text_free(&text);
        return sc_fail_nomem(error, "messages");
    }
    if (any)
        *reference = sc_text_take(&text);
    sc_text_free(&text);
    return SC_OK;
}

static enum sc_status check_order(const struct sc_conversation *turns, size_t n, bool multi_turn,
                                  struct sc_error *error)
{
    if (n == 0)
        return sc_fail(error, SC_ERR_FORMAT, "messages without a user's turn");
    if (!is_role(&turns->messages[n - 1], SC_ROLE_USER))
        return sc_fail(error, SC_ERR_FORMAT, "messages that end with a system message");
    for (size_t i = 1; i < n; i++) {
        const struct sc_message *before = &turns->messages[i - 1], *now = &turns->messages[i];
        if (!multi_turn && is_role(before, SC_ROLE_USER) && is_role(now, SC_ROLE_USER))
            return sc_fail(error, SC_ERR_FORMAT,
                           "two user's turns without an answer between them: --multi-turn generate "
                           "asks them one after another");
        if (multi_turn && is_role(now, SC_ROLE_SYSTEM) && !is_role(before, SC_ROLE_SYSTEM))
            return sc_fail(error, SC_ERR_FORMAT,
                           "a system message between turns: --multi-turn generate asks the user's "
                           "turns alone");
    }
    return SC_OK;
}

static enum sc_status keep_turns(const struct sc_conversation *turns, bool multi_turn,
                                 struct sc_messages *out, struct sc_error *error)
{
    size_t n = turns->n;
    while (n > 0 && is_role(&turns->messages[n - 1], SC_ROLE_ASSISTANT))
        n--;
    SC_TRY(take_reference(turns, n, &out->reference, error));
    SC_TRY(check_order(turns, n, multi_turn, error));
    for (size_t i = 0; i < n; i++) {
        enum sc_role role = (enum sc_role)sc_role_parse(turns->messages[i].role);
        out->n_user_turns += role == SC_ROLE_USER;
        out->has_system = out->has_system || role == SC_ROLE_SYSTEM;
        if (multi_turn && role == SC_ROLE_ASSISTANT)
            continue;
        SC_TRY(sc_conversation_add(&out->conversation, role, turns->messages[i].text, error));
    }
    return SC_OK;
}

static enum sc_status read_value(const json_t *value, bool multi_turn,
                                 struct sc_conversation *turns, struct sc_messages *out,
                                 struct sc_error *error)
{
    SC_TRY(add_value(value, turns, error));
    return keep_turns(turns, multi_turn, out, error);
}

enum sc_status sc_messages_read(const json_t *value, bool multi_turn, struct sc_messages *out,
                                struct sc_error *error)
{
    assert(value != NULL);
    struct sc_conversation turns = {0};
    *out = (struct sc_messages){0};
    enum sc_status status = read_value(value, multi_turn, &turns, out, error);
    sc_conversation_free(&turns);
    if (status != SC_OK)
        sc_messages_free(out);
    return status;
}

static enum sc_status take(const struct sc_message *messages, size_t n, bool multi_turn,
                           struct sc_conversation *turns, struct sc_messages *out,
                           struct sc_error *error)
{
    for (size_t i = 0; i < n; i++) {
        enum sc_role role = SC_ROLE_USER;
        SC_TRY(find_role(messages[i].role, i + 1, &role, error));
        SC_TRY(add_turn(turns, role, messages[i].text, i + 1, error));
    }
    return keep_turns(turns, multi_turn, out, error);
}

enum sc_status sc_messages_take(const struct sc_message *messages, size_t n, bool multi_turn,
                                struct sc_messages *out, struct sc_error *error)
{
    struct sc_conversation turns = {0};
    *out = (struct sc_messages){0};
    enum sc_status status = take(messages, n, multi_turn, &turns, out, error);
    sc_conversation_free(&turns);
    if (status != SC_OK)
        sc_messages_free(out);
    return status;
}

bool sc_messages_is_user(const char *role)
{
    return role_of(role) == (int)SC_ROLE_USER;
}

void sc_messages_free(struct sc_messages *messages)
{
    sc_conversation_free(&messages->conversation);
    sc_free(messages->reference);
    *messages = (struct sc_messages){0};
}
