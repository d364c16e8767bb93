/* See completion.h.  Written for bash alone: it needs no package of completions. */
#include "cli/completion.h"
#include "cli/completion_values.h"

static void begin(struct sc_text *out, const struct cli_command *command)
{
    sc_text_puts(
        out, "# bash completion of safeconf " SAFECONF_VERSION ", made from its tables of options\n"
             "_safeconf()\n{\n"
             "    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}\n"
             "    local words= kind=\n"
             "    COMPREPLY=()\n"
             "    # --option=value comes as three words\n"
             "    if [[ $current == = ]]; then\n"
             "        current=\n"
             "    elif [[ $option == = ]]; then\n"
             "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
             "    fi\n"
             "    if ((COMP_CWORD == 1)); then\n"
             "        words='");
    for (; command->name != NULL; command++)
        sc_text_printf(out, "%s ", command->name);
    sc_text_puts(out, "--help --version'\n    else\n    case ${COMP_WORDS[1]} in\n");
}

/* What is offered; nothing where a value is the user's affair. */
static void add_offer(struct sc_text *out, const struct cli_values *values)
{
    if (values->words.len > 0)
        sc_text_printf(out, " words='%s'", values->words.data);
    if (values->files || values->folders)
        sc_text_printf(out, " kind=%s", values->files ? "file" : "directory");
    sc_text_puts(out, cli_values_any(values) ? " ;;\n" : " return ;;\n");
    out->failed = out->failed || values->words.failed;
}

static void add_values(struct sc_text *out, const struct cli_option *option)
{
    if (option->kind == CLI_FLAG)
        return;
    struct cli_values values = cli_values_of_option(option);
    sc_text_printf(out, "        --%s)", option->name);
    add_offer(out, &values);
    cli_values_free(&values);
}

static void add_command(struct sc_text *out, const struct cli_options *options)
{
    sc_text_printf(out, "    %s)\n        case $option in\n", options->command);
    for (size_t i = 0; i < options->n; i++)
        add_values(out, &options->items[i]);
    sc_text_puts(out,
                 "        *)\n            if [[ $current == -* ]]; then\n                words='");
    for (size_t i = 0; i < options->n; i++)
        sc_text_printf(out, "--%s ", options->items[i].name);
    sc_text_puts(out, "--help'\n            else\n                :");
    struct cli_values values = cli_values_of_positionals(options);
    if (values.words.len > 0)
        sc_text_printf(out, " && words='%s'", values.words.data);
    if (values.files || values.folders)
        sc_text_printf(out, " && kind=%s", values.files ? "file" : "directory");
    out->failed = out->failed || values.words.failed;
    cli_values_free(&values);
    sc_text_puts(out, "\n            fi\n            ;;\n        esac\n        ;;\n");
}

static void end(struct sc_text *out)
{
    sc_text_puts(out, "    esac\n    fi\n"
                      "    local -a found\n"
                      "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                      "    if [[ -n $kind ]]; then\n"
                      "        compopt -o filenames 2>/dev/null\n"
                      "        mapfile -t found < <(compgen -A \"$kind\" -- \"$current\")\n"
                      "        COMPREPLY+=(\"${found[@]}\")\n"
                      "    fi\n"
                      "}\n"
                      "complete -F _safeconf safeconf\n");
}

const struct cli_completion cli_completion_bash = {"bash", "safeconf", begin, add_command, end};
