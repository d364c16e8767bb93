/*
 * A caller's own prompts to instances.  Refused, with the prompt's place and id: no text, bytes
 * that are not UTF-8, ids that are not unique, messages that do not end with the prompt or that no
 * model could be asked.  Nothing is left out: what a caller gives is meant.
 */
#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/result.h"
#include "benchmark/loaders.h"
#include "benchmark/messages.h"
#include "benchmark/wrapping.h"

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

static enum sc_status check_text(const char *text, const char *what, struct sc_error *error)
{
    if (text != NULL && sc_utf8_valid(text, strlen(text)) < strlen(text))
        return sc_fail(error, SC_ERR_ARGUMENT, "%s: is not valid UTF-8", what);
    return SC_OK;
}

static enum sc_status check_prompt(const struct sc_prompt *own, struct sc_error *error)
{
    const struct {
        const char *what, *text;
    } texts[] = {{"id", own->id},
                 {"prompt", own->prompt},
                 {"prefill", own->prefill},
                 {"category", own->category}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        SC_TRY(check_text(texts[i].text, texts[i].what, error));
    if (is_blank(own->prompt))
        return sc_fail(error, SC_ERR_ARGUMENT, "expected a text, found %s",
                       own->prompt == NULL ? "none" : "blanks");
    if (own->id != NULL && *own->id == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "id: expected one, found an empty text");
    if ((unsigned)own->label >= SC_N_LABELS)
        return sc_fail(error, SC_ERR_ARGUMENT, "label: unknown number %d", (int)own->label);
    return SC_OK;
}

/* ---- what else is kept ----------------------------------------------------------------------- */

static bool put_value(struct sc_json_writer *out, const char *key, json_t *value);

static bool put_members(struct sc_json_writer *out, json_t *value)
{
    const char *key;
    json_t *member;
    bool fits = true;
    json_object_foreach(value, key, member)
    {
        fits = fits && put_value(out, key, member);
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        fits = fits && put_value(out, NULL, json_array_get(value, i));
    return fits;
}

/* false: it is nested too deep. */
static bool put_value(struct sc_json_writer *out, const char *key, json_t *value)
{
    bool fits = true;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        if (out->depth + 1 >= SC_JSON_MOST_DEPTH)
            return false;
        (json_is_object(value) ? sc_json_put_object : sc_json_put_array)(out, key);
        fits = put_members(out, value);
        (json_is_object(value) ? sc_json_put_end_object : sc_json_put_end_array)(out);
        break;
    case JSON_STRING:
        sc_json_put_string(out, key, json_string_value(value));
        break;
    case JSON_INTEGER:
        sc_json_put_integer(out, key, (int64_t)json_integer_value(value));
        break;
    case JSON_REAL:
        sc_json_put_number(out, key, json_real_value(value));
        break;
    case JSON_NULL:
        sc_json_put_null(out, key);
        break;
    default:
        sc_json_put_bool(out, key, json_is_true(value));
    }
    return fits;
}

/* Written as files' rows have it, however the caller wrote it: a run's identity rests on it. */
static enum sc_status take_extra(const struct sc_prompt *own, struct sc_instance *item,
                                 struct sc_error *error)
{
    json_t *value = NULL;
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text, .canonical = true};
    if (own->extra == NULL)
        return SC_OK;
    SC_TRY(sc_json_parse(own->extra, strlen(own->extra), "extra", &value, error));
    bool is_object = json_is_object(value), fits = is_object && put_value(&out, NULL, value);
    json_decref(value);
    if (fits)
        return sc_text_hand_out(&text, SC_OK, &item->extra, error);
    sc_text_free(&text);
    return sc_fail(error, SC_ERR_ARGUMENT,
                   is_object ? "extra: is nested too deep" : "extra: expected an object");
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Whether the messages end as they must: with a user's turn that the prompt is, or that a template
 * was put around. */
static enum sc_status check_end(const struct sc_prompt *own, struct sc_error *error)
{
    if (own->messages == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "messages: expected %zu, found none",
                       own->n_messages);
    for (size_t i = 0; i < own->n_messages; i++) {
        const struct sc_message *message = &own->messages[i];
        if (message->role == NULL || message->text == NULL)
            return sc_fail(error, SC_ERR_ARGUMENT, "message %zu: expected a role and a text",
                           i + 1);
        SC_TRY(check_text(message->role, "a message's role", error));
        SC_TRY(check_text(message->text, "a message's text", error));
    }
    const struct sc_message *last = &own->messages[own->n_messages - 1];
    if (!sc_messages_is_user(last->role) || strstr(last->text, own->prompt) == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "messages: expected the prompt as the user's turn at their end");
    return SC_OK;
}

/* Messages that are the prompt alone are none. */
static enum sc_status take_messages(const struct sc_prompt *own, bool multi_turn,
                                    struct sc_instance *item, struct sc_error *error)
{
    struct sc_messages read;
    if (own->n_messages == 0)
        return SC_OK;
    SC_TRY(check_end(own, error));
    SC_TRY(sc_messages_take(own->messages, own->n_messages, multi_turn, &read, error));
    if (read.conversation.n > 1 || strcmp(read.conversation.messages[0].text, own->prompt) != 0) {
        item->conversation = read.conversation;
        read.conversation = (struct sc_conversation){0};
    }
    sc_messages_free(&read);
    return SC_OK;
}

static enum sc_status take_label(const struct sc_prompt *own, const char *given,
                                 struct sc_instance *item, struct sc_error *error)
{
    item->label = own->label;
    if (given == NULL)
        return SC_OK;
    if (own->label != SC_LABEL_UNKNOWN && own->label != (enum sc_label)sc_label_parse(given))
        return sc_fail(error, SC_ERR_ARGUMENT, "it is %s, and the label of all prompts says %s",
                       sc_label_name(own->label), given);
    item->label = (enum sc_label)sc_label_parse(given);
    return SC_OK;
}

static char *make_id(const struct sc_prompt *own, size_t place)
{
    struct sc_text id = {0};
    if (own->id != NULL)
        sc_text_puts(&id, own->id);
    else
        sc_text_printf(&id, "prompt_%zu", place);
    return sc_text_take(&id);
}

static enum sc_status fill(const struct sc_benchmark_options *options, size_t place,
                           struct sc_instance *item, struct sc_error *error)
{
    const struct sc_prompt *own = &options->prompts[place];
    struct sc_benchmark_options around = *options;
    bool kept_own;
    SC_TRY(check_prompt(own, error));
    SC_TRY(take_label(own, options->label, item, error));
    SC_TRY(take_messages(own, options->multi_turn, item, error));
    SC_TRY(take_extra(own, item, error));
    item->id = make_id(own, place);
    item->prompt = sc_strdup(own->prompt);
    item->category = sc_strdup(own->category != NULL ? own->category : "");
    item->line = own->line;
    item->row = place;
    if (item->id == NULL || item->prompt == NULL || item->category == NULL)
        return sc_fail_nomem(error, "prompts");
    if (own->prefill != NULL && *own->prefill != '\0')
        around.prefill = own->prefill;
    return sc_wrap(&around, NULL, NULL, item, &kept_own, error);
}

/* What is wrong with a prompt is the caller's, also where it would be a file's. */
static enum sc_status fail_prompt(const struct sc_prompt *own, size_t place,
                                  const struct sc_error *why, struct sc_error *error)
{
    enum sc_status status = why->status == SC_ERR_FORMAT ? SC_ERR_ARGUMENT : why->status;
    const char *id = own->id != NULL ? own->id : "";
    size_t n = sc_utf8_valid(id, strnlen(id, 80));
    return sc_fail(error, status, "prompt %zu%s%.*s%s: %s", place, n > 0 ? " (id '" : "", (int)n,
                   id, n > 0 ? "')" : "", why->text);
}

static enum sc_status add(const struct sc_benchmark_options *options, size_t place,
                          struct sc_instance_list *list, struct sc_error *error)
{
    struct sc_instance item = {0};
    struct sc_error why = {0};
    if (fill(options, place, &item, &why) == SC_OK)
        return sc_instance_list_add(list, item, error);
    sc_instance_free(&item);
    return fail_prompt(&options->prompts[place], place, &why, error);
}

static enum sc_status check_ids(const struct sc_instance_list *list, struct sc_error *error)
{
    const struct sc_instance *twins[2];
    SC_TRY(sc_instance_list_twins(list, twins, error));
    if (twins[0] == NULL)
        return SC_OK;
    const char *id = twins[0]->id;
    return sc_fail(error, SC_ERR_ARGUMENT, "prompts %zu and %zu: both have the id '%.*s'",
                   twins[0]->row, twins[1]->row, (int)sc_utf8_valid(id, strnlen(id, 80)), id);
}

static enum sc_status check_options(const struct sc_benchmark_options *options,
                                    struct sc_error *error)
{
    if (options->n_prompts == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "prompts: expected at least one, found none");
    if (options->prompts == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "prompts: expected %zu, found none",
                       options->n_prompts);
    SC_TRY(check_text(options->name, "name of the prompts", error));
    SC_TRY(check_text(options->system, "system message", error));
    SC_TRY(check_text(options->prefill, "prefill", error));
    SC_TRY(check_text(options->prompt_template, "prompt template", error));
    if (options->label != NULL && strcmp(options->label, sc_label_name(SC_LABEL_SAFE)) != 0 &&
        strcmp(options->label, sc_label_name(SC_LABEL_UNSAFE)) != 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "label: expected safe or unsafe, found '%s'",
                       options->label);
    return sc_wrapping_check(options, error);
}

static void remark_on_labels(struct sc_benchmark *out, size_t n)
{
    if (out->n_unlabelled < n)
        return;
    sc_text_add_visible(&out->remarks, out->name, strlen(out->name), false);
    sc_text_puts(&out->remarks,
                 ": no prompt has a label, so nothing says which refusals are "
                 "right: no sensitivity, no over-refusal, no harm without a judge\n");
}

enum sc_status sc_own_prompts(const struct sc_benchmark_options *options, struct sc_benchmark *out,
                              struct sc_instance_list *list, struct sc_error *error)
{
    assert(options->name != NULL);
    SC_TRY(check_options(options, error));
    out->name = sc_strdup(options->name);
    out->source = sc_strdup(options->name);
    if (out->name == NULL || out->source == NULL)
        return sc_fail_nomem(error, "prompts");
    for (size_t i = 0; i < options->n_prompts; i++)
        SC_TRY(add(options, i, list, error));
    SC_TRY(check_ids(list, error));
    for (size_t i = 0; i < list->n; i++)
        out->n_unlabelled += list->items[i].label == SC_LABEL_UNKNOWN;
    remark_on_labels(out, list->n);
    return out->remarks.failed ? sc_fail_nomem(error, "prompts") : SC_OK;
}
