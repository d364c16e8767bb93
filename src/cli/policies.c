/* See policies.h.  A value that is out of its range is left to sc_policy_check. */
#include "cli/policies.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* Longer items are none. */
enum { MOST_LETTERS = 64 };

/* A number of digits alone at *text, which moves behind it. */
static bool read_count(const char **text, size_t *count)
{
    size_t length = strspn(*text, DIGITS);
    if (length == 0)
        return false;
    errno = 0;
    unsigned long long value = strtoull(*text, NULL, 10);
    if (errno != 0 || value > SIZE_MAX)
        return false;
    *count = (size_t)value;
    *text += length;
    return true;
}

/* The same with a fraction, such as 97.5. */
static bool read_fraction(const char **text, double *value)
{
    size_t length = strspn(*text, DIGITS);
    if (length == 0)
        return false;
    if ((*text)[length] == '.')
        length += 1 + strspn(*text + length + 1, DIGITS);
    *value = strtod(*text, NULL);
    *text += length;
    return true;
}

/* What follows the name: ":5", ":3-10", "@90". */
struct numbers {
    bool most_given, least_given, bar_given;
    size_t least, most;
    double bar;
};

static bool read_numbers(const char *text, struct numbers *out)
{
    *out = (struct numbers){0};
    if (*text == ':') {
        text++;
        if (!read_count(&text, &out->most))
            return false;
        out->most_given = true;
        if (*text == '-') {
            text++;
            out->least = out->most;
            out->least_given = true;
            if (!read_count(&text, &out->most))
                return false;
        }
    }
    if (*text == '@') {
        text++;
        if (!read_fraction(&text, &out->bar))
            return false;
        out->bar_given = true;
    }
    return *text == '\0';
}

/* What of these numbers the policy does not read; NULL: nothing. */
static const char *unread(enum sc_policy_kind kind, const struct numbers *numbers)
{
    if (kind == SC_POLICY_SINGLE && numbers->most_given)
        return "number of traces";
    if (kind == SC_POLICY_FIXED && numbers->least_given)
        return "least number of traces";
    bool has_bar =
        kind == SC_POLICY_ADAPTIVE || kind == SC_POLICY_DEEPCONF || kind == SC_POLICY_INTERVAL;
    return numbers->bar_given && !has_bar ? "bar (@)" : NULL;
}

static enum sc_status read_policy(const char *item, struct sc_policy *policy,
                                  struct sc_error *error)
{
    char name[MOST_LETTERS];
    size_t length = strcspn(item, ":@");
    memcpy(name, item, length);
    name[length] = '\0';
    int kind = sc_policy_parse(name);
    struct numbers numbers;
    if (kind < 0 || !read_numbers(item + length, &numbers))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--policies: expected such as single,fixed:5,adaptive:3-10@90, found \"%s\"",
                       item);
    policy->kind = (enum sc_policy_kind)kind;
    if (policy->kind == SC_POLICY_BUDGET)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--policies: %s shares a total among all prompts and has no other policy "
                       "beside it (run --traces-total)",
                       name);
    const char *extra = unread(policy->kind, &numbers);
    if (extra != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "--policies: %s has no %s, found \"%s\"", name,
                       extra, item);
    if (numbers.least_given)
        policy->min_traces = numbers.least;
    if (numbers.most_given)
        policy->max_traces = numbers.most;
    if (numbers.bar_given && policy->kind == SC_POLICY_DEEPCONF)
        policy->eta = numbers.bar;
    else if (numbers.bar_given && policy->kind == SC_POLICY_INTERVAL)
        policy->width = numbers.bar;
    else if (numbers.bar_given)
        policy->percentile = numbers.bar;
    return SC_OK;
}

enum sc_status cli_read_policies(const char *list, const struct sc_policy *pattern,
                                 struct sc_policy *out, size_t most, size_t *n,
                                 struct sc_error *error)
{
    assert(list != NULL && pattern != NULL && out != NULL && n != NULL);
    *n = 0;
    for (const char *p = list;; p++) { /* p: the start of an item, then the comma behind it */
        char item[MOST_LETTERS];
        size_t length = strcspn(p, ",");
        if (*n == most)
            return sc_fail(error, SC_ERR_ARGUMENT, "--policies: expected at most %zu, found \"%s\"",
                           most, list);
        if (length >= sizeof item)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "--policies: expected such as single,fixed:5,adaptive:3-10@90, found "
                           "\"%s\"",
                           list);
        memcpy(item, p, length);
        item[length] = '\0';
        out[*n] = *pattern;
        SC_TRY(read_policy(item, &out[*n], error));
        ++*n;
        p += length;
        if (*p == '\0')
            return SC_OK;
    }
}
