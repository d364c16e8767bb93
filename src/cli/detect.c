/* safeconf detect: verdicts for a file of prompts and completions. */
#include <math.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "benchmark/benchmark.h"
#include "cli/cli.h"
#include "cli/gold.h"
#include "detection/detection.h"

#define DEFAULT_PROMPT_COLUMN "prompt"
#define DEFAULT_COMPLETION_COLUMN "completion"

struct detect_command {
    const char *path, *prompt_column, *completion_column, *gold_column;
    struct cli_detector asked;
    struct sc_open_detector detector;
    struct cli_list gold_refusal, gold_compliance;
    struct sc_table_options reading;
    bool json;
};

/* What is printed. */
struct detected {
    struct sc_text text;
    struct sc_bad_rows bad_rows;
    char *note; /* on the file, or NULL */
};

/* Who decided and what is known besides. */
static void add_reading(struct sc_text *out, const struct sc_detection *found)
{
    sc_text_printf(out, ",\"by\":\"%s\",\"language\":", sc_detected_by_name(found->by));
    sc_text_add_json_string(out, found->language);
    if (found->verdict == SC_PARTIAL)
        sc_text_printf(out, ",\"partial\":\"%s\"", sc_partial_kind_name(found->partial));
    if (isnan(found->p_refusal))
        return;
    sc_text_printf(out, ",\"p_refusal\":%.6g,\"pieces\":[", found->p_refusal);
    for (size_t i = 0; i < found->n_pieces; i++)
        sc_text_printf(out, "%s[%zu,%zu]", i > 0 ? "," : "", found->pieces[i].begin,
                       found->pieces[i].end);
    sc_text_putc(out, ']');
}

static void add_row(struct sc_text *out, const char *answer, const struct sc_detection *found,
                    const struct detect_command *command, size_t row)
{
    if (!command->json) {
        sc_text_printf(out, "%6zu  %-11s %-24s ", row + 1, sc_verdict_name(found->verdict),
                       found->rule);
        size_t length = found->end - found->begin;
        sc_text_add_visible(out, answer + found->begin, length < 60 ? length : 60, false);
        sc_text_putc(out, '\n');
        return;
    }
    sc_text_printf(out, "{\"verdict\":\"%s\",\"rule\":", sc_verdict_name(found->verdict));
    sc_text_add_json_string(out, found->rule);
    sc_text_printf(out, ",\"begin\":%zu,\"end\":%zu,\"clear\":%s,\"detector\":", found->begin,
                   found->end, found->clear ? "true" : "false");
    sc_text_add_json_string(out, command->detector.name);
    add_reading(out, found);
    sc_text_puts(out, "}\n");
}

static enum sc_status find_column(const struct sc_table *table, const char *name,
                                  const char *option, int *column, struct sc_error *error)
{
    *column = name != NULL ? sc_table_column(table, name) : -1;
    if (name == NULL || *column >= 0)
        return SC_OK;
    struct sc_text list = {0};
    for (size_t i = 0; i < table->n_columns; i++)
        sc_text_printf(&list, "%s%s", i ? ", " : "", table->columns[i]);
    enum sc_status status =
        sc_fail(error, SC_ERR_FORMAT, "--%s: expected one of the columns %s; found \"%s\"", option,
                list.data != NULL ? list.data : "", name);
    sc_text_free(&list);
    return status;
}

/* Places of the columns in the table; -1: none was asked for. */
struct columns {
    int prompt, completion, gold;
};

static enum sc_status find_columns(const struct sc_table *table,
                                   const struct detect_command *command, struct columns *out,
                                   struct sc_error *error)
{
    const char *prompt = command->prompt_column;
    if (table->texts && strcmp(command->completion_column, DEFAULT_COMPLETION_COLUMN) == 0) {
        *out = (struct columns){.prompt = -1, .completion = 0}; /* a list can only be of answers */
        return find_column(table, command->gold_column, "gold-column", &out->gold, error);
    }
    if (strcmp(prompt, DEFAULT_PROMPT_COLUMN) == 0 && sc_table_column(table, prompt) < 0)
        prompt = NULL; /* the default one may be absent */
    SC_TRY(find_column(table, command->completion_column, "completion-column", &out->completion,
                       error));
    SC_TRY(find_column(table, prompt, "prompt-column", &out->prompt, error));
    return find_column(table, command->gold_column, "gold-column", &out->gold, error);
}

/* A row that cannot be read keeps its place in what other programs read. */
static enum sc_status skip_row(const struct sc_table *table, const struct detect_command *command,
                               size_t row, struct detected *out, struct sc_error *error)
{
    if (command->json) {
        sc_text_printf(&out->text, "{\"verdict\":null,\"line\":%zu,\"error\":", table->lines[row]);
        sc_text_add_json_string(&out->text, table->faults[row]);
        sc_text_puts(&out->text, "}\n");
    }
    return sc_bad_rows_add(&out->bad_rows, command->path, table->lines[row], table->faults[row],
                           false, error);
}

static enum sc_status detect_rows(const struct sc_table *table,
                                  const struct detect_command *command, struct detected *out,
                                  struct sc_error *error)
{
    struct columns columns;
    SC_TRY(find_columns(table, command, &columns, error));
    struct gold gold = {.column = command->gold_column,
                        .refusal = &command->gold_refusal,
                        .compliance = &command->gold_compliance};
    for (size_t row = 0; row < table->n_rows; row++) {
        if (table->faults[row] != NULL) {
            SC_TRY(skip_row(table, command, row, out, error));
            continue;
        }
        char *const *cells = table->cells + row * table->n_columns;
        const char *prompt = columns.prompt >= 0 ? cells[columns.prompt] : NULL;
        const char *answer = cells[columns.completion] != NULL ? cells[columns.completion] : "";
        struct sc_detection found;
        sc_detect_with(&command->detector.reads, prompt, answer, &found);
        if (sc_user_rules_ran_out(command->detector.reads.rules))
            return sc_fail_nomem(error, "reading an answer");
        add_row(&out->text, answer, &found, command, row);
        if (columns.gold >= 0)
            cli_gold_count(&gold, cells[columns.gold], found.verdict);
    }
    if (columns.gold >= 0)
        SC_TRY(cli_gold_check(&gold, error));
    if (columns.gold >= 0 && !command->json)
        cli_gold_report(&gold, &out->text);
    return SC_OK;
}

static enum sc_status detect(const struct detect_command *command, struct detected *out,
                             struct sc_error *error)
{
    struct detect_command ready = *command;
    struct sc_table table = {0};
    enum sc_status status = sc_detector_open(
        &ready.detector, (enum sc_detector_kind)command->asked.kind, command->asked.rules, error);
    if (status != SC_OK)
        goto done;
    status = sc_table_read(command->path, &command->reading, &table, error);
    if (status != SC_OK)
        goto done;
    out->note = table.note;
    table.note = NULL;
    status = detect_rows(&table, &ready, out, error);
done:
    sc_table_free(&table);
    sc_detector_close(&ready.detector);
    return status;
}

/* Prints the verdicts, and on standard error what there is to say of the file. */
static int print_detected(const struct detect_command *command, struct detected *out)
{
    struct sc_error error = {0};
    struct sc_text remarks = {0};
    if (detect(command, out, &error) != SC_OK)
        return cli_report_error("detect", &error);
    sc_table_remarks(command->path, out->note, &out->bad_rows, &remarks);
    fputs(remarks.data != NULL ? remarks.data : "", stderr);
    sc_text_free(&remarks);
    return cli_write("detect", &out->text) ? cli_rows_status("detect", out->bad_rows.n)
                                           : CLI_FAILED;
}

void cli_add_detector(struct cli_options *options, struct cli_detector *detector)
{
    cli_add_choice(options, "detector", &detector->kind, "patterns|reader",
                   "who finds refusals: rules, or rules and where they are not clear a small "
                   "trained reader (reader)");
    cli_add_text(options, "rules", &detector->rules, "FILE", CLI_RULES_HELP);
}

int cli_detect(int argc, char **argv)
{
    struct detect_command command = {.prompt_column = DEFAULT_PROMPT_COLUMN,
                                     .completion_column = DEFAULT_COMPLETION_COLUMN,
                                     .asked = {.kind = (int)sc_detector_default()}};
    struct cli_options options = {
        .command = "detect",
        .synopsis = "FILE|- [--prompt-column C] [--completion-column C] [--gold-column C] [--json]",
        .summary = "Finds refusals in a CSV, JSON or text file; with a column of people's "
                   "labels\n"
                   "also precision, recall and F1.",
        .max_positionals = 1};
    cli_add_text(&options, "prompt-column", &command.prompt_column, "C", "(prompt)");
    cli_add_text(&options, "completion-column", &command.completion_column, "C", "(completion)");
    cli_add_text(&options, "gold-column", &command.gold_column, "C",
                 "people's labels: refusal, partial, compliance, or yes/no for refused");
    cli_add_list(&options, "gold-refusal-value", &command.gold_refusal, "V",
                 "what the label says of refusals; all others are compliance (repeatable)");
    cli_add_list(&options, "gold-compliance-value", &command.gold_compliance, "V",
                 "what the label says of compliance; all others are refusals (repeatable)");
    cli_add_detector(&options, &command.asked);
    cli_add_text(&options, "rows-key", &command.reading.rows_key, "K", CLI_ROWS_KEY_HELP);
    cli_add_flag(&options, "strict", &command.reading.strict, CLI_STRICT_HELP);
    cli_add_flag(&options, "json", &command.json, "an object per row");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (command.gold_column == NULL && command.gold_refusal.n + command.gold_compliance.n > 0)
        return cli_usage_error("detect", "--gold-refusal-value and --gold-compliance-value go with "
                                         "--gold-column");
    if (options.n_positionals != 1)
        return cli_usage_error(
            "detect", "expected a file of prompts and completions, or - for standard input");

    command.path = options.positionals[0];
    struct detected out = {0};
    int exit_status = print_detected(&command, &out);
    sc_text_free(&out.text);
    sc_bad_rows_free(&out.bad_rows);
    sc_free(out.note);
    return exit_status;
}
