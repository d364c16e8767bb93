/* Where a named benchmark lies on disk. */
#include <assert.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/places.h"
#include "base/text.h"
#include "benchmark/loaders.h"

/* What is looked for, and where it was looked for in vain. */
struct search {
    const struct loader *loader;
    const char *split; /* "" where there is none */
    struct sc_text tried;
    char *path; /* what was found, or NULL */
};

/* folder/below/file with "{split}" replaced; below NULL: folder/file.  NULL when out of memory. */
static char *place(const char *folder, const char *below, const char *file, const char *split)
{
    struct sc_text path = {0};
    sc_text_printf(&path, "%s%s%s/", folder, below != NULL ? "/" : "", below != NULL ? below : "");
    const char *mark;
    while ((mark = strstr(file, "{split}")) != NULL) {
        sc_text_add(&path, file, (size_t)(mark - file));
        sc_text_puts(&path, split);
        file = mark + strlen("{split}");
    }
    sc_text_puts(&path, file);
    return sc_text_take(&path);
}

/* The first of the loader's files in a folder, unless one is found already. */
static enum sc_status look_in(struct search *s, const char *folder, const char *below,
                              struct sc_error *error)
{
    if (s->path != NULL)
        return SC_OK;
    for (size_t i = 0; i < LOADER_MAX_FILES && s->loader->files[i] != NULL; i++) {
        char *candidate = place(folder, below, s->loader->files[i], s->split);
        if (candidate == NULL)
            return sc_fail_nomem(error, "benchmark path");
        if (sc_file_exists(candidate) && !sc_is_folder(candidate)) {
            s->path = candidate;
            return SC_OK;
        }
        sc_free(candidate);
    }
    sc_text_printf(&s->tried, "%s%s%s%s", s->tried.len > 0 ? ", " : "", folder,
                   below != NULL ? "/" : "", below != NULL ? below : "");
    return SC_OK;
}

static enum sc_status look_in_standard_places(struct search *s, struct sc_error *error)
{
    char *folders[SC_MOST_BENCHMARK_FOLDERS];
    size_t n;
    SC_TRY(sc_benchmark_folders(folders, &n, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < n && status == SC_OK; i++)
        status = look_in(s, folders[i], s->loader->name, error);
    while (n > 0)
        sc_free(folders[--n]);
    return status;
}

/* The words that fetch what was not found. */
static void add_command(struct sc_text *text, const struct search *s)
{
    const char *own = s->loader->default_split;
    sc_text_printf(text, "safeconf pull %s", s->loader->name);
    if (own != NULL && strcmp(s->split, own) != 0)
        sc_text_printf(text, " --split %s", s->split);
}

static enum sc_status fail_missing(const struct search *s, const char *folder,
                                   struct sc_error *error)
{
    struct sc_text command = {0};
    char *file = place("", NULL, s->loader->files[0], s->split);
    add_command(&command, s);
    enum sc_status status =
        file == NULL || command.failed
            ? sc_fail_nomem(error, "benchmark path")
            : sc_fail(error, SC_ERR_IO,
                      "benchmark %s: no file such as %s in %s (%s%sgive the file's path)",
                      s->loader->name, file + 1, s->tried.len > 0 ? s->tried.data : "any folder",
                      folder == NULL ? command.data : "",
                      folder == NULL ? " fetches it; or set SAFECONF_DATA, or " : "");
    sc_text_free(&command);
    sc_free(file);
    return status;
}

static enum sc_status look(struct search *s, const char *folder, struct sc_error *error)
{
    if (folder == NULL) {
        SC_TRY(look_in_standard_places(s, error));
    } else {
        SC_TRY(look_in(s, folder, NULL, error));
        SC_TRY(look_in(s, folder, s->loader->name, error));
    }
    return s->path != NULL ? SC_OK : fail_missing(s, folder, error);
}

enum sc_status sc_loader_find(const struct loader *loader, const char *folder, const char *split,
                              char **path, struct sc_error *error)
{
    assert(loader != NULL);
    struct search search = {.loader = loader, .split = split != NULL ? split : ""};
    enum sc_status status = look(&search, folder, error);
    sc_text_free(&search.tried);
    *path = search.path;
    return status;
}
