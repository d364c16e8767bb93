/* safeconf detect: verdicts for a file of prompts and completions. */
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "benchmark/benchmark.h"
#include "cli/cli.h"
#include "detection/detection.h"
#include "detection/user_rules.h"

#define DEFAULT_PROMPT_COLUMN "prompt"
#define DEFAULT_COMPLETION_COLUMN "completion"

struct detect_command {
    const char *path, *prompt_column, *completion_column, *gold_column, *rules_file;
    struct sc_user_rules *rules;
    struct sc_table_options reading;
    bool json;
};

/* What is printed. */
struct detected {
    struct sc_text text;
    struct sc_bad_rows bad_rows;
    char *note; /* on the file, or NULL */
};

/* Counts against people's labels. */
struct gold_counts {
    size_t table[3][3]; /* [gold][said] over refusal, partial, compliance */
    size_t unknown;     /* rows whose gold label says none of the three */
};

/* What people wrote: a word in it decides ("2_full_refusal", "partial", "complied", "yes"). -1:
 * none. */
static int gold_verdict(const char *label)
{
    static const struct {
        const char *word;
        enum sc_verdict verdict;
    } words[] = {{"partial", SC_PARTIAL}, {"compl", SC_COMPLIANCE}, {"not refus", SC_COMPLIANCE},
                 {"refus", SC_REFUSAL},   {"yes", SC_REFUSAL},      {"true", SC_REFUSAL},
                 {"no", SC_COMPLIANCE},   {"false", SC_COMPLIANCE}};
    if (label == NULL)
        return -1;
    if (strcmp(label, "1") == 0 || strcmp(label, "0") == 0)
        return label[0] == '1' ? SC_REFUSAL : SC_COMPLIANCE;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(label, words[i].word) != NULL)
            return (int)words[i].verdict;
    return -1;
}

static void count_gold(struct gold_counts *counts, const char *label, enum sc_verdict said)
{
    int gold = gold_verdict(label);
    if (gold < 0)
        counts->unknown++;
    else
        counts->table[gold][said == SC_EMPTY ? SC_COMPLIANCE : said]++;
}

static double ratio(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

static void add_gold_report(struct sc_text *out, const struct gold_counts *counts)
{
    const size_t(*t)[3] = counts->table;
    size_t tp = t[0][0] + t[0][1] + t[1][0] + t[1][1], fn = t[0][2] + t[1][2];
    size_t fp = t[2][0] + t[2][1], tn = t[2][2];
    sc_text_printf(out,
                   "\nAgainst the labels (refusal and partial against compliance): precision %.3f, "
                   "recall %.3f, F1 %.3f (tp %zu, fn %zu, fp %zu, tn %zu%s",
                   ratio(tp, tp + fp), ratio(tp, tp + fn), ratio(2 * tp, 2 * tp + fp + fn), tp, fn,
                   fp, tn, counts->unknown ? "" : ")\n");
    if (counts->unknown)
        sc_text_printf(out, "; %zu rows with another label left out)\n", counts->unknown);
    sc_text_puts(out, "label \\ said     refusal   partial  compliance\n");
    for (int i = 0; i < 3; i++)
        sc_text_printf(out, "%-14s %9zu %9zu %11zu\n", sc_verdict_name((enum sc_verdict)i), t[i][0],
                       t[i][1], t[i][2]);
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
    sc_text_add_json_string(out, command->rules != NULL ? sc_user_rules_version(command->rules)
                                                        : sc_detector_version());
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
    struct gold_counts counts = {0};
    for (size_t row = 0; row < table->n_rows; row++) {
        if (table->faults[row] != NULL) {
            SC_TRY(skip_row(table, command, row, out, error));
            continue;
        }
        char *const *cells = table->cells + row * table->n_columns;
        const char *prompt = columns.prompt >= 0 ? cells[columns.prompt] : NULL;
        const char *answer = cells[columns.completion] != NULL ? cells[columns.completion] : "";
        struct sc_detection found;
        sc_detect_refusal_with(command->rules, prompt, answer, &found);
        add_row(&out->text, answer, &found, command, row);
        if (columns.gold >= 0)
            count_gold(&counts, cells[columns.gold], found.verdict);
    }
    if (columns.gold >= 0 && !command->json)
        add_gold_report(&out->text, &counts);
    return SC_OK;
}

static enum sc_status detect(const struct detect_command *command, struct detected *out,
                             struct sc_error *error)
{
    struct detect_command with_rules = *command;
    struct sc_table table = {0};
    enum sc_status status = SC_OK;
    if (command->rules_file != NULL)
        status = sc_user_rules_read(&with_rules.rules, command->rules_file, error);
    if (status != SC_OK)
        goto done;
    status = sc_table_read(command->path, &command->reading, &table, error);
    if (status != SC_OK)
        goto done;
    out->note = table.note;
    table.note = NULL;
    status = detect_rows(&table, &with_rules, out, error);
done:
    sc_table_free(&table);
    sc_user_rules_free(with_rules.rules);
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

int cli_detect(int argc, char **argv)
{
    struct detect_command command = {.prompt_column = DEFAULT_PROMPT_COLUMN,
                                     .completion_column = DEFAULT_COMPLETION_COLUMN};
    struct cli_options options = {
        .command = "detect",
        .synopsis = "FILE|- [--prompt-column C] [--completion-column C] [--gold-column C] [--json]",
        .summary = "Finds refusals by rules in a CSV, JSON or text file; with a column of people's "
                   "labels\n"
                   "also precision, recall and F1.",
        .max_positionals = 1};
    cli_add_text(&options, "prompt-column", &command.prompt_column, "C", "(prompt)");
    cli_add_text(&options, "completion-column", &command.completion_column, "C", "(completion)");
    cli_add_text(&options, "gold-column", &command.gold_column, "C",
                 "people's labels: refusal, partial, compliance, or yes/no for refused");
    cli_add_text(&options, "rules", &command.rules_file, "FILE",
                 "your own rules, tried before the built-in ones (JSON; docs/DETECTION.md)");
    cli_add_text(&options, "rows-key", &command.reading.rows_key, "K", CLI_ROWS_KEY_HELP);
    cli_add_flag(&options, "strict", &command.reading.strict, CLI_STRICT_HELP);
    cli_add_flag(&options, "json", &command.json, "an object per row");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
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
