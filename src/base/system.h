/*
 * What this machine has for this process: cores (its affinity and the quotas of its control groups)
 * and memory (what the kernel calls available and what is left of the limits of those groups).
 */
#ifndef SC_BASE_SYSTEM_H
#define SC_BASE_SYSTEM_H

#include <stddef.h>

/* At least 1. */
int sc_available_cores(void);
/* Bytes that this process may still take; 1 GiB where nothing is known. */
size_t sc_available_memory(void);

/* What control groups (version 1 or 2) leave a process: the smallest over its groups and all that
 * are around them. */
struct sc_group_limits {
    double cores;       /* quota of processor time; 0: none */
    size_t memory_left; /* bytes, clean pages of files counted as free; SIZE_MAX: no limit */
};

/* The same with other places for /proc and /sys/fs/cgroup. */
struct sc_group_limits sc_group_limits_in(const char *proc, const char *cgroup);
size_t sc_available_memory_in(const char *proc, const char *cgroup);

#endif
