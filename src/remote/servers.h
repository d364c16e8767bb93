/*
 * The servers of a client: which of them takes the next request.  One whose tries fail rests, twice
 * as long each time, while others do the work; then it gets a single request, and all of its share
 * again when that is answered.  Private to this room.
 */
#ifndef SC_REMOTE_SERVERS_H
#define SC_REMOTE_SERVERS_H

#include "remote/remote.h"

struct sc_remote_server {
    char *url;     /* clean */
    size_t n_root; /* bytes of it up to the host and port */
    size_t n_in_flight;
    size_t n_failed_in_row; /* tries */
    bool unreachable;       /* there was no connection at the last try */
    bool answered;          /* ever */
    double rests_until;     /* sc_seconds() */
};

struct sc_remote_servers {
    struct sc_remote_server *all; /* [n] */
    size_t n;
};

enum sc_status sc_servers_open(struct sc_remote_servers *servers, const char *const *urls, size_t n,
                               struct sc_error *error);
void sc_servers_close(struct sc_remote_servers *servers); /* zeros are fine */

/* The one that takes the next request, now; where all rest, the one that will have rested first.
 * avoid: the one that failed it just now, for which another is taken where one is ready; or NULL.
 */
struct sc_remote_server *sc_servers_choose(const struct sc_remote_servers *servers, double now,
                                           struct sc_remote_server *avoid);
/* A try ended.  pause: seconds that the server asked for, or 0. */
void sc_servers_succeeded(struct sc_remote_server *server);
void sc_servers_failed(struct sc_remote_server *server, bool unreachable, double now, double pause,
                       const struct sc_remote_options *options);
/* Whether there was no connection to any of them when last tried. */
bool sc_servers_all_unreachable(const struct sc_remote_servers *servers);
/* Whether nothing speaks against another one than this. */
bool sc_servers_other_may_work(const struct sc_remote_servers *servers,
                               const struct sc_remote_server *server);

#endif
