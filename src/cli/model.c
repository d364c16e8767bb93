/* safeconf model random: a random-weight model for benchmarks. */
#include "model/model.h"

#include <string.h>

#include "cli/cli.h"
#include "model/arch/arch.h"

/* What the command does, and all shapes in lines of at most 78 columns. */
static void add_summary(struct sc_text *out)
{
    enum { COLUMNS = 78 };
    struct sc_text names = sc_family_shape_names();
    sc_text_puts(out,
                 "Writes a random-weight model in Hugging Face layout, for benchmarks of speed.\n"
                 "Shapes:");
    size_t column = sizeof "Shapes:" - 1;
    for (char *name = names.data, *end; name != NULL; name = end) {
        end = strstr(name, ", ");
        const size_t n = end != NULL ? (size_t)(end - name) + 1 : strlen(name);
        const bool fits = column + 1 + n <= COLUMNS;
        sc_text_putc(out, fits ? ' ' : '\n');
        sc_text_add(out, name, n);
        column = fits ? column + 1 + n : n;
        if (end != NULL)
            end += 2;
    }
    out->failed = out->failed || names.failed;
    sc_text_free(&names);
}

static int run(int argc, char **argv, const char *summary)
{
    const char *shape = NULL, *tokenizer = NULL, *out = NULL, *dtype = "bf16";
    struct sc_random_options random = {0};
    struct cli_options options = {
        .command = "model",
        .synopsis = "random --shape qwen3-0.6b --out DIR [--tokenizer DIR] [--layers N]",
        .summary = summary,
        .max_positionals = 1};
    cli_add_text(&options, "shape", &shape, "NAME", "which of the published shapes");
    cli_add_text(&options, "out", &out, "DIR", "folder to write");
    cli_add_text(&options, "tokenizer", &tokenizer, "DIR", "folder whose tokenizer is copied");
    cli_add_text(&options, "dtype", &dtype, "bf16|f16|f32", "of the stored weights (bf16)");
    cli_add_uint64(&options, "seed", &random.seed, "of the weights (0)");
    cli_add_size(&options, "layers", &random.n_layers, 1, SC_MOST_LAYERS,
                 "as many layers in place of the shape's");
    cli_add_real(&options, "head-scale", &random.head_scale, 1e-3, 1e3,
                 "logits times X, so that answers share (1)");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1 || strcmp(options.positionals[0], "random") != 0)
        return cli_usage_error("model", "expected: safeconf model random --shape NAME --out DIR");
    if (shape == NULL || out == NULL)
        return cli_usage_error("model", "random: expected --shape and --out");
    int kind = sc_dtype_parse(dtype);
    if (kind < 0 || kind == SC_DTYPE_INT8)
        return cli_usage_error("model", "--dtype: expected bf16, f16 or f32, found \"%s\"", dtype);
    random.tokenizer_folder = tokenizer;
    random.dtype = (enum sc_dtype)kind;
    struct sc_error error = {0};
    if (sc_model_write_random_as(shape, &random, out, &error) != SC_OK)
        return cli_report_error("model", &error);
    struct sc_text text = {0};
    sc_text_add_visible(&text, out, strlen(out), false);
    sc_text_printf(&text, ": random weights of shape %s, %s\n", shape, dtype);
    bool written = cli_write("model", &text);
    sc_text_free(&text);
    return written ? CLI_DONE : CLI_FAILED;
}

int cli_model_command(int argc, char **argv)
{
    struct sc_text summary = {0};
    add_summary(&summary);
    int status = run(argc, argv, summary.failed ? "" : summary.data);
    sc_text_free(&summary);
    return status;
}
