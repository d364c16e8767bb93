/*
 * OpenSSL writes to connections that may be gone, which must not end the process: SIGPIPE is held
 * back in the calling thread, and taken if it came meanwhile.
 */
#ifndef SC_BASE_SIGPIPE_H
#define SC_BASE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sc_sigpipe {
    sigset_t before;
    bool pending; /* it waited already */
};

void sc_sigpipe_hold(struct sc_sigpipe *state);
void sc_sigpipe_release(const struct sc_sigpipe *state);

#endif
