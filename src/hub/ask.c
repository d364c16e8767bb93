/* Small answers (hub.h): one exchange after another until the server gives or refuses it. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/sigpipe.h"
#include "base/text.h"
#include "hub/fetch.h"

enum { STEP_MS = 100, MOST_TRIES = 4, MOST_UNREACHABLE = 2 };

static const double stall_timeout = 30, hasty_timeout = 4;
/* A small answer that drips is given up all the same, after so many times the patience for none. */
static const double whole_patience = 4, hasty_patience = 2;

struct asking {
    const struct sc_hub_question *question;
    struct sc_fetch fetch;
    struct sc_text body;
    CURLM *multi;
    bool too_large;
};

static bool take(void *context, const char *bytes, size_t n)
{
    struct asking *a = context;
    a->too_large = n > a->question->most - a->body.len;
    if (!a->too_large)
        sc_text_add(&a->body, bytes, n);
    return !a->too_large && !a->body.failed;
}

static enum sc_status look(const struct asking *a, struct sc_error *error)
{
    static const struct sc_download_progress nothing = {0};
    if (a->question->step == NULL || a->question->step(a->question->context, &nothing))
        return SC_OK;
    return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
}

/* Waits with an eye on the caller; the handle is in the multi handle or not. */
static enum sc_status pass_time(struct asking *a, struct sc_error *error)
{
    SC_TRY(look(a, error));
    return curl_multi_poll(a->multi, NULL, 0, STEP_MS, NULL) == CURLM_OK
               ? SC_OK
               : sc_fail_nomem(error, "a download");
}

static enum sc_status run_to_end(struct asking *a, CURLcode *code, struct sc_error *error)
{
    for (;;) {
        int running, left;
        if (curl_multi_perform(a->multi, &running) != CURLM_OK)
            return sc_fail_nomem(error, "a download");
        CURLMsg *message = curl_multi_info_read(a->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            *code = message->data.result;
            return SC_OK;
        }
        SC_TRY(pass_time(a, error));
    }
}

static enum sc_status one_try(struct asking *a, bool onward, enum sc_fetch_end *end,
                              struct sc_error *error)
{
    CURLcode code = CURLE_OK;
    SC_TRY(sc_fetch_start(&a->fetch, onward, error));
    sc_text_clear(&a->body);
    if (curl_multi_add_handle(a->multi, a->fetch.easy) != CURLM_OK)
        return sc_fail_nomem(error, "a download");
    enum sc_status status = run_to_end(a, &code, error);
    curl_multi_remove_handle(a->multi, a->fetch.easy);
    *end = status == SC_OK ? sc_fetch_finish(&a->fetch, code) : SC_FETCH_FAILED;
    return status;
}

static enum sc_status wait_for(struct asking *a, double seconds, struct sc_error *error)
{
    for (double until = sc_seconds() + seconds; sc_seconds() < until;)
        SC_TRY(pass_time(a, error));
    return SC_OK;
}

static enum sc_status give_up(const struct asking *a, enum sc_fetch_end end, struct sc_error *error)
{
    if (a->body.failed || end == SC_FETCH_NO_MEMORY)
        return sc_fail_nomem(error, "a download");
    if (a->too_large)
        return sc_fail(error, SC_ERR_LIMIT, "%s: expected at most %zu bytes, found more",
                       a->question->url, a->question->most);
    return sc_fail(error, SC_ERR_IO, "%s: %s", a->question->url, a->fetch.failure);
}

/* Until there is an answer, which a refusal is too. */
static enum sc_status ask(struct asking *a, enum sc_fetch_end *end, struct sc_error *error)
{
    *end = SC_FETCH_AGAIN;
    for (unsigned n_tries = 1;;) {
        SC_TRY(one_try(a, *end == SC_FETCH_ONWARD, end, error));
        if (*end == SC_FETCH_DONE || *end == SC_FETCH_REFUSED)
            return SC_OK;
        if (*end == SC_FETCH_ONWARD)
            continue;
        const unsigned most = a->question->hasty     ? 1
                              : a->fetch.unreachable ? MOST_UNREACHABLE
                                                     : MOST_TRIES;
        if (*end != SC_FETCH_AGAIN || n_tries++ >= most)
            return a->fetch.http_status == 429 ? SC_OK : give_up(a, *end, error);
        SC_TRY(wait_for(a, sc_fetch_pause(&a->fetch, n_tries - 1, 0), error));
    }
}

static enum sc_status hand_over(struct asking *a, bool refused, struct sc_hub_answer *answer,
                                struct sc_error *error)
{
    struct sc_fetch_headers *h = &a->fetch.headers;
    char *const said[] = {h->etag, h->linked_etag, h->commit, h->code, a->body.data};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        sc_fetch_mask(&a->fetch, said[i],
                      said[i] == NULL           ? 0
                      : said[i] == a->body.data ? a->body.len
                                                : strlen(said[i]));
    if (refused) {
        answer->refusal.http_status = a->fetch.http_status;
        memcpy(answer->refusal.code, h->code, sizeof h->code);
        sc_text_clear(&a->body);
    }
    const bool linked = *h->linked_etag != '\0';
    memcpy(answer->etag, linked ? h->linked_etag : h->etag, sizeof answer->etag);
    memcpy(answer->commit, h->commit, sizeof answer->commit);
    answer->size = h->has_linked_size ? h->linked_size : h->has_length ? h->length : 0;
    answer->n = a->body.len;
    answer->body = sc_text_take(&a->body);
    return answer->body != NULL ? SC_OK : sc_fail_nomem(error, "a download");
}

static enum sc_status open_and_ask(struct asking *a, struct sc_hub_answer *answer,
                                   struct sc_error *error)
{
    enum sc_fetch_end end;
    const struct sc_hub_question *question = a->question;
    const double patience = question->hasty               ? hasty_timeout
                            : question->stall_timeout > 0 ? question->stall_timeout
                                                          : stall_timeout;
    const double whole = patience * (question->hasty ? hasty_patience : whole_patience);
    SC_TRY(sc_fetch_init(&a->fetch, question->url, question->token, patience, error));
    a->fetch.head = question->head;
    a->fetch.take = take;
    a->fetch.context = a;
    a->multi = curl_multi_init();
    if (a->multi == NULL || !sc_fetch_limit(&a->fetch, whole))
        return sc_fail_nomem(error, "a download");
    SC_TRY(ask(a, &end, error));
    return hand_over(a, end != SC_FETCH_DONE, answer, error);
}

enum sc_status sc_hub_ask(const struct sc_hub_question *question, struct sc_hub_answer *answer,
                          struct sc_error *error)
{
    assert(question->url != NULL && answer != NULL);
    *answer = (struct sc_hub_answer){0};
    struct asking asking = {.question = question};
    struct sc_sigpipe pipe;
    sc_sigpipe_hold(&pipe);
    enum sc_status status = open_and_ask(&asking, answer, error);
    if (asking.multi != NULL)
        curl_multi_cleanup(asking.multi);
    sc_fetch_free(&asking.fetch);
    sc_text_free(&asking.body);
    sc_sigpipe_release(&pipe);
    return status;
}
