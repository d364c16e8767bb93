/*
 * The command line: options in, one clear line or a result out.  Only this room prints and decides
 * exit statuses.
 */
#ifndef SC_CLI_CLI_H
#define SC_CLI_CLI_H

#include <safeconf/analysis.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"

/* Limits of the options that give memory in GB: less would be no limit but a mistake. */
#define CLI_LEAST_GB 0.001
#define CLI_MOST_GB 1e6

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_SOME_TRACES_FAILED = 3,
    CLI_INTERRUPTED = 130
};

/* ---- options --------------------------------------------------------------------------------- */

enum cli_kind {
    CLI_FLAG,
    CLI_SIZE,
    CLI_INT32,
    CLI_UINT64,
    CLI_REAL,
    CLI_REALS,
    CLI_TEXT,
    CLI_LIST,
    CLI_CHOICE
};

#define CLI_MOST_VALUES 32
enum { CLI_MOST_POSITIONALS = 4096 };

/* Values of an option that may be given several times. */
struct cli_list {
    const char *items[CLI_MOST_VALUES]; /* [n] */
    size_t n;
};

/* Numbers in one value, separated by commas. */
struct cli_reals {
    double items[16]; /* [n], no two alike */
    size_t n;
};

struct cli_option {
    const char *name; /* without the dashes */
    enum cli_kind kind;
    void *target;
    double low, high;
    const char *argument; /* shown in --help, such as "N"; for CLI_CHOICE the choices: "a|b|c" */
    const char *help;
    bool given; /* set by the parser */
};

/* A command's options; filled by the cli_add functions, which keep the pointers. */
struct cli_options {
    const char *command, *synopsis, *summary;
    struct cli_option items[128];
    size_t n;
    const char *positionals[CLI_MOST_POSITIONALS];
    size_t n_positionals, max_positionals;
    const char *hint; /* what to do instead, behind "unexpected argument"; NULL: nothing */
};

void cli_add_flag(struct cli_options *options, const char *name, bool *target, const char *help);
void cli_add_size(struct cli_options *options, const char *name, size_t *target, double low,
                  double high, const char *help);
void cli_add_int32(struct cli_options *options, const char *name, int32_t *target, double low,
                   double high, const char *help);
void cli_add_uint64(struct cli_options *options, const char *name, uint64_t *target,
                    const char *help);
void cli_add_real(struct cli_options *options, const char *name, double *target, double low,
                  double high, const char *help);
/* One number or several: X,X,...; as many of them as fit. */
void cli_add_reals(struct cli_options *options, const char *name, struct cli_reals *target,
                   double low, double high, const char *help);
void cli_add_text(struct cli_options *options, const char *name, const char **target,
                  const char *argument, const char *help);
/* Repeatable; its help says so. */
void cli_add_list(struct cli_options *options, const char *name, struct cli_list *target,
                  const char *argument, const char *help);
/* *target becomes the index of the choice in "a|b|c". */
void cli_add_choice(struct cli_options *options, const char *name, int *target, const char *choices,
                    const char *help);
bool cli_given(const struct cli_options *options, const char *name);

/* Reads argv[0..argc-1].  Returns -1 to go on, else the exit status (after --help, or after a line
 * about what is wrong).  An option given twice is wrong. */
int cli_parse(struct cli_options *options, int argc, char **argv);

/* From now on cli_parse reads nothing: it hands over the table, which lives during the call alone,
 * and returns CLI_DONE, so that each command says its options and does nothing.  NULL: as before.
 */
typedef void cli_table_reader(void *context, const struct cli_options *options);
void cli_hand_tables_to(cli_table_reader *reader, void *context);

/* ---- speaking -------------------------------------------------------------------------------- */

/* Prints "safeconf COMMAND: text" on standard error; returns CLI_FAILED, CLI_USAGE for an invalid
 * argument, or CLI_INTERRUPTED. */
int cli_report_error(const char *command, const struct sc_error *error);
/* The same for a usage error. */
int cli_usage_error(const char *command, const char *format, ...) SC_PRINTF(2, 3);
/* Prints "safeconf COMMAND: text" on standard error, whatever is in the text made visible. */
void cli_say(const char *command, const char *format, ...) SC_PRINTF(2, 3);
/* Writes a text to standard output. */
enum sc_status cli_put(const struct sc_text *text, struct sc_error *error);
/* The same; false (after a line on standard error) when that fails. */
bool cli_write(const char *command, const struct sc_text *text);
/* For a command that read rows of a file: CLI_DONE, or after a line CLI_SOME_TRACES_FAILED where
 * n_bad of them could not be read. */
int cli_rows_status(const char *command, size_t n_bad);
/* What a command that returned `status` ends with: 1, after a line, when its standard output did
 * not arrive. */
int cli_finish(int status);
/* Whether the stream is a terminal that can go back to the start of a line: TERM is not "dumb". */
bool cli_terminal(FILE *stream);
/* Whether to colour what goes to the stream: such a terminal, and NO_COLOR is not set. */
bool cli_colour(FILE *stream);
/* Columns of the terminal, 80 when unknown. */
size_t cli_width(FILE *stream);
/* "1.2 GB" in a static buffer of the caller's. */
const char *cli_bytes(double bytes, char out[32]);
/* "1:05" or "2h07", "--:--" where it is not known, in the same way. */
const char *cli_time(double seconds, char out[32]);

/* True after SIGINT or SIGTERM; a second signal ends the program at once. */
void cli_catch_signals(void);
bool cli_interrupted(void);
/* From now on a mapped file that is cut short while it is read ends the program with one line and
 * CLI_FAILED, not with a signal. */
void cli_explain_bus_errors(void);

/* ---- a model opened for a command ------------------------------------------------------------ */

/* Values of --kernels: the levels of all processors (docs/KERNELS.md). */
#define CLI_KERNELS "portable|avx2|avx512|neon|neon_dot|neon_bf16"

struct cli_model_options {
    const char *model, *dtype, *kernels, *device;
    int32_t threads;
    size_t confidence_top_k;
    bool yes;
};
struct cli_model_options cli_model_options_default(void);
void cli_add_model_options(struct cli_options *options, struct cli_model_options *model);
/* Adds --device, whose value is "auto" where it is not given. */
void cli_add_device(struct cli_options *options, const char **device);
/* What computes, for people: "avx512, 8 threads" on a processor, "cuda:0 NVIDIA H200" on a GPU.
 * Returns out. */
enum { CLI_COMPUTER = 224 };
const char *cli_computer(const char *device, const char *kernels, size_t n_threads,
                         char out[CLI_COMPUTER]);

/* Opens all of it; sc_opened_close(out) in any case. */
struct sc_opened;
enum sc_status cli_model_open(struct sc_opened *out, const struct cli_model_options *options,
                              struct sc_error *error);
/* Adds --yes: what is published is fetched without a question (fetch.h). */
void cli_add_yes(struct cli_options *options, bool *yes);
/* Parses a --dtype; NULL gives -1 (the model's own). */
enum sc_status cli_dtype(const char *name, int *dtype, struct sc_error *error);

/* What --no-sharing says of itself. */
#define CLI_NO_SHARING                                                                             \
    "compute what traces of a prompt have said in common for each of them, for comparison: it "    \
    "changes no result"

/* What --max-new-tokens says of itself. */
#define CLI_MAX_NEW_TOKENS                                                                         \
    "tokens of an answer, reasoning included unless it has a budget (256; with --thinking 2048)"

/* Writes the files of a run's folder that derive from run.db and prints the terminal report.  run:
 * the folder's, loaded with tokens; NULL: it is loaded.  after: printed after it, with an empty
 * line at its end; or NULL. */
struct sc_run;
int cli_show_run(const char *command, const char *folder, const struct sc_run *run,
                 const struct sc_text *after);

/* ---- files of prompts ------------------------------------------------------------------------ */

/* Help of options that several commands have. */
#define CLI_ROWS_KEY_HELP "where the rows of a JSON object lie, such as data.rows (found)"
struct sc_benchmark_options;
/* Values that labels have, as options give them; cli_take_labels hands them on once the options are
 * parsed. */
struct cli_labels {
    struct cli_list unsafe_values, safe_values;
};
void cli_add_labels(struct cli_options *options, struct sc_benchmark_options *benchmark,
                    struct cli_labels *labels);
void cli_take_labels(const struct cli_labels *labels, struct sc_benchmark_options *benchmark);

#define CLI_STRICT_HELP "stop at the first row that cannot be read"
#define CLI_SPECIAL_HELP "control tokens written in prompts are control tokens (off: they are text)"

/* ---- who finds refusals -----------------------------------------------------------------------
 */

#define CLI_RULES_HELP "your own rules, tried before the built-in ones (JSON; docs/DETECTION.md)"

struct cli_detector {
    int kind; /* enum sc_detector_kind, the default to begin with */
    const char *rules;
};
/* Adds --detector and --rules. */
void cli_add_detector(struct cli_options *options, struct cli_detector *detector);

/* ---- judging --------------------------------------------------------------------------------- */

/* Options of a pass over stored traces, for run and classify. */
struct cli_judging {
    const char *judge; /* NULL: not given */
    const char *model, *dtype, *frame;
    struct cli_list urls;
    int detector; /* an index in the option's choices */
    bool prompts, quiet, json;
    bool yes;      /* to fetch the judge's model */
    bool examined; /* the options alone: nothing is fetched */
    const char *kernels, *device, *rules;
    int32_t threads;
    size_t parallel, n_shown, repeats, max_failures;
    double memory_gb, temperature, timeout;
    uint64_t seed;
    const char *labels, *labels_prompt, *labels_completion, *labels_refusal, *labels_harm;
};
void cli_add_judging(struct cli_options *options, struct cli_judging *judging);
/* The judge alone: who it is, where, and how it is asked. */
void cli_add_judge(struct cli_options *options, struct cli_judging *judging);
/* What the options stand for; its model is fetched.  folder: of the run, or NULL. */
struct sc_classify_options;
enum sc_status cli_judging_resolve(const struct cli_options *options,
                                   const struct cli_judging *judging, const char *folder,
                                   struct sc_classify_options *out, struct sc_error *error);
/* Who reads where the judge does not. */
enum sc_detector_kind cli_judging_kind(const struct cli_options *options,
                                       const struct cli_judging *judging);
/* Whether the options ask for a pass at all. */
bool cli_judging_wanted(const struct cli_options *options, const struct cli_judging *judging);
/* Whether a pass with these options can begin, as far as that is cheap to know. */
enum sc_status cli_judging_check(const struct cli_options *options,
                                 const struct cli_judging *judging, struct sc_error *error);
/* Judges the folder's run and shows its report, then what the judge said and how it agrees with
 * others.  CLI_DONE, or what to exit with. */
int cli_judge_and_show(const char *command, const struct cli_options *given,
                       const struct cli_judging *judging, const char *folder);

/* ---- commands: argv[0] is the first word after the command
 * ---------------------------------------- */

int cli_run(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_figures(int argc, char **argv);
int cli_experiment(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_classify(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_merge(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_risk(int argc, char **argv);
int cli_detect(int argc, char **argv);
int cli_score(int argc, char **argv);
int cli_tokenize(int argc, char **argv);
int cli_chat(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_model_command(int argc, char **argv);
int cli_pull(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_serve_command(int argc, char **argv);

#endif
