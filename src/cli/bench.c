/*
 * safeconf bench: tokens per second of prefill and of decode at each width, sampling and confidence
 * included, beside what this machine could do, measured in the same run: at best, and sustained in
 * the same seconds (kernels/machine.h).  A device of its own has no such loops: there the shares
 * are of what the options say of it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "cli/bench_figures.h"
#include "kernels/kernels.h"

/* ---- what the machine sustains --------------------------------------------------------------- */

/* Seconds in each loop: around a run, and within it, where so much time has passed since. */
static const double SAMPLE_AROUND = 0.1, SAMPLE_WITHIN = 0.02, SAMPLE_EVERY = 0.25;

static void sample_machine(const struct bench *bench, double seconds)
{
    if (bench->machine == NULL)
        return;
    sc_machine_sample(bench->machine, SC_LOOP_READ, seconds);
    sc_machine_sample(bench->machine, bench->arithmetic, seconds);
}

/* ---- one measured run ------------------------------------------------------------------------ */

struct bench_run {
    const struct bench *bench;
    struct sc_trace_request request;
    size_t n_wanted, n_requested;
    double sampled_at;
    struct sc_step_report first, last; /* first: after the first step of decode */
    double first_at, last_at;          /* when they came */
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
                       result->failure != NULL ? result->failure : "no reason given");
    return SC_OK;
}

static bool step_done(void *context, const struct sc_step_report *report)
{
    struct bench_run *run = context;
    run->last_at = sc_seconds();
    if (run->first.width_sum <= 0) {
        run->first = *report;
        run->first_at = run->last_at;
    }
    run->last = *report;
    if (sc_seconds() - run->sampled_at > SAMPLE_EVERY) {
        sample_machine(run->bench,
                       SAMPLE_WITHIN); /* between steps, which are timed by themselves */
        run->sampled_at = sc_seconds();
    }
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

/* In the first step of decode, memory is touched for the first time; it is not counted where there
 * are others. */
static struct bench_rates rates_of(const struct bench_run *run, double *sampling_share)
{
    const struct sc_step_report *last = &run->last, none = {0};
    const struct sc_step_report *first =
        last->width_sum > run->first.width_sum ? &run->first : &none;
    double sampling = last->seconds_sampling - first->seconds_sampling;
    double network = last->seconds_decode - first->seconds_decode;
    double seconds = network + sampling, prefill = last->seconds_prefill;

    /* A device computes while the host goes on, and says in a step what the one before it took: the
     * first of decode tells of the prompt. */
    if (run->bench->machine == NULL) {
        prefill = first->seconds_prefill + first->seconds_decode;
        seconds = run->last_at - run->first_at;
    }
    *sampling_share = fmax(0, 1 - network / seconds); /* two clocks, which few steps set apart */
    return (struct bench_rates){.prefill = (double)last->n_prefilled / prefill,
                                .decode = (last->width_sum - first->width_sum) / seconds};
}

/* The i-th run of so many traces of one prompt; adds samples of the machine. */
static enum sc_status run_once(const struct bench *bench, const struct sc_batch_options *batch,
                               const struct sc_batch_plan *plan, size_t i, struct bench_run *run,
                               struct sc_error *error)
{
    *run = (struct bench_run){.bench = bench, .n_wanted = batch->parallel};
    run->request =
        (struct sc_trace_request){.prompt_key = i + 1,
                                  .prompt = bench->prompt,
                                  .n_prompt = batch->max_prompt,
                                  .seed = i,
                                  .sampling = {.temperature = 0.7, .top_k = 20, .top_p = 0.95},
                                  .max_new_tokens = batch->max_new_tokens};
    struct sc_trace_source source = {
        .context = run, .next = next_request, .done = trace_done, .step = step_done};
    sample_machine(bench, SAMPLE_AROUND);
    run->sampled_at = sc_seconds();
    enum sc_status status = sc_engine_run(bench->engine, plan, batch, &source, error);
    sample_machine(bench, SAMPLE_AROUND);
    return status;
}

/* What the machine sustained meanwhile would have allowed; nothing is known of a device. */
static struct bench_rates most_of(const struct bench *bench, size_t width)
{
    return bench->machine != NULL ? cli_bench_ceilings(bench, width, sc_machine_sustained)
                                  : (struct bench_rates){NAN, NAN};
}

/* Of the machine, sustained; of a device, what the steps of decode came to. */
static double read_speed(const struct bench *bench, size_t width, const struct bench_rates *rates)
{
    return bench->machine != NULL
               ? sc_machine_sustained(bench->machine, SC_LOOP_READ)
               : cli_bench_step_bytes(&bench->costs, width) * rates->decode / (double)width;
}

static double operation_speed(const struct bench *bench, const struct bench_rates *rates)
{
    return bench->machine != NULL ? sc_machine_sustained(bench->machine, bench->arithmetic)
                                  : bench->costs.decode_ops * rates->decode;
}

static enum sc_status measure_width(struct bench *bench, size_t width,
                                    struct bench_figures *figures, struct sc_error *error)
{
    enum { PREFILL, DECODE, OF_PREFILL, OF_DECODE, SAMPLING, READ, OPS, N_KINDS };
    double found[N_KINDS][CLI_MOST_BENCH_RUNS];
    size_t n_runs = bench->command->n_runs;
    struct sc_batch_options batch = {.no_sharing = true, /* a trace is a row of each step */
                                     .parallel = width,
                                     .max_new_tokens = bench->command->new_tokens,
                                     .max_prompt = bench->command->prompt_tokens};
    struct sc_batch_plan plan;
    enum sc_status status = sc_batch_plan(bench->engine, &batch, &plan, error);
    if (status != SC_OK)
        return status;
    if (plan.parallel < width)
        return sc_fail(error, SC_ERR_LIMIT,
                       "--parallel: %zu traces do not fit in memory, %zu would", width,
                       plan.parallel);
    bench->prefill_rows =
        batch.max_prompt < plan.prefill_rows ? batch.max_prompt : plan.prefill_rows;
    for (size_t i = 0; i < n_runs; i++) {
        struct bench_run run;
        if (bench->machine != NULL)
            sc_machine_restart(bench->machine);
        status = run_once(bench, &batch, &plan, i, &run, error);
        if (status != SC_OK)
            return status;
        struct bench_rates rates = rates_of(&run, &found[SAMPLING][i]);
        struct bench_rates most = most_of(bench, width);
        found[PREFILL][i] = rates.prefill;
        found[DECODE][i] = rates.decode;
        found[OF_PREFILL][i] = rates.prefill / most.prefill;
        found[OF_DECODE][i] = rates.decode / most.decode;
        found[READ][i] = read_speed(bench, width, &rates);
        found[OPS][i] = operation_speed(bench, &rates);
    }
    *figures = (struct bench_figures){
        .width = width,
        .rates = {median(found[PREFILL], n_runs), median(found[DECODE], n_runs)},
        .share_of_sustained = {median(found[OF_PREFILL], n_runs), median(found[OF_DECODE], n_runs)},
        .sampling_share = median(found[SAMPLING], n_runs),
        .read_sustained = median(found[READ], n_runs),
        .ops_sustained = median(found[OPS], n_runs),
        .batch_bytes = plan.total_bytes};
    return SC_OK;
}

static void count_costs(const struct sc_engine *engine, struct bench_costs *costs)
{
    const struct sc_model *model = sc_engine_model(engine);
    const struct sc_model_config *c = sc_model_config(model);
    const double hidden = (double)c->hidden, n_layers = (double)c->n_layers;
    const double n_experts = (double)c->layer.n_experts, n_used = (double)c->layer.n_experts_used;
    double keys = hidden * (double)c->head_dim * 2 * (double)c->n_kv_heads;
    double attention = keys + hidden * (double)c->head_dim * 2 * (double)c->n_heads;
    double expert = 3 * hidden * (double)c->layer.expert_ffn, router = hidden * n_experts;
    double ffn = n_experts > 0 ? router + n_used * expert : 3 * hidden * (double)c->ffn;
    double output = hidden * (double)c->n_vocab;
    /* Of the last layer a prompt needs keys and values only. */
    costs->prefill_ops = 2 * ((attention + ffn) * (n_layers - 1) + keys);
    costs->decode_ops = 2 * ((attention + ffn) * n_layers + output);
    costs->weight_bytes = (double)sc_engine_weight_bytes(engine);
    if (n_experts > 0) {
        /* By their share of the weights: what padding and the router's f32 add is little. */
        double experts = n_experts * expert * n_layers;
        double others = (attention + router) * n_layers + output;
        costs->expert_bytes = costs->weight_bytes * experts / (experts + others);
        costs->unused = 1 - n_used / n_experts;
    }
}

/* The loop whose operations the engine's dtype takes. */
static enum sc_machine_loop arithmetic_of(const struct sc_engine *engine,
                                          const struct sc_kernels *kernels)
{
    if (sc_engine_dtype(engine) == SC_DTYPE_BF16 && kernels->busy_bf16 != NULL)
        return SC_LOOP_BF16;
    if (sc_engine_dtype(engine) == SC_DTYPE_INT8 && kernels->busy_int8 != NULL)
        return SC_LOOP_INT8;
    return SC_LOOP_F32; /* no unit of its own: computed in f32 */
}

/* "1,4,16" */
static int read_widths(struct bench_command *command)
{
    for (const char *p = command->widths_list; *p;) {
        char *end;
        unsigned long width = strtoul(p, &end, 10);
        if (end == p || (*end != ',' && *end != '\0') || width < 1 || width > 65536 ||
            command->n_widths == CLI_MOST_WIDTHS)
            return cli_usage_error("bench",
                                   "--parallel: expected at most %d widths such as 1,4,16, "
                                   "found \"%s\"",
                                   CLI_MOST_WIDTHS, command->widths_list);
        command->widths[command->n_widths++] = width;
        p = *end ? end + 1 : end;
    }
    return command->n_widths ? -1 : cli_usage_error("bench", "--parallel: expected a width");
}

static enum sc_status measure(struct bench *bench, struct sc_error *error)
{
    size_t n = bench->command->prompt_tokens;
    int32_t *prompt = sc_alloc_array(n, sizeof *prompt);
    enum sc_status status = SC_OK;
    if (prompt == NULL)
        return sc_fail_nomem(error, "a prompt");
    struct sc_random random = {SC_STREAM_BENCHMARK, 0, 1, 0};
    for (size_t i = 0; i < n; i++)
        prompt[i] = (int32_t)sc_random_below(&random, sc_engine_n_vocab(bench->engine));
    bench->prompt = prompt;
    count_costs(bench->engine, &bench->costs);
    for (enum sc_machine_loop loop = 0; bench->machine != NULL && loop < SC_N_LOOPS; loop++)
        sc_machine_sample(bench->machine, loop, SAMPLE_AROUND);
    for (size_t i = 0; status == SC_OK && i < bench->command->n_widths; i++)
        status = measure_width(bench, bench->command->widths[i], &bench->figures[i], error);
    sc_free(prompt);
    return status;
}

/* What a bench of the engine has open; all zero is fine. */
struct opened_bench {
    struct sc_opened model;
    struct sc_pool *pool; /* of the machine's loops: the threads that a session has */
    struct bench bench;
};

static enum sc_status open_and_measure(struct opened_bench *o,
                                       const struct cli_model_options *wanted,
                                       struct sc_error *error)
{
    SC_TRY(cli_model_open(&o->model, wanted, error));
    const struct sc_engine *engine = o->model.engine;
    const struct sc_kernels *kernels = sc_kernels_find(sc_engine_kernels(engine));
    o->bench.engine = o->model.engine;
    if (kernels == NULL && o->bench.command->new_tokens < 3)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--new-tokens: a GPU is timed from step to step: expected at least 3, found "
                       "%zu",
                       o->bench.command->new_tokens);
    if (kernels == NULL)
        return measure(&o->bench, error);
    if (o->bench.command->bandwidth > 0 || o->bench.command->peak > 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--bandwidth and --peak: are of a GPU; of the processor they are measured");
    o->bench.arithmetic = arithmetic_of(engine, kernels);
    SC_TRY(sc_pool_new(&o->pool, (int)sc_engine_n_threads(engine), error));
    SC_TRY(sc_machine_open(&o->bench.machine, kernels, o->pool, error));
    return measure(&o->bench, error);
}

static void (*printer(bool json, bool device))(struct sc_text *, const struct bench *)
{
    if (device)
        return json ? cli_bench_add_device_json : cli_bench_add_device_table;
    return json ? cli_bench_add_json : cli_bench_add_table;
}

/* Speed of the engine alone at each width. */
static enum sc_status bench_engine(const struct cli_model_options *wanted,
                                   const struct bench_command *command, struct sc_text *out,
                                   struct sc_error *error)
{
    struct opened_bench o = {.bench.command = command};
    enum sc_status status = open_and_measure(&o, wanted, error);
    if (status == SC_OK)
        printer(command->json, o.bench.machine == NULL)(out, &o.bench);
    sc_machine_close(o.bench.machine);
    sc_pool_free(o.pool);
    sc_opened_close(&o.model);
    return status;
}

static enum sc_status bench_experiment(const struct cli_model_options *wanted,
                                       const struct bench_command *command, bool parallel_given,
                                       struct sc_text *out, struct sc_error *error)
{
    struct bench_experiment experiment = {
        command->n_instances, command->n_traces,
        command->new_tokens,  parallel_given ? command->widths[0] : 0,
        command->json,        command->no_sharing,
        command->template};
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
            "included, as shares of the ceiling that this machine's measured speeds allow: at its\n"
            "best, and as sustained around and between the steps of the same runs."};
    cli_add_model_options(&options, &wanted);
    cli_add_size(&options, "prompt-tokens", &command.prompt_tokens, 1, 1e6, "(64)");
    cli_add_size(&options, "new-tokens", &command.new_tokens, 2, 1e6, "(64)");
    cli_add_text(&options, "parallel", &command.widths_list, "W,W,...",
                 "traces in flight (1,4,16)");
    cli_add_size(&options, "runs", &command.n_runs, 1, CLI_MOST_BENCH_RUNS,
                 "of which the medians are shown (3)");
    cli_add_real(&options, "bandwidth", &command.bandwidth, 1, 1e6,
                 "of a GPU's memory, GB/s, to show the share that reading the weights takes of it");
    cli_add_real(&options, "peak", &command.peak, 0.1, 1e6,
                 "of a GPU in the weights' arithmetic, Tflop/s, likewise");
    cli_add_flag(&options, "experiment", &command.experiment,
                 "a whole run over the synthetic benchmark and where its time goes");
    cli_add_size(&options, "num-instances", &command.n_instances, 1, 1e6, "its prompts (16)");
    cli_add_size(&options, "traces", &command.n_traces, 1, 1e4, "its traces of each prompt (5)");
    cli_add_template(&options, &command.template);
    cli_add_flag(&options, "no-sharing", &command.no_sharing,
                 "--experiment: compute what its traces have said in common for each of them");
    cli_add_flag(&options, "json", &command.json, "one JSON object");
    int parsed = cli_parse(&options, argc, argv);
    command.bandwidth *= 1e9;
    command.peak *= 1e12;
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
    if (status != SC_OK)
        exit_status = cli_report_error("bench", &error);
    else if (!cli_write("bench", &out))
        exit_status = CLI_FAILED;
    sc_text_free(&out);
    return exit_status;
}
