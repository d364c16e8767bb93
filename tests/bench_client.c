/*
 * What the client of servers takes: many streams at a time from a server that this program forks,
 * each event a token with 20 log-probabilities in the shape of a chat.
 *
 *   bench_client [STREAMS] [EVENTS] [MICROSECONDS]
 *
 * EVENTS of each stream; MICROSECONDS between two events of all of them (0: as fast as they are
 * taken).  Prints processor time of the client alone, once with events only counted and once with
 * them read.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "remote/choices.h"
#include "remote/remote.h"

enum { MOST_STREAMS = 1024 };

/* ---- the server ------------------------------------------------------------------------------ */

static char chunk[8192], last_chunk[8192];
static size_t n_chunk, n_last_chunk;

/* An event and, behind the last one, the end of its stream, in HTTP's chunks. */
static void make_chunks(void)
{
    struct sc_text event = {0};
    sc_text_puts(&event, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,"
                         "\"model\":\"toy\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                         "\" word\"},\"finish_reason\":null,\"logprobs\":{\"content\":[{\"token\":"
                         "\" word\",\"logprob\":-0.51234567,\"bytes\":[32,119,111,114,100],"
                         "\"top_logprobs\":[");
    for (int i = 0; i < 20; i++)
        sc_text_printf(&event,
                       "%s{\"token\":\" word%d\",\"logprob\":-%d.71234567,\"bytes\":"
                       "[32,119,111,114,100,%d]}",
                       i ? "," : "", i % 10, i, 48 + i % 10);
    sc_text_puts(&event, "]}]}}]}\n\n");
    if (event.failed)
        abort();
    int n = snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", event.len, event.data);
    int m = snprintf(last_chunk, sizeof last_chunk, "%s0\r\n\r\n", chunk);
    n_chunk = (size_t)n;
    n_last_chunk = (size_t)m;
    sc_text_free(&event);
}

struct stream {
    int fd;
    size_t n_left;
};

static void pause_for(long microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL);
}

/* Takes a request, however it is cut: the client sends it at once. */
static bool begin(struct stream *stream, size_t n_events)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    char request[4096];
    if (recv(stream->fd, request, sizeof request, 0) <= 0)
        return false;
    stream->n_left = n_events;
    return send(stream->fd, head, sizeof head - 1, MSG_NOSIGNAL) > 0;
}

static void accept_all(int listener, struct stream *streams, size_t *n)
{
    struct pollfd polled = {.fd = listener, .events = POLLIN};
    int one = 1;
    while (*n < MOST_STREAMS && poll(&polled, 1, 0) > 0) {
        streams[*n] = (struct stream){.fd = accept(listener, NULL, NULL)};
        setsockopt(streams[*n].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        ++*n;
    }
}

static void serve(int listener, size_t n_events, long microseconds)
{
    static struct stream streams[MOST_STREAMS];
    static struct pollfd polled[MOST_STREAMS];
    size_t n = 0;
    for (;;) {
        accept_all(listener, streams, &n);
        for (size_t i = 0; i < n; i++)
            polled[i] = (struct pollfd){.fd = streams[i].fd, .events = POLLIN};
        poll(polled, n, n > 0 ? 0 : 1);
        for (size_t i = 0; i < n; i++) {
            if ((polled[i].revents & POLLIN) != 0 && !begin(&streams[i], n_events)) {
                close(streams[i].fd);
                streams[i].fd = -1;
                streams[i].n_left = 0;
            }
            if (streams[i].n_left == 0)
                continue;
            bool last = --streams[i].n_left == 0;
            send(streams[i].fd, last ? last_chunk : chunk, last ? n_last_chunk : n_chunk,
                 MSG_NOSIGNAL);
            if (microseconds > 0)
                pause_for(microseconds);
        }
    }
}

/* ---- the client ------------------------------------------------------------------------------ */

struct asker {
    size_t n, n_given, n_answered, n_events;
    bool reads;
    struct sc_choices *choices; /* [n] */
};

static enum sc_status next(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error)
{
    struct asker *asker = context;
    (void)error;
    *given = asker->n_given < asker->n;
    if (*given)
        *request = (struct sc_remote_request){.path = "/chat/completions",
                                              .body = sc_strdup("{}"),
                                              .n = 2,
                                              .tag = asker->n_given++,
                                              .stream = true};
    return SC_OK;
}

static enum sc_status done(void *context, struct sc_remote_reply *reply, struct sc_error *error)
{
    struct asker *asker = context;
    (void)error;
    asker->n_answered += reply->outcome == SC_REMOTE_ANSWERED;
    sc_choices_clear(&asker->choices[reply->tag]);
    return SC_OK;
}

static enum sc_status event(void *context, size_t tag, const char *data, size_t n, bool *go_on,
                            struct sc_error *error)
{
    struct asker *asker = context;
    (void)go_on;
    if (data == NULL)
        return SC_OK;
    asker->n_events++;
    return asker->reads ? sc_choices_add_event(&asker->choices[tag], data, n, error) : SC_OK;
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(const char *url, size_t n_streams, bool reads)
{
    struct asker asker = {.n = 2 * n_streams, .reads = reads};
    struct sc_remote_options options = sc_remote_options_default();
    const struct sc_remote_source source = {
        .context = &asker, .next = next, .done = done, .event = event};
    struct sc_remote *remote = NULL;
    struct sc_error error = {0};
    options.urls = &url;
    options.n_urls = 1;
    options.parallel = n_streams;
    options.max_response = (size_t)1 << 30;
    options.key = "sk-0123456789abcdef";
    asker.choices = sc_alloc_zero(asker.n, sizeof *asker.choices);
    for (size_t i = 0; asker.choices != NULL && i < asker.n; i++)
        asker.choices[i].n = 1;
    double began = sc_seconds(), used = processor_seconds();
    if (asker.choices == NULL || sc_remote_open(&remote, &options, &error) != SC_OK ||
        sc_remote_run(remote, &source, NULL, &error) != SC_OK)
        printf("%s\n", error.text);
    used = processor_seconds() - used;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%zu streams, events %s: %zu of %zu answered, %zu events of %zu bytes in %.1f s; %.2f s "
           "of processor, %.1f us an event, %.0f events a second of processor; %.0f MB\n",
           n_streams, reads ? "read" : "counted", asker.n_answered, asker.n, asker.n_events,
           n_chunk, sc_seconds() - began, used, used * 1e6 / (double)asker.n_events,
           (double)asker.n_events / used, (double)usage.ru_maxrss / 1e3);
    sc_remote_close(remote);
    sc_free(asker.choices);
}

int main(int argc, char **argv)
{
    size_t n_streams = argc > 1 ? strtoul(argv[1], NULL, 10) : 256;
    size_t n_events = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
    long microseconds = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];
    if (n_streams == 0 || n_streams > MOST_STREAMS || n_events == 0 || listener < 0 ||
        bind(listener, (struct sockaddr *)&address, n) != 0 || listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &n) != 0)
        return 2;
    make_chunks();
    pid_t server = fork();
    if (server == 0)
        serve(listener, n_events, microseconds);
    close(listener);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1", ntohs(address.sin_port));
    measure(url, n_streams, false);
    measure(url, n_streams, true);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    return 0;
}
