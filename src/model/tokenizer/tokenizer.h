/* What the rest of the program needs of a tokenizer beyond the public functions. */
#ifndef SC_MODEL_TOKENIZER_TOKENIZER_H
#define SC_MODEL_TOKENIZER_TOKENIZER_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "base/text.h"
#include "model/chat/template_check.h"

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

/* What is known of the chat template that lies beside the tokenizer. */
const struct sc_template_facts *sc_tokenizer_template(const struct sc_tokenizer *tokenizer);

/* What a model is asked, and how it is framed. */
struct sc_chat {
    const struct sc_message *messages; /* [n]; a last one of the assistant begins the answer */
    size_t n;
    bool thinking; /* false: an empty reasoning segment stands before the answer, where the model's
                    * template has one */
    bool special;  /* control tokens written in the texts are control tokens; else they are text */
};

/* The chat frame (docs/MODEL_FILES.md), up to where the answer begins.  With special, a beginning
 * of the answer that starts with <think> begins the reasoning.  *ids: sc_free it. */
enum sc_status sc_chat_encode(const struct sc_tokenizer *tokenizer, const struct sc_chat *chat,
                              int32_t **ids, size_t *n_ids, struct sc_error *error);

/* Where a framed prompt leaves the model: before a reasoning that may come, inside one, or past it.
 */
enum sc_reasoning_state { SC_REASONING_AHEAD, SC_REASONING_BEGUN, SC_REASONING_OVER };
enum sc_reasoning_state sc_chat_reasoning_state(const struct sc_tokenizer *tokenizer,
                                                const int32_t *ids, size_t n);

/* Number of tokens of the reasoning segment at the start of a generated sequence: up to and with
 * </think>; n when thinking never ended; 0 when there is none.  thinking says how it was prompted,
 * ended whether the last token ends the answer: a sequence that was prompted to think and stopped
 * before </think> is all reasoning, one that ended without it answered at once. */
size_t sc_chat_reasoning_length(const struct sc_tokenizer *tokenizer, const int32_t *ids, size_t n,
                                bool thinking, bool ended);
/* The same for what follows a prompt that ends in that state. */
size_t sc_chat_reasoning_after(const struct sc_tokenizer *tokenizer, enum sc_reasoning_state state,
                               bool thinking, const int32_t *ids, size_t n, bool ended);

/* What closes a reasoning that has used up its budget: the makers' words with </think> among them.
 */
struct sc_chat_closing {
    int32_t end_id; /* </think> */
    int32_t *ids;   /* [n]: sc_free it */
    size_t n;
};
enum sc_status sc_chat_closing(const struct sc_tokenizer *tokenizer, struct sc_chat_closing *out,
                               struct sc_error *error);
/* How many of the n ids of a trace belong to the closing that was put in behind `budget` sampled
 * ones: none where these hold </think>, where others follow, or where there is no budget (0). */
size_t sc_chat_closing_in(const struct sc_chat_closing *closing, size_t budget, const int32_t *ids,
                          size_t n);

/* Fills the ids that end an answer: those of the model's generation_config, of which the frame's
 * own end of a turn is always one, else <|im_end|> and <|endoftext|>.  ids has room for 8. */
struct sc_generation_config;
size_t sc_chat_end_ids(const struct sc_tokenizer *tokenizer,
                       const struct sc_generation_config *generation, int32_t *ids);

#endif
