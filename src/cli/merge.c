/* safeconf merge: the shards of a run made one. */
#include <string.h>

#include "cli/cli.h"
#include "experiment/experiment.h"

struct merge_command {
    struct sc_merge_options merge;
    bool quiet, terminal, shown;
};

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

static void copied(void *context, size_t n_done, size_t n_folders)
{
    struct merge_command *command = context;
    if (command->quiet || !command->terminal)
        return;
    fprintf(stderr, "\rmerged %zu of %zu", n_done, n_folders);
    fflush(stderr);
    command->shown = true;
}

static void show_summary(const struct sc_merge_summary *summary)
{
    size_t n = summary->n_parts - summary->n_parts_missing;
    fprintf(stderr, "%zu shard%s: %zu prompt%s, %zu trace%s\n", n, n == 1 ? "" : "s",
            summary->n_instances, summary->n_instances == 1 ? "" : "s", summary->n_traces,
            summary->n_traces == 1 ? "" : "s");
}

/* The exit status of a merge that is there: whether all of it is. */
static int say_what_lacks(const struct sc_merge_summary *summary)
{
    int exit_status = cli_rows_status("merge", summary->n_bad_rows);
    if (summary->missing[0] != '\0') {
        cli_say("merge", "%s", summary->missing);
        exit_status = CLI_SOME_TRACES_FAILED;
    }
    if (summary->n_unjudged > 0) {
        cli_say("merge",
                "%zu trace%s not judged (safeconf classify with the same judge does the rest)",
                summary->n_unjudged, summary->n_unjudged == 1 ? " was" : "s were");
        exit_status = CLI_SOME_TRACES_FAILED;
    }
    if (summary->n_failed_traces == 0)
        return exit_status;
    cli_say("merge", "%s (predictions.jsonl says which)", summary->failures);
    return CLI_SOME_TRACES_FAILED;
}

static int execute(struct merge_command *command)
{
    struct sc_error error = {0};
    struct sc_merge_summary summary = {0};
    const struct sc_merge_observer observer = {
        .context = command, .copied = copied, .keep_going = keep_going};
    cli_catch_signals();
    command->terminal = cli_terminal(stderr);
    enum sc_status status = sc_merge(&command->merge, &observer, &summary, &error);
    if (command->shown)
        fprintf(stderr, "\r%*s\r", (int)cli_width(stderr) - 1, "");
    if (status != SC_OK)
        return cli_report_error("merge", &error);
    if (!command->quiet)
        show_summary(&summary);
    int exit_status = cli_show_run("merge", command->merge.out, NULL, NULL);
    return exit_status == CLI_DONE ? say_what_lacks(&summary) : exit_status;
}

int cli_merge(int argc, char **argv)
{
    struct merge_command command = {.merge = sc_merge_options_default()};
    struct cli_options options = {
        .command = "merge",
        .synopsis = "OUT DIR...",
        .summary =
            "Makes one run, in the folder OUT, of the folders of its shards (run --shard I/N), in\n"
            "whatever order: what the run would be had it not been divided. All N are needed,\n"
            "finished and with one configuration.",
        .max_positionals = CLI_MOST_POSITIONALS};
    cli_add_flag(&options, "partial", &command.merge.partial,
                 "merge what is there, though shards are missing or unfinished (exit status 3); "
                 "what comes of it can be merged with the rest later");
    cli_add_flag(&options, "quiet", &command.quiet, "no progress");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals < 2)
        return cli_usage_error("merge",
                               "expected a folder for the run and the folders of its shards");
    command.merge.out = options.positionals[0];
    command.merge.folders = options.positionals + 1;
    command.merge.n_folders = options.n_positionals - 1;
    return execute(&command);
}
