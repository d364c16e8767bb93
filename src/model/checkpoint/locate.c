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
#include "base/memory.h"
#include "base/text.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/foreign.h"

#define REVISION_BYTES_MAX 256

/* A folder with a model or a tokenizer in it. */
static bool holds_model(const char *folder)
{
    static const char *const files[] = {"config.json", "tokenizer.json"};
    bool found = false;
    for (size_t i = 0; !found && i < sizeof files / sizeof files[0]; i++) {
        char *path = sc_path_join(folder, files[i]);

        found = path != NULL && sc_file_exists(path);
        sc_free(path);
    }
    return found;
}

/* The model inside `root`; 1 found, 0 missing, -1 out of memory.  Adds the path to `looked`. */
static int look_in(const char *root, const char *name, char **folder, struct sc_text *looked)
{
    char *path = sc_path_join(root, name);

    if (path == NULL)
        return -1;
    if (holds_model(path)) {
        *folder = path;
        return 1;
    }
    sc_text_printf(looked, "%s%s", looked->len > 0 ? ", " : "", path);
    sc_free(path);
    return 0;
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
static int look_beside(const char *file, const struct beside *place, const char *name,
                       char **folder, struct sc_text *looked)
{
    size_t n = strlen(file);
    for (size_t up = 0; up <= place->n_up && n > 0; up++)
        do
            n--;
        while (n > 0 && file[n] != '/');
    struct sc_text root = {0};
    sc_text_add(&root, file, n);
    sc_text_printf(&root, "/%s", place->path);
    int found = root.failed ? -1 : look_in(root.data, name, folder, looked);
    sc_text_free(&root);
    return found;
}

static int look_beside_program(const char *name, char **folder, struct sc_text *looked)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    int found = 0;
    if (n <= 0 || (size_t)n >= sizeof exe - 1)
        return 0;
    exe[n] = '\0';
    for (size_t i = 0; found == 0 && i < sizeof beside_program / sizeof *beside_program; i++)
        found = look_beside(exe, &beside_program[i], name, folder, looked);
    return found;
}

/* The file that this code was loaded from: the shared library, or a program that holds all of it.
 * One that was named from the current folder may be elsewhere by now. */
static int look_beside_library(const char *name, char **folder, struct sc_text *looked)
{
    static const char here = 0;
    Dl_info library;
    int found = 0;
    if (dladdr(&here, &library) == 0 || library.dli_fname == NULL || library.dli_fname[0] != '/')
        return 0;
    for (size_t i = 0; found == 0 && i < sizeof beside_library / sizeof *beside_library; i++)
        found = look_beside(library.dli_fname, &beside_library[i], name, folder, looked);
    return found;
}

/* Where a user says so, beside what runs, and where it was built for. */
static int look_everywhere(const char *name, char **folder, struct sc_text *looked)
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
    int found = own != NULL && *own != '\0' ? look_in(own, name, folder, looked) : 0;
    if (found == 0)
        found = look_beside_program(name, folder, looked);
    if (found == 0)
        found = look_beside_library(name, folder, looked);
    for (size_t i = 0; found == 0 && roots[i] != NULL; i++)
        found = look_in(roots[i], name, folder, looked);
    return found;
}

static enum sc_status locate_bundled(const char *name, char **folder, struct sc_error *error)
{
    struct sc_text looked = {0};
    enum sc_status status = SC_OK;
    int found = look_everywhere(name, folder, &looked);

    if (found < 0 || looked.failed) {
        status = sc_fail_nomem(error, "model");
    } else if (found == 0 && sc_is_folder(name)) {
        status = sc_foreign_folder(name, "config.json", error);
    } else if (found == 0) {
        status =
            sc_fail(error, SC_ERR_IO,
                    "model \"%.100s\": no folder of that name, and no bundled model: looked for "
                    "%.420s",
                    name, looked.len > 0 ? looked.data : "no place");
    }
    if (status != SC_OK) {
        sc_free(*folder);
        *folder = NULL;
    }
    sc_text_free(&looked);
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

/* The folder of a snapshot in a repository of the cache. */
static enum sc_status find_snapshot(const char *name, const char *repository, const char *revision,
                                    char **folder, struct sc_error *error)
{
    char *snapshots = sc_path_join(repository, "snapshots");
    *folder = snapshots != NULL ? sc_path_join(snapshots, revision) : NULL;
    sc_free(snapshots);
    if (*folder == NULL)
        return sc_fail_nomem(error, "model");
    if (sc_is_folder(*folder))
        return SC_OK;
    sc_fail(error, SC_ERR_IO, "model \"%s\": %.300s: expected a folder", name, *folder);
    sc_free(*folder);
    *folder = NULL;
    return SC_ERR_IO;
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

/* A repository of the cache, named as a folder: snapshots, and no model beside them. */
static bool is_repository(const char *name)
{
    if (!sc_is_folder(name) || holds_model(name))
        return false;
    char *snapshots = sc_path_join(name, "snapshots");
    const bool found = snapshots != NULL && sc_is_folder(snapshots);
    sc_free(snapshots);
    return found;
}

static enum sc_status locate_cached(const char *text, const struct sc_hub_name *name, char **folder,
                                    struct sc_error *error)
{
    char *cache = sc_hub_cache(),
         *repository = sc_hub_repository(cache != NULL ? cache : ".", name);
    enum sc_status status;
    if (repository == NULL)
        status = sc_fail_nomem(error, "model");
    else if (cache == NULL || !sc_is_folder(repository))
        status = sc_fail(error, SC_ERR_IO,
                         "model \"%s\": no such folder, and not in the local cache: looked for "
                         "%.300s",
                         text, cache != NULL ? repository : "HF_HUB_CACHE, HF_HOME and HOME");
    else
        status = locate_in_repository(text, repository, name->revision, folder, error);
    sc_free(repository);
    sc_free(cache);
    return status;
}

/* A bare name such as "demo" means a folder only when a model is in it, so that a folder that
 * happens to be called so does not hide the bundled model. */
enum sc_status sc_model_locate(const char *name, char **folder, struct sc_error *error)
{
    if (name == NULL || folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "model: expected a name and where to put its folder");
    struct sc_hub_name hub;
    bool bare = sc_is_plain_name(name);
    *folder = NULL;
    if (name[0] == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected a folder or a name, found none");
    if (is_repository(name))
        return locate_in_repository(name, name, NULL, folder, error);
    if (sc_is_folder(name) && (!bare || holds_model(name))) {
        *folder = sc_strdup(name);
        return *folder != NULL ? SC_OK : sc_fail_nomem(error, "model");
    }
    if (sc_file_exists(name) && !sc_is_folder(name))
        return sc_foreign_file(name, error);
    if (bare)
        return locate_bundled(name, folder, error);
    if (sc_hub_name_read(name, &hub))
        return locate_cached(name, &hub, folder, error);
    return sc_fail(error, SC_ERR_IO, "model \"%.400s\": no such folder", name);
}
