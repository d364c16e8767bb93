/*
 * A prompt that is more than a text: chat messages or a list of turns, as data sets have them.
 * docs/BENCHMARKS.md, "Messages", says what is read how.
 */
#ifndef SC_BENCHMARK_MESSAGES_H
#define SC_BENCHMARK_MESSAGES_H

#include "base/json.h"
#include "vocabulary/conversation.h"

/* Zeros are empty; sc_messages_free. */
struct sc_messages {
    /* All that is sent, ending with a user's turn. */
    struct sc_conversation conversation;
    char *reference; /* the assistant's turns behind it, which are not asked; or NULL */
    size_t n_user_turns;
    bool has_system;
};

/* What a cell holds as source, JSON or Python's: *out, NULL and an error (SC_ERR_FORMAT: says what
 * is wrong) where it is neither. */
enum sc_status sc_messages_parse(const char *source, json_t **out, struct sc_error *error);
/* *are: whether a text is wholly the source of a list of messages or, with texts_too, of texts. */
enum sc_status sc_messages_are(const char *text, bool texts_too, bool *are, struct sc_error *error);

/* Reads a value: a text, a list of one text or of turns, messages, an object that holds messages.
 * multi_turn: user's turns may follow each other, and assistant's turns between them are left out.
 * SC_ERR_FORMAT: it cannot be asked, with the reason; *out is then empty. */
enum sc_status sc_messages_read(const json_t *value, bool multi_turn, struct sc_messages *out,
                                struct sc_error *error);
/* The same of a caller's messages, whose roles and texts are not NULL. */
enum sc_status sc_messages_take(const struct sc_message *messages, size_t n, bool multi_turn,
                                struct sc_messages *out, struct sc_error *error);
bool sc_messages_is_user(const char *role); /* by whatever name data sets have for it */
void sc_messages_free(struct sc_messages *messages);

#endif
