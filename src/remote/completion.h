/*
 * What OpenAI-compatible servers (vLLM, SGLang, llama-server, ...) are asked and what they answer:
 * POST /chat/completions with one message of the user or several, and POST /completions with a raw
 * prompt, as text or as ids. Pure functions; remote.h brings the bytes there and back, and
 * choices.h reads all of an answer: what is read here is its first choice with the texts of all
 * tokens that could have stood at a place.
 */
#ifndef SC_REMOTE_COMPLETION_H
#define SC_REMOTE_COMPLETION_H

#include <jansson.h>

#include "base/error.h"

enum sc_endpoint { SC_ENDPOINT_CHAT, SC_ENDPOINT_COMPLETION };

const char *sc_endpoint_path(enum sc_endpoint endpoint); /* after the base URL */

struct sc_completion_request {
    enum sc_endpoint endpoint;
    const char *model, *text; /* UTF-8 */
    json_t *messages;         /* of a chat, in the place of the text; NULL: none */
    const int32_t *ids;       /* [n_ids] of a completion, in the place of the text; NULL: none */
    size_t n_ids;
    double temperature; /* NaN: the server's own */
    size_t max_tokens;
    uint64_t seed;
    size_t n_top;     /* likeliest tokens wanted at each place; 0: no log-probabilities */
    size_t n_choices; /* answers wanted; 0 and 1: one */
    bool stream;      /* as events, with its counts in the last one */
    /* More fields of the body: one of ours is replaced, and left out where the value is null. */
    json_t *more;
};

/* The JSON body; *body: sc_free it.  A text that is not valid UTF-8 is an error. */
enum sc_status sc_completion_body(const struct sc_completion_request *request, char **body,
                                  size_t *n, struct sc_error *error);

/* A token that could have stood at a place. */
struct sc_candidate {
    const char *text; /* [n] bytes */
    size_t n;
    double logprob; /* <= 0 */
};

struct sc_completion_token {
    const char *text; /* [n] bytes, which need not be whole characters */
    size_t n;
    size_t first, n_candidates; /* in candidates */
};

/* The first choice of an answer. */
struct sc_completion {
    char *text; /* UTF-8 without NUL: invalid bytes became U+FFFD */
    size_t n;
    bool cut;                           /* at the limit of tokens */
    size_t n_prompt_tokens, n_tokens;   /* as the server counts them; 0: it does not say */
    struct sc_completion_token *tokens; /* [n_listed] with their log-probabilities; NULL: none */
    size_t n_listed;
    struct sc_candidate *candidates;
    const char *no_tokens; /* why there are none (static) */
    char *bytes;           /* of tokens and candidates */
};

/* Reads an answer of either endpoint; sc_completion_free what is in *out.  Log-probabilities in an
 * unknown shape are none, and no error. */
enum sc_status sc_completion_read(const char *body, size_t n, struct sc_completion *out,
                                  struct sc_error *error);
void sc_completion_free(struct sc_completion *completion);

/* The server's own words in the body of an error, or as much of the body as fits; "" for none.
 * Untrusted: to be made visible. */
void sc_completion_error(const char *body, size_t n, char *out, size_t size);

#endif
