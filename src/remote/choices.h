/*
 * What servers answer to a completion, whole or in the events of a stream: the choices' texts, and
 * the log-probabilities of their tokens.  Pure functions; untrusted bytes in, texts and numbers
 * out.
 *
 * Log-probabilities come in two shapes, and some servers use one at the other's endpoint, so both
 * are looked for at both:
 *
 *   {"content": [{"token", "bytes", "logprob", "top_logprobs": [{"token", "bytes", "logprob"}]}]}
 *   {"tokens": [...], "token_logprobs": [...], "top_logprobs": [{"token": logprob}]}
 */
#ifndef SC_REMOTE_CHOICES_H
#define SC_REMOTE_CHOICES_H

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

/* A token that could have stood at a place. */
struct sc_listed_candidate {
    size_t begin, n; /* its text in bytes, where texts are kept */
    double logprob;  /* <= 0 */
};

struct sc_listed_token {
    size_t begin, n; /* its text in bytes; 0 bytes where the server names an id instead */
    double logprob;  /* <= 0, or NaN: not given */
    int32_t id;      /* -1: not given */
    size_t first, n_candidates; /* in candidates */
};

struct sc_choice {
    struct sc_text text, reasoning; /* UTF-8 without NUL */
    char finish[48];                /* as given, cut where it is longer; "" none so far */
    bool refused;         /* the text is the interface's refusal ("refusal"), not an answer */
    bool begun;           /* something was said of it */
    struct sc_text bytes; /* of the tokens' and candidates' texts */
    struct sc_listed_token *tokens;         /* [n_tokens] */
    struct sc_listed_candidate *candidates; /* [n_candidates] */
    size_t n_tokens, cap_tokens, n_candidates, cap_candidates;
    int32_t *ids; /* [n_ids] "token_ids" of what was generated; -1: what stands there is none */
    size_t n_ids, cap_ids;
    bool strange; /* its log-probabilities have an unknown shape */
    bool failed;  /* memory ran out */
};

/* Set n and exact and, when the rest is zeros, add; free it. */
struct sc_choices {
    size_t n; /* choices that were asked for */
    /* Candidates' texts are kept, every candidate needs its number, and of several choices the
     * first in the list counts.  Else candidates are numbers alone, those that servers write for an
     * infinity are left out, and choices go by their index. */
    bool exact;
    struct sc_choice *choices;           /* [n] */
    char *model;                         /* as the server names it, or NULL */
    char *fingerprint;                   /* "system_fingerprint", or NULL */
    size_t n_prompt_tokens, n_generated; /* its own counts, of all choices; 0: it does not say */
    bool ended;                          /* "[DONE]" came */
};

/* Takes a whole body, or one event of a stream.  SC_ERR_FORMAT: this is no answer; an event may be
 * an error, whose words are then the message. */
enum sc_status sc_choices_add(struct sc_choices *choices, const char *body, size_t n,
                              struct sc_error *error);
enum sc_status sc_choices_add_event(struct sc_choices *choices, const char *data, size_t n,
                                    struct sc_error *error);
/* Whether every choice is there and, in a stream, said why it ended. */
bool sc_choices_are_whole(const struct sc_choices *choices, bool stream);
/* Forgets what was taken; n and exact stay. */
void sc_choices_clear(struct sc_choices *choices);

/* Parses a body, whatever a server puts into its strings: what is no UTF-8, NUL and halves of
 * surrogate pairs become U+FFFD, NaN and infinities null, and of two equal keys the last one
 * counts. */
enum sc_status sc_remote_parse(const char *body, size_t n, json_t **root, struct sc_error *error);

/* The server's own words in an object that says what went wrong, or NULL. */
const char *sc_remote_words(const json_t *root);

#endif
