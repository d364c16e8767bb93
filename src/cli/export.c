/* safeconf export: a run as another tool's file. */
#include <safeconf/analysis.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

static void show(const char *folder, const char *file, const struct sc_export_summary *summary)
{
    struct sc_text text = {0};
    sc_text_printf(&text, "%zu trace%s of %zu prompt%s%s in ", summary->n_traces,
                   summary->n_traces == 1 ? "" : "s", summary->n_prompts,
                   summary->n_prompts == 1 ? "" : "s",
                   summary->finished ? "" : " (the run is not finished)");
    const char *name = file != NULL ? file : folder;
    sc_text_add_visible(&text, name, strlen(name), false);
    cli_say("export", "%s%s", text.data != NULL ? text.data : "written",
            file != NULL ? "" : "/run.eval");
    sc_text_free(&text);
}

int cli_export(int argc, char **argv)
{
    struct sc_export_options wish = sc_export_options_default();
    struct sc_export_summary summary = {0};
    struct sc_error error = {0};
    int format = 0;
    bool quiet = false;
    struct cli_options options = {
        .command = "export",
        .synopsis = "DIR [--format eval] [--out FILE]",
        .summary =
            "Writes a run as a log of inspect_ai, which inspect view opens: samples are prompts,\n"
            "epochs their traces, scores refusal, harm and confidence.",
        .max_positionals = 1};
    cli_add_choice(&options, "format", &format, "eval", "what kind of file (eval)");
    cli_add_text(&options, "out", &wish.out, "FILE",
                 "the file, which is replaced (run.eval in the run's folder)");
    cli_add_text(&options, "policy", &wish.policy, "NAME",
                 "whose traces, where a run has several policies (the one that predictions.jsonl "
                 "shows)");
    cli_add_flag(&options, "quiet", &quiet, "no line on what was written");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("export", "expected the folder of a run");
    if (wish.out != NULL && wish.out[0] == '\0')
        return cli_usage_error("export", "--out: expected the name of a file, found \"\"");
    wish.keep_going = keep_going;
    cli_catch_signals();
    if (sc_export_eval(options.positionals[0], &wish, &summary, &error) != SC_OK)
        return cli_report_error("export", &error);
    if (!quiet)
        show(options.positionals[0], wish.out, &summary);
    return CLI_DONE;
}
