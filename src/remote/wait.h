/*
 * Waiting for what libcurl waits for, at a cost that does not grow with the number of connections.
 * Private to this room.
 */
#ifndef SC_REMOTE_WAIT_H
#define SC_REMOTE_WAIT_H

#include <curl/curl.h>

#include "base/error.h"

struct sc_wait {
    CURLM *multi; /* borrowed */
    int epoll;
    double due; /* sc_seconds() at which libcurl wants to be called; INFINITY: never */
};

/* Has the multi handle tell what it waits for. */
enum sc_status sc_wait_open(struct sc_wait *wait, CURLM *multi, struct sc_error *error);
void sc_wait_close(struct sc_wait *wait); /* after the multi handle is gone */
/* Waits for at most that long and lets libcurl do what there is to do. */
enum sc_status sc_wait_work(struct sc_wait *wait, double seconds, struct sc_error *error);

#endif
