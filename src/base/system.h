/* What this machine has for this process: memory and, through its control groups, limits. */
#ifndef SC_BASE_SYSTEM_H
#define SC_BASE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes available to this process (MemAvailable, cgroup limit). */
size_t sc_available_memory(void);
/* sc_available_memory with other places for /proc and /sys/fs/cgroup. */
size_t sc_available_memory_in(const char *proc, const char *cgroup);

#endif
