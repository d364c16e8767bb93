/* See keys.h. */
#include "base/keys.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"

bool sc_is_key_variable(const char *setting)
{
    static const char *const ends[] = {"KEY", "TOKEN", "SECRET", "PASSWORD"};
    size_t length = strcspn(setting, "=");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (length >= n && strncasecmp(setting + length - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

char **sc_environment_without_keys(void)
{
    size_t n = 0, n_kept = 0;
    while (environ != NULL && environ[n] != NULL)
        n++;
    char **out = sc_alloc_zero(n + 1, sizeof *out);
    for (size_t i = 0; out != NULL && i < n; i++)
        if (!sc_is_key_variable(environ[i]))
            out[n_kept++] = environ[i];
    return out;
}
