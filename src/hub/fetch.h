/*
 * One answer of a server of files: a GET or HEAD with its redirections, driven by libcurl's multi
 * interface.  The only file that sets options of a libcurl handle in this room.  Private to it.
 */
#ifndef SC_HUB_FETCH_H
#define SC_HUB_FETCH_H

#include <curl/curl.h>

#include "hub/hub.h"
#include "remote/mask.h"

/* What one exchange came to. */
enum sc_fetch_end {
    SC_FETCH_DONE,    /* 200 or 206, to its end */
    SC_FETCH_ONWARD,  /* a redirection: to be started again, url is the next one */
    SC_FETCH_AGAIN,   /* may go better another time, from the first URL on */
    SC_FETCH_REFUSED, /* the server does not give it (4xx) */
    SC_FETCH_FAILED,  /* the same would come again */
    SC_FETCH_STOPPED, /* by take */
    SC_FETCH_NO_MEMORY
};

/* Of the headers.  Those of the first exchange that has them: commit, linked_etag, linked_size. */
struct sc_fetch_headers {
    bool has_length, has_range, has_linked_size;
    bool is_weak; /* the ETag: two answers that have it may differ in bytes */
    uint64_t length, range_first, range_total; /* total 0: not said */
    uint64_t linked_size;
    char etag[128], linked_etag[128], commit[64], code[64];
};

struct sc_fetch {
    CURL *easy;
    struct curl_slist *lines; /* of the request */
    char *first, *url;        /* asked for; asked now */
    const char *token;        /* for the first one's host; NULL: none */
    bool away;                /* a redirection went elsewhere: no token from there on */
    bool head;
    unsigned n_redirections;
    uint64_t from;       /* byte that is asked for first */
    char validator[128]; /* ETag, strong: If-Range; "" none */
    struct sc_fetch_headers headers;
    size_t n_header_bytes;
    long http_status;
    size_t n_unwanted; /* bytes of a body that is no file */
    bool too_much;     /* headers */
    bool slow;         /* fewer bytes came than SC_FETCH_LEAST_SPEED a second */
    bool stopped;      /* by take */
    bool any;          /* take was called */
    bool unreachable;  /* there was no connection */
    char curl_error[CURL_ERROR_SIZE];
    char failure[300];   /* visible characters only; without the URL and the token */
    struct sc_mask mask; /* the token, in whatever a server says */
    /* The body of a 200 or 206; false stops it.  Called once at least, with n 0 where it is empty.
     */
    bool (*take)(void *context, const char *bytes, size_t n);
    void *context;
};

enum { SC_FETCH_LEAST_SPEED = 256 }; /* bytes a second, over the stall timeout */

/* url and token are those of every try; token is borrowed. */
enum sc_status sc_fetch_init(struct sc_fetch *fetch, const char *url, const char *token,
                             double stall_timeout, struct sc_error *error);
/* Seconds of a try in all; without it there is no such limit.  false: out of memory. */
bool sc_fetch_limit(struct sc_fetch *fetch, double seconds);
void sc_fetch_free(struct sc_fetch *fetch);
/* Masks the token in a text that a server gave; the length stays. */
void sc_fetch_mask(const struct sc_fetch *fetch, char *text, size_t n);
/* Sets a try up: the first URL, or the one that a redirection named (onward). */
enum sc_status sc_fetch_start(struct sc_fetch *fetch, bool onward, struct sc_error *error);
enum sc_fetch_end sc_fetch_finish(struct sc_fetch *fetch, CURLcode code);
/* Seconds until the next try, after n_vain tries that brought nothing; first 0: the default. */
double sc_fetch_pause(const struct sc_fetch *fetch, unsigned n_vain, double first);

#endif
