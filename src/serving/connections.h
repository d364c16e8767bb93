/*
 * Connections as they come and go, so that none stays for ever: one that takes too long to say what
 * it wants or to read what it got is closed, and one whose client has gone while it waits has its
 * job cancelled.
 */
#ifndef SC_SERVING_CONNECTIONS_H
#define SC_SERVING_CONNECTIONS_H

#include "serving/house.h"

enum {
    SC_SERVING_MOST_CONNECTIONS = 512,
    SC_SERVING_RECEIVE_SECONDS = 60, /* from its beginning until a request is there */
    SC_SERVING_HURRY_SECONDS = 5,    /* the same, where most places are taken */
    SC_SERVING_SEND_SECONDS = 300    /* from when an answer is there until it is read */
};

enum sc_serving_phase { SC_SERVING_RECEIVES, SC_SERVING_WAITS, SC_SERVING_SENDS };

struct sc_serving_connection {
    int socket;
    enum sc_serving_phase phase;
    double since;
    struct sc_serving_job *job; /* while it waits, or its stream is sent */
    void *handle;               /* the HTTP library's */
    struct sc_serving_connection *previous, *next;
};

struct sc_serving_connections {
    struct sc_serving_connection *first;
    size_t n;
};

/* The house's lock guards them: it is held.  NULL: out of memory. */
struct sc_serving_connection *sc_serving_connection_open(struct sc_serving_connections *all,
                                                         int socket);
void sc_serving_connection_close(struct sc_serving_connections *all,
                                 struct sc_serving_connection *connection);
void sc_serving_connection_turn(struct sc_serving_connection *connection,
                                enum sc_serving_phase phase);
/* Closes those whose time is over, and cancels jobs whose client has gone. */
void sc_serving_connections_watch(struct sc_serving_connections *all);

#endif
