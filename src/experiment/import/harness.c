/* What lm-evaluation-harness writes beside its samples (answers.h). */
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "experiment/import/answers.h"

/* Of a file of results. */
#define MOST_BYTES ((size_t)256 << 20)

/* "FOLDER/samples_TASK_DATE.jsonl" gives "FOLDER/results_DATE.json"; NULL: another name, or no
 * memory (*status says which). */
static char *results_path(const char *path, enum sc_status *status)
{
    size_t length = 0;
    const char *name = sc_path_last(path, &length);
    const char *date = name;
    *status = SC_OK;
    if (length < 9 || strncmp(name, "samples_", 8) != 0)
        return NULL;
    for (size_t i = 8; i < length; i++)
        if (name[i] == '_')
            date = name + i + 1;
    const char *end = strstr(date, ".jsonl");
    if (date == name || end == NULL)
        return NULL;
    struct sc_text text = {0};
    sc_text_add(&text, path, (size_t)(name - path));
    sc_text_puts(&text, "results_");
    sc_text_add(&text, date, (size_t)(end - date));
    sc_text_puts(&text, ".json");
    char *made = sc_text_take(&text);
    *status = made != NULL ? SC_OK : SC_ERR_NOMEM;
    return made;
}

enum sc_status sc_import_harness_model(const char *path, char **model, struct sc_error *error)
{
    enum sc_status status = SC_OK;
    json_t *results = NULL;
    *model = NULL;
    char *beside = results_path(path, &status);
    if (status != SC_OK)
        return sc_fail_nomem(error, "name of a model");
    bool there = false;
    struct sc_error why = {0};
    if (beside != NULL)
        sc_file_look(beside, &there, &why);
    if (there)
        status = sc_json_read(beside, MOST_BYTES, &results, &why);
    sc_free(beside);
    const char *name = json_string_value(json_object_get(results, "model_name"));
    if (name != NULL)
        *model = sc_strdup(name);
    json_decref(results);
    if (why.status == SC_ERR_IO)
        return sc_fail(error, SC_ERR_IO, "%s", why.text);
    /* A file that says nothing of use names no model, and its samples are read all the same. */
    return status == SC_ERR_NOMEM || (name != NULL && *model == NULL)
               ? sc_fail_nomem(error, "name of a model")
               : SC_OK;
}
