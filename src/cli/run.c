/* safeconf run and safeconf compare: an experiment from its options to its report. */
#include "base/file.h"
#include "base/memory.h"
#include "cli/cards.h"
#include "cli/fetch.h"
#include "cli/pinned.h"
#include "cli/progress.h"
#include "cli/pull.h"
#include "cli/run_command.h"
#include "cli/sweep.h"
#include "report/report.h"

/* One line on what the run did, for those who want to know about speed. */
static void print_summary(const struct sc_run_summary *summary)
{
    const struct sc_run_progress *p = &summary->progress;
    if (p->n_instances_resumed == p->n_instances)
        fprintf(stderr, "nothing was left to sample: the run was complete\n");
    if (p->n_tokens == 0)
        return;
    if (p->n_requests > 0) {
        fprintf(stderr,
                "%llu tokens in %.1f s (%.0f tokens/s), %llu of prompts; %llu requests, %llu of "
                "them retries\n",
                (unsigned long long)p->n_tokens, p->seconds, (double)p->n_tokens / p->seconds,
                (unsigned long long)p->n_prompt_tokens, (unsigned long long)p->n_requests,
                (unsigned long long)p->n_retries);
        return;
    }
    fprintf(stderr,
            "%llu tokens, %llu rows computed in %.2f s (%.0f tokens/s, mean width %.1f of %zu)\n",
            (unsigned long long)p->n_tokens, (unsigned long long)p->n_rows, p->seconds,
            (double)p->n_tokens / p->seconds, p->mean_width, p->parallel);
}

static enum sc_status start_engine(struct cli_run_command *command, struct sc_error *error)
{
    const struct cli_engine_start start = {.command = command->name,
                                           .model = command->run.model,
                                           .dtype = command->dtype,
                                           .folder = command->run.out,
                                           .n_top = command->run.confidence_top_k,
                                           .quiet = command->quiet};
    return cli_engine_start(&command->engine, &start, &command->endpoint, error);
}

static enum sc_status sample_from_servers(struct cli_run_command *command,
                                          const struct sc_run_observer *observer,
                                          struct sc_run_summary *summary, struct sc_error *error)
{
    struct sc_source servers = {0};
    struct sc_run_options run = command->run;
    struct cli_engine_watch watch = {.observer = observer, .engine = &command->engine};
    const struct sc_run_observer watching = cli_engine_observer(&watch);
    const struct sc_chat_options chat = cli_template_options(&command->template);
    const char *model =
        command->endpoint.launched ? command->engine.name : cli_run_command_model(command);
    SC_TRY(cli_endpoint_open(&command->endpoint, model, &chat, &servers, error));
    run.source = &servers;
    enum sc_status status = sc_run_execute(&run, &watching, summary, error);
    sc_source_close(&servers);
    return cli_engine_explain(&watch, status, error);
}

/* What sampling takes in this process. */
struct execution {
    struct sc_run_options run; /* the command's, with the model as it is to be found */
    struct cli_fetch fetch;
    const struct sc_run_observer *observer;
    struct sc_run_summary *summary;
};

static enum sc_status fetch_and_execute(const struct execution *e, struct sc_error *error)
{
    SC_TRY(cli_model_fetch(&e->fetch, error));
    return sc_run_execute(&e->run, e->observer, e->summary, error);
}

/* A model of a hub is taken at the revision that the folder's run began with, where there is one.
 */
static enum sc_status sample_here(const struct cli_run_command *command,
                                  const struct sc_run_observer *observer,
                                  struct sc_run_summary *summary, struct sc_error *error)
{
    char *pinned = cli_pinned_model(command->run.out, command->run.model);
    struct execution execution = {.run = command->run, .observer = observer, .summary = summary};
    execution.run.model = pinned != NULL ? pinned : command->run.model;
    execution.fetch = (struct cli_fetch){
        .name = execution.run.model, .yes = command->yes, .quiet = command->quiet};
    enum sc_status status = fetch_and_execute(&execution, error);
    sc_free(pinned);
    return status;
}

/* From the model in this process, or from servers. */
static enum sc_status execute_run(struct cli_run_command *command,
                                  const struct sc_run_observer *observer,
                                  struct sc_run_summary *summary, struct sc_error *error)
{
    if (cli_endpoint_wanted(&command->endpoint))
        return sample_from_servers(command, observer, summary, error);
    return sample_here(command, observer, summary, error);
}

/* Whether the folder's run is one process's: where it has begun it goes on so. */
static bool is_alone(const struct cli_run_command *command)
{
    return command->n_cards <= 1 || sc_file_exists_in(command->run.out, "run.db");
}

static enum sc_status check_alone(const struct cli_run_command *command, struct sc_error *error)
{
    bool left = false;
    if (command->n_cards <= 1)
        SC_TRY(cli_cards_left(command->run.out, &left, error));
    return left ? sc_fail(error, SC_ERR_CONFLICT,
                          "%s/shards holds a run on several GPUs: expected the same --gpus, with "
                          "which it goes on",
                          command->run.out)
                : SC_OK;
}

static int sample_on_cards(const struct cli_run_command *command, struct sc_run_summary *summary)
{
    struct sc_error error = {0};
    const struct cli_fetch fetch = {
        .name = command->run.model, .yes = command->yes, .quiet = command->quiet};
    const struct cli_cards cards = {.n = command->n_cards,
                                    .command = command->name,
                                    .words = command->words,
                                    .n_words = command->n_words,
                                    .given = command->given,
                                    .run = &command->run,
                                    .is_sweep = command->temperatures.n > 1,
                                    .quiet = command->quiet};
    return cli_model_fetch(&fetch, &error) == SC_OK ? cli_cards_run(&cards, summary)
                                                    : cli_report_error(command->name, &error);
}

/* Samples until all is there: CLI_DONE, or what to exit with. */
static int sample(struct cli_run_command *command, struct sc_run_summary *summary)
{
    struct sc_error error = {0};
    if (!is_alone(command))
        return sample_on_cards(command, summary);
    if (check_alone(command, &error) != SC_OK)
        return cli_report_error(command->name, &error);
    struct cli_progress progress = {.quiet = command->quiet};
    struct sc_run_observer observer = cli_progress_observer(&progress);
    enum sc_status status = execute_run(command, &observer, summary, &error);
    cli_progress_end(&progress);
    if (status == SC_ERR_INTERRUPTED && summary->stopped[0] != '\0')
        return CLI_INTERRUPTED;
    if (status == SC_ERR_INTERRUPTED) {
        cli_say(command->name, "interrupted; nothing is lost: the same command goes on in %s",
                command->run.out);
        return CLI_INTERRUPTED;
    }
    if (status != SC_OK)
        return cli_report_error(command->name, &error);
    if (!command->quiet)
        print_summary(summary);
    return CLI_DONE;
}

/* The files alone: a sweep prints its comparison. */
static int write_report(const struct cli_run_command *command)
{
    struct sc_error error = {0};
    return sc_report_write(command->run.out, &error) == SC_OK
               ? CLI_DONE
               : cli_report_error(command->name, &error);
}

/* The judge, where one is asked for, and the report: the run is loaded once.  The report comes
 * first, what the judge did after it. */
static int judge_and_show(const struct cli_run_command *command)
{
    const char *folder = command->run.out;
    if (cli_judging_wanted(command->given, &command->judging))
        return cli_judge_and_show(command->name, command->given, &command->judging, folder);
    return command->temperatures.n > 1 ? write_report(command)
                                       : cli_show_run(command->name, folder, NULL, NULL);
}

/* A limit of the options ended the sampling: the report is of the prompts that are finished.  The
 * judge waits until all are. */
static int stop_at_limit(const struct cli_run_command *command,
                         const struct sc_run_summary *summary)
{
    const char *folder = command->run.out;
    int exit_status = CLI_DONE;
    if (summary->progress.n_instances_done > 0)
        exit_status = command->temperatures.n > 1 ? write_report(command)
                                                  : cli_show_run(command->name, folder, NULL, NULL);
    cli_say(command->name, "%s; the same command goes on in %s", summary->stopped, folder);
    return exit_status == CLI_DONE ? CLI_INTERRUPTED : exit_status;
}

static int run_one(struct cli_run_command *command)
{
    struct sc_run_summary summary = {0};
    int exit_status = sample(command, &summary);
    if (summary.stopped[0] != '\0')
        return stop_at_limit(command, &summary);
    if (exit_status == CLI_DONE)
        exit_status = judge_and_show(command);
    if (exit_status != CLI_DONE && exit_status != CLI_SOME_TRACES_FAILED)
        return exit_status;
    int rows = cli_rows_status(command->name, (size_t)summary.n_bad_rows);
    if (summary.n_failed_traces == 0)
        return rows != CLI_DONE ? rows : exit_status;
    cli_say(command->name, "%s (predictions.jsonl says which)", summary.failures);
    return CLI_SOME_TRACES_FAILED;
}

static int run_at(void *context, double temperature, const char *folder)
{
    struct cli_run_command one = *(const struct cli_run_command *)context;
    one.run.temperature = temperature;
    one.run.out = folder;
    one.run.policies = one.policies;
    return run_one(&one);
}

static enum sc_status count_cards(struct cli_run_command *command, struct sc_error *error)
{
    command->n_cards = 1;
    return cli_endpoint_wanted(&command->endpoint)
               ? SC_OK
               : cli_cards_count(command->engine.gpus, command->run.device, &command->n_cards,
                                 error);
}

static int run_all(struct cli_run_command *command)
{
    struct sc_error error = {0};
    int exit_status =
        cli_offer_benchmark(command->name, &command->run.benchmark, command->yes, command->quiet);
    if (exit_status != CLI_DONE)
        return exit_status;
    if (start_engine(command, &error) != SC_OK || count_cards(command, &error) != SC_OK)
        return cli_report_error(command->name, &error);
    if (command->temperatures.n <= 1)
        return run_one(command);
    return cli_sweep(&(struct cli_sweep){.command = command->name,
                                         .out = command->run.out,
                                         .temperatures = &command->temperatures,
                                         .run = run_at,
                                         .context = command,
                                         .quiet = command->quiet});
}

static int execute(struct cli_run_command *command)
{
    struct sc_error error = {0};
    if (cli_run_command_finish(command, &error) != SC_OK)
        return cli_report_error(command->name, &error);
    cli_catch_signals();
    return run_all(command);
}

static int run_or_compare(int argc, char **argv, bool compare)
{
    struct cli_run_command command = cli_run_command_new(compare ? "compare" : "run", compare);
    struct cli_options options = cli_run_command_table(&command);
    int status = cli_run_command_read(&command, &options, argc, argv);
    if (status < 0)
        status = execute(&command);
    cli_run_command_free(&command);
    return status;
}

int cli_run(int argc, char **argv)
{
    return run_or_compare(argc, argv, false);
}

int cli_compare(int argc, char **argv)
{
    return run_or_compare(argc, argv, true);
}
