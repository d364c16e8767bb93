/* A sample of a log as a row (log.h). */
#include <string.h>

#include "base/memory.h"
#include "experiment/import/answers.h"
#include "experiment/import/log.h"

/* Long texts stand once among a sample's attachments, and elsewhere by this and a hash. */
#define ATTACHMENT "attachment://"

enum { MOST_DEPTH = 32 };

/* Takes the value in any case, as jansson's _new functions do. */
static enum sc_status put_new(json_t *object, const char *key, json_t *value,
                              struct sc_error *error)
{
    return json_object_set_new(object, key, value) == 0 ? SC_OK : sc_fail_nomem(error, "sample");
}

/* Copies a member where it is there and not null. */
static enum sc_status copy_member(json_t *row, const char *key, json_t *value,
                                  struct sc_error *error)
{
    if (value == NULL || json_is_null(value))
        return SC_OK;
    return json_object_set(row, key, value) == 0 ? SC_OK : sc_fail_nomem(error, "sample");
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool is_text(const json_t *object, const char *key, const char *expected)
{
    const char *text = text_at(object, key);
    return text != NULL && strcmp(text, expected) == 0;
}

/* ---- attachments ----------------------------------------------------------------------------- */

static json_t *attached(const json_t *value, const json_t *attachments)
{
    const char *text = json_string_value(value);
    if (text == NULL || strncmp(text, ATTACHMENT, strlen(ATTACHMENT)) != 0)
        return NULL;
    json_t *found = json_object_get(attachments, text + strlen(ATTACHMENT));
    return json_is_string(found) ? found : NULL;
}

/* Puts the attachments where they are named, in all of a value's members; an own text is resolved
 * by whoever holds it. */
static enum sc_status resolve(json_t *value, const json_t *attachments, int depth,
                              struct sc_error *error)
{
    const char *key;
    json_t *item;
    void *next;
    size_t i;
    if (depth > MOST_DEPTH)
        return sc_fail(error, SC_ERR_FORMAT, "sample: nested more than %d deep", (int)MOST_DEPTH);
    json_object_foreach_safe(value, next, key, item)
    {
        json_t *found = attached(item, attachments);
        if (found != NULL && json_object_set(value, key, found) != 0)
            return sc_fail_nomem(error, "sample");
        if (found == NULL)
            SC_TRY(resolve(item, attachments, depth + 1, error));
    }
    json_array_foreach(value, i, item)
    {
        json_t *found = attached(item, attachments);
        if (found != NULL && json_array_set(value, i, found) != 0)
            return sc_fail_nomem(error, "sample");
        if (found == NULL)
            SC_TRY(resolve(item, attachments, depth + 1, error));
    }
    return SC_OK;
}

/* In the members that are read, and of their own where they are texts. */
static enum sc_status resolve_members(json_t *sample, struct sc_error *error)
{
    static const char *const members[] = {"input", "messages", "output", "target", "metadata"};
    const json_t *attachments = json_object_get(sample, "attachments");
    if (json_object_size(attachments) == 0)
        return SC_OK;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *member = json_object_get(sample, members[i]);
        json_t *found = attached(member, attachments);
        if (found != NULL && json_object_set(sample, members[i], found) != 0)
            return sc_fail_nomem(error, "sample");
        if (found == NULL && member != NULL)
            SC_TRY(resolve(member, attachments, 0, error));
    }
    return SC_OK;
}

/* ---- what was asked -------------------------------------------------------------------------- */

/* Appends the text of a message; its reasoning is not part of it. */
static enum sc_status add_content(const json_t *content, struct sc_text *out,
                                  struct sc_error *error)
{
    size_t i;
    json_t *part;
    if (json_is_string(content)) {
        sc_text_puts(out, json_string_value(content));
        return SC_OK;
    }
    if (!json_is_array(content))
        return sc_fail(error, SC_ERR_FORMAT, "message: expected text, found %s",
                       sc_json_kind(content));
    json_array_foreach(content, i, part)
    {
        if (is_text(part, "type", "reasoning"))
            continue;
        const char *text = is_text(part, "type", "text") ? text_at(part, "text") : NULL;
        if (text == NULL)
            return sc_fail(error, SC_ERR_FORMAT,
                           "message: expected text, found a part of another kind (%.30s)",
                           text_at(part, "type") != NULL ? text_at(part, "type") : "unnamed");
        sc_text_puts(out, text);
    }
    return SC_OK;
}

/* One of "system", "user", "assistant", with text alone. */
static enum sc_status add_message(json_t *messages, const json_t *message, struct sc_error *error)
{
    const char *role = text_at(message, "role");
    struct sc_text text = {0};
    if (role == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "message: expected a role, found none");
    if (strcmp(role, "tool") == 0 || json_array_size(json_object_get(message, "tool_calls")) > 0)
        return sc_fail(error, SC_ERR_FORMAT, "calls of tools, which are no trace");
    if (strcmp(role, "assistant") == 0 && is_text(message, "source", "generate"))
        return sc_fail(
            error, SC_ERR_FORMAT,
            "several calls of the model, which are no trace (--prompt-column input takes "
            "the data set's prompt and the last answer)");
    enum sc_status status = add_content(json_object_get(message, "content"), &text, error);
    if (status != SC_OK)
        goto done;
    sc_text_puts(&text, "");
    json_t *copy = text.failed ? NULL : json_pack("{s:s,s:s}", "role", role, "content", text.data);
    if (json_array_append_new(messages, copy) != 0)
        status = sc_fail_nomem(error, "message");
done:
    sc_text_free(&text);
    return status;
}

/* How many of the messages were sent: without the answer at their end. */
static size_t n_sent(const json_t *messages, const json_t *choices)
{
    size_t n = json_array_size(messages);
    const json_t *last = json_array_get(messages, n - 1);
    const json_t *answer = json_object_get(json_array_get(choices, 0), "message");
    const char *id = text_at(answer, "id"), *last_id = text_at(last, "id");
    bool answered = is_text(last, "role", "assistant") &&
                    (is_text(last, "source", "generate") ||
                     (id != NULL && last_id != NULL && strcmp(id, last_id) == 0) ||
                     (answer != NULL && !is_text(last, "source", "input")));
    return answered ? n - 1 : n;
}

/* The prompt as text where it is one message of the user, else the messages; what they end with of
 * the assistant is the beginning of the answer. */
static enum sc_status put_messages(json_t *row, json_t *messages, struct sc_error *error)
{
    size_t n = json_array_size(messages);
    json_t *last = json_array_get(messages, n - 1);
    if (n > 1 && is_text(last, "role", "assistant")) {
        SC_TRY(copy_member(row, "prefill", json_object_get(last, "content"), error));
        json_array_remove(messages, n - 1);
    }
    const json_t *first = json_array_get(messages, 0);
    if (json_array_size(messages) == 1 && is_text(first, "role", "user"))
        return copy_member(row, "prompt", json_object_get(first, "content"), error);
    return copy_member(row, "prompt", messages, error);
}

static enum sc_status read_messages(json_t *row, const json_t *from, size_t n,
                                    struct sc_error *error)
{
    json_t *messages = json_array();
    enum sc_status status = messages != NULL ? SC_OK : sc_fail_nomem(error, "messages");
    for (size_t i = 0; status == SC_OK && i < n; i++)
        status = add_message(messages, json_array_get(from, i), error);
    status = status == SC_OK ? put_messages(row, messages, error) : status;
    json_decref(messages);
    return status;
}

static enum sc_status find_prompt(json_t *row, const json_t *sample, struct sc_error *error)
{
    const json_t *messages = json_object_get(sample, "messages");
    json_t *input = json_object_get(sample, "input");
    const json_t *choices = json_object_get(json_object_get(sample, "output"), "choices");
    size_t n = n_sent(messages, choices);
    SC_TRY(copy_member(row, "input", input, error));
    if (n > 0)
        return read_messages(row, messages, n, error);
    if (json_is_array(input))
        return read_messages(row, input, json_array_size(input), error);
    return copy_member(row, "prompt", input, error);
}

/* A sample whose messages are no prompt may be asked for by its input, so why stands in the row. */
static enum sc_status put_prompt(json_t *row, const json_t *sample, struct sc_error *error)
{
    struct sc_error why = {0};
    enum sc_status status = find_prompt(row, sample, &why);
    if (status == SC_ERR_FORMAT)
        return put_new(row, "fault", json_string(why.text), error);
    return status == SC_OK ? SC_OK : sc_fail(error, status, "%s", why.text);
}

/* ---- what was answered ----------------------------------------------------------------------- */

/* What our own logs say of tokens beyond the format goes with the log-probabilities. */
static enum sc_status put_figures(const json_t *output, json_t *choice, struct sc_error *error)
{
    json_t *figures = json_object_get(json_object_get(output, "metadata"), SC_OWN_FIGURES);
    json_t *logprobs = json_object_get(choice, "logprobs");
    if (!json_is_object(figures) || !json_is_object(choice))
        return SC_OK;
    if (!json_is_object(logprobs)) {
        SC_TRY(put_new(choice, "logprobs", json_object(), error));
        logprobs = json_object_get(choice, "logprobs");
    }
    return copy_member(logprobs, SC_OWN_FIGURES, figures, error);
}

static enum sc_status put_failure(json_t *row, const json_t *sample, struct sc_error *error)
{
    const json_t *problem = json_object_get(sample, "error");
    const char *why = text_at(problem, "message");
    const char *limit = text_at(json_object_get(sample, "limit"), "type");
    if (why == NULL)
        why = json_string_value(problem);
    if (why == NULL)
        why = limit != NULL ? "a limit was reached before there was an answer" : "no answer";
    return put_new(row, "output", json_pack("{s:s}", "error", why), error);
}

static enum sc_status put_output(json_t *row, const json_t *sample, bool own,
                                 struct sc_error *error)
{
    json_t *output = json_object_get(sample, "output");
    json_t *choices = json_object_get(output, "choices");
    if (json_array_size(choices) == 0) /* an answer stays one where its scorer failed */
        return put_failure(row, sample, error);
    if (own)
        SC_TRY(put_figures(output, json_array_get(choices, 0), error));
    SC_TRY(put_new(row, "output", json_object(), error));
    json_t *kept = json_object_get(row, "output");
    SC_TRY(copy_member(kept, "choices", choices, error));
    return copy_member(kept, "usage", json_object_get(output, "usage"), error);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What our own logs say under the names that imports look for. */
static enum sc_status put_own(json_t *row, const json_t *sample, struct sc_error *error)
{
    static const char *const names[] = {"label",  "category", "harm",
                                        "finish", "metrics",  "instance_id"};
    const json_t *metadata = json_object_get(sample, "metadata");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        SC_TRY(copy_member(row, names[i], json_object_get(metadata, names[i]), error));
    if (json_object_get(row, "instance_id") == NULL)
        SC_TRY(copy_member(row, "instance_id", json_object_get(sample, "id"), error));
    return SC_OK;
}

static enum sc_status make_row(json_t *row, json_t *sample, const struct sc_import_log *log,
                               struct sc_error *error)
{
    static const char *const names[] = {"id", "epoch", "target", "metadata", "scores"};
    const json_t *id = json_object_get(sample, "id");
    if (!json_is_string(id) && !json_is_integer(id))
        return sc_fail(error, SC_ERR_FORMAT, "sample: expected an id, found %s", sc_json_kind(id));
    if (!json_is_integer(json_object_get(sample, "epoch")))
        return sc_fail(error, SC_ERR_FORMAT, "sample: expected an epoch, found %s",
                       sc_json_kind(json_object_get(sample, "epoch")));
    SC_TRY(resolve_members(sample, error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        SC_TRY(copy_member(row, names[i], json_object_get(sample, names[i]), error));
    SC_TRY(put_prompt(row, sample, error));
    SC_TRY(put_output(row, sample, log->own, error));
    return log->own ? put_own(row, sample, error) : SC_OK;
}

enum sc_status sc_import_log_row(json_t *sample, const struct sc_import_log *log, json_t **out,
                                 struct sc_error *error)
{
    *out = NULL;
    if (!json_is_object(sample))
        return sc_fail(error, SC_ERR_FORMAT, "sample: expected an object, found %s",
                       sc_json_kind(sample));
    json_t *row = json_object();
    if (row == NULL)
        return sc_fail_nomem(error, "sample");
    enum sc_status status = make_row(row, sample, log, error);
    if (status != SC_OK) {
        json_decref(row);
        return status;
    }
    *out = row;
    return SC_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

void sc_import_add_plain(struct sc_text *out, const char *json, size_t n)
{
    static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
    size_t from = 0;
    bool inside = false;
    for (size_t at = 0; at < n; at++) {
        if (inside && json[at] == '\\')
            at++;
        else if (json[at] == '"')
            inside = !inside;
        else if (!inside && (json[at] == 'N' || json[at] == 'I' || json[at] == '-'))
            for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                size_t length = strlen(names[i]);
                if (n - at < length || memcmp(json + at, names[i], length) != 0)
                    continue;
                sc_text_add(out, json + from, at - from);
                sc_text_puts(out, "null");
                from = at + length;
                at = from - 1;
                break;
            }
    }
    sc_text_add(out, json + from, n - from);
}
