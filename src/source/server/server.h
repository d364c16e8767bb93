/*
 * A server as a source of traces: what its files share.  Private to this folder.
 *
 *   server.c    the table of functions: describe, prepare, sample
 *   probe.c     what the server is, and what its log-probabilities mean: found out by asking
 *   answer.c    an answer, whole or in events, becomes a trace with its figures
 */
#ifndef SC_SOURCE_SERVER_SERVER_H
#define SC_SOURCE_SERVER_SERVER_H

#include "base/text.h"
#include "remote/completion.h"
#include "remote/remote.h"
#include "source/source.h"

/* What was found out before anything is sampled; part of the run's configuration where it says what
 * figures mean.  Strings are owned (sc_server_facts_free). */
struct sc_server_facts {
    char *model;              /* its name for the model, as it echoes it */
    char *software;           /* "vllm 0.32.0", "llama.cpp", ...; NULL: it does not say */
    char *revision;           /* NULL: it does not say */
    char *system_fingerprint; /* of an answer; NULL: none */
    size_t context;           /* tokens; 0: it does not say */
    enum sc_endpoint endpoint;
    bool takes_ids; /* /completions takes a prompt of token ids */
    bool streams;   /* answers come as events when that is asked for */
    bool gives_ids; /* log-probabilities name tokens by id, or by texts that are found again */
    bool gives_end; /* the end token is among the listed ones */
    enum sc_logprob_kind logprobs;
    size_t top_k; /* log-probabilities that it gives at each token; 0: none */
    enum sc_reproducible
        reproducible;       /* whether the same request with a seed gave the same answer */
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

/* Asks, with a handful of requests of a token or a few each.  A server that cannot be reached or
 * does not have the model is an error of one line. */
enum sc_status sc_server_probe_run(const struct sc_server_probe *probe, struct sc_server_facts *out,
                                   struct sc_error *error);
/* Asks each server again for what it says of itself; SC_ERR_CONFLICT where that is not what the
 * facts say. */
enum sc_status sc_server_unchanged(struct sc_remote *remote, const struct sc_server_facts *facts,
                                   struct sc_error *error);
void sc_server_facts_free(struct sc_server_facts *facts);

#endif
