/*
 * safeconf bench: tokens per second of prefill and of decode at each width, sampling and confidence
 * included, beside what this machine could do at most, measured in the same run.
 */
#include "cli/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "inference/inference.h"

enum { MOST_WIDTHS = 16, MOST_RUNS = 32 };

struct bench_command {
    size_t prompt_tokens, new_tokens, n_runs, n_instances, n_traces;
    const char *widths_list;
    size_t widths[MOST_WIDTHS], n_widths;
    bool json, experiment;
};

/* Medians over the runs of one width. */
struct bench_figures {
    size_t width;
    double prefill_rate, decode_rate; /* tokens per second */
    double sampling_share;            /* of the time of decode */
    double prefill_ceiling, decode_ceiling;
    size_t batch_bytes;
};

/* What a token costs. */
struct bench_costs {
    double weight_bytes;            /* streamed by a decode step */
    double decode_ops, prefill_ops; /* of a token: two per weight that it meets */
    struct sc_machine_peaks peaks;
    double ops_peak; /* of the dtype */
};

/* ---- one measured run ------------------------------------------------------------------------ */

struct bench_run {
    struct sc_trace_request request;
    size_t n_wanted, n_requested;
    struct sc_step_report last;
    char failure[200];
};

static int next_request(void *context, struct sc_trace_request *request)
{
    struct bench_run *run = context;
    if (run->n_requested == run->n_wanted)
        return -1;
    *request = run->request;
    request->trace_index = (uint32_t)run->n_requested++;
    return 1;
}

static enum sc_status trace_done(void *context, const struct sc_trace_result *result,
                                 struct sc_error *error)
{
    (void)context;
    if (result->finish == SC_FINISH_FAILED)
        return sc_fail(error, SC_ERR_NUMERIC, "a trace failed: %s",
                       result->failure ? result->failure : "no reason given");
    return SC_OK;
}

static bool step_done(void *context, const struct sc_step_report *report)
{
    ((struct bench_run *)context)->last = *report;
    return !cli_interrupted();
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, compare_doubles);
    return n % 2 ? x[n / 2] : 0.5 * (x[n / 2 - 1] + x[n / 2]);
}

static enum sc_status measure_width(struct sc_engine *engine, const struct bench_command *command,
                                    const int32_t *prompt, size_t width,
                                    struct bench_figures *figures, struct sc_error *error)
{
    double prefill[MOST_RUNS], decode[MOST_RUNS], sampling[MOST_RUNS];
    struct sc_batch_options batch = {.parallel = width,
                                     .max_new_tokens = command->new_tokens,
                                     .max_prompt = command->prompt_tokens};
    struct sc_batch_plan plan;
    enum sc_status status = sc_batch_plan(engine, &batch, &plan, error);
    if (status)
        return status;
    if (plan.parallel < width)
        return sc_fail(error, SC_ERR_LIMIT,
                       "--parallel: %zu traces do not fit in memory, %zu would", width,
                       plan.parallel);
    for (size_t i = 0; i < command->n_runs; i++) {
        struct bench_run run = {.n_wanted = width};
        run.request =
            (struct sc_trace_request){.prompt_key = i + 1,
                                      .prompt = prompt,
                                      .n_prompt = command->prompt_tokens,
                                      .seed = i,
                                      .sampling = {.temperature = 0.7, .top_k = 20, .top_p = 0.95},
                                      .max_new_tokens = command->new_tokens};
        struct sc_trace_source source = {
            .context = &run, .next = next_request, .done = trace_done, .step = step_done};
        status = sc_engine_run(engine, &plan, &batch, &source, error);
        if (status)
            return status;
        const struct sc_step_report *r = &run.last;
        double decode_seconds = r->seconds_decode + r->seconds_sampling;
        prefill[i] = (double)r->n_prefilled / r->seconds_prefill;
        decode[i] = r->width_sum / decode_seconds;
        sampling[i] = r->seconds_sampling / decode_seconds;
    }
    figures->width = width;
    figures->prefill_rate = median(prefill, command->n_runs);
    figures->decode_rate = median(decode, command->n_runs);
    figures->sampling_share = median(sampling, command->n_runs);
    figures->batch_bytes = plan.total_bytes;
    return SC_OK;
}

/* ---- ceilings -------------------------------------------------------------------------------- */

/* Roofline: a step cannot be faster than its weights can be read, nor than its products can be
 * computed.  Attention and the vocabulary's statistics are not counted, so the ceiling is generous.
 */
static void find_ceilings(const struct bench_costs *costs, struct bench_figures *figures)
{
    double by_memory =
        costs->peaks.read_bytes_per_second / costs->weight_bytes * (double)figures->width;
    figures->decode_ceiling = fmin(by_memory, costs->ops_peak / costs->decode_ops);
    figures->prefill_ceiling = costs->ops_peak / costs->prefill_ops;
}

static void count_costs(const struct sc_engine *engine, struct bench_costs *costs)
{
    const struct sc_model *model = sc_engine_model(engine);
    const struct sc_model_config *c = sc_model_config(model);
    double keys = (double)c->hidden * (double)c->head_dim * 2 * (double)c->n_kv_heads;
    double layer = keys + (double)c->hidden * (double)c->head_dim * 2 * (double)c->n_heads +
                   3 * (double)c->hidden * (double)c->ffn;
    /* Of the last layer a prompt needs keys and values only. */
    costs->prefill_ops = 2 * (layer * (double)(c->n_layers - 1) + keys);
    costs->decode_ops =
        2 * (layer * (double)c->n_layers + (double)c->hidden * (double)c->n_vocab);
    costs->weight_bytes = (double)sc_engine_weight_bytes(engine);
}

/* Measures the machine once more and keeps the best that was ever seen: on a machine that others
 * use too, one moment's ceiling may lie below what the next moment reaches. */
static enum sc_status measure_machine(const struct sc_engine *engine, struct bench_costs *costs,
                                      struct sc_error *error)
{
    struct sc_machine_peaks now, *best = &costs->peaks;
    enum sc_status status = sc_machine_measure(sc_kernels_find(sc_engine_kernels(engine)),
                                               sc_engine_pool(engine), &now, error);
    if (status)
        return status;
    best->read_bytes_per_second = fmax(best->read_bytes_per_second, now.read_bytes_per_second);
    best->flops_f32 = fmax(best->flops_f32, now.flops_f32);
    best->flops_bf16 = fmax(best->flops_bf16, now.flops_bf16);
    best->ops_int8 = fmax(best->ops_int8, now.ops_int8);
    double by_dtype[] = {
        [SC_DTYPE_F32] = 0, [SC_DTYPE_BF16] = best->flops_bf16, [SC_DTYPE_INT8] = best->ops_int8};
    costs->ops_peak = by_dtype[sc_engine_dtype(engine)];
    if (!(costs->ops_peak > 0)) /* no unit of its own: computed in f32 */
        costs->ops_peak = best->flops_f32;
    return SC_OK;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void add_json(struct sc_text *out, const struct sc_engine *engine, int n_threads,
                     const struct bench_command *command, const struct bench_costs *costs,
                     const struct bench_figures *figures)
{
    sc_text_printf(out,
                   "{\"dtype\":\"%s\",\"kernels\":\"%s\",\"threads\":%d,\"prompt_tokens\":%zu,"
                   "\"new_tokens\":%zu,\"runs\":%zu,\"weight_bytes\":%.0f,"
                   "\"operations_per_decoded_token\":%.0f,\"operations_per_prefilled_token\":%.0f,"
                   "\"machine\":{\"read_bytes_per_second\":%.4g,\"flops_f32\":%.4g,"
                   "\"flops_bf16\":%.4g,\"ops_int8\":%.4g},\"widths\":[",
                   sc_dtype_name(sc_engine_dtype(engine)), sc_engine_kernels(engine), n_threads,
                   command->prompt_tokens, command->new_tokens, command->n_runs,
                   costs->weight_bytes, costs->decode_ops, costs->prefill_ops,
                   costs->peaks.read_bytes_per_second, costs->peaks.flops_f32,
                   costs->peaks.flops_bf16, costs->peaks.ops_int8);
    for (size_t i = 0; i < command->n_widths; i++) {
        const struct bench_figures *f = &figures[i];
        sc_text_printf(out,
                       "%s{\"parallel\":%zu,\"prefill_tokens_per_second\":%.4g,"
                       "\"decode_tokens_per_second\":%.4g,\"prefill_ceiling\":%.4g,"
                       "\"decode_ceiling\":%.4g,\"prefill_share_of_ceiling\":%.4g,"
                       "\"decode_share_of_ceiling\":%.4g,"
                       "\"sampling_share\":%.4g,\"bytes_per_step\":%.0f,"
                       "\"operations_per_step\":%.0f,\"batch_bytes\":%zu}",
                       i ? "," : "", f->width, f->prefill_rate, f->decode_rate, f->prefill_ceiling,
                       f->decode_ceiling, f->prefill_rate / f->prefill_ceiling,
                       f->decode_rate / f->decode_ceiling, f->sampling_share, costs->weight_bytes,
                       costs->decode_ops * (double)f->width, f->batch_bytes);
    }
    sc_text_puts(out, "]}\n");
}

static void add_table(struct sc_text *out, const struct sc_engine *engine, int n_threads,
                      const struct bench_command *command, const struct bench_costs *costs,
                      const struct bench_figures *figures)
{
    char bytes[32];
    sc_text_printf(out,
                   "%s, %s, %d threads; weights %s; prompt %zu, new %zu; medians of %zu runs\n",
                   sc_dtype_name(sc_engine_dtype(engine)), sc_engine_kernels(engine), n_threads,
                   cli_bytes(costs->weight_bytes, bytes), command->prompt_tokens,
                   command->new_tokens, command->n_runs);
    sc_text_printf(out,
                   "this machine at best: reads %.1f GB/s, f32 %.0f, bf16 %.0f GFLOP/s, int8 %.0f "
                   "GOP/s\n",
                   costs->peaks.read_bytes_per_second / 1e9, costs->peaks.flops_f32 / 1e9,
                   costs->peaks.flops_bf16 / 1e9, costs->peaks.ops_int8 / 1e9);
    sc_text_puts(out, "width   prefill t/s  (of ceiling)   decode t/s  (of ceiling)   sampling"
                      "   batch memory\n");
    for (size_t i = 0; i < command->n_widths; i++) {
        const struct bench_figures *f = &figures[i];
        sc_text_printf(out, "%5zu %13.1f %9.0f %% %16.1f %9.0f %% %12.1f %% %14s\n", f->width,
                       f->prefill_rate, 100 * f->prefill_rate / f->prefill_ceiling, f->decode_rate,
                       100 * f->decode_rate / f->decode_ceiling, 100 * f->sampling_share,
                       cli_bytes((double)f->batch_bytes, bytes));
    }
}

/* "1,4,16" */
static int read_widths(struct bench_command *command)
{
    for (const char *p = command->widths_list; *p;) {
        char *end;
        unsigned long width = strtoul(p, &end, 10);
        if (end == p || (*end != ',' && *end != '\0') || width < 1 || width > 65536 ||
            command->n_widths == MOST_WIDTHS)
            return cli_usage_error("bench",
                                   "--parallel: expected at most %d widths such as 1,4,16, "
                                   "found \"%s\"",
                                   MOST_WIDTHS, command->widths_list);
        command->widths[command->n_widths++] = width;
        p = *end ? end + 1 : end;
    }
    return command->n_widths ? -1 : cli_usage_error("bench", "--parallel: expected a width");
}

static enum sc_status measure(const struct cli_model *model, int n_threads,
                              const struct bench_command *command, struct sc_text *out,
                              struct sc_error *error)
{
    struct bench_figures figures[MOST_WIDTHS] = {{0}};
    struct bench_costs costs = {0};
    int32_t *prompt = sc_alloc_array(command->prompt_tokens, sizeof *prompt);
    if (prompt == NULL)
        return sc_fail_nomem(error, "a prompt");
    struct sc_random random = {SC_STREAM_BENCHMARK, 0, 1, 0};
    for (size_t i = 0; i < command->prompt_tokens; i++)
        prompt[i] = (int32_t)sc_random_below(&random, sc_engine_n_vocab(model->engine));
    count_costs(model->engine, &costs);
    enum sc_status status = measure_machine(model->engine, &costs, error);
    for (size_t i = 0; status == SC_OK && i < command->n_widths; i++) {
        status =
            measure_width(model->engine, command, prompt, command->widths[i], &figures[i], error);
        if (status == SC_OK)
            status = measure_machine(model->engine, &costs, error);
    }
    for (size_t i = 0; status == SC_OK && i < command->n_widths; i++)
        find_ceilings(&costs, &figures[i]);
    if (status == SC_OK)
        (command->json ? add_json : add_table)(out, model->engine, n_threads, command, &costs,
                                               figures);
    sc_free(prompt);
    return status;
}

/* Speed of the engine alone at each width. */
static enum sc_status bench_engine(const struct cli_model_options *wanted,
                                   const struct bench_command *command, struct sc_text *out,
                                   struct sc_error *error)
{
    struct cli_model model = {0};
    enum sc_status status = cli_model_open(&model, wanted, error);
    if (status == SC_OK)
        status =
            measure(&model, sc_pool_n_threads(sc_engine_pool(model.engine)), command, out, error);
    cli_model_close(&model);
    return status;
}

static enum sc_status bench_experiment(const struct cli_model_options *wanted,
                                       const struct bench_command *command, bool parallel_given,
                                       struct sc_text *out, struct sc_error *error)
{
    struct bench_experiment experiment = {command->n_instances, command->n_traces,
                                          command->new_tokens,
                                          parallel_given ? command->widths[0] : 0, command->json};
    if (parallel_given && command->n_widths > 1)
        return sc_fail(error, SC_ERR_ARGUMENT, "--parallel: expected one width with --experiment");
    return cli_bench_experiment(wanted, &experiment, out, error);
}

int cli_bench(int argc, char **argv)
{
    struct cli_model_options wanted = cli_model_options_default();
    struct bench_command command = {.prompt_tokens = 64,
                                    .new_tokens = 64,
                                    .n_runs = 3,
                                    .widths_list = "1,4,16",
                                    .n_instances = 16,
                                    .n_traces = 5};
    struct cli_options options = {
        .command = "bench",
        .synopsis = "--model M [--prompt-tokens 64] [--new-tokens 64] [--parallel 1,4,16] [--json]",
        .summary =
            "Tokens per second of prefill and decode at each width, sampling and confidence\n"
            "included, beside this machine's ceilings measured in the same run."};
    cli_add_model_options(&options, &wanted);
    cli_add_size(&options, "prompt-tokens", &command.prompt_tokens, 1, 1e6, "(64)");
    cli_add_size(&options, "new-tokens", &command.new_tokens, 2, 1e6, "(64)");
    cli_add_text(&options, "parallel", &command.widths_list, "W,W,...",
                 "traces in flight (1,4,16)");
    cli_add_size(&options, "runs", &command.n_runs, 1, MOST_RUNS,
                 "of which the medians are shown (3)");
    cli_add_flag(&options, "experiment", &command.experiment,
                 "a whole run over the synthetic benchmark and where its time goes");
    cli_add_size(&options, "num-instances", &command.n_instances, 1, 1e6, "its prompts (16)");
    cli_add_size(&options, "traces", &command.n_traces, 1, 1e4, "its traces of each prompt (5)");
    cli_add_flag(&options, "json", &command.json, "one JSON object");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed < 0)
        parsed = read_widths(&command);
    if (parsed >= 0)
        return parsed;

    struct sc_error error = {0};
    struct sc_text out = {0};
    int exit_status = CLI_DONE;
    cli_catch_signals();
    enum sc_status status =
        command.experiment
            ? bench_experiment(&wanted, &command, cli_given(&options, "parallel"), &out, &error)
            : bench_engine(&wanted, &command, &out, &error);
    if (status)
        exit_status = cli_report_error("bench", &error);
    else if (!cli_write("bench", &out))
        exit_status = CLI_FAILED;
    sc_text_free(&out);
    return exit_status;
}
