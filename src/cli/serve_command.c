/* safeconf serve-command: the command line of an engine for a machine or cluster of one's own. */
#include <string.h>

#include "cli/engine.h"

enum { LEAST_ENGINE = SC_ENGINE_VLLM };

struct serving {
    struct cli_engine engine;
    const char *model, *name, *host, *dtype;
    size_t port, n_top;
};

/* A command that is shown and copied must say all that it does. */
static enum sc_status check_visible(const struct sc_text *command, struct sc_error *error)
{
    struct sc_text visible = {0};
    sc_text_add_visible(&visible, command->data, command->len, false);
    bool same = !visible.failed && strcmp(visible.data, command->data) == 0;
    bool failed = visible.failed;
    sc_text_free(&visible);
    if (failed)
        return sc_fail_nomem(error, "a command line");
    return same ? SC_OK
                : sc_fail(error, SC_ERR_ARGUMENT,
                          "a command line: expected visible characters, found others");
}

static enum sc_status make_command(struct serving *serving, struct sc_text *text,
                                   struct sc_error *error)
{
    struct cli_engine *engine = &serving->engine;
    struct sc_command command;
    SC_TRY(sc_engine_elsewhere((enum sc_engine_kind)(engine->kind + LEAST_ENGINE), &engine->choice,
                               error));
    SC_TRY(cli_engine_find_model(engine, serving->model, true, error));
    struct sc_launch_options options =
        cli_engine_launch_options(engine, serving->n_top, serving->dtype);
    options.host = serving->host;
    options.port = (unsigned)serving->port;
    if (serving->name == NULL)
        serving->name = options.name;
    options.name = serving->name;
    SC_TRY(sc_launch_command(&engine->choice, &options, &command, error));
    sc_command_quote(&command, text);
    sc_command_free(&command);
    if (text->failed)
        return sc_fail_nomem(error, "a command line");
    SC_TRY(check_visible(text, error));
    sc_text_putc(text, '\n');
    return SC_OK;
}

/* How the server is used then, for people. */
static void say_usage(const struct serving *serving)
{
    cli_say("serve-command",
            "then: safeconf run --endpoint http://HOST:%zu/v1 --model %s --tokenizer %s",
            serving->port, serving->name, serving->model);
    if (serving->engine.gpus > 1 && serving->engine.tensor_parallel == 0 &&
        serving->engine.folder == NULL)
        cli_say("serve-command", "how large the model is is not known here, so each GPU is given a "
                                 "copy: --tensor-parallel N has N of them hold one together");
    if (strcmp(serving->host, "127.0.0.1") != 0)
        cli_say("serve-command", "whoever reaches that port can use the model");
}

static int serve(struct serving *serving)
{
    struct sc_error error = {0};
    struct sc_text text = {0};
    enum sc_status status = make_command(serving, &text, &error);
    int exit_status = CLI_FAILED;
    if (status != SC_OK)
        exit_status = cli_report_error("serve-command", &error);
    else if (cli_write("serve-command", &text))
        exit_status = CLI_DONE;
    if (exit_status == CLI_DONE)
        say_usage(serving);
    sc_text_free(&text);
    cli_engine_end(&serving->engine);
    return exit_status;
}

int cli_serve_command(int argc, char **argv)
{
    struct serving serving = {
        .engine = cli_engine_default(), .host = "0.0.0.0", .port = 8000, .n_top = 20};
    struct cli_options options = {
        .command = "serve-command",
        .synopsis = "--model M [--engine vllm] [--gpus N] [--port P]",
        .summary =
            "Prints the command that serves a model for runs with --endpoint, with all that\n"
            "they need: as many log-probabilities, prefix caching, the GPUs in use."};
    cli_add_text(&options, "model", &serving.model, "DIR|HUB_NAME|FILE.gguf",
                 "what is to be served, as the other machine finds it");
    cli_add_choice(&options, "engine", &serving.engine.kind, "vllm|sglang|llama-server",
                   "by which engine (vllm)");
    cli_add_int32(&options, "gpus", &serving.engine.gpus, 1, 1024, "GPUs of that machine (1)");
    cli_add_engine_words(&options, &serving.engine);
    cli_add_text(&options, "name", &serving.name, "NAME",
                 "what requests call the model (the last part of a path, or the hub's name)");
    cli_add_text(&options, "host", &serving.host, "ADDRESS", "to listen at (0.0.0.0: everywhere)");
    cli_add_size(&options, "port", &serving.port, 1, 65535, "to listen at (8000)");
    cli_add_size(&options, "confidence-top-k", &serving.n_top, 1, 1024,
                 "log-probabilities that runs will ask for (20)");
    cli_add_text(&options, "dtype", &serving.dtype, "bf16|f32", "arithmetic (the model's own)");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (serving.model == NULL)
        return cli_usage_error("serve-command", "expected --model");
    if (serving.dtype != NULL && strcmp(serving.dtype, "bf16") != 0 &&
        strcmp(serving.dtype, "f32") != 0)
        return cli_usage_error("serve-command", "--dtype: expected bf16 or f32, found \"%s\"",
                               serving.dtype);
    if (serving.engine.gpus == 0)
        serving.engine.gpus = 1;
    return serve(&serving);
}
