/*
 * Prompts framed here for a server that goes on with a text: the model's tokenizer and chat
 * template, from a folder that need not hold its weights.  Private to this folder.
 */
#ifndef SC_SOURCE_SERVER_FRAMING_H
#define SC_SOURCE_SERVER_FRAMING_H

#include <safeconf/engine.h>

#include "base/text.h"
#include "model/chat/chat.h"

/* Zeros: there is none. */
struct sc_server_framing {
    struct sc_tokenizer *tokenizer;
    struct sc_chat_format *format;
    char fingerprint[17]; /* of the tokenizer, hexadecimal */
    int32_t end_ids[8];   /* [n_end_ids] any of them ends an answer */
    size_t n_end_ids;
    /* As generation_config.json advises; NaN and top_k -1 where it says nothing. */
    struct sc_sampling sampling;
    size_t n_tokens; /* of the vocabulary, those that exist */
    size_t n_rows;   /* of the model's P at most: config.json's vocab_size, if that is more */
    struct sc_text remarks; /* lines for people, each with its end */
};

/* name: as sc_model_locate takes it.  sc_server_framing_close in any case. */
enum sc_status sc_server_framing_open(struct sc_server_framing *out, const char *name,
                                      const struct sc_chat_options *chat, struct sc_error *error);
void sc_server_framing_close(struct sc_server_framing *framing);

/*
 * The text of a framed prompt for a server that encodes it itself, with control tokens recognised:
 * only where that gives the same ids.  SC_ERR_UNSUPPORTED where it does not: the prompt spells a
 * control token, which would become one.
 *
 * adds_around: the server puts the ids around a text that the tokenizer's file says (a beginning of
 * the text); those that the template wrote are then left out of *text, and a frame without them is
 * refused.  *text: sc_free it.
 */
enum sc_status sc_server_framing_text(const struct sc_server_framing *framing,
                                      const struct sc_framed *framed, bool adds_around, char **text,
                                      struct sc_error *error);

/* *id of the token that a server lists as these n bytes, or -1: they are not one token's text. */
enum sc_status sc_server_framing_id(const struct sc_server_framing *framing, const char *text,
                                    size_t n, int32_t *id, struct sc_error *error);

#endif
