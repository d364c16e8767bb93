/* The HTTP side: connections, what they ask, what they get. */
#ifndef SC_SERVING_HTTP_H
#define SC_SERVING_HTTP_H

#include <stdatomic.h>

#include "serving/answer.h"
#include "serving/connections.h"

struct MHD_Daemon;

/* Fields but the last three are set before it starts. */
struct sc_serving_http {
    struct sc_serving_house *house;
    struct sc_serving_signature signature;
    const char *host;                          /* that it listens at */
    const char *key;                           /* or NULL */
    size_t most_bytes;                         /* of a body */
    struct sc_serving_connections connections; /* the house's lock guards them */
    atomic_size_t n_held; /* bytes of bodies that are long, of all connections */
    struct MHD_Daemon *daemon;
};

/* Takes the socket, which listens. */
enum sc_status sc_serving_http_start(struct sc_serving_http *http, int socket,
                                     struct sc_error *error);
/* All jobs have ended. */
void sc_serving_http_stop(struct sc_serving_http *http);
/* For the house. */
void sc_serving_http_wake(struct sc_serving_job *job);

#endif
