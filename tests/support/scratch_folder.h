/* One folder of a process for files that a reader opens by name, removed when the process ends: for
 * fuzzers, which write the same few files again and again. */
#ifndef TEST_SUPPORT_SCRATCH_FOLDER_H
#define TEST_SUPPORT_SCRATCH_FOLDER_H

#include <stddef.h>

/* Its path; made at the first call, in memory where the system has such a place.  Aborts where it
 * cannot be made. */
const char *scratch_folder(void);
/* The path of a file in it; valid until the next call. */
const char *scratch_path(const char *name);
/* Writes a file of it anew.  Aborts where it cannot. */
void scratch_write(const char *name, const void *bytes, size_t n);
/* Removes a file of it, if it is there. */
void scratch_remove(const char *name);

#endif
