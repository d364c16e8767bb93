/*
 * What a request asks for: the fields of OpenAI's two interfaces, with those that vLLM adds, read
 * from JSON that anybody may have sent.
 *
 * A field that is not known is refused, and so is one that is known and not done here, unless it
 * says what happens anyway (presence_penalty 0) or cannot change an answer (user): what comes back
 * is never something else than what was asked for.
 */
#ifndef SC_SERVING_REQUEST_H
#define SC_SERVING_REQUEST_H

#include "base/error.h"
#include "engine/inference.h"
#include "vocabulary/conversation.h"

enum {
    SC_SERVING_MOST_CHOICES = 128, /* of a request, all prompts together */
    SC_SERVING_MOST_MESSAGES = 1024,
    SC_SERVING_MOST_STOPS = 4, /* as OpenAI has it */
    SC_SERVING_MOST_STOP_BYTES = 256,
    SC_SERVING_MOST_STOP_IDS = 16,
    SC_SERVING_MOST_ARGUMENTS = 16, /* of a chat template */
    SC_SERVING_MOST_DEPTH = 32      /* of the JSON */
};

/* A prompt of /completions: a text, or ids. */
struct sc_serving_prompt_text {
    char *text;   /* [n_text] UTF-8, with a 0 behind it; NULL: it came as ids */
    int32_t *ids; /* [n_ids] */
    size_t n_text, n_ids;
};

struct sc_serving_request {
    bool chat;
    char *model; /* NULL: not named */
    size_t n;    /* choices of each prompt */
    size_t max_tokens;
    bool max_is_given;
    struct sc_sampling sampling; /* NaN and top_k -1: not given */
    uint64_t seed;
    bool seed_is_given;
    bool stream, usage_in_stream;
    bool lists;                         /* log-probabilities are wanted */
    size_t n_top;                       /* of that many tokens beside the chosen one */
    bool gives_ids, ids_as_tokens;      /* return_token_ids, return_tokens_as_token_ids */
    bool shows_special;                 /* special tokens are part of the text */
    bool echo;                          /* /completions: the prompt is part of the text */
    bool adds_special;                  /* /completions: what the tokenizer puts before a text */
    char *stops[SC_SERVING_MOST_STOPS]; /* [n_stops] */
    size_t n_stops;
    int32_t stop_ids[SC_SERVING_MOST_STOP_IDS]; /* [n_stop_ids] beside the model's own */
    size_t n_stop_ids;
    struct sc_conversation messages; /* of chat */
    bool thinks, thinking_is_given;
    char *arguments[SC_SERVING_MOST_ARGUMENTS]; /* [n_arguments] NAME=VALUE */
    size_t n_arguments;
    struct sc_serving_prompt_text *prompts; /* [n_prompts] of /completions */
    size_t n_prompts;
};

/* Reads a body of n bytes for one of the two interfaces.  On failure the error says what is wrong
 * and *field names where, "" where that is the whole; *out is to be freed in any case. */
enum sc_status sc_serving_request_read(struct sc_serving_request *out, bool chat, const char *body,
                                       size_t n, char field[64], struct sc_error *error);
void sc_serving_request_free(struct sc_serving_request *request);

#endif
