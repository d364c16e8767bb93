/* Cores and memory (system.h).  The control groups are walked in one place, walk_groups. */
#include "base/system.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_PATH = PATH_MAX + 64 };

/* ---- files of the kernel --------------------------------------------------------------------- */

/* The first line that begins with `key`, without the key and its end; false when there is none. */
static bool read_line(const char *folder, const char *name, const char *key, char *rest, int size)
{
    char path[LONGEST_PATH], line[256];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t length = strlen(key);
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, key, length) == 0;
    fclose(file);
    if (found)
        snprintf(rest, (size_t)size, "%.*s", (int)strcspn(line + length, "\n"), line + length);
    return found;
}

/* The number behind `key`, times unit; SIZE_MAX when there is none. */
static size_t read_bytes(const char *folder, const char *name, const char *key, size_t unit)
{
    char rest[256];
    uint64_t value;
    if (!read_line(folder, name, key, rest, sizeof rest) ||
        sscanf(rest, " %" SCNu64, &value) != 1 || value >= SIZE_MAX / unit)
        return SIZE_MAX;
    return (size_t)value * unit;
}

/* ---- control groups -------------------------------------------------------------------------- */

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The quota in cores that a group's own files name; 0: none. */
static double group_quota(const char *folder, bool version2)
{
    char line[256];
    double quota = 0, period = 0;
    if (version2) { /* "max 100000" is not a quota */
        if (!read_line(folder, "cpu.max", "", line, sizeof line) ||
            sscanf(line, "%lf %lf", &quota, &period) != 2)
            return 0;
    } else {
        if (!read_line(folder, "cpu.cfs_quota_us", "", line, sizeof line))
            return 0;
        quota = strtod(line, NULL);
        if (!read_line(folder, "cpu.cfs_period_us", "", line, sizeof line))
            return 0;
        period = strtod(line, NULL);
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* What is left of a group's own limit; SIZE_MAX: it has none. */
static size_t group_memory(const char *folder, bool version2)
{
    size_t limit = read_bytes(folder, version2 ? "memory.max" : "memory.limit_in_bytes", "", 1);
    /* Version 1 writes "no limit" as a number near 2^63. */
    if (limit >= (size_t)1 << 60)
        return SIZE_MAX;
    size_t used = read_bytes(folder, version2 ? "memory.current" : "memory.usage_in_bytes", "", 1);
    if (used == SIZE_MAX)
        return limit;
    size_t reclaimable =
        read_bytes(folder, "memory.stat", version2 ? "inactive_file " : "total_inactive_file ", 1);
    if (reclaimable != SIZE_MAX)
        used -= min_size(used, reclaimable);
    return limit > used ? limit - used : 0;
}

/* Which of the limits a hierarchy of groups has. */
struct hierarchy {
    const char *mount;
    bool version2, cores, memory;
};

/* A group and all around it, up to the mount. */
static void walk_groups(const struct hierarchy *h, const char *group, struct sc_group_limits *out)
{
    char folder[PATH_MAX];
    if ((size_t)snprintf(folder, sizeof folder, "%s%s", h->mount,
                         strcmp(group, "/") == 0 ? "" : group) >= sizeof folder)
        return;
    size_t mount_length = strlen(h->mount);
    for (;;) {
        double quota = h->cores ? group_quota(folder, h->version2) : 0;
        if (quota > 0 && (out->cores <= 0 || quota < out->cores))
            out->cores = quota;
        if (h->memory)
            out->memory_left = min_size(out->memory_left, group_memory(folder, h->version2));
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < mount_length)
            return;
        *slash = '\0';
    }
}

/* Whether `names`, separated by commas, holds `name`. */
static bool names_hold(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; *at != '\0';) {
        size_t n = strcspn(at, ",");
        if (n == length && memcmp(at, name, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* A line of /proc/self/cgroup, "ID:CONTROLLERS:GROUP"; version 2 has no controllers there. */
static void read_membership(char *line, const char *cgroup, struct sc_group_limits *out)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (group == NULL || group[1] != '/')
        return;
    controllers++;
    *group++ = '\0';
    if (*controllers == '\0') {
        struct hierarchy h = {.mount = cgroup, .version2 = true, .cores = true, .memory = true};
        walk_groups(&h, group, out);
        return;
    }
    static const char *const known[] = {"cpu", "memory"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char mount[PATH_MAX];
        if (!names_hold(controllers, known[i]) ||
            (size_t)snprintf(mount, sizeof mount, "%s/%s", cgroup, known[i]) >= sizeof mount)
            continue;
        struct hierarchy h = {.mount = mount, .cores = i == 0, .memory = i == 1};
        walk_groups(&h, group, out);
    }
}

struct sc_group_limits sc_group_limits_in(const char *proc, const char *cgroup)
{
    assert(proc != NULL && cgroup != NULL);
    struct sc_group_limits out = {.cores = 0, .memory_left = SIZE_MAX};
    char path[LONGEST_PATH], line[LONGEST_PATH];
    if ((size_t)snprintf(path, sizeof path, "%s/self/cgroup", proc) >= sizeof path)
        return out;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return out;
    while (fgets(line, sizeof line, file) != NULL)
        read_membership(line, cgroup, &out);
    fclose(file);
    return out;
}

/* ---- memory ---------------------------------------------------------------------------------- */

size_t sc_available_memory_in(const char *proc, const char *cgroup)
{
    size_t left = min_size(read_bytes(proc, "meminfo", "MemAvailable:", 1024),
                           sc_group_limits_in(proc, cgroup).memory_left);
    return left == SIZE_MAX ? (size_t)1 << 30 : left; /* nothing known: a modest machine */
}

size_t sc_available_memory(void)
{
    return sc_available_memory_in("/proc", "/sys/fs/cgroup");
}

/* ---- cores ----------------------------------------------------------------------------------- */

static int affinity_cores(void)
{
    for (int n_cpus = 1024; n_cpus <= 1 << 16; n_cpus *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)n_cpus);
        if (set == NULL)
            return 1;
        size_t bytes = CPU_ALLOC_SIZE((size_t)n_cpus);
        bool known = sched_getaffinity(0, bytes, set) == 0;
        int n = known ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (known)
            return n > 0 ? n : 1;
    }
    return 1;
}

int sc_available_cores(void)
{
    int cores = affinity_cores();
    double quota = sc_group_limits_in("/proc", "/sys/fs/cgroup").cores;
    if (quota > 0 && quota < (double)cores)
        cores = (int)quota; /* rounded down: a thread above the quota stops all of them */
    return cores > 0 ? cores : 1;
}
