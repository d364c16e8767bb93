/* See wait.h. */
#include "remote/wait.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { MOST_AT_ONCE = 64 };

/* libcurl waits for something else at a socket than before. */
static int watch(CURL *easy, curl_socket_t socket, int what, void *context, void *unused)
{
    const struct sc_wait *wait = context;
    struct epoll_event event = {.data = {.fd = socket}};
    (void)easy;
    (void)unused;

    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(wait->epoll, EPOLL_CTL_DEL, socket, NULL); /* it may be closed already */
        return 0;
    }
    event.events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                   ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(wait->epoll, EPOLL_CTL_MOD, socket, &event) == 0)
        return 0;
    return errno == ENOENT && epoll_ctl(wait->epoll, EPOLL_CTL_ADD, socket, &event) == 0 ? 0 : -1;
}

static int set_timer(CURLM *multi, long ms, void *context)
{
    struct sc_wait *wait = context;
    (void)multi;
    wait->due = ms < 0 ? INFINITY : sc_seconds() + (double)ms / 1e3;
    return 0;
}

enum sc_status sc_wait_open(struct sc_wait *wait, CURLM *multi, struct sc_error *error)
{
    *wait =
        (struct sc_wait){.multi = multi, .epoll = epoll_create1(EPOLL_CLOEXEC), .due = INFINITY};
    if (wait->epoll < 0)
        return sc_fail(error, SC_ERR_IO, "connections to a server: no descriptor to wait with");
    if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, wait) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, wait) != CURLM_OK)
        return sc_fail_nomem(error, "connections to a server");
    return SC_OK;
}

void sc_wait_close(struct sc_wait *wait)
{
    if (wait->multi != NULL && wait->epoll >= 0)
        close(wait->epoll);
    *wait = (struct sc_wait){0};
}

static CURLMcode work(struct sc_wait *wait, curl_socket_t socket, int what)
{
    int n_running;
    return curl_multi_socket_action(wait->multi, socket, what, &n_running);
}

static enum sc_status fail(CURLMcode code, struct sc_error *error)
{
    return code == CURLM_OUT_OF_MEMORY
               ? sc_fail_nomem(error, "requests to a server")
               : sc_fail(error, SC_ERR_INTERNAL, "requests to a server stopped: %s",
                         curl_multi_strerror(code));
}

enum sc_status sc_wait_work(struct sc_wait *wait, double seconds, struct sc_error *error)
{
    struct epoll_event events[MOST_AT_ONCE];
    double patience = fmax(0, fmin(seconds, wait->due - sc_seconds()));
    int n = epoll_wait(wait->epoll, events, MOST_AT_ONCE, (int)ceil(patience * 1e3));
    if (n < 0 && errno != EINTR)
        return sc_fail(error, SC_ERR_IO, "requests to a server: cannot wait: %s", strerror(errno));
    CURLMcode code = CURLM_OK;
    for (int i = 0; code == CURLM_OK && i < n; i++) {
        unsigned what = events[i].events;
        unsigned over = what & (EPOLLERR | EPOLLHUP); /* reading or writing tells what it is */
        code = work(wait, events[i].data.fd,
                    ((what & EPOLLIN) != 0 || over != 0 ? CURL_CSELECT_IN : 0) |
                        ((what & EPOLLOUT) != 0 || over != 0 ? CURL_CSELECT_OUT : 0));
    }
    if (code == CURLM_OK && sc_seconds() >= wait->due) {
        wait->due = INFINITY; /* set again by what is done now */
        code = work(wait, CURL_SOCKET_TIMEOUT, 0);
    }
    return code == CURLM_OK ? SC_OK : fail(code, error);
}
