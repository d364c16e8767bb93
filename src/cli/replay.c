/* safeconf replay: what other policies would have made of a run's stored traces. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "report/report.h"

struct replay_command {
    struct sc_replay_run_options options;
    int32_t threads;
    bool json, all;
};

/* Writes replay.json; *out is what to print. */
static enum sc_status replay(const struct replay_command *command, const char *folder,
                             struct sc_text *json, struct sc_text *out, struct sc_error *error)
{
    const struct sc_replay_texts texts = {
        .json = json, .terminal = command->json ? NULL : out, .all = command->all};
    SC_TRY(sc_report_replay(folder, &command->options, &texts, error));
    char *path = sc_path_join(folder, "replay.json");
    if (path == NULL)
        return sc_fail_nomem(error, "replay.json");
    enum sc_status status = sc_file_write(path, json->data, json->len, error);
    if (command->json) {
        sc_text_add(out, json->data, json->len);
    } else {
        sc_text_puts(out, "\nEvery figure, all metrics and the stored order: ");
        sc_text_add_visible(out, path, strlen(path), false);
        sc_text_putc(out, '\n');
    }
    sc_free(path);
    return status;
}

int cli_replay(int argc, char **argv)
{
    struct replay_command command = {.options = sc_replay_run_options_default()};
    struct sc_replay_run_options *o = &command.options;
    double percent = 100 * o->max_changes;
    struct cli_options options = {
        .command = "replay",
        .synopsis = "DIR [--orders N] [--json]",
        .summary =
            "Decides a run's prompts again under other policies from the stored traces, each\n"
            "set against the same rule with shuffled confidences; best of a fixed run. Needs\n"
            "no model. Writes DIR/replay.json.",
        .max_positionals = 1};
    cli_add_size(&options, "orders", &o->n_orders, 1, 1e6,
                 "random orders of each prompt's traces (200)");
    cli_add_size(&options, "min-traces", &o->min_traces, 1, 10000, "traces to start with (3)");
    cli_add_size(&options, "max-traces", &o->max_traces, 2, 10000,
                 "traces of each prompt (as many as are there)");
    cli_add_size(&options, "batch-traces", &o->batch_traces, 1, 10000,
                 "traces added at a time (3)");
    cli_add_real(&options, "tau", &o->tau, 0, 1,
                 "deepconf: share of the votes that ends the sampling (0.95)");
    cli_add_real(&options, "max-changes", &percent, 0, 100,
                 "verdicts that a recommended policy may change, in percent (1)");
    cli_add_uint64(&options, "seed", &o->seed, "of the random orders and shuffles (0)");
    cli_add_int32(&options, "threads", &command.threads, 0, 1024,
                  "threads (one per available core)");
    cli_add_flag(&options, "all", &command.all, "every metric in the table");
    cli_add_flag(&options, "json", &command.json, "print replay.json instead of the table");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("replay", "expected the folder of a run");
    o->max_changes = percent / 100;
    o->n_threads = command.threads;
    struct sc_error error = {0};
    struct sc_text json = {0}, out = {0};
    int exit_status = CLI_DONE;
    if (replay(&command, options.positionals[0], &json, &out, &error) != SC_OK)
        exit_status = cli_report_error("replay", &error);
    else if (!cli_write("replay", &out))
        exit_status = CLI_FAILED;
    sc_text_free(&json);
    sc_text_free(&out);
    return exit_status;
}
