/* safeconf figures: a run's figures for papers, which the Python package draws. */
#include <safeconf/analysis.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/python.h"

enum { N_FORMATS = 3 };
static const char *const formats[N_FORMATS] = {"svg", "pdf", "png"};

/* Whether it is a list of formats with commas between. */
static bool are_formats(const char *list)
{
    for (;;) {
        size_t n = strcspn(list, ",");
        bool known = false;
        for (size_t i = 0; i < N_FORMATS; i++)
            known = known || (strlen(formats[i]) == n && strncmp(formats[i], list, n) == 0);
        if (!known)
            return false;
        if (list[n] == '\0')
            return true;
        list += n + 1;
    }
}

/* Other policies, where nobody has asked for them yet.  A run that has too little for them goes
 * without, and the figure says so. */
static enum sc_status add_replay(const char *folder, struct sc_error *error)
{
    struct sc_error why = {0};
    char *json = NULL;
    if (sc_file_exists_in(folder, "replay.json"))
        return SC_OK;
    enum sc_status status = sc_replay_json(folder, NULL, &json, &why);
    if (status != SC_OK)
        return status == SC_ERR_NOMEM ? sc_fail(error, status, "%s", why.text) : SC_OK;
    char *path = sc_path_join(folder, "replay.json");
    status = path != NULL ? sc_file_write(path, json, strlen(json), error)
                          : sc_fail_nomem(error, "replay.json");
    sc_free(path);
    sc_release(json);
    return status;
}

/* What the figures are made of, as this program says it. */
static enum sc_status renew(const char *folder, struct sc_error *error)
{
    bool found;
    SC_TRY(sc_folder_look(folder, &found, error));
    if (!found)
        return sc_fail(error, SC_ERR_IO, "%s: expected a folder", folder);
    if (!sc_file_exists_in(folder, "run.db"))
        return SC_OK; /* an experiment, whose runs have their files */
    SC_TRY(add_replay(folder, error));
    return sc_report_write(folder, error);
}

int cli_figures(int argc, char **argv)
{
    const char *format = "svg", *out = NULL;
    size_t columns = 1;
    struct cli_options options = {
        .command = "figures",
        .synopsis = "DIR [--format svg,pdf,png] [--out DIR]",
        .summary =
            "Draws a run's figures for papers, or of an experiment's folder those of its sweeps\n"
            "over temperatures. Makes the run's reports again, and replay.json where there is\n"
            "none. The Python packages safeconf and matplotlib draw; the environment's\n"
            "SAFECONF_PYTHON names an interpreter that has them (python3).",
        .max_positionals = 1};
    cli_add_text(&options, "format", &format, "LIST",
                 "svg, pdf, png (300 dots per inch), one or several with commas (svg)");
    cli_add_text(&options, "out", &out, "DIR", "folder of the figures (DIR/figures)");
    cli_add_size(&options, "columns", &columns, 1, 2,
                 "width: of one column, 3.35 inches, or of two, 7 (1)");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("figures", "expected the folder of a run or of an experiment");
    if (!are_formats(format))
        return cli_usage_error("figures", "--format: expected svg, pdf or png, found \"%s\"",
                               format);
    if (out != NULL && out[0] == '\0')
        return cli_usage_error("figures", "--out: expected the name of a folder, found \"\"");
    struct sc_error error = {0};
    if (renew(options.positionals[0], &error) != SC_OK)
        return cli_report_error("figures", &error);
    const char *const words[] = {"--format", format, "--columns", columns == 2 ? "2" : "1",
                                 "--out",    out,    "--",        options.positionals[0]};
    const char *const usual[] = {
        "--format", format, "--columns", columns == 2 ? "2" : "1", "--", options.positionals[0]};
    return cli_become_python(&(struct cli_module){
        .command = "figures",
        .module = "safeconf.figures",
        .needs = "safeconf matplotlib",
        .words = out != NULL ? words : usual,
        .n_words = out != NULL ? sizeof words / sizeof *words : sizeof usual / sizeof *usual});
}
