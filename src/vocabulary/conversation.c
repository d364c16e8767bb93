/* See conversation.h.  Reads only what it writes: other people's messages are the benchmark's. */
#include "vocabulary/conversation.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

static const char *const role_names[] = {"system", "user", "assistant"};
_Static_assert(sizeof role_names / sizeof *role_names == SC_N_ROLES, "a name for each role");

const char *sc_role_name(enum sc_role role)
{
    assert((unsigned)role < SC_N_ROLES);
    return role_names[role];
}

int sc_role_parse(const char *name)
{
    for (int i = 0; name != NULL && i < SC_N_ROLES; i++)
        if (strcmp(role_names[i], name) == 0)
            return i;
    return -1;
}

void sc_conversation_free(struct sc_conversation *conversation)
{
    for (size_t i = 0; i < conversation->n; i++)
        sc_free(conversation->texts[i]);
    sc_free(conversation->texts);
    sc_free(conversation->messages);
    *conversation = (struct sc_conversation){0};
}

enum sc_status sc_conversation_add(struct sc_conversation *conversation, enum sc_role role,
                                   const char *text, struct sc_error *error)
{
    struct sc_conversation *c = conversation;
    assert(text != NULL);
    if (sc_grow((void **)&c->messages, c->n, &c->cap_messages, sizeof *c->messages) != 0 ||
        sc_grow((void **)&c->texts, c->n, &c->cap_texts, sizeof *c->texts) != 0)
        return sc_fail_nomem(error, "conversation");
    char *copy = sc_strdup(text);
    if (copy == NULL)
        return sc_fail_nomem(error, "conversation");
    c->texts[c->n] = copy;
    c->messages[c->n++] = (struct sc_message){sc_role_name(role), copy};
    return SC_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

void sc_conversation_put(struct sc_json_writer *out, const char *key,
                         const struct sc_message *messages, size_t n)
{
    sc_json_put_array(out, key);
    for (size_t i = 0; i < n; i++) {
        sc_json_put_object(out, NULL);
        sc_json_put_string(out, "role", messages[i].role);
        sc_json_put_string(out, "content", messages[i].text);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
}

enum sc_status sc_conversation_write(const struct sc_message *messages, size_t n, char **json,
                                     struct sc_error *error)
{
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text, .canonical = true};
    sc_conversation_put(&out, NULL, messages, n);
    *json = sc_text_take(&text);
    return *json != NULL ? SC_OK : sc_fail_nomem(error, "conversation");
}

static enum sc_status read_turn(const json_t *turn, struct sc_conversation *out,
                                struct sc_error *error)
{
    int role = sc_role_parse(json_string_value(json_object_get(turn, "role")));
    const char *text = json_string_value(json_object_get(turn, "content"));
    if (role < 0 || text == NULL)
        return sc_fail(error, SC_ERR_FORMAT,
                       "conversation: turn %zu: expected a role and a content", out->n);
    return sc_conversation_add(out, (enum sc_role)role, text, error);
}

static enum sc_status read_turns(const json_t *array, struct sc_conversation *out,
                                 struct sc_error *error)
{
    if (!json_is_array(array))
        return sc_fail(error, SC_ERR_FORMAT, "conversation: expected an array of turns");
    for (size_t i = 0; i < json_array_size(array); i++)
        SC_TRY(read_turn(json_array_get(array, i), out, error));
    return SC_OK;
}

enum sc_status sc_conversation_read(const char *json, struct sc_conversation *out,
                                    struct sc_error *error)
{
    assert(json != NULL && out->n == 0);
    json_t *array = NULL;
    SC_TRY(sc_json_parse(json, strlen(json), "conversation", &array, error));
    enum sc_status status = read_turns(array, out, error);
    json_decref(array);
    if (status != SC_OK)
        sc_conversation_free(out);
    return status;
}
