/* See completion.h. */
#include "remote/completion.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "remote/choices.h"

/* ---- asking ---------------------------------------------------------------------------------- */

const char *sc_endpoint_path(enum sc_endpoint endpoint)
{
    return endpoint == SC_ENDPOINT_CHAT ? "/chat/completions" : "/completions";
}

/* Whether a field of ours is to be written: no other value is given for it. */
static bool is_ours(const struct sc_completion_request *request, const char *key)
{
    return json_object_get(request->more, key) == NULL;
}

/* A value that is JSON already. */
static void put_json(struct sc_json_writer *out, const char *key, const json_t *value)
{
    struct sc_text text = {0};
    sc_json_write(&text, value);
    if (text.failed)
        out->text->failed = true;
    else
        sc_json_put_raw(out, key, text.data);
    sc_text_free(&text);
}

static void put_text(struct sc_json_writer *out, const struct sc_completion_request *request)
{
    if (request->endpoint != SC_ENDPOINT_CHAT && request->ids != NULL) {
        sc_json_put_array(out, "prompt");
        for (size_t i = 0; i < request->n_ids; i++)
            sc_json_put_integer(out, NULL, request->ids[i]);
        sc_json_put_end_array(out);
        return;
    }
    if (request->endpoint != SC_ENDPOINT_CHAT) {
        sc_json_put_string(out, "prompt", request->text);
        return;
    }
    if (request->messages != NULL) {
        put_json(out, "messages", request->messages);
        return;
    }
    sc_json_put_array(out, "messages");
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "role", "user");
    sc_json_put_string(out, "content", request->text);
    sc_json_put_end_object(out);
    sc_json_put_end_array(out);
}

static void put_logprobs(struct sc_json_writer *out, const struct sc_completion_request *request)
{
    if (request->n_top == 0 || !is_ours(request, "logprobs"))
        return;
    if (request->endpoint != SC_ENDPOINT_CHAT) {
        sc_json_put_count(out, "logprobs", request->n_top);
        return;
    }
    sc_json_put_bool(out, "logprobs", true);
    sc_json_put_count(out, "top_logprobs", request->n_top);
}

static void put_choices(struct sc_json_writer *out, const struct sc_completion_request *request)
{
    if (request->n_choices > 1 && is_ours(request, "n"))
        sc_json_put_count(out, "n", request->n_choices);
    if (!request->stream)
        return;
    sc_json_put_bool(out, "stream", true);
    if (is_ours(request, "stream_options"))
        sc_json_put_raw(out, "stream_options", "{\"include_usage\":true}");
}

static void put_more(struct sc_json_writer *out, json_t *more)
{
    const char *key;
    json_t *value;
    json_object_foreach(more, key, value)
    {
        if (!json_is_null(value))
            put_json(out, key, value);
    }
}

enum sc_status sc_completion_body(const struct sc_completion_request *request, char **body,
                                  size_t *n, struct sc_error *error)
{
    size_t n_text = strlen(request->text), valid = sc_utf8_valid(request->text, n_text);
    *body = NULL;
    if (valid < n_text)
        return sc_fail(error, SC_ERR_FORMAT, "text: byte %zu: expected UTF-8", valid);
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text};
    sc_json_put_object(&out, NULL);
    sc_json_put_string(&out, "model", request->model);
    put_text(&out, request);
    if (is_ours(request, "max_tokens"))
        sc_json_put_count(&out, "max_tokens", request->max_tokens);
    if (is_ours(request, "temperature") && !isnan(request->temperature))
        sc_json_put_number(&out, "temperature", request->temperature);
    if (is_ours(request, "seed"))
        sc_json_put_count(&out, "seed", request->seed);
    put_logprobs(&out, request);
    put_choices(&out, request);
    put_more(&out, request->more);
    sc_json_put_end_object(&out);
    *n = text.len;
    *body = sc_text_take(&text);
    return *body != NULL ? SC_OK : sc_fail_nomem(error, "a request to a server");
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What has no log-probabilities of candidates has none, and in an unknown shape they are none. */
static enum sc_status take_tokens(struct sc_choice *choice, struct sc_completion *out,
                                  struct sc_error *error)
{
    out->no_tokens = choice->strange ? "the server's log-probabilities have an unknown shape"
                     : choice->n_candidates == 0 ? "the server gave no log-probabilities of tokens"
                                                 : NULL;
    if (out->no_tokens != NULL)
        return SC_OK;
    out->tokens = sc_alloc_array(choice->n_tokens, sizeof *out->tokens);
    out->candidates = sc_alloc_array(choice->n_candidates, sizeof *out->candidates);
    out->bytes = sc_text_take(&choice->bytes);
    if (out->tokens == NULL || out->candidates == NULL || out->bytes == NULL)
        return sc_fail_nomem(error, "a server's answer");
    for (size_t t = 0; t < choice->n_tokens; t++) {
        const struct sc_listed_token *token = &choice->tokens[t];
        out->tokens[t] = (struct sc_completion_token){.text = out->bytes + token->begin,
                                                      .n = token->n,
                                                      .first = token->first,
                                                      .n_candidates = token->n_candidates};
    }
    for (size_t i = 0; i < choice->n_candidates; i++) {
        const struct sc_listed_candidate *one = &choice->candidates[i];
        out->candidates[i] = (struct sc_candidate){out->bytes + one->begin, one->n, one->logprob};
    }
    out->n_listed = choice->n_tokens;
    return SC_OK;
}

static enum sc_status read(struct sc_choices *choices, const char *body, size_t n,
                           struct sc_completion *out, struct sc_error *error)
{
    SC_TRY(sc_choices_add(choices, body, n, error));
    struct sc_choice *choice = &choices->choices[0];
    out->n = choice->text.len;
    out->text = sc_text_take(&choice->text);
    if (out->text == NULL)
        return sc_fail_nomem(error, "a server's answer");
    out->cut = strcmp(choice->finish, "length") == 0;
    SC_TRY(take_tokens(choice, out, error));
    out->n_prompt_tokens = choices->n_prompt_tokens;
    out->n_tokens = choices->n_generated > 0 ? choices->n_generated : out->n_listed;
    return SC_OK;
}

enum sc_status sc_completion_read(const char *body, size_t n, struct sc_completion *out,
                                  struct sc_error *error)
{
    *out = (struct sc_completion){0};
    struct sc_choices choices = {.n = 1, .exact = true};
    enum sc_status status = read(&choices, body, n, out, error);
    sc_choices_clear(&choices);
    if (status != SC_OK)
        sc_completion_free(out);
    return status;
}

void sc_completion_free(struct sc_completion *completion)
{
    sc_free(completion->text);
    sc_free(completion->tokens);
    sc_free(completion->candidates);
    sc_free(completion->bytes);
    *completion = (struct sc_completion){0};
}

void sc_completion_error(const char *body, size_t n, char *out, size_t size)
{
    json_t *root = NULL;
    struct sc_error unused = {0};
    const char *words = NULL;
    if (sc_remote_parse(body, n, &root, &unused) == SC_OK)
        words = sc_remote_words(root);
    snprintf(out, size, "%.*s",
             words != NULL ? (int)strnlen(words, size) : (int)strnlen(body, n < size ? n : size),
             words != NULL ? words : body);
    json_decref(root);
}
