/* See folders.h. */
#include "report/verify/folders.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { MOST_DEPTH = 4 }; /* a suite's phase, its run, and that one's shards */

static enum sc_status add(struct sc_folders *folders, const char *path, struct sc_error *error)
{
    if (sc_grow((void **)&folders->paths, folders->n, &folders->cap, sizeof *folders->paths) != 0)
        return sc_fail_nomem(error, path);
    folders->paths[folders->n] = sc_strdup(path);
    if (folders->paths[folders->n] == NULL)
        return sc_fail_nomem(error, path);
    folders->n++;
    return SC_OK;
}

static enum sc_status look(struct sc_folders *folders, const char *path, int depth,
                           struct sc_error *error);

/* A symbolic link may lead anywhere, so none is followed; "merging" is a merge under way. */
static enum sc_status look_at_entry(struct sc_folders *folders, const char *path,
                                    const struct dirent *entry, int depth, struct sc_error *error)
{
    if (entry->d_name[0] == '.' || entry->d_type == DT_LNK || strcmp(entry->d_name, "merging") == 0)
        return SC_OK;
    char *inner = sc_path_join(path, entry->d_name);
    if (inner == NULL)
        return sc_fail_nomem(error, path);
    bool found;
    enum sc_status status = sc_folder_look(inner, &found, error);
    if (found)
        status = look(folders, inner, depth + 1, error);
    sc_free(inner);
    return status;
}

static enum sc_status look_inside(struct sc_folders *folders, const char *path, int depth,
                                  struct sc_error *error)
{
    enum sc_status status = SC_OK;
    const struct dirent *entry = NULL;
    DIR *all = opendir(path);
    if (all == NULL)
        return sc_fail(error, SC_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    while (status == SC_OK && (entry = readdir(all)) != NULL)
        status = look_at_entry(folders, path, entry, depth, error);
    closedir(all);
    return status;
}

static enum sc_status look(struct sc_folders *folders, const char *path, int depth,
                           struct sc_error *error)
{
    char *file = sc_path_join(path, "run.db");
    if (file == NULL)
        return sc_fail_nomem(error, path);
    bool found;
    enum sc_status status = sc_file_look(file, &found, error);
    if (found)
        status = add(folders, path, error);
    sc_free(file);
    SC_TRY(status);
    return depth < MOST_DEPTH ? look_inside(folders, path, depth, error) : SC_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum sc_status sc_folders_find(struct sc_folders *folders, const char *folder,
                               struct sc_error *error)
{
    bool found;
    SC_TRY(sc_folder_look(folder, &found, error));
    if (!found)
        return sc_fail(error, SC_ERR_IO, "%s: expected the folder of a run or of several", folder);
    SC_TRY(look(folders, folder, 0, error));
    if (folders->n == 0)
        return sc_fail(error, SC_ERR_IO, "%s: expected the folder of a run, found no run.db",
                       folder);
    qsort(folders->paths, folders->n, sizeof *folders->paths, by_name);
    return SC_OK;
}

void sc_folders_free(struct sc_folders *folders)
{
    for (size_t i = 0; i < folders->n; i++)
        sc_free(folders->paths[i]);
    sc_free(folders->paths);
    *folders = (struct sc_folders){0};
}
