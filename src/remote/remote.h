/*
 * A client of HTTP servers that take JSON and give JSON: many requests in flight over connections
 * that are kept, spread over servers that are alike, tried again where that may help.  What servers
 * send is untrusted: answers are bounded, redirections are not followed, certificates are checked
 * (SSL_CERT_FILE names other roots: easy.h), and the API key is masked in whatever comes back.  It
 * knows nothing of what is asked; completion.h knows the shapes of completions.
 *
 *   client.c     the loop: requests, tries, pauses
 *   servers.c    which server takes the next request, and which one rests
 *   transfer.c   one try
 *   easy.c       what every handle of libcurl is set to
 *   wait.c       what libcurl waits for
 *   events.c     the pieces of a stream
 *   mask.c       the key, however it is written
 */
#ifndef SC_REMOTE_REMOTE_H
#define SC_REMOTE_REMOTE_H

#include "base/error.h"

struct sc_remote; /* one thread at a time */

struct sc_remote_options {
    /* [n_urls], 1 to SC_REMOTE_MOST_SERVERS: bases such as "http://127.0.0.1:8000/v1", of servers
     * that are alike.  A request goes to the one with the fewest in flight, of equal ones the
     * first; one that fails rests for a while. */
    const char *const *urls;
    size_t n_urls;
    const char *key;    /* sent as "Authorization: Bearer KEY"; NULL: none.  Never shown. */
    size_t parallel;    /* requests in flight at most, all servers together; 0: the usual number */
    unsigned n_retries; /* after the first try */
    double connect_timeout, timeout, stall_timeout; /* seconds: to connect; of one try in all;
                                                       without a byte once an answer has begun */
    double backoff, longest_backoff; /* seconds before the first retry, doubled each time */
    double longest_retry_after;      /* seconds that a server may ask for */
    size_t max_response;             /* bytes, of streams too */
    size_t most_failures;            /* of requests in a row, which end a run */
    uint64_t seed;                   /* of the retries' jitter */
    /* Asked in the place of a source's step where that has none; false ends a run with
     * SC_ERR_INTERRUPTED.  NULL: nothing does. */
    bool (*keep_going)(void *context);
    void *context;
};
enum { SC_REMOTE_MOST_SERVERS = 1024 };
struct sc_remote_options sc_remote_options_default(void); /* no urls, no key */

/* Checks the options and prepares; connects to nothing yet.  Strings are copied. */
enum sc_status sc_remote_open(struct sc_remote **out, const struct sc_remote_options *options,
                              struct sc_error *error);
void sc_remote_close(struct sc_remote *remote); /* NULL is fine */

/* Whether a URL can be a server's base: http or https, a host, and neither user, query nor
 * fragment.  *clean (sc_free; may be NULL) is the URL without slashes at its end. */
enum sc_status sc_remote_check_url(const char *url, char **clean, struct sc_error *error);

/* The URL of server 1 ... n_urls, clean. */
const char *sc_remote_url(const struct sc_remote *remote, size_t server);

/* Overwrites the API key with '*' wherever text [n] holds it, escaped or encoded included, and a
 * beginning of it at the text's end.  Bodies and events come masked; a text that is put together of
 * several (the pieces of a stream) is to be masked once, when it is whole, before it is stored or
 * shown. */
void sc_remote_mask(const struct sc_remote *remote, char *text, size_t n);

struct sc_remote_request {
    const char *path; /* after the base: "/completions" */
    char *body;       /* JSON [n]; the client takes it and releases it with sc_free.  NULL: a GET */
    size_t n;
    size_t tag; /* the caller's own; comes back with the reply */
    /* The answer is wanted as an event stream: the source's event gets it piece by piece, and the
     * reply has no body.  A server that gives JSON all the same: as without. */
    bool stream;
    bool at_root;        /* the path stands after scheme, host and port, without the base's own */
    size_t server;       /* from 1: this one; 0: any */
    unsigned most_tries; /* 0: as the options say */
    /* Whether the server has such a thing is the question: a status that would end the run, and an
     * answer that is not JSON, refuse this request. */
    bool tentative;
    /* A server that does not take this request may say so with a 500: one that comes four times (or
     * at the last try) refuses it. */
    bool faults_refuse;
};

enum sc_remote_outcome {
    SC_REMOTE_ANSWERED, /* 200 and a body of JSON, or a stream that ended in order */
    SC_REMOTE_REFUSED,  /* the server does not take this request (4xx): asking again is useless */
    SC_REMOTE_FAILED    /* no answer, whatever the request said: it may come another time */
};

struct sc_remote_reply {
    enum sc_remote_outcome outcome;
    const char *body; /* [n], what was said with a refusal too; "" for a stream; during the call */
    size_t n;
    const char *failure; /* why there is no answer (one line, no host in it), or NULL */
    size_t tag;          /* of the request */
    long http_status;    /* of the last answer; 0: there was none */
    size_t server;       /* from 1: who was asked */
    bool ended;          /* a stream that event() ended */
    unsigned n_tries;    /* that the request took so far */
    /* Of an answer, set by done(): it is not what was asked for (not whole, not JSON, of another
     * shape), and the caller keeps nothing of it.  The try has failed: the request is tried again,
     * and when no try is left done gets SC_REMOTE_FAILED with why, if that has a text. */
    bool unusable;
    struct sc_error why;
};

struct sc_remote_counts {
    size_t n_tries, n_retries;
    size_t n_answered, n_refused, n_failed;
};

struct sc_remote_source {
    void *context;
    /* Gives the next request; *given false: there is none now.  It is asked again after each done;
     * when nothing is under way and there is none, the run is over.  Not SC_OK ends the run. */
    enum sc_status (*next)(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error);
    /* Takes a reply, in no certain order.  Not SC_OK ends the run. */
    enum sc_status (*done)(void *context, struct sc_remote_reply *reply, struct sc_error *error);
    /* The data of one event of a stream (such as "[DONE]"), the key masked.  data NULL: the try
     * failed and the request begins anew or fails, so what came of it is void.  *go_on, true
     * before, set to false ends the request there: the connection is closed, which ends the
     * server's work, and done gets ended.  Whether a stream is whole is the caller's to see: see
     * unusable.  May be NULL where no request is a stream. */
    enum sc_status (*event)(void *context, size_t tag, const char *data, size_t n, bool *go_on,
                            struct sc_error *error);
    /* At least ten times a second; may be NULL; false ends the run with SC_ERR_INTERRUPTED. */
    bool (*step)(void *context, const struct sc_remote_counts *counts);
};

/*
 * Sends all requests of the source.  A single failure ends nothing: it is handed over.  These end
 * the run, with one line that names the server: no server can be reached at the start;
 * most_failures in a row; or a status that no request can cause (a redirection, no such path, a
 * missing or wrong key, nothing left to pay with).
 */
enum sc_status sc_remote_run(struct sc_remote *remote, const struct sc_remote_source *source,
                             struct sc_remote_counts *counts, struct sc_error *error);

#endif
