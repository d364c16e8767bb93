/* See model.h. */
#include "serving/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "engine/sampling.h"
#include "model/tokenizer/tokenizer.h"

enum { TEXT_TOKENS = 16 }; /* of an answer to a text, where it is not said: OpenAI's */

/* ---- formats --------------------------------------------------------------------------------- */

static bool thinks(const struct sc_serving_model *model, const struct sc_serving_request *request)
{
    return request->thinking_is_given ? request->thinks : model->chat.thinking;
}

/* The thinking and the arguments as one text; NULL: out of memory. */
static char *key_of(const struct sc_serving_model *model, const struct sc_serving_request *request)
{
    struct sc_text text = {0};
    sc_text_puts(&text, thinks(model, request) ? "thinks" : "answers");
    for (size_t i = 0; i < request->n_arguments; i++)
        sc_text_printf(&text, "\n%s", request->arguments[i]);
    return sc_text_take(&text);
}

static enum sc_status open_format(const struct sc_serving_model *model,
                                  const struct sc_serving_request *request,
                                  struct sc_chat_format **out, struct sc_error *error)
{
    const char *arguments[SC_SERVING_MOST_ARGUMENTS];
    for (size_t i = 0; i < request->n_arguments; i++)
        arguments[i] = request->arguments[i];
    struct sc_chat_options options = model->chat;
    options.thinking = thinks(model, request);
    options.template_args = arguments;
    options.n_template_args = request->n_arguments;
    return sc_chat_format_open(out, model->opened.tokenizer, &options, error);
}

/* The place of a format with that key, or else the one to be used for it. */
static struct sc_serving_format *find_place(struct sc_serving_model *model, const char *key)
{
    struct sc_serving_format *best = NULL;
    for (size_t i = 0; i < SC_SERVING_FORMATS; i++) {
        struct sc_serving_format *f = &model->formats[i];
        if (f->key != NULL && strcmp(f->key, key) == 0)
            return f;
        if (f->n_users == 0 && (best == NULL || f->last_use < best->last_use))
            best = f;
    }
    return best;
}

static enum sc_status take_format(struct sc_serving_model *model,
                                  const struct sc_serving_request *request, char **key,
                                  struct sc_serving_format **out, struct sc_error *error)
{
    struct sc_serving_format *place = find_place(model, *key);
    assert(place != NULL); /* there are more than threads that ask */
    if (place->key == NULL || strcmp(place->key, *key) != 0) {
        struct sc_chat_format *format = NULL;
        SC_TRY(open_format(model, request, &format, error));
        sc_chat_format_close(place->format);
        sc_free(place->key);
        *place = (struct sc_serving_format){.key = *key, .format = format};
        *key = NULL;
    }
    place->n_users++;
    place->last_use = ++model->clock;
    *out = place;
    return SC_OK;
}

static enum sc_status use_format(struct sc_serving_model *model,
                                 const struct sc_serving_request *request,
                                 struct sc_serving_format **out, struct sc_error *error)
{
    char *key = key_of(model, request);
    if (key == NULL)
        return sc_fail_nomem(error, "a chat format");
    pthread_mutex_lock(&model->lock);
    enum sc_status status = take_format(model, request, &key, out, error);
    pthread_mutex_unlock(&model->lock);
    sc_free(key);
    return status;
}

static void leave_format(struct sc_serving_model *model, struct sc_serving_format *format)
{
    pthread_mutex_lock(&model->lock);
    format->n_users--;
    pthread_mutex_unlock(&model->lock);
}

void sc_serving_model_forget(struct sc_serving_model *model)
{
    for (size_t i = 0; i < SC_SERVING_FORMATS; i++) {
        sc_chat_format_close(model->formats[i].format);
        sc_free(model->formats[i].key);
        model->formats[i] = (struct sc_serving_format){0};
    }
}

/* ---- ids ------------------------------------------------------------------------------------- */

static enum sc_status encode_chat(struct sc_serving_model *model,
                                  const struct sc_serving_request *request,
                                  struct sc_serving_encoded *out, struct sc_error *error)
{
    struct sc_serving_format *format = NULL;
    struct sc_framed framed = {0};
    SC_TRY(use_format(model, request, &format, error));
    enum sc_status status = sc_chat_encode(format->format, request->messages.messages,
                                           request->messages.n, &framed, error);
    leave_format(model, format);
    SC_TRY(status);
    *out = (struct sc_serving_encoded){framed.ids, framed.n, framed.reasoning};
    framed.ids = NULL;
    sc_framed_free(&framed);
    return SC_OK;
}

static enum sc_status encode_text(const struct sc_serving_model *model,
                                  const struct sc_serving_request *request,
                                  const struct sc_serving_prompt_text *prompt,
                                  struct sc_serving_encoded *out, struct sc_error *error)
{
    const struct sc_tokenizer *tokenizer = model->opened.tokenizer;
    const struct sc_tokenizer_around around = sc_tokenizer_around(tokenizer);
    const size_t n_before = request->adds_special ? around.n_before : 0;
    int32_t *ids = NULL;
    size_t n = 0;
    SC_TRY(sc_tokenizer_encode(tokenizer, prompt->text, prompt->n_text, model->chat.special, &ids,
                               &n, error));
    out->n = n_before + n;
    out->ids = sc_alloc_array(out->n, sizeof *out->ids);
    if (out->ids != NULL) {
        if (n_before > 0)
            memcpy(out->ids, around.before, n_before * sizeof *ids);
        memcpy(out->ids + n_before, ids, n * sizeof *ids);
    }
    sc_free(ids);
    return out->ids != NULL ? SC_OK : sc_fail_nomem(error, "a prompt");
}

static enum sc_status copy_ids(const struct sc_serving_model *model,
                               const struct sc_serving_prompt_text *prompt,
                               struct sc_serving_encoded *out, struct sc_error *error)
{
    for (size_t i = 0; i < prompt->n_ids; i++)
        if (prompt->ids[i] < 0 || (size_t)prompt->ids[i] >= model->opened.n_vocab)
            return sc_fail(error, SC_ERR_ARGUMENT, "token %zu: expected an id below %zu, found %d",
                           i, model->opened.n_vocab, (int)prompt->ids[i]);
    out->ids = sc_alloc_array(prompt->n_ids, sizeof *out->ids);
    if (out->ids == NULL)
        return sc_fail_nomem(error, "a prompt");
    memcpy(out->ids, prompt->ids, prompt->n_ids * sizeof *out->ids);
    out->n = prompt->n_ids;
    return SC_OK;
}

enum sc_status sc_serving_model_encode(struct sc_serving_model *model,
                                       const struct sc_serving_request *request, size_t i,
                                       struct sc_serving_encoded *out, struct sc_error *error)
{
    *out = (struct sc_serving_encoded){.reasoning = SC_REASONING_OVER};
    if (request->chat)
        SC_TRY(encode_chat(model, request, out, error));
    else if (request->prompts[i].ids != NULL)
        SC_TRY(copy_ids(model, &request->prompts[i], out, error));
    else
        SC_TRY(encode_text(model, request, &request->prompts[i], out, error));
    /* The context must leave room for one token of the answer. */
    size_t most = model->opened.context - 1 < model->max_prompt ? model->opened.context - 1
                                                                : model->max_prompt;
    if (out->n > 0 && out->n <= most)
        return SC_OK;
    sc_free(out->ids);
    size_t n = out->n;
    *out = (struct sc_serving_encoded){0};
    return sc_fail(error, SC_ERR_LIMIT, "expected a prompt of 1 to %zu tokens, found %zu", most, n);
}

/* ---- what the request leaves open ------------------------------------------------------------ */

static void fill_sampling(struct sc_sampling *s, const struct sc_sampling *own)
{
    s->temperature = isnan(s->temperature) ? own->temperature : s->temperature;
    s->top_p = isnan(s->top_p) ? own->top_p : s->top_p;
    s->min_p = isnan(s->min_p) ? own->min_p : s->min_p;
    s->top_k = s->top_k < 0 ? own->top_k : s->top_k;
    if (isnan(s->repetition_penalty))
        s->repetition_penalty = own->repetition_penalty;
}

static enum sc_status check_name(const struct sc_serving_model *model, const char *name,
                                 struct sc_error *error)
{
    bool known = name == NULL || strcmp(name, model->name) == 0 || strcmp(name, model->path) == 0 ||
                 strcmp(name, model->opened.name) == 0;
    return known ? SC_OK
                 : sc_fail(error, SC_ERR_ARGUMENT, "expected \"%s\", which is all that is served",
                           model->name);
}

enum sc_status sc_serving_model_resolve(const struct sc_serving_model *model,
                                        struct sc_serving_request *request, char field[64],
                                        struct sc_error *error)
{
    snprintf(field, 64, "model");
    SC_TRY(check_name(model, request->model, error));
    snprintf(field, 64, "%s", request->chat ? "top_logprobs" : "logprobs");
    if (request->n_top > model->max_top)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected at most %zu, found %zu", model->max_top,
                       request->n_top);
    if (request->n_top > model->opened.n_vocab)
        request->n_top = model->opened.n_vocab;
    snprintf(field, 64, "max_tokens");
    if (!request->max_is_given)
        request->max_tokens =
            request->chat || model->max_new < TEXT_TOKENS ? model->max_new : TEXT_TOKENS;
    if (request->max_tokens > model->max_new)
        return sc_fail(error, SC_ERR_LIMIT,
                       "expected at most %zu (--max-new-tokens of this server), found %zu",
                       model->max_new, request->max_tokens);
    snprintf(field, 64, "stop_token_ids");
    for (size_t i = 0; i < request->n_stop_ids; i++)
        if ((size_t)request->stop_ids[i] >= model->opened.n_vocab)
            return sc_fail(error, SC_ERR_ARGUMENT, "expected ids below %zu", model->opened.n_vocab);
    snprintf(field, 64, "temperature");
    fill_sampling(&request->sampling, &model->opened.sampling);
    const char *refused = sc_sampling_refused(&request->sampling);
    if (refused != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "%s", refused);
    field[0] = '\0';
    return SC_OK;
}
