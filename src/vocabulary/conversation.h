/*
 * A conversation: the turns that a model is shown, and that files and databases keep as JSON
 * ([{"role": "user", "content": "..."}, ...]).
 */
#ifndef SC_VOCABULARY_CONVERSATION_H
#define SC_VOCABULARY_CONVERSATION_H

#include <safeconf/vocabulary.h>

#include "base/json_writer.h"

enum sc_role { SC_ROLE_SYSTEM, SC_ROLE_USER, SC_ROLE_ASSISTANT, SC_N_ROLES };
const char *sc_role_name(enum sc_role role); /* "system", "user", "assistant" */
int sc_role_parse(const char *name);         /* -1: unknown */

/* Zeros are an empty conversation. */
struct sc_conversation {
    struct sc_message *messages; /* [n]; roles are those of sc_role_name, texts its own */
    char **texts;                /* [n] the same texts, to be released */
    size_t n, cap_messages, cap_texts;
};

void sc_conversation_free(struct sc_conversation *conversation);
/* Appends a turn; the text is copied. */
enum sc_status sc_conversation_add(struct sc_conversation *conversation, enum sc_role role,
                                   const char *text, struct sc_error *error);
/* An array of {"role", "content"}. */
void sc_conversation_put(struct sc_json_writer *out, const char *key,
                         const struct sc_message *messages, size_t n);
/* The array's text, on its own: *json, sc_free it. */
enum sc_status sc_conversation_write(const struct sc_message *messages, size_t n, char **json,
                                     struct sc_error *error);
/* Reads what was written; anything else is SC_ERR_FORMAT.  *out begins as zeros and is empty after
 * a failure. */
enum sc_status sc_conversation_read(const char *json, struct sc_conversation *out,
                                    struct sc_error *error);

#endif
