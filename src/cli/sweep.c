/* See sweep.h. */
#include "cli/sweep.h"

#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "report/diff.h"

enum { MOST_RUNS = sizeof(struct cli_reals) / sizeof(double) };

/* Names of the folders; owned. */
struct folders {
    char *names[MOST_RUNS]; /* [n] */
    size_t n;
};

static char *folder_of(const char *out, double temperature)
{
    struct sc_text name = {0};
    size_t length = strlen(out);
    sc_text_printf(&name, "%s%stemperature-", out, length > 0 && out[length - 1] == '/' ? "" : "/");
    sc_text_add_json_number(&name, temperature);
    return sc_text_take(&name);
}

static int fail_nomem(const struct cli_sweep *sweep)
{
    struct sc_error error = {0};
    sc_fail_nomem(&error, "folders of the temperatures");
    return cli_report_error(sweep->command, &error);
}

static int compare(const struct cli_sweep *sweep, const struct folders *folders)
{
    struct sc_error error = {0};
    struct sc_text text = {0};
    const char *names[MOST_RUNS];
    for (size_t i = 0; i < folders->n; i++)
        names[i] = folders->names[i];
    const struct sc_diff_wish wish = {.out = sweep->out,
                                      .terminal = &text,
                                      .width = cli_width(stdout),
                                      .colour = cli_colour(stdout)};
    int exit_status = CLI_DONE;
    if (sc_report_diff(names, folders->n, &wish, &error) != SC_OK) {
        exit_status = cli_report_error(sweep->command, &error);
    } else {
        sc_text_puts(&text, "Page to open in a browser: ");
        sc_text_add_visible(&text, sweep->out, strlen(sweep->out), false);
        sc_text_puts(&text, "/diff.html   (report.html of each temperature in its own folder)\n");
        if (!cli_write(sweep->command, &text))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&text);
    return exit_status;
}

/* Whether the runs that come after may begin. */
static bool goes_on(int exit_status)
{
    return exit_status == CLI_DONE || exit_status == CLI_SOME_TRACES_FAILED;
}

static int run_all(const struct cli_sweep *sweep, struct folders *folders)
{
    int worst = CLI_DONE;
    for (size_t i = 0; i < sweep->temperatures->n; i++) {
        char *folder = folder_of(sweep->out, sweep->temperatures->items[i]);
        if (folder == NULL)
            return fail_nomem(sweep);
        folders->names[folders->n++] = folder;
        if (!sweep->quiet)
            cli_say(sweep->command, "temperature %g in %s", sweep->temperatures->items[i], folder);
        int exit_status = sweep->run(sweep->context, sweep->temperatures->items[i], folder);
        if (!goes_on(exit_status))
            return exit_status;
        worst = exit_status != CLI_DONE ? exit_status : worst;
    }
    int exit_status = compare(sweep, folders);
    return exit_status != CLI_DONE ? exit_status : worst;
}

int cli_sweep(const struct cli_sweep *sweep)
{
    struct folders folders = {0};
    int exit_status = run_all(sweep, &folders);
    for (size_t i = 0; i < folders.n; i++)
        sc_free(folders.names[i]);
    return exit_status;
}
