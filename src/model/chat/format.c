/*
 * Opening a format: which template, and with which variables.
 *
 * Refuses a model without a template, arguments that the template does not read, and dates that are
 * none.  Read next: render.c, frame.c.
 */
#include "model/chat/format.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "model/chat/source.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/reasoning.h"

struct sc_chat_options sc_chat_options_default(void)
{
    return (struct sc_chat_options){.size = sizeof(struct sc_chat_options)};
}

/* ---- the date -------------------------------------------------------------------------------- */

static bool is_date(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1 || month < 1 || month > 12)
        return false;
    return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static enum sc_status read_date(struct sc_chat_format *format, const char *text,
                                struct sc_error *error)
{
    const char *date = text != NULL ? text : SC_TEMPLATE_DATE;
    static const char shape[] = "dddd-dd-dd";
    int parts[3] = {0};
    size_t part = 0;
    bool good = strlen(date) == strlen(shape);
    for (size_t i = 0; good && shape[i] != '\0'; i++) {
        bool is_digit = date[i] >= '0' && date[i] <= '9';
        good = shape[i] == 'd' ? is_digit : date[i] == shape[i];
        if (shape[i] == 'd')
            parts[part] = 10 * parts[part] + (date[i] - '0');
        else
            part++;
    }
    if (!good || !is_date(parts[0], parts[1], parts[2]))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "template-date: expected a date such as 2024-07-26, found \"%.40s\"", date);
    format->year = parts[0];
    format->month = parts[1];
    format->day = parts[2];
    return SC_OK;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static enum sc_status set_variable(struct sc_chat_format *format, const char *name, json_t *value,
                                   struct sc_error *error)
{
    return json_object_set_new(format->variables, name, value) == 0
               ? SC_OK
               : sc_fail_nomem(error, "variables of a chat template");
}

/* What a value says as JSON, or the text. */
static enum sc_status read_value(const char *text, json_t **value, struct sc_error *error)
{
    size_t n = strlen(text);
    if (sc_utf8_valid(text, n) != n)
        return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: expected UTF-8, found other bytes");
    enum sc_status status = sc_json_parse_any(text, n, "template-arg", value, NULL);
    if (status != SC_OK)
        *value = status != SC_ERR_NOMEM ? json_stringn(text, n) : NULL;
    return *value != NULL ? SC_OK : sc_fail_nomem(error, "variables of a chat template");
}

static bool is_name(const char *text, size_t n)
{
    if (n == 0 || (text[0] >= '0' && text[0] <= '9'))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!sc_is_word_char(text[i]) || (text[i] & 0x80) != 0)
            return false;
    return true;
}

static enum sc_status check_name(const struct sc_chat_format *format, const char *name,
                                 struct sc_error *error)
{
    static const char *const own[] = {"messages", "add_generation_prompt"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0)
            return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: %s is not for arguments", name);
    if (format->template == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: goes with a chat template");
    if (!sc_jinja_uses(format->template, name))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "template-arg: expected a variable that the chat template reads, found "
                       "\"%.60s\"",
                       name);
    return SC_OK;
}

static enum sc_status add_argument(struct sc_chat_format *format, const char *argument,
                                   struct sc_error *error)
{
    char name[61];
    const char *equals = argument != NULL ? strchr(argument, '=') : NULL;
    size_t n = equals != NULL ? (size_t)(equals - argument) : 0;
    if (n >= sizeof name || !is_name(argument, n))
        return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: expected NAME=VALUE, found \"%.60s\"",
                       argument != NULL ? argument : "");
    snprintf(name, sizeof name, "%.*s", (int)n, argument);
    SC_TRY(check_name(format, name, error));
    json_t *value = NULL;
    SC_TRY(read_value(equals + 1, &value, error));
    for (size_t i = 0; i < SC_N_SWITCHES; i++)
        if (strcmp(name, sc_thinking_switches[i]) == 0)
            format->thinking = json_is_true(value);
    sc_text_printf(&format->arguments, ", %s", argument);
    return set_variable(format, name, value, error);
}

static enum sc_status add_arguments(struct sc_chat_format *format,
                                    const struct sc_chat_options *options, struct sc_error *error)
{
    for (size_t i = 0; i < options->n_template_args; i++) {
        const char *argument = options->template_args[i];
        size_t n = strcspn(argument != NULL ? argument : "", "=");
        for (size_t j = 0; j < i && n > 0; j++)
            if (strncmp(options->template_args[j], argument, n + 1) == 0)
                return sc_fail(error, SC_ERR_ARGUMENT,
                               "template-arg: expected %.*s once, found it twice",
                               (int)(n < 60 ? n : 60), argument);
        SC_TRY(add_argument(format, argument, error));
    }
    return format->arguments.failed ? sc_fail_nomem(error, "variables of a chat template") : SC_OK;
}

/* ---- the template ---------------------------------------------------------------------------- */

static enum sc_status parse(struct sc_chat_format *format, const char *text, size_t n,
                            struct sc_error *error)
{
    enum sc_status status = sc_jinja_parse(&format->template, text, n, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "chat template");
        return status;
    }
    format->hash = sc_hash64(text, n);
    for (size_t i = 0; i + strlen(SC_REASONING_OPENS) <= n && !format->may_reason; i++)
        format->may_reason =
            memcmp(text + i, SC_REASONING_OPENS, strlen(SC_REASONING_OPENS)) == 0 ||
            memcmp(text + i, "/think>", strlen(SC_REASONING_OPENS)) == 0;
    return SC_OK;
}

/* For tokenizers that were trained on it. */
static enum sc_status parse_chatml(struct sc_chat_format *format, struct sc_error *error)
{
    static const char *const needed[] = {"<|im_start|>", "<|im_end|>"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (sc_tokenizer_id(format->tokenizer, needed[i]) < 0)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "chat-template chatml: the tokenizer has no token \"%s\"", needed[i]);
    return parse(format, sc_chatml_template, strlen(sc_chatml_template), error);
}

static enum sc_status parse_file(struct sc_chat_format *format, const char *path,
                                 struct sc_error *error)
{
    char *text = NULL;
    size_t n = 0;
    SC_TRY(sc_chat_source_read(path, &text, &n, error));
    enum sc_status status = parse(format, text, n, error);
    sc_free(text);
    return status;
}

static enum sc_status parse_own(struct sc_chat_format *format, struct sc_error *error)
{
    const struct sc_chat_source *source = sc_tokenizer_chat_source(format->tokenizer);
    if (source->fault != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s", source->fault);
    if (source->text == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "expected a chat template (chat_template.jinja, or chat_template in "
                       "tokenizer_config.json), found none: --chat-template raw asks a base model, "
                       "chatml or FILE names the frame of another");
    return parse(format, source->text, source->n, error);
}

/* What the tokenizer puts before a text that stands alone, such as "<s>": as its configuration
 * says, else as its post-processor does. */
static enum sc_status find_head(struct sc_chat_format *format, struct sc_error *error)
{
    const struct sc_chat_source *source = sc_tokenizer_chat_source(format->tokenizer);
    struct sc_tokenizer_around around = sc_tokenizer_around(format->tokenizer);
    const char *bos = json_string_value(json_object_get(source->special, "bos_token"));
    struct sc_text head = {0};
    if (source->bos == SC_BOS_ADDED)
        sc_text_puts(&head, bos != NULL ? bos : "");
    for (size_t i = 0; source->bos == SC_BOS_UNSAID && i < around.n_before; i++) {
        size_t n = 0;
        const char *bytes = sc_tokenizer_bytes(format->tokenizer, around.before[i], &n);
        sc_text_add(&head, bytes != NULL ? bytes : "", n);
    }
    format->head = sc_text_take(&head);
    return format->head != NULL ? SC_OK : sc_fail_nomem(error, "chat format");
}

static enum sc_status choose_template(struct sc_chat_format *format, const char *wanted,
                                      struct sc_error *error)
{
    if (wanted == NULL)
        return parse_own(format, error);
    if (strcmp(wanted, "chatml") == 0)
        return parse_chatml(format, error);
    if (strcmp(wanted, "raw") != 0)
        return parse_file(format, wanted, error);
    return find_head(format, error);
}

/* ---- variables ------------------------------------------------------------------------------- */

/* Whether the frame can tell reasoning from an answer: our own template does so only by tokens. */
static bool has_switch(const struct sc_chat_format *format, const char *name)
{
    if (!sc_jinja_uses(format->template, name))
        return false;
    return format->hash != sc_hash64(sc_chatml_template, strlen(sc_chatml_template)) ||
           sc_tokenizer_id(format->tokenizer, SC_REASONING_OPENS) >= 0;
}

static enum sc_status set_variables(struct sc_chat_format *format,
                                    const struct sc_chat_options *options, struct sc_error *error)
{
    const json_t *special = sc_tokenizer_chat_source(format->tokenizer)->special;
    format->variables = special != NULL ? sc_json_copy_flat(special) : json_object();
    if (format->variables == NULL)
        return sc_fail_nomem(error, "variables of a chat template");
    if (format->template == NULL)
        return add_arguments(format, options, error);
    SC_TRY(set_variable(format, "tools", json_null(), error));
    SC_TRY(set_variable(format, "documents", json_null(), error));
    for (size_t i = 0; i < SC_N_SWITCHES; i++) {
        if (!has_switch(format, sc_thinking_switches[i]))
            continue;
        format->may_reason = true;
        SC_TRY(
            set_variable(format, sc_thinking_switches[i], json_boolean(options->thinking), error));
    }
    return add_arguments(format, options, error);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status fill(struct sc_chat_format *format, const struct sc_chat_options *options,
                           struct sc_error *error)
{
    SC_TRY(read_date(format, options->template_date, error));
    SC_TRY(choose_template(format, options->chat_template, error));
    return set_variables(format, options, error);
}

static enum sc_status make(struct sc_chat_format **out, const struct sc_tokenizer *tokenizer,
                           const struct sc_chat_options *options, struct sc_error *error)
{
    struct sc_chat_format *format = sc_alloc_zero(1, sizeof *format);
    if (format == NULL)
        return sc_fail_nomem(error, "chat format");
    *format = (struct sc_chat_format){.tokenizer = tokenizer,
                                      .thinking = options->thinking,
                                      .special = options->special,
                                      .end_id = -1};
    enum sc_status status = fill(format, options, error);
    if (status != SC_OK) {
        sc_chat_format_close(format);
        return status;
    }
    *out = format;
    return SC_OK;
}

/* Fills what rendering shows, beside the frame that has no name in a run's configuration. */
static enum sc_status probe(struct sc_chat_format *format, const struct sc_chat_options *options,
                            struct sc_error *error)
{
    const struct sc_chat_options usual = {
        .chat_template = "chatml", .thinking = options->thinking, .special = options->special};
    struct sc_chat_format *chatml = NULL;
    enum sc_status status = make(&chatml, format->tokenizer, &usual, NULL);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "chat format");
    status = sc_format_probe(format, chatml, error);
    sc_chat_format_close(chatml);
    return status;
}

enum sc_status sc_chat_format_open(struct sc_chat_format **out,
                                   const struct sc_tokenizer *tokenizer,
                                   const struct sc_chat_options *given, struct sc_error *error)
{
    struct sc_chat_options options = sc_chat_options_default();
    if (out == NULL || tokenizer == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "chat format: expected a tokenizer and where to put the format");
    *out = NULL;
    if (given != NULL)
        SC_TRY(
            sc_options_take(&options, sizeof options, given, given->size, "chat options", error));
    if (options.template_args == NULL && options.n_template_args > 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "template-arg: expected %zu, found none",
                       options.n_template_args);
    struct sc_chat_format *format = NULL;
    SC_TRY(make(&format, tokenizer, &options, error));
    enum sc_status status = probe(format, &options, error);
    if (status != SC_OK)
        sc_chat_format_close(format);
    else
        *out = format;
    return status;
}

void sc_chat_format_close(struct sc_chat_format *format)
{
    if (format == NULL)
        return;
    sc_jinja_free(format->template);
    json_decref(format->variables);
    sc_text_free(&format->arguments);
    sc_text_free(&format->remarks);
    sc_free(format->head);
    sc_free(format->identity);
    sc_free(format);
}

bool sc_chat_format_thinks(const struct sc_chat_format *format)
{
    return format->thinking;
}

const char *sc_chat_format_identity(const struct sc_chat_format *format)
{
    return format->identity;
}

const char *sc_chat_format_remarks(const struct sc_chat_format *format)
{
    return format->remarks.data != NULL ? format->remarks.data : "";
}

int32_t sc_chat_format_end(const struct sc_chat_format *format)
{
    return format->end_id;
}
