/*
 * The short completions that the probe asks for: always one of a few contexts, with the sampling
 * that is to be tried.  Private to this folder.
 */
#ifndef SC_SOURCE_SERVER_TRIAL_H
#define SC_SOURCE_SERVER_TRIAL_H

#include "source/server/ask.h"
#include "source/server/rule.h"
#include "source/server/server.h"

/* Context 0 is the prompt that the probe was given, in the run's own form; the others are short
 * texts that can go on in many ways. */
enum { SC_TRIAL_CONTEXTS = 4 };

/* Who is asked, and in which form. */
struct sc_trials {
    const struct sc_server_probe *probe;
    const char *model;    /* the name to ask for */
    const char *software; /* NULL: unknown */
    bool ids;             /* context 0 as token ids */
    bool plain;           /* what is neutral is not spelled out: the server takes no such fields */
    bool completion_tokens; /* the limit's name is max_completion_tokens */
    json_t *template_args;  /* of a chat; NULL: none.  Borrowed. */
    size_t *n_again;        /* how many more answers that ended at once may be asked for again */
};

/* Whether the server is that software: "vllm". */
bool sc_trials_with(const struct sc_trials *trials, const char *name);

enum sc_trial_sampling {
    SC_TRIAL_NEUTRAL, /* the temperature below, filters off */
    SC_TRIAL_OWN      /* what the run will send: whatever the wish leaves open is not sent */
};

struct sc_trial {
    size_t context; /* below SC_TRIAL_CONTEXTS */
    enum sc_trial_sampling sampling;
    double temperature; /* of neutral sampling */
    size_t n_top;       /* likeliest tokens wanted; 0: no log-probabilities */
    size_t max_tokens;
    bool seeded;
    uint32_t seed; /* below 2^31 */
    bool stream;
    bool token_ids; /* ask for the ids of what was generated, as vLLM's servers can give them */
    size_t server;  /* from 1; 0 is 1 */
    unsigned most_tries; /* 0: as many as the client makes */
};

/* Where lists are wanted, an answer that ended at once is asked for again a few times: on which
 * token the chance of sampling fell is to decide nothing. */
enum sc_status sc_trial_ask(const struct sc_trials *trials, const struct sc_trial *trial,
                            struct sc_answer *answer, struct sc_error *error);

/* Whether an answer ended before any text.  Servers that do not list the token that ends an answer
 * list nothing then, which says nothing of what they list otherwise. */
bool sc_trial_ended(const struct sc_answer *answer);

/* What was listed for the first token of an answer; empty for none. */
struct sc_rule_list sc_trial_list(const struct sc_answer *answer);

/* The log-probability of `token` behind a context of ours (from 1), as the server scores it when it
 * is part of the prompt: vLLM's prompt_logprobs, or echo.  For completions; NaN where the server
 * offers neither, or reads the text as other tokens. */
enum sc_status sc_trial_forced(const struct sc_trials *trials, size_t context,
                               const struct sc_candidate *token, double *logprob,
                               struct sc_error *error);

#endif
