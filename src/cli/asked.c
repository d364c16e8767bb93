/* What a model is asked, from the words of the command line: texts that may stand in files, system
 * message, earlier turns, and what the answer begins with. */
#include "cli/asked.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "benchmark/messages.h"

enum { MOST_BYTES = 1 << 24 };

/* Reads a text; the end of its last line is an editor's, not the text's. */
static enum sc_status read_text(const char *path, char **text, struct sc_error *error)
{
    size_t n = 0;
    SC_TRY(sc_input_read(path, MOST_BYTES, text, &n, error));
    if (strlen(*text) != n || sc_utf8_valid(*text, n) != n) {
        sc_free(*text);
        *text = NULL;
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected text in UTF-8, found other bytes",
                       sc_input_name(path));
    }
    if (n > 0 && (*text)[n - 1] == '\n')
        (*text)[--n] = '\0';
    if (n > 0 && (*text)[n - 1] == '\r')
        (*text)[--n] = '\0';
    return SC_OK;
}

enum sc_status cli_text_or_file(const char *option, const char *given, char **text,
                                struct sc_error *error)
{
    *text = NULL;
    if (given[0] == '@' && given[1] != '@') {
        enum sc_status status = read_text(given + 1, text, error);
        if (status != SC_OK)
            sc_error_prefix(error, "--%s", option);
        return status;
    }
    const char *own = given[0] == '@' ? given + 1 : given;
    if (sc_utf8_valid(own, strlen(own)) != strlen(own))
        return sc_fail(error, SC_ERR_ARGUMENT, "--%s: expected UTF-8, found other bytes", option);
    *text = sc_strdup(own);
    return *text != NULL ? SC_OK : sc_fail_nomem(error, option);
}

void cli_add_asked(struct cli_options *options, struct cli_asked *asked)
{
    cli_add_text(options, "system", &asked->system, "TEXT|@FILE", "system message");
    cli_add_text(options, "prefill", &asked->prefill, "TEXT|@FILE",
                 "what the answer begins with: given to the model, not sampled");
    cli_add_flag(options, "special", &asked->special, CLI_SPECIAL_HELP);
    cli_add_flag(options, "thinking", &asked->thinking, "let the model think before it answers");
    cli_add_template(options, &asked->template);
}

void cli_add_template(struct cli_options *options, struct cli_template *template)
{
    cli_add_text(options, "chat-template", &template->file, "FILE|raw|chatml",
                 "the template around prompts (the model's own; raw: the prompt alone, for base "
                 "models)");
    cli_add_list(
        options, "template-arg", &template->arguments, "NAME=VALUE",
        "a variable of the chat template, such as reasoning_effort=low; a value is JSON or "
        "else a text; repeatable");
    cli_add_text(options, "template-date", &template->date, "YYYY-MM-DD",
                 "today, for chat templates that tell it (" SC_TEMPLATE_DATE ")");
}

static enum sc_status add_option(const char *option, const char *given, enum sc_role role,
                                 struct sc_conversation *out, struct sc_error *error)
{
    char *text = NULL;
    if (given == NULL)
        return SC_OK;
    SC_TRY(cli_text_or_file(option, given, &text, error));
    enum sc_status status = sc_conversation_add(out, role, text, error);
    sc_free(text);
    return status;
}

static enum sc_status add_text(const char *text, struct sc_conversation *out,
                               struct sc_error *error)
{
    char *read = NULL;
    if (text != NULL && strcmp(text, "-") != 0) {
        if (sc_utf8_valid(text, strlen(text)) != strlen(text))
            return sc_fail(error, SC_ERR_ARGUMENT, "the prompt is not valid UTF-8");
        return sc_conversation_add(out, SC_ROLE_USER, text, error);
    }
    SC_TRY(read_text("-", &read, error));
    enum sc_status status = sc_conversation_add(out, SC_ROLE_USER, read, error);
    sc_free(read);
    return status;
}

/* Whether the turns of a file go with the options. */
static enum sc_status check_turns(const struct cli_asked *asked,
                                  const struct sc_conversation *turns, struct sc_error *error)
{
    if (turns->n == 0)
        return sc_fail(error, SC_ERR_FORMAT, "expected a turn, found none");
    if (asked->system != NULL && strcmp(turns->messages[0].role, "system") == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "expected a system message in the file or in --system, found both");
    if (asked->prefill != NULL && strcmp(turns->messages[turns->n - 1].role, "assistant") == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "expected the beginning of the answer as the file's last turn or in "
                       "--prefill, found both");
    return SC_OK;
}

static enum sc_status add_turns(const struct cli_asked *asked, const struct sc_conversation *turns,
                                struct sc_conversation *out, struct sc_error *error)
{
    SC_TRY(check_turns(asked, turns, error));
    for (size_t i = 0; i < turns->n; i++)
        SC_TRY(sc_conversation_add(out, (enum sc_role)sc_role_parse(turns->messages[i].role),
                                   turns->messages[i].text, error));
    return SC_OK;
}

/* Messages as data sets have them: contents in parts, roles by other names, an object around them.
 * What the assistant says behind the last question begins the answer here. */
static enum sc_status read_messages(const char *json, struct sc_conversation *turns,
                                    struct sc_error *error)
{
    json_t *value = NULL;
    struct sc_messages read = {0};
    SC_TRY(sc_messages_parse(json, &value, error));
    enum sc_status status = sc_messages_read(value, false, &read, error);
    json_decref(value);
    SC_TRY(status);
    *turns = read.conversation;
    read.conversation = (struct sc_conversation){0};
    if (read.reference != NULL)
        status = sc_conversation_add(turns, SC_ROLE_ASSISTANT, read.reference, error);
    sc_messages_free(&read);
    return status;
}

static enum sc_status read_turns(const char *path, struct sc_conversation *turns,
                                 struct sc_error *error)
{
    char *json = NULL;
    size_t n = 0;
    SC_TRY(sc_input_read(path, MOST_BYTES, &json, &n, error));
    /* Plain messages are taken as they are, in any order: it is the template that knows it. */
    enum sc_status status = sc_conversation_read(json, turns, NULL);
    if (status == SC_ERR_FORMAT)
        status = read_messages(json, turns, error);
    else if (status != SC_OK)
        sc_fail_nomem(error, path);
    sc_free(json);
    return status;
}

/* The turns of a file after those that are there. */
static enum sc_status add_messages(const struct cli_asked *asked, struct sc_conversation *out,
                                   struct sc_error *error)
{
    struct sc_conversation turns = {0};
    enum sc_status status = read_turns(asked->messages, &turns, error);
    if (status != SC_OK)
        goto done;
    status = add_turns(asked, &turns, out, error);
done:
    sc_conversation_free(&turns);
    if (status != SC_OK)
        sc_error_prefix(error, "%s", sc_input_name(asked->messages));
    return status;
}

static enum sc_status ask(const struct cli_asked *asked, const char *text,
                          struct sc_conversation *out, struct sc_error *error)
{
    SC_TRY(add_option("system", asked->system, SC_ROLE_SYSTEM, out, error));
    if (asked->messages != NULL)
        SC_TRY(add_messages(asked, out, error));
    else
        SC_TRY(add_text(text, out, error));
    return add_option("prefill", asked->prefill, SC_ROLE_ASSISTANT, out, error);
}

enum sc_status cli_ask(const struct cli_asked *asked, const char *text, struct sc_conversation *out,
                       struct sc_error *error)
{
    *out = (struct sc_conversation){0};
    enum sc_status status = ask(asked, text, out, error);
    if (status != SC_OK)
        sc_conversation_free(out);
    return status;
}

struct sc_chat_options cli_template_options(const struct cli_template *template)
{
    struct sc_chat_options options = sc_chat_options_default();
    options.chat_template = template->file;
    options.template_date = template->date;
    options.template_args = template->arguments.items;
    options.n_template_args = template->arguments.n;
    return options;
}

struct sc_chat_options cli_chat_options(const struct cli_asked *asked)
{
    struct sc_chat_options options = cli_template_options(&asked->template);
    options.thinking = asked->thinking;
    options.special = asked->special;
    return options;
}

enum sc_status cli_show_framed(const struct sc_chat_format *format,
                               const struct sc_conversation *turns, struct sc_text *out,
                               struct sc_error *error)
{
    struct sc_framed framed;
    SC_TRY(sc_chat_encode(format, turns->messages, turns->n, &framed, error));
    sc_text_add_visible(out, framed.text, framed.n_text, true);
    sc_text_putc(out, '\n');
    sc_framed_free(&framed);
    return SC_OK;
}
