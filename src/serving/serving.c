/*
 * See serving.h.
 *
 * Owns what is started and in which order it ends: first nothing further is taken, then what is in
 * hand is finished or dropped, then the engine's threads end, and the HTTP side last, since it
 * sends what they left.  Next: house.h, which says who does what.
 */
#include "serving/serving.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "serving/http.h"
#include "serving/sampling.h"
#include "serving/scoring.h"

enum {
    DEFAULT_PROMPT = 4096,
    DEFAULT_NEW = 1024,
    BODY_BYTES = 4 << 20,
    BACKLOG = 128,
    READING_SECONDS = 3
};

struct sc_serving {
    struct sc_serving_options options;
    struct sc_serving_house house;
    struct sc_serving_http http;
    char fingerprint[320];
    uint16_t port;
    int socket;
    pthread_t sampler, scorer;
    bool has_locks, has_sampler, has_scorer;
};

struct sc_serving_options sc_serving_options_default(void)
{
    return (struct sc_serving_options){.model = "demo",
                                       .host = "127.0.0.1",
                                       .chat = sc_chat_options_default(),
                                       .engine = sc_engine_options_default(),
                                       .most_jobs = 256,
                                       .max_top = 20,
                                       .grace = 10};
}

/* ---- the model ------------------------------------------------------------------------------- */

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum sc_status open_model(struct sc_serving *s, struct sc_error *error)
{
    const struct sc_serving_options *options = &s->options;
    struct sc_serving_model *model = &s->house.model;
    SC_TRY(sc_opened_read(&model->opened, options->model, error));
    SC_TRY(sc_opened_frame(&model->opened, &options->chat, error));
    SC_TRY(sc_opened_start(&model->opened, &options->engine, error));
    const size_t context = model->opened.context;
    if (options->max_new >= context || options->max_prompt >= context)
        return sc_fail(error, SC_ERR_LIMIT,
                       "max-new-tokens and max-prompt-tokens: expected less than the model's "
                       "context of %zu",
                       context);
    model->chat = options->chat;
    model->name = options->name != NULL ? options->name : model->opened.name;
    model->path = options->model;
    model->max_prompt =
        options->max_prompt > 0 ? options->max_prompt : min_size(DEFAULT_PROMPT, context - 1);
    model->max_new = options->max_new > 0 ? options->max_new : min_size(DEFAULT_NEW, context - 1);
    model->max_top = options->max_top;
    snprintf(s->fingerprint, sizeof s->fingerprint, "safeconf %s %s %s %s", SAFECONF_VERSION,
             model->opened.name, sc_dtype_name(sc_engine_dtype(model->opened.engine)),
             sc_engine_kernels(model->opened.engine));
    return SC_OK;
}

static enum sc_status open_session(struct sc_serving *s, struct sc_error *error)
{
    const struct sc_serving_model *model = &s->house.model;
    const struct sc_batch_options batch = {.parallel = s->options.parallel,
                                           .max_new_tokens = model->max_new,
                                           .max_prompt = model->max_prompt,
                                           .max_top = model->max_top,
                                           .max_bytes = s->options.max_bytes};
    SC_TRY(sc_batch_plan(model->opened.engine, &batch, &s->house.plan, error));
    return sc_session_start(&s->house.session, model->opened.engine, &s->house.plan, &batch, error);
}

/* ---- the address ----------------------------------------------------------------------------- */

static enum sc_status bind_to(struct sc_serving *s, const struct addrinfo *at,
                              struct sc_error *error)
{
    const int yes = 1;
    s->socket = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (s->socket < 0 || setsockopt(s->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(s->socket, at->ai_addr, at->ai_addrlen) != 0 || listen(s->socket, BACKLOG) != 0)
        return sc_fail(error, SC_ERR_IO, "%s port %u: cannot listen: %m", s->options.host,
                       (unsigned)s->options.port);
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;
    char port[16] = "";
    if (getsockname(s->socket, (struct sockaddr *)&bound, &n) != 0 ||
        getnameinfo((struct sockaddr *)&bound, n, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot listen: its port is not known",
                       s->options.host);
    unsigned number = 0;
    sscanf(port, "%u", &number);
    s->port = (uint16_t)number;
    return SC_OK;
}

static enum sc_status listen_at(struct sc_serving *s, struct sc_error *error)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[16];
    snprintf(port, sizeof port, "%u", (unsigned)s->options.port);
    int found_none = getaddrinfo(s->options.host, port, &wanted, &found);
    if (found_none == EAI_MEMORY)
        return sc_fail_nomem(error, "host");
    if (found_none == EAI_SYSTEM)
        return sc_fail(error, SC_ERR_IO, "host: %s: %s", s->options.host, strerror(errno));
    if (found_none != 0 || found == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "host: expected an address of this machine, found %s", s->options.host);
    enum sc_status status = bind_to(s, found, error);
    freeaddrinfo(found);
    return status;
}

/* ---- starting -------------------------------------------------------------------------------- */

static enum sc_status start_threads(struct sc_serving *s, struct sc_error *error)
{
    int why = pthread_create(&s->sampler, NULL, sc_serving_sample, &s->house);
    s->has_sampler = why == 0;
    if (s->has_sampler) {
        why = pthread_create(&s->scorer, NULL, sc_serving_score, &s->house);
        s->has_scorer = why == 0;
    }
    return why == 0 ? SC_OK
                    : sc_fail(error, SC_ERR_NOMEM, "a thread cannot be started: %s", strerror(why));
}

static enum sc_status open_all(struct sc_serving *s, struct sc_error *error)
{
    SC_TRY(listen_at(s, error)); /* first: it fails at once where a port is taken */
    SC_TRY(open_model(s, error));
    SC_TRY(open_session(s, error));
    s->house.most_jobs = s->options.most_jobs;
    s->house.wake = sc_serving_http_wake;
    pthread_mutex_init(&s->house.lock, NULL);
    pthread_mutex_init(&s->house.model.lock, NULL);
    pthread_cond_init(&s->house.arrived, NULL);
    s->has_locks = true;
    s->http = (struct sc_serving_http){.house = &s->house,
                                       .signature = {s->house.model.name, s->fingerprint},
                                       .host = s->options.host,
                                       .key = s->options.key,
                                       .most_bytes = BODY_BYTES};
    SC_TRY(start_threads(s, error));
    SC_TRY(sc_serving_http_start(&s->http, s->socket, error));
    s->socket = -1; /* the HTTP side's */
    return SC_OK;
}

enum sc_status sc_serving_open(struct sc_serving **out, const struct sc_serving_options *options,
                               struct sc_error *error)
{
    assert(options->most_jobs > 0);
    *out = NULL;
    struct sc_serving *s = sc_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return sc_fail_nomem(error, "a server");
    s->options = *options;
    s->socket = -1;
    enum sc_status status = open_all(s, error);
    if (status != SC_OK) {
        sc_serving_close(s);
        return status;
    }
    *out = s;
    return SC_OK;
}

struct sc_serving_facts sc_serving_facts(const struct sc_serving *s)
{
    const struct sc_serving_model *model = &s->house.model;
    const struct sc_engine *engine = model->opened.engine;
    return (struct sc_serving_facts){.name = model->name,
                                     .host = s->options.host,
                                     .dtype = sc_dtype_name(sc_engine_dtype(engine)),
                                     .kernels = sc_engine_kernels(engine),
                                     .device = sc_engine_device(engine),
                                     .remarks = model->opened.remarks.data,
                                     .port = s->port,
                                     .parallel = s->house.plan.parallel,
                                     .max_prompt = model->max_prompt,
                                     .max_new = model->max_new,
                                     .n_threads = sc_engine_n_threads(engine),
                                     .weight_bytes = sc_engine_weight_bytes(engine),
                                     .batch_bytes = s->house.plan.total_bytes};
}

/* ---- running and ending ---------------------------------------------------------------------- */

static size_t watch(struct sc_serving *s)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL); /* a signal ends it */
    pthread_mutex_lock(&s->house.lock);
    sc_serving_connections_watch(&s->http.connections);
    sc_serving_house_tidy(&s->house);
    size_t n = s->house.n_jobs;
    pthread_mutex_unlock(&s->house.lock);
    return n;
}

static void tell(struct sc_serving *s, bool drops)
{
    pthread_mutex_lock(&s->house.lock);
    s->house.is_ending = true;
    s->house.is_dropping = drops;
    pthread_cond_broadcast(&s->house.arrived);
    pthread_mutex_unlock(&s->house.lock);
}

void sc_serving_run(struct sc_serving *s, bool (*ends)(void), size_t *n_dropped)
{
    size_t n = 0;
    while (!ends())
        watch(s);
    tell(s, false);
    const double until = sc_seconds() + s->options.grace;
    while ((n = watch(s)) > 0 && sc_seconds() < until)
        ;
    *n_dropped = n;
}

/* Answers that are there, and words about those that were dropped, are on their way for a moment.
 */
static void wait_for_readers(struct sc_serving *s)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const double until = sc_seconds() + READING_SECONDS;
    for (size_t n = 1; n > 0 && sc_seconds() < until; nanosleep(&pause, NULL)) {
        n = 0;
        pthread_mutex_lock(&s->house.lock);
        for (const struct sc_serving_connection *c = s->http.connections.first; c != NULL;
             c = c->next)
            n += c->job != NULL;
        pthread_mutex_unlock(&s->house.lock);
    }
}

void sc_serving_close(struct sc_serving *s)
{
    if (s == NULL)
        return;
    if (s->has_locks)
        tell(s, true);
    if (s->has_sampler)
        pthread_join(s->sampler, NULL);
    if (s->has_scorer)
        pthread_join(s->scorer, NULL);
    if (s->http.daemon != NULL)
        wait_for_readers(s);
    sc_serving_http_stop(&s->http);
    if (s->socket >= 0)
        close(s->socket);
    sc_session_close(s->house.session);
    sc_serving_prompts_free(&s->house.prompts);
    sc_serving_model_forget(&s->house.model);
    sc_opened_close(&s->house.model.opened);
    if (s->has_locks) {
        pthread_cond_destroy(&s->house.arrived);
        pthread_mutex_destroy(&s->house.model.lock);
        pthread_mutex_destroy(&s->house.lock);
    }
    sc_free(s);
}
