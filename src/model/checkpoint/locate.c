/*
 * Finding a model by name: a folder, a bundled model, or a model of a hub in the local cache.
 * Nothing is fetched here.  Read next: model.c.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/foreign.h"

#define REVISION_BYTES_MAX 256

/* Whether a model or a tokenizer lies in a folder. */
static enum sc_status look_for_model(const char *folder, bool *found, struct sc_error *error)
{
    static const char *const files[] = {"config.json", "tokenizer.json"};
    enum sc_status status = SC_OK;
    *found = false;
    for (size_t i = 0; !*found && status == SC_OK && i < sizeof files / sizeof files[0]; i++) {
        char *path = sc_path_join(folder, files[i]);
        status = path != NULL ? sc_file_look(path, found, error) : sc_fail_nomem(error, "model");
        sc_free(path);
    }
    return status;
}

/* The search for a bundled model, from place to place until *folder is there. */
struct search {
    const char *name;
    char **folder;
    struct sc_text looked; /* the places */
};

static enum sc_status look_in(struct search *s, const char *root, struct sc_error *error)
{
    bool found;
    if (*s->folder != NULL)
        return SC_OK;
    char *path = sc_path_join(root, s->name);
    if (path == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = look_for_model(path, &found, error);
    if (found) {
        *s->folder = path;
        return SC_OK;
    }
    sc_text_printf(&s->looked, "%s%s", s->looked.len > 0 ? ", " : "", path);
    sc_free(path);
    return status;
}

/* Where models lie seen from the folder of a file, as many folders above it as n_up says. */
struct beside {
    size_t n_up;
    const char *path;
};

/* Python's package has all in one folder; bin/ has share/ beside it. */
static const struct beside beside_program[] = {{0, "models"}, {1, "share/safeconf/models"}};
/* lib/ and lib/x86_64-linux-gnu/ have share/ above them. */
static const struct beside beside_library[] = {
    {0, "models"}, {1, "share/safeconf/models"}, {2, "share/safeconf/models"}};

/* `file` is absolute. */
static enum sc_status look_beside(struct search *s, const char *file, const struct beside *place,
                                  struct sc_error *error)
{
    size_t n = strlen(file);
    for (size_t up = 0; up <= place->n_up && n > 0; up++)
        do
            n--;
        while (n > 0 && file[n] != '/');
    struct sc_text root = {0};
    sc_text_add(&root, file, n);
    sc_text_printf(&root, "/%s", place->path);
    enum sc_status status =
        root.failed ? sc_fail_nomem(error, "model") : look_in(s, root.data, error);
    sc_text_free(&root);
    return status;
}

static enum sc_status look_beside_program(struct search *s, struct sc_error *error)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0 || (size_t)n >= sizeof exe - 1)
        return SC_OK;
    exe[n] = '\0';
    for (size_t i = 0; i < sizeof beside_program / sizeof *beside_program; i++)
        SC_TRY(look_beside(s, exe, &beside_program[i], error));
    return SC_OK;
}

/* The file that this code was loaded from: the shared library, or a program that holds all of it.
 * One that was named from the current folder may be elsewhere by now. */
static enum sc_status look_beside_library(struct search *s, struct sc_error *error)
{
    static const char here = 0;
    Dl_info library;
    if (dladdr(&here, &library) == 0 || library.dli_fname == NULL || library.dli_fname[0] != '/')
        return SC_OK;
    for (size_t i = 0; i < sizeof beside_library / sizeof *beside_library; i++)
        SC_TRY(look_beside(s, library.dli_fname, &beside_library[i], error));
    return SC_OK;
}

/* Where a user says so, beside what runs, and where it was built for. */
static enum sc_status look_everywhere(struct search *s, struct sc_error *error)
{
    static const char *const roots[] = {
#ifdef SAFECONF_INSTALLED_MODELS
        SAFECONF_INSTALLED_MODELS,
#endif
#ifdef SAFECONF_SOURCE_MODELS
        SAFECONF_SOURCE_MODELS,
#endif
        NULL};
    const char *own = getenv("SAFECONF_MODELS");
    if (own != NULL && *own != '\0')
        SC_TRY(look_in(s, own, error));
    SC_TRY(look_beside_program(s, error));
    SC_TRY(look_beside_library(s, error));
    for (size_t i = 0; roots[i] != NULL; i++)
        SC_TRY(look_in(s, roots[i], error));
    return s->looked.failed ? sc_fail_nomem(error, "model") : SC_OK;
}

static enum sc_status find_bundled(struct search *s, struct sc_error *error)
{
    SC_TRY(look_everywhere(s, error));
    if (*s->folder != NULL)
        return SC_OK;
    if (sc_is_folder(s->name))
        return sc_foreign_folder(s->name, "config.json", error);
    return sc_fail(error, SC_ERR_IO,
                   "model \"%.100s\": no folder of that name, and no bundled model: looked for "
                   "%.420s",
                   s->name, s->looked.len > 0 ? s->looked.data : "no place");
}

static enum sc_status locate_bundled(const char *name, char **folder, struct sc_error *error)
{
    struct search search = {.name = name, .folder = folder};
    enum sc_status status = find_bundled(&search, error);
    if (status != SC_OK) {
        sc_free(*folder);
        *folder = NULL;
    }
    sc_text_free(&search.looked);
    return status;
}

/* ---- the local cache of a hub ---------------------------------------------------------------- */

/* The snapshot that a file below refs names. */
static enum sc_status read_commit(const char *path, char **commit, struct sc_error *error)
{
    size_t n = 0;
    SC_TRY(sc_file_read(path, REVISION_BYTES_MAX, commit, &n, error));
    (*commit)[strcspn(*commit, " \t\r\n")] = '\0';
    if (sc_is_plain_name(*commit))
        return SC_OK;
    sc_free(*commit);
    *commit = NULL;
    return sc_fail(error, SC_ERR_FORMAT, "%.300s: expected the name of a snapshot", path);
}

/* Adds the snapshot to the list of all that there are, and keeps its name. */
static enum sc_status add_snapshot(const char *snapshot, char **last, struct sc_text *list,
                                   struct sc_error *error)
{
    sc_text_printf(list, "%s%s", list->len > 0 ? ", " : "", snapshot);
    sc_free(*last);
    *last = sc_strdup(snapshot);
    return *last != NULL && !list->failed ? SC_OK : sc_fail_nomem(error, "model");
}

static enum sc_status list_snapshots(const char *snapshots, size_t *n, char **last,
                                     struct sc_text *list, struct sc_error *error)
{
    DIR *entries = opendir(snapshots);
    enum sc_status status = SC_OK;
    if (entries == NULL)
        return SC_OK;
    for (struct dirent *e = readdir(entries); e != NULL && status == SC_OK; e = readdir(entries))
        if (sc_is_plain_name(e->d_name)) {
            status = add_snapshot(e->d_name, last, list, error);
            (*n)++;
        }
    closedir(entries);
    return status;
}

/* The one snapshot, or what there is instead. */
static enum sc_status take_only_snapshot(const char *name, const char *snapshots, char **revision,
                                         struct sc_text *list, struct sc_error *error)
{
    size_t n = 0;
    SC_TRY(list_snapshots(snapshots, &n, revision, list, error));
    if (n == 1)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO,
                   "model \"%s\": %.250s: expected refs/main or one snapshot, found %zu%s%.200s",
                   name, snapshots, n, n > 0 ? ": " : "", n > 0 ? list->data : "");
}

/* Tools that fetch a revision by its number write no refs/main: the only snapshot is then the one.
 */
static enum sc_status find_only_snapshot(const char *name, const char *repository, char **revision,
                                         struct sc_error *error)
{
    char *snapshots = sc_path_join(repository, "snapshots");
    struct sc_text list = {0};
    if (snapshots == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = take_only_snapshot(name, snapshots, revision, &list, error);
    if (status != SC_OK) { /* the last of several is none */
        sc_free(*revision);
        *revision = NULL;
    }
    sc_text_free(&list);
    sc_free(snapshots);
    return status;
}

/* The snapshot of a revision: what refs/REVISION names, or the revision itself where it is a
 * commit. */
static enum sc_status choose_commit(const char *name, const char *repository, const char *revision,
                                    char **commit, struct sc_error *error)
{
    struct sc_text text = {0};
    sc_text_printf(&text, "%s/refs/%s", repository, revision != NULL ? revision : "main");
    char *path = sc_text_take(&text);
    if (path == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = SC_OK;
    if (sc_file_exists(path) && !sc_is_folder(path))
        status = read_commit(path, commit, error);
    else if (revision == NULL)
        status = find_only_snapshot(name, repository, commit, error);
    else if ((*commit = sc_strdup(revision)) == NULL)
        status = sc_fail_nomem(error, "model");
    sc_free(path);
    return status;
}

static enum sc_status expect_folder(const char *name, const char *folder, struct sc_error *error)
{
    bool found;
    SC_TRY(sc_folder_look(folder, &found, error));
    return found
               ? SC_OK
               : sc_fail(error, SC_ERR_IO, "model \"%s\": %.300s: expected a folder", name, folder);
}

/* The folder of a snapshot in a repository of the cache. */
static enum sc_status find_snapshot(const char *name, const char *repository, const char *revision,
                                    char **folder, struct sc_error *error)
{
    char *snapshots = sc_path_join(repository, "snapshots");
    *folder = snapshots != NULL ? sc_path_join(snapshots, revision) : NULL;
    sc_free(snapshots);
    if (*folder == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = expect_folder(name, *folder, error);
    if (status != SC_OK) {
        sc_free(*folder);
        *folder = NULL;
    }
    return status;
}

static enum sc_status locate_in_repository(const char *name, const char *repository,
                                           const char *revision, char **folder,
                                           struct sc_error *error)
{
    char *commit = NULL;
    SC_TRY(choose_commit(name, repository, revision, &commit, error));
    enum sc_status status = find_snapshot(name, repository, commit, folder, error);
    sc_free(commit);
    return status;
}

/* A folder on the disk: a model, or a repository of the cache with its snapshots and no model
 * beside them; *located stays false where a bare name's folder holds neither. */
static enum sc_status locate_folder(const char *name, bool *located, char **folder,
                                    struct sc_error *error)
{
    bool model, repository;
    SC_TRY(look_for_model(name, &model, error));
    char *snapshots = sc_path_join(name, "snapshots");
    if (snapshots == NULL)
        return sc_fail_nomem(error, "model");
    enum sc_status status = sc_folder_look(snapshots, &repository, error);
    sc_free(snapshots);
    SC_TRY(status);
    *located = model || repository || !sc_is_plain_name(name);
    if (!model && repository)
        return locate_in_repository(name, name, NULL, folder, error);
    if (*located && (*folder = sc_strdup(name)) == NULL)
        return sc_fail_nomem(error, "model");
    return SC_OK;
}

/* cache: NULL: there is none. */
static enum sc_status locate_in_cache(const char *text, const char *cache, const char *repository,
                                      const char *revision, char **folder, struct sc_error *error)
{
    bool found = false;
    if (repository == NULL)
        return sc_fail_nomem(error, "model");
    if (cache != NULL)
        SC_TRY(sc_folder_look(repository, &found, error));
    if (!found)
        return sc_fail(error, SC_ERR_IO,
                       "model \"%s\": no such folder, and not in the local cache: looked for "
                       "%.300s",
                       text, cache != NULL ? repository : "HF_HUB_CACHE, HF_HOME and HOME");
    return locate_in_repository(text, repository, revision, folder, error);
}

static enum sc_status locate_cached(const char *text, const struct sc_hub_name *name, char **folder,
                                    struct sc_error *error)
{
    char *cache = NULL;
    SC_TRY(sc_hub_cache(&cache, error));
    char *repository = sc_hub_repository(cache != NULL ? cache : ".", name);
    enum sc_status status = locate_in_cache(text, cache, repository, name->revision, folder, error);
    sc_free(repository);
    sc_free(cache);
    return status;
}

/* What is no path of the disk: a bundled model or one of the cache. */
static enum sc_status locate_named(const char *name, char **folder, struct sc_error *error)
{
    struct sc_hub_name hub;
    if (sc_is_plain_name(name))
        return locate_bundled(name, folder, error);
    if (sc_hub_name_read(name, &hub))
        return locate_cached(name, &hub, folder, error);
    char shown[SC_LONGEST_SHOWN_URL];
    return sc_fail(error, SC_ERR_IO, "model \"%.400s\": no such folder",
                   sc_name_shown(name, shown));
}

/* A bare name such as "demo" means a folder only when a model is in it, so that a folder that
 * happens to be called so does not hide the bundled model.  A path that cannot be looked at may
 * still be such a name, as in a current folder that is another's; where it is none, why it could
 * not is what there is to say. */
enum sc_status sc_model_locate(const char *name, char **folder, struct sc_error *error)
{
    if (name == NULL || folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "model: expected a name and where to put its folder");
    struct sc_error unseen = {0};
    bool is_folder, is_file = false, located = false;
    *folder = NULL;
    if (name[0] == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected a folder or a name, found none");
    sc_folder_look(name, &is_folder, &unseen);
    if (is_folder)
        SC_TRY(locate_folder(name, &located, folder, error));
    if (located)
        return SC_OK;
    if (!is_folder && unseen.status == SC_OK)
        sc_file_look(name, &is_file, &unseen);
    if (is_file)
        return sc_foreign_file(name, error);
    enum sc_status status = locate_named(name, folder, unseen.status == SC_OK ? error : NULL);
    if (status == SC_OK || unseen.status == SC_OK)
        return status;
    return sc_fail(error, unseen.status, "model %s", unseen.text);
}
