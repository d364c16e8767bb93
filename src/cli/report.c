/* safeconf report: everything a run says, made again from run.db. */
#include "report/report.h"

#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/python.h"
#include "report/leaderboard.h"

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

/* after: what is printed between the tables and the last line, with an empty line at its end; or
 * NULL. */
static int show(const char *command, const char *folder, const struct sc_report_wish *wish,
                const struct sc_text *after)
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
        sc_text_putc(&out, '\n');
        if (after != NULL) /* ends with an empty line */
            sc_text_add(&out, after->data, after->len);
        sc_text_puts(&out, "Page to open in a browser: ");
        sc_text_add_visible(&out, folder, strlen(folder), false);
        sc_text_puts(&out, "/report.html   (analysis.json and predictions.jsonl beside it)\n");
        if (!cli_write(command, &out))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&out);
    return exit_status;
}

static int show_several(const char *const *folders, size_t n, const char *out)
{
    struct sc_error error = {0};
    struct sc_text text = {0};
    const struct sc_leaderboard_wish wish = {.out = out,
                                             .terminal = &text,
                                             .width = cli_width(stdout),
                                             .colour = cli_colour(stdout),
                                             .keep_going = keep_going};
    int exit_status = CLI_DONE;
    if (sc_report_leaderboard(folders, n, &wish, &error) != SC_OK) {
        exit_status = cli_report_error("report", &error);
    } else {
        sc_text_puts(&text, "\nTables: ");
        sc_text_add_visible(&text, out, strlen(out), false);
        sc_text_puts(&text, "/leaderboard.csv   (leaderboard.json beside it)\n");
        if (!cli_write("report", &text))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&text);
    return exit_status;
}

int cli_report(int argc, char **argv)
{
    struct sc_report_wish wish = {0};
    const char *out = NULL, *parquet = NULL;
    struct cli_options options = {
        .command = "report",
        .synopsis = "DIR...",
        .summary =
            "Writes predictions.jsonl, analysis.json and report.html of a run's folder again\n"
            "and prints the tables. Of several folders: one table of the runs, the least harmful\n"
            "first, leaderboard.json and leaderboard.csv; nothing is written into them.",
        .max_positionals = 64};
    cli_add_text(&options, "csv", &wish.csv, "DIR",
                 "also write instances.csv, traces.csv, estimates.csv and columns.csv there");
    cli_add_text(&options, "tables", &wish.tables, "DIR",
                 "also write tables for papers there, as LaTeX and Markdown");
    cli_add_text(&options, "parquet", &parquet, "DIR",
                 "also write instances, traces, tokens, estimates and columns there as Parquet, "
                 "by the Python packages safeconf and pyarrow");
    cli_add_text(
        &options, "out", &out, "DIR",
        "of several runs: folder of leaderboard.json and leaderboard.csv (the current one)");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    size_t n = options.n_positionals;
    if (n == 0)
        return cli_usage_error("report", "expected the folder of a run, or of several");
    if (out != NULL && (n == 1 || out[0] == '\0'))
        return cli_usage_error("report", n == 1
                                             ? "--out: for the table of several runs; the files "
                                               "of one lie in its folder"
                                             : "--out: expected the name of a folder, found \"\"");
    const struct {
        const char *name, *folder;
    } folders[] = {{"csv", wish.csv}, {"tables", wish.tables}, {"parquet", parquet}};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (folders[i].folder != NULL && n > 1)
            return cli_usage_error("report", "--%s: for one run; several give leaderboard.csv",
                                   folders[i].name);
        if (folders[i].folder != NULL && folders[i].folder[0] == '\0')
            return cli_usage_error("report", "--%s: expected the name of a folder, found \"\"",
                                   folders[i].name);
    }
    cli_catch_signals();
    if (n > 1)
        return show_several(options.positionals, n, out != NULL ? out : ".");
    int exit_status = show("report", options.positionals[0], &wish, NULL);
    if (exit_status != CLI_DONE || parquet == NULL)
        return exit_status;
    return cli_become_python(
        &(struct cli_module){.command = "report",
                             .module = "safeconf.parquet",
                             .needs = "safeconf pyarrow",
                             .words = (const char *const[]){"--", options.positionals[0], parquet},
                             .n_words = 3});
}

int cli_show_run(const char *command, const char *folder, const struct sc_run *run,
                 const struct sc_text *after)
{
    return show(command, folder, &(struct sc_report_wish){.run = run}, after);
}
