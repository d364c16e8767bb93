/* A loopback server (loopback.h) of whole answers: what it says is a function of what is asked. */
#ifndef SC_TESTS_HTTP_SERVER_H
#define SC_TESTS_HTTP_SERVER_H

#include <stddef.h>

struct http_answer {
    int status;       /* 200 */
    const char *type; /* "application/json" */
    char *body;       /* released with free; NULL: empty */
};

/* Fills answer, which begins as {200, "application/json", NULL}.  Called by one thread at a time.
 */
typedef void http_handler(void *context, const char *method, const char *path, const char *body,
                          struct http_answer *answer);

struct http_server;
struct http_server *http_server_start(http_handler *handler, void *context);
void http_server_stop(struct http_server *server);
const char *http_server_url(const struct http_server *server); /* "http://127.0.0.1:PORT/v1" */

#endif
