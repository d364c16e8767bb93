/* See bench_figures.h: the figures of a device of its own, beside what the options say of it. */
#include <math.h>

#include "cli/bench_figures.h"

/* A number that may not be known. */
static void add_number(struct sc_text *out, const char *name, double value)
{
    if (isfinite(value))
        sc_text_printf(out, ",\"%s\":%.4g", name, value);
    else
        sc_text_printf(out, ",\"%s\":null", name);
}

static double share(double speed, double most)
{
    return most > 0 ? speed / most : NAN;
}

void cli_bench_add_device_json(struct sc_text *out, const struct bench *bench)
{
    const struct bench_command *command = bench->command;
    const struct bench_costs *costs = &bench->costs;
    sc_text_printf(out,
                   "{\"dtype\":\"%s\",\"device\":", sc_dtype_name(sc_engine_dtype(bench->engine)));
    sc_text_add_json_string(out, sc_engine_device(bench->engine));
    sc_text_puts(out, ",\"kernels\":");
    sc_text_add_json_string(out, sc_engine_kernels(bench->engine));
    sc_text_printf(out,
                   ",\"prompt_tokens\":%zu,\"new_tokens\":%zu,\"runs\":%zu,"
                   "\"weight_bytes\":%.0f,\"operations_per_decoded_token\":%.0f,"
                   "\"operations_per_prefilled_token\":%.0f",
                   command->prompt_tokens, command->new_tokens, command->n_runs,
                   costs->weight_bytes, costs->decode_ops, costs->prefill_ops);
    add_number(out, "bandwidth", command->bandwidth > 0 ? command->bandwidth : NAN);
    add_number(out, "peak", command->peak > 0 ? command->peak : NAN);
    sc_text_puts(out, ",\"widths\":[");
    for (size_t i = 0; i < command->n_widths; i++) {
        const struct bench_figures *f = &bench->figures[i];
        sc_text_printf(out, "%s{\"parallel\":%zu", i > 0 ? "," : "", f->width);
        add_number(out, "prefill_tokens_per_second", f->rates.prefill);
        add_number(out, "decode_tokens_per_second", f->rates.decode);
        add_number(out, "read_bytes_per_second", f->read_sustained);
        add_number(out, "operations_per_second", f->ops_sustained);
        add_number(out, "share_of_bandwidth", share(f->read_sustained, command->bandwidth));
        add_number(out, "share_of_peak", share(f->ops_sustained, command->peak));
        add_number(out, "sampling_share", f->sampling_share);
        sc_text_printf(out,
                       ",\"bytes_per_step\":%.0f,\"operations_per_step\":%.0f,"
                       "\"batch_bytes\":%zu}",
                       cli_bench_step_bytes(costs, f->width), costs->decode_ops * (double)f->width,
                       f->batch_bytes);
    }
    sc_text_puts(out, "]}\n");
}

/* Eight columns. */
static void add_share(struct sc_text *out, double value)
{
    if (isfinite(value))
        sc_text_printf(out, " %5.0f %%", 100 * value);
    else
        sc_text_puts(out, "       -");
}

void cli_bench_add_device_table(struct sc_text *out, const struct bench *bench)
{
    const struct bench_command *command = bench->command;
    char bytes[32];
    sc_text_printf(out, "%s, %s (%s); weights %s; prompt %zu, new %zu; medians of %zu runs\n",
                   sc_dtype_name(sc_engine_dtype(bench->engine)), sc_engine_device(bench->engine),
                   sc_engine_kernels(bench->engine), cli_bytes(bench->costs.weight_bytes, bytes),
                   command->prompt_tokens, command->new_tokens, command->n_runs);
    sc_text_puts(out,
                 "          prefill    decode   weights read        products        outside    "
                 "batch\n"
                 "width       t/s       t/s   GB/s   share   Tflop/s   share   network   "
                 "memory\n");
    for (size_t i = 0; i < command->n_widths; i++) {
        const struct bench_figures *f = &bench->figures[i];
        sc_text_printf(out, "%5zu %9.0f %9.0f %6.0f", f->width, f->rates.prefill, f->rates.decode,
                       f->read_sustained / 1e9);
        add_share(out, share(f->read_sustained, command->bandwidth));
        sc_text_printf(out, " %9.2f", f->ops_sustained / 1e12);
        add_share(out, share(f->ops_sustained, command->peak));
        sc_text_printf(out, " %7.1f %% %8s\n", 100 * f->sampling_share,
                       cli_bytes((double)f->batch_bytes, bytes));
    }
}
