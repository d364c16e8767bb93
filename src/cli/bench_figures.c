/* See bench_figures.h: what a step costs, and the figures of the processor beside its ceilings. */
#include "cli/bench_figures.h"

#include <math.h>

double cli_bench_step_bytes(const struct bench_costs *costs, size_t width)
{
    return costs->weight_bytes - costs->expert_bytes * pow(costs->unused, (double)width);
}

struct bench_rates cli_bench_ceilings(const struct bench *bench, size_t width,
                                      double (*speed)(const struct sc_machine *,
                                                      enum sc_machine_loop))
{
    const struct bench_costs *costs = &bench->costs;
    double read = speed(bench->machine, SC_LOOP_READ);
    double ops = speed(bench->machine, bench->arithmetic);
    double rows = (double)bench->prefill_rows;

    return (struct bench_rates){
        .prefill = fmin(read / cli_bench_step_bytes(costs, bench->prefill_rows) * rows,
                        ops / costs->prefill_ops),
        .decode = fmin(read / cli_bench_step_bytes(costs, width) * (double)width,
                       ops / costs->decode_ops)};
}

void cli_bench_add_json(struct sc_text *out, const struct bench *bench)
{
    const struct bench_command *command = bench->command;
    const struct bench_costs *costs = &bench->costs;
    sc_text_printf(out,
                   "{\"dtype\":\"%s\",\"kernels\":\"%s\",\"threads\":%d,\"prompt_tokens\":%zu,"
                   "\"new_tokens\":%zu,\"runs\":%zu,\"weight_bytes\":%.0f,"
                   "\"operations_per_decoded_token\":%.0f,\"operations_per_prefilled_token\":%.0f,"
                   "\"machine\":{\"read_bytes_per_second\":%.4g,\"flops_f32\":%.4g,"
                   "\"flops_bf16\":%.4g,\"ops_int8\":%.4g},\"widths\":[",
                   sc_dtype_name(sc_engine_dtype(bench->engine)), sc_engine_kernels(bench->engine),
                   (int)sc_engine_n_threads(bench->engine), command->prompt_tokens,
                   command->new_tokens, command->n_runs, costs->weight_bytes, costs->decode_ops,
                   costs->prefill_ops, sc_machine_best(bench->machine, SC_LOOP_READ),
                   sc_machine_best(bench->machine, SC_LOOP_F32),
                   sc_machine_best(bench->machine, SC_LOOP_BF16),
                   sc_machine_best(bench->machine, SC_LOOP_INT8));
    for (size_t i = 0; i < command->n_widths; i++) {
        const struct bench_figures *f = &bench->figures[i];
        struct bench_rates best = cli_bench_ceilings(bench, f->width, sc_machine_best);
        sc_text_printf(
            out,
            "%s{\"parallel\":%zu,\"prefill_tokens_per_second\":%.4g,"
            "\"decode_tokens_per_second\":%.4g,\"prefill_ceiling\":%.4g,"
            "\"decode_ceiling\":%.4g,\"prefill_share_of_ceiling\":%.4g,"
            "\"decode_share_of_ceiling\":%.4g,\"sustained\":{\"read_bytes_per_second\":%.4g,"
            "\"operations_per_second\":%.4g},\"prefill_share_of_sustained\":%.4g,"
            "\"decode_share_of_sustained\":%.4g,\"sampling_share\":%.4g,\"bytes_per_step\":%.0f,"
            "\"operations_per_step\":%.0f,\"batch_bytes\":%zu}",
            i ? "," : "", f->width, f->rates.prefill, f->rates.decode, best.prefill, best.decode,
            f->rates.prefill / best.prefill, f->rates.decode / best.decode, f->read_sustained,
            f->ops_sustained, f->share_of_sustained.prefill, f->share_of_sustained.decode,
            f->sampling_share, cli_bench_step_bytes(costs, f->width),
            costs->decode_ops * (double)f->width, f->batch_bytes);
    }
    sc_text_puts(out, "]}\n");
}

void cli_bench_add_table(struct sc_text *out, const struct bench *bench)
{
    static const char *const names[] = {
        [SC_LOOP_F32] = "f32", [SC_LOOP_BF16] = "bf16", [SC_LOOP_INT8] = "int8"};
    const struct bench_command *command = bench->command;
    char bytes[32];
    sc_text_printf(
        out, "%s, %s, %d threads; weights %s; prompt %zu, new %zu; medians of %zu runs\n",
        sc_dtype_name(sc_engine_dtype(bench->engine)), sc_engine_kernels(bench->engine),
        (int)sc_engine_n_threads(bench->engine), cli_bytes(bench->costs.weight_bytes, bytes),
        command->prompt_tokens, command->new_tokens, command->n_runs);
    sc_text_printf(out, "this machine at best: reads %.1f GB/s",
                   sc_machine_best(bench->machine, SC_LOOP_READ) / 1e9);
    for (enum sc_machine_loop loop = SC_LOOP_F32; loop < SC_N_LOOPS; loop++)
        if (sc_machine_best(bench->machine, loop) > 0)
            sc_text_printf(out, ", %s %.0f GOP/s", names[loop],
                           sc_machine_best(bench->machine, loop) / 1e9);
    sc_text_printf(out, "; sustained beside the runs: reads and %s in the table\n",
                   names[bench->arithmetic]);
    sc_text_puts(out, "           sustained   prefill   share of ceiling    decode   share of "
                      "ceiling                batch\n"
                      "width   GB/s   GOP/s       t/s   best  sustained       t/s   best  "
                      "sustained   sampling   memory\n");
    for (size_t i = 0; i < command->n_widths; i++) {
        const struct bench_figures *f = &bench->figures[i];
        struct bench_rates best = cli_bench_ceilings(bench, f->width, sc_machine_best);
        sc_text_printf(
            out, "%5zu %6.1f %7.0f %9.1f %4.0f %% %8.0f %% %9.1f %4.0f %% %8.0f %% %8.1f %% %8s\n",
            f->width, f->read_sustained / 1e9, f->ops_sustained / 1e9, f->rates.prefill,
            100 * f->rates.prefill / best.prefill, 100 * f->share_of_sustained.prefill,
            f->rates.decode, 100 * f->rates.decode / best.decode,
            100 * f->share_of_sustained.decode, 100 * f->sampling_share,
            cli_bytes((double)f->batch_bytes, bytes));
    }
}
