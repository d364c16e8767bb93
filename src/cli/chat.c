/* safeconf chat: what a model is shown of a conversation, as text and as ids. */
#include "base/json_writer.h"
#include "base/memory.h"
#include "cli/asked.h"
#include "cli/fetch.h"
#include "model/tokenizer/tokenizer.h"

/* What the command has open; all zero is fine. */
struct chatting {
    struct sc_tokenizer *tokenizer;
    struct sc_chat_format *format;
    struct sc_conversation turns;
    struct sc_text out;
};

/* {"text": ..., "ids": [...]}: the text as the template writes it. */
static void put_object(struct sc_text *out, const char *text, const int32_t *ids, size_t n)
{
    struct sc_json_writer json = {.text = out};
    sc_json_put_object(&json, NULL);
    sc_json_put_string(&json, "text", text);
    sc_json_put_array(&json, "ids");
    for (size_t i = 0; i < n; i++)
        sc_json_put_integer(&json, NULL, ids[i]);
    sc_json_put_end_array(&json);
    sc_json_put_end_object(&json);
    sc_text_putc(out, '\n');
}

static enum sc_status add_json(const struct chatting *c, struct sc_text *out,
                               struct sc_error *error)
{
    struct sc_framed framed;
    SC_TRY(sc_chat_encode(c->format, c->turns.messages, c->turns.n, &framed, error));
    put_object(out, framed.text, framed.ids, framed.n);
    sc_framed_free(&framed);
    return SC_OK;
}

struct chat_command {
    const char *model, *text;
    struct cli_asked asked;
    bool json, yes;
};

static enum sc_status show(struct chatting *c, const struct chat_command *command,
                           struct sc_error *error)
{
    const struct sc_chat_options options = cli_chat_options(&command->asked);
    const struct cli_fetch from = {
        .name = command->model, .part = SC_HUB_TOKENIZER, .yes = command->yes};
    SC_TRY(cli_tokenizer_open(&c->tokenizer, &from, error));
    enum sc_status status = sc_chat_format_open(&c->format, c->tokenizer, &options, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "%.200s", command->model);
        return status;
    }
    fputs(sc_chat_format_remarks(c->format), stderr);
    SC_TRY(cli_ask(&command->asked, command->text, &c->turns, error));
    return command->json ? add_json(c, &c->out, error)
                         : cli_show_framed(c->format, &c->turns, &c->out, error);
}

int cli_chat(int argc, char **argv)
{
    struct chat_command command = {.model = "demo"};
    struct cli_options options = {
        .command = "chat",
        .synopsis = "[--model M] [--system S] [--messages FILE] [--prefill T] [TEXT]",
        .summary =
            "Prints what a model is shown of a conversation, up to where its answer begins.\n"
            "The user's text is TEXT or standard input; a folder that holds a tokenizer and\n"
            "no weights will do.",
        .max_positionals = 1};
    cli_add_text(&options, "model", &command.model, "DIR|HUB_NAME|demo", "whose chat format");
    cli_add_asked(&options, &command.asked);
    cli_add_text(&options, "messages", &command.asked.messages, "FILE",
                 "turns: a JSON array of objects with role and content (-: standard input)");
    cli_add_yes(&options, &command.yes);
    cli_add_flag(&options, "json", &command.json, "an object with \"text\" and \"ids\"");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (command.asked.messages != NULL && options.n_positionals > 0)
        return cli_usage_error("chat", "expected a text or --messages, found both");
    command.text = options.n_positionals > 0 ? options.positionals[0] : NULL;
    struct sc_error error = {0};
    struct chatting c = {0};
    int exit_status = CLI_DONE;
    if (show(&c, &command, &error) != SC_OK)
        exit_status = cli_report_error("chat", &error);
    else if (!cli_write("chat", &c.out))
        exit_status = CLI_FAILED;
    sc_text_free(&c.out);
    sc_conversation_free(&c.turns);
    sc_chat_format_close(c.format);
    sc_tokenizer_close(c.tokenizer);
    return exit_status;
}
