/* safeconf diff: two or more runs on the same prompts, side by side. */
#include "report/diff.h"

#include <string.h>

#include "cli/cli.h"

int cli_diff(int argc, char **argv)
{
    const char *out = ".";
    bool json = false, by_id = false;
    struct cli_options options = {
        .command = "diff",
        .synopsis = "DIR_A DIR_B... [--out DIR] [--json]",
        .summary =
            "Compares two or more runs on the same prompts, in pairs: differences of refusal,\n"
            "over-refusal, harm and confidence with intervals, tests, and the prompts that\n"
            "changed most. Needs no model. Writes diff.json and diff.html.",
        .max_positionals = 16};
    cli_add_text(&options, "out", &out, "DIR",
                 "folder of diff.json and diff.html (the current one)");
    cli_add_flag(&options, "by-id", &by_id,
                 "prompts of one id are the same, whatever their text (a template, a translation)");
    cli_add_flag(&options, "json", &json, "print diff.json instead of the tables");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals < 2)
        return cli_usage_error("diff", "expected the folders of two or more runs");
    if (out[0] == '\0')
        return cli_usage_error("diff", "--out: expected the name of a folder, found \"\"");
    struct sc_error error = {0};
    struct sc_text text = {0};
    struct sc_diff_wish wish = {.out = out, .by_id = by_id};
    if (json)
        wish.json = &text;
    else
        wish.terminal = &text;
    wish.width = cli_width(stdout);
    wish.colour = cli_colour(stdout);
    int exit_status = CLI_DONE;
    if (sc_report_diff(options.positionals, options.n_positionals, &wish, &error) != SC_OK) {
        exit_status = cli_report_error("diff", &error);
    } else {
        if (!json) {
            sc_text_puts(&text, "Page to open in a browser: ");
            sc_text_add_visible(&text, out, strlen(out), false);
            sc_text_puts(&text, "/diff.html   (diff.json beside it has every figure)\n");
        }
        if (!cli_write("diff", &text))
            exit_status = CLI_FAILED;
    }
    sc_text_free(&text);
    return exit_status;
}
