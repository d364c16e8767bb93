/*
 * safeconf COMMAND [options].  The program's entry: finds the command and hands over.
 * Each command lives in a file of its own name; what they share is in cli.h.
 */
#include <string.h>
#include <sys/resource.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/documentation.h"

static const struct cli_command commands[] = {
    {"run", cli_run, "sample traces of a benchmark's prompts and report"},
    {"compare", cli_compare, "the same under several policies on common random numbers"},
    {"experiment", cli_experiment, "a suite of runs from a file, and one page over all of them"},
    {"report", cli_report, "tables, analysis.json and report.html of a run again"},
    {"figures", cli_figures, "a run's figures for papers, by the Python package"},
    {"diff", cli_diff, "two or more runs on the same prompts, paired"},
    {"classify", cli_classify, "judge the stored traces of a run again"},
    {"replay", cli_replay, "what other policies would have made of a run, against their nulls"},
    {"merge", cli_merge, "make one run of the shards of one"},
    {"verify", cli_verify, "whether the folder of a run is whole"},
    {"import", cli_import, "a run's folder of answers that others sampled"},
    {"export", cli_export, "a run as a log that inspect_ai's viewer opens"},
    {"trace", cli_trace, "sample a few traces of one prompt, coloured by confidence"},
    {"risk", cli_risk, "how likely a model refuses or harms, also where it almost never does"},
    {"detect", cli_detect, "refusal verdicts for a file of prompts and completions"},
    {"score", cli_score, "log-probability, confidence and entropy of a given text"},
    {"tokenize", cli_tokenize, "texts to token ids"},
    {"chat", cli_chat, "what a model is shown of a conversation: framed text and ids"},
    {"bench", cli_bench, "speed of prefill and decode, and this machine's ceilings"},
    {"pull", cli_pull, "benchmarks and models from their homes, by name"},
    {"model", cli_model_command, "make a random-weight model"},
    {"serve", cli_serve, "the engine here behind OpenAI's interface, for other tools"},
    {"serve-command", cli_serve_command, "the command that serves a model for runs elsewhere"},
    {NULL, NULL, NULL},
};

static void print_help(FILE *stream)
{
    fprintf(stream, "safeconf " SAFECONF_VERSION
                    " - how firmly does a model refuse, and how sure is it?\n\n"
                    "Usage: safeconf COMMAND [options]    (safeconf COMMAND --help says more)\n\n");
    for (const struct cli_command *command = commands; command->name != NULL; command++)
        fprintf(stream, "  %-13s %s\n", command->name, command->summary);
    fprintf(stream,
            "\nFirst result:  safeconf run    (the bundled model, the synthetic benchmark)\n"
            "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done but some traces or rows failed,\n"
            "130 interrupted (the same command goes on where it stopped)\n");
}

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "safeconf: expected a command (safeconf --help lists them)\n");
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("safeconf " SAFECONF_VERSION "\n");
        return CLI_DONE;
    }
    for (const struct cli_command *command = commands; command->name != NULL; command++)
        if (strcmp(name, command->name) == 0)
            return command->run(argc - 2, argv + 2);
    if (strcmp(name, CLI_DOCUMENTATION) == 0)
        return cli_documentation(commands, argc - 2, argv + 2);
    struct sc_error error = {0};
    sc_fail(&error, SC_ERR_ARGUMENT, "unknown command \"%s\" (safeconf --help lists them)", name);
    fprintf(stderr, "safeconf: %s\n", error.text);
    return CLI_USAGE;
}

/* Documents may lie deep in each other, and who reads them calls itself: with a smaller stack that
 * would end in a crash. */
static bool has_stack(void)
{
    const rlim_t least = (rlim_t)1 << 20;
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur >= least)
        return true;
    fprintf(stderr, "safeconf: stack: expected at least 1024 KB, found %llu KB (ulimit -s)\n",
            (unsigned long long)stack.rlim_cur >> 10);
    return false;
}

int main(int argc, char **argv)
{
    struct sc_error error = {0};
    if (!has_stack())
        return CLI_FAILED;
    if (sc_process_setup(&error) != SC_OK) {
        fprintf(stderr, "safeconf: %s\n", error.text);
        return CLI_FAILED;
    }
    cli_explain_bus_errors();
    return cli_finish(run_command(argc, argv));
}
