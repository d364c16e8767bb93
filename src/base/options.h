/* Structs of options that may grow: what a caller gives is laid over the library's defaults. */
#ifndef SC_BASE_OPTIONS_H
#define SC_BASE_OPTIONS_H

#include "base/error.h"

/* Copies the first `size` bytes of given over *all, which holds the defaults in known_size bytes
 * and says that size in its first member, a size_t.  A size of 0 (no defaults function was asked)
 * or beyond known_size (the caller was built for a newer library) is SC_ERR_ARGUMENT. */
enum sc_status sc_options_take(void *all, size_t known_size, const void *given, size_t size,
                               const char *where, struct sc_error *error);

#endif
