/*
 * How a reasoning stands in a text, whatever wrote it: <think>, the reasoning, </think>, the
 * answer.  Which tokens of a model write the two marks is model/chat's affair.  Outputs from
 * elsewhere, which mark it in other ways too, are taken apart by answer_part.h.
 */
#ifndef SC_VOCABULARY_REASONING_H
#define SC_VOCABULARY_REASONING_H

#include <stdbool.h>
#include <stddef.h>

#define SC_REASONING_OPENS "<think>"
#define SC_REASONING_CLOSES "</think>"

/* Bytes of the reasoning: up to the first </think>, that included; all of a text that begins with
 * <think>, blanks aside, and never closes it; else 0. */
size_t sc_reasoning_length(const char *text);
/* Whether a reasoning was closed in the text. */
bool sc_reasoning_is_closed(const char *text);
/* What a text of the assistant says after its reasoning, as chat templates show earlier turns: what
 * follows the last </think> and the ends of lines after it; the text itself where there is none. */
const char *sc_after_reasoning(const char *text);

#endif
