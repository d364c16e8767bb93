/* See messages.h. */
#include "judge/messages.h"

#include <string.h>

#include "base/text.h"

static enum sc_status add(json_t *messages, const char *role, const char *text, bool parts,
                          struct sc_error *error)
{
    size_t n = strlen(text);
    if (sc_utf8_valid(text, n) != n)
        return sc_fail(error, SC_ERR_FORMAT, "text: expected UTF-8, found other bytes");
    json_t *message = parts ? json_pack("{s:s, s:[{s:s, s:s}]}", "role", role, "content", "type",
                                        "text", "text", text)
                            : json_pack("{s:s, s:s}", "role", role, "content", text);
    if (message == NULL || json_array_append_new(messages, message) != 0)
        return sc_fail_nomem(error, "a judge's prompt");
    return SC_OK;
}

static enum sc_status add_all(json_t *messages, const struct sc_judge_item *item, bool parts,
                              struct sc_error *error)
{
    bool asked = false;
    for (size_t i = 0; i < item->n_turns; i++) {
        const struct sc_message *turn = &item->turns[i];
        asked = asked || strcmp(turn->role, "user") == 0;
        if (asked && strcmp(turn->role, "system") != 0)
            SC_TRY(add(messages, turn->role, turn->text, parts, error));
    }
    SC_TRY(add(messages, "user", item->prompt, parts, error));
    return item->response != NULL ? add(messages, "assistant", item->response, parts, error)
                                  : SC_OK;
}

enum sc_status sc_judge_messages(const struct sc_judge_item *item, bool parts, json_t **out,
                                 struct sc_error *error)
{
    *out = NULL;
    json_t *messages = json_array();
    if (messages == NULL)
        return sc_fail_nomem(error, "a judge's prompt");
    enum sc_status status = add_all(messages, item, parts, error);
    if (status != SC_OK) {
        json_decref(messages);
        return status;
    }
    *out = messages;
    return SC_OK;
}
