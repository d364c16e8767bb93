/* One cell's answers (answers.h): texts, lists of them, and what servers answer. */
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"
#include "experiment/import/answers.h"
#include "vocabulary/answer_part.h"
#include "vocabulary/ending.h"
#include "vocabulary/reasoning.h"

enum { MOST_DEPTH = 8 };

void sc_import_answer_free(struct sc_import_answer *answer)
{
    sc_free(answer->text);
    sc_free(answer->failure);
    sc_import_tokens_free(&answer->tokens);
}

void sc_import_answers_cut(struct sc_import_answers *answers, size_t n)
{
    while (answers->n > n)
        sc_import_answer_free(&answers->items[--answers->n]);
}

static enum sc_status add(struct sc_import_answers *out, struct sc_import_answer answer,
                          struct sc_error *error)
{
    if (answer.text == NULL ||
        sc_grow((void **)&out->items, out->n, &out->cap, sizeof *out->items) != 0) {
        sc_import_answer_free(&answer);
        return sc_fail_nomem(error, "imported answers");
    }
    answer.number = SIZE_MAX;
    answer.harm = SC_UNJUDGED;
    out->items[out->n++] = answer;
    return SC_OK;
}

/* Reasoning that came apart from the text stands before it as models write it. */
static enum sc_status add_text(struct sc_import_answers *out, const char *reasoning,
                               const char *text, enum sc_finish finish, struct sc_error *error)
{
    struct sc_text whole = {0};
    if (reasoning != NULL && *reasoning)
        sc_text_printf(&whole, SC_REASONING_OPENS "\n%s\n" SC_REASONING_CLOSES "\n\n", reasoning);
    sc_text_puts(&whole, text);
    struct sc_import_answer answer = {.finish = finish, .text = sc_text_take(&whole)};
    if (answer.text != NULL)
        answer.answer_begin = sc_answer_part(answer.text, strlen(answer.text)).begin;
    return add(out, answer, error);
}

static enum sc_status add_failure(struct sc_import_answers *out, const char *why,
                                  struct sc_error *error)
{
    struct sc_import_answer answer = {.finish = SC_FINISH_FAILED,
                                      .failure = sc_strdup(why),
                                      .text = sc_strdup(""),
                                      .n_tokens_known = true}; /* there are none */
    if (answer.failure == NULL) {
        sc_free(answer.text);
        answer.text = NULL;
    }
    return add(out, answer, error);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Appends the texts of content parts, and of the model's reasoning among them. */
static void join_parts(const json_t *parts, struct sc_text *text, struct sc_text *reasoning)
{
    size_t i;
    json_t *part;
    json_array_foreach(parts, i, part)
    {
        const char *said = json_string_value(json_object_get(part, "text"));
        const char *thought = json_string_value(json_object_get(part, "thinking"));
        if (thought == NULL)
            thought = json_string_value(json_object_get(part, "reasoning"));
        if (said != NULL)
            sc_text_puts(text, said);
        else if (thought != NULL)
            sc_text_puts(reasoning, thought);
    }
}

static bool are_parts(const json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(json_object_get(item, "type")) ||
            json_object_get(item, "content") != NULL)
            return false;
    }
    return json_array_size(list) > 0;
}

/* A message whose content is text, parts, or nothing where it refuses or calls tools. */
static enum sc_status add_message(const json_t *message, enum sc_finish finish,
                                  struct sc_import_answers *out, struct sc_error *error)
{
    const json_t *content = json_object_get(message, "content");
    const char *said = json_string_value(content);
    const char *refusal = json_string_value(json_object_get(message, "refusal"));
    const char *thought = json_string_value(json_object_get(message, "reasoning_content"));
    struct sc_text text = {0}, reasoning = {0};
    enum sc_status status = SC_OK;
    if (thought == NULL)
        thought = json_string_value(json_object_get(message, "reasoning"));
    if (thought != NULL)
        sc_text_puts(&reasoning, thought);
    if (said == NULL)
        join_parts(content, &text, &reasoning);
    if (said == NULL && text.len == 0)
        said = refusal;
    if (text.failed || reasoning.failed)
        status = sc_fail_nomem(error, "imported answers");
    else if ((said == NULL || *said == '\0') && text.len == 0 &&
             json_array_size(json_object_get(message, "tool_calls")) > 0)
        status = add_failure(out, "calls of tools and no text", error);
    else if (said == NULL && text.len == 0 && reasoning.len == 0 && !json_is_array(content) &&
             finish != SC_FINISH_FILTERED)
        status = sc_fail(error, SC_ERR_FORMAT, "message: expected text, found %s",
                         sc_json_kind(content));
    else
        status = add_text(out, reasoning.data,
                          said != NULL   ? said
                          : text.len > 0 ? text.data
                                         : "",
                          finish, error);
    sc_text_free(&text);
    sc_text_free(&reasoning);
    return status;
}

static const char *finish_word(const json_t *object)
{
    const char *word = json_string_value(json_object_get(object, "finish_reason"));
    return word != NULL ? word : json_string_value(json_object_get(object, "stop_reason"));
}

/* ---- values ---------------------------------------------------------------------------------- */

static enum sc_status read_value(const json_t *value, int depth, struct sc_import_answers *out,
                                 struct sc_error *error);

/* What a server says of a request that it did not answer, or NULL. */
static const char *complaint(const json_t *object)
{
    const json_t *problem = json_object_get(object, "error");
    const char *message = json_string_value(json_object_get(problem, "message"));
    if (json_is_string(problem))
        return json_string_value(problem);
    if (json_is_object(json_object_get(problem, "error"))) /* in an envelope of its own */
        message = json_string_value(json_object_get(json_object_get(problem, "error"), "message"));
    return json_is_object(problem) ? message != NULL ? message : "an error without a message"
                                   : NULL;
}

/* One choice, or whatever else holds one text. */
static enum sc_status read_choice(const json_t *object, struct sc_import_answers *out,
                                  struct sc_error *error)
{
    static const char *const names[] = {"text",   "generated_text", "completion", "response",
                                        "answer", "output",         "content"};
    const json_t *message = json_object_get(object, "message");
    const char *word = finish_word(object);
    enum sc_finish finish = sc_finish_of_word(word != NULL ? word : finish_word(message));
    size_t before = out->n;
    finish = finish == SC_FINISH_FAILED ? SC_FINISH_UNKNOWN : finish;
    if (json_is_object(message)) {
        SC_TRY(add_message(message, finish, out, error));
    } else if (json_is_string(json_object_get(object, "role"))) {
        SC_TRY(add_message(object, finish, out, error));
    } else {
        const char *text = NULL;
        for (size_t i = 0; i < sizeof names / sizeof *names && text == NULL; i++)
            text = json_string_value(json_object_get(object, names[i]));
        if (text == NULL)
            return sc_fail(error, SC_ERR_FORMAT,
                           "expected an object with \"choices\", \"message\" or \"text\"");
        SC_TRY(add_text(out, NULL, text, finish, error));
    }
    if (out->n > before)
        out->items[before].given_logprobs = json_object_get(object, "logprobs");
    return SC_OK;
}

static void count_tokens(const json_t *object, struct sc_import_answers *out, size_t before)
{
    const json_t *usage = json_object_get(object, "usage");
    const json_t *n = json_object_get(usage, "completion_tokens");
    n = n != NULL ? n : json_object_get(usage, "output_tokens");
    if (out->n != before + 1 || !json_is_integer(n) || json_integer_value(n) < 1 ||
        json_integer_value(n) > INT32_MAX)
        return;
    out->items[before].n_tokens_known = true;
    out->items[before].n_tokens = (size_t)json_integer_value(n);
}

static enum sc_status read_object(const json_t *object, int depth, struct sc_import_answers *out,
                                  struct sc_error *error)
{
    static const char *const inner[] = {"body",   "choices",  "outputs",
                                        "result", "response", "output"};
    size_t before = out->n;
    const char *problem = complaint(object);
    if (problem != NULL)
        return add_failure(out, problem, error);
    if (json_array_size(json_object_get(object, "choices")) == 0 &&
        json_is_array(json_object_get(object, "content")) &&
        json_object_get(object, "role") != NULL) { /* an answer of Anthropic's is a message */
        SC_TRY(read_choice(object, out, error));
        count_tokens(object, out, before);
        return SC_OK;
    }
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        const json_t *part = json_object_get(object, inner[i]);
        if (!json_is_object(part) && !json_is_array(part))
            continue;
        SC_TRY(read_value(part, depth + 1, out, error));
        count_tokens(object, out, before);
        return SC_OK;
    }
    return read_choice(object, out, error);
}

/* The last message of a conversation, if it is the model's. */
static enum sc_status read_conversation(const json_t *messages, struct sc_import_answers *out,
                                        struct sc_error *error)
{
    const json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const char *role = json_string_value(json_object_get(last, "role"));
    if (role == NULL || strcmp(role, "assistant") != 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "conversation: expected an answer of the assistant at its end, found %s",
                       role != NULL ? role : "no role");
    return add_message(last, SC_FINISH_UNKNOWN, out, error);
}

static enum sc_status read_list(const json_t *list, int depth, struct sc_import_answers *out,
                                struct sc_error *error)
{
    size_t i;
    json_t *item;
    const json_t *first = json_array_get(list, 0);
    const char *type = json_string_value(json_object_get(first, "type"));
    bool conversation = type == NULL && json_is_string(json_object_get(first, "role"));
    if (first == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "expected answers, found an empty list");
    if (conversation)
        return read_conversation(list, out, error);
    if (are_parts(list)) {
        struct sc_text text = {0}, reasoning = {0};
        join_parts(list, &text, &reasoning);
        enum sc_status status = text.failed || reasoning.failed
                                    ? sc_fail_nomem(error, "imported answers")
                                    : add_text(out, reasoning.data, text.len > 0 ? text.data : "",
                                               SC_FINISH_UNKNOWN, error);
        sc_text_free(&text);
        sc_text_free(&reasoning);
        return status;
    }
    json_array_foreach(list, i, item)
    {
        const char *kind = json_string_value(json_object_get(item, "type"));
        if (kind != NULL && strcmp(kind, "message") != 0)
            continue; /* what else a model did before it answered */
        SC_TRY(read_value(item, depth + 1, out, error));
    }
    return SC_OK;
}

static enum sc_status read_value(const json_t *value, int depth, struct sc_import_answers *out,
                                 struct sc_error *error)
{
    if (depth > MOST_DEPTH)
        return sc_fail(error, SC_ERR_FORMAT, "answer: nested more than %d deep", (int)MOST_DEPTH);
    if (json_is_string(value))
        return add_text(out, NULL, json_string_value(value), SC_FINISH_UNKNOWN, error);
    if (json_is_array(value))
        return read_list(value, depth, out, error);
    if (json_is_object(value))
        return read_object(value, depth, out, error);
    return sc_fail(error, SC_ERR_FORMAT, "answer: expected text, found %s", sc_json_kind(value));
}

static enum sc_status read_some(const json_t *value, struct sc_import_answers *out,
                                struct sc_error *error)
{
    size_t before = out->n;
    SC_TRY(read_value(value, 0, out, error));
    return out->n > before ? SC_OK
                           : sc_fail(error, SC_ERR_FORMAT, "answer: expected text, found nothing");
}

enum sc_status sc_import_completions(const json_t *value, struct sc_import_answers *out,
                                     struct sc_error *error)
{
    size_t before = out->n;
    enum sc_status status = read_some(value, out, error);
    if (status != SC_OK)
        sc_import_answers_cut(out, before);
    return status;
}
