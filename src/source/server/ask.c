/* See ask.h. */
#include "source/server/ask.h"

#include <assert.h>
#include <stdio.h>

#include "base/json.h"
#include "base/memory.h"

struct asking {
    const struct sc_remote *remote;
    const struct sc_question *question;
    struct sc_answer *answer;
    bool given;
};

static enum sc_status next(void *context, struct sc_remote_request *request, bool *given,
                           struct sc_error *error)
{
    struct asking *asking = context;
    const struct sc_question *question = asking->question;
    *given = !asking->given;
    if (asking->given)
        return SC_OK;
    asking->given = true;
    *request = (struct sc_remote_request){.path = question->path,
                                          .stream = question->stream,
                                          .at_root = question->at_root,
                                          .server = question->server,
                                          .most_tries = question->most_tries,
                                          .tentative = true,
                                          .faults_refuse = question->completion};
    if (question->body == NULL)
        return SC_OK;
    struct sc_text text = {0};
    sc_json_write(&text, question->body);
    request->n = text.len;
    request->body = sc_text_take(&text);
    return request->body != NULL ? SC_OK : sc_fail_nomem(error, "a question to a server");
}

static enum sc_status event(void *context, size_t tag, const char *data, size_t n, bool *go_on,
                            struct sc_error *error)
{
    struct asking *asking = context;
    (void)tag, (void)n, (void)go_on, (void)error;
    asking->answer->n_events = data != NULL ? asking->answer->n_events + 1 : 0;
    return SC_OK;
}

/* Reads what came with 200; a completion that is none is to be asked for again. */
static enum sc_status read_answer(struct asking *asking, struct sc_remote_reply *reply,
                                  struct sc_error *error)
{
    struct sc_answer *answer = asking->answer;
    struct sc_error why = {0};
    sc_completion_free(&answer->completion);
    if (!asking->question->completion || asking->question->stream)
        return SC_OK;
    enum sc_status status = sc_completion_read(reply->body, reply->n, &answer->completion, &why);
    if (status == SC_ERR_NOMEM)
        return sc_fail(error, status, "%s", why.text);
    if (status != SC_OK) {
        reply->unusable = true;
        reply->why = why;
    }
    return SC_OK;
}

/* The body came masked as a whole: here also a beginning of the key with which a text in it ends.
 * false: no memory. */
static bool mask_texts(const struct sc_remote *remote, json_t *value)
{
    const char *key;
    json_t *inner;
    size_t i;
    bool masked = true;
    if (json_is_string(value)) {
        const size_t n = json_string_length(value);
        char *text = sc_strndup(json_string_value(value), n);
        if (text != NULL)
            sc_remote_mask(remote, text, n);
        masked = text != NULL && json_string_setn_nocheck(value, text, n) == 0;
        sc_free(text);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, inner) masked = masked && mask_texts(remote, inner);
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, inner) masked = masked && mask_texts(remote, inner);
    }
    return masked;
}

static enum sc_status done(void *context, struct sc_remote_reply *reply, struct sc_error *error)
{
    struct asking *asking = context;
    struct sc_answer *answer = asking->answer;
    struct sc_error unused = {0};
    answer->outcome = reply->outcome;
    answer->http_status = reply->http_status;
    snprintf(answer->words, sizeof answer->words, "%s",
             reply->failure != NULL ? reply->failure : "");
    json_decref(answer->root);
    answer->root = NULL;
    if (reply->n > 0 && sc_json_parse_foreign(reply->body, reply->n, "the server's answer",
                                              &answer->root, &unused) == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "a server's answer");
    if (!mask_texts(asking->remote, answer->root))
        return sc_fail_nomem(error, "a server's answer");
    return reply->outcome == SC_REMOTE_ANSWERED ? read_answer(asking, reply, error) : SC_OK;
}

enum sc_status sc_ask(struct sc_remote *remote, const struct sc_question *question,
                      struct sc_answer *answer, struct sc_error *error)
{
    assert(question->path != NULL);
    *answer = (struct sc_answer){.outcome = SC_REMOTE_FAILED};
    struct asking asking = {.remote = remote, .question = question, .answer = answer};
    const struct sc_remote_source source = {
        .context = &asking, .next = next, .done = done, .event = event};
    struct sc_remote_counts counts = {0};
    enum sc_status status = sc_remote_run(remote, &source, &counts, error);
    if (status != SC_OK)
        sc_answer_free(answer);
    return status;
}

void sc_answer_free(struct sc_answer *answer)
{
    json_decref(answer->root);
    sc_completion_free(&answer->completion);
    *answer = (struct sc_answer){0};
}
