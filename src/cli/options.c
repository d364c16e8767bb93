/* Options of a command: --name value, --name=value, --flag, positionals, and --help. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static struct cli_option *add(struct cli_options *options, const char *name, enum cli_kind kind,
                              void *target, const char *argument, const char *help)
{
    assert(options->n < sizeof options->items / sizeof *options->items);
    struct cli_option *option = &options->items[options->n++];
    *option = (struct cli_option){
        .name = name, .kind = kind, .target = target, .argument = argument, .help = help};
    return option;
}

static void set_range(struct cli_option *option, double low, double high)
{
    option->low = low;
    option->high = high;
}

void cli_add_flag(struct cli_options *options, const char *name, bool *target, const char *help)
{
    add(options, name, CLI_FLAG, target, NULL, help);
}

void cli_add_size(struct cli_options *options, const char *name, size_t *target, double low,
                  double high, const char *help)
{
    set_range(add(options, name, CLI_SIZE, target, "N", help), low, high);
}

void cli_add_int32(struct cli_options *options, const char *name, int32_t *target, double low,
                   double high, const char *help)
{
    set_range(add(options, name, CLI_INT32, target, "N", help), low, high);
}

void cli_add_uint64(struct cli_options *options, const char *name, uint64_t *target,
                    const char *help)
{
    set_range(add(options, name, CLI_UINT64, target, "N", help), 0, 0x1p64);
}

void cli_add_real(struct cli_options *options, const char *name, double *target, double low,
                  double high, const char *help)
{
    set_range(add(options, name, CLI_REAL, target, "X", help), low, high);
}

void cli_add_reals(struct cli_options *options, const char *name, struct cli_reals *target,
                   double low, double high, const char *help)
{
    set_range(add(options, name, CLI_REALS, target, "X,...", help), low, high);
}

void cli_add_text(struct cli_options *options, const char *name, const char **target,
                  const char *argument, const char *help)
{
    add(options, name, CLI_TEXT, target, argument, help);
}

void cli_add_list(struct cli_options *options, const char *name, struct cli_list *target,
                  const char *argument, const char *help)
{
    add(options, name, CLI_LIST, target, argument, help);
}

void cli_add_choice(struct cli_options *options, const char *name, int *target, const char *choices,
                    const char *help)
{
    add(options, name, CLI_CHOICE, target, choices, help);
}

static struct cli_option *find(struct cli_options *options, const char *name, size_t length)
{
    for (size_t i = 0; i < options->n; i++)
        if (strlen(options->items[i].name) == length &&
            memcmp(options->items[i].name, name, length) == 0)
            return &options->items[i];
    return NULL;
}

bool cli_given(const struct cli_options *options, const char *name)
{
    for (size_t i = 0; i < options->n; i++)
        if (strcmp(options->items[i].name, name) == 0)
            return options->items[i].given;
    return false;
}

static int bad_value(const struct cli_options *options, const struct cli_option *option,
                     const char *expected, const char *found)
{
    return cli_usage_error(options->command, "--%s: expected %s, found \"%s\"", option->name,
                           expected, found);
}

static int set_number(const struct cli_options *options, struct cli_option *option,
                      const char *value)
{
    char *end, expected[80];
    errno = 0;
    double number = strtod(value, &end);
    bool whole = option->kind != CLI_REAL;
    snprintf(expected, sizeof expected, "a %snumber", whole ? "whole " : "");
    if (end == value || *end != '\0' || !isfinite(number) || (whole && number != floor(number)))
        return bad_value(options, option, expected, value);
    if (number < option->low || number > option->high) {
        snprintf(expected, sizeof expected, "%g to %g", option->low, option->high);
        return bad_value(options, option, expected, value);
    }
    switch (option->kind) {
    case CLI_SIZE:
        *(size_t *)option->target = (size_t)number;
        break;
    case CLI_INT32:
        *(int32_t *)option->target = (int32_t)number;
        break;
    case CLI_UINT64: /* read again: a double does not hold every 64-bit number */
        errno = 0;
        *(uint64_t *)option->target = strtoull(value, &end, 10);
        if (errno != 0 || *end != '\0')
            return bad_value(options, option, "a whole number below 2^64", value);
        break;
    default:
        *(double *)option->target = number;
    }
    return -1;
}

/* Each piece as a number of its own. */
static int set_reals(const struct cli_options *options, struct cli_option *option,
                     const char *value)
{
    struct cli_reals *reals = option->target;
    const size_t most = sizeof reals->items / sizeof *reals->items;
    char piece[64], expected[80];
    for (const char *p = value;; p++) {
        double number = 0;
        struct cli_option one = *option;
        size_t length = strcspn(p, ",");
        one.kind = CLI_REAL;
        one.target = &number;
        snprintf(piece, sizeof piece, "%.*s", (int)(length < 60 ? length : 60), p);
        int status = set_number(options, &one, piece);
        if (status >= 0)
            return status;
        for (size_t i = 0; i < reals->n; i++)
            if (reals->items[i] == number)
                return bad_value(options, option, "different numbers", value);
        if (reals->n == most) {
            snprintf(expected, sizeof expected, "at most %zu numbers", most);
            return bad_value(options, option, expected, value);
        }
        reals->items[reals->n++] = number;
        p += length;
        if (*p == '\0')
            return -1;
    }
}

static int set_choice(const struct cli_options *options, struct cli_option *option,
                      const char *value)
{
    const char *choice = option->argument;
    for (int index = 0;; index++) {
        size_t length = strcspn(choice, "|");
        if (strlen(value) == length && memcmp(choice, value, length) == 0) {
            *(int *)option->target = index;
            return -1;
        }
        if (choice[length] == '\0')
            return bad_value(options, option, option->argument, value);
        choice += length + 1;
    }
}

static int add_to_list(const struct cli_options *options, struct cli_option *option,
                       const char *value)
{
    struct cli_list *list = option->target;
    size_t most = sizeof list->items / sizeof *list->items;
    if (list->n == most)
        return cli_usage_error(options->command, "--%s: expected at most %zu of them", option->name,
                               most);
    list->items[list->n++] = value;
    return -1;
}

static int set_value(const struct cli_options *options, struct cli_option *option,
                     const char *value)
{
    switch (option->kind) {
    case CLI_TEXT:
        *(const char **)option->target = value;
        return -1;
    case CLI_LIST:
        return add_to_list(options, option, value);
    case CLI_CHOICE:
        return set_choice(options, option, value);
    case CLI_REALS:
        return set_reals(options, option, value);
    default:
        return set_number(options, option, value);
    }
}

enum { HELP_COLUMN = 31, HELP_WIDTH = 100 };

/* Prints help from its column on, broken between words. */
static void print_wrapped(const char *help, size_t column)
{
    for (const char *p = help; *p;) {
        size_t length = strcspn(p, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += (size_t)printf("%s%.*s", column > HELP_COLUMN ? " " : "", (int)length, p);
        p += length + (p[length] == ' ');
    }
    putchar('\n');
}

static void print_option(const struct cli_option *option)
{
    char left[120];
    int length =
        snprintf(left, sizeof left, "  --%s%s%s", option->name, option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
    if (length >= HELP_COLUMN - 1)
        printf("%s\n%*s", left, HELP_COLUMN, "");
    else
        printf("%-*s", HELP_COLUMN, left);
    print_wrapped(option->help, HELP_COLUMN);
}

static void print_help(const struct cli_options *options)
{
    static const struct cli_option help = {.name = "help", .help = "this text"};
    printf("safeconf %s %s\n\n%s\n\nOptions:\n", options->command, options->synopsis,
           options->summary);
    for (size_t i = 0; i < options->n; i++)
        print_option(&options->items[i]);
    print_option(&help);
}

/* Sets what words[*at] names, taking the next word as its value where it needs one.  -1, or the
 * exit status of wrong usage. */
static int read_option(struct cli_options *options, char **words, int n, int *at)
{
    const char *word = words[*at], *name = word + (word[1] == '-' ? 2 : 1);
    const char *value = strchr(name, '=');
    size_t length = value != NULL ? (size_t)(value - name) : strlen(name);
    struct cli_option *option = word[1] == '-' ? find(options, name, length) : NULL;
    if (option == NULL)
        return cli_usage_error(options->command,
                               "unknown option %.*s (safeconf %s --help lists them)",
                               (int)(name - word + (ptrdiff_t)length), word, options->command);
    if (option->given && option->kind != CLI_LIST)
        return cli_usage_error(options->command, "--%s: expected once, found twice", option->name);
    option->given = true;
    if (option->kind == CLI_FLAG && value != NULL)
        return cli_usage_error(options->command, "--%s takes no value", option->name);
    if (option->kind == CLI_FLAG) {
        *(bool *)option->target = true;
        return -1;
    }
    if (value == NULL && *at + 1 == n)
        return cli_usage_error(options->command, "--%s: expected a value, found nothing",
                               option->name);
    return set_value(options, option, value != NULL ? value + 1 : words[++*at]);
}

static struct {
    cli_table_reader *reader;
    void *context;
} tables; /* of cli_hand_tables_to */

void cli_hand_tables_to(cli_table_reader *reader, void *context)
{
    tables.reader = reader;
    tables.context = context;
}

int cli_parse(struct cli_options *options, int argc, char **argv)
{
    if (tables.reader != NULL) {
        tables.reader(tables.context, options);
        return CLI_DONE;
    }
    bool only_positionals = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (only_positionals || word[0] != '-' || word[1] == '\0') {
            if (options->n_positionals == options->max_positionals)
                return cli_usage_error(options->command, "unexpected argument \"%s\"%s", word,
                                       options->hint != NULL ? options->hint : "");
            options->positionals[options->n_positionals++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_positionals = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(options);
            return CLI_DONE;
        } else {
            int status = read_option(options, argv, argc, &i);
            if (status >= 0)
                return status;
        }
    }
    return -1;
}
