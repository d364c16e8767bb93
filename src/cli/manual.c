/* See manual.h.  Every text goes through add_plain or add_words, which leave roff nothing to read
 * as a request, an escape or a macro's argument. */
#include "cli/manual.h"

#include <assert.h>
#include <string.h>

#include "cli/manual_words.h"

/* Every hyphen is one that can be copied out of a command. */
static void add_words(struct sc_text *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        const bool begins = out->len == 0 || out->data[out->len - 1] == '\n';
        if (begins && (*p == '.' || *p == '\''))
            sc_text_puts(out, "\\&");
        if (*p == '\\')
            sc_text_puts(out, "\\e");
        else if (*p == '-')
            sc_text_puts(out, "\\-");
        else if (*p == '\'')
            sc_text_puts(out, "\\(aq");
        else if (*p == '`')
            sc_text_puts(out, "\\(ga");
        else if (*p == '~')
            sc_text_puts(out, "\\(ti");
        else if (*p == '^')
            sc_text_puts(out, "\\(ha");
        else if (*p == '"')
            sc_text_puts(out, "\\(dq");
        else
            sc_text_putc(out, *p);
    }
}

static void add_font(struct sc_text *out, char font, const char *text)
{
    sc_text_printf(out, "\\f%c", font);
    add_words(out, text);
    sc_text_puts(out, "\\fR");
}

static void begin_section(struct sc_text *out, const char *name)
{
    sc_text_printf(out, ".SH %s\n", name);
}

/* ".SH NAME" and what comes before it; name: with hyphens. */
static void add_head(struct sc_text *out, const char *name, const char *summary, const char *date)
{
    sc_text_puts(out, ".\\\" Made by safeconf documentation from its tables of options.\n.TH ");
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '-')
            sc_text_putc(out, '\\');
        sc_text_putc(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    }
    sc_text_printf(out, " 1 \"%s\" \"safeconf " SAFECONF_VERSION "\" \"safeconf\"\n", date);
    begin_section(out, "NAME");
    add_words(out, name);
    sc_text_puts(out, " \\- ");
    add_words(out, summary);
    sc_text_putc(out, '\n');
}

static void add_named(struct sc_text *out, const struct cli_named *named, char font)
{
    for (; named->name != NULL; named++) {
        sc_text_puts(out, ".TP\n");
        add_font(out, font, named->name);
        sc_text_putc(out, '\n');
        add_words(out, named->what);
        sc_text_putc(out, '\n');
    }
}

static void add_range(struct sc_text *out, const struct cli_option *option)
{
    const bool has_range = option->kind == CLI_SIZE || option->kind == CLI_INT32 ||
                           option->kind == CLI_REAL || option->kind == CLI_REALS;
    if (!has_range || option->low >= option->high)
        return;
    char range[80];
    snprintf(range, sizeof range, "From %.15g to %.15g.", option->low, option->high);
    sc_text_puts(out, ".br\n");
    add_words(out, range);
    sc_text_putc(out, '\n');
}

static void add_option(struct sc_text *out, const struct cli_option *option)
{
    sc_text_puts(out, ".TP\n\\fB\\-\\-");
    add_words(out, option->name);
    sc_text_puts(out, "\\fR");
    if (option->argument != NULL) {
        sc_text_putc(out, ' ');
        add_font(out, 'I', option->argument);
    }
    sc_text_putc(out, '\n');
    add_words(out, option->help);
    sc_text_putc(out, '\n');
    add_range(out, option);
}

static void add_examples(struct sc_text *out, const struct cli_words_of_command *words)
{
    begin_section(out, "EXAMPLES");
    for (const struct cli_example *e = words->examples; e->line != NULL; e++) {
        sc_text_puts(out, ".TP\n");
        add_font(out, 'B', e->line);
        sc_text_putc(out, '\n');
        add_words(out, e->what);
        sc_text_puts(out, "\n");
    }
}

void cli_manual_command(struct sc_text *out, const struct cli_command *command,
                        const struct cli_options *options, const char *date)
{
    assert(strcmp(command->name, options->command) == 0);
    static const struct cli_option help = {.name = "help", .help = "print all this, in short"};
    const struct cli_words_of_command *words = cli_words_of_command(command->name);
    char name[80];
    snprintf(name, sizeof name, "safeconf-%s", command->name);
    add_head(out, name, command->summary, date);
    begin_section(out, "SYNOPSIS");
    sc_text_puts(out, "\\fBsafeconf ");
    add_words(out, command->name);
    sc_text_puts(out, "\\fR ");
    add_words(out, options->synopsis);
    sc_text_putc(out, '\n');
    begin_section(out, "DESCRIPTION");
    add_words(out, options->summary);
    sc_text_putc(out, '\n');
    begin_section(out, "OPTIONS");
    sc_text_puts(out, "A value stands behind its option, or after = in the same word.\n");
    for (size_t i = 0; i < options->n; i++)
        add_option(out, &options->items[i]);
    add_option(out, &help);
    begin_section(out, "EXIT STATUS");
    add_named(out, cli_manual_statuses, 'B');
    if (words != NULL)
        add_examples(out, words);
    begin_section(out, "SEE ALSO");
    sc_text_puts(out, ".BR safeconf (1),\nfor files and variables of the environment");
    if (words != NULL) {
        sc_text_puts(out, ";\n");
        add_font(out, 'I', words->page);
        sc_text_puts(out, "\nin the documentation");
    }
    sc_text_puts(out, ".\n");
}

static void add_commands(struct sc_text *out, const struct cli_command *command)
{
    for (; command->name != NULL; command++) {
        sc_text_puts(out, ".TP\n\\fBsafeconf\\-");
        add_words(out, command->name);
        sc_text_puts(out, "\\fR(1)\n");
        add_words(out, command->summary);
        sc_text_putc(out, '\n');
    }
}

void cli_manual_program(struct sc_text *out, const struct cli_command *commands, const char *date)
{
    add_head(out, "safeconf", "how firmly does a model refuse, and how sure is it?", date);
    begin_section(out, "SYNOPSIS");
    sc_text_puts(out, "\\fBsafeconf\\fR \\fICOMMAND\\fR [options]\n.br\n"
                      "\\fBsafeconf \\-\\-help\\fR | \\fB\\-\\-version\\fR\n");
    begin_section(out, "DESCRIPTION");
    add_words(
        out,
        "safeconf samples many traces (independent answers) of every prompt of a benchmark, "
        "measures the\nmodel's confidence in each from its token log-probabilities, finds "
        "refusals, stops early where a rule\njustifies it, and says where the boundary is firm "
        "and where it wavers.\n");
    begin_section(out, "COMMANDS");
    add_commands(out, commands);
    begin_section(out, "EXIT STATUS");
    add_named(out, cli_manual_statuses, 'B');
    begin_section(out, "FILES");
    sc_text_puts(out, "\\fIDIR\\fR is the folder of a run.\n");
    add_named(out, cli_manual_files, 'I');
    begin_section(out, "ENVIRONMENT");
    add_named(out, cli_manual_variables, 'B');
    begin_section(out, "EXAMPLES");
    sc_text_puts(out, "A first result, with what is bundled:\n.PP\n.nf\n"
                      "    safeconf run \\-\\-judge\\-model demo\\-guard\n.fi\n");
    begin_section(out, "SEE ALSO");
    sc_text_puts(out, "The page of each command, and the documentation that is installed beside\n"
                      "the program.\n");
}
