/* safeconf verify: whether the folder of a run, or of several, is whole. */
#include "report/verify/verify.h"

#include <string.h>

#include "base/memory.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "engine/open.h"
#include "experiment/store/mend.h"
#include "model/model.h"

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

/* The key of the model's weights. */
static enum sc_status find_fingerprint(const char *model, char out[33], struct sc_error *error)
{
    struct sc_opened opened = {0};
    const struct sc_interrupt interrupt = {keep_going, NULL};
    enum sc_status status = sc_opened_read(&opened, model, error);
    status =
        status != SC_OK ? status : sc_model_fingerprint_while(opened.model, &interrupt, out, error);
    sc_opened_close(&opened);
    return status;
}

static int mend(const char *folder)
{
    struct sc_error error = {0};
    struct sc_mending mending;
    if (sc_store_mend(folder, &mending, &error) != SC_OK)
        return cli_report_error("verify", &error);
    if (mending.indices)
        cli_say("verify", "indices were made again from their tables");
    if (mending.n_rows == 0 && mending.n_traces == 0) {
        cli_say("verify", "%s", mending.indices ? "no row is damaged" : "nothing is damaged");
        return CLI_DONE;
    }
    cli_say("verify",
            "%zu damaged row%s taken out: %zu trace%s to be sampled again and %zu judgement%s to "
            "be made again, by the commands that made them",
            mending.n_rows, mending.n_rows == 1 ? " was" : "s were", mending.n_traces,
            mending.n_traces == 1 ? " is" : "s are", mending.n_judged,
            mending.n_judged == 1 ? " is" : "s are");
    return CLI_DONE;
}

static int show(const struct sc_verification *found, bool json)
{
    struct sc_error error = {0};
    struct sc_text out = {0};
    int exit_status = found->whole ? CLI_DONE : CLI_FAILED;
    if (!json)
        sc_verification_say(found, &out);
    else if (sc_verification_json(found, &out, &error) != SC_OK)
        exit_status = cli_report_error("verify", &error);
    if (error.status == SC_OK && !cli_write("verify", &out))
        exit_status = CLI_FAILED;
    sc_text_free(&out);
    if (error.status == SC_OK && !found->whole)
        cli_say("verify", "something is wrong (see the lines marked \"wrong\")");
    return exit_status;
}

static int verify(const char *folder, const char *model, bool json)
{
    char fingerprint[33];
    struct sc_error error = {0};
    struct sc_verification found = {0};
    struct sc_verify_options options = {.keep_going = keep_going};
    if (model != NULL) {
        if (find_fingerprint(model, fingerprint, &error) != SC_OK)
            return cli_report_error("verify", &error);
        options.fingerprint = fingerprint;
    }
    int exit_status = sc_verify(folder, &options, &found, &error) == SC_OK
                          ? show(&found, json)
                          : cli_report_error("verify", &error);
    sc_verification_free(&found);
    return exit_status;
}

int cli_verify(int argc, char **argv)
{
    const char *model = NULL;
    bool json = false, wants_mending = false;
    struct cli_options options = {
        .command = "verify",
        .synopsis = "DIR",
        .summary =
            "Looks whether a run's folder is whole: SQLite's own check of run.db, the key of "
            "every\n"
            "row, values that are possible, and that predictions, analysis.json and report.html\n"
            "are what is made of run.db now. Folders of runs within DIR are looked at too. The\n"
            "exit status is 1 when anything is wrong.",
        .max_positionals = 1};
    cli_add_text(&options, "model", &model, "DIR|HUB_NAME|demo",
                 "also compare the fingerprint of this model's files with the run's");
    cli_add_flag(&options, "mend", &wants_mending,
                 "take out the rows that are damaged; the commands that made them make them again");
    cli_add_flag(&options, "json", &json, "print an object instead of lines");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("verify", "expected the folder of a run or of several");
    if (wants_mending && (json || model != NULL))
        return cli_usage_error("verify", "--mend: changes run.db and goes with no other option");
    cli_catch_signals();
    return wants_mending ? mend(options.positionals[0])
                         : verify(options.positionals[0], model, json);
}
