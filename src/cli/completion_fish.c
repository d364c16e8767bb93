/* See completion.h. */
#include "cli/completion.h"
#include "cli/completion_values.h"

static void add_quoted(struct sc_text *out, const char *text)
{
    sc_text_putc(out, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\')
            sc_text_putc(out, '\\');
        sc_text_putc(out, *p == '\n' ? ' ' : *p);
    }
    sc_text_putc(out, '\'');
}

static void begin(struct sc_text *out, const struct cli_command *command)
{
    sc_text_puts(out, "# fish completion of safeconf " SAFECONF_VERSION
                      ", made from its tables of options\n"
                      "function __safeconf_begins\n"
                      "    test (count (commandline -opc)) -eq 1\n"
                      "end\n"
                      "function __safeconf_command --argument-names name\n"
                      "    set -l words (commandline -opc)\n"
                      "    test (count $words) -ge 2; and test \"$words[2]\" = \"$name\"\n"
                      "end\n"
                      "complete -c safeconf -f\n"
                      "complete -c safeconf -n __safeconf_begins -l help -d 'commands'\n"
                      "complete -c safeconf -n __safeconf_begins -l version -d 'which this is'\n");
    for (; command->name != NULL; command++) {
        sc_text_printf(out, "complete -c safeconf -n __safeconf_begins -a %s -d ", command->name);
        add_quoted(out, command->summary);
        sc_text_putc(out, '\n');
    }
}

/* -F: files too. */
static void add_values(struct sc_text *out, const struct cli_values *values)
{
    if (values->files)
        sc_text_puts(out, " -F");
    if (values->words.len == 0 && !values->folders)
        return;
    sc_text_printf(out, " -a '%s", values->words.len > 0 ? values->words.data : "");
    if (values->folders && !values->files)
        sc_text_puts(out, " (__fish_complete_directories)");
    sc_text_putc(out, '\'');
    out->failed = out->failed || values->words.failed;
}

static void add_option(struct sc_text *out, const char *command, const struct cli_option *option)
{
    sc_text_printf(out, "complete -c safeconf -n '__safeconf_command %s' -l %s", command,
                   option->name);
    if (option->kind != CLI_FLAG) {
        struct cli_values values = cli_values_of_option(option);
        sc_text_puts(out, values.files ? " -r" : " -x");
        add_values(out, &values);
        cli_values_free(&values);
    }
    sc_text_puts(out, " -d ");
    add_quoted(out, option->help);
    sc_text_putc(out, '\n');
}

static void add_command(struct sc_text *out, const struct cli_options *options)
{
    static const struct cli_option help = {.name = "help", .help = "all options"};
    for (size_t i = 0; i < options->n; i++)
        add_option(out, options->command, &options->items[i]);
    add_option(out, options->command, &help);
    struct cli_values values = cli_values_of_positionals(options);
    if (cli_values_any(&values)) {
        sc_text_printf(out, "complete -c safeconf -n '__safeconf_command %s'", options->command);
        add_values(out, &values);
        sc_text_putc(out, '\n');
    }
    cli_values_free(&values);
}

static void end(struct sc_text *out)
{
    (void)out;
}

const struct cli_completion cli_completion_fish = {"fish", "safeconf.fish", begin, add_command,
                                                   end};
