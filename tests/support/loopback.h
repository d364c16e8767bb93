/* A small HTTP server on the loopback interface, in threads of the test's own process: a function
 * of the test answers each request, well or badly. */
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

struct loopback_request {
    char method[8], path[256], authorization[200];
    const char *head; /* all lines of it */
    char *body;       /* [n] with NUL after it */
    size_t n;
    size_t number;     /* of the request, from 0 */
    size_t connection; /* that it came by, from 0 */
    int fd;            /* to answer on */
};

/* The value of a header, cut to what fits; "" for none. */
void loopback_header(const struct loopback_request *request, const char *name, char *out,
                     size_t size);

/* Answers a request; false closes the connection.  Called from one thread for each connection. */
typedef bool loopback_answer(void *context, const struct loopback_request *request);

struct loopback;
struct loopback *loopback_start(loopback_answer *answer, void *context);
void loopback_stop(struct loopback *loopback);             /* cuts what is open */
const char *loopback_url(const struct loopback *loopback); /* with "/v1" */
unsigned loopback_port(const struct loopback *loopback);
/* Of requests so far; of connections. */
size_t loopback_n_requests(struct loopback *loopback);
size_t loopback_n_connections(struct loopback *loopback);

/* A whole answer; headers: more lines, each with CR and LF at its end, or "". */
bool loopback_reply(int fd, const char *status, const char *type, const char *headers,
                    const char *body);
bool loopback_write(int fd, const char *text); /* false: whoever asked is gone */
bool loopback_write_bytes(int fd, const char *bytes, size_t n);
/* The head of a stream that ends with the connection. */
bool loopback_begin_stream(int fd);
/* Waits for at most so many seconds for the other side to close. */
bool loopback_is_closed(int fd, double seconds);

#endif
