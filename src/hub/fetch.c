/* See fetch.h. */
#include "hub/fetch.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "remote/easy.h"

enum { MOST_HEADERS = 64 << 10, MOST_UNWANTED = 64 << 10, MOST_REDIRECTIONS = 10 };

static const double connect_timeout = 20, first_pause = 0.5, longest_pause = 30,
                    longest_retry_after = 300;

/* ---- receiving ------------------------------------------------------------------------------- */

static bool is_body_wanted(const struct sc_fetch *f)
{
    return f->http_status == 200 || f->http_status == 206;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
    struct sc_fetch *f = context;
    n *= size;
    if (!is_body_wanted(f)) { /* words about a refusal, which are not repeated */
        f->n_unwanted += n;
        return f->n_unwanted <= MOST_UNWANTED ? n : 0;
    }
    f->any = true;
    f->stopped = f->stopped || !f->take(f->context, bytes, n);
    return f->stopped ? 0 : n;
}

/* The value of a header line of that name, without blanks around it; NULL: another. */
static const char *value_of(const char *line, size_t n, const char *name, size_t *n_value)
{
    size_t at = strlen(name);
    if (n <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
        return NULL;
    at++;
    while (at < n && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (n > at && isspace((unsigned char)line[n - 1]))
        n--;
    *n_value = n - at;
    return line + at;
}

/* Digits up to the end or another character; false where there are none, or too many. */
static bool read_number(const char **at, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    const char *begin = *at;
    while (*at < end && **at >= '0' && **at <= '9' && *at - begin < 18) {
        value = value * 10 + (uint64_t)(**at - '0');
        (*at)++;
    }
    if (*at == begin || (*at < end && **at >= '0' && **at <= '9'))
        return false;
    *out = value;
    return true;
}

static bool read_whole(const char *value, size_t n, uint64_t *out)
{
    const char *at = value;
    return read_number(&at, value + n, out) && at == value + n;
}

/* "bytes FIRST-LAST/TOTAL", or "/" and a star. */
static bool read_range(const char *value, size_t n, struct sc_fetch_headers *headers)
{
    const char *at = value + 6, *end = value + n;
    uint64_t last;
    if (n < 6 || strncasecmp(value, "bytes ", 6) != 0 ||
        !read_number(&at, end, &headers->range_first) || at == end || *at++ != '-' ||
        !read_number(&at, end, &last) || at == end || *at++ != '/')
        return false;
    headers->range_total = 0;
    return (at + 1 == end && *at == '*') ||
           (read_number(&at, end, &headers->range_total) && at == end);
}

/* A value without W/ and quotes, where it fits and has none but visible ASCII characters. */
static void copy_plain(const char *value, size_t n, char *out, size_t size)
{
    if (n >= 2 && value[0] == 'W' && value[1] == '/') {
        value += 2;
        n -= 2;
    }
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
        value++;
        n -= 2;
    }
    if (n >= size)
        return;
    for (size_t i = 0; i < n; i++)
        if (value[i] <= ' ' || value[i] > '~' || value[i] == '"')
            return;
    memcpy(out, value, n);
    out[n] = '\0';
}

static void take_code(const char *value, size_t n, char *out, size_t size)
{
    size_t i = 0;
    while (i < n && i + 1 < size && isalnum((unsigned char)value[i]))
        i++;
    if (i == n) {
        memcpy(out, value, n);
        out[n] = '\0';
    }
}

/* What the first exchange said of commit and file holds for those that it sends on to. */
static void begin_headers(struct sc_fetch *f)
{
    struct sc_fetch_headers kept = f->headers, *h = &f->headers;
    *h = (struct sc_fetch_headers){.has_linked_size = kept.has_linked_size,
                                   .linked_size = kept.linked_size};
    memcpy(h->linked_etag, kept.linked_etag, sizeof h->linked_etag);
    memcpy(h->commit, kept.commit, sizeof h->commit);
}

static void take_etag(const char *value, size_t n, struct sc_fetch_headers *h)
{
    copy_plain(value, n, h->etag, sizeof h->etag);
    h->is_weak = n >= 2 && value[0] == 'W' && value[1] == '/';
}

static void read_header(struct sc_fetch_headers *h, const char *line, size_t n)
{
    const char *value;
    size_t m;
    if ((value = value_of(line, n, "Content-Length", &m)) != NULL)
        h->has_length = read_whole(value, m, &h->length);
    else if ((value = value_of(line, n, "Content-Range", &m)) != NULL)
        h->has_range = read_range(value, m, h);
    else if ((value = value_of(line, n, "ETag", &m)) != NULL)
        take_etag(value, m, h);
    else if ((value = value_of(line, n, "X-Linked-ETag", &m)) != NULL && *h->linked_etag == '\0')
        copy_plain(value, m, h->linked_etag, sizeof h->linked_etag);
    else if ((value = value_of(line, n, "X-Linked-Size", &m)) != NULL && !h->has_linked_size)
        h->has_linked_size = read_whole(value, m, &h->linked_size);
    else if ((value = value_of(line, n, "X-Repo-Commit", &m)) != NULL && *h->commit == '\0')
        copy_plain(value, m, h->commit, sizeof h->commit);
    else if ((value = value_of(line, n, "X-Error-Code", &m)) != NULL)
        take_code(value, m, h->code, sizeof h->code);
}

static size_t take_header(char *bytes, size_t size, size_t n, void *context)
{
    struct sc_fetch *f = context;
    n *= size;
    f->n_header_bytes += n;
    f->too_much = f->too_much || f->n_header_bytes > MOST_HEADERS;
    if (n > 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        begin_headers(f);
        curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &f->http_status);
    } else {
        read_header(&f->headers, bytes, n);
    }
    return f->too_much ? 0 : n;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static bool set_options(struct sc_fetch *f, double stall_timeout)
{
    CURL *e = f->easy;
    return sc_easy_set_up(e) &&
           curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 256L << 10) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                            lround(fmin(connect_timeout, stall_timeout) * 1e3)) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)SC_FETCH_LEAST_SPEED) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, lround(fmax(stall_timeout, 1))) ==
               CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, f) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HEADERDATA, f) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->curl_error) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PRIVATE, f) == CURLE_OK;
}

enum sc_status sc_fetch_init(struct sc_fetch *f, const char *url, const char *token,
                             double stall_timeout, struct sc_error *error)
{
    *f = (struct sc_fetch){0};
    SC_TRY(sc_secret_check("token of the hub", token, error));
    SC_TRY(sc_mask_open(&f->mask, token, error));
    f->token = token;
    f->first = sc_strdup(url);
    f->url = sc_strdup(url);
    f->easy = curl_easy_init();
    if (f->first == NULL || f->url == NULL || f->easy == NULL || !set_options(f, stall_timeout))
        return sc_fail_nomem(error, "a download");
    return SC_OK;
}

bool sc_fetch_limit(struct sc_fetch *f, double seconds)
{
    return curl_easy_setopt(f->easy, CURLOPT_TIMEOUT_MS, lround(seconds * 1e3)) == CURLE_OK;
}

void sc_fetch_free(struct sc_fetch *f)
{
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->lines);
    sc_mask_close(&f->mask);
    sc_free(f->first);
    sc_free(f->url);
    *f = (struct sc_fetch){0};
}

void sc_fetch_mask(const struct sc_fetch *f, char *text, size_t n)
{
    sc_mask_apply(&f->mask, text, n, true);
}

/* ---- who is asked ---------------------------------------------------------------------------- */

/* Scheme, host and port of a URL as one text, "https://example.org:443"; false: none, or the text
 * has failed for want of memory. */
static bool origin_of(const char *url, struct sc_text *out)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    static const char *const before[] = {"", "://", ":"};
    CURLU *handle = curl_url();
    CURLUcode code =
        handle != NULL ? curl_url_set(handle, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    for (size_t i = 0; code == CURLUE_OK && i < sizeof parts / sizeof *parts; i++) {
        char *text = NULL;
        code = curl_url_get(handle, parts[i], &text, CURLU_DEFAULT_PORT);
        sc_text_puts(out, before[i]);
        for (const char *p = text; code == CURLUE_OK && *p; p++)
            sc_text_putc(out, (char)tolower((unsigned char)*p));
        curl_free(text);
    }
    curl_url_cleanup(handle);
    out->failed = out->failed || code == CURLUE_OUT_OF_MEMORY;
    return code == CURLUE_OK && !out->failed;
}

/* Whether two URLs are of one server, and whether the second gives up the first one's https;
 * SC_ERR_FORMAT where one is no URL. */
static enum sc_status compare_origins(const char *a, const char *b, bool *same, bool *less)
{
    struct sc_text one = {0}, other = {0};
    const bool readable = origin_of(a, &one) && origin_of(b, &other);
    const bool failed = one.failed || other.failed;
    *same = readable && strcmp(one.data, other.data) == 0;
    *less =
        readable && strncmp(one.data, "https:", 6) == 0 && strncmp(other.data, "https:", 6) != 0;
    sc_text_free(&one);
    sc_text_free(&other);
    return failed ? SC_ERR_NOMEM : readable ? SC_OK : SC_ERR_FORMAT;
}

static bool add_line(struct sc_fetch *f, const char *line)
{
    struct curl_slist *more = curl_slist_append(f->lines, line);
    if (more != NULL)
        f->lines = more;
    return more != NULL;
}

static bool add_line_of(struct sc_fetch *f, const char *before, const char *value,
                        const char *after)
{
    struct sc_text line = {0};
    sc_text_printf(&line, "%s%s%s", before, value, after);
    bool added = !line.failed && add_line(f, line.data);
    if (line.data != NULL)
        explicit_bzero(line.data, line.len);
    sc_text_free(&line);
    return added;
}

static bool make_lines(struct sc_fetch *f, bool with_token)
{
    curl_slist_free_all(f->lines);
    f->lines = NULL;
    return add_line(f, "Accept-Encoding: identity") &&
           (!with_token || add_line_of(f, "Authorization: Bearer ", f->token, "")) &&
           (f->from == 0 || *f->validator == '\0' ||
            add_line_of(f, "If-Range: \"", f->validator, "\""));
}

enum sc_status sc_fetch_start(struct sc_fetch *f, bool onward, struct sc_error *error)
{
    bool same = true, less;
    char range[32];
    if (onward) {
        if (compare_origins(f->first, f->url, &same, &less) != SC_OK)
            return sc_fail_nomem(error, "a download");
    } else {
        char *url = sc_strdup(f->first);
        if (url == NULL)
            return sc_fail_nomem(error, "a download");
        sc_free(f->url);
        f->url = url;
        f->n_redirections = 0;
        f->away = false;
        f->headers = (struct sc_fetch_headers){0};
    }
    f->away = f->away || !same; /* and back again: a redirection by others gets no token */
    f->n_header_bytes = f->n_unwanted = 0;
    f->http_status = 0;
    f->too_much = f->slow = f->stopped = f->any = f->unreachable = false;
    f->curl_error[0] = f->failure[0] = '\0';
    snprintf(range, sizeof range, "%llu-", (unsigned long long)f->from);
    bool set = make_lines(f, f->token != NULL && !f->away) &&
               curl_easy_setopt(f->easy, CURLOPT_URL, f->url) == CURLE_OK &&
               curl_easy_setopt(f->easy, CURLOPT_NOBODY, f->head ? 1L : 0L) == CURLE_OK &&
               curl_easy_setopt(f->easy, CURLOPT_RANGE, f->from > 0 ? range : NULL) == CURLE_OK &&
               curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->lines) == CURLE_OK;
    return set ? SC_OK : sc_fail_nomem(error, "a download");
}

/* ---- what came of it ------------------------------------------------------------------------- */

static void say(struct sc_fetch *f, const char *format, ...) SC_PRINTF(2, 3);

static void say(struct sc_fetch *f, const char *format, ...)
{
    struct sc_error visible = {0};
    char text[sizeof visible.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sc_fail(&visible, SC_ERR_IO, "%s", text);
    snprintf(f->failure, sizeof f->failure, "%.*s",
             (int)sc_utf8_valid(visible.text, strnlen(visible.text, sizeof f->failure - 1)),
             visible.text);
    sc_fetch_mask(f, f->failure, strlen(f->failure));
}

/* The token is looked for before anything is cut off. */
static const char *show_url(const struct sc_fetch *f, const char *url,
                            char shown[SC_LONGEST_SHOWN_URL])
{
    char *copy = sc_strdup(url);
    if (copy == NULL)
        return "an address";
    sc_fetch_mask(f, copy, strlen(copy));
    sc_url_shown(copy, shown);
    sc_free(copy);
    return shown;
}

static enum sc_fetch_end go_onward(struct sc_fetch *f)
{
    char *next = NULL, shown[SC_LONGEST_SHOWN_URL];
    bool same, less;
    if (f->n_unwanted > MOST_UNWANTED) {
        say(f, "the server sends on (%ld) with more than %d bytes, which are not read",
            f->http_status, MOST_UNWANTED);
        return SC_FETCH_FAILED;
    }
    curl_easy_getinfo(f->easy, CURLINFO_REDIRECT_URL, &next);
    if (next == NULL) {
        say(f, "the server answered %ld without saying where to", f->http_status);
        return SC_FETCH_FAILED;
    }
    if (strncasecmp(next, "http://", 7) != 0 && strncasecmp(next, "https://", 8) != 0) {
        say(f, "the server sends on to what is neither http nor https: %s",
            show_url(f, next, shown));
        return SC_FETCH_FAILED;
    }
    const enum sc_status status = compare_origins(f->url, next, &same, &less);
    if (status == SC_ERR_NOMEM)
        return SC_FETCH_NO_MEMORY;
    if (status != SC_OK) {
        say(f, "the server sends on to no URL: %s", show_url(f, next, shown));
        return SC_FETCH_FAILED;
    }
    if (less) {
        say(f, "the server sends on from https to http, which is not followed: %s",
            show_url(f, next, shown));
        return SC_FETCH_FAILED;
    }
    /* A server elsewhere need not take HEAD, and what is asked for was said already. */
    if (f->head && !same && *f->headers.linked_etag != '\0') {
        f->http_status = 200;
        return SC_FETCH_DONE;
    }
    if (f->n_redirections++ == MOST_REDIRECTIONS) {
        say(f, "the server sends on more than %d times", MOST_REDIRECTIONS);
        return SC_FETCH_FAILED;
    }
    char *url = sc_strdup(next);
    if (url == NULL)
        return SC_FETCH_NO_MEMORY;
    sc_free(f->url);
    f->url = url;
    return SC_FETCH_ONWARD;
}

static enum sc_fetch_end finish_with_status(struct sc_fetch *f)
{
    const long status = f->http_status;
    if (is_body_wanted(f)) {
        if (!f->any && !f->head && !f->take(f->context, "", 0))
            return SC_FETCH_STOPPED;
        return SC_FETCH_DONE;
    }
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
        return go_onward(f);
    say(f, "the server answered %ld%s%s%s", status, *f->headers.code ? " (" : "", f->headers.code,
        *f->headers.code ? ")" : "");
    if (status == 408 || status == 416 || status == 425 || status == 429 || status >= 500)
        return SC_FETCH_AGAIN;
    if (status < 400)
        return SC_FETCH_FAILED;
    /* Elsewhere an address may have been for some minutes: the first one gives a new one. */
    return f->away ? SC_FETCH_AGAIN : SC_FETCH_REFUSED;
}

static enum sc_fetch_end finish_with_error(struct sc_fetch *f, CURLcode code)
{
    say(f, "%s", sc_easy_words(code, f->curl_error));
    f->slow = code == CURLE_OPERATION_TIMEDOUT;
    if (sc_easy_ended_in_header(f->easy, code)) {
        say(f, SC_EASY_NO_ROOM);
        return SC_FETCH_FAILED;
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        f->unreachable = true;
        return SC_FETCH_AGAIN;
    case CURLE_PARTIAL_FILE:
        say(f, "the connection ended in mid-answer");
        return SC_FETCH_AGAIN;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return SC_FETCH_FAILED;
    case CURLE_OUT_OF_MEMORY:
        return SC_FETCH_NO_MEMORY;
    default:
        return SC_FETCH_AGAIN;
    }
}

enum sc_fetch_end sc_fetch_finish(struct sc_fetch *f, CURLcode code)
{
    if (f->stopped)
        return SC_FETCH_STOPPED;
    if (f->too_much) {
        say(f, "the server's answer: expected at most %d bytes of headers, found more",
            MOST_HEADERS);
        return SC_FETCH_FAILED;
    }
    /* What a refusal says at length was not read to its end: its status is known. */
    const bool known = code == CURLE_OK || f->n_unwanted > MOST_UNWANTED;
    return known ? finish_with_status(f) : finish_with_error(f, code);
}

double sc_fetch_pause(const struct sc_fetch *f, unsigned n_vain, double first)
{
    curl_off_t asked = 0;
    uint64_t key = sc_hash64(f->first, strlen(f->first));
    double u = sc_random_uniform(SC_STREAM_REMOTE, 0, key, n_vain, 0);
    double pause = (first > 0 ? first : first_pause) * exp2((double)n_vain - 1);
    pause = fmin(pause, longest_pause) * (0.5 + u / 2);
    curl_easy_getinfo(f->easy, CURLINFO_RETRY_AFTER, &asked);
    return fmax(fmin((double)asked, longest_retry_after), pause);
}
