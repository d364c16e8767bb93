/* How much memory whoever opens a session may take, where a device may have a memory of its own. */
#ifndef SC_ENGINE_LIMITS_H
#define SC_ENGINE_LIMITS_H

#include "engine/engine.h"

struct sc_limits {
    bool is_own;                /* the device has a memory of its own, */
    size_t device, host, total; /* bytes: of that memory; of the host's; of both */
};

/* asked: bytes of all memory, wherever it lies; 0: what the device has for sessions, and half of
 * what the host has. */
struct sc_limits sc_limits_of(const struct sc_engine *engine, size_t asked);

/* Bytes that are taken; device is 0 where the device has no memory of its own. */
struct sc_taken {
    size_t device, total;
};

/* Bytes that a session takes on the device, and `own` of whoever speaks to it. */
struct sc_taken sc_taken_of(const struct sc_limits *limits, const struct sc_session_bytes *there,
                            size_t own);

/* Whether it fits, and how many bytes are then left where the pages are. */
bool sc_limits_hold(const struct sc_limits *limits, const struct sc_taken *taken, size_t *left);

/* The limit that does not hold, and what was found: "of the device " or "". */
struct sc_excess {
    const char *of;
    size_t most, found;
};
struct sc_excess sc_limits_excess(const struct sc_limits *limits, const struct sc_taken *taken);

#endif
