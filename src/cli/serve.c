/* safeconf serve: the engine in this process behind OpenAI's interface, for other tools. */
#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "serving/gate.h"
#include "serving/serving.h"

struct serve_command {
    struct cli_model_options model;
    struct sc_serving_options options;
    const char *key_name; /* of an environment variable */
    size_t port;
    double memory_gb;
    bool quiet;
};

static void say_start(const struct sc_serving *serving)
{
    const struct sc_serving_facts f = sc_serving_facts(serving);
    char weights[32], batch[32], computer[CLI_COMPUTER];
    cli_computer(f.device, f.kernels, f.n_threads, computer);
    if (f.remarks != NULL)
        fprintf(stderr, "%s", f.remarks);
    cli_say("serve",
            "%s, %s, %s; weights %s, traces %s: %zu rows; prompts to %zu tokens, "
            "answers to %zu",
            f.name, f.dtype, computer, cli_bytes((double)f.weight_bytes, weights),
            cli_bytes((double)f.batch_bytes, batch), f.parallel, f.max_prompt, f.max_new);
}

/* Says where it listens, however quiet: port 0 is known by this line alone, which therefore wants
 * no memory.  The host was resolved: it is plain. */
static void say_address(const struct sc_serving *serving)
{
    const struct sc_serving_facts f = sc_serving_facts(serving);
    bool bracketed = strchr(f.host, ':') != NULL;
    fprintf(stderr, "safeconf serve: listening at http://%s%s%s:%u/v1\n", bracketed ? "[" : "",
            f.host, bracketed ? "]" : "", (unsigned)f.port);
}

static enum sc_status resolve(struct serve_command *command, struct sc_error *error)
{
    struct sc_serving_options *options = &command->options;
    options->model = command->model.model;
    options->port = (uint16_t)command->port;
    options->max_bytes = (size_t)(command->memory_gb * 1e9);
    options->engine.n_threads = command->model.threads;
    options->engine.kernels = command->model.kernels;
    options->engine.device = command->model.device;
    options->engine.confidence_top_k = (int)command->model.confidence_top_k;
    if (command->key_name != NULL) {
        options->key = getenv(command->key_name);
        if (options->key == NULL || *options->key == '\0')
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--api-key-env: expected a key in the environment variable %s, found "
                           "none",
                           sc_key_variable_shown(command->key_name));
    }
    if (!sc_serving_is_local(options->host) && options->key == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--host %s: whoever reaches it could use the model: expected --api-key-env",
                       options->host);
    return cli_dtype(command->model.dtype, &options->engine.dtype, error);
}

static int serve(struct serve_command *command)
{
    struct sc_error error = {0};
    struct sc_serving *serving = NULL;
    const struct cli_fetch from = {.name = command->model.model, .yes = command->model.yes};
    cli_catch_signals();
    if (resolve(command, &error) != SC_OK || cli_model_fetch(&from, &error) != SC_OK ||
        sc_serving_open(&serving, &command->options, &error) != SC_OK)
        return cli_report_error("serve", &error);
    if (!command->quiet)
        say_start(serving);
    say_address(serving);
    size_t n_dropped = 0;
    sc_serving_run(serving, cli_interrupted, &n_dropped);
    sc_serving_close(serving);
    if (n_dropped > 0)
        cli_say("serve", "ended with %zu request%s unanswered", n_dropped,
                n_dropped == 1 ? "" : "s");
    return n_dropped > 0 ? CLI_INTERRUPTED : CLI_DONE;
}

static void add_limits(struct cli_options *options, struct serve_command *command)
{
    struct sc_serving_options *o = &command->options;
    cli_add_size(options, "parallel", &o->parallel, 1, 4096,
                 "answers in flight (chosen for the machine and memory)");
    cli_add_size(options, "queue", &o->most_jobs, 1, 100000,
                 "requests in hand, waiting ones included; one more is answered 429 (256)");
    cli_add_size(options, "max-new-tokens", &o->max_new, 1, 1e6,
                 "tokens of an answer, at most (1024, or what the context has)");
    cli_add_size(options, "max-prompt-tokens", &o->max_prompt, 1, 1e7,
                 "tokens of a prompt, at most (4096, or what the context has)");
    cli_add_size(options, "max-logprobs", &o->max_top, 0, 1024,
                 "likeliest tokens that a request may ask for (20)");
    cli_add_real(options, "max-memory", &command->memory_gb, CLI_LEAST_GB, CLI_MOST_GB,
                 "GB for answers and prompts (half of what is available)");
    cli_add_real(options, "grace", &o->grace, 0, 86400,
                 "seconds that requests in hand have when it is told to end (10)");
}

int cli_serve(int argc, char **argv)
{
    struct serve_command command = {.model = cli_model_options_default(),
                                    .options = sc_serving_options_default(),
                                    .port = 8000};
    struct sc_serving_options *o = &command.options;
    struct cli_options options = {
        .command = "serve",
        .synopsis = "--model M [--port P]",
        .summary = "Serves a model to other tools by OpenAI's interface: /v1/models,\n"
                   "/v1/completions, /v1/chat/completions. Log-probabilities are the model's own,\n"
                   "and a seed gives the same answer whatever runs beside it."};
    cli_add_model_options(&options, &command.model);
    cli_add_text(&options, "name", &o->name, "NAME", "what requests call the model (its own)");
    cli_add_text(&options, "host", &o->host, "ADDRESS",
                 "to listen at (127.0.0.1: this machine alone; others need --api-key-env)");
    cli_add_size(&options, "port", &command.port, 0, 65535,
                 "to listen at (8000); 0: one that is free, which is said");
    cli_add_text(&options, "api-key-env", &command.key_name, "NAME",
                 "environment variable with the key that requests must have (none)");
    cli_add_text(&options, "chat-template", &o->chat.chat_template, "FILE|raw|chatml",
                 "frame of the messages (the model's own)");
    cli_add_flag(&options, "thinking", &o->chat.thinking,
                 "answers begin with a reasoning unless a request says otherwise");
    cli_add_flag(&options, "special", &o->chat.special, CLI_SPECIAL_HELP);
    cli_add_size(&options, "confidence-top-k", &command.model.confidence_top_k, 1, 1024,
                 "k of the confidence (20)");
    add_limits(&options, &command);
    cli_add_flag(&options, "quiet", &command.quiet, "only say where it listens");
    int parsed = cli_parse(&options, argc, argv);
    return parsed >= 0 ? parsed : serve(&command);
}
