#include "http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 64, MOST_HEAD = 64 << 10 };

struct http_server {
    http_handler *handler;
    void *context;
    int listener;
    char url[64];
    pthread_t acceptor, threads[MOST_CONNECTIONS];
    int connections[MOST_CONNECTIONS];
    size_t n;
    pthread_mutex_t lock;
};

struct connection {
    struct http_server *server;
    int fd;
};

/* Reads up to the end of the head, which is ended with NUL; false: the other side is gone. */
static bool read_head(int fd, char *head)
{
    size_t n = 0;
    while (n + 1 < MOST_HEAD && read(fd, head + n, 1) == 1) {
        head[++n] = '\0';
        if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static char *read_body(int fd, const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");
    size_t n = field != NULL ? strtoul(field + 17, NULL, 10) : 0, got = 0;
    char *body = malloc(n + 1);
    assert(body != NULL);
    while (got < n) {
        ssize_t more = read(fd, body + got, n - got);
        if (more <= 0)
            break;
        got += (size_t)more;
    }
    body[got] = '\0';
    return body;
}

/* In one piece: two would wait for each other's acknowledgement. */
static bool reply(int fd, const struct http_answer *answer)
{
    size_t n = answer->body != NULL ? strlen(answer->body) : 0;
    char *text = malloc(n + 256);
    assert(text != NULL);
    int head =
        snprintf(text, 256, "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                 answer->status, answer->type, n);
    if (n > 0)
        memcpy(text + head, answer->body, n);
    ssize_t length = (ssize_t)n + head;
    bool sent = send(fd, text, (size_t)length, MSG_NOSIGNAL) == length;
    free(text);
    return sent;
}

static void *serve(void *argument)
{
    struct connection connection = *(struct connection *)argument;
    struct http_server *server = connection.server;
    char *head = malloc(MOST_HEAD), method[16], path[1024];
    assert(head != NULL);
    free(argument);
    bool open = true;
    while (open && read_head(connection.fd, head) &&
           sscanf(head, "%15s %1023s", method, path) == 2) {
        struct http_answer answer = {.status = 200, .type = "application/json"};
        char *body = read_body(connection.fd, head);
        pthread_mutex_lock(&server->lock);
        server->handler(server->context, method, path, body, &answer);
        pthread_mutex_unlock(&server->lock);
        open = reply(connection.fd, &answer);
        free(answer.body);
        free(body);
    }
    shutdown(connection.fd, SHUT_RDWR);
    free(head);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct http_server *server = argument;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        assert(server->n < MOST_CONNECTIONS);
        struct connection *connection = malloc(sizeof *connection);
        assert(connection != NULL);
        *connection = (struct connection){.server = server, .fd = fd};
        server->connections[server->n] = fd;
        int failed = pthread_create(&server->threads[server->n++], NULL, serve, connection);
        assert(failed == 0);
        (void)failed;
    }
}

struct http_server *http_server_start(http_handler *handler, void *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    struct http_server *server = calloc(1, sizeof *server);
    assert(server != NULL);
    server->handler = handler;
    server->context = context;
    pthread_mutex_init(&server->lock, NULL);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->listener, 64) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&server->acceptor, NULL, accept_all, server) != 0)
        abort();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
    return server;
}

void http_server_stop(struct http_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->n; i++) {
        shutdown(server->connections[i], SHUT_RDWR);
        pthread_join(server->threads[i], NULL);
        close(server->connections[i]);
    }
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *http_server_url(const struct http_server *server)
{
    return server->url;
}
