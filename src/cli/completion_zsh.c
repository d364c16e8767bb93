/* See completion.h. */
#include <string.h>

#include "cli/completion.h"
#include "cli/completion_values.h"

/* Text inside single quotes in which `special` characters stand behind a backslash. */
static void add_quoted(struct sc_text *out, const char *text, const char *special)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr(special, *p) != NULL || *p == '\\')
            sc_text_putc(out, '\\');
        if (*p == '\'')
            sc_text_puts(out, "'\\''");
        else
            sc_text_putc(out, *p == '\n' ? ' ' : *p);
    }
}

static void begin(struct sc_text *out, const struct cli_command *command)
{
    sc_text_puts(out, "#compdef safeconf\n"
                      "# zsh completion of safeconf " SAFECONF_VERSION
                      ", made from its tables of options\n"
                      "# what a value can be: _safeconf_values file|directory|none WORD...\n"
                      "(( $+functions[_safeconf_values] )) || _safeconf_values() {\n"
                      "    local kind=$1 found=1\n"
                      "    shift\n"
                      "    (( $# )) && compadd -- \"$@\" && found=0\n"
                      "    [[ $kind == file ]] && _files && found=0\n"
                      "    [[ $kind == directory ]] && _files -/ && found=0\n"
                      "    return found\n"
                      "}\n"
                      "_safeconf() {\n"
                      "    local curcontext=$curcontext\n"
                      "    typeset -A opt_args\n"
                      "    if (( CURRENT == 2 )); then\n"
                      "        local -a commands=(\n");
    for (; command->name != NULL; command++) {
        sc_text_printf(out, "            '%s:", command->name);
        add_quoted(out, command->summary, ":");
        sc_text_puts(out, "'\n");
    }
    sc_text_puts(out, "            '--help:commands' '--version:which this is'\n        )\n"
                      "        _describe -t commands command commands\n        return\n    fi\n"
                      "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
                      "    case $command in\n");
}

/* ":what stands there:how it is completed" */
static void add_action(struct sc_text *out, const char *message, const struct cli_values *values)
{
    sc_text_putc(out, ':');
    add_quoted(out, message, ":");
    sc_text_putc(out, ':');
    if (cli_values_any(values)) {
        const char *paths = values->files ? "file" : values->folders ? "directory" : "none";
        sc_text_printf(out, " _safeconf_values %s", paths);
        if (values->words.len > 0)
            sc_text_printf(out, " %s", values->words.data);
    } else {
        sc_text_putc(out, ' ');
    }
    out->failed = out->failed || values->words.failed;
}

static void add_option(struct sc_text *out, const struct cli_option *option)
{
    const char *repeated = option->kind == CLI_LIST ? "*" : "";
    const char *value = option->kind == CLI_FLAG ? "" : "=";
    sc_text_printf(out, "            '%s--%s%s[", repeated, option->name, value);
    add_quoted(out, option->help, "[]");
    sc_text_putc(out, ']');
    if (option->kind != CLI_FLAG) {
        struct cli_values values = cli_values_of_option(option);
        add_action(out, option->argument, &values);
        cli_values_free(&values);
    }
    sc_text_puts(out, "' \\\n");
}

static void add_command(struct sc_text *out, const struct cli_options *options)
{
    sc_text_printf(out, "    %s)\n        _arguments \\\n", options->command);
    for (size_t i = 0; i < options->n; i++)
        add_option(out, &options->items[i]);
    sc_text_puts(out, "            '--help[all options]' \\\n            '*");
    struct cli_values values = cli_values_of_positionals(options);
    add_action(out, "argument", &values);
    cli_values_free(&values);
    sc_text_puts(out, "'\n        ;;\n");
}

static void end(struct sc_text *out)
{
    sc_text_puts(out, "    esac\n}\n_safeconf \"$@\"\n");
}

const struct cli_completion cli_completion_zsh = {"zsh", "_safeconf", begin, add_command, end};
