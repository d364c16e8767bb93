/*
 * The settings that the first two runs' configurations do not share: what a difference between the
 * runs may be owed to.  What is joined or counted elsewhere (the instances) is left out.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/diff/diff.h"
#include "base/memory.h"

enum { MOST_SETTINGS = 60, MOST_PATH = 160, MOST_DEPTH = 6 };

static bool is_counted_elsewhere(const char *path)
{
    static const char *const paths[] = {"benchmark.instances", "benchmark.fingerprint",
                                        "benchmark.n_instances"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(path, paths[i]) == 0)
            return true;
    return false;
}

static enum sc_status add(struct sc_diff *diff, const char *path, const json_t *a, const json_t *b,
                          struct sc_error *error)
{
    if (diff->n_settings >= MOST_SETTINGS || is_counted_elsewhere(path))
        return SC_OK;
    void *array = diff->settings;
    if (sc_grow(&array, diff->n_settings, &diff->cap_settings, sizeof *diff->settings) != 0)
        return sc_fail_nomem(error, "settings of the runs");
    diff->settings = array;
    char *field = sc_strdup(path);
    if (field == NULL)
        return sc_fail_nomem(error, "settings of the runs");
    diff->settings[diff->n_settings++] = (struct sc_diff_setting){field, {a, b}};
    return SC_OK;
}

/* Sides of one object or array of both configurations. */
struct sides {
    json_t *a, *b; /* borrowed; NULL: it has none */
};

static enum sc_status compare(struct sc_diff *diff, struct sides at, char *path, size_t depth,
                              struct sc_error *error);

static enum sc_status compare_member(struct sc_diff *diff, struct sides member, const char *key,
                                     char *path, size_t depth, struct sc_error *error)
{
    size_t used = strlen(path);
    snprintf(path + used, MOST_PATH - used, "%s%s", used > 0 ? "." : "", key);
    enum sc_status status = compare(diff, member, path, depth, error);
    path[used] = '\0';
    return status;
}

static enum sc_status compare(struct sc_diff *diff, struct sides at, char *path, size_t depth,
                              struct sc_error *error)
{
    if (at.a != NULL && at.b != NULL && json_equal(at.a, at.b))
        return SC_OK;
    if (depth < MOST_DEPTH && json_is_object(at.a) && json_is_object(at.b)) {
        const char *key;
        json_t *value;
        json_object_foreach(at.a, key, value) SC_TRY(compare_member(
            diff, (struct sides){value, json_object_get(at.b, key)}, key, path, depth + 1, error));
        json_object_foreach(at.b, key, value) if (json_object_get(at.a, key) == NULL)
            SC_TRY(compare_member(diff, (struct sides){NULL, value}, key, path, depth + 1, error));
        return SC_OK;
    }
    if (depth < MOST_DEPTH && json_is_array(at.a) && json_is_array(at.b) &&
        json_array_size(at.a) == json_array_size(at.b)) {
        for (size_t i = 0; i < json_array_size(at.a); i++) {
            char key[24];
            snprintf(key, sizeof key, "%zu", i);
            SC_TRY(compare_member(diff,
                                  (struct sides){json_array_get(at.a, i), json_array_get(at.b, i)},
                                  key, path, depth + 1, error));
        }
        return SC_OK;
    }
    return add(diff, path, at.a, at.b, error);
}

enum sc_status sc_diff_find_settings(struct sc_diff *diff, struct sc_error *error)
{
    char path[MOST_PATH] = "";
    if (diff->runs[0].config == NULL || diff->runs[1].config == NULL)
        return SC_OK;
    return compare(diff, (struct sides){diff->runs[0].config, diff->runs[1].config}, path, 0,
                   error);
}
