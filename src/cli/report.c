/* safeconf report: everything a run says, made again from run.db. */
#include "report/report.h"

#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

static int show(const char *command, const char *folder, const struct sc_report_wish *wish)
{
    struct sc_error error = {0};
    struct sc_text out = {0};
    struct sc_report_wish whole = *wish;
    int exit_status = CLI_DONE;
    whole.keep_going = keep_going;
    whole.terminal = &out;
    whole.width = cli_width(stdout);
    whole.colour = cli_colour(stdout);
    if (sc_report_make(folder, &whole, &error) != SC_OK) {
        exit_status = cli_report_error(command, &error);
    } else {
        sc_text_puts(&out, "\nPage to open in a browser: ");
        sc_text_add_visible(&out, folder, strlen(folder), false);
        sc_text_puts(&out, "/report.html   (analysis.json and predictions.jsonl beside it)\n");
        if (!cli_write(command, &out))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&out);
    return exit_status;
}

int cli_report(int argc, char **argv)
{
    struct sc_report_wish wish = {0};
    struct cli_options options = {
        .command = "report",
        .synopsis = "DIR",
        .summary =
            "Writes predictions.jsonl, analysis.json and report.html of a run's folder again\n"
            "and prints the tables.",
        .max_positionals = 1};
    cli_add_text(&options, "csv", &wish.csv, "DIR",
                 "also write instances.csv, traces.csv and estimates.csv there");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("report", "expected the folder of a run");
    if (wish.csv != NULL && wish.csv[0] == '\0')
        return cli_usage_error("report", "--csv: expected the name of a folder, found \"\"");
    cli_catch_signals();
    return show("report", options.positionals[0], &wish);
}

int cli_show_run(const char *command, const char *folder, const struct sc_run *run)
{
    return show(command, folder, &(struct sc_report_wish){.run = run});
}
