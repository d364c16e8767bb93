/* See hub_cache.h. */
#include "base/hub_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { LONGEST_NAME = 200 };

static const char *set_in_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A path with "~" at its beginning for HOME. */
static char *expand(const char *path)
{
    const char *home = set_in_environment("HOME");
    if (path[0] != '~' || (path[1] != '/' && path[1] != '\0') || home == NULL)
        return sc_strdup(path);
    return path[1] == '\0' ? sc_strdup(home) : sc_path_join(home, path + 2);
}

static char *expand_and_join(const char *path, const char *inside)
{
    char *folder = expand(path);
    char *joined = folder != NULL ? sc_path_join(folder, inside) : NULL;
    sc_free(folder);
    return joined;
}

static enum sc_status made(char *path, char **out, struct sc_error *error)
{
    *out = path;
    return path != NULL ? SC_OK : sc_fail_nomem(error, "cache of the hub");
}

enum sc_status sc_hub_home(char **out, struct sc_error *error)
{
    *out = NULL;
    const char *home = set_in_environment("HF_HOME"), *cache = set_in_environment("XDG_CACHE_HOME");
    if (home != NULL)
        return made(expand(home), out, error);
    if (cache != NULL)
        return made(expand_and_join(cache, "huggingface"), out, error);
    home = set_in_environment("HOME");
    return home != NULL ? made(sc_path_join(home, ".cache/huggingface"), out, error) : SC_OK;
}

enum sc_status sc_hub_cache(char **out, struct sc_error *error)
{
    const char *cache = set_in_environment("HF_HUB_CACHE");
    if (cache == NULL)
        cache = set_in_environment("HUGGINGFACE_HUB_CACHE");
    if (cache != NULL)
        return made(expand(cache), out, error);
    char *home = NULL;
    *out = NULL;
    SC_TRY(sc_hub_home(&home, error));
    enum sc_status status = home != NULL ? made(sc_path_join(home, "hub"), out, error) : SC_OK;
    sc_free(home);
    return status;
}

/* ---- names ----------------------------------------------------------------------------------- */

static size_t count_name_chars(const char *text)
{
    size_t n = 0;
    while (sc_is_name_char(text[n]))
        n++;
    return n;
}

bool sc_hub_revision_fits(const char *revision)
{
    if (strlen(revision) > LONGEST_NAME)
        return false;
    for (const char *part = revision;;) {
        size_t n = count_name_chars(part);
        if (n == 0 || part[0] == '.')
            return false;
        if (part[n] == '\0')
            return true;
        if (part[n] != '/')
            return false;
        part += n + 1;
    }
}

bool sc_hub_name_read(const char *text, struct sc_hub_name *out)
{
    *out = (struct sc_hub_name){.owner = text, .n_owner = count_name_chars(text)};
    if (text[out->n_owner] != '/')
        return false;
    out->model = text + out->n_owner + 1;
    out->n_model = count_name_chars(out->model);
    const char *end = out->model + out->n_model;
    if (*end == '@')
        out->revision = end + 1;
    return out->n_owner > 0 && text[0] != '.' && out->n_model > 0 && out->model[0] != '.' &&
           (size_t)(end - text) <= LONGEST_NAME &&
           (*end == '\0' || (*end == '@' && sc_hub_revision_fits(out->revision)));
}

char *sc_hub_repository(const char *cache, const struct sc_hub_name *name)
{
    struct sc_text path = {0};
    sc_text_printf(&path, "%s/models--%.*s--%.*s", cache, (int)name->n_owner, name->owner,
                   (int)name->n_model, name->model);
    return sc_text_take(&path);
}

const char *sc_hub_snapshot_commit(const char *folder)
{
    static const char between[] = "/snapshots/";
    size_t n;
    const char *last = sc_path_last(folder, &n);
    const size_t n_between = sizeof between - 1;
    if (n == 0 || last[n] != '\0' || (size_t)(last - folder) < n_between ||
        memcmp(last - n_between, between, n_between) != 0)
        return NULL;
    const char *repository = last - n_between;
    while (repository > folder && repository[-1] != '/')
        repository--;
    return strncmp(repository, "models--", strlen("models--")) == 0 ? last : NULL;
}
