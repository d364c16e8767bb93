/* See keys.h. */
#include "base/keys.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"

bool sc_is_key_variable(const char *setting)
{
    static const char *const ends[] = {"KEY",    "TOKEN",      "SECRET",     "PASSWORD",
                                       "PASSWD", "PASSPHRASE", "CREDENTIALS"};
    size_t length = strcspn(setting, "=");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (length >= n && strncasecmp(setting + length - n, ends[i], n) == 0)
            return true;
    }
    return false;
}

const char *sc_key_variable_shown(const char *name)
{
    static const char spelling[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    enum { LONGEST_NAME = 60 };
    size_t n = strlen(name);
    bool usual = n <= LONGEST_NAME && strspn(name, spelling) == n && strchr(name, '_') != NULL;
    return usual ? name : "that it names (not shown: that may be the key itself)";
}

const char *sc_url_shown(const char *url, char shown[SC_LONGEST_SHOWN_URL])
{
    const char *scheme = strstr(url, "://"), *at = strrchr(url, '@');
    int n_scheme = scheme != NULL && (at == NULL || scheme < at) ? (int)(scheme - url) + 3 : 0;
    const char *host = at != NULL ? at : url + n_scheme;
    size_t n = strcspn(host, "?#");

    snprintf(shown, SC_LONGEST_SHOWN_URL, "%.*s%s%.*s%s", n_scheme < 20 ? n_scheme : 20, url,
             at != NULL ? "..." : "", n < 150 ? (int)n : 150, host, host[n] != '\0' ? "?..." : "");
    return shown;
}

const char *sc_name_shown(const char *name, char shown[SC_LONGEST_SHOWN_URL])
{
    return strchr(name, ':') != NULL ? sc_url_shown(name, shown) : name;
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
