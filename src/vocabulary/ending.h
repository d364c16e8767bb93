/* The words by which servers and files say why an answer ended. */
#ifndef SC_VOCABULARY_ENDING_H
#define SC_VOCABULARY_ENDING_H

#include "vocabulary/vocabulary.h"

/* "stop", "eos", "end_turn" ..., "length", "max_tokens" ..., "content_filter", "refusal" ..., and
 * the names of the finishes themselves, without case.  SC_FINISH_FAILED: whoever sampled it gave it
 * up. SC_FINISH_UNKNOWN for NULL and for other words. */
enum sc_finish sc_finish_of_word(const char *word);

#endif
