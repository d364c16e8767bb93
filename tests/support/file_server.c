/* See file_server.h. */
#include "file_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct file_server {
    int listener;
    unsigned port;
    atomic_uint n_requests;
    atomic_bool ending;
    pthread_t thread;
    file_handler *handler;
    void *context;
};

static void copy_header(const char *text, const char *name, char *out, size_t size)
{
    char mark[64];
    snprintf(mark, sizeof mark, "\r\n%s: ", name);
    const char *at = strcasestr(text, mark);
    if (at == NULL)
        return;
    at += strlen(mark);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

static bool read_request(int fd, struct file_request *request)
{
    char text[4096];
    size_t n = 0;
    while (n + 1 < sizeof text) {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL)
            break;
    }
    if (sscanf(text, "%7s %255s", request->method, request->path) != 2)
        return false;
    copy_header(text, "Host", request->host, sizeof request->host);
    copy_header(text, "Authorization", request->authorization, sizeof request->authorization);
    copy_header(text, "Range", request->range, sizeof request->range);
    copy_header(text, "If-Range", request->if_range, sizeof request->if_range);
    return true;
}

static void send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = send(fd, bytes, n, MSG_NOSIGNAL);
        if (put <= 0)
            return;
        bytes += put;
        n -= (size_t)put;
    }
}

static void answer(struct file_server *server, int fd)
{
    struct file_request request = {0};
    struct file_reply reply = {.status = 200, .body = "", .cut_after = SIZE_MAX};
    char head[1024], length[64] = "";
    if (!read_request(fd, &request))
        return;
    request.number = atomic_fetch_add(&server->n_requests, 1);
    server->handler(server->context, &request, &reply);
    if (!reply.no_length)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", reply.n);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d x\r\n%s%sConnection: close\r\n\r\n",
                     reply.status, length, reply.headers);
    send_all(fd, head, (size_t)n);
    for (unsigned ms = 0; ms < reply.wait_ms && !atomic_load(&server->ending); ms += 20)
        usleep(20000);
    if (strcmp(request.method, "HEAD") != 0)
        send_all(fd, reply.body, reply.n < reply.cut_after ? reply.n : reply.cut_after);
}

static void *serve(void *argument)
{
    struct file_server *server = argument;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0 || atomic_load(&server->ending)) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        answer(server, fd);
        close(fd);
    }
}

struct file_server *file_server_start(file_handler *handler, void *context)
{
    struct file_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server == NULL)
        abort();
    server->handler = handler;
    server->context = context;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)(void *)&address, sizeof address) != 0 ||
        listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)(void *)&address, &size) != 0 ||
        pthread_create(&server->thread, NULL, serve, server) != 0)
        abort();
    server->port = ntohs(address.sin_port);
    return server;
}

unsigned file_server_port(const struct file_server *server)
{
    return server->port;
}

unsigned file_server_n_requests(const struct file_server *server)
{
    return atomic_load(&server->n_requests);
}

void file_server_stop(struct file_server *server)
{
    atomic_store(&server->ending, true);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    free(server);
}

void file_reply_file(const struct file_request *request, struct file_reply *reply,
                     const char *bytes, size_t n, const char *etag)
{
    size_t from = 0;
    bool piece = sscanf(request->range, "bytes=%zu-", &from) == 1;
    if (piece && request->if_range[0] != '\0' &&
        (strlen(request->if_range) < 2 || strncmp(request->if_range + 1, etag, strlen(etag)) != 0))
        piece = false;
    int at = snprintf(reply->headers, sizeof reply->headers, "ETag: \"%s\"\r\n", etag);
    if (piece && from >= n) {
        reply->status = 416;
        return;
    }
    if (piece) {
        reply->status = 206;
        snprintf(reply->headers + at, sizeof reply->headers - (size_t)at,
                 "Content-Range: bytes %zu-%zu/%zu\r\n", from, n - 1, n);
    }
    reply->body = bytes + (piece ? from : 0);
    reply->n = n - (piece ? from : 0);
}
