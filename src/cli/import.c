/* safeconf import: answers that others sampled, as a run's folder, and its report. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "benchmark/table.h"
#include "cli/cli.h"
#include "experiment/experiment.h"
#include "vocabulary/vocabulary.h"

struct import_command {
    struct sc_import_options import;
    struct cli_labels labels;
    struct sc_bad_rows bad_rows; /* lines that were left out, until they are shown */
    struct cli_detector detector;
    int logprobs, metric;
    bool quiet;
};

static void add_options(struct cli_options *options, struct import_command *command)
{
    struct sc_import_options *import = &command->import;
    struct sc_benchmark_options *columns = &import->benchmark;
    cli_add_text(options, "out", &import->out, "DIR",
                 "folder of the results; the same command goes on in it");
    cli_add_text(options, "model", &import->model, "NAME",
                 "whose answers they are; of several models in the file, the one to take");
    cli_add_text(options, "requests", &import->requests, "FILE",
                 "requests of a batch whose outputs FILE holds");
    cli_add_text(options, "prompt-column", &columns->prompt_column, "C",
                 "column of the prompt, a text or messages (found); doc.goal is a field of doc");
    cli_add_text(options, "completion-column", &import->completion_column, "C",
                 "column of the answer, or of several of them (found)");
    cli_add_text(options, "trace-column", &import->trace_column, "C",
                 "column of the number of the answer among those to its prompt");
    cli_add_text(options, "logprobs-column", &import->logprobs_column, "C",
                 "column of the log-probabilities of the answer's tokens (found)");
    cli_add_choice(options, "logprobs", &command->logprobs, "raw|processed|unknown",
                   "what they are those of: the model's own distribution, or the one that "
                   "temperature and filters left (unknown)");
    cli_add_text(options, "finish-column", &import->finish_column, "C",
                 "column of why the answer ended (found)");
    cli_add_text(options, "harm-column", &import->harm_column, "C",
                 "column of whether the answer is harmful, as somebody judged it");
    cli_add_labels(options, columns, &command->labels);
    cli_add_text(options, "category-column", &columns->category_column, "C",
                 "column of the category");
    cli_add_text(options, "id-column", &columns->id_column, "C|none",
                 "column of the prompt's id: rows of one id are one prompt (rows of one text are)");
    cli_add_text(options, "system-column", &columns->system_column, "C",
                 "column of the system message");
    cli_add_text(options, "prefill-column", &columns->prefill_column, "C",
                 "column of what the answer was made to begin with");
    cli_add_text(options, "rows-key", &columns->rows_key, "K", CLI_ROWS_KEY_HELP);
    cli_add_flag(options, "strict", &columns->strict, CLI_STRICT_HELP);
    cli_add_choice(options, "metric", &command->metric, SC_METRIC_CHOICES,
                   "confidence of a trace (mean)");
    cli_add_size(options, "window", &import->window, 1, 1e6, "tokens of a confidence window (32)");
    cli_add_size(options, "confidence-top-k", &import->confidence_top_k, 1, 1024,
                 "most tokens that a token's confidence looks at (20, or as many as are given)");
    cli_add_real(options, "confident-quantile", &import->confident_quantile, 0, 1,
                 "a prompt is confident from this quantile of the run on (0.5)");
    cli_add_real(options, "confident-threshold", &import->confident_threshold, -1e9, 1e9,
                 "the same as an absolute confidence");
    cli_add_detector(options, &command->detector);
    cli_add_flag(options, "quiet", &command->quiet, "no line on what was imported");
}

static void row_failed(void *context, size_t line, const char *why)
{
    struct import_command *command = context;
    sc_bad_rows_add(&command->bad_rows, command->import.file, line, why, false, NULL);
}

static void note(void *context, const char *text)
{
    (void)context;
    cli_say("import", "%s", text);
}

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

static void show_bad_rows(struct import_command *command)
{
    struct sc_text text = {0};
    sc_table_remarks(sc_input_name(command->import.file), NULL, &command->bad_rows, &text);
    if (text.data != NULL)
        fputs(text.data, stderr);
    sc_text_free(&text);
    sc_bad_rows_free(&command->bad_rows);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void show_summary(const struct sc_import_summary *summary)
{
    fprintf(stderr, "%zu answer%s to %zu prompt%s (%zu unsafe, %zu safe, %zu unknown), ",
            summary->n_traces, plural(summary->n_traces), summary->n_instances,
            plural(summary->n_instances), summary->n_unsafe, summary->n_safe,
            summary->n_unlabelled);
    if (summary->top_k > 0)
        fprintf(stderr, "%zu with log-probabilities (confidence from the likeliest %zu)\n",
                summary->n_with_logprobs, summary->top_k);
    else if (summary->n_with_logprobs > 0)
        fprintf(stderr,
                "%zu with log-probabilities of their tokens alone: --metric prob reads those\n",
                summary->n_with_logprobs);
    else if (summary->n_measured > 0)
        fprintf(stderr, "%zu with the confidences that the file gives\n", summary->n_measured);
    else
        fprintf(stderr, "none with log-probabilities: there is no confidence\n");
    if (summary->n_kept == summary->n_traces)
        fprintf(stderr, "nothing was left to import: the folder was complete\n");
}

static int execute(struct import_command *command)
{
    struct sc_error error = {0};
    struct sc_import_summary summary = {0};
    const struct sc_import_observer observer = {
        .context = command, .row_failed = row_failed, .note = note, .keep_going = keep_going};
    struct sc_import_options *import = &command->import;
    import->logprobs = (enum sc_logprob_kind)command->logprobs;
    import->metric = (enum sc_metric)command->metric;
    import->detector = sc_detector_kind_name((enum sc_detector_kind)command->detector.kind);
    import->rules = command->detector.rules;
    cli_take_labels(&command->labels, &import->benchmark);
    cli_catch_signals();
    enum sc_status status = sc_import(import, &observer, &summary, &error);
    show_bad_rows(command);
    if (status != SC_OK)
        return cli_report_error("import", &error);
    if (!command->quiet)
        show_summary(&summary);
    int exit_status = cli_show_run("import", import->out, NULL, NULL);
    if (exit_status != CLI_DONE)
        return exit_status;
    exit_status = cli_rows_status("import", summary.n_rows_failed);
    if (summary.n_failed_traces == 0)
        return exit_status;
    cli_say("import", "%zu answer%s failed where %s sampled (the report says why)",
            summary.n_failed_traces, plural(summary.n_failed_traces),
            summary.n_failed_traces == 1 ? "it was" : "they were");
    return CLI_SOME_TRACES_FAILED;
}

int cli_import(int argc, char **argv)
{
    struct import_command command = {.import = sc_import_options_default(),
                                     .logprobs = SC_LOGPROBS_UNKNOWN,
                                     .detector = {.kind = (int)sc_detector_default()}};
    struct cli_options options = {
        .command = "import",
        .synopsis = "FILE --out DIR [--requests FILE]",
        .summary =
            "Makes a run's folder of answers that others sampled: CSV or JSONL with prompts and\n"
            "answers, samples of lm-evaluation-harness, outputs of a batch API, JailbreakBench's\n"
            "artifacts, predictions.jsonl, logs of inspect_ai, reports of garak.  What the file\n"
            "does not say stays absent.",
        .max_positionals = 1};
    add_options(&options, &command);
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("import", "expected a file of answers");
    if (command.import.out == NULL)
        return cli_usage_error("import", "expected --out DIR, the folder of the results");
    command.import.file = options.positionals[0];
    return execute(&command);
}
