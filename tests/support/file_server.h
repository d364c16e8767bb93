/*
 * A loopback server (loopback.h) of files, for tests of downloads: what each request gets is a
 * function of the request.  One answer at a time, and its connection ends with it.  It allocates
 * nothing through base/memory.h.
 */
#ifndef FILE_SERVER_H
#define FILE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_request {
    unsigned number; /* from 0 */
    char method[8], path[256], host[64], authorization[128], range[64], if_range[128];
};

struct file_reply {
    int status;
    char headers[512]; /* lines, each with its "\r\n" */
    const char *body;
    size_t n;
    bool no_length;   /* the end of the connection is that of the body */
    size_t cut_after; /* bytes of the body after which the connection ends; SIZE_MAX: none */
    unsigned wait_ms; /* before the body */
};

struct file_server;
typedef void file_handler(void *context, const struct file_request *request,
                          struct file_reply *reply);

struct file_server *file_server_start(file_handler *handler, void *context);
unsigned file_server_port(const struct file_server *server);
unsigned file_server_n_requests(const struct file_server *server);
void file_server_stop(struct file_server *server);

/* Answers for a file: all of it, or the piece that is asked for, with the ETag. */
void file_reply_file(const struct file_request *request, struct file_reply *reply,
                     const char *bytes, size_t n, const char *etag);

#endif
