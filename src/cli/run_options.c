/*
 * The options of `run` and `compare`: their table, and what they say to an experiment.  Suites
 * write these words from the same table (run.h).
 */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "benchmark/benchmark.h"
#include "cli/policies.h"
#include "cli/run.h"
#include "cli/run_command.h"
#include "experiment/store/config_shard.h"
#include "vocabulary/vocabulary.h"

static void add_policy_options(struct cli_options *options, struct cli_run_command *command)
{
    struct sc_policy *policy = &command->policy;
    cli_add_choice(options, "policy", &command->policy_kind,
                   "single|fixed|adaptive|curtailed|deepconf|interval|budget",
                   "when to stop sampling a prompt (adaptive)");
    cli_add_size(options, "min-traces", &policy->min_traces, 1, 100000,
                 "all but single and fixed: traces to start with (3)");
    cli_add_size(options, "max-traces", &policy->max_traces, 1, 100000,
                 "most traces of a prompt (10)");
    cli_add_size(options, "traces-total", &policy->traces_total, 1, 1e12,
                 "budget, which it stands for: traces of all prompts together; every prompt gets "
                 "--min-traces, those that waver more, up to --max-traces");
    cli_add_size(options, "batch-traces", &policy->batch_traces, 1, 100000,
                 "all but single and fixed: traces added at a time (3)");
    cli_add_real(options, "percentile", &policy->percentile, 0, 100,
                 "adaptive: the bar, a percentile of the first traces' confidences (90)");
    cli_add_choice(options, "adaptive-rule", &command->adaptive_rule, "mean|last",
                   "adaptive: what must reach the bar (mean)");
    cli_add_real(options, "risk", &policy->risk, 0, 0.999999,
                 "curtailed: risk of a verdict that all traces would not give (0)");
    cli_add_real(options, "eta", &policy->eta, 0, 100,
                 "deepconf: percent of traces that are to reach the bar: 10 is low, 90 high (90)");
    cli_add_real(options, "tau", &policy->tau, 0, 1,
                 "deepconf: share of the votes that ends the sampling (0.95)");
    cli_add_real(options, "width", &policy->width, 0, 1,
                 "interval: of the refusal rate's interval, below which it stops; also once the "
                 "interval leaves one half out (0.2)");
    cli_add_flag(options, "no-early-stopping", &command->no_early_stopping,
                 "the same as --policy fixed");
    cli_add_choice(options, "metric", &command->metric, SC_METRIC_CHOICES,
                   "confidence of a trace (mean)");
    cli_add_size(options, "window", &command->run.window, 1, 1e6,
                 "tokens of a confidence window (32)");
    cli_add_size(options, "confidence-top-k", &command->run.confidence_top_k, 1, 1024,
                 "tokens that a token's confidence looks at (20)");
    cli_add_real(options, "confident-quantile", &command->run.confident_quantile, 0, 1,
                 "a prompt is confident from this quantile of the run on (0.5)");
    cli_add_real(options, "confident-threshold", &command->run.confident_threshold, -1e9, 1e9,
                 "the same as an absolute confidence");
    cli_add_text(
        options, "policies", &command->policies_list, "LIST",
        "compare: such as single,fixed:5,adaptive:3-10@90 (the default); also curtailed:10, "
        "deepconf:3-10@10 (@ is deepconf's eta), interval:3-100@0.2 (@ is its width)");
}

/* What this call may take. */
static void add_limits(struct cli_options *options, struct sc_run_options *run)
{
    cli_add_size(options, "max-requests", &run->max_requests, 1, 1e15,
                 "begin nothing new after so many requests to servers, retries included (in this "
                 "process: traces); what is under way is finished, and the same command goes on");
    cli_add_uint64(
        options, "max-total-tokens", &run->max_total_tokens,
        "the same after so many tokens, generated ones and those of prompts that servers "
        "count");
    cli_add_real(options, "max-minutes", &run->max_minutes, 0.001, 1e6,
                 "the same after so many minutes");
}

static void add_run_options(struct cli_options *options, struct cli_run_command *command)
{
    struct sc_run_options *run = &command->run;
    cli_add_text(options, "model", &run->model, "DIR|HUB_NAME|demo",
                 "model in Hugging Face layout (demo: the bundled one); with --endpoint the "
                 "server's name for it (its only one)");
    cli_add_endpoint(options, &command->endpoint);
    cli_add_engine(options, &command->engine);
    cli_add_benchmark(options, &run->benchmark, &command->prompts);
    cli_add_choice(
        options, "multi-turn", &command->multi_turn, "generate",
        "ask the user's turns of a row one after another, the model's own answers between "
        "them; a trace is the whole conversation, and its verdict that of the last answer");
    add_policy_options(options, command);
    cli_add_reals(options, "temperature", &command->temperatures, 0, 100,
                  "0 is greedy (default: the model's own); several such as 0,0.6,1: a run of each, "
                  "in folders below --out, and how many prompts change");
    cli_add_real(options, "top-p", &run->top_p, 0, 1, "(default: the model's own)");
    cli_add_int32(options, "top-k", &run->top_k, 0, INT32_MAX,
                  "(default: the model's own; 0: off)");
    cli_add_real(options, "min-p", &run->min_p, 0, 1, "(default: the model's own; 0: off)");
    cli_add_real(options, "repetition-penalty", &run->repetition_penalty, 0.01, 100,
                 "tokens that prompt or answer hold already are drawn less often (default: the "
                 "model's own; 1: off)");
    cli_add_size(options, "max-new-tokens", &run->max_new_tokens, 1, 1e6, CLI_MAX_NEW_TOKENS);
    cli_add_flag(options, "special", &run->special, CLI_SPECIAL_HELP);
    cli_add_flag(options, "thinking", &run->thinking, "let the model think before it answers");
    cli_add_size(options, "thinking-budget", &run->thinking_budget, 1, 1e6,
                 "close the thinking after so many tokens, as the model's makers do; the answer "
                 "then has --max-new-tokens (256)");
    cli_add_template(options, &command->template);
    cli_add_uint64(options, "seed", &run->seed, "of the sample of prompts and of every trace (0)");
    cli_add_text(options, "dtype", &command->dtype, "bf16|int8|f32",
                 "arithmetic (default: the model's own)");
    cli_add_text(options, "kernels", &run->kernels, CLI_KERNELS, "instruction set (the best here)");
    cli_add_int32(options, "threads", &command->threads, 0, 1024,
                  "threads (one per available core)");
    cli_add_device(options, &run->device);
    cli_add_size(options, "parallel", &run->parallel, 1, 65536,
                 "traces in flight (chosen for this machine)");
    cli_add_flag(options, "no-batch", &run->no_batch, "one trace at a time");
    cli_add_flag(options, "no-sharing", &run->no_sharing, CLI_NO_SHARING);
    cli_add_real(options, "memory", &command->memory_gb, CLI_LEAST_GB, CLI_MOST_GB,
                 "GB that traces and prompts may take (half of what is free)");
    add_limits(options, run);
    cli_add_judging(options, &command->judging);
    cli_add_text(options, "shard", &command->shard, "I/N",
                 "only part I of N of the prompts, chosen by their ids; safeconf merge makes one "
                 "run of the parts (all)");
    cli_add_text(options, "out", &run->out, "DIR",
                 "folder of the results; the same command resumes in it (results/...)");
    cli_add_yes(options, &command->yes);
    cli_add_flag(options, "quiet", &command->quiet, "no progress");
}

const char *cli_run_command_model(const struct cli_run_command *command)
{
    bool given = cli_given(command->given, "model") || command->endpoint.launched ||
                 !cli_endpoint_wanted(&command->endpoint);
    return given ? command->run.model : NULL;
}

static const char *model_name(const struct cli_run_command *command)
{
    return cli_run_command_model(command) != NULL ? cli_run_command_model(command) : "server";
}

/* results/MODEL-BENCHMARK-POLICY-seedN, from the last part of each path. */
static char *default_out(const struct cli_run_command *command)
{
    const char *benchmark = command->run.benchmark.name;
    const char *parts[] = {
        model_name(command), sc_input_is_unnamed(benchmark) ? "stdin" : benchmark,
        command->compare ? "compare" : sc_policy_name(command->policies[0].kind)};
    struct sc_text out = {0};
    sc_text_puts(&out, "results/");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n;
        const char *last = sc_path_last(parts[i], &n);
        sc_text_add_name(&out, last, n, '-');
        sc_text_putc(&out, '-');
    }
    sc_text_printf(&out, "seed%llu", (unsigned long long)command->run.seed);
    if (command->run.n_shards > 0)
        sc_text_printf(&out, "-shard%zuof%zu", command->run.shard, command->run.n_shards);
    return sc_text_take(&out);
}

/* --traces-total stands for --policy budget, and for no other. */
static enum sc_status take_total(struct cli_run_command *command, struct sc_error *error)
{
    if (!cli_given(command->given, "traces-total"))
        return SC_OK;
    bool other = cli_given(command->given, "policy") && command->policy.kind != SC_POLICY_BUDGET;
    if (other || command->no_early_stopping || command->compare)
        return sc_fail(error, SC_ERR_ARGUMENT, "traces-total: goes with no %s",
                       command->compare ? "other policies (compare)"
                       : other          ? "--policy but budget"
                                        : "--no-early-stopping");
    command->policy.kind = SC_POLICY_BUDGET;
    return SC_OK;
}

/* The policies to run: those of compare's list, or the one that the options name. */
static enum sc_status choose_policies(struct cli_run_command *command, struct sc_error *error)
{
    struct sc_run_options *run = &command->run;
    const char *list =
        command->policies_list != NULL ? command->policies_list : "single,fixed:5,adaptive";
    command->policy.kind =
        command->no_early_stopping ? SC_POLICY_FIXED : (enum sc_policy_kind)command->policy_kind;
    SC_TRY(take_total(command, error));
    command->policy.adaptive_rule = (enum sc_adaptive_rule)command->adaptive_rule;
    command->policy.metric = run->metric = (enum sc_metric)command->metric;
    command->policies[0] = command->policy;
    run->policies = command->policies;
    run->n_policies = 1;
    if (command->compare)
        SC_TRY(cli_read_policies(list, &command->policy, command->policies, CLI_MOST_POLICIES,
                                 &run->n_policies, error));
    run->primary = run->n_policies - 1;
    for (size_t i = 0; i < run->n_policies; i++)
        SC_TRY(sc_policy_check(&run->policies[i], error));
    return SC_OK;
}

/* "I/N". */
static enum sc_status read_shard(const char *given, size_t *shard, size_t *n_shards,
                                 struct sc_error *error)
{
    int end_i = 0, end_n = 0;
    unsigned long long i = 0, n = 0;
    bool digits = given[0] != '\0' && given[strspn(given, "0123456789/")] == '\0' &&
                  given[0] != '/' &&
                  sscanf(given, "%10llu/%n%10llu%n", &i, &end_i, &n, &end_n) == 2;
    if (!digits || given[end_i] == '/' || given[end_n] != '\0' || i < 1 || i > n ||
        n > SC_MOST_SHARDS)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "shard: expected I/N with I from 1 to N and N at most %d, such as 2/8, "
                       "found \"%s\"",
                       SC_MOST_SHARDS, given);
    *shard = (size_t)i;
    *n_shards = (size_t)n;
    return SC_OK;
}

enum sc_status cli_run_command_finish(struct cli_run_command *command, struct sc_error *error)
{
    struct sc_run_options *run = &command->run;
    run->n_threads = command->threads;
    run->max_bytes = (size_t)(command->memory_gb * 1e9);
    run->benchmark.seed = run->seed;
    run->benchmark.multi_turn = cli_given(command->given, "multi-turn");
    run->chat_template = command->template.file;
    run->template_date = command->template.date;
    run->template_args = command->template.arguments.items;
    run->n_template_args = command->template.arguments.n;
    run->detector = sc_detector_kind_name(cli_judging_kind(command->given, &command->judging));
    run->rules = command->judging.rules;
    if (run->rules != NULL && sc_input_is_unnamed(run->rules))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "rules: expected a file that can be read again, found %s", run->rules);
    command->judging.kernels = run->kernels;
    command->judging.device = run->device;
    command->judging.threads = command->threads;
    command->judging.memory_gb = command->memory_gb;
    command->judging.quiet = command->quiet;
    command->judging.yes = command->endpoint.yes = command->yes;
    if (command->temperatures.n == 1)
        run->temperature = command->temperatures.items[0];
    if (command->temperatures.n > 1 && sc_input_is_unnamed(run->benchmark.name))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "several temperatures read the benchmark several times: expected a file, "
                       "found %s",
                       run->benchmark.name);
    SC_TRY(
        cli_engine_choose(command->given, &command->engine, &command->endpoint, run->model, error));
    SC_TRY(cli_endpoint_check(command->given, &command->endpoint, error));
    SC_TRY(cli_dtype(command->dtype, &run->dtype, error));
    SC_TRY(cli_judging_check(command->given, &command->judging, error));
    SC_TRY(choose_policies(command, error));
    SC_TRY(cli_take_benchmark(&command->prompts, &run->benchmark, error));
    if (command->shard != NULL)
        SC_TRY(read_shard(command->shard, &run->shard, &run->n_shards, error));
    if (run->out == NULL)
        run->out = command->default_out = default_out(command);
    return run->out != NULL ? SC_OK : sc_fail_nomem(error, "name of the results folder");
}

struct cli_run_command cli_run_command_new(const char *name, bool compare)
{
    return (struct cli_run_command){.name = name,
                                    .engine = cli_engine_default(),
                                    .run = sc_run_options_default(),
                                    .policy = sc_policy_default(),
                                    .policy_kind = SC_POLICY_ADAPTIVE,
                                    .compare = compare};
}

struct cli_options cli_run_command_table(const struct cli_run_command *command)
{
    return (struct cli_options){
        .command = command->name,
        .synopsis = "[--model M] [--benchmark B] [--policy P] [--out DIR]",
        .summary =
            command->compare
                ? "Decides every prompt under several policies from the same traces (common\n"
                  "random numbers) and reports the differences with their intervals."
                : "Samples traces of each prompt, finds refusals, measures confidence, and says\n"
                  "where the boundary is firm and where it wavers.",
        .hint = command->compare ? " (safeconf diff sets folders of runs side by side)" : NULL};
}

int cli_run_command_read(struct cli_run_command *command, struct cli_options *options, int argc,
                         char **argv)
{
    command->given = options;
    command->words = argv;
    command->n_words = (size_t)argc;
    add_run_options(options, command);
    if (!command->compare)
        cli_add_flag(options, "compare", &command->compare, "the same as safeconf compare");
    int parsed = cli_parse(options, argc, argv);
    if (parsed < 0 && command->policies_list != NULL && !command->compare)
        return cli_usage_error(command->name, "--policies goes with compare");
    return parsed;
}

void cli_run_command_free(struct cli_run_command *command)
{
    cli_engine_end(&command->engine);
    sc_free(command->default_out);
    cli_free_prompts(&command->prompts);
}

bool cli_run_option(const char *name, struct cli_option *option)
{
    struct cli_run_command command = cli_run_command_new("run", false);
    struct cli_options options = cli_run_command_table(&command);
    add_run_options(&options, &command);
    cli_add_flag(&options, "compare", &command.compare, "");
    for (size_t i = 0; i < options.n; i++) {
        if (strcmp(options.items[i].name, name) != 0)
            continue;
        *option = options.items[i];
        option->target = NULL;
        return true;
    }
    return false;
}

/* The prompts that the options ask for; 0: that is not known here, for *why. */
static size_t count_prompts(const struct cli_run_command *command, struct sc_error *why)
{
    struct sc_benchmark benchmark = {0};
    if (command->run.benchmark.n_instances > 0)
        return command->run.benchmark.n_instances;
    if (sc_benchmark_load(&command->run.benchmark, &benchmark, why) != SC_OK)
        return 0;
    size_t n = benchmark.n_instances;
    sc_benchmark_free(&benchmark);
    return n;
}

static void examine(const struct cli_run_command *command, struct cli_run_facts *facts)
{
    struct sc_error why = {0};
    const struct sc_run_options *run = &command->run;
    facts->several_temperatures = command->temperatures.n > 1;
    for (size_t i = 0; i < run->n_policies; i++) {
        const struct sc_policy *policy = &run->policies[i];
        size_t most = policy->kind == SC_POLICY_SINGLE ? 1 : policy->max_traces;
        facts->most_traces = most > facts->most_traces ? most : facts->most_traces;
    }
    facts->n_prompts = count_prompts(command, &why);
    snprintf(facts->why, sizeof facts->why, "%s", why.text);
}

int cli_run_examine(const char *speaker, int argc, char **argv, struct cli_run_facts *facts)
{
    struct sc_error error = {0};
    struct cli_run_command command = cli_run_command_new(speaker, false);
    struct cli_options options = cli_run_command_table(&command);
    *facts = (struct cli_run_facts){0};
    command.judging.examined = true;
    int status = cli_run_command_read(&command, &options, argc, argv);
    if (status < 0 && cli_run_command_finish(&command, &error) != SC_OK)
        status = cli_report_error(command.name, &error);
    if (status < 0)
        examine(&command, facts);
    cli_run_command_free(&command);
    return status;
}
