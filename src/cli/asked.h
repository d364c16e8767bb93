/* What a model is asked, from the words of the command line. */
#ifndef SC_CLI_ASKED_H
#define SC_CLI_ASKED_H

#include "cli/cli.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/conversation.h"

/* The text that an option gives: itself, or with @FILE that of a file (- is standard input) without
 * the end of its last line; "@@" begins a text with "@".  *text: sc_free it. */
enum sc_status cli_text_or_file(const char *option, const char *given, char **text,
                                struct sc_error *error);

struct cli_asked {
    const char *system, *prefill; /* TEXT|@FILE, or NULL */
    const char *messages;         /* a file of turns, or NULL */
    bool thinking, special;
};
/* Adds --system, --prefill, --special and --thinking. */
void cli_add_asked(struct cli_options *options, struct cli_asked *asked);

/* The turns in order: system message, those of the file or the text as the user's (NULL and "-":
 * standard input), and the prefill as a last one of the assistant. */
enum sc_status cli_ask(const struct cli_asked *asked, const char *text, struct sc_conversation *out,
                       struct sc_error *error);
/* How they are to be framed; borrows the turns. */
struct sc_chat cli_chat_of(const struct cli_asked *asked, const struct sc_conversation *turns);

/* The framed text, control tokens in it, and its ids. */
struct cli_framed {
    char *text;
    int32_t *ids; /* [n] */
    size_t n;
};
enum sc_status cli_frame(const struct sc_tokenizer *tokenizer, const struct sc_chat *chat,
                         struct cli_framed *out, struct sc_error *error);
void cli_framed_free(struct cli_framed *framed);
/* Appends the framed text to *out: with control tokens as they are written, made visible. */
enum sc_status cli_show_framed(const struct sc_tokenizer *tokenizer, const struct sc_chat *chat,
                               struct sc_text *out, struct sc_error *error);

#endif
