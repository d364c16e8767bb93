/* Two configurations side by side (config.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "experiment/store/config.h"

/* Writes the value for a message, short. */
static void show(const json_t *value, char *out, size_t size)
{
    struct sc_text text = {0};
    if (json_is_real(value)) { /* as few digits as say it */
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(out, size, "%.*g", digits, json_real_value(value));
            if (strtod(out, NULL) == json_real_value(value))
                return;
        }
    }
    if (value != NULL)
        sc_json_write(&text, value);
    const char *shown = value == NULL                       ? "nothing"
                        : text.data != NULL && !text.failed ? text.data
                                                            : "?";
    if (snprintf(out, size, "%s", shown) >= (int)size)
        memcpy(out + size - 4, "...", 4);
    sc_text_free(&text);
}

/* Finds the first field that differs; puts its path and both values in place.  wanted is our own
 * text, so the depth is that of sc_config_write. */
static bool differs(json_t *stored, json_t *wanted, char *path, size_t size, const json_t **found,
                    const json_t **expected)
{
    if (stored != NULL && wanted != NULL && json_equal(stored, wanted))
        return false;
    size_t used = strlen(path);
    if (json_is_object(stored) && json_is_object(wanted)) {
        const char *key;
        json_t *value;
        json_object_foreach(wanted, key, value)
        {
            snprintf(path + used, size - used, "%s%s", used ? "." : "", key);
            if (differs(json_object_get(stored, key), value, path, size, found, expected))
                return true;
        }
        json_object_foreach(stored, key, value)
        {
            snprintf(path + used, size - used, "%s%s", used ? "." : "", key);
            if (json_object_get(wanted, key) == NULL)
                return differs(value, NULL, path, size, found, expected);
        }
    }
    if (json_is_array(stored) && json_is_array(wanted) &&
        json_array_size(stored) == json_array_size(wanted)) {
        for (size_t i = 0; i < json_array_size(wanted); i++) {
            snprintf(path + used, size - used, "[%zu]", i);
            if (differs(json_array_get(stored, i), json_array_get(wanted, i), path, size, found,
                        expected))
                return true;
        }
    }
    path[used] = '\0';
    *found = stored;
    *expected = wanted;
    return true;
}

/* What is found out anew each time and changes no figure: a model in this process is what its
 * fingerprint says, whatever revision it was fetched as; and whether a server repeats itself was
 * tried once, when the run began. */
static void take_over_remarks(const json_t *stored, json_t *wanted)
{
    static const char *const remarks[][2] = {{"model", "revision"}, {"source", "reproducible"}};
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++) {
        json_t *value = json_object_get(json_object_get(stored, remarks[i][0]), remarks[i][1]);
        json_t *section = json_object_get(wanted, remarks[i][0]);
        if (value == NULL)
            json_object_del(section, remarks[i][1]);
        else if (json_is_object(section))
            json_object_set(section, remarks[i][1], value);
    }
}

/* What to do where the verdicts that are there were found otherwise. */
#define OTHER_DETECTOR                                                                             \
    " (one run's verdicts are by one detector: go on with the program, --detector and --rules "    \
    "that it began with, or begin another folder; safeconf classify reads a run again)"

enum sc_status sc_config_compare(const char *stored, const char *wanted, const char *path,
                                 struct sc_error *error)
{
    return sc_config_compare_as(stored, wanted, path,
                                "the folder holds a run with another configuration", error);
}

enum sc_status sc_config_compare_as(const char *stored, const char *wanted, const char *path,
                                    const char *what, struct sc_error *error)
{
    json_t *a = NULL, *b = NULL;
    const json_t *found = NULL, *expected = NULL;
    char field[120] = "", found_text[80], expected_text[80];
    if (strcmp(stored, wanted) == 0)
        return SC_OK;
    enum sc_status status = sc_json_parse(stored, strlen(stored), path, &a, error);
    if (status != SC_OK)
        goto done;
    status = sc_json_parse(wanted, strlen(wanted), "configuration", &b, error);
    if (status != SC_OK)
        goto done;
    take_over_remarks(a, b);
    if (differs(a, b, field, sizeof field, &found, &expected)) {
        show(found, found_text, sizeof found_text);
        show(expected, expected_text, sizeof expected_text);
        status = sc_fail(error, SC_ERR_CONFLICT, "%s: %s: %s: expected %s, found %s%s", path, what,
                         *field ? field : "all", expected_text, found_text,
                         strcmp(field, "detector") == 0 ? OTHER_DETECTOR : "");
    }
done:
    json_decref(a);
    json_decref(b);
    return status;
}
