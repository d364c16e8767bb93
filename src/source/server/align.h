/*
 * Which bytes of a text each listed token stands for.  Servers list tokens by texts of their own:
 * with the end token that the text does not show, with U+FFFD where a token is part of a character,
 * with the reasoning that they give apart.  Private to this folder.
 */
#ifndef SC_SOURCE_SERVER_ALIGN_H
#define SC_SOURCE_SERVER_ALIGN_H

#include "remote/choices.h"

struct sc_align {
    const char *bytes;                    /* of the tokens' texts */
    const struct sc_listed_token *tokens; /* [n] */
    size_t n;
    const char *text; /* [n_text] */
    size_t n_text;
    const char *reasoning; /* said apart; "" none */
};

/* *ends [n] as in struct sc_source_trace (sc_free), or NULL: the tokens are not the text. */
enum sc_status sc_align_text(const struct sc_align *align, uint32_t **ends, struct sc_error *error);

/* The same where the tokens are a reasoning, its marks and then the text; tokens of the reasoning
 * end at 0 and are counted. */
enum sc_status sc_align_behind_reasoning(const struct sc_align *align, uint32_t **ends,
                                         size_t *n_reasoning, struct sc_error *error);

#endif
