/* See transfer.h.  The only file that sets options of a libcurl handle. */
#include "remote/transfer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "remote/completion.h"

enum { MOST_HEADER = 256 << 10, SHORTEST_MASKED = 8 };

/* ---- receiving ------------------------------------------------------------------------------- */

static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
    struct sc_transfer *t = context;
    n *= size;
    t->last_byte = sc_seconds();
    if (n > t->options->max_response - t->body.len) {
        t->too_large = true;
        return 0;
    }
    sc_text_add(&t->body, bytes, n);
    return t->body.failed ? 0 : n;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *context)
{
    struct sc_transfer *t = context;
    (void)bytes;
    n *= size;
    t->last_byte = sc_seconds();
    t->n_header += n;
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
                add_header(t, "Accept: application/json") && add_header(t, "Expect:");
    if (made && t->options->key != NULL) {
        sc_text_printf(&key, "Authorization: Bearer %s", t->options->key);
        made = !key.failed && add_header(t, key.data);
        sc_text_free(&key);
    }
    return made;
}

/* Options that hold for every try. */
static bool set_options(struct sc_transfer *t)
{
    const struct sc_remote_options *o = t->options;
    CURL *e = t->easy;
    return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, "safeconf/" SAFECONF_VERSION) == CURLE_OK &&
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

enum sc_status sc_transfer_init(struct sc_transfer *t, const struct sc_remote_options *options,
                                struct sc_error *error)
{
    const char *roots = getenv("SSL_CERT_FILE");
    *t = (struct sc_transfer){.options = options, .easy = curl_easy_init()};
    if (t->easy == NULL || !make_headers(t) || !set_options(t) ||
        (roots != NULL && *roots && curl_easy_setopt(t->easy, CURLOPT_CAINFO, roots) != CURLE_OK))
        return sc_fail_nomem(error, "a connection to a server");
    return SC_OK;
}

void sc_transfer_free(struct sc_transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    sc_free(t->request.body);
    sc_text_free(&t->body);
    *t = (struct sc_transfer){0};
}

enum sc_status sc_transfer_begin(struct sc_transfer *t, struct sc_error *error)
{
    struct sc_text url = {0};
    sc_text_printf(&url, "%s%s", t->options->url, t->request.path);
    bool set = !url.failed && curl_easy_setopt(t->easy, CURLOPT_URL, url.data) == CURLE_OK &&
               curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request.n) ==
                   CURLE_OK &&
               curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->request.body) == CURLE_OK;
    sc_text_free(&url);
    sc_text_clear(&t->body);
    t->body.failed = false;
    t->n_tries++;
    t->last_byte = 0;
    t->n_header = 0;
    t->too_large = t->unreachable = false;
    t->curl_error[0] = t->failure[0] = '\0';
    return set ? SC_OK : sc_fail_nomem(error, "a request to a server");
}

/* ---- what came of a try ---------------------------------------------------------------------- */

/* A server that repeats the key must not bring it into a file or a message. */
static void mask_key(struct sc_transfer *t)
{
    const char *key = t->options->key;
    size_t n = key != NULL ? strlen(key) : 0;
    if (n < SHORTEST_MASKED || t->body.len < n)
        return;
    char *at = t->body.data, *end = at + t->body.len;
    while ((at = memmem(at, (size_t)(end - at), key, n)) != NULL) {
        memset(at, '*', n);
        at += n;
    }
}

static void fail(struct sc_transfer *t, const char *format, ...) SC_PRINTF(2, 3);

static void fail(struct sc_transfer *t, const char *format, ...)
{
    struct sc_error visible = {0};
    char text[sizeof visible.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sc_fail(&visible, SC_ERR_IO, "%s", text); /* what a server said becomes visible characters */
    snprintf(t->failure, sizeof t->failure, "%.*s",
             (int)sc_utf8_valid(visible.text, strnlen(visible.text, sizeof t->failure - 1)),
             visible.text);
}

/* The server's own words about a status, " (...)" or nothing. */
static void fail_status(struct sc_transfer *t, long status)
{
    char words[240];
    sc_completion_error(t->body.len ? t->body.data : "", t->body.len, words, sizeof words);
    fail(t, "the server answered %ld%s%s%s%s", status, *words ? " (" : "", words, *words ? ")" : "",
         status == 401 && t->options->key == NULL ? "; no API key was sent" : "");
}

static bool is_json(struct sc_transfer *t)
{
    char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    size_t n = type != NULL ? strcspn(type, "; ") : 0;
    if ((n == 16 && strncasecmp(type, "application/json", n) == 0) ||
        (n > 5 && strncasecmp(type + n - 5, "+json", 5) == 0))
        return true;
    fail(t, "the server's answer: expected application/json, found %.80s",
         type != NULL ? type : "no content type");
    return false;
}

static enum sc_try end_with_status(struct sc_transfer *t)
{
    long status = 0;
    char *location = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return is_json(t) ? SC_TRY_ANSWERED : SC_TRY_FAILED;
    fail_status(t, status);
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return SC_TRY_AGAIN;
    if (status >= 300 && status < 400) {
        curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
        fail(t, "the server answered %ld: it sends on to %.200s, which is not followed", status,
             location != NULL ? location : "nowhere");
        return SC_TRY_HOPELESS;
    }
    if (status == 401 || status == 404 || status == 405 || status == 407)
        return SC_TRY_HOPELESS;
    /* 403 may be a filter between us that dislikes one text, or a key without a right. */
    return status == 403 || status < 400 ? SC_TRY_FAILED : SC_TRY_REFUSED;
}

static enum sc_try end_with_error(struct sc_transfer *t, CURLcode code)
{
    fail(t, "%s", curl_easy_strerror(code));
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        t->unreachable = true;
        return SC_TRY_AGAIN;
    case CURLE_OPERATION_TIMEDOUT: {
        curl_off_t sent = 0;
        curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
        t->unreachable = sent == 0;
        if (!t->unreachable)
            fail(t, "no complete answer in %g seconds", t->options->timeout);
        return SC_TRY_AGAIN;
    }
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        fail(t, "%s", t->curl_error[0] ? t->curl_error : curl_easy_strerror(code));
        return SC_TRY_HOPELESS;
    case CURLE_WRITE_ERROR:
        if (t->body.failed)
            return SC_TRY_NO_MEMORY;
        if (t->too_large) {
            fail(t, "the server's answer: expected at most %zu bytes, found more",
                 t->options->max_response);
            return SC_TRY_FAILED;
        }
        return SC_TRY_AGAIN;
    case CURLE_OUT_OF_MEMORY:
        return SC_TRY_NO_MEMORY;
    default:
        return SC_TRY_AGAIN;
    }
}

enum sc_try sc_transfer_end(struct sc_transfer *t, CURLcode code)
{
    if (t->too_large && code != CURLE_OK)
        code = CURLE_WRITE_ERROR;
    mask_key(t);
    return code == CURLE_OK ? end_with_status(t) : end_with_error(t, code);
}

bool sc_transfer_stalled(struct sc_transfer *t, double now)
{
    if (t->last_byte == 0 || now - t->last_byte < t->options->stall_timeout)
        return false;
    fail(t, "the server's answer stopped for %g seconds", t->options->stall_timeout);
    return true;
}

double sc_transfer_pause(const struct sc_transfer *t)
{
    const struct sc_remote_options *o = t->options;
    curl_off_t asked = 0;
    double u = sc_random_uniform(SC_STREAM_REMOTE, o->seed, t->number, t->n_tries, 0);
    double pause = o->backoff * exp2((double)(t->n_tries > 0 ? t->n_tries - 1 : 0));
    pause = (pause < o->longest_backoff ? pause : o->longest_backoff) * (0.5 + u / 2);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &asked);
    double wanted = fmin((double)asked, o->longest_retry_after);
    return wanted > pause ? wanted : pause;
}
