/* What the server source is made of while it is open.  Private to this folder. */
#ifndef SC_SOURCE_SERVER_SERVED_H
#define SC_SOURCE_SERVER_SERVED_H

#include <jansson.h>

#include "source/server/answer.h"
#include "source/server/server.h"

struct sc_served_prompt {
    int32_t *ids; /* [n_ids] or NULL */
    size_t n_ids;
    char *text;       /* of a completion, where the server takes no ids */
    json_t *messages; /* of a chat */
    bool begun;       /* the last message is the beginning of the answer */
    enum sc_reasoning_state reasoning;
    size_t max_tokens;
};

/* A trace that failed while nothing showed yet whether the fault was the server's. */
struct sc_served_failure {
    struct sc_source_request request;
    char *why;
    bool refused;
};

/* A request of HTTP: traces of one prompt. */
struct sc_served_flight {
    struct sc_source_request *requests; /* [n] of at most n_choices */
    size_t n;                           /* 0: free */
    struct sc_choices choices;
    struct sc_server_trace *traces; /* [n] */
    struct sc_error broken;         /* why its stream is no answer */
};

struct sc_served {
    struct sc_server_options options;
    struct sc_source_wish wish;
    struct sc_server_framing framing; /* with options.tokenizer */
    struct sc_remote *remote, *watch;
    struct sc_server_facts facts;
    struct sc_sampling sampling;
    struct sc_server_rules rules;
    json_t *more, *more_begun; /* fields of every request; of one whose answer is begun */
    char *frame;               /* as the configuration has it, or NULL */
    struct sc_text remarks, plan_remarks;
    size_t n_trimmed;
    struct sc_error changed; /* the server is no longer what it was */

    /* While sampling (sampling.c). */
    const struct sc_feed *feed;
    struct sc_served_flight *flights; /* [options.parallel] */
    bool stream, holds;               /* holds: `held` is to be asked for next */
    struct sc_source_request held;
    struct sc_served_failure *failures; /* [n_failures] held back */
    size_t n_failures, cap_failures;
    bool answered; /* anything at all */
    size_t n_in_flight;
    struct sc_source_progress progress;
    double started, stepped, width_seconds, watched;
    struct sc_remote_counts before; /* of earlier passes */
};

enum sc_status sc_served_sample(void *context, const struct sc_feed *feed, struct sc_error *error);

#endif
