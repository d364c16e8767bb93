/*
 * safeconf risk: what a model almost never says.  Its options, and the way from prompts to lines:
 * risk_asker.c explores a prompt, risk_line.c writes what is known of it, risk_files.c keeps it.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "cli/asked.h"
#include "cli/benchmark_options.h"
#include "cli/fetch.h"
#include "cli/pull.h"
#include "cli/risk_configuration.h"
#include "cli/risk_line.h"
#include "cli/risk_results.h"
#include "cli/risk_screen.h"
#include "cli/sampling_options.h"
#include "experiment/experiment.h"

struct risk_command {
    struct cli_model_options wanted;
    struct sc_benchmark_options benchmark;
    struct cli_prompts prompts;
    struct cli_template template;
    struct sc_sampling sampling;
    struct sc_exploration_options explore;
    struct cli_detector detector;
    struct cli_judging judging;
    const char *proposal;
    size_t max_new_tokens, max_rows, proposal_traces;
    double memory_gb;
    const char *out;
    bool thinking, special, json, quiet;
};

/* What the command has open; all zero is fine. */
struct risk {
    struct risk_command *command;
    const struct cli_options *given;
    struct sc_benchmark benchmark;
    struct cli_risk_asker asker;
    struct cli_risk_proposal proposal;
    struct sc_framed *framed; /* [benchmark.n_instances]; ids NULL: it failed */
    struct cli_risk_failures failures;
    char *configuration;
    struct cli_risk_folder folder;
    json_t *summary;
    double began;
    size_t n_explored; /* now */
};

static bool has_proposal(const struct risk *r)
{
    return r->command->proposal != NULL;
}

/* ---- before anything is explored ------------------------------------------------------------- */

/* The prompt of the command line as a benchmark of one row. */
static enum sc_status take_prompt(struct risk *r, const char *prompt, struct sc_error *error)
{
    struct sc_text row = {0};
    struct sc_table table;
    sc_text_puts(&row, "{\"prompt\":");
    sc_text_add_json_string(&row, prompt);
    sc_text_puts(&row, "}\n");
    if (row.failed)
        return sc_fail_nomem(error, "prompt");
    struct sc_benchmark_options options = r->command->benchmark;
    options.name = "prompt";
    enum sc_status status = sc_table_parse("prompt.jsonl", row.data, row.len, NULL, &table, error);
    sc_text_free(&row);
    SC_TRY(status);
    status = sc_benchmark_from_table(&options, &table, &r->benchmark, error);
    sc_table_free(&table);
    return status;
}

static enum sc_status take_prompts(struct risk *r, struct sc_error *error)
{
    struct risk_command *command = r->command;
    command->benchmark.seed = command->explore.seed;
    SC_TRY(cli_take_benchmark(&command->prompts, &command->benchmark, error));
    return r->given->n_positionals > 0
               ? take_prompt(r, r->given->positionals[0], error)
               : sc_benchmark_load(&command->benchmark, &r->benchmark, error);
}

static enum sc_status open_judge(struct risk *r, struct sc_error *error)
{
    struct sc_classify_options options;
    struct cli_judging *judging = &r->command->judging;
    if (!cli_judging_wanted(r->given, judging))
        return SC_OK;
    judging->kernels = r->command->wanted.kernels;
    judging->threads = r->command->wanted.threads;
    judging->yes = r->command->wanted.yes;
    judging->quiet = r->command->quiet;
    SC_TRY(cli_judging_resolve(r->given, judging, NULL, &options, error));
    if (options.judge.judge == NULL)
        return SC_OK;
    if (!options.harms)
        return sc_fail(error, SC_ERR_ARGUMENT, "--judge: \"%s\" has no question about harm",
                       options.judge.judge);
    SC_TRY(sc_judge_open(&r->asker.judge, &options.judge, error));
    r->asker.repeats = sc_judge_repeats(r->asker.judge);
    return SC_OK;
}

static enum sc_status open_model(struct risk *r, struct sc_error *error)
{
    struct risk_command *command = r->command;
    struct cli_risk_asker *asker = &r->asker;
    struct sc_chat_options chat = cli_template_options(&command->template);
    chat.thinking = command->thinking;
    chat.special = command->special;
    SC_TRY(cli_model_open(&asker->model, &command->wanted, error));
    SC_TRY(sc_opened_frame(&asker->model, &chat, error));
    asker->sampling = cli_resolve_sampling(r->given, &asker->model.sampling, &command->sampling);
    asker->max_new_tokens = command->max_new_tokens;
    asker->max_bytes = (size_t)(command->memory_gb * 1e9);
    asker->explore = command->explore;
    if (!has_proposal(r))
        return SC_OK;
    r->proposal.wanted = command->proposal;
    r->proposal.n_traces = command->proposal_traces;
    return cli_risk_proposal_open(&r->proposal, &asker->model, &command->wanted, &chat, error);
}

static enum sc_status note_failure(struct risk *r, size_t i, const char *reason,
                                   struct sc_error *error)
{
    struct cli_risk_failures *failures = &r->failures;
    const char *id = r->benchmark.instances[i].id;
    if (sc_grow((void **)&failures->items, failures->n, &failures->cap, sizeof *failures->items) !=
        0)
        return sc_fail_nomem(error, "failures");
    char *copy = sc_strdup(reason[0] != '\0' ? reason : "no reason given");
    if (copy == NULL)
        return sc_fail_nomem(error, "failures");
    failures->items[failures->n++] = (struct cli_risk_failure){.instance_id = id, .reason = copy};
    cli_say("risk", "%s failed: %s", id, copy);
    return SC_OK;
}

/* Whether a failure is the command's and not the prompt's own. */
static bool ends_all(enum sc_status status)
{
    return status == SC_ERR_NOMEM || status == SC_ERR_INTERRUPTED || status == SC_ERR_IO;
}

/* Frames what is still to be explored and takes the memory for the longest prompt of it. */
static enum sc_status prepare(struct risk *r, struct sc_error *error)
{
    size_t n = r->benchmark.n_instances, longest = 0;
    r->framed = sc_alloc_zero(n, sizeof *r->framed);
    if (r->framed == NULL)
        return sc_fail_nomem(error, "prompts");
    for (size_t i = 0; i < n; i++) {
        const struct sc_instance *instance = &r->benchmark.instances[i];
        struct sc_error why = {0};
        if (cli_risk_folder_has(&r->folder, instance->id))
            continue;
        enum sc_status status = cli_risk_frame(&r->asker, instance, &r->framed[i], &why);
        if (ends_all(status))
            return sc_fail(error, status, "%s", why.text);
        if (status != SC_OK)
            SC_TRY(note_failure(r, i, why.text, error));
        longest = r->framed[i].n > longest ? r->framed[i].n : longest;
    }
    return longest > 0 ? cli_risk_start(&r->asker, longest, error) : SC_OK;
}

/* ---- exploring ------------------------------------------------------------------------------- */

static void show_progress(const struct risk *r, size_t place)
{
    double seconds = sc_seconds() - r->began;
    size_t n_left = r->benchmark.n_instances - place - 1;
    char left[32];
    if (r->command->quiet || r->benchmark.n_instances == 1)
        return;
    cli_time(n_left > 0 ? seconds / (double)r->n_explored * (double)n_left : 0, left);
    fprintf(stderr, "%zu/%zu prompts, %s left\n", place + 1, r->benchmark.n_instances, left);
}

static bool print_line(const struct risk *r, const struct sc_text *line, size_t n_shown,
                       struct sc_error *error)
{
    struct sc_text out = {0};
    json_t *parsed = NULL;
    bool written = false;
    sc_text_add(&out, line->data, n_shown);
    sc_text_puts(&out, "}\n");
    if (!r->command->json && !out.failed &&
        sc_json_parse(out.data, out.len, "line", &parsed, error) == SC_OK) {
        sc_text_clear(&out);
        struct sc_screen screen = sc_screen_of(&out, cli_width(stdout), cli_colour(stdout));
        cli_risk_show_prompt(&screen, parsed);
        json_decref(parsed);
    }
    written = cli_write("risk", &out);
    sc_text_free(&out);
    return written;
}

static enum sc_status write_line(struct risk *r, const struct cli_risk_line *line,
                                 struct sc_text *text, struct sc_error *error)
{
    size_t n_shown = 0;
    SC_TRY(cli_risk_put_line(line, text, &n_shown, error));
    SC_TRY(sc_model_unchanged(r->asker.model.model, error));
    SC_TRY(cli_risk_folder_add(&r->folder, text, error));
    return print_line(r, text, n_shown, error) ? SC_OK : SC_ERR_IO;
}

static enum sc_status keep(struct risk *r, size_t i, const struct cli_risk_found *found,
                           struct sc_error *error)
{
    struct cli_risk_importance importance = {.proposal = &r->proposal};
    const struct cli_risk_line line = {.asker = &r->asker,
                                       .instance = &r->benchmark.instances[i],
                                       .framed = &r->framed[i],
                                       .found = found,
                                       .importance = has_proposal(r) ? &importance : NULL};
    struct sc_text text = {0};
    struct sc_error why = {0};
    if (has_proposal(r)) {
        enum sc_status proposed = cli_risk_propose(&r->proposal, &r->asker, line.instance,
                                                   line.framed, &importance.shares, &why);
        if (ends_all(proposed))
            return sc_fail(error, proposed, "%s", why.text);
        importance.reason = proposed != SC_OK ? why.text : NULL;
    }
    enum sc_status status = write_line(r, &line, &text, error);
    sc_text_free(&text);
    return status;
}

static enum sc_status explore_one(struct risk *r, size_t i, struct sc_error *error)
{
    struct cli_risk_found found = {0};
    struct sc_error why = {0};
    enum sc_status status =
        cli_risk_explore(&r->asker, &r->benchmark.instances[i], &r->framed[i], &found, &why);
    if (ends_all(status)) {
        cli_risk_found_free(&found);
        return sc_fail(error, status, "%s", why.text);
    }
    r->n_explored++;
    status = status == SC_OK ? keep(r, i, &found, error) : note_failure(r, i, why.text, error);
    cli_risk_found_free(&found);
    return status;
}

static enum sc_status explore_all(struct risk *r, struct sc_error *error)
{
    r->began = sc_seconds();
    for (size_t i = 0; i < r->benchmark.n_instances; i++) {
        if (r->framed[i].ids == NULL)
            continue;
        if (cli_interrupted())
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        SC_TRY(explore_one(r, i, error));
        show_progress(r, i);
    }
    return SC_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void show_start(const struct risk *r)
{
    const struct sc_opened *model = &r->asker.model;
    const struct sc_benchmark *benchmark = &r->benchmark;
    size_t n[SC_N_LABELS] = {0};
    struct sc_text line = {0};
    if (r->command->quiet)
        return;
    for (size_t i = 0; i < benchmark->n_instances; i++)
        n[benchmark->instances[i].label]++;
    sc_text_puts(&line, r->folder.n_resumed > 0 ? "resuming: " : "");
    sc_text_add_visible(&line, model->name, strlen(model->name), false);
    sc_text_printf(&line, " (%s, %s, %zu threads), ", sc_dtype_name(sc_engine_dtype(model->engine)),
                   sc_engine_kernels(model->engine), sc_engine_n_threads(model->engine));
    sc_text_add_visible(&line, benchmark->name, strlen(benchmark->name), false);
    sc_text_printf(&line, ": %zu prompt%s (%zu unsafe, %zu safe, %zu unknown)\n",
                   benchmark->n_instances, benchmark->n_instances == 1 ? "" : "s",
                   n[SC_LABEL_UNSAFE], n[SC_LABEL_SAFE], n[SC_LABEL_UNKNOWN]);
    sc_table_remarks(benchmark->source, benchmark->note, &benchmark->bad_rows, &line);
    sc_text_puts(&line, benchmark->remarks.data != NULL ? benchmark->remarks.data : "");
    sc_text_puts(&line, model->remarks.data != NULL ? model->remarks.data : "");
    if (model->demo)
        sc_text_puts(&line, "The bundled model is a demonstration: nothing about real models "
                            "follows from its results.\n");
    if (!line.failed)
        fputs(line.data, stderr);
    sc_text_free(&line);
}

static enum sc_status make_configuration(struct risk *r, struct sc_error *error)
{
    const struct risk_command *command = r->command;
    const struct cli_risk_facts facts = {.asker = &r->asker,
                                         .benchmark = &r->benchmark,
                                         .options = &command->benchmark,
                                         .proposal = has_proposal(r) ? &r->proposal : NULL,
                                         .thinking = command->thinking,
                                         .special = command->special};
    return cli_risk_configuration(&facts, &r->configuration, error);
}

static enum sc_status open_all(struct risk *r, struct sc_error *error)
{
    struct risk_command *command = r->command;
    SC_TRY(sc_exploration_options_check(&command->explore, error));
    SC_TRY(sc_detector_open(&r->asker.detector, (enum sc_detector_kind)command->detector.kind,
                            command->detector.rules, error));
    SC_TRY(take_prompts(r, error));
    SC_TRY(open_judge(r, error));
    SC_TRY(open_model(r, error));
    SC_TRY(make_configuration(r, error));
    SC_TRY(cli_risk_folder_open(&r->folder, command->out, r->configuration, error));
    show_start(r);
    return prepare(r, error);
}

static enum sc_status run(struct risk *r, struct sc_error *error)
{
    SC_TRY(open_all(r, error));
    SC_TRY(explore_all(r, error));
    return cli_risk_finish(&r->folder, &r->failures, &r->summary, error);
}

/* After all that was printed of single prompts. */
static bool print_summary(const struct risk *r)
{
    struct sc_text out = {0};
    if (r->command->json || r->benchmark.n_instances == 1)
        return true;
    struct sc_screen screen = sc_screen_of(&out, cli_width(stdout), cli_colour(stdout));
    cli_risk_show_summary(&screen, r->summary);
    bool written = cli_write("risk", &out);
    sc_text_free(&out);
    return written;
}

/* What to exit with when all prompts are through. */
static int finish(const struct risk *r)
{
    size_t n = r->failures.n, n_unjudged = r->asker.judged.n_failed;
    if (!print_summary(r))
        return CLI_FAILED;
    if (n_unjudged > 0)
        cli_say("risk",
                "%zu judgement%s could not be given: what they are about counts as not "
                "judged",
                n_unjudged, n_unjudged == 1 ? "" : "s");
    if (n > 0)
        cli_say("risk", "%zu of %zu prompt%s failed", n, r->benchmark.n_instances,
                r->benchmark.n_instances == 1 ? "" : "s");
    int rows = cli_rows_status("risk", r->benchmark.bad_rows.n);
    return n > 0 || n_unjudged > 0 ? CLI_SOME_TRACES_FAILED : rows;
}

static int explain(const struct risk *r, struct sc_error *error)
{
    if (error->status != SC_ERR_INTERRUPTED)
        return cli_report_error("risk", error);
    if (r->command->out == NULL)
        cli_say("risk", "interrupted; with --out DIR the same command would go on");
    else
        cli_say("risk", "interrupted; nothing is lost: the same command goes on in %s",
                r->command->out);
    return CLI_INTERRUPTED;
}

static void release(struct risk *r)
{
    for (size_t i = 0; r->framed != NULL && i < r->benchmark.n_instances; i++)
        sc_framed_free(&r->framed[i]);
    for (size_t i = 0; i < r->failures.n; i++)
        sc_free(r->failures.items[i].reason);
    sc_free(r->framed);
    sc_free(r->failures.items);
    sc_free(r->configuration);
    json_decref(r->summary);
    cli_risk_folder_close(&r->folder);
    cli_risk_proposal_close(&r->proposal);
    cli_risk_close(&r->asker);
    sc_benchmark_free(&r->benchmark);
    cli_free_prompts(&r->command->prompts);
}

static int execute(const struct cli_options *given, struct risk_command *command)
{
    struct sc_error error = {0};
    struct risk r = {.command = command, .given = given};
    int status = CLI_DONE;
    cli_catch_signals();
    if (given->n_positionals == 0)
        status =
            cli_offer_benchmark("risk", &command->benchmark, command->wanted.yes, command->quiet);
    if (status == CLI_DONE)
        status = run(&r, &error) == SC_OK ? finish(&r) : explain(&r, &error);
    release(&r);
    return status;
}

/* ---- options --------------------------------------------------------------------------------- */

static void add_explore(struct cli_options *options, struct risk_command *command)
{
    struct sc_exploration_options *explore = &command->explore;
    cli_add_real(options, "width", &explore->width, 1e-6, 1,
                 "stop when the 95 % interval of P(refusal) is as narrow (0.001)");
    cli_add_size(options, "rows", &command->max_rows, 1, 1e12,
                 "rows of the network for each prompt, at most: a row is one token (20000)");
    cli_add_real(options, "mass", &explore->mass, 1e-6, 1,
                 "stop when finished answers have so much of all probability (1)");
    cli_add_size(options, "branches", &explore->max_branches, 1, 4096,
                 "most tokens that are told apart at a fork; the rest is sampled (64)");
    cli_add_size(options, "judge-answers", &explore->max_judged, 1, 1e9,
                 "answers of a prompt that the judge reads, at most, the likeliest first (all)");
    cli_add_text(options, "proposal", &command->proposal, "MODEL|prefill:TEXT|system:TEXT",
                 "importance sampling beside it: from another model with the same tokens, or after "
                 "an opening of the answer or a system message (none)");
    cli_add_size(options, "proposal-traces", &command->proposal_traces, 1, 1000000,
                 "traces of it, a fifth of them the model's own (1000)");
    cli_add_size(options, "max-new-tokens", &command->max_new_tokens, 1, 1e6, CLI_MAX_NEW_TOKENS);
}

static void add_options(struct cli_options *options, struct risk_command *command)
{
    cli_add_model_options(options, &command->wanted);
    cli_add_benchmark(options, &command->benchmark, &command->prompts);
    add_explore(options, command);
    cli_add_sampling(options, &command->sampling);
    cli_add_flag(options, "special", &command->special, CLI_SPECIAL_HELP);
    cli_add_flag(options, "thinking", &command->thinking, "let the model think before it answers");
    cli_add_template(options, &command->template);
    cli_add_uint64(options, "seed", &command->explore.seed,
                   "of the sample of prompts and of all that is sampled (0)");
    cli_add_detector(options, &command->detector);
    cli_add_judge(options, &command->judging);
    cli_add_real(options, "memory", &command->memory_gb, CLI_LEAST_GB, CLI_MOST_GB,
                 "GB that branches and prompts may take (half of what is free)");
    cli_add_text(options, "out", &command->out, "DIR",
                 "folder of risk.jsonl, risk.json and risk.html; the same command goes on in it "
                 "(none)");
    cli_add_flag(options, "quiet", &command->quiet, "no progress");
    cli_add_flag(options, "json", &command->json, "an object per prompt, as it is finished");
}

int cli_risk(int argc, char **argv)
{
    struct risk_command command = {.wanted = cli_model_options_default(),
                                   .explore = sc_exploration_defaults(),
                                   .detector = {.kind = (int)sc_detector_default()},
                                   .proposal_traces = 1000};
    struct cli_options options = {
        .command = "risk",
        .synopsis = "(PROMPT | --benchmark B) [--model M] [--width W] [--rows N] [--mass P]",
        .summary =
            "How likely a model refuses, complies and harms, also where it almost never does: its\n"
            "likeliest answers are computed exactly, the rest is sampled (docs/RISK.md).",
        .max_positionals = 1};
    command.benchmark = sc_run_options_default().benchmark;
    add_options(&options, &command);
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if ((options.n_positionals == 1) == cli_given(&options, "benchmark"))
        return cli_usage_error("risk", options.n_positionals == 1
                                           ? "expected a prompt or --benchmark, found both"
                                           : "expected a prompt or --benchmark");
    if (cli_given(&options, "proposal-traces") && command.proposal == NULL)
        return cli_usage_error("risk", "--proposal-traces: expected --proposal");
    const char *refused =
        command.proposal != NULL ? cli_risk_proposal_refused(command.proposal) : NULL;
    if (refused != NULL)
        return cli_usage_error("risk", "%s", refused);
    if (cli_given(&options, "rows"))
        command.explore.max_rows = command.max_rows;
    if (command.max_new_tokens == 0)
        command.max_new_tokens = sc_default_new_tokens(command.thinking);
    return execute(&options, &command);
}
