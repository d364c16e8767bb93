/*
 * Memory that this process may still take: what the kernel says is available, and what is left of
 * the limits of its control groups (version 2, and 1's memory controller).
 */
#include "base/system.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number after `key` at the start of a line, times unit; SIZE_MAX when it is not there. */
static size_t read_field(const char *path, const char *key, size_t unit)
{
    FILE *file = fopen(path, "r");
    size_t found = SIZE_MAX, length = strlen(key);
    char line[256];
    uint64_t value;

    if (file == NULL)
        return SIZE_MAX;
    while (found == SIZE_MAX && fgets(line, sizeof line, file) != NULL)
        if (!strncmp(line, key, length) && sscanf(line + length, " %" SCNu64, &value) == 1 &&
            value < SIZE_MAX / unit)
            found = (size_t)value * unit;
    fclose(file);
    return found;
}

/* What a control group has left: its limit less what it holds, of which clean file pages do not
 * count.  SIZE_MAX: no limit. */
static size_t group_left(const char *folder, const char *limit_name, const char *used_name,
                         const char *reclaimable_key)
{
    char path[PATH_MAX + 32];
    size_t limit, used, reclaimable;

    snprintf(path, sizeof path, "%s/%s", folder, limit_name);
    limit = read_field(path, "", 1);
    /* Version 1 writes "no limit" as a number near 2^63. */
    if (limit >= (size_t)1 << 60)
        return SIZE_MAX;
    snprintf(path, sizeof path, "%s/%s", folder, used_name);
    used = read_field(path, "", 1);
    if (used == SIZE_MAX)
        return limit;
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    reclaimable = read_field(path, reclaimable_key, 1);
    if (reclaimable != SIZE_MAX)
        used -= min_size(used, reclaimable);
    return limit > used ? limit - used : 0;
}

/* A group and all above it, up to the mount. */
static size_t groups_left(const char *mount, const char *group, bool version2)
{
    char folder[PATH_MAX];
    size_t left = SIZE_MAX, mount_length = strlen(mount);

    if ((size_t)snprintf(folder, sizeof folder, "%s%s", mount, group) >= sizeof folder)
        return SIZE_MAX;
    for (;;) {
        char *slash;

        left = min_size(
            left, version2 ? group_left(folder, "memory.max", "memory.current", "inactive_file ")
                           : group_left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes",
                                        "total_inactive_file "));
        slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < mount_length)
            return left;
        *slash = 0;
    }
}

size_t sc_available_memory_in(const char *proc, const char *cgroup)
{
    char path[PATH_MAX], line[PATH_MAX];
    size_t left;
    FILE *file;

    snprintf(path, sizeof path, "%s/meminfo", proc);
    left = read_field(path, "MemAvailable:", 1024);
    snprintf(path, sizeof path, "%s/self/cgroup", proc);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *group = strchr(line, ':'), *controllers = group != NULL ? group + 1 : NULL;

        group = controllers != NULL ? strchr(controllers, ':') : NULL;
        if (group == NULL)
            continue;
        *group++ = 0;
        group[strcspn(group, "\n")] = 0;
        if (!strcmp(group, "/"))
            *group = 0;
        if (!*controllers) {
            left = min_size(left, groups_left(cgroup, group, true));
        } else if (strstr(controllers, "memory") != NULL) {
            char mount[PATH_MAX];

            if ((size_t)snprintf(mount, sizeof mount, "%s/memory", cgroup) < sizeof mount)
                left = min_size(left, groups_left(mount, group, false));
        }
    }
    if (file != NULL)
        fclose(file);
    /* Nothing known: a modest machine. */
    return left == SIZE_MAX ? (size_t)1 << 30 : left;
}

size_t sc_available_memory(void)
{
    return sc_available_memory_in("/proc", "/sys/fs/cgroup");
}
