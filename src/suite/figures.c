/* See figures.h. */
#include "suite/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAME = 200 };

/* Copies the first name of a path and returns what is behind its dot, NULL at the end; of a name
 * that is too long or empty *name is "". */
static const char *next_name(const char *path, char name[LONGEST_NAME])
{
    bool quoted = *path == '"';
    const char *begin = path + quoted;
    size_t n = strcspn(begin, quoted ? "\"" : ".");
    const char *behind = begin + n + (quoted && begin[n] == '"');
    name[0] = '\0';
    if (n < LONGEST_NAME) {
        memcpy(name, begin, n);
        name[n] = '\0';
    }
    return *behind == '.' ? behind + 1 : NULL;
}

static const json_t *element(const json_t *list, const char *name)
{
    char *end;
    const json_t *item;
    size_t i;
    unsigned long index = strtoul(name, &end, 10);
    if (end != name && *end == '\0')
        return json_array_get(list, index);
    json_array_foreach(list, i, item)
    {
        const char *own = json_string_value(json_object_get(item, "name"));
        if (own != NULL && strcmp(own, name) == 0)
            return item;
    }
    return NULL;
}

/* A member; *proxy where it is found under its name as a proxy. */
static const json_t *member(const json_t *object, const char *name, bool *proxy)
{
    char other[LONGEST_NAME + 8];
    const json_t *found = json_object_get(object, name);
    if (found != NULL)
        return found;
    snprintf(other, sizeof other, "%s_proxy", name);
    found = json_object_get(object, other);
    *proxy = *proxy || found != NULL;
    return found;
}

static const char *reason_of(const json_t *object, const char *name, const json_t *value)
{
    char other[LONGEST_NAME + 8];
    snprintf(other, sizeof other, "%s_reason", name);
    const json_t *reason = json_object_get(object, other);
    if (reason == NULL)
        reason = json_object_get(json_is_object(value) ? value : object, "reason");
    return json_string_value(reason);
}

static struct sc_suite_figure walk(const json_t *analysis, const char *path)
{
    char name[LONGEST_NAME];
    struct sc_suite_figure figure = {.value = analysis};
    for (const char *rest = path; rest != NULL && figure.value != NULL;) {
        const json_t *from = figure.value;
        rest = next_name(rest, name);
        figure.value =
            json_is_array(from) ? element(from, name) : member(from, name, &figure.proxy);
        figure.reason = reason_of(from, name, figure.value);
        if (rest != NULL && json_is_null(figure.value))
            return figure; /* a section that there is not: the figures in it are not either */
    }
    return figure;
}

struct sc_suite_figure sc_suite_figure_find(const json_t *analysis, const char *path)
{
    static const struct {
        const char *brief, *path;
    } names[] = {{"hypothesis_test.difference", "hypothesis_test.answers.risk_difference"},
                 {"hypothesis_test.p", "hypothesis_test.permutation_within_category.p"}};
    struct sc_suite_figure figure = walk(analysis, path);
    for (size_t i = 0; i < sizeof names / sizeof *names && figure.value == NULL; i++) {
        size_t n = strlen(names[i].brief);
        char whole[LONGEST_NAME];
        if (strncmp(path, names[i].brief, n) != 0 || (path[n] != '\0' && path[n] != '.'))
            continue;
        snprintf(whole, sizeof whole, "%s%s", names[i].path, path + n);
        figure = walk(analysis, whole);
    }
    return figure;
}

double sc_suite_figure_number(const struct sc_suite_figure *figure)
{
    const json_t *value =
        json_is_object(figure->value) ? json_object_get(figure->value, "value") : figure->value;
    return json_is_number(value) ? json_number_value(value) : NAN;
}

double sc_suite_figure_end(const struct sc_suite_figure *figure, const char *end)
{
    const json_t *value = json_object_get(figure->value, end);
    return json_is_number(value) ? json_number_value(value) : NAN;
}
