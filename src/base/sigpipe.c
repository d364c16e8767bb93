/* See sigpipe.h. */
#include "base/sigpipe.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

static sigset_t only_pipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static bool is_pending(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
}

void sc_sigpipe_hold(struct sc_sigpipe *state)
{
    sigset_t pipe = only_pipe();
    state->pending = is_pending();
    pthread_sigmask(SIG_BLOCK, &pipe, &state->before);
}

void sc_sigpipe_release(const struct sc_sigpipe *state)
{
    static const struct timespec no_time = {0};
    sigset_t pipe = only_pipe();
    if (!state->pending && is_pending())
        sigtimedwait(&pipe, NULL, &no_time);
    pthread_sigmask(SIG_SETMASK, &state->before, NULL);
}
