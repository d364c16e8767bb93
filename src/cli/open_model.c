/* Opening a model, its tokenizer and an engine for the commands that need them. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/fetch.h"
#include "engine/open.h"
#include "model/tokenizer/tokenizer.h"
#include "vocabulary/device_name.h"

struct cli_model_options cli_model_options_default(void)
{
    return (struct cli_model_options){.model = "demo", .confidence_top_k = 20};
}

void cli_add_model_options(struct cli_options *options, struct cli_model_options *model)
{
    cli_add_text(options, "model", &model->model, "DIR|HUB_NAME|demo",
                 "model in Hugging Face layout (demo: the bundled one)");
    cli_add_text(options, "dtype", &model->dtype, "bf16|int8|f32",
                 "arithmetic (default: the model's own)");
    cli_add_int32(options, "threads", &model->threads, 0, 1024,
                  "threads (default: one per available core)");
    cli_add_text(options, "kernels", &model->kernels, CLI_KERNELS,
                 "instruction set (default: the best of this machine)");
    cli_add_device(options, &model->device);
    cli_add_yes(options, &model->yes);
}

void cli_add_device(struct cli_options *options, const char **device)
{
    *device = "auto";
    cli_add_text(options, "device", device, "auto|cpu|cuda[:N]",
                 "what computes (auto: a GPU with room for the model, else the CPU; --threads and "
                 "--kernels mean the CPU)");
}

void cli_add_yes(struct cli_options *options, bool *yes)
{
    cli_add_flag(options, "yes", yes, "fetch what is missing without asking");
}

const char *cli_computer(const char *device, const char *kernels, size_t n_threads,
                         char out[CLI_COMPUTER])
{
    struct sc_text text = {0};
    if (device == NULL || strcmp(device, "cpu") == 0)
        sc_text_printf(&text, "%s, %zu threads", kernels, n_threads);
    else
        sc_text_add_visible(&text, device, strlen(device), false); /* as its maker calls it */
    snprintf(out, CLI_COMPUTER, "%s", text.failed ? "" : text.data);
    sc_text_free(&text);
    return out;
}

enum sc_status cli_dtype(const char *name, int *dtype, struct sc_error *error)
{
    *dtype = name != NULL ? sc_dtype_parse(name) : -1;
    if (name != NULL && *dtype != SC_DTYPE_BF16 && *dtype != SC_DTYPE_F32 &&
        *dtype != SC_DTYPE_INT8)
        return sc_fail(error, SC_ERR_ARGUMENT, "--dtype: expected bf16, int8 or f32, found \"%s\"",
                       name);
    return SC_OK;
}

enum sc_status cli_model_open(struct sc_opened *out, const struct cli_model_options *options,
                              struct sc_error *error)
{
    *out = (struct sc_opened){0};
    struct sc_engine_options engine = sc_engine_options_default();
    engine.n_threads = options->threads;
    engine.kernels = options->kernels;
    engine.device = options->device;
    engine.confidence_top_k = (int)options->confidence_top_k;
    struct sc_device_wish unused;
    SC_TRY(cli_dtype(options->dtype, &engine.dtype, error));
    SC_TRY(sc_device_wish_read(&unused, options->device, error));
    SC_TRY(
        cli_model_fetch(&(struct cli_fetch){.name = options->model, .yes = options->yes}, error));
    SC_TRY(sc_opened_read(out, options->model, error));
    return sc_opened_start(out, &engine, error);
}

enum sc_status cli_tokenizer_open(struct sc_tokenizer **out, const struct cli_fetch *from,
                                  struct sc_error *error)
{
    char *folder = NULL;
    *out = NULL;
    SC_TRY(cli_model_fetch(from, error));
    SC_TRY(sc_model_locate(from->name, &folder, error));
    enum sc_status status = sc_tokenizer_open(out, folder, error);
    sc_free(folder);
    return status;
}
