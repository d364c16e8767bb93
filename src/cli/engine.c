/* See engine.h. */
#include "cli/engine.h"

#include <safeconf/engine.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/fetch.h"

static const double plain_interval = 15; /* seconds between plain lines */

struct cli_engine cli_engine_default(void)
{
    return (struct cli_engine){.timeout = 1800};
}

void cli_add_engine_words(struct cli_options *options, struct cli_engine *engine)
{
    cli_add_int32(options, "tensor-parallel", &engine->tensor_parallel, 1, 1024,
                  "GPUs that hold one copy of the model together (as many as it needs)");
    cli_add_list(options, "engine-arg", &engine->more, "WORD",
                 "a word of the engine's own command line, such as --max-model-len=8192; "
                 "repeatable");
}

void cli_add_engine(struct cli_options *options, struct cli_engine *engine)
{
    cli_add_choice(
        options, "engine", &engine->kind, SC_ENGINE_CHOICES,
        "what computes: cpu is this process, on what --device says; the others are "
        "servers that are started for the run and end with it (auto: vllm or sglang, if a CUDA "
        "device is visible and one of them is installed; else this process, see "
        "--device)");
    cli_add_text(options, "gpus", &engine->gpus_given, "N|all",
                 "GPUs that compute: of such a server (all that are visible), or of this process's "
                 "engine, which then runs once for each, on a part of the prompts (1)");
    cli_add_engine_words(options, engine);
    cli_add_real(options, "engine-timeout", &engine->timeout, 1, 1e6,
                 "seconds that it has to load the model (1800)");
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* Options that speak of the engine in this process, and so choose it where nothing else does. */
static bool is_meant_here(const struct cli_options *given, const char *model)
{
    static const char *const options[] = {"device",   "kernels",  "threads",   "memory",
                                          "parallel", "no-batch", "no-sharing"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (cli_given(given, options[i]))
            return true;
    return strcmp(model, "demo") == 0;
}

static enum sc_status read_gpus(const char *given, int32_t *gpus, struct sc_error *error)
{
    char *end;
    *gpus = 0;
    if (given == NULL)
        return SC_OK;
    if (strcmp(given, "all") == 0) {
        *gpus = CLI_ALL_GPUS;
        return SC_OK;
    }
    unsigned long value = strtoul(given, &end, 10);
    if (given[0] < '0' || given[0] > '9' || *end != '\0' || value < 1 || value > 1024)
        return sc_fail(error, SC_ERR_ARGUMENT, "--gpus: expected 1 to 1024 or all, found \"%s\"",
                       given);
    *gpus = (int32_t)value;
    return SC_OK;
}

static enum sc_status check_gpus(const struct cli_engine *engine, struct sc_error *error)
{
    int visible = engine->choice.n_gpus;
    if (engine->gpus > visible)
        return sc_fail(error, SC_ERR_ARGUMENT, "--gpus: expected at most the %d visible, found %d",
                       visible, (int)engine->gpus);
    if (engine->tensor_parallel > (engine->gpus > 0 ? engine->gpus : visible))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--tensor-parallel: expected at most the GPUs in use, found %d",
                       (int)engine->tensor_parallel);
    return SC_OK;
}

/* Options that say how a server is started.  here: --gpus means something without one. */
static enum sc_status check_unused(const struct cli_options *given, bool here, const char *why,
                                   struct sc_error *error)
{
    static const char *const options[] = {"gpus", "tensor-parallel", "engine-arg",
                                          "engine-timeout"};
    for (size_t i = here; i < sizeof options / sizeof *options; i++)
        if (cli_given(given, options[i]))
            return sc_fail(error, SC_ERR_ARGUMENT, "--%s: goes with an engine that is started; %s",
                           options[i], why);
    return SC_OK;
}

enum sc_status cli_engine_choose(const struct cli_options *given, struct cli_engine *engine,
                                 struct cli_endpoint *endpoint, const char *model,
                                 struct sc_error *error)
{
    enum sc_engine_kind kind = (enum sc_engine_kind)engine->kind;
    bool asked = cli_given(given, "engine");
    SC_TRY(read_gpus(engine->gpus_given, &engine->gpus, error));
    if (cli_endpoint_wanted(endpoint)) {
        if (asked)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--engine: does not go with --endpoint, where a server runs already");
        return check_unused(given, false, "--endpoint names servers that run already", error);
    }
    if (kind == SC_ENGINE_AUTO && is_meant_here(given, model))
        kind = SC_ENGINE_CPU;
    SC_TRY(sc_engine_choose(kind, &engine->choice, error));
    endpoint->launched = engine->choice.kind != SC_ENGINE_CPU;
    return endpoint->launched ? check_gpus(engine, error)
                              : check_unused(given, true, "the engine is this process", error);
}

/* ---- the model ------------------------------------------------------------------------------- */

static bool is_gguf(const char *model)
{
    size_t n = strlen(model);
    return n > 5 && strcmp(model + n - 5, ".gguf") == 0;
}

enum sc_status cli_engine_find_model(struct cli_engine *engine, const char *model, bool elsewhere,
                                     struct sc_error *error)
{
    bool llama = engine->choice.kind == SC_ENGINE_LLAMA_SERVER;
    if (llama && !is_gguf(model))
        return sc_fail(error, SC_ERR_ARGUMENT, "model: llama-server expects a .gguf file, found %s",
                       model);
    size_t n;
    const char *last = sc_path_last(model, &n);
    bool path = sc_file_exists(model) || sc_is_folder(model);
    engine->name = path ? sc_strndup(last, n) : sc_strdup(model);
    struct sc_error unused = {0};
    enum sc_status status =
        is_gguf(model) ? SC_OK : sc_model_locate(model, &engine->folder, &unused);
    if (status != SC_OK && !elsewhere)
        return sc_fail(error, status, "%s", unused.text);
    char *whole = realpath(engine->folder != NULL ? engine->folder : model, NULL);
    engine->model = sc_strdup(whole != NULL && !elsewhere ? whole : model);
    free(whole);
    return engine->model != NULL && engine->name != NULL ? SC_OK
                                                         : sc_fail_nomem(error, "name of a model");
}

struct sc_launch_options cli_engine_launch_options(const struct cli_engine *engine, size_t n_top,
                                                   const char *dtype)
{
    return (struct sc_launch_options){.model = engine->model,
                                      .name = engine->name,
                                      .weights = engine->folder,
                                      .n_gpus =
                                          engine->gpus > 0 ? engine->gpus : engine->choice.n_gpus,
                                      .tensor_parallel = engine->tensor_parallel,
                                      .n_top = n_top,
                                      .dtype = dtype,
                                      .more = engine->more.items,
                                      .n_more = engine->more.n};
}

/* ---- starting -------------------------------------------------------------------------------- */

struct loading {
    const char *engine;
    bool quiet, terminal;
    double next_line;
};

/* What it last printed, so that nobody waits in the dark. */
static bool show_loading(void *context, double seconds, const char *line)
{
    struct loading *loading = context;
    if (loading->quiet)
        return !cli_interrupted();
    if (loading->terminal) {
        struct sc_text text = {0}, shown = {0};
        sc_text_printf(&text, "%s is loading (%.0f s): %s", loading->engine, seconds, line);
        if (!text.failed)
            sc_text_add_shortened(&shown, text.data, cli_width(stderr) - 1);
        fprintf(stderr, "\r\033[K%s", shown.data != NULL ? shown.data : "");
        fflush(stderr);
        sc_text_free(&text);
        sc_text_free(&shown);
    } else if (seconds >= loading->next_line) {
        fprintf(stderr, "%s is loading (%.0f s): %s\n", loading->engine, seconds, line);
        loading->next_line = seconds + plain_interval;
    }
    return !cli_interrupted();
}

static enum sc_status launch(struct cli_engine *engine, const struct cli_engine_start *start,
                             const char *log, struct sc_error *error)
{
    const char *name = sc_engine_name(engine->choice.kind);
    struct loading loading = {.engine = name,
                              .quiet = start->quiet,
                              .terminal = cli_terminal(stderr),
                              .next_line = plain_interval};
    const struct sc_launch_start how = {
        .choice = &engine->choice,
        .options = cli_engine_launch_options(engine, start->n_top, start->dtype),
        .log = log,
        .timeout = engine->timeout,
        .step = show_loading,
        .context = &loading};
    if (!start->quiet)
        cli_say(start->command, "starting %s (%s); %s has what it prints", name, engine->choice.why,
                log);
    enum sc_status status = sc_launch_begin(&how, &engine->launch, error);
    if (!start->quiet && loading.terminal)
        fprintf(stderr, "\r\033[K");
    return status;
}

enum sc_status cli_engine_start(struct cli_engine *engine, const struct cli_engine_start *start,
                                struct cli_endpoint *endpoint, struct sc_error *error)
{
    if (engine->choice.kind == SC_ENGINE_CPU && engine->choice.n_gpus > 0 && !start->quiet)
        cli_say(start->command, "computing in this process: %s", engine->choice.why);
    if (!endpoint->launched || engine->launch != NULL)
        return SC_OK;
    const struct cli_fetch fetch = {
        .name = start->model, .yes = endpoint->yes, .quiet = start->quiet};
    SC_TRY(cli_model_fetch(&fetch, error));
    SC_TRY(cli_engine_find_model(engine, start->model, false, error));
    SC_TRY(sc_make_folders(start->folder, error));
    char *log = sc_path_join(start->folder, "server.log");
    if (log == NULL)
        return sc_fail_nomem(error, "the log of an engine");
    enum sc_status status = launch(engine, start, log, error);
    sc_free(log);
    SC_TRY(status);
    endpoint->urls.items[0] = sc_launch_url(engine->launch);
    endpoint->urls.n = 1;
    if (endpoint->tokenizer == NULL && !is_gguf(engine->model))
        endpoint->tokenizer = engine->model;
    return SC_OK;
}

/* ---- while the run goes on ------------------------------------------------------------------- */

/* True where none was started. */
static bool is_running(struct cli_engine *engine, struct sc_error *error)
{
    return engine->launch == NULL || sc_launch_check(engine->launch, error) == SC_OK;
}

static void watch_started(void *context, const struct sc_run_facts *facts)
{
    const struct cli_engine_watch *watch = context;
    watch->observer->started(watch->observer->context, facts);
}

static void watch_progress(void *context, const struct sc_run_progress *now)
{
    const struct cli_engine_watch *watch = context;
    watch->observer->progress(watch->observer->context, now);
}

static bool watch_keep_going(void *context)
{
    struct cli_engine_watch *watch = context;
    return is_running(watch->engine, &watch->error) &&
           watch->observer->keep_going(watch->observer->context);
}

struct sc_run_observer cli_engine_observer(struct cli_engine_watch *watch)
{
    return (struct sc_run_observer){.context = watch,
                                    .started = watch_started,
                                    .progress = watch_progress,
                                    .keep_going = watch_keep_going};
}

enum sc_status cli_engine_explain(struct cli_engine_watch *watch, enum sc_status status,
                                  struct sc_error *error)
{
    bool is_its_fault =
        status != SC_OK && !cli_interrupted() && !is_running(watch->engine, &watch->error);
    if (!is_its_fault)
        return status;
    *error = watch->error;
    return watch->error.status;
}

void cli_engine_end(struct cli_engine *engine)
{
    sc_launch_end(engine->launch);
    sc_engine_choice_free(&engine->choice);
    sc_free(engine->model);
    sc_free(engine->name);
    sc_release(engine->folder);
    *engine = cli_engine_default();
}
