/*
 * A server as a source of traces: what its files share.  Private to this folder.
 *
 *   server.c    the table of functions: describe, prepare, sample
 *   probe.c     what the server is and does, found out by asking
 *     identity.c  what it says of itself; unchanged.c: and whether it still does
 *     trial.c     the short completions that are asked for; ask.c: one question and its answer
 *     meaning.c   what its log-probabilities are those of; rule.c: as concluded from two lists
 *     listed.c    how many log-probabilities it gives
 *   answer.c    an answer, whole or in events, becomes a trace with its figures
 */
#ifndef SC_SOURCE_SERVER_SERVER_H
#define SC_SOURCE_SERVER_SERVER_H

#include <jansson.h>

#include "base/text.h"
#include "remote/completion.h"
#include "remote/remote.h"
#include "source/source.h"

/* What was found out before anything is sampled; part of the run's configuration where it says what
 * figures mean.  Strings are owned (sc_server_facts_free). */
struct sc_server_facts {
    char *name;  /* the model's name, to ask for it */
    char *model; /* the same as answers echo it */
    size_t n_servers;
    char *software;           /* "vllm 0.32.0", "llama.cpp", ...; NULL: it does not say */
    char *revision;           /* NULL: it does not say */
    char *system_fingerprint; /* of an answer; NULL: none */
    size_t context;           /* tokens; 0: it does not say */
    enum sc_endpoint endpoint;
    bool takes_ids; /* /completions takes a prompt of token ids */
    bool streams;   /* answers come as events when that is asked for */
    bool takes_seed;
    bool completion_tokens; /* the limit's name is max_completion_tokens */
    json_t *template_args;  /* chat_template_kwargs of every request (owned); NULL: none */
    bool gives_ids; /* "token_ids" of what was generated, when "return_token_ids" asks for them */
    bool gives_end; /* a token that ended an answer was among the listed ones; false: it was not, or
                     * no answer ended */
    enum sc_logprob_kind logprobs;
    size_t top_k; /* log-probabilities that it gives at each token; 0: none */
    /* Whether the same request with a seed gave the same answer, when that was tried; unknown: no
     * seed is taken, or another seed gave the same answer too. */
    enum sc_reproducible reproducible;
    struct sc_text remarks; /* lines for people, each with its end */
};

struct sc_server_probe {
    struct sc_remote *remote;
    const struct sc_server_options *options;
    const struct sc_source_wish *wish;
    /* A prompt in the form in which prompts will be sent: text or ids of the framed one (with a
     * tokenizer), or messages. */
    enum sc_endpoint endpoint;
    const char *text;
    const int32_t *ids; /* [n_ids] or NULL */
    size_t n_ids;
};

/* A server that lists at most so many models lists all that it has; a hosting service lists more,
 * and not all that it answers to. */
enum { SC_SERVER_MOST_LISTED = 16 };

/* Asks, with some ten requests of a token or a few each.  A server that cannot be reached or does
 * not have the model is an error of one line, and so are several that are not alike. */
enum sc_status sc_server_probe_run(const struct sc_server_probe *probe, struct sc_server_facts *out,
                                   struct sc_error *error);
/* Asks each server again for what it says of itself (two GETs each); SC_ERR_CONFLICT where that is
 * not what the facts say.  One that does not answer has not changed.  The remote must not be one
 * that is just running. */
enum sc_status sc_server_unchanged(struct sc_remote *remote, const struct sc_server_facts *facts,
                                   struct sc_error *error);
void sc_server_facts_free(struct sc_server_facts *facts);

#endif
