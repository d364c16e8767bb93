#include "base/places.h"

#include <assert.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/memory.h"

/* The value of a variable that names a folder; NULL: none. */
static const char *folder_of(const char *variable, bool must_be_absolute)
{
    const char *value = getenv(variable);
    return value == NULL || *value == '\0' || (must_be_absolute && *value != '/') ? NULL : value;
}

enum sc_status sc_benchmark_folders(char *folders[SC_MOST_BENCHMARK_FOLDERS], size_t *n,
                                    struct sc_error *error)
{
    assert(folders != NULL && n != NULL);
    static const struct {
        const char *variable, *below;
        bool must_be_absolute; /* as the specification of XDG_DATA_HOME has it */
    } places[SC_MOST_BENCHMARK_FOLDERS] = {
        {"SAFECONF_DATA", NULL, false},
        {"XDG_DATA_HOME", "safeconf/benchmarks", true},
        {"HOME", ".local/share/safeconf/benchmarks", false},
    };
    *n = 0;
    for (size_t i = 0; i < SC_MOST_BENCHMARK_FOLDERS; i++) {
        const char *value = folder_of(places[i].variable, places[i].must_be_absolute);
        if (value == NULL)
            continue;
        char *folder =
            places[i].below != NULL ? sc_path_join(value, places[i].below) : sc_strdup(value);
        if (folder == NULL) {
            while (*n > 0)
                sc_free(folders[--*n]);
            return sc_fail_nomem(error, "folders of benchmarks");
        }
        folders[(*n)++] = folder;
    }
    return SC_OK;
}
