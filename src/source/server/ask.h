/*
 * One question at a time to a server, and its answer read: what the probe asks before anything is
 * sampled, and again every now and then.  Private to this folder.
 */
#ifndef SC_SOURCE_SERVER_ASK_H
#define SC_SOURCE_SERVER_ASK_H

#include <jansson.h>

#include "remote/completion.h"
#include "remote/remote.h"

struct sc_question {
    const char *path;   /* "/models", "/completions" */
    const json_t *body; /* NULL: a GET */
    bool at_root;       /* the path stands after host and port */
    bool stream;        /* the body asks for events */
    /* What comes is to be a completion: anything else is asked for again.  A 500 that comes again
     * is a no. */
    bool completion;
    unsigned most_tries; /* 0: as many as the client makes */
    size_t server;       /* from 1 */
};

struct sc_answer {
    enum sc_remote_outcome outcome;
    long http_status; /* 0: there was no answer */
    char words[400];  /* why there is no answer, one visible line */
    json_t *root;     /* the answer, or what was said with a refusal; NULL: no JSON */
    struct sc_completion completion; /* of a completion that was answered whole */
    size_t n_events;                 /* of a stream */
};

/* Asks.  That the server does not take the question or has no such path is no error; one that
 * cannot be reached, or is given no key that it takes, is one only where `completion` is set or
 * there was no answer at all. */
enum sc_status sc_ask(struct sc_remote *remote, const struct sc_question *question,
                      struct sc_answer *answer, struct sc_error *error);
void sc_answer_free(struct sc_answer *answer); /* after a failure too */

#endif
