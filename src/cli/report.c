/* safeconf report: everything a run says, made again from run.db. */
#include "cli/cli.h"

#include "base/memory.h"
#include "report/report.h"

int cli_report(int argc, char **argv)
{
    struct cli_options options = {
        .command = "report",
        .synopsis = "DIR",
        .summary = "Writes predictions.jsonl, analysis.json and report.html of a run's folder again\n"
                   "and prints the tables.",
        .max_positionals = 1};
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("report", "expected the folder of a run");
    return cli_show_run("report", options.positionals[0]);
}

int cli_show_run(const char *command, const char *folder)
{
    struct sc_error error = {0};
    struct sc_run run = {0};
    struct sc_text out = {0};
    int exit_status = CLI_DONE;
    if (sc_report_write(folder, &error) || sc_run_load(folder, false, &run, &error) ||
        sc_report_terminal(&run, cli_width(stdout), cli_colour(stdout), &out, &error)) {
        exit_status = cli_report_error(command, &error);
    } else {
        sc_text_puts(&out, "\nPage to open in a browser: ");
        sc_text_puts(&out, folder);
        sc_text_puts(&out, "/report.html   (analysis.json and predictions.jsonl beside it)\n");
        if (!cli_write(command, &out))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&out);
    sc_run_free(&run);
    return exit_status;
}
