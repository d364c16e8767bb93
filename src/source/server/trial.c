/* See trial.h. */
#include "source/server/trial.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "source/server/fields.h"

static const char *const chat_texts[SC_TRIAL_CONTEXTS] = {
    "Hello!", "Name an animal.", "Write the first word of a story.", "Think of a town."};
static const char *const plain_texts[SC_TRIAL_CONTEXTS] = {
    "Hello!", "My favourite animal is the", "Once upon a time, there was a", "Yesterday I went to"};

bool sc_trials_with(const struct sc_trials *trials, const char *name)
{
    return sc_software_is(trials->software, name);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static const char *text_of(const struct sc_trials *trials, size_t context)
{
    bool chat = trials->probe->endpoint == SC_ENDPOINT_CHAT;
    if (context == 0 && trials->probe->text != NULL)
        return trials->probe->text;
    return (chat ? chat_texts : plain_texts)[context];
}

static json_t *ids_of(const struct sc_trials *trials)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids != NULL && i < trials->probe->n_ids; i++) {
        if (json_array_append_new(ids, json_integer(trials->probe->ids[i])) != 0) {
            json_decref(ids);
            return NULL;
        }
    }
    return ids;
}

/* 0, or -1 when memory is exhausted; takes the value. */
static int put(json_t *body, const char *key, json_t *value)
{
    return json_object_set_new(body, key, value);
}

static int put_prompt(json_t *body, const struct sc_trials *trials, size_t context)
{
    const char *text = text_of(trials, context);
    if (trials->probe->endpoint == SC_ENDPOINT_CHAT)
        return put(body, "messages", json_pack("[{s:s,s:s}]", "role", "user", "content", text));
    if (context == 0 && trials->ids)
        return put(body, "prompt", ids_of(trials));
    return put(body, "prompt", json_string(text));
}

static int put_limit(json_t *body, const struct sc_trials *trials, size_t n)
{
    return put(body, trials->completion_tokens ? "max_completion_tokens" : "max_tokens",
               json_integer((json_int_t)n));
}

static const struct sc_sampling no_filters = {.top_p = 1, .repetition_penalty = 1};

static int put_sampling(json_t *body, const struct sc_trials *trials, double temperature,
                        const struct sc_sampling *filters)
{
    int failed = isnan(temperature) ? 0 : put(body, "temperature", json_real(temperature));
    return failed | !sc_fields_put_filters(body, filters, trials->software);
}

static int put_logprobs(json_t *body, const struct sc_trials *trials, size_t n_top)
{
    if (n_top == 0)
        return 0;
    json_t *number = json_integer((json_int_t)n_top);
    if (trials->probe->endpoint != SC_ENDPOINT_CHAT)
        return put(body, "logprobs", number);
    return put(body, "logprobs", json_true()) | put(body, "top_logprobs", number);
}

static int fill(json_t *body, const struct sc_trials *trials, const struct sc_trial *trial)
{
    int failed =
        put(body, "model", json_string(trials->model)) | put_prompt(body, trials, trial->context) |
        put_limit(body, trials, trial->max_tokens) | put_logprobs(body, trials, trial->n_top);
    const struct sc_sampling *own = &trials->probe->wish->sampling;
    if (trial->sampling == SC_TRIAL_OWN)
        failed |= put_sampling(body, trials, own->temperature, own);
    else if (!trials->plain)
        failed |= put_sampling(body, trials, trial->temperature, &no_filters);
    else if (trial->temperature != 1)
        failed |= put(body, "temperature", json_real(trial->temperature));
    if (trials->template_args != NULL)
        failed |= json_object_set(body, "chat_template_kwargs", trials->template_args);
    if (trial->seeded)
        failed |= put(body, "seed", json_integer(trial->seed));
    if (trial->stream)
        failed |= put(body, "stream", json_true());
    if (trial->token_ids)
        failed |= put(body, "return_token_ids", json_true());
    return failed;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct sc_question question_of(const struct sc_trials *trials, const json_t *body)
{
    return (struct sc_question){.path = sc_endpoint_path(trials->probe->endpoint),
                                .body = body,
                                .completion = true,
                                .server = 1};
}

static enum sc_status ask_once(const struct sc_trials *trials, const struct sc_trial *trial,
                               struct sc_answer *answer, struct sc_error *error)
{
    *answer = (struct sc_answer){0};
    json_t *body = json_object();
    struct sc_question question = question_of(trials, body);
    question.stream = trial->stream;
    question.most_tries = trial->most_tries;
    if (trial->server > 0)
        question.server = trial->server;
    enum sc_status status = body == NULL || fill(body, trials, trial) != 0
                                ? sc_fail_nomem(error, "a question to a server")
                                : sc_ask(trials->probe->remote, &question, answer, error);
    json_decref(body);
    return status;
}

bool sc_trial_ended(const struct sc_answer *answer)
{
    const struct sc_completion *c = &answer->completion;
    return answer->outcome == SC_REMOTE_ANSWERED && c->n == 0 && c->n_listed == 0 && !c->cut;
}

/* The same seed would give the same answer, and events are not read here. */
enum sc_status sc_trial_ask(const struct sc_trials *trials, const struct sc_trial *trial,
                            struct sc_answer *answer, struct sc_error *error)
{
    enum { TIMES = 3 };
    assert(trial->context < SC_TRIAL_CONTEXTS && trial->max_tokens > 0);
    const bool by_chance = trial->n_top > 0 && !trial->seeded && !trial->stream;
    SC_TRY(ask_once(trials, trial, answer, error));
    for (size_t i = 1; by_chance && i < TIMES && sc_trial_ended(answer); i++) {
        if (*trials->n_again == 0)
            return SC_OK;
        --*trials->n_again;
        sc_answer_free(answer);
        SC_TRY(ask_once(trials, trial, answer, error));
    }
    return SC_OK;
}

struct sc_rule_list sc_trial_list(const struct sc_answer *answer)
{
    const struct sc_completion *c = &answer->completion;
    if (c->n_listed == 0)
        return (struct sc_rule_list){0};
    return (struct sc_rule_list){.items = c->candidates + c->tokens[0].first,
                                 .n = c->tokens[0].n_candidates};
}

/* ---- forced tokens --------------------------------------------------------------------------- */

static bool is_text(const json_t *value, const char *text, size_t n)
{
    return json_is_string(value) && json_string_length(value) == n &&
           memcmp(json_string_value(value), text, n) == 0;
}

/* In vLLM's prompt_logprobs, a list of {"ID": {"logprob", "decoded_token"}}: of the last token. */
static double in_prompt_logprobs(const json_t *choice, const struct sc_candidate *token)
{
    json_t *list = json_object_get(choice, "prompt_logprobs");
    json_t *last = json_array_get(list, json_array_size(list) - 1), *one;
    const char *id;
    json_object_foreach(last, id, one)
    {
        const json_t *logprob = json_object_get(one, "logprob");
        if (is_text(json_object_get(one, "decoded_token"), token->text, token->n) &&
            json_is_number(logprob))
            return json_number_value(logprob);
    }
    return NAN;
}

/* In the lists of an echo: of the token that ends the given text, if it is that token.  Lists that
 * end there, without the token that was generated, are each a place off (llama-cpp-python). */
static double in_echo(const json_t *choice, const char *text, const struct sc_candidate *token)
{
    const json_t *logprobs = json_object_get(choice, "logprobs");
    const json_t *tokens = json_object_get(logprobs, "tokens");
    const json_t *values = json_object_get(logprobs, "token_logprobs");
    size_t n = strlen(text), at = 0;
    for (size_t i = 0; i < json_array_size(tokens) && at < n; i++) {
        const json_t *piece = json_array_get(tokens, i), *value = json_array_get(values, i);
        size_t length = json_string_length(piece);
        if (!json_is_string(piece) || length > n - at ||
            memcmp(text + at, json_string_value(piece), length) != 0)
            return NAN;
        at += length;
        if (at == n)
            return i + 1 < json_array_size(tokens) && is_text(piece, token->text, token->n) &&
                           json_is_number(value)
                       ? json_number_value(value)
                       : NAN;
    }
    return NAN;
}

static int fill_forced(json_t *body, const struct sc_trials *trials, const char *text, bool vllm)
{
    int failed = put(body, "model", json_string(trials->model)) |
                 put(body, "prompt", json_string(text)) | put(body, "max_tokens", json_integer(1)) |
                 put(body, "temperature", json_integer(1));
    return failed |
           (vllm ? put(body, "prompt_logprobs", json_integer(1))
                 : put(body, "echo", json_true()) | put(body, "logprobs", json_integer(1)));
}

static double read_forced(const struct sc_answer *answer, const char *text, bool vllm,
                          const struct sc_candidate *token)
{
    const json_t *choice = json_array_get(json_object_get(answer->root, "choices"), 0);
    if (answer->outcome != SC_REMOTE_ANSWERED)
        return NAN;
    return vllm ? in_prompt_logprobs(choice, token) : in_echo(choice, text, token);
}

static enum sc_status ask_forced(const struct sc_trials *trials, const char *text,
                                 const struct sc_candidate *token, double *logprob,
                                 struct sc_error *error)
{
    bool vllm = sc_trials_with(trials, "vllm");
    struct sc_answer answer = {0};
    json_t *body = json_object();
    const struct sc_question question = question_of(trials, body);
    enum sc_status status = body == NULL || fill_forced(body, trials, text, vllm) != 0
                                ? sc_fail_nomem(error, "a question to a server")
                                : sc_ask(trials->probe->remote, &question, &answer, error);
    *logprob = read_forced(&answer, text, vllm, token);
    sc_answer_free(&answer);
    json_decref(body);
    return status;
}

enum sc_status sc_trial_forced(const struct sc_trials *trials, size_t context,
                               const struct sc_candidate *token, double *logprob,
                               struct sc_error *error)
{
    assert(trials->probe->endpoint == SC_ENDPOINT_COMPLETION && context > 0);
    *logprob = NAN;
    struct sc_text text = {0};
    sc_text_puts(&text, text_of(trials, context));
    sc_text_add(&text, token->text, token->n);
    enum sc_status status = SC_OK;
    if (text.failed)
        status = sc_fail_nomem(error, "a question to a server");
    else if (strlen(text.data) == text.len && sc_utf8_valid(text.data, text.len) == text.len)
        status = ask_forced(trials, text.data, token, logprob, error);
    sc_text_free(&text);
    return status;
}
