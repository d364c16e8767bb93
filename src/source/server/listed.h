/* What a server lists beside an answer: how many tokens at each place, and of what kind.  Pure
 * functions over one answer, which the longer the answer the more they tell.  Private to this
 * folder. */
#ifndef SC_SOURCE_SERVER_LISTED_H
#define SC_SOURCE_SERVER_LISTED_H

#include "source/server/ask.h"

/* Likeliest tokens listed at each place, at most as many as were asked for; 0: none.  A chosen
 * token that is not among them may be listed beyond them, and is not counted. */
size_t sc_listed_count(const struct sc_completion *completion, size_t n_asked);
/* Whether a token is listed behind those of the text: the one that ended it. */
bool sc_listed_end(const struct sc_answer *answer);
/* Whether "token_ids" of the answer are those of the listed tokens. */
bool sc_listed_ids(const struct sc_answer *answer);

#endif
