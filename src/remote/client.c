/*
 * The client's loop (remote.h).  A place holds one request from its first try to its end, pauses
 * included, so a server that is overloaded is asked less at a time.  Next: transfer.c (one try),
 * servers.c (who is asked), completion.c (what is asked and answered).
 */
#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/sigpipe.h"
#include "remote/easy.h"
#include "remote/transfer.h"
#include "remote/wait.h"

/* Tries and seconds after which a server that was never reached is not there. */
enum { STEP_MS = 100, FIRST_TRIES = 3, FIRST_SECONDS = 2 };

struct sc_remote {
    struct sc_remote_options options;
    char *key;
    struct sc_mask mask;
    struct sc_remote_servers servers;
    struct sc_transfer_shared shared;
    CURLM *multi;
    struct sc_wait wait;
    struct sc_transfer *places; /* [options.parallel] */
    struct sc_transfer **idle;  /* [options.parallel]: those without a request, during a run */
};

/* What a run has come to. */
struct run {
    struct sc_remote *remote;
    const struct sc_remote_source *source;
    struct sc_remote_counts *counts;
    bool over; /* the source has no request now */
    size_t n_idle;
    size_t n_failed_in_row;
    uint64_t n_requests;
    double began;
    double next_look; /* when a pause ends, or stalls are looked for */
};

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

/* The transfers come before what drives them: libcurl initialises itself for the first one. */
static enum sc_status make_places(struct sc_remote *remote, struct sc_error *error)
{
    size_t n = remote->options.parallel;
    remote->shared =
        (struct sc_transfer_shared){.options = &remote->options, .mask = &remote->mask};
    remote->places = sc_alloc_zero(n, sizeof *remote->places);
    remote->idle = sc_alloc_zero(n, sizeof(struct sc_transfer *));
    if (remote->places == NULL || remote->idle == NULL)
        return sc_fail_nomem(error, "connections to a server");
    for (size_t i = 0; i < n; i++)
        SC_TRY(sc_transfer_init(&remote->places[i], &remote->shared, error));
    remote->multi = curl_multi_init();
    if (remote->multi == NULL ||
        curl_multi_setopt(remote->multi, CURLMOPT_MAXCONNECTS, (long)n) != CURLM_OK ||
        curl_multi_setopt(remote->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)n) != CURLM_OK)
        return sc_fail_nomem(error, "connections to a server");
    return sc_wait_open(&remote->wait, remote->multi, error);
}

static enum sc_status open_remote(struct sc_remote *remote, const struct sc_remote_options *options,
                                  struct sc_error *error)
{
    remote->options = *options;
    remote->options.urls = NULL;
    remote->options.key = NULL;
    if (remote->options.parallel == 0)
        remote->options.parallel = sc_remote_options_default().parallel;
    SC_TRY(sc_servers_open(&remote->servers, options->urls, options->n_urls, error));
    SC_TRY(sc_secret_check("API key", options->key, error));
    if (options->key != NULL) {
        remote->key = sc_strdup(options->key);
        if (remote->key == NULL)
            return sc_fail_nomem(error, "a server's client");
    }
    SC_TRY(sc_mask_open(&remote->mask, options->key, error));
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
    struct sc_sigpipe pipe;
    sc_sigpipe_hold(&pipe); /* connections say goodbye */
    for (size_t i = 0; remote->places != NULL && i < remote->options.parallel; i++)
        sc_transfer_free(&remote->places[i]);
    if (remote->multi != NULL)
        curl_multi_cleanup(remote->multi);
    sc_wait_close(&remote->wait);
    sc_sigpipe_release(&pipe);
    if (remote->key != NULL)
        explicit_bzero(remote->key, strlen(remote->key));
    sc_mask_close(&remote->mask);
    sc_servers_close(&remote->servers);
    sc_free(remote->places);
    sc_free(remote->idle);
    sc_free(remote->key);
    sc_free(remote);
}

const char *sc_remote_url(const struct sc_remote *remote, size_t server)
{
    assert(server >= 1 && server <= remote->servers.n);
    return remote->servers.all[server - 1].url;
}

void sc_remote_mask(const struct sc_remote *remote, char *text, size_t n)
{
    sc_mask_apply(&remote->mask, text, n, true);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static enum sc_status start(struct run *run, struct sc_transfer *place, struct sc_error *error)
{
    const struct sc_remote_servers *servers = &run->remote->servers;
    size_t wanted = place->request.server;
    assert(wanted <= servers->n);
    struct sc_remote_server *failed = place->n_tries > 0 ? place->server : NULL;
    place->server =
        wanted > 0 ? &servers->all[wanted - 1] : sc_servers_choose(servers, sc_seconds(), failed);
    run->counts->n_tries++;
    run->counts->n_retries += place->n_tries > 0;
    SC_TRY(sc_transfer_begin(place, error));
    if (curl_multi_add_handle(run->remote->multi, place->easy) != CURLM_OK)
        return sc_fail_nomem(error, "a request to a server");
    place->server->n_in_flight++;
    place->state = SC_TRANSFER_ACTIVE;
    return SC_OK;
}

/* Gives free places the source's next requests, as long as it has some. */
static enum sc_status fill(struct run *run, struct sc_error *error)
{
    while (run->n_idle > 0 && !run->over) {
        struct sc_transfer *place = run->remote->idle[run->n_idle - 1];
        bool given = false;
        place->request = (struct sc_remote_request){0};
        SC_TRY(run->source->next(run->source->context, &place->request, &given, error));
        run->over = !given;
        if (!given)
            return SC_OK;
        assert(!place->request.stream || run->source->event != NULL);
        run->n_idle--;
        place->number = run->n_requests++;
        place->n_tries = 0;
        SC_TRY(start(run, place, error));
    }
    return SC_OK;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static enum sc_status give_up(const struct run *run, const struct sc_transfer *place,
                              struct sc_error *error)
{
    const struct sc_remote_servers *servers = &run->remote->servers;
    if (run->n_failed_in_row > 1)
        return sc_fail(error, SC_ERR_IO, "%s: %zu requests in a row failed, the last one: %s",
                       place->server->url, run->n_failed_in_row, place->failure);
    if (servers->n > 1 && sc_servers_all_unreachable(servers))
        return sc_fail(error, SC_ERR_IO, "%s (and %zu more): %s", place->server->url,
                       servers->n - 1, place->failure);
    return sc_fail(error, SC_ERR_IO, "%s: %s", place->server->url, place->failure);
}

static void release(struct run *run, struct sc_transfer *place)
{
    sc_free(place->request.body);
    place->request = (struct sc_remote_request){0};
    place->state = SC_TRANSFER_IDLE;
    run->remote->idle[run->n_idle++] = place;
    run->over = false; /* what came of it may be what the source waited for */
}

static enum sc_status hand_over(const struct run *run, const struct sc_transfer *place,
                                enum sc_remote_outcome outcome, struct sc_remote_reply *reply,
                                struct sc_error *error)
{
    bool whole = outcome != SC_REMOTE_FAILED && place->body.len > 0;
    *reply =
        (struct sc_remote_reply){.outcome = outcome,
                                 .body = whole ? place->body.data : "",
                                 .n = whole ? place->body.len : 0,
                                 .failure = outcome == SC_REMOTE_ANSWERED ? NULL : place->failure,
                                 .tag = place->request.tag,
                                 .http_status = place->http_status,
                                 .server = (size_t)(place->server - run->remote->servers.all) + 1,
                                 .ended = place->ended,
                                 .n_tries = place->n_tries};
    return run->source->done(run->source->context, reply, error);
}

/* What came of a stream so far is void. */
static enum sc_status take_back(struct run *run, struct sc_transfer *place, struct sc_error *error)
{
    bool go_on = true;
    if (!place->begun)
        return SC_OK;
    place->begun = false;
    return run->source->event(run->source->context, place->request.tag, NULL, 0, &go_on, error);
}

/* Hands a request over that failed for good. */
static enum sc_status hand_over_failure(struct run *run, struct sc_transfer *place,
                                        struct sc_error *error)
{
    struct sc_remote_reply reply;
    SC_TRY(take_back(run, place, error));
    return hand_over(run, place, SC_REMOTE_FAILED, &reply, error);
}

static enum sc_status fail(struct run *run, struct sc_transfer *place, struct sc_error *error)
{
    enum sc_status status = hand_over_failure(run, place, error);
    release(run, place);
    run->counts->n_failed++;
    run->n_failed_in_row++;
    SC_TRY(status);
    bool over = run->n_failed_in_row >= run->remote->options.most_failures;
    return over ? give_up(run, place, error) : SC_OK;
}

/* Whether no server was ever reached in this run, and another try would not change that. */
static bool nobody_is_there(const struct run *run, const struct sc_transfer *place, bool last,
                            double now)
{
    return place->unreachable && run->counts->n_answered + run->counts->n_refused == 0 &&
           sc_servers_all_unreachable(&run->remote->servers) &&
           (last || place->n_tries >= FIRST_TRIES || now - run->began >= FIRST_SECONDS);
}

static enum sc_status deliver(struct run *run, struct sc_transfer *place,
                              enum sc_remote_outcome outcome, struct sc_error *error);

/* Whether no try is left. */
static bool was_last(const struct run *run, const struct sc_transfer *place, bool refuses)
{
    const unsigned most_refusing = 4;
    unsigned most = place->request.most_tries > 0 ? place->request.most_tries
                                                  : run->remote->options.n_retries + 1;
    return place->n_tries >= (refuses && most > most_refusing ? most_refusing : most);
}

/* A try failed: another one follows after a pause, if one is left. */
static enum sc_status try_again(struct run *run, struct sc_transfer *place, struct sc_error *error)
{
    struct sc_remote *remote = run->remote;
    double now = sc_seconds(), asked = sc_transfer_asked_pause(place);
    bool refuses = place->request.faults_refuse && place->http_status == 500;
    bool lost = place->request.server > 0 && place->unreachable && !place->server->answered &&
                place->n_tries >= FIRST_TRIES; /* the one that it is for was never reached */
    bool last = lost || was_last(run, place, refuses);
    if (last && refuses)
        return deliver(run, place, SC_REMOTE_REFUSED, error);
    sc_servers_failed(place->server, place->unreachable, now, asked, &remote->options);
    if (nobody_is_there(run, place, last, now)) {
        release(run, place);
        return give_up(run, place, error);
    }
    if (last)
        return fail(run, place, error);
    SC_TRY(take_back(run, place, error));
    bool elsewhere =
        place->request.server == 0 && sc_servers_other_may_work(&remote->servers, place->server);
    place->state = SC_TRANSFER_WAITING;
    place->due = now + fmax(sc_transfer_pause(place), elsewhere ? 0 : asked);
    run->next_look = fmin(run->next_look, place->due);
    return SC_OK;
}

/* Hands an answer or a refusal over. */
static enum sc_status deliver(struct run *run, struct sc_transfer *place,
                              enum sc_remote_outcome outcome, struct sc_error *error)
{
    struct sc_remote_reply reply;
    SC_TRY(hand_over(run, place, outcome, &reply, error));
    if (outcome == SC_REMOTE_ANSWERED && reply.unusable) {
        sc_transfer_fail(place, "%s",
                         reply.why.text[0] ? reply.why.text
                                           : "the server's answer is not what was asked for");
        return try_again(run, place, error);
    }
    sc_servers_succeeded(place->server);
    run->n_failed_in_row = 0;
    run->counts->n_refused += outcome == SC_REMOTE_REFUSED;
    run->counts->n_answered += outcome == SC_REMOTE_ANSWERED;
    release(run, place);
    return SC_OK;
}

/* One of several servers that has answered before is not what it was; the others do the work. */
static bool others_go_on(const struct run *run, const struct sc_transfer *place)
{
    return place->request.server == 0 && place->server->answered &&
           sc_servers_other_may_work(&run->remote->servers, place->server);
}

static enum sc_status settle(struct run *run, struct sc_transfer *place, enum sc_try result,
                             struct sc_error *error)
{
    curl_multi_remove_handle(run->remote->multi, place->easy);
    place->server->n_in_flight--;
    place->state = SC_TRANSFER_WAITING; /* until it is known for what */
    place->due = INFINITY;
    switch (result) {
    case SC_TRY_ANSWERED:
        return deliver(run, place, SC_REMOTE_ANSWERED, error);
    case SC_TRY_REFUSED:
        return deliver(run, place, SC_REMOTE_REFUSED, error);
    case SC_TRY_AGAIN:
        return try_again(run, place, error);
    case SC_TRY_FAILED:
        return fail(run, place, error);
    case SC_TRY_HOPELESS:
        if (others_go_on(run, place))
            return try_again(run, place, error);
        return sc_fail(error, SC_ERR_IO, "%s: %s", place->server->url, place->failure);
    case SC_TRY_SOURCE:
        return sc_fail(error, place->source_error.status, "%s", place->source_error.text);
    case SC_TRY_NO_MEMORY:
        break;
    }
    return sc_fail_nomem(error, "a server's answer");
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
    return SC_OK;
}

/* Begins the retries that are due, ends what stalls, and says when to look next. */
static enum sc_status look(struct run *run, struct sc_error *error)
{
    double now = sc_seconds();
    if (now < run->next_look)
        return SC_OK;
    run->next_look = now + STEP_MS / 1e3;
    for (size_t i = 0; i < run->remote->options.parallel; i++) {
        struct sc_transfer *place = &run->remote->places[i];
        if (place->state == SC_TRANSFER_ACTIVE && sc_transfer_stalled(place, now))
            SC_TRY(settle(run, place, SC_TRY_AGAIN, error));
        else if (place->state == SC_TRANSFER_WAITING && place->due <= now)
            SC_TRY(start(run, place, error));
        else if (place->state == SC_TRANSFER_WAITING)
            run->next_look = fmin(run->next_look, place->due);
    }
    return SC_OK;
}

/* Seconds to wait for servers: a place that is free now is filled before anything is waited for. */
static double patience(const struct run *run)
{
    return run->n_idle > 0 && !run->over ? 0 : run->next_look - sc_seconds();
}

static bool goes_on(const struct run *run)
{
    const struct sc_remote_source *source = run->source;
    const struct sc_remote_options *options = &run->remote->options;
    if (source->step != NULL)
        return source->step(source->context, run->counts);
    return options->keep_going == NULL || options->keep_going(options->context);
}

static enum sc_status loop(struct run *run, struct sc_error *error)
{
    for (;;) {
        SC_TRY(fill(run, error));
        if (run->n_idle == run->remote->options.parallel)
            return SC_OK;
        SC_TRY(sc_wait_work(&run->remote->wait, patience(run), error));
        SC_TRY(collect(run, error));
        SC_TRY(look(run, error));
        if (!goes_on(run))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
    }
}

/* Drops what an early end leaves under way. */
static void drop_all(struct sc_remote *remote)
{
    for (size_t i = 0; i < remote->options.parallel; i++) {
        struct sc_transfer *place = &remote->places[i];
        if (place->state == SC_TRANSFER_ACTIVE)
            curl_multi_remove_handle(remote->multi, place->easy);
        sc_free(place->request.body);
        place->request = (struct sc_remote_request){0};
        place->state = SC_TRANSFER_IDLE;
    }
    for (size_t i = 0; i < remote->servers.n; i++)
        remote->servers.all[i].n_in_flight = 0;
}

enum sc_status sc_remote_run(struct sc_remote *remote, const struct sc_remote_source *source,
                             struct sc_remote_counts *counts, struct sc_error *error)
{
    assert(source->next != NULL && source->done != NULL);
    struct sc_remote_counts unused;
    struct run run = {.remote = remote,
                      .source = source,
                      .counts = counts != NULL ? counts : &unused,
                      .n_idle = remote->options.parallel,
                      .began = sc_seconds()};
    *run.counts = (struct sc_remote_counts){0};
    remote->shared.source = source;
    for (size_t i = 0; i < run.n_idle; i++) /* the first place is taken first */
        remote->idle[i] = &remote->places[run.n_idle - 1 - i];
    struct sc_sigpipe pipe;
    sc_sigpipe_hold(&pipe);
    enum sc_status status = loop(&run, error);
    drop_all(remote);
    sc_sigpipe_release(&pipe);
    remote->shared.source = NULL;
    return status;
}
