/*
 * Sampling from servers: the feed's requests become requests of HTTP, and answers become traces.
 *
 * Nothing is counted that did not happen, and nothing is lost that did: an answer that is not whole
 * is asked for again; a request that failed for good is a failed trace only once something else was
 * answered after it, for until then the server may be what fails, and then the run ends with that
 * and samples the trace anew when it goes on.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "source/server/served.h"
#include "vocabulary/ending.h"

/* ---- asking ---------------------------------------------------------------------------------- */

/* 31 bits, which every server takes. */
static uint64_t seed_of(const struct sc_served *served, const struct sc_source_request *request)
{
    return sc_random_bits(SC_STREAM_SERVER, served->wish.seed, request->instance_key,
                          request->trace_index, 1) &
           0x7fffffff;
}

static bool are_of_one_prompt(const struct sc_source_request *a, const struct sc_source_request *b)
{
    return a->prompt == b->prompt && a->instance_key == b->instance_key;
}

/* Takes requests of one prompt from the feed, as many as go into one request of HTTP. */
static void gather(struct sc_served *served, struct sc_served_flight *flight)
{
    const struct sc_feed *feed = served->feed;
    flight->n = 0;
    while (flight->n < served->options.n_choices) {
        struct sc_source_request one = served->held;
        if (!served->holds && feed->next(feed->context, &one) <= 0)
            return;
        served->holds = false;
        if (flight->n > 0 && !are_of_one_prompt(&flight->requests[0], &one)) {
            served->held = one;
            served->holds = true;
            return;
        }
        flight->requests[flight->n++] = one;
    }
}

static enum sc_status make_body(const struct sc_served *served,
                                const struct sc_served_flight *flight,
                                struct sc_remote_request *request, struct sc_error *error)
{
    const struct sc_served_prompt *prompt = flight->requests[0].prompt;
    const struct sc_server_facts *facts = &served->facts;
    const struct sc_completion_request completion = {
        .endpoint = facts->endpoint,
        .model = facts->name,
        .text = prompt->text != NULL ? prompt->text : "",
        .messages = prompt->messages,
        .ids = prompt->ids,
        .n_ids = prompt->n_ids,
        .temperature = served->sampling.temperature,
        .max_tokens = prompt->max_tokens,
        .seed = seed_of(served, &flight->requests[0]),
        .n_top = served->rules.k,
        .n_choices = flight->n,
        .stream = served->stream,
        .more = prompt->begun ? served->more_begun : served->more};
    return sc_completion_body(&completion, &request->body, &request->n, error);
}

static enum sc_status next(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error)
{
    struct sc_served *served = context;
    size_t place = 0;
    while (place < served->options.parallel && served->flights[place].n > 0)
        place++;
    assert(place < served->options.parallel);
    struct sc_served_flight *flight = &served->flights[place];
    gather(served, flight);
    *given = flight->n > 0;
    if (!*given)
        return SC_OK;
    flight->choices = (struct sc_choices){.n = flight->n};
    served->n_in_flight += flight->n;
    request->path = sc_endpoint_path(served->facts.endpoint);
    request->tag = place;
    request->stream = served->stream;
    return make_body(served, flight, request, error);
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Forgets what came of a try. */
static void forget(struct sc_served_flight *flight)
{
    for (size_t i = 0; i < flight->n; i++)
        sc_server_trace_free(&flight->traces[i]);
    sc_choices_clear(&flight->choices);
    flight->broken = (struct sc_error){0};
}

static void release(struct sc_served *served, struct sc_served_flight *flight)
{
    forget(flight);
    served->n_in_flight -= flight->n;
    flight->n = 0;
}

/* ---- failures that are held back ------------------------------------------------------------- */

static enum sc_status give(const struct sc_served *served, const struct sc_source_request *request,
                           const struct sc_source_trace *trace, struct sc_error *error)
{
    return served->feed->done(served->feed->context, request, trace, error);
}

static enum sc_status give_failure(const struct sc_served *served,
                                   const struct sc_source_request *request, const char *why,
                                   struct sc_error *error)
{
    const struct sc_source_trace failed = {
        .finish = SC_FINISH_FAILED, .failure = why, .text = "", .n_tokens_known = true};
    return give(served, request, &failed, error);
}

static enum sc_status hold_back(struct sc_served *served, const struct sc_source_request *request,
                                const char *why, bool refused, struct sc_error *error)
{
    if (sc_grow((void **)&served->failures, served->n_failures, &served->cap_failures,
                sizeof *served->failures) != 0)
        return sc_fail_nomem(error, "failed requests");
    struct sc_served_failure *failure = &served->failures[served->n_failures];
    *failure =
        (struct sc_served_failure){.request = *request, .why = sc_strdup(why), .refused = refused};
    if (failure->why == NULL)
        return sc_fail_nomem(error, "failed requests");
    served->n_failures++;
    return SC_OK;
}

static void drop_failures(struct sc_served *served)
{
    for (size_t i = 0; i < served->n_failures; i++)
        sc_free(served->failures[i].why);
    served->n_failures = 0;
}

/* The server is well: the fault was the requests' own. */
static enum sc_status give_failures(struct sc_served *served, struct sc_error *error)
{
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < served->n_failures && status == SC_OK; i++)
        status = give_failure(served, &served->failures[i].request, served->failures[i].why, error);
    drop_failures(served);
    return status;
}

/* Nothing but refusals: what is asked for is wrong, not what it is asked about. */
static enum sc_status check_refusals(const struct sc_served *served, struct sc_error *error)
{
    size_t n = 0;
    for (size_t i = 0; i < served->n_failures; i++)
        n += served->failures[i].refused;
    if (served->answered || n < served->options.most_failures)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO, "%s: all %zu requests were refused, the last one: %s",
                   sc_remote_url(served->remote, 1), n,
                   served->failures[served->n_failures - 1].why);
}

/* ---- whether the server is still what it was ------------------------------------------------- */

static void compare(struct sc_served *served, const char *what, const char *before, const char *now)
{
    if (before != NULL && now != NULL && strcmp(before, now) != 0)
        sc_fail(&served->changed, SC_ERR_CONFLICT,
                "the server's %s changed while it was sampled from: it was \"%.80s\" and is "
                "\"%.80s\"; what is stored came from the first",
                what, before, now);
}

/* Names are masked as those were that they are compared with. */
static void compare_with_facts(struct sc_served *served, const struct sc_choices *choices)
{
    char *const names[] = {choices->model, choices->fingerprint};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] != NULL)
            sc_remote_mask(served->remote, names[i], strlen(names[i]));
    compare(served, "model", served->facts.model, choices->model);
    compare(served, "system_fingerprint", served->facts.system_fingerprint, choices->fingerprint);
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum sc_status give_trace(struct sc_served *served, struct sc_served_flight *flight,
                                 size_t i, struct sc_error *error)
{
    const struct sc_served_prompt *prompt = flight->requests[0].prompt;
    struct sc_choice *choice = &flight->choices.choices[i];
    struct sc_source_trace trace;
    size_t n_generated = flight->n == 1 ? flight->choices.n_generated : 0;
    SC_TRY(sc_server_trace_finish(&served->rules, choice, prompt->reasoning, n_generated,
                                  &flight->traces[i], &trace, error));
    trace.n_prompt_tokens = flight->choices.n_prompt_tokens;
    served->progress.n_tokens += trace.n_tokens;
    return give(served, &flight->requests[i], &trace, error);
}

static enum sc_status give_traces(struct sc_served *served, struct sc_served_flight *flight,
                                  struct sc_error *error)
{
    compare_with_facts(served, &flight->choices);
    if (served->changed.status != SC_OK)
        return sc_fail(error, served->changed.status, "%s", served->changed.text);
    served->answered = true;
    SC_TRY(give_failures(served, error));
    served->progress.n_prompt_tokens += flight->choices.n_prompt_tokens;
    for (size_t i = 0; i < flight->n; i++)
        SC_TRY(give_trace(served, flight, i, error));
    return SC_OK;
}

/* Whether the server ended an answer for a reason of its own ("abort"). */
static bool was_given_up(const struct sc_served_flight *flight)
{
    for (size_t i = 0; i < flight->n; i++)
        if (flight->traces[i].n_cut == 0 &&
            sc_finish_of_word(flight->choices.choices[i].finish) == SC_FINISH_FAILED)
            return true;
    return false;
}

/* An answer that is not what was asked for; the request may be tried again. */
static enum sc_status try_again(struct sc_served_flight *flight, struct sc_remote_reply *reply,
                                const char *why)
{
    reply->unusable = true;
    sc_fail(&reply->why, SC_ERR_FORMAT, "%s", why);
    forget(flight);
    return SC_OK;
}

static enum sc_status take_answer(struct sc_served *served, struct sc_served_flight *flight,
                                  struct sc_remote_reply *reply, struct sc_error *error)
{
    bool streamed = served->stream && reply->n == 0;
    struct sc_error why = {0};
    enum sc_status status = SC_OK;
    if (!streamed) {
        sc_choices_clear(&flight->choices);
        status = sc_choices_add(&flight->choices, reply->body, reply->n, &why);
    }
    if (status == SC_ERR_NOMEM)
        return sc_fail(error, status, "%s", why.text);
    if (status != SC_OK)
        return try_again(flight, reply, why.text);
    if (streamed && flight->broken.status != SC_OK)
        return try_again(flight, reply, flight->broken.text);
    if (!reply->ended && !sc_choices_are_whole(&flight->choices, streamed))
        return try_again(flight, reply,
                         streamed ? "the server's stream ended before its answer"
                                  : "the server's answer: expected more choices");
    if (was_given_up(flight))
        return try_again(flight, reply, "the server gave the answer up");
    status = give_traces(served, flight, error);
    release(served, flight);
    return status;
}

/* The word by which a service says that a filter of its own withheld the answer, or NULL. */
static const char *filter_word(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    const json_t *places[] = {json_object_get(error, "code"), json_object_get(error, "type"),
                              json_object_get(root, "code")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *word = json_string_value(places[i]);
        if (word != NULL && sc_finish_of_word(word) == SC_FINISH_FILTERED)
            return word;
    }
    return NULL;
}

static enum sc_status take_refusal(struct sc_served *served, struct sc_served_flight *flight,
                                   const struct sc_remote_reply *reply, struct sc_error *error)
{
    json_t *root = NULL;
    struct sc_error unused = {0};
    const char *word =
        sc_remote_parse(reply->body, reply->n, &root, &unused) == SC_OK ? filter_word(root) : NULL;
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < flight->n && status == SC_OK; i++) {
        const struct sc_source_trace filtered = {.finish = SC_FINISH_FILTERED,
                                                 .text = "",
                                                 .n_tokens_known = true,
                                                 .finish_reason = word};
        if (word != NULL)
            status = give(served, &flight->requests[i], &filtered, error);
        else if (served->answered)
            status = give_failure(served, &flight->requests[i], reply->failure, error);
        else
            status = hold_back(served, &flight->requests[i], reply->failure, true, error);
    }
    json_decref(root);
    release(served, flight);
    return status == SC_OK ? check_refusals(served, error) : status;
}

static enum sc_status done(void *context, struct sc_remote_reply *reply, struct sc_error *error)
{
    struct sc_served *served = context;
    assert(reply->tag < served->options.parallel && served->flights[reply->tag].n > 0);
    struct sc_served_flight *flight = &served->flights[reply->tag];
    if (reply->outcome == SC_REMOTE_ANSWERED)
        return take_answer(served, flight, reply, error);
    if (reply->outcome == SC_REMOTE_REFUSED)
        return take_refusal(served, flight, reply, error);
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < flight->n && status == SC_OK; i++)
        status = hold_back(served, &flight->requests[i], reply->failure, false, error);
    release(served, flight);
    return status;
}

/* ---- streams --------------------------------------------------------------------------------- */

/* Shows the feed the tokens that are new; false: the trace is cut. */
static bool is_kept(const struct sc_served *served, const struct sc_served_flight *flight, size_t i,
                    size_t n_before)
{
    struct sc_server_trace *trace = &flight->traces[i];
    bool ended = flight->choices.choices[i].finish[0] != '\0';
    if (trace->no_confidence || served->feed->keep == NULL)
        return true;
    for (size_t n = n_before + 1; n <= trace->n; n++) {
        bool last = ended && n == trace->n;
        if (served->feed->keep(served->feed->context, &flight->requests[i], trace->stats, n) ||
            last)
            continue;
        trace->n_cut = n;
        return false;
    }
    return true;
}

/* Looks at what an event brought; *go_on false: nothing more is wanted of the answer. */
static enum sc_status look(struct sc_served *served, struct sc_served_flight *flight, bool *go_on,
                           struct sc_error *error)
{
    size_t n_over = 0, n_cut = 0;
    for (size_t i = 0; i < flight->n && flight->choices.choices != NULL; i++) {
        struct sc_server_trace *trace = &flight->traces[i];
        struct sc_choice *choice = &flight->choices.choices[i];
        size_t before = trace->n;
        if (trace->n_cut == 0 && !choice->strange) {
            SC_TRY(sc_server_trace_measure(&served->rules, choice, trace, error));
            is_kept(served, flight, i, before);
        }
        n_cut += trace->n_cut > 0;
        n_over += trace->n_cut > 0 || choice->finish[0] != '\0';
    }
    /* Where all have ended by themselves, what follows are the server's counts. */
    *go_on = !(n_over == flight->n && n_cut > 0);
    return SC_OK;
}

static enum sc_status event(void *context, size_t tag, const char *data, size_t n, bool *go_on,
                            struct sc_error *error)
{
    struct sc_served *served = context;
    assert(tag < served->options.parallel && served->flights[tag].n > 0);
    struct sc_served_flight *flight = &served->flights[tag];
    if (data == NULL) {
        forget(flight);
        return SC_OK;
    }
    struct sc_error why = {0};
    enum sc_status status = sc_choices_add_event(&flight->choices, data, n, &why);
    if (status == SC_ERR_NOMEM)
        return sc_fail(error, status, "%s", why.text);
    if (status != SC_OK) {
        flight->broken = why;
        *go_on = false;
        return SC_OK;
    }
    return look(served, flight, go_on, error);
}

/* ---- progress -------------------------------------------------------------------------------- */

/* Every now and then the servers say again what they are. */
static void watch(struct sc_served *served, double now)
{
    const double interval = 60;
    if (now - served->watched < interval || served->changed.status != SC_OK)
        return;
    served->watched = now;
    sc_server_unchanged(served->watch, &served->facts, &served->changed);
}

static bool step(void *context, const struct sc_remote_counts *counts)
{
    struct sc_served *served = context;
    struct sc_source_progress *progress = &served->progress;
    double now = sc_seconds();
    served->width_seconds += (double)served->n_in_flight * (now - served->stepped);
    served->stepped = now;
    progress->width = served->n_in_flight;
    progress->mean_width =
        now > served->started ? served->width_seconds / (now - served->started) : 0;
    progress->n_requests = served->before.n_tries + counts->n_tries;
    progress->n_retries = served->before.n_retries + counts->n_retries;
    watch(served, now);
    if (served->changed.status != SC_OK)
        return false;
    return served->feed->step == NULL || served->feed->step(served->feed->context, progress);
}

/* ---- all together ---------------------------------------------------------------------------- */

/* A question that any server answers somehow. */
struct greeting {
    bool asked, heard;
};

static enum sc_status next_greeting(void *context, struct sc_remote_request *request, bool *given,
                                    struct sc_error *error)
{
    struct greeting *greeting = context;
    (void)error;
    *given = !greeting->asked;
    greeting->asked = true;
    *request = (struct sc_remote_request){.path = "/models", .tentative = true};
    return SC_OK;
}

static enum sc_status take_greeting(void *context, struct sc_remote_reply *reply,
                                    struct sc_error *error)
{
    struct greeting *greeting = context;
    (void)error;
    greeting->heard = reply->outcome != SC_REMOTE_FAILED;
    return SC_OK;
}

/* Nothing was answered after the last failures, and nothing else is left to ask: was it the
 * requests' fault, or does no server answer any more? */
static enum sc_status settle_failures(struct sc_served *served, struct sc_error *error)
{
    const char *last = NULL;
    for (size_t i = 0; i < served->n_failures; i++)
        if (!served->failures[i].refused)
            last = served->failures[i].why;
    if (last == NULL)
        return give_failures(served, error);
    struct greeting greeting = {0};
    struct sc_error unused = {0};
    const struct sc_remote_source source = {
        .context = &greeting, .next = next_greeting, .done = take_greeting};
    enum sc_status status = sc_remote_run(served->remote, &source, NULL, &unused);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "a request to a server");
    if (greeting.heard)
        return give_failures(served, error);
    return sc_fail(error, SC_ERR_IO, "%s: the last %zu requests failed, the last one: %s",
                   sc_remote_url(served->remote, 1), served->n_failures, last);
}

static enum sc_status make_flights(struct sc_served *served, struct sc_error *error)
{
    size_t n = served->options.parallel, n_choices = served->options.n_choices;
    served->flights = sc_alloc_zero(n, sizeof *served->flights);
    if (served->flights == NULL)
        return sc_fail_nomem(error, "requests in flight");
    for (size_t i = 0; i < n; i++) {
        struct sc_served_flight *flight = &served->flights[i];
        flight->requests = sc_alloc_zero(n_choices, sizeof *flight->requests);
        flight->traces = sc_alloc_zero(n_choices, sizeof *flight->traces);
        if (flight->requests == NULL || flight->traces == NULL)
            return sc_fail_nomem(error, "requests in flight");
    }
    return SC_OK;
}

static enum sc_status sample(struct sc_served *served, struct sc_error *error)
{
    const struct sc_remote_source source = {
        .context = served, .next = next, .done = done, .event = event, .step = step};
    SC_TRY(make_flights(served, error));
    do {
        struct sc_remote_counts counts = {0};
        enum sc_status status = sc_remote_run(served->remote, &source, &counts, error);
        served->before.n_tries += counts.n_tries;
        served->before.n_retries += counts.n_retries;
        if (served->changed.status != SC_OK) {
            if (error != NULL)
                *error = served->changed;
            return served->changed.status;
        }
        SC_TRY(status);
        if (served->n_failures == 0)
            return SC_OK;
        SC_TRY(settle_failures(served, error));
    } while (true);
}

static void free_flights(struct sc_served *served)
{
    for (size_t i = 0; served->flights != NULL && i < served->options.parallel; i++) {
        struct sc_served_flight *flight = &served->flights[i];
        if (flight->traces != NULL)
            forget(flight);
        sc_free(flight->requests);
        sc_free(flight->traces);
    }
    sc_free(served->flights);
    served->flights = NULL;
    drop_failures(served);
    sc_free(served->failures);
    served->failures = NULL;
    served->cap_failures = 0;
}

enum sc_status sc_served_sample(void *context, const struct sc_feed *feed, struct sc_error *error)
{
    struct sc_served *served = context;
    assert(served->remote != NULL && served->flights == NULL);
    served->feed = feed;
    served->stream = feed->keep != NULL && served->facts.streams && served->rules.k > 0;
    served->holds = served->answered = false;
    served->n_in_flight = 0;
    served->progress = (struct sc_source_progress){
        .parallel = sc_size_mul(served->options.parallel, served->options.n_choices)};
    served->started = served->stepped = served->watched = sc_seconds();
    served->width_seconds = 0;
    served->before = (struct sc_remote_counts){0};
    enum sc_status status = sample(served, error);
    free_flights(served);
    served->feed = NULL;
    return status;
}
