/* See completion_values.h. */
#include "cli/completion_values.h"

#include <ctype.h>
#include <string.h>

#include "hub/sets.h"
#include "model/arch/arch.h"

void cli_values_free(struct cli_values *values)
{
    sc_text_free(&values->words);
}

bool cli_values_any(const struct cli_values *values)
{
    return values->words.len > 0 || values->files || values->folders;
}

/* A word that a shell would read otherwise, or that a placeholder is part of, is not offered. */
static void add_word(struct cli_values *values, const char *word, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)word[i]) && !isdigit((unsigned char)word[i]) &&
            strchr("-_.+", word[i]) == NULL)
            return;
    if (values->words.len > 0)
        sc_text_putc(&values->words, ' ');
    sc_text_add(&values->words, word, n);
}

static bool begins(const char *word, size_t n, const char *with)
{
    return n >= strlen(with) && memcmp(word, with, strlen(with)) == 0;
}

/* One alternative of an argument: a word that is spelt out, a kind of path, or what nobody knows.
 */
static void add_alternative(struct cli_values *values, const char *word, size_t n)
{
    if (begins(word, n, "DIR") || begins(word, n, "OUT"))
        values->folders = true;
    else if (begins(word, n, "FILE"))
        values->files = true;
    else if (n > 0 && islower((unsigned char)word[0]))
        add_word(values, word, n);
}

static void add_alternatives(struct cli_values *values, const char *argument, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = 0;
        while (i + length < n && argument[i + length] != '|')
            length++;
        add_alternative(values, argument + i, length);
        i += length + 1;
    }
}

static void add_benchmarks(struct cli_values *values)
{
    const struct sc_set *set;
    for (size_t i = 0; (set = sc_set_at(i)) != NULL; i++)
        add_word(values, set->name, strlen(set->name));
}

static void add_shapes(struct cli_values *values)
{
    struct sc_text names = sc_family_shape_names();
    for (const char *name = names.data; name != NULL && *name != '\0';) {
        const size_t n = strcspn(name, ",");
        add_word(values, name, n);
        name += n;
        name += strspn(name, ", ");
    }
    values->words.failed = values->words.failed || names.failed;
    sc_text_free(&names);
}

struct cli_values cli_values_of_option(const struct cli_option *option)
{
    struct cli_values values = {.files = false};
    if (option->argument == NULL)
        return values;
    add_alternatives(&values, option->argument, strlen(option->argument));
    if (strcmp(option->name, "benchmark") == 0) {
        add_word(&values, "synthetic", strlen("synthetic"));
        add_benchmarks(&values);
    } else if (strcmp(option->name, "shape") == 0) {
        add_shapes(&values);
    }
    return values;
}

struct cli_values cli_values_of_positionals(const struct cli_options *options)
{
    struct cli_values values = {.files = false};
    for (const char *p = options->synopsis; *p != '\0';) {
        p += strspn(p, " [(");
        const size_t n = strcspn(p, " ])");
        if (n == 0 || p[0] == '-' || p[0] == '<' || begins(p, n, "options"))
            break;
        add_alternatives(&values, p, n);
        p += n;
        p += strspn(p, "])");
    }
    if (strcmp(options->command, "pull") == 0)
        add_benchmarks(&values);
    return values;
}
