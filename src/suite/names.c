/* See names.h. */
#include "suite/names.h"

#include <string.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "suite/suite.h"

bool sc_suite_name_fits(const char *name, bool dots)
{
    static const char *const words[] = {"any", "all", "and", "or", "not", "excludes", "includes"};
    size_t n = strlen(name);
    if (n == 0 || n >= SC_SUITE_LONGEST_NAME || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!sc_is_name_char(name[i]) || (name[i] == '.' && !dots))
            return false;
    for (size_t i = 0; !dots && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0)
            return false;
    return true;
}

/* "@prompts/polite.txt" and "models/a/" by their last part; other letters become '-'.  A figure at
 * the beginning would be read as a number: it has its key before it. */
static void name_text(struct sc_text *out, const char *key, const char *text, bool whole)
{
    size_t n = strlen(text);
    const char *from = whole ? text : sc_path_last(text, &n);
    while (n > 0 && (*from == '@' || *from == '.' || *from == '/')) {
        from++;
        n--;
    }
    if (n > 0 && *from >= '0' && *from <= '9')
        sc_text_add_name(out, key, strlen(key), '-');
    sc_text_add_name(out, from, n < 60 ? n : 60, '-');
}

static void name_one(struct sc_text *out, const char *key, const json_t *value, bool whole)
{
    if (json_is_string(value)) {
        name_text(out, key, json_string_value(value), whole);
        return;
    }
    if (json_is_boolean(value)) {
        sc_text_puts(out, json_boolean_value(value) ? "" : "no-");
        sc_text_add_name(out, key, strlen(key), '-');
        return;
    }
    sc_text_add_name(out, key, strlen(key), '-');
    if (json_is_integer(value))
        sc_text_printf(out, "%lld", (long long)json_integer_value(value));
    else
        sc_text_add_json_number(out, json_number_value(value));
}

/* Whether another value of the list has the same last part. */
static bool is_ambiguous(const json_t *values, size_t i)
{
    size_t n, n_other;
    const char *text = json_string_value(json_array_get(values, i));
    if (text == NULL)
        return false;
    text = sc_path_last(text, &n);
    for (size_t other = 0; other < json_array_size(values); other++) {
        const char *theirs = json_string_value(json_array_get(values, other));
        if (other == i || theirs == NULL)
            continue;
        theirs = sc_path_last(theirs, &n_other);
        if (n == n_other && memcmp(text, theirs, n) == 0)
            return true;
    }
    return false;
}

void sc_suite_name_value(struct sc_text *out, const char *key, const json_t *values, size_t i)
{
    const json_t *value = json_array_get(values, i), *item;
    size_t at;
    if (!json_is_array(value)) {
        name_one(out, key, value, is_ambiguous(values, i));
        return;
    }
    if (json_array_size(value) == 0)
        sc_text_printf(out, "no-%s", key);
    json_array_foreach(value, at, item)
    {
        if (at > 0)
            sc_text_putc(out, '-');
        name_one(out, key, item, false);
    }
}
