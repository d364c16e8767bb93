/* See pinned.h. */
#include "cli/pinned.h"

#include <string.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/json.h"
#include "base/memory.h"
#include "experiment/store/store.h"

/* What the configuration says, or NULL. */
static char *revision_in(const char *config, const char *name)
{
    json_t *top = NULL;
    char *revision = NULL;
    if (sc_json_parse(config, strlen(config), "configuration", &top, NULL) != SC_OK)
        return NULL;
    const json_t *model = json_object_get(top, "model");
    const char *stored = json_string_value(json_object_get(model, "name"));
    const char *commit = json_string_value(json_object_get(model, "revision"));
    if (stored != NULL && commit != NULL && strcmp(stored, name) == 0 &&
        sc_hub_revision_fits(commit))
        revision = sc_strdup(commit);
    json_decref(top);
    return revision;
}

static char *stored_revision(const char *folder, const char *name)
{
    struct sc_store *store = NULL;
    const char *config = NULL;
    char *revision = NULL;
    if (sc_store_open_read(&store, folder, NULL) != SC_OK)
        return NULL;
    if (sc_store_config(store, &config, NULL) == SC_OK)
        revision = revision_in(config, name);
    sc_store_close(store);
    return revision;
}

char *cli_pinned_model(const char *folder, const char *name)
{
    struct sc_hub_name parts;
    char *path = sc_path_join(folder, "run.db"), *revision = NULL;
    if (path != NULL && sc_file_exists(path) && !sc_is_folder(name) &&
        sc_hub_name_read(name, &parts) && parts.revision == NULL)
        revision = stored_revision(folder, name);
    struct sc_text pinned = {0};
    if (revision != NULL)
        sc_text_printf(&pinned, "%s@%s", name, revision);
    char *text = revision != NULL ? sc_text_take(&pinned) : NULL;
    sc_free(revision);
    sc_free(path);
    return text;
}
