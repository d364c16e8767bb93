/*
 * The client's loop (remote.h).  A place holds one request from its first try to its end, pauses
 * included, so a server that is overloaded is asked less at a time.  Next: transfer.c (one try),
 * completion.c (what is asked and answered).
 */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "remote/transfer.h"

enum { STEP_MS = 100, LONGEST_KEY = 4096 };

struct sc_remote {
    struct sc_remote_options options;
    char *url, *key;
    CURLM *multi;
    struct sc_transfer *places; /* [options.parallel] */
};

/* What a run has come to. */
struct run {
    struct sc_remote *remote;
    const struct sc_remote_source *source;
    struct sc_remote_counts *counts;
    bool over;     /* the source has no more */
    size_t n_busy; /* places that hold a request */
    size_t n_failed_in_row;
    uint64_t n_requests;
};

/* ---- SIGPIPE -------------------------------------------------------------------------------- */

/* OpenSSL writes to connections that may be gone, which must not end the process: the signal is
 * held back in this thread, and taken if it came. */
struct hush {
    sigset_t before;
    bool pending;
};

static void hush_begin(struct hush *hush)
{
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    hush->pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &hush->before);
}

static void hush_end(const struct hush *hush)
{
    static const struct timespec no_time = {0};
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    if (!hush->pending && sigismember(&pending, SIGPIPE) == 1)
        sigtimedwait(&pipe, NULL, &no_time);
    pthread_sigmask(SIG_SETMASK, &hush->before, NULL);
}

/* ---- opening --------------------------------------------------------------------------------- */

struct sc_remote_options sc_remote_options_default(void)
{
    return (struct sc_remote_options){.parallel = 16,
                                      .n_retries = 5,
                                      .connect_timeout = 10,
                                      .timeout = 600,
                                      .stall_timeout = 60,
                                      .backoff = 0.5,
                                      .longest_backoff = 30,
                                      .longest_retry_after = 60,
                                      .max_response = 16 << 20,
                                      .most_failures = 20};
}

/* Whether a URL has that part. */
static bool has(CURLU *parts, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(parts, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

static bool scheme_fits(CURLU *parts)
{
    char *scheme = NULL;
    bool fits = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    return fits;
}

/* Whether a URL can be a server's base.  One with a password is not repeated in the message. */
static enum sc_status check_parts(CURLU *parts, const char *url, struct sc_error *error)
{
    bool readable = curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK;
    if (readable && (has(parts, CURLUPART_USER) || has(parts, CURLUPART_PASSWORD)))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "URL of a server: expected no user and no password in it");
    if (!readable || !scheme_fits(parts) || has(parts, CURLUPART_QUERY) ||
        has(parts, CURLUPART_FRAGMENT))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "URL of a server: expected such as http://127.0.0.1:8000/v1, found \"%s\"",
                       url);
    return SC_OK;
}

enum sc_status sc_remote_check_url(const char *url, char **clean, struct sc_error *error)
{
    assert(url != NULL);
    if (clean != NULL)
        *clean = NULL;
    CURLU *parts = curl_url();
    if (parts == NULL)
        return sc_fail_nomem(error, "URL of a server");
    enum sc_status status = check_parts(parts, url, error);
    curl_url_cleanup(parts);
    if (status != SC_OK || clean == NULL)
        return status;
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    *clean = sc_strndup(url, n);
    return *clean != NULL ? SC_OK : sc_fail_nomem(error, "URL of a server");
}

/* Visible ASCII: anything else would end the header line. */
static enum sc_status check_key(const char *key, struct sc_error *error)
{
    size_t n = 0;
    while (key != NULL && key[n] > ' ' && key[n] <= '~' && n <= LONGEST_KEY)
        n++;
    if (key != NULL && (n == 0 || key[n] != '\0'))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "API key: expected 1 to %d visible ASCII characters, found another",
                       LONGEST_KEY);
    return SC_OK;
}

/* The transfers come before what drives them: libcurl initialises itself for the first one. */
static enum sc_status make_places(struct sc_remote *remote, struct sc_error *error)
{
    size_t n = remote->options.parallel;
    remote->places = sc_alloc_zero(n, sizeof *remote->places);
    if (remote->places == NULL)
        return sc_fail_nomem(error, "connections to a server");
    for (size_t i = 0; i < n; i++)
        SC_TRY(sc_transfer_init(&remote->places[i], &remote->options, error));
    remote->multi = curl_multi_init();
    if (remote->multi == NULL ||
        curl_multi_setopt(remote->multi, CURLMOPT_MAXCONNECTS, (long)n) != CURLM_OK ||
        curl_multi_setopt(remote->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)n) != CURLM_OK)
        return sc_fail_nomem(error, "connections to a server");
    return SC_OK;
}

static enum sc_status open_remote(struct sc_remote *remote, const struct sc_remote_options *options,
                                  struct sc_error *error)
{
    remote->options = *options;
    remote->options.url = remote->options.key = NULL;
    if (remote->options.parallel == 0)
        remote->options.parallel = sc_remote_options_default().parallel;
    SC_TRY(sc_remote_check_url(options->url, &remote->url, error));
    SC_TRY(check_key(options->key, error));
    if (options->key != NULL) {
        remote->key = sc_strdup(options->key);
        if (remote->key == NULL)
            return sc_fail_nomem(error, "a server's client");
    }
    remote->options.url = remote->url;
    remote->options.key = remote->key;
    return make_places(remote, error);
}

enum sc_status sc_remote_open(struct sc_remote **out, const struct sc_remote_options *options,
                              struct sc_error *error)
{
    *out = NULL;
    struct sc_remote *remote = sc_alloc_zero(1, sizeof *remote);
    if (remote == NULL)
        return sc_fail_nomem(error, "a server's client");
    enum sc_status status = open_remote(remote, options, error);
    if (status != SC_OK) {
        sc_remote_close(remote);
        return status;
    }
    *out = remote;
    return SC_OK;
}

void sc_remote_close(struct sc_remote *remote)
{
    if (remote == NULL)
        return;
    struct hush hush;
    hush_begin(&hush); /* connections say goodbye */
    for (size_t i = 0; remote->places != NULL && i < remote->options.parallel; i++)
        sc_transfer_free(&remote->places[i]);
    if (remote->multi != NULL)
        curl_multi_cleanup(remote->multi);
    hush_end(&hush);
    if (remote->key != NULL)
        explicit_bzero(remote->key, strlen(remote->key));
    sc_free(remote->places);
    sc_free(remote->url);
    sc_free(remote->key);
    sc_free(remote);
}

/* ---- places ---------------------------------------------------------------------------------- */

static enum sc_status start(struct run *run, struct sc_transfer *place, struct sc_error *error)
{
    run->counts->n_tries++;
    run->counts->n_retries += place->n_tries > 0;
    SC_TRY(sc_transfer_begin(place, error));
    if (curl_multi_add_handle(run->remote->multi, place->easy) != CURLM_OK)
        return sc_fail_nomem(error, "a request to a server");
    place->state = SC_TRANSFER_ACTIVE;
    return SC_OK;
}

/* Gives a free place the source's next request, if it has one. */
static enum sc_status begin(struct run *run, struct sc_transfer *place, struct sc_error *error)
{
    bool given = false;
    place->request = (struct sc_remote_request){0};
    SC_TRY(run->source->next(run->source->context, &place->request, &given, error));
    run->over = !given;
    if (!given)
        return SC_OK;
    run->n_busy++;
    place->number = run->n_requests++;
    place->n_tries = 0;
    return start(run, place, error);
}

/* Gives free places new requests and begins the retries that are due. */
static enum sc_status fill(struct run *run, struct sc_error *error)
{
    double now = sc_seconds();
    for (size_t i = 0; i < run->remote->options.parallel; i++) {
        struct sc_transfer *place = &run->remote->places[i];
        if (place->state == SC_TRANSFER_WAITING && place->due <= now)
            SC_TRY(start(run, place, error));
        else if (place->state == SC_TRANSFER_IDLE && !run->over)
            SC_TRY(begin(run, place, error));
    }
    return SC_OK;
}

/* Counts an outcome and says whether the run is to end with it. */
static bool hopeless(struct run *run, const struct sc_transfer *place,
                     const struct sc_remote_reply *reply)
{
    struct sc_remote_counts *counts = run->counts;
    if (reply->outcome == SC_REMOTE_FAILED || reply->unusable) {
        counts->n_failed++;
        run->n_failed_in_row++;
        return run->n_failed_in_row >= run->remote->options.most_failures ||
               (counts->n_answered + counts->n_refused == 0 && place->unreachable);
    }
    run->n_failed_in_row = 0;
    counts->n_refused += reply->outcome == SC_REMOTE_REFUSED;
    counts->n_answered += reply->outcome == SC_REMOTE_ANSWERED;
    return false;
}

static enum sc_status give_up(const struct run *run, const char *failure, struct sc_error *error)
{
    const struct sc_remote_options *options = &run->remote->options;
    if (run->n_failed_in_row > 1)
        return sc_fail(error, SC_ERR_IO, "%s: %zu requests in a row failed, the last one: %s",
                       options->url, run->n_failed_in_row, failure);
    return sc_fail(error, SC_ERR_IO, "%s: %s", options->url, failure);
}

/* Hands a reply over and frees the place. */
static enum sc_status deliver(struct run *run, struct sc_transfer *place,
                              enum sc_remote_outcome outcome, struct sc_error *error)
{
    bool answered = outcome == SC_REMOTE_ANSWERED;
    struct sc_remote_reply reply = {.outcome = outcome,
                                    .body = place->body.len ? place->body.data : "",
                                    .n = place->body.len,
                                    .failure = answered ? NULL : place->failure,
                                    .tag = place->request.tag};
    enum sc_status status = run->source->done(run->source->context, &reply, error);
    sc_free(place->request.body);
    place->request = (struct sc_remote_request){0};
    place->state = SC_TRANSFER_IDLE;
    run->n_busy--;
    if (status != SC_OK)
        return status;
    if (hopeless(run, place, &reply))
        return give_up(run,
                       answered ? "the server's answer is not what was asked for" : place->failure,
                       error);
    return SC_OK;
}

static enum sc_status settle(struct run *run, struct sc_transfer *place, enum sc_try result,
                             struct sc_error *error)
{
    curl_multi_remove_handle(run->remote->multi, place->easy);
    if (result == SC_TRY_NO_MEMORY)
        return sc_fail_nomem(error, "a server's answer");
    if (result == SC_TRY_HOPELESS)
        return sc_fail(error, SC_ERR_IO, "%s: %s", run->remote->options.url, place->failure);
    if (result == SC_TRY_AGAIN && place->n_tries <= run->remote->options.n_retries) {
        place->state = SC_TRANSFER_WAITING;
        place->due = sc_seconds() + sc_transfer_pause(place);
        return SC_OK;
    }
    return deliver(run, place,
                   result == SC_TRY_ANSWERED  ? SC_REMOTE_ANSWERED
                   : result == SC_TRY_REFUSED ? SC_REMOTE_REFUSED
                                              : SC_REMOTE_FAILED,
                   error);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static enum sc_status collect(struct run *run, struct sc_error *error)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(run->remote->multi, &left)) != NULL) {
        char *place = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &place) != CURLE_OK)
            continue;
        struct sc_transfer *transfer = (struct sc_transfer *)(void *)place;
        SC_TRY(settle(run, transfer, sc_transfer_end(transfer, code), error));
    }
    double now = sc_seconds();
    for (size_t i = 0; i < run->remote->options.parallel; i++) {
        struct sc_transfer *place = &run->remote->places[i];
        if (place->state == SC_TRANSFER_ACTIVE && sc_transfer_stalled(place, now))
            SC_TRY(settle(run, place, SC_TRY_AGAIN, error));
    }
    return SC_OK;
}

/* Milliseconds until something is due, at most a step. */
static int patience(const struct run *run)
{
    double now = sc_seconds(), least = STEP_MS / 1e3;
    for (size_t i = 0; i < run->remote->options.parallel; i++) {
        const struct sc_transfer *place = &run->remote->places[i];
        if (place->state == SC_TRANSFER_WAITING && place->due - now < least)
            least = place->due - now;
    }
    return least > 0 ? (int)(least * 1e3) + 1 : 0;
}

static enum sc_status loop(struct run *run, struct sc_error *error)
{
    for (;;) {
        SC_TRY(fill(run, error));
        if (run->n_busy == 0)
            return SC_OK;
        int n_running;
        if (curl_multi_perform(run->remote->multi, &n_running) != CURLM_OK)
            return sc_fail(error, SC_ERR_INTERNAL, "requests to a server stopped");
        SC_TRY(collect(run, error));
        if (run->source->step != NULL && !run->source->step(run->source->context, run->counts))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        /* A place that is free now is filled before anything is waited for. */
        bool room = !run->over && run->n_busy < run->remote->options.parallel;
        if (run->n_busy > 0 && curl_multi_poll(run->remote->multi, NULL, 0,
                                               room ? 0 : patience(run), NULL) != CURLM_OK)
            return sc_fail(error, SC_ERR_INTERNAL, "requests to a server stopped");
    }
}

enum sc_status sc_remote_run(struct sc_remote *remote, const struct sc_remote_source *source,
                             struct sc_remote_counts *counts, struct sc_error *error)
{
    assert(source->next != NULL && source->done != NULL);
    struct sc_remote_counts unused;
    struct run run = {
        .remote = remote, .source = source, .counts = counts != NULL ? counts : &unused};
    *run.counts = (struct sc_remote_counts){0};
    struct hush hush;
    hush_begin(&hush);
    enum sc_status status = loop(&run, error);
    for (size_t i = 0; i < remote->options.parallel; i++) { /* what an early end leaves */
        struct sc_transfer *place = &remote->places[i];
        if (place->state == SC_TRANSFER_ACTIVE)
            curl_multi_remove_handle(remote->multi, place->easy);
        sc_free(place->request.body);
        place->request = (struct sc_remote_request){0};
        place->state = SC_TRANSFER_IDLE;
    }
    hush_end(&hush);
    return status;
}
