/* See file_server.h. */
#include "file_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loopback.h"

struct file_server {
    struct loopback *loopback;
    pthread_mutex_t turn; /* one answer at a time */
    atomic_bool ending;
    file_handler *handler;
    void *context;
};

static void send_reply(struct file_server *server, const struct loopback_request *asked,
                       const struct file_reply *reply)
{
    char head[1024], length[64] = "";
    if (!reply->no_length)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", reply->n);
    snprintf(head, sizeof head, "HTTP/1.1 %d x\r\n%s%sConnection: close\r\n\r\n", reply->status,
             length, reply->headers);
    loopback_write(asked->fd, head);
    for (unsigned ms = 0; ms < reply->wait_ms && !atomic_load(&server->ending); ms += 20)
        usleep(20000);
    if (strcmp(asked->method, "HEAD") != 0)
        loopback_write_bytes(asked->fd, reply->body,
                             reply->n < reply->cut_after ? reply->n : reply->cut_after);
}

static bool answer(void *context, const struct loopback_request *asked)
{
    struct file_server *server = context;
    struct file_request request = {.number = (unsigned)asked->number};
    struct file_reply reply = {.status = 200, .body = "", .cut_after = SIZE_MAX};
    memcpy(request.method, asked->method, sizeof request.method);
    snprintf(request.path, sizeof request.path, "%s", asked->path);
    loopback_header(asked, "Host", request.host, sizeof request.host);
    loopback_header(asked, "Authorization", request.authorization, sizeof request.authorization);
    loopback_header(asked, "Range", request.range, sizeof request.range);
    loopback_header(asked, "If-Range", request.if_range, sizeof request.if_range);
    pthread_mutex_lock(&server->turn);
    server->handler(server->context, &request, &reply);
    send_reply(server, asked, &reply);
    pthread_mutex_unlock(&server->turn);
    return false;
}

struct file_server *file_server_start(file_handler *handler, void *context)
{
    struct file_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->handler = handler;
    server->context = context;
    pthread_mutex_init(&server->turn, NULL);
    server->loopback = loopback_start(answer, server);
    return server;
}

unsigned file_server_port(const struct file_server *server)
{
    return loopback_port(server->loopback);
}

unsigned file_server_n_requests(const struct file_server *server)
{
    return (unsigned)loopback_n_requests(server->loopback);
}

void file_server_stop(struct file_server *server)
{
    atomic_store(&server->ending, true);
    loopback_stop(server->loopback);
    pthread_mutex_destroy(&server->turn);
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
