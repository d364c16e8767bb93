/* See room.h. */
#include "hub/room.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/memory.h"

/* The nearest folder above a path that is there; NULL where memory is out. */
static char *nearest_folder(const char *path)
{
    char *folder = sc_strdup(path);
    while (folder != NULL) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash == folder) {
            const char *top = slash == NULL ? "." : "/";
            sc_free(folder);
            return sc_strdup(top);
        }
        *slash = '\0';
        if (sc_is_folder(folder))
            return folder;
    }
    return NULL;
}

struct disk {
    char *folder; /* one that lies on it */
    dev_t device;
    double needed, room; /* bytes */
};

static enum sc_status add_need(struct disk *disks, size_t *n, const struct sc_room_need *need,
                               struct sc_error *error)
{
    struct stat info;
    struct statvfs space;
    char *folder = nearest_folder(need->path);
    if (folder == NULL)
        return sc_fail_nomem(error, "room on the disk");
    if (stat(folder, &info) != 0 || statvfs(folder, &space) != 0) {
        sc_free(folder);
        return SC_OK;
    }
    size_t i = 0;
    while (i < *n && disks[i].device != info.st_dev)
        i++;
    if (i == *n)
        disks[(*n)++] = (struct disk){.folder = folder,
                                      .device = info.st_dev,
                                      .room = (double)space.f_bavail * (double)space.f_frsize};
    else
        sc_free(folder);
    disks[i].needed += (double)need->bytes;
    return SC_OK;
}

static enum sc_status check(struct disk *disks, size_t *n_disks, const struct sc_room_need *needs,
                            size_t n, struct sc_error *error)
{
    for (size_t i = 0; i < n; i++)
        SC_TRY(add_need(disks, n_disks, &needs[i], error));
    for (size_t i = 0; i < *n_disks; i++)
        if (disks[i].needed > disks[i].room)
            return sc_fail(error, SC_ERR_IO,
                           "%.300s: expected room for %.6g MB on this disk, found %.6g MB",
                           disks[i].folder, disks[i].needed / 1e6, disks[i].room / 1e6);
    return SC_OK;
}

enum sc_status sc_room_check(const struct sc_room_need *needs, size_t n, struct sc_error *error)
{
    size_t n_disks = 0;
    struct disk *disks = sc_alloc_zero(n, sizeof *disks);
    if (disks == NULL)
        return sc_fail_nomem(error, "room on the disk");
    enum sc_status status = check(disks, &n_disks, needs, n, error);
    for (size_t i = 0; i < n_disks; i++)
        sc_free(disks[i].folder);
    sc_free(disks);
    return status;
}
