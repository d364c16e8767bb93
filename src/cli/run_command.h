/*
 * What the options of `run` and `compare` fill, between the file that reads them (run_options.c)
 * and the one that does what they say (run.c).
 */
#ifndef SC_CLI_RUN_COMMAND_H
#define SC_CLI_RUN_COMMAND_H

#include "cli/asked.h"
#include "cli/benchmark_options.h"
#include "cli/endpoint.h"
#include "cli/engine.h"
#include "experiment/experiment.h"

enum { CLI_MOST_POLICIES = 8 };

struct cli_run_command {
    const char *name; /* "run" or "compare" */
    struct sc_run_options run;
    struct sc_policy policy; /* as the options say; a pattern for those of --policies */
    struct sc_policy policies[CLI_MOST_POLICIES];
    struct cli_prompts prompts;
    const char *policies_list, *dtype, *shard;
    int policy_kind, adaptive_rule, metric, multi_turn;
    struct cli_template template;
    struct cli_endpoint endpoint;
    struct cli_engine engine;
    size_t n_cards;     /* on which this process's engine computes, each in a process of its own */
    char *const *words; /* [n_words] of the command line, behind the command */
    size_t n_words;
    struct cli_reals temperatures;
    int32_t threads;
    double memory_gb;
    bool compare, no_early_stopping, quiet, yes;
    struct cli_judging judging; /* of the pass after sampling, if one is asked for */
    const struct cli_options *given;
    char *default_out;
};

/* The command before its options are read, and the head of its table of them. */
struct cli_run_command cli_run_command_new(const char *name, bool compare);
struct cli_options cli_run_command_table(const struct cli_run_command *command);
void cli_run_command_free(struct cli_run_command *command);

/* Adds all options to the table and reads the words.  -1, or what to exit with. */
int cli_run_command_read(struct cli_run_command *command, struct cli_options *options, int argc,
                         char **argv);
/* From what the options say to what the experiment takes. */
enum sc_status cli_run_command_finish(struct cli_run_command *command, struct sc_error *error);

/* The model's name as the options give it; NULL: the only one that a server has. */
const char *cli_run_command_model(const struct cli_run_command *command);

#endif
