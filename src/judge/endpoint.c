/*
 * The judge behind a server: items become requests, and answers become judgements.
 *
 * What a server refuses (4xx) before it has answered anything may be the configuration's fault, not
 * the text's.  Such refusals are held back: the first answer shows that they were the texts', and
 * they are handed over as final; without any answer a later pass asks again, and when there are
 * many the run ends with the server's words.
 */
#include "judge/endpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/random.h"
#include "remote/remote.h"

struct sc_endpoint_judge {
    struct sc_judge_config config;
    struct sc_remote *remote;
    double temperature;
    uint64_t seed; /* of the options; the configuration has one too */
    size_t many;   /* failures in a row that end a run */
};

struct refusal {
    size_t item;
    char *why;
};

struct asking {
    const struct sc_endpoint_judge *judge;
    const struct sc_judge_item *items;
    size_t n_items, next_item;
    const struct sc_judge_sink *sink;
    struct sc_judge_counts *counts;
    bool answered;            /* anything yet */
    struct refusal *refusals; /* held back */
    size_t n_refusals, cap_refusals;
    double started;
};

/* ---- opening --------------------------------------------------------------------------------- */

enum sc_status sc_endpoint_judge_configure(struct sc_judge_config *out,
                                           const struct sc_judge_options *options,
                                           struct sc_error *error)
{
    SC_TRY(sc_judge_config_open(out, options, error));
    enum sc_status status = SC_OK;
    if (out->url == NULL)
        status = sc_fail(error, SC_ERR_ARGUMENT,
                         "judge-url: expected the base URL of the server with %s, found nothing",
                         out->model);
    else if (out->key_required && getenv(out->key_variable) == NULL)
        status = sc_fail(error, SC_ERR_ARGUMENT,
                         "api_key_env: expected an API key in the environment variable %s, found "
                         "nothing",
                         sc_key_variable_shown(out->key_variable));
    for (size_t i = 0; status == SC_OK && i < options->n_more_urls; i++)
        status = sc_remote_check_url(options->more_urls[i], NULL, error);
    if (status != SC_OK)
        sc_judge_config_free(out);
    return status;
}

/* Room for every token with its candidates in the longer of the two shapes, within reason. */
static size_t most_bytes(const struct sc_judge_config *config)
{
    const size_t most = (size_t)256 << 20;
    size_t wanted = ((size_t)1 << 20) + config->max_tokens * (1 + config->n_top) * 400;
    return wanted < most ? wanted : most;
}

/* The configuration's server and those beside it. */
static enum sc_status open_remote(struct sc_endpoint_judge *judge,
                                  const struct sc_judge_options *options,
                                  struct sc_remote_options *remote, struct sc_error *error)
{
    const char **urls = sc_alloc_array(options->n_more_urls + 1, sizeof *urls);
    if (urls == NULL)
        return sc_fail_nomem(error, "judge");
    urls[0] = judge->config.url;
    for (size_t i = 0; i < options->n_more_urls; i++)
        urls[i + 1] = options->more_urls[i];
    remote->urls = urls;
    remote->n_urls = options->n_more_urls + 1;
    enum sc_status status = sc_remote_open(&judge->remote, remote, error);
    sc_free(urls);
    return status;
}

static enum sc_status open_judge(struct sc_endpoint_judge *judge,
                                 const struct sc_judge_options *options, struct sc_error *error)
{
    const struct sc_judge_config *config = &judge->config;
    SC_TRY(sc_endpoint_judge_configure(&judge->config, options, error));
    struct sc_remote_options remote = sc_remote_options_default();
    remote.key = config->key_variable != NULL ? getenv(config->key_variable) : NULL;
    remote.parallel = options->parallel ? options->parallel : remote.parallel;
    remote.n_retries = (unsigned)config->n_retries;
    remote.connect_timeout = config->connect_timeout;
    remote.timeout = options->timeout > 0 ? options->timeout : config->timeout;
    remote.most_failures =
        options->most_failures > 0 ? options->most_failures : remote.most_failures;
    remote.stall_timeout = config->stall_timeout;
    remote.max_response = most_bytes(config);
    remote.seed = config->seed;
    judge->many = remote.most_failures;
    judge->temperature = options->temperature;
    judge->seed = options->seed;
    return open_remote(judge, options, &remote, error);
}

enum sc_status sc_endpoint_judge_open(struct sc_endpoint_judge **out,
                                      const struct sc_judge_options *options,
                                      struct sc_error *error)
{
    *out = NULL;
    struct sc_endpoint_judge *judge = sc_alloc_zero(1, sizeof *judge);
    if (judge == NULL)
        return sc_fail_nomem(error, "judge");
    enum sc_status status = open_judge(judge, options, error);
    if (status != SC_OK) {
        sc_endpoint_judge_close(judge);
        return status;
    }
    *out = judge;
    return SC_OK;
}

void sc_endpoint_judge_close(struct sc_endpoint_judge *judge)
{
    if (judge == NULL)
        return;
    sc_remote_close(judge->remote);
    sc_judge_config_free(&judge->config);
    sc_free(judge);
}

const struct sc_judge_config *sc_endpoint_judge_config(const struct sc_endpoint_judge *judge)
{
    return &judge->config;
}

/* ---- judgements ------------------------------------------------------------------------------ */

/* The label without which a judgement counts as unparsed. */
static bool is_unparsed(const struct asking *asking, size_t item,
                        const struct sc_judgement *judgement)
{
    const struct sc_judge_config *config = &asking->judge->config;
    if (asking->items[item].response != NULL && config->refusal.pattern != NULL &&
        judgement->refused == SC_REFUSED_UNPARSED)
        return true;
    return judgement->safety == SC_SAFETY_UNPARSED;
}

static enum sc_status deliver(struct asking *asking, size_t item,
                              const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_judge_counts *counts = asking->counts;
    counts->n_done++;
    counts->n_failed += judgement->failure != NULL;
    counts->n_unparsed += judgement->failure == NULL && is_unparsed(asking, item, judgement);
    counts->n_unscored += judgement->unscored != NULL;
    return asking->sink->done(asking->sink->context, item, judgement, error);
}

static enum sc_status deliver_failure(struct asking *asking, size_t item, const char *why,
                                      bool again, struct sc_error *error)
{
    struct sc_judgement judgement = sc_judgement_none();
    judgement.failure = why;
    judgement.again = again;
    return deliver(asking, item, &judgement, error);
}

/* ---- refusals that are held back ------------------------------------------------------------- */

static enum sc_status hold_back(struct asking *asking, size_t item, const char *why,
                                struct sc_error *error)
{
    if (sc_grow((void **)&asking->refusals, asking->n_refusals, &asking->cap_refusals,
                sizeof *asking->refusals) != 0)
        return sc_fail_nomem(error, "refused requests");
    struct refusal *refusal = &asking->refusals[asking->n_refusals];
    *refusal = (struct refusal){.item = item, .why = sc_strdup(why)};
    if (refusal->why == NULL)
        return sc_fail_nomem(error, "refused requests");
    asking->n_refusals++;
    return SC_OK;
}

static enum sc_status hand_over_refusals(struct asking *asking, bool again, struct sc_error *error)
{
    for (size_t i = 0; i < asking->n_refusals; i++)
        SC_TRY(deliver_failure(asking, asking->refusals[i].item, asking->refusals[i].why, again,
                               error));
    return SC_OK;
}

static void free_refusals(struct asking *asking)
{
    for (size_t i = 0; i < asking->n_refusals; i++)
        sc_free(asking->refusals[i].why);
    sc_free(asking->refusals);
    asking->refusals = NULL;
    asking->n_refusals = asking->cap_refusals = 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* A greedy judge keeps the configuration's seed.  31 bits, which every server takes. */
static uint64_t seed_of(const struct sc_endpoint_judge *judge, struct sc_judge_draw draw)
{
    uint64_t both = sc_random_bits(SC_STREAM_JUDGING, judge->config.seed, judge->seed, 0, 0);
    uint64_t drawn = sc_random_bits(SC_STREAM_JUDGING, both, draw.key, draw.repeat, 1);
    return judge->temperature > 0 ? drawn & 0x7fffffff : judge->config.seed;
}

static enum sc_status make_body(const struct asking *asking, size_t place, struct sc_text *text,
                                struct sc_remote_request *request, struct sc_error *error)
{
    const struct sc_endpoint_judge *judge = asking->judge;
    const struct sc_judge_config *config = &judge->config;
    const struct sc_judge_item *item = &asking->items[place];
    json_t *messages = NULL;
    SC_TRY(config->messages
               ? sc_judge_config_messages(config, item, &messages, error)
               : sc_judge_config_render(config, item->prompt, item->response, text, error));
    const struct sc_completion_request completion = {
        .endpoint = config->endpoint,
        .model = config->model,
        .text = text->data != NULL ? text->data : "",
        .messages = messages,
        .temperature = judge->temperature,
        .max_tokens = config->max_tokens,
        .seed = seed_of(judge, sc_judge_draw_of(asking->sink, place)),
        .n_top = config->n_top,
        .more = config->more};
    enum sc_status status = sc_completion_body(&completion, &request->body, &request->n, error);
    json_decref(messages);
    return status;
}

/* The request about an item; SC_ERR_FORMAT and SC_ERR_UNSUPPORTED are the item's own fault. */
static enum sc_status make_request(const struct asking *asking, size_t item,
                                   struct sc_remote_request *request, struct sc_error *error)
{
    const struct sc_judge_config *config = &asking->judge->config;
    request->path = sc_endpoint_path(config->endpoint);
    request->tag = item;
    struct sc_text text = {0};
    enum sc_status status = make_body(asking, item, &text, request, error);
    sc_text_free(&text);
    return status;
}

static enum sc_status next(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error)
{
    struct asking *asking = context;
    *given = false;
    while (asking->next_item < asking->n_items) {
        size_t item = asking->next_item++;
        struct sc_error why = {0};
        enum sc_status status = make_request(asking, item, request, &why);
        *given = status == SC_OK;
        if (*given)
            return SC_OK;
        if (status != SC_ERR_FORMAT && status != SC_ERR_UNSUPPORTED)
            return sc_fail(error, status, "%s", why.text);
        SC_TRY(deliver_failure(asking, item, why.text, false, error));
    }
    return SC_OK;
}

/* What the server said about an item. */
static enum sc_status take_completion(struct asking *asking, size_t item,
                                      struct sc_completion *completion, struct sc_error *error)
{
    asking->answered = true;
    sc_remote_mask(asking->judge->remote, completion->text, completion->n);
    asking->counts->n_prompt_tokens += completion->n_prompt_tokens;
    asking->counts->n_generated += completion->n_tokens;
    enum sc_status status = hand_over_refusals(asking, false, error);
    free_refusals(asking);
    if (status != SC_OK)
        return status;
    struct sc_judgement judgement;
    sc_judge_config_read(&asking->judge->config, completion, asking->items[item].response == NULL,
                         &judgement);
    if (sc_judge_config_ran_out(&asking->judge->config))
        return sc_fail_nomem(error, "reading a judge's answer");
    return deliver(asking, item, &judgement, error);
}

static enum sc_status take_answer(struct asking *asking, size_t item, struct sc_remote_reply *reply,
                                  struct sc_error *error)
{
    struct sc_completion completion;
    enum sc_status status = sc_completion_read(reply->body, reply->n, &completion, &reply->why);
    if (status == SC_ERR_NOMEM)
        return sc_fail(error, status, "%s", reply->why.text);
    reply->unusable = status != SC_OK; /* tried again; a failure when no try is left */
    if (reply->unusable)
        return SC_OK;
    status = take_completion(asking, item, &completion, error);
    sc_completion_free(&completion);
    return status;
}

static enum sc_status done(void *context, struct sc_remote_reply *reply, struct sc_error *error)
{
    struct asking *asking = context;
    size_t item = reply->tag;
    assert(item < asking->n_items);
    switch (reply->outcome) {
    case SC_REMOTE_ANSWERED:
        return take_answer(asking, item, reply, error);
    case SC_REMOTE_REFUSED:
        return asking->answered ? deliver_failure(asking, item, reply->failure, false, error)
                                : hold_back(asking, item, reply->failure, error);
    case SC_REMOTE_FAILED:
        break;
    }
    return deliver_failure(asking, item, reply->failure, true, error);
}

static bool step(void *context, const struct sc_remote_counts *remote)
{
    struct asking *asking = context;
    struct sc_judge_counts *counts = asking->counts;
    counts->n_requests = remote->n_tries;
    counts->n_retries = remote->n_retries;
    counts->seconds = sc_seconds() - asking->started;
    return asking->sink->step == NULL || asking->sink->step(asking->sink->context, counts);
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status run(struct asking *asking, const struct sc_endpoint_judge *judge,
                          struct sc_remote_counts *remote, struct sc_error *error)
{
    const struct sc_remote_source source = {
        .context = asking, .next = next, .done = done, .step = step};
    SC_TRY(sc_remote_run(judge->remote, &source, remote, error));
    if (asking->n_refusals >= judge->many)
        return sc_fail(error, SC_ERR_IO, "%s: all %zu requests were refused, the last one: %s",
                       judge->config.url, asking->n_refusals,
                       asking->refusals[asking->n_refusals - 1].why);
    return hand_over_refusals(asking, true, error);
}

enum sc_status sc_endpoint_judge_run(struct sc_endpoint_judge *judge,
                                     const struct sc_judge_item *items, size_t n,
                                     const struct sc_judge_sink *sink,
                                     struct sc_judge_counts *counts, struct sc_error *error)
{
    assert(sink->done != NULL);
    struct sc_judge_counts unused;
    struct sc_remote_counts remote = {0};
    struct asking asking = {.judge = judge,
                            .items = items,
                            .n_items = n,
                            .sink = sink,
                            .counts = counts != NULL ? counts : &unused,
                            .started = sc_seconds()};
    *asking.counts = (struct sc_judge_counts){.remote = true};
    enum sc_status status = run(&asking, judge, &remote, error);
    free_refusals(&asking);
    asking.counts->n_requests = remote.n_tries;
    asking.counts->n_retries = remote.n_retries;
    asking.counts->seconds = sc_seconds() - asking.started;
    return status;
}
