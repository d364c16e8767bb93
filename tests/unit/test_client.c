/* The client of servers against a server of the test's own, in the same process: several servers,
 * streams and their ends, tries, what is asked and what comes back.  Judging through servers that
 * misbehave is tested from outside (tests/cli/test_cli_endpoint.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "loopback.h"
#include "remote/easy.h"
#include "remote/remote.h"
#include "remote/transfer.h"

static const char key[] = "sk-0123456789abcdef";
static const char json[] = "application/json";

/* ---- whoever asks ---------------------------------------------------------------------------- */

struct asker {
    struct sc_remote_request form; /* of every request; body in `said` */
    const char *said;              /* the body; NULL: a GET */
    size_t n, n_given;
    size_t held;      /* from the second request on, one at a time: the next after a done */
    size_t cut_after; /* events; 0: never */
    size_t n_bad;     /* answers that are unusable, whatever they are */
    bool wants_end;   /* a stream is whole when "[DONE]" came */
    /* What came. */
    size_t n_answered, n_refused, n_failed, n_ended, n_void, n_unusable, n_events;
    size_t of_server[4];
    struct sc_remote_reply last;
    char body[2000], failure[400];
    struct sc_text events; /* since the last void, each with '|' after it */
};

static enum sc_status next(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error)
{
    struct asker *asker = context;
    size_t n_over = asker->n_answered + asker->n_refused + asker->n_failed;
    (void)error;

    *given = asker->n_given < asker->n && (!asker->held || n_over == asker->n_given);
    if (!*given)
        return SC_OK;
    *request = asker->form;
    request->body = asker->said != NULL ? sc_strdup(asker->said) : NULL;
    request->n = asker->said != NULL ? strlen(asker->said) : 0;
    request->tag = asker->n_given++;
    return asker->said == NULL || request->body != NULL ? SC_OK : SC_ERR_NOMEM;
}

static enum sc_status done(void *context, struct sc_remote_reply *reply, struct sc_error *error)
{
    struct asker *asker = context;
    const char *events = asker->events.data != NULL ? asker->events.data : "";
    (void)error;

    asker->last = *reply;
    snprintf(asker->body, sizeof asker->body, "%.*s", (int)reply->n, reply->body);
    snprintf(asker->failure, sizeof asker->failure, "%s",
             reply->failure != NULL ? reply->failure : "");
    if (reply->outcome == SC_REMOTE_ANSWERED &&
        (asker->n_unusable < asker->n_bad || (asker->wants_end && !strstr(events, "[DONE]|")))) {
        asker->n_unusable++;
        reply->unusable = true;
        sc_fail(&reply->why, SC_ERR_FORMAT, "not what was wanted");
        return SC_OK;
    }
    asker->n_answered += reply->outcome == SC_REMOTE_ANSWERED;
    asker->n_refused += reply->outcome == SC_REMOTE_REFUSED;
    asker->n_failed += reply->outcome == SC_REMOTE_FAILED;
    asker->n_ended += reply->ended;
    asker->of_server[reply->server - 1]++;
    return SC_OK;
}

static enum sc_status event(void *context, size_t tag, const char *data, size_t n, bool *go_on,
                            struct sc_error *error)
{
    struct asker *asker = context;
    (void)tag;
    (void)error;

    if (data == NULL) {
        asker->n_void++;
        sc_text_clear(&asker->events);
        return SC_OK;
    }
    sc_text_add(&asker->events, data, n);
    sc_text_putc(&asker->events, '|');
    asker->n_events++;
    *go_on = asker->cut_after == 0 || asker->n_events < asker->cut_after;
    return asker->events.failed ? SC_ERR_NOMEM : SC_OK;
}

static struct sc_remote_options quick(const char *const *urls, size_t n)
{
    struct sc_remote_options options = sc_remote_options_default();
    options.urls = urls;
    options.n_urls = n;
    options.parallel = 4;
    options.n_retries = 3;
    options.backoff = 0.001;
    options.longest_backoff = 0.01;
    options.stall_timeout = 0.3;
    options.timeout = 5;
    options.key = key;
    return options;
}

static enum sc_status ask_with(const struct sc_remote_options *options, struct asker *asker,
                               struct sc_remote_counts *counts, struct sc_error *error)
{
    struct sc_remote *remote = NULL;
    const struct sc_remote_source source = {
        .context = asker, .next = next, .done = done, .event = event};
    enum sc_status status = sc_remote_open(&remote, options, error);
    if (status == SC_OK)
        status = sc_remote_run(remote, &source, counts, error);
    sc_remote_close(remote);
    return status;
}

/* Asks one server and expects that the run goes to its end. */
static struct sc_remote_counts ask(struct loopback *server, struct asker *asker)
{
    const char *url = loopback_url(server);
    struct sc_remote_options options = quick(&url, 1);
    struct sc_remote_counts counts;
    struct sc_error error = {0};
    if (ask_with(&options, asker, &counts, &error) != SC_OK)
        fail_msg("%s", error.text);
    return counts;
}

static struct asker of(size_t n, const char *path)
{
    return (struct asker){.n = n, .form = {.path = path}, .said = "{}"};
}

static struct asker stream_of(size_t n, const char *path)
{
    struct asker asker = of(n, path);
    asker.form.stream = true;
    return asker;
}

/* ---- servers --------------------------------------------------------------------------------- */

static bool answers_well(void *context, const struct loopback_request *request)
{
    (void)context;
    return loopback_reply(request->fd, "200 OK", json, "", "{\"a\": 1}");
}

static bool answers_500(void *context, const struct loopback_request *request)
{
    (void)context;
    return loopback_reply(request->fd, "500 Oops", json, "", "{\"error\": \"out of luck\"}");
}

/* ---- several servers ------------------------------------------------------------------------- */

/* Holds its first two requests until both are there. */
static bool waits_for_two(void *context, const struct loopback_request *request)
{
    struct loopback **self = context;
    for (int i = 0; i < 400 && loopback_n_requests(*self) < 2; i++)
        usleep(5000);
    return loopback_reply(request->fd, "200 OK", json, "",
                          loopback_n_requests(*self) >= 2 ? "{\"a\": 1}" : "{\"alone\": 1}");
}

static void the_server_with_the_fewest_requests_takes_the_next(void **state)
{
    struct loopback *servers[2];
    struct asker asker = of(4, "/x");
    (void)state;

    for (size_t i = 0; i < 2; i++)
        servers[i] = loopback_start(waits_for_two, &servers[i]);
    const char *const urls[] = {loopback_url(servers[0]), loopback_url(servers[1])};
    struct sc_remote_options options = quick(urls, 2);
    assert_int_equal(ask_with(&options, &asker, NULL, NULL), SC_OK);
    assert_int_equal(asker.n_answered, 4);
    assert_int_equal(asker.of_server[0], 2);
    assert_int_equal(asker.of_server[1], 2);
    assert_string_equal(asker.body, "{\"a\": 1}");
    for (size_t i = 0; i < 2; i++)
        loopback_stop(servers[i]);
}

static void a_server_that_fails_leaves_the_work_to_the_others(void **state)
{
    struct loopback *bad = loopback_start(answers_500, NULL);
    struct loopback *good = loopback_start(answers_well, NULL);
    const char *const urls[] = {loopback_url(bad), loopback_url(good), "http://127.0.0.1:9/v1"};
    struct sc_remote_options options = quick(urls, 3);
    struct asker asker = of(200, "/x");
    (void)state;

    options.longest_backoff = 5;
    options.backoff = 0.01;
    assert_int_equal(ask_with(&options, &asker, NULL, NULL), SC_OK);
    assert_int_equal(asker.n_answered, 200);
    assert_int_equal(asker.of_server[1], 200);
    assert_in_range(loopback_n_requests(bad), 1, 20);
    loopback_stop(bad);
    loopback_stop(good);
}

static void a_request_may_be_for_one_server(void **state)
{
    struct loopback *a = loopback_start(answers_well, NULL),
                    *b = loopback_start(answers_well, NULL);
    const char *const urls[] = {loopback_url(a), loopback_url(b)};
    struct sc_remote_options options = quick(urls, 2);
    struct asker asker = of(50, "/x");
    (void)state;

    asker.form.server = 2;
    assert_int_equal(ask_with(&options, &asker, NULL, NULL), SC_OK);
    assert_int_equal(asker.of_server[1], 50);
    assert_int_equal(loopback_n_requests(a), 0);
    /* It fails soon where that one is not there, whatever others do. */
    const char *const half[] = {loopback_url(a), "http://127.0.0.1:9/v1"};
    struct sc_remote_counts counts;
    options = quick(half, 2);
    options.n_retries = 9;
    asker = of(1, "/x");
    asker.form.server = 2;
    assert_int_equal(ask_with(&options, &asker, &counts, NULL), SC_OK);
    assert_int_equal(asker.n_failed, 1);
    assert_int_equal(counts.n_tries, 3);
    loopback_stop(a);
    loopback_stop(b);
}

/* The first answers are errors. */
static bool wakes_up(void *context, const struct loopback_request *request)
{
    (void)context;
    return request->number < 3 ? answers_500(NULL, request) : answers_well(NULL, request);
}

static bool is_slow(void *context, const struct loopback_request *request)
{
    usleep(3000);
    return answers_well(context, request);
}

static void a_server_that_failed_for_a_while_works_again(void **state)
{
    struct loopback *a = loopback_start(wakes_up, NULL), *b = loopback_start(is_slow, NULL);
    const char *const urls[] = {loopback_url(a), loopback_url(b)};
    struct sc_remote_options options = quick(urls, 2);
    struct asker asker = of(200, "/x");
    (void)state;

    assert_int_equal(ask_with(&options, &asker, NULL, NULL), SC_OK);
    assert_int_equal(asker.n_answered, 200);
    assert_true(asker.of_server[0] >= 50);
    loopback_stop(a);
    loopback_stop(b);
}

static void servers_that_are_not_there_end_a_run_soon(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"};
    struct asker asker = of(100, "/x");
    struct sc_error error = {0};
    double began = sc_seconds();
    (void)state;

    for (size_t n = 1; n <= 2; n++) {
        struct sc_remote_options options = quick(urls, n);
        options.backoff = 0.1;
        options.n_retries = 9;
        options.longest_backoff = 30;
        error = (struct sc_error){0};
        assert_int_equal(ask_with(&options, &asker, NULL, &error), SC_ERR_IO);
        assert_non_null(strstr(error.text, "127.0.0.1:"));
        assert_non_null(
            strstr(error.text, n == 1 ? "/v1: Couldn't" : "/v1 (and 1 more): Couldn't"));
        assert_int_equal(asker.n_failed, 0);
    }
    assert_true(sc_seconds() - began < 3); /* all pauses together are longer */
}

static bool answers_once_then_401(void *context, const struct loopback_request *request)
{
    return request->number == 0 ? answers_well(context, request)
                                : loopback_reply(request->fd, "401 No", json, "", "{}");
}

static void one_of_several_that_answers_strangely_does_not_end_a_run(void **state)
{
    struct loopback *a = loopback_start(answers_once_then_401, NULL);
    struct loopback *b = loopback_start(answers_well, NULL);
    const char *const urls[] = {loopback_url(a), loopback_url(b)};
    struct sc_remote_options options = quick(urls, 2);
    struct asker asker = of(100, "/x");
    (void)state;

    options.parallel = 2;
    assert_int_equal(ask_with(&options, &asker, NULL, NULL), SC_OK);
    assert_int_equal(asker.n_answered, 100);
    options.n_urls = 1; /* alone it does */
    struct sc_error error = {0};
    asker = of(10, "/x");
    assert_int_equal(ask_with(&options, &asker, NULL, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "answered 401"));
    loopback_stop(a);
    loopback_stop(b);
}

static void numbers_of_servers_have_a_range(void **state)
{
    struct sc_remote *remote = NULL;
    struct sc_error error = {0};
    (void)state;

    struct sc_remote_options options = quick(NULL, 0);
    assert_int_equal(sc_remote_open(&remote, &options, &error), SC_ERR_ARGUMENT);
    assert_string_equal(error.text, "URLs of servers: expected 1 to 1024, found 0");
    const char *const urls[] = {"http://127.0.0.1:9/v1", "nowhere"};
    options = quick(urls, 2);
    assert_int_equal(sc_remote_open(&remote, &options, NULL), SC_ERR_ARGUMENT);
    assert_null(remote);
}

/* ---- streams --------------------------------------------------------------------------------- */

static bool streams_three(void *context, const struct loopback_request *request)
{
    (void)context;
    loopback_begin_stream(request->fd);
    loopback_write(request->fd, ": hello\r\n\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata: Bea");
    usleep(2000);
    loopback_write(request->fd, "rer \\u0073k-0123456789abcdef\n\nda");
    usleep(2000);
    loopback_write(request->fd, "ta: [DONE]\n\n");
    return false;
}

static void a_stream_comes_event_by_event_without_the_key(void **state)
{
    struct loopback *server = loopback_start(streams_three, NULL);
    struct asker asker = stream_of(1, "/x");
    (void)state;

    asker.wants_end = true;
    ask(server, &asker);
    assert_int_equal(asker.n_answered, 1);
    assert_string_equal(asker.events.data, "{\"a\":\n1}|Bearer ************************|[DONE]|");
    assert_string_equal(asker.body, "");
    assert_int_equal(asker.last.http_status, 200);
    assert_false(asker.last.ended);
    sc_text_free(&asker.events);
    loopback_stop(server);
}

struct watched {
    double noticed; /* when the server saw that nobody listens */
    size_t n_sent;
};

static bool streams_for_long(void *context, const struct loopback_request *request)
{
    struct watched *watched = context;
    loopback_begin_stream(request->fd);
    for (; watched->n_sent < 2000; watched->n_sent++) {
        if (loopback_is_closed(request->fd, 0.002) || !loopback_write(request->fd, "data: x\n\n"))
            break;
    }
    watched->noticed = sc_seconds();
    return false;
}

static void a_cut_ends_the_servers_work(void **state)
{
    struct watched watched = {0};
    struct loopback *server = loopback_start(streams_for_long, &watched);
    struct asker asker = stream_of(1, "/x");
    (void)state;

    asker.cut_after = 5;
    ask(server, &asker);
    assert_int_equal(asker.n_answered, 1);
    assert_int_equal(asker.n_ended, 1);
    assert_true(asker.last.ended);
    assert_int_equal(asker.n_events, 5);
    assert_int_equal(asker.n_void, 0);
    loopback_stop(server);
    assert_in_range(watched.n_sent, 5, 500);
    sc_text_free(&asker.events);
}

/* While others go on, the connection of a cut request is closed at once. */
static bool cut_or_slow(void *context, const struct loopback_request *request)
{
    if (request->number == 0)
        return streams_for_long(context, request);
    usleep(400000);
    return answers_well(context, request);
}

static void a_cut_is_noticed_while_other_requests_go_on(void **state)
{
    struct watched watched = {0};
    struct loopback *server = loopback_start(cut_or_slow, &watched);
    struct asker asker = stream_of(3, "/x");
    (void)state;

    asker.cut_after = 3;
    ask(server, &asker);
    double over = sc_seconds();
    assert_int_equal(asker.n_answered, 3);
    assert_true(watched.noticed > 0 && over - watched.noticed > 0.2);
    loopback_stop(server);
    sc_text_free(&asker.events);
}

/* Streams that end badly, each in its way, and then one that is whole. */
static bool streams_badly_first(void *context, const struct loopback_request *request)
{
    (void)context;
    switch (request->number) {
    case 0: /* cut off in the middle */
        loopback_write(request->fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                    "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n");
        return false;
    case 1: /* in order, but not whole */
        loopback_begin_stream(request->fd);
        loopback_write(request->fd, "data: x\n\n");
        return false;
    case 2: /* stalls */
        loopback_begin_stream(request->fd);
        loopback_write(request->fd, "data: x\n\n");
        loopback_is_closed(request->fd, 5);
        return false;
    default:
        return streams_three(NULL, request);
    }
}

static void a_stream_that_is_not_whole_is_void_and_tried_again(void **state)
{
    struct loopback *server = loopback_start(streams_badly_first, NULL);
    struct asker asker = stream_of(1, "/x");
    (void)state;

    asker.wants_end = true;
    struct sc_remote_counts counts = ask(server, &asker);
    assert_int_equal(asker.n_answered, 1);
    assert_int_equal(asker.n_void, 3);
    assert_int_equal(asker.n_unusable, 1);
    assert_int_equal(counts.n_tries, 4);
    assert_int_equal(counts.n_retries, 3);
    assert_string_equal(asker.events.data, "{\"a\":\n1}|Bearer ************************|[DONE]|");
    sc_text_free(&asker.events);
    loopback_stop(server);
}

static bool streams_a_bit(void *context, const struct loopback_request *request)
{
    (void)context;
    loopback_begin_stream(request->fd);
    loopback_write(request->fd, "data: x\n\n");
    return false;
}

static void a_stream_that_is_never_whole_fails_with_the_reason(void **state)
{
    struct loopback *server = loopback_start(streams_a_bit, NULL);
    struct asker asker = stream_of(1, "/x");
    (void)state;

    asker.wants_end = true;
    struct sc_remote_counts counts = ask(server, &asker);
    assert_int_equal(asker.n_failed, 1);
    assert_string_equal(asker.failure, "not what was wanted");
    assert_int_equal(asker.n_void, 4);
    assert_int_equal(counts.n_tries, 4);
    assert_int_equal(counts.n_failed, 1);
    sc_text_free(&asker.events);
    loopback_stop(server);
}

static bool streams_too_much(void *context, const struct loopback_request *request)
{
    (void)context;
    loopback_begin_stream(request->fd);
    for (int i = 0; i < 10000; i++) {
        if (!loopback_write(request->fd, "data: 0123456789012345678901234567890123456789\n\n"))
            break;
    }
    return false;
}

static void streams_are_bounded(void **state)
{
    struct loopback *server = loopback_start(streams_too_much, NULL);
    const char *url = loopback_url(server);
    struct sc_remote_options options = quick(&url, 1);
    struct asker asker = stream_of(1, "/x");
    (void)state;

    options.max_response = 20000;
    assert_int_equal(ask_with(&options, &asker, NULL, NULL), SC_OK);
    assert_int_equal(asker.n_failed, 1);
    assert_non_null(strstr(asker.failure, "expected at most 20000 bytes"));
    assert_true(asker.n_void == 1);
    sc_text_free(&asker.events);
    loopback_stop(server);
}

static void a_server_that_does_not_stream_gives_a_body(void **state)
{
    struct loopback *server = loopback_start(answers_well, NULL);
    struct asker asker = stream_of(1, "/x");
    (void)state;

    ask(server, &asker);
    assert_int_equal(asker.n_answered, 1);
    assert_int_equal(asker.n_events, 0);
    assert_string_equal(asker.body, "{\"a\": 1}");
    loopback_stop(server);
}

/* ---- tries ----------------------------------------------------------------------------------- */

static const char *const bad_answers[][4] = {
    /* status, type, headers, body */
    {"200 OK", "text/html", "", "<html>"},
    {"200 OK", "application/json", "Content-Encoding: gzip\r\n", "\x1f\x8b"},
    {"204 No Content", "application/json", "", ""},
    {"408 Slow", "application/json", "", "{}"},
    {"425 Early", "application/json", "", "{}"},
    {"429 Many", "application/json", "Retry-After: 0\r\n", "{}"},
    {"500 Oops", "application/json", "", "{}"},
    {"501 Oops", "application/json", "", "{}"},
    {"502 Bad", "text/html", "", "<html>"},
    {"503 Busy", "application/json", "Retry-After: nonsense\r\n", "{}"},
    {"529 Overloaded", "application/json", "", "{}"},
};
enum { N_BAD = sizeof bad_answers / sizeof *bad_answers };

static bool answers_badly_first(void *context, const struct loopback_request *request)
{
    const char *const *bad = context;
    return request->number % 3 < 2 ? loopback_reply(request->fd, bad[0], bad[1], bad[2], bad[3])
                                   : answers_well(NULL, request);
}

static void what_may_pass_is_tried_again(void **state)
{
    (void)state;

    for (size_t i = 0; i < N_BAD; i++) {
        const char *bad[4];
        memcpy(bad, bad_answers[i], sizeof bad);
        struct loopback *server = loopback_start(answers_badly_first, bad);
        struct asker asker = of(3, "/x");
        asker.held = true;
        struct sc_remote_counts counts = ask(server, &asker);
        assert_int_equal(asker.n_answered, 3);
        assert_int_equal(counts.n_retries, 6);
        loopback_stop(server);
    }
}

static void an_answer_that_is_not_what_was_asked_for_is_tried_again(void **state)
{
    struct loopback *server = loopback_start(answers_well, NULL);
    (void)state;

    for (size_t n_bad = 0; n_bad <= 4; n_bad++) {
        struct asker asker = of(1, "/x");
        asker.n_bad = n_bad;
        struct sc_remote_counts counts = ask(server, &asker);
        assert_int_equal(asker.n_answered, n_bad < 4);
        assert_int_equal(asker.n_failed, n_bad == 4);
        assert_int_equal(counts.n_answered, n_bad < 4);
        assert_int_equal(counts.n_tries, n_bad < 4 ? n_bad + 1 : 4);
        assert_string_equal(asker.failure, n_bad < 4 ? "" : "not what was wanted");
    }
    loopback_stop(server);
}

static bool asks_to_come_back(void *context, const struct loopback_request *request)
{
    char header[100];
    time_t then = time(NULL) + 2;
    struct tm parts;
    (void)context;

    if (request->number == 1)
        return answers_well(NULL, request);
    gmtime_r(&then, &parts);
    strftime(header, sizeof header, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    return loopback_reply(request->fd, "503 Busy", json, header, "{}");
}

static void a_date_to_come_back_at_is_waited_for(void **state)
{
    struct loopback *server = loopback_start(asks_to_come_back, NULL);
    struct asker asker = of(1, "/x");
    double began = sc_seconds();
    (void)state;

    ask(server, &asker);
    assert_int_equal(asker.n_answered, 1);
    assert_true(sc_seconds() - began >= 0.9);
    loopback_stop(server);
}

static void a_key_fits_into_a_header_line(void **state)
{
    char secret[SC_LONGEST_SECRET + 2];
    (void)state;

    memset(secret, 'k', sizeof secret);
    secret[sizeof secret - 1] = '\0';
    assert_int_equal(sc_secret_check("API key", secret, NULL), SC_ERR_ARGUMENT); /* one too many */
    secret[sizeof secret - 2] = '\0';
    assert_int_equal(sc_secret_check("API key", secret, NULL), SC_OK);
    secret[9] = '\n';
    assert_int_equal(sc_secret_check("API key", secret, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_secret_check("API key", "", NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_secret_check("API key", NULL, NULL), SC_OK);
}

static void failures_in_a_row_end_a_run(void **state)
{
    struct loopback *server = loopback_start(answers_500, NULL);
    const char *url = loopback_url(server);
    struct sc_remote_options options = quick(&url, 1);
    struct asker asker = of(1000, "/x");
    struct sc_error error = {0};
    (void)state;

    options.n_retries = 0;
    options.most_failures = 7;
    assert_int_equal(ask_with(&options, &asker, NULL, &error), SC_ERR_IO);
    assert_int_equal(asker.n_failed, 7);
    assert_non_null(strstr(error.text, "7 requests in a row failed, the last one: the server "
                                       "answered 500 (out of luck)"));
    asker = of(1000, "/x");
    asker.form.most_tries = 2; /* a request's own number of tries */
    struct sc_remote_counts counts;
    assert_int_equal(ask_with(&options, &asker, &counts, NULL), SC_ERR_IO);
    /* Those under way besides had two tries each at most. */
    assert_in_range(counts.n_tries, 14, 14 + 2 * options.parallel);
    loopback_stop(server);
}

static void requests_that_depend_on_answers_are_asked_for_again(void **state)
{
    struct loopback *server = loopback_start(answers_well, NULL);
    struct asker asker = of(20, "/x");
    (void)state;

    asker.held = true; /* next has nothing while one is under way */
    ask(server, &asker);
    assert_int_equal(asker.n_answered, 20);
    assert_int_equal(loopback_n_connections(server), 1); /* kept */
    loopback_stop(server);
}

/* ---- what is asked and told ------------------------------------------------------------------ */

static bool echoes(void *context, const struct loopback_request *request)
{
    char body[1000];
    (void)context;

    if (strstr(request->path, "missing") != NULL)
        return loopback_reply(request->fd, "404 None", json, "", "{\"error\": \"none\"}");
    if (strstr(request->path, "sends-on") != NULL)
        return loopback_reply(request->fd, "302 There", json,
                              "Location: http://127.0.0.1:9/?k=%73k-0123456789abcdef\r\n", "");
    if (strstr(request->path, "typed") != NULL)
        return loopback_reply(request->fd, "200 OK", "text/sk-0123456789abcdef", "", "ok");
    if (strstr(request->path, "filter") != NULL)
        return loopback_reply(request->fd, "400 No", json, "",
                              "{\"error\": {\"code\": \"content_filter\", \"message\": "
                              "\"sk-0123456789abcde\\u0066\"}}");
    snprintf(body, sizeof body, "{\"%s\": \"%s\", \"n\": %zu}", request->method, request->path,
             request->n);
    return loopback_reply(request->fd, "200 OK", json, "", body);
}

static void paths_and_methods_are_those_of_the_request(void **state)
{
    struct loopback *server = loopback_start(echoes, NULL);
    struct asker asker = of(1, "/x");
    (void)state;

    ask(server, &asker);
    assert_string_equal(asker.body, "{\"POST\": \"/v1/x\", \"n\": 2}");
    asker = of(1, "/version");
    asker.said = NULL;
    asker.form.at_root = true;
    ask(server, &asker);
    assert_string_equal(asker.body, "{\"GET\": \"/version\", \"n\": 0}");
    asker = of(1, "/x"); /* a place that asked with GET posts again */
    ask(server, &asker);
    assert_string_equal(asker.body, "{\"POST\": \"/v1/x\", \"n\": 2}");
    loopback_stop(server);
}

static void a_tentative_request_is_refused_where_others_end_the_run(void **state)
{
    struct loopback *server = loopback_start(echoes, NULL);
    const char *url = loopback_url(server);
    struct sc_remote_options options = quick(&url, 1);
    static const struct {
        const char *path;
        long status;
        const char *failure;
    } cases[] = {{"/missing", 404, "the server answered 404 (none)"},
                 {"/sends-on", 302, "it sends on to http://127.0.0.1:9/?..., which"},
                 {"/typed", 200, "expected application/json, found text/*****"}};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct asker asker = of(1, cases[i].path);
        asker.form.tentative = true;
        struct sc_remote_counts counts = ask(server, &asker);
        assert_int_equal(asker.n_refused, 1);
        assert_int_equal(counts.n_tries, 1);
        assert_int_equal(asker.last.http_status, cases[i].status);
        assert_non_null(strstr(asker.failure, cases[i].failure));
        assert_null(strstr(asker.failure, "0123456789"));
        asker = of(1, cases[i].path);
        struct sc_error error = {0};
        enum sc_status status = ask_with(&options, &asker, NULL, &error);
        assert_int_equal(status, i < 2 ? SC_ERR_IO : SC_OK);
        assert_non_null(strstr(i < 2 ? error.text : asker.failure, cases[i].failure));
        assert_null(strstr(error.text, "0123456789"));
    }
    loopback_stop(server);
}

static void a_refusal_comes_with_its_body_and_status(void **state)
{
    struct loopback *server = loopback_start(echoes, NULL);
    struct asker asker = of(1, "/filter");
    (void)state;

    struct sc_remote_counts counts = ask(server, &asker);
    assert_int_equal(asker.n_refused, 1);
    assert_int_equal(counts.n_refused, 1);
    assert_int_equal(asker.last.http_status, 400);
    assert_string_equal(asker.body, "{\"error\": {\"code\": \"content_filter\", \"message\": "
                                    "\"************************\"}}");
    assert_string_equal(asker.failure, "the server answered 400 (************************)");
    loopback_stop(server);
}

static void texts_put_together_of_pieces_can_be_masked(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:9/v1/"};
    struct sc_remote_options options = quick(urls, 1);
    struct sc_remote *remote = NULL;
    char text[] = "Bearer sk-0123456789abcdef, sk-01234567";
    (void)state;

    assert_int_equal(sc_remote_open(&remote, &options, NULL), SC_OK);
    sc_remote_mask(remote, text, strlen(text));
    assert_string_equal(text, "Bearer *******************, ***********");
    assert_string_equal(sc_remote_url(remote, 1), "http://127.0.0.1:9/v1");
    sc_remote_close(remote);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool answers_in_both_ways(void *context, const struct loopback_request *request)
{
    return request->number % 2 == 0 ? streams_a_bit(context, request)
                                    : answers_well(context, request);
}

static void exhausted_memory_is_an_error(void **state)
{
    struct loopback *server = loopback_start(answers_in_both_ways, NULL);
    const char *url = loopback_url(server);
    struct sc_remote_options options = quick(&url, 1);
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    for (size_t n = 0; status != SC_OK && n < 500; n++) {
        struct asker asker = stream_of(2, "/x");
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = ask_with(&options, &asker, NULL, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        assert_true(status != SC_OK || asker.n_answered == 2);
        sc_text_free(&asker.events);
    }
    assert_int_equal(status, SC_OK);
    loopback_stop(server);
}

/* Twice as long each time, up to the longest, and never more than half of it taken off. */
static void pauses_grow_up_to_the_longest(void **state)
{
    (void)state;
    const struct sc_remote_options options = {.backoff = 1, .longest_backoff = 4};
    const struct sc_transfer_shared shared = {.options = &options};
    for (uint32_t number = 0; number < 200; number++)
        for (uint32_t n_tries = 1; n_tries < 8; n_tries++) {
            struct sc_transfer t = {.shared = &shared, .number = number, .n_tries = n_tries};
            double pause = sc_transfer_pause(&t), most = fmin(exp2(n_tries - 1.0), 4);
            assert_true(pause <= most && pause >= most / 2);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow_up_to_the_longest),
        cmocka_unit_test(the_server_with_the_fewest_requests_takes_the_next),
        cmocka_unit_test(a_server_that_fails_leaves_the_work_to_the_others),
        cmocka_unit_test(a_request_may_be_for_one_server),
        cmocka_unit_test(a_server_that_failed_for_a_while_works_again),
        cmocka_unit_test(servers_that_are_not_there_end_a_run_soon),
        cmocka_unit_test(one_of_several_that_answers_strangely_does_not_end_a_run),
        cmocka_unit_test(numbers_of_servers_have_a_range),
        cmocka_unit_test(a_stream_comes_event_by_event_without_the_key),
        cmocka_unit_test(a_cut_ends_the_servers_work),
        cmocka_unit_test(a_cut_is_noticed_while_other_requests_go_on),
        cmocka_unit_test(a_stream_that_is_not_whole_is_void_and_tried_again),
        cmocka_unit_test(a_stream_that_is_never_whole_fails_with_the_reason),
        cmocka_unit_test(streams_are_bounded),
        cmocka_unit_test(a_server_that_does_not_stream_gives_a_body),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(an_answer_that_is_not_what_was_asked_for_is_tried_again),
        cmocka_unit_test(a_date_to_come_back_at_is_waited_for),
        cmocka_unit_test(a_key_fits_into_a_header_line),
        cmocka_unit_test(failures_in_a_row_end_a_run),
        cmocka_unit_test(requests_that_depend_on_answers_are_asked_for_again),
        cmocka_unit_test(paths_and_methods_are_those_of_the_request),
        cmocka_unit_test(a_tentative_request_is_refused_where_others_end_the_run),
        cmocka_unit_test(a_refusal_comes_with_its_body_and_status),
        cmocka_unit_test(texts_put_together_of_pieces_can_be_masked),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
