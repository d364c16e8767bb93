/* Folders of the user's own, by the variables that name them. */
#ifndef SC_BASE_PLACES_H
#define SC_BASE_PLACES_H

#include "base/error.h"

enum { SC_MOST_BENCHMARK_FOLDERS = 3 };

/* Where benchmarks lie, each in a folder of its name, in the order in which they are looked for:
 * $SAFECONF_DATA, $XDG_DATA_HOME/safeconf/benchmarks, ~/.local/share/safeconf/benchmarks, of these
 * what is set.  What is fetched goes to the first.  sc_free each of the *n. */
enum sc_status sc_benchmark_folders(char *folders[SC_MOST_BENCHMARK_FOLDERS], size_t *n,
                                    struct sc_error *error);

#endif
