/* See http_server.h. */
#include "http_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "loopback.h"

struct http_server {
    struct loopback *loopback;
    pthread_mutex_t turn;
    http_handler *handler;
    void *context;
};

static bool answer(void *context, const struct loopback_request *asked)
{
    struct http_server *server = context;
    struct http_answer answer = {200, "application/json", NULL};
    char status[16];
    pthread_mutex_lock(&server->turn);
    server->handler(server->context, asked->method, asked->path, asked->body, &answer);
    pthread_mutex_unlock(&server->turn);
    snprintf(status, sizeof status, "%d x", answer.status);
    bool open =
        loopback_reply(asked->fd, status, answer.type, "", answer.body != NULL ? answer.body : "");
    free(answer.body);
    return open;
}

struct http_server *http_server_start(http_handler *handler, void *context)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->handler = handler;
    server->context = context;
    pthread_mutex_init(&server->turn, NULL);
    server->loopback = loopback_start(answer, server);
    return server;
}

void http_server_stop(struct http_server *server)
{
    loopback_stop(server->loopback);
    pthread_mutex_destroy(&server->turn);
    free(server);
}

const char *http_server_url(const struct http_server *server)
{
    return loopback_url(server->loopback);
}
