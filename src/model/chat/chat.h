/*
 * How prompts are framed and how what comes back is read (docs/TEMPLATES.md): what the rest of the
 * program needs beyond the public functions of safeconf/engine.h.
 *
 * source.h finds the template beside a tokenizer; format.c opens it with its arguments; render.c
 * runs it; frame.c makes ids of a conversation; probe.c finds by rendering what a template does.
 */
#ifndef SC_MODEL_CHAT_CHAT_H
#define SC_MODEL_CHAT_CHAT_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "base/text.h"

/* ---- formats --------------------------------------------------------------------------------- */

/* Today, for templates that ask: what Llama 3's own writes where it is not told. */
#define SC_TEMPLATE_DATE "2024-07-26"

/* ChatML with the reasoning segment of Qwen3: what --chat-template chatml means and what random
 * models get. */
extern const char sc_chatml_template[];

/* Whether the model is prompted to reason: the options' word, or an argument's. */
bool sc_chat_format_thinks(const struct sc_chat_format *format);
/* What the frame follows from, as the configuration of a run has it: NULL where prompts are framed
 * as sc_chatml_template does without arguments. */
const char *sc_chat_format_identity(const struct sc_chat_format *format);
/* Lines for people, each with its end: what they might not expect of the frame; "" for none. */
const char *sc_chat_format_remarks(const struct sc_chat_format *format);
/* The token that ends the assistant's turns in the frame, or -1. */
int32_t sc_chat_format_end(const struct sc_chat_format *format);

/* ---- prompts --------------------------------------------------------------------------------- */

/* Where a framed prompt leaves the model: before a reasoning that may come, inside one, or past it.
 */
enum sc_reasoning_state { SC_REASONING_AHEAD, SC_REASONING_BEGUN, SC_REASONING_OVER };

struct sc_framed {
    char *text; /* [n_text], with a 0 behind it: valid UTF-8 */
    size_t n_text;
    int32_t *ids; /* [n] */
    size_t n;
    enum sc_reasoning_state reasoning;
    bool trimmed; /* the template left out blanks around the beginning of the answer */
};
/* Frames messages (sc_chat_frame says how).  On success *out is to be freed. */
enum sc_status sc_chat_encode(const struct sc_chat_format *format,
                              const struct sc_message *messages, size_t n, struct sc_framed *out,
                              struct sc_error *error);
void sc_framed_free(struct sc_framed *framed);

/* ---- reasoning in ids ------------------------------------------------------------------------ */

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

/* ---- the end of an answer -------------------------------------------------------------------- */

/* Fills the ids that end an answer: those of the model's generation_config (else <|endoftext|>),
 * <|im_end|>, the tokenizer's eos_token and the frame's end of a turn, as far as they are tokens.
 * generation and format may be NULL.  ids has room for 8; returns how many there are. */
struct sc_generation_config;
size_t sc_chat_end_ids(const struct sc_tokenizer *tokenizer, const struct sc_chat_format *format,
                       const struct sc_generation_config *generation, int32_t *ids);

#endif
