/* What a judge is asked, as the messages of a chat.  Private to this room. */
#ifndef SC_JUDGE_MESSAGES_H
#define SC_JUDGE_MESSAGES_H

#include <jansson.h>

#include "judge/judge.h"

/* Earlier turns, the prompt and, unless NULL, its answer: [{"role", "content"}].  What comes before
 * the first question, a system message too, is left out.  parts: a content is [{"type": "text",
 * "text"}], as templates of models that see images have it.  *out: json_decref it. */
enum sc_status sc_judge_messages(const struct sc_judge_item *item, bool parts, json_t **out,
                                 struct sc_error *error);

#endif
