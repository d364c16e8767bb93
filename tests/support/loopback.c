/* See loopback.h. */
#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 1024, MOST_HEAD = 16384 };

struct connection {
    struct loopback *loopback;
    size_t number;
    int fd;
    pthread_t thread;
};

struct loopback {
    loopback_answer *answer;
    void *context;
    int listener;
    unsigned port;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    struct connection connections[MOST_CONNECTIONS];
    size_t n_connections, n_requests;
};

/* ---- writing --------------------------------------------------------------------------------- */

bool loopback_write_bytes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool loopback_write(int fd, const char *text)
{
    return loopback_write_bytes(fd, text, strlen(text));
}

bool loopback_reply(int fd, const char *status, const char *type, const char *headers,
                    const char *body)
{
    char head[1000];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status,
                     type, strlen(body), headers);
    return n > 0 && (size_t)n < sizeof head && loopback_write_bytes(fd, head, (size_t)n) &&
           loopback_write_bytes(fd, body, strlen(body));
}

bool loopback_begin_stream(int fd)
{
    return loopback_write(
        fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
}

bool loopback_is_closed(int fd, double seconds)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&polled, 1, (int)(seconds * 1e3)) > 0 && recv(fd, &byte, 1, MSG_PEEK) <= 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

void loopback_header(const struct loopback_request *request, const char *name, char *out,
                     size_t size)
{
    char mark[64];
    snprintf(mark, sizeof mark, "\r\n%s:", name);
    const char *at = strcasestr(request->head, mark);
    *out = '\0';
    if (at == NULL)
        return;
    at += strlen(mark);
    at += strspn(at, " ");
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

/* Reads a request, its head into head [MOST_HEAD + 1]; false when there is none. */
static bool read_request(int fd, char *head, struct loopback_request *request)
{
    char length[32];
    size_t n = 0;
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
        if (n == MOST_HEAD || recv(fd, head + n, 1, 0) != 1)
            return false;
        n++;
    }
    head[n] = '\0';
    if (sscanf(head, "%7s %255s", request->method, request->path) != 2)
        return false;
    request->head = head;
    loopback_header(request, "Authorization", request->authorization,
                    sizeof request->authorization);
    loopback_header(request, "Content-Length", length, sizeof length);
    request->n = strtoul(length, NULL, 10);
    request->body = calloc(1, request->n + 1);
    return request->body != NULL && (request->n == 0 || recv(fd, request->body, request->n,
                                                             MSG_WAITALL) == (ssize_t)request->n);
}

static void *serve_connection(void *context)
{
    struct connection *connection = context;
    struct loopback *loopback = connection->loopback;
    char head[MOST_HEAD + 1];
    bool open = true;
    while (open) {
        struct loopback_request request = {.fd = connection->fd, .connection = connection->number};
        open = read_request(connection->fd, head, &request);
        if (open) {
            pthread_mutex_lock(&loopback->lock);
            request.number = loopback->n_requests++;
            pthread_mutex_unlock(&loopback->lock);
            open = loopback->answer(loopback->context, &request);
        }
        free(request.body);
    }
    shutdown(connection->fd, SHUT_RDWR); /* closed when the server stops: numbers are not reused */
    return NULL;
}

static void *serve(void *context)
{
    struct loopback *loopback = context;
    for (;;) {
        int fd = accept(loopback->listener, NULL, NULL), one = 1;
        if (fd < 0 || loopback->n_connections == MOST_CONNECTIONS)
            return NULL;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pthread_mutex_lock(&loopback->lock);
        struct connection *connection = &loopback->connections[loopback->n_connections];
        *connection =
            (struct connection){.loopback = loopback, .number = loopback->n_connections, .fd = fd};
        loopback->n_connections++;
        pthread_create(&connection->thread, NULL, serve_connection, connection);
        pthread_mutex_unlock(&loopback->lock);
    }
}

/* ---- beginning and end ----------------------------------------------------------------------- */

struct loopback *loopback_start(loopback_answer *answer, void *context)
{
    struct loopback *loopback = calloc(1, sizeof *loopback);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    if (loopback == NULL)
        abort();
    *loopback = (struct loopback){.answer = answer, .context = context};
    pthread_mutex_init(&loopback->lock, NULL);
    loopback->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (loopback->listener < 0 ||
        bind(loopback->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(loopback->listener, 512) != 0 ||
        getsockname(loopback->listener, (struct sockaddr *)&address, &n) != 0 ||
        pthread_create(&loopback->thread, NULL, serve, loopback) != 0)
        abort();
    loopback->port = ntohs(address.sin_port);
    snprintf(loopback->url, sizeof loopback->url, "http://127.0.0.1:%u/v1", loopback->port);
    return loopback;
}

void loopback_stop(struct loopback *loopback)
{
    shutdown(loopback->listener, SHUT_RDWR);
    pthread_join(loopback->thread, NULL);
    close(loopback->listener);
    for (size_t i = 0; i < loopback->n_connections; i++)
        shutdown(loopback->connections[i].fd, SHUT_RDWR);
    for (size_t i = 0; i < loopback->n_connections; i++) {
        pthread_join(loopback->connections[i].thread, NULL);
        close(loopback->connections[i].fd);
    }
    pthread_mutex_destroy(&loopback->lock);
    free(loopback);
}

const char *loopback_url(const struct loopback *loopback)
{
    return loopback->url;
}

unsigned loopback_port(const struct loopback *loopback)
{
    return loopback->port;
}

size_t loopback_n_requests(struct loopback *loopback)
{
    pthread_mutex_lock(&loopback->lock);
    size_t n = loopback->n_requests;
    pthread_mutex_unlock(&loopback->lock);
    return n;
}

size_t loopback_n_connections(struct loopback *loopback)
{
    pthread_mutex_lock(&loopback->lock);
    size_t n = loopback->n_connections;
    pthread_mutex_unlock(&loopback->lock);
    return n;
}
