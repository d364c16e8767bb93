/* One place of the client: a request, its tries, and what comes back.  Private to this room. */
#ifndef SC_REMOTE_TRANSFER_H
#define SC_REMOTE_TRANSFER_H

#include <curl/curl.h>

#include "base/text.h"
#include "remote/remote.h"

enum sc_transfer_state { SC_TRANSFER_IDLE, SC_TRANSFER_ACTIVE, SC_TRANSFER_WAITING };

/* What one try came to. */
enum sc_try {
    SC_TRY_ANSWERED,
    SC_TRY_REFUSED,
    SC_TRY_AGAIN,    /* may go better another time */
    SC_TRY_FAILED,   /* the same would come again */
    SC_TRY_HOPELESS, /* for every request */
    SC_TRY_NO_MEMORY
};

struct sc_transfer {
    const struct sc_remote_options *options;
    CURL *easy;
    struct curl_slist *headers;
    enum sc_transfer_state state;
    struct sc_remote_request request;
    uint64_t number;  /* of the request, for the jitter */
    unsigned n_tries; /* begun */
    double due;       /* when the next try begins (waiting) */
    double last_byte; /* when something of the answer came; 0: nothing yet */
    size_t n_header;
    bool too_large;
    struct sc_text body;
    char curl_error[CURL_ERROR_SIZE];
    char failure[400]; /* why the last try failed, visible characters only */
    bool unreachable;  /* ... because there was no connection */
};

enum sc_status sc_transfer_init(struct sc_transfer *transfer,
                                const struct sc_remote_options *options, struct sc_error *error);
void sc_transfer_free(struct sc_transfer *transfer);
/* Sets the handle up for a try of transfer->request. */
enum sc_status sc_transfer_begin(struct sc_transfer *transfer, struct sc_error *error);
/* What a try that ended with this code came to; fills failure. */
enum sc_try sc_transfer_end(struct sc_transfer *transfer, CURLcode code);
/* Whether an answer that has begun has stalled; fills failure. */
bool sc_transfer_stalled(struct sc_transfer *transfer, double now);
/* Seconds until the next try: exponential, jittered by a function of seed, request and try, and at
 * least what the server asked for. */
double sc_transfer_pause(const struct sc_transfer *transfer);

#endif
