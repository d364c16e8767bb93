/* See endpoint.h. */
#include "cli/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "cli/fetch.h"
#include "remote/remote.h"

#define USUAL_KEY "OPENAI_API_KEY"

void cli_add_endpoint(struct cli_options *options, struct cli_endpoint *endpoint)
{
    cli_add_list(options, "endpoint", &endpoint->urls, "URL",
                 "sample from a server that speaks OpenAI's interface, such as "
                 "http://127.0.0.1:8000/v1; --model is its name there; repeatable, for servers "
                 "that are alike");
    cli_add_text(options, "api-key-env", &endpoint->key_variable, "NAME",
                 "environment variable with the server's API key (OPENAI_API_KEY, if it is set)");
    cli_add_text(options, "tokenizer", &endpoint->tokenizer, "DIR|HUB_NAME|demo",
                 "with --endpoint: the tokenizer and chat template that frame prompts here "
                 "(without: the server frames them)");
    cli_add_size(options, "requests", &endpoint->requests, 1, 65536,
                 "requests to servers in flight (32)");
    cli_add_size(options, "choices", &endpoint->choices, 1, 128,
                 "traces of a prompt asked for in one request (1)");
    cli_add_real(options, "timeout", &endpoint->timeout, 0.001, 1e6,
                 "seconds that a server has for a request (600)");
    cli_add_size(options, "max-failures", &endpoint->most_failures, 1, 1e6,
                 "failed requests in a row that end the run (20); it can be resumed");
}

bool cli_endpoint_wanted(const struct cli_endpoint *endpoint)
{
    return endpoint->urls.n > 0 || endpoint->launched;
}

enum sc_status cli_endpoint_check(const struct cli_options *options,
                                  const struct cli_endpoint *endpoint, struct sc_error *error)
{
    static const char *const servers[] = {"api-key-env", "tokenizer", "requests", "choices"};
    static const struct {
        const char *name, *instead;
    } engine[] = {{"dtype", "the server computes"},
                  {"kernels", "the server computes"},
                  {"threads", "the server computes"},
                  {"device", "the server computes"},
                  {"memory", "the server has its own"},
                  {"parallel", "--requests says how many requests are in flight"},
                  {"no-batch", "--requests 1 has one request in flight"},
                  {"no-sharing", "the server computes"}};
    static const char *const frame[] = {"chat-template", "template-date"};
    bool wanted = cli_endpoint_wanted(endpoint);
    for (size_t i = 0; !wanted && i < sizeof servers / sizeof *servers; i++)
        if (cli_given(options, servers[i]))
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--%s: goes with --endpoint or an --engine that is a server",
                           servers[i]);
    /* An engine that is started is told the dtype, and has the model's own tokenizer. */
    for (size_t i = endpoint->launched; wanted && i < sizeof engine / sizeof *engine; i++)
        if (cli_given(options, engine[i].name))
            return sc_fail(error, SC_ERR_ARGUMENT, "--%s: does not go with %s: %s", engine[i].name,
                           endpoint->launched ? "an --engine that is a server" : "--endpoint",
                           engine[i].instead);
    for (size_t i = 0; wanted && i < sizeof frame / sizeof *frame; i++)
        if (cli_given(options, frame[i]) && endpoint->tokenizer == NULL && !endpoint->launched)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--%s: goes with --tokenizer, which frames prompts here", frame[i]);
    for (size_t i = 0; i < endpoint->urls.n; i++)
        SC_TRY(sc_remote_check_url(endpoint->urls.items[i], NULL, error));
    if (endpoint->key_variable != NULL && wanted && getenv(endpoint->key_variable) == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--api-key-env: expected an API key in the environment variable %s, found "
                       "nothing",
                       sc_key_variable_shown(endpoint->key_variable));
    return SC_OK;
}

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

enum sc_status cli_endpoint_open(const struct cli_endpoint *endpoint, const char *model,
                                 const struct sc_chat_options *chat, struct sc_source *out,
                                 struct sc_error *error)
{
    struct sc_server_options server = sc_server_options_default();
    /* The usual key is no matter of an engine that was started for the run. */
    const char *variable = endpoint->key_variable != NULL ? endpoint->key_variable
                           : endpoint->launched           ? NULL
                                                          : USUAL_KEY;
    const char *key = variable != NULL ? getenv(variable) : NULL;
    SC_TRY(cli_model_fetch(&(struct cli_fetch){.name = endpoint->tokenizer,
                                               .part = SC_HUB_TOKENIZER,
                                               .yes = endpoint->yes},
                           error));
    server.urls = endpoint->urls.items;
    server.n_urls = endpoint->urls.n;
    server.model = model;
    server.key = key != NULL && (key[0] != '\0' || endpoint->key_variable != NULL) ? key : NULL;
    server.tokenizer = endpoint->tokenizer;
    server.chat = *chat;
    if (endpoint->requests > 0)
        server.parallel = endpoint->requests;
    if (endpoint->choices > 0)
        server.n_choices = endpoint->choices;
    if (endpoint->timeout > 0)
        server.timeout = endpoint->timeout;
    if (endpoint->most_failures > 0)
        server.most_failures = endpoint->most_failures;
    server.keep_going = keep_going;
    return sc_source_open_server(&server, out, error);
}
