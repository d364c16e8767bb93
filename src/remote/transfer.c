/* See transfer.h. */
#include "remote/transfer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "remote/completion.h"
#include "remote/easy.h"

enum { MOST_HEADER = 256 << 10 };

/* ---- receiving ------------------------------------------------------------------------------- */

static bool has_type(const struct sc_transfer *t, const char *wanted)
{
    char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    size_t n = type != NULL ? strcspn(type, "; ") : 0;
    return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

/* Hands an event over. */
static bool take_event(void *context, char *data, size_t n)
{
    struct sc_transfer *t = context;
    const struct sc_remote_source *source = t->shared->source;
    bool go_on = true;
    sc_mask_apply(t->shared->mask, data, n, false);
    t->begun = true;
    enum sc_status status =
        source->event(source->context, t->request.tag, data, n, &go_on, &t->source_error);
    if (status != SC_OK && t->source_error.status == SC_OK)
        t->source_error.status = status;
    t->ended = status == SC_OK && !go_on;
    return status == SC_OK && go_on;
}

/* Whether the stream goes on after these events. */
static bool goes_on(struct sc_transfer *t, enum sc_events_result result)
{
    t->too_large = t->too_large || result == SC_EVENTS_TOO_LONG;
    t->body.failed = t->body.failed || result == SC_EVENTS_NO_MEMORY;
    return result == SC_EVENTS_GO_ON;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
    struct sc_transfer *t = context;
    n *= size;
    t->last_byte = sc_seconds();
    if (t->n_received == 0 && t->request.stream) {
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->http_status);
        t->streams = t->http_status == 200 && !t->encoded && has_type(t, "text/event-stream");
    }
    if (n > t->shared->options->max_response - t->n_received) {
        t->too_large = true;
        return 0;
    }
    t->n_received += n;
    if (t->streams)
        return goes_on(t, sc_events_feed(&t->events, bytes, n)) ? n : 0;
    sc_text_add(&t->body, bytes, n);
    return t->body.failed ? 0 : n;
}

/* A coding that was not asked for: its bytes are not read. */
static bool is_encoded(const char *line, size_t n)
{
    static const char name[] = "content-encoding:";
    size_t i = sizeof name - 1;
    if (n < i || strncasecmp(line, name, i) != 0)
        return false;
    while (i < n && line[i] == ' ')
        i++;
    return n - i < 8 || strncasecmp(line + i, "identity", 8) != 0;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *context)
{
    struct sc_transfer *t = context;
    n *= size;
    t->last_byte = sc_seconds();
    t->n_header += n;
    t->encoded = t->encoded || is_encoded(bytes, n);
    t->too_large = t->too_large || t->n_header > MOST_HEADER;
    return t->too_large ? 0 : n;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static bool add_header(struct sc_transfer *t, const char *line)
{
    struct curl_slist *more = curl_slist_append(t->headers, line);
    if (more != NULL)
        t->headers = more;
    return more != NULL;
}

static bool make_headers(struct sc_transfer *t)
{
    struct sc_text key = {0};
    /* No "Expect": a server that does not know it costs a second. */
    bool made = add_header(t, "Content-Type: application/json") &&
                add_header(t, "Accept: application/json, text/event-stream") &&
                add_header(t, "Expect:");
    if (made && t->shared->options->key != NULL) {
        sc_text_printf(&key, "Authorization: Bearer %s", t->shared->options->key);
        made = !key.failed && add_header(t, key.data);
        if (key.data != NULL)
            explicit_bzero(key.data, key.len);
        sc_text_free(&key);
    }
    return made;
}

/* Options that hold for every try. */
static bool set_options(struct sc_transfer *t)
{
    const struct sc_remote_options *o = t->shared->options;
    CURL *e = t->easy;
    return sc_easy_set_up(e) &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, lround(o->connect_timeout * 1e3)) ==
               CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, lround(o->timeout * 1e3)) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HEADERDATA, t) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_error) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, t) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

enum sc_status sc_transfer_init(struct sc_transfer *t, const struct sc_transfer_shared *shared,
                                struct sc_error *error)
{
    *t = (struct sc_transfer){
        .shared = shared,
        .easy = curl_easy_init(),
        .events = {.most = shared->options->max_response, .take = take_event, .context = t}};
    if (t->easy == NULL || !make_headers(t) || !set_options(t))
        return sc_fail_nomem(error, "a connection to a server");
    return SC_OK;
}

void sc_transfer_free(struct sc_transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    sc_free(t->request.body);
    sc_text_free(&t->body);
    sc_events_free(&t->events);
    *t = (struct sc_transfer){0};
}

static bool set_request(struct sc_transfer *t)
{
    const struct sc_remote_request *request = &t->request;
    const struct sc_remote_server *server = t->server;
    struct sc_text url = {0};
    sc_text_add(&url, server->url, request->at_root ? server->n_root : strlen(server->url));
    sc_text_puts(&url, request->path);
    bool set = !url.failed && curl_easy_setopt(t->easy, CURLOPT_URL, url.data) == CURLE_OK;
    sc_text_free(&url);
    if (set && request->body == NULL)
        return curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return set && curl_easy_setopt(t->easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->n) ==
               CURLE_OK &&
           curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
}

enum sc_status sc_transfer_begin(struct sc_transfer *t, struct sc_error *error)
{
    sc_text_clear(&t->body);
    sc_events_clear(&t->events);
    t->body.failed = false;
    t->n_tries++;
    t->last_byte = 0;
    t->n_header = t->n_received = 0;
    t->too_large = t->encoded = t->streams = t->begun = t->ended = t->unreachable = false;
    t->http_status = 0;
    t->curl_error[0] = t->failure[0] = '\0';
    t->source_error = (struct sc_error){0};
    return set_request(t) ? SC_OK : sc_fail_nomem(error, "a request to a server");
}

/* ---- what came of a try ---------------------------------------------------------------------- */

void sc_transfer_fail(struct sc_transfer *t, const char *format, ...)
{
    struct sc_error visible = {0};
    struct sc_text text = {0};
    char *whole = NULL;
    va_list arguments;
    va_start(arguments, format);
    int n = vasprintf(&whole, format, arguments);
    va_end(arguments);
    if (n > 0) {
        sc_mask_apply(t->shared->mask, whole, (size_t)n, true); /* before anything is cut off */
        sc_text_add(&text, whole, (size_t)n);
    }
    sc_fail(&visible, SC_ERR_IO, "%s", text.len ? text.data : "no words for it");
    snprintf(t->failure, sizeof t->failure, "%.*s",
             (int)sc_utf8_valid(visible.text, strnlen(visible.text, sizeof t->failure - 1)),
             visible.text);
    if (n >= 0)
        free(whole);
    sc_text_free(&text);
}

/* The server's own words about a status, " (...)" or nothing. */
static void fail_status(struct sc_transfer *t)
{
    char words[240];
    sc_completion_error(t->body.len ? t->body.data : "", t->body.len, words, sizeof words);
    sc_mask_apply(t->shared->mask, words, strlen(words), true); /* more follows them below */
    sc_transfer_fail(
        t, "the server answered %ld%s%s%s%s", t->http_status, *words ? " (" : "", words,
        *words ? ")" : "",
        t->http_status == 401 && t->shared->options->key == NULL ? "; no API key was sent" : "");
}

/* A header's value without the key, as much as a message has room for; "none" for NULL. */
struct shown {
    char text[200];
};

static struct shown show(const struct sc_transfer *t, const char *value, const char *none)
{
    struct shown shown = {{0}};
    char *copy = value != NULL ? sc_strdup(value) : NULL;
    if (copy != NULL)
        sc_mask_apply(t->shared->mask, copy, strlen(copy), true);
    snprintf(shown.text, sizeof shown.text, "%s", copy != NULL ? copy : none);
    sc_free(copy);
    return shown;
}

static bool is_json(struct sc_transfer *t)
{
    char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    size_t n = type != NULL ? strcspn(type, "; ") : 0;
    if (t->encoded) {
        sc_transfer_fail(t, "the server's answer: expected no coding of its content, found one");
        return false;
    }
    if ((n == 16 && strncasecmp(type, "application/json", n) == 0) ||
        (n > 5 && strncasecmp(type + n - 5, "+json", 5) == 0))
        return true;
    sc_transfer_fail(t, "the server's answer: expected application/json, found %.80s",
                     show(t, type, "no content type").text);
    return false;
}

static enum sc_try end_with_redirection(struct sc_transfer *t)
{
    char *location = NULL, shown[SC_LONGEST_SHOWN_URL];
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
    char *copy = location != NULL ? sc_strdup(location) : NULL;
    if (copy != NULL) /* before anything is cut off: a part of the key would not be known as such */
        sc_mask_apply(t->shared->mask, copy, strlen(copy), true);
    sc_transfer_fail(t, "the server answered %ld: it sends on to %s, which is not followed",
                     t->http_status,
                     show(t, copy != NULL ? sc_url_shown(copy, shown) : NULL, "nowhere").text);
    sc_free(copy);
    return t->request.tentative ? SC_TRY_REFUSED : SC_TRY_HOPELESS;
}

/* Of the 4xx, those that a later try need not meet. */
static bool passes(long status)
{
    return status == 408 || status == 425 || status == 429;
}

static enum sc_try end_with_status(struct sc_transfer *t)
{
    long status = t->http_status;
    bool tentative = t->request.tentative;
    if (t->streams)
        return SC_TRY_ANSWERED;
    if (status == 200)
        return is_json(t) ? SC_TRY_ANSWERED : tentative ? SC_TRY_REFUSED : SC_TRY_AGAIN;
    fail_status(t);
    if (status >= 300 && status < 400)
        return end_with_redirection(t);
    if (tentative && (status == 501 || (status >= 400 && status < 500 && !passes(status))))
        return SC_TRY_REFUSED;
    if (passes(status) || status < 300 || status >= 500)
        return SC_TRY_AGAIN;
    if (status == 401 || status == 402 || status == 404 || status == 405 || status == 407)
        return SC_TRY_HOPELESS;
    /* 403 may be a filter between us that dislikes one text, or a key without a right. */
    return status == 403 ? SC_TRY_FAILED : SC_TRY_REFUSED;
}

/* The write callback ended the transfer. */
static enum sc_try end_of_writing(struct sc_transfer *t)
{
    if (t->source_error.status != SC_OK)
        return SC_TRY_SOURCE;
    if (t->ended)
        return SC_TRY_ANSWERED;
    if (t->body.failed)
        return SC_TRY_NO_MEMORY;
    if (!t->too_large)
        return SC_TRY_AGAIN;
    if (t->n_header > MOST_HEADER)
        sc_transfer_fail(t, "the server's answer: expected at most %d bytes of headers, found more",
                         MOST_HEADER);
    else
        sc_transfer_fail(t, "the server's answer: expected at most %zu bytes, found more",
                         t->shared->options->max_response);
    return SC_TRY_FAILED;
}

static enum sc_try end_with_error(struct sc_transfer *t, CURLcode code)
{
    long sent = 0;
    sc_transfer_fail(t, "%s", curl_easy_strerror(code));
    if (sc_easy_ended_in_header(t->easy, code)) {
        sc_transfer_fail(t, SC_EASY_NO_ROOM);
        return SC_TRY_AGAIN;
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        t->unreachable = true;
        return SC_TRY_AGAIN;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
        t->unreachable = sent == 0;
        if (!t->unreachable)
            sc_transfer_fail(t, "no complete answer in %g seconds", t->shared->options->timeout);
        return SC_TRY_AGAIN;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        sc_transfer_fail(t, "%s", sc_easy_words(code, t->curl_error));
        return SC_TRY_HOPELESS;
    case CURLE_WRITE_ERROR:
        return end_of_writing(t);
    case CURLE_UNSUPPORTED_PROTOCOL:
        sc_transfer_fail(t, "the server's answer: expected HTTP/1, found something else");
        return SC_TRY_AGAIN;
    case CURLE_OUT_OF_MEMORY:
        return SC_TRY_NO_MEMORY;
    default:
        return SC_TRY_AGAIN;
    }
}

enum sc_try sc_transfer_end(struct sc_transfer *t, CURLcode code)
{
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->http_status);
    if (code == CURLE_OK && t->streams && !goes_on(t, sc_events_end(&t->events)))
        code = CURLE_WRITE_ERROR;
    if (t->too_large && code != CURLE_OK)
        code = CURLE_WRITE_ERROR;
    if (t->body.len > 0)
        sc_mask_apply(t->shared->mask, t->body.data, t->body.len, false);
    return code == CURLE_OK ? end_with_status(t) : end_with_error(t, code);
}

bool sc_transfer_stalled(struct sc_transfer *t, double now)
{
    if (t->last_byte == 0 || now - t->last_byte < t->shared->options->stall_timeout)
        return false;
    sc_transfer_fail(t, "the server's answer stopped for %g seconds",
                     t->shared->options->stall_timeout);
    return true;
}

double sc_transfer_asked_pause(const struct sc_transfer *t)
{
    curl_off_t asked = 0; /* of a date too */
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &asked);
    return fmin((double)asked, t->shared->options->longest_retry_after);
}

double sc_transfer_pause(const struct sc_transfer *t)
{
    const struct sc_remote_options *o = t->shared->options;
    double u = sc_random_uniform(SC_STREAM_REMOTE, o->seed, t->number, t->n_tries, 0);
    double pause = o->backoff * exp2((double)(t->n_tries > 0 ? t->n_tries - 1 : 0));
    return fmin(pause, o->longest_backoff) * (0.5 + u / 2);
}
