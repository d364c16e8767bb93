/* One place of the client: a request, its tries, and what comes back.  Private to this room. */
#ifndef SC_REMOTE_TRANSFER_H
#define SC_REMOTE_TRANSFER_H

#include <curl/curl.h>

#include "base/text.h"
#include "remote/events.h"
#include "remote/mask.h"
#include "remote/servers.h"

enum sc_transfer_state { SC_TRANSFER_IDLE, SC_TRANSFER_ACTIVE, SC_TRANSFER_WAITING };

/* What one try came to. */
enum sc_try {
    SC_TRY_ANSWERED,
    SC_TRY_REFUSED,
    SC_TRY_AGAIN,    /* may go better another time */
    SC_TRY_FAILED,   /* the same would come again */
    SC_TRY_HOPELESS, /* for every request */
    SC_TRY_SOURCE,   /* the source's event failed: source_error */
    SC_TRY_NO_MEMORY
};

/* What all places of a client share. */
struct sc_transfer_shared {
    const struct sc_remote_options *options;
    const struct sc_mask *mask;
    const struct sc_remote_source *source; /* while it runs */
};

struct sc_transfer {
    const struct sc_transfer_shared *shared;
    CURL *easy;
    struct curl_slist *headers;
    enum sc_transfer_state state;
    struct sc_remote_request request;
    struct sc_remote_server *server;         /* that this try asks */
    uint64_t number;                         /* of the request, for the jitter */
    unsigned n_tries;                        /* begun */
    double due;                              /* when the next try begins (waiting) */
    double last_byte;                        /* when something of the answer came; 0: nothing yet */
    size_t n_header, n_received;             /* bytes */
    bool too_large, encoded, streams, begun; /* streams: events come; begun: the source got some */
    bool ended;                              /* the source ended the stream */
    struct sc_text body;
    struct sc_events events;
    long http_status;
    char curl_error[CURL_ERROR_SIZE];
    char failure[400]; /* why the last try failed, visible characters only, the key masked */
    bool unreachable;  /* ... because there was no connection */
    struct sc_error source_error;
};

enum sc_status sc_transfer_init(struct sc_transfer *transfer,
                                const struct sc_transfer_shared *shared, struct sc_error *error);
void sc_transfer_free(struct sc_transfer *transfer);
/* Sets the handle up for a try of transfer->request at transfer->server. */
enum sc_status sc_transfer_begin(struct sc_transfer *transfer, struct sc_error *error);
/* What a try that ended with this code came to; fills failure. */
enum sc_try sc_transfer_end(struct sc_transfer *transfer, CURLcode code);
/* Whether an answer that has begun has stalled; fills failure. */
bool sc_transfer_stalled(struct sc_transfer *transfer, double now);
/* Fills failure with words that may be anybody's. */
void sc_transfer_fail(struct sc_transfer *transfer, const char *format, ...) SC_PRINTF(2, 3);
/* Seconds that the server asked to be left alone for, within the options' limit; or 0. */
double sc_transfer_asked_pause(const struct sc_transfer *transfer);
/* Seconds until the next try: exponential, jittered by a function of seed, request and try. */
double sc_transfer_pause(const struct sc_transfer *transfer);

#endif
