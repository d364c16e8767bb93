/* See options.h. */
#include "base/options.h"

#include <assert.h>
#include <string.h>

enum sc_status sc_options_take(void *all, size_t known_size, const void *given, size_t size,
                               const char *where, struct sc_error *error)
{
    assert(all != NULL && given != NULL && known_size >= sizeof(size_t));
    if (size < sizeof size || size > known_size)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: size of the options: expected that of the defaults function (%zu, or "
                       "less from an older header), found %zu",
                       where, known_size, size);
    memcpy(all, given, size);
    memcpy(all, &known_size, sizeof known_size);
    return SC_OK;
}
