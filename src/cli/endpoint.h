/* Servers to sample from, as the command line names them: run, compare and trace. */
#ifndef SC_CLI_ENDPOINT_H
#define SC_CLI_ENDPOINT_H

#include <safeconf/source.h>

#include "cli/cli.h"

struct cli_endpoint {
    struct cli_list urls;
    const char *key_variable; /* NULL: OPENAI_API_KEY, if that is set */
    const char *tokenizer;
    size_t requests, choices, most_failures; /* 0: the usual number */
    double timeout;
    bool launched; /* an engine is started for the run, whose URL comes then */
    bool yes;      /* to fetch the tokenizer, where it is a hub's */
};

void cli_add_endpoint(struct cli_options *options, struct cli_endpoint *endpoint);
/* Whether traces are to come from servers. */
bool cli_endpoint_wanted(const struct cli_endpoint *endpoint);
/* Whether the options go together: those of servers without --endpoint, and those of the engine in
 * this process with it, are usage errors. */
enum sc_status cli_endpoint_check(const struct cli_options *options,
                                  const struct cli_endpoint *endpoint, struct sc_error *error);

/* Opens the source, with its tokenizer fetched; sc_source_close it.  model: the server's name for
 * it, NULL: its only one. */
enum sc_status cli_endpoint_open(const struct cli_endpoint *endpoint, const char *model,
                                 const struct sc_chat_options *chat, struct sc_source *out,
                                 struct sc_error *error);

#endif
