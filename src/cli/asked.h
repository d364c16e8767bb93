/* What a model is asked, from the words of the command line. */
#ifndef SC_CLI_ASKED_H
#define SC_CLI_ASKED_H

#include "cli/cli.h"
#include "model/chat/chat.h"
#include "vocabulary/conversation.h"

/* The text that an option gives: itself, or with @FILE that of a file (- is standard input) without
 * the end of its last line; "@@" begins a text with "@".  *text: sc_free it. */
enum sc_status cli_text_or_file(const char *option, const char *given, char **text,
                                struct sc_error *error);

/* The template around prompts. */
struct cli_template {
    const char *file, *date; /* FILE|raw|chatml, YYYY-MM-DD; NULL: the model's own, the usual one */
    struct cli_list arguments;
};
/* Adds --chat-template, --template-arg and --template-date. */
void cli_add_template(struct cli_options *options, struct cli_template *template);

/* How prompts are framed with it; borrows the words. */
struct sc_chat_options cli_template_options(const struct cli_template *template);

struct cli_asked {
    const char *system, *prefill; /* TEXT|@FILE, or NULL */
    const char *messages;         /* a file of turns, or NULL */
    bool thinking, special;
    struct cli_template template;
};
/* Adds --system, --prefill, --special, --thinking and the template's. */
void cli_add_asked(struct cli_options *options, struct cli_asked *asked);

/* The turns in order: system message, those of the file or the text as the user's (NULL and "-":
 * standard input), and the prefill as a last one of the assistant. */
enum sc_status cli_ask(const struct cli_asked *asked, const char *text, struct sc_conversation *out,
                       struct sc_error *error);
/* How they are to be framed; borrows the words. */
struct sc_chat_options cli_chat_options(const struct cli_asked *asked);

/* Appends the framed text to *out: with control tokens as they are written, made visible. */
enum sc_status cli_show_framed(const struct sc_chat_format *format,
                               const struct sc_conversation *turns, struct sc_text *out,
                               struct sc_error *error);

#endif
