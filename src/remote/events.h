/*
 * Server-sent events: the data of each event of a stream, from bytes in pieces of any size.  Lines
 * end with CR, LF or both; comments and the fields event, id and retry are left out; several lines
 * of data are one, with LF between.  Events without data are none.  Source: the HTML standard,
 * "Server-sent events".  Private to this room.
 */
#ifndef SC_REMOTE_EVENTS_H
#define SC_REMOTE_EVENTS_H

#include "base/text.h"

enum sc_events_result {
    SC_EVENTS_GO_ON,
    SC_EVENTS_STOPPED, /* take said so; nothing may be fed any more */
    SC_EVENTS_TOO_LONG,
    SC_EVENTS_NO_MEMORY
};

/* Zeros begin a stream, but for the first three. */
struct sc_events {
    size_t most; /* bytes of a line, and of an event's data */
    /* Takes the data [n] of an event, which it may change; false stops. */
    bool (*take)(void *context, char *data, size_t n);
    void *context;
    struct sc_text line; /* begun, without its end */
    struct sc_text data; /* of the event that is under way */
    bool has_data, after_cr, after_start;
};

/* Begins a new stream; keeps the memory and the first three fields. */
void sc_events_clear(struct sc_events *events);
enum sc_events_result sc_events_feed(struct sc_events *events, const char *bytes, size_t n);
/* The stream is at its end: what lacks its empty line is an event all the same. */
enum sc_events_result sc_events_end(struct sc_events *events);
void sc_events_free(struct sc_events *events);

#endif
