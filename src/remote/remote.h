/*
 * A client of HTTP servers that take JSON and give JSON: many requests in flight over connections
 * that are kept, tried again where that may help.  What servers send is untrusted: answers are
 * bounded, redirections are not followed, and certificates are checked (SSL_CERT_FILE names other
 * roots).  It knows nothing of what is asked; completion.h knows the shapes of completions.
 */
#ifndef SC_REMOTE_REMOTE_H
#define SC_REMOTE_REMOTE_H

#include "base/error.h"

struct sc_remote; /* one thread at a time */

struct sc_remote_options {
    const char *url; /* base, such as "http://127.0.0.1:8000/v1" */
    /* [n_urls] instead of url: servers that are alike; a request goes to the one with the fewest in
     * flight */
    const char *const *urls;
    size_t n_urls;
    const char *key;    /* sent as "Authorization: Bearer KEY"; NULL: none.  Never shown. */
    size_t parallel;    /* requests in flight at most */
    unsigned n_retries; /* after the first try */
    double connect_timeout, timeout, stall_timeout; /* seconds: to connect; in all; without a byte
                                                       once an answer has begun */
    double backoff, longest_backoff; /* seconds before the first retry, doubled each time */
    double longest_retry_after;      /* seconds that a server may ask for */
    size_t max_response;             /* bytes */
    size_t most_failures;            /* in a row, which end a run */
    uint64_t seed;                   /* of the retries' jitter */
};
struct sc_remote_options sc_remote_options_default(void); /* url and key NULL */

/* Checks the options and prepares; connects to nothing yet. */
enum sc_status sc_remote_open(struct sc_remote **out, const struct sc_remote_options *options,
                              struct sc_error *error);
void sc_remote_close(struct sc_remote *remote); /* NULL is fine */

/* Whether a URL can be a server's base: http or https, a host, and neither user, query nor
 * fragment.  *clean (sc_free; may be NULL) is the URL without slashes at its end. */
enum sc_status sc_remote_check_url(const char *url, char **clean, struct sc_error *error);

struct sc_remote_request {
    const char *path; /* after the base: "/completions" */
    char *body;       /* JSON [n]; the client takes it and releases it with sc_free.  NULL: a GET */
    size_t n;
    size_t tag; /* the caller's own; comes back with the reply */
    /* The answer is wanted as an event stream: the source's event gets it piece by piece, and the
     * reply has no body. */
    bool stream;
    bool at_root;  /* the path stands after scheme, host and port, without the base's own path */
    size_t server; /* from 1: this one; 0: any */
};

enum sc_remote_outcome {
    SC_REMOTE_ANSWERED, /* 200 and a JSON body */
    SC_REMOTE_REFUSED,  /* the server does not take this request (4xx): asking again is useless */
    SC_REMOTE_FAILED    /* no answer, whatever the request said: it may come another time */
};

struct sc_remote_reply {
    enum sc_remote_outcome outcome;
    const char *body; /* [n], the key masked; valid during the call */
    size_t n;
    const char *failure; /* why there is no answer (one line, no host in it), or NULL */
    size_t tag;          /* of the request */
    long http_status;    /* of the last answer; 0: there was none */
    size_t server;       /* from 1: who was asked */
    bool ended;          /* a stream that event() ended */
    /* Set by done(): the body is not what was asked for, which counts as a failure. */
    bool unusable;
};

struct sc_remote_counts {
    size_t n_tries, n_retries;
    size_t n_answered, n_refused, n_failed;
};

struct sc_remote_source {
    void *context;
    /* Gives the next request; *given false: there are no more.  Not SC_OK ends the run. */
    enum sc_status (*next)(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error);
    /* Takes a reply, in no certain order.  Not SC_OK ends the run. */
    enum sc_status (*done)(void *context, struct sc_remote_reply *reply, struct sc_error *error);
    /* The data of one event of a stream, the key masked.  data NULL: the try failed and the request
     * begins anew, so what came of it is void.  *go_on, true before, set to false ends the request
     * there: the connection is closed, which ends the server's work, and done gets ended.  May be
     * NULL where no request is a stream. */
    enum sc_status (*event)(void *context, size_t tag, const char *data, size_t n, bool *go_on,
                            struct sc_error *error);
    /* At least ten times a second; may be NULL; false ends the run with SC_ERR_INTERRUPTED. */
    bool (*step)(void *context, const struct sc_remote_counts *counts);
};

/*
 * Sends all requests of the source.  A single failure ends nothing: it is handed over.  These end
 * the run, with one line that names the server: nothing answers at the start; most_failures in a
 * row; or a status that no request can cause (a redirection, no such path, a missing or wrong key).
 */
enum sc_status sc_remote_run(struct sc_remote *remote, const struct sc_remote_source *source,
                             struct sc_remote_counts *counts, struct sc_error *error);

#endif
