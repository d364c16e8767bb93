/* safeconf risk: what a model almost never says.  Its options, and what is printed; the way from
 * prompts to lines is sc_risk (src/risk/risk.c). */
#include <safeconf/risk.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "cli/asked.h"
#include "cli/benchmark_options.h"
#include "cli/fetch.h"
#include "cli/pull.h"
#include "cli/risk_screen.h"
#include "cli/sampling_options.h"
#include "risk/proposal.h"

struct risk_command {
    const struct cli_options *given;
    struct cli_model_options wanted;
    struct cli_prompts prompts;
    struct cli_template template;
    struct cli_detector detector;
    struct cli_judging judging;
    struct sc_risk_options risk;
    struct sc_prompt prompt; /* of the command line */
    size_t max_rows;
    double memory_gb;
    bool json, quiet, unwritten; /* unwritten: standard output failed, which was said */
};

/* ---- what is printed ------------------------------------------------------------------------- */

static void show_start(void *context, const struct sc_risk_facts *facts)
{
    const struct risk_command *command = context;
    char computer[CLI_COMPUTER];
    struct sc_text line = {0};
    if (command->quiet)
        return;
    sc_text_puts(&line, facts->n_resumed > 0 ? "resuming: " : "");
    sc_text_add_visible(&line, facts->model, strlen(facts->model), false);
    sc_text_printf(&line, " (%s, %s), ", facts->dtype,
                   cli_computer(facts->device, facts->kernels, facts->n_threads, computer));
    sc_text_add_visible(&line, facts->benchmark, strlen(facts->benchmark), false);
    sc_text_printf(&line, ": %zu prompt%s (%zu unsafe, %zu safe, %zu unknown)\n", facts->n_prompts,
                   facts->n_prompts == 1 ? "" : "s", facts->n_unsafe, facts->n_safe,
                   facts->n_unknown);
    sc_text_puts(&line, facts->remarks);
    if (command->given->n_positionals > 0 && facts->n_unknown > 0)
        sc_text_puts(&line, "--label safe|unsafe gives the prompt a label\n");
    if (facts->demo)
        sc_text_puts(&line, "The bundled model is a demonstration: nothing about real models "
                            "follows from its results.\n");
    if (!line.failed)
        fputs(line.data, stderr);
    sc_text_free(&line);
}

static void show_progress(void *context, const struct sc_risk_progress *progress)
{
    const struct risk_command *command = context;
    char left[32];
    if (command->quiet || progress->n_prompts == 1)
        return;
    fprintf(stderr, "%zu/%zu prompts, %s left\n", progress->n_done, progress->n_prompts,
            cli_time(progress->seconds_left, left));
}

static void show_failed(void *context, const char *instance_id, const char *reason)
{
    (void)context;
    cli_say("risk", "%s failed: %s", instance_id, reason);
}

static enum sc_status write_out(struct risk_command *command, const struct sc_text *out,
                                struct sc_error *error)
{
    command->unwritten = !cli_write("risk", out);
    return command->unwritten ? sc_fail(error, SC_ERR_IO, "standard output") : SC_OK;
}

static enum sc_status put_prompt(struct risk_command *command, const char *object,
                                 struct sc_text *out, struct sc_error *error)
{
    json_t *parsed = NULL;
    if (command->json) {
        sc_text_puts(out, object);
        sc_text_putc(out, '\n');
    } else {
        SC_TRY(sc_json_parse(object, strlen(object), "line", &parsed, error));
        struct sc_screen screen = sc_screen_of(out, cli_width(stdout), cli_colour(stdout));
        cli_risk_show_prompt(&screen, parsed);
        json_decref(parsed);
    }
    return write_out(command, out, error);
}

static enum sc_status show_prompt(void *context, const char *object, struct sc_error *error)
{
    struct sc_text out = {0};
    enum sc_status status = put_prompt(context, object, &out, error);
    sc_text_free(&out);
    return status;
}

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

/* After all that was printed of single prompts. */
static enum sc_status show_summary(struct risk_command *command,
                                   const struct sc_risk_summary *summary, struct sc_error *error)
{
    struct sc_text out = {0};
    json_t *parsed = NULL;
    if (command->json || summary->n_prompts == 1)
        return SC_OK;
    SC_TRY(sc_json_parse(summary->json, strlen(summary->json), "summary", &parsed, error));
    struct sc_screen screen = sc_screen_of(&out, cli_width(stdout), cli_colour(stdout));
    cli_risk_show_summary(&screen, parsed);
    json_decref(parsed);
    enum sc_status status = write_out(command, &out, error);
    sc_text_free(&out);
    return status;
}

static int explain(const struct risk_command *command, const struct sc_error *error)
{
    if (command->unwritten)
        return CLI_FAILED;
    if (error->status != SC_ERR_INTERRUPTED)
        return cli_report_error("risk", error);
    if (command->risk.out == NULL)
        cli_say("risk", "interrupted; with --out DIR the same command would go on");
    else
        cli_say("risk", "interrupted; nothing is lost: the same command goes on in %s",
                command->risk.out);
    return CLI_INTERRUPTED;
}

/* What to exit with when all prompts are through. */
static int finish(struct risk_command *command, const struct sc_risk_summary *summary)
{
    struct sc_error error = {0};
    size_t n = summary->n_failed, n_unjudged = summary->judged.n_failed;
    if (show_summary(command, summary, &error) != SC_OK)
        return explain(command, &error);
    if (n_unjudged > 0)
        cli_say("risk",
                "%zu judgement%s could not be given: what they are about counts as not "
                "judged",
                n_unjudged, n_unjudged == 1 ? "" : "s");
    if (n > 0)
        cli_say("risk", "%zu of %zu prompt%s failed", n, summary->n_prompts,
                summary->n_prompts == 1 ? "" : "s");
    int rows = cli_rows_status("risk", summary->n_bad_rows);
    return n > 0 || n_unjudged > 0 ? CLI_SOME_TRACES_FAILED : rows;
}

/* ---- the command ----------------------------------------------------------------------------- */

static enum sc_status take_judge(struct risk_command *command, struct sc_error *error)
{
    struct sc_classify_options options;
    struct cli_judging *judging = &command->judging;
    if (!cli_judging_wanted(command->given, judging))
        return SC_OK;
    judging->kernels = command->wanted.kernels;
    judging->device = command->wanted.device;
    judging->threads = command->wanted.threads;
    judging->yes = command->wanted.yes;
    judging->quiet = command->quiet;
    SC_TRY(cli_judging_resolve(command->given, judging, NULL, &options, error));
    command->risk.judge = options.judge;
    return SC_OK;
}

static void take_template(struct risk_command *command)
{
    const struct sc_chat_options chat = cli_template_options(&command->template);
    struct sc_risk_options *risk = &command->risk;
    risk->chat_template = chat.chat_template;
    risk->template_date = chat.template_date;
    risk->template_args = chat.template_args;
    risk->n_template_args = chat.n_template_args;
}

/* The words of the command line as the library's options. */
static enum sc_status take_options(struct risk_command *command, struct sc_error *error)
{
    struct sc_risk_options *risk = &command->risk;
    risk->model = command->wanted.model;
    risk->kernels = command->wanted.kernels;
    risk->device = command->wanted.device;
    risk->n_threads = command->wanted.threads;
    risk->benchmark.seed = risk->seed;
    risk->detector = (enum sc_detector_kind)command->detector.kind;
    risk->rules = command->detector.rules;
    risk->max_bytes = (size_t)(command->memory_gb * 1e9);
    if (cli_given(command->given, "rows"))
        risk->max_rows = command->max_rows;
    if (command->given->n_positionals > 0) {
        command->prompt =
            (struct sc_prompt){.prompt = command->given->positionals[0], .label = SC_LABEL_UNKNOWN};
        risk->benchmark.name = "prompt";
        risk->benchmark.prompts = &command->prompt;
        risk->benchmark.n_prompts = 1;
    }
    take_template(command);
    SC_TRY(cli_dtype(command->wanted.dtype, &risk->dtype, error));
    SC_TRY(cli_take_benchmark(&command->prompts, &risk->benchmark, error));
    SC_TRY(take_judge(command, error));
    return sc_risk_options_check(risk, error);
}

/* Models of a hub that are not here. */
static enum sc_status fetch(const struct risk_command *command, struct sc_error *error)
{
    struct cli_fetch wanted = {.name = command->wanted.model, .yes = command->wanted.yes};
    SC_TRY(cli_model_fetch(&wanted, error));
    wanted.name = sc_risk_proposal_model(command->risk.proposal);
    return wanted.name != NULL ? cli_model_fetch(&wanted, error) : SC_OK;
}

static enum sc_status run(struct risk_command *command, struct sc_risk_summary *summary,
                          struct sc_error *error)
{
    const struct sc_risk_observer observer = {.context = command,
                                              .started = show_start,
                                              .prompt = show_prompt,
                                              .failed = show_failed,
                                              .progress = show_progress,
                                              .keep_going = keep_going};
    SC_TRY(take_options(command, error));
    SC_TRY(fetch(command, error));
    return sc_risk(&command->risk, &observer, summary, error);
}

static int execute(struct risk_command *command)
{
    struct sc_error error = {0};
    struct sc_risk_summary summary = {0};
    int status = CLI_DONE;
    cli_catch_signals();
    if (command->given->n_positionals == 0)
        status = cli_offer_benchmark("risk", &command->risk.benchmark, command->wanted.yes,
                                     command->quiet);
    if (status == CLI_DONE)
        status = run(command, &summary, &error) == SC_OK ? finish(command, &summary)
                                                         : explain(command, &error);
    sc_risk_summary_free(&summary);
    cli_free_prompts(&command->prompts);
    return status;
}

/* ---- options --------------------------------------------------------------------------------- */

static void add_explore(struct cli_options *options, struct risk_command *command)
{
    struct sc_risk_options *risk = &command->risk;
    cli_add_real(options, "width", &risk->width, 1e-6, 1,
                 "stop when the 95 % interval of P(refusal) is as narrow (0.001)");
    cli_add_size(options, "rows", &command->max_rows, 1, 1e12,
                 "rows of the network for each prompt, at most: a row is one token (20000)");
    cli_add_real(options, "mass", &risk->mass, 1e-6, 1,
                 "stop when finished answers have so much of all probability (1)");
    cli_add_size(options, "branches", &risk->max_branches, 1, 4096,
                 "most tokens that are told apart at a fork; the rest is sampled (64)");
    cli_add_size(options, "judge-answers", &risk->max_judged, 1, 1e9,
                 "answers of a prompt that the judge reads, at most, the likeliest first (all)");
    cli_add_text(options, "proposal", &risk->proposal, "MODEL|prefill:TEXT|system:TEXT",
                 "importance sampling beside it: from another model with the same tokens, or after "
                 "an opening of the answer or a system message (none)");
    cli_add_size(options, "proposal-traces", &risk->proposal_traces, 1, 1000000,
                 "traces of it, a fifth of them the model's own (1000)");
    cli_add_size(options, "max-new-tokens", &risk->max_new_tokens, 1, 1e6, CLI_MAX_NEW_TOKENS);
}

static void add_options(struct cli_options *options, struct risk_command *command)
{
    cli_add_model_options(options, &command->wanted);
    cli_add_benchmark(options, &command->risk.benchmark, &command->prompts);
    add_explore(options, command);
    cli_add_sampling(options, &command->risk.sampling);
    cli_add_flag(options, "special", &command->risk.special, CLI_SPECIAL_HELP);
    cli_add_flag(options, "thinking", &command->risk.thinking,
                 "let the model think before it answers");
    cli_add_template(options, &command->template);
    cli_add_uint64(options, "seed", &command->risk.seed,
                   "of the sample of prompts and of all that is sampled (0)");
    cli_add_detector(options, &command->detector);
    cli_add_judge(options, &command->judging);
    cli_add_real(options, "memory", &command->memory_gb, CLI_LEAST_GB, CLI_MOST_GB,
                 "GB that branches and prompts may take (half of what is free)");
    cli_add_text(options, "out", &command->risk.out, "DIR",
                 "folder of risk.jsonl, risk.json and risk.html; the same command goes on in it "
                 "(none)");
    cli_add_flag(options, "quiet", &command->quiet, "no progress");
    cli_add_flag(options, "json", &command->json, "an object per prompt, as it is finished");
}

int cli_risk(int argc, char **argv)
{
    struct risk_command command = {.wanted = cli_model_options_default(),
                                   .detector = {.kind = (int)sc_detector_default()},
                                   .risk = sc_risk_options_default()};
    struct cli_options options = {
        .command = "risk",
        .synopsis = "(PROMPT | --benchmark B) [--model M] [--width W] [--rows N] [--mass P]",
        .summary =
            "How likely a model refuses, complies and harms, also where it almost never does: its\n"
            "likeliest answers are computed exactly, the rest is sampled (docs/RISK.md).",
        .max_positionals = 1};
    command.given = &options;
    add_options(&options, &command);
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if ((options.n_positionals == 1) == cli_given(&options, "benchmark"))
        return cli_usage_error("risk", options.n_positionals == 1
                                           ? "expected a prompt or --benchmark, found both"
                                           : "expected a prompt or --benchmark");
    if (cli_given(&options, "proposal-traces") && command.risk.proposal == NULL)
        return cli_usage_error("risk", "--proposal-traces: expected --proposal");
    return execute(&command);
}
