/* Opening a model, its tokenizer and an engine for the commands that need them. */
#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "engine/inference.h"
#include "model/tokenizer/tokenizer.h"

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

enum sc_status cli_model_open(struct cli_model *out, const struct cli_model_options *options,
                              struct sc_error *error)
{
    *out = (struct cli_model){0};
    struct sc_engine_options engine = sc_engine_options_default();
    engine.n_threads = options->threads;
    engine.kernels = options->kernels;
    engine.confidence_top_k = (int)options->confidence_top_k;
    char *path = NULL;
    enum sc_status status = cli_dtype(options->dtype, &engine.dtype, error);
    if (status == SC_OK)
        status = sc_model_locate(options->model, &out->folder, error);
    if (status == SC_OK)
        status = sc_model_open(&out->model, out->folder, error);
    if (status == SC_OK && (path = sc_path_join(out->folder, "tokenizer.json")) == NULL)
        status = sc_fail_nomem(error, "path of the tokenizer");
    if (status == SC_OK && sc_file_exists(path)) {
        status = sc_tokenizer_open(&out->tokenizer, out->folder, error);
        if (status == SC_OK)
            engine.n_vocab = (int)sc_tokenizer_n_tokens(out->tokenizer);
    }
    if (status == SC_OK)
        status = sc_engine_open(&out->engine, out->model, &engine, error);
    sc_free(path);
    if (status != SC_OK)
        cli_model_close(out);
    return status;
}

void cli_model_close(struct cli_model *model)
{
    sc_engine_close(model->engine);
    sc_tokenizer_close(model->tokenizer);
    sc_model_close(model->model);
    sc_free(model->folder);
    *model = (struct cli_model){0};
}
