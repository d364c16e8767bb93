/*
 * The engines: how the program of each is found, and what it is started with.  Only options that
 * several years of versions know are used; what a version is to get beyond them is handed on.
 */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "source/launch/child.h"
#include "source/launch/gpus.h"
#include "source/launch/launch.h"

/* A program by its own name, or a module that Python finds. */
static const struct engine {
    const char *name, *variable; /* variable: of the environment, names another program */
    const char *program, *subcommand;
    const char *module, *entry; /* entry: the module that is run */
} engines[SC_N_ENGINES] = {
    [SC_ENGINE_AUTO] = {.name = "auto"},
    [SC_ENGINE_CPU] = {.name = "cpu"},
    [SC_ENGINE_VLLM] = {"vllm", "SAFECONF_VLLM", "vllm", "serve", "vllm",
                        "vllm.entrypoints.openai.api_server"},
    [SC_ENGINE_SGLANG] = {"sglang", "SAFECONF_SGLANG", NULL, NULL, "sglang",
                          "sglang.launch_server"},
    [SC_ENGINE_LLAMA_SERVER] = {"llama-server", "SAFECONF_LLAMA_SERVER", "llama-server", NULL, NULL,
                                NULL},
};

const char *sc_engine_name(enum sc_engine_kind kind)
{
    return (unsigned)kind < SC_N_ENGINES ? engines[kind].name : "?";
}

/* ---- words ----------------------------------------------------------------------------------- */

enum sc_status sc_command_add(struct sc_command *command, const char *word, struct sc_error *error)
{
    char *copy = sc_strdup(word);
    if (copy == NULL || sc_grow((void **)&command->words, command->n + 1, &command->cap,
                                sizeof *command->words) != 0) {
        sc_free(copy);
        return sc_fail_nomem(error, "a command line");
    }
    command->words[command->n++] = copy;
    command->words[command->n] = NULL;
    return SC_OK;
}

/* "--name" and its value. */
static enum sc_status add_pair(struct sc_command *command, const char *name, const char *value,
                               struct sc_error *error)
{
    SC_TRY(sc_command_add(command, name, error));
    return sc_command_add(command, value, error);
}

static enum sc_status add_number(struct sc_command *command, const char *name, size_t value,
                                 struct sc_error *error)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", value);
    return add_pair(command, name, digits, error);
}

void sc_command_free(struct sc_command *command)
{
    for (size_t i = 0; i < command->n; i++)
        sc_free(command->words[i]);
    sc_free(command->words);
    *command = (struct sc_command){0};
}

static bool is_plain(char c)
{
    return sc_is_name_char(c) || (c != '\0' && strchr("/:=,@%+", c) != NULL);
}

void sc_command_quote(const struct sc_command *command, struct sc_text *out)
{
    for (size_t i = 0; i < command->n; i++) {
        const char *word = command->words[i], *c = word;
        sc_text_puts(out, i > 0 ? " " : "");
        while (is_plain(*c))
            c++;
        if (*c == '\0' && c > word) {
            sc_text_puts(out, word);
            continue;
        }
        sc_text_putc(out, '\'');
        for (c = word; *c != '\0'; c++)
            if (*c == '\'')
                sc_text_puts(out, "'\\''");
            else
                sc_text_putc(out, *c);
        sc_text_putc(out, '\'');
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

/* Whether Python finds a module, which is not imported: that takes these ones long. */
static bool python_has(const char *module)
{
    char program[] = "python3", option[] = "-c", code[160];
    char *words[] = {program, option, code, NULL};
    struct sc_text unused = {0};
    int status = 127;
    snprintf(code, sizeof code,
             "import importlib.util as u, sys; sys.exit(u.find_spec('%s') is None)", module);
    enum sc_status read = sc_child_read(words, 20, &unused, &status, NULL);
    sc_text_free(&unused);
    return read == SC_OK && status == 0;
}

static enum sc_status use_program(const char *program, const struct engine *engine,
                                  struct sc_command *out, struct sc_error *error)
{
    SC_TRY(sc_command_add(out, program, error));
    return engine->subcommand != NULL ? sc_command_add(out, engine->subcommand, error) : SC_OK;
}

static enum sc_status use_module(const struct engine *engine, struct sc_command *out,
                                 struct sc_error *error)
{
    SC_TRY(sc_command_add(out, "python3", error));
    return add_pair(out, "-m", engine->entry, error);
}

/* The first words of an engine's command line; none: it is not here. */
static enum sc_status find(const struct engine *engine, struct sc_command *out,
                           struct sc_error *error)
{
    const char *named = getenv(engine->variable);
    if (named != NULL && *named != '\0') {
        if (sc_program_exists(named))
            return use_program(named, engine, out, error);
        return sc_fail(error, SC_ERR_ARGUMENT, "%s: expected a program, found \"%s\"",
                       engine->variable, named);
    }
    if (engine->program != NULL && sc_program_exists(engine->program))
        return use_program(engine->program, engine, out, error);
    if (engine->module != NULL && python_has(engine->module))
        return use_module(engine, out, error);
    return SC_OK;
}

static enum sc_status fail_missing(const struct engine *engine, struct sc_error *error)
{
    if (engine->module == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "engine: expected %s on PATH, or its path in %s, found neither",
                       engine->program, engine->variable);
    return sc_fail(error, SC_ERR_ARGUMENT,
                   "engine: expected %s%sa python3 that has %s, or a path in %s, found none",
                   engine->program != NULL ? engine->program : "",
                   engine->program != NULL ? " on PATH, " : "", engine->module, engine->variable);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static enum sc_status choose_by_machine(struct sc_engine_choice *out, struct sc_error *error)
{
    static const enum sc_engine_kind kinds[] = {SC_ENGINE_VLLM, SC_ENGINE_SGLANG};
    out->kind = SC_ENGINE_CPU;
    if (out->n_gpus == 0) {
        snprintf(out->why, sizeof out->why, "no CUDA device is visible");
        return SC_OK;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        SC_TRY(find(&engines[kinds[i]], &out->program, error));
        if (out->program.n == 0)
            continue;
        out->kind = kinds[i];
        snprintf(out->why, sizeof out->why, "%d CUDA device%s visible and %s is installed",
                 out->n_gpus, out->n_gpus == 1 ? " is" : "s are", sc_engine_name(kinds[i]));
        return SC_OK;
    }
    snprintf(out->why, sizeof out->why,
             "%d CUDA device%s visible, but neither vllm nor sglang is installed", out->n_gpus,
             out->n_gpus == 1 ? " is" : "s are");
    return SC_OK;
}

enum sc_status sc_engine_choose(enum sc_engine_kind wanted, struct sc_engine_choice *out,
                                struct sc_error *error)
{
    assert((unsigned)wanted < SC_N_ENGINES);
    *out = (struct sc_engine_choice){.kind = wanted};
    snprintf(out->why, sizeof out->why, "as asked for");
    if (wanted == SC_ENGINE_CPU)
        return SC_OK;
    out->n_gpus = sc_gpus_visible();
    enum sc_status status = wanted == SC_ENGINE_AUTO ? choose_by_machine(out, error)
                                                     : find(&engines[wanted], &out->program, error);
    if (status != SC_OK)
        sc_engine_choice_free(out);
    else if (wanted != SC_ENGINE_AUTO && out->program.n == 0)
        return fail_missing(&engines[wanted], error);
    return status;
}

enum sc_status sc_engine_elsewhere(enum sc_engine_kind kind, struct sc_engine_choice *out,
                                   struct sc_error *error)
{
    assert(kind > SC_ENGINE_CPU && kind < SC_N_ENGINES);
    const struct engine *engine = &engines[kind];
    *out = (struct sc_engine_choice){.kind = kind};
    enum sc_status status = engine->program != NULL
                                ? use_program(engine->program, engine, &out->program, error)
                                : use_module(engine, &out->program, error);
    if (status != SC_OK)
        sc_engine_choice_free(out);
    return status;
}

void sc_engine_choice_free(struct sc_engine_choice *choice)
{
    sc_command_free(&choice->program);
    *choice = (struct sc_engine_choice){0};
}

/* ---- GPUs ------------------------------------------------------------------------------------ */

struct sc_gpu_split sc_gpu_split(int n_gpus, uint64_t model_bytes, uint64_t gpu_bytes)
{
    assert(n_gpus > 0);
    /* Weights are to leave room for keys, values and activations. */
    const uint64_t room = (gpu_bytes > 0 ? gpu_bytes : UINT64_C(24) << 30) / 10 * 6;
    struct sc_gpu_split split = {.tensor = 1};
    while (split.tensor * 2 <= n_gpus && model_bytes / (uint64_t)split.tensor > room)
        split.tensor *= 2;
    split.data = n_gpus / split.tensor;
    return split;
}

/* Bytes of a model's weights: the files of its folder; 0: not known. */
static uint64_t weight_bytes(const char *folder)
{
    DIR *files = folder != NULL ? opendir(folder) : NULL;
    uint64_t sum = 0;
    if (files == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        char *path = end != NULL && strcmp(end, ".safetensors") == 0
                         ? sc_path_join(folder, entry->d_name)
                         : NULL;
        struct stat info;
        if (path != NULL && stat(path, &info) == 0 && info.st_size > 0)
            sum += (uint64_t)info.st_size;
        sc_free(path);
    }
    closedir(files);
    return sum;
}

/* The options for so many GPUs, by the names that the engine has for them. */
static enum sc_status add_gpus(struct sc_command *out, const struct sc_launch_options *options,
                               const char *tensor, const char *data, struct sc_error *error)
{
    if (options->n_gpus <= 1)
        return SC_OK;
    struct sc_gpu_split split = {.tensor = options->tensor_parallel};
    if (split.tensor == 0)
        split = sc_gpu_split(options->n_gpus, weight_bytes(options->weights), sc_gpu_bytes());
    split.data = options->n_gpus / split.tensor;
    if (split.tensor > 1)
        SC_TRY(add_number(out, tensor, (size_t)split.tensor, error));
    return split.data > 1 ? add_number(out, data, (size_t)split.data, error) : SC_OK;
}

/* ---- command lines --------------------------------------------------------------------------- */

static const char *dtype_of(const char *ours)
{
    return strcmp(ours, "bf16") == 0 ? "bfloat16" : strcmp(ours, "f32") == 0 ? "float32" : ours;
}

static enum sc_status add_address(struct sc_command *out, const struct sc_launch_options *options,
                                  struct sc_error *error)
{
    SC_TRY(add_pair(out, "--host", options->host, error));
    return add_number(out, "--port", options->port, error);
}

/* The run says all of its sampling: the model's advice is not to come in unseen. */
static enum sc_status add_vllm(struct sc_command *out, const struct sc_launch_options *options,
                               bool module, struct sc_error *error)
{
    if (module)
        SC_TRY(sc_command_add(out, "--model", error));
    SC_TRY(sc_command_add(out, options->model, error));
    SC_TRY(add_pair(out, "--served-model-name", options->name, error));
    SC_TRY(add_address(out, options, error));
    SC_TRY(add_number(out, "--max-logprobs", options->n_top, error));
    SC_TRY(sc_command_add(out, "--enable-prefix-caching", error));
    SC_TRY(add_pair(out, "--generation-config", "vllm", error));
    SC_TRY(add_pair(out, "--uvicorn-log-level", "warning", error));
    if (options->dtype != NULL)
        SC_TRY(add_pair(out, "--dtype", dtype_of(options->dtype), error));
    return add_gpus(out, options, "--tensor-parallel-size", "--data-parallel-size", error);
}

static enum sc_status add_sglang(struct sc_command *out, const struct sc_launch_options *options,
                                 struct sc_error *error)
{
    SC_TRY(add_pair(out, "--model-path", options->model, error));
    SC_TRY(add_pair(out, "--served-model-name", options->name, error));
    SC_TRY(add_address(out, options, error));
    SC_TRY(add_pair(out, "--log-level-http", "warning", error));
    if (options->dtype != NULL)
        SC_TRY(add_pair(out, "--dtype", dtype_of(options->dtype), error));
    return add_gpus(out, options, "--tp-size", "--dp-size", error);
}

/* Eight requests at a time, each with 4,096 tokens of context; all layers on GPUs, if there are
 * some. */
static enum sc_status add_llama(struct sc_command *out, const struct sc_launch_options *options,
                                struct sc_error *error)
{
    SC_TRY(add_pair(out, "--model", options->model, error));
    SC_TRY(add_pair(out, "--alias", options->name, error));
    SC_TRY(add_address(out, options, error));
    SC_TRY(add_pair(out, "--parallel", "8", error));
    SC_TRY(add_pair(out, "--ctx-size", "32768", error));
    SC_TRY(sc_command_add(out, "--jinja", error));
    return options->n_gpus > 0 ? add_pair(out, "--n-gpu-layers", "999", error) : SC_OK;
}

static enum sc_status add_options(const struct sc_engine_choice *choice,
                                  const struct sc_launch_options *options, struct sc_command *out,
                                  struct sc_error *error)
{
    bool module = choice->program.n > 1 && strcmp(choice->program.words[1], "-m") == 0;
    for (size_t i = 0; i < choice->program.n; i++)
        SC_TRY(sc_command_add(out, choice->program.words[i], error));
    switch (choice->kind) {
    case SC_ENGINE_VLLM:
        SC_TRY(add_vllm(out, options, module, error));
        break;
    case SC_ENGINE_SGLANG:
        SC_TRY(add_sglang(out, options, error));
        break;
    case SC_ENGINE_LLAMA_SERVER:
        SC_TRY(add_llama(out, options, error));
        break;
    case SC_ENGINE_AUTO:
    case SC_ENGINE_CPU:
    case SC_N_ENGINES:
        return sc_fail(error, SC_ERR_ARGUMENT, "engine: expected a server, found %s",
                       sc_engine_name(choice->kind));
    }
    for (size_t i = 0; i < options->n_more; i++)
        SC_TRY(sc_command_add(out, options->more[i], error));
    return SC_OK;
}

enum sc_status sc_launch_command(const struct sc_engine_choice *choice,
                                 const struct sc_launch_options *options, struct sc_command *out,
                                 struct sc_error *error)
{
    *out = (struct sc_command){0};
    if (options->dtype != NULL && strcmp(options->dtype, "int8") == 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "dtype: int8 is this program's own arithmetic: expected bf16 or f32 with %s",
                       sc_engine_name(choice->kind));
    enum sc_status status = add_options(choice, options, out, error);
    if (status != SC_OK)
        sc_command_free(out);
    return status;
}
