/* What the rest of the program needs of a tokenizer beyond the public functions. */
#ifndef SC_MODEL_TOKENIZER_TOKENIZER_H
#define SC_MODEL_TOKENIZER_TOKENIZER_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "base/text.h"

/* Ids below this exist (largest id in the vocabulary and among the added tokens, plus one). */
size_t sc_tokenizer_n_tokens(const struct sc_tokenizer *tokenizer);
/* Id of a token written exactly so (an added token or a vocabulary entry), or -1. */
int32_t sc_tokenizer_id(const struct sc_tokenizer *tokenizer, const char *token);
bool sc_tokenizer_is_special(const struct sc_tokenizer *tokenizer, int32_t id);
/* The bytes of one token as they appear in text (maybe part of a UTF-8 sequence); special tokens
 * give their written form.  The pointer lives as long as the tokenizer. NULL for an unknown id. */
const char *sc_tokenizer_bytes(const struct sc_tokenizer *tokenizer, int32_t id, size_t *n);

/* The ids that the file's post-processor puts before and after one text, such as the beginning of a
 * text; they live as long as the tokenizer. */
struct sc_tokenizer_around {
    const int32_t *before; /* [n_before] */
    size_t n_before;
    const int32_t *after; /* [n_after] */
    size_t n_after;
};
struct sc_tokenizer_around sc_tokenizer_around(const struct sc_tokenizer *tokenizer);

/* What lies beside the tokenizer about the frame of prompts (model/chat/source.h). */
struct sc_chat_source;
const struct sc_chat_source *sc_tokenizer_chat_source(const struct sc_tokenizer *tokenizer);

#endif
