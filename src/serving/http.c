/*
 * See http.h.
 *
 * Some threads of libmicrohttpd's serve all connections.  One that waits for its answer is
 * suspended, and whoever has news of its job resumes it; the house's lock is held for both, so that
 * neither comes before the other.  Next: stream.c; connections.c; gate.c.
 */
#include "serving/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "serving/gate.h"
#include "serving/pages.h"
#include "serving/reply.h"
#include "serving/stream.h"

enum { THREADS = 4, IDLE_SECONDS = 120, HEADER_BYTES = 32 << 10 };
/* A body that is too long is read to its end, so that its sender reads why it is refused; beyond so
 * many times what is taken the connection is closed. */
enum { MOST_READ = 4 };
/* A body of more than SHORT_BODY is kept only where all that are long have at most MOST_HELD bytes.
 */
enum { SHORT_BODY = 64 << 10, MOST_HELD = 128 << 20 };
/* Whole answers up to here are made before they are sent, and their length is said. */
enum { WHOLE_BYTES = 1 << 18 };

/* A request from its first line until its answer is sent. */
struct exchange {
    struct sc_serving_http *http;
    struct sc_serving_connection *connection;
    bool chat;
    struct sc_text body;
    size_t n_body; /* bytes that came, kept or not */
    size_t n_held; /* of them, counted in http->n_held */
    bool no_room;  /* others held too much: the body is not kept */
    struct sc_serving_job *job;
    bool waits; /* for the whole answer */
    struct sc_serving_stream stream;
    struct sc_serving_writing writing; /* of a whole answer: parts, of which `part` was made and */
    struct sc_text part;               /* [at] taken */
    size_t at;
};

/* ---- streams --------------------------------------------------------------------------------- */

/* The connection sleeps until there is news of the job; the lock is held. */
static void wait_for(struct sc_serving_job *job, struct MHD_Connection *connection)
{
    MHD_suspend_connection(connection);
    job->waiter = connection;
}

static ssize_t read_stream(void *context, uint64_t position, char *to, size_t most)
{
    struct exchange *exchange = context;
    struct sc_serving_http *http = exchange->http;
    struct sc_serving_job *job = exchange->job;
    size_t n = 0;
    (void)position;
    pthread_mutex_lock(&http->house->lock);
    job->has_news = false;
    bool ended = job->has_ended;
    if (ended) /* nobody changes it any more */
        pthread_mutex_unlock(&http->house->lock);
    enum sc_serving_next next =
        sc_serving_stream_next(&exchange->stream, job, &http->signature, to, most, &n);
    if (!ended) {
        if (next == SC_SERVING_LATER)
            wait_for(job, exchange->connection->handle);
        pthread_mutex_unlock(&http->house->lock);
    }
    return next == SC_SERVING_BYTES   ? (ssize_t)n
           : next == SC_SERVING_LATER ? 0
           : next == SC_SERVING_OVER  ? MHD_CONTENT_READER_END_OF_STREAM
                                      : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Sends what the function gives, for as long as it gives something. */
static enum MHD_Result send_pieces(struct exchange *exchange, struct MHD_Connection *connection,
                                   const char *type, MHD_ContentReaderCallback read)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 << 10, read, exchange, NULL);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- a request for traces -------------------------------------------------------------------- */

static unsigned status_of(enum sc_status status, const char *field)
{
    if (status == SC_ERR_NOMEM || status == SC_ERR_IO)
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    return strcmp(field, "model") == 0 ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_REQUEST;
}

static const struct sc_serving_refusal no_room = {
    .status = MHD_HTTP_TOO_MANY_REQUESTS,
    .code = "rate_limit_exceeded",
    .text = "as much is being sent as this server takes: try again later"};

static void forget_body(struct exchange *exchange)
{
    sc_text_free(&exchange->body);
    atomic_fetch_sub(&exchange->http->n_held, exchange->n_held);
    exchange->n_held = 0;
}

/* Whether there is no place for a request; the lock is held. */
static bool is_full(const struct sc_serving_house *house, struct sc_serving_refusal *why)
{
    if (house->is_ending)
        *why = (struct sc_serving_refusal){.status = MHD_HTTP_SERVICE_UNAVAILABLE,
                                           .text = "the server ends"};
    else if (house->n_jobs >= house->most_jobs)
        *why = (struct sc_serving_refusal){
            .status = MHD_HTTP_TOO_MANY_REQUESTS,
            .code = "rate_limit_exceeded",
            .text = "as many requests are in hand as this server takes: try again later"};
    return why->status != 0;
}

/* Puts the job in hand, and has the connection wait for its end, or send what there is. */
static enum sc_status enter(struct exchange *exchange, struct MHD_Connection *connection,
                            struct sc_serving_request *request,
                            const struct sc_serving_encoding *encoding,
                            struct sc_serving_refusal *full, struct sc_error *error)
{
    struct sc_serving_house *house = exchange->http->house;
    if (is_full(house, full))
        return SC_ERR_LIMIT;
    SC_TRY(sc_serving_job_new(&exchange->job, &house->model, request, encoding, &house->prompts,
                              error));
    sc_serving_house_put(house, exchange->job);
    exchange->connection->job = exchange->job;
    sc_serving_connection_turn(exchange->connection, SC_SERVING_WAITS);
    exchange->waits = !exchange->job->request.stream && !exchange->job->has_ended;
    if (exchange->waits)
        wait_for(exchange->job, connection);
    return SC_OK;
}

/* The request's values and prompts, as the model has them. */
static enum sc_status prepare(struct sc_serving_model *model, struct sc_serving_request *request,
                              struct sc_serving_encoding *encoding, char field[64],
                              struct sc_error *error)
{
    enum sc_status status = sc_serving_model_resolve(model, request, field, error);
    if (status != SC_OK)
        goto failed;
    status = sc_serving_job_encode(model, request, encoding, field, error);
    if (status != SC_OK)
        goto failed;
    return SC_OK;
failed:
    sc_error_prefix(error, "%s", field);
    return status;
}

static enum sc_status take(struct exchange *exchange, struct MHD_Connection *connection,
                           struct sc_serving_request *request, char field[64],
                           struct sc_serving_refusal *full, struct sc_error *error)
{
    struct sc_serving_house *house = exchange->http->house;
    struct sc_serving_encoding encoding = {0};
    const char *body = exchange->body.data != NULL ? exchange->body.data : "";
    SC_TRY(
        sc_serving_request_read(request, exchange->chat, body, exchange->body.len, field, error));
    enum sc_status status = prepare(&house->model, request, &encoding, field, error);
    if (status != SC_OK)
        goto done;
    pthread_mutex_lock(&house->lock);
    status = enter(exchange, connection, request, &encoding, full, error);
    pthread_mutex_unlock(&house->lock);
done:
    sc_serving_encoding_free(&encoding);
    return status;
}

/* The parts of a long answer, as its reader takes them. */
static ssize_t read_parts(void *context, uint64_t position, char *to, size_t most)
{
    struct exchange *exchange = context;
    struct sc_text *text = &exchange->part;
    (void)position;
    while (exchange->at == text->len && !exchange->writing.has_ended) {
        sc_text_clear(text);
        exchange->at = 0;
        sc_serving_answer_part(&exchange->writing, exchange->job, &exchange->http->signature, text);
    }
    if (text->failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (exchange->at == text->len)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t n = text->len - exchange->at < most ? text->len - exchange->at : most;
    memcpy(to, text->data + exchange->at, n);
    exchange->at += n;
    return (ssize_t)n;
}

/* A job that has ended is changed by nobody: no lock is needed. */
static enum MHD_Result answer_job(struct exchange *exchange, struct MHD_Connection *connection)
{
    const struct sc_serving_job *job = exchange->job;
    struct sc_serving_http *http = exchange->http;
    if (job->failure[0] != '\0')
        return sc_serving_refuse_words(http, connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                                       job->failure);
    while (!exchange->writing.has_ended && exchange->part.len < WHOLE_BYTES)
        sc_serving_answer_part(&exchange->writing, job, &http->signature, &exchange->part);
    if (exchange->writing.has_ended)
        return sc_serving_reply(http, connection, MHD_HTTP_OK, "application/json", &exchange->part);
    sc_serving_turn(http, connection, SC_SERVING_SENDS);
    return send_pieces(exchange, connection, "application/json", read_parts);
}

/* Keeps a piece of a body, where there is room. */
static void keep(struct exchange *exchange, const char *data, size_t n)
{
    struct sc_serving_http *http = exchange->http;
    if (!exchange->no_room && exchange->body.len + n > SHORT_BODY) {
        exchange->n_held += n;
        exchange->no_room = atomic_fetch_add(&http->n_held, n) + n > MOST_HELD;
    }
    if (exchange->no_room)
        forget_body(exchange);
    else
        sc_text_add(&exchange->body, data, n);
}

static enum MHD_Result begin(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct sc_serving_http *http = exchange->http;
    struct sc_serving_request request = {0};
    struct sc_serving_refusal full = {0};
    struct sc_error error = {0};
    char field[64] = "";
    pthread_mutex_lock(&http->house->lock);
    bool is_open = !is_full(http->house, &full); /* before anything is encoded */
    pthread_mutex_unlock(&http->house->lock);
    enum sc_status status = SC_ERR_LIMIT;
    if (is_open && exchange->n_body > http->most_bytes)
        full = (struct sc_serving_refusal){.status = MHD_HTTP_CONTENT_TOO_LARGE,
                                           .text = "body: too long"};
    else if (is_open && exchange->no_room)
        full = no_room;
    else if (is_open)
        status = take(exchange, connection, &request, field, &full, &error);
    sc_serving_request_free(&request);
    forget_body(exchange);
    if (exchange->job != NULL)
        return exchange->job->request.stream
                   ? send_pieces(exchange, connection, "text/event-stream", read_stream)
                   : MHD_YES;
    if (full.status == 0)
        full = (struct sc_serving_refusal){
            .status = status_of(status, field), .field = field, .text = error.text};
    if (full.status == MHD_HTTP_NOT_FOUND)
        full.code = "model_not_found";
    return sc_serving_refuse(http, connection, &full);
}

/* The connection may go on: once all was read, and again once its job has ended. */
static enum MHD_Result go_on(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct sc_serving_house *house = exchange->http->house;
    if (exchange->job == NULL) {
        enum MHD_Result result = begin(exchange, connection);
        if (exchange->job == NULL || exchange->job->request.stream || exchange->waits)
            return result;
    }
    pthread_mutex_lock(&house->lock);
    bool ended = exchange->job->has_ended;
    if (!ended)
        wait_for(exchange->job, connection);
    pthread_mutex_unlock(&house->lock);
    return ended ? answer_job(exchange, connection) : MHD_YES;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result send_page(struct sc_serving_http *http, struct MHD_Connection *connection,
                                 const char *url)
{
    static const char models[] = "/v1/models";
    struct sc_serving_house *house = http->house;
    const struct sc_serving_model *model = &house->model;
    struct sc_text text = {0};
    const char *type = "application/json";
    const char *under = url + sizeof models - 1;
    if (strcmp(url, "/health") == 0) {
        sc_text_puts(&text, "{\"status\":\"ok\"}");
    } else if (strcmp(url, "/version") == 0) {
        sc_serving_page_version(&text);
    } else if (strcmp(url, "/metrics") == 0) {
        type = "text/plain; version=0.0.4; charset=utf-8";
        pthread_mutex_lock(&house->lock);
        sc_serving_page_metrics(house, &text);
        pthread_mutex_unlock(&house->lock);
    } else if (strncmp(url, models, sizeof models - 1) == 0 &&
               (*under == '\0' || (*under == '/' && strcmp(under + 1, model->name) == 0))) {
        sc_serving_page_models(model, under, &text);
    } else {
        return sc_serving_refuse_words(http, connection, MHD_HTTP_NOT_FOUND,
                                       "no such path: there are /v1/models, /v1/completions, "
                                       "/v1/chat/completions, /health, /metrics and /version");
    }
    return sc_serving_reply(http, connection, MHD_HTTP_OK, type, &text);
}

/* What is wrong with a request before its body is read; 0: nothing. */
static unsigned check_headers(const struct sc_serving_http *http, struct MHD_Connection *connection,
                              const char *url, bool post, const char **words)
{
    const char *length = header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!sc_serving_knows_host(header_of(connection, MHD_HTTP_HEADER_HOST), http->host) &&
        (http->key == NULL || sc_serving_is_local(http->host))) {
        *words = "Host: expected the name or address of this server";
        return MHD_HTTP_FORBIDDEN;
    }
    if (http->key != NULL && strcmp(url, "/health") != 0 &&
        !sc_serving_has_key(header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION), http->key)) {
        *words = "Authorization: expected \"Bearer \" and this server's key";
        return MHD_HTTP_UNAUTHORIZED;
    }
    if (post && !sc_serving_is_json(header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE))) {
        *words = "Content-Type: expected application/json";
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    if (length != NULL && strtoull(length, NULL, 10) > MOST_READ * http->most_bytes) {
        *words = "body: too long";
        return MHD_HTTP_CONTENT_TOO_LARGE;
    }
    return 0;
}

static enum MHD_Result open_exchange(struct sc_serving_http *http,
                                     struct MHD_Connection *connection, const char *url,
                                     const char *method, void **out)
{
    const bool chat = strcmp(url, "/v1/chat/completions") == 0;
    const bool takes = chat || strcmp(url, "/v1/completions") == 0;
    const bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    const char *words = NULL;
    unsigned status = check_headers(http, connection, url, post, &words);
    if (status != 0)
        return sc_serving_refuse_words(http, connection, status, words);
    if (takes != post || (!post && strcmp(method, MHD_HTTP_METHOD_GET) != 0))
        return sc_serving_refuse_words(http, connection,
                                       takes ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
                                       takes ? "expected POST" : "no such path for that method");
    if (!takes)
        return send_page(http, connection, url);
    struct exchange *exchange = sc_alloc_zero(1, sizeof *exchange);
    if (exchange == NULL)
        return MHD_NO;
    exchange->http = http;
    exchange->chat = chat;
    exchange->connection = sc_serving_place_of(connection);
    if (exchange->connection == NULL) {
        sc_free(exchange);
        return MHD_NO;
    }
    *out = exchange;
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **state)
{
    struct sc_serving_http *http = context;
    struct exchange *exchange = *state;
    (void)version;
    if (exchange == NULL)
        return open_exchange(http, connection, url, method, state);
    if (*n == 0)
        return go_on(exchange, connection);
    exchange->n_body += *n;
    if (exchange->n_body <= http->most_bytes)
        keep(exchange, data, *n);
    else if (exchange->n_body > MOST_READ * http->most_bytes)
        return MHD_NO;
    *n = 0;
    return exchange->body.failed ? MHD_NO : MHD_YES;
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct sc_serving_http *http = context;
    struct exchange *exchange = *state;
    (void)code;
    sc_serving_turn(http, connection, SC_SERVING_RECEIVES);
    if (exchange == NULL)
        return;
    pthread_mutex_lock(&http->house->lock);
    if (exchange->job != NULL) {
        exchange->connection->job = NULL;
        exchange->job->waiter = NULL;
        exchange->job->is_cancelled = exchange->job->is_cancelled || !exchange->job->has_ended;
        sc_serving_job_leave(exchange->job);
    }
    pthread_mutex_unlock(&http->house->lock);
    forget_body(exchange);
    sc_serving_stream_free(&exchange->stream);
    sc_text_free(&exchange->part);
    sc_free(exchange);
    *state = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **place,
                          enum MHD_ConnectionNotificationCode code)
{
    struct sc_serving_http *http = context;
    pthread_mutex_lock(&http->house->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct sc_serving_connection *opened =
            sc_serving_connection_open(&http->connections, info != NULL ? info->connect_fd : -1);
        if (opened != NULL)
            opened->handle = connection;
        *place = opened;
    } else if (*place != NULL) {
        sc_serving_connection_close(&http->connections, *place);
        *place = NULL;
    }
    pthread_mutex_unlock(&http->house->lock);
}

/* ---- the daemon ------------------------------------------------------------------------------ */

void sc_serving_http_wake(struct sc_serving_job *job)
{
    if (job->waiter == NULL)
        return;
    struct MHD_Connection *connection = job->waiter;
    job->waiter = NULL;
    MHD_resume_connection(connection);
}

/* What libmicrohttpd would say of clients on standard error. */
static void be_silent(void *context, const char *format, va_list arguments)
{
    (void)context, (void)format, (void)arguments;
}

enum sc_status sc_serving_http_start(struct sc_serving_http *http, int socket,
                                     struct sc_error *error)
{
    errno = 0;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        on_request, http, MHD_OPTION_EXTERNAL_LOGGER, be_silent, NULL, MHD_OPTION_LISTEN_SOCKET,
        socket, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SC_SERVING_MOST_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        http, MHD_OPTION_END);
    if (http->daemon != NULL)
        return SC_OK;
    const char *why = errno != 0 ? strerror(errno) : "no reason is given";
    return sc_fail(error, SC_ERR_IO, "the HTTP server does not start (libmicrohttpd %s): %s",
                   MHD_get_version(), why);
}

void sc_serving_http_stop(struct sc_serving_http *http)
{
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    http->daemon = NULL;
}
